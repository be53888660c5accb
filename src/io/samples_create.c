#include "samples_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "atomic_file.h"
#include "h5.h"

#include "dsmpi/log.h"
#include "dsmpi/memory.h"

/* ---- writing ------------------------------------------------------------------------------------------- */

/* Labels of the axes of rows with the axes of a sample, one letter each: N, K for several samples a row,
 * C, then the spatial letters of `axes` in their order ("N H W C" is the order of some input; the file's
 * own order is fixed). Without usable letters the common ones of that rank. */
enum { LETTERS = 2 * DSM_MAX_RANK + 2 };
static void axis_labels(const char *axes, const dsm_samples_rows *rows, char letters[LETTERS]) {
  static const char *const common[DSM_MAX_RANK] = {"", "X", "HW", "ZYX", "TZYX"};
  const int spatial = rows->sample_axes - 1, leading = rows->row.rank - rows->sample_axes;
  char own[DSM_MAX_RANK + 1] = "";
  int found = 0;
  for (const char *a = axes; *a; a++) {
    if (*a == ' ' || *a == 'N' || *a == 'C') continue;
    if (found < spatial) own[found] = *a;
    found++;
  }
  snprintf(letters, LETTERS, "N%.*sC%s", leading, "KLMO", found == spatial ? own : common[spatial]);
}

/* The attribute that H5DSset_label writes and h5py shows as dims[i].label. */
static dsm_status write_labels(hid_t dataset, const char *letters) {
  dsm_status status = DSM_OK;
  const hsize_t count = strlen(letters);
  char label[DSM_MAX_RANK + 1][2];
  const char *values[DSM_MAX_RANK + 1];
  for (size_t i = 0; i < count; i++) {
    label[i][0] = letters[i];
    label[i][1] = '\0';
    values[i] = label[i];
  }
  hid_t type = H5Tcopy(H5T_C_S1), space = H5Screate_simple(1, &count, NULL), attribute = H5I_INVALID_HID;
  H5Tset_size(type, H5T_VARIABLE);
  attribute = H5Acreate2(dataset, "DIMENSION_LABELS", type, space, H5P_DEFAULT, H5P_DEFAULT);
  if (attribute < 0 || H5Awrite(attribute, type, values) < 0)
    DSM_H5_FAIL_DONE(DSM_IO, dataset, "cannot write the labels of the axes");
done:
  dsm__h5_close(&attribute);
  dsm__h5_close(&space);
  dsm__h5_close(&type);
  return status;
}

/* A contiguous dataset whose bytes have their place from now on; nothing is written into it. */
static dsm_status create_dataset(hid_t file, const char *name, hid_t type, int rank, const hsize_t *n,
                                 hid_t *dataset) {
  dsm_status status = DSM_OK;
  hid_t space = H5Screate_simple(rank, n, NULL), creation = H5Pcreate(H5P_DATASET_CREATE);
  *dataset = H5I_INVALID_HID;
  if (space < 0 || creation < 0 || H5Pset_layout(creation, H5D_CONTIGUOUS) < 0 ||
      H5Pset_alloc_time(creation, H5D_ALLOC_TIME_EARLY) < 0 ||
      H5Pset_fill_time(creation, H5D_FILL_TIME_NEVER) < 0 || H5Pset_obj_track_times(creation, 0) < 0)
    DSM_H5_FAIL_DONE(DSM_IO, file, "cannot describe dataset \"%s\"", name);
  *dataset = H5Dcreate2(file, name, type, space, H5P_DEFAULT, creation, H5P_DEFAULT);
  if (*dataset < 0) DSM_H5_FAIL_DONE(DSM_IO, file, "cannot create dataset \"%s\"", name);
done:
  dsm__h5_close(&creation);
  dsm__h5_close(&space);
  return status;
}

static dsm_status write_attributes(hid_t file, const dsm_samples_info *info) {
  DSM_TRY(dsm__h5_set_uint(file, "count", info->count));
  DSM_TRY(dsm__h5_set_uint(file, "block", info->block));
  DSM_TRY(dsm__h5_set_uint(file, "seed", info->seed));
  DSM_TRY(dsm__h5_set_text(file, "sampler", info->sampler));
  DSM_TRY(dsm__h5_set_int(file, "evaluations", info->evaluations));
  DSM_TRY(dsm__h5_set_text(file, "config", info->config ? info->config : ""));
  DSM_TRY(dsm__h5_set_text(file, "checkpoint", info->checkpoint));
  DSM_TRY(dsm__h5_set_int(file, "step", info->step));
  DSM_TRY(dsm__h5_set_text(file, "program", info->program));
  if (info->input) DSM_TRY(dsm__h5_set_text(file, "input", info->input));
  return DSM_OK;
}

/* Rows for all samples, empty; nothing stays open. */
static dsm_status create_rows(hid_t file, const dsm_samples_rows *rows, const dsm_samples_info *info,
                              const char *sentence) {
  dsm_status status = DSM_OK;
  hid_t dataset = H5I_INVALID_HID;
  hsize_t n[DSM_MAX_RANK + 1];
  char letters[LETTERS];
  const int rank = dsm__rows_axes(rows, info->count, n);
  DSM_TRY_DONE(create_dataset(file, rows->name, dsm__rows_type(rows), rank, n, &dataset));
  if (rows->sample_axes > 0) {
    axis_labels(info->axes, rows, letters);
    DSM_TRY_DONE(write_labels(dataset, letters));
  }
  if (sentence) DSM_TRY_DONE(dsm__h5_set_text(dataset, "description", sentence));
done:
  dsm__h5_close(&dataset);
  return status;
}

static dsm_status create_fields(hid_t file, const dsm_samples_info *info) {
  dsm_samples_rows set[DSM_FIELDS_MAX + 1];
  char text[DSM_FIELDS_TEXT];
  if (info->fields == 0) return DSM_OK;
  const size_t sets = dsm__rows_of_request(info, set);
  DSM_TRY(dsm__h5_set_text(file, "fields", dsm__fields_text(info, text)));
  for (size_t k = 0; k < info->fields; k++)
    DSM_TRY(create_rows(file, &set[sets - info->fields + k], info, info->field[k].sentence));
  return DSM_OK;
}

static dsm_status create_tables(hid_t file, const dsm_samples_info *info) {
  dsm_status status = DSM_OK;
  hid_t dataset = H5I_INVALID_HID;
  for (size_t k = 0; k < info->tables; k++) {
    const hsize_t n = info->table[k].count;
    DSM_TRY_DONE(create_dataset(file, info->table[k].name, H5T_NATIVE_DOUBLE, 1, &n, &dataset));
    DSM_TRY_DONE(dsm__h5_set_text(dataset, "description", info->table[k].sentence));
    dsm__h5_close(&dataset);
  }
done:
  dsm__h5_close(&dataset);
  return status;
}

/* The groups on the way to "events/labels". */
static dsm_status make_groups(hid_t file, const char *name) {
  for (const char *slash = strchr(name, '/'); slash; slash = strchr(slash + 1, '/')) {
    char path[DSM_PATH_MAX];
    hid_t group = H5I_INVALID_HID;
    snprintf(path, sizeof path, "%.*s", (int)(slash - name), name);
    if (H5Lexists(file, path, H5P_DEFAULT) > 0) continue;
    DSM_TRY(dsm__h5_create_group(file, path, &group));
    dsm__h5_close(&group);
  }
  return DSM_OK;
}

static dsm_status write_condition(hid_t file, const dsm_samples_condition *c, uint64_t count) {
  dsm_status status = DSM_OK;
  const char *name = c->name + strspn(c->name, "/");
  int32_t *label = NULL;
  DSM_TRY(make_groups(file, name));
  if (!c->labels) return dsm__h5_write(file, name, H5T_NATIVE_FLOAT, DSM_SHAPE(count, c->columns), c->value);
  DSM_TRY(DSM_ALLOC(count, &label));
  for (uint64_t i = 0; i < count; i++) label[i] = (int32_t)c->value[i];
  status = dsm__h5_write(file, name, H5T_NATIVE_INT32, DSM_SHAPE(count), label);
  free(label);
  return status;
}

static dsm_status write_conditions(hid_t file, const dsm_samples_info *info) {
  if (info->conditions == 0) return DSM_OK;
  DSM_TRY(dsm__h5_set_uint(file, "conditions", dsm__conditions_digest(info)));
  for (size_t k = 0; k < info->conditions; k++)
    DSM_TRY(write_condition(file, &info->condition[k], info->count));
  return DSM_OK;
}

static dsm_status write_structure(const char *path, const dsm_samples_info *info, uint64_t blocks,
                                  uint64_t bytes) {
  dsm_status status = DSM_OK;
  dsm__h5_output output = {.fd = -1};
  hid_t file = H5I_INVALID_HID, index = H5I_INVALID_HID, evaluations = H5I_INVALID_HID,
        complete = H5I_INVALID_HID;
  const hsize_t count = info->count, map = blocks;
  const dsm_samples_rows samples = dsm__rows_of_samples(info->sample);
  dsm_hdf5_lock();
  DSM_TRY_DONE(dsm__h5_create(path, bytes, &output, &file));
  DSM_TRY_DONE(write_attributes(file, info));
  if (info->sample.rank > 0) DSM_TRY_DONE(create_rows(file, &samples, info, NULL));
  DSM_TRY_DONE(create_fields(file, info));
  DSM_TRY_DONE(create_tables(file, info));
  DSM_TRY_DONE(write_conditions(file, info));
  DSM_TRY_DONE(create_dataset(file, "index", H5T_NATIVE_INT64, 1, &count, &index));
  DSM_TRY_DONE(create_dataset(file, "evaluations", H5T_NATIVE_INT32, 1, &count, &evaluations));
  DSM_TRY_DONE(create_dataset(file, "complete", H5T_NATIVE_UINT8, 1, &map, &complete));
  dsm__h5_close(&index);
  dsm__h5_close(&evaluations);
  dsm__h5_close(&complete);
  DSM_TRY_DONE(dsm__h5_finish(path, &output, &file));
done:
  dsm__h5_close(&index);
  dsm__h5_close(&evaluations);
  dsm__h5_close(&complete);
  dsm__h5_abandon(&output, &file);
  dsm_hdf5_unlock();
  return status;
}

/* HDF5 may have put the completion map where it wrote something else before. */
static dsm_status clear_map(int fd, const char *path) {
  dsm_samples_layout layout;
  unsigned char *zeros;
  DSM_TRY(dsm__samples_read_layout(path, NULL, &layout, NULL));
  DSM_TRY(DSM_ALLOC(layout.blocks, &zeros));
  dsm_status status = dsm__write_at(fd, path, zeros, layout.blocks, layout.complete);
  free(zeros);
  DSM_TRY(status);
  return DSM_OK;
}

/* All bytes of the file, so that no block can meet a full disk; some KiB are for what HDF5 needs. */
static uint64_t file_bytes(const dsm_samples_info *info, uint64_t blocks) {
  dsm_samples_rows set[DSM_FIELDS_MAX + 1];
  const size_t sets = dsm__rows_of_request(info, set);
  uint64_t row = sizeof(int64_t) + sizeof(int32_t), rest = blocks + 16384;
  for (size_t k = 0; k < sets; k++) row += dsm__rows_bytes(&set[k]);
  for (size_t k = 0; k < info->conditions; k++)
    rest += info->count * info->condition[k].columns * (sizeof(float) + 1) + 8192;
  for (size_t k = 0; k < info->fields; k++)
    rest += 2048 + (info->field[k].sentence ? strlen(info->field[k].sentence) : 0);
  for (size_t k = 0; k < info->tables; k++)
    rest += info->table[k].count * sizeof(double) + 2048 + strlen(info->table[k].sentence);
  rest += (info->config ? strlen(info->config) : 0) + (info->input ? strlen(info->input) : 0);
  return info->count * row + rest;
}

static dsm_status create_partial(const char *partial, const dsm_samples_info *info, uint64_t blocks) {
  dsm_status status = DSM_OK;
  char temporary[DSM_PATH_MAX];
  int fd = -1;
  DSM_TRY(dsm__atomic_begin(partial, temporary));
  DSM_TRY_DONE(write_structure(temporary, info, blocks, file_bytes(info, blocks)));
  fd = open(temporary, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) DSM_FAIL_DONE(DSM_IO, "cannot open %s: %s", temporary, strerror(errno));
  DSM_TRY_DONE(clear_map(fd, temporary));
  DSM_TRY_DONE(dsm__atomic_commit(temporary, partial));
done:
  if (fd >= 0) close(fd);
  if (status != DSM_OK) unlink(temporary);
  return status;
}

/* ---- request ------------------------------------------------------------------------------------------- */

/* Are there fields, of names that say what they are? Those of conditions are the users' own. */
static dsm_status check_fields(const dsm_samples_info *info) {
  static const char *const taken[] = {"samples", "index", "evaluations", "complete"};
  if (info->fields > DSM_FIELDS_MAX || (info->sample.rank == 0 && info->fields == 0))
    DSM_FAIL(DSM_INTERNAL, "a file with %zu fields cannot be made", info->fields);
  for (size_t k = 0; k < info->fields; k++) {
    const dsm_samples_field *f = &info->field[k];
    bool bad = f->name[0] == '\0' || strlen(f->name) >= DSM_FIELD_NAME_MAX || strpbrk(f->name, "/ \n") ||
               f->row.rank > DSM_MAX_RANK || f->sample_axes > f->row.rank || dsm_shape_count(f->row) == 0;
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++) bad = bad || strcmp(f->name, taken[i]) == 0;
    for (size_t i = 0; i < k; i++) bad = bad || strcmp(f->name, info->field[i].name) == 0;
    if (bad) DSM_FAIL(DSM_INTERNAL, "'%s' cannot be a field", f->name);
    for (size_t i = 0; i < info->conditions; i++)
      if (strcmp(info->condition[i].name + strspn(info->condition[i].name, "/"), f->name) == 0)
        DSM_FAIL(DSM_BAD_CONFIG,
                 "the condition '%s' has the name of a result in the same file: rename the dataset", f->name);
  }
  return DSM_OK;
}

static dsm_status check_tables(const dsm_samples_info *info) {
  for (size_t k = 0; k < info->tables; k++)
    for (size_t i = 0; i < info->conditions; i++)
      if (strcmp(info->condition[i].name + strspn(info->condition[i].name, "/"), info->table[k].name) == 0)
        DSM_FAIL(DSM_BAD_CONFIG,
                 "the condition '%s' has the name of a result in the same file: rename the dataset",
                 info->table[k].name);
  return DSM_OK;
}

static dsm_status check_request(const dsm_samples_info *info) {
  dsm_samples_rows set[DSM_FIELDS_MAX + 1];
  uint64_t row = 0, bytes;
  if (info->count == 0 || info->block == 0)
    DSM_FAIL(DSM_INTERNAL, "%llu samples in blocks of %llu cannot be drawn", (unsigned long long)info->count,
             (unsigned long long)info->block);
  if (info->sample.rank < 0 || info->sample.rank > DSM_MAX_RANK || dsm_shape_count(info->sample) == 0)
    DSM_FAIL(DSM_INTERNAL, "a sample cannot have %d axes", info->sample.rank);
  DSM_TRY(check_fields(info));
  DSM_TRY(check_tables(info));
  const size_t sets = dsm__rows_of_request(info, set);
  for (size_t k = 0; k < sets; k++) row += dsm__rows_bytes(&set[k]);
  if (__builtin_mul_overflow(info->count, row, &bytes) || bytes > INT64_MAX / 2)
    DSM_FAIL(DSM_USAGE, "%llu samples are more than a file can hold; ask for fewer",
             (unsigned long long)info->count);
  return DSM_OK;
}

static dsm_status count_missing(const char *partial, const dsm_samples_layout *layout, uint64_t *missing) {
  unsigned char *complete = NULL;
  int fd = open(partial, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) DSM_FAIL(DSM_IO, "cannot open %s: %s", partial, strerror(errno));
  dsm_status status = dsm__samples_read_map(fd, partial, layout, &complete, missing);
  close(fd);
  free(complete);
  DSM_TRY(status);
  return DSM_OK;
}

/* Samples are replaced by new ones once those are complete; anything else of that name is somebody's. */
static dsm_status check_replaceable(const char *path) {
  dsm_samples_layout layout;
  const dsm_status status = dsm__samples_read_layout(path, NULL, &layout, NULL);
  if (status == DSM_BAD_DATA)
    DSM_FAIL(DSM_IO, "%s exists and is not a samples file; choose another name", path);
  if (status == DSM_OK) dsm_warn("%s is there; it is replaced when the new samples are complete", path);
  if (status != DSM_OK && status != DSM_NOT_FOUND) DSM_TRY(status);
  dsm_trail_clear();
  return DSM_OK;
}

dsm_status dsm_samples_create(const char *path, const dsm_samples_info *info, uint64_t *missing) {
  char partial[DSM_PATH_MAX], unused[DSM_PATH_MAX];
  dsm_samples_layout layout;
  bool same = false;
  DSM_TRY(check_request(info));
  DSM_TRY(dsm__samples_partial(path, partial, sizeof partial));
  DSM_TRY(dsm__atomic_begin(path, unused)); /* better now than after the last sample */
  DSM_TRY(check_replaceable(path));
  dsm_status status = dsm__samples_read_layout(partial, info, &layout, &same);
  if (status == DSM_OK && same) {
    DSM_TRY(count_missing(partial, &layout, missing));
    return DSM_OK;
  }
  if (status == DSM_OK)
    dsm_warn("%s was of another request; it is replaced", partial);
  else if (status == DSM_BAD_DATA)
    dsm_warn("%s; it is replaced", dsm_trail_message());
  else if (status != DSM_NOT_FOUND)
    DSM_TRY(status);
  dsm_trail_clear();
  *missing = (info->count - 1) / info->block + 1;
  DSM_TRY(create_partial(partial, info, *missing));
  return DSM_OK;
}
