/** @file placement.h
 *  Where the ranks of a job sit, and what of that costs speed or bits. */
#ifndef DSMPI_TRAIN_PLACEMENT_H
#define DSMPI_TRAIN_PLACEMENT_H

#include "dsmpi/dist.h"

/** What each rank tells of itself. Holds no pointers. */
typedef struct dsm__rank_facts {
  dsm_rank_place place;
  int threads;
  char processor[64], kernels[64], blas[96];
} dsm__rank_facts;

/** What is to be warned of; "" = nothing. */
typedef struct dsm__placement {
  char crowd[640];   /* more threads than cores on a host */
  char overlap[640]; /* cores enough, but masks that hold some ranks together on a few of them */
  char mixed[1024];  /* processors whose kernels, and so bits, differ */
} dsm__placement;

/** Those of this process with `threads` threads and kernels named so; NULL `comm`: there is no job. Not collective. */
void dsm__rank_facts_find(const dsm_comm *comm, int threads, const char *kernels, dsm__rank_facts *facts);
/** Judges the facts of ranks 0 ... size - 1. Pure. Masks clash where the ranks that may run on a set of cores have more
 *  threads than it has cores; the sets looked at are all masks and the unions of two that overlap, which finds every clash
 *  of masks that lie inside each other or apart, as launchers make them.
 *  @return DSM_OK; DSM_NO_MEMORY */
dsm_status dsm__placement_judge(const dsm__rank_facts *ranks, int size, dsm__placement *verdict);

#endif
