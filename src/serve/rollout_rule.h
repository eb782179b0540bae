/* The rules of a rollout, as they are written: what must not be larger than what.
 *
 *     error_rate>stable+1%     p99>stable*1.5     mean>stable*1.2+2ms     p95>40ms
 *     disagreement>5%
 *
 *     rule   = what ">" limit
 *     what   = "error_rate" | "disagreement" | "mean" | "p" number          (p50, p99, p99.9)
 *     limit  = amount | "stable" ["*" number] [("+" | "-") amount]
 *     amount = number ["%"]  of shares;  number ("us" | "ms" | "s")  of times
 *
 * Space may stand between the parts. `what` is of the new version; "stable" is the same of the
 * stable one at the same time. Pure. */
#ifndef LEATI_SERVE_ROLLOUT_RULE_H
#define LEATI_SERVE_ROLLOUT_RULE_H

#include <stdbool.h>
#include <stddef.h>

typedef enum leati_measure {
    LEATI_ERROR_RATE,   /* share of requests without an answer of 2xx */
    LEATI_DISAGREEMENT, /* share of mirrored requests that the versions answer differently */
    LEATI_MEAN_LATENCY, /* ns */
    LEATI_LATENCY       /* a quantile; ns */
} leati_measure;

enum { LEATI_RULE_TEXT = 96, LEATI_RULE_WHY = 240 };

typedef struct leati_rule {
    leati_measure measure;
    double quantile; /* LEATI_LATENCY: 0.99 */
    bool relative;   /* to the stable version: factor * that + offset, else offset */
    double factor, offset;
    char text[LEATI_RULE_TEXT]; /* as it was written, without space around */
} leati_rule;

/* False: `why` says what was expected and where. */
bool leati_rule_parse(const char *text, size_t length, leati_rule *out, char why[LEATI_RULE_WHY]);

#endif
