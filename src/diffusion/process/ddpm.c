/* The discrete process of Ho et al. 2020 (arXiv:2006.11239), t = 1 ... T:
 *   beta_t       variance added in step t, from betas.c
 *   alpha-bar_t  prod_{i <= t} (1 - beta_i) = alpha(t)^2; the table holds log alpha = sum log1p(-beta_i) / 2 */
#include <stdlib.h>
#include "dsmpi/memory.h"
#include "process/betas.h"
#include "process/process.h"

typedef struct ddpm {
  dsm_process base;
  int64_t steps;
  double log_alpha[]; /* steps + 1 entries, the first one 0 */
} ddpm;

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

/* ln(sigma / alpha) */
static double log_ratio(const ddpm *p, int64_t t) {
  return log(expm1(-2 * p->log_alpha[t])) / 2;
}

/* By halving: below <= the time < above */
static double time_of(const dsm_process *process, double ratio) {
  const ddpm *p = (const ddpm *)process;
  double wanted = log(ratio);
  int64_t below = 1, above = p->steps + 1;
  while (above - below > 1) {
    int64_t middle = below + (above - below) / 2;
    if (log_ratio(p, middle) <= wanted)
      below = middle;
    else
      above = middle;
  }
  if (above > p->steps) return (double)below;
  return (double)(wanted - log_ratio(p, below) < log_ratio(p, above) - wanted ? below : above);
}

static const dsm__process_ops ops = {
    .name = "ddpm",
    .label_text = DSM__LABEL_OF_STEP,
    .discrete = true,
    .ends_in_noise = true,
    .log_alpha = table_entry,
    .sigma2 = sigma2,
    .transition2 = transition2,
    .time_of = time_of,
    .label = dsm__label_of_step,
};

dsm_status dsm__ddpm_create(const dsm_config *config, dsm_process **process) {
  DSM_TRY(dsm__betas_check(config));
  const int64_t steps = config->process.steps;
  ddpm *p = NULL;
  DSM_TRY(dsm_alloc(1, sizeof *p + ((size_t)steps + 1) * sizeof(double), (void **)&p));
  p->base = (dsm_process){
      .ops = &ops, .last = (double)steps, .first_training = 1, .first_sampling = 1, .prior_std = 1};
  p->steps = steps;
  for (int64_t t = 1; t <= steps; t++)
    p->log_alpha[t] = p->log_alpha[t - 1] + log1p(-dsm__beta(config, t)) / 2;
  if (p->log_alpha[steps - 1] < log(DSM__SMALLEST)) {
    free(p);
    DSM_FAIL(DSM_BAD_CONFIG, "process.betas: nothing is left of the data long before the last time; take "
                             "smaller or fewer betas (the last "
                             "one alone may be 1)");
  }
  *process = &p->base;
  return DSM_OK;
}
