/* Owns: reading "name(parameter=value, value)". */
#include "nn/spec.h"

#include <ctype.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/str.h"
#include "nn/other_names.h"

void leati_spec_init(leati_spec *s, leat_context *c, const char *what, const char *text)
{
    *s = (leati_spec){.context = c, .what = what, .text = text, .at = text};
}

static void skip_space(leati_spec *s)
{
    while (isspace((unsigned char)*s->at)) s->at++;
}

leat_status leati_spec_refuse(leati_spec *s, const char *expected)
{
    return LEATI_FAIL(s->context, LEAT_INVALID, "%s: expected %s at character %zu, before '%.20s'",
                      s->what, expected, (size_t)(s->at - s->text) + 1, s->at);
}

bool leati_spec_take(leati_spec *s, char ch)
{
    skip_space(s);
    if (*s->at != ch) return false;
    s->at++;
    return true;
}

bool leati_spec_at_end(leati_spec *s)
{
    skip_space(s);
    return *s->at == 0;
}

static bool copy(leati_spec *s, size_t n, char *out, size_t size)
{
    if (n == 0 || n >= size) return false;
    memcpy(out, s->at, n);
    out[n] = 0;
    s->at += n;
    return true;
}

bool leati_spec_name(leati_spec *s, char *out, size_t size)
{
    size_t n = 0;
    skip_space(s);
    while (isalnum((unsigned char)s->at[n]) || (s->at[n] && strchr("_-.", s->at[n]))) n++;
    return copy(s, n, out, size);
}

/* The length of a bracket with all that it contains; 0 when it is not closed. */
static size_t bracket(const char *at)
{
    size_t depth = 0, n = 0;
    do {
        if (strchr("([", at[n])) depth++;
        else if (strchr(")]", at[n])) depth--;
        n++;
    } while (depth && at[n]);
    return depth ? 0 : n;
}

/* What stands between quotes, which may be empty. */
static bool quoted(leati_spec *s, char *out, size_t size)
{
    const char *end = strchr(s->at + 1, *s->at);
    size_t n = end ? (size_t)(end - s->at) - 1 : 0;
    if (!end || n >= size) return false;
    memcpy(out, s->at + 1, n);
    out[n] = 0;
    s->at = end + 1;
    return true;
}

bool leati_spec_value(leati_spec *s, char *out, size_t size)
{
    skip_space(s);
    if (*s->at == '"' || *s->at == '\'') return quoted(s, out, size);
    size_t n = strcspn(s->at, ",;(){}[]=@ \t\n\r");
    if (s->at[n] == '(' || s->at[n] == '[') {
        size_t more = bracket(s->at + n);
        if (more == 0) return false;
        n += more;
    }
    return copy(s, n, out, size);
}

/* The value of a parameter. Numbers of a list that is not in brackets follow as values of their
 * own: class_weights=1, 2, 5. */
static bool take_value(leati_spec *s, const leati_param *p, char *out, size_t size)
{
    double number;
    if (!leati_spec_value(s, out, size)) return false;
    if (!p || !p->list || !leati_num_parse(out, strlen(out), &number)) return true;
    for (size_t n = strlen(out);;) {
        const char *start = s->at;
        char next[64];
        size_t more = 0;
        if (leati_spec_take(s, ',') && leati_spec_value(s, next, sizeof next) &&
            leati_num_parse(next, strlen(next), &number) && !leati_spec_take(s, '='))
            more = strlen(next);
        if (more == 0) {
            s->at = start;
            return true;
        }
        if (n + more + 2 > size) return false;
        out[n++] = ',';
        memcpy(out + n, next, more + 1);
        n += more;
    }
}

/* Sets a parameter of either table, once: `given` has a bit for each. */
static leat_status set_param(leati_spec *s, const char *owner, const leati_param *table,
                             void *object, const char *name, const char *value, uint64_t *given)
{
    const leati_param *p = leati_param_find(table, name), *common = NULL;
    if (!p && s->common) common = leati_param_find(s->common, name);
    size_t bit = p ? (size_t)(p - table) : common ? 63 - (size_t)(common - s->common) : 64;
    bool again = bit < 64 && *given >> bit & 1;
    LEATI_CHECK(s->context, !again, LEAT_INVALID, "%s.%s is given twice", owner, name);
    if (bit < 64) *given |= (uint64_t)1 << bit;
    return leati_param_set(s->context, common ? s->common : table, owner, object, name, value);
}

leat_status leati_spec_params(leati_spec *s, const char *owner, const leati_param *table,
                              void *object)
{
    const leati_param *next = table;
    uint64_t given = 0;
    if (leati_spec_take(s, ')')) return LEAT_OK;
    do {
        char name[64], value[LEATI_TEXT_PARAM];
        const char *start = s->at;
        if (leati_spec_name(s, name, sizeof name) && leati_spec_take(s, '=')) {
            if (!take_value(s, leati_param_find(table, name), value, sizeof value))
                return leati_spec_refuse(s, "the value of the parameter");
            LEATI_TRY(set_param(s, owner, table, object, name, value, &given));
        } else {
            s->at = start;
            if (!take_value(s, next->name ? next : NULL, value, sizeof value))
                return leati_spec_refuse(s, "a parameter or its value");
            if (!next->name) return leati_spec_refuse(s, "no more parameters");
            LEATI_TRY(set_param(s, owner, table, object, next->name, value, &given));
        }
        if (next->name) next++;
    } while (leati_spec_take(s, ','));
    return leati_spec_take(s, ')') ? LEAT_OK : leati_spec_refuse(s, "',' or ')'");
}

enum { MOST_ROWS = 256 };

/* The longest name that is a part of the wrong one: positions of sinusoidal_positions. */
static const char *contained(const char *wrong, const char *const *names, size_t count)
{
    enum { LEAST = 4 };
    const char *best = NULL;
    for (size_t i = 0; i < count; i++)
        if (strlen(names[i]) >= (best ? strlen(best) + 1 : LEAST) && strstr(wrong, names[i]))
            best = names[i];
    return best;
}

static leat_status no_such(leat_context *c, const char *what, const char *name,
                           const char *const *names, size_t count)
{
    (void)LEATI_FAIL(c, LEAT_INVALID, "there is no %s '%s'", what, name);
    const char *near = leati_other_name(what, name, names, count);
    if (!near) near = leati_nearest(name, names, count);
    if (!near) near = contained(name, names, count);
    if (near) leati_error_hint(c, "Did you mean '%s'?", near);
    return LEAT_INVALID;
}

leat_status leati_spec_find(leat_context *c, const char *what, const char *name, size_t count,
                            const char *(*at)(size_t i), size_t *found)
{
    const char *names[MOST_ROWS];
    LEATI_BUG_IF(c, count > MOST_ROWS);
    for (size_t i = 0; i < count; i++) {
        names[i] = at(i);
        *found = i;
        if (strcmp(names[i], name) == 0) return LEAT_OK;
    }
    return no_such(c, what, name, names, count);
}

static leat_status make_object(leati_spec *s, const leati_spec_row *r, void **out)
{
    void *object = leati_calloc(s->context, 1, r->size);
    if (!object) return LEAT_NOMEM;
    memcpy(object, &r->class, sizeof r->class);
    leati_params_default(r->params, object);
    leat_status st = LEAT_OK;
    if (leati_spec_take(s, '(')) st = leati_spec_params(s, r->name, r->params, object);
    if (st == LEAT_OK && !leati_spec_at_end(s)) st = leati_spec_refuse(s, "the end");
    if (st == LEAT_OK) *out = object;
    else leati_free(object);
    return st;
}

leat_status leati_spec_object(leat_context *c, const char *what, const char *text, size_t count,
                              leati_spec_row (*row)(size_t i), void **out)
{
    const char *names[MOST_ROWS];
    leati_spec s;
    char name[64];
    *out = NULL;
    LEATI_BUG_IF(c, count > MOST_ROWS);
    leati_spec_init(&s, c, what, text);
    if (!leati_spec_name(&s, name, sizeof name)) return leati_spec_refuse(&s, "a name");
    for (size_t i = 0; i < count; i++) {
        leati_spec_row r = row(i);
        names[i] = r.name;
        if (strcmp(r.name, name) == 0) return make_object(&s, &r, out);
    }
    return no_such(c, what, name, names, count);
}

size_t leati_spec_numbers(const char *text, double *out, size_t most)
{
    size_t count = 0;
    bool list = *text == '[';
    char between = list || strchr(text, ',') ? ',' : 'x';
    const char stops[] = {between, ' ', ']', 0};
    if (list) text++;
    for (;;) {
        text += strspn(text, " ");
        size_t n = strcspn(text, stops);
        if (count == most || !leati_num_parse(text, n, &out[count])) return 0;
        count++;
        text += n + strspn(text + n, " ");
        if (list && *text == ']') return text[1] ? 0 : count;
        if (!list && !*text) return count;
        if (*text != between) return 0;
        text++;
    }
}
