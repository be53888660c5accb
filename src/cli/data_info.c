/* dsmpi data info: is this file fit for training, and how will it be read? */
#include "cli.h"

#include <string.h>

enum { AXES, ROWS, OPTION_COUNT };

static const dsm_option options[OPTION_COUNT] = {
    [AXES] = {"axes", 0, false, "AXES", "meaning of the axes, such as \"N C H W\" (data.axes)"},
    [ROWS] = {"rows", 0, false, "A:B", "samples A to B-1 only (data.rows)"},
};

static dsm_status run(const dsm_arguments *arguments, dsm_comm *comm) {
  (void)comm;
  dsm_place place;
  dsm_dataset *set;
  const char *axes = arguments->value[AXES], *rows = arguments->value[ROWS];
  DSM_TRY(dsm__place_of(arguments->operand[0], &place));
  if (!place.dataset[0]) {
    DSM_TRY(dsm__dataset_list(place.file));
    putchar('\n');
    if (dsm__place_settle(&place) != DSM_OK) { /* several, and the list has just told which */
      printf("look closer at one: dsmpi data info %s:/NAME\n", place.file);
      dsm_trail_clear();
      return DSM_OK;
    }
  }
  DSM_TRY(dsm__option_rows(arguments, ROWS, &place, axes, NULL));
  DSM_TRY(dsm_dataset_open(place.file, place.dataset, axes ? axes : "", rows ? rows : "", &set));
  dsm__dataset_facts(&place, dsm_dataset_info_of(set));
  dsm_dataset_close(&set);
  return DSM_OK;
}

const dsm_command dsm__command_data_info = {
    .name = "data info",
    .operands = "FILE[:/dataset]",
    .sentence = "shape, type, axes and chunks of data, and how they will be read",
    .details = "Lists the datasets of an HDF5 file, then looks closely at one: /samples unless another is "
               "named. Reads "
               "no values.\n"
               "\n"
               "  dsmpi data info showers.h5:/showers --axes \"N Z Y X\"",
    .options = options,
    .option_count = OPTION_COUNT,
    .min_operands = 1,
    .max_operands = 1,
    .run = run,
};
