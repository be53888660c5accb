/* The page: what is there is gathered, then each section puts what it has. */
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "dsmpi/clock.h"
#include "dsmpi/train.h"
#include "internal.h"

enum { PICTURE_ROOM = 3 << 20, ROWS = 20000 };

void dsm__report_note(dsm__report *r, const char *format, ...) {
  va_list arguments;
  if (r->notes == DSM__NOTES_MAX) return;
  va_start(arguments, format);
  vsnprintf(r->note[r->notes++], sizeof r->note[0], format, arguments);
  va_end(arguments);
}

void dsm__report_note_failure(dsm__report *r, const char *what) {
  dsm__report_note(r, "Left out: %s: %s.", what, dsm_trail_message());
  dsm_trail_clear();
}

const char *dsm__data_name(const dsm__report *r) {
  return r->data.x ? r->data.file : r->run.config.data.file[0] ? r->run.config.data.file : "DATA";
}

dsm_status dsm__room(dsm__report *r, size_t n, double **x) {
  *x = dsm_arena_alloc(r->arena, (n ? n : 1) * sizeof **x);
  if (!*x) DSM_FAIL(DSM_NO_MEMORY, "no memory for %zu numbers of a report", n);
  return DSM_OK;
}

dsm_status dsm__over_steps(dsm__report *r, const double *column, double **x, double **y, size_t *n) {
  const double *step = dsm__history_values(&r->history, "step");
  *n = 0;
  DSM_TRY(dsm__room(r, r->history.rows, x));
  DSM_TRY(dsm__room(r, r->history.rows, y));
  for (size_t i = 0; i < r->history.rows; i++) {
    if (!isfinite(column[i])) continue;
    (*x)[*n] = step[i];
    (*y)[(*n)++] = column[i];
  }
  return DSM_OK;
}

/* ---- gathering ----------------------------------------------------------------------------------------- */

static void look_at_history(dsm__report *r) {
  const dsm__history *h = &r->history;
  if (h->damaged > 0)
    dsm__report_note(r, "%zu line%s of metrics.jsonl cannot be read and %s left out.", h->damaged,
                     h->damaged == 1 ? "" : "s", h->damaged == 1 ? "is" : "are");
  if (h->cut)
    dsm__report_note(
        r, "metrics.jsonl ends within a line: a job was killed, or was writing it. That line is left out.");
}

/* A file that was asked for must be good; one that was found, or is named by the settings, may be missing. */
static dsm_status look_at_evaluation(dsm__report *r) {
  char path[2 * DSM_TEXT_MAX];
  if (r->options->eval) {
    DSM_TRY(dsm__evaluation_read(r->options->eval, &r->evaluation));
  } else if (dsm__newest_file(r->options->run, "eval", ".json", path, sizeof path) &&
             dsm__evaluation_read(path, &r->evaluation) != DSM_OK) {
    dsm__evaluation_destroy(&r->evaluation);
    dsm__report_note_failure(r, "the evaluation");
  }
  return DSM_OK;
}

static dsm_status look_at_samples(dsm__report *r) {
  char folder[DSM_TEXT_MAX + 16], path[DSM_TEXT_MAX];
  if (r->options->samples) {
    DSM_TRY(dsm__rows_read(r->options->samples, "/samples", "", "", ROWS, &r->samples));
    return DSM_OK;
  }
  static const char *const places[] = {"samples", "previews"};
  bool found = false;
  for (size_t i = 0; !found && i < sizeof places / sizeof *places; i++) {
    snprintf(folder, sizeof folder, "%s/%s", r->options->run, places[i]);
    found = dsm__newest_file(folder, "", ".h5", path, sizeof path);
  }
  if (found && dsm__rows_read(path, "/samples", "", "", ROWS, &r->samples) != DSM_OK)
    dsm__report_note_failure(r, "samples");
  return DSM_OK;
}

static dsm_status look_at_data(dsm__report *r) {
  const dsm_config *c = &r->run.config;
  const char *file = r->options->data ? r->options->data : c->data.file;
  if (!file[0]) return DSM_OK;
  const dsm_status status = dsm__rows_read(file, c->data.dataset, c->data.axes, c->data.rows, ROWS, &r->data);
  if (r->options->data) {
    DSM_TRY(status);
  } else if (status != DSM_OK) {
    dsm__report_note(
        r, "Left out: the data beside the samples. %s. If they have moved, --data FILE tells where to.",
        dsm_trail_message());
    dsm_trail_clear();
  }
  if (r->samples.x && r->data.x && !dsm_shape_equal(r->samples.sample, r->data.sample)) {
    char a[96], b[96];
    dsm__report_note(r, "Left out: the data beside the samples. Samples have shape %s, data %s.",
                     dsm_shape_text(r->samples.sample, a, sizeof a),
                     dsm_shape_text(r->data.sample, b, sizeof b));
    dsm__rows_destroy(&r->data);
  }
  return DSM_OK;
}

/* A log may be missing if there is something else to tell of. */
static dsm_status check_that_it_is_a_run(dsm__report *r) {
  if (r->history.rows > 0) return DSM_OK;
  if (!r->run.has_config && !r->run.checkpoint[0] && !r->samples.x) {
    dsm__history_destroy(&r->history);
    DSM_TRY(dsm__history_of_run(r->options->run, &r->history));
  }
  dsm__report_note(r, "Left out: the losses. No step is logged in metrics.jsonl.");
  return DSM_OK;
}

static dsm_status gather(dsm__report *r) {
  if (strlen(r->options->run) >= DSM_TEXT_MAX)
    DSM_FAIL(DSM_USAGE, "the name of the run folder is longer than %d bytes", DSM_TEXT_MAX - 1);
  DSM_TRY(dsm_arena_create(1 << 20, &r->arena));
  DSM_TRY(dsm__history_if_any(r->options->run, &r->history));
  look_at_history(r);
  dsm__run_read(r);
  DSM_TRY(look_at_evaluation(r));
  DSM_TRY(look_at_samples(r));
  DSM_TRY(check_that_it_is_a_run(r));
  DSM_TRY(look_at_data(r));
  dsm__staleness_find(r);
  return DSM_OK;
}

/* ---- writing ------------------------------------------------------------------------------------------- */

static dsm_status put_page(dsm__report *r) {
  static dsm__section_put *const sections[] = {dsm__put_head,    dsm__put_training, dsm__put_held_out,
                                               dsm__put_growth,  dsm__put_samples,  dsm__put_distributions,
                                               dsm__put_metrics, dsm__put_timing,   dsm__put_settings};
  dsm__page *p = &r->page;
  char when[40];
  dsm__markup(p, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                 "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>");
  dsm__text(p, r->options->run);
  dsm__markup(p, " – dsmpi report</title>\n<style>\n%s</style>\n</head>\n<body>\n", dsm__style);
  for (size_t i = 0; i < sizeof sections / sizeof *sections; i++) {
    DSM_TRY(sections[i](r));
    dsm_arena_reset(r->arena);
  }
  dsm__markup(p, "<footer>Made by ");
  dsm__text(p, dsm_version_line());
  dsm__markup(p, " on %s.</footer>\n</body>\n</html>\n", dsm_timestamp(when, sizeof when));
  return DSM_OK;
}

dsm_status dsm_report(const dsm_report_options *options) {
  dsm_status status = DSM_OK;
  char *text = NULL;
  size_t size = 0;
  dsm__report *r;
  DSM_TRY(DSM_ALLOC(1, &r));
  r->options = options;
  DSM_TRY_DONE(gather(r));
  r->page = (dsm__page){open_memstream(&text, &size), PICTURE_ROOM};
  if (!r->page.out) DSM_FAIL_DONE(DSM_NO_MEMORY, "no memory for the page");
  DSM_TRY_DONE(put_page(r));
  const bool whole = fflush(r->page.out) == 0 && !ferror(r->page.out);
  if (!whole) DSM_FAIL_DONE(DSM_NO_MEMORY, "no memory for the page");
  DSM_TRY_DONE(dsm_file_write(options->output, text, size));
done:
  if (r->page.out) fclose(r->page.out);
  free(text);
  dsm_checkpoint_destroy(&r->run.header);
  dsm__evaluation_destroy(&r->evaluation);
  dsm__rows_destroy(&r->samples);
  dsm__rows_destroy(&r->data);
  dsm__history_destroy(&r->history);
  dsm_arena_destroy(&r->arena);
  free(r);
  return status;
}
