/* The schedules of ddpm:
 *   linear   beta from 1e-4 to 0.02 for T = 1000; both ends times 1000/T for other T
 *   cosine   alpha-bar(u) = cos^2(pi/2 (u + 0.008) / 1.008)
 *            (Nichol & Dhariwal 2021, arXiv:2102.09672, eq. 17)
 *   sigmoid  alpha-bar(u) = (S(3) - S(6 u - 3)) / (S(3) - S(-3)),  S the logistic function: start -3, end 3, tau 1
 *            (Jabri et al. 2022, arXiv:2212.11972, algorithm 1; the defaults of denoising-diffusion-pytorch)
 *   list     process.betas; the last one may be 1, so that nothing is left of the data (Lin et al. 2023,
 *            arXiv:2305.08891)
 * Where alpha-bar is given, beta_t = 1 - alpha-bar(t/T) / alpha-bar((t-1)/T), at most 0.999, in forms that do not
 * cancel for the small first betas. */
#include "process/betas.h"

#include <inttypes.h>
#include <math.h>

static const double linear_first = 1e-4, linear_last = 0.02, linear_steps = 1000;
static const double cosine_offset = 0.008, sigmoid_end = 3, beta_max = 0.999;

static double linear(int64_t t, int64_t steps) {
  double scale = linear_steps / (double)steps;
  double share = steps > 1 ? (double)(t - 1) / (double)(steps - 1) : 1;
  return scale * (linear_first + share * (linear_last - linear_first));
}

/* 1 - cos^2 b / cos^2 a = sin(b - a) sin(b + a) / cos^2 a */
static double cosine(int64_t t, int64_t steps) {
  double half_pi = acos(0.0), unit = half_pi / (1 + cosine_offset);
  double a = unit * ((double)(t - 1) / (double)steps + cosine_offset);
  double width = unit / (double)steps, cos_a = cos(a);
  return fmin(sin(width) * sin(2 * a + width) / (cos_a * cos_a), beta_max);
}

/* S(b) - S(a) = sinh((b - a)/2) / (2 cosh(a/2) cosh(b/2)), so with the end e, cosh(a/2) drops out of
 * beta = (S(b) - S(a)) / (S(e) - S(a)) */
static double sigmoid(int64_t t, int64_t steps) {
  double width = 2 * sigmoid_end / (double)steps, e = sigmoid_end;
  double b = e - width * (double)(steps - t), left = width * (double)(steps - t + 1);
  return fmin(sinh(width / 2) * cosh(e / 2) / (sinh(left / 2) * cosh(b / 2)), beta_max);
}

double dsm__beta(const dsm_config *config, int64_t t) {
  const int64_t steps = config->process.steps;
  switch (config->process.schedule) {
  case DSM_SCHEDULE_LINEAR:
    return linear(t, steps);
  case DSM_SCHEDULE_COSINE:
    return cosine(t, steps);
  case DSM_SCHEDULE_SIGMOID:
    return sigmoid(t, steps);
  }
  DSM_ASSERT(config->process.schedule == DSM_SCHEDULE_LIST);
  return config->process.betas.value[t - 1];
}

static dsm_status check_list(const dsm_config *config) {
  const dsm_beta_list *betas = &config->process.betas;
  if ((int64_t)betas->count != config->process.steps)
    DSM_FAIL(DSM_BAD_CONFIG,
             "process.betas has %zu numbers and process.steps is %" PRId64
             "; the schedule list needs one a step",
             betas->count, config->process.steps);
  for (size_t i = 0; i < betas->count; i++) {
    const double beta = betas->value[i];
    const bool last = i + 1 == betas->count;
    if (!(beta > 0 && (last ? beta <= 1 : beta < 1)))
      DSM_FAIL(DSM_BAD_CONFIG,
               "process.betas: number %zu is %g; betas lie above 0 and below 1 (the last may be 1)", i + 1,
               beta);
  }
  return DSM_OK;
}

dsm_status dsm__betas_check(const dsm_config *config) {
  const int64_t steps = config->process.steps;
  if (steps < 1 || steps > INT64_C(1) << 32)
    DSM_FAIL(DSM_BAD_CONFIG, "process.steps: ddpm needs 1 step or more, up to 2^32; received %" PRId64,
             steps);
  if (config->process.schedule == DSM_SCHEDULE_LINEAR && linear(steps, steps) >= 1)
    DSM_FAIL(DSM_BAD_CONFIG,
             "process.steps: %" PRId64
             " is too few for the linear schedule, whose last beta would be %g, beyond 1; "
             "use 21 or more, or process.schedule=cosine",
             steps, linear(steps, steps));
  if (config->process.schedule == DSM_SCHEDULE_LIST) DSM_TRY(check_list(config));
  return DSM_OK;
}
