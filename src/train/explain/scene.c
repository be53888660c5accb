/* What a picture is of: a process, a law, a model, some data, all in the units that the model sees. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "explain.h"

enum { POINTS = 600 };

/* ---- process and model --------------------------------------------------------------------------------- */

/* Continuous time is easier to read than steps of 1000. */
static dsm_status configure(const dsm_explain_options *o, dsm_config *config) {
  dsm_config_defaults(config);
  config->process.name = DSM_PROCESS_VP;
  for (size_t i = 0; i < o->override_count; i++) {
    const char *word = o->overrides[i];
    if (strncmp(word, "process.", 8) != 0 && strncmp(word, "sampler.", 8) != 0)
      DSM_FAIL(DSM_BAD_CONFIG, "'%s': a picture without a model is changed by process.* and sampler.* only",
               word);
    DSM_TRY(dsm_config_override(word, (int)i + 1, config));
  }
  return DSM_OK;
}

static dsm_status open_process(const dsm_explain_options *o, dsm__scene *s) {
  DSM_TRY(configure(o, &s->config));
  DSM_TRY(dsm_process_create(&s->config, &s->own_process));
  s->process = s->own_process;
  return DSM_OK;
}

static dsm_status check_model(const dsm__scene *s) {
  char shape[96];
  const dsm_shape sample = s->trained.header.sample;
  if (sample.rank != 1 || sample.n[0] != 2)
    DSM_FAIL(DSM_BAD_DATA,
             "explain draws models of points in the plane, samples of shape (2); those of %s have shape %s",
             s->trained.path, dsm_shape_text(sample, shape, sizeof shape));
  return DSM_OK;
}

static dsm_status open_model(dsm_comm *comm, const dsm_explain_options *o, dsm__scene *s) {
  DSM_TRY(dsm__trained_open(comm, o->source, o->overrides, o->override_count, &s->trained));
  s->has_model = true;
  DSM_TRY(check_model(s));
  s->config = s->trained.session.config;
  s->process = s->trained.session.process;
  DSM_TRY(dsm_network_create(&s->config, s->process, s->trained.session.model, &s->trained.session.kernels,
                             DSM__SCENE_BLOCK, false, &s->network));
  return DSM_OK;
}

/* ---- law and data -------------------------------------------------------------------------------------- */

/* Opens the data of the model; *set is NULL where a law is named instead, or where they are gone and nobody
 * has named them, which is no failure yet. */
static dsm_status open_data(const dsm__scene *s, dsm_dataset **set) {
  const dsm_explain_options *o = s->options;
  const char *named = o->data, *file = named ? named : s->config.data.file;
  *set = NULL;
  if (o->law || o->parts > 0) return DSM_OK;
  const dsm_status opened = dsm_dataset_open(file, s->config.data.dataset, named ? "" : s->config.data.axes,
                                             named ? "" : s->config.data.rows, set);
  if (opened == DSM_NOT_FOUND && !named) {
    dsm_trail_clear();
    return DSM_OK;
  }
  DSM_TRY(opened);
  const dsm_shape sample = dsm_dataset_info_of(*set)->sample;
  if (sample.rank != 1 || sample.n[0] != 2)
    DSM_FAIL(DSM_BAD_DATA, "%s does not hold points in the plane, which are samples of shape (2)", file);
  return DSM_OK;
}

/* Rows at random, normalised. */
static dsm_status read_points(dsm__scene *s, dsm_dataset *set) {
  dsm_status status = DSM_OK;
  uint64_t *row = NULL;
  DSM_TRY(DSM_ALLOC(s->points, &row));
  for (size_t i = 0; i < s->points; i++)
    row[i] = dsm_random_below((dsm_random_key){s->options->seed, DSM_STREAM_DATA, 1, i}, 0,
                              dsm_dataset_info_of(set)->rows);
  DSM_TRY_DONE(dsm_dataset_read(set, row, s->points, s->data));
  dsm_normalize_values(&s->trained.header.normalization, s->data,
                       2 * s->points / s->trained.header.normalization.channels);
done:
  free(row);
  return status;
}

static dsm_status make_law(dsm__scene *s, dsm_dataset *set) {
  dsm_made_law made = {.dimension = 0};
  if (set) DSM_TRY(dsm_made_law_read(set, &made));
  dsm_status status = dsm__law_create(s->options, set ? &made : NULL, &s->law);
  dsm_made_law_destroy(&made);
  if (status == DSM_OK && s->has_model && s->law.mixture)
    status = dsm__law_normalize(&s->law, &s->trained.header.normalization);
  return status;
}

static dsm_status find_law(dsm__scene *s, dsm_dataset *set) {
  DSM_TRY(make_law(s, set));
  DSM_TRY(DSM_ALLOC(2 * s->points, &s->data));
  if (s->law.mixture)
    dsm_mixture_sample(s->law.mixture, s->options->seed, 0, s->points, s->data);
  else if (set)
    DSM_TRY(read_points(s, set));
  else
    DSM_FAIL(DSM_NOT_FOUND,
             "the data of the model, %s, are not there, and their law is not known: name them by --data, or "
             "the law by --law or --means",
             s->config.data.file);
  return DSM_OK;
}

/* Of the law, where it is known: then times and panels are the same for any seed. */
static void measure(dsm__scene *s) {
  double mean[2] = {0}, covariance[4] = {0};
  if (s->law.mixture) {
    dsm_mixture_moments(s->law.mixture, mean, covariance);
  } else {
    const double share = 1 / (double)s->points;
    for (size_t i = 0; i < 2 * s->points; i++) mean[i % 2] += share * (double)s->data[i];
    for (size_t i = 0; i < 2 * s->points; i++)
      covariance[3 * (i % 2)] += share * pow((double)s->data[i] - mean[i % 2], 2);
  }
  s->deviation = sqrt((covariance[0] + covariance[3]) / 2);
  if (!(s->deviation > 0)) s->deviation = 1;
}

/* ---- all of it ----------------------------------------------------------------------------------------- */

dsm_status dsm__scene_open(dsm_comm *comm, const dsm_explain_options *o, dsm__scene *s) {
  *s = (dsm__scene){.options = o, .points = o->points > 0 ? o->points : POINTS};
  if (o->data && !o->source)
    DSM_FAIL(DSM_USAGE,
             "explain: --data are those of a model, and there is none; --law and --means name laws");
  if (o->data && (o->law || o->parts > 0))
    DSM_FAIL(DSM_USAGE, "explain: --data have a law of their own; leave out --law and --means, or --data");
  if (o->source)
    DSM_TRY(open_model(comm, o, s));
  else
    DSM_TRY(open_process(o, s));
  return DSM_OK;
}

dsm_status dsm__scene_fill(dsm__scene *s) {
  dsm_dataset *set = NULL;
  dsm_status status = s->has_model ? open_data(s, &set) : DSM_OK;
  if (status == DSM_OK) status = find_law(s, set);
  dsm_dataset_close(&set);
  DSM_TRY(status);
  measure(s);
  if (s->law.mixture) {
    s->exact = (dsm_exact){s->law.mixture, s->process, DSM__SCENE_BLOCK};
    s->source[s->sources++] = (dsm__score_source){"exact", dsm_exact_denoiser(&s->exact)};
  }
  if (s->network)
    s->source[s->sources++] = (dsm__score_source){"learned", dsm_network_denoiser(s->network, s->trained.w)};
  return DSM_OK;
}

void dsm__scene_close(dsm__scene *s) {
  free(s->data);
  dsm_mixture_destroy(&s->law.mixture);
  dsm_network_destroy(&s->network);
  dsm_process_destroy(&s->own_process);
  if (s->has_model) dsm__trained_close(&s->trained);
}

/* ---- what pictures ask for ----------------------------------------------------------------------------- */

void dsm__score_source_eps(const dsm__score_source *source, const float *x, size_t n, double t, float *eps) {
  double times[DSM__SCENE_BLOCK];
  float in[2 * DSM__SCENE_BLOCK] = {0}, out[2 * DSM__SCENE_BLOCK];
  for (size_t i = 0; i < DSM__SCENE_BLOCK; i++) times[i] = t;
  for (size_t first = 0; first < n; first += DSM__SCENE_BLOCK) {
    const size_t here = n - first < DSM__SCENE_BLOCK ? n - first : DSM__SCENE_BLOCK;
    memcpy(in, x + 2 * first, 2 * here * sizeof *in);
    source->denoiser.estimate(source->denoiser.self, in, times, &(dsm_estimate){.eps = out});
    memcpy(eps + 2 * first, out, 2 * here * sizeof *out);
  }
}

void dsm__scene_noised(const dsm__scene *s, double t, float *x) {
  const double alpha = dsm_process_alpha(s->process, t), sigma = dsm_process_sigma(s->process, t);
  dsm_random_normal_rows((dsm_random_key){s->options->seed, DSM_STREAM_NOISE, 0, 0}, s->points, 2, x);
  for (size_t i = 0; i < 2 * s->points; i++)
    x[i] = (float)(alpha * (double)s->data[i] + sigma * (double)x[i]);
}

static dsm_status given_times(const dsm__scene *s, double *times, size_t *found) {
  const dsm_explain_options *o = s->options;
  const double last = dsm_process_last(s->process), first = dsm_process_first(s->process, false);
  if (o->times_count > DSM_LIST_MAX)
    DSM_FAIL(DSM_USAGE, "explain: %zu times are too many for one picture; %d are possible", o->times_count,
             (int)DSM_LIST_MAX);
  for (size_t i = 0; i < o->times_count; i++) {
    const double t = o->times[i];
    if (!(t == 0 || (t >= first && t <= last)))
      DSM_FAIL(DSM_USAGE,
               "explain: --times: %g lies outside of the times of this %s process, 0 and %g ... %g", t,
               dsm_process_name_of(s->process), first, last);
    if (dsm_process_discrete(s->process) && t != floor(t))
      DSM_FAIL(DSM_USAGE, "explain: --times: %g is not a whole number, as the times of a %s process are", t,
               dsm_process_name_of(s->process));
    if (i > 0 && t <= times[i - 1])
      DSM_FAIL(DSM_USAGE, "explain: --times: %g does not come after %g; they are wanted in ascending order",
               t, times[i - 1]);
    times[i] = t;
  }
  *found = o->times_count;
  return DSM_OK;
}

dsm_status dsm__scene_times(const dsm__scene *s, const double *ratios, size_t count, double *times,
                            size_t *found) {
  *found = 0;
  if (s->options->times_count > 0) return given_times(s, times, found);
  for (size_t i = 0; i < count; i++) {
    const double t = ratios[i] == 0        ? 0
                     : isfinite(ratios[i]) ? dsm_process_time_of(s->process, ratios[i] * s->deviation)
                                           : dsm_process_last(s->process);
    if (*found == 0 || t > times[*found - 1]) times[(*found)++] = t;
  }
  return DSM_OK;
}

/* The law with its tails, or the data with noise around them. */
static void limits_at(const dsm__scene *s, double t, double limits[4]) {
  const double alpha = dsm_process_alpha(s->process, t), sigma = dsm_process_sigma(s->process, t);
  double low[2] = {INFINITY, INFINITY}, high[2] = {-INFINITY, -INFINITY};
  if (s->law.mixture) {
    dsm_mixture_extent(s->law.mixture, alpha, sigma, 3, low, high);
  } else {
    for (size_t i = 0; i < 2 * s->points; i++) {
      low[i % 2] = fmin(low[i % 2], alpha * (double)s->data[i] - 3 * sigma);
      high[i % 2] = fmax(high[i % 2], alpha * (double)s->data[i] + 3 * sigma);
    }
  }
  for (size_t j = 0; j < 2; j++) limits[2 * j] = low[j], limits[2 * j + 1] = high[j];
}

/* The smallest square with the same middle, and a margin. */
static double make_square(double limits[4]) {
  const double half = 0.53 * fmax(limits[1] - limits[0], limits[3] - limits[2]);
  for (size_t j = 0; j < 2; j++) {
    const double middle = (limits[2 * j] + limits[2 * j + 1]) / 2;
    limits[2 * j] = middle - half;
    limits[2 * j + 1] = middle + half;
  }
  return 2 * half;
}

void dsm__scene_limits(const dsm__scene *s, const double *times, size_t count, double (*limits)[4]) {
  double all[4] = {INFINITY, -INFINITY, INFINITY, -INFINITY}, smallest = INFINITY;
  for (size_t i = 0; i < count; i++) {
    limits_at(s, times[i], limits[i]);
    for (size_t j = 0; j < 4; j += 2) {
      all[j] = fmin(all[j], limits[i][j]);
      all[j + 1] = fmax(all[j + 1], limits[i][j + 1]);
    }
    smallest = fmin(smallest, make_square(limits[i]));
  }
  if (make_square(all) > 2 * smallest) return;
  for (size_t i = 0; i < count; i++) memcpy(limits[i], all, sizeof all);
}

void dsm__scene_tell(const dsm__scene *s) {
  if (s->has_model)
    dsm_info("model    %s, step %lld, %s", s->trained.path, (long long)s->trained.header.step,
             s->trained.average);
  if (s->has_model && s->trained.header.conditions.channels > 0)
    dsm_info("given    nothing: the conditions of the model are left out");
  dsm_info("law      %s%s", s->law.mixture ? s->law.text : "not known: learned panels only",
           s->has_model && s->law.mixture ? ", normalised as the model sees it" : "");
}

void dsm__scene_title(const dsm__scene *s, double t, char *text, size_t size) {
  snprintf(text, size, "t = %.3g   α = %.2g   σ = %.2g", t, dsm_process_alpha(s->process, t),
           dsm_process_sigma(s->process, t));
}
