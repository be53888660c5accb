/* Quantiles of Student's t. */
#ifndef DSMPI_REPORT_STUDENT_H
#define DSMPI_REPORT_STUDENT_H

/* The t with P(T < t) = p, 0.5 <= p < 1, for `freedom` degrees of freedom, which need not be whole; below 1 they count as 1, above
 * 1,000 as 1,000. From T = sqrt(freedom) tan(a), whose density in a is proportional to cos(a)^(freedom - 1). To about five figures. */
double dsm__student(double p, double freedom);

#endif
