/* Owns: the life of a served version: reading, the sessions of its threads. Not: what the protocols
 * say about it (served_about.c), nor warming up (warm_up.c). */
#include "serve/served.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/hash.h"
#include "base/mem.h"
#include "model/graph_file.h"
#include "model/model.h"
#include "model/onnx_file.h"
#include "serve/response_cache.h"
#include "serve/served_graph.h"
#include "serve/watch.h"

enum { SLOW_GRAPH_NS = 1000000000 }; /* one that no loop runs */

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
    if (s->cache) leati_response_cache_forget(s->cache, s->serial);
    for (uint32_t w = 0; s->ask && w < s->slots; w++) {
        leat_context *c = s->ask[w].context;
        leati_ask_fini(&s->ask[w]);
        leat_context_destroy(c);
    }
    for (size_t i = 0; s->ports && i < s->inputs; i++) leati_free((void *)s->ports[i].example);
    free_texts(s->class_json, s->classes);
    leati_free(s->class_length);
    leati_free(s->class_bytes);
    leati_free(s->class_at);
    leati_free(s->ports);
    leati_free(s->metadata);
    leati_free(s->describe);
    leati_free(s->schema);
    leati_free(s->path);
    leati_free(s->csv_types);
    leati_free(s->csv_once);
    leati_map_fini(&s->names);
    leati_free(s->ask);
    leati_free(s->tally);
    leati_free(s->name);
    leat_model_release(s->model);
    leati_served_graph_close(s->graph);
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

/* ---- opening ----------------------------------------------------------------------------------
 */

static leat_status make_worker(leati_served *s, const leati_served_plan *plan, uint32_t slot,
                               leati_fault *why)
{
    leat_context *c;
    leati_ask *a = &s->ask[slot];
    size_t elements = 0;
    LEATI_TRY(leati_context_branch(s->context, &c));
    a->context = c;
    for (size_t i = 0; i < s->inputs; i++)
        if (s->ports[i].elements > elements) elements = s->ports[i].elements;
    leat_status st = leati_ask_init(c, a, s->model, s->model->pipeline.encoder.width, elements);
    if (st == LEAT_OK) return leati_served_warm_up(s, plan, slot, why);
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

static leat_status open_model(leati_served *s, leati_bytes *bytes, bool own, const char *what,
                              const leati_served_plan *plan, leati_fault *why)
{
    leat_context *c = s->context;
    LEATI_TRY(own ? leati_model_take(c, &s->model, bytes, what)
                  : leati_model_parse(c, &s->model, *bytes, what));
    s->estimator = leat_model_estimator(s->model);
    s->target = leat_model_target(s->model);
    s->inputs = leat_model_inputs(s->model);
    s->ask = LEATI_NEW(c, leati_ask, s->slots);
    if (!s->ask) return leat_error_status(c);
    LEATI_TRY(leati_served_describe(c, s));
    LEATI_TRY(leati_served_describe_path(c, s));
    for (size_t i = 0; i < s->inputs; i++) s->row_bytes += 4 * s->ports[i].elements;
    LEATI_TRY(leati_estimator_reserve(c, s->model->pipeline.estimator, s->slots - plan->unhurried));
    for (uint32_t w = 0; w < s->slots; w++) LEATI_TRY(make_worker(s, plan, w, why));
    return LEAT_OK;
}

static leat_status open_graph(leati_served *s, leati_bytes *bytes, bool own, const char *what,
                              const leati_served_plan *plan)
{
    leat_context *c = s->context;
    s->estimator = "onnx";
    s->target = "";
    LEATI_TRY(leati_served_graph_open(c, bytes, own, what, plan->slots, plan->loops, &s->graph));
    for (uint32_t w = 0; w < s->slots; w++) {
        uint64_t ns = leati_served_graph_warm_up(s->graph, w, s->name, plan->say);
        if (ns) s->row_ns = ns;
    }
    if (!s->graph->small || !s->row_ns) s->row_ns = SLOW_GRAPH_NS;
    LEATI_TRY(leati_served_describe_graph(c, s));
    return leati_served_describe_path(c, s);
}

/* A model that was fitted, or a graph that was imported. own: the bytes may be taken. */
static leat_status open_bytes(leati_served *s, leati_bytes *bytes, bool own, const char *what,
                              const leati_served_plan *plan, leati_fault *why)
{
    leat_context *c = s->context;
    leati_served_etag(bytes->data, bytes->size, s->etag);
    LEATI_TRY(leati_model_unpacked(c, *bytes, what, &s->unpacked));
    bool graph = leati_path_has_suffix(what, ".onnx") || leati_graph_file_is(c, *bytes);
    leat_status st =
        graph ? open_graph(s, bytes, own, what, plan) : open_model(s, bytes, own, what, plan, why);
    if (st != LEAT_OK && leat_error_status(c) && !strstr(leat_error_message(c), what))
        leati_error_within(c, "%s", what);
    return st;
}

static leat_status open_origin(leati_served *s, const origin *from, const char *name,
                               uint32_t version, const leati_served_plan *plan, leati_fault *why)
{
    leat_context *c = s->context;
    leati_bytes bytes = from->bytes;
    s->name = leati_strdup(c, name);
    s->version = version;
    snprintf(s->version_text, sizeof s->version_text, "%u", version);
    s->tally = LEATI_NEW(c, leati_tally, s->slots); /* blocks above 512 bytes are aligned */
    if (!s->name || !s->tally) return leat_error_status(c);
    if (!from->path) return open_bytes(s, &bytes, false, from->what, plan, why);
    LEATI_TRY(leati_path_has_suffix(from->path, ".onnx")
                  ? leati_onnx_read_whole(c, &bytes, from->path)
                  : leati_file_read(c, &bytes, from->path));
    leat_status st = open_bytes(s, &bytes, true, from->path, plan, why);
    leati_bytes_release(&bytes);
    return st;
}

static leat_status open_served(leat_context *parent, const origin *from, const char *name,
                               uint32_t version, const leati_served_plan *plan, leati_served **out,
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
    s->slots = plan->slots;
    s->cache = plan->cache;
    if (s->cache) s->serial = leati_response_cache_serial(s->cache);
    atomic_init(&s->references, 1);
    leat_status st = open_origin(s, from, name, version, plan, why);
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
                              uint32_t version, const leati_served_plan *plan, leati_served **out,
                              leati_fault *why)
{
    origin from = {.path = path};
    return open_served(parent, &from, name, version, plan, out, why);
}

leat_status leati_served_parse(leat_context *parent, leati_bytes bytes, const char *what,
                               const char *name, uint32_t version, const leati_served_plan *plan,
                               leati_served **out, leati_fault *why)
{
    origin from = {.what = what, .bytes = bytes};
    return open_served(parent, &from, name, version, plan, out, why);
}
