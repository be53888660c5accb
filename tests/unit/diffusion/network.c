/* The trained network as a denoiser: what pulling back through it must give, and the energy of a score that has one. */
#include "setup.h"

#include "dsmpi/random.h"

enum { N = 4, D = 3 };
static const double times[N] = {0.2, 0.35, 0.6, 0.9};

typedef struct fixture {
  setup s;
  dsm_network *network;
  dsm_denoiser denoiser;
} fixture;

static void open_network(fixture *f, int process, int prediction) {
  start(&f->s, small_mlp(process, prediction, DSM_WEIGHT_SIGMA2), DSM_SHAPE(D), N, 0.5);
  assert_int_equal(
      dsm_network_create(&f->s.config, f->s.process, f->s.model, &f->s.kernels, N, true, &f->network),
      DSM_OK);
  f->denoiser = dsm_network_denoiser(f->network, f->s.w);
}

static void close_network(fixture *f) {
  dsm_network_destroy(&f->network);
  stop(&f->s);
}

static void draw(uint64_t row, float *x) {
  dsm_random_normal((dsm_random_key){11, DSM_STREAM_DATA, 0, row}, 0, N * D, x);
}

static void estimate(const fixture *f, const float *x, float *x0, float *eps) {
  f->denoiser.estimate(f->denoiser.self, x, times, &(dsm_estimate){.x0 = x0, .eps = eps});
}

/* u' d(x0, eps) along a direction, by differences of float32 values of order 1 to 10 with step 1/64: rounding 1e-5 / h,
 * truncation h^2. */
static void pulling_back_is_the_transposed_derivative(void **state) {
  (void)state;
  for (int process = DSM_PROCESS_VP; process <= DSM_PROCESS_VE; process++)
    for (int prediction = 0; prediction <= DSM_PREDICT_ENERGY; prediction++) {
      fixture f;
      float x[N * D], direction[N * D], u_x0[N * D], u_eps[N * D], dx[N * D], moved[N * D];
      float x0[2][N * D], eps[2][N * D];
      const float h = 1.0f / 64;
      open_network(&f, process, prediction);
      draw(1, x), draw(2, direction), draw(3, u_x0), draw(4, u_eps);
      f.denoiser.pullback(f.denoiser.self, x, times, u_x0, u_eps, dx);
      for (int side = 0; side < 2; side++) {
        for (int i = 0; i < N * D; i++) moved[i] = x[i] + (side ? h : -h) * direction[i];
        estimate(&f, moved, x0[side], eps[side]);
      }
      for (int i = 0; i < N; i++) {
        double slope = 0, measured = 0, size = 0;
        for (int j = i * D; j < (i + 1) * D; j++) {
          const double of_x0 = (double)u_x0[j] * ((double)x0[1][j] - (double)x0[0][j]) / (2 * (double)h);
          const double of_eps = (double)u_eps[j] * ((double)eps[1][j] - (double)eps[0][j]) / (2 * (double)h);
          measured += of_x0 + of_eps;
          size += fabs(of_x0) + fabs(of_eps);
          slope += (double)dx[j] * (double)direction[j];
        }
        assert_close(slope, measured, 0, 5e-3 * size + 1e-3);
      }
      close_network(&f);
    }
}

static void either_cotangent_may_be_missing(void **state) {
  (void)state;
  fixture f;
  float x[N * D], u[N * D], zero[N * D] = {0}, with_zero[N * D], without[N * D];
  open_network(&f, DSM_PROCESS_VP, DSM_PREDICT_V);
  draw(1, x), draw(2, u);
  f.denoiser.pullback(f.denoiser.self, x, times, u, zero, with_zero);
  f.denoiser.pullback(f.denoiser.self, x, times, u, NULL, without);
  assert_memory_equal(with_zero, without, sizeof without);
  f.denoiser.pullback(f.denoiser.self, x, times, zero, u, with_zero);
  f.denoiser.pullback(f.denoiser.self, x, times, NULL, u, without);
  assert_memory_equal(with_zero, without, sizeof without);
  close_network(&f);
}

/* The path integral of s from a to b is E(a) - E(b): 64 steps of the midpoint rule, error 1/64^2. */
static void the_score_of_an_energy_integrates_to_its_differences(void **state) {
  (void)state;
  enum { STEPS = 64 };
  fixture f;
  float a[N * D], b[N * D], x[N * D], eps[N * D];
  double work[N] = {0}, at_a[N], at_b[N];
  open_network(&f, DSM_PROCESS_VP, DSM_PREDICT_ENERGY);
  draw(1, a), draw(2, b);
  for (int k = 0; k < STEPS; k++) {
    for (int j = 0; j < N * D; j++) x[j] = a[j] + (b[j] - a[j]) * ((float)k + 0.5f) / STEPS;
    estimate(&f, x, NULL, eps);
    for (int j = 0; j < N * D; j++)
      work[j / D] -=
          (double)eps[j] / dsm_process_sigma(f.s.process, times[j / D]) * (double)(b[j] - a[j]) / STEPS;
  }
  f.denoiser.energy(f.denoiser.self, a, times, at_a);
  f.denoiser.energy(f.denoiser.self, b, times, at_b);
  for (int i = 0; i < N; i++) {
    assert_close(at_a[i] - at_b[i], work[i], 2e-3, 2e-3);
    assert_true(fabs(work[i]) > 0.05);
  }
  close_network(&f);
}

static void only_an_energy_has_an_energy(void **state) {
  (void)state;
  fixture f;
  open_network(&f, DSM_PROCESS_VP, DSM_PREDICT_EPS);
  assert_null(f.denoiser.energy);
  dsm_network *plain = NULL;
  assert_int_equal(dsm_network_create(&f.s.config, f.s.process, f.s.model, &f.s.kernels, N, false, &plain),
                   DSM_OK);
  assert_null(dsm_network_denoiser(plain, f.s.w).pullback);
  dsm_network_destroy(&plain);
  close_network(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(pulling_back_is_the_transposed_derivative),
      cmocka_unit_test(either_cotangent_may_be_missing),
      cmocka_unit_test(the_score_of_an_energy_integrates_to_its_differences),
      cmocka_unit_test(only_an_energy_has_an_energy),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
