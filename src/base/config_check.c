/* What spans several keys. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "dsmpi/conditions.h"
#include "schema.h"

#define WRONG(...) dsm__mistake(mistakes, 0, 0, __VA_ARGS__)
enum { PREVIEW_MEASURED = 20 /* rows that dsm_evaluate wants */ };

static void check_each(const dsm_config *c, dsm__mistakes *mistakes) {
  char why[256];
  for (size_t i = 0; i < dsm__schema_count; i++) {
    const dsm__setting *s = &dsm__schema[i];
    if (s->flags & DSM__REQUIRED) continue;
    if (!dsm__value_allowed(s, c, why, sizeof why)) WRONG("%s: %s", s->key, why);
  }
}

static void check_shape(const dsm_config *c, dsm__mistakes *mistakes) {
  if (c->data.shape.count > 4)
    WRONG("data.shape has %zu numbers; a sample has up to three axes in space and one of channels",
          c->data.shape.count);
}

static void check_required(const dsm_config *c, dsm__mistakes *mistakes) {
  if (c->data.file[0] == '\0' && c->data.shape.count == 0) /* train asks for the file, bench for either */
    WRONG("data.file is not set; name the HDF5 file with the training data, in the configuration or as "
          "data.file=PATH");
  if (c->train.steps < 1)
    WRONG("train.steps is not set; say how long to train, in the configuration or as train.steps=N");
}

/* The closest allowed divisors of `batch` around `micro`, for advice. */
static void check_batch(const dsm_config *c, dsm__mistakes *mistakes) {
  int64_t batch = c->train.batch, micro = c->train.micro_batch, below = 0, above = 0;
  if (micro < 4 || batch < 4 || batch % micro == 0) return;
  if (micro > batch) {
    WRONG("train.micro_batch = %" PRId64 " is more than train.batch = %" PRId64 "; it can be at most that",
          micro, batch);
    return;
  }
  for (int64_t d = micro; d >= 4 && !below; d--)
    if (batch % d == 0) below = d;
  for (int64_t d = micro; d <= batch && !above; d++)
    if (batch % d == 0) above = d;
  if (below)
    WRONG("train.micro_batch = %" PRId64 " does not divide train.batch = %" PRId64 "; %" PRId64 " or %" PRId64
          " would",
          micro, batch, below, above);
  else
    WRONG("train.micro_batch = %" PRId64 " does not divide train.batch = %" PRId64 "; %" PRId64 " would",
          micro, batch, above);
}

static bool is_one_of(int value, const int *values) { /* -1 at the end */
  while (*values >= 0 && *values != value) values++;
  return *values == value;
}

static void check_process(const dsm_config *c, dsm__mistakes *mistakes) {
  static const int with_rates[] = {DSM_PROCESS_VP, DSM_PROCESS_SUBVP, -1};
  static const int with_levels[] = {DSM_PROCESS_VE, DSM_PROCESS_SMLD, DSM_PROCESS_EDM, -1};
  static const int with_steps[] = {DSM_PROCESS_DDPM, DSM_PROCESS_SMLD, -1};
  /* langevin takes its steps at one level; ode, whose steps are a mere limit, says itself why it cannot run */
  static const int walk_no_levels[] = {DSM_SAMPLER_LANGEVIN, DSM_SAMPLER_ODE, -1};
  const int name = c->process.name;
  if (is_one_of(name, with_rates) && c->process.beta_min >= c->process.beta_max)
    WRONG("process.beta_min = %g must be below process.beta_max = %g", c->process.beta_min,
          c->process.beta_max);
  if (is_one_of(name, with_levels) && c->process.sigma_min >= c->process.sigma_max)
    WRONG("process.sigma_min = %g must be below process.sigma_max = %g", c->process.sigma_min,
          c->process.sigma_max);
  if (is_one_of(name, with_steps) && c->sampler.steps > c->process.steps &&
      !is_one_of(c->sampler.name, walk_no_levels))
    WRONG("sampler.steps = %" PRId64 " is more than process.steps = %" PRId64
          "; a %s process has no more levels",
          c->sampler.steps, c->process.steps, dsm_config_word("process.name", name));
}

static void check_betas(const dsm_config *c, dsm__mistakes *mistakes) {
  const size_t count = c->process.betas.count;
  const bool list = c->process.name == DSM_PROCESS_DDPM && c->process.schedule == DSM_SCHEDULE_LIST;
  if (list && (int64_t)count != c->process.steps)
    WRONG("process.betas has %zu numbers, but process.steps = %" PRId64 "; there must be one a step", count,
          c->process.steps);
  if (!list && count > 0)
    WRONG("process.betas is given, but not used: that takes process.name = ddpm and process.schedule = list");
}

static void check_averages(const dsm_config *c, dsm__mistakes *mistakes) {
  const dsm_real_list *ema = &c->optimizer.ema;
  size_t count = ema->count <= DSM_LIST_MAX ? ema->count : 0;
  bool found = c->sampler.ema == 0 || (c->sampler.ema == -1 && count > 0);
  for (size_t i = 0; i < count; i++) {
    found |= ema->value[i] == c->sampler.ema;
    for (size_t j = 0; j < i; j++)
      if (ema->value[i] == ema->value[j]) WRONG("optimizer.ema has the rate %.10g twice", ema->value[i]);
  }
  if (!found && count == 0)
    WRONG("sampler.ema = %.10g, but optimizer.ema is empty; sampler.ema = 0 takes the parameters themselves",
          c->sampler.ema);
  else if (!found) {
    char known[256];
    if (dsm_config_value(c, "optimizer.ema", known, sizeof known) != DSM_OK) known[0] = '\0';
    WRONG("sampler.ema = %.10g is not one of optimizer.ema = %s; take one of these, or -1 (the first of "
          "them) or 0 (none)",
          c->sampler.ema, known);
  }
}

static void check_conditions(const dsm_config *c, dsm__mistakes *mistakes) {
  dsm_conditions conditions;
  if (dsm_conditions_named(c, &conditions) != DSM_OK) {
    WRONG("%s", dsm_trail_message());
    dsm_trail_clear();
    return;
  }
  const dsm_sampler_settings *s = &c->sampler;
  const char *set = s->label[0]            ? "label"
                    : s->condition.count   ? "condition"
                    : s->condition_file[0] ? "condition_file"
                    : s->guidance != 1     ? "guidance"
                                           : NULL;
  if (conditions.count == 0 && set)
    WRONG("sampler.%s is set, but the model has no conditions (data.conditions is empty)", set);
  if (s->condition_file[0] && (s->label[0] || s->condition.count))
    WRONG("sampler.condition_file holds all conditions; sampler.label and sampler.condition cannot be set "
          "beside it");
}

static void check_held_out(const dsm_config *c, dsm__mistakes *mistakes) {
  if (c->train.held_out == 0 && c->train.evaluate_every > 0)
    WRONG("train.evaluate_every = %" PRId64
          ", but there is nothing to evaluate: train.held_out sets how many samples "
          "are kept for it",
          c->train.evaluate_every);
  if (c->train.held_out > 0 && c->objective.name == DSM_OBJECTIVE_ESM_KDE)
    WRONG("train.held_out = %" PRId64
          ", but objective.name esm_kde draws its samples from the centres of its own "
          "estimate and has no loss of others; train.held_out = 0",
          c->train.held_out);
}

static void check_previews(const dsm_config *c, dsm__mistakes *mistakes) {
  if (c->train.preview_every == 0 && c->train.preview_metrics[0])
    WRONG("train.preview_metrics = '%s', but there are no previews: train.preview_every sets how often",
          c->train.preview_metrics);
  if (c->train.preview_classifier[0] && !c->train.preview_metrics[0])
    WRONG("train.preview_classifier = '%s', but train.preview_metrics has nothing to judge",
          c->train.preview_classifier);
  if (c->train.preview_metrics[0] && c->train.preview_samples < PREVIEW_MEASURED)
    WRONG("train.preview_samples = %" PRId64 ", but train.preview_metrics need %d or more",
          c->train.preview_samples, (int)PREVIEW_MEASURED);
  if (c->train.preview_metrics[0] && c->train.held_out > 0 && c->train.held_out < PREVIEW_MEASURED)
    WRONG("train.held_out = %" PRId64
          ", but train.preview_metrics are taken against these rows and need %d or more",
          c->train.held_out, (int)PREVIEW_MEASURED);
  if (c->train.preview_every > 0 && c->objective.name == DSM_OBJECTIVE_CLASSIFIER)
    WRONG("train.preview_every = %" PRId64 ", but objective.name classifier makes no samples",
          c->train.preview_every);
}

dsm_status dsm_config_check(const dsm_config *config) {
  dsm__mistakes collected, *mistakes = &collected;
  DSM_TRY(dsm__mistakes_begin(mistakes, NULL, false));
  check_required(config, mistakes);
  check_each(config, mistakes);
  check_shape(config, mistakes);
  check_batch(config, mistakes);
  check_process(config, mistakes);
  check_betas(config, mistakes);
  check_averages(config, mistakes);
  check_conditions(config, mistakes);
  check_held_out(config, mistakes);
  check_previews(config, mistakes);
  if (config->train.steps > 0 && config->optimizer.warmup >= config->train.steps)
    WRONG("optimizer.warmup = %" PRId64 " must be below train.steps = %" PRId64, config->optimizer.warmup,
          config->train.steps);
  return dsm__mistakes_end(mistakes);
}
