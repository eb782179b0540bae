/* The parsed form of expressions, for the files expr*.c only. */
#ifndef LEATI_FRAME_EXPR_NODE_H
#define LEATI_FRAME_EXPR_NODE_H

#include "frame/expr.h"

enum {
    LEATI_EXPR_NODES = 1000,   /* most nodes of an expression */
    LEATI_EXPR_DEPTH = 100,    /* most nested parentheses and calls */
    LEATI_EXPR_ARGS = 64,      /* most arguments of a call */
    LEATI_EXPR_TEXT = 1 << 24, /* longer texts become missing */
    LEATI_EXPR_BLOCK = 512     /* rows evaluated at a time; a multiple of 8 */
};

/* Kinds of values: the letters of signatures. */
typedef enum leati_kind {
    LEATI_KIND_NUMBER = 'n',
    LEATI_KIND_WHOLE = 'i',
    LEATI_KIND_BOOL = 'b',
    LEATI_KIND_TEXT = 't',
    LEATI_KIND_TIME = 'd',
    LEATI_KIND_NONE = '-' /* the word `missing`: fits every kind */
} leati_kind;

typedef struct leati_text {
    const char *at;
    size_t length;
} leati_text;

/* Values of one node for a block of rows. missing[i] is 0 or 1; the value is then anything. */
typedef struct leati_block {
    union {
        void *data;
        double *n;     /* NUMBER */
        int64_t *i;    /* WHOLE, TIME */
        uint8_t *b;    /* BOOL */
        leati_text *t; /* TEXT */
    };
    uint8_t *missing;
    bool clean; /* nothing is missing: as missing[] says. The evaluator's, functions leave it */
} leati_block;

/* Computes `rows` values. For strict functions out->missing already holds whether any argument is
 * missing, else zeros. `arena` is for texts, and NULL where the result is not text. False when out
 * of memory. */
typedef bool (*leati_expr_fn)(leati_block *out, const leati_block *args, int count, size_t rows,
                              leati_arena *arena);

enum { LEATI_FN_LOOSE = 1 /* sees missing arguments, decides itself */ };

typedef struct leati_function {
    const char *name;      /* as written, or an operator */
    const char *signature; /* kinds; the last one repeats if '+' follows; '*' is any kind */
    leati_kind result;
    int flags;
    leati_expr_fn run;
} leati_function;

/* All overloads; the first whose signature fits is taken. */
extern const leati_function leati_functions[];
extern const size_t leati_function_count;

typedef enum leati_node_op {
    LEATI_NODE_COLUMN,
    LEATI_NODE_CONSTANT,
    LEATI_NODE_CALL
} leati_node_op;

enum { LEATI_SOURCE_NONE = -1, LEATI_SOURCE_MANY = -2 };

typedef struct leati_node {
    leati_node_op op;
    leati_kind kind;
    size_t at;     /* place in the text */
    int index;     /* of the node: its slot of scratch memory */
    size_t column; /* COLUMN */
    const leati_function *function;
    struct leati_node **args;
    int count;
    double number; /* CONSTANT */
    int64_t whole; /* WHOLE, TIME, BOOL */
    leati_text text;
    int source; /* the one text column it depends on, or LEATI_SOURCE_... */
} leati_node;

struct leati_expr {
    leati_arena arena;
    leati_node *root;
    int nodes;
};

/* Proleptic Gregorian calendar. */
typedef struct leati_civil {
    int64_t year;
    int month, day;            /* from 1 */
    int hour, minute, weekday; /* weekday: Monday is 1 */
    int yearday;               /* from 1 */
    double second;
} leati_civil;
leati_civil leati_civil_of(int64_t microseconds);
/* "2024-05-17", with " 13:45", ":30", ".25", "Z" or "+02:00" optional. */
bool leati_civil_parse(const char *text, size_t length, int64_t *microseconds);

#endif
