/* What is to strike this process. One plan for the process, as the environment that it comes from is one. The plan is made
 * once; the step and what is over change while threads that write checkpoints look at them. */
#include "dsmpi/fault.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "dsmpi/log.h"
#include "dsmpi/text.h"

enum { FAULTS_MAX = 16 };

static struct {
  int count;
  struct {
    dsm_fault kind;
    int64_t step;
    atomic_bool over;
  } fault[FAULTS_MAX];
  _Atomic int64_t step; /* the one that is computed now; 0 before the first */
} plan;

static const char *const words[DSM_FAULT_KINDS] = {
#define DSM_FAULT_WORD(name, word, sentence) [DSM_FAULT_##name] = word,
    DSM_FAULT_MAP(DSM_FAULT_WORD)
#undef DSM_FAULT_WORD
};

static dsm_status not_understood(const char *text) {
  char known[512] = "";
#define DSM_FAULT_LINE(name, word, sentence) dsm_append(known, sizeof known, "%s" word, known[0] ? ", " : "");
  DSM_FAULT_MAP(DSM_FAULT_LINE)
#undef DSM_FAULT_LINE
  DSM_FAIL(DSM_USAGE, "DSMPI_FAULT=%s: expected rank:step:kind, or several with commas between; kinds: %s",
           text, known);
}

/* The number at *at, which ends with `end`; steps over both. */
static bool take_number(const char **at, char end, long long *number) {
  char *stop;
  *number = strtoll(*at, &stop, 10);
  if (stop == *at || *stop != end || *number < 0) return false;
  *at = stop + 1;
  return true;
}

static bool take_kind(const char **at, dsm_fault *kind) {
  const size_t length = strcspn(*at, ",");
  for (int k = 0; k < DSM_FAULT_KINDS; k++) {
    if (strlen(words[k]) != length || strncmp(words[k], *at, length) != 0) continue;
    *kind = (dsm_fault)k;
    *at += length + ((*at)[length] == ',');
    return true;
  }
  return false;
}

dsm_status dsm_fault_start(int rank, int ranks) {
  const char *text = getenv("DSMPI_FAULT"), *at = text;
  memset(&plan, 0, sizeof plan);
  while (at && *at) {
    long long of_rank, step;
    dsm_fault kind;
    if (!take_number(&at, ':', &of_rank) || !take_number(&at, ':', &step) || !take_kind(&at, &kind) ||
        plan.count == FAULTS_MAX)
      return not_understood(text);
    if (of_rank >= ranks)
      DSM_FAIL(DSM_USAGE, "DSMPI_FAULT=%s: there is no rank %lld, only %d rank%s, counted from 0", text,
               of_rank, ranks, ranks == 1 ? "" : "s");
    if (of_rank != rank) continue;
    plan.fault[plan.count].kind = kind;
    plan.fault[plan.count++].step = step;
    dsm_warn("DSMPI_FAULT: rank %d will be struck by '%s' in step %lld", rank, words[kind], step);
  }
  return DSM_OK;
}

/* Whether one strikes now; it is not over with that, as slow never is. */
static bool strikes(dsm_fault kind, int *which) {
  for (int i = 0; i < plan.count; i++) {
    if (plan.fault[i].kind != kind || plan.fault[i].over || plan.step < plan.fault[i].step) continue;
    *which = i;
    return true;
  }
  return false;
}

bool dsm_fault_strikes(dsm_fault kind) {
  int which;
  if (plan.count == 0 || !strikes(kind, &which)) return false;
  return !atomic_exchange(&plan.fault[which].over, true);
}

void dsm_fault_step(int64_t step) {
  int which;
  if (plan.count == 0) return;
  plan.step = step;
  if (dsm_fault_strikes(DSM_FAULT_KILL)) raise(SIGKILL);
  if (dsm_fault_strikes(DSM_FAULT_EXIT)) _exit(1);
  if (dsm_fault_strikes(DSM_FAULT_ABORT)) abort();
  if (dsm_fault_strikes(DSM_FAULT_STOP)) raise(SIGSTOP);
  if (strikes(DSM_FAULT_SLOW, &which)) nanosleep(&(struct timespec){.tv_nsec = 500000000}, NULL);
}
