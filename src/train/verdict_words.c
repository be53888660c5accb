/* Ranks and what is wrong with them, in words: a thousand ranks of one broken host are one phrase. */
#include <math.h>
#include <string.h>
#include "board.h"
#include "dsmpi/text.h"

enum { NAMED = 4, GROUPS = 3 }; /* numbers of a group that are written out; groups of a line */

bool dsm__watch_silent(const dsm__watch *w, int rank, double now) {
  const dsm__seen *s = &w->rank[rank];
  return s->ever && now - s->heard > w->silent;
}

/* Told in one phrase. */
static bool alike(const dsm__watch *w, int a, int b, double now) {
  const dsm__seen *x = &w->rank[a], *y = &w->rank[b];
  return strcmp(x->host, y->host) == 0 && x->ever == y->ever &&
         dsm__watch_silent(w, a, now) == dsm__watch_silent(w, b, now) && x->report.place == y->report.place &&
         x->report.count == y->report.count;
}

static void add_names(dsm__words *words, const int *named, int count, const char *host) {
  dsm_append(words->text, words->size, "rank%s", count == 1 ? "" : "s");
  for (int i = 0; i < count && i < NAMED; i++)
    dsm_append(words->text, words->size, "%s%d", i == 0 ? " " : i == count - 1 ? " and " : ", ", named[i]);
  if (count > NAMED) dsm_append(words->text, words->size, " and %d more", count - NAMED);
  dsm_append(words->text, words->size, " (%s)", host);
}

/* ", which has been reading data for 14 s" */
static void add_state(dsm__words *words, const dsm__watch *w, int rank, int count, double now) {
  const dsm__seen *s = &w->rank[rank];
  const char *doing = dsm__place_facts_of(s->report.place)->doing;
  const double age = now - s->heard;
  if (!s->ever) {
    dsm_append(words->text, words->size, ", whose reports do not arrive");
  } else if (dsm__watch_silent(w, rank, now)) {
    dsm_append(words->text, words->size, ", from which nothing has been heard for %.0f s (last: %s %lld, %s)",
               floor(age), w->unit, (long long)s->report.count, doing);
  } else {
    dsm_append(words->text, words->size, ", which ha%s been %s", count == 1 ? "s" : "ve", doing);
    if (!w->together) dsm_append(words->text, words->size, " %s %lld", w->unit, (long long)s->report.count);
    dsm_append(words->text, words->size, " for %.0f s", floor(s->report.in_place + age));
  }
}

void dsm__words_of_ranks(dsm__words *words, const dsm__watch *w, const bool *which, double now,
                         const char *join) {
  int groups = 0, more = 0;
  for (int r = 0; r < w->ranks; r++) {
    int named[NAMED], count = 0;
    bool told = false;
    for (int before = 0; before < r && which[r] && !told; before++)
      told = which[before] && alike(w, before, r, now);
    if (!which[r] || told) continue;
    for (int other = r; other < w->ranks; other++) {
      if (!which[other] || !alike(w, r, other, now)) continue;
      if (count < NAMED) named[count] = other;
      count++;
    }
    if (groups++ >= GROUPS) {
      more += count;
      continue;
    }
    dsm_append(words->text, words->size, "%s", groups > 1 ? join : "");
    add_names(words, named, count, w->rank[r].host);
    add_state(words, w, r, count, now);
  }
  if (more > 0) dsm_append(words->text, words->size, "%s%d other rank%s", join, more, more == 1 ? "" : "s");
}

void dsm__words_of_names(dsm__words *words, const dsm__watch *w, const bool *which, bool verb) {
  int named[NAMED], count = 0, first = -1;
  for (int r = 0; r < w->ranks; r++) {
    if (!which[r]) continue;
    if (first < 0) first = r;
    if (strcmp(w->rank[first].host, w->rank[r].host) != 0) continue;
    if (count < NAMED) named[count] = r;
    count++;
  }
  if (count == 0) return;
  add_names(words, named, count, w->rank[first].host);
  if (verb) dsm_append(words->text, words->size, count == 1 ? " is" : " are");
}
