/* Owns: the description of all routes after OpenAPI 3.1, made from the table of routes and the
 * schemas in the model files. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include <leat/json.h>

#include "serve/route.h"

/* "get_v2_models_model_ready" */
static void operation_id(leat_json *j, const char *method, const char *path)
{
    char id[160];
    size_t n = (size_t)snprintf(id, sizeof id, "%s", method);
    bool gap = true;
    for (const char *p = path; *p && n + 2 < sizeof id; p++) {
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

/* {"application/json": {"schema": {"$ref": ...}}}; schema NULL: any JSON. */
static void json_content(leat_json *j, const char *schema)
{
    leat_json_begin_object(j, "content");
    leat_json_begin_object(j, "application/json");
    if (schema) {
        reference(j, "schema", schema);
    } else {
        leat_json_begin_object(j, "schema");
        leat_json_end_object(j);
    }
    leat_json_end_object(j);
    leat_json_end_object(j);
}

static void response(leat_json *j, const char *status, const char *text, const char *schema)
{
    leat_json_begin_object(j, status);
    leat_json_string(j, "description", text);
    json_content(j, schema);
    leat_json_end_object(j);
}

static void path_parameter(leat_json *j, const char *name)
{
    leat_json_begin_object(j, NULL);
    leat_json_string(j, "name", name);
    leat_json_string(j, "in", "path");
    leat_json_bool(j, "required", true);
    leat_json_begin_object(j, "schema");
    leat_json_string(j, "type", "string");
    leat_json_end_object(j);
    leat_json_end_object(j);
}

static void faults(leat_json *j, bool takes_body)
{
    response(j, "4XX", "what is wrong with the request", "Error");
    if (takes_body) response(j, "415", "a body of another type", "Error");
    response(j, "5XX", "what is wrong with the server", "Error");
}

static void operation(leat_json *j, const leati_route *r)
{
    static const char *const names[] = {"get", "head", "post", "put", "delete", "options", "patch"};
    const char *method = names[r->method];
    bool infers = strcmp(r->name, "oip_infer") == 0;
    leat_json_begin_object(j, method);
    operation_id(j, method, r->path);
    leat_json_string(j, "summary", r->summary);
    if (strchr(r->path, '{')) {
        leat_json_begin_array(j, "parameters");
        path_parameter(j, "model");
        if (strstr(r->path, "{version}")) path_parameter(j, "version");
        leat_json_end_array(j);
    }
    if (r->body != LEATI_BODY_NONE) {
        leat_json_begin_object(j, "requestBody");
        json_content(j, infers ? "InferRequest" : NULL);
        leat_json_end_object(j);
    }
    leat_json_begin_object(j, "responses");
    response(j, "200", "the answer", infers ? "InferResponse" : NULL);
    faults(j, r->body != LEATI_BODY_NONE);
    leat_json_end_object(j);
    leat_json_end_object(j);
}

static bool first_of_path(size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (strcmp(leati_routes[k].path, leati_routes[i].path) == 0) return false;
    return true;
}

/* The path of one model, with its own schema. */
static void model_path(leat_json *j, const leati_served *s)
{
    char path[160], schema[160];
    snprintf(path, sizeof path, "/api/v1/%s", s->name);
    snprintf(schema, sizeof schema, "row_%s", s->name);
    leat_json_begin_object(j, path);
    leat_json_begin_object(j, "post");
    operation_id(j, "post", path);
    leat_json_string(j, "summary", "predicts rows of this model");
    leat_json_begin_object(j, "requestBody");
    leat_json_bool(j, "required", true);
    leat_json_begin_object(j, "content");
    leat_json_begin_object(j, "application/json");
    leat_json_begin_object(j, "schema");
    leat_json_begin_array(j, "anyOf");
    reference(j, NULL, schema);
    leat_json_begin_object(j, NULL);
    leat_json_string(j, "type", "array");
    reference(j, "items", schema);
    leat_json_end_object(j);
    leat_json_end_array(j);
    leat_json_end_object(j);
    leat_json_end_object(j);
    leat_json_end_object(j);
    leat_json_end_object(j);
    leat_json_begin_object(j, "responses");
    response(j, "200", "predictions, and probabilities where the model has them", "Predictions");
    faults(j, true);
    leat_json_end_object(j);
    leat_json_end_object(j);
    leat_json_end_object(j);
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
     "\"request_id\":{\"type\":\"string\"}}}"},
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

/* The last version of each name. */
static bool is_last(const leati_shelf *shelf, size_t i)
{
    return i + 1 == shelf->count || strcmp(shelf->served[i + 1]->name, shelf->served[i]->name) != 0;
}

static void write_paths(leat_json *j, const leati_shelf *shelf)
{
    leat_json_begin_object(j, "paths");
    for (size_t i = 0; i < leati_route_count; i++) {
        if (!first_of_path(i)) continue;
        leat_json_begin_object(j, leati_routes[i].path);
        for (size_t k = i; k < leati_route_count; k++)
            if (strcmp(leati_routes[k].path, leati_routes[i].path) == 0)
                operation(j, &leati_routes[k]);
        leat_json_end_object(j);
    }
    for (size_t i = 0; i < shelf->count; i++)
        if (is_last(shelf, i)) model_path(j, shelf->served[i]);
    leat_json_end_object(j);
}

static void write_schemas(leat_json *j, const leati_shelf *shelf)
{
    leat_json_begin_object(j, "components");
    leat_json_begin_object(j, "schemas");
    for (size_t i = 0; i < sizeof fixed_schemas / sizeof *fixed_schemas; i++)
        leat_json_raw(j, fixed_schemas[i][0], fixed_schemas[i][1]);
    for (size_t i = 0; i < shelf->count; i++) {
        char name[160];
        if (!is_last(shelf, i)) continue;
        snprintf(name, sizeof name, "row_%s", shelf->served[i]->name);
        leat_json_raw(j, name, shelf->served[i]->schema);
    }
    leat_json_end_object(j);
    leat_json_end_object(j);
}

int leati_route_openapi(leati_call *call)
{
    leat_context *c = call->desk->context;
    leat_json *j = leat_json_create(c, 0);
    leat_json_begin_object(j, NULL);
    leat_json_string(j, "openapi", "3.1.0");
    leat_json_begin_object(j, "info");
    leat_json_string(j, "title", "Models served by Leat");
    leat_json_string(j, "version", leat_version());
    leat_json_end_object(j);
    write_paths(j, call->shelf);
    write_schemas(j, call->shelf);
    leat_json_end_object(j);
    const char *text = leat_json_text(j);
    if (text) {
        leati_exchange_header(call->exchange, "Content-Type", "application/json");
        leati_exchange_write(call->exchange, text, strlen(text));
    } else {
        leati_fault_from(&call->fault, c);
    }
    leat_json_destroy(j);
    return text ? 200 : 0;
}
