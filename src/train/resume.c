#include <stdlib.h>
#include <string.h>
#include "internal.h"

/** Tries checkpoints from the newest on until one can be read; arrays may be NULL for headers alone. With
 * arrays, a header that cannot be read was told of before, when headers alone were read. */
static dsm_status newest(const char *folder, const dsm_checkpoint_arrays *arrays, char *path, size_t size,
                         dsm_checkpoint *header) {
  dsm_status status = DSM_OK;
  int64_t *steps = NULL;
  size_t count = 0;
  path[0] = '\0';
  DSM_TRY(dsm_checkpoint_list(folder, &steps, &count));
  for (size_t i = 0; i < count; i++) {
    dsm_checkpoint_path(folder, steps[i], path, size);
    status = dsm_checkpoint_read_header(path, header);
    const bool header_read = status == DSM_OK;
    if (status == DSM_OK && arrays) {
      status = dsm_checkpoint_read_arrays(path, arrays);
      if (status != DSM_OK) dsm_checkpoint_destroy(header);
    }
    if (status != DSM_BAD_DATA) break; /* read, or a failure that an older one would meet too */
    if (i + 1 < count && (!arrays || header_read))
      dsm_warn("%s; trying the checkpoint before it", dsm_trail_message());
  }
  free(steps);
  if (status != DSM_OK) return dsm__forward(status, __FILE__, __LINE__);
  return DSM_OK;
}

dsm_status dsm__newest_header(const char *folder, char *path, size_t size, dsm_checkpoint *header) {
  return newest(folder, NULL, path, size, header);
}

dsm_status dsm__newest_whole(const char *folder, const dsm_checkpoint_arrays *arrays, char *path, size_t size,
                             dsm_checkpoint *header) {
  return newest(folder, arrays, path, size, header);
}

/** The network must see times as it did in training; checkpoints of before labels were kept say nothing. */
dsm_status dsm__check_label(const dsm_checkpoint *header, const char *path, const dsm_process *process) {
  const char *label = dsm_process_label_text(process);
  if (header->time_label[0] == '\0' || strcmp(header->time_label, label) == 0) return DSM_OK;
  DSM_FAIL(DSM_BAD_CONFIG,
           "%s was trained with times shown to the network as %s; this program shows them as %s: use the "
           "program that wrote it (%s)",
           path, header->time_label, label, header->program);
}

static dsm_status take_normalization(const dsm_normalization *sent, dsm_normalization *n) {
  *n = (dsm_normalization){0};
  if (sent->channels == 0) return DSM_OK;
  DSM_TRY(dsm_normalization_create(sent->channels, n));
  n->kind = sent->kind;
  return DSM_OK;
}

dsm_status dsm__share_normalization(dsm_comm *comm, const dsm_normalization *n) {
  const size_t bytes = n->channels * sizeof(double);
  double *const arrays[] = {n->shift, n->scale, n->min, n->max};
  for (size_t i = 0; bytes > 0 && i < sizeof arrays / sizeof *arrays; i++)
    DSM_TRY(dsm_comm_broadcast(comm, arrays[i], bytes, 0));
  return DSM_OK;
}

/** Another rank: the header that rank 0 sent, with arrays of its own to be filled. */
static dsm_status take_header(const dsm_checkpoint *sent, size_t length, dsm_checkpoint *header) {
  *header = *sent; /* pointers of rank 0 mean nothing here */
  header->config = NULL;
  header->normalization = header->conditions = (dsm_normalization){0};
  DSM_TRY(DSM_ALLOC(length, &header->config));
  DSM_TRY(take_normalization(&sent->normalization, &header->normalization));
  DSM_TRY(take_normalization(&sent->conditions, &header->conditions));
  return DSM_OK;
}

dsm_status dsm__share_header(dsm_comm *comm, dsm_checkpoint *header) {
  const int rank = dsm_comm_rank(comm);
  dsm_checkpoint shared = *header;
  size_t length = rank == 0 ? strlen(header->config) + 1 : 0;
  DSM_TRY(dsm_comm_broadcast(comm, &shared, sizeof shared, 0));
  DSM_TRY(dsm_comm_broadcast(comm, &length, sizeof length, 0));
  DSM_AGREE(comm, rank == 0 ? DSM_OK : take_header(&shared, length, header));
  DSM_TRY(dsm_comm_broadcast(comm, header->config, length, 0));
  DSM_TRY(dsm__share_normalization(comm, &header->normalization));
  DSM_TRY(dsm__share_normalization(comm, &header->conditions));
  return DSM_OK;
}
