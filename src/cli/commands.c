/* The list of commands and how words find one. */
#include "cli.h"

#include <string.h>

const dsm_command *const dsm__commands[] = {
    &dsm__command_train,       &dsm__command_status,
    &dsm__command_sample,      &dsm__command_restore,
    &dsm__command_encode,      &dsm__command_decode,
    &dsm__command_interpolate, &dsm__command_likelihood,
    &dsm__command_classify,    &dsm__command_eval,
    &dsm__command_view,        &dsm__command_info,
    &dsm__command_log,         &dsm__command_report,
    &dsm__command_data_import, &dsm__command_data_make,
    &dsm__command_data_info,   &dsm__command_data_stats,
    &dsm__command_bench,       &dsm__command_doctor,
    &dsm__command_explain,     NULL,
};

enum { NAMES_MAX = 64 };

bool dsm__is_group(const char *name, size_t length) {
  for (size_t i = 0; dsm__commands[i]; i++) {
    const char *known = dsm__commands[i]->name;
    if (strncmp(known, name, length) == 0 && known[length] == ' ') return true;
  }
  return false;
}

/* Number of words that spell the command's name, 0 when they do not. */
static size_t words_matched(const char *name, size_t count, char *const *words) {
  size_t used = 0;
  while (used < count) {
    size_t length = strlen(words[used]);
    if (strncmp(name, words[used], length) != 0) return 0;
    name += length;
    used++;
    if (*name == '\0') return used;
    if (*name++ != ' ') return 0;
  }
  return 0;
}

/* Words that could have stood in place of the mistaken one: the second words of a group, or the first words.
 */
static void names_in_place(const char *group, const char *names[NAMES_MAX + 1]) {
  size_t count = 0, length = group ? strlen(group) : 0;
  for (size_t i = 0; dsm__commands[i] && count < NAMES_MAX; i++) {
    const char *name = dsm__commands[i]->name;
    if (!group) {
      names[count++] = name;
    } else if (strncmp(name, group, length) == 0 && name[length] == ' ') {
      names[count++] = name + length + 1;
    }
  }
  names[count] = NULL;
}

dsm_status dsm__command_find(size_t count, char *const *words, const dsm_command **command, size_t *used) {
  for (size_t i = 0; dsm__commands[i]; i++) {
    *used = words_matched(dsm__commands[i]->name, count, words);
    if (*used > 0) {
      *command = dsm__commands[i];
      return DSM_OK;
    }
  }

  const char *names[NAMES_MAX + 1];
  bool in_group = dsm__is_group(words[0], strlen(words[0]));
  if (in_group && count < 2)
    DSM_FAIL(DSM_USAGE, "'%s' needs a second word: see 'dsmpi help %s'", words[0], words[0]);
  names_in_place(in_group ? words[0] : NULL, names);
  const char *before = in_group ? words[0] : "", *space = in_group ? " " : "";
  const char *wrong = words[in_group ? 1 : 0];
  const char *nearest = dsm_nearest_word(wrong, names);
  if (nearest)
    DSM_FAIL(DSM_USAGE, "unknown command '%s%s%s'; did you mean '%s%s%s'?", before, space, wrong, before,
             space, nearest);
  DSM_FAIL(DSM_USAGE, "unknown command '%s%s%s'; 'dsmpi help%s%s' lists them", before, space, wrong, space,
           before);
}
