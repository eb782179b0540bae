/* Owns: values and rows in JSON, by name or in order, and single values as text. Not: tables and
 * images (rows_files.c). */
#include "serve/rows_in.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/str.h"
#include "frame/infer.h"
#include "io/encoding.h"
#include "serve/explained.h"

enum { TEXT = 4096 }; /* longest text of a value */

/* ---- faults -----------------------------------------------------------------------------------
 */

/* "row 3, field 'weight'"; the row only where there are several. */
static const char *place(const leati_rows *x, size_t input, char out[160])
{
    const leati_port *p = &x->served->ports[input];
    if (x->single) snprintf(out, 160, "field '%.*s'", LEATI_CLIP(p->name, p->name_length));
    else
        snprintf(out, 160, "row %zu, field '%.*s'", x->row + 1,
                 LEATI_CLIP(p->name, p->name_length));
    return out;
}

static bool wrong_value(leati_rows *x, size_t input, const char *text, size_t length,
                        const char *expected)
{
    char at[160], low[LEATI_NUM_SIZE], high[LEATI_NUM_SIZE], range[160] = "";
    const leati_port *p = &x->served->ports[input];
    if (p->role == LEATI_ROLE_NUMBER && isfinite(p->low) && p->type != LEAT_BOOL) {
        leati_num_format(p->low, low);
        leati_num_format(p->high, high);
        snprintf(range, sizeof range, " (the model was trained on %snumbers from %s to %s)",
                 p->type == LEAT_I64 ? "whole " : "", low, high);
    }
    return leati_fault_set(&x->call->fault, 422, "invalid_value", "%s: %.*s is not %s%s",
                           place(x, input, at), LEATI_CLIP(text, length), expected, range);
}

/* The same for a text that was sent. */
static bool wrong_text(leati_rows *x, size_t input, const char *text, size_t length,
                       const char *expected)
{
    char quoted[LEATI_CLIP_MOST];
    snprintf(quoted, sizeof quoted, "'%.*s'", (int)(length > 50 ? 50 : length), text);
    return wrong_value(x, input, quoted, strlen(quoted), expected);
}

static bool missing_field(leati_rows *x, size_t input)
{
    char at[160];
    return leati_fault_set(&x->call->fault, 422, "missing_field",
                           "%s is missing; the model needs all %zu: GET its path for their names, "
                           "and send null for a value that is not known",
                           place(x, input, at), x->served->inputs);
}

/* ---- single values ----------------------------------------------------------------------------
 */

static bool set_number(leati_rows *x, size_t input, double value, const char *text, size_t length)
{
    if (isinf(value)) return wrong_value(x, input, text, length, "a finite number");
    return leati_ask_number(x->ask, input, value);
}

/* The text of a category, which may be long. */
static bool set_text(leati_rows *x, size_t input, const char *text, size_t length)
{
    char near[TEXT], *plain = near;
    if (memchr(text, '\0', length) || !leati_utf8_valid(text, length))
        return wrong_value(x, input, "this text", 9, "UTF-8 without NUL characters");
    if (length >= sizeof near) plain = leati_alloc(x->call->desk->context, length + 1);
    if (!plain) return leati_fault_from(&x->call->fault, x->call->desk->context);
    memcpy(plain, text, length);
    plain[length] = '\0';
    bool ok = leati_ask_text(x->ask, input, plain);
    if (plain != near) leati_free(plain);
    return ok;
}

bool leati_rows_text(leati_rows *x, size_t input, const char *text, size_t length)
{
    const leati_port *p = &x->served->ports[input];
    char plain[TEXT];
    double value;
    uint8_t truth;
    int64_t when;
    if (p->role == LEATI_ROLE_CATEGORY)
        return length ? set_text(x, input, text, length) : leati_ask_text(x->ask, input, NULL);
    if (length >= sizeof plain) return wrong_text(x, input, text, length, "a text so short");
    memcpy(plain, text, length);
    plain[length] = '\0';
    switch (p->role) {
    case LEATI_ROLE_TIME:
        if (length == 0) return leati_ask_time(x->ask, input, INT64_MIN);
        if (leati_value_time(plain, length, &when)) return leati_ask_time(x->ask, input, when);
        return wrong_text(x, input, text, length, "a time like 2026-02-28T12:30:00Z");
    case LEATI_ROLE_ARRAY: return wrong_text(x, input, text, length, "an array of numbers");
    default:
        if (length == 0) return leati_ask_number(x->ask, input, (double)NAN);
        if (p->type == LEAT_BOOL && leati_value_bool(plain, length, true, &truth))
            return leati_ask_number(x->ask, input, truth);
        if (!leati_num_parse(plain, length, &value) || isnan(value))
            return wrong_text(x, input, text, length, "a number");
        return set_number(x, input, value, text, length);
    }
}

static bool take_long_string(leati_rows *x, size_t input, const leati_json_value *v)
{
    leat_context *c = x->call->desk->context;
    if (!v->escaped) return set_text(x, input, v->text, v->length);
    char *plain = leati_alloc(c, v->length + 1);
    if (!plain) return leati_fault_from(&x->call->fault, c);
    bool ok = set_text(x, input, plain, leati_json_unescape(v, plain));
    leati_free(plain);
    return ok;
}

static bool take_string(leati_rows *x, size_t input, const leati_json_value *v)
{
    char plain[TEXT];
    const leati_port *p = &x->served->ports[input];
    if (!leati_json_paired(v))
        return wrong_value(x, input, "this text", 9, "Unicode: half a surrogate pair stands alone");
    if (v->length >= sizeof plain && p->role == LEATI_ROLE_CATEGORY)
        return take_long_string(x, input, v);
    if (v->length >= sizeof plain)
        return wrong_value(x, input, v->text, v->length, "a text of less than 4,096 bytes");
    size_t n = v->length;
    if (v->escaped) n = leati_json_unescape(v, plain);
    else memcpy(plain, v->text, n);
    if (n == 0 && p->role == LEATI_ROLE_CATEGORY) return leati_ask_text(x->ask, input, "");
    if (n == 0)
        return wrong_value(x, input, "\"\"", 2,
                           p->role == LEATI_ROLE_TIME ? "a time (null: missing)"
                                                      : "a number (null: missing)");
    return leati_rows_text(x, input, plain, n);
}

static bool take_missing(leati_rows *x, size_t input)
{
    switch (x->served->ports[input].role) {
    case LEATI_ROLE_CATEGORY: return leati_ask_text(x->ask, input, NULL);
    case LEATI_ROLE_TIME: return leati_ask_time(x->ask, input, INT64_MIN);
    case LEATI_ROLE_ARRAY: return wrong_value(x, input, "null", 4, "an array of numbers");
    default: return leati_ask_number(x->ask, input, (double)NAN);
    }
}

/* A number for a category is the text it has in a table. */
static bool category_number(leati_rows *x, size_t input, const leati_json_value *v)
{
    char text[LEATI_NUM_SIZE];
    int64_t whole;
    double value;
    if (leati_int_parse(v->text, v->length, &whole))
        snprintf(text, sizeof text, "%lld", (long long)whole);
    else if (leati_num_parse(v->text, v->length, &value) && isfinite(value))
        leati_num_format(value, text);
    else return wrong_value(x, input, v->text, v->length, "a finite number");
    return leati_ask_text(x->ask, input, text);
}

/* Numbers in brackets of any nesting, as many as a row has. */
static bool take_array(leati_rows *x, size_t input, leati_json_in *json)
{
    const leati_port *p = &x->served->ports[input];
    size_t depth = 0, count = 0;
    bool value = true;
    char what[80];
    do {
        char next = leati_json_peek(json);
        if (next == '[' && value) {
            if (++depth > LEATI_TENSOR_RANK)
                return wrong_value(x, input, "this", 4, "an array of at most 8 levels");
            json->at++;
        } else if (next == ']' && depth && !value) {
            depth--;
            json->at++;
        } else if (next == ',' && !value) {
            json->at++;
            value = true;
        } else if (value && depth) {
            double number;
            const char *behind = leati_json_real(json, json->at, &number);
            if (!behind) return wrong_value(x, input, "a member", 8, "a number");
            if (count < p->elements) x->ask->elements[count] = number;
            count++;
            json->at = behind;
            value = false;
        } else {
            return leati_json_wrong(json, json->at, "an array of numbers");
        }
    } while (depth);
    if (count == p->elements) return leati_ask_array(x->ask, input, x->ask->elements, count);
    snprintf(what, sizeof what, "an array of %zu numbers", p->elements);
    char has[40];
    snprintf(has, sizeof has, "an array of %zu", count);
    return wrong_value(x, input, has, strlen(has), what);
}

bool leati_rows_json(leati_rows *x, size_t input, leati_json_in *json)
{
    const leati_port *p = &x->served->ports[input];
    leati_json_value v;
    char next = leati_json_peek(json);
    if (p->role == LEATI_ROLE_NUMBER && (next == '-' || (unsigned)(next - '0') <= 9)) {
        double value;
        const char *from = json->at, *behind = leati_json_real(json, from, &value);
        if (behind) {
            json->at = behind;
            return set_number(x, input, value, from, (size_t)(behind - from));
        }
    }
    if (p->role == LEATI_ROLE_ARRAY && next == '[') return take_array(x, input, json);
    if (!leati_json_any(json, &v)) return false;
    bool truth = v.kind == LEATI_JSON_TRUE || v.kind == LEATI_JSON_FALSE;
    if (v.kind == LEATI_JSON_STRING) return take_string(x, input, &v);
    if (v.kind == LEATI_JSON_NULL && v.length == 4) return take_missing(x, input);
    if (v.kind == LEATI_JSON_NUMBER && p->role == LEATI_ROLE_CATEGORY)
        return category_number(x, input, &v);
    if (truth && p->role == LEATI_ROLE_NUMBER)
        return leati_ask_number(x->ask, input, v.kind == LEATI_JSON_TRUE);
    if (truth && p->role == LEATI_ROLE_CATEGORY)
        return leati_ask_text(x->ask, input, v.kind == LEATI_JSON_TRUE ? "true" : "false");
    return wrong_value(x, input, v.text, v.length,
                       p->role == LEATI_ROLE_CATEGORY ? "a text"
                       : p->role == LEATI_ROLE_TIME   ? "a time like \"2026-02-28T12:30:00Z\""
                       : p->role == LEATI_ROLE_ARRAY  ? "an array of numbers"
                                                      : "a number (null: missing)");
}

/* ---- rows -------------------------------------------------------------------------------------
 */

bool leati_rows_begin(leati_rows *x, leati_call *call, leati_served *served, bool probabilities)
{
    leati_tensor_room *room = &call->desk->room;
    leati_tensor_room_trim(room);
    *x = (leati_rows){.call = call, .served = served};
    call->not_finite = 422;
    x->ask = leati_call_begin(call, served, probabilities);
    if (!x->ask) return false;
    if (leati_grow(room->context, &room->cells, &room->cell_capacity, 2 * served->inputs,
                   sizeof *room->cells) != LEAT_OK)
        return leati_fault_from(&call->fault, room->context);
    x->seen = room->cells;
    memset(x->seen, 0, served->inputs * sizeof *x->seen);
    return true;
}

size_t leati_rows_input(leati_rows *x, const leati_json_value *name)
{
    const leati_served *s = x->served;
    char plain[TEXT];
    const char *text = name->text;
    size_t length = name->length;
    if (name->escaped) {
        if (length >= sizeof plain) return SIZE_MAX;
        length = leati_json_unescape(name, plain);
        text = plain;
    }
    const leati_port *p = &s->ports[x->next];
    if (x->next < s->inputs && p->name_length == length && memcmp(p->name, text, length) == 0)
        return x->next++;
    uint32_t found = leati_map_get(&s->names, text, length);
    if (found == LEATI_MAP_NONE) return SIZE_MAX;
    x->next = found + (size_t)1;
    return found;
}

bool leati_rows_mark(leati_rows *x, size_t input)
{
    char at[160];
    if (x->seen[input] == x->row + 1)
        return leati_fault_set(&x->call->fault, 400, "duplicate_field", "%s stands twice",
                               place(x, input, at));
    x->seen[input] = x->row + 1;
    return true;
}

bool leati_rows_object(leati_rows *x, leati_json_in *json)
{
    bool first = true;
    int more;
    x->next = 0;
    x->said = false;
    if (!leati_json_enter(json, '{', "a row")) return false;
    while ((more = leati_json_more(json, '{', &first)) == 1) {
        leati_json_value key, skipped;
        if (!leati_json_key(json, &key)) return false;
        size_t input = leati_rows_input(x, &key);
        bool ok = input != SIZE_MAX ? leati_rows_mark(x, input) && leati_rows_json(x, input, json)
                  : LEATI_JSON_IS(&key, "explain") ? leati_rows_explain_json(x, json)
                                                   : leati_json_any(json, &skipped);
        if (!ok) return false;
    }
    return more == 0 && leati_rows_next(x);
}

/* Two readers of a request must not understand it differently. */
static bool once(leati_rows *x)
{
    if (x->said)
        return leati_fault_set(&x->call->fault, 400, "duplicate_field", "'explain' stands twice");
    x->said = true;
    return true;
}

static bool explain(leati_rows *x, bool yes)
{
    if (x->says && x->explain != yes)
        return leati_fault_set(&x->call->fault, 400, "contradiction",
                               "the request says 'explain' in two places: true and false");
    x->says = true;
    x->explain = yes;
    if (yes) leati_ask_at_most(x->call->ask, LEATI_EXPLAINED_ROWS);
    return true;
}

bool leati_rows_explain_text(leati_rows *x, const char *value, size_t length)
{
    bool yes = length == 0 || (length == 1 && *value == '1') ||
               (length == 4 && memcmp(value, "true", 4) == 0);
    bool no = (length == 1 && *value == '0') || (length == 5 && memcmp(value, "false", 5) == 0);
    if (!once(x)) return false;
    if (yes || no) return explain(x, yes);
    return leati_fault_set(&x->call->fault, 422, "invalid_value",
                           "field 'explain': '%.*s' is neither true nor false",
                           LEATI_CLIP(value, length));
}

bool leati_rows_explain_json(leati_rows *x, leati_json_in *json)
{
    leati_json_value v;
    if (!once(x) || !leati_json_any(json, &v)) return false;
    if (v.kind == LEATI_JSON_NULL && v.length == 4) return true;
    if (v.kind == LEATI_JSON_TRUE || v.kind == LEATI_JSON_FALSE)
        return explain(x, v.kind == LEATI_JSON_TRUE);
    return leati_fault_set(&x->call->fault, 422, "invalid_value",
                           "field 'explain': %.*s is neither true nor false",
                           LEATI_CLIP(v.text, v.length));
}

bool leati_rows_unknown(leati_rows *x, const char *name, size_t length)
{
    const leati_served *s = x->served;
    const char *near = NULL, **names;
    char plain[LEATI_CLIP_MOST + 1];
    snprintf(plain, sizeof plain, "%.*s", LEATI_CLIP(name, length));
    names = leati_alloc_quiet(x->call->desk->context, (s->inputs + 1) * sizeof *names);
    for (size_t i = 0; names && i < s->inputs; i++) names[i] = s->ports[i].name;
    if (names) {
        names[s->inputs] = "explain";
        near = leati_nearest(plain, names, s->inputs + 1);
    }
    leati_fault_set(&x->call->fault, 422, "unknown_field",
                    "the model '%s' has no input '%s'%s%.*s%s", s->name, plain,
                    near ? "; did you mean '" : "",
                    LEATI_CLIP(near ? near : "", near ? strlen(near) : 0), near ? "'?" : "");
    leati_free((void *)names);
    return false;
}

bool leati_rows_array(leati_rows *x, leati_json_in *json)
{
    bool first = true;
    int more;
    size_t input = 0;
    if (!leati_json_enter(json, '[', "a row")) return false;
    for (; (more = leati_json_more(json, '[', &first)) == 1; input++) {
        if (input == x->served->inputs)
            return leati_fault_set(&x->call->fault, 422, "invalid_row",
                                   "row %zu has more than the %zu values of the model", x->row + 1,
                                   x->served->inputs);
        if (!leati_rows_mark(x, input) || !leati_rows_json(x, input, json)) return false;
    }
    return more == 0 && leati_rows_next(x);
}

bool leati_rows_next(leati_rows *x)
{
    for (size_t i = 0; i < x->served->inputs; i++)
        if (x->seen[i] != x->row + 1) return missing_field(x, i);
    x->row++;
    return leati_ask_next(x->ask);
}

bool leati_rows_end(leati_rows *x)
{
    if (x->row == 0)
        return leati_fault_set(&x->call->fault, 422, "no_rows", "there is no row to predict");
    return true;
}
