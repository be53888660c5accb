/* Letters of pictures: printable ASCII and the signs of formulas, 5 x 7 pixels with two rows below the base line. */
#ifndef DSMPI_IO_PICTURE_FONT_H
#define DSMPI_IO_PICTURE_FONT_H

#include <stddef.h>

enum { FONT_WIDTH = 5, FONT_HEIGHT = 7, FONT_ROWS = 9, FONT_ADVANCE = 6 };

typedef struct dsm__glyph {
  unsigned short code;          /* Unicode */
  unsigned char row[FONT_ROWS]; /* from the top, bit 4 is the left column */
} dsm__glyph;

/* NULL for what has no picture. */
const dsm__glyph *dsm__glyph_of(unsigned code);
/* The code of the UTF-8 sequence that `*text` begins with, which is moved behind it. A byte that begins none stands
 * for itself. */
unsigned dsm__next_code(const char **text);

#endif
