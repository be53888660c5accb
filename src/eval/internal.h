/** @file internal.h
 *  What the metrics share: rows of a dataset seen in a space, rows drawn, sums over groups of rows, work dealt out over
 *  ranks, lines of the table. */
#ifndef DSMPI_EVAL_INTERNAL_H
#define DSMPI_EVAL_INTERNAL_H

#include "dsmpi/data.h"
#include "dsmpi/eval.h"

enum { DSM__SAMPLES, DSM__REFERENCE, DSM__SIDES };

/* ---- space.c, space_pca.c, space_layers.c: what is made of a row before it is measured ------------------- */

/** A map from rows of a dataset (elements) to vectors (d). Where d = positions x channels the numbers of a channel are
 *  of one kind, channels last; metrics of single numbers pool its positions. */
typedef struct dsm__space {
  const char *name;
  size_t elements, d, channels;
  /* NULL: the row as it is */
  void (*map)(const struct dsm__space *s, const float *x, size_t n, float *y);
  char text[384];        /* in words, for protocols; "" = the rows as they are */
  double *shift, *scale; /* scaled: (channels) */
  double *mean, *basis;  /* pca: (elements), (d, elements) */
  double *work;          /* pca: room for one use at a time */
  size_t layers, *end;   /* layers: how many; behind which element each ends */
  double threshold;
} dsm__space;
void dsm__space_destroy(dsm__space *s);

/* ---- view.c: rows of a dataset in a space ---------------------------------------------------------------- */

typedef struct dsm__view {
  const dsm_eval_input *input;
  dsm_dataset *data; /* borrowed */
  const float *kept; /* (rows, d) in memory, which is read then; borrowed, NULL: none */
  const dsm__space *space;
  int side;
  uint64_t rows;
  double part; /* of the rows, dealt into the first DSM_EVAL_GROUPS groups; see groups.c */
  float *x;    /* room for rows as they are */
  size_t room;
} dsm__view;
/** y (n, d) of rows row[0 ... n-1]. @return DSM_BAD_DATA for a value that is not finite, with its row. */
dsm_status dsm__view_read(dsm__view *v, const uint64_t *row, size_t n, float *y);
void dsm__view_close(dsm__view *v);

/** Both sides in one space. */
typedef struct dsm__pair {
  dsm__space space;
  dsm__view view[DSM__SIDES];
  dsm_shape shape;    /* of a vector: (spatial..., channels), or (d) */
  double *statistics; /* of the reference, see dsm__statistics; NULL: not known yet */
} dsm__pair;

/* ---- judged.c: what a classifier makes of all rows ------------------------------------------------------- */

typedef struct dsm__judged {
  float *features[DSM__SIDES],
      *probabilities[DSM__SIDES]; /* (rows, features), (rows, classes); NULL: not known yet */
} dsm__judged;
void dsm__judged_destroy(dsm__judged *judged);

/* ---- evaluate.c: the job --------------------------------------------------------------------------------- */

typedef struct dsm__eval {
  dsm_comm *comm;
  const dsm_eval_options *options;
  dsm_evaluation *out;
  size_t lines;       /* that the table has room for */
  dsm__pair *pair[8]; /* by space, NULL: not used; see catalogue.h */
  dsm_dataset *data[DSM__SIDES], *features[DSM__SIDES], *probabilities[DSM__SIDES];
  dsm__judged judged;
} dsm__eval;
/** Tells whoever wants to know that something has been done. */
void dsm__alive(const dsm__eval *e);
/** Runs the classifier over all rows of both sides, once, into e->judged. Collective. @return DSM_OK; DSM_BAD_CONFIG: too
 *  many rows to be kept; DSM_BAD_DATA: a row, or what is made of it, is not finite. */
dsm_status dsm__judge_all(dsm__eval *e);
/** Adds a line to the table, at most two a metric. */
dsm_eval_row *dsm__row(dsm__eval *e, const char *metric, const dsm__pair *pair, dsm_figure figure,
                       dsm_figure floor);
void dsm__row_number(dsm_eval_row *row, const char *name, double value);
/** Copies `count` numbers, `stride` apart. */
dsm_status dsm__row_column(dsm_eval_row *row, const char *name, const double *value, size_t stride,
                           size_t count);

/* ---- draw.c: rows at random ------------------------------------------------------------------------------ */

/** Group of each of the rows first ... first + n - 1 of a view, uniform and independent: one of the first
 *  DSM_EVAL_GROUPS with probability view->part, else one of as many more. */
void dsm__draw_groups(uint64_t seed, const dsm__view *v, uint64_t first, size_t n, uint8_t *group);
/** `wanted` of `rows` rows without repetition, in random order; wanted <= rows. */
dsm_status dsm__draw_rows(uint64_t seed, int side, uint64_t rows, size_t wanted, uint64_t *row);

/** Vectors (n, d) of n rows drawn from a view, owned by the caller: free(). Not collective. */
dsm_status dsm__draw_vectors(const dsm__eval *e, dsm__view *v, size_t n, double **vectors);

/** Two sets of vectors to be compared, rows in random order. */
typedef struct dsm__two {
  const double *a, *b; /* (na, d), (nb, d) */
  size_t na, nb, d;
} dsm__two;
/** What was drawn: samples against the reference, and the reference against other rows of itself: as many as there are
 *  samples where they suffice, else half of them. */
typedef struct dsm__drawn {
  double *vectors[DSM__SIDES];
  dsm__two value, floor;
} dsm__drawn;
/** Draws up to `wanted` rows of each side; the same on every rank. `even`: the value is taken from no more rows than the
 *  floor, for metrics that depend on their number. Collective. */
dsm_status dsm__draw_pair(dsm__eval *e, dsm__pair *pair, uint64_t wanted, bool even, dsm__drawn *drawn);
void dsm__drawn_destroy(dsm__drawn *drawn);
/** Most rows of vectors (d) to be drawn for metrics of pairs of rows, and for those along lines. */
uint64_t dsm__rows_of_pairs(const dsm__eval *e, size_t d);
uint64_t dsm__rows_of_lines(const dsm__eval *e, size_t d);
/** Group of the k-th row drawn. */
#define DSM__GROUP_OF(k) ((k) % DSM_EVAL_GROUPS)

/* ---- groups.c: sums over all rows, group by group -------------------------------------------------------- */

/** Groups of the reference: the first half of them, about as many rows as there are samples and at most half of all, stand
 *  in for the samples in the floor; the second half is what they are compared with. Samples fill the first half only. */
enum { DSM__GROUPS = 2 * DSM_EVAL_GROUPS };
/** Rows made of groups, for a comparison; `without` leaves out one of DSM_EVAL_GROUPS shares of them, -1: none. */
typedef enum dsm__whole {
  DSM__ALL_SAMPLES,
  DSM__ALL_REFERENCE,
  DSM__FLOOR_PART,
  DSM__FLOOR_REST,
  DSM__WHOLES
} dsm__whole;
/** Whether group g of that side is in it. */
bool dsm__in_whole(dsm__whole whole, int without, int side, int g);

/** Adds n rows, x (n, d), of one group to its state, in the order of rows. */
typedef void (*dsm__add)(void *self, const uint64_t *row, const float *x, size_t n, double *state);
/** The rank that sums a group. */
int dsm__group_owner(const dsm__eval *e, int side, int group);
/** Passes over all rows of a view once. state[g] is what `add` is given for group g on its owner, and may be NULL
 *  elsewhere; count (DSM__GROUPS) becomes known on all ranks. Collective. */
dsm_status dsm__groups_sum(dsm__eval *e, dsm__view *v, dsm__add add, void *self, double *const *state,
                           uint64_t *count);

/** A metric that is a function of sums over the rows of either side. */
typedef struct dsm__summed {
  size_t width;   /* of the sums */
  size_t outputs; /* of the function */
  dsm__add add;
  /* out (outputs) from sums a over na rows and b over nb rows */
  void (*figures)(const void *self, const double *a, double na, const double *b, double nb, double *out);
  void *self;
} dsm__summed;
/** Figures (outputs) and floors of it, with jackknifed errors; owned by the caller: free(), after a failure too.
 *  Collective. */
dsm_status dsm__summed_run(dsm__eval *e, dsm__pair *pair, const dsm__summed *s, dsm_figure **value,
                           dsm_figure **floor);

/* ---- statistics.c ---------------------------------------------------------------------------------------- */

/** Count, mean, standard deviation, extremes of a channel. */
enum { DSM__COUNT, DSM__MEAN, DSM__STD, DSM__MIN, DSM__MAX, DSM__STATISTICS };
/** Those of the reference, pair->statistics (channels, DSM__STATISTICS), computed once. Collective. */
dsm_status dsm__statistics(dsm__eval *e, dsm__pair *pair);

/* ---- tasks.c: work dealt out over ranks ------------------------------------------------------------------ */

/** Computes out (width) of one task, a function of its number alone. Not collective. */
typedef dsm_status (*dsm__task)(void *self, size_t task, double *out);
/** out (tasks, width) on all ranks. Collective. */
dsm_status dsm__tasks(const dsm__eval *e, size_t tasks, size_t width, dsm__task compute, void *self,
                      double *out);

/* ---- the spaces ------------------------------------------------------------------------------------------ */

/** (x - mean_c) / std_c of the reference. */
dsm_status dsm__space_scaled(dsm__eval *e, dsm__pair *raw, dsm__space *s);
/** Coordinates along the first principal axes of the reference. Collective. */
dsm_status dsm__space_pca(dsm__eval *e, dsm__pair *raw, dsm__space *s);
/** Energies and hits of the layers of a shower. */
dsm_status dsm__space_layers(const dsm__eval *e, size_t elements, dsm__space *s);

/* ---- the metrics, each collective, each adding its lines ------------------------------------------------- */

typedef dsm_status dsm__metric_run(dsm__eval *e, dsm__pair *pair);
dsm__metric_run dsm__frechet, dsm__frechet_shrunk, dsm__inception, dsm__kernel, dsm__mmd, dsm__sliced,
    dsm__wasserstein, dsm__separation, dsm__spectrum, dsm__two_point, dsm__precision_recall, dsm__c2st,
    dsm__nearest, dsm__profile;

#endif
