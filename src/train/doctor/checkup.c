/* What each rank finds where it runs, for rank 0 to compare. */
#include "doctor.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

static double limit_of(int resource) {
  struct rlimit limit;
  if (getrlimit((__typeof__(RLIMIT_AS))resource, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
    return INFINITY;
  return (double)limit.rlim_cur;
}

static double shared_memory(void) {
  struct statvfs room;
  if (statvfs("/dev/shm", &room) != 0 || access("/dev/shm", W_OK) != 0) return -1;
  return (double)room.f_bavail * (double)room.f_frsize;
}

static double size_if_readable(const char *file) {
  struct stat facts;
  if (stat(file, &facts) != 0 || access(file, R_OK) != 0) return -1;
  return (double)facts.st_size;
}

static dsm_status look(const dsm__doctor *d, const char *data_file, dsm__checkup *c) {
  const dsm_config *config = d->options->config;
  dsm_kernels kernels;
  memset(c, 0, sizeof *c); /* padding travels too */
  DSM_TRY(dsm_kernels_fast(&kernels, 1, NULL));
  const int threads = config && config->train.threads > 0 ? (int)config->train.threads : dsm__cores(d->comm);
  dsm__rank_facts_find(d->comm, threads, kernels.instructions, &c->facts);
  c->memory = dsm_host_memory_of();
  c->quota = dsm_host_quota();
  c->shm = shared_memory();
  c->address_space = limit_of(RLIMIT_AS);
  c->file_size = limit_of(RLIMIT_FSIZE);
  c->open_files = limit_of(RLIMIT_NOFILE);
  c->data_bytes = data_file[0] ? size_if_readable(data_file) : 0;
  DSM_TRY(dsm_file_system_of(d->options->run ? d->options->run : ".", &c->run));
  c->local_size = d->comm ? dsm_comm_local_size(d->comm) : 1;
  c->first_of_host = !d->comm || dsm_comm_local_rank(d->comm) == 0;
  return DSM_OK;
}

dsm_status dsm__checkup_all(dsm__doctor *d, const char *data_file) {
  dsm__checkup mine;
  const dsm_status status = look(d, data_file, &mine);
  if (!d->comm) {
    DSM_TRY(status);
    DSM_TRY(DSM_ALLOC(1, &d->all));
    d->all[0] = mine;
    return DSM_OK;
  }
  DSM_AGREE(d->comm, status);
  DSM_AGREE(d->comm, DSM_ALLOC((size_t)d->size, &d->all));
  DSM_TRY(dsm_comm_allgather(d->comm, &mine, sizeof mine, d->all));
  /* a thread number of the configuration is known to rank 0 alone */
  if (d->root && d->options->config && d->options->config->train.threads > 0)
    for (int r = 0; r < d->size; r++) d->all[r].facts.threads = (int)d->options->config->train.threads;
  return DSM_OK;
}
