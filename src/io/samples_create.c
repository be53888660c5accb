#include "samples_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "atomic_file.h"
#include "h5.h"

#include "dsmpi/log.h"
#include "dsmpi/memory.h"

dsm_status dsm__samples_partial(const char *path, char *partial, size_t size) {
  if ((size_t)snprintf(partial, size, "%s.partial", path) >= size)
    DSM_FAIL(DSM_IO, "%s: the name is too long", path);
  return DSM_OK;
}

/* Axes of /samples: (N, C, spatial...). Returns their number. */
static int file_axes(uint64_t count, dsm_shape sample, hsize_t n[DSM_MAX_RANK + 1]) {
  n[0] = count;
  n[1] = sample.n[sample.rank - 1];
  for (int i = 1; i < sample.rank; i++) n[i + 1] = sample.n[i - 1];
  return sample.rank + 1;
}

/* ---- writing ------------------------------------------------------------------------------------------- */

/* Labels of the axes of /samples, one letter each: N, C, then the spatial letters of `axes` in their order
 * ("N H W C" is the order of some input; the file's own order is fixed). Without usable letters the common
 * ones of that rank. */
static void axis_labels(const char *axes, int spatial, char letters[DSM_MAX_RANK + 2]) {
  static const char *const common[DSM_MAX_RANK] = {"NC", "NCX", "NCHW", "NCZYX", "NCTZYX"};
  int found = 0;
  snprintf(letters, DSM_MAX_RANK + 2, "NC");
  for (const char *a = axes; *a; a++) {
    if (*a == ' ' || *a == 'N' || *a == 'C') continue;
    if (found < spatial) letters[2 + found] = *a;
    found++;
  }
  letters[2 + spatial] = '\0';
  if (found != spatial) snprintf(letters, DSM_MAX_RANK + 2, "%s", common[spatial]);
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
  return DSM_OK;
}

/* Says whether two requests have the same conditions: FNV-1a over names, kinds and values. */
static uint64_t digest(const dsm_samples_info *info) {
  uint64_t hash = UINT64_C(0xcbf29ce484222325);
  for (size_t k = 0; k < info->conditions; k++) {
    const dsm_samples_condition *c = &info->condition[k];
    const struct {
      const void *bytes;
      size_t count;
    } parts[] = {{c->name, strlen(c->name) + 1},
                 {&c->labels, sizeof c->labels},
                 {c->value, info->count * c->columns * sizeof(float)}};
    for (size_t p = 0; p < sizeof parts / sizeof *parts; p++)
      for (size_t i = 0; i < parts[p].count; i++)
        hash = (hash ^ ((const unsigned char *)parts[p].bytes)[i]) * UINT64_C(0x100000001b3);
  }
  return hash;
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
  DSM_TRY(dsm__h5_set_uint(file, "conditions", digest(info)));
  for (size_t k = 0; k < info->conditions; k++)
    DSM_TRY(write_condition(file, &info->condition[k], info->count));
  return DSM_OK;
}

static dsm_status write_structure(const char *path, const dsm_samples_info *info, uint64_t blocks,
                                  uint64_t bytes) {
  dsm_status status = DSM_OK;
  dsm__h5_output output = {.fd = -1};
  hid_t file = H5I_INVALID_HID, samples = H5I_INVALID_HID, index = H5I_INVALID_HID,
        evaluations = H5I_INVALID_HID, complete = H5I_INVALID_HID;
  hsize_t n[DSM_MAX_RANK + 1];
  char letters[DSM_MAX_RANK + 2];
  const hsize_t count = info->count, map = blocks;
  const int rank = file_axes(info->count, info->sample, n);
  axis_labels(info->axes, info->sample.rank - 1, letters);
  dsm_hdf5_lock();
  DSM_TRY_DONE(dsm__h5_create(path, bytes, &output, &file));
  DSM_TRY_DONE(write_attributes(file, info));
  DSM_TRY_DONE(create_dataset(file, "samples", H5T_NATIVE_FLOAT, rank, n, &samples));
  DSM_TRY_DONE(write_labels(samples, letters));
  DSM_TRY_DONE(write_conditions(file, info));
  DSM_TRY_DONE(create_dataset(file, "index", H5T_NATIVE_INT64, 1, &count, &index));
  DSM_TRY_DONE(create_dataset(file, "evaluations", H5T_NATIVE_INT32, 1, &count, &evaluations));
  DSM_TRY_DONE(create_dataset(file, "complete", H5T_NATIVE_UINT8, 1, &map, &complete));
  dsm__h5_close(&samples);
  dsm__h5_close(&index);
  dsm__h5_close(&evaluations);
  dsm__h5_close(&complete);
  DSM_TRY_DONE(dsm__h5_finish(path, &output, &file));
done:
  dsm__h5_close(&samples);
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
  uint64_t conditions = 0;
  for (size_t k = 0; k < info->conditions; k++)
    conditions += info->count * info->condition[k].columns * (sizeof(float) + 1) + 8192;
  return conditions +
         info->count * (dsm_shape_count(info->sample) * sizeof(float) + sizeof(int64_t) + sizeof(int32_t)) +
         blocks + 16384 + (info->config ? strlen(info->config) : 0);
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

/* ---- reading ------------------------------------------------------------------------------------------- */

/* Offset of a contiguous dataset of this type and these axes. */
static dsm_status dataset_offset(hid_t file, const char *name, hid_t type, int rank, const hsize_t *n,
                                 uint64_t *offset) {
  dsm_status status = DSM_OK;
  hid_t stored = H5I_INVALID_HID, space = H5I_INVALID_HID;
  hsize_t found[H5S_MAX_RANK];
  hid_t dataset = H5Dopen2(file, name, H5P_DEFAULT);
  if (dataset < 0) DSM_H5_FAIL_DONE(DSM_BAD_DATA, file, "there is no dataset \"%s\"", name);
  stored = H5Dget_type(dataset);
  space = H5Dget_space(dataset);
  if (stored < 0 || space < 0 || H5Tequal(stored, type) <= 0 || H5Sget_simple_extent_ndims(space) != rank ||
      H5Sget_simple_extent_dims(space, found, NULL) != rank ||
      memcmp(found, n, (size_t)rank * sizeof *n) != 0)
    DSM_H5_FAIL_DONE(DSM_BAD_DATA, file, "dataset \"%s\" has another type or shape than the attributes say",
                     name);
  const haddr_t address = H5Dget_offset(dataset);
  if (address == HADDR_UNDEF) DSM_H5_FAIL_DONE(DSM_BAD_DATA, file, "dataset \"%s\" is not contiguous", name);
  *offset = address;
done:
  dsm__h5_close(&space);
  dsm__h5_close(&stored);
  dsm__h5_close(&dataset);
  return status;
}

/* The sample's shape from the axes of /samples. */
static dsm_status read_sample_shape(hid_t file, dsm_shape *sample) {
  dsm_status status = DSM_OK;
  hsize_t n[H5S_MAX_RANK];
  size_t sizes[DSM_MAX_RANK];
  hid_t space = H5I_INVALID_HID, dataset = H5Dopen2(file, "samples", H5P_DEFAULT);
  if (dataset < 0) DSM_H5_FAIL_DONE(DSM_BAD_DATA, file, "there is no dataset \"samples\"");
  space = H5Dget_space(dataset);
  const int rank = space < 0 ? -1 : H5Sget_simple_extent_dims(space, n, NULL) - 1;
  if (rank < 1 || rank > DSM_MAX_RANK)
    DSM_H5_FAIL_DONE(DSM_BAD_DATA, file, "dataset \"samples\" has %d axes", rank + 1);
  for (int i = 0; i < rank; i++) sizes[i == 0 ? rank - 1 : i - 1] = n[i + 1];
  *sample = dsm__shape_make(rank, sizes);
done:
  dsm__h5_close(&space);
  dsm__h5_close(&dataset);
  return status;
}

static dsm_status has_text(hid_t file, const char *name, const char *wanted, bool *same) {
  char *text;
  DSM_TRY(dsm__h5_get_text(file, name, &text));
  *same = *same && strcmp(text, wanted) == 0;
  free(text);
  return DSM_OK;
}

static dsm_status compare_request(hid_t file, const dsm_samples_info *info, const dsm_samples_layout *layout,
                                  bool *same) {
  uint64_t seed;
  int64_t step;
  DSM_TRY(dsm__h5_get_uint(file, "seed", &seed));
  DSM_TRY(dsm__h5_get_int(file, "step", &step));
  *same = layout->count == info->count && layout->block == info->block && seed == info->seed &&
          step == info->step && dsm_shape_equal(layout->sample, info->sample);
  uint64_t conditions = 0;
  const bool has_conditions = H5Aexists(file, "conditions") > 0;
  if (has_conditions) DSM_TRY(dsm__h5_get_uint(file, "conditions", &conditions));
  *same =
      *same && has_conditions == (info->conditions > 0) && (!has_conditions || conditions == digest(info));
  DSM_TRY(has_text(file, "sampler", info->sampler, same));
  DSM_TRY(has_text(file, "config", info->config ? info->config : "", same));
  return DSM_OK;
}

/* Does the file, with all its bytes, hold the four runs of the layout? */
static dsm_status check_extent(const char *partial, const dsm_samples_layout *l) {
  struct stat file;
  if (stat(partial, &file) != 0) DSM_FAIL(DSM_IO, "cannot open %s: %s", partial, strerror(errno));
  const uint64_t size = (uint64_t)file.st_size, bytes = dsm_shape_count(l->sample) * sizeof(float);
  if (l->samples > size || (size - l->samples) / bytes < l->count || l->index > size ||
      (size - l->index) / sizeof(int64_t) < l->count || l->evaluations > size ||
      (size - l->evaluations) / sizeof(int32_t) < l->count || l->complete > size ||
      size - l->complete < l->blocks)
    DSM_FAIL(DSM_BAD_DATA, "%s is cut off: %llu bytes do not hold %llu samples", partial,
             (unsigned long long)size, (unsigned long long)l->count);
  return DSM_OK;
}

dsm_status dsm__samples_read_layout(const char *partial, const dsm_samples_info *info,
                                    dsm_samples_layout *layout, bool *same_request) {
  dsm_status status = DSM_OK;
  hid_t file = H5I_INVALID_HID;
  hsize_t n[DSM_MAX_RANK + 1];
  dsm_samples_layout *l = layout;
  dsm_hdf5_lock();
  DSM_TRY_DONE(dsm__h5_open(partial, &file));
  DSM_TRY_DONE(dsm__h5_get_uint(file, "count", &l->count));
  DSM_TRY_DONE(dsm__h5_get_uint(file, "block", &l->block));
  if (l->count == 0 || l->block == 0) DSM_H5_FAIL_DONE(DSM_BAD_DATA, file, "no samples or empty blocks");
  l->blocks = (l->count - 1) / l->block + 1;
  DSM_TRY_DONE(read_sample_shape(file, &l->sample));
  const int rank = file_axes(l->count, l->sample, n);
  DSM_TRY_DONE(dataset_offset(file, "samples", H5T_NATIVE_FLOAT, rank, n, &l->samples));
  n[0] = l->count;
  DSM_TRY_DONE(dataset_offset(file, "index", H5T_NATIVE_INT64, 1, n, &l->index));
  DSM_TRY_DONE(dataset_offset(file, "evaluations", H5T_NATIVE_INT32, 1, n, &l->evaluations));
  n[0] = l->blocks;
  DSM_TRY_DONE(dataset_offset(file, "complete", H5T_NATIVE_UINT8, 1, n, &l->complete));
  if (info) DSM_TRY_DONE(compare_request(file, info, l, same_request));
done:
  dsm__h5_close(&file);
  dsm_hdf5_unlock();
  DSM_TRY(status);
  DSM_TRY(check_extent(partial, l));
  return DSM_OK;
}

dsm_status dsm__samples_read_map(int fd, const char *partial, const dsm_samples_layout *layout,
                                 unsigned char **complete, uint64_t *missing) {
  DSM_TRY(DSM_ALLOC(layout->blocks, complete));
  dsm_status status = dsm__read_at(fd, partial, *complete, layout->blocks, layout->complete);
  *missing = 0;
  for (uint64_t b = 0; b < layout->blocks; b++) *missing += (*complete)[b] == 0;
  if (status != DSM_OK) {
    free(*complete);
    *complete = NULL;
  }
  return status;
}

/* ---- request ------------------------------------------------------------------------------------------- */

static dsm_status check_request(const dsm_samples_info *info) {
  uint64_t bytes;
  if (info->count == 0 || info->block == 0)
    DSM_FAIL(DSM_INTERNAL, "%llu samples in blocks of %llu cannot be drawn", (unsigned long long)info->count,
             (unsigned long long)info->block);
  if (info->sample.rank < 1 || info->sample.rank > DSM_MAX_RANK || dsm_shape_count(info->sample) == 0)
    DSM_FAIL(DSM_INTERNAL, "a sample cannot have %d axes", info->sample.rank);
  if (__builtin_mul_overflow(info->count, dsm_shape_count(info->sample) * sizeof(float), &bytes) ||
      bytes > INT64_MAX / 2)
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
