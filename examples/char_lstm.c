/* A recurrent network that writes: two LSTM layers learn the next character of a text and then
 * continue it. Without arguments a short verse, learned by heart; in full:
 *
 *     char_lstm tinyshakespeare.txt 1200
 *
 * with layers of 512 units, 50 places of the text at once and the last tenth kept to judge by; with
 * a third argument, `bf16`, products take numbers of that type. */
#include "characters.h"
#include "steps.h"

#include <time.h>

enum { LAYERS = 2, STATES = 2 * LAYERS, WIDEST = 512, MOST_T = 128, MOST_B = 50 };

typedef struct model {
    leat_graph *g;
    int64_t width, kinds;
    block block;
} model;

/* A run of the network: B places of a text move on by T characters, the states with them. */
typedef struct pass {
    int64_t T, B, ids[MOST_T * MOST_B], next[MOST_T * MOST_B];
    leat_variable *state[STATES];
    leat_tensor *scores, *roots[STATES + 3]; /* the loss, kept states, what learning adds */
} pass;

static int64_t weights_of(const model *m)
{
    int64_t w = m->width, k = m->kinds;
    return 4 * w * (k + w + 1) + (LAYERS - 1) * 4 * w * (2 * w + 1) + (w + 1) * k;
}

/* Scores (T B, kinds) of what comes next, the loss, and roots that keep the states. */
static leat_status network(model *m, pass *p)
{
    leat_shape s = LEAT_DIMS(p->B, m->width);
    leat_tensor *x = leat_input(m->g, LEAT_DTYPE_I64, LEAT_DIMS(p->T, p->B), p->ids), *last[2];
    m->block.used = m->block.parts = 0;
    for (int i = 0; i < LAYERS; i++) {
        leat_recurrent r = leat_recurrent_default(LEAT_CELL_LSTM);
        leat_variable **v = &p->state[2 * i];
        for (int k = 0; k < 2; k++) {
            leat_status st = leat_variable_create(m->g, "state", LEAT_DTYPE_F32, s, NULL, &v[k]);
            if (st != LEAT_OK) return st;
        }
        r.w = block_cut(&m->block, 4 * m->width, i ? m->width : m->kinds);
        if (i == 0) r.w = leat_scale(r.w, 8); /* of all its columns one counts: not small */
        r.r = block_cut(&m->block, 4 * m->width, m->width);
        r.bias = block_cut(&m->block, 4 * m->width, 1);
        r.h0 = leat_read(v[0]);
        r.c0 = leat_read(v[1]);
        x = leat_recur(x, &r, &last[0], &last[1]);
        for (int k = 0; k < 2; k++) p->roots[1 + 2 * i + k] = leat_assign(v[k], last[k]);
    }
    x = leat_reshape(x, LEAT_DIMS(-1, m->width));
    x = leat_matmul(x, block_cut(&m->block, m->width, m->kinds));
    p->scores = leat_add(x, block_cut(&m->block, m->kinds, 1));
    leat_tensor *next = leat_input(m->g, LEAT_DTYPE_I64, LEAT_DIMS(p->T * p->B), p->next);
    p->roots[0] = leat_cross_entropy(p->scores, next, NULL);
    return LEAT_OK;
}

/* Pass k over `length` characters, cut into B pieces; adds its loss to *sum. */
static leat_status run(model *m, pass *p, const int64_t *at, int64_t length, int64_t k,
                       size_t roots, double *sum)
{
    static const float zeros[WIDEST * MOST_B];
    int64_t each = length / p->B, from = k % ((each - 1) / p->T) * p->T;
    float loss;
    leat_status st = LEAT_OK;
    for (int i = 0; !from && i < STATES && st == LEAT_OK; i++)
        st = leat_variable_set(p->state[i], zeros, sizeof *zeros * (size_t)(p->B * m->width));
    for (int64_t i = 0; i < p->T * p->B; i++) {
        p->ids[i] = at[i % p->B * each + from + i / p->B];
        p->next[i] = at[i % p->B * each + from + i / p->B + 1];
    }
    if (st == LEAT_OK) st = leat_run(m->g, roots, p->roots);
    if (st == LEAT_OK) st = leat_get(p->roots[0], &loss, sizeof loss);
    if (st == LEAT_OK) *sum += (double)loss;
    return st;
}

/* Writes with what was learned, each character drawn by its probability. */
static leat_status write_text(model *m, pass *one, const text *t, int length)
{
    float p[256];
    uint32_t state = 7;
    leat_tensor *chances = one->roots[0] = leat_softmax(one->scores, -1);
    for (int i = 0; i < length; i++) { /* after a character 0, a line's end */
        leat_status st = leat_run(m->g, STATES + 1, one->roots);
        if (st == LEAT_OK) st = leat_get(chances, p, sizeof *p * (size_t)m->kinds);
        if (st != LEAT_OK) return st;
        one->ids[0] = draw(p, m->kinds, &state);
        putchar(t->name[one->ids[0]]);
    }
    putchar('\n');
    return LEAT_OK;
}

/* *loss is that of the text to judge by: the last tenth, or all of a short one. */
static leat_status learn(model *m, const text *t, int steps, double *loss)
{
    static pass teach = {.T = MOST_T, .B = MOST_B}, judge, one = {.T = 1, .B = 1};
    bool small = t->length < 100000;
    int64_t kept = small ? t->length : t->length / 10, first = t->length - kept;
    double sum = 0;
    time_t begin = time(NULL);
    if (small) teach.T = 20, teach.B = 1;
    judge.T = teach.T, judge.B = teach.B;
    m->width = small ? 64 : WIDEST;
    m->kinds = t->kinds;
    leat_status st = block_create(&m->block, m->g, weights_of(m), 0.08);
    if (st == LEAT_OK) st = network(m, &judge);
    if (st == LEAT_OK) st = network(m, &one);
    if (st == LEAT_OK) st = network(m, &teach);
    leat_tensor **more = teach.roots + STATES + 1;
    if (st == LEAT_OK) st = block_learn(&m->block, m->g, teach.roots[0], 0.002, more);
    for (int k = 0; st == LEAT_OK && k < steps; k++) {
        st = run(m, &teach, t->at, small ? kept : first, k, STATES + 3, &sum);
        if ((k + 1) % 100) continue;
        int64_t tries = (kept / judge.B - 1) / judge.T;
        *loss = 0;
        for (int64_t i = 0; st == LEAT_OK && i < tries; i++)
            st = run(m, &judge, t->at + first, kept, i, STATES + 1, loss);
        *loss /= (double)tries;
        printf("step %5d %5.0f s  nats a character: %.3f learning, %.3f judged\n", k + 1,
               difftime(time(NULL), begin), sum / 100, *loss);
        sum = 0;
    }
    return st == LEAT_OK ? write_text(m, &one, t, small ? 120 : 600) : st;
}

int main(int argc, char **argv)
{
    static text t;
    int steps = steps_of(argc, argv, 2, 500, "char_lstm [TEXT [STEPS [bf16]]]");
    leat_context *c;
    model m = {0};
    double loss = 9;
    if (!text_read(&t, argc > 1 ? argv[1] : NULL) || leat_context_create(&c, NULL) != LEAT_OK)
        return 1;
    leat_status st = leat_graph_create(c, NULL, &m.g);
    if (st == LEAT_OK && argc > 3) st = leat_graph_set_precision(m.g, LEAT_DTYPE_BF16);
    if (st == LEAT_OK) st = learn(&m, &t, steps, &loss);
    if (st != LEAT_OK) fprintf(stderr, "%s\n", leat_error_message(c));
    leat_graph_destroy(m.g);
    leat_context_destroy(c);
    return st != LEAT_OK || loss > 2.5;
}
