/* Slurm: is it here, how does srun start MPI, how long does this job last? */
#include "doctor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "dsmpi/text.h"

enum { SAID = 4096 };

static bool on_path(const char *program) {
  char file[2048];
  for (const char *at = getenv("PATH"); at && *at;) {
    const size_t length = strcspn(at, ":");
    snprintf(file, sizeof file, "%.*s/%s", (int)length, at, program);
    if (access(file, X_OK) == 0) return true;
    at += length + (at[length] == ':');
  }
  return false;
}

static void all_words(const char *command, char said[SAID]) {
  size_t used = 0;
  said[0] = '\0';
  FILE *answer = popen(command, "r");
  if (!answer) return;
  used = fread(said, 1, SAID - 1, answer);
  said[used] = '\0';
  while (fgetc(answer) != EOF) continue;
  pclose(answer);
}

void dsm__srun_types(const char *said, char *types, size_t size) {
  types[0] = '\0';
  if (!strstr(said, "plugin types are")) return;
  for (const char *at = said; *at;) {
    at += strspn(at, " \t\n,:");
    const size_t length = strcspn(at, " \t\n,:");
    const bool type = strncmp(at, "pmi", 3) == 0 || (length == 4 && strncmp(at, "none", 4) == 0) ||
                      strncmp(at, "cray", 4) == 0 || (length == 7 && strncmp(at, "openmpi", 7) == 0);
    /* "specific pmix plugin versions available: pmix_v4": words of the sentence are none of the list */
    const bool sentence = strncmp(at + length, " plugin", 7) == 0;
    if (type && !sentence && strlen(types) + length + 2 < size)
      dsm_append(types, size, "%s%.*s", types[0] ? " " : "", (int)length, at);
    at += length;
  }
}

static void check_types(dsm__doctor *d, const char *version) {
  char said[SAID], types[256];
  all_words("timeout 10 srun --mpi=list 2>&1 </dev/null", said);
  dsm__srun_types(said, types, sizeof types);
  if (!types[0]) {
    said[strcspn(said, "\n")] = '\0';
    if (getenv("SLURM_JOB_ID"))
      dsm__warning(
          d, "Slurm %s: this is a job, but srun does not say how it starts MPI ('%.120s'): start with mpirun",
          version, said);
    else
      dsm__ok(d, "srun is installed, but no Slurm answers here ('%.100s'): start with mpirun", said);
  } else if (strstr(types, "pmix")) {
    dsm__ok(d, "Slurm %s; srun MPI types: %s -> use srun --mpi=pmix", version, types);
  } else {
    dsm__warning(
        d,
        "Slurm %s; srun MPI types: %s, without pmix: srun cannot start %s as one job; use mpirun inside the "
        "allocation",
        version, types, dsm_comm_library());
  }
}

static void check_job(dsm__doctor *d) {
  const char *job = getenv("SLURM_JOB_ID"), *cpus = getenv("SLURM_CPUS_PER_TASK");
  char text[32];
  if (!job) return;
  const double left = dsm__slurm_left();
  if (left < 0)
    dsm__warning(d, "Slurm job %s: the time that is left is not known (squeue does not tell); give --maxh",
                 job);
  else
    dsm__ok(d, "Slurm job %s on %s node%s: %s left; training stops in time by itself", job,
            getenv("SLURM_JOB_NUM_NODES") ? getenv("SLURM_JOB_NUM_NODES") : "?",
            getenv("SLURM_JOB_NUM_NODES") && strcmp(getenv("SLURM_JOB_NUM_NODES"), "1") == 0 ? "" : "s",
            dsm_duration(left, text, sizeof text));
  if (cpus && strcmp(cpus, "1") != 0 && !getenv("SRUN_CPUS_PER_TASK"))
    dsm__warning(d,
                 "the job has %s cores a task, but srun does not take that over from sbatch: export "
                 "SRUN_CPUS_PER_TASK=$SLURM_CPUS_PER_TASK",
                 cpus);
}

void dsm__check_slurm(dsm__doctor *d) {
  char said[SAID], version[64];
  if (on_path("srun")) {
    all_words("timeout 10 srun --version 2>/dev/null </dev/null", said);
    const char *number = strchr(said, ' ');
    snprintf(version, sizeof version, "%.*s", (int)strcspn(number ? number + 1 : said, "\n"),
             number ? number + 1 : said);
    check_types(d, version);
  }
  check_job(d);
}
