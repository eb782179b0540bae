/* t-SNE: points in a plane whose neighbours are those of many dimensions. */
#ifndef LEATI_LEARN_TSNE_H
#define LEATI_LEARN_TSNE_H

#include <stddef.h>

#include <leat/context.h>

enum { LEATI_TSNE_MOST = 5000 }; /* rows: memory and time grow with their square */

/* x (n, d), finite, 4 <= n <= LEATI_TSNE_MOST -> out (n, 2). Exact gradients, no approximation
 * (van der Maaten and Hinton, "Visualizing data using t-SNE", JMLR 9, 2008, sections 2 and 3), with
 * exaggeration by 12 during the first 250 of 1,000 iterations (van der Maaten, "Accelerating t-SNE
 * using tree-based algorithms", JMLR 15, 2014, section 4.2). perplexity: about how many neighbours
 * count; 0: 30; at most (n - 1) / 3. The first positions are the first two columns of x, so give
 * principal components (Kobak and Berens, Nature Communications 10, 2019): nothing is random, and
 * the result is the same for any number of threads. divergence: what is left of Kullback and
 * Leibler's (equation 2), or NULL. INVALID, NOMEM, CANCELLED. */
leat_status leati_tsne(leat_context *c, const double *x, size_t n, size_t d, double perplexity,
                       double *out, double *divergence);

#endif
