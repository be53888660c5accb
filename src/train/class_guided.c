/* A trained classifier beside a trained model, to draw samples of a class. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "dsmpi/text.h"
#include "internal.h"

/* Both must see x_t alike: the same noise at the same times, data scaled alike. */
static dsm_status check_fits(const dsm__trained *model, const dsm__trained *classifier) {
  const dsm_process *a = model->session.process, *b = classifier->session.process;
  const dsm_normalization *n = &model->header.normalization, *m = &classifier->header.normalization;
  char shapes[2][64];
  if (!classifier->session.config.objective.noisy)
    DSM_FAIL(DSM_BAD_CONFIG,
             "%s judges clean data: guidance needs one that was trained with objective.noisy=true",
             classifier->path);
  if (!dsm_shape_equal(model->header.sample, classifier->header.sample))
    DSM_FAIL(DSM_BAD_CONFIG, "%s is for samples of shape %s, the classifier %s for %s", model->path,
             dsm_shape_text(model->header.sample, shapes[0], sizeof shapes[0]), classifier->path,
             dsm_shape_text(classifier->header.sample, shapes[1], sizeof shapes[1]));
  const double last = dsm_process_last(a);
  bool same = dsm_process_last(b) == last && dsm_process_discrete(a) == dsm_process_discrete(b);
  for (int i = 1; same && i <= 4; i++) {
    const double t = dsm_process_discrete(a) ? (double)(int64_t)(last * i / 4) : last * i / 4;
    same = dsm_process_alpha(a, t) == dsm_process_alpha(b, t) &&
           dsm_process_sigma(a, t) == dsm_process_sigma(b, t);
  }
  if (!same)
    DSM_FAIL(DSM_BAD_CONFIG,
             "the classifier %s was trained on another noise (process) than %s: train it with the "
             "same process section",
             classifier->path, model->path);
  if (n->channels != m->channels || memcmp(n->shift, m->shift, n->channels * sizeof *n->shift) != 0 ||
      memcmp(n->scale, m->scale, n->channels * sizeof *n->scale) != 0)
    DSM_FAIL(
        DSM_BAD_CONFIG,
        "the classifier %s scales its data otherwise than %s: train it on the same data file, with the same "
        "data.normalize and data.per_channel",
        classifier->path, model->path);
  return DSM_OK;
}

static void gradient_of(void *self, const float *x, const double *t, const uint32_t *k, float *gradient) {
  dsm__class_guided *g = self;
  dsm_classifier_gradient(g->network, g->classifier.w, x, t, k, gradient);
}

static dsm_status prepare(const dsm_class_choice *choice, const dsm__trained *model,
                          const dsm_denoiser *prior, dsm__class_guided *g) {
  const dsm__session *s = &g->classifier.session;
  const size_t n = (size_t)model->session.config.sampler.block;
  const dsm_class_gradient gradient = {g, gradient_of};
  DSM_TRY(check_fits(model, &g->classifier));
  g->n = n;
  g->label = choice->label;
  g->labels = s->config.data.conditions; /* one name, as it is a classifier */
  DSM_TRY(dsm_classifier_create(&s->config, s->process, s->model, &s->kernels, n, true, &g->network));
  g->classes = dsm_classifier_classes(g->network);
  if (choice->label >= 0 && (size_t)choice->label >= g->classes)
    DSM_FAIL(DSM_USAGE, "--class %lld: the classifier %s knows classes 0 to %zu", (long long)choice->label,
             g->classifier.path, g->classes - 1);
  DSM_TRY(DSM_ALLOC(n, &g->k));
  DSM_TRY(dsm_class_guidance_create(model->session.process, prior, &gradient, choice->scale, n,
                                    model->session.d, &g->guidance));
  snprintf(g->text, sizeof g->text, "classifier %s, step %lld, scale %g, class %s", g->classifier.path,
           (long long)g->classifier.header.step, choice->scale, choice->label < 0 ? "all in turn" : "");
  if (choice->label >= 0) dsm_append(g->text, sizeof g->text, "%lld", (long long)choice->label);
  return DSM_OK;
}

dsm_status dsm__class_guided_open(dsm_comm *comm, const dsm_class_choice *choice, const dsm__trained *model,
                                  const dsm_denoiser *prior, dsm__class_guided *g) {
  g->classifier.classifies = true;
  DSM_TRY(dsm__trained_open(comm, choice->source, NULL, 0, &g->classifier));
  DSM_AGREE(comm, prepare(choice, model, prior, g));
  return DSM_OK;
}

void dsm__class_guided_begin(dsm__class_guided *g, uint64_t first) {
  for (size_t i = 0; i < g->n; i++)
    g->k[i] = (uint32_t)(g->label < 0 ? (first + i) % g->classes : (uint64_t)g->label);
  dsm_class_guidance_give(g->guidance, g->k);
}

void dsm__class_guided_close(dsm__class_guided *g) {
  dsm_class_guidance_destroy(&g->guidance);
  dsm_classifier_destroy(&g->network);
  dsm__trained_close(&g->classifier);
  free(g->k);
  g->k = NULL;
}
