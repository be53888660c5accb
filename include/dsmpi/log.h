/** @file log.h
 *  Messages for people. One line is one write(2), so lines of several ranks never mix. Rank 0 speaks; other
 *  ranks only warn and fail. A log file, when opened, gets every line that is shown, with the time in front. */
#ifndef DSMPI_LOG_H
#define DSMPI_LOG_H

#include "dsmpi/status.h"

typedef enum dsm_log_level { DSM_LOG_ERROR, DSM_LOG_WARNING, DSM_LOG_INFO, DSM_LOG_DEBUG } dsm_log_level;

/** Levels above `level` are silent. Default: INFO. */
void dsm_log_set_level(dsm_log_level level);
/** `rank` and `size` of this process as the log should see them. Ranks other than 0 show warnings and errors
 *  only, prefixed by their number. Default 0 of 1. */
void dsm_log_set_rank(int rank, int size);
/** Appends all further lines to `path` too, created if missing. Rank 0 only. Closed by passing NULL. */
dsm_status dsm_log_open(const char *path);
/** Prints one line (a newline is added) on stdout, warnings and errors on stderr, prefixed "dsmpi: warning:
 *  " or "dsmpi: error: ". A closed or full stdout never stops the program. */
void dsm_log(dsm_log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));
#define dsm_info(...)  dsm_log(DSM_LOG_INFO, __VA_ARGS__)
#define dsm_warn(...)  dsm_log(DSM_LOG_WARNING, __VA_ARGS__)
#define dsm_error(...) dsm_log(DSM_LOG_ERROR, __VA_ARGS__)
#define dsm_debug(...) dsm_log(DSM_LOG_DEBUG, __VA_ARGS__)
/** A warning that is appended to the file `path` alone, if there is one; for ranks other than 0 whose stderr should stay quiet. */
void dsm_log_aside(const char *path, const char *text);
/** The last line of a process that ends itself because something in it is stuck: an error, written to stderr and appended
 *  to the file `path` if there is one (NULL: none). Does not wait for another thread that is writing, or hangs in it, for
 *  longer than a second. Not only for rank 0. */
void dsm_log_last_words(const char *path, const char *text);
/** Number of warnings so far on this rank. */
size_t dsm_log_warnings(void);
/** A status line that rewrites itself on a terminal (progress bars); silent when stdout is not a terminal.
 *  Any later dsm_log() line first clears it. NULL clears it. */
void dsm_log_transient(const char *text);
/** True when stdout is a terminal. */
bool dsm_log_is_terminal(void);

#endif
