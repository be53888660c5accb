/* Reading checkpoints. The file may be damaged or come from anywhere: every size in it is compared with what
 * the caller's table says before anything is allocated or read. */
#include "dsmpi/io.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "checkpoint_format.h"
#include "h5.h"

#include "dsmpi/memory.h"
#include "dsmpi/text.h"

/* "it is missing" inside a file is damage, not a missing input */
static dsm_status missing_is_damage(dsm_status status) {
  return status == DSM_NOT_FOUND ? dsm_trail_set(DSM_BAD_DATA, dsm_trail()) : status;
}

/* Opens a checkpoint of a version that this program reads. */
static dsm_status open_checkpoint(const char *path, hid_t *file) {
  dsm_status status = DSM_OK;
  int64_t version;
  DSM_TRY(dsm__h5_open(path, file));
  htri_t known = H5Aexists(*file, "format_version");
  if (known == 0)
    DSM_H5_FAIL_DONE(DSM_BAD_DATA, *file,
                     "not a checkpoint of dsmpi: there is no attribute \"format_version\"");
  DSM_TRY_DONE(dsm__h5_get_int(*file, "format_version", &version));
  if (version < 1 || version > DSM_CHECKPOINT_VERSION)
    DSM_H5_FAIL_DONE(DSM_BAD_DATA, *file,
                     "a checkpoint in format %lld, but this program reads up to format %d; use a later dsmpi",
                     (long long)version, (int)DSM_CHECKPOINT_VERSION);
done:
  if (status != DSM_OK) dsm__h5_close(file);
  return status;
}

/* ---- header -------------------------------------------------------------------------------------------- */

void dsm_checkpoint_destroy(dsm_checkpoint *header) {
  free(header->config);
  dsm_normalization_destroy(&header->normalization);
  dsm_normalization_destroy(&header->conditions);
  memset(header, 0, sizeof *header);
}

static dsm_status read_sample_shape(hid_t file, dsm_shape *sample) {
  int64_t n[DSM_MAX_RANK]; /* (C, spatial...) */
  size_t rank, sizes[DSM_MAX_RANK], bytes = sizeof(double);
  DSM_TRY(dsm__h5_get_ints(file, "sample_shape", DSM_MAX_RANK, n, &rank));
  for (size_t i = 0; i < rank; i++) {
    if (n[i] < 1 || __builtin_mul_overflow(bytes, (size_t)n[i], &bytes))
      return dsm__h5_failure(DSM_BAD_DATA, __FILE__, __LINE__, file,
                             "attribute \"sample_shape\" has value %lld", (long long)n[i]);
    sizes[i == 0 ? rank - 1 : i - 1] = (size_t)n[i];
  }
  *sample = dsm__shape_make((int)rank, sizes);
  return DSM_OK;
}

static dsm_status read_normalization(hid_t file, const char *name, dsm_normalization *n) {
  dsm_status status = DSM_OK;
  hid_t group = H5I_INVALID_HID, dataset = H5I_INVALID_HID;
  dsm_shape shape;
  int64_t kind;
  DSM_TRY_DONE(missing_is_damage(dsm__h5_open_group(file, name, &group)));
  DSM_TRY_DONE(dsm__h5_get_int(group, "kind", &kind));
  DSM_TRY_DONE(missing_is_damage(dsm__h5_open_dataset(group, "shift", H5T_NATIVE_DOUBLE, &dataset, &shape)));
  if (shape.rank != 1 || shape.n[0] > DSM_CHANNELS_MAX)
    DSM_H5_FAIL_DONE(DSM_BAD_DATA, group, "the normalization is not for 1 to %d channels",
                     (int)DSM_CHANNELS_MAX);
  DSM_TRY_DONE(dsm_normalization_create(shape.n[0], n));
  n->kind = (int)kind;
  DSM_TRY_DONE(missing_is_damage(dsm__h5_read(group, "shift", H5T_NATIVE_DOUBLE, shape, n->shift)));
  DSM_TRY_DONE(missing_is_damage(dsm__h5_read(group, "scale", H5T_NATIVE_DOUBLE, shape, n->scale)));
  DSM_TRY_DONE(missing_is_damage(dsm__h5_read(group, "min", H5T_NATIVE_DOUBLE, shape, n->min)));
  DSM_TRY_DONE(missing_is_damage(dsm__h5_read(group, "max", H5T_NATIVE_DOUBLE, shape, n->max)));
  for (size_t c = 0; c < n->channels; c++)
    if (!isfinite(n->shift[c]) || !isfinite(n->scale[c]) || n->scale[c] <= 0)
      DSM_H5_FAIL_DONE(DSM_BAD_DATA, group, "the normalization of channel %zu has shift %g and scale %g", c,
                       n->shift[c], n->scale[c]);
done:
  dsm__h5_close(&dataset);
  dsm__h5_close(&group);
  return status;
}

/* What every checkpoint holds: a header without it is of a damaged file. */
static dsm_status check_groups(hid_t file) {
  static const char *const names[] = {DSM_GROUP_MODEL, DSM_GROUP_OPTIMIZER, DSM_GROUP_EMA};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    hid_t group = H5I_INVALID_HID;
    DSM_TRY(missing_is_damage(dsm__h5_open_group(file, names[i], &group)));
    dsm__h5_close(&group);
  }
  return DSM_OK;
}

dsm_status dsm_checkpoint_read_header(const char *path, dsm_checkpoint *header) {
  dsm_status status = DSM_OK;
  hid_t file = H5I_INVALID_HID;
  memset(header, 0, sizeof *header);
  dsm_hdf5_lock();
  DSM_TRY_DONE(open_checkpoint(path, &file));
  DSM_TRY_DONE(dsm__h5_get_int(file, "step", &header->step));
  DSM_TRY_DONE(dsm__h5_get_uint(file, "seed", &header->seed));
  DSM_TRY_DONE(dsm__h5_get_real(file, "loss_sum", &header->loss_sum));
  DSM_TRY_DONE(dsm__h5_get_int(file, "loss_steps", &header->loss_steps));
  if (H5Aexists(file, "skipped") > 0) DSM_TRY_DONE(dsm__h5_get_int(file, "skipped", &header->skipped));
  if (H5Aexists(file, "noise_square") > 0)
    DSM_TRY_DONE(dsm__h5_get_real(file, "noise_square", &header->noise_square));
  if (H5Aexists(file, "noise_trace") > 0)
    DSM_TRY_DONE(dsm__h5_get_real(file, "noise_trace", &header->noise_trace));
  DSM_TRY_DONE(dsm__h5_get_text(file, "config", &header->config));
  DSM_TRY_DONE(read_sample_shape(file, &header->sample));
  DSM_TRY_DONE(dsm__h5_get_text_into(file, "program", header->program, sizeof header->program));
  DSM_TRY_DONE(dsm__h5_get_text_into(file, "kernels", header->kernels, sizeof header->kernels));
  DSM_TRY_DONE(dsm__h5_get_text_into(file, "blas", header->blas, sizeof header->blas));
  if (H5Aexists(file, "time_label") > 0)
    DSM_TRY_DONE(dsm__h5_get_text_into(file, "time_label", header->time_label, sizeof header->time_label));
  DSM_TRY_DONE(read_normalization(file, DSM_GROUP_NORMALIZATION, &header->normalization));
  if (H5Lexists(file, DSM_GROUP_CONDITIONS, H5P_DEFAULT) > 0)
    DSM_TRY_DONE(read_normalization(file, DSM_GROUP_CONDITIONS, &header->conditions));
  DSM_TRY_DONE(check_groups(file));
done:
  dsm__h5_close(&file);
  dsm_hdf5_unlock();
  if (status != DSM_OK) dsm_checkpoint_destroy(header);
  return status;
}

/* ---- rates --------------------------------------------------------------------------------------------- */

struct rates {
  double *rate;
  size_t count;
};

static dsm_status add_rate(hid_t group, const char *name, void *context) {
  struct rates *rates = context;
  char *end;
  const double rate = strtod(name, &end);
  if (end == name || *end != '\0' || !isfinite(rate))
    return dsm__h5_failure(DSM_BAD_DATA, __FILE__, __LINE__, group, "\"%s\" is not the rate of an average",
                           name);
  if (rates->count == DSM_AVERAGES_MAX)
    return dsm__h5_failure(DSM_BAD_DATA, __FILE__, __LINE__, group, "there are more than %d averages",
                           (int)DSM_AVERAGES_MAX);
  size_t i = rates->count++; /* ascending */
  for (; i > 0 && rates->rate[i - 1] > rate; i--) rates->rate[i] = rates->rate[i - 1];
  rates->rate[i] = rate;
  return DSM_OK;
}

dsm_status dsm_checkpoint_rates(const char *path, double *rates, size_t *count) {
  dsm_status status = DSM_OK;
  hid_t file = H5I_INVALID_HID, group = H5I_INVALID_HID;
  struct rates found = {rates, 0};
  *count = 0;
  dsm_hdf5_lock();
  DSM_TRY_DONE(open_checkpoint(path, &file));
  DSM_TRY_DONE(missing_is_damage(dsm__h5_open_group(file, DSM_GROUP_EMA, &group)));
  DSM_TRY_DONE(dsm__h5_each(group, add_rate, &found));
  *count = found.count;
done:
  dsm__h5_close(&group);
  dsm__h5_close(&file);
  dsm_hdf5_unlock();
  return status;
}

/* ---- arrays -------------------------------------------------------------------------------------------- */

static dsm_status refuse_extra_entry(hid_t group, const char *name, void *table) {
  if (!dsm_parameters_find(table, name))
    return dsm__h5_failure(DSM_BAD_CONFIG, __FILE__, __LINE__, group,
                           "a checkpoint of another model: its parameter \"%s\" is not in the model of the "
                           "configuration; compare the sections \"model\"",
                           name);
  return DSM_OK;
}

/* Is the model in the file the one of the table? Names and shapes only; nothing is read yet. */
static dsm_status compare_models(hid_t group, const dsm_parameters *table, size_t *largest) {
  char wanted_text[96], found_text[96];
  *largest = 0;
  for (size_t i = 0; i < dsm_parameters_entries(table); i++) {
    const dsm_parameter *p = dsm_parameters_entry(table, i);
    const dsm_shape wanted = dsm_parameter_file_shape(p);
    dsm_shape found;
    hid_t dataset;
    dsm_status status = dsm__h5_open_dataset(group, p->name, H5T_NATIVE_FLOAT, &dataset, &found);
    if (status == DSM_NOT_FOUND)
      return dsm__h5_failure(
          DSM_BAD_CONFIG, __FILE__, __LINE__, group,
          "a checkpoint of another model: it has no parameter \"%s\" %s, which the configuration "
          "asks for; compare the sections \"model\"",
          p->name, dsm_shape_text(wanted, wanted_text, sizeof wanted_text));
    DSM_TRY(status);
    dsm__h5_close(&dataset);
    if (!dsm_shape_equal(wanted, found))
      return dsm__h5_failure(
          DSM_BAD_CONFIG, __FILE__, __LINE__, group,
          "a checkpoint of another model: parameter \"%s\" has shape %s in the file and %s in the "
          "model of the configuration; compare the sections \"model\"",
          p->name, dsm_shape_text(found, found_text, sizeof found_text),
          dsm_shape_text(wanted, wanted_text, sizeof wanted_text));
    if (dsm_shape_count(wanted) > *largest) *largest = dsm_shape_count(wanted);
  }
  DSM_TRY(dsm__h5_each(group, refuse_extra_entry, (void *)table));
  return DSM_OK;
}

static dsm_status read_entries(hid_t group, const dsm_parameters *table, hid_t type, void *scratch,
                               void *flat) {
  const size_t size = H5Tget_size(type);
  for (size_t i = 0; i < dsm_parameters_entries(table); i++) {
    const dsm_parameter *p = dsm_parameters_entry(table, i);
    DSM_TRY(missing_is_damage(dsm__h5_read(group, p->name, type, dsm_parameter_file_shape(p), scratch)));
    dsm_parameter_from_file(p, size, scratch, (char *)flat + p->offset * size);
  }
  return DSM_OK;
}

static dsm_status refuse_rate(hid_t ema, const char *wanted) {
  double rate[DSM_AVERAGES_MAX];
  struct rates found = {rate, 0};
  char list[DSM_AVERAGES_MAX * DSM_RATE_TEXT] = "", name[DSM_RATE_TEXT];
  DSM_TRY(dsm__h5_each(ema, add_rate, &found));
  for (size_t i = 0; i < found.count; i++)
    dsm_append(list, sizeof list, "%s%s", i ? ", " : "", dsm__rate_text(rate[i], name));
  return dsm__h5_failure(DSM_BAD_CONFIG, __FILE__, __LINE__, ema,
                         "there is no average of rate %s; there are: %s", wanted, list[0] ? list : "none");
}

static dsm_status read_average(hid_t ema, const dsm_parameters *table, double rate, void *scratch,
                               double *average) {
  char name[DSM_RATE_TEXT];
  hid_t group;
  dsm_status status = dsm__h5_open_group(ema, dsm__rate_text(rate, name), &group);
  DSM_TRY(status == DSM_NOT_FOUND ? refuse_rate(ema, name) : status);
  status = read_entries(group, table, H5T_NATIVE_DOUBLE, scratch, average);
  dsm__h5_close(&group);
  DSM_TRY(status);
  return DSM_OK;
}

static dsm_status read_averages(hid_t file, const dsm_checkpoint_arrays *arrays, void *scratch) {
  dsm_status status = DSM_OK;
  hid_t group = H5I_INVALID_HID;
  DSM_TRY_DONE(missing_is_damage(dsm__h5_open_group(file, DSM_GROUP_EMA, &group)));
  for (size_t i = 0; i < arrays->averages; i++)
    if (arrays->average[i])
      DSM_TRY_DONE(read_average(group, arrays->table, arrays->rates[i], scratch, arrays->average[i]));
done:
  dsm__h5_close(&group);
  return status;
}

static dsm_status read_moments(hid_t file, const dsm_checkpoint_arrays *arrays) {
  dsm_status status = DSM_OK;
  hid_t group = H5I_INVALID_HID;
  const dsm_shape flat = DSM_SHAPE(dsm_parameters_count(arrays->table));
  DSM_TRY_DONE(missing_is_damage(dsm__h5_open_group(file, DSM_GROUP_OPTIMIZER, &group)));
  if (arrays->m) DSM_TRY_DONE(missing_is_damage(dsm__h5_read(group, "m", H5T_NATIVE_FLOAT, flat, arrays->m)));
  if (arrays->v) DSM_TRY_DONE(missing_is_damage(dsm__h5_read(group, "v", H5T_NATIVE_FLOAT, flat, arrays->v)));
done:
  dsm__h5_close(&group);
  return status;
}

dsm_status dsm_checkpoint_read_arrays(const char *path, const dsm_checkpoint_arrays *arrays) {
  dsm_status status = DSM_OK;
  hid_t file = H5I_INVALID_HID, model = H5I_INVALID_HID;
  double *scratch = NULL;
  size_t largest;
  dsm_hdf5_lock();
  DSM_TRY_DONE(open_checkpoint(path, &file));
  DSM_TRY_DONE(missing_is_damage(dsm__h5_open_group(file, DSM_GROUP_MODEL, &model)));
  DSM_TRY_DONE(compare_models(model, arrays->table, &largest));
  DSM_TRY_DONE(DSM_ALLOC(largest, &scratch));
  if (arrays->w) DSM_TRY_DONE(read_entries(model, arrays->table, H5T_NATIVE_FLOAT, scratch, arrays->w));
  if (arrays->m || arrays->v) DSM_TRY_DONE(read_moments(file, arrays));
  if (arrays->averages) DSM_TRY_DONE(read_averages(file, arrays, scratch));
  if (arrays->times)
    DSM_TRY_DONE(missing_is_damage(dsm__h5_read(file, DSM_DATASET_TIMES, H5T_NATIVE_DOUBLE,
                                                DSM_SHAPE(arrays->times_count), arrays->times)));
done:
  free(scratch);
  dsm__h5_close(&model);
  dsm__h5_close(&file);
  dsm_hdf5_unlock();
  return status;
}

/* ---- verification -------------------------------------------------------------------------------------- */

static dsm_status verify_entries(hid_t parent, const char *name, const dsm_parameters *table, hid_t type) {
  dsm_status status = DSM_OK;
  hid_t group = H5I_INVALID_HID;
  DSM_TRY_DONE(dsm__h5_open_group(parent, name, &group));
  for (size_t i = 0; i < dsm_parameters_entries(table); i++) {
    DSM_TRY_DONE(dsm__h5_verify(group, dsm_parameters_entry(table, i)->name, type));
    dsm_hdf5_pause();
  }
done:
  dsm__h5_close(&group);
  return status;
}

static dsm_status verify_arrays(hid_t file, const dsm_checkpoint_arrays *arrays) {
  dsm_status status = DSM_OK;
  hid_t group = H5I_INVALID_HID;
  char rate[DSM_RATE_TEXT];
  DSM_TRY_DONE(verify_entries(file, DSM_GROUP_MODEL, arrays->table, H5T_NATIVE_FLOAT));
  DSM_TRY_DONE(dsm__h5_open_group(file, DSM_GROUP_EMA, &group));
  for (size_t i = 0; i < arrays->averages; i++)
    DSM_TRY_DONE(
        verify_entries(group, dsm__rate_text(arrays->rates[i], rate), arrays->table, H5T_NATIVE_DOUBLE));
  dsm__h5_close(&group);
  DSM_TRY_DONE(dsm__h5_open_group(file, DSM_GROUP_OPTIMIZER, &group));
  if (arrays->m) DSM_TRY_DONE(dsm__h5_verify(group, "m", H5T_NATIVE_FLOAT));
  if (arrays->v) DSM_TRY_DONE(dsm__h5_verify(group, "v", H5T_NATIVE_FLOAT));
  if (arrays->times) DSM_TRY_DONE(dsm__h5_verify(file, DSM_DATASET_TIMES, H5T_NATIVE_DOUBLE));
done:
  dsm__h5_close(&group);
  return status;
}

dsm_status dsm__checkpoint_verify(const char *path, const dsm_checkpoint_arrays *arrays) {
  dsm_status status = DSM_OK;
  hid_t file = H5I_INVALID_HID;
  dsm_checkpoint header;
  DSM_TRY(dsm_checkpoint_read_header(path, &header));
  dsm_checkpoint_destroy(&header);
  dsm_hdf5_lock();
  DSM_TRY_DONE(open_checkpoint(path, &file));
  DSM_TRY_DONE(missing_is_damage(verify_arrays(file, arrays)));
done:
  dsm__h5_close(&file);
  dsm_hdf5_unlock();
  return status;
}
