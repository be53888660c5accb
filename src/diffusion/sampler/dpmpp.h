/* What the two solvers of the DPM-Solver++ family share. */
#ifndef DSMPI_DIFFUSION_DPMPP_H
#define DSMPI_DIFFUSION_DPMPP_H

#include "sampler/chain.h"

/** 1/(2r) = h / (2 h_before) in step k, the slope of the line through the last two estimates; 0 for a step of
 *  first order. */
double dsm__dpmpp_before(const dsm_sampling *sampling, const double *t, int64_t k);

#endif
