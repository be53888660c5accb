/* Of several jobs that want a run folder in the same instant, one gets it: whether it is nobody's or a dead job's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "train/internal.h"

enum { JOBS = 8, ROUNDS = 40 };

/* Waits for the word, tries, tells, and stays alive until it is told to go: a job that has ended could be followed. */
static void be_a_job(const dsm__run_folder *folder, int word, int answer, int go) {
  dsm__owner owner = {0};
  char c;
  if (read(word, &c, 1) != 0) _exit(3); /* the writing end is closed: all at once */
  c = dsm__owner_take(folder, &owner) == DSM_OK ? 'y' : 'n';
  if (write(answer, &c, 1) != 1 || read(go, &c, 1) != 0) _exit(3);
  dsm__owner_release(&owner);
  _exit(0);
}

static int owners_of(const dsm__run_folder *folder) {
  int word[2], answer[2], go[2], owners = 0, status;
  pid_t job[JOBS];
  char c;
  assert_int_equal(pipe(word) | pipe(answer) | pipe(go), 0);
  for (int j = 0; j < JOBS; j++) {
    job[j] = fork();
    assert_true(job[j] >= 0);
    if (job[j] == 0) {
      close(word[1]);
      close(go[1]);
      be_a_job(folder, word[0], answer[1], go[0]);
    }
  }
  close(word[1]);
  for (int j = 0; j < JOBS; j++) {
    assert_int_equal(read(answer[0], &c, 1), 1);
    owners += c == 'y';
  }
  close(go[1]);
  for (int j = 0; j < JOBS; j++) {
    assert_int_equal(waitpid(job[j], &status, 0), job[j]);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  }
  close(word[0]), close(answer[0]), close(answer[1]), close(go[0]);
  return owners;
}

/* The owner file of a job of this host that has ended. */
static void leave_a_dead_owner(const char *path) {
  char host[64] = "";
  const pid_t child = fork();
  if (child == 0) _exit(0);
  waitpid(child, NULL, 0);
  gethostname(host, sizeof host - 1);
  FILE *file = fopen(path, "w");
  assert_non_null(file);
  fprintf(file, "host %s pid %ld job - restarts 0 since 2026-01-01 token 1\n", host, (long)child);
  assert_int_equal(fclose(file), 0);
}

static void one_of_several_gets_it(void **state) {
  (void)state;
  dsm__run_folder folder = {.path = "/tmp/dsmpi-owner.XXXXXX"};
  char path[sizeof folder.path + 16];
  assert_non_null(mkdtemp(folder.path));
  snprintf(path, sizeof path, "%s/owner", folder.path);
  for (int round = 0; round < ROUNDS; round++) {
    if (round % 2) leave_a_dead_owner(path);
    const int owners = owners_of(&folder);
    if (owners != 1) fail_msg("round %d: %d jobs have the folder", round, owners);
    assert_int_not_equal(access(path, F_OK), 0); /* given back */
  }
  assert_int_equal(rmdir(folder.path), 0); /* nothing else is left either */
}

/* One that died while it followed another left its turn. */
static void turns_of_the_dead_are_removed(void **state) {
  (void)state;
  dsm__run_folder folder = {.path = "/tmp/dsmpi-owner.XXXXXX"};
  dsm__owner owner = {0};
  char path[sizeof folder.path + 16], turn[sizeof folder.path + 32];
  assert_non_null(mkdtemp(folder.path));
  snprintf(path, sizeof path, "%s/owner", folder.path);
  snprintf(turn, sizeof turn, "%s.after-7", path);
  leave_a_dead_owner(turn); /* of an owner long gone */
  leave_a_dead_owner(path);
  assert_int_equal(dsm__owner_take(&folder, &owner), DSM_OK);
  dsm__owner_release(&owner);
  snprintf(turn, sizeof turn, "%s.after-1", path);
  leave_a_dead_owner(turn); /* of the owner that is to be followed now */
  leave_a_dead_owner(path);
  assert_int_equal(dsm__owner_take(&folder, &owner), DSM_OK);
  dsm__owner_release(&owner);
  assert_int_equal(rmdir(folder.path), 0);
}

static void what_names_nobody_is_told(void **state) {
  (void)state;
  dsm__run_folder folder = {.path = "/tmp/dsmpi-owner.XXXXXX"};
  dsm__owner owner = {0};
  char path[sizeof folder.path + 16];
  assert_non_null(mkdtemp(folder.path));
  snprintf(path, sizeof path, "%s/owner", folder.path);
  assert_int_equal(fclose(fopen(path, "w")), 0);
  assert_int_equal(dsm__owner_take(&folder, &owner), DSM_IO);
  assert_non_null(strstr(dsm_trail_message(), "does not say whose the run folder is"));
  dsm__owner_release(&owner);
  assert_int_equal(unlink(path) | rmdir(folder.path), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(one_of_several_gets_it),
      cmocka_unit_test(turns_of_the_dead_are_removed),
      cmocka_unit_test(what_names_nobody_is_told),
  };
  dsm_log_set_level(DSM_LOG_WARNING);
  return cmocka_run_group_tests(tests, NULL, NULL);
}
