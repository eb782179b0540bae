/* leat registry: models and data sets in versions, with aliases and lineage. */
#include <stdlib.h>
#include <string.h>

#include "layers.h"
#include "load.h"
#include "registry.h"

/* --- push ------------------------------------------------------------------------------------- */

static void version_json(leat_json *j, const char *key, const leat_registered *v)
{
    leat_json_begin_object(j, key);
    leat_json_string(j, "kind", v->model ? "model" : "data");
    leat_json_string(j, "name", v->name);
    leat_json_int(j, "version", v->version);
    leat_json_begin_array(j, "aliases");
    for (const char *a = v->aliases; *a;) {
        size_t n = strcspn(a, " ");
        leat_json_stringn(j, NULL, a, n);
        a += n + (a[n] == ' ');
    }
    leat_json_end_array(j);
    leat_json_string(j, "sha256", v->sha256);
    leat_json_int(j, "bytes", (int64_t)v->bytes);
    leat_json_int(j, "created", v->created);
    leat_json_string(j, "file", v->file);
    leat_json_string(j, "summary", v->summary);
    leat_json_string(j, "note", *v->note ? v->note : NULL);
    if (!v->model) leat_json_string(j, "table_sha256", *v->table ? v->table : NULL);
    leat_json_end_object(j);
}

static bool any_reading(cli *c)
{
    static const cli_option reading[] = {CLI_READ_OPTIONS, {0}};
    for (const cli_option *o = reading; o->name; o++)
        if (cli_has(c, o->name)) return true;
    return false;
}

static leat_status print_pushed(cli *c, const leat_registry *r, const leat_registered *v,
                                bool added)
{
    if (c->json) {
        leat_json *j = leat_json_create(c->context, 0);
        leat_json_begin_object(j, NULL);
        leat_json_bool(j, "added", added);
        version_json(j, "version", v);
        leat_json_end_object(j);
        return cli_print_json(c, j);
    }
    cli_styled(c, CLI_BOLD, "%s@%lld", v->name, (long long)v->version);
    cli_say(c, added ? ": %s %s (%s)\n" : ": %s %s is there already (%s)\n",
            v->model ? "model" : "data", v->file, v->summary);
    if (added && !v->model && !*v->table)
        cli_say(c, "it is no table that Leat reads, so models cannot be traced to it\n");
    if (*v->aliases) cli_say(c, "%s\n", v->aliases);
    cli_say(c, "in %s\n", leat_registry_name(r));
    return LEAT_OK;
}

static leat_status run_push(cli *c, leat_registry *r, const char *path)
{
    leat_registered_list *list;
    leat_read_options reading;
    leat_push_options o = leat_push_options_default();
    bool added;
    o.name = cli_value(c, "name");
    o.note = cli_value(c, "note");
    o.alias = cli_value(c, "tag");
    if (any_reading(c)) {
        leat_status st = cli_read_options(c, &reading);
        if (st != LEAT_OK) return st;
        o.reading = &reading;
    }
    leat_status st = leat_registry_push(r, &list, &added, path, &o);
    if (st != LEAT_OK) return st;
    st = print_pushed(c, r, leat_registered_list_at(list, 0), added);
    leat_registered_list_destroy(list);
    return st;
}

/* --- list and show ---------------------------------------------------------------------------- */

static leat_status print_list_json(cli *c, const leat_registered_list *list)
{
    leat_json *j = leat_json_create(c->context, 0);
    leat_json_begin_object(j, NULL);
    leat_json_begin_array(j, "versions");
    for (size_t i = 0; i < leat_registered_list_count(list); i++)
        version_json(j, NULL, leat_registered_list_at(list, i));
    leat_json_end_array(j);
    leat_json_end_object(j);
    return cli_print_json(c, j);
}

/* A name outlives its versions. */
static void say_empty(cli *c, const char *name)
{
    if (!name) cli_say(c, "the registry is empty: leat registry push FILE\n");
    else
        cli_say(c,
                "%s has no version any more: all were removed, and their numbers are not used "
                "again\nthe next one: leat registry push FILE --name %s\n",
                name, name);
}

/* One line per version of `name`, or (NULL) per name: its latest version and where its aliases
 * stand. */
static leat_status print_list(cli *c, const leat_registered_list *list, const char *name)
{
    enum { COLUMNS = 5, TEXT = 400 };
    const bool versions = name != NULL;
    static const char *const head[COLUMNS] = {"name", "aliases", "pushed", "size", "what"};
    size_t n = leat_registered_list_count(list), rows = 0;
    const char **cells = calloc((n + 1) * COLUMNS, sizeof *cells);
    struct line {
        char name[160], aliases[TEXT], when[32], size[32];
    } *lines = calloc(n + 1, sizeof *lines);
    if (!cells || !lines) {
        free(cells);
        free(lines);
        return leat_error_set(c->context, LEAT_NOMEM, "out of memory");
    }
    memcpy(cells, head, sizeof head);
    for (size_t i = 0; i < n; i++) {
        const leat_registered *v = leat_registered_list_at(list, i);
        struct line *line = &lines[rows];
        for (const char *a = v->aliases; *a;) {
            size_t k = strcspn(a, " "), have = strlen(line->aliases);
            snprintf(line->aliases + have, TEXT - have, versions ? "%s%.*s" : "%s%.*s@%lld",
                     have ? " " : "", (int)k, a, (long long)v->version);
            a += k + (a[k] == ' ');
        }
        bool last = i + 1 == n || strcmp(leat_registered_list_at(list, i + 1)->name, v->name) != 0;
        if (!versions && !last) continue;
        snprintf(line->name, sizeof line->name, "%s@%lld", v->name, (long long)v->version);
        cli_time_text(v->created, line->when);
        cli_bytes_text(v->bytes, line->size);
        const char *row[COLUMNS] = {line->name, line->aliases, line->when, line->size, v->summary};
        memcpy(cells + ++rows * COLUMNS, row, sizeof row);
    }
    if (rows) cli_table(c, cells, (int)rows + 1, COLUMNS, true);
    else say_empty(c, name);
    free(cells);
    free(lines);
    return LEAT_OK;
}

static leat_status run_list(cli *c, leat_registry *r, const char *name)
{
    leat_registered_list *list;
    leat_status st = leat_registry_list(r, &list, name);
    if (st != LEAT_OK) return st;
    st = c->json ? print_list_json(c, list) : print_list(c, list, name);
    leat_registered_list_destroy(list);
    return st;
}

static void lineage_json(leat_json *j, const leat_lineage_list *list, bool model)
{
    leat_json_begin_array(j, model ? "made_of" : "used_by");
    for (size_t i = 0; i < leat_lineage_list_count(list); i++) {
        const leat_lineage *l = leat_lineage_list_at(list, i);
        leat_json_begin_object(j, NULL);
        leat_json_string(j, "role", l->role);
        leat_json_string(j, "table_sha256", l->table);
        leat_json_string(j, "name", *l->name ? l->name : NULL);
        if (*l->name) leat_json_int(j, "version", l->version);
        leat_json_end_object(j);
    }
    leat_json_end_array(j);
}

static void print_lineage(cli *c, const leat_lineage_list *list, bool model)
{
    size_t n = leat_lineage_list_count(list);
    if (n) cli_say(c, model ? "\nmade of\n" : "\nused by\n");
    for (size_t i = 0; i < n; i++) {
        const leat_lineage *l = leat_lineage_list_at(list, i);
        if (*l->name) cli_say(c, "  %s@%lld  (%s)\n", l->name, (long long)l->version, l->role);
        else
            cli_say(c, "  data that are not in the registry  (%s, table %.12s...)\n", l->role,
                    l->table);
    }
}

static void print_version(cli *c, const leat_registered *v)
{
    char size[32], when[32];
    cli_bytes_text(v->bytes, size);
    cli_time_text(v->created, when);
    cli_styled(c, CLI_BOLD, "%s@%lld", v->name, (long long)v->version);
    cli_say(c, ": %s\n", v->summary);
    const char *fields[] = {"kind",    v->model ? "model" : "data",
                            "aliases", v->aliases,
                            "pushed",  when,
                            "file",    v->file,
                            "size",    size,
                            "sha256",  v->sha256,
                            "table",   v->table,
                            "note",    v->note};
    enum { FIELDS = sizeof fields / sizeof *fields };
    const char *shown[FIELDS];
    int rows = 0;
    for (size_t i = 0; i < FIELDS; i += 2) {
        if (!*fields[i + 1]) continue;
        shown[2 * rows] = fields[i];
        shown[2 * rows++ + 1] = fields[i + 1];
    }
    cli_table(c, shown, rows, 2, false);
}

static leat_status run_show(cli *c, leat_registry *r, const char *version)
{
    leat_registered_list *item;
    leat_lineage_list *lineage = NULL;
    leat_status st = leat_registry_find(r, &item, version);
    if (st != LEAT_OK) return st;
    const leat_registered *v = leat_registered_list_at(item, 0);
    st = leat_registry_lineage(r, &lineage, version);
    if (st == LEAT_OK && c->json) {
        leat_json *j = leat_json_create(c->context, 0);
        leat_json_begin_object(j, NULL);
        version_json(j, "version", v);
        lineage_json(j, lineage, v->model);
        leat_json_end_object(j);
        st = cli_print_json(c, j);
    } else if (st == LEAT_OK) {
        print_version(c, v);
        print_lineage(c, lineage, v->model);
    }
    leat_lineage_list_destroy(lineage);
    leat_registered_list_destroy(item);
    return st;
}

/* --- pull ------------------------------------------------------------------------------------- */

/* NAME.leat, or the name of a data set with the suffixes of the file that was pushed. */
static void default_path(const leat_registered *v, char *out, size_t size)
{
    const char *dot = v->model ? ".leat" : strchr(v->file + (*v->file == '.'), '.');
    bool has = dot && strlen(v->name) > strlen(dot) &&
               strcmp(v->name + strlen(v->name) - strlen(dot), dot) == 0;
    snprintf(out, size, "%s%s", v->name, dot && !has ? dot : "");
}

static leat_status run_pull(cli *c, leat_registry *r, const char *version)
{
    leat_registered_list *item;
    char path[512], exact[160];
    const char *to = cli_value(c, "output");
    if (cli_pipes(c) && c->json)
        return cli_usage(c, "-o - and --json both write to standard output");
    leat_status st = leat_registry_find(r, &item, version);
    if (st != LEAT_OK) return st;
    const leat_registered *v = leat_registered_list_at(item, 0);
    default_path(v, path, sizeof path);
    snprintf(exact, sizeof exact, "%s@%lld", v->name, (long long)v->version);
    if (!to) to = path;
    st = leat_registry_pull(r, exact, to);
    if (st == LEAT_OK && c->json) {
        leat_json *j = leat_json_create(c->context, 0);
        leat_json_begin_object(j, NULL);
        version_json(j, "version", v);
        leat_json_string(j, "path", to);
        leat_json_end_object(j);
        st = cli_print_json(c, j);
    } else if (st == LEAT_OK && !cli_pipes(c)) {
        cli_say(c, "wrote ");
        cli_styled(c, CLI_ACCENT, "%s", to);
        cli_say(c, " (%s, SHA-256 %.12s...)\n", exact, v->sha256);
    }
    leat_registered_list_destroy(item);
    return st;
}

/* --- tag and rm ------------------------------------------------------------------------------- */

/* "NAME@REST" in two; false without '@'. */
static bool split(const char *text, char name[160], char rest[160])
{
    const char *at = strchr(text, '@');
    if (!at || at - text >= 160 || strlen(at + 1) >= 160) return false;
    memcpy(name, text, (size_t)(at - text));
    name[at - text] = '\0';
    strcpy(rest, at + 1);
    return true;
}

static bool whole(const char *text, int64_t *out)
{
    char *end;
    if (!*text || strspn(text, "0123456789") != strlen(text) || strlen(text) > 17) return false;
    *out = strtoll(text, &end, 10);
    return *out > 0;
}

static leat_status expected_version(cli *c, int64_t *out)
{
    const char *text = cli_value(c, "expect");
    *out = LEAT_ALIAS_ANY;
    if (!text) return LEAT_OK;
    if (strcmp(text, "none") == 0) *out = LEAT_ALIAS_ABSENT;
    else if (!whole(text, out))
        return cli_usage(c, "--expect takes the number of a version or none, not '%s'", text);
    return LEAT_OK;
}

static leat_status print_tagged(cli *c, const char *name, const char *alias, int64_t version,
                                int64_t was)
{
    if (c->json) {
        leat_json *j = leat_json_create(c->context, 0);
        leat_json_begin_object(j, NULL);
        leat_json_string(j, "name", name);
        leat_json_string(j, "alias", alias);
        if (version) leat_json_int(j, "version", version);
        else leat_json_null(j, "version");
        if (was) leat_json_int(j, "was", was);
        else leat_json_null(j, "was");
        leat_json_end_object(j);
        return cli_print_json(c, j);
    }
    cli_styled(c, CLI_BOLD, "%s@%s", name, alias);
    if (!version) cli_say(c, " is removed; it stood at version %lld\n", (long long)was);
    else if (was == version) cli_say(c, " stands at version %lld already\n", (long long)version);
    else if (!was) cli_say(c, " stands at version %lld\n", (long long)version);
    else
        cli_say(c, " stands at version %lld, before at %lld\n", (long long)version, (long long)was);
    return LEAT_OK;
}

static leat_status run_tag(cli *c, leat_registry *r, const char *target, const char *version)
{
    char name[160], alias[160];
    int64_t number = 0, expected, was;
    if (!version || !split(target, name, alias))
        return cli_usage(c, "an alias is moved by: leat registry tag NAME@ALIAS VERSION");
    leat_status st = expected_version(c, &expected);
    if (st != LEAT_OK) return st;
    if (!whole(version, &number)) { /* another alias of the same name, or latest */
        leat_registered_list *item;
        char text[400];
        snprintf(text, sizeof text, "%s@%.160s", name, version);
        st = leat_registry_find(r, &item, text);
        if (st != LEAT_OK) return st;
        number = leat_registered_list_at(item, 0)->version;
        leat_registered_list_destroy(item);
    }
    st = leat_registry_tag(r, name, alias, number, expected, &was);
    return st == LEAT_OK ? print_tagged(c, name, alias, number, was) : st;
}

static leat_status run_rm(cli *c, leat_registry *r, const char *target)
{
    char name[160], rest[160];
    int64_t version, expected, was;
    if (!split(target, name, rest))
        return cli_usage(c, "say what to remove: %s@VERSION or %s@ALIAS", target, target);
    leat_status st = expected_version(c, &expected);
    if (st != LEAT_OK) return st;
    if (!whole(rest, &version)) {
        st = leat_registry_tag(r, name, rest, 0, expected, &was);
        return st == LEAT_OK ? print_tagged(c, name, rest, 0, was) : st;
    }
    if (cli_value(c, "expect"))
        return cli_usage(c,
                         "--expect says where an alias stands; %s is a version, and versions do "
                         "not move",
                         target);
    st = leat_registry_remove(r, name, version);
    if (st != LEAT_OK) return st;
    if (c->json) {
        leat_json *j = leat_json_create(c->context, 0);
        leat_json_begin_object(j, NULL);
        leat_json_string(j, "removed", target);
        leat_json_end_object(j);
        return cli_print_json(c, j);
    }
    cli_say(c, "removed %s; leat registry gc frees its file\n", target);
    return LEAT_OK;
}

/* --- gc and verify ---------------------------------------------------------------------------- */

static leat_status run_gc(cli *c, leat_registry *r)
{
    leat_collected k;
    double patience = 86400;
    char freed[32], kept[32];
    bool dry = cli_has(c, "dry-run");
    if (cli_value(c, "patience") && !cli_duration(cli_value(c, "patience"), &patience))
        return cli_usage(c, "--patience takes a time such as 90s, 15m, 12h or 1d, not '%s'",
                         cli_value(c, "patience"));
    leat_status st = leat_registry_collect(r, patience, dry, &k);
    if (st != LEAT_OK) return st;
    if (c->json) {
        leat_json *j = leat_json_create(c->context, 0);
        leat_json_begin_object(j, NULL);
        leat_json_bool(j, "dry_run", dry);
        leat_json_int(j, "removed", (int64_t)k.removed);
        leat_json_int(j, "removed_bytes", (int64_t)k.removed_bytes);
        leat_json_int(j, "kept", (int64_t)k.kept);
        leat_json_int(j, "kept_bytes", (int64_t)k.kept_bytes);
        leat_json_int(j, "pushes", (int64_t)k.pushes);
        leat_json_end_object(j);
        return cli_print_json(c, j);
    }
    cli_bytes_text(k.removed_bytes, freed);
    cli_bytes_text(k.kept_bytes, kept);
    cli_say(c,
            dry ? "%llu files that nothing refers to would be removed (%s), %llu stay (%s)\n"
                : "removed %llu files that nothing referred to (%s), %llu stay (%s)\n",
            (unsigned long long)k.removed, freed, (unsigned long long)k.kept, kept);
    if (k.pushes)
        cli_say(c, "%llu pushes are under way or have died; their files are kept for a while\n",
                (unsigned long long)k.pushes);
    return LEAT_OK;
}

typedef struct damages {
    cli *c;
    leat_json *json;
} damages;

static void on_damage(void *user, const char *what, const char *message)
{
    damages *d = user;
    leat_json_begin_object(d->json, NULL);
    leat_json_string(d->json, "what", what);
    leat_json_string(d->json, "message", message);
    leat_json_end_object(d->json);
    cli_styled(d->c, CLI_BOLD, "%s", what);
    cli_say(d->c, ": %s\n", message);
}

static leat_status run_verify(cli *c, leat_registry *r)
{
    uint64_t files;
    damages d = {c, c->json ? leat_json_create(c->context, 0) : NULL};
    leat_json_begin_object(d.json, NULL);
    leat_json_begin_array(d.json, "damage");
    leat_status st = leat_registry_verify(r, on_damage, &d, &files);
    leat_json_end_array(d.json);
    leat_json_bool(d.json, "good", st == LEAT_OK);
    leat_json_int(d.json, "files", (int64_t)files);
    leat_json_end_object(d.json);
    if (c->json && (st == LEAT_OK || st == LEAT_DIFFERS)) {
        leat_error_clear(c->context);
        leat_status printed = cli_print_json(c, d.json);
        return printed == LEAT_OK ? st : printed;
    }
    leat_json_destroy(d.json);
    if (st == LEAT_OK)
        cli_say(c, "%llu files and the catalogue are as they should be\n",
                (unsigned long long)files);
    return st;
}

static leat_status run_verb(cli *c, leat_registry *r, const char *verb, const char *what,
                            const char *more)
{
    if (strcmp(verb, "push") == 0) return run_push(c, r, what);
    if (strcmp(verb, "list") == 0) return run_list(c, r, what);
    if (strcmp(verb, "show") == 0) return run_show(c, r, what);
    if (strcmp(verb, "pull") == 0) return run_pull(c, r, what);
    if (strcmp(verb, "tag") == 0) return run_tag(c, r, what, more);
    if (strcmp(verb, "rm") == 0) return run_rm(c, r, what);
    return strcmp(verb, "gc") == 0 ? run_gc(c, r) : run_verify(c, r);
}

/* An option that guards is not passed over. */
static leat_status check_guards(cli *c, const char *verb)
{
    bool moves = strcmp(verb, "tag") == 0 || strcmp(verb, "rm") == 0;
    if (cli_value(c, "expect") && !moves)
        return cli_usage(c, "--expect goes with tag and rm, not with %s", verb);
    if (cli_has(c, "dry-run") && strcmp(verb, "gc") != 0)
        return cli_usage(c, "--dry-run goes with gc, not with %s", verb);
    return LEAT_OK;
}

static leat_status run_registry(cli *c)
{
    static const struct {
        const char *verb;
        int least, most; /* of its arguments */
        const char *needs;
    } verbs[] = {{"push", 1, 1, "a file"},
                 {"list", 0, 1, NULL},
                 {"show", 1, 1, "a name"},
                 {"pull", 1, 1, "a name"},
                 {"tag", 2, 2, "NAME@ALIAS and a version"},
                 {"rm", 1, 1, "NAME@VERSION or NAME@ALIAS"},
                 {"gc", 0, 0, NULL},
                 {"verify", 0, 0, NULL}};
    enum { VERBS = sizeof verbs / sizeof *verbs };
    const char *verb = c->count ? c->arguments[0] : "list";
    int given = c->count ? c->count - 1 : 0, i = 0;
    leat_registry *r;
    while (i < VERBS && strcmp(verb, verbs[i].verb) != 0) i++;
    if (i == VERBS)
        return cli_usage(c,
                         "leat registry can push, list, show, pull, tag, rm, gc and verify, not "
                         "'%s'",
                         verb);
    if (given < verbs[i].least)
        return cli_usage(c, "leat registry %s needs %s", verb, verbs[i].needs);
    if (given > verbs[i].most)
        return cli_usage(c, "leat registry %s does not know what to do with '%s'", verb,
                         c->arguments[verbs[i].most + 1]);
    if (strcmp(verb, "pull") != 0 && cli_value(c, "output"))
        return cli_usage(c, "leat registry %s writes no file; --output goes with pull", verb);
    leat_status st = check_guards(c, verb);
    if (st == LEAT_OK) st = cli_open_registry(c, &r, strcmp(verb, "push") == 0);
    if (st != LEAT_OK) return st;
    st = run_verb(c, r, verb, given > 0 ? c->arguments[1] : NULL,
                  given > 1 ? c->arguments[2] : NULL);
    leat_registry_close(r);
    return st;
}

static const cli_option options[] = {
    {"name", 0, "NAME", "push: what it is called; default: the model's name, the file's", false},
    {"tag", 0, "ALIAS", "push: an alias to move to the new version", false},
    {"note", 0, "TEXT", "push: a remark that is kept with the version", false},
    {"output", 'o', "FILE", "pull: the file to write; default: NAME.leat here", false},
    {"expect", 0, "VERSION",
     "tag, rm: only if the alias stands at this version now (none: nowhere)", false},
    {"dry-run", 0, NULL, "gc: only say what would be removed", false},
    {"patience", 0, "TIME", "gc: how long pushes may take (default 1d)", false},
    CLI_REGISTRY_OPTIONS,
    CLI_READ_OPTIONS,
    {0}};

const cli_command cli_command_registry = {
    .name = "registry",
    .arguments = "push FILE | list [NAME] | show NAME | pull NAME | tag NAME@ALIAS VERSION | rm "
                 "NAME@VERSION | gc | verify",
    .least = 0,
    .most = 3,
    .summary = "models and data sets in versions, with aliases and lineage",
    .details = "Versions never change; aliases move from one to another: of two who move an alias "
               "with\n--expect at the same time, one succeeds and the other is told (exit code 1). "
               "NAME stands\nfor the version at its alias champion, else for the latest; NAME@3, "
               "NAME@ALIAS and\nNAME@latest name others. Files are kept under the SHA-256 of their "
               "contents; show says\nwhich data made a model and which models used a data set.",
    .examples = "  leat registry push cars.csv\n  leat registry push cars.leat --tag challenger\n"
                "  leat registry tag cars@champion 4 --expect 3\n"
                "  leat registry pull cars@champion -o model.leat\n  leat registry verify",
    .options = options,
    .run = run_registry,
};
