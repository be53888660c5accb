#include "setup.h"

#include "dsmpi/random.h"

dsm_config small_mlp(int process, int prediction, int weighting) {
  dsm_config config = config_of(process, DSM_SCHEDULE_COSINE, 100);
  config.process.sigma_max = 5;
  config.model.name = DSM_MODEL_MLP;
  config.model.width = 8;
  config.model.depth = 1;
  config.model.dropout = 0;
  config.objective.name = DSM_OBJECTIVE_DENOISING;
  config.objective.prediction = prediction;
  config.objective.weighting = weighting;
  return config;
}

dsm_config small_unet(int process, int prediction, int weighting) {
  dsm_config config = small_mlp(process, prediction, weighting);
  config.model.name = DSM_MODEL_UNET;
  config.model.multipliers = (dsm_int_list){.count = 1, .value = {1}};
  config.model.blocks = 1;
  config.model.attention = (dsm_int_list){.count = 1, .value = {4}};
  return config;
}

void start(setup *s, dsm_config config, dsm_shape sample, size_t micro_batch, double scale) {
  *s = (setup){.config = config};
  assert_int_equal(dsm_kernels_fast(&s->kernels, 1, NULL), DSM_OK);
  assert_int_equal(dsm_process_create(&config, &s->process), DSM_OK);
  assert_int_equal(dsm_model_create(&config, sample, &s->model), DSM_OK);
  dsm_status status =
      dsm_objective_create(&config, s->process, s->model, &s->kernels, micro_batch, &s->objective);
  if (status != DSM_OK) fail_msg("%s", dsm_trail());
  s->count = dsm_parameters_count(dsm_model_parameters(s->model));
  s->w = calloc(s->count, sizeof(float));
  s->gradients = calloc(s->count, sizeof(float));
  assert_true(s->w && s->gradients);
  dsm_random_normal((dsm_random_key){2, DSM_STREAM_INIT, 0, 0}, 0, s->count, s->w);
  for (size_t i = 0; i < s->count; i++) s->w[i] = (float)(scale * (double)s->w[i]);
}

void stop(setup *s) {
  free(s->w);
  free(s->gradients);
  dsm_objective_destroy(&s->objective);
  dsm_model_destroy(&s->model);
  dsm_process_destroy(&s->process);
  assert_null(s->objective);
}

void draw_data(float *x0, size_t n, size_t d) {
  for (size_t i = 0; i < n; i++)
    dsm_random_normal((dsm_random_key){3, DSM_STREAM_DATA, 0, i}, 0, d, x0 + i * d);
}

/* `size`: sum of the absolute losses, or NULL */
static double total_loss(setup *s, size_t n, const float *x0, const double *t, const float *eps,
                         float *gradients, double *size) {
  float *loss = calloc(n, sizeof *loss);
  assert_non_null(loss);
  double sum = 0;
  dsm_objective_run_given(s->objective, s->w, x0, t, eps, gradients, loss);
  for (size_t i = 0; i < n; i++) sum += (double)loss[i];
  for (size_t i = 0; size && i < n; i++) *size += fabs((double)loss[i]);
  free(loss);
  return sum;
}

void check_gradients(setup *s, size_t n, size_t d) {
  const double h = 1.0 / 128;
  float *x0 = calloc(n * d, sizeof *x0), *eps = calloc(n * d, sizeof *eps);
  float *unused = calloc(s->count, sizeof *unused), *direction = calloc(s->count, sizeof *direction);
  float *w = calloc(s->count, sizeof *w);
  double *t = calloc(n, sizeof *t);
  assert_true(t && x0 && eps && unused && direction && w);
  memcpy(w, s->w, s->count * sizeof *w);
  draw_data(x0, n, d);
  dsm_objective_draw(s->objective, 1, 2, 0, t, eps);
  double size = 0;
  total_loss(s, n, x0, t, eps, s->gradients, &size);
  dsm_random_uniform((dsm_random_key){6, DSM_STREAM_PROJECTION, 0, 0}, 0, s->count, direction);

  const dsm_parameters *table = dsm_model_parameters(s->model);
  for (size_t e = 0; e < dsm_parameters_entries(table); e++) {
    const dsm_parameter *p = dsm_parameters_entry(table, e);
    size_t first = p->offset, end = first + dsm_shape_count(p->shape);
    double step = h / sqrt((double)(end - first)), slope = 0;
    for (size_t i = first; i < end; i++) {
      float sign = direction[i] < 0.5f ? -1.0f : 1.0f;
      slope += (double)(sign * s->gradients[i]);
      s->w[i] = (float)((double)w[i] + step * (double)sign);
    }
    double above = total_loss(s, n, x0, t, eps, unused, NULL);
    for (size_t i = first; i < end; i++)
      s->w[i] = (float)((double)w[i] - step * (direction[i] < 0.5f ? -1.0 : 1.0));
    double below = total_loss(s, n, x0, t, eps, unused, NULL);
    memcpy(s->w + first, w + first, (end - first) * sizeof *w);
    double measured = (above - below) / (2 * step);
    if (fabs(measured - slope) > 0.01 * fabs(slope) + 1e-3 * size)
      fail_msg("%s: gradient %g, finite difference %g, losses of %g", p->name, slope, measured, size);
  }
  free(t);
  free(x0);
  free(eps);
  free(unused);
  free(direction);
  free(w);
}
