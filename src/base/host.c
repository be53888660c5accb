#include "dsmpi/host.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/types.h>
#include <unistd.h>

const char *dsm_host_name(char *text, size_t size) {
  if (gethostname(text, size) != 0) snprintf(text, size, "host");
  text[size - 1] = '\0';
  return text;
}

bool dsm_pid_runs(long pid) {
  char path[64], state = 'R';
  if (kill((pid_t)pid, 0) != 0 && errno == ESRCH) return false;
  snprintf(path, sizeof path, "/proc/%ld/stat", pid);
  FILE *file = fopen(path, "r");
  if (!file) return true;
  if (fscanf(file, "%*d (%*[^)]) %c", &state) != 1) state = 'R';
  fclose(file);
  return state != 'Z' && state != 'X';
}
