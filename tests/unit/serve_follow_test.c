/* Aliases of the registry while their models are served: under load, without the registry, with
 * versions that cannot be served. */
#include <leat/data.h>
#include <leat/registry.h>
#include <leat/serve.h>

#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <time.h>

#include "support/fitted.h"
#include "support/leattest.h"
#include "support/postgres.h"
#include "support/serve_client.h"

enum { POLL_MS = 20, PATIENCE = 3000 }; /* of 10 ms */

#define INFER "/v2/models/cars/infer"
#define BODY                                                                                       \
    "{\"inputs\":[{\"name\":\"x\",\"shape\":[1,4],\"datatype\":\"FP64\",\"data\":[5.1,3.5,1.4,"    \
    "0.2]}]}"

/* What the server said, by the beginning of the line. */
typedef struct heard {
    atomic_uint moved, lost, found, refused;
} heard;

static void hear(void *user, const char *line)
{
    heard *h = user;
    if (strstr(line, " now")) atomic_fetch_add(&h->moved, 1);
    else if (strstr(line, "does not answer")) atomic_fetch_add(&h->lost, 1);
    else if (strstr(line, "answers again")) atomic_fetch_add(&h->found, 1);
    else if (strstr(line, "cannot be served")) atomic_fetch_add(&h->refused, 1);
}

static void pause_ms(long ms)
{
    struct timespec t = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&t, NULL);
}

static bool wait_for(atomic_uint *n, unsigned least)
{
    for (int i = 0; i < PATIENCE && atomic_load(n) < least; i++) pause_ms(10);
    return atomic_load(n) >= least;
}

/* Two models as versions 1 and 2 of "cars"; champion at 1. */
static leat_registry *make_registry(leattest *t, const char *where, const char *folder)
{
    leat_context *c = t->context;
    static const char *const estimators[] = {"lda", "cart"};
    leat_registry_options o = leat_registry_options_default();
    leat_registry *r;
    leat_frame *iris = NULL;
    o.where = where;
    o.folder = folder;
    o.make = true;
    if (!CHECK_OK(leat_registry_open(c, &r, &o))) return NULL;
    bool ok = CHECK_OK(leat_data_load(c, &iris, "iris", NULL));
    for (int i = 0; ok && i < 2; i++) {
        leat_push_options push = leat_push_options_default();
        leat_registered_list *list;
        leat_model *m = leattest_model(c, iris, "species", NULL, estimators[i], NULL, "auto");
        const char *path = leattest_scratch("pushed.leat");
        push.name = "cars";
        ok = CHECK(m) && CHECK_OK(leat_model_save(c, m, path)) &&
             CHECK_OK(leat_registry_push(r, &list, NULL, path, &push));
        if (ok) leat_registered_list_destroy(list);
        leat_model_release(m);
    }
    leat_frame_release(iris);
    if (ok && CHECK_OK(leat_registry_tag(r, "cars", "champion", 1, LEAT_ALIAS_ANY, NULL))) return r;
    leat_registry_close(r);
    return NULL;
}

static bool start(leattest *t, const char *where, heard *h, const char *const *models, size_t count,
                  leat_server **out)
{
    leat_serve_options o = leat_serve_options_default();
    o.listen = "127.0.0.1:0";
    o.models = models;
    o.model_count = count;
    o.workers = 2;
    o.registry = where;
    o.follow_ms = POLL_MS;
    o.say = hear;
    o.say_user = h;
    return CHECK_OK(leat_server_start(t->context, &o, out));
}

typedef struct caller {
    const char *url;
    atomic_bool *stop;
    atomic_uint *asked, *failed;
} caller;

static void *call_all_the_time(void *arg)
{
    caller *w = arg;
    serve_client k;
    if (!serve_client_open(&k, w->url)) atomic_fetch_add(w->failed, 1);
    while (!atomic_load(w->stop)) {
        bool ok = serve_client_ask(&k, "POST", INFER, "", BODY, sizeof BODY - 1) &&
                  k.status == 200 && strstr(k.body, "setosa");
        atomic_fetch_add(ok ? w->asked : w->failed, 1);
        if (!ok) break;
    }
    serve_client_close(&k);
    return NULL;
}

static bool answers_with(leattest *t, serve_client *k, int version)
{
    char word[40];
    snprintf(word, sizeof word, "\"model_version\":\"%d\"", version);
    return CHECK(serve_client_ask(k, "POST", INFER, "", BODY, sizeof BODY - 1)) &&
           CHECK_INT(k->status, 200) && CHECK(strstr(k->body, word));
}

/* The alias walks to and fro under load; nothing fails. */
static void walk(leattest *t, leat_registry *r, const char *where, heard *h, leat_server **server)
{
    enum { CALLERS = 3, MOVES = 6 };
    static const char *const models[] = {"cars@champion"};
    serve_client k;
    atomic_bool stop = false;
    atomic_uint asked = 0, failed = 0;
    pthread_t threads[CALLERS];
    if (!start(t, where, h, models, 1, server)) return;
    caller w = {leat_server_url(*server), &stop, &asked, &failed};
    for (int i = 0; i < CALLERS; i++)
        CHECK(pthread_create(&threads[i], NULL, call_all_the_time, &w) == 0);
    CHECK(serve_client_open(&k, leat_server_url(*server)));
    CHECK(answers_with(t, &k, 1));
    for (int i = 0; i < MOVES; i++) {
        int version = i % 2 ? 1 : 2;
        CHECK_OK(leat_registry_tag(r, "cars", "champion", version, LEAT_ALIAS_ANY, NULL));
        if (!CHECK(wait_for(&h->moved, (unsigned)i + 1))) break;
        CHECK(answers_with(t, &k, version));
        /* What the alias left is gone. */
        CHECK(serve_client_ask(
            &k, "GET", version == 1 ? "/v2/models/cars/versions/2" : "/v2/models/cars/versions/1",
            "", "", 0));
        CHECK_INT(k.status, 404);
    }
    atomic_store(&stop, true);
    for (int i = 0; i < CALLERS; i++) pthread_join(threads[i], NULL);
    CHECK(atomic_load(&asked) > 0);
    CHECK_INT(atomic_load(&failed), 0);
    serve_client_close(&k);
}

static void folder(leattest *t)
{
    char where[512], model[600];
    heard h = {0};
    leat_server *server = NULL;
    serve_client k;
    snprintf(where, sizeof where, "%s", leattest_scratch("registry"));
    leat_registry *r = make_registry(t, where, NULL);
    REQUIRE(r);
    walk(t, r, where, &h, &server);
    REQUIRE(server);
    REQUIRE(serve_client_open(&k, leat_server_url(server)));
    /* A version that is damaged is said once and changes nothing; it is tried again. */
    CHECK_OK(leat_registry_path(r, "cars@2", model, sizeof model));
    char data[64] = "no model", before[sizeof data];
    chmod(model, 0644);
    FILE *f = fopen(model, "r+b");
    if (CHECK(f && fread(before, 1, sizeof before, f) == sizeof before)) {
        rewind(f);
        fwrite(data, 1, sizeof data, f);
        fclose(f);
    }
    CHECK_OK(leat_registry_tag(r, "cars", "champion", 2, LEAT_ALIAS_ANY, NULL));
    CHECK(wait_for(&h.refused, 1));
    CHECK(answers_with(t, &k, 1));
    pause_ms(5 * POLL_MS);
    CHECK_INT(atomic_load(&h.refused), 1);
    unsigned moved = atomic_load(&h.moved);
    f = fopen(model, "r+b");
    if (CHECK(f)) {
        fwrite(before, 1, sizeof before, f);
        fclose(f);
    }
    CHECK(wait_for(&h.moved, moved + 1));
    CHECK(answers_with(t, &k, 2));
    CHECK_INT(atomic_load(&h.refused), 1);
    CHECK_INT(atomic_load(&h.lost), 0);
    serve_client_close(&k);
    leat_server_destroy(server);
    leat_registry_close(r);
}

/* Two aliases, one version that both leave one after the other; the champion answers whatever the
 * numbers are. */
static void two_aliases(leattest *t)
{
    static const char *const models[] = {"cars@champion", "cars@challenger"};
    char where[512];
    heard h = {0};
    leat_server *server;
    serve_client k;
    snprintf(where, sizeof where, "%s", leattest_scratch("registry2"));
    leat_registry *r = make_registry(t, where, NULL);
    REQUIRE(r);
    CHECK_OK(leat_registry_tag(r, "cars", "challenger", 1, LEAT_ALIAS_ANY, NULL));
    if (!start(t, where, &h, models, 2, &server)) return;
    REQUIRE(serve_client_open(&k, leat_server_url(server)));
    CHECK_OK(leat_registry_tag(r, "cars", "challenger", 2, LEAT_ALIAS_ANY, NULL));
    CHECK(wait_for(&h.moved, 1));
    CHECK(answers_with(t, &k, 1));
    CHECK(serve_client_ask(&k, "GET", "/v2/models/cars", "", "", 0));
    CHECK(strstr(k.body, "\"versions\":[\"1\",\"2\"]"));
    /* Loading anew keeps who is preferred. */
    CHECK(serve_client_ask(&k, "POST", "/v2/repository/models/cars/load", "", "", 0));
    CHECK_INT(k.status, 200);
    CHECK(answers_with(t, &k, 1));
    CHECK_OK(leat_registry_tag(r, "cars", "champion", 2, LEAT_ALIAS_ANY, NULL));
    CHECK(wait_for(&h.moved, 2));
    CHECK(answers_with(t, &k, 2));
    CHECK(serve_client_ask(&k, "GET", "/v2/models/cars", "", "", 0));
    CHECK(strstr(k.body, "\"versions\":[\"2\"]"));
    serve_client_close(&k);
    leat_server_destroy(server);
    leat_registry_close(r);
}

/* A database that dies takes nothing away, is said once, and is followed again when it is back. */
static void database(leattest *t)
{
    static const char *const models[] = {"cars@champion"};
    char objects[512];
    heard h = {0};
    leat_server *server;
    serve_client k;
    leattest_postgres *p = leattest_postgres_start(t);
    if (!p) return;
    snprintf(objects, sizeof objects, "%s", leattest_scratch("objects"));
    const char *where = leattest_postgres_address(p);
    leat_registry *r = make_registry(t, where, objects);
    if (r && start(t, where, &h, models, 1, &server)) {
        CHECK(serve_client_open(&k, leat_server_url(server)));
        CHECK_OK(leat_registry_tag(r, "cars", "champion", 2, LEAT_ALIAS_ANY, NULL));
        CHECK(wait_for(&h.moved, 1));
        CHECK(answers_with(t, &k, 2));
        leat_registry_close(r);
        leattest_postgres_kill(p);
        CHECK(wait_for(&h.lost, 1));
        for (int i = 0; i < 50; i++) {
            if (!answers_with(t, &k, 2)) break;
            pause_ms(2);
        }
        CHECK_INT(atomic_load(&h.lost), 1);
        CHECK(leattest_postgres_revive(p));
        CHECK(wait_for(&h.found, 1));
        leat_registry_options o = leat_registry_options_default();
        o.where = where;
        if (CHECK_OK(leat_registry_open(t->context, &r, &o))) {
            CHECK_OK(leat_registry_tag(r, "cars", "champion", 1, LEAT_ALIAS_ANY, NULL));
            CHECK(wait_for(&h.moved, 2));
            CHECK(answers_with(t, &k, 1));
            leat_registry_close(r);
        }
        serve_client_close(&k);
        leat_server_destroy(server);
    }
    leattest_postgres_stop(p);
}

static void wrong_names(leattest *t)
{
    static const char *const wrong[] = {"cars@nobody", "boats@champion"};
    char where[512];
    leat_server *server;
    snprintf(where, sizeof where, "%s", leattest_scratch("registry3"));
    leat_registry *r = make_registry(t, where, NULL);
    REQUIRE(r);
    leat_registry_close(r);
    for (int i = 0; i < 2; i++) {
        leat_serve_options o = leat_serve_options_default();
        o.models = &wrong[i];
        o.model_count = 1;
        o.listen = "127.0.0.1:0";
        o.registry = where;
        CHECK(leat_server_start(t->context, &o, &server) == LEAT_NOT_FOUND);
        leat_error_clear(t->context);
    }
}

static const leattest_case cases[] = {TEST(folder), TEST(two_aliases), TEST(database),
                                      TEST(wrong_names)};
LEATTEST_MAIN(cases)
