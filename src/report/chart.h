/* Curves, histograms and points in the plane, with axes, as inline SVG. */
#ifndef DSMPI_REPORT_CHART_H
#define DSMPI_REPORT_CHART_H

#include "page.h"

typedef enum dsm__stroke { DSM__JOINED, DSM__DOTS, DSM__FILLED /* down to the axis below */ } dsm__stroke;

typedef struct dsm__curve {
  const char *name;  /* in the legend; NULL: not in it */
  const char *style; /* class of the style sheet: "model", "data", "raw", "k0" ... "k7" */
  const double *x, *y;
  size_t n; /* what is not finite, or not above 0 on a logarithmic axis, is left out and breaks the curve */
  dsm__stroke stroke;
} dsm__curve;

typedef struct dsm__chart {
  const char *id;               /* of the figure */
  const char *title, *x, *y;    /* of the axes, with units; texts, escaped */
  const char *sentence;         /* what is to be seen in it; NULL: none */
  bool log_x, log_y, from_zero; /* from_zero: y begins at 0 */
  bool square;                  /* both axes alike */
  const double *limits;         /* x0, x1, y0, y1; NULL: those of the curves */
  int width, height;            /* units of 1/12 of the height of a figure; 0: 440 x 270 */
  const dsm__curve *curve;
  size_t curves;
} dsm__chart;

void dsm__chart_put(dsm__page *page, const dsm__chart *chart);
/* Whether numbers are easier read on a logarithmic axis: all above 0, the largest over 8 times the smallest. */
bool dsm__spans_decades(const double *x, size_t n);

#endif
