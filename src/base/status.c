/* The trail of a thread is one text: the message, then one indented line for each place the failure passed.
 */
#include "dsmpi/status.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "dsmpi/text.h"

enum { MESSAGE_MAX = 12 * 1024, TRAIL_MAX = 16 * 1024 };
#define PLACE_INDENT "\n    at "

static _Thread_local struct {
  dsm_status status;
  char message[MESSAGE_MAX];
  char text[TRAIL_MAX];
} trail;

static _Atomic(dsm_panic_hook) panic_hook;

static const struct {
  int exit_code;
  const char *sentence;
} status_table[] = {
#define STATUS_ROW(name, exit_code, sentence) [DSM_##name] = {exit_code, sentence},
    DSM_STATUS_MAP(STATUS_ROW)
#undef STATUS_ROW
};

static bool is_status(dsm_status status) {
  return (unsigned)status < DSM_STATUS_COUNT;
}

const char *dsm_status_text(dsm_status status) {
  return is_status(status) ? status_table[status].sentence : "unknown status";
}

int dsm_status_exit_code(dsm_status status) {
  return status_table[is_status(status) ? status : DSM_INTERNAL].exit_code;
}

const char *dsm_trail(void) {
  return trail.text;
}
const char *dsm_trail_message(void) {
  return trail.message;
}

void dsm_trail_clear(void) {
  trail.status = DSM_OK;
  trail.message[0] = trail.text[0] = '\0';
}

static void copy_text(char *to, size_t size, const char *from, size_t length) {
  if (length >= size) length = size - 1;
  memmove(to, from, length);
  to[length] = '\0';
}

static void trail_begin(dsm_status status, const char *message) {
  trail.status = status;
  copy_text(trail.message, sizeof trail.message, message, strlen(message));
  copy_text(trail.text, sizeof trail.text, trail.message, strlen(trail.message));
}

/* The path from the last "src" or "tests" on: where the source was built is nobody's business at run time. */
static const char *short_path(const char *file) {
  static const char *const roots[] = {"/src/", "/tests/"};
  for (size_t r = 0; r < sizeof roots / sizeof *roots; r++) {
    const char *found = NULL;
    for (const char *p = strstr(file, roots[r]); p; p = strstr(p + 1, roots[r])) found = p;
    if (found) return found + 1;
  }
  return file;
}

static void trail_add_place(const char *file, int line) {
  dsm_append(trail.text, sizeof trail.text, PLACE_INDENT "%s:%d", short_path(file), line);
}

dsm_status dsm_trail_set(dsm_status status, const char *text) {
  char copy[TRAIL_MAX]; /* `text` may be our own trail */
  copy_text(copy, sizeof copy, text, strlen(text));
  const char *places = strstr(copy, PLACE_INDENT);
  size_t length = places ? (size_t)(places - copy) : strlen(copy);
  trail.status = status;
  copy_text(trail.message, sizeof trail.message, copy, length);
  copy_text(trail.text, sizeof trail.text, copy, strlen(copy));
  return status;
}

dsm_status dsm__fail(dsm_status status, const char *file, int line, const char *format, ...) {
  char message[MESSAGE_MAX]; /* the arguments may point into the trail that is being replaced */
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(message, sizeof message, format, arguments);
  va_end(arguments);
  trail_begin(status, message);
  trail_add_place(file, line);
  return status;
}

dsm_status dsm__forward(dsm_status status, const char *file, int line) {
  /* A failure without a message of its own must not inherit that of an older one. */
  if (trail.text[0] == '\0' || trail.status != status) trail_begin(status, dsm_status_text(status));
  trail_add_place(file, line);
  return status;
}

void dsm_set_panic_hook(dsm_panic_hook hook) {
  atomic_store(&panic_hook, hook);
}

void dsm__panic(const char *file, int line, const char *what) {
  char message[1024];
  snprintf(message, sizeof message, "dsmpi: broken assertion at %s:%d: %s", short_path(file), line, what);
  fprintf(stderr, "%s\n", message);
  dsm_panic_hook hook = atomic_load(&panic_hook);
  if (hook) hook(message);
  abort();
}
