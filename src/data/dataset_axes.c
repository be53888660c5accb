/* Which axis is which: from the configuration, from the labels that HDF5's dimension scales interface (H5DS,
 * also h5py's dims[i].label) keeps in the attribute DIMENSION_LABELS, or from the rank. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "dataset_private.h"

/* ---- one letter an axis -------------------------------------------------------------------------------- */

/* Why `letters` cannot name the axes of an array of `rank` axes; NULL when it can. */
static const char *axes_fault(const char *letters, int rank) {
  int spatial = 0;
  if ((int)strlen(letters) != rank) return "one letter an axis is needed";
  for (const char *c = letters; *c; c++) {
    if (!isupper((unsigned char)*c)) return "axes are named by letters";
    if (strchr(c + 1, *c)) return "each letter may stand once";
    if (*c != 'N' && *c != 'C') spatial++;
  }
  if (!strchr(letters, 'N')) return "the axis of the samples, N, is not among them";
  if (spatial > 3) return "a sample has at most 3 axes beside C";
  return NULL;
}

static dsm_status axes_from_config(dsm_dataset *d, const char *axes) {
  char letters[DSM_MAX_RANK + 1] = "";
  int n = 0;
  for (const char *c = axes; *c; c++) {
    if (isspace((unsigned char)*c) || *c == ',') continue;
    if (!isalpha((unsigned char)*c))
      DSM_FAIL(DSM_BAD_CONFIG, "data.axes is '%s': axes are named by letters, as in \"N C H W\"", axes);
    if (n < DSM_MAX_RANK) letters[n] = (char)toupper((unsigned char)*c);
    n++;
  }
  if (n != d->rank)
    DSM_FAIL(DSM_BAD_DATA, "data.axes is '%s', %d axes, but '%s' in '%s' has %d (%s)", axes, n, d->name,
             d->path, d->rank, d->info.file_shape);
  const char *fault = axes_fault(letters, d->rank);
  if (fault)
    DSM_FAIL(DSM_BAD_CONFIG, "data.axes is '%s': %s, as in \"N C H W\" (N samples, C channels)", axes, fault);
  memcpy(d->letters, letters, sizeof letters);
  d->info.axes_from = "config";
  return DSM_OK;
}

/* ---- labels -------------------------------------------------------------------------------------------- */

static char letter_of_label(const char *label) {
  static const struct {
    const char *word;
    char letter;
  } words[] = {{"sample", 'N'},   {"samples", 'N'},   {"batch", 'N'},  {"event", 'N'}, {"channel", 'C'},
               {"channels", 'C'}, {"field", 'C'},     {"height", 'H'}, {"width", 'W'}, {"depth", 'D'},
               {"latitude", 'Y'}, {"longitude", 'X'}, {"lat", 'Y'},    {"lon", 'X'},   {"time", 'T'},
               {"feature", 'C'},  {"features", 'C'},  {"index", 'N'}};
  if (label && isalpha((unsigned char)label[0]) && label[1] == '\0')
    return (char)toupper((unsigned char)label[0]);
  for (size_t i = 0; label && i < sizeof words / sizeof words[0]; i++)
    if (strcasecmp(label, words[i].word) == 0) return words[i].letter;
  return '?';
}

/* Copies the labels of the file into letters; false when there are none that name the axes. */
static bool axes_from_labels(dsm_dataset *d) {
  char letters[DSM_MAX_RANK + 1] = "";
  bool ok = false;
  if (H5Aexists(d->dataset, "DIMENSION_LABELS") <= 0) return false;
  hid_t attribute = H5Aopen(d->dataset, "DIMENSION_LABELS", H5P_DEFAULT);
  hid_t type = attribute < 0 ? -1 : H5Aget_type(attribute);
  hid_t space = attribute < 0 ? -1 : H5Aget_space(attribute);
  size_t size = type < 0 ? 0 : H5Tget_size(type);
  if (type >= 0 && space >= 0 && H5Tget_class(type) == H5T_STRING &&
      H5Sget_simple_extent_npoints(space) == d->rank && size > 0 && size < 4096) {
    char *block = calloc((size_t)d->rank + 1, size);
    if (block && H5Aread(attribute, type, block) >= 0) {
      bool variable = H5Tis_variable_str(type) > 0;
      for (int a = 0; a < d->rank; a++) {
        char fixed[32] = "", *pointer = NULL;
        if (variable)
          memcpy(&pointer, block + (size_t)a * size, sizeof pointer);
        else {
          size_t n = size < sizeof fixed ? size : sizeof fixed - 1;
          memcpy(fixed, block + (size_t)a * size, n);
          for (n = strlen(fixed); n > 0 && fixed[n - 1] == ' ';) fixed[--n] = '\0'; /* Fortran pads */
        }
        letters[a] = letter_of_label(variable ? pointer : fixed);
      }
      ok = axes_fault(letters, d->rank) == NULL;
      if (variable) H5Dvlen_reclaim(type, space, H5P_DEFAULT, block);
    }
    free(block);
  }
  if (space >= 0) H5Sclose(space);
  if (type >= 0) H5Tclose(type);
  if (attribute >= 0) H5Aclose(attribute);
  if (ok) {
    memcpy(d->letters, letters, sizeof letters);
    d->info.axes_from = "labels in the file";
  }
  return ok;
}

/* ---- a guess ------------------------------------------------------------------------------------------- */

static bool like_channels(uint64_t n) {
  return n == 1 || n == 3 || n == 4;
}

static void axes_from_rank(dsm_dataset *d) {
  static const char *const first[] = {"N", "NC", "NHW", "NCHW", "NCZYX"}, *const last[] = {"NHWC", "NZYXC"};
  bool channels_last = d->rank >= 4 && like_channels(d->dims[d->rank - 1]) && !like_channels(d->dims[1]);
  snprintf(d->letters, sizeof d->letters, "%s", channels_last ? last[d->rank - 4] : first[d->rank - 1]);
  d->info.axes_from = "rank";
}

dsm_status dsm__axes_open(dsm_dataset *d, const char *axes) {
  if (axes && axes[strspn(axes, " ")])
    DSM_TRY(axes_from_config(d, axes));
  else if (!axes_from_labels(d))
    axes_from_rank(d);
  const char *c = strchr(d->letters, 'C');
  d->n_axis = (int)(strchr(d->letters, 'N') - d->letters);
  d->c_axis = c ? (int)(c - d->letters) : -1;
  for (int a = 0; a < d->rank; a++) {
    d->info.axes[2 * a] = d->letters[a];
    d->info.axes[2 * a + 1] = a + 1 < d->rank ? ' ' : '\0';
  }
  return DSM_OK;
}

void dsm__axes_geometry(dsm_dataset *d) {
  dsm_shape *s = &d->info.sample;
  d->before = d->after = d->outer = d->inner = 1;
  d->channels = d->c_axis < 0 ? 1 : d->dims[d->c_axis];
  s->rank = 0;
  for (int a = 0; a < DSM_MAX_RANK; a++) s->n[a] = 1;
  for (int a = 0; a < d->rank; a++) {
    if (a == d->n_axis) continue;
    *(a < d->n_axis ? &d->before : &d->after) *= d->dims[a];
    if (a == d->c_axis) continue;
    *(a < d->c_axis || d->c_axis < 0 ? &d->outer : &d->inner) *= d->dims[a];
    s->n[s->rank++] = d->dims[a];
  }
  s->n[s->rank++] = d->channels;
  d->row_elements = d->before * d->after;
  d->row_bytes = d->row_elements * d->element.size;
}
