/** @file doctor.h
 *  Is everything here as a job needs it? Facts of the machine, of MPI, Slurm, file systems and limits, one after the other,
 *  each with what to do where it is not well. Nothing is trained or written. */
#ifndef DSMPI_DOCTOR_H
#define DSMPI_DOCTOR_H

#include "dsmpi/config.h"
#include "dsmpi/dist.h"

typedef enum dsm_finding {
  DSM_FINDING_OK,
  DSM_FINDING_WARN, /* a job will run, but slowly, or only for now */
  DSM_FINDING_FAIL, /* a job will not run */
  DSM_FINDINGS
} dsm_finding;

/** What is looked at beside the machine. Rank 0's counts; the others may leave all but `run` empty. */
typedef struct dsm_doctor_options {
  const dsm_config *config;  /* NULL: none, or it could not be read */
  dsm_status config_trouble; /* DSM_OK, or why not, told in the trail's message: */
  const char *config_message;
  const char *run; /* the run folder that is meant, which need not exist; NULL: none */
  /* one finding and, for other than OK, what to do: one sentence or two, without a newline. Called on rank 0. */
  void (*tell)(void *context, dsm_finding finding, const char *text);
  void *context;
} dsm_doctor_options;
/** Looks at everything, rank by rank where there are several, tells it finding by finding, and counts them.
 *  With a configuration its model is built once, to know its memory, as in a dry run. Collective over `comm`; NULL: a process
 *  on its own, which starts MPI in a child only, so that whatever MPI does there is survived.
 *  @param[out] counts  of each kind of finding; rank 0
 *  @return DSM_OK, or the status of the first finding that failed */
dsm_status dsm_doctor(dsm_comm *comm, const dsm_doctor_options *options, size_t counts[DSM_FINDINGS]);

#endif
