/* Owns: what a file that is pushed says about itself: model or data, name, summary, lineage. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/str.h"
#include "frame/frame.h"
#include "io/zip.h"
#include "model/registry.h"

static void copy_hash(char out[65], const json_t *lineage, const char *key)
{
    const char *hash = json_string_value(json_object_get(json_object_get(lineage, key), "sha256"));
    if (hash && strlen(hash) == 64 && strspn(hash, "0123456789abcdef") == 64) memcpy(out, hash, 65);
}

/* "species by svc, accuracy 0.9733" */
static void model_summary(leati_str *s, const leat_model *m, const json_t *json)
{
    const json_t *metrics = json_object_get(json, "metrics");
    const char *metric = json_string_value(json_object_get(metrics, "metric"));
    const json_t *mean = json_object_get(metrics, "mean");
    leati_str_addf(s, "%.200s by %s", leat_model_target(m), leat_model_estimator(m));
    if (!metric || !json_is_number(mean)) return;
    char number[LEATI_NUM_SIZE];
    leati_num_pretty(json_number_value(mean), 4, number);
    leati_str_addf(s, ", %.60s %s", metric, number);
}

static leat_status read_model(leat_context *c, leati_manifest *out, const char *path)
{
    leat_model *m;
    leati_str s;
    LEATI_TRY(leat_model_open(c, &m, path));
    leati_str_init(&s, c);
    json_t *json = json_loads(leat_model_json(m), 0, NULL);
    model_summary(&s, m, json);
    copy_hash(out->training, json_object_get(json, "lineage"), "data");
    copy_hash(out->test, json_object_get(json, "lineage"), "test_data");
    json_decref(json);
    out->name = leati_strdup(c, leat_model_name(m));
    out->summary = leati_str_take(&s);
    leat_model_release(m);
    return out->name && out->summary ? LEAT_OK : leat_error_status(c);
}

static leat_status describe_table(leat_context *c, leati_manifest *out, const leat_frame *f)
{
    char rows[LEATI_NUM_SIZE], columns[LEATI_NUM_SIZE];
    leati_str s;
    leati_frame_hash(f, out->table);
    leati_num_grouped((int64_t)f->rows, rows);
    leati_num_grouped((int64_t)f->columns, columns);
    leati_str_init(&s, c);
    leati_str_addf(&s, "%s row%s, %s column%s", rows, f->rows == 1 ? "" : "s", columns,
                   f->columns == 1 ? "" : "s");
    out->summary = leati_str_take(&s);
    return out->summary ? LEAT_OK : leat_error_status(c);
}

/* A file that is no table is data all the same, but no lineage can name it. Who says how it is to
 * be read means a table. */
static leat_status read_data(leat_context *c, leati_manifest *out, const char *path,
                             const leat_read_options *reading)
{
    leat_frame *f;
    leat_status st = leat_frame_read(c, &f, path, reading);
    if (st == LEAT_OK) {
        st = describe_table(c, out, f);
        leat_frame_release(f);
        return st;
    }
    bool no_table = st == LEAT_FORMAT || st == LEAT_UNSUPPORTED || st == LEAT_TYPE ||
                    st == LEAT_SHAPE || st == LEAT_INVALID;
    if (!no_table || reading) return st;
    leat_error_clear(c);
    out->summary = leati_strdup(c, "no table");
    return out->summary ? LEAT_OK : leat_error_status(c);
}

/* By its members: a model is an archive, and so are arrays of NumPy. */
static bool is_model(leat_context *c, const char *path)
{
    leati_bytes b;
    leati_zip *zip = NULL;
    if (leati_path_has_suffix(path, ".leat")) return true;
    if (!leati_file_begins(path, "PK\3\4", 4)) return false;
    bool model = leati_file_read(c, &b, path) == LEAT_OK &&
                 leati_zip_open(c, &zip, b, path, 0) == LEAT_OK &&
                 leati_zip_find(zip, "model.json");
    leati_zip_close(zip);
    leati_bytes_release(&b);
    if (leat_error_status(c) != LEAT_NOMEM) leat_error_clear(c);
    return model;
}

static leat_status check_file(leat_context *c, const char *path)
{
    LEATI_CHECK(c, !leati_path_is_folder(path), LEAT_INVALID, "%s is a folder, a file was expected",
                path);
    LEATI_CHECK(c, strcmp(path, "-") != 0, LEAT_INVALID,
                "a registry keeps files; standard input has no name");
    LEATI_CHECK(c, !leati_path_has_suffix(path, ".onnx"), LEAT_INVALID,
                "%s is an ONNX file\nleat import %s makes a model file of it, which can be pushed",
                path, path);
    return LEAT_OK;
}

leat_status leati_manifest_read(leat_context *c, leati_manifest *out, const char *path,
                                const leat_read_options *reading)
{
    *out = (leati_manifest){0};
    LEATI_TRY(check_file(c, path));
    out->model = is_model(c, path);
    bool graph = out->model && leat_model_holds_graph(c, path);
    LEATI_TRY(leat_error_status(c));
    if (!out->model) {
        LEATI_TRY(read_data(c, out, path, reading));
    } else if (graph) {
        out->summary = leati_strdup(c, "imported graph");
    } else {
        LEATI_TRY(read_model(c, out, path));
    }
    /* cars.csv is cars.csv, so that the model of it can be cars. */
    if (!out->name)
        out->name = out->model ? leati_path_stem(c, path) : leati_strdup(c, leati_path_base(path));
    return out->name && out->summary ? LEAT_OK : leat_error_status(c);
}

void leati_manifest_fini(leati_manifest *m)
{
    leati_free(m->name);
    leati_free(m->summary);
    *m = (leati_manifest){0};
}
