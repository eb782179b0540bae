/* Scaled dot-product attention, f32, in tiles: the scores are never stored whole. Forward with
 * online softmax (Dao et al. 2022, algorithm 1; Milakov and Gimelshein 2018), backward by
 * computing the tiles again. Parallel, no allocation, bitwise equal for any number of threads. */
#ifndef LEATI_KERNEL_ATTENTION_H
#define LEATI_KERNEL_ATTENTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <leat/context.h>

/* Where (batch, head, token, 0) of an operand lies: batch * batch + head * head + token * token
 * elements from its start. So (B, T, H, D) and (B, H, T, D) need no copy. */
typedef struct leati_attention_layout {
    size_t batch, head, token;
} leati_attention_layout;

typedef struct leati_attention {
    size_t batch, heads, queries, keys, width, value_width; /* width: of queries and keys */
    leati_attention_layout q, k, v, out;
    float scale; /* 1 / sqrt(width) */
    /* Query i sees keys 0 .. i + keys - queries; with fewer keys than queries the first see none.
     */
    bool causal;
    const uint8_t *key_mask; /* (batch, keys): 0 hides a key; or NULL. A query that sees no key
                                gives 0. */
    /* The operands of all products are rounded to bf16 (to nearest even), sums are f32. Forward, of
     * the shares that is e^(score - largest score so far), which is divided by their sum later;
     * backward, the share itself. */
    bool half;
} leati_attention;

size_t leati_attention_bytes(leat_context *c, const leati_attention *a); /* workspace of both */

/* log_sum (batch, heads, queries): log sum exp of the scores, for the backward; or NULL. */
void leati_attention_forward(leat_context *c, const leati_attention *a, const float *q,
                             const float *k, const float *v, float *out, float *log_sum,
                             void *workspace);
/* g as out; dq, dk, dv as q, k, v: overwritten. */
void leati_attention_backward(leat_context *c, const leati_attention *a, const float *q,
                              const float *k, const float *v, const float *out,
                              const float *log_sum, const float *g, float *dq, float *dk, float *dv,
                              void *workspace);

#endif
