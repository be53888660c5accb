/* The loss log, as it is while a job writes it, after a kill, and after damage. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "dsmpi/report.h"
#include "report/history.h"

static char path[] = "/tmp/dsmpi-history.XXXXXX";
static char log_path[sizeof path + 32];

static int make_folder(void **state) {
  (void)state;
  if (!mkdtemp(path)) return -1;
  snprintf(log_path, sizeof log_path, "%s/metrics.jsonl", path);
  return 0;
}

static int remove_folder(void **state) {
  (void)state;
  unlink(log_path);
  return rmdir(path);
}

static void write_log(const char *text) {
  FILE *file = fopen(log_path, "w");
  assert_non_null(file);
  assert_true(fputs(text, file) >= 0);
  assert_int_equal(fclose(file), 0);
}

static void read_log(const char *text, dsm__history *h) {
  write_log(text);
  assert_int_equal(dsm__history_read(log_path, h), DSM_OK);
}

static void names_stand_in_the_order_of_their_first_line(void **state) {
  (void)state;
  static const char *const expected[] = {"step", "loss", "ok", "levels_0", "levels_1", "late"};
  dsm__history h;
  read_log("{\"step\": 10, \"loss\": 0.5, \"ok\": true, \"levels\": [1, 2]}\n"
           "{\"step\": 20, \"late\": -3e-2, \"loss\": null, \"ok\": false}\n",
           &h);
  assert_int_equal(h.rows, 2);
  assert_int_equal(h.columns, 6);
  for (size_t k = 0; k < 6; k++) assert_string_equal(h.column[k].name, expected[k]);
  assert_true(dsm__history_values(&h, "step")[1] == 20);
  assert_true(isnan(dsm__history_values(&h, "loss")[1]));
  assert_true(dsm__history_last(&h, "loss") == 0.5);
  assert_true(dsm__history_values(&h, "ok")[0] == 1 && dsm__history_values(&h, "ok")[1] == 0);
  assert_true(isnan(dsm__history_values(&h, "late")[0]) && dsm__history_values(&h, "late")[1] == -0.03);
  assert_int_equal(dsm__history_elements(&h, "levels"), 2);
  assert_true(dsm__history_element(&h, "levels", 1)[0] == 2);
  assert_null(dsm__history_values(&h, "levels"));
  dsm__history_destroy(&h);
}

static void damaged_lines_are_counted_and_the_rest_is_read(void **state) {
  (void)state;
  dsm__history h;
  read_log("{\"step\": 1, \"loss\": 3}\n"
           "{\"step\": 2, \"loss\": \n"           /* cut, and then written on */
           "\n"                                   /* empty */
           "[1, 2]\n"                             /* no object */
           "{\"loss\": 4}\n"                      /* no step */
           "{\"step\": -5, \"loss\": 4}\n"        /* no step there is */
           "{\"step\": \"6\", \"loss\": 4}\n"     /* no number */
           "{\"step\": 7, \"loss\": nan}\n"       /* no JSON */
           "{\"step\": 8, \"x\": \"\xff\xfe\"}\n" /* no UTF-8 */
           "{\"step\": 9, \"loss\": 1}\n"
           "{\"step\": 10, \"lo",
           &h);
  assert_int_equal(h.rows, 2);
  assert_int_equal(h.damaged, 8);
  assert_true(h.cut);
  assert_true(dsm__history_last(&h, "step") == 9 && dsm__history_last(&h, "loss") == 1);
  dsm__history_destroy(&h);
}

static void lines_of_a_step_are_joined_and_a_later_life_replaces_an_earlier_one(void **state) {
  (void)state;
  dsm__history h;
  read_log("{\"step\": 10, \"loss\": 5}\n"
           "{\"step\": 20, \"loss\": 4, \"word\": \"old\"}\n"
           "{\"step\": 20, \"held_out_loss\": 4.5}\n"
           "{\"step\": 30, \"loss\": 3, \"word\": \"old\"}\n"
           "{\"step\": 20, \"loss\": 2}\n",
           &h);
  assert_int_equal(h.rows, 2);
  assert_true(dsm__history_values(&h, "loss")[0] == 5 && dsm__history_values(&h, "loss")[1] == 2);
  assert_true(dsm__history_values(&h, "held_out_loss")[1] == 4.5); /* of step 20 still */
  dsm__history_destroy(&h);
}

static void long_logs_with_late_columns_grow(void **state) {
  (void)state;
  dsm__history h;
  FILE *file = fopen(log_path, "w");
  for (int i = 0; i < 5000; i++)
    fprintf(file,
            i == 4321 ? "{\"step\": %d, \"loss\": %d, \"rare\": \"yes\"}\n"
                      : "{\"step\": %d, \"loss\": %d}\n",
            i, i);
  fclose(file);
  assert_int_equal(dsm__history_read(log_path, &h), DSM_OK);
  assert_int_equal(h.rows, 5000);
  for (int i = 0; i < 5000; i++) assert_true(dsm__history_values(&h, "loss")[i] == i);
  assert_string_equal(h.column[2].text[4321], "yes");
  assert_null(h.column[2].text[4320]);
  dsm__history_destroy(&h);
}

static void csv_has_every_value_as_it_is(void **state) {
  (void)state;
  char *text = NULL;
  size_t size;
  write_log("{\"step\": 1000000, \"loss\": 0.1, \"ok\": true}\n"
            "{\"step\": 1000010, \"loss\": 0.30000000000000004, \"list\": [1e-9, null], \"say\": \"a, "
            "\\\"b\\\"\"}\n");
  FILE *out = open_memstream(&text, &size);
  assert_int_equal(dsm_log_csv(path, out), DSM_OK);
  fclose(out);
  assert_string_equal(text, "step,loss,ok,list_0,list_1,say\n"
                            "1000000,0.1,1,,,\n"
                            "1000010,0.30000000000000004,,1e-09,,\"a, \"\"b\"\"\"\n");
  free(text);
}

static void a_run_without_a_step_is_not_found(void **state) {
  (void)state;
  dsm__history h;
  write_log("no JSON\n");
  assert_int_equal(dsm__history_of_run(path, &h), DSM_NOT_FOUND);
  assert_non_null(strstr(dsm_trail_message(), "no logged step"));
  dsm__history_destroy(&h);
  unlink(log_path);
  assert_int_equal(dsm__history_of_run(path, &h), DSM_NOT_FOUND);
  dsm__history_destroy(&h);
  assert_int_equal(dsm__history_of_run("/nonexistent", &h), DSM_NOT_FOUND);
  assert_int_equal(dsm__history_of_run("/dev/null", &h), DSM_NOT_FOUND);
  dsm__history_destroy(&h);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(names_stand_in_the_order_of_their_first_line),
      cmocka_unit_test(damaged_lines_are_counted_and_the_rest_is_read),
      cmocka_unit_test(lines_of_a_step_are_joined_and_a_later_life_replaces_an_earlier_one),
      cmocka_unit_test(long_logs_with_late_columns_grow),
      cmocka_unit_test(csv_has_every_value_as_it_is),
      cmocka_unit_test(a_run_without_a_step_is_not_found),
  };
  return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
