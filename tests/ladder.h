/* Claims of the oracle ladder (run_ladder.sh): a figure measured here and now, what it is held to, and the assertion that it
 * holds. Where the environment variable DSMPI_LADDER names a file, each claim adds a line to it,
 *   level \t claim \t figure \t bound \t ok|FAILED
 * so that the table and the suite say the same. A claim that fails ends its test, like any other assertion. To be included
 * after cmocka. */
#ifndef DSMPI_TESTS_LADDER_H
#define DSMPI_TESTS_LADDER_H

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* claim_below(level, figure, bound, "what, in printf's words", ...): figure <= bound, not for NaN.
 * claim_above: figure >= bound.  claim_near(level, figure, expected, tolerance, ...): within the tolerance of it. */
#define claim_below(level, figure, bound, ...)                                                               \
  claim_that(__FILE__, __LINE__, level, figure, -INFINITY, bound, __VA_ARGS__)
#define claim_above(level, figure, bound, ...)                                                               \
  claim_that(__FILE__, __LINE__, level, figure, bound, INFINITY, __VA_ARGS__)
#define claim_near(level, figure, expected, tolerance, ...)                                                  \
  claim_that(__FILE__, __LINE__, level, figure, (expected) - (tolerance), (expected) + (tolerance),          \
             __VA_ARGS__)

/* The larger of two figures, for the worst of many: NaN if either is, which fmax would forget. */
static inline double worst_of(double a, double b) {
  return isnan(a) || a > b ? a : b;
}

static inline void claim_add_line(const char *text) {
  const char *path = getenv("DSMPI_LADDER");
  if (!path || !*path) return;
  FILE *file = fopen(path, "a");
  const bool written = file && fputs(text, file) >= 0;
  if (!file || fclose(file) != 0 || !written) fail_msg("%s, which DSMPI_LADDER names, takes no line", path);
}

__attribute__((format(printf, 7, 8))) static inline void claim_that(const char *file, int line, int level,
                                                                    double figure, double low, double high,
                                                                    const char *what, ...) {
  enum { WIDTH = 47 }; /* columns that the table has for it */
  char claim[128], bound[64], text[256];
  const bool holds = figure >= low && figure <= high;
  va_list words;
  va_start(words, what);
  vsnprintf(claim, sizeof claim, what, words);
  va_end(words);
  if (strlen(claim) > WIDTH) fail_msg("\"%s\" is longer than %d letters", claim, WIDTH);
  if (isinf(low))
    snprintf(bound, sizeof bound, "<= %.3g", high);
  else if (isinf(high))
    snprintf(bound, sizeof bound, ">= %.3g", low);
  else
    snprintf(bound, sizeof bound, "%.4g +- %.2g", (low + high) / 2, (high - low) / 2);
  snprintf(text, sizeof text, "%d\t%s\t%.3g\t%s\t%s\n", level, claim, figure, bound, holds ? "ok" : "FAILED");
  print_message("level %s", text);
  claim_add_line(text);
  if (!holds) _fail(file, line);
}

#endif
