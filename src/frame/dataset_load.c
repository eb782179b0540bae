/* Owns: data sets by name: listing, finding, fetching, opening, verifying. Not: the user's store
 * (dataset_store.c), the sets of Leat one by one (datasets.def). */
#include "frame/dataset_load.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "frame/retype.h"
#include "io/download.h"

static const char base_address[] = "https://raw.githubusercontent.com/mwaskom/seaborn-data/master";

static const leati_dataset_row rows[] = {
#define BUILT_IN(name, task, target, doc, open)                                                    \
    {name, task, target, "", doc, LEAT_DATA_BUILT_IN, open, NULL, "", 0, ""},
#define PACKAGE(name, task, target, splits, doc, package, open)                                    \
    {name, task, target, splits, doc, LEAT_DATA_PACKAGE, NULL, open, package, 0, ""},
#define FETCHED(name, task, target, doc, file, bytes, sha256)                                      \
    {name, task, target, "", doc, LEAT_DATA_FETCHED, NULL, NULL, file, bytes, sha256},
#include "frame/datasets.def"
#undef BUILT_IN
#undef PACKAGE
#undef FETCHED
};
enum { ROWS = sizeof rows / sizeof *rows };

const leati_dataset_row *leati_dataset_at(size_t index)
{
    return index < ROWS ? &rows[index] : NULL;
}

const char *leat_data_source_name(leat_data_source source)
{
    static const char *const names[] = {"built in", "package", "download", "added"};
    return (unsigned)source < 4 ? names[source] : "unknown";
}

static leat_status describe(leat_context *c, const leati_dataset_row *row, leat_data_info *info)
{
    *info = (leat_data_info){.source = row->source, .bytes = row->bytes};
    snprintf(info->name, sizeof info->name, "%s", row->name);
    snprintf(info->doc, sizeof info->doc, "%s", row->doc);
    snprintf(info->task, sizeof info->task, "%s", row->task);
    snprintf(info->target, sizeof info->target, "%s", row->target);
    snprintf(info->splits, sizeof info->splits, "%s", row->splits);
    snprintf(info->sha256, sizeof info->sha256, "%s", row->sha256);
    snprintf(info->origin, sizeof info->origin, "%s", row->origin);
    info->present = row->source == LEAT_DATA_BUILT_IN;
    if (row->source == LEAT_DATA_PACKAGE) info->present = leati_dataset_fashion_present();
    if (row->source != LEAT_DATA_FETCHED) return LEAT_OK;
    const char *base = getenv("LEAT_DATA_URL");
    if (!base || !*base) base = base_address;
    size_t n = strlen(base);
    snprintf(info->origin, sizeof info->origin, "%s%s%s", base, base[n - 1] == '/' ? "" : "/",
             row->origin);
    LEATI_TRY(leati_store_path(c, info, leati_store_suffix(row->origin)));
    info->present = leati_path_exists(info->path);
    return LEAT_OK;
}

static const leati_dataset_row *own_row(const char *name)
{
    size_t n = strcspn(name, ":");
    for (size_t i = 0; i < ROWS; i++)
        if (strlen(rows[i].name) == n && memcmp(rows[i].name, name, n) == 0) return &rows[i];
    return NULL;
}

const char *leat_data_target(const char *name)
{
    const leati_dataset_row *row = own_row(name);
    return row ? row->target : NULL;
}

bool leat_data_has_test(const char *name)
{
    const leati_dataset_row *row = own_row(name);
    return row && !strchr(name, ':') && strstr(row->splits, "test") != NULL;
}

struct leat_data_list {
    leat_data_info *infos;
    size_t count;
};

leat_status leat_data_list_create(leat_context *c, leat_data_list **out)
{
    leat_data_info *added = NULL;
    size_t count = 0;
    *out = NULL;
    LEATI_TRY(leati_store_list(c, &added, &count));
    leat_data_list *list = leati_calloc(c, 1, sizeof *list);
    if (list) list->infos = LEATI_NEW(c, leat_data_info, ROWS + count);
    leat_status st = list && list->infos ? LEAT_OK : leat_error_status(c);
    for (size_t i = 0; st == LEAT_OK && i < ROWS; i++) st = describe(c, &rows[i], &list->infos[i]);
    if (st == LEAT_OK && count) memcpy(list->infos + ROWS, added, count * sizeof *added);
    leati_free(added);
    if (st == LEAT_OK) {
        list->count = ROWS + count;
        *out = list;
    } else {
        leat_data_list_destroy(list);
    }
    return st;
}

void leat_data_list_destroy(leat_data_list *list)
{
    if (!list) return;
    leati_free(list->infos);
    leati_free(list);
}

size_t leat_data_list_count(const leat_data_list *list)
{
    return list->count;
}

const leat_data_info *leat_data_list_at(const leat_data_list *list, size_t index)
{
    return index < list->count ? &list->infos[index] : NULL;
}

/* "name[@version][:split]" in parts; false if that is not its form. */
static bool parse_name(const char *text, leat_data_info *parts)
{
    size_t name = strcspn(text, "@:"), version = 0, split = 0;
    const char *rest = text + name;
    *parts = (leat_data_info){0};
    if (name == 0 || name >= sizeof parts->name || strchr(text, '/')) return false;
    memcpy(parts->name, text, name);
    if (*rest == '@') {
        version = strcspn(++rest, ":");
        if (version == 0 || version >= sizeof parts->version) return false;
        memcpy(parts->version, rest, version);
        rest += version;
    }
    if (*rest == ':') {
        split = strlen(++rest);
        if (split == 0 || split >= sizeof parts->split) return false;
        memcpy(parts->split, rest, split);
    }
    return true;
}

static bool has_word(const char *words, const char *word)
{
    size_t n = strlen(word);
    for (const char *p = words; (p = strstr(p, word)); p++)
        if ((p == words || p[-1] == ' ') && (p[n] == ' ' || !p[n])) return true;
    return false;
}

static const leat_data_info *find_in(const leat_data_list *list, const leat_data_info *wanted)
{
    for (size_t i = list->count; i-- > 0;) { /* the newest of a name without a version */
        const leat_data_info *info = &list->infos[i];
        if (strcmp(info->name, wanted->name) == 0 &&
            (!wanted->version[0] || strcmp(info->version, wanted->version) == 0))
            return info;
    }
    return NULL;
}

static leat_status not_found(leat_context *c, const leat_data_list *list, const char *name)
{
    leati_str names;
    const char **all = LEATI_NEW(c, const char *, list->count);
    if (!all) return leat_error_status(c);
    leati_str_init(&names, c);
    for (size_t i = 0; i < list->count; i++) {
        all[i] = list->infos[i].name;
        bool again = i > 0 && strcmp(all[i], all[i - 1]) == 0; /* another version */
        if (i < 30 && !again) leati_str_addf(&names, " %s", all[i]);
    }
    leat_status st = LEATI_FAIL(c, LEAT_NOT_FOUND, "there is no data set '%s'", name);
    const char *near = leati_nearest(name, all, list->count);
    if (near) leati_error_hint(c, "Did you mean '%s'?", near);
    leati_error_hint(c, "data sets:%s", leati_str_text(&names));
    leati_str_fini(&names);
    leati_free(all);
    return st;
}

static leat_status choose(leat_context *c, const leat_data_list *list, const char *name,
                          leat_data_info *info)
{
    leat_data_info wanted;
    const leat_data_info *found = parse_name(name, &wanted) ? find_in(list, &wanted) : NULL;
    if (!found) return not_found(c, list, name);
    *info = *found;
    memcpy(info->split, wanted.split, sizeof info->split);
    if (!wanted.split[0]) {
        size_t n = strcspn(found->splits, " ");
        if (n < sizeof info->split) memcpy(info->split, found->splits, n);
    } else if (!has_word(found->splits, wanted.split)) {
        return LEATI_FAIL(c, LEAT_NOT_FOUND, "data set %s has no split '%s'; its splits: %s",
                          found->name, wanted.split, found->splits[0] ? found->splits : "none");
    }
    return LEAT_OK;
}

leat_status leat_data_find(leat_context *c, const char *name, leat_data_info *info)
{
    leat_data_list *list;
    LEATI_TRY(leat_data_list_create(c, &list));
    leat_status st = choose(c, list, name, info);
    leat_data_list_destroy(list);
    return st;
}

/* Asks the table first, so that a damaged index of the user hides no data set of Leat. */
bool leat_data_is_name(leat_context *c, const char *text)
{
    leat_data_info wanted, *added = NULL;
    size_t count = 0;
    bool found = false;
    if (!parse_name(text, &wanted)) return false;
    for (size_t i = 0; !found && i < ROWS; i++)
        found = !wanted.version[0] && strcmp(rows[i].name, wanted.name) == 0;
    if (found || leat_error_status(c) != LEAT_OK) return found;
    if (leati_store_list(c, &added, &count) != LEAT_OK) {
        leat_error_clear(c);
        return false;
    }
    leat_data_list list = {added, count};
    found = find_in(&list, &wanted) != NULL;
    leati_free(added);
    return found;
}

static leat_status fetch(leat_context *c, leat_data_info *info)
{
    char folder[sizeof info->path];
    if (info->source != LEAT_DATA_FETCHED || info->present) return LEAT_OK;
    size_t n = (size_t)(leati_path_base(info->path) - info->path);
    memcpy(folder, info->path, n);
    folder[n ? n - 1 : 0] = '\0';
    LEATI_TRY(leati_folder_make(c, folder));
    leat_status st = leati_download(c, info->origin, info->path, info->sha256, info->bytes);
    if (st == LEAT_NETWORK)
        leati_error_hint(c, "LEAT_DATA_URL names another place to fetch from");
    if (st != LEAT_OK) return leati_error_within(c, "data set %s", info->name);
    info->present = true;
    return LEAT_OK;
}

/* The file in place has another SHA-256 than the set. */
static leat_status changed(leat_context *c, const leat_data_info *info, const char *got)
{
    LEATI_FAIL(c, LEAT_FORMAT, "the file of data set %s has changed: %s", info->name, info->path);
    leati_error_hint(c, "SHA-256 expected %s", info->sha256);
    leati_error_hint(c, "         found    %s", got);
    return leati_error_hint(c,
                            info->source == LEAT_DATA_FETCHED
                                ? "leat data get %s fetches it again"
                                : "leat data add FILE --name %s keeps the file again",
                            info->name);
}

leat_status leat_data_fetch(leat_context *c, const char *name, leat_data_info *out)
{
    leat_data_info info;
    LEATI_TRY(leat_data_find(c, name, &info));
    if (info.present && (info.source == LEAT_DATA_FETCHED || info.source == LEAT_DATA_ADDED)) {
        char got[65];
        LEATI_TRY(leati_file_digest(c, info.path, got, NULL));
        bool same = strcmp(got, info.sha256) == 0;
        if (!same && info.source == LEAT_DATA_ADDED) return changed(c, &info, got);
        info.present = same; /* else it is fetched again */
    }
    LEATI_TRY(fetch(c, &info));
    if (out) *out = info;
    return LEAT_OK;
}

/* A set that is no file, with the types that the user names. */
static leat_status retype(leat_context *c, leat_frame **f, leat_status st,
                          const leat_read_options *options)
{
    if (st == LEAT_OK && options) st = leati_retype(c, f, options, options->report);
    if (st == LEAT_OK) return LEAT_OK;
    leat_frame_release(*f);
    *f = NULL;
    return st;
}

static leat_status open_set(leat_context *c, leat_frame **out, leat_data_info *info,
                            const leat_read_options *options)
{
    const leati_dataset_row *row = own_row(info->name);
    LEATI_TRY(fetch(c, info));
    if (row && row->built_in) return retype(c, out, row->built_in(c, out), options);
    if (row && row->package) return retype(c, out, row->package(c, out, info->split), options);
    LEATI_CHECK(c, leati_path_exists(info->path), LEAT_NOT_FOUND,
                "the file of data set %s is gone: %s\nadd it again: leat data add", info->name,
                info->path);
    leat_status st = leat_frame_read(c, out, info->path, options);
    return st == LEAT_OK ? st : leati_error_within(c, "data set %s", info->name);
}

static leat_status open_name(leat_context *c, leat_frame **out, const char *name,
                             leat_data_info *out_info, const leat_read_options *options)
{
    leat_data_info info;
    *out = NULL;
    LEATI_TRY(leat_data_find(c, name, &info));
    LEATI_TRY(open_set(c, out, &info, options));
    if (out_info) *out_info = info;
    return LEAT_OK;
}

leat_status leat_data_open(leat_context *c, leat_frame **out, const char *name,
                           leat_data_info *info)
{
    return open_name(c, out, name, info, NULL);
}

leat_status leat_data_load(leat_context *c, leat_frame **out, const char *path,
                           const leat_read_options *options)
{
    *out = NULL;
    bool file = strcmp(path, "-") == 0 || leati_path_exists(path);
    if (!file && leat_data_is_name(c, path)) return open_name(c, out, path, NULL, options);
    leat_status st = leat_frame_read(c, out, path, options);
    if (file || st != LEAT_NOT_FOUND || strchr(path, '/') || strchr(path, '.')) return st;
    const char *names[ROWS];
    for (size_t i = 0; i < ROWS; i++) names[i] = rows[i].name;
    const char *near = leati_nearest(path, names, ROWS);
    leati_error_hint(c, "nor is there a data set of that name; leat data list shows them");
    if (near) leati_error_hint(c, "Did you mean %s?", near);
    return st;
}

leat_status leat_data_verify(leat_context *c, const char *name)
{
    leat_data_info info;
    leat_frame *f;
    char got[65];
    LEATI_TRY(leat_data_find(c, name, &info));
    if (info.source == LEAT_DATA_BUILT_IN || info.source == LEAT_DATA_PACKAGE) {
        LEATI_TRY(open_set(c, &f, &info, NULL));
        leat_frame_release(f);
        return LEAT_OK;
    }
    LEATI_CHECK(c, leati_path_exists(info.path), LEAT_NOT_FOUND,
                info.source == LEAT_DATA_FETCHED ? "data set %s has not been fetched yet (%s)"
                                                 : "the file of data set %s is gone: %s",
                info.name, info.path);
    LEATI_TRY(leati_file_digest(c, info.path, got, NULL));
    if (strcmp(got, info.sha256) != 0) return changed(c, &info, got);
    return LEAT_OK;
}
