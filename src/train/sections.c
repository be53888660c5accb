#include <stdio.h>
#include <string.h>
#include "dsmpi/text.h"
#include "internal.h"

static const char *const names[DSM__SECTIONS] = {"data wait",  "compute",    "gradient sum", "optimizer",
                                                 "checkpoint", "evaluation", "other"};

void dsm__sections_start(dsm__sections *s, dsm__board *board) {
  memset(s, 0, sizeof *s);
  s->board = board;
  s->started = s->since = dsm_seconds();
  s->now = DSM__OTHER;
  dsm__board_enter(board, DSM__OTHER);
}

void dsm__sections_enter(dsm__sections *s, dsm__section next) {
  const double now = dsm_seconds();
  s->seconds[s->now] += now - s->since;
  s->since = now;
  s->now = next;
  dsm__board_enter(s->board, next);
}

/* The table for programs: a line of timing.jsonl. Rank 0. */
static dsm_status keep(const char *path, const dsm_comm *comm, int64_t steps, uint64_t batch, double loop,
                       const double *min, const double *mean, const double *max, double memory) {
  char line[1024], a[3][32], when[40];
  snprintf(line, sizeof line,
           "{\"steps\": %lld, \"batch\": %llu, \"ranks\": %d, \"hosts\": %d, \"ended\": \"%s\", "
           "\"seconds\": %s, \"peak_memory\": %.0f, \"sections\": {",
           (long long)steps, (unsigned long long)batch, dsm_comm_size(comm), dsm_comm_hosts(comm),
           dsm_timestamp(when, sizeof when), dsm_json_number(loop, a[0], sizeof a[0]), memory);
  for (int i = 0; i < DSM__SECTIONS; i++)
    dsm_append(line, sizeof line, "%s\"%s\": [%s, %s, %s]", i ? ", " : "", names[i],
               dsm_json_number(min[i], a[0], sizeof a[0]), dsm_json_number(mean[i], a[1], sizeof a[1]),
               dsm_json_number(max[i], a[2], sizeof a[2]));
  dsm_append(line, sizeof line, "}}");
  DSM_ASSERT(strlen(line) + 1 < sizeof line);
  return dsm__metrics_append(path, line);
}

dsm_status dsm__sections_table(dsm__sections *s, dsm_comm *comm, int64_t steps, uint64_t batch,
                               const char *timing) {
  dsm__sections_enter(s, DSM__OTHER);
  const double loop = s->since - s->started;
  double min[DSM__SECTIONS], mean[DSM__SECTIONS], max[DSM__SECTIONS], memory = dsm__peak_memory(), low, mid,
                                                                      high;
  int slowest[DSM__SECTIONS];
  DSM_TRY(dsm_comm_statistics(comm, s->seconds, DSM__SECTIONS, min, mean, max, slowest));
  DSM_TRY(dsm_comm_statistics(comm, &memory, 1, &low, &mid, &high, NULL));
  if (steps == 0 || loop <= 0) return DSM_OK;
  char time[32], text[3][32];
  dsm_info("Loop time %s on %d rank%s, %lld steps of %llu samples", dsm_duration(loop, time, sizeof time),
           dsm_comm_size(comm), dsm_comm_size(comm) == 1 ? "" : "s", (long long)steps,
           (unsigned long long)batch);
  const double rate = (double)steps * (double)batch / loop;
  dsm_info("Performance %.1f samples/s, %.1f a rank, %.3f s a step, %.3f node-hours for 10^6 samples", rate,
           rate / dsm_comm_size(comm), loop / (double)steps, 1e6 / rate / 3600.0 * dsm_comm_hosts(comm));
  dsm_info("Section      |   min s |   avg s |   max s | slowest rank | %% of time");
  for (int i = 0; i < DSM__SECTIONS; i++)
    dsm_info("%-12s | %7.2f | %7.2f | %7.2f | %12d | %9.1f", names[i], min[i], mean[i], max[i], slowest[i],
             100.0 * mean[i] / loop);
  dsm_info("Peak memory a rank (min/avg/max) %s | %s | %s", dsm_bytes(low, text[0], sizeof text[0]),
           dsm_bytes(mid, text[1], sizeof text[1]), dsm_bytes(high, text[2], sizeof text[2]));
  DSM_AGREE(comm,
            dsm_comm_rank(comm) == 0 ? keep(timing, comm, steps, batch, loop, min, mean, max, high) : DSM_OK);
  return DSM_OK;
}

dsm_status dsm__sections_sum(const dsm_reducer_facts *f, dsm_comm *comm, int64_t steps) {
  if (steps == 0 || dsm_comm_size(comm) == 1) return DSM_OK;
  const double mine[] = {f->exposed, f->polling, f->summing, f->sent};
  double mean[4], max[4];
  char text[32];
  DSM_TRY(dsm_comm_statistics(comm, mine, 4, NULL, mean, max, NULL));
  const double ms = 1e3 / (double)steps;
  dsm_info("Gradient sum a step, ms avg (max): exposed %.2f (%.2f), polling %.2f (%.2f), adding %.2f (%.2f)",
           ms * mean[0], ms * max[0], ms * mean[1], ms * max[1], ms * mean[2], ms * max[2]);
  dsm_info("Sent a step by a rank %s, overlap %s", dsm_bytes(max[3] / (double)steps, text, sizeof text),
           f->overlap ? "on" : "off");
  return DSM_OK;
}
