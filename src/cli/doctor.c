/* dsmpi doctor: a line a finding, as it is found. */
#include "dsmpi/doctor.h"

#include "cli.h"

enum { OUTPUT, OPTION_COUNT };

static const dsm_option options[OPTION_COUNT] = {
    [OUTPUT] = {"output", 'o', false, "RUN", "run folder that is meant; it need not exist, and is not made"},
};

static void tell(void *context, dsm_finding finding, const char *text) {
  static const char *const mark[DSM_FINDINGS] = {"[ok]  ", "[warn]", "[fail]"};
  (void)context;
  printf("%s ", mark[finding]);
  dsm__wrapped(text, 7, 7, stdout);
  fflush(stdout); /* whatever the next check does */
}

static dsm_status run(const dsm_arguments *arguments, dsm_comm *comm) {
  dsm_config config;
  size_t counts[DSM_FINDINGS];
  char message[2048] = "";
  dsm_doctor_options o = {.run = arguments->value[OUTPUT], .tell = tell};
  const bool root = !comm || dsm_comm_rank(comm) == 0;
  if (arguments->operand_count == 0 && arguments->override_count > 0)
    DSM_FAIL(DSM_USAGE, "doctor: '%s' changes a configuration, and none is named", arguments->override[0]);
  if (arguments->operand_count > 0 && root) {
    o.config_trouble = dsm__config_read(arguments, &config);
    if (o.config_trouble == DSM_OK) o.config = &config;
    snprintf(message, sizeof message, "%s", dsm_trail_message());
    o.config_message = message;
    dsm_trail_clear();
  }
  const dsm_status status = dsm_doctor(comm, &o, counts);
  if (root)
    printf("dsmpi: doctor: %zu ok, %zu to look at, %zu failed\n", counts[DSM_FINDING_OK],
           counts[DSM_FINDING_WARN], counts[DSM_FINDING_FAIL]);
  DSM_TRY(status);
  return DSM_OK;
}

const dsm_command dsm__command_doctor = {
    .name = "doctor",
    .operands = "[CONFIG ...] [key=value ...]",
    .sentence = "look whether this machine is ready for a job, and say what to do",
    .details =
        "One line a fact: MPI and how to start jobs here, Slurm, cores and threads of all ranks, "
        "environment, "
        "clocks, processor and kernels, memory, HDF5, limits, file system. With a CONFIG also: its data on "
        "all "
        "hosts, memory a rank, room for its checkpoints. [warn] and [fail] say what to do. Trains and writes "
        "nothing, and is safe on a login node; the model of a CONFIG is built once, as by train --dry-run. "
        "Under mpirun or srun it looks at every rank, which is where a job's own surprises are. The exit "
        "status is 0 unless something failed.\n"
        "\n"
        "  dsmpi doctor\n"
        "  dsmpi doctor my.yaml -o /scratch/me/run\n"
        "  mpirun -np 8 dsmpi doctor my.yaml train.threads=4",
    .options = options,
    .option_count = OPTION_COUNT,
    .min_operands = 0,
    .max_operands = DSM_CONFIGS_MAX,
    .overrides = true,
    .parallel = true,
    .lone = true,
    .run = run,
};
