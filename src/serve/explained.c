/* Owns: explaining the rows of a request, its limits and how explanations are written. Not: the
 * method (model/explainer.c). */
#include "serve/explained.h"

#include <math.h>

/* Of a request: evaluations, seconds as a row took them when the model was warmed up. */
enum { MOST_EVALUATIONS = 1 << 20, MOST_SECONDS = 20 };

/* ---- writing ----------------------------------------------------------------------------------
 */

static void write_named(leati_reply *r, const leati_served *s, const double *values)
{
    LEATI_REPLY(r, "{");
    for (size_t i = 0; i < s->inputs; i++) {
        if (i) LEATI_REPLY(r, ",");
        leati_reply_text(r, s->ports[i].name, s->ports[i].name_length);
        LEATI_REPLY(r, ":");
        leati_reply_number(r, values[i]);
    }
    LEATI_REPLY(r, "}");
}

/* [[...], ...] of an image. */
static void write_grid(leati_reply *r, const double *values, size_t rows, size_t columns)
{
    LEATI_REPLY(r, "[");
    for (size_t y = 0; y < rows; y++) {
        if (y) LEATI_REPLY(r, ",");
        LEATI_REPLY(r, "[");
        for (size_t x = 0; x < columns; x++) {
            if (x) LEATI_REPLY(r, ",");
            leati_reply_number(r, values[y * columns + x]);
        }
        LEATI_REPLY(r, "]");
    }
    LEATI_REPLY(r, "]");
}

static void write_patches(leati_reply *r, const leati_served *s, const leat_explainer *e)
{
    size_t rows, columns;
    bool first = true;
    for (size_t i = 0; i < s->inputs; i++) {
        const double *patches = leat_explainer_patches(e, i, &rows, &columns);
        if (!patches) continue;
        if (first) LEATI_REPLY(r, ",\"patches\":{");
        else LEATI_REPLY(r, ",");
        first = false;
        leati_reply_text(r, s->ports[i].name, s->ports[i].name_length);
        LEATI_REPLY(r, ":");
        write_grid(r, patches, rows, columns);
    }
    if (!first) LEATI_REPLY(r, "}");
}

static void write_explanation(leati_reply *r, const leati_served *s, const leat_explainer *e)
{
    size_t class = leat_explainer_class(e);
    LEATI_REPLY(r, "{");
    if (class != SIZE_MAX) {
        LEATI_REPLY(r, "\"class\":");
        leati_reply_raw(r, s->class_json[class], s->class_length[class]);
        LEATI_REPLY(r, ",");
    }
    LEATI_REPLY(r, "\"value\":");
    leati_reply_number(r, leat_explainer_value(e));
    LEATI_REPLY(r, ",\"base\":");
    leati_reply_number(r, leat_explainer_base(e));
    LEATI_REPLY(r, ",\"contributions\":");
    write_named(r, s, leat_explainer_contributions(e));
    if (leat_explainer_errors(e)) {
        LEATI_REPLY(r, ",\"standard_errors\":");
        write_named(r, s, leat_explainer_errors(e));
    }
    write_patches(r, s, e);
    LEATI_REPLY(r, "}");
}

static void write_method(leati_reply *r, const leati_served *s, const leat_explainer *e)
{
    LEATI_REPLY(r, ",\"explained\":{\"what\":");
    leati_reply_string(r, !s->classes        ? "prediction"
                          : s->probabilities ? "probability of the class"
                                             : "whether the class is predicted");
    LEATI_REPLY(r, ",\"method\":");
    leati_reply_string(r, leat_explainer_method(e));
    LEATI_REPLY(r, ",\"background_rows\":");
    leati_reply_unsigned(r, leat_explainer_background(e));
    LEATI_REPLY(r, ",\"evaluations_per_row\":");
    leati_reply_unsigned(r, leat_explainer_evaluations(e));
    LEATI_REPLY(r, "}");
}

/* ---- limits -----------------------------------------------------------------------------------
 */

static bool within_limits(leati_call *call, const leati_served *s, const leati_ask *a,
                          const leat_explainer *e)
{
    size_t rows = a->rows + a->filled;
    double each = (double)leat_explainer_evaluations(e);
    double most = fmin(LEATI_EXPLAINED_ROWS, floor(MOST_EVALUATIONS / each));
    if (s->row_ns) most = fmin(most, floor(MOST_SECONDS * 1e9 / (each * (double)s->row_ns)));
    most = fmin(most, (double)a->room);
    if ((double)rows <= most) return true;
    if (most < 1)
        return leati_fault_set(&call->fault, 422, "not_explainable",
                               "an answer of the model '%s' is too much to explain: it would be "
                               "asked for %.0f rows",
                               s->name, each);
    return leati_fault_set(&call->fault, 422, "too_many_rows",
                           "%zu rows cannot be explained at once; of the model '%s' at most %.0f",
                           rows, s->name, most);
}

static bool failed(leati_call *call, leat_status st)
{
    leat_context *c = call->desk->context;
    if (st != LEAT_UNSUPPORTED) return leati_fault_from(&call->fault, c);
    leati_fault_set(&call->fault, 422, "not_explainable", "%s", leat_error_message(c));
    leat_error_clear(c);
    return false;
}

bool leati_explained_begin(leati_call *call, const leati_served *s, const leati_ask *a,
                           leat_explainer **out)
{
    leat_status st = leat_explainer_create(call->desk->context, s->model, NULL, out);
    if (st != LEAT_OK) return failed(call, st);
    if (within_limits(call, s, a, *out)) return true;
    leat_explainer_destroy(*out);
    *out = NULL;
    return false;
}

bool leati_explained_write(leati_reply *r, leati_call *call, const leati_served *s,
                           const leati_ask *a, leat_explainer *e)
{
    LEATI_REPLY(r, ",\"explanations\":[");
    for (size_t i = 0; i < a->rows; i++) {
        leat_status st = leat_explainer_run(e, a->session, i);
        if (st != LEAT_OK) return failed(call, st);
        if (i) LEATI_REPLY(r, ",");
        write_explanation(r, s, e);
    }
    LEATI_REPLY(r, "]");
    write_method(r, s, e);
    return true;
}
