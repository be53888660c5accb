/* Steps that are left out because their loss or gradient is not a finite number. The sum of the losses is the same on
 * all ranks, and so is the decision; which samples it was, each rank knows of its own ones only. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "dsmpi/text.h"
#include "internal.h"

void dsm__skipped_begin(dsm__skipped *s) {
  s->samples = 0;
}

void dsm__skipped_note(dsm__skipped *s, const float *loss, const uint64_t *row, size_t n) {
  for (size_t i = 0; i < n; i++) {
    if (isfinite(loss[i])) continue;
    if (s->samples++ == 0) s->row = row[i];
  }
}

/* What a rank tells the others. */
typedef struct finding {
  uint64_t samples, row;
  char host[64];
} finding;

/* "samples whose loss is not finite: rank 1 (node7): 3, first row 4711 of the data" */
static void describe(const finding *of, int ranks, uint64_t first_row, const char *why, char *text,
                     size_t size) {
  text[0] = '\0';
  for (int r = 0; r < ranks; r++) {
    if (of[r].samples == 0) continue;
    dsm_append(text, size, "%s rank %d (%s): %llu, first row %llu of the data",
               text[0] ? ";" : "samples whose loss is not finite:", r, of[r].host,
               (unsigned long long)of[r].samples, (unsigned long long)(first_row + of[r].row));
  }
  if (!text[0]) snprintf(text, size, "the loss of each sample is finite; %s", why);
}

dsm_status dsm__skipped_tell(dsm__skipped *s, dsm_comm *comm, int64_t step, int64_t most, uint64_t first_row,
                             const char *why) {
  dsm_status status = DSM_OK;
  const int ranks = dsm_comm_size(comm);
  finding mine = {.samples = s->samples, .row = s->row}, *all = NULL;
  char text[1024];
  snprintf(mine.host, sizeof mine.host, "%s", dsm_comm_host(comm));
  DSM_AGREE(comm, DSM_ALLOC((size_t)ranks, &all));
  DSM_TRY_DONE(dsm_comm_allgather(comm, &mine, sizeof mine, all));
  describe(all, ranks, first_row, why, text, sizeof text);
  s->in_row++;
  if (s->in_row > most)
    DSM_FAIL_DONE(
        DSM_DIVERGED,
        "step %lld: %s. %lld steps in a row without a finite loss and gradient are more than "
        "train.max_skipped = %lld; the checkpoints before them are good: try a smaller optimizer.lr, a "
        "longer optimizer.warmup or a smaller optimizer.clip, or leave such rows out",
        (long long)step, text, (long long)s->in_row, (long long)most);
  if (dsm_comm_rank(comm) == 0)
    dsm_warn("step %lld is left out, number %lld in a row (train.max_skipped = %lld): %s", (long long)step,
             (long long)s->in_row, (long long)most, text);
done:
  free(all);
  return status;
}
