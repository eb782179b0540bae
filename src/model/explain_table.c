/* Owns: explanations of the rows of a table. */
#include <leat/explain.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"
#include "learn/conform.h"
#include "model/model.h"
#include "model/session_cells.h"

enum { FIXED = 2 }; /* value, base */

/* value, base and contributions, a column each: (FIXED + inputs, rows). */
static leat_status explain_rows(leat_explainer *e, leat_session *s, const leat_frame *f,
                                size_t inputs, double *out)
{
    size_t n = f->rows;
    for (size_t r = 0; r < n; r++) {
        LEATI_TRY(leati_session_set_row(s, 0, f, r));
        LEATI_TRY(leat_explainer_run(e, s, 0));
        out[r] = leat_explainer_value(e);
        out[n + r] = leat_explainer_base(e);
        for (size_t i = 0; i < inputs; i++)
            out[(FIXED + i) * n + r] = leat_explainer_contributions(e)[i];
    }
    return LEAT_OK;
}

static leat_status add_column(leat_context *c, leat_frame *to, const char *prefix, const char *name,
                              const double *values)
{
    leati_str whole;
    leati_str_init(&whole, c);
    leati_str_addf(&whole, "%s%s", prefix, name);
    leati_column *col = leati_column_create(c, LEAT_F64, to->rows);
    if (col) memcpy(col->f64, values, to->rows * sizeof *values);
    leat_status st = leati_str_status(&whole);
    if (st == LEAT_OK) st = leati_frame_add(c, to, leati_str_text(&whole), col);
    else leati_column_release(col);
    leati_str_fini(&whole);
    return st;
}

leat_status leat_model_explain(leat_context *c, leat_model *m, const leat_frame *frame,
                               const leat_explain_options *options, leat_frame **out)
{
    leat_explainer *e = NULL;
    leat_session *s = NULL;
    leat_frame *f = NULL, *to = NULL;
    size_t n = frame->rows, inputs = m->input_count;
    leat_status st;
    *out = NULL;
    double *values = leati_array(c, (FIXED + inputs) * (n + 1), sizeof *values);
    LEATI_GO(values ? LEAT_OK : leat_error_status(c));
    LEATI_GO(leat_explainer_create(c, m, options, &e));
    LEATI_GO(leat_session_create(c, m, 1, &s));
    LEATI_GO(leati_conform(c, &f, &m->schema, frame));
    LEATI_GO(explain_rows(e, s, f, inputs, values));
    LEATI_GO(leat_model_predict(c, m, frame, false, &to));
    LEATI_GO(add_column(c, to, "", "value", values));
    LEATI_GO(add_column(c, to, "", "base", values + n));
    for (size_t i = 0; i < inputs; i++)
        LEATI_GO(add_column(c, to, "why_", leat_model_input_name(m, i), values + (FIXED + i) * n));
    *out = to;
    to = NULL;
out:
    leat_frame_release(to);
    leat_frame_release(f);
    leat_session_destroy(s);
    leat_explainer_destroy(e);
    leati_free(values);
    return st;
}
