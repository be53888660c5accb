/* A trained classifier as a judge of samples: from values as they are in a file to probabilities and features. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "internal.h"

/* "runs/c/checkpoints/step-00000400.h5, step 400, average of rate 0.999"; of a long path its end. */
static dsm_status describe(dsm_comm *comm, dsm_judge *j) {
  const char *path = j->trained.path;
  const size_t length = strlen(path);
  const bool long_one = length > DSM_EVAL_CLASSIFIER_PATH;
  if (long_one) path += length - DSM_EVAL_CLASSIFIER_PATH;
  snprintf(j->text, sizeof j->text, "%s%.*s, step %lld, %s", long_one ? "..." : "", DSM_EVAL_CLASSIFIER_PATH,
           path, (long long)j->trained.header.step, j->trained.average);
  DSM_TRY(dsm_comm_broadcast(comm, j->text, sizeof j->text, 0)); /* path and average are known to rank 0 */
  return DSM_OK;
}

static dsm_status prepare(dsm_judge *j) {
  const dsm__session *s = &j->trained.session;
  j->n = (size_t)s->config.sampler.block;
  DSM_TRY(dsm_classifier_create(&s->config, s->process, s->model, &s->kernels, j->n, false, &j->network));
  j->classes = dsm_classifier_classes(j->network);
  j->features = dsm_classifier_features(j->network);
  if (s->config.objective.noisy) DSM_TRY(DSM_ALLOC(j->n, &j->t));
  for (size_t i = 0; j->t && i < j->n; i++) j->t[i] = dsm_process_first(s->process, false);
  return DSM_OK;
}

dsm_status dsm_judge_create(dsm_comm *comm, const char *source, const char *const *overrides,
                            size_t override_count, dsm_judge **judge) {
  dsm_status status = DSM_OK;
  dsm_judge *j = NULL;
  *judge = NULL;
  DSM_AGREE(comm, DSM_ALLOC(1, &j));
  j->trained.classifies = true;
  DSM_TRY_DONE(dsm__trained_open(comm, source, overrides, override_count, &j->trained));
  DSM_TRY_DONE(dsm_agree(comm, prepare(j)));
  DSM_TRY_DONE(describe(comm, j));
  *judge = j;
  j = NULL;
done:
  dsm_judge_destroy(&j);
  return status;
}

void dsm_judge_destroy(dsm_judge **judge) {
  dsm_judge *j = *judge;
  if (!j) return;
  dsm_classifier_destroy(&j->network);
  dsm__trained_close(&j->trained);
  free(j->t);
  free(j);
  *judge = NULL;
}

void dsm__judge_run(dsm_judge *j, float *x, float *features, float *probabilities) {
  const dsm_normalization *n = &j->trained.header.normalization;
  dsm_normalize_values(n, x, j->n * (j->trained.session.d / n->channels));
  dsm_classifier_run(j->network, j->trained.w, x, j->t, features, probabilities);
}

static void run(void *self, float *x, float *features, float *probabilities) {
  dsm__judge_run(self, x, features, probabilities);
}

dsm_eval_classifier dsm_judge_in_evaluation(dsm_judge *j) {
  return (dsm_eval_classifier){.self = j,
                               .sample = j->trained.header.sample,
                               .block = j->n,
                               .classes = j->classes,
                               .features = j->features,
                               .text = j->text,
                               .run = run};
}
