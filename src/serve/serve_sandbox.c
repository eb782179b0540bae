/* Owns: which places a server needs, by its options. Not: how they are enforced (sandbox.h). */
#include "serve/serve_sandbox.h"

#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"
#include "model/registry.h"
#include "serve/keys.h"
#include "serve/repository.h"
#include "serve/rollouts.h"

/* A folder of models as it is; of a single file its folder, so that the file can be replaced. What
 * is not there is told by who opens it. */
static leat_status allow_models(leati_sandbox *s, const leat_serve_options *o, bool managed)
{
    leati_sandbox_access access = managed ? LEATI_SANDBOX_WRITE : LEATI_SANDBOX_READ;
    for (size_t i = 0; i < o->model_count; i++) {
        const char *path = leati_place_path(o->models[i]);
        if (leati_path_is_folder(path)) LEATI_TRY(leati_sandbox_allow(s, path, access));
        else if (leati_path_exists(path))
            LEATI_TRY(leati_sandbox_allow_beside(s, path, LEATI_SANDBOX_READ));
    }
    return LEAT_OK;
}

static leat_status allow_tls(leati_sandbox *s, const leat_serve_options *o)
{
    if (o->tls_cert && leati_path_exists(o->tls_cert))
        LEATI_TRY(leati_sandbox_allow(s, o->tls_cert, LEATI_SANDBOX_READ));
    if (o->tls_key && leati_path_exists(o->tls_key))
        LEATI_TRY(leati_sandbox_allow(s, o->tls_key, LEATI_SANDBOX_READ));
    return LEAT_OK;
}

/* The socket file is made, and removed at the end. */
static leat_status allow_socket(leati_sandbox *s, const leat_serve_options *o)
{
    bool local = o->listen && strncmp(o->listen, "unix:", 5) == 0;
    return local ? leati_sandbox_allow_beside(s, o->listen + 5, LEATI_SANDBOX_WRITE) : LEAT_OK;
}

/* SQLite keeps files beside its own. */
static leat_status allow_store(leat_context *c, leati_sandbox *s, const char *place)
{
    const char *base = leati_path_base(place);
    if (base != place) {
        char *folder = leati_strndup(c, place, (size_t)(base - place));
        leat_status st = folder ? leati_folder_make(c, folder) : leat_error_status(c);
        leati_free(folder);
        LEATI_TRY(st);
    }
    return leati_sandbox_allow_beside(s, place, LEATI_SANDBOX_WRITE);
}

/* Where rollouts are kept; one that cannot be made is told by who opens it. */
static leat_status allow_state(leat_context *c, leati_sandbox *s, const leat_serve_options *o)
{
    char *folder;
    LEATI_TRY(leati_rollouts_place(c, o, &folder));
    leat_status st = LEAT_OK;
    if (folder && leati_folder_make(c, folder) == LEAT_OK)
        st = leati_sandbox_allow(s, folder, LEATI_SANDBOX_WRITE);
    else leat_error_clear(c);
    leati_free(folder);
    return st;
}

/* Logs are made, and made anew after they were renamed. */
static leat_status allow_logs(leati_sandbox *s, const leat_serve_options *o)
{
    const char *logs[] = {o->access_log, o->prediction_log};
    for (size_t i = 0; i < 2; i++)
        if (logs[i] && strcmp(logs[i], "-") != 0)
            LEATI_TRY(leati_sandbox_allow_beside(s, logs[i], LEATI_SANDBOX_WRITE));
    bool local = o->metrics && strncmp(o->metrics, "unix:", 5) == 0;
    return local ? leati_sandbox_allow_beside(s, o->metrics + 5, LEATI_SANDBOX_WRITE) : LEAT_OK;
}

/* ---- databases --------------------------------------------------------------------------------
 */

static leat_status need_port(void *user, uint16_t port)
{
    return leati_sandbox_allow_port(user, port);
}

static leat_status need_file(void *user, const char *path, bool write)
{
    return leati_sandbox_allow(user, path, write ? LEATI_SANDBOX_WRITE : LEATI_SANDBOX_READ);
}

static leat_status need_list(void *user, const char *folder)
{
    return leati_sandbox_allow(user, folder, LEATI_SANDBOX_LIST);
}

static leati_sql_needs needs_of(leati_sandbox *s)
{
    return (leati_sql_needs){.user = s, .port = need_port, .file = need_file, .list = need_list};
}

/* The catalogue to write, its files to read: an SQLite catalogue that stays open keeps the files
 * beside it, so that nothing has to be made or removed in their folder, where the models are. */
static leat_status allow_registry(leat_context *c, leati_sandbox *s, const leat_serve_options *o,
                                  leat_registry **held)
{
    leat_registry_options where = leat_registry_options_default();
    leati_sql_needs needs = needs_of(s);
    where.where = o->registry;
    where.folder = o->objects;
    leat_status st = leat_registry_open(c, held, &where);
    if (st == LEAT_NETWORK || st == LEAT_IO) leat_error_clear(c); /* it may answer later */
    else LEATI_TRY(st);
    return leati_registry_need(c, &where, *held, &needs);
}

/* ---- all of it --------------------------------------------------------------------------------
 */

static leat_status allow_all(leat_context *c, leati_sandbox *s, const leati_sandbox_plan *plan,
                             const char *store, leat_registry **registry)
{
    const leat_serve_options *o = plan->options;
    leati_sql_needs needs = needs_of(s);
    LEATI_TRY(allow_models(s, o, plan->managed));
    LEATI_TRY(allow_tls(s, o));
    LEATI_TRY(allow_socket(s, o));
    LEATI_TRY(allow_state(c, s, o));
    LEATI_TRY(allow_logs(s, o));
    if (store && leati_sql_is_server(store)) LEATI_TRY(leati_sql_need(c, store, &needs));
    else if (store) LEATI_TRY(allow_store(c, s, store));
    if (plan->meets) LEATI_TRY(allow_registry(c, s, o, registry));
    return leati_sandbox_close_files(s);
}

static leat_status begin(leat_context *c, const leati_sandbox_plan *plan, const char *store,
                         leati_sandbox **out, leat_registry **registry)
{
    bool remote = store && leati_sql_is_server(store);
    if (plan->meets) {
        bool server;
        LEATI_TRY(leati_registry_is_server(c, plan->options->registry, &server));
        remote = remote || server;
    }
    LEATI_TRY(leati_sandbox_create(c, remote, out));
    return allow_all(c, *out, plan, store, registry);
}

leat_status leati_serve_sandbox_begin(leat_context *c, const leati_sandbox_plan *plan,
                                      leati_sandbox **out, leat_registry **registry)
{
    char *place = NULL;
    *out = NULL;
    *registry = NULL;
    if (plan->asks) {
        place = leati_key_place(c, plan->store);
        if (!place) return leat_error_status(c);
    }
    leat_status st = begin(c, plan, place, out, registry);
    leati_free(place);
    if (st == LEAT_OK) return LEAT_OK;
    leat_registry_close(*registry);
    leati_sandbox_destroy(*out);
    *registry = NULL;
    *out = NULL;
    return st;
}
