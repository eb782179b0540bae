/* Owns: learning fills, levels and scales from training rows, and applying them. The file form is
 * in encoder_io.c. */
#include "learn/encoder.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/pool.h"
#include "base/str.h"
#include "kernel/sort.h"
#include "learn/estimator.h"
#include "learn/stats_sum.h"

/* Single precision from so many cells on: below, double costs nothing that a person notices. */
enum { F32_CELLS = 4000000 };

static bool only_narrow_arrays(const leati_schema *s)
{
    for (size_t i = 0; i < s->count; i++) {
        const leati_schema_column *col = &s->columns[i];
        if (col->role == LEATI_ROLE_LEFT_OUT || col->role == LEATI_ROLE_TOKENS) continue;
        if (col->role != LEATI_ROLE_ARRAY || col->item == LEATI_ITEM_F64) return false;
    }
    return true;
}

static size_t features_of(const leati_schema *s)
{
    size_t n = 0;
    for (size_t i = 0; i < s->count; i++) {
        const leati_schema_column *col = &s->columns[i];
        bool array = col->role == LEATI_ROLE_ARRAY;
        if (array) n += col->shape[0] * col->shape[1] * col->shape[2];
        else if (col->role == LEATI_ROLE_TOKENS) n += s->tokens.length;
        else n += col->role != LEATI_ROLE_LEFT_OUT;
    }
    return n;
}

leat_status leati_recipe_for(leat_context *c, leati_recipe *out, const char *mode, unsigned traits,
                             const leati_schema *s, size_t rows)
{
    static const char *const modes[] = {"auto", "none", "standard", "minmax", "robust"};
    int m = 0;
    while (m < 5 && strcmp(mode, modes[m]) != 0) m++;
    LEATI_CHECK(c, m < 5, LEAT_INVALID,
                "--preprocess cannot be '%s'; it takes auto, none, standard, minmax or robust",
                mode);
    bool automatic = m == 0, none = m == 1;
    *out = (leati_recipe){
        .fill = !none, .one_hot = true, .unit_arrays = automatic, .tokens = s->tokens};
    if (m == 2) out->scaling = LEATI_SCALE_STANDARD;
    if (m == 3) out->scaling = LEATI_SCALE_MINMAX;
    if (m == 4) out->scaling = LEATI_SCALE_ROBUST;
    if (automatic) {
        out->fill = !(traits & LEATI_TAKES_MISSING);
        if (traits & LEATI_WANTS_SCALING) out->scaling = LEATI_SCALE_STANDARD;
        if (traits & LEATI_NOT_NEGATIVE) out->scaling = LEATI_SCALE_MINMAX;
    }
    if (automatic || none) out->one_hot = !(traits & LEATI_TAKES_CATEGORIES);
    out->f32 =
        traits & LEATI_WANTS_F32 && (only_narrow_arrays(s) || rows * features_of(s) >= F32_CELLS);
    return LEAT_OK;
}

void leati_recipe_text(const leati_recipe *r, const leati_schema *s, char *out, size_t size)
{
    static const char *const scalings[] = {NULL, "standardised", "scaled to 0..1",
                                           "scaled by median and quartiles"};
    bool missing = false, categories = false, bytes = false, numbers = false, tokens = false;
    for (size_t i = 0; i < s->count; i++) {
        const leati_schema_column *col = &s->columns[i];
        bool number = col->role == LEATI_ROLE_NUMBER || col->role == LEATI_ROLE_TIME;
        numbers |= number;
        missing |= number && col->missing;
        categories |= col->role == LEATI_ROLE_CATEGORY;
        tokens |= col->role == LEATI_ROLE_TOKENS;
        bytes |= col->role == LEATI_ROLE_ARRAY && col->item == LEATI_ITEM_U8;
    }
    const char *parts[5];
    int n = 0;
    if (missing && r->fill) parts[n++] = "median fill";
    if (categories) parts[n++] = r->one_hot ? "one-hot" : "native categories";
    if (bytes && r->unit_arrays) parts[n++] = "bytes / 255";
    if (tokens) parts[n++] = r->tokens.words ? "words numbered" : "characters numbered";
    if (scalings[r->scaling] && numbers) parts[n++] = scalings[r->scaling];
    snprintf(out, size, "%s", n ? "" : "as it is");
    for (int i = 0; i < n; i++) {
        size_t used = strlen(out);
        if (used < size) snprintf(out + used, size - used, "%s%s", i ? ", " : "", parts[i]);
    }
}

void leati_encoder_fini(leati_encoder *e)
{
    for (size_t i = 0; e->columns && i < e->count; i++) {
        for (uint32_t k = 0; e->columns[i].level && k < e->columns[i].levels; k++)
            leati_free(e->columns[i].level[k]);
        leati_free(e->columns[i].level);
    }
    for (size_t j = 0; e->features && j < e->width; j++)
        leati_free((char *)(uintptr_t)e->features[j].name);
    leati_free(e->columns);
    leati_free(e->features);
    leati_free(e->shift);
    leati_free(e->scale);
    leati_lexicon_fini(&e->lexicon);
    *e = (leati_encoder){0};
}

/* --- reading cells ---------------------------------------------------------------------------- */

static double number_at(const leati_column *col, size_t row)
{
    if (!leati_valid(col, row)) return (double)NAN;
    if (col->type == LEAT_F64) return col->f64[row];
    return col->type == LEAT_BOOL ? (double)col->u8[row] : (double)col->i64[row];
}

static double item_at(const leati_column *col, size_t row, size_t k)
{
    size_t at = row * col->length + k;
    switch (col->item) {
    case LEATI_ITEM_U8: return col->u8[at];
    case LEATI_ITEM_F32: return (double)col->f32[at];
    default: return col->f64[at];
    }
}

/* Days since 1970 to the month 0..11 of the Gregorian calendar (Hinnant, "chrono-compatible
 * low-level date algorithms", civil_from_days). */
static int month_of(int64_t days)
{
    int64_t z = days + 719468, era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), m = (5 * doy + 2) / 153;
    return (int)(m < 10 ? m + 2 : m - 10);
}

static double time_part(int64_t microseconds, unsigned part)
{
    const int64_t day = INT64_C(86400000000);
    int64_t days = microseconds / day - (microseconds % day < 0);
    int64_t within = microseconds - days * day;
    switch (part) {
    case LEATI_DAYS: return (double)days + (double)within / (double)day;
    case LEATI_MONTH: return month_of(days);
    case LEATI_WEEKDAY: return (double)(((days + 3) % 7 + 7) % 7);
    default: return (double)(within / INT64_C(3600000000));
    }
}

static double time_at(const leati_column *col, size_t row, unsigned part)
{
    return leati_valid(col, row) ? time_part(col->i64[row], part) : (double)NAN;
}

/* --- learning --------------------------------------------------------------------------------- */

typedef struct level_count {
    const char *text;
    size_t length, count;
} level_count;

static int more_frequent(const void *a, const void *b)
{
    const level_count *x = a, *y = b;
    if (x->count != y->count) return x->count < y->count ? 1 : -1;
    return strcmp(x->text, y->text);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(((const level_count *)a)->text, ((const level_count *)b)->text);
}

static leat_status learn_levels(leat_context *c, leati_encoder_column *out, const leati_column *col,
                                const uint32_t *rows, size_t count)
{
    size_t entries = col->dict ? col->dict->count : 0, present = 0;
    level_count *all = LEATI_NEW(c, level_count, entries + 1);
    if (!all) return leat_error_status(c);
    for (size_t i = 0; i < count; i++)
        if (leati_valid(col, rows[i])) all[col->codes[rows[i]]].count++;
    for (uint32_t k = 0; k < entries; k++) {
        if (!all[k].count) continue;
        all[present] = (level_count){.count = all[k].count};
        all[present].text = leati_dict_text(col->dict, k, &all[present].length);
        present++;
    }
    qsort(all, present, sizeof *all, more_frequent);
    if (present > LEATI_LEVELS) present = LEATI_LEVELS;
    qsort(all, present, sizeof *all, by_text);
    out->level = LEATI_NEW(c, char *, present + 1);
    leat_status st = out->level ? LEAT_OK : leat_error_status(c);
    for (size_t k = 0; k < present && st == LEAT_OK; k++) {
        out->level[k] = leati_strndup(c, all[k].text, all[k].length);
        if (out->level[k]) out->levels++;
        else st = leat_error_status(c);
    }
    leati_free(all);
    return st;
}

static unsigned learn_parts(const leati_column *col, const uint32_t *rows, size_t count)
{
    unsigned parts = LEATI_DAYS;
    for (unsigned part = LEATI_MONTH; part <= LEATI_HOUR; part <<= 1) {
        double first = (double)NAN;
        for (size_t i = 0; i < count && !(parts & part); i++) {
            double v = time_at(col, rows[i], part);
            if (isnan(first)) first = v;
            else if (!isnan(v) && v != first) parts |= part;
        }
    }
    return parts;
}

static leat_status median_of(leat_context *c, const leati_column *col, const uint32_t *rows,
                             size_t count, double *out)
{
    double *values = leati_array(c, count, sizeof *values);
    if (!values) return leat_error_status(c);
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        bool time = col->type == LEAT_TIME;
        double v = time ? time_at(col, rows[i], LEATI_DAYS) : number_at(col, rows[i]);
        if (!isnan(v)) values[n++] = v;
    }
    leat_status st = leati_sort_f64(c, values, n);
    *out = n && st == LEAT_OK ? leati_quantile_sorted(values, n, 0.5) : 0;
    leati_free(values);
    return st;
}

/* The vocabulary of all columns of sequences, and how long their texts are. */
static leat_status learn_tokens(leat_context *c, leati_encoder *e, const leat_frame *f,
                                const uint32_t *rows, size_t count)
{
    const leati_token_rules *r = &e->recipe.tokens;
    leati_token_counts counts;
    leati_token_counts_init(&counts, c);
    leat_status st = LEAT_OK;
    for (size_t n = 0; n < e->count; n++) {
        leati_encoder_column *k = &e->columns[n];
        const leati_column *col = f->column[k->source];
        if (k->role != LEATI_ROLE_TOKENS) continue;
        counts.longest = 1; /* a text of no token is one missing token */
        for (size_t i = 0; i < count; i++) {
            size_t length;
            if (!leati_valid(col, rows[i])) continue;
            const char *text = leati_dict_text(col->dict, col->codes[rows[i]], &length);
            LEATI_GO(leati_token_counts_add(&counts, r, text, length));
        }
        k->tokens = r->length ? r->length : counts.longest;
    }
    st = leati_lexicon_learn(c, &e->lexicon, r, &counts);
out:
    leati_token_counts_fini(&counts);
    return st;
}

/* Features that a column takes. A category of two levels needs one. */
static size_t width_of(const leati_encoder *e, const leati_encoder_column *k,
                       const leati_schema_column *col)
{
    switch (k->role) {
    case LEATI_ROLE_ARRAY: return col->shape[0] * col->shape[1] * col->shape[2];
    case LEATI_ROLE_TIME: return (size_t)__builtin_popcount(k->parts);
    case LEATI_ROLE_TOKENS: return k->tokens;
    case LEATI_ROLE_CATEGORY:
        if (!e->recipe.one_hot) return 1;
        return k->levels <= 2 ? 1 : k->levels;
    default: return 1;
    }
}

static const char *const part_names[] = {"days", "month", "weekday", "hour"};

static leat_status name_features(leat_context *c, leati_encoder *e, const leati_encoder_column *k,
                                 const leati_schema_column *col)
{
    unsigned parts = k->parts;
    for (size_t i = 0; i < k->width; i++) {
        leati_feature *f = &e->features[k->first + i];
        leati_str s;
        leati_str_init(&s, c);
        leati_str_add(&s, col->name);
        if (k->role == LEATI_ROLE_ARRAY)
            leati_str_addf(&s, "[%zu,%zu,%zu]", i / (col->shape[1] * col->shape[2]),
                           i / col->shape[2] % col->shape[1], i % col->shape[2]);
        if (k->role == LEATI_ROLE_TOKENS) leati_str_addf(&s, "[%zu]", i);
        if (k->role == LEATI_ROLE_CATEGORY && e->recipe.one_hot && k->levels)
            leati_str_addf(&s, "=%s", k->level[k->levels <= 2 ? k->levels - 1 : i]);
        if (k->role == LEATI_ROLE_TIME) {
            leati_str_addf(&s, ".%s", part_names[__builtin_ctz(parts)]);
            parts &= parts - 1;
        }
        /* Level numbers, the last one for what is rare. */
        if (k->role == LEATI_ROLE_CATEGORY && !e->recipe.one_hot) f->levels = k->levels + 1;
        if (!(f->name = leati_str_take(&s))) return leat_error_status(c);
    }
    return LEAT_OK;
}

leat_status leati_encoder_layout(leat_context *c, leati_encoder *e, const leati_schema *s)
{
    size_t width = 0;
    for (size_t i = 0; i < e->count; i++) {
        leati_encoder_column *k = &e->columns[i];
        k->first = width;
        k->width = width_of(e, k, &s->columns[k->schema]);
        LEATI_CHECK(c, !leati_add_overflows(width, k->width, &width) && width < 1u << 28,
                    LEAT_LIMIT, "more than 268 million features");
    }
    e->features = LEATI_NEW(c, leati_feature, width + 1);
    e->shift = LEATI_NEW(c, double, width + 1);
    e->scale = LEATI_NEW(c, double, width + 1);
    if (!e->features || !e->shift || !e->scale) return leat_error_status(c);
    e->width = width;
    for (size_t j = 0; j < width; j++) e->scale[j] = 1;
    for (size_t i = 0; i < e->count; i++)
        LEATI_TRY(name_features(c, e, &e->columns[i], &s->columns[e->columns[i].schema]));
    return LEAT_OK;
}

/* Shift and scale of one feature from its filled training values (values is changed). */
static leat_status learn_scale(leat_context *c, leati_encoder *e, size_t feature, double *values,
                               size_t count)
{
    double shift = 0, spread = 1;
    size_t n = 0;
    for (size_t i = 0; i < count; i++)
        if (!isnan(values[i])) values[n++] = values[i];
    if (n == 0) return LEAT_OK;
    if (e->recipe.scaling == LEATI_SCALE_STANDARD) {
        double sum = 0, squares = 0, most = 0;
        for (size_t i = 0; i < n; i++) sum += values[i];
        shift = sum / (double)n;
        for (size_t i = 0; i < n; i++) most = fmax(most, fabs(values[i] - shift));
        double unit = leati_unit_of(most); /* squares of 1e200 have no room, nor of 1e-200 */
        for (size_t i = 0; i < n; i++) {
            double d = (values[i] - shift) / unit;
            squares += d * d;
        }
        spread = unit * sqrt(squares / (double)n);
        /* Constant up to rounding, as scikit-learn's StandardScaler decides. */
        if (spread <= 10 * 0x1p-52 * fabs(shift)) spread = 1;
    } else {
        LEATI_TRY(leati_sort_f64(c, values, n));
        bool robust = e->recipe.scaling == LEATI_SCALE_ROBUST;
        shift = robust ? leati_quantile_sorted(values, n, 0.5) : values[0];
        spread =
            robust ? leati_quantile_sorted(values, n, 0.75) - leati_quantile_sorted(values, n, 0.25)
                   : values[n - 1] - values[0];
    }
    e->shift[feature] = shift;
    bool usable = spread > 0 && isfinite(spread) && isfinite(1 / spread);
    e->scale[feature] = usable ? 1 / spread : 1;
    return LEAT_OK;
}

static leat_status learn_scales(leat_context *c, leati_encoder *e, const leati_encoder_column *k,
                                const leati_column *col, const uint32_t *rows, size_t count)
{
    double *values = leati_array(c, count, sizeof *values);
    if (!values) return leat_error_status(c);
    leat_status st = LEAT_OK;
    unsigned parts = k->parts;
    for (size_t w = 0; w < k->width && st == LEAT_OK; w++) {
        unsigned part = parts & -parts;
        parts &= parts - 1;
        for (size_t i = 0; i < count; i++) {
            if (k->role == LEATI_ROLE_ARRAY) values[i] = item_at(col, rows[i], w);
            else if (k->role == LEATI_ROLE_TIME) values[i] = time_at(col, rows[i], part);
            else values[i] = number_at(col, rows[i]);
            if (isnan(values[i]) && e->recipe.fill && (w == 0 || k->role != LEATI_ROLE_TIME))
                values[i] = k->fill;
        }
        st = learn_scale(c, e, k->first + w, values, count);
    }
    leati_free(values);
    return st;
}

static leat_status fit_columns(leat_context *c, leati_encoder *e, const leati_schema *s,
                               const leat_frame *f, const uint32_t *rows, size_t count)
{
    e->columns = LEATI_NEW(c, leati_encoder_column, f->columns + 1);
    if (!e->columns) return leat_error_status(c);
    for (size_t i = 0; i < s->count; i++) {
        if (s->columns[i].role == LEATI_ROLE_LEFT_OUT) continue;
        leati_encoder_column *k = &e->columns[e->count];
        const leati_column *col = f->column[e->count];
        *k = (leati_encoder_column){.source = e->count, .schema = i, .role = s->columns[i].role};
        e->count++;
        bool number = k->role == LEATI_ROLE_NUMBER || k->role == LEATI_ROLE_TIME;
        if (k->role == LEATI_ROLE_CATEGORY) LEATI_TRY(learn_levels(c, k, col, rows, count));
        if (k->role == LEATI_ROLE_TIME) k->parts = learn_parts(col, rows, count);
        if (number && e->recipe.fill) LEATI_TRY(median_of(c, col, rows, count, &k->fill));
    }
    if (e->recipe.tokens.text[0]) LEATI_TRY(learn_tokens(c, e, f, rows, count));
    LEATI_TRY(leati_encoder_layout(c, e, s));
    for (size_t i = 0; i < e->count; i++) {
        const leati_encoder_column *k = &e->columns[i];
        const leati_column *col = f->column[k->source];
        bool bytes = k->role == LEATI_ROLE_ARRAY && col->item == LEATI_ITEM_U8;
        for (size_t w = 0; bytes && e->recipe.unit_arrays && w < k->width; w++)
            e->scale[k->first + w] = 1.0 / 255;
        bool automatic_array = k->role == LEATI_ROLE_ARRAY && e->recipe.unit_arrays;
        if (e->recipe.scaling == LEATI_SCALE_NONE || automatic_array ||
            k->role == LEATI_ROLE_CATEGORY || k->role == LEATI_ROLE_TOKENS)
            continue;
        LEATI_TRY(learn_scales(c, e, k, col, rows, count));
    }
    return LEAT_OK;
}

leat_status leati_encoder_fit(leat_context *c, leati_encoder *e, const leati_recipe *recipe,
                              const leati_schema *s, const leat_frame *f, const uint32_t *rows,
                              size_t count)
{
    *e = (leati_encoder){.recipe = *recipe};
    leat_status st = fit_columns(c, e, s, f, rows, count);
    if (st != LEAT_OK) leati_encoder_fini(e);
    return st;
}

void leati_encoder_image(const leati_encoder *e, const leati_schema *s, size_t shape[3])
{
    if (e->count != 1 || e->columns[0].role != LEATI_ROLE_ARRAY) return;
    const size_t *of = s->columns[e->columns[0].schema].shape;
    if (of[0] > 1 && of[1] > 1) memcpy(shape, of, 3 * sizeof *shape);
}

size_t leati_encoder_tokens(const leati_encoder *e)
{
    for (size_t n = 0; n < e->count; n++)
        if (e->columns[n].role != LEATI_ROLE_TOKENS) return 0;
    return e->count ? e->lexicon.map.count + LEATI_TOKEN_FIRST : 0;
}

/* --- applying --------------------------------------------------------------------------------- */

typedef struct apply {
    const leati_encoder *e;
    const leat_frame *f;
    const uint32_t *rows;
    uint32_t *const *level_of; /* per column: dictionary code to level, or NULL */
    size_t count, tasks;
    float *f32;
    double *f64;
} apply;

static void put(const apply *a, size_t i, size_t feature, double value)
{
    const leati_encoder *e = a->e;
    double v = (value - e->shift[feature]) * e->scale[feature];
    if (a->f64) a->f64[i * e->width + feature] = v;
    else a->f32[i * e->width + feature] = (float)v;
}

static void put_category(const apply *a, const leati_encoder_column *k, const leati_column *col,
                         size_t i, const uint32_t *level_of)
{
    size_t row = a->rows[i];
    uint32_t level = leati_valid(col, row) ? level_of[col->codes[row]] : UINT32_MAX;
    if (!a->e->recipe.one_hot) {
        bool valid = leati_valid(col, row);
        double value = level < k->levels ? level : valid ? k->levels : (double)NAN;
        put(a, i, k->first, value);
        return;
    }
    if (k->width == 1) {
        put(a, i, k->first, k->levels && level == k->levels - 1);
        return;
    }
    for (size_t w = 0; w < k->width; w++) put(a, i, k->first + w, level == w);
}

static void put_array(const apply *a, const leati_encoder_column *k, const leati_column *col,
                      size_t i)
{
    const leati_encoder *e = a->e;
    size_t at = a->rows[i] * col->length;
    const double *shift = e->shift + k->first, *scale = e->scale + k->first;
    if (a->f32 && col->item == LEATI_ITEM_U8) {
        float *to = a->f32 + i * e->width + k->first;
        for (size_t w = 0; w < k->width; w++)
            to[w] = (float)(((double)col->u8[at + w] - shift[w]) * scale[w]);
        return;
    }
    for (size_t w = 0; w < k->width; w++) put(a, i, k->first + w, item_at(col, a->rows[i], w));
}

static void put_tokens(const apply *a, const leati_encoder_column *k, const leati_column *col,
                       size_t i, const uint32_t *ids)
{
    const leati_encoder *e = a->e;
    size_t row = a->rows[i];
    if (!leati_valid(col, row)) {
        for (size_t w = 0; w < k->width; w++) put(a, i, k->first + w, LEATI_TOKEN_MISSING);
    } else if (ids) {
        ids += col->codes[row] * k->width;
        for (size_t w = 0; w < k->width; w++) put(a, i, k->first + w, ids[w]);
    } else {
        size_t length, n, at = 0, w = 0;
        const char *text = leati_dict_text(col->dict, col->codes[row], &length);
        bool words = e->recipe.tokens.words, lower = e->recipe.tokens.lower;
        for (; w < k->width && (n = leati_token_next(words, text, length, &at)); at += n)
            put(a, i, k->first + w++, leati_lexicon_find(&e->lexicon, lower, text + at, n));
        while (w < k->width) put(a, i, k->first + w++, LEATI_TOKEN_MISSING);
    }
}

static void put_time(const apply *a, const leati_encoder_column *k, const leati_column *col,
                     size_t i)
{
    size_t w = 0;
    const int64_t day = INT64_C(86400000000);
    for (unsigned parts = k->parts; parts; parts &= parts - 1, w++) {
        double v = time_at(col, a->rows[i], parts & -parts);
        if (isnan(v) && a->e->recipe.fill)
            v = time_part((int64_t)(k->fill * (double)day), parts & -parts);
        put(a, i, k->first + w, v);
    }
}

static void put_numbers(const apply *a, const leati_encoder_column *k, const leati_column *col,
                        size_t from, size_t to)
{
    const leati_encoder *e = a->e;
    size_t width = e->width, feature = k->first;
    double shift = e->shift[feature], scale = e->scale[feature];
    double fill = e->recipe.fill ? k->fill : (double)NAN;
    for (size_t i = from; i < to; i++) {
        double v = number_at(col, a->rows[i]);
        v = ((isnan(v) ? fill : v) - shift) * scale;
        if (a->f64) a->f64[i * width + feature] = v;
        else a->f32[i * width + feature] = (float)v;
    }
}

static void apply_rows(void *arg, size_t task, unsigned worker)
{
    (void)worker;
    const apply *a = arg;
    const leati_encoder *e = a->e;
    size_t from = leati_task_start(a->count, a->tasks, task);
    size_t to = leati_task_start(a->count, a->tasks, task + 1);
    for (size_t n = 0; n < e->count; n++) {
        const leati_encoder_column *k = &e->columns[n];
        const leati_column *col = a->f->column[k->source];
        if (k->role == LEATI_ROLE_NUMBER) put_numbers(a, k, col, from, to);
        for (size_t i = from; k->role != LEATI_ROLE_NUMBER && i < to; i++) {
            switch (k->role) {
            case LEATI_ROLE_CATEGORY: put_category(a, k, col, i, a->level_of[n]); break;
            case LEATI_ROLE_ARRAY: put_array(a, k, col, i); break;
            case LEATI_ROLE_TIME: put_time(a, k, col, i); break;
            case LEATI_ROLE_TOKENS: put_tokens(a, k, col, i, a->level_of[n]); break;
            default: break;
            }
        }
    }
}

uint32_t leati_encoder_level(const leati_encoder_column *k, const char *text)
{
    size_t low = 0, high = k->levels;
    while (low < high) { /* levels are sorted */
        size_t mid = (low + high) / 2;
        if (strcmp(k->level[mid], text) < 0) low = mid + 1;
        else high = mid;
    }
    return low < k->levels && strcmp(k->level[low], text) == 0 ? (uint32_t)low : UINT32_MAX;
}

static leat_status map_levels(leat_context *c, const leati_encoder_column *k,
                              const leati_dict *dict, uint32_t **out)
{
    size_t entries = dict ? dict->count : 0;
    *out = leati_array(c, entries + 1, sizeof **out);
    if (!*out) return leat_error_status(c);
    for (uint32_t i = 0; i < entries; i++)
        (*out)[i] = leati_encoder_level(k, leati_dict_text(dict, i, NULL));
    return LEAT_OK;
}

void leati_encoder_fill(leat_context *c, const leati_encoder *e, const leat_frame *f,
                        const uint32_t *rows, size_t count, uint32_t *const *level_of, void *to,
                        leati_matrix *x)
{
    enum { MOST_TASKS = 256, CELLS_PER_TASK = 1 << 15 };
    apply a = {.e = e, .f = f, .rows = rows, .level_of = level_of, .count = count};
    if (e->recipe.f32) a.f32 = to;
    else a.f64 = to;
    a.tasks = leati_task_count(count * e->width, CELLS_PER_TASK, MOST_TASKS);
    leati_parallel(c, a.tasks, apply_rows, &a);
    *x = (leati_matrix){
        .f64 = a.f64, .f32 = a.f32, .rows = count, .cols = e->width, .stride = e->width};
}

leat_status leati_encoder_levels(leat_context *c, const leati_encoder *e, const leat_frame *f,
                                 uint32_t ***out)
{
    leat_status st = LEAT_OK;
    uint32_t **level_of = *out = LEATI_NEW(c, uint32_t *, e->count + 1);
    if (!level_of) return leat_error_status(c);
    for (size_t n = 0; n < e->count && st == LEAT_OK; n++)
        if (e->columns[n].role == LEATI_ROLE_CATEGORY)
            st = map_levels(c, &e->columns[n], f->column[e->columns[n].source]->dict, &level_of[n]);
    return st;
}

void leati_encoder_levels_free(const leati_encoder *e, uint32_t **level_of)
{
    for (size_t n = 0; level_of && n < e->count; n++) leati_free(level_of[n]);
    leati_free(level_of);
}

/* Rows of a category whose value was not there in training; *first: of the first of them. */
static size_t count_unseen(const leati_column *col, const uint32_t *level_of, const char **first,
                           size_t *present)
{
    size_t unseen = 0;
    *first = NULL;
    *present = 0;
    for (size_t r = 0; r < col->rows; r++) {
        if (!leati_valid(col, r)) continue;
        ++*present;
        if (level_of[col->codes[r]] != UINT32_MAX) continue;
        if (unseen++ == 0) *first = leati_dict_text(col->dict, col->codes[r], NULL);
    }
    return unseen;
}

static void warn_unseen(leat_context *c, const leati_encoder_column *k, const char *name,
                        const leati_column *col, const uint32_t *level_of)
{
    enum { SHOWN = 40 };
    const char *first;
    size_t present, unseen = count_unseen(col, level_of, &first, &present);
    if (unseen && unseen == present)
        leati_log(c, LEAT_LOG_WARN,
                  "the model knows no value of the column '%s': it was trained on '%.*s' and the "
                  "like, not on '%.*s'",
                  name, SHOWN, k->levels ? k->level[0] : "", SHOWN, first);
    else if (unseen)
        leati_log(
            c, LEAT_LOG_WARN,
            "%zu row%s a value of the column '%s' that the model was not trained on (%s'%.*s'): "
            "all such values count as one",
            unseen, unseen == 1 ? " has" : "s have", name, unseen == 1 ? "" : "first ", SHOWN,
            first);
}

leat_status leati_encoder_warn(leat_context *c, const leati_encoder *e, const leati_schema *s,
                               const leat_frame *f)
{
    uint32_t **level_of;
    leat_status st = leati_encoder_levels(c, e, f, &level_of);
    for (size_t n = 0; n < e->count && st == LEAT_OK; n++) {
        const leati_encoder_column *k = &e->columns[n];
        bool own = k->role == LEATI_ROLE_CATEGORY && k->levels < LEATI_LEVELS; /* else "other" */
        if (own) warn_unseen(c, k, s->columns[k->schema].name, f->column[k->source], level_of[n]);
    }
    leati_encoder_levels_free(e, level_of);
    return st;
}

leat_status leati_encoder_room(leat_context *c, const leati_encoder *e, size_t rows, void **out)
{
    size_t cells;
    *out = NULL;
    LEATI_CHECK(c, !leati_mul_overflows(rows, e->width, &cells), LEAT_LIMIT,
                "a matrix of %zu x %zu is too large", rows, e->width);
    *out = leati_array(c, cells, e->recipe.f32 ? sizeof(float) : sizeof(double));
    return *out ? LEAT_OK : leat_error_status(c);
}

leat_status leati_encoder_apply(leat_context *c, const leati_encoder *e, const leat_frame *f,
                                const uint32_t *rows, size_t count, leati_matrix *x, void **data)
{
    uint32_t **level_of = NULL;
    *data = NULL;
    leat_status st = leati_encoder_levels(c, e, f, &level_of);
    if (st == LEAT_OK) st = leati_encoder_room(c, e, count, data);
    if (st == LEAT_OK) leati_encoder_fill(c, e, f, rows, count, level_of, *data, x);
    leati_encoder_levels_free(e, level_of);
    return st;
}
