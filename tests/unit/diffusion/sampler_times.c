/* The times of samplers. */
#include "check.h"

static const int grids[] = {DSM_GRID_AUTO, DSM_GRID_UNIFORM, DSM_GRID_QUADRATIC, DSM_GRID_LOG_SNR,
                            DSM_GRID_RHO};
enum { GRIDS = sizeof grids / sizeof *grids };

static dsm_sampler_settings grid_of(int grid) {
  dsm_sampler_settings settings = settings_default();
  settings.grid = grid;
  return settings;
}

static double ratio(const dsm_process *p, double t) {
  return dsm_process_sigma(p, t) / dsm_process_alpha(p, t);
}

static bool of_ratio(int grid) {
  return grid == DSM_GRID_LOG_SNR || grid == DSM_GRID_RHO;
}

static void times_fall_from_last_to_first_and_then_to_the_data(void **state) {
  (void)state;
  static const int64_t counts[] = {2, 3, 7, 10, 50, 250, 333, 999, 1000};
  double t[1001];
  for (int name = 0; name < DSM_PROCESS_SINGLE; name++)
    for (int g = 0; g < GRIDS; g++) {
      dsm_process *p = process_of(name, DSM_SCHEDULE_LINEAR, 1000);
      const dsm_sampler_settings settings = grid_of(grids[g]);
      if (name == DSM_PROCESS_FLOW && of_ratio(grids[g])) {
        assert_refused(dsm_sampler_times(p, &settings, 10, t), "alpha = 0");
        dsm_process_destroy(&p);
        continue;
      }
      for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
        int64_t steps = counts[c];
        assert_int_equal(dsm_sampler_times(p, &settings, steps, t), DSM_OK);
        assert_true(t[0] == dsm_process_last(p));
        assert_true(t[steps - 1] == dsm_process_first(p, true));
        assert_true(t[steps] == 0);
        for (int64_t k = 0; k < steps; k++) {
          assert_true(t[k + 1] < t[k]);
          if (dsm_process_discrete(p)) assert_true(t[k] == floor(t[k]));
        }
      }
      if (dsm_process_discrete(p)) /* as many as there are: all of them, on any grid */
        for (int64_t k = 0; k <= 1000; k++) assert_true(t[k] == (double)(1000 - k));
      assert_int_equal(dsm_sampler_times(p, &settings, 1, t), DSM_OK);
      assert_true(t[0] == dsm_process_last(p) && t[1] == 0);
      dsm_process_destroy(&p);
    }
}

static void uniform_times_of_ddpm_are_those_with_both_ends(void **state) {
  (void)state;
  static const double expected[] = {1000, 889, 778, 667, 556, 445, 334, 223, 112, 1, 0};
  dsm_process *p = ddpm_of(1000);
  const dsm_sampler_settings settings = grid_of(DSM_GRID_UNIFORM);
  double t[11];
  assert_int_equal(dsm_sampler_times(p, &settings, 10, t), DSM_OK);
  for (int k = 0; k <= 10; k++) assert_true(t[k] == expected[k]);
  dsm_process_destroy(&p);
}

static void each_grid_is_uniform_in_its_own_measure(void **state) {
  (void)state;
  enum { STEPS = 30 };
  for (int name = 0; name < PROCESSES; name++)
    for (int g = 1; g < GRIDS; g++) {
      dsm_process *p = process_of(name, DSM_SCHEDULE_LINEAR, 1000);
      if (dsm_process_discrete(p) || (name == DSM_PROCESS_FLOW && of_ratio(grids[g]))) {
        dsm_process_destroy(&p);
        continue;
      }
      dsm_sampler_settings settings = grid_of(grids[g]);
      settings.rho = 3;
      double t[STEPS + 1], first = dsm_process_first(p, true), value[STEPS];
      assert_int_equal(dsm_sampler_times(p, &settings, STEPS, t), DSM_OK);
      for (int k = 0; k < STEPS; k++)
        value[k] = grids[g] == DSM_GRID_UNIFORM     ? t[k]
                   : grids[g] == DSM_GRID_QUADRATIC ? sqrt(t[k] - first)
                   : grids[g] == DSM_GRID_LOG_SNR   ? log(ratio(p, t[k]))
                                                    : cbrt(ratio(p, t[k]));
      for (int k = 0; k < STEPS; k++)
        assert_close(value[k], value[0] + (value[STEPS - 1] - value[0]) * k / (STEPS - 1), 1e-9, 1e-9);
      dsm_process_destroy(&p);
    }
}

/* methods of Karras et al. 2022: sigma from 80 to 0.002, rho 7, 18 steps */
static void the_rho_grid_has_the_published_values(void **state) {
  (void)state;
  static const double golden[] = {80,       57.586,   40.7856,   28.3746,   19.3525,    12.9101,
                                  8.40094,  5.31519,  3.25682,   1.92334,   1.08817,    0.585348,
                                  0.296442, 0.139516, 0.0599473, 0.0229345, 0.00752802, 0.002};
  dsm_config config = config_of(DSM_PROCESS_EDM, 0, 0);
  config.process.sigma_min = 0.002;
  config.process.sigma_max = 80;
  dsm_process *p = NULL;
  assert_int_equal(dsm_process_create(&config, &p), DSM_OK);
  const dsm_sampler_settings settings = settings_default(); /* auto is rho here */
  double t[19];
  assert_int_equal(dsm_sampler_times(p, &settings, 18, t), DSM_OK);
  for (int k = 0; k < 18; k++) assert_close(dsm_process_sigma(p, t[k]), golden[k], 1e-5, 0); /* 6 digits */
  dsm_process_destroy(&p);
}

/* From 16-digit arithmetic on the formulas of src/diffusion/sampler/times.c, written down anew; where time is discrete, by search
 * through all of it. */
static void each_grid_has_the_values_of_its_formula(void **state) {
  (void)state;
  enum { MOST = 6 };
  static const struct {
    int process, grid, steps;
    double t[MOST];
  } rows[] = {
      {DSM_PROCESS_VP, DSM_GRID_UNIFORM, 5, {1, 0.75025, 0.5005, 0.25075, 0.001}},
      {DSM_PROCESS_VP, DSM_GRID_QUADRATIC, 5, {1, 0.5629375, 0.25075, 0.0634375, 0.001}},
      {DSM_PROCESS_VP,
       DSM_GRID_LOG_SNR,
       5,
       {1, 0.7223333113724306, 0.3046314097687748, 0.031686417908586936, 0.001}},
      {DSM_PROCESS_VP,
       DSM_GRID_RHO,
       5,
       {1, 0.8434351601334272, 0.5921412655589787, 0.14263297374888068, 0.001}},
      {DSM_PROCESS_VE, DSM_GRID_LOG_SNR, 5, {1, 0.7500025, 0.500005, 0.2500075, 1e-5}},
      {DSM_PROCESS_DDPM, DSM_GRID_UNIFORM, 6, {1000, 800, 600, 401, 201, 1}},
      {DSM_PROCESS_DDPM, DSM_GRID_QUADRATIC, 6, {1000, 640, 361, 161, 41, 1}},
      {DSM_PROCESS_DDPM, DSM_GRID_LOG_SNR, 6, {1000, 786, 493, 139, 18, 1}},
      {DSM_PROCESS_DDPM, DSM_GRID_RHO, 6, {1000, 881, 712, 435, 78, 1}},
  };
  for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
    dsm_process *p = process_named(rows[r].process);
    const dsm_sampler_settings settings = grid_of(rows[r].grid);
    double t[MOST + 1];
    assert_int_equal(dsm_sampler_times(p, &settings, rows[r].steps, t), DSM_OK);
    for (int k = 0; k < rows[r].steps; k++) assert_close(t[k], rows[r].t[k], 1e-11, 0);
    assert_true(t[rows[r].steps] == 0);
    dsm_process_destroy(&p);
  }
}

/* At both ends of what sampler.rho may be, and with many steps, no two times are equal. */
static void no_exponent_makes_times_equal(void **state) {
  (void)state;
  enum { MANY = 100000 };
  static double t[MANY + 1];
  static const double rhos[] = {0.01, 0.3, 1, 7, 1e4};
  for (int name = 0; name < DSM_PROCESS_SINGLE; name++) {
    dsm_process *p = process_named(name);
    for (size_t i = 0; i < sizeof rhos / sizeof *rhos && name != DSM_PROCESS_FLOW && !dsm_process_discrete(p);
         i++) {
      dsm_sampler_settings settings = grid_of(DSM_GRID_RHO);
      settings.rho = rhos[i];
      assert_int_equal(dsm_sampler_times(p, &settings, MANY, t), DSM_OK);
      for (int k = 0; k < MANY; k++) assert_true(t[k + 1] < t[k]);
    }
    dsm_process_destroy(&p);
  }
}

static void wrong_grids_are_refused(void **state) {
  (void)state;
  dsm_process *p = ddpm_of(100);
  dsm_sampler_settings settings = settings_default();
  double t[102];
  assert_int_equal(dsm_sampler_times(p, &settings, 101, t), DSM_BAD_CONFIG);
  assert_int_equal(dsm_sampler_times(p, &settings, 0, t), DSM_BAD_CONFIG);
  settings.grid = DSM_GRID_RHO;
  static const double rhos[] = {0, 1e-3, 1e5};
  for (int i = 0; i < 3; i++) {
    settings.rho = rhos[i];
    assert_int_equal(dsm_sampler_times(p, &settings, 10, t), DSM_BAD_CONFIG);
    assert_non_null(strstr(dsm_trail_message(), "sampler.rho"));
    dsm_trail_clear();
  }
  dsm_process_destroy(&p);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(times_fall_from_last_to_first_and_then_to_the_data),
      cmocka_unit_test(uniform_times_of_ddpm_are_those_with_both_ends),
      cmocka_unit_test(each_grid_is_uniform_in_its_own_measure),
      cmocka_unit_test(the_rho_grid_has_the_published_values),
      cmocka_unit_test(each_grid_has_the_values_of_its_formula),
      cmocka_unit_test(no_exponent_makes_times_equal),
      cmocka_unit_test(wrong_grids_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
