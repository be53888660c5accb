/* A configuration: are its data there, on all hosts, and does its model fit into memory? */
#include "doctor.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include "dsmpi/text.h"

/* What the model needs, found by building it. */
typedef struct plan {
  dsm_dataset *dataset;
  dsm_condition_data *conditions;
  dsm__session session;
  dsm_objective *objective;
  size_t leaves;  /* of rank 0, which has the most */
  double program; /* bytes that libraries, MPI and the like take */
} plan;

/* ---- memory for the trial ------------------------------------------------------------------------------ */

static double address_space_in_use(void) {
  double pages = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  if (file && fscanf(file, "%lf", &pages) != 1) pages = 0;
  if (file) fclose(file);
  return pages * 4096;
}

/* Of the host of rank r: what is free, and what its control group leaves. */
static double free_memory(const dsm_host_memory *m) {
  const double left = m->limit > 0 ? m->limit - m->used : INFINITY;
  return fmin(m->available, left);
}

/* Asking for more than there is must fail, not wake the kernel's killer on a node that others use too. */
static struct rlimit cap_memory(const dsm_host_memory *m) {
  struct rlimit before = {RLIM_INFINITY, RLIM_INFINITY};
  getrlimit(RLIMIT_AS, &before);
  struct rlimit capped = before;
  const double cap = address_space_in_use() + 0.9 * free_memory(m);
  if (before.rlim_cur == RLIM_INFINITY || (double)before.rlim_cur > cap) capped.rlim_cur = (rlim_t)cap;
  setrlimit(RLIMIT_AS, &capped);
  return before;
}

/* ---- the plan ------------------------------------------------------------------------------------------ */

static dsm_status open_data(dsm_config *c, plan *p) {
  DSM_TRY(dsm_dataset_open(c->data.file, c->data.dataset, c->data.axes, c->data.rows, &p->dataset));
  char training[64], held_out[64];
  DSM_TRY(dsm__held_out_split(dsm_dataset_info_of(p->dataset), c, training, held_out));
  DSM_TRY(dsm__conditions_open(p->dataset, c->data.rows, c, &p->conditions));
  return DSM_OK;
}

static dsm_status build(dsm__doctor *d, const dsm_config *c, plan *p) {
  DSM_TRY(dsm__session_create(d->comm, c, dsm_dataset_info_of(p->dataset)->sample, &p->session));
  DSM_TRY(dsm_objective_create(c, p->session.process, p->session.model, &p->session.kernels,
                               (size_t)c->train.micro_batch, &p->objective));
  return DSM_OK;
}

/* Arrays that sums of a rank's micro-batches need at most: one a level of the tree, and the one being written. */
static double sums_of(const plan *p) {
  double arrays = 1;
  for (size_t leaves = p->leaves; leaves > 1; leaves /= 2) arrays++;
  return arrays * 4.0 * (double)p->session.count;
}

/* Bytes on the host of a rank: of all its ranks, and of the copy that rank 0 writes checkpoints from. */
static double needed_on_host(const dsm__doctor *d, const dsm__checkup *rank, double each, double copy) {
  const bool of_first = strcmp(rank->facts.place.host, d->all[0].facts.place.host) == 0;
  return each * rank->local_size + (of_first ? copy : 0);
}

static void judge_memory(dsm__doctor *d, const dsm_config *c, const plan *p) {
  const dsm_graph_facts facts = dsm_objective_facts(p->objective);
  const dsm_dataset_info *info = dsm_dataset_info_of(p->dataset);
  const dsm__memory_plan m = dsm__memory_plan_of(&p->session, facts.arena_bytes, (size_t)sums_of(p));
  const double copy = c->train.background_saving ? m.parameters + m.moments + m.averages : 0;
  const double cache = info->chunk_rows > 1 ? (double)c->data.shuffle_window * 1048576 : 0;
  const double each = p->program + m.total + cache;
  const dsm__checkup *worst = &d->all[0];
  double worst_left = INFINITY;
  char one[32], all[32], free_text[32], size[32], what[160] = "";
  for (int r = 0; r < d->size; r++) {
    const double left = free_memory(&d->all[r].memory) - needed_on_host(d, &d->all[r], each, copy);
    if (left >= worst_left) continue;
    worst_left = left;
    worst = &d->all[r];
  }
  if (cache > 0) snprintf(what, sizeof what, ", %s of it for data", dsm_bytes(cache, size, sizeof size));
  if (copy > 0)
    dsm_append(what, sizeof what, ", %s more on rank 0 for checkpoints", dsm_bytes(copy, size, sizeof size));
  dsm_bytes(each, one, sizeof one);
  dsm_bytes(needed_on_host(d, worst, each, copy), all, sizeof all);
  dsm_bytes(free_memory(&worst->memory), free_text, sizeof free_text);
  if (worst_left < 0)
    dsm__failure(d, DSM_NO_MEMORY,
                 "memory: about %s a rank%s; %d rank%s on %s: %s, but %s free there; use a smaller model or "
                 "train.micro_batch, train.background_saving=false, fewer ranks a host, or more hosts",
                 one, what, worst->local_size, worst->local_size == 1 ? "" : "s", worst->facts.place.host,
                 all, free_text);
  else
    dsm__ok(d, "memory: about %s a rank%s; %d rank%s on %s: %s of the %s free there", one, what,
            worst->local_size, worst->local_size == 1 ? "" : "s", worst->facts.place.host, all, free_text);
  if (isfinite(worst->address_space) && each > worst->address_space)
    dsm__failure(d, DSM_NO_MEMORY,
                 "limit: ulimit -v allows %s on %s, and a rank needs about %s; ulimit -v unlimited",
                 dsm_bytes(worst->address_space, size, sizeof size), worst->facts.place.host, one);
}

static void check_plan(dsm__doctor *d, dsm_config *c, plan *p) {
  char path[2 * DSM_TEXT_MAX];
  const dsm_status opened = open_data(c, p);
  snprintf(path, sizeof path, "%s", c->data.file);
  if (opened != DSM_OK) {
    dsm__trail_failure(d, opened, "data");
    return;
  }
  const dsm_dataset_info *info = dsm_dataset_info_of(p->dataset);
  dsm__ok(d, "data: %s:%s, %s %s, %s", path, c->data.dataset, info->file_shape, info->type, info->layout);
  const struct rlimit before = cap_memory(&d->all[0].memory);
  const dsm_status built = build(d, c, p);
  setrlimit(RLIMIT_AS, &before);
  if (built != DSM_OK) {
    dsm__trail_failure(d, built, "model");
    return;
  }
  dsm__ok(d, "model: %s, %zu parameters", dsm_model_text(p->session.model), p->session.count);
  judge_memory(d, c, p);
  d->checkpoint = (double)p->session.count * (12 + 8 * (double)c->optimizer.ema.count) + 65536;
}

/* A file that some ranks do not see, or that is another one there. */
static void check_everywhere(dsm__doctor *d, const dsm_config *c) {
  for (int r = 1; r < d->size; r++) {
    if (d->all[r].data_bytes == d->all[0].data_bytes) continue;
    dsm__failure(d, d->all[r].data_bytes < 0 ? DSM_NOT_FOUND : DSM_BAD_DATA,
                 "data: rank %d (%s) %s %s, unlike rank 0 (%s): put it where all hosts see the same file", r,
                 d->all[r].facts.place.host,
                 d->all[r].data_bytes < 0 ? "cannot read" : "finds another file as", c->data.file,
                 d->all[0].facts.place.host);
    return;
  }
}

void dsm__check_config(dsm__doctor *d) {
  const dsm_doctor_options *o = d->options;
  plan p = {0};
  if (o->config_trouble != DSM_OK) {
    dsm__failure(d, o->config_trouble, "configuration: %s", o->config_message);
    return;
  }
  if (!o->config) return;
  dsm_config c = *o->config;
  const size_t leaves = (size_t)(c.train.batch / c.train.micro_batch);
  if (c.process.name == DSM_PROCESS_SINGLE && c.process.sigma == 0)
    c.process.sigma = 1; /* fitted when training starts */
  if ((size_t)d->size > leaves)
    dsm__failure(d, DSM_BAD_CONFIG,
                 "configuration: %d ranks but only %zu micro-batches a step; start at most %zu, or raise "
                 "train.batch, or lower train.micro_batch",
                 d->size, leaves, leaves);
  else
    dsm__ok(d, "configuration: valid; %lld steps of %lld samples, %zu micro-batch%s for %d rank%s",
            (long long)c.train.steps, (long long)c.train.batch, leaves, leaves == 1 ? "" : "es", d->size,
            d->size == 1 ? "" : "s");
  p.program = dsm__peak_memory();
  p.leaves = (leaves + (size_t)d->size - 1) / (size_t)d->size;
  if (!c.data.file[0])
    dsm__failure(d, DSM_BAD_CONFIG, "data: data.file is not set; name the HDF5 file as data.file=PATH");
  else
    check_plan(d, &c, &p);
  check_everywhere(d, &c);
  dsm_objective_destroy(&p.objective);
  dsm__session_destroy(&p.session);
  dsm_condition_data_close(&p.conditions);
  dsm_dataset_close(&p.dataset);
}
