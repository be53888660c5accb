/* HDF5 and what it can unpack; the file systems that results go to. */
#include "doctor.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

void dsm__check_hdf5(dsm__doctor *d) {
  char there[256], missing[256];
  dsm_data_filters(there, missing, sizeof there);
  dsm__ok(d, "%s; unpacks %s%s%s", dsm_hdf5_library(), there, missing[0] ? "; no plugin for: " : "",
          missing[0] ? missing : "");
  if (!strstr(there, "gzip"))
    dsm__warning(
        d,
        "HDF5 was built without gzip, which most compressed files use: install a build with zlib, or unpack "
        "data elsewhere with h5repack -f NONE");
}

/* What is to be known about results on such a file system; NULL: nothing. `serious`: it is a warning. */
static const char *hint(dsm_storage kind, bool *serious) {
  *serious = true;
  switch (kind) {
  case DSM_STORAGE_LUSTRE:
    return "stripe the folder of samples (lfs setstripe -c 8 FOLDER); one stripe is well for checkpoints";
  case DSM_STORAGE_NETWORK:
    return "one server for all: well for checkpoints; put large samples files, which all ranks write, on a "
           "parallel file system";
  case DSM_STORAGE_MEMORY:
    return "it is memory: results count against the memory of this host and go with it";
  case DSM_STORAGE_LAYER:
    return "it is a container's own layer, gone with the container unless a folder is mounted there";
  case DSM_STORAGE_DISK:
    *serious = false;
    return "a disk of this host: other hosts do not see it";
  default:
    return NULL;
  }
}

static void check_folder(dsm__doctor *d, const char *what, const dsm_file_system *s) {
  char room[32];
  bool serious;
  const bool several = d->comm && dsm_comm_hosts(d->comm) > 1;
  const char *words = hint(s->kind, &serious);
  dsm_bytes(s->room, room, sizeof room);
  if (!s->writable)
    dsm__failure(d, DSM_IO,
                 "%s: %s (%s) cannot be written; choose another with -o, or mend its permissions or mount",
                 what, s->folder, s->type);
  else if (words && serious)
    dsm__warning(d, "%s: %s is on %s, %s free: %s", what, s->folder, s->type, room, words);
  else if (words && several)
    dsm__warning(d, "%s: %s is on %s, %s free: %s", what, s->folder, s->type, room, words);
  else
    dsm__ok(d, "%s: %s is on %s, %s free", what, s->folder, s->type, room);
}

/* Ranks that find another file system there write somewhere else. */
static void check_everywhere(dsm__doctor *d, const char *what) {
  const dsm_file_system *mine = &d->all[0].run;
  for (int r = 1; r < d->size; r++) {
    const dsm_file_system *other = &d->all[r].run;
    if (strcmp(mine->folder, other->folder) == 0 && strcmp(mine->type, other->type) == 0 &&
        mine->size == other->size)
      continue;
    dsm__failure(
        d, DSM_IO,
        "%s: rank %d (%s) finds %s on %s, rank 0 (%s) %s on %s: it must be one folder that all hosts see",
        what, r, d->all[r].facts.place.host, other->folder, other->type, d->all[0].facts.place.host,
        mine->folder, mine->type);
    return;
  }
}

/* Kept ones, those kept for good, and the one that is being written. */
static void check_room(dsm__doctor *d, const dsm_file_system *s) {
  const dsm_config *c = d->options->config;
  char one[32], all[32], room[32];
  if (!c || d->checkpoint == 0) return;
  const double for_good =
      c->train.keep_every > 0 ? floor((double)c->train.steps / (double)c->train.keep_every) : 0;
  const double count = (double)c->train.keep + for_good + 1, needed = count * d->checkpoint;
  dsm_bytes(d->checkpoint, one, sizeof one);
  dsm_bytes(needed, all, sizeof all);
  dsm_bytes(s->room, room, sizeof room);
  if (s->room < 2 * d->checkpoint)
    dsm__failure(d, DSM_IO,
                 "checkpoints: %s each, but %s free in %s; make room, or choose another folder with -o", one,
                 room, s->folder);
  else if (s->room < needed)
    dsm__warning(d,
                 "checkpoints: %s each, %.0f at most: %s, but %s free in %s; a smaller train.keep or larger "
                 "train.keep_every keeps fewer",
                 one, count, all, room, s->folder);
  else
    dsm__ok(d, "checkpoints: %s each, %.0f at most: %s of the %s free in %s", one, count, all, room,
            s->folder);
}

void dsm__check_folders(dsm__doctor *d) {
  const char *what = d->options->run ? "run folder" : "current folder";
  check_folder(d, what, &d->all[0].run);
  check_everywhere(d, what);
  check_room(d, &d->all[0].run);
}
