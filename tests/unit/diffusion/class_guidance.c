/* Guidance by the true classifier of a mixture: its parts. With p(k | x_t) exact,
 *   grad ln p(k | x_t) = s_k(x_t) - s(x_t)
 * so at scale 1 the guided denoiser is that of part k alone, at every time. */
#include "check.h"

#include "dsmpi/mixture.h"
#include "dsmpi/random.h"

enum { N = 6, D = 2, PARTS = 3 };
static const double means[PARTS][D] = {{1, 0}, {-0.5, 0.8}, {-0.4, -1}}, variances[PARTS] = {0.1, 0.3, 0.05};

static dsm_mixture *mixture_of(int first, int count) {
  dsm_mixture *m = NULL;
  assert_int_equal(dsm_mixture_create(D, &m), DSM_OK);
  for (int k = first; k < first + count; k++) {
    const double covariance[D * D] = {variances[k], 0, 0, variances[k]};
    assert_int_equal(dsm_mixture_add_normal(m, 1 + k, means[k], covariance), DSM_OK);
  }
  return m;
}

/* The law and its parts as a classifier. */
typedef struct law {
  const dsm_process *process;
  dsm_mixture *whole, *part[PARTS];
} law;

static void true_gradient(void *self, const float *x, const double *t, const uint32_t *k, float *gradient) {
  const law *l = self;
  for (int i = 0; i < N; i++) {
    const double alpha = dsm_process_alpha(l->process, t[i]), sigma = dsm_process_sigma(l->process, t[i]);
    const double at[D] = {(double)x[i * D], (double)x[i * D + 1]};
    double x0[D], all[D], one[D];
    dsm_mixture_posterior(l->whole, alpha, sigma, at, x0, all);
    dsm_mixture_posterior(l->part[k[i]], alpha, sigma, at, x0, one);
    for (int j = 0; j < D; j++) gradient[i * D + j] = (float)((all[j] - one[j]) / sigma);
  }
}

static void the_true_classifier_makes_the_law_of_the_class(void **state) {
  (void)state;
  static const int processes[] = {DSM_PROCESS_VP, DSM_PROCESS_VE, DSM_PROCESS_FLOW};
  const uint32_t k[N] = {0, 1, 2, 2, 1, 0};
  law l = {.whole = mixture_of(0, PARTS)};
  for (int i = 0; i < PARTS; i++) l.part[i] = mixture_of(i, 1);
  for (int p = 0; p < 3; p++) {
    const dsm_config config = config_of(processes[p], DSM_SCHEDULE_COSINE, 100);
    dsm_process *process = NULL;
    dsm_class_guidance *guidance = NULL;
    assert_int_equal(dsm_process_create(&config, &process), DSM_OK);
    l.process = process;
    dsm_exact exact = {l.whole, process, N};
    const dsm_denoiser prior = dsm_exact_denoiser(&exact);
    assert_int_equal(dsm_class_guidance_create(process, &prior, &(dsm_class_gradient){&l, true_gradient}, 1,
                                               N, D, &guidance),
                     DSM_OK);
    dsm_class_guidance_give(guidance, k);
    const dsm_denoiser guided = dsm_class_guidance_denoiser(guidance);
    float x[N * D], x0[N * D], eps[N * D];
    double t[N];
    const double first = dsm_process_first(process, false), last = dsm_process_last(process);
    for (int i = 0; i < N; i++) t[i] = first + (last - first) * (0.05 + 0.15 * i);
    dsm_random_normal((dsm_random_key){5, DSM_STREAM_DATA, 0, 0}, 0, N * D, x);
    guided.estimate(guided.self, x, t, &(dsm_estimate){.x0 = x0, .eps = eps});
    for (int i = 0; i < N; i++) {
      double expected_x0[D], expected_eps[D];
      const double at[D] = {(double)x[i * D], (double)x[i * D + 1]};
      const double alpha = dsm_process_alpha(process, t[i]), sigma = dsm_process_sigma(process, t[i]);
      dsm_mixture_posterior(l.part[k[i]], alpha, sigma, at, expected_x0, expected_eps);
      for (int j = 0; j < D; j++) { /* float32 gradients, which sigma^2 / alpha enlarges in x0 */
        assert_close((double)eps[i * D + j], expected_eps[j], 1e-5, 1e-6);
        assert_close((double)x0[i * D + j], expected_x0[j], 1e-5, 1e-6 * (1 + sigma * sigma / alpha));
      }
    }
    dsm_class_guidance_destroy(&guidance);
    assert_null(guidance);
    dsm_process_destroy(&process);
  }
  dsm_mixture_destroy(&l.whole);
  for (int i = 0; i < PARTS; i++) dsm_mixture_destroy(&l.part[i]);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(the_true_classifier_makes_the_law_of_the_class)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
