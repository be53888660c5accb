/* The datasets of a file, for people who want to know what is in it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dataset_private.h"
#include "dsmpi/hdf5_lock.h"

typedef struct name_lines {
  char *text;
  size_t size, used;
} name_lines;

static herr_t add_line(hid_t object, const char *name, const H5O_info_t *info, void *data) {
  (void)object;
  name_lines *lines = data;
  if (info->type != H5O_TYPE_DATASET) return 0;
  size_t length = strlen(name), needed = length + 1 + (lines->used > 0);
  if (needed >= lines->size - lines->used) return 1; /* full: whole names only */
  char *end = lines->text + lines->used;
  snprintf(end, lines->size - lines->used, "%s/%s", lines->used ? "\n" : "", name);
  for (char *p = end + (lines->used > 0); *p; p++)
    if (*p == '\n') *p = '?'; /* names may hold anything; a line is one name */
  lines->used += needed;
  return 0;
}

/* Hard links only, each object once: nothing leads out of the file, and loops in it end. */
static dsm_status list_names(const dsm_dataset *d, name_lines *lines) {
  char why[256];
  if (H5Ovisit(d->file, H5_INDEX_NAME, H5_ITER_INC, add_line, lines) < 0) {
    DSM_FAIL(DSM_BAD_DATA, "'%s' is damaged: HDF5 says '%s' about what it holds", d->path,
             dsm_hdf5_message(why, sizeof why));
  }
  return DSM_OK;
}

dsm_status dsm_file_datasets(const char *path, char *text, size_t size) {
  dsm_dataset d = {.path = (char *)path, .fd = -1, .file = -1};
  name_lines lines = {text, size, 0};
  text[0] = '\0';
  dsm_hdf5_lock();
  dsm_status status = dsm__file_open(&d);
  if (status == DSM_OK) status = list_names(&d, &lines);
  if (d.file >= 0) H5Fclose(d.file);
  dsm_hdf5_unlock();
  if (d.fd >= 0) close(d.fd);
  DSM_TRY(status);
  return DSM_OK;
}
