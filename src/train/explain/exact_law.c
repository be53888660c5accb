/* The laws of `data make` in the plane, and mixtures of round Gaussians, as mixtures whose noisy
 * marginals are exact. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "explain.h"

/* Round normal of standard deviation s. */
static dsm_status add_round(dsm__law *law, double weight, const double mean[2], double s) {
  const double covariance[4] = {s * s, 0, 0, s * s};
  DSM_TRY(dsm_mixture_add_normal(law->mixture, weight, mean, covariance));
  if (!(law->width > 0 && law->width < s)) law->width = s;
  return DSM_OK;
}

/* ---- one law each -------------------------------------------------------------------------------------- */

/* Unlike weights, so that the shares of the parts can be seen to come out. */
static dsm_status our_mixture(dsm__law *law) {
  static const double means[3][2] = {{-1.2, -0.8}, {1.3, -0.5}, {0.1, 1.3}}, stds[3] = {0.55, 0.45, 0.5},
                      weights[3] = {0.45, 0.2, 0.35};
  for (int k = 0; k < 3; k++) DSM_TRY(add_round(law, weights[k], means[k], stds[k]));
  return DSM_OK;
}

static dsm_status given_mixture(const dsm_explain_options *o, dsm__law *law) {
  if (o->stds_count > 1 && o->stds_count != o->parts)
    DSM_FAIL(DSM_USAGE, "explain: %zu standard deviations do not fit %zu means; give one, or one each",
             o->stds_count, o->parts);
  if (o->weights_count > 0 && o->weights_count != o->parts)
    DSM_FAIL(DSM_USAGE, "explain: %zu weights do not fit %zu means; give one each", o->weights_count,
             o->parts);
  for (size_t k = 0; k < o->parts; k++) {
    const double s = o->stds_count == 0 ? 0.5 : o->stds[o->stds_count == 1 ? 0 : k];
    if (!(s > 0)) DSM_FAIL(DSM_USAGE, "explain: the standard deviation %g is not above 0", s);
    DSM_TRY(add_round(law, o->weights_count ? o->weights[k] : 1, o->means + 2 * k, s));
  }
  snprintf(law->text, sizeof law->text, "a mixture of %zu Gaussian%s", o->parts, o->parts == 1 ? "" : "s");
  return DSM_OK;
}

static dsm_status gaussian(const dsm_made_law *made, dsm__law *law) {
  static const double zero[2] = {0}, unit[4] = {1, 0, 0, 1};
  const bool known = made && made->dimension == 2;
  const double *c = known ? made->covariance : unit;
  DSM_TRY(dsm_mixture_add_normal(law->mixture, 1, known ? made->mean : zero, c));
  law->width = sqrt((c[0] + c[3]) / 2 - hypot((c[0] - c[3]) / 2, c[1])); /* the smaller eigenvalue */
  return DSM_OK;
}

static dsm_status eight_gaussians(dsm__law *law) {
  for (int k = 0; k < 8; k++) {
    double centre[2];
    dsm_eight_gaussians_centre(k, centre);
    DSM_TRY(add_round(law, 1, centre, DSM_EIGHT_GAUSSIANS_STD));
  }
  return DSM_OK;
}

static dsm_status checkerboard(dsm__law *law) {
  for (int column = 0; column < 4; column++)
    for (int row = column % 2; row < 4; row += 2) {
      const double low[2] = {2 * column - 4, 2 * row - 4}, high[2] = {low[0] + 2, low[1] + 2};
      DSM_TRY(dsm_mixture_add_box(law->mixture, 1, low, high));
    }
  law->width = 2 / sqrt(12.0);
  return DSM_OK;
}

/* The spiral is an integral over its parameter t: by Gauss's rule of four nodes on each of 64 pieces a
 * sum of normals of deviation 0.2, whose density is right to 1e-5 of the largest, and to 1e-4 of itself
 * in the tails. */
static dsm_status swiss_roll(dsm__law *law) {
  enum { PIECES = 64, NODES = 4 };
  static const double node[NODES] = {-0.8611363115940526, -0.3399810435848563, 0.3399810435848563,
                                     0.8611363115940526},
                      weight[NODES] = {0.3478548451374538, 0.6521451548625461, 0.6521451548625461,
                                       0.3478548451374538};
  const double pi = acos(-1.0);
  for (int k = 0; k < PIECES * NODES; k++) {
    const double middle = k / NODES + 0.5, t = 1.5 * pi * (1 + 2 * (middle + node[k % NODES] / 2) / PIECES);
    const double mean[2] = {t * cos(t) / 5, t * sin(t) / 5};
    DSM_TRY(add_round(law, weight[k % NODES], mean, 0.2));
  }
  return DSM_OK;
}

/* ---- by name ------------------------------------------------------------------------------------------- */

static const struct {
  const char *name, *text;
} laws[] = {{"mixture", "a mixture of three Gaussians"},
            {"gaussian", "a Gaussian"},
            {"eight_gaussians", "eight Gaussians"},
            {"checkerboard", "a checkerboard"},
            {"swiss_roll", "a Swiss roll"}};
enum { MIXTURE, GAUSSIAN, EIGHT_GAUSSIANS, CHECKERBOARD, SWISS_ROLL, LAWS };

/* LAWS if there is none of the name. */
static int law_named(const char *name) {
  int k = 0;
  while (k < LAWS && strcmp(laws[k].name, name) != 0) k++;
  return k;
}

static dsm_status fill(const dsm_explain_options *o, const dsm_made_law *made, int name, dsm__law *law) {
  DSM_TRY(dsm_mixture_create(2, &law->mixture));
  snprintf(law->text, sizeof law->text, "%s", laws[name].text);
  switch (name) {
  case MIXTURE:
    if (o->parts > 0)
      DSM_TRY(given_mixture(o, law));
    else
      DSM_TRY(our_mixture(law));
    break;
  case GAUSSIAN:
    DSM_TRY(gaussian(made, law));
    break;
  case EIGHT_GAUSSIANS:
    DSM_TRY(eight_gaussians(law));
    break;
  case CHECKERBOARD:
    DSM_TRY(checkerboard(law));
    break;
  default:
    DSM_TRY(swiss_roll(law));
  }
  return DSM_OK;
}

dsm_status dsm__law_create(const dsm_explain_options *o, const dsm_made_law *made, dsm__law *law) {
  int name = o->law ? law_named(o->law) : o->parts > 0 || !o->source ? MIXTURE : LAWS;
  *law = (dsm__law){0};
  if (o->law && name == LAWS)
    DSM_FAIL(DSM_USAGE,
             "explain: no law '%s' is known; there are: mixture, gaussian, eight_gaussians, checkerboard, "
             "swiss_roll",
             o->law);
  if (o->parts > 0 && name != MIXTURE)
    DSM_FAIL(DSM_USAGE, "explain: --means make a law of their own; leave out --law %s", o->law);
  if (o->parts == 0 && (o->stds_count > 0 || o->weights_count > 0))
    DSM_FAIL(DSM_USAGE, "explain: --std and --weights belong to --means, and there are none");
  if (name == LAWS && made) name = law_named(made->kind);
  if (name < LAWS) DSM_TRY(fill(o, made, name, law));
  return DSM_OK;
}

dsm_status dsm__law_normalize(dsm__law *law, const dsm_normalization *n) {
  dsm_mixture *normalized;
  double shift[2], scale[2];
  for (size_t j = 0; j < 2; j++)
    shift[j] = n->shift[n->channels == 2 ? j : 0], scale[j] = n->scale[n->channels == 2 ? j : 0];
  DSM_TRY(dsm_mixture_normalized(law->mixture, shift, scale, &normalized));
  dsm_mixture_destroy(&law->mixture);
  law->mixture = normalized;
  law->width /= sqrt(scale[0] * scale[1]);
  return DSM_OK;
}
