/* Owns: feeding rows of a matrix to the inputs of an imported graph, and the pool of such graphs.
 * Not: what the outputs mean (graph_estimator.c). */
#include "onnx/graph_rows.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "model/onnx_describe.h"
#include "onnx/predict_frame.h"

enum {
    ROWS = 1024,
    CELLS = 1 << 20,     /* of a batch: images come in fewer rows */
    BATCH_MOST = 1 << 16 /* that a file may ask for */
};

typedef struct feed {
    const char *name;
    int32_t element;
    size_t first, width; /* features */
    void *data;          /* (batch, width) */
} feed;

struct leati_graph_rows {
    leati_resting rest;
    leati_omodel *model;
    size_t features, most;
    size_t fixed; /* rows of a batch; 0: any number */
    feed *feeds;
    leati_otensor *given;
    size_t count;
};

/* ---- inputs ---------------------------------------------------------------------------------- */

/* Numbers of a row that the input says it takes; 0: it does not say. *fixed: rows of a batch, if
 * they are fixed. */
static leat_status width_of(leat_context *c, const leati_owanted *w, size_t inputs, size_t *fixed,
                            size_t *out)
{
    leat_dtype dtype;
    LEATI_CHECK(c, leati_oval_dtype(w->element, &dtype), LEAT_UNSUPPORTED,
                "input `%.60s` takes %s, a model of a table gives numbers", w->name,
                leati_onnx_element_word(w->element));
    LEATI_CHECK(c, w->rank != 0, LEAT_UNSUPPORTED,
                "input `%.60s` is a single value, not one for each row", w->name);
    *out = w->rank < 0 || (w->rank == 2 && w->dim[1] < 0) ? 0 : 1;
    for (int i = 1; i < w->rank && *out; i++) {
        LEATI_CHECK(c, w->dim[i] > 0, LEAT_UNSUPPORTED,
                    "input `%.60s` does not say how large a row is; it may be a sequence of any "
                    "length",
                    w->name);
        LEATI_CHECK(c, !leati_mul_overflows(*out, (size_t)w->dim[i], out), LEAT_LIMIT,
                    "input `%.60s` is too large", w->name);
    }
    LEATI_CHECK(c, *out <= 1 || inputs == 1, LEAT_UNSUPPORTED,
                "input `%.60s` takes %zu numbers of a row; beside other inputs a column gives one",
                w->name, *out);
    if (w->rank < 1 || w->dim[0] < 0) return LEAT_OK;
    size_t rows = (size_t)w->dim[0];
    LEATI_CHECK(c, rows >= 1 && rows <= BATCH_MOST && (!*fixed || *fixed == rows), LEAT_UNSUPPORTED,
                "input `%.60s` takes batches of %zu rows", w->name, rows);
    *fixed = rows;
    return LEAT_OK;
}

leat_status leati_graph_rows_check(leat_context *c, const leati_omodel *m)
{
    size_t count = leati_omodel_input_count(m), fixed = 0, width;
    LEATI_CHECK(c, count > 0, LEAT_UNSUPPORTED, "the graph takes no input");
    for (size_t i = 0; i < count; i++) {
        leati_owanted w = leati_owanted_of(leati_omodel_input(m, i));
        LEATI_TRY(width_of(c, &w, count, &fixed, &width));
    }
    return LEAT_OK;
}

static leat_status make_feed(leat_context *c, leati_graph_rows *g, size_t i, size_t *first)
{
    leati_owanted w = leati_owanted_of(leati_omodel_input(g->model, i));
    feed *f = &g->feeds[i];
    size_t width;
    LEATI_TRY(width_of(c, &w, g->count, &g->fixed, &width));
    if (width == 0) width = g->count == 1 ? g->features : 1;
    *f = (feed){.name = w.name, .element = w.element, .first = *first, .width = width};
    *first += width;
    leat_shape *shape = &g->given[i].shape;
    *shape = w.rank < 0 ? LEAT_DIMS(0, (int64_t)width) : (leat_shape){.rank = w.rank};
    for (int d = 1; d < w.rank; d++) shape->dim[d] = w.dim[d] > 0 ? w.dim[d] : (int64_t)width;
    g->given[i].element = w.element;
    return LEAT_OK;
}

static leat_status make_feeds(leat_context *c, leati_graph_rows *g)
{
    size_t first = 0;
    g->count = leati_omodel_input_count(g->model);
    LEATI_CHECK(c, g->count > 0, LEAT_UNSUPPORTED, "the graph takes no input");
    g->feeds = LEATI_NEW(c, feed, g->count);
    g->given = LEATI_NEW(c, leati_otensor, g->count);
    if (!g->feeds || !g->given) return leat_error_status(c);
    for (size_t i = 0; i < g->count; i++) LEATI_TRY(make_feed(c, g, i, &first));
    LEATI_CHECK(c, first == g->features, LEAT_SHAPE,
                "the graph takes %zu numbers of a row, the columns give %zu", first, g->features);
    g->most = CELLS / g->features < ROWS ? CELLS / g->features : ROWS;
    if (g->fixed || g->most == 0) g->most = g->fixed ? g->fixed : 1;
    return LEAT_OK;
}

leat_status leati_graph_rows_open(leat_context *c, const void *onnx, size_t size, size_t features,
                                  leati_shelf *shelf, leati_graph_rows **out)
{
    *out = NULL;
    leati_graph_rows *g = LEATI_NEW(c, leati_graph_rows, 1);
    if (!g) return leat_error_status(c);
    leati_resting_init(&g->rest, c, false);
    g->features = features;
    leat_status st = leati_omodel_parse(c, onnx, size, "the graph", NULL, shelf, &g->model);
    if (st == LEAT_OK) st = make_feeds(c, g);
    if (st == LEAT_OK) *out = g;
    else leati_graph_rows_close(g);
    return st;
}

void leati_graph_rows_close(leati_graph_rows *g)
{
    if (!g) return;
    for (size_t i = 0; g->feeds && i < g->count; i++) leati_free(g->feeds[i].data);
    leati_free(g->feeds);
    leati_free(g->given);
    leati_omodel_close(g->model);
    leati_free(g);
}

const leati_omodel *leati_graph_rows_model(const leati_graph_rows *g)
{
    return g->model;
}

size_t leati_graph_rows_most(const leati_graph_rows *g)
{
    return g->most;
}

/* ---- rows ------------------------------------------------------------------------------------ */

static bool is_real(int32_t element)
{
    return element == LEATI_ONNX_FLOAT || element == LEATI_ONNX_DOUBLE ||
           element == LEATI_ONNX_FLOAT16 || element == LEATI_ONNX_BFLOAT16;
}

/* A whole number, if the input has it among its values. */
static leat_status put_whole(leat_context *c, const feed *f, size_t row, size_t at, double v)
{
    LEATI_CHECK(c, !isnan(v), LEAT_TYPE,
                "row %zu: a value is missing, and input `%.60s` takes whole numbers", row + 1,
                f->name);
    int64_t whole = fabs(v) < 0x1p63 ? (int64_t)v : 0;
    leati_oput_int(f->element, f->data, at, whole);
    bool exact = (double)whole == v && leati_oget_int(f->element, f->data, at) == whole;
    LEATI_CHECK(c, exact, LEAT_TYPE,
                "row %zu: %.17g is not among the values of %s, which input `%.60s` takes", row + 1,
                v, leati_onnx_element_word(f->element), f->name);
    return LEAT_OK;
}

/* Row `row` of x as row `to` of the batch. */
static leat_status put_row(leat_context *c, const feed *f, const leati_matrix *x, size_t row,
                           size_t to)
{
    size_t from = row * x->stride + f->first, at = to * f->width;
    if (x->f32 && f->element == LEATI_ONNX_FLOAT) {
        memcpy((float *)f->data + at, x->f32 + from, f->width * sizeof(float));
        return LEAT_OK;
    }
    if (x->f64 && f->element == LEATI_ONNX_DOUBLE) {
        memcpy((double *)f->data + at, x->f64 + from, f->width * sizeof(double));
        return LEAT_OK;
    }
    for (size_t j = 0; j < f->width; j++) {
        double v = leati_at(x, row, f->first + j);
        if (is_real(f->element)) leati_oput(f->element, f->data, at + j, v);
        else LEATI_TRY(put_whole(c, f, row, at + j, v));
    }
    return LEAT_OK;
}

/* Room for the rows, at the first run: what a file says of sizes costs nothing before. */
static leat_status make_room(leat_context *c, leati_graph_rows *g)
{
    for (size_t i = 0; i < g->count; i++) {
        feed *f = &g->feeds[i];
        size_t bytes;
        if (f->data) continue;
        LEATI_CHECK(c, !leati_mul_overflows(f->width, leati_oval_width(f->element), &bytes),
                    LEAT_LIMIT, "input `%.60s` is too large", f->name);
        f->data = leati_array(c, g->most, bytes);
        g->given[i].data = f->data;
        if (!f->data) return leat_error_status(c);
    }
    return LEAT_OK;
}

leat_status leati_graph_rows_run(leat_context *c, leati_graph_rows *g, const leati_matrix *x,
                                 size_t at, size_t count, leati_oval ***outs, size_t *batch)
{
    LEATI_BUG_IF(c, x->cols != g->features || count == 0 || count > g->most);
    *batch = g->fixed ? g->fixed : count;
    LEATI_TRY(make_room(c, g));
    for (size_t i = 0; i < g->count; i++) {
        g->given[i].shape.dim[0] = (int64_t)*batch;
        for (size_t r = 0; r < *batch; r++)
            LEATI_TRY(put_row(c, &g->feeds[i], x, at + (r < count ? r : count - 1), r));
    }
    return leati_omodel_run(g->model, g->given, outs);
}

/* ---- the pool -------------------------------------------------------------------------------- */

static void end(void *graph)
{
    leati_graph_rows_close(graph);
}

leati_resting_pool *leati_graph_pool_create(leat_context *c)
{
    return leati_resting_pool_create(c, end);
}

leati_graph_rows *leati_graph_pool_take(leati_resting_pool *p, leat_context *c)
{
    leati_graph_rows *g = leati_resting_pool_take(p, c, false);
    if (g) leati_omodel_adopt(g->model, c);
    return g;
}
