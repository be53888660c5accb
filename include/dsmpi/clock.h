/** @file clock.h
 *  Time that never runs backwards, and times for people. */
#ifndef DSMPI_CLOCK_H
#define DSMPI_CLOCK_H

#include <stddef.h>

/** Seconds on the monotonic clock; only differences have a meaning. */
double dsm_seconds(void);
/** Seconds since this process was started, to a hundredth, what it needed to load its libraries included; NAN where
 *  /proc does not tell. */
double dsm_seconds_of_process(void);
/** Median of n times, n >= 1; sorts them. */
double dsm_median(double *seconds, size_t n);
/** Writes a duration as people read it: "8.2 s", "3:07", "1:02:03", "2d 04:05". Returns `text`. */
const char *dsm_duration(double seconds, char *text, size_t size);
/** Local time as ISO 8601, "2026-01-31T12:34:56+01:00". Returns `text`. */
const char *dsm_timestamp(char *text, size_t size);
/** Bytes as people read them: "812 B", "3.4 MB", "1.2 GB" (powers of 1000). Returns `text`. */
const char *dsm_bytes(double bytes, char *text, size_t size);

#endif
