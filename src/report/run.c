/* How a run stands, by its files: the settings, the newest checkpoint, whose the folder is. */
#include <dirent.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "dsmpi/text.h"
#include "internal.h"

bool dsm__newest_file(const char *folder, const char *begin, const char *end, char *path, size_t size) {
  DIR *listing = opendir(folder);
  struct timespec newest = {0};
  bool found = false;
  for (const struct dirent *e; listing && (e = readdir(listing));) {
    const size_t length = strlen(e->d_name), tail = strlen(end);
    struct stat facts;
    char *candidate = NULL;
    if (strncmp(e->d_name, begin, strlen(begin)) != 0 || length < tail ||
        strcmp(e->d_name + length - tail, end) != 0)
      continue;
    if (asprintf(&candidate, "%s/%s", folder, e->d_name) < 0) break;
    const bool regular = strlen(candidate) < size && stat(candidate, &facts) == 0 && S_ISREG(facts.st_mode);
    const struct timespec *t = &facts.st_mtim;
    if (regular && (!found || t->tv_sec > newest.tv_sec ||
                    (t->tv_sec == newest.tv_sec && t->tv_nsec > newest.tv_nsec))) {
      found = true;
      newest = *t;
      strcpy(path, candidate);
    }
    free(candidate);
  }
  if (listing) closedir(listing);
  return found;
}

static void read_header(dsm__report *r) {
  char folder[DSM_TEXT_MAX + 16];
  dsm__run *run = &r->run;
  int64_t *steps = NULL;
  size_t count = 0;
  snprintf(folder, sizeof folder, "%s/checkpoints", r->options->run);
  if (dsm_checkpoint_list(folder, &steps, &count) != DSM_OK) dsm__report_note_failure(r, "checkpoints");
  for (size_t i = 0; i < count && !run->checkpoint[0]; i++) {
    char path[2 * DSM_TEXT_MAX];
    dsm_checkpoint_path(folder, steps[i], path, sizeof path);
    if (dsm_checkpoint_read_header(path, &run->header) == DSM_OK) {
      snprintf(run->checkpoint, sizeof run->checkpoint, "%s", path);
      run->step = run->header.step;
    } else {
      dsm__report_note_failure(r, "a checkpoint");
    }
  }
  free(steps);
}

static void read_config(dsm__report *r) {
  char path[DSM_TEXT_MAX + 16];
  dsm__run *run = &r->run;
  dsm_config_defaults(&run->config);
  snprintf(path, sizeof path, "%s/config.yaml", r->options->run);
  run->has_config = dsm_config_read(path, &run->config) == DSM_OK;
  if (!run->has_config) dsm__report_note_failure(r, "settings");
  if (!run->has_config && run->header.config) {
    dsm_config_defaults(&run->config);
    run->has_config = dsm_config_parse("checkpoint", run->header.config, &run->config) == DSM_OK;
    dsm_trail_clear();
  }
  if (!run->has_config) dsm_config_defaults(&run->config);
  run->target = run->has_config ? run->config.train.steps : 0;
}

static void read_state(dsm__report *r) {
  dsm__run *run = &r->run;
  dsm_run_status s;
  char of_job[96] = "";
  if (dsm_run_status_read(r->options->run, &s) != DSM_OK) {
    dsm__report_note_failure(r, "how the run stands");
    return;
  }
  run->state = s.state;
  if (s.step > run->step) run->step = s.step;
  if (s.state == DSM_RUN_FAILED)
    dsm_append(run->said, sizeof run->said, "%s", s.said + strlen("dsmpi: error: "));
  if (!s.owner.host[0]) return;
  if (strcmp(s.owner.job, "-") != 0) snprintf(of_job, sizeof of_job, ", Slurm job %s", s.owner.job);
  snprintf(run->owner, sizeof run->owner, "%s, process %ld%s, since %s", s.owner.host, s.owner.pid, of_job,
           s.owner.since);
}

void dsm__run_read(dsm__report *r) {
  dsm__run *run = &r->run;
  read_header(r);
  read_config(r);
  run->state = DSM_RUN_STOPPED;
  read_state(r);
  const double logged = dsm__history_last(&r->history, "step");
  if (logged > (double)run->step) run->step = (int64_t)logged;
}
