#include "dsmpi/clock.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

double dsm_seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

double dsm_seconds_of_process(void) {
  char text[1024];
  struct timespec now;
  unsigned long long ticks;
  FILE *file = fopen("/proc/self/stat", "r");
  if (!file) return NAN;
  const size_t length = fread(text, 1, sizeof text - 1, file);
  fclose(file);
  text[length] = '\0';
  /* the start, in clock ticks since the machine's, is field 22; the name, field 2, ends at the last bracket */
  const char *field = strrchr(text, ')');
  for (int i = 2; field && i < 22; i++) field = strchr(field + 1, ' ');
  if (!field || sscanf(field, "%llu", &ticks) != 1 || clock_gettime(CLOCK_BOOTTIME, &now) != 0) return NAN;
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec - (double)ticks / (double)sysconf(_SC_CLK_TCK);
}

static int by_value(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

double dsm_median(double *seconds, size_t n) {
  qsort(seconds, n, sizeof *seconds, by_value);
  return n % 2 ? seconds[n / 2] : 0.5 * (seconds[n / 2 - 1] + seconds[n / 2]);
}

const char *dsm_duration(double seconds, char *text, size_t size) {
  if (!(seconds >= 0 && seconds < 1e12)) { /* an estimate that is not known yet */
    snprintf(text, size, "?");
  } else if (seconds < 59.95) {
    snprintf(text, size, "%.1f s", seconds);
  } else {
    long long s = llround(seconds), m = s / 60, h = m / 60, d = h / 24;
    if (h == 0)
      snprintf(text, size, "%lld:%02lld", m, s % 60);
    else if (d == 0)
      snprintf(text, size, "%lld:%02lld:%02lld", h, m % 60, s % 60);
    else
      snprintf(text, size, "%lldd %02lld:%02lld", d, h % 24, m % 60);
  }
  return text;
}

const char *dsm_timestamp(char *text, size_t size) {
  time_t now = time(NULL);
  struct tm local;
  char date[32] = "", zone[8] = "";
  if (localtime_r(&now, &local)) {
    strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &local);
    strftime(zone, sizeof zone, "%z", &local); /* +0100; ISO 8601 wants +01:00 beside a date with dashes */
  }
  if (strlen(zone) == 5)
    snprintf(text, size, "%s%.3s:%s", date, zone, zone + 3);
  else
    snprintf(text, size, "%s", date);
  return text;
}

const char *dsm_bytes(double bytes, char *text, size_t size) {
  static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
  const size_t last = sizeof units / sizeof *units - 1;
  size_t unit = 0;
  /* 999.95 kB would print as 1000.0 kB, 999.5 B as 1000 B: the step up comes before the rounding does it */
  while (unit < last && fabs(bytes) >= (unit == 0 ? 999.5 : 999.95)) {
    bytes /= 1000;
    unit++;
  }
  snprintf(text, size, unit == 0 ? "%.0f %s" : "%.1f %s", bytes, units[unit]);
  return text;
}
