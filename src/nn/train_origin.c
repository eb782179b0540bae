/* Owns: what a checkpoint remembers of the training it is of. Not: checkpoints (checkpoint.c). */
#include "nn/train_origin.h"

#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/num.h"

static uint64_t hash_text(uint64_t h, const char *text)
{
    return leati_hash64(text, strlen(text), h);
}

/* ---- the network ---------------------------------------------------------------------------- */

/* Names and parameters, as they would be written. */
static uint64_t hash_layers(uint64_t h, const leati_layer *first)
{
    char text[2 * LEATI_WORD_PARAM]; /* layers have no longer ones */
    for (const leati_layer *l = first; l; l = l->next) {
        h = hash_text(hash_text(h, l->class->name), l->name);
        h = leati_hash64(&l->trainable, sizeof l->trainable, h);
        for (const leati_param *p = l->class->params; p->name; p++) {
            leati_param_get(p, l, text, sizeof text);
            h = hash_text(hash_text(h, p->name), text);
        }
        h = hash_layers(hash_text(h, "{"), l->inside);
        h = hash_text(h, "}");
    }
    return h;
}

static uint64_t hash_network(const leati_network *n)
{
    uint64_t h = leati_hash64(n->input.dim, (size_t)n->input.rank * sizeof(int64_t),
                              LEATI_CHECKPOINT_LAYOUT);
    h = hash_layers(h, n->first);
    for (size_t i = 0; i < n->weight_count; i++) {
        h = hash_text(h, n->weight[i].name);
        h = leati_hash64(n->weight[i].shape.dim, (size_t)n->weight[i].shape.rank * sizeof(int64_t),
                         h);
    }
    return h;
}

uint64_t leati_origins_network(const leati_network *n)
{
    return hash_network(n);
}

/* ---- the data ------------------------------------------------------------------------------- */

static uint64_t hash_data(const leati_dataset *d)
{
    const leati_matrix *x = &d->x;
    uint64_t sizes[] = {x->rows, x->cols};
    uint64_t h = leati_hash64(sizes, sizeof sizes, LEATI_CHECKPOINT_LAYOUT);
    for (size_t i = 0; i < x->rows; i++) {
        if (x->f32) h = leati_hash64(x->f32 + i * x->stride, x->cols * sizeof(float), h);
        else h = leati_hash64(x->f64 + i * x->stride, x->cols * sizeof(double), h);
    }
    if (d->label) h = leati_hash64(d->label, x->rows * sizeof *d->label, h);
    if (d->y) h = leati_hash64(d->y, x->rows * sizeof *d->y, h);
    return h ? h : 1;
}

/* ---- the settings --------------------------------------------------------------------------- */

static void add_number(leati_str *s, const char *name, double value)
{
    char text[LEATI_NUM_SIZE];
    size_t n = leati_num_format(value, text);
    leati_str_addf(s, "%s=%.*s\n", name, (int)n, text);
}

static void add_param(leati_str *s, const char *owner, const leati_param *p, const void *object)
{
    char text[LEATI_TEXT_PARAM];
    leati_param_get(p, object, text, sizeof text);
    leati_str_addf(s, "%s.%s=%s\n", owner, p->name, text);
}

static void add_object(leati_str *s, const char *owner, const char *name, const leati_param *table,
                       const void *object)
{
    leati_str_addf(s, "%s=%s\n", owner, name);
    for (const leati_param *p = table; p->name; p++) add_param(s, owner, p, object);
}

char *leati_origin_settings(leat_context *c, const leati_train_options *o, const leati_optimizer *p)
{
    static const leati_augment none;
    leati_str s;
    leati_str_init(&s, c);
    add_number(&s, "epochs", (double)o->epochs);
    add_number(&s, "batch_size", (double)o->batch_size);
    add_number(&s, "accumulate", (double)o->accumulate);
    add_number(&s, "learning_rate", o->learning_rate);
    add_object(&s, "optimizer", p->class->name, p->class->params, p);
    if (o->schedule)
        add_object(&s, "schedule", o->schedule->class->name, o->schedule->class->params,
                   o->schedule);
    add_object(&s, "loss", o->loss->class->name, o->loss->class->params, o->loss);
    add_number(&s, "clip_norm", o->clip_norm);
    add_number(&s, "clip_value", o->clip_value);
    add_number(&s, "ema", o->ema);
    leati_str_addf(&s, "precision=%s\n", o->half ? "bf16" : "f32");
    add_number(&s, "validation_fraction", o->validation_fraction);
    add_number(&s, "patience", (double)o->patience);
    for (size_t i = 0; i < leati_augment_count(); i++)
        add_param(&s, "augment", leati_augment_param(i), o->augment ? o->augment : &none);
    leati_str_addf(&s, "seed=%llu\n", (unsigned long long)o->seed);
    leati_str_addf(&s, "weights=%llx\n", (unsigned long long)o->origin);
    return leati_str_take(&s);
}

/* The settings that a training must share with its checkpoint: epochs, which come first, only where
 * the schedule needs their number. */
static const char *binding(const leati_train_options *o, const char *settings)
{
    bool counts = o->schedule && leati_schedule_needs_length(o->schedule);
    return counts ? settings : strchr(settings, '\n') + 1;
}

leati_origins leati_origins_make(const leati_dataset *d, const leati_network *n,
                                 const leati_train_options *o, const char *settings)
{
    const char *from = binding(o, settings);
    if (from != settings) from--; /* with the end of its line, as in earlier checkpoints */
    return (leati_origins){.data = hash_data(d),
                           .network = hash_network(n),
                           .settings = hash_text(LEATI_CHECKPOINT_LAYOUT, from)};
}

/* The value of the setting whose line begins with `name`, of n bytes; NULL: there is none. */
static const char *value_of(const char *text, size_t size, const char *name, size_t n)
{
    for (const char *end = text + size; text < end;) {
        const char *line = memchr(text, '\n', (size_t)(end - text));
        if (!line) return NULL;
        if ((size_t)(line - text) > n && !memcmp(text, name, n) && text[n] == '=')
            return text + n + 1;
        text = line + 1;
    }
    return NULL;
}

void leati_origin_tell(leati_str *out, const leati_train_options *o, const char *was, size_t size,
                       const char *is)
{
    enum { MOST = 60 }; /* of a value: class weights may be many */
    for (is = binding(o, is); *is; is += strcspn(is, "\n") + 1) {
        size_t n = strcspn(is, "=");
        const char *now = is + n + 1, *then = value_of(was, size, is, n);
        int now_size = (int)strcspn(now, "\n"), then_size = then ? (int)strcspn(then, "\n") : 0;
        if (!then || (now_size == then_size && !memcmp(now, then, (size_t)now_size))) continue;
        bool hash = n == 7 && !memcmp(is, "weights", n);
        if (hash) leati_str_add(out, "weights are from another file");
        else
            leati_str_addf(out, "%.*s was %.*s and is %.*s", (int)n, is,
                           then_size > MOST ? MOST : then_size, then,
                           now_size > MOST ? MOST : now_size, now);
        return;
    }
}
