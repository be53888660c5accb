/** @file launcher.h
 *  What the launcher says in the environment about the tasks it started. Pure, no MPI. */
#ifndef DSMPI_DIST_LAUNCHER_H
#define DSMPI_DIST_LAUNCHER_H

#include <stddef.h>

typedef struct dsm_launcher {
  const char *variable; /* where `tasks` comes from; NULL when nothing was said */
  long tasks;           /* how many tasks the launcher started, at least; 1 when nothing was said */
  long task;            /* the number of this one */
} dsm_launcher;

/** Reads the environment through `get`, which is getenv outside tests. */
dsm_launcher dsm__launcher_read(char *(*get)(const char *name));

/** "mpirun", "srun", "a launcher with PMI" or "... PMIx"; NULL when nothing was said. Before MPI_Init, which writes to the
 *  environment. */
const char *dsm__launcher_name(char *(*get)(const char *name));

/** Settings, as name, value, ..., NULL, that spare Open MPI a search for what this job cannot need; never NULL.
 *  Nobody launched this process: no daemon is started beside it. All tasks are on one host, or there is one: no
 *  network is searched for (PML ob1: shared memory); the search takes a fifth of a second. */
const char *const *dsm__launcher_shortcuts(char *(*get)(const char *name));

/** Makes "Open MPI 4.1.4" of MPI's long version text; returns `text`. */
const char *dsm__library_name(const char *version, char *text, size_t size);

#endif
