/* Numbers as texts. */
#ifndef DSMPI_REPORT_NUMBERS_H
#define DSMPI_REPORT_NUMBERS_H

#include <stddef.h>

/* The shortest text that reads back equal, whole numbers with all their figures: for programs. All return `text`. */
const char *dsm__exact_text(double x, char *text, size_t size);
/* For people, to `digits` figures: "0.0123", "60,000", "3.2e-7"; "–" for what is no number. */
const char *dsm__figure_text(double x, int digits, char *text, size_t size);
/* "0.0123 ± 0.0004": the error to two figures, the value to the same place; without an error (NAN) four figures. */
const char *dsm__uncertain_text(double x, double error, char *text, size_t size);
/* Of a tick at a multiple of `step`: "0.25", "1,500", "20k", "1.5M". */
const char *dsm__tick_label(double x, double step, char *text, size_t size);

#endif
