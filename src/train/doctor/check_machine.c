/* Processor and kernels, memory, limits, shared memory. */
#include "doctor.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const double SHM_OF_RANK = 16e6; /* bytes: Open MPI's segment of a rank, with room to spare */
static const double FILES_OF_RANK = 2, FILES = 200; /* sockets to every other rank; everything else */

void dsm__check_processors(dsm__doctor *d) {
  static const char *const modern[] = {"Haswell", "Zen", "SkylakeX", "Cooperlake", "SapphireRapids"};
  const dsm__rank_facts *f = &d->all[0].facts;
  const int cores = dsm_host_cores();
  bool new_kernels = false;
  for (size_t i = 0; i < sizeof modern / sizeof *modern; i++)
    new_kernels |= strstr(f->blas, modern[i]) != NULL;
  dsm__ok(d, "processor: %s, %d core%s, %d hardware thread%s; kernels %s; %s", f->processor, cores,
          cores == 1 ? "" : "s", f->place.online, f->place.online == 1 ? "" : "s", f->kernels, f->blas);
  if (strcmp(f->kernels, "sse2") == 0 || strcmp(f->kernels, "plain") == 0)
    dsm__warning(
        d, "kernels %s: %s; expect a quarter of the speed of a processor with AVX2, or less", f->kernels,
        "no wider instructions are found or allowed (DSMPI_INSTRUCTIONS, an emulator, an old processor)");
  else if (strncmp(f->kernels, "avx", 3) == 0 && !new_kernels)
    dsm__warning(d, "%s: kernels of another, older processor; set OPENBLAS_CORETYPE=Haswell, or unset it",
                 f->blas);
}

void dsm__check_memory(dsm__doctor *d) {
  char total[32], available[32], limit[32], used[32], shm[32];
  const dsm__checkup *least = &d->all[0], *tightest = &d->all[0];
  for (int r = 0; r < d->size; r++) {
    if (d->all[r].memory.available < least->memory.available) least = &d->all[r];
    if (d->all[r].shm < tightest->shm) tightest = &d->all[r];
  }
  const dsm_host_memory *m = &least->memory;
  char where[80] = "";
  if (d->comm && dsm_comm_hosts(d->comm) > 1)
    snprintf(where, sizeof where, " on %s", least->facts.place.host);
  dsm_bytes(m->total, total, sizeof total);
  dsm_bytes(m->available, available, sizeof available);
  if (m->limit > 0)
    dsm__ok(d, "memory: %s of %s available%s; the control group allows %s, %s used", available, total, where,
            dsm_bytes(m->limit, limit, sizeof limit), dsm_bytes(m->used, used, sizeof used));
  else
    dsm__ok(d, "memory: %s of %s available%s, no limit by control groups", available, total, where);
  const double needed = SHM_OF_RANK * tightest->local_size;
  if (tightest->shm < 0)
    dsm__warning(d,
                 "/dev/shm on %s is missing or cannot be written: ranks of one host talk through it; mount "
                 "it, or expect "
                 "slow messages",
                 tightest->facts.place.host);
  else if (tightest->shm < needed)
    dsm__warning(
        d,
        "/dev/shm on %s has %s free: %d rank%s may need %s; remove leftovers of dead jobs (vader_segment.*), "
        "or give the container more (docker run --shm-size=1g)",
        tightest->facts.place.host, dsm_bytes(tightest->shm, shm, sizeof shm), tightest->local_size,
        tightest->local_size == 1 ? "" : "s", dsm_bytes(needed, total, sizeof total));
  else
    dsm__ok(d, "/dev/shm: %s free for messages between ranks of a host",
            dsm_bytes(tightest->shm, shm, sizeof shm));
}

void dsm__check_limits(dsm__doctor *d) {
  const dsm__checkup *as = &d->all[0], *size = as, *files = as;
  char text[32], needed_text[32];
  bool none = true;
  for (int r = 0; r < d->size; r++) {
    if (d->all[r].address_space < as->address_space) as = &d->all[r];
    if (d->all[r].file_size < size->file_size) size = &d->all[r];
    if (d->all[r].open_files < files->open_files) files = &d->all[r];
  }
  if (isfinite(as->address_space)) {
    none = false;
    dsm__warning(
        d,
        "limit: ulimit -v allows %s of address space on %s, which libraries reserve more of than they use; "
        "ulimit -v unlimited",
        dsm_bytes(as->address_space, text, sizeof text), as->facts.place.host);
  }
  if (isfinite(size->file_size)) {
    none = false;
    dsm_bytes(size->file_size, text, sizeof text);
    if (d->checkpoint > size->file_size)
      dsm__failure(d, DSM_IO,
                   "limit: ulimit -f allows files of %s on %s; a checkpoint has %s; ulimit -f unlimited",
                   text, size->facts.place.host, dsm_bytes(d->checkpoint, needed_text, sizeof needed_text));
    else
      dsm__warning(d, "limit: ulimit -f allows files of %s on %s: larger results fail; ulimit -f unlimited",
                   text, size->facts.place.host);
  }
  const double wanted = FILES + FILES_OF_RANK * d->size;
  if (files->open_files < wanted) {
    none = false;
    dsm__warning(d, "limit: ulimit -n allows %.0f open files on %s; %d rank%s may need %.0f; ulimit -n 4096",
                 files->open_files, files->facts.place.host, d->size, d->size == 1 ? "" : "s", wanted);
  }
  if (none) dsm__ok(d, "limits: address space and file size unlimited, %.0f open files", files->open_files);
}
