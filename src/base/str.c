/* Owns: the string builder and the nearest-name search. */
#include "base/str.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

void leati_str_init(leati_str *s, leat_context *c)
{
    *s = (leati_str){.context = c};
}

void leati_str_fini(leati_str *s)
{
    leati_free(s->text);
    leati_str_init(s, s->context);
}

void leati_str_clear(leati_str *s)
{
    s->length = 0;
    if (s->text) s->text[0] = '\0';
}

const char *leati_str_text(const leati_str *s)
{
    return s->text ? s->text : "";
}

leat_status leati_str_status(const leati_str *s)
{
    return s->status;
}

/* Room for `more` characters and the terminator. */
static char *reserve(leati_str *s, size_t more)
{
    size_t need;
    if (s->status != LEAT_OK) return NULL;
    if (leati_add_overflows(s->length, more, &need) || need == SIZE_MAX) s->status = LEAT_NOMEM;
    else s->status = leati_grow(s->context, &s->text, &s->capacity, need + 1, 1);
    return s->status == LEAT_OK ? s->text + s->length : NULL;
}

void leati_str_addn(leati_str *s, const char *text, size_t length)
{
    char *at = reserve(s, length);
    if (!at) return;
    if (length) memcpy(at, text, length);
    at[length] = '\0';
    s->length += length;
}

void leati_str_add(leati_str *s, const char *text)
{
    leati_str_addn(s, text, strlen(text));
}

void leati_str_addc(leati_str *s, char ch)
{
    leati_str_addn(s, &ch, 1);
}

void leati_str_add_label(leati_str *s, const char *value)
{
    for (const char *at = value;; at++) {
        size_t plain = strcspn(at, "\\\"\n");
        leati_str_addn(s, at, plain);
        at += plain;
        if (!*at) return;
        leati_str_addc(s, '\\');
        leati_str_addc(s, *at == '\n' ? 'n' : *at);
    }
}

void leati_str_again(leati_str *s, size_t from, size_t length)
{
    char *at = reserve(s, length); /* which moves what is copied */
    if (!at) return;
    memcpy(at, s->text + from, length);
    at[length] = '\0';
    s->length += length;
}

void leati_str_addu(leati_str *s, uint64_t value)
{
    char digits[20], *at = digits + sizeof digits;
    do *--at = (char)('0' + value % 10);
    while (value /= 10);
    leati_str_addn(s, at, (size_t)(digits + sizeof digits - at));
}

/* Mostly it fits into what is there. */
void leati_str_addv(leati_str *s, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    size_t room = s->text && s->status == LEAT_OK ? s->capacity - s->length : 0;
    int n = vsnprintf(room ? s->text + s->length : NULL, room, format, args);
    if (n >= 0 && (size_t)n < room) {
        s->length += (size_t)n;
    } else {
        if (room) s->text[s->length] = '\0';
        char *at = n >= 0 ? reserve(s, (size_t)n) : NULL;
        if (at) {
            vsnprintf(at, (size_t)n + 1, format, again);
            s->length += (size_t)n;
        }
    }
    va_end(again);
}

void leati_str_addf(leati_str *s, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    leati_str_addv(s, format, args);
    va_end(args);
}

char *leati_str_take(leati_str *s)
{
    leati_str_addn(s, "", 0);
    char *text = s->text;
    if (s->status != LEAT_OK) {
        leati_str_fini(s);
        return NULL;
    }
    leati_str_init(s, s->context);
    return text;
}

enum { EDIT = 64 }; /* a name in the other case is nearer than one with another letter */

/* What it costs to write b for a. */
static size_t exchange(char a, char b)
{
    unsigned char x = (unsigned char)a, y = (unsigned char)b, lower = x | 0x20;
    if (x == y) return 0;
    return lower == (y | 0x20) && lower >= 'a' && lower <= 'z' ? 1 : EDIT;
}

/* EDIT times the optimal string alignment distance (a swap of neighbours counts one), and one for
 * each letter in the other case; names up to 63 bytes. */
static size_t distance(const char *a, const char *b)
{
    enum { MOST = 63 };
    size_t rows[3][MOST + 1], n = strlen(a), m = strlen(b);
    if (n > MOST || m > MOST) return EDIT * MOST;
    size_t *before = rows[0], *last = rows[1], *now = rows[2];
    for (size_t j = 0; j <= m; j++) last[j] = EDIT * j;
    for (size_t i = 1; i <= n; i++) {
        now[0] = EDIT * i;
        for (size_t j = 1; j <= m; j++) {
            size_t best = last[j - 1] + exchange(a[i - 1], b[j - 1]);
            if (last[j] + EDIT < best) best = last[j] + EDIT;
            if (now[j - 1] + EDIT < best) best = now[j - 1] + EDIT;
            bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            if (swapped && before[j - 2] + EDIT < best) best = before[j - 2] + EDIT;
            now[j] = best;
        }
        size_t *free_row = before;
        before = last;
        last = now;
        now = free_row;
    }
    return last[m];
}

const char *leati_nearest(const char *wrong, const char *const *names, size_t count)
{
    const char *best = NULL;
    size_t n = strlen(wrong), least = EDIT * (n / 3 + 2); /* must be nearer than this */
    for (size_t i = 0; i < count; i++) {
        size_t d = distance(wrong, names[i]), m = strlen(names[i]);
        bool other = d >= EDIT * (n > m ? n : m); /* nothing of it is left */
        if (d < least && !other) {
            least = d;
            best = names[i];
        }
    }
    return best;
}
