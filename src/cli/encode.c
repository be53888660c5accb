/* dsmpi encode, dsmpi decode */
#include "cli.h"

enum { DATA, OUTPUT, ROWS, AXES, SAMPLER, STEPS, LABEL, CONDITION, CONDITIONS, GUIDANCE, OPTION_COUNT };

static const dsm_option options[OPTION_COUNT] = {
    [DATA] = {"data", 0, true, "FILE", "FILE or FILE:/dataset: samples to encode, latents to decode"},
    [OUTPUT] = {"output", 'o', true, "FILE", "HDF5 file to write"},
    [ROWS] = {"rows", 0, false, "A:B", "only rows A to B-1"},
    [AXES] = {"axes", 0, false, "AXES", "meaning of the axes, such as \"N C H W\""},
    [SAMPLER] = {"sampler", 0, false, "NAME", "ode or ddim; short for sampler.name=NAME"},
    [STEPS] = {"steps", 0, false, "K", "of ddim; short for sampler.steps=K"},
    [LABEL] = {"label", 0, false, "K", "class of all of them; short for sampler.label=K"},
    [CONDITION] = {"condition", 0, false, "V,...", "short for sampler.condition=[V,...]"},
    [CONDITIONS] = {"conditions", 0, false, "FILE", "one row each; short for sampler.condition_file=FILE"},
    [GUIDANCE] = {"guidance", 0, false, "W", "short for sampler.guidance=W"},
};

static const size_t settings[] = {SAMPLER, STEPS, LABEL, CONDITION, CONDITIONS, GUIDANCE};

static dsm_status run(const dsm_arguments *arguments, dsm_comm *comm, const char *usual,
                      dsm_status (*job)(dsm_comm *, const dsm_on_data_options *)) {
  dsm_on_data told;
  DSM_TRY(dsm__on_data(arguments, settings, sizeof settings / sizeof *settings, usual, comm, &told));
  DSM_TRY(job(comm, &told.options));
  return DSM_OK;
}

static dsm_status run_encode(const dsm_arguments *arguments, dsm_comm *comm) {
  return run(arguments, comm, NULL, dsm_encode);
}

static dsm_status run_decode(const dsm_arguments *arguments, dsm_comm *comm) {
  return run(arguments, comm, "/latents", dsm_decode);
}

const dsm_command dsm__command_encode = {
    .name = "encode",
    .operands = "RUN|CHECKPOINT [key=value ...]",
    .sentence = "lead data to the latents that they would be drawn from",
    .details = "Each sample is led along the probability-flow ODE to the noise that it would be drawn "
               "from; where time is discrete (ddpm, smld), by ddim walked backwards. /latents of the "
               "file are in units of the noise: standard normal where the model fits the data. "
               "sampler.rtol and atol bound the error of the ODE's steps; that of ddim falls with their "
               "number, by default all times of the process. What the training settings say of "
               "sampler.name, steps, eta, denoise and metropolis is not followed, only what is given "
               "here.\n"
               "\n"
               "Conditions of a model that has them are read beside the samples, unless options give "
               "them. The file is the same on any number of ranks; one cut off by a kill goes on by the "
               "same command.\n"
               "\n"
               "  mpirun -np 4 dsmpi encode runs/fashion --data fashion.h5 -o latents.h5\n"
               "  mpirun -np 4 dsmpi decode runs/fashion --data latents.h5 -o again.h5",
    .section = "sampler",
    .options = options,
    .option_count = OPTION_COUNT,
    .min_operands = 1,
    .max_operands = 1,
    .overrides = true,
    .parallel = true,
    .stops = true,
    .run = run_encode,
};

const dsm_command dsm__command_decode = {
    .name = "decode",
    .operands = "RUN|CHECKPOINT [key=value ...]",
    .sentence = "lead latents to data: the way back of encode",
    .details = "Takes /latents of the file, or the dataset named, and the conditions beside it. The way "
               "is that of encode read backwards: with the same settings the data come out again, up to "
               "the tolerances of the ODE or the steps of ddim. sampler.denoise=true adds a last step, "
               "to the mean of what the last noise may hide. Latents may be your own: standard normal "
               "numbers give samples of the model.\n"
               "\n"
               "  mpirun -np 4 dsmpi decode runs/fashion --data latents.h5 -o again.h5\n"
               "  dsmpi view again.h5 -o again.png",
    .section = "sampler",
    .options = options,
    .option_count = OPTION_COUNT,
    .min_operands = 1,
    .max_operands = 1,
    .overrides = true,
    .parallel = true,
    .stops = true,
    .run = run_decode,
};
