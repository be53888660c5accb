#include "dsmpi/io.h"

#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dsmpi/memory.h"

/* More than any screen; what is larger is a mistake in the number of samples. */
enum { SIDE_MAX = 32768 };

dsm_status dsm_picture_create(size_t width, size_t height, const unsigned char background[3],
                              dsm_picture *picture) {
  *picture = (dsm_picture){0};
  if (width < 1 || height < 1 || width > SIDE_MAX || height > SIDE_MAX)
    DSM_FAIL(DSM_USAGE,
             "a picture of %zu x %zu pixels cannot be made (at most %d each way); choose fewer samples",
             width, height, (int)SIDE_MAX);
  DSM_TRY(DSM_ALLOC(width * height * 3, &picture->rgb));
  picture->width = width;
  picture->height = height;
  for (size_t i = 0; i < width * height; i++) memcpy(picture->rgb + 3 * i, background, 3);
  return DSM_OK;
}

void dsm_picture_destroy(dsm_picture *picture) {
  free(picture->rgb);
  *picture = (dsm_picture){0};
}

dsm_status dsm_picture_png(const dsm_picture *picture, unsigned char **bytes, size_t *size) {
  dsm_status status = DSM_OK;
  png_image image = {.version = PNG_IMAGE_VERSION,
                     .width = (png_uint_32)picture->width,
                     .height = (png_uint_32)picture->height,
                     .format = PNG_FORMAT_RGB};
  png_alloc_size_t length = PNG_IMAGE_PNG_SIZE_MAX(image);
  *bytes = NULL;
  DSM_TRY(DSM_ALLOC(length, bytes));
  if (!png_image_write_to_memory(&image, *bytes, &length, 0, picture->rgb, 0, NULL))
    DSM_FAIL_DONE(DSM_INTERNAL, "a picture of %zu x %zu pixels cannot be made: %s", picture->width,
                  picture->height, image.message);
  *size = length;
done:
  png_image_free(&image);
  if (status != DSM_OK) {
    free(*bytes);
    *bytes = NULL;
  }
  return status;
}

dsm_status dsm_picture_write(const dsm_picture *picture, const char *path) {
  dsm_status status = DSM_OK;
  unsigned char *bytes;
  size_t size;
  status = dsm_picture_png(picture, &bytes, &size);
  if (status != DSM_OK) {
    char why[512];
    snprintf(why, sizeof why, "%s", dsm_trail_message());
    DSM_FAIL(status, "%s: %s", path, why);
  }
  DSM_TRY_DONE(dsm_file_write(path, bytes, size));
done:
  free(bytes);
  return status;
}
