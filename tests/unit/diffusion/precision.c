/* Every objective on data N(mu, S) in 8 dimensions, with a linear score s = -A x + c at one noise level: descent ends at the
 * score of the smoothed law, A = (S + sigma^2 I)^-1 and c = A mu (of its centres, for the density estimate). */
#include "setup.h"

#include "dsmpi/random.h"

enum { D = 8, N = 500, STEPS = 240, CENTRES = 600 };
static const double level = 0.5;

typedef struct gaussian {
  double mean[D], cov[D][D];
} gaussian;

/* x = mu + L z with L unit lower triangular but for its diagonal: the eigenvalues of S + sigma^2 I are 0.45 to 2.2. */
static void draw_rows(uint64_t batch, size_t n, float *x) {
  for (uint64_t i = 0; i < n; i++) {
    float z[D];
    dsm_random_normal((dsm_random_key){31, DSM_STREAM_DATA, batch, i}, 0, D, z);
    for (size_t j = 0; j < D; j++) {
      const double below = j > 0 ? 0.4 * (double)z[j - 1] : 0, farther = j > 2 ? -0.3 * (double)z[j - 3] : 0;
      x[i * D + j] = (float)(0.1 * (double)j - 0.35 + (0.7 + 0.05 * (double)j) * (double)z[j] + below + farther);
    }
  }
}

static gaussian true_law(void) {
  gaussian g = {.mean = {0}};
  double l[D][D] = {{0}};
  for (int j = 0; j < D; j++) {
    g.mean[j] = 0.1 * j - 0.35;
    l[j][j] = 0.7 + 0.05 * j;
    if (j > 0) l[j][j - 1] = 0.4;
    if (j > 2) l[j][j - 3] = -0.3;
  }
  for (int i = 0; i < D; i++)
    for (int j = 0; j < D; j++)
      for (int k = 0; k < D; k++) g.cov[i][j] += l[i][k] * l[j][k];
  return g;
}

static gaussian law_of_rows(const float *x, size_t n) {
  gaussian g = {.mean = {0}};
  for (size_t i = 0; i < n; i++)
    for (int j = 0; j < D; j++) g.mean[j] += (double)x[i * D + (size_t)j] / (double)n;
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < D; j++)
      for (size_t k = 0; k < D; k++)
        g.cov[j][k] += ((double)x[i * D + j] - g.mean[j]) * ((double)x[i * D + k] - g.mean[k]) / (double)n;
  return g;
}

/* (cov + sigma^2 I)^-1 by Gauss and Jordan; positive definite, so without looking for pivots */
static void precision_of(const gaussian *g, double inverse[D][D]) {
  double m[D][D];
  for (int i = 0; i < D; i++)
    for (int j = 0; j < D; j++) m[i][j] = g->cov[i][j] + (i == j ? level * level : 0), inverse[i][j] = i == j;
  for (int p = 0; p < D; p++) {
    const double pivot = m[p][p];
    for (int j = 0; j < D; j++) m[p][j] /= pivot, inverse[p][j] /= pivot;
    for (int i = 0; i < D; i++) {
      const double factor = i == p ? 0 : m[i][p];
      for (int j = 0; j < D; j++) m[i][j] -= factor * m[p][j], inverse[i][j] -= factor * inverse[p][j];
    }
  }
}

/* F = W (input x) + b = sigma s, so A = -W input / sigma. The average over the second half of the steps leaves a standard error
 * of about 0.01 for slices of normal directions, which vary most; 0.06 is five of them. */
static void check(const setup *s, const double *average, const gaussian *law, const char *name) {
  const double tolerance = 0.06, input = 1 / sqrt(1 + level * level);
  const size_t w = dsm_parameters_find(dsm_model_parameters(s->model), "output.weight")->offset;
  const size_t b = dsm_parameters_find(dsm_model_parameters(s->model), "output.bias")->offset;
  double precision[D][D], worst = 0;
  precision_of(law, precision);
  for (size_t i = 0; i < D; i++) {
    double c = 0;
    for (size_t j = 0; j < D; j++) {
      worst = fmax(worst, fabs(-average[w + i * D + j] * input / level - precision[i][j]));
      c += precision[i][j] * law->mean[j];
    }
    worst = fmax(worst, fabs(average[b + i] / level - c));
  }
  print_message("%s: off by %.4f at most\n", name, worst);
  if (!(worst < tolerance)) fail_msg("%s: A or c off by %g, allowed %g", name, worst, tolerance);
}

static void every_objective_reaches_the_precision_in_eight_dimensions(void **state) {
  (void)state;
  static const struct {
    int objective;
    const char *name;
  } rows[] = {{DSM_OBJECTIVE_DENOISING, "denoising"},
              {DSM_OBJECTIVE_ESM_KDE, "esm_kde"},
              {DSM_OBJECTIVE_ISM, "ism"},
              {DSM_OBJECTIVE_ISM_HUTCHINSON, "ism_hutchinson"},
              {DSM_OBJECTIVE_SLICED, "sliced"},
              {DSM_OBJECTIVE_SLICED_VR, "sliced_vr"}};
  static float x0[N * D], loss[N], centres[CENTRES * D];
  draw_rows(1000, CENTRES, centres);
  for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
    setup s;
    dsm_config config = small_mlp(DSM_PROCESS_SINGLE, DSM_PREDICT_SCORE, DSM_WEIGHT_SIGMA2);
    config.process.sigma = level;
    config.model.name = DSM_MODEL_LINEAR;
    config.objective.name = rows[r].objective;
    start(&s, config, DSM_SHAPE(D), N, 0);
    const bool estimate = dsm_objective_rows_wanted(s.objective) > 0;
    if (estimate) assert_int_equal(dsm_objective_use_rows(s.objective, centres, CENTRES), DSM_OK);
    double *average = calloc(s.count, sizeof *average);
    assert_non_null(average);
    for (uint64_t step = 0; step < STEPS; step++) {
      draw_rows(step, N, x0);
      dsm_objective_run(s.objective, s.w, x0, 3, step, 0, s.gradients, loss, NULL);
      for (size_t i = 0; i < s.count; i++) {
        s.w[i] -= 0.4f * s.gradients[i] / N;
        if (step >= STEPS / 2) average[i] += (double)s.w[i] / (STEPS - STEPS / 2);
      }
    }
    const gaussian law = estimate ? law_of_rows(centres, CENTRES) : true_law();
    check(&s, average, &law, rows[r].name);
    free(average);
    stop(&s);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_objective_reaches_the_precision_in_eight_dimensions),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
