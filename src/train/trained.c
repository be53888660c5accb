/* A trained model, opened for use: from a run folder or a checkpoint to a network with its parameters. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "dsmpi/text.h"
#include "internal.h"

/* Rank 0: finds the checkpoint and reads its header. `folder` is "" where the source is a checkpoint
 * itself. */
static dsm_status find_checkpoint(const char *source, char *folder, size_t size, dsm__trained *t) {
  struct stat facts;
  folder[0] = '\0';
  if (stat(source, &facts) != 0) DSM_FAIL(DSM_NOT_FOUND, "%s: %s", source, strerror(errno));
  if (!S_ISDIR(facts.st_mode)) {
    snprintf(t->path, sizeof t->path, "%s", source);
    return dsm_checkpoint_read_header(source, &t->header);
  }
  snprintf(folder, size, "%s/checkpoints", source);
  DSM_TRY(dsm__newest_header(folder, t->path, sizeof t->path, &t->header));
  if (!t->path[0])
    DSM_FAIL(DSM_NOT_FOUND, "%s holds no checkpoint; is it a run folder of 'dsmpi train -o'?", source);
  return DSM_OK;
}

/* Only what does not change the meaning of the parameters may be overridden. */
static dsm_status apply_overrides(const dsm__trained *t, dsm_config *config) {
  for (size_t i = 0; i < t->override_count; i++) {
    const char *word = t->overrides[i];
    if (strncmp(word, "sampler.", 8) != 0 && strncmp(word, "train.threads=", 14) != 0 &&
        strncmp(word, "train.kernels=", 14) != 0 && strncmp(word, "train.watchdog=", 15) != 0)
      DSM_FAIL(DSM_BAD_CONFIG,
               "'%s': the checkpoint fixes everything but sampler.*, train.threads, train.kernels and "
               "train.watchdog",
               word);
    DSM_TRY(dsm_config_override(word, (int)i + 1, config));
  }
  DSM_TRY(dsm_config_check(config));
  return DSM_OK;
}

bool dsm__trained_overridden(const dsm__trained *t, const char *key) {
  const size_t length = strlen(key);
  for (size_t i = 0; i < t->override_count; i++)
    if (strncmp(t->overrides[i], key, length) == 0 && t->overrides[i][length] == '=') return true;
  return false;
}

/** The average asked for: sampler.ema, or the first of optimizer.ema, or 0 for the raw parameters. */
static dsm_status choose_average(const dsm__trained *t, const double *rates, size_t count, double *rate) {
  const double asked = t->session.config.sampler.ema;
  if (asked == 0 || (asked < 0 && count == 0)) {
    *rate = 0;
    return DSM_OK;
  }
  if (asked < 0) {
    *rate = rates[0];
    return DSM_OK;
  }
  for (size_t i = 0; i < count; i++)
    if (rates[i] == asked) {
      *rate = asked;
      return DSM_OK;
    }
  char known[256] = "0 (the raw parameters)";
  for (size_t i = 0; i < count; i++) dsm_append(known, sizeof known, ", %g", rates[i]);
  DSM_FAIL(DSM_BAD_CONFIG, "sampler.ema: %s has no average of rate %g; it has %s", t->path, asked, known);
}

static void name_average(double rate, dsm__trained *t) {
  if (rate > 0)
    snprintf(t->average, sizeof t->average, "average of rate %g", rate);
  else
    snprintf(t->average, sizeof t->average, "raw parameters");
}

/* Rank 0: reads the parameters, from the newest whole checkpoint where there is a folder. */
static dsm_status read_parameters(const char *folder, dsm__trained *t) {
  dsm_status status = DSM_OK;
  double rates[DSM_AVERAGES_MAX], rate = 0, *average = NULL;
  size_t count = 0;
  dsm_checkpoint_arrays arrays = {.table = dsm_model_parameters(t->session.model), .w = t->w};
  DSM_TRY(dsm_checkpoint_rates(t->path, rates, &count));
  DSM_TRY(choose_average(t, rates, count, &rate));
  if (rate > 0) {
    DSM_TRY(DSM_ALLOC(t->session.count, &average));
    arrays.averages = 1;
    arrays.rates = &rate;
    arrays.average[0] = average;
  }
  if (folder[0]) {
    dsm_checkpoint_destroy(&t->header);
    DSM_TRY_DONE(dsm__newest_whole(folder, &arrays, t->path, sizeof t->path, &t->header));
  } else {
    DSM_TRY_DONE(dsm_checkpoint_read_arrays(t->path, &arrays));
  }
  for (size_t i = 0; average && i < t->session.count; i++) t->w[i] = (float)average[i];
  name_average(rate, t);
done:
  free(average);
  return status;
}

/* Range of the training data in normalised units, as bounds of the predicted x0. */
static dsm_status make_clip(dsm__trained *t) {
  const dsm_normalization *n = &t->header.normalization;
  if (t->session.config.sampler.clip == DSM_CLIP_OFF) return DSM_OK;
  DSM_TRY(DSM_ALLOC(n->channels, &t->clip_low));
  DSM_TRY(DSM_ALLOC(n->channels, &t->clip_high));
  for (size_t c = 0; c < n->channels; c++) dsm_normalized_range(n, c, &t->clip_low[c], &t->clip_high[c]);
  return DSM_OK;
}

static dsm_status build(dsm_comm *comm, const dsm_config *config, dsm__trained *t) {
  DSM_TRY(dsm__session_create(comm, config, t->header.sample, &t->session));
  DSM_TRY(DSM_ALLOC(t->session.count, &t->w));
  DSM_TRY(make_clip(t));
  return DSM_OK;
}

static dsm_status check_kind(const dsm__trained *t, const char *source, const dsm_config *config) {
  const bool classifies = config->objective.name == DSM_OBJECTIVE_CLASSIFIER;
  if (classifies == t->classifies) return DSM_OK;
  DSM_FAIL(DSM_BAD_CONFIG,
           classifies
               ? "%s is a classifier, not a model of the data: 'dsmpi classify' is for it"
               : "%s is no classifier, but a model of the data: train one with objective.name=classifier",
           source);
}

static dsm_status open_all(dsm_comm *comm, const char *source, dsm__trained *t) {
  const bool root = dsm_comm_rank(comm) == 0;
  char folder[DSM_TEXT_MAX + 16];
  dsm_config config;
  DSM_AGREE(comm, root ? find_checkpoint(source, folder, sizeof folder, t) : DSM_OK);
  DSM_TRY(dsm__share_header(comm, &t->header));
  dsm_config_defaults(&config);
  DSM_AGREE(comm, dsm_config_parse("the checkpoint's configuration", t->header.config, &config));
  DSM_AGREE(comm, check_kind(t, source, &config));
  DSM_AGREE(comm, apply_overrides(t, &config));
  DSM_AGREE(comm, build(comm, &config, t));
  DSM_TRY(dsm__placement_check(&t->session));
  DSM_AGREE(comm, dsm__check_label(&t->header, t->path, t->session.process));
  DSM_AGREE(comm, root ? read_parameters(folder, t) : DSM_OK);
  DSM_TRY(dsm_comm_broadcast(comm, t->w, t->session.count * sizeof *t->w, 0));
  DSM_TRY(dsm_comm_broadcast(comm, &t->header.step, sizeof t->header.step, 0));
  return DSM_OK;
}

dsm_status dsm__trained_open(dsm_comm *comm, const char *source, const char *const *overrides,
                             size_t override_count, dsm__trained *t) {
  *t = (dsm__trained){.classifies = t->classifies, .overrides = overrides, .override_count = override_count};
  const dsm_status status = open_all(comm, source, t);
  if (status != DSM_OK) dsm__trained_close(t);
  DSM_TRY(status);
  return DSM_OK;
}

void dsm__trained_close(dsm__trained *t) {
  dsm_checkpoint_destroy(&t->header);
  free(t->w);
  free(t->clip_low);
  free(t->clip_high);
  t->w = NULL;
  t->clip_low = t->clip_high = NULL;
  dsm__session_destroy(&t->session);
}

dsm_status dsm__trained_lend(const dsm__session *session, const dsm_checkpoint *header, float *w,
                             const char *path, dsm__trained *t) {
  double rate;
  *t = (dsm__trained){.session = *session, .header = *header, .w = w};
  snprintf(t->path, sizeof t->path, "%s", path);
  DSM_TRY(choose_average(t, session->config.optimizer.ema.value, session->config.optimizer.ema.count, &rate));
  name_average(rate, t);
  DSM_TRY(make_clip(t));
  return DSM_OK;
}

void dsm__trained_return(dsm__trained *t) {
  free(t->clip_low);
  free(t->clip_high);
  *t = (dsm__trained){0};
}

void dsm__trained_banner(const dsm__trained *t) {
  dsm__banner(&t->session);
  dsm_info("model    %s, step %lld: %s", t->path, (long long)t->header.step,
           dsm_model_text(t->session.model));
}

/* ---- what its results are made with, and how they are kept --------------------------------------------- */

dsm_sampling dsm__trained_sampling(const dsm__trained *t, const dsm_denoiser *denoiser, uint64_t first) {
  const dsm_sampler_settings *settings = &t->session.config.sampler;
  return (dsm_sampling){.process = t->session.process,
                        .denoiser = denoiser,
                        .settings = settings,
                        .n = (size_t)settings->block,
                        .d = t->session.d,
                        .seed = (uint64_t)settings->seed,
                        .first = first,
                        .steps =
                            dsm_sampler_steps(dsm_sampler_of(settings->name), t->session.process, settings),
                        .clip_low = t->clip_low,
                        .clip_high = t->clip_high,
                        .channels = t->header.normalization.channels};
}

const char *dsm__trained_sampler_text(const dsm__trained *t, char *text, size_t size) {
  const dsm_sampler_settings *settings = &t->session.config.sampler;
  const dsm_sampling one = dsm__trained_sampling(t, NULL, 0);
  char sampler[160], given[48] = "";
  dsm_sampler_describe(dsm_sampler_of(settings->name), &one, sampler, sizeof sampler);
  if (t->session.config.data.conditions[0])
    snprintf(given, sizeof given, ", guidance %g", settings->guidance);
  snprintf(text, size, "%s, clip %s%s, %s", sampler, dsm_config_word("sampler.clip", settings->clip), given,
           t->average);
  return text;
}

dsm_status dsm__trained_config_text(const dsm__trained *t, char **text) {
  dsm_config config = t->session.config, initial;
  dsm_config_defaults(&initial);
  config.train.threads = 0; /* the same results come with any number of threads */
  config.train.watchdog = initial.train.watchdog;
  DSM_TRY(dsm_config_text(&config, text));
  return DSM_OK;
}

dsm_samples_info dsm__trained_info(const dsm__trained *t, uint64_t count) {
  static const char *const axes[] = {"N C", "N C W", "N C H W", "N C Z Y X"};
  const dsm_sampler_settings *settings = &t->session.config.sampler;
  dsm_samples_info info = {.count = count,
                           .block = (uint64_t)settings->block,
                           .sample = t->header.sample,
                           .seed = (uint64_t)settings->seed,
                           .step = t->header.step};
  snprintf(info.axes, sizeof info.axes, "%s", axes[t->header.sample.rank - 1]);
  dsm__trained_sampler_text(t, info.sampler, sizeof info.sampler);
  snprintf(info.checkpoint, sizeof info.checkpoint, "%.*s", (int)sizeof info.checkpoint - 1, t->path);
  snprintf(info.program, sizeof info.program, "%s", dsm_version_line());
  return info;
}
