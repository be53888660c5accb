/* What the objectives have in common: a graph of network and loss for micro-batches of n samples, whose inputs
 * are filled from x0, t and eps before each run. One objective is one file with one table. */
#ifndef DSMPI_DIFFUSION_OBJECTIVE_H
#define DSMPI_DIFFUSION_OBJECTIVE_H

#include "output.h"

typedef struct dsm__objective_ops {
  const char *name;
  size_t own; /* bytes of o->own */
  /* DSM_BAD_CONFIG if this objective cannot be used with these settings and d elements a sample; NULL: it
   * always can */
  dsm_status (*check)(const dsm_config *config, const dsm_process *process, size_t d);
  /* adds network and loss to o->graph and sets the nodes of o that it uses, o->loss at least */
  dsm_status (*build)(dsm_objective *o, const dsm_model *model, const dsm_config *config);
  /* fills the inputs from x0 (n, d), o->t and o->eps; further random numbers are a function of o->seed, o->step, o->sample */
  void (*fill)(dsm_objective *o, const float *x0);
  /* takes rows of the data (count, d), borrowed; NULL: it needs none beside the batches */
  dsm_status (*use_data)(dsm_objective *o, const float *rows, size_t count);
  /* frees what o->own points to; may be NULL */
  void (*release)(dsm_objective *o);
} dsm__objective_ops;

struct dsm_objective {
  const dsm__objective_ops *ops;
  const dsm_process *process; /* borrowed */
  dsm_objective_settings settings;
  size_t n, d;     /* samples of a micro-batch, elements of a sample */
  dsm_shape batch; /* (n, sample...) */
  dsm_times *times;
  double *t;        /* (n) */
  double *weights;  /* (n) of dsm_times_draw */
  float *eps;       /* (n, d) */
  uint64_t *sample; /* (n) global indices */
  uint64_t seed, step;
  dsm_graph *graph;
  dsm_node *loss;       /* (n, 1) */
  dsm_node *importance; /* (n, 1) weights of the times, NULL where all are 1 */
  /* of models with conditions, for all objectives alike */
  size_t conditions;   /* entries of u; 0 = none. Of a classifier they are what it learns */
  dsm_node *condition; /* (n, conditions + 1), or NULL */
  float *u;            /* (n, conditions) of dsm_objective_condition */
  bool has_u;
  bool *dropped; /* (n) */
  /* of the objectives, where they have them */
  dsm_node *x;      /* (n, sample...) what enters the network */
  dsm_node *label;  /* (n, 1) */
  dsm_node *target; /* (n, d) */
  dsm_node *weight; /* (n, 1) */
  dsm_node *error;  /* (n, d) F - F*, whose weighted squares are the loss; NULL where it is something else */
  dsm_node *odds;   /* (n, classes) of a classifier, up to a factor of the sample's */
  void *own;        /* what one of them needs besides */
  void *table;      /* made by build, freed with the objective */
};

/** Fills all inputs from x0 (n, d), o->t, o->weights, o->eps, o->dropped and the conditions given. */
void dsm__objective_fill(dsm_objective *o, const float *x0, uint64_t seed, uint64_t step, uint64_t first);
/** Fills x, label, target and weight as the denoising objective does. */
void dsm__fill_denoising(dsm_objective *o, const float *x0);

extern const dsm__objective_ops dsm__objective_denoising, dsm__objective_hybrid, dsm__objective_esm_kde,
    dsm__objective_ism, dsm__objective_ism_hutchinson, dsm__objective_sliced, dsm__objective_sliced_vr,
    dsm__objective_classifier;

#endif
