/* Owns: writing frames as JSON Lines: one object per row, missing values as null. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/num.h"
#include "frame/infer.h"
#include "frame/read.h"

static void put_string(leati_writer *to, const char *text, size_t n)
{
    leati_writer_write(to, "\"", 1);
    size_t from = 0;
    for (size_t i = 0; i < n; i++) {
        unsigned char ch = (unsigned char)text[i];
        if (ch >= ' ' && ch != '"' && ch != '\\') continue;
        char code[8];
        leati_writer_write(to, text + from, i - from);
        if (ch == '"' || ch == '\\') snprintf(code, sizeof code, "\\%c", ch);
        else if (ch == '\n') snprintf(code, sizeof code, "\\n");
        else snprintf(code, sizeof code, "\\u%04x", ch);
        leati_writer_text(to, code);
        from = i + 1;
    }
    leati_writer_write(to, text + from, n - from);
    leati_writer_write(to, "\"", 1);
}

/* Infinity, for which JSON has no word, as a number that reads back as it. */
static void put_number(leati_writer *to, double value)
{
    char text[LEATI_NUM_SIZE + 2];
    size_t n = leati_num_format(value, text);
    if (isinf(value)) n = (size_t)snprintf(text, sizeof text, "%s1e999", value < 0 ? "-" : "");
    else if (!strpbrk(text, ".e")) n += (size_t)snprintf(text + n, 3, ".0");
    leati_writer_write(to, text, n);
}

static void put_value(leati_writer *to, const leati_column *col, size_t row)
{
    char text[48];
    size_t n;
    const char *word;
    if (!leati_valid(col, row)) {
        leati_writer_text(to, "null");
        return;
    }
    switch (col->type) {
    case LEAT_F64: put_number(to, col->f64[row]); break;
    case LEAT_I64:
        n = (size_t)snprintf(text, sizeof text, "%lld", (long long)col->i64[row]);
        leati_writer_write(to, text, n);
        break;
    case LEAT_BOOL: leati_writer_text(to, col->u8[row] ? "true" : "false"); break;
    case LEAT_TIME:
        n = leati_time_format(col->i64[row], false, text);
        put_string(to, text, n);
        break;
    case LEAT_STRING:
        word = leati_dict_text(col->dict, col->codes[row], &n);
        put_string(to, word, n);
        break;
    case LEAT_ARRAY: break;
    }
}

/* `between`: what stands between two rows. */
static leat_status write_rows(leat_context *c, const leat_frame *f, leati_writer *to,
                              const char *between)
{
    for (size_t j = 0; j < f->columns; j++)
        LEATI_CHECK(c, f->column[j]->type != LEAT_ARRAY, LEAT_TYPE,
                    "column '%s' holds blocks of numbers, which JSON is not written for; "
                    "write .npz",
                    f->name[j]);
    for (size_t i = 0; i < f->rows; i++) {
        if (i) leati_writer_text(to, between);
        for (size_t j = 0; j < f->columns; j++) {
            leati_writer_text(to, j ? ", " : "{");
            put_string(to, f->name[j], strlen(f->name[j]));
            leati_writer_text(to, ": ");
            put_value(to, f->column[j], i);
        }
        leati_writer_text(to, "}");
    }
    return LEAT_OK;
}

static leat_status write_jsonl(leat_context *c, const leat_frame *f, leati_writer *to,
                               const leat_write_options *options)
{
    (void)options;
    LEATI_TRY(write_rows(c, f, to, "\n"));
    if (f->rows) leati_writer_text(to, "\n");
    return LEAT_OK;
}

static leat_status write_json(leat_context *c, const leat_frame *f, leati_writer *to,
                              const leat_write_options *options)
{
    (void)options;
    leati_writer_text(to, "[");
    LEATI_TRY(write_rows(c, f, to, ",\n "));
    leati_writer_text(to, "]\n");
    return LEAT_OK;
}

const leati_table_writer leati_writer_json = {"json", ".json", "JSON objects in one array",
                                              write_json};
const leati_table_writer leati_writer_jsonl = {"jsonl", ".jsonl .ndjson", "one JSON object per row",
                                               write_jsonl};
