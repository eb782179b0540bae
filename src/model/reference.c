/* Owns: the reference distributions of a model's inputs and target, by which serving later measures
 * drift. */
#include <math.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/mem.h"
#include "kernel/sort.h"
#include "model/model.h"

enum { BINS = 20, SHOWN_LEVELS = 50 };

/* Edges at quantiles (equal ones merged) and the count of values in each bin [a, b), the last one
 * closed. */
static void number_json(leat_json *j, const double *sorted, size_t n)
{
    double edges[BINS + 1];
    size_t count = 0, at = 0;
    double sum = 0, squares = 0;
    for (size_t b = 0; b <= BINS && n; b++) {
        double e = leati_quantile_sorted(sorted, n, (double)b / BINS);
        if (count == 0 || e > edges[count - 1]) edges[count++] = e;
    }
    for (size_t i = 0; i < n; i++) sum += sorted[i];
    double mean = n ? sum / (double)n : 0;
    for (size_t i = 0; i < n; i++) squares += (sorted[i] - mean) * (sorted[i] - mean);
    leat_json_int(j, "count", (int64_t)n);
    leat_json_number(j, "mean", mean);
    leat_json_number(j, "std", n ? sqrt(squares / (double)n) : 0);
    leat_json_begin_array(j, "edges");
    for (size_t b = 0; b < count; b++) leat_json_number(j, NULL, edges[b]);
    leat_json_end_array(j);
    leat_json_begin_array(j, "counts");
    for (size_t b = 0; b + 1 < count || (b == 0 && count == 1); b++) {
        bool last = b + 2 >= count;
        size_t from = at;
        while (at < n && (last || sorted[at] < edges[b + 1])) at++;
        leat_json_int(j, NULL, (int64_t)(at - from));
        if (last) break;
    }
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

/* The mean of each row's elements: one number that moves when brightness or loudness does. */
static double array_mean(const leati_column *col, size_t row)
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
        case LEAT_STRING: break;
        case LEAT_ARRAY: values[present++] = array_mean(col, rows[i]); break;
        case LEAT_F64: values[present++] = col->f64[rows[i]]; break;
        case LEAT_BOOL: values[present++] = col->u8[rows[i]]; break;
        default: values[present++] = (double)col->i64[rows[i]];
        }
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
        number_json(j, values, present);
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
        number_json(j, y, t->count);
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

leat_status leati_reference_make(leat_context *c, const leati_problem *p, char **out)
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
    leat_json_end_object(j);
    if (st == LEAT_OK) {
        const char *text = leat_json_text(j);
        *out = text ? leati_strdup(c, text) : NULL;
        if (!*out) st = leat_error_status(c);
    }
    leat_json_destroy(j);
    return st;
}
