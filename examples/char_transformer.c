/* A small Transformer that writes: blocks of causal attention learn the next character of a text
 * and then continue it. Without arguments a short verse, learned by heart; in full four blocks of
 * 128 numbers, with the last tenth of the text kept to judge by:
 *
 *     char_transformer tinyshakespeare.txt 3000 */
#include "characters.h"
#include "steps.h"

#include <time.h>

enum { HEADS = 4, MOST_T = 64, MOST_B = 32 };

typedef struct model {
    leat_graph *g;
    block block;
    int64_t width, blocks, T, B, kinds;
    int64_t ids[MOST_B * MOST_T], next[MOST_B * MOST_T];
} model;

static int64_t weights_of(const model *m)
{
    return (2 * m->kinds + m->T + m->blocks * 12 * m->width) * m->width;
}

/* Queries, keys and values of all tokens; what they find. */
static leat_tensor *attend(model *m, leat_tensor *x)
{
    leat_attention_options a = leat_attention_options_default();
    leat_tensor *q[3];
    a.tokens_first = a.causal = true;
    for (int k = 0; k < 3; k++)
        q[k] = leat_reshape(leat_matmul(x, block_cut(&m->block, m->width, m->width)),
                            LEAT_DIMS(-1, m->T, HEADS, m->width / HEADS));
    x = leat_reshape(leat_attention(q[0], q[1], q[2], &a), LEAT_DIMS(-1, m->T, m->width));
    return leat_matmul(x, block_cut(&m->block, m->width, m->width));
}

/* ids (B, T) -> scores (B, T, kinds); each block normalises first. */
static leat_tensor *network(model *m, leat_tensor *ids)
{
    block *b = &m->block;
    int64_t w = m->width;
    b->used = b->parts = 0;
    leat_tensor *x = leat_take(block_cut(b, m->kinds, w), ids, 0);
    x = leat_add(x, block_cut(b, m->T, w)); /* learned positions */
    for (int64_t i = 0; i < m->blocks; i++) {
        x = leat_add(x, attend(m, leat_layer_norm(x, 1, NULL, NULL, 1e-5)));
        leat_tensor *n = leat_layer_norm(x, 1, NULL, NULL, 1e-5);
        n = leat_gelu(leat_matmul(n, block_cut(b, w, 4 * w)));
        x = leat_add(x, leat_matmul(n, block_cut(b, 4 * w, w)));
    }
    return leat_matmul(leat_layer_norm(x, 1, NULL, NULL, 1e-5), block_cut(b, w, m->kinds));
}

/* Continues the first T characters, each drawn by its probability. */
static leat_status write_on(model *m, const text *t, int length)
{
    int64_t *ids = m->ids;
    float p[256];
    uint32_t state = 7;
    leat_tensor *in = leat_input(m->g, LEAT_DTYPE_I64, LEAT_DIMS(1, m->T), ids);
    leat_tensor *y = leat_softmax(leat_narrow(network(m, in), 1, m->T - 1, 1), -1);
    for (int i = 0; i < m->T; i++) putchar(t->name[ids[i] = t->at[i]]);
    for (int i = 0; i < length; i++) {
        leat_status st = leat_run(m->g, 1, &y);
        if (st == LEAT_OK) st = leat_get(y, p, sizeof *p * (size_t)t->kinds);
        if (st != LEAT_OK) return st;
        memmove(ids, ids + 1, sizeof *ids * (size_t)(m->T - 1));
        ids[m->T - 1] = draw(p, t->kinds, &state);
        putchar(t->name[ids[m->T - 1]]);
    }
    putchar('\n');
    return LEAT_OK;
}

/* One run with piece i of the batch taken from `from` + i * `apart`, or, apart 0, from anywhere
 * before `from`; adds its loss to *sum. */
static leat_status run(model *m, const text *t, int64_t from, int64_t apart, size_t count,
                       leat_tensor *const *roots, double *sum)
{
    static uint32_t state = 1;
    float loss = 0;
    for (int64_t i = 0; i < m->B; i++) {
        int64_t at = apart ? from + i * apart : dice(&state) % (from - m->T);
        memcpy(m->ids + i * m->T, t->at + at, sizeof *t->at * (size_t)m->T);
        memcpy(m->next + i * m->T, t->at + at + 1, sizeof *t->at * (size_t)m->T);
    }
    leat_status st = leat_run(m->g, count, roots);
    if (st == LEAT_OK) st = leat_get(roots[0], &loss, sizeof loss);
    *sum += (double)loss;
    return st;
}

/* *judged is the loss of the text to judge by: the last tenth, or all of a short one. */
static leat_status learn(model *m, const text *t, int steps, double *judged)
{
    bool small = t->length < 100000;
    int64_t kept = small ? t->length : t->length / 10, first = t->length - kept;
    int64_t pieces = (kept - 1) / (m->B * m->T), report = small ? 100 : 500;
    double sum = 0;
    time_t begin = time(NULL);
    leat_tensor *roots[3];
    leat_status st = block_create(&m->block, m->g, weights_of(m), small ? 0.17 : 0.08);
    if (st != LEAT_OK) return st;
    leat_tensor *in = leat_input(m->g, LEAT_DTYPE_I64, LEAT_DIMS(m->B, m->T), m->ids);
    leat_tensor *want = leat_input(m->g, LEAT_DTYPE_I64, LEAT_DIMS(m->B, m->T), m->next);
    roots[0] = leat_cross_entropy(network(m, in), want, NULL);
    st = block_learn(&m->block, m->g, roots[0], 0.001, roots + 1);
    for (int k = 1; st == LEAT_OK && k <= steps; k++) {
        st = run(m, t, small ? kept : first, 0, 3, roots, &sum);
        if (k % report) continue;
        *judged = 0;
        for (int64_t i = 0; st == LEAT_OK && i < pieces; i++)
            st = run(m, t, first + i * m->T, pieces * m->T, 1, roots, judged);
        *judged = pieces ? *judged / (double)pieces : sum / (double)report;
        printf("step %5d %5.0f s  nats a character: %.3f learning, %.3f judged\n", k,
               difftime(time(NULL), begin), sum / (double)report, *judged);
        sum = 0;
    }
    return st == LEAT_OK ? write_on(m, t, small ? 120 : 600) : st;
}

int main(int argc, char **argv)
{
    static text t;
    static model m = {.width = 128, .blocks = 4, .T = MOST_T, .B = MOST_B};
    int steps = steps_of(argc, argv, 2, 400, "char_transformer [TEXT [STEPS]]");
    leat_context *c;
    double loss = 9;
    if (!text_read(&t, argc > 1 ? argv[1] : NULL) || leat_context_create(&c, NULL) != LEAT_OK)
        return 1;
    if (t.length < 100000) m.width = 64, m.blocks = 2, m.T = 32, m.B = 16;
    m.kinds = t.kinds;
    leat_status st = leat_graph_create(c, NULL, &m.g);
    if (st == LEAT_OK) st = learn(&m, &t, steps, &loss);
    if (st != LEAT_OK) fprintf(stderr, "%s\n", leat_error_message(c));
    leat_graph_destroy(m.g);
    leat_context_destroy(c);
    return st != LEAT_OK || loss > 2.5;
}
