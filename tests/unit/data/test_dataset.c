/* What is read is what the file holds, as float32 and channels last, whatever its type, axes and storage. */
#include <math.h>
#include <stdlib.h>

#include "fixture.h"

/* Reads all rows backwards, in uneven pieces, and compares. */
static void check_all_rows(dsm_dataset *d, const float *expected) {
  const dsm_dataset_info *info = dsm_dataset_info_of(d);
  size_t sample = 1, n = info->rows;
  for (int a = 0; a < info->sample.rank; a++) sample *= info->sample.n[a];
  uint64_t *row = malloc(n * sizeof *row);
  float *x = malloc(n * sample * sizeof *x);
  for (size_t i = 0; i < n; i++) row[i] = n - 1 - i;
  for (size_t i = 0, step = 1; i < n; i += step, step = step % 7 + 1) {
    if (step > n - i) step = n - i;
    assert_ok(dsm_dataset_read(d, row + i, step, x + i * sample));
  }
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < sample; j++)
      if (x[i * sample + j] != expected[(info->first + row[i]) * sample + j])
        fail_msg("%s, %s, axes %s: row %zu value %zu is %g, not %g", info->type, info->layout, info->axes,
                 (size_t)row[i], j, x[i * sample + j], expected[(info->first + row[i]) * sample + j]);
  free(row);
  free(x);
}

static void check_file(const file_spec *spec, const char *axes, const char *letters) {
  dsm_dataset *d;
  float *expected = fixture_expected(spec, letters, NULL);
  assert_ok(dsm_dataset_open(fixture_file("a.h5", spec, NULL), "x", axes, "", &d));
  check_all_rows(d, expected);
  dsm_dataset_close(&d);
  assert_null(d);
  free(expected);
}

static hid_t half(H5T_order_t order) {
  hid_t type = H5Tcopy(order == H5T_ORDER_LE ? H5T_IEEE_F32LE : H5T_IEEE_F32BE);
  H5Tset_fields(type, 15, 10, 5, 0, 10);
  H5Tset_size(type, 2);
  H5Tset_ebias(type, 15);
  return type;
}

static hid_t bfloat16(void) {
  hid_t type = H5Tcopy(H5T_IEEE_F32LE);
  H5Tset_fields(type, 15, 7, 8, 0, 7);
  H5Tset_size(type, 2);
  H5Tset_ebias(type, 127);
  return type;
}

static hid_t integer_of_3_bytes(void) {
  hid_t type = H5Tcopy(H5T_STD_I32LE);
  H5Tset_precision(type, 24);
  H5Tset_size(type, 3);
  return type;
}

static void every_type_is_read_in_every_layout(void **state) {
  (void)state;
  const struct {
    hid_t type;
    const char *name;
  } types[] = {{H5T_STD_U8LE, "uint8"},
               {H5T_STD_I8LE, "int8"},
               {H5T_STD_U16LE, "uint16"},
               {H5T_STD_I16LE, "int16"},
               {H5T_STD_U32LE, "uint32"},
               {H5T_STD_I32LE, "int32"},
               {H5T_STD_U64LE, "uint64"},
               {H5T_STD_I64LE, "int64"},
               {H5T_IEEE_F32LE, "float32"},
               {H5T_IEEE_F64LE, "float64"},
               {half(H5T_ORDER_LE), "float16"},
               {H5T_STD_U16BE, "uint16 (big-endian)"},
               {H5T_STD_I16BE, "int16 (big-endian)"},
               {H5T_STD_I32BE, "int32 (big-endian)"},
               {H5T_STD_I64BE, "int64 (big-endian)"},
               {H5T_IEEE_F32BE, "float32 (big-endian)"},
               {H5T_IEEE_F64BE, "float64 (big-endian)"},
               {half(H5T_ORDER_BE), "float16 (big-endian)"},
               {bfloat16(), "float16"},
               {integer_of_3_bytes(), "int24"}};
  for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
    file_spec spec = {.type = types[i].type, .rank = 3, .dims = {11, 3, 5}};
    dsm_dataset *d;
    check_file(&spec, "N C X", "NCX");
    assert_ok(dsm_dataset_open(fixture_path("a.h5"), "x", "", "", &d));
    assert_string_equal(dsm_dataset_info_of(d)->type, types[i].name);
    dsm_dataset_close(&d);
    check_file(&spec, "C N X", "CNX");
    memcpy(spec.chunk, (uint64_t[]){4, 2, 5}, 3 * sizeof spec.chunk[0]);
    check_file(&spec, "N C X", "NCX");
    spec.shuffle = true;
    spec.gzip = 4;
    spec.fletcher32 = true;
    check_file(&spec, "X C N", "XCN");
  }
}

static void negative_and_fractional_values_survive(void **state) {
  (void)state;
  double values[6] = {-120, -1, 0, 0.5, -0.25, 65504}, small = 0x1p-24;
  const hid_t types[] = {half(H5T_ORDER_LE), H5T_IEEE_F32BE, H5T_IEEE_F64LE};
  for (int t = 0; t < 3; t++) {
    file_spec spec = {.type = types[t], .rank = 1, .dims = {6}};
    dsm_dataset *d;
    float x[6];
    values[1] = small; /* the smallest subnormal of float16 */
    assert_ok(dsm_dataset_open(fixture_file("a.h5", &spec, values), "x", "", "", &d));
    assert_ok(dsm_dataset_read(d, (uint64_t[]){0, 1, 2, 3, 4, 5}, 6, x));
    for (int i = 0; i < 6; i++) assert_true(x[i] == (float)values[i]);
    dsm_dataset_close(&d);
  }
  file_spec spec = {.type = H5T_STD_I8LE, .rank = 1, .dims = {2}};
  dsm_dataset *d;
  float x[2];
  assert_ok(dsm_dataset_open(fixture_file("a.h5", &spec, (double[]){-128, 127}), "x", "", "", &d));
  assert_ok(dsm_dataset_read(d, (uint64_t[]){1, 0}, 2, x));
  assert_true(x[0] == 127 && x[1] == -128);
  dsm_dataset_close(&d);
}

static void infinities_and_nans_of_half_precision_stay_such(void **state) {
  (void)state;
  file_spec spec = {.type = half(H5T_ORDER_LE), .rank = 1, .dims = {3}};
  dsm_dataset *d;
  float x[3];
  assert_ok(
      dsm_dataset_open(fixture_file("a.h5", &spec, (double[]){INFINITY, -INFINITY, NAN}), "x", "", "", &d));
  assert_ok(dsm_dataset_read(d, (uint64_t[]){0, 1, 2}, 3, x));
  assert_true(x[0] == INFINITY && x[1] == -INFINITY && isnan(x[2]));
  dsm_dataset_close(&d);
}

static void bools_of_h5py_are_zero_and_one(void **state) {
  (void)state;
  int8_t no = 0, yes = 1, values[4] = {1, 0, 0, 1};
  hsize_t n = 4;
  hid_t type = H5Tenum_create(H5T_STD_I8LE), space = H5Screate_simple(1, &n, NULL);
  H5Tenum_insert(type, "FALSE", &no);
  H5Tenum_insert(type, "TRUE", &yes);
  hid_t file = H5Fcreate(fixture_path("bool.h5"), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  hid_t dataset = H5Dcreate2(file, "x", type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  assert_true(H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0);
  H5Dclose(dataset);
  H5Fclose(file);
  H5Sclose(space);
  H5Tclose(type);
  dsm_dataset *d;
  float x[4];
  assert_ok(dsm_dataset_open(fixture_path("bool.h5"), "x", "", "", &d));
  assert_string_equal(dsm_dataset_info_of(d)->type, "bool");
  assert_ok(dsm_dataset_read(d, (uint64_t[]){0, 1, 2, 3}, 4, x));
  for (int i = 0; i < 4; i++) assert_true(x[i] == values[i]);
  dsm_dataset_close(&d);
}

/* All orders of the axes of arrays of 1 to 5 axes, contiguous and chunked. */
static void every_order_of_axes_ends_channels_last(void **state) {
  (void)state;
  static const char *const all[] = {"N", "NC", "NX", "NCX", "NHW", "NCHW", "NZYX", "NCZYX"};
  static const uint64_t sizes[] = {6, 2, 3, 4, 5};
  for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
    int rank = (int)strlen(all[i]), orders = 1;
    for (int a = 2; a <= rank; a++) orders *= a;
    for (int o = 0; o < orders; o++) {
      char letters[6] = "", rest[6], axes[16] = "";
      strcpy(rest, all[i]);
      for (int a = 0, code = o; a < rank; a++) { /* the o-th order, in factorial digits */
        int at = code % (rank - a);
        code /= rank - a;
        letters[a] = rest[at];
        memmove(rest + at, rest + at + 1, strlen(rest + at));
        axes[2 * a] = letters[a];
        if (a + 1 < rank) axes[2 * a + 1] = ' ';
      }
      file_spec spec = {.type = H5T_STD_I16LE, .rank = rank};
      for (int a = 0; a < rank; a++) spec.dims[a] = sizes[a];
      check_file(&spec, axes, letters);
      if (o % 3) continue; /* a third of them for the rest */
      for (int a = 0; a < rank; a++) spec.chunk[a] = 2;
      check_file(&spec, axes, letters);
    }
  }
}

static void axes_come_from_config_then_labels_then_rank(void **state) {
  (void)state;
  static const struct {
    uint64_t dims[5];
    int rank;
    const char *labels, *config, *axes, *from;
  } cases[] = {{{9}, 1, NULL, "", "N", "rank"},
               {{9, 4}, 2, NULL, "", "N C", "rank"},
               {{9, 4, 5}, 3, NULL, "", "N H W", "rank"},
               {{9, 3, 5, 5}, 4, NULL, "", "N C H W", "rank"},
               {{9, 5, 5, 3}, 4, NULL, "", "N H W C", "rank"},
               {{9, 3, 5, 3}, 4, NULL, "", "N C H W", "rank"},
               {{9, 5, 5, 7}, 4, NULL, "", "N C H W", "rank"},
               {{4, 2, 2, 2, 3}, 5, NULL, "", "N Z Y X C", "rank"},
               {{4, 2, 2, 2, 2}, 5, NULL, "", "N C Z Y X", "rank"},
               {{9, 4}, 2, "NX", "", "N X", "labels in the file"},
               {{9, 4}, 2, "XN", "", "X N", "labels in the file"},
               {{9, 4}, 2, "XN", "n c", "N C", "config"},
               {{9, 4}, 2, "XY", "", "N C", "rank"}, /* labels without N */
               {{9, 4}, 2, "NN", "", "N C", "rank"},
               {{9, 4, 5}, 3, NULL, "NTX", "N T X", "config"}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    file_spec spec = {.rank = cases[i].rank, .labels = cases[i].labels};
    dsm_dataset *d;
    memcpy(spec.dims, cases[i].dims, sizeof spec.dims);
    assert_ok(dsm_dataset_open(fixture_file("a.h5", &spec, NULL), "x", cases[i].config, "", &d));
    assert_string_equal(dsm_dataset_info_of(d)->axes, cases[i].axes);
    assert_string_equal(dsm_dataset_info_of(d)->axes_from, cases[i].from);
    dsm_dataset_close(&d);
  }
}

static void samples_have_the_documented_shapes(void **state) {
  (void)state;
  static const struct {
    uint64_t dims[5];
    const char *axes;
    int rank;
    size_t n[4];
  } cases[] = {{{7}, "N", 1, {1}},
               {{7, 6}, "N C", 1, {6}},
               {{7, 6}, "N X", 2, {6, 1}},
               {{7, 2, 6}, "N C X", 2, {6, 2}},
               {{7, 3, 4}, "N H W", 3, {3, 4, 1}},
               {{2, 7, 3, 4}, "C N H W", 3, {3, 4, 2}},
               {{3, 4, 5, 2, 7}, "Z Y X C N", 4, {3, 4, 5, 2}}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    file_spec spec = {.rank = (int)(strlen(cases[i].axes) + 1) / 2};
    dsm_dataset *d;
    memcpy(spec.dims, cases[i].dims, sizeof spec.dims);
    assert_ok(dsm_dataset_open(fixture_file("a.h5", &spec, NULL), "x", cases[i].axes, "", &d));
    const dsm_dataset_info *info = dsm_dataset_info_of(d);
    assert_int_equal(info->rows, 7);
    assert_int_equal(info->sample.rank, cases[i].rank);
    for (int a = 0; a < cases[i].rank; a++) assert_int_equal(info->sample.n[a], cases[i].n[a]);
    dsm_dataset_close(&d);
  }
}

static void row_ranges_are_pythons(void **state) {
  (void)state;
  static const struct {
    const char *text;
    uint64_t first, rows;
  } good[] = {{"", 0, 20},       {":", 0, 20},    {"5:", 5, 15},  {":5", 0, 5},
              {"3:9", 3, 6},     {"-4:", 16, 4},  {":-4", 0, 16}, {"-8:-2", 12, 6},
              {" 2 : 4 ", 2, 2}, {"0:20", 0, 20}, {"-20:1", 0, 1}};
  static const char *const bad[] = {
      "5", "a:b", "3:3", "9:3", "0:21", "-21:", "1:2:3", ":x", "20:", "99999999999999999999:", "1.5:3"};
  file_spec spec = {.rank = 2, .dims = {20, 3}};
  float *expected = fixture_expected(&spec, "NC", NULL);
  const char *path = fixture_file("rows.h5", &spec, NULL);
  dsm_dataset *d;
  for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
    assert_ok(dsm_dataset_open(path, "x", "", good[i].text, &d));
    assert_int_equal(dsm_dataset_info_of(d)->first, good[i].first);
    assert_int_equal(dsm_dataset_info_of(d)->rows, good[i].rows);
    assert_int_equal(dsm_dataset_info_of(d)->rows_in_file, 20);
    check_all_rows(d, expected);
    dsm_dataset_close(&d);
  }
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    assert_fails(dsm_dataset_open(path, "x", "", bad[i], &d), DSM_BAD_CONFIG, bad[i]);
    assert_null(d);
  }
  free(expected);
}

static void storage_is_described_as_users_know_it(void **state) {
  (void)state;
  dsm_dataset *d;
  file_spec spec = {.type = H5T_STD_U8LE,
                    .rank = 3,
                    .dims = {3750, 28, 28},
                    .chunk = {3750, 4, 4},
                    .shuffle = true,
                    .gzip = 1};
  assert_ok(dsm_dataset_open(fixture_file("a.h5", &spec, NULL), "x", "", "", &d));
  const dsm_dataset_info *info = dsm_dataset_info_of(d);
  assert_string_equal(info->layout, "chunks of 3750 x 4 x 4, shuffle + gzip");
  assert_string_equal(info->file_shape, "3750 x 28 x 28");
  assert_int_equal(info->chunk_rows, 3750);
  assert_int_equal(info->chunks_per_sample, 49);
  assert_int_equal(info->bytes_per_sample, 784);
  assert_true(info->read_amplification == 3750);
  dsm_dataset_close(&d);
  file_spec plain = {.rank = 3, .dims = {9, 4, 4}, .labels = "NHW"};
  assert_ok(dsm_dataset_open(fixture_file("a.h5", &plain, NULL), "/x", "", "", &d));
  assert_string_equal(dsm_dataset_info_of(d)->layout, "contiguous");
  assert_int_equal(dsm_dataset_info_of(d)->chunk_rows, 1);
  assert_true(dsm_dataset_info_of(d)->read_amplification == 1);
  dsm_dataset_close(&d);
}

static void compact_data_and_user_blocks_are_read(void **state) {
  (void)state;
  file_spec spec = {.rank = 3, .dims = {6, 2, 4}, .compact = true};
  check_file(&spec, "N C X", "NCX");
  spec.compact = false;
  spec.user_block = 1024;
  check_file(&spec, "N C X", "NCX");
  check_file(&spec, "C X N", "CXN");
}

static void nested_datasets_are_found(void **state) {
  (void)state;
  hsize_t n = 3;
  float values[3] = {1, 2, 3}, x;
  hid_t file = H5Fcreate(fixture_path("deep.h5"), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  hid_t group = H5Gcreate2(file, "g", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  hid_t space = H5Screate_simple(1, &n, NULL);
  hid_t dataset =
      H5Dcreate2(group, "inner set", H5T_IEEE_F32LE, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  H5Dwrite(dataset, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, values);
  H5Dclose(dataset);
  H5Sclose(space);
  H5Gclose(group);
  H5Fclose(file);
  static const char *const names[] = {"g/inner set", "/g/inner set", "//g//inner set"};
  for (int i = 0; i < 3; i++) {
    dsm_dataset *d;
    assert_ok(dsm_dataset_open(fixture_path("deep.h5"), names[i], "", "", &d));
    assert_ok(dsm_dataset_read(d, (uint64_t[]){1}, 1, &x));
    assert_true(x == 2);
    dsm_dataset_close(&d);
  }
}

static uint64_t slabs_for_shuffled_reads(size_t cache, uint64_t *slabs) {
  file_spec spec = {.type = H5T_STD_U8LE, .rank = 2, .dims = {1000, 64}, .chunk = {50, 16}, .gzip = 1};
  float *expected = fixture_expected(&spec, "NC", NULL), x[10 * 64];
  dsm_dataset *d;
  uint64_t row[10];
  assert_ok(dsm_dataset_open(fixture_file("cache.h5", &spec, NULL), "x", "", "", &d));
  dsm_dataset_set_cache(d, cache);
  for (uint64_t i = 0; i < 1000; i += 10) {
    for (uint64_t j = 0; j < 10; j++) row[j] = (i + j) * 617 % 1000;
    assert_ok(dsm_dataset_read(d, row, 10, x));
    for (size_t j = 0; j < 10; j++)
      for (size_t k = 0; k < 64; k++) assert_true(x[j * 64 + k] == expected[row[j] * 64 + k]);
  }
  uint64_t read = d->slabs_read;
  *slabs = (1000 + d->slab_rows - 1) / d->slab_rows;
  dsm_dataset_close(&d);
  free(expected);
  return read;
}

static void each_chunk_is_read_once_when_the_cache_holds_them_all(void **state) {
  (void)state;
  uint64_t slabs;
  assert_int_equal(slabs_for_shuffled_reads(1 << 20, &slabs), 20);
  assert_int_equal(slabs, 20);
}

static void a_small_cache_costs_reads_but_not_truth(void **state) {
  (void)state;
  uint64_t slabs;
  assert_true(slabs_for_shuffled_reads(4 * (50 * 64 + DSM__SLAB_OVERHEAD), &slabs) > 20);
  assert_int_equal(slabs, 20);
  assert_true(slabs_for_shuffled_reads(700, &slabs) > 100); /* less than a chunk: parts of chunks */
  assert_true(slabs_for_shuffled_reads(1, &slabs) > 100);   /* less than a row */
}

static void slabs_leave_in_the_order_of_their_last_use(void **state) {
  (void)state;
  dsm__slab_cache *c;
  bool filled;
  unsigned char *bytes;
  static const struct {
    uint64_t index;
    bool filled;
  } steps[] = {{7, false}, {8, false},  {9, false}, {7, true}, {10, false}, /* 8 left */
               {9, true},  {7, true},   {8, false},                         /* 10 left */
               {9, true},  {10, false}, {7, false}};
  assert_ok(dsm__slab_cache_create(100, 3 * (100 + DSM__SLAB_OVERHEAD), 1000, &c));
  assert_int_equal(dsm__slab_cache_capacity(c), 3);
  for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
    assert_ok(dsm__slab_cache_get(c, steps[i].index, &filled, &bytes));
    assert_int_equal(filled, steps[i].filled);
    if (filled) assert_int_equal(bytes[99], steps[i].index);
    bytes[99] = (unsigned char)steps[i].index;
  }
  dsm__slab_cache_forget(c);
  assert_ok(dsm__slab_cache_get(c, 7, &filled, &bytes));
  assert_false(filled);
  dsm__slab_cache_destroy(&c);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_type_is_read_in_every_layout),
      cmocka_unit_test(negative_and_fractional_values_survive),
      cmocka_unit_test(infinities_and_nans_of_half_precision_stay_such),
      cmocka_unit_test(bools_of_h5py_are_zero_and_one),
      cmocka_unit_test(every_order_of_axes_ends_channels_last),
      cmocka_unit_test(axes_come_from_config_then_labels_then_rank),
      cmocka_unit_test(samples_have_the_documented_shapes),
      cmocka_unit_test(row_ranges_are_pythons),
      cmocka_unit_test(storage_is_described_as_users_know_it),
      cmocka_unit_test(compact_data_and_user_blocks_are_read),
      cmocka_unit_test(nested_datasets_are_found),
      cmocka_unit_test(each_chunk_is_read_once_when_the_cache_holds_them_all),
      cmocka_unit_test(a_small_cache_costs_reads_but_not_truth),
      cmocka_unit_test(slabs_leave_in_the_order_of_their_last_use),
  };
  return cmocka_run_group_tests(tests, fixture_begin, fixture_end);
}
