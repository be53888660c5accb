/* How much of the gradient's way between hosts is hidden behind backward: training steps of a configuration,
 * in turns with train.overlap off and on in the same process, so that both see the same machine.
 *   hidden = (step without overlap - step with overlap) / min(gradients, communication without overlap)
 * from medians of the slowest rank; of communication, of the rank that waits least for others. Started by overlap.sh as  bench_overlap STEPS CONFIG [key=value ...] */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "dsmpi/clock.h"
#include "dsmpi/memory.h"
#include "train/internal.h"

enum { WARM_UP = 2, OFF = 0, ON = 1, WAYS = 2 };

/* Of one step, in seconds. */
typedef struct figures {
  double step, gradients, exposed, polling, summing;
} figures;
enum { FIGURES = sizeof(figures) / sizeof(double) };

typedef struct job {
  dsm__session session;
  dsm_objective *objective;
  dsm_reducer *reducer[WAYS];
  float *w, *x0, *losses, *sum; /* sum: of the last step without overlap */
} job;

static dsm_status build(job *j, const dsm_config *config) {
  const dsm_config *c = &j->session.config;
  size_t n[DSM_LIST_MAX];
  for (size_t i = 0; i < config->data.shape.count; i++) n[i] = (size_t)config->data.shape.value[i];
  DSM_TRY(dsm__session_create(j->session.comm, config, dsm__shape_make((int)config->data.shape.count, n),
                              &j->session));
  const size_t micro = (size_t)c->train.micro_batch;
  DSM_TRY(DSM_ALLOC(j->session.count, &j->w));
  DSM_TRY(DSM_ALLOC(j->session.count, &j->sum));
  DSM_TRY(DSM_ALLOC(micro * j->session.d, &j->x0));
  DSM_TRY(DSM_ALLOC(micro, &j->losses));
  dsm_parameters_init(dsm_model_parameters(j->session.model), 0, j->w);
  DSM_TRY(dsm_objective_create(c, j->session.process, j->session.model, &j->session.kernels, micro,
                               &j->objective));
  for (int way = 0; way < WAYS; way++) {
    j->session.config.train.overlap = way == ON ? DSM_OVERLAP_ON : DSM_OVERLAP_OFF;
    DSM_TRY(dsm__session_reducer(&j->session, 0, &j->reducer[way]));
  }
  return DSM_OK;
}

/* The same bits both ways, or the figures are worth nothing. */
static dsm_status check_sum(job *j, int way, const float *sum) {
  const size_t bytes = j->session.count * sizeof *sum;
  if (way == OFF)
    memcpy(j->sum, sum, bytes);
  else if (memcmp(j->sum, sum, bytes) != 0)
    DSM_FAIL(DSM_INTERNAL, "the sum of gradients has other bits with overlap than without");
  return DSM_OK;
}

/* A step but for the optimizer. Collective. */
static dsm_status one_step(job *j, int way, int64_t step, figures *f) {
  dsm_reducer *r = j->reducer[way];
  const size_t micro = (size_t)j->session.config.train.micro_batch;
  const dsm_run_hooks hooks = dsm__reducer_hooks(r);
  const dsm_reducer_facts before = dsm_reducer_facts_of(r);
  const float *sum;
  size_t first, leaves;
  dsm_reducer_range(r, &first, &leaves);
  DSM_TRY(dsm_comm_barrier(j->session.comm));
  const double start = dsm_seconds();
  for (size_t i = first; i < first + leaves; i++) {
    dsm_objective_run(j->objective, j->w, j->x0, 0, (uint64_t)step, i * micro, dsm_reducer_leaf(r), j->losses,
                      &hooks);
    dsm_reducer_push(r);
  }
  const double computed = dsm_seconds();
  DSM_TRY(dsm_reducer_finish(r, &sum));
  const double end = dsm_seconds();
  const dsm_reducer_facts after = dsm_reducer_facts_of(r);
  const figures mine = {.step = end - start,
                        .gradients = computed - start,
                        .exposed = after.exposed - before.exposed,
                        .polling = after.polling - before.polling,
                        .summing = after.summing - before.summing};
  figures least;
  DSM_TRY(dsm_comm_statistics(j->session.comm, &mine.step, FIGURES, &least.step, NULL, &f->step, NULL));
  f->exposed = least.exposed;
  DSM_AGREE(j->session.comm, check_sum(j, way, sum));
  return DSM_OK;
}

static figures median(const figures *f, size_t steps, double *list) {
  double middle[FIGURES];
  for (size_t m = 0; m < FIGURES; m++) {
    for (size_t k = 0; k < steps; k++) list[k] = (&f[k].step)[m];
    middle[m] = dsm_median(list, steps);
  }
  return (figures){middle[0], middle[1], middle[2], middle[3], middle[4]};
}

static dsm_status measure(job *j, size_t steps) {
  dsm_status status = DSM_OK;
  figures *f[WAYS] = {NULL}, warm_up;
  double *list = NULL;
  DSM_TRY_DONE(DSM_ALLOC(steps, &list));
  for (int way = 0; way < WAYS; way++) DSM_TRY_DONE(DSM_ALLOC(steps, &f[way]));
  for (size_t k = 0; k < WARM_UP + steps; k++)
    for (int way = 0; way < WAYS; way++)
      DSM_TRY_DONE(one_step(j, way, (int64_t)k, k < WARM_UP ? &warm_up : &f[way][k - WARM_UP]));
  if (dsm_comm_rank(j->session.comm) > 0) goto done;

  const figures off = median(f[OFF], steps, list), on = median(f[ON], steps, list);
  const double least = off.gradients < off.exposed ? off.gradients : off.exposed;
  printf("%d ranks on %d hosts, %.1f MB of gradients, medians of %zu, ms\n", dsm_comm_size(j->session.comm),
         dsm_comm_hosts(j->session.comm), 4e-6 * (double)j->session.count, steps);
  printf("overlap     step gradients   exposed   polling      sums\n");
  for (int way = 0; way < WAYS; way++) {
    const figures *x = way == ON ? &on : &off;
    printf("%-7s %8.1f  %8.1f  %8.1f  %8.1f  %8.1f\n", way == ON ? "on" : "off", 1e3 * x->step,
           1e3 * x->gradients, 1e3 * x->exposed, 1e3 * x->polling, 1e3 * x->summing);
  }
  printf("hidden  %8.0f %%\n", 100 * (off.step - on.step) / least);
done:
  free(list);
  for (int way = 0; way < WAYS; way++) free(f[way]);
  return status;
}

static dsm_status run(dsm_comm *comm, int argc, char **argv) {
  job j = {.session.comm = comm};
  dsm_config config;
  dsm_status status = DSM_OK;
  dsm_config_defaults(&config);
  DSM_TRY(dsm_config_read(argv[2], &config));
  for (int i = 3; i < argc; i++) DSM_TRY(dsm_config_override(argv[i], i, &config));
  DSM_TRY_DONE(dsm_agree(comm, build(&j, &config)));
  DSM_TRY_DONE(measure(&j, strtoul(argv[1], NULL, 10)));
done:
  for (int way = 0; way < WAYS; way++) dsm_reducer_destroy(&j.reducer[way]);
  dsm_objective_destroy(&j.objective);
  free(j.w);
  free(j.sum);
  free(j.x0);
  free(j.losses);
  dsm__session_destroy(&j.session);
  return status;
}

int main(int argc, char **argv) {
  dsm_comm *comm = NULL;
  if (argc < 3) {
    fprintf(stderr, "usage: bench_overlap STEPS CONFIG [key=value ...]\n");
    return 64;
  }
  dsm_status status = dsm_comm_create(&comm);
  if (status == DSM_OK) status = run(comm, argc, argv);
  if (status != DSM_OK) fprintf(stderr, "%s\n", dsm_trail());
  dsm_comm_destroy(&comm);
  return dsm_status_exit_code(status);
}
