/* Colours. The shades are a line in the space OKLab (Ottosson 2020): lightness 1 to 0.4 in even steps,
 * hue from 235 to 265 degrees, chroma rising to 0.13. The colours of lines differ in lightness too, for
 * eyes that do not tell red from green. */
#include "dsmpi/drawing.h"

#include <math.h>
#include <string.h>

enum { STEPS = 8 };
static const unsigned char shades[STEPS + 1][3] = {{255, 255, 255}, {216, 233, 246}, {178, 210, 236},
                                                   {144, 187, 226}, {114, 163, 214}, {87, 138, 199},
                                                   {66, 114, 183},  {49, 89, 163},   {36, 65, 141}};

static const unsigned char lines[][3] = {{200, 40, 20}, {20, 110, 60}, {230, 140, 0},  {110, 40, 140},
                                         {0, 120, 150}, {120, 80, 30}, {210, 80, 150}, {40, 40, 40}};

void dsm_shade(double value, unsigned char rgb[3]) {
  const double place = STEPS * (value > 0 ? value < 1 ? value : 1 : 0); /* NAN is white */
  const int below = place < STEPS ? (int)place : STEPS - 1;
  for (int c = 0; c < 3; c++) {
    const double low = shades[below][c], high = shades[below + 1][c];
    rgb[c] = (unsigned char)lround(low + (place - below) * (high - low));
  }
}

void dsm_line_colour(size_t index, unsigned char rgb[3]) {
  memcpy(rgb, lines[index % (sizeof lines / sizeof *lines)], 3);
}
