/* Owns: looking inside a model at one row. Not: projections (inspect_map.c), the page
 * (inspect_page.c). */
#include "workflow/inspect.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/options.h"
#include "base/str.h"
#include "learn/conform.h"
#include "learn/tsne.h"
#include "model/model.h"
#include "nn/network_estimator.h"
#include "plot/plot_text.h"
#include "tensor/shape.h"
#include "workflow/image_rows.h"
#include "workflow/inferred.h"

leat_inspect_options leat_inspect_options_default(void)
{
    return (leat_inspect_options){.struct_size = sizeof(leat_inspect_options), .rows = 600};
}

void leat_inspection_destroy(leat_inspection *i)
{
    if (!i) return;
    leati_layer_table_fini(&i->table);
    leati_activations_fini(&i->act);
    leati_layer_map_fini(&i->map);
    for (uint32_t k = 0; i->names && k < i->model->schema.classes; k++) leati_free(i->names[k]);
    leati_free(i->names);
    size_t inputs = leati_shape_count(&i->input);
    for (size_t k = 0; i->token && k < inputs; k++) leati_free(i->token[k]);
    leati_free(i->token);
    for (size_t k = 0; i->word && k < inputs; k++) leati_free(i->word[k]);
    leati_free(i->word);
    leat_model_release(i->model);
    void *blocks[] = {i->source, i->verdict, i->truth,  i->proba,
                      i->x,      i->picture, i->filter, i->filter_layer};
    for (size_t k = 0; k < sizeof blocks / sizeof *blocks; k++) leati_free(blocks[k]);
    leati_free(i);
}

/* ---- rows
 * ---------------------------------------------------------------------------------------- */

/* The column that a model of one array column takes; NULL: it takes other columns too. */
static const leati_schema_column *only_array(const leati_schema *s)
{
    const leati_schema_column *only = NULL;
    for (size_t i = 0; i < s->count; i++) {
        const leati_schema_column *col = &s->columns[i];
        if (col->role == LEATI_ROLE_LEFT_OUT) continue;
        if (only || col->role != LEATI_ROLE_ARRAY) return NULL;
        only = col;
    }
    return only;
}

static void store(leati_column *col, size_t at, double value)
{
    switch (col->item) {
    case LEATI_ITEM_U8: col->u8[at] = (uint8_t)lrint(value); break;
    case LEATI_ITEM_F32: col->f32[at] = (float)value; break;
    case LEATI_ITEM_F64: ((double *)col->data)[at] = value; break;
    }
}

/* Bytes are not shares: a picture of numbers from 0 to 1 would be black. */
static leat_status check_bytes(leat_context *c, const double *values, size_t count)
{
    bool shares = true, fractions = false;
    for (size_t i = 0; i < count; i++) {
        LEATI_CHECK(c, values[i] >= 0 && values[i] <= 255, LEAT_FORMAT,
                    "the model takes pictures of bytes, 0 to 255; this one holds %g", values[i]);
        shares = shares && values[i] <= 1;
        fractions = fractions || values[i] != floor(values[i]);
    }
    LEATI_CHECK(c, !shares || !fractions, LEAT_FORMAT,
                "the model takes pictures of bytes, 0 to 255; the numbers of this one are 0 to 1: "
                "multiply them by 255");
    return LEAT_OK;
}

/* The whole table as one picture: its numbers are the pixels, row by row. */
static leat_status table_as_picture(leat_context *c, const leat_frame *f,
                                    const leati_schema_column *want, leati_column **out)
{
    size_t count = f->rows * f->columns;
    leati_column *col = leati_column_array(c, want->item, want->shape, 1);
    double *values = leati_array(c, count, sizeof *values);
    leat_status st = col && values ? LEAT_OK : LEAT_NOMEM;
    for (size_t i = 0; st == LEAT_OK && i < count; i++)
        if (!leat_frame_number(f, i % f->columns, i / f->columns, &values[i]))
            st = LEATI_FAIL(c, LEAT_FORMAT, "row %zu, column '%s' is no number", i / f->columns + 1,
                            f->name[i % f->columns]);
    if (st == LEAT_OK && want->item == LEATI_ITEM_U8) st = check_bytes(c, values, count);
    for (size_t i = 0; st == LEAT_OK && i < count; i++) store(col, i, values[i]);
    leati_free(values);
    if (st == LEAT_OK) *out = col;
    else leati_column_release(col);
    return st;
}

/* The frame under the names that the model knows: an array that is called otherwise, or a picture
 * that was read as a table of numbers. */
static leat_status adapt(leat_context *c, const leati_schema *s, leat_frame *f, leat_frame **out)
{
    const leati_schema_column *want = only_array(s);
    leati_column *col = NULL;
    size_t at, arrays = 0;
    *out = leat_frame_retain(f);
    if (!want || leat_frame_find(f, want->name, &at)) return LEAT_OK;
    for (size_t i = 0; i < f->columns; i++)
        if (f->column[i]->type == LEAT_ARRAY) arrays++, col = f->column[i];
    if (arrays == 1) leati_column_retain(col);
    else if (arrays == 0 &&
             f->rows * f->columns == want->shape[0] * want->shape[1] * want->shape[2])
        LEATI_TRY(table_as_picture(c, f, want, &col));
    else return LEAT_OK; /* the model says what it lacks */
    leat_frame *g = leati_frame_create(c, col->rows);
    leat_status st = g ? leati_frame_add(c, g, want->name, col) : LEAT_NOMEM;
    if (!g) leati_column_release(col);
    if (st == LEAT_OK && arrays == 1 && leat_frame_find(f, s->target, &at))
        st = leati_frame_add(c, g, s->target, leati_column_retain(f->column[at]));
    if (st != LEAT_OK) {
        leat_frame_release(g);
        return st;
    }
    leat_frame_release(f);
    *out = g;
    return LEAT_OK;
}

/* ---- what is predicted
 * --------------------------------------------------------------------------- */

static const leati_schema *schema_of(const leat_inspection *i)
{
    return &i->model->schema;
}

static leat_status name_classes(leat_context *c, leat_inspection *i)
{
    const leati_schema *s = schema_of(i);
    if (s->task != LEATI_CLASSIFY) return LEAT_OK;
    i->names = LEATI_NEW(c, char *, s->classes);
    if (!i->names) return LEAT_NOMEM;
    for (uint32_t k = 0; k < s->classes; k++) {
        i->names[k] = leati_class_shown(c, s->class_names[k]);
        if (!i->names[k]) return leat_error_status(c);
    }
    return LEAT_OK;
}

static leat_status read_truth(leat_context *c, leat_inspection *i, const leat_frame *f)
{
    size_t at, length;
    char space[LEATI_NUM_SIZE];
    const leati_schema *s = schema_of(i);
    if (!leat_frame_find(f, s->target, &at) || f->column[at]->type == LEAT_ARRAY) return LEAT_OK;
    if (!leati_valid(f->column[at], i->row)) return LEAT_OK;
    const char *text = leati_cell_text(f->column[at], i->row, space, &length);
    i->truth = leati_strndup(c, text, length);
    return i->truth ? LEAT_OK : LEAT_NOMEM;
}

static leat_status say(leat_context *c, leat_inspection *i)
{
    char number[LEATI_NUM_SIZE], share[LEATI_FIXED_SIZE];
    const leati_schema *s = schema_of(i);
    leati_str text;
    leati_str_init(&text, c);
    if (s->task == LEATI_REGRESS) {
        leati_num_pretty(i->value, 5, number);
        leati_str_addf(&text, "%s", number);
        if (i->truth) leati_str_addf(&text, "; the table says %s", i->truth);
    } else {
        size_t at = (size_t)i->value;
        char *truth = i->truth ? leati_class_shown(c, i->truth) : NULL;
        leati_str_add(&text, i->names[at]);
        if (i->proba) leati_fixed(i->proba[at], 3, share);
        if (i->proba) leati_str_addf(&text, " (%s)", share);
        if (truth && strcmp(i->truth, s->class_names[at]) == 0)
            leati_str_add(&text, ", and so it is");
        else if (truth) leati_str_addf(&text, "; it is %s", truth);
        bool done = truth || !i->truth;
        leati_free(truth);
        if (!done) {
            leati_str_fini(&text);
            return leat_error_status(c);
        }
    }
    i->verdict = leati_str_take(&text);
    return i->verdict ? LEAT_OK : LEAT_NOMEM;
}

static leat_status predict(leat_context *c, leat_inspection *i, const leat_frame *conformed)
{
    const leati_schema *s = schema_of(i);
    uint32_t row = (uint32_t)i->row;
    if (leati_estimator_has_proba(i->model->pipeline.estimator)) {
        i->proba = LEATI_NEW(c, double, s->classes);
        if (!i->proba) return LEAT_NOMEM;
    }
    leati_predictions out = {.value = &i->value, .proba = i->proba};
    LEATI_TRY(leati_pipeline_predict(c, &i->model->pipeline, conformed, &row, 1, &out));
    return say(c, i);
}

/* ---- pictures
 * ------------------------------------------------------------------------------------ */

static leat_status keep_picture(leat_context *c, leat_inspection *i, const leat_frame *conformed)
{
    leati_images images;
    size_t inputs = leati_shape_count(&i->input);
    LEATI_TRY(leati_images_find(c, schema_of(i), conformed, i->model->pipeline.estimator, &images));
    if (images.length == 0 || images.length != inputs) {
        leati_images_fini(&images);
        return LEAT_OK;
    }
    float *space = leati_array(c, inputs, sizeof *space);
    i->picture = leati_alloc(c, inputs);
    if (space && i->picture) {
        leati_image_pixels(&images, i->row, space, i->picture);
        i->height = images.height, i->width = images.width, i->channels = images.channels;
    }
    bool done = space && i->picture;
    leati_free(space);
    leati_images_fini(&images);
    return done ? LEAT_OK : LEAT_NOMEM;
}

/* Filter f, pixel (y, x), channel k of a kernel (filters, channels, height, width), or of a dense
 * layer's (height * width * channels, filters). */
static float kernel_at(const leat_inspection *i, const leat_shape *s, const float *from, size_t f,
                       size_t y, size_t x, size_t k)
{
    size_t h = i->filter_height, w = i->filter_width, n = i->filter_channels;
    return s->rank == 4 ? from[((f * n + k) * h + y) * w + x]
                        : from[((y * w + x) * n + k) * i->filters + f];
}

static const char *kernel_suffix(const leati_network_weight *w)
{
    const char *end = strstr(w->name, "/kernel");
    return end && !end[7] ? end : NULL;
}

/* The first kernel, where its shape is one of pictures: what a normalization before it has is
 * none. */
static leat_status keep_filters(leat_context *c, leat_inspection *i, const leati_network *n)
{
    const leati_network_weight *w = n->weight, *behind = w + n->weight_count;
    while (w < behind && !kernel_suffix(w)) w++;
    if (!i->picture || w == behind) return LEAT_OK;
    const char *end = kernel_suffix(w);
    const leat_shape *s = &w->shape;
    bool conv = s->rank == 4 && (s->dim[1] == 1 || s->dim[1] == 3) && s->dim[2] * s->dim[3] > 1;
    bool dense = s->rank == 2 && (size_t)s->dim[0] == leati_shape_count(&i->input);
    if (!conv && !dense) return LEAT_OK;
    i->filters = (size_t)s->dim[conv ? 0 : 1];
    i->filter_channels = conv ? (size_t)s->dim[1] : i->channels;
    i->filter_height = conv ? (size_t)s->dim[2] : i->height;
    i->filter_width = conv ? (size_t)s->dim[3] : i->width;
    size_t count = leati_shape_count(s), at = 0;
    float *from = leati_array(c, count, sizeof *from);
    i->filter = leati_array(c, count, sizeof *i->filter);
    i->filter_layer = leati_strndup(c, w->name, (size_t)(end - w->name));
    leat_status st = from && i->filter && i->filter_layer ? LEAT_OK : LEAT_NOMEM;
    if (st == LEAT_OK) st = leat_variable_get(w->variable, from, count * sizeof *from);
    for (size_t f = 0; st == LEAT_OK && f < i->filters; f++)
        for (size_t y = 0; y < i->filter_height; y++)
            for (size_t x = 0; x < i->filter_width; x++)
                for (size_t k = 0; k < i->filter_channels; k++)
                    i->filter[at++] = kernel_at(i, s, from, f, y, x, k);
    leati_free(from);
    return st;
}

/* ---- the inspection
 * ------------------------------------------------------------------------------ */

/* Classes of the rows of the map. */
static leat_status keep_groups(leat_context *c, leat_inspection *i, const leat_frame *f)
{
    const leati_schema *s = schema_of(i);
    leati_layer_map *m = &i->map;
    size_t at, length;
    char space[LEATI_NUM_SIZE];
    m->marked = i->row < m->count ? i->row : SIZE_MAX;
    if (!m->count || s->task != LEATI_CLASSIFY || !leat_frame_find(f, s->target, &at) ||
        f->column[at]->type == LEAT_ARRAY)
        return LEAT_OK;
    m->group = leati_array(c, m->count, sizeof *m->group);
    if (!m->group) return LEAT_NOMEM;
    for (size_t r = 0; r < m->count; r++) {
        m->group[r] = UINT32_MAX;
        if (!leati_valid(f->column[at], r)) continue;
        const char *text = leati_cell_text(f->column[at], r, space, &length);
        for (uint32_t k = 0; k < s->classes; k++)
            if (strlen(s->class_names[k]) == length && !memcmp(s->class_names[k], text, length))
                m->group[r] = k;
    }
    return LEAT_OK;
}

static leat_status read_values(leat_context *c, leati_layer_map *m, const leati_schema *s,
                               const leat_frame *f)
{
    leati_target t = {0};
    leat_status st = leati_target_read(c, &t, s, f, true);
    for (size_t k = 0; k < m->count; k++) m->value[k] = (double)NAN;
    for (size_t k = 0; st == LEAT_OK && k < t.count; k++)
        if (t.rows[k] < m->count) m->value[t.rows[k]] = t.y[k];
    leati_target_fini(&t);
    return st;
}

/* Of a regression: what the rows of the map have, or what is predicted for them. */
static leat_status keep_values(leat_context *c, leat_inspection *i, const leat_frame *f,
                               const leat_frame *conformed)
{
    const leati_schema *s = schema_of(i);
    leati_layer_map *m = &i->map;
    size_t at;
    if (!m->count || s->task != LEATI_REGRESS) return LEAT_OK;
    m->value = leati_array(c, m->count, sizeof *m->value);
    if (!m->value) return LEAT_NOMEM;
    if (leat_frame_find(f, s->target, &at)) {
        leat_status st = read_values(c, m, s, f);
        if (st == LEAT_OK || st == LEAT_NOMEM) return st;
        leat_error_clear(c); /* a target of another kind */
    }
    uint32_t *rows = leati_array(c, m->count, sizeof *rows);
    if (!rows) return LEAT_NOMEM;
    for (size_t k = 0; k < m->count; k++) rows[k] = (uint32_t)k;
    m->predicted = true;
    leati_predictions out = {.value = m->value};
    leat_status st =
        leati_pipeline_predict(c, &i->model->pipeline, conformed, rows, m->count, &out);
    leati_free(rows);
    return st;
}

/* The encoded rows [from, from + count). */
static leat_status encode(leat_context *c, const leat_inspection *i, const leat_frame *conformed,
                          size_t from, size_t count, leati_matrix *x, void **data)
{
    uint32_t *rows = leati_array(c, count, sizeof *rows);
    if (!rows) return LEAT_NOMEM;
    for (size_t k = 0; k < count; k++) rows[k] = (uint32_t)(from + k);
    leat_status st =
        leati_encoder_apply(c, &i->model->pipeline.encoder, conformed, rows, count, x, data);
    leati_free(rows);
    return st;
}

static leat_status look_at_row(leat_context *c, leat_inspection *i, leati_network *n,
                               const leat_frame *conformed)
{
    leati_matrix x;
    void *data = NULL;
    const leati_pipeline *p = &i->model->pipeline;
    size_t inputs = leati_shape_count(&i->input), target = SIZE_MAX;
    LEATI_TRY(encode(c, i, conformed, i->row, 1, &x, &data));
    i->x = leati_array(c, inputs, sizeof *i->x);
    leat_status st = i->x ? LEAT_OK : LEAT_NOMEM;
    for (size_t k = 0; st == LEAT_OK && k < inputs; k++) i->x[k] = (float)leati_at(&x, 0, k);
    leati_free(data);
    bool classify = p->estimator->task == LEATI_CLASSIFY;
    for (uint32_t k = 0; classify && p->present && k < p->estimator->classes; k++)
        if (p->present[k] == (uint32_t)i->value) target = k;
    if (classify && !p->present) target = (size_t)i->value;
    if (st == LEAT_OK) st = leati_activations_make(c, n, i->x, classify ? target : 0, &i->act);
    return st;
}

/* What is written where a text of the row has a token that the model does not know. */
static leat_status keep_words(leat_context *c, leat_inspection *i, const leat_frame *conformed)
{
    const leati_encoder *e = &i->model->pipeline.encoder;
    i->word = LEATI_NEW(c, char *, leati_shape_count(&i->input));
    if (!i->word) return LEAT_NOMEM;
    for (size_t k = 0; k < e->count; k++) {
        const leati_encoder_column *from = &e->columns[k];
        const leati_column *col = conformed->column[from->source];
        char space[LEATI_NUM_SIZE];
        size_t length, n, at = 0;
        if (!leati_valid(col, i->row)) continue;
        const char *text = leati_cell_text(col, i->row, space, &length);
        for (size_t w = from->first; w < from->first + from->width; w++, at += n) {
            n = leati_token_next(e->recipe.tokens.words, text, length, &at);
            if (!n) break;
            if (i->x[w] != LEATI_TOKEN_UNKNOWN) continue;
            i->word[w] = leati_strndup(c, text + at, n);
            if (!i->word[w]) return LEAT_NOMEM;
        }
    }
    return LEAT_OK;
}

/* What the numbers of tokens stand for, where all inputs are such. */
static leat_status keep_tokens(leat_context *c, leat_inspection *i, const leat_frame *conformed)
{
    const leati_encoder *e = &i->model->pipeline.encoder;
    size_t inputs = leati_shape_count(&i->input);
    for (size_t k = 0; k < e->count; k++)
        if (e->columns[k].role != LEATI_ROLE_TOKENS) return LEAT_OK;
    if (!e->count || e->width != inputs) return LEAT_OK;
    i->token = LEATI_NEW(c, char *, inputs);
    if (!i->token) return LEAT_NOMEM;
    for (size_t k = 0; k < inputs; k++) {
        size_t at = (size_t)i->x[k], length = 0;
        const char *key = at == LEATI_TOKEN_MISSING ? "" : e->recipe.tokens.unknown;
        if (at >= LEATI_TOKEN_FIRST && at - LEATI_TOKEN_FIRST < e->lexicon.map.count)
            key = leati_map_key(&e->lexicon.map, (uint32_t)(at - LEATI_TOKEN_FIRST), &length);
        else length = strlen(key);
        i->token[k] = leati_strndup(c, key, length);
        if (!i->token[k]) return LEAT_NOMEM;
    }
    return keep_words(c, i, conformed);
}

static leat_status look_at_rows(leat_context *c, leat_inspection *i, leati_network *n,
                                const leat_frame *f, const leat_frame *conformed,
                                const leat_inspect_options *o)
{
    leati_matrix x;
    void *data = NULL;
    size_t rows = conformed->rows < o->rows ? conformed->rows : o->rows;
    if (!rows) return LEAT_OK;
    LEATI_TRY(encode(c, i, conformed, 0, rows, &x, &data));
    leat_status st = leati_layer_map_make(c, i, n, &x, o);
    leati_free(data);
    if (st == LEAT_OK) st = keep_values(c, i, f, conformed);
    return st == LEAT_OK ? keep_groups(c, i, f) : st;
}

static leat_status look(leat_context *c, leat_inspection *i, const leat_frame *f,
                        const leat_inspect_options *o)
{
    leat_frame *conformed = NULL;
    leati_network *n = NULL;
    leat_graph *g = NULL;
    leat_status st;
    LEATI_CHECK(c, i->row < f->rows, LEAT_INVALID, "there is no row %zu: the table has %zu",
                i->row + 1, f->rows);
    LEATI_GO(leati_conform(c, &conformed, schema_of(i), f));
    LEATI_GO(leat_graph_create(c, "cpu", &g));
    LEATI_GO(leati_network_of(c, i->model->pipeline.estimator, g, &n, &i->mean, &i->scale));
    i->input = n->input;
    LEATI_GO(leati_layer_table_make(c, n, &i->table));
    LEATI_GO(name_classes(c, i));
    LEATI_GO(read_truth(c, i, f));
    LEATI_GO(predict(c, i, conformed));
    LEATI_GO(look_at_row(c, i, n, conformed));
    LEATI_GO(keep_tokens(c, i, conformed));
    LEATI_GO(keep_picture(c, i, conformed));
    LEATI_GO(keep_filters(c, i, n));
    LEATI_GO(look_at_rows(c, i, n, f, conformed, o));
out:
    leati_network_destroy(n);
    leat_graph_destroy(g);
    leat_frame_release(conformed);
    return st;
}

static leat_status list_layers(leat_context *c, leat_inspection *i)
{
    leati_network *n = NULL;
    leat_graph *g = NULL;
    leat_status st = leat_graph_create(c, "cpu", &g);
    if (st == LEAT_OK) st = leati_network_of(c, i->model->pipeline.estimator, g, &n, NULL, NULL);
    if (st == LEAT_OK) i->input = n->input;
    if (st == LEAT_OK) st = leati_layer_table_make(c, n, &i->table);
    leati_network_destroy(n);
    leat_graph_destroy(g);
    return st;
}

leat_status leat_inspect(leat_context *c, leat_inspection **out, leat_model *model,
                         leat_frame *frame, const leat_inspect_options *options)
{
    leat_inspect_options o = leat_inspect_options_default();
    *out = NULL;
    LEATI_TRY(LEATI_OPTIONS(c, leat_inspect_options, &o, options));
    const char *class = model->pipeline.estimator->class->name;
    LEATI_CHECK(c, strcmp(class, "graph") != 0, LEAT_UNSUPPORTED,
                "the model is an imported graph: only networks that Leat trains have layers to "
                "look into; leat show lists what the graph holds");
    LEATI_CHECK(c, strcmp(class, "network") == 0, LEAT_UNSUPPORTED,
                "the model is %s: only networks have layers to look into", class);
    LEATI_CHECK(c, o.rows <= LEATI_TSNE_MOST, LEAT_INVALID,
                "at most %d rows are drawn in a plane, not %zu", LEATI_TSNE_MOST, o.rows);
    leat_frame *f = NULL;
    leat_inspection *i = LEATI_NEW(c, leat_inspection, 1);
    if (!i) return LEAT_NOMEM;
    i->model = leat_model_retain(model);
    i->row = o.row;
    i->source = leati_strdup(c, o.source ? o.source : "");
    leat_status st = i->source ? LEAT_OK : LEAT_NOMEM;
    if (st == LEAT_OK && !frame) {
        st = list_layers(c, i);
    } else if (st == LEAT_OK) {
        st = adapt(c, &model->schema, frame, &f);
        if (st == LEAT_OK) st = look(c, i, f, &o);
    }
    leat_frame_release(f);
    if (st == LEAT_OK) *out = i;
    else leat_inspection_destroy(i);
    return st;
}

/* ---- accessors
 * ----------------------------------------------------------------------------------- */

size_t leat_inspection_layers(const leat_inspection *i)
{
    return i->table.count;
}

leat_layer_info leat_inspection_layer(const leat_inspection *i, size_t layer)
{
    return leati_layer_table_at(&i->table, layer);
}

size_t leat_inspection_parameters(const leat_inspection *i)
{
    return i->table.weights;
}

size_t leat_inspection_states(const leat_inspection *i)
{
    return i->table.states;
}

double leat_inspection_flops(const leat_inspection *i)
{
    return i->table.flops;
}

const char *leat_inspection_verdict(const leat_inspection *i)
{
    return i->verdict;
}

const float *leat_inspection_values(const leat_inspection *i, size_t layer)
{
    return layer < i->act.count ? i->act.values[layer] : NULL;
}

const float *leat_inspection_saliency(const leat_inspection *i, size_t *count)
{
    *count = i->act.saliency ? leati_shape_count(&i->input) : 0;
    return i->act.saliency;
}

const double *leat_inspection_plane(const leat_inspection *i, bool tsne, size_t *count)
{
    const double *xy = tsne ? i->map.tsne : i->map.pca;
    *count = xy ? i->map.count : 0;
    return xy;
}

size_t leat_inspection_filters(const leat_inspection *i)
{
    return i->filter ? i->filters : 0;
}

/* In the order of the input: of a picture rows, columns, channels; else the features. */
static void saliency_json(const leat_inspection *i, leat_json *j)
{
    size_t count;
    const float *values = leat_inspection_saliency(i, &count);
    const leati_encoder *e = &i->model->pipeline.encoder;
    if (!values) return;
    leat_json_begin_object(j, "saliency");
    if (i->picture) {
        size_t shape[3] = {i->height, i->width, i->channels};
        leat_json_begin_array(j, "shape");
        for (int k = 0; k < 3; k++) leat_json_int(j, NULL, (int64_t)shape[k]);
        leat_json_end_array(j);
    } else {
        leat_json_begin_array(j, "features");
        for (size_t k = 0; k < count; k++)
            leat_json_string(j, NULL,
                             k < e->width && e->features[k].name ? e->features[k].name : "");
        leat_json_end_array(j);
    }
    if (i->token) {
        leat_json_begin_array(j, "tokens");
        for (size_t k = 0; k < count; k++) leat_json_string(j, NULL, i->token[k]);
        leat_json_end_array(j);
    }
    leat_json_begin_array(j, "values");
    for (size_t k = 0; k < count; k++) leat_json_number(j, NULL, (double)values[k]);
    leat_json_end_array(j);
    leat_json_end_object(j);
}

static void plane_json(const leat_inspection *i, leat_json *j, const char *key, const double *xy)
{
    if (!xy) return;
    leat_json_begin_array(j, key);
    for (size_t r = 0; r < i->map.count; r++) {
        leat_json_begin_array(j, NULL);
        leat_json_number(j, NULL, xy[2 * r]);
        leat_json_number(j, NULL, xy[2 * r + 1]);
        leat_json_end_array(j);
    }
    leat_json_end_array(j);
}

static void layer_json(leat_json *j, const leati_layer_row *r)
{
    leat_json_begin_object(j, NULL);
    leat_json_string(j, "name", r->path);
    leat_json_string(j, "kind", r->kind);
    leat_json_int(j, "depth", r->depth);
    leat_json_begin_array(j, "output");
    for (int k = 0; k < r->output.rank; k++) leat_json_int(j, NULL, r->output.dim[k]);
    leat_json_end_array(j);
    leat_json_int(j, "parameters", (int64_t)r->weights);
    leat_json_int(j, "states", (int64_t)r->states);
    if (r->shared) leat_json_bool(j, "shared", true);
    leat_json_number(j, "flops", r->flops);
    leat_json_int(j, "bytes", (int64_t)r->bytes);
    leat_json_end_object(j);
}

void leat_inspection_json(const leat_inspection *i, leat_json *j, const char *key)
{
    const leati_schema *s = schema_of(i);
    leat_json_begin_object(j, key);
    if (i->verdict) {
        leat_json_int(j, "row", (int64_t)i->row + 1);
        leat_json_string(j, "verdict", i->verdict);
        if (i->truth) leat_json_string(j, "truth", i->truth);
        if (s->task == LEATI_CLASSIFY)
            leat_json_string(j, "prediction", s->class_names[(size_t)i->value]);
        else leat_json_number(j, "prediction", i->value);
    }
    if (i->proba) {
        leat_json_begin_object(j, "probabilities");
        for (uint32_t k = 0; k < s->classes; k++)
            leat_json_number(j, s->class_names[k], i->proba[k]);
        leat_json_end_object(j);
    }
    saliency_json(i, j);
    leat_json_int(j, "parameters", (int64_t)i->table.weights);
    leat_json_int(j, "states", (int64_t)i->table.states);
    leat_json_number(j, "flops", i->table.flops);
    leat_json_begin_array(j, "layers");
    for (size_t k = 0; k < i->table.count; k++) layer_json(j, &i->table.row[k]);
    leat_json_end_array(j);
    if (i->map.count) leat_json_string(j, "plane_of", i->table.row[i->map.layer].path);
    plane_json(i, j, "pca", i->map.pca);
    plane_json(i, j, "tsne", i->map.tsne);
    leat_json_end_object(j);
}
