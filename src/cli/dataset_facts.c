/* What a dataset is, and what it costs to read it in training. */
#include "cli.h"

#include <string.h>

#include "dsmpi/clock.h"
#include "dsmpi/text.h"

enum { LIST_MAX = 60, CACHE = 256 << 20 /* bytes: default of the chunk cache and of data.shuffle_window */ };

/* "CHUNK=64x1x28x28": whole samples, about a MiB of them. */
static void advice(const dsm_place *place, const dsm_dataset_info *info) {
  char chunk[160] = "";
  uint64_t rows = info->bytes_per_sample ? (1 << 20) / info->bytes_per_sample : 1;
  if (rows < 1) rows = 1;
  if (rows > info->rows_in_file) rows = info->rows_in_file;
  const char *axis = info->axes, *size = info->file_shape;
  while (*axis && *size) {
    unsigned long long n = 0;
    sscanf(size, "%llu", &n);
    if (*axis == 'N') n = rows;
    dsm_append(chunk, sizeof chunk, "%s%llu", chunk[0] ? "x" : "", n);
    axis += strcspn(axis, " ");
    axis += strspn(axis, " ");
    size = strstr(size, " x ");
    size = size ? size + 3 : "";
  }
  dsm__fact("", "store whole samples in a chunk:");
  dsm__fact("", "h5repack -l %s:CHUNK=%s %s repacked.h5", place->dataset, chunk, place->file);
}

static void reading_verdict(const dsm_place *place, const dsm_dataset_info *info) {
  char times[32], chunks[32], bytes[32];
  if (info->chunks_per_sample <= 1 && info->chunk_rows <= 1) {
    dsm__fact("reading", "one sample is one piece of %s: good",
              dsm_bytes((double)info->bytes_per_sample, bytes, sizeof bytes));
    return;
  }
  double read = info->read_amplification * (double)info->bytes_per_sample;
  dsm__fact("reading", "one sample touches %s chunk%s: %s times its bytes must be read (%s)",
            dsm__grouped(info->chunks_per_sample, chunks, sizeof chunks),
            info->chunks_per_sample == 1 ? "" : "s",
            dsm__grouped((uint64_t)(info->read_amplification + 0.5), times, sizeof times),
            dsm_bytes(read, bytes, sizeof bytes));
  /* Training visits whole chunks and shuffles inside a window of them, so what counts is that a window holds
   * them. */
  if (info->chunks_per_sample > 1) {
    advice(place, info);
  } else if (read > (double)CACHE) {
    dsm__fact("", "a chunk is larger than the shuffle window (data.shuffle_window)");
    advice(place, info);
  } else {
    dsm__fact("", "training reads each chunk once an epoch: good");
  }
}

void dsm__dataset_facts(const dsm_place *place, const dsm_dataset_info *info) {
  char count[32], shape[96];
  printf("%s:%s\n", place->file, place->dataset);
  dsm__fact("shape", "%s, %s", info->file_shape, info->type);
  dsm__fact("axes", "%s (from %s)", info->axes,
            strcmp(info->axes_from, "rank") == 0     ? "the number of axes: a guess, --axes sets them"
            : strcmp(info->axes_from, "config") == 0 ? "--axes"
                                                     : info->axes_from);
  dsm__fact("samples", "%s of shape %s, channels last", dsm__grouped(info->rows, count, sizeof count),
            dsm_shape_text(info->sample, shape, sizeof shape));
  dsm__fact("layout", "%s", info->layout);
  reading_verdict(place, info);
}

static void list_line(const char *file, const char *name) {
  dsm_dataset *set;
  if (dsm_dataset_open(file, name, "", "", &set) == DSM_OK) {
    const dsm_dataset_info *info = dsm_dataset_info_of(set);
    printf("  %-24s %-24s %-10s %s\n", name, info->file_shape, info->type, info->layout);
    dsm_dataset_close(&set);
  } else {
    printf("  %-24s not usable as data: %s\n", name, dsm_trail_message());
    dsm_trail_clear();
  }
}

dsm_status dsm__dataset_list(const char *file) {
  char names[64 * 1024];
  size_t found = 0;
  DSM_TRY(dsm_file_datasets(file, names, sizeof names));
  printf("%s\n", file);
  for (char *name = names; *name;) {
    size_t length = strcspn(name, "\n");
    bool last = name[length] == '\0';
    name[length] = '\0';
    if (found++ < LIST_MAX) list_line(file, name);
    name += length + !last;
  }
  if (found > LIST_MAX) printf("  ... and %zu more\n", found - LIST_MAX);
  if (found == 0) printf("  no datasets\n");
  return DSM_OK;
}
