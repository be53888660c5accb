/* The board's threads and datagrams, without MPI: several ranks of it in one process, over its own network. Also compiled
 * with ThreadSanitizer, see CMakeLists.txt. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "train/board.h"

enum { RANKS = 3, PATIENCE = 30 /* seconds that a test waits for what must come, on a busy machine */ };

/* ---- what is said, from the board's threads ------------------------------------------------------------ */

typedef struct ear {
  pthread_mutex_t mutex;
  pthread_cond_t heard;
  int of[DSM__HANG + 1]; /* verdicts of each kind */
  char last[DSM__HANG + 1][512];
} ear;

static void listen_to(void *context, dsm__verdict verdict, const char *text) {
  ear *e = context;
  pthread_mutex_lock(&e->mutex);
  e->of[verdict]++;
  snprintf(e->last[verdict], sizeof e->last[verdict], "%s", text);
  pthread_cond_broadcast(&e->heard);
  pthread_mutex_unlock(&e->mutex);
}

static void wait_for(ear *e, dsm__verdict verdict, const char *text) {
  struct timespec end;
  int error = 0;
  clock_gettime(CLOCK_REALTIME, &end);
  end.tv_sec += PATIENCE;
  pthread_mutex_lock(&e->mutex);
  while (e->of[verdict] == 0 && error == 0) error = pthread_cond_timedwait(&e->heard, &e->mutex, &end);
  const int got = e->of[verdict];
  pthread_mutex_unlock(&e->mutex);
  if (got == 0) fail_msg("no verdict %d within %d s", verdict, PATIENCE);
  if (!strstr(e->last[verdict], text)) fail_msg("\"%s\" expected in \"%s\"", text, e->last[verdict]);
}

static int said(ear *e, dsm__verdict verdict) {
  pthread_mutex_lock(&e->mutex);
  const int n = e->of[verdict];
  pthread_mutex_unlock(&e->mutex);
  return n;
}

static void nap(double seconds) {
  nanosleep(&(struct timespec){(time_t)seconds, (long)(1e9 * (seconds - (double)(time_t)seconds))}, NULL);
}

/* ---- ranks --------------------------------------------------------------------------------------------- */

static const char hosts[RANKS][DSM__HOST_MAX] = {"h1", "h2", "h3"};

static dsm__board *start(int rank, int ranks, int64_t limit, bool together, dsm__wire wire, ear *e) {
  const dsm__board_params params = {
      .unit = together ? "step" : "block", .together = together, .limit = limit};
  const dsm__board_rank self = {.rank = rank,
                                .ranks = ranks,
                                .speaks_first = true,
                                .hosts = hosts[0],
                                .wire = wire,
                                .say = e ? listen_to : NULL,
                                .context = e};
  dsm__board *board;
  assert_int_equal(dsm__board_start(&params, &self, &board), DSM_OK);
  return board;
}

static int entries_of(const char *folder) {
  int n = 0;
  DIR *d = opendir(folder);
  assert_non_null(d);
  while (readdir(d)) n++;
  closedir(d);
  return n;
}

static void a_late_rank_is_named_over_the_network(void **state) {
  (void)state;
  ear unheard = {.mutex = PTHREAD_MUTEX_INITIALIZER, .heard = PTHREAD_COND_INITIALIZER};
  dsm__board *alone = start(0, 1, 0, true, (dsm__wire){.socket = -1}, &unheard);
  dsm__board_end(&alone); /* a sanitizer's own thread comes with the first one */
  const int threads = entries_of("/proc/self/task"), files = entries_of("/proc/self/fd");
  ear e[RANKS] = {0};
  char why[128];
  dsm__wire wire[RANKS];
  dsm__board *board[RANKS];
  dsm__wire_listen(&wire[0], why, sizeof why);
  if (wire[0].socket < 0) fail_msg("%s", why);
  for (int r = 1; r < RANKS; r++) dsm__wire_reach(&wire[r], &wire[0].door);
  for (int r = 0; r < RANKS; r++) {
    pthread_mutex_init(&e[r].mutex, NULL);
    pthread_cond_init(&e[r].heard, NULL);
    board[r] = start(r, RANKS, 12, true, wire[r], &e[r]);
    dsm__board_count(board[r], 118);
    dsm__board_enter(board[r], r == 2 ? DSM__DATA : DSM__REDUCE);
  }
  wait_for(&e[0], DSM__LATE, "step 118: 2 ranks wait since ");
  assert_non_null(strstr(e[0].last[DSM__LATE], " s for rank 2 (h3), which has been reading data for "));
  dsm__board_enter(board[2], DSM__REDUCE);
  wait_for(&e[0], DSM__BACK, "rank 2 (h3) is back after ");
  for (int64_t step = 119; step < 1000; step++) /* the main threads write while the board's look */
    for (int r = 0; r < RANKS; r++) {
      dsm__board_count(board[r], step);
      dsm__board_enter(board[r], DSM__COMPUTE);
      dsm__board_tick(board[r]);
    }
  dsm__board_end(&board[0]); /* as if rank 0 were gone: the others are answered no more */
  for (int r = 1; r < RANKS; r++) dsm__board_enter(board[r], DSM__REDUCE);
  wait_for(&e[1], DSM__LATE, "step 999: rank 0 (h1) has not answered for ");
  assert_int_equal(said(&e[0], DSM__LATE), 1);
  assert_int_equal(said(&e[0], DSM__DEAF) + said(&e[0], DSM__HANG), 0);
  for (int r = 1; r < RANKS; r++) dsm__board_end(&board[r]);
  assert_int_equal(entries_of("/proc/self/task"), threads);
  assert_int_equal(entries_of("/proc/self/fd"), files);
}

static void nobody_heard_is_told(void **state) {
  (void)state;
  ear e = {.mutex = PTHREAD_MUTEX_INITIALIZER, .heard = PTHREAD_COND_INITIALIZER};
  char why[128];
  dsm__wire wire;
  dsm__wire_listen(&wire, why, sizeof why);
  dsm__board *board = start(0, RANKS, 1, true, wire, &e);
  wait_for(&e, DSM__DEAF, "reports of the other ranks do not arrive");
  nap(1.5);
  assert_int_equal(said(&e, DSM__HANG), 0); /* still starting: the others may be at work */
  dsm__board_enter(board, DSM__REDUCE);
  wait_for(&e, DSM__HANG, "; the job ends (train.watchdog = 1)");
  dsm__board_end(&board);
}

/* ---- datagrams ----------------------------------------------------------------------------------------- */

static void strangers_are_not_heard(void **state) {
  (void)state;
  char why[128];
  dsm__wire root, friend, stranger;
  dsm__datagram d = {.rank = 1, .number = 7}, got = {.rank = 0};
  dsm__sender from;
  dsm__wire_listen(&root, why, sizeof why);
  dsm__wire_reach(&friend, &root.door);
  dsm__wire_reach(&stranger, &root.door);
  stranger.door.token[3] ^= 1;
  assert_true(root.door.ways > 0);
  d.way = (int16_t)(root.door.ways - 1);
  dsm__wire_send(&stranger, &d);
  dsm__wire_send(&friend, &d);
  for (int i = 0; i < 100 * PATIENCE && !dsm__wire_receive(&root, &got, &from); i++) nap(0.01);
  assert_int_equal(got.rank, 1); /* the friend's, though the stranger was first */
  assert_memory_equal(got.token, root.door.token, sizeof got.token);
  assert_false(dsm__wire_receive(&root, &got, &from));
  dsm__wire_answer(&root, &got, &from);
  got.answer = 0;
  for (int i = 0; i < 100 * PATIENCE && !dsm__wire_receive(&friend, &got, &from); i++) nap(0.01);
  assert_int_equal(got.answer, 1);
  assert_int_equal(got.way, d.way);
  dsm__wire_close(&root);
  dsm__wire_close(&friend);
  dsm__wire_close(&stranger);
}

/* ---- progress and ends --------------------------------------------------------------------------------- */

static void bytes_written_are_progress_but_not_for_one_that_waits(void **state) {
  (void)state;
  static char bytes[512 << 10];
  for (int waiting = 0; waiting <= 1; waiting++) {
    ear e = {.mutex = PTHREAD_MUTEX_INITIALIZER, .heard = PTHREAD_COND_INITIALIZER};
    const int file = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    dsm__board *board = start(0, 1, 2, true, (dsm__wire){.socket = -1}, &e);
    assert_true(file >= 0);
    dsm__board_enter(board, waiting ? DSM__REDUCE : DSM__CHECKPOINT);
    const double begin = dsm_seconds();
    while (dsm_seconds() - begin < 3 && said(&e, DSM__HANG) == 0) {
      assert_int_equal(pwrite(file, bytes, sizeof bytes, 0), sizeof bytes);
      nap(0.1);
    }
    assert_int_equal(said(&e, DSM__HANG) > 0, waiting);
    if (!waiting) wait_for(&e, DSM__HANG, "rank 0 (h1), which has been writing a checkpoint for ");
    dsm__board_end(&board);
    close(file);
  }
}

/* A process of its own with one rank that is stuck; its exit code, what it has said, what it has left in its log. */
static int stuck_process(int rank, int ranks, dsm__wire wire, char *text, size_t size, const char *log) {
  int ends[2], code;
  size_t used = 0;
  assert_int_equal(pipe(ends), 0);
  const pid_t child = fork();
  if (child == 0) {
    const dsm__board_params params = {.unit = "step", .together = true, .limit = 1, .log = log};
    const dsm__board_rank self = {
        .rank = rank, .ranks = ranks, .speaks_first = true, .hosts = hosts[0], .wire = wire};
    dsm__board *board;
    dup2(ends[1], STDERR_FILENO);
    dsm_log_set_rank(rank, ranks);
    if (dsm__board_start(&params, &self, &board) != DSM_OK) _exit(1);
    dsm__board_enter(board, DSM__REDUCE);
    sleep(PATIENCE);
    _exit(2);
  }
  close(ends[1]);
  ssize_t n;
  while (used + 1 < size && (n = read(ends[0], text + used, size - 1 - used)) > 0) used += (size_t)n;
  text[used] = '\0';
  close(ends[0]);
  assert_int_equal(waitpid(child, &code, 0), child);
  assert_true(WIFEXITED(code));
  return WEXITSTATUS(code);
}

static void a_stuck_process_ends_itself_with_last_words(void **state) {
  (void)state;
  char text[4096], log[] = "/tmp/dsmpi-board.XXXXXX", kept[4096] = "", why[128];
  const int file = mkstemp(log);
  dsm__wire deaf, wire;
  assert_int_equal(stuck_process(0, 1, (dsm__wire){.socket = -1}, text, sizeof text, log), 70);
  assert_non_null(
      strstr(text, "dsmpi: error: nothing has moved for 1 s: step 0: rank 0 (h1), which has been summing"));
  assert_true(read(file, kept, sizeof kept - 1) > 0);
  assert_non_null(strstr(kept, " dsmpi: error: nothing has moved for 1 s: step 0: rank 0 (h1)"));

  dsm__wire_listen(&deaf, why, sizeof why); /* bound, but nobody answers there */
  dsm__wire_reach(&wire, &deaf.door);
  assert_int_equal(stuck_process(1, 2, wire, text, sizeof text, NULL), 70);
  assert_non_null(
      strstr(text, "dsmpi: error: rank 1 of 2: step 0: nothing has moved for 3 s, this rank (h2) has been "
                   "summing gradients, and rank 0 (h1) was never heard of"));
  dsm__wire_close(&deaf);
  dsm__wire_close(&wire);
  close(file);
  assert_int_equal(unlink(log), 0);
}

static void without_a_board_nothing_happens(void **state) {
  (void)state;
  dsm__board *none = NULL;
  dsm__board_enter(none, DSM__DATA);
  dsm__board_count(none, 1);
  dsm__board_tick(none);
  dsm__board_end(&none);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_stuck_process_ends_itself_with_last_words), /* forks: before there are threads */
      cmocka_unit_test(strangers_are_not_heard),
      cmocka_unit_test(a_late_rank_is_named_over_the_network),
      cmocka_unit_test(nobody_heard_is_told),
      cmocka_unit_test(bytes_written_are_progress_but_not_for_one_that_waits),
      cmocka_unit_test(without_a_board_nothing_happens),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
