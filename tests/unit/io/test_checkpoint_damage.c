/* Damaged checkpoints, each read in a process of its own: it is a clean error or reads exactly as it was; never a crash,
 * never a wait, never other values. DSMPI_TEST_SWEEP=1 flips a bit in every byte of the metadata and in 1,000 places anywhere,
 * instead of a sample of them. */
#include <hdf5.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io_test.h"

enum { SECONDS_MAX = 60 /* of reading one of some kB; a machine may be busy */ };
typedef enum verdict { EQUAL, REFUSED, WRONG } verdict;

static small_model model;
static dsm_checkpoint_arrays arrays;
static unsigned char *whole, *mutant;
static bool *
    is_value; /* whether a byte of the file belongs to the values of a dataset, or to what HDF5 says of them */
static size_t size;

static herr_t mark_values(hid_t file, const char *name, const H5O_info_t *info, void *context) {
  (void)context;
  if (info->type != H5O_TYPE_DATASET) return 0;
  const hid_t dataset = H5Dopen2(file, name, H5P_DEFAULT), space = H5Dget_space(dataset);
  hsize_t chunks, bytes, offset[H5S_MAX_RANK];
  unsigned mask;
  haddr_t at;
  assert_true(H5Dget_num_chunks(dataset, space, &chunks) >= 0 && chunks > 0);
  for (hsize_t i = 0; i < chunks; i++) {
    assert_true(H5Dget_chunk_info(dataset, space, i, offset, &mask, &at, &bytes) >= 0 && at + bytes <= size);
    for (hsize_t b = 0; b < bytes; b++) is_value[at + b] = true;
  }
  H5Sclose(space);
  H5Dclose(dataset);
  return 0;
}

static int set_up(void **state) {
  if (make_test_folder(state) != 0) return 1;
  small_model_create(&model, 2);
  small_model_empty_arrays(&model, &arrays);
  assert_ok(dsm_checkpoint_write(in_folder("whole.h5"), &model.header, &model.arrays, NULL));
  whole = read_bytes(in_folder("whole.h5"), &size);
  mutant = malloc(size);
  is_value = calloc(size, sizeof *is_value);
  const hid_t file = H5Fopen(in_folder("whole.h5"), H5F_ACC_RDONLY, H5P_DEFAULT);
  assert_true(H5Ovisit2(file, H5_INDEX_NAME, H5_ITER_INC, mark_values, NULL, H5O_INFO_BASIC) >= 0);
  H5Fclose(file);
  return 0;
}

static int tear_down(void **state) {
  free(whole);
  free(mutant);
  free(is_value);
  small_model_free_arrays(&arrays);
  small_model_destroy(&model);
  return remove_test_folder(state);
}

static bool clean(dsm_status status) {
  return status == DSM_BAD_DATA || status == DSM_BAD_CONFIG;
}

static verdict read_mutant(const char *path) {
  dsm_checkpoint header;
  double rates[DSM_AVERAGES_MAX];
  size_t rate_count;
  const dsm_status header_status = dsm_checkpoint_read_header(path, &header);
  const bool header_good =
      header_status == DSM_OK ? small_model_same_header(&model.header, &header) : clean(header_status);
  const dsm_status rates_status = dsm_checkpoint_rates(path, rates, &rate_count);
  const bool rates_good = rates_status == DSM_OK
                              ? rate_count == 2 && rates[0] == model.rates[0] && rates[1] == model.rates[1]
                              : clean(rates_status);
  const dsm_status arrays_status = dsm_checkpoint_read_arrays(path, &arrays);
  const bool arrays_good =
      arrays_status == DSM_OK ? small_model_same_arrays(&model.arrays, &arrays) : clean(arrays_status);
  if (!header_good || !rates_good || !arrays_good) {
    fprintf(stderr, "header %d %d, rates %d %d, arrays %d %d: %s\n", header_status, header_good, rates_status,
            rates_good, arrays_status, arrays_good, dsm_trail());
    return WRONG;
  }
  return header_status != DSM_OK || arrays_status != DSM_OK ? REFUSED : EQUAL;
}

/* Reads the first `bytes` bytes of `mutant` as a checkpoint. @return true if any part of it was refused. */
static bool refused_or_equal(size_t bytes, const char *what, size_t where) {
  const char *path = in_folder("mutant.h5");
  int end;
  write_bytes(path, mutant, bytes);
  fflush(NULL);
  const pid_t reader = fork();
  if (reader == 0) {
    alarm(SECONDS_MAX);
    _exit(read_mutant(path));
  }
  assert_int_equal(waitpid(reader, &end, 0), reader);
  if (WIFSIGNALED(end))
    fail_msg("%s at %zu of %zu: the reader %s (signal %d)", what, where, size,
             WTERMSIG(end) == SIGALRM ? "came to no end" : "crashed", WTERMSIG(end));
  if (WEXITSTATUS(end) != EQUAL && WEXITSTATUS(end) != REFUSED)
    fail_msg("%s at %zu of %zu: exit %d of the reader", what, where, size, WEXITSTATUS(end));
  return WEXITSTATUS(end) == REFUSED;
}

static bool sweep(void) {
  return getenv("DSMPI_TEST_SWEEP") != NULL;
}

static uint64_t next_random(uint64_t *state) { /* splitmix64 */
  uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
  z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
  return z ^ z >> 31;
}

static void truncated_files_are_refused(void **state) {
  (void)state;
  memcpy(mutant, whole, size);
  for (size_t i = 0; i < 60; i++) {
    const size_t bytes = i < 20 ? i * 5 : i < 40 ? size - (i - 19) : size * (i - 39) / 21;
    assert_true(refused_or_equal(bytes, "cut", bytes));
  }
}

/* A bit of one byte; the bit is chosen by `random`. */
static bool flip_is_refused(size_t byte, uint64_t *random) {
  memcpy(mutant, whole, size);
  mutant[byte] ^= (unsigned char)(1u << next_random(random) % 8);
  return refused_or_equal(size, "bit flipped", byte);
}

static void flipped_bits_of_the_metadata_are_refused_or_harmless(void **state) {
  (void)state;
  uint64_t random = 1;
  size_t metadata = 0, tried = 0, refused = 0;
  const size_t every = sweep() ? 1 : 101; /* no divisor of the sizes of HDF5's tables */
  for (size_t byte = 0; byte < size; byte++) {
    if (is_value[byte] || metadata++ % every != 0) continue;
    tried++;
    refused += flip_is_refused(byte, &random);
  }
  print_message("%zu of %zu flips in %zu bytes of metadata refused, the others lie in unused bytes\n",
                refused, tried, metadata);
  assert_true(metadata > size / 4 && refused > tried / 5);
}

static void flipped_bits_anywhere_are_refused_or_harmless(void **state) {
  (void)state;
  uint64_t random = 3;
  const size_t mutants = sweep() ? 1000 : 60;
  size_t values = 0, refused = 0, refused_values = 0;
  for (size_t i = 0; i < mutants; i++) {
    const size_t byte = next_random(&random) % size;
    const bool was_refused = flip_is_refused(byte, &random);
    refused += was_refused;
    values += is_value[byte];
    refused_values += is_value[byte] && was_refused;
  }
  print_message("%zu of %zu flips refused, %zu of %zu among values\n", refused, mutants, refused_values,
                values);
  assert_int_equal(refused_values, values); /* checksums cover them all */
}

static void zeroed_and_shuffled_runs_are_refused_or_harmless(void **state) {
  (void)state;
  uint64_t random = 2;
  for (size_t i = 0; i < 50; i++) {
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
      cmocka_unit_test(flipped_bits_of_the_metadata_are_refused_or_harmless),
      cmocka_unit_test(flipped_bits_anywhere_are_refused_or_harmless),
      cmocka_unit_test(zeroed_and_shuffled_runs_are_refused_or_harmless),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
