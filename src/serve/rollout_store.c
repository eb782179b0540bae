/* Owns: the files in which rollouts survive: one per model, written anew as a whole (a temporary
 * file, fsync, rename). Not: their format (rollout_json.c). */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"
#include "serve/rollout_lane.h"

/* "state/127.0.0.1_8080"; a port that the system picks, or that several servers share, names none.
 */
static bool usual_part(const leat_serve_options *o, char out[160])
{
    const char *listen = o->listen ? o->listen : "127.0.0.1:8080";
    size_t n = strlen(listen);
    if (o->share_port || n < 3 || n > 128 || strcmp(listen + n - 2, ":0") == 0) return false;
    snprintf(out, 160, "state/%s", listen);
    for (char *p = out + 6; *p; p++)
        if (!leati_served_name_fits(p, 1) && *p != '.') *p = '_';
    return true;
}

leat_status leati_rollouts_place(leat_context *c, const leat_serve_options *o, char **out)
{
    char part[160];
    *out = NULL;
    if (o->state && strcmp(o->state, "no") == 0) return LEAT_OK;
    if (!o->state && !usual_part(o, part)) return LEAT_OK;
    char *home = o->state ? NULL : leati_home(c);
    if (o->state) *out = leati_strdup(c, o->state);
    else if (home) *out = leati_path_join(c, home, part);
    leati_free(home);
    return leat_error_status(c);
}

/* leati_free */
static char *path_of(leat_context *c, const leati_rollouts *r, const char *name)
{
    char file[160];
    snprintf(file, sizeof file, "%s.json", name);
    return leati_path_join(c, r->folder, file);
}

/* ---- writing ----------------------------------------------------------------------------------
 */

/* Under both locks: the text is made while the rollout cannot change. */
static leat_json *compose(leati_rollouts *r, leati_lane *lane)
{
    leat_json *j = leat_json_create(r->saving_context, 1);
    leati_rollout_seen seen = leati_lane_see(r, lane);
    leati_rollout_keep(j, lane->name, &lane->rollout, &seen);
    return j;
}

static leat_status write_text(leati_rollouts *r, const char *name, leat_json *j)
{
    leat_context *c = r->saving_context;
    const char *text = leat_json_text(j);
    char *path = text ? path_of(c, r, name) : NULL;
    leat_status st = path ? leati_file_write(c, path, text, strlen(text)) : leat_error_status(c);
    leati_free(path);
    return st;
}

bool leati_rollouts_keep(leati_rollouts *r, leati_lane *lane)
{
    pthread_mutex_lock(&r->saving);
    pthread_mutex_lock(&r->lock);
    uint64_t revision = lane->rollout.revision;
    leat_json *j = r->folder ? compose(r, lane) : NULL;
    pthread_mutex_unlock(&r->lock);
    leat_status st = r->folder ? write_text(r, lane->name, j) : LEAT_OK;
    pthread_mutex_lock(&r->lock);
    lane->since_kept = 0;
    if (st == LEAT_OK) lane->kept = revision;
    snprintf(lane->trouble, sizeof lane->trouble, "%s",
             st == LEAT_OK ? "" : leat_error_message(r->saving_context));
    pthread_mutex_unlock(&r->lock);
    leat_json_destroy(j);
    leat_error_clear(r->saving_context);
    pthread_mutex_unlock(&r->saving);
    return st == LEAT_OK;
}

void leati_rollouts_drop(leati_rollouts *r, leati_lane *lane)
{
    pthread_mutex_lock(&r->saving);
    char *path = r->folder ? path_of(r->saving_context, r, lane->name) : NULL;
    if (path) unlink(path);
    leati_free(path);
    leat_error_clear(r->saving_context);
    pthread_mutex_lock(&r->lock);
    lane->kept = lane->rollout.revision;
    *lane->trouble = '\0';
    pthread_mutex_unlock(&r->lock);
    pthread_mutex_unlock(&r->saving);
}

/* ---- reading ----------------------------------------------------------------------------------
 */

bool leati_lane_loaded(const leati_rollouts *r, const leati_lane *lane, uint32_t version)
{
    const leati_shelf *shelf = leati_repository_shelf(r->repository);
    return version && leati_shelf_find(shelf, lane->name, lane->name_length, version) != NULL;
}

/* What had been fetched out of the registry is fetched again. */
static void fetch_versions(leati_rollouts *r, const leati_lane *lane)
{
    const leati_rollout *w = &lane->rollout;
    if (w->stable) leati_rollouts_fetch(r, lane->name, w->stable);
    if (leati_rollout_walks(w)) leati_rollouts_fetch(r, lane->name, w->spec.to);
}

/* A rollout one of whose versions is gone is over; without the stable one, the highest serves. */
static void fit_to_shelf(leati_rollouts *r, leati_lane *lane)
{
    leati_rollout *w = &lane->rollout;
    leati_rollout_seen seen = leati_lane_see(r, lane);
    char why[LEATI_RULE_WHY];
    bool stable = leati_lane_loaded(r, lane, w->stable);
    if (leati_lane_check_files(r, lane)) return;
    bool walks = w->phase == LEATI_ROLLOUT_RUNNING || w->phase == LEATI_ROLLOUT_PAUSED;
    if (walks && (!stable || !leati_lane_loaded(r, lane, w->spec.to))) {
        (void)leati_rollout_act(w, LEATI_ROLLOUT_ABORT, &seen, (int64_t)time(NULL), why);
        snprintf(w->reason, sizeof w->reason, "after a restart, version %u is not loaded",
                 stable ? w->spec.to : w->stable);
    }
}

static leat_status take_up(leati_rollouts *r, leat_context *c, const char *name,
                           const leati_rollout_kept *kept)
{
    leati_lane *lane = leati_lane_make(r, c, name);
    if (!lane) return leat_error_status(c);
    leati_lane_counts before = {kept->stable, kept->candidate, kept->shadow};
    lane->rollout = kept->rollout;
    lane->rollout.revision = lane->rollout.epoch = 1;
    leati_lane_begin_anew(r, lane, &before);
    fetch_versions(r, lane);
    fit_to_shelf(r, lane);
    LEATI_CHECK(c, leati_lane_publish(r, lane), LEAT_NOMEM, "out of memory");
    return LEAT_OK;
}

static leat_status read_state(leati_rollouts *r, leat_context *c, const char *path,
                              const char *name)
{
    leati_bytes bytes;
    char why[LEATI_RULE_WHY] = "";
    LEATI_TRY(leati_file_read(c, &bytes, path));
    leati_rollout_kept *kept = LEATI_NEW(c, leati_rollout_kept, 1);
    leat_status st = kept ? LEAT_OK : leat_error_status(c);
    if (kept && !leati_rollout_recall(bytes.data, bytes.size, kept, why))
        st = LEATI_FAIL(c, LEAT_FORMAT,
                        "%s, the state of a rollout, is damaged: %s\nremove it to have the highest "
                        "version of '%s' served",
                        path, why, name);
    if (st == LEAT_OK) st = take_up(r, c, name, kept);
    leati_free(kept);
    leati_bytes_release(&bytes);
    return st;
}

/* "iris.json" */
static bool name_of(const char *file, char out[132])
{
    size_t n = strlen(file);
    if (n < 6 || n - 5 > 128 || strcmp(file + n - 5, ".json") != 0) return false;
    memcpy(out, file, n - 5);
    out[n - 5] = '\0';
    return leati_served_name_fits(out, n - 5);
}

static leat_status read_all(leati_rollouts *r, leat_context *c)
{
    char name[132];
    leat_status st = LEAT_OK;
    DIR *dir = opendir(r->folder);
    LEATI_CHECK(c, dir, LEAT_IO, "the folder %s cannot be read: %s", r->folder, strerror(errno));
    for (struct dirent *d; st == LEAT_OK && (d = readdir(dir));) {
        if (!name_of(d->d_name, name)) continue;
        char *path = leati_path_join(c, r->folder, d->d_name);
        st = path ? read_state(r, c, path, name) : leat_error_status(c);
        leati_free(path);
    }
    closedir(dir);
    return st;
}

static leat_status lock_folder(leati_rollouts *r, leat_context *c)
{
    char *path = leati_path_join(c, r->folder, "lock");
    if (!path) return leat_error_status(c);
    r->folder_lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    int why = errno;
    leati_free(path);
    LEATI_CHECK(c, r->folder_lock >= 0, LEAT_IO, "the folder %s cannot be written: %s", r->folder,
                strerror(why));
    bool taken = flock(r->folder_lock, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    r->folder_new = r->folder_new && !taken;
    LEATI_CHECK(c, !taken, LEAT_INVALID,
                "another server keeps its state in %s\nto give this one its own folder: --state "
                "DIR",
                r->folder);
    return LEAT_OK;
}

leat_status leati_rollouts_recall(leati_rollouts *r, leat_context *c, const char *folder)
{
    r->folder_new = access(folder, F_OK) != 0;
    LEATI_TRY(leati_folder_make(c, folder));
    r->folder = leati_strdup(c, folder);
    if (!r->folder) return leat_error_status(c);
    LEATI_TRY(lock_folder(r, c));
    return read_all(r, c);
}

/* A folder that this server made and that holds nothing but the lock leaves with it. */
static void leave_folder(const leati_rollouts *r)
{
    size_t others = 0;
    DIR *dir = opendir(r->folder);
    for (const struct dirent *e; dir && (e = readdir(dir));)
        others += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 &&
                  strcmp(e->d_name, "lock") != 0;
    if (dir && others == 0 && unlinkat(dirfd(dir), "lock", 0) == 0) (void)rmdir(r->folder);
    if (dir) closedir(dir);
}

void leati_rollouts_unlock(leati_rollouts *r)
{
    if (r->folder_lock < 0) return;
    if (r->folder_new) leave_folder(r);
    close(r->folder_lock); /* and with it the lock */
    r->folder_lock = -1;
}
