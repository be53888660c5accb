/* dsmpi bench */
#include "cli.h"

enum { STEPS, JSON, OPTION_COUNT };

static const dsm_option options[OPTION_COUNT] = {
    [STEPS] = {"steps", 0, false, "K", "training steps to time, after a few to warm up; default 10"},
    [JSON] = {"json", 0, false, "FILE", "write the figures there too"},
};

static dsm_status run(const dsm_arguments *arguments, dsm_comm *comm) {
  dsm_config config;
  uint64_t steps = 10;
  DSM_TRY(dsm__option_count(arguments, STEPS, 1, 1000000, &steps));
  DSM_TRY(dsm__config_load(arguments, comm, &config));
  dsm_bench_options o = {.steps = (int64_t)steps, .json = arguments->value[JSON]};
  DSM_TRY(dsm_bench(comm, &config, &o));
  return DSM_OK;
}

const dsm_command dsm__command_bench = {
    .name = "bench",
    .operands = "CONFIG ... [key=value ...]",
    .sentence = "measure the speed of a configuration on this machine",
    .details =
        "Times training steps and network evaluations on made-up data of the configuration's sample "
        "shape (data.shape, or that of data.file). Prints the operations of a micro-batch, one by one and by "
        "kind, the machine's own limits beside them, the parts of a step, on several ranks the sum of a "
        "gradient by the tree and by MPI_Allreduce, samples a second, and the peak memory of training and of "
        "evaluation. Times are medians; of several ranks the slowest counts. Recommended: one rank a core, "
        "with "
        "one thread each (train.threads=1). Of several CONFIGs each wins over those before it.\n"
        "\n"
        "  mpirun -np 2 dsmpi bench configs/bench_unet64.yaml train.threads=1",
    .options = options,
    .option_count = OPTION_COUNT,
    .min_operands = 1,
    .max_operands = DSM_CONFIGS_MAX,
    .overrides = true,
    .parallel = true,
    .run = run,
};
