/* Options that are short for settings, so that one code checks both. */
#include "cli.h"

#include <string.h>

static const struct {
  const char *option, *setting; /* with one %s, the option's value */
} short_forms[] = {
    {"sampler", "sampler.name=%s"},
    {"steps", "sampler.steps=%s"},
    {"seed", "sampler.seed=%s"},
    {"eta", "sampler.eta=%s"},
    {"variance", "sampler.variance=%s"},
    {"step", "sampler.langevin_step=%s"},
    {"label", "sampler.label=\"%s\""},
    {"condition", "sampler.condition=[%s]"},
    {"conditions", "sampler.condition_file=\"%s\""},
    {"guidance", "sampler.guidance=%s"},
};

static const char *setting_of(const char *option) {
  for (size_t i = 0; i < sizeof short_forms / sizeof *short_forms; i++)
    if (strcmp(short_forms[i].option, option) == 0) return short_forms[i].setting;
  DSM_ASSERT(!"an option that is short for a setting");
  return NULL;
}

void dsm__overrides_of(const dsm_arguments *arguments, const size_t *options, size_t count,
                       dsm_overrides *overrides) {
  size_t used = 0;
  DSM_ASSERT(count <= DSM_OPTIONS_MAX);
  for (size_t i = 0; i < count; i++) {
    const char *value = arguments->value[options[i]];
    if (!value) continue;
    snprintf(overrides->text[used], DSM_TEXT_MAX, setting_of(arguments->command->options[options[i]].name),
             value);
    overrides->word[used] = overrides->text[used];
    used++;
  }
  memcpy(overrides->word + used, arguments->override, arguments->override_count * sizeof *overrides->word);
  overrides->count = used + arguments->override_count;
}
