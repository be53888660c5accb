/* Sampling: blocks of samples from a checkpoint into one file, by all ranks. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "internal.h"

typedef struct sampling {
  dsm__session session;
  const dsm_sample_options *options;
  bool from_folder;
  char folder[DSM_TEXT_MAX + 16], path[2 * DSM_TEXT_MAX]; /* checkpoints; the one that is used */
  dsm_checkpoint header;
  float *w;
  dsm_network *network;
  dsm_samples *output;
  int64_t steps, estimates,
      evaluations; /* of a block, and of the network for them; 0: not known beforehand */
  double *clip_low, *clip_high;
  dsm__condition_table conditions;
  char average[64]; /* which parameters, for people */
} sampling;

static bool is_root(const sampling *s) {
  return dsm_comm_rank(s->session.comm) == 0;
}

/* ---- from a checkpoint to a network -------------------------------------------------------------------- */

/** Rank 0: finds the checkpoint and reads its header. */
static dsm_status find_checkpoint(sampling *s) {
  struct stat facts;
  const char *source = s->options->source;
  if (stat(source, &facts) != 0) DSM_FAIL(DSM_NOT_FOUND, "%s: %s", source, strerror(errno));
  s->from_folder = S_ISDIR(facts.st_mode);
  if (!s->from_folder) {
    snprintf(s->path, sizeof s->path, "%s", source);
    return dsm_checkpoint_read_header(source, &s->header);
  }
  snprintf(s->folder, sizeof s->folder, "%s/checkpoints", source);
  DSM_TRY(dsm__newest_header(s->folder, s->path, sizeof s->path, &s->header));
  if (!s->path[0])
    DSM_FAIL(DSM_NOT_FOUND, "%s holds no checkpoint; is it a run folder of 'dsmpi train -o'?", source);
  return DSM_OK;
}

/** Only what does not change the meaning of the parameters may be overridden. */
static dsm_status apply_overrides(const sampling *s, dsm_config *config) {
  for (size_t i = 0; i < s->options->override_count; i++) {
    const char *word = s->options->overrides[i];
    if (strncmp(word, "sampler.", 8) != 0 && strncmp(word, "train.threads=", 14) != 0 &&
        strncmp(word, "train.kernels=", 14) != 0)
      DSM_FAIL(DSM_BAD_CONFIG,
               "'%s': the checkpoint fixes everything but sampler.*, train.threads and train.kernels", word);
    DSM_TRY(dsm_config_override(word, (int)i + 1, config));
  }
  DSM_TRY(dsm_config_check(config));
  return DSM_OK;
}

/** The average asked for: sampler.ema, or the first of optimizer.ema, or 0 for the raw parameters. */
static dsm_status choose_average(const sampling *s, const double *rates, size_t count, double *rate) {
  const double asked = s->session.config.sampler.ema;
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
  for (size_t i = 0; i < count; i++)
    snprintf(known + strlen(known), sizeof known - strlen(known), ", %g", rates[i]);
  DSM_FAIL(DSM_BAD_CONFIG, "sampler.ema: %s has no average of rate %g; it has %s", s->path, asked, known);
}

/** Rank 0: reads the parameters to sample with, from the newest whole checkpoint. */
static dsm_status read_parameters(sampling *s) {
  dsm_status status = DSM_OK;
  double rates[DSM_AVERAGES_MAX], rate = 0, *average = NULL;
  size_t count = 0;
  dsm_checkpoint_arrays arrays = {.table = dsm_model_parameters(s->session.model), .w = s->w};
  DSM_TRY(dsm_checkpoint_rates(s->path, rates, &count));
  DSM_TRY(choose_average(s, rates, count, &rate));
  if (rate > 0) {
    DSM_TRY(DSM_ALLOC(s->session.count, &average));
    arrays.averages = 1;
    arrays.rates = &rate;
    arrays.average[0] = average;
  }
  if (s->from_folder) {
    dsm_checkpoint_destroy(&s->header);
    DSM_TRY_DONE(dsm__newest_whole(s->folder, &arrays, s->path, sizeof s->path, &s->header));
  } else {
    DSM_TRY_DONE(dsm_checkpoint_read_arrays(s->path, &arrays));
  }
  for (size_t i = 0; average && i < s->session.count; i++) s->w[i] = (float)average[i];
  if (rate > 0)
    snprintf(s->average, sizeof s->average, "average of rate %g", rate);
  else
    snprintf(s->average, sizeof s->average, "raw parameters");
done:
  free(average);
  return status;
}

/** Range of the training data in normalised units, as bounds of the predicted x0. */
static dsm_status make_clip(sampling *s) {
  const dsm_normalization *n = &s->header.normalization;
  if (s->session.config.sampler.clip == DSM_CLIP_OFF) return DSM_OK;
  DSM_TRY(DSM_ALLOC(n->channels, &s->clip_low));
  DSM_TRY(DSM_ALLOC(n->channels, &s->clip_high));
  for (size_t c = 0; c < n->channels; c++) dsm_normalized_range(n, c, &s->clip_low[c], &s->clip_high[c]);
  return DSM_OK;
}

static dsm_status build(sampling *s, const dsm_config *config) {
  DSM_TRY(dsm__session_create(s->session.comm, config, s->header.sample, &s->session));
  DSM_TRY(DSM_ALLOC(s->session.count, &s->w));
  DSM_TRY(dsm_network_create(config, s->session.process, s->session.model, &s->session.kernels,
                             (size_t)config->sampler.block, false, &s->network));
  DSM_TRY(make_clip(s));
  return DSM_OK;
}

/* ---- drawing ------------------------------------------------------------------------------------------- */

static dsm_sampling describe(const sampling *s, const dsm_denoiser *denoiser, uint64_t block) {
  const dsm_config *c = &s->session.config;
  return (dsm_sampling){.process = s->session.process,
                        .denoiser = denoiser,
                        .settings = &c->sampler,
                        .n = (size_t)c->sampler.block,
                        .d = s->session.d,
                        .seed = (uint64_t)c->sampler.seed,
                        .first = block * (uint64_t)c->sampler.block,
                        .steps = s->steps,
                        .clip_low = s->clip_low,
                        .clip_high = s->clip_high,
                        .channels = s->header.normalization.channels};
}

static const dsm_sampler *sampler_of(const sampling *s) {
  return dsm_sampler_of(s->session.config.sampler.name);
}

static void describe_sampler(const sampling *s, char *text, size_t size) {
  const dsm_sampling one = describe(s, NULL, 0);
  char sampler[160], given[48] = "";
  dsm_sampler_describe(sampler_of(s), &one, sampler, sizeof sampler);
  if (s->conditions.layout.count > 0)
    snprintf(given, sizeof given, ", guidance %g", s->session.config.sampler.guidance);
  snprintf(text, size, "%s, clip %s%s, %s", sampler,
           dsm_config_word("sampler.clip", s->session.config.sampler.clip), given, s->average);
}

/** Steps and evaluations of a block, after the sampler has agreed to the settings. */
static dsm_status plan_sampler(sampling *s) {
  const dsm_denoiser denoiser = dsm_network_denoiser(s->network, s->w);
  s->steps = dsm_sampler_steps(sampler_of(s), s->session.process, &s->session.config.sampler);
  const dsm_sampling one = describe(s, &denoiser, 0);
  DSM_TRY(dsm_sampler_check(sampler_of(s), &one));
  s->estimates = dsm_sampler_evaluations(sampler_of(s), &one);
  s->evaluations = s->estimates * denoiser.evaluations;
  return DSM_OK;
}

/** Axis letters of a samples file for a sample of this rank. */
static const char *axes_of(dsm_shape sample) {
  static const char *const axes[] = {"N C", "N C W", "N C H W", "N C Z Y X"};
  return axes[sample.rank - 1];
}

/** Rank 0: creates or finds the output. `config` is the text of the effective configuration. */
static dsm_status create_output(const sampling *s, const char *config, uint64_t *missing) {
  dsm_samples_info info = {.count = s->options->count,
                           .block = (uint64_t)s->session.config.sampler.block,
                           .sample = s->header.sample,
                           .seed = (uint64_t)s->session.config.sampler.seed,
                           .evaluations = s->evaluations,
                           .config = config,
                           .step = s->header.step};
  snprintf(info.axes, sizeof info.axes, "%s", axes_of(s->header.sample));
  describe_sampler(s, info.sampler, sizeof info.sampler);
  snprintf(info.checkpoint, sizeof info.checkpoint, "%.*s", (int)sizeof info.checkpoint - 1, s->path);
  snprintf(info.program, sizeof info.program, "%s", dsm_version_line());
  if (s->conditions.rows == 0) return dsm_samples_create(s->options->output, &info, missing);
  dsm_samples_condition given[DSM_LIST_MAX];
  dsm_status status = dsm__condition_table_columns(&s->conditions, info.count, given);
  info.conditions = s->conditions.layout.count;
  info.condition = given;
  if (status == DSM_OK) status = dsm_samples_create(s->options->output, &info, missing);
  for (size_t k = 0; k < info.conditions; k++) free((void *)given[k].value);
  return status;
}

typedef struct block_progress {
  dsm__progress *progress;
  int64_t done, all; /* of finished blocks; of one block */
} block_progress;

static bool show_progress(void *context, int64_t done, int64_t all) {
  block_progress *b = context;
  b->all = all;
  if (b->progress) dsm__progress_show(b->progress, b->done + done, "", false);
  return true;
}

/** What drawing took on this rank. */
typedef struct drawn {
  int64_t evaluations; /* of whole blocks */
  dsm_sampling_moves moves;
  uint64_t bad; /* values that are not finite */
} drawn;

/** Draws this rank's share of the missing blocks: every size-th of them. */
static dsm_status draw_blocks(sampling *s, dsm__progress *progress, drawn *taken) {
  dsm_status status = DSM_OK;
  const uint64_t block = (uint64_t)s->session.config.sampler.block, count = s->options->count;
  const uint64_t blocks = (count + block - 1) / block;
  const int rank = dsm_comm_rank(s->session.comm), size = dsm_comm_size(s->session.comm);
  const dsm_denoiser denoiser = dsm_network_denoiser(s->network, s->w);
  const size_t pixels = s->session.d / s->header.normalization.channels;
  block_progress shown = {progress, 0, 0};
  uint64_t turn = 0;
  const dsm_conditions *layout = &s->conditions.layout;
  float *x = NULL, *raw = NULL, *u = NULL;
  int32_t *needed = NULL;
  DSM_TRY_DONE(DSM_ALLOC(block * s->session.d, &x));
  DSM_TRY_DONE(DSM_ALLOC(block, &needed));
  DSM_TRY_DONE(DSM_ALLOC(block * layout->columns, &raw));
  DSM_TRY_DONE(DSM_ALLOC(block * layout->width, &u));
  for (uint64_t b = 0; b < blocks; b++) {
    if (dsm_samples_done(s->output, b) || turn++ % (uint64_t)size != (uint64_t)rank) continue;
    dsm_sampling one = describe(s, &denoiser, b);
    if (s->conditions.rows > 0) {
      dsm__condition_table_encode(&s->conditions, &s->header.conditions, b * block, block, raw, u);
      dsm_network_condition(s->network, u);
    }
    one.progress = show_progress;
    one.context = &shown;
    one.evaluations = &taken->evaluations;
    one.needed = needed;
    one.moves = &taken->moves;
    DSM_TRY_DONE(dsm_sampler_draw(sampler_of(s), &one, x));
    shown.done += shown.all;
    const uint64_t here = count - b * block < block ? count - b * block : block;
    for (size_t i = 0; i < here * s->session.d; i++) taken->bad += !isfinite(x[i]);
    dsm_denormalize_values(&s->header.normalization, x, block * pixels);
    for (size_t i = 0; i < block; i++) needed[i] *= denoiser.evaluations;
    DSM_TRY_DONE(dsm_samples_write(s->output, b, x, needed, NULL));
  }
done:
  free(x);
  free(needed);
  free(raw);
  free(u);
  return status;
}

/** The sums of `mine` over all ranks. */
static dsm_status sum_drawn(dsm_comm *comm, const drawn *mine, double sum[4]) {
  const double values[4] = {(double)mine->evaluations, (double)mine->moves.proposed,
                            (double)mine->moves.accepted, (double)mine->bad};
  DSM_TRY(dsm_comm_statistics(comm, values, 4, NULL, sum, NULL, NULL));
  for (int i = 0; i < 4; i++) sum[i] *= dsm_comm_size(comm);
  return DSM_OK;
}

/** The closing lines; rank 0. */
static dsm_status report(const sampling *s, uint64_t missing, const double sum[4], double seconds) {
  const uint64_t block = (uint64_t)s->session.config.sampler.block;
  const double drawn_now = fmin((double)(missing * block), (double)s->options->count);
  double mean;
  int64_t largest;
  char time[32];
  if (sum[3] > 0)
    dsm_warn("%.0f values of the samples are not finite: the model has diverged or the sampler takes too few "
             "steps",
             sum[3]);
  dsm_info("drawn    %.0f samples in %s: %.2f samples/s, %.1f network evaluations/s of %llu samples",
           drawn_now, dsm_duration(seconds, time, sizeof time), drawn_now / seconds, sum[0] / seconds,
           (unsigned long long)block);
  DSM_TRY(dsm_samples_evaluations(s->options->output, &mean, &largest));
  if (s->evaluations > 0)
    dsm_info("network  %lld evaluations a sample", (long long)largest);
  else
    dsm_info("network  %.1f evaluations a sample on average, at most %lld", mean, (long long)largest);
  if (sum[1] > 0)
    dsm_info("accepted %.1f %% of the Langevin steps (aim at about 57 %%)", 100 * sum[2] / sum[1]);
  return DSM_OK;
}

static dsm_status draw_all(sampling *s, uint64_t missing) {
  dsm_comm *comm = s->session.comm;
  const uint64_t size = (uint64_t)dsm_comm_size(comm), most = (missing + size - 1) / size;
  const double start = dsm_seconds();
  const bool planned = s->evaluations > 0;
  dsm__progress progress;
  drawn mine = {0};
  double sum[4];
  DSM_AGREE(comm, dsm_samples_open(s->options->output, &s->output));
  dsm__progress_start(&progress, planned ? "evaluation" : "thousandth", "", 0,
                      (int64_t)most * (planned ? s->estimates : 1000));
  const dsm_status status = draw_blocks(s, is_root(s) ? &progress : NULL, &mine);
  dsm_log_transient(NULL);
  dsm_samples_close(&s->output);
  DSM_AGREE(comm, status);
  DSM_AGREE(comm, is_root(s) ? dsm_samples_finish(s->options->output) : DSM_OK);
  DSM_TRY(sum_drawn(comm, &mine, sum));
  DSM_AGREE(comm, is_root(s) ? report(s, missing, sum, dsm_seconds() - start) : DSM_OK);
  return DSM_OK;
}

static dsm_status run(sampling *s, dsm_comm *comm) {
  dsm_config config;
  char *text = NULL, sampler[256];
  uint64_t missing = 0;
  DSM_AGREE(comm, is_root(s) ? find_checkpoint(s) : DSM_OK);
  DSM_TRY(dsm__share_header(comm, &s->header));
  dsm_config_defaults(&config);
  DSM_AGREE(comm, dsm_config_parse("the checkpoint's configuration", s->header.config, &config));
  DSM_AGREE(comm, apply_overrides(s, &config));
  DSM_TRY(
      dsm__condition_table_create(comm, &config, &s->header.conditions, s->options->count, &s->conditions));
  DSM_AGREE(comm, build(s, &config));
  DSM_AGREE(comm, dsm__check_label(&s->header, s->path, s->session.process));
  DSM_AGREE(comm, is_root(s) ? read_parameters(s) : DSM_OK);
  DSM_TRY(dsm_comm_broadcast(comm, s->w, s->session.count * sizeof *s->w, 0));
  DSM_TRY(dsm_comm_broadcast(comm, &s->header.step, sizeof s->header.step, 0));
  DSM_AGREE(comm, plan_sampler(s));
  dsm__banner(&s->session);
  describe_sampler(s, sampler, sizeof sampler);
  dsm_info("model    %s, step %lld: %s", s->path, (long long)s->header.step,
           dsm_model_text(s->session.model));
  if (s->conditions.layout.count > 0) {
    char given[512];
    dsm_info("given    %s: %s", dsm_conditions_text(&s->conditions.layout, given, sizeof given),
             s->conditions.rows == 0            ? "nothing, samples of all kinds (guidance 0)"
             : s->conditions.rows == 1          ? "the same for all samples"
             : config.sampler.condition_file[0] ? config.sampler.condition_file
                                                : "the classes in turn");
  }
  dsm_info("sampler  %s; %s, blocks of %lld", sampler, dsm_process_name_of(s->session.process),
           (long long)config.sampler.block);

  /* the number of threads does not belong to what is drawn: the same samples come with any */
  config.train.threads = 0;
  DSM_AGREE(comm, is_root(s) ? dsm_config_text(&config, &text) : DSM_OK);
  const dsm_status created = dsm_agree(comm, is_root(s) ? create_output(s, text, &missing) : DSM_OK);
  free(text);
  DSM_TRY(created);
  DSM_TRY(dsm_comm_broadcast(comm, &missing, sizeof missing, 0));
  const uint64_t block = (uint64_t)config.sampler.block, blocks = (s->options->count + block - 1) / block;
  dsm_info("output   %s: %llu samples in %llu block%s%s", s->options->output,
           (unsigned long long)s->options->count, (unsigned long long)blocks, blocks == 1 ? "" : "s",
           missing < blocks ? "; going on with an interrupted file" : "");
  if (missing > 0 && missing < (uint64_t)dsm_comm_size(comm))
    dsm_warn("%llu block%s for %d ranks: some have nothing to do; a smaller sampler.block shares the work",
             (unsigned long long)missing, missing == 1 ? "" : "s", dsm_comm_size(comm));
  DSM_TRY(draw_all(s, missing));
  dsm_info("next     dsmpi view %s -o samples.png", s->options->output);
  dsm_info("dsmpi: finished %llu samples", (unsigned long long)s->options->count);
  return DSM_OK;
}

dsm_status dsm_sample(dsm_comm *comm, const dsm_sample_options *options) {
  sampling s = {.options = options};
  s.session.comm = comm;
  const dsm_status status = run(&s, comm);
  if (status != DSM_OK) dsm__forward(status, __FILE__, __LINE__);
  dsm_samples_close(&s.output);
  dsm_network_destroy(&s.network);
  dsm_checkpoint_destroy(&s.header);
  free(s.w);
  free(s.clip_low);
  free(s.clip_high);
  dsm__condition_table_destroy(&s.conditions);
  dsm__session_destroy(&s.session);
  return status;
}
