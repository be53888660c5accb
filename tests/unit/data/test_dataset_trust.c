/* Bad and hostile input: the right status, and a message that names the thing. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fixture.h"

static dsm_status open_x(const char *path, const char *dataset) {
  dsm_dataset *d;
  dsm_status status = dsm_dataset_open(path, dataset, "", "", &d);
  assert_true((d == NULL) == (status != DSM_OK));
  dsm_dataset_close(&d);
  return status;
}

static const char *good_file(const char *name) {
  file_spec spec = {.rank = 2, .dims = {50, 3}};
  return fixture_file(name, &spec, NULL);
}

/* A file with one dataset "x" of (5, 3) floats by these properties and this type, nothing written. */
static const char *unwritten(const char *name, hid_t type, hid_t properties, int rank, const hsize_t *dims) {
  const char *path = fixture_path(name);
  hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  hid_t space =
      rank ? H5Screate_simple(rank, dims, NULL) : H5Screate(rank == 0 && !dims ? H5S_SCALAR : H5S_NULL);
  hid_t dataset = H5Dcreate2(file, "x", type, space, H5P_DEFAULT, properties, H5P_DEFAULT);
  assert_true(dataset >= 0);
  H5Dclose(dataset);
  H5Sclose(space);
  H5Fclose(file);
  return path;
}

static const hsize_t five_three[2] = {5, 3};

static void missing_things_are_named(void **state) {
  (void)state;
  assert_fails(open_x(fixture_path("none.h5"), "x"), DSM_NOT_FOUND, "none.h5");
  assert_fails(open_x("/nowhere/none.h5", "x"), DSM_NOT_FOUND, "/nowhere/none.h5");
  assert_fails(open_x(good_file("a.h5"), "y"), DSM_NOT_FOUND, "it holds: /x");
  assert_fails(open_x(good_file("a.h5"), "g/y"), DSM_NOT_FOUND, "'g/y'");
  assert_fails(open_x(good_file("a.h5"), "x/y"), DSM_NOT_FOUND, "it holds: /x");
  assert_fails(open_x(good_file("a.h5"), "/"), DSM_NOT_FOUND, "it holds: /x");
  assert_fails(open_x(good_file("a.h5"), ""), DSM_NOT_FOUND, "it holds: /x");
  hid_t file = H5Fcreate(fixture_path("bare.h5"), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  H5Fclose(file);
  assert_fails(open_x(fixture_path("bare.h5"), "x"), DSM_NOT_FOUND, "(none)");
}

static void the_datasets_of_a_file_are_listed(void **state) {
  (void)state;
  char text[200], small[4];
  hid_t file = H5Fopen(good_file("list.h5"), H5F_ACC_RDWR, H5P_DEFAULT), space = H5Screate(H5S_SCALAR);
  H5Gclose(H5Gcreate2(file, "g", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
  H5Dclose(H5Dcreate2(file, "g/inner", H5T_IEEE_F32LE, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
  H5Lcreate_hard(file, "/", file, "g/up", H5P_DEFAULT, H5P_DEFAULT);
  H5Lcreate_external("target.h5", "/x", file, "external", H5P_DEFAULT, H5P_DEFAULT);
  H5Sclose(space);
  H5Fclose(file);
  assert_ok(dsm_file_datasets(fixture_path("list.h5"), text, sizeof text));
  assert_string_equal(text, "/g/inner\n/x");
  assert_ok(dsm_file_datasets(fixture_path("list.h5"), small, sizeof small));
  assert_string_equal(small, "");
  assert_fails(dsm_file_datasets(fixture_path("none.h5"), text, sizeof text), DSM_NOT_FOUND, "none.h5");
  assert_fails(dsm_file_datasets(fixture_bytes("t", "text", 4), text, sizeof text), DSM_BAD_DATA,
               "not an HDF5");
}

static void a_long_list_of_datasets_is_cut(void **state) {
  (void)state;
  hid_t file = H5Fcreate(fixture_path("many.h5"), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  hid_t space = H5Screate(H5S_SCALAR);
  for (int i = 0; i < 300; i++) {
    char name[16];
    snprintf(name, sizeof name, "set%d", i);
    H5Dclose(H5Dcreate2(file, name, H5T_IEEE_F32LE, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
  }
  H5Sclose(space);
  H5Fclose(file);
  assert_fails(open_x(fixture_path("many.h5"), "x"), DSM_NOT_FOUND, " ...");
}

static void what_is_not_a_file_is_refused_without_waiting(void **state) {
  (void)state;
  assert_fails(open_x("/tmp", "x"), DSM_BAD_DATA, "a directory");
  assert_fails(open_x("/dev/zero", "x"), DSM_BAD_DATA, "a device");
  assert_int_equal(mkfifo(fixture_path("pipe"), 0600), 0);
  assert_fails(open_x(fixture_path("pipe"), "x"), DSM_BAD_DATA, "a pipe");
}

static void what_is_not_hdf5_is_told_apart(void **state) {
  (void)state;
  assert_fails(open_x(fixture_bytes("e", "", 0), "x"), DSM_BAD_DATA, "is empty");
  assert_fails(open_x(fixture_bytes("t", "hello, world", 12), "x"), DSM_BAD_DATA, "not an HDF5 file");
  assert_fails(open_x(fixture_bytes("z", "\x1f\x8b\x08\x00 etc.", 10), "x"), DSM_BAD_DATA, "gunzip");
  assert_fails(open_x(fixture_bytes("n", "CDF\x01 etc.", 10), "x"), DSM_BAD_DATA, "netCDF-3");
  assert_fails(open_x(fixture_bytes("p", "\x93NUMPY\x01\x00", 8), "x"), DSM_BAD_DATA, "NumPy");
}

static void a_cut_file_is_refused_wherever_it_is_cut(void **state) {
  (void)state;
  const char *path = good_file("cut.h5");
  struct stat s;
  assert_int_equal(stat(path, &s), 0);
  for (off_t size = s.st_size - 1; size > 8; size = size * 3 / 4) {
    assert_int_equal(truncate(path, size), 0);
    dsm_status status = open_x(path, "x");
    fixture_message(status, DSM_BAD_DATA, "cut.h5", __FILE__, __LINE__);
  }
}

static void links_are_not_followed(void **state) {
  (void)state;
  good_file("target.h5");
  hid_t file = H5Fopen(good_file("links.h5"), H5F_ACC_RDWR, H5P_DEFAULT);
  H5Lcreate_soft("/x", file, "soft", H5P_DEFAULT, H5P_DEFAULT);
  H5Lcreate_soft("/loop", file, "loop", H5P_DEFAULT, H5P_DEFAULT);
  H5Lcreate_external("target.h5", "/x", file, "external", H5P_DEFAULT, H5P_DEFAULT);
  H5Lcreate_external("target.h5", "/", file, "other", H5P_DEFAULT, H5P_DEFAULT);
  H5Lcreate_hard(file, "/x", file, "hard", H5P_DEFAULT, H5P_DEFAULT);
  H5Lcreate_hard(file, "/", file, "me", H5P_DEFAULT, H5P_DEFAULT);
  H5Fclose(file);
  const char *path = fixture_path("links.h5");
  assert_ok(open_x(path, "hard"));
  assert_ok(open_x(path, "me/me/me/x"));
  assert_fails(open_x(path, "soft"), DSM_BAD_DATA, "a soft link");
  assert_fails(open_x(path, "loop"), DSM_BAD_DATA, "a soft link");
  assert_fails(open_x(path, "external"), DSM_BAD_DATA, "an external link");
  assert_fails(open_x(path, "other/x"), DSM_BAD_DATA, "'other'");
  assert_fails(open_x(path, "me/other/x"), DSM_BAD_DATA, "'me/other'");
  assert_fails(open_x(path, "none"), DSM_NOT_FOUND, "it holds: /"); /* listing ends in spite of the loops */
}

static void values_in_other_files_are_refused(void **state) {
  (void)state;
  hid_t p = H5Pcreate(H5P_DATASET_CREATE);
  H5Pset_external(p, "/etc/passwd", 0, 60);
  assert_fails(open_x(unwritten("ext.h5", H5T_IEEE_F32LE, p, 2, five_three), "x"), DSM_BAD_DATA,
               "external storage");
  H5Pclose(p);
  p = H5Pcreate(H5P_DATASET_CREATE);
  hid_t space = H5Screate_simple(2, five_three, NULL);
  H5Pset_virtual(p, space, "target.h5", "/x", space);
  assert_fails(open_x(unwritten("vds.h5", H5T_IEEE_F32LE, p, 2, five_three), "x"), DSM_BAD_DATA, "virtual");
  H5Sclose(space);
  H5Pclose(p);
}

static void types_that_are_not_numbers_are_named(void **state) {
  (void)state;
  hid_t compound = H5Tcreate(H5T_COMPOUND, 8), text = H5Tcopy(H5T_C_S1), names = H5Tenum_create(H5T_STD_I8LE);
  int8_t zero = 0, one = 1;
  hsize_t three = 3;
  H5Tinsert(compound, "a", 0, H5T_IEEE_F32LE);
  H5Tinsert(compound, "b", 4, H5T_IEEE_F32LE);
  H5Tset_size(text, H5T_VARIABLE);
  H5Tenum_insert(names, "cat", &zero);
  H5Tenum_insert(names, "dog", &one);
  const struct {
    hid_t type;
    const char *name;
  } cases[] = {{compound, "compound"},
               {text, "string"},
               {H5T_C_S1, "string"},
               {names, "enumeration"},
               {H5T_STD_B8LE, "bit field"},
               {H5Tarray_create2(H5T_IEEE_F32LE, 1, &three), "array"},
               {H5Tvlen_create(H5T_IEEE_F32LE), "variable-length"}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
    assert_fails(open_x(unwritten("t.h5", cases[i].type, H5P_DEFAULT, 2, five_three), "x"), DSM_BAD_DATA,
                 cases[i].name);
}

static void shapes_that_are_no_samples_are_refused(void **state) {
  (void)state;
  const hsize_t empty[2] = {0, 3}, six[6] = {2, 2, 2, 2, 2, 2};
  assert_fails(open_x(unwritten("s.h5", H5T_IEEE_F32LE, H5P_DEFAULT, 0, NULL), "x"), DSM_BAD_DATA,
               "single value");
  assert_fails(open_x(unwritten("s.h5", H5T_IEEE_F32LE, H5P_DEFAULT, 0, empty), "x"), DSM_BAD_DATA,
               "without values");
  assert_fails(open_x(unwritten("s.h5", H5T_IEEE_F32LE, H5P_DEFAULT, 2, empty), "x"), DSM_BAD_DATA, "0 x 3");
  assert_fails(open_x(unwritten("s.h5", H5T_IEEE_F32LE, H5P_DEFAULT, 6, six), "x"), DSM_BAD_DATA, "6 axes");
}

static void axes_that_do_not_fit_are_refused(void **state) {
  (void)state;
  static const struct {
    const char *axes;
    dsm_status status;
    const char *part;
  } cases[] = {{"N", DSM_BAD_DATA, "has 2"},         {"N C H W", DSM_BAD_DATA, "50 x 3"},
               {"X C", DSM_BAD_CONFIG, "N, is not"}, {"N N", DSM_BAD_CONFIG, "once"},
               {"N 3", DSM_BAD_CONFIG, "letters"},   {"N C H W Z Y X T", DSM_BAD_DATA, "8 axes"}};
  const char *path = good_file("a.h5");
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    dsm_dataset *d;
    assert_fails(dsm_dataset_open(path, "x", cases[i].axes, "", &d), cases[i].status, cases[i].part);
    assert_null(d);
  }
}

static void sizes_that_nothing_backs_are_refused(void **state) {
  (void)state;
  const hsize_t huge[2] = {1 << 18, 1 << 16}, chunk[2] = {1 << 10, 1 << 10};
  assert_fails(open_x(unwritten("u.h5", H5T_IEEE_F32LE, H5P_DEFAULT, 2, huge), "x"), DSM_BAD_DATA, "68.7 GB");
  hid_t p = H5Pcreate(H5P_DATASET_CREATE);
  H5Pset_chunk(p, 2, chunk);
  H5Pset_deflate(p, 1);
  assert_fails(open_x(unwritten("u.h5", H5T_IEEE_F32LE, p, 2, huge), "x"), DSM_BAD_DATA, "only 0 are stored");
  H5Pclose(p);
  /* one chunk of four written */
  const hsize_t dims[2] = {4, 2}, small[2] = {1, 2};
  p = H5Pcreate(H5P_DATASET_CREATE);
  H5Pset_chunk(p, 2, small);
  unwritten("part.h5", H5T_IEEE_F32LE, p, 2, dims);
  H5Pclose(p);
  hid_t file = H5Fopen(fixture_path("part.h5"), H5F_ACC_RDWR, H5P_DEFAULT),
        x = H5Dopen2(file, "x", H5P_DEFAULT);
  float v[2] = {1, 2};
  H5Dwrite_chunk(x, H5P_DEFAULT, 0, (hsize_t[]){2, 0}, sizeof v, v);
  H5Dclose(x);
  H5Fclose(file);
  assert_fails(open_x(fixture_path("part.h5"), "x"), DSM_BAD_DATA, "4 chunks, but only 1");
}

/* A file of some kB that asks for gigabytes of memory. */
static void chunks_that_ask_for_too_much_memory_are_refused(void **state) {
  (void)state;
  const hsize_t dims[2] = {100, 2}, unlimited[2] = {H5S_UNLIMITED, 2}, chunk[2] = {100 << 20, 2},
                usual[2] = {1 << 20, 2}, packed[2] = {(hsize_t)3 << 27, 1};
  float v[2] = {0};
  hid_t p = H5Pcreate(H5P_DATASET_CREATE), space = H5Screate_simple(2, dims, unlimited);
  hid_t file = H5Fcreate(fixture_path("wide.h5"), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  const struct {
    const char *name;
    const hsize_t *chunk;
  } sets[] = {{"x", chunk}, {"small", usual}};
  for (size_t i = 0; i < 2; i++) {
    H5Pset_chunk(p, 2, sets[i].chunk);
    H5Pset_deflate(p, 1);
    hid_t x = H5Dcreate2(file, sets[i].name, H5T_IEEE_F32LE, space, H5P_DEFAULT, p, H5P_DEFAULT);
    H5Dwrite_chunk(x, H5P_DEFAULT, 0, (hsize_t[]){0, 0}, sizeof v, v);
    H5Dclose(x);
  }
  H5Sclose(space);
  /* its size is declared, and one chunk, as far as anybody can see, is stored */
  space = H5Screate_simple(2, packed, NULL);
  H5Pset_chunk(p, 2, packed);
  hid_t y = H5Dcreate2(file, "y", H5T_IEEE_F32LE, space, H5P_DEFAULT, p, H5P_DEFAULT);
  H5Dwrite_chunk(y, H5P_DEFAULT, 0, (hsize_t[]){0, 0}, sizeof v, v);
  H5Dclose(y);
  H5Sclose(space);
  H5Fclose(file);
  H5Pclose(p);
  assert_fails(open_x(fixture_path("wide.h5"), "x"), DSM_BAD_DATA,
               "chunks of 838.9 MB, more than all its values (800 B)");
  assert_ok(open_x(fixture_path("wide.h5"), "small"));
  assert_fails(open_x(fixture_path("wide.h5"), "y"), DSM_BAD_DATA, "packed in chunks of 1.6 GB");
}

static size_t copy_through(unsigned flags, size_t n, const unsigned v[], size_t bytes, size_t *size,
                           void **data) {
  (void)flags, (void)n, (void)v, (void)size, (void)data;
  return bytes;
}

/* The file is written with a filter of this process, which then goes away. */
static const char *filtered_file(int id, const char *name) {
  const H5Z_class2_t filter = {H5Z_CLASS_T_VERS, id, 1, 1, name, NULL, NULL, copy_through};
  hsize_t n = 4;
  const char *path = fixture_path("filter.h5");
  H5Zregister(&filter);
  hid_t p = H5Pcreate(H5P_DATASET_CREATE), space = H5Screate_simple(1, &n, NULL);
  H5Pset_chunk(p, 1, &n);
  H5Pset_filter(p, id, 0, 0, NULL);
  hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  hid_t x = H5Dcreate2(file, "x", H5T_IEEE_F32LE, space, H5P_DEFAULT, p, H5P_DEFAULT);
  assert_true(H5Dwrite(x, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, (double[]){1, 2, 3, 4}) >= 0);
  H5Dclose(x);
  H5Fclose(file);
  H5Sclose(space);
  H5Pclose(p);
  H5Zunregister(id);
  return path;
}

static void missing_filters_name_their_package(void **state) {
  (void)state;
  if (H5Zfilter_avail(32000) <= 0)
    assert_fails(open_x(filtered_file(32000, "lzf"), "x"), DSM_BAD_DATA, "apt-get install hdf5-plugin-lzf");
  if (H5Zfilter_avail(32004) <= 0)
    assert_fails(open_x(filtered_file(32004, "lz4"), "x"), DSM_BAD_DATA,
                 "apt-get install hdf5-filter-plugin");
  assert_fails(open_x(filtered_file(31999, "evil"), "x"), DSM_BAD_DATA, "filter 31999 ('evil')");
}

static void damaged_chunks_are_reported_with_their_rows(void **state) {
  (void)state;
  file_spec spec = {.type = H5T_STD_U8LE, .rank = 2, .dims = {100, 8}, .chunk = {10, 8}, .fletcher32 = true};
  const char *path = fixture_file("damaged.h5", &spec, NULL);
  hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT), x = H5Dopen2(file, "x", H5P_DEFAULT);
  hsize_t size;
  haddr_t at;
  unsigned mask;
  H5Dget_chunk_info_by_coord(x, (hsize_t[]){30, 0}, &mask, &at, &size);
  H5Dclose(x);
  H5Fclose(file);
  FILE *f = fopen(path, "r+b");
  fseek(f, (long)at + 5, SEEK_SET);
  fputc(255, f);
  fclose(f);
  dsm_dataset *d;
  float v[8];
  assert_ok(dsm_dataset_open(path, "x", "", "", &d));
  assert_ok(dsm_dataset_read(d, (uint64_t[]){29}, 1, v));
  for (int i = 0; i < 2; i++) /* nor is the damaged slab taken from the cache afterwards */
    assert_fails(dsm_dataset_read(d, (uint64_t[]){31}, 1, v), DSM_BAD_DATA, "rows 30 to 39");
  assert_ok(dsm_dataset_read(d, (uint64_t[]){40}, 1, v));
  assert_fails(dsm_dataset_read(d, (uint64_t[]){100}, 1, v), DSM_INTERNAL, "row 100");
  dsm_dataset_close(&d);
}

static void a_file_cut_while_open_is_an_error(void **state) {
  (void)state;
  const char *path = good_file("shrinks.h5");
  dsm_dataset *d;
  float v[3];
  assert_ok(dsm_dataset_open(path, "x", "", "", &d));
  assert_int_equal(truncate(path, 2100), 0);
  assert_fails(dsm_dataset_read(d, (uint64_t[]){49}, 1, v), DSM_IO, "shrinks.h5");
  dsm_dataset_close(&d);
}

static void damaged_superblocks_never_crash(void **state) {
  (void)state;
  file_spec spec = {.type = H5T_STD_U8LE, .rank = 2, .dims = {40, 6}, .labels = "NC"};
  const char *path = fixture_file("flip.h5", &spec, NULL);
  FILE *f = fopen(path, "rb");
  static unsigned char bytes[1 << 14];
  size_t size = fread(bytes, 1, sizeof bytes, f);
  fclose(f);
  /* Bytes of the superblock's fixed part and signature; the rest of the old format is known to crash
   * HDF5 1.10 itself. */
  for (size_t at = 0; at < 24; at++) {
    bytes[at] ^= 0x55;
    open_x(fixture_bytes("flipped.h5", bytes, size), "x");
    bytes[at] ^= 0x55;
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(missing_things_are_named),
      cmocka_unit_test(the_datasets_of_a_file_are_listed),
      cmocka_unit_test(a_long_list_of_datasets_is_cut),
      cmocka_unit_test(what_is_not_a_file_is_refused_without_waiting),
      cmocka_unit_test(what_is_not_hdf5_is_told_apart),
      cmocka_unit_test(a_cut_file_is_refused_wherever_it_is_cut),
      cmocka_unit_test(links_are_not_followed),
      cmocka_unit_test(values_in_other_files_are_refused),
      cmocka_unit_test(types_that_are_not_numbers_are_named),
      cmocka_unit_test(shapes_that_are_no_samples_are_refused),
      cmocka_unit_test(axes_that_do_not_fit_are_refused),
      cmocka_unit_test(sizes_that_nothing_backs_are_refused),
      cmocka_unit_test(chunks_that_ask_for_too_much_memory_are_refused),
      cmocka_unit_test(missing_filters_name_their_package),
      cmocka_unit_test(damaged_chunks_are_reported_with_their_rows),
      cmocka_unit_test(a_file_cut_while_open_is_an_error),
      cmocka_unit_test(damaged_superblocks_never_crash),
  };
  return cmocka_run_group_tests(tests, fixture_begin, fixture_end);
}
