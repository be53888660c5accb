/* Lists of ranks as people write them. */
#include <stdio.h>
#include "dsmpi/dist.h"

const char *dsm_ranks_text(const int *rank, size_t n, char *text, size_t size) {
  size_t used = (size_t)snprintf(text, size, "rank%s", n == 1 ? "" : "s");
  for (size_t i = 0; i < n;) {
    size_t last = i;
    while (last + 1 < n && rank[last + 1] == rank[last] + 1) last++;
    if (used + 40 > size) {
      snprintf(text + used, size - used, ", ...");
      break;
    }
    used += (size_t)snprintf(text + used, size - used, "%s %d", i ? "," : "", rank[i]);
    if (last > i)
      used += (size_t)snprintf(text + used, size - used, last > i + 1 ? "-%d" : ", %d", rank[last]);
    i = last + 1;
  }
  return text;
}
