/* dsmpi data make: data sets with known laws, to learn on and to test with. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

#include "dsmpi/memory.h"

#define MOST_SAMPLES UINT64_C(1000000000000)

enum { COUNT, OUTPUT, SEED, DIMENSION, MEAN, COVARIANCE, SIDE, K0, SLOPE, OPTION_COUNT };

static const dsm_option options[OPTION_COUNT] = {
    [COUNT] = {"count", 'n', true, "N", "number of samples"},
    [OUTPUT] = {"output", 'o', true, "FILE", "HDF5 file to write"},
    [SEED] = {"seed", 0, false, "S", "same seed, same data; default 0"},
    [DIMENSION] = {"dimension", 0, false, "D", "gaussian: values a sample; default 2"},
    [MEAN] = {"mean", 0, false, "LIST", "gaussian: mean, such as \"1,-1\"; default 0"},
    [COVARIANCE] = {"covariance", 0, false, "ROWS",
                    "gaussian: covariance, such as \"1,0.5;0.5,2\"; default the identity"},
    [SIDE] = {"side", 0, false, "L", "gaussian_field: L x L pixels; default 32"},
    [K0] = {"k0", 0, false, "K", "gaussian_field: wave number where the spectrum bends; default 3"},
    [SLOPE] = {"slope", 0, false, "S", "gaussian_field: slope of the power spectrum beyond; default 4"},
};

/* An option of one kind given with another is a mistake worth telling. */
static dsm_status refuse_foreign(const dsm_arguments *arguments) {
  static const struct {
    size_t option;
    const char *kind;
  } owners[] = {{DIMENSION, "gaussian"},  {MEAN, "gaussian"},     {COVARIANCE, "gaussian"},
                {SIDE, "gaussian_field"}, {K0, "gaussian_field"}, {SLOPE, "gaussian_field"}};
  for (size_t i = 0; i < sizeof owners / sizeof *owners; i++) {
    if (arguments->value[owners[i].option] && strcmp(arguments->operand[0], owners[i].kind) != 0) {
      DSM_FAIL(DSM_USAGE, "data make: --%s is for %s, not for %s", options[owners[i].option].name,
               owners[i].kind, arguments->operand[0]);
    }
  }
  return DSM_OK;
}

/* Brings --dimension, --mean and --covariance together: what is given must fit, what is missing gets its
 * default. */
static dsm_status gaussian_law(const dsm_arguments *arguments, dsm_make_params *params, double **mean,
                               double **covariance) {
  uint64_t d = 0;
  size_t rows, columns, side, width;
  DSM_TRY(dsm__option_count(arguments, DIMENSION, 1, 4096, &d));
  DSM_TRY(dsm__option_matrix(arguments, MEAN, mean, &rows, &columns));
  DSM_TRY(dsm__option_matrix(arguments, COVARIANCE, covariance, &side, &width));
  if (rows > 1) DSM_FAIL(DSM_USAGE, "data make: option --mean: one row is expected, %zu were given", rows);
  if (side != width)
    DSM_FAIL(DSM_USAGE, "data make: option --covariance: %zu x %zu is not square", side, width);
  if (d == 0) d = columns ? columns : side ? side : 2;
  if (columns && columns != d)
    DSM_FAIL(DSM_USAGE, "data make: a mean of %zu values does not fit dimension %zu", columns, (size_t)d);
  if (side && side != d) {
    DSM_FAIL(DSM_USAGE, "data make: a covariance of %zu x %zu does not fit dimension %zu", side, side,
             (size_t)d);
  }
  if (!columns) DSM_TRY(DSM_ALLOC(d, mean));
  if (!side) {
    DSM_TRY(DSM_ALLOC(d * d, covariance));
    for (size_t i = 0; i < d; i++) (*covariance)[i * d + i] = 1;
  }
  params->dimension = d;
  params->mean = *mean;
  params->covariance = *covariance;
  return DSM_OK;
}

static dsm_status run(const dsm_arguments *arguments, dsm_comm *comm) {
  (void)comm;
  dsm_status status = DSM_OK;
  double *mean = NULL, *covariance = NULL;
  char report[1024];
  uint64_t side = 32;
  dsm_make_params params = {.kind = arguments->operand[0], .k0 = 3, .slope = 4};
  DSM_TRY(dsm__option_count(arguments, COUNT, 1, MOST_SAMPLES, &params.count));
  DSM_TRY(dsm__option_count(arguments, SEED, 0, UINT64_MAX, &params.seed));
  DSM_TRY(dsm__option_count(arguments, SIDE, 2, 4096, &side));
  DSM_TRY(dsm__option_real(arguments, K0, 1e-6, 1e6, &params.k0));
  DSM_TRY(dsm__option_real(arguments, SLOPE, 0, 100, &params.slope));
  DSM_TRY(refuse_foreign(arguments));
  params.side = side;
  DSM_TRY_DONE(gaussian_law(arguments, &params, &mean, &covariance));
  DSM_TRY_DONE(dsm_data_make(&params, arguments->value[OUTPUT], report, sizeof report));
  puts(report);
done:
  free(mean);
  free(covariance);
  return status;
}

const dsm_command dsm__command_data_make = {
    .name = "data make",
    .operands = "KIND",
    .sentence = "make a data set with a known law",
    .details = "KIND is one of\n"
               "  gaussian         vectors from a normal distribution\n"
               "  eight_gaussians  2-D: eight narrow normals on a circle\n"
               "  checkerboard     2-D: uniform on the dark squares\n"
               "  swiss_roll       2-D: a noisy spiral\n"
               "  gaussian_field   periodic random images, spectrum (1 + (k/k0)^2)^(-slope/2)\n"
               "\n"
               "  dsmpi data make gaussian -n 10000 --covariance \"1,0.5;0.5,2\" -o normal.h5",
    .options = options,
    .option_count = OPTION_COUNT,
    .min_operands = 1,
    .max_operands = 1,
    .run = run,
};
