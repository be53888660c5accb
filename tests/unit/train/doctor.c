/* What the doctor makes of environments and of Slurm's words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include "train/doctor/doctor.h"

static const char *name, *value;

static char *get(const char *asked) {
  return name && strcmp(asked, name) == 0 ? (char *)value : NULL;
}

enum { NOTHING, A_WORD, HURTS };

/* What is said of one variable on so many ranks with so many threads. */
static int verdict(const char *variable, const char *text, int ranks, int threads) {
  dsm__advice advice;
  int next = 0;
  name = variable;
  value = text;
  if (!dsm__environment_advice(get, ranks, threads, &next, &advice)) return NOTHING;
  if (strncmp(advice.text, variable, strlen(variable)) != 0) fail_msg("of %s: %s", variable, advice.text);
  const int found = advice.hurts ? HURTS : A_WORD;
  if (dsm__environment_advice(get, ranks, threads, &next, &advice)) fail_msg("twice of %s", variable);
  return found;
}

static void an_empty_environment_is_well(void **state) {
  (void)state;
  assert_int_equal(verdict(NULL, NULL, 4, 4), NOTHING);
  assert_int_equal(verdict("OMP_PROC_BIND", "", 4, 4), NOTHING);
}

static void what_hurts_several_ranks_may_be_well_for_one(void **state) {
  (void)state;
  assert_int_equal(verdict("OMP_PROC_BIND", "true", 1, 4), NOTHING);
  assert_int_equal(verdict("OMP_PROC_BIND", "true", 2, 4), HURTS);
  assert_int_equal(verdict("OMP_PROC_BIND", "FALSE", 2, 4), NOTHING);
  assert_int_equal(verdict("OMP_PLACES", "cores", 1, 4), NOTHING);
  assert_int_equal(verdict("GOMP_CPU_AFFINITY", "0-3", 2, 4), HURTS);
}

static void threads_are_compared(void **state) {
  (void)state;
  assert_int_equal(verdict("OMP_THREAD_LIMIT", "2", 1, 4), HURTS);
  assert_int_equal(verdict("OMP_THREAD_LIMIT", "4", 1, 4), NOTHING);
  assert_int_equal(verdict("OMP_NUM_THREADS", "4", 1, 4), NOTHING);
  assert_int_equal(verdict("OMP_NUM_THREADS", "8", 1, 4), A_WORD);
  assert_int_equal(verdict("OMP_DYNAMIC", "TRUE", 1, 4), HURTS);
  assert_int_equal(verdict("OMP_DYNAMIC", "false", 1, 4), NOTHING);
  assert_int_equal(verdict("OMP_WAIT_POLICY", "active", 1, 1), NOTHING);
  assert_int_equal(verdict("OMP_WAIT_POLICY", "active", 1, 2), HURTS);
  assert_int_equal(verdict("OMP_WAIT_POLICY", "passive", 1, 2), NOTHING);
  assert_int_equal(verdict("DSMPI_FAULT", "0:1:kill", 1, 1), HURTS);
  assert_int_equal(verdict("OPENBLAS_CORETYPE", "Zen", 1, 1), A_WORD);
}

static void types_of_srun_are_read_in_both_forms(void **state) {
  (void)state;
  char types[128], little[12];
  dsm__srun_types(
      "MPI plugin types are...\n\tnone\n\tpmi2\n\tpmix\nspecific pmix plugin versions available: pmix_v4\n",
      types, sizeof types); /* 22.05 */
  assert_string_equal(types, "none pmi2 pmix pmix_v4");
  dsm__srun_types("srun: MPI plugin types are...\nsrun: none\nsrun: cray_shasta\nsrun: pmix_v3,pmix_v4\n",
                  types, sizeof types);
  assert_string_equal(types, "none cray_shasta pmix_v3 pmix_v4");
  dsm__srun_types("MPI plugin types are...\n\tnone\n\tpmi2\n\tpmix\n", little, sizeof little);
  assert_string_equal(little, "none pmi2");
}

static void other_words_are_no_types(void **state) {
  (void)state;
  char types[128];
  dsm__srun_types("", types, sizeof types);
  assert_string_equal(types, "");
  dsm__srun_types("srun: fatal: Could not establish a configuration source, none\n", types, sizeof types);
  assert_string_equal(types, "");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(an_empty_environment_is_well),
      cmocka_unit_test(what_hurts_several_ranks_may_be_well_for_one),
      cmocka_unit_test(threads_are_compared),
      cmocka_unit_test(types_of_srun_are_read_in_both_forms),
      cmocka_unit_test(other_words_are_no_types),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
