/* The times at which a walk evaluates the network, t_0 = last > ... > t_{N-1} = first, t_N = 0, the data. With
 * q = (N - 1 - k) / (N - 1) from 1 to 0 and r = sigma / alpha, which is the noise level in units of the data:
 *   uniform    t = first + (last - first) q
 *   quadratic  t = first + (last - first) q^2                     Song et al. 2021 (arXiv:2010.02502), app. D
 *   log_snr    ln r uniform                                        Lu et al. 2022 (arXiv:2206.00927), sec. 3.3
 *   rho        r^(1/rho) uniform                                   Karras et al. 2022 (arXiv:2206.00364), eq. 5
 * Where time is discrete they are rounded and then moved to the nearest distinct ones. Both ends are always
 * among them. So with 10 of 1000 times, uniform ones are 1000, 889, ... 112, 1, where others have 901, ... 1
 * ("leading": the walk starts from pure noise at a time that still holds some data) or 1000, ... 100
 * ("trailing": the last step removes a lot of noise at once). */
#include <inttypes.h>
#include <math.h>
#include <string.h>
#include "sampler/sampler.h"

double dsm__noise_ratio(const dsm_process *process, double t) {
  return dsm_process_sigma(process, t) / dsm_process_alpha(process, t);
}

double dsm__half_log_snr(const dsm_process *process, double t) {
  return -log(dsm__noise_ratio(process, t));
}

static int grid_of(const dsm_process *process, const dsm_sampler_settings *settings) {
  if (settings->grid != DSM_GRID_AUTO) return settings->grid;
  const char *name = dsm_process_name_of(process);
  /* where the noise level itself is the time, uniform times would nearly all be spent on mere noise */
  if (strcmp(name, "edm") == 0) return DSM_GRID_RHO;
  /* sigma of vp begins as the root of t: the trapezoids of heun leave noise in the samples unless the last steps are short */
  return settings->name == DSM_SAMPLER_HEUN && strcmp(name, "vp") == 0 ? DSM_GRID_RHO : DSM_GRID_UNIFORM;
}

static const char *refused(const dsm_process *process, const dsm_sampler_settings *settings, double from) {
  const int grid = grid_of(process, settings);
  if (grid < DSM_GRID_AUTO || grid > DSM_GRID_RHO) return "sampler.grid is none of the known ones";
  if (grid == DSM_GRID_RHO &&
      !(settings->rho >= 0.01 && settings->rho <= 1e4)) /* beyond, times would be equal */
    return "sampler.rho must lie between 0.01 and 10000 (usual: 7)";
  const bool by_ratio = grid == DSM_GRID_LOG_SNR || grid == DSM_GRID_RHO;
  if (by_ratio && !(dsm_process_alpha(process, from) > 0))
    return "nothing is left of the data at the last time of this process, alpha = 0, so a grid in sigma / "
           "alpha has no start; use sampler.grid = uniform or quadratic";
  return NULL;
}

double dsm__sampling_start(const dsm_sampling *s) {
  return s->start > 0 ? s->start : dsm_process_last(s->process);
}

dsm_status dsm__times_check(const dsm_process *process, const dsm_sampler_settings *settings, double from,
                            int64_t steps) {
  if (steps < 1) DSM_FAIL(DSM_BAD_CONFIG, "sampler.steps: need 1 step or more; received %" PRId64, steps);
  if (dsm_process_discrete(process) && (double)steps > from)
    DSM_FAIL(DSM_BAD_CONFIG,
             "sampler.steps: %" PRId64 " are more than the %.0f times of this %s process; use %.0f or fewer",
             steps, from, dsm_process_name_of(process), from);
  const char *reason = refused(process, settings, from);
  if (reason) DSM_FAIL(DSM_BAD_CONFIG, "there are no times to walk over: %s", reason);
  return DSM_OK;
}

/* Time at which the share `q` of the way from the data's end to the noise's end, `last`, is left. */
static double time_at(const dsm_process *process, const dsm_sampler_settings *settings, double last,
                      double q) {
  const double first = dsm_process_first(process, true);
  const int grid = grid_of(process, settings);
  if (grid == DSM_GRID_UNIFORM) return first + (last - first) * q;
  if (grid == DSM_GRID_QUADRATIC) return first + (last - first) * q * q;
  const double low = dsm__noise_ratio(process, first), high = dsm__noise_ratio(process, last);
  if (grid == DSM_GRID_LOG_SNR)
    return dsm_process_time_of(process, exp(log(low) + q * (log(high) - log(low))));
  /* in units of the highest, whose own root may be beyond all numbers */
  const double rho = settings->rho, root = pow(low / high, 1 / rho);
  return dsm_process_time_of(process, high * pow(root + q * (1 - root), rho));
}

/* Rounds to integers; then no two are equal: first from above, then, with what is left below, from beneath. */
static void make_distinct(int64_t steps, double *t) {
  for (int64_t k = 1; k < steps - 1; k++) t[k] = fmin(round(t[k]), t[k - 1] - 1);
  for (int64_t k = steps - 2; k > 0; k--) t[k] = fmax(t[k], t[k + 1] + 1);
}

dsm_status dsm__times_from(const dsm_process *process, const dsm_sampler_settings *settings, double from,
                           int64_t steps, double *t) {
  DSM_TRY(dsm__times_check(process, settings, from, steps));
  t[0] = from;
  for (int64_t k = 1; k < steps - 1; k++)
    t[k] = time_at(process, settings, from, (double)(steps - 1 - k) / (double)(steps - 1));
  if (steps > 1) t[steps - 1] = dsm_process_first(process, true);
  if (dsm_process_discrete(process)) make_distinct(steps, t);
  t[steps] = 0;
  return DSM_OK;
}

dsm_status dsm_sampler_times(const dsm_process *process, const dsm_sampler_settings *settings, int64_t steps,
                             double *t) {
  DSM_TRY(dsm__times_from(process, settings, dsm_process_last(process), steps, t));
  return DSM_OK;
}
