/** @file data.h
 *  From HDF5 files to micro-batches: datasets as they are, their statistics and normalisation, the global
 *  order, the loader. */
#ifndef DSMPI_DATA_H
#define DSMPI_DATA_H

#include "dsmpi/conditions.h"
#include "dsmpi/config.h"
#include "dsmpi/normalization.h"
#include "dsmpi/tensor.h"

/* ---- dataset ------------------------------------------------------------------------------------------- */

/** Facts about an open dataset. A sample is (spatial..., C), channels last, whatever the order in the file. */
typedef struct dsm_dataset_info {
  uint64_t rows;  /* samples in the chosen row range */
  uint64_t first; /* first row of the range in the file */
  uint64_t rows_in_file;
  dsm_shape sample;           /* (C) for vectors, (H, W, C) for images; rank 1, 2 (1-D), 3 or 4 (3-D) */
  char axes[64];              /* as used, e.g. "N C H W" */
  const char *axes_from;      /* "config", "labels in the file" or "rank" (a guess from the shape) */
  char file_shape[128];       /* "60000 x 1 x 28 x 28" */
  char type[32];              /* "uint8", "float32", "int16 (big-endian)", ... */
  char layout[128];           /* "contiguous", "chunks of 64 x 1 x 28 x 28, gzip" */
  uint64_t chunk_rows;        /* rows a chunk covers; 1 when contiguous */
  uint64_t chunks_per_sample; /* chunks that one sample touches */
  double
      read_amplification; /* bytes that must be read (and unpacked) for one lone sample / bytes of the sample */
  uint64_t bytes_per_sample; /* in the file's type */
} dsm_dataset_info;

typedef struct dsm_dataset dsm_dataset;
/** Opens `dataset` in `path` read-only, file locking off, no dynamic filter plugins beyond those installed.
 *  @param[in] axes  one letter an axis, from "N" (samples), "C" (channels), and spatial letters (H W, Z Y X,
 *  ...) in the order wanted;
 *                   "" = the file's dimension labels, else a guess: 1-D "N"; 2-D "N C"; 3-D "N H W"; 4-D "N
 *                   C H W", or "N H W C" when only the last axis looks like channels (1, 3 or 4)
 *  @param[in] rows  "start:stop" on the N axis, either part may be missing or negative as in Python; "" = all
 *  Not collective. Integers of any width, float16/32/64 and both byte orders are taken; bool as an enum too.
 *  @return DSM_OK; DSM_NOT_FOUND (file or dataset missing: names the datasets that are there); DSM_BAD_DATA
 *  (not HDF5, truncated, external or soft links, external or virtual storage, compound or string type, axes
 *  that do not fit the rank, empty, a filter that is not installed with the Debian package to install,
 *  declared size beyond what is stored); DSM_BAD_CONFIG (axes or rows malformed). */
dsm_status dsm_dataset_open(const char *path, const char *dataset, const char *axes, const char *rows,
                            dsm_dataset **handle);
void dsm_dataset_close(dsm_dataset **handle);
const dsm_dataset_info *dsm_dataset_info_of(const dsm_dataset *handle);
/** Range [*first, *first + *count) that "start:stop" takes from `rows` rows, as dsm_dataset_open reads it.
 *  @param[in] name  what the user calls it, for messages: "data.rows"
 *  @return DSM_OK; `failure`: malformed, beyond the rows, or of none of them */
dsm_status dsm_rows_parse(const char *name, dsm_status failure, const char *text, uint64_t rows,
                          uint64_t *first, uint64_t *count);
/** Reads samples row[0 ... n-1] (indices inside the row range, any order) as float32, channels last, values
 *  as in the file. Thread-safe against other HDF5 users of the process (one lock; contiguous data are read
 *  by pread outside it). Chunked data: each chunk touched is read once and kept while it is likely to be
 *  needed again, within `cache` bytes of dsm_dataset_set_cache. */
dsm_status dsm_dataset_read(dsm_dataset *handle, const uint64_t *row, size_t n, float *x);
/** Filters, such as compressions, that data may be stored through: names of those that this HDF5 can undo here, and of those
 *  for which a plugin is missing, with commas; each text has room for `size` bytes. */
void dsm_data_filters(char *there, char *missing, size_t size);
/** Names of the datasets that a file holds (through hard links), one a line, sorted, as many as fit into
 *  `text`; "" when there are none.
 *  @return DSM_OK; DSM_NOT_FOUND; DSM_BAD_DATA (not HDF5, damaged). */
dsm_status dsm_file_datasets(const char *path, char *text, size_t size);
/** Bytes of chunk cache, default 256 MiB. */
void dsm_dataset_set_cache(dsm_dataset *handle, size_t bytes);

/* ---- statistics and normalisation ---------------------------------------------------------------------- */

enum { DSM_STATISTICS_PARTS = 64 };

/** Sums over a part of the rows, per channel: values so far, mean, sum of squared deviations, extremes. */
typedef struct dsm_channel_statistics {
  uint64_t count;
  double mean, m2, min, max;
} dsm_channel_statistics;

/** Statistics of part 0 <= part < DSM_STATISTICS_PARTS of the rows (contiguous runs, a function of the row
 *  count alone), one entry a channel. Parts may be computed on any rank and joined in order: the result does
 *  not depend on who computed what.
 *  @return DSM_BAD_DATA for NaN or infinity, naming file, dataset, row (in the file) and channel. */
dsm_status dsm_statistics_part(dsm_dataset *handle, int part, dsm_channel_statistics *statistics);
/** Joins parts 0, 1, ... in order (Chan et al. 1979). `parts` is [DSM_STATISTICS_PARTS][channels]. */
void dsm_statistics_join(const dsm_channel_statistics *parts, size_t channels,
                         dsm_channel_statistics *joined);
/** Normalisation from statistics: standardize  x' = (x - mean) / std (std of a constant channel counts as 1);
 *  range  x' = 2 (x - min) / (max - min) - 1;  none  x' = x. Not per channel: one pair from all channels
 *  together. */
dsm_status dsm_normalization_from(const dsm_channel_statistics *statistics, size_t channels, int kind,
                                  bool per_channel, dsm_normalization *n);

/* ---- conditions ---------------------------------------------------------------------------------------- */

/** The datasets of data.conditions in one file, open. */
typedef struct dsm_condition_data dsm_condition_data;
/** Opens them in `path`.
 *  @param[in]     rows     as in dsm_dataset_open
 *  @param[in]     samples  the samples beside which they stand in the same file: as many rows in the file. NULL:
 *                          they stand alone, and only among themselves have equally many rows
 *  @param[in,out] config   names; where it leaves classes (-1) or columns to the file, what is found is put in
 *  Not collective. @return DSM_OK; what dsm_dataset_open says; DSM_BAD_DATA: not (N) or (N, k), other rows or
 *  columns than expected, or, where classes are counted, a value that is no label, with its row. */
dsm_status dsm_condition_data_open(const char *path, const char *rows, const dsm_dataset_info *samples,
                                   dsm_config *config, dsm_condition_data **handle);
void dsm_condition_data_close(dsm_condition_data **handle);
const dsm_conditions *dsm_condition_data_layout(const dsm_condition_data *handle);
/** Rows in the range. */
uint64_t dsm_condition_data_rows(const dsm_condition_data *handle);
/** Raw conditions (n, columns) of rows row[0 ... n-1] of the range, all of them valid.
 *  @return DSM_OK; DSM_IO; DSM_BAD_DATA: NaN, infinity, a label that is none, naming file, dataset, row, value. */
dsm_status dsm_condition_data_read(dsm_condition_data *handle, const uint64_t *row, size_t n, float *raw);
/** Normalisation of u (width channels): continuous columns to mean 0 and deviation 1, one-hot codes untouched.
 *  Reads and checks all rows of the range. */
dsm_status dsm_condition_data_normalization(dsm_condition_data *handle, dsm_normalization *n);

/* ---- order --------------------------------------------------------------------------------------------- */

/** The order of samples in training: position p = 0, 1, ... of the run goes to a row. Each run of `rows`
 *  positions (an epoch) is a permutation, a function of (seed, epoch): blocks of `block` rows (HDF5 chunks)
 *  are visited in shuffled order, and rows are shuffled inside windows of `window` rows (whole blocks), so
 *  that a file larger than memory is read once an epoch. */
typedef struct dsm_order dsm_order;
dsm_status dsm_order_create(uint64_t rows, uint64_t block, uint64_t window, uint64_t seed, dsm_order **order);
void dsm_order_destroy(dsm_order **order);
/** Row of a position. Not thread-safe (it keeps the current window's shuffle). */
uint64_t dsm_order_row(dsm_order *order, uint64_t position);

/* ---- loader -------------------------------------------------------------------------------------------- */

/** Delivers this rank's rows of each batch, normalised, read ahead by a thread while the caller computes. */
typedef struct dsm_loader dsm_loader;
typedef struct dsm_loader_params {
  uint64_t batch; /* global batch */
  uint64_t first; /* this rank's first sample in the batch */
  uint64_t count; /* this rank's samples in the batch */
  uint64_t seed;
  uint64_t window_bytes; /* shuffle window */
  int64_t start;         /* first step */
  int depth;             /* batches read ahead, >= 1 */
  /* conditions of the samples and their normalisation; NULL: there are none */
  dsm_condition_data *conditions;
  const dsm_normalization *condition_normalization;
} dsm_loader_params;
/** Not collective. Datasets, conditions and normalisations are borrowed until destroy; nobody else may read
 *  them meanwhile. */
dsm_status dsm_loader_create(dsm_dataset *dataset, const dsm_normalization *normalization,
                             const dsm_loader_params *params, dsm_loader **loader);
void dsm_loader_destroy(dsm_loader **loader);
/** Samples of the next step (start, start + 1, ...): (count, sample), borrowed until the next call. Waits
 *  for the reader. Fails with what the reader met (bad value: file, row, channel). */
dsm_status dsm_loader_next(dsm_loader *loader, const float **x);
/** u (count, width) of the samples of the last dsm_loader_next, borrowed as long as those; NULL if there are no
 *  conditions. */
const float *dsm_loader_conditions(const dsm_loader *loader);
/** Rows of the dataset (dsm_dataset_read's numbers) of those samples, (count), borrowed as long. */
const uint64_t *dsm_loader_rows(const dsm_loader *loader);
/** Seconds that next() has waited for data. */
double dsm_loader_waited(const dsm_loader *loader);

/* ---- making and importing data sets -------------------------------------------------------------------- */

/** Writes IDX files (plain or gzip; MNIST family) as /samples (N,1,H,W) in their own type and, if `labels`
 *  is not NULL, /labels (N) int32; axis labels set. `report` receives one line for the user. */
dsm_status dsm_import_idx(const char *images, const char *labels, const char *output, char *report,
                          size_t size);

/** Generated data with known laws, /samples float32; the law is kept in attributes. eight_gaussians also has the
 *  number of each sample's mode: /labels (N) int32. */
typedef struct dsm_make_params {
  const char *kind; /* "gaussian", "eight_gaussians", "checkerboard", "swiss_roll", "gaussian_field" */
  uint64_t count, seed;
  /* gaussian: mean (d) and covariance (d x d, row major) */
  size_t dimension;
  const double *mean, *covariance;
  /* gaussian_field: side n (n x n, periodic), spectrum amplitude * (1 + (k / k0)^2)^(-slope / 2) of the
   * integer wave number k, scaled to unit variance */
  size_t side;
  double k0, slope;
} dsm_make_params;
dsm_status dsm_data_make(const dsm_make_params *params, const char *output, char *report, size_t size);

/** The law that is kept beside a dataset. */
enum { DSM_MADE_LAW_DIMENSION_MAX = 256 };
typedef struct dsm_made_law {
  char kind[32]; /* of dsm_make_params; "" = the data were not made here */
  size_t dimension;
  /* of a gaussian, (d) and (d, d); zero and unit where the file has none; NULL beyond DSM_MADE_LAW_DIMENSION_MAX and of
   * samples that are no vectors. `mean` owns both */
  double *mean, *covariance;
} dsm_made_law;
dsm_status dsm_made_law_read(dsm_dataset *handle, dsm_made_law *law);
void dsm_made_law_destroy(dsm_made_law *law);

/** The known laws, for tests and metrics. eight_gaussians: centres 2 (cos, sin)(2 pi k / 8), std 0.1 each,
 *  weights 1/8. */
void dsm_eight_gaussians_centre(int k, double centre[2]);
#define DSM_EIGHT_GAUSSIANS_STD 0.1

#endif
