/* Owns: the lines about the columns that `fit` prints first. */
#include "workflow/inferred.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <leat/screen.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/str.h"
#include "frame/infer.h"

enum { NAME_MOST = 24, SHOWN_MOST = 40, FACTS_MOST = 64, LINE_MOST = 79 };

char *leati_class_shown(leat_context *c, const char *text)
{
    static const char escapes[] = "\nn\tt\rr";
    size_t n = strlen(text);
    bool plain =
        n && text[0] != ' ' && text[n - 1] != ' ' && !(n == 1 && ispunct((unsigned char)*text));
    for (size_t i = 0; i < n; i++) plain = plain && (unsigned char)text[i] >= ' ';
    leati_str s;
    leati_str_init(&s, c);
    if (plain) leati_str_add(&s, text);
    if (!plain) leati_str_addc(&s, '"');
    for (size_t i = 0; i < n && !plain; i++) {
        const char *e = strchr(escapes, text[i]);
        if (e && (unsigned char)text[i] < ' ') leati_str_addf(&s, "\\%c", e[1]);
        else if ((unsigned char)text[i] < ' ') leati_str_addf(&s, "\\x%02x", text[i]);
        else leati_str_addc(&s, text[i]);
    }
    if (!plain) leati_str_addc(&s, '"');
    return leati_str_take(&s);
}

const char *leati_language_unit(const leat_experiment *e)
{
    const leati_schema *s = &e->schema;
    const leati_schema_column *col = s->columns;
    if (s->count != 1 || strcmp(s->target, "next") != 0 || strcmp(col->name, "text") != 0)
        return NULL;
    if (col->role == LEATI_ROLE_TOKENS) return s->tokens.words ? "word" : "character";
    return col->role == LEATI_ROLE_ARRAY ? "character" : NULL;
}

static const char *kind_of(const leati_schema_column *col)
{
    if (col->role == LEATI_ROLE_CATEGORY) return "category";
    if (col->role == LEATI_ROLE_TOKENS) return "tokens";
    return leat_type_name(col->type);
}

typedef struct share {
    uint32_t code;
    size_t count;
} share;

static int larger(const void *a, const void *b)
{
    const share *x = a, *y = b;
    if (x->count != y->count) return x->count < y->count ? 1 : -1;
    return (x->code > y->code) - (x->code < y->code);
}

/* "usa 249, japan 79, europe 70": the most frequent texts. */
static leat_status frequent(leat_context *c, const leati_column *col, leati_str *out)
{
    size_t n = col->dict ? col->dict->count : 0;
    share *all = LEATI_NEW(c, share, n + 1);
    if (!all) return leat_error_status(c);
    for (uint32_t k = 0; k < n; k++) all[k].code = k;
    for (size_t r = 0; r < col->rows; r++)
        if (leati_valid(col, r)) all[col->codes[r]].count++;
    qsort(all, n, sizeof *all, larger);
    for (size_t k = 0; k < n && all[k].count; k++) {
        size_t length;
        const char *text = leati_dict_text(col->dict, all[k].code, &length);
        if (k == 3 || out->length + length > FACTS_MOST / 2) {
            leati_str_add(out, k ? ", ..." : "long texts");
            break;
        }
        leati_str_addf(out, "%s%.*s %zu", k ? ", " : "", (int)length, text, all[k].count);
    }
    leati_free(all);
    return LEAT_OK;
}

static void add_range(leati_str *out, double low, double high, leat_type type)
{
    char a[LEATI_NUM_SIZE], b[LEATI_NUM_SIZE];
    if (!isfinite(low) || type == LEAT_BOOL) return;
    if (type == LEAT_TIME && low > -6.2e16 && high < 2.5e17) { /* years 1 to 9892 */
        leati_time_format((int64_t)low, true, a);
        leati_time_format((int64_t)high, true, b);
        leati_str_addf(out, "%s to %s", a, b);
        return;
    }
    /* As written where that is short, else rounded. */
    if (leati_num_format(low, a) > 6) leati_num_short(low, 4, a);
    if (leati_num_format(high, b) > 6) leati_num_short(high, 4, b);
    leati_str_addf(out, "%s to %s", a, b);
}

static void add_missing(leati_str *out, size_t missing, size_t rows)
{
    if (!missing) return;
    double percent = 100.0 * (double)missing / (double)rows;
    leati_str_add(out, out->length ? ", " : "");
    if (percent < 0.1) leati_str_add(out, "< 0.1% missing");
    else leati_str_addf(out, "%.1f%% missing", percent);
}

static leat_status facts(leat_context *c, const leat_experiment *e, const leati_schema_column *col,
                         const leati_column *data, leati_str *out)
{
    bool text = col->type == LEAT_STRING;
    if (col->type == LEAT_ARRAY) {
        leati_str_addf(out, "%zu x %zu", col->shape[0], col->shape[1]);
        if (col->shape[2] > 1) leati_str_addf(out, " x %zu", col->shape[2]);
    } else if (text && col->role == LEATI_ROLE_LEFT_OUT && col->distinct > 1) {
        leati_str_addf(out, "%zu distinct of %zu", col->distinct, data->rows - data->missing);
    } else if (col->role == LEATI_ROLE_TOKENS) {
        leati_str_addf(out, "%zu text%s as %s", col->distinct, col->distinct == 1 ? "" : "s",
                       e->schema.tokens.words ? "words" : "characters");
    } else if (text) {
        LEATI_TRY(frequent(c, data, out));
    } else if (col->type == LEAT_BOOL) {
        size_t yes = 0;
        for (size_t r = 0; r < data->rows; r++) yes += leati_valid(data, r) && data->u8[r];
        leati_str_addf(out, "true %zu, false %zu", yes, data->rows - data->missing - yes);
    } else if (col->type == LEAT_I64 && col->distinct <= 10) {
        leati_str_addf(out, "%zu value%s, ", col->distinct, col->distinct == 1 ? "" : "s");
        add_range(out, col->low, col->high, col->type);
    } else {
        add_range(out, col->low, col->high, col->type);
    }
    add_missing(out, col->missing, e->train->rows);
    return leati_str_status(out);
}

static size_t width_of(const char *text)
{
    return (size_t)leat_screen_width(text, strlen(text));
}

/* Leaves the caller's text padded to a column of `width` cells. */
static void pad(leati_str *out, const char *text, size_t width)
{
    leati_str_add(out, text);
    for (size_t n = width_of(text); n < width; n++) leati_str_addc(out, ' ');
    leati_str_add(out, "  ");
}

/* The end of the line that begins at `from`, or where it is too long a line of its own. */
static void end_line(leati_str *out, size_t from, size_t width, const char *end)
{
    while (out->length > from && out->text[out->length - 1] == ' ') out->text[--out->length] = '\0';
    if (width_of(leati_str_text(out) + from) + 2 + width_of(end) > LINE_MOST)
        leati_str_addf(out, "\n  %*s", (int)width, "");
    leati_str_addf(out, "  %s\n", end);
}

static void target_line(const leat_experiment *e, leati_str *out, size_t width)
{
    const leati_schema *s = &e->schema;
    leati_str fact;
    size_t from = out->length;
    leati_str_init(&fact, out->context);
    bool classify = s->task == LEATI_CLASSIFY;
    if (classify) {
        const char *unit = leati_language_unit(e);
        leati_str_addf(&fact, "target, %u %s", s->classes, unit ? unit : "class");
        leati_str_add(&fact, unit ? "s" : "es");
        for (uint32_t k = 0; k < s->classes && k < 3; k++) {
            char *name = leati_class_shown(out->context, s->class_names[k]);
            leati_str_addf(&fact, "%s %s", k ? "," : ":", name ? name : "");
            leati_free(name);
        }
        if (s->classes > 3) leati_str_add(&fact, ", ...");
    } else {
        leati_str_add(&fact, "target, ");
        add_range(&fact, s->target_low, s->target_high, LEAT_F64);
    }
    leati_str_add(out, "  ");
    pad(out, s->target, width);
    pad(out, leat_type_name(s->target_type), 8);
    pad(out, leati_str_text(&fact), 0);
    end_line(out, from, width, classify ? "-> classification" : "-> regression");
    bool number = s->target_type == LEAT_F64 || s->target_type == LEAT_I64;
    if (classify && number) leati_str_addf(out, "  %*s  (%s)\n", (int)width, "", s->task_reason);
    leati_str_fini(&fact);
}

/* Whether each value of a column of few values goes with one class only: it may be known only after
 * the fact. */
static bool tells_target(const leat_experiment *e, const leati_schema_column *col,
                         const leati_column *data)
{
    enum { VALUES = 20 };
    uint32_t class_of[VALUES];
    int64_t value_of[VALUES];
    size_t known = 0;
    const leati_target *t = &e->target;
    bool coded = data->type == LEAT_STRING || data->type == LEAT_BOOL || data->type == LEAT_I64;
    if (!t->label || !coded || col->role == LEATI_ROLE_LEFT_OUT || col->distinct > VALUES)
        return false;
    for (size_t i = 0; i < t->count; i++) {
        size_t row = t->rows[i], k = 0;
        if (!leati_valid(data, row)) continue;
        int64_t value = data->type == LEAT_STRING ? (int64_t)data->codes[row]
                        : data->type == LEAT_BOOL ? (int64_t)data->u8[row]
                                                  : data->i64[row];
        while (k < known && value_of[k] != value) k++;
        if (k == VALUES) return false;
        if (k == known) {
            value_of[known] = value;
            class_of[known++] = t->label[i];
        } else if (class_of[k] != t->label[i]) {
            return false;
        }
    }
    return known > 1 && t->count >= 10 * known;
}

static leat_status column_line(leat_context *c, const leat_experiment *e,
                               const leati_schema_column *col, leati_str *out, size_t width)
{
    size_t at, from = out->length;
    leati_str fact, left;
    leati_str_init(&fact, c);
    leati_str_init(&left, c);
    leat_status st = leat_frame_require(c, e->train, col->name, &at);
    if (st == LEAT_OK) st = facts(c, e, col, e->train->column[at], &fact);
    leati_str_add(out, "  ");
    pad(out, col->name, width);
    pad(out, kind_of(col), 8);
    if (col->role == LEATI_ROLE_LEFT_OUT) {
        pad(out, leati_str_text(&fact), 0);
        bool rule = strcmp(col->note, "as asked") != 0 && strncmp(col->note, "used", 4) != 0;
        leati_str_addf(&left, "left out (%s%s%s%s)", col->note, rule ? "; --keep " : "",
                       rule ? col->name : "", rule ? " to use it" : "");
        end_line(out, from, width, leati_str_text(&left));
    } else {
        leati_str_add(out, leati_str_text(&fact));
        if (st == LEAT_OK && tells_target(e, col, e->train->column[at]))
            leati_str_addf(out, "\n  %*s  (tells %s by itself: is it known beforehand? --drop %s)",
                           (int)width, "", e->schema.target, col->name);
        leati_str_addc(out, '\n');
    }
    leati_str_fini(&fact);
    leati_str_fini(&left);
    return st;
}

leat_status leati_inferred_text(leat_context *c, const leat_experiment *e, char **out)
{
    const leati_schema *s = &e->schema;
    size_t width = width_of(s->target);
    for (size_t i = 0; i < s->count; i++) {
        size_t n = width_of(s->columns[i].name);
        if (n > width) width = n;
    }
    if (width > NAME_MOST) width = NAME_MOST;
    leati_str text;
    leati_str_init(&text, c);
    target_line(e, &text, width);
    leat_status st = LEAT_OK;
    size_t shown = 0;
    for (size_t i = 0; i < s->count && shown < SHOWN_MOST && st == LEAT_OK; i++, shown++)
        st = column_line(c, e, &s->columns[i], &text, width);
    if (shown < s->count) leati_str_addf(&text, "  and %zu more columns\n", s->count - shown);
    *out = leati_str_take(&text);
    if (st == LEAT_OK && !*out) st = leat_error_status(c);
    if (st != LEAT_OK) {
        leati_free(*out);
        *out = NULL;
    }
    return st;
}
