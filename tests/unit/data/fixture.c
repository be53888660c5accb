#include "fixture.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char folder[64];

int fixture_begin(void **state) {
  (void)state;
  H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
  strcpy(folder, "/tmp/dsmpi-data-XXXXXX");
  return mkdtemp(folder) ? 0 : -1;
}

int fixture_end(void **state) {
  (void)state;
  DIR *d = opendir(folder);
  for (struct dirent *e; d && (e = readdir(d));)
    if (e->d_name[0] != '.' && unlink(fixture_path(e->d_name)) != 0) rmdir(fixture_path(e->d_name));
  if (d) closedir(d);
  return rmdir(folder);
}

const char *fixture_path(const char *name) {
  static char path[8][400];
  static int next;
  next = (next + 1) % 8;
  snprintf(path[next], sizeof path[next], "%s/%s", folder, name);
  return path[next];
}

double fixture_value(size_t i) {
  return (double)((i * 7919 + i / 113) % 121);
}

static size_t elements(const file_spec *s) {
  size_t n = 1;
  for (int a = 0; a < s->rank; a++) n *= s->dims[a];
  return n;
}

static void put_labels(hid_t dataset, const char *labels) {
  hsize_t n = strlen(labels);
  char text[8][2] = {{0}};
  const char *pointer[8];
  for (size_t a = 0; a < n; a++) {
    text[a][0] = labels[a];
    pointer[a] = text[a];
  }
  hid_t type = H5Tcopy(H5T_C_S1), space = H5Screate_simple(1, &n, NULL);
  H5Tset_size(type, H5T_VARIABLE);
  hid_t attribute = H5Acreate2(dataset, "DIMENSION_LABELS", type, space, H5P_DEFAULT, H5P_DEFAULT);
  assert_true(H5Awrite(attribute, type, pointer) >= 0);
  H5Aclose(attribute);
  H5Sclose(space);
  H5Tclose(type);
}

const char *fixture_file(const char *name, const file_spec *s, const double *values) {
  const char *path = fixture_path(name);
  size_t n = elements(s);
  double *v = malloc((n + 1) * sizeof *v);
  hsize_t dims[5], chunk[5];
  for (size_t i = 0; i < n; i++) v[i] = values ? values[i] : fixture_value(i);
  for (int a = 0; a < s->rank; a++) {
    dims[a] = s->dims[a];
    chunk[a] = s->chunk[a];
  }
  hid_t creation = H5Pcreate(H5P_FILE_CREATE), properties = H5Pcreate(H5P_DATASET_CREATE);
  if (s->user_block) H5Pset_userblock(creation, s->user_block);
  if (chunk[0]) H5Pset_chunk(properties, s->rank, chunk);
  if (s->compact) H5Pset_layout(properties, H5D_COMPACT);
  if (s->shuffle) H5Pset_shuffle(properties);
  if (s->gzip) H5Pset_deflate(properties, (unsigned)s->gzip);
  if (s->fletcher32) H5Pset_fletcher32(properties);
  hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, creation, H5P_DEFAULT),
        space = H5Screate_simple(s->rank, dims, NULL);
  hid_t dataset =
      H5Dcreate2(file, "x", s->type ? s->type : H5T_IEEE_F32LE, space, H5P_DEFAULT, properties, H5P_DEFAULT);
  assert_true(dataset >= 0);
  assert_true(n == 0 || H5Dwrite(dataset, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, v) >= 0);
  if (s->labels) put_labels(dataset, s->labels);
  H5Dclose(dataset);
  H5Sclose(space);
  H5Pclose(properties);
  H5Pclose(creation);
  assert_true(H5Fclose(file) >= 0);
  free(v);
  return path;
}

float *fixture_expected(const file_spec *s, const char *letters, const double *values) {
  size_t n = elements(s), channels = 1, rows = 1;
  float *x = malloc(n * sizeof *x);
  for (int a = 0; a < s->rank; a++) {
    if (letters[a] == 'C') channels = s->dims[a];
    if (letters[a] == 'N') rows = s->dims[a];
  }
  for (size_t i = 0; i < n; i++) {
    size_t index[5], rest = i, row = 0, c = 0, pixel = 0;
    for (int a = s->rank - 1; a >= 0; a--) {
      index[a] = rest % s->dims[a];
      rest /= s->dims[a];
    }
    for (int a = 0; a < s->rank; a++) {
      if (letters[a] == 'N')
        row = index[a];
      else if (letters[a] == 'C')
        c = index[a];
      else
        pixel = pixel * s->dims[a] + index[a];
    }
    x[row * (n / rows) + pixel * channels + c] = (float)(values ? values[i] : fixture_value(i));
  }
  return x;
}

void fixture_status(dsm_status got, dsm_status wanted, const char *file, int line) {
  if (got != wanted)
    print_error("status '%s' instead of '%s'; trail: %s\n", dsm_status_text(got), dsm_status_text(wanted),
                dsm_trail());
  _assert_int_equal(got, wanted, file, line);
}

void fixture_message(dsm_status got, dsm_status wanted, const char *part, const char *file, int line) {
  fixture_status(got, wanted, file, line);
  bool found = strstr(dsm_trail_message(), part) != NULL;
  if (!found) print_error("'%s' is not in the message: %s\n", part, dsm_trail_message());
  _assert_true(found, "message", file, line);
}

const char *fixture_bytes(const char *name, const void *bytes, size_t size) {
  const char *path = fixture_path(name);
  FILE *f = fopen(path, "wb");
  assert_non_null(f);
  assert_int_equal(fwrite(bytes, 1, size, f), size);
  fclose(f);
  return path;
}
