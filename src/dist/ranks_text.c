/* Lists of ranks as people write them. */
#include <stdio.h>
#include <string.h>
#include "dsmpi/dist.h"
#include "dsmpi/text.h"

const char *dsm_ranks_text(const int *rank, size_t n, char *text, size_t size) {
  snprintf(text, size, "rank%s", n == 1 ? "" : "s");
  for (size_t i = 0; i < n;) {
    size_t last = i;
    while (last + 1 < n && rank[last + 1] == rank[last] + 1) last++;
    if (strlen(text) + 40 > size) {
      dsm_append(text, size, ", ...");
      break;
    }
    dsm_append(text, size, "%s %d", i ? "," : "", rank[i]);
    if (last > i) dsm_append(text, size, last > i + 1 ? "-%d" : ", %d", rank[last]);
    i = last + 1;
  }
  return text;
}
