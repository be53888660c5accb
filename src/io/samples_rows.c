/* The datasets of a samples file that have a row for each sample: what they are, in words too, and the
 * order of their axes. */
#include <stdlib.h>
#include <string.h>
#include "dsmpi/text.h"
#include "samples_file.h"

static const struct {
  const char *word;
  size_t bytes;
} types[] = {[DSM_FIELD_FLOAT32] = {"float32", 4},
             [DSM_FIELD_FLOAT64] = {"float64", 8},
             [DSM_FIELD_INT32] = {"int32", 4}};
enum { TYPES = sizeof types / sizeof *types };

size_t dsm__rows_bytes(const dsm_samples_rows *rows) {
  return dsm_shape_count(rows->row) * types[rows->type].bytes;
}

hid_t dsm__rows_type(const dsm_samples_rows *rows) {
  return rows->type == DSM_FIELD_FLOAT64   ? H5T_NATIVE_DOUBLE
         : rows->type == DSM_FIELD_FLOAT32 ? H5T_NATIVE_FLOAT
                                           : H5T_NATIVE_INT32;
}

int dsm__rows_axes(const dsm_samples_rows *rows, uint64_t count, hsize_t n[DSM_MAX_RANK + 1]) {
  const int rank = rows->row.rank, leading = rank - rows->sample_axes;
  n[0] = count;
  for (int i = 0; i < rank; i++) n[i + 1] = rows->row.n[i];
  if (rows->sample_axes > 0) { /* the channels go to the front of their sample */
    n[leading + 1] = rows->row.n[rank - 1];
    for (int i = leading; i < rank - 1; i++) n[i + 2] = rows->row.n[i];
  }
  return rank + 1;
}

/* (n, positions, channels) to (n, channels, positions) */
static void channels_first(size_t n, size_t positions, size_t channels, size_t bytes, const char *from,
                           char *to) {
  for (size_t i = 0; i < n; i++, from += channels * positions * bytes)
    for (size_t c = 0; c < channels; c++)
      for (size_t p = 0; p < positions; p++, to += bytes)
        memcpy(to, from + (p * channels + c) * bytes, bytes);
}

void dsm__rows_order(const dsm_samples_rows *rows, uint64_t n, const void *from, void *to) {
  if (rows->sample_axes == 0) {
    memcpy(to, from, n * dsm__rows_bytes(rows));
    return;
  }
  size_t positions = 1, samples = n;
  for (int i = 0; i < rows->row.rank - 1; i++)
    if (i < rows->row.rank - rows->sample_axes)
      samples *= rows->row.n[i];
    else
      positions *= rows->row.n[i];
  channels_first(samples, positions, rows->row.n[rows->row.rank - 1], types[rows->type].bytes, from, to);
}

dsm_samples_rows dsm__rows_of_samples(dsm_shape sample) {
  return (dsm_samples_rows){
      .name = "samples", .type = DSM_FIELD_FLOAT32, .row = sample, .sample_axes = sample.rank};
}

size_t dsm__rows_of_request(const dsm_samples_info *info, dsm_samples_rows set[DSM_FIELDS_MAX + 1]) {
  size_t sets = 0;
  if (info->sample.rank > 0) set[sets++] = dsm__rows_of_samples(info->sample);
  for (size_t k = 0; k < info->fields; k++, sets++) {
    const dsm_samples_field *field = &info->field[k];
    set[sets] = (dsm_samples_rows){.type = field->type, .row = field->row, .sample_axes = field->sample_axes};
    snprintf(set[sets].name, sizeof set[sets].name, "%s", field->name);
  }
  return sets;
}

/* ---- as text ------------------------------------------------------------------------------------------- */

const char *dsm__fields_text(const dsm_samples_info *info, char text[DSM_FIELDS_TEXT]) {
  text[0] = '\0';
  for (size_t k = 0; k < info->fields; k++) {
    const dsm_samples_field *field = &info->field[k];
    dsm_append(text, DSM_FIELDS_TEXT, "%s%s %s %d", k ? "\n" : "", field->name, types[field->type].word,
               field->sample_axes);
    for (int i = 0; i < field->row.rank; i++) dsm_append(text, DSM_FIELDS_TEXT, " %zu", field->row.n[i]);
    DSM_ASSERT(strlen(text) + 1 < DSM_FIELDS_TEXT); /* 16 lines of at most 64 + 11 + 5 x 21 bytes */
  }
  return text;
}

/* Up to a blank or the end of the line; returns what follows, or NULL if there is no word or it does not
 * fit. */
static const char *read_word(const char *at, char *word, size_t size) {
  const size_t length = strcspn(at, " \n");
  if (length == 0 || length >= size) return NULL;
  memcpy(word, at, length);
  word[length] = '\0';
  return at + length + (at[length] == ' ');
}

static const char *read_line(const char *at, dsm_samples_rows *rows) {
  char type[16], *end;
  size_t n[DSM_MAX_RANK], all = sizeof(double);
  int rank = 0;
  *rows = (dsm_samples_rows){0};
  if (!(at = read_word(at, rows->name, sizeof rows->name)) || !(at = read_word(at, type, sizeof type)))
    return NULL;
  int known = 0;
  while (known < TYPES && strcmp(type, types[known].word) != 0) known++;
  const long axes = strtol(at, &end, 10);
  if (known == TYPES || end == at) return NULL;
  for (at = end; *at == ' '; at = end) {
    const unsigned long long size = strtoull(at, &end, 10);
    if (rank == DSM_MAX_RANK || end == at || size == 0 || __builtin_mul_overflow(all, size, &all) ||
        all > INT64_MAX / 2)
      return NULL;
    n[rank++] = size;
  }
  if ((*at != '\n' && *at != '\0') || axes < 0 || axes > rank) return NULL;
  rows->type = (dsm_field_type)known;
  rows->sample_axes = (int)axes;
  if (rank > 0) rows->row = dsm__shape_make(rank, n);
  return at + (*at == '\n');
}

bool dsm__fields_parse(const char *text, dsm_samples_rows set[DSM_FIELDS_MAX], size_t *count) {
  *count = 0;
  while (*text) {
    if (*count == DSM_FIELDS_MAX) return false;
    text = read_line(text, &set[*count]);
    if (!text) return false;
    ++*count;
  }
  return *count > 0;
}
