/* score_error CHECKPOINT DATA: has the training found the law of the data? Of a model of points in the plane, and of data that
 * `data make` made; the law is that of explain/exact_law.c. Prints
 *   ERROR NOTHING
 *
 * x_t ~ p_t, the law noised and in the units of the network; its score s is known, so the error of the learned one is, too:
 *   ERROR = mean over TIMES times from the first to the last, all alike, of the mean over x_t of  sigma^2 || s_theta - s ||^2,
 * summed over both axes, = mean of || eps_theta - eps* ||^2,   eps* = -sigma s  the best prediction there is.
 *   NOTHING = mean || eps* ||^2, the error of a network that predicts nothing. */
#include <math.h>
#include <stdio.h>
#include "train/explain/explain.h"
#include "trained.h"

enum { BLOCK = 500, TIMES = 200, SEED = 20240 };

/* The law that is written beside the data, as the network sees it. */
static dsm_status read_law(const char *data, const dsm_normalization *n, dsm__law *law) {
  const dsm_explain_options options = {.source = data};
  dsm_dataset *set;
  dsm_made_law made;
  DSM_TRY(dsm_dataset_open(data, "samples", "", "", &set));
  dsm_status status = dsm_made_law_read(set, &made);
  if (status == DSM_OK) status = dsm__law_create(&options, &made, law);
  dsm_made_law_destroy(&made);
  dsm_dataset_close(&set);
  DSM_TRY(status);
  if (!law->mixture) DSM_FAIL(DSM_BAD_DATA, "%s has no law in the plane that is known", data);
  DSM_TRY(dsm__law_normalize(law, n));
  return DSM_OK;
}

static double mean_square(const float *a, const float *b) {
  double sum = 0;
  for (int i = 0; i < 2 * BLOCK; i++) {
    const double off = (double)a[i] - (b ? (double)b[i] : 0);
    sum += off * off / BLOCK;
  }
  return sum;
}

static void noised(const dsm__law *law, const dsm_process *p, double t, uint64_t number, float *x) {
  static float noise[2 * BLOCK];
  const double alpha = dsm_process_alpha(p, t), sigma = dsm_process_sigma(p, t);
  dsm_mixture_sample(law->mixture, SEED, number * BLOCK, BLOCK, x);
  dsm_random_normal_rows((dsm_random_key){SEED, DSM_STREAM_NOISE, 0, number * BLOCK}, BLOCK, 2, noise);
  for (int i = 0; i < 2 * BLOCK; i++) x[i] = (float)(alpha * (double)x[i] + sigma * (double)noise[i]);
}

static dsm_status measure(const trained *t, const dsm__law *law) {
  static float x[2 * BLOCK], eps[2 * BLOCK], best[2 * BLOCK];
  static double times[BLOCK];
  dsm_network *network;
  dsm_exact exact = {law->mixture, t->process, BLOCK};
  const dsm_denoiser truth = dsm_exact_denoiser(&exact);
  const double first = dsm_process_first(t->process, false), last = dsm_process_last(t->process);
  double error = 0, nothing = 0;
  DSM_TRY(dsm_network_create(&t->config, t->process, t->model, &t->kernels, BLOCK, false, &network));
  const dsm_denoiser learned = dsm_network_denoiser(network, t->w);
  for (uint64_t k = 0; k < TIMES; k++) {
    double time = first + (last - first) * (double)k / (TIMES - 1);
    if (dsm_process_discrete(t->process)) time = round(time);
    for (int i = 0; i < BLOCK; i++) times[i] = time;
    noised(law, t->process, time, k, x);
    learned.estimate(learned.self, x, times, &(dsm_estimate){.eps = eps});
    truth.estimate(truth.self, x, times, &(dsm_estimate){.eps = best});
    error += mean_square(eps, best) / TIMES;
    nothing += mean_square(best, NULL) / TIMES;
  }
  dsm_network_destroy(&network);
  printf("%.5f %.5f\n", error, nothing);
  return DSM_OK;
}

int main(int argc, char **argv) {
  trained t;
  dsm__law law = {0};
  if (argc != 3) {
    fprintf(stderr, "usage: score_error CHECKPOINT DATA\n");
    return 64;
  }
  dsm_status status = trained_open(argv[1], 1, &t);
  if (status == DSM_OK) status = read_law(argv[2], &t.header.normalization, &law);
  if (status == DSM_OK) status = measure(&t, &law);
  if (status != DSM_OK) fprintf(stderr, "score_error: %s\n", dsm_trail_message());
  dsm_mixture_destroy(&law.mixture);
  trained_close(&t);
  return dsm_status_exit_code(status);
}
