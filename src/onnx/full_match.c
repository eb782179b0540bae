/* Owns: regular expressions: parsing to a tree, the tree as a program, the program on all its
 * threads at once (Thompson 1968; Pike's machine without captures). */
#include "onnx/full_match.h"

#include <string.h>

enum { MOST_STEPS = 20000, MOST_DEPTH = 200, MOST_REPEAT = 1000, ENDLESS = -1, OUTSIDE = -1 };

/* ---- trees ------------------------------------------------------------------------------------
 */

typedef struct range {
    int32_t low, high;
} range;

typedef struct set {
    range *ranges;
    size_t count, capacity;
    bool negated;
} set;

typedef enum kind { EMPTY, ONE_OF, BOTH, EITHER, REPEAT, ASSERT } kind;
typedef enum place { AT_START, AT_END, AT_WORD, NOT_AT_WORD } place;

typedef struct tree {
    kind kind;
    set set;                  /* ONE_OF */
    const struct tree *a, *b; /* BOTH, EITHER: one and the rest (NULL: none); REPEAT: a */
    int least, most;          /* REPEAT */
    place place;              /* ASSERT */
} tree;

typedef struct parser {
    leat_context *context;
    leati_arena *arena;
    const unsigned char *text, *at, *end;
    unsigned depth;
} parser;

static leat_status mistake(const parser *p, leat_status st, const char *what)
{
    return LEATI_FAIL(p->context, st, "pattern `%.*s`, byte %zu: %s",
                      (int)(p->end - p->text > 200 ? 200 : p->end - p->text), (const char *)p->text,
                      (size_t)(p->at - p->text), what);
}

static leat_status new_tree(const parser *p, kind k, tree **out)
{
    *out = leati_arena_calloc(p->arena, 1, sizeof **out);
    if (!*out) return leat_error_status(p->context);
    (*out)->kind = k;
    return LEAT_OK;
}

static leat_status add_range(const parser *p, set *s, int32_t low, int32_t high)
{
    if (s->count == s->capacity) {
        size_t capacity = s->capacity ? 2 * s->capacity : 8;
        range *more = leati_arena_calloc(p->arena, capacity, sizeof *more);
        if (!more) return leat_error_status(p->context);
        if (s->count) memcpy(more, s->ranges, s->count * sizeof *more);
        s->ranges = more;
        s->capacity = capacity;
    }
    s->ranges[s->count++] = (range){low, high};
    return LEAT_OK;
}

/* The code point at *at, which moves on; a byte that is no UTF-8 stands for itself. */
static int32_t next_point(const unsigned char **at, const unsigned char *end)
{
    unsigned char first = *(*at)++;
    int more = first >= 0xf0 && first < 0xf8   ? 3
               : first >= 0xe0 && first < 0xf0 ? 2
               : first >= 0xc2 && first < 0xe0 ? 1
                                               : 0;
    int32_t point = more == 3 ? first & 7 : more == 2 ? first & 15 : more == 1 ? first & 31 : first;
    if (end - *at < more) return first;
    for (int i = 0; i < more; i++)
        if (((*at)[i] & 0xc0) != 0x80) return first;
    for (int i = 0; i < more; i++) point = point << 6 | (*(*at)++ & 0x3f);
    return point;
}

/* ---- classes ----------------------------------------------------------------------------------
 */

static const char *const named[][2] = {
    {"alnum", "09AZaz"},  {"alpha", "AZaz"},     {"ascii", "\x01\x7f"},
    {"blank", "\t\t  "},  {"digit", "09"},       {"lower", "az"},
    {"upper", "AZ"},      {"space", "\t\r  "},   {"word", "09AZaz__"},
    {"xdigit", "09AFaf"}, {"punct", "!/:@[`{~"}, {"cntrl", "\x01\x1f\x7f\x7f"},
    {"graph", "!~"},      {"print", " ~"}};

static leat_status add_pairs(const parser *p, set *s, const char *pairs)
{
    for (; pairs[0]; pairs += 2) LEATI_TRY(add_range(p, s, pairs[0], pairs[1]));
    return LEAT_OK;
}

/* The gaps between the pairs, which rise. */
static leat_status add_others(const parser *p, set *s, const char *pairs)
{
    int32_t low = 0;
    for (; pairs[0]; pairs += 2) {
        if (pairs[0] > low) LEATI_TRY(add_range(p, s, low, pairs[0] - 1));
        low = pairs[1] + 1;
    }
    return add_range(p, s, low, 0x10ffff);
}

/* \d and the like; false: the letter is none of them. */
static leat_status add_letter(const parser *p, set *s, unsigned char letter, bool *known)
{
    static const char digits[] = "09", words[] = "09AZ__az", spaces[] = "\t\n\f\r  ";
    *known = true;
    switch (letter) {
    case 'd': return add_pairs(p, s, digits);
    case 'w': return add_pairs(p, s, words);
    case 's': return add_pairs(p, s, spaces);
    case 'D': return add_others(p, s, digits);
    case 'W': return add_others(p, s, words);
    case 'S': return add_others(p, s, spaces);
    default: *known = false; return LEAT_OK;
    }
}

static int hex_digit(unsigned char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static leat_status hex_point(parser *p, int32_t *out)
{
    bool braces = p->at < p->end && *p->at == '{';
    int digits = 0;
    *out = 0;
    if (braces) p->at++;
    while (p->at < p->end && digits < (braces ? 6 : 2) && hex_digit(*p->at) >= 0) {
        *out = *out * 16 + hex_digit(*p->at++);
        digits++;
    }
    if (braces && (p->at == p->end || *p->at++ != '}')) digits = 0;
    if (digits < (braces ? 1 : 2) || *out > 0x10ffff) return mistake(p, LEAT_FORMAT, "no number");
    return LEAT_OK;
}

/* One character behind a backslash, which p->at is behind. */
static leat_status escaped_point(parser *p, int32_t *out)
{
    static const char letters[] = "tnrfva", values[] = "\t\n\r\f\v\a";
    if (p->at == p->end) return mistake(p, LEAT_FORMAT, "nothing behind a backslash");
    unsigned char c = *p->at++;
    const char *known = strchr(letters, c);
    if (c == 'x') return hex_point(p, out);
    if (known && c) *out = values[known - letters];
    else if (c < 0x80 && !((c | 0x20) >= 'a' && (c | 0x20) <= 'z') && !(c >= '0' && c <= '9'))
        *out = c;
    else return mistake(p, LEAT_UNSUPPORTED, "this escape is not known");
    return LEAT_OK;
}

static leat_status class_name(parser *p, set *s)
{
    const unsigned char *close = p->at + 2;
    while (close < p->end && *close != ':') close++;
    for (size_t i = 0; i < sizeof named / sizeof *named; i++) {
        size_t length = strlen(named[i][0]);
        if ((size_t)(close - p->at - 2) != length || close + 1 >= p->end || close[1] != ']' ||
            memcmp(p->at + 2, named[i][0], length) != 0)
            continue;
        p->at = close + 2;
        return add_pairs(p, s, named[i][1]);
    }
    return mistake(p, LEAT_FORMAT, "no such class");
}

/* One end of a range in a class; *whole: it was a class of its own. */
static leat_status class_point(parser *p, set *s, int32_t *point, bool *whole)
{
    *whole = false;
    if (*p->at != '\\') {
        *point = next_point(&p->at, p->end);
        return LEAT_OK;
    }
    p->at++;
    if (p->at < p->end) LEATI_TRY(add_letter(p, s, *p->at, whole));
    if (*whole) {
        p->at++;
        return LEAT_OK;
    }
    return escaped_point(p, point);
}

/* Behind the [. */
static leat_status parse_class(parser *p, set *s)
{
    bool first = true, whole;
    int32_t low, high;
    if (p->at < p->end && *p->at == '^') {
        s->negated = true;
        p->at++;
    }
    for (; p->at < p->end && (first || *p->at != ']'); first = false) {
        if (p->end - p->at > 2 && p->at[0] == '[' && p->at[1] == ':') {
            LEATI_TRY(class_name(p, s));
            continue;
        }
        LEATI_TRY(class_point(p, s, &low, &whole));
        if (whole) continue;
        high = low;
        if (p->end - p->at > 1 && p->at[0] == '-' && p->at[1] != ']') {
            p->at++;
            LEATI_TRY(class_point(p, s, &high, &whole));
            if (whole || high < low) return mistake(p, LEAT_FORMAT, "a range that is none");
        }
        LEATI_TRY(add_range(p, s, low, high));
    }
    if (p->at == p->end) return mistake(p, LEAT_FORMAT, "a class without its ]");
    p->at++;
    return LEAT_OK;
}

/* ---- parsing ----------------------------------------------------------------------------------
 */

static leat_status parse_either(parser *p, const tree **out);

/* Behind the (. */
static leat_status parse_group(parser *p, const tree **out)
{
    if (p->end - p->at > 1 && p->at[0] == '?') {
        bool name = p->at[1] == '<' || (p->end - p->at > 2 && p->at[1] == 'P' && p->at[2] == '<');
        if (p->at[1] == ':') p->at += 2;
        else if (!name) return mistake(p, LEAT_UNSUPPORTED, "flags of groups are not known");
        while (name && p->at < p->end && *p->at != '>') p->at++;
        if (name && p->at < p->end) p->at++;
    }
    if (++p->depth > MOST_DEPTH) return mistake(p, LEAT_LIMIT, "groups too deep");
    LEATI_TRY(parse_either(p, out));
    p->depth--;
    if (p->at == p->end || *p->at != ')') return mistake(p, LEAT_FORMAT, "a group without its )");
    p->at++;
    return LEAT_OK;
}

static leat_status parse_escape(parser *p, tree *t)
{
    static const char letters[] = "AzbB";
    static const place places[] = {AT_START, AT_END, AT_WORD, NOT_AT_WORD};
    int32_t point;
    bool known = false;
    const char *assertion = p->at < p->end && *p->at ? strchr(letters, *p->at) : NULL;
    if (assertion) {
        t->kind = ASSERT;
        t->place = places[assertion - letters];
        p->at++;
        return LEAT_OK;
    }
    if (p->at < p->end) LEATI_TRY(add_letter(p, &t->set, *p->at, &known));
    if (known) {
        p->at++;
        return LEAT_OK;
    }
    LEATI_TRY(escaped_point(p, &point));
    return add_range(p, &t->set, point, point);
}

static leat_status parse_atom(parser *p, const tree **out)
{
    tree *t;
    LEATI_TRY(new_tree(p, ONE_OF, &t));
    *out = t;
    switch (*p->at) {
    case '(': p->at++; return parse_group(p, out);
    case '[': p->at++; return parse_class(p, &t->set);
    case '\\': p->at++; return parse_escape(p, t);
    case '*':
    case '+':
    case '?': return mistake(p, LEAT_FORMAT, "nothing to repeat");
    case '.':
        p->at++;
        t->set.negated = true;
        return add_range(p, &t->set, '\n', '\n');
    case '^':
    case '$':
        t->kind = ASSERT;
        t->place = *p->at++ == '^' ? AT_START : AT_END;
        return LEAT_OK;
    default: {
        int32_t point = next_point(&p->at, p->end);
        return add_range(p, &t->set, point, point);
    }
    }
}

static bool read_number(parser *p, int *out)
{
    const unsigned char *from = p->at;
    *out = 0;
    while (p->at < p->end && *p->at >= '0' && *p->at <= '9' && *out <= MOST_REPEAT)
        *out = *out * 10 + (*p->at++ - '0');
    return p->at > from;
}

/* {m}, {m,}, {m,n}; what is none of them stands for itself. */
static bool read_counts(parser *p, int *least, int *most)
{
    const unsigned char *from = p->at++;
    bool good = read_number(p, least);
    *most = *least;
    if (good && p->at < p->end && *p->at == ',') {
        p->at++;
        if (!read_number(p, most)) *most = ENDLESS;
    }
    good = good && p->at < p->end && *p->at == '}';
    p->at = good ? p->at + 1 : from;
    return good;
}

static leat_status parse_repeat(parser *p, const tree **out)
{
    tree *t;
    int least, most;
    LEATI_TRY(parse_atom(p, out));
    for (unsigned times = 0; p->at < p->end; times++) {
        unsigned char c = *p->at;
        if (c == '{' && !read_counts(p, &least, &most)) return LEAT_OK;
        if (c != '{' && c != '*' && c != '+' && c != '?') return LEAT_OK;
        if (c != '{') {
            p->at++;
            least = c == '+';
            most = c == '?' ? 1 : ENDLESS;
        }
        if (least > MOST_REPEAT || most > MOST_REPEAT || (most != ENDLESS && most < least) ||
            times > 3)
            return mistake(p, LEAT_FORMAT, "it cannot be repeated so");
        if (p->at < p->end && *p->at == '?') p->at++; /* lazy */
        LEATI_TRY(new_tree(p, REPEAT, &t));
        t->a = *out;
        t->least = least, t->most = most;
        *out = t;
    }
    return LEAT_OK;
}

/* Appends to a list of BOTH or EITHER. */
static leat_status append(const parser *p, kind k, tree ***end, const tree *one)
{
    LEATI_TRY(new_tree(p, k, *end));
    (**end)->a = one;
    *end = (tree **)(uintptr_t) & (**end)->b;
    return LEAT_OK;
}

static leat_status parse_both(parser *p, const tree **out)
{
    tree *list = NULL, **end = &list, *brace;
    while (p->at < p->end && *p->at != '|' && *p->at != ')') {
        const tree *next;
        if (*p->at == '{') { /* no counts: it stands for itself */
            LEATI_TRY(new_tree(p, ONE_OF, &brace));
            LEATI_TRY(add_range(p, &brace->set, '{', '{'));
            p->at++;
            next = brace;
        } else {
            LEATI_TRY(parse_repeat(p, &next));
        }
        LEATI_TRY(append(p, BOTH, &end, next));
    }
    if (!list) LEATI_TRY(new_tree(p, EMPTY, &list));
    *out = list;
    return LEAT_OK;
}

static leat_status parse_either(parser *p, const tree **out)
{
    tree *list = NULL, **end = &list;
    for (;;) {
        const tree *one;
        LEATI_TRY(parse_both(p, &one));
        LEATI_TRY(append(p, EITHER, &end, one));
        if (p->at == p->end || *p->at != '|') break;
        p->at++;
    }
    *out = list;
    return LEAT_OK;
}

/* ---- programs ---------------------------------------------------------------------------------
 */

typedef enum code { TAKE, SPLIT, JUMP, CHECK, DONE } code;

typedef struct step {
    code code;
    uint32_t a, b; /* where to go on */
    const set *set;
    place place;
} step;

struct leati_pattern {
    step *steps;
    uint32_t count;
};

/* The number of steps, MOST_STEPS + 1 when there are more. */
static size_t steps_of(const tree *t)
{
    size_t sum = 0, one;
    switch (t->kind) {
    case EMPTY: break;
    case BOTH:
    case EITHER:
        for (; t && sum <= MOST_STEPS; t = t->b)
            sum += steps_of(t->a) + (t->kind == EITHER && t->b ? 2 : 0);
        break;
    case REPEAT:
        one = steps_of(t->a);
        sum = one * (size_t)t->least;
        sum += t->most == ENDLESS ? one + 2 : (one + 1) * (size_t)(t->most - t->least);
        break;
    default: sum = 1; break;
    }
    return sum > MOST_STEPS ? MOST_STEPS + 1 : sum;
}

static step *add_step(leati_pattern *p, code c)
{
    step *s = &p->steps[p->count++];
    *s = (step){.code = c, .a = p->count};
    return s;
}

enum { OPEN = UINT32_MAX }; /* to be led to the end of what is being emitted */

static void close_steps(leati_pattern *p, uint32_t first)
{
    for (uint32_t i = first; i < p->count; i++) {
        if (p->steps[i].a == OPEN) p->steps[i].a = p->count;
        if (p->steps[i].b == OPEN) p->steps[i].b = p->count;
    }
}

static void emit(leati_pattern *p, const tree *t)
{
    uint32_t first = p->count;
    switch (t->kind) {
    case EMPTY: break;
    case ONE_OF: add_step(p, TAKE)->set = &t->set; break;
    case ASSERT: add_step(p, CHECK)->place = t->place; break;
    case BOTH:
        for (; t; t = t->b) emit(p, t->a);
        break;
    case EITHER:
        for (; t->b; t = t->b) {
            step *split = add_step(p, SPLIT);
            emit(p, t->a);
            add_step(p, JUMP)->a = OPEN;
            split->b = p->count;
        }
        emit(p, t->a);
        close_steps(p, first);
        break;
    case REPEAT:
        for (int i = 0; i < t->least; i++) emit(p, t->a);
        first = p->count;
        for (int i = t->least; i < t->most; i++) {
            add_step(p, SPLIT)->b = OPEN;
            emit(p, t->a);
        }
        if (t->most == ENDLESS) {
            add_step(p, SPLIT)->b = OPEN;
            emit(p, t->a);
            add_step(p, JUMP)->a = first;
        }
        close_steps(p, first);
        break;
    }
}

leat_status leati_pattern_parse(leat_context *c, leati_arena *arena, const char *text, size_t size,
                                leati_pattern **out)
{
    const unsigned char *at = (const unsigned char *)(size ? text : "");
    parser p = {c, arena, at, at, at + size, 0};
    const tree *t;
    *out = NULL;
    if (size > MOST_STEPS) return LEATI_FAIL(c, LEAT_LIMIT, "a pattern of %zu bytes", size);
    LEATI_TRY(parse_either(&p, &t));
    if (p.at < p.end) return mistake(&p, LEAT_FORMAT, "a ) without its group");
    size_t steps = steps_of(t);
    if (steps > MOST_STEPS) return mistake(&p, LEAT_LIMIT, "more than 20,000 steps");
    leati_pattern *made = leati_arena_calloc(arena, 1, sizeof *made);
    if (made) made->steps = leati_arena_calloc(arena, steps + 1, sizeof *made->steps);
    if (!made || !made->steps) return leat_error_status(c);
    emit(made, t);
    add_step(made, DONE);
    *out = made;
    return LEAT_OK;
}

/* ---- running ----------------------------------------------------------------------------------
 */

typedef struct machine {
    const leati_pattern *p;
    uint32_t *now, *next, *stack;
    size_t now_count, next_count;
    size_t *seen; /* per step: the position it was last met at, + 1 */
} machine;

static bool is_word(int32_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool holds(place where, int32_t before, int32_t after)
{
    switch (where) {
    case AT_START: return before == OUTSIDE;
    case AT_END: return after == OUTSIDE;
    case AT_WORD: return is_word(before) != is_word(after);
    default: return is_word(before) == is_word(after);
    }
}

/* Adds the step and all that follow without taking a character to `next`. */
static void follow(machine *m, uint32_t from, size_t position, int32_t before, int32_t after)
{
    size_t depth = 0;
    m->stack[depth++] = from;
    while (depth) {
        uint32_t at = m->stack[--depth];
        const step *s = &m->p->steps[at];
        if (m->seen[at] == position + 1) continue;
        m->seen[at] = position + 1;
        if (s->code == TAKE || s->code == DONE) m->next[m->next_count++] = at;
        if (s->code == SPLIT) m->stack[depth++] = s->b;
        bool on = s->code == SPLIT || s->code == JUMP ||
                  (s->code == CHECK && holds(s->place, before, after));
        if (on) m->stack[depth++] = s->a;
    }
}

static bool takes(const set *s, int32_t point)
{
    bool in = false;
    for (size_t i = 0; i < s->count && !in; i++)
        in = point >= s->ranges[i].low && point <= s->ranges[i].high;
    return in != s->negated;
}

static void exchange(machine *m)
{
    uint32_t *swap = m->now;
    m->now = m->next;
    m->next = swap;
    m->now_count = m->next_count;
    m->next_count = 0;
}

leat_status leati_pattern_matches(leat_context *c, leati_arena *arena, const leati_pattern *p,
                                  const char *text, size_t size, bool *yes)
{
    const unsigned char *at = (const unsigned char *)(size ? text : ""), *end = at + size;
    machine m = {.p = p};
    m.now = leati_arena_calloc(arena, 5 * (size_t)p->count + 2, sizeof *m.now);
    m.seen = leati_arena_calloc(arena, p->count, sizeof *m.seen);
    if (!m.now || !m.seen) return leat_error_status(c);
    m.next = m.now + p->count;
    m.stack = m.next + p->count; /* every step pushes two at most, once per position */
    int32_t before = OUTSIDE, point = at < end ? next_point(&at, end) : OUTSIDE;
    follow(&m, 0, 0, before, point);
    exchange(&m);
    for (size_t position = 1; point != OUTSIDE && m.now_count; position++) {
        int32_t after = at < end ? next_point(&at, end) : OUTSIDE;
        for (size_t i = 0; i < m.now_count; i++) {
            const step *s = &p->steps[m.now[i]];
            if (s->code == TAKE && takes(s->set, point)) follow(&m, s->a, position, point, after);
        }
        exchange(&m);
        point = after;
    }
    *yes = false;
    for (size_t i = 0; i < m.now_count && point == OUTSIDE; i++)
        *yes |= p->steps[m.now[i]].code == DONE;
    return LEAT_OK;
}
