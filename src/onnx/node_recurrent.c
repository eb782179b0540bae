/* Owns: RNN, GRU and LSTM: as the engine's recurrent layers where those mean the same, else
 * recorded step by step. */
#include <string.h>
#include <strings.h>

#include <leat/function.h>

#include "onnx/operators.h"

enum { GATES_MOST = 4, FUNCTIONS = 3 };
enum { CELL = 2 }; /* the LSTM's function of its cell, which no runtime clips, unlike the gates */

typedef struct cell {      /* one direction */
    leat_tensor *w, *r;    /* (gates hidden, in), (gates hidden, hidden) */
    leat_tensor *scale[2]; /* of w and r where they are bytes; NULL: they are the weights */
    leat_tensor *wb, *rb;  /* (gates hidden), or NULL */
    leat_tensor *peep[3];  /* of the LSTM: input, output, forget; or NULL */
    const char *name[FUNCTIONS];
    double alpha[FUNCTIONS], beta[FUNCTIONS];
    double clip;
    int64_t hidden, gates;
    bool linear_first, couple;
} cell;

static bool is(const char *name, const char *other)
{
    return strcasecmp(name, other) == 0;
}

static leat_tensor *activate(leati_ocall *k, const cell *c, int i, leat_tensor *x)
{
    const char *name = c->name[i];
    double a = c->alpha[i], b = c->beta[i];
    if (c->clip > 0 && i != CELL) x = leat_clip(x, -c->clip, c->clip);
    if (is(name, "tanh")) return leat_tanh(x);
    if (is(name, "sigmoid")) return leat_sigmoid(x);
    if (is(name, "relu")) return leat_relu(x);
    if (is(name, "affine")) return leat_shift(leat_scale(x, a), b);
    if (is(name, "leakyrelu")) return leat_leaky_relu(x, a);
    if (is(name, "scaledtanh")) return leat_scale(leat_tanh(leat_scale(x, b)), a);
    if (is(name, "hardsigmoid")) return leat_hard_sigmoid(x, a, b);
    if (is(name, "elu")) return leat_elu(x, a);
    if (is(name, "softsign")) return leat_softsign(x);
    if (is(name, "softplus")) return leat_softplus(x);
    if (is(name, "thresholdedrelu"))
        return leat_where(leat_greater(x, leat_like(x, a)), x, leat_like(x, 0));
    (void)leati_ofail(k, LEAT_UNSUPPORTED,
                      "activation %.40s: there are Relu, Tanh, Sigmoid, Affine, LeakyRelu, "
                      "ThresholdedRelu, ScaledTanh, HardSigmoid, Elu, Softsign and Softplus",
                      name);
    return NULL;
}

static leat_tensor *gate(const cell *c, leat_tensor *x, int64_t i)
{
    return leat_narrow(x, 1, i * c->hidden, c->hidden);
}

static leat_tensor *biased(leat_tensor *x, leat_tensor *b)
{
    return b ? leat_add(x, b) : x;
}

/* Part i of a list per gate, or NULL. */
static leat_tensor *bias_of(const cell *c, leat_tensor *b, int64_t i)
{
    return b ? leat_narrow(b, 0, i * c->hidden, c->hidden) : NULL;
}

/* x w', where w are bytes of x quantised too. */
static leat_tensor *product(leat_tensor *x, leat_tensor *w, leat_tensor *scale)
{
    leat_tensor *step;
    if (!scale) return leat_matmul_t(x, false, w, true);
    leat_tensor *y = leat_matmul_t(leati_oquantised(x, &step), false, w, true);
    y = leat_mul(y, leat_mul(step, leat_cast(scale, LEAT_DTYPE_F64)));
    return leat_cast(y, leat_tensor_dtype(x));
}

/* The next state h (and *s, the LSTM's cell) for the input's share x = W x_t. */
static leat_tensor *step(leati_ocall *k, const cell *c, leat_tensor *x, leat_tensor *h,
                         leat_tensor **s)
{
    if (c->gates == 1) {
        leat_tensor *y =
            leat_add(biased(x, c->wb), biased(leat_matmul_t(h, false, c->r, true), c->rb));
        return activate(k, c, 0, y);
    }
    if (c->gates == 3) {
        leat_tensor *u = biased(leat_matmul_t(h, false, c->r, true), c->rb);
        x = biased(x, c->wb);
        leat_tensor *z = activate(k, c, 0, leat_add(gate(c, x, 0), gate(c, u, 0)));
        leat_tensor *r = activate(k, c, 0, leat_add(gate(c, x, 1), gate(c, u, 1)));
        leat_tensor *past = leat_mul(r, gate(c, u, 2));
        if (!c->linear_first) {
            leat_tensor *rh = leat_narrow(c->r, 0, 2 * c->hidden, c->hidden);
            past = biased(leat_matmul_t(leat_mul(r, h), false, rh, true), bias_of(c, c->rb, 2));
        }
        leat_tensor *n = activate(k, c, 1, leat_add(gate(c, x, 2), past));
        return leat_add(n, leat_mul(z, leat_sub(h, n)));
    }
    leat_tensor *u = leat_add(biased(x, c->wb), biased(product(h, c->r, c->scale[1]), c->rb));
    leat_tensor *in = gate(c, u, 0), *out = gate(c, u, 1), *forget = gate(c, u, 2);
    if (c->peep[0]) {
        in = leat_add(in, leat_mul(c->peep[0], *s));
        forget = leat_add(forget, leat_mul(c->peep[2], *s));
    }
    in = activate(k, c, 0, in);
    forget = c->couple ? leat_sub(leat_like(in, 1), in) : activate(k, c, 0, forget);
    leat_tensor *fresh = activate(k, c, 1, gate(c, u, 3));
    *s = leat_add(leat_mul(forget, *s), leat_mul(in, fresh));
    if (c->peep[1]) out = leat_add(out, leat_mul(c->peep[1], *s));
    leat_tensor *y = activate(k, c, CELL, *s);
    return leat_mul(activate(k, c, 0, out), y);
}

typedef struct layer {
    int64_t length, batch, hidden, gates, directions;
    leat_tensor *x;         /* (length, batch, in) */
    const int64_t *lengths; /* per sequence; NULL: all full */
    leat_dtype type;
    bool bytes; /* weights are bytes, with scales: DynamicQuantizeLSTM */
} layer;

/* Direction d of an input (directions, ...), without that dimension; NULL when it is left out. */
static leat_tensor *part(leati_ocall *k, size_t input, int64_t d)
{
    if (!leati_ohas(k, input)) return NULL;
    return leat_squeeze(leat_narrow(leati_oin(k, input), 0, d, 1), 1, (const int[]){0});
}

static void functions_of(leati_ocall *k, cell *c, int64_t d)
{
    static const char *const standard[2][FUNCTIONS] = {{"Tanh", "Tanh", "Tanh"},
                                                       {"Sigmoid", "Tanh", "Tanh"}};
    const leati_onnx_attribute *a = leati_onnx_attribute_find(k->node, "activations");
    const leati_onnx_attribute *alpha = leati_onnx_attribute_find(k->node, "activation_alpha");
    const leati_onnx_attribute *beta = leati_onnx_attribute_find(k->node, "activation_beta");
    size_t each = c->gates == 1 ? 1 : c->gates == 3 ? 2 : 3, used[2] = {0};
    for (size_t i = 0; i < FUNCTIONS; i++) c->name[i] = standard[c->gates > 1][i];
    for (size_t i = 0; a && i < a->strings.count; i++) {
        leati_pb_bytes text = a->strings.at[i];
        const char *name =
            leati_arena_strndup(&k->run->arena, text.size ? text.data : "", text.size);
        bool own = i / each == (size_t)d && name;
        bool has_alpha =
            name && (is(name, "leakyrelu") || is(name, "affine") || is(name, "scaledtanh") ||
                     is(name, "hardsigmoid") || is(name, "elu") || is(name, "thresholdedrelu"));
        bool has_beta =
            name && (is(name, "affine") || is(name, "scaledtanh") || is(name, "hardsigmoid"));
        double given_alpha = has_alpha && is(name, "leakyrelu")     ? 0.01
                             : has_alpha && is(name, "hardsigmoid") ? 0.2
                                                                    : 1;
        double given_beta = has_beta && is(name, "hardsigmoid") ? 0.5 : 0;
        if (has_alpha && alpha && used[0] < alpha->floats.count)
            given_alpha = (double)alpha->floats.at[used[0]++];
        if (has_beta && beta && used[1] < beta->floats.count)
            given_beta = (double)beta->floats.at[used[1]++];
        if (!own) continue;
        c->name[i % each] = name;
        c->alpha[i % each] = given_alpha;
        c->beta[i % each] = given_beta;
    }
}

/* (batch) -> (batch, 1) bool: step t is inside the sequence. */
static leat_tensor *inside(leati_ocall *k, const layer *l, int64_t t)
{
    void *data;
    leati_oval *v = leati_oval_of_host(k->run, LEATI_ONNX_BOOL, LEAT_DIMS(l->batch, 1), &data);
    if (!v) return NULL;
    for (int64_t i = 0; i < l->batch; i++) ((uint8_t *)data)[i] = t < l->lengths[i];
    return leati_oval_tensor(k->run, v);
}

/* ---- as a layer of the engine ---------------------------------------------------------------- */

/* The engine's cell that means the same. */
static bool cell_of(const layer *l, const cell *c, leat_cell *kind)
{
    bool plain = c->clip <= 0 && !c->couple && !c->peep[0] && !l->bytes;
    if (!plain || (l->type != LEAT_DTYPE_F32 && l->type != LEAT_DTYPE_F64)) return false;
    *kind = is(c->name[0], "relu") ? LEAT_CELL_RELU : LEAT_CELL_TANH;
    if (c->gates == 1) return is(c->name[0], "relu") || is(c->name[0], "tanh");
    *kind = c->gates == 4 ? LEAT_CELL_LSTM : LEAT_CELL_GRU;
    return is(c->name[0], "sigmoid") && is(c->name[1], "tanh") &&
           (c->gates == 4 ? is(c->name[2], "tanh") : c->linear_first);
}

/* The gates in the engine's order: ONNX has i o f c for i f g o, and z r h for r z n. */
static leat_tensor *turned(const cell *c, leat_tensor *x)
{
    static const int64_t lstm[] = {0, 2, 3, 1}, gru[] = {1, 0, 2};
    leat_tensor *part[GATES_MOST];
    if (!x || c->gates == 1) return x;
    for (int64_t i = 0; i < c->gates; i++)
        part[i] = leat_narrow(x, 0, (c->gates == 4 ? lstm : gru)[i] * c->hidden, c->hidden);
    return leat_concat((size_t)c->gates, part, 0);
}

static leat_tensor *lengths_of(leati_ocall *k, const layer *l)
{
    void *data;
    leati_oval *v = leati_oval_of_host(k->run, LEATI_ONNX_INT64, LEAT_DIMS(l->batch), &data);
    if (!v) return NULL;
    int64_t *to = data;
    for (int64_t i = 0; i < l->batch; i++) {
        int64_t n = l->lengths[i] < l->length ? l->lengths[i] : l->length;
        to[i] = n < 0 ? 0 : n;
    }
    return leati_oval_tensor(k->run, v);
}

static leat_status run_layer(leati_ocall *k, const layer *l, const cell *c, leat_cell kind,
                             bool backwards, leat_tensor **y, leat_tensor **h, leat_tensor **s)
{
    leat_recurrent r = leat_recurrent_default(kind);
    r.reverse = backwards;
    r.w = turned(c, c->w);
    r.r = turned(c, c->r);
    r.bias = turned(c, c->wb);
    r.r_bias = turned(c, c->rb);
    r.h0 = *h;
    if (kind == LEAT_CELL_LSTM) r.c0 = *s;
    if (l->lengths && !(r.lengths = lengths_of(k, l))) return leat_error_status(k->context);
    *y = leat_recur(l->x, &r, h, s);
    if (!*s) *s = *h; /* not a result of this operator */
    return *y ? LEAT_OK : leat_error_status(k->context);
}

/* ---- step by step -----------------------------------------------------------------------------
 */

static leat_status run_steps(leati_ocall *k, const layer *l, const cell *c, bool backwards,
                             leat_tensor **y, leat_tensor **h, leat_tensor **s)
{
    leat_tensor *zero = leat_expand(leat_like(l->x, 0), LEAT_DIMS(l->batch, l->hidden));
    leat_tensor **ys = leati_oalloc(k, (size_t)l->length, sizeof *ys);
    if (!ys) return LEAT_NOMEM;
    if (!*h) *h = zero;
    if (!*s) *s = zero;
    leat_tensor *shares = product(l->x, c->w, c->scale[0]), *state = *h;
    for (int64_t i = 0; i < l->length; i++) {
        int64_t t = backwards ? l->length - 1 - i : i;
        leat_tensor *x = leat_squeeze(leat_narrow(shares, 0, t, 1), 1, (const int[]){0});
        leat_tensor *next_s = *s, *next = step(k, c, x, state, &next_s);
        ys[t] = next;
        if (l->lengths) {
            leat_tensor *on = inside(k, l, t);
            ys[t] = leat_where(on, next, zero);
            next = leat_where(on, next, *h);
            next_s = leat_where(on, next_s, *s);
        }
        *h = next, *s = next_s;
        /* Bytes are scaled by all rows; in ONNX Runtime those that have ended count as 0. */
        state = l->bytes ? ys[t] : next;
        if (!ys[t]) return leat_error_status(k->context);
    }
    *y = leat_stack((size_t)l->length, ys, 0);
    return LEAT_OK;
}

/* ---- weights of bytes -------------------------------------------------------------------------
 */

/* x (length, batch, ...) with the steps of each sequence in the opposite order. */
static leat_tensor *flipped(leati_ocall *k, const layer *l, leat_tensor *x)
{
    leat_shape s = leat_tensor_shape(x);
    if (!x || s.rank != 3 || s.dim[1] != l->batch) return NULL;
    size_t count = (size_t)s.dim[0] * (size_t)l->batch;
    int64_t *from = leati_oalloc(k, count + 1, sizeof *from);
    if (!from) return NULL;
    for (size_t i = 0; i < count; i++) {
        int64_t t = (int64_t)i / l->batch, n = (int64_t)i % l->batch;
        int64_t length = l->lengths && l->lengths[n] < s.dim[0] ? l->lengths[n] : s.dim[0];
        from[i] = (t < length ? length - 1 - t : t) * l->batch + n;
    }
    leat_tensor *rows = leat_reshape(x, LEAT_DIMS((int64_t)count, s.dim[2]));
    leat_tensor *index = leati_odata(k, LEAT_DTYPE_I64, LEAT_DIMS((int64_t)count), from);
    return leat_reshape(leat_take(rows, index, 0), s);
}

/* As ONNX Runtime quantises: all steps that some sequence has at once, then state by state. */
static leat_status run_bytes(leati_ocall *k, const layer *l, const cell *c, bool backwards,
                             leat_tensor **y, leat_tensor **h, leat_tensor **s)
{
    layer own = *l;
    own.length = l->lengths ? 1 : l->length;
    for (int64_t i = 0; l->lengths && i < l->batch; i++)
        if (l->lengths[i] > own.length)
            own.length = l->lengths[i] < l->length ? l->lengths[i] : l->length;
    own.x = leat_narrow(l->x, 0, 0, own.length);
    if (backwards) own.x = flipped(k, &own, own.x);
    LEATI_TRY(run_steps(k, &own, c, false, y, h, s));
    if (backwards) *y = flipped(k, &own, *y);
    if (l->lengths) { /* without a step the last states are 0, whatever the first were */
        leat_tensor *any = inside(k, l, 0);
        *h = leat_where(any, *h, leat_like(*h, 0));
        *s = leat_where(any, *s, leat_like(*s, 0));
    }
    int64_t more = l->length - own.length;
    if (!*y || !more) return *y ? LEAT_OK : leat_error_status(k->context);
    leat_tensor *both[2] = {*y, leat_expand(leat_like(leat_narrow(*y, 0, 0, 1), 0),
                                            LEAT_DIMS(more, l->batch, l->hidden))};
    *y = both[1] ? leat_concat(2, both, 0) : NULL;
    return *y ? LEAT_OK : leat_error_status(k->context);
}

static leat_status run_direction(leati_ocall *k, const layer *l, int64_t d, bool backwards,
                                 leat_tensor **y, leat_tensor **h, leat_tensor **s)
{
    cell c = {.w = part(k, 1, d), .r = part(k, 2, d), .hidden = l->hidden, .gates = l->gates};
    leat_tensor *bias = part(k, 3, d), *peep = l->gates == 4 ? part(k, 7, d) : NULL;
    int64_t all = l->gates * l->hidden;
    leat_cell kind;
    functions_of(k, &c, d);
    c.clip = leati_oattr_float(k, "clip", 0);
    c.linear_first = leati_oattr_int(k, "linear_before_reset", 0);
    c.couple = leati_oattr_int(k, "input_forget", 0);
    if (l->bytes) c.scale[0] = part(k, 8, d), c.scale[1] = part(k, 10, d);
    if (bias) c.wb = leat_narrow(bias, 0, 0, all), c.rb = leat_narrow(bias, 0, all, all);
    for (int64_t i = 0; i < 3 && peep; i++)
        c.peep[i] = leat_narrow(peep, 0, i * l->hidden, l->hidden);
    *h = part(k, 5, d);
    *s = l->gates == 4 ? part(k, 6, d) : NULL;
    if (l->bytes) return run_bytes(k, l, &c, backwards, y, h, s);
    return cell_of(l, &c, &kind) ? run_layer(k, l, &c, kind, backwards, y, h, s)
                                 : run_steps(k, l, &c, backwards, y, h, s);
}

/* ---- the operators ------------------------------------------------------------------------------
 */

static leat_status layer_of(leati_ocall *k, layer *l)
{
    size_t count;
    bool batch_first = leati_oattr_int(k, "layout", 0);
    LEATI_TRY(leati_oneed(k, 3));
    l->x = leati_oin(k, 0);
    if (!l->x) return leat_error_status(k->context);
    if (k->in[0]->shape.rank != 3 || k->in[1]->shape.rank != 3 || k->in[2]->shape.rank != 3)
        return leati_ofail(k, LEAT_SHAPE, "input and weights are not of 3 dimensions");
    if (batch_first) l->x = leat_transpose(l->x, (const int[]){1, 0, 2});
    leat_shape s = leat_tensor_shape(l->x);
    l->length = s.dim[0], l->batch = s.dim[1];
    l->hidden = k->in[2]->shape.dim[2];
    l->directions = k->in[1]->shape.dim[0];
    l->type = leat_tensor_dtype(l->x);
    if (k->in[1]->shape.dim[1] != l->gates * l->hidden ||
        k->in[2]->shape.dim[1] != l->gates * l->hidden || l->directions < 1 || l->directions > 2 ||
        k->in[2]->shape.dim[0] != l->directions)
        return leati_ofail(k, LEAT_SHAPE, "weights %s and %s do not fit",
                           leati_shape_string(&k->in[1]->shape).text,
                           leati_shape_string(&k->in[2]->shape).text);
    if (!leati_ohas(k, 4)) return LEAT_OK;
    LEATI_TRY(leati_oints(k, 4, &l->lengths, &count));
    bool full = count == (size_t)l->batch;
    if (!full) return leati_ofail(k, LEAT_SHAPE, "%zu lengths of sequences", count);
    for (size_t i = 0; i < count; i++) {
        full &= l->lengths[i] >= l->length;
        if (l->lengths[i] < 0)
            return leati_ofail(k, LEAT_INVALID, "sequence %zu has length %lld, 0 is the least",
                               i + 1, (long long)l->lengths[i]);
    }
    if (full) l->lengths = NULL;
    return LEAT_OK;
}

static leat_status recurrent(leati_ocall *k, int64_t gates, bool bytes)
{
    layer l = {.gates = gates, .bytes = bytes};
    LEATI_TRY(layer_of(k, &l));
    const char *direction = leati_oattr_text(k, "direction", "forward");
    bool batch_first = leati_oattr_int(k, "layout", 0);
    leat_tensor *h[2], *s[2], *y[2];
    if (!l.length) return leati_ofail(k, LEAT_UNSUPPORTED, "a sequence without steps");
    if (batch_first) { /* initial states are (batch, directions, hidden) */
        leati_oval **in = leati_oalloc(k, k->ins, sizeof *in);
        if (!in) return LEAT_NOMEM;
        k->in = memcpy(in, k->in, k->ins * sizeof *in);
        for (size_t i = 5; i < 7 && i < k->ins; i++)
            if (k->in[i])
                k->in[i] = leati_oval_of_tensor(
                    k, leat_transpose(leati_oin(k, i), (const int[]){1, 0, 2}), k->in[i]->varying);
    }
    for (int64_t d = 0; d < l.directions; d++) {
        bool backwards = d == 1 || !strcmp(direction, "reverse");
        LEATI_TRY(run_direction(k, &l, d, backwards, &y[d], &h[d], &s[d]));
    }
    size_t n = (size_t)l.directions;
    leat_tensor *all = leat_stack(n, y, 1), *last = leat_stack(n, h, 0),
                *cells = leat_stack(n, s, 0);
    if (batch_first) {
        all = leat_transpose(all, (const int[]){2, 0, 1, 3});
        last = leat_transpose(last, (const int[]){1, 0, 2});
        cells = leat_transpose(cells, (const int[]){1, 0, 2});
    }
    LEATI_TRY(leati_oset(k, 0, all));
    LEATI_TRY(leati_oset(k, 1, last));
    return gates == 4 ? leati_oset(k, 2, cells) : LEAT_OK;
}

leat_status leati_on_RNN(leati_ocall *k)
{
    return recurrent(k, 1, false);
}

leat_status leati_on_GRU(leati_ocall *k)
{
    return recurrent(k, 3, false);
}

leat_status leati_on_LSTM(leati_ocall *k)
{
    return recurrent(k, 4, false);
}

/* Bytes w (directions, in, gates hidden) less their zero points, as an LSTM has its weights. */
static leat_status bytes_of(leati_ocall *k, size_t w, size_t scale, leati_oval **out)
{
    leat_shape s = k->in[w]->shape, each = LEAT_DIMS(s.dim[0]), all = LEAT_DIMS(s.dim[0], s.dim[2]);
    int32_t element = k->in[w]->element;
    if (element != LEATI_ONNX_INT8 && element != LEATI_ONNX_UINT8)
        return leati_ofail(k, LEAT_TYPE, "weights of type %d, int8 or uint8 are expected",
                           (int)element);
    for (size_t i = scale; i < scale + 2; i++) {
        leat_shape *given = &k->in[i]->shape;
        if (s.rank != 3 || (!leati_shape_equal(given, &each) && !leati_shape_equal(given, &all)))
            return leati_ofail(k, LEAT_SHAPE, "input %zu is %s, for weights %s", i + 1,
                               leati_shape_string(given).text, leati_shape_string(&s).text);
    }
    leat_shape wide = LEAT_DIMS(s.dim[0], 1, k->in[scale + 1]->shape.rank == 2 ? s.dim[2] : 1);
    leat_tensor *x = leat_cast(leati_oin(k, w), LEAT_DTYPE_F64);
    leat_tensor *zero = leat_reshape(leat_cast(leati_oin(k, scale + 1), LEAT_DTYPE_F64), wide);
    x = leat_transpose(leat_sub(x, zero), (const int[]){0, 2, 1});
    *out = leati_oval_of_tensor(k, x, k->in[w]->varying);
    return *out ? LEAT_OK : leat_error_status(k->context);
}

leat_status leati_on_microsoft_DynamicQuantizeLSTM(leati_ocall *k)
{
    LEATI_TRY(leati_oneed(k, 3));
    for (size_t i = 8; i < 12; i++)
        if (!leati_ohas(k, i)) return leati_ofail(k, LEAT_FORMAT, "input %zu is missing", i + 1);
    leati_oval **in = leati_oalloc(k, k->ins, sizeof *in), *w, *r;
    if (!in) return LEAT_NOMEM;
    LEATI_TRY(bytes_of(k, 1, 8, &w));
    LEATI_TRY(bytes_of(k, 2, 10, &r));
    k->in = memcpy(in, k->in, k->ins * sizeof *in);
    k->in[1] = w, k->in[2] = r;
    return recurrent(k, 4, true);
}
