#include "eval_test.h"

#include <hdf5.h>
#include <stdio.h>
#include <unistd.h>

static dsm_comm *comm;
static char folder[] = "/tmp/dsmpi-eval-XXXXXX", path[2][96];

const char *path_of(const char *name) {
  static char text[128];
  snprintf(text, sizeof text, "%s/%s.h5", folder, name);
  return text;
}

int eval_begin(void **state) {
  (void)state;
  if (!mkdtemp(folder)) return -1;
  snprintf(path[SAMPLES], sizeof *path, "%s/samples.h5", folder);
  snprintf(path[REFERENCE], sizeof *path, "%s/reference.h5", folder);
  return dsm_comm_create(&comm) == DSM_OK ? 0 : -1;
}

int eval_end(void **state) {
  static const char *const names[] = {"samples",         "reference", "given",
                                      "given_reference", "probable",  "probable_reference"};
  (void)state;
  for (size_t k = 0; k < sizeof names / sizeof *names; k++) unlink(path_of(names[k]));
  rmdir(folder);
  dsm_comm_destroy(&comm);
  return 0;
}

static void write_file(const char *to, const float *x, int rank, const size_t *dims) {
  hsize_t n[H5S_MAX_RANK];
  for (int i = 0; i < rank; i++) n[i] = dims[i];
  const hid_t file = H5Fcreate(to, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT),
              space = H5Screate_simple(rank, n, NULL);
  const hid_t set =
      H5Dcreate2(file, "samples", H5T_NATIVE_FLOAT, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  assert_true(H5Dwrite(set, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, x) >= 0);
  H5Dclose(set);
  H5Sclose(space);
  assert_true(H5Fclose(file) >= 0);
}

void put(int side, const float *x, int rank, const size_t *dims) {
  write_file(path[side], x, rank, dims);
}

void put_file(const char *name, const float *x, int rank, const size_t *dims) {
  write_file(path_of(name), x, rank, dims);
}

dsm_eval_options options_of(const char *metrics) {
  dsm_eval_options o = dsm_eval_defaults();
  o.samples = (dsm_eval_input){.file = path[SAMPLES], .dataset = "samples"};
  o.reference = (dsm_eval_input){.file = path[REFERENCE], .dataset = "samples"};
  o.metrics = metrics;
  return o;
}

dsm_evaluation evaluate(const dsm_eval_options *options) {
  dsm_evaluation e;
  assert_ok(dsm_evaluate(comm, options, &e));
  return e;
}

const char *refusal(const dsm_eval_options *options, dsm_status expected) {
  static char text[2048];
  dsm_evaluation e;
  assert_int_equal(dsm_evaluate(comm, options, &e), expected);
  dsm_evaluation_destroy(&e);
  snprintf(text, sizeof text, "%s", dsm_trail_message());
  dsm_trail_clear();
  return text;
}

const dsm_eval_row *row_of(const dsm_evaluation *e, const char *metric) {
  for (size_t r = 0; r < e->rows; r++)
    if (strcmp(e->row[r].metric, metric) == 0) return &e->row[r];
  fail_msg("no line '%s'", metric);
  return NULL;
}

const double *column_of(const dsm_eval_row *row, const char *name, size_t *count) {
  for (size_t k = 0; k < row->columns; k++)
    if (strcmp(row->column[k].name, name) == 0) {
      if (count) *count = row->column[k].count;
      return row->column[k].value;
    }
  fail_msg("no column '%s'", name);
  return NULL;
}

double number_of(const dsm_eval_row *row, const char *name) {
  for (size_t k = 0; k < row->numbers; k++)
    if (strcmp(row->number[k].name, name) == 0) return row->number[k].value;
  fail_msg("no number '%s'", name);
  return 0;
}

float *normals(size_t n, size_t d, uint64_t seed) {
  float *x = malloc(n * d * sizeof *x);
  assert_non_null(x);
  dsm_random_normal_rows((dsm_random_key){seed, DSM_STREAM_DATA, 0, 0}, n, d, x);
  return x;
}
