/* Benchmark: training steps and network evaluations of a configuration on made-up data, an op table, and the
 * machine's limits beside it. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "internal.h"

enum { WARM_UP = 2, TABLE_ROWS = 24, PROFILE_REPEATS = 3 };

typedef struct bench {
  dsm__session session;
  dsm_objective *objective;
  dsm_optimizer *optimizer;
  dsm_reducer *reducer;
  dsm_network *network;
  float *w, *x0, *losses, *gradients, *block;
  size_t first_leaf, leaves;
  int64_t steps;
  double *step_seconds, *evaluation_seconds; /* one each timed step */
  double compute, reduce, update;            /* seconds in the timed steps */
  double gflops, gbytes;
  dsm_node_time *row;
  size_t rows;
} bench;

static bool is_root(const bench *b) {
  return dsm_comm_rank(b->session.comm) == 0;
}

/** Shape of a sample: data.shape, else that of the data file. */
static dsm_status sample_shape(const dsm_config *c, dsm_shape *sample) {
  dsm_dataset *dataset = NULL;
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
  dsm_dataset_close(&dataset);
  return DSM_OK;
}

static dsm_status build(bench *b, const dsm_config *c, dsm_comm *comm) {
  dsm__session *s = &b->session;
  dsm_shape sample;
  DSM_TRY(sample_shape(c, &sample));
  DSM_TRY(dsm__session_create(comm, c, sample, s));
  const size_t micro = (size_t)c->train.micro_batch, block = (size_t)c->sampler.block;
  DSM_TRY(DSM_ALLOC(s->count, &b->w));
  DSM_TRY(DSM_ALLOC(s->count, &b->gradients));
  DSM_TRY(DSM_ALLOC(micro * s->d, &b->x0));
  DSM_TRY(DSM_ALLOC(micro, &b->losses));
  DSM_TRY(DSM_ALLOC(block * s->d, &b->block));
  DSM_TRY(DSM_ALLOC((size_t)b->steps, &b->step_seconds));
  DSM_TRY(DSM_ALLOC((size_t)b->steps, &b->evaluation_seconds));
  dsm_parameters_init(dsm_model_parameters(s->model), 0, b->w);
  for (size_t i = 0; i < micro; i++)
    dsm_random_normal((dsm_random_key){0, DSM_STREAM_DATA, 0, i}, 0, s->d, b->x0 + i * s->d);
  DSM_TRY(dsm_objective_create(c, s->process, s->model, &s->kernels, micro, &b->objective));
  DSM_TRY(dsm_network_create(c, s->process, s->model, &s->kernels, block, &b->network));
  DSM_TRY(dsm_optimizer_create(c, dsm_model_parameters(s->model), b->w, &s->kernels, &b->optimizer));
  return DSM_OK;
}

static dsm_status build_reducer(bench *b) {
  DSM_TRY(dsm__session_reducer(&b->session, 0, &b->reducer));
  dsm_reducer_range(b->reducer, &b->first_leaf, &b->leaves);
  return DSM_OK;
}

static dsm_status one_step(bench *b, int64_t step) {
  const size_t micro = (size_t)b->session.config.train.micro_batch;
  const double start = dsm_seconds();
  const float *sum;
  dsm_step_report report;
  for (size_t i = 0; i < b->leaves; i++) {
    dsm_objective_run(b->objective, b->w, b->x0, 0, (uint64_t)step, (b->first_leaf + i) * micro,
                      dsm_reducer_leaf(b->reducer), b->losses, NULL);
    dsm_reducer_push(b->reducer);
  }
  const double computed = dsm_seconds();
  DSM_TRY(dsm_reducer_finish(b->reducer, &sum));
  const double reduced = dsm_seconds();
  DSM_TRY(dsm_optimizer_step(b->optimizer, b->w, sum, 1.0 / (double)b->session.config.train.batch, &report));
  const double end = dsm_seconds();
  if (step >= WARM_UP) {
    b->step_seconds[step - WARM_UP] = end - start;
    b->compute += computed - start;
    b->reduce += reduced - computed;
    b->update += end - reduced;
  }
  return DSM_OK;
}

static dsm_status measure(bench *b) {
  const dsm_denoiser denoiser = dsm_network_denoiser(b->network, b->w);
  const size_t block = (size_t)b->session.config.sampler.block;
  float *eps = NULL;
  double *times = NULL;
  dsm_status status = DSM_OK;
  DSM_TRY_DONE(dsm_comm_barrier(b->session.comm));
  for (int64_t step = 0; step < WARM_UP + b->steps; step++) DSM_TRY_DONE(one_step(b, step));
  DSM_TRY_DONE(DSM_ALLOC(block * b->session.d, &eps));
  DSM_TRY_DONE(DSM_ALLOC(block, &times));
  for (size_t i = 0; i < block; i++) times[i] = dsm_process_last(b->session.process);
  for (int64_t step = 0; step < WARM_UP + b->steps; step++) {
    const double start = dsm_seconds();
    denoiser.estimate(denoiser.self, b->block, times, &(dsm_estimate){.eps = eps});
    if (step >= WARM_UP) b->evaluation_seconds[step - WARM_UP] = dsm_seconds() - start;
  }
  DSM_TRY_DONE(dsm_comm_barrier(b->session.comm));
  /* all ranks at once, as in the steps */
  DSM_TRY_DONE(dsm__machine_limits(b->session.kernels.threads, &b->gflops, &b->gbytes));
  DSM_TRY_DONE(dsm_objective_profile(b->objective, b->w, b->gradients, PROFILE_REPEATS, &b->row, &b->rows));
done:
  free(eps);
  free(times);
  return status;
}

static int by_value(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double median(double *x, int64_t n) {
  qsort(x, (size_t)n, sizeof *x, by_value);
  return n % 2 ? x[n / 2] : 0.5 * (x[n / 2 - 1] + x[n / 2]);
}

static void print_table(const bench *b) {
  double total = 0, flops = 0;
  for (size_t i = 0; i < b->rows; i++) total += b->row[i].seconds, flops += b->row[i].flops;
  /* 80 columns */
  dsm_info("operation              output            kernel   calls     ms  share GFLOP/s GB/s");
  for (size_t i = 0; i < b->rows && i < TABLE_ROWS; i++) {
    const dsm_node_time *r = &b->row[i];
    char gflops[16] = "-";
    if (r->flops > 0) snprintf(gflops, sizeof gflops, "%.1f", r->flops / r->seconds * 1e-9);
    dsm_info("%-22.22s %-17.17s %-8.8s %5zu %6.2f %5.1f%% %7s %4.1f", r->op, r->shape, r->kernel,
             r->calls / PROFILE_REPEATS, 1e3 * r->seconds / PROFILE_REPEATS, 100 * r->seconds / total, gflops,
             r->bytes / r->seconds * 1e-9);
  }
  dsm_info(
      "one micro-batch %.2f ms, %.1f GFLOP/s; this machine, a rank: SGEMM %.1f GFLOP/s, memory %.1f GB/s",
      1e3 * total / PROFILE_REPEATS, flops / total * 1e-9, b->gflops, b->gbytes);
}

typedef struct figures {
  double step, samples_per_second, evaluation, evaluated_per_second, peak_memory;
} figures;

static dsm_status write_json(const bench *b, const char *path, const figures *f) {
  FILE *file = fopen(path, "w");
  if (!file) DSM_FAIL(DSM_IO, "%s cannot be opened for writing", path);
  const double steps = (double)b->steps;
  fprintf(file,
          "{\"program\": \"%s\", \"model\": \"%s\", \"parameters\": %zu, \"ranks\": %d, \"threads\": %d,\n"
          " \"instructions\": \"%s\", \"blas\": \"%s\", \"batch\": %lld, \"micro_batch\": %lld,\n"
          " \"step_seconds\": %.6f, \"samples_per_second\": %.3f, \"compute_seconds\": %.6f,\n"
          " \"reduce_seconds\": %.6f, \"update_seconds\": %.6f, \"block\": %lld,\n"
          " \"evaluation_seconds\": %.6f, \"evaluated_samples_per_second\": %.3f,\n"
          " \"peak_memory_bytes\": %.0f, \"sgemm_gflops\": %.2f, \"memory_gbytes_per_second\": %.2f,\n"
          " \"operations\": [",
          dsm_version_line(), dsm_model_text(b->session.model), b->session.count,
          dsm_comm_size(b->session.comm), b->session.kernels.threads, b->session.kernels.instructions,
          dsm_kernels_blas(), (long long)b->session.config.train.batch,
          (long long)b->session.config.train.micro_batch, f->step, f->samples_per_second, b->compute / steps,
          b->reduce / steps, b->update / steps, (long long)b->session.config.sampler.block, f->evaluation,
          f->evaluated_per_second, f->peak_memory, b->gflops, b->gbytes);
  for (size_t i = 0; i < b->rows; i++)
    fprintf(
        file,
        "%s\n  {\"op\": \"%s\", \"output\": \"%s\", \"kernel\": \"%s\", \"calls\": %zu, \"seconds\": %.9f, "
        "\"gflop\": %.6f, \"gbyte\": %.6f}",
        i ? "," : "", b->row[i].op, b->row[i].shape, b->row[i].kernel, b->row[i].calls / PROFILE_REPEATS,
        b->row[i].seconds / PROFILE_REPEATS, b->row[i].flops / PROFILE_REPEATS * 1e-9,
        b->row[i].bytes / PROFILE_REPEATS * 1e-9);
  fprintf(file, "]}\n");
  if (fclose(file) != 0) DSM_FAIL(DSM_IO, "%s cannot be written", path);
  return DSM_OK;
}

static dsm_status report(bench *b, const char *json) {
  const dsm_config *c = &b->session.config;
  const double ranks = dsm_comm_size(b->session.comm), steps = (double)b->steps;
  double mine[3] = {median(b->step_seconds, b->steps), median(b->evaluation_seconds, b->steps),
                    dsm__peak_memory()};
  double slowest[3];
  DSM_TRY(dsm_comm_statistics(b->session.comm, mine, 3, NULL, NULL, slowest, NULL));
  const figures f = {.step = slowest[0],
                     .samples_per_second = (double)c->train.batch / slowest[0],
                     .evaluation = slowest[1],
                     .evaluated_per_second = ranks * (double)c->sampler.block / slowest[1],
                     .peak_memory = slowest[2]};
  char memory[32];
  print_table(b);
  dsm_info("step        %8.2f ms (median of %lld): gradients %.2f, gradient sum %.2f, optimizer %.2f (means)",
           1e3 * f.step, (long long)b->steps, 1e3 * b->compute / steps, 1e3 * b->reduce / steps,
           1e3 * b->update / steps);
  dsm_info("training    %8.2f samples/s, %.2f a rank", f.samples_per_second, f.samples_per_second / ranks);
  dsm_info("evaluation  %8.2f samples/s, %.2f a rank (network alone, blocks of %lld)", f.evaluated_per_second,
           f.evaluated_per_second / ranks, (long long)c->sampler.block);
  dsm_info("memory      %8s peak a rank", dsm_bytes(f.peak_memory, memory, sizeof memory));
  DSM_AGREE(b->session.comm, json && is_root(b) ? write_json(b, json, &f) : DSM_OK);
  return DSM_OK;
}

static dsm_status run(bench *b, dsm_comm *comm, const dsm_config *c, const char *json) {
  DSM_AGREE(comm, build(b, c, comm));
  DSM_TRY(build_reducer(b));
  dsm__banner(&b->session);
  const dsm_graph_facts facts = dsm_objective_facts(b->objective);
  dsm__banner_model(&b->session, &facts, dsm_reducer_memory(b->reducer));
  DSM_AGREE(comm, measure(b));
  return report(b, json);
}

dsm_status dsm_bench(dsm_comm *comm, const dsm_config *config, const dsm_bench_options *options) {
  bench b = {.steps = options->steps};
  b.session.comm = comm;
  const dsm_status status = run(&b, comm, config, options->json);
  if (status != DSM_OK) dsm__forward(status, __FILE__, __LINE__);
  dsm_reducer_destroy(&b.reducer);
  dsm_optimizer_destroy(&b.optimizer);
  dsm_network_destroy(&b.network);
  dsm_objective_destroy(&b.objective);
  float *const arrays[] = {b.w, b.gradients, b.x0, b.losses, b.block};
  for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) free(arrays[i]);
  free(b.step_seconds);
  free(b.evaluation_seconds);
  free(b.row);
  dsm__session_destroy(&b.session);
  return status;
}
