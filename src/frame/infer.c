/* Owns: understanding single values of text files. Not: finding them (csv_*, jsonl_*). */
#include "frame/infer.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/error.h"
#include "base/num.h"
#include "base/num_scan.h"

enum { NUMBER_TEXT = 400 };
#define SECOND INT64_C(1000000)
#define DAY    (86400 * SECOND)

static const char default_missing[] = "NA,N/A,#N/A,<NA>,NaN,null,None,?,-";

static void add_word(leati_rules *r, const char *word, size_t length)
{
    double number;
    unsigned char first = (unsigned char)*word;
    r->word[r->words] = word;
    r->word_length[r->words++] = length;
    if (length > r->longest) r->longest = length;
    r->first[first] = true;
    if ((first | 0x20) >= 'a' && (first | 0x20) <= 'z') r->first[first ^ 0x20] = true;
    r->number_missing |= leati_value_number(r, word, length, &number, NULL, NULL);
}

leat_status leati_rules_init(leat_context *c, leati_rules *r, char decimal, char thousands,
                             const char *missing)
{
    memset(r, 0, sizeof *r);
    r->decimal = decimal;
    r->thousands = thousands ? thousands : decimal == ',' ? '.' : ',';
    const char *p = missing ? missing : default_missing;
    for (;;) {
        while (*p == ' ') p++;
        size_t n = strcspn(p, ","), trimmed = n;
        while (trimmed && p[trimmed - 1] == ' ') trimmed--;
        LEATI_CHECK(c, r->words < LEATI_MISSING_WORDS, LEAT_INVALID,
                    "more than %d words for missing values", LEATI_MISSING_WORDS);
        if (trimmed) add_word(r, p, trimmed);
        if (!p[n]) return LEAT_OK;
        p += n + 1;
    }
}

bool leati_is_missing_word(const leati_rules *r, const char *text, size_t length)
{
    for (size_t i = 0; i < r->words; i++)
        if (r->word_length[i] == length && strncasecmp(r->word[i], text, length) == 0) return true;
    return false;
}

bool leati_has_leading_zero(const char *text, size_t length)
{
    size_t i = length && (text[0] == '-' || text[0] == '+');
    return length > i + 1 && text[i] == '0' && (unsigned)(text[i + 1] - '0') <= 9;
}

static bool is_digit(char ch)
{
    return (unsigned)(ch - '0') <= 9;
}

/* Take the thousands separators out and make the decimal mark a point. A group has three digits,
 * the first one to three, and does not begin with a zero. */
static bool normalise(const leati_rules *r, const char *text, size_t length, char *to, size_t *n)
{
    size_t i = 0, out = 0;
    if (length >= NUMBER_TEXT) return false;
    if (text[0] == '-' || text[0] == '+') to[out++] = text[i++];
    size_t first = i;
    while (i < length && is_digit(text[i])) to[out++] = text[i++];
    bool grouped =
        i < length && text[i] == r->thousands && i > first && i - first <= 3 && text[first] != '0';
    while (grouped && i < length && text[i] == r->thousands) {
        if (length - i < 4 || !is_digit(text[i + 1]) || !is_digit(text[i + 2]) ||
            !is_digit(text[i + 3]) || (length - i > 4 && is_digit(text[i + 4])))
            return false;
        memcpy(to + out, text + i + 1, 3);
        out += 3;
        i += 4;
    }
    if (i < length && text[i] == r->decimal) {
        to[out++] = '.';
        i++;
    } else if (i < length && text[i] == '.') {
        return false;
    }
    while (i < length) {
        if (text[i] == '.') return false;
        to[out++] = text[i++];
    }
    *n = out;
    return true;
}

bool leati_value_number(const leati_rules *r, const char *text, size_t length, double *out,
                        bool *whole, int64_t *integer)
{
    char plain[NUMBER_TEXT];
    size_t n = length;
    const char *p = text;
    if (length == 0) return false;
    if (r->decimal != '.' || memchr(text, r->thousands, length)) {
        if (!normalise(r, text, length, plain, &n)) return false;
        p = plain;
    }
    if (!leati_num_parse(p, n, out) || isnan(*out)) return false;
    if (whole) *whole = leati_int_parse(p, n, integer);
    return true;
}

/* In any case; the word consists of small letters, which alone become themselves with that bit. */
static bool equals(const char *text, size_t length, const char *word)
{
    if (strlen(word) != length) return false;
    for (size_t i = 0; i < length; i++)
        if ((text[i] | 0x20) != word[i]) return false;
    return true;
}

bool leati_value_bool(const char *text, size_t length, bool loose, uint8_t *out)
{
    /* In pairs: for and against. The first pair is always understood. */
    static const char *const words[] = {"true", "false", "yes", "no", "on", "off"};
    static const char ones[] = "1tTyY", zeros[] = "0fFnN";
    if (length == 1 && loose) {
        *out = strchr(ones, text[0]) != NULL;
        return text[0] && (*out || strchr(zeros, text[0]));
    }
    for (size_t i = 0; i < (loose ? sizeof words / sizeof *words : 2); i++) {
        if (!equals(text, length, words[i])) continue;
        *out = i % 2 == 0;
        return true;
    }
    return false;
}

/* Two digits, at most `most`. */
static bool two(const char *p, int least, int most, int *out)
{
    if (!is_digit(p[0]) || !is_digit(p[1])) return false;
    *out = (p[0] - '0') * 10 + (p[1] - '0');
    return *out >= least && *out <= most;
}

/* Days since 1970-01-01 in the proleptic Gregorian calendar, years from March (the method of
 * H. Hinnant, "chrono-compatible low-level date algorithms"). */
static int64_t days_from_date(int year, int month, int day)
{
    int y = year - (month <= 2), era = (y >= 0 ? y : y - 399) / 400, of_era = y - era * 400;
    int of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t days = of_era * 365 + of_era / 4 - of_era / 100 + of_year;
    return era * INT64_C(146097) + days - 719468;
}

static bool parse_date(const char *p, int64_t *out)
{
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    /* Eight characters less those of "0000-00-": digits, and nothing where a line stands. */
    uint64_t x = leati_load8(p) ^ UINT64_C(0x2d30302d30303030);
    uint64_t bad = (x | (x + UINT64_C(0x0606060606060606))) & UINT64_C(0xf0f0f0f0f0f0f0f0);
    if (bad | (x & UINT64_C(0xff0000ff00000000)) || !is_digit(p[8]) || !is_digit(p[9]))
        return false;
    x = x * 10 + (x >> 8); /* pairs in bytes 0, 2 and 5 */
    int year = (int)(x & 0xff) * 100 + (int)(x >> 16 & 0xff), month = (int)(x >> 40 & 0xff);
    int day = (p[8] - '0') * 10 + (p[9] - '0');
    if (month < 1 || month > 12 || day < 1) return false;
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    if (year == 0 || day > lengths[month - 1] + (month == 2 && leap)) return false;
    *out = days_from_date(year, month, day) * DAY;
    return true;
}

/* "", "Z", "+01", "+01:00", "-0530". */
static bool parse_offset(const char *p, size_t n, int64_t *out)
{
    int hours, minutes = 0;
    *out = 0;
    if (n == 0 || (n == 1 && (*p | 0x20) == 'z')) return true;
    if ((*p != '+' && *p != '-') || n < 3 || !two(p + 1, 0, 14, &hours)) return false;
    if (n == 5 && !two(p + 3, 0, 59, &minutes)) return false;
    if (n == 6 && (p[3] != ':' || !two(p + 4, 0, 59, &minutes))) return false;
    if (n == 4 || n > 6) return false;
    *out = (hours * 60 + minutes) * 60 * SECOND * (*p == '-' ? -1 : 1);
    return true;
}

bool leati_value_time(const char *text, size_t n, int64_t *out)
{
    int hours, minutes, seconds = 0;
    int64_t part = 0, scale = SECOND, offset;
    if (n < 10 || n > 40 || !parse_date(text, out)) return false;
    if (n == 10) return true;
    if (n < 16 || (text[10] != 'T' && text[10] != ' ' && text[10] != 't') || text[13] != ':' ||
        !two(text + 11, 0, 23, &hours) || !two(text + 14, 0, 59, &minutes))
        return false;
    size_t i = 16;
    if (i < n && text[i] == ':') {
        if (n < 19 || !two(text + 17, 0, 59, &seconds)) return false;
        i = 19;
        if (i < n && (text[i] == '.' || text[i] == ',')) {
            size_t from = ++i;
            for (; i < n && is_digit(text[i]); i++)
                if (scale > 1) part = part * 10 + (text[i] - '0'), scale /= 10;
            if (i == from) return false;
        }
    }
    if (i < n && text[i] == ' ' && i + 1 < n) i++;
    if (!parse_offset(text + i, n - i, &offset)) return false;
    *out += ((hours * 60 + minutes) * 60 + seconds) * SECOND + part * scale - offset;
    return true;
}

size_t leati_time_format(int64_t t, bool date, char out[40])
{
    int64_t days = t / DAY - (t % DAY < 0), rest = t - days * DAY;
    int64_t z = days + 719468, era = (z >= 0 ? z : z - 146096) / 146097, doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
    int day = (int)(doy - (153 * mp + 2) / 5 + 1), month = (int)(mp < 10 ? mp + 3 : mp - 9);
    int64_t year = yoe + era * 400 + (month <= 2);
    int n = snprintf(out, 40, "%04lld-%02d-%02d", (long long)year, month, day);
    if (date) return (size_t)n;
    int64_t s = rest / SECOND, fraction = rest % SECOND;
    n += snprintf(out + n, 40 - (size_t)n, "T%02d:%02d:%02d", (int)(s / 3600), (int)(s / 60 % 60),
                  (int)(s % 60));
    if (fraction) {
        n += snprintf(out + n, 40 - (size_t)n, ".%06d", (int)fraction);
        while (out[n - 1] == '0') n--;
    }
    out[n++] = 'Z';
    out[n] = '\0';
    return (size_t)n;
}

unsigned leati_classify(const leati_rules *r, const char *text, size_t length, unsigned mask)
{
    unsigned can = 0;
    double number;
    int64_t integer;
    uint8_t truth;
    bool whole;
    char first = *text;
    if ((mask & (LEATI_CAN_WHOLE | LEATI_CAN_NUMBER)) && !leati_has_leading_zero(text, length) &&
        leati_value_number(r, text, length, &number, &whole, &integer))
        can |= LEATI_CAN_NUMBER | (whole && !(first == '-' && integer == 0) ? LEATI_CAN_WHOLE : 0);
    if ((mask & LEATI_CAN_TIME) && is_digit(first) && leati_value_time(text, length, &integer))
        can |= LEATI_CAN_TIME;
    if ((mask & LEATI_CAN_TRUTH) && leati_value_bool(text, length, false, &truth))
        can |= LEATI_CAN_TRUTH;
    else if ((mask & LEATI_CAN_ANSWER) && length > 1 &&
             leati_value_bool(text, length, true, &truth))
        can |= LEATI_CAN_ANSWER;
    return can & mask;
}

leat_type leati_type_of(unsigned mask)
{
    if (mask == LEATI_CAN_ALL) return LEAT_F64; /* nothing but missing values */
    if (mask & LEATI_CAN_WHOLE) return LEAT_I64;
    if (mask & LEATI_CAN_NUMBER) return LEAT_F64;
    if (mask & LEATI_CAN_TIME) return LEAT_TIME;
    if (mask & LEATI_CAN_TRUTH) return LEAT_BOOL;
    return LEAT_STRING;
}

leat_status leati_type_parse(leat_context *c, const char *text, size_t length, leat_type *out)
{
    for (int type = LEAT_F64; type <= LEAT_TIME; type++) {
        const char *name = leat_type_name((leat_type)type);
        *out = (leat_type)type;
        if (strlen(name) == length && memcmp(name, text, length) == 0) return LEAT_OK;
    }
    return LEATI_FAIL(c, LEAT_INVALID,
                      "'%.*s' is not a type; there are number, whole, bool, text and time",
                      (int)length, text);
}
