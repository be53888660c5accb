/* The doctor's round. */
#include "doctor.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- findings ------------------------------------------------------------------------------------------ */

static void tell(dsm__doctor *d, dsm_finding finding, const char *format, va_list arguments) {
  char text[4096];
  vsnprintf(text, sizeof text, format, arguments);
  for (char *c = text; *c; c++)
    if (*c == '\n') *c = ' ';
  d->counts[finding]++;
  d->options->tell(d->options->context, finding, text);
}

void dsm__ok(dsm__doctor *d, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  tell(d, DSM_FINDING_OK, format, arguments);
  va_end(arguments);
}

void dsm__warning(dsm__doctor *d, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  tell(d, DSM_FINDING_WARN, format, arguments);
  va_end(arguments);
}

void dsm__failure(dsm__doctor *d, dsm_status status, const char *format, ...) {
  va_list arguments;
  if (d->first_failure == DSM_OK) d->first_failure = status;
  va_start(arguments, format);
  tell(d, DSM_FINDING_FAIL, format, arguments);
  va_end(arguments);
}

void dsm__trail_failure(dsm__doctor *d, dsm_status status, const char *what) {
  dsm__failure(d, status, "%s: %s", what, dsm_trail_message());
  dsm_trail_clear();
}

/* ---- the round ----------------------------------------------------------------------------------------- */

static dsm_status round_of_checks(dsm__doctor *d) {
  char data_file[DSM_TEXT_MAX] = "";
  if (d->root) dsm__check_mpi(d);
  if (d->root && d->options->config)
    snprintf(data_file, sizeof data_file, "%s", d->options->config->data.file);
  if (d->comm) DSM_TRY(dsm_comm_broadcast(d->comm, data_file, sizeof data_file, 0));
  DSM_TRY(dsm__checkup_all(d, data_file));
  if (d->root) {
    dsm__check_slurm(d);
    dsm__check_ranks(d);
    dsm__check_environment(d);
  }
  if (d->comm) DSM_TRY(dsm__check_clocks(d));
  if (!d->root) return DSM_OK;
  dsm__check_processors(d);
  dsm__check_memory(d);
  dsm__check_hdf5(d);
  dsm__check_config(d);
  dsm__check_limits(d);
  dsm__check_folders(d);
  return DSM_OK;
}

dsm_status dsm_doctor(dsm_comm *comm, const dsm_doctor_options *options, size_t counts[DSM_FINDINGS]) {
  dsm__doctor d = {.comm = comm,
                   .options = options,
                   .counts = counts,
                   .root = !comm || dsm_comm_rank(comm) == 0,
                   .size = comm ? dsm_comm_size(comm) : 1};
  memset(counts, 0, DSM_FINDINGS * sizeof *counts);
  dsm_status status = round_of_checks(&d);
  free(d.all);
  if (comm) status = dsm_agree(comm, status);
  if (status != DSM_OK) return dsm__forward(status, __FILE__, __LINE__);
  if (comm) DSM_TRY(dsm_comm_broadcast(comm, &d.first_failure, sizeof d.first_failure, 0));
  if (d.first_failure == DSM_OK) return DSM_OK;
  DSM_FAIL(d.first_failure, "doctor: %zu check%s failed: see the lines with [fail]", counts[DSM_FINDING_FAIL],
           counts[DSM_FINDING_FAIL] == 1 ? "" : "s");
}
