/* The state of reading one CSV file, shared by csv_read.c (the passes), csv_texts.c (the texts) and
 * csv_report.c (what to say). */
#ifndef LEATI_FRAME_CSV_READER_H
#define LEATI_FRAME_CSV_READER_H

#include <pthread.h>
#include <stdatomic.h>

#include "frame/csv_layout.h"
#include "frame/csv_parse.h"

/* A piece that was taken over. */
typedef struct leati_csv_piece {
    size_t first_row, rows;
} leati_csv_piece;

/* A column under construction. */
typedef struct leati_csv_target {
    leati_column *column; /* of `capacity` rows; NULL: SKIP or UNKNOWN */
    uint8_t *valid;       /* all ones but for the missing */
    size_t missing;
    leati_csv_dict dict;    /* TEXT: the texts in the order of the file */
    atomic_size_t numbered; /* TEXT: the piece whose turn it is to number its words */
} leati_csv_target;

typedef struct leati_csv_reader {
    leat_context *context;
    const leat_read_options *options;
    leat_read_report *report;
    leati_csv_layout layout;
    leati_csv_plan plan;
    size_t size, pieces, most; /* bytes, pieces, rows to read at most */
    size_t piece_bytes;
    leati_csv_target *targets; /* (columns) */
    unsigned *masks;           /* (columns): of the pieces taken over */
    bool *failed;              /* (columns): a value did not fit the kind */
    leati_csv_worker *workers;
    unsigned worker_count;
    leati_csv_piece *piece;
    /* Under the turn: only the worker whose piece number is `turn` may touch these. */
    atomic_size_t turn;
    size_t expected, rows, capacity;
    bool stopped;
    leati_csv_state state;
    leati_csv_trouble trouble[LEATI_CSV_TROUBLES]; /* the first of the file */
    size_t troubles, dropped, converted, converted_at, long_rows;
    atomic_size_t copying; /* workers that write into the columns */
    atomic_bool stop_hint, no_memory;
    pthread_mutex_t lock; /* of `turned` */
    pthread_cond_t turned;
} leati_csv_reader;

/* A turn goes from piece to piece in the order of the file: wait until it is that of `number`, and
 * hand it to the next. */
bool leati_csv_is_turn(atomic_size_t *turn, size_t number);
void leati_csv_wait_turn(leati_csv_reader *r, atomic_size_t *turn, size_t number);
void leati_csv_pass_turn(leati_csv_reader *r, atomic_size_t *turn, size_t number);
/* Numbers for the words of a piece, straight into its rows of the text columns. Called for every
 * piece that was taken over, by the worker that read it; passes every text column's turn also on
 * failure. False: out of memory. */
bool leati_csv_number_texts(leati_csv_reader *r, const leati_csv_worker *w, size_t number);
/* The dictionaries of a finished pass into the columns. */
leat_status leati_csv_adopt_texts(leati_csv_reader *r);
/* The error of a pass that did not end with DONE. */
leat_status leati_csv_explain(leati_csv_reader *r);
/* What the report says of dropped rows and repaired values. */
leat_status leati_csv_note_outcome(leati_csv_reader *r);

#endif
