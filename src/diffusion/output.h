/* The output F of a network on a graph, whatever the network is a model of. */
#ifndef DSMPI_DIFFUSION_OUTPUT_H
#define DSMPI_DIFFUSION_OUTPUT_H

#include "dsmpi/diffusion.h"

/** Must be called before the first node where F, or its derivative, is differentiated in a way that fused
 *  kernels do not offer: an energy's F is a derivative already. `order`: how often the caller differentiates. */
void dsm__output_prepare(dsm_graph *graph, int prediction, int order);

/** What a network may put out beside F; NULL where it does not. */
typedef struct dsm__output_parts {
  dsm_node *energy;   /* (n, 1) e, of an energy */
  dsm_node *variance; /* (n, d) r: the reverse variance lies at (r + 1) / 2 between its logarithmic bounds */
} dsm__output_parts;

/** Input of the condition for n samples; NULL for a model without conditions. */
dsm_node *dsm__condition_input(dsm_graph *graph, const dsm_model *model, size_t n);
/** Fills it, (n, c + 1): row i is u_i and 0, or, where u is left out, zeros and 1. `u` (n, c) may be NULL, and
 *  `without` (n) too: left out for none. */
void dsm__condition_fill(float *input, size_t n, size_t c, const float *u, const bool *without);

/** F (n, d) of x (n, sample...) at labels (n, 1), given conditions (NULL in a model without them).
 *    all but energy  the network itself
 *    energy          F = grad_x e(x),  e = 1/2 |x - network(x)|^2  (Salimans & Ho 2021, "Should EBMs model the
 *                    energy or the score?"), so that s = -F / sigma is the gradient of -E(x_t) for
 *                    E = e(input x_t) / (input sigma)
 *  @param[out] parts  may be NULL
 *  @return NULL after a mistake (kept in the graph) */
dsm_node *dsm__output(dsm_graph *graph, const dsm_model *model, int prediction, dsm_node *x, dsm_node *label,
                      dsm_node *condition, dsm__output_parts *parts);

#endif
