/** @file layers.h
 *  The layers that networks are made of. A network is described once, by the function that builds it: on the
 * first walk, over a scratch graph, every layer adds its parameters to the table; on later walks it finds
 * them there by name. Names follow PyTorch: a layer called "stem" owns "stem.weight" and "stem.bias". Layers
 * return NULL when given NULL, so that a mistake kept in the graph passes through to the end. */
#ifndef DSMPI_NN_LAYERS_H
#define DSMPI_NN_LAYERS_H

#include "dsmpi/nn.h"

enum {
  DSM__NAME_MAX = 96,         /* bytes of a parameter's name */
  DSM__WIDTH_MAX = 16 * 1024, /* of a time embedding, and so of a model */
  DSM__BLOCKS_MAX = 64        /* of a level */
};

/** One walk through a network. */
typedef struct dsm__net {
  dsm_graph *graph;
  const dsm_config *config;
  dsm_shape sample;
  dsm_node *condition; /* (N, c + 1), NULL in a model without conditions */
  const dsm_parameters *table;
  dsm_parameters *growing; /* the table on the first walk, else NULL */
  dsm_status status;       /* first failure to add to the table */
  dsm_node *features;      /* of a classifier, set by `build`: what its last layer sees, (N, features) */
  uint32_t masks; /* dropout masks so far: the number of each must be unique and the same on every walk */
} dsm__net;

/** Channels of the network's output: those of a sample, twice where a variance is learned too; the classes of a
 *  classifier. */
size_t dsm__outputs(const dsm__net *net);

/** A kind of network: one line in the list of model.c. */
typedef struct dsm__network {
  /* refuses what `build` cannot make, with a message for the user */
  dsm_status (*check)(const dsm_config *config, dsm_shape sample);
  /* the one-line description of dsm_model_text() */
  void (*describe)(const dsm_config *config, dsm_shape sample, char *text, size_t size);
  dsm_node *(*build)(dsm__net *net, dsm_node *x, dsm_node *label);
} dsm__network;
extern const dsm__network dsm__unet, dsm__mlp, dsm__linear_network, dsm__convnet;

/* ---- networks of levels, levels.c ---------------------------------------------------------------------- */

/** Refuses what a network called `name` cannot be made of: see dsm_model_create. */
dsm_status dsm__levels_check(const char *name, const dsm_config *config, dsm_shape sample);
/** "unet 28x28x1, width 32, levels 1 2 2, 2 blocks, attention at 7". */
void dsm__levels_describe(const char *name, const dsm_config *config, dsm_shape sample, char *text,
                          size_t size);
/** Channels of a level: its multiplier times the width. */
size_t dsm__level_channels(const dsm__net *net, size_t level);
/** Whether model.attention has the height of this level. */
bool dsm__has_attention(const dsm_config *config, dsm_shape sample, size_t level);

/* ---- layers; `scale` is the variance scale of the initial weights, 0 starts at zero; biases start at zero  */

/** x (rows..., in) -> (rows..., out). */
dsm_node *dsm__linear(dsm__net *net, dsm_node *x, size_t out, float scale, const char *name, ...)
    __attribute__((format(printf, 5, 6)));
/** 3 x 3 convolution, zeros around, (N, H, W, in) -> (N, H, W, out). */
dsm_node *dsm__conv3(dsm__net *net, dsm_node *x, size_t out, float scale, const char *name, ...)
    __attribute__((format(printf, 5, 6)));
/** 3 x 3 convolution of stride 2, zeros at the right and the bottom only, as in the DDPM code: halves H and
 * W. */
dsm_node *dsm__conv3_half(dsm__net *net, dsm_node *x, size_t out, float scale, const char *name, ...)
    __attribute__((format(printf, 5, 6)));
/** Group normalisation in dsm__groups(channels) groups, and the activation behind it. */
dsm_node *dsm__group_norm(dsm__net *net, dsm_node *x, dsm_activation activation, const char *name, ...)
    __attribute__((format(printf, 4, 5)));
/** Number of groups: the largest divisor of the channels up to min(32, channels / 4). */
size_t dsm__groups(size_t channels);
/** x s(x), s the logistic function. */
dsm_node *dsm__silu(dsm__net *net, dsm_node *x);
/** Dropout with the probability of the configuration; x itself when that is 0. */
dsm_node *dsm__dropout(dsm__net *net, dsm_node *x);

/* ---- blocks -------------------------------------------------------------------------------------------- */

/** What every block sees of the time and the condition, (N, 1) -> (N, hidden):
 *    SiLU(Linear(SiLU(Linear(embedding of width features))) + Linear(SiLU(Linear(condition))))
 *  without the second term in a model without conditions. The last SiLU is the one that the blocks would each
 *  apply first. Owns `time.linear1`, `time.linear2`, `condition.linear1` and `condition.linear2`. */
dsm_node *dsm__time_features(dsm__net *net, dsm_node *label, size_t width, size_t hidden);
/** Residual block of the U-Net, (N, H, W, in) -> (N, H, W, out). */
dsm_node *dsm__resblock(dsm__net *net, dsm_node *x, dsm_node *time, size_t out, const char *name);
/** Self-attention over the positions, (N, H, W, C) -> the same. */
dsm_node *dsm__attention(dsm__net *net, dsm_node *x, const char *name);

#endif
