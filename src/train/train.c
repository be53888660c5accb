/* Training: the steps. */
#include "trainer.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/** Whether the noise of gradients shows: in how those of the micro-batches differ. */
static bool several_batches(const dsm__trainer *t) {
  return t->session.config.train.batch > t->session.config.train.micro_batch;
}

/** Gradients of this rank's micro-batches go into the reducer. `x` NULL: loader or checkpoint failed; zeros and
 * a flag go instead, so that nobody waits. */
static void compute_leaves(dsm__trainer *t, int64_t step, const float *x, dsm__stop_reason wish) {
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
static dsm_status check_parameters(const dsm__trainer *t, int64_t step) {
  const dsm_kernels *k = &t->session.kernels;
  if (isfinite(k->sum_squares(k, t->w, t->session.count))) return DSM_OK;
  DSM_FAIL(
      DSM_DIVERGED,
      "step %lld: the parameters are not finite any more and are not saved; the checkpoints before are good: "
      "try a smaller optimizer.lr, or optimizer.clip",
      (long long)step);
}

/** Begins a checkpoint; it may be written while the next steps are done. */
static dsm_status save(dsm__trainer *t, int64_t step) {
  dsm_status status = DSM_OK;
  dsm__sections_enter(&t->sections, DSM__CHECKPOINT);
  if (dsm__trainer_root(t)) {
    t->header.step = step;
    status = check_parameters(t, step);
    if (status == DSM_OK) status = dsm__saver_save(t->saver, &t->header);
  }
  DSM_AGREE(t->session.comm, status);
  dsm__sections_enter(&t->sections, DSM__OTHER);
  return DSM_OK;
}

/** The last checkpoint is whole when this returns. */
static dsm_status finish_saving(dsm__trainer *t) {
  dsm__sections_enter(&t->sections, DSM__CHECKPOINT);
  DSM_AGREE(t->session.comm, dsm__saver_wait(t->saver));
  dsm__sections_enter(&t->sections, DSM__OTHER);
  return DSM_OK;
}

/** A line of metrics.jsonl at the end of an interval. Rank 0. */
static dsm_status write_metrics(dsm__trainer *t, int64_t step, double now) {
  const dsm_config *c = &t->session.config;
  char line[512], a[6][32], noise[64] = "";
  const double samples = (double)step * (double)c->train.batch, steps = (double)t->header.loss_steps;
  if (several_batches(t))
    snprintf(noise, sizeof noise, "\"noise_scale\": %s, ",
             dsm_json_number(dsm__noise_scale(&t->header), a[4], 32));
  snprintf(
      line, sizeof line,
      "{\"step\": %lld, \"epoch\": %s, \"loss\": %s, \"gradient_norm\": %s, \"learning_rate\": %s, "
      "\"clipped\": %s, \"skipped\": %lld, %s\"seconds\": %.3f, \"samples_per_second\": %.1f, "
      "\"seconds_left\": %s}",
      (long long)step, dsm_json_number(samples / (double)dsm_dataset_info_of(t->dataset)->rows, a[0], 32),
      dsm_json_number(t->header.loss_sum / steps, a[1], 32),
      dsm_json_number(t->report.gradient_norm, a[2], 32), dsm_json_number(t->report.learning_rate, a[3], 32),
      t->report.clipped ? "true" : "false", (long long)t->header.skipped, noise, now - t->interval_started,
      (double)c->train.batch * steps / (now - t->interval_started),
      dsm_json_number(round(dsm__progress_left(&t->progress, step, now)), a[5], 32));
  t->interval_started = now;
  DSM_TRY(dsm__owner_check(&t->owner));
  return dsm__metrics_append(t->folder.metrics, line);
}

/** Adds a step to the open interval of the log, unless it was left out (`loss` NULL), closes it where it ends; a line
 * or bar for people now and then. */
static dsm_status record(dsm__trainer *t, int64_t step, const double *loss) {
  const dsm_config *c = &t->session.config;
  const bool last = step == c->train.steps, whole = step % c->train.log_every == 0 || last;
  const double now = dsm_seconds();
  dsm_status status = DSM_OK;
  if (loss) {
    t->header.loss_sum += *loss;
    t->header.loss_steps++;
  }
  if (dsm__trainer_root(t)) {
    char columns[96];
    const double rate =
        (double)c->train.batch * (double)(step - t->progress.first) / (now - t->progress.started);
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
static void follow_noise(dsm__trainer *t, double squares) {
  const double batch = (double)t->session.config.train.batch,
               micro = (double)t->session.config.train.micro_batch;
  const double norm = t->report.gradient_norm;
  if (several_batches(t))
    dsm__noise_scale_follow(&t->header, micro, batch, squares * micro / batch, norm * norm);
}

/** New parameters from the sum, unless the step is left out. */
static dsm_status apply(dsm__trainer *t, int64_t step, const float *sum, double scale, double loss) {
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
static dsm_status train_step(dsm__trainer *t, int64_t step, dsm__stop_reason *stop) {
  const dsm__session *s = &t->session;
  const float *x = NULL, *sum;
  dsm__board_count(t->board, step + 1);
  dsm_fault_step(step + 1);
  dsm__skipped_begin(&t->skipped);
  dsm__sections_enter(&t->sections, DSM__DATA);
  dsm_status ready = dsm_loader_next(t->loader, &x);
  if (ready == DSM_OK) ready = dsm__saver_poll(t->saver);
  dsm__sections_enter(&t->sections, DSM__COMPUTE);
  compute_leaves(t, step, ready == DSM_OK ? x : NULL, dsm__stop_wanted(dsm__trainer_root(t)));
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

/** The last words. */
static dsm_status finish(const dsm__trainer *t, int64_t step, dsm__stop_reason stop) {
  const dsm_config *c = &t->session.config;
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

static dsm_status loop(dsm__trainer *t) {
  const dsm_config *c = &t->session.config;
  const int64_t first = t->header.step;
  dsm__stop_reason stop = DSM__GO_ON;
  int64_t step = first;
  dsm__sections_start(&t->sections, t->board);
  DSM_TRY(dsm__trainer_first_preview(t, first));
  t->interval_started = dsm_seconds();
  dsm__progress_start(&t->progress, "step", "      loss   gradient       rate  samples/s", first,
                      c->train.steps);
  while (step < c->train.steps && stop == DSM__GO_ON) {
    DSM_TRY(train_step(t, step, &stop));
    if (step == first) dsm_info("start    first step after %.2f s", dsm_seconds_of_process());
    step++;
    /* before its checkpoint: a job that goes on from there has its figures */
    DSM_TRY(dsm__trainer_evaluate(t, step, stop != DSM__GO_ON));
    if (step % c->train.checkpoint_every == 0 || step == c->train.steps || stop != DSM__GO_ON)
      DSM_TRY(save(t, step));
  }
  DSM_TRY(finish_saving(t));
  dsm_log_transient(NULL);
  DSM_TRY(dsm__sections_table(&t->sections, t->session.comm, step - first, (uint64_t)c->train.batch,
                              t->folder.timing));
  const dsm_reducer_facts facts = dsm_reducer_facts_of(t->reducer);
  DSM_TRY(dsm__sections_sum(&facts, t->session.comm, step - first));
  return finish(t, step, stop);
}

dsm_status dsm_train(dsm_comm *comm, const dsm_config *config, const dsm_train_options *options) {
  dsm__trainer t = {.options = options};
  t.session.comm = comm;
  dsm_config complete = *config;
  bool more;
  dsm_status status = dsm__trainer_open(&t, comm, &complete, &more);
  if (status == DSM_OK && more) status = loop(&t);
  if (status != DSM_OK) dsm__forward(status, __FILE__, __LINE__);
  const bool ours = dsm__trainer_close(&t), failed = status != DSM_OK && status != DSM_STOPPED;
  if (!options->dry_run && !(failed && ours))
    dsm_log_open(NULL); /* else the program's last words go there, too */
  return status;
}
