/* Owns: the user's data sets: files under the SHA-256 of their contents, and an index in JSON.
 * Not: opening them (dataset_load.c). */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/str.h"
#include "frame/dataset_load.h"
#include "io/download.h"

#include <leat/json.h>

static leat_status data_folder(leat_context *c, char **out)
{
    char *home = leati_home(c);
    *out = home ? leati_path_join(c, home, "data") : NULL;
    leati_free(home);
    return *out ? LEAT_OK : leat_error_status(c);
}

const char *leati_store_suffix(const char *path)
{
    const char *base = leati_path_base(path), *dot = strchr(base + (*base == '.'), '.');
    if (!dot || strlen(dot) > 16) dot = strrchr(base, '.');
    return dot && dot != base && strlen(dot) <= 16 ? dot : "";
}

leat_status leati_store_path(leat_context *c, leat_data_info *info, const char *suffix)
{
    char *folder;
    LEATI_TRY(data_folder(c, &folder));
    int n = snprintf(info->path, sizeof info->path, "%s/%s%s", folder, info->sha256, suffix);
    bool fits = n > 0 && (size_t)n < sizeof info->path;
    if (!fits) info->path[0] = '\0';
    leat_status st = LEAT_OK;
    if (!fits)
        st = LEATI_FAIL(c, LEAT_LIMIT, "the path of Leat's data folder is too long: %s", folder);
    leati_free(folder);
    return st;
}

static bool get_text(const json_t *entry, const char *key, char *out, size_t size)
{
    const char *text = json_string_value(json_object_get(entry, key));
    if (!text || strlen(text) >= size) return false;
    memcpy(out, text, strlen(text) + 1);
    return true;
}

static bool is_digest(const char *text)
{
    size_t n = strspn(text, "0123456789abcdef");
    return n == 64 && !text[n];
}

static bool read_entry(const json_t *entry, leat_data_info *info, char suffix[32])
{
    const json_t *bytes = json_object_get(entry, "bytes");
    *info = (leat_data_info){.source = LEAT_DATA_ADDED};
    info->bytes = (uint64_t)json_integer_value(bytes);
    return get_text(entry, "name", info->name, sizeof info->name) &&
           get_text(entry, "version", info->version, sizeof info->version) &&
           get_text(entry, "sha256", info->sha256, sizeof info->sha256) &&
           get_text(entry, "suffix", suffix, 32) && !strchr(suffix, '/') &&
           get_text(entry, "origin", info->origin, sizeof info->origin) && json_is_integer(bytes) &&
           is_digest(info->sha256);
}

static leat_status read_index(leat_context *c, const json_t *root, const char *path,
                              leat_data_info **out, size_t *count)
{
    const json_t *sets = json_object_get(root, "sets");
    size_t n = json_array_size(sets);
    LEATI_CHECK(c, json_is_array(sets), LEAT_FORMAT, "%s is damaged: it has no list of sets", path);
    leat_data_info *infos = LEATI_NEW(c, leat_data_info, n);
    if (!infos) return leat_error_status(c);
    leat_status st = LEAT_OK;
    for (size_t i = 0; st == LEAT_OK && i < n; i++) {
        char suffix[32];
        if (!read_entry(json_array_get(sets, i), &infos[i], suffix))
            st = LEATI_FAIL(c, LEAT_FORMAT, "%s is damaged at entry %zu", path, i + 1);
        if (st == LEAT_OK) st = leati_store_path(c, &infos[i], suffix);
        infos[i].present = st == LEAT_OK && leati_path_exists(infos[i].path);
    }
    if (st == LEAT_OK) {
        *out = infos;
        *count = n;
    } else {
        leati_free(infos);
    }
    return st;
}

leat_status leati_store_list(leat_context *c, leat_data_info **out, size_t *count)
{
    char *folder, *path = NULL;
    leati_bytes b = {0};
    json_t *root = NULL;
    json_error_t error;
    leat_status st = data_folder(c, &folder);
    *out = NULL;
    *count = 0;
    if (st != LEAT_OK) return st;
    path = leati_path_join(c, folder, "index.json");
    if (!path) LEATI_GO(leat_error_status(c));
    if (!leati_path_exists(path)) goto out;
    LEATI_GO(leati_file_read(c, &b, path));
    root = json_loadb(b.data, b.size, 0, &error);
    if (!root)
        LEATI_GO(
            LEATI_FAIL(c, LEAT_FORMAT, "%s is damaged: line %d: %s", path, error.line, error.text));
    LEATI_GO(read_index(c, root, path, out, count));
out:
    json_decref(root);
    leati_bytes_release(&b);
    leati_free(path);
    leati_free(folder);
    return st;
}

static leat_status write_index(leat_context *c, const leat_data_info *infos, size_t count,
                               const leat_data_info *more)
{
    char *folder, *path = NULL;
    LEATI_TRY(data_folder(c, &folder));
    leat_status st = LEAT_OK;
    leat_json *j = leat_json_create(c, 2);
    leat_json_begin_object(j, NULL);
    leat_json_int(j, "format", 1);
    leat_json_begin_array(j, "sets");
    for (size_t i = 0; i <= count; i++) {
        const leat_data_info *info = i < count ? &infos[i] : more;
        leat_json_begin_object(j, NULL);
        leat_json_string(j, "name", info->name);
        leat_json_string(j, "version", info->version);
        leat_json_string(j, "sha256", info->sha256);
        leat_json_string(j, "suffix", leati_store_suffix(info->path));
        leat_json_int(j, "bytes", (int64_t)info->bytes);
        leat_json_string(j, "origin", info->origin);
        leat_json_end_object(j);
    }
    leat_json_end_array(j);
    leat_json_end_object(j);
    const char *text = leat_json_text(j);
    path = leati_path_join(c, folder, "index.json");
    if (!text || !path) st = leat_error_status(c);
    if (st == LEAT_OK) st = leati_file_write(c, path, text, strlen(text));
    leat_json_destroy(j);
    leati_free(path);
    leati_free(folder);
    return st;
}

/* --- adding ---------------------------------------------------------------------------------- */

static leat_status check_name(leat_context *c, const char *name, size_t most, const char *what)
{
    size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");
    LEATI_CHECK(c, n > 0 && !name[n] && n < most && name[0] != '.' && name[0] != '-', LEAT_INVALID,
                "'%s' cannot be the %s of a data set: use up to %zu letters, digits, '.', '_' and "
                "'-'",
                name, what, most - 1);
    return LEAT_OK;
}

/* A version not given is one more than the largest that is a number. */
static void next_version(const leat_data_info *infos, size_t count, leat_data_info *info)
{
    unsigned long largest = 0;
    for (size_t i = 0; i < count; i++) {
        char *end;
        unsigned long v = strtoul(infos[i].version, &end, 10);
        if (strcmp(infos[i].name, info->name) == 0 && !*end && v > largest) largest = v;
    }
    snprintf(info->version, sizeof info->version, "%lu", largest + 1);
}

/* The same contents again, or a version that is taken. */
static leat_status find_earlier(leat_context *c, const leat_data_info *infos, size_t count,
                                const leat_data_info *info, bool versioned,
                                const leat_data_info **same)
{
    *same = NULL;
    for (size_t i = 0; i < count; i++) {
        bool contents = strcmp(infos[i].sha256, info->sha256) == 0;
        if (strcmp(infos[i].name, info->name) != 0) continue;
        if (!versioned && contents) *same = &infos[i];
        if (!versioned || strcmp(infos[i].version, info->version) != 0) continue;
        LEATI_CHECK(c, contents, LEAT_INVALID,
                    "data set %s@%s exists with other contents; give another version", info->name,
                    info->version);
        *same = &infos[i];
    }
    return LEAT_OK;
}

typedef struct copying {
    leati_writer *to;
    leati_sha256 sha;
} copying;

static leat_status copy_piece(void *user, const char *data, size_t bytes)
{
    copying *k = user;
    leati_sha256_add(&k->sha, data, bytes);
    leati_writer_write(k->to, data, bytes);
    return LEAT_OK;
}

static leat_status keep_copy(leat_context *c, const char *path, leat_data_info *info)
{
    copying k = {.to = NULL};
    char *folder;
    LEATI_TRY(data_folder(c, &folder));
    leat_status st = leati_folder_make(c, folder);
    leati_free(folder);
    if (st == LEAT_OK) st = leati_store_path(c, info, leati_store_suffix(path));
    if (st != LEAT_OK) return st;
    uint8_t digest[32];
    char now[65];
    LEATI_TRY(leati_writer_open(c, &k.to, info->path));
    leati_sha256_init(&k.sha);
    st = leati_file_pieces(c, path, copy_piece, &k);
    leati_sha256_end(&k.sha, digest);
    leati_hex(digest, sizeof digest, now);
    if (st == LEAT_OK && strcmp(now, info->sha256) != 0)
        st = LEATI_FAIL(c, LEAT_IO, "%s changed while it was being added; try again", path);
    if (st == LEAT_OK) st = leati_writer_commit(k.to);
    else leati_writer_abort(k.to);
    info->present = st == LEAT_OK;
    return st;
}

/* The index is read, changed and written by one process at a time; where files cannot be locked,
 * the last one wins. Closing *lock ends it. */
static leat_status lock_index(leat_context *c, int *lock)
{
    char *folder, *path = NULL;
    LEATI_TRY(data_folder(c, &folder));
    leat_status st = leati_folder_make(c, folder);
    if (st == LEAT_OK && !(path = leati_path_join(c, folder, "index.lock")))
        st = leat_error_status(c);
    if (st == LEAT_OK) {
        *lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
        if (*lock < 0) st = LEATI_FAIL(c, LEAT_IO, "cannot write %s: %s", path, strerror(errno));
        while (st == LEAT_OK && flock(*lock, LOCK_EX) != 0 && errno == EINTR) {
        }
    }
    leati_free(path);
    leati_free(folder);
    return st;
}

static leat_status add_locked(leat_context *c, const char *path, const char *version,
                              leat_data_info *info)
{
    leat_data_info *infos;
    const leat_data_info *same;
    size_t count;
    LEATI_TRY(leati_store_list(c, &infos, &count));
    leat_status st = find_earlier(c, infos, count, info, version != NULL, &same);
    bool kept = false;
    if (st == LEAT_OK && same && same->present) {
        char got[65];
        *info = *same;
        st = leati_file_digest(c, info->path, got, NULL);
        kept = st == LEAT_OK && strcmp(got, info->sha256) == 0;
    }
    if (st == LEAT_OK && !kept) {
        if (!version && !same) next_version(infos, count, info);
        st = keep_copy(c, path, info);
        if (st == LEAT_OK && !same) st = write_index(c, infos, count, info);
    }
    leati_free(infos);
    return st;
}

leat_status leat_data_add(leat_context *c, const char *path, const char *name, const char *version,
                          leat_data_info *out)
{
    leat_data_info info = {.source = LEAT_DATA_ADDED};
    int lock = -1;
    LEATI_TRY(check_name(c, name, sizeof info.name, "name"));
    if (version) LEATI_TRY(check_name(c, version, sizeof info.version, "version"));
    for (size_t i = 0; leati_dataset_at(i); i++)
        LEATI_CHECK(c, strcmp(leati_dataset_at(i)->name, name) != 0, LEAT_INVALID,
                    "'%s' is a data set of Leat itself; choose another name", name);
    LEATI_CHECK(c, strcmp(path, "-") != 0, LEAT_INVALID, "a data set is added from a file");
    LEATI_TRY(leati_file_digest(c, path, info.sha256, &info.bytes));
    snprintf(info.name, sizeof info.name, "%s", name);
    snprintf(info.version, sizeof info.version, "%s", version ? version : "");
    snprintf(info.origin, sizeof info.origin, "%.255s", leati_path_base(path));
    leat_status st = lock_index(c, &lock);
    if (st == LEAT_OK) st = add_locked(c, path, version, &info);
    if (lock >= 0) close(lock);
    if (st == LEAT_OK && out) *out = info;
    return st;
}
