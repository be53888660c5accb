/* How a run stands, from its files. Each piece may be missing, damaged, or change under our eyes; what is not to be had
 * is told, and the rest is not the worse for it. */
#include "dsmpi/run_status.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include "internal.h"

enum { LOG_TAIL = 64 << 10, QUIET_INTERVALS = 5, LISTINGS = 20 };

static void note(dsm_run_status *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void note(dsm_run_status *s, const char *format, ...) {
  va_list arguments;
  if (s->notes == DSM_RUN_NOTES) return;
  va_start(arguments, format);
  vsnprintf(s->note[s->notes++], sizeof s->note[0], format, arguments);
  va_end(arguments);
}

static bool exists(const char *run, const char *name, struct stat *facts) {
  char path[DSM_TEXT_MAX + 32];
  snprintf(path, sizeof path, "%s/%s", run, name);
  return stat(path, facts) == 0;
}

/* ---- pieces -------------------------------------------------------------------------------------------- */

static void look_at_owner(const char *run, dsm__owner_sight *owner, dsm_run_status *s) {
  dsm__owner_look(run, owner);
  snprintf(s->owner.host, sizeof s->owner.host, "%s", owner->host);
  snprintf(s->owner.job, sizeof s->owner.job, "%s", owner->job);
  snprintf(s->owner.since, sizeof s->owner.since, "%s", owner->since);
  s->owner.pid = owner->pid;
  s->owner.silent = owner->state == DSM__OWNER_NONE ? NAN : owner->silent;
  if (owner->state == DSM__OWNER_UNREADABLE)
    note(s, "owner does not say whose the folder is; remove it if no job trains there");
}

/* The settings of the run: config.yaml, else those of its newest checkpoint. */
static void look_at_config(const char *run, const dsm__owner_sight *owner, const dsm_checkpoint *header,
                           dsm_run_status *s, int64_t *batch) {
  char path[DSM_TEXT_MAX + 32];
  dsm_config config;
  snprintf(path, sizeof path, "%s/config.yaml", run);
  dsm_config_defaults(&config);
  dsm_status status = dsm_config_read(path, &config);
  if (status == DSM_NOT_FOUND)
    note(s, owner->state == DSM__OWNER_AT_WORK ? "config.yaml is not written yet" : "config.yaml is missing");
  else if (status != DSM_OK)
    note(s, "config.yaml is damaged: %s", dsm_trail_message());
  if (status != DSM_OK && header->config) {
    dsm_config_defaults(&config);
    status = dsm_config_parse("checkpoint", header->config, &config);
  }
  dsm_trail_clear();
  if (status != DSM_OK || config.train.steps <= 0) return;
  s->target = config.train.steps;
  *batch = config.train.batch;
}

static void look_at_metrics(const char *run, const dsm__owner_sight *owner, dsm_run_status *s,
                            dsm__metrics_tail *tail) {
  char path[DSM_TEXT_MAX + 32];
  snprintf(path, sizeof path, "%s/metrics.jsonl", run);
  const dsm_status status = dsm__metrics_last(path, tail);
  if (status != DSM_OK && status != DSM_NOT_FOUND) note(s, "metrics.jsonl: %s", dsm_trail_message());
  dsm_trail_clear();
  if (tail->damaged > 0)
    note(s, "metrics.jsonl: %lld of its last lines are damaged", (long long)tail->damaged);
  if (tail->cut && owner->state != DSM__OWNER_AT_WORK)
    note(s, "metrics.jsonl ends within a line, as after a kill; the next job takes it out");
  s->loss = tail->last.loss;
  s->rate = tail->last.samples_per_second;
  s->logged = tail->last.step >= 0 ? tail->age : NAN;
  s->skipped = tail->last.skipped;
  s->step = tail->last.step;
  memcpy(s->figure, tail->figure, sizeof s->figure);
  s->figures = tail->figures;
}

static void look_at_previews(const char *run, dsm_run_status *s) {
  char folder[DSM_TEXT_MAX + 32];
  int64_t *steps = NULL;
  size_t count = 0;
  snprintf(folder, sizeof folder, "%s/previews", run);
  if (dsm_checkpoint_list(folder, &steps, &count) != DSM_OK) dsm_trail_clear(); /* of no weight */
  if (count > 0) s->preview = steps[0];
  free(steps);
}

/* The newest checkpoint with a header that can be read; those before it are told of. @return false: what was listed is gone. */
static bool look_at_list(const char *folder, const int64_t *steps, size_t count, dsm_checkpoint *header,
                         dsm_run_status *s) {
  char path[DSM_TEXT_MAX + 64];
  struct stat facts;
  bool seen = false;
  for (size_t i = 0; i < count && s->checkpoint.step < 0; i++) {
    dsm_checkpoint_path(folder, steps[i], path, sizeof path);
    const dsm_status status = dsm_checkpoint_read_header(path, header);
    if (stat(path, &facts) != 0) { /* removed by the job, perhaps while it was read */
      if (status == DSM_OK) dsm_checkpoint_destroy(header);
      dsm_trail_clear();
      continue;
    }
    seen = true;
    if (status == DSM_OK) {
      s->checkpoint.step = steps[i];
      s->checkpoint.age = fmax(0, difftime(time(NULL), facts.st_mtime));
      s->checkpoint.bytes = (double)facts.st_size;
    } else {
      note(s, "checkpoint of step %lld: %s", (long long)steps[i], dsm_trail_message());
    }
    dsm_trail_clear();
  }
  return seen || count == 0;
}

static void look_at_checkpoints(const char *run, dsm_checkpoint *header, dsm_run_status *s) {
  char folder[DSM_TEXT_MAX + 32];
  size_t count = 0;
  bool done = false;
  snprintf(folder, sizeof folder, "%s/checkpoints", run);
  for (int tries = 0; !done && tries < LISTINGS; tries++) {
    int64_t *steps = NULL;
    if (dsm_checkpoint_list(folder, &steps, &count) != DSM_OK) {
      note(s, "checkpoints: %s", dsm_trail_message());
      dsm_trail_clear();
      return;
    }
    done = look_at_list(folder, steps, count, header, s);
    free(steps);
  }
  s->checkpoints = (int64_t)count;
  if (done && count > 0 && s->checkpoint.step < 0)
    note(s, "no checkpoint can be read: the run cannot go on; start anew with --fresh");
}

/* The last line of log.txt that begins, behind its time, with "dsmpi: ". */
static void look_at_log(const char *run, dsm_run_status *s) {
  char path[DSM_TEXT_MAX + 32], *text;
  size_t length;
  snprintf(path, sizeof path, "%s/log.txt", run);
  if (dsm__file_tail(path, LOG_TAIL, &text, &length) != DSM_OK) {
    dsm_trail_clear(); /* of no weight: all that counts stands elsewhere */
    return;
  }
  for (char *at = text, *newline; (newline = strchr(at, '\n')); at = newline + 1) {
    *newline = '\0';
    const char *words = strchr(at, ' ');
    if (words && strncmp(words + 1, "dsmpi: ", 7) == 0) snprintf(s->said, sizeof s->said, "%s", words + 1);
  }
  free(text);
}

/* ---- all together -------------------------------------------------------------------------------------- */

static dsm_run_state state_of(const dsm__owner_sight *owner, const dsm_run_status *s) {
  const bool reached = s->target > 0 && s->checkpoint.step >= s->target;
  switch (owner->state) {
  case DSM__OWNER_AT_WORK:
    return DSM_RUN_RUNNING;
  case DSM__OWNER_UNREADABLE: /* who is at work writes it anew now and then */
  case DSM__OWNER_GONE:
  case DSM__OWNER_SILENT:
    return reached ? DSM_RUN_FINISHED : DSM_RUN_LIFELESS;
  case DSM__OWNER_NONE:
    break;
  }
  if (reached) return DSM_RUN_FINISHED;
  return strncmp(s->said, "dsmpi: error: ", 14) == 0 ? DSM_RUN_FAILED : DSM_RUN_STOPPED;
}

/* Whether the job gets on: lines of the log come about as regularly as steps do. */
static void look_for_quiet(const dsm__metrics_tail *tail, dsm_run_status *s) {
  char now[32], usual[32];
  if (s->state != DSM_RUN_RUNNING || !(tail->last.seconds >= 0)) return;
  if (tail->age < 60 || tail->age < QUIET_INTERVALS * tail->last.seconds) return;
  note(s, "no line of the loss log for %s; the last interval took %s: is a rank slow or stuck?",
       dsm_duration(tail->age, now, sizeof now), dsm_duration(tail->last.seconds, usual, sizeof usual));
}

static void read_pieces(const char *run, dsm_run_status *s) {
  dsm__owner_sight owner;
  dsm__metrics_tail tail;
  dsm_checkpoint header = {0};
  int64_t batch = 0;
  look_at_owner(run, &owner, s);
  look_at_metrics(run, &owner, s, &tail);
  look_at_checkpoints(run, &header, s);
  look_at_config(run, &owner, &header, s, &batch);
  look_at_previews(run, s);
  look_at_log(run, s);
  if (s->checkpoint.step > s->step) s->step = s->checkpoint.step;
  if (s->skipped < 0 && s->checkpoint.step >= 0) s->skipped = header.skipped;
  dsm_checkpoint_destroy(&header);
  s->state = state_of(&owner, s);
  look_for_quiet(&tail, s);
  if (s->target > 0 && s->step >= 0 && s->rate > 0) {
    s->left =
        tail.last
            .seconds_left; /* with all that is done between the steps; where the line does not say it, without */
    if (!isfinite(s->left)) s->left = (double)(s->target - s->step) * (double)batch / s->rate;
    /* steps have been done since that line, too */
    if (s->state == DSM_RUN_RUNNING && tail.age < s->left) s->left -= fmin(tail.age, tail.last.seconds);
    s->left = fmax(0, s->left);
  }
}

dsm_status dsm_run_status_read(const char *run, dsm_run_status *s) {
  static const char *const pieces[] = {"owner", "config.yaml", "metrics.jsonl", "checkpoints", "log.txt"};
  struct stat facts;
  bool any = false;
  *s = (dsm_run_status){.step = -1,
                        .target = -1,
                        .loss = NAN,
                        .rate = NAN,
                        .left = NAN,
                        .logged = NAN,
                        .skipped = -1,
                        .preview = -1,
                        .checkpoint = {-1, NAN, NAN}};
  if (strlen(run) >= DSM_TEXT_MAX)
    DSM_FAIL(DSM_NOT_FOUND, "the name of a run folder is longer than %d bytes", DSM_TEXT_MAX - 1);
  if (stat(run, &facts) != 0) DSM_FAIL(DSM_NOT_FOUND, "there is no run folder %s", run);
  if (!S_ISDIR(facts.st_mode))
    DSM_FAIL(DSM_NOT_FOUND, "%s is a file, not a run folder; 'dsmpi info' tells what is in it", run);
  for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) any |= exists(run, pieces[i], &facts);
  if (!any)
    DSM_FAIL(
        DSM_NOT_FOUND,
        "%s is not a run folder: it has no config.yaml, metrics.jsonl, checkpoints or owner; of a folder "
        "of runs name those inside it: %s/*",
        run, run);
  read_pieces(run, s);
  return DSM_OK;
}

const char *dsm_run_state_word(dsm_run_state state) {
  static const char *const word[] = {[DSM_RUN_RUNNING] = "RUNNING",
                                     [DSM_RUN_STOPPED] = "STOPPED",
                                     [DSM_RUN_FAILED] = "FAILED",
                                     [DSM_RUN_FINISHED] = "FINISHED",
                                     [DSM_RUN_LIFELESS] = "LIFELESS"};
  return word[state];
}
