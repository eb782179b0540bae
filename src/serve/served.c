/* Owns: the life of a served version: reading, the sessions of its workers, warming up. Not: what
 * the protocols say about it (served_about.c). */
#include "serve/served.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/hash.h"
#include "base/mem.h"
#include "model/graph_file.h"
#include "model/model.h"
#include "serve/watch.h"

leati_served *leati_served_retain(leati_served *s)
{
    atomic_fetch_add_explicit(&s->references, 1, memory_order_relaxed);
    return s;
}

static void free_texts(char **texts, size_t count)
{
    for (size_t i = 0; texts && i < count; i++) leati_free(texts[i]);
    leati_free(texts);
}

static void destroy(leati_served *s)
{
    leati_watched_destroy(s->watched);
    for (uint32_t w = 0; s->ask && w < s->slots; w++) {
        leat_context *c = s->ask[w].context;
        leati_ask_fini(&s->ask[w]);
        leat_context_destroy(c);
    }
    for (size_t i = 0; s->ports && i < s->inputs; i++) leati_free((void *)s->ports[i].example);
    free_texts(s->class_json, s->classes);
    leati_free(s->class_length);
    leati_free(s->class_bits);
    leati_free(s->ports);
    leati_free(s->metadata);
    leati_free(s->describe);
    leati_free(s->schema);
    leati_free(s->csv_types);
    leati_map_fini(&s->names);
    leati_free(s->ask);
    leati_free(s->tally);
    leati_free(s->name);
    leat_model_release(s->model);
    leat_context *c = s->context;
    leati_free(s);
    leat_context_destroy(c);
}

void leati_served_release(leati_served *s)
{
    if (s && atomic_fetch_sub_explicit(&s->references, 1, memory_order_acq_rel) == 1) destroy(s);
}

bool leati_served_name_fits(const char *name, size_t length)
{
    if (length == 0 || length > 128 || *name == '.') return false;
    for (size_t i = 0; i < length; i++) {
        char ch = name[i], low = (char)(ch | 0x20);
        bool letter = low >= 'a' && low <= 'z', digit = ch >= '0' && ch <= '9';
        if (!letter && !digit && ch != '.' && ch != '_' && ch != '-') return false;
    }
    return true;
}

/* ---- warming up -------------------------------------------------------------------------------
 */

static bool set_usual(leati_ask *a, const leati_served *s, size_t input)
{
    const leati_port *p = &s->ports[input];
    switch (p->role) {
    case LEATI_ROLE_CATEGORY: return leati_ask_text(a, input, "");
    case LEATI_ROLE_TIME: return leati_ask_time(a, input, 0);
    case LEATI_ROLE_ARRAY: return leati_ask_array(a, input, a->elements, p->elements);
    default: return leati_ask_number(a, input, isfinite(p->low) ? p->low : 0);
    }
}

/* One row, so that what is made on first use stands before the first request; then twice again, to
 * know how long it takes. */
static leat_status warm_up(leati_served *s, leati_ask *a, leati_fault *why)
{
    memset(a->elements, 0, a->elements_capacity * sizeof *a->elements);
    bool ok = true;
    for (int turn = 0; ok && turn < 3; turn++) {
        leati_ask_begin(a, true, why);
        for (size_t i = 0; ok && i < s->inputs; i++) ok = set_usual(a, s, i);
        ok = ok && leati_ask_next(a) && leati_ask_end(a);
        if (turn && (s->row_ns == 0 || a->infer_ns < s->row_ns)) s->row_ns = a->infer_ns;
    }
    return ok ? LEAT_OK : why->http == 503 ? LEAT_NOMEM : LEAT_INTERNAL;
}

/* ---- opening ----------------------------------------------------------------------------------
 */

static leat_status make_worker(leati_served *s, leati_ask *a, leati_fault *why)
{
    leat_context *c;
    size_t elements = 0;
    LEATI_TRY(leati_context_branch(s->context, &c));
    a->context = c;
    for (size_t i = 0; i < s->inputs; i++)
        if (s->ports[i].elements > elements) elements = s->ports[i].elements;
    leat_status st = leati_ask_init(c, a, s->model, s->model->pipeline.encoder.width, elements);
    if (st == LEAT_OK) return warm_up(s, a, why);
    leati_fault_from(why, c);
    return st;
}

void leati_served_etag(const void *data, size_t size, char etag[67])
{
    char hex[65];
    leati_sha256_hex(data, size, hex);
    snprintf(etag, 67, "\"%s\"", hex);
}

/* What a model comes from: a file, or bytes where path is NULL. */
typedef struct origin {
    const char *path, *what;
    leati_bytes bytes;
} origin;

static leat_status parse_model(leati_served *s, leati_bytes bytes, const char *what)
{
    leat_context *c = s->context;
    if (leati_graph_file_is(c, bytes))
        return LEATI_FAIL(c, LEAT_UNSUPPORTED,
                          "%s holds an ONNX graph; served are models that leat fit made", what);
    leati_served_etag(bytes.data, bytes.size, s->etag);
    leat_status st = leati_model_parse(c, &s->model, bytes, what);
    if (st != LEAT_OK && !strstr(leat_error_message(c), what)) leati_error_within(c, "%s", what);
    return st;
}

static leat_status read_model(leati_served *s, const origin *from)
{
    leati_bytes bytes;
    if (!from->path) return parse_model(s, from->bytes, from->what);
    LEATI_TRY(leati_file_read(s->context, &bytes, from->path));
    leat_status st = parse_model(s, bytes, from->path);
    leati_bytes_release(&bytes);
    return st;
}

static leat_status open_model(leati_served *s, const origin *from, uint32_t version,
                              const char *name)
{
    leat_context *c = s->context;
    LEATI_TRY(read_model(s, from));
    s->name = leati_strdup(c, name);
    s->version = version;
    snprintf(s->version_text, sizeof s->version_text, "%u", version);
    s->inputs = leat_model_inputs(s->model);
    s->ask = LEATI_NEW(c, leati_ask, s->slots);
    s->tally = LEATI_NEW(c, leati_tally, s->slots + 8); /* blocks above 512 bytes are aligned */
    if (!s->name || !s->ask || !s->tally) return leat_error_status(c);
    LEATI_TRY(leati_served_describe(c, s));
    for (size_t i = 0; i < s->inputs; i++) s->row_bytes += 4 * s->ports[i].elements;
    return LEAT_OK;
}

static leat_status open_served(leat_context *parent, const origin *from, const char *name,
                               uint32_t version, uint32_t slots, leati_served **out,
                               leati_fault *why)
{
    leat_context *c;
    *out = NULL;
    LEATI_TRY(leati_context_branch(parent, &c));
    leati_served *s = LEATI_NEW(c, leati_served, 1);
    if (!s) {
        leat_context_destroy(c);
        return LEAT_NOMEM;
    }
    s->context = c;
    leati_map_init(&s->names, c);
    s->slots = slots;
    atomic_init(&s->references, 1);
    leat_status st = open_model(s, from, version, name);
    for (uint32_t w = 0; st == LEAT_OK && w < slots; w++) st = make_worker(s, &s->ask[w], why);
    if (st == LEAT_OK) {
        *out = s;
        return LEAT_OK;
    }
    if (leat_error_status(c)) {
        st = leat_error_status(c);
        leati_fault_from(why, c);
    }
    leati_served_release(s);
    return st;
}

/* Not before it is warm: only what clients ask is watched. */
leat_status leati_served_watch(leati_served *s, leati_watch *watch, const char *path)
{
    bool texts = false;
    if (!watch) return LEAT_OK;
    LEATI_TRY(leati_watched_create(s->context, watch, s, path, &s->watched));
    for (size_t i = 0; i < s->inputs; i++)
        texts |= s->ports[i].role == LEATI_ROLE_CATEGORY || s->ports[i].role == LEATI_ROLE_TOKENS;
    for (uint32_t w = 0; s->ask && w < s->slots; w++) {
        leati_ask *a = &s->ask[w];
        if (texts && leati_ask_keep_texts(a, s->inputs) != LEAT_OK)
            return LEATI_FAIL(s->context, leat_error_status(a->context), "%s",
                              leat_error_message(a->context));
        a->watched = s->watched;
    }
    return LEAT_OK;
}

leat_status leati_served_open(leat_context *parent, const char *path, const char *name,
                              uint32_t version, uint32_t slots, leati_served **out,
                              leati_fault *why)
{
    origin from = {.path = path};
    return open_served(parent, &from, name, version, slots, out, why);
}

leat_status leati_served_parse(leat_context *parent, leati_bytes bytes, const char *what,
                               const char *name, uint32_t version, uint32_t slots,
                               leati_served **out, leati_fault *why)
{
    origin from = {.what = what, .bytes = bytes};
    return open_served(parent, &from, name, version, slots, out, why);
}
