/* Owns: the friendly API: describing a model, predicting rows by the names of its inputs.
 *
 * GET /api/v1/iris                        describes the model
 * GET /api/v1/iris?petal_width=0.2&...    predicts one row
 * POST /api/v1/iris                       predicts rows: an object, an array of objects,
 *                                         {"rows": [...]}, text/csv, a form, an image, a text
 * ... ?explain=true                       and says why
 *
 * PUT and DELETE: upload.c. */
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "serve/entity_tag.h"
#include "serve/explained.h"
#include "serve/media.h"
#include "serve/rows_in.h"

/* ---- answers ----------------------------------------------------------------------------------
 */

static void write_prediction(leati_reply *r, const leati_served *s, const leati_answers *a,
                             size_t row)
{
    if (!s->classes) {
        leati_reply_number(r, a->value[row]);
        return;
    }
    size_t k = (size_t)a->value[row];
    leati_reply_raw(r, s->class_json[k], s->class_length[k]);
}

/* {"setosa": 0.98, ...}: names of classes that are numbers become texts. */
static void write_probabilities(leati_reply *r, const leati_served *s, const leati_answers *a,
                                size_t row)
{
    bool quoted = s->answer == LEAT_STRING;
    LEATI_REPLY(r, "{");
    for (size_t k = 0; k < s->classes; k++) {
        if (k) LEATI_REPLY(r, ",");
        if (!quoted) LEATI_REPLY(r, "\"");
        leati_reply_raw(r, s->class_json[k], s->class_length[k]);
        if (!quoted) LEATI_REPLY(r, "\"");
        LEATI_REPLY(r, ":");
        leati_reply_number(r, a->proba[row * s->classes + k]);
    }
    LEATI_REPLY(r, "}");
}

/* `state`: the explainer, NULL for none. False: it could not be explained; the fault says why. */
static bool write_answer(leati_call *call, const void *state)
{
    const leati_served *s = call->served;
    const leati_answers *a = &call->answers;
    leati_reply r;
    leat_explainer *explainer = *(leat_explainer *const *)state;
    bool ok = true;
    leati_reply_init(&r, call->exchange);
    LEATI_REPLY(&r, "{\"model\":");
    leati_reply_string(&r, s->name);
    LEATI_REPLY(&r, ",\"version\":");
    leati_reply_unsigned(&r, s->version);
    LEATI_REPLY(&r, ",\"predictions\":[");
    for (size_t i = 0; i < a->rows; i++) {
        if (i) LEATI_REPLY(&r, ",");
        write_prediction(&r, s, a, i);
    }
    LEATI_REPLY(&r, "]");
    if (a->proba) {
        LEATI_REPLY(&r, ",\"probabilities\":[");
        for (size_t i = 0; i < a->rows; i++) {
            if (i) LEATI_REPLY(&r, ",");
            write_probabilities(&r, s, a, i);
        }
        LEATI_REPLY(&r, "]");
    }
    if (explainer) {
        uint64_t start = leati_serve_now();
        ok = leati_explained_write(&r, call, s, call->ask, explainer);
        call->explained_ns += leati_serve_now() - start;
    }
    LEATI_REPLY(&r, ",\"request_id\":");
    leati_reply_string(&r, call->request->id ? call->request->id : "");
    LEATI_REPLY(&r, "}\n");
    leati_reply_end(&r);
    leati_exchange_header(call->exchange, "Content-Type", "application/json");
    return ok;
}

static int answer(leati_call *call, leati_rows *x, bool ok)
{
    /* Explanations take long, so the loop hands them on, and they need the session for themselves.
     */
    bool later = x->explain && !call->waited && !call->recalled;
    if (x->large || (ok && later)) return LEATI_LONG;
    if (!ok || !leati_rows_end(x)) return leati_call_refuse(call);
    /* What is mirrored is compared by its answers: explanations would only take the thread long. */
    bool explain = x->explain && !call->mirrored && !call->recalled;
    leat_explainer *explainer = NULL;
    if (explain && call->join) return leati_call_split(call);
    /* Rows of a request that is refused are not to be counted: its limits come first. */
    uint64_t start = explain ? leati_serve_now() : 0;
    if (explain && !leati_explained_begin(call, call->served, call->ask, &explainer))
        return leati_call_refuse(call);
    if (explain) call->explained_ns = leati_serve_now() - start;
    int status = leati_call_run(call, write_answer, &explainer, sizeof explainer);
    leat_explainer_destroy(explainer);
    return status;
}

/* ---- rows -------------------------------------------------------------------------------------
 */

/* name=value pairs: one row. Names that the model does not have are refused: in a query they can
 * be nothing but a slip. */
bool leati_rows_read_pairs(leati_rows *x, leati_http_text pairs)
{
    leati_call *call = x->call;
    leati_pair pair;
    x->single = true;
    x->said = false;
    while (leati_query_next(&pairs, &pair, &call->fault)) {
        leati_json_value name = {.text = pair.name, .length = pair.name_length};
        size_t input = leati_rows_input(x, &name);
        if (input == SIZE_MAX && LEATI_JSON_IS(&name, "explain")) {
            if (!leati_rows_explain_text(x, pair.value, pair.value_length)) return false;
            continue;
        }
        if (input == SIZE_MAX) return leati_rows_unknown(x, pair.name, pair.name_length);
        if (!leati_rows_mark(x, input) || !leati_rows_text(x, input, pair.value, pair.value_length))
            return false;
    }
    return !call->fault.http && leati_rows_next(x);
}

static bool not_rows(const leati_rows *x)
{
    return leati_fault_set(&x->call->fault, 422, "invalid_row",
                           "rows are expected: an object with a member per input, an array of "
                           "such rows, or {\"rows\": [...]}");
}

static bool read_array_of_rows(leati_rows *x, leati_json_in *json)
{
    bool first = true;
    int more;
    if (!leati_json_enter(json, '[', "\"rows\"")) return false;
    while ((more = leati_json_more(json, '[', &first)) == 1) {
        char next = leati_json_peek(json);
        leati_json_value v;
        bool ok = next == '['   ? leati_rows_array(x, json)
                  : next == '{' ? leati_rows_object(x, json)
                                : leati_json_any(json, &v) && not_rows(x);
        if (!ok) return false;
    }
    return more == 0;
}

/* Whether the object begins with "rows", an array, and the model has no such input; *json then
 * stands there. "explain" may come before. */
static bool find_rows(leati_rows *x, leati_json_in *json, bool *found)
{
    leati_json_in ahead = *json;
    leati_json_value key;
    bool first = true;
    *found = false;
    if (leati_map_get(&x->served->names, "rows", 4) != LEATI_MAP_NONE) return true;
    ahead.at++;
    if (leati_json_more(&ahead, '{', &first) != 1) return !x->call->fault.http;
    if (!leati_json_key(&ahead, &key)) return false;
    if (LEATI_JSON_IS(&key, "explain") &&
        leati_map_get(&x->served->names, "explain", 7) == LEATI_MAP_NONE) {
        if (!leati_rows_explain_json(x, &ahead)) return false;
        if (leati_json_more(&ahead, '{', &first) != 1) return !x->call->fault.http;
        if (!leati_json_key(&ahead, &key)) return false;
    }
    if (!LEATI_JSON_IS(&key, "rows")) return true;
    *found = leati_json_peek(&ahead) == '[';
    if (!*found) { /* beside inputs it is ignored as other members are */
        leati_json_value v;
        return leati_json_any(&ahead, &v) &&
               (leati_json_more(&ahead, '{', &first) == 1 || (!x->call->fault.http && not_rows(x)));
    }
    json->at = ahead.at;
    return true;
}

bool leati_rows_read_json(leati_rows *x)
{
    leati_call *call = x->call;
    leati_json_in json;
    bool padded, wrapped = false;
    const char *body = leati_call_body(call, &padded);
    leati_json_in_init(&json, body, call->request->body_length, padded, &call->fault);
    char next = leati_json_peek(&json);
    if (next == '[') return read_array_of_rows(x, &json) && leati_json_finish(&json);
    if (next != '{') {
        leati_json_value v;
        return leati_json_any(&json, &v) && not_rows(x);
    }
    x->said = false;
    if (!find_rows(x, &json, &wrapped)) return false;
    bool explains = x->said;
    if (!wrapped) {
        x->single = true;
        return leati_rows_object(x, &json) && leati_json_finish(&json);
    }
    if (!read_array_of_rows(x, &json)) return false;
    x->said = explains; /* rows have members of that name, too */
    bool first = false; /* other members may follow */
    int more;
    while ((more = leati_json_more(&json, '{', &first)) == 1) {
        leati_json_value key, skipped;
        if (!leati_json_key(&json, &key)) return false;
        if (LEATI_JSON_IS(&key, "rows"))
            return leati_fault_set(&call->fault, 400, "duplicate_field", "'rows' stands twice");
        bool ok = LEATI_JSON_IS(&key, "explain") ? leati_rows_explain_json(x, &json)
                                                 : leati_json_any(&json, &skipped);
        if (!ok) return false;
    }
    return more == 0 && leati_json_finish(&json);
}

static bool read_image(leati_rows *x)
{
    const leati_http_request *q = x->call->request;
    if (!leati_rows_takes_image(x->served))
        return leati_fault_set(&x->call->fault, 415, "unsupported_media_type",
                               "the model '%s' takes no image", x->served->name);
    x->single = true;
    return leati_rows_image(x, q->body, q->body_length);
}

static bool unsupported(leati_call *call, const leati_served *s, leati_media media)
{
    bool image = leati_rows_takes_image(s), text = leati_rows_takes_text(s);
    return leati_fault_set(&call->fault, 415, "unsupported_media_type",
                           "a body of this type is not read%s; application/json (UTF-8), text/csv"
                           "%s%s and forms are",
                           media == LEATI_MEDIA_SOUND ? ": no model here takes sound" : "",
                           image ? ", image/png, image/jpeg" : "", text ? ", text/plain" : "");
}

static bool read_body(leati_rows *x)
{
    const leati_http_request *q = x->call->request;
    const char *body = q->body;
    leati_media media = leati_media_of(x->call);
    switch (media) {
    case LEATI_MEDIA_CSV: return leati_rows_csv(x, q->body, q->body_length);
    case LEATI_MEDIA_IMAGE: return read_image(x);
    case LEATI_MEDIA_NONE:
    case LEATI_MEDIA_JSON: return leati_rows_read_json(x);
    case LEATI_MEDIA_FORM: /* curl -d says so of everything */
        if (q->body_length && (*body == '{' || *body == '[')) return leati_rows_read_json(x);
        return leati_rows_read_pairs(x, (leati_http_text){body, q->body_length});
    case LEATI_MEDIA_MULTIPART:
        return leati_rows_multipart(x, leati_exchange_header_in(x->call->exchange, "content-type"),
                                    q->body, q->body_length);
    case LEATI_MEDIA_TEXT:
        if (leati_rows_takes_text(x->served)) {
            x->single = true;
            return leati_rows_plain(x, q->body, q->body_length);
        }
        return unsupported(x->call, x->served, media);
    default: return unsupported(x->call, x->served, media);
    }
}

static bool unknown_option(leati_rows *x, const leati_pair *pair)
{
    static const char *const names[] = {"explain"};
    leati_json_value name = {.text = pair->name, .length = pair->name_length};
    char plain[LEATI_CLIP_MOST + 1];
    bool input = leati_rows_input(x, &name) != SIZE_MAX;
    snprintf(plain, sizeof plain, "%.*s", LEATI_CLIP(pair->name, pair->name_length));
    return leati_fault_set(&x->call->fault, 422, "unknown_field",
                           "the query of a request with a body does not take '%s'%s", plain,
                           input                            ? "; inputs stand in the body"
                           : leati_nearest(plain, names, 1) ? "; did you mean 'explain'?"
                                                            : "");
}

/* Of a request with a body the query holds no input but may say "explain". */
static bool read_options(leati_rows *x)
{
    leati_http_text query = x->call->request->query;
    leati_pair pair;
    while (leati_query_next(&query, &pair, &x->call->fault)) {
        bool known = pair.name_length == 7 && memcmp(pair.name, "explain", 7) == 0;
        if (known ? !leati_rows_explain_text(x, pair.value, pair.value_length)
                  : !unknown_option(x, &pair))
            return false;
    }
    return !x->call->fault.http;
}

/* ---- routes -----------------------------------------------------------------------------------
 */

int leati_route_api_predict(leati_call *call)
{
    leati_served *s = leati_call_served(call);
    leati_rows x;
    if (!s || !leati_rows_begin(&x, call, s, true) || !read_options(&x))
        return leati_call_refuse(call);
    if (x.explain && !call->waited && !call->recalled) return LEATI_LONG;
    return answer(call, &x, read_body(&x));
}

static int describe(leati_call *call, const leati_served *s)
{
    leati_http_text have = leati_exchange_header_in(call->exchange, "if-none-match");
    leati_exchange_header(call->exchange, "ETag", s->etag);
    if (have.data && leati_entity_tag_listed(have, s->etag, true) == 1) return 304;
    leati_exchange_header(call->exchange, "Content-Type", "application/json");
    leati_exchange_write(call->exchange, s->describe, strlen(s->describe));
    leati_exchange_write(call->exchange, "\n", 1);
    return 200;
}

int leati_route_api_model(leati_call *call)
{
    leati_served *s = leati_call_served(call);
    leati_rows x;
    if (!s) return 0;
    if (call->request->query.length == 0) return describe(call, s);
    if (!leati_rows_begin(&x, call, s, true)) return leati_call_refuse(call);
    return answer(call, &x, leati_rows_read_pairs(&x, call->request->query));
}

int leati_route_api_models(leati_call *call)
{
    leati_reply r;
    bool written = false;
    leati_reply_init(&r, call->exchange);
    LEATI_REPLY(&r, "{\"models\":[");
    for (size_t i = 0; i < call->shelf->count; i++) {
        const leati_served *s = call->shelf->served[i];
        if (!leati_serve_shows(call, s->name)) continue;
        if (written) LEATI_REPLY(&r, ",");
        written = true;
        LEATI_REPLY(&r, "{\"model\":");
        leati_reply_string(&r, s->name);
        LEATI_REPLY(&r, ",\"version\":");
        leati_reply_unsigned(&r, s->version);
        LEATI_REPLY(&r, ",\"target\":");
        leati_reply_string(&r, s->target);
        LEATI_REPLY(&r, ",\"estimator\":");
        leati_reply_string(&r, s->estimator);
        LEATI_REPLY(&r, "}");
    }
    LEATI_REPLY(&r, "]}\n");
    leati_reply_end(&r);
    leati_exchange_header(call->exchange, "Content-Type", "application/json");
    return 200;
}
