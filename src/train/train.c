/* Training: the loop, and what stands around it. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "internal.h"

/** What rides behind the gradient in each leaf, so that one reduction carries everything that all ranks must
 * know. Behind it: the losses that the law of the times follows, if it follows any. */
enum {
  EXTRA_LOSS,
  EXTRA_SQUARES /* |gradient|^2 of a micro-batch, of its mean */,
  EXTRA_FAILED,
  EXTRA_STOP /* one a reason */,
  EXTRAS = EXTRA_STOP + DSM__STOP_REASONS
};

typedef struct trainer {
  dsm__session session;
  const dsm_train_options *options;
  dsm__run_folder folder;
  dsm_dataset *dataset;
  dsm_condition_data *conditions; /* NULL: none */
  dsm_checkpoint header;          /* its normalisation, and the open interval of the loss log */
  float *w;
  dsm_objective *objective;
  dsm_optimizer *optimizer;
  dsm_reducer *reducer;
  dsm_loader *loader;
  size_t first_leaf, leaves;
  dsm__skipped skipped;
  dsm__owner owner;
  dsm__saver *saver; /* rank 0 */
  float *losses;     /* of one micro-batch */
  dsm__time_law times;
  float *rows; /* of the data, for objectives that want some beside the batches */
  char training_rows[64], held_out_rows[64]; /* of the file, "first:end" */
  dsm__held_out *held_out;                   /* NULL: none */
  dsm__preview *preview;                     /* NULL: none */
  float *averaged;                           /* room for the parameters to be evaluated; NULL: nothing is */
  dsm__sections sections;
  dsm__board *board;
  dsm__progress progress;
  dsm_step_report report;
  double interval_started;
} trainer;

static bool is_root(const trainer *t) {
  return dsm_comm_rank(t->session.comm) == 0;
}

/* ---- set-up -------------------------------------------------------------------------------------------- */

static dsm_checkpoint_arrays arrays_of(trainer *t) {
  const dsm_optimizer_state state = dsm_optimizer_state_of(t->optimizer);
  dsm_checkpoint_arrays arrays = {.table = dsm_model_parameters(t->session.model),
                                  .w = t->w,
                                  .m = state.m,
                                  .v = state.v,
                                  .averages = state.averages,
                                  .rates = state.rates,
                                  .times_count = t->times.count,
                                  .times = t->times.state};
  for (size_t i = 0; i < state.averages; i++) arrays.average[i] = state.average[i];
  return arrays;
}

/** A checkpoint of this run folder must be of this configuration, but for the keys that may change. */
static dsm_status check_same_run(const dsm_checkpoint *header, const char *path, const dsm_config *config) {
  dsm_config was;
  char difference[4096] = "";
  dsm_config_defaults(&was);
  DSM_TRY(dsm_config_parse(path, header->config, &was));
  if (dsm_config_difference(&was, config, difference, sizeof difference) > 0)
    DSM_FAIL(DSM_BAD_CONFIG,
             "%s is of another run; these keys differ:\n%s\n"
             "change them back, or choose another run folder, or start anew with --fresh",
             path, difference);
  return DSM_OK;
}

/** Rank 0: reads the newest whole checkpoint into the arrays; header.step stays 0 if there is none. */
static dsm_status load_newest(trainer *t) {
  char path[2 * DSM_TEXT_MAX];
  dsm_checkpoint found = {0};
  const dsm_checkpoint_arrays arrays = arrays_of(t);
  DSM_TRY(dsm__newest_header(t->folder.checkpoints, path, sizeof path, &found));
  if (!path[0]) return DSM_OK;
  dsm_status status = check_same_run(&found, path, &t->session.config);
  if (status == DSM_OK) status = dsm__check_label(&found, path, t->session.process);
  dsm_checkpoint_destroy(&found);
  if (status == DSM_OK)
    status = dsm__newest_whole(t->folder.checkpoints, &arrays, path, sizeof path, &t->header);
  if (status != DSM_OK) return dsm__forward(status, __FILE__, __LINE__);
  if (strcmp(t->header.blas, dsm_kernels_blas()) != 0 ||
      strcmp(t->header.kernels, t->session.kernels_text) != 0)
    dsm_warn("%s was written with %s, %s; this is %s, %s: from here on bits may differ from an unbroken run",
             path, t->header.blas, t->header.kernels, dsm_kernels_blas(), t->session.kernels_text);
  dsm_info("resume   %s at step %lld", path, (long long)t->header.step);
  return DSM_OK;
}

/** All ranks get rank 0's arrays and header. */
static dsm_status share_state(trainer *t) {
  dsm_comm *comm = t->session.comm;
  const dsm_checkpoint_arrays a = arrays_of(t);
  const size_t floats = t->session.count * sizeof(float), doubles = t->session.count * sizeof(double);
  DSM_TRY(dsm__share_header(comm, &t->header));
  DSM_TRY(dsm_comm_broadcast(comm, a.w, floats, 0));
  DSM_TRY(dsm_comm_broadcast(comm, a.m, floats, 0));
  DSM_TRY(dsm_comm_broadcast(comm, a.v, floats, 0));
  for (size_t i = 0; i < a.averages; i++) DSM_TRY(dsm_comm_broadcast(comm, a.average[i], doubles, 0));
  if (a.times) {
    DSM_TRY(dsm_comm_broadcast(comm, a.times, a.times_count * sizeof *a.times, 0));
    DSM_TRY(dsm_times_restore(t->times.times, a.times));
  }
  dsm_optimizer_set_step(t->optimizer, t->header.step);
  return DSM_OK;
}

/** A new run: normalisation from the data; the parameters have their initial values already. */
static dsm_status start_new(trainer *t) {
  const dsm_config *c = &t->session.config;
  if (t->header.normalization.channels == 0)
    DSM_TRY(dsm__normalize(t->session.comm, t->dataset, c, &t->header.normalization));
  DSM_TRY(dsm__conditions_normalize(t->session.comm, t->conditions, &t->header.conditions));
  DSM_TRY(dsm_config_text(c, &t->header.config));
  t->header.seed = (uint64_t)c->train.seed;
  t->header.sample = dsm_dataset_info_of(t->dataset)->sample;
  snprintf(t->header.program, sizeof t->header.program, "%s", dsm_version_line());
  snprintf(t->header.kernels, sizeof t->header.kernels, "%s", t->session.kernels_text);
  snprintf(t->header.blas, sizeof t->header.blas, "%s", dsm_kernels_blas());
  return DSM_OK;
}

static dsm_status open_rows(trainer *t, const dsm_config *c, const char *rows) {
  dsm_dataset_close(&t->dataset);
  return dsm_dataset_open(c->data.file, c->data.dataset, c->data.axes, rows, &t->dataset);
}

/** The rows to train on, and their conditions; what is held out is never seen, but for counting its classes. */
static dsm_status open_data(trainer *t, dsm_config *c) {
  DSM_TRY(open_rows(t, c, c->data.rows));
  DSM_TRY(dsm__held_out_split(dsm_dataset_info_of(t->dataset), c, t->training_rows, t->held_out_rows));
  if (!t->held_out_rows[0]) return DSM_OK;
  DSM_TRY(dsm__conditions_open(t->dataset, c->data.rows, c, &t->conditions));
  dsm_condition_data_close(&t->conditions);
  DSM_TRY(open_rows(t, c, t->training_rows));
  return DSM_OK;
}

static dsm_status build(trainer *t, const dsm_config *c) {
  dsm__session *s = &t->session;
  const dsm_parameters *table = dsm_model_parameters(s->model);
  DSM_TRY(DSM_ALLOC(s->count, &t->w));
  DSM_TRY(DSM_ALLOC((size_t)c->train.micro_batch, &t->losses));
  dsm_parameters_init(table, (uint64_t)c->train.seed, t->w);
  DSM_TRY(dsm_objective_create(c, s->process, s->model, &s->kernels, (size_t)c->train.micro_batch,
                               &t->objective));
  DSM_TRY(dsm__time_law_create(c, t->objective, &t->times));
  DSM_TRY(dsm_optimizer_create(c, table, t->w, &s->kernels, &t->optimizer));
  return DSM_OK;
}

static dsm_status build_reducer(trainer *t) {
  DSM_TRY(dsm__session_reducer(&t->session, EXTRAS + t->times.batch, &t->reducer));
  dsm_reducer_range(t->reducer, &t->first_leaf, &t->leaves);
  return DSM_OK;
}

/** Rows for an objective that wants some, the same on every rank. Before the loader starts: from then on the dataset is
 * its own. */
static dsm_status give_rows(trainer *t) {
  const size_t wanted = dsm_objective_rows_wanted(t->objective);
  size_t count;
  if (wanted == 0) return DSM_OK;
  DSM_TRY(dsm__spread_rows(t->dataset, &t->header.normalization, wanted, &t->rows, &count));
  DSM_TRY(dsm_objective_use_rows(t->objective, t->rows, count));
  return DSM_OK;
}

static dsm_status build_loader(trainer *t, const dsm_config *c) {
  const dsm_loader_params params = {.batch = (uint64_t)c->train.batch,
                                    .first = t->first_leaf * (uint64_t)c->train.micro_batch,
                                    .count = t->leaves * (uint64_t)c->train.micro_batch,
                                    .seed = (uint64_t)c->train.seed,
                                    .window_bytes = (uint64_t)c->data.shuffle_window << 20,
                                    .start = t->header.step,
                                    .depth = 2,
                                    .conditions = t->conditions,
                                    .condition_normalization = &t->header.conditions};
  return dsm_loader_create(t->dataset, &t->header.normalization, &params, &t->loader);
}

/** What is measured while training, and with what. Before the loader starts. */
static dsm_status build_evaluation(trainer *t, const dsm_config *c) {
  dsm_comm *comm = t->session.comm;
  const bool wanted = c->train.held_out > 0 || c->train.preview_every > 0;
  DSM_AGREE(comm, wanted ? DSM_ALLOC(t->session.count, &t->averaged) : DSM_OK);
  const dsm__preview_params params = {.session = &t->session,
                                      .header = &t->header,
                                      .dataset = t->dataset,
                                      .training_rows = t->training_rows,
                                      .reference_rows =
                                          t->held_out_rows[0] ? t->held_out_rows : t->training_rows,
                                      .run = t->folder.path,
                                      .w = t->averaged};
  DSM_AGREE(comm, dsm__held_out_create(&t->session, t->objective, t->held_out_rows, &t->header.normalization,
                                       &t->header.conditions, &t->held_out));
  DSM_TRY(dsm__preview_create(&params, &t->preview));
  return DSM_OK;
}

/* ---- the loop ------------------------------------------------------------------------------------------ */

/** Whether the noise of gradients shows: in how those of the micro-batches differ. */
static bool several_batches(const trainer *t) {
  return t->session.config.train.batch > t->session.config.train.micro_batch;
}

/** Gradients of this rank's micro-batches go into the reducer. `x` NULL: loader or checkpoint failed; zeros and
 * a flag go instead, so that nobody waits. */
static void compute_leaves(trainer *t, int64_t step, const float *x, dsm__stop_reason wish) {
  const dsm__session *s = &t->session;
  const size_t micro = (size_t)s->config.train.micro_batch;
  dsm__gradient_watch watch = {.hooks = dsm__reducer_hooks(t->reducer), .kernels = &s->kernels};
  const dsm_run_hooks hooks = several_batches(t) ? dsm__gradient_watch_hooks(&watch) : watch.hooks;
  for (size_t i = 0; i < t->leaves; i++) {
    float *leaf = dsm_reducer_leaf(t->reducer), *extra = leaf + s->count;
    double loss = 0;
    watch.gradients = leaf;
    watch.squares = 0;
    if (x) {
      const float *u = dsm_loader_conditions(t->loader);
      if (u) dsm_objective_condition(t->objective, u + i * micro * dsm_objective_conditions(t->objective));
      dsm_objective_run(t->objective, t->w, x + i * micro * s->d, (uint64_t)s->config.train.seed,
                        (uint64_t)step, (t->first_leaf + i) * micro, leaf, t->losses, &hooks);
      if (dsm_fault_strikes(DSM_FAULT_NAN)) leaf[0] = t->losses[0] = (float)NAN;
      dsm__skipped_note(&t->skipped, t->losses, dsm_loader_rows(t->loader) + i * micro, micro);
      for (size_t j = 0; j < micro; j++) loss += t->losses[j];
    } else {
      memset(leaf, 0, s->count * sizeof *leaf);
    }
    extra[EXTRA_LOSS] = (float)loss;
    extra[EXTRA_SQUARES] = (float)(watch.squares / ((double)micro * (double)micro));
    extra[EXTRA_FAILED] = !x && i == 0;
    for (int r = 0; r < DSM__STOP_REASONS; r++) extra[EXTRA_STOP + r] = (int)wish == r && i == 0;
    dsm__time_law_put(&t->times, (t->first_leaf + i) * micro, x ? t->losses : NULL, micro, extra + EXTRAS);
    dsm_reducer_push(t->reducer);
    dsm__board_tick(t->board);
  }
}

/** The last good checkpoint is not followed, and in time replaced, by one that nobody can use. */
static dsm_status check_parameters(const trainer *t, int64_t step) {
  const dsm_kernels *k = &t->session.kernels;
  if (isfinite(k->sum_squares(k, t->w, t->session.count))) return DSM_OK;
  DSM_FAIL(
      DSM_DIVERGED,
      "step %lld: the parameters are not finite any more and are not saved; the checkpoints before are good: "
      "try a smaller optimizer.lr, or optimizer.clip",
      (long long)step);
}

/** A gate of dsm_checkpoint_write: the folder may have been taken over meanwhile. */
static dsm_status still_ours(void *owner) {
  return dsm__owner_check(owner);
}

static dsm__saver_params saver_params(trainer *t) {
  const dsm_config *c = &t->session.config;
  return (dsm__saver_params){.arrays = arrays_of(t),
                             .folder = t->folder.checkpoints,
                             .keep = (size_t)c->train.keep,
                             .keep_every = c->train.keep_every,
                             .background = c->train.background_saving,
                             .gate = {still_ours, &t->owner}};
}

/** Begins a checkpoint; it may be written while the next steps are done. */
static dsm_status save(trainer *t, int64_t step) {
  dsm_status status = DSM_OK;
  dsm__sections_enter(&t->sections, DSM__CHECKPOINT);
  if (is_root(t)) {
    t->header.step = step;
    status = check_parameters(t, step);
    if (status == DSM_OK) status = dsm__saver_save(t->saver, &t->header);
  }
  DSM_AGREE(t->session.comm, status);
  dsm__sections_enter(&t->sections, DSM__OTHER);
  return DSM_OK;
}

/** The last checkpoint is whole when this returns. */
static dsm_status finish_saving(trainer *t) {
  dsm__sections_enter(&t->sections, DSM__CHECKPOINT);
  DSM_AGREE(t->session.comm, dsm__saver_wait(t->saver));
  dsm__sections_enter(&t->sections, DSM__OTHER);
  return DSM_OK;
}

/** A line of metrics.jsonl at the end of an interval. Rank 0. */
static dsm_status write_metrics(trainer *t, int64_t step, double now) {
  const dsm_config *c = &t->session.config;
  char line[512], a[5][32], noise[64] = "";
  const double samples = (double)step * (double)c->train.batch, steps = (double)t->header.loss_steps;
  if (several_batches(t))
    snprintf(noise, sizeof noise, "\"noise_scale\": %s, ",
             dsm_json_number(dsm__noise_scale(&t->header), a[4], 32));
  snprintf(
      line, sizeof line,
      "{\"step\": %lld, \"epoch\": %s, \"loss\": %s, \"gradient_norm\": %s, \"learning_rate\": %s, "
      "\"clipped\": %s, \"skipped\": %lld, %s\"seconds\": %.3f, \"samples_per_second\": %.1f}",
      (long long)step, dsm_json_number(samples / (double)dsm_dataset_info_of(t->dataset)->rows, a[0], 32),
      dsm_json_number(t->header.loss_sum / steps, a[1], 32),
      dsm_json_number(t->report.gradient_norm, a[2], 32), dsm_json_number(t->report.learning_rate, a[3], 32),
      t->report.clipped ? "true" : "false", (long long)t->header.skipped, noise, now - t->interval_started,
      (double)c->train.batch * steps / (now - t->interval_started));
  t->interval_started = now;
  DSM_TRY(dsm__owner_check(&t->owner));
  return dsm__metrics_append(t->folder.metrics, line);
}

/** A line of its own: it may come at other steps than those of the losses. Rank 0. */
static dsm_status append(trainer *t, const char *line) {
  DSM_TRY(dsm__owner_check(&t->owner));
  return dsm__metrics_append(t->folder.metrics, line);
}

/** Adds a step to the open interval of the log, unless it was left out (`loss` NULL), closes it where it ends; a line
 * or bar for people now and then. */
static dsm_status record(trainer *t, int64_t step, const double *loss) {
  const dsm_config *c = &t->session.config;
  const bool last = step == c->train.steps, whole = step % c->train.log_every == 0 || last;
  const double now = dsm_seconds();
  dsm_status status = DSM_OK;
  if (loss) {
    t->header.loss_sum += *loss;
    t->header.loss_steps++;
  }
  if (is_root(t)) {
    char columns[96];
    const double rate =
        (double)c->train.batch * (double)(step - t->progress.first) / (now - t->sections.started);
    snprintf(columns, sizeof columns, "%10.5g  %9.3g  %9.3g  %9.1f",
             t->header.loss_sum / (double)t->header.loss_steps, t->report.gradient_norm,
             t->report.learning_rate, rate);
    dsm__progress_show(&t->progress, step, columns, last);
    if (whole) status = write_metrics(t, step, now);
  }
  if (!whole) return DSM_OK;
  t->header.loss_sum = 0;
  t->header.loss_steps = 0;
  DSM_AGREE(t->session.comm, status);
  return DSM_OK;
}

/** Takes note of how the gradients of the step's micro-batches differ. */
static void follow_noise(trainer *t, double squares) {
  const double batch = (double)t->session.config.train.batch,
               micro = (double)t->session.config.train.micro_batch;
  const double norm = t->report.gradient_norm;
  if (several_batches(t))
    dsm__noise_scale_follow(&t->header, micro, batch, squares * micro / batch, norm * norm);
}

/** New parameters from the sum, unless the step is left out. */
static dsm_status apply(trainer *t, int64_t step, const float *sum, double scale, double loss) {
  const dsm__session *s = &t->session;
  dsm_status status = DSM_DIVERGED;
  char why[512] = "their sum is not";
  if (isfinite(loss)) {
    status = dsm_optimizer_step(t->optimizer, t->w, sum, scale, &t->report);
    snprintf(why, sizeof why, "%s", status == DSM_OK ? "" : dsm_trail_message());
  }
  if (status == DSM_OK) {
    dsm__sections_enter(&t->sections, DSM__OTHER);
    t->skipped.in_row = 0;
    follow_noise(t, (double)sum[s->count + EXTRA_SQUARES]);
    dsm__time_law_follow(&t->times, (uint64_t)s->config.train.seed, step, sum + s->count + EXTRAS);
    return record(t, step + 1, &loss);
  }
  /* the sum is the same everywhere, so every rank is here */
  dsm__sections_enter(&t->sections, DSM__OTHER);
  dsm_trail_clear();
  dsm_optimizer_skip(t->optimizer);
  t->header.skipped++;
  DSM_TRY(dsm__skipped_tell(&t->skipped, s->comm, step + 1, s->config.train.max_skipped,
                            dsm_dataset_info_of(t->dataset)->first, why));
  return record(t, step + 1, NULL);
}

/** One step. `*stop` becomes what any rank wished to stop for, the same on all of them. */
static dsm_status train_step(trainer *t, int64_t step, dsm__stop_reason *stop) {
  const dsm__session *s = &t->session;
  const float *x = NULL, *sum;
  dsm__board_count(t->board, step + 1);
  dsm_fault_step(step + 1);
  dsm__skipped_begin(&t->skipped);
  dsm__sections_enter(&t->sections, DSM__DATA);
  dsm_status ready = dsm_loader_next(t->loader, &x);
  if (ready == DSM_OK) ready = dsm__saver_poll(t->saver);
  dsm__sections_enter(&t->sections, DSM__COMPUTE);
  compute_leaves(t, step, ready == DSM_OK ? x : NULL, dsm__stop_wanted(is_root(t)));
  dsm__sections_enter(&t->sections, DSM__REDUCE);
  DSM_TRY(dsm_reducer_finish(t->reducer, &sum));
  if (sum[s->count + EXTRA_FAILED] > 0) DSM_AGREE(s->comm, ready);
  dsm__sections_enter(&t->sections, DSM__OPTIMIZER);
  for (int r = DSM__GO_ON + 1; r < DSM__STOP_REASONS; r++)
    if (sum[s->count + EXTRA_STOP + (size_t)r] > 0) *stop = (dsm__stop_reason)r;
  const double scale = 1.0 / (double)s->config.train.batch;
  DSM_TRY(apply(t, step, sum, scale, (double)sum[s->count + EXTRA_LOSS] * scale));
  return DSM_OK;
}

/** Every so many steps, and at the end of the run. */
static bool is_due(const trainer *t, int64_t step, int64_t every) {
  return step % every == 0 || step == t->session.config.train.steps;
}

/** Puts the average of `rate`, as sampler.ema means it, into t->averaged. */
static void average(trainer *t, double rate) {
  const dsm_optimizer_state state = dsm_optimizer_state_of(t->optimizer);
  dsm__averaged(&state, t->w, t->session.count, rate, t->averaged);
}

/** The held-out loss, where it is due. */
static dsm_status measure_held_out(trainer *t, int64_t step) {
  const dsm_config *c = &t->session.config;
  const int64_t every = c->train.evaluate_every ? c->train.evaluate_every : c->train.checkpoint_every;
  dsm__held_out_figures figures;
  char line[DSM__METRICS_LINE_MAX];
  if (!t->held_out || !is_due(t, step, every)) return DSM_OK;
  average(t, -1);
  DSM_TRY(dsm__held_out_measure(t->held_out, t->averaged, t->board, &figures));
  dsm__held_out_tell(&figures, step);
  dsm__held_out_json(&figures, step, line, sizeof line);
  DSM_AGREE(t->session.comm, is_root(t) ? append(t, line) : DSM_OK);
  return DSM_OK;
}

static dsm_status preview(trainer *t, int64_t step) {
  char line[DSM__METRICS_LINE_MAX];
  average(t, t->session.config.sampler.ema);
  DSM_TRY(dsm__preview_make(t->preview, step, t->board, line));
  DSM_AGREE(t->session.comm, is_root(t) && line[0] ? append(t, line) : DSM_OK);
  return DSM_OK;
}

/** What a run says of itself besides the losses of its batches. */
static dsm_status evaluate(trainer *t, int64_t step) {
  const double start = dsm_seconds();
  dsm__sections_enter(&t->sections, DSM__EVALUATE);
  DSM_TRY(measure_held_out(t, step));
  if (t->preview && is_due(t, step, t->session.config.train.preview_every))
    DSM_TRY(dsm__preview_forgive(preview(t, step), step));
  dsm__sections_enter(&t->sections, DSM__OTHER);
  t->interval_started += dsm_seconds() - start; /* the log tells of the speed of training */
  return DSM_OK;
}

/** The preview of a new run, or of one that had none before. Here it fails for good: what is wrong with it is known
 * before the first step. */
static dsm_status preview_first(trainer *t, int64_t step) {
  bool missing = t->preview && is_root(t) && !dsm__preview_exists(t->preview, step) &&
                 step % t->session.config.train.preview_every == 0;
  DSM_TRY(dsm_comm_broadcast(t->session.comm, &missing, sizeof missing, 0));
  if (!missing) return DSM_OK;
  dsm__sections_enter(&t->sections, DSM__EVALUATE);
  const dsm_status status = preview(t, step);
  DSM_TRY(status == DSM_STOPPED ? dsm__preview_forgive(status, step) : status);
  dsm__sections_enter(&t->sections, DSM__OTHER);
  return DSM_OK;
}

static dsm_status loop(trainer *t) {
  const dsm_config *c = &t->session.config;
  const int64_t first = t->header.step;
  dsm__stop_reason stop = DSM__GO_ON;
  int64_t step = first;
  dsm__sections_start(&t->sections, t->board);
  DSM_TRY(preview_first(t, first));
  t->interval_started = dsm_seconds();
  dsm__progress_start(&t->progress, "step", "      loss   gradient       rate  samples/s", first,
                      c->train.steps);
  while (step < c->train.steps && stop == DSM__GO_ON) {
    DSM_TRY(train_step(t, step, &stop));
    if (step == first) dsm_info("start    first step after %.2f s", dsm_seconds_of_process());
    step++;
    DSM_TRY(evaluate(t, step)); /* before its checkpoint: a job that goes on from there has the line */
    if (step % c->train.checkpoint_every == 0 || step == c->train.steps || stop != DSM__GO_ON)
      DSM_TRY(save(t, step));
  }
  DSM_TRY(finish_saving(t));
  dsm_log_transient(NULL);
  DSM_TRY(dsm__sections_table(&t->sections, t->session.comm, step - first, (uint64_t)c->train.batch,
                              t->folder.timing));
  const dsm_reducer_facts facts = dsm_reducer_facts_of(t->reducer);
  DSM_TRY(dsm__sections_sum(&facts, t->session.comm, step - first));
  if (step < c->train.steps) {
    dsm_info("dsmpi: stopped at step %lld of %lld (%s)", (long long)step, (long long)c->train.steps,
             dsm__stop_text(stop));
    DSM_FAIL(DSM_STOPPED, "stopped at step %lld of %lld; the checkpoint is complete", (long long)step,
             (long long)c->train.steps);
  }
  if (c->objective.name == DSM_OBJECTIVE_CLASSIFIER)
    dsm_info("next     dsmpi classify %s --data FILE -o FILE", t->folder.path);
  else
    dsm_info("next     dsmpi sample %s -n 64 -o %s/samples/samples.h5", t->folder.path, t->folder.path);
  dsm_info("dsmpi: finished step %lld (target reached)", (long long)step);
  return DSM_OK;
}

/* ---- all together -------------------------------------------------------------------------------------- */

static void destroy(trainer *t) {
  dsm__board_end(&t->board);
  dsm__stop_unwatch();
  dsm__saver_destroy(&t->saver); /* asks whose the folder is */
  dsm__owner_release(&t->owner);
  dsm_loader_destroy(&t->loader);
  dsm__held_out_destroy(&t->held_out);
  dsm__preview_destroy(&t->preview);
  dsm_reducer_destroy(&t->reducer);
  dsm_optimizer_destroy(&t->optimizer);
  dsm__time_law_destroy(&t->times);
  dsm_objective_destroy(&t->objective);
  dsm_condition_data_close(&t->conditions);
  dsm_dataset_close(&t->dataset);
  dsm_checkpoint_destroy(&t->header);
  free(t->w);
  free(t->losses);
  free(t->rows);
  free(t->averaged);
  dsm__session_destroy(&t->session);
}

/** Before anything that ranks could wait in for each other. */
static dsm_status begin_board(trainer *t, dsm_comm *comm, const dsm_config *c) {
  char log[DSM_TEXT_MAX + 16];
  if (t->options->dry_run) return DSM_OK;
  snprintf(log, sizeof log, "%s/log.txt", t->options->run);
  const dsm__board_params params = {.unit = "step", .together = true, .limit = c->train.watchdog, .log = log};
  return dsm__board_begin(comm, &params, &t->board);
}

/** What the configuration leaves to the data file is filled in. */
static dsm_status run(trainer *t, dsm_comm *comm, dsm_config *c) {
  const dsm_train_options *o = t->options;
  dsm__bandwidth bandwidth;
  DSM_AGREE(comm, dsm_fault_start(dsm_comm_rank(comm), dsm_comm_size(comm)));
  DSM_TRY(begin_board(t, comm, c));
  DSM_AGREE(comm, open_data(t, c));
  const dsm_dataset_info *info = dsm_dataset_info_of(t->dataset);
  if (strcmp(info->axes_from, "rank") == 0) /* said before the model is built: a wrong guess may fail there */
    dsm_info("data     %s is read with axes %s, guessed from its shape; data.axes sets them",
             info->file_shape, info->axes);
  DSM_AGREE(comm, dsm__conditions_open(t->dataset, t->training_rows, c, &t->conditions));
  dsm__board_enter(t->board, DSM__FITTING);
  DSM_TRY(dsm__bandwidth_complete(comm, t->dataset, o, c, &t->header.normalization, &bandwidth));
  dsm__board_enter(t->board, DSM__STARTING);
  DSM_AGREE(comm, dsm__session_create(comm, c, info->sample, &t->session));
  DSM_AGREE(comm, build(t, c));
  DSM_TRY(build_reducer(t));
  if (!o->dry_run) {
    DSM_TRY(dsm__run_folder_open(comm, o->run, o->fresh, &t->folder, &t->owner));
  }
  dsm__banner(&t->session);
  DSM_TRY(dsm__placement_check(&t->session));
  if (!o->dry_run) {
    DSM_AGREE(comm, is_root(t) ? load_newest(t) : DSM_OK);
    DSM_TRY(dsm_comm_broadcast(comm, &t->header.step, sizeof t->header.step, 0));
  }
  const bool resumed = t->header.step > 0;
  if (resumed)
    DSM_TRY(share_state(t));
  else
    DSM_TRY(start_new(t));
  if (is_root(t)) dsm__banner_data(info, c, &t->header.normalization); /* it warns too */
  dsm__banner_bandwidth(&bandwidth, c);
  if (t->held_out_rows[0])
    dsm_info("held out  rows %s of the file, %lld samples", t->held_out_rows, (long long)c->train.held_out);
  if (t->conditions && c->objective.name != DSM_OBJECTIVE_CLASSIFIER)
    dsm__banner_conditions(dsm_condition_data_layout(t->conditions), &t->header.conditions,
                           c->objective.condition_drop);
  const dsm_graph_facts facts = dsm_objective_facts(t->objective);
  const dsm__saver_params saving = saver_params(t);
  dsm__banner_model(&t->session, &facts, dsm_reducer_memory(t->reducer), dsm__saver_memory(&saving));
  if (o->dry_run) {
    dsm_info("dry run  the configuration is valid; nothing was written");
    return DSM_OK;
  }
  if (t->header.step >= c->train.steps) {
    dsm_info(
        "dsmpi: finished step %lld (target reached before; 0 steps were done; raise train.steps to go on)",
        (long long)t->header.step);
    return DSM_OK;
  }
  snprintf(t->header.time_label, sizeof t->header.time_label, "%s",
           dsm_process_label_text(t->session.process));
  if (is_root(t)) {
    free(t->header.config);
    t->header.config = NULL;
  }
  DSM_AGREE(comm, is_root(t) ? dsm_config_text(c, &t->header.config)
                             : DSM_OK); /* keys that may change have changed */
  DSM_AGREE(comm, is_root(t) ? dsm__run_folder_config(&t->folder, c) : DSM_OK);
  DSM_AGREE(comm, is_root(t) ? dsm__metrics_rewind(t->folder.metrics, t->header.step) : DSM_OK);
  DSM_AGREE(comm, give_rows(t));
  DSM_TRY(build_evaluation(t, c));
  DSM_AGREE(comm, build_loader(t, c));
  DSM_AGREE(comm, is_root(t) ? dsm__saver_create(&saving, &t->saver) : DSM_OK);
  dsm__stop_watch(o->max_hours, t->folder.stop, is_root(t));
  return loop(t);
}

dsm_status dsm_train(dsm_comm *comm, const dsm_config *config, const dsm_train_options *options) {
  trainer t = {.options = options};
  t.session.comm = comm;
  dsm_config complete = *config;
  const dsm_status status = run(&t, comm, &complete);
  if (status != DSM_OK) dsm__forward(status, __FILE__, __LINE__);
  destroy(&t);
  if (!options->dry_run) dsm_log_open(NULL);
  return status;
}
