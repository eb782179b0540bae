/* Owns: the members of the model file: writing them when a model is made, reading and checking
 * them when one is opened. Layout: docs/model-file.md. */
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/str.h"
#include "io/zip.h"
#include "learn/safetensors.h"
#include "model/graph_file.h"
#include "model/model.h"

static leat_status list_inputs(leat_context *c, leat_model *m)
{
    m->inputs = LEATI_NEW(c, uint32_t, m->schema.count + 1);
    if (!m->inputs) return leat_error_status(c);
    for (size_t i = 0; i < m->schema.count; i++)
        if (m->schema.columns[i].role != LEATI_ROLE_LEFT_OUT)
            m->inputs[m->input_count++] = (uint32_t)i;
    return LEAT_OK;
}

/* --- making ----------------------------------------------------------------------------------- */

static void target_json(const leati_schema *s, leat_json *j)
{
    leat_json_begin_object(j, "target");
    leat_json_string(j, "name", s->target);
    leat_json_string(j, "type", leat_type_name(s->target_type));
    if (s->task == LEATI_CLASSIFY) {
        leat_json_begin_array(j, "classes");
        for (uint32_t k = 0; k < s->classes; k++) leat_json_string(j, NULL, s->class_names[k]);
        leat_json_end_array(j);
    } else {
        leat_json_number(j, "low", s->target_low);
        leat_json_number(j, "high", s->target_high);
    }
    leat_json_end_object(j);
}

static void hash_json(leat_json *j, const char *key, const void *data, size_t size)
{
    char hex[65];
    leati_sha256_hex(data, size, hex);
    leat_json_string(j, key, hex);
}

static char *describe(leat_context *c, const leat_model *m, const leati_model_parts *parts)
{
    const leati_estimator *e = m->pipeline.estimator;
    leat_json *j = leat_json_create(c, 1);
    leat_json_begin_object(j, NULL);
    leat_json_string(j, "format", "leat-model");
    leat_json_int(j, "format_version", LEATI_MODEL_FORMAT);
    leat_json_string(j, "leat_version", leat_version());
    leat_json_string(j, "name", parts->name);
    leat_json_string(j, "task", m->schema.task == LEATI_CLASSIFY ? "classification" : "regression");
    target_json(&m->schema, j);
    leati_schema_json(&m->schema, j, "inputs");
    leati_encoder_json(&m->pipeline.encoder, j, "preprocessing");
    leat_json_begin_object(j, "estimator");
    leat_json_string(j, "name", e->class->name);
    leati_params_json(e->class->params, e, j, "params");
    leat_json_end_object(j);
    leat_json_raw(j, "metrics", parts->metrics);
    leat_json_raw(j, "lineage", parts->lineage);
    leat_json_begin_object(j, "sha256");
    hash_json(j, "weights.safetensors", m->weights, m->weights_size);
    hash_json(j, "reference.json", m->reference, strlen(m->reference));
    hash_json(j, "card.md", m->card, strlen(m->card));
    leat_json_end_object(j);
    leat_json_end_object(j);
    const char *text = leat_json_text(j);
    char *copy = text ? leati_strdup(c, text) : NULL;
    leat_json_destroy(j);
    return copy;
}

static leat_status fill(leat_context *c, leat_model *m, const leati_model_parts *parts)
{
    leati_state state;
    leati_str weights;
    leati_state_init(&state, c);
    leati_str_init(&weights, c);
    leat_status st;
    LEATI_GO(leati_schema_copy(c, &m->schema, parts->schema));
    LEATI_GO(list_inputs(c, m));
    LEATI_GO(leati_encoder_save(c, &m->pipeline.encoder, &state));
    LEATI_GO(leati_estimator_save(c, m->pipeline.estimator, &state));
    LEATI_GO(leati_safetensors_write(c, &state, &weights));
    m->weights_size = weights.length;
    m->weights = m->weights_block = leati_str_take(&weights);
    m->name = leati_strdup(c, parts->name);
    m->reference = leati_strdup(c, parts->reference);
    m->card = leati_strdup(c, parts->card);
    if (m->weights && m->name && m->reference && m->card) m->json = describe(c, m, parts);
    if (!m->json) st = leat_error_status(c);
out:
    leati_str_fini(&weights);
    leati_state_fini(&state);
    return st;
}

leat_status leati_model_create(leat_context *c, leat_model **out, const leati_model_parts *parts)
{
    leat_model *m = *out = leati_calloc(c, 1, sizeof *m);
    if (!m) return leat_error_status(c);
    atomic_init(&m->references, 1);
    m->pipeline = *parts->pipeline;
    leat_status st = fill(c, m, parts);
    if (st == LEAT_OK) {
        *parts->pipeline = (leati_pipeline){0};
        return LEAT_OK;
    }
    m->pipeline = (leati_pipeline){0}; /* still the caller's */
    leat_model_release(m);
    *out = NULL;
    return st;
}

/* What nobody could read is not written. */
static leat_status check_texts(leat_context *c, const leat_model *m)
{
    LEATI_CHECK(c,
                strlen(m->json) <= LEATI_MODEL_TEXT && strlen(m->card) <= LEATI_MODEL_TEXT &&
                    strlen(m->reference) <= LEATI_MODEL_REFERENCE,
                LEAT_LIMIT,
                "the description of the model '%s' has %zu bytes, the reference %zu; a file holds "
                "at most %llu and %llu: leave columns out",
                m->name, strlen(m->json), strlen(m->reference),
                (unsigned long long)LEATI_MODEL_TEXT, (unsigned long long)LEATI_MODEL_REFERENCE);
    return LEAT_OK;
}

leat_status leat_model_save(leat_context *c, const leat_model *m, const char *path)
{
    leati_writer *w;
    leati_zip_writer *zip = NULL;
    LEATI_TRY(check_texts(c, m));
    LEATI_TRY(leati_writer_open(c, &w, path));
    leat_status st;
    LEATI_GO(leati_zip_writer_create(c, &zip, w));
    LEATI_GO(leati_zip_add(zip, "model.json", m->json, strlen(m->json)));
    LEATI_GO(leati_zip_add(zip, "weights.safetensors", m->weights, m->weights_size));
    LEATI_GO(leati_zip_add(zip, "reference.json", m->reference, strlen(m->reference)));
    LEATI_GO(leati_zip_add(zip, "card.md", m->card, strlen(m->card)));
    LEATI_GO(leati_zip_finish(zip));
out:
    leati_zip_writer_destroy(zip);
    if (st == LEAT_OK) return leati_writer_commit(w);
    leati_writer_abort(w);
    return st;
}

/* --- reading ---------------------------------------------------------------------------------- */

/* A text that could not be copied for want of memory is not the file's fault. */
static leat_status damaged(leat_context *c, const char *what)
{
    if (leat_error_status(c) == LEAT_NOMEM) return LEAT_NOMEM;
    return LEATI_FAIL(c, LEAT_FORMAT, "damaged model: model.json has no valid %s", what);
}

static bool read_type(const json_t *value, leat_type *out)
{
    const char *text = json_string_value(value);
    for (leat_type type = LEAT_F64; text && type <= LEAT_ARRAY; type++)
        if (strcmp(text, leat_type_name(type)) == 0) {
            *out = type;
            return true;
        }
    return false;
}

static bool read_role(const json_t *value, leati_role *out)
{
    const char *text = json_string_value(value);
    for (leati_role role = LEATI_ROLE_NUMBER; text && role <= LEATI_ROLE_LEFT_OUT; role++)
        if (strcmp(text, leati_role_name(role)) == 0) {
            *out = role;
            return true;
        }
    return false;
}

static char *copy_string(leat_context *c, const json_t *value)
{
    const char *text = json_string_value(value);
    return text ? leati_strdup(c, text) : NULL;
}

static double number_or_nan(const json_t *value)
{
    return json_is_number(value) ? json_number_value(value) : (double)NAN;
}

static leat_status read_shape(leat_context *c, leati_schema_column *col, const json_t *json)
{
    const json_t *shape = json_object_get(json, "shape");
    json_int_t item = json_integer_value(json_object_get(json, "item"));
    if (json_array_size(shape) != 3 || item < LEATI_ITEM_U8 || item > LEATI_ITEM_F64)
        return damaged(c, "shape of an array");
    size_t product = 1;
    for (size_t k = 0; k < 3; k++) {
        json_int_t n = json_integer_value(json_array_get(shape, k));
        if (n < 1 || n > 1 << 28 || leati_mul_overflows(product, (size_t)n, &product) ||
            product > 1u << 28)
            return damaged(c, "shape of an array");
        col->shape[k] = (size_t)n;
    }
    col->item = (leati_item)item;
    return LEAT_OK;
}

/* A role must be one that a column of this type can have. */
static bool role_fits(leat_type type, leati_role role)
{
    switch (role) {
    case LEATI_ROLE_LEFT_OUT: return true;
    case LEATI_ROLE_NUMBER: return type == LEAT_F64 || type == LEAT_I64 || type == LEAT_BOOL;
    case LEATI_ROLE_CATEGORY:
    case LEATI_ROLE_TOKENS: return type == LEAT_STRING;
    case LEATI_ROLE_TIME: return type == LEAT_TIME;
    default: return type == LEAT_ARRAY;
    }
}

static leat_status read_column(leat_context *c, leati_schema *s, const json_t *json)
{
    leati_schema_column *col = &s->columns[s->count];
    *col = (leati_schema_column){0};
    if (!read_type(json_object_get(json, "type"), &col->type) ||
        !read_role(json_object_get(json, "role"), &col->role) || !role_fits(col->type, col->role))
        return damaged(c, "inputs");
    col->missing = (size_t)json_integer_value(json_object_get(json, "missing"));
    col->distinct = (size_t)json_integer_value(json_object_get(json, "distinct"));
    col->low = number_or_nan(json_object_get(json, "low"));
    col->high = number_or_nan(json_object_get(json, "high"));
    if (col->type == LEAT_ARRAY) LEATI_TRY(read_shape(c, col, json));
    col->name = copy_string(c, json_object_get(json, "name"));
    if (!col->name) return damaged(c, "inputs");
    s->count++;
    s->used += col->role != LEATI_ROLE_LEFT_OUT;
    col->note = copy_string(c, json_object_get(json, "note"));
    return leat_error_status(c);
}

/* Predictions of numbers are made from the names of their classes. */
static bool names_value(leat_type type, const char *name)
{
    double number;
    int64_t whole;
    if (type == LEAT_I64) return leati_int_parse(name, strlen(name), &whole);
    return type != LEAT_F64 || leati_num_parse(name, strlen(name), &number);
}

static leat_status read_target(leat_context *c, leati_schema *s, const json_t *json)
{
    s->target = copy_string(c, json_object_get(json, "name"));
    if (!s->target || !read_type(json_object_get(json, "type"), &s->target_type) ||
        s->target_type == LEAT_TIME || s->target_type == LEAT_ARRAY)
        return damaged(c, "target");
    s->task_reason = "";
    s->target_low = number_or_nan(json_object_get(json, "low"));
    s->target_high = number_or_nan(json_object_get(json, "high"));
    if (s->task == LEATI_REGRESS) return LEAT_OK;
    const json_t *classes = json_object_get(json, "classes");
    size_t n = json_array_size(classes);
    if (n < 1 || n > 100000) return damaged(c, "classes");
    s->class_names = LEATI_NEW(c, char *, n + 1);
    if (!s->class_names) return leat_error_status(c);
    for (size_t k = 0; k < n; k++) {
        s->class_names[k] = copy_string(c, json_array_get(classes, k));
        if (!s->class_names[k]) return damaged(c, "classes");
        s->classes++;
        if (!names_value(s->target_type, s->class_names[k])) return damaged(c, "classes");
    }
    return LEAT_OK;
}

static leat_status read_schema(leat_context *c, leati_schema *s, const json_t *json)
{
    const char *task = json_string_value(json_object_get(json, "task"));
    const json_t *inputs = json_object_get(json, "inputs");
    size_t n = json_array_size(inputs);
    bool classify = task && strcmp(task, "classification") == 0;
    if (!classify && (!task || strcmp(task, "regression") != 0)) return damaged(c, "task");
    s->task = classify ? LEATI_CLASSIFY : LEATI_REGRESS;
    LEATI_TRY(read_target(c, s, json_object_get(json, "target")));
    if (n < 1 || n > 1u << 24) return damaged(c, "inputs");
    s->columns = LEATI_NEW(c, leati_schema_column, n);
    if (!s->columns) return leat_error_status(c);
    for (size_t i = 0; i < n; i++) LEATI_TRY(read_column(c, s, json_array_get(inputs, i)));
    return s->used ? LEAT_OK : damaged(c, "inputs");
}

static leat_status read_params(leat_context *c, leati_estimator *e, const json_t *json)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)json, name, value)
    {
        char number[LEATI_NUM_SIZE] = "";
        const char *text = number;
        if (json_is_string(value)) text = json_string_value(value);
        else if (json_is_boolean(value)) text = json_is_true(value) ? "true" : "false";
        else if (json_is_integer(value))
            snprintf(number, sizeof number, "%lld", (long long)json_integer_value(value));
        else if (json_is_real(value)) leati_num_format(json_real_value(value), number);
        leat_status st = leati_estimator_set(c, e, name, text);
        if (st == LEAT_OK) continue;
        leati_error_within(c, "damaged model");
        return st == LEAT_NOMEM ? st : LEAT_FORMAT;
    }
    return LEAT_OK;
}

static leat_status read_estimator(leat_context *c, leat_model *m, const json_t *json,
                                  leati_state *state)
{
    const json_t *estimator = json_object_get(json, "estimator");
    const char *name = json_string_value(json_object_get(estimator, "name"));
    if (!name) return damaged(c, "estimator");
    const leati_estimator_class *class = leati_estimator_class_saved(name);
    LEATI_CHECK(c, class, LEAT_UNSUPPORTED,
                "this model's estimator '%s' is not known to leat %s; a newer Leat wrote it", name,
                leat_version());
    LEATI_TRY(leati_estimator_create(c, &m->pipeline.estimator, class));
    LEATI_TRY(read_params(c, m->pipeline.estimator, json_object_get(estimator, "params")));
    LEATI_TRY(leati_encoder_load(c, &m->pipeline.encoder, &m->schema,
                                 json_object_get(json, "preprocessing"), state));
    m->pipeline.recipe = m->pipeline.encoder.recipe;
    LEATI_TRY(leati_estimator_load(c, m->pipeline.estimator, state));
    const leati_estimator *e = m->pipeline.estimator;
    LEATI_CHECK(c,
                e->features == m->pipeline.encoder.width && e->task == m->schema.task &&
                    e->classes == m->schema.classes,
                LEAT_FORMAT, "damaged model: weights and schema do not belong together");
    return LEAT_OK;
}

leat_status leati_model_text_fits(leat_context *c, const leati_zip *zip, const char *name,
                                  uint64_t most)
{
    const leati_zip_member *member = leati_zip_find(zip, name);
    LEATI_CHECK(c, !member || member->size <= most, LEAT_FORMAT,
                "damaged model: the member %s has %.1f MiB, and %llu is what one has at most", name,
                (double)member->size / (1 << 20), (unsigned long long)most >> 20);
    return LEAT_OK;
}

leat_status leati_model_unpacked(leat_context *c, leati_bytes bytes, const char *name,
                                 uint64_t *size)
{
    leati_zip *zip;
    *size = bytes.size;
    if (bytes.size < 4 || memcmp(bytes.data, "PK\3\4", 4) != 0) return LEAT_OK;
    LEATI_TRY(leati_zip_open(c, &zip, bytes, name, UINT64_MAX));
    uint64_t sum = leati_zip_unpacked(zip);
    if (sum > *size) *size = sum;
    leati_zip_close(zip);
    return LEAT_OK;
}

/* hashes: NULL for model.json, which names those of the others. */
static leat_status find_member(leat_context *c, const leati_zip *zip, const char *name,
                               const json_t *hashes, leati_zip_data *out)
{
    const leati_zip_member *member = leati_zip_find(zip, name);
    const char *want = hashes ? json_string_value(json_object_get(hashes, name)) : NULL;
    LEATI_CHECK(c, member, LEAT_FORMAT, "damaged model: the member %s is missing", name);
    if (!hashes) return leati_zip_read(c, zip, member, out);
    LEATI_TRY(leati_zip_view(c, zip, member, out));
    char hex[65];
    leati_sha256_hex(out->data, out->size, hex);
    if (want && strcmp(want, hex) == 0) return LEAT_OK;
    leat_status st = leati_zip_check(c, zip, member, out); /* damaged on its way, or else written */
    if (st == LEAT_OK)
        st = LEATI_FAIL(c, LEAT_FORMAT,
                        "damaged model: %s is not the one that model.json was written with", name);
    leati_zip_data_release(out);
    return st;
}

static leat_status read_member(leat_context *c, const leati_zip *zip, const char *name,
                               const json_t *hashes, uint64_t most, char **out)
{
    leati_zip_data data;
    LEATI_TRY(leati_model_text_fits(c, zip, name, most));
    LEATI_TRY(find_member(c, zip, name, hashes, &data));
    *out = leati_strndup(c, data.data, data.size);
    leati_zip_data_release(&data);
    return *out ? LEAT_OK : leat_error_status(c);
}

/* stays: the archive does, as long as the model. */
static leat_status read_weights(leat_context *c, leat_model *m, const leati_zip *zip,
                                const json_t *hashes, bool stays)
{
    leati_zip_data data;
    LEATI_TRY(find_member(c, zip, "weights.safetensors", hashes, &data));
    m->weights_size = data.size;
    m->weights = data.data;
    m->weights_block = data.owned;
    if (data.owned || stays) return LEAT_OK;
    m->weights = m->weights_block = leati_memdup(c, data.data, data.size);
    return m->weights ? LEAT_OK : leat_error_status(c);
}

static leat_status check_format(leat_context *c, const json_t *json)
{
    const char *format = json_string_value(json_object_get(json, "format"));
    const json_t *version = json_object_get(json, "format_version");
    if (!format || strcmp(format, "leat-model") != 0 || !json_is_integer(version))
        return damaged(c, "format");
    const char *kind = json_string_value(json_object_get(json, "kind"));
    LEATI_CHECK(c, !kind || strcmp(kind, "graph") != 0, LEAT_UNSUPPORTED,
                "the file holds an imported graph, not a model of a table; use leat run, leat show "
                "or leat predict, or import it with --reference TABLE");
    LEATI_CHECK(c, json_integer_value(version) <= LEATI_MODEL_FORMAT, LEAT_UNSUPPORTED,
                "the model has format %lld, leat %s reads up to %d; use a newer Leat",
                (long long)json_integer_value(version), leat_version(), LEATI_MODEL_FORMAT);
    return LEAT_OK;
}

/* From model.json as parsed and the weights, which stand in m. */
static leat_status build(leat_context *c, leat_model *m, const json_t *json)
{
    leati_state state;
    leati_state_init(&state, c);
    leat_status st;
    m->name = copy_string(c, json_object_get(json, "name"));
    if (!m->name) {
        st = damaged(c, "name");
        goto out;
    }
    LEATI_GO(leati_safetensors_read(c, &state, m->weights, m->weights_size));
    state.given = true;
    LEATI_GO(read_schema(c, &m->schema, json));
    LEATI_GO(list_inputs(c, m));
    LEATI_GO(read_estimator(c, m, json, &state));
out:
    leati_state_fini(&state);
    return st;
}

static leat_status load_json(leat_context *c, const leat_model *m, json_t **out)
{
    json_error_t where;
    *out = json_loads(m->json, JSON_REJECT_DUPLICATES, &where);
    LEATI_CHECK(c, *out, LEAT_FORMAT, "damaged model: model.json line %d: %s", where.line,
                where.text);
    leat_status st = check_format(c, *out);
    if (st != LEAT_OK) json_decref(*out);
    return st;
}

static leat_status parse(leat_context *c, leat_model *m, const leati_zip *zip, bool stays)
{
    json_t *json;
    LEATI_TRY(read_member(c, zip, "model.json", NULL, LEATI_MODEL_TEXT, &m->json));
    LEATI_TRY(load_json(c, m, &json));
    const json_t *hashes = json_object_get(json, "sha256");
    leat_status st = json_is_object(hashes) ? LEAT_OK : damaged(c, "sha256");
    if (st == LEAT_OK) st = read_weights(c, m, zip, hashes, stays);
    if (st == LEAT_OK)
        st = read_member(c, zip, "reference.json", hashes, LEATI_MODEL_REFERENCE, &m->reference);
    if (st == LEAT_OK) st = read_member(c, zip, "card.md", hashes, LEATI_MODEL_TEXT, &m->card);
    if (st == LEAT_OK) st = build(c, m, json);
    json_decref(json);
    return st;
}

leat_status leati_model_from_members(leat_context *c, leat_model **out, const char *json_text,
                                     const char *weights, size_t weights_size)
{
    json_t *json;
    leat_model *m = leati_calloc(c, 1, sizeof *m);
    *out = NULL;
    if (!m) return leat_error_status(c);
    atomic_init(&m->references, 1);
    m->json = leati_strdup(c, json_text);
    m->weights = m->weights_block = leati_memdup(c, weights, weights_size);
    m->weights_size = weights_size;
    leat_status st = leat_error_status(c);
    if (st == LEAT_OK) st = load_json(c, m, &json);
    if (st == LEAT_OK) {
        st = build(c, m, json);
        json_decref(json);
    }
    if (st == LEAT_OK) *out = m;
    else leat_model_release(m);
    return st;
}

static leat_status open_bytes(leat_context *c, leat_model **out, leati_bytes bytes,
                              const char *name, bool stays)
{
    leati_zip *zip;
    *out = NULL;
    LEATI_CHECK(c, bytes.size >= 4 && memcmp(bytes.data, "PK\3\4", 4) == 0, LEAT_FORMAT,
                "%s is not a Leat model", name);
    LEATI_TRY(leati_zip_open(c, &zip, bytes, name, 0));
    leat_model *m = leati_calloc(c, 1, sizeof *m);
    leat_status st = m ? LEAT_OK : leat_error_status(c);
    if (m) {
        atomic_init(&m->references, 1);
        st = parse(c, m, zip, stays);
    }
    leati_zip_close(zip);
    if (st == LEAT_OK) *out = m;
    else leat_model_release(m);
    return st;
}

leat_status leati_model_parse(leat_context *c, leat_model **out, leati_bytes bytes,
                              const char *name)
{
    return open_bytes(c, out, bytes, name, false);
}

leat_status leati_model_take(leat_context *c, leat_model **out, leati_bytes *bytes,
                             const char *name)
{
    LEATI_TRY(open_bytes(c, out, *bytes, name, true));
    (*out)->file = *bytes;
    *bytes = (leati_bytes){0};
    return LEAT_OK;
}

bool leat_model_holds_graph(leat_context *c, const char *path)
{
    leati_bytes bytes;
    if (!leati_file_begins(path, "PK\3\4", 4)) return false;
    if (leati_file_read(c, &bytes, path) != LEAT_OK) {
        leat_error_clear(c);
        return false;
    }
    bool graph = leati_graph_file_is(c, bytes);
    leati_bytes_release(&bytes);
    return graph;
}

leat_status leat_model_open(leat_context *c, leat_model **out, const char *path)
{
    leati_bytes bytes;
    *out = NULL;
    LEATI_TRY(leati_file_read(c, &bytes, path));
    leat_status st = leati_model_take(c, out, &bytes, path);
    leati_bytes_release(&bytes);
    if (st != LEAT_OK && !strstr(leat_error_message(c), path)) leati_error_within(c, "%s", path);
    return st;
}

/* ---- what is recorded ------------------------------------------------------------------------ */

size_t leat_model_score(const leat_model *m, char *metric, size_t size, double *score, double *low,
                        double *high)
{
    json_t *all = json_loads(m->json, 0, NULL);
    const json_t *metrics = json_object_get(all, "metrics");
    const char *name = json_string_value(json_object_get(metrics, "metric"));
    *score = number_or_nan(json_object_get(metrics, "mean"));
    *low = number_or_nan(json_object_get(metrics, "low"));
    *high = number_or_nan(json_object_get(metrics, "high"));
    size_t n = (size_t)snprintf(metric, size, "%s", name && isfinite(*score) ? name : "");
    json_decref(all);
    return n;
}

double leat_model_metric(const leat_model *m, const char *metric)
{
    json_t *all = json_loads(m->json, 0, NULL);
    const json_t *held_out = json_object_get(json_object_get(all, "metrics"), "out_of_fold");
    double value = number_or_nan(json_object_get(held_out, metric));
    json_decref(all);
    return value;
}

bool leati_model_learned_from(const leat_model *m, const leat_frame *frame)
{
    char hash[65];
    json_t *all = json_loads(m->json, 0, NULL);
    const json_t *data = json_object_get(json_object_get(all, "lineage"), "data");
    const char *known = json_string_value(json_object_get(data, "sha256"));
    json_int_t rows = json_integer_value(json_object_get(data, "rows"));
    bool same = known && rows == (json_int_t)frame->rows;
    if (same) leati_frame_hash(frame, hash);
    same = same && strcmp(hash, known) == 0;
    json_decref(all);
    return same;
}

size_t leat_model_parameter(const leat_model *m, const char *name, char *out, size_t size)
{
    const leati_estimator *e = m->pipeline.estimator;
    const leati_param *p = leati_param_find(e->class->params, name);
    if (p) return leati_param_get(p, e, out, size);
    if (size) *out = '\0';
    return 0;
}

size_t leat_model_reading(const leat_model *m, const char *option, char *out, size_t size)
{
    json_t *all = json_loads(m->json, 0, NULL);
    const json_t *config = json_object_get(json_object_get(all, "lineage"), "config");
    const char *value =
        json_string_value(json_object_get(json_object_get(config, "reading"), option));
    size_t n = (size_t)snprintf(out, size, "%s", value ? value : "");
    json_decref(all);
    return n;
}
