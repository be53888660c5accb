/* Samples of a model that is being trained: RUN/previews/step-XXXXXXXX.h5, beside it a picture, and figures in
 * metrics.jsonl. All previews of a run begin with the same noise, so that one can be laid over the other. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "internal.h"

/* Rows and values of the data that are looked at, pictures and pixels in a grid, series, features; pixels of a scatter. */
enum {
  ROWS = 256,
  VALUES = 1 << 18,
  PLANES = 64,
  PIXELS = 150000,
  SERIES = 12,
  FEATURES = 64,
  SCATTER_SIDE = 800
};

struct dsm__preview {
  dsm_comm *comm;
  dsm__trained trained;      /* lent by the trainer */
  dsm_eval_options measured; /* by what, and how */
  dsm_judge *judge;          /* NULL: none */
  dsm_eval_classifier classifier;
  dsm__given conditions; /* rows whose conditions the samples have; closed: those of the settings */
  dsm_given rows;
  char rows_text[64], folder[DSM_TEXT_MAX + 32];
  /* Of the data, rank 0: rows, kept for the outlines of histograms, and the range of each channel, which the pictures have. */
  float *seen;
  size_t seen_rows;
  double *low, *high;
  dsm__board *board; /* to be told of progress; NULL: none */
  double seconds;    /* that the last preview took */
};

static bool is_root(const dsm__preview *p) {
  return dsm_comm_rank(p->comm) == 0;
}

static const dsm_config *config_of(const dsm__preview *p) {
  return &p->trained.session.config;
}

/* ---- files --------------------------------------------------------------------------------------------- */

typedef struct paths {
  char samples[DSM_TEXT_MAX + 96], picture[DSM_TEXT_MAX + 96], partial[DSM_TEXT_MAX + 112];
} paths;

static paths paths_of(const dsm__preview *p, int64_t step) {
  paths all;
  dsm_checkpoint_path(p->folder, step, all.samples, sizeof all.samples);
  snprintf(all.picture, sizeof all.picture, "%.*s.png", (int)strlen(all.samples) - 3, all.samples);
  snprintf(all.partial, sizeof all.partial, "%s.partial", all.samples);
  return all;
}

static dsm_status remove_file(const char *path) {
  if (unlink(path) != 0 && errno != ENOENT)
    DSM_FAIL(DSM_IO, "%s cannot be removed: %s", path, strerror(errno));
  return DSM_OK;
}

static dsm_status remove_step(const dsm__preview *p, int64_t step) {
  const paths of = paths_of(p, step);
  DSM_TRY(remove_file(of.samples));
  DSM_TRY(remove_file(of.picture));
  DSM_TRY(remove_file(of.partial));
  return DSM_OK;
}

/* The same, of whatever is there, while another failure is on its way up. */
static void discard_step(const dsm__preview *p, int64_t step) {
  const paths of = paths_of(p, step);
  unlink(of.samples);
  unlink(of.picture);
  unlink(of.partial);
}

/* Of a step that the run does not have: beyond its checkpoint, or of an attempt before its first. */
static bool is_stale(const char *name, int64_t step) {
  long long of;
  return sscanf(name, "step-%lld.", &of) == 1 && (of > step || step == 0);
}

/* The folder, without what an earlier life has left in it. */
static dsm_status open_folder(const dsm__preview *p) {
  dsm_status status = DSM_OK;
  DIR *listing;
  if (mkdir(p->folder, 0777) != 0 && errno != EEXIST)
    DSM_FAIL(DSM_IO, "%s cannot be created: %s", p->folder, strerror(errno));
  DSM_TRY(dsm_remove_leftovers(p->folder, ""));
  if (!(listing = opendir(p->folder))) DSM_FAIL(DSM_IO, "%s cannot be read: %s", p->folder, strerror(errno));
  for (const struct dirent *e; status == DSM_OK && (e = readdir(listing));) {
    char path[DSM_TEXT_MAX + 320];
    snprintf(path, sizeof path, "%s/%s", p->folder, e->d_name);
    if (is_stale(e->d_name, p->trained.header.step)) status = remove_file(path);
  }
  closedir(listing);
  DSM_TRY(status);
  return DSM_OK;
}

bool dsm__preview_exists(const dsm__preview *p, int64_t step) {
  struct stat facts;
  const paths of = paths_of(p, step);
  return stat(of.samples, &facts) == 0;
}

double dsm__preview_seconds(const dsm__preview *p) {
  return p->seconds;
}

/* ---- set-up -------------------------------------------------------------------------------------------- */

/* The range of the data, not of the samples: a model that has learnt nothing yet must not look as one that has. Grey levels
 * end there; axes go on for a quarter of it. */
static dsm_status look_at_data(const dsm_checkpoint *header, dsm_dataset *dataset, dsm__preview *p) {
  const dsm_normalization *n = &header->normalization;
  const size_t d = p->trained.session.d, wanted = VALUES / d > ROWS ? VALUES / d : ROWS;
  const dsm_picture_kind kind = dsm_picture_kind_of(header->sample);
  const double beyond = kind == DSM_PICTURE_PLANES ? 0 : 0.25;
  DSM_TRY(DSM_ALLOC(n->channels, &p->low));
  DSM_TRY(DSM_ALLOC(n->channels, &p->high));
  DSM_TRY(dsm__spread_rows(dataset, n, wanted, &p->seen, &p->seen_rows));
  const size_t pixels = p->seen_rows * (d / n->channels);
  dsm_denormalize_values(n, p->seen, pixels);
  for (size_t c = 0; c < n->channels; c++) {
    double at[2];
    size_t finite;
    DSM_TRY(dsm_value_range(p->seen, pixels, n->channels, c, 0.005, at, &finite));
    p->low[c] = at[0] - beyond * (at[1] - at[0]);
    p->high[c] = at[1] + beyond * (at[1] - at[0]);
  }
  if (kind != DSM_PICTURE_HISTOGRAMS) {
    free(p->seen);
    p->seen = NULL;
  }
  return DSM_OK;
}

/* An evaluation shows life. */
static void note_life(void *self) {
  dsm__board_tick(((dsm__preview *)self)->board);
}

/* What the samples are given, where the settings do not say it: one set of labels in turn, else what the data have. */
static dsm_status choose_conditions(const dsm__preview_params *params, dsm__preview *p) {
  dsm_config *c = &p->trained.session.config;
  dsm_sampler_settings *s = &c->sampler;
  dsm_conditions layout;
  DSM_TRY(dsm_conditions_of(c, &layout));
  if (layout.count == 0 || s->label[0] || s->condition.count > 0 || s->condition_file[0]) return DSM_OK;
  if (layout.count == 1 && layout.each[0].classes > 0) {
    snprintf(s->label, sizeof s->label, "all");
    return DSM_OK;
  }
  const dsm_dataset_info *info = dsm_dataset_info_of(params->dataset);
  const uint64_t wanted = (uint64_t)c->train.preview_samples, n = wanted < info->rows ? wanted : info->rows;
  snprintf(p->rows_text, sizeof p->rows_text, "%llu:%llu", (unsigned long long)info->first,
           (unsigned long long)(info->first + n));
  p->rows = (dsm_given){c->data.file, c->data.dataset, c->data.axes, p->rows_text};
  DSM_TRY(dsm__given_open(&p->rows, p->trained.header.sample, NULL, &p->conditions));
  return DSM_OK;
}

static dsm_status prepare(const dsm__preview_params *params, dsm__preview *p) {
  const dsm_config *c = &params->session->config;
  const char *run = params->run ? params->run : "";
  DSM_TRY(dsm__trained_lend(params->session, params->header, params->w, run, &p->trained));
  DSM_TRY(dsm__preview_check(c->train.preview_metrics));
  if (params->run && is_root(p)) DSM_TRY(look_at_data(params->header, params->dataset, p));
  DSM_TRY(choose_conditions(params, p));
  snprintf(p->folder, sizeof p->folder, "%s/previews", run);
  const dsm_config *lent = config_of(p); /* stays where it is */
  p->measured = dsm_eval_defaults();
  p->measured.metrics = lent->train.preview_metrics;
  p->measured.alive = note_life;
  p->measured.context = p;
  p->measured.reference =
      (dsm_eval_input){lent->data.file, lent->data.dataset, lent->data.axes, params->reference_rows};
  return DSM_OK;
}

static dsm_status open_judge(dsm__preview *p) {
  const char *source = config_of(p)->train.preview_classifier;
  if (!source[0]) return DSM_OK;
  DSM_TRY(dsm_judge_create(p->comm, source, NULL, 0, &p->judge));
  p->classifier = dsm_judge_in_evaluation(p->judge);
  p->measured.classifier = &p->classifier;
  return DSM_OK;
}

static dsm_status open_drawing(dsm__preview *p, dsm__drawing *drawing) {
  DSM_TRY(dsm__drawing_open(p->comm, &p->trained, (uint64_t)config_of(p)->train.preview_samples,
                            p->conditions.dataset ? &p->conditions : NULL, NULL, drawing));
  return DSM_OK;
}

/* A preview that cannot be drawn is found here, not at the first that is due. */
static dsm_status try_drawing(dsm__preview *p) {
  dsm__drawing drawing = {0};
  const dsm_status status = open_drawing(p, &drawing);
  dsm__drawing_close(&drawing);
  DSM_TRY(status);
  return DSM_OK;
}

/* What there will be. */
static void announce(const dsm__preview *p) {
  const dsm_config *c = config_of(p);
  char sampler[256];
  dsm_info("previews %lld samples every %lld steps: %s", (long long)c->train.preview_samples,
           (long long)c->train.preview_every,
           dsm__trained_sampler_text(&p->trained, sampler, sizeof sampler));
  if (c->train.preview_metrics[0])
    dsm_info("         %s, against rows %s", c->train.preview_metrics,
             p->measured.reference.rows[0] ? p->measured.reference.rows : "of the training");
  if (p->judge) dsm_info("         judged by %s", p->classifier.text);
}

dsm_status dsm__preview_create(const dsm__preview_params *params, dsm__preview **preview) {
  dsm_comm *comm = params->session->comm;
  dsm_status status;
  *preview = NULL;
  if (params->session->config.train.preview_every == 0) return DSM_OK;
  DSM_AGREE(comm, DSM_ALLOC(1, preview));
  dsm__preview *p = *preview;
  p->comm = comm;
  DSM_TRY_DONE(dsm_agree(comm, prepare(params, p)));
  DSM_TRY_DONE(open_judge(p));
  DSM_TRY_DONE(try_drawing(p));
  if (params->run) DSM_TRY_DONE(dsm_agree(comm, is_root(p) ? open_folder(p) : DSM_OK));
  announce(p);
done:
  if (status != DSM_OK) dsm__preview_destroy(preview);
  return status;
}

void dsm__preview_destroy(dsm__preview **preview) {
  dsm__preview *p = *preview;
  if (!p) return;
  dsm_judge_destroy(&p->judge);
  dsm__given_close(&p->conditions);
  dsm__trained_return(&p->trained);
  free(p->seen);
  free(p->low);
  free(p->high);
  free(p);
  *preview = NULL;
}

/* ---- one preview --------------------------------------------------------------------------------------- */

static dsm_status draw_picture(const dsm__preview *p, const float *x, size_t n, dsm_picture *picture) {
  const dsm_shape s = p->trained.header.sample;
  switch (dsm_picture_kind_of(s)) {
  case DSM_PICTURE_PLANES:
    return dsm_picture_planes(x, n, s, p->low, p->high, 0, 0, picture);
  case DSM_PICTURE_POINTS:
    return dsm_picture_scatter(x, n, SCATTER_SIDE, (double[]){p->low[0], p->high[0], p->low[1], p->high[1]},
                               picture);
  case DSM_PICTURE_HISTOGRAMS:
    return dsm_picture_histograms(x, s.n[0], n, p->seen, p->seen_rows, s.n[0] < FEATURES ? s.n[0] : FEATURES,
                                  p->low, p->high, 0, picture);
  case DSM_PICTURE_SERIES:
    return dsm_picture_series(x, n, s.n[0], s.n[1], p->low, p->high, 0, picture);
  }
  DSM_ASSERT(!"a kind of picture that the previews do not know");
  return DSM_INTERNAL;
}

/* Samples in a picture: of vectors all, of planes as many as make a file of sensible size. */
static size_t shown(const dsm__preview *p) {
  const dsm_shape s = p->trained.header.sample;
  const dsm_picture_kind kind = dsm_picture_kind_of(s);
  if (kind == DSM_PICTURE_SERIES) return SERIES;
  if (kind != DSM_PICTURE_PLANES) return SIZE_MAX;
  const size_t most = PIXELS / (s.n[s.rank - 3] * s.n[s.rank - 2] * s.n[s.rank - 1]);
  return most < 1 ? 1 : most > PLANES ? PLANES : most;
}

static dsm_status write_picture(const dsm__preview *p, const paths *of) {
  dsm_status status = DSM_OK;
  dsm__given samples = {0};
  dsm_picture picture = {0};
  float *x = NULL;
  const dsm_given source = {of->samples, "samples", NULL, NULL};
  DSM_TRY_DONE(dsm__given_open(&source, p->trained.header.sample, NULL, &samples));
  samples.holes = true; /* they are drawn in a colour of their own */
  const size_t most = shown(p), n = samples.count < most ? (size_t)samples.count : most;
  DSM_TRY_DONE(DSM_ALLOC(n * samples.d, &x));
  DSM_TRY_DONE(dsm__given_read(&samples, 0, n, x));
  DSM_TRY_DONE(draw_picture(p, x, n, &picture));
  DSM_TRY_DONE(dsm_picture_write(&picture, of->picture));
done:
  dsm_picture_destroy(&picture);
  dsm__given_close(&samples);
  free(x);
  return status;
}

static dsm_status draw_samples(dsm__preview *p, const paths *of, dsm__board *board, uint64_t *bad) {
  dsm__drawing drawing = {0};
  dsm__blocks blocks = {
      .output = of->samples, .verb = "drawn", .noun = "preview", .bad = bad, .part = true, .board = board};
  dsm_status status = open_drawing(p, &drawing);
  if (status == DSM_OK) status = dsm__drawing_run(&drawing, &blocks);
  dsm__drawing_close(&drawing);
  DSM_TRY(status);
  return DSM_OK;
}

static dsm_status make(dsm__preview *p, int64_t step, dsm__board *board,
                       char metrics[DSM__METRICS_LINE_MAX]) {
  const paths of = paths_of(p, step);
  const double start = dsm_seconds();
  const char *list = config_of(p)->train.preview_metrics;
  uint64_t bad = 0;
  char took[32];
  p->trained.header.step = step;
  DSM_AGREE(p->comm, is_root(p) ? remove_step(p, step) : DSM_OK);
  DSM_TRY(draw_samples(p, &of, board, &bad));
  DSM_AGREE(p->comm, is_root(p) ? write_picture(p, &of) : DSM_OK);
  dsm_info("preview  step %lld: %lld samples in %s, %s", (long long)step,
           (long long)config_of(p)->train.preview_samples,
           dsm_duration(dsm_seconds() - start, took, sizeof took), of.picture);
  if (bad > 0)
    dsm_warn("preview of step %lld: %llu values are not finite%s", (long long)step, (unsigned long long)bad,
             list[0] ? "; they are not measured" : "");
  if (list[0] && bad == 0) {
    p->measured.samples = (dsm_eval_input){of.samples, "samples", NULL, NULL};
    DSM_TRY(dsm__preview_measure(p->comm, &p->measured, step, metrics));
  }
  return DSM_OK;
}

dsm_status dsm__preview_make(dsm__preview *p, int64_t step, dsm__board *board,
                             char metrics[DSM__METRICS_LINE_MAX]) {
  const double start = dsm_seconds();
  metrics[0] = '\0';
  p->board = board;
  note_life(p);
  const dsm_status status = make(p, step, board, metrics);
  note_life(p);
  p->seconds = dsm_seconds() - start;
  if (status == DSM_OK) return DSM_OK;
  if (is_root(p)) discard_step(p, step);
  return dsm__forward(status, __FILE__, __LINE__);
}

dsm_status dsm__preview_forgive(dsm_status status, int64_t step) {
  if (status == DSM_OK) return DSM_OK;
  if (status == DSM_INTERNAL || status == DSM_LAUNCHER) return dsm__forward(status, __FILE__, __LINE__);
  if (status == DSM_STOPPED)
    dsm_info("preview  of step %lld left out: the run is to stop", (long long)step);
  else
    dsm_warn("preview of step %lld: %s; training goes on", (long long)step, dsm_trail_message());
  dsm_trail_clear();
  return DSM_OK;
}
