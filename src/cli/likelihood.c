/* dsmpi likelihood */
#include "cli.h"

#include <string.h>

#include "dsmpi/diffusion.h"

enum {
  DATA,
  OUTPUT,
  METHOD,
  PROBES,
  PROBE_LAW,
  FIRST,
  STRATA,
  VARIANCE,
  QUANTIZED,
  AXES,
  ROWS,
  SEED,
  OPTION_COUNT
};

static const dsm_option options[OPTION_COUNT] = {
    [DATA] = {"data", 0, true, "FILE[:/DATASET]", "samples to rate, in the units of the training data"},
    [OUTPUT] = {"output", 'o', true, "FILE", "HDF5 file to write"},
    [METHOD] = {"method", 0, false, "NAME", "ode or bound; default: what the process allows"},
    [PROBES] = {"probes", 0, false, "P", "ode: random probes of the divergence; default 2"},
    [PROBE_LAW] = {"probe-law", 0, false, "NAME",
                   "ode: rademacher, gaussian, or exact: no probes, up to 64 dimensions"},
    [FIRST] = {"first-time", 0, false, "T", "ode: where the path begins; default: first time trained"},
    [STRATA] = {"strata", 0, false, "K", "bound: K random terms of T - 1 a sample; default: all"},
    [VARIANCE] = {"variance", 0, false, "NAME", "bound: short for sampler.variance=NAME"},
    [QUANTIZED] = {"quantized", 0, false, "WIDTH", "the data are in steps of WIDTH: 1 for 8-bit pictures"},
    [AXES] = {"axes", 0, false, "AXES", "meaning of the axes, such as \"N C H W\""},
    [ROWS] = {"rows", 0, false, "A:B", "only these samples, as in data.rows"},
    [SEED] = {"seed", 0, false, "S", "short for sampler.seed=S"},
};

static const size_t settings[] = {VARIANCE, SEED};

static dsm_status divergence_options(const dsm_arguments *arguments, dsm_likelihood_options *o) {
  uint64_t probes = 0;
  static const char *const laws[] = {[DSM_PROBE_RADEMACHER] = "rademacher",
                                     [DSM_PROBE_GAUSSIAN] = "gaussian",
                                     [DSM_PROBE_EXACT] = "exact",
                                     NULL};
  DSM_TRY(dsm__option_word(arguments, PROBE_LAW, laws, &o->law));
  DSM_TRY(dsm__option_count(arguments, PROBES, 1, DSM_PROBES_MAX, &probes));
  DSM_TRY(dsm__option_real(arguments, FIRST, 0, 1e300, &o->t0));
  if (arguments->value[FIRST] && o->t0 == 0)
    DSM_FAIL(DSM_USAGE,
             "likelihood: option --first-time: 0 is the data themselves, which have no score; leave it out "
             "for the first time that was trained");
  if (probes > 0 && o->law == DSM_PROBE_EXACT)
    DSM_FAIL(DSM_USAGE,
             "likelihood: --probes are random, and --probe-law exact needs none; give one of the two");
  o->probes = probes;
  return DSM_OK;
}

static dsm_status run(const dsm_arguments *arguments, dsm_comm *comm) {
  static const char *const methods[] = {[DSM_LIKELIHOOD_ODE] = "ode", [DSM_LIKELIHOOD_BOUND] = "bound", NULL};
  uint64_t strata = 0;
  dsm_on_data told;
  DSM_TRY(dsm__on_data(arguments, settings, sizeof settings / sizeof *settings, NULL, comm, &told));
  dsm_likelihood_options o = {.source = told.options.source,
                              .data = told.options.data,
                              .output = told.options.output,
                              .method = -1,
                              .law = -1,
                              .overrides = told.options.overrides,
                              .override_count = told.options.override_count};
  DSM_TRY(dsm__option_word(arguments, METHOD, methods, &o.method));
  DSM_TRY(divergence_options(arguments, &o));
  DSM_TRY(dsm__option_count(arguments, STRATA, 1, INT32_MAX, &strata));
  DSM_TRY(dsm__option_real(arguments, QUANTIZED, 0, 1e300, &o.width));
  if (arguments->value[QUANTIZED] && o.width == 0)
    DSM_FAIL(DSM_USAGE,
             "likelihood: option --quantized: steps of 0 are none; leave it out for continuous data");
  o.strata = (int64_t)strata;
  DSM_TRY(dsm_likelihood_of(comm, &o));
  return DSM_OK;
}

const dsm_command dsm__command_likelihood = {
    .name = "likelihood",
    .operands = "RUN|CHECKPOINT [key=value ...]",
    .sentence = "rate data: nats and bits per dimension under a trained model",
    .details = "Writes the negative log-likelihood of each sample, in the units of the data, and tells "
               "mean and standard error over the samples.\n"
               "\n"
               "ode, for vp, subvp, ve, edm, flow: the density of the model as it was trained: of what its "
               "ode sampler draws. A value, not a bound; with random probes an unbiased estimate of it. It "
               "is that of the data with the little noise of the first time. sampler.rtol, sampler.atol, "
               "sampler.steps: of the solver; 1e-3 is several times faster than 1e-5 and often near "
               "enough. sampler.clip plays no part.\n"
               "bound, for ddpm, smld: the variational bound of ancestral sampling in T steps: at least "
               "the negative log-likelihood of that chain on average, estimated without bias, all terms or "
               "K random ones. sampler.variance and sampler.clip are part of the chain.\n"
               "\n"
               "Both are densities: they shift by ln(scale) per dimension when the data are scaled, and "
               "may be negative. No offset is added. With --quantized WIDTH the data are whole steps, and "
               "both become an upper bound of the bits that a code needs: the ode adds uniform noise of "
               "that width, the bound takes the probability of the step.\n"
               "\n"
               "In FILE, for each sample: /nll, /nats_per_dim, /evaluations, /index; of the ode "
               "/log_prior, /divergence, /probe_error; of the bound /prior, /decoder and for each t /vb, "
               "/x0_mse, /eps_mse, with their means over the samples in /term_vb, /term_x0_mse, "
               "/term_eps_mse. A file cut off by a kill is called FILE.partial: the same command goes on "
               "with it.\n"
               "\n"
               "  mpirun -np 4 dsmpi likelihood runs/field --data test.h5 -o nll.h5\n"
               "  dsmpi likelihood runs/fashion --data test.h5 -o bound.h5 --quantized 1",
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
