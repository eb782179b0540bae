/* Owns: what the protocols say about a served version, made once from the model file: ports,
 * metadata after the Open Inference Protocol, the description of the friendly API, the JSON Schema
 * of a row. */
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/str.h"
#include "frame/infer.h"
#include "model/model.h"
#include "serve/served.h"

/* ---- examples ---------------------------------------------------------------------------------
 */

/* The middle of a reference distribution: the edge of the bin that holds the median. */
static double median_of(const json_t *input)
{
    const json_t *edges = json_object_get(input, "edges"),
                 *counts = json_object_get(input, "counts");
    double total = 0, seen = 0;
    size_t bins = json_array_size(counts), i = 0;
    for (size_t k = 0; k < bins; k++) total += json_number_value(json_array_get(counts, k));
    for (; i < bins && 2 * seen < total; i++) seen += json_number_value(json_array_get(counts, i));
    const json_t *edge = json_array_get(edges, i);
    return edge ? json_number_value(edge) : 0;
}

static const char *usual_level(const json_t *input)
{
    const json_t *levels = json_object_get(input, "levels");
    return json_string_value(json_object_get(json_array_get(levels, 0), "value"));
}

/* A JSON value as the training rows had them: the median, the most frequent level. */
static char *example_of(leat_context *c, const leati_port *p, const json_t *input)
{
    char number[LEATI_NUM_SIZE], when[40];
    leat_json *j = leat_json_create(c, 0);
    const char *level = usual_level(input);
    double middle = median_of(input);
    if (p->role == LEATI_ROLE_ARRAY) {
        leat_json_null(j, NULL);
    } else if (p->role == LEATI_ROLE_CATEGORY) {
        if (level && (p->type == LEAT_I64 || p->type == LEAT_F64)) leat_json_raw(j, NULL, level);
        else leat_json_string(j, NULL, level ? level : "");
    } else if (p->role == LEATI_ROLE_TIME) {
        leati_time_format((int64_t)middle / 86400000000 * 86400000000, true, when);
        leat_json_string(j, NULL, when);
    } else if (p->type == LEAT_BOOL) {
        leat_json_bool(j, NULL, middle >= 0.5);
    } else if (p->type == LEAT_I64) {
        leat_json_number(j, NULL, round(middle));
    } else { /* four digits are enough */
        double scale = middle == 0 ? 1 : pow(10, 3 - floor(log10(fabs(middle))));
        leati_num_format(isfinite(scale) ? round(middle * scale) / scale : middle, number);
        leat_json_raw(j, NULL, number);
    }
    const char *text = leat_json_text(j);
    char *copy = text ? leati_strdup(c, text) : NULL;
    leat_json_destroy(j);
    return copy;
}

/* ---- ports ------------------------------------------------------------------------------------
 */

static const char *datatype_of(const leati_port *p)
{
    if (p->role == LEATI_ROLE_ARRAY)
        return p->item == LEATI_ITEM_U8 ? "UINT8" : p->item == LEATI_ITEM_F32 ? "FP32" : "FP64";
    if (p->role == LEATI_ROLE_TIME || p->type == LEAT_STRING) return "BYTES";
    return p->type == LEAT_BOOL ? "BOOL" : p->type == LEAT_I64 ? "INT64" : "FP64";
}

static leat_status make_port(leat_context *c, leati_served *s, size_t i, const json_t *reference)
{
    const leati_schema_column *k = &s->model->schema.columns[s->model->inputs[i]];
    leati_port *p = &s->ports[i];
    p->name = k->name;
    p->name_length = strlen(k->name);
    p->sequence = k->role == LEATI_ROLE_TOKENS; /* to those who ask a text like any other */
    p->role = p->sequence ? LEATI_ROLE_CATEGORY : k->role;
    p->type = k->type;
    p->elements = 1;
    p->low = k->low;
    p->high = k->high;
    p->item = k->item;
    if (k->role == LEATI_ROLE_ARRAY) {
        memcpy(p->shape, k->shape, sizeof p->shape);
        p->elements = k->shape[0] * k->shape[1] * k->shape[2];
    }
    p->datatype = datatype_of(p);
    p->example = example_of(c, p, json_array_get(json_object_get(reference, "inputs"), i));
    return p->example ? LEAT_OK : leat_error_status(c);
}

static leat_status make_ports(leat_context *c, leati_served *s)
{
    json_t *reference = json_loads(leat_model_reference(s->model), 0, NULL);
    leat_status st = LEAT_OK;
    s->ports = LEATI_NEW(c, leati_port, s->inputs + 1);
    if (!s->ports) st = leat_error_status(c);
    for (size_t i = 0; st == LEAT_OK && i < s->inputs; i++) st = make_port(c, s, i, reference);
    for (size_t i = 0; st == LEAT_OK && i < s->inputs; i++)
        if (leati_map_put(&s->names, s->ports[i].name, s->ports[i].name_length) == LEATI_MAP_NONE)
            st = leat_error_status(c);
    s->matrix = s->inputs > 1;
    for (size_t i = 0; st == LEAT_OK && i < s->inputs; i++)
        s->matrix = s->matrix && s->ports[i].role == LEATI_ROLE_NUMBER;
    json_decref(reference);
    return st;
}

/* ---- answers ----------------------------------------------------------------------------------
 */

/* Of the protocol's INT64 and FP64. */
static void number_bytes(const char *number, leat_type type, char out[8])
{
    int64_t whole = 0;
    double real = 0;
    if (type == LEAT_I64) (void)leati_int_parse(number, strlen(number), &whole);
    else (void)leati_num_parse(number, strlen(number), &real);
    memcpy(out, type == LEAT_I64 ? (void *)&whole : (void *)&real, 8);
}

/* What a class is in a binary tensor: its number, or the length of its name and the name. */
static leat_status make_class_bytes(leat_context *c, leati_served *s)
{
    bool text = s->answer == LEAT_STRING;
    size_t total = 0;
    s->class_at = LEATI_NEW(c, size_t, s->classes + 1);
    if (!s->class_at) return leat_error_status(c);
    s->class_short = true;
    for (size_t k = 0; k < s->classes; k++) {
        size_t size = text ? 4 + strlen(leat_model_class_name(s->model, k)) : 8;
        s->class_short &= size <= LEATI_CLASS_STEP;
        total += size;
        s->class_at[k + 1] = total;
    }
    s->class_bytes = LEATI_NEW(c, char, total + LEATI_CLASS_STEP);
    if (!s->class_bytes) return leat_error_status(c);
    for (size_t k = 0; k < s->classes; k++) {
        char *to = s->class_bytes + s->class_at[k];
        size_t length = s->class_at[k + 1] - s->class_at[k] - 4;
        if (!text) {
            number_bytes(s->class_json[k], s->answer, to);
            continue;
        }
        for (int i = 0; i < 4; i++) to[i] = (char)(unsigned char)(length >> 8 * i);
        memcpy(to + 4, leat_model_class_name(s->model, k), length);
    }
    return LEAT_OK;
}

static leat_status make_classes(leat_context *c, leati_served *s)
{
    const leati_schema *schema = &s->model->schema;
    bool classify = schema->task == LEATI_CLASSIFY;
    bool number = schema->target_type == LEAT_I64 || schema->target_type == LEAT_F64;
    s->probabilities = leat_model_has_probabilities(s->model);
    s->answer = !classify ? LEAT_F64 : number ? schema->target_type : LEAT_STRING;
    s->classes = classify ? schema->classes : 0;
    s->class_json = LEATI_NEW(c, char *, s->classes + 1);
    s->class_length = LEATI_NEW(c, size_t, s->classes + 1);
    if (!s->class_json || !s->class_length) return leat_error_status(c);
    for (size_t k = 0; k < s->classes; k++) {
        leat_json *j = leat_json_create(c, 0);
        if (s->answer == LEAT_STRING) leat_json_string(j, NULL, schema->class_names[k]);
        else leat_json_raw(j, NULL, schema->class_names[k]);
        const char *text = leat_json_text(j);
        s->class_json[k] = text ? leati_strdup(c, text) : NULL;
        leat_json_destroy(j);
        if (!s->class_json[k]) return leat_error_status(c);
        s->class_length[k] = strlen(s->class_json[k]);
        if (s->class_length[k] > s->class_longest) s->class_longest = s->class_length[k];
    }
    return make_class_bytes(c, s);
}

/* ---- metadata ---------------------------------------------------------------------------------
 */

static void tensor_json(leat_json *j, const char *name, const char *datatype, size_t second,
                        const size_t *shape)
{
    leat_json_string(j, "name", name);
    leat_json_string(j, "datatype", datatype);
    leat_json_begin_array(j, "shape");
    leat_json_int(j, NULL, -1);
    if (second) leat_json_int(j, NULL, (int64_t)second);
    for (int k = 0; shape && k < 3; k++) leat_json_int(j, NULL, (int64_t)shape[k]);
    leat_json_end_array(j);
}

/* {"columns": "a,b,c"}: the protocol's properties are texts. */
static leat_status names_json(leat_context *c, leat_json *j, const char *key, const leati_served *s)
{
    leati_str names;
    bool columns = strcmp(key, "columns") == 0;
    size_t count = columns ? s->inputs : s->classes;
    leati_str_init(&names, c);
    for (size_t i = 0; i < count; i++) {
        if (i) leati_str_addc(&names, ',');
        leati_str_add(&names, columns ? s->ports[i].name : leat_model_class_name(s->model, i));
    }
    leat_json_begin_object(j, "properties");
    leat_json_string(j, key, leati_str_text(&names));
    leat_json_end_object(j);
    leat_status st = leati_str_status(&names);
    leati_str_fini(&names);
    return st;
}

static leat_status inputs_json(leat_context *c, leat_json *j, const leati_served *s)
{
    leat_status st = LEAT_OK;
    leat_json_begin_array(j, "inputs");
    if (s->matrix) {
        leat_json_begin_object(j, NULL);
        tensor_json(j, "input", "FP64", s->inputs, NULL);
        st = names_json(c, j, "columns", s);
        leat_json_end_object(j);
    }
    for (size_t i = 0; !s->matrix && i < s->inputs; i++) {
        const leati_port *p = &s->ports[i];
        leat_json_begin_object(j, NULL);
        tensor_json(j, p->name, p->datatype, 0, p->role == LEATI_ROLE_ARRAY ? p->shape : NULL);
        leat_json_end_object(j);
    }
    leat_json_end_array(j);
    return st;
}

static leat_status make_metadata(leat_context *c, leati_served *s)
{
    static const char *const answers[] = {
        [LEAT_F64] = "FP64", [LEAT_I64] = "INT64", [LEAT_STRING] = "BYTES"};
    leati_str platform;
    leati_str_init(&platform, c);
    leati_str_addf(&platform, "leat_%s", leat_model_estimator(s->model));
    leat_json *j = leat_json_create(c, 0);
    leat_json_begin_object(j, NULL);
    leat_json_string(j, "platform", leati_str_text(&platform));
    leat_status st = leati_str_status(&platform);
    leati_str_fini(&platform);
    if (st == LEAT_OK) st = inputs_json(c, j, s);
    leat_json_begin_array(j, "outputs");
    leat_json_begin_object(j, NULL);
    tensor_json(j, "prediction", answers[s->answer], 0, NULL);
    leat_json_end_object(j);
    if (s->probabilities) {
        leat_json_begin_object(j, NULL);
        tensor_json(j, "probabilities", "FP64", s->classes, NULL);
        if (st == LEAT_OK) st = names_json(c, j, "classes", s);
        leat_json_end_object(j);
    }
    leat_json_end_array(j);
    leat_json_end_object(j);
    const char *text = leat_json_text(j);
    if (text && st == LEAT_OK) s->metadata = leati_strdup(c, text + 1); /* behind the '{' */
    leat_json_destroy(j);
    return s->metadata ? LEAT_OK : leat_error_status(c);
}

/* ---- the friendly description -----------------------------------------------------------------
 */

static void port_json(leat_json *j, const leati_port *p)
{
    leat_json_begin_object(j, NULL);
    leat_json_string(j, "name", p->name);
    leat_json_string(j, "type", leat_type_name(p->type));
    leat_json_string(j, "role", p->sequence ? "text" : leati_role_name(p->role));
    if (p->role == LEATI_ROLE_ARRAY) {
        leat_json_begin_array(j, "shape");
        for (int k = 0; k < 3; k++) leat_json_int(j, NULL, (int64_t)p->shape[k]);
        leat_json_end_array(j);
    } else if (p->role == LEATI_ROLE_NUMBER && isfinite(p->low)) {
        leat_json_number(j, "low", p->low);
        leat_json_number(j, "high", p->high);
    }
    leat_json_raw(j, "example", p->example);
    leat_json_end_object(j);
}

/* The levels of a category that training had, for the form. */
static void levels_json(leat_json *j, const leati_served *s)
{
    const leati_encoder *e = &s->model->pipeline.encoder;
    leat_json_begin_object(j, "levels");
    for (size_t i = 0; i < s->inputs && i < e->count; i++) {
        if (s->ports[i].role != LEATI_ROLE_CATEGORY || s->ports[i].sequence) continue;
        leat_json_begin_array(j, s->ports[i].name);
        for (uint32_t k = 0; k < e->columns[i].levels; k++)
            leat_json_string(j, NULL, e->columns[i].level[k]);
        leat_json_end_array(j);
    }
    leat_json_end_object(j);
}

static leat_status make_describe(leat_context *c, leati_served *s)
{
    leat_json *j = leat_json_create(c, 0);
    leat_json_begin_object(j, NULL);
    leat_json_string(j, "model", s->name);
    leat_json_int(j, "version", s->version);
    leat_json_string(j, "task", s->classes ? "classification" : "regression");
    leat_json_string(j, "target", leat_model_target(s->model));
    leat_json_string(j, "estimator", leat_model_estimator(s->model));
    if (s->classes) {
        leat_json_begin_array(j, "classes");
        for (size_t k = 0; k < s->classes; k++) leat_json_raw(j, NULL, s->class_json[k]);
        leat_json_end_array(j);
    }
    leat_json_bool(j, "probabilities", s->probabilities);
    leat_json_begin_array(j, "inputs");
    for (size_t i = 0; i < s->inputs; i++) port_json(j, &s->ports[i]);
    leat_json_end_array(j);
    levels_json(j, s);
    leat_json_begin_object(j, "example");
    for (size_t i = 0; i < s->inputs; i++) leat_json_raw(j, s->ports[i].name, s->ports[i].example);
    leat_json_end_object(j);
    leat_json_string(j, "card", leat_model_card(s->model));
    leat_json_end_object(j);
    const char *text = leat_json_text(j);
    if (text) s->describe = leati_strdup(c, text);
    leat_json_destroy(j);
    return s->describe ? LEAT_OK : leat_error_status(c);
}

/* ---- the schema of a row ----------------------------------------------------------------------
 */

static void type_json(leat_json *j, const leati_port *p)
{
    const char *type = p->type == LEAT_BOOL     ? "boolean"
                       : p->type == LEAT_STRING ? "string"
                                                : "number";
    if (p->role == LEATI_ROLE_TIME) {
        type = "string";
        leat_json_raw(j, "anyOf", "[{\"format\":\"date\"},{\"format\":\"date-time\"}]");
    } else if (p->role == LEATI_ROLE_ARRAY) {
        leat_json_string(j, "type", "array");
        return;
    }
    leat_json_begin_array(j, "type");
    leat_json_string(j, NULL, type);
    leat_json_string(j, NULL, "null");
    leat_json_end_array(j);
}

static leat_status make_schema(leat_context *c, leati_served *s)
{
    leat_json *j = leat_json_create(c, 0);
    leat_json_begin_object(j, NULL);
    leat_json_string(j, "type", "object");
    leat_json_begin_object(j, "properties");
    for (size_t i = 0; i < s->inputs; i++) {
        const leati_port *p = &s->ports[i];
        leat_json_begin_object(j, p->name);
        type_json(j, p);
        if (p->role == LEATI_ROLE_NUMBER && isfinite(p->low)) {
            char text[2 * LEATI_NUM_SIZE + 40], low[LEATI_NUM_SIZE], high[LEATI_NUM_SIZE];
            leati_num_format(p->low, low);
            leati_num_format(p->high, high);
            snprintf(text, sizeof text, "trained on %s to %s", low, high);
            leat_json_string(j, "description", text);
        }
        leat_json_begin_array(j, "examples");
        if (p->role != LEATI_ROLE_ARRAY) leat_json_raw(j, NULL, p->example);
        leat_json_end_array(j);
        leat_json_end_object(j);
    }
    leat_json_end_object(j);
    leat_json_begin_array(j, "required");
    for (size_t i = 0; i < s->inputs; i++) leat_json_string(j, NULL, s->ports[i].name);
    leat_json_end_array(j);
    leat_json_end_object(j);
    const char *text = leat_json_text(j);
    if (text) s->schema = leati_strdup(c, text);
    leat_json_destroy(j);
    return s->schema ? LEAT_OK : leat_error_status(c);
}

/* "age:number,born:time". Whole numbers are numbers to a model; texts take anything. A name with a
 * comma or colon cannot be said and is left to what its values show. */
static leat_status make_csv_types(leat_context *c, leati_served *s)
{
    leati_str types;
    leati_str_init(&types, c);
    for (size_t i = 0; i < s->inputs; i++) {
        const leati_port *p = &s->ports[i];
        bool number = p->role == LEATI_ROLE_NUMBER;
        if ((!number && p->role != LEATI_ROLE_TIME) || !p->name_length || strpbrk(p->name, ",:"))
            continue;
        leati_str_addf(&types, "%s%s:%s", types.length ? "," : "", p->name,
                       leat_type_name(!number                ? LEAT_TIME
                                      : p->type == LEAT_BOOL ? LEAT_BOOL
                                                             : LEAT_F64));
    }
    if (leati_str_status(&types) == LEAT_OK) s->csv_types = leati_strdup(c, leati_str_text(&types));
    leati_str_fini(&types);
    return s->csv_types ? LEAT_OK : leat_error_status(c);
}

/* "age,born": the inputs. */
static leat_status make_csv_once(leat_context *c, leati_served *s)
{
    leati_str names;
    leati_str_init(&names, c);
    for (size_t i = 0; i < s->inputs; i++)
        if (s->ports[i].name_length && !strchr(s->ports[i].name, ','))
            leati_str_addf(&names, "%s,", s->ports[i].name);
    if (leati_str_status(&names) == LEAT_OK) s->csv_once = leati_strdup(c, leati_str_text(&names));
    leati_str_fini(&names);
    return s->csv_once ? LEAT_OK : leat_error_status(c);
}

leat_status leati_served_describe(leat_context *c, leati_served *s)
{
    LEATI_TRY(make_ports(c, s));
    LEATI_TRY(make_classes(c, s));
    LEATI_TRY(make_metadata(c, s));
    LEATI_TRY(make_csv_types(c, s));
    LEATI_TRY(make_csv_once(c, s));
    LEATI_TRY(make_describe(c, s));
    return make_schema(c, s);
}
