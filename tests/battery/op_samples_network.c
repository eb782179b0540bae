/* Samples of the compositions of networks. */
#include "battery/op_samples.h"

#include <leat/function.h>

#include "graph/graph.h"

/* ---- softmax ----------------------------------------------------------------------------------
 */

/* number: axis. */
static void record_axis(const op_sample *s, leat_graph *g, leat_tensor *const *in,
                        leat_tensor **out)
{
    leati_axis_attrs a = {.axis = s->number[0]};
    out[0] = leati_op1(g, s->op, s->ins, in, &a, sizeof a);
}

static const double wide[] = {1000, 0, -1000, 999.5, 88, -88, 0.5, 1e4};

#define SOFTMAX_SAMPLES(NAME)                                                                      \
    OP_SAMPLE(NAME, "rows", OP_SINGLES, record_axis, OP_1(OP_IN(-3, 3, 4, 7)), .number = {1},      \
              .tol = 8, .scale = 1, .gradient = true, .second = true),                             \
        OP_SAMPLE(NAME, "columns", OP_SINGLES, record_axis, OP_1(OP_IN(-3, 3, 3, 5, 2)),           \
                  .number = {1}, .tol = 8, .scale = 1, .gradient = true),                          \
        OP_SAMPLE(NAME, "one class", OP_SINGLES, record_axis, OP_1(OP_IN(-3, 3, 4, 1)),            \
                  .number = {1}, .tol = 8, .scale = 1, .gradient = true),                          \
        OP_SAMPLE(NAME, "wide", OP_SINGLES, record_axis, OP_1(OP_EACH(wide, 2, 4)), .number = {1}, \
                  .tol = 8, .scale = 1),                                                           \
        OP_SAMPLE(NAME, "many rows", OP_SINGLES, record_axis, OP_1(OP_IN(-3, 3, 301, 77)),         \
                  .number = {1}, .tol = 16, .scale = 1),                                           \
        OP_SAMPLE(NAME, "long rows", OP_SINGLES, record_axis, OP_1(OP_IN(-3, 3, 3, 5003)),         \
                  .number = {1}, .tol = 64, .scale = 1),                                           \
        OP_SAMPLE(NAME, "nothing", OP_SINGLES, record_axis, OP_1(OP_IN(-3, 3, 0, 4)),              \
                  .number = {1}, .tol = 8)
#define BACK_SAMPLES(NAME)                                                                         \
    OP_SAMPLE(NAME, "rows", OP_SINGLES, record_axis, OP_2(OP_IN(-2, 1, 4, 7), OP_IN(-1, 1, 4, 7)), \
              .number = {1}, .tol = 16, .scale = 4, .gradient = true, .second = true),             \
        OP_SAMPLE(NAME, "columns", OP_SINGLES, record_axis,                                        \
                  OP_2(OP_IN(-2, 1, 3, 5, 2), OP_IN(-1, 1, 3, 5, 2)), .number = {1}, .tol = 16,    \
                  .scale = 4),                                                                     \
        OP_SAMPLE(NAME, "many rows", OP_SINGLES, record_axis,                                      \
                  OP_2(OP_IN(-2, 1, 301, 77), OP_IN(-1, 1, 301, 77)), .number = {1}, .tol = 64,    \
                  .scale = 8)

static const op_sample softmaxes[] = {SOFTMAX_SAMPLES(SOFTMAX), SOFTMAX_SAMPLES(LOG_SOFTMAX),
                                      BACK_SAMPLES(SOFTMAX_GRAD), BACK_SAMPLES(LOG_SOFTMAX_GRAD)};

/* ---- cross-entropy ----------------------------------------------------------------------------
 */

static const leati_entropy_attrs plain = {0}, smooth = {.smoothing = 0.1},
                                 ignoring = {.ignored = 2, .has_ignored = 1},
                                 both = {.smoothing = 0.2, .ignored = -1, .has_ignored = 1},
                                 given = {.given_log = 1, .smoothing = 0.1};
static const double labels[] = {0, 3, 2, 1, 2}, some_labels[] = {0, -1, 2, 1, -1};

static void record_entropy(const op_sample *s, leat_graph *g, leat_tensor *const *in,
                           leat_tensor **out)
{
    leati_node *n = leati_node_new(g, s->op, s->ins, in, s->arg, sizeof(leati_entropy_attrs));
    for (size_t i = 0; n && i < n->outs; i++) out[i] = &n->out[i];
}

#define ENTROPY(NAME, text, attrs, list, ...)                                                      \
    OP_SAMPLE(NAME, text, OP_SINGLES, record_entropy, __VA_ARGS__, .arg = &attrs, .tol = 16,       \
              .scale = 2)
#define LABELS(list) OP_INDEX_EACH(list, 5)

static const op_sample entropies[] = {
    ENTROPY(CROSS_ENTROPY, "plain", plain, labels, OP_2(OP_IN(-3, 3, 5, 4), LABELS(labels)),
            .second = true, .gradient = true),
    ENTROPY(CROSS_ENTROPY, "smoothed", smooth, labels, OP_2(OP_IN(-3, 3, 5, 4), LABELS(labels)),
            .gradient = true),
    ENTROPY(CROSS_ENTROPY, "ignoring", ignoring, labels, OP_2(OP_IN(-3, 3, 5, 4), LABELS(labels)),
            .gradient = true),
    ENTROPY(CROSS_ENTROPY, "weights", both, some_labels,
            OP_3(OP_IN(-3, 3, 5, 4), LABELS(some_labels), OP_IN(0.2, 2, 4)), .fixed = 4,
            .gradient = true),
    ENTROPY(CROSS_ENTROPY, "of logarithms", given, labels, OP_2(OP_IN(-3, 0, 5, 4), LABELS(labels)),
            .gradient = true),
    ENTROPY(CROSS_ENTROPY, "many", plain, labels,
            OP_2(OP_IN(-3, 3, 2003, 10), OP_INDEX(0, 9, 2003))),
    ENTROPY(CROSS_ENTROPY_GRAD, "plain", plain, labels,
            OP_3(OP_IN(-3, 3, 5, 4), LABELS(labels), OP_IN(-1, 1, 5)), .second = true,
            .gradient = true),
    ENTROPY(CROSS_ENTROPY_GRAD, "smoothed", smooth, labels,
            OP_3(OP_IN(-3, 3, 5, 4), LABELS(labels), OP_IN(-1, 1, 5)), .gradient = true),
    ENTROPY(CROSS_ENTROPY_GRAD, "weights", both, some_labels, .ins = 4,
            .in = {OP_IN(-3, 3, 5, 4), LABELS(some_labels), OP_IN(-1, 1, 5), OP_IN(0.2, 2, 4)},
            .fixed = 8, .gradient = true),
    ENTROPY(CROSS_ENTROPY_GRAD, "of logarithms", given, labels,
            OP_3(OP_IN(-3, 0, 5, 4), LABELS(labels), OP_IN(-1, 1, 5)), .gradient = true),
    ENTROPY(CROSS_ENTROPY_GRAD, "many", plain, labels,
            OP_3(OP_IN(-3, 3, 2003, 10), OP_INDEX(0, 9, 2003), OP_IN(-1, 1, 2003))),
};

/* ---- normalisation ----------------------------------------------------------------------------
 */

static const leati_norm_attrs last_axis = {.epsilon = 1e-5, .axes = 2},
                              rms = {.epsilon = 1e-5, .axes = 2, .rms = 1},
                              channels = {.epsilon = 1e-5, .axes = 13},
                              images = {.epsilon = 1e-3, .axes = 12}, none = {.epsilon = 1},
                              groups = {.epsilon = 1e-5, .axes = 10},
                              samples = {.epsilon = 1e-5, .axes = 2};

static void record_norm(const op_sample *s, leat_graph *g, leat_tensor *const *in,
                        leat_tensor **out)
{
    leati_node *n = leati_node_new(g, s->op, s->ins, in, s->arg, sizeof(leati_norm_attrs));
    for (size_t i = 0; n && i < n->outs; i++) out[i] = &n->out[i];
}

#define NORM_SAMPLE(text, attrs, ...)                                                              \
    OP_SAMPLE(NORM, text, OP_SINGLES, record_norm, __VA_ARGS__, .arg = &attrs, .tol = 32,          \
              .scale = 4)
#define BACK_SAMPLE(text, attrs, ...)                                                              \
    OP_SAMPLE(NORM_GRAD, text, OP_SINGLES, record_norm, __VA_ARGS__, .arg = &attrs, .tol = 64,     \
              .scale = 8)

static const op_sample norms[] = {
    NORM_SAMPLE("rows", last_axis, OP_1(OP_IN(-1, 3, 4, 6)), .second = true, .gradient = true),
    NORM_SAMPLE("rows, scaled", last_axis,
                OP_3(OP_IN(-1, 3, 4, 6), OP_IN(0.5, 2, 6), OP_IN(-1, 1, 6)), .second = true,
                .gradient = true),
    NORM_SAMPLE("rows, scale only", last_axis, OP_2(OP_IN(-1, 3, 4, 6), OP_IN(0.5, 2, 6)),
                .gradient = true),
    NORM_SAMPLE("root mean square", rms, OP_2(OP_IN(-1, 3, 4, 6), OP_IN(0.5, 2, 6)), .second = true,
                .gradient = true),
    NORM_SAMPLE("channels", channels,
                OP_3(OP_IN(-1, 3, 2, 3, 4, 2), OP_IN(0.5, 2, 3, 1, 1), OP_IN(-1, 1, 3, 1, 1)),
                .gradient = true),
    NORM_SAMPLE("planes", images, OP_1(OP_IN(-1, 3, 2, 3, 4, 2)), .gradient = true),
    NORM_SAMPLE("groups", groups,
                OP_3(OP_IN(-1, 3, 2, 5, 3, 4), OP_IN(0.5, 2, 3, 4), OP_IN(-1, 1, 3, 4)),
                .second = true, .gradient = true),
    NORM_SAMPLE("groups of one sample", groups, OP_1(OP_IN(-1, 3, 1, 7, 2, 3)), .gradient = true),
    NORM_SAMPLE("groups of many samples", groups,
                OP_3(OP_IN(-1, 3, 19, 301, 2, 9), OP_IN(0.5, 2, 2, 9), OP_IN(-1, 1, 2, 9))),
    NORM_SAMPLE("channels of samples", samples,
                OP_3(OP_IN(-1, 3, 3, 7, 5), OP_IN(0.5, 2, 5), OP_IN(-1, 1, 5)), .second = true,
                .gradient = true),
    NORM_SAMPLE("channels of few large samples", samples,
                OP_2(OP_IN(-1, 3, 3, 1501, 19), OP_IN(0.5, 2, 19))),
    NORM_SAMPLE("no axis", none, OP_1(OP_IN(-1, 3, 3, 2))),
    NORM_SAMPLE("many rows", last_axis,
                OP_3(OP_IN(-1, 3, 203, 129), OP_IN(0.5, 2, 129), OP_IN(-1, 1, 129))),
    BACK_SAMPLE(
        "rows", last_axis,
        OP_4(OP_IN(-1, 1, 4, 6), OP_IN(-1, 3, 4, 6), OP_IN(0, 1, 4, 1), OP_IN(0.5, 2, 4, 1)),
        .second = true, .gradient = true),
    BACK_SAMPLE("rows, scaled", last_axis,
                OP_5(OP_IN(-1, 1, 4, 6), OP_IN(-1, 3, 4, 6), OP_IN(0, 1, 4, 1), OP_IN(0.5, 2, 4, 1),
                     OP_IN(0.5, 2, 6)),
                .gradient = true),
    BACK_SAMPLE(
        "root mean square", rms,
        OP_4(OP_IN(-1, 1, 4, 6), OP_IN(-1, 3, 4, 6), OP_IN(0, 0, 4, 1), OP_IN(0.5, 2, 4, 1)),
        .gradient = true),
    BACK_SAMPLE("groups", groups,
                OP_5(OP_IN(-1, 1, 2, 5, 3, 4), OP_IN(-1, 3, 2, 5, 3, 4), OP_IN(0, 1, 2, 1, 3, 1),
                     OP_IN(0.5, 2, 2, 1, 3, 1), OP_IN(0.5, 2, 3, 4)),
                .gradient = true),
    BACK_SAMPLE("groups of many samples", groups,
                OP_5(OP_IN(-1, 1, 19, 41, 2, 9), OP_IN(-1, 3, 19, 41, 2, 9),
                     OP_IN(0, 1, 19, 1, 2, 1), OP_IN(0.5, 2, 19, 1, 2, 1), OP_IN(0.5, 2, 2, 9))),
    BACK_SAMPLE("channels of samples", samples,
                OP_4(OP_IN(-1, 1, 3, 7, 5), OP_IN(-1, 3, 3, 7, 5), OP_IN(0, 1, 3, 1, 5),
                     OP_IN(0.5, 2, 3, 1, 5)),
                .gradient = true),
    BACK_SAMPLE("channels", channels,
                OP_5(OP_IN(-1, 1, 2, 3, 4, 2), OP_IN(-1, 3, 2, 3, 4, 2), OP_IN(0, 1, 1, 3, 1, 1),
                     OP_IN(0.5, 2, 1, 3, 1, 1), OP_IN(0.5, 2, 3, 1, 1)),
                .gradient = true),
    BACK_SAMPLE("many rows", last_axis,
                OP_5(OP_IN(-1, 1, 203, 129), OP_IN(-1, 3, 203, 129), OP_IN(0, 1, 203, 1),
                     OP_IN(0.5, 2, 203, 1), OP_IN(0.5, 2, 129))),
};

/* ---- recurrent --------------------------------------------------------------------------------
 */

typedef struct sequence {
    const char *name;
    int cell, reverse, lengths, steps, rows, units;
    bool large;
} sequence;

static const sequence sequences[] = {
    {"tanh", LEATI_CELL_TANH, 0, 0, 3, 2, 4, false},
    {"relu, reverse", LEATI_CELL_RELU, 1, 0, 3, 2, 3, false},
    {"tanh, lengths", LEATI_CELL_TANH, 0, 1, 4, 3, 2, false},
    {"LSTM", LEATI_CELL_LSTM, 0, 0, 3, 2, 3, false},
    {"LSTM, reverse", LEATI_CELL_LSTM, 1, 0, 3, 2, 2, false},
    {"LSTM, lengths", LEATI_CELL_LSTM, 0, 1, 4, 3, 2, false},
    {"LSTM, reverse, lengths", LEATI_CELL_LSTM, 1, 1, 4, 3, 2, false},
    {"GRU", LEATI_CELL_GRU, 0, 0, 3, 2, 3, false},
    {"GRU, reverse, lengths", LEATI_CELL_GRU, 1, 1, 4, 3, 2, false},
    {"one step", LEATI_CELL_LSTM, 0, 0, 1, 2, 3, false},
    {"LSTM, larger", LEATI_CELL_LSTM, 0, 1, 6, 9, 37, true},
    {"GRU, larger", LEATI_CELL_GRU, 0, 0, 6, 9, 37, true},
};
static const double ends[] = {4, 0, 2, 3, 1};

/* Inputs of the operation; the gradient is recorded by way of it. */
static void record_sequence(const op_sample *s, leat_graph *g, leat_tensor *const *in,
                            leat_tensor **out)
{
    const sequence *q = s->arg;
    leati_recurrent_attrs a = {.cell = (uint32_t)q->cell, .reverse = (uint8_t)q->reverse};
    leati_node *n = leati_node_new(g, LEATI_OP_RECURRENT, s->ins, in, &a, sizeof a);
    if (!n) return;
    bool lstm = q->cell == LEATI_CELL_LSTM;
    for (size_t i = 0; i < (lstm ? 3 : 2); i++) out[i] = &n->out[i];
    if (s->op == LEATI_OP_RECURRENT) return;
    leat_tensor *loss = NULL;
    for (size_t i = 0; i < (lstm ? 3 : 2); i++) {
        leat_tensor *part = leat_sum(leat_mul(out[i], out[i]), 0, NULL, false);
        loss = loss ? leat_add(loss, part) : part;
        out[i] = NULL;
    }
    size_t floats = q->lengths ? s->ins - 1 : s->ins;
    if (leat_gradients(loss, NULL, floats, in, out) != LEAT_OK) out[0] = NULL;
}

static void visit_sequences(leati_op op, op_visit visit, void *user)
{
    for (size_t i = 0; i < sizeof sequences / sizeof *sequences; i++) {
        const sequence *q = &sequences[i];
        int64_t gates = q->cell == LEATI_CELL_LSTM ? 4 : q->cell == LEATI_CELL_GRU ? 3 : 1;
        op_sample s = {.op = op, .name = q->name, .types = OP_SINGLES, .record = record_sequence};
        int64_t units = q->units, rows = q->rows;
        leat_shape shapes[4] = {LEAT_DIMS(q->steps, rows, gates * units),
                                LEAT_DIMS(gates * units, units), LEAT_DIMS(rows, units),
                                LEAT_DIMS(rows, units)};
        if (q->cell == LEATI_CELL_GRU) shapes[3] = LEAT_DIMS(gates * units);
        s.arg = q;
        s.ins = q->cell < LEATI_CELL_LSTM ? 3 : 4;
        for (size_t k = 0; k < s.ins; k++)
            s.in[k] = (op_in){OP_T, shapes[k], OP_UNIFORM, q->large ? -0.3 : -1, q->large ? 0.3 : 1,
                              NULL};
        if (q->lengths)
            s.in[s.ins++] = (op_in){LEAT_DTYPE_I64, LEAT_DIMS(rows), OP_VALUES, 5, 0, ends};
        s.tol = op == LEATI_OP_RECURRENT ? 32 : 128;
        s.scale = q->large ? 8 : 2;
        s.gradient = s.second = op == LEATI_OP_RECURRENT && !q->large;
        visit(user, &s);
    }
}

/* ---- attention --------------------------------------------------------------------------------
 */

static const double half = 0.5;
static const double seen[] = {1, 0, 1, 1, 0, 1, 0, 0, 0, 0};

/* arg: the scale; number: causal, tokens first. The gradient by way of the operation. */
static void record_attention(const op_sample *s, leat_graph *g, leat_tensor *const *in,
                             leat_tensor **out)
{
    leati_attention_attrs a = {.scale = *(const double *)s->arg,
                               .causal = (uint8_t)s->number[0],
                               .tokens_first = (uint8_t)s->number[1]};
    leat_tensor *y = leati_op1(g, LEATI_OP_ATTENTION, s->ins, in, &a, sizeof a);
    out[0] = y;
    if (s->op == LEATI_OP_ATTENTION || !y) return;
    out[0] = NULL;
    if (leat_gradients(y, leat_mul(y, y), 3, in, out) != LEAT_OK) out[0] = NULL;
}

#define SEEN OP_TYPED_EACH(LEAT_DTYPE_BOOL, seen, 2, 5)
#define ATTENTIONS(NAME, first, second_)                                                           \
    OP_SAMPLE(NAME, "plain", OP_SINGLES, record_attention,                                         \
              OP_3(OP_IN(-1, 1, 2, 2, 3, 4), OP_IN(-1, 1, 2, 2, 5, 4), OP_IN(-1, 1, 2, 2, 5, 2)),  \
              .arg = &half, .tol = 64, .scale = 1, .gradient = first, .second = second_),          \
        OP_SAMPLE(                                                                                 \
            NAME, "causal", OP_SINGLES, record_attention,                                          \
            OP_3(OP_IN(-1, 1, 1, 2, 3, 4), OP_IN(-1, 1, 1, 2, 5, 4), OP_IN(-1, 1, 1, 2, 5, 4)),    \
            .number = {1, 0}, .arg = &half, .tol = 64, .scale = 1, .gradient = first),             \
        OP_SAMPLE(NAME, "tokens first, mask", OP_SINGLES, record_attention,                        \
                  OP_4(OP_IN(-1, 1, 2, 3, 2, 4), OP_IN(-1, 1, 2, 5, 2, 4),                         \
                       OP_IN(-1, 1, 2, 5, 2, 4), SEEN),                                            \
                  .number = {0, 1}, .arg = &half, .tol = 64, .scale = 1, .gradient = first),       \
        OP_SAMPLE(NAME, "larger", OP_SINGLES, record_attention,                                    \
                  OP_3(OP_IN(-1, 1, 2, 3, 70, 16), OP_IN(-1, 1, 2, 3, 130, 16),                    \
                       OP_IN(-1, 1, 2, 3, 130, 16)),                                               \
                  .number = {1, 0}, .arg = &half, .tol = 128, .scale = 1)
static const op_sample attentions[] = {ATTENTIONS(ATTENTION, true, true),
                                       ATTENTIONS(ATTENTION_GRAD, true, false)};

/* ---- CTC --------------------------------------------------------------------------------------
 */

static const leati_ctc_attrs blank_first = {.blank = 0}, blank_last = {.blank = 3};
static const double words[] = {1, 2, 2, 3, 3, 1}, low_words[] = {0, 2, 2, 1, 1, 0};
static const double all_steps[] = {5, 4}, few_steps[] = {1, 5}, word_lengths[] = {3, 2},
                    no_words[] = {0, 3};

static void record_ctc(const op_sample *s, leat_graph *g, leat_tensor *const *in, leat_tensor **out)
{
    out[0] = leati_op1(g, s->op, s->ins, in, s->arg, sizeof(leati_ctc_attrs));
}

#define CTC_INPUTS(list, steps, lengths)                                                           \
    OP_IN(-3, 0, 5, 2, 4), OP_INDEX_EACH(list, 2, 3), OP_INDEX_EACH(steps, 2),                     \
        OP_INDEX_EACH(lengths, 2)
#define CTC_SAMPLE(text, attrs, diff, ...)                                                         \
    OP_SAMPLE(CTC, text, OP_SINGLES, record_ctc, .ins = 4, .in = {CTC_INPUTS(__VA_ARGS__)},        \
              .arg = &attrs, .tol = 16, .scale = 1, .gradient = diff, .second = diff),             \
        OP_SAMPLE(CTC_GRAD, text, OP_SINGLES, record_ctc, .ins = 5,                                \
                  .in = {OP_IN(-1, 1, 2), CTC_INPUTS(__VA_ARGS__)}, .arg = &attrs, .tol = 64,      \
                  .scale = 1, .gradient = true)
static const op_sample ctcs[] = {
    CTC_SAMPLE("all steps", blank_first, true, words, all_steps, word_lengths),
    CTC_SAMPLE("blank last", blank_last, true, low_words, all_steps, word_lengths),
    CTC_SAMPLE("nothing said", blank_first, true, words, all_steps, no_words),
    CTC_SAMPLE("too short", blank_first, false, words, few_steps, word_lengths),
};

void op_samples_network(op_visit visit, void *user)
{
    visit_sequences(LEATI_OP_RECURRENT, visit, user);
    visit_sequences(LEATI_OP_RECURRENT_GRAD, visit, user);
    OP_VISIT(softmaxes);
    OP_VISIT(ctcs);
    OP_VISIT(attentions);
    OP_VISIT(entropies);
    OP_VISIT(norms);
}

/* ---- failures ---------------------------------------------------------------------------------
 */

static leat_tensor *f32(leat_graph *g, leat_shape shape)
{
    return leat_input(g, LEAT_DTYPE_F32, shape, NULL);
}

static leat_tensor *no_such_axis(leat_graph *g)
{
    return leat_softmax(f32(g, LEAT_DIMS(2, 3)), 2);
}

static leat_tensor *logs_of_integers(leat_graph *g)
{
    return leat_log_softmax(leat_input(g, LEAT_DTYPE_I64, LEAT_DIMS(2, 3), NULL), 1);
}

static leat_tensor *wrong_gradient(leat_graph *g)
{
    leati_axis_attrs a = {.axis = 1};
    leat_tensor *in[2] = {f32(g, LEAT_DIMS(2, 3)), f32(g, LEAT_DIMS(2, 4))};
    return leati_op1(g, LEATI_OP_SOFTMAX_GRAD, 2, in, &a, sizeof a);
}

static leat_tensor *wrong_log_gradient(leat_graph *g)
{
    leati_axis_attrs a = {.axis = 1};
    leat_tensor *in[2] = {f32(g, LEAT_DIMS(2, 3)), f32(g, LEAT_DIMS(2, 4))};
    return leati_op1(g, LEATI_OP_LOG_SOFTMAX_GRAD, 2, in, &a, sizeof a);
}

static leat_tensor *labels_of_another_shape(leat_graph *g)
{
    leat_tensor *y = leat_input(g, LEAT_DTYPE_I64, LEAT_DIMS(3), NULL);
    return leat_cross_entropy(f32(g, LEAT_DIMS(2, 3)), y, NULL);
}

static leat_tensor *label_out_of_range(leat_graph *g)
{
    static const float x[6] = {0};
    static const int64_t y[2] = {1, 3};
    return leat_cross_entropy(leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(2, 3), x),
                              leat_input(g, LEAT_DTYPE_I64, LEAT_DIMS(2), y), NULL);
}

static leat_tensor *much_smoothing(leat_graph *g)
{
    leat_entropy_options o = leat_entropy_options_default();
    o.smoothing = 1.5;
    return leat_cross_entropy(f32(g, LEAT_DIMS(2, 3)),
                              leat_input(g, LEAT_DTYPE_I64, LEAT_DIMS(2), NULL), &o);
}

static leat_tensor *wrong_loss_gradient(leat_graph *g)
{
    leat_tensor *y = leat_input(g, LEAT_DTYPE_I64, LEAT_DIMS(2), NULL);
    leat_tensor *in[3] = {f32(g, LEAT_DIMS(2, 3)), y, f32(g, LEAT_DIMS(3))};
    return leati_op1(g, LEATI_OP_CROSS_ENTROPY_GRAD, 3, in, &plain, sizeof plain);
}

static leat_tensor *wrong_scale(leat_graph *g)
{
    return leat_layer_norm(f32(g, LEAT_DIMS(2, 3)), 1, f32(g, LEAT_DIMS(4)), NULL, 1e-5);
}

static leat_tensor *foreign_statistics(leat_graph *g)
{
    leat_tensor *x = f32(g, LEAT_DIMS(2, 3)), *m = f32(g, LEAT_DIMS(2));
    leat_tensor *in[4] = {x, x, m, m};
    return leati_op1(g, LEATI_OP_NORM_GRAD, 4, in, &last_axis, sizeof last_axis);
}

static leat_tensor *uneven_groups(leat_graph *g)
{
    return leat_group_norm(f32(g, LEAT_DIMS(2, 5, 3)), 2, NULL, NULL, false, 1e-5);
}

static leat_tensor *wrong_weight(leat_graph *g)
{
    leati_recurrent_attrs a = {.cell = LEATI_CELL_LSTM};
    leat_tensor *state = f32(g, LEAT_DIMS(2, 3));
    leat_tensor *in[4] = {f32(g, LEAT_DIMS(5, 2, 12)), f32(g, LEAT_DIMS(12, 4)), state, state};
    return leati_op1(g, LEATI_OP_RECURRENT, 4, in, &a, sizeof a);
}

static leat_tensor *long_sequence(leat_graph *g)
{
    static const float zeros[64] = {0};
    static const int64_t length[2] = {5, 6};
    leati_recurrent_attrs a = {.cell = LEATI_CELL_TANH};
    leat_tensor *in[4] = {leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(5, 2, 3), zeros),
                          leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(3, 3), zeros),
                          leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(2, 3), zeros),
                          leat_input(g, LEAT_DTYPE_I64, LEAT_DIMS(2), length)};
    return leati_op1(g, LEATI_OP_RECURRENT, 4, in, &a, sizeof a);
}

static leat_tensor *foreign_states(leat_graph *g)
{
    leati_recurrent_attrs a = {.cell = LEATI_CELL_TANH};
    leat_tensor *x = f32(g, LEAT_DIMS(5, 2, 3)), *y = f32(g, LEAT_DIMS(4, 2, 3));
    leat_tensor *in[9] = {x, x, x, x, x, x, y, x, x};
    return leati_op1(g, LEATI_OP_RECURRENT_GRAD, 9, in, &a, sizeof a);
}

static leat_tensor *unequal_widths(leat_graph *g)
{
    leat_tensor *k = f32(g, LEAT_DIMS(2, 2, 5, 3));
    return leat_attention(f32(g, LEAT_DIMS(2, 2, 5, 4)), k, k, NULL);
}

static leat_tensor *foreign_attention(leat_graph *g)
{
    leati_attention_attrs a = {.scale = 1};
    leat_tensor *q = f32(g, LEAT_DIMS(2, 2, 5, 4)), *d = f32(g, LEAT_DIMS(2, 2, 4, 4));
    leat_tensor *in[6] = {d, q, q, q, q, f32(g, LEAT_DIMS(2, 2, 5))};
    return leati_op1(g, LEATI_OP_ATTENTION_GRAD, 6, in, &a, sizeof a);
}

static leat_tensor *blank_label(leat_graph *g)
{
    static const float x[24] = {0};
    static const int64_t y[2] = {1, 0}, steps[1] = {3}, length[1] = {2};
    return leat_ctc(leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(3, 1, 4), x),
                    leat_input(g, LEAT_DTYPE_I64, LEAT_DIMS(1, 2), y),
                    leat_input(g, LEAT_DTYPE_I64, LEAT_DIMS(1), steps),
                    leat_input(g, LEAT_DTYPE_I64, LEAT_DIMS(1), length), 0, false,
                    LEAT_REDUCE_NONE);
}

static leat_tensor *foreign_ctc(leat_graph *g)
{
    leat_tensor *y = leat_input(g, LEAT_DTYPE_I64, LEAT_DIMS(2, 2), NULL);
    leat_tensor *n = leat_input(g, LEAT_DTYPE_I64, LEAT_DIMS(2), NULL);
    leat_tensor *in[5] = {f32(g, LEAT_DIMS(3)), f32(g, LEAT_DIMS(3, 2, 4)), y, n, n};
    return leati_op1(g, LEATI_OP_CTC_GRAD, 5, in, &blank_first, sizeof blank_first);
}

static const op_failure failures[] = {
    OP_FAILURE(CTC, "blank as label", blank_label, INVALID, "label 2|sequence 1|blank, 0",
               .at_run = true),
    OP_FAILURE(CTC_GRAD, "shape", foreign_ctc, SHAPE, "layer 7|(3)"),
    OP_FAILURE(ATTENTION, "widths", unequal_widths, SHAPE, "layer 7|(2, 2, 5, 4)|(2, 2, 5, 3)"),
    OP_FAILURE(ATTENTION_GRAD, "shape", foreign_attention, SHAPE, "layer 7|(2, 2, 4, 4)"),
    OP_FAILURE(RECURRENT, "weight", wrong_weight, SHAPE, "layer 7|weight|(12, 4)|(12, 3)"),
    OP_FAILURE(RECURRENT, "length", long_sequence, INVALID, "length|sequence 2|6|5 steps",
               .at_run = true),
    OP_FAILURE(RECURRENT_GRAD, "states", foreign_states, SHAPE, "layer 7|(5, 2, 3)|(4, 2, 3)"),
    OP_FAILURE(SOFTMAX, "axis", no_such_axis, SHAPE, "axis 2|2 dimensions"),
    OP_FAILURE(LOG_SOFTMAX, "integers", logs_of_integers, TYPE, "layer 7|i64"),
    OP_FAILURE(SOFTMAX_GRAD, "shape", wrong_gradient, SHAPE, "layer 7|(2, 3)"),
    OP_FAILURE(LOG_SOFTMAX_GRAD, "shape", wrong_log_gradient, SHAPE, "layer 7|(2, 3)"),
    OP_FAILURE(CROSS_ENTROPY, "shape", labels_of_another_shape, SHAPE, "(2, 3)|(3)"),
    OP_FAILURE(CROSS_ENTROPY, "label", label_out_of_range, INVALID, "label|row 2|3|0 to 2",
               .at_run = true),
    OP_FAILURE(CROSS_ENTROPY, "smoothing", much_smoothing, INVALID, "layer 7|1.5|0 to 1"),
    OP_FAILURE(CROSS_ENTROPY_GRAD, "shape", wrong_loss_gradient, SHAPE, "layer 7|(3)"),
    OP_FAILURE(NORM, "scale", wrong_scale, SHAPE, "layer 7|(4)|(2, 3)"),
    OP_FAILURE(NORM_GRAD, "statistics", foreign_statistics, SHAPE, "layer 7|(2, 3)"),
    OP_FAILURE(NORM, "groups", uneven_groups, SHAPE, "2 groups|5 channels"),
};

void op_failures_network(op_visit_failure visit, void *user)
{
    OP_VISIT(failures);
}
