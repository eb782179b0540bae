/* Owns: Shapley values of single answers. Not: where background rows come from (background.c),
 * closed forms (explain_closed.c), nor tables (explain_table.c).
 *
 * The players are the inputs, and the patches of inputs that are images. v(S) is the mean over the
 * background rows z of f(x on S, z elsewhere). Exact: Shapley, "A value for n-person games" (1953),
 * over all subsets. Else orders of the players, each with its reverse and a background row: what a
 * player adds when it joins those before it; every row serves equally often, so that what the
 * contributions add up to has the same base for every row that is explained. */
#include <leat/explain.h>

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/options.h"
#include "base/rng.h"
#include "model/background.h"
#include "model/explain_closed.h"
#include "model/model.h"
#include "model/session_cells.h"

enum {
    EXACT_PLAYERS = 8,
    BACKGROUND = 100,
    MOST_BACKGROUND = 10000,
    SAMPLED = 16384, /* evaluations that are aimed at where not all subsets are asked */
    PATCHES = 7,     /* of an image, each way */
    ROWS = 256,      /* of a session */
    ROW_BYTES = 1 << 20
};

typedef struct player {
    size_t input;
    bool part;
    leati_patch patch;
} player;

struct leat_explainer {
    leat_context *context;
    leat_model *model;
    uint64_t seed;
    leat_session *background, *work; /* work: rows that are asked */
    size_t rows, room, filled;       /* of the background; of work */
    bool padded, probabilities;
    size_t inputs, players, classes;
    player *player;
    size_t pairs;         /* of orders for each background row; 0: all subsets */
    leati_closed *closed; /* NULL: the model has no closed form */

    double **to;                 /* (room): where the answer of a row of work is added */
    const leat_session *session; /* x */
    size_t row;
    size_t class; /* SIZE_MAX: regression */
    double value, base;
    double *v;                    /* exact: (2^players); else (2 players + 1) of one pair */
    double *z;                    /* (rows) answers of the background */
    double *share, *square;       /* (players) contributions; sums of squares */
    double *contribution, *error; /* (inputs) */
    uint32_t *order;              /* (players) */
};

leat_explain_options leat_explain_options_default(void)
{
    return (leat_explain_options){.struct_size = sizeof(leat_explain_options),
                                  .background = BACKGROUND};
}

/* ---- making -----------------------------------------------------------------------------------
 */

static const leati_schema_column *column_of(const leat_explainer *e, size_t input)
{
    return &e->model->schema.columns[e->model->inputs[input]];
}

static void grid_of(const leat_explainer *e, size_t input, size_t *rows, size_t *columns)
{
    const leati_schema_column *col = column_of(e, input);
    bool image = col->role == LEATI_ROLE_ARRAY;
    *rows = !image ? 1 : col->shape[0] < PATCHES ? col->shape[0] : PATCHES;
    *columns = !image ? 1 : col->shape[1] < PATCHES ? col->shape[1] : PATCHES;
}

static leat_status make_players(leat_explainer *e)
{
    size_t rows, columns, n = 0;
    for (size_t i = 0; i < e->inputs; i++) {
        grid_of(e, i, &rows, &columns);
        e->players += rows * columns;
    }
    e->player = LEATI_NEW(e->context, player, e->players + 1);
    if (!e->player) return leat_error_status(e->context);
    for (size_t i = 0; i < e->inputs; i++) {
        const leati_schema_column *col = column_of(e, i);
        grid_of(e, i, &rows, &columns);
        for (size_t k = 0; k < rows * columns; k++) {
            size_t y = k / columns, x = k % columns;
            player *p = &e->player[n++];
            p->input = i;
            p->part = col->role == LEATI_ROLE_ARRAY;
            p->patch =
                (leati_patch){y * col->shape[0] / rows, (y + 1) * col->shape[0] / rows,
                              x * col->shape[1] / columns, (x + 1) * col->shape[1] / columns};
        }
    }
    return LEAT_OK;
}

static leat_status make_room(leat_explainer *e)
{
    leat_context *c = e->context;
    size_t width = e->model->pipeline.encoder.width;
    bool closed = leati_closed_has(e->model);
    size_t subsets = e->pairs ? 2 * e->players + 1 : closed ? 1 : (size_t)1 << e->players;
    e->room = ROWS;
    while (e->room > 1 && e->room * (width + 1) * 2 * sizeof(double) > ROW_BYTES) e->room /= 2;
    e->to = LEATI_NEW(c, double *, e->room);
    e->v = LEATI_NEW(c, double, subsets);
    e->z = LEATI_NEW(c, double, e->rows);
    e->share = LEATI_NEW(c, double, e->players + 1);
    e->square = LEATI_NEW(c, double, e->players + 1);
    e->contribution = LEATI_NEW(c, double, e->inputs + 1);
    e->error = LEATI_NEW(c, double, e->inputs + 1);
    e->order = LEATI_NEW(c, uint32_t, e->players + 1);
    if (!e->to || !e->v || !e->z || !e->share || !e->square || !e->contribution || !e->error ||
        !e->order)
        return leat_error_status(c);
    LEATI_TRY(leat_session_create(c, e->model, e->rows, &e->background));
    LEATI_TRY(leat_session_create(c, e->model, e->room, &e->work));
    LEATI_TRY(leati_background_fill(c, e->background, e->rows, e->seed));
    return closed ? leati_closed_create(c, e->model, e->background, e->rows, &e->closed) : LEAT_OK;
}

static leat_status make(leat_explainer *e, const leat_explain_options *o)
{
    leat_context *c = e->context;
    LEATI_CHECK(c, o->background >= 1 && o->background <= MOST_BACKGROUND, LEAT_INVALID,
                "a background of %u rows: 1 to %d are wanted", o->background, MOST_BACKGROUND);
    e->rows = o->background;
    e->seed = o->seed;
    e->inputs = e->model->input_count;
    e->padded = strcmp(leat_model_estimator(e->model), "network") == 0;
    e->probabilities = leat_model_has_probabilities(e->model);
    e->classes = e->model->schema.task == LEATI_CLASSIFY ? e->model->schema.classes : 0;
    LEATI_TRY(make_players(e));
    if (e->players > EXACT_PLAYERS && !leati_closed_has(e->model)) {
        e->pairs = SAMPLED / (2 * e->players * e->rows);
        if (e->pairs == 0) e->pairs = 1;
    }
    return make_room(e);
}

leat_status leat_explainer_create(leat_context *c, leat_model *model,
                                  const leat_explain_options *options, leat_explainer **out)
{
    leat_explain_options o = leat_explain_options_default();
    *out = NULL;
    LEATI_TRY(LEATI_OPTIONS(c, leat_explain_options, &o, options));
    leat_explainer *e = LEATI_NEW(c, leat_explainer, 1);
    if (!e) return leat_error_status(c);
    e->context = c;
    e->model = leat_model_retain(model);
    leat_status st = make(e, &o);
    if (st == LEAT_OK) *out = e;
    else leat_explainer_destroy(e);
    return st;
}

void leat_explainer_destroy(leat_explainer *e)
{
    if (!e) return;
    leati_closed_destroy(e->closed);
    leat_session_destroy(e->background);
    leat_session_destroy(e->work);
    leati_free(e->player);
    leati_free(e->to);
    leati_free(e->v);
    leati_free(e->z);
    leati_free(e->share);
    leati_free(e->square);
    leati_free(e->contribution);
    leati_free(e->error);
    leati_free(e->order);
    leat_model_release(e->model);
    leati_free(e);
}

/* ---- asking -----------------------------------------------------------------------------------
 */

static double answer_of(const leat_explainer *e, const double *value, const double *proba,
                        size_t row)
{
    if (e->class == SIZE_MAX) return value[row];
    if (proba) return proba[row * e->classes + e->class];
    return (size_t)value[row] == e->class;
}

/* Asks the rows of work that are filled and adds each answer where it belongs. */
static leat_status ask(leat_explainer *e)
{
    size_t rows = e->filled, asked = rows;
    if (rows == 0) return LEAT_OK;
    if (e->padded) { /* networks compile a plan per number of rows */
        for (asked = 1; asked < rows;) asked *= 2;
        if (asked > e->room) asked = e->room;
    }
    e->filled = 0;
    bool before = leati_context_set_made_up(e->context, true);
    leat_status st = leat_session_run(e->work, asked, e->probabilities);
    (void)leati_context_set_made_up(e->context, before);
    LEATI_TRY(st);
    const double *value = leat_session_predictions(e->work),
                 *proba = leat_session_probabilities(e->work);
    for (size_t i = 0; i < rows; i++) *e->to[i] += answer_of(e, value, proba, i);
    return LEAT_OK;
}

/* The next `rows` rows of work are complete, at most as many as there was room for. The answers are
 * added to *to, or to to[0], to[1], ... */
static leat_status next(leat_explainer *e, size_t rows, double *to, bool each)
{
    for (size_t i = 0; i < rows; i++) e->to[e->filled++] = each ? to + i : to;
    return e->filled < e->room ? LEAT_OK : ask(e);
}

static size_t room_for(const leat_explainer *e, size_t rows)
{
    return rows < e->room - e->filled ? rows : e->room - e->filled;
}

/* One player's value in `rows` rows from `at` on of those that are being filled: of x. */
static void put_x(leat_explainer *e, size_t p, size_t at, size_t rows)
{
    const player *k = &e->player[p];
    leati_run run = {e->filled + at, e->row, rows, true};
    if (rows) leati_session_copy(e->work, e->session, k->input, &run, k->part ? &k->patch : NULL);
}

/* The same of background row b; or, `same` false, of b, b + 1, ... */
static void put_z(leat_explainer *e, size_t p, size_t at, size_t rows, size_t b, bool same)
{
    const player *k = &e->player[p];
    leati_run run = {e->filled + at, b, rows, same};
    if (rows)
        leati_session_copy(e->work, e->background, k->input, &run, k->part ? &k->patch : NULL);
}

/* f(x), and what is explained of it. */
static leat_status ask_x(leat_explainer *e)
{
    for (size_t p = 0; p < e->players; p++) put_x(e, p, 0, 1);
    LEATI_TRY(leat_session_run(e->work, 1, e->probabilities));
    const double *value = leat_session_predictions(e->work);
    e->class = e->classes ? (size_t)value[0] : SIZE_MAX;
    e->value = answer_of(e, value, leat_session_probabilities(e->work), 0);
    LEATI_CHECK(e->context, isfinite(e->value), LEAT_INVALID,
                "the answer is not finite, so nothing adds up to it");
    return LEAT_OK;
}

/* ---- all subsets ------------------------------------------------------------------------------
 */

static leat_status ask_subsets(leat_explainer *e)
{
    size_t n = e->players, all = ((size_t)1 << n) - 1;
    memset(e->v, 0, (all + 1) * sizeof *e->v);
    for (size_t s = 0; s < all; s++)
        for (size_t b = 0, rows; b < e->rows; b += rows) {
            rows = room_for(e, e->rows - b);
            for (size_t p = 0; p < n; p++) {
                if (s >> p & 1) put_x(e, p, 0, rows);
                else put_z(e, p, 0, rows, b, false);
            }
            LEATI_TRY(next(e, rows, &e->v[s], false));
        }
    LEATI_TRY(ask(e));
    for (size_t s = 0; s < all; s++) e->v[s] /= (double)e->rows;
    e->v[all] = e->value;
    return LEAT_OK;
}

static void share_subsets(leat_explainer *e)
{
    size_t n = e->players, count = (size_t)1 << n;
    double weight[EXACT_PLAYERS] = {0}; /* |S|! (n - |S| - 1)! / n! */
    for (size_t k = 0; k < n; k++) {
        weight[k] = 1 / (double)n;
        for (size_t i = 1; i <= k; i++) weight[k] *= (double)i / (double)(n - i);
    }
    for (size_t p = 0; p < n; p++) {
        double sum = 0;
        for (size_t s = 0; s < count; s++) {
            if (s >> p & 1) continue;
            size_t size = 0;
            for (size_t q = 0; q < n; q++) size += s >> q & 1;
            sum += weight[size] * (e->v[s | (size_t)1 << p] - e->v[s]);
        }
        e->share[p] = sum;
    }
    e->base = e->v[0];
}

/* ---- orders -----------------------------------------------------------------------------------
 */

/* Rows along an order: the first player known, the first two, ... but not all; v[1] .. v[n - 1]. */
static leat_status ask_order(leat_explainer *e, size_t b, bool reverse, double *v)
{
    size_t n = e->players;
    for (size_t known = 1, rows; known < n; known += rows) {
        rows = room_for(e, n - known);
        for (size_t k = 0; k < n; k++) { /* the player at place k is known from k + 1 on */
            size_t p = e->order[reverse ? n - 1 - k : k];
            size_t unknown = k < known ? 0 : k + 1 - known < rows ? k + 1 - known : rows;
            put_z(e, p, 0, unknown, b, true);
            put_x(e, p, unknown, rows - unknown);
        }
        LEATI_TRY(next(e, rows, &v[known], true));
    }
    return LEAT_OK;
}

/* v: (n + 1) answers along the order. Adds to half[player] what it adds there, half of it. */
static void share_order(const leat_explainer *e, bool reverse, const double *v, double *half)
{
    size_t n = e->players;
    for (size_t k = 0; k < n; k++) {
        double delta = v[k + 1] - v[k];
        half[e->order[reverse ? n - 1 - k : k]] += delta / 2;
    }
}

static leat_status ask_background(leat_explainer *e)
{
    memset(e->z, 0, e->rows * sizeof *e->z);
    for (size_t b = 0, rows; b < e->rows; b += rows) {
        rows = room_for(e, e->rows - b);
        for (size_t p = 0; p < e->players; p++) put_z(e, p, 0, rows, b, false);
        LEATI_TRY(next(e, rows, &e->z[b], true));
    }
    LEATI_TRY(ask(e));
    double sum = 0;
    for (size_t b = 0; b < e->rows; b++) sum += e->z[b];
    e->base = sum / (double)e->rows;
    return LEAT_OK;
}

static leat_status ask_pair(leat_explainer *e, size_t b, size_t turn, double *half)
{
    size_t n = e->players;
    double *forth = e->v, *back = e->v + n;
    leati_rng rng;
    leati_rng_init(&rng, e->seed, LEATI_RNG_PERMUTE, (uint32_t)(b * e->pairs + turn));
    for (size_t p = 0; p < n; p++) e->order[p] = (uint32_t)p;
    leati_rng_shuffle(&rng, e->order, n);
    memset(e->v, 0, (2 * n + 1) * sizeof *e->v);
    LEATI_TRY(ask_order(e, b, false, forth));
    LEATI_TRY(ask_order(e, b, true, back));
    LEATI_TRY(ask(e));
    /* The ends of both are known; forth ends where back begins. */
    forth[0] = e->z[b];
    forth[n] = e->value;
    memset(half, 0, n * sizeof *half);
    share_order(e, false, forth, half);
    back[0] = e->z[b];
    back[n] = e->value;
    share_order(e, true, back, half);
    return LEAT_OK;
}

static leat_status ask_orders(leat_explainer *e)
{
    size_t n = e->players, m = e->rows * e->pairs;
    double *half = LEATI_NEW(e->context, double, n);
    leat_status st = half ? ask_background(e) : leat_error_status(e->context);
    memset(e->share, 0, n * sizeof *e->share);
    memset(e->square, 0, n * sizeof *e->square);
    for (size_t i = 0; i < m && st == LEAT_OK; i++) {
        st = ask_pair(e, i % e->rows, i / e->rows, half);
        for (size_t p = 0; p < n && st == LEAT_OK; p++) { /* Welford */
            double off = half[p] - e->share[p];
            e->share[p] += off / (double)(i + 1);
            e->square[p] += off * (half[p] - e->share[p]);
        }
    }
    leati_free(half);
    return st;
}

/* ---- results ----------------------------------------------------------------------------------
 */

static void sum_inputs(leat_explainer *e)
{
    double m = (double)(e->rows * e->pairs);
    memset(e->contribution, 0, e->inputs * sizeof *e->contribution);
    for (size_t p = 0; p < e->players; p++) {
        size_t i = e->player[p].input;
        e->contribution[i] += e->share[p];
        e->error[i] = e->player[p].part || m < 2 ? (double)NAN : sqrt(e->square[p] / (m - 1) / m);
    }
}

leat_status leat_explainer_run(leat_explainer *e, const leat_session *session, size_t row)
{
    LEATI_CHECK(e->context, leati_session_model(session) == e->model, LEAT_INVALID,
                "the session is of another model");
    LEATI_CHECK(e->context, row < leati_session_rows(session), LEAT_INVALID,
                "row %zu: the session has %zu", row, leati_session_rows(session));
    e->session = session;
    e->row = row;
    e->filled = 0;
    LEATI_TRY(ask_x(e));
    if (e->closed) {
        LEATI_TRY(leati_closed_run(e->closed, e->work, e->class, e->share, &e->base));
    } else if (e->pairs) {
        LEATI_TRY(ask_orders(e));
    } else {
        LEATI_TRY(ask_subsets(e));
        share_subsets(e);
    }
    sum_inputs(e);
    return LEAT_OK;
}

uint64_t leat_explainer_evaluations(const leat_explainer *e)
{
    uint64_t rows = e->rows, n = e->players;
    if (e->closed) return leati_closed_evaluations(e->closed);
    if (!e->pairs) return 1 + rows * ((UINT64_C(1) << n) - 1);
    return 1 + rows + rows * e->pairs * 2 * (n - 1);
}

const char *leat_explainer_method(const leat_explainer *e)
{
    return e->closed  ? "Shapley values, closed form"
           : e->pairs ? "Shapley values, sampled orders"
                      : "Shapley values, all subsets";
}

bool leat_explainer_is_exact(const leat_explainer *e)
{
    return e->pairs == 0;
}

uint32_t leat_explainer_background(const leat_explainer *e)
{
    return (uint32_t)e->rows;
}

double leat_explainer_value(const leat_explainer *e)
{
    return e->value;
}

double leat_explainer_base(const leat_explainer *e)
{
    return e->base;
}

size_t leat_explainer_class(const leat_explainer *e)
{
    return e->class;
}

const double *leat_explainer_contributions(const leat_explainer *e)
{
    return e->contribution;
}

const double *leat_explainer_errors(const leat_explainer *e)
{
    return e->pairs ? e->error : NULL;
}

const double *leat_explainer_patches(const leat_explainer *e, size_t input, size_t *rows,
                                     size_t *columns)
{
    *rows = *columns = 0;
    if (input >= e->inputs || column_of(e, input)->role != LEATI_ROLE_ARRAY) return NULL;
    grid_of(e, input, rows, columns);
    for (size_t p = 0; p < e->players; p++)
        if (e->player[p].input == input) return e->share + p;
    return NULL;
}
