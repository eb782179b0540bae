/* Owns: the life of a model, its accessors, prediction. The file is model_file.c's. */
#include "model/model.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/str.h"
#include "learn/conform.h"

leat_model *leat_model_retain(leat_model *m)
{
    atomic_fetch_add_explicit(&m->references, 1, memory_order_relaxed);
    return m;
}

void leat_model_release(leat_model *m)
{
    if (!m || atomic_fetch_sub_explicit(&m->references, 1, memory_order_acq_rel) != 1) return;
    leati_schema_fini(&m->schema);
    leati_pipeline_fini(&m->pipeline);
    leati_free(m->name);
    leati_free(m->json);
    leati_free(m->reference);
    leati_free(m->card);
    leati_free(m->weights_block);
    leati_bytes_release(&m->file);
    leati_free(m->inputs);
    leati_free(m);
}

const char *leat_model_name(const leat_model *m)
{
    return m->name;
}

const char *leat_model_target(const leat_model *m)
{
    return m->schema.target;
}

leat_type leat_model_target_type(const leat_model *m)
{
    return m->schema.target_type;
}

const char *leat_model_estimator(const leat_model *m)
{
    return m->pipeline.estimator->class->name;
}

bool leat_model_is_classifier(const leat_model *m)
{
    return m->schema.task == LEATI_CLASSIFY;
}

size_t leat_model_classes(const leat_model *m)
{
    return m->schema.classes;
}

const char *leat_model_class_name(const leat_model *m, size_t k)
{
    return k < m->schema.classes ? m->schema.class_names[k] : NULL;
}

size_t leat_model_inputs(const leat_model *m)
{
    return m->input_count;
}

const char *leat_model_input_name(const leat_model *m, size_t i)
{
    return i < m->input_count ? m->schema.columns[m->inputs[i]].name : NULL;
}

leat_type leat_model_input_type(const leat_model *m, size_t i)
{
    return i < m->input_count ? m->schema.columns[m->inputs[i]].type : LEAT_F64;
}

leat_shape leat_model_input_shape(const leat_model *m, size_t i)
{
    if (leat_model_input_type(m, i) != LEAT_ARRAY) return (leat_shape){0};
    const size_t *s = m->schema.columns[m->inputs[i]].shape;
    return (leat_shape){3, {(int64_t)s[0], (int64_t)s[1], (int64_t)s[2]}};
}

const char *leat_model_tokens(const leat_model *m)
{
    return m->pipeline.encoder.recipe.tokens.text;
}

bool leat_model_input_range(const leat_model *m, size_t i, double *low, double *high)
{
    if (i >= m->input_count) return false;
    *low = m->schema.columns[m->inputs[i]].low;
    *high = m->schema.columns[m->inputs[i]].high;
    return isfinite(*low) && isfinite(*high);
}

size_t leat_model_input_distinct(const leat_model *m, size_t i)
{
    return i < m->input_count ? m->schema.columns[m->inputs[i]].distinct : 0;
}

bool leat_model_has_probabilities(const leat_model *m)
{
    return leati_estimator_has_proba(m->pipeline.estimator);
}

const char *leat_model_json(const leat_model *m)
{
    return m->json;
}

const char *leat_model_reference(const leat_model *m)
{
    return m->reference;
}

const char *leat_model_card(const leat_model *m)
{
    return m->card;
}

static leati_dict *class_dict(leat_context *c, const leati_schema *s)
{
    leati_map names;
    leati_map_init(&names, c);
    leati_dict *dict = NULL;
    uint32_t k = 0;
    while (k < s->classes &&
           leati_map_put(&names, s->class_names[k], strlen(s->class_names[k])) == k)
        k++;
    if (k == s->classes) dict = leati_dict_from_map(c, &names);
    leati_map_fini(&names);
    return dict;
}

/* Of classes that are numbers: their names, read once. */
static bool class_numbers(leat_context *c, const leati_schema *s, leati_column *col,
                          const double *value)
{
    bool whole = col->type == LEAT_I64;
    int64_t *i64 = LEATI_NEW(c, int64_t, s->classes + (size_t)1);
    double *f64 = LEATI_NEW(c, double, s->classes + (size_t)1);
    bool ok = i64 && f64;
    for (uint32_t k = 0; ok && k < s->classes; k++) {
        const char *name = s->class_names[k];
        if (whole) (void)leati_int_parse(name, strlen(name), &i64[k]);
        else (void)leati_num_parse(name, strlen(name), &f64[k]);
    }
    for (size_t i = 0; ok && i < col->rows; i++) {
        uint32_t k = (uint32_t)value[i];
        if (whole) col->i64[i] = i64[k];
        else col->f64[i] = f64[k];
    }
    leati_free(i64);
    leati_free(f64);
    return ok;
}

/* Texts for text and bool targets; whole and plain numbers as they were. */
static leati_column *prediction_column(leat_context *c, const leat_model *m, const double *value,
                                       size_t rows)
{
    const leati_schema *s = &m->schema;
    bool classify = s->task == LEATI_CLASSIFY, ok = true;
    bool number = classify && (s->target_type == LEAT_I64 || s->target_type == LEAT_F64);
    leat_type type = !classify || number ? LEAT_F64 : LEAT_STRING;
    if (number && s->target_type == LEAT_I64) type = LEAT_I64;
    leati_column *col = leati_column_create(c, type, rows);
    if (!col) return NULL;
    if (number) ok = class_numbers(c, s, col, value);
    else if (classify) ok = (col->dict = class_dict(c, s)) != NULL;
    if (!ok) {
        leati_column_release(col);
        return NULL;
    }
    for (size_t i = 0; classify && !number && i < rows; i++) col->codes[i] = (uint32_t)value[i];
    if (!classify) memcpy(col->f64, value, rows * sizeof *value);
    return col;
}

static leat_status add_probabilities(leat_context *c, const leat_model *m, leat_frame *out,
                                     const double *proba)
{
    size_t classes = m->schema.classes;
    for (size_t k = 0; k < classes; k++) {
        leati_str name;
        leati_str_init(&name, c);
        leati_str_addf(&name, "p_%s", m->schema.class_names[k]);
        leati_column *col = leati_column_create(c, LEAT_F64, out->rows);
        for (size_t i = 0; col && i < out->rows; i++) col->f64[i] = proba[i * classes + k];
        leat_status st = leati_str_status(&name);
        if (st == LEAT_OK) st = leati_frame_add(c, out, leati_str_text(&name), col);
        else leati_column_release(col);
        leati_str_fini(&name);
        LEATI_TRY(st);
    }
    return LEAT_OK;
}

leat_status leat_model_predict(leat_context *c, const leat_model *m, const leat_frame *frame,
                               bool probabilities, leat_frame **out)
{
    leat_frame *f = NULL;
    uint32_t *rows = NULL;
    leati_predictions p = {0};
    leat_status st;
    *out = NULL;
    probabilities = probabilities && leat_model_has_probabilities(m);
    LEATI_CHECK(c, frame->rows < UINT32_MAX, LEAT_LIMIT, "more than 4,294,967,294 rows");
    LEATI_GO(leati_conform(c, &f, &m->schema, frame));
    LEATI_GO(leati_encoder_warn(c, &m->pipeline.encoder, &m->schema, f));
    rows = leati_array(c, f->rows, sizeof *rows);
    p.value = leati_array(c, f->rows, sizeof *p.value);
    if (probabilities) p.proba = LEATI_NEW(c, double, f->rows * m->schema.classes);
    if (!rows || !p.value || (probabilities && !p.proba)) {
        st = leat_error_status(c);
        goto out;
    }
    for (size_t i = 0; i < f->rows; i++) rows[i] = (uint32_t)i;
    LEATI_GO(leati_pipeline_predict(c, &m->pipeline, f, rows, f->rows, &p));
    *out = leati_frame_create(c, f->rows);
    st = *out ? leati_frame_add(c, *out, "prediction", prediction_column(c, m, p.value, f->rows))
              : leat_error_status(c);
    if (st == LEAT_OK && probabilities) st = add_probabilities(c, m, *out, p.proba);
    if (st != LEAT_OK) {
        leat_frame_release(*out);
        *out = NULL;
    }
out:
    leati_free(rows);
    leati_free(p.value);
    leati_free(p.proba);
    leat_frame_release(f);
    return st;
}
