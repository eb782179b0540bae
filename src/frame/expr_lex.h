/* Words of expressions and of the arguments of table operations; errors that point at a place. */
#ifndef LEATI_FRAME_EXPR_LEX_H
#define LEATI_FRAME_EXPR_LEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

typedef enum leati_token_kind {
    LEATI_TOKEN_END,
    LEATI_TOKEN_NAME,   /* a letter, '_' or a byte of UTF-8, then digits too; or in backquotes */
    LEATI_TOKEN_STRING, /* in ' or "; a doubled quote stands for itself, \n \t \\ \' \" as in C */
    LEATI_TOKEN_NUMBER,
    LEATI_TOKEN_MARK /* one of ( ) , : = == != <> < <= > >= + - * ** / // % ^ */
} leati_token_kind;

typedef struct leati_token {
    leati_token_kind kind;
    size_t at;        /* offset in the text */
    const char *text; /* terminated; NAME and STRING without quotes; in the arena */
    size_t length;    /* of text */
    bool quoted;      /* a NAME in backquotes: never a keyword */
    bool whole;       /* a NUMBER without point and exponent that fits i64 */
    int64_t integer;
    double number;
} leati_token;

typedef struct leati_lex {
    leat_context *context;
    leati_arena *arena;
    const char *text;
    size_t length, next; /* next: offset behind `token` */
    leati_token token;   /* the current one */
} leati_lex;

enum { LEATI_LEX_MOST = 65536 }; /* bytes of a text */

/* Reads the first token. The arena keeps the texts of tokens. Errors: INVALID with a caret. */
leat_status leati_lex_init(leati_lex *lex, leat_context *c, leati_arena *arena, const char *text);
leat_status leati_lex_next(leati_lex *lex);
bool leati_lex_is(const leati_lex *lex, const char *mark_or_word); /* a MARK, or an unquoted NAME */
/* Goes on if the token is that mark or word. */
leat_status leati_lex_take(leati_lex *lex, const char *mark_or_word, bool *taken);
leat_status leati_lex_expect(leati_lex *lex, const char *mark);
/* The text of a NAME, then goes on; INVALID says that `what` was expected. */
leat_status leati_lex_name(leati_lex *lex, const char *what, const char **out);

/* Records INVALID: the message, then the text with a caret under offset `at`. */
leat_status leati_lex_error(const leati_lex *lex, size_t at, const char *format, ...)
    LEAT_PRINTF(3, 4);

#endif
