/* A trained network, from a checkpoint through the library's public interface alone. */
#ifndef DSMPI_TESTS_TRAINED_H
#define DSMPI_TESTS_TRAINED_H

#include "dsmpi/dsmpi.h"

typedef struct trained {
  dsm_checkpoint header;
  dsm_config config;
  dsm_kernels kernels;
  dsm_process *process;
  dsm_model *model;
  float *w; /* parameters, or the average asked for */
} trained;

/* `average` 0: the parameters; 1: the first average of the file. */
dsm_status trained_open(const char *checkpoint, int average, trained *t);
void trained_close(trained *t);

#endif
