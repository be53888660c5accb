#include "dsmpi/json.h"

#include <math.h>
#include <stdlib.h>

const char *dsm_json_number(double x, char *text, size_t size) {
  if (!isfinite(x)) {
    snprintf(text, size, "null");
    return text;
  }
  for (int digits = 6; digits <= 17; digits++) {
    snprintf(text, size, "%.*g", digits, x);
    if (strtod(text, NULL) == x) break;
  }
  return text;
}

void dsm_json_text(FILE *file, const char *text) {
  fputc('"', file);
  for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
    if (*p == '"' || *p == '\\')
      fprintf(file, "\\%c", *p);
    else if (*p < 0x20)
      fprintf(file, "\\u%04x", *p);
    else
      fputc(*p, file);
  }
  fputc('"', file);
}
