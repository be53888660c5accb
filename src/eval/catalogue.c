#include "catalogue.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "dsmpi/config.h"
#include "dsmpi/text.h"

enum {
  PAIRS_MAX = 512,      /* features for two_point */
  FRECHET_MAX = 4096,   /* dimensions of a covariance */
  FRECHET_CHEAP = 1024, /* in the list made for the user */
  WORD_MAX = 64
};

#define BIT(space) (1U << (space))
#define GRIDS      (BIT(DSM__RAW) | BIT(DSM__SCALED))
#define POINTS     (BIT(DSM__PCA) | BIT(DSM__LAYERS) | BIT(DSM__FEATURES) | BIT(DSM__CLASSIFIER))
#define VECTORS    (GRIDS | POINTS)

static const dsm__metric metrics[] = {
    {"frechet", VECTORS, dsm__frechet},
    {"frechet_shrunk", VECTORS, dsm__frechet_shrunk},
    {"kernel", VECTORS, dsm__kernel},
    {"mmd", VECTORS, dsm__mmd},
    {"sliced", VECTORS, dsm__sliced},
    {"wasserstein", VECTORS, dsm__wasserstein},
    {"separation", VECTORS, dsm__separation},
    {"spectrum", GRIDS, dsm__spectrum},
    {"two_point", VECTORS, dsm__two_point},
    {"precision_recall", VECTORS, dsm__precision_recall},
    {"c2st", VECTORS, dsm__c2st},
    {"nearest", VECTORS, dsm__nearest},
    {"profile", BIT(DSM__LAYERS), dsm__profile},
    {"inception", 0, dsm__inception},
};
enum { METRICS = sizeof metrics / sizeof *metrics };

static const char *const spaces[] = {"raw", "scaled", "pca", "layers", "features", "classifier", NULL};

dsm_status dsm__note(dsm_evaluation *out, const char *format, ...) {
  va_list arguments;
  void *more = realloc(out->note, (out->notes + 1) * sizeof *out->note);
  if (!more) DSM_FAIL(DSM_NO_MEMORY, "no memory for a note");
  out->note = more;
  va_start(arguments, format);
  vsnprintf(out->note[out->notes++], sizeof *out->note, format, arguments);
  va_end(arguments);
  return DSM_OK;
}

/* ---- does it suit? --------------------------------------------------------------------------------------- */

static size_t dimensions(const dsm__offer *o, dsm__space_name space) {
  if (space == DSM__FEATURES) return o->features;
  if (space == DSM__CLASSIFIER) return o->judged;
  if (space == DSM__PCA) return o->components < o->d ? (size_t)o->components : o->d;
  return o->d;
}

/* Why the metric cannot be taken of these data; NULL: it can. */
static const char *unfit(const dsm__offer *o, const dsm__metric *m, dsm__space_name space) {
  const bool points = !o->fields || (BIT(space) & POINTS) != 0;
  if (space == DSM__FEATURES && !o->features) return "it needs --features and --reference-features";
  if (space == DSM__CLASSIFIER && !o->judged) return "it needs a classifier, give --classifier RUN";
  if (space == DSM__LAYERS && !o->layers) return "it needs the layout of the showers, --layers";
  if (m->run == dsm__inception && !o->probabilities) return "it needs --classifier or --probabilities";
  if (m->run == dsm__spectrum && points) return "it is for fields, (N, C, space...), and these are vectors";
  if (m->run == dsm__two_point && points && dimensions(o, space) < 2) return "one feature has no pairs";
  if (m->run == dsm__two_point && points && dimensions(o, space) > PAIRS_MAX)
    return "there are more than 512 features; take it @pca";
  if ((m->run == dsm__frechet || m->run == dsm__frechet_shrunk) && dimensions(o, space) > FRECHET_MAX)
    return "a covariance of more than 4096 numbers is too large; take it @pca";
  return NULL;
}

/* ---- the list made for the user -------------------------------------------------------------------------- */

static const dsm__metric *metric_of(dsm__metric_run *run) {
  size_t k = 0;
  while (metrics[k].run != run) k++;
  return &metrics[k];
}

static void append(const dsm__offer *o, dsm__metric_run *run, dsm__space_name space, dsm__choice *choice,
                   size_t *count) {
  const dsm__choice c = {metric_of(run), run == dsm__inception ? DSM__NONE : space};
  if (unfit(o, c.metric, c.space)) return;
  for (size_t k = 0; k < *count; k++)
    if (choice[k].metric == c.metric && choice[k].space == c.space) return;
  DSM_ASSERT(*count < DSM__CHOICES_MAX);
  choice[(*count)++] = c;
}

static uint64_t fewer(const uint64_t rows[DSM__SIDES]) {
  return rows[0] < rows[1] ? rows[0] : rows[1];
}

/* Distances of features that a network has made of the rows; 0 of them: there are none. */
static void append_learned(const dsm__offer *o, dsm__space_name space, const uint64_t rows[DSM__SIDES],
                           dsm__choice *choice, size_t *count) {
  const size_t d = dimensions(o, space);
  if (d == 0) return;
  append(o, fewer(rows) > d ? dsm__frechet : dsm__frechet_shrunk, space, choice, count);
  append(o, dsm__kernel, space, choice, count);
  append(o, dsm__precision_recall, space, choice, count);
}

/* The Frechet distance in the space that the number of rows allows. */
static dsm_status choose_frechet(const dsm__offer *o, dsm__choice *choice, size_t *count,
                                 dsm_evaluation *out) {
  const uint64_t rows = fewer(o->rows);
  if (o->d <= FRECHET_CHEAP && rows > o->d) {
    append(o, dsm__frechet, o->base, choice, count);
    return DSM_OK;
  }
  if (o->d > FRECHET_CHEAP)
    DSM_TRY(dsm__note(out, "frechet of all %zu numbers is left out for its cost; ask for it with --metrics",
                      o->d));
  else
    DSM_TRY(dsm__note(out, "frechet: %llu rows are too few for a covariance of %zu numbers",
                      (unsigned long long)rows, o->d));
  append(o, rows > dimensions(o, DSM__PCA) ? dsm__frechet : dsm__frechet_shrunk, DSM__PCA, choice, count);
  return DSM_OK;
}

static dsm_status choose_suiting(const dsm__offer *o, bool all, dsm__choice *choice, size_t *count,
                                 dsm_evaluation *out) {
  static dsm__metric_run *const cheap[] = {dsm__sliced, dsm__precision_recall, dsm__c2st, dsm__nearest},
                                *const physical[] = {dsm__wasserstein, dsm__separation, dsm__spectrum,
                                                     dsm__two_point},
                                *const others[] = {dsm__frechet_shrunk, dsm__mmd, dsm__kernel};
  DSM_TRY(choose_frechet(o, choice, count, out));
  append(o, cheap[0], o->base, choice, count);
  for (size_t k = 0; k < 4; k++) append(o, physical[k], DSM__RAW, choice, count);
  for (size_t k = 1; k < 4; k++) append(o, cheap[k], o->base, choice, count);
  append(o, dsm__profile, DSM__LAYERS, choice, count);
  append(o, dsm__separation, DSM__LAYERS, choice, count);
  append(o, dsm__c2st, DSM__LAYERS, choice, count);
  append(o, dsm__inception, DSM__NONE, choice, count);
  append_learned(o, DSM__CLASSIFIER, o->rows, choice, count);
  append_learned(o, DSM__FEATURES, o->feature_rows, choice, count);
  for (size_t k = 0; all && k < 3; k++) append(o, others[k], o->base, choice, count);
  if (all && fewer(o->rows) > dimensions(o, DSM__PCA)) append(o, dsm__frechet, DSM__PCA, choice, count);
  return DSM_OK;
}

/* ---- the list that the user makes ------------------------------------------------------------------------ */

static dsm_status find_metric(const char *word, const dsm__metric **metric) {
  const char *names[METRICS + 2];
  char known[256] = "";
  for (size_t k = 0; k < METRICS; k++) {
    if (strcmp(word, metrics[k].name) == 0) {
      *metric = &metrics[k];
      return DSM_OK;
    }
    names[k] = metrics[k].name;
    dsm_append(known, sizeof known, "%s%s", k ? ", " : "", metrics[k].name);
  }
  names[METRICS] = "all";
  names[METRICS + 1] = NULL;
  const char *nearest = dsm_nearest_word(word, names);
  if (nearest) DSM_FAIL(DSM_USAGE, "--metrics: there is no metric '%s'; did you mean '%s'?", word, nearest);
  DSM_FAIL(DSM_USAGE, "--metrics: there is no metric '%s'; there are %s, all", word, known);
}

static dsm_status find_space(const char *word, const char *place, dsm__space_name *space) {
  for (int k = 0; spaces[k]; k++)
    if (strcmp(place, spaces[k]) == 0) {
      *space = (dsm__space_name)k;
      return DSM_OK;
    }
  DSM_FAIL(DSM_USAGE,
           "--metrics %s: there is no space '%s'; there are raw, scaled, pca, layers, features, "
           "classifier",
           word, place);
}

/* "METRIC" or "METRIC@SPACE". */
static dsm_status read_word(const char *word, dsm__choice *choice) {
  char name[WORD_MAX];
  snprintf(name, sizeof name, "%s", word);
  char *at = strchr(name, '@');
  if (at) *at++ = '\0';
  DSM_TRY(find_metric(name, &choice->metric));
  const unsigned allowed = choice->metric->spaces;
  choice->space = DSM__NONE;
  if (at)
    DSM_TRY(find_space(word, at, &choice->space));
  else if (allowed == BIT(DSM__LAYERS))
    choice->space = DSM__LAYERS;
  else if (allowed)
    choice->space = DSM__RAW;
  if (choice->space != DSM__NONE && !(allowed & BIT(choice->space)))
    DSM_FAIL(DSM_BAD_CONFIG, "--metrics %s: %s is not taken in the space %s", word, name, at);
  return DSM_OK;
}

/* Copies the first word of a list, and returns what is behind it; NULL at the end. */
static const char *next_word(const char *list, char word[WORD_MAX]) {
  const size_t length = strcspn(list, ",");
  snprintf(word, WORD_MAX, "%.*s", (int)length, list);
  return list[length] ? list + length + 1 : NULL;
}

dsm_status dsm_eval_check_list(const char *list) {
  char word[WORD_MAX];
  dsm__choice choice;
  while (list) {
    list = next_word(list, word);
    if (strcmp(word, "all") != 0) DSM_TRY(read_word(word, &choice));
  }
  return DSM_OK;
}

bool dsm__leaves_choice(const char *list) {
  for (const char *p = list; p; p = strchr(p, ',') ? strchr(p, ',') + 1 : NULL)
    if (strncmp(p, "all", 3) == 0 && (p[3] == ',' || p[3] == '\0')) return true;
  return list == NULL;
}

dsm_status dsm__choose(const dsm__offer *o, const char *list, dsm__choice choice[DSM__CHOICES_MAX],
                       size_t *count, dsm_evaluation *out) {
  *count = 0;
  if (!list) return choose_suiting(o, false, choice, count, out);
  for (const char *rest = list; rest;) {
    char word[WORD_MAX];
    rest = next_word(rest, word);
    if (strcmp(word, "all") == 0) {
      DSM_TRY(choose_suiting(o, true, choice, count, out));
      continue;
    }
    dsm__choice c;
    DSM_TRY(read_word(word, &c));
    const char *why = unfit(o, c.metric, c.space);
    if (why) DSM_FAIL(DSM_BAD_CONFIG, "--metrics %s: %s", word, why);
    if (*count == DSM__CHOICES_MAX / 2)
      DSM_FAIL(DSM_USAGE, "--metrics: more than %d metrics", DSM__CHOICES_MAX / 2);
    bool known = false;
    for (size_t k = 0; k < *count; k++) known |= choice[k].metric == c.metric && choice[k].space == c.space;
    if (!known) choice[(*count)++] = c;
  }
  return DSM_OK;
}
