/* Short options that stand for settings, so that one code checks both. */
#include "cli.h"

#include <string.h>

void dsm__overrides_of(const dsm_arguments *arguments, const dsm_short_form *forms, size_t count,
                       dsm_overrides *overrides) {
  size_t used = 0;
  DSM_ASSERT(count <= DSM_OPTIONS_MAX);
  for (size_t i = 0; i < count; i++) {
    const char *value = arguments->value[forms[i].option];
    if (!value) continue;
    snprintf(overrides->text[used], DSM_TEXT_MAX, forms[i].format, value);
    overrides->word[used] = overrides->text[used];
    used++;
  }
  memcpy(overrides->word + used, arguments->override, arguments->override_count * sizeof *overrides->word);
  overrides->count = used + arguments->override_count;
}
