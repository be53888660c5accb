/* Texts that are put together piece by piece: what fits, what is cut, and that nothing is written behind the end. */
#include "dsmpi/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

static void pieces_follow_each_other(void **state) {
  (void)state;
  char text[32] = "";
  dsm_append(text, sizeof text, "%d", 1);
  dsm_append(text, sizeof text, "%s%s", ", ", "two");
  dsm_append(text, sizeof text, "%s", "");
  assert_string_equal(text, "1, two");
}

static void what_does_not_fit_is_cut(void **state) {
  (void)state;
  char buffer[16];
  for (size_t size = 1; size <= 12; size++) {
    memset(buffer, '#', sizeof buffer);
    buffer[0] = '\0';
    for (int i = 0; i < 5; i++) dsm_append(buffer, size, "%s", "abc"); /* also where nothing more fits */
    assert_int_equal(strlen(buffer), size - 1);
    assert_memory_equal(buffer, "abcabcabcabc", size - 1);
    assert_int_equal(buffer[size], '#');
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(pieces_follow_each_other),
                                     cmocka_unit_test(what_does_not_fit_is_cut)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
