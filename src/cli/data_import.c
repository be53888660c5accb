/* dsmpi data import: one operand names the format, the rest its files. */
#include "cli.h"

#include <string.h>

enum { LABELS, OUTPUT, OPTION_COUNT };

static const dsm_option options[OPTION_COUNT] = {
    [LABELS] = {"labels", 0, false, "FILE", "IDX file of labels, kept as /labels"},
    [OUTPUT] = {"output", 'o', true, "FILE", "HDF5 file to write"},
};

static dsm_status run(const dsm_arguments *arguments, dsm_comm *comm) {
  (void)comm;
  char report[1024];
  if (strcmp(arguments->operand[0], "idx") != 0)
    DSM_FAIL(DSM_USAGE, "data import: unknown format '%s'; known: idx", arguments->operand[0]);
  DSM_TRY(dsm_import_idx(arguments->operand[1], arguments->value[LABELS], arguments->value[OUTPUT], report,
                         sizeof report));
  puts(report);
  return DSM_OK;
}

const dsm_command dsm__command_data_import = {
    .name = "data import",
    .operands = "idx IMAGES",
    .sentence = "turn files of another format into an HDF5 data file",
    .details = "idx: images of the MNIST family, plain or gzipped, kept in their own type as /samples (N, 1, "
               "H, W).\n"
               "\n"
               "  D=/usr/share/datasets/fashion-mnist   # package dataset-fashion-mnist\n"
               "  dsmpi data import idx $D/train-images-idx3-ubyte.gz \\\n"
               "      --labels $D/train-labels-idx1-ubyte.gz -o fashion.h5",
    .options = options,
    .option_count = OPTION_COUNT,
    .min_operands = 2,
    .max_operands = 2,
    .run = run,
};
