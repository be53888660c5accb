/* dsmpi interpolate */
#include "cli.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dsmpi/memory.h"

enum {
  DATA,
  OUTPUT,
  PAIRS,
  STEPS,
  ROWS,
  AXES,
  SAMPLER,
  LABEL,
  CONDITION,
  CONDITIONS,
  GUIDANCE,
  OPTION_COUNT
};

static const dsm_option options[OPTION_COUNT] = {
    [DATA] = {"data", 0, true, "FILE", "samples, FILE or FILE:/dataset, in physical units"},
    [OUTPUT] = {"output", 'o', true, "FILE", "HDF5 file to write"},
    [PAIRS] = {"pairs", 0, true, "A:B,...", "rows of the samples to go between"},
    [STEPS] = {"steps", 0, false, "K", "samples a pair, its ends included; default 8"},
    [ROWS] = {"rows", 0, false, "A:B", "only rows A to B-1; pairs count from A"},
    [AXES] = {"axes", 0, false, "AXES", "meaning of the axes, such as \"N C H W\""},
    [SAMPLER] = {"sampler", 0, false, "NAME", "ode or ddim; short for sampler.name=NAME"},
    [LABEL] = {"label", 0, false, "K", "class of all of them; short for sampler.label=K"},
    [CONDITION] = {"condition", 0, false, "V,...", "short for sampler.condition=[V,...]"},
    [CONDITIONS] = {"conditions", 0, false, "FILE", "one row each; short for sampler.condition_file=FILE"},
    [GUIDANCE] = {"guidance", 0, false, "W", "short for sampler.guidance=W"},
};

static const size_t settings[] = {SAMPLER, LABEL, CONDITION, CONDITIONS, GUIDANCE};

/* A row number at *at, which moves behind it. */
static bool read_row(const char **at, uint64_t *row) {
  char *end;
  if (!isdigit((unsigned char)**at)) return false;
  errno = 0;
  *row = strtoull(*at, &end, 10);
  *at = end;
  return errno == 0;
}

/* "0:1,4:9"; the pairs are owned by the caller: free(). */
static dsm_status read_pairs(const char *text, dsm_row_pair **pair, size_t *count) {
  size_t most = 1;
  const char *at = text;
  for (const char *c = text; *c; c++) most += *c == ',';
  DSM_TRY(DSM_ALLOC(most, pair));
  for (*count = 0; *count < most; ++*count) {
    dsm_row_pair *p = &(*pair)[*count];
    bool read = read_row(&at, &p->from) && *at++ == ':' && read_row(&at, &p->to);
    if (!read || *at != (*count + 1 < most ? ',' : '\0'))
      DSM_FAIL(DSM_USAGE,
               "interpolate: option --pairs: rows are expected as in 0:1,4:9 (row 0 to row 1, row 4 to row "
               "9), not '%s'",
               text);
    at++;
  }
  return DSM_OK;
}

static dsm_status run(const dsm_arguments *arguments, dsm_comm *comm) {
  dsm_status status = DSM_OK;
  dsm_on_data told;
  dsm_row_pair *pair = NULL;
  size_t pairs = 0;
  uint64_t steps = 8;
  DSM_TRY(dsm__option_count(arguments, STEPS, 2, 100000, &steps));
  DSM_TRY_DONE(dsm_agree(comm, read_pairs(arguments->value[PAIRS], &pair, &pairs)));
  DSM_TRY_DONE(dsm__on_data(arguments, settings, sizeof settings / sizeof *settings, NULL, comm, &told));
  const dsm_interpolate_options o = {.of = told.options, .pair = pair, .pairs = pairs, .steps = steps};
  DSM_TRY_DONE(dsm_interpolate(comm, &o));
done:
  free(pair);
  return status;
}

const dsm_command dsm__command_interpolate = {
    .name = "interpolate",
    .operands = "RUN|CHECKPOINT [key=value ...]",
    .sentence = "go from one sample to another through their latents",
    .details = "Both samples are encoded as by 'dsmpi encode', their latents are joined by a spherical "
               "interpolation in K even steps, and all are decoded. The ends are the two samples, up to "
               "the error of the round trip. Where a model has conditions, labels are those of the "
               "nearer end and other columns go over in a line, unless options give one for all.\n"
               "\n"
               "  dsmpi interpolate runs/fashion --data fashion.h5 --pairs 0:1,4:9 -o line.h5\n"
               "  dsmpi view line.h5 -o line.png --columns 8",
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
