/* Damaged checkpoints, all read in this one process: each is a clean error or reads exactly as it was.
 * DSMPI_TEST_SWEEP=1 flips bits in every byte of the file instead of a sample of them. */
#include "io_test.h"

/* Read by the leak sanitizer: HDF5 1.10 itself loses the memory of an object header that it finds damaged. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) {
  return "leak:libhdf5";
}

static small_model model;
static dsm_checkpoint_arrays arrays;
static unsigned char *whole, *mutant;
static size_t size;

static int set_up(void **state) {
  if (make_test_folder(state) != 0) return 1;
  small_model_create(&model, 2);
  small_model_empty_arrays(&model, &arrays);
  assert_ok(dsm_checkpoint_write(in_folder("whole.h5"), &model.header, &model.arrays, NULL));
  whole = read_bytes(in_folder("whole.h5"), &size);
  mutant = malloc(size);
  return 0;
}

static int tear_down(void **state) {
  free(whole);
  free(mutant);
  small_model_free_arrays(&arrays);
  small_model_destroy(&model);
  return remove_test_folder(state);
}

static bool clean(dsm_status status) {
  return status == DSM_BAD_DATA || status == DSM_BAD_CONFIG;
}

/* Reads the first `bytes` bytes of `mutant` as a checkpoint. @return true if any part of it was refused. */
static bool refused_or_equal(size_t bytes, const char *what, size_t where) {
  dsm_checkpoint header;
  double rates[DSM_AVERAGES_MAX];
  size_t rate_count;
  const char *path = in_folder("mutant.h5");
  write_bytes(path, mutant, bytes);
  small_model_free_arrays(&arrays);
  small_model_empty_arrays(&model, &arrays);

  const dsm_status header_status = dsm_checkpoint_read_header(path, &header);
  const bool header_good =
      header_status == DSM_OK ? small_model_same_header(&model.header, &header) : clean(header_status);
  dsm_checkpoint_destroy(&header);
  const dsm_status rates_status = dsm_checkpoint_rates(path, rates, &rate_count);
  const bool rates_good = rates_status == DSM_OK
                              ? rate_count == 2 && rates[0] == model.rates[0] && rates[1] == model.rates[1]
                              : clean(rates_status);
  const dsm_status arrays_status = dsm_checkpoint_read_arrays(path, &arrays);
  const bool arrays_good =
      arrays_status == DSM_OK ? small_model_same_arrays(&model.arrays, &arrays) : clean(arrays_status);
  if (!header_good || !rates_good || !arrays_good)
    fail_msg("%s at %zu of %zu: header %d %d, rates %d %d, arrays %d %d: %s", what, where, size,
             header_status, header_good, rates_status, rates_good, arrays_status, arrays_good, dsm_trail());
  return header_status != DSM_OK || arrays_status != DSM_OK;
}

static void truncated_files_are_refused(void **state) {
  (void)state;
  memcpy(mutant, whole, size);
  for (size_t i = 0; i < 60; i++) {
    const size_t bytes = i < 20 ? i * 5 : i < 40 ? size - (i - 19) : size * (i - 39) / 21;
    assert_true(refused_or_equal(bytes, "cut", bytes));
  }
}

static uint64_t next_random(uint64_t *state) { /* splitmix64 */
  uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
  z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
  return z ^ z >> 31;
}

static void flipped_bits_are_refused_or_harmless(void **state) {
  (void)state;
  uint64_t random = 1;
  const bool sweep = getenv("DSMPI_TEST_SWEEP") != NULL;
  const size_t mutants = sweep ? size : 700;
  size_t refused = 0;
  for (size_t i = 0; i < mutants; i++) {
    const size_t byte = sweep ? i : next_random(&random) % size;
    memcpy(mutant, whole, size);
    mutant[byte] ^= (unsigned char)(1u << next_random(&random) % 8);
    refused += refused_or_equal(size, "bit flipped", byte);
  }
  print_message("%zu of %zu flips refused, the others lie in unused bytes of a file of %zu\n", refused,
                mutants, size);
  assert_true(refused > mutants / 3);
}

static void zeroed_and_shuffled_runs_are_refused_or_harmless(void **state) {
  (void)state;
  uint64_t random = 2;
  for (size_t i = 0; i < 150; i++) {
    const size_t run = 1 + next_random(&random) % 512;
    const size_t to = next_random(&random) % (size - run), from = next_random(&random) % (size - run);
    memcpy(mutant, whole, size);
    if (i % 2)
      memset(mutant + to, 0, run);
    else
      memmove(mutant + to, mutant + from, run);
    refused_or_equal(size, i % 2 ? "zeros" : "copied run", to);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(truncated_files_are_refused),
      cmocka_unit_test(flipped_bits_are_refused_or_harmless),
      cmocka_unit_test(zeroed_and_shuffled_runs_are_refused_or_harmless),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
