/* Whether samples and their evaluation are of each other, and of the model as it is now. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "internal.h"

enum {
  GRACE = 60,        /* seconds: files that were copied together have nearly one time */
  COMPARED = 1 << 20 /* bytes: the settings, the seed and some samples */
};

/* FILE of "FILE:/DATASET, 1000 x (28, 28, 1)", as dsmpi eval names its data; what is otherwise stays as it is. */
static const char *file_of(const char *words, char *file, size_t size) {
  snprintf(file, size, "%s", words);
  for (char *p = file + strlen(file); p > file; p--) /* the last such comma: names may have some, too */
    if (p[0] == ',' && p[1] == ' ' && isdigit((unsigned char)p[2])) {
      *p = 0;
      break;
    }
  for (char *p = file + strlen(file); p > file; p--)
    if (p[0] == ':' && p[1] == '/') {
      *p = 0;
      break;
    }
  return file;
}

/* Whether two files begin with the same bytes. */
static bool same_beginning(const char *a, const char *b) {
  FILE *one = fopen(a, "rb"), *other = fopen(b, "rb");
  char x[4096], y[4096];
  bool same = one && other;
  for (size_t part = 0, n = 1; same && n > 0 && part < COMPARED; part += n) {
    n = fread(x, 1, sizeof x, one);
    same = fread(y, 1, sizeof y, other) == n && memcmp(x, y, n) == 0;
  }
  if (one) fclose(one);
  if (other) fclose(other);
  return same;
}

/* A name that an evaluation found from another folder may not be found from here: then its last part has to do. A copy, as of
 * a whole run, is the same. */
static bool same_file(const char *a, const char *b) {
  struct stat x, y;
  if (stat(a, &x) != 0 || stat(b, &y) != 0) return strcmp(dsm__last_part(a), dsm__last_part(b)) == 0;
  if (x.st_dev == y.st_dev && x.st_ino == y.st_ino) return true;
  return S_ISREG(x.st_mode) && S_ISREG(y.st_mode) && x.st_size == y.st_size && same_beginning(a, b);
}

static bool newer(const char *a, const char *b) {
  struct stat x, y;
  return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_mtim.tv_sec > y.st_mtim.tv_sec + GRACE;
}

void dsm__staleness_find(dsm__report *r) {
  dsm__staleness *s = &r->staleness;
  const dsm__evaluation *e = &r->evaluation;
  *s = (dsm__staleness){.step = -1};
  if (e->metrics > 0) file_of(e->samples, s->evaluated, sizeof s->evaluated);
  const char *shown = r->samples.x ? r->samples.file : s->evaluated;
  if (e->metrics > 0 && r->samples.x) {
    s->other_samples = !same_file(s->evaluated, shown);
    s->rewritten = !s->other_samples && newer(shown, e->path);
  }
  if (shown[0] && dsm_samples_step(shown, &s->step) != DSM_OK) {
    dsm_trail_clear(); /* samples of another program have none */
    s->step = -1;
  }
  s->older = s->step >= 0 && s->step < r->run.header.step;
}
