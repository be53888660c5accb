/* Who waits for whom, known without MPI: the thread that calls MPI may be stuck in it. Every rank has a thread that tells
 * rank 0 by a datagram, once a second, where the rank is, for how long, and since when nothing has moved there. The thread
 * of rank 0 judges (verdict.c) and answers each, so that the others know that it lives.
 *
 *     main thread     enter, count, tick: three atomic stores
 *     thread, rank r  looks at them --- report ---> thread, rank 0: table, verdict, log
 *                                  <--- answer ---
 *
 * A job in which nothing moves is ended by rank 0, and by each other rank a little later if rank 0 has not: by _exit, since
 * the main thread cannot leave, with last words. mpirun, and srun with --kill-on-bad-exit, bring the rest down.
 *
 * A process that was stopped, or its host, notices that its thread has missed its beats, and does not blame the others. */
#include <math.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "dsmpi/text.h"
#include "board.h"

enum {
  PLACE_BITS = 8,    /* of the word that holds place and time of entry */
  WORTH = 256 << 10, /* bytes read or written that count as progress: more than log lines and looks around */
  TEXT = 2048,       /* of a verdict */
  RANKS_A_SECOND = 512, /* whose reports rank 0 takes without being slowed down */
  LAST_WORDS = 5        /* seconds until the process ends even if they cannot be written */
};

struct dsm__board {
  dsm__board_params params;
  dsm__board_rank self;
  char log[DSM_TEXT_MAX + 16];
  dsm__heartbeat *heartbeat;
  dsm__watch watch; /* rank 0: of all; else its times alone */
  double origin;    /* dsm_seconds() at the start */
  double period;    /* seconds between two reports */
  double tick;      /* and between two looks */

  /* written by the main thread */
  _Atomic uint64_t place; /* entered, in ms since the origin << PLACE_BITS | place: both change at once */
  _Atomic int64_t count;
  _Atomic uint64_t ticks;

  /* of the board's own thread from here on */
  double looked_at, report_at;
  uint64_t last_place, last_ticks;
  int64_t last_count;
  double idle_since;
  int64_t moved, looking; /* bytes when there was progress, below 0: not looked yet; see dsm__transferred */
  double computed;        /* processor time then */
  uint64_t number;        /* of the last report sent, or answered to this rank */
  uint64_t *numbers;      /* rank 0: (ranks) of the last reports taken */
  int way;                /* that is answered; below 0: all are tried */
  bool answered;
  double answered_at, answered_idle;
  bool told; /* that rank 0 is silent */
};

/* ---- the main thread's side ---------------------------------------------------------------------------- */

void dsm__board_enter(dsm__board *b, int place) {
  if (!b) return;
  const uint64_t ms = (uint64_t)(1e3 * (dsm_seconds() - b->origin));
  atomic_store_explicit(&b->place, ms << PLACE_BITS | (uint64_t)place, memory_order_relaxed);
}

void dsm__board_count(dsm__board *b, int64_t count) {
  if (b) atomic_store_explicit(&b->count, count, memory_order_relaxed);
}

void dsm__board_tick(dsm__board *b) {
  if (b) atomic_fetch_add_explicit(&b->ticks, 1, memory_order_relaxed);
}

/* ---- where this rank is -------------------------------------------------------------------------------- */

static double processor_seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Whether the process gets on by itself in a place that it has not left since the last look. */
static bool works_on(dsm__board *b, int place, double waited) {
  const double computed = processor_seconds(), share = computed - b->computed;
  b->computed = computed;
  if (dsm__place_waits(place, b->self.rank)) return false;
  if (dsm__place_facts_of(place)->computes && share > 0.1 * waited) return true;
  const int64_t bytes = dsm__transferred(&b->looking);
  if (bytes < 0) return true; /* not known: better no verdict than a wrong one */
  const bool worth = b->moved >= 0 && bytes - b->moved >= WORTH;
  if (b->moved < 0 || worth) b->moved = bytes;
  return worth;
}

static dsm__report look_at_this_rank(dsm__board *b, double now) {
  const uint64_t place = atomic_load_explicit(&b->place, memory_order_relaxed);
  const uint64_t ticks = atomic_load_explicit(&b->ticks, memory_order_relaxed);
  const int64_t count = atomic_load_explicit(&b->count, memory_order_relaxed);
  const int where = (int)(place & ((1u << PLACE_BITS) - 1));
  if (place != b->last_place || ticks != b->last_ticks || count != b->last_count) {
    b->idle_since = now;
    b->moved = -1;
  } else if (works_on(b, where, now - b->report_at)) {
    b->idle_since = now;
  }
  b->last_place = place;
  b->last_ticks = ticks;
  b->last_count = count;
  return (dsm__report){.count = count,
                       .place = where,
                       .in_place = fmax(0, now - b->origin - 1e-3 * (double)(place >> PLACE_BITS)),
                       .idle = now - b->idle_since};
}

/* ---- what is said -------------------------------------------------------------------------------------- */

static const char *host_of(const dsm__board *b, int rank) {
  return b->watch.rank[rank].host;
}

/* The words may hang too, in the same file system as the rest: then it ends without them. */
static void end_anyway(int number) {
  (void)number;
  _exit(dsm_status_exit_code(DSM_INTERNAL));
}

static void end_job(const dsm__board *b, const char *text) {
  const struct sigaction action = {.sa_handler = end_anyway};
  sigset_t alarms;
  sigaction(SIGALRM, &action, NULL);
  sigemptyset(&alarms);
  sigaddset(&alarms, SIGALRM);
  pthread_sigmask(SIG_UNBLOCK, &alarms, NULL);
  alarm(LAST_WORDS);
  dsm_log_last_words(b->log[0] ? b->log : NULL, text);
  _exit(dsm_status_exit_code(DSM_INTERNAL));
}

static void say(const dsm__board *b, dsm__verdict verdict, const char *text) {
  if (b->self.say)
    b->self.say(b->self.context, verdict, text);
  else if (verdict == DSM__HANG)
    end_job(b, text);
  else if (verdict == DSM__BACK)
    dsm_info("%s", text);
  else
    dsm_warn("%s", text);
}

/* ---- rank 0 -------------------------------------------------------------------------------------------- */

static void take_reports(dsm__board *b, double now) {
  dsm__datagram d;
  dsm__sender from;
  const double idle = dsm__watch_idle(&b->watch, now);
  for (int i = 0; i < 4 * b->self.ranks && dsm__wire_receive(&b->self.wire, &d, &from); i++) {
    if (d.answer || d.rank < 1 || d.rank >= b->self.ranks) continue;
    if (d.number > b->numbers[d.rank]) {
      b->numbers[d.rank] = d.number;
      dsm__watch_hear(&b->watch, d.rank, &d.report, now);
    }
    d.report.idle = idle;
    dsm__wire_answer(&b->self.wire, &d, &from);
  }
}

static void judge(dsm__board *b, double now) {
  char text[TEXT];
  dsm__verdict verdict;
  const dsm__report mine = look_at_this_rank(b, now);
  dsm__watch_hear(&b->watch, 0, &mine, now);
  while ((verdict = dsm__watch_judge(&b->watch, now, text, sizeof text)) != DSM__QUIET) {
    say(b, verdict, text);
    if (verdict == DSM__HANG) return;
  }
}

static void beat_of_root(dsm__board *b, double now) {
  take_reports(b, now);
  if (now < b->report_at + b->period) return;
  judge(b, now);
  b->report_at = now;
}

/* ---- another rank -------------------------------------------------------------------------------------- */

static void take_answers(dsm__board *b, double now) {
  dsm__datagram d;
  dsm__sender from;
  for (int i = 0; i < 4 * DSM__WAYS && dsm__wire_receive(&b->self.wire, &d, &from); i++) {
    if (!d.answer || d.rank != b->self.rank || d.number > b->number) continue;
    b->way = d.way;
    b->answered = true;
    b->told = false;
    b->answered_at = now;
    b->answered_idle = d.report.idle;
  }
  if (b->answered && now - b->answered_at > b->watch.silent) b->way = -1;
}

static void send_report(dsm__board *b, const dsm__report *report) {
  dsm__datagram d = {.number = ++b->number, .report = *report, .rank = b->self.rank};
  const int first = b->way < 0 ? 0 : b->way, last = b->way < 0 ? b->self.wire.door.ways - 1 : b->way;
  for (int way = first; way <= last; way++) {
    d.way = (int16_t)way;
    dsm__wire_send(&b->self.wire, &d);
  }
}

/* Rank 0 cannot tell of its own silence: one rank of each host does. On other hosts not on stderr: mpirun's daemon there would
 * pass it on, and as long as what it has sent is not acknowledged, TCP does not notice that a network is gone. */
static void tell_of_silence(dsm__board *b, const dsm__report *report, double now) {
  char text[TEXT];
  const double silence = now - b->answered_at;
  if (!b->self.speaks_first || !b->answered || b->told || silence <= b->watch.late) return;
  if (!dsm__place_waits(report->place, b->self.rank) || report->in_place <= b->watch.late) return;
  b->told = true;
  snprintf(
      text, sizeof text,
      "%s %lld: rank 0 (%s) has not answered for %.0f s: it is stopped, or its host or the network is gone",
      b->params.unit, (long long)report->count, host_of(b, 0), floor(silence));
  if (b->self.say || strcmp(host_of(b, b->self.rank), host_of(b, 0)) == 0)
    say(b, DSM__LATE, text);
  else
    dsm_log_aside(b->log[0] ? b->log : NULL, text);
}

/* When rank 0 has not ended a job in which nothing moves. */
static void end_by_itself(dsm__board *b, const dsm__report *report, double now) {
  char text[TEXT];
  const double limit = b->watch.limit, silence = now - b->answered_at;
  double idle = report->idle;
  if (limit <= 0) return;
  if (b->answered)
    idle = fmin(idle, b->answered_idle + silence);
  else if (dsm__place_facts_of(report->place)->unbounded)
    return;
  const double margin = fmin(10, fmax(2, 0.1 * limit)) + (b->self.speaks_first ? 0 : 2);
  if (idle < limit + margin) return;
  snprintf(text, sizeof text,
           "%s %lld: nothing has moved for %.0f s, this rank (%s) has been %s, and rank 0 (%s) ",
           b->params.unit, (long long)report->count, floor(idle), host_of(b, b->self.rank),
           dsm__place_facts_of(report->place)->doing, host_of(b, 0));
  if (!b->answered)
    dsm_append(text, sizeof text, "was never heard of");
  else if (silence > b->watch.silent)
    dsm_append(text, sizeof text,
               "has not answered for %.0f s: it is stopped, or its host or the network is gone",
               floor(silence));
  else
    dsm_append(text, sizeof text, "answers, but has not ended the job");
  dsm_append(text, sizeof text, "; this rank ends (train.watchdog = %.0f)", limit);
  say(b, DSM__HANG, text);
}

static void beat_of_another(dsm__board *b, double now) {
  take_answers(b, now);
  const dsm__report report = look_at_this_rank(b, now);
  b->report_at = now;
  send_report(b, &report);
  tell_of_silence(b, &report, now);
  end_by_itself(b, &report, now);
}

/* ---- the thread ---------------------------------------------------------------------------------------- */

/* This process did not run for `gap` seconds: times that it has measured meanwhile are not counted. */
static void forgive(dsm__board *b, double gap, double now) {
  char text[TEXT];
  b->idle_since += gap;
  b->answered_at += gap;
  if (b->self.rank != 0) return;
  take_reports(b, now);
  dsm__watch_forgive(&b->watch, now);
  if (b->self.ranks == 1) return;
  snprintf(text, sizeof text, "rank 0 (%s) itself was stopped for %.0f s, or its host was", host_of(b, 0),
           floor(gap));
  say(b, DSM__LATE, text);
}

static void beat(void *context) {
  dsm__board *b = context;
  const double now = dsm_seconds(), gap = now - b->looked_at - b->tick;
  if (gap > fmax(b->watch.silent, b->tick)) forgive(b, gap, now);
  b->looked_at = now;
  if (b->self.rank == 0)
    beat_of_root(b, now);
  else
    beat_of_another(b, now);
}

static dsm_status fill_in(dsm__board *b) {
  const size_t ranks = (size_t)b->self.ranks;
  const double late = dsm__patience((double)b->params.limit);
  DSM_TRY(DSM_ALLOC(ranks, &b->watch.rank));
  DSM_TRY(DSM_ALLOC(ranks, &b->watch.marked));
  DSM_TRY(DSM_ALLOC(ranks, &b->numbers));
  for (size_t r = 0; r < ranks; r++)
    snprintf(b->watch.rank[r].host, DSM__HOST_MAX, "%s", b->self.hosts + r * DSM__HOST_MAX);
  b->self.hosts = NULL;
  b->period = fmin(1, 0.1 * late) * (1 + (double)(b->self.ranks / RANKS_A_SECOND));
  b->tick = b->self.rank == 0 ? fmin(b->period, 0.25) : b->period;
  b->origin = b->looked_at = b->report_at = b->idle_since = b->answered_at = dsm_seconds();
  b->moved = b->way = -1;
  b->watch.ranks = b->self.ranks;
  b->watch.unit = b->params.unit;
  b->watch.together = b->params.together;
  b->watch.limit = (double)b->params.limit;
  b->watch.late = late;
  b->watch.silent = fmax(0.5 * late, 3 * b->period);
  b->watch.started = b->origin;
  b->watch.deaf_told = b->self.wire.socket < 0; /* by who could not open it */
  dsm__board_enter(b, DSM__STARTING);
  return DSM_OK;
}

dsm_status dsm__board_start(const dsm__board_params *params, const dsm__board_rank *self,
                            dsm__board **board) {
  dsm_status status = DSM_OK;
  dsm__board *b = NULL;
  *board = NULL;
  DSM_TRY_DONE(DSM_ALLOC(1, &b));
  b->params = *params;
  b->self = *self;
  if (params->log) snprintf(b->log, sizeof b->log, "%s", params->log);
  b->params.log = NULL;
  DSM_TRY_DONE(fill_in(b));
  if (b->self.rank !=
      0) { /* a first one at once, so that rank 0 is known to answer when it is to be missed */
    const dsm__report report = look_at_this_rank(b, b->origin);
    send_report(b, &report);
  }
  DSM_TRY_DONE(dsm__heartbeat_start(b->tick, beat, b, &b->heartbeat));
  *board = b;
  return DSM_OK;
done:
  if (b)
    dsm__board_end(&b);
  else
    dsm__wire_close(&(dsm__wire){.socket = self->wire.socket});
  return status;
}

/* Who was late and has come is told, though the job is over before the next beat. */
static void judge_at_the_end(dsm__board *b) {
  const double now = dsm_seconds();
  take_reports(b, now);
  b->watch.limit = 0;
  b->watch.quiet_until = INFINITY;
  b->watch.deaf_told = true;
  judge(b, now);
}

void dsm__board_end(dsm__board **board) {
  dsm__board *b = *board;
  if (!b) return;
  const bool judges = b->heartbeat && b->self.rank == 0;
  dsm__heartbeat_stop(&b->heartbeat);
  if (judges) judge_at_the_end(b);
  dsm__wire_close(&b->self.wire);
  free(b->watch.rank);
  free(b->watch.marked);
  free(b->numbers);
  free(b);
  *board = NULL;
}

/* ---- all ranks together -------------------------------------------------------------------------------- */

/* Rank 0 listens, the others learn where. */
static dsm_status connect_ranks(dsm_comm *comm, dsm__wire *wire) {
  char why[128];
  dsm__door door;
  wire->socket = -1;
  if (dsm_comm_size(comm) == 1) return DSM_OK;
  if (dsm_comm_rank(comm) == 0) {
    dsm__wire_listen(wire, why, sizeof why);
    if (wire->socket < 0)
      dsm_warn("no network for the reports of the ranks (%s): when one is late, it cannot be named", why);
    door = wire->door;
  }
  DSM_TRY(dsm_comm_broadcast(comm, &door, sizeof door, 0));
  if (dsm_comm_rank(comm) != 0) dsm__wire_reach(wire, &door);
  return DSM_OK;
}

dsm_status dsm__board_begin(dsm_comm *comm, const dsm__board_params *params, dsm__board **board) {
  dsm_status status = DSM_OK;
  char host[DSM__HOST_MAX] = "", *hosts = NULL;
  dsm__board_rank self = {.rank = dsm_comm_rank(comm), .ranks = dsm_comm_size(comm), .wire.socket = -1};
  *board = NULL;
  DSM_AGREE(comm, DSM_ALLOC((size_t)self.ranks * DSM__HOST_MAX, &hosts));
  snprintf(host, sizeof host, "%s", dsm_comm_host(comm));
  DSM_TRY_DONE(dsm_comm_allgather(comm, host, sizeof host, hosts));
  DSM_TRY_DONE(connect_ranks(comm, &self.wire));
  self.hosts = hosts;
  self.speaks_first = dsm_comm_local_rank(comm) == (strcmp(host, hosts) == 0 ? 1 : 0);
  status = dsm_agree(comm, dsm__board_start(params, &self, board));
  if (status != DSM_OK) dsm__board_end(board);
  self.wire.socket = -1; /* the board's, or closed */
done:
  dsm__wire_close(&self.wire);
  free(hosts);
  DSM_TRY(status);
  return DSM_OK;
}
