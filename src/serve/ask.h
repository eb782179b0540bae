/* Rows on their way through a model: values go straight into the session of one thread, which runs
 * whenever it is full; the answers gather. Allocates only when more rows come than ever before.
 *
 *     leati_ask_begin(a, true, fault);
 *     for each row: leati_ask_number(a, i, value) ... for every input; leati_ask_next(a)
 *     leati_ask_end(a); leati_ask_answers(a, 0, a->rows, true)
 *
 * Requests that are joined (joined_run.h) fill the session one behind the other and share one run.
 */
#ifndef LEATI_SERVE_ASK_H
#define LEATI_SERVE_ASK_H

#include <leat/session.h>

#include "learn/schema.h"
#include "monitor/counters.h"
#include "serve/fault.h"

/* What a writer of answers sees. */
typedef struct leati_answers {
    size_t rows, classes;
    const double *value; /* (rows): the number, or the number of the class */
    const double *proba; /* (rows, classes); NULL where they were not asked for */
    uint64_t infer_ns;   /* of the runs that the request had a part in */
    uint64_t runs;       /* that it counts: 0 where another request of the same run does */
    uint64_t run_rows;   /* of these, with the rows of others */
    uint64_t shared;     /* rows of the run that another request counts; else 0 */
} leati_answers;

typedef struct leati_ask {
    leat_context *context;
    leat_session *session;
    size_t room;   /* rows of the session */
    size_t limit;  /* rows that may be set before it runs */
    bool joined;   /* a request that goes beyond the limit is split off, nothing runs */
    bool padded;   /* networks compile a plan per number of rows: they get powers of two */
    size_t most;   /* rows of the request: no run is begun for one that goes beyond; 0: any */
    bool plain;    /* whole rows of numbers need not be set: they run as they came */
    size_t filled; /* rows set since the last run */
    size_t rows;   /* answered */
    double *value; /* (rows) */
    double *proba; /* (rows, classes) */
    size_t classes, value_capacity, proba_capacity;
    bool wants_proba;
    size_t known; /* answers that are there already (leati_ask_know); 0: they are computed */
    /* Values of the first `ahead_rows` rows (leati_ask_ahead) where there is room for all rows of
     * the request: while it runs this is `value`, and what was stands in `own`. */
    double *ahead, *own;
    size_t ahead_rows;
    uint64_t infer_ns, runs, run_rows; /* of this request, or of those that are joined */
    leati_fault *fault;                /* of this request */
    double *elements;                  /* room for an array of one row */
    size_t elements_capacity;
    /* For what watches the answers (watch.h). */
    struct leati_watched *watched; /* NULL: nobody */
    struct leati_call *call;       /* that the rows are of; NULL: none */
    size_t inputs;                 /* of the model */
    size_t coming;   /* rows of the request, where that is known before the first run; else 0 */
    const void *raw; /* (rows of the run, inputs), of any alignment, where none were set */
    bool raw_f32;
    uint32_t *text_at; /* (room, inputs): 1 + where the text stands, 0: missing; NULL: none are kept
                        */
    char *texts;       /* that came since the session was begun; each with its end */
    size_t text_length, text_capacity;
} leati_ask;

/* elements: the longest array input, 0 without. */
leat_status leati_ask_init(leat_context *c, leati_ask *a, leat_model *model, size_t width,
                           size_t elements);
void leati_ask_fini(leati_ask *a);

void leati_ask_begin(leati_ask *a, bool probabilities, leati_fault *fault);
/* After the beginning: the answers to the rows that follow, which are only read, for those who
 * watch. proba NULL: none. False: there is no memory, nothing has changed. */
bool leati_ask_know(leati_ask *a, size_t rows, const double *value, const double *proba);
/* The session is empty and takes requests of `limit` rows together. */
void leati_ask_begin_joined(leati_ask *a, size_t limit);
/* Values of the present row. False: a fault was recorded. */
static inline bool leati_ask_number(leati_ask *a, size_t input, double value)
{
    if (leat_session_set_number(a->session, a->filled, input, value) == LEAT_OK) return true;
    return leati_fault_from(a->fault, a->context);
}
/* Whole rows of a model whose inputs are all numbers, completed: values (rows, inputs), f32 or f64,
 * of any alignment. False with *wrong other than SIZE_MAX: that value is infinite, no fault was
 * recorded. */
bool leati_ask_matrix(leati_ask *a, const void *values, bool f32, size_t rows, size_t inputs,
                      size_t *wrong);
/* Values of leati_ask_piece(a) whole rows, before any request of theirs is begun: the answers that
 * leati_ask_matrix would give them, to be handed to it as a->ahead. False: it will tell why. */
static inline size_t leati_ask_piece(const leati_ask *a)
{
    return a->plain ? a->room : 0; /* 0: this cannot be done */
}
bool leati_ask_ahead(leati_ask *a, const void *values, bool f32, double *value);
/* So many rows will come, for what watches. */
static inline void leati_ask_expect(leati_ask *a, size_t rows)
{
    if (!a->joined) a->coming = rows;
}
/* A request of more rows is a fault, before any of them are run where a run takes as many. */
static inline void leati_ask_at_most(leati_ask *a, size_t rows)
{
    if (!a->joined) a->most = rows;
}
bool leati_ask_text(leati_ask *a, size_t input, const char *text); /* NULL: missing */
bool leati_ask_time(leati_ask *a, size_t input, int64_t microseconds);
bool leati_ask_array(leati_ask *a, size_t input, const double *values, size_t count);
bool leati_ask_run(leati_ask *a);
bool leati_ask_full(leati_ask *a);
/* The row is complete. */
static inline bool leati_ask_next(leati_ask *a)
{
    return ++a->filled < a->limit || leati_ask_full(a);
}
static inline bool leati_ask_end(leati_ask *a)
{
    return a->filled == 0 || leati_ask_run(a);
}

/* Texts are kept from now on as they came, for leati_ask_cell. */
leat_status leati_ask_keep_texts(leati_ask *a, size_t inputs);
/* What an input was in a row of the last run; times have no cell. Texts stay until the next row is
 * begun. */
leati_cell leati_ask_cell(const leati_ask *a, size_t row, size_t input, leati_role role);
int64_t leati_ask_when(const leati_ask *a, size_t row, size_t input); /* of a TIME not missing */
/* The same of the rows row[0] .. row[count - 1] of an input of numbers; NaN: missing. */
void leati_ask_numbers(const leati_ask *a, const uint32_t *row, size_t count, size_t input,
                       double *out);
/* Of `rows` rows from `first` on, after the end. */
leati_answers leati_ask_answers(const leati_ask *a, size_t first, size_t rows, bool probabilities);

/* Whether `rows` answers from `first` on may be told by a call that takes finite ones alone; else
 * the fault says which is not. call NULL: they may. */
bool leati_ask_finite(const leati_ask *a, const struct leati_call *call, size_t first, size_t rows,
                      leati_fault *fault);

/* Nanoseconds of CLOCK_MONOTONIC. */
uint64_t leati_serve_now(void);

#endif
