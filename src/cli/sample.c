/* dsmpi sample */
#include "cli.h"

#include <string.h>

enum {
  COUNT,
  OUTPUT,
  SAMPLER,
  STEPS,
  SEED,
  ETA,
  LABEL,
  CONDITION,
  CONDITIONS,
  GUIDANCE,
  CLASSIFIER,
  CLASS,
  SCALE,
  OPTION_COUNT
};

static const dsm_option options[OPTION_COUNT] = {
    [COUNT] = {"count", 'n', true, "N", "number of samples"},
    [OUTPUT] = {"output", 'o', true, "FILE", "HDF5 file to write"},
    [SAMPLER] = {"sampler", 0, false, "NAME", "short for sampler.name=NAME"},
    [STEPS] = {"steps", 0, false, "K", "short for sampler.steps=K"},
    [SEED] = {"seed", 0, false, "S", "short for sampler.seed=S"},
    [ETA] = {"eta", 0, false, "E", "short for sampler.eta=E"},
    [LABEL] = {"label", 0, false, "K", "class to draw, or all; short for sampler.label=K"},
    [CONDITION] = {"condition", 0, false, "V,...", "short for sampler.condition=[V,...]"},
    [CONDITIONS] = {"conditions", 0, false, "FILE",
                    "one row a sample; short for sampler.condition_file=FILE"},
    [GUIDANCE] = {"guidance", 0, false, "W", "short for sampler.guidance=W"},
    [CLASSIFIER] = {"classifier", 0, false, "RUN", "lead samples to classes by this noisy classifier"},
    [CLASS] = {"class", 0, false, "K", "with --classifier: class, or all, each in turn; default all"},
    [SCALE] = {"scale", 0, false, "S", "with --classifier: strength; default 1"},
};

static const size_t settings[] = {SAMPLER, STEPS, SEED, ETA, LABEL, CONDITION, CONDITIONS, GUIDANCE};

static dsm_status choose_class(const dsm_arguments *arguments, dsm_class_choice *choice) {
  uint64_t label = 0;
  const char *class = arguments->value[CLASS];
  const bool one = class && strcmp(class, "all") != 0;
  *choice = (dsm_class_choice){.source = arguments->value[CLASSIFIER], .label = -1, .scale = 1};
  if (!choice->source && (class || arguments->value[SCALE]))
    DSM_FAIL(DSM_USAGE, "--class and --scale are of --classifier RUN; for a conditional model use --label");
  if (one) DSM_TRY(dsm__option_count(arguments, CLASS, 0, UINT32_MAX, &label));
  if (one) choice->label = (int64_t)label;
  DSM_TRY(dsm__option_real(arguments, SCALE, 0, 1e6, &choice->scale));
  return DSM_OK;
}

static dsm_status run(const dsm_arguments *arguments, dsm_comm *comm) {
  dsm_overrides overrides;
  dsm__overrides_of(arguments, settings, sizeof settings / sizeof *settings, &overrides);
  dsm_sample_options o = {
      .source = arguments->operand[0],
      .output = arguments->value[OUTPUT],
      .overrides = overrides.word,
      .override_count = overrides.count,
  };
  DSM_TRY(dsm__option_count(arguments, COUNT, 1, UINT64_C(1000000000000), &o.count));
  DSM_TRY(choose_class(arguments, &o.classifier));
  DSM_TRY(dsm_sample(comm, &o));
  return DSM_OK;
}

const dsm_command dsm__command_sample = {
    .name = "sample",
    .operands = "RUN|CHECKPOINT [key=value ...]",
    .sentence = "draw samples from a trained model into an HDF5 file",
    .details = "RUN is a run folder, whose newest whole checkpoint is taken. Settings are those of the "
               "training unless "
               "changed here. The same seed gives the same samples on any number of ranks. A file cut off by "
               "a kill is "
               "called FILE.partial: the same command goes on with it.\n"
               "\n"
               "Any process: ancestral, ddim, dpmpp_2m, dpmpp_2m_sde, reverse_diffusion, "
               "predictor_corrector, annealed_langevin, langevin. Processes in continuous time: also euler, "
               "heun, ode, euler_maruyama. Few evaluations: dpmpp_2m or heun; configs/README.md compares "
               "them. How many evaluations each sample took is in the file, /evaluations.\n"
               "\n"
               "  mpirun -np 4 dsmpi sample runs/fashion -n 64 -o samples.h5 --steps 100\n"
               "  mpirun -np 4 dsmpi sample runs/fashion -n 64 -o b.h5 --sampler dpmpp_2m\n"
               "  dsmpi sample runs/digits -n 80 -o digits.h5 --label all --guidance 2\n"
               "  dsmpi sample runs/fashion -n 80 -o led.h5 --classifier runs/noisy --scale 3",
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
