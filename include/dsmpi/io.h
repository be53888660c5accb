/** @file io.h
 *  Results on disk: checkpoints, samples files, pictures. Everything is whole or absent: written beside,
 *  checked, renamed. */
#ifndef DSMPI_IO_H
#define DSMPI_IO_H

#include <stdint.h>
#include "dsmpi/normalization.h"
#include "dsmpi/parameters.h"
#include "dsmpi/status.h"

/** "HDF5 1.10.8, parallel": the library in use. */
const char *dsm_hdf5_library(void);

/* ---- small files --------------------------------------------------------------------------------------- */

/** Writes a file of `size` bytes, whole or absent: beside its place, flushed to the disk, renamed. Symbolic links are
 *  not followed. @return DSM_OK; DSM_IO, what was there before being untouched. */
dsm_status dsm_file_write(const char *path, const void *bytes, size_t size);
/** Appends to a file, making it if there is none. @return DSM_OK; DSM_IO, perhaps with a part of the text appended. */
dsm_status dsm_file_append(const char *path, const char *text);
/** "PATH.tmp-HOST-PID": what this process calls a file that is under way to `path`. */
dsm_status dsm_temporary_name(const char *path, char *temporary, size_t size);
/** Deletes the files of a folder whose names start so and end as temporary names of processes that are gone: there is no
 *  process of that number on this host, or, on another host, nothing was written for an hour. A missing folder has none.
 *  @return DSM_OK; DSM_IO. */
dsm_status dsm_remove_leftovers(const char *folder, const char *start);

/* ---- where files go ------------------------------------------------------------------------------------ */

typedef enum dsm_storage {
  DSM_STORAGE_DISK,     /* of this host */
  DSM_STORAGE_MEMORY,   /* of this host: gone with it */
  DSM_STORAGE_LAYER,    /* a container's own */
  DSM_STORAGE_NETWORK,  /* one server */
  DSM_STORAGE_LUSTRE,   /* parallel, striped as the user says */
  DSM_STORAGE_PARALLEL, /* parallel, others */
  DSM_STORAGE_UNKNOWN
} dsm_storage;
typedef struct dsm_file_system {
  dsm_storage kind;
  char type[32];     /* "ext4", "nfs"; the kernel's number where it is not known */
  char folder[1024]; /* the one that was asked of */
  double size, room; /* bytes in all, and free for this user */
  bool writable;     /* as far as permissions and mount options tell */
} dsm_file_system;
/** The file system under `path`, which need not exist: of the nearest folder above it that does.
 *  @return DSM_OK; DSM_IO */
dsm_status dsm_file_system_of(const char *path, dsm_file_system *system);

/* ---- checkpoint ---------------------------------------------------------------------------------------- */

enum { DSM_CHECKPOINT_VERSION = 1, DSM_AVERAGES_MAX = 16 };

/** What a checkpoint holds. In the file:
 *    /model/<name>            float32, PyTorch order of axes                 (load_state_dict takes them)
 *    /ema/<rate>/<name>       float64, the same, one group a rate ("0.999")
 *    /optimizer/m, v          float32, flat
 *    /times                   float64, state of the law of the training times, where it has one
 *    /normalization/shift, scale, min, max   float64 (C), attribute kind
 *    /conditions/shift, scale, min, max      the same of the condition vector u, of models that have one
 *    attributes of the root:  format_version, step, seed, loss_sum, loss_steps, skipped, config (YAML), sample_shape
 *    (C, spatial...), program, kernels, blas, time_label, time
 *  Datasets carry fletcher32; the file is in format V110, so that any flipped bit is found on reading. */
typedef struct dsm_checkpoint {
  int64_t step;
  uint64_t seed;
  double loss_sum; /* of the steps since the last line of metrics, so that the log goes on exactly */
  int64_t loss_steps;
  int64_t skipped; /* steps left out so far, because loss or gradient was not finite */
  double noise_square,
      noise_trace;  /* averages behind the gradient noise scale; 0 in files of before they were kept */
  char *config;     /* YAML text of the effective configuration */
  dsm_shape sample; /* (spatial..., C) as the model sees it */
  dsm_normalization normalization;
  dsm_normalization conditions; /* of u; channels 0 = the model has none */
  char program[128], kernels[64],
      blas[128];       /* version and build, kernel set and instructions, BLAS and core type */
  char time_label[96]; /* how the network is shown times, "999 t"; empty in files of before it was kept */
} dsm_checkpoint;
/** Frees what dsm_checkpoint_read_header allocated; accepts a zeroed struct. */
void dsm_checkpoint_destroy(dsm_checkpoint *header);

/** The arrays of a checkpoint, all in the flat layout of `table`. */
typedef struct dsm_checkpoint_arrays {
  const dsm_parameters *table;
  float *w, *m, *v; /* m and v may be NULL when reading for sampling */
  size_t averages;
  const double *rates;
  double *average[DSM_AVERAGES_MAX]; /* NULL entries are not read */
  size_t times_count;
  double
      *times; /* (times_count) state of the law of the training times; NULL: there is none, or not wanted */
} dsm_checkpoint_arrays;

/** Asked when a checkpoint is complete, before it gets its name: a failure keeps it from that. */
typedef struct dsm_checkpoint_gate {
  dsm_status (*may_finish)(void *context);
  void *context;
} dsm_checkpoint_gate;
/** Writes `path` through `path.tmp-HOST-PID`: space reserved first, flushed, fsynced, re-opened and every
 *  dataset's checksum verified, renamed, folder fsynced. One rank calls it. On any failure the temporary
 *  file is removed and an older `path` is untouched. NULL m or v is left out; NULL `gate`: none.
 *  @return DSM_OK; DSM_IO naming path, bytes needed and free, and the reason (disk full, quota, read-only,
 *  ...). */
dsm_status dsm_checkpoint_write(const char *path, const dsm_checkpoint *header,
                                const dsm_checkpoint_arrays *arrays, const dsm_checkpoint_gate *gate);
/** Reads the header of a checkpoint. @return DSM_OK; DSM_NOT_FOUND; DSM_BAD_DATA (not a checkpoint, damaged,
 *  of a later format). */
dsm_status dsm_checkpoint_read_header(const char *path, dsm_checkpoint *header);
/** Reads arrays; names and shapes must be those of the table.
 *  @return DSM_OK; DSM_BAD_DATA (damaged); DSM_BAD_CONFIG: checkpoint of another model, naming the first
 *  parameter that differs, with both shapes. */
dsm_status dsm_checkpoint_read_arrays(const char *path, const dsm_checkpoint_arrays *arrays);
/** Rates of the averages in a file, ascending; returns their number through `count` (at most
 *  DSM_AVERAGES_MAX). */
dsm_status dsm_checkpoint_rates(const char *path, double *rates, size_t *count);

/** "FOLDER/step-00001000.h5"; returns `path`. */
const char *dsm_checkpoint_path(const char *folder, int64_t step, char *path, size_t size);
/** Steps of the checkpoints in a folder, newest (highest step) first; temporary files, other names, and what
 *  is not a regular file are not listed. `*steps` is owned by the caller: free(). A missing folder has none. */
dsm_status dsm_checkpoint_list(const char *folder, int64_t **steps, size_t *count);
/** Deletes all but the newest `keep` checkpoints of a folder (never the newest one) and those of steps that `every`
 *  divides (0: none), and temporary files left by dead runs. */
dsm_status dsm_checkpoint_prune(const char *folder, size_t keep, int64_t every);

/* ---- samples file -------------------------------------------------------------------------------------- */

/** A samples file:
 *    /samples      float32 (N, C, spatial...) in physical units, contiguous, allocated at creation, axis labels
 *    /<field>      (N, row), what else was computed for each sample; laid out like /samples, which may be absent
 *                  then. Attribute description: what it is
 *    /<table>      float64, made of all samples at the end
 *    /index        int64 (N): index of each sample in the random streams
 *    /evaluations  int32 (N): network evaluations that each sample took
 *    /complete     uint8 (blocks): 1 where the block is written
 *    /<condition>  of a model with conditions, under their names: int32 (N) labels, float32 (N, k) others
 *    attributes of the root: count, block, seed, sampler, evaluations (planned), config (YAML), checkpoint
 *    (path), step, program; input, where it was made from data; fields, where there are some
 *  It is called PATH.partial until it is complete. Blocks have a fixed size, so any rank may draw any block
 *  and the bytes are the same. */
typedef struct dsm_samples_condition {
  const char *name;
  bool labels;        /* written as int32 (N), else float32 (N, columns) */
  size_t columns;     /* 1 for labels */
  const float *value; /* (count, columns) */
} dsm_samples_condition;

/** Numbers of a field. */
typedef enum dsm_field_type { DSM_FIELD_FLOAT32, DSM_FIELD_FLOAT64, DSM_FIELD_INT32 } dsm_field_type;
enum { DSM_FIELDS_MAX = 16, DSM_FIELD_NAME_MAX = 64 };
/** A further dataset, one row a sample. */
typedef struct dsm_samples_field {
  const char *name; /* no path, no space */
  dsm_field_type type;
  dsm_shape row; /* rank 0: one number a sample */
  /* how many axes of the row, from its end, are those of a sample: (spatial..., C) where it is handed over, (C,
   * spatial...) in the file, with axis labels. All of them for a row of the sample's shape, one less for several of
   * them, (K, spatial..., C); 0: the row is written as it is, without labels */
  int sample_axes;
  const char *sentence; /* its description */
  bool holes;           /* NaN stands for what is missing, and is no failure */
} dsm_samples_field;

/** A dataset of float64 that is made of all samples at the end, by dsm_samples_write_table. */
typedef struct dsm_samples_table {
  const char *name;
  uint64_t count;       /* numbers */
  const char *sentence; /* its description */
} dsm_samples_table;

typedef struct dsm_samples_info {
  uint64_t count;
  uint64_t block;
  dsm_shape sample; /* (spatial..., C); rank 0: there is no /samples */
  uint64_t seed;
  char axes[64];       /* "N C H W" */
  char sampler[256];   /* "ancestral, 1000 steps, variance large" */
  int64_t evaluations; /* network evaluations planned for a sample; 0 where steps adapt */
  const char *config;  /* YAML; borrowed */
  char checkpoint[1024];
  int64_t step;
  char program[128];
  size_t conditions;
  const dsm_samples_condition *condition; /* borrowed */
  size_t fields;
  const dsm_samples_field *field; /* (fields), borrowed */
  size_t tables;
  const dsm_samples_table
      *table;        /* (tables), borrowed; no part of the request: it follows from what is computed */
  const char *input; /* data that it is made from, in words; borrowed; NULL: none */
} dsm_samples_info;

typedef struct dsm_samples dsm_samples;
/** Creates PATH.partial, or finds one of the same request (count, block, sample, seed, sampler, step, config,
 *  conditions, fields, input) and leaves its finished blocks; one of another request is replaced. A PATH that is not a
 *  samples file is refused (DSM_IO). One rank calls it. @param[out] missing  number of blocks still to be drawn.
 *  @return DSM_OK; DSM_IO; DSM_USAGE: more than a file can hold; DSM_BAD_CONFIG: a condition has the name of a
 *  field. */
dsm_status dsm_samples_create(const char *path, const dsm_samples_info *info, uint64_t *missing);
/** Opens PATH.partial for writing blocks; every rank, after dsm_samples_create returned. Not collective. */
dsm_status dsm_samples_open(const char *path, dsm_samples **samples);
void dsm_samples_close(dsm_samples **samples);
/** True when the block was finished, by this or an earlier job, at the time of dsm_samples_open or by
 *  dsm_samples_write of this handle. */
bool dsm_samples_done(const dsm_samples *samples, uint64_t block);
/** Writes the samples of a block (min(block size, count - first) of them), channels last, physical units,
 *  how many evaluations each took, and the rows of each field, in the order of the request; axes are put in the file's
 *  order; then marks the block complete. Thread-free, lock-free: plain pwrite at the dataset's offset.
 *  @param[in] x      (n, sample); NULL in a file without /samples
 *  @param[in] field  (fields) where the (n, row) numbers of each are, in its type; NULL without fields */
dsm_status dsm_samples_write(dsm_samples *samples, uint64_t block, const float *x, const int32_t *evaluations,
                             const void *const *field);
/** Reads n rows of a field of PATH.partial from sample `first` on, of blocks that are complete, as float64
 *  (n, row), in the file's order of axes. Not collective.
 *  @return DSM_OK; DSM_NOT_FOUND; DSM_BAD_DATA; DSM_IO; DSM_INTERNAL: no such field. */
dsm_status dsm_samples_read(const char *path, const char *name, uint64_t first, size_t n, double *x);
/** Writes a table of PATH.partial, all its numbers. One rank, before dsm_samples_finish; may be done again.
 *  @return DSM_OK; DSM_IO; DSM_BAD_DATA: no table of that name and length was asked for. */
dsm_status dsm_samples_write_table(const char *path, const char *name, const double *x, size_t count);
/** Checks that all blocks are complete, fsyncs, renames PATH.partial to PATH. One rank, after all ranks have
 *  closed.
 *  @return DSM_OK; DSM_IO naming the first missing block: one that a disk has not taken. */
dsm_status dsm_samples_finish(const char *path);
/** Mean and largest of /evaluations of a finished file. */
dsm_status dsm_samples_evaluations(const char *path, double *mean, int64_t *largest);

/** The training step of the model that made a finished file. @return DSM_OK; DSM_NOT_FOUND; DSM_BAD_DATA: no samples file of
 *  this program; DSM_IO. */
dsm_status dsm_samples_step(const char *path, int64_t *step);

/* ---- pictures ------------------------------------------------------------------------------------------ */

/** An 8-bit RGB picture in memory. */
typedef struct dsm_picture {
  size_t width, height;
  unsigned char *rgb; /* owned; height x width x 3 */
} dsm_picture;
dsm_status dsm_picture_create(size_t width, size_t height, const unsigned char background[3],
                              dsm_picture *picture);
void dsm_picture_destroy(dsm_picture *picture);
/** The picture as a PNG in memory. `*bytes` is owned by the caller: free(). */
dsm_status dsm_picture_png(const dsm_picture *picture, unsigned char **bytes, size_t *size);
/** Writes a PNG, beside and renamed. */
dsm_status dsm_picture_write(const dsm_picture *picture, const char *path);

/** The values of channel c of x (pixels, channels) that lie above a share `outer` of them, at[0], and below it, at[1]: with
 *  0.005 one hot pixel does not turn the rest black. Of many values an even selection is sorted. Values that are not finite
 *  are left out; `*finite` counts the others, and without any at = 0, 0. */
dsm_status dsm_value_range(const float *x, size_t pixels, size_t channels, size_t c, double outer,
                           double at[2], size_t *finite);

/** A grid of `count` samples x (count, height, width, channels): 1 channel grey, 3 channels colour, any
 *  other number one grey panel a channel, side by side. Values between low[c] and high[c] go from black to
 *  white; equal bounds give mid-grey. `columns` 0 = about square. Each pixel is drawn `zoom` x `zoom` (0 =
 *  so that the picture is about 800 wide). */
dsm_status dsm_picture_grid(const float *x, size_t count, size_t height, size_t width, size_t channels,
                            const double *low, const double *high, size_t columns, size_t zoom,
                            dsm_picture *picture);
/** How samples are drawn: images (height, width, channels) and bodies (depth, height, width, channels) as planes, points in the
 *  plane (2) as such, other vectors (features) as histograms, series (length, channels) as lines. */
typedef enum dsm_picture_kind {
  DSM_PICTURE_PLANES,
  DSM_PICTURE_POINTS,
  DSM_PICTURE_HISTOGRAMS,
  DSM_PICTURE_SERIES
} dsm_picture_kind;
dsm_picture_kind dsm_picture_kind_of(dsm_shape sample);
/** The grid of samples that are drawn as planes, x (count, sample...); of a body the middle plane. */
dsm_status dsm_picture_planes(const float *x, size_t count, dsm_shape sample, const double *low,
                              const double *high, size_t columns, size_t zoom, dsm_picture *picture);

/** A scatter picture of 2-D points x (count, 2), square of `side` pixels, axes equal, limits from the data's
 *  0.1 % and 99.9 % quantiles with a margin (or from limits[4] = x0 x1 y0 y1 if not NULL), a frame with tick
 *  marks at round numbers; darker where points are denser. */
dsm_status dsm_picture_scatter(const float *x, size_t count, size_t side, const double *limits,
                               dsm_picture *picture);
/** Histograms of the first `features` columns of x (n, width), a panel each, from low[k] to high[k], `columns` in a row (0 = about
 *  square). Bars are shares of all n samples in 40 bins, over them the outline of those of reference (references, width); 0: none. */
dsm_status dsm_picture_histograms(const float *x, size_t width, size_t n, const float *reference,
                                  size_t references, size_t features, const double *low, const double *high,
                                  size_t columns, dsm_picture *picture);
/** Series x (n, length, channels), a panel each, a line for each channel, from the least low[c] to the largest high[c] in all of
 *  them. Values that are not finite leave a gap. */
dsm_status dsm_picture_series(const float *x, size_t n, size_t length, size_t channels, const double *low,
                              const double *high, size_t columns, dsm_picture *picture);

#endif
