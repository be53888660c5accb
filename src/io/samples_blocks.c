#include "samples_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "atomic_file.h"

#include "dsmpi/log.h"
#include "dsmpi/memory.h"

/* Values of `complete` in memory; the file has but 0 and 1. */
enum { MISSING = 0, DONE = 1, DONE_HERE = 2 /* by this handle, perhaps not on the disk yet */ };

struct dsm_samples {
  char partial[DSM_PATH_MAX];
  int fd;
  dsm_samples_layout layout;
  unsigned char *complete;
  char *ordered;  /* a block of one dataset with its axes in the file's order */
  int64_t *index; /* of the samples of a block */
};

/* First sample of a block, and how many it has. */
static uint64_t block_range(const dsm_samples_layout *l, uint64_t block, uint64_t *first) {
  *first = block * l->block;
  return l->count - *first < l->block ? l->count - *first : l->block;
}

dsm_status dsm_samples_open(const char *path, dsm_samples **samples) {
  dsm_status status = DSM_OK;
  dsm_samples *s;
  uint64_t missing, first;
  size_t widest = 0;
  DSM_TRY(DSM_ALLOC(1, samples));
  s = *samples;
  s->fd = -1;
  DSM_TRY_DONE(dsm__samples_partial(path, s->partial, sizeof s->partial));
  DSM_TRY_DONE(dsm__samples_read_layout(s->partial, NULL, &s->layout, NULL));
  s->fd = open(s->partial, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
  if (s->fd < 0) DSM_FAIL_DONE(DSM_IO, "cannot write %s: %s", s->partial, strerror(errno));
  DSM_TRY_DONE(dsm__samples_read_map(s->fd, s->partial, &s->layout, &s->complete, &missing));
  const uint64_t longest = block_range(&s->layout, 0, &first);
  for (size_t k = 0; k < s->layout.sets; k++) {
    const size_t bytes = dsm__rows_bytes(&s->layout.set[k]);
    if (bytes > widest) widest = bytes;
  }
  DSM_TRY_DONE(DSM_ALLOC(longest * widest, &s->ordered));
  DSM_TRY_DONE(DSM_ALLOC(longest, &s->index));
done:
  if (status != DSM_OK) dsm_samples_close(samples);
  return status;
}

/* Blocks whose data the disk refused at the last moment lose their mark, so that they are drawn again. */
static void withdraw_marks(dsm_samples *s, int code) {
  const unsigned char mark = MISSING;
  dsm_warn("cannot flush %s to the disk: %s; the blocks of this process count as missing", s->partial,
           strerror(code));
  for (uint64_t b = 0; b < s->layout.blocks; b++)
    if (s->complete[b] == DONE_HERE &&
        dsm__write_at(s->fd, s->partial, &mark, 1, s->layout.complete + b) != DSM_OK)
      dsm_warn("%s", dsm_trail_message());
}

void dsm_samples_close(dsm_samples **samples) {
  dsm_samples *s = *samples;
  if (!s) return;
  /* Every process flushes what it wrote: on a network file system nobody else can. */
  if (s->fd >= 0 && s->complete && memchr(s->complete, DONE_HERE, s->layout.blocks) && fdatasync(s->fd) != 0)
    withdraw_marks(s, errno);
  if (s->fd >= 0) close(s->fd);
  free(s->complete);
  free(s->ordered);
  free(s->index);
  free(s);
  *samples = NULL;
}

bool dsm_samples_done(const dsm_samples *samples, uint64_t block) {
  DSM_ASSERT(block < samples->layout.blocks);
  return samples->complete[block] != MISSING;
}

/* The n rows of one dataset, from sample `first` on. */
static dsm_status write_rows(dsm_samples *s, const dsm_samples_rows *rows, uint64_t first, uint64_t n,
                             const void *from) {
  const size_t bytes = dsm__rows_bytes(rows);
  dsm__rows_order(rows, n, from, s->ordered);
  DSM_TRY(dsm__write_at(s->fd, s->partial, s->ordered, n * bytes, rows->offset + first * bytes));
  return DSM_OK;
}

/* What is written to a file without a name is lost when the last process closes it. */
static dsm_status check_name(const dsm_samples *s) {
  struct stat info;
  if (fstat(s->fd, &info) == 0 && info.st_nlink == 0)
    DSM_FAIL(DSM_IO, "%s was removed while it was written; run the same command again", s->partial);
  return DSM_OK;
}

dsm_status dsm_samples_write(dsm_samples *samples, uint64_t block, const float *x, const int32_t *evaluations,
                             const void *const *field) {
  const dsm_samples_layout *l = &samples->layout;
  const unsigned char mark = DONE;
  const size_t before = l->sample.rank > 0; /* of the fields among the sets */
  uint64_t first;
  DSM_ASSERT(block < l->blocks && (x != NULL) == (before > 0));
  DSM_TRY(check_name(samples));
  const uint64_t n = block_range(l, block, &first);
  for (uint64_t i = 0; i < n; i++) samples->index[i] = (int64_t)(first + i);
  for (size_t k = 0; k < l->sets; k++)
    DSM_TRY(write_rows(samples, &l->set[k], first, n, k < before ? (const void *)x : field[k - before]));
  DSM_TRY(dsm__write_at(samples->fd, samples->partial, samples->index, n * sizeof(int64_t),
                        l->index + first * sizeof(int64_t)));
  DSM_TRY(dsm__write_at(samples->fd, samples->partial, evaluations, n * sizeof(int32_t),
                        l->evaluations + first * sizeof(int32_t)));
  /* Last: who is killed before this line leaves the block missing. */
  DSM_TRY(dsm__write_at(samples->fd, samples->partial, &mark, 1, l->complete + block));
  samples->complete[block] = DONE_HERE;
  return DSM_OK;
}

dsm_status dsm_samples_finish(const char *path) {
  dsm_status status = DSM_OK;
  char partial[DSM_PATH_MAX], unused[DSM_PATH_MAX];
  dsm_samples_layout layout;
  unsigned char *complete = NULL;
  uint64_t missing;
  DSM_TRY(dsm__samples_partial(path, partial, sizeof partial));
  DSM_TRY(dsm__atomic_begin(path, unused)); /* refuses what must not be replaced */
  DSM_TRY(dsm__samples_read_layout(partial, NULL, &layout, NULL));
  int fd = open(partial, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) DSM_FAIL(DSM_IO, "cannot open %s: %s", partial, strerror(errno));
  DSM_TRY_DONE(dsm__samples_read_map(fd, partial, &layout, &complete, &missing));
  if (missing) {
    const unsigned char *first = memchr(complete, MISSING, layout.blocks);
    DSM_FAIL_DONE(
        DSM_IO,
        "%s: %llu of %llu blocks are missing, the first is %llu; warnings above say why the disk has "
        "not taken them, the same command goes on with them",
        partial, (unsigned long long)missing, (unsigned long long)layout.blocks,
        (unsigned long long)(first - complete));
  }
  DSM_TRY_DONE(dsm__atomic_commit(partial, path));
done:
  close(fd);
  free(complete);
  return status;
}

dsm_status dsm_samples_evaluations(const char *path, double *mean, int64_t *largest) {
  dsm_status status = DSM_OK;
  enum { PART = 4096 };
  int32_t part[PART];
  double sum = 0;
  dsm_samples_layout layout;
  DSM_TRY(dsm__samples_read_layout(path, NULL, &layout, NULL));
  int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) DSM_FAIL(DSM_IO, "cannot open %s: %s", path, strerror(errno));
  *largest = 0;
  for (uint64_t first = 0; first < layout.count; first += PART) {
    const uint64_t n = layout.count - first < PART ? layout.count - first : PART;
    DSM_TRY_DONE(dsm__read_at(fd, path, part, n * sizeof *part, layout.evaluations + first * sizeof *part));
    for (uint64_t i = 0; i < n; i++) {
      sum += part[i];
      if (part[i] > *largest) *largest = part[i];
    }
  }
  *mean = sum / (double)layout.count;
done:
  close(fd);
  return status;
}
