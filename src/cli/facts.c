/* Lines of facts and numbers as people read them. */
#include "cli.h"

#include <stdarg.h>
#include <string.h>

void dsm__fact(const char *name, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  printf("  %-11s ", name);
  vprintf(format, arguments);
  putchar('\n');
  va_end(arguments);
}

const char *dsm__grouped(uint64_t number, char *text, size_t size) {
  char plain[24];
  size_t digits = (size_t)snprintf(plain, sizeof plain, "%llu", (unsigned long long)number), used = 0;
  for (size_t i = 0; i < digits && used + 2 < size; i++) {
    if (i > 0 && (digits - i) % 3 == 0) text[used++] = ',';
    text[used++] = plain[i];
  }
  text[used] = '\0';
  return text;
}
