/* Small tables from text and back, for tests of operations.
 *
 * "a:i b:n c:t d:b e:d | 1 2.5 x true 2024-01-31 | . . . . ." : names and kinds (whole, number,
 * text, bool, time), then rows; a dot is a missing value. */
#ifndef FRAMETEXT_H
#define FRAMETEXT_H

#include "support/leattest.h"

#include "base/map.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/str.h"
#include "frame/expr_node.h"
#include "frame/frame.h"

/* Cell `column` of row `row`: row 0 names the columns. Returns its length, 0 at the end. */
static size_t frametext_cell(const char *text, size_t row, size_t column, const char **out)
{
    for (; row && *text; text++)
        if (*text == '|') row--;
    for (;; column--) {
        while (*text == ' ') text++;
        size_t n = strcspn(text, " |");
        if (n == 0 || column == 0) {
            *out = text;
            return n;
        }
        text += n;
    }
}

static leati_column *frametext_column(leat_context *c, const char *text, size_t column, char kind,
                                      size_t rows)
{
    leati_map map;
    const char *cell;
    leat_type type = kind == 'i'   ? LEAT_I64
                     : kind == 't' ? LEAT_STRING
                     : kind == 'b' ? LEAT_BOOL
                     : kind == 'd' ? LEAT_TIME
                                   : LEAT_F64;
    leati_column *col = leati_column_create(c, type, rows);
    leati_map_init(&map, c);
    bool good = col != NULL;
    for (size_t i = 0; good && i < rows; i++) {
        size_t n = frametext_cell(text, i + 1, column, &cell);
        if (n == 1 && *cell == '.') good = leati_column_set_missing(c, col, i) == LEAT_OK;
        else if (type == LEAT_F64) good = leati_num_parse(cell, n, &col->f64[i]);
        else if (type == LEAT_I64) good = leati_int_parse(cell, n, &col->i64[i]);
        else if (type == LEAT_BOOL) col->u8[i] = *cell == 't';
        else if (type == LEAT_TIME) good = leati_civil_parse(cell, n, &col->i64[i]);
        else good = (col->codes[i] = leati_map_put(&map, cell, n)) != LEATI_MAP_NONE;
    }
    if (good && type == LEAT_STRING) good = (col->dict = leati_dict_from_map(c, &map)) != NULL;
    leati_map_fini(&map);
    if (good) return col;
    leati_column_release(col);
    return NULL;
}

static leat_frame *frametext(leat_context *c, const char *text)
{
    size_t rows = 0, n;
    const char *cell;
    for (const char *p = text; *p; p++) rows += *p == '|';
    leat_frame *f = leati_frame_create(c, rows);
    for (size_t k = 0; f && (n = frametext_cell(text, 0, k, &cell)) > 2; k++) {
        char name[64];
        snprintf(name, sizeof name, "%.*s", (int)n - 2, cell);
        leati_column *col = frametext_column(c, text, k, cell[n - 1], rows);
        if (leati_frame_add(c, f, name, col) == LEAT_OK) continue;
        leat_frame_release(f);
        f = NULL;
    }
    return f;
}

/* "a b | 1 2.5 | . x": names, then values. Into a buffer that the next call uses again. */
static inline const char *frametext_show(const leat_frame *f)
{
    static char out[8192];
    size_t n = 0;
    char number[LEATI_NUM_SIZE];
    for (size_t k = 0; k < f->columns; k++)
        n += (size_t)snprintf(out + n, sizeof out - n, "%s%s", k ? " " : "", f->name[k]);
    for (size_t i = 0; i < f->rows && n < sizeof out / 2; i++) {
        n += (size_t)snprintf(out + n, sizeof out - n, " |");
        for (size_t k = 0; k < f->columns; k++) {
            const leati_column *col = f->column[k];
            const char *cell = number;
            double v;
            if (!leati_valid(col, i)) cell = ".";
            else if (col->type == LEAT_STRING)
                cell = leati_dict_text(col->dict, col->codes[i], NULL);
            else if (col->type == LEAT_BOOL) cell = col->u8[i] ? "true" : "false";
            else if (col->type == LEAT_I64)
                snprintf(number, sizeof number, "%lld", (long long)col->i64[i]);
            else if (leat_frame_number(f, k, i, &v)) leati_num_format(v, number);
            n += (size_t)snprintf(out + n, sizeof out - n, " %s", cell);
        }
    }
    return out;
}

#endif
