/* The line beta(t) = b0 + t (b1 - b0) of noise rates that vp and subvp share, and the alpha it leads to:
 *   log alpha = -(1/2) integral of beta = -t^2 (b1 - b0) / 4 - t b0 / 2
 * (Song et al. 2021, arXiv:2011.13456, appendix B). */
#ifndef DSMPI_DIFFUSION_RATE_H
#define DSMPI_DIFFUSION_RATE_H

#include "process/process.h"

typedef struct dsm__rate {
  double b0, b1;
} dsm__rate;

/** process.beta_min and process.beta_max. @return DSM_OK; DSM_BAD_CONFIG with both values. */
static inline dsm_status dsm__rate_of(const dsm_config *config, dsm__rate *rate) {
  *rate = (dsm__rate){config->process.beta_min, config->process.beta_max};
  if (!(rate->b0 > 0 && rate->b1 >= rate->b0 && isfinite(rate->b1)))
    DSM_FAIL(
        DSM_BAD_CONFIG,
        "process.beta_min, process.beta_max: need 0 < beta_min <= beta_max; received %g and %g (usual: 0.1 "
        "and 20)",
        rate->b0, rate->b1);
  if (exp(-(rate->b0 + rate->b1) / 4) < DSM__SMALLEST) /* alpha(1) */
    DSM_FAIL(DSM_BAD_CONFIG,
             "process.beta_min, process.beta_max: with %g and %g nothing is left of the data long before the "
             "last time; "
             "stay below a sum of 900 (usual: 0.1 and 20)",
             rate->b0, rate->b1);
  return DSM_OK;
}

/** beta / 2 = -(log alpha)' */
static inline double dsm__rate_half(const dsm__rate *r, double t) {
  return (r->b0 + t * (r->b1 - r->b0)) / 2;
}

/** log(alpha_t / alpha_s), with the factor t - s taken out: exact for neighbouring times. */
static inline double dsm__rate_log_ratio(const dsm__rate *r, double s, double t) {
  return -(t - s) * ((t + s) * (r->b1 - r->b0) / 4 + r->b0 / 2);
}

static inline double dsm__rate_log_alpha(const dsm__rate *r, double t) {
  return dsm__rate_log_ratio(r, 0, t);
}

/** The t with log alpha = -y: the root of t^2 (b1 - b0) / 4 + t b0 / 2 = y that does not cancel. */
static inline double dsm__rate_time(const dsm__rate *r, double y) {
  return 4 * y / (r->b0 + sqrt(r->b0 * r->b0 + 4 * (r->b1 - r->b0) * y));
}

#endif
