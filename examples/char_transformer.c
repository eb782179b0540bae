/* A small Transformer that writes: two blocks of causal attention learn the next character of a
 * text and then continue it. Without arguments a short verse, learned by heart; in full:
 *
 *     char_transformer tinyshakespeare.txt 3000 */
#include "characters.h"
#include "steps.h"

enum { WIDTH = 64, T = 32, B = 16, WRITTEN = 120, HEADS = 4 };

/* ids (B, T) -> scores (B, T, kinds); each block normalises first. */
static leat_tensor *network(block *m, leat_tensor *ids, int64_t kinds)
{
    leat_attention_options a = leat_attention_options_default();
    m->used = m->parts = 0;
    leat_tensor *x = leat_take(block_cut(m, kinds, WIDTH), ids, 0);
    x = leat_add(x, block_cut(m, T, WIDTH)); /* learned positions */
    a.tokens_first = a.causal = true;
    for (int i = 0; i < 2; i++) {
        leat_tensor *n = leat_layer_norm(x, 1, NULL, NULL, 1e-5);
        leat_tensor *y, *q[3];
        for (int k = 0; k < 3; k++) /* queries, keys, values */
            q[k] = leat_reshape(leat_matmul(n, block_cut(m, WIDTH, WIDTH)),
                                LEAT_DIMS(-1, T, HEADS, WIDTH / HEADS));
        y = leat_reshape(leat_attention(q[0], q[1], q[2], &a), LEAT_DIMS(-1, T, WIDTH));
        x = leat_add(x, leat_matmul(y, block_cut(m, WIDTH, WIDTH)));
        n = leat_layer_norm(x, 1, NULL, NULL, 1e-5);
        n = leat_gelu(leat_matmul(n, block_cut(m, WIDTH, 4 * WIDTH)));
        x = leat_add(x, leat_matmul(n, block_cut(m, 4 * WIDTH, WIDTH)));
    }
    return leat_matmul(leat_layer_norm(x, 1, NULL, NULL, 1e-5), block_cut(m, WIDTH, kinds));
}

/* Continues the first T characters, each drawn by its probability. */
static leat_status write_on(leat_graph *g, block *m, const text *t)
{
    int64_t ids[T];
    float p[256];
    uint32_t state = 7;
    leat_tensor *in = leat_input(g, LEAT_DTYPE_I64, LEAT_DIMS(1, T), ids);
    leat_tensor *y = leat_softmax(leat_narrow(network(m, in, t->kinds), 1, T - 1, 1), -1);
    for (int i = 0; i < T; i++) putchar(t->name[ids[i] = t->at[i]]);
    for (int i = 0; i < WRITTEN; i++) {
        leat_status st = leat_run(g, 1, &y);
        if (st == LEAT_OK) st = leat_get(y, p, sizeof *p * (size_t)t->kinds);
        if (st != LEAT_OK) return st;
        memmove(ids, ids + 1, sizeof ids - sizeof *ids);
        ids[T - 1] = draw(p, t->kinds, &state);
        putchar(t->name[ids[T - 1]]);
    }
    putchar('\n');
    return LEAT_OK;
}

static leat_status learn(leat_graph *g, const text *t, int steps, float *loss)
{
    static int64_t ids[B * T], next[B * T];
    block m = {0};
    uint32_t state = 1;
    leat_tensor *roots[3];
    leat_status st =
        block_create(&m, g, 2 * t->kinds * WIDTH + T * WIDTH + 2 * 12 * WIDTH * WIDTH, 0.17);
    if (st != LEAT_OK) return st;
    leat_tensor *in = leat_input(g, LEAT_DTYPE_I64, LEAT_DIMS(B, T), ids);
    leat_tensor *want = leat_input(g, LEAT_DTYPE_I64, LEAT_DIMS(B, T), next);
    roots[0] = leat_cross_entropy(network(&m, in, t->kinds), want, NULL);
    st = block_learn(&m, g, roots[0], 0.001, roots + 1);
    for (int k = 0; st == LEAT_OK && k < steps; k++) {
        for (int64_t i = 0, at = 0; i < B * T; i++) {
            if (i % T == 0) at = dice(&state) % (t->length - T);
            ids[i] = t->at[at + i % T];
            next[i] = t->at[at + i % T + 1];
        }
        st = leat_run(g, 3, roots);
        if (st == LEAT_OK) st = leat_get(roots[0], loss, sizeof *loss);
        if (k % 100 == 0) printf("step %5d  loss %.3f nats a character\n", k, (double)*loss);
    }
    return st == LEAT_OK ? write_on(g, &m, t) : st;
}

int main(int argc, char **argv)
{
    static text t;
    int steps = steps_of(argc, argv, 2, 400, "char_transformer [TEXT [STEPS]]");
    leat_context *c;
    leat_graph *g = NULL;
    float loss = 9;
    if (!text_read(&t, argc > 1 ? argv[1] : NULL) || leat_context_create(&c, NULL) != LEAT_OK)
        return 1;
    leat_status st = leat_graph_create(c, NULL, &g);
    if (st == LEAT_OK) st = learn(g, &t, steps, &loss);
    if (st != LEAT_OK) fprintf(stderr, "%s\n", leat_error_message(c));
    leat_graph_destroy(g);
    leat_context_destroy(c);
    return st != LEAT_OK || loss > 2.5f;
}
