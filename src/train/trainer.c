/* What a training consists of: built from the configuration, the data and the newest checkpoint. */
#include "trainer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool dsm__trainer_root(const dsm__trainer *t) {
  return dsm_comm_rank(t->session.comm) == 0;
}

/* ---- the state: new, or from a checkpoint -------------------------------------------------------------- */

static dsm_checkpoint_arrays arrays_of(dsm__trainer *t) {
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
static dsm_status load_newest(dsm__trainer *t) {
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
static dsm_status share_state(dsm__trainer *t) {
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
static dsm_status start_new(dsm__trainer *t) {
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

static dsm_status open_rows(dsm__trainer *t, const dsm_config *c, const char *rows) {
  dsm_dataset_close(&t->dataset);
  return dsm_dataset_open(c->data.file, c->data.dataset, c->data.axes, rows, &t->dataset);
}

/** The rows to train on, and their conditions; what is held out is never seen, but for counting its classes. */
static dsm_status open_data(dsm__trainer *t, dsm_config *c) {
  DSM_TRY(open_rows(t, c, c->data.rows));
  DSM_TRY(dsm__held_out_split(dsm_dataset_info_of(t->dataset), c, t->training_rows, t->held_out_rows));
  if (!t->held_out_rows[0]) return DSM_OK;
  DSM_TRY(dsm__conditions_open(t->dataset, c->data.rows, c, &t->conditions));
  dsm_condition_data_close(&t->conditions);
  DSM_TRY(open_rows(t, c, t->training_rows));
  return DSM_OK;
}

static dsm_status build(dsm__trainer *t, const dsm_config *c) {
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

static dsm_status build_reducer(dsm__trainer *t) {
  DSM_TRY(dsm__session_reducer(&t->session, EXTRAS + t->times.batch, &t->reducer));
  dsm_reducer_range(t->reducer, &t->first_leaf, &t->leaves);
  return DSM_OK;
}

/** Rows for an objective that wants some, the same on every rank. Before the loader starts: from then on the dataset is
 * its own. */
static dsm_status give_rows(dsm__trainer *t) {
  const size_t wanted = dsm_objective_rows_wanted(t->objective);
  size_t count;
  if (wanted == 0) return DSM_OK;
  DSM_TRY(dsm__spread_rows(t->dataset, &t->header.normalization, wanted, &t->rows, &count));
  DSM_TRY(dsm_objective_use_rows(t->objective, t->rows, count));
  return DSM_OK;
}

static dsm_status build_loader(dsm__trainer *t, const dsm_config *c) {
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

/** In a dry run they are only looked at. */
static dsm_status build_previews(dsm__trainer *t) {
  const dsm__preview_params params = {.session = &t->session,
                                      .header = &t->header,
                                      .dataset = t->dataset,
                                      .reference_rows =
                                          t->held_out_rows[0] ? t->held_out_rows : t->training_rows,
                                      .run = t->options->dry_run ? NULL : t->folder.path,
                                      .w = t->averaged};
  return dsm__preview_create(&params, &t->preview);
}

/** What is measured while training, and with what. Before the loader starts. */
static dsm_status build_evaluation(dsm__trainer *t, const dsm_config *c) {
  dsm_comm *comm = t->session.comm;
  const bool wanted = c->train.held_out > 0 || c->train.preview_every > 0;
  DSM_AGREE(comm, wanted ? DSM_ALLOC(t->session.count, &t->averaged) : DSM_OK);
  DSM_AGREE(comm, dsm__held_out_create(&t->session, t->objective, t->held_out_rows, &t->header.normalization,
                                       &t->header.conditions, &t->held_out));
  DSM_TRY(build_previews(t));
  return DSM_OK;
}

/** A gate of dsm_checkpoint_write: the folder may have been taken over meanwhile. */
static dsm_status still_ours(void *owner) {
  return dsm__owner_check(owner);
}

static dsm__saver_params saver_params(dsm__trainer *t) {
  const dsm_config *c = &t->session.config;
  return (dsm__saver_params){.arrays = arrays_of(t),
                             .folder = t->folder.checkpoints,
                             .keep = (size_t)c->train.keep,
                             .keep_every = c->train.keep_every,
                             .background = c->train.background_saving,
                             .gate = {still_ours, &t->owner}};
}

/* ---- all together -------------------------------------------------------------------------------------- */

/** Before anything that ranks could wait in for each other. */
static dsm_status begin_board(dsm__trainer *t, dsm_comm *comm, const dsm_config *c) {
  char log[DSM_TEXT_MAX + 16];
  if (t->options->dry_run) return DSM_OK;
  snprintf(log, sizeof log, "%s/log.txt", t->options->run);
  const dsm__board_params params = {.unit = "step", .together = true, .limit = c->train.watchdog, .log = log};
  return dsm__board_begin(comm, &params, &t->board);
}

/** Everything that needs no run folder; completes the configuration from the data. */
static dsm_status build_all(dsm__trainer *t, dsm_comm *comm, dsm_config *c, dsm__bandwidth *bandwidth) {
  DSM_AGREE(comm, open_data(t, c));
  const dsm_dataset_info *info = dsm_dataset_info_of(t->dataset);
  if (strcmp(info->axes_from, "rank") == 0) /* said before the model is built: a wrong guess may fail there */
    dsm_info("data     %s is read with axes %s, guessed from its shape; data.axes sets them",
             info->file_shape, info->axes);
  DSM_AGREE(comm, dsm__conditions_open(t->dataset, t->training_rows, c, &t->conditions));
  dsm__board_enter(t->board, DSM__FITTING);
  DSM_TRY(dsm__bandwidth_complete(comm, t->dataset, t->options, c, &t->header.normalization, bandwidth));
  dsm__board_enter(t->board, DSM__STARTING);
  DSM_AGREE(comm, dsm__session_create(comm, c, info->sample, &t->session));
  DSM_AGREE(comm, build(t, c));
  DSM_TRY(build_reducer(t));
  return DSM_OK;
}

/** The state to begin with: of a new run, or of its newest checkpoint. */
static dsm_status take_up(dsm__trainer *t) {
  dsm_comm *comm = t->session.comm;
  if (!t->options->dry_run) {
    DSM_AGREE(comm, dsm__trainer_root(t) ? load_newest(t) : DSM_OK);
    DSM_TRY(dsm_comm_broadcast(comm, &t->header.step, sizeof t->header.step, 0));
  }
  DSM_TRY(t->header.step > 0 ? share_state(t) : start_new(t));
  return DSM_OK;
}

static void announce(const dsm__trainer *t, const dsm__bandwidth *bandwidth, size_t saving) {
  const dsm_config *c = &t->session.config;
  const dsm_graph_facts facts = dsm_objective_facts(t->objective);
  if (dsm__trainer_root(t)) /* it warns too */
    dsm__banner_data(dsm_dataset_info_of(t->dataset), c, &t->header.normalization);
  dsm__banner_bandwidth(bandwidth, c);
  if (t->held_out_rows[0])
    dsm_info("held out  rows %s of the file, %lld samples", t->held_out_rows, (long long)c->train.held_out);
  if (t->conditions && c->objective.name != DSM_OBJECTIVE_CLASSIFIER)
    dsm__banner_conditions(dsm_condition_data_layout(t->conditions), &t->header.conditions,
                           c->objective.condition_drop);
  dsm__banner_model(&t->session, &facts, dsm_reducer_memory(t->reducer), saving);
}

/** The run folder tells of this job from now on. Rank 0. */
static dsm_status begin_folder(dsm__trainer *t) {
  const dsm_config *c = &t->session.config;
  free(t->header.config); /* keys that may change have changed */
  t->header.config = NULL;
  DSM_TRY(dsm_config_text(c, &t->header.config));
  DSM_TRY(dsm__run_folder_config(&t->folder, c));
  DSM_TRY(dsm__metrics_rewind(t->folder.metrics, t->header.step > 0 ? t->header.step : -1));
  return DSM_OK;
}

/** What is left to be done before the first step. */
static dsm_status begin(dsm__trainer *t, const dsm__saver_params *saving) {
  dsm_comm *comm = t->session.comm;
  const dsm_config *c = &t->session.config;
  const bool root = dsm__trainer_root(t);
  snprintf(t->header.time_label, sizeof t->header.time_label, "%s",
           dsm_process_label_text(t->session.process));
  DSM_AGREE(comm, root ? begin_folder(t) : DSM_OK);
  DSM_AGREE(comm, give_rows(t));
  DSM_TRY(build_evaluation(t, c));
  DSM_AGREE(comm, build_loader(t, c));
  DSM_AGREE(comm, root ? dsm__saver_create(saving, &t->saver) : DSM_OK);
  dsm__stop_watch(t->options->max_hours, t->folder.stop, root);
  return DSM_OK;
}

dsm_status dsm__trainer_open(dsm__trainer *t, dsm_comm *comm, dsm_config *c, bool *more) {
  const dsm_train_options *o = t->options;
  dsm__bandwidth bandwidth;
  *more = false;
  DSM_AGREE(comm, dsm_fault_start(dsm_comm_rank(comm), dsm_comm_size(comm)));
  DSM_TRY(begin_board(t, comm, c));
  DSM_TRY(build_all(t, comm, c, &bandwidth));
  if (!o->dry_run) DSM_TRY(dsm__run_folder_open(comm, o->run, o->fresh, &t->folder, &t->owner));
  dsm__banner(&t->session);
  DSM_TRY(dsm__placement_check(&t->session));
  DSM_TRY(take_up(t));
  const dsm__saver_params saving = saver_params(t);
  announce(t, &bandwidth, dsm__saver_memory(&saving));
  if (o->dry_run) DSM_TRY(build_previews(t));
  *more = !o->dry_run && t->header.step < c->train.steps;
  if (o->dry_run)
    dsm_info("dry run  the configuration is valid; nothing was written");
  else if (!*more)
    dsm_info(
        "dsmpi: finished step %lld (target reached before; 0 steps were done; raise train.steps to go on)",
        (long long)t->header.step);
  if (*more) DSM_TRY(begin(t, &saving));
  return DSM_OK;
}

bool dsm__trainer_close(dsm__trainer *t) {
  dsm__board_end(&t->board);
  dsm__stop_unwatch();
  dsm__saver_destroy(&t->saver); /* asks whose the folder is */
  const bool ours = dsm__owner_release(&t->owner);
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
  return ours;
}
