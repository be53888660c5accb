/* distance FILE:/DATASET ROWS FILE:/DATASET ROWS: prints the largest difference between rows of two
 * datasets, one by one, in units of the largest value of the first. ROWS is A:B, rows A to B-1, or a list,
 * 3,7,10. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "dsmpi/data.h"
#include "dsmpi/memory.h"

enum { ROWS_MAX = 10000 };

typedef struct selection {
  dsm_dataset *set;
  size_t count;
  uint64_t row[ROWS_MAX];
} selection;

static dsm_status choose(char *place, const char *rows, selection *s) {
  char *colon = strrchr(place, ':'), *end;
  if (!colon) DSM_FAIL(DSM_USAGE, "%s: a dataset is missing", place);
  *colon = '\0';
  DSM_TRY(dsm_dataset_open(place, colon + 1, "", "", &s->set));
  s->row[s->count++] = strtoull(rows, &end, 10);
  if (*end == ':')
    for (uint64_t last = strtoull(end + 1, NULL, 10); s->row[s->count - 1] + 1 < last; s->count++)
      s->row[s->count] = s->row[s->count - 1] + 1;
  else
    while (*end == ',') s->row[s->count++] = strtoull(end + 1, &end, 10);
  return DSM_OK;
}

static dsm_status compare(char **words, selection *a, selection *b) {
  float *x, *y;
  double worst = 0, largest = 0;
  DSM_TRY(choose(words[1], words[2], a));
  DSM_TRY(choose(words[3], words[4], b));
  const dsm_shape shape = dsm_dataset_info_of(a->set)->sample;
  const size_t d = dsm_shape_count(shape);
  if (!dsm_shape_equal(shape, dsm_dataset_info_of(b->set)->sample) || a->count != b->count)
    DSM_FAIL(DSM_BAD_DATA, "%zu samples and %zu, or of different shapes", a->count, b->count);
  DSM_TRY(DSM_ALLOC(a->count * d, &x));
  DSM_TRY(DSM_ALLOC(a->count * d, &y));
  DSM_TRY(dsm_dataset_read(a->set, a->row, a->count, x));
  DSM_TRY(dsm_dataset_read(b->set, b->row, b->count, y));
  for (size_t j = 0; j < a->count * d; j++) {
    const double off = fabs((double)x[j] - (double)y[j]);
    if (!(off <= worst)) worst = off; /* NAN too */
    largest = fmax(largest, fabs((double)x[j]));
  }
  printf("%.3g\n", largest > 0 ? worst / largest : worst);
  free(x);
  free(y);
  return DSM_OK;
}

int main(int argc, char **argv) {
  static selection a, b;
  const dsm_status status = argc == 5 ? compare(argv, &a, &b) : DSM_USAGE;
  if (status != DSM_OK)
    fprintf(stderr, "distance: %s\n", argc == 5 ? dsm_trail_message() : "four words are expected");
  dsm_dataset_close(&a.set);
  dsm_dataset_close(&b.set);
  return status != DSM_OK;
}
