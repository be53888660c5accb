/** @file doctor.h
 *  What the parts of the doctor share: findings, and what each rank tells of itself. */
#ifndef DSMPI_TRAIN_DOCTOR_H
#define DSMPI_TRAIN_DOCTOR_H

#include "../internal.h"
#include "../placement.h"
#include "dsmpi/doctor.h"

/** Of one rank. Holds no pointers. */
typedef struct dsm__checkup {
  dsm__rank_facts facts;
  dsm_host_memory memory;
  double quota;                    /* dsm_host_quota */
  double shm;                      /* bytes free in /dev/shm; below 0: it is not there */
  double address_space, file_size; /* limits of the process, INFINITY: none */
  double open_files;
  double data_bytes;   /* size of the data file; below 0: it cannot be read here */
  dsm_file_system run; /* under the run folder, or under the current one */
  int local_size;      /* ranks of its host */
  bool first_of_host;
} dsm__checkup;

typedef struct dsm__doctor {
  dsm_comm *comm; /* NULL: alone */
  const dsm_doctor_options *options;
  size_t *counts;
  dsm_status first_failure;
  bool root;
  int size;
  dsm__checkup *all; /* (size) on every rank */
  double checkpoint; /* bytes of one of the configuration; 0: not known. Rank 0 */
} dsm__doctor;

/** Tells and counts one. Rank 0. */
void dsm__ok(dsm__doctor *d, const char *format, ...) __attribute__((format(printf, 2, 3)));
void dsm__warning(dsm__doctor *d, const char *format, ...) __attribute__((format(printf, 2, 3)));
void dsm__failure(dsm__doctor *d, dsm_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/** What the trail says, as a failure; clears it. */
void dsm__trail_failure(dsm__doctor *d, dsm_status status, const char *what);

/** Fills d->all. Collective. @param[in] data_file  "" = none; the same on all ranks */
dsm_status dsm__checkup_all(dsm__doctor *d, const char *data_file);

/** The checks; rank 0, where nothing else is said. */
void dsm__check_mpi(dsm__doctor *d);
void dsm__check_slurm(dsm__doctor *d);
void dsm__check_ranks(dsm__doctor *d);
void dsm__check_environment(dsm__doctor *d);
/** Collective. */
dsm_status dsm__check_clocks(dsm__doctor *d);
void dsm__check_processors(dsm__doctor *d);
void dsm__check_memory(dsm__doctor *d);
void dsm__check_limits(dsm__doctor *d);
void dsm__check_hdf5(dsm__doctor *d);
void dsm__check_config(dsm__doctor *d);
void dsm__check_folders(dsm__doctor *d);

/** What the environment says about threads that hurts, one after the other: `next` from 0 on, raised by each call. `get` is
 *  getenv outside tests. Pure. @return false: no more */
typedef struct dsm__advice {
  bool hurts;
  char text[256];
} dsm__advice;
bool dsm__environment_advice(char *(*get)(const char *name), int ranks, int threads, int *next,
                             dsm__advice *advice);

/** What `srun --mpi=list` says, as one list: "none pmi2 pmix pmix_v4"; "" if it is not such a list. Pure. */
void dsm__srun_types(const char *said, char *types, size_t size);

#endif
