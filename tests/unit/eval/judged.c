/* A classifier in an evaluation: one made here, whose features and probabilities are known, against the same in files. */
#include "eval_test.h"

enum { N = 205, M = 118, D = 3, BLOCK = 16, CLASSES = 2, FEATURES = 2 };

typedef struct fake {
  size_t blocks; /* that were run */
  float bad;     /* what makes a feature infinite; NAN: nothing does */
} fake;

/* Features: the sum and the first number; probabilities: certain of class 1 where the first number is positive. Spoils x. */
static void judge(void *self, float *x, float *features, float *probabilities) {
  fake *f = self;
  f->blocks++;
  for (size_t i = 0; i < BLOCK; i++) {
    const float *of = x + i * D;
    features[i * FEATURES] = of[0] == f->bad ? (float)INFINITY : of[0] + of[1] + of[2];
    features[i * FEATURES + 1] = of[0];
    probabilities[i * CLASSES] = of[0] > 0 ? 0 : 1;
    probabilities[i * CLASSES + 1] = of[0] > 0 ? 1 : 0;
  }
  for (size_t i = 0; i < BLOCK * D; i++) x[i] = -1;
}

static dsm_eval_classifier classifier_of(fake *f) {
  *f = (fake){.bad = (float)NAN};
  return (dsm_eval_classifier){.self = f,
                               .sample = DSM_SHAPE(D),
                               .block = BLOCK,
                               .classes = CLASSES,
                               .features = FEATURES,
                               .text = "of the test",
                               .run = judge};
}

/* What it makes of all rows, as files. */
static void put_judged(int side, const char *features, const char *probabilities, const float *x, size_t n) {
  fake f = {.bad = (float)NAN};
  float block[BLOCK * D], made[2][BLOCK * 2], all[2][N * 2] = {{0}};
  for (size_t i = 0; i < n; i++) {
    for (size_t j = 0; j < BLOCK * D; j++) block[j] = x[i * D + j % D];
    judge(&f, block, made[0], made[1]);
    for (size_t k = 0; k < 2; k++) memcpy(all[k] + i * 2, made[k], 2 * sizeof(float));
  }
  put(side, x, 2, (const size_t[]){n, D});
  put_file(features, all[0], 2, (const size_t[]){n, 2});
  put_file(probabilities, all[1], 2, (const size_t[]){n, 2});
}

static void put_both(void) {
  float *x = normals(N, D, 31), *y = normals(M, D, 32);
  put_judged(SAMPLES, "given", "probable", x, N);
  put_judged(REFERENCE, "given_reference", "probable_reference", y, M);
  free(x);
  free(y);
}

static void assert_same_figure(const dsm_figure *a, const dsm_figure *b) {
  assert_memory_equal(&a->value, &b->value, sizeof a->value); /* NAN as well */
  assert_memory_equal(&a->error, &b->error, sizeof a->error);
  assert_int_equal(a->samples, b->samples);
  assert_int_equal(a->reference, b->reference);
}

static void figures_are_those_of_the_same_features_in_files(void **state) {
  (void)state;
  char names[4][128];
  static const char *const files[] = {"given", "given_reference", "probable", "probable_reference"};
  put_both();
  for (int k = 0; k < 4; k++) snprintf(names[k], sizeof *names, "%s", path_of(files[k]));
  fake f;
  const dsm_eval_classifier classifier = classifier_of(&f);
  dsm_eval_options o = options_of("frechet@classifier,kernel@classifier,precision_recall@classifier,"
                                  "nearest@classifier,wasserstein@classifier,inception");
  o.classifier = &classifier;
  dsm_evaluation e = evaluate(&o);
  assert_int_equal(f.blocks, (N + BLOCK - 1) / BLOCK + (M + BLOCK - 1) / BLOCK); /* each row once */
  o = options_of("frechet@features,kernel@features,precision_recall@features,nearest@features,"
                 "wasserstein@features,inception");
  o.features = (dsm_eval_input){.file = names[0], .dataset = "samples"};
  o.reference_features = (dsm_eval_input){.file = names[1], .dataset = "samples"};
  o.probabilities = (dsm_eval_input){.file = names[2], .dataset = "samples"};
  o.reference_probabilities = (dsm_eval_input){.file = names[3], .dataset = "samples"};
  dsm_evaluation g = evaluate(&o);
  assert_int_equal(e.rows, g.rows);
  for (size_t r = 0; r < e.rows; r++) {
    assert_string_equal(e.row[r].metric, g.row[r].metric);
    assert_same_figure(&e.row[r].figure, &g.row[r].figure);
    assert_same_figure(&e.row[r].floor, &g.row[r].floor);
  }
  assert_true(row_of(&e, "inception")->figure.value > 1.9 && row_of(&e, "inception")->floor.value > 1.9);
  assert_string_equal(row_of(&e, "frechet")->space, "classifier");
  assert_non_null(strstr(row_of(&e, "frechet")->protocol, "classifier of the test"));
  assert_non_null(strstr(row_of(&e, "inception")->protocol, "classifier of the test"));
  assert_non_null(strstr(row_of(&g, "inception")->protocol, "probabilities given"));
  dsm_evaluation_destroy(&e);
  dsm_evaluation_destroy(&g);
}

static void what_is_asked_for_decides_what_is_run(void **state) {
  (void)state;
  char probable[128];
  put_both();
  snprintf(probable, sizeof probable, "%s", path_of("probable"));
  fake f;
  const dsm_eval_classifier classifier = classifier_of(&f);
  dsm_eval_options o = options_of(NULL);
  o.classifier = &classifier;
  o.steps = 5;
  dsm_evaluation e = evaluate(&o);
  size_t made = 0;
  for (size_t r = 0; r < e.rows; r++) made += strcmp(e.row[r].space, "classifier") == 0;
  assert_int_equal(made, 5); /* frechet, frechet_limit, kernel, precision, recall */
  assert_int_equal(row_of(&e, "inception")->floor.reference, N / 2); /* five of its splits fit into M rows */
  dsm_evaluation_destroy(&e);

  f.blocks = 0; /* probabilities that are given come first, and none of the classifier's stand beside them */
  o.metrics = "inception";
  o.probabilities = (dsm_eval_input){.file = probable, .dataset = "samples"};
  e = evaluate(&o);
  assert_true(isnan(row_of(&e, "inception")->floor.value));
  assert_int_equal(f.blocks, 0);
  assert_int_equal(e.notes, 1);
  assert_non_null(strstr(e.note[0], "classifier was not run"));
  dsm_evaluation_destroy(&e);
}

static void what_does_not_fit_is_refused(void **state) {
  (void)state;
  float *x = normals(N, D, 31);
  put_both();
  fake f;
  dsm_eval_classifier classifier = classifier_of(&f);
  dsm_eval_options o = options_of("kernel@classifier");
  assert_non_null(strstr(refusal(&o, DSM_BAD_CONFIG), "give --classifier RUN"));
  o.metrics = "inception";
  assert_non_null(strstr(refusal(&o, DSM_BAD_CONFIG), "--classifier or --probabilities"));
  o.metrics = "spectrum@classifier";
  o.classifier = &classifier;
  assert_non_null(strstr(refusal(&o, DSM_BAD_CONFIG), "not taken in the space classifier"));
  o.metrics = "kernel@classifier";
  o.samples.rows = "20:205";
  f.bad = x[(20 + 100) * D];
  assert_non_null(strstr(refusal(&o, DSM_BAD_DATA), "row 120: what the classifier of the test makes of it"));
  classifier.features = (size_t)1 << 26; /* of 303 rows: refused before any room is asked for */
  assert_non_null(strstr(refusal(&o, DSM_BAD_CONFIG), "fewer rows"));
  classifier.sample = DSM_SHAPE(D + 1);
  assert_non_null(strstr(refusal(&o, DSM_BAD_DATA), "but of the test takes (4)"));
  free(x);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(figures_are_those_of_the_same_features_in_files),
      cmocka_unit_test(what_is_asked_for_decides_what_is_run),
      cmocka_unit_test(what_does_not_fit_is_refused),
  };
  return cmocka_run_group_tests(tests, eval_begin, eval_end);
}
