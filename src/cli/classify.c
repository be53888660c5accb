/* dsmpi classify */
#include "cli.h"

#include <string.h>

enum { DATA, OUTPUT, ROWS, AXES, OPTION_COUNT };

static const dsm_option options[OPTION_COUNT] = {
    [DATA] = {"data", 0, true, "FILE", "FILE or FILE:/dataset: samples to judge"},
    [OUTPUT] = {"output", 'o', true, "FILE", "HDF5 file to write"},
    [ROWS] = {"rows", 0, false, "A:B", "only rows A to B-1"},
    [AXES] = {"axes", 0, false, "AXES", "meaning of the axes, such as \"N C H W\""},
};

/* Nothing is drawn here: of the section of the sampler two keys have a meaning. */
static dsm_status check_keys(const dsm_arguments *arguments) {
  static const char *const known[] = {"sampler.block=", "sampler.ema="};
  for (size_t i = 0; i < arguments->override_count; i++) {
    const char *word = arguments->override[i];
    bool fits = strncmp(word, "sampler.", 8) != 0;
    for (size_t k = 0; k < sizeof known / sizeof *known; k++)
      fits |= strncmp(word, known[k], strlen(known[k])) == 0;
    if (!fits)
      DSM_FAIL(
          DSM_USAGE,
          "classify: %.*s has no meaning here, where nothing is drawn; of sampler.* there are block and ema",
          (int)strcspn(word, "="), word);
  }
  return DSM_OK;
}

static dsm_status run(const dsm_arguments *arguments, dsm_comm *comm) {
  dsm_on_data told;
  DSM_TRY(check_keys(arguments));
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
        "Of the settings these matter: sampler.block, samples at a time; sampler.ema, which average of the "
        "parameters judges; train.threads.\n"
        "\n"
        "  dsmpi train configs/classifier.yaml -o runs/classifier\n"
        "  dsmpi classify runs/classifier --data test.h5 -o classes.h5",
    .options = options,
    .option_count = OPTION_COUNT,
    .min_operands = 1,
    .max_operands = 1,
    .overrides = true,
    .parallel = true,
    .stops = true,
    .run = run,
};
