/* network_output CHECKPOINT OUTPUT.h5: what the network of a checkpoint computes for a few made-up inputs, for comparison with
 * PyTorch (tests/data/check_checkpoint.py): /x (N, C, H, W) or (N, C), /label (N), /output like x. */
#include <hdf5.h>
#include <stdio.h>
#include <stdlib.h>
#include "trained.h"

enum { COUNT = 6, SEED = 7 };

/* (spatial..., C) of a sample to (C, spatial...). */
static void channels_first(dsm_shape sample, const float *from, float *to) {
  const size_t channels = sample.n[sample.rank - 1], pixels = dsm_shape_count(sample) / channels;
  for (size_t p = 0; p < pixels; p++)
    for (size_t c = 0; c < channels; c++) to[c * pixels + p] = from[p * channels + c];
}

static bool write_set(hid_t file, const char *name, int rank, const hsize_t *n, const float *values) {
  const hid_t space = H5Screate_simple(rank, n, NULL);
  const hid_t set = H5Dcreate2(file, name, H5T_NATIVE_FLOAT, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  const bool good = set >= 0 && H5Dwrite(set, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0;
  H5Sclose(space);
  return good && H5Dclose(set) >= 0;
}

static dsm_status write_file(const char *path, dsm_shape sample, const float *x, const float *label,
                             const float *f) {
  dsm_status status = DSM_OK;
  const size_t d = dsm_shape_count(sample);
  float *turned = NULL;
  hsize_t n[DSM_MAX_RANK] = {COUNT, sample.n[sample.rank - 1]};
  for (int i = 0; i < sample.rank - 1; i++) n[i + 2] = sample.n[i];
  const hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  DSM_TRY_DONE(DSM_ALLOC(2 * COUNT * d, &turned));
  for (size_t i = 0; i < COUNT; i++) {
    channels_first(sample, x + i * d, turned + i * d);
    channels_first(sample, f + i * d, turned + (COUNT + i) * d);
  }
  if (!write_set(file, "x", sample.rank + 1, n, turned) ||
      !write_set(file, "output", sample.rank + 1, n, turned + COUNT * d) ||
      !write_set(file, "label", 1, n, label))
    DSM_FAIL_DONE(DSM_IO, "%s cannot be written", path);
done:
  free(turned);
  H5Fclose(file);
  return status;
}

static dsm_status run(const char *checkpoint, const char *path) {
  trained t;
  dsm_graph *graph;
  DSM_TRY(trained_open(checkpoint, 0, &t));
  DSM_TRY(dsm_graph_create(&graph));
  const dsm_shape sample = t.header.sample;
  size_t n[DSM_MAX_RANK] = {COUNT};
  for (int i = 0; i < sample.rank; i++) n[i + 1] = sample.n[i];
  dsm_node *x = dsm_input(graph, "x", dsm__shape_make(sample.rank + 1, n));
  dsm_node *label = dsm_input(graph, "label", DSM_SHAPE(COUNT, 1));
  dsm_node *f = dsm_model_build(t.model, graph, x, label, NULL);
  dsm_graph_output(graph, "f", f);
  DSM_TRY(dsm_graph_plan(graph, &t.kernels));
  for (size_t i = 0; i < COUNT; i++) {
    const dsm_random_key key = {SEED, DSM_STREAM_DATA, 0, i};
    dsm_random_normal(key, 0, dsm_shape_count(sample),
                      dsm_graph_data(graph, x) + i * dsm_shape_count(sample));
    dsm_graph_data(graph, label)[i] = 999.0f * (float)i / (COUNT - 1);
  }
  dsm_graph_run(graph, &(dsm_run){.parameters = t.w});
  DSM_TRY(write_file(path, sample, dsm_graph_data(graph, x), dsm_graph_data(graph, label),
                     dsm_graph_data(graph, f)));
  dsm_graph_destroy(&graph);
  trained_close(&t);
  return DSM_OK;
}

int main(int argc, char **argv) {
  if (argc != 3) {
    fprintf(stderr, "usage: network_output CHECKPOINT OUTPUT.h5\n");
    return 64;
  }
  const dsm_status status = run(argv[1], argv[2]);
  if (status != DSM_OK) fprintf(stderr, "%s\n", dsm_trail());
  return dsm_status_exit_code(status);
}
