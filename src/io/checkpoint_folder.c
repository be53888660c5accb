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
#include <time.h>
#include <unistd.h>

#include "atomic_file.h"

#include "dsmpi/memory.h"

#define NAME_FORMAT "step-%08" PRId64 ".h5"

const char *dsm_checkpoint_path(const char *folder, int64_t step, char *path, size_t size) {
  snprintf(path, size, "%s/" NAME_FORMAT, folder, step);
  return path;
}

/* The step in "step-00001000.h5", the name of a checkpoint if nothing follows it; -1 for other names.
 * @param[out] rest  what follows */
static int64_t step_of_name(const char *name, const char **rest) {
  char canonical[64];
  static const char prefix[] = "step-";
  if (strncmp(name, prefix, strlen(prefix)) != 0 || name[5] < '0' || name[5] > '9') return -1;
  errno = 0;
  const int64_t step = strtoll(name + strlen(prefix), NULL, 10);
  const int length = snprintf(canonical, sizeof canonical, NAME_FORMAT, step);
  if (errno || strncmp(name, canonical, (size_t)length) != 0) return -1;
  *rest = name + length;
  return step;
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
    const char *rest;
    const int64_t step = step_of_name(entry->d_name, &rest);
    if (step < 0 || *rest != '\0' || !is_regular(dirfd(stream), entry->d_name, &info)) continue;
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

/* Temporary files of checkpoints whose writers are gone. */
static dsm_status remove_leftovers(const char *folder) {
  dsm_status status = DSM_OK;
  DIR *stream;
  DSM_TRY(open_folder(folder, &stream));
  if (!stream) return DSM_OK;
  for (const struct dirent *entry; (errno = 0, entry = readdir(stream));) {
    struct stat info;
    const char *rest;
    if (step_of_name(entry->d_name, &rest) < 0 || *rest == '\0') continue;
    if (!is_regular(dirfd(stream), entry->d_name, &info)) continue;
    if (!dsm__temporary_is_dead(rest, difftime(time(NULL), info.st_mtime))) continue;
    if (unlinkat(dirfd(stream), entry->d_name, 0) != 0 && errno != ENOENT)
      DSM_FAIL_DONE(DSM_IO, "cannot delete %s/%s: %s", folder, entry->d_name, strerror(errno));
  }
  if (errno) DSM_FAIL_DONE(DSM_IO, "cannot read folder %s: %s", folder, strerror(errno));
done:
  closedir(stream);
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
  DSM_TRY_DONE(remove_leftovers(folder));
done:
  free(steps);
  return status;
}
