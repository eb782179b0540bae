/* Owns: which versions of the registry are served, and watching whether their aliases move. Not:
 * how what is loaded is exchanged (repository.c). */
#include "serve/follow.h"

#include <leat/registry.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/registry.h"

enum { PATH = 4096, WHY = 256, LINE = 600, SLOWEST_POLLS = 30, AGAIN_POLLS = 60, LEFT = 8 };

/* One version of the registry that is served. */
typedef struct followed {
    char *text;    /* "cars@champion" */
    char *name;    /* "cars" */
    bool moves;    /* it is an alias */
    bool champion; /* that one */
    int64_t version;
    int64_t moved;       /* where a rollout has moved it; 0: that is known */
    int64_t refused;     /* a version that could not be loaded */
    uint32_t rests;      /* polls until it is tried again: its file may come, or memory be free */
    uint32_t left[LEFT]; /* versions that it has left and that something else needs */
    size_t left_count;
} followed;

struct leati_follow {
    leat_context *context; /* of opening and closing */
    leat_context *own;     /* of the thread */
    leati_follow_options options;
    char *where, *folder;
    char **places;
    size_t place_count;
    followed *all;
    size_t count;
    leat_registry *registry; /* of the thread; NULL: it is to be opened */
    bool lost;               /* that was said */
    uint32_t skip;           /* polls until it is tried again */
    uint32_t patience;       /* polls to skip after the next failure */
    pthread_t thread;
    bool runs, made;
    pthread_mutex_t lock; /* of `stop` and of what aliases stand at */
    pthread_cond_t wake;
    bool stop;
};

/* ---- at the start -----------------------------------------------------------------------------
 */

static bool is_version(const char *model)
{
    return strchr(model, '@') && !strchr(model, '=') && !leati_path_exists(model);
}

static leat_status open_registry(leat_context *c, const leati_follow *f, leat_registry **out)
{
    leat_registry_options o = leat_registry_options_default();
    o.where = f->where;
    o.folder = f->folder;
    return leat_registry_open(c, out, &o);
}

/* What the version stands for now. */
static leat_status look_up(leat_context *c, leat_registry *r, const char *text, int64_t *version)
{
    leat_registered_list *item;
    LEATI_TRY(leat_registry_find(r, &item, text));
    const leat_registered *v = leat_registered_list_at(item, 0);
    leat_status st = LEAT_OK;
    if (!v->model) st = LEATI_FAIL(c, LEAT_INVALID, "%s is a data set, a model was expected", text);
    else if (v->version < 1 || v->version > 999999999)
        st = LEATI_FAIL(c, LEAT_LIMIT, "%s: version %lld is beyond what is served", text,
                        (long long)v->version);
    *version = v->version;
    leat_registered_list_destroy(item);
    return st;
}

static leat_status add_followed(leati_follow *f, const char *model)
{
    leat_context *c = f->context;
    const char *at = strchr(model, '@');
    followed *k = &f->all[f->count++];
    k->text = leati_strdup(c, model);
    k->name = leati_strndup(c, model, (size_t)(at - model));
    k->moves = strspn(at + 1, "0123456789") != strlen(at + 1);
    k->champion = strcmp(at + 1, "champion") == 0;
    return k->text && k->name ? LEAT_OK : leat_error_status(c);
}

static bool has_place(const leati_follow *f, const char *place)
{
    for (size_t i = 0; i < f->place_count; i++)
        if (strcmp(f->places[i], place) == 0) return true;
    return false;
}

static leat_status add_place(leati_follow *f, const char *place)
{
    char *copy = leati_strdup(f->context, place);
    if (copy) f->places[f->place_count++] = copy;
    return copy ? LEAT_OK : leat_error_status(f->context);
}

static leat_status resolve(leati_follow *f, leat_registry *r, const char *model)
{
    char path[PATH], pinned[300], place[PATH + 300];
    leat_context *c = f->context;
    LEATI_TRY(add_followed(f, model));
    followed *k = &f->all[f->count - 1];
    LEATI_TRY(look_up(c, r, model, &k->version));
    snprintf(pinned, sizeof pinned, "%.250s@%lld", k->name, (long long)k->version);
    LEATI_TRY(leat_registry_path(r, pinned, path, sizeof path));
    snprintf(place, sizeof place, "%.250s:%lld=%s", k->name, (long long)k->version, path);
    return has_place(f, place) ? LEAT_OK : add_place(f, place);
}

static leat_status make(leati_follow *f)
{
    leat_context *c = f->context;
    const leati_follow_options *o = &f->options;
    leat_registry *r = NULL;
    leat_status st = LEAT_OK;
    f->places = LEATI_NEW(c, char *, o->count + 1);
    f->all = LEATI_NEW(c, followed, o->count + 1);
    if (o->where) f->where = leati_strdup(c, o->where);
    if (o->folder) f->folder = leati_strdup(c, o->folder);
    if (!f->places || !f->all || (o->where && !f->where) || (o->folder && !f->folder))
        return leat_error_status(c);
    for (size_t i = 0; st == LEAT_OK && i < o->count; i++) {
        if (!is_version(o->models[i])) {
            st = add_place(f, o->models[i]);
            continue;
        }
        if (!r) st = open_registry(c, f, &r);
        if (st == LEAT_OK) st = resolve(f, r, o->models[i]);
    }
    leat_registry_close(r);
    return st;
}

leat_status leati_follow_open(leat_context *c, const leati_follow_options *options,
                              leati_follow **out)
{
    *out = NULL;
    leati_follow *f = LEATI_NEW(c, leati_follow, 1);
    if (!f) return leat_error_status(c);
    f->context = c;
    f->options = *options;
    pthread_mutex_init(&f->lock, NULL);
    leat_status st = make(f);
    if (st == LEAT_OK) *out = f;
    else leati_follow_close(f);
    return st;
}

const char *const *leati_follow_places(const leati_follow *f, size_t *count)
{
    *count = f->place_count;
    return (const char *const *)f->places;
}

bool leati_follow_prefers(const leati_follow *f, const char *name, uint32_t version)
{
    for (size_t i = 0; i < f->count; i++)
        if (f->all[i].champion && f->all[i].version == version && strcmp(f->all[i].name, name) == 0)
            return true;
    return false;
}

/* ---- while it is served -----------------------------------------------------------------------
 */

LEAT_PRINTF(2, 3) static void say(leati_follow *f, const char *format, ...)
{
    char line[LINE];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    f->options.say(f->options.user, line);
}

/* The registry does not answer: said once, and asked again more and more rarely. */
static void lose(leati_follow *f)
{
    if (!f->lost)
        say(f,
            "the registry does not answer: %.400s; what is served stays, and is followed again "
            "when it does",
            leat_error_message(f->own));
    f->lost = true;
    leat_error_clear(f->own);
    leat_registry_close(f->registry);
    f->registry = NULL;
    leat_error_clear(f->own);
    f->skip = f->patience;
    f->patience = f->patience * 2 < SLOWEST_POLLS ? f->patience * 2 : SLOWEST_POLLS;
}

/* Errors of the version itself leave the connection as it is. */
static bool is_loss(leat_status st)
{
    return st != LEAT_NOT_FOUND && st != LEAT_INVALID && st != LEAT_LIMIT;
}

/* Whether another alias keeps that version of the name. */
static bool stands_at(const leati_follow *f, const followed *k, int64_t version)
{
    for (size_t i = 0; i < f->count; i++) {
        const followed *other = &f->all[i];
        if (other != k && other->version == version && strcmp(other->name, k->name) == 0)
            return true;
    }
    return false;
}

static bool is_needed(const leati_follow *f, const followed *k, int64_t version, int64_t present)
{
    return f->options.needs &&
           f->options.needs(f->options.user, k->name, (uint32_t)version, (uint32_t)present);
}

/* Takes versions off that nothing needs any more. The present one is loaded: it needs no path. */
static void tidy(leati_follow *f, followed *k)
{
    char why[WHY] = "";
    size_t stay = 0;
    for (size_t i = 0; i < k->left_count; i++) {
        uint32_t version = k->left[i];
        if (version == k->version || stands_at(f, k, version)) continue;
        /* As where the alias is now, or as what answers though the alias has left it. */
        if (is_needed(f, k, version, k->version) || is_needed(f, k, version, version)) {
            k->left[stay++] = version;
            continue;
        }
        leati_move m = {.name = k->name, .from = version, .to = (uint32_t)k->version, .path = ""};
        (void)f->options.move(f->options.user, &m, why);
    }
    k->left_count = stay;
}

static void arrive(leati_follow *f, followed *k, int64_t version, bool leaves)
{
    if (leaves && k->left_count < LEFT) k->left[k->left_count++] = (uint32_t)k->version;
    pthread_mutex_lock(&f->lock);
    k->version = version;
    pthread_mutex_unlock(&f->lock);
    k->refused = 0;
}

/* False: the registry was lost on the way. */
static bool move(leati_follow *f, followed *k, int64_t version)
{
    char path[PATH], pinned[300], why[WHY] = "";
    bool needed = is_needed(f, k, k->version, version);
    snprintf(pinned, sizeof pinned, "%.250s@%lld", k->name, (long long)version);
    leat_status st = leat_registry_path(f->registry, pinned, path, sizeof path);
    leati_move m = {.name = k->name,
                    .path = path,
                    .from = stands_at(f, k, k->version) || needed ? 0 : (uint32_t)k->version,
                    .to = (uint32_t)version,
                    .preferred = k->champion};
    if (st != LEAT_OK && st != LEAT_FORMAT && is_loss(st)) return false;
    if (st != LEAT_OK) snprintf(why, sizeof why, "%.250s", leat_error_message(f->own));
    leat_error_clear(f->own);
    if (st == LEAT_OK && f->options.move(f->options.user, &m, why)) {
        arrive(f, k, version, needed);
        say(f, "%.250s is version %lld now", k->text, (long long)version);
        return true;
    }
    bool news = k->refused != version;
    k->refused = version;
    k->rests = AGAIN_POLLS;
    if (!news) return true;
    say(f, "%.250s stands at version %lld, which cannot be served: %.250s", k->text,
        (long long)version, why);
    return true;
}

/* Where a rollout has moved the alias to since the last time; 0: nowhere. */
static int64_t take_moved(leati_follow *f, followed *k)
{
    pthread_mutex_lock(&f->lock);
    int64_t moved = k->moved;
    k->moved = 0;
    pthread_mutex_unlock(&f->lock);
    return moved;
}

static bool waits(const leati_follow *f, const followed *k)
{
    return f->options.waits && f->options.waits(f->options.user, k->name, strchr(k->text, '@') + 1);
}

/* Looks where one alias stands. False: the registry was lost. */
static bool poll_one(leati_follow *f, followed *k)
{
    int64_t version = 0, moved = take_moved(f, k);
    if (moved && moved != k->version && !move(f, k, moved)) return false;
    tidy(f, k);
    leat_status st = look_up(f->own, f->registry, k->text, &version);
    if (st != LEAT_OK && is_loss(st)) return false;
    leat_error_clear(f->own); /* an alias that was removed leaves what it stood at */
    if (st != LEAT_OK || version == k->version || waits(f, k)) return true;
    if (version == k->refused && k->rests) {
        k->rests--;
        return true;
    }
    return move(f, k, version);
}

static void poll_all(leati_follow *f)
{
    if (f->skip) {
        f->skip--;
        return;
    }
    if (!f->registry && open_registry(f->own, f, &f->registry) != LEAT_OK) {
        f->registry = NULL;
        lose(f);
        return;
    }
    if (f->options.settle && f->options.settle(f->options.user, f->registry) != LEAT_OK) {
        lose(f);
        return;
    }
    for (size_t i = 0; i < f->count; i++) {
        if (!f->all[i].moves || poll_one(f, &f->all[i])) continue;
        lose(f);
        return;
    }
    if (f->lost) f->options.say(f->options.user, "the registry answers again");
    f->lost = false;
    f->patience = 1;
}

static struct timespec later(uint32_t ms)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += ms / 1000;
    t.tv_nsec += (long)(ms % 1000) * 1000000;
    if (t.tv_nsec >= 1000000000) t.tv_nsec -= 1000000000, t.tv_sec++;
    return t;
}

static void *follow(void *arg)
{
    leati_follow *f = arg;
    pthread_mutex_lock(&f->lock);
    while (!f->stop) {
        struct timespec until = later(f->options.interval_ms);
        while (!f->stop && pthread_cond_timedwait(&f->wake, &f->lock, &until) == 0) continue;
        if (f->stop) break;
        pthread_mutex_unlock(&f->lock);
        poll_all(f);
        pthread_mutex_lock(&f->lock);
    }
    pthread_mutex_unlock(&f->lock);
    leat_registry_close(f->registry);
    f->registry = NULL;
    return NULL;
}

void leati_follow_alias(leati_follow *f, const char *name, uint32_t version, char *alias)
{
    const followed *found = NULL;
    *alias = '\0';
    pthread_mutex_lock(&f->lock);
    for (size_t i = 0; i < f->count; i++) {
        const followed *k = &f->all[i];
        bool named = k->moves && k->version == version && strcmp(k->name, name) == 0 &&
                     leati_alias_good(strchr(k->text, '@') + 1);
        if (named && (!found || k->champion)) found = k;
    }
    if (found) snprintf(alias, LEATI_FOLLOW_ALIAS, "%s", strchr(found->text, '@') + 1);
    pthread_mutex_unlock(&f->lock);
}

void leati_follow_moved(leati_follow *f, const char *name, const char *alias, uint32_t version)
{
    pthread_mutex_lock(&f->lock);
    for (size_t i = 0; i < f->count; i++) {
        followed *k = &f->all[i];
        bool it = k->moves && strcmp(k->name, name) == 0;
        if (it && strcmp(strchr(k->text, '@') + 1, alias) == 0) k->moved = version;
    }
    pthread_mutex_unlock(&f->lock);
}

bool leati_follow_find(const leati_follow *f, leat_context *c, const char *name, uint32_t version,
                       char *path, size_t size)
{
    char pinned[300];
    leat_registry *r = NULL;
    bool known = false;
    for (size_t i = 0; i < f->count; i++) known = known || strcmp(f->all[i].name, name) == 0;
    if (!known) return false;
    snprintf(pinned, sizeof pinned, "%.250s@%lu", name, (unsigned long)version);
    leat_status st = open_registry(c, f, &r);
    if (st == LEAT_OK) st = leat_registry_path(r, pinned, path, size);
    leat_registry_close(r);
    leat_error_clear(c);
    return st == LEAT_OK;
}

bool leati_follow_moves(const leati_follow *f)
{
    for (size_t i = 0; i < f->count; i++)
        if (f->all[i].moves) return true;
    return false;
}

leat_status leati_follow_start(leati_follow *f)
{
    if (!leati_follow_moves(f)) return LEAT_OK;
    LEATI_TRY(leati_context_branch(f->context, &f->own));
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&f->wake, &attr);
    pthread_condattr_destroy(&attr);
    f->made = true;
    f->patience = 1;
    f->runs = pthread_create(&f->thread, NULL, follow, f) == 0;
    LEATI_CHECK(f->context, f->runs, LEAT_NOMEM, "no further thread can be started");
    return LEAT_OK;
}

void leati_follow_stop(leati_follow *f)
{
    if (!f || !f->runs) return;
    pthread_mutex_lock(&f->lock);
    f->stop = true;
    pthread_cond_signal(&f->wake);
    pthread_mutex_unlock(&f->lock);
    pthread_join(f->thread, NULL);
    f->runs = false;
}

void leati_follow_close(leati_follow *f)
{
    if (!f) return;
    leati_follow_stop(f);
    if (f->made) pthread_cond_destroy(&f->wake);
    pthread_mutex_destroy(&f->lock);
    leat_context_destroy(f->own);
    for (size_t i = 0; f->places && i < f->place_count; i++) leati_free(f->places[i]);
    for (size_t i = 0; f->all && i < f->count; i++) {
        leati_free(f->all[i].text);
        leati_free(f->all[i].name);
    }
    leati_free(f->places);
    leati_free(f->all);
    leati_free(f->where);
    leati_free(f->folder);
    leati_free(f);
}
