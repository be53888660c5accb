/* How a training does besides the losses of its batches: of samples held out, and by samples of its own. */
#include "trainer.h"

/** A line of its own: it may come at other steps than those of the losses. Rank 0. */
static dsm_status append(dsm__trainer *t, const char *line) {
  DSM_TRY(dsm__owner_check(&t->owner));
  return dsm__metrics_append(t->folder.metrics, line);
}

/** Every so many steps, and at the end of the run. */
static bool is_due(const dsm__trainer *t, int64_t step, int64_t every) {
  return step % every == 0 || step == t->session.config.train.steps;
}

/** Puts the average of `rate`, as sampler.ema means it, into t->averaged. */
static void average(dsm__trainer *t, double rate) {
  const dsm_optimizer_state state = dsm_optimizer_state_of(t->optimizer);
  dsm__averaged(&state, t->w, t->session.count, rate, t->averaged);
}

/** The held-out loss, where it is due. */
static dsm_status measure_held_out(dsm__trainer *t, int64_t step) {
  const dsm_config *c = &t->session.config;
  const int64_t every = c->train.evaluate_every ? c->train.evaluate_every : c->train.checkpoint_every;
  dsm__held_out_figures figures;
  char line[DSM__METRICS_LINE_MAX];
  if (!t->held_out || !is_due(t, step, every)) return DSM_OK;
  average(t, -1);
  DSM_TRY(dsm__held_out_measure(t->held_out, t->averaged, t->board, &figures));
  dsm__held_out_tell(&figures, step);
  dsm__held_out_json(&figures, step, line, sizeof line);
  DSM_AGREE(t->session.comm, dsm__trainer_root(t) ? append(t, line) : DSM_OK);
  return DSM_OK;
}

static dsm_status preview(dsm__trainer *t, int64_t step) {
  char line[DSM__METRICS_LINE_MAX];
  average(t, t->session.config.sampler.ema);
  DSM_TRY(dsm__preview_make(t->preview, step, t->board, line));
  DSM_AGREE(t->session.comm, dsm__trainer_root(t) && line[0] ? append(t, line) : DSM_OK);
  return DSM_OK;
}

/** Draws it unless the run is to stop, or its time would be over before; the job that goes on from this step does it then.
 * `forgiving`: what fails is told, and forgotten. */
static dsm_status preview_in_time(dsm__trainer *t, int64_t step, bool stopping, bool forgiving) {
  const bool root = dsm__trainer_root(t);
  bool leave_out = stopping || (root && dsm__stop_near(dsm__preview_seconds(t->preview)));
  DSM_AGREE(t->session.comm, root ? dsm__owner_check(&t->owner) : DSM_OK);
  DSM_TRY(dsm_comm_broadcast(t->session.comm, &leave_out, sizeof leave_out, 0));
  const dsm_status status =
      leave_out ? dsm__fail(DSM_STOPPED, __FILE__, __LINE__, "the run is to stop") : preview(t, step);
  DSM_TRY(forgiving || status == DSM_STOPPED ? dsm__preview_forgive(status, step) : status);
  return DSM_OK;
}

dsm_status dsm__trainer_evaluate(dsm__trainer *t, int64_t step, bool stopping) {
  const double start = dsm_seconds();
  dsm__sections_enter(&t->sections, DSM__EVALUATE);
  DSM_TRY(measure_held_out(t, step));
  if (t->preview && is_due(t, step, t->session.config.train.preview_every))
    DSM_TRY(preview_in_time(t, step, stopping, true));
  dsm__sections_enter(&t->sections, DSM__OTHER);
  t->interval_started += dsm_seconds() - start; /* the log tells of the speed of training */
  return DSM_OK;
}

dsm_status dsm__trainer_first_preview(dsm__trainer *t, int64_t step) {
  bool missing = t->preview && dsm__trainer_root(t) && !dsm__preview_exists(t->preview, step) &&
                 step % t->session.config.train.preview_every == 0;
  DSM_TRY(dsm_comm_broadcast(t->session.comm, &missing, sizeof missing, 0));
  if (!missing) return DSM_OK;
  dsm__sections_enter(&t->sections, DSM__EVALUATE);
  DSM_TRY(preview_in_time(t, step, false, step > 0));
  dsm__sections_enter(&t->sections, DSM__OTHER);
  return DSM_OK;
}
