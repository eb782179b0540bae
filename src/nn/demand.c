/* Owns: the check of a network's input against what its layers take. */
#include "nn/demand.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"

leati_demand *leati_demand_make(leati_builder *b, const leat_tensor *x)
{
    if (!b->trial || x != b->input) return NULL;
    leati_demand *d = leati_arena_calloc(&b->network->arena, 1, sizeof *d);
    if (!d) return NULL;
    d->layer = b->layer;
    d->next = b->network->demands;
    b->network->demands = d;
    return d;
}

void leati_demand_end(leati_builder *b, const leat_tensor *mask)
{
    for (leati_demand *d = b->trial ? b->network->demands : NULL; d; d = d->next)
        if (d->mask == mask && !d->recurrent) d->recurrent = b->layer;
}

/* As the network gets it. */
static double value_at(const leati_matrix *x, size_t row, size_t col)
{
    return (double)(float)leati_at(x, row, col);
}

/* The features of one column of the table: "text[0]", "text[1]" and so on, or one of its own name.
 */
typedef struct span {
    const char *name;
    int length; /* of the name */
    size_t from, to;
    bool sequence;
} span;

static int name_length(const leati_feature *f, bool *sequence)
{
    const char *bracket = strrchr(f->name, '[');
    *sequence = bracket && bracket[strlen(bracket) - 1] == ']';
    return (int)(*sequence ? (size_t)(bracket - f->name) : strlen(f->name));
}

static bool is_of(const span *s, const leati_feature *f)
{
    bool sequence;
    return s->sequence && name_length(f, &sequence) == s->length && sequence &&
           !memcmp(f->name, s->name, (size_t)s->length);
}

static span span_of(const leati_feature *features, size_t count, size_t at)
{
    span s = {.name = features[at].name, .from = at, .to = at + 1};
    s.length = name_length(&features[at], &s.sequence);
    while (s.from > 0 && is_of(&s, &features[s.from - 1])) s.from--;
    while (s.to < count && is_of(&s, &features[s.to])) s.to++;
    return s;
}

/* "body is features 9 to 16" */
static void tell(const span *s, char *out, size_t size)
{
    int length = s->length < 60 ? s->length : 60;
    if (s->sequence)
        snprintf(out, size, "%.*s is features %zu to %zu", length, s->name, s->from + 1, s->to);
    else snprintf(out, size, "%.*s is feature %zu", length, s->name, s->to);
}

/* Columns that a layer of one sequence cannot take together, and the layers that part them. */
static leat_status hint_columns(leat_context *c, const leati_demand *d, const span *a,
                                const span *b, size_t count)
{
    char text[900], then[100] = "", second[256], first[128], last[128];
    const char *layer = d->layer->class->name;
    if (d->recurrent) snprintf(then, sizeof then, "; %s(...)", d->recurrent->class->name);
    if (b->sequence)
        snprintf(second, sizeof second, "sequence { crop(%zu, high=%zu); %s(...)%s }", b->from,
                 count - b->to, layer, then);
    else snprintf(second, sizeof second, "crop(%zu, high=%zu)", b->from, count - b->to);
    tell(a, first, sizeof first);
    tell(b, last, sizeof last);
    snprintf(
        text, sizeof text,
        "The columns stand one behind the other: %s, %s. Give each a branch: concat { sequence "
        "{ crop(%zu, high=%zu); %s(...)%s }; %s }.",
        first, last, a->from, count - a->to, layer, then, second);
    return leati_error_hint(c, "%s", text);
}

/* A number that stands among tokens. */
static bool is_beside_tokens(const leati_feature *features, size_t count, size_t col, span *tokens,
                             span *other)
{
    *other = span_of(features, count, col);
    for (size_t k = 0; !other->sequence && k < count; k++) {
        *tokens = span_of(features, count, k);
        if (tokens->sequence) return true;
    }
    return false;
}

static leat_status refuse_token(leat_context *c, const leati_demand *d, double value, size_t row,
                                size_t col, const leati_feature *features, size_t count)
{
    const char *feature = features ? features[col].name : NULL;
    span tokens, other;
    char where[192];
    leati_layer_describe(d->layer, where, sizeof where);
    (void)LEATI_FAIL(c, LEAT_INVALID,
                     "%s: row %zu has %g in feature %zu%s%s; it takes whole numbers from 0 to %lld",
                     where, row + 1, value, col + 1, feature ? " " : "", feature ? feature : "",
                     (long long)d->tokens - 1);
    if (features && is_beside_tokens(features, count, col, &tokens, &other))
        return hint_columns(c, d, &tokens, &other, count);
    return leati_error_hint(c, "input_dim says how many tokens there are; numbers of a table reach "
                               "it as they are with --preprocess none.");
}

static leat_status check_tokens(leat_context *c, const leati_demand *d, const leati_matrix *x,
                                size_t row, const leati_feature *features)
{
    for (size_t k = 0; d->tokens && k < x->cols; k++) {
        double v = value_at(x, row, k);
        if (v >= 0 && v < (double)d->tokens && v == floor(v)) continue;
        return refuse_token(c, d, v, row, k, features, x->cols);
    }
    return LEAT_OK;
}

static bool is_padding(const leati_demand *d, const leati_matrix *x, size_t row, size_t step,
                       size_t features)
{
    for (size_t k = 0; k < features; k++)
        if (value_at(x, row, step * features + k) != (double)(float)d->padding) return false;
    return true;
}

static leat_status hint_padding(leat_context *c, const leati_demand *d, size_t padding, size_t t,
                                const leati_feature *features, size_t count)
{
    span a = {0}, b = {0};
    if (features) a = span_of(features, count, padding), b = span_of(features, count, t);
    if (a.sequence && a.from != b.from) return hint_columns(c, d, &a, &b, count);
    return leati_error_hint(c, "put the padding behind the sequences: padding='post' of Keras's "
                               "pad_sequences");
}

static leat_status check_padding(leat_context *c, const leati_demand *d, const leati_matrix *x,
                                 size_t row, size_t steps, const leati_feature *features)
{
    size_t width = steps ? x->cols / steps : 0, padding = SIZE_MAX;
    for (size_t t = 0; t < steps; t++) {
        if (is_padding(d, x, row, t, width)) {
            if (padding == SIZE_MAX) padding = t;
        } else if (padding != SIZE_MAX) {
            char where[192];
            leati_layer_describe(d->recurrent, where, sizeof where);
            (void)LEATI_FAIL(c, LEAT_INVALID,
                             "%s: step %zu of row %zu is padding, step %zu behind it is not; it "
                             "takes padding at the end only",
                             where, padding + 1, row + 1, t + 1);
            return hint_padding(c, d, padding, t, width == 1 ? features : NULL, x->cols);
        }
    }
    return LEAT_OK;
}

leat_status leati_demand_check(leat_context *c, const leati_network *n, const leati_matrix *x,
                               const leati_feature *features)
{
    size_t steps = n->input.rank > 0 ? (size_t)n->input.dim[0] : 0;
    for (const leati_demand *d = n->demands; d; d = d->next)
        for (size_t i = 0; i < x->rows; i++) {
            LEATI_TRY(check_tokens(c, d, x, i, features));
            if (d->recurrent) LEATI_TRY(check_padding(c, d, x, i, steps, features));
        }
    return LEAT_OK;
}
