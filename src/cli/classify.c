/* dsmpi classify */
#include "cli.h"

enum { DATA, OUTPUT, ROWS, AXES, OPTION_COUNT };

static const dsm_option options[OPTION_COUNT] = {
    [DATA] = {"data", 0, true, "FILE", "FILE or FILE:/dataset: samples to judge"},
    [OUTPUT] = {"output", 'o', true, "FILE", "HDF5 file to write"},
    [ROWS] = {"rows", 0, false, "A:B", "only rows A to B-1"},
    [AXES] = {"axes", 0, false, "AXES", "meaning of the axes, such as \"N C H W\""},
};

static dsm_status run(const dsm_arguments *arguments, dsm_comm *comm) {
  dsm_on_data told;
  DSM_TRY(dsm__on_data(arguments, NULL, 0, NULL, comm, &told));
  DSM_TRY(dsm_classify(comm, &told.options));
  return DSM_OK;
}

const dsm_command dsm__command_classify = {
    .name = "classify",
    .operands = "RUN|CHECKPOINT [key=value ...]",
    .sentence = "class probabilities and features of samples, by a trained classifier",
    .details =
        "RUN is of a classifier: objective.name=classifier, model.name=convnet for pictures or mlp "
        "for vectors, labels in data.conditions. The file has /probabilities (N, classes), /class (N) and "
        "/features (N, f), what the last layer sees. 'dsmpi eval --classifier RUN' makes them itself. "
        "Where the labels stand beside the samples the accuracy is told.\n"
        "\n"
        "  dsmpi train configs/classifier.yaml -o runs/classifier\n"
        "  dsmpi classify runs/classifier --data test.h5 -o classes.h5",
    .section = "sampler",
    .options = options,
    .option_count = OPTION_COUNT,
    .min_operands = 1,
    .max_operands = 1,
    .overrides = true,
    .parallel = true,
    .stops = true,
    .run = run,
};
