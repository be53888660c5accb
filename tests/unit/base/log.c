/* What the log writes is read back from a pipe, a file or a pseudo-terminal put in the place of stdout and
 * stderr. */
#include "dsmpi/log.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <pty.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

static struct { int reader, kept; /* our end; the real stdout or stderr */ } captured[3];

static void capture(int descriptor) {
  int ends[2];
  fflush(NULL);
  assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
  captured[descriptor].kept = dup(descriptor);
  captured[descriptor].reader = ends[0];
  dup2(ends[1], descriptor);
  close(ends[1]);
}

static void release(int descriptor, char *text, size_t size) {
  fflush(NULL);
  dup2(captured[descriptor].kept, descriptor); /* closes the last writing end */
  close(captured[descriptor].kept);
  size_t used = 0;
  ssize_t n;
  while (used + 1 < size && (n = read(captured[descriptor].reader, text + used, size - 1 - used)) > 0)
    used += (size_t)n;
  text[used] = '\0';
  close(captured[descriptor].reader);
}

static int reset(void **state) {
  (void)state;
  dsm_log_set_level(DSM_LOG_INFO);
  dsm_log_set_rank(0, 1);
  return dsm_log_open(NULL) == DSM_OK ? 0 : -1;
}

static void messages_go_out_and_warnings_and_errors_apart(void **state) {
  (void)state;
  char out[500], err[500];
  size_t warnings = dsm_log_warnings();
  capture(1);
  capture(2);
  dsm_info("step %d", 7);
  dsm_warn("careful with %s", "that");
  dsm_error("no");
  dsm_debug("never shown");
  release(2, err, sizeof err);
  release(1, out, sizeof out);
  assert_string_equal(out, "step 7\n");
  assert_string_equal(err, "dsmpi: warning: careful with that\ndsmpi: error: no\n");
  assert_int_equal(dsm_log_warnings() - warnings, 1);
}

static void the_level_decides_what_is_shown(void **state) {
  (void)state;
  char out[500], err[500];
  capture(1);
  capture(2);
  dsm_log_set_level(DSM_LOG_DEBUG);
  dsm_debug("detail");
  dsm_log_set_level(DSM_LOG_ERROR);
  dsm_info("not this");
  dsm_warn("nor this");
  dsm_error("but this");
  release(2, err, sizeof err);
  release(1, out, sizeof out);
  assert_string_equal(out, "detail\n");
  assert_string_equal(err, "dsmpi: error: but this\n");
}

static void other_ranks_speak_only_to_warn(void **state) {
  (void)state;
  char out[500], err[500];
  capture(1);
  capture(2);
  dsm_log_set_rank(3, 8);
  dsm_info("nobody asked");
  dsm_warn("slow disk");
  dsm_log_transient("nor this");
  release(2, err, sizeof err);
  release(1, out, sizeof out);
  assert_string_equal(out, "");
  assert_string_equal(err, "dsmpi: warning: rank 3 of 8: slow disk\n");
}

static void a_long_line_is_whole(void **state) {
  (void)state;
  enum { LENGTH = 20000 };
  static char text[LENGTH + 1], out[LENGTH + 10];
  memset(text, 'x', LENGTH);
  for (size_t length = 1020; length <= 1026; length++) { /* around the size of the buffer on the stack */
    capture(1);
    dsm_info("%.*s", (int)length, text);
    release(1, out, sizeof out);
    assert_int_equal(strlen(out), length + 1);
    assert_int_equal(out[length], '\n');
  }
  capture(1);
  dsm_info("%s", text);
  release(1, out, sizeof out);
  assert_int_equal(strlen(out), LENGTH + 1);
}

static void *talk(void *letter) {
  for (int i = 0; i < 200; i++)
    dsm_info("%s%s%s%s", (char *)letter, (char *)letter, (char *)letter, (char *)letter);
  return NULL;
}

static void lines_of_threads_do_not_mix(void **state) {
  (void)state;
  static char out[20000];
  pthread_t threads[3];
  static char letters[3][2] = {"a", "b", "c"};
  capture(1);
  for (int t = 0; t < 3; t++) pthread_create(&threads[t], NULL, talk, letters[t]);
  for (int t = 0; t < 3; t++) pthread_join(threads[t], NULL);
  release(1, out, sizeof out);
  assert_int_equal(strlen(out), 3 * 200 * 5);
  for (size_t i = 0; i < strlen(out); i += 5)
    assert_true(out[i] == out[i + 1] && out[i] == out[i + 2] && out[i] == out[i + 3] && out[i + 4] == '\n');
}

/* With SIGPIPE at its default a plain write would end this program. */
static void a_reader_that_left_does_not_stop_the_program(void **state) {
  (void)state;
  char out[100];
  capture(1);
  close(captured[1].reader);
  captured[1].reader = open("/dev/null", O_RDONLY);
  for (int i = 0; i < 3; i++) dsm_info("to nobody");
  release(1, out, sizeof out);
}

static void a_closed_or_full_stdout_does_not_stop_the_program(void **state) {
  (void)state;
  fflush(NULL);
  int kept = dup(1);
  close(1);
  dsm_info("to nobody");
  int full = open("/dev/full", O_WRONLY);
  dup2(full, 1);
  if (full != 1) close(full);
  dsm_info("to a full disk");
  dup2(kept, 1);
  close(kept);
}

static void the_log_file_gets_every_shown_line_with_the_time(void **state) {
  (void)state;
  char folder[] = "/tmp/dsmpi-log-XXXXXX", path[64], out[500], text[1000] = "";
  assert_non_null(mkdtemp(folder));
  snprintf(path, sizeof path, "%s/log.txt", folder);
  capture(1);
  capture(2);
  assert_int_equal(dsm_log_open(path), DSM_OK);
  dsm_info("first");
  dsm_debug("not shown, not written");
  assert_int_equal(dsm_log_open(path), DSM_OK); /* appends */
  dsm_warn("second");
  assert_int_equal(dsm_log_open(NULL), DSM_OK);
  dsm_info("after");
  release(2, out, sizeof out);
  release(1, out, sizeof out);
  FILE *file = fopen(path, "r");
  assert_non_null(file);
  assert_true(fread(text, 1, sizeof text - 1, file) > 0);
  fclose(file);
  enum { STAMP = sizeof "2026-01-31T12:34:56+01:00" };
  assert_int_equal(strncmp(text + STAMP, "first\n", 6), 0);
  assert_string_equal(text + 2 * STAMP + 6, "dsmpi: warning: second\n");
  unlink(path);
  rmdir(folder);
}

static void a_log_file_that_cannot_be_opened_is_a_failure(void **state) {
  (void)state;
  assert_int_equal(dsm_log_open("/no/such/folder/log.txt"), DSM_IO);
  assert_non_null(strstr(dsm_trail_message(), "/no/such/folder/log.txt: No such file"));
}

static void a_log_file_that_fills_up_is_reported_once(void **state) {
  (void)state;
  char out[500], err[500];
  capture(1);
  capture(2);
  assert_int_equal(dsm_log_open("/dev/full"), DSM_OK);
  for (int i = 0; i < 3; i++) dsm_info("line");
  release(2, err, sizeof err);
  release(1, out, sizeof out);
  assert_string_equal(out, "line\nline\nline\n");
  assert_string_equal(err, "dsmpi: warning: the log file cannot be written; lines are missing from it\n");
}

static void a_transient_line_is_silent_without_a_terminal(void **state) {
  (void)state;
  char out[100];
  capture(1);
  assert_false(dsm_log_is_terminal());
  dsm_log_transient("50 %");
  dsm_log_transient(NULL);
  release(1, out, sizeof out);
  assert_string_equal(out, "");
}

static void a_transient_line_is_cut_to_the_terminal_and_cleared_by_the_next(void **state) {
  (void)state;
  char out[500];
  int master, slave;
  struct winsize window = {.ws_row = 24, .ws_col = 9};
  setenv("TERM", "xterm", 1);
  unsetenv("OMPI_COMM_WORLD_RANK"); /* under mpirun the launcher's output would count too */
  assert_int_equal(openpty(&master, &slave, NULL, NULL, &window), 0);
  fflush(NULL);
  int kept = dup(1);
  dup2(slave, 1);
  bool terminal = dsm_log_is_terminal();
  dsm_log_transient("\u2588\u2588 50 % and more"); /* two block characters of three bytes */
  dsm_info("step");
  dsm_info("step");
  dup2(kept, 1);
  close(kept);
  /* a terminal hands out what was written in pieces of its own choice */
  size_t length = 0;
  for (struct pollfd ready = {.fd = master, .events = POLLIN};
       length < sizeof out - 1 && poll(&ready, 1, 200) > 0;) {
    ssize_t n = read(master, out + length, sizeof out - 1 - length);
    if (n <= 0) break;
    length += (size_t)n;
  }
  close(slave);
  close(master);
  assert_true(terminal);
  out[length] = '\0';
  assert_string_equal(out, "\r\033[K\u2588\u2588 50 % \r\033[Kstep\r\nstep\r\n");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup(messages_go_out_and_warnings_and_errors_apart, reset),
      cmocka_unit_test_setup(the_level_decides_what_is_shown, reset),
      cmocka_unit_test_setup(other_ranks_speak_only_to_warn, reset),
      cmocka_unit_test_setup(a_long_line_is_whole, reset),
      cmocka_unit_test_setup(lines_of_threads_do_not_mix, reset),
      cmocka_unit_test_setup(a_reader_that_left_does_not_stop_the_program, reset),
      cmocka_unit_test_setup(a_closed_or_full_stdout_does_not_stop_the_program, reset),
      cmocka_unit_test_setup(the_log_file_gets_every_shown_line_with_the_time, reset),
      cmocka_unit_test_setup(a_log_file_that_cannot_be_opened_is_a_failure, reset),
      cmocka_unit_test_setup(a_log_file_that_fills_up_is_reported_once, reset),
      cmocka_unit_test_setup(a_transient_line_is_silent_without_a_terminal, reset),
      cmocka_unit_test_setup(a_transient_line_is_cut_to_the_terminal_and_cleared_by_the_next, reset),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
