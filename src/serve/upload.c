/* Owns: PUT and DELETE of models: conditions (RFC 9110, section 13), where files go. Not: writing
 * and removing them (model_files.c), exchanging what is loaded (repository.c).
 *
 * A version never changes under its number: other bytes for a number that is taken are refused
 * unless If-Match names what they replace. The bytes of a request are read, checked and asked
 * before a file is written; the file is whole and on the disk before it has its name. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "model/model.h"
#include "serve/entity_tag.h"
#include "serve/media.h"
#include "serve/model_files.h"
#include "serve/passed_over.h"
#include "serve/rollouts.h"
#include "serve/route.h"
#include "serve/version_marks.h"

/* COUNTED: what a small model needs in memory when it is served, about. */
enum { MOST_VERSION = 999999999, COUNTED = 1 << 20 };

/* What a request is about. */
typedef struct target {
    leati_job *job;
    uint32_t version; /* 0: there is none yet */
    bool exists, loaded;
    char etag[67];     /* of what exists */
    bool guarded;      /* If-Match named what exists */
    bool made;         /* the folder of the model, by this request */
    uint64_t unpacked; /* bytes of what came, once unpacked */
    char path[LEATI_MODEL_PATH], temporary[LEATI_MODEL_PATH];
} target;

/* ---- what there is ----------------------------------------------------------------------------
 */

static bool hash_file(target *t, const char *path)
{
    leat_context *c = leati_repository_context(t->job->repository);
    leati_bytes bytes;
    if (leati_file_read(c, &bytes, path) != LEAT_OK) return leati_fault_from(&t->job->fault, c);
    leati_served_etag(bytes.data, bytes.size, t->etag);
    leati_bytes_release(&bytes);
    return true;
}

/* The version that the path names, or the newest. */
static bool look(target *t, leati_job *job)
{
    leati_repository *r = job->repository;
    size_t n = strlen(job->name);
    *t = (target){.job = job};
    if (!leati_repository_rescan(r, &job->fault)) return false;
    const leati_shelf *shelf = leati_repository_shelf(r);
    const leati_served *served = leati_shelf_find(shelf, job->name, n, job->version);
    t->version = job->version ? job->version : leati_repository_newest(r, job->name);
    if (!job->version && served && served->version > t->version) t->version = served->version;
    served = t->version ? leati_shelf_find(shelf, job->name, n, t->version) : NULL;
    const char *path = leati_repository_path(r, job->name, t->version);
    t->loaded = served != NULL;
    t->exists = served || path;
    if (path) snprintf(t->path, sizeof t->path, "%s", path);
    if (served) memcpy(t->etag, served->etag, sizeof t->etag);
    return served || !path || hash_file(t, path);
}

/* ---- conditions -------------------------------------------------------------------------------
 */

static bool conditions_hold(target *t)
{
    leati_fault *fault = &t->job->fault;
    leati_http_text match = leati_exchange_header_in(t->job->exchange, "if-match"),
                    none = leati_exchange_header_in(t->job->exchange, "if-none-match");
    int is = match.data ? leati_entity_tag_listed(match, t->etag, false) : 1;
    int other = none.data ? leati_entity_tag_listed(none, t->etag, true) : 0;
    if (is < 0 || other < 0)
        return leati_fault_set(fault, 400, "invalid_condition",
                               "%s is * or entity tags in double quotes, separated by commas",
                               is < 0 ? "If-Match" : "If-None-Match");
    if (!t->exists && match.data)
        return leati_fault_set(fault, 412, "condition_failed", "If-Match: there is no such model");
    if (!is)
        return leati_fault_set(fault, 412, "condition_failed",
                               "If-Match: the model was changed, its entity tag is %s", t->etag);
    if (t->exists && other)
        return leati_fault_set(fault, 412, "condition_failed",
                               "If-None-Match: it is there, its entity tag is %s", t->etag);
    t->guarded = match.data != NULL;
    return true;
}

/* ---- files ------------------------------------------------------------------------------------
 */

static bool commit_new(void *user, leati_fault *fault)
{
    target *t = user;
    int error = leati_model_file_name(t->temporary, t->path);
    if (error == EEXIST) /* another process was quicker */
        return leati_fault_set(fault, 409, "version_exists",
                               "version %u was made by someone else meanwhile", t->version);
    if (error) return leati_model_file_fault(fault, error);
    leati_model_file_sync(t->path);
    return true;
}

static bool commit_other(void *user, leati_fault *fault)
{
    target *t = user;
    if (rename(t->temporary, t->path) != 0) return leati_model_file_fault(fault, errno);
    leati_model_file_sync(t->path);
    return true;
}

static bool commit_nothing(void *user, leati_fault *fault)
{
    (void)user;
    (void)fault;
    return true;
}

/* Folders of the model that are empty now; never the one that is served. */
static void tidy(leati_job *job, char *path)
{
    const char *folder = leati_repository_folder(job->repository);
    for (int level = 0; level < 2; level++) {
        char *slash = strrchr(path, '/');
        if (!slash) return;
        *slash = '\0';
        if (!leati_repository_owns(job->repository, path) || strcmp(path, folder) == 0 ||
            rmdir(path) != 0)
            return;
    }
}

/* ---- PUT --------------------------------------------------------------------------------------
 */

static bool not_in_a_folder(target *t)
{
    return leati_fault_set(&t->job->fault, 409, "not_in_a_folder",
                           "version %u of '%s' is a file that the server was started with, not one "
                           "in a folder that it serves: it is changed where it lies",
                           t->version, t->job->name);
}

/* Where the file goes. */
static bool place(target *t, bool replaces)
{
    leati_job *job = t->job;
    leati_fault *fault = &job->fault;
    const char *folder = leati_repository_folder(job->repository);
    if (replaces && *t->path)
        return leati_repository_owns(job->repository, t->path) || not_in_a_folder(t);
    if (!folder)
        return leati_fault_set(fault, 409, "no_folder",
                               "this server serves files or versions of a registry, which are "
                               "changed where they lie; it takes models where it was started with "
                               "a folder");
    int n = snprintf(t->path, sizeof t->path, "%s/%s", folder, job->name);
    if (n < 0 || (size_t)n + 64 > sizeof t->path)
        return leati_model_file_fault(fault, ENAMETOOLONG);
    t->made = mkdir(t->path, 0777) == 0;
    if (!t->made && errno != EEXIST) return leati_model_file_fault(fault, errno);
    if (t->made) leati_model_file_sync(t->path);
    snprintf(t->path + n, sizeof t->path - (size_t)n, "/%u.leat", t->version);
    return true;
}

static int answer_put(target *t, const leati_served *s, bool created, const char *status)
{
    leati_reply r;
    char where[200];
    leati_exchange_header(t->job->exchange, "Content-Type", "application/json");
    leati_exchange_header(t->job->exchange, "ETag", s->etag);
    snprintf(where, sizeof where, "/api/v1/%s/versions/%u", s->name, s->version);
    leati_exchange_header(t->job->exchange, created ? "Location" : "Content-Location", where);
    leati_reply_init(&r, t->job->exchange);
    LEATI_REPLY(&r, "{\"model\":");
    leati_reply_string(&r, s->name);
    LEATI_REPLY(&r, ",\"version\":");
    leati_reply_unsigned(&r, s->version);
    LEATI_REPLY(&r, ",\"status\":");
    leati_reply_string(&r, status);
    LEATI_REPLY(&r, ",\"sha256\":");
    leati_reply_text(&r, s->etag + 1, 64);
    LEATI_REPLY(&r, ",\"request_id\":");
    const char *id = leati_exchange_request(t->job->exchange)->id;
    leati_reply_string(&r, id ? id : "");
    LEATI_REPLY(&r, "}\n");
    leati_reply_end(&r);
    return created ? 201 : 200;
}

/* Reads the model, warms it up. What is wrong with it is no fault of the server. */
static leati_served *open_body(target *t)
{
    leati_job *job = t->job;
    leati_repository *r = job->repository;
    const leati_http_request *q = leati_exchange_request(job->exchange);
    leati_served *served = NULL;
    leati_bytes bytes = {.data = q->body, .size = q->body_length};
    leat_context *c = leati_repository_context(r);
    leat_status st = leati_served_parse(c, bytes, "the body", job->name, t->version,
                                        leati_repository_plan(r), &served, &job->fault);
    if (st == LEAT_OK) return served;
    if (!job->fault.http) {
        leati_fault_from(&job->fault, c);
    } else if (job->fault.http != 503 && job->fault.http != 500) {
        job->fault.http = 422;
        job->fault.code = st == LEAT_UNSUPPORTED ? "unsupported_model" : "invalid_model";
    }
    leat_error_clear(c);
    return NULL;
}

static int exchange(target *t, leati_served *served, bool (*commit)(void *, leati_fault *),
                    bool created, const char *status)
{
    leati_job *job = t->job;
    leati_served_retain(served); /* for the answer */
    bool ok = leati_repository_change(job->repository, job->name, t->version, t->path, served,
                                      commit, t, &job->fault);
    int result = ok ? answer_put(t, served, created, status) : 0;
    leati_served_release(served);
    return result;
}

/* Before anything is unpacked: how much that would be stands in the archive's directory, which
 * whoever reads a member holds it to. Where that is damaged, opening it says so. */
static bool is_small_enough(target *t)
{
    leati_job *job = t->job;
    const leati_http_request *q = leati_exchange_request(job->exchange);
    leat_context *c = leati_repository_context(job->repository);
    leati_bytes bytes = {.data = q->body, .size = q->body_length};
    uint64_t most = leati_serve_model_limit(job->serve);
    if (leati_model_unpacked(c, bytes, "the body", &t->unpacked) != LEAT_OK) leat_error_clear(c);
    if (t->unpacked <= most) return true;
    return leati_fault_set(&job->fault, 413, "too_large",
                           "the model has %.1f MiB once it is unpacked, and this server takes "
                           "%.1f: --max-model allows more",
                           (double)t->unpacked / (1 << 20), (double)most / (1 << 20));
}

/* Of what somebody may upload the disk and the memory are not to become full. */
static bool has_room(target *t, bool replaces)
{
    leati_job *job = t->job;
    leati_stored stored =
        leati_repository_stored(job->repository, job->name, replaces ? t->version : 0, COUNTED);
    uint32_t most = leati_serve_version_limit(job->serve);
    uint64_t limit = leati_serve_stored_limit(job->serve);
    uint64_t size = t->unpacked > COUNTED ? t->unpacked : COUNTED;
    if (!replaces && stored.versions >= most)
        return leati_fault_set(&job->fault, 409, "too_many_versions",
                               "'%.128s' has %zu versions, and this server keeps %u of a model: "
                               "DELETE /api/v1/%.128s/versions/N makes room, --max-versions allows "
                               "more",
                               job->name, stored.versions, most, job->name);
    if (stored.bytes <= limit && size <= limit - stored.bytes) return true;
    return leati_fault_set(&job->fault, 507, "too_much_stored",
                           "the models in the folder would have %.1f MiB unpacked, each counted as "
                           "1 at least, and this server keeps %.1f: DELETE "
                           "/api/v1/MODEL/versions/N makes room, --max-stored allows more",
                           (double)(stored.bytes + size) / (1 << 20), (double)limit / (1 << 20));
}

static int store(target *t, bool replaces, bool created)
{
    const leati_http_request *q = leati_exchange_request(t->job->exchange);
    leati_served *served = open_body(t);
    if (!served) return 0;
    if (!place(t, replaces) ||
        !leati_model_file_write(t->path, q->body, q->body_length, t->temporary, &t->job->fault)) {
        leati_served_release(served);
        if (t->made) tidy(t->job, t->path);
        return 0;
    }
    int status = exchange(t, served, replaces ? commit_other : commit_new, created,
                          created ? "created" : "replaced");
    unlink(t->temporary); /* what is left of a link, or of a failure */
    if (!status && t->made) tidy(t->job, t->path);
    return status;
}

/* The number for an upload that names none: one that no version has or had, as far as is known. */
static uint32_t next_version(const target *t)
{
    leati_job *job = t->job;
    leati_repository *r = job->repository;
    const char *folder = leati_repository_folder(r);
    uint32_t last = t->version;
    for (uint32_t v = last; (v = leati_repository_next(r, job->name, v));) last = v;
    uint32_t mark = folder ? leati_version_mark(leati_repository_context(r), folder, job->name) : 0;
    return (mark > last ? mark : last) + 1;
}

static int put(leati_job *job)
{
    const leati_http_request *q = leati_exchange_request(job->exchange);
    target t;
    char etag[67];
    if (!look(&t, job) || !conditions_hold(&t) || !is_small_enough(&t)) return 0;
    leati_served_etag(q->body, q->body_length, etag);
    if (t.exists && strcmp(etag, t.etag) == 0) {
        if (t.loaded)
            return answer_put(&t,
                              leati_shelf_find(leati_repository_shelf(job->repository), job->name,
                                               strlen(job->name), t.version),
                              false, "unchanged");
        leati_served *served = open_body(&t);
        return served ? exchange(&t, served, commit_nothing, false, "loaded") : 0;
    }
    bool other = t.exists && job->version;
    if (other && !t.guarded)
        return leati_fault_set(&job->fault, 409, "version_exists",
                               "version %u of '%s' is there and versions do not change; upload to "
                               "/api/v1/%s for a new one, or send If-Match: %s to replace it",
                               t.version, job->name, job->name, t.etag);
    bool created = !t.exists;
    if (!other) t.version = job->version ? job->version : next_version(&t);
    if (t.version > MOST_VERSION)
        return leati_fault_set(
            &job->fault, 409, "no_version_left",
            "there is no higher version: PUT /api/v1/%s/versions/N names a number", job->name);
    if (!leati_rollouts_permit(leati_serve_rollouts(job->serve), job->name, t.version, etag,
                               &job->fault))
        return 0;
    return has_room(&t, other) ? store(&t, other, created) : 0;
}

/* ---- DELETE -----------------------------------------------------------------------------------
 */

/* The files of the versions that go. */
typedef struct leaving {
    size_t files;
    char **paths;     /* (files) */
    uint32_t highest; /* but for the highest of all, which would bar those below it for ever */
} leaving;

static bool commit_deletion(void *user, leati_fault *fault)
{
    const leaving *l = user;
    return leati_model_files_remove(l->paths, l->files, fault);
}

/* A version goes where its file may go. */
static bool add_leaving(target *t, leaving *l, uint32_t version)
{
    leati_job *job = t->job;
    leati_repository *r = job->repository;
    leat_context *c = leati_repository_context(r);
    const char *path = leati_repository_path(r, job->name, version);
    if (!path) return true;
    t->version = version;
    if (!leati_repository_owns(r, path)) return false;
    l->paths[l->files] = leati_strdup(c, path);
    if (!l->paths[l->files]) return leati_fault_from(&job->fault, c);
    l->files++;
    if (version > l->highest && version < MOST_VERSION) l->highest = version;
    return true;
}

static bool held(target *t)
{
    leati_job *job = t->job;
    if (job->fault.http) return false;
    if (job->version) return not_in_a_folder(t);
    return leati_fault_set(&job->fault, 409, "not_in_a_folder",
                           "nothing was deleted: version %u of '%.128s' is one that the server was "
                           "started with, a file or a version of a registry, and is changed where "
                           "it lies; DELETE /api/v1/%.128s/versions/N deletes another one",
                           t->version, job->name, job->name);
}

/* All that may refuse is asked before the first one goes. */
static bool gather(target *t, leaving *l)
{
    leati_job *job = t->job;
    leati_repository *r = job->repository;
    leat_context *c = leati_repository_context(r);
    size_t most = 0;
    for (uint32_t v = 0; (v = leati_repository_next(r, job->name, v));) most++;
    *l = (leaving){.paths = LEATI_NEW(c, char *, most + 1)};
    if (!l->paths) return leati_fault_from(&job->fault, c);
    if (job->version) return add_leaving(t, l, job->version) || held(t);
    for (uint32_t v = 0; (v = leati_repository_next(r, job->name, v));)
        if (!add_leaving(t, l, v)) return held(t);
    return true;
}

static bool mark(const target *t, const leaving *l)
{
    leati_repository *r = t->job->repository;
    const char *folder = leati_repository_folder(r);
    return !folder || !l->highest ||
           leati_version_mark_raise(leati_repository_context(r), folder, t->job->name, l->highest);
}

static bool take_away(target *t, leaving *l)
{
    leati_job *job = t->job;
    if (!gather(t, l)) return false;
    bool marked = mark(t, l);
    if (!leati_repository_remove(job->repository, job->name, job->version, commit_deletion, l,
                                 &job->fault))
        return false;
    for (size_t i = 0; i < l->files; i++) tidy(job, l->paths[i]);
    if (!marked) (void)mark(t, l); /* on a disk that was full */
    return true;
}

static int delete (leati_job *job)
{
    target t;
    leaving l = {0};
    if (!look(&t, job) || !conditions_hold(&t)) return 0;
    if (!t.exists)
        return leati_fault_set(&job->fault, 404, job->version ? "no_such_version" : "no_such_model",
                               job->version ? "the model '%.*s' has no such version"
                                            : "there is no model '%.*s'",
                               LEATI_CLIP(job->name, strlen(job->name)));
    bool gone = leati_rollouts_permit(leati_serve_rollouts(job->serve), job->name, job->version,
                                      NULL, &job->fault) &&
                take_away(&t, &l);
    for (size_t i = 0; i < l.files; i++) leati_free(l.paths[i]);
    leati_free(l.paths);
    return gone ? 204 : 0;
}

/* ---- routes -----------------------------------------------------------------------------------
 */

/* "x.leat" would be taken for the file of a model 'x' where a folder is looked through. */
static bool name_fits(leati_http_text name)
{
    return leati_served_name_fits(name.data, name.length) &&
           !(name.length >= 5 && memcmp(name.data + name.length - 5, ".leat", 5) == 0);
}

/* An alias in the place of a name. */
static bool is_alias(leati_call *call)
{
    leati_http_text name = call->model_name;
    const char *at = memchr(name.data, '@', name.length);
    if (!at) return false;
    size_t n = (size_t)(at - name.data);
    leati_fault_set(&call->fault, 422, "alias",
                    "'%.*s' is an alias, and files have numbers: PUT /api/v1/%.*s makes the newest "
                    "version, /api/v1/%.*s/versions/N is one; an alias is moved in the registry: "
                    "leat registry tag %.*s VERSION",
                    LEATI_CLIP(name.data, name.length), LEATI_CLIP(name.data, n),
                    LEATI_CLIP(name.data, n), LEATI_CLIP(name.data, name.length));
    return true;
}

int leati_route_api_put(leati_call *call)
{
    leati_fault *fault = &call->fault;
    leati_media media = leati_media_of(call);
    uint32_t version;
    if (is_alias(call)) return 0;
    if (!name_fits(call->model_name))
        return leati_fault_set(
            fault, 422, "invalid_name",
            "'%.*s' cannot be the name of a model: letters, digits, '.', '_' and "
            "'-' are allowed, 128 at most, no '.' first, no '.leat' last",
            LEATI_CLIP(call->model_name.data, call->model_name.length));
    if (leati_passed_over_hides(call->model_name.data, call->model_name.length))
        return leati_fault_set(fault, 422, "invalid_name",
                               "a model named 'stats' would not be found: GET /v2/models/stats has "
                               "the statistics of all models; choose another name");
    if (!leati_call_version(call, &version))
        return leati_fault_set(fault, 422, "invalid_version",
                               "'%.*s' is no version: a whole number from 1 to 999999999",
                               LEATI_CLIP(call->version.data, call->version.length));
    if (media != LEATI_MEDIA_NONE && media != LEATI_MEDIA_MODEL)
        return leati_fault_set(fault, 415, "unsupported_media_type",
                               "a model file is application/octet-stream or application/vnd.leat");
    if (leati_exchange_header_in(call->exchange, "content-range").data)
        return leati_fault_set(fault, 400, "partial_content", "a model is uploaded as a whole");
    if (call->request->body_length == 0)
        return leati_fault_set(fault, 400, "empty_body", "the body is empty; it is a model file");
    return leati_serve_change(call, put);
}

int leati_route_api_delete(leati_call *call)
{
    uint32_t version;
    if (is_alias(call)) return 0;
    if (!leati_served_name_fits(call->model_name.data, call->model_name.length) ||
        !leati_call_version(call, &version))
        return leati_fault_set(&call->fault, 404, "no_such_model", "there is no model '%.*s'",
                               LEATI_CLIP(call->model_name.data, call->model_name.length));
    return leati_serve_change(call, delete);
}
