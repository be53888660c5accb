#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>

#include "fixture.h"

/* An IDX file in memory. */
typedef struct idx_bytes {
  unsigned char bytes[8192];
  size_t size;
} idx_bytes;

static void put_header(idx_bytes *b, unsigned char type, int rank, const uint32_t *dims) {
  b->size = 0;
  b->bytes[b->size++] = 0;
  b->bytes[b->size++] = 0;
  b->bytes[b->size++] = type;
  b->bytes[b->size++] = (unsigned char)rank;
  for (int a = 0; a < rank; a++)
    for (int s = 24; s >= 0; s -= 8) b->bytes[b->size++] = (unsigned char)(dims[a] >> s);
}

static idx_bytes images_of(uint32_t n) {
  idx_bytes b;
  put_header(&b, 0x08, 3, (uint32_t[]){n, 4, 5});
  for (uint32_t i = 0; i < n * 20; i++) b.bytes[b.size++] = (unsigned char)(2 * fixture_value(i));
  return b;
}

static idx_bytes labels_of(uint32_t n) {
  idx_bytes b;
  put_header(&b, 0x08, 1, &n);
  for (uint32_t i = 0; i < n; i++) b.bytes[b.size++] = (unsigned char)(i % 10);
  return b;
}

static const char *write_idx(const char *name, const idx_bytes *b) {
  return fixture_bytes(name, b->bytes, b->size);
}

static const char *write_gzip(const char *name, const idx_bytes *b) {
  const char *path = fixture_path(name);
  gzFile f = gzopen(path, "wb");
  assert_int_equal(gzwrite(f, b->bytes, (unsigned)b->size), b->size);
  gzclose(f);
  return path;
}

static void check_imported(const char *path, uint32_t n, bool with_labels) {
  dsm_dataset *d;
  uint64_t row[50];
  float x[50 * 20], y[50];
  for (uint64_t i = 0; i < n; i++) row[i] = i;
  assert_ok(dsm_dataset_open(path, "samples", "", "", &d));
  const dsm_dataset_info *info = dsm_dataset_info_of(d);
  assert_string_equal(info->axes, "N C H W");
  assert_string_equal(info->axes_from, "labels in the file");
  assert_string_equal(info->type, "uint8");
  assert_string_equal(info->layout, "contiguous");
  assert_ok(dsm_dataset_read(d, row, n, x));
  for (size_t i = 0; i < n * 20; i++) assert_true(x[i] == (float)(2 * fixture_value(i)));
  dsm_dataset_close(&d);
  if (!with_labels) return;
  assert_ok(dsm_dataset_open(path, "labels", "", "", &d));
  assert_string_equal(dsm_dataset_info_of(d)->type, "int32");
  assert_ok(dsm_dataset_read(d, row, n, y));
  for (size_t i = 0; i < n; i++) assert_true(y[i] == (float)(i % 10));
  dsm_dataset_close(&d);
}

static void plain_and_packed_files_give_the_same(void **state) {
  (void)state;
  idx_bytes images = images_of(50), labels = labels_of(50);
  char report[200] = "", output[400];
  strcpy(output, fixture_path("out.h5"));
  assert_ok(dsm_import_idx(write_idx("i", &images), write_idx("l", &labels), output, report, sizeof report));
  check_imported(output, 50, true);
  assert_non_null(strstr(report, "50 samples of 4 x 5, uint8"));
  assert_ok(dsm_import_idx(write_gzip("i.gz", &images), write_gzip("l.gz", &labels), output, NULL, 0));
  check_imported(output, 50, true);
  assert_ok(dsm_import_idx(fixture_path("i.gz"), NULL, output, report, sizeof report));
  check_imported(output, 50, false);
}

static void wider_types_keep_their_values(void **state) {
  (void)state;
  static const struct {
    unsigned char code;
    size_t size;
    const char *name;
    unsigned char bytes[8];
    float value;
  } types[] = {{0x09, 1, "int8", {0xfe}, -2},
               {0x0B, 2, "int16", {0xff, 0x00}, -256},
               {0x0C, 4, "int32", {0x00, 0x01, 0x00, 0x02}, 65538},
               {0x0D, 4, "float32", {0xbf, 0x80, 0, 0}, -1},
               {0x0E, 8, "float64", {0x40, 0x09, 0x20, 0, 0, 0, 0, 0}, 3.140625}};
  for (size_t t = 0; t < sizeof types / sizeof types[0]; t++) {
    idx_bytes b;
    dsm_dataset *d;
    float x[6];
    put_header(&b, types[t].code, 2, (uint32_t[]){2, 3});
    for (int i = 0; i < 6; i++)
      for (size_t k = 0; k < types[t].size; k++) b.bytes[b.size++] = types[t].bytes[k];
    assert_ok(dsm_import_idx(write_idx("w", &b), NULL, fixture_path("w.h5"), NULL, 0));
    assert_ok(dsm_dataset_open(fixture_path("w.h5"), "samples", "", "", &d));
    assert_string_equal(dsm_dataset_info_of(d)->type, types[t].name);
    assert_string_equal(dsm_dataset_info_of(d)->axes, "N C");
    assert_ok(dsm_dataset_read(d, (uint64_t[]){1, 0}, 2, x));
    for (int i = 0; i < 6; i++) assert_true(x[i] == types[t].value);
    dsm_dataset_close(&d);
  }
}

/* After a failure neither the output nor a partial file is there. */
static void import_fails(const char *images, const char *labels, dsm_status status, const char *part) {
  char command[500];
  char output[400];
  strcpy(output, fixture_path("no.h5"));
  assert_fails(dsm_import_idx(images, labels, output, NULL, 0), status, part);
  assert_int_equal(access(output, F_OK), -1);
  snprintf(command, sizeof command, "ls %s* >/dev/null 2>&1", output);
  assert_int_not_equal(system(command), 0);
}

static void bad_files_leave_nothing_behind(void **state) {
  (void)state;
  idx_bytes good = images_of(50), labels = labels_of(50), few = labels_of(49), b;
  char i[400], l[400];
  strcpy(i, write_idx("i", &good));
  strcpy(l, write_idx("l", &labels));
  import_fails(fixture_path("none"), NULL, DSM_NOT_FOUND, "none");
  import_fails(i, fixture_path("none"), DSM_NOT_FOUND, "none");
  import_fails("/tmp", NULL, DSM_BAD_DATA, "not a regular file");
  import_fails(fixture_bytes("m", "hello", 5), NULL, DSM_BAD_DATA, "not an IDX file");
  import_fails(fixture_bytes("m", "", 0), NULL, DSM_BAD_DATA, "inside its header");
  import_fails(fixture_bytes("m", "\0\0\x07\x03", 4), NULL, DSM_BAD_DATA, "00 00 07 03");
  import_fails(fixture_bytes("m", "\0\0\x08\x09", 4), NULL, DSM_BAD_DATA, "9 axes");
  import_fails(fixture_bytes("m", good.bytes, 9), NULL, DSM_BAD_DATA, "inside its header");
  import_fails(i, write_idx("f", &few), DSM_BAD_DATA, "50 samples");
  import_fails(i, i, DSM_BAD_DATA, "does not hold labels");
  import_fails(fixture_bytes("m", good.bytes, good.size - 1), l, DSM_BAD_DATA, "cut off");
  b = good;
  b.size++;
  import_fails(write_idx("m", &b), NULL, DSM_BAD_DATA, "goes on behind the 1000 values");
  put_header(&b, 0x08, 3, (uint32_t[]){0, 4, 5});
  import_fails(write_idx("m", &b), NULL, DSM_BAD_DATA, "is empty");
  put_header(&b, 0x08, 3, (uint32_t[]){4000000000u, 28, 28});
  import_fails(write_idx("m", &b), NULL, DSM_BAD_DATA, "3.1 TB");
  import_fails(write_gzip("m.gz", &b), NULL, DSM_BAD_DATA, "3.1 TB");
  put_header(&b, 0x0E, 4, (uint32_t[]){4000000000u, 4000000000u, 4000000000u, 4000000000u});
  import_fails(write_idx("m", &b), NULL, DSM_BAD_DATA, "impossible size");
}

static void packed_files_are_checked_to_the_end(void **state) {
  (void)state;
  idx_bytes good = images_of(50);
  static unsigned char packed[8192];
  FILE *f = fopen(write_gzip("p.gz", &good), "rb");
  size_t size = fread(packed, 1, sizeof packed, f);
  fclose(f);
  for (size_t cut = 1; cut < size - 12; cut += 7)
    import_fails(fixture_bytes("c.gz", packed, size - cut), NULL, DSM_BAD_DATA, "c.gz");
  packed[size - 6] ^= 1; /* the checksum */
  import_fails(fixture_bytes("c.gz", packed, size), NULL, DSM_BAD_DATA, "c.gz");
}

static void outputs_that_cannot_be_written_are_named(void **state) {
  (void)state;
  idx_bytes good = images_of(5);
  const char *i = write_idx("i", &good);
  assert_fails(dsm_import_idx(i, NULL, "/nowhere/at/all.h5", NULL, 0), DSM_NOT_FOUND, "'/nowhere/at'");
  assert_fails(dsm_import_idx(i, NULL, "/tmp", NULL, 0), DSM_IO, "not a file");
  if (access("/dev/full", F_OK) == 0)
    assert_fails(dsm_import_idx(i, NULL, "/dev/full", NULL, 0), DSM_IO, "not a file");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(plain_and_packed_files_give_the_same),
      cmocka_unit_test(wider_types_keep_their_values),
      cmocka_unit_test(bad_files_leave_nothing_behind),
      cmocka_unit_test(packed_files_are_checked_to_the_end),
      cmocka_unit_test(outputs_that_cannot_be_written_are_named),
  };
  return cmocka_run_group_tests(tests, fixture_begin, fixture_end);
}
