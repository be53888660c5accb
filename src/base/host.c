/* Processor, cores and memory, and what control groups leave of them. */
#include "dsmpi/host.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <sys/utsname.h>
#include <unistd.h>

/* ---- processor ----------------------------------------------------------------------------------------- */

const char *dsm_host_processor(char *text, size_t size) {
  char line[512];
  struct utsname machine;
  text[0] = '\0';
  FILE *file = fopen("/proc/cpuinfo", "r");
  while (file && !text[0] && fgets(line, sizeof line, file)) {
    if (strncmp(line, "model name", 10) != 0) continue;
    const char *name = strchr(line, ':');
    if (!name) continue;
    name += 1 + strspn(name + 1, " \t");
    snprintf(text, size, "%.*s", (int)strcspn(name, "\n"), name);
  }
  if (file) fclose(file);
  if (!text[0]) snprintf(text, size, "%s", uname(&machine) == 0 ? machine.machine : "unknown");
  return text;
}

/* The first number of a list of processors such as "3,67" or "6-7"; -1: none. */
static int first_sibling(int cpu) {
  char path[96];
  int first = -1;
  snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list", cpu);
  FILE *file = fopen(path, "r");
  if (!file) return -1;
  if (fscanf(file, "%d", &first) != 1) first = -1;
  fclose(file);
  return first;
}

int dsm_host_cores(void) {
  const long online = sysconf(_SC_NPROCESSORS_ONLN), all = sysconf(_SC_NPROCESSORS_CONF);
  int cores = 0;
  for (int cpu = 0; cpu < all; cpu++) cores += first_sibling(cpu) == cpu; /* each core by its first thread */
  return cores > 0 && cores <= online ? cores : online > 0 ? (int)online : 1;
}

/* ---- control groups ------------------------------------------------------------------------------------ */

enum { PATH = 1024 };

/* The group of this process in the hierarchy of `controller` (version 1), or in the one of version 2 (""). */
static bool group_of(const char *controller, char group[PATH]) {
  char line[PATH + 128];
  bool found = false;
  FILE *file = fopen("/proc/self/cgroup", "r");
  while (file && !found && fgets(line, sizeof line, file)) {
    char *names = strchr(line, ':'), *path = names ? strchr(names + 1, ':') : NULL;
    if (!path) continue;
    *path++ = '\0';
    path[strcspn(path, "\n")] = '\0';
    names++;
    for (char *rest = names, *name; !found && (name = strsep(&rest, ","));)
      found = strcmp(name, controller) == 0;
    if (found) snprintf(group, PATH, "%.*s", PATH - 1, path);
  }
  if (file) fclose(file);
  return found;
}

/* The first `n` numbers of a file; "max", which is no limit, as infinity. Returns how many there are. */
static int numbers(const char *folder, const char *name, double *x, int n) {
  char path[2 * PATH + 64], word[64];
  int count = 0;
  snprintf(path, sizeof path, "%s/%s", folder, name);
  FILE *file = fopen(path, "r");
  if (!file) return 0;
  while (count < n && fscanf(file, "%63s", word) == 1)
    if (strcmp(word, "max") == 0)
      x[count++] = INFINITY;
    else if (sscanf(word, "%lf", &x[count]) == 1)
      count++;
    else
      break;
  fclose(file);
  return count;
}

/* Calls `look` for the group and each one around it. Inside a container the group's path may not be there: then the root
 * is that of the container. */
static void each_group(const char *root, const char *controller, void (*look)(const char *folder, void *data),
                       void *data) {
  char group[PATH], folder[2 * PATH];
  if (!group_of(controller, group)) return;
  for (;;) {
    snprintf(folder, sizeof folder, "%s%s", root, strcmp(group, "/") == 0 ? "" : group);
    look(folder, data);
    char *slash = strrchr(group, '/');
    if (!slash || group[0] == '\0' || strcmp(group, "/") == 0) return;
    *slash = '\0';
  }
}

static void look_at_memory(const char *folder, const char *limit_name, const char *used_name,
                           dsm_host_memory *memory) {
  double limit, used;
  if (numbers(folder, limit_name, &limit, 1) != 1 || !isfinite(limit)) return;
  if (memory->limit > 0 && limit >= memory->limit) return;
  memory->limit = limit;
  memory->used = numbers(folder, used_name, &used, 1) == 1 ? used : 0;
}

static void memory_of_2(const char *folder, void *memory) {
  look_at_memory(folder, "memory.max", "memory.current", memory);
}

static void memory_of_1(const char *folder, void *memory) {
  look_at_memory(folder, "memory.limit_in_bytes", "memory.usage_in_bytes", memory);
}

static void quota_of_2(const char *folder, void *data) {
  double x[2], *quota = data;
  if (numbers(folder, "cpu.max", x, 2) != 2 || !isfinite(x[0]) || !(x[1] > 0)) return;
  if (*quota == 0 || x[0] / x[1] < *quota) *quota = x[0] / x[1];
}

static void quota_of_1(const char *folder, void *data) {
  double allowed, period, *quota = data;
  if (numbers(folder, "cpu.cfs_quota_us", &allowed, 1) != 1 || allowed <= 0) return;
  if (numbers(folder, "cpu.cfs_period_us", &period, 1) != 1 || period <= 0) return;
  if (*quota == 0 || allowed / period < *quota) *quota = allowed / period;
}

double dsm_host_quota(void) {
  double quota = 0;
  each_group("/sys/fs/cgroup", "", quota_of_2, &quota);
  each_group("/sys/fs/cgroup/cpu", "cpu", quota_of_1, &quota);
  return quota;
}

/* ---- memory -------------------------------------------------------------------------------------------- */

dsm_host_memory dsm_host_memory_of(void) {
  dsm_host_memory memory = {0};
  char line[128];
  double kilobytes;
  FILE *file = fopen("/proc/meminfo", "r");
  while (file && fgets(line, sizeof line, file)) {
    if (sscanf(line, "MemTotal: %lf kB", &kilobytes) == 1) memory.total = 1024 * kilobytes;
    if (sscanf(line, "MemAvailable: %lf kB", &kilobytes) == 1) memory.available = 1024 * kilobytes;
  }
  if (file) fclose(file);
  each_group("/sys/fs/cgroup", "", memory_of_2, &memory);
  each_group("/sys/fs/cgroup/memory", "memory", memory_of_1, &memory);
  if (memory.limit >= memory.total)
    memory.limit = memory.used = 0; /* version 1 writes "none" as a huge number */
  return memory;
}

/* ---- name and processes -------------------------------------------------------------------------------- */

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
