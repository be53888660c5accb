/* What commands of a trained model and data have in common. */
#include "cli.h"

#include <string.h>

/* The place of the option of this name. */
static size_t option_named(const dsm_command *command, const char *name) {
  for (size_t i = 0; i < command->option_count; i++)
    if (strcmp(command->options[i].name, name) == 0) return i;
  DSM_ASSERT(!"an option that each of these commands has");
  return 0;
}

static const char *value_of(const dsm_arguments *arguments, const char *name) {
  return arguments->value[option_named(arguments->command, name)];
}

dsm_status dsm__on_data(const dsm_arguments *arguments, const size_t *settings, size_t count,
                        const char *usual, dsm_comm *comm, dsm_on_data *told) {
  dsm__overrides_of(arguments, settings, count, &told->overrides);
  DSM_TRY(dsm__place_given(arguments, option_named(arguments->command, "data"), usual, comm, &told->place));
  DSM_TRY(dsm__option_rows(arguments, option_named(arguments->command, "rows"), &told->place,
                           value_of(arguments, "axes"), comm));
  told->options = (dsm_on_data_options){.source = arguments->operand[0],
                                        .output = value_of(arguments, "output"),
                                        .data = {told->place.file, told->place.dataset,
                                                 value_of(arguments, "axes"), value_of(arguments, "rows")},
                                        .overrides = told->overrides.word,
                                        .override_count = told->overrides.count};
  return DSM_OK;
}
