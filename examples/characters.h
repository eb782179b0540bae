/* What the programs that write texts share: a text as numbers, weights in one block and how they
 * learn, the drawing of a character. */
#ifndef CHARACTERS_H
#define CHARACTERS_H

#include <leat/leat.h>

#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { LONGEST = 2000000, MOST_PARTS = 32 };

typedef struct text {
    int64_t *at; /* numbers 0 .. kinds - 1 */
    int64_t length, kinds;
    unsigned char name[256]; /* the character of a number */
} text;

static const char verse[] =
    "The water comes by leat and lade,\nby stone and sluice the way is made;\n"
    "it turns the wheel, it grinds the grain,\nand then runs to the sea again.\n";

/* The file at `path`, its first two million characters; NULL: a verse. False, with a word about
 * it, where there is none, or nothing to learn from. */
static inline int text_read(text *t, const char *path)
{
    static unsigned char bytes[LONGEST];
    static int64_t numbers[LONGEST];
    int64_t number[256] = {0};
    size_t length = sizeof verse - 1;
    memcpy(bytes, verse, length);
    if (path) {
        FILE *f = fopen(path, "rb");
        if (!f) {
            perror(path);
            return 0;
        }
        length = fread(bytes, 1, sizeof bytes, f);
        fclose(f);
    }
    *t = (text){.at = numbers, .length = (int64_t)length};
    for (size_t i = 0; i < length; i++) number[bytes[i]] = 1;
    for (int ch = 0; ch < 256; ch++) {
        if (!number[ch]) continue;
        t->name[t->kinds] = (unsigned char)ch;
        number[ch] = t->kinds++;
    }
    for (size_t i = 0; i < length; i++) numbers[i] = number[bytes[i]];
    if (length <= 100)
        fprintf(stderr, "%s: %zu characters are too few to learn from\n", path, length);
    return length > 100;
}

/* ---- weights -------------------------------------------------------------------------------- */

typedef struct block {
    leat_variable *weights; /* all of them, so that a step of the optimiser is one pass */
    leat_tensor *all, *part[MOST_PARTS];
    int64_t count, used;
    int parts;
} block;

/* `count` weights, drawn between -range and range. */
static inline leat_status block_create(block *b, leat_graph *g, int64_t count, double range)
{
    leat_shape s = LEAT_DIMS(count);
    leat_tensor *key = leat_random_key(g, 1, 0);
    leat_tensor *start = leat_random_uniform(key, 0, LEAT_DTYPE_F32, s, -range, range);
    leat_status st = leat_variable_create(g, "weights", LEAT_DTYPE_F32, s, NULL, &b->weights);
    if (st != LEAT_OK) return st;
    start = leat_assign(b->weights, start);
    b->all = leat_read(b->weights);
    b->count = count;
    return leat_run(g, 1, &start);
}

/* The next rows x cols of them; with one column a vector. */
static inline leat_tensor *block_cut(block *b, int64_t rows, int64_t cols)
{
    leat_tensor *w = leat_narrow(b->all, 0, b->used, rows * cols);
    b->used += rows * cols;
    if (b->parts >= MOST_PARTS) return NULL;
    return b->part[b->parts++] = cols == 1 ? w : leat_reshape(w, LEAT_DIMS(rows, cols));
}

/* A step of RMSprop with gradients clipped to norm 5, as two roots. */
static inline leat_status block_learn(block *b, leat_graph *g, leat_tensor *loss, double rate,
                                      leat_tensor **roots)
{
    leat_tensor *part[MOST_PARTS], *d;
    leat_variable *v;
    leat_shape s = LEAT_DIMS(b->count);
    leat_status st = leat_variable_create(g, "squares", LEAT_DTYPE_F32, s, NULL, &v);
    if (st == LEAT_OK) st = leat_gradients(loss, NULL, (size_t)b->parts, b->part, part);
    if (st != LEAT_OK) return st;
    for (int i = 0; i < b->parts; i++) part[i] = leat_reshape(part[i], LEAT_DIMS(-1));
    d = leat_concat((size_t)b->parts, part, 0);
    leat_tensor *norm = leat_sqrt(leat_sum(leat_mul(d, d), 0, NULL, false));
    d = leat_mul(d, leat_minimum(leat_scale(leat_recip(norm), 5), leat_like(norm, 1)));
    leat_tensor *square =
        leat_add(leat_scale(leat_read(v), 0.95), leat_scale(leat_mul(d, d), 0.05));
    d = leat_div(leat_scale(d, rate), leat_shift(leat_sqrt(square), 1e-8));
    roots[0] = leat_assign(b->weights, leat_sub(b->all, d));
    roots[1] = leat_assign(v, square);
    return LEAT_OK;
}

/* ---- writing -------------------------------------------------------------------------------- */

static inline uint32_t dice(uint32_t *state)
{
    return (*state = *state * 1664525u + 1013904223u) >> 8;
}

/* A number drawn by its probability p. */
static inline int64_t draw(const float *p, int64_t count, uint32_t *state)
{
    float left = (float)dice(state) / 16777216.0f;
    int64_t i = 0;
    while (i < count - 1 && (left -= p[i]) > 0) i++;
    return i;
}

#endif
