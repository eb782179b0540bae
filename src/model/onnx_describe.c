/* Owns: the description of a model for `leat show`. */
#include "model/onnx_describe.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <leat/onnx.h>

#include "base/error.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/num.h"
#include "model/graph_file.h"
#include "model/onnx_check.h"
#include "model/onnx_file.h"
#include "model/onnx_ops.h"
#include "model/onnx_tensor.h"

enum { SHOWN = 40, NAME_MOST = 60 };

/* How often an operator stands in the model. */
typedef struct op_count {
    const char *domain, *name;
    size_t count, first; /* first: for equal counts */
    bool known;          /* by the table, or a function of the model */
} op_count;

typedef struct describer {
    leat_context *context;
    const leati_onnx_model *model;
    leati_str *text;
    leat_json *json;
    leati_map ops; /* domain, zero, name */
    op_count *counts;
    size_t capacity, nodes, initialisers;
    uint64_t parameters, bytes; /* saturate */
} describer;

const char *leati_onnx_element_word(int32_t element)
{
    switch (element) {
    case LEATI_ONNX_FLOAT: return "float32";
    case LEATI_ONNX_DOUBLE: return "float64";
    case LEATI_ONNX_FLOAT16: return "float16";
    case LEATI_ONNX_BFLOAT16: return "bfloat16";
    case LEATI_ONNX_INT8: return "int8";
    case LEATI_ONNX_INT16: return "int16";
    case LEATI_ONNX_INT32: return "int32";
    case LEATI_ONNX_INT64: return "int64";
    case LEATI_ONNX_UINT8: return "uint8";
    case LEATI_ONNX_UINT16: return "uint16";
    case LEATI_ONNX_UINT32: return "uint32";
    case LEATI_ONNX_UINT64: return "uint64";
    case LEATI_ONNX_BOOL: return "bool";
    case LEATI_ONNX_STRING: return "text";
    default: break;
    }
    const char *name = leati_onnx_element_name(element);
    return name ? name : "unknown";
}

/* A name of the file, made harmless for a terminal. */
static void add_name(leati_str *out, const char *name)
{
    size_t n = strlen(name), kept = n < NAME_MOST ? n : NAME_MOST;
    while (kept < n && kept && (name[kept] & 0xc0) == 0x80) kept--;
    for (size_t i = 0; i < kept; i++)
        leati_str_addc(out, (uint8_t)name[i] < 32 || name[i] == 127 ? '?' : name[i]);
    if (kept < n) leati_str_add(out, "...");
}

static void add_shape(leati_str *out, const leati_onnx_shape *shape)
{
    if (!shape) return;
    leati_str_add(out, " (");
    for (size_t i = 0; i < shape->dim.count; i++) {
        const leati_onnx_dim *d = &shape->dim.at[i];
        if (i) leati_str_add(out, ", ");
        if (i == SHOWN) {
            leati_str_add(out, "...");
            break;
        }
        if (*d->dim_param) add_name(out, d->dim_param);
        else if (d->has & 1u << 1) leati_str_addf(out, "%" PRId64, d->dim_value);
        else leati_str_addc(out, '?');
    }
    leati_str_addc(out, ')');
}

void leati_onnx_type_text(leati_str *out, const leati_onnx_type *type)
{
    if (!type) {
        leati_str_add(out, "of unknown type");
    } else if (type->tensor_type) {
        leati_str_add(out, leati_onnx_element_word(type->tensor_type->elem_type));
        add_shape(out, type->tensor_type->shape);
    } else if (type->sequence_type) {
        leati_str_add(out, "sequence of ");
        leati_onnx_type_text(out, type->sequence_type->elem_type);
    } else if (type->optional_type) {
        leati_str_add(out, "optional ");
        leati_onnx_type_text(out, type->optional_type->elem_type);
    } else if (type->map_type) {
        leati_str_addf(out, "map of %s to ", leati_onnx_element_word(type->map_type->key_type));
        leati_onnx_type_text(out, type->map_type->value_type);
    } else {
        leati_str_add(out, "of unknown type");
    }
}

/* --- counting -----------------------------------------------------------------------------------
 */

static leat_status count_op(describer *d, const leati_onnx_function *in, const leati_onnx_node *n)
{
    leati_str key;
    size_t known = d->ops.count;
    const char *domain = leati_onnx_domain(n->domain);
    leati_str_init(&key, d->context);
    leati_str_add(&key, domain);
    leati_str_addc(&key, '\0');
    leati_str_add(&key, n->op_type);
    leat_status st = leati_str_status(&key);
    uint32_t at = st ? LEATI_MAP_NONE : leati_map_put(&d->ops, key.text, key.length);
    leati_str_fini(&key);
    if (at == LEATI_MAP_NONE) return leat_error_status(d->context);
    if (d->ops.count > known) {
        LEATI_TRY(leati_grow(d->context, &d->counts, &d->capacity, known + 1, sizeof *d->counts));
        int64_t version = leati_onnx_opset_version(d->model, in, domain);
        d->counts[at] = (op_count){.domain = domain, .name = n->op_type, .first = at};
        d->counts[at].known = leati_onnx_op_find(domain, n->op_type, version) ||
                              leati_onnx_function_find(d->model, n);
    }
    d->counts[at].count++;
    d->nodes++;
    return LEAT_OK;
}

static leat_status count_graph(describer *d, const leati_onnx_function *in,
                               const leati_onnx_graph *g);

static leat_status count_nodes(describer *d, const leati_onnx_function *in,
                               const leati_onnx_node *nodes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        LEATI_TRY(count_op(d, in, &nodes[i]));
        for (size_t j = 0; j < nodes[i].attribute.count; j++) {
            const leati_onnx_attribute *a = &nodes[i].attribute.at[j];
            if (a->g) LEATI_TRY(count_graph(d, in, a->g));
            for (size_t k = 0; k < a->graphs.count; k++)
                LEATI_TRY(count_graph(d, in, &a->graphs.at[k]));
        }
    }
    return LEAT_OK;
}

static void add_saturating(uint64_t *sum, uint64_t more)
{
    if (__builtin_add_overflow(*sum, more, sum)) *sum = UINT64_MAX;
}

static leat_status count_graph(describer *d, const leati_onnx_function *in,
                               const leati_onnx_graph *g)
{
    for (size_t i = 0; i < g->initializer.count; i++) {
        const leati_onnx_tensor *t = &g->initializer.at[i];
        size_t count;
        LEATI_TRY(leati_onnx_tensor_count(d->context, t, &count));
        add_saturating(&d->parameters, count);
        add_saturating(&d->bytes, leati_onnx_bytes(t->data_type, count));
        d->initialisers++;
    }
    return count_nodes(d, in, g->node.at, g->node.count);
}

static int by_count(const void *a, const void *b)
{
    const op_count *x = a, *y = b;
    if (x->count != y->count) return x->count < y->count ? 1 : -1;
    return x->first < y->first ? -1 : 1;
}

/* --- writing ------------------------------------------------------------------------------------
 */

static void write_head(describer *d, const char *name)
{
    const leati_onnx_model *m = d->model;
    char parameters[LEATI_NUM_SIZE], bytes[LEATI_NUM_SIZE];
    leati_num_grouped(d->parameters > INT64_MAX ? INT64_MAX : (int64_t)d->parameters, parameters);
    leati_num_bytes(d->bytes, bytes);
    leati_str_addf(d->text, "%s: ONNX, IR version %" PRId64, leati_path_base(name), m->ir_version);
    leat_json_string(d->json, "format", "onnx");
    leat_json_int(d->json, "ir_version", m->ir_version);
    if (*m->producer_name) {
        leati_str_add(d->text, ", by ");
        add_name(d->text, m->producer_name);
        if (*m->producer_version) leati_str_addc(d->text, ' ');
        add_name(d->text, m->producer_version);
    }
    leat_json_string(d->json, "producer", m->producer_name);
    leat_json_string(d->json, "producer_version", m->producer_version);
    leati_str_add(d->text, "\noperators of");
    leat_json_begin_array(d->json, "opsets");
    for (size_t i = 0; i < m->opset_import.count; i++) {
        const leati_onnx_opset *o = &m->opset_import.at[i];
        const char *domain = *leati_onnx_domain(o->domain) ? o->domain : "ai.onnx";
        leati_str_add(d->text, i ? ", " : " ");
        add_name(d->text, domain);
        leati_str_addf(d->text, " %" PRId64, o->version);
        leat_json_begin_object(d->json, NULL);
        leat_json_string(d->json, "domain", domain);
        leat_json_int(d->json, "version", o->version);
        leat_json_end_object(d->json);
    }
    leat_json_end_array(d->json);
    leati_str_add(d->text, "\ngraph ");
    add_name(d->text, m->graph->name);
    leati_str_addf(d->text, ": %zu node%s, %s parameters (%s) in %zu initialiser%s", d->nodes,
                   d->nodes == 1 ? "" : "s", parameters, bytes, d->initialisers,
                   d->initialisers == 1 ? "" : "s");
    if (m->functions.count)
        leati_str_addf(d->text, ", %zu function%s", m->functions.count,
                       m->functions.count == 1 ? "" : "s");
    leati_str_addc(d->text, '\n');
    leat_json_string(d->json, "graph", m->graph->name);
    leat_json_int(d->json, "nodes", (int64_t)d->nodes);
    leat_json_int(d->json, "initialisers", (int64_t)d->initialisers);
    leat_json_int(d->json, "parameters",
                  d->parameters > INT64_MAX ? INT64_MAX : (int64_t)d->parameters);
    leat_json_int(d->json, "parameter_bytes", d->bytes > INT64_MAX ? INT64_MAX : (int64_t)d->bytes);
    leat_json_int(d->json, "functions", (int64_t)m->functions.count);
}

/* Which names the graph has initialisers for. */
static leat_status collect_defaults(const leati_onnx_graph *g, leati_map *names)
{
    for (size_t i = 0; i < g->initializer.count; i++) {
        const char *name = g->initializer.at[i].name;
        if (leati_map_put(names, name, strlen(name)) == LEATI_MAP_NONE)
            return leat_error_status(names->context);
    }
    return LEAT_OK;
}

/* Inputs or outputs. Those with a default are mostly weights: only their number is shown. */
static void write_values(describer *d, const char *title, const leati_onnx_value_info *values,
                         size_t count, const leati_map *defaults)
{
    leati_str type;
    size_t shown = 0, own = 0;
    leati_str_init(&type, d->context);
    leati_str_addf(d->text, "\n%s\n", title);
    leat_json_begin_array(d->json, title);
    for (size_t i = 0; i < count; i++) {
        const char *name = values[i].name;
        bool has = defaults && leati_map_get(defaults, name, strlen(name)) != LEATI_MAP_NONE;
        leati_str_clear(&type);
        leati_onnx_type_text(&type, values[i].type);
        own += has;
        if (!has && shown++ < SHOWN) {
            leati_str_add(d->text, "  ");
            add_name(d->text, name);
            leati_str_addf(d->text, ": %s\n", leati_str_text(&type));
        }
        leat_json_begin_object(d->json, NULL);
        leat_json_string(d->json, "name", name);
        leat_json_string(d->json, "type", leati_str_text(&type));
        if (defaults) leat_json_bool(d->json, "has_default", has);
        leat_json_end_object(d->json);
    }
    if (shown > SHOWN) leati_str_addf(d->text, "  and %zu more\n", shown - SHOWN);
    if (own) leati_str_addf(d->text, "  and %zu with initialisers as defaults\n", own);
    leat_json_end_array(d->json);
    if (leati_str_status(&type) != LEAT_OK) d->text->status = leati_str_status(&type);
    leati_str_fini(&type);
}

static void write_ops(describer *d)
{
    size_t n = d->ops.count;
    if (n) qsort(d->counts, n, sizeof *d->counts, by_count);
    leati_str_add(d->text, "\noperators\n");
    leat_json_begin_array(d->json, "operators");
    for (size_t i = 0; i < n; i++) {
        const op_count *o = &d->counts[i];
        if (i < SHOWN) {
            leati_str_addf(d->text, "  %6zu  ", o->count);
            add_name(d->text, o->name);
            if (*o->domain) {
                leati_str_add(d->text, " of ");
                add_name(d->text, o->domain);
            }
            leati_str_add(d->text, o->known ? "\n" : " (not an operator of this version)\n");
        }
        leat_json_begin_object(d->json, NULL);
        leat_json_string(d->json, "name", o->name);
        leat_json_string(d->json, "domain", *o->domain ? o->domain : "ai.onnx");
        leat_json_int(d->json, "count", (int64_t)o->count);
        leat_json_bool(d->json, "known", o->known);
        leat_json_end_object(d->json);
    }
    if (n > SHOWN) leati_str_addf(d->text, "  and %zu more\n", n - SHOWN);
    leat_json_end_array(d->json);
}

leat_status leati_onnx_describe(leat_context *c, const leati_onnx_model *model, const char *name,
                                leati_str *text, leat_json *json)
{
    describer d = {.context = c, .model = model, .text = text, .json = json};
    leati_map defaults;
    leati_map_init(&d.ops, c);
    leati_map_init(&defaults, c);
    leat_status st = count_graph(&d, NULL, model->graph);
    for (size_t i = 0; i < model->functions.count && st == LEAT_OK; i++) {
        const leati_onnx_function *f = &model->functions.at[i];
        st = count_nodes(&d, f, f->node.at, f->node.count);
    }
    if (st == LEAT_OK) st = collect_defaults(model->graph, &defaults);
    if (st == LEAT_OK) {
        const leati_onnx_graph *g = model->graph;
        write_head(&d, name);
        write_values(&d, "inputs", g->input.at, g->input.count, &defaults);
        write_values(&d, "outputs", g->output.at, g->output.count, NULL);
        write_ops(&d);
        st = leati_str_status(text);
    }
    leati_map_fini(&defaults);
    leati_map_fini(&d.ops);
    leati_free(d.counts);
    return st;
}

/* --- public -------------------------------------------------------------------------------------
 */

struct leat_onnx_summary {
    char *text, *json;
};

void leat_onnx_summary_destroy(leat_onnx_summary *summary)
{
    if (!summary) return;
    leati_free(summary->text);
    leati_free(summary->json);
    leati_free(summary);
}

const char *leat_onnx_summary_text(const leat_onnx_summary *summary)
{
    return summary->text;
}

const char *leat_onnx_summary_json(const leat_onnx_summary *summary)
{
    return summary->json;
}

/* Fills a summary from an open file. */
static leat_status summarise(leat_context *c, const leati_onnx *file, const char *path,
                             leat_onnx_summary *out)
{
    leati_str text;
    leat_json *json = leat_json_create(c, 2);
    if (!json) return leat_error_status(c);
    leati_str_init(&text, c);
    leat_json_begin_object(json, NULL);
    leat_status st = leati_onnx_describe(c, file->model, path, &text, json);
    leat_json_end_object(json);
    const char *done = st == LEAT_OK ? leat_json_text(json) : NULL;
    out->json = done ? leati_strdup(c, done) : NULL;
    out->text = out->json ? leati_str_take(&text) : NULL;
    leati_str_fini(&text);
    leat_json_destroy(json);
    return out->text ? LEAT_OK : leat_error_status(c);
}

/* The graph of a model file, or an ONNX file; bytes and inner hold what `file` views. */
static leat_status open_either(leat_context *c, const char *path, leati_bytes *bytes,
                               leati_zip_data *inner, leati_onnx **file)
{
    if (!leati_path_has_suffix(path, ".leat")) return leati_onnx_open(c, file, path);
    LEATI_TRY(leati_file_read(c, bytes, path));
    LEATI_TRY(leati_graph_file_parse(c, *bytes, path, inner));
    return leati_onnx_parse(c, file, inner->data, inner->size, path);
}

leat_status leat_onnx_summary_create(leat_context *context, leat_onnx_summary **out,
                                     const char *path)
{
    leati_onnx *file = NULL;
    leati_bytes bytes = {0};
    leati_zip_data inner = {0};
    *out = NULL;
    leat_status opened = open_either(context, path, &bytes, &inner, &file);
    if (opened != LEAT_OK) {
        leati_zip_data_release(&inner);
        leati_bytes_release(&bytes);
        return opened;
    }
    leat_onnx_summary *s = LEATI_NEW(context, leat_onnx_summary, 1);
    leat_status st = s ? summarise(context, file, path, s) : leat_error_status(context);
    leati_onnx_close(file);
    leati_zip_data_release(&inner);
    leati_bytes_release(&bytes);
    if (st != LEAT_OK) leat_onnx_summary_destroy(s);
    else *out = s;
    return st;
}
