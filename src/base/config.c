#include "dsmpi/config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dsmpi/text.h"
#include "schema.h"

enum { FILE_MAX = 1 << 20 /* bytes; a configuration has thousands, data files given by mistake have more */ };

void dsm_config_defaults(dsm_config *config) {
  dsm__mistakes mistakes;
  memset(config, 0, sizeof *config);
  DSM_ASSERT(dsm__mistakes_begin(&mistakes, "default", false) == DSM_OK);
  for (size_t i = 0; i < dsm__schema_count; i++) {
    const char *initial = dsm__schema[i].initial;
    if (initial) dsm__yaml_read(initial, strlen(initial), &dsm__schema[i], config, &mistakes);
  }
  DSM_ASSERT(dsm__mistakes_end(&mistakes) == DSM_OK);
}

/* `config` changes only when there is no mistake at all. */
static dsm_status parse(const char *name, const char *text, size_t length, dsm_config *config) {
  dsm__mistakes mistakes;
  dsm_config filled = *config;
  DSM_TRY(dsm__mistakes_begin(&mistakes, name, true));
  dsm__yaml_read(text, length, NULL, &filled, &mistakes);
  DSM_TRY(dsm__mistakes_end(&mistakes));
  *config = filled;
  return DSM_OK;
}

dsm_status dsm_config_parse(const char *name, const char *text, dsm_config *config) {
  return parse(name, text, strlen(text), config);
}

dsm_status dsm_config_read(const char *path, dsm_config *config) {
  dsm_status status = DSM_OK;
  char *text = NULL;
  FILE *file = fopen(path, "rb");
  if (!file) DSM_FAIL(DSM_NOT_FOUND, "cannot open the configuration %s: %s", path, strerror(errno));
  text = malloc(FILE_MAX + 1);
  if (!text) DSM_FAIL_DONE(DSM_NO_MEMORY, "no memory to read the configuration %s", path);
  size_t length = fread(text, 1, FILE_MAX + 1, file);
  if (ferror(file))
    DSM_FAIL_DONE(DSM_NOT_FOUND, "cannot read the configuration %s: %s", path, strerror(errno));
  if (length > FILE_MAX)
    DSM_FAIL_DONE(DSM_BAD_CONFIG, "%s has more than %d bytes; is it really a configuration?", path, FILE_MAX);
  DSM_TRY_DONE(parse(path, text, length, config));
done:
  free(text);
  fclose(file);
  return status;
}

/* Row of the key of an override, or NULL after a message. */
static const dsm__setting *override_key(const char *assignment, dsm__mistakes *mistakes) {
  char key[128], shown[80];
  const char *equals = strchr(assignment, '=');
  size_t length = equals ? (size_t)(equals - assignment) : 0;
  if (length == 0) {
    dsm__mistake(mistakes, 1, 1, "expected section.key=value, got '%s'", dsm__shown(assignment, shown));
    return NULL;
  }
  snprintf(key, sizeof key, "%.*s", (int)(length < sizeof key ? length : sizeof key - 1), assignment);
  const dsm__setting *setting = dsm__schema_find(key);
  if (setting) return setting;

  char *dot = strchr(key, '.');
  dsm__shown(key, shown);
  const char *leaf = dot ? dot + 1 : key;
  if (dot) *dot = '\0';
  const dsm__setting *nearest = dsm__nearest_key(dot ? key : NULL, leaf);
  if (nearest)
    dsm__mistake(mistakes, 1, 1, "unknown key '%s'; did you mean '%s'?", shown, nearest->key);
  else
    dsm__mistake(mistakes, 1, 1, "unknown key '%s'; dsmpi train --help lists the keys", shown);
  return NULL;
}

dsm_status dsm_config_override(const char *assignment, int number, dsm_config *config) {
  char where[64];
  dsm__mistakes mistakes;
  dsm_config filled = *config;
  snprintf(where, sizeof where, "command line override %d", number);
  DSM_TRY(dsm__mistakes_begin(&mistakes, where, false));
  const dsm__setting *setting = override_key(assignment, &mistakes);
  if (setting) {
    const char *value = strchr(assignment, '=') + 1;
    dsm__yaml_read(value, strlen(value), setting, &filled, &mistakes);
  }
  DSM_TRY(dsm__mistakes_end(&mistakes));
  *config = filled;
  return DSM_OK;
}

/* ---- printing ------------------------------------------------------------------------------------------ */

/* Required keys have no value that could be read back while they are not set. */
static bool is_unset(const dsm__setting *setting, const dsm_config *config) {
  static const char zeroes[DSM_TEXT_MAX];
  if (!(setting->flags & DSM__REQUIRED)) return false;
  return memcmp((const char *)config + setting->offset, zeroes,
                setting->kind == DSM__TEXT ? 1 : setting->size) == 0;
}

dsm_status dsm_config_text(const dsm_config *config, char **text) {
  size_t length;
  *text = NULL;
  FILE *out = open_memstream(text, &length);
  if (!out) DSM_FAIL(DSM_NO_MEMORY, "no memory for the text of the configuration");
  for (size_t s = 0; dsm__sections[s]; s++) {
    fprintf(out, "%s:\n", dsm__sections[s]);
    for (size_t i = 0; i < dsm__schema_count; i++) {
      const dsm__setting *setting = &dsm__schema[i];
      if (!dsm__in_section(setting, dsm__sections[s])) continue;
      if (is_unset(setting, config)) {
        fprintf(out, "  # %s: not set\n", dsm__leaf(setting));
        continue;
      }
      fprintf(out, "  %s: ", dsm__leaf(setting));
      dsm__value_print(setting, config, out);
      fputc('\n', out);
    }
  }
  if (fclose(out) != 0) {
    free(*text);
    *text = NULL;
    DSM_FAIL(DSM_NO_MEMORY, "no memory for the text of the configuration");
  }
  return DSM_OK;
}

/* The value as text, or NULL without memory; the caller frees it. */
static char *value_text(const dsm__setting *setting, const dsm_config *config) {
  char *text = NULL;
  size_t length;
  FILE *out = open_memstream(&text, &length);
  if (!out) return NULL;
  dsm__value_print(setting, config, out);
  if (fclose(out) == 0) return text;
  free(text);
  return NULL;
}

dsm_status dsm_config_value(const dsm_config *config, const char *key, char *text, size_t size) {
  const dsm__setting *setting = dsm__schema_find(key);
  if (!setting) DSM_FAIL(DSM_BAD_CONFIG, "there is no key '%s' in the configuration", key);
  char *value = value_text(setting, config);
  if (!value) DSM_FAIL(DSM_NO_MEMORY, "no memory for the text of '%s'", key);
  snprintf(text, size, "%s", value);
  free(value);
  return DSM_OK;
}

size_t dsm_config_difference(const dsm_config *was, const dsm_config *is, char *text, size_t size) {
  size_t differences = 0;
  if (size > 0) text[0] = '\0';
  for (size_t i = 0; i < dsm__schema_count; i++) {
    const dsm__setting *setting = &dsm__schema[i];
    if (!(setting->flags & DSM__FIXED)) continue;
    char *a = value_text(setting, was), *b = value_text(setting, is);
    DSM_ASSERT(a && b);
    if (strcmp(a, b) != 0) {
      dsm_append(text, size, "%s%s: was %s, is %s", differences ? "\n" : "", setting->key, a, b);
      differences++;
    }
    free(a);
    free(b);
  }
  return differences;
}

const char *dsm_config_word(const char *key, int value) {
  const dsm__setting *setting = dsm__schema_find(key);
  if (!setting || !setting->words || value < 0) return "?";
  for (int i = 0; setting->words[i]; i++)
    if (i == value) return setting->words[i];
  return "?";
}
