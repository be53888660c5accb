/* The gradient noise scale (McCandlish et al. 2018, arXiv:1812.06162, appendix A.1): B = tr(C) / |G|^2, C the covariance
 * of the gradient of one sample, G its mean. About as many samples as it says make a batch whose noise is as large as its
 * gradient; larger batches bring less and less. From the squared norms at two sizes, b of a micro-batch and B of the batch,
 *   E |g_b|^2 = |G|^2 + tr(C) / b,
 *   |G|^2 = (B |g_B|^2 - b |g_b|^2) / (B - b),   tr(C) = (|g_b|^2 - |g_B|^2) / (1/b - 1/B),
 * both without bias, but noisy, so they are averaged before they are divided. Averages that start at 0 are too small
 * by the same factor, which the ratio does not see. */
#include <math.h>
#include "internal.h"

static const double decay = 0.999;

void dsm__noise_scale_follow(dsm_checkpoint *header, double b, double batch, double micro_square,
                             double batch_square) {
  const double square = (batch * batch_square - b * micro_square) / (batch - b),
               trace = (micro_square - batch_square) / (1 / b - 1 / batch);
  if (!isfinite(square) || !isfinite(trace)) return;
  header->noise_square = decay * header->noise_square + (1 - decay) * square;
  header->noise_trace = decay * header->noise_trace + (1 - decay) * trace;
}

double dsm__noise_scale(const dsm_checkpoint *header) {
  return header->noise_square > 0 && header->noise_trace >= 0 ? header->noise_trace / header->noise_square
                                                              : (double)NAN;
}

/* ---- the squared norm of a micro-batch's gradient -------------------------------------------------------- */

static void gradient_ready(void *context, const dsm_parameter *entry) {
  dsm__gradient_watch *w = context;
  /* before it is sent, while it is in the cache */
  w->squares +=
      w->kernels->sum_squares(w->kernels, w->gradients + entry->offset, dsm_shape_count(entry->shape));
  w->hooks.gradient_ready(w->hooks.context, entry);
}

static void progress(void *context) {
  dsm__gradient_watch *w = context;
  w->hooks.progress(w->hooks.context);
}

dsm_run_hooks dsm__gradient_watch_hooks(dsm__gradient_watch *watch) {
  return (dsm_run_hooks){.gradient_ready = gradient_ready, .progress = progress, .context = watch};
}
