/* Owns: opening an imported graph for the server: ports, a runnable copy per thread. Not: requests
 * (oip_graph.c). */
#include "serve/served_graph.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/graph_file.h"
#include "model/onnx_describe.h"
#include "serve/ask.h"

enum { SMALL_FILE = 1 << 20, WARM_UP_ELEMENTS = 1 << 24, WARM_UP_NODES = 100000 };

/* ---- ports ------------------------------------------------------------------------------------
 */

static bool datatype_of(int32_t element, leati_datatype *out)
{
    static const struct {
        int32_t element;
        leati_datatype type;
    } pairs[] = {{LEATI_ONNX_BOOL, LEATI_BOOL},     {LEATI_ONNX_UINT8, LEATI_UINT8},
                 {LEATI_ONNX_UINT16, LEATI_UINT16}, {LEATI_ONNX_UINT32, LEATI_UINT32},
                 {LEATI_ONNX_UINT64, LEATI_UINT64}, {LEATI_ONNX_INT8, LEATI_INT8},
                 {LEATI_ONNX_INT16, LEATI_INT16},   {LEATI_ONNX_INT32, LEATI_INT32},
                 {LEATI_ONNX_INT64, LEATI_INT64},   {LEATI_ONNX_FLOAT16, LEATI_FP16},
                 {LEATI_ONNX_BFLOAT16, LEATI_BF16}, {LEATI_ONNX_FLOAT, LEATI_FP32},
                 {LEATI_ONNX_DOUBLE, LEATI_FP64},   {LEATI_ONNX_STRING, LEATI_BYTES}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        if (pairs[i].element != element) continue;
        *out = pairs[i].type;
        return true;
    }
    return false;
}

size_t leati_graph_labels(const leati_onnx_node *zip)
{
    const leati_onnx_attribute *whole = leati_onnx_attribute_find(zip, "classlabels_int64s"),
                               *texts = leati_onnx_attribute_find(zip, "classlabels_strings");
    return texts && texts->strings.count ? texts->strings.count : whole ? whole->ints.count : 0;
}

/* False: it is no tensor of a type that the protocol has. */
static bool make_port(const leati_onnx_value_info *info, size_t at, leati_graph_port *p)
{
    const leati_onnx_tensor_type *t = info->type ? info->type->tensor_type : NULL;
    *p = (leati_graph_port){
        .name = info->name, .name_length = strlen(info->name), .at = at, .rank = -1};
    if (!t || !datatype_of(t->elem_type, &p->type)) return false;
    p->element = t->elem_type;
    if (!t->shape || t->shape->dim.count > LEATI_TENSOR_RANK) return true;
    p->rank = (int)t->shape->dim.count;
    for (int i = 0; i < p->rank; i++) {
        const leati_onnx_dim *d = &t->shape->dim.at[i];
        p->dim[i] = d->has & 1u << 1 && d->dim_value > 0 ? d->dim_value : -1;
    }
    return true;
}

/* Maps from labels to numbers are the table that they are made of: (rows, labels). */
static bool make_table_port(const leati_onnx_graph *g, size_t at, leati_graph_port *p)
{
    const char *name = g->output.at[at].name;
    const leati_onnx_node *zip = leati_omodel_zip(g, name);
    size_t labels = zip ? leati_graph_labels(zip) : 0;
    if (!labels) return false;
    *p = (leati_graph_port){.name = name,
                            .name_length = strlen(name),
                            .type = LEATI_FP32,
                            .element = LEATI_ONNX_FLOAT,
                            .at = at,
                            .rank = 2,
                            .dim = {-1, (int64_t)labels},
                            .zip = zip};
    return true;
}

static leat_status no_datatype(leat_context *c, const leati_onnx_value_info *info)
{
    leati_str text;
    leati_str_init(&text, c);
    if (info->type) leati_onnx_type_text(&text, info->type);
    leat_status st = leati_str_status(&text);
    if (st == LEAT_OK)
        st = LEATI_FAIL(c, LEAT_UNSUPPORTED,
                        "input `%.60s` is %s, which the Open Inference Protocol has no datatype "
                        "for",
                        info->name, text.length ? leati_str_text(&text) : "of no type");
    leati_str_fini(&text);
    return st;
}

static leat_status make_ports(leat_context *c, leati_served_graph *g, const leati_omodel *m)
{
    const leati_onnx_graph *proto = leati_omodel_proto(m)->graph;
    size_t ins = leati_omodel_input_count(m), outs = proto->output.count;
    g->inputs = LEATI_NEW(c, leati_graph_port, ins + 1);
    g->outputs = LEATI_NEW(c, leati_graph_port, outs + 1);
    if (!g->inputs || !g->outputs) return leat_error_status(c);
    for (; g->ins < ins; g->ins++) {
        const leati_onnx_value_info *info = leati_omodel_input(m, g->ins);
        if (!make_port(info, g->ins, &g->inputs[g->ins])) return no_datatype(c, info);
    }
    for (size_t i = 0; i < outs; i++) {
        leati_graph_port *p = &g->outputs[g->outs];
        g->outs += make_table_port(proto, i, p) || make_port(&proto->output.at[i], i, p);
    }
    LEATI_CHECK(c, g->outs, LEAT_UNSUPPORTED,
                "none of the outputs is a tensor, and the server answers with tensors");
    return LEAT_OK;
}

/* ---- runners ----------------------------------------------------------------------------------
 */

/* In a branch of `c`. */
static leat_status make_runner(leat_context *c, leati_served_graph *g, leati_graph_runner *r)
{
    LEATI_TRY(leati_context_branch(c, &r->context));
    leat_status st = leati_omodel_parse(r->context, g->onnx.data, g->onnx.size, "the graph", NULL,
                                        g->shelf, &r->model);
    if (st == LEAT_OK) {
        size_t ins = leati_omodel_input_count(r->model);
        r->given = LEATI_NEW(r->context, leati_otensor, ins + 1);
        r->space = LEATI_NEW(r->context, void *, ins + 1);
        r->space_bytes = LEATI_NEW(r->context, size_t, ins + 1);
        if (!r->given || !r->space || !r->space_bytes) st = LEAT_NOMEM;
    }
    if (st == LEAT_OK || !leat_error_status(r->context)) return st;
    return LEATI_FAIL(c, st, "%s", leat_error_message(r->context));
}

void *leati_graph_space(leati_graph_runner *r, size_t input, size_t bytes)
{
    if (bytes > r->space_bytes[input] || !r->space[input]) {
        leati_free(r->space[input]);
        r->space[input] = leati_alloc(r->context, bytes + 64);
        r->space_bytes[input] = r->space[input] ? bytes : 0;
    }
    return r->space[input];
}

static bool set_zeros(leati_served_graph *g, leati_graph_runner *r, size_t input)
{
    const leati_graph_port *p = &g->inputs[input];
    leati_otensor *t = &r->given[input];
    size_t count = 1;
    if (p->rank < 0) return false;
    *t = (leati_otensor){.element = p->element, .shape = {.rank = p->rank}};
    for (int i = 0; i < p->rank; i++) {
        t->shape.dim[i] = p->dim[i] > 0 ? p->dim[i] : 1;
        if ((size_t)t->shape.dim[i] > WARM_UP_ELEMENTS / count) return false;
        count *= (size_t)t->shape.dim[i];
    }
    size_t bytes = count * leati_oval_width(p->element);
    t->data = leati_graph_space(r, input, bytes);
    if (t->data) memset(r->space[input], 0, bytes);
    return t->data != NULL;
}

/* What a run on zeros tells of outputs whose shape the file does not say, or not as it is. */
static void learn_shapes(leati_served_graph *g, leati_oval *const *outs)
{
    for (size_t i = 0; i < g->outs; i++) {
        leati_graph_port *p = &g->outputs[i];
        const leati_oval *v = outs[p->at];
        if (p->zip || v->kind != LEATI_OVAL_TENSOR || v->shape.rank > LEATI_TENSOR_RANK) continue;
        bool known = p->rank == v->shape.rank;
        p->rank = v->shape.rank;
        for (int d = 0; d < p->rank; d++)
            if (!known || p->dim[d] != v->shape.dim[d]) p->dim[d] = -1;
    }
}

/* A server that starts says it, for its first requests are slow, or never end. */
static void say_cut(leati_graph_runner *r, const char *name, leati_say say)
{
    char line[1024];
    if (!say.say) return;
    snprintf(line, sizeof line,
             "%.128s: warming up was left at %d nodes, which loops count at each "
             "step: %.700s",
             name, WARM_UP_NODES, leat_error_message(r->context));
    say.say(say.user, line);
}

uint64_t leati_served_graph_warm_up(leati_served_graph *g, uint32_t slot, const char *name,
                                    leati_say say)
{
    leati_graph_runner *r = &g->runners[slot];
    uint64_t best = 0;
    if (!r->model || g->too_long) return 0;
    bool ok = true;
    size_t most = leati_omodel_limit(r->model, WARM_UP_NODES);
    for (size_t i = 0; ok && i < g->ins; i++) ok = set_zeros(g, r, i);
    for (int turn = 0; ok && turn < 3; turn++) {
        leati_oval **outs;
        uint64_t start = leati_serve_now();
        ok = leati_omodel_run(r->model, r->given, &outs) == LEAT_OK;
        uint64_t ns = leati_serve_now() - start;
        if (ok && !turn) learn_shapes(g, outs);
        if (turn && (best == 0 || ns < best)) best = ns;
    }
    g->too_long = !ok && leat_error_status(r->context) == LEAT_LIMIT;
    if (g->too_long) say_cut(r, name, say);
    leat_error_clear(r->context); /* zeros may be no sound values */
    (void)leati_omodel_limit(r->model, most);
    leati_omodel_rest(r->model);
    return ok ? best : 0;
}

/* What no request could be answered with is told now; by the last runner, which there always is. */
static leat_status try_graph(leat_context *c, leati_served_graph *g)
{
    leati_graph_runner *r = &g->runners[g->slots - 1];
    leat_status st = leati_omodel_try(r->model);
    if (st == LEAT_OK) return st;
    return LEATI_FAIL(c, st, "it cannot run: %s", leat_error_message(r->context));
}

/* ---- opening ----------------------------------------------------------------------------------
 */

static leat_status hold_graph(leat_context *c, leati_served_graph *g, leati_bytes *bytes, bool own,
                              const char *what)
{
    leati_zip_data *onnx = &g->onnx;
    *onnx = (leati_zip_data){.data = bytes->data, .size = bytes->size};
    if (bytes->size >= 4 && memcmp(bytes->data, "PK\3\4", 4) == 0)
        LEATI_TRY(leati_graph_file_parse(c, *bytes, what, onnx));
    if (onnx->owned) return LEAT_OK;
    if (own) {
        g->file = *bytes;
        *bytes = (leati_bytes){0};
        return LEAT_OK;
    }
    onnx->data = onnx->owned = leati_memdup(c, onnx->data, onnx->size);
    return onnx->data ? LEAT_OK : leat_error_status(c);
}

static leat_status open_graph(leat_context *c, leati_served_graph *g, leati_bytes *bytes, bool own,
                              const char *what, uint32_t slots, uint32_t loops)
{
    LEATI_TRY(hold_graph(c, g, bytes, own, what));
    g->small = g->onnx.size <= SMALL_FILE;
    g->slots = slots;
    g->runners = LEATI_NEW(c, leati_graph_runner, slots);
    g->shelf = leati_shelf_create(c);
    if (!g->runners || !g->shelf) return leat_error_status(c);
    for (uint32_t w = g->small ? 0 : loops; w < slots; w++)
        LEATI_TRY(make_runner(c, g, &g->runners[w]));
    LEATI_TRY(make_ports(c, g, g->runners[slots - 1].model));
    return try_graph(c, g);
}

leat_status leati_served_graph_open(leat_context *c, leati_bytes *bytes, bool own, const char *what,
                                    uint32_t slots, uint32_t loops, leati_served_graph **out)
{
    *out = NULL;
    leati_served_graph *g = LEATI_NEW(c, leati_served_graph, 1);
    if (!g) return leat_error_status(c);
    leat_status st = open_graph(c, g, bytes, own, what, slots, loops);
    if (st == LEAT_OK) *out = g;
    else leati_served_graph_close(g);
    return st;
}

void leati_served_graph_close(leati_served_graph *g)
{
    if (!g) return;
    for (uint32_t w = 0; g->runners && w < g->slots; w++) {
        leati_graph_runner *r = &g->runners[w];
        for (size_t i = 0; r->space && i < g->ins; i++) leati_free(r->space[i]);
        leati_free(r->space);
        leati_free(r->space_bytes);
        leati_free(r->given);
        leati_omodel_close(r->model);
        leat_context_destroy(r->context);
    }
    leati_shelf_release(g->shelf);
    leati_free(g->runners);
    leati_free(g->inputs);
    leati_free(g->outputs);
    leati_zip_data_release(&g->onnx);
    leati_bytes_release(&g->file);
    leati_free(g);
}
