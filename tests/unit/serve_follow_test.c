/* Aliases of the registry while their models are served: under load, without the registry, with
 * versions that cannot be served. */
#include <leat/registry.h>
#include <leat/serve.h>

#include <stdatomic.h>
#include <sys/stat.h>
#include <time.h>

#include "support/leattest.h"
#include "support/postgres.h"
#include "support/registered.h"
#include "support/serve_client.h"
#include "support/serve_crowd.h"

enum { POLL_MS = 20, PATIENCE = 3000 }; /* of 10 ms */

#define INFER "/v2/models/cars/infer"
#define BODY                                                                                       \
    "{\"inputs\":[{\"name\":\"x\",\"shape\":[1,4],\"datatype\":\"FP64\",\"data\":[5.1,3.5,1.4,"    \
    "0.2]}]}"

/* What the server said, by the beginning of the line. */
typedef struct heard {
    atomic_uint moved, lost, found, refused;
    uint32_t poll_ms; /* 0: POLL_MS */
    /* Before the server looks again where an alias stands that a rollout has just moved. */
    void (*ended)(void *user);
    void *user;
} heard;

static void hear(void *user, const char *line)
{
    heard *h = user;
    if (h->ended && strstr(line, "as the rollout has ended")) h->ended(h->user);
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
    static const char *const estimators[] = {"lda", "cart"};
    leat_registry *r = leattest_registry(t, where, folder);
    if (r && leattest_push_iris(t, r, "cars", estimators, 2) &&
        CHECK_OK(leat_registry_tag(r, "cars", "champion", 1, LEAT_ALIAS_ANY, NULL)))
        return r;
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
    o.follow_ms = h->poll_ms ? h->poll_ms : POLL_MS;
    o.say = hear;
    o.say_user = h;
    return CHECK_OK(leat_server_start(t->context, &o, out));
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
    serve_crowd crowd;
    if (!start(t, where, h, models, 1, server)) return;
    serve_question question = {.url = leat_server_url(*server),
                               .path = INFER,
                               .body = BODY,
                               .length = sizeof BODY - 1,
                               .holds = "setosa"};
    serve_crowd_gather(t, &crowd, &question, CALLERS);
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
    serve_crowd_disperse(&crowd);
    CHECK(atomic_load(&crowd.good) > 0);
    CHECK_INT(atomic_load(&crowd.good), atomic_load(&crowd.asked));
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

/* ---- rollouts ----------------------------------------------------------------------------------
 */

#define ROLLOUT "/api/v1/cars/rollout"

static bool change(leattest *t, serve_client *k, const char *method, const char *body, int status)
{
    if (!CHECK(serve_client_ask(k, method, ROLLOUT, "Content-Type: application/json\r\n", body,
                                strlen(body))))
        return false;
    if (CHECK_INT(k->status, status)) return true;
    printf("  %s: %.300s\n", body, k->body);
    return false;
}

/* Until how the rollout stands holds the words. */
static bool becomes(leattest *t, serve_client *k, const char *path, const char *words)
{
    for (int i = 0; i < PATIENCE; i++) {
        if (!CHECK(serve_client_ask(k, "GET", path, "", "", 0))) return false;
        if (strstr(k->body, words)) return true;
        pause_ms(10);
    }
    printf("  no %s: %.600s\n", words, k->body);
    return false;
}

static bool comes_to(leattest *t, serve_client *k, const char *words)
{
    return becomes(t, k, ROLLOUT, words);
}

static bool loaded_are(leattest *t, serve_client *k, const char *words)
{
    return becomes(t, k, "/v2/models/cars", words);
}

/* A database that dies takes nothing away, is said once, and is followed again when it is back. */
static void database(leattest *t)
{
    static const char *const models[] = {"cars@champion", "cars@1"};
    char objects[512];
    heard h = {0};
    leat_server *server;
    serve_client k;
    leattest_postgres *p = leattest_postgres_start(t);
    if (!p) return;
    snprintf(objects, sizeof objects, "%s", leattest_scratch("objects"));
    const char *where = leattest_postgres_address(p);
    leat_registry *r = make_registry(t, where, objects);
    if (r && start(t, where, &h, models, 2, &server)) {
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
        /* An alias that is to follow a rollout waits for the registry. */
        change(t, &k, "PUT", "{\"mode\":\"switch\",\"to\":1}", 200);
        CHECK(strstr(k.body, "\"alias\":{\"name\":\"champion\",\"state\":\"waits\""));
        CHECK(answers_with(t, &k, 1));
        CHECK(leattest_postgres_revive(p));
        CHECK(wait_for(&h.found, 1));
        CHECK(comes_to(t, &k, "\"state\":\"moved\""));
        leat_registry_options o = leat_registry_options_default();
        o.where = where;
        if (CHECK_OK(leat_registry_open(t->context, &r, &o))) {
            CHECK_INT(leattest_alias(t, r, "cars@champion"), 1);
            CHECK(wait_for(&h.moved, 2));
            CHECK(answers_with(t, &k, 1));
            leat_registry_close(r);
        }
        serve_client_close(&k);
        leat_server_destroy(server);
    }
    leattest_postgres_stop(p);
}

/* What a rollout comes to, an alias follows, of a version that was fetched for it, too; and back.
 */
static void alias_follows(leattest *t, leat_registry *r, serve_client *k)
{
    change(t, k, "PUT", "{\"mode\":\"switch\",\"to\":3}", 404); /* nobody has it */
    change(t, k, "PUT", "{\"to\":2,\"steps\":[50],\"hold\":1000}", 200);
    CHECK(comes_to(t, k, "\"state\":\"stays\""));
    CHECK_INT(leattest_alias(t, r, "cars@champion"), 1);
    change(t, k, "POST", "{\"action\":\"promote\"}", 200);
    CHECK(comes_to(t, k, "\"alias\":{\"name\":\"champion\",\"state\":\"moved\""));
    CHECK_INT(leattest_alias(t, r, "cars@champion"), 2);
    CHECK(answers_with(t, k, 2));
    change(t, k, "PUT", "{\"mode\":\"switch\"}", 200); /* it is still there */
    CHECK(comes_to(t, k, "\"state\":\"moved\""));
    CHECK_INT(leattest_alias(t, r, "cars@champion"), 1);
    CHECK(answers_with(t, k, 1));
}

/* Taking back moves nothing, nor does one that is to move none. */
static void alias_stays(leattest *t, leat_registry *r, serve_client *k)
{
    change(t, k, "PUT", "{\"to\":2,\"steps\":[50],\"hold\":1000}", 200);
    change(t, k, "POST", "{\"action\":\"abort\"}", 200);
    CHECK(strstr(k->body, "\"state\":\"stays\""));
    change(t, k, "PUT", "{\"mode\":\"switch\",\"to\":2,\"alias\":\"none\"}", 200);
    CHECK(!strstr(k->body, "\"state\""));
    change(t, k, "PUT", "{\"mode\":\"switch\",\"to\":1,\"alias\":\"no name\"}", 422);
    pause_ms(10 * POLL_MS);
    CHECK_INT(leattest_alias(t, r, "cars@champion"), 1);
    change(t, k, "PUT", "{\"mode\":\"switch\",\"alias\":\"none\"}", 200);
    CHECK(answers_with(t, k, 1));
}

/* Who has moved it meanwhile is right, and it is told once. */
static void alias_is_lost(leattest *t, leat_registry *r, serve_client *k)
{
    change(t, k, "PUT", "{\"to\":2,\"steps\":[50],\"hold\":1000,\"alias\":\"best\"}", 200);
    CHECK_OK(leat_registry_tag(r, "cars", "best", 3, LEAT_ALIAS_ANY, NULL));
    change(t, k, "POST", "{\"action\":\"finish\"}", 200);
    CHECK(comes_to(t, k, "\"state\":\"lost\",\"from\":1,\"found\":3"));
    CHECK(strstr(k->body, "best was not moved to version 2: cars@best stands at version 3"));
    pause_ms(10 * POLL_MS);
    CHECK_INT(leattest_alias(t, r, "cars@best"), 3);
    CHECK_INT(leattest_alias(t, r, "cars@champion"), 1);
    CHECK(answers_with(t, k, 2));
    change(t, k, "PUT", "{\"mode\":\"switch\",\"alias\":\"absent\"}", 200);
    CHECK(comes_to(t, k, "\"state\":\"lost\",\"from\":2,\"found\":0"));
    CHECK_INT(leattest_alias(t, r, "cars@absent"), 0);
}

static void rollouts(leattest *t)
{
    static const char *const models[] = {"cars@champion"}, *const third[] = {"qda"};
    char where[512];
    heard h = {0};
    leat_server *server;
    serve_client k;
    snprintf(where, sizeof where, "%s", leattest_scratch("registry4"));
    leat_registry *r = make_registry(t, where, NULL);
    REQUIRE(r);
    if (start(t, where, &h, models, 1, &server)) {
        CHECK(serve_client_open(&k, leat_server_url(server)));
        alias_follows(t, r, &k);
        alias_stays(t, r, &k);
        CHECK(leattest_push_iris(t, r, "cars", third, 1));
        alias_is_lost(t, r, &k);
        /* A version that nothing needs any more goes; the one to switch back to stays. */
        change(t, &k, "PUT", "{\"mode\":\"switch\",\"to\":3}", 200);
        CHECK(comes_to(t, &k, "\"state\":\"moved\""));
        CHECK_INT(leattest_alias(t, r, "cars@champion"), 3);
        CHECK(loaded_are(t, &k, "\"versions\":[\"1\",\"3\"]"));
        CHECK(answers_with(t, &k, 3));
        /* Moved by hand, the alias decides. */
        CHECK_OK(leat_registry_tag(r, "cars", "champion", 2, LEAT_ALIAS_ANY, NULL));
        CHECK(loaded_are(t, &k, "\"versions\":[\"2\"]"));
        CHECK(answers_with(t, &k, 2));
        serve_client_close(&k);
        leat_server_destroy(server);
    }
    /* Without an alias that is followed none can be moved. */
    static const char *const fixed[] = {"cars@1", "cars@2"};
    if (start(t, where, &h, fixed, 2, &server)) {
        CHECK(serve_client_open(&k, leat_server_url(server)));
        change(t, &k, "PUT", "{\"mode\":\"switch\",\"to\":1,\"alias\":\"champion\"}", 422);
        CHECK(strstr(k.body, "no_registry"));
        change(t, &k, "PUT", "{\"mode\":\"switch\",\"to\":1}", 200);
        CHECK(!strstr(k.body, "\"state\""));
        serve_client_close(&k);
        leat_server_destroy(server);
    }
    leat_registry_close(r);
}

/* ---- between two looks ------------------------------------------------------------------------
 */

typedef struct between {
    const char *where, *url;
    const char *body; /* of a rollout that is asked for; NULL: the alias is moved by hand */
    int version;
    bool begun; /* of the thread that follows */
    atomic_bool done;
} between;

static bool ask_between(const between *b)
{
    serve_client k;
    if (!serve_client_open(&k, b->url)) return false;
    bool done = serve_client_ask(&k, "PUT", ROLLOUT, "Content-Type: application/json\r\n", b->body,
                                 strlen(b->body)) &&
                k.status == 200;
    serve_client_close(&k);
    return done;
}

static bool move_between(const between *b)
{
    leat_context *c;
    leat_registry *r = NULL;
    leat_registry_options o = leat_registry_options_default();
    o.where = b->where;
    if (leat_context_create(&c, NULL) != LEAT_OK) return false;
    leat_status st = leat_registry_open(c, &r, &o);
    if (st == LEAT_OK)
        st = leat_registry_tag(r, "cars", "champion", b->version, LEAT_ALIAS_ANY, NULL);
    leat_registry_close(r);
    leat_context_destroy(c);
    return st == LEAT_OK;
}

/* On the thread that follows, which the checks are not for. */
static void act_between(void *user)
{
    between *b = user;
    if (b->begun) return;
    b->begun = true;
    atomic_store(&b->done, b->body ? ask_between(b) : move_between(b));
}

/* An alias that a rollout moved is moved on by hand before the server has seen it there: the hand
 * decides, and the rollout's version goes. */
static void moved_on_by_hand(leattest *t, leat_registry *r, const char *where)
{
    static const char *const models[] = {"cars@champion"};
    between b = {.where = where, .version = 2};
    heard h = {.ended = act_between, .user = &b};
    leat_server *server;
    serve_client k;
    if (!start(t, where, &h, models, 1, &server)) return;
    if (CHECK(serve_client_open(&k, leat_server_url(server)))) {
        change(t, &k, "PUT", "{\"mode\":\"switch\",\"to\":3}", 200);
        CHECK(loaded_are(t, &k, "\"versions\":[\"2\"]"));
        CHECK(atomic_load(&b.done));
        CHECK(answers_with(t, &k, 2));
        CHECK_INT(leattest_alias(t, r, "cars@champion"), 2);
        serve_client_close(&k);
    }
    leat_server_destroy(server);
}

/* A switch is asked for before the server has seen where the last one moved the alias: what it
 * comes to answers at once and stays. */
static void switched_back_between(leattest *t, leat_registry *r, const char *where)
{
    static const char *const models[] = {"cars@champion"};
    between b = {.where = where, .body = "{\"mode\":\"switch\",\"to\":2}"};
    heard h = {.ended = act_between, .user = &b, .poll_ms = 300};
    leat_server *server;
    serve_client k;
    if (!start(t, where, &h, models, 1, &server)) return;
    b.url = leat_server_url(server);
    if (CHECK(serve_client_open(&k, b.url))) {
        change(t, &k, "PUT", "{\"mode\":\"switch\",\"to\":1}", 200);
        for (int i = 0; i < PATIENCE && !atomic_load(&b.done); i++) pause_ms(10);
        CHECK(atomic_load(&b.done));
        for (int i = 0; i < 200 && answers_with(t, &k, 2); i++) pause_ms(5);
        CHECK(comes_to(t, &k, "\"state\":\"moved\""));
        CHECK_INT(leattest_alias(t, r, "cars@champion"), 2);
        CHECK(answers_with(t, &k, 2));
        serve_client_close(&k);
    }
    leat_server_destroy(server);
}

static void moves_between_looks(leattest *t)
{
    static const char *const third[] = {"qda"};
    char where[512];
    snprintf(where, sizeof where, "%s", leattest_scratch("registry5"));
    leat_registry *r = make_registry(t, where, NULL);
    REQUIRE(r);
    CHECK(leattest_push_iris(t, r, "cars", third, 1));
    moved_on_by_hand(t, r, where);
    switched_back_between(t, r, where);
    leat_registry_close(r);
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

static const leattest_case cases[] = {TEST(folder),   TEST(two_aliases),         TEST(database),
                                      TEST(rollouts), TEST(moves_between_looks), TEST(wrong_names)};
LEATTEST_MAIN(cases)
