/** @file host.h
 *  This host, and who lives on it: what files say of their writers is compared with these. */
#ifndef DSMPI_HOST_H
#define DSMPI_HOST_H

#include <stdbool.h>
#include <stddef.h>

/** The name of this host, cut to fit; "host" where the system tells none. Returns `text`. */
const char *dsm_host_name(char *text, size_t size);
/** Whether a process of this number runs on this host. One that has died and was not waited for yet does not. */
bool dsm_pid_runs(long pid);

#endif
