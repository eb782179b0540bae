/* Owns: the grammar and the types of expressions. Not: functions and evaluation.
 *
 *   or     = and { "or" and }
 *   and    = not { "and" not }
 *   not    = "not" not | compare
 *   compare= sum [ ("=="|"="|"!="|"<>"|"<"|"<="|">"|">=") sum | ["not"] "in" "(" or {"," or} ")" ]
 *   sum    = term { ("+"|"-") term }
 *   term   = unary { ("*"|"/"|"//"|"%") unary }
 *   unary  = ("-"|"+") unary | power
 *   power  = atom [ ("^"|"**") unary ]
 *   atom   = NUMBER | STRING | "true" | "false" | "missing" | NAME | NAME "(" [or {"," or}] ")"
 *          | "(" or ")"
 */
#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"
#include "frame/expr_node.h"

typedef struct parser {
    leati_lex lex;
    const leat_frame *frame;
    leati_expr *expr;
    int depth;
} parser;

static leat_status parse_or(parser *p, leati_node **out);

static leat_status new_node(parser *p, leati_node **out, leati_node_op op, leati_kind kind,
                            size_t at)
{
    leati_node *n = leati_arena_calloc(&p->expr->arena, 1, sizeof *n);
    *out = n;
    if (!n) return leat_error_status(p->lex.context);
    LEATI_CHECK(p->lex.context, p->expr->nodes < LEATI_EXPR_NODES, LEAT_INVALID,
                "an expression may have %d parts, this one has more", LEATI_EXPR_NODES);
    n->op = op;
    n->kind = kind;
    n->at = at;
    n->index = p->expr->nodes++;
    n->source = LEATI_SOURCE_NONE;
    return LEAT_OK;
}

static const char *kind_name(leati_kind kind)
{
    switch (kind) {
    case LEATI_KIND_NUMBER: return "number";
    case LEATI_KIND_WHOLE: return "whole";
    case LEATI_KIND_BOOL: return "bool";
    case LEATI_KIND_TEXT: return "text";
    case LEATI_KIND_TIME: return "time";
    default: return "missing";
    }
}

/* Whether a value can stand where the signature wants `wanted`. */
static bool fits(const leati_node *n, char wanted)
{
    int64_t time;
    if (wanted == '*' || wanted == (char)n->kind || n->kind == LEATI_KIND_NONE) return true;
    if (wanted == 'n') return n->kind == LEATI_KIND_WHOLE || n->kind == LEATI_KIND_BOOL;
    if (wanted == 'i') return n->kind == LEATI_KIND_BOOL;
    return wanted == 'd' && n->op == LEATI_NODE_CONSTANT && n->kind == LEATI_KIND_TEXT &&
           leati_civil_parse(n->text.at, n->text.length, &time);
}

static char wanted_at(const char *signature, int i)
{
    int k = 0;
    while (k < i && signature[k + 1] && signature[k + 1] != '+') k++;
    if (k < i && signature[k + 1] != '+') return '\0';
    return signature[k];
}

static bool overload_fits(const leati_function *f, leati_node *const *args, int count)
{
    int least = (int)strcspn(f->signature, "+");
    if (count < least) return false;
    for (int i = 0; i < count; i++) {
        char wanted = wanted_at(f->signature, i);
        if (!wanted || !fits(args[i], wanted)) return false;
    }
    return true;
}

/* Wraps an argument in a conversion where the kinds differ. */
static leat_status convert(parser *p, leati_node **arg, char wanted)
{
    static const char *const name_of_number = "number()";
    leati_node *n = *arg, *call;
    if (wanted == '*' || (char)n->kind == wanted) return LEAT_OK;
    if (n->op == LEATI_NODE_CONSTANT) {
        if (n->kind == LEATI_KIND_TEXT)
            (void)leati_civil_parse(n->text.at, n->text.length, &n->whole);
        if (wanted == 'n') n->number = (double)n->whole;
        n->kind = n->kind == LEATI_KIND_NONE ? LEATI_KIND_NONE : (leati_kind)wanted;
        return LEAT_OK;
    }
    const char *name = wanted == 'n' ? name_of_number : "whole()";
    for (size_t i = 0; i < leati_function_count; i++) {
        const leati_function *f = &leati_functions[i];
        if (strcmp(f->name, name) != 0 || f->signature[0] != (char)n->kind) continue;
        LEATI_TRY(new_node(p, &call, LEATI_NODE_CALL, f->result, n->at));
        call->args = leati_arena_calloc(&p->expr->arena, 1, sizeof(leati_node *));
        if (!call->args) return leat_error_status(p->lex.context);
        call->function = f;
        call->args[0] = n;
        call->count = 1;
        call->source = n->source;
        *arg = call;
        return LEAT_OK;
    }
    return LEATI_FAIL(p->lex.context, LEAT_INTERNAL, "a fault of Leat: no conversion from %s to %c",
                      kind_name(n->kind), wanted);
}

static leat_status no_overload(parser *p, const char *name, size_t at, leati_node *const *args,
                               int count)
{
    leati_str kinds;
    bool known = false;
    const char *names[256];
    size_t named = 0;
    for (size_t i = 0; i < leati_function_count; i++) {
        known = known || strcmp(leati_functions[i].name, name) == 0;
        if (named < 256 && !strchr(leati_functions[i].name, ')'))
            names[named++] = leati_functions[i].name;
    }
    if (!known) {
        const char *near = leati_nearest(name, names, named);
        return leati_lex_error(&p->lex, at, "there is no function '%s'%s%s%s", name,
                               near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    }
    leati_str_init(&kinds, p->lex.context);
    for (int i = 0; i < count; i++)
        leati_str_addf(&kinds, "%s%s",
                       i == 0          ? ""
                       : i + 1 < count ? ", "
                                       : " and ",
                       kind_name(args[i]->kind));
    leat_status st = leati_lex_error(&p->lex, at, "'%s' cannot take %s", name,
                                     count ? leati_str_text(&kinds) : "no value");
    leati_str_fini(&kinds);
    return st;
}

static leat_status call(parser *p, leati_node **out, const char *name, size_t at,
                        leati_node *const *args, int count)
{
    leati_node *n;
    const leati_function *f = NULL;
    for (size_t i = 0; !f && i < leati_function_count; i++) {
        const leati_function *candidate = &leati_functions[i];
        if (strcmp(candidate->name, name) == 0 && overload_fits(candidate, args, count))
            f = candidate;
    }
    if (!f) return no_overload(p, name, at, args, count);
    LEATI_TRY(new_node(p, &n, LEATI_NODE_CALL, f->result, at));
    n->function = f;
    n->count = count;
    n->args = leati_arena_calloc(&p->expr->arena, (size_t)count, sizeof *n->args);
    if (!n->args) return leat_error_status(p->lex.context);
    for (int i = 0; i < count; i++) {
        n->args[i] = args[i];
        LEATI_TRY(convert(p, &n->args[i], wanted_at(f->signature, i)));
        int source = n->args[i]->source;
        if (source == LEATI_SOURCE_NONE) continue;
        n->source =
            n->source == LEATI_SOURCE_NONE || n->source == source ? source : LEATI_SOURCE_MANY;
    }
    *out = n;
    return LEAT_OK;
}

static leat_status parse_arguments(parser *p, leati_node **args, int *count)
{
    bool more;
    LEATI_TRY(leati_lex_expect(&p->lex, "("));
    LEATI_TRY(leati_lex_take(&p->lex, ")", &more));
    if (more) return LEAT_OK;
    do {
        if (*count == LEATI_EXPR_ARGS)
            return leati_lex_error(&p->lex, p->lex.token.at, "a call takes at most %d values",
                                   LEATI_EXPR_ARGS);
        LEATI_TRY(parse_or(p, &args[(*count)++]));
        LEATI_TRY(leati_lex_take(&p->lex, ",", &more));
    } while (more);
    return leati_lex_expect(&p->lex, ")");
}

static leat_status column_node(parser *p, leati_node **out, const char *name, size_t at)
{
    static const leati_kind kinds[] = {LEATI_KIND_NUMBER, LEATI_KIND_WHOLE, LEATI_KIND_BOOL,
                                       LEATI_KIND_TEXT, LEATI_KIND_TIME};
    size_t column;
    leat_status st = leat_frame_require(p->lex.context, p->frame, name, &column);
    if (st == LEAT_NOT_FOUND)
        return leati_error_hint(p->lex.context, "a text stands in quotes: \"%s\"", name);
    LEATI_TRY(st);
    leat_type type = p->frame->column[column]->type;
    if (type == LEAT_ARRAY)
        return leati_lex_error(&p->lex, at,
                               "column '%s' holds arrays, which expressions cannot use", name);
    LEATI_TRY(new_node(p, out, LEATI_NODE_COLUMN, kinds[type], at));
    (*out)->column = column;
    (*out)->source = type == LEAT_STRING && column < INT32_MAX ? (int)column : LEATI_SOURCE_MANY;
    return LEAT_OK;
}

static leat_status parse_name(parser *p, leati_node **out)
{
    leati_token t = p->lex.token;
    leati_node *args[LEATI_EXPR_ARGS];
    int count = 0;
    LEATI_TRY(leati_lex_next(&p->lex));
    if (!t.quoted && leati_lex_is(&p->lex, "(")) {
        LEATI_TRY(parse_arguments(p, args, &count));
        return call(p, out, t.text, t.at, args, count);
    }
    bool truth = strcmp(t.text, "true") == 0, is_bool = truth || strcmp(t.text, "false") == 0;
    if (!t.quoted && is_bool) {
        LEATI_TRY(new_node(p, out, LEATI_NODE_CONSTANT, LEATI_KIND_BOOL, t.at));
        (*out)->whole = truth;
        return LEAT_OK;
    }
    if (!t.quoted && strcmp(t.text, "missing") == 0)
        return new_node(p, out, LEATI_NODE_CONSTANT, LEATI_KIND_NONE, t.at);
    return column_node(p, out, t.text, t.at);
}

static leat_status parse_atom(parser *p, leati_node **out)
{
    leati_token t = p->lex.token;
    if (t.kind == LEATI_TOKEN_NAME) return parse_name(p, out);
    if (t.kind == LEATI_TOKEN_NUMBER) {
        LEATI_TRY(new_node(p, out, LEATI_NODE_CONSTANT,
                           t.whole ? LEATI_KIND_WHOLE : LEATI_KIND_NUMBER, t.at));
        (*out)->number = t.number;
        (*out)->whole = t.integer;
        return leati_lex_next(&p->lex);
    }
    if (t.kind == LEATI_TOKEN_STRING) {
        LEATI_TRY(new_node(p, out, LEATI_NODE_CONSTANT, LEATI_KIND_TEXT, t.at));
        (*out)->text = (leati_text){t.text, t.length};
        return leati_lex_next(&p->lex);
    }
    if (!leati_lex_is(&p->lex, "("))
        return leati_lex_error(&p->lex, t.at, "a value was expected here");
    LEATI_TRY(leati_lex_next(&p->lex));
    LEATI_TRY(parse_or(p, out));
    return leati_lex_expect(&p->lex, ")");
}

static leat_status enter(parser *p)
{
    if (++p->depth <= LEATI_EXPR_DEPTH) return LEAT_OK;
    return LEATI_FAIL(p->lex.context, LEAT_INVALID, "an expression may be nested %d deep",
                      LEATI_EXPR_DEPTH);
}

static leat_status parse_unary(parser *p, leati_node **out)
{
    leati_node *args[2];
    size_t at = p->lex.token.at;
    bool minus = leati_lex_is(&p->lex, "-");
    LEATI_TRY(enter(p));
    if (minus || leati_lex_is(&p->lex, "+")) {
        LEATI_TRY(leati_lex_next(&p->lex));
        LEATI_TRY(parse_unary(p, &args[0]));
        *out = args[0];
        if (minus) LEATI_TRY(call(p, out, "-", at, args, 1));
    } else {
        LEATI_TRY(parse_atom(p, out));
        at = p->lex.token.at;
        if (leati_lex_is(&p->lex, "^") || leati_lex_is(&p->lex, "**")) {
            args[0] = *out;
            LEATI_TRY(leati_lex_next(&p->lex));
            LEATI_TRY(parse_unary(p, &args[1]));
            LEATI_TRY(call(p, out, "^", at, args, 2));
        }
    }
    p->depth--;
    return LEAT_OK;
}

typedef leat_status (*level_fn)(parser *p, leati_node **out);

/* operand { one of `marks` operand }, grouped from the left. */
static leat_status parse_chain(parser *p, leati_node **out, level_fn operand,
                               const char *const *marks)
{
    leati_node *args[2];
    LEATI_TRY(operand(p, out));
    for (;;) {
        size_t k = 0, at = p->lex.token.at;
        while (marks[k] && !leati_lex_is(&p->lex, marks[k])) k++;
        if (!marks[k]) return LEAT_OK;
        LEATI_TRY(leati_lex_next(&p->lex));
        args[0] = *out;
        LEATI_TRY(operand(p, &args[1]));
        LEATI_TRY(call(p, out, marks[k], at, args, 2));
    }
}

static leat_status parse_term(parser *p, leati_node **out)
{
    static const char *const marks[] = {"*", "/", "//", "%", NULL};
    return parse_chain(p, out, parse_unary, marks);
}

static leat_status parse_sum(parser *p, leati_node **out)
{
    static const char *const marks[] = {"+", "-", NULL};
    return parse_chain(p, out, parse_term, marks);
}

static leat_status parse_in(parser *p, leati_node **out, bool negated)
{
    leati_node *args[LEATI_EXPR_ARGS] = {*out};
    int count = 1;
    size_t at = p->lex.token.at;
    LEATI_TRY(leati_lex_expect(&p->lex, "in"));
    LEATI_TRY(parse_arguments(p, args, &count));
    LEATI_TRY(call(p, out, "in", at, args, count));
    return negated ? call(p, out, "not", at, out, 1) : LEAT_OK;
}

static leat_status parse_compare(parser *p, leati_node **out)
{
    static const char *const marks[][2] = {{"==", "=="}, {"=", "=="},  {"!=", "!="}, {"<>", "!="},
                                           {"<", "<"},   {"<=", "<="}, {">", ">"},   {">=", ">="}};
    leati_node *args[2];
    bool negated;
    LEATI_TRY(parse_sum(p, &args[0]));
    *out = args[0];
    if (leati_lex_is(&p->lex, "in")) return parse_in(p, out, false);
    LEATI_TRY(leati_lex_take(&p->lex, "not", &negated));
    if (negated) return parse_in(p, out, true);
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        size_t at = p->lex.token.at;
        if (!leati_lex_is(&p->lex, marks[i][0])) continue;
        LEATI_TRY(leati_lex_next(&p->lex));
        LEATI_TRY(parse_sum(p, &args[1]));
        return call(p, out, marks[i][1], at, args, 2);
    }
    return LEAT_OK;
}

static leat_status parse_not(parser *p, leati_node **out)
{
    size_t at = p->lex.token.at;
    bool negated;
    LEATI_TRY(enter(p));
    LEATI_TRY(leati_lex_take(&p->lex, "not", &negated));
    if (!negated) {
        LEATI_TRY(parse_compare(p, out));
    } else {
        LEATI_TRY(parse_not(p, out));
        LEATI_TRY(call(p, out, "not", at, out, 1));
    }
    p->depth--;
    return LEAT_OK;
}

static leat_status parse_and(parser *p, leati_node **out)
{
    static const char *const marks[] = {"and", NULL};
    return parse_chain(p, out, parse_not, marks);
}

static leat_status parse_or(parser *p, leati_node **out)
{
    static const char *const marks[] = {"or", NULL};
    return parse_chain(p, out, parse_and, marks);
}

leat_status leati_expr_compile(leat_context *c, leati_expr **out, const leat_frame *f,
                               const char *text)
{
    *out = NULL;
    leati_expr *e = leati_calloc(c, 1, sizeof *e);
    if (!e) return leat_error_status(c);
    leati_arena_init(&e->arena, c);
    parser p = {.frame = f, .expr = e};
    leat_status st = leati_lex_init(&p.lex, c, &e->arena, text);
    if (st == LEAT_OK) st = parse_or(&p, &e->root);
    if (st == LEAT_OK && p.lex.token.kind != LEATI_TOKEN_END)
        st = leati_lex_error(&p.lex, p.lex.token.at, "an operator or the end was expected here");
    if (st == LEAT_OK && e->root->kind == LEATI_KIND_NONE)
        st = leati_lex_error(&p.lex, 0, "the expression is always missing");
    if (st == LEAT_OK) *out = e;
    else leati_expr_destroy(e);
    return st;
}

void leati_expr_destroy(leati_expr *e)
{
    if (!e) return;
    leati_arena_fini(&e->arena);
    leati_free(e);
}

leat_type leati_expr_type(const leati_expr *e)
{
    switch (e->root->kind) {
    case LEATI_KIND_WHOLE: return LEAT_I64;
    case LEATI_KIND_BOOL: return LEAT_BOOL;
    case LEATI_KIND_TEXT: return LEAT_STRING;
    case LEATI_KIND_TIME: return LEAT_TIME;
    default: return LEAT_F64;
    }
}
