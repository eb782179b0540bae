/* Owns: walking the nodes of graphs and functions, names, dispatch to operators. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "model/onnx_check.h"
#include "onnx/run.h"

/* ---- names ---------------------------------------------------------------------------------- */

void leati_oframe_init(leati_oframe *f, leati_orun *r, const leati_oframe *parent)
{
    *f = (leati_oframe){.parent = parent};
    leati_map_init(&f->names, r->context);
}

void leati_oframe_fini(leati_oframe *f)
{
    leati_map_fini(&f->names);
    leati_free(f->values);
}

leat_status leati_oframe_bind(leati_oframe *f, const char *name, leati_oval *v)
{
    leat_context *c = f->names.context;
    if (!v) return leat_error_status(c);
    uint32_t i = leati_map_put(&f->names, name, strlen(name));
    if (i == LEATI_MAP_NONE) return leat_error_status(c);
    LEATI_TRY(leati_grow(c, &f->values, &f->capacity, (size_t)i + 1, sizeof *f->values));
    f->values[i] = v;
    return LEAT_OK;
}

leati_oval *leati_oframe_find(const leati_oframe *f, const char *name)
{
    for (; f; f = f->parent) {
        uint32_t i = leati_map_get(&f->names, name, strlen(name));
        if (i != LEATI_MAP_NONE) return f->values[i];
    }
    return NULL;
}

/* ---- attributes of functions ------------------------------------------------------------------
 */

/* What the function around the frame was given, or its default; NULL: not given. */
static const leati_onnx_attribute *given(const leati_oframe *f, const char *name)
{
    while (f && !f->function) f = f->parent;
    if (!f) return NULL;
    const leati_onnx_attribute *a = leati_onnx_attribute_find(f->caller->node, name);
    if (a) return a;
    for (size_t i = 0; i < f->function->attribute_proto.count; i++)
        if (!strcmp(f->function->attribute_proto.at[i].name, name))
            return &f->function->attribute_proto.at[i];
    return NULL;
}

/* The node with what its references refer to; itself where it has none. */
static const leati_onnx_node *resolve(leati_orun *r, const leati_oframe *f,
                                      const leati_onnx_node *n)
{
    bool any = false;
    for (size_t i = 0; i < n->attribute.count; i++) any |= *n->attribute.at[i].ref_attr_name != 0;
    if (!any) return n;
    leati_onnx_node *copy = leati_arena_calloc(&r->arena, 1, sizeof *copy);
    leati_onnx_attribute *list = leati_arena_calloc(&r->arena, n->attribute.count, sizeof *list);
    if (!copy || !list) return NULL;
    *copy = *n;
    copy->attribute.at = list;
    copy->attribute.count = 0;
    for (size_t i = 0; i < n->attribute.count; i++) {
        const leati_onnx_attribute *a = &n->attribute.at[i];
        const char *name = a->name;
        if (*a->ref_attr_name) a = given(f, a->ref_attr_name);
        if (!a) continue;
        leati_onnx_attribute *to = &list[copy->attribute.count++];
        *to = *a;
        to->name = name;
        to->ref_attr_name = "";
    }
    return copy;
}

/* ---- nodes ---------------------------------------------------------------------------------- */

static leat_status record_nodes(leati_orun *r, leati_oframe *f, const leati_onnx_node *nodes,
                                size_t count);

static leat_status call_function(leati_ocall *k, const leati_onnx_function *function)
{
    leati_oframe f;
    leat_status st = LEAT_OK;
    leati_oframe_init(&f, k->run, NULL);
    f.function = function;
    f.caller = k;
    for (size_t i = 0; i < function->input.count; i++)
        if (leati_ohas(k, i)) LEATI_GO(leati_oframe_bind(&f, function->input.at[i], k->in[i]));
    LEATI_GO(record_nodes(k->run, &f, function->node.at, function->node.count));
    for (size_t i = 0; i < function->output.count && i < k->outs; i++)
        k->out[i] = leati_oframe_find(&f, function->output.at[i]);
out:
    leati_oframe_fini(&f);
    return st;
}

static leat_status dispatch(leati_ocall *k, const leati_onnx_function *function)
{
    leat_context *c = k->context;
    const leati_onnx_node *n = k->node;
    if (function) return call_function(k, function);
    const leati_oop *row = leati_oop_find(n->domain, n->op_type);
    LEATI_CHECK(c, row, LEAT_UNSUPPORTED, "operator %.60s is not supported", n->op_type);
    if (k->op) LEATI_TRY(leati_onnx_node_check(c, k->op, n));
    return row->record(k);
}

/* Slashes part scopes of the graph; names in files are full of them. */
static void push_scope(leati_orun *r, const leati_onnx_node *n)
{
    char text[160];
    const char *name = *n->name ? n->name : n->output.count ? n->output.at[0] : "";
    int length = snprintf(text, sizeof text, "node `%.80s` (%.60s)", name, n->op_type);
    for (int i = 0; i < length; i++)
        if (text[i] == '/') text[i] = '.';
    leat_scope_push(r->graph, text);
}

static leat_status record_node(leati_orun *r, leati_oframe *f, const leati_onnx_node *written)
{
    leat_context *c = r->context;
    const leati_onnx_node *n = resolve(r, f, written);
    if (!n) return leat_error_status(c);
    const leati_oframe *around = f;
    while (around && !around->function) around = around->parent;
    const leati_onnx_function *within = around ? around->function : NULL;
    const leati_onnx_model *m = r->file->model;
    leati_ocall k = {.run = r, .context = c, .graph = r->graph, .node = n, .frame = f};
    k.version = leati_onnx_opset_version(m, within, n->domain);
    k.op = leati_onnx_op_find(n->domain, n->op_type, k.version);
    k.ins = n->input.count;
    const leati_onnx_function *function = leati_onnx_function_find(m, n);
    enum { SPARE = 8 }; /* operators may give more than the node wants */
    k.outs = n->output.count + SPARE;
    k.in = leati_arena_calloc(&r->arena, k.ins + 1, sizeof(leati_oval *));
    k.out = leati_arena_calloc(&r->arena, k.outs + 1, sizeof(leati_oval *));
    if (!k.in || !k.out) return leat_error_status(c);
    for (size_t i = 0; i < k.ins; i++) {
        if (!*n->input.at[i]) continue;
        k.in[i] = leati_oframe_find(f, n->input.at[i]);
        if (k.in[i]) k.varying |= k.in[i]->varying;
    }
    push_scope(r, n);
    leat_status st = dispatch(&k, function);
    leat_scope_pop(r->graph);
    if (st != LEAT_OK) {
        const char *name = *n->name ? n->name : n->output.count ? n->output.at[0] : "";
        if (!strstr(leat_error_message(c), "node `"))
            (void)leati_error_within(c, "node `%.60s` (%.60s)", name, n->op_type);
        return st;
    }
    for (size_t i = 0; i < n->output.count; i++) {
        if (!*n->output.at[i]) continue;
        LEATI_CHECK(c, k.out[i], LEAT_UNSUPPORTED,
                    "node `%.60s` (%.60s): output %zu is not computed", n->name, n->op_type, i + 1);
        LEATI_TRY(leati_oframe_bind(f, n->output.at[i], k.out[i]));
    }
    return LEAT_OK;
}

static leat_status record_nodes(leati_orun *r, leati_oframe *f, const leati_onnx_node *nodes,
                                size_t count)
{
    for (size_t i = 0; i < count; i++) {
        LEATI_CHECK(r->context, r->nodes_left > 0, LEAT_LIMIT,
                    "the model runs through more than %zu nodes, which loops count at each step: "
                    "a loop without end, or of too many steps",
                    r->nodes_most);
        r->nodes_left--;
        LEATI_TRY(record_node(r, f, &nodes[i]));
    }
    return LEAT_OK;
}

leat_status leati_ograph_record(leati_orun *r, leati_oframe *f, const leati_onnx_graph *g)
{
    for (size_t i = 0; i < g->initializer.count; i++) {
        const leati_onnx_tensor *t = &g->initializer.at[i];
        uint32_t bound = leati_map_get(&f->names, t->name, strlen(t->name));
        if (bound != LEATI_MAP_NONE) continue; /* an input with a default, or shared weights */
        LEATI_TRY(leati_oframe_bind(f, t->name, leati_oval_of_proto(r, t)));
    }
    return record_nodes(r, f, g->node.at, g->node.count);
}

leat_status leati_osubgraph(leati_ocall *k, const char *attribute, size_t ins,
                            leati_oval *const *in, leati_oval **outs)
{
    const leati_onnx_graph *g = leati_oattr_graph(k, attribute);
    leati_oframe f;
    leat_status st = LEAT_OK;
    if (!g) return leati_ofail(k, LEAT_FORMAT, "lacks the graph %s", attribute);
    if (g->input.count != ins)
        return leati_ofail(k, LEAT_FORMAT, "its graph %s has %zu inputs, %zu were expected",
                           attribute, g->input.count, ins);
    leati_oframe_init(&f, k->run, k->frame);
    for (size_t i = 0; i < ins; i++) LEATI_GO(leati_oframe_bind(&f, g->input.at[i].name, in[i]));
    LEATI_GO(leati_ograph_record(k->run, &f, g));
    for (size_t i = 0; i < g->output.count; i++) {
        outs[i] = leati_oframe_find(&f, g->output.at[i].name);
        if (outs[i]) continue;
        st = leati_ofail(k, LEAT_FORMAT, "output `%.60s` of its graph %s is not made",
                         g->output.at[i].name, attribute);
        goto out;
    }
out:
    leati_oframe_fini(&f);
    return st;
}
