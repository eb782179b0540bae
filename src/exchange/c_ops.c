/* Owns: operations of networks in C that are not elementwise. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "device/recurrent.h"
#include "device/resample.h"
#include "device/window.h"
#include "exchange/c_net.h"
#include "tensor/shape.h"

/* ---- views ----------------------------------------------------------------------------------- */

static leati_c_value permuted(const leati_c_value *v, int rank, const int *perm)
{
    leati_c_value out = *v;
    for (int i = 0; i < rank; i++) {
        out.shape.dim[i] = v->shape.dim[perm[i]];
        out.stride[i] = v->stride[perm[i]];
    }
    return out;
}

static void expanded(leati_c_value *v, const leat_shape *shape)
{
    leati_c_value from = *v;
    int lead = shape->rank - from.shape.rank;
    v->shape = *shape;
    for (int i = 0; i < shape->rank; i++)
        v->stride[i] =
            i < lead || from.shape.dim[i - lead] != shape->dim[i] ? 0 : from.stride[i - lead];
}

static leat_status view(leati_c_net *n, leati_node *node)
{
    leati_c_value v;
    const leat_shape *shape = &node->out[0].shape;
    if (node->op == LEATI_OP_RESHAPE) {
        leati_c_value dense;
        LEATI_TRY(leati_c_dense_input(n, node, 0, &dense));
        int64_t step = 1;
        for (int i = shape->rank; i-- > 0;) {
            dense.stride[i] = step;
            step *= shape->dim[i];
        }
        dense.shape = *shape;
        *leati_c_value_of(n, &node->out[0]) = dense;
        return LEAT_OK;
    }
    LEATI_TRY(leati_c_input(n, node, 0, &v));
    if (node->op == LEATI_OP_EXPAND) expanded(&v, shape);
    if (node->op == LEATI_OP_TRANSPOSE)
        v = permuted(&v, shape->rank, ((const leati_transpose_attrs *)node->attrs)->perm);
    for (int i = 0; i < shape->rank && node->op == LEATI_OP_SLICE; i++) {
        const leati_slice_attrs *a = node->attrs;
        v.offset += a->start[i] * v.stride[i];
        v.stride[i] *= a->step[i];
    }
    for (int i = 0; i < shape->rank && node->op == LEATI_OP_REVERSE; i++)
        if (((const leati_reverse_attrs *)node->attrs)->axes >> i & 1) {
            v.offset += (shape->dim[i] - 1) * v.stride[i];
            v.stride[i] = -v.stride[i];
        }
    v.shape = *shape;
    *leati_c_value_of(n, &node->out[0]) = v;
    return LEAT_OK;
}

/* ---- products -------------------------------------------------------------------------------- */

static void swap_last(leati_c_value *v)
{
    int r = v->shape.rank;
    int64_t dim = v->shape.dim[r - 1], stride = v->stride[r - 1];
    v->shape.dim[r - 1] = v->shape.dim[r - 2];
    v->stride[r - 1] = v->stride[r - 2];
    v->shape.dim[r - 2] = dim;
    v->stride[r - 2] = stride;
}

/* "name + i * 12 + 3": the part of an operand that the loops are at. */
static void part(leati_c_net *n, const leati_c_loops *l, int operand, int place)
{
    leati_str *s = &n->body;
    leati_str_add(s, leati_c_name(n, place));
    for (int i = 0; i < l->depth; i++) {
        int64_t stride = l->stride[operand][i];
        if (stride == 1) leati_str_addf(s, " + %c", "ijklmnop"[i]);
        else if (stride) leati_str_addf(s, " + %c * %lld", "ijklmnop"[i], (long long)stride);
    }
    if (l->offset[operand]) leati_str_addf(s, " + %lld", (long long)l->offset[operand]);
}

/* Without the last two dimensions. */
static leati_c_value outer(const leati_c_value *v)
{
    leati_c_value out = *v;
    out.shape.rank -= 2;
    return out;
}

static leat_status matmul(leati_c_net *n, leati_node *node)
{
    const leati_matmul_attrs *a = node->attrs;
    leati_c_value x, w, y, parts[3];
    leati_c_loops l;
    LEATI_TRY(leati_c_input(n, node, 0, &x));
    LEATI_TRY(leati_c_input(n, node, 1, &w));
    if (a->transpose_a) swap_last(&x);
    if (a->transpose_b) swap_last(&w);
    int rx = x.shape.rank, rw = w.shape.rank;
    if (w.stride[rw - 1] != 1 && w.shape.dim[rw - 1] != 1) LEATI_TRY(leati_c_dense(n, &w, &w));
    LEATI_TRY(leati_c_output(n, &node->out[0], &y));
    int ry = y.shape.rank;
    parts[0] = outer(&x), parts[1] = outer(&w), parts[2] = outer(&y);
    leati_c_loops_begin(n, &l, parts[2].shape, 3,
                        (const leati_c_value *const[]){&parts[0], &parts[1], &parts[2]});
    leati_str_add(&n->body, "multiply(");
    part(n, &l, 0, x.place);
    leati_str_addf(&n->body, ", %lld, %lld, ", (long long)x.stride[rx - 2],
                   (long long)x.stride[rx - 1]);
    part(n, &l, 1, w.place);
    leati_str_addf(&n->body, ", %lld, ", (long long)w.stride[rw - 2]);
    part(n, &l, 2, y.place);
    leati_str_addf(&n->body, ", %lld, %lld, %lld);\n", (long long)y.shape.dim[ry - 2],
                   (long long)x.shape.dim[rx - 1], (long long)y.shape.dim[ry - 1]);
    leati_c_loops_close(n, l.depth);
    n->helpers |= LEATI_C_MULTIPLY;
    return LEAT_OK;
}

/* ---- windows --------------------------------------------------------------------------------- */

static void three(leati_str *s, const char *comma, const int64_t *v)
{
    leati_str_addf(s, "%s{%lld, %lld, %lld}", comma, (long long)v[0], (long long)v[1],
                   (long long)v[2]);
}

/* A constant `window_<step>` in the file. */
static void window_constant(leati_c_net *n, const leati_window *w, int64_t channels,
                            int64_t outputs, int64_t groups, bool count_padding)
{
    leati_str *s = &n->file->data;
    if (!(n->helpers & LEATI_C_WINDOW))
        leati_str_add(s, "/* A window that moves over (depth, height, width, channels). */\n"
                         "typedef struct window {\n"
                         "    int in[3], out[3], kernel[3], stride[3], dilation[3], low[3], "
                         "high[3];\n"
                         "    int channels, outputs, groups, padding_counts;\n"
                         "} window;\n");
    n->helpers |= LEATI_C_WINDOW;
    leati_str_addf(s, "static const window window_%d = {", n->step);
    const int64_t *rows[] = {w->in, w->out, w->kernel, w->stride, w->dilation, w->low, w->high};
    for (int i = 0; i < 7; i++) three(s, i ? ", " : "", rows[i]);
    leati_str_addf(s, ", %lld, %lld, %lld, %d};\n", (long long)channels, (long long)outputs,
                   (long long)groups, count_padding);
}

/* Channels last, and back. */
static leati_c_value last_from_first(const leati_c_value *v)
{
    int perm[LEAT_MAX_RANK], r = v->shape.rank;
    perm[0] = 0;
    perm[r - 1] = 1;
    for (int i = 1; i < r - 1; i++) perm[i] = i + 1;
    return permuted(v, r, perm);
}

static leati_c_value first_from_last(const leati_c_value *v)
{
    int perm[LEAT_MAX_RANK], r = v->shape.rank;
    perm[0] = 0;
    perm[1] = r - 1;
    for (int i = 2; i < r; i++) perm[i] = i - 1;
    return permuted(v, r, perm);
}

static leat_status channels_last_input(leati_c_net *n, const leati_node *node, bool already,
                                       leati_c_value *x)
{
    LEATI_TRY(leati_c_input(n, node, 0, x));
    if (!already) *x = last_from_first(x);
    return leati_c_dense(n, x, x);
}

/* A buffer in order with channels last for the output, which is registered in its own order. */
static leat_status channels_last_output(leati_c_net *n, const leat_tensor *out, bool already,
                                        leati_c_value *y)
{
    if (already) return leati_c_output(n, out, y);
    leati_c_value form = {.shape = out->shape};
    form = last_from_first(&form);
    LEATI_TRY(leati_c_buffer(n, out->dtype, form.shape, y));
    *leati_c_value_of(n, out) = first_from_last(y);
    return LEAT_OK;
}

/* name(x, [w,] y, &window) for each image of the batch. */
static void window_call(leati_c_net *n, const char *function, const leati_c_value *x,
                        const leati_c_value *w, const leati_c_value *y)
{
    leati_c_loops l;
    leat_shape batch = {.rank = 1, .dim = {x->shape.dim[0]}};
    leati_c_value parts[2] = {*x, *y};
    parts[0].shape = parts[1].shape = batch;
    leati_c_loops_begin(n, &l, batch, 2, (const leati_c_value *const[]){&parts[0], &parts[1]});
    leati_str_addf(&n->body, "%s(", function);
    part(n, &l, 0, x->place);
    leati_str_add(&n->body, ", ");
    if (w) leati_c_address(n, w);
    if (w) leati_str_add(&n->body, ", ");
    part(n, &l, 1, y->place);
    leati_str_addf(&n->body, ", &window_%d);\n", n->step);
    leati_c_loops_close(n, l.depth);
}

/* w (O, C / groups, kernel...) as (kernel..., C / groups, O), or back: (kernel..., O, C / groups).
 */
static leat_status window_weights(leati_c_net *n, const leati_node *node, bool back,
                                  leati_c_value *w)
{
    int perm[LEAT_MAX_RANK];
    LEATI_TRY(leati_c_input(n, node, 1, w));
    int r = w->shape.rank;
    for (int i = 0; i < r - 2; i++) perm[i] = i + 2;
    perm[r - 2] = back ? 0 : 1;
    perm[r - 1] = back ? 1 : 0;
    *w = permuted(w, r, perm);
    return leati_c_dense(n, w, w);
}

static leat_status conv(leati_c_net *n, leati_node *node)
{
    const leati_conv_attrs *a = node->attrs;
    leati_c_value x, w, y;
    bool back = node->op == LEATI_OP_CONV_DATA;
    LEATI_TRY(channels_last_input(n, node, a->channels_last, &x));
    LEATI_TRY(window_weights(n, node, back, &w));
    LEATI_TRY(channels_last_output(n, &node->out[0], a->channels_last, &y));
    leati_window win = leati_window_of_conv(a, back ? &node->in[0]->shape : &node->out[0].shape);
    int64_t in = x.shape.dim[x.shape.rank - 1], out = y.shape.dim[y.shape.rank - 1];
    window_constant(n, &win, back ? out : in, back ? in : out, a->groups, false);
    window_call(n, back ? "convolve_back" : "convolve", &x, &w, &y);
    n->helpers |= back ? LEATI_C_CONVOLVE_BACK : LEATI_C_CONVOLVE;
    return LEAT_OK;
}

static leat_status pool(leati_c_net *n, leati_node *node)
{
    const leati_pool_attrs *a = node->attrs;
    leati_c_value x, y;
    bool max = node->op == LEATI_OP_POOL_MAX;
    LEATI_TRY(channels_last_input(n, node, a->channels_last, &x));
    LEATI_TRY(channels_last_output(n, &node->out[0], a->channels_last, &y));
    leati_window win = leati_window_of_pool(a, &node->out[0].shape);
    int64_t channels = x.shape.dim[x.shape.rank - 1];
    window_constant(n, &win, channels, channels, 1, a->count_padding);
    window_call(n, max ? "pool_max" : "pool_mean", &x, NULL, &y);
    n->helpers |= max ? LEATI_C_POOL_MAX : LEATI_C_POOL_MEAN;
    return LEAT_OK;
}

/* ---- reductions ------------------------------------------------------------------------------ */

static void put_start(leati_c_net *n, const leati_node *node)
{
    bool single = node->out[0].dtype == LEAT_DTYPE_F32;
    const char *text = node->op == LEATI_OP_REDUCE_PROD  ? "1"
                       : node->op == LEATI_OP_REDUCE_SUM ? "0"
                       : node->op == LEATI_OP_REDUCE_MAX ? "-HUGE_VALF"
                                                         : "HUGE_VALF";
    leati_str_addf(&n->body, " = %s;\n", single || text[0] < 'A' ? text : "0");
}

static leat_status reduce(leati_c_net *n, leati_node *node)
{
    const leati_reduce_attrs *a = node->attrs;
    leati_c_value x, y, wide;
    leati_c_loops l, all;
    LEATI_TRY(leati_c_input(n, node, 0, &x));
    LEATI_TRY(leati_c_output(n, &node->out[0], &y));
    leati_c_loops_begin(n, &l, y.shape, 1, (const leati_c_value *const[]){&y});
    leati_c_element(n, &l, 0, &y);
    put_start(n, node);
    leati_c_loops_close(n, l.depth);
    /* The output over the space of the input: standing still along the axes. */
    wide = x;
    wide.place = y.place;
    wide.offset = 0;
    int64_t step = 1;
    for (int i = x.shape.rank; i-- > 0;) {
        bool gone = a->axes >> i & 1;
        wide.stride[i] = gone ? 0 : step;
        if (!gone) step *= x.shape.dim[i];
    }
    leati_c_loops_begin(n, &all, x.shape, 2, (const leati_c_value *const[]){&x, &wide});
    leati_c_element(n, &all, 1, &wide);
    bool most = node->op == LEATI_OP_REDUCE_MAX, least = node->op == LEATI_OP_REDUCE_MIN;
    if (most || least) {
        n->helpers |= most ? LEATI_C_MAXIMUM : LEATI_C_MINIMUM;
        leati_str_addf(&n->body, " = %s(", most ? "maximum" : "minimum");
        leati_c_element(n, &all, 1, &wide);
        leati_str_add(&n->body, ", ");
    } else {
        leati_str_add(&n->body, node->op == LEATI_OP_REDUCE_SUM ? " += " : " *= ");
    }
    leati_c_element(n, &all, 0, &x);
    leati_str_add(&n->body, most || least ? ");\n" : ";\n");
    leati_c_loops_close(n, all.depth);
    return LEAT_OK;
}

/* ---- form ------------------------------------------------------------------------------------ */

static leat_status concat(leati_c_net *n, leati_node *node)
{
    const leati_axis_attrs *a = node->attrs;
    leati_c_value y, to;
    LEATI_TRY(leati_c_output(n, &node->out[0], &y));
    to = y;
    for (size_t i = 0; i < node->ins; i++) {
        leat_tensor *x = leati_program_in(&n->program, node, i);
        to.shape.dim[a->axis] = x->shape.dim[a->axis];
        LEATI_TRY(leati_c_store(n, x, &to));
        to.offset += y.stride[a->axis] * x->shape.dim[a->axis];
    }
    return LEAT_OK;
}

static leat_status pad(leati_c_net *n, leati_node *node)
{
    const leati_pad_attrs *a = node->attrs;
    leati_c_value y, to;
    leati_c_loops l;
    LEATI_TRY(leati_c_output(n, &node->out[0], &y));
    leati_c_loops_begin(n, &l, y.shape, 1, (const leati_c_value *const[]){&y});
    leati_c_element(n, &l, 0, &y);
    leati_str_add(&n->body, " = ");
    if (y.dtype == LEAT_DTYPE_F32 || y.dtype == LEAT_DTYPE_F64)
        leati_c_number(&n->body, a->value, y.dtype == LEAT_DTYPE_F32);
    else leati_str_addf(&n->body, "%lld", (long long)a->value_int);
    leati_str_add(&n->body, ";\n");
    leati_c_loops_close(n, l.depth);
    to = y;
    for (int i = 0; i < y.shape.rank; i++) {
        to.shape.dim[i] = node->in[0]->shape.dim[i];
        to.offset += a->low[i] * y.stride[i];
    }
    return leati_c_store(n, leati_program_in(&n->program, node, 0), &to);
}

/* y[o][i][...] = x[o][index[i]][...] */
static leat_status gather(leati_c_net *n, leati_node *node)
{
    const leati_index_attrs *a = node->attrs;
    leati_c_value x, index, y;
    LEATI_TRY(leati_c_dense_input(n, node, 0, &x));
    LEATI_TRY(leati_c_dense_input(n, node, 1, &index));
    LEATI_TRY(leati_c_output(n, &node->out[0], &y));
    n->file->tokens |= n->place[index.place].kind == LEATI_C_BUFFER;
    long long before = 1, behind = 1, size = (long long)x.shape.dim[a->axis];
    for (int i = 0; i < a->axis; i++) before *= x.shape.dim[i];
    for (int i = a->axis + 1; i < x.shape.rank; i++) behind *= x.shape.dim[i];
    long long count = (long long)leati_shape_count(&index.shape);
    leati_str *s = &n->body;
    leati_str_addf(s, "    for (int j = 0; j < %lld; j++) {\n", count);
    leati_str_addf(s, "        long long at = %s[j + %lld];\n", leati_c_name(n, index.place),
                   (long long)index.offset);
    leati_str_addf(s,
                   "        if (at < 0) at += %lld;\n"
                   "        if (at < 0 || at >= %lld) return -1;\n"
                   "        for (int i = 0; i < %lld; i++)\n"
                   "            for (int k = 0; k < %lld; k++)\n"
                   "                %s[(i * %lld + j) * %lld + k] = ",
                   size, size, before, behind, leati_c_name(n, y.place), count, behind);
    leati_str_addf(s, "%s[%lld + (i * %lld + at) * %lld + k];\n    }\n", leati_c_name(n, x.place),
                   (long long)x.offset, size, behind);
    return LEAT_OK;
}

/* Constants `from_<step>` and `share_<step>` in the file: places and weights of each output.
 * Returns how many an output has; 0: no memory. */
static int taps_constants(leati_c_net *n, const leati_resample_attrs *a)
{
    size_t most = (size_t)a->size * LEATI_RESAMPLE_TAPS;
    int32_t *from = leati_arena_calloc(&n->program.arena, most, sizeof *from);
    float *share = leati_arena_calloc(&n->program.arena, most, sizeof *share);
    int taps = 0;
    if (!from || !share) return 0;
    for (int64_t i = 0; i < a->size; i++) {
        int64_t place[LEATI_RESAMPLE_TAPS];
        double weight[LEATI_RESAMPLE_TAPS];
        taps = leati_resample_taps(a, a->in, i, place, weight);
        for (int t = 0; t < taps; t++) {
            from[i * taps + t] = (int32_t)place[t];
            share[i * taps + t] = (float)weight[t];
        }
    }
    char name[32];
    snprintf(name, sizeof name, "from_%d", n->step);
    leati_c_ints(n->file, name, from, (size_t)(a->size * taps), 0);
    snprintf(name, sizeof name, "share_%d", n->step);
    leati_c_floats(n->file, name, share, (size_t)(a->size * taps), 0);
    return taps;
}

static leat_status resample(leati_c_net *n, leati_node *node)
{
    const leati_resample_attrs *a = node->attrs;
    leati_c_value x, y;
    LEATI_TRY(leati_c_dense_input(n, node, 0, &x));
    LEATI_TRY(leati_c_output(n, &node->out[0], &y));
    int taps = taps_constants(n, a);
    if (taps == 0) return LEAT_NOMEM;
    long long outer = 1, inner = 1;
    for (int i = 0; i < a->axis; i++) outer *= x.shape.dim[i];
    for (int i = a->axis + 1; i < x.shape.rank; i++) inner *= x.shape.dim[i];
    leati_str *s = &n->body;
    leati_str_add(s, "    resample(");
    leati_c_address(n, &x);
    leati_str_addf(s, ", from_%d, share_%d, ", n->step, n->step);
    leati_c_address(n, &y);
    leati_str_addf(s, ", %lld, %lld, %lld, %d, %lld);\n", outer, (long long)a->in,
                   (long long)a->size, taps, inner);
    n->helpers |= LEATI_C_RESAMPLE;
    return LEAT_OK;
}

/* ---- recurrent layers ------------------------------------------------------------------------ */

/* to = the initial state. */
static leat_status start(leati_c_net *n, leati_node *node, size_t i, const leati_c_value *to)
{
    return leati_c_store(n, leati_program_in(&n->program, node, i), to);
}

static leat_status recurrent(leati_c_net *n, leati_node *node)
{
    static const char *const names[] = {"plain", "plain", "lstm", "gru"};
    const leati_recurrent_attrs *a = node->attrs;
    leati_cell cell = (leati_cell)a->cell;
    bool lstm = cell == LEATI_CELL_LSTM, gru = cell == LEATI_CELL_GRU;
    leati_c_value xw, r, bias = {0}, lengths = {0}, y, h, c = {0}, sums;
    size_t gates = leati_cell_gates(cell), last = lstm || gru ? 4 : 3;
    int64_t steps = node->out[0].shape.dim[0], units = node->out[0].shape.dim[2];
    LEATI_TRY(leati_c_dense_input(n, node, 0, &xw));
    LEATI_TRY(leati_c_input(n, node, 1, &r));
    swap_last(&r); /* (H, G H): rows are added up */
    LEATI_TRY(leati_c_dense(n, &r, &r));
    if (gru) LEATI_TRY(leati_c_dense_input(n, node, 3, &bias));
    if (node->ins > last) LEATI_TRY(leati_c_dense_input(n, node, last, &lengths));
    LEATI_TRY(leati_c_output(n, &node->out[0], &y));
    LEATI_TRY(leati_c_output(n, &node->out[1], &h));
    LEATI_TRY(leati_c_buffer(n, LEAT_DTYPE_F32, LEAT_DIMS((int64_t)gates * units), &sums));
    if (lstm) LEATI_TRY(leati_c_output(n, &node->out[2], &c));
    LEATI_TRY(start(n, node, 2, &h));
    if (lstm) LEATI_TRY(start(n, node, 3, &c));
    leati_str *s = &n->body;
    n->file->padded |= node->ins > last;
    if (node->ins > last)
        leati_str_addf(s, "    if (%s[%lld] < 0) return -1; /* padding that is not at the end */\n",
                       leati_c_name(n, lengths.place), (long long)lengths.offset);
    leati_str_addf(s, "    %s(", names[cell]);
    leati_c_address(n, &xw);
    leati_str_add(s, ", ");
    leati_c_address(n, &r);
    leati_str_addf(s, ", %s, %s, ", leati_c_name(n, y.place), leati_c_name(n, h.place));
    if (lstm) leati_str_addf(s, "%s, ", leati_c_name(n, c.place));
    if (gru) leati_c_address(n, &bias);
    if (gru) leati_str_add(s, ", ");
    leati_str_addf(s, "%s, %lld, ", leati_c_name(n, sums.place), (long long)steps);
    if (node->ins > last)
        leati_str_addf(s, "(int)%s[%lld]", leati_c_name(n, lengths.place),
                       (long long)lengths.offset);
    else leati_str_addf(s, "%lld", (long long)steps);
    leati_str_addf(s, ", %d, ", a->reverse);
    if (!lstm && !gru) leati_str_addf(s, "%d, ", cell == LEATI_CELL_RELU);
    leati_str_addf(s, "%lld);\n", (long long)units);
    n->helpers |= LEATI_C_MULTIPLY | (lstm  ? LEATI_C_LSTM | LEATI_C_SIGMOID
                                      : gru ? LEATI_C_GRU | LEATI_C_SIGMOID
                                            : LEATI_C_PLAIN | LEATI_C_RELU);
    return LEAT_OK;
}

leat_status leati_c_operation(leati_c_net *n, leati_node *node)
{
    if (leati_program_is_view(node)) return view(n, node);
    switch (node->op) {
    case LEATI_OP_MATMUL: return matmul(n, node);
    case LEATI_OP_CONV:
    case LEATI_OP_CONV_DATA: return conv(n, node);
    case LEATI_OP_POOL_MAX:
    case LEATI_OP_POOL_AVG: return pool(n, node);
    case LEATI_OP_REDUCE_SUM:
    case LEATI_OP_REDUCE_MAX:
    case LEATI_OP_REDUCE_MIN:
    case LEATI_OP_REDUCE_PROD: return reduce(n, node);
    case LEATI_OP_CONCAT: return concat(n, node);
    case LEATI_OP_PAD: return pad(n, node);
    case LEATI_OP_GATHER: return gather(n, node);
    case LEATI_OP_RESAMPLE: return resample(n, node);
    case LEATI_OP_RECURRENT: return recurrent(n, node);
    default: return leati_node_fail(n->context, node, LEAT_UNSUPPORTED, "it has no form in C");
    }
}
