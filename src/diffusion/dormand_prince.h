/* Ordinary differential equations for many states at once, each with its own steps: the sampler along the
 * probability-flow ODE, encoding, the log-density along it. */
#ifndef DSMPI_DIFFUSION_DORMAND_PRINCE_H
#define DSMPI_DIFFUSION_DORMAND_PRINCE_H

#include <stdint.h>
#include "dsmpi/status.h"

/** dx/dt = v(x, t) from time `from` to time `to`, either of which may be the larger, for n states of m
 *  numbers. */
typedef struct dsm__ode {
  size_t n, m;
  double from, to;
  double rtol, atol; /* of the estimated error of a step, see dsm__dormand_prince */
  int64_t steps;     /* the most that a state may take */
  const char *name;  /* who integrates, in messages: "the ode sampler" */
  void *self;        /* first argument of the functions */
  /* k (n, m) = v, state i at time t[i]; t lies between `from` and `to`. It is called for all states together,
   * also those that have arrived, whose result is not used. */
  void (*velocity)(void *self, const double *t, const double *x, double *k);
  /* after each step, `done` of `all` parts of the way of the slowest state; what it returns but DSM_OK
   * ends the integration. May be NULL. */
  dsm_status (*progress)(void *self, int64_t done, int64_t all);
} dsm__ode;

/** Carries x (n, m) along by the Runge-Kutta pair of orders 5 and 4 of Dormand & Prince 1980
 *  (doi:10.1016/0771-050X(80)90013-3). Each state has its own time and its own step, chosen so that the
 *  estimated error of a step is
 *    sqrt(mean_j (error_j / (atol + rtol max(|x_j|, |y_j|)))^2) <= 1
 *  over the m numbers, x before it and y after, so a state does not depend on its neighbours, to the bit.
 *  It goes on until the slowest state has arrived; those that have wait in their place.
 *  @param[in,out] x       at `from`, then at `to`; after a failure whatever was reached
 *  @param[out]    needed  (n) evaluations of v that each state needed by itself; may be NULL
 *  @return DSM_OK; DSM_BAD_CONFIG: more steps than allowed, or no step is small enough for the tolerance;
 *  DSM_NO_MEMORY; what progress returned. */
dsm_status dsm__dormand_prince(const dsm__ode *ode, double *x, int32_t *needed);

#endif
