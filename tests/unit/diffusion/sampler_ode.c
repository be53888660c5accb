/* ddim with eta 0 as a solver of the probability-flow ODE, whose solution for Gaussian data is, on each axis,
 *   x(t) = alpha mu + (x(T) - alpha_T mu) sqrt(alpha^2 s0^2 + sigma^2) / sqrt(alpha_T^2 s0^2 + sigma_T^2). */
#include "gaussian.h"

#include "dsmpi/random.h"

static const law data = {.mu = {0.8, -1.1}, .s = {1.44, 0, 0.25}};
enum { N = 8, D = 4, POINTS = N * D / 2 };

typedef struct solver {
  dsm_process *p;
  exact e;
  dsm_denoiser denoiser;
  dsm_sampler_settings settings;
  dsm_sampling s;
} solver;

static void solver_start(solver *v, int name) {
  v->p = process_of(name, DSM_SCHEDULE_LINEAR, 1000);
  v->e = (exact){.process = v->p, .data = data, .samples = N, .points = POINTS};
  v->denoiser = exact_denoiser(&v->e);
  v->settings = (dsm_sampler_settings){0};
  v->s = (dsm_sampling){
      .process = v->p, .denoiser = &v->denoiser, .settings = &v->settings, .n = N, .d = D, .seed = 1};
}

static void start_state(const solver *v, float *x) {
  dsm_random_normal((dsm_random_key){9, DSM_STREAM_DATA, 0, 0}, 0, N * D, x);
  for (int i = 0; i < N * D; i++) x[i] = (float)(dsm_process_prior_std(v->p) * (double)x[i]);
}

static void solve(solver *v, int64_t steps, float *x) {
  v->s.steps = steps;
  assert_int_equal(dsm_sampler_of(DSM_SAMPLER_DDIM)->run(&v->s, x), DSM_OK);
}

/* Value at `to` of the solution that passes through x at `from`. */
static double solution(const dsm_process *p, int axis, double x, double from, double to) {
  double mu = data.mu[axis], s0_2 = data.s[2 * axis];
  double alpha_from = dsm_process_alpha(p, from), alpha_to = dsm_process_alpha(p, to);
  return alpha_to * mu + (x - alpha_from * mu) * hypot(alpha_to * sqrt(s0_2), dsm_process_sigma(p, to)) /
                             hypot(alpha_from * sqrt(s0_2), dsm_process_sigma(p, from));
}

/* The last step, from the first time to the data, is E[x0 | x] whatever the number of steps. */
static double last_step(const dsm_process *p, int axis, double x) {
  double t = dsm_process_first(p, true), alpha = dsm_process_alpha(p, t), sigma = dsm_process_sigma(p, t);
  double s0_2 = data.s[2 * axis], variance = alpha * alpha * s0_2 + sigma * sigma;
  return (alpha * s0_2 * x + sigma * sigma * data.mu[axis]) / variance;
}

static double error_of_solver(solver *v, int64_t steps) {
  float x[N * D], y[N * D];
  start_state(v, x);
  memcpy(y, x, sizeof y);
  solve(v, steps, y);
  double worst = 0, first = dsm_process_first(v->p, true), last = dsm_process_last(v->p);
  for (int i = 0; i < N * D; i++)
    worst = fmax(
        worst, fabs((double)y[i] - last_step(v->p, i % 2, solution(v->p, i % 2, (double)x[i], last, first))));
  return worst;
}

static void halving_the_step_halves_the_error(void **state) {
  (void)state;
  static const struct {
    int process;
    int64_t steps;
  } rows[] = {{DSM_PROCESS_DDPM, 100}, {DSM_PROCESS_VP, 200}, {DSM_PROCESS_VE, 100}};
  for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
    solver v;
    solver_start(&v, rows[r].process);
    double coarse = error_of_solver(&v, rows[r].steps), middle = error_of_solver(&v, 2 * rows[r].steps);
    double fine = error_of_solver(&v, 4 * rows[r].steps);
    print_message("%s: error %.2e, %.2e, %.2e at %d, twice, four times the steps\n", dsm_process_name_of(v.p),
                  coarse, middle, fine, (int)rows[r].steps);
    /* first order: 2; the second-order term of these steps is below a tenth of the error */
    assert_close(coarse / middle, 2, 0.12, 0);
    assert_close(middle / fine, 2, 0.07, 0);
    assert_true(fine < 0.03);
    dsm_process_destroy(&v.p);
  }
}

/* x at the first time, carried up the same times by the same rule read backwards (x_t from x_s with eps at
 * s). */
static void encode(solver *v, int64_t steps, float *x) {
  double t[1001], times[N];
  float eps[N * D];
  assert_int_equal(dsm_sampler_times(v->p, steps, t), DSM_OK);
  for (int64_t k = steps - 1; k > 0; k--) {
    double alpha_s = dsm_process_alpha(v->p, t[k]), sigma_s = dsm_process_sigma(v->p, t[k]);
    double alpha_t = dsm_process_alpha(v->p, t[k - 1]), sigma_t = dsm_process_sigma(v->p, t[k - 1]);
    for (int i = 0; i < N; i++) times[i] = t[k];
    v->denoiser.estimate(v->denoiser.self, x, times, &(dsm_estimate){.eps = eps});
    for (int i = 0; i < N * D; i++) {
      double x0 = ((double)x[i] - sigma_s * (double)eps[i]) / alpha_s;
      x[i] = (float)(alpha_t * x0 + sigma_t * (double)eps[i]);
    }
  }
}

static double round_trip_error(solver *v, int64_t steps) {
  float x[N * D], y[N * D];
  dsm_random_normal((dsm_random_key){9, DSM_STREAM_DATA, 0, 1}, 0, N * D, x);
  memcpy(y, x, sizeof y);
  encode(v, steps, y);
  solve(v, steps, y);
  double worst = 0;
  for (int i = 0; i < N * D; i++)
    worst = fmax(worst, fabs((double)y[i] - last_step(v->p, i % 2, (double)x[i])));
  return worst;
}

static void encoding_and_decoding_returns_to_first_order(void **state) {
  (void)state;
  for (int name = DSM_PROCESS_DDPM; name <= DSM_PROCESS_VE; name++) {
    solver v;
    solver_start(&v, name);
    double coarse = round_trip_error(&v, 250), fine = round_trip_error(&v, 500);
    print_message("%s: round trip %.2e at 250 steps, %.2e at 500\n", dsm_process_name_of(v.p), coarse, fine);
    assert_close(coarse / fine, 2, 0.12, 0);
    assert_true(fine < 0.05);
    dsm_process_destroy(&v.p);
  }
}

static void without_eta_only_the_start_matters(void **state) {
  (void)state;
  for (int name = DSM_PROCESS_DDPM; name <= DSM_PROCESS_VE; name++) {
    solver v;
    solver_start(&v, name);
    float x[N * D], y[N * D];
    start_state(&v, x);
    start_state(&v, y);
    solve(&v, 20, x);
    v.s.seed = 2;
    v.s.first = 77;
    solve(&v, 20, y);
    assert_memory_equal(x, y, sizeof x);
    v.settings.eta = 0.1; /* and with eta the seed does matter */
    solve(&v, 20, y);
    assert_memory_not_equal(x, y, sizeof x);
    dsm_process_destroy(&v.p);
  }
}

static void with_eta_one_it_is_ancestral_sampling(void **state) {
  (void)state;
  for (int name = DSM_PROCESS_DDPM; name <= DSM_PROCESS_VE; name++) {
    solver v;
    solver_start(&v, name);
    float x[N * D], y[N * D];
    v.s.steps = 30;
    v.settings.eta = 1;
    v.settings.variance = DSM_VARIANCE_SMALL;
    assert_int_equal(dsm_sampler_draw(dsm_sampler_of(DSM_SAMPLER_DDIM), &v.s, x), DSM_OK);
    assert_int_equal(dsm_sampler_draw(dsm_sampler_of(DSM_SAMPLER_ANCESTRAL), &v.s, y), DSM_OK);
    /* the same numbers up to the float32 rounding of the state, which starts 50 times the data in ve */
    for (int i = 0; i < N * D; i++) assert_close((double)x[i], (double)y[i], 0, 1e-5);
    dsm_process_destroy(&v.p);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(halving_the_step_halves_the_error),
      cmocka_unit_test(encoding_and_decoding_returns_to_first_order),
      cmocka_unit_test(without_eta_only_the_start_matters),
      cmocka_unit_test(with_eta_one_it_is_ancestral_sampling),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
