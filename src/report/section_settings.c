/* Settings, those that differ from the default marked, and where everything comes from. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "dsmpi/clock.h"
#include "dsmpi/train.h"
#include "internal.h"
#include "numbers.h"

/* ---- settings: the two texts of dsm_config_text have the same keys in the same order ------------------------ */

/* The next line, without its end; false at the end of the text. */
static bool next_line(char **text, char **line) {
  if (!**text) return false;
  *line = *text;
  *text += strcspn(*text, "\n");
  if (**text) *(*text)++ = '\0';
  return true;
}

/* The value of a key in a text that dsm_config_text made of the defaults; NULL: none. Keys are told apart by section. */
static bool is_default(const char *defaults, const char *section, const char *line) {
  const char *at = strstr(defaults, section);
  if (!at) return false;
  const char *end = at + strlen(section);
  while (*end == '\n' ? (end[1] == ' ' || end[1] == '#') : *end != '\0') end++;
  const size_t length = strlen(line);
  for (const char *p = strstr(at, line); p && p < end; p = strstr(p + 1, line))
    if (p[-1] == '\n' && (p[length] == '\n' || p[length] == '\0')) return true;
  return false;
}

static void put_setting(dsm__page *page, char *line, bool changed) {
  char *value = strstr(line, ": ");
  if (value) {
    *value = '\0';
    value += 2;
  }
  dsm__markup(page, "<tr%s><th>", changed ? " class=\"changed\"" : "");
  dsm__text(page, line + strspn(line, " "));
  dsm__markup(page, "</th><td>");
  dsm__text(page, value ? value : "");
  dsm__markup(page, "</td></tr>\n");
}

static dsm_status put_settings(dsm__report *r) {
  dsm_status status = DSM_OK;
  char *text = NULL, *plain = NULL, *line, *at, section[64] = "";
  dsm_config defaults;
  dsm_config_defaults(&defaults);
  DSM_TRY_DONE(dsm_config_text(&r->run.config, &text));
  DSM_TRY_DONE(dsm_config_text(&defaults, &plain));
  dsm__say(&r->page,
           "As used, with everything that the configuration left open filled in. Bold: not the default.");
  dsm__markup(&r->page, "<div class=\"settings\">\n");
  for (at = text; next_line(&at, &line);) {
    if (line[0] != ' ') {
      if (section[0]) dsm__markup(&r->page, "</table></div>\n");
      snprintf(section, sizeof section, "%s", line);
      dsm__markup(&r->page, "<div><h3>%.*s</h3>\n<table>\n", (int)strcspn(section, ":"), section);
    } else {
      put_setting(&r->page, line, !is_default(plain, section, line));
    }
  }
  dsm__markup(&r->page, "%s</div>\n", section[0] ? "</table></div>\n" : "");
done:
  free(text);
  free(plain);
  return status;
}

/* ---- provenance ---------------------------------------------------------------------------------------- */

static void put_provenance(dsm__report *r) {
  const dsm_checkpoint *h = &r->run.header;
  char facts[2048], *line, *at = facts;
  dsm__markup(&r->page, "<table class=\"facts\" id=\"provenance\">\n");
  if (r->run.checkpoint[0]) {
    dsm__page_fact(&r->page, "Checkpoint", "%s", r->run.checkpoint);
    dsm__page_fact(&r->page, "Written by", "%s", h->program);
    dsm__page_fact(&r->page, "Kernels", "%s", h->kernels);
    dsm__page_fact(&r->page, "BLAS", "%s", h->blas);
    dsm__page_fact(&r->page, "Seed", "%llu", (unsigned long long)h->seed);
  }
  if (r->samples.x) dsm__page_fact(&r->page, "Samples", "%s", r->samples.file);
  if (r->evaluation.path[0]) dsm__page_fact(&r->page, "Evaluation", "%s", r->evaluation.path);
  if (dsm_version_facts(facts, sizeof facts) == DSM_OK)
    while (next_line(&at, &line)) {
      const size_t name = strcspn(line, " ");
      char first[32];
      snprintf(first, sizeof first, "%.*s", (int)name, line);
      dsm__page_fact(&r->page, first, "%s", line + name + strspn(line + name, " "));
    }
  else
    dsm_trail_clear();
  dsm__markup(&r->page, "</table>\n");
}

dsm_status dsm__put_settings(dsm__report *r) {
  if (r->run.has_config) {
    dsm__section_begin(&r->page, "settings", "Settings");
    DSM_TRY(put_settings(r));
    dsm__section_end(&r->page);
  }
  dsm__section_begin(&r->page, "origin", "Where this comes from");
  dsm__say(&r->page,
           "The checkpoint says what it was trained with; below stands the program that made this page.");
  put_provenance(r);
  dsm__section_end(&r->page);
  return DSM_OK;
}
