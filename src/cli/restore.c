/* dsmpi restore */
#include "cli.h"

#include <string.h>

#include "dsmpi/restore.h"

enum {
  TASK,
  DATA,
  OUTPUT,
  NOISE,
  DRAWS,
  DEGRADE,
  MASK,
  FACTOR,
  KERNEL,
  BORDER,
  MATRIX,
  FORM,
  ITERATIONS,
  DATA_STD,
  ROWS,
  AXES,
  SAMPLER,
  STEPS,
  SEED,
  LABEL,
  CONDITION,
  CONDITIONS,
  GUIDANCE,
  OPTION_COUNT
};

static const dsm_option options[OPTION_COUNT] = {
    [TASK] = {"task", 0, true, "TASK", "denoise, inpaint, superres, deblur or linear"},
    [DATA] = {"data", 0, true, "FILE[:/DATASET]", "observations, in the units of the training data"},
    [OUTPUT] = {"output", 'o', true, "FILE", "HDF5 file to write"},
    [NOISE] = {"noise", 0, false, "S", "standard deviation of the noise in the data; default 0"},
    [DRAWS] = {"draws", 0, false, "K", "samples of what may have been, for each; default 1"},
    [DEGRADE] = {"degrade", 0, false, NULL, "the data are clean: make the observations of them first"},
    [MASK] = {"mask", 0, false, "FILE[:/DATASET]", "inpaint: 1 where known, 0 where missing"},
    [FACTOR] = {"factor", 0, false, "F", "superres: length of the blocks that were averaged"},
    [KERNEL] = {"kernel", 0, false, "FILE[:/DATASET]", "deblur: of the convolution, odd lengths"},
    [BORDER] = {"border", 0, false, "B", "deblur: zero, reflect or periodic; default reflect"},
    [MATRIX] = {"matrix", 0, false, "FILE[:/DATASET]", "linear: a row for each number of y"},
    [FORM] = {"guidance-form", 0, false, "NAME", "moments, pigdm or dps; default moments"},
    [ITERATIONS] = {"iterations", 0, false, "I", "moments: of the conjugate gradients; default 3"},
    [DATA_STD] = {"data-std", 0, false, "S",
                  "deviation of the data in the model's units; default: 1 if data.normalize is standardize, "
                  "else objective.sigma_data"},
    [ROWS] = {"rows", 0, false, "A:B", "only these rows of the data"},
    [AXES] = {"axes", 0, false, "AXES", "meaning of the axes, such as \"N C H W\""},
    [SAMPLER] = {"sampler", 0, false, "NAME", "short for sampler.name=NAME"},
    [STEPS] = {"steps", 0, false, "K", "short for sampler.steps=K"},
    [SEED] = {"seed", 0, false, "S", "short for sampler.seed=S"},
    [LABEL] = {"label", 0, false, "K", "class of the samples; short for sampler.label=K"},
    [CONDITION] = {"condition", 0, false, "V,...", "short for sampler.condition=[V,...]"},
    [CONDITIONS] = {"conditions", 0, false, "FILE",
                    "one row a sample; short for sampler.condition_file=FILE"},
    [GUIDANCE] = {"guidance", 0, false, "W", "by the condition; short for sampler.guidance=W"},
};

static const char *const tasks[] = {
    [DSM_RESTORE_DENOISE] = "denoise", [DSM_RESTORE_INPAINT] = "inpaint", [DSM_RESTORE_SUPERRES] = "superres",
    [DSM_RESTORE_DEBLUR] = "deblur",   [DSM_RESTORE_LINEAR] = "linear",   NULL};

/* Which options go with which task: none that was given is left unused, none that is needed is missing. */
static dsm_status check_options(const dsm_arguments *arguments, int task) {
  static const struct {
    size_t option;
    unsigned tasks; /* bits */
    bool needed;
  } rules[] = {
      {NOISE, 1u << DSM_RESTORE_DENOISE, true},       {MASK, 1u << DSM_RESTORE_INPAINT, false},
      {FACTOR, 1u << DSM_RESTORE_SUPERRES, true},     {KERNEL, 1u << DSM_RESTORE_DEBLUR, true},
      {BORDER, 1u << DSM_RESTORE_DEBLUR, false},      {MATRIX, 1u << DSM_RESTORE_LINEAR, true},
      {FORM, ~(1u << DSM_RESTORE_DENOISE), false},    {ITERATIONS, ~(1u << DSM_RESTORE_DENOISE), false},
      {DATA_STD, ~(1u << DSM_RESTORE_DENOISE), false}};
  for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
    const dsm_option *option = &options[rules[i].option];
    const bool given = arguments->value[rules[i].option] != NULL, fits = rules[i].tasks >> task & 1u;
    if (fits && rules[i].needed && !given)
      DSM_FAIL(DSM_USAGE, "restore: --task %s needs --%s %s: %s", tasks[task], option->name, option->argument,
               option->sentence);
    if (given && !fits && rules[i].option != NOISE)
      DSM_FAIL(DSM_USAGE, "restore: option --%s is of no use with --task %s (%s)", option->name, tasks[task],
               option->sentence);
  }
  return DSM_OK;
}

static dsm_status guidance_options(const dsm_arguments *arguments, dsm_restore_options *o) {
  static const char *const forms[] = {
      [DSM_GUIDANCE_MOMENTS] = "moments", [DSM_GUIDANCE_PIGDM] = "pigdm", [DSM_GUIDANCE_DPS] = "dps", NULL};
  uint64_t iterations = (uint64_t)o->iterations;
  DSM_TRY(dsm__option_word(arguments, FORM, forms, &o->form));
  if (arguments->value[ITERATIONS] && o->form != DSM_GUIDANCE_MOMENTS)
    DSM_FAIL(DSM_USAGE, "restore: option --iterations is of the guidance form moments; %s needs none",
             forms[o->form]);
  if (arguments->value[DATA_STD] && o->form == DSM_GUIDANCE_DPS)
    DSM_FAIL(DSM_USAGE, "restore: option --data-std is of no use with --guidance-form dps");
  DSM_TRY(dsm__option_count(arguments, ITERATIONS, 1, 10000, &iterations));
  DSM_TRY(dsm__option_real(arguments, DATA_STD, 1e-12, 1e12, &o->data_std));
  o->iterations = (int)iterations;
  return DSM_OK;
}

static const size_t settings[] = {SAMPLER, STEPS, SEED, LABEL, CONDITION, CONDITIONS, GUIDANCE};

/* The dataset behind an option; `given` borrows from `place`. */
static dsm_status place_of(const char *text, dsm_place *place, dsm_given *given) {
  DSM_TRY(dsm__place_of(text, place));
  DSM_TRY(dsm__place_settle(place));
  given->file = place->file;
  given->dataset = place->dataset;
  return DSM_OK;
}

static dsm_status run(const dsm_arguments *arguments, dsm_comm *comm) {
  static const char *const borders[] = {
      [DSM_BORDER_ZERO] = "zero", [DSM_BORDER_REFLECT] = "reflect", [DSM_BORDER_PERIODIC] = "periodic", NULL};
  dsm_restore_options o = dsm_restore_defaults();
  dsm_place data, side;
  dsm_overrides overrides;
  uint64_t factor = 0;
  dsm__overrides_of(arguments, settings, sizeof settings / sizeof *settings, &overrides);
  o.source = arguments->operand[0];
  o.output = arguments->value[OUTPUT];
  o.overrides = overrides.word;
  o.override_count = overrides.count;
  o.degrade = arguments->value[DEGRADE] != NULL;
  o.data.axes = arguments->value[AXES];
  o.data.rows = arguments->value[ROWS];
  DSM_TRY(dsm__option_word(arguments, TASK, tasks, &o.task));
  DSM_TRY(dsm__option_word(arguments, BORDER, borders, &o.border));
  DSM_TRY(check_options(arguments, o.task));
  DSM_TRY(guidance_options(arguments, &o));
  DSM_TRY(dsm__option_real(arguments, NOISE, 0, 1e300, &o.noise));
  DSM_TRY(dsm__option_count(arguments, DRAWS, o.task == DSM_RESTORE_DENOISE ? 0 : 1, 1000000, &o.draws));
  DSM_TRY(dsm__option_count(arguments, FACTOR, 2, 1000000, &factor));
  o.factor = (size_t)factor;
  const size_t sides[] = {MASK, KERNEL, MATRIX};
  DSM_AGREE(comm, place_of(arguments->value[DATA], &data, &o.data));
  for (size_t i = 0; i < sizeof sides / sizeof *sides; i++)
    if (arguments->value[sides[i]]) DSM_AGREE(comm, place_of(arguments->value[sides[i]], &side, &o.side));
  DSM_TRY(dsm_restore(comm, &o));
  return DSM_OK;
}

const dsm_command dsm__command_restore = {
    .name = "restore",
    .operands = "RUN|CHECKPOINT [key=value ...]",
    .sentence = "denoise, inpaint, sharpen data with a trained model",
    .details = "The data are y = H x + n: of a sample x that is like those the model was trained on, "
               "something was seen "
               "with noise n. What x may have been is drawn by the model's sampler, guided by y:\n"
               "\n"
               "  denoise   y = x + n. /denoised is the expected x; draws go on from y itself\n"
               "  inpaint   numbers are missing: NaN in the data, or 0 in the mask\n"
               "  superres  y are means over blocks, F long on each axis\n"
               "  deblur    y = kernel * x, the same for all channels\n"
               "  linear    y = matrix x; columns in the order C, then space, as in files\n"
               "\n"
               "NaN in the data is a missing number in all but denoise. FILE gets /observation and /samples "
               "or, for K > "
               "1, /draws (N, K, ...) with /mean and /std over them. With --degrade the data are clean: the "
               "observations "
               "are made of them, /truth is kept and the errors are told.\n"
               "\n"
               "Guidance: moments (its steps ask the network for its own uncertainty, by conjugate "
               "gradients, each of "
               "which costs a pass through it and back) is right for all Gaussian data; pigdm takes the same "
               "uncertainty "
               "everywhere, --data-std, at a third of the price; dps none, for much noise. Noise 0 counts as "
               "0.001 of "
               "the data's deviation. Any sampler; sampler.clip is data unless given.\n"
               "\n"
               "  dsmpi restore runs/fashion --task inpaint --data holes.h5 -o filled.h5\n"
               "  dsmpi restore runs/fashion --task superres --factor 4 --noise 2 \\\n"
               "        --data runs/test.h5 --degrade --rows 0:8 -o sharp.h5\n"
               "  dsmpi view sharp.h5 --beside observation,samples,truth -o sharp.png",
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
