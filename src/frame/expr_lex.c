/* Owns: cutting text into words and numbers, errors with a caret. Not: the grammar. */
#include "frame/expr_lex.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <leat/screen.h>

#include "base/error.h"
#include "base/num.h"

static bool is_digit(char ch)
{
    return ch >= '0' && ch <= '9';
}

static bool starts_name(char ch)
{
    return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || ch == '_' ||
           (unsigned char)ch >= 0x80;
}

static char peek(const leati_lex *lex, size_t ahead)
{
    return lex->next + ahead < lex->length ? lex->text[lex->next + ahead] : '\0';
}

/* Up to 72 bytes around the place, cut at no UTF-8 sequence, control characters as spaces. */
leat_status leati_lex_error(const leati_lex *lex, size_t at, const char *format, ...)
{
    enum { WIDTH = 72 };
    char message[512], shown[WIDTH + 1];
    size_t from = at > WIDTH / 2 && lex->length > WIDTH ? at - WIDTH / 2 : 0, n = 0;
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    while (from < at && ((unsigned char)lex->text[from] & 0xc0) == 0x80) from++;
    for (size_t i = from; i < lex->length && n < WIDTH; i++, n++) {
        char ch = lex->text[i];
        shown[n] = (unsigned char)ch < 32 ? ' ' : ch;
    }
    while (n && from + n < lex->length && ((unsigned char)lex->text[from + n] & 0xc0) == 0x80) n--;
    shown[n] = '\0';
    int column = leat_screen_width(shown, at - from < n ? at - from : n);
    return LEATI_FAIL(lex->context, LEAT_INVALID, "%s\n  %s\n  %*s^", message, shown, column, "");
}

static leat_status quoted(leati_lex *lex, char quote)
{
    leati_token *t = &lex->token;
    char *out = leati_arena_alloc(lex->arena, lex->length - lex->next + 1);
    if (!out) return leat_error_status(lex->context);
    size_t n = 0;
    for (lex->next++; lex->next < lex->length; lex->next++) {
        char ch = peek(lex, 0);
        if (ch == quote) {
            if (peek(lex, 1) != quote) break;
            lex->next++;
        } else if (ch == '\\' && quote != '`' && peek(lex, 1)) {
            lex->next++;
            ch = peek(lex, 0);
            if (ch == 'n') ch = '\n';
            if (ch == 't') ch = '\t';
        }
        out[n++] = ch;
    }
    if (lex->next == lex->length)
        return leati_lex_error(lex, t->at, "a quote (%c) is opened here and never closed", quote);
    lex->next++;
    out[n] = '\0';
    t->kind = quote == '`' ? LEATI_TOKEN_NAME : LEATI_TOKEN_STRING;
    t->quoted = quote == '`';
    t->text = out;
    t->length = n;
    return LEAT_OK;
}

static void skip_digits(leati_lex *lex)
{
    while (is_digit(peek(lex, 0))) lex->next++;
}

static leat_status number(leati_lex *lex)
{
    leati_token *t = &lex->token;
    bool whole = true;
    skip_digits(lex);
    if (peek(lex, 0) == '.') {
        whole = false;
        lex->next++;
        skip_digits(lex);
    }
    char e = peek(lex, 0), sign = peek(lex, 1);
    if ((e == 'e' || e == 'E') &&
        (is_digit(sign) || ((sign == '+' || sign == '-') && is_digit(peek(lex, 2))))) {
        whole = false;
        lex->next += 2;
        skip_digits(lex);
    }
    const char *from = lex->text + t->at;
    size_t n = lex->next - t->at;
    t->kind = LEATI_TOKEN_NUMBER;
    t->whole = whole && leati_int_parse(from, n, &t->integer);
    if (!leati_num_parse(from, n, &t->number) || starts_name(peek(lex, 0)))
        return leati_lex_error(lex, t->at, "this is not a number");
    return LEAT_OK;
}

static leat_status name_or_mark(leati_lex *lex)
{
    static const char *const marks[] = {"==", "!=", "<>", "<=", ">=", "**", "//", "(", ")", ",",
                                        ":",  "=",  "<",  ">",  "+",  "-",  "*",  "/", "%", "^"};
    leati_token *t = &lex->token;
    if (starts_name(peek(lex, 0))) {
        t->kind = LEATI_TOKEN_NAME;
        while (starts_name(peek(lex, 0)) || is_digit(peek(lex, 0)) ||
               (peek(lex, 0) == '.' && starts_name(peek(lex, 1))))
            lex->next++;
    } else {
        for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
            size_t n = strlen(marks[i]);
            if (lex->length - lex->next < n || memcmp(lex->text + lex->next, marks[i], n) != 0)
                continue;
            t->kind = LEATI_TOKEN_MARK;
            lex->next += n;
            break;
        }
    }
    if (t->kind == LEATI_TOKEN_END)
        return leati_lex_error(lex, t->at, "'%c' has no meaning here", lex->text[t->at]);
    t->length = lex->next - t->at;
    t->text = leati_arena_strndup(lex->arena, lex->text + t->at, t->length);
    return t->text ? LEAT_OK : leat_error_status(lex->context);
}

leat_status leati_lex_next(leati_lex *lex)
{
    while (peek(lex, 0) == ' ' || peek(lex, 0) == '\t' || peek(lex, 0) == '\n' ||
           peek(lex, 0) == '\r')
        lex->next++;
    lex->token = (leati_token){.at = lex->next, .text = ""};
    char ch = peek(lex, 0);
    if (lex->next == lex->length) return LEAT_OK;
    if (ch == '`' || ch == '\'' || ch == '"') return quoted(lex, ch);
    if (is_digit(ch) || (ch == '.' && is_digit(peek(lex, 1)))) return number(lex);
    return name_or_mark(lex);
}

leat_status leati_lex_init(leati_lex *lex, leat_context *c, leati_arena *arena, const char *text)
{
    *lex = (leati_lex){.context = c, .arena = arena, .text = text, .length = strlen(text)};
    LEATI_CHECK(c, lex->length <= LEATI_LEX_MOST, LEAT_INVALID,
                "an expression may have %d bytes, this one has %zu", LEATI_LEX_MOST, lex->length);
    return leati_lex_next(lex);
}

bool leati_lex_is(const leati_lex *lex, const char *mark_or_word)
{
    const leati_token *t = &lex->token;
    bool fits = t->kind == LEATI_TOKEN_MARK || (t->kind == LEATI_TOKEN_NAME && !t->quoted);
    return fits && strcmp(t->text, mark_or_word) == 0;
}

leat_status leati_lex_take(leati_lex *lex, const char *mark_or_word, bool *taken)
{
    *taken = leati_lex_is(lex, mark_or_word);
    return *taken ? leati_lex_next(lex) : LEAT_OK;
}

leat_status leati_lex_expect(leati_lex *lex, const char *mark)
{
    if (leati_lex_is(lex, mark)) return leati_lex_next(lex);
    return leati_lex_error(lex, lex->token.at, "'%s' was expected here", mark);
}

leat_status leati_lex_name(leati_lex *lex, const char *what, const char **out)
{
    if (lex->token.kind != LEATI_TOKEN_NAME)
        return leati_lex_error(lex, lex->token.at, "%s was expected here", what);
    *out = lex->token.text;
    return leati_lex_next(lex);
}
