/* Who started this process, and how many of them? Only the innermost launcher may be believed: `mpirun`
 * inside a Slurm job starts its daemons as a Slurm step, so that a rank sees SLURM_STEP_NUM_TASKS = number of
 * nodes, whatever the number of ranks. So the variables are asked from the inside out, and the first that is
 * set decides. SLURM_NTASKS belongs to the allocation, not to this process (a plain ./dsmpi in a batch script
 * sees it), and is not asked at all. */
#include "launcher.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include "dsmpi/dist.h"

/* false when unset or not a number */
static bool number(char *(*get)(const char *), const char *name, long *value) {
  const char *text = get(name);
  if (!text || !isdigit((unsigned char)text[0])) return false;
  char *end;
  *value = strtol(text, &end, 10);
  return *end == '\0';
}

/* Batch scripts, interactive shells and the like are steps too, with ids that are words or, in numbers, close
 * to 2^32. They are one process, whatever else the environment says. */
static bool in_srun_step(char *(*get)(const char *)) {
  long id;
  if (!number(get, "SLURM_STEP_ID", &id) && !number(get, "SLURM_STEPID", &id)) return false;
  return id < 4294967280L;
}

dsm_launcher dsm__launcher_read(char *(*get)(const char *name)) {
  dsm_launcher l = {.variable = NULL, .tasks = 1, .task = 0};
  long n;
  if (number(get, "OMPI_COMM_WORLD_SIZE", &n)) {
    l.variable = "OMPI_COMM_WORLD_SIZE";
    l.tasks = n;
    number(get, "OMPI_COMM_WORLD_RANK", &l.task);
    return l;
  }
  if (number(get, "PMI_SIZE", &n)) {
    l.variable = "PMI_SIZE";
    l.tasks = n;
    number(get, "PMI_RANK", &l.task);
    return l;
  }
  if (in_srun_step(get) && number(get, "SLURM_STEP_NUM_TASKS", &n)) {
    l.variable = "SLURM_STEP_NUM_TASKS";
    l.tasks = n;
    number(get, "SLURM_PROCID", &l.task);
  }
  /* PMIx tells a task its number only: a number above 0 means that there are others. */
  if (number(get, "PMIX_RANK", &n)) {
    if (n + 1 > l.tasks) {
      l.variable = "PMIX_RANK";
      l.tasks = n + 1;
    }
    l.task = n;
  }
  return l;
}

const char *dsm__launcher_name(char *(*get)(const char *)) {
  if (get("OMPI_COMM_WORLD_SIZE")) return "mpirun";
  if (in_srun_step(get)) return "srun";
  if (get("PMI_SIZE")) return "a launcher with PMI";
  return get("PMIX_RANK") ? "a launcher with PMIx" : NULL;
}

bool dsm_launched_several(int *task) {
  dsm_launcher l = dsm__launcher_read(getenv);
  bool uncounted = !l.variable && getenv("PMIX_RANK"); /* number 0 of who knows how many */
  if (task) *task = (int)l.task;
  return l.tasks > 1 || uncounted;
}

const char *const *dsm__launcher_shortcuts(char *(*get)(const char *)) {
  static const char *const none[] = {NULL}, *const one_host[] = {"OMPI_MCA_pml", "ob1", NULL};
  /* a process without a daemon takes itself for job 1, like every other such process of this user, and they would
   * make and remove the same session folder */
  static const char *const alone[] = {"OMPI_MCA_pml",
                                      "ob1",
                                      "OMPI_MCA_ess_singleton_isolated",
                                      "1",
                                      "OMPI_MCA_orte_create_session_dirs",
                                      "0",
                                      NULL};
  long tasks, here;
  if (number(get, "OMPI_COMM_WORLD_SIZE", &tasks) && number(get, "OMPI_COMM_WORLD_LOCAL_SIZE", &here))
    return here == tasks ? one_host : none;
  const bool launched = dsm__launcher_read(get).variable || get("PMIX_RANK") || get("OMPI_COMM_WORLD_SIZE");
  return launched ? none : alone;
}

const char *dsm__library_name(const char *version, char *text, size_t size) {
  /* "Open MPI v4.1.4, package: Debian ..." and "MPICH Version:\t4.0.2\nMPICH Release date:..." */
  size_t n = 0;
  for (const char *c = version; *c && *c != ',' && *c != '\n' && n + 1 < size; c++) {
    if (strncmp(c, "Version:", 8) == 0) {
      c += 7;
      continue;
    }
    if (*c == 'v' && isdigit((unsigned char)c[1]) && (c == version || c[-1] == ' ')) continue;
    char shown = isspace((unsigned char)*c) ? ' ' : *c;
    if (shown == ' ' && (n == 0 || text[n - 1] == ' ')) continue;
    text[n++] = shown;
  }
  while (n > 0 && text[n - 1] == ' ') n--;
  text[n] = '\0';
  return text;
}
