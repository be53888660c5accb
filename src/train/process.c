#include <malloc.h>
#include <stdio.h>
#include "internal.h"

double dsm__peak_memory(void) {
  /* getrusage would count what the program that started this one took before */
  char line[128];
  double kilobytes = 0;
  FILE *status = fopen("/proc/self/status", "r");
  while (status && fgets(line, sizeof line, status))
    if (sscanf(line, "VmHWM: %lf kB", &kilobytes) == 1) break;
  if (status) fclose(status);
  return 1024.0 * kilobytes;
}

void dsm__peak_memory_restart(void) {
  malloc_trim(0); /* what was freed is not in use */
  FILE *file = fopen("/proc/self/clear_refs", "w");
  if (!file) return;
  fputs("5", file); /* see proc(5) */
  fclose(file);
}
