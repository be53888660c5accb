/* Mixtures: the parts' shares, by the largest term taken out of the sum, and what follows from them. */
#include "dsmpi/mixture.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "dsmpi/memory.h"
#include "dsmpi/random.h"
#include "mixture_part.h"

struct dsm_mixture {
  size_t d, count, room;
  double total; /* of the weights */
  dsm__part *part;
};

dsm_status dsm_mixture_create(size_t d, dsm_mixture **mixture) {
  *mixture = NULL;
  if (d < 1 || d > DSM_MIXTURE_DIMENSION_MAX)
    DSM_FAIL(DSM_BAD_CONFIG, "a mixture in %zu dimensions was asked for; 1 to %d are possible", d,
             (int)DSM_MIXTURE_DIMENSION_MAX);
  DSM_TRY(DSM_ALLOC(1, mixture));
  (*mixture)->d = d;
  return DSM_OK;
}

void dsm_mixture_destroy(dsm_mixture **mixture) {
  if (!mixture || !*mixture) return;
  for (size_t k = 0; k < (*mixture)->count; k++) free((*mixture)->part[k].first);
  free((*mixture)->part);
  free(*mixture);
  *mixture = NULL;
}

size_t dsm_mixture_dimension(const dsm_mixture *mixture) {
  return mixture->d;
}

size_t dsm_mixture_parts(const dsm_mixture *mixture) {
  return mixture->count;
}

/* ---- parts --------------------------------------------------------------------------------------------- */

/* Room for one more part, which begins with `values` numbers of memory; it counts once it is found to be
 * sound. */
static dsm_status next_part(dsm_mixture *m, double weight, size_t values, dsm__part *part) {
  *part = (dsm__part){.weight = weight};
  if (!(weight > 0 && isfinite(weight)))
    DSM_FAIL(DSM_BAD_CONFIG, "part %zu of a mixture has weight %g; weights are above 0", m->count + 1,
             weight);
  if (m->count == m->room) {
    const size_t room = m->room ? 2 * m->room : 8;
    dsm__part *grown;
    DSM_TRY(DSM_ALLOC(room, &grown));
    if (m->count > 0) memcpy(grown, m->part, m->count * sizeof *grown);
    free(m->part);
    m->part = grown;
    m->room = room;
  }
  DSM_TRY(DSM_ALLOC(values, &part->first));
  return DSM_OK;
}

static void keep_part(dsm_mixture *m, const dsm__part *part) {
  m->part[m->count++] = *part;
  m->total += part->weight;
}

static dsm_status check_normal(const dsm_mixture *m, const dsm__part *part) {
  const size_t d = m->d;
  for (size_t i = 0; i < d; i++) {
    if (!isfinite(part->first[i]))
      DSM_FAIL(DSM_BAD_CONFIG, "part %zu of a mixture has mean %g on axis %zu", m->count + 1, part->first[i],
               i);
    for (size_t j = 0; j < i; j++)
      if (part->covariance[i * d + j] != part->covariance[j * d + i])
        DSM_FAIL(DSM_BAD_CONFIG, "the covariance of part %zu of a mixture is not symmetric: %g and %g",
                 m->count + 1, part->covariance[i * d + j], part->covariance[j * d + i]);
    if (!(part->variance[i] > 0 && isfinite(part->variance[i])))
      DSM_FAIL(DSM_BAD_CONFIG,
               "the covariance of part %zu of a mixture is not positive definite: it has the eigenvalue %g",
               m->count + 1, part->variance[i]);
  }
  return DSM_OK;
}

dsm_status dsm_mixture_add_normal(dsm_mixture *m, double weight, const double *mean,
                                  const double *covariance) {
  const size_t d = m->d;
  dsm__part part;
  DSM_TRY(next_part(m, weight, 2 * d + 2 * d * d, &part));
  part.kind = DSM__PART_NORMAL;
  part.variance = part.first + d;
  part.covariance = part.variance + d;
  part.axes = part.covariance + d * d;
  memcpy(part.first, mean, d * sizeof *mean);
  memcpy(part.covariance, covariance, d * d * sizeof *covariance);
  dsm__symmetric_axes(d, covariance, part.axes, part.variance);
  const dsm_status sound = check_normal(m, &part);
  if (sound == DSM_OK)
    keep_part(m, &part);
  else
    free(part.first);
  DSM_TRY(sound);
  return DSM_OK;
}

dsm_status dsm_mixture_add_box(dsm_mixture *m, double weight, const double *low, const double *high) {
  const size_t d = m->d;
  dsm__part part;
  for (size_t j = 0; j < d; j++)
    if (!(low[j] < high[j] && isfinite(high[j] - low[j])))
      DSM_FAIL(DSM_BAD_CONFIG, "part %zu of a mixture is a box from %g to %g on axis %zu", m->count + 1,
               low[j], high[j], j);
  DSM_TRY(next_part(m, weight, 2 * d, &part));
  part.kind = DSM__PART_BOX;
  part.second = part.first + d;
  memcpy(part.first, low, d * sizeof *low);
  memcpy(part.second, high, d * sizeof *high);
  keep_part(m, &part);
  return DSM_OK;
}

dsm_status dsm_mixture_normalized(const dsm_mixture *m, const double *shift, const double *scale,
                                  dsm_mixture **normalized) {
  dsm_status status = DSM_OK;
  const size_t d = m->d;
  double *a = NULL;
  dsm_mixture *made = NULL;
  *normalized = NULL;
  DSM_TRY_DONE(dsm_mixture_create(d, &made));
  DSM_TRY_DONE(DSM_ALLOC(d + d * d, &a));
  double *b = a + d;
  for (size_t k = 0; k < m->count; k++) {
    const dsm__part *part = &m->part[k];
    for (size_t j = 0; j < d; j++) a[j] = (part->first[j] - shift[j]) / scale[j];
    if (part->kind == DSM__PART_BOX) {
      for (size_t j = 0; j < d; j++) b[j] = (part->second[j] - shift[j]) / scale[j];
      DSM_TRY_DONE(dsm_mixture_add_box(made, part->weight, a, b));
    } else {
      for (size_t i = 0; i < d * d; i++) b[i] = part->covariance[i] / (scale[i / d] * scale[i % d]);
      DSM_TRY_DONE(dsm_mixture_add_normal(made, part->weight, a, b));
    }
  }
  *normalized = made;
  made = NULL;
done:
  free(a);
  dsm_mixture_destroy(&made);
  return status;
}

/* ---- density and posterior means ----------------------------------------------------------------------- */

static double part_posterior(const dsm_mixture *m, size_t k, double alpha, double sigma, const double *x,
                             double *x0, double *eps) {
  const dsm__part *part = &m->part[k];
  const double own = part->kind == DSM__PART_BOX
                         ? dsm__box_posterior(part, m->d, alpha, sigma, x, x0, eps)
                         : dsm__normal_posterior(part, m->d, alpha, sigma, x, x0, eps);
  return log(part->weight / m->total) + own;
}

double dsm_mixture_posterior(const dsm_mixture *m, double alpha, double sigma, const double *x, double *x0,
                             double *eps) {
  const size_t d = m->d;
  double own_x0[DSM_MIXTURE_DIMENSION_MAX], own_eps[DSM_MIXTURE_DIMENSION_MAX], largest = -INFINITY, sum = 0;
  DSM_ASSERT(m->count > 0);
  for (size_t j = 0; x0 && j < d; j++) x0[j] = eps[j] = 0;
  for (size_t k = 0; k < m->count; k++) {
    const double log_share = part_posterior(m, k, alpha, sigma, x, x0 ? own_x0 : NULL, x0 ? own_eps : NULL);
    if (log_share == -INFINITY) continue;
    if (log_share > largest) { /* what was summed so far is taken relative to the new largest */
      const double factor = exp(largest - log_share);
      sum *= factor;
      for (size_t j = 0; x0 && j < d; j++) x0[j] *= factor, eps[j] *= factor;
      largest = log_share;
    }
    const double share = exp(log_share - largest);
    sum += share;
    for (size_t j = 0; x0 && j < d; j++) x0[j] += share * own_x0[j], eps[j] += share * own_eps[j];
  }
  for (size_t j = 0; x0 && sum > 0 && j < d; j++) x0[j] /= sum, eps[j] /= sum;
  return sum > 0 ? largest + log(sum) : -INFINITY;
}

double dsm_mixture_log_density(const dsm_mixture *m, double alpha, double sigma, const double *x) {
  return dsm_mixture_posterior(m, alpha, sigma, x, NULL, NULL);
}

/* Middle of a part along axis j, and its covariance between axes i and j. */
static double middle_of(const dsm__part *part, size_t j) {
  return part->kind == DSM__PART_BOX ? (part->first[j] + part->second[j]) / 2 : part->first[j];
}

static double covariance_of(const dsm__part *part, size_t d, size_t i, size_t j) {
  if (part->kind == DSM__PART_NORMAL) return part->covariance[i * d + j];
  const double width = part->second[j] - part->first[j];
  return i == j ? width * width / 12 : 0;
}

void dsm_mixture_moments(const dsm_mixture *m, double *mean, double *covariance) {
  const size_t d = m->d;
  for (size_t j = 0; j < d; j++) {
    mean[j] = 0;
    for (size_t k = 0; k < m->count; k++) mean[j] += m->part[k].weight / m->total * middle_of(&m->part[k], j);
  }
  for (size_t i = 0; i < d; i++)
    for (size_t j = 0; j < d; j++) {
      double sum = 0;
      for (size_t k = 0; k < m->count; k++) {
        const dsm__part *part = &m->part[k];
        const double apart = (middle_of(part, i) - mean[i]) * (middle_of(part, j) - mean[j]);
        sum += part->weight / m->total * (covariance_of(part, d, i, j) + apart);
      }
      covariance[i * d + j] = sum;
    }
}

void dsm_mixture_extent(const dsm_mixture *m, double alpha, double sigma, double deviations, double *low,
                        double *high) {
  const size_t d = m->d;
  for (size_t j = 0; j < d; j++) {
    low[j] = INFINITY, high[j] = -INFINITY;
    for (size_t k = 0; k < m->count; k++) {
      const dsm__part *part = &m->part[k];
      const bool box = part->kind == DSM__PART_BOX;
      const double around =
          deviations * (box ? sigma : sqrt(alpha * alpha * part->covariance[j * d + j] + sigma * sigma));
      low[j] = fmin(low[j], alpha * part->first[j] - around);
      high[j] = fmax(high[j], alpha * (box ? part->second : part->first)[j] + around);
    }
  }
}

/* ---- samples ------------------------------------------------------------------------------------------- */

/* Elements 0 ... 2 d - 1 of the row make the sample; the number after the last one that can be used, its
 * part. */
static const dsm__part *part_of(const dsm_mixture *m, dsm_random_key key) {
  const double u = m->total * dsm_random_uniform_double(key, DSM_MIXTURE_DIMENSION_MAX);
  double sum = 0;
  size_t k = 0;
  while (k + 1 < m->count && (sum += m->part[k].weight) < u) k++;
  return &m->part[k];
}

static void draw(const dsm_mixture *m, dsm_random_key key, float *x) {
  const size_t d = m->d;
  const dsm__part *part = part_of(m, key);
  if (part->kind == DSM__PART_BOX) {
    for (size_t j = 0; j < d; j++)
      x[j] = (float)(part->first[j] + (part->second[j] - part->first[j]) * dsm_random_uniform_double(key, j));
    return;
  }
  float z[DSM_MIXTURE_DIMENSION_MAX];
  dsm_random_normal(key, 0, d, z);
  for (size_t i = 0; i < d; i++) {
    double value = part->first[i];
    for (size_t j = 0; j < d; j++) value += part->axes[i * d + j] * sqrt(part->variance[j]) * (double)z[j];
    x[i] = (float)value;
  }
}

void dsm_mixture_sample(const dsm_mixture *m, uint64_t seed, uint64_t first, size_t n, float *x0) {
  DSM_ASSERT(m->count > 0);
  for (size_t i = 0; i < n; i++)
    draw(m, (dsm_random_key){seed, DSM_STREAM_DATA, 0, first + i}, x0 + i * m->d);
}

/* ---- as a denoiser ------------------------------------------------------------------------------------- */

static void exact_estimate(void *self, const float *x, const double *t, const dsm_estimate *estimate) {
  const dsm_exact *e = self;
  const size_t d = e->mixture->d;
  double at[DSM_MIXTURE_DIMENSION_MAX], x0[DSM_MIXTURE_DIMENSION_MAX], eps[DSM_MIXTURE_DIMENSION_MAX];
  double alpha = 1, sigma = 0;
  for (size_t i = 0; i < e->n; i++) {
    if (i == 0 || t[i] != t[i - 1])
      alpha = dsm_process_alpha(e->process, t[i]), sigma = dsm_process_sigma(e->process, t[i]);
    for (size_t j = 0; j < d; j++) at[j] = (double)x[i * d + j];
    dsm_mixture_posterior(e->mixture, alpha, sigma, at, x0, eps);
    for (size_t j = 0; estimate->x0 && j < d; j++) estimate->x0[i * d + j] = (float)x0[j];
    for (size_t j = 0; estimate->eps && j < d; j++) estimate->eps[i * d + j] = (float)eps[j];
  }
}

static void exact_energy(void *self, const float *x, const double *t, double *energy) {
  const dsm_exact *e = self;
  const size_t d = e->mixture->d;
  double at[DSM_MIXTURE_DIMENSION_MAX];
  for (size_t i = 0; i < e->n; i++) {
    for (size_t j = 0; j < d; j++) at[j] = (double)x[i * d + j];
    energy[i] = -dsm_mixture_log_density(e->mixture, dsm_process_alpha(e->process, t[i]),
                                         dsm_process_sigma(e->process, t[i]), at);
  }
}

dsm_denoiser dsm_exact_denoiser(dsm_exact *exact) {
  DSM_ASSERT(exact->n > 0);
  return (dsm_denoiser){.self = exact, .estimate = exact_estimate, .energy = exact_energy};
}
