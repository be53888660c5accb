/* The evaluation for programs: nothing in it depends on the clock or the number of ranks. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "dsmpi/eval.h"
#include "dsmpi/json.h"

static void text_of(FILE *file, const char *name, const char *text) {
  fprintf(file, "\"%s\": ", name);
  dsm_json_text(file, text);
}

static void figure_of(FILE *file, const char *name, const dsm_figure *f) {
  char value[40], error[40];
  fprintf(file, "\"%s\": {\"value\": %s, \"error\": %s, \"samples\": %llu, \"reference\": %llu}", name,
          dsm_json_number(f->value, value, sizeof value), dsm_json_number(f->error, error, sizeof error),
          (unsigned long long)f->samples, (unsigned long long)f->reference);
}

static void row_of(FILE *file, const dsm_eval_row *row, const char *protocol) {
  char number[40];
  fputs("\n  {", file);
  text_of(file, "metric", row->metric);
  fputs(", ", file);
  text_of(file, "space", row->space);
  fputs(",\n   ", file);
  figure_of(file, "figure", &row->figure);
  fputs(",\n   ", file);
  figure_of(file, "floor", &row->floor);
  fprintf(file, ",\n   \"ideal\": %s, ", dsm_json_number(row->ideal, number, sizeof number));
  text_of(file, "unit", row->unit);
  fputs(",\n   ", file);
  text_of(file, "protocol", protocol);
  for (size_t k = 0; k < row->numbers; k++)
    fprintf(file, ",\n   \"%s\": %s", row->number[k].name,
            dsm_json_number(row->number[k].value, number, sizeof number));
  for (size_t k = 0; k < row->columns; k++) {
    fprintf(file, ",\n   \"%s\": [", row->column[k].name);
    for (size_t i = 0; i < row->column[k].count; i++)
      fprintf(file, "%s%s", i ? ", " : "", dsm_json_number(row->column[k].value[i], number, sizeof number));
    fputc(']', file);
  }
  fputc('}', file);
}

static void write_all(FILE *file, const dsm_evaluation *e) {
  const char *protocol = "";
  fputs("{", file);
  text_of(file, "samples", e->samples);
  fputs(",\n ", file);
  text_of(file, "reference", e->reference);
  fprintf(file, ",\n \"seed\": %llu, \"evaluations\": 1,\n \"metrics\": [", (unsigned long long)e->seed);
  for (size_t r = 0; r < e->rows; r++) {
    if (e->row[r].protocol[0]) protocol = e->row[r].protocol;
    if (r) fputc(',', file);
    row_of(file, &e->row[r], protocol);
  }
  fputs("],\n \"notes\": [", file);
  for (size_t k = 0; k < e->notes; k++) {
    fputs(k ? ",\n  " : "\n  ", file);
    dsm_json_text(file, e->note[k]);
  }
  fputs("]}\n", file);
}

/* Written beside, then renamed: whole or absent. */
static dsm_status open_beside(const char *path, char **beside, FILE **file) {
  struct stat found;
  if (asprintf(beside, "%s.partial", path) < 0) {
    *beside = NULL;
    DSM_FAIL(DSM_NO_MEMORY, "no memory for the name of a file");
  }
  if (stat(path, &found) == 0 && S_ISDIR(found.st_mode))
    DSM_FAIL(DSM_IO, "%s is a folder; give the name of a file", path);
  *file = fopen(*beside, "w");
  if (!*file) DSM_FAIL(DSM_IO, "%s cannot be opened for writing: %s", *beside, strerror(errno));
  return DSM_OK;
}

dsm_status dsm_evaluation_json_check(const char *path) {
  char *beside = NULL;
  FILE *file = NULL;
  const dsm_status status = open_beside(path, &beside, &file);
  if (file) {
    fclose(file);
    unlink(beside);
  }
  free(beside);
  DSM_TRY(status);
  return DSM_OK;
}

dsm_status dsm_evaluation_json(const dsm_evaluation *e, const char *path) {
  dsm_status status = DSM_OK;
  char *beside = NULL;
  FILE *file = NULL;
  DSM_TRY_DONE(open_beside(path, &beside, &file));
  write_all(file, e);
  const bool failed = fflush(file) != 0 || fsync(fileno(file)) != 0 || ferror(file) != 0;
  if (fclose(file) != 0 || failed || rename(beside, path) != 0) {
    const int why = errno;
    unlink(beside);
    DSM_FAIL_DONE(DSM_IO, "%s cannot be written: %s", path, strerror(why));
  }
done:
  free(beside);
  return status;
}
