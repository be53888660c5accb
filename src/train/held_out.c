/* The loss of samples that are not trained on, at times and with noise that stay the same from step to step and run to
 * run, so that its figures compare. Micro-batches are dealt out over the ranks as in training, and run on the training's
 * own graph as far as the loss. What each comes to is a row of sums; all rows go to all ranks and are added in order. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "internal.h"

/* Columns of a row; behind them, the sums of the channels. */
enum { LOSS, HITS, LEVEL, COUNT = LEVEL + DSM__HELD_OUT_LEVELS, CHANNEL = COUNT + DSM__HELD_OUT_LEVELS };

struct dsm__held_out {
  const dsm__session *session;
  dsm_objective *objective;
  size_t n, micro, batches; /* samples, in how many micro-batches */
  size_t first, mine, most; /* of this rank; the most that a rank has */
  size_t conditions;        /* entries of u */
  float *x, *u;             /* (mine, micro, ...), the last batch filled up with its last sample */
  double *t;                /* (batches, micro) */
  float *eps, *loss;        /* of a micro-batch */
  size_t channels, columns;
  double *rows, *all; /* (most, columns), (ranks, most, columns) */
};

dsm_status dsm__held_out_split(const dsm_dataset_info *all, const dsm_config *config, char training[64],
                               char held_out[64]) {
  const uint64_t wanted = (uint64_t)config->train.held_out, end = all->first + all->rows;
  snprintf(training, 64, "%s", config->data.rows);
  held_out[0] = '\0';
  if (wanted == 0) return DSM_OK;
  if (wanted >= all->rows)
    DSM_FAIL(DSM_BAD_CONFIG,
             "train.held_out = %llu leaves nothing to train on of the %llu rows of data.rows: take fewer, or "
             "more rows",
             (unsigned long long)wanted, (unsigned long long)all->rows);
  snprintf(training, 64, "%llu:%llu", (unsigned long long)all->first, (unsigned long long)(end - wanted));
  snprintf(held_out, 64, "%llu:%llu", (unsigned long long)(end - wanted), (unsigned long long)end);
  return DSM_OK;
}

/* ---- set-up -------------------------------------------------------------------------------------------- */

/* Conditions of this rank's samples, as the network takes them. */
static dsm_status read_conditions(dsm__held_out *h, const dsm_dataset *samples, const char *rows,
                                  const dsm_normalization *scaling) {
  dsm_status status = DSM_OK;
  dsm_config config = h->session->config;
  dsm_condition_data *data = NULL;
  float *raw = NULL;
  uint64_t *row = NULL;
  const size_t count = h->mine * h->micro;
  DSM_TRY_DONE(dsm__conditions_open(samples, rows, &config, &data));
  if (!data) goto done;
  const dsm_conditions *layout = dsm_condition_data_layout(data);
  h->conditions = layout->width;
  DSM_TRY_DONE(DSM_ALLOC(count * layout->columns, &raw));
  DSM_TRY_DONE(DSM_ALLOC(count, &row));
  DSM_TRY_DONE(DSM_ALLOC(count * layout->width, &h->u));
  for (size_t i = 0; i < count; i++) {
    const size_t sample = h->first * h->micro + i;
    row[i] = sample < h->n ? sample : h->n - 1;
  }
  DSM_TRY_DONE(dsm_condition_data_read(data, row, count, raw));
  dsm_conditions_encode(layout, scaling->shift, scaling->scale, raw, count, h->u);
done:
  free(row);
  free(raw);
  dsm_condition_data_close(&data);
  return status;
}

static dsm_status read_share(dsm__held_out *h, const char *rows, const dsm_normalization *n,
                             const dsm_normalization *conditions) {
  const dsm_config *c = &h->session->config;
  const dsm_given source = {c->data.file, c->data.dataset, c->data.axes, rows};
  dsm_status status = DSM_OK;
  dsm__given given = {0};
  DSM_TRY_DONE(dsm__given_open(&source, (dsm_shape){0}, n, &given));
  h->n = (size_t)given.count;
  h->batches = (h->n - 1) / h->micro + 1;
  h->most = (h->batches - 1) / (size_t)dsm_comm_size(h->session->comm) + 1;
  dsm_leaf_range(h->batches, dsm_comm_rank(h->session->comm), dsm_comm_size(h->session->comm), &h->first,
                 &h->mine);
  if (h->mine == 0) goto done;
  DSM_TRY_DONE(DSM_ALLOC(h->mine * h->micro * h->session->d, &h->x));
  DSM_TRY_DONE(dsm__given_read(&given, h->first * h->micro, h->mine * h->micro, h->x));
  DSM_TRY_DONE(read_conditions(h, given.dataset, rows, conditions));
done:
  dsm__given_close(&given);
  return status;
}

/* Neighbours in the file are often alike; a permutation keeps them from sharing a noise level. */
static dsm_status spread_times(dsm__held_out *h) {
  const uint64_t seed = (uint64_t)h->session->config.train.seed;
  const dsm_times *times = dsm_objective_times(h->objective);
  uint64_t *place;
  DSM_TRY(DSM_ALLOC(h->batches * h->micro, &h->t));
  DSM_TRY(DSM_ALLOC(h->n, &place));
  dsm_random_permutation((dsm_random_key){seed, DSM_STREAM_HELD_OUT, 0, 0}, h->n, place);
  for (size_t i = 0; i < h->batches * h->micro; i++)
    h->t[i] = dsm_times_quantile(times, ((double)place[i < h->n ? i : h->n - 1] + 0.5) / (double)h->n);
  free(place);
  return DSM_OK;
}

static dsm_status make_room(dsm__held_out *h) {
  const size_t channels = dsm_objective_channels(h->objective);
  h->channels = channels <= DSM__HELD_OUT_CHANNELS ? channels : 0;
  h->columns = CHANNEL + h->channels;
  DSM_TRY(DSM_ALLOC(h->micro * h->session->d, &h->eps));
  DSM_TRY(DSM_ALLOC(h->micro, &h->loss));
  DSM_TRY(DSM_ALLOC(h->most * h->columns, &h->rows));
  DSM_TRY(DSM_ALLOC((size_t)dsm_comm_size(h->session->comm) * h->most * h->columns, &h->all));
  return DSM_OK;
}

dsm_status dsm__held_out_create(const dsm__session *session, dsm_objective *objective, const char *rows,
                                const dsm_normalization *n, const dsm_normalization *conditions,
                                dsm__held_out **held_out) {
  dsm_status status = DSM_OK;
  dsm__held_out *h = NULL;
  *held_out = NULL;
  if (rows[0] == '\0') return DSM_OK;
  DSM_TRY(DSM_ALLOC(1, &h));
  h->session = session;
  h->objective = objective;
  h->micro = (size_t)session->config.train.micro_batch;
  DSM_TRY_DONE(read_share(h, rows, n, conditions));
  DSM_TRY_DONE(spread_times(h));
  DSM_TRY_DONE(make_room(h));
  *held_out = h;
  h = NULL;
done:
  dsm__held_out_destroy(&h);
  return status;
}

void dsm__held_out_destroy(dsm__held_out **held_out) {
  dsm__held_out *h = *held_out;
  if (!h) return;
  free(h->x);
  free(h->u);
  free(h->t);
  free(h->eps);
  free(h->loss);
  free(h->rows);
  free(h->all);
  free(h);
  *held_out = NULL;
}

/* ---- measuring ----------------------------------------------------------------------------------------- */

/* Adds sample i of a micro-batch, `sample` of all, to its row. */
static void add_sample(const dsm__held_out *h, size_t i, size_t sample, double *row) {
  const size_t level = dsm_times_level(dsm_objective_times(h->objective), h->t[sample], DSM__HELD_OUT_LEVELS);
  const double loss = (double)h->loss[i];
  double channel[DSM__HELD_OUT_CHANNELS];
  row[LOSS] += loss;
  row[LEVEL + level] += loss;
  row[COUNT + level] += 1;
  if (h->session->config.objective.name == DSM_OBJECTIVE_CLASSIFIER)
    row[HITS] += dsm_objective_hit(h->objective, i);
  if (h->channels > 0) dsm_objective_channel_losses(h->objective, i, channel);
  for (size_t c = 0; c < h->channels; c++) row[CHANNEL + c] += channel[c];
}

static void measure_batch(dsm__held_out *h, const float *w, size_t number, double *row) {
  const uint64_t seed = (uint64_t)h->session->config.train.seed;
  const size_t batch = h->first + number, start = batch * h->micro;
  dsm_random_normal_rows((dsm_random_key){seed, DSM_STREAM_HELD_OUT, 1, start}, h->micro, h->session->d,
                         h->eps);
  if (h->u) dsm_objective_condition(h->objective, h->u + number * h->micro * h->conditions);
  dsm_objective_measure(h->objective, w, h->x + number * h->micro * h->session->d, h->t + start, h->eps, seed,
                        start, h->loss);
  for (size_t i = 0; i < h->micro && start + i < h->n; i++) add_sample(h, i, start + i, row);
}

static void make_figures(const dsm__held_out *h, const double *sum, dsm__held_out_figures *f) {
  const dsm_objective_settings *s = &h->session->config.objective;
  const bool classifies = s->name == DSM_OBJECTIVE_CLASSIFIER;
  const double n = (double)h->n;
  *f = (dsm__held_out_figures){.loss = sum[LOSS] / n,
                               .accuracy = classifies ? sum[HITS] / n : (double)NAN,
                               .timed = !classifies || s->noisy,
                               .channels = h->channels};
  for (size_t k = 0; k < DSM__HELD_OUT_LEVELS; k++)
    f->level[k] = sum[COUNT + k] > 0 ? sum[LEVEL + k] / sum[COUNT + k] : (double)NAN;
  for (size_t c = 0; c < h->channels; c++) f->channel[c] = sum[CHANNEL + c] / n;
}

/* The rows of all ranks in the order of the micro-batches, added up into the first one. */
static const double *add_rows(dsm__held_out *h) {
  const int ranks = dsm_comm_size(h->session->comm);
  for (int r = 0; r < ranks; r++) {
    size_t first, count;
    dsm_leaf_range(h->batches, r, ranks, &first, &count);
    for (size_t i = r == 0; i < count; i++)
      for (size_t k = 0; k < h->columns; k++) h->all[k] += h->all[((size_t)r * h->most + i) * h->columns + k];
  }
  return h->all;
}

dsm_status dsm__held_out_measure(dsm__held_out *h, const float *w, dsm__board *board,
                                 dsm__held_out_figures *figures) {
  const size_t count = h->most * h->columns;
  memset(h->rows, 0, count * sizeof *h->rows);
  for (size_t i = 0; i < h->mine; i++) {
    measure_batch(h, w, i, h->rows + i * h->columns);
    dsm__board_tick(board);
  }
  DSM_TRY(dsm_comm_allgather(h->session->comm, h->rows, count * sizeof *h->rows, h->all));
  make_figures(h, add_rows(h), figures);
  return DSM_OK;
}
