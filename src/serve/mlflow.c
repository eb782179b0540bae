/* Owns: MLflow's scoring protocol: POST /invocations with JSON of exactly one of dataframe_split,
 * dataframe_records, instances and inputs, or with text/csv; answers {"predictions": [...]}. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "serve/media.h"
#include "serve/rows_in.h"

/* Where the forms stand in the body; a kind of NULL: not there. */
typedef struct forms {
    leati_json_value split, records, instances, inputs;
} forms;

static bool read_forms(leati_json_in *json, forms *f)
{
    leati_json_value *where[] = {&f->split, &f->records, &f->instances, &f->inputs};
    static const char *const names[] = {"dataframe_split", "dataframe_records", "instances",
                                        "inputs"};
    bool first = true;
    int more, count = 0;
    if (!leati_json_enter(json, '{', "the request")) return false;
    while ((more = leati_json_more(json, '{', &first)) == 1) {
        leati_json_value key, value;
        if (!leati_json_key(json, &key) || !leati_json_any(json, &value)) return false;
        for (size_t i = 0; i < 4; i++) {
            if (!leati_json_is(&key, names[i], strlen(names[i]))) continue;
            *where[i] = value;
            count++;
        }
    }
    if (more < 0 || !leati_json_finish(json)) return false;
    return count == 1 || leati_fault_set(json->fault, 400, "invalid_request",
                                         "expected exactly one of dataframe_split, "
                                         "dataframe_records, instances and inputs, not %d",
                                         count);
}

/* The reader inside a value that was found before. */
static leati_json_in within(const leati_json_in *json, const leati_json_value *v)
{
    leati_json_in in = *json;
    in.at = v->text - (v->kind == LEATI_JSON_STRING);
    return in;
}

/* ---- dataframe_split --------------------------------------------------------------------------
 */

static bool find_split(leati_json_in *json, leati_json_value *columns, leati_json_value *data)
{
    bool first = true;
    int more;
    if (!leati_json_enter(json, '{', "dataframe_split")) return false;
    while ((more = leati_json_more(json, '{', &first)) == 1) {
        leati_json_value key, value;
        if (!leati_json_key(json, &key) || !leati_json_any(json, &value)) return false;
        leati_json_value *at = LEATI_JSON_IS(&key, "columns") ? columns
                               : LEATI_JSON_IS(&key, "data")  ? data
                                                              : NULL;
        if (at && at->text)
            return leati_fault_set(json->fault, 400, "duplicate_field", "'%.*s' stands twice",
                                   LEATI_CLIP(key.text, key.length));
        if (at) *at = value;
    }
    if (more < 0) return false;
    return (columns->text && data->text) ||
           leati_fault_set(json->fault, 400, "invalid_request",
                           "dataframe_split has \"columns\" and \"data\"");
}

enum { MOST_COLUMNS = 65536 };

/* column_of: for column k of the data the input, or SIZE_MAX for one the model does not have. */
static bool read_columns(leati_rows *x, leati_json_in *json, uint64_t **column_of, size_t *count)
{
    leati_tensor_room *room = &x->call->desk->room;
    bool first = true;
    int more;
    size_t n = 0, inputs = x->served->inputs;
    if (!leati_json_enter(json, '[', "\"columns\"")) return false;
    while ((more = leati_json_more(json, '[', &first)) == 1) {
        leati_json_value name;
        if (!leati_json_any(json, &name)) return false;
        if (name.kind != LEATI_JSON_STRING || n == MOST_COLUMNS)
            return leati_fault_set(json->fault, 400, "invalid_request",
                                   "\"columns\" holds at most 65,536 texts");
        if (leati_grow(room->context, &room->cells, &room->cell_capacity, inputs + n + 1,
                       sizeof *room->cells) != LEAT_OK)
            return leati_fault_from(json->fault, room->context);
        room->cells[inputs + n++] = leati_rows_input(x, &name);
    }
    x->seen = room->cells; /* it may have moved */
    *column_of = room->cells + inputs;
    *count = n;
    return more == 0;
}

static bool read_split_row(leati_rows *x, leati_json_in *json, const uint64_t *column_of,
                           size_t columns)
{
    bool first = true;
    int more;
    size_t k = 0;
    if (!leati_json_enter(json, '[', "a row")) return false;
    for (; (more = leati_json_more(json, '[', &first)) == 1; k++) {
        leati_json_value skipped;
        if (k == columns) break;
        bool ok = column_of[k] == SIZE_MAX
                      ? leati_json_any(json, &skipped)
                      : leati_rows_mark(x, column_of[k]) && leati_rows_json(x, column_of[k], json);
        if (!ok) return false;
    }
    if (more < 0) return false;
    if (k != columns || more == 1)
        return leati_fault_set(json->fault, 400, "invalid_request",
                               "row %zu has not as many values as there are columns, %zu",
                               x->row + 1, columns);
    return leati_rows_next(x);
}

static bool read_split(leati_rows *x, leati_json_in json)
{
    leati_json_value columns = {0}, data = {0};
    uint64_t *column_of = NULL;
    size_t count = 0;
    bool first = true;
    int more;
    if (!find_split(&json, &columns, &data)) return false;
    leati_json_in names = within(&json, &columns), rows = within(&json, &data);
    if (!read_columns(x, &names, &column_of, &count)) return false;
    if (!leati_json_enter(&rows, '[', "\"data\"")) return false;
    while ((more = leati_json_more(&rows, '[', &first)) == 1)
        if (!read_split_row(x, &rows, column_of, count)) return false;
    return more == 0;
}

/* ---- rows one behind the other ----------------------------------------------------------------
 */

/* Objects, arrays in the order of the inputs, or values where there is one input. */
static bool read_rows(leati_rows *x, leati_json_in json)
{
    bool first = true;
    int more;
    if (!leati_json_enter(&json, '[', "the rows")) return false;
    while ((more = leati_json_more(&json, '[', &first)) == 1) {
        char next = leati_json_peek(&json);
        bool array = x->served->ports[0].role == LEATI_ROLE_ARRAY, ok;
        if (next == '{') ok = leati_rows_object(x, &json);
        else if (next == '[' && !(x->served->inputs == 1 && array)) ok = leati_rows_array(x, &json);
        else if (x->served->inputs == 1)
            ok = leati_rows_mark(x, 0) && leati_rows_json(x, 0, &json) && leati_rows_next(x);
        else
            ok = leati_fault_set(json.fault, 400, "invalid_request",
                                 "row %zu is neither an object nor an array", x->row + 1);
        if (!ok) return false;
    }
    return more == 0;
}

/* ---- columns beside one another ---------------------------------------------------------------
 */

/* {"a": [1, 2], "b": [3, 4]}: a reader per column; all end in the same row. */
static bool read_columns_of(leati_rows *x, leati_json_in json)
{
    size_t inputs = x->served->inputs;
    uint64_t *at = x->seen + inputs; /* places of the readers, from the beginning of the body */
    bool first = true;
    int more;
    memset(at, 0, inputs * sizeof *at);
    if (!leati_json_enter(&json, '{', "inputs")) return false;
    while ((more = leati_json_more(&json, '{', &first)) == 1) {
        leati_json_value key, value;
        if (!leati_json_key(&json, &key) || !leati_json_any(&json, &value)) return false;
        size_t input = leati_rows_input(x, &key);
        if (input == SIZE_MAX) continue;
        if (!leati_rows_mark(x, input)) return false;
        if (value.kind != LEATI_JSON_NESTED || *value.text != '[')
            return leati_fault_set(json.fault, 400, "invalid_request",
                                   "the column '%.*s' must be an array",
                                   LEATI_CLIP(key.text, key.length));
        at[input] = (uint64_t)(value.text + 1 - json.begin);
    }
    if (more < 0) return false;
    for (size_t row = 0;; row++) {
        size_t ended = 0;
        for (size_t i = 0; i < inputs; i++) {
            leati_json_in cell = json;
            if (at[i] == 0) return leati_rows_next(x); /* says what is missing */
            bool begins = row == 0;
            cell.at = cell.begin + at[i];
            more = leati_json_more(&cell, '[', &begins);
            if (more < 0) return false;
            ended += more == 0;
            if (more == 0) continue;
            if (ended || !(row == 0 || leati_rows_mark(x, i)) || !leati_rows_json(x, i, &cell))
                return ended ? leati_fault_set(json.fault, 400, "invalid_request",
                                               "the columns have different lengths")
                             : false;
            at[i] = (uint64_t)(cell.at - cell.begin);
        }
        if (ended == inputs) return true;
        if (ended)
            return leati_fault_set(json.fault, 400, "invalid_request",
                                   "the columns have different lengths");
        if (!leati_rows_next(x)) return false;
    }
}

/* ---- the route --------------------------------------------------------------------------------
 */

bool leati_rows_read_mlflow(leati_rows *x)
{
    leati_call *call = x->call;
    leati_json_in json;
    forms f = {0};
    bool padded;
    const char *body = leati_call_body(call, &padded);
    leati_json_in_init(&json, body, call->request->body_length, padded, &call->fault);
    if (!read_forms(&json, &f)) return false;
    if (f.split.text) return read_split(x, within(&json, &f.split));
    if (f.records.text) return read_rows(x, within(&json, &f.records));
    if (f.instances.text) return read_rows(x, within(&json, &f.instances));
    bool columns = f.inputs.kind == LEATI_JSON_NESTED && *f.inputs.text == '{';
    return columns ? read_columns_of(x, within(&json, &f.inputs))
                   : read_rows(x, within(&json, &f.inputs));
}

static bool read_body(leati_rows *x)
{
    const leati_http_request *q = x->call->request;
    switch (leati_media_of(x->call)) {
    case LEATI_MEDIA_NONE:
    case LEATI_MEDIA_JSON: return leati_rows_read_mlflow(x);
    case LEATI_MEDIA_CSV: return leati_rows_csv(x, q->body, q->body_length);
    default:
        return leati_fault_set(&x->call->fault, 415, "unsupported_media_type",
                               "/invocations takes application/json and text/csv, in UTF-8");
    }
}

/* There is one model, or nobody could know which is meant. */
static leati_served *only_model(leati_call *call)
{
    const leati_shelf *shelf = call->shelf;
    size_t first, n = shelf->count;
    if (call->model_name.data) return leati_call_served(call); /* a mirrored request */
    if (n == 0) {
        leati_fault_set(&call->fault, 404, "no_such_model", "no model is loaded");
        return NULL;
    }
    const char *name = shelf->served[0]->name;
    if (leati_shelf_versions(shelf, name, strlen(name), &first) == n) {
        call->model_name = (leati_http_text){name, strlen(name)};
        return leati_call_served(call);
    }
    leati_fault_set(&call->fault, 400, "several_models",
                    "several models are served here; ask one by its name: /api/v1/%s", name);
    return NULL;
}

static bool write_answer(leati_call *call, const void *state)
{
    const leati_served *s = call->served;
    const leati_answers *a = &call->answers;
    leati_reply r;
    (void)state;
    leati_reply_init(&r, call->exchange);
    LEATI_REPLY(&r, "{\"predictions\":[");
    for (size_t i = 0; i < a->rows; i++) {
        if (i) LEATI_REPLY(&r, ",");
        size_t k = s->classes ? (size_t)a->value[i] : 0;
        if (s->classes) leati_reply_raw(&r, s->class_json[k], s->class_length[k]);
        else leati_reply_number(&r, a->value[i]);
    }
    LEATI_REPLY(&r, "]}");
    leati_reply_end(&r);
    leati_exchange_header(call->exchange, "Content-Type", "application/json");
    return true;
}

int leati_route_invocations(leati_call *call)
{
    leati_served *s = only_model(call);
    leati_rows x;
    /* Whether the scores behind a class are finite, the probabilities tell. */
    bool ok = s && leati_rows_begin(&x, call, s, true);
    call->not_finite = 400;
    ok = ok && read_body(&x) && leati_rows_end(&x);
    /* MLflow knows no 422. */
    if (call->fault.http == 422) call->fault.http = 400;
    return ok ? leati_call_run(call, write_answer, NULL, 0) : leati_call_refuse(call);
}
