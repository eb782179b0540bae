/* Texts as sequences of tokens: how they are cut, what the setting `tokens` says, and the numbers
 * that tokens get. */
#ifndef LEATI_FRAME_TOKENS_H
#define LEATI_FRAME_TOKENS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/map.h"

/* "words(vocabulary=4000, min_count=2)", parsed. */
typedef struct leati_token_rules {
    char text[200];    /* as it was given; "": texts are no sequences */
    bool words;        /* else code points of UTF-8 */
    bool lower;        /* A to Z count as a to z */
    size_t length;     /* tokens of a text; later ones are cut. 0: as many as the longest has */
    size_t vocabulary; /* numbers at most, those of missing and unknown tokens included */
    size_t min_count;  /* tokens that occur less often are unknown */
    char unknown[32];  /* what stands for an unknown token as a class */
} leati_token_rules;

/* text NULL or "": no sequences. INVALID with what the setting takes. */
leat_status leati_token_rules_parse(leat_context *c, const char *text, leati_token_rules *out);

/* The token that begins at or behind *at, which is moved to its start; 0: there is none. Words are
 * runs of letters, digits, '_', inner apostrophes and anything beyond ASCII; space is skipped, and
 * any other character is a token of its own. */
size_t leati_token_next(bool words, const char *text, size_t length, size_t *at);

enum { LEATI_TOKEN_MISSING, LEATI_TOKEN_UNKNOWN, LEATI_TOKEN_FIRST };
enum { LEATI_TOKEN_BYTES = 255 }; /* longer tokens are unknown */

/* How often tokens occur; start with leati_token_counts_init. */
typedef struct leati_token_counts {
    leati_map map;
    uint64_t *count; /* (map.count) */
    size_t capacity;
    size_t longest; /* tokens of a text, at most rules.length unless that is 0 */
} leati_token_counts;

void leati_token_counts_init(leati_token_counts *k, leat_context *c);
void leati_token_counts_fini(leati_token_counts *k);
leat_status leati_token_counts_add(leati_token_counts *k, const leati_token_rules *r,
                                   const char *text, size_t length);

/* Numbers of tokens: key i of the map is token i + LEATI_TOKEN_FIRST. Reading is safe in any
 * thread. Zeroed is none. */
typedef struct leati_lexicon {
    leati_map map;
} leati_lexicon;

/* The most frequent tokens first, equally frequent ones in the order of their bytes. */
leat_status leati_lexicon_learn(leat_context *c, leati_lexicon *l, const leati_token_rules *r,
                                const leati_token_counts *k);
/* Token number `map.count + LEATI_TOKEN_FIRST`, as read from a file; FORMAT when it is there
 * already or cannot be one. */
leat_status leati_lexicon_add(leat_context *c, leati_lexicon *l, const char *token, size_t length);
void leati_lexicon_fini(leati_lexicon *l); /* idempotent */

uint32_t leati_lexicon_find(const leati_lexicon *l, bool lower, const char *token, size_t length);
/* The first `most` tokens of a text as numbers, LEATI_TOKEN_MISSING behind the last one. */
void leati_lexicon_ids(const leati_lexicon *l, const leati_token_rules *r, const char *text,
                       size_t length, size_t most, uint32_t *ids);

/* A list of counted texts, the most frequent first, equally frequent ones by their bytes. */
typedef struct leati_counted {
    const char *text;
    size_t length;
    uint64_t count;
} leati_counted;
void leati_counted_sort(leati_counted *list, size_t count);

#endif
