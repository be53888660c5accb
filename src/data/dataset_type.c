/* Element types: recognised once, when the dataset is opened, and then turned into float32 without HDF5, so
 * that the reading thread needs no lock. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "dataset_private.h"
#include "dsmpi/hdf5_lock.h"

/* ---- recognising --------------------------------------------------------------------------------------- */

static const char *class_name(H5T_class_t class) {
  switch (class) {
  case H5T_TIME:
    return "time";
  case H5T_STRING:
    return "string";
  case H5T_BITFIELD:
    return "bit field";
  case H5T_OPAQUE:
    return "opaque";
  case H5T_COMPOUND:
    return "compound";
  case H5T_REFERENCE:
    return "reference";
  case H5T_ENUM:
    return "enumeration";
  case H5T_VLEN:
    return "variable-length";
  case H5T_ARRAY:
    return "array";
  default:
    return "unknown";
  }
}

/* h5py's bool: an enumeration of FALSE and TRUE. Other enumerations are names, not quantities. */
static bool is_bool(hid_t type) {
  if (H5Tget_nmembers(type) != 2) return false;
  bool ok = true;
  for (unsigned i = 0; i < 2; i++) {
    char *name = H5Tget_member_name(type, i);
    if (!name || strcmp(name, i ? "TRUE" : "FALSE") != 0) ok = false;
    if (name) H5free_memory(name);
  }
  return ok;
}

static dsm__number integer_of(size_t size, bool is_signed) {
  switch (size) {
  case 1:
    return is_signed ? DSM__I8 : DSM__U8;
  case 2:
    return is_signed ? DSM__I16 : DSM__U16;
  case 4:
    return is_signed ? DSM__I32 : DSM__U32;
  case 8:
    return is_signed ? DSM__I64 : DSM__U64;
  default:
    return DSM__OTHER;
  }
}

/* IEEE formats by their fields: exponent and mantissa bits, bias, sign on top. */
static dsm__number float_of(hid_t type, size_t size) {
  static const struct {
    size_t size, e, m, bias;
    dsm__number number;
  } ieee[] = {{2, 5, 10, 15, DSM__F16}, {4, 8, 23, 127, DSM__F32}, {8, 11, 52, 1023, DSM__F64}};
  size_t sign, e_at, e, m_at, m;
  if (H5Tget_fields(type, &sign, &e_at, &e, &m_at, &m) < 0) return DSM__OTHER;
  for (size_t i = 0; i < sizeof ieee / sizeof ieee[0]; i++)
    if (size == ieee[i].size && e == ieee[i].e && m == ieee[i].m && m_at == 0 && e_at == m && sign == e + m &&
        H5Tget_ebias(type) == ieee[i].bias && H5Tget_norm(type) == H5T_NORM_IMPLIED)
      return ieee[i].number;
  return DSM__OTHER;
}

dsm_status dsm__element_open(dsm_dataset *d) {
  dsm_status status = DSM_OK;
  dsm__element *e = &d->element;
  hid_t number = -1; /* the type below an enumeration */
  e->type = H5Dget_type(d->dataset);
  if (e->type < 0) DSM_FAIL(DSM_BAD_DATA, "the type of '%s' in '%s' cannot be read", d->name, d->path);
  H5T_class_t class = H5Tget_class(e->type);
  bool boolean = class == H5T_ENUM && is_bool(e->type);
  if (class != H5T_INTEGER && class != H5T_FLOAT && !boolean)
    DSM_FAIL(DSM_BAD_DATA, "'%s' in '%s' is of %s type; dsmpi reads integers, floats and h5py's bool%s",
             d->name, d->path, class_name(class),
             class == H5T_COMPOUND ? ": write its members as datasets of their own" : "");
  number = boolean ? H5Tget_super(e->type) : H5Tcopy(e->type);
  class = H5Tget_class(number);
  e->size = H5Tget_size(number);
  size_t bits = H5Tget_precision(number);
  H5T_order_t order = H5Tget_order(number), native = H5Tget_order(H5T_NATIVE_INT);
  bool is_signed = class == H5T_FLOAT || H5Tget_sign(number) == H5T_SGN_2;
  if (e->size == 0 || (boolean && e->size != 1))
    DSM_FAIL_DONE(DSM_BAD_DATA, "'%s' in '%s' has a damaged element type", d->name, d->path);
  e->number = DSM__OTHER;
  if (bits == 8 * e->size && H5Tget_offset(number) == 0 &&
      (order == H5T_ORDER_LE || order == H5T_ORDER_BE || e->size == 1))
    e->number = class == H5T_FLOAT ? float_of(number, e->size) : integer_of(e->size, is_signed);
  e->swap = e->size > 1 && order != native;
  if (boolean)
    snprintf(d->info.type, sizeof d->info.type, "bool");
  else
    snprintf(d->info.type, sizeof d->info.type, "%s%s%zu%s", is_signed ? "" : "u",
             class == H5T_FLOAT ? "float" : "int", bits,
             e->size > 1 && order == H5T_ORDER_BE ? " (big-endian)" : "");
done:
  if (number >= 0) H5Tclose(number);
  return status;
}

/* ---- decoding ------------------------------------------------------------------------------------------ */

static void swap_bytes(unsigned char *raw, size_t n, size_t size) {
  if (size == 2) {
    uint16_t *v = (uint16_t *)raw;
    for (size_t i = 0; i < n; i++) v[i] = __builtin_bswap16(v[i]);
  } else if (size == 4) {
    uint32_t *v = (uint32_t *)raw;
    for (size_t i = 0; i < n; i++) v[i] = __builtin_bswap32(v[i]);
  } else {
    uint64_t *v = (uint64_t *)raw;
    for (size_t i = 0; i < n; i++) v[i] = __builtin_bswap64(v[i]);
  }
}

/* IEEE half precision; written with integers and one exact product, so that no flag of the processor changes
 * it. */
static float half_to_float(uint16_t h) {
  uint32_t sign = (uint32_t)(h & 0x8000u) << 16, exponent = h >> 10 & 31u, mantissa = h & 1023u, bits;
  float x;
  if (exponent == 0) {
    x = (float)mantissa * 0x1p-24f;
    memcpy(&bits, &x, sizeof bits);
  } else {
    bits = (exponent == 31 ? 255u : exponent + 112u) << 23 | mantissa << 13;
  }
  bits |= sign;
  memcpy(&x, &bits, sizeof x);
  return x;
}

#define DECODE_AS(ctype)                                                                                     \
  do {                                                                                                       \
    const ctype *v = (const ctype *)(const void *)raw;                                                       \
    for (size_t i = 0; i < n; i++) x[i] = (float)v[i];                                                       \
  } while (0)

static dsm_status decode_other(const dsm__element *e, unsigned char *raw, size_t n, float *x) {
  dsm_hdf5_lock();
  herr_t failed = H5Tconvert(e->type, H5T_NATIVE_FLOAT, n, raw, NULL, H5P_DEFAULT);
  char why[256];
  if (failed < 0) dsm_hdf5_message(why, sizeof why);
  dsm_hdf5_unlock();
  if (failed < 0) DSM_FAIL(DSM_BAD_DATA, "HDF5 cannot convert this element type to float32: %s", why);
  memcpy(x, raw, n * sizeof *x);
  return DSM_OK;
}

bool dsm__element_decodes_from_const(const dsm__element *e) {
  return !e->swap && e->number != DSM__OTHER;
}

dsm_status dsm__element_decode(const dsm__element *e, unsigned char *raw, size_t n, float *x) {
  if (e->number == DSM__OTHER) return decode_other(e, raw, n, x);
  if (e->swap) swap_bytes(raw, n, e->size);
  switch (e->number) {
  case DSM__U8:
    DECODE_AS(uint8_t);
    break;
  case DSM__I8:
    DECODE_AS(int8_t);
    break;
  case DSM__U16:
    DECODE_AS(uint16_t);
    break;
  case DSM__I16:
    DECODE_AS(int16_t);
    break;
  case DSM__U32:
    DECODE_AS(uint32_t);
    break;
  case DSM__I32:
    DECODE_AS(int32_t);
    break;
  case DSM__U64:
    DECODE_AS(uint64_t);
    break;
  case DSM__I64:
    DECODE_AS(int64_t);
    break;
  case DSM__F16:
    for (size_t i = 0; i < n; i++) x[i] = half_to_float(((const uint16_t *)(const void *)raw)[i]);
    break;
  case DSM__F32:
    memcpy(x, raw, n * sizeof *x);
    break;
  case DSM__F64:
    DECODE_AS(double);
    break;
  case DSM__OTHER:
    break;
  }
  return DSM_OK;
}
