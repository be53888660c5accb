#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "internal.h"

int dsm__cores(const dsm_comm *comm) {
  const int mine = dsm_comm_cores(), machine = (int)sysconf(_SC_NPROCESSORS_ONLN);
  const int local = comm ? dsm_comm_local_size(comm) : 1;
  /* bound ranks have cores of their own; ranks that may run anywhere share the machine */
  const int share = mine * local > machine ? machine / local : mine;
  return share < 1 ? 1 : share;
}

dsm_status dsm__session_create(dsm_comm *comm, const dsm_config *config, dsm_shape sample, dsm__session *s) {
  *s = (dsm__session){.comm = comm, .config = *config};
  const int threads = config->train.threads > 0 ? (int)config->train.threads : dsm__cores(comm);
  if (config->train.kernels == DSM_KERNEL_SET_REF)
    dsm_kernels_ref(&s->kernels, threads);
  else
    DSM_TRY(dsm_kernels_fast(&s->kernels, threads, NULL));
  if (config->train.kernels == DSM_KERNEL_SET_IM2COL) dsm_kernels_no_winograd(&s->kernels);
  snprintf(s->kernels_text, sizeof s->kernels_text, "%s%s", s->kernels.instructions,
           config->train.kernels == DSM_KERNEL_SET_IM2COL ? ", im2col" : "");
  DSM_TRY(dsm_process_create(config, &s->process));
  DSM_TRY(dsm_model_create(config, sample, &s->model));
  s->d = dsm_shape_count(sample);
  s->count = dsm_parameters_count(dsm_model_parameters(s->model));
  return DSM_OK;
}

static void add_arrays(void *context, float *y, const float *x, size_t n) {
  const dsm_kernels *k = context;
  k->accumulate(k, y, x, n);
}

dsm_reducer_hooks dsm__session_sums(dsm__session *s) {
  return (dsm_reducer_hooks){add_arrays, &s->kernels};
}

dsm_status dsm__session_reducer(dsm__session *s, size_t extras, dsm_reducer **reducer) {
  const dsm_config *c = &s->config;
  const dsm_reducer_hooks hooks = dsm__session_sums(s);
  const dsm_reducer_params params = {.leaves = (size_t)(c->train.batch / c->train.micro_batch),
                                     .count = s->count + extras,
                                     .late = extras,
                                     .mode = c->train.reduction,
                                     .overlap = c->train.overlap,
                                     .hooks = &hooks};
  DSM_TRY(dsm_reducer_create(s->comm, &params, reducer));
  return DSM_OK;
}

static void gradient_ready(void *reducer, const dsm_parameter *entry) {
  dsm_reducer_ready(reducer, entry->offset, dsm_shape_count(entry->shape));
}

static void progress(void *reducer) {
  dsm_reducer_progress(reducer);
}

dsm_run_hooks dsm__reducer_hooks(dsm_reducer *reducer) {
  return (dsm_run_hooks){.gradient_ready = gradient_ready, .progress = progress, .context = reducer};
}

void dsm__session_destroy(dsm__session *s) {
  dsm_process_destroy(&s->process);
  dsm_model_destroy(&s->model);
}
