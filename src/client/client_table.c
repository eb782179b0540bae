/* Owns: predictions of a table over the network: batches, several at once, answers in order. */
#include <leat/call.h>

#include <jansson.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/options.h"
#include "base/progress.h"
#include "client/rows_out.h"

enum { PATH = 1024, ROWS = 1000, ROWS_MOST = 1000000, PARALLEL_MOST = 1024 };
enum { BATCH_NUMBERS = 128 << 10 }; /* of one request, where a row has many */

/* --- names and refusals ----------------------------------------------------------------------- */

leat_status leat_client_path(leat_context *c, const char *model, char *out, size_t size)
{
    static const char digits[] = "0123456789ABCDEF";
    static const char start[] = "/api/v1/";
    const char *colon = strrchr(model, ':');
    size_t length = colon ? (size_t)(colon - model) : strlen(model), n = sizeof start - 1;
    int64_t version = 0;
    bool good = length > 0 && size >= sizeof start + 3 * length + 40;
    if (colon)
        good = good && leati_int_parse(colon + 1, strlen(colon + 1), &version) && version > 0;
    for (size_t i = 0; i < length; i++)
        good = good && (unsigned char)model[i] > 0x20 && model[i] != '/' && model[i] != 0x7f;
    LEATI_CHECK(c, good, LEAT_INVALID, "'%.100s' is no model; expected NAME or NAME:VERSION",
                model);
    memcpy(out, start, n);
    for (size_t i = 0; i < length; i++) {
        unsigned char ch = (unsigned char)model[i];
        bool plain = (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') ||
                     (ch >= '0' && ch <= '9') || strchr("._-~", ch);
        if (plain) {
            out[n++] = (char)ch;
        } else {
            out[n++] = '%';
            out[n++] = digits[ch >> 4];
            out[n++] = digits[ch & 15];
        }
    }
    out[n] = '\0';
    if (colon) snprintf(out + n, size - n, "/versions/%lld", (long long)version);
    return LEAT_OK;
}

static leat_status status_of(int http)
{
    switch (http) {
    case 400:
    case 415:
    case 422: return LEAT_TYPE;
    case 404: return LEAT_NOT_FOUND;
    case 409:
    case 412: return LEAT_DIFFERS;
    case 413: return LEAT_LIMIT;
    default: return LEAT_NETWORK;
    }
}

/* What follows "row N" where a message begins with it; NULL: it does not. */
static const char *behind_row(const char *message, size_t *row)
{
    int64_t number;
    if (strncmp(message, "row ", 4) != 0) return NULL;
    size_t digits = strspn(message + 4, "0123456789");
    if (!leati_int_parse(message + 4, digits, &number) || number < 1) return NULL;
    *row = (size_t)number;
    return message + 4 + digits;
}

/* Of rows from .. to of a table, whose rows a message is to count. */
static leat_status refused(leat_context *c, const leat_client_reply *r, size_t from, size_t to)
{
    json_t *root = json_loadb(r->body, r->length, 0, NULL);
    const json_t *error = json_object_get(root, "error");
    const char *message = json_string_value(error), *rest = NULL;
    leat_status st = status_of(r->status);
    size_t row = 0;
    if (message && from) rest = behind_row(message, &row);
    if (rest && row <= to - from)
        LEATI_FAIL(c, st, "row %zu%s (%d from %s)", from + row, rest, r->status, r->server);
    else if (message) LEATI_FAIL(c, st, "%s (%d from %s)", message, r->status, r->server);
    else LEATI_FAIL(c, st, "%s answers %d", r->server, r->status);
    if (r->status == 401 || r->status == 403) leati_error_hint(c, "keys are made by leat key add");
    if (r->status == 429 && r->retry_after >= 0)
        leati_error_hint(c, "it says to come back in %.0f seconds", r->retry_after);
    json_decref(root);
    return st;
}

leat_status leat_client_refused(leat_context *c, const leat_client_reply *r)
{
    return refused(c, r, 0, 0);
}

/* --- a table ---------------------------------------------------------------------------------- */

typedef struct job {
    leat_client *client;
    const leat_frame *frame;
    const leati_model_sheet *sheet;
    const size_t *column; /* (inputs) */
    const char *path;
    size_t batch, batches;
    double *value, *proba; /* (rows), (rows, classes) or NULL */
    atomic_size_t next, done;
    atomic_bool stop;
} job;

typedef struct helper {
    job *job;
    leat_context *context;
    leat_status status;
    pthread_t thread;
    bool runs;
} helper;

static leat_status ask_batch(leat_context *c, job *j, leati_str *body, size_t batch)
{
    size_t from = batch * j->batch, to = from + j->batch;
    size_t classes = j->sheet->classes;
    leat_client_reply reply;
    if (to > j->frame->rows) to = j->frame->rows;
    leati_str_clear(body);
    leati_rows_out(body, j->frame, j->sheet, j->column, from, to);
    LEATI_TRY(leati_str_status(body));
    leat_client_request q = {.path = j->path, .body = leati_str_text(body), .length = body->length};
    LEATI_TRY(leat_client_ask(c, j->client, &q, &reply));
    leat_status st =
        reply.status == 200
            ? leati_answers_read(c, j->sheet, reply.body, reply.length, to - from, j->value + from,
                                 j->proba ? j->proba + from * classes : NULL)
            : refused(c, &reply, from, to);
    leat_client_reply_free(&reply);
    if (st != LEAT_OK && j->batches > 1 && strncmp(leat_error_message(c), "row ", 4) != 0)
        leati_error_within(c, "rows %zu to %zu of the table", from + 1, to);
    return st;
}

/* Batches until there are none. progress: on the caller's thread. */
static leat_status work(leat_context *c, job *j, bool progress)
{
    leati_str body;
    leat_status st = LEAT_OK;
    leati_str_init(&body, c);
    while (st == LEAT_OK && !atomic_load(&j->stop)) {
        size_t batch = atomic_fetch_add(&j->next, 1);
        if (batch >= j->batches) break;
        st = ask_batch(c, j, &body, batch);
        size_t done = atomic_fetch_add(&j->done, 1) + 1;
        if (st == LEAT_OK && progress && done < j->batches)
            st = leati_progress(c, "ask", done, j->batches);
    }
    if (st != LEAT_OK) atomic_store(&j->stop, true);
    leati_str_fini(&body);
    return st;
}

static void *help(void *arg)
{
    helper *h = arg;
    h->status = work(h->context, h->job, false);
    return NULL;
}

/* All batches, by this thread and parallel - 1 others. Fewer where no more can be started. */
static leat_status ask_all(leat_context *c, job *j, uint32_t parallel)
{
    helper *helpers = LEATI_NEW(c, helper, parallel);
    leat_status st = helpers ? LEAT_OK : leat_error_status(c);
    for (uint32_t i = 1; helpers && i < parallel; i++) {
        helper *h = &helpers[i];
        h->job = j;
        st = leati_context_branch(c, &h->context);
        if (st != LEAT_OK) {
            LEATI_FAIL(c, st, "out of memory");
            break;
        }
        h->runs = pthread_create(&h->thread, NULL, help, h) == 0;
    }
    if (st == LEAT_OK) st = work(c, j, true);
    else atomic_store(&j->stop, true);
    for (uint32_t i = 1; helpers && i < parallel; i++) {
        helper *h = &helpers[i];
        if (h->runs) pthread_join(h->thread, NULL);
        if (st == LEAT_OK && h->status != LEAT_OK)
            st = LEATI_FAIL(c, h->status, "%s", leat_error_message(h->context));
        leat_context_destroy(h->context);
    }
    leati_free(helpers);
    return st == LEAT_OK ? leati_progress(c, "ask", j->batches, j->batches) : st;
}

/* --- answers as a frame ----------------------------------------------------------------------- */

static leati_dict *class_dict(leat_context *c, const leati_model_sheet *s)
{
    leati_map names;
    leati_dict *dict = NULL;
    size_t k = 0;
    leati_map_init(&names, c);
    while (k < s->classes && leati_map_put(&names, s->class[k], strlen(s->class[k])) == k) k++;
    if (k == s->classes) dict = leati_dict_from_map(c, &names);
    else if (leat_error_status(c) == LEAT_OK)
        LEATI_FAIL(c, LEAT_FORMAT, "the server names a class twice");
    leati_map_fini(&names);
    return dict;
}

static leati_column *predictions(leat_context *c, const leati_model_sheet *s, const double *value,
                                 size_t rows)
{
    leati_column *col = leati_column_create(c, s->answer, rows);
    if (col && s->answer == LEAT_STRING && !(col->dict = class_dict(c, s))) {
        leati_column_release(col);
        return NULL;
    }
    for (size_t i = 0; col && i < rows; i++) {
        const char *name = s->classes ? s->class[(size_t)value[i]] : NULL;
        if (s->answer == LEAT_STRING) col->codes[i] = (uint32_t)value[i];
        else if (s->answer == LEAT_I64) (void)leati_int_parse(name, strlen(name), &col->i64[i]);
        else if (name) (void)leati_num_parse(name, strlen(name), &col->f64[i]);
        else col->f64[i] = value[i];
    }
    return col;
}

static leat_status make_frame(leat_context *c, const job *j, size_t rows, leat_frame **out)
{
    const leati_model_sheet *s = j->sheet;
    leat_frame *f = leati_frame_create(c, rows);
    leat_status st = f ? leati_frame_add(c, f, "prediction", predictions(c, s, j->value, rows))
                       : leat_error_status(c);
    for (size_t k = 0; j->proba && k < s->classes && st == LEAT_OK; k++) {
        leati_str name;
        leati_str_init(&name, c);
        leati_str_addf(&name, "p_%s", s->class[k]);
        leati_column *col = leati_column_create(c, LEAT_F64, rows);
        for (size_t i = 0; col && i < rows; i++) col->f64[i] = j->proba[i * s->classes + k];
        st = leati_str_status(&name);
        if (st == LEAT_OK) st = leati_frame_add(c, f, leati_str_text(&name), col);
        else leati_column_release(col);
        leati_str_fini(&name);
    }
    if (st == LEAT_OK) *out = f;
    else leat_frame_release(f);
    return st;
}

/* --- the call --------------------------------------------------------------------------------- */

leat_call_options leat_call_options_default(void)
{
    return (leat_call_options){.struct_size = sizeof(leat_call_options)};
}

static leat_status read_sheet(leat_context *c, leat_client *k, const char *path,
                              leati_model_sheet *out)
{
    leat_client_request q = {.path = path};
    leat_client_reply reply;
    LEATI_TRY(leat_client_ask(c, k, &q, &reply));
    leat_status st = reply.status == 200 ? leati_model_sheet_read(c, out, reply.body, reply.length)
                                         : leat_client_refused(c, &reply);
    leat_client_reply_free(&reply);
    return st;
}

/* Where the inputs stand, and how many rows go into a request. */
static leat_status plan(leat_context *c, job *j, size_t *column, uint32_t rows)
{
    size_t numbers = 0;
    for (size_t i = 0; i < j->sheet->inputs; i++) {
        LEATI_TRY(leat_frame_require(c, j->frame, j->sheet->input[i], &column[i]));
        const leati_column *col = j->frame->column[column[i]];
        numbers += col->type == LEAT_ARRAY ? col->length : 1;
    }
    j->batch = rows ? rows : ROWS;
    if (!rows && numbers && j->batch > BATCH_NUMBERS / numbers) j->batch = BATCH_NUMBERS / numbers;
    if (j->batch == 0) j->batch = 1;
    j->batches = (j->frame->rows + j->batch - 1) / j->batch;
    j->column = column;
    return LEAT_OK;
}

static leat_status predict(leat_context *c, job *j, const leat_call_options *o, leat_frame **out)
{
    uint32_t parallel = o->parallel ? o->parallel : 1;
    size_t classes = j->sheet->classes;
    bool proba = o->probabilities && j->sheet->probabilities;
    size_t *column = leati_array(c, j->sheet->inputs, sizeof *column);
    j->value = LEATI_NEW(c, double, j->frame->rows + 1);
    j->proba = proba ? leati_calloc(c, j->frame->rows, classes * sizeof *j->proba) : NULL;
    leat_status st = leat_error_status(c);
    if (st == LEAT_OK) st = plan(c, j, column, o->rows);
    if (st == LEAT_OK && parallel > j->batches) parallel = j->batches ? (uint32_t)j->batches : 1;
    if (st == LEAT_OK) st = ask_all(c, j, parallel);
    if (st == LEAT_OK) st = make_frame(c, j, j->frame->rows, out);
    leati_free(column);
    leati_free(j->value);
    leati_free(j->proba);
    return st;
}

leat_status leat_client_predict(leat_context *c, leat_client *client, const char *model,
                                const leat_frame *rows, const leat_call_options *options,
                                leat_frame **out)
{
    leat_call_options o = leat_call_options_default();
    leati_model_sheet sheet;
    char path[PATH];
    *out = NULL;
    LEATI_TRY(LEATI_OPTIONS(c, leat_call_options, &o, options));
    LEATI_CHECK(c, o.parallel <= PARALLEL_MOST, LEAT_INVALID, "%u requests at once; at most %d",
                o.parallel, PARALLEL_MOST);
    LEATI_CHECK(c, o.rows <= ROWS_MOST, LEAT_INVALID, "%u rows in a request; at most %d", o.rows,
                ROWS_MOST);
    LEATI_TRY(leat_client_path(c, model, path, sizeof path));
    LEATI_TRY(read_sheet(c, client, path, &sheet));
    job j = {.client = client, .frame = rows, .sheet = &sheet, .path = path};
    atomic_init(&j.next, 0);
    atomic_init(&j.done, 0);
    atomic_init(&j.stop, false);
    leat_status st = predict(c, &j, &o, out);
    leati_model_sheet_fini(&sheet);
    return st;
}

/* --- one row ---------------------------------------------------------------------------------- */

static void add_encoded(leati_str *out, const char *text)
{
    for (; *text; text++) {
        unsigned char ch = (unsigned char)*text;
        bool plain = (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') ||
                     (ch >= '0' && ch <= '9') || strchr("._-", ch);
        if (plain) leati_str_addc(out, *text);
        else leati_str_addf(out, "%%%02X", ch);
    }
}

leat_status leat_client_predict_body(leat_context *c, leat_client *client, const char *model,
                                     const char *type, const void *body, size_t length,
                                     bool probabilities, leat_frame **out)
{
    leati_model_sheet sheet;
    char path[PATH];
    double value = 0;
    *out = NULL;
    LEATI_TRY(leat_client_path(c, model, path, sizeof path));
    LEATI_TRY(read_sheet(c, client, path, &sheet));
    job j = {.client = client, .sheet = &sheet, .path = path, .value = &value};
    leat_status st = LEAT_OK;
    if (probabilities && sheet.probabilities) {
        j.proba = LEATI_NEW(c, double, sheet.classes);
        if (!j.proba) st = leat_error_status(c);
    }
    leat_client_reply reply = {.body = NULL};
    leat_client_request q = {.path = path, .type = type, .body = body, .length = length};
    if (st == LEAT_OK) st = leat_client_ask(c, client, &q, &reply);
    if (st == LEAT_OK)
        st = reply.status == 200
                 ? leati_answers_read(c, &sheet, reply.body, reply.length, 1, &value, j.proba)
                 : leat_client_refused(c, &reply);
    leat_client_reply_free(&reply);
    if (st == LEAT_OK) st = make_frame(c, &j, 1, out);
    leati_free(j.proba);
    leati_model_sheet_fini(&sheet);
    return st;
}

leat_status leat_client_predict_row(leat_context *c, leat_client *client, const char *model,
                                    const char *const *names, const char *const *values,
                                    size_t count, bool probabilities, leat_frame **out)
{
    leati_str body;
    *out = NULL;
    leati_str_init(&body, c);
    for (size_t i = 0; i < count; i++) {
        if (i) leati_str_addc(&body, '&');
        add_encoded(&body, names[i]);
        leati_str_addc(&body, '=');
        add_encoded(&body, values[i]);
    }
    leat_status st = leati_str_status(&body);
    if (st == LEAT_OK)
        st = leat_client_predict_body(c, client, model, "application/x-www-form-urlencoded",
                                      leati_str_text(&body), body.length, probabilities, out);
    leati_str_fini(&body);
    return st;
}
