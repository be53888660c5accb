/* The log-density along the probability-flow ODE, with exact scores. A Gaussian's path is x(t) = alpha mu +
 * Q r Q (x(t0) - alpha0 mu), r = sqrt(v(t) / v(t0)), so the density of the model, which starts from N(0,
 * prior_std^2), is known beside that of the data. */
#include "mixture.h"
#include "normal.h"

#include "dsmpi/random.h"

enum { N = 8 };
static const int continuous[] = {DSM_PROCESS_VP, DSM_PROCESS_SUBVP, DSM_PROCESS_VE, DSM_PROCESS_EDM,
                                 DSM_PROCESS_FLOW};
enum { CONTINUOUS = sizeof continuous / sizeof *continuous };

static dsm_likelihood likelihood_of(const dsm_process *p, const dsm_denoiser *denoiser, size_t d) {
  return (dsm_likelihood){.process = p,
                          .denoiser = denoiser,
                          .n = N,
                          .d = d,
                          .seed = 3,
                          .law = DSM_PROBE_EXACT,
                          .probes = 1,
                          .t0 = dsm_process_first(p, false),
                          .rtol = 1e-5,
                          .atol = 1e-5,
                          .steps = 1000};
}

typedef struct closed_form {
  double prior, divergence;
} closed_form;

/* Of the model, at data x. */
static closed_form model_density(const normal *data, double t0, const double *x) {
  const dsm_process *p = data->process;
  const double a = dsm_process_alpha(p, t0), b = dsm_process_sigma(p, t0), last = dsm_process_last(p);
  const double alpha = dsm_process_alpha(p, last), sigma = dsm_process_sigma(p, last),
               std = dsm_process_prior_std(p);
  closed_form f = {0, (double)data->d * log(a)};
  double y[NORMAL_MAX];
  for (size_t j = 0; j < data->d; j++) y[j] = a * (x[j] - data->mu[j]);
  normal_turn(data, y, y);
  for (size_t j = 0; j < data->d; j++) {
    const double r = sqrt((alpha * alpha * data->l[j] + sigma * sigma) / (a * a * data->l[j] + b * b));
    y[j] *= r;
    f.divergence += log(r);
  }
  normal_turn(data, y, y);
  for (size_t j = 0; j < data->d; j++) {
    const double z = (y[j] + alpha * data->mu[j]) / std;
    f.prior -= 0.5 * (z * z + log(2 * acos(-1.0) * std * std));
  }
  return f;
}

static void draw(const normal *data, double *x) {
  for (size_t i = 0; i < N; i++) normal_draw(data, i, x + i * data->d);
}

/* The ODE is solved to 1e-5 of x and of the integral in each of some tens of steps, most of them better:
 * 1e-4 nats an element. The data's own density differs from the model's in its start: N(0, 1) or N(0, 50^2)
 * for data with v = alpha^2 l + sigma^2, whose difference is of order alpha^2 l / sigma^2 = 1e-3 (ve, edm:
 * l up to 2.5, of 50^2) of a square, and less in the mean. */
static void a_gaussian_has_its_log_density(void **state) {
  (void)state;
  double far = 0;
  for (size_t k = 0; k < CONTINUOUS; k++)
    for (size_t d = 1; d <= NORMAL_MAX; d += d < 2 ? 1 : 3) {
      double x[N * NORMAL_MAX], value[N], prior[N], divergence[N], error[N], worst = 0, off_data = 0;
      dsm_process *p = process_named(continuous[k]);
      normal data = normal_law(p, N, d, 0);
      const dsm_denoiser denoiser = normal_denoiser(&data);
      const dsm_likelihood l = likelihood_of(p, &denoiser, d);
      draw(&data, x);
      const dsm_log_density out = {
          .value = value, .prior = prior, .divergence = divergence, .probe_error = error};
      assert_int_equal(dsm_likelihood_run(&l, x, &out), DSM_OK);
      const double noise = dsm_process_sigma(p, l.t0) / dsm_process_alpha(p, l.t0);
      for (size_t i = 0; i < N; i++) {
        const closed_form f = model_density(&data, l.t0, x + i * d);
        assert_close(prior[i], f.prior, 0, 1e-4 * (double)d);
        assert_close(divergence[i], f.divergence, 0, 1e-4 * (double)d);
        assert_true(value[i] == prior[i] + divergence[i] && error[i] == 0);
        worst = worst_of(worst, fabs(value[i] - f.prior - f.divergence) / (double)d);
        const double of_data = normal_log_density(&data, 1, noise, x + i * d);
        off_data = worst_of(off_data, fabs(value[i] - of_data) / (double)d);
      }
      print_message("%s, %d elements: off by %.1e nats an element, from the data's own density by %.1e\n",
                    dsm_process_name_of(p), (int)d, worst, off_data);
      far = worst_of(far, worst);
      assert_true(off_data < (d > 1 ? 1e-3 : 3e-3));
      dsm_process_destroy(&p);
    }
  claim_below(0, far, 2e-4, "likelihood: a Gaussian's closed form [nats/dim]");
}

/* With a mean, as the model has it, from the first time and from a later one, where alpha counts too; x_T
 * and the number of evaluations come along. */
static void the_latent_is_the_end_of_the_path(void **state) {
  (void)state;
  enum { D = 3 };
  for (size_t k = 0; k < CONTINUOUS; k++)
    for (int later = 0; later < 2; later++) {
      double x[N * D], latent[N * D], value[N];
      int32_t evaluations[N], most = 0;
      dsm_process *p = process_named(continuous[k]);
      normal data = normal_law(p, N, D, 0.9);
      const dsm_denoiser denoiser = normal_denoiser(&data);
      dsm_likelihood l = likelihood_of(p, &denoiser, D);
      const double std = dsm_process_prior_std(p);
      if (later) l.t0 = dsm_process_time_of(p, 0.3);
      draw(&data, x);
      const dsm_log_density out = {.value = value, .latent = latent, .evaluations = evaluations};
      assert_int_equal(dsm_likelihood_run(&l, x, &out), DSM_OK);
      for (size_t i = 0; i < N; i++) {
        const closed_form f = model_density(&data, l.t0, x + i * D);
        double square = 0;
        for (size_t j = 0; j < D; j++) square += pow(latent[i * D + j] / std, 2);
        assert_close(value[i], f.prior + f.divergence, 0, 1e-4 * D);
        assert_close(square, -2 * f.prior - D * log(2 * acos(-1.0) * std * std), 1e-4, 1e-4);
        most = evaluations[i] > most ? evaluations[i] : most;
      }
      /* an estimate and D pullbacks each; the block runs as long as its slowest sample */
      assert_int_equal(most, data.calls);
      assert_int_equal(most % (1 + D), 0);
      dsm_process_destroy(&p);
    }
}

/* Three narrow parts: J changes along the path. ln p_t0(x) - ln p_T(x_T), both exact, is the integral. */
static void a_mixture_has_its_log_density(void **state) {
  (void)state;
  double far = 0;
  for (size_t k = 0; k < CONTINUOUS; k++) {
    double x[N * 2], latent[N * 2], divergence[N], worst = 0;
    dsm_process *p = process_named(continuous[k]);
    mixture m = {.process = p,
                 .weight = {0.5, 0.3, 0.2},
                 .mean = {{1.2, 0.3}, {-1, 0.8}, {-0.2, -1.3}},
                 .s = {0.3, 0.2, 0.5},
                 .samples = N,
                 .each = 1};
    const dsm_denoiser denoiser = mixture_denoiser(&m);
    dsm_likelihood l = likelihood_of(p, &denoiser, 2);
    l.rtol = l.atol = 1e-6;
    for (int i = 0; i < N * 2; i++) /* from the middle of a part to between them */
      x[i] = m.mean[(i / 2) % PARTS][i % 2] * (1 - 0.1 * (i / 2)) + 0.05 * i;
    const dsm_log_density out = {.divergence = divergence, .latent = latent};
    assert_int_equal(dsm_likelihood_run(&l, x, &out), DSM_OK);
    const double last = dsm_process_last(p), noise = dsm_process_sigma(p, l.t0) / dsm_process_alpha(p, l.t0);
    for (int i = 0; i < N; i++) {
      const float at_start[2] = {(float)x[2 * i], (float)x[2 * i + 1]},
                  at_end[2] = {(float)latent[2 * i], (float)latent[2 * i + 1]};
      const double expected =
          mixture_log_density(&m, 1, noise, at_start) -
          mixture_log_density(&m, dsm_process_alpha(p, last), dsm_process_sigma(p, last), at_end);
      /* an exact density at points in float32, in parts of width 0.2: 1e-6 */
      worst = worst_of(worst, fabs(divergence[i] - expected) / 2);
    }
    print_message("%s, a mixture: off by %.1e nats an element\n", dsm_process_name_of(p), worst);
    far = worst_of(far, worst);
    dsm_process_destroy(&p);
  }
  claim_below(0, far, 1e-4, "likelihood: a mixture's closed form [nats/dim]");
}

/* Each probe's value is unbiased: their mean is the exact value within 4.5 of the standard error told, and
 * the errors told are as large as those made. Of 64 samples the root mean square of (error made / told) is 1
 * within 4.5 / sqrt(128). */
static void probes_estimate_the_trace_without_bias(void **state) {
  (void)state;
  enum { D = 6, BLOCKS = 8 };
  dsm_process *p = process_named(DSM_PROCESS_VP);
  normal data = normal_law(p, N, D, 0.4);
  const dsm_denoiser denoiser = normal_denoiser(&data);
  double far = 0;
  for (int probe_law = DSM_PROBE_RADEMACHER; probe_law <= DSM_PROBE_GAUSSIAN; probe_law++) {
    double square = 0, bias = 0;
    for (uint64_t block = 0; block < BLOCKS; block++) {
      double x[N * D], known[N], value[N], error[N];
      dsm_likelihood l = likelihood_of(p, &denoiser, D);
      l.first = block * N;
      for (size_t i = 0; i < N; i++) normal_draw(&data, l.first + i, x + i * D);
      assert_int_equal(dsm_likelihood_run(&l, x, &(dsm_log_density){.value = known}), DSM_OK);
      l.law = probe_law;
      l.probes = 40;
      assert_int_equal(dsm_likelihood_run(&l, x, &(dsm_log_density){.value = value, .probe_error = error}),
                       DSM_OK);
      for (int i = 0; i < N; i++) {
        assert_true(error[i] > 0.01); /* correlated data: the probes do have something to disagree on */
        assert_close(value[i], known[i], 0, 4.5 * error[i]);
        square += pow((value[i] - known[i]) / error[i], 2) / (N * BLOCKS);
        bias += (value[i] - known[i]) / error[i] / sqrt(N * BLOCKS);
      }
    }
    print_message("%s probes: errors %.2f of those told, bias %.2f standard errors\n",
                  probe_law == DSM_PROBE_GAUSSIAN ? "gaussian" : "rademacher", sqrt(square), bias);
    assert_close(sqrt(square), 1, 0, 0.4);
    far = worst_of(far, fabs(bias));
  }
  claim_below(0, far, 3.5, "likelihood: bias of random traces [errors]");
  dsm_process_destroy(&p);
}

/* v^2 = 1 in one dimension, so signs are exact there and normals are not; of one probe nobody knows the
 * error. */
static void signs_are_exact_on_a_diagonal(void **state) {
  (void)state;
  double x[N], known[N], signs[N], normals[N], error[N];
  dsm_process *p = process_named(DSM_PROCESS_VE);
  normal data = normal_law(p, N, 1, 0.4);
  const dsm_denoiser denoiser = normal_denoiser(&data);
  dsm_likelihood l = likelihood_of(p, &denoiser, 1);
  draw(&data, x);
  assert_int_equal(dsm_likelihood_run(&l, x, &(dsm_log_density){.value = known}), DSM_OK);
  l.law = DSM_PROBE_RADEMACHER;
  assert_int_equal(dsm_likelihood_run(&l, x, &(dsm_log_density){.value = signs, .probe_error = error}),
                   DSM_OK);
  l.law = DSM_PROBE_GAUSSIAN;
  assert_int_equal(dsm_likelihood_run(&l, x, &(dsm_log_density){.value = normals}), DSM_OK);
  for (int i = 0; i < N; i++) {
    assert_close(signs[i], known[i], 1e-12, 1e-12);
    assert_true(fabs(normals[i] - known[i]) > 1e-3 && isnan(error[i]));
  }
  dsm_process_destroy(&p);
}

/* The same bits alone and among others: steps and probes are each sample's own. */
static void a_sample_does_not_depend_on_its_block(void **state) {
  (void)state;
  enum { D = 4 };
  double x[N * D], whole[N], half[N];
  dsm_process *p = process_named(DSM_PROCESS_FLOW);
  normal data = normal_law(p, N, D, 0.4);
  const dsm_denoiser denoiser = normal_denoiser(&data);
  dsm_likelihood l = likelihood_of(p, &denoiser, D);
  l.law = DSM_PROBE_RADEMACHER;
  l.probes = 3;
  draw(&data, x);
  assert_int_equal(dsm_likelihood_run(&l, x, &(dsm_log_density){.value = whole}), DSM_OK);
  data.samples = l.n = N / 2;
  for (size_t part = 0; part < 2; part++) {
    l.first = part * l.n;
    assert_int_equal(dsm_likelihood_run(&l, x + l.first * D, &(dsm_log_density){.value = half + l.first}),
                     DSM_OK);
  }
  assert_memory_equal(whole, half, sizeof whole);
  l.first = N;
  assert_int_equal(dsm_likelihood_run(&l, x, &(dsm_log_density){.value = half}), DSM_OK);
  assert_true(half[0] != whole[0]); /* other probes */
  dsm_process_destroy(&p);
}

/* Errors follow the tolerance: a value, not an estimate with an error of its own. */
static void the_error_follows_the_tolerance(void **state) {
  (void)state;
  enum { D = 8 };
  dsm_process *p = process_named(DSM_PROCESS_VP);
  normal data = normal_law(p, N, D, 0);
  const dsm_denoiser denoiser = normal_denoiser(&data);
  dsm_likelihood l = likelihood_of(p, &denoiser, D);
  double x[N * D], value[N], before = INFINITY;
  draw(&data, x);
  for (double tolerance = 1e-2; tolerance > 1e-7; tolerance *= 0.1) {
    double worst = 0;
    l.rtol = l.atol = tolerance;
    assert_int_equal(dsm_likelihood_run(&l, x, &(dsm_log_density){.value = value}), DSM_OK);
    for (size_t i = 0; i < N; i++) {
      const closed_form f = model_density(&data, l.t0, x + i * D);
      worst = fmax(worst, fabs(value[i] - f.prior - f.divergence) / D);
    }
    print_message("tolerance %.0e: off by %.1e nats an element\n", tolerance, worst);
    assert_true(worst < 20 * tolerance + 3e-6); /* float32 in the estimates */
    assert_true(worst < 2 * before);
    before = worst;
  }
  dsm_process_destroy(&p);
}

static bool stop_at_once(void *context, int64_t done, int64_t all) {
  (void)context, (void)done, (void)all;
  return false;
}

static void what_has_no_likelihood_is_refused(void **state) {
  (void)state;
  dsm_process *ddpm = process_of(DSM_PROCESS_DDPM, DSM_SCHEDULE_COSINE, 10),
              *vp = process_named(DSM_PROCESS_VP);
  normal data = normal_law(vp, N, 2, 0);
  const dsm_denoiser denoiser = normal_denoiser(&data);
  dsm_likelihood l = likelihood_of(vp, &denoiser, 2);
  double x[N * 2], value[N];
  draw(&data, x);
  l.process = ddpm;
  assert_refused(dsm_likelihood_check(&l), "process ddpm is discrete");
  l.process = vp;
  l.d = 65;
  assert_refused(dsm_likelihood_check(&l), "each of the 65 dimensions");
  l.d = 2;
  l.t0 = 0;
  assert_refused(dsm_likelihood_check(&l), "received 0");
  l.t0 = 1;
  assert_refused(dsm_likelihood_check(&l), "received 1");
  l.t0 = 1e-5;
  l.atol = 0;
  assert_refused(dsm_likelihood_check(&l), "sampler.atol");
  l.atol = 1e-5;
  l.law = DSM_PROBE_GAUSSIAN;
  l.probes = 0;
  assert_refused(dsm_likelihood_check(&l), "received 0");
  l.probes = 1;
  l.steps = 2;
  assert_refused(dsm_likelihood_run(&l, x, &(dsm_log_density){.value = value}), "sampler.steps = 2");
  l.steps = 1000;
  l.progress = stop_at_once;
  assert_int_equal(dsm_likelihood_run(&l, x, &(dsm_log_density){.value = value}), DSM_STOPPED);
  dsm_trail_clear();
  dsm_process_destroy(&ddpm);
  dsm_process_destroy(&vp);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_gaussian_has_its_log_density),
      cmocka_unit_test(the_latent_is_the_end_of_the_path),
      cmocka_unit_test(a_mixture_has_its_log_density),
      cmocka_unit_test(probes_estimate_the_trace_without_bias),
      cmocka_unit_test(signs_are_exact_on_a_diagonal),
      cmocka_unit_test(a_sample_does_not_depend_on_its_block),
      cmocka_unit_test(the_error_follows_the_tolerance),
      cmocka_unit_test(what_has_no_likelihood_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
