/* Appending to a buffer. snprintf returns the length that the text would have, so that a sum of its results leaves the buffer
 * as soon as something is cut; here the end is looked for each time instead. */
#include "dsmpi/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void dsm_append(char *text, size_t size, const char *format, ...) {
  const size_t used = size > 0 ? strnlen(text, size) : 0;
  va_list arguments;
  if (used >= size) return; /* size 0, or no text at all */
  va_start(arguments, format);
  vsnprintf(text + used, size - used, format, arguments);
  va_end(arguments);
}
