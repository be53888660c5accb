/* How much time a Slurm job has left, in Slurm's words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "train/internal.h"

static void durations_are_read_as_slurm_writes_them(void **state) {
  (void)state;
  static const struct {
    const char *text;
    double seconds;
  } known[] = {{"4", 4},
               {"1:00\n", 60}, /* as squeue prints it */
               {"03:04", 184},
               {"02:03:04", 7384},
               {"1-02:03:04", 93784},
               {"10-00:00:00\n", 864000},
               {"2-3", 183600},
               {"2-3:30", 185400},
               {"0:00", 0}};
  for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
    const double seconds = dsm__slurm_seconds(known[i].text);
    if (seconds != known[i].seconds)
      fail_msg("\"%s\": %g expected, %g received", known[i].text, known[i].seconds, seconds);
  }
}

static void everything_else_is_unknown(void **state) {
  (void)state;
  static const char *const unknown[] = {"",        "UNLIMITED", "INVALID\n", "NOT_SET", "1:", ":1",
                                        "1:2:3:4", "-1:00",     "x-1:00",    "1:00 h",  "1-"};
  for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++)
    if (dsm__slurm_seconds(unknown[i]) >= 0) fail_msg("\"%s\" was taken for a duration", unknown[i]);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(durations_are_read_as_slurm_writes_them),
      cmocka_unit_test(everything_else_is_unknown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
