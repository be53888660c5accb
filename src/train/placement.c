/* Where the ranks of a job sit: overlapping masks, more threads than cores, mixed processors are warned of at start, by
 * rank 0; a configuration that is not the same everywhere is refused. */
#include "placement.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "dsmpi/text.h"
#include "internal.h"

enum { KINDS_SHOWN = 3 };

/* ---- sets of cores ------------------------------------------------------------------------------------- */

typedef struct cores {
  uint64_t word[DSM_PLACE_WORDS];
} cores;

static cores cores_of(const dsm__rank_facts *rank) {
  cores c;
  memcpy(c.word, rank->place.mask, sizeof c.word);
  return c;
}

static int count_cores(const cores *c) {
  int n = 0;
  for (int i = 0; i < DSM_PLACE_WORDS; i++) n += __builtin_popcountll(c->word[i]);
  return n;
}

static bool inside(const cores *part, const cores *whole) {
  for (int i = 0; i < DSM_PLACE_WORDS; i++)
    if (part->word[i] & ~whole->word[i]) return false;
  return true;
}

static bool overlap(const cores *a, const cores *b) {
  for (int i = 0; i < DSM_PLACE_WORDS; i++)
    if (a->word[i] & b->word[i]) return true;
  return false;
}

static cores together(const cores *a, const cores *b) {
  cores c;
  for (int i = 0; i < DSM_PLACE_WORDS; i++) c.word[i] = a->word[i] | b->word[i];
  return c;
}

/* ---- one host ------------------------------------------------------------------------------------------ */

typedef struct host {
  const dsm__rank_facts *ranks;
  int *member; /* ranks on this host, ascending */
  int count, threads;
} host;

/* Threads of the ranks that may run within `set` only; which they are goes to `who`. */
static int threads_within(const host *h, const cores *set, int *who, size_t *count) {
  int threads = 0;
  *count = 0;
  for (int i = 0; i < h->count; i++) {
    const cores mine = cores_of(&h->ranks[h->member[i]]);
    if (!inside(&mine, set)) continue;
    threads += h->ranks[h->member[i]].threads;
    who[(*count)++] = h->member[i];
  }
  return threads;
}

/* Whether a rank before the i-th has its mask. */
static bool seen_before(const host *h, int i) {
  const cores mine = cores_of(&h->ranks[h->member[i]]);
  for (int j = 0; j < i; j++) {
    const cores other = cores_of(&h->ranks[h->member[j]]);
    if (inside(&mine, &other) && inside(&other, &mine)) return true;
  }
  return false;
}

/* The smallest set of cores in which threads are more than cores: its size, 0 if there is none. */
static int find_clash(const host *h, int *who, size_t *count, cores *where, int *threads) {
  int least = 0;
  size_t n;
  for (int i = 0; i < h->count; i++) {
    if (seen_before(h, i)) continue;
    const cores one = cores_of(&h->ranks[h->member[i]]);
    for (int j = i; j < h->count; j++) {
      const cores other = cores_of(&h->ranks[h->member[j]]);
      if (j > i && (!overlap(&one, &other) || seen_before(h, j))) continue;
      const cores set = together(&one, &other);
      const int size = count_cores(&set), needed = threads_within(h, &set, who, &n);
      if (needed <= size || (least > 0 && size >= least)) continue;
      least = size;
      *where = set;
      *threads = needed;
    }
  }
  if (least > 0) threads_within(h, where, who, count);
  return least;
}

static const char *plural(int n) {
  return n == 1 ? "" : "s";
}

static void tell_crowd(const host *h, dsm__placement *verdict) {
  const dsm_rank_place *place = &h->ranks[h->member[0]].place;
  char advice[96];
  if (h->count <= place->online)
    snprintf(advice, sizeof advice, "set train.threads=%d", place->online / h->count);
  else
    snprintf(advice, sizeof advice, "start at most %d rank%s a host, with train.threads=1", place->online,
             plural(place->online));
  snprintf(verdict->crowd, sizeof verdict->crowd,
           "more threads than cores: %d rank%s with %d threads in all take turns on the %d core%s of %s; %s",
           h->count, plural(h->count), h->threads, place->online, plural(place->online), place->host, advice);
}

static void tell_clash(const host *h, const int *who, size_t count, const cores *where, int threads,
                       dsm__placement *verdict) {
  char ranks[128], list[96];
  const int n = count_cores(where);
  dsm_ranks_text(who, count, ranks, sizeof ranks);
  dsm_cores_text(where->word, list, sizeof list);
  if (count == 1)
    snprintf(verdict->overlap, sizeof verdict->overlap,
             "more threads than cores: %s on %s has %d threads and may run on %d core%s only (%s); set "
             "train.threads=%d, or give it more: mpirun --map-by slot:PE=%d, srun --cpus-per-task=%d",
             ranks, h->ranks[who[0]].place.host, threads, n, plural(n), list, n, threads, threads);
  else
    snprintf(
        verdict->overlap, sizeof verdict->overlap,
        "overlapping affinity masks: %s on %s have %d threads but may run on %d core%s only (%s), while the "
        "host has %d; give each its own: mpirun --bind-to core (or --map-by slot:PE=THREADS), srun "
        "--cpus-per-task=THREADS, which srun does not take over from sbatch",
        ranks, h->ranks[who[0]].place.host, threads, n, plural(n), list, h->ranks[who[0]].place.online);
}

/* Whether the masks hold all cores that their ranks may run on. */
static bool masks_known(const host *h) {
  for (int i = 0; i < h->count; i++) {
    const cores mine = cores_of(&h->ranks[h->member[i]]);
    if (count_cores(&mine) != h->ranks[h->member[i]].place.allowed) return false;
  }
  return true;
}

static void judge_host(const host *h, int *who, dsm__placement *verdict) {
  cores where = {{0}};
  size_t count = 0;
  int threads = 0;
  if (h->threads > h->ranks[h->member[0]].place.online) {
    if (!verdict->crowd[0]) tell_crowd(h, verdict);
  } else if (!verdict->overlap[0] && masks_known(h) && find_clash(h, who, &count, &where, &threads) > 0) {
    tell_clash(h, who, count, &where, threads, verdict);
  }
}

/* ---- kinds of processors ------------------------------------------------------------------------------- */

/* Whether the two compute the same bits, as far as is known. */
static bool alike(const dsm__rank_facts *a, const dsm__rank_facts *b) {
  return strcmp(a->kernels, b->kernels) == 0 && strcmp(a->blas, b->blas) == 0;
}

static int next_kind(const dsm__rank_facts *ranks, int from, int size) {
  for (int r = from; r < size; r++) {
    int before = 0;
    while (before < r && !alike(&ranks[before], &ranks[r])) before++;
    if (before == r) return r;
  }
  return size;
}

static void describe_kind(const dsm__rank_facts *ranks, int first, int size, int *who, char *text,
                          size_t room) {
  char list[128];
  size_t count = 0;
  for (int r = first; r < size; r++)
    if (alike(&ranks[first], &ranks[r])) who[count++] = r;
  dsm_append(text, room, "%s (%s): %s, kernels %s, %s", dsm_ranks_text(who, count, list, sizeof list),
             ranks[first].place.host, ranks[first].processor, ranks[first].kernels, ranks[first].blas);
}

static void judge_kinds(const dsm__rank_facts *ranks, int size, int *who, dsm__placement *verdict) {
  char *text = verdict->mixed;
  const size_t room = sizeof verdict->mixed;
  int kinds = 0;
  if (next_kind(ranks, 1, size) == size) return;
  snprintf(text, room, "mixed processors: ");
  for (int r = 0; r < size && kinds < KINDS_SHOWN; r = next_kind(ranks, r + 1, size)) {
    if (kinds++ > 0) dsm_append(text, room, "; ");
    describe_kind(ranks, r, size, who, text, room);
  }
  dsm_append(
      text, room,
      "; bits may differ from a job on one kind: ask for nodes of one kind, or set DSMPI_INSTRUCTIONS=avx2 "
      "and OPENBLAS_CORETYPE=Haswell on all of them");
}

/* ---- the job ------------------------------------------------------------------------------------------- */

dsm_status dsm__placement_judge(const dsm__rank_facts *ranks, int size, dsm__placement *verdict) {
  dsm_status status = DSM_OK;
  int *member = NULL, *who = NULL;
  memset(verdict, 0, sizeof *verdict);
  DSM_TRY_DONE(DSM_ALLOC((size_t)size, &member));
  DSM_TRY_DONE(DSM_ALLOC((size_t)size, &who));
  for (int first = 0; first < size; first++) {
    host h = {.ranks = ranks, .member = member};
    bool known = false;
    for (int r = 0; r < size; r++) {
      if (strcmp(ranks[r].place.host, ranks[first].place.host) != 0) continue;
      if (r < first) known = true;
      member[h.count++] = r;
      h.threads += ranks[r].threads;
    }
    if (!known) judge_host(&h, who, verdict);
  }
  judge_kinds(ranks, size, who, verdict);
done:
  free(member);
  free(who);
  return status;
}

void dsm__rank_facts_find(const dsm_comm *comm, int threads, const char *kernels, dsm__rank_facts *facts) {
  memset(facts, 0, sizeof *facts); /* padding travels too */
  dsm_rank_place_find(comm, &facts->place);
  facts->threads = threads;
  dsm_host_processor(facts->processor, sizeof facts->processor);
  snprintf(facts->kernels, sizeof facts->kernels, "%s", kernels);
  snprintf(facts->blas, sizeof facts->blas, "%s", dsm_kernels_blas());
}

static dsm_status gather(const dsm__session *s, dsm__placement *verdict) {
  dsm_status status = DSM_OK;
  dsm__rank_facts mine, *all = NULL;
  dsm__rank_facts_find(s->comm, s->kernels.threads, s->kernels_text, &mine);
  DSM_TRY_DONE(dsm_agree(s->comm, DSM_ALLOC((size_t)dsm_comm_size(s->comm), &all)));
  DSM_TRY_DONE(dsm_comm_allgather(s->comm, &mine, sizeof mine, all));
  if (dsm_comm_rank(s->comm) == 0) status = dsm__placement_judge(all, dsm_comm_size(s->comm), verdict);
  status = dsm_agree(s->comm, status);
done:
  free(all);
  return status;
}

static dsm_status check_config(const dsm__session *s) {
  char *text = NULL;
  DSM_AGREE(s->comm, dsm_config_text(&s->config, &text));
  const dsm_status status =
      dsm_comm_same(s->comm, DSM_BAD_CONFIG, "configurations", "", text, "give all ranks the same one");
  free(text);
  return status;
}

dsm_status dsm__placement_check(const dsm__session *s) {
  dsm__placement verdict = {0};
  DSM_TRY(check_config(s));
  DSM_TRY(gather(s, &verdict));
  static bool told_before; /* a job may open two models; its ranks sit where they sit */
  if (dsm_comm_rank(s->comm) != 0 || told_before) return DSM_OK;
  told_before = true;
  const char *const told[] = {verdict.crowd, verdict.overlap, verdict.mixed};
  for (size_t i = 0; i < sizeof told / sizeof *told; i++)
    if (told[i][0]) dsm_warn("%s", told[i]);
  return DSM_OK;
}
