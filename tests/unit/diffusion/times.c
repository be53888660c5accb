/* The laws of the times of training samples: functions of (seed, step, sample) that are drawn as they say, and weights
 * that keep the mean of the loss. */
#include "check.h"

#include "dsmpi/random.h"

enum { LAWS = DSM_TIMES_IMPORTANCE + 1, BATCH = 24, MANY = 100000 };

static dsm_times *times_of(int law, const dsm_process *process, int64_t batch) {
  dsm_config config;
  dsm_times *times = NULL;
  dsm_config_defaults(&config);
  config.objective.times = law;
  config.train.batch = batch;
  assert_int_equal(dsm_times_create(&config, process, &times), DSM_OK);
  return times;
}

static void draws_do_not_depend_on_how_the_batch_is_cut(void **state) {
  (void)state;
  static const size_t cuts[] = {1, 2, 3, 4, 6, 8, 12};
  for (int name = 0; name < PROCESSES; name++)
    for (int law = 0; law < LAWS; law++) {
      dsm_process *p = process_named(name);
      dsm_times *times = times_of(law, p, BATCH);
      double t[BATCH], weight[BATCH], t_cut[BATCH], weight_cut[BATCH];
      dsm_times_draw(times, 3, 17, 0, BATCH, t, weight);
      for (size_t c = 0; c < sizeof cuts / sizeof *cuts; c++) {
        for (size_t i = 0; i < BATCH; i += cuts[c])
          dsm_times_draw(times, 3, 17, i, cuts[c], t_cut + i, weight_cut + i);
        assert_memory_equal(t, t_cut, sizeof t);
        assert_memory_equal(weight, weight_cut, sizeof weight);
      }
      for (int i = 0; i < BATCH; i++)
        assert_true(t[i] >= dsm_process_first(p, false) && t[i] <= dsm_process_last(p));
      dsm_times_destroy(&times);
      assert_null(times);
      dsm_process_destroy(&p);
    }
}

static void seed_step_and_sample_all_matter(void **state) {
  (void)state;
  dsm_process *p = process_named(DSM_PROCESS_VP);
  for (int law = 0; law < LAWS; law++) {
    dsm_times *times = times_of(law, p, 2000);
    double t[4];
    dsm_times_draw(times, 3, 17, 1000, 1, &t[0], NULL);
    dsm_times_draw(times, 4, 17, 1000, 1, &t[1], NULL);
    dsm_times_draw(times, 3, 18, 1000, 1, &t[2], NULL);
    dsm_times_draw(times, 3, 17, 1001, 1, &t[3], NULL);
    for (int a = 0; a < 4; a++)
      for (int b = 0; b < a; b++) assert_true(t[a] != t[b]);
    dsm_times_destroy(&times);
  }
  dsm_process_destroy(&p);
}

static void times_are_uniform_over_their_range(void **state) {
  (void)state;
  static double t[MANY];
  static const int laws[] = {DSM_TIMES_UNIFORM, DSM_TIMES_STRATIFIED,
                             DSM_TIMES_IMPORTANCE /* without losses */};
  for (size_t l = 0; l < sizeof laws / sizeof *laws; l++) {
    dsm_process *p = ddpm_of(50);
    dsm_times *times = times_of(laws[l], p, MANY);
    dsm_times_draw(times, 1, 0, 0, MANY, t, NULL);
    int count[51] = {0};
    for (int i = 0; i < MANY; i++) {
      assert_true(t[i] == floor(t[i]) && t[i] >= 1 && t[i] <= 50);
      count[(int)t[i]]++;
    }
    for (int k = 1; k <= 50; k++) assert_close(count[k], MANY / 50.0, 0, 4.5 * sqrt(MANY / 50.0));
    dsm_times_destroy(&times);
    dsm_process_destroy(&p);

    p = process_named(DSM_PROCESS_VP);
    times = times_of(laws[l], p, MANY);
    dsm_times_draw(times, 1, 0, 0, MANY, t, NULL);
    double sum = 0, squares = 0, smallest = 1, largest = 0;
    for (int i = 0; i < MANY; i++) {
      sum += t[i];
      squares += t[i] * t[i];
      smallest = fmin(smallest, t[i]);
      largest = fmax(largest, t[i]);
    }
    assert_true(smallest > 1e-5 && smallest < 2e-4 && largest < 1 && largest > 1 - 2e-4);
    assert_close(sum / MANY, 0.500005, 0, 4.5 * sqrt(1.0 / 12 / MANY));
    assert_close(squares / MANY, 1.0 / 3, 0, 4.5 * sqrt(4.0 / 45 / MANY) + 1e-5);
    dsm_times_destroy(&times);
    dsm_process_destroy(&p);
  }
}

/* One sample of the batch in each of its equal parts, and none always in the same one. */
static void a_stratified_batch_is_spread_evenly(void **state) {
  (void)state;
  enum { STEPS = 2000 };
  dsm_process *p = process_named(DSM_PROCESS_VP);
  dsm_times *times = times_of(DSM_TIMES_STRATIFIED, p, BATCH);
  const double first = dsm_process_first(p, false);
  int of_sample_0[BATCH] = {0};
  double spread = 0;
  for (uint64_t step = 0; step < STEPS; step++) {
    double t[BATCH], mean = 0;
    int parts[BATCH] = {0};
    dsm_times_draw(times, 3, step, 0, BATCH, t, NULL);
    for (int i = 0; i < BATCH; i++) {
      const int part = (int)((t[i] - first) / (1 - first) * BATCH);
      parts[part]++;
      if (i == 0) of_sample_0[part]++;
      mean += t[i] / BATCH;
    }
    for (int k = 0; k < BATCH; k++) assert_int_equal(parts[k], 1);
    spread += pow(mean - 0.500005, 2) / STEPS;
  }
  for (int k = 0; k < BATCH; k++)
    assert_close(of_sample_0[k], (double)STEPS / BATCH, 0, 4.5 * sqrt((double)STEPS / BATCH));
  /* the variance of the mean is that of uniform times over BATCH^2 */
  assert_close(spread, 1.0 / 12 / BATCH / BATCH / BATCH, 4.5 * sqrt(2.0 / STEPS), 0);
  dsm_times_destroy(&times);
  dsm_process_destroy(&p);
}

static void log_normal_times_stay_in_range_however_far_the_law_lies(void **state) {
  (void)state;
  static const double means[] = {-1000, 1000}; /* exp of which is 0 and infinite */
  for (int name = 0; name < PROCESSES; name++)
    for (int k = 0; k < 2; k++) {
      dsm_process *p = process_named(name);
      dsm_config config = config_of(name, DSM_SCHEDULE_LINEAR, 1000);
      dsm_times *times = NULL;
      double t[4];
      config.objective.times = DSM_TIMES_LOG_NORMAL;
      config.objective.log_sigma_mean = means[k];
      assert_int_equal(dsm_times_create(&config, p, &times), DSM_OK);
      dsm_times_draw(times, 1, 0, 0, 4, t, NULL);
      for (int i = 0; i < 4; i++)
        assert_true(t[i] == (k == 0 ? dsm_process_first(p, false) : dsm_process_last(p)));
      dsm_times_destroy(&times);
      dsm_process_destroy(&p);
    }
}

/* ln(sigma / alpha) ~ N(-1.2, 1.2^2), whatever the process calls its times. */
static void log_normal_times_have_log_normal_noise_levels(void **state) {
  (void)state;
  static double t[MANY];
  static const int names[] = {DSM_PROCESS_EDM, DSM_PROCESS_VP, DSM_PROCESS_FLOW, DSM_PROCESS_SUBVP};
  for (size_t n = 0; n < sizeof names / sizeof *names; n++) {
    dsm_config config = config_of(names[n], 0, 0);
    config.process.sigma_min = 1e-4; /* 6.7 and 4.8 deviations away: no draw is kept back */
    config.process.sigma_max = 80;
    dsm_process *p = NULL;
    assert_int_equal(dsm_process_create(&config, &p), DSM_OK);
    dsm_times *times = times_of(DSM_TIMES_LOG_NORMAL, p, MANY);
    dsm_times_draw(times, 1, 0, 0, MANY, t, NULL);
    double sum = 0, squares = 0;
    for (int i = 0; i < MANY; i++) {
      const double level = log(dsm_process_sigma(p, t[i]) / dsm_process_alpha(p, t[i]));
      sum += level;
      squares += pow(level + 1.2, 2);
    }
    assert_close(sum / MANY, -1.2, 0, 4.5 * 1.2 / sqrt(MANY));
    assert_close(squares / MANY, 1.44, 4.5 * sqrt(2.0 / MANY), 0);
    dsm_times_destroy(&times);
    dsm_process_destroy(&p);
  }
  /* a ladder: the times are rungs, and those beyond its ends are its ends */
  dsm_config config = config_of(DSM_PROCESS_SMLD, 0, 3);
  config.process.sigma_min = exp(-1.2 - 1.2);
  config.process.sigma_max = exp(-1.2 + 1.2);
  dsm_process *p = NULL;
  assert_int_equal(dsm_process_create(&config, &p), DSM_OK);
  dsm_times *times = times_of(DSM_TIMES_LOG_NORMAL, p, MANY);
  dsm_times_draw(times, 1, 0, 0, MANY, t, NULL);
  double middle = 0;
  for (int i = 0; i < MANY; i++) middle += t[i] == 2;
  assert_close(middle / MANY, erf(0.5 / sqrt(2)), 0, 4.5 * sqrt(0.25 / MANY)); /* within half a deviation */
  dsm_times_destroy(&times);
  dsm_process_destroy(&p);
}

/* ---- importance ---------------------------------------------------------------------------------------- */

static double loss_at(const dsm_process *p, double t) {
  return 0.1 + pow(t / dsm_process_last(p), 2);
}

/* Steps of training whose losses are a function of the time alone. Returns the law after them. */
static dsm_times *after_steps(const dsm_process *p, uint64_t steps, int64_t batch) {
  dsm_times *times = times_of(DSM_TIMES_IMPORTANCE, p, batch);
  double *t = calloc((size_t)batch, sizeof *t), *weight = calloc((size_t)batch, sizeof *weight);
  float *loss = calloc((size_t)batch, sizeof *loss);
  for (uint64_t step = 0; step < steps; step++) {
    dsm_times_draw(times, 9, step, 0, (size_t)batch, t, weight);
    for (int64_t i = 0; i < batch; i++) loss[i] = (float)(weight[i] * loss_at(p, t[i]));
    dsm_times_update(times, t, loss, (size_t)batch);
  }
  free(t);
  free(weight);
  free(loss);
  return times;
}

/* p_t = 0.999 L_t / sum L + 0.001 / T, once each step has ten losses; uniform before. */
static void times_are_drawn_by_the_root_mean_square_of_their_losses(void **state) {
  (void)state;
  static double t[MANY], weight[MANY];
  enum { T = 20 };
  dsm_process *p = process_of(DSM_PROCESS_DDPM, DSM_SCHEDULE_COSINE, T);
  for (uint64_t steps = 0; steps <= 40; steps += 40) {
    dsm_times *times = after_steps(p, steps, 32);
    double total = 0, count[T + 1] = {0};
    for (int k = 1; k <= T; k++) total += loss_at(p, k);
    dsm_times_draw(times, 2, 1000, 0, MANY, t, weight);
    for (int i = 0; i < MANY; i++) {
      const double share = steps ? 0.999 * loss_at(p, t[i]) / total + 0.001 / T : 1.0 / T;
      assert_close(weight[i], 1 / (T * share), 1e-6 /* of losses in float32 */, 0);
      count[(int)t[i]]++;
    }
    for (int k = 1; k <= T; k++) {
      const double share = steps ? 0.999 * loss_at(p, k) / total + 0.001 / T : 1.0 / T;
      assert_close(count[k], MANY * share, 0, 4.5 * sqrt(MANY * share));
    }
    dsm_times_destroy(&times);
  }
  dsm_process_destroy(&p);
}

/* The mean of weighted losses is that of uniform times, with less variance; in bins of steps and of continuous time too. */
static void weights_keep_the_mean_and_lower_the_variance(void **state) {
  (void)state;
  static double t[MANY], weight[MANY];
  static const int64_t steps[] = {100, 1000, 1500, 0 /* vp */};
  for (size_t r = 0; r < sizeof steps / sizeof *steps; r++) {
    dsm_process *p = steps[r] ? process_of(DSM_PROCESS_DDPM, DSM_SCHEDULE_COSINE, steps[r])
                              : process_named(DSM_PROCESS_VP);
    dsm_times *times = after_steps(p, 120, 512);
    double exact = 0, square = 0, mean = 0, second = 0, ones = 0;
    enum { GRID = 3000 }; /* a multiple of all the numbers of steps, so that each counts alike */
    for (int i = 0; i < GRID; i++) {
      const double at = steps[r] ? 1 + floor((i + 0.5) / GRID * (double)steps[r]) : (i + 0.5) / GRID;
      exact += loss_at(p, at) / GRID;
      square += pow(loss_at(p, at), 2) / GRID;
    }
    dsm_times_draw(times, 2, 1000, 0, MANY, t, weight);
    for (int i = 0; i < MANY; i++) {
      ones += weight[i] / MANY;
      mean += weight[i] * loss_at(p, t[i]) / MANY;
      second += pow(weight[i] * loss_at(p, t[i]), 2) / MANY;
    }
    const double variance = second - mean * mean, uniform = square - exact * exact;
    assert_close(mean, exact, 0, 4.5 * sqrt(variance / MANY) + 1e-5);
    assert_close(ones, 1, 0, 4.5 * 2 / sqrt(MANY));
    assert_true(variance < 0.02 * uniform);
    dsm_times_destroy(&times);
    dsm_process_destroy(&p);
  }
}

/* A run that stops and goes on draws the same times: the state is all there is. */
static void the_state_can_be_kept_and_given_back(void **state) {
  (void)state;
  dsm_process *p = process_of(DSM_PROCESS_DDPM, DSM_SCHEDULE_COSINE, 30);
  dsm_times *times = after_steps(p, 30, 32), *other = times_of(DSM_TIMES_IMPORTANCE, p, 32);
  const size_t count = dsm_times_state_count(times);
  double *saved = calloc(count, sizeof *saved), t[32], weight[32], t_other[32], weight_other[32];
  assert_int_equal(count, 30 * 11);
  dsm_times_save(times, saved);
  dsm_times_draw(times, 5, 30, 0, 32, t, weight);
  dsm_times_draw(other, 5, 30, 0, 32, t_other, weight_other);
  assert_memory_not_equal(t, t_other, sizeof t);
  assert_int_equal(dsm_times_restore(other, saved), DSM_OK);
  dsm_times_draw(other, 5, 30, 0, 32, t_other, weight_other);
  assert_memory_equal(t, t_other, sizeof t);
  assert_memory_equal(weight, weight_other, sizeof weight);

  static const double damage[] = {-1, 11, 2.5, NAN, INFINITY};
  for (size_t d = 0; d < sizeof damage / sizeof *damage; d++) {
    const double was = saved[11];
    saved[11] = damage[d];
    assert_int_equal(dsm_times_restore(other, saved), DSM_BAD_DATA);
    dsm_trail_clear();
    saved[11] = was;
  }
  dsm_times_draw(other, 5, 30, 0, 32, t_other, weight_other);
  assert_memory_equal(t, t_other, sizeof t); /* what was refused left no trace */
  free(saved);
  dsm_times_destroy(&times);
  dsm_times_destroy(&other);

  for (int law = 0; law < DSM_TIMES_IMPORTANCE; law++) {
    times = times_of(law, p, 32);
    assert_int_equal(dsm_times_state_count(times), 0);
    assert_false(dsm_times_weighted(times));
    dsm_times_destroy(&times);
  }
  dsm_process_destroy(&p);
}

/* Losses of 0 give no law, and a loss that is not a number must not stay in the history. */
static void odd_losses_do_no_harm(void **state) {
  (void)state;
  dsm_process *p = process_of(DSM_PROCESS_DDPM, DSM_SCHEDULE_COSINE, 4);
  dsm_times *times = times_of(DSM_TIMES_IMPORTANCE, p, 64);
  double t[64], weight[64];
  float loss[64];
  for (int kind = 0; kind < 2; kind++) {
    for (uint64_t step = 0; step < 4; step++) {
      dsm_times_draw(times, 1, step, 0, 64, t, weight);
      for (int i = 0; i < 64; i++) loss[i] = kind ? NAN : 0;
      dsm_times_update(times, t, loss, 64);
    }
    dsm_times_draw(times, 1, 9, 0, 64, t, weight);
    for (int i = 0; i < 64; i++) assert_close(weight[i], 1, 1e-12, 0);
  }
  dsm_times_destroy(&times);
  dsm_process_destroy(&p);
}

/* Of each law, a share u of what is drawn lies below the quantile: 5 standard deviations of the share. */
static void quantiles_are_those_of_the_draws(void **state) {
  (void)state;
  double *t = calloc(MANY, sizeof *t);
  for (int name = 0; name < PROCESSES; name++)
    for (int law = 0; law < LAWS; law++) {
      dsm_process *p = process_named(name);
      dsm_times *times = times_of(law, p, MANY);
      dsm_times_draw(times, 3, 17, 0, MANY, t, NULL);
      for (double u = 0.1; u < 0.95; u += 0.2) {
        const double quantile = dsm_times_quantile(times, u);
        size_t below = 0, equal = 0;
        for (size_t i = 0; i < MANY; i++) below += t[i] < quantile, equal += t[i] == quantile;
        const double slack = 5 * sqrt(u * (1 - u) * MANY) + 1;
        assert_true((double)below <= u * MANY + slack);
        assert_true((double)(below + equal) >= u * MANY - slack);
      }
      dsm_times_destroy(&times);
      dsm_process_destroy(&p);
    }
  free(t);
}

/* Equal parts of the range, that of edm in ln sigma; the ends are in the first and the last part. */
static void levels_are_equal_parts_of_the_range(void **state) {
  (void)state;
  for (int name = 0; name < PROCESSES; name++) {
    dsm_process *p = process_named(name);
    dsm_times *times = times_of(DSM_TIMES_UNIFORM, p, BATCH);
    const double first = dsm_process_first(p, false), last = dsm_process_last(p);
    if (name != DSM_PROCESS_SINGLE) {
      assert_int_equal(dsm_times_level(times, first, 10), 0);
      assert_int_equal(dsm_times_level(times, last, 10), 9);
    }
    for (size_t k = 0; k < 10 && !dsm_process_discrete(p); k++) {
      const double share = ((double)k + 0.5) / 10;
      const double t =
          name == DSM_PROCESS_EDM ? first * pow(last / first, share) : first + share * (last - first);
      assert_int_equal(dsm_times_level(times, t, 10), k);
    }
    dsm_times_destroy(&times);
    dsm_process_destroy(&p);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(draws_do_not_depend_on_how_the_batch_is_cut),
      cmocka_unit_test(seed_step_and_sample_all_matter),
      cmocka_unit_test(times_are_uniform_over_their_range),
      cmocka_unit_test(a_stratified_batch_is_spread_evenly),
      cmocka_unit_test(log_normal_times_stay_in_range_however_far_the_law_lies),
      cmocka_unit_test(log_normal_times_have_log_normal_noise_levels),
      cmocka_unit_test(times_are_drawn_by_the_root_mean_square_of_their_losses),
      cmocka_unit_test(weights_keep_the_mean_and_lower_the_variance),
      cmocka_unit_test(the_state_can_be_kept_and_given_back),
      cmocka_unit_test(odd_losses_do_no_harm),
      cmocka_unit_test(quantiles_are_those_of_the_draws),
      cmocka_unit_test(levels_are_equal_parts_of_the_range),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
