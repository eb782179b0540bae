/* Whether decisions treat groups alike: rates by group and the gaps between them.
 *
 * Sources: demographic parity ratio: the four-fifths rule of the US Uniform Guidelines on Employee
 * Selection Procedures, 1978; equal opportunity and equalised odds: Hardt, Price and Srebro,
 * NeurIPS 2016; intervals of rates: Wilson, JASA 1927; of differences: Newcombe, Statistics in
 * Medicine 1998, method 10; of ratios: Katz et al., Biometrics 1978, with halves added where nobody
 * is selected (Walter, Biometrika 1975). */
#ifndef LEATI_MONITOR_FAIRNESS_H
#define LEATI_MONITOR_FAIRNESS_H

#include <leat/monitor.h>

#include "monitor/counters.h"

/* Groups of fewer rows are not shown: their rates would be noise, and single people. */
enum { LEATI_GROUP_LEAST = 30 };

leat_monitored_group leati_group_rates(const leati_counted_group *g);
/* Of the groups that are large enough; NaN with fewer than two. */
leat_fairness leati_fairness_measure(const leati_counted_group *group, size_t count);

/* x / m - y / n, or the ratio y / n over x / m, with the interval at a level. */
leat_rate leati_rate_difference(double x, double m, double y, double n, double level);
leat_rate leati_rate_ratio(double x, double m, double y, double n, double level);

#endif
