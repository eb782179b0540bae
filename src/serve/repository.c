/* Owns: the places of model files and the exchange of what is loaded. Not: which request may change
 * it (oip_repository.c). */
#include "serve/repository.h"

#include <dirent.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/num.h"
#include "serve/passed_over.h"

enum { MOST_VERSION = 999999999, MOST_ENTRIES = 65536, REASON = 200 };

typedef struct entry {
    char *name, *path;
    uint32_t version;
    bool loaded, found;    /* found: by the scan under way */
    bool preferred, named; /* named: by whoever started the server, not found in a folder */
    char sha256[65];       /* of the file, as it was loaded; "": it is not */
    char reason[REASON];
} entry;

typedef struct pin {
    _Alignas(64) _Atomic(const leati_shelf *) shelf;
} pin;

struct leati_repository {
    leat_context *context; /* of who changes the repository */
    pthread_mutex_t lock;  /* of the entries */
    entry *entries;        /* sorted as a shelf is */
    size_t count, capacity;
    char **folders;
    size_t folder_count;
    leati_passed_over passed_over;
    _Atomic(leati_shelf *) shelf;
    pin *pins; /* (slots) */
    leati_served_plan plan;
    struct leati_watch *watch; /* NULL: none */
};

/* ---- shelves ----------------------------------------------------------------------------------
 */

static int compare_names(const char *a, const char *b, size_t length)
{
    int order = strncmp(a, b, length);
    return order ? order : a[length] != '\0';
}

size_t leati_shelf_versions(const leati_shelf *shelf, const char *name, size_t length,
                            size_t *first)
{
    size_t low = 0, high = shelf->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (compare_names(shelf->served[middle]->name, name, length) < 0) low = middle + 1;
        else high = middle;
    }
    size_t end = low;
    while (end < shelf->count && compare_names(shelf->served[end]->name, name, length) == 0) end++;
    *first = low;
    return end - low;
}

leati_served *leati_shelf_find(const leati_shelf *shelf, const char *name, size_t length,
                               uint32_t version)
{
    size_t first, n = leati_shelf_versions(shelf, name, length, &first);
    for (size_t i = first; i < first + n; i++) {
        leati_served *s = shelf->served[i];
        if (version ? s->version == version
                    : atomic_load_explicit(&s->preferred, memory_order_relaxed))
            return s;
    }
    return n && version == 0 ? shelf->served[first + n - 1] : NULL;
}

static leati_shelf *make_shelf(leat_context *c, size_t count)
{
    leati_shelf *shelf = LEATI_NEW(c, leati_shelf, 1);
    leati_served **served = LEATI_NEW(c, leati_served *, count + 1);
    if (!shelf || !served) {
        leati_free(shelf);
        leati_free(served);
        return NULL;
    }
    shelf->served = served;
    return shelf;
}

static void free_shelf(leati_shelf *shelf)
{
    if (!shelf) return;
    for (size_t i = 0; i < shelf->count; i++) leati_served_release(shelf->served[i]);
    leati_free(shelf->served);
    leati_free(shelf);
}

static int order_served(const void *a, const void *b)
{
    const leati_served *x = *(leati_served *const *)a, *y = *(leati_served *const *)b;
    int order = strcmp(x->name, y->name);
    return order ? order : (x->version > y->version) - (x->version < y->version);
}

/* The shelf without that version of `name` (0: none of it), with `more` (references are taken over
 * on success). */
static leati_shelf *changed_shelf(leat_context *c, const leati_shelf *old, const char *name,
                                  uint32_t version, leati_served *const *more, size_t count)
{
    leati_shelf *shelf = make_shelf(c, old->count + count);
    if (!shelf) return NULL;
    for (size_t i = 0; i < old->count; i++)
        if (strcmp(old->served[i]->name, name) != 0 ||
            (version && old->served[i]->version != version))
            shelf->served[shelf->count++] = leati_served_retain(old->served[i]);
    for (size_t i = 0; i < count; i++) shelf->served[shelf->count++] = more[i];
    qsort(shelf->served, shelf->count, sizeof *shelf->served, order_served);
    return shelf;
}

/* Hazard pointers: Michael, "Hazard pointers: safe memory reclamation for lock-free objects"
 * (2004). */
const leati_shelf *leati_repository_pin(leati_repository *r, uint32_t slot)
{
    for (;;) {
        const leati_shelf *shelf = atomic_load(&r->shelf);
        atomic_store(&r->pins[slot].shelf, shelf);
        if (atomic_load(&r->shelf) == shelf) return shelf;
    }
}

void leati_repository_unpin(leati_repository *r, uint32_t slot)
{
    atomic_store_explicit(&r->pins[slot].shelf, NULL, memory_order_release);
}

/* The entries learn what is about to be loaded, so that who looks at them is not behind. */
static void note_files(leati_repository *r, const leati_shelf *shelf)
{
    pthread_mutex_lock(&r->lock);
    for (size_t i = 0; i < r->count; i++) {
        entry *e = &r->entries[i];
        const leati_served *s = leati_shelf_find(shelf, e->name, strlen(e->name), e->version);
        *e->sha256 = '\0';
        if (s) snprintf(e->sha256, sizeof e->sha256, "%.64s", s->etag + 1);
    }
    pthread_mutex_unlock(&r->lock);
}

static void exchange(leati_repository *r, leati_shelf *shelf)
{
    note_files(r, shelf);
    leati_shelf *old = atomic_exchange(&r->shelf, shelf);
    for (uint32_t w = 0; w < r->plan.slots; w++) {
        struct timespec pause = {0, 50000};
        while (atomic_load(&r->pins[w].shelf) == old) nanosleep(&pause, NULL);
    }
    free_shelf(old);
}

/* ---- entries ----------------------------------------------------------------------------------
 */

static size_t place_of(const leati_repository *r, const char *name, uint32_t version, bool *there)
{
    size_t i = 0;
    *there = false;
    for (; i < r->count; i++) {
        int order = strcmp(r->entries[i].name, name);
        if (order == 0 && r->entries[i].version < version) order = -1;
        else if (order == 0 && r->entries[i].version > version) order = 1;
        *there = order == 0;
        if (order >= 0) break;
    }
    return i;
}

/* again: a scan may find what is known. */
static leat_status add_entry(leati_repository *r, const char *name, uint32_t version,
                             const char *path, bool again)
{
    leat_context *c = r->context;
    bool there;
    LEATI_CHECK(c, leati_served_name_fits(name, strlen(name)), LEAT_INVALID,
                "%s: '%s' cannot be the name of a served model: letters, digits, '.', '_' and '-' "
                "are allowed\nto give another: NAME=%s",
                path, name, path);
    LEATI_CHECK(c, r->count < MOST_ENTRIES, LEAT_LIMIT, "more than 65,536 models");
    leati_passed_over_hidden(&r->passed_over, c, path, name);
    size_t at = place_of(r, name, version, &there);
    if (there) {
        LEATI_CHECK(c, again, LEAT_INVALID,
                    "%s and %s would both be version %u of '%s'\nto keep both: %s:%u=%s",
                    r->entries[at].path, path, version, name, name, version + 1, path);
        r->entries[at].found = true;
        return LEAT_OK;
    }
    LEATI_TRY(leati_grow(c, &r->entries, &r->capacity, r->count + 1, sizeof *r->entries));
    entry e = {.name = leati_strdup(c, name),
               .path = leati_strdup(c, path),
               .version = version,
               .found = true};
    if (!e.name || !e.path) {
        leati_free(e.name);
        leati_free(e.path);
        return leat_error_status(c);
    }
    memmove(r->entries + at + 1, r->entries + at, (r->count - at) * sizeof e);
    r->entries[at] = e;
    r->count++;
    return LEAT_OK;
}

/* "3" of "3" or "3.leat"; 0: it is no version. */
static uint32_t version_of(const char *text, size_t length)
{
    int64_t version;
    if (length == 0 || *text < '1' || *text > '9') return 0;
    if (!leati_int_parse(text, length, &version) || version > MOST_VERSION) return 0;
    return (uint32_t)version;
}

/* The length of a file's name without ".leat", 0 where it is another file. */
static size_t stem_length(const char *name)
{
    size_t n = strlen(name);
    return n > 5 && *name != '.' && strcmp(name + n - 5, ".leat") == 0 ? n - 5 : 0;
}

typedef leat_status (*found_fn)(leati_repository *r, const char *path, const char *base,
                                const char *name);

static leat_status scan(leati_repository *r, const char *folder, const char *name, found_fn found)
{
    leat_context *c = r->context;
    DIR *dir = opendir(folder);
    leat_status st = LEAT_OK;
    LEATI_CHECK(c, dir, LEAT_IO, "the folder %s cannot be read", folder);
    for (struct dirent *d; st == LEAT_OK && (d = readdir(dir));) {
        if (*d->d_name == '.') continue;
        char *path = leati_path_join(c, folder, d->d_name);
        st = path ? found(r, path, d->d_name, name) : leat_error_status(c);
        leati_free(path);
    }
    closedir(dir);
    return st;
}

/* In NAME/VERSION/. `name` is "NAME:VERSION". */
static leat_status found_file(leati_repository *r, const char *path, const char *base,
                              const char *name)
{
    if (!stem_length(base)) {
        (void)leati_passed_over_ending(&r->passed_over, r->context, path);
        return LEAT_OK;
    }
    const char *colon = strrchr(name, ':');
    char *own = leati_strndup(r->context, name, (size_t)(colon - name));
    if (!own) return leat_error_status(r->context);
    leat_status st = add_entry(r, own, version_of(colon + 1, strlen(colon + 1)), path, true);
    leati_free(own);
    return st;
}

/* In NAME/: VERSION.leat or VERSION/. */
static leat_status found_version(leati_repository *r, const char *path, const char *base,
                                 const char *name)
{
    size_t stem = stem_length(base);
    if (!stem && leati_passed_over_ending(&r->passed_over, r->context, path)) return LEAT_OK;
    uint32_t version = version_of(base, stem ? stem : strlen(base));
    if (version == 0) {
        leati_passed_over_version(&r->passed_over, r->context, path);
        return LEAT_OK;
    }
    if (stem) return add_entry(r, name, version, path, true);
    if (!leati_path_is_folder(path)) return LEAT_OK;
    char both[160];
    snprintf(both, sizeof both, "%s:%u", name, version);
    return scan(r, path, both, found_file);
}

/* In the folder itself: NAME.leat or NAME/. Other files belong to something else. */
static leat_status found_model(leati_repository *r, const char *path, const char *base,
                               const char *unused)
{
    (void)unused;
    size_t stem = stem_length(base);
    if (!stem && leati_passed_over_ending(&r->passed_over, r->context, path)) return LEAT_OK;
    if (!leati_served_name_fits(base, stem ? stem : strlen(base))) {
        leati_passed_over_name(&r->passed_over, r->context, path);
        return LEAT_OK;
    }
    if (!stem) return leati_path_is_folder(path) ? scan(r, path, base, found_version) : LEAT_OK;
    char *name = leati_strndup(r->context, base, stem);
    leat_status st = name ? add_entry(r, name, 1, path, true) : leat_error_status(r->context);
    leati_free(name);
    return st;
}

const char *leati_place_path(const char *place)
{
    const char *equals = strchr(place, '=');
    return equals && !leati_path_exists(place) ? equals + 1 : place;
}

/* "iris.leat", "iris=PATH", "iris:2=PATH", a folder. */
static leat_status add_place(leati_repository *r, const char *place)
{
    leat_context *c = r->context;
    if (leati_path_is_folder(place)) {
        char **folders = r->folders;
        folders[r->folder_count] = leati_strdup(c, place);
        if (!folders[r->folder_count]) return leat_error_status(c);
        r->folder_count++;
        size_t before = r->count;
        LEATI_TRY(scan(r, place, NULL, found_model));
        if (r->count == before) leati_passed_over_empty(&r->passed_over, place);
        return LEAT_OK;
    }
    const char *path = leati_place_path(place), *equals = path == place ? NULL : path - 1;
    char *name = NULL;
    uint32_t version = 1;
    if (equals) {
        const char *colon = memchr(place, ':', (size_t)(equals - place));
        name = leati_strndup(c, place, (size_t)((colon ? colon : equals) - place));
        if (colon) version = version_of(colon + 1, (size_t)(equals - colon) - 1);
        if (name && version == 0) {
            leati_free(name);
            return LEATI_FAIL(c, LEAT_INVALID, "%s: a version is a whole number from 1", place);
        }
    } else {
        name = leati_path_stem(c, place);
        size_t n = name ? strlen(name) : 0;
        if (n > 5 && leati_path_has_suffix(name, ".onnx")) name[n - 5] = '\0';
    }
    leat_status st = name ? add_entry(r, name, version, path, false) : leat_error_status(c);
    bool there;
    size_t at = st == LEAT_OK ? place_of(r, name, version, &there) : 0;
    if (st == LEAT_OK) r->entries[at].named = true;
    leati_free(name);
    return st;
}

/* ---- loading ----------------------------------------------------------------------------------
 */

static void describe_failure(leat_context *c, const entry *e, leat_status st,
                             const leati_fault *why)
{
    const char *text = why->http ? why->message : leat_status_text(st);
    leat_error_clear(c);
    /* Messages of files name them already. */
    if (strstr(text, e->path)) LEATI_FAIL(c, st, "%s", text);
    else LEATI_FAIL(c, st, "%s: %s", e->path, text);
}

/* On failure it is released. */
static leat_status begin_watching(leati_repository *r, leati_served *served, const char *path)
{
    leat_status st = leati_served_watch(served, r->watch, path);
    if (st == LEAT_OK) return LEAT_OK;
    LEATI_FAIL(r->context, st, "%s", leat_error_message(served->context));
    leati_served_release(served);
    return st;
}

static leat_status open_entry(leati_repository *r, const entry *e, leati_served **out)
{
    leati_fault why = {0};
    leat_status st =
        leati_served_open(r->context, e->path, e->name, e->version, &r->plan, out, &why);
    if (st != LEAT_OK) describe_failure(r->context, e, st, &why);
    else st = begin_watching(r, *out, e->path);
    if (st == LEAT_OK) atomic_store(&(*out)->preferred, e->preferred);
    return st;
}

/* A file that nobody asked for by name must not keep the others from being served, whatever is
 * wrong with it; what the server itself lacks does. */
static bool pass_over(leati_repository *r, entry *e, leat_status st)
{
    leat_context *c = r->context;
    if (e->named || st == LEAT_NOMEM || st == LEAT_INTERNAL) return false;
    snprintf(e->reason, sizeof e->reason, "%s", leat_error_message(c));
    leati_passed_over_unsound(&r->passed_over, c, e->path, leat_error_message(c));
    leat_error_clear(c);
    return true;
}

static leat_status open_all(leati_repository *r)
{
    leat_context *c = r->context;
    leati_shelf *shelf = make_shelf(c, r->count);
    if (!shelf) return leat_error_status(c);
    leat_status st = LEAT_OK;
    for (size_t i = 0; st == LEAT_OK && i < r->count; i++) {
        entry *e = &r->entries[i];
        st = open_entry(r, e, &shelf->served[shelf->count]);
        e->loaded = st == LEAT_OK;
        shelf->count += e->loaded;
        if (st != LEAT_OK && pass_over(r, e, st)) st = LEAT_OK;
    }
    note_files(r, shelf);
    atomic_store(&r->shelf, shelf);
    return st;
}

static leat_status create(leati_repository *r, const char *const *places, size_t count)
{
    leat_context *c = r->context;
    r->pins = LEATI_NEW(c, pin, r->plan.slots + 8); /* blocks of 512 bytes are aligned */
    r->folders = LEATI_NEW(c, char *, count + 1);
    if (!r->pins || !r->folders) return leat_error_status(c);
    for (size_t i = 0; i < count; i++) LEATI_TRY(add_place(r, places[i]));
    LEATI_CHECK(c, r->count || r->folder_count, LEAT_INVALID, "there is no model to serve");
    return open_all(r);
}

leat_status leati_repository_create(leat_context *c, const char *const *places, size_t count,
                                    const leati_served_plan *plan, struct leati_watch *watch,
                                    leati_repository **out)
{
    *out = NULL;
    leati_repository *r = LEATI_NEW(c, leati_repository, 1);
    if (!r) return leat_error_status(c);
    r->context = c;
    r->plan = *plan;
    r->watch = watch;
    r->passed_over.say = plan->say;
    pthread_mutex_init(&r->lock, NULL);
    leat_status st = create(r, places, count);
    if (st == LEAT_OK) *out = r;
    else leati_repository_destroy(r);
    return st;
}

void leati_repository_destroy(leati_repository *r)
{
    if (!r) return;
    free_shelf(atomic_load(&r->shelf));
    for (size_t i = 0; i < r->count; i++) {
        leati_free(r->entries[i].name);
        leati_free(r->entries[i].path);
    }
    for (size_t i = 0; i < r->folder_count; i++) leati_free(r->folders[i]);
    leati_passed_over_fini(&r->passed_over);
    leati_free(r->entries);
    leati_free(r->folders);
    leati_free(r->pins);
    pthread_mutex_destroy(&r->lock);
    leati_free(r);
}

/* Looks at the folders again. Files that are gone stay known until they fail to open. */
static leat_status rescan(leati_repository *r)
{
    leat_status st = LEAT_OK;
    for (size_t i = 0; i < r->count; i++) r->entries[i].found = false;
    for (size_t i = 0; st == LEAT_OK && i < r->folder_count; i++)
        st = scan(r, r->folders[i], NULL, found_model);
    return st;
}

/* Opens every version of the name; *count of them into `to` (room for all entries). */
static leat_status open_named(leati_repository *r, const char *name, leati_served **to,
                              size_t *count)
{
    for (size_t i = 0; i < r->count; i++) {
        entry *e = &r->entries[i];
        if (strcmp(e->name, name) != 0 || (!e->found && !leati_path_exists(e->path))) continue;
        LEATI_TRY(open_entry(r, e, &to[*count]));
        (*count)++;
    }
    return LEAT_OK;
}

static void mark(leati_repository *r, const char *name, bool loaded, const char *reason)
{
    pthread_mutex_lock(&r->lock);
    for (size_t i = 0; i < r->count; i++) {
        entry *e = &r->entries[i];
        if (strcmp(e->name, name) != 0) continue;
        e->loaded = loaded && leati_path_exists(e->path);
        snprintf(e->reason, sizeof e->reason, "%s", e->loaded ? "" : reason);
    }
    pthread_mutex_unlock(&r->lock);
}

bool leati_repository_load(leati_repository *r, const char *name, leati_fault *fault)
{
    leat_context *c = r->context;
    size_t count = 0;
    pthread_mutex_lock(&r->lock);
    leat_status st = rescan(r);
    pthread_mutex_unlock(&r->lock);
    leati_served **opened = LEATI_NEW(c, leati_served *, r->count + 1);
    if (st == LEAT_OK) st = opened ? open_named(r, name, opened, &count) : leat_error_status(c);
    leati_shelf *shelf = NULL;
    if (st == LEAT_OK && count) {
        shelf = changed_shelf(c, atomic_load(&r->shelf), name, 0, opened, count);
        if (!shelf) st = leat_error_status(c);
    }
    if (shelf) {
        exchange(r, shelf);
        mark(r, name, true, "the file is gone");
    }
    for (size_t i = 0; !shelf && i < count; i++) leati_served_release(opened[i]);
    leati_free(opened);
    if (st != LEAT_OK) {
        leati_fault_from(fault, c);
        return false;
    }
    return count || leati_fault_set(fault, 404, "no_such_model", "there is no model '%.*s'",
                                    LEATI_CLIP(name, strlen(name)));
}

bool leati_repository_unload(leati_repository *r, const char *name, leati_fault *fault)
{
    const leati_shelf *old = atomic_load(&r->shelf);
    size_t first;
    if (!leati_shelf_versions(old, name, strlen(name), &first))
        return leati_fault_set(fault, 404, "no_such_model", "no model '%.*s' is loaded",
                               LEATI_CLIP(name, strlen(name)));
    leati_shelf *shelf = changed_shelf(r->context, old, name, 0, NULL, 0);
    if (!shelf) return leati_fault_from(fault, r->context);
    exchange(r, shelf);
    mark(r, name, false, "unloaded");
    return true;
}

void leati_repository_each(leati_repository *r,
                           void (*call)(void *user, const char *name, uint32_t version,
                                        const char *state, const char *reason),
                           void *user)
{
    pthread_mutex_lock(&r->lock);
    for (size_t i = 0; i < r->count; i++) {
        const entry *e = &r->entries[i];
        call(user, e->name, e->version, e->loaded ? "READY" : "UNAVAILABLE", e->reason);
    }
    pthread_mutex_unlock(&r->lock);
}

/* ---- one version ------------------------------------------------------------------------------
 */

bool leati_repository_rescan(leati_repository *r, leati_fault *fault)
{
    pthread_mutex_lock(&r->lock);
    leat_status st = rescan(r);
    pthread_mutex_unlock(&r->lock);
    return st == LEAT_OK || leati_fault_from(fault, r->context);
}

const leati_shelf *leati_repository_shelf(const leati_repository *r)
{
    return atomic_load(&r->shelf);
}

const char *leati_repository_folder(const leati_repository *r)
{
    return r->folder_count ? r->folders[0] : NULL;
}

bool leati_repository_owns(const leati_repository *r, const char *path)
{
    for (size_t i = 0; i < r->folder_count; i++) {
        size_t n = strlen(r->folders[i]);
        if (strncmp(path, r->folders[i], n) == 0 && (path[n] == '/' || (n && path[n - 1] == '/')))
            return true;
    }
    return false;
}

const char *leati_repository_path(const leati_repository *r, const char *name, uint32_t version)
{
    bool there;
    size_t at = place_of(r, name, version, &there);
    return there && leati_path_exists(r->entries[at].path) ? r->entries[at].path : NULL;
}

uint32_t leati_repository_newest(const leati_repository *r, const char *name)
{
    for (size_t i = r->count; i-- > 0;)
        if (strcmp(r->entries[i].name, name) == 0 && leati_path_exists(r->entries[i].path))
            return r->entries[i].version;
    return 0;
}

uint32_t leati_repository_next(const leati_repository *r, const char *name, uint32_t after)
{
    bool there;
    size_t at = place_of(r, name, after, &there);
    at += there;
    return at < r->count && strcmp(r->entries[at].name, name) == 0 ? r->entries[at].version : 0;
}

leati_stored leati_repository_stored(const leati_repository *r, const char *name, uint32_t but,
                                     uint64_t least)
{
    const leati_shelf *shelf = atomic_load(&r->shelf);
    leati_stored s = {0};
    struct stat info;
    for (size_t i = 0; i < r->count; i++) {
        const entry *e = &r->entries[i];
        bool of_name = strcmp(e->name, name) == 0;
        if (of_name && e->version == but) continue;
        if (!leati_repository_owns(r, e->path) || stat(e->path, &info) != 0) continue;
        const leati_served *served = leati_shelf_find(shelf, e->name, strlen(e->name), e->version);
        uint64_t bytes = (uint64_t)info.st_size;
        if (served && served->unpacked > bytes) bytes = served->unpacked;
        s.versions += of_name;
        s.bytes += bytes > least ? bytes : least;
    }
    return s;
}

bool leati_repository_sha256(leati_repository *r, const char *name, uint32_t version, char out[65])
{
    bool there;
    if (pthread_mutex_trylock(&r->lock) != 0) return false; /* a folder may be slow to look at */
    size_t at = place_of(r, name, version, &there);
    if (there) memcpy(out, r->entries[at].sha256, 65);
    pthread_mutex_unlock(&r->lock);
    return there && *out;
}

leat_context *leati_repository_context(leati_repository *r)
{
    return r->context;
}

const leati_served_plan *leati_repository_plan(const leati_repository *r)
{
    return &r->plan;
}

static void forget(leati_repository *r, const char *name, uint32_t version)
{
    bool there;
    pthread_mutex_lock(&r->lock);
    size_t at = place_of(r, name, version, &there);
    if (there) {
        leati_free(r->entries[at].name);
        leati_free(r->entries[at].path);
        r->count--;
        memmove(r->entries + at, r->entries + at + 1, (r->count - at) * sizeof *r->entries);
    }
    pthread_mutex_unlock(&r->lock);
}

/* The entry of a version whose file is not there yet. */
static leat_status announce(leati_repository *r, const char *name, uint32_t version,
                            const char *path)
{
    pthread_mutex_lock(&r->lock);
    leat_status st = add_entry(r, name, version, path, false);
    pthread_mutex_unlock(&r->lock);
    return st;
}

static void mark_loaded(leati_repository *r, const char *name, uint32_t version)
{
    bool there;
    pthread_mutex_lock(&r->lock);
    size_t at = place_of(r, name, version, &there);
    if (there) {
        r->entries[at].loaded = true;
        *r->entries[at].reason = '\0';
    }
    pthread_mutex_unlock(&r->lock);
}

bool leati_repository_change(leati_repository *r, const char *name, uint32_t version,
                             const char *path, leati_served *served,
                             bool (*commit)(void *user, leati_fault *fault), void *user,
                             leati_fault *fault)
{
    bool known;
    if (begin_watching(r, served, path) != LEAT_OK) return leati_fault_from(fault, r->context);
    (void)place_of(r, name, version, &known);
    if (known && !leati_repository_path(r, name, version)) {
        forget(r, name, version); /* its file is gone and may have lain elsewhere */
        known = false;
    }
    leati_shelf *shelf =
        changed_shelf(r->context, atomic_load(&r->shelf), name, version, &served, 1);
    if (!shelf) leati_served_release(served);
    bool ready = shelf && (known || announce(r, name, version, path) == LEAT_OK);
    if (!ready) leati_fault_from(fault, r->context);
    if (!ready || !commit(user, fault)) {
        free_shelf(shelf);
        if (ready && !known) forget(r, name, version);
        return false;
    }
    exchange(r, shelf);
    mark_loaded(r, name, version);
    return true;
}

bool leati_repository_remove(leati_repository *r, const char *name, uint32_t version,
                             bool (*commit)(void *user, leati_fault *fault), void *user,
                             leati_fault *fault)
{
    leati_shelf *shelf = changed_shelf(r->context, atomic_load(&r->shelf), name, version, NULL, 0);
    if (!shelf) return leati_fault_from(fault, r->context);
    if (!commit(user, fault)) {
        free_shelf(shelf);
        return false;
    }
    exchange(r, shelf);
    if (version) forget(r, name, version);
    for (uint32_t v = 0; !version && (v = leati_repository_next(r, name, v));) forget(r, name, v);
    return true;
}

/* ---- versions that move -----------------------------------------------------------------------
 */

void leati_repository_prefer(leati_repository *r, const char *name, uint32_t version)
{
    const leati_shelf *shelf = atomic_load(&r->shelf);
    size_t first, n = leati_shelf_versions(shelf, name, strlen(name), &first);
    pthread_mutex_lock(&r->lock);
    for (size_t i = 0; i < r->count; i++)
        if (strcmp(r->entries[i].name, name) == 0)
            r->entries[i].preferred = r->entries[i].version == version;
    pthread_mutex_unlock(&r->lock);
    /* The new one first, so that there is one all the time. */
    for (int turn = 0; turn < 2; turn++)
        for (size_t i = first; i < first + n; i++)
            if ((shelf->served[i]->version == version) == (turn == 0))
                atomic_store(&shelf->served[i]->preferred, turn == 0);
}

/* The version as a new entry, opened. */
static leat_status open_new(leati_repository *r, const char *name, uint32_t version,
                            const char *path, bool preferred, leati_served **out)
{
    bool there;
    pthread_mutex_lock(&r->lock);
    leat_status st = add_entry(r, name, version, path, true);
    size_t at = place_of(r, name, version, &there);
    if (st == LEAT_OK) r->entries[at].preferred = preferred;
    pthread_mutex_unlock(&r->lock);
    if (st != LEAT_OK) return st;
    st = open_entry(r, &r->entries[at], out);
    if (st != LEAT_OK) {
        forget(r, name, version);
        return st;
    }
    pthread_mutex_lock(&r->lock);
    r->entries[at].loaded = true;
    pthread_mutex_unlock(&r->lock);
    return LEAT_OK;
}

bool leati_repository_move(leati_repository *r, const char *name, uint32_t from, uint32_t to,
                           const char *path, bool preferred, leati_fault *fault)
{
    leat_context *c = r->context;
    const leati_shelf *old = atomic_load(&r->shelf);
    leati_served *opened = NULL;
    leat_status st = LEAT_OK;
    if (!leati_shelf_find(old, name, strlen(name), to))
        st = open_new(r, name, to, path, preferred, &opened);
    /* No version has the number of "all": what is to go is none of them. */
    uint32_t gone = from ? from : UINT32_MAX;
    leati_shelf *shelf = NULL;
    if (st == LEAT_OK) {
        shelf = changed_shelf(c, old, name, gone, &opened, opened ? 1 : 0);
        if (!shelf) st = leat_error_status(c);
    }
    if (!shelf) {
        if (opened) forget(r, name, to);
        leati_served_release(opened);
        return leati_fault_from(fault, c);
    }
    exchange(r, shelf);
    if (preferred) leati_repository_prefer(r, name, to);
    if (from) forget(r, name, from);
    return true;
}
