/* Whose a run folder is. RUN/owner names the job that trains in it; a thread of rank 0 touches the file now and then,
 * however long a step or a checkpoint takes, so that the job shows life. A later job takes a folder over when the one before is known to be gone:
 *   - its process, on this host, does not exist any more;
 *   - it was an earlier life of the same Slurm job (requeued);
 *   - or it shows no life for LIFELESS seconds, which another host waits for.
 * No lock of the file system is involved: what they are worth on network file systems differs. Instead a job looks whose
 * the folder is before it gives a checkpoint its name: one that comes back from the dead, with its node, finds another's
 * name there and leaves. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "internal.h"

#define TURN_MARK ".after-"
enum { LIFELESS = 60, BEAT = 10 /* seconds */ };

/* One line of text. `token` makes two jobs of the same process number differ. */
typedef struct owner {
  char host[64], job[64], since[40];
  long pid, restarts;
  unsigned long long token;
} owner;

static owner this_job(void) {
  const char *job = getenv("SLURM_JOB_ID"), *restarts = getenv("SLURM_RESTART_COUNT");
  struct timespec now;
  owner o = {.pid = (long)getpid(), .restarts = restarts ? strtol(restarts, NULL, 10) : 0};
  clock_gettime(CLOCK_REALTIME, &now);
  o.token = (unsigned long long)now.tv_sec * 1000000000u + (unsigned long long)now.tv_nsec;
  dsm_host_name(o.host, sizeof o.host);
  snprintf(o.job, sizeof o.job, "%s", job && job[0] ? job : "-");
  dsm_timestamp(o.since, sizeof o.since);
  return o;
}

static bool read_owner(const char *path, owner *o) {
  FILE *file = fopen(path, "r");
  if (!file) return false;
  const int fields = fscanf(file, "host %63s pid %ld job %63s restarts %ld since %39s token %llu", o->host,
                            &o->pid, o->job, &o->restarts, o->since, &o->token);
  fclose(file);
  return fields == 6;
}

/* Seconds since the owner of the file `path` showed life, by the clock of the file system: a file made now beside it
 * tells the time. Below 0: not known. */
static double lifeless_for(const char *path) {
  char beside[DSM_TEXT_MAX + 64], probe[DSM_TEXT_MAX + 256];
  struct stat of_owner, now;
  snprintf(beside, sizeof beside, "%s.now", path);
  if (dsm_temporary_name(beside, probe, sizeof probe) != DSM_OK) return -1;
  const int fd = open(probe, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  const bool known = fd >= 0 && fstat(fd, &now) == 0 && stat(path, &of_owner) == 0;
  if (fd >= 0) close(fd);
  unlink(probe);
  return known ? difftime(now.st_mtime, of_owner.st_mtime) : -1;
}

/* Why the job that `path` names is known to be gone, or NULL. */
static const char *gone(const char *path, const owner *before, const owner *now) {
  if (strcmp(before->host, now->host) == 0 && !dsm_pid_runs(before->pid)) return "its process is gone";
  if (strcmp(before->job, "-") != 0 && strcmp(before->job, now->job) == 0 && before->restarts < now->restarts)
    return "an earlier life of this job";
  return lifeless_for(path) >= LIFELESS ? "it shows no life" : NULL;
}

static dsm_status refuse(const dsm__run_folder *folder, const owner *before) {
  char job[96] = "";
  if (strcmp(before->job, "-") != 0) snprintf(job, sizeof job, "job %s, ", before->job);
  DSM_FAIL(
      DSM_IO,
      "run folder %s is in use: %sprocess %ld on %s has trained in it since %s; wait for its end, or choose "
      "another folder with -o",
      folder->path, job, before->pid, before->host, before->since);
}

/* The owner of another host may have died a moment ago: it is watched until it shows life, has left, or has been silent
 * long enough to be gone. */
static dsm_status wait_for_life(const dsm__run_folder *folder, const dsm__owner *place, const owner *before,
                                const owner *now) {
  owner still;
  double silent = lifeless_for(place->path);
  if (strcmp(before->host, now->host) == 0) return refuse(folder, before);
  dsm_info("owner    %s was at work in %s %.0f s ago: waiting for a sign of life, %d s at most", before->host,
           folder->path, silent, LIFELESS);
  for (int waited = 0; silent < LIFELESS && waited < 2 * LIFELESS; waited++) {
    sleep(1);
    const double later = lifeless_for(place->path);
    if (!read_owner(place->path, &still)) return DSM_OK;
    if (later < 0) DSM_FAIL(DSM_IO, "%s: no file can be made beside it: %s", place->path, strerror(errno));
    if (later < silent || still.token != before->token) return refuse(folder, &still);
    silent = later;
  }
  return DSM_OK;
}

/* A file system without links; then the renaming alone has to do. */
static bool no_links(int error) {
  return error == EPERM || error == ENOTSUP || error == ENOSYS || error == EMLINK;
}

static dsm_status put_in_place(const dsm__owner *place, const char *beside, bool *ours) {
  if (rename(beside, place->path) != 0)
    DSM_FAIL(DSM_IO, "%s cannot be written: %s", place->path, strerror(errno));
  *ours = true;
  return DSM_OK;
}

/* Puts `beside` in the place of the owner `before`, who is gone. The name with its token can be given but once, so one job
 * at a time may; whoever comes later finds another owner there. */
static dsm_status follow(const dsm__owner *place, const char *beside, const owner *before, const owner *now,
                         bool *ours) {
  dsm_status status = DSM_OK;
  char turn[DSM_TEXT_MAX + 64];
  owner found;
  snprintf(turn, sizeof turn, "%s" TURN_MARK "%llu", place->path, before->token);
  if (link(beside, turn) != 0 && !no_links(errno)) {
    if (errno != EEXIST) DSM_FAIL(DSM_IO, "%s cannot be written: %s", turn, strerror(errno));
    if (read_owner(turn, &found) && gone(turn, &found, now)) unlink(turn); /* died here */
    return DSM_OK;
  }
  if (read_owner(place->path, &found) && found.token == before->token)
    status = put_in_place(place, beside, ours);
  unlink(turn);
  DSM_TRY(status);
  return DSM_OK;
}

/* Makes RUN/owner ours where it is nobody's. */
static dsm_status settle(const dsm__owner *place, const char *beside, bool *ours) {
  *ours = link(beside, place->path) == 0;
  if (*ours || errno == EEXIST) return DSM_OK;
  if (!no_links(errno)) DSM_FAIL(DSM_IO, "%s cannot be written: %s", place->path, strerror(errno));
  DSM_TRY(put_in_place(place, beside, ours));
  return DSM_OK;
}

/* Makes RUN/owner ours, if it is nobody's (`before` NULL) or still that of `before`, who is gone. Of several jobs that try
 * at once, one does; `*ours` tells whether it was this one. */
static dsm_status claim(const dsm__owner *place, const owner *before, const owner *now, bool *ours) {
  char beside[DSM_TEXT_MAX + 256], line[512];
  *ours = false;
  DSM_TRY(dsm_temporary_name(place->path, beside, sizeof beside));
  snprintf(line, sizeof line, "host %s pid %ld job %s restarts %ld since %s token %llu\n", now->host,
           now->pid, now->job, now->restarts, now->since, now->token);
  unlink(beside); /* of an earlier process of our number */
  dsm_status status = dsm_file_append(beside, line);
  if (status == DSM_OK)
    status = before ? follow(place, beside, before, now, ours) : settle(place, beside, ours);
  unlink(beside);
  DSM_TRY(status);
  return DSM_OK;
}

/* Turns of jobs that died while they followed another. */
static void remove_dead_turns(const dsm__run_folder *folder, const dsm__owner *place, const owner *now) {
  static const char start[] = "owner" TURN_MARK;
  char turn[DSM_TEXT_MAX + 512];
  owner found;
  DIR *stream = opendir(folder->path);
  for (const struct dirent *entry; stream && (entry = readdir(stream));) {
    if (strncmp(entry->d_name, start, strlen(start)) != 0) continue;
    snprintf(turn, sizeof turn, "%s/%s", folder->path, entry->d_name);
    if (read_owner(turn, &found) && found.token != place->token && gone(turn, &found, now)) unlink(turn);
  }
  if (stream) closedir(stream);
}

/* Shows life, unless the folder is another's by now. */
static void beat(void *context) {
  const dsm__owner *place = context;
  owner o;
  if (read_owner(place->path, &o) && o.token == place->token) utimensat(AT_FDCWD, place->path, NULL, 0);
}

dsm_status dsm__owner_take(const dsm__run_folder *folder, dsm__owner *place) {
  const owner now = this_job();
  bool ours = false;
  int unread = 0;
  snprintf(place->path, sizeof place->path, "%s/owner", folder->path);
  while (!ours) { /* what has changed meanwhile is looked at anew */
    owner before;
    const bool owned = read_owner(place->path, &before);
    const char *reason = owned ? gone(place->path, &before, &now) : NULL;
    if (owned && !reason) {
      DSM_TRY(wait_for_life(folder, place, &before, &now));
      continue;
    }
    DSM_TRY(claim(place, owned ? &before : NULL, &now, &ours));
    if (owned && ours)
      dsm_info("owner    taken over from process %ld on %s: %s", before.pid, before.host, reason);
    if (!ours) nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    if (!ours && !owned && ++unread > 100)
      DSM_FAIL(DSM_IO, "%s does not say whose the run folder is: remove it if no job trains there",
               place->path);
  }
  place->token = now.token;
  remove_dead_turns(folder, place, &now);
  DSM_TRY(dsm__heartbeat_start(BEAT, beat, place, &place->heartbeat));
  return DSM_OK;
}

dsm_status dsm__owner_check(const dsm__owner *place) {
  owner o;
  if (!place->path[0]) return DSM_OK;
  if (!read_owner(place->path, &o))
    DSM_FAIL(DSM_IO, "%s is gone or damaged: was the run folder moved or removed?", place->path);
  if (o.token != place->token)
    DSM_FAIL(
        DSM_IO,
        "the run folder has been taken over by process %ld on %s (job %s) since %s, while this one showed no "
        "life: nothing more is written here",
        o.pid, o.host, o.job, o.since);
  return DSM_OK;
}

bool dsm__owner_release(dsm__owner *place) {
  owner o;
  dsm__heartbeat_stop(&place->heartbeat);
  const bool ours = place->path[0] && read_owner(place->path, &o) && o.token == place->token;
  if (ours) unlink(place->path);
  place->path[0] = '\0';
  return ours;
}

void dsm__owner_look(const char *run, dsm__owner_sight *sight) {
  char path[DSM_TEXT_MAX + 16], host[64] = "";
  struct stat facts;
  owner o = {0};
  *sight = (dsm__owner_sight){.state = DSM__OWNER_NONE};
  snprintf(path, sizeof path, "%.*s/owner", DSM_TEXT_MAX, run);
  const bool said = read_owner(path, &o); /* first: the file may go at any moment */
  if (stat(path, &facts) != 0) return;
  sight->silent = difftime(time(NULL), facts.st_mtime);
  if (sight->silent < 0) sight->silent = 0; /* clocks of hosts differ */
  sight->state = DSM__OWNER_UNREADABLE;
  if (!said) return;
  snprintf(sight->host, sizeof sight->host, "%s", o.host);
  snprintf(sight->job, sizeof sight->job, "%s", o.job);
  snprintf(sight->since, sizeof sight->since, "%s", o.since);
  sight->pid = o.pid;
  if (strcmp(dsm_host_name(host, sizeof host), o.host) == 0 && !dsm_pid_runs(o.pid))
    sight->state = DSM__OWNER_GONE;
  else
    sight->state = sight->silent >= LIFELESS ? DSM__OWNER_SILENT : DSM__OWNER_AT_WORK;
}
