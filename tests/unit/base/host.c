/* What the kernel tells of this process and its machine is there, and within reason. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include <unistd.h>
#include "dsmpi/host.h"

static void a_program_has_an_id(void **state) {
  (void)state;
  char id[64], again[64], part[9];
  dsm_program_id(id, sizeof id);
  assert_true(strlen(id) >= 16 && strspn(id, "0123456789abcdef") == strlen(id));
  assert_string_equal(dsm_program_id(again, sizeof again), id);
  assert_int_equal(strncmp(dsm_program_id(part, sizeof part), id, 8), 0); /* cut where there is no room */
}

static void a_processor_has_a_name_and_cores(void **state) {
  (void)state;
  char name[64], little[4];
  assert_true(strlen(dsm_host_processor(name, sizeof name)) > 0);
  assert_true(strlen(dsm_host_processor(little, sizeof little)) < sizeof little);
  assert_in_range(dsm_host_cores(), 1, sysconf(_SC_NPROCESSORS_ONLN));
  assert_true(dsm_host_quota() >= 0);
}

static void a_machine_has_memory(void **state) {
  (void)state;
  const dsm_host_memory m = dsm_host_memory_of();
  const double pages = (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE);
  assert_true(m.total > 0.9 * pages && m.total < 1.1 * pages);
  assert_true(m.available > 0 && m.available <= m.total);
  assert_true(m.limit >= 0 && m.limit < m.total && m.used >= 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_program_has_an_id),
      cmocka_unit_test(a_processor_has_a_name_and_cores),
      cmocka_unit_test(a_machine_has_memory),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
