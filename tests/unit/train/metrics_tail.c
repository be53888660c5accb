/* The newest lines of the loss log: found at the end of files of any length, whole, cut or damaged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "train/internal.h"

static const char path[] = "metrics_tail.jsonl";

static dsm__metrics_tail tail_of(const char *text, size_t length) {
  dsm__metrics_tail tail;
  FILE *file = fopen(path, "w");
  assert_non_null(file);
  assert_int_equal(fwrite(text, 1, length, file), length);
  assert_int_equal(fclose(file), 0);
  assert_int_equal(dsm__metrics_last(path, &tail), DSM_OK);
  assert_int_equal(unlink(path), 0);
  return tail;
}
#define TAIL_OF(text) tail_of(text, sizeof(text) - 1)

static const char one[] = "{\"step\": 7, \"epoch\": 0.5, \"loss\": 0.25, \"skipped\": 3, \"seconds\": 1.5, "
                          "\"samples_per_second\": 12.5, \"seconds_left\": 60}";

static void a_line_is_read(void **state) {
  (void)state;
  dsm__metrics_line line;
  assert_true(dsm__metrics_parse(one, strlen(one), &line));
  assert_int_equal(line.step, 7);
  assert_int_equal(line.skipped, 3);
  assert_true(line.loss == 0.25 && line.seconds == 1.5 && line.samples_per_second == 12.5 &&
              line.seconds_left == 60);
}

static void null_and_absent_numbers_are_not_known(void **state) {
  (void)state;
  dsm__metrics_line line;
  const char *const text = "{\"step\": 8, \"loss\": null}";
  assert_true(dsm__metrics_parse(text, strlen(text), &line));
  assert_true(isnan(line.loss) && isnan(line.samples_per_second) && isnan(line.seconds_left) &&
              line.skipped == -1);
}

static void a_line_cut_anywhere_is_refused(void **state) {
  (void)state;
  dsm__metrics_line line;
  for (size_t length = 0; length < strlen(one); length++)
    if (dsm__metrics_parse(one, length, &line)) fail_msg("the first %zu characters were taken", length);
  assert_false(dsm__metrics_parse("{\"step\": -3}", 12, &line));
  assert_false(
      dsm__metrics_parse("{\"step\":\0 3}", 12, &line)); /* a hole, left by a machine that lost power */
}

static void the_last_whole_line_counts(void **state) {
  (void)state;
  dsm__metrics_tail tail =
      TAIL_OF("{\"step\": 1, \"loss\": 3}\n{\"step\": 2, \"loss\": 2}\n{\"step\": 3, \"lo");
  assert_int_equal(tail.last.step, 2);
  assert_true(tail.cut && tail.damaged == 0);
  tail = TAIL_OF("{\"step\": 1, \"loss\": 3}\nnonsense\n");
  assert_int_equal(tail.last.step, 1);
  assert_true(!tail.cut && tail.damaged == 1);
  tail = TAIL_OF("");
  assert_int_equal(tail.last.step, -1);
  assert_true(!tail.cut && tail.damaged == 0);
  tail = TAIL_OF("{\"step\": 1"); /* the first line ever is being written */
  assert_int_equal(tail.last.step, -1);
  assert_true(tail.cut);
}

static void the_end_of_a_long_file_is_found(void **state) {
  (void)state;
  static char text[3000000];
  size_t length = 0;
  int step = 0;
  while (length < sizeof text - 100)
    length += (size_t)sprintf(text + length, "{\"step\": %d, \"loss\": 1.0}\n", ++step);
  const dsm__metrics_tail tail = tail_of(text, length);
  assert_int_equal(tail.last.step, step);
  assert_int_equal(tail.damaged, 0); /* the line that the tail begins within is none */
}

static void figures_of_samples_held_out_are_no_news_of_the_training(void **state) {
  (void)state;
  const dsm__metrics_tail tail =
      TAIL_OF("{\"step\": 20, \"loss\": 0.5, \"skipped\": 1}\n{\"step\": 20, \"held_out_loss\": 0.25}\n");
  assert_int_equal(tail.last.step, 20);
  assert_true(tail.last.loss == 0.5 && tail.last.skipped == 1);
  assert_int_equal(tail.damaged, 0);
}

static void the_newest_figure_of_each_name_counts(void **state) {
  (void)state;
  const dsm__metrics_tail tail = TAIL_OF(
      "{\"step\": 10, \"held_out_loss\": 0.5, \"held_out_levels\": [3, 2], \"held_out_accuracy\": null}\n"
      "{\"step\": 10, \"frechet@pca\": 7, \"frechet@pca_error\": 0.5, \"frechet@pca_floor\": 0.25}\n"
      "{\"step\": 20, \"loss\": 0.5, \"noise_scale\": 12}\n"
      "{\"step\": 20, \"held_out_loss\": 0.4, \"held_out_levels\": [3, 2]}\n");
  assert_int_equal(tail.figures, 2);
  assert_string_equal(tail.figure[0].name, "held_out_loss");
  assert_int_equal(tail.figure[0].step, 20);
  assert_true(tail.figure[0].value == 0.4 && isnan(tail.figure[0].error) && isnan(tail.figure[0].floor));
  assert_string_equal(tail.figure[1].name, "frechet@pca");
  assert_int_equal(tail.figure[1].step, 10);
  assert_true(tail.figure[1].value == 7 && tail.figure[1].error == 0.5 && tail.figure[1].floor == 0.25);
}

static void no_file_is_told(void **state) {
  (void)state;
  dsm__metrics_tail tail;
  assert_int_equal(dsm__metrics_last("no/such/file", &tail), DSM_NOT_FOUND);
  assert_int_equal(tail.last.step, -1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_line_is_read),
      cmocka_unit_test(null_and_absent_numbers_are_not_known),
      cmocka_unit_test(a_line_cut_anywhere_is_refused),
      cmocka_unit_test(the_last_whole_line_counts),
      cmocka_unit_test(the_end_of_a_long_file_is_found),
      cmocka_unit_test(figures_of_samples_held_out_are_no_news_of_the_training),
      cmocka_unit_test(the_newest_figure_of_each_name_counts),
      cmocka_unit_test(no_file_is_told),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
