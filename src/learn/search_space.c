/* Owns: spaces of parameter values and their reading from text. Candidates are
 * search_candidates.c. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/str.h"
#include "learn/search.h"

enum { MOST_POINTS = 10000, EVEN_POINTS = 10 };

void leati_space_init(leati_space *s, leat_context *c)
{
    *s = (leati_space){.context = c};
}

static void axis_fini(leati_axis *a)
{
    for (size_t i = 0; a->value && i < a->count; i++) leati_free(a->value[i]);
    leati_free(a->value);
    leati_free(a->name);
    *a = (leati_axis){0};
}

void leati_space_fini(leati_space *s)
{
    for (size_t i = 0; i < s->count; i++) axis_fini(&s->axis[i]);
    leati_free(s->axis);
    *s = (leati_space){.context = s->context};
}

static leat_status wrong(leat_context *c, const char *name, const char *text, const char *why)
{
    LEATI_FAIL(c, LEAT_INVALID, "parameter %s: cannot search '%s': %s", name, text, why);
    return leati_error_hint(c, "expected values such as 0.1,1,10 or a range such as log:1e-3:1e3, "
                               "real:0:1 or int:1:30");
}

static leat_status push(leat_context *c, leati_axis *a, size_t *capacity, const char *text,
                        size_t length)
{
    LEATI_TRY(leati_grow(c, &a->value, capacity, a->count + 1, sizeof *a->value));
    char *copy = leati_strndup(c, text, length);
    if (!copy) return leat_error_status(c);
    a->value[a->count++] = copy;
    return LEAT_OK;
}

static leat_status push_number(leat_context *c, leati_axis *a, size_t *capacity, double x)
{
    char text[LEATI_NUM_SIZE];
    size_t n = a->kind == LEATI_AXIS_INT ? (size_t)snprintf(text, sizeof text, "%.0f", x)
                                         : leati_num_format(x, text);
    return push(c, a, capacity, text, n);
}

size_t leati_space_value(const char *text)
{
    char quote = '\0';
    size_t n = 0, depth = 0;
    for (; text[n] && (quote || depth || text[n] != ','); n++) {
        char ch = text[n];
        if (quote) quote = ch == quote ? '\0' : quote;
        else if (ch == '\'' || ch == '"') quote = ch;
        else if (strchr("([{", ch)) depth++;
        else if (strchr(")]}", ch) && depth) depth--;
    }
    return n;
}

/* Values are parted by commas outside of brackets; those with others of their own, by " | ". */
static leat_status parse_list(leat_context *c, leati_axis *a, const char *text)
{
    size_t capacity = 0;
    bool bars = strstr(text, " | ") != NULL;
    for (const char *at = text;;) {
        while (*at == ' ') at++;
        const char *bar = bars ? strstr(at, " | ") : NULL;
        size_t n = !bars ? leati_space_value(at)
                   : bar ? (size_t)(bar - at) + 1
                         : strlen(at),
               kept = n;
        while (kept && at[kept - 1] == ' ') kept--;
        if (kept == 0) return wrong(c, a->name, text, "a value is empty");
        for (size_t i = 0; i < a->count; i++)
            if (strlen(a->value[i]) == kept && memcmp(a->value[i], at, kept) == 0)
                return wrong(c, a->name, text, "a value stands there twice");
        LEATI_CHECK(c, a->count < MOST_POINTS, LEAT_LIMIT, "parameter %s: more than %d values",
                    a->name, MOST_POINTS);
        LEATI_TRY(push(c, a, &capacity, at, kept));
        if (!at[n]) return LEAT_OK;
        at += n + 1;
    }
}

/* The number of grid points of a range that names none. */
static size_t default_points(const leati_axis *a)
{
    double points = EVEN_POINTS;
    if (a->kind == LEATI_AXIS_LOG) points = floor(log10(a->high / a->low) + 0.5) + 1;
    if (a->kind == LEATI_AXIS_INT && a->high - a->low + 1 < points) points = a->high - a->low + 1;
    return points < 2 ? 2 : points > MOST_POINTS ? MOST_POINTS : (size_t)points;
}

static leat_status fill_range(leat_context *c, leati_axis *a, size_t points)
{
    size_t capacity = 0;
    double last = (double)NAN;
    for (size_t i = 0; i < points; i++) {
        double share = points > 1 ? (double)i / (double)(points - 1) : 0;
        double x = a->low + share * (a->high - a->low);
        if (a->kind == LEATI_AXIS_LOG) {
            double e = log10(a->low) + share * (log10(a->high) - log10(a->low));
            /* Powers of ten exactly, and no digits beyond what the grid means. */
            char text[LEATI_NUM_SIZE];
            size_t n = (size_t)snprintf(text, sizeof text, "%.12g", pow(10, e));
            if (!leati_num_parse(text, leati_num_dot(text, n), &x)) x = pow(10, e);
        }
        if (i + 1 == points) x = points > 1 ? a->high : a->low;
        if (a->kind == LEATI_AXIS_INT) x = round(x);
        if (x == last) continue;
        LEATI_TRY(push_number(c, a, &capacity, x));
        last = x;
    }
    return LEAT_OK;
}

/* low:high[:points] */
static leat_status parse_range(leat_context *c, leati_axis *a, const char *text, const char *rest)
{
    int64_t points = 0;
    size_t n = strcspn(rest, ":");
    if (!rest[n] || !leati_num_parse(rest, n, &a->low))
        return wrong(c, a->name, text, "a range is written low:high");
    rest += n + 1;
    n = strcspn(rest, ":");
    if (!leati_num_parse(rest, n, &a->high))
        return wrong(c, a->name, text, "a range is written low:high");
    if (rest[n] && (!leati_int_parse(rest + n + 1, strlen(rest + n + 1), &points) || points < 1 ||
                    points > MOST_POINTS))
        return wrong(c, a->name, text, "the number of points must be whole, from 1 to 10,000");
    if (!isfinite(a->low) || !isfinite(a->high) || !(a->low < a->high))
        return wrong(c, a->name, text, "the first number of a range must be the smaller one");
    if (a->kind == LEATI_AXIS_LOG && !(a->low > 0))
        return wrong(c, a->name, text, "a log range must lie above 0");
    bool whole = a->low == trunc(a->low) && a->high == trunc(a->high);
    if (a->kind == LEATI_AXIS_INT && (!whole || fabs(a->low) > 2e9 || fabs(a->high) > 2e9))
        return wrong(c, a->name, text, "an int range needs whole numbers within 2 billion");
    return fill_range(c, a, points ? (size_t)points : default_points(a));
}

static leat_status parse_axis(leat_context *c, leati_axis *a, const char *text)
{
    static const char *const names[] = {"", "real:", "log:", "int:"};
    for (int k = LEATI_AXIS_REAL; k <= LEATI_AXIS_INT; k++) {
        size_t n = strlen(names[k]);
        if (strncmp(text, names[k], n) != 0) continue;
        a->kind = (leati_axis_kind)k;
        return parse_range(c, a, text, text + n);
    }
    return parse_list(c, a, text);
}

leat_status leati_space_add(leati_space *s, const char *name, const char *values)
{
    leat_context *c = s->context;
    leati_axis a = {.name = leati_strdup(c, name)};
    leat_status st = a.name ? parse_axis(c, &a, values) : leat_error_status(c);
    size_t at = 0;
    while (at < s->count && strcmp(s->axis[at].name, name) != 0) at++;
    if (st == LEAT_OK && at == s->count)
        st = leati_grow(c, &s->axis, &s->capacity, at + 1, sizeof *s->axis);
    if (st != LEAT_OK) {
        axis_fini(&a);
        return st;
    }
    if (at < s->count) axis_fini(&s->axis[at]);
    else s->count++;
    s->axis[at] = a;
    return LEAT_OK;
}

leat_status leati_space_add_table(leati_space *s, const leati_param *table)
{
    for (const leati_param *p = table; p->name; p++)
        if (p->grid) LEATI_TRY(leati_space_add(s, p->name, p->grid));
    return LEAT_OK;
}

void leati_space_remove(leati_space *s, const char *name)
{
    for (size_t i = 0; i < s->count; i++) {
        if (strcmp(s->axis[i].name, name) != 0) continue;
        axis_fini(&s->axis[i]);
        s->count--;
        memmove(s->axis + i, s->axis + i + 1, (s->count - i) * sizeof *s->axis);
        return;
    }
}

leat_status leati_space_split(leat_context *c, const char *text, char **estimator, char **name,
                              char **values)
{
    *estimator = *name = *values = NULL;
    size_t equals = strcspn(text, "="), dot = strcspn(text, ".");
    if (dot > equals) dot = equals; /* a dot in the values */
    bool named = text[dot] == '.';
    size_t from = named ? dot + 1 : 0;
    if (!text[equals] || equals == from || !text[equals + 1] || (named && dot == 0)) {
        LEATI_FAIL(c, LEAT_INVALID, "cannot read '%s' as values to search", text);
        return leati_error_hint(c, "expected ESTIMATOR.PARAMETER=VALUES, for example "
                                   "svc.C=0.1,1,10 or svc.C=log:1e-3:1e3");
    }
    size_t length = strlen(text);
    char *block = leati_alloc(c, length + 2);
    if (!block) return leat_error_status(c);
    /* estimator \0 name \0 values \0 */
    size_t at = named ? dot : 0;
    memcpy(block, text, at);
    block[at++] = '\0';
    *estimator = block;
    *name = block + at;
    memcpy(*name, text + from, equals - from);
    (*name)[equals - from] = '\0';
    *values = *name + (equals - from) + 1;
    memcpy(*values, text + equals + 1, length - equals);
    return LEAT_OK;
}
