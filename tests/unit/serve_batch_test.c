/* How requests meet models: joined runs with the bytes of single ones, the queue, imported graphs,
 * all over real sockets. */
#include <leat/data.h>
#include <leat/exchange.h>
#include <leat/serve.h>

#include <jansson.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/cpu.h"
#include "base/file.h"
#include "model/onnx_write.h"
#include "serve/http_detached.h"
#include "serve/response_cache.h"
#include "support/fitted.h"
#include "support/leattest.h"
#include "support/serve_client.h"
#include "support/serve_crowd.h"
#include "support/weights_beside.h"
#include "support/zipped.h"

enum { ROWS = 24, CALLERS = 8 };

#define WIDE "/v2/models/wide/infer"
#define IRIS_ROW                                                                                   \
    "{\"sepal_length\":5.1,\"sepal_width\":3.5,\"petal_length\":1.4,\"petal_width\":0.2}"

static bool start(leattest *t, leat_serve_options o, const char *model, leat_server **out)
{
    const char *models[] = {model};
    o.listen = "127.0.0.1:0";
    o.models = models;
    o.model_count = 1;
    o.workers = 1;
    return CHECK_OK(leat_server_start(t->context, &o, out));
}

static void copy_path(char out[512], const char *name)
{
    snprintf(out, 512, "%s", leattest_scratch(name));
}

/* ---- joined runs --------------------------------------------------------------------------------
 */

/* A network whose weights take longer to read than one row to compute. */
static bool make_wide(leattest *t, char path[512])
{
    leat_context *c = t->context;
    leat_frame *iris = NULL;
    if (!CHECK_OK(leat_data_load(c, &iris, "iris", NULL))) return false;
    leat_model *m = leattest_model(c, iris, "species", NULL, "network",
                                   "hidden_layers=2|units=512|epochs=1", "auto");
    copy_path(path, "wide.leat");
    bool ok = CHECK(m) && CHECK_OK(leat_model_save(c, m, path));
    leat_model_release(m);
    leat_frame_release(iris);
    return ok;
}

/* Request i: one to three rows, probabilities or not, an id of its own. Others are wrong. */
static size_t make_request(char *to, size_t size, unsigned i, bool wrong)
{
    unsigned rows = 1 + i % 3;
    size_t n = (size_t)snprintf(to, size,
                                "{\"id\":\"r%u\\n\",%s\"inputs\":[{\"name\":\"x\",\"datatype\":"
                                "\"FP64\",\"shape\":[%u,%d],\"data\":[",
                                i, i % 4 == 1 ? "\"outputs\":[{\"name\":\"prediction\"}]," : "",
                                rows, wrong ? 5 : 4);
    for (unsigned k = 0; k < rows * (wrong ? 5 : 4); k++)
        n += (size_t)snprintf(to + n, size - n, "%s%u.%u", k ? "," : "", (i * 7 + k * 3) % 8,
                              (i + k) % 10);
    return n + (size_t)snprintf(to + n, size - n, "]}]}");
}

typedef struct caller {
    const char *url;
    char (*expected)[2048];
    unsigned first, asks;
    atomic_uint *asked, *failed;
} caller;

/* Every third request is one that is refused; the others have the bytes that they have alone. */
static void *call_mixed(void *arg)
{
    caller *w = arg;
    serve_client k;
    char body[1024];
    if (!serve_client_open(&k, w->url)) atomic_fetch_add(w->failed, 1);
    for (unsigned n = 0; n < w->asks; n++) {
        unsigned i = (w->first + n) % ROWS;
        bool wrong = n % 3 == 2;
        size_t size = make_request(body, sizeof body, i, wrong);
        bool good = serve_client_ask(&k, "POST", WIDE, "", body, size);
        if (wrong) good = good && k.status == 400 && strstr(k.body, "rows of 4");
        else good = good && k.status == 200 && strcmp(k.body, w->expected[i]) == 0;
        atomic_fetch_add(good ? w->asked : w->failed, 1);
        if (!good) break;
    }
    serve_client_close(&k);
    return NULL;
}

static bool expect_alone(leattest *t, const char *path, char (*expected)[2048])
{
    leat_server *server;
    serve_client k;
    char body[1024];
    leat_serve_options o = leat_serve_options_default();
    o.batch_rows = 1;
    if (!start(t, o, path, &server)) return false;
    bool ok = CHECK(serve_client_open(&k, leat_server_url(server)));
    for (unsigned i = 0; ok && i < ROWS; i++) {
        size_t size = make_request(body, sizeof body, i, false);
        ok = CHECK(serve_client_ask(&k, "POST", WIDE, "", body, size)) &&
             CHECK_INT(k.status, 200) && CHECK(k.body_length < sizeof expected[i]);
        if (ok) memcpy(expected[i], k.body, k.body_length + 1);
    }
    serve_client_close(&k);
    leat_server_destroy(server);
    return ok;
}

/* Runs of the model and rows answered so far. */
static void count_runs(leattest *t, serve_client *k, double *runs, double *rows)
{
    *runs = *rows = 0;
    if (!CHECK(serve_client_ask(k, "GET", "/v2/models/wide/stats", "", "", 0))) return;
    json_t *root = json_loads(k->body, 0, NULL);
    const json_t *one = json_array_get(json_object_get(root, "model_stats"), 0);
    *runs = json_number_value(json_object_get(one, "execution_count"));
    *rows = json_number_value(json_object_get(one, "inference_count"));
    /* By size they are the same runs of the same rows, and took the same time. */
    const json_t *batches = json_object_get(one, "batch_stats"), *all, *b;
    double by_size[3] = {0};
    json_int_t before = 0;
    size_t i;
    CHECK(json_array_size(batches) > 0);
    json_array_foreach(batches, i, b)
    {
        json_int_t size = json_integer_value(json_object_get(b, "batch_size"));
        all = json_object_get(b, "compute_infer");
        json_int_t count = json_integer_value(json_object_get(all, "count"));
        CHECK(size > before && size <= 64 && count > 0);
        CHECK(json_integer_value(json_object_get(all, "ns")) > 0);
        CHECK(json_integer_value(json_object_get(json_object_get(b, "compute_input"), "ns")) > 0);
        CHECK(json_integer_value(json_object_get(json_object_get(b, "compute_output"), "ns")) > 0);
        before = size;
        by_size[0] += (double)count;
        by_size[1] += (double)count * (double)size;
        by_size[2] +=
            json_number_value(json_object_get(json_object_get(b, "compute_output"), "ns"));
    }
    all = json_object_get(json_object_get(one, "inference_stats"), "compute_output");
    CHECK(by_size[0] == *runs && by_size[1] == *rows);
    CHECK(by_size[2] == json_number_value(json_object_get(all, "ns")));
    json_decref(root);
}

/* Whether requests met: where the machine is busy with other things a server may find, when it
 * measures, that it does not pay. */
static bool join_with(leattest *t, const char *path, char (*expected)[2048], uint32_t rows,
                      uint32_t delay)
{
    leat_server *server;
    serve_client k;
    pthread_t threads[CALLERS];
    caller callers[CALLERS];
    atomic_uint asked = 0, failed = 0;
    double runs, answered;
    unsigned requests = 0;
    leat_serve_options o = leat_serve_options_default();
    o.batch_rows = rows;
    o.batch_delay_us = delay;
    if (!start(t, o, path, &server)) return false;
    CHECK(serve_client_open(&k, leat_server_url(server)));
    /* Until some have met; on a machine that is busy with other things that may take a while. */
    for (int turn = 0; turn < 10; turn++) {
        for (unsigned i = 0; i < CALLERS; i++) {
            callers[i] = (caller){leat_server_url(server), expected, i * 5, 60, &asked, &failed};
            CHECK(pthread_create(&threads[i], NULL, call_mixed, &callers[i]) == 0);
        }
        for (unsigned i = 0; i < CALLERS; i++) pthread_join(threads[i], NULL);
        requests += CALLERS * 60;
        count_runs(t, &k, &runs, &answered);
        if (runs < 0.9 * (double)requests * 2 / 3 || atomic_load(&failed)) break;
    }
    CHECK_INT(atomic_load(&failed), 0);
    CHECK_INT(atomic_load(&asked), requests);
    printf("    %u rows, %u us: %.0f rows in %.0f runs\n", rows, delay, answered, runs);
    serve_client_close(&k);
    leat_server_destroy(server);
    return runs < (double)requests * 2 / 3;
}

/* What is joined has the bytes of what is asked alone; wrong requests fail alone. */
static void joined(leattest *t)
{
    static char expected[ROWS][2048];
    char path[512];
    if (!make_wide(t, path) || !expect_alone(t, path, expected)) return;
    int met = join_with(t, path, expected, 64, 0);
    met += join_with(t, path, expected, 4, 0);
    met += join_with(t, path, expected, 32, 2000);
    for (int i = 0; met == 0 && i < 5; i++) met += join_with(t, path, expected, 64, 0);
    /* Narrow vectors may take longer for a row than its weights take to read: nothing to save. */
    if (met == 0 && leati_context_cpu_level(t->context) < leati_cpu_best())
        leattest_skip(t, "joining does not pay at this level");
    else CHECK(met > 0);
}

/* ---- the queue ----------------------------------------------------------------------------------
 */

typedef struct heavy {
    const char *url, *body;
    size_t size;
    atomic_uint *fine, *busy, *failed;
} heavy;

/* A row in a query takes the way of the same row in a body, so that a slow model does not keep a
 * loop from its connections. */
static void queries(leattest *t)
{
    char path[512];
    leat_server *server;
    serve_client k;
    if (!make_wide(t, path) || !start(t, leat_serve_options_default(), path, &server)) return;
    REQUIRE(serve_client_open(&k, leat_server_url(server)));
    CHECK(serve_client_ask(&k, "POST", "/api/v1/wide", "", IRIS_ROW, sizeof IRIS_ROW - 1));
    CHECK_INT(k.status, 200);
    double body = serve_queue_ns(&k, "wide");
    CHECK(serve_client_ask(
        &k, "GET", "/api/v1/wide?sepal_length=5.1&sepal_width=3.5&petal_length=1.4&petal_width=0.2",
        "", "", 0));
    CHECK_INT(k.status, 200);
    double query = serve_queue_ns(&k, "wide") - body;
    CHECK(body >= 0 && (query > 0) == (body > 0));
    serve_client_close(&k);
    leat_server_destroy(server);
}

static void *call_heavy(void *arg)
{
    heavy *w = arg;
    serve_client k;
    char after[16];
    if (!serve_client_open(&k, w->url)) atomic_fetch_add(w->failed, 1);
    for (int n = 0; n < 4; n++) {
        bool came = serve_client_ask(&k, "POST", "/v2/models/iris/infer",
                                     "Inference-Header-Content-Length: 0\r\n", w->body, w->size);
        bool busy = came && k.status == 503 && strstr(k.body, "busy") &&
                    serve_client_header(&k, "retry-after", after, sizeof after);
        atomic_uint *which = busy ? w->busy : came && k.status == 200 ? w->fine : w->failed;
        atomic_fetch_add(which, 1);
        if (!came) break;
    }
    serve_client_close(&k);
    return NULL;
}

/* Beyond the queue the answer is 503 with Retry-After, and nothing else goes wrong. */
static void full_queue(leattest *t)
{
    enum { BODY = 100000 * 32 };
    leat_context *c = t->context;
    leat_frame *iris = NULL;
    leat_server *server;
    char path[512], *body = calloc(BODY, 1);
    pthread_t threads[CALLERS];
    atomic_uint fine = 0, busy = 0, failed = 0;
    REQUIRE(body);
    REQUIRE_OK(leat_data_load(c, &iris, "iris", NULL));
    leat_model *m = leattest_model(c, iris, "species", NULL, "lda", NULL, "auto");
    copy_path(path, "iris.leat");
    REQUIRE(m);
    REQUIRE_OK(leat_model_save(c, m, path));
    leat_serve_options o = leat_serve_options_default();
    o.queue = 1;
    if (start(t, o, path, &server)) {
        heavy w = {leat_server_url(server), body, BODY, &fine, &busy, &failed};
        for (int i = 0; i < CALLERS; i++)
            CHECK(pthread_create(&threads[i], NULL, call_heavy, &w) == 0);
        for (int i = 0; i < CALLERS; i++) pthread_join(threads[i], NULL);
        CHECK(atomic_load(&fine) > 0);
        CHECK(atomic_load(&busy) > 0);
        CHECK_INT(atomic_load(&failed), 0);
        leat_server_destroy(server);
    }
    free(body);
    leat_model_release(m);
    leat_frame_release(iris);
}

/* ---- many numbers -------------------------------------------------------------------------------
 */

enum { MANY = 601 };

/* The classes that a raw or binary tensor of so many rows gets, behind the JSON of the answer. */
static bool ask_classes(leattest *t, serve_client *k, const char *type, const void *data,
                        size_t size, char *out, size_t room)
{
    char *body = malloc(size + 400), head[64];
    if (!CHECK(body)) return false;
    int n = snprintf(body, 400,
                     "{\"inputs\":[{\"name\":\"x\",\"shape\":[%d,4],\"datatype\":\"%s\","
                     "\"parameters\":{\"binary_data_size\":%zu}}],\"outputs\":[{\"name\":"
                     "\"prediction\"}]}",
                     (int)MANY, type, size);
    memcpy(body + n, data, size);
    snprintf(head, sizeof head, "Inference-Header-Content-Length: %d\r\n", n);
    bool ok =
        CHECK(serve_client_ask(k, "POST", "/v2/models/iris/infer", head, body, (size_t)n + size)) &&
        CHECK(k->body_length < room);
    if (ok) memcpy(out, k->body, k->body_length + 1);
    free(body);
    return ok;
}

/* Numbers come through whole columns as they come one by one: FP64, FP32 and, by the slow way,
 * INT16 give the same; NaN is missing, an infinite one is named. */
static void matrices(leattest *t)
{
    static double wide[MANY][4];
    static float narrow[MANY][4];
    static int16_t whole[MANY][4];
    static char a[16384], b[16384];
    leat_context *c = t->context;
    leat_frame *iris = NULL;
    leat_server *server;
    serve_client k;
    char path[512];
    REQUIRE_OK(leat_data_load(c, &iris, "iris", NULL));
    leat_model *m = leattest_model(c, iris, "species", NULL, "lda", NULL, "auto");
    copy_path(path, "iris.leat");
    REQUIRE(m);
    REQUIRE_OK(leat_model_save(c, m, path));
    for (int r = 0; r < MANY; r++)
        for (int i = 0; i < 4; i++) {
            whole[r][i] = (int16_t)((r * 7 + i * 5) % 8);
            wide[r][i] = narrow[r][i] = whole[r][i];
        }
    if (start(t, leat_serve_options_default(), path, &server)) {
        REQUIRE(serve_client_open(&k, leat_server_url(server)));
        CHECK(ask_classes(t, &k, "INT16", whole, sizeof whole, a, sizeof a));
        CHECK_INT(k.status, 200);
        CHECK(ask_classes(t, &k, "FP64", wide, sizeof wide, b, sizeof b));
        CHECK_STR(a, b);
        CHECK(ask_classes(t, &k, "FP32", narrow, sizeof narrow, b, sizeof b));
        CHECK_STR(a, b);
        wide[MANY - 1][2] = (double)NAN;
        narrow[MANY - 1][2] = NAN;
        CHECK(ask_classes(t, &k, "FP64", wide, sizeof wide, a, sizeof a));
        CHECK(ask_classes(t, &k, "FP32", narrow, sizeof narrow, b, sizeof b));
        CHECK_INT(k.status, 200);
        CHECK_STR(a, b);
        wide[500][1] = (double)INFINITY;
        CHECK(ask_classes(t, &k, "FP64", wide, sizeof wide, a, sizeof a));
        CHECK_INT(k.status, 400);
        CHECK(strstr(a, "element 2001: the number is infinite"));
        serve_client_close(&k);
        leat_server_destroy(server);
    }
    leat_model_release(m);
    leat_frame_release(iris);
}

/* ---- kept answers -------------------------------------------------------------------------------
 */

static bool cache_says(leattest *t, const serve_client *k, const char *want)
{
    char value[64];
    return CHECK(serve_client_header(k, "cache-status", value, sizeof value)) &&
           CHECK_STR(value, want);
}

static void ask_row(leattest *t, serve_client *k, const char *id)
{
    char header[80];
    snprintf(header, sizeof header, "X-Request-Id: %s\r\n", id);
    CHECK(serve_client_ask(k, "POST", "/api/v1/iris", header, IRIS_ROW, sizeof IRIS_ROW - 1));
    CHECK_INT(k->status, 200);
}

/* The same request gets the same answer with its own id; refusals and other requests do not. */
static void kept_answers(leattest *t, serve_client *k)
{
    char first[2048], id[64], age[16];
    ask_row(t, k, "one");
    CHECK(cache_says(t, k, "leat; fwd=miss; stored"));
    CHECK(strstr(k->body, "\"request_id\":\"one\""));
    snprintf(first, sizeof first, "%.*s", (int)(strstr(k->body, "\"request_id") - k->body),
             k->body);
    ask_row(t, k, "another");
    CHECK(cache_says(t, k, "leat; hit"));
    CHECK(serve_client_header(k, "age", age, sizeof age));
    CHECK(serve_client_header(k, "x-request-id", id, sizeof id) && strcmp(id, "another") == 0);
    CHECK(serve_client_header(k, "content-type", id, sizeof id) &&
          strcmp(id, "application/json") == 0);
    CHECK(strncmp(k->body, first, strlen(first)) == 0);
    CHECK_STR(k->body + strlen(first), "\"request_id\":\"another\"}\n");
    for (int i = 0; i < 2; i++) {
        CHECK(serve_client_ask(k, "POST", "/api/v1/iris", "", "{}", 2));
        CHECK_INT(k->status, 422);
        CHECK(!serve_client_header(k, "cache-status", id, sizeof id));
    }
    for (int i = 0; i < 2; i++) {
        const double row[4] = {5.1, 3.5, 1.4, 0.2};
        CHECK(serve_client_ask(k, "POST", "/v2/models/iris/infer",
                               "Inference-Header-Content-Length: 0\r\n", row, sizeof row));
        CHECK_INT(k->status, 200);
        CHECK(cache_says(t, k, i ? "leat; hit" : "leat; fwd=miss; stored"));
        CHECK(serve_client_header(k, "inference-header-content-length", id, sizeof id));
    }
    CHECK(serve_client_ask(k, "GET", "/v2/models/iris/stats", "", "", 0));
    CHECK(strstr(k->body, "\"cache_hit\":{\"count\":2,"));
    CHECK(strstr(k->body, "\"cache_miss\":{\"count\":4,"));
    /* One that goes on to another thread is looked for twice and missed once. */
    CHECK(serve_client_ask(k, "POST", "/api/v1/iris?explain=true", "", IRIS_ROW,
                           sizeof IRIS_ROW - 1));
    CHECK(cache_says(t, k, "leat; fwd=miss; stored"));
    CHECK(serve_client_ask(k, "GET", "/v2/models/iris/stats", "", "", 0));
    CHECK(strstr(k->body, "\"cache_miss\":{\"count\":5,"));
    /* What is opened anew has no answers yet. */
    CHECK(serve_client_ask(k, "POST", "/v2/repository/models/iris/load", "", "", 0));
    ask_row(t, k, "third");
    CHECK(cache_says(t, k, "leat; fwd=miss; stored"));
}

static void cached(leattest *t)
{
    leat_context *c = t->context;
    leat_frame *iris = NULL;
    leat_server *server;
    serve_client k;
    char path[512], body[200], other[200], id[64];
    REQUIRE_OK(leat_data_load(c, &iris, "iris", NULL));
    leat_model *m = leattest_model(c, iris, "species", NULL, "lda", NULL, "auto");
    copy_path(path, "iris.leat");
    REQUIRE(m);
    REQUIRE_OK(leat_model_save(c, m, path));
    leat_serve_options o = leat_serve_options_default();
    o.cache = 256 << 10;
    if (start(t, o, path, &server)) {
        REQUIRE(serve_client_open(&k, leat_server_url(server)));
        kept_answers(t, &k);
        /* More than there is room for: old ones go, memory stays. */
        size_t settled = 0;
        for (int i = 0; i < 4000; i++) {
            int n = snprintf(body, sizeof body,
                             "{\"inputs\":[{\"name\":\"x\",\"shape\":[1,4],\"datatype\":\"FP64\","
                             "\"data\":[5.1,3.5,1.4,%d]}]}",
                             i);
            if (!CHECK(serve_client_ask(&k, "POST", "/v2/models/iris/infer", "", body, (size_t)n)))
                break;
            CHECK_INT(k.status, 200);
            if (i == 2000) settled = leat_context_bytes(c);
            snprintf(other, sizeof other, "%s", body);
        }
        CHECK(leat_context_bytes(c) < settled + 100000);
        CHECK(serve_client_ask(&k, "POST", "/v2/models/iris/infer", "", other, strlen(other)));
        CHECK(serve_client_header(&k, "cache-status", id, sizeof id) && !strcmp(id, "leat; hit"));
        ask_row(t, &k, "fourth");
        CHECK(cache_says(t, &k, "leat; fwd=miss; stored"));
        serve_client_close(&k);
        leat_server_destroy(server);
    }
    leat_model_release(m);
    leat_frame_release(iris);
}

static void take_kept(void *user, const leati_kept_rows *rows)
{
    leati_kept_rows *to = user;
    *to = *rows;
}

/* An answer that memory was missing for half-way is not given to those who come later; one that is
 * comes with what it says of its rows. */
static void half_answers(leattest *t)
{
    leat_context *c = t->context;
    leati_response_cache *cache;
    leati_http_request like = {.path = "/", .path_length = 1};
    leati_cache_key key = {.serial = 1, .part = {{"a", 1}}};
    REQUIRE_OK(leati_response_cache_create(c, 1 << 20, &cache));
    leati_http_detached *d = leati_http_detached_create(c);
    for (int whole = 0; d && whole < 2; whole++) {
        const double value[2] = {1, 0}, proba[4] = {0.25, 0.75, 0.5, 0.5};
        const leati_kept_rows rows = {2, 2, value, proba};
        leati_kept_rows got = {0};
        leati_http_exchange *ex = leati_http_detached_begin(d, &like);
        if (!CHECK(ex)) break;
        leati_exchange_write(ex, "half", 4);
        CHECK(whole || !leati_exchange_room(ex, SIZE_MAX));
        leati_response_cache_hash(cache, &key);
        CHECK(leati_response_cache_keep(cache, &key, ex, 0, &rows) == (whole == 1));
        CHECK(leati_response_cache_find(cache, &key, ex, take_kept, &got) == (whole == 1));
        if (whole)
            CHECK(got.rows == 2 && got.classes == 2 && got.value[0] == 1 && got.proba[1] == 0.75 &&
                  got.proba[3] == 0.5);
        leati_http_detached_end(d);
    }
    CHECK(d);
    leati_http_detached_destroy(d);
    leati_response_cache_destroy(cache);
}

/* ---- imported graphs ----------------------------------------------------------------------------
 */

/* y = 2 x for x (any, 3) f32; z = x > 0 as bool. */
static bool make_graph(leattest *t, const char *onnx, const char *leat)
{
    leat_context *c = t->context;
    leati_onnx_builder b;
    static const float two = 2, zero = 0;
    const int64_t dims[2] = {-1, 3};
    leati_onnx_builder_init(&b, c, "double");
    leati_onnx_graph *g = b.model->graph;
    (void)leati_onnx_add_initializer(&b, g, "two", LEATI_ONNX_FLOAT, NULL, 0, &two);
    (void)leati_onnx_add_initializer(&b, g, "zero", LEATI_ONNX_FLOAT, NULL, 0, &zero);
    (void)leati_onnx_add_node(&b, g, "Mul", (const char *const[]){"x", "two", NULL},
                              (const char *const[]){"y", NULL});
    (void)leati_onnx_add_node(&b, g, "Greater", (const char *const[]){"x", "zero", NULL},
                              (const char *const[]){"z", NULL});
    leati_onnx_add_input(&b, g, "x", LEATI_ONNX_FLOAT, dims, 2, NULL);
    leati_onnx_add_output(&b, g, "y", LEATI_ONNX_FLOAT, dims, 2, NULL);
    leati_onnx_add_output(&b, g, "z", LEATI_ONNX_BOOL, dims, 2, NULL);
    bool ok = CHECK_OK(leati_onnx_builder_status(&b)) &&
              CHECK_OK(leati_onnx_write(c, b.model, onnx)) &&
              CHECK_OK(leat_model_import(c, onnx, leat, NULL));
    leati_onnx_builder_fini(&b);
    return ok;
}

typedef struct request {
    const char *path, *body;
    int status;
    const char *word;
} request;

#define DOUBLE "/v2/models/double/infer"
#define X(shape, type, data)                                                                       \
    "{\"inputs\":[{\"name\":\"x\",\"shape\":" shape ",\"datatype\":\"" type "\",\"data\":" data    \
    "}]}"

static const request requests[] = {
    {DOUBLE, X("[2,3]", "FP32", "[[1,2.5,-3],[0,4,5]]"), 200,
     "\"outputs\":[{\"name\":\"y\",\"datatype\":\"FP32\",\"shape\":[2,3],\"data\":[2,5,-6,0,8,10]},"
     "{\"name\":\"z\",\"datatype\":\"BOOL\",\"shape\":[2,3],\"data\":[true,true,false,false,true,"
     "true]}]}"},
    {DOUBLE,
     "{\"id\":\"7\",\"outputs\":[{\"name\":\"z\"}],\"inputs\":[{\"name\":\"any\",\"shape\":"
     "[1,3],\"datatype\":\"FP32\",\"data\":[1,2,3]}]}",
     200, "\"id\":\"7\",\"outputs\":[{\"name\":\"z\""},
    {DOUBLE, X("[2,2]", "FP32", "[1,2,3,4]"), 400, "the shape [-1, 3]"},
    {DOUBLE, X("[3]", "FP32", "[1,2,3]"), 400, "the shape [-1, 3]"},
    {DOUBLE, X("[1,3]", "FP64", "[1,2,3]"), 400, "FP32, it was given FP64"},
    {DOUBLE, X("[1,3]", "FP32", "[1e38,1e38,1e38]"), 200, "1.9999999360571385e38"},
    {DOUBLE, X("[1,3]", "FP32", "[3e38,1,1]"), 422, "not finite"},
    {DOUBLE,
     "{\"outputs\":[{\"name\":\"w\"}],\"inputs\":[{\"name\":\"x\",\"shape\":[1,3],"
     "\"datatype\":\"FP32\",\"data\":[1,2,3]}]}",
     400, "no output 'w'"},
    {DOUBLE,
     "{\"inputs\":[{\"name\":\"x\",\"shape\":[1,3],\"datatype\":\"FP32\",\"data\":[1,2,3]},"
     "{\"name\":\"v\",\"shape\":[1],\"datatype\":\"FP32\",\"data\":[1]}]}",
     400, "2 inputs were given"},
    {"/api/v1/double", "{\"x\":1}", 400, "/v2/models/double/infer"},
    {"/invocations", "{\"inputs\":[[1,2,3]]}", 400, "takes tensors"},
};

static void ask_binary(leattest *t, serve_client *k)
{
    const float x[6] = {1, 2, 3, 4, -5, 6};
    float y[6];
    static const char json[] =
        "{\"inputs\":[{\"name\":\"x\",\"shape\":[2,3],\"datatype\":\"FP32\",\"parameters\":{"
        "\"binary_data_size\":24}}],\"outputs\":[{\"name\":\"y\",\"parameters\":{\"binary_data\":"
        "true}}]}";
    char body[sizeof json - 1 + sizeof x], head[64], length[32];
    memcpy(body, json, sizeof json - 1);
    memcpy(body + sizeof json - 1, x, sizeof x);
    snprintf(head, sizeof head, "Inference-Header-Content-Length: %zu\r\n", sizeof json - 1);
    CHECK(serve_client_ask(k, "POST", DOUBLE, head, body, sizeof body));
    CHECK_INT(k->status, 200);
    REQUIRE(serve_client_header(k, "inference-header-content-length", length, sizeof length));
    REQUIRE(k->body_length == (size_t)atoi(length) + sizeof y);
    memcpy(y, k->body + atoi(length), sizeof y);
    for (int i = 0; i < 6; i++) CHECK(y[i] == 2 * x[i]);
    /* A raw request. */
    CHECK(
        serve_client_ask(k, "POST", DOUBLE, "Inference-Header-Content-Length: 0\r\n", x, sizeof x));
    CHECK_INT(k->status, 200);
    CHECK(strstr(k->body, "\"shape\":[2,3],\"parameters\":{\"binary_data_size\":24}"));
    CHECK(serve_client_ask(k, "POST", DOUBLE, "Inference-Header-Content-Length: 0\r\n", x, 13));
    CHECK_INT(k->status, 400);
}

/* What was refused took as long as it took, not as long as the machine runs. */
static void time_of_refusals(leattest *t, serve_client *k)
{
    CHECK(serve_client_ask(k, "GET", "/v2/models/double/stats", "", "", 0));
    json_t *root = json_loadb(k->body, k->body_length, 0, NULL);
    const json_t *of = json_object_get(
        json_object_get(json_array_get(json_object_get(root, "model_stats"), 0), "inference_stats"),
        "fail");
    CHECK(json_integer_value(json_object_get(of, "count")) >= 2);
    CHECK(json_integer_value(json_object_get(of, "ns")) < 10000000000);
    json_decref(root);
}

static void graphs(leattest *t)
{
    char onnx[512], leat[512];
    leat_server *server;
    serve_client k;
    copy_path(onnx, "double.onnx");
    copy_path(leat, "double.leat");
    REQUIRE(make_graph(t, onnx, leat));
    const char *paths[] = {leat, onnx};
    for (int which = 0; which < 2; which++) {
        if (!start(t, leat_serve_options_default(), paths[which], &server)) return;
        REQUIRE(serve_client_open(&k, leat_server_url(server)));
        for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
            const request *q = &requests[i];
            CHECK(serve_client_ask(&k, "POST", q->path, "", q->body, strlen(q->body)));
            bool good = CHECK_INT(k.status, q->status) && CHECK(strstr(k.body, q->word));
            if (!good) printf("    %s\n    %.300s\n", q->body, k.body);
        }
        ask_binary(t, &k);
        time_of_refusals(t, &k);
        CHECK(serve_client_ask(&k, "GET", "/v2/models/double", "", "", 0));
        CHECK(strstr(k.body, "\"platform\":\"leat_onnx\",\"inputs\":[{\"name\":\"x\",\"datatype\":"
                             "\"FP32\",\"shape\":[-1,3]}]"));
        CHECK(serve_client_ask(&k, "GET", "/v2/models/double/config", "", "", 0));
        CHECK(strstr(k.body, "TYPE_BOOL"));
        CHECK(serve_client_ask(&k, "GET", "/api/v1/double", "", "", 0));
        CHECK(strstr(k.body, "\"estimator\":\"onnx\""));
        CHECK(serve_client_ask(&k, "GET", "/api/v1", "", "", 0));
        CHECK_INT(k.status, 200);
        CHECK(serve_client_ask(&k, "GET", "/openapi.json", "", "", 0));
        CHECK_INT(k.status, 200);
        CHECK(serve_client_ask(&k, "POST", "/v2/repository/models/double/load", "", "", 0));
        CHECK_INT(k.status, 200);
        CHECK(serve_client_ask(&k, "GET", "/v2/models/double/stats", "", "", 0));
        CHECK(strstr(k.body, "\"inference_count\":0"));
        serve_client_close(&k);
        leat_server_destroy(server);
    }
}

/* A Loop that its condition never ends. */
static leat_status write_endless(leat_context *c, const char *path)
{
    leati_onnx_builder b;
    const int64_t one[] = {1};
    const bool yes = true;
    leati_onnx_builder_init(&b, c, "endless");
    leati_onnx_graph *g = b.model->graph, *body = leati_onnx_new_graph(&b, "body");
    (void)leati_onnx_add_initializer(&b, g, "yes", LEATI_ONNX_BOOL, NULL, 0, &yes);
    leati_onnx_add_input(&b, g, "x", LEATI_ONNX_FLOAT, one, 1, NULL);
    leati_onnx_add_input(&b, body, "i", LEATI_ONNX_INT64, NULL, 0, NULL);
    leati_onnx_add_input(&b, body, "go", LEATI_ONNX_BOOL, NULL, 0, NULL);
    leati_onnx_add_input(&b, body, "s", LEATI_ONNX_FLOAT, one, 1, NULL);
    (void)leati_onnx_add_node(&b, body, "Add", (const char *const[]){"s", "s", NULL},
                              (const char *const[]){"next", NULL});
    (void)leati_onnx_add_node(&b, body, "Identity", (const char *const[]){"go", NULL},
                              (const char *const[]){"on", NULL});
    leati_onnx_add_output(&b, body, "on", LEATI_ONNX_BOOL, NULL, 0, NULL);
    leati_onnx_add_output(&b, body, "next", LEATI_ONNX_FLOAT, one, 1, NULL);
    leati_onnx_node *loop =
        leati_onnx_add_node(&b, g, "Loop", (const char *const[]){"", "yes", "x", NULL},
                            (const char *const[]){"y", NULL});
    leati_onnx_set_graph(&b, loop, "body", body);
    leati_onnx_add_output(&b, g, "y", LEATI_ONNX_FLOAT, one, 1, NULL);
    leat_status st = leati_onnx_builder_status(&b);
    if (st == LEAT_OK) st = leati_onnx_write(c, b.model, path);
    leati_onnx_builder_fini(&b);
    return st;
}

static void hear(void *user, const char *line)
{
    char *heard = user;
    snprintf(heard, 512, "%s", line);
}

/* Warming up a graph that never ends holds no server up; it is said. */
static void endless(leattest *t)
{
    char onnx[512], heard[512] = "";
    leat_server *server;
    leat_serve_options o = leat_serve_options_default();
    copy_path(onnx, "endless.onnx");
    REQUIRE_OK(write_endless(t->context, onnx));
    o.say = hear;
    o.say_user = heard;
    if (!start(t, o, onnx, &server)) return;
    CHECK(strstr(heard, "endless: warming up was left at 100000 nodes"));
    CHECK(strstr(heard, "node `y` (Loop)"));
    leat_server_destroy(server);
}

/* An output, or an input, that does not say how many dimensions it has. */
static leat_status write_shapeless(leat_context *c, const char *path, bool input)
{
    leati_onnx_builder b;
    const int64_t dims[] = {-1, 3};
    leati_onnx_builder_init(&b, c, "shapeless");
    leati_onnx_graph *g = b.model->graph;
    (void)leati_onnx_add_node(&b, g, "Relu", (const char *const[]){"x", NULL},
                              (const char *const[]){"y", NULL});
    leati_onnx_add_input(&b, g, "x", LEATI_ONNX_FLOAT, dims, 2, NULL);
    leati_onnx_add_output(&b, g, "y", LEATI_ONNX_FLOAT, dims, 2, NULL);
    leat_status st = leati_onnx_builder_status(&b);
    if (st == LEAT_OK) g->output.at[0].type->tensor_type->shape = NULL;
    if (st == LEAT_OK && input) g->input.at[0].type->tensor_type->shape = NULL;
    if (st == LEAT_OK) st = leati_onnx_write(c, b.model, path);
    leati_onnx_builder_fini(&b);
    return st;
}

static void shapeless(leattest *t)
{
    char onnx[512];
    leat_server *server;
    serve_client k;
    copy_path(onnx, "shapeless.onnx");
    for (int input = 0; input < 2; input++) {
        REQUIRE_OK(write_shapeless(t->context, onnx, input));
        if (!start(t, leat_serve_options_default(), onnx, &server)) return;
        REQUIRE(serve_client_open(&k, leat_server_url(server)));
        CHECK(serve_client_ask(&k, "GET", "/v2/models/shapeless", "", "", 0));
        CHECK(strstr(k.body, input ? "\"outputs\":[{\"name\":\"y\",\"datatype\":\"FP32\",\"shape\":"
                                     "[],\"any_rank\":true}]"
                                   : "\"outputs\":[{\"name\":\"y\",\"datatype\":\"FP32\",\"shape\":"
                                     "[-1,-1]}]"));
        serve_client_close(&k);
        leat_server_destroy(server);
    }
}

/* A graph whose weights lie in a file beside it. */
static void beside(leattest *t)
{
    static const float weights[] = {2, 3, 4, 5};
    static const char body[] = X("[1,3]", "FP32", "[1,2,3]");
    char onnx[512];
    leat_server *server;
    serve_client k;
    copy_path(onnx, "beside.onnx");
    REQUIRE_OK(leattest_model_beside(t->context, onnx, "beside.onnx.data"));
    REQUIRE_OK(leati_file_write(t->context, leattest_scratch("beside.onnx.data"), weights,
                                sizeof weights));
    if (!start(t, leat_serve_options_default(), onnx, &server)) return;
    REQUIRE(serve_client_open(&k, leat_server_url(server)));
    CHECK(serve_client_ask(&k, "POST", "/v2/models/beside/infer", "", body, sizeof body - 1));
    CHECK_INT(k.status, 200);
    CHECK(strstr(k.body, "\"data\":[25]"));
    serve_client_close(&k);
    leat_server_destroy(server);
}

/* Maps of probabilities are a tensor with a column for each label. */
static void maps(leattest *t)
{
    static const char body[] = "{\"inputs\":[{\"name\":\"x\",\"shape\":[3,2],\"datatype\":\"FP32\","
                               "\"data\":[0,1,1,1,2,1]}]}";
    char onnx[512], leat[512];
    leat_server *server;
    serve_client k;
    copy_path(onnx, "zipped.onnx");
    copy_path(leat, "zipped.leat");
    REQUIRE_OK(leattest_zipped_classifier(t->context, onnx));
    REQUIRE_OK(leat_model_import(t->context, onnx, leat, NULL));
    const char *paths[] = {leat, onnx};
    for (int which = 0; which < 2; which++) {
        if (!start(t, leat_serve_options_default(), paths[which], &server)) return;
        REQUIRE(serve_client_open(&k, leat_server_url(server)));
        CHECK(serve_client_ask(&k, "GET", "/v2/models/zipped", "", "", 0));
        CHECK(serve_client_holds(k.body,
                                 "{\"name\":\"label\",\"datatype\":\"BYTES\",\"shape\":[-1]}|"
                                 "{\"name\":\"p\",\"datatype\":\"FP32\",\"shape\":[-1,2]}"));
        CHECK(serve_client_ask(&k, "GET", "/v2/models/zipped/config", "", "", 0));
        CHECK(strstr(k.body, "{\"name\":\"p\",\"data_type\":\"TYPE_FP32\",\"dims\":[-1,2]}"));
        CHECK(serve_client_ask(&k, "GET", "/api/v1/zipped", "", "", 0));
        CHECK(strstr(k.body, "\"labels\":[\"left\",\"right\"]"));
        CHECK(serve_client_ask(&k, "POST", "/v2/models/zipped/infer", "", body, sizeof body - 1));
        CHECK_INT(k.status, 200);
        json_t *root = json_loadb(k.body, k.body_length, 0, NULL);
        const json_t *outputs = json_object_get(root, "outputs");
        const json_t *labels = json_object_get(json_array_get(outputs, 0), "data"),
                     *shares = json_object_get(json_array_get(outputs, 1), "data");
        CHECK_STR(json_string_value(json_array_get(labels, 0)), "right");
        CHECK_STR(json_string_value(json_array_get(labels, 2)), "left");
        CHECK_INT(json_array_size(shares), 6);
        for (size_t i = 0; i < 3; i++) {
            double left = json_number_value(json_array_get(shares, 2 * i)),
                   right = json_number_value(json_array_get(shares, 2 * i + 1));
            CHECK_NEAR(left, 1 / (1 + exp(1 - (double)i)), 0, 1e-6);
            CHECK_NEAR(left + right, 1, 0, 1e-6);
        }
        json_decref(root);
        CHECK(serve_client_ask(&k, "POST", "/v2/models/zipped/infer",
                               "Inference-Header-Content-Length: 0\r\n", (const float[]){2, 1}, 8));
        CHECK_INT(k.status, 200);
        CHECK(strstr(k.body, "\"shape\":[1,2],\"parameters\":{\"binary_data_size\":8}"));
        serve_client_close(&k);
        leat_server_destroy(server);
    }
}

static leat_status start_and_end(leat_context *c, void *arg)
{
    leat_server *server;
    const char *models[] = {arg};
    leat_serve_options o = leat_serve_options_default();
    o.listen = "127.0.0.1:0";
    o.models = models;
    o.model_count = 1;
    o.workers = 1;
    leat_status st = leat_server_start(c, &o, &server);
    if (st == LEAT_OK) leat_server_destroy(server);
    return st;
}

static void little_memory(leattest *t)
{
    char onnx[512], leat[512];
    copy_path(onnx, "double.onnx");
    copy_path(leat, "double.leat");
    REQUIRE(make_graph(t, onnx, leat));
    leattest_fail_some_allocations(t, start_and_end, leat);
}

static const leattest_case cases[] = {TEST(joined),        TEST(full_queue),   TEST(matrices),
                                      TEST(cached),        TEST(half_answers), TEST(queries),
                                      TEST(graphs),        TEST(beside),       TEST(maps),
                                      TEST(little_memory), TEST(endless),      TEST(shapeless)};
LEATTEST_MAIN(cases)
