/* The discrete process of Ho et al. 2020 (arXiv:2006.11239), t = 1 ... T:
 *   beta_t       variance added in step t
 *   alpha-bar_t  prod_{i <= t} (1 - beta_i) = alpha(t)^2; the table holds log alpha = sum log1p(-beta_i) / 2
 *   linear       beta from 1e-4 to 0.02 for T = 1000; both ends times 1000/T for other T
 *   cosine       alpha-bar(u) = cos^2(pi/2 (u + 0.008) / 1.008),
 *                beta_t = 1 - alpha-bar(t/T) / alpha-bar((t-1)/T), at most 0.999
 *                (Nichol & Dhariwal 2021, arXiv:2102.09672, eq. 17) */
#include "process/process.h"

#include <inttypes.h>
#include "dsmpi/memory.h"

typedef struct ddpm {
  dsm_process base;
  int64_t steps;
  double log_alpha[]; /* steps + 1 entries, the first one 0 */
} ddpm;

static const double linear_first = 1e-4, linear_last = 0.02, linear_steps = 1000;
static const double cosine_offset = 0.008, cosine_beta_max = 0.999;

static double table_entry(const dsm_process *process, double t) {
  const ddpm *p = (const ddpm *)process;
  DSM_ASSERT(t >= 0 && t <= (double)p->steps && t == floor(t));
  return p->log_alpha[(int64_t)t];
}

static double sigma2(const dsm_process *process, double t) {
  return dsm__preserving_sigma2(table_entry(process, t));
}

static double transition2(const dsm_process *process, double s, double t) {
  return dsm__preserving_sigma2(table_entry(process, t) - table_entry(process, s));
}

static double label(const dsm_process *process, double t) {
  int64_t steps = ((const ddpm *)process)->steps;
  return steps > 1 ? (t - 1) * (DSM__LABEL_LAST / (double)(steps - 1)) : 0;
}

static const dsm__process_ops ops = {
    .name = "ddpm",
    .discrete = true,
    .log_alpha = table_entry,
    .sigma2 = sigma2,
    .transition2 = transition2,
    .label = label,
};

static double linear_beta(int64_t t, int64_t steps) {
  double scale = linear_steps / (double)steps;
  double share = steps > 1 ? (double)(t - 1) / (double)(steps - 1) : 1;
  return scale * (linear_first + share * (linear_last - linear_first));
}

/* 1 - cos^2 b / cos^2 a = sin(b - a) sin(b + a) / cos^2 a: no cancellation for the small first betas. */
static double cosine_beta(int64_t t, int64_t steps) {
  double half_pi = acos(0.0), unit = half_pi / (1 + cosine_offset);
  double a = unit * ((double)(t - 1) / (double)steps + cosine_offset);
  double width = unit / (double)steps, cos_a = cos(a);
  return fmin(sin(width) * sin(2 * a + width) / (cos_a * cos_a), cosine_beta_max);
}

dsm_status dsm__ddpm_create(const dsm_config *config, dsm_process **process) {
  int64_t steps = config->process.steps;
  bool linear = config->process.schedule == DSM_SCHEDULE_LINEAR;
  if (steps < 1 || steps > INT64_C(1) << 32)
    DSM_FAIL(DSM_BAD_CONFIG, "process.steps: ddpm needs 1 step or more, up to 2^32; received %" PRId64,
             steps);
  if (linear && linear_beta(steps, steps) >= 1)
    DSM_FAIL(DSM_BAD_CONFIG,
             "process.steps: %" PRId64
             " is too few for the linear schedule, whose last beta would be %g, beyond 1; "
             "use 21 or more, or process.schedule=cosine",
             steps, linear_beta(steps, steps));

  ddpm *p = NULL;
  DSM_TRY(dsm_alloc(1, sizeof *p + ((size_t)steps + 1) * sizeof(double), (void **)&p));
  p->base = (dsm_process){
      .ops = &ops, .last = (double)steps, .first_training = 1, .first_sampling = 1, .prior_std = 1};
  p->steps = steps;
  for (int64_t t = 1; t <= steps; t++) {
    double beta = linear ? linear_beta(t, steps) : cosine_beta(t, steps);
    p->log_alpha[t] = p->log_alpha[t - 1] + log1p(-beta) / 2;
  }
  *process = &p->base;
  return DSM_OK;
}
