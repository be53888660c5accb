/* Start and end of MPI, and who is where. */
#include "internal.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include "dsmpi/log.h"
#include "dsmpi/memory.h"
#include "launcher.h"

dsm_status dsm__mpi_check(int code, const char *call) {
  if (code == MPI_SUCCESS) return DSM_OK;
  char text[MPI_MAX_ERROR_STRING];
  int length = 0;
  if (MPI_Error_string(code, text, &length) != MPI_SUCCESS) length = 0;
  DSM_FAIL(DSM_INTERNAL, "MPI reports \"%.*s\" (code %d) from %s", length, text, code, call);
}

/* A broken assertion on one rank would leave the others waiting for it. */
static void abort_all(const char *message) {
  (void)message; /* printed already */
  int started = 0, ended = 0;
  MPI_Initialized(&started);
  MPI_Finalized(&ended);
  if (started && !ended) MPI_Abort(MPI_COMM_WORLD, dsm_status_exit_code(DSM_INTERNAL));
  abort();
}

/* For launchers under which MPI_Init works but finds nobody else. Under srun without PMIx, Open MPI 4.1 does
 * not even come back from MPI_Init: it explains itself and leaves with _exit(1). */
static dsm_status check_launcher(dsm_launcher l, int size) {
  if (size > 1 || l.tasks <= 1) return DSM_OK;
  /* Each task is alone and takes itself for rank 0: without this, all of them would print. */
  if (l.task != 0) return dsm_trail_set(DSM_LAUNCHER, "");
  DSM_FAIL(DSM_LAUNCHER,
           "the launcher started %ld tasks (%s) but MPI sees 1: each of them would run alone. Start with "
           "`srun --mpi=pmix` or with the mpirun of %s, the MPI that dsmpi is linked to. If one task alone "
           "is meant, "
           "unset %s",
           l.tasks, l.variable, dsm_comm_library(), l.variable);
}

static dsm_status find_place(dsm_comm *c) {
  int length = 0;
  DSM_MPI(MPI_Comm_rank(c->mpi, &c->rank));
  DSM_MPI(MPI_Comm_size(c->mpi, &c->size));
  DSM_MPI(MPI_Get_processor_name(c->host, &length));
  MPI_Comm here;
  DSM_MPI(MPI_Comm_split_type(c->mpi, MPI_COMM_TYPE_SHARED, c->rank, MPI_INFO_NULL, &here));
  DSM_MPI(MPI_Comm_rank(here, &c->local_rank));
  DSM_MPI(MPI_Comm_size(here, &c->local_size));
  DSM_MPI(MPI_Comm_free(&here));
  int first_of_host = c->local_rank == 0;
  DSM_MPI(MPI_Allreduce(&first_of_host, &c->hosts, 1, MPI_INT, MPI_SUM, c->mpi));
  return DSM_OK;
}

static dsm_status start_mpi(dsm_comm *c) {
  int started = 0, ended = 0;
  DSM_MPI(MPI_Finalized(&ended));
  if (ended) DSM_FAIL(DSM_INTERNAL, "MPI was ended before and cannot be started again in the same process");
  DSM_MPI(MPI_Initialized(&started));
  if (!started) {
    int provided;
    for (const char *const *s = dsm__launcher_shortcuts(getenv); *s; s += 2) /* what the user has set stays */
      if (setenv(s[0], s[1], 0) != 0) DSM_FAIL(DSM_NO_MEMORY, "no memory for %s in the environment", s[0]);
    DSM_MPI(MPI_Init_thread(NULL, NULL, MPI_THREAD_SERIALIZED, &provided));
    c->started_mpi = true;
    if (provided < MPI_THREAD_FUNNELED) /* compute threads exist, though only one talks to MPI */
      DSM_FAIL(DSM_INTERNAL, "%s offers no thread level above SINGLE; FUNNELED is needed",
               dsm_comm_library());
  }
  return DSM_OK;
}

dsm_status dsm_comm_create(dsm_comm **comm) {
  dsm_status status = DSM_OK;
  dsm_comm *c = NULL;
  dsm_launcher launcher = dsm__launcher_read(getenv); /* before MPI_Init, which writes to the environment */
  *comm = NULL;
  DSM_TRY(DSM_ALLOC(1, &c));
  c->mpi = MPI_COMM_NULL;
  c->launcher = dsm__launcher_name(getenv);
  DSM_TRY_DONE(start_mpi(c));
  DSM_TRY_DONE(dsm__mpi_check(MPI_Comm_dup(MPI_COMM_WORLD, &c->mpi), "MPI_Comm_dup"));
  DSM_TRY_DONE(dsm__mpi_check(MPI_Comm_set_errhandler(c->mpi, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler"));
  DSM_TRY_DONE(find_place(c));
  status = check_launcher(launcher, c->size);
  if (status != DSM_OK) goto done; /* no place added: the trail of the other tasks stays empty */
  dsm_set_panic_hook(abort_all);
  dsm_log_set_rank(c->rank, c->size);
  *comm = c;
done:
  if (status != DSM_OK) dsm_comm_destroy(&c);
  return status;
}

void dsm_comm_destroy(dsm_comm **comm) {
  if (!comm || !*comm) return;
  dsm_comm *c = *comm;
  dsm_set_panic_hook(NULL);
  if (c->mpi != MPI_COMM_NULL) MPI_Comm_free(&c->mpi);
  if (c->started_mpi) MPI_Finalize();
  free(c);
  *comm = NULL;
}

int dsm_comm_rank(const dsm_comm *comm) {
  return comm->rank;
}
int dsm_comm_size(const dsm_comm *comm) {
  return comm->size;
}
int dsm_comm_local_rank(const dsm_comm *comm) {
  return comm->local_rank;
}
int dsm_comm_local_size(const dsm_comm *comm) {
  return comm->local_size;
}
int dsm_comm_hosts(const dsm_comm *comm) {
  return comm->hosts;
}
const char *dsm_comm_host(const dsm_comm *comm) {
  return comm->host;
}

const char *dsm_comm_launcher(const dsm_comm *comm) {
  return comm->launcher;
}
const char *dsm_comm_thread_level(const dsm_comm *comm) {
  int level = MPI_THREAD_SINGLE;
  (void)comm;
  if (MPI_Query_thread(&level) != MPI_SUCCESS) return "unknown thread level";
  return level == MPI_THREAD_MULTIPLE     ? "MPI_THREAD_MULTIPLE"
         : level == MPI_THREAD_SERIALIZED ? "MPI_THREAD_SERIALIZED"
         : level == MPI_THREAD_FUNNELED   ? "MPI_THREAD_FUNNELED"
                                          : "MPI_THREAD_SINGLE";
}

const char *dsm_comm_library(void) {
  static char name[96];
  if (name[0] == '\0') {
    char version[MPI_MAX_LIBRARY_VERSION_STRING] = "MPI";
    int length = 0;
    MPI_Get_library_version(version, &length); /* may be called before MPI_Init */
    dsm__library_name(version, name, sizeof name);
  }
  return name;
}

int dsm_comm_cores(void) {
  /* The kernel refuses masks shorter than its own: grow until it fits. */
  for (int cores = 1024; cores <= 1 << 20; cores *= 2) {
    cpu_set_t *set = CPU_ALLOC((size_t)cores);
    if (!set) break;
    size_t bytes = CPU_ALLOC_SIZE((size_t)cores);
    int failed = sched_getaffinity(0, bytes, set);
    int error = errno, n = failed ? 0 : CPU_COUNT_S(bytes, set);
    CPU_FREE(set);
    if (!failed) return n > 0 ? n : 1;
    if (error != EINVAL) break;
  }
  return 1;
}
