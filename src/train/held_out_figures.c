/* Held-out figures in words, for programs and for people. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "dsmpi/text.h"
#include "internal.h"

/* Appends "x, y, z". */
static void put_list(const double *x, size_t n, char *text, size_t size) {
  char number[32];
  for (size_t i = 0; i < n; i++)
    dsm_append(text, size, "%s%s", i ? ", " : "", dsm_json_number(x[i], number, sizeof number));
}

void dsm__held_out_json(const dsm__held_out_figures *f, int64_t step, char *text, size_t size) {
  snprintf(text, size, "{\"step\": %lld, \"held_out_loss\": ", (long long)step);
  put_list(&f->loss, 1, text, size);
  if (f->timed) {
    dsm_append(text, size, ", \"held_out_levels\": [");
    put_list(f->level, DSM__HELD_OUT_LEVELS, text, size);
    dsm_append(text, size, "]");
  }
  if (f->channels > 0) {
    dsm_append(text, size, ", \"held_out_channels\": [");
    put_list(f->channel, f->channels, text, size);
    dsm_append(text, size, "]");
  }
  if (!isnan(f->accuracy)) {
    dsm_append(text, size, ", \"held_out_accuracy\": ");
    put_list(&f->accuracy, 1, text, size);
  }
  dsm_append(text, size, "}");
}

void dsm__held_out_tell(const dsm__held_out_figures *f, int64_t step) {
  char levels[64] = "", accuracy[48] = "";
  size_t first = 0, last = DSM__HELD_OUT_LEVELS - 1;
  while (first < last && isnan(f->level[first])) first++;
  while (last > first && isnan(f->level[last])) last--;
  if (f->timed) snprintf(levels, sizeof levels, " (levels %.3g ... %.3g)", f->level[first], f->level[last]);
  if (!isnan(f->accuracy)) snprintf(accuracy, sizeof accuracy, ", accuracy %.2f %%", 100 * f->accuracy);
  dsm_info("held out  loss %.4g at step %lld%s%s", f->loss, (long long)step, accuracy, levels);
}
