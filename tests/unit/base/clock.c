#include "dsmpi/clock.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

static void seconds_run_forward_at_the_pace_of_seconds(void **state) {
  (void)state;
  double start = dsm_seconds();
  const struct timespec pause = {.tv_nsec = 20 * 1000 * 1000};
  nanosleep(&pause, NULL);
  double passed = dsm_seconds() - start;
  assert_true(passed >= 0.02 && passed < 20);
}

static void the_age_of_the_process_grows_with_the_clock(void **state) {
  (void)state;
  const double before = dsm_seconds_of_process(), start = dsm_seconds();
  const struct timespec pause = {.tv_nsec = 30 * 1000 * 1000};
  assert_true(before >= 0 && before < 600); /* this test alone takes less than a second */
  nanosleep(&pause, NULL);
  /* the start is known to a tick, but it is the same start twice */
  const double passed = dsm_seconds_of_process() - before, clock = dsm_seconds() - start;
  assert_true(fabs(passed - clock) < 0.02);
}

static void durations_read_as_people_write_them(void **state) {
  (void)state;
  static const struct {
    double seconds;
    const char *text;
  } rows[] = {
      {0, "0.0 s"},
      {8.24, "8.2 s"},
      {59.94, "59.9 s"},
      {59.96, "1:00"},
      {187, "3:07"},
      {3599.4, "59:59"},
      {3599.6, "1:00:00"},
      {3723, "1:02:03"},
      {86399.6, "1d 00:00"},
      {187500, "2d 04:05"},
      {-1, "?"},
      {(double)NAN, "?"},
      {(double)INFINITY, "?"},
  };
  char text[32];
  for (size_t r = 0; r < sizeof rows / sizeof *rows; r++)
    assert_string_equal(dsm_duration(rows[r].seconds, text, sizeof text), rows[r].text);
}

static void bytes_read_as_people_write_them(void **state) {
  (void)state;
  static const struct {
    double bytes;
    const char *text;
  } rows[] = {
      {0, "0 B"},        {812, "812 B"},       {999, "999 B"},     {999.6, "1.0 kB"},
      {1000, "1.0 kB"},  {999949, "999.9 kB"}, {999960, "1.0 MB"}, {3.4e6, "3.4 MB"},
      {1.2e9, "1.2 GB"}, {-3.4e6, "-3.4 MB"},  {5e18, "5.0 EB"},   {5e21, "5000.0 EB"},
  };
  char text[32];
  for (size_t r = 0; r < sizeof rows / sizeof *rows; r++)
    assert_string_equal(dsm_bytes(rows[r].bytes, text, sizeof text), rows[r].text);
}

static void the_median_is_the_one_in_the_middle(void **state) {
  (void)state;
  double one[] = {3}, two[] = {5, 1}, five[] = {9, -1, 4, 1e9, 2};
  assert_true(dsm_median(one, 1) == 3);
  assert_true(dsm_median(two, 2) == 3);
  assert_true(dsm_median(five, 5) == 4);
}

static void timestamps_carry_their_zone(void **state) {
  (void)state;
  static const struct {
    const char *zone, *end;
  } rows[] = {{"UTC0", "+00:00"}, {"ABC-1", "+01:00"}, {"ABC3:30", "-03:30"}};
  char text[40], brief[8];
  for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
    setenv("TZ", rows[r].zone, 1);
    tzset();
    dsm_timestamp(text, sizeof text);
    assert_int_equal(strlen(text), strlen("2026-01-31T12:34:56+01:00"));
    assert_string_equal(text + 19, rows[r].end);
    struct tm read = {0};
    assert_ptr_equal(strptime(text, "%Y-%m-%dT%H:%M:%S", &read), text + 19);
    read.tm_isdst = -1;
    assert_true(fabs(difftime(mktime(&read), time(NULL))) < 60);
  }
  assert_int_equal(strlen(dsm_timestamp(brief, sizeof brief)), sizeof brief - 1); /* cut, not overrun */
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(seconds_run_forward_at_the_pace_of_seconds),
      cmocka_unit_test(the_age_of_the_process_grows_with_the_clock),
      cmocka_unit_test(durations_read_as_people_write_them),
      cmocka_unit_test(bytes_read_as_people_write_them),
      cmocka_unit_test(the_median_is_the_one_in_the_middle),
      cmocka_unit_test(timestamps_carry_their_zone),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
