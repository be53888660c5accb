/* same_checkpoint A B: exit code 0 when two checkpoints hold the same training state, to the bit: every
 * dataset below the root (type, shape, bytes) and the attributes of the root that belong to the state. h5diff
 * would take -0 for 0. What tells of the job rather than of the state (time, number of threads in the
 * configuration) may differ. */
#include <hdf5.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const state_attributes[] = {"format_version", "step",         "seed",
                                               "loss_sum",       "loss_steps",   "sample_shape",
                                               "kernels",        "noise_square", "noise_trace"};

typedef struct comparison {
  hid_t other;
  const char *a, *b;
  size_t datasets, differences;
} comparison;

/* What a dataset or an attribute holds, in memory of the caller; the type as in the file. */
typedef struct content {
  hid_t type;
  int rank;
  hsize_t n[H5S_MAX_RANK];
  size_t bytes, size;
  unsigned char *data;
} content;

static content content_of(hid_t type, hid_t space) {
  content c = {.type = type};
  c.size = H5Tget_size(type);
  c.rank = H5Sget_simple_extent_dims(space, c.n, NULL);
  c.bytes = (size_t)H5Sget_simple_extent_npoints(space) * c.size;
  c.data = calloc(c.bytes + 1, 1);
  H5Sclose(space);
  return c;
}

static content read_dataset(hid_t file, const char *name) {
  const hid_t set = H5Dopen2(file, name, H5P_DEFAULT);
  if (set < 0) return (content){.type = -1};
  content c = content_of(H5Dget_type(set), H5Dget_space(set));
  if (!c.data || H5Dread(set, c.type, H5S_ALL, H5S_ALL, H5P_DEFAULT, c.data) < 0) c.bytes = 0;
  H5Dclose(set);
  return c;
}

static content read_attribute(hid_t file, const char *name) {
  const hid_t attribute = H5Aopen(file, name, H5P_DEFAULT);
  if (attribute < 0) return (content){.type = -1};
  content c = content_of(H5Aget_type(attribute), H5Aget_space(attribute));
  if (!c.data || H5Aread(attribute, c.type, c.data) < 0) c.bytes = 0;
  H5Aclose(attribute);
  return c;
}

static void release(content *c) {
  if (c->type >= 0) H5Tclose(c->type);
  free(c->data);
}

static void print_element(const content *c, size_t i) {
  const unsigned char *at = c->data + i * c->size;
  float f;
  double d;
  if (H5Tget_class(c->type) == H5T_FLOAT && c->size == sizeof f) {
    memcpy(&f, at, sizeof f);
    printf("%.9g", (double)f);
  } else if (H5Tget_class(c->type) == H5T_FLOAT && c->size == sizeof d) {
    memcpy(&d, at, sizeof d);
    printf("%.17g", d);
  } else {
    for (size_t k = 0; k < c->size && k < 16; k++) printf("%02x", at[k]);
  }
}

static void compare(comparison *all, const char *name, content *a, content *b) {
  if (a->type < 0 || b->type < 0) {
    printf("%s is missing in %s\n", name, a->type < 0 ? all->a : all->b);
    all->differences++;
  } else if (!H5Tequal(a->type, b->type) || a->rank != b->rank || a->bytes != b->bytes || a->bytes == 0 ||
             memcmp(a->n, b->n, (size_t)a->rank * sizeof *a->n) != 0) {
    printf("%s: type or shape differs, or it cannot be read\n", name);
    all->differences++;
  } else if (memcmp(a->data, b->data, a->bytes) != 0) {
    size_t first = 0, count = 0;
    for (size_t i = a->bytes / a->size; i-- > 0;) {
      if (memcmp(a->data + i * a->size, b->data + i * a->size, a->size) == 0) continue;
      first = i;
      count++;
    }
    printf("%s: %zu of %zu elements differ, the first is number %zu: expected ", name, count,
           a->bytes / a->size, first);
    print_element(a, first);
    printf(", received ");
    print_element(b, first);
    printf("\n");
    all->differences++;
  }
  release(a);
  release(b);
}

static herr_t visit(hid_t file, const char *name, const H5O_info_t *info, void *context) {
  comparison *all = context;
  if (info->type != H5O_TYPE_DATASET) return 0;
  content a = read_dataset(file, name), b = read_dataset(all->other, name);
  all->datasets++;
  compare(all, name, &a, &b);
  return 0;
}

static herr_t count_datasets(hid_t file, const char *name, const H5O_info_t *info, void *context) {
  (void)file, (void)name;
  *(size_t *)context += info->type == H5O_TYPE_DATASET;
  return 0;
}

int main(int argc, char **argv) {
  if (argc != 3) {
    fprintf(stderr, "usage: same_checkpoint A B\n");
    return 64;
  }
  const hid_t file = H5Fopen(argv[1], H5F_ACC_RDONLY, H5P_DEFAULT);
  comparison all = {.other = H5Fopen(argv[2], H5F_ACC_RDONLY, H5P_DEFAULT), .a = argv[1], .b = argv[2]};
  size_t in_other = 0;
  if (file < 0 || all.other < 0) {
    printf("%s cannot be opened\n", file < 0 ? argv[1] : argv[2]);
    return 1;
  }
  if (H5Ovisit2(file, H5_INDEX_NAME, H5_ITER_INC, visit, &all, H5O_INFO_BASIC) < 0 ||
      H5Ovisit2(all.other, H5_INDEX_NAME, H5_ITER_INC, count_datasets, &in_other, H5O_INFO_BASIC) < 0)
    all.differences++;
  if (all.datasets == 0 || all.datasets != in_other) {
    printf("%zu datasets in %s, %zu in %s\n", all.datasets, argv[1], in_other, argv[2]);
    all.differences++;
  }
  for (size_t i = 0; i < sizeof state_attributes / sizeof *state_attributes; i++) {
    content a = read_attribute(file, state_attributes[i]), b = read_attribute(all.other, state_attributes[i]);
    compare(&all, state_attributes[i], &a, &b);
  }
  H5Fclose(file);
  H5Fclose(all.other);
  return all.differences ? 1 : 0;
}
