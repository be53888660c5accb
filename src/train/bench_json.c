/* What `dsmpi bench --json` writes. */
#include <stdio.h>
#include "bench.h"

static void write_head(FILE *file, const dsm__session *s) {
  const dsm_config *c = &s->config;
  fprintf(file, "{\"program\": \"%s\", \"model\": \"%s\", \"parameters\": %zu,\n", dsm_version_line(),
          dsm_model_text(s->model), s->count);
  fprintf(file,
          " \"ranks\": %d, \"threads\": %d, \"cores\": %d, \"kernels\": \"%s\", \"instructions\": \"%s\",\n",
          dsm_comm_size(s->comm), s->kernels.threads, dsm__cores(s->comm), s->kernels.name,
          s->kernels.instructions);
  fprintf(file, " \"blas\": \"%s\", \"mpi\": \"%s\", \"batch\": %lld, \"micro_batch\": %lld,\n",
          dsm_kernels_blas(), dsm_comm_library(), (long long)c->train.batch, (long long)c->train.micro_batch);
}

static void write_figures(FILE *file, const dsm__session *s, const dsm__bench_figures *f) {
  const dsm__bench_rank *w = &f->worst;
  const long long batch = (long long)s->config.train.batch, block = (long long)s->config.sampler.block;
  const int ranks = dsm_comm_size(s->comm);
  char number[32];
  fprintf(file,
          " \"step\": {\"seconds\": %.9f, \"gradients\": %.9f, \"communication\": %.9f, \"polling\": %.9f, "
          "\"sums\": %.9f, "
          "\"optimizer\": %.9f, \"rank\": %d, \"sent_bytes\": %.0f, \"overlap\": %s},\n",
          w->step.whole, w->step.gradients, w->step.communication, w->step.polling, w->step.sums,
          w->step.optimizer, f->slowest, w->sent, f->overlap ? "true" : "false");
  fprintf(file, " \"training\": {\"samples_per_second\": %.4f, \"peak_memory_bytes\": %.0f},\n",
          (double)batch / w->step.whole, w->training_memory);
  fprintf(file,
          " \"evaluation\": {\"samples_per_second\": %.4f, \"peak_memory_bytes\": %.0f, \"block\": %lld, "
          "\"seconds\": %.9f},\n",
          ranks * (double)block / w->evaluation, w->evaluation_memory, block, w->evaluation);
  fprintf(file, " \"start_seconds\": %s,\n", dsm_json_number(w->started, number, sizeof number));
  if (ranks > 1)
    fprintf(file,
            " \"gradient_sum\": {\"bytes\": %zu, \"tree_seconds\": %.9f, \"mpi_allreduce_seconds\": %.9f},\n",
            s->count * sizeof(float), f->tree, f->stock);
  fprintf(file, " \"machine\": {\"sgemm_gflops\": %.2f, \"memory_gbytes_per_second\": %.2f},\n", f->gflops,
          f->gbytes);
}

static void write_profile(FILE *file, const dsm__bench_figures *f) {
  dsm__bench_group group[DSM__BENCH_GROUPS];
  dsm__bench_groups(f, group);
  fprintf(file, " \"groups\": [");
  for (int g = 0; g < DSM__BENCH_GROUPS; g++)
    fprintf(file, "%s\n  {\"name\": \"%s\", \"seconds\": %.9f, \"gflop\": %.6f, \"gbyte\": %.6f}",
            g ? "," : "", group[g].name, group[g].seconds, group[g].flops * 1e-9, group[g].bytes * 1e-9);
  fprintf(file, "],\n \"operations\": [");
  for (size_t i = 0; i < f->rows; i++)
    fprintf(
        file,
        "%s\n  {\"op\": \"%s\", \"output\": \"%s\", \"kernel\": \"%s\", \"calls\": %zu, \"seconds\": %.9f, "
        "\"gflop\": %.6f, \"gbyte\": %.6f}",
        i ? "," : "", f->row[i].op, f->row[i].shape, f->row[i].kernel, f->row[i].calls, f->row[i].seconds,
        f->row[i].flops * 1e-9, f->row[i].bytes * 1e-9);
  fprintf(file, "]}\n");
}

dsm_status dsm__bench_json(const dsm__session *s, const dsm__bench_figures *f, const char *path) {
  FILE *file = fopen(path, "w");
  if (!file) DSM_FAIL(DSM_IO, "%s cannot be opened for writing", path);
  write_head(file, s);
  write_figures(file, s, f);
  write_profile(file, f);
  const bool failed = ferror(file) != 0;
  if (fclose(file) != 0 || failed) DSM_FAIL(DSM_IO, "%s cannot be written", path);
  return DSM_OK;
}
