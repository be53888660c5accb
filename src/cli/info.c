/* dsmpi info: what is in a run folder, a checkpoint, a samples file or any other HDF5 file. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "dsmpi/clock.h"
#include "dsmpi/io.h"
#include "dsmpi/memory.h"
#include "dsmpi/nn.h"

enum { CONFIG, OPTION_COUNT };

static const dsm_option options[OPTION_COUNT] = {
    [CONFIG] = {"config", 0, false, NULL, "print the configuration kept in a checkpoint, nothing else"},
};

static void file_fact(const char *path) {
  struct stat facts;
  char bytes[32];
  if (stat(path, &facts) == 0) dsm__fact("size", "%s", dsm_bytes((double)facts.st_size, bytes, sizeof bytes));
}

static dsm_status model_facts(const dsm_checkpoint *header) {
  dsm_config config;
  dsm_model *model;
  char count[32];
  dsm_config_defaults(&config);
  DSM_TRY(dsm_config_parse("configuration in the checkpoint", header->config, &config));
  DSM_TRY(dsm_model_create(&config, header->sample, &model));
  dsm__fact("model", "%s", dsm_model_text(model));
  dsm__fact("parameters", "%s",
            dsm__grouped(dsm_parameters_count(dsm_model_parameters(model)), count, sizeof count));
  dsm__fact("trained on", "%s:%s", config.data.file, config.data.dataset);
  dsm_model_destroy(&model);
  return DSM_OK;
}

static dsm_status checkpoint_facts(const char *path, const dsm_checkpoint *header) {
  double rates[DSM_AVERAGES_MAX];
  size_t count;
  char step[32], shape[96];
  DSM_TRY(dsm_checkpoint_rates(path, rates, &count));
  printf("%s: checkpoint\n", path);
  dsm__fact("step", "%s", dsm__grouped((uint64_t)header->step, step, sizeof step));
  dsm__fact("sample", "%s, channels last", dsm_shape_text(header->sample, shape, sizeof shape));
  DSM_TRY(model_facts(header));
  printf("  %-11s", "averages");
  for (size_t i = 0; i < count; i++) printf(" %.10g", rates[i]);
  puts(count ? "" : " none");
  dsm__fact("data scaled", "%s", dsm_config_word("data.normalize", header->normalization.kind));
  dsm__fact("seed", "%llu", (unsigned long long)header->seed);
  dsm__fact("written by", "%s", header->program);
  dsm__fact("", "%s; %s", header->kernels, header->blas);
  file_fact(path);
  return DSM_OK;
}

static dsm_status show_checkpoint(const char *path, bool only_config) {
  dsm_status status = DSM_OK;
  dsm_checkpoint header = {0};
  DSM_TRY_DONE(dsm_checkpoint_read_header(path, &header));
  if (only_config) {
    fputs(header.config, stdout);
  } else {
    DSM_TRY_DONE(checkpoint_facts(path, &header));
  }
done:
  dsm_checkpoint_destroy(&header);
  return status;
}

/* A run folder, or its folder of checkpoints. */
static dsm_status show_folder(const char *path, bool only_config) {
  char folder[DSM_TEXT_MAX + 16], newest[DSM_TEXT_MAX + 64];
  int64_t *steps;
  size_t count;
  snprintf(folder, sizeof folder, "%.*s/checkpoints", DSM_TEXT_MAX, path);
  DSM_TRY(dsm_checkpoint_list(folder, &steps, &count));
  if (count == 0) {
    free(steps);
    snprintf(folder, sizeof folder, "%.*s", DSM_TEXT_MAX, path);
    DSM_TRY(dsm_checkpoint_list(folder, &steps, &count));
  }
  if (count > 0) dsm_checkpoint_path(folder, steps[0], newest, sizeof newest);
  if (count > 0 && !only_config) {
    printf("%s: run with %zu checkpoint%s, steps", path, count, count == 1 ? "" : "s");
    for (size_t i = count; i > 0; i--) printf(" %lld", (long long)steps[i - 1]);
    puts("\n");
  }
  free(steps);
  if (count == 0) DSM_FAIL(DSM_NOT_FOUND, "the folder %s holds no checkpoint", path);
  DSM_TRY(show_checkpoint(newest, only_config));
  return DSM_OK;
}

/* Blocks of a samples file that are written, from its completion map. */
static dsm_status completion_fact(const char *file) {
  dsm_status status = DSM_OK;
  dsm_dataset *map = NULL;
  float *flag = NULL;
  uint64_t *row = NULL, done = 0;
  char all[32], written[32];
  DSM_TRY_DONE(dsm_dataset_open(file, "/complete", "N", "", &map));
  uint64_t blocks = dsm_dataset_info_of(map)->rows;
  DSM_TRY_DONE(DSM_ALLOC(blocks, &flag));
  DSM_TRY_DONE(DSM_ALLOC(blocks, &row));
  for (uint64_t i = 0; i < blocks; i++) row[i] = i;
  DSM_TRY_DONE(dsm_dataset_read(map, row, blocks, flag));
  for (uint64_t i = 0; i < blocks; i++) done += flag[i] == 1;
  dsm__fact("blocks", "%s of %s written%s", dsm__grouped(done, written, sizeof written),
            dsm__grouped(blocks, all, sizeof all), done < blocks ? ": the same command makes the rest" : "");
done:
  free(flag);
  free(row);
  dsm_dataset_close(&map);
  return status;
}

static dsm_status results_facts(const char *file) {
  double mean;
  int64_t largest;
  char most[32];
  DSM_TRY(completion_fact(file));
  if (dsm_samples_evaluations(file, &mean, &largest) == DSM_OK) /* files of others have no such list */
    dsm__fact("network", "%.6g evaluations a sample, at most %s", mean,
              dsm__grouped((uint64_t)largest, most, sizeof most));
  else
    dsm_trail_clear();
  file_fact(file);
  return DSM_OK;
}

static dsm_status show_data(const char *file, const char *names) {
  dsm_place place = {0};
  dsm_dataset *set;
  const bool results = strstr(names, "/complete") && strstr(names, "/index");
  if (!results || !strstr(names, "/samples")) {
    DSM_TRY(dsm__dataset_list(file));
    if (results) DSM_TRY(results_facts(file));
    return DSM_OK;
  }
  snprintf(place.file, sizeof place.file, "%s", file);
  strcpy(place.dataset, "/samples");
  DSM_TRY(dsm_dataset_open(file, place.dataset, "", "", &set));
  dsm__dataset_facts(&place, dsm_dataset_info_of(set));
  dsm_dataset_close(&set);
  DSM_TRY(results_facts(file));
  return DSM_OK;
}

static dsm_status run(const dsm_arguments *arguments, dsm_comm *comm) {
  (void)comm;
  const char *path = arguments->operand[0];
  bool only_config = arguments->value[CONFIG] != NULL;
  struct stat facts;
  char names[64 * 1024];
  if (strlen(path) >= DSM_TEXT_MAX)
    DSM_FAIL(DSM_USAGE, "info: the name is longer than %d bytes", DSM_TEXT_MAX - 1);
  if (stat(path, &facts) == 0 && S_ISDIR(facts.st_mode)) {
    DSM_TRY(show_folder(path, only_config));
    return DSM_OK;
  }
  DSM_TRY(dsm_file_datasets(path, names, sizeof names));
  if (strstr(names, "/optimizer/") || only_config) {
    DSM_TRY(show_checkpoint(path, only_config));
  } else {
    DSM_TRY(show_data(path, names));
  }
  return DSM_OK;
}

const dsm_command dsm__command_info = {
    .name = "info",
    .operands = "RUN|FILE",
    .sentence = "say what is in a run, a checkpoint, a samples or data file",
    .details = "  dsmpi info runs/fashion\n"
               "  dsmpi info runs/fashion --config > again.yaml",
    .options = options,
    .option_count = OPTION_COUNT,
    .min_operands = 1,
    .max_operands = 1,
    .run = run,
};
