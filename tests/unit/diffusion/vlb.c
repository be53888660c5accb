/* The variational bound of a chain, against closed forms: a Gaussian with its exact score has, for each t, a
 * known mean of each term; data in one point have terms known without any randomness. */
#include "normal.h"

#include "dsmpi/random.h"

enum { N = 256, BLOCK = 64, D = 4, T = 40, RUNS = N / BLOCK };

typedef struct values {
  double total[N], prior[N], decoder[N];
  int32_t t[N * T];
  float vb[N * T], x0_mse[N * T], eps_mse[N * T];
} values;

static dsm_bound bound_of(const dsm_process *p, const dsm_denoiser *denoiser, size_t n, size_t d,
                          int variance) {
  return (dsm_bound){
      .process = p, .denoiser = denoiser, .n = n, .d = d, .seed = 5, .variance = variance, .channels = 1};
}

/* All samples of the law, in blocks. */
static void run_law(dsm_bound b, const normal *law, values *out) {
  double x[BLOCK * D];
  const size_t terms = dsm_bound_count(&b);
  for (size_t block = 0; block < RUNS; block++) {
    const size_t at = block * BLOCK;
    b.first = at;
    for (size_t i = 0; i < BLOCK; i++) normal_draw(law, at + i, x + i * D);
    const dsm_bound_terms part = {.total = out->total + at,
                                  .prior = out->prior + at,
                                  .decoder = out->decoder + at,
                                  .t = out->t + at * terms,
                                  .vb = out->vb + at * terms,
                                  .x0_mse = out->x0_mse + at * terms,
                                  .eps_mse = out->eps_mse + at * terms};
    assert_int_equal(dsm_bound_run(&b, x, &part), DSM_OK);
  }
}

typedef struct sum {
  double mean, error;
} sum;

/* Mean over the samples, and its standard error. */
static sum mean_of(const double *x) {
  sum s = {0, 0};
  for (int i = 0; i < N; i++) s.mean += x[i] / N;
  for (int i = 0; i < N; i++) s.error += (x[i] - s.mean) * (x[i] - s.mean) / (N * (N - 1.0));
  s.error = sqrt(s.error);
  return s;
}

static sum column(const float *x, size_t terms, size_t k) {
  double values_of[N];
  for (size_t i = 0; i < N; i++) values_of[i] = (double)x[i * terms + k];
  return mean_of(values_of);
}

/* E L_{t-1} with the exact score: the error of x0_hat is that of the posterior x0 | x_t, which has variance
 * l sigma^2 / (alpha^2 l + sigma^2) along each eigenvector; written from alpha and sigma alone. */
static double expected_term(const normal *law, double t, int variance, double *x0_mse, double *eps_mse) {
  const dsm_process *p = law->process;
  const double alpha = dsm_process_alpha(p, t), sigma2 = pow(dsm_process_sigma(p, t), 2);
  const double before = dsm_process_alpha(p, t - 1), sigma2_before = pow(dsm_process_sigma(p, t - 1), 2);
  const double step = sigma2 - pow(alpha / before, 2) * sigma2_before;
  double small = step * sigma2_before / sigma2;
  if (t == 1) small = exp(dsm_process_log_variances(p, 0, 1).small);
  const double v = variance == DSM_VARIANCE_LARGE ? step : small, factor = before * step / sigma2;
  double value = 0;
  *x0_mse = *eps_mse = 0;
  for (size_t j = 0; j < law->d; j++) {
    const double rest = law->l[j] * sigma2 / (alpha * alpha * law->l[j] + sigma2);
    const double square = factor * factor * rest;
    value += t > 1 ? 0.5 * (log(v / small) - 1 + (small + square) / v)
                   : 0.5 * (log(2 * acos(-1.0) * v) + square / v);
    *x0_mse += rest / (double)law->d;
    *eps_mse += rest * alpha * alpha / sigma2 / (double)law->d;
  }
  return value;
}

/* Each of 40 terms within 4.5 standard errors of its mean: once in 300 seeds one of all these is beyond. A float32
 * estimate is off by 1e-6 of x0. */
static void each_term_of_a_gaussian_has_its_closed_form(void **state) {
  (void)state;
  static values out;
  for (int name = 0; name < 2; name++)
    for (int variance = DSM_VARIANCE_SMALL; variance <= DSM_VARIANCE_LARGE; variance++) {
      dsm_process *p = process_of(name ? DSM_PROCESS_SMLD : DSM_PROCESS_DDPM, DSM_SCHEDULE_COSINE, T);
      normal law = normal_law(p, BLOCK, D, 0.8);
      const dsm_denoiser denoiser = normal_denoiser(&law);
      run_law(bound_of(p, &denoiser, BLOCK, D, variance), &law, &out);
      double expected = 0;
      for (int k = 0; k < T; k++) {
        double x0_mse, eps_mse;
        const double term = expected_term(&law, k + 1, variance, &x0_mse, &eps_mse);
        const sum vb = column(out.vb, T, (size_t)k), of_x0 = column(out.x0_mse, T, (size_t)k),
                  of_eps = column(out.eps_mse, T, (size_t)k);
        assert_int_equal(out.t[k], k + 1);
        assert_close(vb.mean, term, 1e-5, 4.5 * vb.error + 1e-6);
        assert_close(of_x0.mean, x0_mse, 1e-5, 4.5 * of_x0.error + 1e-6);
        assert_close(of_eps.mean, eps_mse, 1e-5, 4.5 * of_eps.error + 1e-6);
        expected += term;
      }
      double prior = 0;
      const double alpha = dsm_process_alpha(p, T), sigma = dsm_process_sigma(p, T),
                   std = dsm_process_prior_std(p);
      for (size_t j = 0; j < D; j++)
        prior += 0.5 * ((alpha * alpha * (law.l[j] + law.mu[j] * law.mu[j]) + sigma * sigma) / (std * std) -
                        1 - 2 * log(sigma / std));
      const sum total = mean_of(out.total), prior_seen = mean_of(out.prior);
      assert_close(prior_seen.mean, prior, 0, 4.5 * prior_seen.error);
      assert_close(total.mean, expected + prior, 1e-5, 4.5 * total.error);
      /* a bound, and not by much more than the chain's steps are long */
      print_message("%s, variance %s: bound %.4f +- %.4f nats, closed form %.4f, entropy %.4f\n",
                    dsm_process_name_of(p), variance == DSM_VARIANCE_LARGE ? "large" : "small", total.mean,
                    total.error, expected + prior, normal_entropy(&law));
      assert_true(expected + prior > normal_entropy(&law));
      dsm_process_destroy(&p);
    }
}

/* The more steps, the closer the bound comes to -ln p, sample by sample: the exact chain of infinitely many
 * steps has it. */
static void the_bound_falls_to_the_log_density(void **state) {
  (void)state;
  double before = INFINITY;
  for (int64_t steps = 20; steps <= 500; steps *= 5) {
    double total[N], above[N], x[N * D];
    dsm_process *p = process_of(DSM_PROCESS_DDPM, DSM_SCHEDULE_COSINE, steps);
    normal law = normal_law(p, N, D, 0);
    const dsm_denoiser denoiser = normal_denoiser(&law);
    double gap = -normal_entropy(&law), x0_mse, eps_mse;
    for (size_t i = 0; i < N; i++) normal_draw(&law, i, x + i * D);
    const dsm_bound b = bound_of(p, &denoiser, N, D, DSM_VARIANCE_LARGE);
    assert_int_equal(dsm_bound_run(&b, x, &(dsm_bound_terms){.total = total}), DSM_OK);
    for (size_t i = 0; i < N; i++) above[i] = total[i] + normal_log_density(&law, 1, 0, x + i * D);
    for (double t = 1; t <= (double)steps; t++)
      gap += expected_term(&law, t, DSM_VARIANCE_LARGE, &x0_mse, &eps_mse);
    const sum seen = mean_of(above);
    print_message("%d steps: %.4f +- %.4f nats above -ln p, closed form %.4f\n", (int)steps, seen.mean,
                  seen.error, gap);
    assert_close(seen.mean, gap, 0, 4.5 * seen.error);
    assert_true(gap > 0 && gap < before / 4);
    before = gap;
    dsm_process_destroy(&p);
  }
}

static void strata_are_an_unbiased_subset(void **state) {
  (void)state;
  static values all, some;
  dsm_process *p = process_of(DSM_PROCESS_DDPM, DSM_SCHEDULE_COSINE, T);
  normal law = normal_law(p, BLOCK, D, 0.8);
  const dsm_denoiser denoiser = normal_denoiser(&law);
  dsm_bound b = bound_of(p, &denoiser, BLOCK, D, DSM_VARIANCE_SMALL);
  run_law(b, &law, &all);
  for (int64_t count = 1; count < T; count += 6) {
    int32_t size[T], begin = 1;
    bool seen[T + 1] = {false};
    double difference[N];
    b.strata = count;
    assert_int_equal(dsm_bound_count(&b), count + 1);
    dsm_bound_sizes(&b, size);
    run_law(b, &law, &some);
    for (size_t k = 0; k <= (size_t)count; k++) { /* strata: all times, none twice, each drawn inside */
      assert_true(size[k] >= 1);
      for (size_t i = 0; i < N; i++) {
        const int32_t t = some.t[i * (size_t)(count + 1) + k];
        assert_true(t >= begin && t < begin + size[k]);
        seen[t] = true;
      }
      begin += size[k];
    }
    assert_int_equal(begin, T + 1);
    for (int t = 1; t <= T; t++) assert_true(seen[t]); /* 256 draws leave no time of 39 out but once in 20 */
    for (int i = 0; i < N; i++) {
      double sum_of = some.prior[i];
      for (size_t k = 0; k <= (size_t)count; k++)
        sum_of += size[k] * (double)some.vb[(size_t)i * (size_t)(count + 1) + k];
      assert_close(some.total[i], sum_of, 1e-5, 1e-5); /* float32 terms */
      difference[i] = some.total[i] - all.total[i];
      assert_true(some.decoder[i] == all.decoder[i] && some.prior[i] == all.prior[i]);
    }
    const sum s = mean_of(difference);
    print_message("%d strata: off by %.4f +- %.4f nats\n", (int)count, s.mean, s.error);
    assert_close(s.mean, 0, 0, 4 * s.error);
  }
  b.strata = T - 1; /* one time each: all of them */
  run_law(b, &law, &some);
  assert_memory_equal(&some, &all, sizeof all);
  dsm_process_destroy(&p);
}

static void a_sample_does_not_depend_on_its_block(void **state) {
  (void)state;
  dsm_process *p = process_of(DSM_PROCESS_DDPM, DSM_SCHEDULE_COSINE, T);
  double x[8 * D], whole[8], half[8];
  normal law = normal_law(p, 8, D, 0.8);
  dsm_denoiser denoiser = normal_denoiser(&law);
  for (size_t i = 0; i < 8; i++) normal_draw(&law, i, x + i * D);
  dsm_bound b = bound_of(p, &denoiser, 8, D, DSM_VARIANCE_LARGE);
  b.strata = 5;
  assert_int_equal(dsm_bound_run(&b, x, &(dsm_bound_terms){.total = whole}), DSM_OK);
  law.samples = b.n = 4;
  for (size_t part = 0; part < 2; part++) {
    b.first = part * 4;
    assert_int_equal(dsm_bound_run(&b, x + part * 4 * D, &(dsm_bound_terms){.total = half + part * 4}),
                     DSM_OK);
  }
  assert_memory_equal(whole, half, sizeof whole);
  dsm_process_destroy(&p);
}

/* ---- one point --------------------------------------------------------------------------------------- */

/* x0_hat and eps_hat for data in the point x0 = `at`, with eps_hat off by `off`. */
typedef struct point {
  const dsm_process *process;
  double at, off, share;
} point;

static void point_estimate(void *self, const float *x, const double *t, const dsm_estimate *e) {
  const point *d = self;
  const double alpha = dsm_process_alpha(d->process, t[0]), sigma = dsm_process_sigma(d->process, t[0]);
  const double eps = ((double)x[0] - alpha * d->at) / sigma + d->off;
  if (e->eps) e->eps[0] = (float)eps;
  if (e->x0) e->x0[0] = (float)(d->at - d->off * sigma / alpha);
  if (e->variance) e->variance[0] = (float)d->share;
}

/* A12: beta^2 / (2 sigma_t^2 (1 - beta)(1 - alpha-bar)) at t = 2, 500, 1000 with sigma_t^2 = beta: the term
 * rises by that where eps_hat is off by 1; and KL(q(x_T | x0) || N(0, 1)) at x0 = 1. */
static void golden_values(void **state) {
  (void)state;
  static float vb[1000], exact[1000];
  static const struct {
    int t;
    double weight;
  } rows[] = {{2, 0.272692}, {500, 0.00550343}, {1000, 0.0102045}};
  dsm_process *p = ddpm_of(1000);
  point data = {.process = p, .at = 1};
  const dsm_denoiser denoiser = {.self = &data, .estimate = point_estimate};
  const dsm_bound b = bound_of(p, &denoiser, 1, 1, DSM_VARIANCE_LARGE);
  double prior;
  assert_int_equal(dsm_bound_run(&b, &data.at, &(dsm_bound_terms){.prior = &prior, .vb = exact}), DSM_OK);
  data.off = 1;
  assert_int_equal(dsm_bound_run(&b, &data.at, &(dsm_bound_terms){.vb = vb}), DSM_OK);
  for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) /* six digits are printed; float32 in x0_hat */
    assert_close((double)vb[rows[k].t - 1] - (double)exact[rows[k].t - 1], rows[k].weight, 2e-5, 1e-7);
  assert_close(prior, 2.018e-5, 3e-5, 0);
  dsm_process_destroy(&p);
}

/* KL of two Gaussians whose variances differ, and the density of L_0, at some shares of a learned variance. */
static void a_learned_variance_lies_between(void **state) {
  (void)state;
  float vb[T];
  dsm_process *p = process_of(DSM_PROCESS_DDPM, DSM_SCHEDULE_COSINE, T);
  point data = {.process = p, .at = 0.3, .off = 0.5};
  const dsm_denoiser denoiser = {.self = &data, .estimate = point_estimate, .learns_variance = true};
  for (data.share = 0; data.share <= 1; data.share += 0.25) {
    const dsm_bound b = bound_of(p, &denoiser, 1, 1, DSM_VARIANCE_LEARNED);
    assert_int_equal(dsm_bound_run(&b, &data.at, &(dsm_bound_terms){.vb = vb}), DSM_OK);
    for (int t = 1; t <= T; t++) {
      const dsm_posterior q = dsm_process_posterior(p, t - 1, t);
      const double small = t > 1 ? q.small : dsm_process_posterior(p, 1, 2).small;
      const double v = pow(small, 1 - data.share) * pow(q.large, data.share);
      const double off = q.x0_factor * data.off * dsm_process_sigma(p, t) / dsm_process_alpha(p, t);
      const double expected = t > 1 ? 0.5 * (log(v / small) - 1 + (small + off * off) / v)
                                    : 0.5 * (log(2 * acos(-1.0) * v) + off * off / v);
      assert_close((double)vb[t - 1], expected, 2e-5, 1e-6);
    }
  }
  dsm_process_destroy(&p);
}

/* The probabilities of all steps of a width sum to 1, and for narrow ones are density times width; far out
 * they stay finite. */
static void quantised_data_have_probabilities(void **state) {
  (void)state;
  dsm_process *p = process_of(DSM_PROCESS_DDPM, DSM_SCHEDULE_COSINE, T);
  point data = {.process = p, .at = 0};
  const dsm_denoiser denoiser = {.self = &data, .estimate = point_estimate};
  dsm_bound b = bound_of(p, &denoiser, 1, 1, DSM_VARIANCE_LARGE);
  const double s = sqrt(dsm_process_posterior(p, 0, 1).large);
  for (double width = s / 10; width < 8 * s; width *= 4) {
    double sum_of = 0;
    b.width = &width;
    for (int k = -200; k <= 200; k++) {
      const double x = width * k;
      double decoder;
      assert_int_equal(dsm_bound_run(&b, &x, &(dsm_bound_terms){.decoder = &decoder}), DSM_OK);
      assert_true(isfinite(decoder) && decoder >= 0);
      sum_of += exp(-decoder);
    }
    assert_close(sum_of, 1, 1e-10, 0);
  }
  for (double k = -8; k <= 8;
       k++) { /* narrow: the error of the midpoint rule is (width / s)^2 / 24 (k^2 - 1) */
    const double width = s / 100, x = k * s;
    double probability, density;
    b.width = &width;
    assert_int_equal(dsm_bound_run(&b, &x, &(dsm_bound_terms){.decoder = &probability}), DSM_OK);
    b.width = NULL;
    assert_int_equal(dsm_bound_run(&b, &x, &(dsm_bound_terms){.decoder = &density}), DSM_OK);
    assert_close(probability, density - log(width), 0, 1e-4 / 24 * (k * k + 1) * 1.2 + 1e-9);
  }
  /* on both sides of where tails underflow: ln Phi(-a) = -a^2/2 - ln(a sqrt(2 pi)) + ln(1 - 1/a^2 ...) */
  for (double a = 28; a <= 60; a += 4) {
    const double width = 2 * s, x = (a + 1) * s;
    double decoder;
    b.width = &width;
    assert_int_equal(dsm_bound_run(&b, &x, &(dsm_bound_terms){.decoder = &decoder}), DSM_OK);
    assert_close(decoder, a * a / 2 + log(a * sqrt(2 * acos(-1.0))) - log1p(-1 / (a * a)), 0, 1e-5);
  }
  dsm_process_destroy(&p);
}

/* Clipping x0_hat is part of the chain: with data inside the range it takes away error. */
static void a_clipped_estimate_counts(void **state) {
  (void)state;
  float mse[T], vb[T];
  const double low = -0.5, high = 0.4;
  dsm_process *p = process_of(DSM_PROCESS_DDPM, DSM_SCHEDULE_COSINE, T);
  point data = {.process = p, .at = 0.4, .off = -2};
  const dsm_denoiser denoiser = {.self = &data, .estimate = point_estimate};
  dsm_bound b = bound_of(p, &denoiser, 1, 1, DSM_VARIANCE_SMALL);
  b.clip_low = &low, b.clip_high = &high;
  assert_int_equal(dsm_bound_run(&b, &data.at, &(dsm_bound_terms){.vb = vb, .x0_mse = mse}), DSM_OK);
  for (int k = 0; k < T; k++) assert_true(mse[k] == 0 && (k == 0 || vb[k] == 0));
  dsm_process_destroy(&p);
}

static bool stop_at_three(void *context, int64_t done, int64_t all) {
  (void)context;
  assert_int_equal(all, T);
  return done < 3;
}

static void what_has_no_bound_is_refused(void **state) {
  (void)state;
  dsm_process *p = process_of(DSM_PROCESS_VP, DSM_SCHEDULE_LINEAR, T),
              *single = process_named(DSM_PROCESS_SINGLE);
  dsm_process *ddpm = process_of(DSM_PROCESS_DDPM, DSM_SCHEDULE_LINEAR, T);
  point data = {.process = ddpm};
  const dsm_denoiser denoiser = {.self = &data, .estimate = point_estimate};
  dsm_bound b = bound_of(p, &denoiser, 1, 1, DSM_VARIANCE_SMALL);
  assert_refused(dsm_bound_check(&b), "process vp is continuous");
  b.process = single;
  assert_refused(dsm_bound_check(&b), "one noise level");
  b.process = ddpm;
  b.variance = DSM_VARIANCE_LEARNED;
  assert_refused(dsm_bound_check(&b), "objective.name = hybrid");
  b.variance = DSM_VARIANCE_SMALL;
  b.strata = T;
  assert_refused(dsm_bound_check(&b), "1 to 39");
  b.strata = 0;
  assert_int_equal(dsm_bound_check(&b), DSM_OK);
  b.progress = stop_at_three;
  assert_int_equal(dsm_bound_run(&b, &data.at, &(dsm_bound_terms){0}), DSM_STOPPED);
  dsm_trail_clear();
  dsm_process_destroy(&p);
  dsm_process_destroy(&single);
  dsm_process_destroy(&ddpm);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(each_term_of_a_gaussian_has_its_closed_form),
      cmocka_unit_test(the_bound_falls_to_the_log_density),
      cmocka_unit_test(strata_are_an_unbiased_subset),
      cmocka_unit_test(a_sample_does_not_depend_on_its_block),
      cmocka_unit_test(golden_values),
      cmocka_unit_test(a_learned_variance_lies_between),
      cmocka_unit_test(quantised_data_have_probabilities),
      cmocka_unit_test(a_clipped_estimate_counts),
      cmocka_unit_test(what_has_no_bound_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
