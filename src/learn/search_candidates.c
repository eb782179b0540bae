/* Owns: candidates of a search: every combination of a grid, or random draws. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/rng.h"
#include "base/str.h"
#include "learn/search.h"

static const char *const kinds[] = {"none", "grid", "random", "halving"};

leat_status leati_search_parse(leat_context *c, leati_search_spec *out, const char *text)
{
    size_t n = strcspn(text, ":");
    *out = (leati_search_spec){.factor = 3};
    for (int k = 0; k < 4; k++) {
        if (strlen(kinds[k]) != n || memcmp(kinds[k], text, n) != 0) continue;
        out->kind = (leati_search_kind)k;
        bool takes = k == LEATI_SEARCH_RANDOM || k == LEATI_SEARCH_HALVING;
        if (k == LEATI_SEARCH_RANDOM) out->draws = 50;
        if (!text[n]) return LEAT_OK;
        int64_t draws;
        if (takes && leati_int_parse(text + n + 1, strlen(text + n + 1), &draws) && draws >= 1 &&
            draws <= LEATI_MOST_CANDIDATES) {
            out->draws = (uint32_t)draws;
            return LEAT_OK;
        }
    }
    LEATI_FAIL(c, LEAT_INVALID, "there is no search '%s'", text);
    return leati_error_hint(c, "allowed: none, grid, random:50, halving, halving:50 (with the "
                               "number of candidates, at most 1,000,000)");
}

size_t leati_search_text(const leati_search_spec *s, char *out, size_t size)
{
    int n = s->draws ? snprintf(out, size, "%s:%u", kinds[s->kind], s->draws)
                     : snprintf(out, size, "%s", kinds[s->kind]);
    return n > 0 ? (size_t)n : 0;
}

/* All candidates live in one arena. */
typedef struct builder {
    leat_context *c;
    const leati_space *space;
    leati_candidates *out;
    leati_arena *arena;
    size_t capacity;
} builder;

static leat_status add_candidate(builder *b, leati_assignment **set)
{
    size_t axes = b->space->count;
    LEATI_TRY(leati_grow(b->c, &b->out->at, &b->capacity, b->out->count + 1, sizeof *b->out->at));
    leati_assignment *a = leati_arena_alloc(b->arena, (axes ? axes : 1) * sizeof *a);
    if (!a) return leat_error_status(b->c);
    b->out->at[b->out->count++] = (leati_candidate){a, axes};
    *set = a;
    return LEAT_OK;
}

/* The texts belong to the candidates, which may outlive the space. */
static const char *keep(builder *b, const char *text)
{
    return leati_arena_strdup(b->arena, text);
}

/* Combinations of all grids, or SIZE_MAX when there are too many to count. */
static size_t grid_size(const leati_space *s)
{
    size_t size = 1;
    for (size_t i = 0; i < s->count; i++)
        if (leati_mul_overflows(size, s->axis[i].count, &size)) return SIZE_MAX;
    return size;
}

static leat_status make_grid(builder *b)
{
    const leati_space *s = b->space;
    size_t size = grid_size(s);
    if (size > LEATI_MOST_CANDIDATES) {
        LEATI_FAIL(b->c, LEAT_LIMIT, "the grid has more than %d combinations",
                   LEATI_MOST_CANDIDATES);
        return leati_error_hint(b->c, "name fewer values, or draw from it: --search random:50");
    }
    for (size_t i = 0; i < size; i++) {
        leati_assignment *set;
        LEATI_TRY(add_candidate(b, &set));
        size_t rest = i;
        for (size_t a = s->count; a-- > 0; rest /= s->axis[a].count) {
            set[a].name = keep(b, s->axis[a].name);
            set[a].value = keep(b, s->axis[a].value[rest % s->axis[a].count]);
            if (!set[a].name || !set[a].value) return leat_error_status(b->c);
        }
    }
    return LEAT_OK;
}

static void draw(const leati_axis *a, leati_rng *r, char out[LEATI_NUM_SIZE], const char **text)
{
    double u, x = 0;
    *text = out;
    switch (a->kind) {
    case LEATI_AXIS_LIST: *text = a->value[leati_rng_below(r, (uint32_t)a->count)]; return;
    case LEATI_AXIS_INT:
        snprintf(out, LEATI_NUM_SIZE, "%.0f",
                 a->low + leati_rng_below(r, (uint32_t)(a->high - a->low + 1)));
        return;
    case LEATI_AXIS_REAL:
        u = leati_rng_uniform(r);
        x = a->low + u * (a->high - a->low);
        break;
    case LEATI_AXIS_LOG:
        u = leati_rng_uniform(r);
        x = exp(log(a->low) + u * (log(a->high) - log(a->low)));
        break;
    }
    /* Six digits say all that matters and read better in a report. */
    double rounded;
    size_t n = (size_t)snprintf(out, LEATI_NUM_SIZE, "%.6g", x);
    if (!leati_num_parse(out, leati_num_dot(out, n), &rounded)) rounded = x;
    rounded = rounded < a->low ? a->low : rounded > a->high ? a->high : rounded;
    leati_num_format(rounded, out);
}

static bool all_lists(const leati_space *s)
{
    for (size_t i = 0; i < s->count; i++)
        if (s->axis[i].kind != LEATI_AXIS_LIST) return false;
    return true;
}

/* Values of one draw joined into a key, so that no candidate comes twice. */
static leat_status draw_candidate(builder *b, leati_rng *r, leati_map *seen, leati_str *key,
                                  bool *fresh)
{
    const leati_space *s = b->space;
    char number[LEATI_NUM_SIZE];
    const char *text;
    leati_str_clear(key);
    for (size_t a = 0; a < s->count; a++) {
        draw(&s->axis[a], r, number, &text);
        leati_str_addn(key, text, strlen(text) + 1);
    }
    LEATI_TRY(leati_str_status(key));
    size_t before = seen->count;
    if (leati_map_put(seen, leati_str_text(key), key->length) == LEATI_MAP_NONE)
        return leat_error_status(b->c);
    *fresh = seen->count > before;
    if (!*fresh) return LEAT_OK;
    leati_assignment *set;
    LEATI_TRY(add_candidate(b, &set));
    const char *at = leati_str_text(key);
    for (size_t a = 0; a < s->count; a++, at += strlen(at) + 1) {
        set[a].name = keep(b, s->axis[a].name);
        set[a].value = keep(b, at);
        if (!set[a].name || !set[a].value) return leat_error_status(b->c);
    }
    return LEAT_OK;
}

static leat_status make_random(builder *b, uint32_t draws, uint64_t seed)
{
    if (all_lists(b->space) && grid_size(b->space) <= draws) return make_grid(b);
    leati_map seen;
    leati_str key;
    leati_rng r;
    leat_status st = LEAT_OK;
    leati_map_init(&seen, b->c);
    leati_str_init(&key, b->c);
    leati_rng_init(&r, seed, LEATI_RNG_SEARCH, 0);
    /* A narrow whole-number range may hold fewer distinct candidates than are asked for. */
    for (uint32_t stale = 0; b->out->count < draws && stale < 1000 && st == LEAT_OK;) {
        bool fresh = false;
        st = draw_candidate(b, &r, &seen, &key, &fresh);
        stale = fresh ? 0 : stale + 1;
    }
    leati_map_fini(&seen);
    leati_str_fini(&key);
    return st;
}

leat_status leati_candidates_make(leat_context *c, leati_candidates *out, const leati_space *space,
                                  const leati_search_spec *spec, uint64_t seed)
{
    *out = (leati_candidates){0};
    leati_arena *arena = LEATI_NEW(c, leati_arena, 1);
    if (!arena) return leat_error_status(c);
    leati_arena_init(arena, c);
    out->memory = arena;
    static const leati_space none = {0};
    builder b = {c, spec->kind == LEATI_SEARCH_NONE ? &none : space, out, arena, 0};
    bool random = spec->kind == LEATI_SEARCH_RANDOM ||
                  (spec->kind == LEATI_SEARCH_HALVING && spec->draws > 0);
    leat_status st = random ? make_random(&b, spec->draws, seed) : make_grid(&b);
    if (st != LEAT_OK) leati_candidates_fini(out);
    return st;
}

void leati_candidates_fini(leati_candidates *x)
{
    if (x->memory) leati_arena_fini(x->memory);
    leati_free(x->memory);
    leati_free(x->at);
    *x = (leati_candidates){0};
}
