/** @file text.h
 *  Texts that are put together piece by piece. */
#ifndef DSMPI_TEXT_H
#define DSMPI_TEXT_H

#include <stddef.h>

/** Appends to the text in a buffer of `size` bytes, its end included; 0: there is none. What does not fit is cut, a full text
 *  stays as it is. The arguments may not be parts of the text. */
void dsm_append(char *text, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
