/* Whether all ranks of a job mean the same: program, command line, configuration. A job put together from different ones
 * would hang, or compute something that nobody asked for. */
#include "same.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "dsmpi/memory.h"
#include "dsmpi/text.h"
#include "internal.h"

enum { KINDS_SHOWN = 4, RANKS_SHOWN = 4096 };

uint64_t dsm__same_digest(const char *text) {
  uint64_t digest = UINT64_C(0xcbf29ce484222325);
  for (const char *c = text; *c; c++) digest = (digest ^ (unsigned char)*c) * UINT64_C(0x100000001b3);
  return digest;
}

/* First rank from `from` on whose digest no rank before it has; `size`: there is none. */
static int next_kind(const dsm__same_word *word, int from, int size) {
  for (int r = from; r < size; r++) {
    int before = 0;
    while (before < r && word[before].digest != word[r].digest) before++;
    if (before == r) return r;
  }
  return size;
}

/* Appends "'dsmpi 0.1.0, build 3fa9' on ranks 0-3 (node1 and others)" */
static void describe(const dsm__same_word *word, int first, int size, char *text, size_t room) {
  static int member[RANKS_SHOWN];
  size_t members = 0;
  bool others = false;
  char ranks[128];
  for (int r = first; r < size && members < RANKS_SHOWN; r++) {
    if (word[r].digest != word[first].digest) continue;
    member[members++] = r;
    others |= strcmp(word[r].host, word[first].host) != 0;
  }
  const bool shown = word[first].shown[0] != '\0';
  dsm_append(text, room, "%s%s%son %s (%s%s)", shown ? "'" : "", word[first].shown, shown ? "' " : "",
             dsm_ranks_text(member, members, ranks, sizeof ranks), word[first].host,
             others ? " and others" : "");
}

bool dsm__same_judge(const dsm__same_word *word, int size, char *text, size_t room) {
  int kinds = 0;
  text[0] = '\0';
  if (next_kind(word, 1, size) == size) return true;
  for (int r = 0; r < size; r = next_kind(word, r + 1, size)) {
    if (kinds++ == KINDS_SHOWN) {
      dsm_append(text, room, "; and more");
      break;
    }
    if (kinds > 1) dsm_append(text, room, "; ");
    describe(word, r, size, text, room);
  }
  return false;
}

dsm_status dsm_comm_same(dsm_comm *comm, dsm_status otherwise, const char *what, const char *shown,
                         const char *text, const char *advice) {
  dsm_status status = DSM_OK;
  dsm__same_word mine = {.digest = dsm__same_digest(text)}, *all = NULL;
  char who[2048];
  if (comm->size == 1) return DSM_OK;
  snprintf(mine.host, sizeof mine.host, "%.*s", (int)sizeof mine.host - 1, comm->host);
  snprintf(mine.shown, sizeof mine.shown, "%.*s", (int)sizeof mine.shown - 1, shown);
  DSM_TRY_DONE(dsm_agree(comm, DSM_ALLOC((size_t)comm->size, &all)));
  DSM_TRY_DONE(dsm_comm_allgather(comm, &mine, sizeof mine, all));
  if (!dsm__same_judge(all, comm->size, who, sizeof who))
    DSM_FAIL_DONE(otherwise, "ranks of one job have different %s: %s; %s", what, who, advice);
done:
  free(all);
  return status;
}
