/* Predictor-corrector sampling, Song et al. 2021 (arXiv:2011.13456), appendix G: at each time first
 * sampler.corrector_steps steps of Langevin dynamics, then a step of the predictor to the next time.
 *   corrector  x + e s + sqrt(2 e) z,  e = 2 a r^2 m,  r = sampler.snr,
 *              m = |z|^2 / |s|^2 (langevin, algorithms 4 and 5) or sigma^2 (annealed, algorithms 6 and 7)
 *              a = alpha_ts^2 of the step ahead: 1 - beta_t on all times of ddpm, 1 where alpha is 1
 *   predictor  reverse_diffusion or euler_maruyama
 * The norms are those of each sample; the published code takes means over the batch, so that its samples depend
 * on their neighbours. Samples of few elements sometimes have a score near 0, which makes the step of langevin
 * very long; annealed is for them. The last step, to the data, is corrected too and then is x0_hat, as
 * elsewhere. */
#include <math.h>
#include <stdio.h>
#include "sampler/chain.h"

static double norm(const float *v, size_t d) {
  double square = 0;
  for (size_t j = 0; j < d; j++) square += (double)v[j] * (double)v[j];
  return sqrt(square);
}

static void correct(dsm__work *work, int64_t k, uint64_t draw, float *x) {
  const dsm_sampling *s = work->sampling;
  const size_t d = s->d;
  const double sigma = dsm_process_sigma(s->process, work->t[k]);
  const double alpha_ts =
      dsm_process_alpha(s->process, work->t[k]) / dsm_process_alpha(s->process, work->t[k + 1]);
  const bool annealed = s->settings->corrector == DSM_CORRECTOR_ANNEALED;
  dsm__evaluate(work, x, work->t[k]);
  dsm__sampler_noise(s, draw, work->noise);
  for (size_t i = 0; i < s->n; i++) {
    const float *eps = work->eps + i * d, *z = work->noise + i * d;
    const double length = annealed ? 1 : norm(z, d) / norm(eps, d); /* |z| / (sigma |s|) */
    if (!isfinite(length)) continue; /* at a maximum of the density there is no step to choose */
    const double r = alpha_ts * s->settings->snr * sigma * length, e = 2 * r * r;
    for (size_t j = 0; j < d; j++)
      x[i * d + j] = (float)((double)x[i * d + j] - e / sigma * (double)eps[j] + sqrt(2 * e) * (double)z[j]);
  }
}

static int64_t evaluations(const dsm_sampling *s) {
  return dsm__walk_steps(s) * (s->settings->corrector_steps + 1);
}

static dsm_status run(const dsm_sampling *s, float *x) {
  dsm_status status = DSM_OK;
  dsm__work work;
  dsm__chain_rule *const predictor = s->settings->predictor == DSM_PREDICTOR_EULER_MARUYAMA
                                         ? dsm__euler_maruyama_rule
                                         : dsm__reverse_diffusion_rule;
  uint64_t draw = 1;
  DSM_TRY_DONE(dsm__work_create(s, true, &work));
  work.planned = evaluations(s);
  for (int64_t k = 0; k < dsm__walk_steps(s); k++) {
    for (int64_t c = 0; c < s->settings->corrector_steps; c++) {
      correct(&work, k, draw++, x);
      DSM_TRY_DONE(dsm__work_progress(&work));
    }
    dsm__chain_take(&work, predictor, k, draw++, NULL, x);
    DSM_TRY_DONE(dsm__work_progress(&work));
  }
done:
  dsm__work_destroy(&work);
  return status;
}

static const char *refuses(const dsm_sampling *s) {
  if (s->settings->corrector_steps < 0) return "sampler.corrector_steps is below 0";
  if (!(s->settings->snr > 0)) return "sampler.snr must be above 0 (usual: 0.05 to 0.2)";
  return s->settings->predictor == DSM_PREDICTOR_EULER_MARUYAMA ? dsm__euler_maruyama_refuses(s) : NULL;
}

static void describe(const dsm_sampling *s, char *text, size_t size) {
  snprintf(text, size, "%s, %lld %s corrections, snr %g",
           dsm_config_word("sampler.predictor", s->settings->predictor),
           (long long)s->settings->corrector_steps,
           dsm_config_word("sampler.corrector", s->settings->corrector), s->settings->snr);
}

const dsm_sampler dsm__sampler_predictor_corrector = {.name = "predictor_corrector",
                                                      .walks = true,
                                                      .reverses = dsm__reverses,
                                                      .refuses = refuses,
                                                      .evaluations = evaluations,
                                                      .describe = describe,
                                                      .run = run};
