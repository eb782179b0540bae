/* The API by names over real sockets: forms with files, texts, images, explanations; and that every
 * status code that the API promises is given for its reason. */
#include <leat/key.h>
#include <leat/monitor.h>
#include <leat/serve.h>

#include <jansson.h>
#include <math.h>

#include "base/hash.h"
#include "frame/frame.h"
#include "io/png.h"
#include "serve/serve_state.h"
#include "support/fitted.h"
#include "support/leattest.h"
#include "support/serve_client.h"
#include "support/serve_crowd.h"
#include "support/tables.h"

/* mixed (inputs of every kind), word (a text to a number), picture (4 x 4 to a number), wide (48
 * numbers to a class), vote (a classifier without probabilities), sums (one that can be overcome by
 * large numbers). */
enum { MODELS = 6 };
static const char *const names[MODELS] = {"mixed", "word", "picture", "wide", "vote", "sums"};

static leat_frame *pictures(leat_context *c)
{
    enum { ROWS = 40 };
    const size_t shape[3] = {4, 4, 1};
    leat_frame *f = leati_frame_create(c, ROWS);
    leati_column *pixels = leati_column_array(c, LEATI_ITEM_U8, shape, ROWS),
                 *y = leati_column_create(c, LEAT_F64, ROWS);
    leat_status st = f && pixels && y ? LEAT_OK : LEAT_NOMEM;
    for (size_t i = 0; st == LEAT_OK && i < 16 * ROWS; i++) pixels->u8[i] = (uint8_t)(i * 37);
    for (size_t i = 0; st == LEAT_OK && i < ROWS; i++) y->f64[i] = pixels->u8[16 * i];
    if (st == LEAT_OK) st = leati_frame_add(c, f, "image", pixels);
    if (st == LEAT_OK) st = leati_frame_add(c, f, "brightness", y);
    return st == LEAT_OK ? f : NULL;
}

static bool make_models(leattest *t)
{
    leat_context *c = t->context;
    leat_frame *table = leattest_table(c, 200, 7), *numbers = leattest_numbers(c, 200, false),
               *images = pictures(c);
    if (!CHECK(table && numbers && images)) return false;
    leat_model *m[MODELS] = {
        leattest_model(c, table, "kind", "weight|id", "cart", NULL, "auto"),
        leattest_model(c, table, "weight", "length|width|round|when|kind|id", "ridge", NULL,
                       "auto"),
        leattest_model(c, images, "brightness", NULL, "cart", NULL, "auto"),
        leattest_model(c, numbers, "class", NULL, "logistic", NULL, "auto"),
        leattest_model(c, table, "kind", "weight|id|colour|round|when", "linear_svc", NULL, "auto"),
        leattest_model(c, table, "kind", "weight|id|colour|round|when", "lda", NULL, "auto"),
    };
    bool ok = true;
    for (int i = 0; i < MODELS; i++) {
        char name[64];
        snprintf(name, sizeof name, "%s.leat", names[i]);
        ok = ok && CHECK(m[i]) && CHECK_OK(leat_model_save(c, m[i], leattest_scratch(name)));
        leat_model_release(m[i]);
    }
    leat_frame_release(table);
    leat_frame_release(numbers);
    leat_frame_release(images);
    return ok;
}

static bool start_with(leattest *t, leat_serve_options o, leat_server **server, serve_client *k)
{
    char paths[MODELS][512];
    const char *models[MODELS];
    *k = (serve_client){.fd = -1};
    *server = NULL;
    if (!LEAT_HAVE_SERVER) {
        leattest_skip(t, "this build has no server");
        return false;
    }
    if (!make_models(t)) return false;
    for (int i = 0; i < MODELS; i++) {
        char name[64];
        snprintf(name, sizeof name, "%s.leat", names[i]);
        snprintf(paths[i], sizeof paths[i], "%s", leattest_scratch(name));
        models[i] = paths[i];
    }
    o.listen = "127.0.0.1:0", o.models = models, o.model_count = MODELS, o.workers = 2;
    o.max_body = 100000;
    return CHECK_OK(leat_server_start(t->context, &o, server)) &&
           CHECK(serve_client_open(k, leat_server_url(*server)));
}

static bool start(leattest *t, const char *keys, leat_server **server, serve_client *k)
{
    leat_serve_options o = leat_serve_options_default();
    o.keys = keys;
    return start_with(t, o, server, k);
}

typedef struct request {
    const char *method, *path, *headers, *body;
    int status;
    const char *words; /* separated by '|': all stand in the answer */
} request;

#define MULTI "Content-Type: multipart/form-data; boundary=b\r\n"
#define PART(name, data)                                                                           \
    "--b\r\nContent-Disposition: form-data; name=\"" name "\"\r\n\r\n" data "\r\n"
#define FILE_PART(name, type, data)                                                                \
    "--b\r\nContent-Disposition: form-data; name=\"" name                                          \
    "\"; filename=\"f\"\r\nContent-Type: " type "\r\n\r\n" data "\r\n"
#define END  "--b--\r\n"
#define REST PART("width", "") PART("colour", "red") PART("round", "true")
#define WHEN PART("when", "2024-03-01")
#define ROW  PART("length", "1.5") REST WHEN
#define TEXT "Content-Type: text/plain; charset=utf-8\r\n"
#define JSON_ROW                                                                                   \
    "\"length\":1.5,\"width\":2,\"colour\":\"red\",\"round\":true,\"when\":\"2024-03-01\""
#define CSV    "Content-Type: text/csv\r\n"
#define HEADER "length,width,colour,round,when\n"
#define MIXED  "/api/v1/mixed"

static const request requests[] = {
    /* Forms with files. */
    {"POST", MIXED, MULTI, ROW END, 200, "\"predictions\":[|\"probabilities\""},
    {"POST", MIXED, "Content-Type: Multipart/Form-Data;boundary=\"b\" ; charset=utf-8\r\n", ROW END,
     200, "\"predictions\":["},
    {"POST", MIXED, MULTI,
     FILE_PART("table", "text/csv",
               "length,width,colour,round,when\r\n1,2,red,true,2024-03-01\r\n3,4,blue,false,"
               "2024-03-02") END,
     200, "},{"},
    {"POST", "/api/v1/word", MULTI, FILE_PART("any", "text/plain", "green\n") END, 200,
     "\"predictions\":["},
    {"POST", MIXED, MULTI, ROW PART("length", "2") END, 400, "'length' stands twice"},
    {"POST", MIXED, MULTI, PART("length", "1") REST END, 422, "field 'when' is missing"},
    {"POST", MIXED, MULTI, PART("length", "many") REST WHEN END, 422,
     "field 'length': 'many' is not a number"},
    {"POST", MIXED, MULTI, ROW PART("lenght", "2") END, 422, "no input 'lenght'"},
    {"POST", MIXED, MULTI, ROW FILE_PART("t", "text/csv", "length\n1") END, 422, "not both"},
    {"POST", MIXED, MULTI, FILE_PART("length", "audio/wav", "RIFF") END, 415, "part 'length'"},
    {"POST", MIXED, MULTI, FILE_PART("length", "image/png", "\x89PNG") END, 415, "UTF-8"},
    {"POST", MIXED, MULTI, END, 422, "missing_field"},
    {"POST", MIXED, MULTI, "", 400, "malformed_multipart"},
    {"POST", MIXED, MULTI, "preamble\r\n" ROW END, 400, "begin with the boundary"},
    {"POST", MIXED, MULTI, ROW "--b", 400, "end of its line"},
    {"POST", MIXED, MULTI, ROW END "epilogue", 400, "last boundary"},
    {"POST", MIXED, MULTI, "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nno end", 400,
     "no boundary ends it"},
    {"POST", MIXED, MULTI, "--b\nContent-Disposition: form-data; name=\"a\"\n\nx\n--b--", 400,
     "end of its line"},
    {"POST", MIXED, MULTI, "--b\r\nContent-Disposition: form-data; name=\"a\"\n\nx\r\n--b--", 400,
     "malformed_multipart"},
    {"POST", MIXED, MULTI, "--b\r\n\r\nx\r\n--b--", 400, "no Content-Disposition"},
    {"POST", MIXED, MULTI, "--b\r\nContent-Disposition: attachment; name=\"a\"\r\n\r\nx\r\n" END,
     400, "not form-data"},
    {"POST", MIXED, MULTI, "--b\r\nContent-Disposition: form-data; name=\"a\r\n\r\nx\r\n" END, 400,
     "cannot be read"},
    {"POST", MIXED, MULTI, "--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n" END, 400,
     "no name"},
    {"POST", MIXED, MULTI, "--b\r\nContent-Disposition: form-data; name=a; name=b\r\n\r\nx\r\n" END,
     400, "two names"},
    {"POST", MIXED, MULTI,
     "--b\r\nContent-Disposition: form-data; name=a\r\nContent-Disposition: form-data; "
     "name=a\r\n\r\nx\r\n" END,
     400, "two Content-Dispositions"},
    {"POST", MIXED, MULTI,
     "--b\r\nContent-Disposition: form-data; name=a\r\nContent-Transfer-Encoding: base64\r\n\r\n"
     "eA==\r\n" END,
     400, "transfer encoding"},
    {"POST", MIXED, MULTI, "--b\r\nContent-Disposition : form-data; name=a\r\n\r\nx\r\n" END, 400,
     "no header field"},
    {"POST", MIXED, MULTI, "--b\r\n folded: x\r\n\r\nx\r\n" END, 400, "no header field"},
    {"POST", MIXED, "Content-Type: multipart/form-data\r\n", ROW END, 400, "needs one boundary"},
    {"POST", MIXED, "Content-Type: multipart/form-data; boundary=b; boundary=c\r\n", ROW END, 400,
     "needs one boundary"},
    {"POST", MIXED, "Content-Type: multipart/form-data; boundary=\"b \"\r\n", ROW END, 400,
     "needs one boundary"},
    {"POST", MIXED, "Content-Type: multipart/mixed; boundary=b\r\n", ROW END, 415, "text/csv"},
    /* Texts, sound. */
    {"POST", "/api/v1/word", TEXT, "red", 200, "\"predictions\":["},
    {"POST", "/api/v1/word", TEXT, "\xef\xbb\xbfred\r\n", 200, "\"predictions\":["},
    {"POST", "/api/v1/word", "", "{\"colour\":\"red\"}", 200, "\"predictions\":["},
    {"POST", "/v2/models/word/infer", "Inference-Header-Content-Length: 0\r\n", "red", 400,
     "raw request is for numbers"},
    {"POST", "/api/v1/word", TEXT, "\xff", 422, "UTF-8"},
    {"POST", "/api/v1/word", "Content-Type: text/plain; charset=latin1\r\n", "red", 415, "UTF-8"},
    {"POST", MIXED, TEXT, "red", 415, "text/csv"},
    {"POST", "/api/v1/word", "Content-Type: audio/flac\r\n", "fLaC", 415, "takes sound|text/plain"},
    /* Explanations. */
    {"POST", MIXED "?explain=true", "", "{" JSON_ROW "}", 200,
     "\"explanations\":[{\"class\":|\"contributions\":{\"length\":|closed form"},
    {"POST", MIXED "?explain=false", "", "{" JSON_ROW "}", 200, "\"predictions\":["},
    {"POST", MIXED "?explain=perhaps", "", "{" JSON_ROW "}", 422, "'explain'|neither"},
    {"POST", MIXED, "", "{\"explain\":1," JSON_ROW "}", 422, "'explain'"},
    {"POST", MIXED, "", "{\"explain\":null," JSON_ROW "}", 200, "\"predictions\":["},
    {"POST", MIXED, "", "{" JSON_ROW ",\"explain\":true}", 200, "\"explanations\":["},
    {"POST", MIXED, "", "{\"explain\":true,\"rows\":[{" JSON_ROW "},{" JSON_ROW "}]}", 200,
     "},{\"class\""},
    {"POST", MIXED, "", "{\"rows\":[{" JSON_ROW "}],\"explain\":true}", 200, "\"explanations\":["},
    {"POST", MIXED, MULTI, ROW PART("explain", "true") END, 200, "\"explanations\":["},
    {"GET", MIXED "?length=1.5&width=2&colour=red&round=true&when=2024-03-01&explain=true", "", "",
     200, "\"explanations\":["},
    {"POST", "/api/v1/wide?explain=true", "", "{}", 422, "missing_field"},
    {"POST", "/api/v1/picture?explain=true", "", "{\"image\":[200,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9]}",
     200, "\"patches\":{\"image\":[[|sampled orders|\"what\":\"prediction\""},
    {"POST", "/api/v1/vote?explain=true", "", "{\"length\":4,\"width\":3}", 200,
     "whether the class is predicted"},
    {"POST", "/api/v1/word?explain=true", TEXT, "red", 200, "\"base\":"},
    {"POST", MIXED "?explain=true&explain=true", "", "{" JSON_ROW "}", 400, "stands twice"},
    {"POST", MIXED "?explain=false", "", "{" JSON_ROW ",\"explain\":true}", 400, "contradiction"},
    {"POST", MIXED "?explain=true", "", "{\"explain\":false,\"rows\":[{" JSON_ROW "}]}", 400,
     "contradiction"},
    {"POST", MIXED "?explain=true", "", "{\"explain\":true,\"rows\":[{" JSON_ROW "}]}", 200,
     "\"explanations\":["},
    /* Members that stand twice. */
    {"POST", MIXED, "", "{\"explain\":true," JSON_ROW ",\"explain\":false}", 400,
     "duplicate_field|'explain' stands twice"},
    {"POST", MIXED, "", "{\"rows\":[{" JSON_ROW "}],\"explain\":false,\"explain\":false}", 400,
     "'explain' stands twice"},
    {"POST", MIXED, "", "{\"explain\":false,\"rows\":[{" JSON_ROW "}],\"explain\":false}", 400,
     "'explain' stands twice"},
    {"POST", MIXED, "", "[{\"explain\":true," JSON_ROW "},{" JSON_ROW ",\"explain\":true}]", 200,
     "\"explanations\":["},
    {"POST", MIXED, "", "{\"rows\":[{" JSON_ROW "}],\"rows\":[]}", 400, "'rows' stands twice"},
    {"POST", MIXED, "", "{\"rows\":[{" JSON_ROW "}],\"rows\":5}", 400, "'rows' stands twice"},
    {"POST", MIXED, MULTI, ROW PART("explain", "true") PART("explain", "true") END, 400,
     "'explain' stands twice"},
    /* Names that nobody knows: of no meaning in rows, a slip elsewhere. */
    {"POST", MIXED, "", "{" JSON_ROW ",\"price\":7}", 200, "\"predictions\":["},
    {"POST", MIXED "?explian=true", "", "{" JSON_ROW "}", 422,
     "unknown_field|'explian'|did you mean 'explain'?"},
    {"POST", MIXED "?width=5", "", "{" JSON_ROW "}", 422, "unknown_field|inputs stand in the body"},
    {"GET", MIXED "?lenght=1.5", "", "", 422, "no input 'lenght'; did you mean 'length'?"},
    /* Tables. */
    {"POST", MIXED, CSV, "length,width,colour,round\n1,2,red,true\n", 422,
     "missing_field|the column 'when'"},
    {"POST", MIXED, CSV, HEADER "1,2,red,true,2024-03-01\n1,many,red,true,2024-03-01\n", 422,
     "invalid_value|{\"error\":\"line 3, column width: 'many' is not a number"},
    {"POST", MIXED, CSV, "length,length,width,colour,round,when\n1,9,2,red,true,2024-03-01\n", 422,
     "duplicate_field|the body names the column 'length' twice"},
    {"POST", MIXED, CSV, "x,x,length,width,colour,round,when\n7,8,1,2,red,true,2024-03-01\n", 200,
     "\"predictions\":["},
    {"POST", MIXED, CSV, HEADER "1,inf,red,true,2024-03-01\n", 422, "invalid_value"},
    {"POST", MIXED, CSV, HEADER "1,2\n", 422, "invalid_input|{\"error\":\"line 2 has 2 values"},
    /* Texts. */
    {"POST", "/v2/models/word/infer", "",
     "{\"inputs\":[{\"name\":\"colour\",\"datatype\":\"BYTES\",\"shape\":[1],\"data\":"
     "[\"\\ud800\"]}]}",
     400, "surrogate"},
    {"POST", "/api/v1/word", "", "{\"colour\":\"\\ud83d\\ude00 \\u00e9\"}", 200,
     "\"predictions\":["},
    {"POST", "/api/v1/word", "", "{\"colour\":\"a\\ud800\"}", 422,
     "invalid_value|field 'colour'|surrogate"},
    {"POST", "/api/v1/word", "", "{\"colour\":\"\\ude00\\ud83d\"}", 422, "surrogate"},
    {"GET", "/openapi.json", "", "", 200,
     "\"when\":{\"anyOf\":[{\"format\":\"date\"},{\"format\":\"date-time\"}],\"type\":["
     "\"string\",\"null\"],\"examples\":[\"20"},
    /* Answers that are none. */
    {"POST", "/api/v1/sums", "", "{\"length\":4,\"width\":3}", 200, "\"probabilities\":[{"},
    {"POST", "/api/v1/sums", "", "[[4,3],[1e308,-1e308]]", 422, "not_finite|row 2: "},
    {"GET", "/api/v1/sums?length=1e308&width=-1e308", "", "", 422, "not_finite"},
    {"GET", "/api/v1/picture", "", "", 200, "ETag: \"|\"role\":\"array\""},
    /* Ends the connection. */
    {"GET", "/api/v1/../etc", "", "", 400, "bad_path"},
};

static void answers(leattest *t)
{
    leat_server *server;
    serve_client k;
    if (start(t, NULL, &server, &k)) {
        for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
            const request *q = &requests[i];
            bool came =
                serve_client_ask(&k, q->method, q->path, q->headers, q->body, strlen(q->body));
            bool good = CHECK(came) && CHECK_INT(k.status, q->status) &&
                        CHECK(serve_client_holds(k.reply, q->words));
            /* One shape of errors. */
            if (came && q->status >= 400)
                good = CHECK(serve_client_holds(
                           k.body, "{\"error\":\"|\",\"code\":\"|\"request_id\":\"")) &&
                       CHECK(!strstr(k.body, "\"request_id\":\"\"")) && good;
            if (good) continue;
            printf("    %s %s %s: %.500s\n", q->method, q->path, q->body, came ? k.body : "");
            if (!came) break;
        }
    }
    serve_client_close(&k);
    leat_server_destroy(server);
}

/* ---- explanations add up ----------------------------------------------------------------------
 */

static void adds_up(leattest *t, serve_client *k, size_t rows, bool probability)
{
    json_t *root = json_loadb(k->body, k->body_length, 0, NULL), *one;
    if (!CHECK(root)) return;
    json_t *all = json_object_get(root, "explanations");
    CHECK_INT(json_array_size(all), rows);
    size_t i;
    json_array_foreach(all, i, one)
    {
        const char *name;
        json_t *share;
        double sum = json_number_value(json_object_get(one, "base"));
        json_object_foreach(json_object_get(one, "contributions"), name, share) sum +=
            json_number_value(share);
        double value = json_number_value(json_object_get(one, "value"));
        CHECK_NEAR(sum, value, 1e-9, 1e-9);
        json_t *given = json_array_get(json_object_get(root, "predictions"), i);
        if (probability) {
            const char *class = json_string_value(given);
            char text[32];
            if (!class) {
                snprintf(text, sizeof text, "%lld", (long long)json_integer_value(given));
                class = text;
            }
            given =
                json_object_get(json_array_get(json_object_get(root, "probabilities"), i), class);
        }
        CHECK_NEAR(value, json_number_value(given), 1e-12, 1e-15);
    }
    json_decref(root);
}

static void explanations(leattest *t)
{
    leat_server *server;
    serve_client k;
    char *body = malloc(60000);
    if (start(t, NULL, &server, &k) && CHECK(body)) {
        size_t n = (size_t)sprintf(body, "[");
        for (int r = 0; r < 64; r++)
            n += (size_t)sprintf(body + n,
                                 "%s{\"length\":%d.5,\"width\":%s,\"colour\":\"%s\",\"round\":true,"
                                 "\"when\":\"2020-10-%02d\"}",
                                 r ? "," : "", r % 9, r % 5 ? "2" : "null", r % 2 ? "red" : "pink",
                                 r % 28 + 1);
        CHECK(serve_client_ask(&k, "POST", "/api/v1/mixed?explain=true", "", body, n + 0));
        CHECK_INT(k.status, 400); /* no ']' yet */
        n += (size_t)sprintf(body + n, "]");
        CHECK(serve_client_ask(&k, "POST", "/api/v1/mixed?explain=true", "", body, n));
        if (CHECK_INT(k.status, 200)) adds_up(t, &k, 64, true);
        body[n - 1] = ',';
        n += (size_t)sprintf(body + n, "[1,2,\"red\",true,\"2020-10-01\"]]");
        CHECK(serve_client_ask(&k, "POST", "/api/v1/mixed?explain=true", "", body, n));
        CHECK_INT(k.status, 422);
        CHECK(strstr(k.body, "too_many_rows") && strstr(k.body, "at most 64"));
        n = (size_t)sprintf(body, "[[");
        for (int i = 0; i < 48; i++) n += (size_t)sprintf(body + n, "%s%g", i ? "," : "", 0.1 * i);
        n += (size_t)sprintf(body + n, "]]");
        CHECK(serve_client_ask(&k, "POST", "/api/v1/wide?explain=true", "", body, n));
        if (CHECK_INT(k.status, 200)) adds_up(t, &k, 1, true);
        CHECK(strstr(k.body, "standard_errors"));
        CHECK(serve_client_ask(&k, "POST", "/api/v1/word?explain=true", TEXT, "blue", 4));
        if (CHECK_INT(k.status, 200)) adds_up(t, &k, 1, false);
        /* What is counted is what was asked. */
        CHECK(serve_client_ask(&k, "GET", "/v2/models/word/stats", "", "", 0));
        CHECK(strstr(k.body, "\"inference_count\":1,"));
    }
    free(body);
    serve_client_close(&k);
    leat_server_destroy(server);
}

/* ---- large images ------------------------------------------------------------------------------
 */

static bool ask_image(leattest *t, serve_client *k, size_t side, int status)
{
    leati_str png;
    uint8_t *data = calloc(side, side);
    leati_pixels pixels = {data, side, side, 1};
    leati_str_init(&png, t->context);
    bool ok = CHECK(data) && CHECK_OK(leati_png_add(t->context, &pixels, &png)) &&
              CHECK(png.length < 4096) &&
              CHECK(serve_client_ask(k, "POST", "/api/v1/picture", "Content-Type: image/png\r\n",
                                     leati_str_text(&png), png.length)) &&
              CHECK_INT(k->status, status);
    leati_str_fini(&png);
    free(data);
    return ok;
}

/* How long a row took when the models were warmed up: whatever this machine is busy with. */
static void rows_take(leat_server *server, uint64_t ns)
{
    leati_serve *s = (leati_serve *)server; /* its first member */
    const leati_shelf *shelf = leati_repository_pin(s->repository, 0);
    for (size_t i = 0; i < shelf->count; i++) shelf->served[i]->row_ns = ns;
    leati_repository_unpin(s->repository, 0);
}

/* A few kilobytes can hold millions of pixels, which no loop unpacks. */
static void large_images(leattest *t)
{
    leat_server *server;
    serve_client k;
    leat_serve_options alone = leat_serve_options_default();
    alone.batch_rows = 1;
    if (start_with(t, alone, &server, &k) && LEAT_HAVE_PNG) {
        rows_take(server, 1000);
        CHECK(ask_image(t, &k, 16, 200));
        CHECK(serve_queue_ns(&k, "picture") == 0);
        CHECK(ask_image(t, &k, 1024, 200));
        CHECK(serve_queue_ns(&k, "picture") > 0);
    }
    serve_client_close(&k);
    leat_server_destroy(server);
    /* They count as the long bodies that they unfold to, and no longer than they are there. */
    leat_serve_options o = leat_serve_options_default();
    o.max_requests = 1000000;
    if (start_with(t, o, &server, &k) && LEAT_HAVE_PNG) {
        CHECK(ask_image(t, &k, 1024, 413));
        CHECK(strstr(k.body, "unfolds to 1048576 bytes"));
        for (int i = 0; i < 10; i++) CHECK(ask_image(t, &k, 900, 200));
    }
    serve_client_close(&k);
    leat_server_destroy(server);
}

/* ---- status codes -----------------------------------------------------------------------------
 */

/* 413, 429, 401, 403 here; 503 in serve_upload_test and http_server_test; 201, 204, 409 in
 * serve_upload_test; the others above. */
static void limits(leattest *t)
{
    leat_server *server;
    serve_client k;
    char store[600], secret[LEAT_KEY_SIZE], headers[400], *big = calloc(1, 100001);
    snprintf(store, sizeof store, "%s", leattest_scratch("keys.db"));
    leat_key_store *keys;
    REQUIRE_OK(leat_key_store_open(t->context, &keys, store, true));
    leat_key_options o = leat_key_options_default();
    o.models = "mixed";
    o.rate = 0.01, o.burst = 3;
    CHECK_OK(leat_key_add(keys, "slow", &o, secret));
    leat_key_store_close(keys);
    if (start(t, store, &server, &k) && CHECK(big)) {
        snprintf(headers, sizeof headers, "Authorization: Bearer %s\r\n", secret);
        CHECK(serve_client_ask(&k, "GET", MIXED, "", "", 0));
        CHECK_INT(k.status, 401);
        CHECK(serve_client_ask(&k, "GET", "/api/v1/wide", headers, "", 0));
        CHECK_INT(k.status, 403);
        CHECK(serve_client_ask(&k, "GET", MIXED, headers, "", 0));
        CHECK_INT(k.status, 200);
        CHECK(serve_client_ask(&k, "POST", MIXED, headers, "{}", 2)); /* faults say what is left */
        CHECK_INT(k.status, 422);
        CHECK(strstr(k.reply, "RateLimit: ") && strstr(k.reply, "RateLimit-Policy: "));
        for (int i = 0; i < 3 && k.status != 429; i++)
            CHECK(serve_client_ask(&k, "GET", MIXED, headers, "", 0));
        CHECK_INT(k.status, 429);
        CHECK(serve_client_holds(k.reply, "Retry-After: |RateLimit: |\"code\":|request_id"));
        serve_client_close(&k);
        leat_server_destroy(server);
        if (start(t, NULL, &server, &k)) {
            CHECK(serve_client_ask(&k, "POST", MIXED, "", big, 100001));
            CHECK_INT(k.status, 413);
            serve_client_close(&k);
            CHECK(serve_client_open(&k, leat_server_url(server)));
            CHECK(serve_client_ask(&k, "GET", MIXED, "", "{}", 2));
            CHECK_INT(k.status, 413);
            CHECK(strstr(k.body, "takes no body"));
        }
    }
    free(big);
    serve_client_close(&k);
    leat_server_destroy(server);
}

/* ---- images in the prediction log --------------------------------------------------------------
 */

/* The log that one picture leaves. */
static char *log_of(leattest *t, const char *arrays)
{
    static const char row[] = "{\"image\":[200,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9]}";
    leat_server *server;
    serve_client k;
    char path[512], *text = calloc(1, 4096);
    leat_serve_options o = leat_serve_options_default();
    snprintf(path, sizeof path, "%s", leattest_scratch("pictures.log"));
    remove(path);
    o.prediction_log = path;
    o.log_arrays = arrays;
    if (start_with(t, o, &server, &k)) {
        CHECK(serve_client_ask(&k, "POST", "/api/v1/picture", "", row, sizeof row - 1));
        CHECK_INT(k.status, 200);
    }
    serve_client_close(&k);
    if (server) leat_server_drain(server, 5);
    leat_server_destroy(server);
    FILE *f = fopen(path, "r");
    if (f && text) text[fread(text, 1, 4095, f)] = '\0';
    if (f) fclose(f);
    return text;
}

static void logged_images(leattest *t)
{
    uint8_t pixels[16] = {200};
    char hex[65], wanted[200], path[512];
    leat_frame *log = NULL;
    size_t at;
    if (!LEAT_HAVE_SERVER) {
        leattest_skip(t, "this build has no server");
        return;
    }
    memset(pixels + 1, 9, 15);
    leati_sha256_hex(pixels, sizeof pixels, hex);
    char *text = log_of(t, NULL);
    snprintf(wanted, sizeof wanted,
             "\"inputs\":{\"image\":{\"type\":\"u8\",\"shape\":[4,4,1],\"sha256\":\"%s\"}}", hex);
    CHECK(strstr(text, wanted));
    free(text);
    snprintf(path, sizeof path, "%s", leattest_scratch("pictures.log"));
    if (CHECK_OK(leat_prediction_log_read(t->context, &log, path, NULL))) {
        CHECK(!leat_frame_find(log, "image", &at));
        CHECK(leat_frame_find(log, "log.image.sha256", &at));
        CHECK(leat_frame_find(log, "log.prediction", &at));
    }
    leat_frame_release(log);
    text = log_of(t, "bytes");
    CHECK(strstr(text, "\"image\":{\"type\":\"u8\",\"shape\":[4,4,1],\"data\":"
                       "\"yAkJCQkJCQkJCQkJCQkJCQ==\"}}"));
    free(text);
    text = log_of(t, "no");
    CHECK(strstr(text, "\"inputs\":{}"));
    free(text);
    leat_server *server = NULL;
    leat_serve_options o = leat_serve_options_default();
    const char *model = "absent.leat";
    o.models = &model, o.model_count = 1, o.log_arrays = "all";
    CHECK_FAILS(leat_server_start(t->context, &o, &server), LEAT_INVALID, "log_arrays|'all'");
}

static const leattest_case cases[] = {TEST(answers), TEST(explanations), TEST(large_images),
                                      TEST(limits), TEST(logged_images)};
LEATTEST_MAIN(cases)
