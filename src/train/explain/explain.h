/* What the pictures of `explain` share: the scene, which is process, law, model and data in the model's
 * units; the ground, which is the density below everything; the sheet, which places panels. */
#ifndef DSMPI_TRAIN_EXPLAIN_H
#define DSMPI_TRAIN_EXPLAIN_H

#include "../internal.h"
#include "dsmpi/explain.h"

/* ---- exact_law.c ---------------------------------------------------------------------------------------- */

typedef struct dsm__law {
  dsm_mixture *mixture; /* NULL: not known */
  char text[64];        /* for people: "eight Gaussians" */
  double width;         /* standard deviation of its narrowest part */
} dsm__law;
/** The law that the options name; or, where they name none, `made`, what is written beside the data,
 *  which may be NULL: then the law is unknown if there is a model and a mixture otherwise. */
dsm_status dsm__law_create(const dsm_explain_options *options, const dsm_made_law *made, dsm__law *law);
/** The same law of normalised data. */
dsm_status dsm__law_normalize(dsm__law *law, const dsm_normalization *n);

/* ---- scene.c ------------------------------------------------------------------------------------------- */

enum { DSM__SCENE_BLOCK = 64, DSM__SCORE_SOURCES = 2 };

/** Something that knows scores, for DSM__SCENE_BLOCK samples at a time. */
typedef struct dsm__score_source {
  const char *name; /* "exact", "learned" */
  dsm_denoiser denoiser;
} dsm__score_source;

typedef struct dsm__scene {
  const dsm_explain_options *options;
  dsm__trained trained; /* all zero without a model */
  bool has_model;
  dsm_config config;
  dsm_process *own_process; /* NULL with a model */
  const dsm_process *process;
  dsm__law law;
  dsm_exact exact;
  dsm_network *network;
  size_t sources;
  dsm__score_source source[DSM__SCORE_SOURCES];
  float *data; /* (points, 2) x0: rows of the data, or samples of the law */
  size_t points;
  double deviation; /* of the law or the data, the root of the mean variance of both axes */
} dsm__scene;
/** The model or the process. Collective. Close after failure too. */
dsm_status dsm__scene_open(dsm_comm *comm, const dsm_explain_options *options, dsm__scene *scene);
/** Law, data and sources; on the rank that draws. */
dsm_status dsm__scene_fill(dsm__scene *scene);
void dsm__scene_close(dsm__scene *scene);
/** eps_hat (n, 2) at x (n, 2) by a source. */
void dsm__score_source_eps(const dsm__score_source *source, const float *x, size_t n, double t, float *eps);
/** x_t (points, 2) of the data, by the noise of the seed, the same at all times. */
void dsm__scene_noised(const dsm__scene *scene, double t, float *x);
/** Times of the options, or, where they give none, those whose sigma / alpha is ratios[i] of the data's
 *  deviation, the data themselves for 0 and the last time for infinity; ascending, each once. `times` has
 *  room for DSM_LIST_MAX.
 *  @return DSM_OK; DSM_USAGE: more than that, not ascending, or outside of the process. */
dsm_status dsm__scene_times(const dsm__scene *scene, const double *ratios, size_t count, double *times,
                            size_t *found);
/** Squares x0, x1, y0, y1 that show the law at each of the times: one for all where none of them would be
 *  half empty. */
void dsm__scene_limits(const dsm__scene *scene, const double *times, size_t count, double (*limits)[4]);
/** "t = 0.35   α = 0.94   σ = 0.34". */
void dsm__scene_title(const dsm__scene *scene, double t, char *text, size_t size);
/** Prints what is drawn; each picture does, once its settings are found to be right. */
void dsm__scene_tell(const dsm__scene *scene);

/* ---- ground.c ------------------------------------------------------------------------------------------ */

/** The density at time t as shades and lines, or, where the law is unknown, the noised data as faint
 *  points. */
dsm_status dsm__ground_draw(const dsm__scene *scene, const dsm_panel *panel, double t);
/** The sentence that explains it. */
const char *dsm__ground_text(const dsm__scene *scene);

/* ---- arrows.c ------------------------------------------------------------------------------------------ */

enum { DSM__ARROWS = 15 };
/** Scores of a source at DSM__ARROWS x DSM__ARROWS places of a panel. */
typedef struct dsm__arrows {
  float x[2 * DSM__ARROWS * DSM__ARROWS];
  double score[2 * DSM__ARROWS * DSM__ARROWS];
  double median; /* of |s| */
} dsm__arrows;
void dsm__arrows_find(const dsm__scene *scene, const dsm__score_source *source, double t,
                      const double limits[4], dsm__arrows *arrows);
/** Draws them with the length |s| / (|s| + median), in cells of their grid. */
void dsm__arrows_draw(const dsm_panel *panel, const dsm__arrows *arrows, double median, double opacity);
/** The sentence that explains them. */
extern const char *const dsm__arrows_text;

/* ---- sheet.c ------------------------------------------------------------------------------------------- */

typedef struct dsm__sheet {
  dsm_picture picture;
  size_t rows, columns;
  double side, letter, top; /* pixels of a panel's side, of a capital letter, above the panels */
} dsm__sheet;
/** An empty sheet with a heading above and paragraphs below its panels. */
dsm_status dsm__sheet_create(const dsm_explain_options *options, size_t rows, size_t columns,
                             const char *heading, const char *const *paragraphs, size_t count,
                             dsm__sheet *sheet);
/** Where a panel is, for what is drawn in it. */
dsm_panel dsm__sheet_panel(const dsm__sheet *sheet, size_t row, size_t column, const double limits[4]);
/** Words in a corner of a panel: the upper left or, if `low`, the lower left one. */
void dsm__sheet_tag(const dsm__sheet *sheet, const dsm_panel *panel, bool low, const char *text);
dsm_status dsm__sheet_write(dsm__sheet *sheet, const char *path);
void dsm__sheet_destroy(dsm__sheet *sheet);

/* ---- chains.c, camera.c: what samplers do, step by step ------------------------------------------------ */

/** Langevin chains, all from one start, which the first `lines` of them are watched from. */
typedef struct dsm__chains {
  dsm_sampler_settings settings; /* of langevin, denoise off */
  double start[2];
  int64_t steps;
  size_t lines, points; /* lines at most DSM__SCENE_BLOCK */
  float *path;          /* (lines, steps + 1, 2) all places, the start first */
  float *end;           /* (points, 2) the last places of all */
} dsm__chains;
/** Fills path and end. @return DSM_OK; DSM_BAD_CONFIG: the sampler's reason, or chains that leave for
 *  infinity. */
dsm_status dsm__chains_run(const dsm__chains *chains, const dsm_process *process,
                           const dsm_denoiser *denoiser, uint64_t seed);

/** What a sampler has at wanted times, on its way from noise to data. */
typedef struct dsm__film {
  size_t frames, points;
  const double *wanted; /* (frames) times; 0: the samples */
  double *taken;        /* (frames) the times of what was kept: the first ones not above the wanted */
  float *frame;         /* (frames, points, 2) */
} dsm__film;
/** Draws all points, in blocks of settings->n = DSM__SCENE_BLOCK, by a sampler that walks from time to
 *  time. */
dsm_status dsm__film_shoot(const dsm_sampler *sampler, const dsm_sampling *settings, dsm__film *film);

/* ---- the pictures -------------------------------------------------------------------------------------- */

dsm_status dsm__explain_score(const dsm__scene *scene);
dsm_status dsm__explain_langevin(const dsm__scene *scene);
dsm_status dsm__explain_noising(const dsm__scene *scene);
dsm_status dsm__explain_denoising(const dsm__scene *scene);

#endif
