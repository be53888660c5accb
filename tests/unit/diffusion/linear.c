#include "linear.h"

/* One axis of the plane: data N(m, v); the state and the estimate of x0 one step before, jointly Gaussian. */
typedef struct axis {
  const dsm_process *p;
  double m, v;
  double mean[2], cov[3]; /* state, estimate; cov {{0, 1}, {1, 2}} */
} axis;

typedef struct affine {
  double a, b;
} affine;

/* E[x0 | x] and E[eps | x] as functions of x */
static affine x0_at(const axis *x, double t) {
  double alpha = dsm_process_alpha(x->p, t), sigma = dsm_process_sigma(x->p, t);
  double a = alpha * x->v / (alpha * alpha * x->v + sigma * sigma);
  return (affine){a, x->m * (1 - a * alpha)};
}

static affine eps_at(const axis *x, double t) {
  double alpha = dsm_process_alpha(x->p, t), sigma = dsm_process_sigma(x->p, t);
  double a = sigma / (alpha * alpha * x->v + sigma * sigma);
  return (affine){a, -a * alpha * x->m};
}

static affine velocity_at(const axis *x, double t) {
  double by_x0 = dsm_process_alpha_slope(x->p, t), by_eps = dsm_process_sigma_slope(x->p, t);
  affine x0 = x0_at(x, t), eps = eps_at(x, t);
  return (affine){by_x0 * x0.a + by_eps * eps.a, by_x0 * x0.b + by_eps * eps.b};
}

/* state <- f(state) + before * estimate + noise z;  estimate <- e(state) */
static void take(axis *x, affine f, double before, double noise, affine e) {
  double mean = f.a * x->mean[0] + f.b + before * x->mean[1];
  double own = f.a * f.a * x->cov[0] + 2 * f.a * before * x->cov[1] + before * before * x->cov[2];
  double cross = e.a * (f.a * x->cov[0] + before * x->cov[1]);
  x->cov[2] = e.a * e.a * x->cov[0];
  x->cov[1] = cross;
  x->cov[0] = own + noise * noise;
  x->mean[1] = e.a * x->mean[0] + e.b;
  x->mean[0] = mean;
}

static void take_affine(axis *x, affine f, double noise) {
  take(x, f, 0, noise, (affine){0, 0});
}

/* state <- on_x state + on_x0 x0_hat + on_eps eps_hat + on_before x0_before + noise z */
static void take_estimates(axis *x, double t, double on_x, double on_x0, double on_eps, double on_before,
                           double noise) {
  affine x0 = x0_at(x, t), eps = eps_at(x, t);
  take(x, (affine){on_x + on_x0 * x0.a + on_eps * eps.a, on_x0 * x0.b + on_eps * eps.b}, on_before, noise,
       x0);
}

static double lambda(const axis *x, double t) {
  return log(dsm_process_alpha(x->p, t) / dsm_process_sigma(x->p, t));
}

static void take_dpmpp(axis *x, const double *t, int64_t k, int64_t steps, const dsm_sampler_settings *c,
                       bool sde) {
  double h = lambda(x, t[k + 1]) - lambda(x, t[k]), half = 0;
  double alpha_s = dsm_process_alpha(x->p, t[k + 1]), sigma_s = dsm_process_sigma(x->p, t[k + 1]);
  double sigma_t = dsm_process_sigma(x->p, t[k]);
  bool first_order = k == 0 || (steps < 15 && !c->denoise && k == steps - 2);
  if (!first_order) half = h / (lambda(x, t[k]) - lambda(x, t[k - 1])) / 2;
  double decay = sde ? exp(-2 * h) : exp(-h), factor = alpha_s * (1 - decay);
  take_estimates(x, t[k], sigma_s / sigma_t * (sde ? exp(-h) : 1), factor * (1 + half), 0, -factor * half,
                 sde ? sigma_s * sqrt(1 - decay) : 0);
}

static void take_langevin(axis *x, double t, double tau, int64_t count) {
  affine eps = eps_at(x, t);
  double drift = -tau / dsm_process_sigma(x->p, t);
  for (int64_t k = 0; k < count; k++)
    take_affine(x, (affine){1 + drift * eps.a, drift * eps.b}, sqrt(2 * tau));
}

static double tau_of(const axis *x, const dsm_sampler_settings *c, double t) {
  if (c->langevin_step == 0) return pow(dsm_process_sigma(x->p, t), 2) / 5;
  return c->step_convention == DSM_STEP_TAU ? c->langevin_step : c->langevin_step / 2;
}

static void take_heun(axis *x, double from, double to, double churn, const dsm_sampler_settings *c) {
  double ratio = dsm_process_sigma(x->p, from) / dsm_process_alpha(x->p, from);
  double gamma = fmin(churn, sqrt(2) - 1), u = from;
  if (gamma > 0 && isfinite(ratio) && ratio >= c->churn_min && (c->churn_max == 0 || ratio <= c->churn_max)) {
    double low = from,
           high = dsm_process_last(x->p); /* sigma / alpha = (1 + gamma) ratio, or the last time */
    for (int k = 0; k < 100; k++) {
      u = (low + high) / 2;
      *(dsm_process_sigma(x->p, u) / dsm_process_alpha(x->p, u) < ratio * (1 + gamma) ? &low : &high) = u;
    }
    double grown = dsm_process_sigma(x->p, u) / dsm_process_alpha(x->p, u),
           alpha_u = dsm_process_alpha(x->p, u);
    take_affine(x, (affine){alpha_u / dsm_process_alpha(x->p, from), 0},
                c->churn_noise * alpha_u * sqrt(grown * grown - ratio * ratio));
  }
  if (to > 0) {
    affine v = velocity_at(x, u), w = velocity_at(x, to);
    double h = to - u;
    affine end = {w.a * (1 + h * v.a), w.a * h * v.b + w.b};
    take_affine(x, (affine){1 + h / 2 * (v.a + end.a), h / 2 * (v.b + end.b)}, 0);
  } else {
    take_affine(x, x0_at(x, u), 0);
  }
}

static void take_predictor(axis *x, double t, double s, bool euler_maruyama) {
  double sigma = dsm_process_sigma(x->p, t), h = t - s;
  if (euler_maruyama) {
    double f = dsm_process_drift(x->p, t), g2 = dsm_process_diffusion2(x->p, t);
    take_estimates(x, t, 1 - h * f, 0, -h * g2 / sigma, 0, sqrt(h * g2));
  } else {
    double kept = dsm_process_alpha(x->p, t) / dsm_process_alpha(x->p, s);
    double added = sigma * sigma - kept * kept * pow(dsm_process_sigma(x->p, s), 2);
    take_estimates(x, t, 2 - kept, 0, -added / sigma, 0, sqrt(added));
  }
}

static void take_correction(axis *x, double t, double s, const dsm_sampler_settings *c) {
  double kept = dsm_process_alpha(x->p, t) / dsm_process_alpha(x->p, s);
  take_langevin(x, t, 2 * pow(kept * c->snr * dsm_process_sigma(x->p, t), 2), c->corrector_steps);
}

/* Step k of a walk, not the last one. */
static void take_step(axis *x, int sampler, const dsm_sampler_settings *c, const double *t, int64_t k,
                      int64_t steps) {
  double from = t[k], to = t[k + 1], h = to - from;
  factors f;
  switch (sampler) {
  case DSM_SAMPLER_ANCESTRAL:
    f = ancestral_factors(x->p, to, from, c->variance);
    take_estimates(x, from, f.x_t, f.x0, f.eps, 0, f.noise);
    return;
  case DSM_SAMPLER_DDIM:
    f = ddim_factors(x->p, to, from, c->eta);
    take_estimates(x, from, f.x_t, f.x0, f.eps, 0, f.noise);
    return;
  case DSM_SAMPLER_EULER:
    take_estimates(x, from, 1, h * dsm_process_alpha_slope(x->p, from),
                   h * dsm_process_sigma_slope(x->p, from), 0, 0);
    return;
  case DSM_SAMPLER_EULER_MARUYAMA:
    take_predictor(x, from, to, true);
    return;
  case DSM_SAMPLER_REVERSE_DIFFUSION:
  case DSM_SAMPLER_PREDICTOR_CORRECTOR:
    take_predictor(x, from, to,
                   sampler == DSM_SAMPLER_PREDICTOR_CORRECTOR &&
                       c->predictor == DSM_PREDICTOR_EULER_MARUYAMA);
    return;
  case DSM_SAMPLER_DPMPP_2M:
  case DSM_SAMPLER_DPMPP_2M_SDE:
    take_dpmpp(x, t, k, steps, c, sampler == DSM_SAMPLER_DPMPP_2M_SDE);
    return;
  }
  fail_msg("no law for sampler %d", sampler);
}

static void walk(axis *x, int sampler, const dsm_sampler_settings *c, int64_t steps) {
  double t[2001];
  assert_true(steps <= 2000);
  assert_int_equal(dsm_sampler_times(x->p, c, steps, t), DSM_OK);
  if (sampler == DSM_SAMPLER_ANNEALED_LANGEVIN) {
    double lowest = dsm_process_sigma(x->p, t[steps - 1]), tau = tau_of(x, c, t[steps - 1]);
    for (int64_t k = 0; k < steps; k++) {
      double above = k > 0 ? dsm_process_alpha(x->p, t[k - 1]) : 0; /* x / alpha goes from level to level */
      if (above > 0) take_affine(x, (affine){dsm_process_alpha(x->p, t[k]) / above, 0}, 0);
      take_langevin(x, t[k], tau * pow(dsm_process_sigma(x->p, t[k]) / lowest, 2), c->langevin_steps);
    }
    if (c->denoise) take_affine(x, x0_at(x, t[steps - 1]), 0);
    return;
  }
  for (int64_t k = 0; k < (c->denoise ? steps : steps - 1); k++) {
    if (sampler == DSM_SAMPLER_PREDICTOR_CORRECTOR) take_correction(x, t[k], t[k + 1], c);
    if (sampler == DSM_SAMPLER_HEUN)
      take_heun(x, t[k], t[k + 1], c->churn / (double)steps, c);
    else if (t[k + 1] > 0)
      take_step(x, sampler, c, t, k, steps);
    else
      take_affine(x, x0_at(x, t[k]), 0);
  }
}

bool linear_sampler(int sampler, const dsm_sampler_settings *c) {
  if (sampler == DSM_SAMPLER_ODE || c->metropolis) return false;
  return sampler != DSM_SAMPLER_PREDICTOR_CORRECTOR || c->corrector == DSM_CORRECTOR_ANNEALED ||
         c->corrector_steps == 0;
}

law law_of_samples(const dsm_process *p, const law *data, int sampler, const dsm_sampler_settings *c,
                   int64_t steps) {
  /* eigenvectors (cos, sin) and (-sin, cos) of the covariance */
  double angle = atan2(2 * data->s[1], data->s[0] - data->s[2]) / 2;
  double std = dsm_process_prior_std(p);
  axis axes[2];
  for (int i = 0; i < 2; i++) {
    axis *x = &axes[i];
    double u = i == 0 ? cos(angle) : -sin(angle), w = i == 0 ? sin(angle) : cos(angle);
    *x = (axis){.p = p,
                .m = u * data->mu[0] + w * data->mu[1],
                .v = u * u * data->s[0] + 2 * u * w * data->s[1] + w * w * data->s[2],
                .cov = {std * std}};
    if (sampler == DSM_SAMPLER_LANGEVIN) {
      double t = c->langevin_time > 0 ? c->langevin_time : dsm_process_first(p, true);
      take_langevin(x, t, tau_of(x, c, t), steps);
      if (c->denoise) take_affine(x, x0_at(x, t), 0);
    } else {
      walk(x, sampler, c, steps);
    }
  }
  double c0 = cos(angle), s0 = sin(angle), v0 = axes[0].cov[0], v1 = axes[1].cov[0];
  return (law){
      .mu = {c0 * axes[0].mean[0] - s0 * axes[1].mean[0], s0 * axes[0].mean[0] + c0 * axes[1].mean[0]},
      .s = {c0 * c0 * v0 + s0 * s0 * v1, c0 * s0 * (v0 - v1), s0 * s0 * v0 + c0 * c0 * v1}};
}

double law_bound(int points, double slack) {
  return LAW_ERRORS + slack * sqrt((double)points);
}

double law_distance(const float *x, int points, const law *e, double slack, const char *what) {
  double mean[2] = {0}, s[3] = {0};
  for (int i = 0; i < points; i++)
    for (int j = 0; j < 2; j++) mean[j] += (double)x[2 * i + j] / points;
  for (int i = 0; i < points; i++) {
    double u = (double)x[2 * i] - mean[0], v = (double)x[2 * i + 1] - mean[1];
    s[0] += u * u / (points - 1);
    s[1] += u * v / (points - 1);
    s[2] += v * v / (points - 1);
  }
  double size[2] = {sqrt(e->s[0]), sqrt(e->s[2])};
  const struct {
    double value, expected, scale; /* scale / sqrt(points): standard errors of Gaussian samples */
  } rows[] = {{mean[0], e->mu[0], size[0]},
              {mean[1], e->mu[1], size[1]},
              {s[0], e->s[0], sqrt(2) * e->s[0]},
              {s[1], e->s[1], sqrt(e->s[0] * e->s[2] + e->s[1] * e->s[1])},
              {s[2], e->s[2], sqrt(2) * e->s[2]}};
  static const char *const names[] = {"mean 0", "mean 1", "cov 00", "cov 01", "cov 11"};
  double largest = 0;
  for (int r = 0; r < 5; r++) {
    const double off = fabs(rows[r].value - rows[r].expected) - 1e-6;
    const double distance = off <= 0 ? 0 : off * sqrt((double)points) / rows[r].scale;
    if (!(distance <= law_bound(points, slack)))
      print_error("%s: %s is %g, expected %g: %.1f standard errors off, allowed %.1f\n", what, names[r],
                  rows[r].value, rows[r].expected, distance, law_bound(points, slack));
    largest = worst_of(largest, distance);
  }
  return largest;
}

void assert_law(const float *x, int points, const law *e, double slack, const char *what) {
  assert_true(law_distance(x, points, e, slack, what) <= law_bound(points, slack));
}
