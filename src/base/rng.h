/* Counter-based random numbers: Philox4x32-10 (Salmon et al., SC 2011, section 4.3).
 *
 * A stream is named by (seed, purpose, step); element i of it does not depend on who draws it, so
 * results are equal for any number of threads. */
#ifndef LEATI_BASE_RNG_H
#define LEATI_BASE_RNG_H

#include <stddef.h>
#include <stdint.h>

/* What a stream is for. Values are part of reproducibility: append only. */
typedef enum leati_rng_purpose {
    LEATI_RNG_TEST,
    LEATI_RNG_SPLIT,     /* folds, hold-out */
    LEATI_RNG_SHUFFLE,   /* order of samples in a solver */
    LEATI_RNG_FEATURES,  /* order or choice of features */
    LEATI_RNG_BASELINE,  /* stratified baseline */
    LEATI_RNG_SEARCH,    /* random search */
    LEATI_RNG_BOOTSTRAP, /* intervals */
    LEATI_RNG_PERMUTE,   /* permutation importance, permutation tests */
    LEATI_RNG_SAMPLE,    /* samples of rows for plots and profiles */
    LEATI_RNG_INIT,      /* initial weights */
    LEATI_RNG_AUGMENT,   /* changes of samples while training */
    LEATI_RNG_MIX,       /* shares of mixed samples */
    LEATI_RNG_TEXT,      /* generated tokens */
    LEATI_RNG_BALANCE    /* which server a client asks, how long it waits */
} leati_rng_purpose;

void leati_philox4x32(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);

typedef struct leati_rng {
    uint32_t key[2];
    uint32_t counter[4];
    uint32_t block[4];
    unsigned left; /* unread words of block */
} leati_rng;

void leati_rng_init(leati_rng *rng, uint64_t seed, leati_rng_purpose purpose, uint32_t step);
void leati_rng_seek(leati_rng *rng, uint64_t block); /* jump to the 4-word block of that number */
uint32_t leati_rng_u32(leati_rng *rng);
uint64_t leati_rng_u64(leati_rng *rng);
uint32_t leati_rng_below(leati_rng *rng, uint32_t n); /* 0 .. n-1 without bias; n > 0 */
double leati_rng_uniform(leati_rng *rng);             /* [0, 1), 53 bits */
double leati_rng_normal(leati_rng *rng);              /* Box-Muller */
/* Fisher-Yates. */
void leati_rng_shuffle(leati_rng *rng, uint32_t *items, size_t count);

#endif
