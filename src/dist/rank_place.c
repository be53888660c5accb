/* Where a rank may run: its host and the cores of its affinity mask. */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "dsmpi/text.h"
#include "internal.h"

/* The mask of this process; the kernel refuses room shorter than its own masks, so it grows until it fits. */
static size_t read_mask(uint64_t *mask, size_t words) {
  size_t count = 0;
  memset(mask, 0, words * sizeof *mask);
  for (int cores = 1024; cores <= 1 << 20; cores *= 2) {
    cpu_set_t *set = CPU_ALLOC((size_t)cores);
    if (!set) break;
    const size_t bytes = CPU_ALLOC_SIZE((size_t)cores);
    const int failed = sched_getaffinity(0, bytes, set), error = errno;
    for (size_t c = 0; !failed && c < (size_t)cores; c++) {
      if (!CPU_ISSET_S(c, bytes, set)) continue;
      count++;
      if (c < 64 * words) mask[c / 64] |= UINT64_C(1) << c % 64;
    }
    CPU_FREE(set);
    if (!failed || error != EINVAL) break;
  }
  return count;
}

void dsm_rank_place_find(const dsm_comm *comm, dsm_rank_place *place) {
  const long online = sysconf(_SC_NPROCESSORS_ONLN);
  memset(place, 0, sizeof *place);
  if (comm)
    snprintf(place->host, sizeof place->host, "%.*s", (int)sizeof place->host - 1, comm->host);
  else if (gethostname(place->host, sizeof place->host - 1) != 0)
    snprintf(place->host, sizeof place->host, "host");
  place->allowed = (int)read_mask(place->mask, DSM_PLACE_WORDS);
  place->online = online > 0 ? (int)online : 1;
}

const char *dsm_cores_text(const uint64_t *mask, char *text, size_t size) {
  const int end = 64 * DSM_PLACE_WORDS;
  text[0] = '\0';
  for (int c = 0; c < end; c++) {
    if (!(mask[c / 64] >> c % 64 & 1)) continue;
    int last = c;
    while (last + 1 < end && mask[(last + 1) / 64] >> (last + 1) % 64 & 1) last++;
    if (strlen(text) + 32 > size) {
      dsm_append(text, size, ",...");
      break;
    }
    dsm_append(text, size, "%s%d", text[0] ? "," : "", c);
    if (last > c) dsm_append(text, size, "-%d", last);
    c = last;
  }
  return text;
}
