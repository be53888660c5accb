/* The judge of rank 0: from what the ranks have reported, and when, to what is to be said. No clock, no network, no log: a
 * function of a table and a time, so that every case can be put before it.
 *
 *   late   ranks wait for one that has not come, longer than `late` seconds and than three times the longest step so far
 *   hang   on no rank has anything moved for `limit` seconds
 *
 * A sign of progress is another place, another count, a tick (one micro-batch, one evaluation of a sampler), or bytes read
 * or written by a rank that does not wait for others: so neither a long step nor a long checkpoint is a hang, as long as
 * something moves in it. */
#include <math.h>
#include <string.h>
#include "dsmpi/text.h"
#include "board.h"

double dsm__patience(double limit) {
  return limit > 0 ? fmin(10, limit / 6) : 10;
}

/* ---- what arrives -------------------------------------------------------------------------------------- */

void dsm__watch_hear(dsm__watch *w, int rank, const dsm__report *report, double now) {
  dsm__seen *s = &w->rank[rank];
  if (s->ever && report->count != s->report.count) {
    /* a step in which all waited for a stopped rank says nothing about how long steps are */
    if (s->counted > 0 && s->counted > w->silence) w->longest = fmax(w->longest, now - s->counted);
    s->counted = now;
  }
  s->report = *report;
  s->heard = now;
  s->ever = true;
}

void dsm__watch_forgive(dsm__watch *w, double now) {
  for (int r = 0; r < w->ranks; r++) w->rank[r].heard = now;
  w->silence = now;
  w->quiet_until = now + w->late;
}

/* ---- who waits for whom -------------------------------------------------------------------------------- */

static double in_place(const dsm__watch *w, int rank, double now) {
  return w->rank[rank].report.in_place + (now - w->rank[rank].heard);
}

static bool waits(const dsm__watch *w, int rank, double now) {
  return w->rank[rank].ever && !dsm__watch_silent(w, rank, now) &&
         dsm__place_waits(w->rank[rank].report.place, rank);
}

/* The newest step that is known of. Who was waiting in an older one has gone on since it last reported. */
static int64_t newest(const dsm__watch *w) {
  int64_t count = 0;
  for (int r = 0; r < w->ranks; r++)
    if (w->rank[r].report.count > count) count = w->rank[r].report.count;
  return count;
}

double dsm__watch_idle(const dsm__watch *w, double now) {
  double least = INFINITY;
  bool deaf = false;
  for (int r = 0; r < w->ranks; r++) {
    const dsm__seen *s = &w->rank[r];
    if (s->ever) least = fmin(least, s->report.idle + (now - s->heard));
    deaf = deaf || !s->ever;
  }
  if (!deaf) return least;
  /* whose reports do not arrive may be at work, and is waited for where that may take any time */
  if (dsm__place_facts_of(w->rank[0].report.place)->unbounded) return 0;
  return fmin(least, now - w->started);
}

typedef struct standing {
  int waiting;     /* ranks */
  double longest;  /* that one of them has waited */
  double shortest; /* and the one that came last */
  int64_t count;   /* at what */
  int missing;     /* ranks that they wait for */
} standing;

/* Whether the others wait for this rank, which is not silent: it has been somewhere else, or at an older step, for long
 * enough to be more than a report that is a second old. */
static bool is_missing(const dsm__watch *w, int rank, int64_t count, double now, double patience) {
  const dsm__seen *s = &w->rank[rank];
  if (!w->together) return !waits(w, rank, now) && s->report.idle + (now - s->heard) > patience;
  if (waits(w, rank, now)) return s->report.count < count && in_place(w, rank, now) > patience;
  return in_place(w, rank, now) > fmin(patience, w->silent);
}

/* Marks in `missing` who is waited for. A rank that is known of comes before one whose reports never arrive. */
static standing look(const dsm__watch *w, double now, double patience, bool *missing) {
  standing s = {.shortest = INFINITY, .count = newest(w)};
  for (int r = 0; r < w->ranks; r++) {
    if (!waits(w, r, now) || (w->together && w->rank[r].report.count < s.count)) continue;
    s.waiting++;
    s.longest = fmax(s.longest, in_place(w, r, now));
    s.shortest = fmin(s.shortest, in_place(w, r, now));
  }
  for (int r = 0; r < w->ranks; r++) {
    missing[r] =
        w->rank[r].ever && (dsm__watch_silent(w, r, now) || is_missing(w, r, s.count, now, patience));
    s.missing += missing[r];
  }
  if (s.missing > 0) return s;
  for (int r = 0; r < w->ranks; r++) s.missing += missing[r] = !w->rank[r].ever;
  return s;
}

/* "step 118: 3 ranks wait since 12 s for rank 3 (node12), which ..." */
static void say_standing(const dsm__watch *w, const standing *s, const bool *missing, double now,
                         dsm__words *words) {
  if (w->together) dsm_append(words->text, words->size, "%s %lld: ", w->unit, (long long)s->count);
  if (s->waiting > 0) {
    dsm_append(words->text, words->size, "%d rank%s wait%s since %.0f s for ", s->waiting,
               s->waiting == 1 ? "" : "s", s->waiting == 1 ? "s" : "", floor(s->longest));
    dsm__words_of_ranks(words, w, missing, now, ", and for ");
  } else {
    dsm__words_of_ranks(words, w, missing, now, ", and ");
  }
}

static void say_stuck(const dsm__watch *w, const standing *s, dsm__words *words) {
  if (w->together) dsm_append(words->text, words->size, "%s %lld: ", w->unit, (long long)s->count);
  dsm_append(words->text, words->size,
             "all %d ranks have come and wait for each other's messages since %.0f s: the network "
             "between them is slow or broken",
             w->ranks, floor(s->shortest));
}

/* ---- the verdicts -------------------------------------------------------------------------------------- */

static dsm__verdict judge_hang(const dsm__watch *w, double now, bool *missing, dsm__words *words) {
  const double idle = dsm__watch_idle(w, now);
  if (w->limit <= 0 || idle < w->limit) return DSM__QUIET;
  standing s = look(w, now, 0, missing);
  dsm_append(words->text, words->size, "nothing has moved for %.0f s: ", floor(idle));
  if (s.waiting == 0 || w->ranks == 1) { /* nobody waits: all are told, each where it is */
    for (int r = 0; r < w->ranks; r++) missing[r] = true;
    s.waiting = 0;
    if (w->together) s.count = w->rank[0].report.count;
    say_standing(w, &s, missing, now, words);
  } else if (s.missing > 0) {
    say_standing(w, &s, missing, now, words);
  } else {
    say_stuck(w, &s, words);
  }
  dsm_append(words->text, words->size, "; the job ends (train.watchdog = %.0f)", w->limit);
  return DSM__HANG;
}

/* Rank 0 is where it could not be if not all had come: that is known even before their next reports. */
static bool all_have_come(const dsm__watch *w, int64_t count) {
  const dsm__report *root = &w->rank[0].report;
  const bool after = dsm__place_facts_of(root->place)->after_all;
  return w->together ? root->count > count || (root->count == count && after) : after;
}

/* One that was silent is back when it has come to where the others wait; one that was seen at work, when it goes on. */
static bool has_come(const dsm__watch *w, int rank, double now) {
  const dsm__seen *s = &w->rank[rank];
  if (all_have_come(w, s->late_count)) return true;
  if (dsm__watch_silent(w, rank, now)) return false;
  return s->report.count != s->late_report.count || s->report.place != s->late_report.place ||
         (s->late_silent && (waits(w, rank, now) || !w->together));
}

/* Those of one host at a time. */
static dsm__verdict judge_back(dsm__watch *w, double now, bool *back, dsm__words *words) {
  int first = -1;
  for (int r = 0; r < w->ranks; r++) {
    dsm__seen *s = &w->rank[r];
    back[r] = s->late && has_come(w, r, now) && (first < 0 || strcmp(w->rank[first].host, s->host) == 0);
    if (back[r] && first < 0) first = r;
    if (back[r]) s->late = false;
  }
  if (first >= 0) {
    dsm__words_of_names(words, w, back, true);
    dsm_append(words->text, words->size, " back after %.0f s", floor(now - w->rank[first].late_since));
    w->quiet_until = now + w->late; /* the reports of the others are older */
    return DSM__BACK;
  }
  if (w->stuck_since > 0 && newest(w) > w->stuck_count) {
    dsm_append(words->text, words->size, "%s %lld went on after %.0f s", w->unit, (long long)w->stuck_count,
               floor(now - w->stuck_since));
    w->stuck_since = 0;
    return DSM__BACK;
  }
  return DSM__QUIET;
}

static dsm__verdict judge_late(dsm__watch *w, double now, bool *missing, dsm__words *words) {
  const double patience = fmax(w->late, 3 * w->longest);
  const standing s = look(w, now, patience, missing);
  bool news = false;
  if (now < w->quiet_until) return DSM__QUIET;
  if (w->together && s.longest <= patience) return DSM__QUIET;
  if (s.missing == 0) {
    if (!w->together || s.waiting < w->ranks || s.shortest <= patience || w->stuck_since > 0)
      return DSM__QUIET;
    w->stuck_since = now - s.shortest;
    w->stuck_count = s.count;
    say_stuck(w, &s, words);
    return DSM__LATE;
  }
  for (int r = 0; r < w->ranks; r++) {
    dsm__seen *seen = &w->rank[r];
    const bool silent = dsm__watch_silent(w, r, now);
    if (!w->together && silent && now - seen->heard <= patience) missing[r] = false; /* not yet */
    if (!missing[r] || seen->late) continue;
    news = true;
    seen->late = true;
    seen->late_silent = silent;
    seen->late_report = seen->report;
    seen->late_count = s.count;
    seen->late_since = silent ? seen->heard : fmax(now - in_place(w, r, now), now - s.longest);
    if (!w->together && !silent) seen->late_since = now - in_place(w, r, now);
  }
  if (!news) return DSM__QUIET;
  say_standing(w, &s, missing, now, words);
  return DSM__LATE;
}

/* Whose reports have not arrived although those of this rank had time to. */
static dsm__verdict judge_deaf(dsm__watch *w, double now, bool *deaf, dsm__words *words) {
  int count = 0;
  if (w->deaf_told || now - w->started <= w->late) return DSM__QUIET;
  for (int r = 0; r < w->ranks; r++) count += deaf[r] = !w->rank[r].ever;
  w->deaf_told = true;
  if (count == 0) return DSM__QUIET;
  dsm_append(words->text, words->size, "reports of ");
  if (count == w->ranks - 1)
    dsm_append(words->text, words->size, "the other ranks");
  else
    dsm__words_of_names(words, w, deaf, false);
  dsm_append(words->text, words->size,
             " do not arrive (UDP; a firewall?): when one is late, it cannot be named");
  return DSM__DEAF;
}

dsm__verdict dsm__watch_judge(dsm__watch *w, double now, char *text, size_t size) {
  dsm__words words = {text, size};
  text[0] = '\0';
  for (int r = 0; r < w->ranks; r++)
    if (dsm__watch_silent(w, r, now)) w->silence = now;
  dsm__verdict verdict = judge_hang(w, now, w->marked, &words);
  if (verdict == DSM__QUIET) verdict = judge_back(w, now, w->marked, &words);
  if (verdict == DSM__QUIET) verdict = judge_late(w, now, w->marked, &words);
  if (verdict == DSM__QUIET) verdict = judge_deaf(w, now, w->marked, &words);
  return verdict;
}
