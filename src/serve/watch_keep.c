/* Owns: the files in which what watches have counted outlives the server: NAME.VERSION.windows and
 * .open in the folder of its state. Not: their form (monitor/live.c). */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"
#include "serve/served.h"
#include "serve/watch.h"

/* Between two looks at whether an open window has changed. */
#define KEEP_SECONDS 10.0

/* What is to be written, or removed where data is NULL. */
struct leati_watch_kept {
    leati_watch_kept *next;
    size_t size;
    char *data;
    char path[];
};

static bool make_path(const leati_watched *d, leati_live_part part, char *out, size_t room)
{
    return (size_t)snprintf(out, room, "%s/%s.%u.%s", d->watch->folder, d->served->name,
                            d->served->version,
                            part == LEATI_LIVE_OPEN ? "open" : "windows") < room;
}

/* ---- taking up --------------------------------------------------------------------------------
 */

/* What cannot be read is of another model or was damaged: counting begins anew, and writes over it.
 */
static leat_status recall(leati_watched *d, leat_context *c, leati_live_part part)
{
    char path[4096];
    leati_bytes bytes;
    if (!make_path(d, part, path, sizeof path) || !leati_path_exists(path)) return LEAT_OK;
    leat_status st = leati_file_read(c, &bytes, path);
    if (st == LEAT_OK) {
        st = leati_live_recall(c, d->live, part, d->served->etag, bytes.data, bytes.size);
        leati_bytes_release(&bytes);
        d->has_kept = true;
    }
    if (st == LEAT_OK || st == LEAT_NOMEM) return st;
    leati_log(c, LEAT_LOG_INFO, "%s is not taken up: %s", path, leat_error_message(c));
    leat_error_clear(c);
    return LEAT_OK;
}

leat_status leati_watched_recall(leati_watched *d, leat_context *c)
{
    if (!d->live || !d->watch->folder) return LEAT_OK;
    LEATI_TRY(recall(d, c, LEATI_LIVE_CLOSED));
    return recall(d, c, LEATI_LIVE_OPEN);
}

leat_status leati_watch_keep_in(leati_watch *w, leat_context *c, const char *folder)
{
    leat_status st = LEAT_OK;
    char *copy = leati_strdup(c, folder);
    if (!copy) return leat_error_status(c);
    pthread_mutex_lock(&w->lock);
    w->folder = copy;
    for (leati_watched *d = w->first; d && st == LEAT_OK; d = d->next)
        if (!d->newer) st = leati_watched_recall(d, c);
    pthread_mutex_unlock(&w->lock);
    return st;
}

/* ---- writing ----------------------------------------------------------------------------------
 */

static uint64_t last_word(const char *data, size_t size)
{
    uint64_t word;
    memcpy(&word, data + size - sizeof word, sizeof word);
    return word;
}

/* Whether there is something to keep, or to write over. */
static bool pays(const leati_watched *d)
{
    if (!d->watch->folder || !d->live) return false;
    if (d->has_kept) return true;
    leati_live_open open = leati_live_look(d->live);
    return open.rows || open.labels || open.windows;
}

void leati_watched_keep(leati_watched *d, leati_live_part part)
{
    leati_watch *w = d->watch;
    char path[4096];
    size_t size;
    if (!pays(d) || !make_path(d, part, path, sizeof path)) return;
    char *data = leati_live_keep(w->context, d->live, part, d->served->etag, &size);
    if (!data) return;
    uint64_t sum = last_word(data, size); /* of the check sum */
    size_t length = strlen(path) + 1;
    bool same = part == LEATI_LIVE_OPEN && sum == d->kept_sum;
    leati_watch_kept *k = same ? NULL : leati_alloc_quiet(w->context, sizeof *k + length);
    if (!k) {
        leati_free(data);
        return;
    }
    if (part == LEATI_LIVE_OPEN) d->kept_sum = sum;
    d->has_kept = true;
    *k = (leati_watch_kept){.size = size, .data = data};
    memcpy(k->path, path, length);
    *w->kept_last = k;
    w->kept_last = &k->next;
}

void leati_watched_keep_now_and_then(leati_watched *d, double now)
{
    if (fabs(now - d->kept) < KEEP_SECONDS) return;
    d->kept = now;
    leati_watched_keep(d, LEATI_LIVE_OPEN);
}

static void tell(leati_watch *w, const char *message)
{
    char line[600];
    if (w->keep_failed || !w->options.say.say) return;
    snprintf(line, sizeof line, "what is counted for drift would not survive a restart: %s",
             message);
    w->options.say.say(w->options.say.user, line);
}

void leati_watch_write_kept(leati_watch *w)
{
    pthread_mutex_lock(&w->lock);
    leati_watch_kept *k = w->kept;
    w->kept = NULL;
    w->kept_last = &w->kept;
    pthread_mutex_unlock(&w->lock);
    for (leati_watch_kept *next; k; k = next) {
        next = k->next;
        bool failed = leati_file_write(w->context, k->path, k->data, k->size) != LEAT_OK;
        if (failed) tell(w, leat_error_message(w->context));
        leat_error_clear(w->context);
        w->keep_failed = failed;
        leati_free(k->data);
        leati_free(k);
    }
}

void leati_watch_leave(leati_watch *w)
{
    if (!w) return;
    leati_watch_stop(w);
    pthread_mutex_lock(&w->lock);
    for (leati_watched *d = w->first; d; d = d->next)
        if (!d->newer) leati_watched_keep(d, LEATI_LIVE_OPEN);
    pthread_mutex_unlock(&w->lock);
    leati_watch_write_kept(w);
    leati_free(w->folder);
    w->folder = NULL;
}
