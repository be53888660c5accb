/* The file system under a path: of the nearest folder that is there, with its room as df tells it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include <sys/statvfs.h>
#include "dsmpi/io.h"

static void the_nearest_folder_is_asked(void **state) {
  (void)state;
  static const struct {
    const char *path, *folder;
  } known[] = {{"/", "/"},
               {"/no/such/folder", "/"},
               {".", "."},
               {"no/such/folder", "."},
               {"gone", "."},
               {"", "."},
               {"/proc/self/status", "/proc/self"},
               {"/proc//none", "/proc/"}};
  for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
    dsm_file_system s;
    assert_int_equal(dsm_file_system_of(known[i].path, &s), DSM_OK);
    if (strcmp(s.folder, known[i].folder) != 0)
      fail_msg("%s: folder %s expected, %s received", known[i].path, known[i].folder, s.folder);
  }
}

static void room_is_that_of_df(void **state) {
  (void)state;
  dsm_file_system s;
  struct statvfs facts;
  assert_int_equal(dsm_file_system_of(".", &s), DSM_OK);
  assert_int_equal(statvfs(".", &facts), 0);
  assert_true(s.size == (double)facts.f_blocks * (double)facts.f_frsize);
  assert_true(s.room >= 0 && s.room <= s.size && s.writable && s.type[0]);
}

static void kinds_are_known(void **state) {
  (void)state;
  dsm_file_system s;
  assert_int_equal(dsm_file_system_of("/proc", &s), DSM_OK); /* none that anybody would write results to */
  assert_int_equal(s.kind, DSM_STORAGE_UNKNOWN);
  assert_string_equal(s.type, "of type 0x9fa0");
  assert_int_equal(dsm_file_system_of("/dev/shm/gone", &s), DSM_OK);
  if (strcmp(s.folder, "/dev/shm") == 0 && strcmp(s.type, "tmpfs") == 0)
    assert_int_equal(s.kind, DSM_STORAGE_MEMORY);
}

static void a_name_that_is_too_long_is_refused(void **state) {
  (void)state;
  char name[4096];
  dsm_file_system s;
  memset(name, 'x', sizeof name - 1);
  name[sizeof name - 1] = '\0';
  assert_int_equal(dsm_file_system_of(name, &s), DSM_IO);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_nearest_folder_is_asked),
      cmocka_unit_test(room_is_that_of_df),
      cmocka_unit_test(kinds_are_known),
      cmocka_unit_test(a_name_that_is_too_long_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
