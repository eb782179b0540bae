/* Owns: the layers rnn, lstm and gru: stacked, in both directions, masked by length. */
#include <stdio.h>

#include <leat/function.h>

#include "nn/demand.h"

typedef struct recurrent {
    leati_layer base;
    int64_t units, layers;
    int activation;
    bool return_sequences, bidirectional, use_bias;
    double dropout, recurrent_dropout;
    char kernel_initializer[LEATI_WORD_PARAM], recurrent_initializer[LEATI_WORD_PARAM],
        bias_initializer[LEATI_WORD_PARAM];
} recurrent;

#define SWITCH(field, usual, about)                                                                \
    {                                                                                              \
        .name = #field, .type = LEATI_PARAM_BOOL, .offset = offsetof(recurrent, field),            \
        .standard = usual, .doc = about                                                            \
    }
#define SHARE(field, about)                                                                        \
    {                                                                                              \
        .name = #field, .type = LEATI_PARAM_REAL, .offset = offsetof(recurrent, field),            \
        .standard = "0", .least = 0, .most = 1, .doc = about                                       \
    }
#define FIRST                                                                                      \
    {.name = "units",                                                                              \
     .type = LEATI_PARAM_INT,                                                                      \
     .offset = offsetof(recurrent, units),                                                         \
     .standard = "64",                                                                             \
     .least = 1,                                                                                   \
     .most = 1e6,                                                                                  \
     .doc = "Size of the state."},                                                                 \
        SWITCH(return_sequences, "false", "The state after every step instead of the last one."),  \
        SWITCH(bidirectional, "false", "Also backwards; both states are joined."),                 \
        {.name = "layers",                                                                         \
         .type = LEATI_PARAM_INT,                                                                  \
         .offset = offsetof(recurrent, layers),                                                    \
         .standard = "1",                                                                          \
         .least = 1,                                                                               \
         .most = 64,                                                                               \
         .doc = "How many, one on the states of the other."},                                      \
        SHARE(dropout, "Share of the inputs of each of the layers that become 0 while training."), \
        SHARE(recurrent_dropout, "Share of the recurrent weights that become 0 while training "    \
                                 "(Merity et al. 2018)."),                                         \
        SWITCH(use_bias, "true", "Add learned constants."),                                        \
        LEATI_INIT_PARAM(recurrent, kernel_initializer, "glorot_uniform"),                         \
        LEATI_INIT_PARAM(recurrent, recurrent_initializer, "orthogonal")

static const leati_param rnn_params[] = {FIRST,
                                         LEATI_INIT_PARAM(recurrent, bias_initializer, "zeros"),
                                         {.name = "activation",
                                          .type = LEATI_PARAM_CHOICE,
                                          .offset = offsetof(recurrent, activation),
                                          .standard = "tanh",
                                          .choices = "tanh|relu",
                                          .doc = "Function of the state."},
                                         {0}};
static const leati_param lstm_params[] = {
    FIRST, LEATI_INIT_PARAM(recurrent, bias_initializer, "unit_forget_bias"), {0}};
static const leati_param gru_params[] = {
    FIRST, LEATI_INIT_PARAM(recurrent, bias_initializer, "zeros"), {0}};

/* One layer in one direction over x (steps, batch, features). */
static leat_tensor *pass(const recurrent *l, leati_builder *b, leat_tensor *x, leat_cell cell,
                         bool reverse, leat_tensor *lengths, leat_tensor **last)
{
    int64_t gates = cell == LEAT_CELL_LSTM ? 4 : cell == LEAT_CELL_GRU ? 3 : 1;
    int64_t in = leat_tensor_shape(x).dim[2], rows = gates * l->units;
    leat_recurrent r = leat_recurrent_default(cell);
    r.reverse = reverse;
    r.lengths = lengths;
    r.w = leati_weight(b, "kernel", LEAT_DIMS(rows, in), l->kernel_initializer, in, rows);
    r.r = leati_weight(b, "recurrent_kernel", LEAT_DIMS(rows, l->units), l->recurrent_initializer,
                       l->units, rows);
    r.r = leati_drop(b, r.r, l->recurrent_dropout, leat_tensor_shape(r.r));
    if (l->use_bias)
        r.bias = leati_weight(b, "bias", LEAT_DIMS(rows), l->bias_initializer, in, rows);
    if (l->use_bias && cell == LEAT_CELL_GRU) /* within the reset gate, as in Keras and cuDNN */
        r.r_bias =
            leati_weight(b, "recurrent_bias", LEAT_DIMS(rows), l->bias_initializer, in, rows);
    if (leat_error_status(b->context) != LEAT_OK) return NULL;
    return leat_recur(x, &r, last, NULL);
}

static leat_tensor *run_direction(const recurrent *l, leati_builder *b, leat_tensor *x,
                                  leat_cell cell, int number, bool reverse, leat_tensor *lengths,
                                  leat_tensor **last)
{
    char name[32];
    snprintf(name, sizeof name, "l%d%s", number, reverse ? "_reverse" : "");
    size_t length = leati_path_push(b, name);
    leat_tensor *y = pass(l, b, x, cell, reverse, lengths, last);
    leati_path_pop(b, length);
    return y;
}

/* How many steps count, (batch). Where a masked one is before another that counts, -1: an error,
 * as the steps read would not be those that count. */
static leat_tensor *lengths_of(leati_builder *b, leat_tensor *mask)
{
    int steps = 1;
    leat_tensor *count = leat_cast(mask, LEAT_DTYPE_I64);
    leat_tensor *lengths = leat_sum(count, 1, &steps, false);
    leati_demand_end(b, mask);
    int64_t pairs = leat_tensor_shape(mask).dim[1] - 1;
    if (b->bare || pairs < 1) return lengths;
    leat_tensor *again =
        leat_greater(leat_narrow(count, 1, 1, pairs), leat_narrow(count, 1, 0, pairs));
    again = leat_sum(leat_cast(again, LEAT_DTYPE_I64), 1, &steps, false);
    return leat_where(leat_equal(again, leat_like(again, 0)), lengths, leat_like(lengths, -1));
}

static leat_tensor *build(const leati_layer *layer, leati_builder *b, leat_tensor *x,
                          leat_cell cell)
{
    static const int swap[] = {1, 0, 2};
    const recurrent *l = (const recurrent *)layer;
    if (!leati_layer_rank(b, x, 3, 3, "(steps, features)")) return NULL;
    leat_tensor *mask = leati_layer_mask(b, x), *lengths = NULL, *last[2] = {NULL, NULL};
    if (mask) lengths = lengths_of(b, mask);
    x = leat_transpose(x, swap);
    for (int i = 0; i < l->layers && x; i++) {
        leat_tensor *y[2];
        x = leati_drop(b, x, l->dropout, leat_tensor_shape(x));
        y[0] = run_direction(l, b, x, cell, i, false, lengths, &last[0]);
        if (l->bidirectional) y[1] = run_direction(l, b, x, cell, i, true, lengths, &last[1]);
        x = y[0] && l->bidirectional ? leat_concat(2, y, 2) : y[0];
    }
    if (!x) return NULL;
    if (l->return_sequences) return leat_transpose(x, swap);
    return l->bidirectional ? leat_concat(2, last, 1) : last[0];
}

static leat_tensor *build_rnn(const leati_layer *l, leati_builder *b, leat_tensor *x)
{
    return build(l, b, x, ((const recurrent *)l)->activation ? LEAT_CELL_RELU : LEAT_CELL_TANH);
}

static leat_tensor *build_lstm(const leati_layer *l, leati_builder *b, leat_tensor *x)
{
    return build(l, b, x, LEAT_CELL_LSTM);
}

static leat_tensor *build_gru(const leati_layer *l, leati_builder *b, leat_tensor *x)
{
    return build(l, b, x, LEAT_CELL_GRU);
}

const leati_layer_class leati_layer_rnn = {
    .name = "rnn",
    .doc =
        "Plain recurrent layer over (steps, features): a state that sees each step (Elman 1990). "
        "Masked steps at the end do not count.",
    .size = sizeof(recurrent),
    .params = rnn_params,
    .build = build_rnn};

const leati_layer_class leati_layer_lstm = {
    .name = "lstm",
    .doc =
        "Long short-term memory over (steps, features) (Hochreiter and Schmidhuber 1997). Masked "
        "steps at the end do not count.",
    .size = sizeof(recurrent),
    .params = lstm_params,
    .build = build_lstm};

const leati_layer_class leati_layer_gru = {
    .name = "gru",
    .doc =
        "Gated recurrent units over (steps, features) (Cho et al. 2014; the reset gate after the "
        "product, as in Keras and PyTorch). Masked steps at the end do not count.",
    .size = sizeof(recurrent),
    .params = gru_params,
    .build = build_gru};
