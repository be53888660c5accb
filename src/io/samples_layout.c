/* Reading where things are in a samples file, and whether it was begun for the same request. */
#include "samples_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "atomic_file.h"
#include "h5.h"

#include "dsmpi/memory.h"

dsm_status dsm__samples_partial(const char *path, char *partial, size_t size) {
  if ((size_t)snprintf(partial, size, "%s.partial", path) >= size)
    DSM_FAIL(DSM_IO, "%s: the name is too long", path);
  return DSM_OK;
}

dsm_status dsm__samples_offset(hid_t file, const char *name, hid_t type, int rank, const hsize_t *n,
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

/* The sample's shape from the axes of /samples; rank 0 where there is none, but fields. */
static dsm_status read_sample_shape(hid_t file, dsm_shape *sample) {
  dsm_status status = DSM_OK;
  hsize_t n[H5S_MAX_RANK];
  size_t sizes[DSM_MAX_RANK];
  *sample = (dsm_shape){0};
  if (H5Lexists(file, "samples", H5P_DEFAULT) <= 0 && H5Aexists(file, "fields") > 0) return DSM_OK;
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

/* Of an attribute that is there for some requests only; `wanted` NULL: not for this one. */
static dsm_status has_optional_text(hid_t file, const char *name, const char *wanted, bool *same) {
  const bool there = H5Aexists(file, name) > 0;
  *same = *same && there == (wanted != NULL);
  if (there && wanted) DSM_TRY(has_text(file, name, wanted, same));
  return DSM_OK;
}

uint64_t dsm__conditions_digest(const dsm_samples_info *info) {
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

static dsm_status has_conditions(hid_t file, const dsm_samples_info *info, bool *same) {
  uint64_t conditions = 0;
  const bool there = H5Aexists(file, "conditions") > 0;
  if (there) DSM_TRY(dsm__h5_get_uint(file, "conditions", &conditions));
  *same = *same && there == (info->conditions > 0) && (!there || conditions == dsm__conditions_digest(info));
  return DSM_OK;
}

static dsm_status compare_request(hid_t file, const dsm_samples_info *info, const dsm_samples_layout *layout,
                                  bool *same) {
  uint64_t seed;
  int64_t step;
  char fields[DSM_FIELDS_TEXT];
  DSM_TRY(dsm__h5_get_uint(file, "seed", &seed));
  DSM_TRY(dsm__h5_get_int(file, "step", &step));
  *same = layout->count == info->count && layout->block == info->block && seed == info->seed &&
          step == info->step && dsm_shape_equal(layout->sample, info->sample);
  DSM_TRY(has_conditions(file, info, same));
  DSM_TRY(has_text(file, "sampler", info->sampler, same));
  DSM_TRY(has_text(file, "config", info->config ? info->config : "", same));
  DSM_TRY(has_optional_text(file, "fields", info->fields ? dsm__fields_text(info, fields) : NULL, same));
  DSM_TRY(has_optional_text(file, "input", info->input, same));
  return DSM_OK;
}

/* The datasets with a row a sample, without their offsets. */
static dsm_status read_sets(hid_t file, dsm_samples_layout *l) {
  dsm_status status = DSM_OK;
  char *text = NULL;
  size_t fields;
  DSM_TRY(read_sample_shape(file, &l->sample));
  l->sets = l->sample.rank > 0;
  if (l->sets) l->set[0] = dsm__rows_of_samples(l->sample);
  if (H5Aexists(file, "fields") <= 0) return DSM_OK;
  DSM_TRY(dsm__h5_get_text(file, "fields", &text));
  if (!dsm__fields_parse(text, l->set + l->sets, &fields))
    DSM_H5_FAIL_DONE(DSM_BAD_DATA, file, "attribute \"fields\" is none of ours");
  l->sets += fields;
done:
  free(text);
  return status;
}

/* Does the file, with all its bytes, hold the runs of the layout? */
static bool run_fits(uint64_t size, uint64_t offset, uint64_t count, size_t bytes) {
  return bytes > 0 && offset <= size && (size - offset) / bytes >= count;
}

static dsm_status check_extent(const char *partial, const dsm_samples_layout *l) {
  struct stat file;
  if (stat(partial, &file) != 0) DSM_FAIL(DSM_IO, "cannot open %s: %s", partial, strerror(errno));
  const uint64_t size = (uint64_t)file.st_size;
  bool fits = run_fits(size, l->index, l->count, sizeof(int64_t)) &&
              run_fits(size, l->evaluations, l->count, sizeof(int32_t)) &&
              run_fits(size, l->complete, l->blocks, 1);
  for (size_t k = 0; k < l->sets; k++)
    fits = fits && run_fits(size, l->set[k].offset, l->count, dsm__rows_bytes(&l->set[k]));
  if (!fits)
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
  DSM_TRY_DONE(read_sets(file, l));
  for (size_t k = 0; k < l->sets; k++) {
    dsm_samples_rows *rows = &l->set[k];
    const int rank = dsm__rows_axes(rows, l->count, n);
    DSM_TRY_DONE(dsm__samples_offset(file, rows->name, dsm__rows_type(rows), rank, n, &rows->offset));
  }
  n[0] = l->count;
  DSM_TRY_DONE(dsm__samples_offset(file, "index", H5T_NATIVE_INT64, 1, n, &l->index));
  DSM_TRY_DONE(dsm__samples_offset(file, "evaluations", H5T_NATIVE_INT32, 1, n, &l->evaluations));
  n[0] = l->blocks;
  DSM_TRY_DONE(dsm__samples_offset(file, "complete", H5T_NATIVE_UINT8, 1, n, &l->complete));
  if (info) DSM_TRY_DONE(compare_request(file, info, l, same_request));
done:
  dsm__h5_close(&file);
  dsm_hdf5_unlock();
  DSM_TRY(status);
  DSM_TRY(check_extent(partial, l));
  return DSM_OK;
}

dsm_status dsm_samples_step(const char *path, int64_t *step) {
  dsm_status status = DSM_OK;
  hid_t file = H5I_INVALID_HID;
  dsm_hdf5_lock();
  DSM_TRY_DONE(dsm__h5_open(path, &file));
  DSM_TRY_DONE(dsm__h5_get_int(file, "step", step));
done:
  dsm__h5_close(&file);
  dsm_hdf5_unlock();
  return status;
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
