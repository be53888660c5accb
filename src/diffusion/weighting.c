/* Weights of |eps - eps_hat|^2, where |.|^2 is the sum over the d elements of a sample:
 *   simple      1/d                mean over elements: L_simple, Ho et al. 2020 (arXiv:2006.11239), eq. 14
 *   sigma2      1/2                (1/2) sigma^2 |s_hat - s|^2: Song & Ermon 2019 (arXiv:1907.05600), eq. 6
 *   likelihood  g^2 / (2 sigma^2)  (1/2) g^2 |s_hat - s|^2: its mean over t bounds the negative
 *                                  log-likelihood, Song et al. 2021 (arXiv:2101.09258), theorem 1 */
#include "dsmpi/diffusion.h"

double dsm_weighting_value(int weighting, const dsm_process *process, double t, size_t d) {
  switch (weighting) {
  case DSM_WEIGHT_SIMPLE:
    return 1 / (double)d;
  case DSM_WEIGHT_SIGMA2:
    return 0.5;
  }
  DSM_ASSERT(weighting == DSM_WEIGHT_LIKELIHOOD);
  double sigma = dsm_process_sigma(process, t);
  return dsm_process_diffusion2(process, t) / (2 * sigma * sigma);
}
