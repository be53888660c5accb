/* MPI: does it start, and how are jobs started here? */
#include "doctor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const double TRIAL_SECONDS = 60;

/* The first line that a program says, "" if it cannot be run. */
static void first_line(const char *command, char *line, size_t size) {
  line[0] = '\0';
  FILE *answer = popen(command, "r");
  if (!answer) return;
  if (fgets(line, (int)size, answer)) line[strcspn(line, "\n")] = '\0';
  pclose(answer);
}

/* "4.1.4" of "mpirun (Open MPI) 4.1.4": the last word. */
static const char *last_word(const char *text) {
  const char *space = strrchr(text, ' ');
  return space ? space + 1 : text;
}

static void check_mpirun(dsm__doctor *d) {
  char line[256];
  const char *library = dsm_comm_library(), *allow = getenv("OMPI_ALLOW_RUN_AS_ROOT"),
             *confirm = getenv("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM");
  const bool open_mpi = strncmp(library, "Open MPI", 8) == 0;
  const int cores = dsm_host_cores();
  first_line("timeout 20 mpirun --version 2>/dev/null </dev/null", line, sizeof line);
  if (!line[0]) {
    dsm__warning(
        d,
        "mpirun is not found or does not answer: install it (openmpi-bin), load the module of %s, or "
        "start jobs with srun",
        library);
    return;
  }
  if (open_mpi && (!strstr(line, "Open MPI") || strcmp(last_word(line), last_word(library)) != 0)) {
    dsm__warning(
        d,
        "mpirun on the PATH is '%.100s', but dsmpi is linked to %s: ranks may not find each other; put the "
        "mpirun of %s first on the PATH",
        line, library, library);
    return;
  }
  if (open_mpi && geteuid() == 0 && !(allow && confirm)) {
    dsm__warning(d, "you are root, as in many containers: mpirun refuses unless OMPI_ALLOW_RUN_AS_ROOT=1 and "
                    "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 are set");
    return;
  }
  dsm__ok(d,
          "start here with: mpirun -np %d dsmpi train ...; for more ranks than the %d core%s of a host ('not "
          "enough "
          "slots') add --oversubscribe",
          cores, cores, cores == 1 ? "" : "s");
}

void dsm__check_mpi(dsm__doctor *d) {
  char level[64];
  if (d->comm) {
    const char *launcher = dsm_comm_launcher(d->comm);
    dsm__ok(d, "MPI: %s, %s, %d rank%s started by %s", dsm_comm_library(), dsm_comm_thread_level(d->comm),
            d->size, d->size == 1 ? "" : "s", launcher ? launcher : "nobody");
    return;
  }
  const dsm_status status = dsm_comm_trial(TRIAL_SECONDS, level, sizeof level);
  if (status != DSM_OK)
    dsm__trail_failure(d, status, dsm_comm_library());
  else
    dsm__ok(d, "MPI: %s, %s, not started by a launcher: one process (fine on a login node)",
            dsm_comm_library(), level);
  check_mpirun(d);
}
