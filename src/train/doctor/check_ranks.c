/* Where the ranks sit, what the environment says about threads, and whether clocks agree. */
#include "doctor.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "dsmpi/text.h"

enum { HOSTS_SHOWN = 4, RANKS_SHOWN = 4 };
static const double CLOCKS_APART = 2.0; /* seconds; a minute without life makes a job lifeless */

static const char *plural(int n) {
  return n == 1 ? "" : "s";
}

/* ---- places -------------------------------------------------------------------------------------------- */

static void tell_hosts(dsm__doctor *d) {
  char list[512] = "";
  int hosts = 0;
  for (int r = 0; r < d->size; r++) {
    const dsm__checkup *c = &d->all[r];
    if (!c->first_of_host || hosts++ >= HOSTS_SHOWN) continue;
    dsm_append(list, sizeof list, "%s%s (%d rank%s, %d core%s)", list[0] ? ", " : "", c->facts.place.host,
               c->local_size, plural(c->local_size), c->facts.place.online, plural(c->facts.place.online));
  }
  dsm__ok(d, "ranks: %d with %d thread%s each on %d host%s: %s%s", d->size, d->all[0].facts.threads,
          plural(d->all[0].facts.threads), hosts, plural(hosts), list, hosts > HOSTS_SHOWN ? ", ..." : "");
}

static void tell_masks(dsm__doctor *d) {
  char list[512] = "", cores[64];
  for (int r = 0; r < d->size && r < RANKS_SHOWN; r++)
    dsm_append(list, sizeof list, "%srank %d on %s", r ? "; " : "", r,
               dsm_cores_text(d->all[r].facts.place.mask, cores, sizeof cores));
  dsm__ok(d, "affinity: %s%s: a core for every thread", list, d->size > RANKS_SHOWN ? "; ..." : "");
}

void dsm__check_ranks(dsm__doctor *d) {
  dsm__rank_facts *facts = NULL;
  dsm__placement verdict;
  if (DSM_ALLOC((size_t)d->size, &facts) != DSM_OK) {
    dsm__trail_failure(d, DSM_NO_MEMORY, "ranks");
    return;
  }
  for (int r = 0; r < d->size; r++) facts[r] = d->all[r].facts;
  const dsm_status status = dsm__placement_judge(facts, d->size, &verdict);
  free(facts);
  if (status != DSM_OK) {
    dsm__trail_failure(d, status, "ranks");
    return;
  }
  tell_hosts(d);
  if (verdict.crowd[0]) dsm__warning(d, "%s", verdict.crowd);
  if (verdict.overlap[0]) dsm__warning(d, "%s", verdict.overlap);
  if (!verdict.crowd[0] && !verdict.overlap[0]) tell_masks(d);
  if (verdict.mixed[0]) dsm__warning(d, "%s", verdict.mixed);
  for (int r = 0; r < d->size; r++) {
    const dsm__checkup *c = &d->all[r];
    const int wanted = c->local_size * c->facts.threads;
    if (!c->first_of_host || c->quota == 0 || c->quota >= wanted) continue;
    dsm__warning(
        d,
        "%s: the control group of this process (container, batch job) allows %.3g cores' worth of time for "
        "%d thread%s; start fewer, or ask for more cores",
        c->facts.place.host, c->quota, wanted, plural(wanted));
    return;
  }
}

/* ---- environment --------------------------------------------------------------------------------------- */

static bool is(const char *value, const char *word) {
  return value && strcasecmp(value, word) == 0;
}

bool dsm__environment_advice(char *(*get)(const char *), int ranks, int threads, int *next, dsm__advice *a) {
  enum { BIND, PLACES, GOMP, LIMIT, DYNAMIC, WAIT, SPIN, NUMBER, CORETYPE, INSTRUCTIONS, FAULT, END };
  static const char *const names[END] = {
      [BIND] = "OMP_PROC_BIND",         [PLACES] = "OMP_PLACES",
      [GOMP] = "GOMP_CPU_AFFINITY",     [LIMIT] = "OMP_THREAD_LIMIT",
      [DYNAMIC] = "OMP_DYNAMIC",        [WAIT] = "OMP_WAIT_POLICY",
      [SPIN] = "GOMP_SPINCOUNT",        [NUMBER] = "OMP_NUM_THREADS",
      [CORETYPE] = "OPENBLAS_CORETYPE", [INSTRUCTIONS] = "DSMPI_INSTRUCTIONS",
      [FAULT] = "DSMPI_FAULT"};
  while (*next < END) {
    const int which = (*next)++;
    const char *value = get(names[which]), *words = NULL;
    bool hurts = true;
    if (!value || !value[0]) continue;
    switch (which) {
    case BIND:
      if (!is(value, "false") && ranks > 1)
        words = "may bind the threads of all ranks of a host to the same cores; unset it and let the "
                "launcher bind ranks";
      break;
    case PLACES:
    case GOMP:
      if (ranks > 1)
        words = "names the same cores for every rank of a host; unset it and let the launcher bind ranks";
      break;
    case LIMIT:
      if (atoi(value) < threads) words = "is below train.threads: ranks compute with fewer threads; unset it";
      break;
    case DYNAMIC:
      if (is(value, "true")) words = "lets OpenMP use fewer threads than asked for; unset it";
      break;
    case WAIT:
      if (is(value, "active") && threads > 1)
        words = "keeps waiting threads spinning, which takes the core from others where ranks share cores; "
                "set passive there";
      break;
    case SPIN:
      if (threads > 1) words = "sets how long waiting threads spin; unset it unless cores are not shared";
      break;
    case NUMBER:
      if (atoi(value) == threads) break;
      words = "is not heeded: train.threads sets the number of threads";
      hurts = false;
      break;
    case CORETYPE:
      words = "chooses OpenBLAS's kernels: bits differ from runs with others; all ranks and restarts must "
              "have it";
      hurts = false;
      break;
    case INSTRUCTIONS:
      words =
          "chooses dsmpi's kernels: bits differ from runs with others, and speed; unset it for the best set";
      hurts = false;
      break;
    case FAULT:
      words = "makes runs break on request: unset it, unless you are testing";
      break;
    default:
      break;
    }
    if (!words) continue;
    a->hurts = hurts;
    snprintf(a->text, sizeof a->text, "%s=%.40s %s", names[which], value, words);
    return true;
  }
  return false;
}

void dsm__check_environment(dsm__doctor *d) {
  dsm__advice advice;
  int next = 0, told = 0;
  for (; dsm__environment_advice(getenv, d->size, d->all[0].facts.threads, &next, &advice); told++) {
    if (advice.hurts)
      dsm__warning(d, "environment: %s", advice.text);
    else
      dsm__ok(d, "environment: %s", advice.text);
  }
  if (told == 0) dsm__ok(d, "environment: nothing that changes threads, kernels or binding");
}

/* ---- clocks -------------------------------------------------------------------------------------------- */

dsm_status dsm__check_clocks(dsm__doctor *d) {
  double worst = 0;
  int where = 0, hosts = 0;
  for (int r = 0; r < d->size; r++) {
    double offset;
    if (!d->all[r].first_of_host) continue;
    hosts++;
    DSM_TRY(dsm_comm_clock_offset(d->comm, r, &offset));
    if (fabs(offset) <= fabs(worst)) continue;
    worst = offset;
    where = r;
  }
  if (!d->root || hosts < 2) return DSM_OK;
  if (fabs(worst) > CLOCKS_APART)
    dsm__warning(
        d,
        "clocks: %s is %.1f s %s %s: times of files and logs mislead; let the hosts keep time (NTP, chrony)",
        d->all[where].facts.place.host, fabs(worst), worst > 0 ? "ahead of" : "behind",
        d->all[0].facts.place.host);
  else
    dsm__ok(d, "clocks: the hosts' are at most %.3g ms apart", 1000 * fabs(worst));
  return DSM_OK;
}
