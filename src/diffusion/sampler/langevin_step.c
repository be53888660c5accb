/* Langevin dynamics at a fixed noise level (Roberts & Tweedie 1996, doi:10.2307/3318418), s = -eps_hat / sigma:
 *   y = x + tau s(x) + sqrt(2 tau) z.
 * Two conventions for the step are about, a factor 2 apart: here tau; papers write x + (eta / 2) s + sqrt(eta) z,
 * eta = 2 tau, while the code of NCSN has tau, so the values published with it belong to that form.
 * Plain steps have a bias: for the target N(0, 1) the variance becomes 1 / (1 - tau / 2). With an energy E,
 * s = -grad E, Metropolis's rule removes it (MALA): y is accepted with probability min(1, a),
 *   ln a = E(x) - E(y) - (|x - y - tau s(y)|^2 - |y - x - tau s(x)|^2) / (4 tau),
 * each sample for itself, and x stays where it is otherwise. */
#include "sampler/langevin.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "dsmpi/memory.h"
#include "dsmpi/random.h"

struct dsm__langevin {
  dsm__work *work;
  float *y, *eps;            /* (n, d) the proposals; eps_hat of x. NULL without Metropolis */
  double *energy, *energy_y; /* (n) of x and of y */
};

dsm_status dsm__langevin_create(dsm__work *work, dsm__langevin **langevin) {
  dsm_status status = DSM_OK;
  const size_t n = work->sampling->n, d = work->sampling->d;
  dsm__langevin *created = NULL;
  *langevin = NULL;
  DSM_TRY(DSM_ALLOC(1, &created));
  created->work = work;
  if (work->sampling->settings->metropolis) {
    DSM_TRY_DONE(DSM_ALLOC(n * d, &created->y));
    DSM_TRY_DONE(DSM_ALLOC(n * d, &created->eps));
    DSM_TRY_DONE(DSM_ALLOC(n, &created->energy));
    DSM_TRY_DONE(DSM_ALLOC(n, &created->energy_y));
  }
  *langevin = created;
  created = NULL;
done:
  dsm__langevin_destroy(&created);
  return status;
}

void dsm__langevin_destroy(dsm__langevin **langevin) {
  if (!*langevin) return;
  free((*langevin)->y);
  free((*langevin)->eps);
  free((*langevin)->energy);
  free((*langevin)->energy_y);
  free(*langevin);
  *langevin = NULL;
}

double dsm__langevin_tau(const dsm_sampling *s, double t) {
  const double step = s->settings->langevin_step, sigma = dsm_process_sigma(s->process, t);
  if (step == 0) return sigma * sigma / 5; /* the ratio of NCSN, 2e-5 at sigma 0.01 */
  return s->settings->step_convention == DSM_STEP_HALF ? step / 2 : step;
}

int64_t dsm__langevin_evaluations(const dsm_sampling *s, int64_t count) {
  return s->settings->metropolis ? 2 * (count + 1) : count; /* score and energy of x once, of each y */
}

/* y = x - tau eps / sigma + sqrt(2 tau) z; y may be x */
static void move(const dsm_sampling *s, double tau, double sigma, const float *x, const float *eps,
                 const float *z, float *y) {
  const double drift = -tau / sigma, noise = sqrt(2 * tau);
  for (size_t j = 0; j < s->n * s->d; j++)
    y[j] = (float)((double)x[j] + drift * (double)eps[j] + noise * (double)z[j]);
}

static void plain_step(dsm__work *work, double t, double tau, uint64_t draw, float *x) {
  const dsm_sampling *s = work->sampling;
  const double sigma = dsm_process_sigma(s->process, t);
  dsm__evaluate(work, x, t);
  dsm__sampler_noise(s, draw, work->noise);
  move(s, tau, sigma, x, work->eps, work->noise, x);
}

/* eps_hat and energy of x at work->times */
static void look(dsm__langevin *l, const float *x, double t, double *energy) {
  const dsm_sampling *s = l->work->sampling;
  dsm__evaluate(l->work, x, t);
  s->denoiser->energy(s->denoiser->self, x, l->work->times, energy);
  dsm__count_evaluation(l->work);
}

/* -|to - from - tau s(from)|^2 / (4 tau) = ln q(to | from) up to a constant */
static double log_density(size_t d, double tau, double sigma, const float *from, const float *eps,
                          const float *to) {
  double square = 0;
  for (size_t j = 0; j < d; j++) {
    const double z = (double)to[j] - (double)from[j] + tau / sigma * (double)eps[j];
    square += z * z;
  }
  return -square / (4 * tau);
}

static void metropolis_step(dsm__langevin *l, double t, double tau, uint64_t draw, float *x) {
  dsm__work *work = l->work;
  const dsm_sampling *s = work->sampling;
  const size_t d = s->d;
  const double sigma = dsm_process_sigma(s->process, t);
  dsm__sampler_noise(s, draw, work->noise);
  move(s, tau, sigma, x, l->eps, work->noise, l->y);
  look(l, l->y, t, l->energy_y);
  for (size_t i = 0; i < s->n; i++) {
    float *xi = x + i * d, *eps = l->eps + i * d;
    const float *y = l->y + i * d, *eps_y = work->eps + i * d;
    const double log_a = l->energy[i] - l->energy_y[i] + log_density(d, tau, sigma, y, eps_y, xi) -
                         log_density(d, tau, sigma, xi, eps, y);
    const dsm_random_key key = {s->seed, DSM_STREAM_SAMPLER, draw + 1, s->first + i};
    const bool accepted = log(dsm_random_uniform_double(key, 0)) < log_a;
    if (s->moves) s->moves->proposed++, s->moves->accepted += accepted;
    if (!accepted) continue;
    memcpy(xi, y, d * sizeof *xi);
    memcpy(eps, eps_y, d * sizeof *eps);
    l->energy[i] = l->energy_y[i];
  }
}

dsm_status dsm__langevin_walk(dsm__langevin *l, double t, double tau, int64_t count, uint64_t *draw,
                              float *x) {
  const dsm_sampling *s = l->work->sampling;
  const bool metropolis = s->settings->metropolis;
  if (metropolis) {
    look(l, x, t, l->energy);
    memcpy(l->eps, l->work->eps, s->n * s->d * sizeof *l->eps);
  }
  for (int64_t k = 0; k < count; k++) {
    if (metropolis)
      metropolis_step(l, t, tau, *draw, x);
    else
      plain_step(l->work, t, tau, *draw, x);
    *draw += 2; /* normals, and the number that decides */
    DSM_TRY(dsm__work_progress(l->work));
  }
  return DSM_OK;
}

const char *dsm__langevin_refuses(const dsm_sampling *s) {
  if (!(s->settings->langevin_step >= 0)) return "sampler.langevin_step is below 0";
  if (s->settings->metropolis && s->denoiser && !s->denoiser->energy)
    return "sampler.metropolis compares energies, and this network predicts a score that need not be the "
           "gradient of one";
  return NULL;
}

void dsm__langevin_describe(const dsm_sampling *s, double t, char *text, size_t size) {
  const bool half = s->settings->step_convention == DSM_STEP_HALF;
  const double tau = dsm__langevin_tau(s, t);
  snprintf(text, size, "step %g (%s)%s", half ? 2 * tau : tau,
           dsm_config_word("sampler.step_convention", s->settings->step_convention),
           s->settings->metropolis ? ", Metropolis" : "");
}
