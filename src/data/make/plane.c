/* Points in the plane whose densities people know by sight: the usual first tests of a generative model
 * (FFJORD's toy data, Grathwohl et al. 2019, arXiv:1810.01367), each with its law in closed form. */
#include <math.h>

#include "dsmpi/random.h"
#include "make.h"

static const double pi = 3.14159265358979323846;

static dsm_status begin(const dsm_make_params *p, int *rank, uint64_t *dims, const char **axes,
                        void **state) {
  (void)p;
  *state = NULL;
  *rank = 2;
  dims[1] = 2;
  *axes = "NC";
  return DSM_OK;
}

static dsm_random_key key_of(const dsm_make_params *p, uint64_t sample) {
  return (dsm_random_key){p->seed, DSM_STREAM_DATA, 0, sample};
}

/* ---- eight Gaussians on a circle ----------------------------------------------------------------------- */

void dsm_eight_gaussians_centre(int k, double centre[2]) {
  centre[0] = 2 * cos(2 * pi * k / 8);
  centre[1] = 2 * sin(2 * pi * k / 8);
}

/* Elements 0 and 1 of the row are the normals, 4 ... the number of the mode. */
static int label_eight_gaussians(const dsm_make_params *p, uint64_t sample) {
  return (int)dsm_random_below(key_of(p, sample), 1, 8);
}

static void fill_eight_gaussians(const dsm_make_params *p, void *state, uint64_t sample, float *x) {
  (void)state;
  double centre[2];
  float z[2];
  dsm_random_normal(key_of(p, sample), 0, 2, z);
  dsm_eight_gaussians_centre(label_eight_gaussians(p, sample), centre);
  for (int i = 0; i < 2; i++) x[i] = (float)(centre[i] + DSM_EIGHT_GAUSSIANS_STD * z[i]);
}

static dsm_status describe_eight_gaussians(const dsm_make_params *p, dsm__writer *w) {
  (void)p;
  DSM_TRY(dsm__writer_text(w, "law",
                           "mixture of 8 normals of equal weight, centres 2 (cos, sin)(2 pi k / 8), "
                           "standard deviation 0.1 on each axis"));
  return DSM_OK;
}

/* ---- checkerboard -------------------------------------------------------------------------------------- */

/* Squares of side 2 on [-4, 4)^2: the column is drawn, then one of the two dark squares in it. */
static void fill_checkerboard(const dsm_make_params *p, void *state, uint64_t sample, float *x) {
  (void)state;
  double u = dsm_random_uniform_double(key_of(p, sample), 0),
         v = dsm_random_uniform_double(key_of(p, sample), 1);
  int column = (int)(4 * u), row = 2 * (int)(2 * v) + column % 2;
  x[0] = (float)(8 * u - 4);
  x[1] = (float)(2 * (row + (2 * v - (int)(2 * v))) - 4);
}

static dsm_status describe_checkerboard(const dsm_make_params *p, dsm__writer *w) {
  (void)p;
  DSM_TRY(
      dsm__writer_text(w, "law",
                       "uniform on the squares of side 2 of [-4, 4)^2 whose column and row, counted from the "
                       "lower left, have an even sum"));
  return DSM_OK;
}

/* ---- swiss roll ---------------------------------------------------------------------------------------- */

static void fill_swiss_roll(const dsm_make_params *p, void *state, uint64_t sample, float *x) {
  (void)state;
  float z[2];
  dsm_random_normal(key_of(p, sample), 0, 2, z);
  double t = 1.5 * pi * (1 + 2 * dsm_random_uniform_double(key_of(p, sample), 2));
  x[0] = (float)((t * cos(t) + z[0]) / 5);
  x[1] = (float)((t * sin(t) + z[1]) / 5);
}

static dsm_status describe_swiss_roll(const dsm_make_params *p, dsm__writer *w) {
  (void)p;
  DSM_TRY(dsm__writer_text(
      w, "law", "(t cos t + z1, t sin t + z2) / 5, t uniform on (1.5 pi, 4.5 pi), z standard normal"));
  return DSM_OK;
}

const dsm__maker dsm__make_eight_gaussians = {"eight_gaussians", begin, fill_eight_gaussians,
                                              label_eight_gaussians, describe_eight_gaussians};
const dsm__maker dsm__make_checkerboard = {"checkerboard", begin, fill_checkerboard, NULL,
                                           describe_checkerboard};
const dsm__maker dsm__make_swiss_roll = {"swiss_roll", begin, fill_swiss_roll, NULL, describe_swiss_roll};
