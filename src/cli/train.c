/* dsmpi train */
#include <stddef.h>

#include "cli.h"

enum { OUTPUT, MAXH, FRESH, DRY_RUN, OPTION_COUNT };

static const dsm_option options[OPTION_COUNT] = {
    [OUTPUT] = {"output", 'o', false, "RUN", "run folder, created if missing; needed but for --dry-run"},
    [MAXH] = {"maxh", 0, false, "H", "stop with a checkpoint before H hours have passed"},
    [FRESH] = {"fresh", 0, false, NULL, "move the results of an old run in RUN aside and start anew"},
    [DRY_RUN] = {"dry-run", 0, false, NULL, "check everything, print shapes and memory, write nothing"},
};

static dsm_status run(const dsm_arguments *arguments, dsm_comm *comm) {
  dsm_config config;
  dsm_train_options o = {
      .run = arguments->value[OUTPUT],
      .fresh = arguments->value[FRESH] != NULL,
      .dry_run = arguments->value[DRY_RUN] != NULL,
  };
  if (!o.run && !o.dry_run)
    DSM_FAIL(DSM_USAGE, "train: option -o RUN is missing: %s", options[OUTPUT].sentence);
  DSM_TRY(dsm__option_real(arguments, MAXH, 1e-4, 1e5, &o.max_hours));
  DSM_TRY(dsm__config_load(arguments, comm, &config));
  if (!config.data.file[0])
    DSM_FAIL(DSM_BAD_CONFIG,
             "data.file is not set, and data.shape is for bench only; name the HDF5 file with the "
             "training data as data.file=PATH");
  DSM_TRY(dsm_train(comm, &config, &o));
  return DSM_OK;
}

const dsm_command dsm__command_train = {
    .name = "train",
    .operands = "CONFIG ... [key=value ...]",
    .sentence = "train a model, or go on with a run",
    .details = "The same command starts a run and goes on with it from its newest whole checkpoint, on any "
               "number of ranks. "
               "It stops cleanly, with a checkpoint and exit status 75, on SIGUSR1 or SIGTERM, when RUN/STOP "
               "appears, "
               "and at the time "
               "limit; run it again to go on.\n"
               "\n"
               "CONFIG is a YAML file. Of several each wins over those before it, key by key: one for the "
               "method, say, then one for the data. key=value settings win over all of them.\n"
               "\n"
               "  mpirun -np 4 dsmpi train configs/quick_fashion.yaml -o runs/fashion\n"
               "  dsmpi train configs/presets/edm.yaml configs/data/fashion.yaml -o runs/edm\n"
               "  srun dsmpi train my.yaml optimizer.lr=1.0e-4 -o runs/a --maxh 11.8",
    .section = "all",
    .options = options,
    .option_count = OPTION_COUNT,
    .min_operands = 1,
    .max_operands = DSM_CONFIGS_MAX,
    .overrides = true,
    .parallel = true,
    .stops = true,
    .run = run,
};
