/* Owns: networks in C: the function that computes one, its memory, the functions it calls. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "exchange/c_net.h"
#include "nn/network_estimator.h"
#include "tensor/shape.h"

/* ---- the functions of a file ----------------------------------------------------------------- */

#define LOOPS_OUT                                                                                  \
    "    for (int a = 0; a < s->out[0]; a++)\n"                                                    \
    "        for (int b = 0; b < s->out[1]; b++)\n"                                                \
    "            for (int c = 0; c < s->out[2]; c++"
#define TAPS                                                                                       \
    "                for (int t = 0; t < s->kernel[0] * s->kernel[1] * s->kernel[2]; t++) {\n"     \
    "                    int p = place(s, a, b, c, t);\n"                                          \
    "                    if (p < 0) continue;\n"

static const struct {
    unsigned bits; /* of helpers any of which needs it */
    const char *text;
} functions[] = {
    {LEATI_C_RELU, "\nstatic float relu(float v)\n{\n    return v < 0 ? 0 : v;\n}\n"},
    {LEATI_C_SIGMOID, "\nstatic float sigmoid(float v)\n{\n    float e = expf(-fabsf(v)), up = 1 / "
                      "(1 + e);\n    return v < 0 ? e * up : up;\n}\n"},
    {LEATI_C_SOFTPLUS, "\nstatic float softplus(float v)\n{\n    return (v > 0 ? v : 0) + "
                       "log1pf(expf(-fabsf(v)));\n}\n"},
    {LEATI_C_MAXIMUM, "\n/* NaN if either is. */\nstatic float maximum(float a, float b)\n{\n"
                      "    return a > b || a != a ? a : b;\n}\n"},
    {LEATI_C_MINIMUM, "\n/* NaN if either is. */\nstatic float minimum(float a, float b)\n{\n"
                      "    return a < b || a != a ? a : b;\n}\n"},
    {LEATI_C_SIGN, "\nstatic float sign(float v)\n{\n    return v > 0 ? 1 : v < 0 ? -1 : v;\n}\n"},
    {LEATI_C_MODULO, "\n/* With the sign of b. */\nstatic float modulo(float a, float b)\n{\n"
                     "    float m = fmodf(a, b);\n    return m != 0 && (m < 0) != (b < 0) ? m + b "
                     ": m;\n}\n"},
    {LEATI_C_WHOLE, "\nstatic long long whole(double v)\n{\n    if (!(v > -9e18)) return v < 0 ? "
                    "-9000000000000000000 : 0;\n    return v < 9e18 ? (long long)v : "
                    "9000000000000000000;\n}\n"},
    {LEATI_C_MULTIPLY,
     "\n/* y (m, n) = a (m, k) w (k, n); elements of a lie a_row and a_col apart, rows of w w_row. "
     "*/\n"
     "static void multiply(const float *a, int a_row, int a_col, const float *w, int w_row, float "
     "*y, int m,\n"
     "                     int k, int n)\n"
     "{\n"
     "    for (int i = 0; i < m; i++, y += n) {\n"
     "        const float *from = a + (long long)i * a_row, *row = w;\n"
     "        int l = 0;\n"
     "        for (int j = 0; j < n; j++) y[j] = 0;\n"
     "        for (; l + 4 <= k; l += 4, row += 4 * (long long)w_row) {\n"
     "            const float *r1 = row + w_row, *r2 = r1 + w_row, *r3 = r2 + w_row;\n"
     "            float v0 = from[(long long)l * a_col], v1 = from[(l + 1LL) * a_col];\n"
     "            float v2 = from[(l + 2LL) * a_col], v3 = from[(l + 3LL) * a_col];\n"
     "            for (int j = 0; j < n; j++)\n"
     "                y[j] += v0 * row[j] + v1 * r1[j] + (v2 * r2[j] + v3 * r3[j]);\n"
     "        }\n"
     "        for (; l < k; l++, row += w_row) {\n"
     "            float v = from[(long long)l * a_col];\n"
     "            for (int j = 0; j < n; j++) y[j] += v * row[j];\n"
     "        }\n"
     "    }\n"
     "}\n"},
    {LEATI_C_CONVOLVE | LEATI_C_CONVOLVE_BACK | LEATI_C_POOL_MAX | LEATI_C_POOL_MEAN,
     "\n/* The place in the input that tap t of window (a, b, c) reads; -1: padding. */\n"
     "static int place(const window *s, int a, int b, int c, int t)\n"
     "{\n"
     "    int k[3], o[3], at = 0;\n"
     "    o[0] = a, o[1] = b, o[2] = c;\n"
     "    k[2] = t % s->kernel[2], t /= s->kernel[2];\n"
     "    k[1] = t % s->kernel[1], k[0] = t / s->kernel[1];\n"
     "    for (int d = 0; d < 3; d++) {\n"
     "        int i = o[d] * s->stride[d] - s->low[d] + k[d] * s->dilation[d];\n"
     "        if (i < 0 || i >= s->in[d]) return -1;\n"
     "        at = at * s->in[d] + i;\n"
     "    }\n"
     "    return at;\n"
     "}\n"},
    {LEATI_C_CONVOLVE,
     "\n/* w (taps, channels / groups, outputs) */\n"
     "static void convolve(const float *x, const float *w, float *y, const window *s)\n"
     "{\n"
     "    int in = s->channels / s->groups, out = s->outputs / s->groups;\n" LOOPS_OUT
     ", y += s->outputs) {\n"
     "                for (int o = 0; o < s->outputs; o++) y[o] = 0;\n" TAPS
     "                    for (int i = 0; i < s->channels; i++) {\n"
     "                        float v = x[p * s->channels + i];\n"
     "                        const float *row = w + (t * in + i % in) * s->outputs;\n"
     "                        int first = i / in * out;\n"
     "                        for (int o = first; o < first + out; o++) y[o] += v * row[o];\n"
     "                    }\n"
     "                }\n"
     "            }\n"
     "}\n"},
    {LEATI_C_CONVOLVE_BACK,
     "\n/* The transpose of a convolution, from its outputs y to its inputs x; w (taps, outputs, "
     "channels / groups) */\n"
     "static void convolve_back(const float *y, const float *w, float *x, const window *s)\n"
     "{\n"
     "    int in = s->channels / s->groups, out = s->outputs / s->groups;\n"
     "    for (int i = 0; i < s->in[0] * s->in[1] * s->in[2] * s->channels; i++) x[i] = "
     "0;\n" LOOPS_OUT ", y += s->outputs) {\n" TAPS
     "                    for (int o = 0; o < s->outputs; o++) {\n"
     "                        const float *row = w + (t * s->outputs + o) * in;\n"
     "                        float *to = x + p * s->channels + o / out * in;\n"
     "                        for (int i = 0; i < in; i++) to[i] += y[o] * row[i];\n"
     "                    }\n"
     "                }\n"
     "            }\n"
     "}\n"},
    {LEATI_C_POOL_MAX,
     "\nstatic void pool_max(const float *x, float *y, const window *s)\n"
     "{\n" LOOPS_OUT ", y += s->channels) {\n"
     "                for (int i = 0; i < s->channels; i++) y[i] = -HUGE_VALF;\n" TAPS
     "                    for (int i = 0; i < s->channels; i++) {\n"
     "                        float v = x[p * s->channels + i];\n"
     "                        if (v > y[i] || v != v) y[i] = v;\n"
     "                    }\n"
     "                }\n"
     "            }\n"
     "}\n"},
    {LEATI_C_POOL_MEAN,
     "\n/* What the mean over window o is taken over, along one dimension. */\n"
     "static int reach(const window *s, int d, int o)\n"
     "{\n"
     "    int count = 0;\n"
     "    for (int k = 0; k < s->kernel[d]; k++) {\n"
     "        int i = o * s->stride[d] - s->low[d] + k * s->dilation[d];\n"
     "        count += (i >= 0 && i < s->in[d]) || (s->padding_counts && i < s->in[d] + "
     "s->high[d]);\n"
     "    }\n"
     "    return count;\n"
     "}\n\n"
     "static void pool_mean(const float *x, float *y, const window *s)\n"
     "{\n" LOOPS_OUT ", y += s->channels) {\n"
     "                int count = reach(s, 0, a) * reach(s, 1, b) * reach(s, 2, c);\n"
     "                for (int i = 0; i < s->channels; i++) y[i] = 0;\n" TAPS
     "                    for (int i = 0; i < s->channels; i++) y[i] += x[p * s->channels + i];\n"
     "                }\n"
     "                for (int i = 0; i < s->channels; i++) y[i] /= (float)count;\n"
     "            }\n"
     "}\n"},
    {LEATI_C_RESAMPLE,
     "\n/* y (outer, out, inner) of x (outer, in, inner): places are sums of `taps` with their "
     "shares. */\n"
     "static void resample(const float *x, const int *from, const float *share, float *y, int "
     "outer, int in, int out,\n"
     "                     int taps, int inner)\n"
     "{\n"
     "    for (int o = 0; o < outer; o++, x += in * inner)\n"
     "        for (int i = 0; i < out; i++, y += inner) {\n"
     "            for (int k = 0; k < inner; k++) y[k] = 0;\n"
     "            for (int t = i * taps; t < (i + 1) * taps; t++) {\n"
     "                const float *row = x + from[t] * inner;\n"
     "                for (int k = 0; k < inner; k++) y[k] += share[t] * row[k];\n"
     "            }\n"
     "        }\n"
     "}\n"},
    {LEATI_C_PLAIN, "\n/* Steps of a plain recurrent layer of n units; h holds the first state, "
                    "then the last. */\n"
                    "static void plain(const float *x, const float *r, float *y, float *h, float "
                    "*sum, int steps,\n"
                    "                  int length, int reverse, int rectified, int n)\n"
                    "{\n"
                    "    for (int k = 0; k < steps; k++) {\n"
                    "        int t = reverse ? steps - 1 - k : k;\n"
                    "        const float *in = x + (long long)t * n;\n"
                    "        float *out = y + (long long)t * n;\n"
                    "        if (t < length) multiply(h, n, 1, r, n, sum, 1, n, n);\n"
                    "        for (int u = 0; u < n; u++) {\n"
                    "            float v = in[u] + sum[u];\n"
                    "            if (t < length) h[u] = rectified ? relu(v) : tanhf(v);\n"
                    "            out[u] = t < length ? h[u] : 0;\n"
                    "        }\n"
                    "    }\n"
                    "}\n"},
    {LEATI_C_LSTM,
     "\n/* Steps of a long short-term memory of n units; gates i f g o (Hochreiter and Schmidhuber "
     "1997). h and c hold\n"
     " * the first state, then the last. */\n"
     "static void lstm(const float *x, const float *r, float *y, float *h, float *c, float *sum, "
     "int steps,\n"
     "                 int length, int reverse, int n)\n"
     "{\n"
     "    for (int k = 0; k < steps; k++) {\n"
     "        int t = reverse ? steps - 1 - k : k;\n"
     "        const float *in = x + 4LL * t * n;\n"
     "        float *out = y + (long long)t * n;\n"
     "        if (t < length) multiply(h, n, 1, r, 4 * n, sum, 1, n, 4 * n);\n"
     "        for (int u = 0; u < n; u++) {\n"
     "            if (t < length) {\n"
     "                float i = sigmoid(in[u] + sum[u]), f = sigmoid(in[n + u] + sum[n + u]);\n"
     "                float g = tanhf(in[2 * n + u] + sum[2 * n + u]);\n"
     "                float o = sigmoid(in[3 * n + u] + sum[3 * n + u]);\n"
     "                c[u] = f * c[u] + i * g;\n"
     "                h[u] = o * tanhf(c[u]);\n"
     "            }\n"
     "            out[u] = t < length ? h[u] : 0;\n"
     "        }\n"
     "    }\n"
     "}\n"},
    {LEATI_C_GRU,
     "\n/* Steps of gated recurrent units, n of them; gates r z n (Cho et al. 2014, the reset gate "
     "after the product).\n"
     " * h holds the first state, then the last. */\n"
     "static void gru(const float *x, const float *r, float *y, float *h, const float *bias, float "
     "*sum, int steps,\n"
     "                int length, int reverse, int n)\n"
     "{\n"
     "    for (int k = 0; k < steps; k++) {\n"
     "        int t = reverse ? steps - 1 - k : k;\n"
     "        const float *in = x + 3LL * t * n;\n"
     "        float *out = y + (long long)t * n;\n"
     "        if (t < length) multiply(h, n, 1, r, 3 * n, sum, 1, n, 3 * n);\n"
     "        for (int u = 0; u < n; u++) {\n"
     "            if (t < length) {\n"
     "                float reset = sigmoid(in[u] + (sum[u] + bias[u]));\n"
     "                float z = sigmoid(in[n + u] + (sum[n + u] + bias[n + u]));\n"
     "                float now = tanhf(in[2 * n + u] + reset * (sum[2 * n + u] + bias[2 * n + "
     "u]));\n"
     "                h[u] = (1 - z) * now + z * h[u];\n"
     "            }\n"
     "            out[u] = t < length ? h[u] : 0;\n"
     "        }\n"
     "    }\n"
     "}\n"},
};

void leati_c_net_functions(leati_c_file *f, unsigned helpers)
{
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
        if (functions[i].bits & helpers) leati_c_code(f, functions[i].text);
}

/* ---- memory ---------------------------------------------------------------------------------- */

static bool meet(const leati_c_place *a, const leati_c_place *b)
{
    return a->first <= b->last && b->first <= a->last;
}

/* The lowest place for buffer k that none of the earlier ones that live beside it holds. */
static size_t lowest(const leati_c_net *n, size_t k)
{
    const leati_c_place *p = &n->place[k];
    size_t at = 0;
    for (bool moved = true; moved;) {
        moved = false;
        for (size_t i = 0; i < k; i++) {
            const leati_c_place *q = &n->place[i];
            if (q->kind != LEATI_C_BUFFER || q->dtype != p->dtype || !meet(p, q)) continue;
            if (at >= q->at + q->count || q->at >= at + p->count) continue;
            at = q->at + q->count;
            moved = true;
        }
    }
    return at;
}

/* Offsets of all buffers of one type; the room they take. */
static size_t place_buffers(leati_c_net *n, leat_dtype dtype)
{
    size_t end = 0;
    for (size_t k = 0; k < n->places; k++) {
        leati_c_place *p = &n->place[k];
        if (p->kind != LEATI_C_BUFFER || p->dtype != dtype) continue;
        leati_c_place *from = p->shares >= 0 ? &n->place[p->shares] : NULL;
        /* Memory that one of them took over belongs to it from then on. */
        bool takes = from && from->last == p->first;
        p->at = takes ? from->at : lowest(n, k);
        if (takes) from->last = p->first - 1;
        if (p->at + p->count > end) end = p->at + p->count;
    }
    return end;
}

/* float *const t3 = w->floats + 128; */
static void declare_buffers(leati_c_net *n, leati_str *out)
{
    static const struct {
        leat_dtype dtype;
        const char *member;
    } pools[] = {{LEAT_DTYPE_F32, "floats"},
                 {LEAT_DTYPE_F64, "doubles"},
                 {LEAT_DTYPE_I64, "longs"},
                 {LEAT_DTYPE_I32, "ints"},
                 {LEAT_DTYPE_BOOL, "bytes"}};
    for (size_t i = 0; i < sizeof pools / sizeof *pools; i++) {
        size_t room = place_buffers(n, pools[i].dtype);
        const char *type = leati_c_type(pools[i].dtype);
        if (room == 0) continue;
        leati_str_addf(&n->file->space, "    %s %s[%zu];\n", type, pools[i].member, room);
        for (size_t k = 0; k < n->places; k++) {
            const leati_c_place *p = &n->place[k];
            if (p->kind != LEATI_C_BUFFER || p->dtype != pools[i].dtype) continue;
            leati_str_addf(out, "    %s *const %s = w->%s", type, p->name, pools[i].member);
            if (p->at) leati_str_addf(out, " + %zu", p->at);
            leati_str_add(out, ";\n");
        }
    }
}

/* ---- the network ----------------------------------------------------------------------------- */

/* A comment where another layer begins. */
static void note_scope(leati_c_net *n, const leati_node *node)
{
    const char *scope = node->scope ? node->scope : "";
    if (n->scope && strcmp(scope, n->scope) == 0) return;
    n->scope = scope;
    if (!*scope) return;
    leati_str_add(&n->body, "    /* ");
    for (const char *at = scope; *at; at++)
        if (*at != '*') leati_str_addc(&n->body, *at == '\n' ? ' ' : *at);
    leati_str_add(&n->body, " */\n");
}

static leat_status make_values(leati_c_net *n)
{
    leati_program *p = &n->program;
    n->value = leati_arena_calloc(&p->arena, p->ids, sizeof *n->value);
    if (!n->value) return LEAT_NOMEM;
    for (size_t id = 0; id < p->ids; id++) {
        if (!p->value[id]) continue;
        n->value[id] = leati_arena_calloc(&p->arena, LEATI_MAX_OUTPUTS, sizeof **n->value);
        if (!n->value[id]) return LEAT_NOMEM;
        for (int i = 0; i < LEATI_MAX_OUTPUTS; i++) n->value[id][i].place = -1;
    }
    return LEAT_OK;
}

static leat_status given(leati_c_net *n, const leat_tensor *x)
{
    leati_c_value v;
    LEATI_TRY(leati_c_output(n, x, &v));
    leati_c_place *p = &n->place[v.place];
    p->kind = LEATI_C_GIVEN;
    snprintf(p->name, sizeof p->name, "x");
    return LEAT_OK;
}

/* An elementwise result that one other elementwise operation of its shape reads waits for it. */
static bool waits(const leati_c_net *n, size_t at)
{
    const leati_node *node = n->program.node[at];
    if (leati_program_value_of(&n->program, &node->out[0])->uses != 1) return false;
    for (size_t i = at + 1; i < n->program.count; i++) {
        const leati_node *user = n->program.node[i];
        for (size_t k = 0; k < user->ins; k++) {
            if (leati_program_in(&n->program, user, k) != &node->out[0]) continue;
            bool fits = leati_op_info_of(user->op)->elementwise || user->op == LEATI_OP_CONCAT;
            return fits && (user->op == LEATI_OP_CONCAT ||
                            leati_shape_equal(&user->out[0].shape, &node->out[0].shape));
        }
    }
    return false;
}

/* Too long expressions are cut: every operand has to be indexed. */
static size_t leaves(const leati_c_net *n, const leati_node *node)
{
    size_t count = 0;
    for (size_t i = 0; i < node->ins; i++) {
        const leat_tensor *x = leati_program_in(&n->program, node, i);
        const leati_c_value *v = leati_c_value_of((leati_c_net *)(uintptr_t)n, x);
        count += v->pending ? leaves(n, v->pending) : 1;
    }
    return count;
}

static leat_status write_node(leati_c_net *n, size_t at)
{
    enum { MOST_LEAVES = 12 };
    leati_node *node = n->program.node[at];
    leati_c_value to;
    if (node->op == LEATI_OP_INPUT) return given(n, &node->out[0]);
    note_scope(n, node);
    n->step++;
    if (!leati_op_info_of(node->op)->elementwise) return leati_c_operation(n, node);
    for (size_t i = 0; i < node->ins && leaves(n, node) > MOST_LEAVES; i++)
        LEATI_TRY(leati_c_input(n, node, i, &to));
    *leati_c_value_of(n, &node->out[0]) = (leati_c_value){
        .dtype = node->out[0].dtype, .shape = node->out[0].shape, .place = -1, .pending = node};
    if (waits(n, at)) return LEAT_OK;
    LEATI_TRY(leati_c_buffer(n, node->out[0].dtype, node->out[0].shape, &to));
    LEATI_TRY(leati_c_store(n, &node->out[0], &to));
    *leati_c_value_of(n, &node->out[0]) = to;
    return LEAT_OK;
}

/* Outputs in f64 as network_predict.c has them, and the answer. */
static leat_status finish(leati_c_net *n, double mean, double scale)
{
    leati_c_file *f = n->file;
    leati_c_value z;
    leati_node out = {.ins = 1, .in = n->program.root};
    n->step++;
    LEATI_TRY(leati_c_dense_input(n, &out, 0, &z));
    leati_str *s = &n->body;
    leati_str_addf(s, "    for (int i = 0; i < OUTPUTS; i++) out[i] = %s[i",
                   leati_c_name(n, z.place));
    if (z.offset) leati_str_addf(s, " + %lld", (long long)z.offset);
    leati_str_add(s, "]");
    if (f->estimator->task == LEATI_REGRESS) {
        leati_str_add(s, " * ");
        leati_c_number(s, scale, false);
        leati_str_add(s, " + ");
        leati_c_number(s, mean, false);
        leati_str_add(s, ";\n    return 0;\n");
        return LEAT_OK;
    }
    leati_class_outputs says = leati_network_outputs(f->estimator);
    f->helpers |= LEATI_C_LARGEST;
    leati_str_add(s, ";\n    int best = largest(out, OUTPUTS);\n");
    if (says == LEATI_OUTPUTS_SHARES) {
        f->helpers |= LEATI_C_NEAREST;
        leati_str_add(s, "    nearest(out, OUTPUTS);\n");
    } else if (says != LEATI_OUTPUTS_SCORES) {
        bool rest = says == LEATI_OUTPUTS_ONE_TO_REST;
        f->helpers |= rest ? LEATI_C_SOFTMAX | LEATI_C_LOGS : LEATI_C_SOFTMAX;
        leati_str_addf(s, "%s    softmax(out, OUTPUTS);\n",
                       rest ? "    logs(out, OUTPUTS);\n" : "");
    }
    leati_str_add(s, "    return best;\n");
    return LEAT_OK;
}

static leat_status write_program(leati_c_net *n, leat_tensor *y, double mean, double scale)
{
    leati_c_file *f = n->file;
    LEATI_TRY(leati_program_make(leat_tensor_graph(y), 1, &y, leati_c_takes, &n->program));
    leat_status st = make_values(n);
    for (size_t i = 0; st == LEAT_OK && i < n->program.count; i++) st = write_node(n, i);
    if (st == LEAT_OK) st = finish(n, mean, scale);
    if (st == LEAT_OK) st = leati_str_status(&n->body);
    if (st == LEAT_OK) {
        leati_c_net_functions(f, n->helpers);
        leati_c_code(f, "\nstatic int answer(const float *x, double *out, workspace *w)\n{\n");
        size_t before = f->space.length;
        declare_buffers(n, &f->code);
        if (f->space.length == before) leati_c_code(f, "    (void)w;\n");
        leati_c_code(f, leati_str_text(&n->body));
        leati_c_code(f, "}\n");
    }
    leati_program_fini(&n->program);
    return st;
}

leat_status leati_c_network(leati_c_file *f)
{
    leat_context *c = f->context;
    leati_c_net n = {.file = f, .context = c};
    leat_graph *g = NULL;
    leati_network *net = NULL;
    double mean, scale;
    leat_status st;
    leati_str_init(&n.body, c);
    f->single = true;
    LEATI_GO(leat_graph_create(c, "cpu", &g));
    LEATI_GO(leati_network_of(c, f->estimator, g, &net, &mean, &scale));
    leat_shape s = {.rank = net->input.rank + 1, .dim = {1}};
    for (int i = 0; i < net->input.rank; i++) s.dim[i + 1] = net->input.dim[i];
    leati_builder b = {.graph = g};
    leat_tensor *y = leati_network_build(net, &b, leat_input(g, LEAT_DTYPE_F32, s, NULL));
    st = y ? write_program(&n, y, mean, scale) : leat_error_status(c);
out:
    leati_str_fini(&n.body);
    leati_free(n.place);
    leati_network_destroy(net);
    leat_graph_destroy(g);
    return st;
}
