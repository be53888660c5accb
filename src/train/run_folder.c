#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "internal.h"

/** mkdir -p */
static dsm_status make_folder(const char *path) {
  char part[DSM_TEXT_MAX + 16];
  snprintf(part, sizeof part, "%s", path);
  for (char *c = part + 1;; c++) {
    if (*c != '/' && *c != '\0') continue;
    const char kept = *c;
    *c = '\0';
    if (mkdir(part, 0777) != 0 && errno != EEXIST)
      DSM_FAIL(DSM_IO, "run folder %s: %s cannot be created: %s", path, part, strerror(errno));
    if (kept == '\0') return DSM_OK;
    *c = kept;
  }
}

/** Writes and deletes a file, so that a folder without room or rights is found before the first step. */
static dsm_status probe_folder(const char *path) {
  char beside[DSM_TEXT_MAX + 32], probe[DSM_TEXT_MAX + 256];
  snprintf(beside, sizeof beside, "%s/.probe", path);
  DSM_TRY(dsm_temporary_name(beside, probe, sizeof probe));
  const int file = open(probe, O_WRONLY | O_CREAT | O_EXCL, 0666);
  const bool written = file >= 0 && write(file, "probe", 5) == 5;
  const int error = errno;
  if (file >= 0) {
    close(file);
    unlink(probe);
  }
  if (!written)
    DSM_FAIL(DSM_IO, "run folder %s cannot be written: %s; choose another with -o", path, strerror(error));
  return DSM_OK;
}

/** Renames RUN to RUN.old-1, or the first such name that is free. */
static dsm_status move_aside(const char *path) {
  char aside[DSM_TEXT_MAX + 32];
  if (access(path, F_OK) != 0) return DSM_OK;
  for (int i = 1;; i++) {
    snprintf(aside, sizeof aside, "%s.old-%d", path, i);
    if (access(aside, F_OK) != 0) break;
  }
  if (rename(path, aside) != 0)
    DSM_FAIL(DSM_IO, "%s cannot be moved aside to %s: %s", path, aside, strerror(errno));
  dsm_info("--fresh: the old run is now %s", aside);
  return DSM_OK;
}

/* Nothing is touched before the folder is known to be ours: not the run in it, nor its STOP file, nor its log. */
static dsm_status open_folder(const dsm__run_folder *folder, bool fresh, dsm__owner *owner) {
  char log[DSM_TEXT_MAX + 16], samples[DSM_TEXT_MAX + 16];
  struct stat facts;
  if (stat(folder->path, &facts) == 0 && !S_ISDIR(facts.st_mode))
    DSM_FAIL(DSM_IO, "run folder %s exists and is not a folder; choose another with -o", folder->path);
  if (fresh && stat(folder->path, &facts) == 0) {
    DSM_TRY(dsm__owner_take(folder, owner));
    dsm__owner_release(owner);
    DSM_TRY(move_aside(folder->path));
  }
  DSM_TRY(make_folder(folder->path));
  DSM_TRY(probe_folder(folder->path));
  DSM_TRY(dsm__owner_take(folder, owner));
  snprintf(samples, sizeof samples, "%s/samples", folder->path);
  DSM_TRY(make_folder(folder->checkpoints));
  DSM_TRY(dsm_remove_leftovers(folder->path, ""));
  DSM_TRY(dsm_remove_leftovers(folder->checkpoints, ""));
  DSM_TRY(make_folder(samples)); /* where the end of a training says that samples may go */
  if (unlink(folder->stop) == 0) dsm_info("removed %s, left from an earlier run", folder->stop);
  snprintf(log, sizeof log, "%s/log.txt", folder->path);
  DSM_TRY(dsm_log_open(log));
  return DSM_OK;
}

dsm_status dsm__run_folder_open(dsm_comm *comm, const char *path, bool fresh, dsm__run_folder *folder,
                                dsm__owner *owner) {
  size_t length = strlen(path);
  while (length > 1 && path[length - 1] == '/') length--;
  if (length == 0 || length >= DSM_TEXT_MAX)
    DSM_FAIL(DSM_USAGE, "the run folder's name has %zu characters; 1 to %d are possible", length,
             DSM_TEXT_MAX - 1);
  snprintf(folder->path, sizeof folder->path, "%.*s", (int)length, path);
  snprintf(folder->checkpoints, sizeof folder->checkpoints, "%s/checkpoints", folder->path);
  snprintf(folder->metrics, sizeof folder->metrics, "%s/metrics.jsonl", folder->path);
  snprintf(folder->timing, sizeof folder->timing, "%s/timing.jsonl", folder->path);
  snprintf(folder->stop, sizeof folder->stop, "%s/STOP", folder->path);
  DSM_AGREE(comm, dsm_comm_rank(comm) == 0 ? open_folder(folder, fresh, owner) : DSM_OK);
  return DSM_OK;
}

dsm_status dsm__run_folder_config(const dsm__run_folder *folder, const dsm_config *config) {
  char path[DSM_TEXT_MAX + 32], *text = NULL;
  DSM_TRY(dsm_config_text(config, &text));
  snprintf(path, sizeof path, "%s/config.yaml", folder->path);
  const dsm_status status = dsm_file_write(path, text, strlen(text));
  free(text);
  DSM_TRY(status);
  return DSM_OK;
}
