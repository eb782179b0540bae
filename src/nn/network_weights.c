/* Owns: values of a network's weights from a file of named arrays. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "learn/safetensors.h"
#include "nn/network.h"

enum { MOST_NAMED = 12 }; /* of each kind in a message */

/* Names of one kind of misfit, as many as a message bears. */
typedef struct names {
    leati_str text;
    size_t count;
} names;

static void add(names *n, const char *name)
{
    if (n->count++ < MOST_NAMED) leati_str_addf(&n->text, "%s %s", n->count > 1 ? "," : "", name);
}

static void add_array_shape(names *n, const leati_array_entry *e)
{
    if (n->count > MOST_NAMED) return;
    leati_str_add(&n->text, " (");
    for (int i = 0; i < e->dims; i++) leati_str_addf(&n->text, "%s%zu", i ? ", " : "", e->shape[i]);
    leati_str_addc(&n->text, ')');
}

static void add_weight_shape(names *n, const leat_shape *s)
{
    if (n->count > MOST_NAMED) return;
    leati_str_add(&n->text, " (");
    for (int i = 0; i < s->rank; i++)
        leati_str_addf(&n->text, "%s%lld", i ? ", " : "", (long long)s->dim[i]);
    leati_str_addc(&n->text, ')');
}

static bool same_shape(const leati_array_entry *e, const leat_shape *s)
{
    if (e->dims != s->rank) return false;
    for (int i = 0; i < e->dims; i++)
        if (e->shape[i] != (size_t)s->dim[i]) return false;
    return true;
}

static void say(leati_str *out, const char *what, const names *n)
{
    if (n->count == 0) return;
    leati_str_addf(out, "\n  %s:%s", what, leati_str_text(&n->text));
    if (n->count > MOST_NAMED) leati_str_addf(out, " and %zu more", n->count - MOST_NAMED);
}

/* Whether an array belongs to the model beside the network's weights. */
static bool beside(const char *name)
{
    return strncmp(name, "encoder.", 8) == 0 || strcmp(name, "target_mean") == 0 ||
           strcmp(name, "target_scale") == 0;
}

static bool is_weight(const leati_network *n, const char *name)
{
    for (size_t i = 0; i < n->weight_count; i++)
        if (strcmp(n->weight[i].name, name) == 0) return true;
    return false;
}

static leat_status check_names(leat_context *c, const leati_network *n, const leati_state *s,
                               const char *path)
{
    enum { MISSING, SHAPES, TYPES, SURPLUS, KINDS };
    static const char *const what[KINDS] = {"missing", "of another shape",
                                            "no numbers with a point", "not the network's"};
    names list[KINDS] = {{.count = 0}};
    leati_str all;
    leat_status st = LEAT_OK;
    size_t count = 0;
    leati_str_init(&all, c);
    for (int k = 0; k < KINDS; k++) leati_str_init(&list[k].text, c);
    for (size_t i = 0; i < n->weight_count; i++) {
        const leati_network_weight *w = &n->weight[i];
        const leati_array_entry *e = leati_state_find(s, w->name);
        if (!e) {
            add(&list[MISSING], w->name);
            add_weight_shape(&list[MISSING], &w->shape);
        } else if (!same_shape(e, &w->shape)) {
            add(&list[SHAPES], w->name);
            add_array_shape(&list[SHAPES], e);
            if (list[SHAPES].count <= MOST_NAMED) leati_str_add(&list[SHAPES].text, " for");
            add_weight_shape(&list[SHAPES], &w->shape);
        } else if (e->type != LEATI_F32 && e->type != LEATI_F64) {
            add(&list[TYPES], w->name);
        }
    }
    for (size_t i = 0; i < s->count; i++) {
        if (beside(s->entries[i].name) || is_weight(n, s->entries[i].name)) continue;
        add(&list[SURPLUS], s->entries[i].name);
        add_array_shape(&list[SURPLUS], &s->entries[i]);
    }
    for (int k = 0; k < KINDS; k++) {
        count += list[k].count;
        say(&all, what[k], &list[k]);
    }
    if (count)
        st = LEATI_FAIL(c, LEAT_FORMAT, "%s does not hold this network's weights%s", path,
                        leati_str_text(&all));
    for (int k = 0; k < KINDS; k++) leati_str_fini(&list[k].text);
    leati_str_fini(&all);
    return st;
}

/* The weights of one of the blocks, trained ones or states. */
static leat_status fill_block(leat_context *c, leati_network *n, const leati_state *s, bool trained,
                              const char *path)
{
    size_t count = trained ? n->trained_count : n->state_count;
    float *block = leati_array(c, count + 1, sizeof *block);
    if (!block) return leat_error_status(c);
    for (size_t i = 0; i < n->weight_count; i++) {
        const leati_network_weight *w = &n->weight[i];
        if (w->trained != trained) continue;
        const leati_array_entry *e = leati_state_find(s, w->name);
        for (size_t k = 0; k < e->count; k++) {
            float v = e->type == LEATI_F32 ? ((const float *)e->data)[k]
                                           : (float)((const double *)e->data)[k];
            if (!isfinite(v)) {
                leati_free(block);
                return LEATI_FAIL(c, LEAT_FORMAT, "%s: %s holds a number that is not finite", path,
                                  w->name);
            }
            block[w->offset + k] = v;
        }
    }
    leat_status st =
        leat_variable_set(trained ? n->trained : n->states, block, count * sizeof *block);
    leati_free(block);
    return st;
}

static leat_status target_scalar(leat_context *c, const leati_state *s, const char *name,
                                 double least, double *out)
{
    if (!leati_state_find(s, name)) return LEAT_OK;
    return leati_state_get_scalar(c, s, name, least, 1e300, out);
}

leat_status leati_network_read(leat_context *c, leati_network *n, const char *path, double *mean,
                               double *scale)
{
    leati_bytes bytes;
    leati_state s;
    leat_status st;
    LEATI_TRY(leati_file_read(c, &bytes, path));
    leati_state_init(&s, c);
    st = leati_safetensors_read(c, &s, bytes.data, bytes.size);
    if (st != LEAT_OK) leati_error_within(c, "%s", path);
    if (st == LEAT_OK) st = check_names(c, n, &s, path);
    if (st == LEAT_OK) st = fill_block(c, n, &s, true, path);
    if (st == LEAT_OK) st = fill_block(c, n, &s, false, path);
    if (st == LEAT_OK) st = target_scalar(c, &s, "target_mean", -1e300, mean);
    if (st == LEAT_OK) st = target_scalar(c, &s, "target_scale", 0, scale);
    leati_state_fini(&s);
    leati_bytes_release(&bytes);
    return st;
}
