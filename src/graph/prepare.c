/* Owns: plans that are kept and run without their graph. */
#include "base/mem.h"
#include "graph/body.h"
#include "graph/plan.h"
#include "tensor/shape.h"

static leat_status bind(leati_plan *plan, leati_node *const *inputs)
{
    leat_context *c = plan->graph->context;
    for (size_t i = 0; i < plan->input_count; i++)
        LEATI_CHECK(c, inputs[i]->host || !plan->input_bytes[i], LEAT_INVALID,
                    "an input of shape %s has no data: bind it before it is prepared",
                    leati_shape_string(&inputs[i]->out[0].shape).text);
    for (size_t i = 0; i < plan->patch_count; i++) {
        const leati_patch *patch = &plan->patches[i];
        const char *at = inputs[patch->input]->host;
        patch->operand->data = (char *)(uintptr_t)at + patch->offset;
    }
    return LEAT_OK;
}

leat_status leati_plan_prepare(leat_graph *g, size_t count, leat_tensor *const *roots,
                               leati_plan **out)
{
    uint8_t *key;
    size_t bytes, input_count;
    leati_node **inputs;
    *out = NULL;
    LEATI_BUG_IF(g->context, g->device->class->foreign);
    for (size_t i = 0; i < count; i++)
        if (!roots[i]) {
            LEATI_CHECK(g->context, leat_error_status(g->context) != LEAT_OK, LEAT_INVALID,
                        "root %zu is NULL", i + 1);
            return leat_error_status(g->context);
        }
    /* Compiling counts on the numbers that this gives to the inputs. */
    LEATI_TRY(leati_plan_key(g, count, roots, &key, &bytes, &inputs, &input_count));
    leati_free(key);
    leat_status st = leati_plan_compile(g, count, roots, out);
    if (st == LEAT_OK) st = bind(*out, inputs);
    leati_free(inputs);
    if (st == LEAT_OK) return LEAT_OK;
    leati_plan_destroy(*out);
    *out = NULL;
    return st;
}

leat_status leati_plan_run(leat_context *c, leati_plan *plan)
{
    leati_device *d = plan->graph->device;
    d->context = c;
    LEATI_TRY(leati_plan_refresh(c, plan));
    leati_plan_stores(plan);
    return d->class->run(d, plan->steps + plan->lasting_count,
                         plan->step_count - plan->lasting_count);
}

void leati_graph_adopt(leat_graph *g, leat_context *c)
{
    g->context = g->device->context = g->arena.context = c;
    leati_bodies_adopt(g, c);
}
