#include "h5.h"

#include <stdlib.h>
#include <string.h>

#include "dsmpi/memory.h"

enum { TEXT_BYTES_MAX = 60000 /* an attribute kept in the object header has at most 64 KiB */ };

/* ---- writing ------------------------------------------------------------------------------------------- */

/* `count` 0 is a scalar. */
static dsm_status set(hid_t object, const char *name, hid_t type, hsize_t count, const void *values) {
  dsm_status status = DSM_OK;
  hid_t attribute = H5I_INVALID_HID;
  hid_t space = count ? H5Screate_simple(1, &count, NULL) : H5Screate(H5S_SCALAR);
  attribute = H5Acreate2(object, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
  if (attribute < 0 || H5Awrite(attribute, type, values) < 0)
    DSM_H5_FAIL_DONE(DSM_IO, object, "cannot write attribute \"%s\"", name);
done:
  dsm__h5_close(&attribute);
  dsm__h5_close(&space);
  return status;
}

dsm_status dsm__h5_set_text(hid_t object, const char *name, const char *text) {
  if (strlen(text) > TEXT_BYTES_MAX)
    DSM_FAIL(DSM_INTERNAL, "a text of %zu bytes is too long for attribute \"%s\"", strlen(text), name);
  hid_t type = H5Tcopy(H5T_C_S1);
  H5Tset_size(type, strlen(text) + 1);
  H5Tset_cset(type, H5T_CSET_UTF8);
  dsm_status status = set(object, name, type, 0, text);
  dsm__h5_close(&type);
  DSM_TRY(status);
  return DSM_OK;
}

dsm_status dsm__h5_set_int(hid_t object, const char *name, int64_t value) {
  DSM_TRY(set(object, name, H5T_NATIVE_INT64, 0, &value));
  return DSM_OK;
}

dsm_status dsm__h5_set_uint(hid_t object, const char *name, uint64_t value) {
  DSM_TRY(set(object, name, H5T_NATIVE_UINT64, 0, &value));
  return DSM_OK;
}

dsm_status dsm__h5_set_real(hid_t object, const char *name, double value) {
  DSM_TRY(set(object, name, H5T_NATIVE_DOUBLE, 0, &value));
  return DSM_OK;
}

dsm_status dsm__h5_set_ints(hid_t object, const char *name, size_t count, const int64_t *values) {
  DSM_TRY(set(object, name, H5T_NATIVE_INT64, count, values));
  return DSM_OK;
}

/* ---- reading ------------------------------------------------------------------------------------------- */

/* Opens an attribute of a class and tells its type and number of values. */
static dsm_status open_attribute(hid_t object, const char *name, H5T_class_t class, hid_t *attribute,
                                 hid_t *type, hssize_t *count) {
  *attribute = *type = H5I_INVALID_HID;
  const htri_t exists = H5Aexists(object, name);
  if (exists == 0)
    return dsm__h5_failure(DSM_BAD_DATA, __FILE__, __LINE__, object, "there is no attribute \"%s\"", name);
  if (exists > 0) *attribute = H5Aopen(object, name, H5P_DEFAULT);
  hid_t space = *attribute < 0 ? H5I_INVALID_HID : H5Aget_space(*attribute);
  *count = space < 0 ? -1 : H5Sget_simple_extent_npoints(space);
  dsm__h5_close(&space);
  if (*attribute >= 0) *type = H5Aget_type(*attribute);
  if (*count < 0 || *type < 0)
    return dsm__h5_failure(DSM_BAD_DATA, __FILE__, __LINE__, object, "attribute \"%s\" is damaged", name);
  if (H5Tget_class(*type) != class)
    return dsm__h5_failure(DSM_BAD_DATA, __FILE__, __LINE__, object, "attribute \"%s\" is not %s", name,
                           class == H5T_STRING  ? "a string"
                           : class == H5T_FLOAT ? "a real number"
                                                : "an integer");
  return DSM_OK;
}

dsm_status dsm__h5_get_text(hid_t object, const char *name, char **text) {
  dsm_status status = DSM_OK;
  hid_t attribute, type;
  hssize_t count;
  *text = NULL;
  DSM_TRY_DONE(open_attribute(object, name, H5T_STRING, &attribute, &type, &count));
  const size_t size = H5Tget_size(type);
  if (H5Tis_variable_str(type) || count != 1 || size > TEXT_BYTES_MAX + 1)
    DSM_H5_FAIL_DONE(DSM_BAD_DATA, object, "attribute \"%s\" is not one string of fixed length", name);
  DSM_TRY_DONE(DSM_ALLOC(size + 1, text));
  if (H5Aread(attribute, type, *text) < 0)
    DSM_H5_FAIL_DONE(DSM_BAD_DATA, object, "attribute \"%s\" is damaged", name);
done:
  dsm__h5_close(&type);
  dsm__h5_close(&attribute);
  if (status != DSM_OK) {
    free(*text);
    *text = NULL;
  }
  return status;
}

dsm_status dsm__h5_get_text_into(hid_t object, const char *name, char *text, size_t size) {
  char *whole;
  DSM_TRY(dsm__h5_get_text(object, name, &whole));
  size_t length = strlen(whole);
  if (length >= size) length = size - 1;
  memcpy(text, whole, length);
  text[length] = '\0';
  free(whole);
  return DSM_OK;
}

static dsm_status get_numbers(hid_t object, const char *name, hid_t memory_type, size_t capacity,
                              void *values, size_t *count) {
  dsm_status status = DSM_OK;
  hid_t attribute, type;
  hssize_t found;
  DSM_TRY_DONE(open_attribute(object, name, H5Tget_class(memory_type), &attribute, &type, &found));
  if (found < 1 || (uint64_t)found > capacity)
    DSM_H5_FAIL_DONE(DSM_BAD_DATA, object, "attribute \"%s\" has %lld values, expected 1 to %zu", name,
                     (long long)found, capacity);
  if (H5Aread(attribute, memory_type, values) < 0)
    DSM_H5_FAIL_DONE(DSM_BAD_DATA, object, "attribute \"%s\" is damaged", name);
  *count = (size_t)found;
done:
  dsm__h5_close(&type);
  dsm__h5_close(&attribute);
  return status;
}

dsm_status dsm__h5_get_int(hid_t object, const char *name, int64_t *value) {
  size_t count;
  DSM_TRY(get_numbers(object, name, H5T_NATIVE_INT64, 1, value, &count));
  return DSM_OK;
}

dsm_status dsm__h5_get_uint(hid_t object, const char *name, uint64_t *value) {
  size_t count;
  DSM_TRY(get_numbers(object, name, H5T_NATIVE_UINT64, 1, value, &count));
  return DSM_OK;
}

dsm_status dsm__h5_get_real(hid_t object, const char *name, double *value) {
  size_t count;
  DSM_TRY(get_numbers(object, name, H5T_NATIVE_DOUBLE, 1, value, &count));
  return DSM_OK;
}

dsm_status dsm__h5_get_ints(hid_t object, const char *name, size_t capacity, int64_t *values, size_t *count) {
  DSM_TRY(get_numbers(object, name, H5T_NATIVE_INT64, capacity, values, count));
  return DSM_OK;
}
