/* Owns: finding the borders of fields and records (RFC 4180, with spaces around fields and text
 * behind closing quotes let pass). Not: values. */
#include "frame/csv_scan.h"

static bool is_space(const leati_csv_text *t, char ch)
{
    return ch == ' ' || (ch == '\t' && t->delimiter != '\t');
}

static const char *plain_end(const leati_csv_text *t, const char *p, bool *zero)
{
    for (;; p++) {
        p = leati_csv_plain_end(p, t->delimiter);
        if (p >= t->end) return t->end;
        if (*p != '\0') return p;
        *zero = true;
    }
}

static void trim_end(const leati_csv_text *t, leati_csv_field *f)
{
    while (f->length && is_space(t, f->text[f->length - 1])) f->length--;
}

static const char *take_quoted(const leati_csv_text *t, const char *p, leati_csv_field *f)
{
    f->text = p;
    f->quoted = true;
    for (;;) {
        const char *quote = memchr(p, '"', (size_t)(t->end - p));
        if (!quote) {
            if (!t->last) return NULL;
            f->open = true;
            f->length = (size_t)(t->end - f->text);
            return t->end;
        }
        if (quote + 1 == t->end && !t->last) return NULL;
        if (quote[1] != '"' || quote + 1 == t->end) {
            p = quote;
            break;
        }
        f->doubled = true;
        p = quote + 2;
    }
    f->length = (size_t)(p - f->text);
    const char *after = p + 1;
    while (is_space(t, *after)) after++;
    bool ended = after == t->end || *after == t->delimiter || *after == '\n' || *after == '\r';
    if (!ended) { /* "abc"def */
        after = plain_end(t, after, &f->zero);
        f->doubled = true;
        f->length = (size_t)(after - f->text);
        trim_end(t, f);
    }
    f->zero |= memchr(f->text, '\0', f->length) != NULL;
    return after == t->end && !t->last ? NULL : after;
}

const char *leati_csv_take(const leati_csv_text *t, const char *p, leati_csv_field *f)
{
    *f = (leati_csv_field){.text = p};
    while (is_space(t, *p)) p++;
    if (*p == '"') return take_quoted(t, p + 1, f);
    f->text = p;
    p = plain_end(t, p, &f->zero);
    if (p == t->end && !t->last) return NULL;
    f->length = (size_t)(p - f->text);
    trim_end(t, f);
    return p;
}

size_t leati_csv_undouble(const leati_csv_field *f, char *to)
{
    const char *p = f->text, *end = f->text + f->length;
    size_t n = 0;
    while (p < end) {
        if (*p == '"') {
            p++;
            if (p == end || *p != '"') break;
        }
        to[n++] = *p++;
    }
    if (p < end) { /* behind the closing quote: as it stands */
        memcpy(to + n, p, (size_t)(end - p));
        n += (size_t)(end - p);
    }
    return n;
}

const char *leati_csv_record(const leati_csv_text *t, const char *p, leati_csv_field *fields,
                             size_t most, size_t *count)
{
    *count = 0;
    for (;;) {
        leati_csv_field f;
        p = leati_csv_take(t, p, &f);
        if (!p || f.open) return NULL;
        if (*count < most && fields) fields[*count] = f;
        ++*count;
        if (p == t->end || *p != t->delimiter) return leati_csv_next_line(t, p);
        p++;
    }
}
