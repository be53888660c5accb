/* Which factors of the number of ranks make the quickest schedule: see schedule.h. */
#include <string.h>
#include "dsmpi/dist.h"
#include "schedule.h"
#include "tree.h"

/* Floats that cost as much as one more message: 16 KiB, about 2 us at 8 GB/s and 0.1 ms at 1 Gbit/s. */
enum { MESSAGE = 4096 };

static size_t primes_of(int size, int *factor) {
  size_t n = 0;
  for (int p = 2; size > 1; p++) {
    if ((long long)p * p > size) p = size; /* what is left is prime */
    for (; size % p == 0; size /= p) factor[n++] = p;
  }
  return n;
}

/* Pieces of the largest forest when runs of `stride` ranks hold their leaves together. */
static size_t largest_forest(size_t leaves, int size, int stride) {
  size_t most = 0;
  for (int rank = 0; rank < size; rank += stride) {
    size_t first, last, count;
    dsm_leaf_range(leaves, rank, size, &first, &count);
    dsm_leaf_range(leaves, rank + stride - 1, size, &last, &count);
    size_t pieces = dsm__tree_forest(leaves, first, last + count - first, NULL);
    if (pieces > most) most = pieces;
  }
  return most;
}

/* What the slowest rank sends, in floats. */
static double cost(size_t leaves, int size, size_t floats, const int *factor, size_t factors) {
  double sum = 0, slice = (double)floats;
  for (size_t i = 0, stride = 1; i < factors; stride *= (size_t)factor[i++]) {
    slice /= factor[i];
    /* pieces on the way in, the root on the way out */
    double messages = (factor[i] - 1) * (1 + (double)largest_forest(leaves, size, (int)stride));
    sum += messages * (slice + MESSAGE);
  }
  return sum;
}

size_t dsm__schedule_shape(size_t leaves, int size, size_t floats, int *factor) {
  size_t n = primes_of(size, factor), twos = 0;
  while (twos < n && factor[twos] == 2) twos++;
  /* Others have the same beginning and end with one large group: of what is odd, or of all. */
  const size_t begin[] = {twos, 0};
  for (size_t i = 0; i < 2; i++) {
    int other[DSM_FACTORS_MAX], rest = size;
    for (size_t k = 0; k < begin[i]; k++) rest /= other[k] = 2;
    if (rest == 1) continue;
    other[begin[i]] = rest;
    if (cost(leaves, size, floats, other, begin[i] + 1) < cost(leaves, size, floats, factor, n)) {
      n = begin[i] + 1;
      memcpy(factor, other, n * sizeof *factor);
    }
  }
  return n;
}
