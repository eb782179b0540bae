/* Owns: messages and notes about the rows of a CSV file. Lines are counted only here. */
#include "base/error.h"
#include "base/str.h"
#include "frame/csv_reader.h"

enum { BLOCK = 1 << 18 };

/* The line of an offset, counted now: lines are needed for messages only. */
static size_t line_of(const leati_csv_reader *r, size_t offset)
{
    leati_view v = {0};
    size_t line = 1;
    for (size_t at = 0; at < offset;) {
        size_t n = offset - at < BLOCK ? offset - at : BLOCK;
        if (leati_source_view(r->context, r->plan.source, &v, at, n + 1) != LEAT_OK) break;
        for (size_t i = 0; i < n; i++)
            line += v.data[i] == '\n' || (v.data[i] == '\r' && v.data[i + 1] != '\n');
        at += n;
    }
    leati_view_fini(&v);
    return line;
}

/* "line 17 has 8 values, 9 were expected" */
static void describe(const leati_csv_reader *r, const leati_csv_trouble *t, leati_str *out)
{
    const leati_csv_layout *l = &r->layout;
    size_t line = line_of(r, t->offset);
    const char *name = t->column < l->columns ? l->names[t->column] : "";
    switch (t->fault) {
    case LEATI_CSV_RAGGED:
        leati_str_addf(out, "line %zu has %zu %s, ", line, t->fields,
                       t->fields == 1 ? "value" : "values");
        leati_str_add(out, l->header ? "the header names " : "the first line has ");
        leati_str_addf(out, "%zu", l->columns);
        break;
    case LEATI_CSV_VALUE:
        leati_str_addf(out, "line %zu, column %s: '%s' is not a %s", line, name, t->value,
                       r->plan.kind[t->column] == LEATI_CSV_WHOLE    ? "whole number"
                       : r->plan.kind[t->column] == LEATI_CSV_NUMBER ? "number"
                       : r->plan.kind[t->column] == LEATI_CSV_TIME   ? "time"
                                                                     : "bool");
        break;
    case LEATI_CSV_ZERO:
        leati_str_addf(out, "line %zu, column %s holds a zero byte, which text cannot", line, name);
        break;
    case LEATI_CSV_OPEN:
        leati_str_addf(out, "line %zu, column %s: a quote opens here and is never closed", line,
                       name);
        break;
    }
}

leat_status leati_csv_explain(leati_csv_reader *r)
{
    leat_context *c = r->context;
    const char *name = leati_source_name(r->plan.source);
    if (r->state == LEATI_CSV_NOMEM)
        return LEATI_FAIL(c, LEAT_NOMEM, "out of memory while reading %s", name);
    if (r->state != LEATI_CSV_STOPPED || !r->troubles)
        return LEATI_FAIL(c, LEAT_IO, "cannot read all of %s: it changed or the disk failed", name);
    leati_str text;
    leati_str_init(&text, c);
    const leati_csv_trouble *t = &r->trouble[r->troubles - 1];
    describe(r, t, &text);
    if (r->report) r->report->wrong_value = t->fault == LEATI_CSV_VALUE;
    LEATI_FAIL(c, LEAT_FORMAT, "%s %s", name, leati_str_text(&text));
    leati_str_fini(&text);
    if (t->fault == LEATI_CSV_OPEN)
        return leati_error_hint(c, "close it, or write a quote inside a value as two");
    return leati_error_hint(c, "to leave such rows out: --on-error skip");
}

leat_status leati_csv_note_outcome(leati_csv_reader *r)
{
    leati_str text;
    leat_status st = LEAT_OK;
    if (!r->report) return LEAT_OK;
    r->report->dropped = r->dropped;
    leati_str_init(&text, r->context);
    for (size_t i = 0; i < r->troubles && st == LEAT_OK; i++) {
        leati_str_clear(&text);
        describe(r, &r->trouble[i], &text);
        st = leati_report_note(r->report, SIZE_MAX, "%s (row left out)", leati_str_text(&text));
    }
    leati_str_fini(&text);
    if (st == LEAT_OK && r->dropped > r->troubles)
        st = leati_report_note(r->report, SIZE_MAX, "%zu more rows were left out",
                               r->dropped - r->troubles);
    if (st == LEAT_OK && r->converted)
        st = leati_report_note(r->report, SIZE_MAX,
                               "%zu %s from line %zu on %s not UTF-8; read as Windows-1252",
                               r->converted, r->converted == 1 ? "value" : "values",
                               line_of(r, r->converted_at), r->converted == 1 ? "is" : "are");
    if (st == LEAT_OK && r->long_rows)
        st = leati_report_note(r->report, SIZE_MAX, "%zu %s with a delimiter too many",
                               r->long_rows, r->long_rows == 1 ? "row ends" : "rows end");
    return st;
}
