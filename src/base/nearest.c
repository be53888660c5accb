/* "Did you mean": the closest known name by edit distance (Levenshtein 1966). */
#include "schema.h"

#include <string.h>

enum { LONGEST = 64, FAR_AWAY = 1000 };

/* Insertions, deletions and replacements of letters that turn a into b. */
static int edit_distance(const char *a, const char *b) {
  size_t n = strlen(a), m = strlen(b);
  if (n > LONGEST || m > LONGEST) return FAR_AWAY;
  int row[LONGEST + 1]; /* distances of the first i letters of a to all beginnings of b */
  for (size_t j = 0; j <= m; j++) row[j] = (int)j;
  for (size_t i = 1; i <= n; i++) {
    int diagonal = row[0];
    row[0] = (int)i;
    for (size_t j = 1; j <= m; j++) {
      int best = diagonal + (a[i - 1] != b[j - 1]);
      if (row[j] + 1 < best) best = row[j] + 1;
      if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
      diagonal = row[j];
      row[j] = best;
    }
  }
  return row[m];
}

/* Beyond this, a suggestion is a guess: one letter of a short name, a third of a long one. */
static int close_enough(const char *text) {
  size_t length = strlen(text);
  return length < 6 ? (length > 1) + (length > 3) : (int)(length / 3);
}

const char *dsm_nearest_word(const char *text, const char *const *words) {
  const char *nearest = NULL;
  int best = close_enough(text) + 1;
  for (; *words; words++) {
    int distance = edit_distance(text, *words);
    if (distance < best) {
      best = distance;
      nearest = *words;
    }
  }
  return nearest;
}

static bool is_one_of(const char *text, const char *names) {
  size_t length = strlen(text);
  for (const char *p = names; p && length > 0 && (p = strstr(p, text)); p += length)
    if ((p == names || p[-1] == ' ') && (p[length] == '\0' || p[length] == ' ')) return true;
  return false;
}

const dsm__setting *dsm__nearest_key(const char *section, const char *leaf) {
  const dsm__setting *nearest = NULL;
  int best = 2 * close_enough(leaf) + 2;
  for (size_t i = 0; i < dsm__schema_count; i++) {
    const dsm__setting *s = &dsm__schema[i];
    int distance = is_one_of(leaf, s->also) ? 0 : 2 * edit_distance(leaf, dsm__leaf(s));
    /* the right name in another section beats a likeness in this one, but not the same name */
    distance += section && !dsm__in_section(s, section);
    if (distance < best) {
      best = distance;
      nearest = s;
    }
  }
  return nearest;
}
