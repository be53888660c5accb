/** @file json.h
 *  Numbers and texts as JSON has them. */
#ifndef DSMPI_JSON_H
#define DSMPI_JSON_H

#include <stddef.h>
#include <stdio.h>

/** Text of a number: the shortest that reads back equal; null where it is not finite. Returns `text`. */
const char *dsm_json_number(double x, char *text, size_t size);
/** Writes a text in quotation marks, with what JSON cannot hold escaped. */
void dsm_json_text(FILE *file, const char *text);

#endif
