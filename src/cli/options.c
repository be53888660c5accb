/* The options engine: words of the command line into the arguments of a command, by its table of options. */
#include "cli.h"

#include <ctype.h>
#include <string.h>

/* "key=value" with a key made of letters, digits, '_' and '.'; a path with a '/' before the '=' is not one.
 */
static bool looks_like_override(const char *word) {
  size_t length = strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.");
  return length > 0 && word[length] == '=';
}

/* "-1,2" and "-" are values, "-o" and "--fresh" are options that stand where a value is missing. */
static bool looks_like_option(const char *word) {
  return word[0] == '-' && (isalpha((unsigned char)word[1]) || word[1] == '-');
}

static dsm_status unknown_option(const dsm_command *command, const char *word, size_t length) {
  const char *names[DSM_OPTIONS_MAX + 2] = {"help"}; /* and a NULL at the end */
  char name[64];
  for (size_t i = 0; i < command->option_count; i++) names[i + 1] = command->options[i].name;
  snprintf(name, sizeof name, "%.*s", (int)length, word);
  const char *nearest = dsm_nearest_word(name, names);
  if (nearest)
    DSM_FAIL(DSM_USAGE, "%s: unknown option '--%s'; did you mean '--%s'?", command->name, name, nearest);
  DSM_FAIL(DSM_USAGE, "%s: unknown option '--%s'; 'dsmpi help %s' lists the options", command->name, name,
           command->name);
}

/* The option that `word` begins with. `*inline_value` is what stands in the same word behind it, or NULL. */
static dsm_status find_option(const dsm_command *command, const char *word, size_t *option,
                              const char **inline_value) {
  const dsm_option *options = command->options;
  if (word[1] != '-') {
    for (size_t i = 0; i < command->option_count; i++) {
      if (options[i].letter && options[i].letter == word[1]) {
        *option = i;
        *inline_value = word[2] ? word + 2 : NULL;
        return DSM_OK;
      }
    }
    DSM_FAIL(DSM_USAGE, "%s: unknown option '-%c'; 'dsmpi help %s' lists the options", command->name, word[1],
             command->name);
  }
  const char *name = word + 2;
  size_t length = strcspn(name, "=");
  for (size_t i = 0; i < command->option_count; i++) {
    if (strlen(options[i].name) == length && strncmp(options[i].name, name, length) == 0) {
      *option = i;
      *inline_value = name[length] == '=' ? name + length + 1 : NULL;
      return DSM_OK;
    }
  }
  return unknown_option(command, name, length);
}

/* Takes one option, whose value may be the word after it. `*next` is the index of that word. */
static dsm_status take_option(const char *word, size_t count, char *const *words, size_t *next,
                              dsm_arguments *arguments) {
  const dsm_command *command = arguments->command;
  const char *value = NULL;
  size_t i = 0;
  DSM_TRY(find_option(command, word, &i, &value));
  const dsm_option *option = &command->options[i];
  if (arguments->value[i]) DSM_FAIL(DSM_USAGE, "%s: option --%s is given twice", command->name, option->name);
  if (!option->argument) {
    if (value) DSM_FAIL(DSM_USAGE, "%s: option --%s takes no value", command->name, option->name);
    arguments->value[i] = "";
    return DSM_OK;
  }
  if (!value) {
    if (*next >= count) {
      DSM_FAIL(DSM_USAGE, "%s: option --%s needs a value: --%s %s", command->name, option->name, option->name,
               option->argument);
    }
    value = words[*next];
    if (looks_like_option(value)) {
      DSM_FAIL(DSM_USAGE, "%s: option --%s needs a value, but '%s' follows (write --%s=%s if it is meant)",
               command->name, option->name, value, option->name, value);
    }
    ++*next;
  }
  if (*value == '\0')
    DSM_FAIL(DSM_USAGE, "%s: the value of option --%s is empty", command->name, option->name);
  arguments->value[i] = value;
  return DSM_OK;
}

static dsm_status take_operand(const char *word, dsm_arguments *arguments) {
  const dsm_command *command = arguments->command;
  if (looks_like_override(word)) {
    if (!command->overrides) {
      DSM_FAIL(DSM_USAGE,
               "%s: '%s' looks like a setting, and this command takes none (write ./%s for a file)",
               command->name, word, word);
    }
    if (arguments->override_count == DSM_OVERRIDES_MAX)
      DSM_FAIL(DSM_USAGE, "%s: more than %d key=value words", command->name, DSM_OVERRIDES_MAX);
    arguments->override[arguments->override_count++] = word;
    return DSM_OK;
  }
  if (arguments->operand_count == command->max_operands) {
    DSM_FAIL(DSM_USAGE, "%s: one word too many: '%s'; 'dsmpi help %s' tells what is expected", command->name,
             word, command->name);
  }
  arguments->operand[arguments->operand_count++] = word;
  return DSM_OK;
}

static dsm_status check_complete(const dsm_arguments *arguments) {
  const dsm_command *command = arguments->command;
  if (arguments->operand_count < command->min_operands) {
    const char *missing = command->operands;
    for (size_t i = 0; i < arguments->operand_count; i++) missing += strcspn(missing, " ") + 1;
    DSM_FAIL(DSM_USAGE, "%s: %.*s is missing; 'dsmpi help %s' tells what is expected", command->name,
             (int)strcspn(missing, " "), missing, command->name);
  }
  for (size_t i = 0; i < command->option_count; i++) {
    const dsm_option *option = &command->options[i];
    if (!option->required || arguments->value[i]) continue;
    if (option->letter) {
      DSM_FAIL(DSM_USAGE, "%s: option -%c %s is missing: %s", command->name, option->letter, option->argument,
               option->sentence);
    }
    DSM_FAIL(DSM_USAGE, "%s: option --%s %s is missing: %s", command->name, option->name, option->argument,
             option->sentence);
  }
  return DSM_OK;
}

dsm_status dsm__arguments_read(const dsm_command *command, size_t count, char *const *words,
                               dsm_arguments *arguments) {
  DSM_ASSERT(command->option_count <= DSM_OPTIONS_MAX && command->max_operands <= DSM_OPERANDS_MAX);
  *arguments = (dsm_arguments){.command = command};
  /* --help wins over everything else, mistakes included: who asks for help may well have made one */
  for (size_t i = 0; i < count && strcmp(words[i], "--") != 0; i++)
    if (strcmp(words[i], "--help") == 0 || strcmp(words[i], "-h") == 0) arguments->help = true;
  if (arguments->help) return DSM_OK;

  bool options_ended = false;
  for (size_t next = 0; next < count;) {
    const char *word = words[next++];
    if (!options_ended && strcmp(word, "--") == 0) {
      options_ended = true;
    } else if (!options_ended && word[0] == '-' && word[1] != '\0') {
      DSM_TRY(take_option(word, count, words, &next, arguments));
    } else {
      DSM_TRY(take_operand(word, arguments));
    }
  }
  return check_complete(arguments);
}
