/* AdamW and clipping: against numbers worked out by hand and against the formula in float64. */
#include "optim_test.h"

/* One parameter, w = 1, gradients 0.5 then -0.25, lr 0.1, betas 0.5 and 0.75 (exact in float), decay 0.1, eps
 * 0: step 1: m = 0.25, v = 0.0625; m/(1-0.5) = 0.5, v/(1-0.75) = 0.25;   w = 1 - 0.01 - 0.1 * 0.5/0.5       =
 * 0.89 step 2: m = 0.125 - 0.125 = 0, v = 0.046875 + 0.015625 = 0.0625;       w = 0.89 - 0.0089 - 0.1 * 0 =
 * 0.8811 */
static void two_steps_are_as_worked_out_by_hand(void **state) {
  (void)state;
  dsm_parameters *table;
  dsm_kernels kernels;
  dsm_optimizer *o;
  dsm_config config;
  memset(&config, 0, sizeof config);
  config.optimizer.lr = 0.1;
  config.optimizer.beta1 = 0.5;
  config.optimizer.beta2 = 0.75;
  config.optimizer.weight_decay = 0.1;
  float w = 1, gradient[2] = {0.5f, -0.25f};
  dsm_kernels_ref(&kernels, 1);
  assert_int_equal(dsm_parameters_create(&table), DSM_OK);
  assert_int_equal(dsm_parameters_add(table, "w", DSM_SHAPE(1), true, DSM_INIT_ONE, 1, NULL), DSM_OK);
  assert_int_equal(dsm_optimizer_create(&config, table, &w, &kernels, &o), DSM_OK);
  dsm_optimizer_state s = dsm_optimizer_state_of(o);

  assert_int_equal(dsm_optimizer_step(o, &w, &gradient[0], 1, NULL), DSM_OK);
  assert_close(s.m[0], 0.25, 1e-7, 1);
  assert_close(s.v[0], 0.0625, 1e-7, 1);
  assert_close(w, 0.89, 1e-7, 1); /* one rounding to float each */
  assert_int_equal(dsm_optimizer_step(o, &w, &gradient[1], 1, NULL), DSM_OK);
  assert_close(s.m[0], 0, 1e-7, 1);
  assert_close(s.v[0], 0.0625, 1e-7, 1);
  assert_close(w, 0.8811, 2e-7, 1);
  assert_int_equal(dsm_optimizer_state_of(o).step, 2);
  dsm_optimizer_destroy(&o);
  dsm_parameters_destroy(&table);
}

/* The formula, in float64 throughout, with the decimal betas. */
typedef struct exact {
  double w[COUNT], m[COUNT], v[COUNT];
  int step;
} exact;

static void exact_step(exact *e, const dsm_config *c, const float *gradient, double scale, double lr) {
  double norm = 0;
  for (int i = 0; i < COUNT; i++) norm += pow(scale * gradient[i], 2);
  norm = sqrt(norm);
  double factor = c->optimizer.clip > 0 && norm > c->optimizer.clip ? c->optimizer.clip / norm : 1;
  double b1 = c->optimizer.beta1, b2 = c->optimizer.beta2;
  e->step++;
  for (int i = 0; i < COUNT; i++) {
    double g = factor * scale * gradient[i];
    bool decays = i % (WEIGHTS + BIASES) < WEIGHTS;
    e->m[i] = b1 * e->m[i] + (1 - b1) * g;
    e->v[i] = b2 * e->v[i] + (1 - b2) * g * g;
    if (decays) e->w[i] -= lr * c->optimizer.weight_decay * e->w[i];
    e->w[i] -=
        lr * (e->m[i] / (1 - pow(b1, e->step))) / (sqrt(e->v[i] / (1 - pow(b2, e->step))) + c->optimizer.eps);
  }
}

static void many_steps_follow_the_formula_in_float64(void **state) {
  (void)state;
  static const struct {
    double weight_decay, clip;
    int schedule;
  } rows[] = {{0, 0, DSM_LR_CONSTANT}, {0.1, 0, DSM_LR_COSINE}, {0.01, 0.5, DSM_LR_INVERSE_SQRT}};
  for (size_t row = 0; row < sizeof rows / sizeof *rows; row++) {
    fixture *f = fixture_create();
    f->config.optimizer.weight_decay = rows[row].weight_decay;
    f->config.optimizer.clip = rows[row].clip;
    f->config.optimizer.schedule = rows[row].schedule;
    f->config.optimizer.warmup = 10;
    fixture_start(f);
    exact e = {.step = 0};
    for (int i = 0; i < COUNT; i++) e.w[i] = f->w[i];
    for (unsigned step = 0; step < 200; step++) {
      float gradient[COUNT];
      for (unsigned i = 0; i < COUNT; i++) gradient[i] = 64 * some(step * COUNT + i) + 8;
      exact_step(&e, &f->config, gradient, 1.0 / 64, dsm_learning_rate(&f->config, step));
      assert_int_equal(dsm_optimizer_step(f->optimizer, f->w, gradient, 1.0 / 64, NULL), DSM_OK);
    }
    /* 200 roundings of w at 6e-8 each; the float betas change the moments by 1e-5 of themselves, lr * 200 *
     * 1e-5 = 2e-6 */
    dsm_optimizer_state s = dsm_optimizer_state_of(f->optimizer);
    for (int i = 0; i < COUNT; i++) {
      assert_close(f->w[i], e.w[i], 1e-5, 1);
      assert_close(s.m[i], e.m[i], 1e-5, 1e-2);
      assert_close(s.v[i], e.v[i], 1e-4, 1e-2);
    }
    fixture_destroy(f);
  }
}

static void first_step_has_the_length_of_the_learning_rate(void **state) {
  (void)state;
  fixture *f = fixture_create();
  float before[COUNT], gradient[COUNT];
  fixture_start(f);
  memcpy(before, f->w, sizeof before);
  for (unsigned i = 0; i < COUNT; i++) gradient[i] = some(i);
  assert_int_equal(dsm_optimizer_step(f->optimizer, f->w, gradient, 1, NULL), DSM_OK);
  /* m / correction = g and v / correction = g^2, whatever the betas: -lr sign(g); w is rounded to 6e-8 */
  for (unsigned i = 0; i < COUNT; i++)
    assert_close(f->w[i] - before[i], gradient[i] > 0 ? -1e-3 : 1e-3, 1e-4, 1e-3);
  fixture_destroy(f);
}

static void decay_acts_on_flagged_entries_alone(void **state) {
  (void)state;
  fixture *f = fixture_create();
  float before[COUNT], gradient[COUNT] = {0};
  f->config.optimizer.weight_decay = 0.5;
  fixture_start(f);
  memcpy(before, f->w, sizeof before);
  assert_int_equal(dsm_optimizer_step(f->optimizer, f->w, gradient, 1, NULL), DSM_OK);
  for (int i = 0; i < COUNT; i++) {
    if (i % (WEIGHTS + BIASES) < WEIGHTS)
      assert_close(f->w[i], before[i] * (1 - 1e-3 * 0.5), 1e-7, 1e-3);
    else
      assert_true(f->w[i] == before[i]);
  }
  fixture_destroy(f);
}

/* One call of the kernel, with as many spans as there are runs of equal flags: seen by a kernel that counts. */
static size_t calls, spans;
static void (*plain_adamw)(const dsm_kernels *k, float *w, float *m, float *v, const float *gradient,
                           const dsm_adamw_step *step, size_t n);
static void counting_adamw(const dsm_kernels *k, float *w, float *m, float *v, const float *gradient,
                           const dsm_adamw_step *step, size_t n) {
  calls++;
  for (spans = 1; step->span[spans - 1].end < n; spans++)
    assert_true(step->span[spans].decays != step->span[spans - 1].decays);
  assert_int_equal(step->span[spans - 1].end, n);
  plain_adamw(k, w, m, v, gradient, step, n);
}

static void neighbours_with_equal_flags_are_one_span(void **state) {
  (void)state;
  fixture *f = fixture_create();
  float gradient[COUNT + 3] = {0}, w[COUNT + 3] = {0};
  assert_int_equal(dsm_parameters_add(f->table, "c.bias", DSM_SHAPE(3), false, DSM_INIT_ZERO, 1, NULL),
                   DSM_OK);
  plain_adamw = f->kernels.adamw;
  f->kernels.adamw = counting_adamw;
  assert_int_equal(dsm_optimizer_create(&f->config, f->table, w, &f->kernels, &f->optimizer), DSM_OK);
  calls = 0;
  assert_int_equal(dsm_optimizer_step(f->optimizer, w, gradient, 1, NULL), DSM_OK);
  assert_int_equal(calls, 1);
  assert_int_equal(spans, 4); /* five entries, the last two without decay */
  fixture_destroy(f);
}

static void trap_9_clipping_is_on_the_norm_of_the_mean(void **state) {
  (void)state;
  enum { BATCH = 32 };
  float sum[COUNT] = {0};
  sum[0] = 3 * BATCH;
  sum[COUNT - 1] = -4 * BATCH; /* the mean gradient has norm 5 */
  static const struct {
    double clip;
    bool clipped;
    double factor;
  } rows[] = {{0, false, 1}, {6, false, 1}, {5, false, 1}, {1, true, 0.2}, {0.5, true, 0.1}};
  for (size_t row = 0; row < sizeof rows / sizeof *rows; row++) {
    fixture *f = fixture_create();
    dsm_step_report report;
    f->config.optimizer.clip = rows[row].clip;
    fixture_start(f);
    assert_int_equal(dsm_optimizer_step(f->optimizer, f->w, sum, 1.0 / BATCH, &report), DSM_OK);
    assert_close(report.gradient_norm, 5, 1e-15, 1); /* before clipping */
    assert_true(report.clipped == rows[row].clipped);
    assert_close(report.learning_rate, 1e-3, 1e-15, 1e-3);
    dsm_optimizer_state s = dsm_optimizer_state_of(f->optimizer);
    assert_close(s.m[0], 0.1 * 3 * rows[row].factor, 1e-6, 1e-3);
    assert_close(s.m[COUNT - 1], -0.1 * 4 * rows[row].factor, 1e-6, 1e-3);
    fixture_destroy(f);
  }
}

static void a_gradient_that_is_not_finite_changes_nothing(void **state) {
  (void)state;
  static const float bad[] = {NAN, INFINITY, -INFINITY};
  fixture *f = fixture_create();
  float gradient[COUNT], w[COUNT], m[COUNT], v[COUNT];
  double average[COUNT];
  f->config.optimizer.clip = 1;
  f->config.optimizer.ema = (dsm_real_list){.count = 1, .value = {0.9}};
  fixture_start(f);
  for (unsigned i = 0; i < COUNT; i++) gradient[i] = some(i);
  assert_int_equal(dsm_optimizer_step(f->optimizer, f->w, gradient, 1, NULL), DSM_OK);
  dsm_optimizer_state s = dsm_optimizer_state_of(f->optimizer);
  memcpy(w, f->w, sizeof w);
  memcpy(m, s.m, sizeof m);
  memcpy(v, s.v, sizeof v);
  memcpy(average, s.average[0], sizeof average);
  for (int k = 0; k < 3; k++) {
    dsm_step_report report;
    gradient[WEIGHTS + 1] = bad[k];
    assert_int_equal(dsm_optimizer_step(f->optimizer, f->w, gradient, 1, &report), DSM_DIVERGED);
    assert_false(isfinite(report.gradient_norm));
    assert_non_null(strstr(dsm_trail(), "a.bias"));
    assert_non_null(strstr(dsm_trail(), "optimizer.lr"));
    assert_memory_equal(w, f->w, sizeof w);
    assert_memory_equal(m, s.m, sizeof m);
    assert_memory_equal(v, s.v, sizeof v);
    assert_memory_equal(average, s.average[0], sizeof average);
    assert_int_equal(dsm_optimizer_state_of(f->optimizer).step, 1);
  }
  fixture_destroy(f);
}

/* 1e30 squared overflows float, not the float64 in which the norm is taken. */
static void large_gradients_are_clipped_and_not_refused(void **state) {
  (void)state;
  fixture *f = fixture_create();
  float gradient[COUNT] = {1e30f};
  dsm_step_report report;
  f->config.optimizer.clip = 1;
  fixture_start(f);
  assert_int_equal(dsm_optimizer_step(f->optimizer, f->w, gradient, 1, &report), DSM_OK);
  assert_close(report.gradient_norm, 1e30, 1e-6, 1);
  assert_close(dsm_optimizer_state_of(f->optimizer).m[0], 0.1, 1e-6, 1);
  fixture_destroy(f);
}

/* What a checkpoint does: copy the state out, put it into a new optimizer, go on. */
static void a_resumed_optimizer_goes_on_with_equal_bits(void **state) {
  (void)state;
  fixture *f = fixture_create(), *g = fixture_create();
  f->config.optimizer.ema = g->config.optimizer.ema = (dsm_real_list){.count = 2, .value = {0.9, 0.99}};
  f->config.optimizer.warmup = g->config.optimizer.warmup = 5;
  fixture_start(f);
  fixture_start(g);
  float gradient[COUNT];
  for (unsigned step = 0; step < 10; step++) {
    for (unsigned i = 0; i < COUNT; i++) gradient[i] = some(77 * step + i);
    assert_int_equal(dsm_optimizer_step(f->optimizer, f->w, gradient, 0.5, NULL), DSM_OK);
    if (step < 3) continue;
    dsm_optimizer_state from = dsm_optimizer_state_of(f->optimizer),
                        to = dsm_optimizer_state_of(g->optimizer);
    if (step == 3) {
      memcpy(g->w, f->w, sizeof f->w);
      memcpy(to.m, from.m, sizeof f->w);
      memcpy(to.v, from.v, sizeof f->w);
      for (size_t a = 0; a < from.averages; a++)
        memcpy(to.average[a], from.average[a], COUNT * sizeof(double));
      dsm_optimizer_set_step(g->optimizer, from.step);
      continue;
    }
    assert_int_equal(dsm_optimizer_step(g->optimizer, g->w, gradient, 0.5, NULL), DSM_OK);
    assert_memory_equal(f->w, g->w, sizeof f->w);
    for (size_t a = 0; a < from.averages; a++)
      assert_memory_equal(from.average[a], to.average[a], COUNT * sizeof(double));
  }
  fixture_destroy(f);
  fixture_destroy(g);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(two_steps_are_as_worked_out_by_hand),
      cmocka_unit_test(many_steps_follow_the_formula_in_float64),
      cmocka_unit_test(first_step_has_the_length_of_the_learning_rate),
      cmocka_unit_test(decay_acts_on_flagged_entries_alone),
      cmocka_unit_test(neighbours_with_equal_flags_are_one_span),
      cmocka_unit_test(trap_9_clipping_is_on_the_norm_of_the_mean),
      cmocka_unit_test(a_gradient_that_is_not_finite_changes_nothing),
      cmocka_unit_test(large_gradients_are_clipped_and_not_refused),
      cmocka_unit_test(a_resumed_optimizer_goes_on_with_equal_bits),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
