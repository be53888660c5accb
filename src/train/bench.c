/* Benchmark: training steps and network evaluations of a configuration on made-up data, a table of operations,
 * and the machine's limits beside it. Times are medians; of several ranks the slowest counts. */
#include <stdlib.h>
#include "bench.h"

enum { WARM_UP = 2, PROFILE_REPEATS = 5 };

typedef struct bench {
  dsm__session session;
  dsm_objective *objective;
  dsm_optimizer *optimizer;
  dsm_reducer *reducer;
  float *w, *x0, *losses, *gradients;
  size_t first_leaf, leaves;
  dsm__bench_step *step; /* each timed step */
  dsm__bench_rank mine;
  dsm__bench_figures figures;
} bench;

static bool is_root(const bench *b) {
  return dsm_comm_rank(b->session.comm) == 0;
}

/* ---- set-up -------------------------------------------------------------------------------------------- */

/** Shape of a sample: data.shape, else that of the data file, which also tells the columns of conditions. */
static dsm_status sample_shape(dsm_config *c, dsm_shape *sample) {
  dsm_dataset *dataset = NULL;
  dsm_condition_data *conditions = NULL;
  if (c->data.shape.count > 0) {
    size_t n[DSM_LIST_MAX];
    if (c->data.shape.count >= DSM_MAX_RANK)
      DSM_FAIL(DSM_BAD_CONFIG, "data.shape has %zu numbers; at most %d are possible", c->data.shape.count,
               DSM_MAX_RANK - 1);
    for (size_t i = 0; i < c->data.shape.count; i++) n[i] = (size_t)c->data.shape.value[i];
    *sample = dsm__shape_make((int)c->data.shape.count, n);
    return DSM_OK;
  }
  DSM_TRY(dsm_dataset_open(c->data.file, c->data.dataset, c->data.axes, c->data.rows, &dataset));
  *sample = dsm_dataset_info_of(dataset)->sample;
  const dsm_status status = dsm__conditions_open(dataset, c->data.rows, c, &conditions);
  dsm_condition_data_close(&conditions);
  dsm_dataset_close(&dataset);
  return status;
}

static dsm_status build(bench *b, const dsm_config *config, dsm_comm *comm) {
  dsm_config complete = *config, *c = &complete;
  dsm__session *s = &b->session;
  dsm_shape sample;
  DSM_TRY(sample_shape(c, &sample));
  DSM_TRY(dsm__session_create(comm, c, sample, s));
  const size_t micro = (size_t)c->train.micro_batch;
  DSM_TRY(DSM_ALLOC(s->count, &b->w));
  DSM_TRY(DSM_ALLOC(micro * s->d, &b->x0));
  DSM_TRY(DSM_ALLOC(micro, &b->losses));
  DSM_TRY(DSM_ALLOC((size_t)b->figures.steps, &b->step));
  dsm_parameters_init(dsm_model_parameters(s->model), 0, b->w);
  for (size_t i = 0; i < micro; i++)
    dsm_random_normal((dsm_random_key){0, DSM_STREAM_DATA, 0, i}, 0, s->d, b->x0 + i * s->d);
  DSM_TRY(dsm_objective_create(c, s->process, s->model, &s->kernels, micro, &b->objective));
  DSM_TRY(dsm_optimizer_create(c, dsm_model_parameters(s->model), b->w, &s->kernels, &b->optimizer));
  return DSM_OK;
}

static dsm_status build_reducer(bench *b) {
  DSM_TRY(dsm__session_reducer(&b->session, 0, &b->reducer));
  dsm_reducer_range(b->reducer, &b->first_leaf, &b->leaves);
  return DSM_OK;
}

/** Frees what only training needs. */
static void end_training(bench *b) {
  dsm_reducer_destroy(&b->reducer);
  dsm_optimizer_destroy(&b->optimizer);
  dsm_objective_destroy(&b->objective);
  float **const arrays[] = {&b->gradients, &b->x0, &b->losses};
  for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) {
    free(*arrays[i]);
    *arrays[i] = NULL;
  }
}

/* ---- training ------------------------------------------------------------------------------------------ */

static dsm_status one_step(bench *b, int64_t step, dsm__bench_step *t) {
  const size_t micro = (size_t)b->session.config.train.micro_batch;
  const float *sum;
  dsm_step_report report;
  const dsm_run_hooks hooks = dsm__reducer_hooks(b->reducer);
  const dsm_reducer_facts before = dsm_reducer_facts_of(b->reducer);
  const double start = dsm_seconds();
  for (size_t i = 0; i < b->leaves; i++) {
    dsm_objective_run(b->objective, b->w, b->x0, 0, (uint64_t)step, (b->first_leaf + i) * micro,
                      dsm_reducer_leaf(b->reducer), b->losses, &hooks);
    dsm_reducer_push(b->reducer);
  }
  const double computed = dsm_seconds();
  const dsm_reducer_facts meanwhile = dsm_reducer_facts_of(b->reducer);
  DSM_TRY(dsm_reducer_finish(b->reducer, &sum));
  const double reduced = dsm_seconds();
  DSM_TRY(dsm_optimizer_step(b->optimizer, b->w, sum, 1.0 / (double)b->session.config.train.batch, &report));
  const double end = dsm_seconds();
  const dsm_reducer_facts after = dsm_reducer_facts_of(b->reducer);
  *t = (dsm__bench_step){.whole = end - start,
                         .gradients = computed - start - (meanwhile.summing - before.summing) -
                                      (meanwhile.polling - before.polling),
                         .communication = after.exposed - before.exposed,
                         .polling = after.polling - before.polling,
                         .sums = after.summing - before.summing,
                         .optimizer = end - reduced};
  return DSM_OK;
}

/** Median of one member of dsm__bench_step over the timed steps. */
static double median_of(const bench *b, size_t offset, double *list) {
  for (int64_t i = 0; i < b->figures.steps; i++)
    list[i] = *(const double *)(const void *)((const char *)&b->step[i] + offset);
  return dsm_median(list, (size_t)b->figures.steps);
}

static dsm_status train(bench *b) {
  dsm_status status = DSM_OK;
  double *list = NULL;
  DSM_TRY_DONE(DSM_ALLOC((size_t)b->figures.steps, &list));
  for (int64_t step = 0; step < WARM_UP + b->figures.steps; step++) {
    DSM_TRY_DONE(one_step(b, step, &b->step[step < WARM_UP ? 0 : step - WARM_UP]));
    if (step == 0) b->mine.started = dsm_seconds_of_process();
  }
  b->mine.training_memory = dsm__peak_memory();
  const dsm_reducer_facts facts = dsm_reducer_facts_of(b->reducer);
  b->figures.overlap = facts.overlap;
  b->mine.sent = facts.sent / (double)(WARM_UP + b->figures.steps);
  b->mine.step = (dsm__bench_step){
      .whole = median_of(b, offsetof(dsm__bench_step, whole), list),
      .gradients = median_of(b, offsetof(dsm__bench_step, gradients), list),
      .communication = median_of(b, offsetof(dsm__bench_step, communication), list),
      .polling = median_of(b, offsetof(dsm__bench_step, polling), list),
      .sums = median_of(b, offsetof(dsm__bench_step, sums), list),
      .optimizer = median_of(b, offsetof(dsm__bench_step, optimizer), list),
  };
  DSM_TRY_DONE(DSM_ALLOC(b->session.count, &b->gradients));
  DSM_TRY_DONE(dsm_objective_profile(b->objective, b->w, b->gradients, PROFILE_REPEATS, &b->figures.row,
                                     &b->figures.rows));
done:
  free(list);
  return status;
}

enum { SUM_REPEATS = 7 };

dsm_status dsm__bench_sum(dsm__session *s, int mode, double *seconds) {
  dsm_reducer *r = NULL;
  dsm_status status = DSM_OK;
  double time[SUM_REPEATS];
  const dsm_reducer_hooks hooks = dsm__session_sums(s);
  const dsm_reducer_params params = {
      .leaves = (size_t)dsm_comm_size(s->comm), .count = s->count, .mode = mode, .hooks = &hooks};
  DSM_TRY(dsm_reducer_create(s->comm, &params, &r));
  for (int i = -1; i < SUM_REPEATS; i++) { /* one to warm up */
    const float *sum;
    float *leaf = dsm_reducer_leaf(r);
    for (size_t j = 0; j < s->count; j++) leaf[j] = 1e-3f * (float)(j % 7);
    dsm_reducer_push(r);
    DSM_TRY_DONE(dsm_comm_barrier(s->comm));
    const double start = dsm_seconds();
    DSM_TRY_DONE(dsm_reducer_finish(r, &sum));
    const double mine = dsm_seconds() - start;
    DSM_TRY_DONE(dsm_comm_statistics(s->comm, &mine, 1, NULL, NULL, &time[i < 0 ? 0 : i], NULL));
  }
  *seconds = dsm_median(time, SUM_REPEATS);
done:
  dsm_reducer_destroy(&r);
  return status;
}

/* ---- all ------------------------------------------------------------------------------------------------ */

/** Of all ranks' figures the slowest and largest. Collective. */
static dsm_status gather(bench *b) {
  dsm__bench_figures *f = &b->figures;
  const dsm__bench_rank *mine = &b->mine;
  dsm__bench_step *all = NULL;
  dsm_comm *comm = b->session.comm;
  const double largest[] = {mine->step.whole,        mine->evaluation, mine->training_memory,
                            mine->evaluation_memory, mine->started,    mine->sent};
  double worst[sizeof largest / sizeof *largest];
  DSM_TRY(dsm_comm_statistics(comm, largest, sizeof largest / sizeof *largest, NULL, NULL, worst, NULL));
  DSM_TRY(dsm_comm_statistics(comm, &mine->step.gradients, 1, NULL, NULL, NULL, &f->slowest));
  DSM_AGREE(comm, DSM_ALLOC((size_t)dsm_comm_size(comm), &all));
  dsm_status status = dsm_comm_allgather(comm, &mine->step, sizeof mine->step, all);
  f->worst = (dsm__bench_rank){.step = all[f->slowest],
                               .evaluation = worst[1],
                               .training_memory = worst[2],
                               .evaluation_memory = worst[3],
                               .started = worst[4],
                               .sent = worst[5]};
  f->worst.step.whole = worst[0];
  free(all);
  return status;
}

static dsm_status run(bench *b, dsm_comm *comm, const dsm_config *c, const char *json) {
  dsm__session *s = &b->session;
  dsm__bench_figures *f = &b->figures;
  DSM_AGREE(comm, build(b, c, comm));
  DSM_TRY(build_reducer(b));
  dsm__banner(s);
  DSM_TRY(dsm__placement_check(s));
  const dsm_graph_facts facts = dsm_objective_facts(b->objective);
  dsm__banner_model(s, &facts, dsm_reducer_memory(b->reducer), 0);
  DSM_TRY(dsm_comm_barrier(comm));
  DSM_AGREE(comm, train(b));
  end_training(b);
  if (dsm_comm_size(comm) > 1) {
    DSM_TRY(dsm__bench_sum(s, DSM_REDUCE_TREE, &f->tree));
    DSM_TRY(dsm__bench_sum(s, DSM_REDUCE_FAST, &f->stock));
  }
  DSM_AGREE(comm, dsm__bench_evaluate(s, b->w, f->steps, &b->mine));
  DSM_TRY(dsm_comm_barrier(comm)); /* all ranks at once, as in the steps */
  DSM_AGREE(comm, dsm__machine_limits(s->kernels.threads, &f->gflops, &f->gbytes));
  DSM_TRY(gather(b));
  if (is_root(b)) dsm__bench_report(s, f);
  DSM_AGREE(comm, json && is_root(b) ? dsm__bench_json(s, f, json) : DSM_OK);
  return DSM_OK;
}

dsm_status dsm_bench(dsm_comm *comm, const dsm_config *config, const dsm_bench_options *options) {
  bench b = {.figures.steps = options->steps};
  b.session.comm = comm;
  const dsm_status status = run(&b, comm, config, options->json);
  if (status != DSM_OK) dsm__forward(status, __FILE__, __LINE__);
  end_training(&b);
  free(b.w);
  free(b.step);
  free(b.figures.row);
  dsm__session_destroy(&b.session);
  return status;
}
