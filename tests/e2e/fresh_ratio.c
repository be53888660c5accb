/* fresh_ratio FILE...: samples of eight_gaussians, 10,000 in each file, against fresh points of the law. Prints for each file
 *   RATIO FILE
 * the sliced Wasserstein-2 distance of the samples to fresh points over that of fresh points among themselves, both averaged
 * over eight pairs: 1 is perfect, chance alone makes it 0.8 to 1.3. */
#include <stdio.h>
#include <stdlib.h>

#include "eight_points.h"

static dsm_status print_ratio(const fresh_points *fresh, const char *path) {
  dsm_status status = DSM_OK;
  float *x = NULL;
  size_t n, d;
  double ratio;
  DSM_TRY(read_rows(path, "", &x, &n, &d));
  if (n != POINTS || d != 2)
    DSM_FAIL_DONE(DSM_BAD_DATA, "%s holds %zu samples of %zu numbers; expected %d points of the plane", path,
                  n, d, POINTS);
  DSM_TRY_DONE(fresh_ratio(fresh, x, &ratio));
  printf("%.3f %s\n", ratio, path);
done:
  free(x);
  return status;
}

int main(int argc, char **argv) {
  fresh_points fresh;
  dsm_status status = fresh_points_create(&fresh);
  if (argc < 2) {
    fprintf(stderr, "usage: fresh_ratio FILE...\n");
    return 64;
  }
  for (int i = 1; status == DSM_OK && i < argc; i++) status = print_ratio(&fresh, argv[i]);
  if (status != DSM_OK) fprintf(stderr, "fresh_ratio: %s\n", dsm_trail_message());
  fresh_points_destroy(&fresh);
  return dsm_status_exit_code(status);
}
