/* One value of the configuration: from a YAML scalar, to YAML, and its allowed range. */
#include "schema.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "dsmpi/text.h"

static void *field(const dsm__setting *setting, dsm_config *config) {
  return (char *)config + setting->offset;
}
static const void *const_field(const dsm__setting *setting, const dsm_config *config) {
  return (const char *)config + setting->offset;
}

bool dsm__is_list(dsm__kind kind) {
  return kind == DSM__INT_LIST || kind == DSM__REAL_LIST;
}
size_t dsm__list_room(const dsm__setting *setting) {
  return (setting->size - offsetof(dsm_real_list, value)) / sizeof(double);
}
/* Lists of any room begin alike: their count, then their values, of eight bytes each. */
static size_t list_count(const void *list) {
  return *(const size_t *)list;
}
static const void *list_at(const void *list, size_t index) {
  return (const char *)list + offsetof(dsm_real_list, value) + index * sizeof(double);
}
static void list_set(void *list, size_t index, const void *value) {
  memcpy((char *)list + offsetof(dsm_real_list, value) + index * sizeof(double), value, sizeof(double));
}
_Static_assert(offsetof(dsm_int_list, value) == offsetof(dsm_real_list, value) &&
                   offsetof(dsm_beta_list, value) == offsetof(dsm_real_list, value) &&
                   sizeof(int64_t) == sizeof(double),
               "lists of all kinds have one layout");
static bool is_integer(dsm__kind kind) {
  return kind == DSM__INT || kind == DSM__INT_LIST;
}
static bool is_number(dsm__kind kind) {
  return is_integer(kind) || kind == DSM__REAL || kind == DSM__REAL_LIST;
}

const char *dsm__kind_text(dsm__kind kind) {
  static const char *const texts[] = {
      [DSM__BOOL] = "true or false",
      [DSM__INT] = "an integer",
      [DSM__REAL] = "a number",
      [DSM__WORD] = "a word",
      [DSM__TEXT] = "a text",
      [DSM__INT_LIST] = "a list of integers",
      [DSM__REAL_LIST] = "a list of numbers",
  };
  return texts[kind];
}

const char *dsm__shown(const char *text, char shown[80]) {
  size_t length = 0;
  for (; text[length] && length < 60; length++)
    shown[length] = (unsigned char)text[length] < 0x20 || text[length] == 0x7f ? '?' : text[length];
  if (text[length]) /* cut, but not inside a UTF-8 character */
    while (length > 0 && ((unsigned char)text[length] & 0xc0) == 0x80) length--;
  strcpy(shown + length, text[length] ? "..." : "");
  return shown;
}

static const char *word_of(const dsm__setting *setting, int value) {
  for (int i = 0; setting->words[i]; i++)
    if (i == value) return setting->words[i];
  return "?";
}

/* ---- range --------------------------------------------------------------------------------------------- */

bool dsm__in_range(const dsm__setting *setting, double value) {
  if (setting->flags & DSM__ABOVE ? value <= setting->low : value < setting->low) return false;
  return setting->flags & DSM__BELOW ? value < setting->high : value <= setting->high;
}

const char *dsm__range_text(const dsm__setting *setting, char *text, size_t size) {
  bool low = isfinite(setting->low), high = isfinite(setting->high);
  text[0] = '\0';
  if (!is_number(setting->kind) || !low) return text;
  if (high && !(setting->flags & (DSM__ABOVE | DSM__BELOW))) {
    snprintf(text, size, "%.10g to %.10g", setting->low, setting->high);
    return text;
  }
  snprintf(text, size, setting->flags & DSM__ABOVE ? "above %.10g" : "%.10g or more", setting->low);
  if (high)
    dsm_append(text, size, setting->flags & DSM__BELOW ? ", below %.10g" : ", at most %.10g", setting->high);
  return text;
}

static bool check_range(const dsm__setting *setting, double value, const char *shown, char *why,
                        size_t why_size) {
  char range[80];
  if (dsm__in_range(setting, value)) return true;
  snprintf(why, why_size, "%s is out of range; allowed: %s", shown,
           dsm__range_text(setting, range, sizeof range));
  return false;
}

/* ---- reading ------------------------------------------------------------------------------------------- */

static bool read_real(const char *text, double *value) {
  if (text[0] == '\0' || text[strspn(text, "0123456789+-.eE")] != '\0') return false; /* nor hex, nan, inf */
  char *end;
  *value = strtod(text, &end);
  return *end == '\0' && isfinite(*value);
}

/* Decimal digits only. 010 is 8 for some readers of YAML and 10 for others: refused. */
static bool read_integer(const char *text, int64_t *value) {
  const char *digits = text + (*text == '-' || *text == '+');
  size_t count = strspn(digits, "0123456789");
  if (count == 0 || digits[count] != '\0' || (digits[0] == '0' && count > 1)) return false;
  errno = 0;
  *value = strtoll(text, NULL, 10);
  return errno == 0;
}

static bool read_bool(const char *text, bool *value) {
  static const char *const words[] = {"false", "true", "no", "yes", "off", "on"};
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    if (strcasecmp(text, words[i]) == 0) {
      *value = i % 2;
      return true;
    }
  return false;
}

static void word_list(const char *const *words, char *text, size_t size) {
  text[0] = '\0';
  for (size_t i = 0; words[i]; i++) dsm_append(text, size, "%s%s", i ? ", " : "", words[i]);
}

static bool read_word(const dsm__setting *setting, const char *text, dsm_config *config, char *why,
                      size_t why_size) {
  char shown[80], all[200];
  for (int i = 0; setting->words[i]; i++)
    if (strcmp(setting->words[i], text) == 0) {
      *(int *)field(setting, config) = i;
      return true;
    }
  const char *nearest = dsm_nearest_word(text, setting->words);
  word_list(setting->words, all, sizeof all);
  if (nearest)
    snprintf(why, why_size, "unknown word '%s'; did you mean '%s'? (known: %s)", dsm__shown(text, shown),
             nearest, all);
  else
    snprintf(why, why_size, "unknown word '%s'; known: %s", dsm__shown(text, shown), all);
  return false;
}

static bool read_text(const dsm__setting *setting, const char *text, dsm_config *config, char *why,
                      size_t why_size) {
  size_t length = strlen(text);
  if (length == 0 && setting->flags & DSM__FILLED) {
    snprintf(why, why_size, "must not be empty");
    return false;
  }
  if (length >= setting->size) {
    snprintf(why, why_size, "%zu bytes are too long; at most %zu fit", length, setting->size - 1);
    return false;
  }
  char *to = field(setting, config);
  memset(to, 0, setting->size); /* equal texts are equal bytes */
  memcpy(to, text, length);
  return true;
}

static bool read_number(const dsm__setting *setting, const char *text, size_t index, dsm_config *config,
                        char *why, size_t why_size) {
  char shown[80];
  double real = 0;
  int64_t integer = 0;
  bool whole = is_integer(setting->kind);
  dsm__shown(text, shown);
  if (whole ? !read_integer(text, &integer) : !read_real(text, &real)) {
    const char *element = dsm__kind_text(whole ? DSM__INT : DSM__REAL);
    if (whole && read_real(text, &real) && fabs(real) < 1e15 && real == floor(real))
      snprintf(why, why_size, "expected %s, got '%s'; write %.0f", element, shown, real);
    else
      snprintf(why, why_size, "expected %s, got '%s'", element, shown);
    return false;
  }
  if (!check_range(setting, whole ? (double)integer : real, shown, why, why_size)) return false;
  void *to = field(setting, config);
  if (setting->kind == DSM__INT)
    *(int64_t *)to = integer;
  else if (setting->kind == DSM__REAL)
    *(double *)to = real;
  else if (setting->kind == DSM__INT_LIST)
    list_set(to, index, &integer);
  else
    list_set(to, index, &real);
  return true;
}

bool dsm__scalar_read(const dsm__setting *setting, const char *text, bool quoted, size_t index,
                      dsm_config *config, char *why, size_t why_size) {
  char shown[80];
  if (!quoted && (strcmp(text, "") == 0 || strcmp(text, "~") == 0 || strcasecmp(text, "null") == 0)) {
    snprintf(why, why_size, "has no value; expected %s%s", dsm__kind_text(setting->kind),
             dsm__is_list(setting->kind)  ? " ([] for an empty one)"
             : setting->kind == DSM__TEXT ? " (\"\" for an empty one)"
                                          : "");
    return false;
  }
  if (setting->kind == DSM__WORD) return read_word(setting, text, config, why, why_size);
  if (setting->kind == DSM__TEXT) return read_text(setting, text, config, why, why_size);
  if (quoted) {
    snprintf(why, why_size, "expected %s, got the text \"%s\"; leave out the quotes",
             dsm__kind_text(setting->kind), dsm__shown(text, shown));
    return false;
  }
  if (setting->kind != DSM__BOOL) return read_number(setting, text, index, config, why, why_size);
  if (read_bool(text, field(setting, config))) return true;
  snprintf(why, why_size, "expected true or false, got '%s'", dsm__shown(text, shown));
  return false;
}

void dsm__list_end(const dsm__setting *setting, size_t count, dsm_config *config) {
  static const int64_t zero; /* all bits 0: of a real list too */
  void *list = field(setting, config);
  *(size_t *)list = count;
  for (size_t i = count; i < dsm__list_room(setting); i++) list_set(list, i, &zero);
}

bool dsm__value_allowed(const dsm__setting *setting, const dsm_config *config, char *why, size_t why_size) {
  const void *from = const_field(setting, config);
  const bool list = dsm__is_list(setting->kind);
  const size_t count = list ? list_count(from) : 1;
  char shown[80];
  if (setting->kind == DSM__WORD && strcmp(word_of(setting, *(const int *)from), "?") == 0) {
    snprintf(why, why_size, "has the unknown value %d", *(const int *)from);
    return false;
  }
  if (list && (count > dsm__list_room(setting) || (count == 0 && setting->flags & DSM__FILLED))) {
    snprintf(why, why_size, "has %zu values; it needs 1 to %zu", count, dsm__list_room(setting));
    return false;
  }
  for (size_t i = 0; is_number(setting->kind) && i < count; i++) {
    double value = setting->kind == DSM__INT        ? (double)*(const int64_t *)from
                   : setting->kind == DSM__INT_LIST ? (double)*(const int64_t *)list_at(from, i)
                   : setting->kind == DSM__REAL     ? *(const double *)from
                                                    : *(const double *)list_at(from, i);
    snprintf(shown, sizeof shown, "%.10g", value);
    if (!check_range(setting, value, shown, why, why_size)) return false;
  }
  return true;
}

/* ---- printing ------------------------------------------------------------------------------------------ */

/* The fewest digits that read back as the same number, in a form that YAML 1.1 takes for a number too: it
 * wants a point before an exponent, and a sign in it. */
static void print_real(double value, FILE *out) {
  char text[40];
  int digits = 0;
  if (!isfinite(value)) { /* only a program can have set it; it will not read back, as it should not */
    fputs(isnan(value) ? ".nan" : value > 0 ? ".inf" : "-.inf", out);
    return;
  }
  do snprintf(text, sizeof text, "%.*e", digits, value);
  while (strtod(text, NULL) != value && ++digits < 17);
  int exponent = atoi(strchr(text, 'e') + 1);
  if (exponent >= -3 && exponent < 7) {
    int decimals = digits > exponent ? digits - exponent : 0;
    fprintf(out, "%.*f", decimals > 0 ? decimals : 1, value);
  } else {
    *strchr(text, 'e') = '\0';
    fprintf(out, "%s%se%+d", text, digits > 0 ? "" : ".0", exponent);
  }
}

/* Texts that no reader of YAML can take for anything else stand bare. */
static bool is_safe_bare(const char *text) {
  static const char *const taken[] = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"};
  if (!isalpha((unsigned char)text[0]) && text[0] != '/' && strncmp(text, "./", 2) != 0 &&
      strncmp(text, "../", 3) != 0)
    return false;
  for (const char *p = text; *p; p++)
    if ((unsigned char)*p >= 0x80 || (!isalnum((unsigned char)*p) && !strchr("_/.+-", *p))) return false;
  for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
    if (strcasecmp(text, taken[i]) == 0) return false;
  return true;
}

static void print_text(const char *text, FILE *out) {
  /* what YAML folds or drops even inside quotes: the other line breaks of Unicode, and the byte order mark */
  static const char *const escapes[][2] = {
      {"\xc2\x85", "\\N"},         {"\xe2\x80\xa8", "\\L"}, {"\xe2\x80\xa9", "\\P"},
      {"\xef\xbb\xbf", "\\uFEFF"}, {"\"", "\\\""},          {"\\", "\\\\"},
  };
  enum { ESCAPES = sizeof escapes / sizeof *escapes };
  if (is_safe_bare(text)) {
    fputs(text, out);
    return;
  }
  fputc('"', out);
  while (*text) {
    size_t e = 0;
    while (e < ESCAPES && strncmp(text, escapes[e][0], strlen(escapes[e][0])) != 0) e++;
    unsigned char c = (unsigned char)*text;
    if (e < ESCAPES)
      fputs(escapes[e][1], out);
    else if (c < 0x20 || c == 0x7f)
      fprintf(out, "\\x%02x", c);
    else
      fputc(c, out);
    text += e < ESCAPES ? strlen(escapes[e][0]) : 1;
  }
  fputc('"', out);
}

void dsm__value_print(const dsm__setting *setting, const dsm_config *config, FILE *out) {
  const void *from = const_field(setting, config);
  switch (setting->kind) {
  case DSM__BOOL:
    fputs(*(const bool *)from ? "true" : "false", out);
    break;
  case DSM__INT:
    fprintf(out, "%" PRId64, *(const int64_t *)from);
    break;
  case DSM__REAL:
    print_real(*(const double *)from, out);
    break;
  case DSM__WORD:
    print_text(word_of(setting, *(const int *)from), out);
    break;
  case DSM__TEXT:
    print_text(from, out);
    break;
  case DSM__INT_LIST:
    fputc('[', out);
    for (size_t i = 0; i < list_count(from); i++)
      fprintf(out, "%s%" PRId64, i ? ", " : "", *(const int64_t *)list_at(from, i));
    fputc(']', out);
    break;
  case DSM__REAL_LIST:
    fputc('[', out);
    for (size_t i = 0; i < list_count(from); i++) {
      fputs(i ? ", " : "", out);
      print_real(*(const double *)list_at(from, i), out);
    }
    fputc(']', out);
    break;
  }
}
