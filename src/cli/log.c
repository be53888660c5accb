/* dsmpi log: the loss log of a run as a table. */
#include "cli.h"

#include <stdlib.h>

#include "dsmpi/io.h"
#include "dsmpi/report.h"

enum { CSV, OUTPUT, COUNT, OPTION_COUNT };

static const dsm_option options[OPTION_COUNT] = {
    [CSV] = {"csv", 0, false, NULL, "all values of all logged steps, separated by commas"},
    [OUTPUT] = {"output", 'o', false, "FILE", "write it there instead of printing it"},
    [COUNT] = {"count", 'n', false, "N", "without --csv: steps to show; default 20"},
};

static dsm_status make(const dsm_arguments *arguments, FILE *out) {
  const char *run = arguments->operand[0];
  uint64_t count = 20;
  DSM_TRY(dsm__option_count(arguments, COUNT, 1, 1000000, &count));
  if (arguments->value[CSV] && arguments->value[COUNT])
    DSM_FAIL(DSM_USAGE, "log: --count chooses steps for people; --csv has them all");
  DSM_TRY(arguments->value[CSV] ? dsm_log_csv(run, out) : dsm_log_table(run, (size_t)count, out));
  return DSM_OK;
}

static dsm_status run(const dsm_arguments *arguments, dsm_comm *comm) {
  (void)comm;
  dsm_status status = DSM_OK;
  char *text = NULL;
  size_t size = 0;
  const char *output = arguments->value[OUTPUT];
  if (!output) return make(arguments, stdout);
  FILE *memory = open_memstream(&text, &size);
  if (!memory) DSM_FAIL(DSM_NO_MEMORY, "no memory for the table");
  status = make(arguments, memory);
  if (fclose(memory) != 0 && status == DSM_OK) DSM_FAIL_DONE(DSM_NO_MEMORY, "no memory for the table");
  DSM_TRY_DONE(status);
  DSM_TRY_DONE(dsm_file_write(output, text, size));
done:
  free(text);
  return status;
}

const dsm_command dsm__command_log = {
    .name = "log",
    .operands = "RUN",
    .sentence = "the loss log of a run as a table, for people or as CSV",
    .details = "Without --csv: up to 20 steps, spread over the run. With it: every value that "
               "metrics.jsonl has, in the order in which it has them first; lists become name_0, "
               "name_1, ...; what a step has no value for stays empty.\n"
               "\n"
               "  dsmpi log runs/fashion\n"
               "  dsmpi log runs/fashion --csv -o fashion.csv",
    .options = options,
    .option_count = OPTION_COUNT,
    .min_operands = 1,
    .max_operands = 1,
    .run = run,
};
