/* The parameter table. Entries live one by one in an arena, so that pointers to them stay good while the list
 * of pointers grows. */
#include "dsmpi/parameters.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dsmpi/memory.h"
#include "dsmpi/random.h"

enum { ARENA_BLOCK = 16 * 1024 };

struct dsm_parameters {
  dsm_arena *arena; /* entries and their names */
  dsm_parameter **entry;
  size_t entries, capacity;
  size_t count; /* elements of the flat array */
};

dsm_status dsm_parameters_create(dsm_parameters **table) {
  DSM_TRY(DSM_ALLOC(1, table));
  dsm_status status = dsm_arena_create(ARENA_BLOCK, &(*table)->arena);
  if (status != DSM_OK) dsm_parameters_destroy(table);
  DSM_TRY(status);
  return DSM_OK;
}

void dsm_parameters_destroy(dsm_parameters **table) {
  if (!table || !*table) return;
  dsm_arena_destroy(&(*table)->arena);
  free((*table)->entry);
  free(*table);
  *table = NULL;
}

/* Names become names of datasets in checkpoints, where "/" would open a group and "." is the group itself. */
static bool name_is_good(const char *name) {
  return name[0] != '\0' && strcmp(name, ".") != 0 && strchr(name, '/') == NULL;
}

/* Elements of a shape, or false for a rank out of range, an empty axis, or more than memory can address. */
static bool count_elements(dsm_shape shape, size_t *count) {
  size_t bytes = sizeof(double);
  if (shape.rank < 1 || shape.rank > DSM_MAX_RANK) return false;
  for (int i = 0; i < shape.rank; i++) {
    if (shape.n[i] == 0 || __builtin_mul_overflow(bytes, shape.n[i], &bytes)) return false;
  }
  *count = bytes / sizeof(double);
  return true;
}

static dsm_status reserve_entry(dsm_parameters *table) {
  if (table->entries < table->capacity) return DSM_OK;
  size_t capacity = table->capacity ? 2 * table->capacity : 64;
  dsm_parameter **entry;
  DSM_TRY(DSM_ALLOC(capacity, &entry));
  if (table->entries) memcpy(entry, table->entry, table->entries * sizeof *entry);
  free(table->entry);
  table->entry = entry;
  table->capacity = capacity;
  return DSM_OK;
}

dsm_status dsm_parameters_add(dsm_parameters *table, const char *name, dsm_shape shape, bool decay,
                              dsm_init init, float gain, const dsm_parameter **parameter) {
  size_t count = 0;
  if (!name_is_good(name)) DSM_FAIL(DSM_INTERNAL, "\"%s\" cannot be the name of a parameter", name);
  if (dsm_parameters_find(table, name)) DSM_FAIL(DSM_INTERNAL, "there are two parameters \"%s\"", name);
  if (!count_elements(shape, &count) || count > SIZE_MAX / sizeof(double) - table->count)
    DSM_FAIL(DSM_INTERNAL, "parameter \"%s\" has no usable shape", name);
  DSM_TRY(reserve_entry(table));
  dsm_parameter *p = dsm_arena_alloc(table->arena, sizeof *p);
  char *copy = dsm_arena_print(table->arena, "%s", name);
  if (!p || !copy) DSM_FAIL(DSM_NO_MEMORY, "no memory for the entry of parameter \"%s\"", name);
  *p = (dsm_parameter){
      .name = copy, .shape = shape, .offset = table->count, .decay = decay, .init = init, .gain = gain};
  table->entry[table->entries++] = p;
  table->count += count;
  if (parameter) *parameter = p;
  return DSM_OK;
}

size_t dsm_parameters_entries(const dsm_parameters *table) {
  return table->entries;
}

const dsm_parameter *dsm_parameters_entry(const dsm_parameters *table, size_t i) {
  DSM_ASSERT(i < table->entries);
  return table->entry[i];
}

const dsm_parameter *dsm_parameters_find(const dsm_parameters *table, const char *name) {
  for (size_t i = 0; i < table->entries; i++)
    if (strcmp(table->entry[i]->name, name) == 0) return table->entry[i];
  return NULL;
}

size_t dsm_parameters_count(const dsm_parameters *table) {
  return table->count;
}

/* ---- initial values ------------------------------------------------------------------------------------ */

/* Positions of the kernel of a weight (out, kernel..., in); 1 for a linear layer. */
static size_t kernel_positions(dsm_shape shape) {
  size_t positions = 1;
  for (int i = 1; i + 1 < shape.rank; i++) positions *= shape.n[i];
  return positions;
}

/* Glorot and Bengio 2010, equation 16, times the gain. A vector is taken as a diagonal map: in = out. */
static float fan_avg_bound(const dsm_parameter *p) {
  double fans = (double)p->shape.n[0] + (double)p->shape.n[p->shape.rank - 1];
  return (float)(p->gain * sqrt(6.0 / (fans * (double)kernel_positions(p->shape))));
}

static void init_one(const dsm_parameter *p, uint64_t seed, uint64_t index, float *w) {
  const size_t count = dsm_shape_count(p->shape);
  switch (p->init) {
  case DSM_INIT_ZERO:
  case DSM_INIT_ONE:
    for (size_t i = 0; i < count; i++) w[i] = p->init == DSM_INIT_ONE ? 1.0f : 0.0f;
    break;
  case DSM_INIT_FAN_AVG: {
    const dsm_random_key key = {.seed = seed, .stream = DSM_STREAM_INIT, .step = index, .sample = 0};
    const float bound = fan_avg_bound(p);
    dsm_random_uniform(key, 0, count, w);
    for (size_t i = 0; i < count; i++) w[i] = bound * (2.0f * w[i] - 1.0f); /* the bracket is exact */
    break;
  }
  }
}

void dsm_parameters_init(const dsm_parameters *table, uint64_t seed, float *w) {
  for (size_t i = 0; i < table->entries; i++) init_one(table->entry[i], seed, i, w + table->entry[i]->offset);
}

/* ---- order of axes in files ---------------------------------------------------------------------------- */

dsm_shape dsm_parameter_file_shape(const dsm_parameter *p) {
  dsm_shape file = p->shape;
  for (int i = 2; i < file.rank; i++) file.n[i] = p->shape.n[i - 1];
  if (file.rank > 1) file.n[1] = p->shape.n[file.rank - 1];
  return file;
}

/* to[o][b][a] = from[o][a][b] for floats or doubles */
static void swap_last_two(size_t outer, size_t a_count, size_t b_count, size_t size, const void *from,
                          void *to) {
  DSM_ASSERT(size == sizeof(float) || size == sizeof(double));
  for (size_t o = 0; o < outer; o++) {
    const size_t start = o * a_count * b_count;
    for (size_t b = 0; b < b_count; b++) {
      for (size_t a = 0; a < a_count; a++) {
        const size_t source = start + a * b_count + b, target = start + b * a_count + a;
        if (size == sizeof(float))
          ((float *)to)[target] = ((const float *)from)[source];
        else
          ((double *)to)[target] = ((const double *)from)[source];
      }
    }
  }
}

void dsm_parameter_to_file(const dsm_parameter *p, size_t size, const void *flat, void *file) {
  swap_last_two(p->shape.n[0], kernel_positions(p->shape),
                p->shape.rank > 1 ? p->shape.n[p->shape.rank - 1] : 1, size, flat, file);
}

void dsm_parameter_from_file(const dsm_parameter *p, size_t size, const void *file, void *flat) {
  swap_last_two(p->shape.n[0], p->shape.rank > 1 ? p->shape.n[p->shape.rank - 1] : 1,
                kernel_positions(p->shape), size, file, flat);
}
