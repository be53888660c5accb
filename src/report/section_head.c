/* Which run this is, how it stands, and in plain words what to think of it. */
#include <math.h>
#include <string.h>
#include "dsmpi/clock.h"
#include "dsmpi/nn.h"
#include "internal.h"
#include "numbers.h"

/* ---- facts --------------------------------------------------------------------------------------------- */

static const struct {
  const char *style, *word;
} states[] = {[DSM_RUN_FINISHED] = {"finished", "finished"},
              [DSM_RUN_STOPPED] = {"stopped", "stopped before its target"},
              [DSM_RUN_FAILED] = {"silent", "ended with an error"},
              [DSM_RUN_RUNNING] = {"running", "running"},
              [DSM_RUN_LIFELESS] = {"silent", "no sign of life"}};

const char *dsm__last_part(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash && slash[1] ? slash + 1 : path;
}

static void put_model(dsm__report *r) {
  const dsm__run *run = &r->run;
  dsm_model *model;
  char count[40], shape[96];
  if (!run->has_config) return;
  if (!run->checkpoint[0] || dsm_model_create(&run->config, run->header.sample, &model) != DSM_OK) {
    dsm_trail_clear();
    dsm__page_fact(&r->page, "Model", "%s", dsm_config_word("model.name", run->config.model.name));
    return;
  }
  dsm__page_fact(
      &r->page, "Model", "%s; %s parameters", dsm_model_text(model),
      dsm__figure_text((double)dsm_parameters_count(dsm_model_parameters(model)), 17, count, sizeof count));
  dsm__page_fact(&r->page, "A sample", "%s, channels last",
                 dsm_shape_text(run->header.sample, shape, sizeof shape));
  dsm_model_destroy(&model);
}

static void put_facts(dsm__report *r) {
  const dsm__run *run = &r->run;
  const dsm_config *c = &run->config;
  char step[40], target[40], epoch[40];
  const double epochs = dsm__history_last(&r->history, "epoch");
  dsm__markup(&r->page, "<table class=\"facts\">\n");
  dsm__figure_text((double)run->step, 17, step, sizeof step);
  dsm__figure_text(epochs, 3, epoch, sizeof epoch);
  if (run->target > 0)
    dsm__page_fact(&r->page, "Step", "%s of %s%s%s", step,
                   dsm__figure_text((double)run->target, 17, target, sizeof target),
                   isfinite(epochs) ? "; epoch " : "", isfinite(epochs) ? epoch : "");
  else
    dsm__page_fact(&r->page, "Step", "%s", step);
  if (run->owner[0]) dsm__page_fact(&r->page, "Job", "%s", run->owner);
  put_model(r);
  if (c->data.file[0]) dsm__page_fact(&r->page, "Data", "%s:%s", c->data.file, c->data.dataset);
  if (run->has_config)
    dsm__page_fact(&r->page, "Method", "process %s, objective %s",
                   dsm_config_word("process.name", c->process.name),
                   dsm_config_word("objective.name", c->objective.name));
  char when[40];
  dsm__page_fact(&r->page, "This page", "%s", dsm_timestamp(when, sizeof when));
  dsm__markup(&r->page, "</table>\n");
}

/* ---- verdict ------------------------------------------------------------------------------------------- */

static dsm__convergence convergence_of(const dsm__report *r) {
  const dsm__history *h = &r->history;
  const double *loss = dsm__history_values(h, "loss");
  return loss ? dsm__convergence_of(dsm__history_values(h, "step"), loss,
                                    dsm__history_values(h, "held_out_loss"), h->rows)
              : (dsm__convergence){.direction = DSM__UNKNOWN};
}

/* "1.2 %", "140 %": a part to two figures. */
static const char *percent_text(double part, char *text, size_t size) {
  snprintf(text, size, fabs(part) < 0.0995 ? "%.2g %%" : "%.0f %%", 100 * part);
  return text;
}

/* The change of a loss in words, "1.2 % (± 0.3 %) since step 4,000". */
static const char *change_text(const dsm__trend *t, char *text, size_t size) {
  char from[40], change[24], error[24];
  snprintf(text, size, "%s (± %s) since step %s",
           percent_text(fabs(t->change) / t->size, change, sizeof change),
           percent_text(t->error / t->size, error, sizeof error),
           dsm__figure_text(t->from, 17, from, sizeof from));
  return text;
}

static void say_unknown(dsm__report *r, const dsm__convergence *c) {
  char change[128];
  const dsm__trend *t = &c->train;
  if (r->history.rows == 0) {
    dsm__say(&r->page, "No step is logged: whether training has converged cannot be told.");
    return;
  }
  if (t->lines < DSM__TREND_LINES) {
    dsm__say(&r->page,
             "Too early to tell: the log has %zu line%s with a loss, and fewer than %d say nothing of "
             "whether training has converged.",
             t->lines, t->lines == 1 ? "" : "s", DSM__TREND_LINES);
    return;
  }
  change_text(t, change, sizeof change);
  if (c->by_held_out && t->direction == DSM__FALLS)
    dsm__say(&r->page,
             "Whether training has converged cannot be told yet: the training loss still falls, by %s, but "
             "the held-out loss does not follow.",
             change);
  else
    dsm__say(&r->page,
             "Whether training has converged cannot be told yet: the training loss has %s by %s, %s. %s",
             t->change < 0 ? "fallen" : "risen", change,
             t->direction == DSM__LEVEL ? "which is level, but the held-out loss does not say so too"
                                        : "and its scatter could hide a fall as well as a standstill",
             c->held_out.lines == 0 ? "More steps will tell; in a new run, a held-out loss (train.held_out) "
                                      "tells sooner."
             : c->held_out.lines < DSM__HELD_OUT_LINES
                 ? "More evaluations of the held-out loss (train.evaluate_every) will tell."
                 : "More steps will tell.");
}

/* Which loss has risen, above what, and what that means. */
static void say_rises(dsm__report *r, const dsm__convergence *c) {
  const bool learns_by_heart = c->train.direction != DSM__RISES;
  const dsm__trend *t = learns_by_heart ? &c->held_out : &c->train;
  char change[128], above[24], best[40];
  percent_text(t->above / fabs(t->lowest), above, sizeof above);
  dsm__figure_text(t->best, 17, best, sizeof best);
  if (learns_by_heart)
    dsm__say(&r->page,
             "The held-out loss was lowest at step %s and is %s higher now: the model begins to learn its "
             "data by heart. An earlier checkpoint, dropout or more data helps.",
             best, above);
  else if (t->above > 0)
    dsm__say(&r->page,
             "The loss has risen: something goes wrong. Over the last quarter it is %s above its best, "
             "around step %s. An earlier checkpoint is better; a smaller optimizer.lr, or warm-up, is what "
             "mostly helps.",
             above, best);
  else
    dsm__say(&r->page,
             "The loss rises: something goes wrong. It has risen by %s. A smaller optimizer.lr, or warm-up, "
             "is what mostly helps.",
             change_text(t, change, sizeof change));
}

static void say_converged(dsm__report *r, const dsm__convergence *c) {
  const dsm__trend *t = c->by_held_out ? &c->held_out : &c->train;
  const char *which = c->by_held_out ? "held-out loss" : "loss";
  char change[128], from[40];
  switch (c->direction) {
  case DSM__UNKNOWN:
    say_unknown(r, c);
    return;
  case DSM__FALLS:
    dsm__say(&r->page, "The %s still falls: training has not converged. It has fallen by %s.", which,
             change_text(t, change, sizeof change));
    return;
  case DSM__RISES:
    say_rises(r, c);
    return;
  case DSM__LEVEL:
    dsm__say(&r->page, "The %s has levelled off: since step %s it has not fallen by as much as 2 %%. %s",
             which, dsm__figure_text(t->from, 17, from, sizeof from),
             r->run.state == DSM_RUN_FINISHED
                 ? "Training has converged, as far as this learning rate takes it."
                 : "Training is not at its end, and a learning rate that decays may still lower it.");
  }
}

static void say_skipped(dsm__report *r) {
  const double skipped = dsm__history_last(&r->history, "skipped");
  if (!(skipped > 0)) return;
  dsm__say(&r->page,
           "%.0f step%s left out, because loss or gradient was not finite; log.txt names the samples. A few "
           "do no harm, many "
           "mean that the learning rate is too high or the data have values out of range.",
           skipped, skipped == 1 ? " was" : "s were");
}

/* Whether some metric tells samples from data. */
static bool told_apart(const dsm__evaluation *e) {
  const double threshold = dsm__metric_threshold(e);
  for (size_t i = 0; i < e->metrics; i++)
    if (dsm__metric_excess(&e->metric[i]) > threshold) return true;
  return false;
}

static void suggest_evaluation(dsm__report *r, const char *before) {
  dsm__say_command(&r->page, before, "dsmpi eval %s --reference %s --json %s/eval.json", r->samples.file,
                   dsm__data_name(r), r->options->run);
}

static void say_metrics(dsm__report *r) {
  const dsm__evaluation *e = &r->evaluation;
  const size_t judged = dsm__metrics_judged(e);
  const double threshold = dsm__metric_threshold(e);
  size_t off = 0, worst = 0;
  double most = 0;
  char value[96], floor[96], by[64] = "";
  for (size_t i = 0; i < e->metrics; i++) {
    const double excess = dsm__metric_excess(&e->metric[i]);
    off += excess > threshold;
    if (excess > most) most = excess, worst = i;
  }
  if (judged == 0) return;
  if (off == 0) {
    dsm__say(&r->page,
             "By %s of the evaluation the samples cannot be told from data: %s within %.1f standard errors "
             "of its floor, the same figure between two parts of the data. Samples as good as data lie there "
             "in 19 evaluations of 20.",
             judged == 1 ? "the one metric" : "none of the metrics", judged == 1 ? "it is" : "each is",
             threshold);
    return;
  }
  const dsm__metric *m = &e->metric[worst];
  if (isfinite(most)) snprintf(by, sizeof by, ", by %.0f standard errors,", most);
  dsm__say(&r->page,
           "%zu of %zu metric%s the samples from data. Furthest from its floor%s is %s%s%s: %s, where data "
           "against data give %s.",
           off, judged, judged == 1 || off == 1 ? judged == 1 ? " tells" : "s tells" : "s tell", by,
           m->metric, strcmp(m->space, "raw") == 0 ? "" : " in the space ",
           strcmp(m->space, "raw") == 0 ? "" : m->space,
           isfinite(m->value) ? dsm__uncertain_text(m->value, m->error, value, sizeof value) : "not finite",
           dsm__uncertain_text(m->floor, m->floor_error, floor, sizeof floor));
}

/* Figures are worth a sentence here if they are of the samples that are shown, and of the model as it is. */
static void say_quality(dsm__report *r) {
  const dsm__staleness *s = &r->staleness;
  char text[2 * DSM_TEXT_MAX + 512], step[40], newest[40];
  if (s->other_samples || s->rewritten) {
    if (s->other_samples)
      snprintf(text, sizeof text,
               "The evaluation is of other samples, %s, than those shown here: its figures say nothing of "
               "these. To evaluate these:",
               s->evaluated);
    else
      snprintf(text, sizeof text,
               "The samples %s have been written after their evaluation, which may be out of date. To "
               "evaluate them as they are:",
               s->evaluated);
    suggest_evaluation(r, text);
  }
  if (s->older && r->run.state != DSM_RUN_RUNNING) {
    snprintf(text, sizeof text,
             "The samples are of step %s, and the newest checkpoint is of step %s: what they and their "
             "figures show is not the model as it is now. To sample from that:",
             dsm__figure_text((double)s->step, 17, step, sizeof step),
             dsm__figure_text((double)r->run.header.step, 17, newest, sizeof newest));
    dsm__say_command(&r->page, text, "dsmpi sample %s -n %llu -o %s/samples/step-%lld.h5", r->options->run,
                     (unsigned long long)(r->samples.rows > 0 ? r->samples.rows : 1000), r->options->run,
                     (long long)r->run.header.step);
  }
  if (!s->other_samples && !s->rewritten) say_metrics(r);
}

static void say_next(dsm__report *r, const dsm__convergence *c) {
  const dsm__run *run = &r->run;
  const char *name = r->options->run;
  if (run->state == DSM_RUN_RUNNING)
    dsm__say(&r->page, "Next: wait. This page shows the run so far; dsmpi report makes it anew.");
  else if (run->state == DSM_RUN_FAILED)
    dsm__say(&r->page,
             "The last job ended with an error: %s. Next: mend that; the dsmpi train command then %s.",
             run->said, run->checkpoint[0] ? "goes on from the newest checkpoint" : "begins again");
  else if (run->state != DSM_RUN_FINISHED)
    dsm__say(&r->page,
             "Next: %sthe dsmpi train command that began the run goes on with it from its newest checkpoint.",
             run->state == DSM_RUN_LIFELESS ? "look whether the job still runs; if not, " : "");
  else if (run->has_config && run->config.objective.name == DSM_OBJECTIVE_CLASSIFIER)
    dsm__say_command(&r->page, "Next:", "dsmpi classify %s --data FILE -o FILE", name);
  else if (c->direction == DSM__FALLS)
    dsm__say(
        &r->page,
        "Next: a larger train.steps, with the same command, goes on from here; samples will get better.");
  else if (c->train.direction == DSM__RISES)
    dsm__say(&r->page, "Next: train anew, in another folder, with what is said above; sampling this model is "
                       "hardly worth its time.");
  else if (!r->samples.x)
    dsm__say_command(&r->page, "Next:", "dsmpi sample %s -n 10000 -o %s/samples/samples.h5", name, name);
  else if (r->evaluation.metrics == 0)
    suggest_evaluation(r, "Next, how good the samples are in numbers:");
  else if (!r->staleness.other_samples && !r->staleness.rewritten && !r->staleness.older &&
           told_apart(&r->evaluation))
    dsm__say(&r->page, "Next: sample with more sampler.steps. If that helps, the sampler was at fault; if "
                       "not, a larger model, more steps "
                       "or a learning rate that decays (optimizer.schedule) is what is left to try.");
}

dsm_status dsm__put_head(dsm__report *r) {
  const dsm__convergence convergence = convergence_of(r);
  dsm__markup(&r->page, "<header id=\"head\">\n<h1>");
  dsm__text(&r->page, dsm__last_part(r->options->run));
  dsm__markup(&r->page, " <span class=\"state %s\">%s</span></h1>\n", states[r->run.state].style,
              states[r->run.state].word);
  dsm__markup(&r->page, "<div class=\"verdict\">\n");
  say_converged(r, &convergence);
  say_skipped(r);
  say_quality(r);
  say_next(r, &convergence);
  dsm__markup(&r->page, "</div>\n");
  put_facts(r);
  if (r->notes > 0) {
    dsm__markup(&r->page, "<h3>Missing or damaged</h3>\n<ul id=\"notes\">\n");
    for (size_t i = 0; i < r->notes; i++) {
      dsm__markup(&r->page, "<li>");
      dsm__text(&r->page, r->note[i]);
      dsm__markup(&r->page, "</li>\n");
    }
    dsm__markup(&r->page, "</ul>\n");
  }
  dsm__markup(&r->page, "</header>\n");
  return DSM_OK;
}
