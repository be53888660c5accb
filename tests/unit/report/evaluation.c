/* What figures of an evaluation say of samples, and whether they are of the samples that a page shows. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "report/internal.h"

static dsm__metric metric(double value, double error, double floor, double floor_error, double ideal) {
  return (dsm__metric){
      .value = value, .error = error, .floor = floor, .floor_error = floor_error, .ideal = ideal};
}

static void assert_excess(dsm__metric m, double expected) {
  const double excess = dsm__metric_excess(&m);
  if (isnan(expected))
    assert_true(isnan(excess));
  else if (isinf(expected))
    assert_true(isinf(excess) && excess > 0);
  else
    assert_true(fabs(excess - expected) < 1e-12);
}

static void excess_is_the_distance_from_the_floor_in_errors(void **state) {
  (void)state;
  assert_excess(metric(0.6, 0.03, 0.1, 0.04, 0), 10);
  assert_excess(metric(0.6, 0.03, 0.1, 0.04, NAN), 10);
  assert_excess(metric(7, 0.3, 8, 0.4, NAN), 2); /* of an inception score, say */
}

static void below_the_floor_is_good_for_a_distance_and_a_two_sample_test(void **state) {
  (void)state;
  assert_excess(metric(-0.5, 0.03, 0.1, 0.04, 0), 0); /* an unbiased distance may be negative */
  assert_excess(metric(0.4, 0.003, 0.49, 0.004, 0.5), 0);
  assert_excess(metric(0.54, 0.003, 0.49, 0.004, 0.5), 10);
}

static void what_is_not_finite_is_told_apart_from_a_finite_floor(void **state) {
  (void)state;
  assert_excess(metric(NAN, NAN, 0.1, 0.04, 0), INFINITY); /* null in JSON */
  assert_excess(metric(INFINITY, NAN, 0.1, NAN, NAN), INFINITY);
  assert_excess(metric(NAN, NAN, NAN, NAN, 0), NAN);
  assert_excess(metric(0.2, 0.1, 0.1, NAN, 0), NAN);
  assert_excess(metric(0.2, 0, 0.1, 0, 0), NAN);
}

static void what_a_note_says_was_not_measured_is_not_judged(void **state) {
  (void)state;
  char path[] = "/tmp/dsmpi-evaluation-XXXXXX";
  FILE *file = fdopen(mkstemp(path), "w");
  const char *const row = "{\"metric\": \"%s\", \"figure\": {\"value\": null}, \"floor\": {\"value\": 1}}%s";
  assert_non_null(file);
  fputs("{\"metrics\": [", file);
  fprintf(file, row, "kernel", ", ");
  fprintf(file, row, "spectrum", "], ");
  fputs("\"notes\": [\"kernel@raw: no digits left\", \"spectrum_of: another\"]}", file);
  assert_int_equal(fclose(file), 0);
  dsm__evaluation e;
  assert_int_equal(dsm__evaluation_read(path, &e), DSM_OK);
  assert_int_equal(e.metrics, 2);
  assert_true(isnan(dsm__metric_excess(&e.metric[0])));
  assert_true(isinf(dsm__metric_excess(&e.metric[1])));
  dsm__evaluation_destroy(&e);
  assert_int_equal(unlink(path), 0);
}

static void the_threshold_grows_with_the_number_of_metrics(void **state) {
  (void)state;
  dsm__metric some[7];
  for (size_t i = 0; i < 6; i++) some[i] = metric(0.6, 0.03, 0.1, 0.04, 0);
  some[6] = metric(NAN, NAN, NAN, NAN, 0); /* is not judged */
  dsm__evaluation e = {.metric = some, .metrics = 1};
  assert_true(fabs(dsm__metric_threshold(&e) - 2.2622) < 1e-3); /* Student's t, 9 degrees of freedom, 0.975 */
  e.metrics = 5;
  assert_true(fabs(dsm__metric_threshold(&e) - 3.2498) < 1e-3); /* 0.995 */
  e.metrics = 6;
  assert_int_equal(dsm__metrics_judged(&e), 6);
  const double six = dsm__metric_threshold(&e);
  e.metrics = 7;
  assert_int_equal(dsm__metrics_judged(&e), 6);
  assert_true(dsm__metric_threshold(&e) == six);
}

/* ---- of which samples? --------------------------------------------------------------------------------- */

static char folder[] = "/tmp/dsmpi-staleness.XXXXXX";
static char one[64], copy[64], other[64];

static void write_file(const char *path, const char *text) {
  FILE *file = fopen(path, "w");
  assert_non_null(file);
  assert_true(fputs(text, file) >= 0);
  assert_int_equal(fclose(file), 0);
}

static int make_files(void **state) {
  (void)state;
  if (!mkdtemp(folder)) return -1;
  snprintf(one, sizeof one, "%s/a, 3 x.h5", folder); /* an odd name, but one there may be */
  snprintf(copy, sizeof copy, "%s/b.h5", folder);
  snprintf(other, sizeof other, "%s/c.h5", folder);
  write_file(one, "the same");
  write_file(copy, "the same");
  write_file(other, "no other");
  return 0;
}

static int remove_files(void **state) {
  (void)state;
  unlink(one);
  unlink(copy);
  unlink(other);
  return rmdir(folder);
}

/* What is found where an evaluation is of `samples` and the page shows `shown`. */
static dsm__staleness found(const char *samples, const char *shown) {
  static dsm__report r;
  static float x;
  dsm__metric m = metric(1, 1, 1, 1, 0);
  memset(&r, 0, sizeof r);
  r.evaluation = (dsm__evaluation){.metric = &m, .metrics = 1, .samples = samples};
  r.samples.x = shown ? &x : NULL;
  snprintf(r.samples.file, sizeof r.samples.file, "%s", shown ? shown : "");
  dsm__staleness_find(&r);
  return r.staleness;
}

static void the_file_that_an_evaluation_names_is_found_in_its_words(void **state) {
  (void)state;
  assert_string_equal(found("runs/a/samples.h5:/samples, 1000 x (28, 28, 1)", NULL).evaluated,
                      "runs/a/samples.h5");
  assert_string_equal(found("a:/b, 3 x.h5:/group/set, 10 x (2)", NULL).evaluated, "a:/b, 3 x.h5");
  assert_string_equal(found("anything", NULL).evaluated, "anything");
  assert_string_equal(found("", NULL).evaluated, "");
}

static void samples_are_the_same_by_file_or_content_or_name(void **state) {
  (void)state;
  char words[160];
  snprintf(words, sizeof words, "%s:/samples, 1000 x (28, 28, 1)", one);
  assert_false(found(words, one).other_samples);
  assert_false(found(words, copy).other_samples);
  assert_true(found(words, other).other_samples);
  /* named from a folder that is not this one */
  assert_false(found("run/samples/c.h5:/samples, 1000 x (28, 28, 1)", other).other_samples);
  assert_true(found("run/samples/d.h5:/samples, 1000 x (28, 28, 1)", other).other_samples);
  assert_int_equal(found(words, one).step, -1); /* no samples file of this program */
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(excess_is_the_distance_from_the_floor_in_errors),
      cmocka_unit_test(below_the_floor_is_good_for_a_distance_and_a_two_sample_test),
      cmocka_unit_test(what_is_not_finite_is_told_apart_from_a_finite_floor),
      cmocka_unit_test(what_a_note_says_was_not_measured_is_not_judged),
      cmocka_unit_test(the_threshold_grows_with_the_number_of_metrics),
      cmocka_unit_test(the_file_that_an_evaluation_names_is_found_in_its_words),
      cmocka_unit_test(samples_are_the_same_by_file_or_content_or_name),
  };
  return cmocka_run_group_tests(tests, make_files, remove_files);
}
