/* The time of each training sample, a function of (seed, step, sample), the size of the batch and, for importance, of
 * the losses so far; so a batch is the same however it is cut into micro-batches and ranks:
 *   uniform     t uniform over 1 ... T or (first, last)
 *   stratified  the same, with one sample of the batch in each of its B equal parts: the mean over a batch has less
 *               variance. Sample i is in part (i + shift) mod B, where shift is drawn anew for each step, so that no place
 *               in the batch keeps to one end
 *   log_normal  ln(sigma / alpha) ~ N(mean, std^2) (Karras et al. 2022, arXiv:2206.00364, table 1), within the times of
 *               the process
 *   importance  importance.c */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include "dsmpi/memory.h"
#include "dsmpi/random.h"
#include "objective/importance.h"

struct dsm_times {
  const dsm_process *process; /* borrowed */
  dsm_objective_settings settings;
  uint64_t batch;
  dsm__importance *importance; /* NULL unless it is the law */
};

dsm_status dsm_times_create(const dsm_config *config, const dsm_process *process, dsm_times **times) {
  dsm_status status = DSM_OK;
  *times = NULL;
  dsm_times *created = NULL;
  DSM_TRY(DSM_ALLOC(1, &created));
  created->process = process;
  created->settings = config->objective;
  created->batch = (uint64_t)config->train.batch;
  if (config->objective.times == DSM_TIMES_IMPORTANCE)
    DSM_TRY_DONE(dsm__importance_create(process, &created->importance));
  *times = created;
  created = NULL;
done:
  dsm_times_destroy(&created);
  return status;
}

void dsm_times_destroy(dsm_times **times) {
  if (!times || !*times) return;
  free((*times)->importance);
  free(*times);
  *times = NULL;
}

bool dsm_times_weighted(const dsm_times *times) {
  return times->importance != NULL;
}

/* The time below which a share u of the uniform law lies. */
static double share(const dsm_process *process, double u) {
  const double first = dsm_process_first(process, false), last = dsm_process_last(process);
  /* fmin: u is below 1, but its product with a large T may round up to T */
  return dsm_process_discrete(process) ? fmin(1 + floor(u * last), last) : first + u * (last - first);
}

/* The middle of the share of the uniform law that has this time. */
static double share_of(const dsm_process *process, double t) {
  const double first = dsm_process_first(process, false), last = dsm_process_last(process);
  return dsm_process_discrete(process) ? (t - 0.5) / last : (t - first) / (last - first);
}

static void stratify(const dsm_times *times, dsm_random_key key, size_t n, double *u) {
  const uint64_t first = key.sample, batch = times->batch;
  key.sample =
      0; /* the first number of each row belongs to its sample, the second one of row 0 to the step */
  const uint64_t shift = (uint64_t)(dsm_random_uniform_double(key, 1) * (double)batch);
  for (size_t i = 0; i < n; i++) u[i] = ((double)((first + i + shift) % batch) + u[i]) / (double)batch;
}

static void draw_log_normal(const dsm_times *times, dsm_random_key key, size_t n, double *t) {
  const dsm_objective_settings *s = &times->settings;
  for (size_t i = 0; i < n; i++, key.sample++) {
    float normal;
    dsm_random_normal(key, 0, 1, &normal);
    const double ratio = exp(s->log_sigma_mean + s->log_sigma_std * (double)normal);
    t[i] = dsm_process_time_of(times->process, fmax(ratio, DBL_MIN)); /* the first time, where it is 0 */
  }
}

void dsm_times_draw(const dsm_times *times, uint64_t seed, uint64_t step, uint64_t first, size_t n, double *t,
                    double *weight) {
  const dsm_random_key key = {seed, DSM_STREAM_TIME, step, first};
  for (size_t i = 0; weight && i < n; i++) weight[i] = 1;
  if (times->settings.times == DSM_TIMES_LOG_NORMAL) {
    draw_log_normal(times, key, n, t);
    return;
  }
  dsm_random_uniform_rows(key, n, t);
  if (times->settings.times == DSM_TIMES_STRATIFIED) stratify(times, key, n, t);
  for (size_t i = 0; i < n; i++) {
    t[i] = share(times->process, times->importance ? dsm__importance_draw(times->importance, t[i]) : t[i]);
    if (times->importance && weight)
      weight[i] = dsm__importance_weight(times->importance, share_of(times->process, t[i]));
  }
}

void dsm_times_update(dsm_times *times, const double *t, const float *loss, size_t n) {
  if (!times->importance) return;
  for (size_t i = 0; i < n; i++)
    dsm__importance_add(times->importance, share_of(times->process, t[i]), (double)loss[i]);
  dsm__importance_refresh(times->importance);
}

/* z with P(Z < z) = u of a standard normal Z, to the last bits that erfc has. */
static double normal_quantile(double u) {
  double low = -40, high = 40;
  for (int i = 0; i < 80; i++) {
    const double z = (low + high) / 2;
    if (erfc(-z * sqrt(0.5)) / 2 < u)
      low = z;
    else
      high = z;
  }
  return (low + high) / 2;
}

double dsm_times_quantile(const dsm_times *times, double u) {
  const dsm_objective_settings *s = &times->settings;
  if (s->times != DSM_TIMES_LOG_NORMAL) return share(times->process, u);
  const double ratio = exp(s->log_sigma_mean + s->log_sigma_std * normal_quantile(u));
  return dsm_process_time_of(times->process, fmax(ratio, DBL_MIN));
}

size_t dsm_times_level(const dsm_times *times, double t, size_t levels) {
  const dsm_process *p = times->process;
  const double first = dsm_process_label(p, dsm_process_first(p, false)),
               last = dsm_process_label(p, dsm_process_last(p));
  const double place =
      dsm_process_discrete(p) ? share_of(p, t) : (dsm_process_label(p, t) - first) / (last - first);
  const double level = floor(fmax(place, 0) * (double)levels);
  return level < (double)levels ? (size_t)level : levels - 1;
}

size_t dsm_times_state_count(const dsm_times *times) {
  return times->importance ? dsm__importance_state_count(times->importance) : 0;
}

void dsm_times_save(const dsm_times *times, double *state) {
  if (times->importance) dsm__importance_save(times->importance, state);
}

dsm_status dsm_times_restore(dsm_times *times, const double *state) {
  if (times->importance) DSM_TRY(dsm__importance_restore(times->importance, state));
  return DSM_OK;
}
