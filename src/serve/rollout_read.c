/* Owns: reading how a rollout stands, on the side of who asked. */
#include <leat/rollout.h>

#include <jansson.h>
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"

struct leat_rollout {
    json_t *root;
};

leat_status leat_rollout_read(leat_context *c, leat_rollout **out, const char *text, size_t length)
{
    json_error_t e;
    *out = NULL;
    leat_rollout *r = LEATI_NEW(c, leat_rollout, 1);
    if (!r) return leat_error_status(c);
    r->root = json_loadb(text, length, JSON_REJECT_DUPLICATES, &e);
    if (json_is_string(json_object_get(r->root, "model")) &&
        json_is_string(json_object_get(r->root, "phase"))) {
        *out = r;
        return LEAT_OK;
    }
    leat_rollout_destroy(r);
    return LEATI_FAIL(c, LEAT_FORMAT,
                      "the answer says nothing of a rollout: is this a server of Leat?");
}

void leat_rollout_destroy(leat_rollout *r)
{
    if (!r) return;
    json_decref(r->root);
    leati_free(r);
}

/* ---- members: what is absent is nothing --------------------------------------------------------
 */

static const char *text(const json_t *object, const char *key)
{
    const char *t = json_string_value(json_object_get(object, key));
    return t ? t : "";
}

static double real(const json_t *object, const char *key)
{
    const json_t *v = json_object_get(object, key);
    return json_is_number(v) ? json_number_value(v) : (double)NAN;
}

static int64_t whole(const json_t *object, const char *key)
{
    return (int64_t)json_integer_value(json_object_get(object, key));
}

static uint64_t count(const json_t *object, const char *key)
{
    int64_t n = whole(object, key);
    return n > 0 ? (uint64_t)n : 0;
}

static const json_t *item(const leat_rollout *r, const char *list, size_t i)
{
    return json_array_get(json_object_get(r->root, list), i);
}

/* The version, where it is among those that are not loaded; else 0. */
static uint32_t absent(const json_t *root, uint64_t version)
{
    const json_t *all = json_object_get(root, "absent");
    for (size_t i = 0; i < json_array_size(all); i++)
        if ((uint64_t)json_integer_value(json_array_get(all, i)) == version)
            return (uint32_t)version;
    return 0;
}

leat_rollout_info leat_rollout_about(const leat_rollout *r)
{
    const json_t *root = r->root, *asked = json_object_get(root, "asked");
    leat_rollout_info o = {.model = text(root, "model"),
                           .phase = text(root, "phase"),
                           .reason = text(root, "reason"),
                           .mode = text(asked, "mode"),
                           .sticky = text(asked, "sticky"),
                           .serving = (uint32_t)count(root, "serving"),
                           .from = (uint32_t)count(asked, "from"),
                           .to = (uint32_t)count(asked, "to"),
                           .previous = (uint32_t)count(root, "previous"),
                           .share = real(root, "share"),
                           .steps = json_array_size(json_object_get(root, "walk")),
                           .hold = real(asked, "hold"),
                           .undecided = json_is_true(json_object_get(root, "waits")),
                           .alpha = real(asked, "alpha"),
                           .mirror = 100 * real(asked, "mirror"),
                           .started = whole(root, "started"),
                           .changed = whole(root, "changed"),
                           .seed = count(asked, "seed"),
                           .kept = json_is_true(json_object_get(root, "kept")),
                           .trouble = text(root, "trouble")};
    const json_t *pool = json_object_get(root, "pool");
    o.pool = text(pool, "name");
    o.pool_servers = (size_t)count(pool, "servers");
    o.pool_lost = json_is_true(json_object_get(pool, "lost"));
    o.pool_told = !json_is_false(json_object_get(pool, "told"));
    o.pool_counts = json_is_true(json_object_get(pool, "counts"));
    const json_t *alias = json_object_get(root, "alias");
    o.alias = text(alias, "name");
    o.alias_state = text(alias, "state");
    o.alias_found = whole(alias, "found");
    uint64_t step = count(root, "step"), stable = count(root, "stable");
    o.stable_absent = absent(root, stable);
    o.candidate_absent = o.to != stable ? absent(root, o.to) : 0;
    o.step = step ? (size_t)step - 1 : 0;
    o.held = real(item(r, "walk", o.step), "held");
    return o;
}

static leat_rollout_arm arm(const json_t *v)
{
    return (leat_rollout_arm){count(v, "requests"),  count(v, "errors"), real(v, "error_low"),
                              real(v, "error_high"), real(v, "mean"),    real(v, "p50"),
                              real(v, "p99")};
}

leat_rollout_stage leat_rollout_stage_at(const leat_rollout *r, size_t i)
{
    const json_t *v = item(r, "walk", i);
    return (leat_rollout_stage){real(v, "share"), real(v, "held"), text(v, "result"),
                                arm(json_object_get(v, "stable")),
                                arm(json_object_get(v, "candidate"))};
}

size_t leat_rollout_rules(const leat_rollout *r)
{
    return json_array_size(json_object_get(r->root, "rules"));
}

leat_rollout_rule leat_rollout_rule_at(const leat_rollout *r, size_t i)
{
    const json_t *v = item(r, "rules", i);
    bool seconds = strcmp(text(v, "unit"), "seconds") == 0;
    return (leat_rollout_rule){text(v, "rule"),  text(v, "finding"), seconds,
                               real(v, "value"), real(v, "limit"),   real(v, "p_broken"),
                               real(v, "p_kept")};
}

leat_rollout_shadow leat_rollout_mirrored(const leat_rollout *r)
{
    const json_t *v = json_object_get(r->root, "shadow");
    uint64_t rows = count(v, "rows");
    return (leat_rollout_shadow){count(v, "compared"),
                                 count(v, "differing"),
                                 count(v, "failed"),
                                 count(v, "dropped"),
                                 rows,
                                 count(v, "rows_differing"),
                                 rows ? real(v, "sum_difference") / (double)rows : (double)NAN,
                                 real(v, "largest_difference"),
                                 real(v, "largest_probability")};
}

size_t leat_rollout_events(const leat_rollout *r)
{
    return json_array_size(json_object_get(r->root, "events"));
}

const char *leat_rollout_event_at(const leat_rollout *r, size_t i, int64_t *at)
{
    const json_t *v = item(r, "events", i);
    *at = whole(v, "at");
    return text(v, "text");
}
