/* Owns: which function calls which, and how large the model is without calls. */
#include "model/onnx_calls.h"

#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "model/onnx_check.h"

/* A name as a key: the parts, with zero bytes between. */
static leat_status make_key(leati_str *key, const char *domain, const char *name,
                            const char *overload)
{
    leati_str_add(key, leati_onnx_domain(domain));
    leati_str_addc(key, '\0');
    leati_str_add(key, name);
    leati_str_addc(key, '\0');
    leati_str_add(key, overload);
    return leati_str_status(key);
}

leat_status leati_onnx_calls_collect(leat_context *c, const leati_onnx_model *model,
                                     leati_map *functions)
{
    for (size_t i = 0; i < model->functions.count; i++) {
        const leati_onnx_function *f = &model->functions.at[i];
        leati_str key;
        LEATI_CHECK(c, *f->name, LEAT_FORMAT, "function %zu has no name", i);
        leati_str_init(&key, c);
        leat_status st = make_key(&key, f->domain, f->name, f->overload);
        if (st == LEAT_OK && leati_map_put(functions, key.text, key.length) == LEATI_MAP_NONE)
            st = leat_error_status(c);
        leati_str_fini(&key);
        LEATI_TRY(st);
        LEATI_CHECK(c, functions->count == i + 1, LEAT_FORMAT,
                    "the function `%.60s` of the domain `%.60s` is given twice", f->name,
                    f->domain);
    }
    return LEAT_OK;
}

uint32_t leati_onnx_calls_find(leat_context *c, const leati_map *functions, const char *domain,
                               const char *name, const char *overload)
{
    leati_str key;
    uint32_t at = LEATI_MAP_NONE;
    if (!functions->count) return at;
    leati_str_init(&key, c);
    if (make_key(&key, domain, name, overload) == LEAT_OK)
        at = leati_map_get(functions, key.text, key.length);
    leati_str_fini(&key);
    return at;
}

const leati_onnx_function *leati_onnx_function_find(const leati_onnx_model *model,
                                                    const leati_onnx_node *node)
{
    const char *domain = leati_onnx_domain(node->domain);
    for (size_t i = 0; i < model->functions.count; i++) {
        const leati_onnx_function *f = &model->functions.at[i];
        if (strcmp(f->name, node->op_type) == 0 &&
            strcmp(leati_onnx_domain(f->domain), domain) == 0 &&
            strcmp(f->overload, node->overload) == 0)
            return f;
    }
    return NULL;
}

typedef struct walker {
    leat_context *context;
    const leati_onnx_model *model;
    const leati_map *functions;
    uint64_t *sizes; /* per function: nodes without calls, 0: not yet known */
    bool *open;      /* being looked at */
    int depth;
} walker;

static leat_status function_size(walker *w, uint32_t at, uint64_t *size);

/* Adds the nodes to *size, calls replaced by what they stand for. */
static leat_status nodes_size(walker *w, const leati_onnx_node *nodes, size_t count, uint64_t *size)
{
    for (size_t i = 0; i < count; i++) {
        const leati_onnx_node *n = &nodes[i];
        uint64_t own = 1;
        uint32_t at =
            leati_onnx_calls_find(w->context, w->functions, n->domain, n->op_type, n->overload);
        LEATI_TRY(leat_error_status(w->context));
        if (at != LEATI_MAP_NONE) LEATI_TRY(function_size(w, at, &own));
        *size += own;
        for (size_t j = 0; j < n->attribute.count; j++) {
            const leati_onnx_attribute *a = &n->attribute.at[j];
            if (a->g) LEATI_TRY(nodes_size(w, a->g->node.at, a->g->node.count, size));
            for (size_t g = 0; g < a->graphs.count; g++)
                LEATI_TRY(nodes_size(w, a->graphs.at[g].node.at, a->graphs.at[g].node.count, size));
        }
        LEATI_CHECK(w->context, *size <= LEATI_ONNX_NODES_MOST, LEAT_LIMIT,
                    "with its functions written out it has more than %d nodes",
                    LEATI_ONNX_NODES_MOST);
    }
    return LEAT_OK;
}

static leat_status function_size(walker *w, uint32_t at, uint64_t *size)
{
    const leati_onnx_function *f = &w->model->functions.at[at];
    *size = w->sizes[at];
    if (*size) return LEAT_OK;
    LEATI_CHECK(w->context, !w->open[at], LEAT_FORMAT, "the function `%.60s` calls itself",
                f->name);
    LEATI_CHECK(w->context, w->depth < LEATI_ONNX_CALLS_MOST, LEAT_LIMIT,
                "calls of functions are nested deeper than %d", LEATI_ONNX_CALLS_MOST);
    w->open[at] = true;
    w->depth++;
    *size = 1;
    leat_status st = nodes_size(w, f->node.at, f->node.count, size);
    w->depth--;
    w->open[at] = false;
    w->sizes[at] = *size;
    return st == LEAT_OK ? st : leati_error_within(w->context, "function `%.60s`", f->name);
}

leat_status leati_onnx_calls_check(leat_context *c, const leati_onnx_model *model,
                                   const leati_map *functions)
{
    size_t count = model->functions.count;
    uint64_t size = 0;
    if (!count) return LEAT_OK;
    walker w = {.context = c, .model = model, .functions = functions};
    w.sizes = LEATI_NEW(c, uint64_t, count);
    w.open = LEATI_NEW(c, bool, count);
    leat_status st = w.sizes && w.open ? LEAT_OK : leat_error_status(c);
    for (uint32_t i = 0; i < count && st == LEAT_OK; i++) st = function_size(&w, i, &size);
    size = 0;
    if (st == LEAT_OK) st = nodes_size(&w, model->graph->node.at, model->graph->node.count, &size);
    leati_free(w.sizes);
    leati_free(w.open);
    return st;
}
