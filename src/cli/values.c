/* Numbers from the words behind options. */
#include "cli.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dsmpi/memory.h"
#include "dsmpi/text.h"

/* "make: option -n" or "make: option --seed", to begin a message. */
static const char *subject(const dsm_arguments *arguments, size_t option, char text[96]) {
  const dsm_option *o = &arguments->command->options[option];
  if (o->letter) {
    snprintf(text, 96, "%s: option -%c", arguments->command->name, o->letter);
  } else {
    snprintf(text, 96, "%s: option --%s", arguments->command->name, o->name);
  }
  return text;
}

dsm_status dsm__option_count(const dsm_arguments *arguments, size_t option, uint64_t min, uint64_t max,
                             uint64_t *value) {
  const char *text = arguments->value[option];
  char who[96], *end = NULL;
  if (!text) return DSM_OK;
  errno = 0;
  unsigned long long number = isdigit((unsigned char)text[0]) ? strtoull(text, &end, 10) : 0;
  if (!end || *end != '\0' || errno == ERANGE || number < min || number > max) {
    DSM_FAIL(DSM_USAGE, "%s: '%s' is not a whole number from %llu to %llu", subject(arguments, option, who),
             text, (unsigned long long)min, (unsigned long long)max);
  }
  *value = number;
  return DSM_OK;
}

/* A finite decimal number at the start of `text`; `*end` is behind it, or NULL when there is none. */
static double decimal(const char *text, char **end) {
  double number = strtod(text, end);
  if (*end == text || !isfinite(number) || isspace((unsigned char)text[0])) *end = NULL;
  return number;
}

dsm_status dsm__option_real(const dsm_arguments *arguments, size_t option, double min, double max,
                            double *value) {
  const char *text = arguments->value[option];
  char who[96], *end;
  if (!text) return DSM_OK;
  double number = decimal(text, &end);
  if (!end || *end != '\0')
    DSM_FAIL(DSM_USAGE, "%s: '%s' is not a number", subject(arguments, option, who), text);
  if (!(number >= min && number <= max))
    DSM_FAIL(DSM_USAGE, "%s: %s is outside %g ... %g", subject(arguments, option, who), text, min, max);
  *value = number;
  return DSM_OK;
}

dsm_status dsm__option_word(const dsm_arguments *arguments, size_t option, const char *const *words,
                            int *place) {
  const char *text = arguments->value[option];
  char who[96], known[128] = "";
  if (!text) return DSM_OK;
  for (int k = 0; words[k]; k++) {
    if (strcmp(text, words[k]) == 0) {
      *place = k;
      return DSM_OK;
    }
    dsm_append(known, sizeof known, "%s%s", k ? ", " : "", words[k]);
  }
  DSM_FAIL(DSM_USAGE, "%s: '%s' is none of %s", subject(arguments, option, who), text, known);
}

dsm_status dsm__option_matrix(const dsm_arguments *arguments, size_t option, double **value, size_t *rows,
                              size_t *columns) {
  const char *text = arguments->value[option];
  char who[96], *end;
  *value = NULL;
  *rows = *columns = 0;
  if (!text) return DSM_OK;

  size_t room = 1;
  for (const char *p = text; *p; p++) room += *p == ',' || *p == ';';
  double *number;
  DSM_TRY(DSM_ALLOC(room, &number));
  size_t count = 0, in_row = 0;
  dsm_status status = DSM_OK;
  for (const char *p = text;;) {
    while (*p == ' ') p++;
    number[count] = decimal(p, &end);
    if (!end) {
      DSM_FAIL_DONE(DSM_USAGE,
                    "%s: a number was expected at '%s' of '%s' (numbers separated by ',', rows by ';')",
                    subject(arguments, option, who), p, text);
    }
    count++;
    in_row++;
    while (*end == ' ') end++;
    if (*end == ';' || *end == '\0') {
      if (*columns > 0 && in_row != *columns) {
        DSM_FAIL_DONE(DSM_USAGE, "%s: rows of '%s' have %zu and %zu numbers", subject(arguments, option, who),
                      text, *columns, in_row);
      }
      *columns = in_row;
      in_row = 0;
      ++*rows;
      if (*end == '\0') break;
    } else if (*end != ',') {
      DSM_FAIL_DONE(DSM_USAGE, "%s: ',' or ';' was expected at '%s' of '%s'", subject(arguments, option, who),
                    end, text);
    }
    p = end + 1;
  }
  *value = number;
  return DSM_OK;
done:
  free(number);
  *rows = *columns = 0;
  return status;
}
