/* Owns: the search for circles among nodes. Runs only when a model is already known to be wrong. */
#include "model/onnx_order.h"

#include <string.h>

#include "base/error.h"
#include "base/map.h"
#include "base/mem.h"

typedef struct finder {
    leat_context *context;
    const leati_onnx_node *nodes;
    size_t count;
    leati_map values; /* outputs of all nodes ... */
    size_t *makers;   /* ... and who makes them */
    size_t makers_capacity;
    size_t *user;     /* per node: the node that it was reached from, which uses its output */
    const char **via; /* ... and the value used */
    size_t *open;     /* nodes to be looked at */
} finder;

enum { SHOWN = 8 };

static leat_status collect(finder *f)
{
    for (size_t i = 0; i < f->count; i++) {
        for (size_t j = 0; j < f->nodes[i].output.count; j++) {
            const char *name = f->nodes[i].output.at[j];
            size_t known = f->values.count;
            if (!*name) continue;
            uint32_t at = leati_map_put(&f->values, name, strlen(name));
            if (at == LEATI_MAP_NONE) return leat_error_status(f->context);
            LEATI_TRY(leati_grow(f->context, &f->makers, &f->makers_capacity, (size_t)at + 1,
                                 sizeof *f->makers));
            if (f->values.count > known) f->makers[at] = i;
        }
    }
    f->user = leati_array(f->context, f->count, sizeof *f->user);
    f->via = LEATI_NEW(f->context, const char *, f->count);
    f->open = leati_array(f->context, f->count, sizeof *f->open);
    return f->user && f->via && f->open ? LEAT_OK : leat_error_status(f->context);
}

/* The node that makes `name`, or `count`. */
static size_t maker(const finder *f, const char *name)
{
    uint32_t at = leati_map_get(&f->values, name, strlen(name));
    return at == LEATI_MAP_NONE ? f->count : f->makers[at];
}

/* Whether what `from` uses comes from `target`: fills user and via along the way. */
static bool reaches(finder *f, size_t from, size_t target)
{
    size_t todo = 0;
    f->open[todo++] = from;
    while (todo) {
        const leati_onnx_node *n = &f->nodes[f->open[--todo]];
        for (size_t i = 0; i < n->input.count; i++) {
            size_t m = maker(f, n->input.at[i]);
            if (m == f->count || f->via[m]) continue;
            f->user[m] = (size_t)(n - f->nodes);
            f->via[m] = n->input.at[i];
            if (m == target) return true;
            f->open[todo++] = m;
        }
    }
    return false;
}

static leat_status explain(finder *f, size_t index, const char *name)
{
    LEATI_TRY(collect(f));
    size_t late = maker(f, name);
    if (late == f->count) return LEAT_OK;
    if (late != index && !reaches(f, late, index))
        return LEATI_FAIL(f->context, LEAT_FORMAT,
                          "uses the value `%.60s`, which node %zu makes later; nodes must stand in "
                          "the order of their values",
                          name, late);
    leati_str circle;
    leati_str_init(&circle, f->context);
    leati_str_addf(&circle, "`%.60s`", name);
    for (size_t at = index, steps = 0; at != late; at = f->user[at]) {
        if (++steps < SHOWN) leati_str_addf(&circle, " -> `%.60s`", f->via[at]);
        else if (steps == SHOWN) leati_str_add(&circle, " -> ...");
    }
    leat_status st = leati_str_status(&circle);
    if (st == LEAT_OK)
        st = LEATI_FAIL(f->context, LEAT_FORMAT,
                        "values come from each other in a circle: %s -> `%.60s`",
                        leati_str_text(&circle), name);
    leati_str_fini(&circle);
    return st;
}

leat_status leati_onnx_order_explain(leat_context *c, const leati_onnx_node *nodes, size_t count,
                                     size_t index, const char *name)
{
    finder f = {.context = c, .nodes = nodes, .count = count};
    leati_map_init(&f.values, c);
    leat_status st = explain(&f, index, name);
    leati_map_fini(&f.values);
    leati_free(f.makers);
    leati_free(f.user);
    leati_free(f.via);
    leati_free(f.open);
    return st;
}
