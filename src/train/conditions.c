/* Conditions in training: their datasets, their scaling. */
#include <stdio.h>
#include "internal.h"

dsm_status dsm__conditions_open(const dsm_dataset *samples, const char *rows, dsm_config *config,
                                dsm_condition_data **data) {
  *data = NULL;
  if (config->data.conditions[0] == '\0') return DSM_OK;
  return dsm_condition_data_open(config->data.file, rows, dsm_dataset_info_of(samples), config, data);
}

dsm_status dsm__conditions_normalize(dsm_comm *comm, dsm_condition_data *data, dsm_normalization *n) {
  const bool root = dsm_comm_rank(comm) == 0;
  if (!data) return DSM_OK;
  const size_t width = dsm_condition_data_layout(data)->width;
  DSM_AGREE(comm, root ? dsm_condition_data_normalization(data, n) : dsm_normalization_create(width, n));
  n->kind = DSM_NORMALIZE_STANDARDIZE;
  DSM_TRY(dsm__share_normalization(comm, n));
  return DSM_OK;
}

void dsm__banner_conditions(const dsm_conditions *c, const dsm_normalization *n, double drop) {
  enum { SHOWN_MAX = 4 };
  char text[1024];
  if (c->count == 0) return;
  dsm_info("given    %s, left out in %g of the samples", dsm_conditions_text(c, text, sizeof text), drop);
  for (size_t k = 0; k < c->count; k++) {
    const dsm_condition *one = &c->each[k];
    if (one->classes) continue;
    for (size_t j = 0; j < one->columns && j < SHOWN_MAX; j++) {
      const size_t e = one->entry + j;
      dsm_info("         %s[%zu]: %g to %g, mean %g, deviation %g%s", one->name, j, n->min[e], n->max[e],
               n->shift[e], n->scale[e], j + 1 == SHOWN_MAX && one->columns > SHOWN_MAX ? ", ..." : "");
    }
  }
}
