#include "io_test.h"

#include <dirent.h>
#include <ftw.h>
#include <math.h>
#include <unistd.h>

char test_folder[256];

int make_test_folder(void **state) {
  (void)state;
  const char *base = getenv("TMPDIR");
  snprintf(test_folder, sizeof test_folder, "%s/dsmpi-io-XXXXXX", base ? base : "/tmp");
  return mkdtemp(test_folder) == NULL;
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *walk) {
  (void)info, (void)type, (void)walk;
  return remove(path);
}

int remove_test_folder(void **state) {
  (void)state;
  return nftw(test_folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

const char *in_folder(const char *name) {
  static char paths[8][512];
  static int next;
  char *path = paths[next++ % 8];
  snprintf(path, sizeof paths[0], "%s/%s", test_folder, name);
  return path;
}

size_t count_names(const char *part) {
  size_t count = 0;
  DIR *stream = opendir(test_folder);
  for (const struct dirent *entry; (entry = readdir(stream));) count += strstr(entry->d_name, part) != NULL;
  closedir(stream);
  return count;
}

unsigned char *read_bytes(const char *path, size_t *size) {
  FILE *file = fopen(path, "rb");
  assert_non_null(file);
  fseek(file, 0, SEEK_END);
  *size = (size_t)ftell(file);
  rewind(file);
  unsigned char *bytes = malloc(*size + 1);
  assert_int_equal(fread(bytes, 1, *size, file), *size);
  fclose(file);
  return bytes;
}

void write_bytes(const char *path, const void *bytes, size_t size) {
  FILE *file = fopen(path, "wb");
  assert_non_null(file);
  assert_int_equal(fwrite(bytes, 1, size, file), size);
  assert_int_equal(fclose(file), 0);
}

bool same_bytes(const char *path_a, const char *path_b) {
  size_t size_a, size_b;
  unsigned char *a = read_bytes(path_a, &size_a), *b = read_bytes(path_b, &size_b);
  bool same = size_a == size_b && memcmp(a, b, size_a) == 0;
  free(a);
  free(b);
  return same;
}

void assert_ok(dsm_status status) {
  if (status != DSM_OK) print_error("%s\n", dsm_trail());
  assert_int_equal(status, DSM_OK);
}

void assert_fails(dsm_status status, dsm_status expected, const char *part) {
  if (status != expected || !strstr(dsm_trail_message(), part))
    print_error("wanted \"%s\", got: %s\n", part, dsm_trail());
  assert_int_equal(status, expected);
  assert_non_null(strstr(dsm_trail_message(), part));
}

/* ---- a small model ------------------------------------------------------------------------------------- */

static void add(dsm_parameters *table, const char *name, dsm_shape shape) {
  assert_ok(dsm_parameters_add(table, name, shape, true, DSM_INIT_FAN_AVG, 1, NULL));
}

void small_model_create(small_model *model, size_t width) {
  dsm_parameters *table;
  *model = (small_model){.rates = {0.999, 0.9999}};
  assert_ok(dsm_parameters_create(&table));
  add(table, "down.0.conv1.weight", DSM_SHAPE(width, 3, 3, 2));
  add(table, "down.0.conv1.bias", DSM_SHAPE(width));
  add(table, "time.linear.weight", DSM_SHAPE(5, width));
  add(table, "norm.weight", DSM_SHAPE(width));
  dsm_checkpoint_arrays *a = &model->arrays;
  a->table = table;
  a->averages = 2;
  a->rates = model->rates;
  a->times_count = 6;
  small_model_empty_arrays(model, a);
  for (size_t i = 0; i < a->times_count; i++) a->times[i] = 1.0 / (double)(i + 3);
  const size_t count = dsm_parameters_count(table);
  for (size_t i = 0; i < count; i++) {
    a->w[i] = 1.0f / (float)(i + 3);
    a->m[i] = -1e-20f * (float)i;
    a->v[i] = 1e-41f * (float)(i + 1); /* subnormal */
    a->average[0][i] = 1.0 / ((double)i + 7);
    a->average[1][i] = -sqrt((double)i + 2);
  }
  a->w[0] = -0.0f, a->w[1] = INFINITY, a->w[2] = NAN; /* bits are kept, whatever they mean */

  dsm_checkpoint *h = &model->header;
  h->step = 123456789012;
  h->seed = UINT64_MAX - 1;
  h->loss_sum = 0.1 + 0.2;
  h->loss_steps = 17;
  h->noise_square = -1.0 / 3;
  h->noise_trace = 1e-300;
  h->config = strdup("train:\n  batch: 128\n  note: \"Grüße\"\n");
  h->sample = DSM_SHAPE(28, 24, 2);
  snprintf(h->program, sizeof h->program, "dsmpi 0.1.0");
  snprintf(h->kernels, sizeof h->kernels, "fast, avx512");
  snprintf(h->blas, sizeof h->blas, "OpenBLAS 0.3.21 SkylakeX");
  snprintf(h->time_label, sizeof h->time_label, "999 t");
  assert_ok(dsm_normalization_create(2, &h->normalization));
  h->normalization.kind = 2;
  h->normalization.shift[0] = 0.1, h->normalization.shift[1] = -3;
  h->normalization.scale[0] = 1e-3, h->normalization.scale[1] = 255;
  h->normalization.min[0] = -1, h->normalization.max[0] = 1; /* channel 1 keeps -inf and inf */
}

void small_model_destroy(small_model *model) {
  dsm_parameters *table = (dsm_parameters *)model->arrays.table;
  small_model_free_arrays(&model->arrays);
  dsm_parameters_destroy(&table);
  dsm_checkpoint_destroy(&model->header);
}

void small_model_empty_arrays(const small_model *model, dsm_checkpoint_arrays *arrays) {
  const size_t count = dsm_parameters_count(model->arrays.table);
  *arrays = (dsm_checkpoint_arrays){.table = model->arrays.table,
                                    .averages = model->arrays.averages,
                                    .rates = model->rates,
                                    .times_count = model->arrays.times_count};
  if (arrays->times_count > 0) arrays->times = calloc(arrays->times_count, sizeof(double));
  arrays->w = calloc(count, sizeof(float));
  arrays->m = calloc(count, sizeof(float));
  arrays->v = calloc(count, sizeof(float));
  for (size_t i = 0; i < arrays->averages; i++) arrays->average[i] = calloc(count, sizeof(double));
}

void small_model_free_arrays(dsm_checkpoint_arrays *arrays) {
  free(arrays->w);
  free(arrays->m);
  free(arrays->v);
  for (size_t i = 0; i < arrays->averages; i++) free(arrays->average[i]);
  free(arrays->times);
}

bool small_model_same_arrays(const dsm_checkpoint_arrays *a, const dsm_checkpoint_arrays *b) {
  const size_t count = dsm_parameters_count(a->table);
  bool same = memcmp(a->w, b->w, count * sizeof(float)) == 0 &&
              memcmp(a->m, b->m, count * sizeof(float)) == 0 &&
              memcmp(a->v, b->v, count * sizeof(float)) == 0;
  if (a->times) same = same && memcmp(a->times, b->times, a->times_count * sizeof(double)) == 0;
  for (size_t i = 0; same && i < a->averages; i++)
    same = memcmp(a->average[i], b->average[i], count * sizeof(double)) == 0;
  return same;
}

bool small_model_same_header(const dsm_checkpoint *a, const dsm_checkpoint *b) {
  const dsm_normalization *n = &a->normalization, *m = &b->normalization;
  const size_t bytes = n->channels * sizeof(double);
  return a->step == b->step && a->seed == b->seed && a->loss_sum == b->loss_sum &&
         a->noise_square == b->noise_square && a->noise_trace == b->noise_trace &&
         a->loss_steps == b->loss_steps && strcmp(a->config, b->config) == 0 &&
         dsm_shape_equal(a->sample, b->sample) && strcmp(a->program, b->program) == 0 &&
         strcmp(a->kernels, b->kernels) == 0 && strcmp(a->blas, b->blas) == 0 &&
         strcmp(a->time_label, b->time_label) == 0 && n->kind == m->kind && n->channels == m->channels &&
         memcmp(n->shift, m->shift, bytes) == 0 && memcmp(n->scale, m->scale, bytes) == 0 &&
         memcmp(n->min, m->min, bytes) == 0 && memcmp(n->max, m->max, bytes) == 0;
}
