/* Served models over real sockets: protocols, refusals, exchanging what is loaded under load. */
#include <leat/data.h>
#include <leat/exchange.h>
#include <leat/read.h>
#include <leat/serve.h>

#include <jansson.h>
#include <math.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "serve/route.h"
#include "support/fitted.h"
#include "support/leattest.h"
#include "support/serve_client.h"
#include "support/serve_crowd.h"
#include "support/tables.h"
#include "support/zipped.h"

/* iris.leat (linear discriminant analysis), mixed.leat (a tree on inputs of every kind),
 * weight.leat (regression). */
static bool make_models(leattest *t)
{
    leat_context *c = t->context;
    leat_frame *iris = NULL, *table = leattest_table(c, 200, 7);
    if (!CHECK_OK(leat_data_load(c, &iris, "iris", NULL)) || !CHECK(table)) return false;
    leat_model *m[] = {
        leattest_model(c, iris, "species", NULL, "lda", NULL, "auto"),
        leattest_model(c, table, "kind", "weight|id", "cart", NULL, "auto"),
        leattest_model(c, table, "weight", "kind|id", "ridge", NULL, "auto"),
    };
    static const char *const names[] = {"iris.leat", "mixed.leat", "weight.leat"};
    bool ok = true;
    for (int i = 0; i < 3; i++) {
        ok = ok && CHECK(m[i]) && CHECK_OK(leat_model_save(c, m[i], leattest_scratch(names[i])));
        leat_model_release(m[i]);
    }
    leat_frame_release(iris);
    leat_frame_release(table);
    return ok;
}

static leat_status start(leat_context *c, const char *const *models, size_t count,
                         leat_server **out)
{
    leat_serve_options o = leat_serve_options_default();
    o.listen = "127.0.0.1:0";
    o.models = models;
    o.model_count = count;
    o.workers = 2;
    return leat_server_start(c, &o, out);
}

static bool start_all(leattest *t, leat_server **server, serve_client *k)
{
    char paths[3][512];
    const char *models[3];
    static const char *const names[] = {"iris.leat", "mixed.leat", "weight.leat"};
    if (!make_models(t)) return false;
    for (int i = 0; i < 3; i++) {
        snprintf(paths[i], sizeof paths[i], "%s", leattest_scratch(names[i]));
        models[i] = paths[i];
    }
    if (!CHECK_OK(start(t->context, models, 3, server))) return false;
    return CHECK(serve_client_open(k, leat_server_url(*server)));
}

/* ---- answers ----------------------------------------------------------------------------------
 */

typedef struct request {
    const char *method, *path, *headers, *body;
    int status;
    const char *words; /* separated by '|': all stand in the answer */
} request;

#define JSON  "Content-Type: application/json\r\n"
#define CSV   "Content-Type: text/csv\r\n"
#define FORM  "Content-Type: application/x-www-form-urlencoded\r\n"
#define IRIS  "/v2/models/iris/infer"
#define MIXED "/api/v1/mixed"
#define ROW   "{\"name\":\"input\",\"shape\":[1,4],\"datatype\":\"FP64\",\"data\":[5.1,3.5,1.4,0.2]}"
#define MIXED_ROW                                                                                  \
    "\"length\":1.5,\"width\":null,\"colour\":\"red\",\"round\":true,\"when\":\"2024-03-01\""

static const request requests[] = {
    {"GET", "/v2", "", "", 200, "\"name\":\"leat\"|binary_tensor_data|classification"},
    {"GET", "/v2/health/live", "", "", 200, "{\"live\":true}"},
    {"GET", "/v2/health/ready", "", "", 200, "\"live\":true|\"ready\":true"},
    {"GET", "/ping", "", "", 200, ""},
    {"GET", "/v2/models", "", "", 200, "[\"iris\",\"mixed\",\"weight\"]"},
    {"GET", "/v2/models/iris", "", "", 200, "\"versions\":[\"1\"]|\"shape\":[-1,4]|leat_lda"},
    {"GET", "/v2/models/iris/versions/1", "", "", 200, "probabilities"},
    {"GET", "/v2/models/iris/versions/2", "", "", 404, "no version '2'"},
    {"GET", "/v2/models/iris/versions/01", "", "", 404, "no version"},
    {"GET", "/v2/models/absent", "", "", 404, "no model 'absent'|no_such_model|request_id"},
    {"GET", "/v2/models/iris/ready", "", "", 200, "\"ready\":true"},
    {"GET", "/v2/models/iris/config", "", "", 200, "TYPE_FP64|TYPE_STRING"},
    {"GET", "/v2/models/mixed", "", "", 200, "\"when\"|BYTES|BOOL"},
    {"GET", "/nowhere", "", "", 404, "no_such_path"},
    {"DELETE", IRIS, "", "", 405, "DELETE is not for this path|POST"},
    {"GET", IRIS, "", "", 405, "method_not_allowed"},
    /* Inference. */
    {"POST", IRIS, "", "{\"inputs\":[" ROW "]}", 200, "setosa|\"shape\":[1]|\"shape\":[1,3]"},
    {"POST", IRIS, "", "{\"id\":\"a\\n\\u00e9\",\"inputs\":[" ROW "]}", 200,
     "\"id\":\"a\\n\xc3\xa9\""},
    {"POST", IRIS, "", "{\"id\":null,\"outputs\":null,\"inputs\":[" ROW "],\"else\":[{}]}", 200,
     "setosa"},
    {"POST", IRIS, "",
     "{\"inputs\":[{\"data\":[[5.1,3.5,1.4,0.2],[6,3,5,2]],\"datatype\":\"FP64\",\"shape\":[2,4],"
     "\"name\":\"x\"}]}",
     200, "[\"setosa\",\"virginica\"]"},
    {"POST", IRIS, "",
     "{\"inputs\":[{\"name\":\"x\",\"shape\":[4],\"datatype\":\"INT8\",\"data\":[5,3,1,0]}]}", 200,
     "setosa"},
    {"POST", IRIS, "",
     "{\"inputs\":[{\"name\":\"x\",\"shape\":[1,4],\"datatype\":\"FP64\",\"data\":[5.1,null,1.4,"
     "0.2]}]}",
     200, "setosa"},
    {"POST", IRIS, "", "{\"inputs\":[" ROW "],\"outputs\":[{\"name\":\"prediction\"}]}", 200,
     "\"outputs\":[{\"name\":\"prediction\",\"datatype\":\"BYTES\",\"shape\":[1],\"data\":["
     "\"setosa\"]}]}"},
    {"POST", IRIS, "",
     "{\"inputs\":[" ROW "],\"outputs\":[{\"name\":\"probabilities\",\"parameters\":{"
     "\"classification\":2}}]}",
     200, "\"shape\":[1,2]|:0:setosa\"|BYTES"},
    {"POST", IRIS, "",
     "{\"inputs\":[{\"name\":\"x\",\"shape\":[1,4],\"datatype\":\"FP64\",\"data\":[6.1,2.8,4.8,1.7]"
     "}"
     "],\"outputs\":[{\"name\":\"probabilities\",\"parameters\":{\"classification\":9}}]}",
     200, "\"shape\":[1,3]|:0:setosa\"]|:1:versicolor\"|:2:virginica\""},
    {"POST", IRIS, "",
     "{\"inputs\":["
     "{\"name\":\"petal_width\",\"shape\":[1,1],\"datatype\":\"FP32\",\"data\":[0.2]},"
     "{\"name\":\"petal_length\",\"shape\":[1],\"datatype\":\"FP64\",\"data\":[1.4]},"
     "{\"name\":\"sepal_length\",\"shape\":[1],\"datatype\":\"UINT64\",\"data\":[5]},"
     "{\"name\":\"sepal_width\",\"shape\":[1],\"datatype\":\"FP64\",\"data\":[3.5]}]}",
     200, "setosa"},
    /* Refusals. */
    {"POST", IRIS, "", "", 400, "the body is empty"},
    {"POST", IRIS, "", "{}", 400, "no \\\"inputs\\\""},
    {"POST", IRIS, "", "[1]", 400, "must be an object"},
    {"POST", IRIS, "", "{\"inputs\":[" ROW "]} x", 400, "the end"},
    {"POST", IRIS, "", "{\"inputs\":[" ROW "],\"inputs\":[" ROW "]}", 400, "stands twice"},
    {"POST", IRIS, "", "{\"inputs\":[" ROW "," ROW "]}", 400, "invalid_request|sepal_length"},
    {"POST", IRIS, "", "{\"inputs\":[{\"name\":\"x\",\"shape\":[1,4],\"datatype\":\"FP64\"}]}", 400,
     "neither"},
    {"POST", IRIS, "",
     "{\"inputs\":[{\"name\":\"x\",\"shape\":[1,4],\"datatype\":\"FP64\",\"data\":[1,2,3]}]}", 400,
     "has 3 elements"},
    {"POST", IRIS, "",
     "{\"inputs\":[{\"name\":\"x\",\"shape\":[1,4],\"datatype\":\"FP64\",\"data\":[1,[2,3],4]}]}",
     400, "different lengths"},
    {"POST", IRIS, "",
     "{\"inputs\":[{\"name\":\"x\",\"shape\":[2,4],\"datatype\":\"FP64\",\"data\":[[1,2],[3,4],[5,"
     "6],[7,8]]}]}",
     400, "in other rows"},
    {"POST", IRIS, "",
     "{\"inputs\":[{\"name\":\"x\",\"shape\":[1,4],\"datatype\":\"FP64\",\"data\":[NaN,1,2,3]}]}",
     400, "NaN is no FP64"},
    {"POST", IRIS, "",
     "{\"id\":NaN,\"inputs\":[{\"name\":\"x\",\"shape\":[1,4],\"datatype\":\"FP64\",\"data\":[1,2,"
     "3,"
     "4]}]}",
     400, "JSON has no NaN"},
    {"POST", IRIS, "",
     "{\"more\":[{\"a\":NaN}],\"inputs\":[{\"name\":\"x\",\"shape\":[1,4],\"datatype\":\"FP64\","
     "\"data\":[1,2,3,4]}]}",
     400, "JSON has no NaN"},
    {"POST", IRIS, "",
     "{\"inputs\":[{\"name\":\"x\",\"shape\":[1,4],\"datatype\":\"FP64\",\"data\":[Infinity,1,2,3]}"
     "]}",
     400, "malformed_json"},
    {"POST", IRIS, "",
     "{\"inputs\":[{\"name\":\"x\",\"shape\":[1,4],\"datatype\":\"FP64\",\"data\":[1e400,1,2,3]}]}",
     400, "so large"},
    {"POST", IRIS, "",
     "{\"inputs\":[{\"name\":\"x\",\"shape\":[1,4],\"datatype\":\"FP64\",\"data\":[01,1,2,3]}]}",
     400, "malformed_json"},
    {"POST", IRIS, "",
     "{\"inputs\":[{\"name\":\"x\",\"shape\":[1,4],\"datatype\":\"FP64\",\"data\":[+1,.5,2.,3]}]}",
     400, "malformed_json"},
    {"POST", IRIS, "",
     "{\"inputs\":[{\"name\":\"x\",\"shape\":[1,4],\"datatype\":\"INT8\",\"data\":[128,1,2,3]}]}",
     400, "128 is no INT8"},
    {"POST", IRIS, "",
     "{\"inputs\":[{\"name\":\"x\",\"shape\":[1,4],\"datatype\":\"UINT8\",\"data\":[-1,1,2,3]}]}",
     400, "-1 is no UINT8"},
    {"POST", IRIS, "",
     "{\"inputs\":[{\"name\":\"x\",\"shape\":[1,4],\"datatype\":\"INT64\",\"data\":"
     "[9223372036854775808,1,2,3]}]}",
     400, "is no INT64"},
    {"POST", IRIS, "",
     "{\"inputs\":[{\"name\":\"x\",\"shape\":[1,4],\"datatype\":\"INT64\",\"data\":[1.5,1,2,3]}]}",
     400, "1.5 is no INT64"},
    {"POST", IRIS, "",
     "{\"inputs\":[{\"name\":\"x\",\"shape\":[1,4],\"datatype\":\"FP16\",\"data\":[1,1,2,3]}]}",
     400, "FP16 has no form in JSON"},
    {"POST", IRIS, "",
     "{\"inputs\":[{\"name\":\"x\",\"shape\":[1,4],\"datatype\":\"BYTES\",\"data\":[\"1\",\"1\","
     "\"2\",\"3\"]}]}",
     400, "takes numbers"},
    {"POST", IRIS, "",
     "{\"inputs\":[{\"name\":\"x\",\"shape\":[-1,4],\"datatype\":\"FP64\",\"data\":[1,1,2,3]}]}",
     400, "whole numbers from 1"},
    {"POST", IRIS, "",
     "{\"inputs\":[{\"name\":\"x\",\"shape\":[\"-1\",4],\"datatype\":\"FP64\",\"data\":[1]}]}", 400,
     "whole numbers from 1"},
    {"POST", IRIS, "",
     "{\"inputs\":[{\"name\":\"x\",\"shape\":[4294967296,4294967296],\"datatype\":\"FP64\","
     "\"data\":[1]}]}",
     400, "beyond 64 bits"},
    {"POST", IRIS, "",
     "{\"inputs\":[{\"name\":\"x\",\"shape\":[1,1,1,1,1,1,1,1,1],\"datatype\":\"FP64\",\"data\":[1]"
     "}]}",
     400, "more than 8 dimensions"},
    {"POST", IRIS, "",
     "{\"inputs\":[{\"name\":\"x\",\"shape\":[1],\"datatype\":\"FP64\",\"data\":[[[[[[[[[[1]]]]]]]]"
     "]"
     "]}]}",
     400, "levels of brackets"},
    {"POST", IRIS, "", "{\"inputs\":[{\"name\":\"x\",\"shape\":[1],\"datatype\":\"FP8\"}]}", 400,
     "the datatype FP8 is none"},
    {"POST", IRIS, "", "{\"inputs\":[" ROW "],\"outputs\":[{\"name\":\"absent\"}]}", 400,
     "no output 'absent'"},
    {"POST", IRIS, "",
     "{\"inputs\":[" ROW "],\"outputs\":[{\"name\":\"prediction\"},{\"name\":\"prediction\"}]}",
     400, "stands twice"},
    {"POST", IRIS, "Inference-Header-Content-Length: 999999\r\n", "{\"inputs\":[" ROW "]}", 400,
     "the body has"},
    {"POST", IRIS, "Inference-Header-Content-Length: -1\r\n", "{\"inputs\":[" ROW "]}", 400,
     "is no length"},
    {"POST", IRIS, "Inference-Header-Content-Length: 18446744073709551616\r\n",
     "{\"inputs\":[" ROW "]}", 400, "is no length"},
    {"POST", IRIS, "Inference-Header-Content-Length: 0\r\n", "12345678", 400,
     "a row of this model"},
    {"POST", "/v2/models/mixed/infer", "", "{\"inputs\":[" ROW "]}", 400,
     "'length' of the model 'mixed' is missing"},
    /* Index, load, unload. */
    {"POST", "/v2/repository/index", "", "", 200, "\"READY\"|\"weight\""},
    {"POST", "/v2/repository/models/absent/load", "", "", 404, "no model 'absent'"},
    {"POST", "/v2/repository/models/weight/unload", "", "{}", 200, "{}"},
    {"POST", "/v2/repository/models/weight/unload", "", "", 404, "no model 'weight' is loaded"},
    {"GET", "/v2/models/weight", "", "", 404, "no_such_model"},
    {"POST", "/v2/repository/index", "", "{\"ready\":false}", 200, "UNAVAILABLE|unloaded"},
    {"POST", "/v2/repository/models/weight/load", "", "{\"parameters\":{\"config\":\"{}\"}}", 400,
     "where the server was started"},
    {"POST", "/v2/repository/models/weight/load", "Origin: http://evil.example\r\n", "", 403,
     "other_origin"},
    {"POST", "/v2/repository/models/weight/load",
     "Host: evil.example:8080\r\nOrigin: http://evil.example:8080\r\n", "", 403, "other_origin"},
    {"POST", MIXED "/feedback", "Origin: http://evil.example\r\n", "[]", 403, "other_origin"},
    {"POST", "/v2/repository/models/weight/load",
     "Host: 127.0.0.1:80\r\nOrigin: http://127.0.0.1:80\r\n", "", 200, "{}"},
    {"POST", "/v2/repository/models/weight/load", "Origin: http://localhost\r\n", "", 200, "{}"},
    {"GET", "/v2/models/weight/ready", "", "", 200, "true"},
    /* By names. */
    {"GET", "/api/v1", "", "", 200, "\"model\":\"mixed\"|\"version\":1"},
    {"GET", MIXED, "", "", 200, "\"example\":{|\"levels\"|\"card\""},
    {"POST", MIXED, JSON, "{" MIXED_ROW "}", 200, "\"predictions\":[|\"probabilities\":[{\"ash\":"},
    {"POST", MIXED, "", "[{" MIXED_ROW "},{" MIXED_ROW "}]", 200, "\"predictions\":["},
    {"POST", MIXED, FORM, "{\"rows\":[{" MIXED_ROW "},[1,2,\"blue\",false,\"2024-03-02\"]]}", 200,
     "\"predictions\":["},
    {"POST", MIXED, FORM, "length=1.5&width=&colour=red&round=yes&when=2024-03-01", 200,
     "\"predictions\":["},
    {"GET", MIXED "?length=1.5&width=2&colour=red&round=true&when=2024-03-01T10%3A00:00Z", "", "",
     200, "\"predictions\":["},
    {"POST", MIXED, CSV,
     "colour,length,width,round,when,more\nred,1.5,,true,2024-03-01,x\nblue,2,1,false,2024-03-02,"
     "\n",
     200, "\"predictions\":["},
    {"GET", MIXED "?length=1.5", "", "", 422, "field 'width' is missing"},
    {"GET", MIXED "?lenght=1.5", "", "", 422, "no input 'lenght'"},
    {"GET", MIXED "?length=%zz", "", "", 400, "invalid_query"},
    {"POST", MIXED, "", "{\"length\":1}", 422, "missing_field|'width'"},
    {"POST", MIXED, "", "{\"length\":1,\"length\":1}", 400, "'length' stands twice"},
    {"POST", MIXED, "", "{\"length\":\"3,4o9\"}", 422, "field 'length': '3,4o9' is not a number"},
    {"POST", MIXED, "", "{\"length\":1e999}", 422, "not a finite number"},
    {"POST", MIXED, "", "{\"length\":[1]}", 422, "not a number"},
    {"POST", MIXED, "", "{\"length\":NaN}", 400, "JSON has no NaN"},
    {"POST", MIXED, "", "{\"when\":\"yesterday\"}", 422, "not a time"},
    {"POST", MIXED, "", "{\"colour\":{}}", 422, "not a text"},
    {"POST", MIXED, "", "[{" MIXED_ROW "},{\"length\":true,\"colour\":7,\"width\":\"x\"}]", 422,
     "row 2, field 'width'"},
    {"POST", MIXED, "", "[]", 422, "no row"},
    {"POST", MIXED, "", "7", 422, "invalid_row|rows are expected"},
    {"POST", MIXED, "", "[5]", 422, "invalid_row|rows are expected"},
    {"POST", MIXED, "", "[{" MIXED_ROW "},null]", 422, "invalid_row|rows are expected"},
    {"POST", MIXED, "", "[5", 422, "invalid_row|rows are expected"},
    {"POST", MIXED, "", "[tru]", 400, "malformed_json"},
    {"POST", MIXED, "", "{\"rows\": 5}", 422, "invalid_row|rows are expected"},
    {"POST", MIXED, "", "{\"explain\":false,\"rows\":{}}", 422, "invalid_row|rows are expected"},
    {"POST", MIXED, "", "{\"rows\": [5]}", 422, "invalid_row|rows are expected"},
    {"POST", MIXED, "", "{\"rows\": 5", 400, "malformed_json"},
    {"POST", MIXED, "", "{\"rows\": 5," MIXED_ROW "}", 200, "\"predictions\":["},
    {"POST", MIXED, "", "[{" MIXED_ROW "}", 400, "malformed_json"},
    {"POST", MIXED, CSV, "length,width\n1,2\n", 422, "colour"},
    {"POST", MIXED, CSV, "", 422, ""},
    /* A value too many would move all others by one; options of the command are no help here. */
    {"POST", MIXED, CSV, "length,width,colour,round,when\n9,1,2,red,true,2024-03-01\n", 422,
     "one value more than the header has names, 5"},
    {"POST", MIXED, CSV, "length,width,colour,round,when\nmany,2,red,true,2024-03-01\n", 422,
     "'many' is not a number\""},
    {"POST", MIXED, CSV, "length,width,colour,round\n1,2,red,true\n", 422,
     "not in the data\\nthe model needs: length"},
    {"POST", MIXED, "Content-Type: application/pdf\r\n", "%PDF", 415, "application/json"},
    {"POST", MIXED, "Content-Type: application/json; charset=latin1\r\n", "{}", 415, "UTF-8"},
    {"POST", MIXED, "Content-Type: image/png\r\n", "x", 415, "takes no image"},
    {"POST", "/api/v1/weight", "",
     "{\"length\":1.5,\"width\":2,\"colour\":\"red\",\"round\":true,\"when\":\"2024-03-01\"}", 200,
     "\"predictions\":["},
    /* MLflow. */
    {"POST", "/invocations", JSON, "{\"instances\":[[1]]}", 400, "several models"},
    /* The page and the description. */
    {"GET", "/", "", "", 200, "<!doctype html>"},
    {"GET", "/openapi.json", "", "", 200,
     "\"3.1.0\"|/api/v1/mixed|row_mixed|\"explain\":{\"type\":\"boolean\"}|\"x-scope\":\"manage\""},
};

static void answers(leattest *t)
{
    leat_server *server = NULL;
    serve_client k = {.fd = -1};
    if (start_all(t, &server, &k)) {
        for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
            const request *q = &requests[i];
            bool came =
                serve_client_ask(&k, q->method, q->path, q->headers, q->body, strlen(q->body));
            bool good = CHECK(came) && CHECK_INT(k.status, q->status) &&
                        CHECK(serve_client_holds(k.body, q->words));
            if (k.status >= 400 && came) good = CHECK(strstr(k.body, "\"request_id\":\"")) && good;
            if (good) continue;
            printf("    case %zu: %s %s %.200s\n    %.400s\n", i, q->method, q->path, q->body,
                   came ? k.body : "no answer");
            if (!came) break;
        }
    }
    serve_client_close(&k);
    leat_server_destroy(server);
}

/* ---- the same numbers ---------------------------------------------------------------------------
 */

/* Tables, JSON and binary tensors give the same bits. */
static void same_bits(leattest *t)
{
    leat_context *c = t->context;
    leat_server *server = NULL;
    serve_client k = {.fd = -1};
    leat_model *m = NULL;
    leat_frame *iris = NULL;
    double *expected = NULL;
    if (!start_all(t, &server, &k)) goto out;
    if (!CHECK_OK(leat_model_open(c, &m, leattest_scratch("iris.leat")))) goto out;
    if (!CHECK_OK(leat_data_load(c, &iris, "iris", NULL))) goto out;
    enum { ROWS = 150 };
    double value[ROWS], rows[ROWS][4], got[ROWS][3];
    expected = calloc(ROWS * 3, sizeof *expected);
    if (!CHECK(expected) || !CHECK_OK(leattest_answers(c, m, iris, value, expected))) goto out;
    for (size_t r = 0; r < ROWS; r++)
        for (size_t i = 0; i < 4; i++) {
            size_t at;
            CHECK(leat_frame_find(iris, leat_model_input_name(m, i), &at));
            CHECK(leat_frame_number(iris, at, r, &rows[r][i]));
        }
    char head[64], json[] = "{\"inputs\":[{\"name\":\"x\",\"shape\":[150,4],\"datatype\":\"FP64\","
                            "\"parameters\":{\"binary_data_size\":4800}}],\"outputs\":[{\"name\":"
                            "\"probabilities\",\"parameters\":{\"binary_data\":true}}]}";
    char body[sizeof json + sizeof rows];
    memcpy(body, json, sizeof json - 1);
    memcpy(body + sizeof json - 1, rows, sizeof rows);
    snprintf(head, sizeof head, "Inference-Header-Content-Length: %zu\r\n", sizeof json - 1);
    if (!CHECK(serve_client_ask(&k, "POST", IRIS, head, body, sizeof json - 1 + sizeof rows)))
        goto out;
    CHECK_INT(k.status, 200);
    char length[32];
    if (CHECK(serve_client_header(&k, "inference-header-content-length", length, sizeof length))) {
        size_t at = (size_t)atoi(length);
        if (CHECK_INT((long long)(k.body_length - at), (long long)sizeof got)) {
            memcpy(got, k.body + at, sizeof got);
            CHECK(memcmp(got, expected, sizeof got) == 0);
        }
    }
    /* A raw request is answered in binary. */
    CHECK(serve_client_ask(&k, "POST", IRIS, "Inference-Header-Content-Length: 0\r\n", rows,
                           sizeof rows));
    CHECK_INT(k.status, 200);
    if (CHECK(k.body_length > sizeof got)) {
        memcpy(got, k.body + k.body_length - sizeof got, sizeof got);
        CHECK(memcmp(got, expected, sizeof got) == 0);
    }
    /* JSON reads back the same. */
    char *text = malloc(200 * ROWS);
    size_t n = 0;
    if (CHECK(text)) {
        n += (size_t)sprintf(text, "{\"inputs\":[{\"name\":\"x\",\"shape\":[150,4],\"datatype\":"
                                   "\"FP64\",\"data\":[");
        for (size_t r = 0; r < ROWS; r++)
            for (size_t i = 0; i < 4; i++)
                n += (size_t)sprintf(text + n, "%s%.17g", r + i ? "," : "", rows[r][i]);
        n += (size_t)sprintf(text + n, "]}]}");
        CHECK(serve_client_ask(&k, "POST", IRIS, "", text, n));
        json_t *root = json_loads(k.body, 0, NULL);
        const json_t *p =
            json_object_get(json_array_get(json_object_get(root, "outputs"), 1), "data");
        if (CHECK_INT((long long)json_array_size(p), ROWS * 3))
            for (size_t i = 0; i < (size_t)ROWS * 3; i++)
                if (!CHECK(json_number_value(json_array_get(p, i)) == expected[i])) break;
        json_decref(root);
    }
    free(text);
out:
    free(expected);
    leat_frame_release(iris);
    leat_model_release(m);
    serve_client_close(&k);
    leat_server_destroy(server);
}

/* MLflow's forms, all with the same answer. */
static void invocations(leattest *t)
{
    static const char *const bodies[] = {
        "{\"dataframe_split\":{\"columns\":[\"petal_width\",\"petal_length\",\"else\","
        "\"sepal_width\",\"sepal_length\"],\"index\":[0,1],\"data\":[[0.2,1.4,\"x\",3.5,5.1],"
        "[2,5,{},3,6]]}}",
        "{\"dataframe_split\":{\"data\":[[0.2,1.4,3.5,5.1],[2,5,3,6]],\"columns\":[\"petal_width\","
        "\"petal_length\",\"sepal_width\",\"sepal_length\"]},\"params\":{}}",
        "{\"dataframe_records\":[{\"sepal_length\":5.1,\"sepal_width\":3.5,\"petal_length\":1.4,"
        "\"petal_width\":0.2},{\"petal_width\":2,\"petal_length\":5,\"sepal_width\":3,"
        "\"sepal_length\":6}]}",
        "{\"instances\":[[5.1,3.5,1.4,0.2],{\"petal_width\":2,\"petal_length\":5,\"sepal_width\":3,"
        "\"sepal_length\":6}]}",
        "{\"inputs\":[[5.1,3.5,1.4,0.2],[6,3,5,2]]}",
        "{\"inputs\":{\"sepal_length\":[5.1,6],\"petal_width\":[0.2,2],\"petal_length\":[1.4,5],"
        "\"sepal_width\":[3.5,3],\"else\":7}}"};
    static const char *const wrong[] = {
        "{}",
        "[]",
        "{\"instances\":[[1,2,3,4]],\"inputs\":[[1,2,3,4]]}",
        "{\"inputs\":{\"sepal_length\":[5.1,6],\"petal_width\":[0.2],\"petal_length\":[1.4,5],"
        "\"sepal_width\":[3.5,3]}}",
        "{\"inputs\":{\"sepal_length\":[5.1]}}",
        "{\"inputs\":{\"sepal_length\":5.1}}",
        "{\"instances\":[[1,2,3]]}",
        "{\"instances\":[[1,2,3,4,5]]}",
        "{\"instances\":[7]}",
        "{\"instances\":[]}",
        "{\"instances\":7}",
        "{\"dataframe_split\":{\"columns\":[]}}",
        "{\"dataframe_split\":{\"columns\":[\"sepal_length\"],\"data\":[[1,2]]}}",
        "{\"dataframe_records\":[{\"sepal_length\":1}]}",
        "{\"dataframe_records\":{}}"};
    leat_server *server = NULL;
    serve_client k = {.fd = -1};
    if (!make_models(t)) return;
    const char *models[] = {leattest_scratch("iris.leat")};
    if (!CHECK_OK(start(t->context, models, 1, &server))) return;
    if (CHECK(serve_client_open(&k, leat_server_url(server)))) {
        for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
            CHECK(serve_client_ask(&k, "POST", "/invocations", JSON, bodies[i], strlen(bodies[i])));
            CHECK_INT(k.status, 200);
            CHECK_STR(k.body, "{\"predictions\":[\"setosa\",\"virginica\"]}");
        }
        for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
            CHECK(serve_client_ask(&k, "POST", "/invocations", JSON, wrong[i], strlen(wrong[i])));
            if (!CHECK_INT(k.status, 400)) printf("    %s\n", wrong[i]);
        }
        const char *csv = "petal_width,petal_length,sepal_width,sepal_length\n0.2,1.4,3.5,5.1\n"
                          "2,5,3,6\n";
        CHECK(serve_client_ask(&k, "POST", "/invocations", CSV, csv, strlen(csv)));
        CHECK_STR(k.body, "{\"predictions\":[\"setosa\",\"virginica\"]}");
        CHECK(serve_client_ask(&k, "POST", "/invocations", "Content-Type: text/xml\r\n", "x", 1));
        CHECK_INT(k.status, 415);
    }
    serve_client_close(&k);
    leat_server_destroy(server);
}

/* ---- versions and exchange ----------------------------------------------------------------------
 */

static bool copy_file(const char *from, const char *to)
{
    char data[65536];
    FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
    size_t n = 0;
    while (in && out && (n = fread(data, 1, sizeof data, in)) > 0) fwrite(data, 1, n, out);
    if (in) fclose(in);
    return in && out && fclose(out) == 0;
}

static void versions(leattest *t)
{
    char folder[512], path[640], iris[512], place[600];
    leat_server *server = NULL;
    serve_client k = {.fd = -1};
    if (!make_models(t)) return;
    snprintf(iris, sizeof iris, "%s", leattest_scratch("iris.leat"));
    snprintf(folder, sizeof folder, "%s", leattest_scratch("models"));
    mkdir(folder, 0755);
    snprintf(path, sizeof path, "%s/flower", folder);
    mkdir(path, 0755);
    snprintf(path, sizeof path, "%s/flower/2.leat", folder);
    CHECK(copy_file(iris, path));
    snprintf(path, sizeof path, "%s/flower/10", folder);
    mkdir(path, 0755);
    snprintf(path, sizeof path, "%s/flower/10/any.leat", folder);
    CHECK(copy_file(iris, path));
    snprintf(path, sizeof path, "%s/plain.leat", folder);
    CHECK(copy_file(iris, path));
    snprintf(place, sizeof place, "named:7=%s", iris);
    const char *models[] = {folder, place};
    REQUIRE_OK(start(t->context, models, 2, &server));
    if (CHECK(serve_client_open(&k, leat_server_url(server)))) {
        CHECK(serve_client_ask(&k, "GET", "/v2/models/flower", "", "", 0));
        CHECK(strstr(k.body, "\"versions\":[\"2\",\"10\"]"));
        CHECK(serve_client_ask(&k, "GET", "/api/v1/flower", "", "", 0));
        CHECK(strstr(k.body, "\"version\":10"));
        CHECK(serve_client_ask(&k, "GET", "/api/v1/flower/versions/2", "", "", 0));
        CHECK(strstr(k.body, "\"version\":2"));
        CHECK(serve_client_ask(&k, "GET", "/v2/models/named/versions/7", "", "", 0));
        CHECK_INT(k.status, 200);
        /* A version that is put there later is found by load; one that is taken away goes. */
        snprintf(path, sizeof path, "%s/flower/11.leat", folder);
        CHECK(copy_file(iris, path));
        CHECK(serve_client_ask(&k, "POST", "/v2/repository/models/flower/load", "", "", 0));
        CHECK(serve_client_ask(&k, "GET", "/v2/models/flower", "", "", 0));
        CHECK(strstr(k.body, "\"versions\":[\"2\",\"10\",\"11\"]"));
        snprintf(path, sizeof path, "%s/flower/2.leat", folder);
        remove(path);
        CHECK(serve_client_ask(&k, "POST", "/v2/repository/models/flower/load", "", "", 0));
        CHECK(serve_client_ask(&k, "GET", "/v2/models/flower", "", "", 0));
        CHECK(strstr(k.body, "\"versions\":[\"10\",\"11\"]"));
        /* A damaged file changes nothing. */
        snprintf(path, sizeof path, "%s/flower/12.leat", folder);
        FILE *f = fopen(path, "w");
        if (CHECK(f)) {
            fputs("no model", f);
            fclose(f);
        }
        CHECK(serve_client_ask(&k, "POST", "/v2/repository/models/flower/load", "", "", 0));
        CHECK(k.status >= 400);
        CHECK(serve_client_ask(&k, "GET", "/v2/models/flower", "", "", 0));
        CHECK(strstr(k.body, "\"versions\":[\"10\",\"11\"]"));
        remove(path);
    }
    serve_client_close(&k);
    leat_server_destroy(server);
}

static serve_question question_of(const leat_server *server)
{
    static const char body[] = "{\"inputs\":[" ROW "]}";
    return (serve_question){.url = leat_server_url(server),
                            .path = IRIS,
                            .body = body,
                            .length = sizeof body - 1,
                            .holds = "setosa"};
}

/* Loading a model anew, again and again, fails no request and leaves no memory behind. */
static void exchange_under_load(leattest *t)
{
    enum { CALLERS = 3, LOADS = 60, MOST = 5000 };
    leat_server *server = NULL;
    serve_client k = {.fd = -1};
    serve_crowd crowd;
    if (!start_all(t, &server, &k)) return;
    serve_question question = question_of(server);
    serve_crowd_gather(t, &crowd, &question, CALLERS);
    uint64_t settled = 0;
    for (int i = 0; i < LOADS || (i < MOST && atomic_load(&crowd.good) < 300); i++) {
        CHECK(serve_client_ask(&k, "POST", "/v2/repository/models/iris/load", "", "", 0));
        CHECK_INT(k.status, 200);
        if (i == LOADS / 2) settled = leat_context_bytes(t->context);
    }
    uint64_t after = leat_context_bytes(t->context);
    CHECK(after < settled + 300000);
    serve_crowd_disperse(&crowd);
    CHECK(atomic_load(&crowd.good) > 100);
    CHECK_INT(atomic_load(&crowd.good), atomic_load(&crowd.asked));
    serve_client_close(&k);
    leat_server_destroy(server);
}

/* Bodies that take long are answered beside the loop, as others are meanwhile. */
static void long_answers(leattest *t)
{
    enum { ROWS = 20000 };
    leat_server *server = NULL;
    serve_client k = {.fd = -1};
    serve_crowd crowd = {.count = 0};
    char *text = malloc(32 * ROWS + 200), shape[64];
    if (!CHECK(text) || !start_all(t, &server, &k)) goto out;
    size_t n = (size_t)sprintf(text,
                               "{\"inputs\":[{\"name\":\"x\",\"shape\":[%d,4],"
                               "\"datatype\":\"FP64\",\"data\":[",
                               ROWS);
    for (int i = 0; i < ROWS; i++)
        n += (size_t)sprintf(text + n, "%s%s", i ? "," : "",
                             i % 2 ? "6.0,3.0,5.0,2.0" : "5.1,3.5,1.4,0.2");
    n += (size_t)sprintf(text + n, "]}]}");
    serve_question question = question_of(server);
    serve_crowd_gather(t, &crowd, &question, 1);
    snprintf(shape, sizeof shape, "\"shape\":[%d],\"data\":[\"setosa\",\"virginica\",", ROWS);
    for (int i = 0; i < 5; i++) {
        if (!CHECK(serve_client_ask(&k, "POST", IRIS, "", text, n))) break;
        CHECK_INT(k.status, 200);
        CHECK(strstr(k.body, shape));
        text[n - 1] = ']'; /* and one that is refused at its end */
        CHECK(serve_client_ask(&k, "POST", IRIS, "", text, n));
        CHECK_INT(k.status, 400);
        text[n - 1] = '}';
    }
    serve_crowd_disperse(&crowd);
    CHECK_INT(atomic_load(&crowd.good), atomic_load(&crowd.asked));
    CHECK(serve_client_ask(&k, "GET", "/v2/models/iris/stats", "", "", 0));
    CHECK(!strstr(k.body, "\"queue\":{\"count\":0"));
out:
    free(text);
    serve_client_close(&k);
    leat_server_destroy(server);
}

/* ---- options, memory --------------------------------------------------------------------------
 */

/* A body that comes slowly is time of the client's, not of a queue. */
static void slow_bodies(leattest *t)
{
    enum { BODY = 320000 };
    static const char head[] =
        "POST " IRIS " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        "Inference-Header-Content-Length: 0\r\nContent-Length: 320000\r\n\r\n";
    leat_server *server;
    serve_client k, other;
    char *body = calloc(1, BODY), reply[65536];
    REQUIRE(body && start_all(t, &server, &k));
    REQUIRE(serve_client_open(&other, leat_server_url(server)));
    CHECK(send(other.fd, head, sizeof head - 1, MSG_NOSIGNAL) == (ssize_t)(sizeof head - 1));
    CHECK(send(other.fd, body, 1000, MSG_NOSIGNAL) == 1000);
    nanosleep(&(struct timespec){1, 0}, NULL);
    for (ssize_t at = 1000, n; at < BODY; at += n)
        if ((n = send(other.fd, body + at, (size_t)(BODY - at), MSG_NOSIGNAL)) <= 0) break;
    CHECK(recv(other.fd, reply, 15, MSG_WAITALL) == 15 &&
          memcmp(reply, "HTTP/1.1 200 OK", 15) == 0);
    while (recv(other.fd, reply, sizeof reply, 0) > 0) continue;
    CHECK(serve_client_ask(&k, "GET", "/v2/models/iris/stats", "", "", 0));
    json_t *root = json_loadb(k.body, k.body_length, 0, NULL);
    const json_t *all =
        json_object_get(json_array_get(json_object_get(root, "model_stats"), 0), "inference_stats");
    const json_t *queue = json_object_get(all, "queue");
    CHECK_INT(json_integer_value(json_object_get(queue, "count")), 1);
    CHECK(json_integer_value(json_object_get(queue, "ns")) > 0);
    CHECK(json_integer_value(json_object_get(queue, "ns")) < 1000000000);
    json_decref(root);
    serve_client_close(&other);
    serve_client_close(&k);
    leat_server_destroy(server);
    free(body);
}

/* Reads nothing of its answer for a while. */
static int ask_and_wait(const char *url, const char *head, const char *body, size_t length)
{
    serve_client k;
    if (!serve_client_open(&k, url)) return -1;
    bool sent = send(k.fd, head, strlen(head), MSG_NOSIGNAL) == (ssize_t)strlen(head);
    for (size_t at = 0; sent && at < length;) {
        ssize_t n = send(k.fd, body + at, length - at, MSG_NOSIGNAL);
        sent = n > 0;
        at += sent ? (size_t)n : 0;
    }
    return sent ? k.fd : -1;
}

/* Answers that clients do not take are held against the memory for long bodies, too: many rows of
 * few bytes have long answers. */
static void answers_not_taken(leattest *t)
{
    enum { ROWS = 200000, SLOW = 40 }; /* answers that no buffer of the system takes whole */
    static const char line[] = "5,3,1,1\n";
    char path[512], head[256];
    int slow[SLOW], count = 0;
    size_t length = 50 + ROWS * (sizeof line - 1), waiting = 0;
    char *body = malloc(length + 1);
    leat_server *server;
    serve_client k;
    if (!make_models(t)) return;
    snprintf(path, sizeof path, "%s", leattest_scratch("iris.leat"));
    const char *models[] = {path};
    leat_serve_options o = leat_serve_options_default();
    o.listen = "127.0.0.1:0", o.models = models, o.model_count = 1, o.workers = 2;
    o.max_body = 4 << 20, o.max_requests = 64 << 20;
    REQUIRE(body);
    REQUIRE_OK(leat_server_start(t->context, &o, &server));
    REQUIRE(serve_client_open(&k, leat_server_url(server)));
    strcpy(body, "sepal_length,sepal_width,petal_length,petal_width\n");
    for (size_t i = 0; i < ROWS; i++) memcpy(body + 50 + i * (sizeof line - 1), line, sizeof line);
    CHECK(serve_client_ask(&k, "POST", "/api/v1/iris", CSV, body, length));
    CHECK_INT(k.status, 200);
    CHECK(k.body_length > 12 << 20);
    snprintf(head, sizeof head,
             "POST /api/v1/iris HTTP/1.1\r\nHost: localhost\r\n" CSV "Content-Length: %zu\r\n\r\n",
             length);
    /* As long as there is room for one more answer, one more that is not taken. */
    for (; count < SLOW && k.status != 503; count++) {
        slow[count] = ask_and_wait(leat_server_url(server), head, body, length);
        CHECK(slow[count] >= 0);
        CHECK(serve_client_ask(&k, "POST", "/api/v1/iris", CSV, body, length));
    }
    /* Who asks now is refused; short answers are given. */
    CHECK_INT(k.status, 503);
    CHECK(strstr(k.reply, "Retry-After: "));
    CHECK(serve_client_ask(&k, "POST", "/api/v1/iris", CSV, body, 50 + 100 * (sizeof line - 1)));
    CHECK_INT(k.status, 200);
    for (int i = 0; i < count; i++) close(slow[i]);
    /* All of it comes back. */
    for (int i = 0; i < 300 && (i == 0 || waiting); i++) {
        if (i) nanosleep(&(struct timespec){0, 20000000}, NULL);
        CHECK(serve_client_ask(&k, "GET", "/metrics", "", "", 0));
        const char *held = strstr(k.body, "\nleat_request_body_bytes ");
        waiting = held ? (size_t)strtoul(held + 25, NULL, 10) : 1;
    }
    CHECK_INT(waiting, 0);
    CHECK(serve_client_ask(&k, "POST", "/api/v1/iris", CSV, body, length));
    CHECK_INT(k.status, 200);
    serve_client_close(&k);
    leat_server_destroy(server);
    /* What would never fit is not to be tried again. */
    o.max_requests = 4 << 20;
    REQUIRE_OK(leat_server_start(t->context, &o, &server));
    REQUIRE(serve_client_open(&k, leat_server_url(server)));
    CHECK(serve_client_ask(&k, "POST", "/api/v1/iris", CSV, body, length));
    CHECK_INT(k.status, 413);
    CHECK(strstr(k.body, "too_long_answer"));
    serve_client_close(&k);
    leat_server_destroy(server);
    free(body);
}

/* A classifier whose ONNX file ends in maps (ZipMap), imported with a table, answers by the names
 * of its classes as any other does. */
static void zipped(leattest *t)
{
    static const request asked[] = {
        {"GET", "/api/v1/side", "", "", 200, "\"classes\":[\"left\",\"right\"]"},
        {"POST", "/api/v1/side", JSON, "{\"u\":2,\"v\":1}", 200,
         "\"predictions\":[\"left\"]|\"probabilities\":[{\"left\":0.7310585|\"right\":0.268941"},
        {"POST", "/api/v1/side", JSON, "[{\"u\":2,\"v\":1},{\"u\":0,\"v\":1}]", 200,
         "[\"left\",\"right\"]|},{\"left\":0.268941|\"right\":0.7310585"},
        {"POST", "/api/v1/side", CSV, "u,v\n2,1\n", 200, "\"probabilities\":[{\"left\":0.7310585"},
        {"GET", "/api/v1/side?u=2&v=1", "", "", 200, "\"left\":0.7310585"},
        {"POST", "/v2/models/side/infer", JSON,
         "{\"inputs\":[{\"name\":\"x\",\"shape\":[1,2],\"datatype\":\"FP64\",\"data\":[2,1]}]}",
         200, "probabilities|[\"left\"]|0.7310585"},
    };
    char onnx[512], leat[512], csv[512];
    const char *models[] = {leat};
    leat_graph_options o = leat_graph_options_default();
    leat_frame *table = NULL;
    leat_model *m = NULL;
    leat_server *server = NULL;
    serve_client k = {.fd = -1};
    snprintf(onnx, sizeof onnx, "%s", leattest_scratch("side.onnx"));
    snprintf(leat, sizeof leat, "%s", leattest_scratch("side.leat"));
    snprintf(csv, sizeof csv, "%s", leattest_scratch("side.csv"));
    FILE *f = fopen(csv, "w");
    REQUIRE(f);
    fputs("u,v,side\n", f);
    for (int i = 0; i < 60; i++) fprintf(f, "%d,%d,%s\n", i % 7, 3, i % 7 > 3 ? "left" : "right");
    fclose(f);
    o.target = "side";
    if (CHECK_OK(leattest_zipped_classifier(t->context, onnx)) &&
        CHECK_OK(leat_frame_read(t->context, &table, csv, NULL)) &&
        CHECK_OK(leat_model_from_graph(t->context, &m, onnx, table, &o)) &&
        CHECK_OK(leat_model_save(t->context, m, leat)) &&
        CHECK_OK(start(t->context, models, 1, &server)) &&
        CHECK(serve_client_open(&k, leat_server_url(server))))
        for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
            const request *r = &asked[i];
            CHECK(serve_client_ask(&k, r->method, r->path, r->headers, r->body, strlen(r->body)));
            if (!CHECK_INT(k.status, r->status) || !CHECK(serve_client_holds(k.reply, r->words)))
                printf("    %s %s: %.600s\n", r->method, r->path, k.body);
        }
    serve_client_close(&k);
    leat_server_destroy(server);
    leat_model_release(m);
    leat_frame_release(table);
}

static void options(leattest *t)
{
    leat_context *c = t->context;
    leat_server *server;
    if (!make_models(t)) return;
    char iris[512], other[600];
    snprintf(iris, sizeof iris, "%s", leattest_scratch("iris.leat"));
    snprintf(other, sizeof other, "a b=%s", iris);
    const char *const twice[] = {iris, iris}, *const absent[] = {"absent.leat"},
                      *const odd[] = {other};
    leat_serve_options o = leat_serve_options_default();
    CHECK_FAILS(leat_server_start(c, &o, &server), LEAT_INVALID, "no model");
    CHECK_FAILS(start(c, twice, 2, &server), LEAT_INVALID, "version 1 of 'iris'|iris:2=");
    CHECK_FAILS(start(c, absent, 1, &server), LEAT_NOT_FOUND, "absent.leat");
    CHECK_FAILS(start(c, odd, 1, &server), LEAT_INVALID, "'a b' cannot be the name");
    const char *models[] = {iris};
    o.models = models, o.model_count = 1, o.listen = "nowhere";
    CHECK(leat_server_start(c, &o, &server) != LEAT_OK);
    leat_error_clear(c);
    o.listen = "127.0.0.1:0", o.control = "maybe";
    CHECK_FAILS(leat_server_start(c, &o, &server), LEAT_INVALID, "local, yes or no");
    o.control = "no";
    REQUIRE_OK(leat_server_start(c, &o, &server));
    serve_client k;
    if (CHECK(serve_client_open(&k, leat_server_url(server)))) {
        CHECK(serve_client_ask(&k, "POST", "/v2/repository/models/iris/unload", "", "", 0));
        CHECK_INT(k.status, 403);
        CHECK(serve_client_ask(&k, "GET", "/v2/models/iris/ready", "", "", 0));
        CHECK_INT(k.status, 200);
    }
    serve_client_close(&k);
    leat_server_drain(server, 5);
    leat_server_destroy(server);
}

static leat_status start_and_end(leat_context *c, void *arg)
{
    leat_server *server;
    leat_status st = start(c, arg, 1, &server);
    if (st == LEAT_OK) leat_server_destroy(server);
    return st;
}

static void little_memory(leattest *t)
{
    if (!make_models(t)) return;
    char mixed[512];
    snprintf(mixed, sizeof mixed, "%s", leattest_scratch("mixed.leat"));
    const char *models[] = {mixed};
    leattest_fail_some_allocations(t, start_and_end, (void *)models);
}

static const leattest_case cases[] = {
    TEST(answers),     TEST(same_bits),           TEST(invocations),
    TEST(versions),    TEST(exchange_under_load), TEST(long_answers),
    TEST(slow_bodies), TEST(answers_not_taken),   TEST(options),
    TEST(zipped),      TEST(little_memory)};
LEATTEST_MAIN(cases)
