/** @file nn.h
 *  Networks F(x, label, condition): a residual MLP for vectors and the DDPM U-Net for images, built on a graph.
 *  Parameter names and shapes follow PyTorch, see dsmpi/parameters.h. */
#ifndef DSMPI_NN_H
#define DSMPI_NN_H

#include "dsmpi/config.h"
#include "dsmpi/graph.h"

typedef struct dsm_model dsm_model;

/** Makes the parameter table of the model that the configuration describes, for samples of shape `sample`
 *  (C) or (H, W, C).
 *  @return DSM_OK; DSM_BAD_CONFIG: the model does not fit the sample (a U-Net needs (H, W, C) with H and W
 *  divisible by 2^(levels - 1): the message names the nearest sizes that fit; its width must be a multiple
 *  of 4, for group norm; an attention resolution that no level has). */
dsm_status dsm_model_create(const dsm_config *config, dsm_shape sample, dsm_model **model);
void dsm_model_destroy(dsm_model **model);
/** The parameter table; owned by the model. */
const dsm_parameters *dsm_model_parameters(const dsm_model *model);
dsm_shape dsm_model_sample(const dsm_model *model);
/** Entries of the condition vector u, 0 for a model without conditions (see dsmpi/conditions.h). */
size_t dsm_model_conditions(const dsm_model *model);
/** "unet 28x28x1, width 32, levels 1 2 2, 2 blocks, attention at 7" */
const char *dsm_model_text(const dsm_model *model);
/** Adds the network to a graph.
 *  @param[in] x      (N, sample...)
 *  @param[in] label  (N, 1): time label of each sample, about 0 ... 1000
 *  @param[in] condition  (N, c + 1): u of each sample and 0, or zeros and 1 where the condition is left out; NULL
 *                    for a model without conditions
 *  @return (N, sample...), with twice the channels for objective.name hybrid, the second half for the variance;
 *  NULL after a mistake (kept in the graph) */
dsm_node *dsm_model_build(const dsm_model *model, dsm_graph *graph, dsm_node *x, dsm_node *label,
                          dsm_node *condition);

/** Classes of a classifier (objective.name classifier), else 0. */
size_t dsm_model_classes(const dsm_model *model);
/** Adds a classifier to a graph; x and label as above.
 *  @param[out] features  (N, f): what the last layer sees; NULL after a mistake
 *  @return logits (N, classes); NULL after a mistake */
dsm_node *dsm_model_build_classifier(const dsm_model *model, dsm_graph *graph, dsm_node *x, dsm_node *label,
                                     dsm_node **features);

/** Sinusoidal embedding of a label (N, 1) -> (N, width), width even, 4 ... 16384: [sin(label f_i), cos(label
 *  f_i)], f_i = exp(-i ln 1e4 / (width/2 - 1)), i = 0 ... width/2 - 1.  Ho et al. 2020 (arXiv:2006.11239),
 *  as in its reference code. */
dsm_node *dsm_time_embedding(dsm_graph *graph, dsm_node *label, size_t width);

#endif
