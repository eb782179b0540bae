/* Reads a CSV file as the command would, and says how long it took and how much memory it held.
 *
 *   csv_bench FILE [THREADS] [TIMES]            read it, best of TIMES (default 1)
 *   csv_bench write numeric|mixed|text MB FILE  make a file of that size
 *
 * `numeric` has 20 columns of normal numbers with all their digits; `mixed` has whole numbers,
 * short numbers, a date, a category of 50, a category of 20,000, a name of its own in every row,
 * a bool, and gaps; `text` is quoted sentences. bench/csv_vs_pandas.py compares with pandas. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <leat/read.h>

#include "base/file.h"
#include "base/num.h"
#include "base/rng.h"
#include "clock.h"
#include "frame/frame.h"
#include "frame/infer.h"

static void put_number(leati_writer *w, double value)
{
    char text[LEATI_NUM_SIZE];
    size_t n = leati_num_format(value, text);
    leati_writer_write(w, text, n);
}

static void numeric_row(leati_writer *w, leati_rng *r)
{
    for (int j = 0; j < 20; j++) {
        if (j) leati_writer_text(w, ",");
        put_number(w, leati_rng_normal(r));
    }
    leati_writer_text(w, "\n");
}

static void mixed_row(leati_writer *w, leati_rng *r, uint64_t row)
{
    char text[256], date[40];
    uint32_t gap = leati_rng_below(r, 50);
    leati_time_format((int64_t)leati_rng_below(r, 20000) * INT64_C(86400000000), true, date);
    int n =
        snprintf(text, sizeof text, "%llu,%u,%s,city%02u,sku-%05u,customer %llu,%s,",
                 (unsigned long long)row, leati_rng_below(r, 1000000), date, leati_rng_below(r, 50),
                 leati_rng_below(r, 20000), (unsigned long long)row * 7919 % 1000000007,
                 leati_rng_below(r, 2) ? "true" : "false");
    leati_writer_write(w, text, (size_t)n);
    if (gap) put_number(w, leati_rng_below(r, 100000) / 100.0);
    leati_writer_text(w, ",");
    put_number(w, round(leati_rng_normal(r) * 1e6) / 1e6);
    leati_writer_text(w, gap == 1 ? ",NA," : ",");
    if (gap != 1) {
        put_number(w, leati_rng_below(r, 1000) / 10.0);
        leati_writer_text(w, ",");
    }
    put_number(w, leati_rng_normal(r));
    leati_writer_text(w, "\n");
}

static void text_row(leati_writer *w, leati_rng *r, uint64_t row)
{
    static const char *const words[] = {"river", "mill",  "\"\"stone\"\"", "wheel,", "leat",
                                        "grain", "flour", "water\n",       "weir",   "sluice"};
    char text[32];
    int n = snprintf(text, sizeof text, "%llu,\"", (unsigned long long)row);
    leati_writer_write(w, text, (size_t)n);
    for (uint32_t i = 0, count = 5 + leati_rng_below(r, 20); i < count; i++) {
        leati_writer_text(w, words[leati_rng_below(r, 10)]);
        leati_writer_text(w, " ");
    }
    leati_writer_text(w, "\"\n");
}

static leat_status generate(leat_context *c, const char *kind, uint64_t bytes, const char *path)
{
    leati_writer *w;
    leati_rng r;
    leat_status st = leati_writer_open(c, &w, path);
    if (st != LEAT_OK) return st;
    leati_rng_init(&r, 1, LEATI_RNG_TEST, 0);
    bool numeric = strcmp(kind, "numeric") == 0, mixed = strcmp(kind, "mixed") == 0;
    if (numeric)
        for (int j = 0; j < 20; j++) {
            char name[16];
            snprintf(name, sizeof name, j < 19 ? "x%d," : "x%d\n", j);
            leati_writer_text(w, name);
        }
    else
        leati_writer_text(w, mixed
                                 ? "id,count,day,city,sku,customer,active,price,score,share,noise\n"
                                 : "id,text\n");
    for (uint64_t row = 0; leati_writer_offset(w) < bytes; row++) {
        if (numeric) numeric_row(w, &r);
        else if (mixed) mixed_row(w, &r, row);
        else text_row(w, &r, row);
    }
    return leati_writer_commit(w);
}

static leat_status read_once(leat_context *c, const char *path, size_t *rows, size_t *columns,
                             size_t *bytes, double *seconds)
{
    leat_frame *f;
    double start = now();
    leat_status st = leat_frame_read(c, &f, path, NULL);
    *seconds = now() - start;
    if (st != LEAT_OK) return st;
    *rows = leat_frame_rows(f);
    *columns = leat_frame_columns(f);
    *bytes = 0;
    for (size_t i = 0; i < f->columns; i++) *bytes += leati_column_bytes(f->column[i]);
    leat_frame_release(f);
    return LEAT_OK;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: csv_bench FILE [THREADS] [TIMES] | write KIND MB FILE\n");
        return 2;
    }
    leat_context_options o = leat_context_options_default();
    bool writing = argc == 5 && strcmp(argv[1], "write") == 0;
    if (!writing && argc > 2) o.threads = (unsigned)atoi(argv[2]);
    leat_context *c;
    if (leat_context_create(&c, &o) != LEAT_OK) return 1;
    leat_status st = LEAT_OK;
    if (writing) {
        st = generate(c, argv[2], strtoull(argv[3], NULL, 10) * 1000000, argv[4]);
    } else {
        size_t rows = 0, columns = 0, bytes = 0;
        double best = 1e300, seconds;
        int times = argc > 3 ? atoi(argv[3]) : 1;
        for (int i = 0; i < times && st == LEAT_OK; i++) {
            st = read_once(c, argv[1], &rows, &columns, &bytes, &seconds);
            if (seconds < best) best = seconds;
        }
        double peak = (double)peak_kilobytes() / 1000 * 1.024;
        if (st == LEAT_OK)
            printf("%zu rows %zu columns %.3f s, columns %.1f MB, peak %.1f MB (%.2f)\n", rows,
                   columns, best, (double)bytes / 1e6, peak, peak * 1e6 / (double)bytes);
    }
    if (st != LEAT_OK) fprintf(stderr, "%s\n", leat_error_message(c));
    leat_context_destroy(c);
    return st != LEAT_OK;
}
