/* dsmpi status: how runs stand, a block for one, a line each for several. */
#include "status.h"

#include <math.h>
#include <string.h>

#include "cli.h"
#include "dsmpi/clock.h"

enum { JSON, OPTION_COUNT };

static const dsm_option options[OPTION_COUNT] = {
    [JSON] = {"json", 0, false, NULL, "print a JSON object a run, one on a line, with the figures unrounded"},
};

enum { RUN_COLUMNS = 17, TEXT = 64 };

/* ---- pieces of text ------------------------------------------------------------------------------------ */

/* "24.1 %"; rounded down, so that 100 % means reached */
static const char *share(const dsm_run_status *s, char text[TEXT]) {
  if (s->target > 0 && s->step >= 0)
    snprintf(text, TEXT, "%.1f %%", floor(1000.0 * (double)s->step / (double)s->target) / 10);
  else
    snprintf(text, TEXT, "-");
  return text;
}

static const char *number(const char *format, double x, char text[TEXT]) {
  if (isfinite(x))
    snprintf(text, TEXT, format, x); /* one of the formats below */
  else
    snprintf(text, TEXT, "-");
  return text;
}

static const char *duration(double seconds, char text[TEXT]) {
  return isfinite(seconds) ? dsm_duration(seconds, text, TEXT) : strcpy(text, "-");
}

static const char *steps(int64_t n, char text[TEXT]) {
  return n >= 0 ? dsm__grouped((uint64_t)n, text, TEXT) : strcpy(text, "?");
}

/* "  name       text", the text going on below itself where it is long */
static void fact(const char *name, const char *text) {
  printf("  %-11s ", name);
  dsm__wrapped(text, 14, 14, stdout);
}

/* ---- one run ------------------------------------------------------------------------------------------- */

static void owner_fact(const dsm_run_status *s) {
  char text[512], job[96] = "", life[TEXT];
  if (!s->owner.host[0]) return;
  if (strcmp(s->owner.job, "-") != 0) snprintf(job, sizeof job, "job %s, ", s->owner.job);
  snprintf(text, sizeof text, "%sprocess %ld on %s, since %s, last sign of life %s ago", job, s->owner.pid,
           s->owner.host, s->owner.since, duration(s->owner.silent, life));
  fact("owner", text);
  if (s->state == DSM_RUN_LIFELESS)
    fact("", "it was killed, or does not get on: the command that started the run goes on with it");
}

static void step_fact(const dsm_run_status *s) {
  char text[512], done[TEXT], all[TEXT], part[TEXT], left[TEXT], ago[TEXT], end[2 * TEXT] = "";
  if (s->state == DSM_RUN_RUNNING && isfinite(s->left))
    snprintf(end, sizeof end, ", %s left", duration(s->left, left));
  snprintf(text, sizeof text, "%s of %s (%s)%s", s->step < 0 ? "0" : steps(s->step, done),
           steps(s->target, all), share(s, part), end);
  fact("step", text);
  if (!isfinite(s->logged)) {
    fact("loss", "nothing is logged yet");
    return;
  }
  snprintf(text, sizeof text, "%s, %s samples/s, logged %s ago", number("%.5g", s->loss, done),
           number("%.1f", s->rate, all), duration(s->logged, ago));
  fact("loss", text);
}

static void checkpoint_fact(const dsm_run_status *s) {
  char text[512], step[TEXT], ago[TEXT], bytes[TEXT];
  if (s->checkpoint.step < 0) {
    fact("checkpoint", s->checkpoints > 0 ? "none can be read" : "none yet");
    return;
  }
  snprintf(text, sizeof text, "step %s, %s ago, %s; %lld kept", steps(s->checkpoint.step, step),
           duration(s->checkpoint.age, ago), dsm_bytes(s->checkpoint.bytes, bytes, sizeof bytes),
           (long long)s->checkpoints);
  fact("checkpoint", text);
}

static void figure_facts(const dsm_run_status *s) {
  for (size_t i = 0; i < s->figures; i++) {
    const dsm_run_figure *f = &s->figure[i];
    char text[256], error[TEXT] = "", floor[TEXT] = "", step[TEXT];
    if (isfinite(f->error)) snprintf(error, sizeof error, " +- %.2g", f->error);
    if (isfinite(f->floor)) snprintf(floor, sizeof floor, ", floor %.4g", f->floor);
    snprintf(text, sizeof text, "%s %.4g%s%s, step %s", f->name, f->value, error, floor,
             steps(f->step, step));
    fact(i ? "" : "measured", text);
  }
}

static void preview_fact(const char *run, const dsm_run_status *s) {
  char text[DSM_TEXT_MAX + 64];
  if (s->preview < 0) return;
  snprintf(text, sizeof text, "%s/previews/step-%08lld.*", run, (long long)s->preview);
  fact("preview", text);
}

static void block(const char *run, const dsm_run_status *s) {
  char text[TEXT];
  printf("%s: %s\n", run, dsm_run_state_word(s->state));
  owner_fact(s);
  step_fact(s);
  figure_facts(s);
  preview_fact(run, s);
  checkpoint_fact(s);
  if (s->skipped > 0) {
    char sentence[2 * TEXT];
    snprintf(sentence, sizeof sentence, "%s step%s without a finite loss and gradient left out",
             steps(s->skipped, text), s->skipped == 1 ? "" : "s");
    fact("skipped", sentence);
  }
  if (s->said[0]) fact("last said", s->said);
  for (size_t i = 0; i < s->notes; i++) fact(i ? "" : "note", s->note[i]);
}

/* ---- several runs -------------------------------------------------------------------------------------- */

/* The end of a long name, which is where the runs of a sweep differ. */
static const char *short_name(const char *run, char text[TEXT]) {
  const size_t length = strlen(run);
  if (length <= RUN_COLUMNS)
    snprintf(text, TEXT, "%s", run);
  else
    snprintf(text, TEXT, "...%s", run + length - (RUN_COLUMNS - 3));
  return text;
}

static void columns(const char *run, const char *state, const char *step, const char *done, const char *loss,
                    const char *rate, const char *left, const char *saved) {
  printf("%-*s %-8s %8s %7s %8s %9s %8s %8s\n", RUN_COLUMNS, run, state, step, done, loss, rate, left, saved);
}

static void row(const char *run, const dsm_run_status *s) {
  char name[TEXT], step[TEXT], part[TEXT], loss[TEXT], rate[TEXT], left[TEXT], saved[TEXT];
  const bool running = s->state == DSM_RUN_RUNNING;
  snprintf(step, sizeof step, "%lld", (long long)(s->step < 0 ? 0 : s->step));
  columns(short_name(run, name), dsm_run_state_word(s->state), step, share(s, part),
          number("%.3g", s->loss, loss), number(s->rate < 1000 ? "%.4g" : "%.0f", s->rate, rate),
          running ? duration(s->left, left) : "-", duration(s->checkpoint.age, saved));
  for (size_t i = 0; i < s->notes; i++) {
    fputs("    ", stdout);
    dsm__wrapped(s->note[i], 4, 6, stdout);
  }
}

static dsm_status run(const dsm_arguments *arguments, dsm_comm *comm) {
  (void)comm;
  const size_t count = arguments->operand_count;
  const bool json = arguments->value[JSON] != NULL;
  size_t missing = 0;
  dsm_run_status status;
  if (count > 1 && !json) columns("run", "state", "step", "done", "loss", "samples/s", "left", "saved");
  for (size_t i = 0; i < count; i++) {
    const char *name = arguments->operand[i];
    if (dsm_run_status_read(name, &status) != DSM_OK) {
      if (count == 1) return dsm__forward(DSM_NOT_FOUND, __FILE__, __LINE__);
      missing++;
      if (!json) printf("%-*s no run: %s\n", RUN_COLUMNS, name, "see 'dsmpi status' of it alone");
      dsm_trail_clear();
    } else if (json) {
      dsm__status_json(name, &status);
    } else if (count > 1) {
      row(name, &status);
    } else {
      block(name, &status);
    }
  }
  if (missing > 0) DSM_FAIL(DSM_NOT_FOUND, "status: %zu of %zu are no run folders", missing, count);
  return DSM_OK;
}

const dsm_command dsm__command_status = {
    .name = "status",
    .operands = "RUN [RUN ...]",
    .sentence = "say how a run stands, or several, also while they are at work",
    .details =
        "Reads the files of a run folder and writes nothing, so it may be called at any time, from any "
        "host that sees the folder. RUNNING: a job is at work there. STOPPED: none is, and the same "
        "training command goes on. FAILED: the last one ended with an error, which is said. FINISHED: "
        "train.steps is reached. LIFELESS: a job has not given the "
        "folder back: it was killed, or has shown no life for a minute; the same command takes the folder "
        "over. Of several runs each has a line; saved: how long ago a checkpoint was. What is missing or "
        "damaged in a folder is told.\n"
        "\n"
        "  dsmpi status runs/fashion\n"
        "  dsmpi status runs/sweep-*\n"
        "  dsmpi status --json runs/fashion | jq .seconds_left",
    .options = options,
    .option_count = OPTION_COUNT,
    .min_operands = 1,
    .max_operands = DSM_OPERANDS_MAX,
    .run = run,
};
