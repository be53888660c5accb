#include "dsmpi/status.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static dsm_status inner(int value) {
  DSM_FAIL(DSM_BAD_DATA, "value %d is odd; use an even one", value);
}
static dsm_status middle(int value) {
  DSM_TRY(inner(value));
  return DSM_OK;
}
static dsm_status outer(int value, bool *cleaned) {
  dsm_status status = DSM_OK;
  DSM_TRY_DONE(middle(value));
done:
  *cleaned = true;
  return status;
}

static size_t count_lines(const char *text) {
  size_t lines = 1;
  for (; *text; text++) lines += *text == '\n';
  return lines;
}

static void a_failure_names_its_message_and_the_places_it_passed(void **state) {
  (void)state;
  bool cleaned = false;
  assert_int_equal(outer(7, &cleaned), DSM_BAD_DATA);
  assert_true(cleaned);
  assert_string_equal(dsm_trail_message(), "value 7 is odd; use an even one");
  assert_int_equal(count_lines(dsm_trail()), 4);
  assert_non_null(strstr(dsm_trail(), "value 7 is odd; use an even one\n    at tests/unit/base/status.c:"));
}

static void a_new_failure_replaces_the_old_trail(void **state) {
  (void)state;
  inner(1);
  inner(3);
  assert_string_equal(dsm_trail_message(), "value 3 is odd; use an even one");
  assert_int_equal(count_lines(dsm_trail()), 2);
  dsm_trail_clear();
  assert_string_equal(dsm_trail(), "");
  assert_string_equal(dsm_trail_message(), "");
}

static dsm_status bare_failure(void) {
  return DSM_STOPPED;
}
static dsm_status forward_bare_failure(void) {
  DSM_TRY(bare_failure());
  return DSM_OK;
}

static void a_status_without_message_does_not_inherit_an_older_one(void **state) {
  (void)state;
  inner(5);
  assert_int_equal(forward_bare_failure(), DSM_STOPPED);
  assert_string_equal(dsm_trail_message(), dsm_status_text(DSM_STOPPED));
}

static dsm_status wrap(void) {
  DSM_FAIL(DSM_IO, "while saving: %s", dsm_trail_message());
}

static void a_message_may_quote_the_trail_it_replaces(void **state) {
  (void)state;
  inner(9);
  wrap();
  assert_string_equal(dsm_trail_message(), "while saving: value 9 is odd; use an even one");
}

static void *fail_elsewhere(void *text) {
  inner(11);
  snprintf(text, 1024, "%s", dsm_trail());
  return NULL;
}

static void trails_of_threads_are_separate_and_can_be_handed_over(void **state) {
  (void)state;
  char text[1024] = "";
  pthread_t thread;
  inner(13);
  assert_int_equal(pthread_create(&thread, NULL, fail_elsewhere, text), 0);
  assert_int_equal(pthread_join(thread, NULL), 0);
  assert_string_equal(dsm_trail_message(), "value 13 is odd; use an even one");
  assert_int_equal(dsm_trail_set(DSM_BAD_DATA, text), DSM_BAD_DATA);
  assert_string_equal(dsm_trail(), text);
  assert_string_equal(dsm_trail_message(), "value 11 is odd; use an even one");
}

static dsm_status fail_long(const char *text) {
  DSM_FAIL(DSM_IO, "%s", text);
}

static void an_endless_message_is_cut_not_overrun(void **state) {
  (void)state;
  enum { LENGTH = 100000 };
  char *text = malloc(LENGTH + 1);
  assert_non_null(text);
  memset(text, 'x', LENGTH);
  text[LENGTH] = '\0';
  assert_int_equal(fail_long(text), DSM_IO);
  assert_true(strlen(dsm_trail_message()) > 8000);
  assert_true(strlen(dsm_trail_message()) < LENGTH);
  for (int i = 0; i < 2000; i++) dsm__forward(DSM_IO, "tests/unit/base/status.c", i);
  assert_true(strlen(dsm_trail()) < LENGTH);
  dsm_trail_set(DSM_IO, text);
  free(text);
}

static void exit_codes_and_sentences_cover_every_status(void **state) {
  (void)state;
  assert_int_equal(dsm_status_exit_code(DSM_OK), 0);
  assert_int_equal(dsm_status_exit_code(DSM_STOPPED), 75);
  assert_int_equal(dsm_status_exit_code(DSM_DIVERGED), 76);
  assert_int_equal(dsm_status_exit_code(DSM_BAD_CONFIG), 78);
  for (int s = 0; s < DSM_STATUS_COUNT; s++) assert_true(strlen(dsm_status_text((dsm_status)s)) > 3);
  assert_int_equal(dsm_status_exit_code((dsm_status)1000), 70);
  assert_string_equal(dsm_status_text((dsm_status)1000), "unknown status");
}

static jmp_buf panicked;
static char panic_message[1024];
static void catch_panic(const char *message) {
  snprintf(panic_message, sizeof panic_message, "%s", message);
  longjmp(panicked, 1);
}

static void a_broken_assertion_reaches_the_hook(void **state) {
  (void)state;
  dsm_set_panic_hook(catch_panic);
  DSM_ASSERT(1 + 1 == 2);
  if (setjmp(panicked) == 0) {
    DSM_ASSERT(1 + 1 == 3);
    fail_msg("the assertion let it pass");
  }
  dsm_set_panic_hook(NULL);
  assert_non_null(strstr(panic_message, "1 + 1 == 3"));
  assert_non_null(strstr(panic_message, "tests/unit/base/status.c:"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_failure_names_its_message_and_the_places_it_passed),
      cmocka_unit_test(a_new_failure_replaces_the_old_trail),
      cmocka_unit_test(a_status_without_message_does_not_inherit_an_older_one),
      cmocka_unit_test(a_message_may_quote_the_trail_it_replaces),
      cmocka_unit_test(trails_of_threads_are_separate_and_can_be_handed_over),
      cmocka_unit_test(an_endless_message_is_cut_not_overrun),
      cmocka_unit_test(exit_codes_and_sentences_cover_every_status),
      cmocka_unit_test(a_broken_assertion_reaches_the_hook),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
