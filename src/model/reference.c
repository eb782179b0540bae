/* Owns: the reference distributions of a model's inputs and target, by which serving later measures
 * drift. */
#include <math.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/mem.h"
#include "kernel/sort.h"
#include "model/reference.h"

enum { BINS = LEATI_REFERENCE_BINS, SHOWN_LEVELS = 50 };

/* Where bins begin, and where the last one ends: quantiles, equal ones merged; of few distinct
 * values the places half-way between them, so that each has a bin of its own. Ascending; one edge
 * for a constant. sorted (n > 0). Returns the count. */
static size_t place_edges(const double *sorted, size_t n, double edges[BINS + 1])
{
    size_t count = 0, distinct = 1;
    for (size_t i = 1; i < n && distinct <= BINS; i++) distinct += sorted[i] != sorted[i - 1];
    edges[count++] = sorted[0];
    if (distinct <= BINS) {
        for (size_t i = 1; i < n; i++) {
            double middle = sorted[i - 1] / 2 + sorted[i] / 2;
            if (sorted[i] != sorted[i - 1] && middle > edges[count - 1]) edges[count++] = middle;
        }
        if (sorted[n - 1] > edges[count - 1]) edges[count++] = sorted[n - 1];
        return count;
    }
    for (size_t b = 1; b <= BINS; b++) {
        double e = leati_quantile_sorted(sorted, n, (double)b / BINS);
        if (e > edges[count - 1]) edges[count++] = e;
    }
    return count;
}

void leati_reference_numbers(leat_json *j, const double *sorted, size_t n)
{
    double edges[BINS + 1], means[BINS], sum = 0, squares = 0;
    size_t count = n ? place_edges(sorted, n, edges) : 0, at = 0;
    for (size_t i = 0; i < n; i++) sum += sorted[i];
    double mean = n ? sum / (double)n : 0;
    for (size_t i = 0; i < n; i++) squares += (sorted[i] - mean) * (sorted[i] - mean);
    leat_json_int(j, "count", (int64_t)n);
    leat_json_number(j, "mean", mean);
    leat_json_number(j, "std", n ? sqrt(squares / (double)n) : 0);
    leat_json_begin_array(j, "edges");
    for (size_t b = 0; b < count; b++) leat_json_number(j, NULL, edges[b]);
    leat_json_end_array(j);
    size_t bins = count > 1 ? count - 1 : count;
    leat_json_begin_array(j, "counts");
    for (size_t b = 0; b < bins; b++) {
        size_t from = at;
        for (sum = 0; at < n && (b + 1 == bins || sorted[at] < edges[b + 1]); at++)
            sum += sorted[at];
        means[b] = at > from ? sum / (double)(at - from) : edges[b];
        leat_json_int(j, NULL, (int64_t)(at - from));
    }
    leat_json_end_array(j);
    leat_json_begin_array(j, "means");
    for (size_t b = 0; b < bins; b++) leat_json_number(j, NULL, means[b]);
    leat_json_end_array(j);
}

typedef struct level {
    uint32_t code;
    size_t count;
} level;

static int more_frequent(const void *a, const void *b)
{
    const level *x = a, *y = b;
    if (x->count != y->count) return x->count < y->count ? 1 : -1;
    return (x->code > y->code) - (x->code < y->code);
}

static leat_status text_json(leat_context *c, leat_json *j, const leati_column *col,
                             const uint32_t *rows, size_t n)
{
    size_t entries = col->dict ? col->dict->count : 0, shown = 0, rest = 0;
    level *levels = LEATI_NEW(c, level, entries + 1);
    if (!levels) return leat_error_status(c);
    for (uint32_t k = 0; k < entries; k++) levels[k].code = k;
    for (size_t i = 0; i < n; i++)
        if (leati_valid(col, rows[i])) levels[col->codes[rows[i]]].count++;
    qsort(levels, entries, sizeof *levels, more_frequent);
    leat_json_begin_array(j, "levels");
    for (size_t k = 0; k < entries && levels[k].count; k++) {
        if (shown == SHOWN_LEVELS) {
            rest += levels[k].count;
            continue;
        }
        size_t length;
        const char *text = leati_dict_text(col->dict, levels[k].code, &length);
        leat_json_begin_object(j, NULL);
        leat_json_stringn(j, "value", text, length);
        leat_json_int(j, "count", (int64_t)levels[k].count);
        leat_json_end_object(j);
        shown++;
    }
    leat_json_end_array(j);
    leat_json_int(j, "other", (int64_t)rest);
    leati_free(levels);
    return LEAT_OK;
}

double leati_reference_array(const leati_column *col, size_t row)
{
    double sum = 0;
    for (size_t k = 0; k < col->length; k++) {
        size_t at = row * col->length + k;
        if (col->item == LEATI_ITEM_U8) sum += col->u8[at];
        else sum += col->item == LEATI_ITEM_F32 ? (double)col->f32[at] : col->f64[at];
    }
    return sum / (double)col->length;
}

static leat_status column_json(leat_context *c, leat_json *j, const char *name,
                               const leati_column *col, const uint32_t *rows, size_t n)
{
    double *values = leati_array(c, n, sizeof *values);
    if (!values) return leat_error_status(c);
    size_t present = 0, missing = 0;
    for (size_t i = 0; i < n; i++) {
        if (!leati_valid(col, rows[i])) {
            missing++;
            continue;
        }
        switch (col->type) {
        case LEAT_STRING: continue;
        case LEAT_ARRAY: values[present] = leati_reference_array(col, rows[i]); break;
        case LEAT_F64: values[present] = col->f64[rows[i]]; break;
        case LEAT_BOOL: values[present] = col->u8[rows[i]]; break;
        default: values[present] = (double)col->i64[rows[i]];
        }
        if (isfinite(values[present])) present++;
        else missing++;
    }
    leat_json_begin_object(j, NULL);
    leat_json_string(j, "name", name);
    leat_json_string(j, "kind",
                     col->type == LEAT_STRING  ? "levels"
                     : col->type == LEAT_ARRAY ? "mean of the elements"
                                               : "numbers");
    leat_json_int(j, "missing", (int64_t)missing);
    leat_status st = LEAT_OK;
    if (col->type == LEAT_STRING) {
        st = text_json(c, j, col, rows, n);
    } else {
        st = leati_sort_f64(c, values, present);
        leati_reference_numbers(j, values, present);
    }
    leat_json_end_object(j);
    leati_free(values);
    return st;
}

static leat_status target_json(leat_context *c, leat_json *j, const leati_problem *p)
{
    const leati_schema *s = p->schema;
    const leati_target *t = p->target;
    leat_json_begin_object(j, "target");
    leat_json_string(j, "name", s->target);
    if (s->task == LEATI_REGRESS) {
        double *y = leati_memdup(c, t->y, t->count * sizeof *y);
        if (!y) return leat_error_status(c);
        leat_status st = leati_sort_f64(c, y, t->count);
        leati_reference_numbers(j, y, t->count);
        leati_free(y);
        leat_json_end_object(j);
        return st;
    }
    size_t *counts = LEATI_NEW(c, size_t, s->classes);
    if (!counts) return leat_error_status(c);
    for (size_t i = 0; i < t->count; i++) counts[t->label[i]]++;
    leat_json_begin_array(j, "levels");
    for (uint32_t k = 0; k < s->classes; k++) {
        leat_json_begin_object(j, NULL);
        leat_json_string(j, "value", s->class_names[k]);
        leat_json_int(j, "count", (int64_t)counts[k]);
        leat_json_end_object(j);
    }
    leat_json_end_array(j);
    leat_json_end_object(j);
    leati_free(counts);
    return LEAT_OK;
}

leat_status leati_reference_make(leat_context *c, const leati_problem *p,
                                 const leati_predictions *held_out, char **out)
{
    leat_json *j = leat_json_create(c, 0);
    leat_status st = j ? LEAT_OK : leat_error_status(c);
    *out = NULL;
    leat_json_begin_object(j, NULL);
    leat_json_int(j, "rows", (int64_t)p->target->count);
    leat_json_begin_array(j, "inputs");
    for (size_t i = 0; i < p->frame->columns && st == LEAT_OK; i++)
        st = column_json(c, j, p->frame->name[i], p->frame->column[i], p->target->rows,
                         p->target->count);
    leat_json_end_array(j);
    if (st == LEAT_OK) st = target_json(c, j, p);
    if (st == LEAT_OK && held_out && held_out->value)
        st = leati_reference_held_out(c, j, p, held_out);
    leat_json_end_object(j);
    if (st == LEAT_OK) {
        const char *text = leat_json_text(j);
        *out = text ? leati_strdup(c, text) : NULL;
        if (!*out) st = leat_error_status(c);
    }
    leat_json_destroy(j);
    return st;
}
