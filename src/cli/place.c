/* "FILE:/dataset": which dataset of which file. */
#include "cli.h"

#include <string.h>
#include <unistd.h>
#include "dsmpi/data.h"

dsm_status dsm__place_of(const char *text, dsm_place *place) {
  const char *colon = NULL;
  *place = (dsm_place){0};
  if (access(text, F_OK) != 0) /* a file with ":/" in its name is still a file */
    for (const char *p = strstr(text, ":/"); p; p = strstr(p + 1, ":/")) colon = p;
  size_t length = colon ? (size_t)(colon - text) : strlen(text);
  if (length == 0) DSM_FAIL(DSM_USAGE, "'%s' names no file", text);
  if (length >= sizeof place->file || (colon && strlen(colon + 1) >= sizeof place->dataset))
    DSM_FAIL(DSM_USAGE, "the name '%.60s...' is longer than %d bytes", text, DSM_TEXT_MAX - 1);
  memcpy(place->file, text, length);
  if (colon) strcpy(place->dataset, colon + 1);
  if (colon && strcmp(place->dataset, "/") == 0) place->dataset[0] = '\0';
  return DSM_OK;
}

static bool has_line(const char *lines, const char *line) {
  size_t length = strlen(line);
  for (const char *p = lines; *p; p += strcspn(p, "\n"), p += *p == '\n')
    if (strncmp(p, line, length) == 0 && (p[length] == '\n' || p[length] == '\0')) return true;
  return false;
}

dsm_status dsm__place_settle(dsm_place *place) {
  char names[16 * 1024];
  if (place->dataset[0]) return DSM_OK;
  DSM_TRY(dsm_file_datasets(place->file, names, sizeof names));
  size_t length = strcspn(names, "\n");
  bool single = length > 0 && names[length] == '\0';
  if (has_line(names, "/samples")) {
    strcpy(place->dataset, "/samples");
  } else if (single && length < sizeof place->dataset) {
    strcpy(place->dataset, names);
  } else {
    for (char *p = names; *p; p++)
      if (*p == '\n') *p = ' ';
    DSM_FAIL(DSM_NOT_FOUND, "%s has no dataset /samples; name one of: %.900s (as %s:/...)", place->file,
             names[0] ? names : "none", place->file);
  }
  return DSM_OK;
}

static dsm_status settle_given(const char *text, const char *usual, dsm_place *place) {
  DSM_TRY(dsm__place_of(text, place));
  if (usual && !place->dataset[0]) snprintf(place->dataset, sizeof place->dataset, "%s", usual);
  DSM_TRY(dsm__place_settle(place));
  return DSM_OK;
}

dsm_status dsm__place_shared(const char *text, const char *usual, dsm_comm *comm, dsm_place *place) {
  const bool root = dsm_comm_rank(comm) == 0;
  DSM_AGREE(comm, root ? settle_given(text, usual, place) : DSM_OK);
  DSM_TRY(dsm_comm_broadcast(comm, place, sizeof *place, 0)); /* it holds no pointers */
  return DSM_OK;
}

dsm_status dsm__place_given(const dsm_arguments *arguments, size_t option, const char *usual, dsm_comm *comm,
                            dsm_place *place) {
  return dsm__place_shared(arguments->value[option], usual, comm, place);
}

static dsm_status check_rows(const char *name, const char *text, const dsm_place *place, const char *axes) {
  dsm_dataset *data = NULL;
  uint64_t first, count;
  DSM_TRY(dsm_dataset_open(place->file, place->dataset, axes ? axes : "", "", &data));
  const dsm_status status =
      dsm_rows_parse(name, DSM_USAGE, text, dsm_dataset_info_of(data)->rows_in_file, &first, &count);
  dsm_dataset_close(&data);
  DSM_TRY(status);
  return DSM_OK;
}

dsm_status dsm__option_rows(const dsm_arguments *arguments, size_t option, const dsm_place *place,
                            const char *axes, dsm_comm *comm) {
  char name[64];
  const char *text = arguments->value[option];
  if (!text) return DSM_OK;
  snprintf(name, sizeof name, "%s: option --%s", arguments->command->name,
           arguments->command->options[option].name);
  if (!comm) return check_rows(name, text, place, axes);
  DSM_AGREE(comm, dsm_comm_rank(comm) == 0 ? check_rows(name, text, place, axes) : DSM_OK);
  return DSM_OK;
}
