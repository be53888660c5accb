/* Where the time of the jobs went: timing.jsonl, a line a job. */
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "dsmpi/clock.h"
#include "internal.h"
#include "numbers.h"

enum { PARTS_MAX = 12, JOBS_SHOWN = 8, WIDTH = 440, ROW = 30, LEFT = 100, RIGHT = 86 };

typedef struct part {
  char name[32];
  double min, mean, max; /* seconds, over ranks */
} part;

typedef struct job {
  double steps, batch, ranks, hosts, seconds, memory;
  char ended[40];
  size_t parts;
  part part[PARTS_MAX];
} job;

static double number(const json_t *object, const char *name) {
  const json_t *value = json_object_get(object, name);
  return json_is_number(value) ? json_number_value(value) : NAN;
}

static bool read_job(const char *line, size_t length, job *j) {
  json_t *document = json_loadb(line, length, JSON_REJECT_DUPLICATES, NULL), *triple;
  json_t *sections = json_object_get(document, "sections");
  const char *name, *ended = json_string_value(json_object_get(document, "ended"));
  *j = (job){.steps = number(document, "steps"),
             .batch = number(document, "batch"),
             .ranks = number(document, "ranks"),
             .hosts = number(document, "hosts"),
             .seconds = number(document, "seconds"),
             .memory = number(document, "peak_memory")};
  snprintf(j->ended, sizeof j->ended, "%s", ended ? ended : "");
  json_object_foreach(sections, name, triple) {
    if (j->parts == PARTS_MAX || json_array_size(triple) != 3) continue;
    part *p = &j->part[j->parts++];
    snprintf(p->name, sizeof p->name, "%s", name);
    p->min = json_number_value(json_array_get(triple, 0));
    p->mean = json_number_value(json_array_get(triple, 1));
    p->max = json_number_value(json_array_get(triple, 2));
  }
  json_decref(document);
  return j->steps > 0 && j->seconds > 0 && j->batch > 0 && j->ranks > 0 && j->parts > 0;
}

/* The last jobs, oldest first. */
static dsm_status read_jobs(dsm__report *r, job *jobs, size_t *count) {
  char path[DSM_TEXT_MAX + 16], *line = NULL;
  size_t room = 0, damaged = 0;
  ssize_t length;
  *count = 0;
  snprintf(path, sizeof path, "%s/timing.jsonl", r->options->run);
  FILE *file = fopen(path, "r");
  if (!file) return DSM_OK;
  while ((length = getline(&line, &room, file)) > 0) {
    job j;
    if (!read_job(line, (size_t)length, &j)) {
      damaged++;
      continue;
    }
    if (*count == JOBS_SHOWN) memmove(jobs, jobs + 1, --*count * sizeof *jobs);
    jobs[(*count)++] = j;
  }
  free(line);
  fclose(file);
  if (damaged > 0)
    dsm__say(&r->page, "%zu line%s of timing.jsonl cannot be read and %s left out.", damaged,
             damaged == 1 ? "" : "s", damaged == 1 ? "is" : "are");
  return DSM_OK;
}

static const part *part_of(const job *j, const char *name) {
  for (size_t i = 0; i < j->parts; i++)
    if (strcmp(j->part[i].name, name) == 0) return &j->part[i];
  return NULL;
}

/* What a job does besides computing, and what makes it less. */
static const struct {
  const char *part, *words;
} costs[] = {
    {"data wait", "waiting for data: faster storage, or chunks that suit the reading, would help"},
    {"gradient sum", "the gradient sum: more samples a rank, or a faster network, would help"},
    {"optimizer", "the optimizer, which costs the same at any batch: more samples a rank would help"},
    {"checkpoint", "checkpoints: a larger train.checkpoint_every would help"},
    {"evaluation", "held-out losses and previews: a larger train.evaluate_every or train.preview_every, or "
                   "fewer samples of either, would help"},
    {"other", "starting, ending and what else has no clock of its own: longer jobs would help"}};

static void say_efficiency(dsm__report *r, const job *j) {
  const part *compute = part_of(j, "compute"), *most = NULL, *next = NULL;
  const char *words = "";
  if (!compute) return;
  for (size_t i = 0; i < sizeof costs / sizeof *costs; i++) {
    const part *p = part_of(j, costs[i].part);
    if (p && (!most || p->mean > most->mean)) {
      next = most;
      most = p;
      words = costs[i].words;
    } else if (p && (!next || p->mean > next->mean)) {
      next = p;
    }
  }
  const double useful = 100 * compute->mean / j->seconds, lost = j->seconds - compute->mean;
  char spread[96] = "", cost[320] = "", beside[96] = "";
  if (j->ranks > 1 && compute->max > 0)
    snprintf(spread, sizeof spread, " The slowest rank computes %.0f %% longer than the average.",
             100 * (compute->max / compute->mean - 1));
  if (most && most->mean > 0)
    snprintf(cost, sizeof cost, " %s, %.0f %% of the time, went into %s.",
             most->mean > lost / 2 ? "Most of the rest" : "The largest part of the rest",
             100 * most->mean / j->seconds, words);
  if (next && next->mean > most->mean / 2)
    snprintf(beside, sizeof beside, " Next is: %s, %.0f %%.", next->name, 100 * next->mean / j->seconds);
  dsm__say(&r->page, "%s%.0f %% of the last job's time went into computing.%s%s%s",
           useful >= 85 ? "Efficient: " : "", useful, cost, beside, spread);
}

static const char *seconds_text(double seconds, char *text, size_t size) {
  if (seconds > 0 && seconds < 0.005)
    snprintf(text, size, "&lt;0.01");
  else if (seconds < 10)
    snprintf(text, size, "%.2f", seconds);
  else
    dsm__figure_text(seconds, 4, text, size);
  return text;
}

/* A bar a section: its mean over ranks; a thin line from the fastest rank to the slowest. */
static void put_bars(dsm__page *page, const job *j) {
  const double scale = (WIDTH - LEFT - RIGHT) / j->seconds;
  dsm__markup(
      page,
      "<figure id=\"timing-bars\"><figcaption>Where the last job's time went<p>Seconds, mean over ranks; the "
      "thin line "
      "goes from the fastest rank to the slowest.</p></figcaption>\n<svg viewBox=\"0 0 %d %zu\" role=\"img\" "
      "aria-label=\"Where the time went\">\n",
      WIDTH, j->parts * ROW + 4);
  for (size_t i = 0; i < j->parts; i++) {
    const part *p = &j->part[i];
    const double y = (double)(i * ROW), min = fmin(fmax(p->min, 0), j->seconds) * scale,
                 mean = fmin(fmax(p->mean, 0), j->seconds) * scale,
                 max = fmin(fmax(p->max, 0), j->seconds) * scale;
    char seconds[40];
    dsm__markup(page, "<text x=\"%d\" y=\"%.0f\" text-anchor=\"end\">", LEFT - 8, y + 18);
    dsm__text(page, p->name);
    dsm__markup(page,
                "</text><path class=\"grid\" d=\"M%d %.0fH%d\"/><rect class=\"model\" fill=\"currentColor\" "
                "x=\"%d\" y=\"%.0f\" "
                "width=\"%.1f\" height=\"16\"/><path class=\"axis\" d=\"M%.1f %.0fH%.1f\"/>"
                "<text x=\"%d\" y=\"%.0f\" text-anchor=\"end\">%s s, %.0f %%</text>\n",
                LEFT, y + 14, WIDTH - RIGHT, LEFT, y + 6, mean, LEFT + min, y + 14, LEFT + max, WIDTH, y + 18,
                seconds_text(p->mean, seconds, sizeof seconds), 100 * p->mean / j->seconds);
  }
  dsm__markup(page, "</svg></figure>\n");
}

static void put_jobs(dsm__page *page, const job *jobs, size_t count) {
  dsm__markup(
      page,
      "<figure><figcaption>Jobs</figcaption>\n<table id=\"jobs\">\n<thead><tr><th>steps</th><th>ranks × "
      "hosts</th><th>time</th><th>samples/s</th><th>memory a rank</th></tr></thead>\n<tbody>\n");
  for (size_t k = 0; k < count; k++) {
    const job *j = &jobs[k];
    char a[4][40];
    dsm__markup(page, "<tr><td>%s</td><td>%.0f × %.0f</td><td>%s</td><td>%s</td><td>%s</td></tr>\n",
                dsm__figure_text(j->steps, 17, a[0], sizeof a[0]), j->ranks, j->hosts,
                dsm_duration(j->seconds, a[1], sizeof a[1]),
                dsm__figure_text(j->steps * j->batch / j->seconds, 3, a[2], sizeof a[2]),
                dsm_bytes(j->memory, a[3], sizeof a[3]));
  }
  dsm__markup(page, "</tbody></table></figure>\n");
}

dsm_status dsm__put_timing(dsm__report *r) {
  job *jobs;
  size_t count;
  DSM_TRY(DSM_ALLOC(JOBS_SHOWN, &jobs));
  dsm__section_begin(&r->page, "timing", "Time");
  DSM_TRY(read_jobs(r, jobs, &count));
  if (count > 0) {
    say_efficiency(r, &jobs[count - 1]);
    dsm__markup(&r->page, "<div class=\"figures\">\n");
    put_bars(&r->page, &jobs[count - 1]);
    put_jobs(&r->page, jobs, count);
    dsm__markup(&r->page, "</div>\n");
  } else {
    dsm__say(&r->page, "No job has come to its end yet; each then leaves a line in timing.jsonl.");
  }
  dsm__section_end(&r->page);
  free(jobs);
  return DSM_OK;
}
