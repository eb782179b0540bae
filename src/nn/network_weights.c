/* Owns: values of a network's weights from a file of named arrays. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "learn/safetensors.h"
#include "nn/checkpoint.h"
#include "nn/network.h"
#include "nn/train_origin.h"

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

static void say(leati_str *out, const char *between, const char *what, const names *n)
{
    if (n->count == 0) return;
    leati_str_addf(out, "%s%s:%s", between, what, leati_str_text(&n->text));
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

enum { MISSING, SHAPES, TYPES, SURPLUS, KINDS };

typedef struct misfits {
    names list[KINDS];
    size_t weights; /* of the network that get no value */
} misfits;

static bool is_number(const leati_array_entry *e)
{
    return e->type == LEATI_F32 || e->type == LEATI_F64;
}

static void see_weight(misfits *m, const leati_network_weight *w, const leati_array_entry *e)
{
    if (e && same_shape(e, &w->shape) && is_number(e)) return;
    m->weights++;
    if (!e) {
        add(&m->list[MISSING], w->name);
        add_weight_shape(&m->list[MISSING], &w->shape);
    } else if (!same_shape(e, &w->shape)) {
        names *shapes = &m->list[SHAPES];
        add(shapes, w->name);
        add_array_shape(shapes, e);
        if (shapes->count <= MOST_NAMED) leati_str_add(&shapes->text, " for");
        add_weight_shape(shapes, &w->shape);
    } else {
        add(&m->list[TYPES], w->name);
    }
}

/* All that does not fit, behind `between` each. */
static void say_misfits(const misfits *m, const char *between, leati_str *out)
{
    static const char *const what[KINDS] = {"missing", "of another shape",
                                            "no numbers with a point", "not the network's"};
    for (int k = 0; k < KINDS; k++) say(out, between, what[k], &m->list[k]);
}

/* skip: what does not fit is told instead of refused, as long as something fits. */
static leat_status judge_misfits(leat_context *c, const leati_network *n, const misfits *m,
                                 bool skip, const char *path)
{
    leati_str all;
    leat_status st = LEAT_OK;
    if (m->weights + m->list[SURPLUS].count == 0) return LEAT_OK;
    leati_str_init(&all, c);
    skip = skip && m->weights < n->weight_count;
    say_misfits(m, skip ? "; " : "\n  ", &all);
    if (skip)
        leati_log(c, LEAT_LOG_WARN, "network: %zu of %zu weights are taken from %s%s%s",
                  n->weight_count - m->weights, n->weight_count, path,
                  m->weights ? ", the others begin as without it" : "", leati_str_text(&all));
    else
        st = LEATI_FAIL(c, LEAT_FORMAT, "%s does not hold this network's weights%s", path,
                        leati_str_text(&all));
    leati_str_fini(&all);
    return st;
}

static leat_status check_names(leat_context *c, const leati_network *n, const leati_state *s,
                               bool skip, const char *path)
{
    misfits m = {.weights = 0};
    for (int k = 0; k < KINDS; k++) leati_str_init(&m.list[k].text, c);
    for (size_t i = 0; i < n->weight_count; i++)
        see_weight(&m, &n->weight[i], leati_state_find(s, n->weight[i].name));
    for (size_t i = 0; i < s->count; i++) {
        if (beside(s->entries[i].name) || is_weight(n, s->entries[i].name)) continue;
        add(&m.list[SURPLUS], s->entries[i].name);
        add_array_shape(&m.list[SURPLUS], &s->entries[i]);
    }
    leat_status st = judge_misfits(c, n, &m, skip, path);
    for (int k = 0; k < KINDS; k++) leati_str_fini(&m.list[k].text);
    return st;
}

/* The weights of one of the blocks, trained ones or states. */
static leat_status fill_block(leat_context *c, leati_network *n, const leati_state *s, bool trained,
                              const char *path)
{
    size_t count = trained ? n->trained_count : n->state_count;
    leat_variable *variable = trained ? n->trained : n->states;
    float *block = leati_array(c, count + 1, sizeof *block);
    if (!block) return leat_error_status(c);
    leat_status st = leat_variable_get(variable, block, count * sizeof *block);
    for (size_t i = 0; st == LEAT_OK && i < n->weight_count; i++) {
        const leati_network_weight *w = &n->weight[i];
        const leati_array_entry *e = leati_state_find(s, w->name);
        if (w->trained != trained || !e || !same_shape(e, &w->shape) || !is_number(e)) continue;
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
    if (st == LEAT_OK) st = leat_variable_set(variable, block, count * sizeof *block);
    leati_free(block);
    return st;
}

static leat_status target_scalar(leat_context *c, const leati_state *s, const char *name,
                                 double least, double *out)
{
    if (!leati_state_find(s, name)) return LEAT_OK;
    return leati_state_get_scalar(c, s, name, least, 1e300, out);
}

/* Of a training of this network. The target is scaled as the data say, as it was then. */
static leat_status read_checkpoint(leat_context *c, leati_network *n, const char *path,
                                   const leati_bytes *file, double *mean, double *scale)
{
    leati_checkpoint k;
    size_t trained = n->trained_count * sizeof(float), states = n->state_count * sizeof(float);
    LEATI_TRY(leati_checkpoint_parse(c, path, file->data, file->size, &k));
    const leati_origins *of = leati_checkpoint_find(c, &k, "origins", sizeof *of);
    if (!of) return leat_error_status(c);
    LEATI_CHECK(c, of->network == leati_origins_network(n), LEAT_FORMAT,
                "%s is a checkpoint of another network", path);
    const void *w = leati_checkpoint_find(c, &k, "weights", trained);
    const void *s = leati_checkpoint_find(c, &k, "states", states);
    if (!w || !s) return leat_error_status(c);
    *mean = *scale = (double)NAN;
    LEATI_TRY(leat_variable_set(n->trained, w, trained));
    return leat_variable_set(n->states, s, states);
}

leat_status leati_network_read(leat_context *c, leati_network *n, const char *path, bool skip,
                               double *mean, double *scale)
{
    leati_bytes bytes;
    leati_state s;
    leat_status st;
    LEATI_TRY(leati_file_read(c, &bytes, path));
    if (leati_checkpoint_is(bytes.data, bytes.size)) {
        st = read_checkpoint(c, n, path, &bytes, mean, scale);
        leati_bytes_release(&bytes);
        return st;
    }
    leati_state_init(&s, c);
    st = leati_safetensors_read(c, &s, bytes.data, bytes.size);
    if (st != LEAT_OK) leati_error_within(c, "%s", path);
    if (st == LEAT_OK) st = check_names(c, n, &s, skip, path);
    if (st == LEAT_OK) st = fill_block(c, n, &s, true, path);
    if (st == LEAT_OK) st = fill_block(c, n, &s, false, path);
    if (st == LEAT_OK) st = target_scalar(c, &s, "target_mean", -1e300, mean);
    if (st == LEAT_OK) st = target_scalar(c, &s, "target_scale", 0, scale);
    leati_state_fini(&s);
    leati_bytes_release(&bytes);
    return st;
}
