/* Owns: the file form of an encoder: structure as JSON, numbers as arrays. */
#include <jansson.h>
#include <math.h>

#include "base/error.h"
#include "base/mem.h"
#include "learn/encoder.h"

void leati_encoder_json(const leati_encoder *e, leat_json *j, const char *key)
{
    leat_json_begin_object(j, key);
    leat_json_int(j, "scaling", e->recipe.scaling);
    leat_json_bool(j, "fill", e->recipe.fill);
    leat_json_bool(j, "one_hot", e->recipe.one_hot);
    leat_json_bool(j, "unit_arrays", e->recipe.unit_arrays);
    leat_json_bool(j, "f32", e->recipe.f32);
    leat_json_begin_array(j, "columns");
    for (size_t i = 0; i < e->count; i++) {
        const leati_encoder_column *k = &e->columns[i];
        leat_json_begin_object(j, NULL);
        leat_json_int(j, "schema", (int64_t)k->schema);
        if (k->role == LEATI_ROLE_TIME) leat_json_int(j, "parts", k->parts);
        if (k->role == LEATI_ROLE_TOKENS) leat_json_int(j, "tokens", (int64_t)k->tokens);
        if (k->role == LEATI_ROLE_CATEGORY) {
            leat_json_begin_array(j, "levels");
            for (uint32_t l = 0; l < k->levels; l++) leat_json_string(j, NULL, k->level[l]);
            leat_json_end_array(j);
        }
        leat_json_end_object(j);
    }
    leat_json_end_array(j);
    if (e->recipe.tokens.text[0]) {
        leat_json_string(j, "tokens", e->recipe.tokens.text);
        leat_json_begin_array(j, "vocabulary");
        for (uint32_t i = 0; i < e->lexicon.map.count; i++) {
            size_t length;
            const char *token = leati_map_key(&e->lexicon.map, i, &length);
            leat_json_stringn(j, NULL, token, length);
        }
        leat_json_end_array(j);
    }
    leat_json_end_object(j);
}

leat_status leati_encoder_save(leat_context *c, const leati_encoder *e, leati_state *state)
{
    double *fill = LEATI_NEW(c, double, e->count);
    if (!fill) return leat_error_status(c);
    for (size_t i = 0; i < e->count; i++) fill[i] = e->columns[i].fill;
    leat_status st = leati_state_put(state, "encoder.fill", LEATI_F64, fill, e->count, 0);
    leati_free(fill);
    LEATI_TRY(st);
    LEATI_TRY(leati_state_put(state, "encoder.shift", LEATI_F64, e->shift, e->width, 0));
    return leati_state_put(state, "encoder.scale", LEATI_F64, e->scale, e->width, 0);
}

static leat_status damaged(leat_context *c, const char *what)
{
    return LEATI_FAIL(c, LEAT_FORMAT, "damaged model: the preprocessing has no valid %s", what);
}

static leat_status load_levels(leat_context *c, leati_encoder_column *k, const json_t *json)
{
    size_t n = json_array_size(json);
    if (!json_is_array(json) || n > LEATI_LEVELS) return damaged(c, "levels");
    k->level = LEATI_NEW(c, char *, n + 1);
    if (!k->level) return leat_error_status(c);
    for (size_t i = 0; i < n; i++) {
        const char *text = json_string_value(json_array_get(json, i));
        if (!text) return damaged(c, "levels");
        if (i && strcmp(k->level[i - 1], text) >= 0) return damaged(c, "levels");
        k->level[i] = leati_strdup(c, text);
        if (!k->level[i]) return leat_error_status(c);
        k->levels++;
    }
    return LEAT_OK;
}

static leat_status load_columns(leat_context *c, leati_encoder *e, const leati_schema *s,
                                const json_t *json)
{
    size_t n = json_array_size(json);
    if (!json_is_array(json) || n != s->used) return damaged(c, "columns");
    e->columns = LEATI_NEW(c, leati_encoder_column, n + 1);
    if (!e->columns) return leat_error_status(c);
    size_t at = 0;
    for (size_t i = 0; i < n; i++, at++) {
        const json_t *one = json_array_get(json, i);
        while (at < s->count && s->columns[at].role == LEATI_ROLE_LEFT_OUT) at++;
        const json_t *index = json_object_get(one, "schema");
        if (at >= s->count || !json_is_integer(index) ||
            json_integer_value(index) != (json_int_t)at)
            return damaged(c, "columns");
        leati_encoder_column *k = &e->columns[i];
        *k = (leati_encoder_column){.source = i, .schema = at, .role = s->columns[at].role};
        e->count++;
        if (k->role == LEATI_ROLE_CATEGORY)
            LEATI_TRY(load_levels(c, k, json_object_get(one, "levels")));
        if (k->role == LEATI_ROLE_TOKENS) {
            json_int_t tokens = json_integer_value(json_object_get(one, "tokens"));
            if (tokens < 1 || tokens > 1 << 28) return damaged(c, "number of tokens");
            k->tokens = (size_t)tokens;
        }
        if (k->role != LEATI_ROLE_TIME) continue;
        json_int_t parts = json_integer_value(json_object_get(one, "parts"));
        if (parts < 1 || parts > 15) return damaged(c, "parts of a time");
        k->parts = (unsigned)parts;
    }
    return LEAT_OK;
}

/* Layout makes room for every feature, so a file may claim no more of them than it has numbers. */
static leat_status check_width(leat_context *c, const leati_encoder *e, const leati_schema *s,
                               const leati_state *state)
{
    const leati_array_entry *shift = leati_state_find(state, "encoder.shift");
    size_t width = 0;
    for (size_t i = 0; i < e->count; i++) {
        const leati_schema_column *col = &s->columns[e->columns[i].schema];
        if (col->role == LEATI_ROLE_ARRAY) width += col->shape[0] * col->shape[1] * col->shape[2];
        if (col->role == LEATI_ROLE_TOKENS) width += e->columns[i].tokens;
    }
    return shift && width <= shift->count ? LEAT_OK : damaged(c, "numbers");
}

static leat_status load_numbers(leat_context *c, leati_encoder *e, const leati_state *state)
{
    double *fill = NULL;
    leati_free(e->shift);
    leati_free(e->scale);
    e->shift = e->scale = NULL;
    LEATI_TRY(leati_state_get(c, state, "encoder.shift", LEATI_F64, e->width, 0, &e->shift, NULL));
    LEATI_TRY(leati_state_get(c, state, "encoder.scale", LEATI_F64, e->width, 0, &e->scale, NULL));
    LEATI_TRY(leati_state_get(c, state, "encoder.fill", LEATI_F64, e->count, 0, &fill, NULL));
    bool finite = true;
    for (size_t j = 0; j < e->width; j++)
        finite = finite && isfinite(e->shift[j]) && isfinite(e->scale[j]);
    for (size_t i = 0; i < e->count; i++) {
        finite = finite && fabs(fill[i]) < 1e300;
        /* A day count must stay inside the range of times. */
        if (e->columns[i].role == LEATI_ROLE_TIME) finite = finite && fabs(fill[i]) < 1e8;
        e->columns[i].fill = fill[i];
    }
    leati_free(fill);
    return finite ? LEAT_OK : damaged(c, "numbers");
}

static leat_status load_tokens(leat_context *c, leati_encoder *e, const json_t *json)
{
    const json_t *rules = json_object_get(json, "tokens");
    const json_t *list = json_object_get(json, "vocabulary");
    bool needed = false;
    for (size_t i = 0; i < e->count; i++) needed |= e->columns[i].role == LEATI_ROLE_TOKENS;
    if (!rules && !needed) return LEAT_OK;
    const char *text = json_string_value(rules);
    if (!text || !json_is_array(list)) return damaged(c, "vocabulary");
    leat_status st = leati_token_rules_parse(c, text, &e->recipe.tokens);
    if (st == LEAT_OK && json_array_size(list) + LEATI_TOKEN_FIRST > e->recipe.tokens.vocabulary)
        return damaged(c, "vocabulary");
    for (size_t i = 0; i < json_array_size(list) && st == LEAT_OK; i++) {
        const json_t *token = json_array_get(list, i);
        if (!json_is_string(token)) return damaged(c, "vocabulary");
        st = leati_lexicon_add(c, &e->lexicon, json_string_value(token), json_string_length(token));
    }
    if (st == LEAT_OK) return st;
    leati_error_within(c, "damaged model");
    return st == LEAT_NOMEM ? st : LEAT_FORMAT;
}

static leat_status load(leat_context *c, leati_encoder *e, const leati_schema *s,
                        const json_t *json, const leati_state *state)
{
    json_int_t scaling = json_integer_value(json_object_get(json, "scaling"));
    if (!json_is_object(json) || scaling < LEATI_SCALE_NONE || scaling > LEATI_SCALE_ROBUST)
        return damaged(c, "scaling");
    e->recipe = (leati_recipe){.scaling = (leati_scaling)scaling,
                               .fill = json_is_true(json_object_get(json, "fill")),
                               .one_hot = json_is_true(json_object_get(json, "one_hot")),
                               .unit_arrays = json_is_true(json_object_get(json, "unit_arrays")),
                               .f32 = json_is_true(json_object_get(json, "f32"))};
    LEATI_TRY(load_columns(c, e, s, json_object_get(json, "columns")));
    LEATI_TRY(load_tokens(c, e, json));
    LEATI_TRY(check_width(c, e, s, state));
    LEATI_TRY(leati_encoder_layout(c, e, s));
    return load_numbers(c, e, state);
}

leat_status leati_encoder_load(leat_context *c, leati_encoder *e, const leati_schema *s,
                               const struct json_t *json, const leati_state *state)
{
    *e = (leati_encoder){0};
    leat_status st = load(c, e, s, json, state);
    if (st != LEAT_OK) leati_encoder_fini(e);
    return st;
}
