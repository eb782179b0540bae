/* Owns: calendar arithmetic for expressions: parts of a time, ISO 8601 texts. */
#include <string.h>

#include "frame/expr_node.h"

static const int64_t day_us = 86400000000;

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

static bool is_leap(int64_t y)
{
    return y % 4 == 0 && (y % 100 != 0 || y % 400 == 0);
}

/* Days from 1970-01-01 to the first of January of a year. */
static int64_t days_to_year(int64_t y)
{
    int64_t p = y - 1;
    return 365 * (y - 1970) + (floor_div(p, 4) - 492) - (floor_div(p, 100) - 19) +
           (floor_div(p, 400) - 4);
}

static int month_length(int64_t year, int month)
{
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return lengths[month - 1] + (month == 2 && is_leap(year));
}

leati_civil leati_civil_of(int64_t us)
{
    leati_civil v = {0};
    int64_t rest = us % day_us, days = us / day_us - (rest < 0);
    if (rest < 0) rest += day_us;
    v.year = 1970 + floor_div(days * 400, 146097); /* at most one off */
    while (days_to_year(v.year) > days) v.year--;
    while (days_to_year(v.year + 1) <= days) v.year++;
    int left = (int)(days - days_to_year(v.year));
    v.yearday = left + 1;
    for (v.month = 1; left >= month_length(v.year, v.month); v.month++)
        left -= month_length(v.year, v.month);
    v.day = left + 1;
    v.weekday = (int)(((days + 3) % 7 + 7) % 7) + 1;
    v.hour = (int)(rest / 3600000000);
    v.minute = (int)(rest / 60000000 % 60);
    v.second = (double)(rest % 60000000) / 1e6;
    return v;
}

/* Exactly `n` digits. */
static bool digits(const char **p, const char *end, int n, int64_t *out)
{
    *out = 0;
    for (; n; n--, ++*p) {
        if (*p == end || **p < '0' || **p > '9') return false;
        *out = *out * 10 + (**p - '0');
    }
    return true;
}

static bool mark(const char **p, const char *end, char ch)
{
    if (*p == end || **p != ch) return false;
    ++*p;
    return true;
}

static bool clock_part(const char **p, const char *end, int64_t *us)
{
    int64_t h, m, s = 0, fraction = 0, unit = 100000;
    if (!digits(p, end, 2, &h) || !mark(p, end, ':') || !digits(p, end, 2, &m)) return false;
    if (mark(p, end, ':')) {
        if (!digits(p, end, 2, &s)) return false;
        if (mark(p, end, '.'))
            for (; *p < end && **p >= '0' && **p <= '9'; ++*p, unit /= 10)
                fraction += unit * (**p - '0');
    }
    *us += ((h * 60 + m) * 60 + s) * 1000000 + fraction;
    if (h > 23 || m > 59 || s > 60) return false;
    if (mark(p, end, 'Z')) return true;
    int64_t sign = mark(p, end, '+') ? -1 : mark(p, end, '-') ? 1 : 0;
    if (!sign) return true;
    if (!digits(p, end, 2, &h) || !mark(p, end, ':') || !digits(p, end, 2, &m)) return false;
    *us += sign * (h * 60 + m) * 60000000;
    return h < 24 && m < 60;
}

bool leati_civil_parse(const char *text, size_t length, int64_t *us)
{
    const char *p = text, *end = text + length;
    int64_t y, m, d;
    if (!digits(&p, end, 4, &y) || !mark(&p, end, '-') || !digits(&p, end, 2, &m) ||
        !mark(&p, end, '-') || !digits(&p, end, 2, &d))
        return false;
    if (m < 1 || m > 12 || d < 1 || d > month_length(y, (int)m)) return false;
    int64_t days = days_to_year(y) + d - 1;
    for (int k = 1; k < m; k++) days += month_length(y, k);
    *us = days * day_us;
    if (p == end) return true;
    if (!mark(&p, end, ' ') && !mark(&p, end, 'T')) return false;
    return clock_part(&p, end, us) && p == end;
}
