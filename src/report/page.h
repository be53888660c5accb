/* Writing a page: markup as it is, texts escaped, pictures inside. */
#ifndef DSMPI_REPORT_PAGE_H
#define DSMPI_REPORT_PAGE_H

#include <stdio.h>
#include "dsmpi/status.h"

typedef struct dsm__page {
  FILE *out;
  size_t picture_room; /* bytes of pictures that still fit */
} dsm__page;

/* Markup, printf-style. No text that comes from a file may be among it. */
void dsm__markup(dsm__page *page, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Text that shows as it is: what HTML takes for markup is escaped, what is no UTF-8 shows as U+FFFD. */
void dsm__text(dsm__page *page, const char *text);
/* A paragraph of text, printf-style, escaped. */
void dsm__say(dsm__page *page, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A paragraph: words, and a command to be copied, printf-style; all escaped. */
void dsm__say_command(dsm__page *page, const char *before, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* A row of a table of two columns: a name, and a text, printf-style; both escaped. */
void dsm__page_fact(dsm__page *page, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void dsm__section_begin(dsm__page *page, const char *id, const char *title);
void dsm__section_end(dsm__page *page);
/* A PNG as <img>, and true; false, and nothing, if it does not fit any more. `alt` is escaped. */
bool dsm__image(dsm__page *page, const unsigned char *png, size_t size, const char *alt);

/* What the page looks like. */
extern const char dsm__style[];

#endif
