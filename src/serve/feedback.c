/* Owns: labels that come back for answers given before:
 *
 * POST /api/v1/iris/feedback   {"request_id": "r1", "label": "setosa"}, or an array of such;
 *                              "row" (0) of the request, "group" for fairness
 *
 * A label is counted once: what a client sends again is told so and changes nothing. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "serve/json_in.h"
#include "serve/route.h"

enum { VERSIONS = 256, TEXT = 256, ID = 64 };

typedef enum outcome { COUNTED, DUPLICATE, UNKNOWN, INVALID } outcome;
static const char *const outcomes[] = {"counted", "duplicate", "unknown", "invalid"};

typedef struct item {
    char id[ID + 1], group[TEXT], label[TEXT];
    size_t group_length, label_length;
    leati_json_kind label_kind;
    uint64_t row;
    bool has_id, has_row, has_group, has_label;
    const char *wrong; /* what is wrong with it, for its own line of the answer */
} item;

typedef struct feedback {
    leati_call *call;
    leati_json_in json;
    const leati_served *served[VERSIONS];
    size_t versions;
    uint64_t count[LEATI_FEEDBACKS];
} feedback;

/* ---- reading ----------------------------------------------------------------------------------
 */

static bool twice(feedback *f, const char *name)
{
    return leati_fault_set(&f->call->fault, 400, "duplicate_field", "\"%s\" stands twice", name);
}

/* A text into `to`; an item whose text is too long is wrong, not the request. */
static void copy_text(item *x, const leati_json_value *v, char *to, size_t room, size_t *length,
                      const char *wrong)
{
    *length = 0;
    if (v->kind == LEATI_JSON_NESTED || v->kind == LEATI_JSON_NULL || v->length >= room) {
        x->wrong = wrong;
        return;
    }
    *length = v->length;
    if (v->kind == LEATI_JSON_STRING && v->escaped) *length = leati_json_unescape(v, to);
    else memcpy(to, v->text, v->length);
    to[*length] = '\0';
    if (memchr(to, '\0', *length)) x->wrong = wrong;
}

static void copy_row(item *x, const leati_json_value *v)
{
    int64_t row;
    if (v->kind == LEATI_JSON_NUMBER && leati_int_parse(v->text, v->length, &row) && row >= 0)
        x->row = (uint64_t)row;
    else x->wrong = "\"row\" is a whole number from 0";
}

static bool read_member(feedback *f, item *x)
{
    leati_json_value key, v;
    size_t length;
    if (!leati_json_key(&f->json, &key) || !leati_json_any(&f->json, &v)) return false;
    if (LEATI_JSON_IS(&key, "request_id")) {
        if (x->has_id) return twice(f, "request_id");
        x->has_id = true;
        if (v.kind != LEATI_JSON_STRING) x->wrong = "\"request_id\" is a text";
        else copy_text(x, &v, x->id, sizeof x->id, &length, "\"request_id\" is too long");
    } else if (LEATI_JSON_IS(&key, "row")) {
        if (x->has_row) return twice(f, "row");
        x->has_row = true;
        copy_row(x, &v);
    } else if (LEATI_JSON_IS(&key, "label")) {
        if (x->has_label) return twice(f, "label");
        x->has_label = true;
        x->label_kind = v.kind;
        copy_text(x, &v, x->label, sizeof x->label, &x->label_length,
                  "\"label\" is a text, a number or a truth value");
    } else if (LEATI_JSON_IS(&key, "group")) {
        if (x->has_group) return twice(f, "group");
        x->has_group = true;
        copy_text(x, &v, x->group, sizeof x->group, &x->group_length, "\"group\" is a short text");
    }
    return true;
}

static bool read_item(feedback *f, item *x)
{
    bool first = true;
    int more;
    leati_json_value other;
    *x = (item){.wrong = NULL};
    if (leati_json_peek(&f->json) != '{') {
        x->wrong = "a label is an object";
        return leati_json_any(&f->json, &other);
    }
    if (!leati_json_enter(&f->json, '{', "a label")) return false;
    while ((more = leati_json_more(&f->json, '{', &first)) == 1)
        if (!read_member(f, x)) return false;
    if (more == 0 && !x->wrong && !x->has_id) x->wrong = "\"request_id\" is missing";
    if (more == 0 && !x->wrong && !x->has_label) x->wrong = "\"label\" is missing";
    return more == 0;
}

/* ---- counting ---------------------------------------------------------------------------------
 */

/* The label as the model's value or number of a class; false: it is none. */
static bool truth_of(const leati_served *s, const item *x, double *out)
{
    double number, other;
    bool numeric = leati_num_parse(x->label, x->label_length, &number) && isfinite(number);
    *out = number;
    if (!s->classes) return numeric;
    for (size_t k = 0; k < s->classes; k++) {
        const char *name = leat_model_class_name(s->model, k);
        bool same = strcmp(name, x->label) == 0 ||
                    (numeric && s->answer != LEAT_STRING &&
                     leati_num_parse(name, strlen(name), &other) && other == number);
        *out = (double)k;
        if (same) return true;
    }
    return false;
}

static leati_recalled recall(const leati_watched *d, uint64_t hash, uint64_t row,
                             leati_recent_answer *answer)
{
    leati_watch *w = d->watch;
    leati_recalled found = LEATI_UNKNOWN;
    for (uint32_t i = 0; i < w->options.slots && found == LEATI_UNKNOWN; i++)
        found = leati_recent_tell(&w->recent[i], hash, row, &d->serial, 1, answer);
    return found;
}

static void count_truth(leati_live *live, uint32_t slot, const leati_recent_answer *a,
                        const item *x, double truth)
{
    double proba[2] = {1 - a->chance, a->chance};
    leati_live_begin(live, slot);
    leati_live_truth(live, slot, a->value, isnan(a->chance) ? NULL : proba, truth);
    if (x->has_group) leati_live_group(live, slot, x->group, x->group_length, a->value, truth);
    leati_live_end(live, slot);
}

/* Of all versions that answered the request: one of them, and in a rollout perhaps its shadow. */
static outcome count_item(feedback *f, item *x)
{
    outcome o = UNKNOWN;
    bool fits = false;
    if (x->wrong) return INVALID;
    uint64_t hash = leati_watch_hash(x->id);
    for (size_t i = 0; i < f->versions; i++) {
        const leati_watched *d = f->served[i]->watched;
        leati_recent_answer answer;
        double truth;
        if (!truth_of(f->served[i], x, &truth)) continue;
        fits = true;
        leati_recalled found = recall(d, hash, x->row, &answer);
        if (found == LEATI_TOLD_BEFORE && o == UNKNOWN) o = DUPLICATE;
        if (found != LEATI_RECALLED) continue;
        count_truth(d->live, f->call->slot, &answer, x, truth);
        o = COUNTED;
    }
    if (fits) return o;
    x->wrong =
        f->served[0]->classes ? "\"label\" is no class of the model" : "\"label\" is not a number";
    return INVALID;
}

/* ---- answers ----------------------------------------------------------------------------------
 */

static void write_result(leati_reply *r, const item *x, outcome o)
{
    LEATI_REPLY(r, "{\"request_id\":");
    leati_reply_string(r, x->id);
    LEATI_REPLY(r, ",\"row\":");
    leati_reply_unsigned(r, x->row);
    LEATI_REPLY(r, ",\"status\":");
    leati_reply_string(r, outcomes[o]);
    if (x->wrong) {
        LEATI_REPLY(r, ",\"error\":");
        leati_reply_string(r, x->wrong);
    } else if (o == UNKNOWN) {
        LEATI_REPLY(r, ",\"error\":\"no answer of that request and row is remembered\"");
    }
    LEATI_REPLY(r, "}");
}

static int answer_one(feedback *f)
{
    item x;
    leati_reply r;
    static const int statuses[] = {200, 409, 404, 422};
    if (!read_item(f, &x) || !leati_json_finish(&f->json)) return 0;
    outcome o = count_item(f, &x);
    f->count[o]++;
    if (o != COUNTED) {
        leati_fault_set(&f->call->fault, statuses[o], o == INVALID ? "invalid_label" : outcomes[o],
                        "%s",
                        x.wrong        ? x.wrong
                        : o == UNKNOWN ? "no answer of that request and row is remembered"
                                       : "the label of that request and row was counted before");
        return 0;
    }
    leati_reply_init(&r, f->call->exchange);
    write_result(&r, &x, o);
    LEATI_REPLY(&r, "\n");
    leati_reply_end(&r);
    return 200;
}

static int answer_all(feedback *f)
{
    leati_reply r;
    bool first = true, written = false;
    int more;
    if (!leati_json_enter(&f->json, '[', "labels, an array")) return 0;
    leati_reply_init(&r, f->call->exchange);
    LEATI_REPLY(&r, "{\"results\":[");
    while ((more = leati_json_more(&f->json, '[', &first)) == 1) {
        item x;
        if (!read_item(f, &x)) break;
        outcome o = count_item(f, &x);
        f->count[o]++;
        if (written) LEATI_REPLY(&r, ",");
        write_result(&r, &x, o);
        written = true;
    }
    LEATI_REPLY(&r, "]");
    for (size_t i = 0; i < LEATI_FEEDBACKS; i++) {
        LEATI_REPLY(&r, ",");
        leati_reply_string(&r, outcomes[i]);
        LEATI_REPLY(&r, ":");
        leati_reply_unsigned(&r, f->count[i]);
    }
    LEATI_REPLY(&r, ",\"request_id\":");
    leati_reply_string(&r, f->call->request->id);
    LEATI_REPLY(&r, "}\n");
    leati_reply_end(&r);
    return more == 0 && leati_json_finish(&f->json) ? 200 : 0;
}

/* The versions whose answers can be labelled. */
static bool find_versions(feedback *f)
{
    leati_call *call = f->call;
    leati_http_text name = call->model_name;
    size_t first, n = leati_shelf_versions(call->shelf, name.data, name.length, &first);
    if (n == 0)
        return leati_fault_set(&call->fault, 404, "no_such_model", "there is no model '%.*s'",
                               LEATI_CLIP(name.data, name.length));
    for (size_t i = n > VERSIONS ? n - VERSIONS : 0; i < n; i++) {
        const leati_served *s = call->shelf->served[first + i];
        if (!s->watched || !s->watched->live || !s->watched->watch->options.remember) continue;
        f->served[f->versions++] = s;
    }
    if (f->versions) return true;
    return leati_fault_set(&call->fault, 404, "not_watched",
                           "answers of this model are not remembered, so labels are of no use");
}

int leati_route_feedback(leati_call *call)
{
    feedback f = {.call = call};
    bool padded;
    if (!leati_serve_own_page(call) || !find_versions(&f)) return 0;
    const char *body = leati_call_body(call, &padded);
    leati_json_in_init(&f.json, body, call->request->body_length, padded, &call->fault);
    int status = leati_json_peek(&f.json) == '[' ? answer_all(&f) : answer_one(&f);
    if (status) leati_exchange_header(call->exchange, "Content-Type", "application/json");
    leati_watched_desk *desk = &f.served[f.versions - 1]->watched->desks[call->slot];
    for (size_t i = 0; i < LEATI_FEEDBACKS; i++)
        if (f.count[i]) leati_count_add(&desk->feedback[i], f.count[i]);
    return status;
}
