/* Owns: ONNX models on tables: columns as inputs, outputs as columns. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <leat/onnx.h>

#include "base/map.h"
#include "base/mem.h"
#include "frame/frame.h"
#include "model/onnx_describe.h"
#include "onnx/import.h"
#include "onnx/predict_frame.h"
#include "onnx/small_floats.h"

leati_owanted leati_owanted_of(const leati_onnx_value_info *info)
{
    const leati_onnx_tensor_type *t = info->type ? info->type->tensor_type : NULL;
    leati_owanted w = {
        .name = info->name, .element = t ? t->elem_type : LEATI_ONNX_FLOAT, .rank = -1};
    if (!t || !t->shape || t->shape->dim.count > LEAT_MAX_RANK) return w;
    w.rank = (int)t->shape->dim.count;
    for (int i = 0; i < w.rank; i++) {
        const leati_onnx_dim *d = &t->shape->dim.at[i];
        w.dim[i] = d->has & 1u << 1 ? d->dim_value : -1;
    }
    return w;
}

/* ---- columns as inputs ----------------------------------------------------------------------- */

static double number_at(const leati_column *col, size_t row)
{
    if (!leati_valid(col, row)) return (double)NAN;
    if (col->type == LEAT_F64) return col->f64[row];
    return col->type == LEAT_BOOL ? (double)col->u8[row] : (double)col->i64[row];
}

static bool is_real(int32_t element)
{
    return element == LEATI_ONNX_FLOAT || element == LEATI_ONNX_DOUBLE ||
           element == LEATI_ONNX_FLOAT16 || element == LEATI_ONNX_BFLOAT16;
}

static leat_status put_number(leat_context *c, const leati_owanted *w, const char *name,
                              const leati_column *col, size_t row, void *data, size_t at)
{
    double v = number_at(col, row);
    if (is_real(w->element) || leati_small_float_of(w->element)) {
        leati_oput(w->element, data, at, v);
        return LEAT_OK;
    }
    LEATI_CHECK(c, isfinite(v), LEAT_TYPE,
                "row %zu, column %s: the value is missing, and input `%.60s` takes whole numbers",
                row + 1, name, w->name);
    bool exact = true;
    int64_t whole;
    if (col->type == LEAT_F64) {
        whole = fabs(v) < 0x1p63 ? (int64_t)v : 0;
        exact = (double)whole == v;
    } else {
        whole = col->type == LEAT_BOOL ? col->u8[row] : col->i64[row];
    }
    leati_oput_int(w->element, data, at, whole);
    exact = exact && leati_oget_int(w->element, data, at) == whole;
    LEATI_CHECK(c, exact, LEAT_TYPE,
                "row %zu, column %s: %.17g is not among the values of %s, which input `%.60s` "
                "takes",
                row + 1, name, v, leati_onnx_element_word(w->element), w->name);
    return LEAT_OK;
}

/* One column for one input: (rows) or (rows, 1). */
static leat_status put_column(leat_context *c, const leati_owanted *w, const char *name,
                              const leati_column *col, void *data)
{
    bool text = w->element == LEATI_ONNX_STRING;
    LEATI_CHECK(c, col->type != LEAT_ARRAY && text == (col->type == LEAT_STRING), LEAT_TYPE,
                "the column '%s' holds %ss, input `%.60s` takes %s", name,
                leat_type_name(col->type), w->name, text ? "texts" : "numbers");
    for (size_t i = 0; i < col->rows; i++) {
        if (!text) {
            LEATI_TRY(put_number(c, w, name, col, i, data, i));
            continue;
        }
        leati_pb_bytes *to = (leati_pb_bytes *)data + i;
        size_t n = 0;
        const char *from = leati_valid(col, i) ? leati_dict_text(col->dict, col->codes[i], &n) : "";
        *to = (leati_pb_bytes){from, n};
    }
    return LEAT_OK;
}

static bool is_of_numbers(const leati_column *col)
{
    return col->type != LEAT_STRING && col->type != LEAT_ARRAY;
}

static size_t columns_of_numbers(const leat_frame *f)
{
    size_t count = 0;
    for (size_t j = 0; j < f->columns; j++) count += is_of_numbers(f->column[j]);
    return count;
}

/* Whether the only input (rows, count) can take all columns of numbers side by side. */
static leat_status check_matrix(leat_context *c, const leati_owanted *w, const leat_frame *f,
                                size_t count)
{
    LEATI_CHECK(c, w->element != LEATI_ONNX_STRING, LEAT_TYPE,
                "input `%.60s` takes texts side by side; leat predict puts columns of numbers "
                "there",
                w->name);
    if (w->dim[1] < 0 ? count > 0 : w->dim[1] == (int64_t)count) return LEAT_OK;
    size_t others = f->columns - count;
    char left[64] = "";
    if (others)
        snprintf(left, sizeof left, " (%zu of texts or arrays %s left out)", others,
                 others == 1 ? "is" : "are");
    char wanted[32] = "some";
    if (w->dim[1] >= 0) snprintf(wanted, sizeof wanted, "%lld", (long long)w->dim[1]);
    return LEATI_FAIL(c, LEAT_SHAPE,
                      "the data have %zu column%s of numbers%s, input `%.60s` takes %s side by "
                      "side",
                      count, count == 1 ? "" : "s", left, w->name, wanted);
}

/* All columns of numbers, `count` of them, in the order of the table. */
static leat_status put_matrix(leat_context *c, const leati_owanted *w, const leat_frame *f,
                              size_t count, void *data)
{
    for (size_t j = 0, at = 0; j < f->columns; j++) {
        if (!is_of_numbers(f->column[j])) continue;
        for (size_t i = 0; i < f->rows; i++)
            LEATI_TRY(put_number(c, w, f->name[j], f->column[j], i, data, i * count + at));
        at++;
    }
    return LEAT_OK;
}

static double item_at(const leati_column *col, size_t at)
{
    if (col->item == LEATI_ITEM_U8) return col->u8[at];
    return col->item == LEATI_ITEM_F32 ? (double)col->f32[at] : col->f64[at];
}

/* A column of arrays; its shape is that of the input but for dimensions of 1. */
static leat_status put_arrays(leat_context *c, const leati_owanted *w, const char *name,
                              const leati_column *col, leat_shape *shape, void *data)
{
    int64_t left[3];
    int count = 0, at = 0;
    bool fits = w->rank >= 2;
    for (int i = 0; i < 3; i++)
        if (col->shape[i] != 1) left[count++] = (int64_t)col->shape[i];
    for (int i = 1; i < w->rank; i++) {
        bool takes =
            at < count && (w->dim[i] == left[at] || (w->dim[i] < 0 && w->rank == count + 1));
        fits = fits && (takes || w->dim[i] == 1);
        shape->dim[i] = takes ? left[at++] : 1;
    }
    LEATI_CHECK(c, fits && at == count, LEAT_SHAPE,
                "the column '%s' holds arrays of %zu x %zu x %zu, which do not fit input `%.60s`; "
                "leat run takes arrays of any shape",
                name, col->shape[0], col->shape[1], col->shape[2], w->name);
    shape->rank = w->rank;
    for (size_t i = 0; i < col->rows * col->length; i++)
        leati_oput(w->element, data, i, item_at(col, i));
    return LEAT_OK;
}

typedef struct feeding {
    size_t count;
    leati_otensor *in;
    size_t *width; /* bytes of a row */
} feeding;

static leat_status feed_one(leat_context *c, const leat_frame *f, const leati_owanted *w, bool only,
                            leati_otensor *in, size_t *width)
{
    size_t at, columns = 1;
    bool found = leat_frame_find(f, w->name, &at);
    bool matrix = !found && only && w->rank == 2 && w->dim[1] != 1;
    bool single = w->rank == 1 || (w->rank == 2 && (w->dim[1] == 1 || w->dim[1] < 0));
    if (!found && only && w->rank > 2 && f->columns == 1) at = 0, found = true;
    bool array = found && f->column[at]->type == LEAT_ARRAY && w->element != LEATI_ONNX_STRING;
    LEATI_CHECK(c, found || matrix, LEAT_NOT_FOUND,
                "the column '%.60s', which the model takes, is not in the data", w->name);
    LEATI_CHECK(c, matrix || array || single, LEAT_SHAPE,
                "input `%.60s` has %d dimensions, a column gives (rows) or (rows, 1); leat run "
                "takes arrays of any shape",
                w->name, w->rank);
    if (matrix) columns = columns_of_numbers(f);
    if (matrix) LEATI_TRY(check_matrix(c, w, f, columns));
    if (array) columns = f->column[at]->length;
    *width = columns * leati_oval_width(w->element);
    void *data = leati_calloc(c, f->rows + 1, *width);
    if (!data) return leat_error_status(c);
    in->element = w->element;
    in->data = data;
    in->shape =
        w->rank == 1 ? LEAT_DIMS((int64_t)f->rows) : LEAT_DIMS((int64_t)f->rows, (int64_t)columns);
    if (matrix) return put_matrix(c, w, f, columns, data);
    if (array) return put_arrays(c, w, f->name[at], f->column[at], &in->shape, data);
    return put_column(c, w, f->name[at], f->column[at], data);
}

/* ---- outputs as columns ---------------------------------------------------------------------- */

typedef struct output_column {
    leati_column *column; /* the frame's */
    leati_map texts;      /* STRING: what its codes stand for */
} output_column;

typedef struct collecting {
    leat_context *context;
    leat_frame *frame;
    output_column *column;
    size_t columns, capacity;
} collecting;

/* "probabilities_setosa", else "probabilities_0"; the name alone where there is one place. */
static leat_status column_name(leat_context *c, const leati_onnx_node *zip, const char *name,
                               size_t wide, size_t j, leati_str *out)
{
    const leati_onnx_attribute *a = zip ? leati_onnx_attribute_find(zip, "classlabels_int64s") : 0;
    const leati_onnx_attribute *b = zip ? leati_onnx_attribute_find(zip, "classlabels_strings") : 0;
    leati_str_init(out, c);
    leati_str_add(out, name);
    if (b && j < b->strings.count) {
        leati_str_addc(out, '_');
        leati_pb_bytes label = b->strings.at[j];
        leati_str_addn(out, label.size ? label.data : "", label.size);
    } else if (a && j < a->ints.count) {
        leati_str_addf(out, "_%lld", (long long)a->ints.at[j]);
    } else if (wide > 1) {
        leati_str_addf(out, "_%zu", j);
    }
    return leati_str_status(out);
}

/* The columns of an output: one, or one for each place of the second dimension. */
static leat_status begin_output(collecting *k, const leati_onnx_graph *g, const char *name,
                                const leati_oval *v, size_t rows)
{
    leat_context *c = k->context;
    leat_dtype dtype;
    const leati_onnx_node *zip = leati_omodel_zip(g, name);
    bool shaped = v->kind == LEATI_OVAL_TENSOR && v->shape.rank >= 1 && v->shape.rank <= 2;
    bool text = v->element == LEATI_ONNX_STRING;
    LEATI_CHECK(c, shaped && (text || leati_oval_dtype(v->element, &dtype)), LEAT_UNSUPPORTED,
                "output `%.60s` is no column: leat run writes arrays of any shape", name);
    size_t wide = v->shape.rank == 2 ? (size_t)v->shape.dim[1] : 1;
    for (size_t j = 0; j < wide; j++) {
        leati_str title;
        leat_type type = text ? LEAT_STRING : is_real(v->element) ? LEAT_F64 : LEAT_I64;
        LEATI_TRY(leati_grow(c, &k->column, &k->capacity, k->columns + 1, sizeof *k->column));
        leati_column *col = leati_column_create(c, type, rows);
        if (!col) return leat_error_status(c);
        leat_status st = column_name(c, zip, name, wide, j, &title);
        if (st == LEAT_OK) st = leati_frame_add(c, k->frame, leati_str_text(&title), col);
        else leati_column_release(col);
        leati_str_fini(&title);
        LEATI_TRY(st);
        k->column[k->columns].column = col;
        leati_map_init(&k->column[k->columns++].texts, c);
    }
    return LEAT_OK;
}

/* Element `at` of the output in a row of the column. */
static leat_status keep_element(collecting *k, output_column *to, size_t row, const leati_oval *v,
                                size_t at)
{
    if (to->column->type == LEAT_F64) {
        to->column->f64[row] = leati_oget(v->element, v->host, at);
    } else if (to->column->type == LEAT_I64) {
        to->column->i64[row] = leati_oget_int(v->element, v->host, at);
    } else {
        leati_pb_bytes text = ((const leati_pb_bytes *)v->host)[at];
        uint32_t code = leati_map_put(&to->texts, text.size ? text.data : "", text.size);
        if (code == LEATI_MAP_NONE) return leat_error_status(k->context);
        to->column->codes[row] = code;
    }
    return LEAT_OK;
}

static leat_status finish_texts(collecting *k)
{
    for (size_t i = 0; i < k->columns; i++) {
        leati_column *col = k->column[i].column;
        if (col->type != LEAT_STRING) continue;
        col->dict = leati_dict_from_map(k->context, &k->column[i].texts);
        if (!col->dict) return leat_error_status(k->context);
    }
    return LEAT_OK;
}

static leat_status keep_outputs(collecting *k, leati_omodel *m, leati_oval **outs, size_t from,
                                size_t rows, size_t all)
{
    const leati_onnx_graph *g = leati_omodel_proto(m)->graph;
    for (size_t o = 0; from == 0 && o < g->output.count; o++)
        LEATI_TRY(begin_output(k, g, g->output.at[o].name, outs[o], all));
    size_t at = 0;
    for (size_t o = 0; o < g->output.count; o++) {
        const leati_oval *v = outs[o];
        size_t wide = v->shape.rank == 2 ? (size_t)v->shape.dim[1] : 1;
        LEATI_CHECK(k->context,
                    v->shape.rank >= 1 && v->shape.dim[0] == (int64_t)rows &&
                        at + wide <= k->columns,
                    LEAT_SHAPE, "output `%.60s` has shape %s for %zu rows", g->output.at[o].name,
                    leati_shape_string(&v->shape).text, rows);
        for (size_t j = 0; j < wide; j++, at++)
            for (size_t i = 0; i < rows; i++)
                LEATI_TRY(keep_element(k, &k->column[at], from + i, v, i * wide + j));
    }
    return LEAT_OK;
}

/* ---- the whole ------------------------------------------------------------------------------- */

static leat_status run_pieces(leat_context *c, leati_omodel *m, const feeding *feed, size_t rows,
                              size_t piece, collecting *k)
{
    leati_otensor *part = leati_array(c, feed->count + 1, sizeof *part);
    leat_status st = part ? LEAT_OK : leat_error_status(c);
    for (size_t from = 0; st == LEAT_OK && from < rows; from += piece) {
        size_t n = rows - from < piece ? rows - from : piece;
        leati_oval **outs;
        for (size_t i = 0; i < feed->count; i++) {
            part[i] = feed->in[i];
            part[i].data = (const char *)feed->in[i].data + from * feed->width[i];
            part[i].shape.dim[0] = (int64_t)n;
        }
        st = leati_omodel_run(m, part, &outs);
        if (st == LEAT_OK) st = keep_outputs(k, m, outs, from, n, rows);
    }
    leati_free(part);
    return st;
}

leat_status leati_omodel_predict(leat_context *c, leati_omodel *m, const leat_frame *f,
                                 leat_frame **out)
{
    enum { PIECE = 1024 };
    feeding feed = {.count = leati_omodel_input_count(m)};
    collecting k = {.context = c};
    size_t piece = PIECE;
    leat_status st = LEAT_OK;
    *out = NULL;
    LEATI_CHECK(c, f->rows > 0, LEAT_INVALID, "there are no rows to predict");
    feed.in = LEATI_NEW(c, leati_otensor, feed.count + 1);
    feed.width = LEATI_NEW(c, size_t, feed.count + 1);
    k.frame = leati_frame_create(c, f->rows);
    if (!feed.in || !feed.width || !k.frame) LEATI_GO(leat_error_status(c));
    for (size_t i = 0; i < feed.count; i++) {
        leati_owanted w = leati_owanted_of(leati_omodel_input(m, i));
        LEATI_GO(feed_one(c, f, &w, feed.count == 1, &feed.in[i], &feed.width[i]));
        if (w.rank > 0 && w.dim[0] > 0) piece = (size_t)w.dim[0];
    }
    if (piece != PIECE && f->rows % piece)
        LEATI_GO(LEATI_FAIL(c, LEAT_SHAPE,
                            "the model takes %zu rows at a time, the data have %zu: not a multiple",
                            piece, f->rows));
    LEATI_GO(run_pieces(c, m, &feed, f->rows, piece, &k));
    LEATI_GO(finish_texts(&k));
    *out = k.frame;
    k.frame = NULL;
out:
    for (size_t i = 0; feed.in && i < feed.count; i++)
        leati_free((void *)(uintptr_t)feed.in[i].data);
    leati_free(feed.in);
    leati_free(feed.width);
    for (size_t i = 0; i < k.columns; i++) leati_map_fini(&k.column[i].texts);
    leati_free(k.column);
    leat_frame_release(k.frame);
    return st;
}
