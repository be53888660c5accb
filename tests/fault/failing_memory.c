/* Preloaded into the program (LD_PRELOAD), lets one of its requests for memory fail:
 *   FAILING_MEMORY_OF    the program, as it was started
 *   FAILING_MEMORY_AT    n, from 1; unset: none, they are counted only
 *   FAILING_MEMORY_RANK  of this rank; unset: of every process
 *   FAILING_MEMORY_LOG   file to which their number is written at the end
 * Only requests of the program itself fail, which come through posix_memalign, and none of the libraries: what they do
 * without memory is their affair, and a limit of the system (ulimit -v) would meet MPI and BLAS first. */
#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static atomic_long requests;

static bool concerned(const void *caller) {
  const char *program = getenv("FAILING_MEMORY_OF"), *wanted = getenv("FAILING_MEMORY_RANK"),
             *rank = getenv("OMPI_COMM_WORLD_RANK");
  Dl_info info;
  if (!program || (wanted && strcmp(wanted, rank ? rank : "0") != 0)) return false;
  return dladdr(caller, &info) != 0 && info.dli_fname && strcmp(info.dli_fname, program) == 0;
}

int posix_memalign(void **memory, size_t alignment, size_t bytes) {
  const char *at = getenv("FAILING_MEMORY_AT");
  if (concerned(__builtin_return_address(0)) && atomic_fetch_add(&requests, 1) + 1 == (at ? atol(at) : 0))
    return ENOMEM;
  *memory = aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
  return *memory ? 0 : ENOMEM;
}

__attribute__((destructor)) static void tell(void) {
  const char *path = getenv("FAILING_MEMORY_LOG");
  FILE *log = path && requests > 0 ? fopen(path, "w") : NULL;
  if (!log) return;
  fprintf(log, "%ld\n", (long)requests);
  fclose(log);
}
