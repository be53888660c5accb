/* dsmpi report: a page on a run. */
#include "cli.h"

#include <sys/stat.h>

#include "dsmpi/clock.h"
#include "dsmpi/report.h"

enum { OUTPUT, EVAL, SAMPLES, DATA, OPTION_COUNT };

static const dsm_option options[OPTION_COUNT] = {
    [OUTPUT] = {"output", 'o', true, "FILE", "HTML file to write"},
    [EVAL] = {"eval", 0, false, "FILE", "JSON of an evaluation; default the newest RUN/eval*.json"},
    [SAMPLES] = {"samples", 0, false, "FILE", "samples; default the newest file in RUN/samples"},
    [DATA] = {"data", 0, false, "FILE", "the data, if they are not where training found them"},
};

static dsm_status run(const dsm_arguments *arguments, dsm_comm *comm) {
  (void)comm;
  struct stat facts;
  char bytes[32];
  const char *output = arguments->value[OUTPUT];
  const dsm_report_options o = {.run = arguments->operand[0],
                                .output = output,
                                .eval = arguments->value[EVAL],
                                .samples = arguments->value[SAMPLES],
                                .data = arguments->value[DATA]};
  DSM_TRY(dsm_report(&o));
  if (stat(output, &facts) == 0)
    printf("%s: %s, one file for any browser\n", output,
           dsm_bytes((double)facts.st_size, bytes, sizeof bytes));
  return DSM_OK;
}

const dsm_command dsm__command_report = {
    .name = "report",
    .operands = "RUN",
    .sentence = "a page on a run: has it converged, how good are its samples",
    .details = "One HTML file without scripts that needs no network: how the run stands, losses, learning "
               "rate, speed, "
               "samples beside data, histograms, metrics, where the time went, settings. Made from the files "
               "in RUN, "
               "also while it is being trained; what is not there is left out.\n"
               "\n"
               "  dsmpi sample runs/fashion -n 1000 -o runs/fashion/samples/samples.h5\n"
               "  dsmpi report runs/fashion -o fashion.html",
    .options = options,
    .option_count = OPTION_COUNT,
    .min_operands = 1,
    .max_operands = 1,
    .run = run,
};
