#include "trained.h"
#include <stdlib.h>

static dsm_status read_average(const char *path, trained *t) {
  dsm_status status = DSM_OK;
  double rates[DSM_AVERAGES_MAX], *average = NULL;
  size_t rates_count = 0, count = dsm_parameters_count(dsm_model_parameters(t->model));
  dsm_checkpoint_arrays arrays = {
      .table = dsm_model_parameters(t->model), .w = t->w, .averages = 1, .rates = rates};
  DSM_TRY(dsm_checkpoint_rates(path, rates, &rates_count));
  if (rates_count == 0) DSM_FAIL(DSM_BAD_DATA, "%s has no averages", path);
  DSM_TRY(DSM_ALLOC(count, &average));
  arrays.average[0] = average;
  DSM_TRY_DONE(dsm_checkpoint_read_arrays(path, &arrays));
  for (size_t i = 0; i < count; i++) t->w[i] = (float)average[i];
done:
  free(average);
  return status;
}

dsm_status trained_open(const char *path, int average, trained *t) {
  *t = (trained){.w = NULL};
  DSM_TRY(dsm_checkpoint_read_header(path, &t->header));
  dsm_config_defaults(&t->config);
  DSM_TRY(dsm_config_parse(path, t->header.config, &t->config));
  DSM_TRY(dsm_kernels_fast(&t->kernels, 1, NULL));
  DSM_TRY(dsm_process_create(&t->config, &t->process));
  DSM_TRY(dsm_model_create(&t->config, t->header.sample, &t->model));
  DSM_TRY(DSM_ALLOC(dsm_parameters_count(dsm_model_parameters(t->model)), &t->w));
  if (average) return read_average(path, t);
  const dsm_checkpoint_arrays arrays = {.table = dsm_model_parameters(t->model), .w = t->w};
  return dsm_checkpoint_read_arrays(path, &arrays);
}

void trained_close(trained *t) {
  free(t->w);
  dsm_model_destroy(&t->model);
  dsm_process_destroy(&t->process);
  dsm_checkpoint_destroy(&t->header);
}
