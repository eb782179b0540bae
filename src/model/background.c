/* Owns: drawing rows from reference.json. */
#include "model/background.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/rng.h"
#include "model/model.h"
#include "model/session_cells.h"

/* What one input looked like. */
typedef struct source {
    const leati_schema_column *column;
    const char *name;
    size_t input;
    const json_t *edges, *counts, *means; /* of numbers */
    const json_t *levels;                 /* of texts; NULL of numbers */
    double other, missing, total;
    double *elements; /* room for an array */
} source;

static const json_t *find(const json_t *inputs, const char *name)
{
    for (size_t i = 0; i < json_array_size(inputs); i++) {
        const json_t *j = json_array_get(inputs, i);
        const char *own = json_string_value(json_object_get(j, "name"));
        if (own && strcmp(own, name) == 0) return j;
    }
    return NULL;
}

static double count_of(const json_t *j)
{
    double n = json_number_value(j);
    return isfinite(n) && n > 0 ? n : 0;
}

static double cell_count(const source *s, size_t i)
{
    if (!s->levels) return count_of(json_array_get(s->counts, i));
    return count_of(json_object_get(json_array_get(s->levels, i), "count"));
}

static bool is_text(leati_role role)
{
    return role == LEATI_ROLE_CATEGORY || role == LEATI_ROLE_TOKENS;
}

static leat_status open_source(leat_context *c, source *s, const json_t *j)
{
    LEATI_CHECK(c, j, LEAT_UNSUPPORTED,
                "the model file holds no reference distribution of '%s'; models that leat fit "
                "makes do",
                s->name);
    s->levels = json_object_get(j, "levels");
    s->counts = json_object_get(j, "counts");
    s->edges = json_object_get(j, "edges");
    s->means = json_object_get(j, "means");
    LEATI_CHECK(c, !s->levels == !is_text(s->column->role), LEAT_FORMAT,
                "reference.json, '%s': kind and the model's schema differ", s->name);
    s->missing = count_of(json_object_get(j, "missing"));
    s->other = s->levels ? count_of(json_object_get(j, "other")) : 0;
    s->total = s->missing + s->other;
    size_t cells = json_array_size(s->levels ? s->levels : s->counts);
    for (size_t i = 0; i < cells; i++) s->total += cell_count(s, i);
    LEATI_CHECK(c, isfinite(s->total), LEAT_FORMAT, "reference.json, '%s': counts are too large",
                s->name);
    return LEAT_OK;
}

/* The mean of a bin; of old files, which have none, its middle. */
static double bin_value(const source *s, size_t i)
{
    const json_t *mean = json_array_get(s->means, i), *low = json_array_get(s->edges, i),
                 *high = json_array_get(s->edges, i + 1);
    double value = json_number_value(mean);
    if (!mean) value = json_number_value(low) / 2 + json_number_value(high ? high : low) / 2;
    return isfinite(value) ? value : 0;
}

static leat_status set_missing(leat_session *to, size_t row, const source *s)
{
    switch (s->column->role) {
    case LEATI_ROLE_CATEGORY:
    case LEATI_ROLE_TOKENS: return leat_session_set_text(to, row, s->input, NULL);
    case LEATI_ROLE_TIME: return leat_session_set_time(to, row, s->input, INT64_MIN);
    case LEATI_ROLE_ARRAY: return LEAT_OK; /* arrays are never missing: zeros */
    default: return leat_session_set_number(to, row, s->input, (double)NAN);
    }
}

static leat_status set_bin(leat_session *to, size_t row, const source *s, size_t i)
{
    const leati_schema_column *col = s->column;
    size_t count = col->shape[0] * col->shape[1] * col->shape[2];
    double value = bin_value(s, i);
    switch (col->role) {
    case LEATI_ROLE_TIME:
        value = fmin(fmax(value, -9e18), 9e18);
        return leat_session_set_time(to, row, s->input, (int64_t)value);
    case LEATI_ROLE_ARRAY:
        if (col->item == LEATI_ITEM_U8) value = fmin(fmax(round(value), 0), 255);
        for (size_t k = 0; k < count; k++) s->elements[k] = value;
        return leat_session_set_array(to, row, s->input, s->elements, count);
    default: return leat_session_set_number(to, row, s->input, value);
    }
}

/* The value at `at` of the training rows (0 <= at < total), which are thought of in the order of
 * the cells: listed ones, others, missing. */
static leat_status set_at(leat_session *to, size_t row, const source *s, double at)
{
    size_t cells = json_array_size(s->levels ? s->levels : s->counts);
    for (size_t i = 0; i < cells; i++) {
        double n = cell_count(s, i);
        if (at >= n) {
            at -= n;
            continue;
        }
        if (!s->levels) return set_bin(to, row, s, i);
        const char *text =
            json_string_value(json_object_get(json_array_get(s->levels, i), "value"));
        return leat_session_set_text(to, row, s->input, text);
    }
    /* A text that training cannot have had stands for those beyond the listed ones. */
    if (at < s->other) return leat_session_set_text(to, row, s->input, "\x01");
    return set_missing(to, row, s);
}

static leat_status fill_input(leat_context *c, leat_session *to, size_t rows, uint64_t seed,
                              source *s, uint32_t *order)
{
    leati_rng rng;
    leat_status st = LEAT_OK;
    leati_rng_init(&rng, seed, LEATI_RNG_SAMPLE, (uint32_t)s->input);
    for (size_t b = 0; b < rows; b++) order[b] = (uint32_t)b;
    leati_rng_shuffle(&rng, order, rows);
    const leati_schema_column *col = s->column;
    if (col->role == LEATI_ROLE_ARRAY) {
        s->elements =
            leati_array(c, col->shape[0] * col->shape[1] * col->shape[2], sizeof *s->elements);
        if (!s->elements) return leat_error_status(c);
    }
    for (size_t b = 0; b < rows && st == LEAT_OK; b++)
        st = set_at(to, b, s, ((double)order[b] + 0.5) / (double)rows * s->total);
    leati_free(s->elements);
    return st;
}

leat_status leati_background_fill(leat_context *c, leat_session *to, size_t rows, uint64_t seed)
{
    const leat_model *m = leati_session_model(to);
    uint32_t *order = leati_array(c, rows, sizeof *order);
    json_t *root = json_loads(leat_model_reference(m), 0, NULL);
    const json_t *inputs = json_object_get(root, "inputs");
    leat_status st = order ? LEAT_OK : leat_error_status(c);
    for (size_t i = 0; i < m->input_count && st == LEAT_OK; i++) {
        source s = {.column = &m->schema.columns[m->inputs[i]], .input = i};
        s.name = s.column->name;
        st = open_source(c, &s, find(inputs, s.name));
        if (st == LEAT_OK) st = fill_input(c, to, rows, seed, &s, order);
    }
    json_decref(root);
    leati_free(order);
    return st;
}
