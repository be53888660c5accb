#include "dsmpi/io.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "atomic_file.h"
#include "checkpoint_format.h"
#include "h5.h"

#include "dsmpi/clock.h"
#include "dsmpi/memory.h"

const char *dsm__rate_text(double rate, char text[DSM_RATE_TEXT]) {
  for (int digits = 1; digits <= 17; digits++) {
    snprintf(text, DSM_RATE_TEXT, "%.*g", digits, rate);
    if (strtod(text, NULL) == rate) break;
  }
  return text;
}

/* ---- header -------------------------------------------------------------------------------------------- */

static dsm_status write_attributes(hid_t file, const dsm_checkpoint *header) {
  char now[64];
  int64_t sample[DSM_MAX_RANK];
  const int rank = header->sample.rank;
  if (rank < 1 || rank > DSM_MAX_RANK) DSM_FAIL(DSM_INTERNAL, "a sample cannot have %d axes", rank);
  sample[0] = (int64_t)header->sample.n[rank - 1];
  for (int i = 1; i < rank; i++) sample[i] = (int64_t)header->sample.n[i - 1];
  DSM_TRY(dsm__h5_set_int(file, "format_version", DSM_CHECKPOINT_VERSION));
  DSM_TRY(dsm__h5_set_int(file, "step", header->step));
  DSM_TRY(dsm__h5_set_uint(file, "seed", header->seed));
  DSM_TRY(dsm__h5_set_real(file, "loss_sum", header->loss_sum));
  DSM_TRY(dsm__h5_set_int(file, "loss_steps", header->loss_steps));
  DSM_TRY(dsm__h5_set_int(file, "skipped", header->skipped));
  DSM_TRY(dsm__h5_set_real(file, "noise_square", header->noise_square));
  DSM_TRY(dsm__h5_set_real(file, "noise_trace", header->noise_trace));
  DSM_TRY(dsm__h5_set_text(file, "config", header->config ? header->config : ""));
  DSM_TRY(dsm__h5_set_ints(file, "sample_shape", (size_t)rank, sample));
  DSM_TRY(dsm__h5_set_text(file, "program", header->program));
  DSM_TRY(dsm__h5_set_text(file, "kernels", header->kernels));
  DSM_TRY(dsm__h5_set_text(file, "blas", header->blas));
  DSM_TRY(dsm__h5_set_text(file, "time_label", header->time_label));
  DSM_TRY(dsm__h5_set_text(file, "time", dsm_timestamp(now, sizeof now)));
  return DSM_OK;
}

static dsm_status write_normalization(hid_t file, const char *name, const dsm_normalization *n) {
  dsm_status status = DSM_OK;
  hid_t group = H5I_INVALID_HID;
  const dsm_shape shape = DSM_SHAPE(n->channels);
  if (n->channels < 1 || n->channels > DSM_CHANNELS_MAX)
    DSM_FAIL(DSM_INTERNAL, "a normalization cannot have %zu channels", n->channels);
  DSM_TRY_DONE(dsm__h5_create_group(file, name, &group));
  DSM_TRY_DONE(dsm__h5_set_int(group, "kind", n->kind));
  DSM_TRY_DONE(dsm__h5_write(group, "shift", H5T_NATIVE_DOUBLE, shape, n->shift));
  DSM_TRY_DONE(dsm__h5_write(group, "scale", H5T_NATIVE_DOUBLE, shape, n->scale));
  DSM_TRY_DONE(dsm__h5_write(group, "min", H5T_NATIVE_DOUBLE, shape, n->min));
  DSM_TRY_DONE(dsm__h5_write(group, "max", H5T_NATIVE_DOUBLE, shape, n->max));
done:
  dsm__h5_close(&group);
  return status;
}

/* ---- arrays -------------------------------------------------------------------------------------------- */

static size_t largest_entry(const dsm_parameters *table) {
  size_t largest = 0;
  for (size_t i = 0; i < dsm_parameters_entries(table); i++) {
    const size_t count = dsm_shape_count(dsm_parameters_entry(table, i)->shape);
    if (count > largest) largest = count;
  }
  return largest;
}

/* One dataset an entry, in a new group. `type` has `size` bytes; `scratch` holds the largest entry. */
static dsm_status write_entries(hid_t parent, const char *name, const dsm_parameters *table, hid_t type,
                                const void *flat, void *scratch) {
  dsm_status status = DSM_OK;
  hid_t group = H5I_INVALID_HID;
  const size_t size = H5Tget_size(type);
  DSM_TRY_DONE(dsm__h5_create_group(parent, name, &group));
  for (size_t i = 0; i < dsm_parameters_entries(table); i++) {
    const dsm_parameter *p = dsm_parameters_entry(table, i);
    dsm_parameter_to_file(p, size, (const char *)flat + p->offset * size, scratch);
    DSM_TRY_DONE(dsm__h5_write(group, p->name, type, dsm_parameter_file_shape(p), scratch));
    dsm_hdf5_pause();
  }
done:
  dsm__h5_close(&group);
  return status;
}

static dsm_status write_averages(hid_t file, const dsm_checkpoint_arrays *arrays, void *scratch) {
  dsm_status status = DSM_OK;
  hid_t group = H5I_INVALID_HID;
  char rate[DSM_RATE_TEXT];
  DSM_TRY_DONE(dsm__h5_create_group(file, DSM_GROUP_EMA, &group));
  for (size_t i = 0; i < arrays->averages; i++)
    DSM_TRY_DONE(write_entries(group, dsm__rate_text(arrays->rates[i], rate), arrays->table,
                               H5T_NATIVE_DOUBLE, arrays->average[i], scratch));
done:
  dsm__h5_close(&group);
  return status;
}

static dsm_status write_moments(hid_t file, const dsm_checkpoint_arrays *arrays) {
  dsm_status status = DSM_OK;
  hid_t group = H5I_INVALID_HID;
  const dsm_shape flat = DSM_SHAPE(dsm_parameters_count(arrays->table));
  DSM_TRY_DONE(dsm__h5_create_group(file, DSM_GROUP_OPTIMIZER, &group));
  if (arrays->m) DSM_TRY_DONE(dsm__h5_write(group, "m", H5T_NATIVE_FLOAT, flat, arrays->m));
  if (arrays->v) DSM_TRY_DONE(dsm__h5_write(group, "v", H5T_NATIVE_FLOAT, flat, arrays->v));
done:
  dsm__h5_close(&group);
  return status;
}

/* An upper bound of the file's size: values, and what HDF5 needs around them (measured: 0.4 to 0.7 KiB a
 * dataset, 4 bytes a chunk, some KiB for the rest). Closing the file gives back what is too much. */
static uint64_t file_bytes(const dsm_checkpoint *header, const dsm_checkpoint_arrays *arrays) {
  const uint64_t count = dsm_parameters_count(arrays->table), entries = dsm_parameters_entries(arrays->table);
  const uint64_t floats = 1 + (arrays->m != NULL) + (arrays->v != NULL);
  uint64_t bytes = count * (floats * sizeof(float) + arrays->averages * sizeof(double));
  if (arrays->times) bytes += arrays->times_count * sizeof(double) + 1024;
  bytes += bytes / 1024;
  bytes += (1 + arrays->averages) * entries * 1024 + arrays->averages * 4096 + 32768;
  return bytes + 4 * (header->normalization.channels + header->conditions.channels) * sizeof(double) + 8192 +
         (header->config ? strlen(header->config) : 0);
}

/* ---- file ---------------------------------------------------------------------------------------------- */

static dsm_status write_file(const char *path, const dsm_checkpoint *header,
                             const dsm_checkpoint_arrays *arrays, void *scratch) {
  dsm_status status = DSM_OK;
  dsm__h5_output output = {.fd = -1};
  hid_t file = H5I_INVALID_HID;
  dsm_hdf5_lock();
  DSM_TRY_DONE(dsm__h5_create(path, file_bytes(header, arrays), &output, &file));
  DSM_TRY_DONE(write_attributes(file, header));
  DSM_TRY_DONE(write_normalization(file, DSM_GROUP_NORMALIZATION, &header->normalization));
  if (header->conditions.channels > 0)
    DSM_TRY_DONE(write_normalization(file, DSM_GROUP_CONDITIONS, &header->conditions));
  DSM_TRY_DONE(write_entries(file, DSM_GROUP_MODEL, arrays->table, H5T_NATIVE_FLOAT, arrays->w, scratch));
  DSM_TRY_DONE(write_averages(file, arrays, scratch));
  DSM_TRY_DONE(write_moments(file, arrays));
  if (arrays->times)
    DSM_TRY_DONE(dsm__h5_write(file, DSM_DATASET_TIMES, H5T_NATIVE_DOUBLE, DSM_SHAPE(arrays->times_count),
                               arrays->times));
  DSM_TRY_DONE(dsm__h5_finish(path, &output, &file));
done:
  dsm__h5_abandon(&output, &file);
  dsm_hdf5_unlock();
  return status;
}

dsm_status dsm_checkpoint_write(const char *path, const dsm_checkpoint *header,
                                const dsm_checkpoint_arrays *arrays, const dsm_checkpoint_gate *gate) {
  dsm_status status = DSM_OK;
  char temporary[DSM_PATH_MAX];
  double *scratch = NULL;
  bool refused = false;
  DSM_ASSERT(arrays->averages <= DSM_AVERAGES_MAX);
  DSM_TRY(dsm__atomic_begin(path, temporary));
  DSM_TRY(DSM_ALLOC(largest_entry(arrays->table), &scratch));
  DSM_TRY_DONE(write_file(temporary, header, arrays, scratch));
  DSM_TRY_DONE(dsm__checkpoint_verify(temporary, arrays));
  if (gate) {
    status = gate->may_finish(gate->context);
    refused = status != DSM_OK;
    if (refused) goto done;
  }
  DSM_TRY_DONE(dsm__atomic_commit(temporary, path));
done:
  free(scratch);
  if (refused) {
    unlink(temporary);
    return dsm__forward(status, __FILE__, __LINE__);
  }
  if (status != DSM_OK) {
    char why[1024], space[128];
    unlink(temporary);
    snprintf(why, sizeof why, "%s", dsm_trail_message());
    /* damaged or gone before it had its name: the disk, or somebody, has not kept what was written */
    if (status != DSM_IO && status != DSM_BAD_DATA && status != DSM_NOT_FOUND) return status;
    if (strstr(why, " needed"))
      DSM_FAIL(DSM_IO, "checkpoint %s was not written: %s; an older one is untouched", path, why);
    DSM_FAIL(DSM_IO, "checkpoint %s was not written: %s (%s); an older one is untouched", path, why,
             dsm__space_text(path, file_bytes(header, arrays), space, sizeof space));
  }
  return status;
}
