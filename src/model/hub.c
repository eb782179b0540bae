/* Owns: models from hubs and addresses. Not: the download itself (io/download.h). */
#include <leat/hub.h>

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/options.h"
#include "base/str.h"
#include "io/download.h"
#include "model/hub_index.h"
#include "model/model.h"
#include "model/registry.h"

enum { INDEX_BYTES = 16 << 20 };

struct leat_hub_list {
    leati_arena arena;
    leat_hub_model *items;
    size_t count;
};

void leat_hub_list_destroy(leat_hub_list *list)
{
    if (!list) return;
    leati_arena_fini(&list->arena);
    leati_free(list->items);
    leati_free(list);
}

size_t leat_hub_list_count(const leat_hub_list *list)
{
    return list->count;
}

const leat_hub_model *leat_hub_list_at(const leat_hub_list *list, size_t i)
{
    return i < list->count ? &list->items[i] : NULL;
}

/* --- the index -------------------------------------------------------------------------------- */

static bool is_digest(const char *text)
{
    return text && strlen(text) == 64 && strspn(text, "0123456789abcdef") == 64;
}

/* A file below the hub: no other host, no way upwards. */
static bool is_file(const char *text)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/";
    return text && *text && *text != '/' && text[strspn(text, allowed)] == '\0' &&
           !strstr(text, "..") && !strstr(text, "//") && strlen(text) < 512;
}

static leat_status read_model(leat_context *c, leat_hub_list *list, const json_t *json,
                              const char *address)
{
    const char *name = json_string_value(json_object_get(json, "name"));
    const char *file = json_string_value(json_object_get(json, "file"));
    const char *sha256 = json_string_value(json_object_get(json, "sha256"));
    const char *summary = json_string_value(json_object_get(json, "summary"));
    const json_t *bytes = json_object_get(json, "bytes");
    LEATI_CHECK(c, name && leati_name_good(name) && is_file(file) && is_digest(sha256), LEAT_FORMAT,
                "%s: model %zu lacks a sound name, file or sha256", address, list->count + 1);
    leat_hub_model *m = &list->items[list->count];
    m->name = leati_arena_strdup(&list->arena, name);
    m->file = leati_arena_strdup(&list->arena, file);
    m->sha256 = leati_arena_strdup(&list->arena, sha256);
    m->summary = leati_arena_strdup(&list->arena, summary ? summary : "");
    m->bytes = json_integer_value(bytes) > 0 ? (uint64_t)json_integer_value(bytes) : 0;
    list->count++;
    return leat_error_status(c);
}

static leat_status fill_list(leat_context *c, leat_hub_list *list, const char *text, size_t size,
                             const char *address)
{
    json_error_t where;
    json_t *root = json_loadb(text, size, JSON_REJECT_DUPLICATES, &where);
    LEATI_CHECK(c, root, LEAT_FORMAT, "%s is no index of a hub: line %d: %s", address, where.line,
                where.text);
    const char *format = json_string_value(json_object_get(root, "format"));
    const json_t *models = json_object_get(root, "models");
    leat_status st = LEAT_OK;
    if (!format || strcmp(format, "leat-hub") != 0 || !json_is_array(models))
        st = LEATI_FAIL(c, LEAT_FORMAT,
                        "%s is no index of a hub: it lacks \"format\": \"leat-hub\" "
                        "or a list of models",
                        address);
    size_t n = json_array_size(models);
    if (st == LEAT_OK && !(list->items = LEATI_NEW(c, leat_hub_model, n + 1)))
        st = leat_error_status(c);
    for (size_t i = 0; i < n && st == LEAT_OK; i++)
        st = read_model(c, list, json_array_get(models, i), address);
    json_decref(root);
    return st;
}

leat_status leati_hub_index_read(leat_context *c, leat_hub_list **out, const char *text,
                                 size_t size, const char *address)
{
    *out = NULL;
    leat_hub_list *list = leati_calloc(c, 1, sizeof *list);
    if (!list) return leat_error_status(c);
    leati_arena_init(&list->arena, c);
    leat_status st = fill_list(c, list, text, size, address);
    if (st == LEAT_OK) *out = list;
    else leat_hub_list_destroy(list);
    return st;
}

/* BASE/NAME; leati_free. */
static char *address_of(leat_context *c, const char *base, const char *name)
{
    return leati_path_join(c, base, name);
}

static leat_status base_of(leat_context *c, const char *given, const char **out)
{
    *out = given ? given : getenv("LEAT_HUB");
    LEATI_CHECK(c, *out && **out, LEAT_INVALID,
                "no hub is known: name one by --hub ADDRESS or LEAT_HUB");
    return LEAT_OK;
}

leat_status leat_hub_list_create(leat_context *c, leat_hub_list **out, const char *hub)
{
    const char *base;
    leati_str text;
    *out = NULL;
    LEATI_TRY(base_of(c, hub, &base));
    leati_str_init(&text, c);
    char *address = address_of(c, base, "hub.json");
    leat_status st = address ? LEAT_OK : leat_error_status(c);
    if (st == LEAT_OK) st = leati_download_text(c, address, INDEX_BYTES, &text);
    if (st == LEAT_OK)
        st = leati_hub_index_read(c, out, leati_str_text(&text), text.length, address);
    leati_str_fini(&text);
    leati_free(address);
    return st;
}

/* --- getting ---------------------------------------------------------------------------------- */

typedef struct wanted {
    char *address, *path; /* leati_free */
    char sha256[65];
    uint64_t bytes;
} wanted;

/* The last part of an address, without what follows '?' or '#', ending in .leat. leati_free. */
static char *path_from(leat_context *c, const char *address)
{
    leati_str s;
    const char *from = strstr(address, "://") + 3;
    size_t n = strcspn(from, "?#");
    while (n && from[n - 1] == '/') n--;
    size_t start = n;
    while (start && from[start - 1] != '/') start--;
    leati_str_init(&s, c);
    leati_str_addn(&s, from + start, n - start);
    if (!leati_path_has_suffix(leati_str_text(&s), ".leat")) leati_str_add(&s, ".leat");
    return leati_str_take(&s);
}

static leat_status want_address(leat_context *c, wanted *w, const char *what,
                                const leat_hub_options *o)
{
    LEATI_CHECK(c, o->sha256, LEAT_INVALID,
                "a download is kept only if its bytes are those expected: give their SHA-256 by "
                "--sha256\nwho publishes the model says it: sha256sum FILE");
    w->address = leati_strdup(c, what);
    w->path = o->path ? leati_strdup(c, o->path) : path_from(c, what);
    return w->address && w->path ? LEAT_OK : leat_error_status(c);
}

static leat_status no_such_model(leat_context *c, const leat_hub_list *list, const char *what,
                                 const char *base)
{
    const char **names = LEATI_NEW(c, const char *, list->count + 1);
    if (!names) return leat_error_status(c);
    for (size_t i = 0; i < list->count; i++) names[i] = list->items[i].name;
    const char *near = leati_nearest(what, names, list->count);
    LEATI_FAIL(c, LEAT_NOT_FOUND, "the hub %s has no model '%.128s'%s%s%s", base, what,
               near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    leati_free(names);
    return LEAT_NOT_FOUND;
}

static leat_status want_name(leat_context *c, wanted *w, const char *what,
                             const leat_hub_options *o)
{
    const char *base;
    leat_hub_list *list;
    LEATI_TRY(leati_name_check(c, what, "name"));
    LEATI_TRY(base_of(c, o->hub, &base));
    LEATI_TRY(leat_hub_list_create(c, &list, base));
    const leat_hub_model *found = NULL;
    for (size_t i = 0; i < list->count && !found; i++)
        if (strcmp(list->items[i].name, what) == 0) found = &list->items[i];
    leat_status st = found ? LEAT_OK : no_such_model(c, list, what, base);
    if (st == LEAT_OK) {
        leati_str path;
        leati_str_init(&path, c);
        leati_str_addf(&path, "%s.leat", what);
        char *named = leati_str_take(&path);
        w->address = address_of(c, base, found->file);
        w->path = o->path && named ? leati_strdup(c, o->path) : named;
        if (w->path != named) leati_free(named);
        memcpy(w->sha256, found->sha256, sizeof w->sha256);
        w->bytes = found->bytes;
        if (!w->address || !w->path) st = leat_error_status(c);
    }
    leat_hub_list_destroy(list);
    return st;
}

/* Whether the file is a model that this Leat can read. */
static leat_status check_model(leat_context *c, const char *path, const char *address)
{
    leat_model *m;
    if (leat_model_holds_graph(c, path)) return LEAT_OK;
    leat_status st = leat_model_open(c, &m, path);
    if (st == LEAT_OK) leat_model_release(m);
    else leati_error_within(c, "what came from %s was not kept", address);
    return st;
}

/* Beside its place until it has been looked at. */
static leat_status fetch(leat_context *c, const wanted *w)
{
    leati_str beside;
    LEATI_CHECK(c, !leati_path_is_folder(w->path), LEAT_INVALID,
                "%s is a folder; name a file to write", w->path);
    leati_str_init(&beside, c);
    leati_str_addf(&beside, "%s.got", w->path);
    leat_status st = leati_str_status(&beside);
    const char *got = leati_str_text(&beside);
    if (st == LEAT_OK) st = leati_download(c, w->address, got, w->sha256, w->bytes);
    if (st == LEAT_OK) {
        st = check_model(c, got, w->address);
        if (st == LEAT_OK && rename(got, w->path) != 0)
            st = LEATI_FAIL(c, LEAT_IO, "cannot write %s", w->path);
        if (st != LEAT_OK) unlink(got);
    }
    leati_str_fini(&beside);
    return st;
}

static leat_status pin(leat_context *c, wanted *w, const char *sha256)
{
    char lower[65] = "";
    for (size_t i = 0; i < 64 && sha256[i]; i++)
        lower[i] = sha256[i] >= 'A' && sha256[i] <= 'F' ? (char)(sha256[i] + 32) : sha256[i];
    LEATI_CHECK(c, is_digest(lower) && strlen(sha256) == 64, LEAT_INVALID,
                "a SHA-256 has 64 hexadecimal digits, '%.80s' is none", sha256);
    LEATI_CHECK(c, !*w->sha256 || strcmp(w->sha256, lower) == 0, LEAT_FORMAT,
                "the hub offers other bytes than expected; nothing was fetched\n"
                "SHA-256 expected %s\n          offered %s",
                lower, w->sha256);
    memcpy(w->sha256, lower, sizeof w->sha256);
    return LEAT_OK;
}

leat_hub_options leat_hub_options_default(void)
{
    return (leat_hub_options){.struct_size = sizeof(leat_hub_options)};
}

leat_status leat_hub_get(leat_context *c, const char *what, const leat_hub_options *options,
                         char *path, size_t size)
{
    leat_hub_options o = leat_hub_options_default();
    wanted w = {NULL};
    LEATI_TRY(LEATI_OPTIONS(c, leat_hub_options, &o, options));
    LEATI_CHECK(c, !o.path || strcmp(o.path, "-") != 0, LEAT_INVALID,
                "a model is fetched into a file, where its bytes are looked at; '-' names none");
    leat_status st =
        strstr(what, "://") ? want_address(c, &w, what, &o) : want_name(c, &w, what, &o);
    if (st == LEAT_OK && o.sha256) st = pin(c, &w, o.sha256);
    if (st == LEAT_OK) st = fetch(c, &w);
    if (st == LEAT_OK && path) snprintf(path, size, "%s", w.path);
    leati_free(w.address);
    leati_free(w.path);
    return st;
}
