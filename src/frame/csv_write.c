/* Owns: writing frames as CSV and TSV: quotes where needed, shortest numbers. Read back by
 * csv_read.c, values and missing values are the same. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/num.h"
#include "frame/infer.h"
#include "frame/read.h"

typedef struct output {
    leati_writer *to;
    char delimiter;
    const char *missing;
    const leati_rules *rules;
} output;

/* Texts that would be read differently without quotes: with delimiters, quotes, line ends or
 * surrounding space, empty, or like a missing value. */
static bool needs_quotes(const output *o, const char *text, size_t n)
{
    if (leati_is_missing(o->rules, text, n) || text[0] == ' ' || text[n - 1] == ' ') return true;
    if ((n == strlen(o->missing) && memcmp(text, o->missing, n) == 0)) return true;
    for (size_t i = 0; i < n; i++)
        if (text[i] == o->delimiter || strchr("\"\r\n\t", text[i])) return true;
    return false;
}

static void put_text(const output *o, const char *text, size_t n)
{
    if (!needs_quotes(o, text, n)) {
        leati_writer_write(o->to, text, n);
        return;
    }
    leati_writer_write(o->to, "\"", 1);
    for (size_t i = 0, from = 0; i <= n; i++) {
        if (i < n && text[i] != '"') continue;
        leati_writer_write(o->to, text + from, i - from + (i < n));
        from = i; /* writes the quote again */
    }
    leati_writer_write(o->to, "\"", 1);
}

/* A number column stays one: whole values get ".0". */
static void put_number(const output *o, double value)
{
    char text[LEATI_NUM_SIZE + 2];
    size_t n = leati_num_format(value, text);
    if (!strpbrk(text, ".en")) {
        memcpy(text + n, ".0", 3);
        n += 2;
    }
    leati_writer_write(o->to, text, n);
}

static void put_cell(const output *o, const leati_column *col, size_t row, bool date)
{
    char text[48];
    size_t n;
    const char *word;
    if (!leati_valid(col, row)) {
        leati_writer_text(o->to, o->missing);
        return;
    }
    switch (col->type) {
    case LEAT_F64: put_number(o, col->f64[row]); break;
    case LEAT_I64:
        n = (size_t)snprintf(text, sizeof text, "%lld", (long long)col->i64[row]);
        leati_writer_write(o->to, text, n);
        break;
    case LEAT_BOOL: leati_writer_text(o->to, col->u8[row] ? "true" : "false"); break;
    case LEAT_TIME:
        n = leati_time_format(col->i64[row], date, text);
        leati_writer_write(o->to, text, n);
        break;
    case LEAT_STRING:
        word = leati_dict_text(col->dict, col->codes[row], &n);
        put_text(o, word, n);
        break;
    case LEAT_ARRAY: break;
    }
}

static bool only_dates(const leati_column *col)
{
    for (size_t i = 0; i < col->rows; i++)
        if (leati_valid(col, i) && col->i64[i] % INT64_C(86400000000)) return false;
    return true;
}

static leat_status write_table(leat_context *c, const leat_frame *f, const output *o, bool *date)
{
    for (size_t j = 0; j < f->columns; j++) {
        const leati_column *col = f->column[j];
        LEATI_CHECK(c, col->type != LEAT_ARRAY, LEAT_TYPE,
                    "column '%s' holds blocks of numbers, which CSV cannot; write .npz",
                    f->name[j]);
        date[j] = col->type == LEAT_TIME && only_dates(col);
        if (j) leati_writer_write(o->to, &o->delimiter, 1);
        put_text(o, f->name[j], strlen(f->name[j]));
    }
    leati_writer_write(o->to, "\n", 1);
    for (size_t i = 0; i < f->rows; i++) {
        for (size_t j = 0; j < f->columns; j++) {
            if (j) leati_writer_write(o->to, &o->delimiter, 1);
            put_cell(o, f->column[j], i, date[j]);
        }
        leati_writer_write(o->to, "\n", 1);
    }
    return LEAT_OK;
}

static leat_status write_delimited(leat_context *c, const leat_frame *f, leati_writer *to,
                                   const leat_write_options *options, char delimiter)
{
    leati_rules rules;
    LEATI_TRY(leati_rules_init(c, &rules, '.', 0, NULL));
    /* A line with nothing on it is no row, so a single column says NA. */
    const char *missing = options->missing ? options->missing : f->columns == 1 ? "NA" : "";
    output o = {to, options->delimiter ? options->delimiter : delimiter, missing, &rules};
    bool *date = LEATI_NEW(c, bool, f->columns);
    if (!date) return leat_error_status(c);
    leat_status st = write_table(c, f, &o, date);
    leati_free(date);
    return st;
}

static leat_status write_csv(leat_context *c, const leat_frame *f, leati_writer *to,
                             const leat_write_options *options)
{
    return write_delimited(c, f, to, options, ',');
}

static leat_status write_tsv(leat_context *c, const leat_frame *f, leati_writer *to,
                             const leat_write_options *options)
{
    return write_delimited(c, f, to, options, '\t');
}

const leati_table_writer leati_writer_csv = {"csv", ".csv .txt", "text delimited by commas",
                                             write_csv};
const leati_table_writer leati_writer_tsv = {"tsv", ".tsv .tab", "text delimited by tabs",
                                             write_tsv};
