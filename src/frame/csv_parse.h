/* Parsing a piece of a CSV file into typed cells, for one worker. Records no errors. */
#ifndef LEATI_FRAME_CSV_PARSE_H
#define LEATI_FRAME_CSV_PARSE_H

#include "frame/csv_dict.h"
#include "frame/csv_scan.h"
#include "frame/infer.h"
#include "io/source.h"
#include "kernel/kernels.h"

/* What the cells of a column are read as. */
typedef enum leati_csv_kind {
    LEATI_CSV_SKIP,    /* the column is not wanted */
    LEATI_CSV_UNKNOWN, /* only find out what it can be */
    LEATI_CSV_WHOLE,
    LEATI_CSV_NUMBER,
    LEATI_CSV_TIME,
    LEATI_CSV_TRUTH,
    LEATI_CSV_LOOSE, /* bool by the user's word: also yes, t, 1, ... */
    LEATI_CSV_TEXT
} leati_csv_kind;

/* What all workers share and none changes. */
typedef struct leati_csv_plan {
    const leati_source *source;
    leati_rules rules;
    char delimiter;
    bool drop_bad; /* rows; else stop */
    bool careful;  /* a number may be missing (-999) or hold the delimiter ("3,5"): no short way */
    const leati_kernels *kernels;
    size_t columns;
    leati_csv_kind *kind; /* (columns) */
    bool *forced;         /* (columns): by the user: a value that does not fit is an error */
    unsigned *mask;       /* (columns): what UNKNOWN columns can be as far as is known */
} leati_csv_plan;

typedef enum leati_csv_fault {
    LEATI_CSV_RAGGED,
    LEATI_CSV_VALUE, /* does not fit a forced type */
    LEATI_CSV_ZERO,  /* a zero byte */
    LEATI_CSV_OPEN   /* a quote that is never closed */
} leati_csv_fault;

/* A row that does not fit. */
typedef struct leati_csv_trouble {
    leati_csv_fault fault;
    size_t offset; /* of the record */
    size_t column;
    size_t fields; /* RAGGED */
    char value[48];
} leati_csv_trouble;

enum { LEATI_CSV_TROUBLES = 4 };

/* The cells of one column in one piece. */
typedef struct leati_csv_cells {
    leati_csv_kind kind; /* UNKNOWN once a value did not fit */
    unsigned mask;       /* LEATI_CAN_*: what all values of the piece can be */
    union {
        void *data;
        double *f64;
        int64_t *i64;
        uint8_t *u8;
        leati_csv_word *words; /* into the view or kept memory of the worker */
    };
    uint32_t *gaps; /* rows with a missing value, ascending */
    size_t gap_count;
} leati_csv_cells;

typedef enum leati_csv_state {
    LEATI_CSV_DONE,
    LEATI_CSV_MORE,    /* a record reaches beyond the view: widen it and go on */
    LEATI_CSV_STOPPED, /* at trouble[0] */
    LEATI_CSV_NOMEM,
    LEATI_CSV_IO
} leati_csv_state;

/* Places where fields may end, from some row on. */
typedef struct leati_csv_breaks {
    const char *base;
    uint32_t *at;       /* from base, ascending */
    size_t next, count; /* the first that was not passed; how many */
} leati_csv_breaks;

typedef struct leati_csv_worker {
    const leat_context *context;
    const leati_csv_plan *plan;
    leati_view view;
    leati_csv_cells *cells; /* (plan->columns) */
    double **numbers;       /* (plan->columns): the cells of NUMBER columns */
    size_t *run;            /* (plan->columns): NUMBER columns from here on */
    leati_csv_breaks breaks;
    size_t capacity;              /* rows that the cells hold */
    struct leati_csv_block *kept; /* undoubled and converted text, and views of the piece before */
    size_t judged, judged_end; /* offset of the record of which `fits` is known, end of the view */
    bool fits;
    /* The outcome of the piece. */
    size_t rows;
    size_t next; /* offset of the first record that was not read */
    size_t dropped, troubles;
    bool open; /* a quote is never closed: ends the reading in any case */
    leati_csv_trouble trouble[LEATI_CSV_TROUBLES];
    size_t converted, converted_at; /* fields from Windows-1252, and the first one's record */
    size_t long_rows;               /* with empty fields too many */
} leati_csv_worker;

/* The worker starts as zeros with context and plan set. */
bool leati_csv_worker_init(leati_csv_worker *w, size_t rows);
void leati_csv_worker_fini(leati_csv_worker *w);
/* Begin a piece whose first record is at `from`; forgets the piece before. */
void leati_csv_begin(leati_csv_worker *w, size_t from);
/* Read the records that begin in [w->next, stop), at most up to row `most` of the piece, widening
 * the view by at most `ahead` bytes behind `stop`. */
leati_csv_state leati_csv_parse(leati_csv_worker *w, size_t stop, size_t most, size_t ahead);

#endif
