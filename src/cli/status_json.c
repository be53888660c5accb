/* dsmpi status --json: an object a run, a line each. */
#include "status.h"

#include <math.h>
#include <stdio.h>
#include "dsmpi/json.h"

static void text(const char *key, const char *value) {
  printf(", \"%s\": ", key);
  if (value[0])
    dsm_json_text(stdout, value);
  else
    fputs("null", stdout);
}

static void real(const char *key, double x) {
  if (isfinite(x))
    printf(", \"%s\": %.10g", key, x);
  else
    printf(", \"%s\": null", key);
}

static void count(const char *key, int64_t n) {
  if (n >= 0)
    printf(", \"%s\": %lld", key, (long long)n);
  else
    printf(", \"%s\": null", key);
}

static void figures(const dsm_run_status *s) {
  fputs(", \"figures\": [", stdout);
  for (size_t i = 0; i < s->figures; i++) {
    const dsm_run_figure *f = &s->figure[i];
    fputs(i ? ", {\"name\": " : "{\"name\": ", stdout);
    dsm_json_text(stdout, f->name);
    count("step", f->step);
    real("value", f->value);
    real("error", f->error);
    real("floor", f->floor);
    putchar('}');
  }
  putchar(']');
}

void dsm__status_json(const char *run, const dsm_run_status *s) {
  const bool owned = s->owner.host[0] != '\0';
  printf("{\"state\": \"%s\"", dsm_run_state_word(s->state));
  text("run", run);
  count("step", s->step);
  count("steps", s->target);
  real("loss", s->loss);
  real("samples_per_second", s->rate);
  real("seconds_left", s->left);
  real("seconds_since_log", s->logged);
  count("skipped", s->skipped);
  count("checkpoints", s->checkpoints);
  count("checkpoint_step", s->checkpoint.step);
  real("checkpoint_seconds_ago", s->checkpoint.age);
  real("checkpoint_bytes", s->checkpoint.bytes);
  count("preview_step", s->preview);
  figures(s);
  text("host", s->owner.host);
  text("job", s->owner.job[0] == '-' ? "" : s->owner.job);
  count("process", owned ? s->owner.pid : -1);
  text("since", s->owner.since);
  real("seconds_since_life", s->owner.silent);
  text("said", s->said);
  fputs(", \"notes\": [", stdout);
  for (size_t i = 0; i < s->notes; i++) {
    if (i) fputs(", ", stdout);
    dsm_json_text(stdout, s->note[i]);
  }
  puts("]}");
}
