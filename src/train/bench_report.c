/* What `dsmpi bench` prints: 80 columns. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "bench.h"

enum { TABLE_ROWS = 20 };

/* ---- kinds of operations ------------------------------------------------------------------------------- */

/** Which kind an operation is of, by the beginning of its name; what is not here computes one element from few:
 * "element-wise". */
static const struct {
  const char *prefix, *group;
} kinds[] = {
    {"conv2d", "convolutions"}, {"matmul", "products"},    {"group_norm", "norms"},
    {"softmax", "softmax"},     {"sum", "sums"},           {"concat", "copies"},
    {"slice", "copies"},        {"pad", "copies"},         {"upsample2", "copies"},
    {"reshape", "copies"},      {"downsample2", "copies"}, {"broadcast", "copies"},
};
static const char *const group_names[DSM__BENCH_GROUPS] = {
    "convolutions", "products", "norms", "softmax", "sums", "copies", "element-wise"};

static const char *kind_of(const char *op) {
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
    if (strncmp(op, kinds[i].prefix, strlen(kinds[i].prefix)) == 0) return kinds[i].group;
  return "element-wise";
}

static int slower_first(const void *a, const void *b) {
  const double x = ((const dsm__bench_group *)a)->seconds, y = ((const dsm__bench_group *)b)->seconds;
  return (x < y) - (x > y);
}

void dsm__bench_groups(const dsm__bench_figures *f, dsm__bench_group group[DSM__BENCH_GROUPS]) {
  for (int g = 0; g < DSM__BENCH_GROUPS; g++) {
    group[g] = (dsm__bench_group){.name = group_names[g]};
    for (size_t i = 0; i < f->rows; i++) {
      const dsm_node_time *r = &f->row[i];
      if (strcmp(kind_of(r->op), group_names[g]) != 0) continue;
      group[g].seconds += r->seconds, group[g].flops += r->flops, group[g].bytes += r->bytes;
    }
  }
  qsort(group, DSM__BENCH_GROUPS, sizeof *group, slower_first);
}

/* ---- pieces of lines ----------------------------------------------------------------------------------- */

/** What limits an operation: arithmetic where there are products in it, else the traffic of its operands. */
static const char *rate(double flops, double bytes, double seconds, char *text, size_t size) {
  snprintf(text, size, "%6.1f %s", (flops > 0 ? flops : bytes) * 1e-9 / seconds,
           flops > 0 ? "GFLOP/s" : "GB/s");
  return text;
}

/** "(16, 28, 28, 64)" as 16x28x28x64. */
static const char *compact_shape(const char *shape, char *text, size_t size) {
  size_t n = 0;
  for (; *shape && n + 1 < size; shape++) {
    if (*shape == ',') text[n++] = 'x';
    if (*shape >= '0' && *shape <= '9') text[n++] = *shape;
  }
  text[n] = '\0';
  return text;
}

/** "conv2d_weight_gradient" as "conv2d weight grad". */
static const char *plain_name(const char *op, char *text, size_t size) {
  snprintf(text, size, "%s", op);
  char *gradient = strstr(text, "_gradient");
  if (gradient) gradient[strlen("_grad")] = '\0';
  for (char *c = text; *c; c++)
    if (*c == '_') *c = ' ';
  return text;
}

/* ---- the tables ---------------------------------------------------------------------------------------- */

static void print_operations(const dsm__bench_figures *f, double total) {
  char name[64], shape[64], speed[32];
  dsm_info("operation             output         kernel   runs      ms  share   rate");
  for (size_t i = 0; i < f->rows && i < TABLE_ROWS; i++) {
    const dsm_node_time *r = &f->row[i];
    dsm_info("%-21.21s %-14.14s %-8.8s %4zu %7.2f %5.1f%% %s", plain_name(r->op, name, sizeof name),
             compact_shape(r->shape, shape, sizeof shape), r->kernel, r->calls, 1e3 * r->seconds,
             100 * r->seconds / total, rate(r->flops, r->bytes, r->seconds, speed, sizeof speed));
  }
  if (f->rows > TABLE_ROWS) {
    double rest = 0;
    for (size_t i = TABLE_ROWS; i < f->rows; i++) rest += f->row[i].seconds;
    dsm_info("%-50s %7.2f %5.1f%%", "(others)", 1e3 * rest, 100 * rest / total);
  }
}

static void print_groups(const dsm__bench_figures *f, double total, size_t samples) {
  dsm__bench_group group[DSM__BENCH_GROUPS];
  char name[64], speed[32];
  double flops = 0;
  dsm__bench_groups(f, group);
  snprintf(name, sizeof name, "one micro-batch, %zu samples", samples);
  for (int g = 0; g < DSM__BENCH_GROUPS; g++) flops += group[g].flops;
  dsm_info("%-50s %7.2f        %s", name, 1e3 * total, rate(flops, 0, total, speed, sizeof speed));
  for (int g = 0; g < DSM__BENCH_GROUPS && group[g].seconds > 0; g++)
    dsm_info("  %-48s %7.2f %5.1f%% %s", group[g].name, 1e3 * group[g].seconds,
             100 * group[g].seconds / total,
             rate(group[g].flops, group[g].bytes, group[g].seconds, speed, sizeof speed));
  dsm_info("machine, a rank: products of 1024 x 1024 %.1f GFLOP/s, memory %.1f GB/s", f->gflops, f->gbytes);
  dsm_info("  GFLOP/s are those of the definition; Winograd multiplies a quarter of that");
}

static void print_step(const dsm__session *s, const dsm__bench_figures *f) {
  const dsm__bench_step *t = &f->worst.step;
  const bool one = dsm_comm_size(s->comm) == 1;
  const struct {
    const char *name;
    double seconds;
    bool shown;
  } parts[] = {{"gradients", t->gradients, true},
               {"communication, waited for", t->communication, !one},
               {"communication, while computing", t->polling, f->overlap},
               {"sums of gradients", t->sums, true},
               {"optimizer", t->optimizer, true}};
  char name[64], sent[32];
  if (one)
    snprintf(name, sizeof name, "step, median of %lld", (long long)f->steps);
  else
    snprintf(name, sizeof name, "step, median of %lld; parts on rank %d, the slowest", (long long)f->steps,
             f->slowest);
  dsm_info("%-50s %7.2f", name, 1e3 * t->whole);
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
    if (parts[i].shown)
      dsm_info("  %-48s %7.2f %5.1f%%", parts[i].name, 1e3 * parts[i].seconds,
               100 * parts[i].seconds / t->whole);
  if (!one)
    dsm_info("  a rank sends %s, overlap with computing %s", dsm_bytes(f->worst.sent, sent, sizeof sent),
             f->overlap ? "on" : "off");
}

static void print_sum(const dsm__session *s, const dsm__bench_figures *f) {
  const double bytes = (double)s->count * sizeof(float);
  char size[32], name[64], speed[32];
  snprintf(name, sizeof name, "sum of a gradient, %s: by the tree", dsm_bytes(bytes, size, sizeof size));
  dsm_info("%-50s %7.2f        %s", name, 1e3 * f->tree, rate(0, bytes, f->tree, speed, sizeof speed));
  dsm_info("%-50s %7.2f        %s", "  by MPI_Allreduce", 1e3 * f->stock,
           rate(0, bytes, f->stock, speed, sizeof speed));
}

/** "; 5.88 a rank", of several. */
static const char *a_rank(double figure, int ranks, char *text, size_t size) {
  snprintf(text, size, ranks > 1 ? "; %.2f a rank" : "", figure / ranks);
  return text;
}

void dsm__bench_report(const dsm__session *s, const dsm__bench_figures *f) {
  const dsm_config *c = &s->config;
  const int ranks = dsm_comm_size(s->comm);
  const double training = (double)c->train.batch / f->worst.step.whole,
               evaluation = ranks * (double)c->sampler.block / f->worst.evaluation;
  char text[2][32];
  double total = 0;
  for (size_t i = 0; i < f->rows; i++) total += f->row[i].seconds;
  print_operations(f, total);
  print_groups(f, total, (size_t)c->train.micro_batch);
  print_step(s, f);
  if (ranks > 1) print_sum(s, f);
  dsm_info("training    %10.2f samples/s%s", training, a_rank(training, ranks, text[0], sizeof text[0]));
  dsm_info("evaluation  %10.2f samples/s%s (blocks of %lld)", evaluation,
           a_rank(evaluation, ranks, text[0], sizeof text[0]), (long long)c->sampler.block);
  dsm_info("memory      %10s training, %s evaluation; peak%s",
           dsm_bytes(f->worst.training_memory, text[0], sizeof text[0]),
           dsm_bytes(f->worst.evaluation_memory, text[1], sizeof text[1]),
           ranks > 1 ? " of the largest rank" : "");
  if (isfinite(f->worst.started))
    dsm_info("start       %10.2f s until the end of the first step", f->worst.started);
  if (s->kernels.threads > 1)
    dsm_info("threads     %10d a rank; ranks of one thread suffer less on busy cores", s->kernels.threads);
}
