/* The judge of who waits for whom, put before every case: a table of reports, a time, what it says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include "train/board.h"

enum { RANKS = 4, MANY = 1000 };

typedef struct court {
  dsm__watch watch;
  dsm__seen rank[MANY];
  bool marked[MANY];
  char text[2048];
} court;

static court *court_of(int ranks, double limit) {
  static court c;
  memset(&c, 0, sizeof c);
  c.watch = (dsm__watch){.ranks = ranks,
                         .unit = "step",
                         .together = true,
                         .limit = limit,
                         .late = 10,
                         .silent = 5,
                         .started = 0,
                         .rank = c.rank,
                         .marked = c.marked};
  for (int r = 0; r < ranks; r++) snprintf(c.rank[r].host, DSM__HOST_MAX, "node%d", 10 + r / 2);
  return &c;
}

/* Rank `rank` has been in `place` since `since`, where nothing has moved since then, and says so now. */
static void report(court *c, int rank, int64_t count, int place, double since, double now) {
  const dsm__report r = {.count = count, .place = place, .in_place = now - since, .idle = now - since};
  dsm__watch_hear(&c->watch, rank, &r, now);
}

static void expect(court *c, double now, dsm__verdict verdict, const char *text) {
  const dsm__verdict got = dsm__watch_judge(&c->watch, now, c->text, sizeof c->text);
  if (got != verdict || strcmp(c->text, text) != 0)
    fail_msg("at %g s: verdict %d \"%s\"\nexpected %d \"%s\"", now, got, c->text, verdict, text);
}
#define QUIET(c, now) expect((c), (now), DSM__QUIET, "")

/* All have just been seen in step `count`. */
static void all_well(court *c, int64_t count, double now) {
  for (int r = 0; r < c->watch.ranks; r++) report(c, r, count, DSM__COMPUTE, now - 0.2, now);
  QUIET(c, now);
}

/* ---- late ---------------------------------------------------------------------------------------------- */

static void one_that_reads_for_long_is_named_once_and_when_it_comes(void **state) {
  (void)state;
  court *c = court_of(RANKS, 600);
  all_well(c, 118, 100);
  for (double now = 101; now < 111; now += 1) {
    for (int r = 0; r < 3; r++) report(c, r, 118, DSM__REDUCE, 100.5, now);
    report(c, 3, 118, DSM__DATA, 98.9, now);
    QUIET(c, now);
  }
  for (int r = 0; r < 3; r++) report(c, r, 118, DSM__REDUCE, 100.5, 113);
  report(c, 3, 118, DSM__DATA, 98.9, 113);
  expect(c, 113, DSM__LATE,
         "step 118: 3 ranks wait since 12 s for rank 3 (node11), which has been reading data for 14 s");
  QUIET(c, 113);
  for (int r = 0; r < 3; r++) report(c, r, 118, DSM__REDUCE, 100.5, 120);
  report(c, 3, 118, DSM__DATA, 98.9, 120);
  QUIET(c, 120);
  report(c, 3, 118, DSM__COMPUTE, 121, 121.5);
  expect(c, 121.5, DSM__BACK, "rank 3 (node11) is back after 21 s");
  QUIET(c, 121.5);
}

static void one_that_is_stopped_is_named_with_what_was_last_heard(void **state) {
  (void)state;
  court *c = court_of(RANKS, 600);
  all_well(c, 117, 99.5);
  all_well(c, 118, 100);
  for (int r = 0; r < 3; r++) report(c, r, 118, DSM__REDUCE, 100.5, 112.4);
  expect(c, 112.4, DSM__LATE,
         "step 118: 3 ranks wait since 11 s for rank 3 (node11), from which nothing has been heard for 12 s "
         "(last: step 118, computing gradients)");
  for (int r = 0; r < 3; r++) report(c, r, 118, DSM__REDUCE, 100.5, 121);
  report(c, 3, 118, DSM__COMPUTE, 99.8, 121); /* heard again, but not come yet */
  QUIET(c, 121);
  report(c, 3, 118, DSM__REDUCE, 121.2, 121.4);
  expect(c, 121.4, DSM__BACK, "rank 3 (node11) is back after 21 s");
  /* that the others' reports are a second old makes nobody late */
  report(c, 0, 119, DSM__DATA, 121.8, 121.9);
  QUIET(c, 121.9);
  assert_true(c->watch.longest < 1); /* the step in which one was stopped says nothing about steps */
}

/* It was stopped somewhere else than where it was last heard, and tells so before it has moved on. */
static void one_that_has_just_come_back_is_not_late_again(void **state) {
  (void)state;
  court *c = court_of(RANKS, 600);
  all_well(c, 118, 100);
  for (int r = 0; r < 3; r++) report(c, r, 118, DSM__REDUCE, 100.5, 121);
  assert_int_equal(dsm__watch_judge(&c->watch, 121, c->text, sizeof c->text), DSM__LATE);
  report(c, 3, 118, DSM__OPTIMIZER, 100.1, 121.5);
  expect(c, 121.5, DSM__BACK, "rank 3 (node11) is back after 21 s");
  QUIET(c, 121.5);
}

static void long_steps_are_waited_for_three_times_as_long(void **state) {
  (void)state;
  court *c = court_of(RANKS, 600);
  double now = 0;
  for (int64_t step = 1; step <= 3; step++, now += 20) { /* 20 s each */
    for (double t = 0; t < 20; t += 1) {
      for (int r = 0; r < RANKS; r++)
        report(c, r, step, t < 19 ? DSM__COMPUTE : DSM__REDUCE, now + (t < 19 ? 0 : 19), now + t);
      QUIET(c, now + t);
    }
  }
  assert_true(c->watch.longest > 19 && c->watch.longest < 21);
  for (; now < 120; now += 1) {
    for (int r = 0; r < RANKS; r++) report(c, r, 4, r < 3 ? DSM__REDUCE : DSM__DATA, 60, now);
    QUIET(c, now);
  }
  for (int r = 0; r < RANKS; r++) report(c, r, 4, r < 3 ? DSM__REDUCE : DSM__DATA, 60, 124);
  expect(c, 124, DSM__LATE,
         "step 4: 3 ranks wait since 64 s for rank 3 (node11), which has been reading data for 64 s");
}

static void rank_0_that_writes_a_checkpoint_is_waited_for(void **state) {
  (void)state;
  court *c = court_of(RANKS, 600);
  all_well(c, 20, 10);
  for (int r = 0; r < RANKS; r++) report(c, r, 20, DSM__CHECKPOINT, 11, 31);
  expect(
      c, 31, DSM__LATE,
      "step 20: 3 ranks wait since 20 s for rank 0 (node10), which has been writing a checkpoint for 20 s");
}

static void all_waiting_for_each_other_blames_the_network(void **state) {
  (void)state;
  court *c = court_of(RANKS, 600);
  all_well(c, 7, 10);
  for (int r = 0; r < RANKS; r++) report(c, r, 7, DSM__REDUCE, 10 + r, 24.5);
  expect(
      c, 24.5, DSM__LATE,
      "step 7: all 4 ranks have come and wait for each other's messages since 11 s: the network between them "
      "is slow or broken");
  QUIET(c, 25);
  for (int r = 0; r < RANKS; r++) report(c, r, 8, DSM__COMPUTE, 30, 31);
  expect(c, 31, DSM__BACK, "step 7 went on after 18 s");
  QUIET(c, 31);
}

/* Two ranks still receive the sum of a step that the others have left. */
static void who_is_behind_is_named_not_who_is_ahead(void **state) {
  (void)state;
  court *c = court_of(RANKS, 600);
  all_well(c, 30, 10);
  for (int r = 0; r < RANKS; r++)
    report(c, r, r < 2 ? 31 : 30, r < 2 ? DSM__COMPUTE : DSM__REDUCE, r < 2 ? 16 : 10, 22);
  QUIET(c, 22);
  for (int r = 0; r < RANKS; r++) report(c, r, r < 2 ? 31 : 30, DSM__REDUCE, r < 2 ? 22 : 10, 33);
  expect(c, 33, DSM__LATE,
         "step 31: 2 ranks wait since 11 s for ranks 2 and 3 (node11), which have been summing gradients for "
         "23 s");
  for (int r = 2; r < RANKS; r++) report(c, r, 31, DSM__REDUCE, 35.5, 36);
  expect(c, 36, DSM__BACK, "ranks 2 and 3 (node11) are back after 14 s");
}

static void a_lost_host_is_one_phrase(void **state) {
  (void)state;
  court *c = court_of(MANY, 600);
  for (int r = 0; r < MANY; r++) snprintf(c->rank[r].host, DSM__HOST_MAX, "n%d", r % 8);
  all_well(c, 5, 10);
  for (int r = 0; r < MANY; r++)
    if (r % 8 != 6) report(c, r, 5, DSM__REDUCE, 10.5, 22);
  expect(c, 22, DSM__LATE,
         "step 5: 875 ranks wait since 11 s for ranks 6, 14, 22, 30 and 121 more (n6), from which nothing "
         "has been heard "
         "for 12 s (last: step 5, computing gradients)");
}

static void several_troubles_are_told_apart(void **state) {
  (void)state;
  court *c = court_of(RANKS, 600);
  all_well(c, 5, 10);
  report(c, 0, 5, DSM__REDUCE, 10.5, 22);
  report(c, 1, 5, DSM__COMPUTE, 10, 22);
  expect(c, 22, DSM__LATE,
         "step 5: 1 rank waits since 11 s for rank 1 (node10), which has been computing gradients for 12 s, "
         "and for "
         "ranks 2 and 3 (node11), from which nothing has been heard for 12 s (last: step 5, computing "
         "gradients)");
}

static void who_was_stopped_himself_blames_nobody(void **state) {
  (void)state;
  court *c = court_of(RANKS, 600);
  all_well(c, 5, 10);
  dsm__watch_forgive(&c->watch, 700);
  for (int r = 1; r < RANKS; r++) report(c, r, 5, DSM__REDUCE, 10.5, 700);
  report(c, 0, 5, DSM__COMPUTE, 699.8, 700);
  QUIET(c, 700);
}

/* ---- reports that do not arrive ------------------------------------------------------------------------ */

static void deaf_is_told_once_and_named_last(void **state) {
  (void)state;
  court *c = court_of(RANKS, 600);
  report(c, 0, 1, DSM__COMPUTE, 10, 10.5);
  expect(c, 10.5, DSM__DEAF,
         "reports of the other ranks do not arrive (UDP; a firewall?): when one is late, it cannot be named");
  QUIET(c, 10.5);
  report(c, 0, 2, DSM__REDUCE, 20, 32);
  expect(c, 32, DSM__LATE,
         "step 2: 1 rank waits since 12 s for rank 1 (node10), whose reports do not arrive, and for ranks 2 "
         "and 3 "
         "(node11), whose reports do not arrive");
  report(c, 0, 3, DSM__CHECKPOINT, 40, 41); /* step 2 is over, so they have come */
  expect(c, 41, DSM__BACK, "rank 1 (node10) is back after 21 s");
  expect(c, 41, DSM__BACK, "ranks 2 and 3 (node11) are back after 21 s");
  report(c, 0, 3, DSM__CHECKPOINT, 40, 700); /* the others may be at work, and wait for this one */
  QUIET(c, 700);
}

/* ---- hang ---------------------------------------------------------------------------------------------- */

static void a_job_in_which_nothing_moves_ends(void **state) {
  (void)state;
  court *c = court_of(RANKS, 60);
  all_well(c, 118, 100);
  for (int r = 0; r < 3; r++) report(c, r, 118, DSM__REDUCE, 101, 130);
  assert_int_equal(dsm__watch_judge(&c->watch, 130, c->text, sizeof c->text), DSM__LATE);
  for (int r = 0; r < 3; r++) report(c, r, 118, DSM__REDUCE, 101, 160.9);
  QUIET(c, 160.9);
  for (int r = 0; r < 3; r++) report(c, r, 118, DSM__REDUCE, 101, 162);
  expect(c, 162, DSM__HANG,
         "nothing has moved for 61 s: step 118: 3 ranks wait since 61 s for rank 3 (node11), from which "
         "nothing has been "
         "heard for 62 s (last: step 118, computing gradients); the job ends (train.watchdog = 60)");
}

static void as_long_as_one_moves_it_does_not_end(void **state) {
  (void)state;
  court *c = court_of(RANKS, 60);
  all_well(c, 20, 100);
  for (int r = 0; r < RANKS; r++) report(c, r, 20, DSM__CHECKPOINT, 101, 400);
  c->rank[0].report.idle = 2; /* it writes */
  assert_int_equal(dsm__watch_judge(&c->watch, 400, c->text, sizeof c->text), DSM__LATE);
  QUIET(c, 400);
  QUIET(c, 403);
}

static void without_a_limit_it_never_ends(void **state) {
  (void)state;
  court *c = court_of(RANKS, 0);
  all_well(c, 20, 100);
  for (int r = 0; r < RANKS; r++) report(c, r, 20, DSM__DATA, 101, 1e5);
  QUIET(c, 1e5);
}

static void one_rank_alone_is_told_where_it_is(void **state) {
  (void)state;
  court *c = court_of(1, 60);
  report(c, 0, 7, DSM__CHECKPOINT, 100, 161);
  expect(c, 161, DSM__HANG,
         "nothing has moved for 61 s: step 7: rank 0 (node10), which has been writing a checkpoint for 61 s; "
         "the job "
         "ends (train.watchdog = 60)");
}

/* ---- blocks: each rank its own ------------------------------------------------------------------------- */

static void a_block_that_goes_on_is_not_late_a_silent_rank_is(void **state) {
  (void)state;
  court *c = court_of(RANKS, 600);
  c->watch.together = false;
  c->watch.unit = "block";
  for (int r = 0; r < RANKS; r++) report(c, r, r + 1, DSM__BLOCK, 0, 100);
  for (int r = 0; r < RANKS; r++) c->rank[r].report.idle = 0.3; /* evaluation after evaluation */
  QUIET(c, 101);
  for (int r = 0; r < 2; r++) report(c, r, r + 1, DSM__BLOCKS_DONE, 105, 111);
  report(c, 2, 3, DSM__BLOCK, 0, 111);
  c->rank[2].report.idle = 0.3;
  expect(c, 111, DSM__LATE,
         "2 ranks wait since 6 s for rank 3 (node11), from which nothing has been heard for 11 s (last: "
         "block 4, "
         "computing)");
  report(c, 3, 4, DSM__BLOCK, 0, 121);
  expect(c, 121, DSM__BACK, "rank 3 (node11) is back after 21 s");
}

static void that_all_have_come_is_known_from_where_rank_0_is(void **state) {
  (void)state;
  court *c = court_of(RANKS, 600);
  c->watch.together = false;
  c->watch.unit = "block";
  for (int r = 0; r < RANKS; r++) report(c, r, 9, DSM__BLOCK, 0, 1);
  for (int r = 0; r < 3; r++) report(c, r, 9, DSM__BLOCKS_DONE, 2, 14);
  assert_int_equal(dsm__watch_judge(&c->watch, 14, c->text, sizeof c->text), DSM__LATE);
  report(c, 0, 9, DSM__FINISHING, 15, 15);
  expect(c, 15, DSM__BACK, "rank 3 (node11) is back after 14 s");

  c = court_of(RANKS, 600);
  all_well(c, 20, 1);
  for (int r = 0; r < 3; r++) report(c, r, 30, DSM__REDUCE, 2, 14);
  assert_int_equal(dsm__watch_judge(&c->watch, 14, c->text, sizeof c->text), DSM__LATE);
  QUIET(c, 14); /* that rank 0 is further than rank 3 was when last heard says nothing */
  report(c, 0, 30, DSM__OPTIMIZER, 15, 15);
  expect(c, 15, DSM__BACK, "rank 3 (node11) is back after 14 s");
}

static void patience_is_part_of_the_limit(void **state) {
  (void)state;
  assert_true(dsm__patience(600) == 10 && dsm__patience(0) == 10 && dsm__patience(12) == 2);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(one_that_reads_for_long_is_named_once_and_when_it_comes),
      cmocka_unit_test(one_that_is_stopped_is_named_with_what_was_last_heard),
      cmocka_unit_test(one_that_has_just_come_back_is_not_late_again),
      cmocka_unit_test(long_steps_are_waited_for_three_times_as_long),
      cmocka_unit_test(rank_0_that_writes_a_checkpoint_is_waited_for),
      cmocka_unit_test(all_waiting_for_each_other_blames_the_network),
      cmocka_unit_test(who_is_behind_is_named_not_who_is_ahead),
      cmocka_unit_test(a_lost_host_is_one_phrase),
      cmocka_unit_test(several_troubles_are_told_apart),
      cmocka_unit_test(who_was_stopped_himself_blames_nobody),
      cmocka_unit_test(deaf_is_told_once_and_named_last),
      cmocka_unit_test(a_job_in_which_nothing_moves_ends),
      cmocka_unit_test(as_long_as_one_moves_it_does_not_end),
      cmocka_unit_test(without_a_limit_it_never_ends),
      cmocka_unit_test(one_rank_alone_is_told_where_it_is),
      cmocka_unit_test(a_block_that_goes_on_is_not_late_a_silent_rank_is),
      cmocka_unit_test(that_all_have_come_is_known_from_where_rank_0_is),
      cmocka_unit_test(patience_is_part_of_the_limit),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
