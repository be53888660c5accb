/** @file eval.h
 *  How far samples are from data: metrics with their uncertainties, and beside each the same metric between two parts
 *  of the data, the floor that even perfect samples do not get below.
 *
 *  Every figure depends on the data, the options and the seed alone, to the last bit, not on the number of ranks: rows
 *  are dealt into DSM_EVAL_GROUPS groups by random numbers, each group is summed by one rank in the order of its rows,
 *  and groups are joined in order. Uncertainties are standard errors; most are jackknifes over those groups, which
 *  serve metrics of any form, see dsm_jackknife. */
#ifndef DSMPI_EVAL_H
#define DSMPI_EVAL_H

#include <stdint.h>
#include "dsmpi/dist.h"
#include "dsmpi/tensor.h"

enum {
  DSM_EVAL_GROUPS = 10,
  DSM_EVAL_PROTOCOL_MAX = 896,
  DSM_EVAL_NUMBERS_MAX = 8,
  DSM_EVAL_CLASSIFIER_PATH = 120, /* characters told of a path */
  DSM_EVAL_CLASSIFIER_TEXT = 224
};

/* ---- the job ------------------------------------------------------------------------------------------- */

/** A dataset; file NULL: there is none. Axes and rows as in dsm_dataset_open; NULL = found, all. */
typedef struct dsm_eval_input {
  const char *file, *dataset, *axes, *rows;
} dsm_eval_input;

/** A classifier that features and probabilities of the rows are made with. */
typedef struct dsm_eval_classifier {
  void *self;
  dsm_shape sample;         /* that it takes, channels last */
  size_t block;             /* rows it takes at a time */
  size_t classes, features; /* 2 or more; 1 or more */
  const char *text; /* which it is, for protocols: "PATH, step 400, average of rate 0.999"; borrowed */
  /* features (block, features), probabilities (block, classes) of x (block, sample) in physical units, which may be changed.
   * What it makes of a row must not depend on who calls. Not collective. */
  void (*run)(void *self, float *x, float *features, float *probabilities);
} dsm_eval_classifier;

typedef struct dsm_eval_options {
  dsm_eval_input samples, reference;
  /* (N, k) made of samples and reference by any network, for the space `features`; both or none. Their numbers of rows
   * need not be those of the samples */
  dsm_eval_input features, reference_features;
  /* (N, K) class probabilities, for inception; those of the reference may be missing */
  dsm_eval_input probabilities, reference_probabilities;
  /* makes features of both sides, for the space `classifier`, and, where `probabilities` are not given, those of both sides
   * for inception; borrowed, NULL: none */
  const dsm_eval_classifier *classifier;
  const char *metrics; /* "METRIC[@SPACE],..."; "all"; NULL: those that suit the data and
                          cost little */
  const char
      *layers; /* of calorimeter showers, for the space `layers`: voxels of each layer, "8,16,19", or "45", so
                          many equal ones; NULL: none */
  double threshold; /* above which a voxel counts as hit */
  uint64_t seed;
  uint64_t
      subsample; /* rows of each side for metrics of pairs of rows; those along lines take up to ten times as many */
  uint64_t subset;     /* rows of a subset of `kernel` */
  uint64_t splits;     /* of inception */
  uint64_t directions; /* of sliced */
  uint64_t bins;       /* of separation */
  uint64_t neighbours; /* of precision_recall */
  uint64_t components; /* of the space pca, at most */
  uint64_t steps;      /* of the training of c2st's classifier */
  /* told on every rank, time and again, that the evaluation gets on; NULL: nobody is. A job that is watched for hanging has
   * to show life. */
  void (*alive)(void *context);
  void *context;
} dsm_eval_options;
/** Everything at its default; the names of files are to be filled in. */
dsm_eval_options dsm_eval_defaults(void);

/** value +- error (one standard error), from so many rows of either side. NAN where there is none. */
typedef struct dsm_figure {
  double value, error;
  uint64_t samples, reference;
} dsm_figure;
/** One number more, for JSON: "bandwidth". */
typedef struct dsm_eval_number {
  const char *name;
  double value;
} dsm_eval_number;
/** A curve or list, for JSON: "power_samples" over the wave numbers. */
typedef struct dsm_eval_column {
  char name[96];
  size_t count;
  double *value; /* owned by the row */
} dsm_eval_column;
/** One line of the table. */
typedef struct dsm_eval_row {
  const char *metric; /* "frechet" */
  const char *space;  /* "raw" */
  dsm_figure figure, floor;
  double ideal;     /* what samples without fault tend to: 0, 1/2, 1; NAN: the floor */
  const char *unit; /* "x^2": of the figure, x the unit of the data or features; "" = none */
  char protocol[DSM_EVAL_PROTOCOL_MAX]; /* what was computed, in words; "" = as the row before */
  size_t numbers, columns;
  dsm_eval_number number[DSM_EVAL_NUMBERS_MAX];
  dsm_eval_column *column; /* (columns), owned */
} dsm_eval_row;

typedef struct dsm_evaluation {
  char samples[640], reference[640]; /* "FILE:/dataset, 10,000 x (28, 28, 1)" */
  uint64_t seed;
  size_t rows;
  dsm_eval_row *row; /* owned */
  size_t notes;
  char (*note)[DSM_EVAL_PROTOCOL_MAX]; /* what was left out and why; owned */
  double seconds;
} dsm_evaluation;
/** Compares samples with a reference. Collective; every rank gets the same evaluation.
 *  @param[out] evaluation  zeroed or filled; dsm_evaluation_destroy it after a failure too
 *  @return DSM_OK; DSM_NOT_FOUND; DSM_BAD_DATA: shapes that differ, a value that is not finite, too few rows for what was
 *  asked; DSM_USAGE: an unknown metric or space; DSM_BAD_CONFIG: a metric that does not fit the data or lacks an input. */
dsm_status dsm_evaluate(dsm_comm *comm, const dsm_eval_options *options, dsm_evaluation *evaluation);
/** Whether each word of a list is a metric, and taken in its space: what can be told without data. Not collective.
 *  @return DSM_OK; DSM_USAGE; DSM_BAD_CONFIG. */
dsm_status dsm_eval_check_list(const char *metrics);
void dsm_evaluation_destroy(dsm_evaluation *evaluation);
/** The table, 80 columns wide, and under it the protocols. Call it on rank 0. */
void dsm_evaluation_print(const dsm_evaluation *evaluation);
/** Everything as one JSON object. Call it on rank 0. @return DSM_OK; DSM_IO. */
dsm_status dsm_evaluation_json(const dsm_evaluation *evaluation, const char *path);
/** Whether that file could be written, which leaves nothing behind: to be asked before the work is done.
 *  @return DSM_OK; DSM_IO */
dsm_status dsm_evaluation_json_check(const char *path);

/* ---- the mathematics, on arrays; pure ------------------------------------------------------------------ */

/** Jackknife of an estimate over groups of unequal share (Busing, Meijer & van der Leeden 1999,
 *  doi:10.1023/A:1008800423698). With h = 1 / share_j:  tau_j = h all - (h - 1) without_j,
 *  variance = 1/g sum_j (tau_j - corrected)^2 / (h - 1),  corrected = g all - sum_j (1 - share_j) without_j.
 *  @param[in]  all      estimate from all rows
 *  @param[in]  without  (g) estimates without each group; share (g) part of the rows in it; groups with share 0 or 1 are
 *                       passed over
 *  @param[out] shift    corrected - all, what removes the bias that goes as 1/n; may be NULL
 *  @return the variance of the estimate; NAN from fewer than two groups */
double dsm_jackknife(double all, const double *without, const double *share, size_t g, double *shift);

/** Square of the Wasserstein-2 distance between normals, as in FID:
 *    |mean_a - mean_b|^2 + tr A + tr B - 2 tr (A^(1/2) B A^(1/2))^(1/2)
 *  (Dowson & Landau 1982, doi:10.1016/0047-259X(82)90077-X; Heusel et al. 2017, arXiv:1706.08500).
 *  @param[in] mean_a, a, mean_b, b  (d), (d, d) symmetric, possibly singular
 *  @return as dsm_symmetric_eigen */
dsm_status dsm_frechet_distance(const double *mean_a, const double *a, const double *mean_b, const double *b,
                                size_t d, double *distance);
/** Oracle approximating shrinkage of a covariance (d, d) by 1/n from n rows, in place:
 *    (1 - r) S + r tr(S)/d I,   r = min(1, ((1 - 2/d) tr S^2 + (tr S)^2) / ((n + 1 - 2/d) (tr S^2 - (tr S)^2 / d)))
 *  (Chen et al. 2010, doi:10.1109/TSP.2010.2053029, equation 23). Returns r. */
double dsm_shrink_covariance(double *covariance, size_t d, double n);

/** exp of the mean over rows of KL(p(y | x) || p(y)), p(y) the mean over the rows (Salimans et al. 2016,
 *  arXiv:1606.03498), p (n, k). Rows are divided by their sums, in place. */
double dsm_inception_score(double *p, size_t n, size_t k);

/** int_0^1 |F^-1(q) - G^-1(q)|^power dq of two sets of numbers, each ascending, power 1 or 2: the Wasserstein distance on
 *  the line to that power. The sets may differ in size. */
double dsm_wasserstein_line(const double *a, size_t na, const double *b, size_t nb, int power);

/** 1/2 sum (p - q)^2 / (p + q) of two histograms with counts a, b (bins), p and q their shares: 0 for equal ones, 1 for
 *  disjoint ones (separation power, CaloChallenge, arXiv:2410.21611). */
double dsm_separation(const double *a, const double *b, size_t bins);

/** Area under the ROC curve, P(negative < positive) + P(equal) / 2, and its standard error (DeLong et al. 1988,
 *  doi:10.2307/2531595). Sorts both arrays. `error` is NAN for fewer than two of either. */
double dsm_area_under_curve(double *positive, size_t np, double *negative, size_t nn, double *error);

/** Unbiased MMD^2 (Gretton et al. 2012, JMLR 13:723) from sums of a kernel over rows i of a and of b:
 *  aa_i = sum_{j != i} k(a_i, a_j), ab_i = sum_j k(a_i, b_j), bb_j, ba_j likewise. `variance` is by leaving out each row
 *  in turn; may be NULL. */
double dsm_mmd_of_sums(const double *aa, const double *ab, size_t na, const double *bb, const double *ba,
                       size_t nb, double *variance);

#endif
