/* The files are plain HDF5: h5py reads names, shapes, values and labels without knowing us. */
#include "io_test.h"

static void h5py_reads_checkpoints_and_samples(void **state) {
  (void)state;
  if (system("/usr/bin/python3 -c 'import h5py' 2>/dev/null") != 0) {
    print_message("needs h5py (Debian package python3-h5py)\n");
    skip();
  }
  small_model model;
  small_model_create(&model, 4);
  assert_ok(dsm_checkpoint_write(in_folder("checkpoint.h5"), &model.header, &model.arrays, NULL));
  write_bytes(in_folder("w.raw"), model.arrays.w, dsm_parameters_count(model.arrays.table) * sizeof(float));
  small_model_destroy(&model);

  const dsm_samples_info info = {
      .count = 7, .block = 4, .sample = DSM_SHAPE(3, 4, 2), .axes = "N C H W", .sampler = "ddim, 50 steps"};
  dsm_samples *samples;
  uint64_t missing;
  float x[2][4][3][4][2];
  assert_ok(dsm_samples_create(in_folder("samples.h5"), &info, &missing));
  assert_ok(dsm_samples_open(in_folder("samples.h5"), &samples));
  for (size_t b = 0; b < 2; b++) {
    for (size_t i = 0; i < 4; i++)
      for (size_t p = 0; p < 12; p++)
        for (size_t c = 0; c < 2; c++)
          x[b][i][p / 4][p % 4][c] = (float)(1000 * (4 * b + i) + 100 * (p / 4) + 10 * (p % 4) + c);
    assert_ok(dsm_samples_write(samples, b, &x[b][0][0][0][0], (int32_t[]){9, 8, 7, 6}, NULL));
  }
  dsm_samples_close(&samples);
  assert_ok(dsm_samples_finish(in_folder("samples.h5")));

  char command[4096];
  snprintf(command, sizeof command, "/usr/bin/python3 %s/../unit/io/check_h5py.py %s %s %s", DSMPI_TEST_DATA,
           in_folder("checkpoint.h5"), in_folder("samples.h5"), in_folder("w.raw"));
  assert_int_equal(system(command), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(h5py_reads_checkpoints_and_samples)};
  return cmocka_run_group_tests(tests, make_test_folder, remove_test_folder);
}
