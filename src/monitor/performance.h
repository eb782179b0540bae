/* How good the model is in a window: estimated without labels from its probabilities, and realised
 * where labels came. Pure functions of the window's counters.
 *
 * Estimation is CBPE, confidence-based performance estimation (Bialek, Kuberski, Perrakis and
 * Bifet, Estimating Model Performance Under Covariate Shift Without Labels, arXiv 2401.08348, 2024,
 * section 3): calibrated probabilities are added up as if they were labels. It holds while
 * probabilities mean what they meant: it sees that inputs moved to where the model is unsure, not
 * that the relation of inputs and target changed. Intervals say where the score of such a sample
 * lies, by Wilson (accuracy), the delta method (F1; Wilson for a class without a miss or a hit) and
 * DeLong, DeLong and Clarke-Pearson 1988 on the logit scale (area under the ROC curve; Newcombe's
 * method 5 at 0 and 1). */
#ifndef LEATI_MONITOR_PERFORMANCE_H
#define LEATI_MONITOR_PERFORMANCE_H

#include <leat/monitor.h>

#include "monitor/counters.h"

/* Accuracy, F1 (of two classes that of the second, of more the mean over the classes), area under
 * the ROC curve of two classes; of numbers the mean absolute error and the root of the mean square.
 */
enum { LEATI_SCORES_MOST = 3 };
size_t leati_scores_count(const leati_norm *n);
const char *leati_scores_name(const leati_norm *n, size_t score);
/* Whether larger is better. */
bool leati_scores_rise(const leati_norm *n);
leat_monitored_score leati_scores_measure(const leati_counters *w, size_t score);

/* F1 from a confusion (classes, classes), predicted by actual, as weights. */
leat_rate leati_f1(const double *confusion, size_t classes, bool macro);
/* Area from weights of the two classes in ascending cells of score: (cells) each. */
leat_rate leati_area(const double *in, const double *out, size_t cells);

#endif
