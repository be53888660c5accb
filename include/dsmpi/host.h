/** @file host.h
 *  What this process is and what it runs on, as the kernel tells it. Nothing here is collective. */
#ifndef DSMPI_HOST_H
#define DSMPI_HOST_H

#include "dsmpi/status.h"

/** What tells builds of this program apart: the build id that the linker gave it, else a digest of its file, in
 *  hexadecimal digits. "unknown" if neither can be read. Returns `text`. */
const char *dsm_program_id(char *text, size_t size);
/** "AMD EPYC 7763 64-Core Processor"; the architecture where the kernel tells no more. Returns `text`. */
const char *dsm_host_processor(char *text, size_t size);
/** Cores that can compute at the same time without sharing one's arithmetic: hardware threads of one core count once. */
int dsm_host_cores(void);
/** Cores' worth of computing that control groups (containers, batch systems) allow this process; 0: no limit. */
double dsm_host_quota(void);
/** Memory in bytes; 0: not known, or no limit. */
typedef struct dsm_host_memory {
  double total, available; /* of the machine */
  double limit, used;      /* of the tightest control group around this process */
} dsm_host_memory;
dsm_host_memory dsm_host_memory_of(void);

/** The name of this host, cut to fit; "host" where the system tells none. Returns `text`. */
const char *dsm_host_name(char *text, size_t size);
/** Whether a process of this number runs on this host. One that has died and was not waited for yet does not. */
bool dsm_pid_runs(long pid);

#endif
