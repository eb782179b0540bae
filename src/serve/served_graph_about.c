/* Owns: what the protocols say about an imported graph: metadata, its description, the place of a
 * schema. */
#include <leat/json.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/onnx_describe.h"
#include "serve/served.h"
#include "serve/served_graph.h"

static void labels_json(leat_json *j, const leati_onnx_node *zip)
{
    const leati_onnx_attribute *whole = leati_onnx_attribute_find(zip, "classlabels_int64s"),
                               *texts = leati_onnx_attribute_find(zip, "classlabels_strings");
    leat_json_begin_array(j, "labels");
    for (size_t i = 0; texts && i < texts->strings.count; i++) {
        leati_pb_bytes label = texts->strings.at[i];
        leat_json_stringn(j, NULL, label.size ? label.data : "", label.size);
    }
    bool numbers = whole && !(texts && texts->strings.count);
    for (size_t i = 0; numbers && i < whole->ints.count; i++)
        leat_json_int(j, NULL, whole->ints.at[i]);
    leat_json_end_array(j);
}

static void port_json(leat_json *j, const leati_graph_port *p, bool labels)
{
    leat_json_begin_object(j, NULL);
    leat_json_string(j, "name", p->name);
    leat_json_string(j, "datatype", leati_datatype_name(p->type));
    leat_json_begin_array(j, "shape");
    for (int i = 0; i < p->rank; i++) leat_json_int(j, NULL, p->dim[i]);
    leat_json_end_array(j);
    if (p->rank < 0) leat_json_bool(j, "any_rank", true);
    if (labels && p->zip) labels_json(j, p->zip);
    leat_json_end_object(j);
}

/* The protocol's metadata have no place for labels. */
static void ports_json(leat_json *j, const leati_served_graph *g, bool labels)
{
    leat_json_begin_array(j, "inputs");
    for (size_t i = 0; i < g->ins; i++) port_json(j, &g->inputs[i], labels);
    leat_json_end_array(j);
    leat_json_begin_array(j, "outputs");
    for (size_t i = 0; i < g->outs; i++) port_json(j, &g->outputs[i], labels);
    leat_json_end_array(j);
}

static leat_status take_text(leat_context *c, leat_json *j, size_t skip, char **out)
{
    const char *text = leat_json_text(j);
    if (text) *out = leati_strdup(c, text + skip);
    leat_json_destroy(j);
    return *out ? LEAT_OK : leat_error_status(c);
}

static leat_status make_metadata(leat_context *c, leati_served *s)
{
    leat_json *j = leat_json_create(c, 0);
    leat_json_begin_object(j, NULL);
    leat_json_string(j, "platform", "leat_onnx");
    ports_json(j, s->graph, false);
    leat_json_end_object(j);
    return take_text(c, j, 1, &s->metadata); /* behind the '{' */
}

static leat_status make_describe(leat_context *c, leati_served *s)
{
    const leati_graph_runner *r = &s->graph->runners[s->slots - 1];
    leati_str about;
    leat_json *unused = leat_json_create(c, 0);
    leati_str_init(&about, c);
    leat_json_begin_object(unused, NULL);
    leat_status st = leati_onnx_describe(c, leati_omodel_proto(r->model), s->name, &about, unused);
    leat_json_end_object(unused);
    leat_json_destroy(unused);
    leat_json *j = leat_json_create(c, 0);
    leat_json_begin_object(j, NULL);
    leat_json_string(j, "model", s->name);
    leat_json_int(j, "version", s->version);
    leat_json_string(j, "task", "graph");
    leat_json_string(j, "target", s->target);
    leat_json_string(j, "estimator", s->estimator);
    leat_json_bool(j, "probabilities", false);
    ports_json(j, s->graph, true);
    leat_json_string(j, "card", leati_str_text(&about));
    leat_json_end_object(j);
    if (st == LEAT_OK) st = leati_str_status(&about);
    leati_str_fini(&about);
    if (st == LEAT_OK) return take_text(c, j, 0, &s->describe);
    leat_json_destroy(j);
    return st;
}

leat_status leati_served_describe_graph(leat_context *c, leati_served *s)
{
    const leati_served_graph *g = s->graph;
    LEATI_TRY(make_metadata(c, s));
    LEATI_TRY(make_describe(c, s));
    s->schema = leati_strdup(c, "{\"type\":\"object\",\"description\":\"takes tensors: POST its "
                                "/v2/models path\"}");
    s->csv_types = leati_strdup(c, "");
    if (!s->schema || !s->csv_types) return leat_error_status(c);
    for (size_t i = 0; i < g->ins; i++) {
        size_t elements = 1;
        for (int k = 0; k < g->inputs[i].rank; k++)
            if (g->inputs[i].dim[k] > 0 && (size_t)g->inputs[i].dim[k] < SIZE_MAX / 64 / elements)
                elements *= (size_t)g->inputs[i].dim[k];
        s->row_bytes += elements * 2; /* as many digits at least */
    }
    return LEAT_OK;
}
