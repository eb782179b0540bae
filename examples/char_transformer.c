/* A small Transformer that writes: two blocks of causal attention learn the next character of a
 * text and then continue it. Without arguments a short verse, learned by heart; in full:
 *
 *     char_transformer tinyshakespeare.txt 3000 */
#include <leat/leat.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WIDTH = 64, T = 32, B = 16, WRITTEN = 120, HEADS = 4 };
enum { WEIGHTS = 256 * WIDTH * 2 + T * WIDTH + 2 * 12 * WIDTH * WIDTH };

static const char verse[] =
    "The water comes by leat and lade,\nby stone and sluice the way is made;\n"
    "it turns the wheel, it grinds the grain,\nand then runs to the sea again.\n";

typedef struct model {
    leat_variable *weights; /* all of them in one block */
    leat_tensor *all;
    int64_t used;
} model;

/* The next rows x cols weights of the block. */
static leat_tensor *weight(model *m, int64_t rows, int64_t cols)
{
    leat_tensor *w = leat_narrow(m->all, 0, m->used, rows * cols);
    m->used += rows * cols;
    return leat_reshape(w, LEAT_DIMS(rows, cols));
}

/* ids (B, T) -> scores (B, T, 256); each block normalises first. */
static leat_tensor *network(model *m, leat_tensor *ids)
{
    leat_attention_options a = leat_attention_options_default();
    leat_tensor *x = leat_take(weight(m, 256, WIDTH), ids, 0);
    x = leat_add(x, weight(m, T, WIDTH)); /* learned positions */
    a.tokens_first = a.causal = true;
    for (int i = 0; i < 2; i++) {
        leat_tensor *n = leat_layer_norm(x, 1, NULL, NULL, 1e-5);
        leat_tensor *y, *q[3];
        for (int k = 0; k < 3; k++) /* queries, keys, values */
            q[k] = leat_reshape(leat_matmul(n, weight(m, WIDTH, WIDTH)),
                                LEAT_DIMS(-1, T, HEADS, WIDTH / HEADS));
        y = leat_reshape(leat_attention(q[0], q[1], q[2], &a), LEAT_DIMS(-1, T, WIDTH));
        x = leat_add(x, leat_matmul(y, weight(m, WIDTH, WIDTH)));
        n = leat_layer_norm(x, 1, NULL, NULL, 1e-5);
        n = leat_gelu(leat_matmul(n, weight(m, WIDTH, 4 * WIDTH)));
        x = leat_add(x, leat_matmul(n, weight(m, 4 * WIDTH, WIDTH)));
    }
    return leat_matmul(leat_layer_norm(x, 1, NULL, NULL, 1e-5), weight(m, WIDTH, 256));
}

/* A step of RMSprop as roots. */
static leat_status learner(leat_graph *g, model *m, leat_tensor *loss, leat_tensor **roots)
{
    leat_variable *v;
    leat_tensor *d;
    leat_status st =
        leat_variable_create(g, "squares", LEAT_DTYPE_F32, LEAT_DIMS(WEIGHTS), NULL, &v);
    if (st == LEAT_OK) st = leat_gradients(loss, NULL, 1, &m->all, &d);
    if (st != LEAT_OK) return st;
    leat_tensor *square =
        leat_add(leat_scale(leat_read(v), 0.95), leat_scale(leat_mul(d, d), 0.05));
    d = leat_div(leat_scale(d, 0.001), leat_shift(leat_sqrt(square), 1e-6));
    roots[0] = loss;
    roots[1] = leat_assign(m->weights, leat_sub(m->all, d));
    roots[2] = leat_assign(v, square);
    return LEAT_OK;
}

static uint32_t dice(uint32_t *state)
{
    return (*state = *state * 1664525u + 1013904223u) >> 8;
}

/* Continues the first T characters, each drawn by its probability. */
static leat_status write_on(leat_graph *g, model *m, const char *text)
{
    int64_t ids[T];
    float p[256];
    uint32_t state = 7;
    m->used = 0;
    leat_tensor *in = leat_input(g, LEAT_DTYPE_I64, LEAT_DIMS(1, T), ids);
    leat_tensor *y = leat_softmax(leat_narrow(network(m, in), 1, T - 1, 1), -1);
    for (int i = 0; i < T; i++) putchar((int)(ids[i] = (unsigned char)text[i]));
    for (int i = 0; i < WRITTEN; i++) {
        leat_status st = leat_run(g, 1, &y);
        if (st == LEAT_OK) st = leat_get(y, p, sizeof p);
        if (st != LEAT_OK) return st;
        float left = (float)dice(&state) / 16777216.0f;
        int ch = 0;
        while (ch < 255 && (left -= p[ch]) > 0) ch++;
        putchar(ch);
        memmove(ids, ids + 1, sizeof ids - sizeof *ids);
        ids[T - 1] = ch;
    }
    putchar('\n');
    return LEAT_OK;
}

static leat_status learn(leat_graph *g, const char *text, size_t length, int steps, float *loss)
{
    static int64_t ids[B * T], next[B * T];
    model m = {0};
    uint32_t state = 1;
    leat_tensor *roots[3], *key = leat_random_key(g, 1, 0);
    leat_status st =
        leat_variable_create(g, "weights", LEAT_DTYPE_F32, LEAT_DIMS(WEIGHTS), NULL, &m.weights);
    if (st != LEAT_OK) return st;
    roots[0] = leat_random_normal(key, 0, LEAT_DTYPE_F32, LEAT_DIMS(WEIGHTS), 0, 0.1);
    roots[0] = leat_assign(m.weights, roots[0]);
    st = leat_run(g, 1, roots);
    if (st != LEAT_OK) return st;
    m.all = leat_read(m.weights);
    leat_tensor *in = leat_input(g, LEAT_DTYPE_I64, LEAT_DIMS(B, T), ids);
    leat_tensor *want = leat_input(g, LEAT_DTYPE_I64, LEAT_DIMS(B, T), next);
    st = learner(g, &m, leat_cross_entropy(network(&m, in), want, NULL), roots);
    for (int k = 0; st == LEAT_OK && k < steps; k++) {
        for (size_t i = 0, at = 0; i < B * T; i++) {
            if (i % T == 0) at = dice(&state) % (length - T);
            ids[i] = (unsigned char)text[at + i % T];
            next[i] = (unsigned char)text[at + i % T + 1];
        }
        st = leat_run(g, 3, roots);
        if (st == LEAT_OK) st = leat_get(roots[0], loss, sizeof *loss);
        if (k % 100 == 0) printf("step %5d  loss %.3f nats a character\n", k, (double)*loss);
    }
    return st == LEAT_OK ? write_on(g, &m, text) : st;
}

int main(int argc, char **argv)
{
    static char text[2000000];
    size_t length = sizeof verse - 1;
    int steps = argc > 2 ? atoi(argv[2]) : 400;
    leat_context *c;
    leat_graph *g = NULL;
    float loss = 9;
    memcpy(text, verse, length);
    FILE *f = argc > 1 ? fopen(argv[1], "rb") : NULL;
    if (f) length = fread(text, 1, sizeof text, f), fclose(f);
    if ((argc > 1 && !f) || length <= T || leat_context_create(&c, NULL) != LEAT_OK) return 1;
    leat_status st = leat_graph_create(c, NULL, &g);
    if (st == LEAT_OK) st = learn(g, text, length, steps, &loss);
    if (st != LEAT_OK) fprintf(stderr, "%s\n", leat_error_message(c));
    leat_graph_destroy(g);
    leat_context_destroy(c);
    return st != LEAT_OK || loss > 2.5f;
}
