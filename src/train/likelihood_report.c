/* From the values of single samples to a result: means, standard errors, the terms of the bound. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "dsmpi/memory.h"
#include "likelihood.h"

enum {
  PART = 4096,          /* single numbers read at a time */
  TERMS_PART = 1 << 18, /* terms read at a time */
  GROUPS = 8            /* lines of the table of terms */
};

/* Mean of a field of one number a sample, and its standard error. */
static dsm_status mean_of(const char *output, const char *name, uint64_t count, double *mean, double *error) {
  double part[PART], sum = 0, square = 0;
  for (int pass = 0; pass < 2; pass++)
    for (uint64_t first = 0; first < count; first += PART) {
      const uint64_t n = count - first < PART ? count - first : PART;
      DSM_TRY(dsm_samples_read(output, name, first, n, part));
      for (uint64_t i = 0; i < n; i++)
        if (pass == 0)
          sum += part[i] / (double)count;
        else
          square += (part[i] - sum) * (part[i] - sum);
    }
  *mean = sum;
  *error = count > 1 ? sqrt(square / ((double)count * (double)(count - 1))) : (double)NAN;
  return DSM_OK;
}

/* Root of the sum of the squares of a field, by the number of samples: the error that errors of its size,
 * each its own, leave in a mean. */
static dsm_status error_left(const char *output, const char *name, uint64_t count, double *error) {
  double part[PART], square = 0;
  for (uint64_t first = 0; first < count; first += PART) {
    const uint64_t n = count - first < PART ? count - first : PART;
    DSM_TRY(dsm_samples_read(output, name, first, n, part));
    for (uint64_t i = 0; i < n; i++) square += part[i] * part[i];
  }
  *error = sqrt(square) / (double)count;
  return DSM_OK;
}

/* ---- terms --------------------------------------------------------------------------------------------- */

static void add(dsm__term_mean *m, double vb, double x0_mse, double eps_mse) {
  m->count++;
  m->vb += vb;
  m->vb_square += vb * vb;
  m->x0_mse += x0_mse;
  m->eps_mse += eps_mse;
}

/* The terms of samples first ... first + n - 1, as many as TERMS_PART has room for. */
typedef struct term_rows {
  double *t, *vb, *x0_mse, *eps_mse; /* (n, terms) */
} term_rows;

static void add_rows(dsm__likelihood *s, const term_rows *r, uint64_t n) {
  for (uint64_t i = 0; i < n; i++)
    for (size_t k = 0; k < s->terms; k++) {
      const size_t at = i * s->terms + k, t = s->options->strata > 0 ? (size_t)r->t[at] : k + 1;
      add(&s->term[k], r->vb[at], r->x0_mse[at], r->eps_mse[at]);
      add(&s->time[t - 1], r->vb[at], r->x0_mse[at], r->eps_mse[at]);
    }
}

static dsm_status sum_terms(dsm__likelihood *s, const char *output) {
  dsm_status status = DSM_OK;
  const uint64_t count = s->given.count, most = s->terms < TERMS_PART ? TERMS_PART / s->terms : 1;
  term_rows r = {0};
  DSM_TRY_DONE(DSM_ALLOC(most * s->terms, &r.t));
  DSM_TRY_DONE(DSM_ALLOC(most * s->terms, &r.vb));
  DSM_TRY_DONE(DSM_ALLOC(most * s->terms, &r.x0_mse));
  DSM_TRY_DONE(DSM_ALLOC(most * s->terms, &r.eps_mse));
  for (uint64_t first = 0; first < count; first += most) {
    const uint64_t n = count - first < most ? count - first : most;
    if (s->options->strata > 0) DSM_TRY_DONE(dsm_samples_read(output, "times", first, n, r.t));
    DSM_TRY_DONE(dsm_samples_read(output, "vb", first, n, r.vb));
    DSM_TRY_DONE(dsm_samples_read(output, "x0_mse", first, n, r.x0_mse));
    DSM_TRY_DONE(dsm_samples_read(output, "eps_mse", first, n, r.eps_mse));
    add_rows(s, &r, n);
  }
done:
  free(r.t);
  free(r.vb);
  free(r.x0_mse);
  free(r.eps_mse);
  return status;
}

/* Standard error of the mean of vb. */
static double error_of(const dsm__term_mean *m) {
  const double mean = m->vb / m->count;
  return m->count > 1 ? sqrt(fmax(m->vb_square / m->count - mean * mean, 0) / (m->count - 1)) : (double)NAN;
}

/* In the order of the tables. */
static void means_at(const dsm__term_mean *m, double value[DSM__BOUND_TABLES]) {
  value[1] = m->count;
  value[2] = m->vb / m->count; /* NAN where there are none */
  value[3] = error_of(m);
  value[4] = m->x0_mse / m->count;
  value[5] = m->eps_mse / m->count;
}

size_t dsm__likelihood_tables(const dsm__likelihood *s, dsm_samples_table table[DSM__BOUND_TABLES]) {
  static const dsm_samples_table tables[DSM__BOUND_TABLES] = {
      {"term_t", 0, "t of the terms, 1 ... T; L_{t-1} is the term of t"},
      {"term_count", 0, "samples of which the term of t was computed"},
      {"term_vb", 0, "mean of vb over them, nats, in normalised units"},
      {"term_vb_error", 0, "its standard error"},
      {"term_x0_mse", 0, "mean of x0_mse over them"},
      {"term_eps_mse", 0, "mean of eps_mse over them"},
  };
  if (s->method != DSM_LIKELIHOOD_BOUND) return 0;
  for (size_t k = 0; k < DSM__BOUND_TABLES; k++) {
    table[k] = tables[k];
    table[k].count = (uint64_t)dsm_process_last(s->bound.process);
  }
  return DSM__BOUND_TABLES;
}

static dsm_status write_tables(const dsm__likelihood *s, const char *output) {
  dsm_status status = DSM_OK;
  dsm_samples_table table[DSM__BOUND_TABLES];
  double *value[DSM__BOUND_TABLES] = {NULL}, row[DSM__BOUND_TABLES];
  const size_t tables = dsm__likelihood_tables(s, table), times = table[0].count;
  for (size_t k = 0; k < tables; k++) DSM_TRY_DONE(DSM_ALLOC(times, &value[k]));
  for (size_t t = 0; t < times; t++) {
    row[0] = (double)t + 1;
    means_at(&s->time[t], row);
    for (size_t k = 0; k < tables; k++) value[k][t] = row[k];
  }
  for (size_t k = 0; k < tables; k++)
    DSM_TRY_DONE(dsm_samples_write_table(output, table[k].name, value[k], times));
done:
  for (size_t k = 0; k < DSM__BOUND_TABLES; k++) free(value[k]);
  return status;
}

dsm_status dsm__likelihood_summarize(void *self, const char *output) {
  dsm__likelihood *s = self;
  double unused;
  DSM_TRY(mean_of(output, "nll", s->given.count, &s->nats, &s->error));
  if (s->method == DSM_LIKELIHOOD_BOUND) {
    DSM_TRY(mean_of(output, "prior", s->given.count, &s->prior, &unused));
    DSM_TRY(sum_terms(s, output));
    DSM_TRY(write_tables(s, output));
  } else if (s->density.law != DSM_PROBE_EXACT && s->density.probes > 1) {
    DSM_TRY(error_left(output, "probe_error", s->given.count, &s->probe_error));
  }
  return DSM_OK;
}

/* ---- in words ------------------------------------------------------------------------------------------ */

/* One line: terms first ... first + n - 1, of the sizes of their strata. */
static void tell_group(const dsm__likelihood *s, const int32_t *size, size_t first, size_t n, int64_t t) {
  const double d = (double)s->density.d;
  double nats = 0, x0_mse = 0, eps_mse = 0, times = 0;
  char range[48];
  for (size_t k = first; k < first + n; k++) {
    const dsm__term_mean *m = &s->term[k];
    nats += size[k] * m->vb / m->count;
    x0_mse += size[k] * m->x0_mse / m->count;
    eps_mse += size[k] * m->eps_mse / m->count;
    times += size[k];
  }
  if (times > 1)
    snprintf(range, sizeof range, "%lld ... %.0f", (long long)t, (double)t + times - 1);
  else
    snprintf(range, sizeof range, "%lld", (long long)t);
  dsm_info("%16s  %12.5f  %12.5f  %12.5f", range, nats / d, x0_mse / times, eps_mse / times);
}

/* L_0, the rest in groups of about equally many terms, L_T. */
static void tell_terms(const dsm__likelihood *s) {
  int32_t *size = NULL;
  const size_t rest = s->terms - 1, groups = rest < GROUPS ? rest : GROUPS;
  if (DSM_ALLOC(s->terms, &size) != DSM_OK) { /* a table less */
    dsm_trail_clear();
    return;
  }
  dsm_bound_sizes(&s->bound, size);
  int64_t t = 2;
  size_t first = 1;
  dsm_info("%16s  %12s  %12s  %12s", "t", "nats/dim", "x0 mse", "eps mse");
  tell_group(s, size, 0, 1, 1);
  for (size_t g = 0; g < groups; g++) {
    const size_t end = 1 + rest * (g + 1) / groups;
    tell_group(s, size, first, end - first, t);
    for (; first < end; first++) t += size[first];
  }
  dsm_info("%16s  %12.5f", "prior", s->prior / (double)s->density.d);
  if (!s->bound.width) dsm_info("%16s  %12.5f", "ln scale", s->log_scale / (double)s->density.d);
  free(size);
}

void dsm__likelihood_report(const dsm__likelihood *s) {
  const double d = (double)s->density.d, bits = d * log(2.0);
  const bool ode = s->method == DSM_LIKELIHOOD_ODE, steps = s->options->width > 0;
  const uint64_t count = s->given.count;
  if (!ode) tell_terms(s);
  if (count > 1) {
    dsm_info("result   %.5f +- %.5f nats/dim, %.5f +- %.5f bits/dim", s->nats / d, s->error / d,
             s->nats / bits, s->error / bits);
    dsm_info("         mean and standard error of %llu samples of %zu dimension%s", (unsigned long long)count,
             s->density.d, s->density.d == 1 ? "" : "s");
  } else {
    dsm_info("result   %.5f nats/dim, %.5f bits/dim: one sample of %zu dimension%s", s->nats / d,
             s->nats / bits, s->density.d, s->density.d == 1 ? "" : "s");
  }
  if (s->probe_error > 0)
    dsm_info("         of the error, the random probes leave %.5f nats/dim", s->probe_error / d);
  if (ode && !steps)
    dsm_info("         -ln p of the model as trained, in the units of the data; no bound");
  else if (ode)
    dsm_info("         an upper bound of -ln P of the steps of %g", s->options->width);
  else if (steps)
    dsm_info("         an upper bound of -ln P of the steps of %g, by the variational bound",
             s->options->width);
  else
    dsm_info("         the variational bound: -ln p of the chain is at most that");
}
