/* dsmpi explain: pictures that teach. */
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "dsmpi/explain.h"

enum {
  OUTPUT,
  LAW,
  MEANS,
  STD,
  WEIGHTS,
  DATA,
  TIMES,
  POINTS,
  CHAINS,
  START,
  STEP,
  STEPS,
  SAMPLER,
  SEED,
  SIZE,
  OPTION_COUNT
};

static const dsm_option options[OPTION_COUNT] = {
    [OUTPUT] = {"output", 'o', false, "FILE", "PNG file to write; needed with WHAT"},
    [LAW] = {"law", 0, false, "NAME",
             "mixture, gaussian, eight_gaussians, checkerboard or swiss_roll; default the law of the model's "
             "data, or a "
             "mixture of three Gaussians"},
    [MEANS] = {"means", 0, false, "ROWS", "a mixture of your own: the means of its parts, \"x,y;x,y\""},
    [STD] = {"std", 0, false, "LIST", "their standard deviations, one for all or one each; default 0.5"},
    [WEIGHTS] = {"weights", 0, false, "LIST", "their weights, one each; default equal ones"},
    [DATA] = {"data", 0, false, "FILE", "data of the model; default data.file of its training"},
    [TIMES] = {"times", 0, false, "LIST", "times of the panels, \"0.1,0.5\"; default some that tell"},
    [POINTS] = {"points", 0, false, "N", "points of a cloud, or for the error of a score; default 600"},
    [CHAINS] = {"chains", 0, false, "C", "langevin: chains drawn as lines; default 4"},
    [START] = {"start", 0, false, "X,Y", "langevin: where they start; default below the law"},
    [STEP] = {"step", 0, false, "TAU", "langevin: short for sampler.langevin_step=TAU"},
    [STEPS] = {"steps", 0, false, "K", "langevin, denoising: short for sampler.steps=K"},
    [SAMPLER] = {"sampler", 0, false, "NAME", "denoising: short for sampler.name=NAME"},
    [SEED] = {"seed", 0, false, "S", "same seed, same picture; default 0"},
    [SIZE] = {"size", 0, false, "PIXELS", "side of a panel; default to fill 1500"},
};

static void list(void) {
  fputs("dsmpi explain WHAT -o FILE draws one of\n"
        "\n"
        "  score      the score field as arrows over the density, at several noise levels\n"
        "  langevin   Langevin chains from one start, and the law that they reach\n"
        "  noising    a cloud of points on its way to noise\n"
        "  denoising  a cloud of noise on its way to data, by a sampler\n"
        "\n"
        "of a known law in the plane or, with RUN, of what a model has learned beside it.\n"
        "dsmpi help explain           options, examples\n",
        stdout);
}

/* An option that a picture does not know is a mistake worth telling. */
static dsm_status refuse_foreign(const dsm_arguments *arguments) {
  static const struct {
    size_t option;
    const char *pictures;
  } owners[] = {{CHAINS, "langevin"},
                {START, "langevin"},
                {STEP, "langevin"},
                {STEPS, "langevin and denoising"},
                {SAMPLER, "denoising"}};
  const char *what = arguments->operand[0];
  for (size_t i = 0; i < sizeof owners / sizeof *owners; i++)
    if (arguments->value[owners[i].option]) {
      const char *found = strstr(owners[i].pictures, what);
      if (!found || (found != owners[i].pictures && found[-1] != ' ')) /* "noising" is in "denoising" */
        DSM_FAIL(DSM_USAGE, "explain: --%s is for %s, not for %s", options[owners[i].option].name,
                 owners[i].pictures, what);
    }
  return DSM_OK;
}

static const size_t settings[] = {STEP, STEPS, SAMPLER};

/* A list of numbers, in one row or one column. */
static dsm_status option_list(const dsm_arguments *arguments, size_t option, double **value, size_t *count) {
  size_t rows, columns;
  DSM_TRY(dsm__option_matrix(arguments, option, value, &rows, &columns));
  *count = rows * columns;
  if (rows > 1 && columns > 1)
    DSM_FAIL(DSM_USAGE, "explain: option --%s: a list is expected, not %zu x %zu numbers",
             options[option].name, rows, columns);
  return DSM_OK;
}

/* The lists that options point to. */
typedef struct lists {
  double *means, *stds, *weights, *times, *start;
} lists;

static dsm_status read_lists(const dsm_arguments *arguments, lists *l, dsm_explain_options *o) {
  size_t columns = 0, coordinates = 0;
  DSM_TRY(dsm__option_matrix(arguments, MEANS, &l->means, &o->parts, &columns));
  if (o->parts > 0 && columns != 2)
    DSM_FAIL(DSM_USAGE,
             "explain: option --means: points in the plane are expected, \"x,y;x,y\", not %zu x %zu numbers",
             o->parts, columns);
  DSM_TRY(option_list(arguments, STD, &l->stds, &o->stds_count));
  DSM_TRY(option_list(arguments, WEIGHTS, &l->weights, &o->weights_count));
  DSM_TRY(option_list(arguments, TIMES, &l->times, &o->times_count));
  DSM_TRY(option_list(arguments, START, &l->start, &coordinates));
  if (coordinates != 0 && coordinates != 2)
    DSM_FAIL(DSM_USAGE, "explain: option --start: a point \"x,y\" is expected, not %zu numbers", coordinates);
  o->means = l->means;
  o->stds = l->stds;
  o->weights = l->weights;
  o->times = l->times;
  o->start = l->start;
  return DSM_OK;
}

/* The score of a known law draws no points. */
static dsm_status refuse_idle(const dsm_arguments *arguments) {
  const bool draws = strcmp(arguments->operand[0], "score") != 0 || arguments->operand_count > 1;
  if (!draws && (arguments->value[POINTS] || arguments->value[SEED]))
    DSM_FAIL(DSM_USAGE,
             "explain: --points and --seed are for clouds, chains and the error of what is learned; the "
             "score of a known law is the same without");
  return DSM_OK;
}

static dsm_status read_numbers(const dsm_arguments *arguments, dsm_explain_options *o) {
  DSM_TRY(dsm__option_count(arguments, POINTS, 1, 1000000, &o->points));
  DSM_TRY(dsm__option_count(arguments, CHAINS, 1, 16, &o->chains));
  DSM_TRY(dsm__option_count(arguments, SIZE, 160, 2000, &o->size));
  DSM_TRY(dsm__option_count(arguments, SEED, 0, UINT64_MAX, &o->seed));
  return DSM_OK;
}

static dsm_status run(const dsm_arguments *arguments, dsm_comm *comm) {
  dsm_status status = DSM_OK;
  dsm_overrides overrides;
  lists l = {NULL};
  if (arguments->operand_count == 0) {
    if (dsm_comm_rank(comm) == 0) list();
    return DSM_OK;
  }
  dsm__overrides_of(arguments, settings, sizeof settings / sizeof *settings, &overrides);
  dsm_explain_options o = {.what = arguments->operand[0],
                           .source = arguments->operand_count > 1 ? arguments->operand[1] : NULL,
                           .output = arguments->value[OUTPUT],
                           .law = arguments->value[LAW],
                           .data = arguments->value[DATA],
                           .overrides = overrides.word,
                           .override_count = overrides.count};
  DSM_TRY(refuse_foreign(arguments));
  DSM_TRY(refuse_idle(arguments));
  if (!o.output) DSM_FAIL(DSM_USAGE, "explain: option -o FILE is missing: PNG file to write");
  DSM_TRY(read_numbers(arguments, &o));
  DSM_TRY_DONE(read_lists(arguments, &l, &o));
  DSM_TRY_DONE(dsm_explain(comm, &o));
done:
  free(l.means);
  free(l.stds);
  free(l.weights);
  free(l.times);
  free(l.start);
  return status;
}

const dsm_command dsm__command_explain = {
    .name = "explain",
    .operands = "WHAT [RUN|CHECKPOINT] [key=value ...]",
    .sentence = "draw pictures that teach: scores, Langevin chains, noising and denoising",
    .details = "WHAT is one of\n"
               "  score      the score field as arrows over the density, at several noise levels\n"
               "  langevin   Langevin chains from one start, and the law that they reach\n"
               "  noising    a cloud of points on its way to noise\n"
               "  denoising  a cloud of noise on its way to data, by a sampler\n"
               "\n"
               "The laws are those of dsmpi data make in two dimensions, whose scores are exact at any noise "
               "level, or a "
               "mixture of your own. With RUN, a model of points in the plane, what is learned stands beside "
               "what is exact, in "
               "the units of the model; the law is taken from what data make wrote into its data. Other data "
               "have no exact "
               "law: then panels are learned only, over the points themselves. Without RUN the process is "
               "vp, changed by "
               "process.*.\n"
               "\n"
               "  dsmpi explain langevin -o langevin.png\n"
               "  dsmpi explain score --means \"-1,0;1,0\" --std 0.4 --times 0.05,0.3 -o score.png\n"
               "  dsmpi explain denoising runs/toy --sampler ddim --steps 50 -o back.png\n"
               "  dsmpi explain noising --law swiss_roll process.name=ve -o ve.png",
    .section = "process",
    .options = options,
    .option_count = OPTION_COUNT,
    .min_operands = 0,
    .max_operands = 2,
    .overrides = true,
    .parallel = true,
    .run = run,
};
