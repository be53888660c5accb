#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <unistd.h>
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

int64_t dsm__transferred(int64_t *looking) {
  char text[512];
  unsigned long long in, out;
  const int file = open("/proc/self/io", O_RDONLY | O_CLOEXEC);
  const ssize_t n = file < 0 ? -1 : read(file, text, sizeof text - 1);
  if (file >= 0) close(file);
  if (n <= 0) return -1;
  text[n] = '\0';
  if (sscanf(text, "rchar: %llu wchar: %llu", &in, &out) != 2) return -1;
  const int64_t bytes = (int64_t)(in + out) - *looking; /* before this look was counted too */
  *looking += n;
  return bytes;
}
