#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dsmpi/nn.h"
#include "fixture.h"

/* The angle is a float32 product: half a unit in the last place of 999 is 3e-5; sine and cosine add a few
 * 1e-7. */
static const double TOLERANCE = 3.2e-5;

enum { LABELS = 4, WIDTH = 32 };

static void embed(const dsm_kernels *kernels, size_t count, const float *label, size_t width, float *values) {
  dsm_graph *g = NULL;
  assert_int_equal(dsm_graph_create(&g), DSM_OK);
  dsm_node *input = dsm_input(g, "label", DSM_SHAPE(count, 1));
  dsm_node *output = dsm_time_embedding(g, input, width);
  dsm_graph_output(g, "embedding", output);
  assert_int_equal(dsm_graph_plan(g, kernels), DSM_OK);
  assert_true(dsm_shape_equal(dsm_node_shape(output), DSM_SHAPE(count, width)));
  memcpy(dsm_graph_data(g, input), label, count * sizeof *label);
  dsm_graph_run(g, &(dsm_run){.seed = 0});
  memcpy(values, dsm_graph_data(g, output), count * width * sizeof *values);
  dsm_graph_destroy(&g);
}

static void trap_15_embedding_has_sines_first_and_frequencies_from_1_to_1e_4(void **state) {
  (void)state;
  dsm_kernels kernels;
  dsm_kernels_ref(&kernels, 1);
  const float label = 1;
  float e[6];
  embed(&kernels, 1, &label, 6, e); /* frequencies 1, 1e-2, 1e-4 */
  const double expected[6] = {sin(1), sin(1e-2), sin(1e-4), cos(1), cos(1e-2), cos(1e-4)};
  for (int i = 0; i < 6; i++) assert_true(fabs(e[i] - expected[i]) < 2e-7);
  float narrow[4]; /* the smallest width: frequencies 1 and 1e-4 */
  embed(&kernels, 1, &label, 4, narrow);
  assert_true(fabs(narrow[1] - sin(1e-4)) < 1e-9 && fabs(narrow[2] - cos(1)) < 2e-7);
}

static void embedding_equals_pytorch(void **state) {
  (void)state;
  dsm_kernels set[2];
  dsm_kernels_ref(&set[0], 1);
  assert_int_equal(dsm_kernels_fast(&set[1], 1, NULL), DSM_OK);
  float *label = NULL, *expected = NULL;
  fixture_read("unet_fixture.h5", "/embedding/label", LABELS, &label);
  fixture_read("unet_fixture.h5", "/embedding/values", LABELS * WIDTH, &expected);
  for (int k = 0; k < 2; k++) {
    float values[LABELS * WIDTH];
    embed(&set[k], LABELS, label, WIDTH, values);
    for (size_t i = 0; i < LABELS * WIDTH; i++) {
      if (fabs((double)values[i] - expected[i]) > TOLERANCE)
        fail_msg("%s: label %g, element %zu: %.8g, expected %.8g", set[k].name, label[i / WIDTH], i % WIDTH,
                 values[i], expected[i]);
    }
  }
  free(label);
  free(expected);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(trap_15_embedding_has_sines_first_and_frequencies_from_1_to_1e_4),
      cmocka_unit_test(embedding_equals_pytorch),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
