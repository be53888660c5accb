/* Which picture, of what. */
#include <stdio.h>
#include <string.h>
#include "explain.h"

static const struct {
  const char *name;
  dsm_status (*draw)(const dsm__scene *scene);
} pictures[] = {{"score", dsm__explain_score},
                {"langevin", dsm__explain_langevin},
                {"noising", dsm__explain_noising},
                {"denoising", dsm__explain_denoising}};
enum { PICTURES = sizeof pictures / sizeof *pictures };

static dsm_status find(const char *what, size_t *picture) {
  const char *names[PICTURES + 1] = {NULL};
  for (*picture = 0; *picture < PICTURES; ++*picture) {
    if (strcmp(what, pictures[*picture].name) == 0) return DSM_OK;
    names[*picture] = pictures[*picture].name;
  }
  const char *nearest = dsm_nearest_word(what, names);
  if (nearest) DSM_FAIL(DSM_USAGE, "explain: unknown picture '%s'; did you mean '%s'?", what, nearest);
  DSM_FAIL(DSM_USAGE, "explain: unknown picture '%s'; there are: score, langevin, noising, denoising", what);
}

static dsm_status draw(dsm__scene *scene, size_t picture) {
  DSM_TRY(dsm__scene_fill(scene));
  DSM_TRY(pictures[picture].draw(scene));
  return DSM_OK;
}

dsm_status dsm_explain(dsm_comm *comm, const dsm_explain_options *options) {
  size_t picture;
  dsm__scene scene;
  DSM_TRY(find(options->what, &picture));
  dsm_status status = dsm__scene_open(comm, options, &scene);
  if (status == DSM_OK) status = dsm_agree(comm, dsm_comm_rank(comm) == 0 ? draw(&scene, picture) : DSM_OK);
  dsm__scene_close(&scene);
  DSM_TRY(status);
  return DSM_OK;
}
