#include "page.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void dsm__markup(dsm__page *page, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vfprintf(page->out, format, arguments);
  va_end(arguments);
}

/* Bytes of the UTF-8 sequence at `p`; 0: it is none (RFC 3629: overlong ones and surrogates are not). */
static size_t sequence(const unsigned char *p) {
  const size_t length = p[0] < 0x80                   ? 1
                        : p[0] >= 0xC2 && p[0] < 0xE0 ? 2
                        : p[0] >= 0xE0 && p[0] < 0xF0 ? 3
                        : p[0] >= 0xF0 && p[0] < 0xF5 ? 4
                                                      : 0;
  for (size_t i = 1; i < length; i++)
    if ((p[i] & 0xC0) != 0x80) return 0;
  if ((p[0] == 0xE0 && p[1] < 0xA0) || (p[0] == 0xED && p[1] > 0x9F) || (p[0] == 0xF0 && p[1] < 0x90) ||
      (p[0] == 0xF4 && p[1] > 0x8F))
    return 0;
  return length;
}

void dsm__text(dsm__page *page, const char *text) {
  for (const unsigned char *p = (const unsigned char *)text; *p;) {
    const size_t length = sequence(p);
    if (length == 0 || (*p < 0x20 && *p != '\n' && *p != '\t') || *p == 0x7F)
      fputs("&#xFFFD;", page->out);
    else if (*p == '&' || *p == '<' || *p == '>' || *p == '"' || *p == '\'')
      fprintf(page->out, "&#%d;", *p);
    else
      fwrite(p, 1, length, page->out);
    p += length ? length : 1;
  }
}

static void formatted(dsm__page *page, const char *format, va_list arguments) {
  char *text = NULL;
  if (vasprintf(&text, format, arguments) < 0) return;
  dsm__text(page, text);
  free(text);
}

void dsm__say(dsm__page *page, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  fputs("<p>", page->out);
  formatted(page, format, arguments);
  fputs("</p>\n", page->out);
  va_end(arguments);
}

/* Words of a command stay whole where a line ends, unless one alone is longer than a line. */
void dsm__say_command(dsm__page *page, const char *before, const char *format, ...) {
  char *text = NULL, *rest = NULL;
  va_list arguments;
  va_start(arguments, format);
  const int length = vasprintf(&text, format, arguments);
  va_end(arguments);
  if (length < 0) return;
  fputs("<p>", page->out);
  dsm__text(page, before);
  fputs(" <code class=\"command\">", page->out);
  for (char *word = strtok_r(text, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
    fputs(word == text ? "<span>" : " <span>", page->out);
    dsm__text(page, word);
    fputs("</span>", page->out);
  }
  fputs("</code></p>\n", page->out);
  free(text);
}

void dsm__page_fact(dsm__page *page, const char *name, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  fputs("<tr><th>", page->out);
  dsm__text(page, name);
  fputs("</th><td>", page->out);
  formatted(page, format, arguments);
  fputs("</td></tr>\n", page->out);
  va_end(arguments);
}

void dsm__section_begin(dsm__page *page, const char *id, const char *title) {
  dsm__markup(page, "<section id=\"%s\">\n<h2>%s</h2>\n", id, title);
}

void dsm__section_end(dsm__page *page) {
  dsm__markup(page, "</section>\n");
}

static void base64(FILE *out, const unsigned char *bytes, size_t size) {
  static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (size_t i = 0; i < size; i += 3) {
    const size_t left = size - i;
    const unsigned b[3] = {bytes[i], left > 1 ? bytes[i + 1] : 0, left > 2 ? bytes[i + 2] : 0};
    const unsigned word = b[0] << 16 | b[1] << 8 | b[2];
    fputc(digit[word >> 18], out);
    fputc(digit[word >> 12 & 63], out);
    fputc(left > 1 ? digit[word >> 6 & 63] : '=', out);
    fputc(left > 2 ? digit[word & 63] : '=', out);
  }
}

bool dsm__image(dsm__page *page, const unsigned char *png, size_t size, const char *alt) {
  if (size > page->picture_room) return false;
  page->picture_room -= size;
  fputs("<img alt=\"", page->out);
  dsm__text(page, alt);
  fputs("\" src=\"data:image/png;base64,", page->out);
  base64(page->out, png, size);
  fputs("\">\n", page->out);
  return true;
}
