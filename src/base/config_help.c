/* --help text of the keys. */
#include <stdlib.h>
#include <string.h>

#include "schema.h"

enum { COLUMNS = 80, INDENT = 6 };

/* Writes `text` word by word, each further line indented, none longer than COLUMNS. */
static void print_wrapped(const char *text, size_t indent, FILE *out) {
  size_t column = 0;
  while (*text) {
    size_t length = strcspn(text, " ");
    bool fits = column + 1 + length <= COLUMNS;
    if (column == 0 || !fits) {
      fprintf(out, "%s%*s", column ? "\n" : "", (int)indent, "");
      column = indent;
    } else {
      fputc(' ', out);
      column++;
    }
    fwrite(text, 1, length, out);
    column += length;
    text += length;
    text += *text == ' ';
  }
  fputc('\n', out);
}

static void print_setting(const dsm__setting *setting, FILE *out) {
  char line[1024], range[80];
  int used = snprintf(line, sizeof line, "%s:", setting->key);
  size_t left = sizeof line - (size_t)used;
  char *end = line + used;
#define ADD(...)                                                                                             \
  do {                                                                                                       \
    int added_ = snprintf(end, left, __VA_ARGS__);                                                           \
    end += added_;                                                                                           \
    left -= (size_t)added_;                                                                                  \
  } while (0)
  if (setting->kind == DSM__WORD) {
    for (size_t i = 0; setting->words[i]; i++) ADD("%s%s", i ? " | " : " ", setting->words[i]);
  } else {
    ADD(" %s", dsm__kind_text(setting->kind));
    if (dsm__range_text(setting, range, sizeof range)[0]) ADD(", %s", range);
  }
  if (setting->flags & DSM__REQUIRED)
    ADD("; required");
  else
    ADD("; default %s", setting->initial && setting->initial[0] ? setting->initial : "empty");
#undef ADD
  print_wrapped(line, 2, out);
  print_wrapped(setting->sentence, INDENT, out);
}

dsm_status dsm_config_help(const char *section, char **text) {
  size_t length, shown = 0;
  *text = NULL;
  FILE *out = open_memstream(text, &length);
  if (!out) DSM_FAIL(DSM_NO_MEMORY, "no memory for the help text");
  for (size_t i = 0; i < dsm__schema_count; i++) {
    if (section && !dsm__in_section(&dsm__schema[i], section)) continue;
    print_setting(&dsm__schema[i], out);
    shown++;
  }
  bool whole = fclose(out) == 0;
  if (whole && shown > 0) return DSM_OK;
  free(*text);
  *text = NULL;
  if (!whole) DSM_FAIL(DSM_NO_MEMORY, "no memory for the help text");
  const char *nearest = dsm_nearest_word(section, dsm__sections);
  if (nearest) DSM_FAIL(DSM_BAD_CONFIG, "there is no section '%s'; did you mean '%s'?", section, nearest);
  DSM_FAIL(DSM_BAD_CONFIG,
           "there is no section '%s'; known: data, process, model, objective, optimizer, train, sampler",
           section);
}
