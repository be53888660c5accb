/* Solvers of the probability-flow ODE, ddim with eta 0 among them, whose solution for Gaussian data is, on each axis,
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
  v->settings = settings_default();
  v->s = (dsm_sampling){
      .process = v->p, .denoiser = &v->denoiser, .settings = &v->settings, .n = N, .d = D, .seed = 1};
}

static void start_state(const solver *v, float *x) {
  dsm_random_normal((dsm_random_key){9, DSM_STREAM_DATA, 0, 0}, 0, N * D, x);
  for (int i = 0; i < N * D; i++) x[i] = (float)(dsm_process_prior_std(v->p) * (double)x[i]);
}

static void solve_by(solver *v, int sampler, int64_t steps, float *x) {
  v->s.steps = steps;
  assert_null(refusal(sampler, &v->s));
  assert_int_equal(dsm_sampler_of(sampler)->run(&v->s, x), DSM_OK);
}

static void solve(solver *v, int64_t steps, float *x) {
  solve_by(v, DSM_SAMPLER_DDIM, steps, x);
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

static double error_of_solver(solver *v, int sampler, int64_t steps) {
  float x[N * D], y[N * D];
  start_state(v, x);
  memcpy(y, x, sizeof y);
  solve_by(v, sampler, steps, y);
  double worst = 0, first = dsm_process_first(v->p, true), last = dsm_process_last(v->p);
  for (int i = 0; i < N * D; i++)
    worst = fmax(
        worst, fabs((double)y[i] - last_step(v->p, i % 2, solution(v->p, i % 2, (double)x[i], last, first))));
  return worst;
}

/* Errors at a number of steps, twice and four times that: their ratio is 2^order as the step gets small. float32
 * states and estimates carry rounding errors of about 1e-6. */
static void the_error_falls_with_the_order_of_the_solver(void **state) {
  (void)state;
  static const struct {
    int sampler, process, grid;
    int64_t steps;
    double order;
  } rows[] = {
      {DSM_SAMPLER_DDIM, DSM_PROCESS_DDPM, DSM_GRID_UNIFORM, 100, 1},
      {DSM_SAMPLER_DDIM, DSM_PROCESS_VP, DSM_GRID_UNIFORM, 200, 1},
      {DSM_SAMPLER_DDIM, DSM_PROCESS_VE, DSM_GRID_UNIFORM, 100, 1},
      {DSM_SAMPLER_EULER, DSM_PROCESS_VP, DSM_GRID_QUADRATIC, 200, 1},
      {DSM_SAMPLER_EULER, DSM_PROCESS_VE, DSM_GRID_UNIFORM, 200, 1},
      {DSM_SAMPLER_HEUN, DSM_PROCESS_VP, DSM_GRID_QUADRATIC, 50, 2},
      {DSM_SAMPLER_HEUN, DSM_PROCESS_VE, DSM_GRID_UNIFORM, 50, 2},
      {DSM_SAMPLER_HEUN, DSM_PROCESS_VE, DSM_GRID_RHO, 50, 2},
      {DSM_SAMPLER_DPMPP_2M, DSM_PROCESS_DDPM, DSM_GRID_LOG_SNR, 40, 2},
      {DSM_SAMPLER_DPMPP_2M, DSM_PROCESS_VP, DSM_GRID_LOG_SNR, 50, 2},
      {DSM_SAMPLER_DPMPP_2M, DSM_PROCESS_VE, DSM_GRID_RHO, 50, 2},
      {DSM_SAMPLER_EULER, DSM_PROCESS_EDM, DSM_GRID_RHO, 200, 1},
      {DSM_SAMPLER_HEUN, DSM_PROCESS_EDM, DSM_GRID_RHO, 50, 2},
      {DSM_SAMPLER_HEUN, DSM_PROCESS_FLOW, DSM_GRID_UNIFORM, 50, 2},
      {DSM_SAMPLER_HEUN, DSM_PROCESS_SUBVP, DSM_GRID_QUADRATIC, 50, 2},
      {DSM_SAMPLER_DPMPP_2M, DSM_PROCESS_EDM, DSM_GRID_RHO, 50, 2},
      {DSM_SAMPLER_DPMPP_2M, DSM_PROCESS_SMLD, DSM_GRID_UNIFORM, 50, 2},
      {DSM_SAMPLER_DPMPP_2M, DSM_PROCESS_SUBVP, DSM_GRID_LOG_SNR, 50, 2},
      {DSM_SAMPLER_DPMPP_2M, DSM_PROCESS_FLOW, DSM_GRID_QUADRATIC, 100, 2},
  };
  double found[SAMPLERS] = {0}, order[SAMPLERS] = {0}; /* the one farthest from what it should be */
  for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
    solver v;
    solver_start(&v, rows[r].process);
    v.settings.grid = rows[r].grid;
    const int sampler = rows[r].sampler;
    double coarse = error_of_solver(&v, sampler, rows[r].steps);
    double middle = error_of_solver(&v, sampler, 2 * rows[r].steps);
    double fine = error_of_solver(&v, sampler, 4 * rows[r].steps);
    print_message("%s on %s: error %.2e, %.2e, %.2e at %d, twice, four times the steps: orders %.2f %.2f\n",
                  dsm_sampler_of(sampler)->name, dsm_process_name_of(v.p), coarse, middle, fine,
                  (int)rows[r].steps, log2(coarse / middle), log2(middle / fine));
    assert_close(log2(coarse / middle), rows[r].order, 0, 0.35);
    assert_true(fine < 0.06);
    const double last = log2(middle / fine), off = fabs(last - rows[r].order);
    if (order[sampler] == 0 || !(off <= fabs(found[sampler] - order[sampler]))) found[sampler] = last;
    order[sampler] = rows[r].order;
    dsm_process_destroy(&v.p);
  }
  for (int sampler = 0; sampler < SAMPLERS; sampler++)
    if (order[sampler] > 0)
      claim_near(0, found[sampler], order[sampler], 0.2, "order of convergence: %s",
                 dsm_sampler_of(sampler)->name);
}

/* The tolerance bounds the estimated error of a step. That of the end is of the same size, up to what some ten
 * steps add up and to the luck of long steps, whose estimates may be much too small at loose tolerances. */
static void the_error_of_the_adaptive_solver_follows_its_tolerance(void **state) {
  (void)state;
  static const double tolerances[] = {1e-3, 1e-4, 1e-5, 1e-6, 1e-7};
  double least = INFINITY;
  for (int name = 0; name < DSM_PROCESS_SINGLE; name++) {
    double loose = 0, few = 0;
    if (name == DSM_PROCESS_DDPM || name == DSM_PROCESS_SMLD) continue; /* their time is discrete */
    for (size_t i = 0; i < sizeof tolerances / sizeof *tolerances; i++) {
      int32_t needed[N];
      int64_t evaluations = 0;
      solver v;
      solver_start(&v, name);
      v.settings.rtol = v.settings.atol = tolerances[i];
      v.s.needed = needed;
      v.s.evaluations = &evaluations;
      double error = error_of_solver(&v, DSM_SAMPLER_ODE, 1000);
      print_message("%s, tolerance %.0e: error %.2e, %d evaluations, first sample %d\n",
                    dsm_process_name_of(v.p), tolerances[i], error, (int)evaluations, (int)needed[0]);
      assert_true(error < 100 * tolerances[i]);
      if (i == 0) loose = error, few = (double)evaluations;
      /* a solver of order 5 gains (n / n')^5 by n' times the evaluations; here, by so few steps that each is of another kind,
       * between the powers 4.6 and 7.2. One of order 3 would stay below 4. */
      if (tolerances[i] == 1e-6) {
        const double order = log(loose / error) / log((double)evaluations / few);
        print_message("%s: the error falls as evaluations to the power %.1f\n", dsm_process_name_of(v.p),
                      order);
        least = -worst_of(-least, -order);
      }
      if (tolerances[i] < 1e-6) assert_true(error < 3e-4 * loose && error < 10 * tolerances[i]);
      int32_t most = 0;
      for (int k = 0; k < N; k++) most = needed[k] > most ? needed[k] : most;
      assert_int_equal(most, evaluations); /* the block runs as long as its slowest sample */
      dsm_process_destroy(&v.p);
    }
  }
  claim_above(0, least, 4, "order of convergence: ode, adaptive steps");
}

static void not_a_number(void *self, const float *x, const double *t, const dsm_estimate *estimate) {
  (void)self;
  (void)x;
  (void)t;
  for (int i = 0; i < N * D; i++) estimate->x0[i] = estimate->eps[i] = NAN;
}

static void walks_that_cannot_arrive_are_told(void **state) {
  (void)state;
  solver v;
  float x[N * D];
  solver_start(&v, DSM_PROCESS_VP);
  start_state(&v, x);
  v.s.steps = 4;
  assert_refused(dsm_sampler_of(DSM_SAMPLER_ODE)->run(&v.s, x), "sampler.steps = 4");
  v.denoiser.estimate = not_a_number;
  v.s.steps = 1000;
  start_state(&v, x);
  assert_refused(dsm_sampler_of(DSM_SAMPLER_ODE)->run(&v.s, x), "however small its steps");
  dsm_process_destroy(&v.p);
}

/* One step of dpmpp_2m and one of ddim are the same formula; so are the last steps, to the data. dpmpp_2m_sde
 * begins as ancestral sampling with small variance. */
static void to_first_order_dpmpp_is_ddim_or_ancestral(void **state) {
  (void)state;
  for (int name = 0; name < DSM_PROCESS_SINGLE; name++) {
    solver v;
    solver_start(&v, name);
    float x[N * D], y[N * D];
    v.settings.variance = DSM_VARIANCE_SMALL;
    static const int pairs[][2] = {{DSM_SAMPLER_DPMPP_2M, DSM_SAMPLER_DDIM},
                                   {DSM_SAMPLER_DPMPP_2M_SDE, DSM_SAMPLER_ANCESTRAL}};
    for (int pair = 0; pair < 2; pair++) {
      start_state(&v, x);
      start_state(&v, y);
      solve_by(&v, pairs[pair][0], 2, x);
      solve_by(&v, pairs[pair][1], 2, y);
      for (int i = 0; i < N * D; i++) assert_close((double)x[i], (double)y[i], 1e-5, 1e-5);
      start_state(&v, x);
      start_state(&v, y);
      solve_by(&v, pairs[pair][0], 4, x); /* and later steps are not */
      solve_by(&v, pairs[pair][1], 4, y);
      assert_true(fabs((double)x[0] - (double)y[0]) > 1e-4);
    }
    dsm_process_destroy(&v.p);
  }
}

static void encode_by(solver *v, int sampler, int64_t steps, float *x) {
  v->s.steps = steps;
  assert_int_equal(dsm_sampler_encode(dsm_sampler_of(sampler), &v->s, x), DSM_OK);
}

static void start_data(float *x) {
  dsm_random_normal((dsm_random_key){9, DSM_STREAM_DATA, 0, 1}, 0, N * D, x);
}

/* Largest error of the latent, in units of the start of sampling. */
static double error_of_latent(solver *v, int sampler, int64_t steps) {
  float x[N * D], y[N * D];
  double worst = 0, first = dsm_process_first(v->p, true), last = dsm_process_last(v->p);
  start_data(x);
  memcpy(y, x, sizeof y);
  encode_by(v, sampler, steps, y);
  for (int i = 0; i < N * D; i++)
    worst = fmax(worst, fabs((double)y[i] - solution(v->p, i % 2, (double)x[i], first, last)));
  return worst / dsm_process_prior_std(v->p);
}

/* x(T) in closed form. The ode sampler: as for its way down, the tolerance bounds the error of a step, of which ten or
 * so add up; float32 states end it at a few 1e-7. ddim is a solver of first order. */
static void the_latent_of_data_is_that_of_the_closed_form(void **state) {
  (void)state;
  for (int name = 0; name < DSM_PROCESS_SINGLE; name++) {
    solver v;
    solver_start(&v, name);
    double coarse = error_of_latent(&v, DSM_SAMPLER_DDIM, 250),
           fine = error_of_latent(&v, DSM_SAMPLER_DDIM, 500);
    print_message("%s: latent by ddim off by %.2e at 250 steps, %.2e at 500\n", dsm_process_name_of(v.p),
                  coarse, fine);
    assert_close(coarse / fine, 2, 0.15, 0);
    assert_true(fine < 0.05);
    for (double tolerance = 1e-3; tolerance > 5e-8 && !dsm_process_discrete(v.p); tolerance /= 10) {
      v.settings.rtol = v.settings.atol = tolerance;
      double error = error_of_latent(&v, DSM_SAMPLER_ODE, 1000);
      print_message("%s: latent by ode off by %.2e at tolerance %.0e\n", dsm_process_name_of(v.p), error,
                    tolerance);
      assert_true(error < 20 * tolerance);
    }
    dsm_process_destroy(&v.p);
  }
}

/* Up and down again with the same tolerance: two errors as above, and of x as it was, not of its mean. */
static void the_ode_leads_back_to_the_data(void **state) {
  (void)state;
  for (int name = 0; name < DSM_PROCESS_SINGLE; name++) {
    float x[N * D], y[N * D];
    int32_t needed[N];
    solver v;
    solver_start(&v, name);
    if (dsm_process_discrete(v.p)) {
      v.s.steps = 1000;
      assert_refused(dsm_sampler_encode(dsm_sampler_of(DSM_SAMPLER_ODE), &v.s, x), "use ddim");
    } else {
      v.settings.rtol = v.settings.atol = 1e-5;
      v.settings.denoise = false;
      v.s.needed = needed;
      start_data(x);
      memcpy(y, x, sizeof y);
      encode_by(&v, DSM_SAMPLER_ODE, 1000, y);
      for (int i = 0; i < N; i++) assert_true(needed[i] > 6);
      assert_int_equal(dsm_sampler_decode(dsm_sampler_of(DSM_SAMPLER_ODE), &v.s, y), DSM_OK);
      double worst = 0;
      for (int i = 0; i < N * D; i++) worst = fmax(worst, fabs((double)y[i] - (double)x[i]));
      print_message("%s: round trip off by %.2e at tolerance 1e-5\n", dsm_process_name_of(v.p), worst);
      assert_true(worst < 100 * 1e-5);
    }
    dsm_process_destroy(&v.p);
  }
}

static void what_has_no_way_back_is_told(void **state) {
  (void)state;
  solver v;
  float x[N * D] = {0};
  solver_start(&v, DSM_PROCESS_VP);
  v.s.steps = 10;
  assert_refused(dsm_sampler_encode(dsm_sampler_of(DSM_SAMPLER_ANCESTRAL), &v.s, x), "ode and ddim");
  v.settings.eta = 0.5;
  assert_refused(dsm_sampler_encode(dsm_sampler_of(DSM_SAMPLER_DDIM), &v.s, x), "eta is 0.5");
  v.settings.eta = 0;
  v.s.steps = 1;
  assert_refused(dsm_sampler_encode(dsm_sampler_of(DSM_SAMPLER_DDIM), &v.s, x), "2 steps or more");
  dsm_process_destroy(&v.p);
}

static double round_trip_error(solver *v, int64_t steps) {
  float x[N * D], y[N * D];
  start_data(x);
  memcpy(y, x, sizeof y);
  encode_by(v, DSM_SAMPLER_DDIM, steps, y);
  solve(v, steps, y);
  double worst = 0;
  for (int i = 0; i < N * D; i++)
    worst = fmax(worst, fabs((double)y[i] - last_step(v->p, i % 2, (double)x[i])));
  return worst;
}

static void encoding_and_decoding_returns_to_first_order(void **state) {
  (void)state;
  for (int name = DSM_PROCESS_DDPM; name < DSM_PROCESS_SINGLE; name++) {
    solver v;
    solver_start(&v, name);
    double coarse = round_trip_error(&v, 250), fine = round_trip_error(&v, 500);
    print_message("%s: round trip %.2e at 250 steps, %.2e at 500\n", dsm_process_name_of(v.p), coarse, fine);
    assert_close(coarse / fine, 2, 0.12, 0);
    assert_true(fine < 0.05);
    dsm_process_destroy(&v.p);
  }
}

static void without_noise_only_the_start_matters(void **state) {
  (void)state;
  static const int samplers[] = {DSM_SAMPLER_DDIM, DSM_SAMPLER_EULER, DSM_SAMPLER_HEUN, DSM_SAMPLER_DPMPP_2M,
                                 DSM_SAMPLER_ODE};
  for (int name = 0; name < DSM_PROCESS_SINGLE; name++)
    for (size_t k = 0; k < sizeof samplers / sizeof *samplers; k++) {
      const int sampler = samplers[k];
      solver v;
      solver_start(&v, name);
      float x[N * D], y[N * D];
      start_state(&v, x);
      start_state(&v, y);
      v.s.steps = 200;
      if (!refusal(sampler, &v.s)) {
        solve_by(&v, sampler, 200, x);
        v.s.seed = 2;
        v.s.first = 77;
        solve_by(&v, sampler, 200, y);
        assert_memory_equal(x, y, sizeof x);
        v.settings.eta = 0.1; /* and with eta, or churn, the seed does matter */
        v.settings.churn = 1;
        start_state(&v, y);
        solve_by(&v, sampler, 200, y);
        const bool noisy = sampler == DSM_SAMPLER_DDIM || sampler == DSM_SAMPLER_HEUN;
        assert_int_equal(memcmp(x, y, sizeof x) != 0, noisy);
      }
      dsm_process_destroy(&v.p);
    }
}

static void with_eta_one_it_is_ancestral_sampling(void **state) {
  (void)state;
  for (int name = DSM_PROCESS_DDPM; name < DSM_PROCESS_SINGLE; name++) {
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

/* Data that hardly vary, as the background of pictures, from which a solver must take away all noise but that of the first time,
 * in units of which this is the most that is left. The exact denoiser would take it away in a last step; a network does not. */
static double noise_left_by_heun(int grid) {
  float x[N * D];
  double most = 0;
  solver v;
  solver_start(&v, DSM_PROCESS_VP);
  v.e.data = (law){.mu = {0.8, -1.1}, .s = {1e-6, 0, 1e-6}};
  v.settings.name = DSM_SAMPLER_HEUN;
  v.settings.grid = grid;
  v.settings.denoise = false;
  start_state(&v, x);
  solve_by(&v, DSM_SAMPLER_HEUN, 18, x);
  const double first = dsm_process_first(v.p, true), alpha = dsm_process_alpha(v.p, first);
  for (int i = 0; i < N * D; i++)
    most = fmax(most, fabs((double)x[i] - alpha * v.e.data.mu[i % 2]) / dsm_process_sigma(v.p, first));
  dsm_process_destroy(&v.p);
  return most;
}

static void by_default_heun_leaves_no_noise_on_vp(void **state) {
  (void)state;
  const double own = noise_left_by_heun(DSM_GRID_AUTO), uniform = noise_left_by_heun(DSM_GRID_UNIFORM);
  print_message("heun on vp, 18 steps: noise left %.2f by default, %.2f with uniform times\n", own, uniform);
  assert_true(own < 4); /* the largest of 32 standard normal numbers is 3 at most, mostly */
  assert_true(uniform > 2 * own);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(by_default_heun_leaves_no_noise_on_vp),
      cmocka_unit_test(the_error_falls_with_the_order_of_the_solver),
      cmocka_unit_test(the_error_of_the_adaptive_solver_follows_its_tolerance),
      cmocka_unit_test(walks_that_cannot_arrive_are_told),
      cmocka_unit_test(to_first_order_dpmpp_is_ddim_or_ancestral),
      cmocka_unit_test(the_latent_of_data_is_that_of_the_closed_form),
      cmocka_unit_test(the_ode_leads_back_to_the_data),
      cmocka_unit_test(what_has_no_way_back_is_told),
      cmocka_unit_test(encoding_and_decoding_returns_to_first_order),
      cmocka_unit_test(without_noise_only_the_start_matters),
      cmocka_unit_test(with_eta_one_it_is_ancestral_sampling),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
