/* leat table: operations on a table, one after the other. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <leat/screen.h>
#include <leat/table.h>

#include "load.h"

enum { ROWS_SHOWN = 20, COLUMNS_SHOWN = 12, CELL = 64 };

/* One cell as people read it; an empty text where the value is missing. */
static void cell_text(const leat_frame *f, size_t column, size_t row, char out[CELL])
{
    const char *text;
    size_t n;
    double v;
    int64_t whole;
    *out = '\0';
    if (leat_frame_type(f, column) == LEAT_ARRAY) {
        snprintf(out, CELL, "[...]");
    } else if (leat_frame_text(f, column, row, &text, &n)) {
        size_t used = 0;
        for (size_t at = 0; at < n;) {
            char piece[LEAT_SCREEN_VISIBLE];
            at += leat_screen_visible(text + at, n - at, false, piece);
            if (used + strlen(piece) > 28) {
                strcpy(out + used, "...");
                break;
            }
            used += (size_t)sprintf(out + used, "%s", piece);
        }
    } else if (leat_frame_number(f, column, row, &v)) {
        if (leat_frame_type(f, column) == LEAT_TIME) {
            time_t seconds = (time_t)floor(v / 1e6);
            struct tm utc;
            bool midnight = fmod(v, 86400e6) == 0;
            if (gmtime_r(&seconds, &utc))
                strftime(out, CELL, midnight ? "%Y-%m-%d" : "%Y-%m-%d %H:%M:%S", &utc);
        } else if (leat_frame_type(f, column) == LEAT_BOOL) {
            snprintf(out, CELL, "%s", v != 0 ? "true" : "false");
        } else if (leat_frame_whole(f, column, row, &whole)) {
            snprintf(out, CELL, "%lld", (long long)whole);
        } else {
            snprintf(out, CELL, "%.6g", v);
        }
    }
}

static leat_status preview(cli *c, const leat_frame *f)
{
    size_t rows = leat_frame_rows(f), columns = leat_frame_columns(f);
    size_t n = rows < ROWS_SHOWN ? rows : ROWS_SHOWN;
    size_t k = columns < COLUMNS_SHOWN ? columns : COLUMNS_SHOWN;
    char(*texts)[CELL] = calloc((n + 1) * (k + 1), CELL);
    const char **cells = calloc((n + 1) * (k + 1), sizeof *cells);
    leat_status st = LEAT_OK;
    if (!texts || !cells) {
        st = leat_error_set(c->context, LEAT_NOMEM, "out of memory");
    } else {
        for (size_t i = 0; i < (n + 1) * k; i++) {
            cells[i] = i < k ? leat_frame_name(f, i) : texts[i];
            if (i >= k) cell_text(f, i % k, i / k - 1, texts[i]);
        }
        int terminal = cli_terminal_columns(), shown = (int)k;
        while (terminal && shown > 1 &&
               cli_table_width(cells, (int)n + 1, shown, (int)k) > terminal)
            shown--;
        for (size_t i = 1; i <= n && shown < (int)k; i++)
            memmove(cells + i * (size_t)shown, cells + i * k, (size_t)shown * sizeof *cells);
        k = (size_t)shown;
        if (k) cli_table(c, cells, (int)(n + 1), (int)k, true);
        if (k && (rows > n || columns > k)) {
            char size[80];
            cli_size_text(f, size, sizeof size);
            cli_styled(c, CLI_DIM, "  the first of %s; -o FILE writes all\n", size);
        }
    }
    free(texts);
    free(cells);
    return st;
}

/* Whether an option is an operation of the table. */
static bool is_operation(const char *name)
{
    const char *op;
    for (size_t i = 0; (op = leat_table_op(i, NULL, NULL)); i++)
        if (strcmp(op, name) == 0) return true;
    return false;
}

static leat_status apply_all(cli *c, leat_frame **f)
{
    for (int i = 0; i < c->given_count; i++) {
        const char *name = c->given[i].option->name;
        const char *value = c->given[i].value ? c->given[i].value : "";
        leat_frame *next;
        char size[80];
        if (!is_operation(name)) continue;
        leat_status st = leat_table_apply(c->context, &next, *f, name, value);
        if (st != LEAT_OK) return st;
        leat_frame_release(*f);
        *f = next;
        cli_size_text(*f, size, sizeof size);
        int shown = cli_cut(value, strlen(value), 48);
        cli_styled(c, CLI_DIM, "  %-8s  %.*s%s  ->  %s\n", name, shown, value,
                   value[shown] ? "..." : "", size);
    }
    return LEAT_OK;
}

static void json_frame(leat_json *j, const char *key, const leat_frame *f, const char *path)
{
    leat_json_begin_object(j, key);
    if (path) leat_json_string(j, "file", path);
    leat_json_int(j, "rows", (int64_t)leat_frame_rows(f));
    leat_json_begin_array(j, "columns");
    for (size_t i = 0; i < leat_frame_columns(f); i++) {
        leat_json_begin_object(j, NULL);
        leat_json_string(j, "name", leat_frame_name(f, i));
        leat_json_string(j, "type", leat_type_name(leat_frame_type(f, i)));
        leat_json_int(j, "missing", (int64_t)leat_frame_missing(f, i));
        leat_json_end_object(j);
    }
    leat_json_end_array(j);
    leat_json_end_object(j);
}

static leat_status write_one(cli *c, const leat_frame *f, const char *path)
{
    leat_write_options o = leat_write_options_default();
    char size[80];
    o.format = cli_value(c, "format");
    leat_status st = leat_frame_write(c->context, f, path, &o);
    if (st != LEAT_OK || strcmp(path, "-") == 0) return st;
    cli_size_text(f, size, sizeof size);
    cli_say(c, "wrote %s: %s\n", path, size);
    return st;
}

static leat_status deliver(cli *c, const leat_frame *f, const leat_frame *rest)
{
    const char *path = cli_value(c, "output"), *rest_path = cli_value(c, "rest");
    leat_status st = LEAT_OK;
    if (path) st = write_one(c, f, path);
    if (st == LEAT_OK && rest) st = write_one(c, rest, rest_path);
    if (st == LEAT_OK && !path && !c->json) st = preview(c, f);
    if (st != LEAT_OK || !c->json) return st;
    leat_json *j = leat_json_create(c->context, 0);
    leat_json_begin_object(j, NULL);
    json_frame(j, "table", f, path);
    if (rest) json_frame(j, "rest", rest, rest_path);
    leat_json_end_object(j);
    return cli_print_json(c, j);
}

static leat_status run_table(cli *c)
{
    leat_frame *f, *part = NULL, *rest = NULL;
    char size[80];
    const char *split = cli_value(c, "split"), *path = cli_value(c, "output");
    if (!split != !cli_value(c, "rest"))
        return cli_usage(c, "--split and --rest go together: --split 20%% --rest test.csv");
    if (split && !path) return cli_usage(c, "--split needs -o FILE for the larger part");
    if (split && strcmp(path, cli_value(c, "rest")) == 0)
        return cli_usage(c, "-o and --rest name the same file, %s: one part would be lost", path);
    if (path && strcmp(path, "-") == 0) {
        if (c->json) return cli_usage(c, "-o - and --json both write to standard output");
        c->quiet = true;
    }
    leat_status st = cli_load(c, &f, c->arguments[0]);
    if (st != LEAT_OK) return st;
    cli_size_text(f, size, sizeof size);
    bool piped = strcmp(c->arguments[0], "-") == 0;
    cli_styled(c, CLI_BOLD, "%s", piped ? "standard input" : c->arguments[0]);
    cli_say(c, ": %s\n", size);
    st = apply_all(c, &f);
    if (st == LEAT_OK && split) {
        st = leat_table_split(c->context, &part, &rest, f, split);
        if (st == LEAT_OK) {
            leat_frame_release(f);
            f = part;
        }
    }
    if (st == LEAT_OK) st = deliver(c, f, rest);
    leat_frame_release(f);
    leat_frame_release(rest);
    return st;
}

#define OPERATION(name, argument, doc)                                                             \
    {#name, 0, sizeof(argument) > 1 ? argument : NULL, doc, true},

static const cli_option options[] = {
    LEAT_TABLE_OPS(OPERATION){"split", 0, "SHARE",
                              "cut at random at the end: '20%' or '20% by COL' goes to --rest",
                              false},
    {"rest", 0, "FILE", "where the part of --split goes", false},
    {"output", 'o', "FILE", "write the table; - for standard output; without it: a preview", false},
    {"format", 0, "NAME", "format to write, by default that of the file's name", false},
    CLI_READ_OPTIONS,
    {0}};

const cli_command cli_command_table = {
    .name = "table",
    .arguments = "DATA",
    .least = 1,
    .most = 1,
    .summary = "filter, join, group and otherwise change a table",
    .details =
        "DATA is a file or a named data set. Operations run in the order given, and each may"
        " be\ngiven several times. Column names that are not plain words stand in "
        "backquotes.\nThe options of reading are of DATA; a file of --join or --concat takes its "
        "own:\n'FILE with delimiter=; types=id:text on id'. docs/table.md describes\nexpressions "
        "and every operation.",
    .examples = "  leat table cars.csv --filter 'origin == \"usa\"' --sort -mpg --head 10\n"
                "  leat table tips.csv --group 'day: mean(tip), n = count()' -o days.csv\n"
                "  leat table a.csv --join 'b.csv on id how left' --impute 'median()' -o c.csv\n"
                "  leat table iris --split '20% by species' -o train.csv --rest test.csv",
    .options = options,
    .run = run_table,
};
