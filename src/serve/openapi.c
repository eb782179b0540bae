/* Owns: the description of all routes after OpenAPI 3.1, made from the table of routes and the
 * schemas in the model files. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include <leat/json.h>

#include "base/mem.h"
#include "serve/route.h"
#include "serve/rows_in.h"

static const char *const methods[] = {"get", "head", "post", "put", "delete", "options", "patch"};

/* "get_v2_models_model_ready"; of a model's own path "get:iris", for names may look alike without
 * their dots. */
static void operation_id(leat_json *j, const char *method, const char *path, const char *model)
{
    char id[200];
    size_t n =
        (size_t)snprintf(id, sizeof id, "%s%s%s", method, model ? ":" : "", model ? model : "");
    bool gap = true;
    for (const char *p = path; !model && *p && n + 2 < sizeof id; p++) {
        if (!isalnum((unsigned char)*p)) {
            gap = true;
            continue;
        }
        if (gap) id[n++] = '_';
        gap = false;
        id[n++] = *p;
    }
    id[n] = '\0';
    leat_json_string(j, "operationId", id);
}

static void reference(leat_json *j, const char *key, const char *schema)
{
    char text[200];
    snprintf(text, sizeof text, "#/components/schemas/%s", schema);
    leat_json_begin_object(j, key);
    leat_json_string(j, "$ref", text);
    leat_json_end_object(j);
}

/* ---- parameters -------------------------------------------------------------------------------
 */

static void parameter(leat_json *j, const char *in, const char *name, const char *type,
                      const char *text)
{
    leat_json_begin_object(j, NULL);
    leat_json_string(j, "name", name);
    leat_json_string(j, "in", in);
    leat_json_bool(j, "required", strcmp(in, "path") == 0);
    if (text) leat_json_string(j, "description", text);
    leat_json_begin_object(j, "schema");
    leat_json_string(j, "type", type);
    leat_json_end_object(j);
    leat_json_end_object(j);
}

static bool is_handler(const leati_route *r, const char *name)
{
    return strcmp(r->name, name) == 0;
}

static bool is_rollout(const leati_route *r)
{
    return strncmp(r->name, "rollout_", 8) == 0;
}

/* model: whose own path it is; NULL: {model} stands for all. */
static void parameters(leat_json *j, const leati_route *r, const leati_served *model)
{
    leat_json_begin_array(j, "parameters");
    if (!model && strstr(r->path, "{model}")) parameter(j, "path", "model", "string", NULL);
    if (strstr(r->path, "{version}")) parameter(j, "path", "version", "string", NULL);
    if (r->body == LEATI_BODY_MODEL || is_handler(r, "api_delete")) {
        parameter(j, "header", "If-Match", "string", "entity tags of what may be replaced");
        parameter(j, "header", "If-None-Match", "string", "*: only where there is none");
    }
    if (is_handler(r, "drift"))
        parameter(j, "query", "windows", "integer", "how many, the newest; 24 without");
    bool describes = is_handler(r, "api_model");
    if (describes)
        parameter(j, "header", "If-None-Match", "string", "entity tags of what is known already");
    for (size_t i = 0; model && describes && i < model->inputs; i++)
        if (model->ports[i].role != LEATI_ROLE_ARRAY)
            parameter(j, "query", model->ports[i].name, "string", NULL);
    bool taken = model && leati_map_get(&model->names, "explain", 7) != LEATI_MAP_NONE;
    if ((describes || is_handler(r, "api_predict")) && !taken)
        parameter(j, "query", "explain", "boolean", "adds what each input contributes");
    leat_json_end_array(j);
}

/* ---- bodies -----------------------------------------------------------------------------------
 */

static void media(leat_json *j, const char *type, const char *schema)
{
    leat_json_begin_object(j, type);
    if (schema) reference(j, "schema", schema);
    leat_json_end_object(j);
}

/* An array of rows by name, and one of rows in the order of the inputs. */
static void row_arrays(leat_json *j, const char *row)
{
    leat_json_begin_object(j, NULL);
    leat_json_string(j, "type", "array");
    reference(j, "items", row);
    leat_json_end_object(j);
    leat_json_raw(j, NULL, "{\"type\":\"array\",\"items\":{\"type\":\"array\"}}");
}

/* A row, an array of them, or one with what is asked beside it. */
static void rows_schema(leat_json *j, const char *row)
{
    leat_json_begin_object(j, "application/json");
    leat_json_begin_object(j, "schema");
    leat_json_begin_array(j, "anyOf");
    reference(j, NULL, row);
    row_arrays(j, row);
    leat_json_begin_object(j, NULL);
    leat_json_string(j, "type", "object");
    leat_json_raw(j, "required", "[\"rows\"]");
    leat_json_begin_object(j, "properties");
    leat_json_begin_object(j, "rows");
    leat_json_begin_array(j, "anyOf");
    row_arrays(j, row);
    leat_json_end_array(j);
    leat_json_end_object(j);
    leat_json_raw(j, "explain", "{\"type\":\"boolean\"}");
    leat_json_end_object(j);
    leat_json_end_object(j);
    leat_json_end_array(j);
    leat_json_end_object(j);
    leat_json_end_object(j);
}

static void request_body(leat_json *j, const leati_route *r, const leati_served *model)
{
    char row[160];
    bool rows = is_handler(r, "api_predict");
    bool image = !model || leati_rows_takes_image(model);
    bool text = !model || leati_rows_takes_text(model);
    if (model) snprintf(row, sizeof row, "row_%s", model->name);
    leat_json_begin_object(j, "requestBody");
    leat_json_bool(j, "required", r->body != LEATI_BODY_SMALL || is_rollout(r));
    leat_json_begin_object(j, "content");
    if (r->body == LEATI_BODY_MODEL) {
        media(j, "application/octet-stream", NULL);
        media(j, "application/vnd.leat", NULL);
    } else if (rows && model) {
        rows_schema(j, row);
    } else {
        media(j, "application/json",
              is_handler(r, "oip_infer")       ? "InferRequest"
              : is_handler(r, "feedback")      ? "Labels"
              : is_handler(r, "rollout_begin") ? "Rollout"
              : is_handler(r, "rollout_act")   ? "RolloutAction"
                                               : NULL);
    }
    if (rows || is_handler(r, "invocations")) media(j, "text/csv", NULL);
    if (rows) {
        media(j, "application/x-www-form-urlencoded", model ? row : NULL);
        media(j, "multipart/form-data", NULL);
        if (image) media(j, "image/png", NULL);
        if (image) media(j, "image/jpeg", NULL);
        if (text) media(j, "text/plain", NULL);
    }
    leat_json_end_object(j);
    leat_json_end_object(j);
}

/* ---- answers ----------------------------------------------------------------------------------
 */

/* type NULL: without a body; schema NULL: any. */
static void response(leat_json *j, const char *status, const char *text, const char *type,
                     const char *schema)
{
    leat_json_begin_object(j, status);
    leat_json_string(j, "description", text);
    if (type) {
        leat_json_begin_object(j, "content");
        media(j, type, schema);
        leat_json_end_object(j);
    }
    leat_json_end_object(j);
}

static void fault(leat_json *j, const char *status, const char *text)
{
    response(j, status, text, "application/json", "Error");
}

static void faults(leat_json *j, const leati_route *r)
{
    bool body = r->body != LEATI_BODY_NONE, uploads = r->body == LEATI_BODY_MODEL;
    bool changes = uploads || is_handler(r, "api_delete"), asks = r->scope != LEATI_OPEN;
    fault(j, "400", "the request cannot be read");
    if (asks) fault(j, "401", "a key is asked for");
    if (asks) fault(j, "403", "the key may not do that, or nobody may");
    if (strchr(r->path, '{')) fault(j, "404", "there is no such model or version");
    if (changes)
        fault(j, "409",
              "it is no file of a folder, other bytes have the number, or there are as many "
              "versions as may be");
    if (is_rollout(r) && r->scope == LEATI_MANAGE)
        fault(j, "409", "a rollout is under way already, or none is");
    if (is_handler(r, "feedback")) fault(j, "409", "the label was counted before");
    if (changes) fault(j, "412", "a condition does not hold");
    if (body) fault(j, "413", "the body is too large");
    if (body) fault(j, "415", "a body of another type");
    if (body || is_handler(r, "api_model") || is_handler(r, "drift") || changes)
        fault(j, "422", "a value does not fit");
    if (asks) fault(j, "429", "the key has asked too often; Retry-After says when again");
    fault(j, "503", "the server ends, is busy or lacks memory");
    if (is_handler(r, "rollout_begin")) fault(j, "507", "its state cannot be written");
    if (uploads) fault(j, "507", "the folder has as many bytes of models as may be");
    fault(j, "default", "what else is wrong");
}

static void successes(leat_json *j, const leati_route *r)
{
    bool page = is_handler(r, "page") || is_handler(r, "drift_page");
    bool text = is_handler(r, "version") || is_handler(r, "metrics");
    const char *schema = is_handler(r, "oip_infer")     ? "InferResponse"
                         : is_handler(r, "api_predict") ? "Predictions"
                         : is_handler(r, "api_put")     ? "Uploaded"
                                                        : NULL;
    if (is_handler(r, "api_delete")) {
        response(j, "204", "it is deleted", NULL, NULL);
        return;
    }
    if (is_handler(r, "api_put"))
        response(j, "201", "it was not there before", "application/json", schema);
    if (is_handler(r, "api_model"))
        response(j, "304", "If-None-Match names its entity tag", NULL, NULL);
    response(j, "200", "the answer",
             page   ? "text/html"
             : text ? "text/plain"
                    : "application/json",
             schema);
}

/* Keys, where the server asks for them: either header; or none. */
static void security(leat_json *j)
{
    static const char *const schemes[] = {"bearer", "key"};
    leat_json_begin_array(j, "security");
    for (int i = 0; i < 2; i++) {
        leat_json_begin_object(j, NULL);
        leat_json_begin_array(j, schemes[i]);
        leat_json_end_array(j);
        leat_json_end_object(j);
    }
    leat_json_begin_object(j, NULL);
    leat_json_end_object(j);
    leat_json_end_array(j);
}

/* That a key must have. */
static const char *const scopes[] = {[LEATI_OPEN] = "none",
                                     [LEATI_ANY] = "any",
                                     [LEATI_INFER] = "infer",
                                     [LEATI_MONITOR] = "monitor",
                                     [LEATI_MANAGE] = "manage"};

static void operation(leat_json *j, const leati_route *r, const leati_served *model)
{
    leat_json_begin_object(j, methods[r->method]);
    operation_id(j, methods[r->method], r->path, model ? model->name : NULL);
    leat_json_string(j, "summary", r->summary);
    parameters(j, r, model);
    if (r->body != LEATI_BODY_NONE) request_body(j, r, model);
    if (r->scope != LEATI_OPEN) {
        security(j);
        leat_json_string(j, "x-scope", scopes[r->scope]);
    }
    leat_json_begin_object(j, "responses");
    successes(j, r);
    faults(j, r);
    leat_json_end_object(j);
    leat_json_end_object(j);
}

/* ---- paths ------------------------------------------------------------------------------------
 */

static bool first_of_path(size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (strcmp(leati_routes[k].path, leati_routes[i].path) == 0) return false;
    return true;
}

/* All that a path takes. */
static void path_item(leat_json *j, const char *path, const leati_served *model)
{
    for (size_t k = 0; k < leati_route_count; k++)
        if (strcmp(leati_routes[k].path, path) == 0) operation(j, &leati_routes[k], model);
}

/* Made once: with hundreds of models, describing them all would hold up an event loop for long. */
leat_status leati_served_describe_path(leat_context *c, leati_served *s)
{
    leat_json *j = leat_json_create(c, 0);
    leat_json_begin_object(j, NULL);
    path_item(j, "/api/v1/{model}", s);
    leat_json_end_object(j);
    const char *text = leat_json_text(j);
    if (text) s->path = leati_strdup(c, text);
    leat_json_destroy(j);
    return s->path ? LEAT_OK : leat_error_status(c);
}

static const char *const fixed_schemas[][2] = {
    {"Error", "{\"type\":\"object\",\"required\":[\"error\",\"code\",\"request_id\"],"
              "\"properties\":{\"error\":{\"type\":\"string\"},\"code\":{\"type\":\"string\"},"
              "\"request_id\":{\"type\":\"string\"}}}"},
    {"Predictions",
     "{\"type\":\"object\",\"required\":[\"model\",\"version\",\"predictions\",\"request_id\"],"
     "\"properties\":{\"model\":{\"type\":\"string\"},\"version\":{\"type\":\"integer\"},"
     "\"predictions\":{\"type\":\"array\"},\"probabilities\":{\"type\":\"array\",\"items\":"
     "{\"type\":\"object\",\"additionalProperties\":{\"type\":\"number\"}}},"
     "\"explanations\":{\"type\":\"array\",\"items\":"
     "{\"$ref\":\"#/components/schemas/Explanation\"}},"
     "\"explained\":{\"type\":\"object\"},\"request_id\":{\"type\":\"string\"}}}"},
    {"Explanation",
     "{\"type\":\"object\",\"required\":[\"value\",\"base\",\"contributions\"],\"description\":"
     "\"base and contributions add up to value\",\"properties\":{\"class\":{},"
     "\"value\":{\"type\":\"number\"},\"base\":{\"type\":\"number\"},\"contributions\":"
     "{\"type\":\"object\",\"additionalProperties\":{\"type\":\"number\"}},\"standard_errors\":"
     "{\"type\":\"object\",\"additionalProperties\":{\"type\":[\"number\",\"null\"]}},\"patches\":"
     "{\"type\":\"object\",\"additionalProperties\":{\"type\":\"array\",\"items\":{\"type\":"
     "\"array\",\"items\":{\"type\":\"number\"}}}}}}"},
    {"Uploaded", "{\"type\":\"object\",\"required\":[\"model\",\"version\",\"status\",\"sha256\"],"
                 "\"properties\":{\"model\":{\"type\":\"string\"},\"version\":{\"type\":"
                 "\"integer\"},\"status\":{\"enum\":[\"created\",\"replaced\",\"unchanged\","
                 "\"loaded\"]},\"sha256\":{\"type\":\"string\"},\"request_id\":{\"type\":"
                 "\"string\"}}}"},
    {"Label", "{\"type\":\"object\",\"required\":[\"request_id\",\"label\"],\"properties\":"
              "{\"request_id\":{\"type\":\"string\"},\"row\":{\"type\":\"integer\",\"minimum\":0},"
              "\"label\":{\"type\":[\"string\",\"number\",\"boolean\"]},"
              "\"group\":{\"type\":\"string\"}}}"},
    {"Labels",
     "{\"anyOf\":[{\"$ref\":\"#/components/schemas/Label\"},{\"type\":\"array\",\"items\":"
     "{\"$ref\":\"#/components/schemas/Label\"}}]}"},
    {"Rollout",
     "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{\"mode\":{\"enum\":"
     "[\"canary\",\"shadow\",\"switch\"]},\"to\":{\"type\":\"integer\",\"minimum\":1},\"from\":"
     "{\"type\":\"integer\",\"minimum\":1},\"steps\":{\"type\":\"array\",\"minItems\":1,"
     "\"maxItems\":16,\"items\":{\"type\":\"number\",\"exclusiveMinimum\":0,\"maximum\":100}},"
     "\"hold\":{\"type\":\"number\",\"minimum\":0},\"prolong\":{\"type\":\"number\","
     "\"minimum\":0},\"alpha\":{\"type\":\"number\",\"exclusiveMinimum\":0,\"maximum\":0.5},"
     "\"abort_if\":{\"type\":\"array\",\"maxItems\":8,\"items\":{\"type\":\"string\","
     "\"examples\":[\"error_rate>stable+1%\"]}},\"sticky\":{\"type\":\"string\",\"pattern\":"
     "\"^(none|key|header:.+|input:.+)$\"},\"seed\":{\"type\":\"integer\",\"minimum\":0},"
     "\"mirror\":{\"type\":\"number\",\"minimum\":0,\"maximum\":1},\"tolerance\":{\"type\":"
     "\"number\",\"minimum\":0,\"maximum\":1},\"alias\":{\"type\":\"string\"},"
     "\"other_schema\":{\"type\":\"boolean\"}}}"},
    {"RolloutAction", "{\"type\":\"object\",\"required\":[\"action\"],\"properties\":{\"action\":"
                      "{\"enum\":[\"promote\",\"finish\",\"pause\",\"resume\",\"abort\"]}}}"},
    {"Tensor", "{\"type\":\"object\",\"required\":[\"name\",\"shape\",\"datatype\"],\"properties\":"
               "{\"name\":{\"type\":\"string\"},\"shape\":{\"type\":\"array\",\"items\":"
               "{\"type\":\"integer\"}},\"datatype\":{\"enum\":[\"BOOL\",\"UINT8\",\"UINT16\","
               "\"UINT32\",\"UINT64\",\"INT8\",\"INT16\",\"INT32\",\"INT64\",\"FP16\",\"BF16\","
               "\"FP32\",\"FP64\",\"BYTES\"]},\"parameters\":{\"type\":\"object\"},"
               "\"data\":{\"type\":\"array\"}}}"},
    {"InferRequest",
     "{\"type\":\"object\",\"required\":[\"inputs\"],\"properties\":{\"id\":{\"type\":\"string\"},"
     "\"parameters\":{\"type\":\"object\"},\"inputs\":{\"type\":\"array\",\"minItems\":1,\"items\":"
     "{\"$ref\":\"#/components/schemas/Tensor\"}},\"outputs\":{\"type\":\"array\",\"items\":"
     "{\"type\":\"object\",\"required\":[\"name\"],\"properties\":{\"name\":{\"type\":\"string\"},"
     "\"parameters\":{\"type\":\"object\"}}}}}}"},
    {"InferResponse",
     "{\"type\":\"object\",\"required\":[\"model_name\",\"outputs\"],\"properties\":"
     "{\"model_name\":{\"type\":\"string\"},\"model_version\":{\"type\":\"string\"},"
     "\"id\":{\"type\":\"string\"},\"outputs\":{\"type\":\"array\",\"items\":"
     "{\"$ref\":\"#/components/schemas/Tensor\"}}}}"}};

/* The last version of each name that the one who asks may know of. */
static bool is_told(const leati_call *call, size_t i)
{
    const leati_shelf *shelf = call->shelf;
    const char *name = shelf->served[i]->name;
    bool last = i + 1 == shelf->count || strcmp(shelf->served[i + 1]->name, name) != 0;
    return last && leati_serve_shows(call, name);
}

/* Models are written as they were described, straight into the answer: they are most of it. */
static void put(leati_http_exchange *to, const char *text)
{
    leati_exchange_write(to, text, strlen(text));
}

/* An object but for its end. */
static bool put_open(leati_call *call, leat_json *j)
{
    const char *text = leat_json_text(j);
    if (text) leati_exchange_write(call->exchange, text, strlen(text) - 1);
    else leati_fault_from(&call->fault, call->desk->context);
    leat_json_destroy(j);
    return text != NULL;
}

static void put_models(leati_call *call, const char *head, bool schemas)
{
    for (size_t i = 0; i < call->shelf->count; i++) {
        const leati_served *s = call->shelf->served[i];
        if (!is_told(call, i)) continue;
        put(call->exchange, head);
        put(call->exchange, s->name);
        put(call->exchange, "\":");
        put(call->exchange, schemas ? s->schema : s->path);
    }
}

static bool put_paths(leati_call *call)
{
    leat_json *j = leat_json_create(call->desk->context, 0);
    leat_json_begin_object(j, NULL);
    for (size_t i = 0; i < leati_route_count; i++) {
        if (!first_of_path(i)) continue;
        leat_json_begin_object(j, leati_routes[i].path);
        path_item(j, leati_routes[i].path, NULL);
        leat_json_end_object(j);
    }
    leat_json_end_object(j);
    if (!put_open(call, j)) return false;
    put_models(call, ",\"/api/v1/", false);
    return true;
}

static bool put_schemas(leati_call *call)
{
    leat_json *j = leat_json_create(call->desk->context, 0);
    leat_json_begin_object(j, NULL);
    for (size_t i = 0; i < sizeof fixed_schemas / sizeof *fixed_schemas; i++)
        leat_json_raw(j, fixed_schemas[i][0], fixed_schemas[i][1]);
    leat_json_end_object(j);
    if (!put_open(call, j)) return false;
    put_models(call, ",\"row_", true);
    return true;
}

int leati_route_openapi(leati_call *call)
{
    leati_http_exchange *to = call->exchange;
    put(to, "{\"openapi\":\"3.1.0\",\"info\":{\"title\":\"Models served by Leat\",\"version\":\"");
    put(to, leat_version());
    put(to, "\"},\"paths\":");
    if (!put_paths(call)) return 0;
    put(to, "},\"components\":{\"schemas\":");
    if (!put_schemas(call)) return 0;
    put(to, "},\"securitySchemes\":{\"bearer\":{\"type\":\"http\",\"scheme\":\"bearer\"},"
            "\"key\":{\"type\":\"apiKey\",\"in\":\"header\",\"name\":\"X-API-Key\"}}}}");
    leati_exchange_header(to, "Content-Type", "application/json");
    return 200;
}
