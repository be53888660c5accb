/* dsmpi view: images as a grid, points in the plane as a scatter, other vectors as histograms, series as lines. */
#include "view.h"

#include <stdlib.h>

#include "dsmpi/memory.h"

enum { OUTPUT, COUNT, COLUMNS, ZOOM, LOW, HIGH, ROWS, AXES, BESIDE, OPTION_COUNT };

static const dsm_option options[OPTION_COUNT] = {
    [OUTPUT] = {"output", 'o', true, "FILE", "PNG file to write"},
    [COUNT] = {"count", 'n', false, "N", "how many; default 64 images, 12 series or 20,000 vectors"},
    [COLUMNS] = {"columns", 0, false, "C", "pictures in a row; default about as many as rows"},
    [ZOOM] = {"zoom", 0, false, "Z", "screen pixels for each of an image; default to fill 800"},
    [LOW] = {"low", 0, false, "LIST",
             "value shown black, or where an axis begins; one, or one a channel; points: x0,y0"},
    [HIGH] = {"high", 0, false, "LIST", "value shown white, or where an axis ends; points: x1,y1"},
    [ROWS] = {"rows", 0, false, "A:B", "choose from samples A to B-1"},
    [AXES] = {"axes", 0, false, "AXES", "meaning of the axes, such as \"N C H W\""},
    [BESIDE] = {"beside", 0, false, "NAME,...",
                "pictures of these datasets of FILE side by side, a row a sample"},
};

enum { IMAGES = 64, SERIES = 12, VECTORS = 20000, FEATURES = 64, ROWS_BESIDE = 8, SCATTER_SIDE = 800 };

dsm_status dsm__view_range(const float *x, size_t pixels, size_t channels, double *low, double *high,
                           size_t *not_finite) {
  for (size_t c = 0; c < channels; c++) {
    double at[2];
    size_t finite;
    DSM_TRY(dsm_value_range(x, pixels, channels, c, 0.005, at, &finite));
    low[c] = at[0];
    high[c] = at[1];
    *not_finite += pixels - finite;
  }
  return DSM_OK;
}

/* Replaces bounds by the list of an option: one for all channels, or one each. */
static dsm_status own_bounds(const dsm_arguments *arguments, size_t option, size_t channels, double *bounds,
                             bool *given) {
  double *list;
  size_t rows, columns;
  dsm_status status = DSM_OK;
  DSM_TRY(dsm__option_matrix(arguments, option, &list, &rows, &columns));
  *given = rows > 0;
  if (rows > 1 || (rows == 1 && columns != 1 && columns != channels)) {
    DSM_FAIL_DONE(DSM_USAGE,
                  "view: option --%s: one number or one a channel (%zu) is expected, not %zu x %zu",
                  options[option].name, channels, rows, columns);
  }
  for (size_t c = 0; *given && c < channels; c++) bounds[c] = list[columns == 1 ? 0 : c];
done:
  free(list);
  return status;
}

static void say_bounds(size_t channels, const double *low, const double *high) {
  for (size_t c = 0; c < channels && c < 8; c++) printf("%s %.4g ... %.4g", c ? "," : "", low[c], high[c]);
  puts(channels > 8 ? ", ..." : "");
}

static dsm_status draw_images(const dsm_arguments *arguments, const float *x, size_t count, dsm_shape sample,
                              const double *low, const double *high, dsm_picture *picture) {
  const size_t *n = sample.n + (sample.rank - 3);
  uint64_t columns = 0, zoom = 0;
  DSM_TRY(dsm__option_count(arguments, COLUMNS, 1, count, &columns));
  DSM_TRY(dsm__option_count(arguments, ZOOM, 1, 64, &zoom));
  DSM_TRY(dsm_picture_planes(x, count, sample, low, high, columns, zoom, picture));
  printf("%zu images of %zu x %zu%s; black to white:", count, n[0], n[1],
         sample.rank > 3 ? ", the middle planes" : "");
  say_bounds(n[2], low, high);
  return DSM_OK;
}

static dsm_status draw_lines(const dsm_arguments *arguments, const float *x, size_t count, dsm_shape sample,
                             const double *low, const double *high, dsm_picture *picture) {
  uint64_t columns = 0;
  DSM_TRY(dsm__option_count(arguments, COLUMNS, 1, count, &columns));
  DSM_TRY(dsm_picture_series(x, count, sample.n[0], sample.n[1], low, high, columns, picture));
  printf("%zu series of %zu, %zu channel%s; bottom to top:", count, sample.n[0], sample.n[1],
         sample.n[1] == 1 ? "" : "s");
  say_bounds(sample.n[1], low, high);
  return DSM_OK;
}

static dsm_status draw_histograms(const dsm_arguments *arguments, const float *x, size_t count,
                                  size_t features, const double *low, const double *high,
                                  dsm_picture *picture) {
  uint64_t columns = 0;
  const size_t shown = features < FEATURES ? features : FEATURES;
  DSM_TRY(dsm__option_count(arguments, COLUMNS, 1, shown, &columns));
  DSM_TRY(dsm_picture_histograms(x, features, count, NULL, 0, shown, low, high, columns, picture));
  printf("%zu vectors, histograms of %s%zu features; left to right:", count,
         shown < features ? "the first " : "", shown);
  say_bounds(shown, low, high);
  return DSM_OK;
}

/* All that has bounds for each channel. */
static dsm_status draw_channels(const dsm_arguments *arguments, const float *x, size_t count,
                                dsm_shape sample, dsm_picture *picture) {
  dsm_status status = DSM_OK;
  double *low = NULL, *high = NULL;
  const size_t channels = sample.n[sample.rank - 1], pixels = count * dsm_shape_count(sample) / channels;
  const dsm_picture_kind kind = dsm_picture_kind_of(sample);
  size_t not_finite = 0;
  bool given;
  if (kind != DSM_PICTURE_PLANES && arguments->value[ZOOM])
    DSM_FAIL(DSM_USAGE, "view: --zoom is for images, and these are %s",
             kind == DSM_PICTURE_SERIES ? "series" : "vectors");
  DSM_TRY_DONE(DSM_ALLOC(channels, &low));
  DSM_TRY_DONE(DSM_ALLOC(channels, &high));
  DSM_TRY_DONE(dsm__view_range(x, pixels, channels, low, high, &not_finite));
  for (size_t c = 0; kind != DSM_PICTURE_PLANES && c < channels; c++) { /* axes have room for the rest */
    const double beyond = 0.1 * (high[c] - low[c]);
    low[c] -= beyond;
    high[c] += beyond;
  }
  DSM_TRY_DONE(own_bounds(arguments, LOW, channels, low, &given));
  DSM_TRY_DONE(own_bounds(arguments, HIGH, channels, high, &given));
  if (not_finite > 0) printf("%zu values are not finite\n", not_finite);
  if (kind == DSM_PICTURE_PLANES)
    DSM_TRY_DONE(draw_images(arguments, x, count, sample, low, high, picture));
  else if (kind == DSM_PICTURE_SERIES)
    DSM_TRY_DONE(draw_lines(arguments, x, count, sample, low, high, picture));
  else
    DSM_TRY_DONE(draw_histograms(arguments, x, count, sample.n[0], low, high, picture));
done:
  free(low);
  free(high);
  return status;
}

static dsm_status draw_points(const dsm_arguments *arguments, const float *x, size_t count,
                              dsm_picture *picture) {
  double low[2] = {0}, high[2] = {0};
  bool low_given = false, high_given = false;
  if (arguments->value[COLUMNS] || arguments->value[ZOOM])
    DSM_FAIL(DSM_USAGE, "view: --columns and --zoom are for images, and these are points in the plane");
  DSM_TRY(own_bounds(arguments, LOW, 2, low, &low_given));
  DSM_TRY(own_bounds(arguments, HIGH, 2, high, &high_given));
  if (low_given != high_given) DSM_FAIL(DSM_USAGE, "view: for points --low and --high are needed together");
  const double limits[4] = {low[0], high[0], low[1], high[1]};
  DSM_TRY(dsm_picture_scatter(x, count, SCATTER_SIDE, low_given ? limits : NULL, picture));
  printf("%zu points\n", count);
  return DSM_OK;
}

static dsm_status draw(const dsm_arguments *arguments, dsm_dataset *set, dsm_picture *picture) {
  dsm_status status = DSM_OK;
  const dsm_dataset_info *info = dsm_dataset_info_of(set);
  dsm_shape sample = info->sample;
  float *x = NULL;
  uint64_t *row = NULL;
  const dsm_picture_kind kind = dsm_picture_kind_of(sample);
  uint64_t count = kind == DSM_PICTURE_PLANES ? IMAGES : kind == DSM_PICTURE_SERIES ? SERIES : VECTORS;
  DSM_TRY(dsm__option_count(arguments, COUNT, 1, UINT64_C(1000000000), &count));
  if (count > info->rows) count = info->rows;
  DSM_TRY_DONE(DSM_ALLOC(count * dsm_shape_count(sample), &x));
  DSM_TRY_DONE(DSM_ALLOC(count, &row));
  for (uint64_t i = 0; i < count; i++) row[i] = i;
  DSM_TRY_DONE(dsm_dataset_read(set, row, count, x));
  if (kind == DSM_PICTURE_POINTS)
    DSM_TRY_DONE(draw_points(arguments, x, count, picture));
  else
    DSM_TRY_DONE(draw_channels(arguments, x, count, sample, picture));
done:
  free(row);
  free(x);
  return status;
}

/* One number, or none. */
static dsm_status one_bound(const dsm_arguments *arguments, size_t option, double *bound,
                            const double **given) {
  DSM_TRY(dsm__option_real(arguments, option, -1e300, 1e300, bound));
  *given = arguments->value[option] ? bound : NULL;
  return DSM_OK;
}

static dsm_status draw_beside(const dsm_arguments *arguments, const dsm_place *place, dsm_picture *picture) {
  double low, high;
  uint64_t zoom = 0;
  dsm__beside beside = {.file = place->file,
                        .list = arguments->value[BESIDE],
                        .rows = arguments->value[ROWS],
                        .count = ROWS_BESIDE};
  if (place->dataset[0] || arguments->value[COLUMNS] || arguments->value[AXES])
    DSM_FAIL(DSM_USAGE,
             "view: --beside names the datasets of FILE, each in a column; no dataset, --columns or --axes "
             "can be given beside it");
  DSM_TRY(dsm__option_count(arguments, COUNT, 1, 10000, &beside.count));
  DSM_TRY(dsm__option_count(arguments, ZOOM, 1, 64, &zoom));
  beside.zoom = (size_t)zoom;
  DSM_TRY(one_bound(arguments, LOW, &low, &beside.low));
  DSM_TRY(one_bound(arguments, HIGH, &high, &beside.high));
  DSM_TRY(dsm__view_beside(&beside, picture));
  return DSM_OK;
}

static dsm_status run(const dsm_arguments *arguments, dsm_comm *comm) {
  (void)comm;
  dsm_status status = DSM_OK;
  dsm_place place;
  dsm_dataset *set = NULL;
  dsm_picture picture = {0};
  const char *axes = arguments->value[AXES], *rows = arguments->value[ROWS],
             *output = arguments->value[OUTPUT];
  DSM_TRY(dsm__place_of(arguments->operand[0], &place));
  if (arguments->value[BESIDE]) {
    DSM_TRY_DONE(draw_beside(arguments, &place, &picture));
  } else {
    DSM_TRY_DONE(dsm__place_settle(&place));
    DSM_TRY_DONE(dsm__option_rows(arguments, ROWS, &place, axes, NULL));
    DSM_TRY_DONE(dsm_dataset_open(place.file, place.dataset, axes ? axes : "", rows ? rows : "", &set));
    DSM_TRY_DONE(draw(arguments, set, &picture));
  }
  DSM_TRY_DONE(dsm_picture_write(&picture, output));
  printf("%s: %zu x %zu pixels\n", output, picture.width, picture.height);
done:
  dsm_picture_destroy(&picture);
  dsm_dataset_close(&set);
  return status;
}

const dsm_command dsm__command_view = {
    .name = "view",
    .operands = "FILE[:/dataset]",
    .sentence = "draw samples or data as a picture: images, points, histograms, lines",
    .details =
        "Images: the range from black to white is that of all but the outermost 0.5 % of the values of each "
        "channel. Three channels are colours, other numbers stand side by side in grey. Of bodies the middle "
        "plane is shown. Points are vectors of two features; of other vectors the histogram of each feature "
        "is shown, of series a line a channel.\n"
        "\n"
        "  dsmpi view samples.h5 -o samples.png -n 100 --columns 10\n"
        "  dsmpi view restored.h5 -o restored.png --beside observation,mean,std,truth",
    .options = options,
    .option_count = OPTION_COUNT,
    .min_operands = 1,
    .max_operands = 1,
    .run = run,
};
