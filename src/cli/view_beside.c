/* Pictures of several datasets of one file side by side: what was observed, what was made of it, the truth. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "dsmpi/memory.h"
#include "view.h"

enum { DATASETS_MAX = 16 };

/* One dataset: x (count, each, height, width, channels) */
typedef struct panel {
  char name[DSM_TEXT_MAX];
  size_t count, each, height, width, channels;
  float *x;
  double low[DATASETS_MAX], high[DATASETS_MAX]; /* a channel */
} panel;

static bool is_named(const panel *p, const char *name) {
  return strcmp(p->name + (p->name[0] == '/'), name) == 0;
}

static bool has_own_range(const panel *p) {
  return is_named(p, "std");
}

static dsm_status set_shape(const dsm__beside *b, const dsm_dataset_info *info, panel *p) {
  char shape[96];
  const dsm_shape s = info->sample;
  if (s.rank < 3 || s.rank > 4)
    DSM_FAIL(DSM_BAD_DATA, "view: samples of '%s' in %s have shape %s; --beside shows images", p->name,
             b->file, dsm_shape_text(s, shape, sizeof shape));
  const size_t *n = s.n + (s.rank - 3);
  p->each = s.rank == 4 ? s.n[0] : 1;
  p->height = n[0];
  p->width = n[1];
  p->channels = n[2];
  p->count = info->rows < b->count ? (size_t)info->rows : (size_t)b->count;
  if (p->channels > DATASETS_MAX)
    DSM_FAIL(DSM_BAD_DATA, "view: '%s' has %zu channels; --beside shows up to %d", p->name, p->channels,
             DATASETS_MAX);
  return DSM_OK;
}

static dsm_status read_panel(const dsm__beside *b, panel *p) {
  dsm_status status = DSM_OK;
  dsm_dataset *set = NULL;
  uint64_t *row = NULL;
  DSM_TRY_DONE(dsm_dataset_open(b->file, p->name, "", b->rows ? b->rows : "", &set));
  DSM_TRY_DONE(set_shape(b, dsm_dataset_info_of(set), p));
  DSM_TRY_DONE(DSM_ALLOC(p->count, &row));
  DSM_TRY_DONE(DSM_ALLOC(p->count * p->each * p->height * p->width * p->channels, &p->x));
  for (size_t i = 0; i < p->count; i++) row[i] = i;
  DSM_TRY_DONE(dsm_dataset_read(set, row, p->count, p->x));
done:
  free(row);
  dsm_dataset_close(&set);
  return status;
}

static dsm_status read_panels(const dsm__beside *b, panel *panels, size_t *count) {
  for (const char *at = b->list; *at;) {
    const size_t length = strcspn(at, ",");
    if (length == 0 || length >= DSM_TEXT_MAX)
      DSM_FAIL(DSM_USAGE, "view: option --beside: '%s' is no list of datasets, NAME,NAME,...", b->list);
    if (*count == DATASETS_MAX) DSM_FAIL(DSM_USAGE, "view: --beside shows up to %d datasets", DATASETS_MAX);
    panel *p = &panels[(*count)++];
    snprintf(p->name, sizeof p->name, "%.*s", (int)length, at);
    DSM_TRY(read_panel(b, p));
    at += length;
    if (*at == ',') at++;
  }
  return DSM_OK;
}

/* Ranges from black to white: one for all datasets, and own ones. The noise of an observation would darken the rest. */
static dsm_status set_ranges(const dsm__beside *b, panel *panels, size_t count) {
  double low[DATASETS_MAX], high[DATASETS_MAX];
  size_t odd = 0;
  for (size_t c = 0; c < DATASETS_MAX; c++) {
    low[c] = INFINITY;
    high[c] = -INFINITY;
  }
  for (size_t k = 0; k < count; k++) {
    panel *p = &panels[k];
    DSM_TRY(
        dsm__view_range(p->x, p->count * p->each * p->height * p->width, p->channels, p->low, p->high, &odd));
    for (size_t c = 0; c < p->channels; c++) {
      if (has_own_range(p) || (count > 1 && is_named(p, "observation"))) continue;
      low[c] = fmin(low[c], p->low[c]);
      high[c] = fmax(high[c], p->high[c]);
    }
  }
  for (size_t k = 0; k < count; k++)
    for (size_t c = 0; c < panels[k].channels && !has_own_range(&panels[k]); c++) {
      panels[k].low[c] = b->low ? *b->low : low[c];
      panels[k].high[c] = b->high ? *b->high : high[c];
    }
  return DSM_OK;
}

/* Copies image i of a panel, larger by whole numbers, its range mapped to 0 ... 1. */
static void place(const panel *p, size_t i, size_t height, size_t width, float *out) {
  const size_t by_y = height / p->height, by_x = width / p->width, channels = p->channels;
  const float *x = p->x + i * p->height * p->width * channels;
  for (size_t y = 0; y < height; y++)
    for (size_t z = 0; z < width; z++)
      for (size_t c = 0; c < channels; c++) {
        const double range = p->high[c] - p->low[c];
        const double value = (double)x[(y / by_y * p->width + z / by_x) * channels + c];
        out[(y * width + z) * channels + c] =
            (float)(range > 0 ? (value - p->low[c]) / range : value - value + 0.5);
      }
}

static dsm_status check_sizes(const panel *panels, size_t count, size_t *height, size_t *width) {
  *height = *width = 0;
  for (size_t k = 0; k < count; k++) {
    if (panels[k].height > *height) *height = panels[k].height;
    if (panels[k].width > *width) *width = panels[k].width;
  }
  for (size_t k = 0; k < count; k++)
    if (*height % panels[k].height != 0 || *width % panels[k].width != 0 ||
        panels[k].channels != panels[0].channels)
      DSM_FAIL(DSM_BAD_DATA,
               "view: '%s' has images of %zu x %zu with %zu channels, which do not fit beside others of %zu "
               "x %zu with "
               "%zu",
               panels[k].name, panels[k].height, panels[k].width, panels[k].channels, *height, *width,
               panels[0].channels);
  return DSM_OK;
}

static dsm_status draw(const dsm__beside *b, const panel *panels, size_t count, dsm_picture *picture) {
  dsm_status status = DSM_OK;
  float *x = NULL;
  size_t height, width, columns = 0, rows = SIZE_MAX, cell = 0;
  static const double zero[DATASETS_MAX] = {0};
  double one[DATASETS_MAX];
  for (size_t c = 0; c < DATASETS_MAX; c++) one[c] = 1;
  DSM_TRY(check_sizes(panels, count, &height, &width));
  for (size_t k = 0; k < count; k++) {
    columns += panels[k].each;
    if (panels[k].count < rows) rows = panels[k].count;
  }
  const size_t size = height * width * panels[0].channels;
  DSM_TRY_DONE(DSM_ALLOC(rows * columns * size, &x));
  for (size_t i = 0; i < rows; i++)
    for (size_t k = 0; k < count; k++)
      for (size_t j = 0; j < panels[k].each; j++)
        place(&panels[k], i * panels[k].each + j, height, width, x + size * cell++);
  DSM_TRY_DONE(dsm_picture_grid(x, rows * columns, height, width, panels[0].channels, zero, one, columns,
                                b->zoom, picture));
  printf("%zu rows;", rows);
  for (size_t k = 0; k < count; k++)
    printf(" %s%s %.4g ... %.4g", k ? "| " : "", panels[k].name, panels[k].low[0], panels[k].high[0]);
  puts("");
done:
  free(x);
  return status;
}

dsm_status dsm__view_beside(const dsm__beside *beside, dsm_picture *picture) {
  dsm_status status = DSM_OK;
  panel *panels = NULL;
  size_t count = 0;
  DSM_TRY_DONE(DSM_ALLOC(DATASETS_MAX, &panels));
  DSM_TRY_DONE(read_panels(beside, panels, &count));
  DSM_TRY_DONE(set_ranges(beside, panels, count));
  DSM_TRY_DONE(draw(beside, panels, count, picture));
done:
  for (size_t k = 0; k < count; k++) free(panels[k].x);
  free(panels);
  return status;
}
