/* The checkpoints of a folder. The newest is the one of the highest step, never of the latest time: clocks of
 * hosts differ, and files are copied. */
#include "dsmpi/io.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "atomic_file.h"

#include "dsmpi/memory.h"

#define NAME_START  "step-"
#define NAME_FORMAT NAME_START "%08" PRId64 ".h5"

const char *dsm_checkpoint_path(const char *folder, int64_t step, char *path, size_t size) {
  snprintf(path, size, "%s/" NAME_FORMAT, folder, step);
  return path;
}

/* The step in "step-00001000.h5"; -1 for other names, those of temporary files among them. */
static int64_t step_of_name(const char *name) {
  char canonical[64];
  const char *digits = name + strlen(NAME_START);
  if (strncmp(name, NAME_START, strlen(NAME_START)) != 0 || *digits < '0' || *digits > '9') return -1;
  errno = 0;
  const int64_t step = strtoll(digits, NULL, 10);
  snprintf(canonical, sizeof canonical, NAME_FORMAT, step);
  return errno || strcmp(name, canonical) != 0 ? -1 : step;
}

static bool is_regular(int folder, const char *name, struct stat *info) {
  return fstatat(folder, name, info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(info->st_mode);
}

/* Opens a folder; *stream stays NULL when there is none. */
static dsm_status open_folder(const char *folder, DIR **stream) {
  *stream = opendir(folder);
  if (!*stream && errno != ENOENT) DSM_FAIL(DSM_IO, "cannot read folder %s: %s", folder, strerror(errno));
  return DSM_OK;
}

static dsm_status append_step(int64_t step, int64_t **steps, size_t *count, size_t *capacity) {
  if (*count == *capacity) {
    int64_t *more;
    *capacity = *capacity ? 2 * *capacity : 32;
    DSM_TRY(DSM_ALLOC(*capacity, &more));
    if (*count) memcpy(more, *steps, *count * sizeof *more);
    free(*steps);
    *steps = more;
  }
  (*steps)[(*count)++] = step;
  return DSM_OK;
}

static int descending(const void *a, const void *b) {
  const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return (x < y) - (x > y);
}

dsm_status dsm_checkpoint_list(const char *folder, int64_t **steps, size_t *count) {
  dsm_status status = DSM_OK;
  DIR *stream;
  size_t capacity = 0;
  *steps = NULL;
  *count = 0;
  DSM_TRY(open_folder(folder, &stream));
  if (!stream) return DSM_OK;
  for (const struct dirent *entry; (errno = 0, entry = readdir(stream));) {
    struct stat info;
    const int64_t step = step_of_name(entry->d_name);
    if (step < 0 || !is_regular(dirfd(stream), entry->d_name, &info)) continue;
    DSM_TRY_DONE(append_step(step, steps, count, &capacity));
  }
  if (errno) DSM_FAIL_DONE(DSM_IO, "cannot read folder %s: %s", folder, strerror(errno));
  if (*count) qsort(*steps, *count, sizeof **steps, descending);
done:
  closedir(stream);
  if (status != DSM_OK) {
    free(*steps);
    *steps = NULL;
    *count = 0;
  }
  return status;
}

dsm_status dsm_checkpoint_prune(const char *folder, size_t keep, int64_t every) {
  dsm_status status = DSM_OK;
  int64_t *steps;
  size_t count;
  char path[DSM_PATH_MAX];
  if (keep == 0) keep = 1; /* the newest is all that a run can go on from */
  DSM_TRY(dsm_checkpoint_list(folder, &steps, &count));
  for (size_t i = keep; i < count; i++) {
    if (every > 0 && steps[i] % every == 0) continue;
    dsm_checkpoint_path(folder, steps[i], path, sizeof path);
    if (unlink(path) != 0 && errno != ENOENT)
      DSM_FAIL_DONE(DSM_IO, "cannot delete the old checkpoint %s: %s", path, strerror(errno));
  }
  DSM_TRY_DONE(dsm_remove_leftovers(folder, NAME_START));
done:
  free(steps);
  return status;
}
