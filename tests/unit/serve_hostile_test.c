/* Requests that mean harm, above the framing (http_cases.def): names of models as ways to files,
 * bodies that are deep, long or lie about their sizes, keys that come near to one. */
#include <leat/data.h>
#include <leat/key.h>
#include <leat/serve.h>

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/fitted.h"
#include "support/leattest.h"
#include "support/serve_client.h"

/* A folder with iris.leat, and beside the folder a model that nobody may reach. */
static bool make_folder(leattest *t, char folder[512])
{
    leat_context *c = t->context;
    leat_frame *iris = NULL;
    char path[600];
    if (!CHECK_OK(leat_data_load(c, &iris, "iris", NULL))) return false;
    leat_model *m = leattest_model(c, iris, "species", NULL, "cart", NULL, "auto");
    snprintf(folder, 512, "%s", leattest_scratch("hostile"));
    mkdir(folder, 0700);
    snprintf(path, sizeof path, "%s/iris.leat", folder);
    bool ok = CHECK(m) && CHECK_OK(leat_model_save(c, m, path)) &&
              CHECK_OK(leat_model_save(c, m, leattest_scratch("decoy.leat")));
    leat_model_release(m);
    leat_frame_release(iris);
    return ok;
}

/* log: a file for accesses, and with ".rows" behind it for predictions; NULL: none. */
static leat_server *start(leattest *t, const char *folder, const char *keys, const char *log)
{
    char rows[600];
    leat_server *server = NULL;
    leat_serve_options o = leat_serve_options_default();
    o.listen = "127.0.0.1:0";
    o.models = &folder;
    o.model_count = 1;
    o.workers = 1;
    o.keys = keys;
    o.control = "yes";
    o.access_log = log;
    snprintf(rows, sizeof rows, "%s.rows", log ? log : "");
    if (log) o.prediction_log = rows;
    CHECK_OK(leat_server_start(t->context, &o, &server));
    return server;
}

/* On a connection of its own: most of these end it. The status, 0 without an answer. */
static int ask(serve_client *k, const leat_server *server, const char *method, const char *path,
               const char *headers, const char *body, size_t length)
{
    serve_client_close(k);
    *k = (serve_client){.fd = -1};
    if (!serve_client_open(k, leat_server_url(server))) return 0;
    return serve_client_ask(k, method, path, headers, body, length) ? k->status : 0;
}

static const char *const names[] = {"..",
                                    ".",
                                    "../decoy",
                                    "..%2fdecoy",
                                    "%2e%2e%2fdecoy",
                                    "%2e%2e/decoy",
                                    "..%5cdecoy",
                                    "%2e%2e%5cdecoy",
                                    "....//decoy",
                                    "%252e%252e%252fdecoy",
                                    "decoy",
                                    "decoy.leat",
                                    "../decoy.leat",
                                    "iris.leat",
                                    "iris%00",
                                    "iris%00.leat",
                                    "%00",
                                    "iris%0a",
                                    "iris%0d%0aX-Evil:%20yes",
                                    "%2fetc%2fpasswd",
                                    "/etc/passwd",
                                    "~",
                                    "~root",
                                    "iris:1",
                                    "iris=decoy",
                                    "*",
                                    "%2a",
                                    "iris%20",
                                    "%20iris",
                                    "IRIS",
                                    "\xff\xfe",
                                    "%ff%fe",
                                    "%c0%ae%c0%ae",
                                    "%u002e%u002e",
                                    ".hidden",
                                    "-",
                                    "--keys",
                                    "$(id)",
                                    "%24(id)",
                                    "file:%2f%2fdecoy",
                                    "http:%2f%2f127.0.0.1%2fx"};

static void names_as_ways(leattest *t)
{
    static const struct {
        const char *method, *before, *behind;
    } routes[] = {{"GET", "/v2/models/", ""},
                  {"GET", "/v2/models/", "/ready"},
                  {"POST", "/v2/models/", "/infer"},
                  {"POST", "/v2/models/", "/versions/1/infer"},
                  {"POST", "/v2/repository/models/", "/load"},
                  {"POST", "/v2/repository/models/", "/unload"},
                  {"GET", "/api/v1/", ""},
                  {"POST", "/api/v1/", ""},
                  {"POST", "/v2/models/iris/versions/", "/infer"}};
    static const char body[] =
        "{\"inputs\":[{\"name\":\"x\",\"shape\":[1,4],\"datatype\":\"FP64\",\"data\":[1,2,3,4]}]}";
    char folder[512], path[600];
    serve_client k = {.fd = -1};
    leat_server *server = make_folder(t, folder) ? start(t, folder, "no", NULL) : NULL;
    if (!server) return;
    for (size_t r = 0; r < sizeof routes / sizeof *routes; r++) {
        for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
            bool post = *routes[r].method == 'P';
            snprintf(path, sizeof path, "%s%s%s", routes[r].before, names[i], routes[r].behind);
            int status = ask(&k, server, routes[r].method, path, "", body, post ? strlen(body) : 0);
            /* "/api/v1/." and the like are refused for their form, the others are not there. */
            if (CHECK(status == 400 || status == 404) && !strstr(k.reply, "X-Evil: yes")) continue;
            printf("    %s %s: %d %s\n", routes[r].method, path, status, k.body ? k.body : "");
        }
    }
    char long_name[900] = "/v2/models/";
    memset(long_name + 11, 'a', 800);
    CHECK_INT(ask(&k, server, "GET", long_name, "", "", 0), 404);
    CHECK(k.length < 1000);
    CHECK_INT(ask(&k, server, "GET", "/v2/models", "", "", 0), 200);
    CHECK(strstr(k.body, "{\"models\":[\"iris\"]}"));
    CHECK_INT(ask(&k, server, "POST", "/v2/models/iris/infer", "", body, strlen(body)), 200);
    serve_client_close(&k);
    leat_server_destroy(server);
}

/* ---- bodies -----------------------------------------------------------------------------------
 */

enum { BIG = 4 << 20 };

typedef struct text {
    char *data;
    size_t length;
} text;

static void add(text *x, const char *words, size_t times)
{
    size_t n = strlen(words);
    for (size_t i = 0; i < times && x->length + n < BIG; i++) {
        memcpy(x->data + x->length, words, n);
        x->length += n;
    }
}

/* before, then `piece` so many times, then behind. */
static const struct {
    const char *before, *piece, *behind;
    size_t times;
} bodies[] = {
    {"", "[", "", 1000000},
    {"", "{\"a\":", "", 500000},
    {"{\"inputs\":", "[", "", 1000000},
    {"{\"inputs\":[{\"name\":\"x\",\"shape\":[1,4],\"datatype\":\"FP64\",\"data\":", "[", "",
     900000},
    {"{\"id\":", "[", "]", 700},
    {"{\"inputs\":[{\"name\":\"x\",\"shape\":[1,4],\"datatype\":\"FP64\",\"data\":[", "9", "]}]}",
     1000000},
    {"{\"inputs\":[{\"name\":\"x\",\"shape\":[1,4],\"datatype\":\"FP64\",\"data\":[1,2,3,0.", "0",
     "1e-5]}]}x", 1000000},
    {"{\"inputs\":[{\"name\":\"x\",\"shape\":[1,4],\"datatype\":\"INT64\",\"data\":[1,2,3,", "1",
     "]}]}", 1000000},
    {"{\"inputs\":[{\"name\":\"", "n",
     "\",\"shape\":[1,4],\"datatype\":\"FP64\",\"data\":[1,2,3,4]}]}", 100000},
    {"{\"inputs\":[{\"name\":\"x\",\"shape\":[", "1,",
     "4],\"datatype\":\"FP64\",\"data\":[1,2,3,4]}]}", 100000},
    {"{\"inputs\":[", "{\"name\":\"x\",\"shape\":[0,4],\"datatype\":\"FP64\",\"data\":[]},",
     "{\"name\":\"x\",\"shape\":[0,4],\"datatype\":\"FP64\",\"data\":[]}]}", 60000},
    {"{\"outputs\":[", "{\"name\":\"prediction\"},",
     "{\"name\":\"prediction\"}],\"inputs\":[{\"name\":\"x\",\"shape\":[1,4],\"datatype\":\"FP64\","
     "\"data\":[1,2,3,4]}]}",
     100000},
    {"{\"inputs\":[{\"name\":\"x\",\"shape\":[4294967296,4294967296],\"datatype\":\"FP64\","
     "\"data\":[",
     "1,", "1]}]}", 10},
    {"{\"inputs\":[{\"name\":\"x\",\"shape\":[9223372036854775807,4],\"datatype\":\"FP64\","
     "\"data\":[",
     "1,", "1]}]}", 3},
    {"{\"inputs\":[{\"name\":\"x\",\"shape\":[-1,4],\"datatype\":\"FP64\",\"data\":[", "1,",
     "1]}]}", 3},
    {"{\"inputs\":[{\"name\":\"x\",\"shape\":[1.5,4],\"datatype\":\"FP64\",\"data\":[", "1,",
     "1]}]}", 3},
    {"{\"inputs\":[{\"name\":\"x\",\"shape\":[1,4],\"datatype\":\"FP1024\",\"data\":[", "1,",
     "1]}]}", 3},
    {"{\"id\":\"", "\\u", "\"}", 100000},
    {"{\"", "\\ud800", "\":1}", 100000},
    {"{\"parameters\":{", "\"a\":1,", "\"b\":2}}", 100000},
    {"{\"inputs\":[{\"name\":\"x\",\"shape\":[1,4],\"datatype\":\"BYTES\",\"data\":[", "\"a\",",
     "\"b\"]}]}", 200000}};

static void harmful_bodies(leattest *t)
{
    char folder[512];
    text x = {malloc(BIG), 0};
    serve_client k = {.fd = -1};
    leat_server *server = x.data && make_folder(t, folder) ? start(t, folder, "no", NULL) : NULL;
    static const char *const paths[] = {"/v2/models/iris/infer", "/api/v1/iris", "/invocations"};
    for (size_t i = 0; server && i < sizeof bodies / sizeof *bodies; i++) {
        x.length = 0;
        add(&x, bodies[i].before, 1);
        add(&x, bodies[i].piece, bodies[i].times);
        add(&x, bodies[i].behind, 1);
        for (size_t p = 0; p < 3; p++) {
            int status = ask(&k, server, "POST", paths[p], "Content-Type: application/json\r\n",
                             x.data, x.length);
            /* Refused, in a short answer that repeats little of it. */
            if (CHECK(status >= 400 && status < 500) && CHECK(k.length < 2000)) continue;
            printf("    body %zu, %s: %d %.300s\n", i, paths[p], status, k.body ? k.body : "");
        }
    }
    serve_client_close(&k);
    leat_server_destroy(server);
    free(x.data);
}

/* Headers and bodies of the binary extension that lie. */
static const struct {
    const char *length, *json;
    size_t raw;
} lies[] = {
#define HEAD "{\"inputs\":[{\"name\":\"x\",\"shape\":[1,4],\"datatype\":\"FP64\",\"parameters\":{"
    {"999999", HEAD "\"binary_data_size\":32}}]}", 32},
    {"18446744073709551615", HEAD "\"binary_data_size\":32}}]}", 32},
    {"18446744073709551617", HEAD "\"binary_data_size\":32}}]}", 32},
    {"-1", HEAD "\"binary_data_size\":32}}]}", 32},
    {"0x10", HEAD "\"binary_data_size\":32}}]}", 32},
    {"1", HEAD "\"binary_data_size\":32}}]}", 32},
    {NULL, HEAD "\"binary_data_size\":33}}]}", 33},
    {NULL, HEAD "\"binary_data_size\":32}}]}", 31},
    {NULL, HEAD "\"binary_data_size\":32}}]}", 33},
    {NULL, HEAD "\"binary_data_size\":18446744073709551615}}]}", 32},
    {NULL, HEAD "\"binary_data_size\":-32}}]}", 32},
    {NULL, HEAD "\"binary_data_size\":32e0}}]}", 32},
    {NULL, HEAD "\"binary_data_size\":32},\"data\":[1,2,3,4]}]}", 32},
    {NULL,
     "{\"inputs\":[{\"name\":\"x\",\"shape\":[2305843009213693952,4],\"datatype\":\"FP64\","
     "\"parameters\":{\"binary_data_size\":0}}]}",
     0},
    {NULL,
     "{\"inputs\":[{\"name\":\"x\",\"shape\":[1,4],\"datatype\":\"BYTES\",\"parameters\":{"
     "\"binary_data_size\":16}}]}",
     16}};

static void lying_sizes(leattest *t)
{
    char folder[512], body[1024], headers[128];
    serve_client k = {.fd = -1};
    leat_server *server = make_folder(t, folder) ? start(t, folder, "no", NULL) : NULL;
    for (size_t i = 0; server && i < sizeof lies / sizeof *lies; i++) {
        size_t n = strlen(lies[i].json);
        memcpy(body, lies[i].json, n);
        memset(body + n, 0xff, lies[i].raw);
        char own[32];
        snprintf(own, sizeof own, "%zu", n);
        snprintf(
            headers, sizeof headers,
            "Content-Type: application/octet-stream\r\nInference-Header-Content-Length: %s\r\n",
            lies[i].length ? lies[i].length : own);
        int status =
            ask(&k, server, "POST", "/v2/models/iris/infer", headers, body, n + lies[i].raw);
        if (CHECK_INT(status, 400)) continue;
        printf("    case %zu: %.300s\n", i, k.body ? k.body : "");
    }
    serve_client_close(&k);
    leat_server_destroy(server);
}

/* ---- keys -------------------------------------------------------------------------------------
 */

static bool holds(const char *path, const char *words)
{
    static char data[1 << 20];
    FILE *f = fopen(path, "rb");
    size_t n = f ? fread(data, 1, sizeof data - 1, f) : 0;
    if (f) fclose(f);
    for (size_t i = 0, length = strlen(words); i + length <= n; i++)
        if (memcmp(data + i, words, length) == 0) return true;
    return false;
}

/* The secret with one change; false when there is none of that number. */
static bool change(char sent[128], const char *secret, int number)
{
    snprintf(sent, 128, "%s", secret);
    if (number < LEAT_KEY_SIZE - 1) sent[number] = sent[number] == 'x' ? 'y' : 'x';
    else if (number == LEAT_KEY_SIZE - 1) sent[number - 1] = '\0';
    else if (number == LEAT_KEY_SIZE) strcat(sent, "a");
    else if (number == LEAT_KEY_SIZE + 1) snprintf(sent, 128, "Basic %s", secret);
    else return false;
    return true;
}

static int ask_with(serve_client *k, const leat_server *server, bool bearer, const char *key)
{
    static const char body[] =
        "{\"inputs\":[{\"name\":\"x\",\"shape\":[1,4],\"datatype\":\"FP64\",\"data\":[1,2,3,4]}]}";
    char headers[256];
    snprintf(headers, sizeof headers, bearer ? "Authorization: Bearer %s\r\n" : "X-API-Key: %s\r\n",
             key);
    return ask(k, server, "POST", "/v2/models/iris/infer", headers, body, strlen(body));
}

/* What is near to a key is no key; neither answers nor logs repeat what was sent as one, wherever
 * it stood. */
static void near_keys(leattest *t)
{
    static const char *const places[] = {"/v2/models/absent?key=%s", "/api/v1/iris?key=%s",
                                         "/v2/models/%s", "/%s"};
    char folder[512], where[512], log[512], rows[600], secret[LEAT_KEY_SIZE], sent[128];
    leat_key_store *store = NULL;
    serve_client k = {.fd = -1};
    snprintf(where, sizeof where, "%s", leattest_scratch("hostile.db"));
    snprintf(log, sizeof log, "%s", leattest_scratch("hostile.log"));
    snprintf(rows, sizeof rows, "%s.rows", log);
    unlink(where), unlink(log), unlink(rows);
    if (!make_folder(t, folder) || !CHECK_OK(leat_key_store_open(t->context, &store, where, true)))
        return;
    CHECK_OK(leat_key_add(store, "near", NULL, secret));
    leat_key_store_close(store);
    leat_server *server = start(t, folder, where, log);
    if (!server) return;
    for (int way = 0; way < 2; way++) {
        CHECK_INT(ask_with(&k, server, way, secret), 200);
        CHECK(!strstr(k.reply, secret + 5));
        for (int i = 0; change(sent, secret, i); i++) {
            if (!CHECK_INT(ask_with(&k, server, way, sent), 401)) printf("    change %d\n", i);
            CHECK(!strstr(k.reply, sent + 5));
        }
    }
    /* Beside what a proxy on the way asks for. */
    char both[256];
    snprintf(both, sizeof both, "Authorization: Basic bGVhdDpsZWF0\r\nX-API-Key: %s\r\n", secret);
    CHECK_INT(ask(&k, server, "GET", "/v2/models/iris", both, "", 0), 200);
    snprintf(both, sizeof both, "X-API-Key: other\r\nAuthorization: Bearer %s\r\n", secret);
    CHECK_INT(ask(&k, server, "GET", "/v2/models/iris", both, "", 0), 200);
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        char path[256];
        snprintf(path, sizeof path, places[i], secret);
        CHECK(ask(&k, server, "GET", path, "", "", 0) >= 400);
        CHECK(i >= 2 || !strstr(k.reply, secret)); /* who asks for it as a path is told so */
    }
    serve_client_close(&k);
    leat_server_destroy(server);
    CHECK(holds(log, "/v2/models/iris/infer") && holds(rows, "setosa"));
    CHECK(!holds(log, secret + 5) && !holds(rows, secret + 5));
    CHECK(!holds(where, secret + 5));
}

static const leattest_case cases[] = {TEST(names_as_ways), TEST(harmful_bodies), TEST(lying_sizes),
                                      TEST(near_keys)};
LEATTEST_MAIN(cases)
