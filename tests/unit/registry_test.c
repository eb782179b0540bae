/* The registry: versions, aliases, lineage, collecting, damage, a full disk, many writers; on
 * SQLite and, where a server can be started, on PostgreSQL. */
#include "support/leattest.h"
#include "support/postgres.h"
#include "support/tables.h"

#include <math.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <leat/evaluate.h>
#include <leat/experiment.h>
#include <leat/registry.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"
#include "model/registry.h"
#include "workflow/experiment.h"

/* Where registries are made: a new folder per test, or the tests' own server. */
static const char *server;
static int folders;

static leat_registry_options place(void)
{
    static char where[2][4096];
    leat_registry_options o = leat_registry_options_default();
    snprintf(where[0], sizeof where[0], "r%d", folders);
    snprintf(where[1], sizeof where[1], "%s", leattest_scratch(where[0]));
    o.where = server ? server : where[1];
    o.folder = server ? where[1] : NULL;
    o.make = true;
    return o;
}

/* A fresh registry; NULL with a failed check. */
static leat_registry *fresh(leattest *t)
{
    leat_registry *r = NULL;
    folders++;
    if (server && !CHECK(leattest_postgres_empty(t, server))) return NULL;
    leat_registry_options o = place();
    CHECK_OK(leat_registry_open(t->context, &r, &o));
    return r;
}

static leat_registry *again(leattest *t, leat_context *c)
{
    leat_registry *r = NULL;
    leat_registry_options o = place();
    CHECK(leat_registry_open(c, &r, &o) == LEAT_OK);
    return r;
}

static const char *file_of(leattest *t, const char *name, const char *text)
{
    const char *path = leattest_scratch(name);
    CHECK_OK(leati_file_write(t->context, path, text, strlen(text)));
    return path;
}

/* The version that pushing a text gives; 0 after a failure. */
static int64_t push(leattest *t, leat_registry *r, const char *name, const char *text, bool *added)
{
    leat_registered_list *list;
    leat_push_options o = leat_push_options_default();
    o.name = name;
    if (!CHECK_OK(leat_registry_push(r, &list, added, file_of(t, "pushed.csv", text), &o)))
        return 0;
    int64_t version = leat_registered_list_at(list, 0)->version;
    leat_registered_list_destroy(list);
    return version;
}

static void versions(leattest *t)
{
    leat_registry *r = fresh(t);
    leat_registered_list *list;
    bool added;
    REQUIRE(r);
    CHECK_INT(push(t, r, "own", "a,b\n1,2\n", &added), 1);
    CHECK(added);
    CHECK_INT(push(t, r, "own", "a,b\n1,3\n", &added), 2);
    CHECK_INT(push(t, r, "own", "a,b\n1,2\n", &added), 1);
    CHECK(!added);
    CHECK_INT(push(t, r, "other", "a,b\n1,2\n", &added), 1);
    REQUIRE_OK(leat_registry_list(r, &list, NULL));
    REQUIRE(leat_registered_list_count(list) == 3);
    CHECK(leat_registered_list_at(list, 2) && !leat_registered_list_at(list, 3));
    const leat_registered *v = leat_registered_list_at(list, 1);
    CHECK_STR(v->name, "own");
    CHECK(v->version == 1 && !v->model && v->bytes == 8 && strlen(v->table) == 64);
    CHECK_STR(v->summary, "1 row, 2 columns");
    CHECK_STR(v->file, "pushed.csv");
    leat_registered_list_destroy(list);
    REQUIRE_OK(leat_registry_find(r, &list, "own"));
    CHECK_INT(leat_registered_list_at(list, 0)->version, 2);
    leat_registered_list_destroy(list);
    CHECK_FAILS(leat_registry_find(r, &list, "own@3"), LEAT_NOT_FOUND, "latest is 2");
    CHECK_FAILS(leat_registry_find(r, &list, "owm"), LEAT_NOT_FOUND, "did you mean 'own'");
    CHECK_FAILS(leat_registry_find(r, &list, "own@best"), LEAT_NOT_FOUND, "no alias 'best'");
    leat_registry_close(r);
}

static void names(leattest *t)
{
    static const char *const bad[] = {"",    ".hidden", "a/b",         "../x",
                                      "a b", "a@b",     "caf\xc3\xa9", "a\nb"};
    char longest[130];
    leati_spec spec;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) CHECK(!leati_name_good(bad[i]));
    memset(longest, 'x', 129);
    longest[129] = '\0';
    CHECK(!leati_name_good(longest) && leati_name_good(longest + 1));
    CHECK_OK(leati_spec_parse(t->context, &spec, "iris@3"));
    CHECK(spec.version == 3 && !*spec.alias);
    CHECK_STR(spec.name, "iris");
    CHECK_OK(leati_spec_parse(t->context, &spec, "iris@champion"));
    CHECK_STR(spec.alias, "champion");
    CHECK_FAILS(leati_spec_parse(t->context, &spec, "iris@0"), LEAT_INVALID, "versions are 1");
    CHECK_FAILS(leati_spec_parse(t->context, &spec, "iris@"), LEAT_INVALID, "alias");
    CHECK_FAILS(leati_spec_parse(t->context, &spec, "iris@99999999999999999999"), LEAT_INVALID,
                "versions are 1");
    CHECK_FAILS(leati_spec_parse(t->context, &spec, longest), LEAT_INVALID, "at most 128");
    CHECK_FAILS(leati_alias_check(t->context, "12"), LEAT_INVALID, "numbers");
    CHECK_FAILS(leati_alias_check(t->context, "latest"), LEAT_INVALID, "stand for versions");
}

static void aliases(leattest *t)
{
    leat_registry *r = fresh(t);
    leat_registered_list *list;
    int64_t was;
    REQUIRE(r);
    for (int i = 1; i <= 3; i++) {
        char text[16];
        snprintf(text, sizeof text, "a\n%d\n", i);
        CHECK_INT(push(t, r, "m", text, NULL), i);
    }
    CHECK_OK(leat_registry_tag(r, "m", "champion", 1, LEAT_ALIAS_ABSENT, &was));
    CHECK_INT(was, 0);
    CHECK_FAILS(leat_registry_tag(r, "m", "champion", 2, LEAT_ALIAS_ABSENT, NULL), LEAT_DIFFERS,
                "stands at version 1|expected not to exist");
    CHECK_OK(leat_registry_tag(r, "m", "champion", 2, 1, &was));
    CHECK_INT(was, 1);
    CHECK_FAILS(leat_registry_tag(r, "m", "champion", 3, 1, NULL), LEAT_DIFFERS,
                "stands at version 2|expected at version 1");
    CHECK_FAILS(leat_registry_tag(r, "m", "champion", 9, 2, NULL), LEAT_NOT_FOUND, "latest is 3");
    CHECK_OK(leat_registry_tag(r, "m", "best", 2, LEAT_ALIAS_ANY, NULL));
    REQUIRE_OK(leat_registry_find(r, &list, "m@champion"));
    CHECK_INT(leat_registered_list_at(list, 0)->version, 2);
    CHECK_STR(leat_registered_list_at(list, 0)->aliases, "best champion");
    leat_registered_list_destroy(list);
    CHECK_FAILS(leat_registry_remove(r, "m", 2), LEAT_INVALID, "known as best champion");
    CHECK_OK(leat_registry_remove(r, "m", 3));
    CHECK_FAILS(leat_registry_remove(r, "m", 3), LEAT_NOT_FOUND, "no version 3");
    CHECK_INT(push(t, r, "m", "a\n3\n", NULL), 4); /* numbers are not used again */
    CHECK_OK(leat_registry_tag(r, "m", "best", 0, 2, &was));
    CHECK_FAILS(leat_registry_tag(r, "m", "best", 0, LEAT_ALIAS_ANY, NULL), LEAT_NOT_FOUND,
                "no alias");
    leat_registry_close(r);
}

/* A model fitted to a table, both as files. */
static bool fit_files(leattest *t, const char *data, const char *model)
{
    leat_experiment_options o = leat_experiment_options_default();
    leat_frame *f = leattest_table(t->context, 60, 1), *read = NULL;
    leat_experiment *e = NULL;
    o.target = "kind";
    o.models = "gaussian_nb";
    o.name = "wood";
    o.quick = true;
    bool good = f && CHECK_OK(leat_frame_write(t->context, f, data, NULL)) &&
                CHECK_OK(leat_frame_read(t->context, &read, data, NULL)) &&
                CHECK_OK(leat_experiment_run(t->context, &e, read, NULL, &o)) &&
                CHECK_OK(leat_model_save(t->context, leat_experiment_model(e), model));
    leat_experiment_destroy(e);
    leat_frame_release(f);
    leat_frame_release(read);
    return good;
}

static void lineage(leattest *t)
{
    leat_registry *r = fresh(t);
    leat_registered_list *list;
    leat_lineage_list *lines;
    leat_model *model;
    int64_t number;
    leat_push_options o = leat_push_options_default();
    const char *data = leattest_scratch("wood.csv"), *file = leattest_scratch("wood.leat");
    REQUIRE(r && fit_files(t, data, file));
    o.alias = "champion";
    REQUIRE_OK(leat_registry_push(r, &list, NULL, file, &o));
    CHECK(leat_registered_list_at(list, 0)->model);
    CHECK_STR(leat_registered_list_at(list, 0)->aliases, "champion");
    CHECK(strstr(leat_registered_list_at(list, 0)->summary, "kind by gaussian_nb, accuracy 0.") !=
          NULL);
    leat_registered_list_destroy(list);
    REQUIRE_OK(leat_registry_lineage(r, &lines, "wood"));
    REQUIRE(leat_lineage_list_count(lines) == 1);
    CHECK(leat_lineage_list_at(lines, 0) && !leat_lineage_list_at(lines, 1));
    CHECK_STR(leat_lineage_list_at(lines, 0)->name, "");
    leat_lineage_list_destroy(lines);
    REQUIRE_OK(leat_registry_push(r, &list, NULL, data, NULL));
    leat_registered_list_destroy(list);
    REQUIRE_OK(leat_registry_lineage(r, &lines, "wood@1"));
    REQUIRE(leat_lineage_list_count(lines) == 1);
    CHECK_STR(leat_lineage_list_at(lines, 0)->name, "wood.csv");
    CHECK_STR(leat_lineage_list_at(lines, 0)->role, "training");
    leat_lineage_list_destroy(lines);
    REQUIRE_OK(leat_registry_lineage(r, &lines, "wood.csv"));
    REQUIRE(leat_lineage_list_count(lines) == 1);
    CHECK_STR(leat_lineage_list_at(lines, 0)->name, "wood");
    leat_lineage_list_destroy(lines);
    leat_push_options taken = leat_push_options_default();
    taken.name = "wood";
    CHECK_FAILS(leat_registry_push(r, &list, NULL, data, &taken), LEAT_INVALID,
                "the name of a model");
    taken.struct_size = 0;
    CHECK_FAILS(leat_registry_push(r, &list, NULL, data, &taken), LEAT_INVALID,
                "leat_push_options: struct_size is 0");
    REQUIRE_OK(leat_registry_open_model(r, "wood@champion", &model, &number));
    CHECK_STR(leat_model_target(model), "kind");
    CHECK_INT(number, 1);
    leat_model_release(model);
    CHECK_FAILS(leat_registry_open_model(r, "wood.csv", &model, NULL), LEAT_INVALID, "a data set");
    CHECK_OK(leat_registry_remove(r, "wood.csv", 1)); /* what the model says of its data stays */
    leat_registry_close(r);
}

static uint64_t count_files(leattest *t, leat_registry *r)
{
    leat_collected k = {0};
    CHECK_OK(leat_registry_collect(r, 0, true, &k));
    return k.kept + k.removed;
}

static void collecting(leattest *t)
{
    leat_registry *r = fresh(t);
    leat_collected k;
    const char *file = leattest_scratch("nine.csv");
    char token[LEATI_TOKEN], sha[65];
    REQUIRE(r);
    push(t, r, "x", "a\n1\n", NULL);
    push(t, r, "x", "a\n2\n", NULL);
    push(t, r, "y", "a\n1\n", NULL);
    CHECK_INT(count_files(t, r), 2);
    CHECK_OK(leat_registry_remove(r, "x", 1));
    CHECK_OK(leat_registry_collect(r, 86400, false, &k));
    CHECK(k.removed == 0 && k.kept == 2); /* y refers to it */
    CHECK_OK(leat_registry_remove(r, "y", 1));
    CHECK_OK(leat_registry_collect(r, 86400, true, &k));
    CHECK(k.removed == 1 && k.kept == 1);
    CHECK_OK(leat_registry_collect(r, 86400, false, &k));
    CHECK(k.removed == 1 && k.removed_bytes == 4 && k.pushes == 0);
    CHECK_INT(count_files(t, r), 1);
    /* A push between its announcement and its entry. */
    leati_sha256_hex("a\n9\n", 4, sha);
    REQUIRE_OK(leati_file_write(t->context, file, "a\n9\n", 4));
    REQUIRE_OK(leati_push_announce(r, sha, token));
    REQUIRE_OK(leati_objects_put(r, token, file, sha));
    CHECK_OK(leat_registry_collect(r, 86400, false, &k));
    CHECK(k.removed == 0 && k.kept == 2 && k.pushes == 1);
    CHECK_OK(leat_registry_collect(r, 0, false, &k));
    CHECK(k.removed == 1 && k.pushes == 0);
    REQUIRE_OK(leati_sql_begin(r->db));
    CHECK_FAILS(leati_push_settle(r, token), LEAT_IO, "gave it up");
    leati_sql_undo(r->db);
    CHECK_OK(leat_registry_verify(r, NULL, NULL, NULL));
    leat_registry_close(r);
}

typedef struct damages {
    int count;
    char what[256], message[1024];
} damages;

static void on_damage(void *user, const char *what, const char *message)
{
    damages *d = user;
    d->count++;
    snprintf(d->what, sizeof d->what, "%s", what);
    snprintf(d->message, sizeof d->message, "%s", message);
}

static void damage(leattest *t)
{
    leat_registry *r = fresh(t);
    damages d = {0};
    uint64_t files;
    char path[4096];
    const char *copy = leattest_scratch("copy.csv");
    REQUIRE(r);
    push(t, r, "x", "a\n1\n", NULL);
    push(t, r, "x", "a\n2\n", NULL);
    CHECK_OK(leat_registry_pull(r, "x@1", copy));
    CHECK_OK(leat_registry_verify(r, on_damage, &d, &files));
    CHECK(files == 2 && d.count == 0);
    REQUIRE_OK(leat_registry_path(r, "x@1", path, sizeof path));
    CHECK(chmod(path, 0644) == 0);
    REQUIRE_OK(leati_file_write(t->context, path, "a\n7\n", 4));
    unlink(copy);
    CHECK_FAILS(leat_registry_pull(r, "x@1", copy), LEAT_FORMAT, "x@1|is damaged");
    CHECK(!leati_path_exists(copy));
    CHECK_FAILS(leat_registry_verify(r, on_damage, &d, NULL), LEAT_DIFFERS, "1 place");
    CHECK_STR(d.what, "x@1");
    CHECK(strstr(d.message, "is damaged: its bytes hash to") != NULL);
    CHECK_INT(push(t, r, "x", "a\n1\n", NULL), 1); /* mends it */
    CHECK_OK(leat_registry_verify(r, on_damage, &d, NULL));
    unlink(path);
    d = (damages){0};
    CHECK_FAILS(leat_registry_verify(r, on_damage, &d, NULL), LEAT_DIFFERS, "1 place");
    CHECK(strstr(d.message, "missing in the store") != NULL);
    leat_registry_close(r);
}

/* The catalogue's own file, in which any byte may be wrong: errors, never a crash. */
static void damaged_catalogue(leattest *t)
{
    leat_registry *r = fresh(t);
    leati_bytes b;
    char path[4200];
    REQUIRE(r);
    for (int i = 0; i < 20; i++) {
        char text[16];
        snprintf(text, sizeof text, "a\n%d\n", i);
        push(t, r, "x", text, NULL);
    }
    leat_registry_options o = place();
    leat_registry_close(r);
    snprintf(path, sizeof path, "%s/registry.db", o.where);
    REQUIRE_OK(leati_file_read(t->context, &b, path));
    char *copy = malloc(b.size);
    size_t size = b.size;
    REQUIRE(copy);
    memcpy(copy, b.data, size);
    leati_bytes_release(&b);
    int seen = 0;
    for (size_t at = 0; at < size; at += 1999) {
        char was = copy[at];
        copy[at] = (char)(was ^ 0x5a);
        CHECK_OK(leati_file_write(t->context, path, copy, size));
        copy[at] = was;
        leat_status st = leat_registry_open(t->context, &r, &o);
        if (st == LEAT_OK) st = leat_registry_verify(r, NULL, NULL, NULL);
        seen += st != LEAT_OK;
        leat_registry_close(r);
        r = NULL;
        leat_error_clear(t->context);
    }
    CHECK(seen > 0);
    free(copy);
}

/* --- several at once -------------------------------------------------------------------------- */

static leat_context *child_context(void)
{
    leat_context *c = NULL;
    leat_context_options o = leat_context_options_default();
    o.threads = 1;
    if (leat_context_create(&c, &o) != LEAT_OK) _exit(9);
    return c;
}

/* Pushes 8 versions of its own; exit code 0 when all went well. */
static void child_pushes(leattest *t, int number)
{
    leat_context *c = child_context();
    leat_registry *r = again(t, c);
    char name[64], text[64];
    for (int i = 0; i < 8; i++) {
        leat_registered_list *list;
        leat_collected k;
        leat_push_options o = leat_push_options_default();
        snprintf(name, sizeof name, "by%d.csv", number);
        snprintf(text, sizeof text, "a\n%d\n", number * 100 + i);
        const char *path = leattest_scratch(name);
        o.name = "shared";
        if (leati_file_write(c, path, text, strlen(text)) != LEAT_OK ||
            leat_registry_push(r, &list, NULL, path, &o) != LEAT_OK ||
            leat_registry_collect(r, 86400, false, &k) != LEAT_OK) {
            printf("    child: %s\n", leat_error_message(c));
            fflush(stdout);
            _exit(1);
        }
        leat_registered_list_destroy(list);
    }
    leat_registry_close(r);
    _exit(0);
}

static void many_writers(leattest *t)
{
    enum { CHILDREN = 4 };
    leat_registry *r = fresh(t);
    leat_registered_list *list;
    pid_t child[CHILDREN];
    REQUIRE(r);
    leat_registry_close(r); /* no connection of the parent's in the children */
    fflush(stdout);
    for (int i = 0; i < CHILDREN; i++)
        if ((child[i] = fork()) == 0) child_pushes(t, i);
    for (int i = 0; i < CHILDREN; i++) {
        int status;
        CHECK(waitpid(child[i], &status, 0) == child[i] && WIFEXITED(status) &&
              WEXITSTATUS(status) == 0);
    }
    REQUIRE(r = again(t, t->context));
    REQUIRE_OK(leat_registry_list(r, &list, "shared"));
    CHECK_INT(leat_registered_list_count(list), CHILDREN * 8);
    for (size_t i = 0; i < leat_registered_list_count(list); i++)
        CHECK_INT(leat_registered_list_at(list, i)->version, i + 1);
    leat_registered_list_destroy(list);
    CHECK_OK(leat_registry_verify(r, NULL, NULL, NULL));
    leat_registry_close(r);
}

/* Moves the alias from 1 to its own number; exit code 1 when another was first. */
static void child_tags(leattest *t, int version)
{
    leat_context *c = child_context();
    leat_registry *r = again(t, c);
    leat_status st = leat_registry_tag(r, "m", "champion", version, 1, NULL);
    leat_registry_close(r);
    _exit(st == LEAT_OK ? 0 : st == LEAT_DIFFERS ? 1 : 2);
}

static void one_tag_wins(leattest *t)
{
    enum { CHILDREN = 6 };
    leat_registry *r = fresh(t);
    pid_t child[CHILDREN];
    int won = 0, lost = 0;
    REQUIRE(r);
    for (int i = 1; i <= CHILDREN + 1; i++) {
        char text[16];
        snprintf(text, sizeof text, "a\n%d\n", i);
        push(t, r, "m", text, NULL);
    }
    CHECK_OK(leat_registry_tag(r, "m", "champion", 1, LEAT_ALIAS_ABSENT, NULL));
    leat_registry_close(r);
    fflush(stdout);
    for (int i = 0; i < CHILDREN; i++)
        if ((child[i] = fork()) == 0) child_tags(t, i + 2);
    for (int i = 0; i < CHILDREN; i++) {
        int status;
        CHECK(waitpid(child[i], &status, 0) == child[i] && WIFEXITED(status));
        won += WEXITSTATUS(status) == 0;
        lost += WEXITSTATUS(status) == 1;
    }
    CHECK_INT(won, 1);
    CHECK_INT(lost, CHILDREN - 1);
}

/* --- a full disk ------------------------------------------------------------------------------ */

/* With files of at most `limit` bytes: the push must fail with IO and say that nothing changed. */
static void child_is_full(leattest *t, const char *path, rlim_t limit)
{
    leat_context *c = child_context();
    leat_registry *r = again(t, c);
    leat_registered_list *list = NULL;
    struct rlimit l = {limit, limit};
    signal(SIGXFSZ, SIG_IGN);
    if (setrlimit(RLIMIT_FSIZE, &l) != 0) _exit(9);
    leat_status st = leat_registry_push(r, &list, NULL, path, NULL);
    bool clear = strstr(leat_error_message(c), "nothing was") || st == LEAT_OK;
    leat_registry_close(r);
    if (st != LEAT_OK && !clear) printf("    %s\n", leat_error_message(c));
    fflush(stdout);
    _exit(st == LEAT_IO && clear ? 0 : st == LEAT_OK ? 3 : 1);
}

static void full_disk(leattest *t)
{
    static const rlim_t limits[] = {0, 1000, 40000, 100000};
    leat_registry *r = fresh(t);
    leat_registered_list *list;
    REQUIRE(r);
    push(t, r, "before", "a\n1\n", NULL);
    leat_registry_close(r);
    char *big = malloc(200001);
    REQUIRE(big);
    for (size_t i = 0; i < 200000; i++) big[i] = i % 4 == 3 ? '\n' : '7';
    big[200000] = '\0';
    const char *path = file_of(t, "big.csv", big);
    free(big);
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        int status;
        fflush(stdout);
        pid_t child = fork();
        if (child == 0) child_is_full(t, path, limits[i]);
        CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status));
        CHECK_INT(WEXITSTATUS(status), 0);
    }
    REQUIRE(r = again(t, t->context));
    CHECK_OK(leat_registry_verify(r, NULL, NULL, NULL));
    REQUIRE_OK(leat_registry_list(r, &list, NULL));
    CHECK_INT(leat_registered_list_count(list), 1);
    leat_registered_list_destroy(list);
    push(t, r, "after", "a\n2\n", NULL);
    leat_registry_close(r);
}

/* --- memory ----------------------------------------------------------------------------------- */

static leat_status use_all(leat_context *c, void *arg)
{
    leat_registry_options o = place();
    leat_registry *r = NULL;
    leat_registered_list *list = NULL, *found = NULL;
    leat_lineage_list *lines = NULL;
    leat_collected k;
    int64_t version = 0;
    leat_push_options p = leat_push_options_default();
    p.name = "m";
    p.alias = "champion";
    leat_status st = leat_registry_open(c, &r, &o);
    if (st == LEAT_OK) st = leat_registry_push(r, &list, NULL, arg, &p);
    if (st == LEAT_OK) st = leat_registry_find(r, &found, "m@champion");
    if (st == LEAT_OK) version = leat_registered_list_at(found, 0)->version;
    if (st == LEAT_OK) st = leat_registry_lineage(r, &lines, "m");
    if (st == LEAT_OK) st = leat_registry_pull(r, "m", leattest_scratch("pulled.csv"));
    if (st == LEAT_OK) st = leat_registry_tag(r, "m", "other", version, LEAT_ALIAS_ANY, NULL);
    if (st == LEAT_OK) st = leat_registry_tag(r, "m", "other", 0, version, NULL);
    if (st == LEAT_OK) st = leat_registry_tag(r, "m", "champion", 0, version, NULL);
    if (st == LEAT_OK) st = leat_registry_remove(r, "m", version);
    if (st == LEAT_OK) st = leat_registry_collect(r, 0, false, &k);
    if (st == LEAT_OK) st = leat_registry_verify(r, NULL, NULL, NULL);
    leat_registered_list_destroy(list);
    leat_registered_list_destroy(found);
    leat_lineage_list_destroy(lines);
    leat_registry_close(r);
    return st;
}

static void allocations(leattest *t)
{
    leat_registry *r = fresh(t);
    REQUIRE(r);
    leat_registry_close(r);
    char path[4096]; /* the scratch's own is used again and again */
    snprintf(path, sizeof path, "%s", file_of(t, "mem.csv", "a\n1\n"));
    leattest_fail_some_allocations(t, use_all, path);
    REQUIRE(r = again(t, t->context));
    CHECK_OK(leat_registry_verify(r, NULL, NULL, NULL));
    leat_registry_close(r);
}

/* --- runs ------------------------------------------------------------------------------------- */

typedef struct run_body {
    const leat_experiment *experiment;
    char file[4096];
} run_body;

static leat_status keep_run(leat_context *c, void *arg)
{
    const run_body *b = arg;
    const char *files[] = {b->file};
    leat_registry *r = NULL;
    leat_run_list *one = NULL, *all = NULL;
    int64_t number = 0;
    leat_registry_options o = place();
    leat_status st = leat_registry_open(c, &r, &o);
    if (st == LEAT_OK)
        st = leat_experiment_register(c, b->experiment, r, "leat fit", files, 1, &number);
    if (st == LEAT_OK) st = leat_registry_run(r, &one, number);
    if (st == LEAT_OK) st = leat_registry_runs(r, &all);
    if (st == LEAT_OK)
        st = leat_registry_pull_run(r, number, "note.txt", leattest_scratch("pulled.txt"));
    if (st == LEAT_OK) st = leat_registry_remove_run(r, number);
    leat_run_list_destroy(one);
    leat_run_list_destroy(all);
    leat_registry_close(r);
    return st;
}

static void runs(leattest *t)
{
    leat_registry *r = fresh(t);
    leat_experiment_options o = leat_experiment_options_default();
    leat_frame *f = leattest_table(t->context, 60, 1);
    leat_experiment *e = NULL;
    leat_run_list *list;
    leat_collected k;
    run_body body;
    int64_t number;
    o.target = "kind";
    o.models = "svc";
    o.name = "wood";
    o.cv = "stratified:4";
    o.quick = true;
    REQUIRE(r && f);
    REQUIRE_OK(leat_experiment_run(t->context, &e, f, NULL, &o));
    snprintf(body.file, sizeof body.file, "%s", file_of(t, "note.txt", "hello\n"));
    body.experiment = e;
    const char *files[] = {body.file};
    for (int i = 1; i <= 2; i++) {
        REQUIRE_OK(leat_experiment_register(t->context, e, r, "leat fit", files, 1, &number));
        CHECK_INT(number, i);
    }
    REQUIRE_OK(leat_registry_run(r, &list, 1));
    const leat_run_record *run = leat_run_list_at(list, 0);
    CHECK_STR(run->name, "wood");
    CHECK_STR(run->target, "kind");
    CHECK_STR(run->task, "classification");
    CHECK(strlen(run->table) == 64 && run->seconds > 0 && run->created > 1700000000);
    CHECK_STR(run->metrics[0].key, "accuracy");
    CHECK(run->metrics[0].low < run->metrics[0].value && run->metric_count > 4);
    leat_leaderboard_row best = leat_experiment_row(e, 0);
    CHECK(run->metrics[0].value == best.mean && run->metrics[0].high == best.high);
    CHECK_INT(run->file_count, 1);
    CHECK_STR(run->files[0].name, "note.txt");
    CHECK_INT(run->files[0].bytes, 6);
    int found = 0;
    for (size_t i = 0; i < run->param_count; i++) {
        const char *key = run->params[i].key, *value = run->params[i].value;
        found += strcmp(key, "estimator") == 0 && strcmp(value, best.estimator) == 0;
        found += strcmp(key, "cv") == 0 && strcmp(value, "stratified:4") == 0;
        found += strcmp(key, "seed") == 0 && strcmp(value, "1") == 0;
        found += strcmp(key, "svc.C") == 0 && strcmp(value, "1") == 0;
    }
    CHECK_INT(found, 4);
    double sum = 0;
    for (size_t i = 0; i < run->fold_count; i++) sum += run->folds[i];
    CHECK_INT(run->fold_count, 4);
    CHECK_NEAR(sum / 4, best.mean, 0, 1e-15);
    CHECK_NEAR(run->test_ratio, 1.0 / 3, 0, 1e-15);
    CHECK_INT(strlen(run->folds_sha256), 64);
    leat_run_list_destroy(list);
    REQUIRE_OK(leat_registry_runs(r, &list));
    CHECK_INT(leat_run_list_count(list), 2);
    CHECK(leat_run_list_at(list, 1) && !leat_run_list_at(list, 2));
    CHECK_INT(leat_run_list_at(list, 0)->run, 2);
    CHECK(leat_run_list_at(list, 1)->metric_count == 1 &&
          leat_run_list_at(list, 1)->metrics[0].value == best.mean);
    leat_run_list_destroy(list);
    CHECK_FAILS(leat_registry_run(r, &list, 3), LEAT_NOT_FOUND, "no run 3");
    CHECK_FAILS(leat_registry_pull_run(r, 1, "else", body.file), LEAT_NOT_FOUND, "no file 'else'");
    CHECK_OK(leat_registry_remove_run(r, 1));
    CHECK_OK(leat_registry_collect(r, 0, false, &k));
    CHECK(k.kept == 1 && k.removed == 0); /* the other run has the file */
    CHECK_OK(leat_registry_remove_run(r, 2));
    CHECK_OK(leat_registry_collect(r, 0, false, &k));
    CHECK(k.kept == 0 && k.removed == 1);
    files[0] = "/nowhere/at/all";
    CHECK_FAILS(leat_experiment_register(t->context, e, r, "", files, 1, &number), LEAT_NOT_FOUND,
                "no file");
    CHECK_OK(leat_registry_runs(r, &list));
    CHECK_INT(leat_run_list_count(list), 0);
    leat_run_list_destroy(list);
    CHECK_OK(leat_registry_verify(r, NULL, NULL, NULL));
    leat_registry_close(r);
    leattest_fail_some_allocations(t, keep_run, &body);
    leat_experiment_destroy(e);
    leat_frame_release(f);
}

/* The experiment with these models, kept as a run; the caller destroys it. */
static leat_experiment *keep(leattest *t, leat_registry *r, leat_frame *f, const char *models,
                             const char *cv, int64_t *number)
{
    leat_experiment_options o = leat_experiment_options_default();
    leat_experiment *e = NULL;
    o.target = "kind";
    o.models = models;
    o.cv = cv;
    o.quick = true;
    if (CHECK_OK(leat_experiment_run(t->context, &e, f, NULL, &o)))
        CHECK_OK(leat_experiment_register(t->context, e, r, "leat fit", NULL, 0, number));
    return e;
}

static leat_status compare_them(leat_context *c, void *arg)
{
    leat_comparison *k = NULL;
    leat_status st = leat_compare_runs(c, &k, arg, 3);
    leat_comparison_destroy(k);
    return st;
}

/* Runs of single models say by their folds what the leaderboard of both says. */
static void paired(leattest *t)
{
    enum { RUNS = 4 };
    static const char *const models[RUNS] = {"knn,cart", "knn", "cart", "knn"};
    static const char *const cv[RUNS] = {"repeated:4x2", "repeated:4x2", "repeated:4x2",
                                         "stratified:4"};
    leat_registry *r = fresh(t);
    leat_frame *f = leattest_table(t->context, 90, 1);
    leat_experiment *e[RUNS] = {NULL};
    leat_run_list *list[RUNS] = {NULL};
    const leat_run_record *run[RUNS];
    leat_comparison *k;
    int64_t number;
    REQUIRE(r && f);
    for (int i = 0; i < RUNS; i++) {
        e[i] = keep(t, r, f, models[i], cv[i], &number);
        REQUIRE_OK(leat_registry_run(r, &list[i], number));
        run[i] = leat_run_list_at(list[i], 0);
    }
    REQUIRE_OK(leat_compare_runs(t->context, &k, run + 1, 3));
    REQUIRE(leat_comparison_pairs(k) == 1); /* the last has other folds */
    leat_pair pair = leat_comparison_pair(k, 0);
    CHECK(pair.first == 0 && pair.second == 1);
    CHECK_STR(pair.method, "corrected resampled t");
    CHECK_NEAR(pair.difference, run[1]->metrics[0].value - run[2]->metrics[0].value, 0, 1e-12);
    CHECK(pair.difference != 0 && pair.low < pair.difference && pair.difference < pair.high);
    CHECK_NEAR(pair.p, e[0]->p_next, 0, 1e-12);
    CHECK(pair.p_adjusted == pair.p && pair.real == (pair.p < 0.05));
    CHECK(pair.first_is_better == (pair.difference > 0));
    leat_comparison_destroy(k);
    /* A run with itself: no difference, for certain. Adjusted for three pairs. */
    const leat_run_record *same[] = {run[1], run[1], run[2]};
    REQUIRE_OK(leat_compare_runs(t->context, &k, same, 3));
    CHECK_INT(leat_comparison_pairs(k), 3);
    CHECK(leat_comparison_pair(k, 0).p == 1 && !leat_comparison_pair(k, 0).real);
    CHECK_NEAR(leat_comparison_pair(k, 1).p_adjusted, fmin(3 * pair.p, 1), 0, 1e-12);
    leat_comparison_destroy(k);
    leattest_fail_allocations(t, compare_them, same);
    REQUIRE_OK(leat_compare_runs(t->context, &k, run + 2, 2));
    CHECK_INT(leat_comparison_pairs(k), 0);
    leat_comparison_destroy(k);
    CHECK_FAILS(leat_compare_runs(t->context, &k, run, 1), LEAT_INVALID, "from 2 to 100 runs");
    for (int i = 0; i < RUNS; i++) {
        leat_run_list_destroy(list[i]);
        leat_experiment_destroy(e[i]);
    }
    leat_frame_release(f);
    leat_registry_close(r);
}

/* Tables of format 1, from before the folds of runs were kept, are brought up when they are opened,
 * by whoever is first. */
static void old_format(leattest *t)
{
    static const char *const back[] = {
        "DROP TABLE leat_run_fold", "ALTER TABLE leat_run DROP COLUMN folds_sha256",
        "ALTER TABLE leat_run DROP COLUMN test_ratio",
        "UPDATE leat_format SET format = 1 WHERE part = 'registry'",
        "INSERT INTO leat_run (run, created, name, data, table_sha256, task, target, command) "
        "VALUES (7, 1, 'old', 'a.csv', '', 'regression', 'a', '')"};
    leat_registry *r = fresh(t);
    leat_run_list *list;
    REQUIRE(r);
    CHECK_INT(push(t, r, "own", "a,b\n1,2\n", NULL), 1);
    for (size_t i = 0; i < sizeof back / sizeof *back; i++)
        REQUIRE_OK(leati_sql_run(r->db, back[i], LEATI_SQL_NONE, NULL));
    leat_registry_close(r);
    leat_registry_options o = place();
    o.make = false;
    REQUIRE_OK(leat_registry_open(t->context, &r, &o));
    REQUIRE_OK(leat_registry_run(r, &list, 7));
    const leat_run_record *run = leat_run_list_at(list, 0);
    CHECK_STR(run->name, "old");
    CHECK_STR(run->folds_sha256, "");
    CHECK(run->fold_count == 0 && isnan(run->test_ratio));
    leat_run_list_destroy(list);
    CHECK_INT(push(t, r, "own", "a,b\n1,3\n", NULL), 2);
    CHECK_OK(leati_sql_run(r->db, "UPDATE leat_format SET format = 99", LEATI_SQL_NONE, NULL));
    leat_registry_close(r);
    CHECK_FAILS(leat_registry_open(t->context, &r, &o), LEAT_UNSUPPORTED, "use a newer Leat");
}

static void refusals(leattest *t)
{
    leat_registry *r;
    leat_registered_list *list;
    leat_registry_options o = leat_registry_options_default();
    o.where = leattest_scratch("nowhere");
    CHECK_FAILS(leat_registry_open(t->context, &r, &o), LEAT_NOT_FOUND,
                "there is no registry in|leat registry push");
    CHECK(!leati_path_exists(o.where));
    REQUIRE(r = fresh(t));
    CHECK_FAILS(leat_registry_push(r, &list, NULL, leattest_scratch("absent.csv"), NULL),
                LEAT_NOT_FOUND, "there is no file");
    CHECK_FAILS(leat_registry_push(r, &list, NULL, file_of(t, "no.leat", "PK"), NULL), LEAT_FORMAT,
                "is not a Leat model");
    CHECK_FAILS(leat_registry_push(r, &list, NULL, file_of(t, "m.onnx", "x"), NULL), LEAT_INVALID,
                "leat import");
    CHECK_FAILS(leat_registry_push(r, &list, NULL, file_of(t, "my data.csv", "a\n1\n"), NULL),
                LEAT_INVALID, "--name");
    CHECK_FAILS(leat_registry_push(r, &list, NULL, "/tmp", NULL), LEAT_INVALID, "is a folder");
    CHECK_INT(count_files(t, r), 0);
    leat_registry_close(r);
}

/* The same tests once more, with the catalogue on a server. */
static void on_postgres(leattest *t)
{
    leattest_postgres *p = leattest_postgres_start(t);
    if (!p) return;
    server = leattest_postgres_address(p);
    versions(t);
    aliases(t);
    lineage(t);
    collecting(t);
    damage(t);
    many_writers(t);
    one_tag_wins(t);
    runs(t);
    paired(t);
    old_format(t);
    allocations(t);
    server = NULL;
    leattest_postgres_stop(p);
}

static const leattest_case cases[] = {
    TEST(versions),     TEST(names),      TEST(aliases),           TEST(lineage),
    TEST(collecting),   TEST(damage),     TEST(damaged_catalogue), TEST(many_writers),
    TEST(one_tag_wins), TEST(full_disk),  TEST(allocations),       TEST(runs),
    TEST(paired),       TEST(old_format), TEST(refusals),          TEST(on_postgres),
};
LEATTEST_MAIN(cases)
