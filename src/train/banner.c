#include <stdio.h>
#include <string.h>
#include "internal.h"

static const char *plural(int n) {
  return n == 1 ? "" : "s";
}

void dsm__banner(const dsm__session *s) {
  char time[40];
  const int ranks = dsm_comm_size(s->comm), hosts = dsm_comm_hosts(s->comm);
  dsm_info("%s  %d rank%s x %d thread%s on %d host%s  %s", dsm_version_line(), ranks, plural(ranks),
           s->kernels.threads, plural(s->kernels.threads), hosts, plural(hosts),
           dsm_timestamp(time, sizeof time));
  dsm_info("with     %s, %s, %s, kernels %s (%s)", dsm_comm_library(), dsm_kernels_blas(), dsm_hdf5_library(),
           s->kernels.name, s->kernels.instructions);
}

void dsm__banner_data(const dsm_dataset_info *info, const dsm_config *config, const dsm_normalization *n) {
  char shape[64];
  dsm_info("data     %s:%s, %s %s, axes %s (from %s), %s", config->data.file, config->data.dataset,
           info->file_shape, info->type, info->axes, info->axes_from, info->layout);
  dsm_info("         %llu samples of shape %s, normalised: %s%s", (unsigned long long)info->rows,
           dsm_shape_text(info->sample, shape, sizeof shape), dsm_config_word("data.normalize", n->kind),
           n->kind == DSM_NORMALIZE_NONE ? ""
           : config->data.per_channel    ? ", per channel"
                                         : ", all channels alike");
  if (info->read_amplification > 32 && info->chunks_per_sample > 1)
    dsm_warn("one sample touches %llu chunks of %s: %.0f times its bytes are read for a lone sample; a copy "
             "of the "
             "file with whole samples in a chunk will train faster",
             (unsigned long long)info->chunks_per_sample, config->data.file, info->read_amplification);
}

void dsm__banner_model(const dsm__session *s, const dsm_graph_facts *facts, size_t reducer_bytes,
                       size_t saving) {
  const dsm_config *c = &s->config;
  char count[6][32], evaluation[64] = "";
  const dsm__memory_plan m = dsm__memory_plan_of(s, facts->arena_bytes, reducer_bytes);
  dsm_info("model    %s: %zu parameters, %.3f GFLOP a sample and step", dsm_model_text(s->model), s->count,
           facts->flops / (double)c->train.micro_batch * 1e-9);
  if (c->objective.name == DSM_OBJECTIVE_CLASSIFIER)
    dsm_info("loss     cross-entropy of %zu classes, of %s", dsm_model_classes(s->model),
             c->objective.noisy ? dsm_process_name_of(s->process) : "clean data");
  else
    dsm_info("process  %s, prediction %s, weighting %s", dsm_process_name_of(s->process),
             dsm_config_word("objective.prediction", c->objective.prediction),
             dsm_config_word("objective.weighting", c->objective.weighting));
  dsm_info("batch    %lld = %lld micro-batches of %lld, dealt out to %d rank%s; reduction %s; seed %lld",
           (long long)c->train.batch, (long long)(c->train.batch / c->train.micro_batch),
           (long long)c->train.micro_batch, dsm_comm_size(s->comm), plural(dsm_comm_size(s->comm)),
           dsm_config_word("train.reduction", c->train.reduction), (long long)c->train.seed);
  if (m.evaluation > 0)
    snprintf(evaluation, sizeof evaluation, ", evaluation %s", dsm_bytes(m.evaluation, count[0], 32));
  dsm_info("memory   %s a rank: parameters %s, moments %s, averages %s,", dsm_bytes(m.total, count[0], 32),
           dsm_bytes(m.parameters, count[1], 32), dsm_bytes(m.moments, count[2], 32),
           dsm_bytes(m.averages, count[3], 32));
  dsm_info("         gradient sums %s, activations %s%s", dsm_bytes(m.sums, count[4], 32),
           dsm_bytes(m.activations, count[5], 32), evaluation);
  if (saving)
    dsm_info("         rank 0 has %s more, for checkpoints", dsm_bytes((double)saving, count[0], 32));
}
