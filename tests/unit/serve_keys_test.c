/* Keys of a running server: what a quota of rows allows, for requests one by one and at once; who
 * learns whether a model is ready. */
#include <leat/data.h>
#include <leat/key.h>
#include <leat/serve.h>

#include <pthread.h>
#include <unistd.h>

#include "support/fitted.h"
#include "support/leattest.h"
#include "support/serve_client.h"

#define ROW "{\"sepal_length\":5.1,\"sepal_width\":3.5,\"petal_length\":1.4,\"petal_width\":0.2}"
#define BAD                                                                                        \
    "{\"sepal_length\":\"long\",\"sepal_width\":3.5,\"petal_length\":1.4,\"petal_width\":0.2}"

typedef struct scene {
    leat_key_store *keys;
    leat_server *server;
    serve_client k;
} scene;

/* A header with a new key. */
typedef struct pass {
    char header[LEAT_KEY_SIZE + 40];
} pass;

static pass add_key(leattest *t, scene *s, const char *name, const leat_key_options *o)
{
    pass p = {""};
    char secret[LEAT_KEY_SIZE];
    if (CHECK_OK(leat_key_add(s->keys, name, o, secret)))
        snprintf(p.header, sizeof p.header, "Authorization: Bearer %s\r\n", secret);
    return p;
}

static pass add_quota(leattest *t, scene *s, const char *name, uint64_t rows)
{
    leat_key_options o = leat_key_options_default();
    o.quota = rows;
    return add_key(t, s, name, &o);
}

static bool open_store(leattest *t, scene *s, const char *name)
{
    *s = (scene){.k = {.fd = -1}};
    if (!LEAT_HAVE_SERVER) {
        leattest_skip(t, "this build has no server");
        return false;
    }
    const char *where = leattest_scratch(name);
    unlink(where);
    return CHECK_OK(leat_key_store_open(t->context, &s->keys, where, true));
}

static bool start(leattest *t, scene *s, const char *name, size_t cache)
{
    leat_context *c = t->context;
    char path[512], store[512];
    snprintf(store, sizeof store, "%s", leattest_scratch(name));
    snprintf(path, sizeof path, "%s", leattest_scratch("iris.leat"));
    leat_frame *iris = NULL;
    if (!CHECK_OK(leat_data_load(c, &iris, "iris", NULL))) return false;
    leat_model *m = leattest_model(c, iris, "species", NULL, "lda", NULL, "auto");
    bool ok = CHECK(m) && CHECK_OK(leat_model_save(c, m, path));
    leat_model_release(m);
    leat_frame_release(iris);
    const char *models[] = {path};
    leat_serve_options o = leat_serve_options_default();
    o.listen = "127.0.0.1:0", o.models = models, o.model_count = 1, o.workers = 2;
    o.keys = store, o.cache = cache;
    return ok && CHECK_OK(leat_server_start(c, &o, &s->server)) &&
           CHECK(serve_client_open(&s->k, leat_server_url(s->server)));
}

static void close_scene(scene *s)
{
    serve_client_close(&s->k);
    leat_server_destroy(s->server);
    leat_key_store_close(s->keys);
}

static bool ask(leattest *t, scene *s, const pass *p, const char *method, const char *path,
                const char *body, int status, const char *words)
{
    if (!CHECK(serve_client_ask(&s->k, method, path, p ? p->header : "", body, strlen(body))))
        return false;
    bool ok = CHECK_INT(s->k.status, status) && CHECK(serve_client_holds(s->k.reply, words));
    if (!ok) printf("    %s %s: %.400s\n", method, path, s->k.reply);
    return ok;
}

/* A request has as many rows as are left, or is refused; what is not answered is given back. */
static void one_by_one(leattest *t, size_t cache)
{
    static const char rows2[] = "[" ROW "," ROW "]", rows3[] = "[" ROW "," ROW "," ROW "]",
                      bad[] = "[" ROW "," BAD "]",
                      tensor[] = "{\"inputs\":[{\"name\":\"x\",\"datatype\":\"FP64\",\"shape\":"
                                 "[3,4],\"data\":[5,3,1,1,5,3,1,1,5,3,1,1]}]}",
                      records[] = "{\"dataframe_records\":"
                                  "[" ROW "," ROW "," ROW "]}";
    scene s;
    const char *name = cache ? "kept.db" : "keys.db";
    if (!open_store(t, &s, name)) return;
    pass p = add_quota(t, &s, "alice", 7), other = add_quota(t, &s, "bob", 2);
    if (start(t, &s, name, cache)) {
        ask(t, &s, &p, "POST", "/api/v1/iris", bad, 422, "\"day\";r=7;");
        ask(t, &s, &p, "POST", "/api/v1/iris", "[" ROW, 400, "");
        ask(t, &s, &p, "POST", "/api/v1/iris", rows3, 200, "\"day\";r=4;");
        ask(t, &s, &p, "POST", "/api/v1/iris", rows2, 200, "\"day\";r=2;");
        ask(t, &s, &p, "POST", "/api/v1/iris", rows3, 429,
            "quota_used_up|has 3 rows|left of the 7 that its key may ask for in a day: "
            "2|Retry-After: |\"day\";r=2;");
        ask(t, &s, &p, "POST", "/v2/models/iris/infer", tensor, 429, "in a day: 2");
        ask(t, &s, &p, "POST", "/invocations", records, 429, "in a day: 2");
        ask(t, &s, &p, "GET", "/v2/models/iris", "", 200, "");
        ask(t, &s, &other, "POST", "/api/v1/iris", rows3, 429, "of the 2 |in a day: 2");
        ask(t, &s, &other, "GET",
            "/api/v1/iris?sepal_length=5&sepal_width=3&petal_length=1&petal_width=1", "", 200,
            "\"day\";r=1;");
        ask(t, &s, &p, "POST", "/api/v1/iris", rows2, 200, "\"day\";r=0;");
        ask(t, &s, &p, "POST", "/api/v1/iris", ROW, 429, "quota_used_up|Retry-After: ");
        ask(t, &s, &other, "POST", "/api/v1/iris", rows2, 429, "in a day: 1");
        ask(t, &s, &other, "POST", "/api/v1/iris", ROW, 200, "\"day\";r=0;");
        ask(t, &s, &other, "POST", "/api/v1/iris", ROW, 429, "quota_used_up");
    }
    close_scene(&s);
}

static void quotas(leattest *t)
{
    one_by_one(t, 0);
}

static void quotas_of_kept_answers(leattest *t)
{
    one_by_one(t, 1 << 20);
}

typedef struct asker {
    const scene *s;
    const pass *p;
    int good, refused, other;
    pthread_t thread;
} asker;

static void *ask_often(void *arg)
{
    static const char rows[] = "[" ROW "," ROW "," ROW "]";
    asker *a = arg;
    serve_client k;
    bool open = serve_client_open(&k, leat_server_url(a->s->server));
    for (int i = 0; open && i < 40; i++) {
        bool came =
            serve_client_ask(&k, "POST", "/api/v1/iris", a->p->header, rows, sizeof rows - 1);
        if (came && k.status == 200) a->good++;
        else if (came && k.status == 429) a->refused++;
        else a->other++;
    }
    serve_client_close(&k);
    return NULL;
}

/* However many ask at once, not one row more than the quota is answered. */
static void quotas_at_once(leattest *t)
{
    enum { ASKERS = 6 };
    scene s;
    asker a[ASKERS];
    int good = 0, refused = 0, other = 0;
    if (!open_store(t, &s, "many.db")) return;
    pass p = add_quota(t, &s, "alice", 100);
    if (start(t, &s, "many.db", 0)) {
        for (int i = 0; i < ASKERS; i++) {
            a[i] = (asker){.s = &s, .p = &p};
            REQUIRE(pthread_create(&a[i].thread, NULL, ask_often, &a[i]) == 0);
        }
        for (int i = 0; i < ASKERS; i++) {
            pthread_join(a[i].thread, NULL);
            good += a[i].good, refused += a[i].refused, other += a[i].other;
        }
        CHECK_INT(good, 33);
        CHECK_INT(refused, ASKERS * 40 - 33);
        CHECK_INT(other, 0);
        ask(t, &s, &p, "POST", "/api/v1/iris", ROW, 200, "\"day\";r=0;");
        ask(t, &s, &p, "POST", "/api/v1/iris", ROW, 429, "quota_used_up");
    }
    close_scene(&s);
}

/* Who has no key for a model does not learn whether there is one of that name. */
static void readiness(leattest *t)
{
    static const char ready[] = "/v2/models/iris/ready", absent[] = "/v2/models/absent/ready",
                      version[] = "/v2/models/iris/versions/1/ready",
                      no_version[] = "/v2/models/iris/versions/9/ready";
    scene s;
    if (!open_store(t, &s, "ready.db")) return;
    leat_key_options o = leat_key_options_default();
    o.scopes = LEAT_KEY_MONITOR;
    pass monitor = add_key(t, &s, "monitor", &o);
    o.scopes = LEAT_KEY_MANAGE;
    pass manage = add_key(t, &s, "manage", &o);
    o.scopes = LEAT_KEY_INFER;
    o.models = "cars";
    pass cars = add_key(t, &s, "cars", &o), none = {"Authorization: Bearer leat_no\r\n"};
    const pass *strangers[] = {NULL, &none, &cars};
    if (start(t, &s, "ready.db", 0)) {
        ask(t, &s, NULL, "GET", "/v2/health/live", "", 200, "\"live\":true");
        ask(t, &s, &cars, "POST", "/v2/repository/index", "", 403, "the scope monitor");
        ask(t, &s, &monitor, "POST", "/v2/models/cars/infer", "", 403, "the scope infer");
        ask(t, &s, NULL, "GET", "/v2/health/ready", "", 200, "\"ready\":true");
        for (int i = 0; i < 3; i++) {
            int status = i == 2 ? 403 : 401;
            ask(t, &s, strangers[i], "GET", ready, "", status, "request_id");
            ask(t, &s, strangers[i], "GET", absent, "", status, "request_id");
            ask(t, &s, strangers[i], "HEAD", version, "", status, "");
            ask(t, &s, strangers[i], "GET", no_version, "", status, "");
        }
        ask(t, &s, &monitor, "GET", ready, "", 200, "\"ready\":true");
        ask(t, &s, &manage, "GET", version, "", 200, "\"ready\":true");
        ask(t, &s, &manage, "GET", absent, "", 404, "no_such_model");
        ask(t, &s, &manage, "GET", no_version, "", 404, "no_such_version");
    }
    close_scene(&s);
}

static const leattest_case cases[] = {TEST(quotas), TEST(quotas_of_kept_answers),
                                      TEST(quotas_at_once), TEST(readiness)};
LEATTEST_MAIN(cases)
