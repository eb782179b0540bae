/* Owns: text from a model of language, token after token. */
#include <leat/generate.h>

#include <ctype.h>
#include <math.h>
#include <stdlib.h>

#include <leat/session.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/options.h"
#include "base/rng.h"
#include "base/str.h"
#include "frame/text_windows.h"
#include "model/model.h"

typedef struct generator {
    leat_context *context;
    const leat_model *model;
    leat_session *session;
    leat_generate_options o;
    const leati_token_rules *rules; /* NULL: tokens are bytes */
    size_t window;                  /* tokens */
    double *values;                 /* (window) bytes */
    leati_str text;                 /* tokens, with a space between words */
    size_t *begin;                  /* in `text`, of every token */
    size_t count, room;
    double *weight; /* (classes) */
    char *drawn;    /* the token of a class */
} generator;

leat_generate_options leat_generate_options_default(void)
{
    return (leat_generate_options){
        .struct_size = sizeof(leat_generate_options), .length = 200, .temperature = 0.8};
}

static leat_status check(leat_context *c, const leat_model *m, const leat_generate_options *o)
{
    const leati_schema *s = &m->schema;
    const leati_schema_column *col = m->input_count == 1 ? &s->columns[m->inputs[0]] : NULL;
    bool bytes = col && col->role == LEATI_ROLE_ARRAY && col->item == LEATI_ITEM_F32 &&
                 col->shape[1] == 1 && col->shape[2] == 1;
    bool fits = col && strcmp(col->name, "text") == 0 && strcmp(s->target, "next") == 0 &&
                (bytes || col->role == LEATI_ROLE_TOKENS) && leat_model_has_probabilities(m);
    if (!fits) {
        LEATI_FAIL(c, LEAT_UNSUPPORTED, "%s is no model of language", m->name);
        return leati_error_hint(c, "one is fitted on the windows of a text, with probabilities: "
                                   "leat fit novel.txt --text 64 --target next --models network");
    }
    LEATI_CHECK(c, o->temperature >= 0 && isfinite(o->temperature), LEAT_INVALID,
                "a temperature of %g: 0 or more is wanted", o->temperature);
    return LEAT_OK;
}

static leat_status add_token(generator *g, const char *token, size_t length)
{
    bool apart = g->rules && g->rules->words && g->count;
    LEATI_TRY(leati_grow(g->context, &g->begin, &g->room, g->count + 1, sizeof *g->begin));
    if (apart) leati_str_addc(&g->text, ' ');
    g->begin[g->count++] = g->text.length;
    leati_str_addn(&g->text, token, length);
    return leati_str_status(&g->text);
}

/* The tokens of the start, until they fill a window. */
static leat_status begin(generator *g, const char *start)
{
    size_t length = strlen(start), n;
    do {
        for (size_t at = 0; at < length; at += n) {
            n = g->rules ? leati_token_next(g->rules->words, start, length, &at) : 1;
            if (n == 0) break;
            LEATI_TRY(add_token(g, start + at, n));
        }
        LEATI_CHECK(g->context, g->count, LEAT_INVALID,
                    "the start holds nothing; give it a few words of the kind of the text");
    } while (g->count < g->window);
    return LEAT_OK;
}

static leat_status set_window(generator *g)
{
    const char *at = leati_str_text(&g->text) + g->begin[g->count - g->window];
    if (g->rules) return leat_session_set_text(g->session, 0, 0, at);
    for (size_t i = 0; i < g->window; i++) g->values[i] = (double)(unsigned char)at[i];
    return leat_session_set_array(g->session, 0, 0, g->values, g->window);
}

/* The class by the inverse of the distribution at a uniform number. */
static size_t draw(const generator *g, leati_rng *rng)
{
    const double *p = leat_session_probabilities(g->session);
    size_t classes = g->model->schema.classes, best = 0, last = 0;
    double sum = 0, most = -1;
    for (size_t k = 0; k < classes; k++) {
        bool unknown = g->rules && strcmp(g->model->schema.class_names[k], g->rules->unknown) == 0;
        g->weight[k] = unknown ? 0 : p[k];
        if (g->weight[k] > most) {
            most = g->weight[k];
            best = k;
        }
    }
    double u = leati_rng_uniform(rng);
    if (g->o.temperature <= 0 || !(most > 0)) return best;
    for (size_t k = 0; k < classes; k++)
        sum += g->weight[k] = pow(g->weight[k] / most, 1 / g->o.temperature);
    u *= sum;
    for (size_t k = 0; k < classes; k++) {
        if (!(g->weight[k] > 0)) continue;
        last = k;
        if ((u -= g->weight[k]) < 0) break;
    }
    return last;
}

/* Words have a space between them, but for punctuation. */
static bool hand_on(generator *g, const char *token, size_t length)
{
    const char *text = leati_str_text(&g->text);
    char before = g->count > 1 ? text[g->begin[g->count - 1] - 2] : ' ';
    bool closes = length == 1 && strchr(".,;:!?)]}'", *token);
    bool space = g->rules && g->rules->words && !closes && !strchr("([{", before);
    if (space && !g->o.write(g->o.user, " ", 1)) return false;
    return g->o.write(g->o.user, token, length);
}

static leat_status generate(generator *g, const char *start)
{
    leati_rng rng;
    const leati_schema *s = &g->model->schema;
    leati_rng_init(&rng, leat_context_seed(g->context), LEATI_RNG_TEXT, 0);
    LEATI_TRY(begin(g, start));
    if (!g->o.write || !g->o.write(g->o.user, start, strlen(start))) return LEAT_OK;
    for (size_t i = 0; i < g->o.length; i++) {
        LEATI_TRY(set_window(g));
        LEATI_TRY(leat_session_run(g->session, 1, true));
        const char *name = s->class_names[draw(g, &rng)];
        size_t length = leati_text_unshow(name, strlen(name), g->drawn);
        LEATI_TRY(add_token(g, g->drawn, length));
        if (!hand_on(g, g->drawn, length)) break;
    }
    return LEAT_OK;
}

leat_status leat_model_generate(leat_context *c, leat_model *m, const char *start,
                                const leat_generate_options *options)
{
    generator g = {.context = c, .model = m, .o = leat_generate_options_default()};
    size_t longest = 1;
    leat_status st;
    LEATI_TRY(LEATI_OPTIONS(c, leat_generate_options, &g.o, options));
    LEATI_TRY(check(c, m, &g.o));
    const leati_encoder *e = &m->pipeline.encoder;
    if (e->columns[0].role == LEATI_ROLE_TOKENS) g.rules = &e->recipe.tokens;
    g.window = e->columns[0].width;
    for (size_t k = 0; k < m->schema.classes; k++) {
        size_t n = strlen(m->schema.class_names[k]);
        if (n > longest) longest = n;
    }
    leati_str_init(&g.text, c);
    g.values = leati_array(c, g.window, sizeof *g.values);
    g.weight = leati_array(c, m->schema.classes, sizeof *g.weight);
    g.drawn = leati_alloc(c, longest + 1);
    st = g.values && g.weight && g.drawn ? LEAT_OK : leat_error_status(c);
    if (st == LEAT_OK) st = leat_session_create(c, m, 1, &g.session);
    if (st == LEAT_OK) st = generate(&g, start);
    leat_session_destroy(g.session);
    leati_str_fini(&g.text);
    leati_free(g.begin);
    leati_free(g.values);
    leati_free(g.weight);
    leati_free(g.drawn);
    return st;
}
