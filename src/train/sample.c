/* Sampling: from a checkpoint into one file, by all ranks. */
#include <stdio.h>
#include "internal.h"

/* How often Langevin steps were accepted, where the sampler asks. */
static dsm_status report_moves(dsm_comm *comm, const dsm_sampling_moves *moves) {
  double mean[2];
  DSM_TRY(dsm_comm_statistics(comm, (double[]){(double)moves->proposed, (double)moves->accepted}, 2, NULL,
                              mean, NULL, NULL));
  if (mean[0] > 0)
    dsm_info("accepted %.1f %% of the Langevin steps (aim at about 57 %%)", 100 * mean[1] / mean[0]);
  return DSM_OK;
}

static void banner(const dsm__trained *t, const dsm__drawing *d) {
  char sampler[256];
  dsm__trained_banner(t);
  dsm__condition_table_banner(&d->conditions);
  if (d->guided.guidance) dsm_info("guided   by the %s", d->guided.text);
  dsm_info("sampler  %s; %s, blocks of %lld", dsm__trained_sampler_text(t, sampler, sizeof sampler),
           dsm_process_name_of(t->session.process), (long long)t->session.config.sampler.block);
}

static dsm_status run(dsm_comm *comm, const dsm_sample_options *o, dsm__trained *t, dsm__drawing *d) {
  dsm__blocks blocks = {.output = o->output, .verb = "drawn", .noun = "samples"};
  DSM_TRY(dsm__trained_open(comm, o->source, o->overrides, o->override_count, t));
  DSM_TRY(dsm__drawing_open(comm, t, o->count, NULL, o->classifier.source ? &o->classifier : NULL, d));
  banner(t, d);
  DSM_TRY(dsm__drawing_run(d, &blocks));
  DSM_TRY(report_moves(comm, &d->moves));
  dsm_info("next     dsmpi view %s -o samples.png", o->output);
  dsm_info("dsmpi: finished %llu samples", (unsigned long long)o->count);
  return DSM_OK;
}

dsm_status dsm_sample(dsm_comm *comm, const dsm_sample_options *options) {
  dsm__trained trained = {0};
  dsm__drawing drawing = {0};
  const dsm_status status = run(comm, options, &trained, &drawing);
  if (status != DSM_OK) dsm__forward(status, __FILE__, __LINE__);
  dsm__drawing_close(&drawing);
  dsm__trained_close(&trained);
  return status;
}
