/* dsmpi data stats: the numbers that normalisation will be made of. */
#include "cli.h"

#include <math.h>
#include <stdlib.h>

#include "dsmpi/memory.h"

enum { AXES, ROWS, OPTION_COUNT };

static const dsm_option options[OPTION_COUNT] = {
    [AXES] = {"axes", 0, false, "AXES", "meaning of the axes, such as \"N C H W\" (data.axes)"},
    [ROWS] = {"rows", 0, false, "A:B", "samples A to B-1 only (data.rows)"},
};

static void print_table(const dsm_channel_statistics *statistics, size_t channels) {
  char count[32];
  printf("%7s %15s %13s %13s %13s %13s\n", "channel", "count", "mean", "std", "min", "max");
  for (size_t c = 0; c < channels; c++) {
    const dsm_channel_statistics *s = &statistics[c];
    double std = s->count ? sqrt(s->m2 / (double)s->count) : 0;
    printf("%7zu %15s %13.6g %13.6g %13.6g %13.6g\n", c, dsm__grouped(s->count, count, sizeof count), s->mean,
           std, s->min, s->max);
  }
}

static dsm_status run(const dsm_arguments *arguments, dsm_comm *comm) {
  (void)comm;
  dsm_status status = DSM_OK;
  dsm_place place;
  dsm_dataset *set = NULL;
  dsm_channel_statistics *parts = NULL, *joined = NULL;
  const char *axes = arguments->value[AXES], *rows = arguments->value[ROWS];
  DSM_TRY(dsm__place_of(arguments->operand[0], &place));
  DSM_TRY(dsm__place_settle(&place));
  DSM_TRY_DONE(dsm__option_rows(arguments, ROWS, &place, axes, NULL));
  DSM_TRY_DONE(dsm_dataset_open(place.file, place.dataset, axes ? axes : "", rows ? rows : "", &set));
  const dsm_shape *sample = &dsm_dataset_info_of(set)->sample;
  size_t channels = sample->n[sample->rank - 1];
  DSM_TRY_DONE(DSM_ALLOC(channels * DSM_STATISTICS_PARTS, &parts));
  DSM_TRY_DONE(DSM_ALLOC(channels, &joined));
  for (int part = 0; part < DSM_STATISTICS_PARTS; part++)
    DSM_TRY_DONE(dsm_statistics_part(set, part, parts + (size_t)part * channels));
  dsm_statistics_join(parts, channels, joined);
  print_table(joined, channels);
done:
  free(parts);
  free(joined);
  dsm_dataset_close(&set);
  return status;
}

const dsm_command dsm__command_data_stats = {
    .name = "data stats",
    .operands = "FILE[:/dataset]",
    .sentence = "count, mean, deviation and extremes of each channel",
    .details =
        "Reads everything once, and fails on the first value that is not finite, naming its row and channel.",
    .options = options,
    .option_count = OPTION_COUNT,
    .min_operands = 1,
    .max_operands = 1,
    .run = run,
};
