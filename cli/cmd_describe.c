/* leat describe: what is in a table, before anything is fitted. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <leat/profile.h>
#include <leat/screen.h>

#include "load.h"

static const char *const blocks[] = {" ",      "\u2581", "\u2582", "\u2583", "\u2584",
                                     "\u2585", "\u2586", "\u2587", "\u2588"};

/* The histogram as one line of 12 block characters. */
static void sparkline(const leat_column_profile *p, char out[64])
{
    uint64_t merged[LEAT_PROFILE_BINS / 2] = {0}, most = 0;
    *out = '\0';
    if (isnan(p->least) || p->least == p->most) return;
    for (int i = 0; i < LEAT_PROFILE_BINS; i++) merged[i / 2] += p->bins[i];
    for (int i = 0; i < LEAT_PROFILE_BINS / 2; i++)
        if (merged[i] > most) most = merged[i];
    for (int i = 0; i < LEAT_PROFILE_BINS / 2; i++) {
        double share = most ? (double)merged[i] / (double)most : 0;
        int level = merged[i] ? 1 + (int)(share * 7.0) : 0;
        strcat(out, blocks[level]);
    }
}

/* A number, or for times a date. */
static void value_text(const leat_column_profile *p, double value, char *out, size_t size)
{
    if (isnan(value)) {
        *out = '\0';
    } else if (p->type == LEAT_TIME) {
        char date[CLI_DATE];
        cli_date(value, date);
        snprintf(out, size, "%s", date);
    } else {
        snprintf(out, size, "%.5g", value);
    }
}

/* Values that are not finite: the other numbers leave them out. */
static size_t infinite(const leat_column_profile *p)
{
    size_t n = p->type == LEAT_F64 ? p->count : 0;
    for (size_t k = 0; n && k < LEAT_PROFILE_BINS; k++) n -= p->bins[k];
    return n;
}

static void range_text(const leat_column_profile *p, char *out, size_t size)
{
    char low[32], middle[32], high[32];
    value_text(p, p->least, low, sizeof low);
    value_text(p, p->median, middle, sizeof middle);
    value_text(p, p->most, high, sizeof high);
    *out = '\0';
    if (p->type == LEAT_BOOL && p->count) {
        size_t trues = (size_t)(p->mean * (double)p->count + 0.5);
        snprintf(out, size, "true %zu, false %zu", trues, p->count - trues);
        return;
    }
    if (*low) snprintf(out, size, "%s .. %s .. %s", low, middle, high);
    if (infinite(p)) {
        size_t used = strlen(out);
        snprintf(out + used, size - used, "%s%zu infinite", used ? ", " : "", infinite(p));
    }
    for (size_t k = 0; k < p->top_count && k < 3; k++) {
        size_t used = strlen(out);
        int length = cli_cut(p->top[k], p->top_length[k], 18);
        snprintf(out + used, size - used, "%s%.*s%s %zu", k ? ", " : "", length, p->top[k],
                 p->top_length[k] > 18 ? "..." : "", p->top_rows[k]);
    }
    if (p->distinct > 3 && p->top_count) {
        size_t used = strlen(out);
        snprintf(out + used, size - used, ", ...");
    }
}

/* On a terminal the texts of a column take what room is left of a line. */
static void fit_texts(const char **cells, char (*text)[4][160], size_t rows)
{
    enum { COLUMNS = 6, SPARK = 12, LEAST = 23 };
    int room = cli_terminal_columns();
    if (!room) return;
    room -= cli_table_width(cells, (int)rows + 1, 4, COLUMNS) + 2 + SPARK + 2;
    if (room < LEAST) room = LEAST;
    for (size_t i = 0; i < rows; i++) {
        char *range = text[i][2];
        size_t n = strlen(range), end = 0;
        if (leat_screen_width(range, n) <= room || *text[i][3]) continue;
        for (size_t next = 0; leat_screen_width(range, next) <= room - 3;) {
            end = next++;
            while ((range[next] & 0xc0) == 0x80) next++;
        }
        strcpy(range + end, "...");
    }
}

static leat_status print_text(cli *c, const leat_column_profile *p, size_t n, size_t rows)
{
    enum { COLUMNS = 6, MOST = 200 };
    size_t shown = n < MOST ? n : MOST;
    char(*text)[4][160] = calloc(shown + 1, sizeof *text);
    const char **cells = calloc((shown + 1) * COLUMNS, sizeof *cells);
    leat_status st = LEAT_OK;
    if (!text || !cells) {
        st = leat_error_set(c->context, LEAT_NOMEM, "out of memory");
        goto out;
    }
    static const char *const head[COLUMNS] = {
        "column", "type", "missing", "distinct", "least .. median .. most", ""};
    memcpy(cells, head, sizeof head);
    for (size_t i = 0; i < shown; i++) {
        double share = rows ? 100.0 * (double)p[i].missing / (double)rows : 0;
        if (p[i].missing) snprintf(text[i][0], 160, "%.1f%%", share);
        if (p[i].type != LEAT_ARRAY) snprintf(text[i][1], 160, "%zu", p[i].distinct);
        range_text(&p[i], text[i][2], 160);
        sparkline(&p[i], text[i][3]);
        const char *row[COLUMNS] = {
            p[i].name, leat_type_name(p[i].type), text[i][0], text[i][1], text[i][2], text[i][3]};
        memcpy(cells + (i + 1) * COLUMNS, row, sizeof row);
    }
    fit_texts(cells, text, shown);
    cli_table(c, cells, (int)shown + 1, COLUMNS, true);
    if (shown < n) cli_say(c, "  and %zu more columns\n", n - shown);
out:
    free(text);
    free(cells);
    return st;
}

/* A number of the column's unit; times, which are microseconds, as ISO 8601. */
static void json_value(leat_json *j, const char *key, const leat_column_profile *p, double v)
{
    char text[80];
    time_t seconds = (time_t)floor(v / 1e6);
    struct tm utc;
    if (p->type != LEAT_TIME || !isfinite(v) || !gmtime_r(&seconds, &utc)) {
        leat_json_number(j, key, v);
        return;
    }
    size_t n = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc);
    int part = (int)(v - floor(v / 1e6) * 1e6);
    snprintf(text + n, sizeof text - n, part ? ".%06dZ" : "Z", part);
    leat_json_string(j, key, text);
}

static leat_status print_json(cli *c, const leat_frame *f, const leat_column_profile *p)
{
    leat_json *j = leat_json_create(c->context, 0);
    leat_json_begin_object(j, NULL);
    leat_json_int(j, "rows", (int64_t)leat_frame_rows(f));
    leat_json_begin_array(j, "columns");
    for (size_t i = 0; i < leat_frame_columns(f); i++) {
        leat_json_begin_object(j, NULL);
        leat_json_string(j, "name", p[i].name);
        leat_json_string(j, "type", leat_type_name(p[i].type));
        leat_json_int(j, "missing", (int64_t)p[i].missing);
        if (p[i].type != LEAT_ARRAY) leat_json_int(j, "distinct", (int64_t)p[i].distinct);
        if (!isnan(p[i].mean)) {
            json_value(j, "mean", &p[i], p[i].mean);
            /* of times in seconds, as their differences are */
            leat_json_number(j, "std", p[i].type == LEAT_TIME ? p[i].std / 1e6 : p[i].std);
            json_value(j, "least", &p[i], p[i].least);
            json_value(j, "quartile1", &p[i], p[i].quartile1);
            json_value(j, "median", &p[i], p[i].median);
            json_value(j, "quartile3", &p[i], p[i].quartile3);
            json_value(j, "most", &p[i], p[i].most);
        }
        if (infinite(&p[i])) leat_json_int(j, "infinite", (int64_t)infinite(&p[i]));
        if (p[i].top_count) leat_json_begin_array(j, "top");
        for (size_t k = 0; k < p[i].top_count; k++) {
            leat_json_begin_object(j, NULL);
            leat_json_stringn(j, "value", p[i].top[k], p[i].top_length[k]);
            leat_json_int(j, "rows", (int64_t)p[i].top_rows[k]);
            leat_json_end_object(j);
        }
        if (p[i].top_count) leat_json_end_array(j);
        leat_json_end_object(j);
    }
    leat_json_end_array(j);
    leat_json_end_object(j);
    return cli_print_json(c, j);
}

static leat_status run_describe(cli *c)
{
    leat_frame *f;
    char size[80];
    leat_status st = cli_load(c, &f, c->arguments[0]);
    if (st != LEAT_OK) return st;
    size_t n = leat_frame_columns(f);
    leat_column_profile *p = calloc(n + 1, sizeof *p);
    st = p ? leat_profile_columns(c->context, f, p)
           : leat_error_set(c->context, LEAT_NOMEM, "out of memory");
    cli_size_text(f, size, sizeof size);
    bool input = strcmp(c->arguments[0], "-") == 0;
    cli_styled(c, CLI_BOLD, "%s", input ? "standard input" : c->arguments[0]);
    cli_say(c, ": %s\n", size);
    if (st == LEAT_OK) st = c->json ? print_json(c, f, p) : print_text(c, p, n, leat_frame_rows(f));
    free(p);
    leat_frame_release(f);
    return st;
}

static const cli_option options[] = {CLI_READ_OPTIONS, {0}};

const cli_command cli_command_describe = {
    .name = "describe",
    .arguments = "DATA",
    .least = 1,
    .most = 1,
    .summary = "what is in a table: types, missing values, ranges",
    .details = "DATA is a file (CSV, JSON Lines, NumPy, IDX, SQLite; - for standard input), a "
               "folder\nof images or a named data set.",
    .examples = "  leat describe cars.csv\n  leat describe prices.csv --decimal , --types zip:text",
    .options = options,
    .run = run_describe,
};
