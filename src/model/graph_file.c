/* Owns: the members of a model file that holds a graph. */
#include "model/graph_file.h"

#include <jansson.h>
#include <string.h>

#include <leat/json.h>

#include "base/error.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/markdown.h"
#include "model/model.h"
#include "model/onnx_describe.h"
#include "model/onnx_file.h"

/* ---- writing --------------------------------------------------------------------------------- */

static void hash_json(leat_json *j, const char *key, const void *data, size_t size)
{
    char hex[65];
    leati_sha256_hex(data, size, hex);
    leat_json_string(j, key, hex);
}

static leat_status make_json(leat_context *c, const char *name, const leati_onnx *file,
                             const void *onnx, size_t size, const leati_str *card, char **out)
{
    leati_str text;
    leat_json *j = leat_json_create(c, 1);
    leati_str_init(&text, c);
    leat_json_begin_object(j, NULL);
    leat_json_string(j, "format", "leat-model");
    leat_json_int(j, "format_version", LEATI_GRAPH_FORMAT);
    leat_json_string(j, "leat_version", leat_version());
    leat_json_string(j, "name", name);
    leat_json_string(j, "kind", "graph");
    leat_json_begin_object(j, "graph");
    leat_status st = leati_onnx_describe(c, file->model, "graph.onnx", &text, j);
    leat_json_end_object(j);
    leat_json_begin_object(j, "sha256");
    hash_json(j, "graph.onnx", onnx, size);
    hash_json(j, "card.md", leati_str_text(card), card->length);
    leat_json_end_object(j);
    leat_json_end_object(j);
    const char *whole = leat_json_text(j);
    *out = st == LEAT_OK && whole ? leati_strdup(c, whole) : NULL;
    leat_json_destroy(j);
    leati_str_fini(&text);
    return *out ? LEAT_OK : leat_error_status(c);
}

static leat_status make_card(leat_context *c, const char *name, const leati_onnx *file,
                             leati_str *card)
{
    leati_str text;
    leat_json *unused = leat_json_create(c, 0);
    leati_str_init(&text, c);
    leat_json_begin_object(unused, NULL);
    leat_status st = leati_onnx_describe(c, file->model, name, &text, unused);
    leat_json_end_object(unused);
    leati_str_add(card, "# ");
    leati_markdown_add(card, name);
    leati_str_add(card,
                  "\n\nImported from ONNX; nothing is known of the data it was trained on.\n\n");
    leati_markdown_block(card, leati_str_text(&text));
    leat_json_destroy(unused);
    leati_str_fini(&text);
    return st == LEAT_OK ? leati_str_status(card) : st;
}

static leat_status write_archive(leat_context *c, const char *path, const char *json,
                                 const void *onnx, size_t size, const leati_str *card)
{
    leati_writer *w;
    leati_zip_writer *zip = NULL;
    LEATI_TRY(leati_writer_open(c, &w, path));
    leat_status st;
    LEATI_GO(leati_zip_writer_create(c, &zip, w));
    LEATI_GO(leati_zip_add(zip, "model.json", json, strlen(json)));
    LEATI_GO(leati_zip_add(zip, "graph.onnx", onnx, size));
    LEATI_GO(leati_zip_add(zip, "card.md", leati_str_text(card), card->length));
    LEATI_GO(leati_zip_finish(zip));
out:
    leati_zip_writer_destroy(zip);
    if (st == LEAT_OK) return leati_writer_commit(w);
    leati_writer_abort(w);
    return st;
}

leat_status leati_graph_file_write(leat_context *c, const char *name, const void *onnx, size_t size,
                                   const char *path)
{
    leati_onnx *file;
    leati_str card;
    char *json = NULL;
    LEATI_TRY(leati_onnx_parse(c, &file, onnx, size, name));
    leati_str_init(&card, c);
    leat_status st = make_card(c, name, file, &card);
    if (st == LEAT_OK) st = make_json(c, name, file, onnx, size, &card, &json);
    if (st == LEAT_OK) st = write_archive(c, path, json, onnx, size, &card);
    leati_free(json);
    leati_str_fini(&card);
    leati_onnx_close(file);
    return st;
}

/* ---- reading --------------------------------------------------------------------------------- */

static leat_status damaged(leat_context *c, const char *name, const char *what)
{
    return LEATI_FAIL(c, LEAT_FORMAT, "%s: damaged model: %s", name, what);
}

/* model.json as parsed; json_decref. */
static leat_status read_json(leat_context *c, const leati_zip *zip, const char *name, json_t **out)
{
    const leati_zip_member *member = leati_zip_find(zip, "model.json");
    leati_zip_data data;
    *out = NULL;
    if (!member) return damaged(c, name, "the member model.json is missing");
    LEATI_TRY(leati_model_text_fits(c, zip, "model.json", LEATI_MODEL_TEXT));
    LEATI_TRY(leati_zip_read(c, zip, member, &data));
    json_error_t where;
    *out = json_loadb(data.data, data.size, JSON_REJECT_DUPLICATES, &where);
    leati_zip_data_release(&data);
    return json_is_object(*out) ? LEAT_OK : damaged(c, name, "model.json is no JSON object");
}

static bool is_text(const json_t *json, const char *key, const char *want)
{
    const char *text = json_string_value(json_object_get(json, key));
    return text && strcmp(text, want) == 0;
}

static leat_status check_json(leat_context *c, const json_t *json, const char *name)
{
    const json_t *version = json_object_get(json, "format_version");
    if (!is_text(json, "format", "leat-model") || !json_is_integer(version))
        return damaged(c, name, "model.json has no valid format");
    LEATI_CHECK(c, is_text(json, "kind", "graph"), LEAT_UNSUPPORTED,
                "%s holds no graph; leat predict takes it", name);
    LEATI_CHECK(c, json_integer_value(version) <= LEATI_GRAPH_FORMAT, LEAT_UNSUPPORTED,
                "%s has format %lld, leat %s reads up to %d; use a newer Leat", name,
                (long long)json_integer_value(version), leat_version(), LEATI_GRAPH_FORMAT);
    return LEAT_OK;
}

bool leati_graph_file_is(leat_context *c, leati_bytes bytes)
{
    leati_zip *zip = NULL;
    json_t *json = NULL;
    if (bytes.size < 4 || memcmp(bytes.data, "PK\3\4", 4) != 0) return false;
    leat_status st = leati_zip_open(c, &zip, bytes, "", 0);
    if (st == LEAT_OK) st = read_json(c, zip, "", &json);
    bool graph = st == LEAT_OK && is_text(json, "kind", "graph");
    json_decref(json);
    leati_zip_close(zip);
    if (st != LEAT_OK) leat_error_clear(c); /* whoever opens it says what is wrong */
    return graph;
}

static leat_status read_graph(leat_context *c, const leati_zip *zip, const json_t *json,
                              const char *name, leati_zip_data *onnx)
{
    const leati_zip_member *member = leati_zip_find(zip, "graph.onnx");
    const char *want =
        json_string_value(json_object_get(json_object_get(json, "sha256"), "graph.onnx"));
    char hex[65];
    if (!member) return damaged(c, name, "the member graph.onnx is missing");
    LEATI_TRY(leati_zip_view(c, zip, member, onnx));
    leati_sha256_hex(onnx->data, onnx->size, hex);
    if (want && strcmp(want, hex) == 0) return LEAT_OK;
    leat_status st = leati_zip_check(c, zip, member, onnx);
    leati_zip_data_release(onnx);
    if (st != LEAT_OK) return st;
    return damaged(c, name, "graph.onnx is not the one that model.json was written with");
}

leat_status leati_graph_file_parse(leat_context *c, leati_bytes bytes, const char *name,
                                   leati_zip_data *onnx)
{
    leati_zip *zip;
    json_t *json = NULL;
    *onnx = (leati_zip_data){0};
    LEATI_TRY(leati_zip_open(c, &zip, bytes, name, 0));
    leat_status st = read_json(c, zip, name, &json);
    if (st == LEAT_OK) st = check_json(c, json, name);
    if (st == LEAT_OK) st = read_graph(c, zip, json, name, onnx);
    json_decref(json);
    leati_zip_close(zip);
    return st;
}
