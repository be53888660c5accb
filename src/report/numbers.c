#include "numbers.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "dsmpi/json.h"

const char *dsm__exact_text(double x, char *text, size_t size) {
  if (x == floor(x) && fabs(x) < 1e15) {
    snprintf(text, size, "%.0f", x);
    return text;
  }
  return dsm_json_number(x, text, size);
}

/* Commas between groups of three figures of the whole part. */
static void group(char *text, size_t size) {
  const size_t sign = text[0] == '-', whole = strspn(text + sign, "0123456789");
  size_t length = strlen(text);
  for (size_t at = whole; at > 3 && length + 2 < size; at -= 3) {
    char *place = text + sign + at - 3;
    memmove(place + 1, place, length + 1 - (size_t)(place - text));
    *place = ',';
    length++;
  }
}

/* 10^place of the first figure of x, after rounding to `digits` figures. */
static int place_of(double x, int digits) {
  char text[40];
  snprintf(text, sizeof text, "%.*e", digits - 1, x);
  return atoi(strchr(text, 'e') + 1);
}

const char *dsm__figure_text(double x, int digits, char *text, size_t size) {
  if (!isfinite(x)) {
    snprintf(text, size, "–");
    return text;
  }
  const int place = x == 0 ? 0 : place_of(x, digits);
  if (place < -3 || place > 9) {
    snprintf(text, size, "%.*g", digits, x);
    return text;
  }
  const int decimals = digits - 1 - place;
  snprintf(text, size, "%.*f", x == floor(x) || decimals < 0 ? 0 : decimals, x);
  group(text, size);
  return text;
}

const char *dsm__uncertain_text(double x, double error, char *text, size_t size) {
  if (!isfinite(x) || !isfinite(error) || error <= 0) return dsm__figure_text(x, 4, text, size);
  const int last = place_of(error, 2) - 1, first = x == 0 ? last : place_of(x, 17);
  if (last < -6 || first > 9 || last > 3) { /* a power of ten for both */
    const int power = first > last ? first : last, decimals = power - last < 15 ? power - last : 15;
    snprintf(text, size, "(%.*f ± %.*f)e%d", decimals, x / pow(10, power), decimals, error / pow(10, power),
             power);
    return text;
  }
  char value[64];
  snprintf(value, sizeof value, "%.*f", last < 0 ? -last : 0, x);
  group(value, sizeof value);
  snprintf(text, size, "%s ± %.*f", value, last < 0 ? -last : 0, error);
  return text;
}

const char *dsm__tick_label(double x, double step, char *text, size_t size) {
  static const struct {
    double unit;
    const char *sign;
  } units[] = {{1e9, "G"}, {1e6, "M"}, {1e3, "k"}};
  if (fabs(x) < 1e-9 * step) x = 0; /* no -0 */
  if (step < 1e-4 || fabs(x) >= 1e12) {
    snprintf(text, size, "%.3g", x);
    return text;
  }
  const char *sign = "";
  for (size_t i = 0; i < sizeof units / sizeof *units && fabs(x) >= 1e4; i++)
    if (fabs(x) >= units[i].unit) {
      x /= units[i].unit;
      step /= units[i].unit;
      sign = units[i].sign;
      break;
    }
  const int decimals = step >= 1 ? 0 : -place_of(step, 1);
  snprintf(text, size, "%.*f", decimals, x);
  group(text, size);
  strncat(text, sign, size - strlen(text) - 1);
  return text;
}
