/* Owns: operators and functions of expressions. Not: their grammar and types. */
#include <math.h>
#include <string.h>

#include "base/num.h"
#include "frame/expr_node.h"

#define FN(name)                                                                                   \
    static bool name(leati_block *out, const leati_block *a, int count, size_t rows,               \
                     leati_arena *arena)
#define UNUSED_ (void)count, (void)arena

/* out[i] from the first one or two arguments; TO, X, Y: the kind letters. Local pointers, as writes
 * of bytes might else change the blocks themselves, which keeps loops from vectors. */
#define MAP1(name, TO, X, expression)                                                              \
    FN(name)                                                                                       \
    {                                                                                              \
        const leati_c_##X *restrict xs = a[0].X;                                                   \
        leati_c_##TO *restrict to = out->TO;                                                       \
        UNUSED_;                                                                                   \
        for (size_t i = 0; i < rows; i++) {                                                        \
            leati_c_##X x = xs[i];                                                                 \
            to[i] = (expression);                                                                  \
        }                                                                                          \
        return true;                                                                               \
    }
#define MAP2(name, TO, X, Y, expression)                                                           \
    FN(name)                                                                                       \
    {                                                                                              \
        const leati_c_##X *restrict xs = a[0].X;                                                   \
        const leati_c_##Y *restrict ys = a[1].Y;                                                   \
        leati_c_##TO *restrict to = out->TO;                                                       \
        UNUSED_;                                                                                   \
        for (size_t i = 0; i < rows; i++) {                                                        \
            leati_c_##X x = xs[i];                                                                 \
            leati_c_##Y y = ys[i];                                                                 \
            to[i] = (expression);                                                                  \
        }                                                                                          \
        return true;                                                                               \
    }
typedef double leati_c_n;
typedef int64_t leati_c_i;
typedef uint8_t leati_c_b;
typedef leati_text leati_c_t;

/* --- conversions ---------------------------------------------------------------------------- */
MAP1(number_of_whole, n, i, (double)x)
MAP1(number_of_bool, n, b, (double)x)
MAP1(whole_of_bool, i, b, (int64_t)x)

FN(number_of_text)
{
    UNUSED_;
    for (size_t i = 0; i < rows; i++) {
        leati_text t = a[0].t[i];
        out->n[i] = 0;
        out->n[i] = 0;
        if (out->missing[i] || leati_num_parse(t.at, t.length, &out->n[i])) continue;
        out->missing[i] = 1;
    }
    return true;
}

FN(time_of_text)
{
    UNUSED_;
    for (size_t i = 0; i < rows; i++) {
        out->i[i] = 0;
        if (out->missing[i] || leati_civil_parse(a[0].t[i].at, a[0].t[i].length, &out->i[i]))
            continue;
        out->missing[i] = 1;
    }
    return true;
}

static bool keep_text(leati_block *out, size_t i, leati_arena *arena, const char *at, size_t n)
{
    const char *copy = leati_arena_strndup(arena, at, n);
    out->t[i] = (leati_text){copy, n};
    return copy != NULL;
}

FN(text_of_number)
{
    (void)count;
    char text[LEATI_NUM_SIZE];
    for (size_t i = 0; i < rows; i++) {
        if (out->missing[i]) continue;
        if (!keep_text(out, i, arena, text, leati_num_format(a[0].n[i], text))) return false;
    }
    return true;
}

static size_t format_whole(int64_t value, char out[LEATI_NUM_SIZE])
{
    char digits[LEATI_NUM_SIZE];
    size_t n = 0, at = 0;
    uint64_t left = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    do digits[n++] = (char)('0' + left % 10);
    while (left /= 10);
    if (value < 0) out[at++] = '-';
    while (n) out[at++] = digits[--n];
    return at;
}

FN(text_of_whole)
{
    (void)count;
    char text[LEATI_NUM_SIZE];
    for (size_t i = 0; i < rows; i++) {
        if (out->missing[i]) continue;
        if (!keep_text(out, i, arena, text, format_whole(a[0].i[i], text))) return false;
    }
    return true;
}

/* --- arithmetic ------------------------------------------------------------------------------ */
MAP2(add_n, n, n, n, x + y)
MAP2(subtract_n, n, n, n, x - y)
MAP2(multiply_n, n, n, n, x *y)
MAP2(divide_n, n, n, n, x / y)

/* The remainder has the divisor's sign and is exact, as is what is left to divide: 1 // 0.1 is 9.
 */
static double remainder_of(double x, double y)
{
    double r = fmod(x, y);
    return r != 0 && (r < 0) != (y < 0) ? r + y : r;
}

static double floor_of_division(double x, double y)
{
    if (isfinite(x) && isinf(y)) return x == 0 || (x < 0) == (y < 0) ? 0 : -1;
    if (y == 0 || !isfinite(x)) return floor(x / y);
    double q = (x - remainder_of(x, y)) / y, whole = floor(q);
    return q - whole > 0.5 ? whole + 1 : whole;
}

MAP2(floor_divide_n, n, n, n, floor_of_division(x, y))
MAP2(modulo_n, n, n, n, remainder_of(x, y))
MAP2(power_n, n, n, n, pow(x, y))
MAP1(negate_n, n, n, -x)

/* Whole numbers that leave 64 bits become missing, never something else. */
#define WHOLE2(name, builtin)                                                                      \
    FN(name)                                                                                       \
    {                                                                                              \
        const int64_t *restrict x = a[0].i, *restrict y = a[1].i;                                  \
        int64_t *restrict to = out->i;                                                             \
        uint8_t *restrict missing = out->missing;                                                  \
        UNUSED_;                                                                                   \
        for (size_t i = 0; i < rows; i++) missing[i] |= (uint8_t)builtin(x[i], y[i], &to[i]);      \
        return true;                                                                               \
    }
WHOLE2(add_i, __builtin_add_overflow)
WHOLE2(subtract_i, __builtin_sub_overflow)
WHOLE2(multiply_i, __builtin_mul_overflow)

FN(negate_i)
{
    UNUSED_;
    for (size_t i = 0; i < rows; i++)
        out->missing[i] |= (uint8_t)__builtin_sub_overflow((int64_t)0, a[0].i[i], &out->i[i]);
    return true;
}

FN(floor_divide_i)
{
    UNUSED_;
    for (size_t i = 0; i < rows; i++) {
        int64_t x = a[0].i[i], y = a[1].i[i];
        bool none = y == 0 || (x == INT64_MIN && y == -1);
        out->missing[i] |= none;
        out->i[i] = none ? 0 : x / y - (x % y != 0 && (x < 0) != (y < 0));
    }
    return true;
}

FN(modulo_i)
{
    UNUSED_;
    for (size_t i = 0; i < rows; i++) {
        int64_t x = a[0].i[i], y = a[1].i[i];
        bool none = y == 0;
        out->missing[i] |= none;
        int64_t r = none || y == -1 ? 0 : x % y;
        out->i[i] = r && (r < 0) != (y < 0) ? r + y : r;
    }
    return true;
}

/* Times count microseconds; their differences are seconds. */
FN(subtract_d)
{
    UNUSED_;
    for (size_t i = 0; i < rows; i++) {
        int64_t x = a[0].i[i], y = a[1].i[i], us;
        bool far = __builtin_sub_overflow(x, y, &us);
        out->n[i] = (far ? (double)x - (double)y : (double)us) / 1e6;
    }
    return true;
}

/* out = time + sign * seconds */
static bool shift_times(leati_block *out, const leati_block *a, size_t rows, double sign)
{
    for (size_t i = 0; i < rows; i++) {
        double us = sign * nearbyint(a[1].n[i] * 1e6);
        bool none = !(fabs(us) < 9e18);
        out->missing[i] |= none;
        out->missing[i] |=
            (uint8_t)__builtin_add_overflow(a[0].i[i], none ? 0 : (int64_t)us, &out->i[i]);
    }
    return true;
}

FN(shift_time)
{
    UNUSED_;
    return shift_times(out, a, rows, 1);
}

FN(shift_time_back)
{
    UNUSED_;
    return shift_times(out, a, rows, -1);
}

/* --- comparisons ----------------------------------------------------------------------------- */
#define COMPARE(suffix, op)                                                                        \
    MAP2(suffix##_n, b, n, n, x op y)                                                              \
    MAP2(suffix##_i, b, i, i, x op y)                                                              \
    FN(suffix##_t)                                                                                 \
    {                                                                                              \
        UNUSED_;                                                                                   \
        for (size_t i = 0; i < rows; i++)                                                          \
            out->b[i] = !out->missing[i] && compare_texts(a[0].t[i], a[1].t[i]) op 0;              \
        return true;                                                                               \
    }

static int compare_texts(leati_text x, leati_text y)
{
    int order = memcmp(x.at, y.at, x.length < y.length ? x.length : y.length);
    return order ? order : (x.length > y.length) - (x.length < y.length);
}

COMPARE(equal, ==)
COMPARE(differ, !=)
COMPARE(less, <)
COMPARE(at_most, <=)
COMPARE(greater, >)
COMPARE(at_least, >=)

/* The first among the others? Missing others are no match; a missing first gives missing. */
#define AMONG(name, X, same)                                                                       \
    FN(name)                                                                                       \
    {                                                                                              \
        (void)arena;                                                                               \
        for (size_t i = 0; i < rows; i++) {                                                        \
            out->missing[i] = a[0].missing[i];                                                     \
            out->b[i] = 0;                                                                         \
            for (int k = 1; k < count && !a[0].missing[i]; k++) {                                  \
                if (a[k].missing[i]) continue;                                                     \
                leati_c_##X x = a[0].X[i], y = a[k].X[i];                                          \
                out->b[i] |= (same);                                                               \
            }                                                                                      \
        }                                                                                          \
        return true;                                                                               \
    }
AMONG(among_n, n, x == y)
AMONG(among_i, i, x == y)
AMONG(among_t, t, compare_texts(x, y) == 0)

/* --- logic with three values (Kleene) -------------------------------------------------------- */
MAP1(not_b, b, b, !x)

/* Whoever is known to be `one` decides, whatever the other is: 0 for and, 1 for or. In bits, so
 * that the loop has no branches; a missing value may hold any byte. */
static void join_bools(leati_block *out, const leati_block *a, size_t rows, uint8_t one)
{
    const uint8_t *restrict x = a[0].b, *restrict y = a[1].b;
    const uint8_t *restrict no_x = a[0].missing, *restrict no_y = a[1].missing;
    uint8_t *restrict to = out->b, *restrict missing = out->missing;
    for (size_t i = 0; i < rows; i++) {
        uint8_t x_is = (uint8_t)(((x[i] != 0) == one) & (no_x[i] ^ 1));
        uint8_t y_is = (uint8_t)(((y[i] != 0) == one) & (no_y[i] ^ 1));
        uint8_t decided = x_is | y_is;
        to[i] = decided ^ one ^ 1;
        missing[i] = (uint8_t)((no_x[i] | no_y[i]) & (decided ^ 1));
    }
}

FN(and_b)
{
    UNUSED_;
    join_bools(out, a, rows, 0);
    return true;
}

FN(or_b)
{
    UNUSED_;
    join_bools(out, a, rows, 1);
    return true;
}

#define CHOOSE(name, X)                                                                            \
    FN(name)                                                                                       \
    {                                                                                              \
        UNUSED_;                                                                                   \
        for (size_t i = 0; i < rows; i++) {                                                        \
            const leati_block *from = a[0].b[i] ? &a[1] : &a[2];                                   \
            bool unknown = a[0].missing[i];                                                        \
            out->missing[i] = unknown || from->missing[i];                                         \
            out->X[i] = from->X[i];                                                                \
        }                                                                                          \
        return true;                                                                               \
    }
CHOOSE(choose_n, n)
CHOOSE(choose_i, i)
CHOOSE(choose_b, b)
CHOOSE(choose_t, t)

#define COALESCE(name, X)                                                                          \
    FN(name)                                                                                       \
    {                                                                                              \
        (void)arena;                                                                               \
        for (size_t i = 0; i < rows; i++) {                                                        \
            int k = 0;                                                                             \
            while (k + 1 < count && a[k].missing[i]) k++;                                          \
            out->missing[i] = a[k].missing[i];                                                     \
            out->X[i] = a[k].X[i];                                                                 \
        }                                                                                          \
        return true;                                                                               \
    }
COALESCE(coalesce_n, n)
COALESCE(coalesce_i, i)
COALESCE(coalesce_b, b)
COALESCE(coalesce_t, t)

FN(is_missing)
{
    UNUSED_;
    for (size_t i = 0; i < rows; i++) {
        out->b[i] = a[0].missing[i];
        out->missing[i] = 0;
    }
    return true;
}

/* --- numbers --------------------------------------------------------------------------------- */
MAP1(abs_n, n, n, fabs(x))
MAP1(sign_n, n, n, (double)((x > 0) - (x < 0)))
MAP1(sqrt_n, n, n, sqrt(x))
MAP1(exp_n, n, n, exp(x))
MAP1(log_n, n, n, log(x))
MAP1(log2_n, n, n, log2(x))
MAP1(log10_n, n, n, log10(x))
MAP1(log1p_n, n, n, log1p(x))
MAP1(sin_n, n, n, sin(x))
MAP1(cos_n, n, n, cos(x))
MAP1(tan_n, n, n, tan(x))
MAP1(tanh_n, n, n, tanh(x))
MAP1(floor_n, n, n, floor(x))
MAP1(ceil_n, n, n, ceil(x))
MAP1(round_n, n, n, nearbyint(x))

FN(abs_i)
{
    UNUSED_;
    for (size_t i = 0; i < rows; i++) {
        int64_t x = a[0].i[i];
        out->missing[i] |= x == INT64_MIN;
        out->i[i] = x == INT64_MIN ? 0 : x < 0 ? -x : x;
    }
    return true;
}

FN(round_to)
{
    UNUSED_;
    for (size_t i = 0; i < rows; i++) {
        double x = a[0].n[i], digits = a[1].n[i], scale = pow(10, fabs(digits));
        if (digits < 0) out->n[i] = isfinite(scale) ? nearbyint(x / scale) * scale : 0;
        else out->n[i] = isfinite(x * scale) ? nearbyint(x * scale) / scale : x;
    }
    return true;
}

FN(whole_of_number)
{
    UNUSED_;
    for (size_t i = 0; i < rows; i++) {
        bool none = !(fabs(a[0].n[i]) < 9.2e18);
        out->missing[i] |= none;
        out->i[i] = none ? 0 : (int64_t)a[0].n[i];
    }
    return true;
}

#define EXTREME(name, X, better)                                                                   \
    FN(name)                                                                                       \
    {                                                                                              \
        (void)arena;                                                                               \
        for (size_t i = 0; i < rows; i++) {                                                        \
            leati_c_##X x = a[0].X[i];                                                             \
            for (int k = 1; k < count && !out->missing[i]; k++) {                                  \
                leati_c_##X y = a[k].X[i];                                                         \
                if (better) x = y;                                                                 \
            }                                                                                      \
            out->X[i] = x;                                                                         \
        }                                                                                          \
        return true;                                                                               \
    }
EXTREME(min_n, n, y < x)
EXTREME(max_n, n, y > x)
EXTREME(min_i, i, y < x)
EXTREME(max_i, i, y > x)
EXTREME(min_t, t, compare_texts(y, x) < 0)
EXTREME(max_t, t, compare_texts(y, x) > 0)

/* --- text ------------------------------------------------------------------------------------ */
static size_t code_points(leati_text t)
{
    size_t n = 0;
    for (size_t i = 0; i < t.length; i++) n += ((unsigned char)t.at[i] & 0xc0) != 0x80;
    return n;
}

static bool ends_with(leati_text t, leati_text s)
{
    return s.length <= t.length && memcmp(t.at + t.length - s.length, s.at, s.length) == 0;
}

static bool starts_with(leati_text t, leati_text s)
{
    return s.length <= t.length && memcmp(t.at, s.at, s.length) == 0;
}

/* Offset of the first `s` in t from `from` on, or t.length. */
static size_t find_text(leati_text t, leati_text s, size_t from)
{
    if (s.length == 0) return from;
    while (s.length <= t.length && from <= t.length - s.length) {
        const char *at = memchr(t.at + from, *s.at, t.length - s.length - from + 1);
        if (!at) break;
        if (memcmp(at, s.at, s.length) == 0) return (size_t)(at - t.at);
        from = (size_t)(at - t.at) + 1;
    }
    return t.length;
}

static bool has_text(leati_text t, leati_text s)
{
    return s.length == 0 || find_text(t, s, 0) < t.length;
}

#define TEXT_TEST(name, test)                                                                      \
    FN(name)                                                                                       \
    {                                                                                              \
        UNUSED_;                                                                                   \
        for (size_t i = 0; i < rows; i++)                                                          \
            out->b[i] = !out->missing[i] && test(a[0].t[i], a[1].t[i]);                            \
        return true;                                                                               \
    }
TEXT_TEST(contains_t, has_text)
TEXT_TEST(starts_t, starts_with)
TEXT_TEST(ends_t, ends_with)

FN(length_t)
{
    UNUSED_;
    for (size_t i = 0; i < rows; i++)
        out->i[i] = out->missing[i] ? 0 : (int64_t)code_points(a[0].t[i]);
    return true;
}

/* Letters of ASCII; others stay. */
static bool change_case(leati_block *out, const leati_block *a, size_t rows, leati_arena *arena,
                        char from)
{
    for (size_t i = 0; i < rows; i++) {
        if (out->missing[i]) continue;
        leati_text t = a[0].t[i];
        char *copy = leati_arena_strndup(arena, t.at, t.length);
        if (!copy) return false;
        for (size_t k = 0; k < t.length; k++)
            if (copy[k] >= from && copy[k] < from + 26) copy[k] = (char)(copy[k] ^ 0x20);
        out->t[i] = (leati_text){copy, t.length};
    }
    return true;
}

FN(lower_t)
{
    (void)count;
    return change_case(out, a, rows, arena, 'A');
}

FN(upper_t)
{
    (void)count;
    return change_case(out, a, rows, arena, 'a');
}

FN(trim_t)
{
    UNUSED_;
    for (size_t i = 0; i < rows; i++) {
        if (out->missing[i]) continue;
        leati_text t = a[0].t[i];
        while (t.length && strchr(" \t\r\n", t.at[t.length - 1]) && t.at[t.length - 1]) t.length--;
        while (t.length && strchr(" \t\r\n", *t.at) && *t.at) t.at++, t.length--;
        out->t[i] = t;
    }
    return true;
}

FN(concat_t)
{
    for (size_t i = 0; i < rows; i++) {
        size_t n = 0, at = 0;
        if (out->missing[i]) continue;
        for (int k = 0; k < count; k++) n += a[k].t[i].length;
        if (n > LEATI_EXPR_TEXT) {
            out->missing[i] = 1;
            continue;
        }
        char *text = leati_arena_alloc(arena, n + 1);
        if (!text) return false;
        for (int k = 0; k < count; k++) {
            if (a[k].t[i].length) memcpy(text + at, a[k].t[i].at, a[k].t[i].length);
            at += a[k].t[i].length;
        }
        out->t[i] = (leati_text){text, n};
    }
    return true;
}

/* substr(text, first, count): characters from 1; a negative first counts from the end. */
FN(substr_t)
{
    UNUSED_;
    for (size_t i = 0; i < rows; i++) {
        if (out->missing[i]) continue;
        leati_text t = a[0].t[i];
        int64_t length = (int64_t)code_points(t), first = a[1].i[i],
                n = count > 2 ? a[2].i[i] : length;
        if (first < 0) first += length + 1;
        if (first < 1) first = 1;
        size_t from = 0;
        for (int64_t k = 1; k < first && from < t.length; k++) do
                from++;
            while (from < t.length && ((unsigned char)t.at[from] & 0xc0) == 0x80);
        size_t to = from;
        for (int64_t k = 0; k < n && to < t.length; k++) do
                to++;
            while (to < t.length && ((unsigned char)t.at[to] & 0xc0) == 0x80);
        out->t[i] = (leati_text){t.at + from, to - from};
    }
    return true;
}

static size_t count_text(leati_text t, leati_text s)
{
    size_t n = 0;
    for (size_t at = 0; s.length && (at = find_text(t, s, at)) < t.length; at += s.length) n++;
    return n;
}

FN(replace_t)
{
    (void)count;
    for (size_t i = 0; i < rows; i++) {
        if (out->missing[i]) continue;
        leati_text t = a[0].t[i], from = a[1].t[i], to = a[2].t[i];
        size_t found = count_text(t, from), n = t.length + found * to.length - found * from.length;
        if (n > LEATI_EXPR_TEXT) {
            out->missing[i] = 1;
            continue;
        }
        char *text = leati_arena_alloc(arena, n + 1), *p = text;
        if (!text) return false;
        size_t at = 0;
        for (; found; found--) {
            size_t next = find_text(t, from, at);
            memcpy(p, t.at + at, next - at);
            p += next - at;
            if (to.length) memcpy(p, to.at, to.length);
            p += to.length;
            at = next + from.length;
        }
        if (t.length > at) memcpy(p, t.at + at, t.length - at);
        out->t[i] = (leati_text){text, n};
    }
    return true;
}

/* --- times ----------------------------------------------------------------------------------- */
#define TIME_PART(name, TO, part)                                                                  \
    FN(name)                                                                                       \
    {                                                                                              \
        UNUSED_;                                                                                   \
        for (size_t i = 0; i < rows; i++) {                                                        \
            leati_civil v = leati_civil_of(out->missing[i] ? 0 : a[0].i[i]);                       \
            out->TO[i] = v.part;                                                                   \
        }                                                                                          \
        return true;                                                                               \
    }
TIME_PART(year_d, i, year)
TIME_PART(month_d, i, month)
TIME_PART(day_d, i, day)
TIME_PART(hour_d, i, hour)
TIME_PART(minute_d, i, minute)
TIME_PART(second_d, n, second)
TIME_PART(weekday_d, i, weekday)
TIME_PART(yearday_d, i, yearday)

#define N     LEATI_KIND_NUMBER
#define I     LEATI_KIND_WHOLE
#define B     LEATI_KIND_BOOL
#define T     LEATI_KIND_TEXT
#define D     LEATI_KIND_TIME
#define LOOSE LEATI_FN_LOOSE

/* Times compare as the whole numbers they are. */
#define COMPARE_ROWS(name, f)                                                                      \
    {name, "ii", B, 0, f##_i}, {name, "nn", B, 0, f##_n}, {name, "tt", B, 0, f##_t},               \
    {                                                                                              \
        name, "dd", B, 0, f##_i                                                                    \
    }

const leati_function leati_functions[] = {
    {"+", "ii", I, 0, add_i},
    {"+", "nn", N, 0, add_n},
    {"+", "tt", T, 0, concat_t},
    {"+", "dn", D, 0, shift_time},
    {"-", "i", I, 0, negate_i},
    {"-", "n", N, 0, negate_n},
    {"-", "ii", I, 0, subtract_i},
    {"-", "nn", N, 0, subtract_n},
    {"-", "dd", N, 0, subtract_d},
    {"-", "dn", D, 0, shift_time_back},
    {"*", "ii", I, 0, multiply_i},
    {"*", "nn", N, 0, multiply_n},
    {"/", "nn", N, 0, divide_n},
    {"//", "ii", I, 0, floor_divide_i},
    {"//", "nn", N, 0, floor_divide_n},
    {"%", "ii", I, 0, modulo_i},
    {"%", "nn", N, 0, modulo_n},
    {"^", "nn", N, 0, power_n},
    COMPARE_ROWS("==", equal),
    COMPARE_ROWS("!=", differ),
    COMPARE_ROWS("<", less),
    COMPARE_ROWS("<=", at_most),
    COMPARE_ROWS(">", greater),
    COMPARE_ROWS(">=", at_least),
    {"in", "ii+", B, LOOSE, among_i},
    {"in", "nn+", B, LOOSE, among_n},
    {"in", "tt+", B, LOOSE, among_t},
    {"in", "dd+", B, LOOSE, among_i},
    {"not", "b", B, 0, not_b},
    {"and", "bb", B, LOOSE, and_b},
    {"or", "bb", B, LOOSE, or_b},
    {"number()", "i", N, 0, number_of_whole},
    {"number()", "b", N, 0, number_of_bool},
    {"whole()", "b", I, 0, whole_of_bool},
    {"if", "bbb", B, LOOSE, choose_b},
    {"if", "bii", I, LOOSE, choose_i},
    {"if", "bnn", N, LOOSE, choose_n},
    {"if", "btt", T, LOOSE, choose_t},
    {"if", "bdd", D, LOOSE, choose_i},
    {"is_missing", "*", B, LOOSE, is_missing},
    {"coalesce", "b+", B, LOOSE, coalesce_b},
    {"coalesce", "i+", I, LOOSE, coalesce_i},
    {"coalesce", "n+", N, LOOSE, coalesce_n},
    {"coalesce", "t+", T, LOOSE, coalesce_t},
    {"coalesce", "d+", D, LOOSE, coalesce_i},
    {"abs", "i", I, 0, abs_i},
    {"abs", "n", N, 0, abs_n},
    {"sign", "n", N, 0, sign_n},
    {"sqrt", "n", N, 0, sqrt_n},
    {"exp", "n", N, 0, exp_n},
    {"log", "n", N, 0, log_n},
    {"log2", "n", N, 0, log2_n},
    {"log10", "n", N, 0, log10_n},
    {"log1p", "n", N, 0, log1p_n},
    {"pow", "nn", N, 0, power_n},
    {"sin", "n", N, 0, sin_n},
    {"cos", "n", N, 0, cos_n},
    {"tan", "n", N, 0, tan_n},
    {"tanh", "n", N, 0, tanh_n},
    {"floor", "n", N, 0, floor_n},
    {"ceil", "n", N, 0, ceil_n},
    {"round", "n", N, 0, round_n},
    {"round", "nn", N, 0, round_to},
    {"min", "i+", I, 0, min_i},
    {"min", "n+", N, 0, min_n},
    {"min", "t+", T, 0, min_t},
    {"min", "d+", D, 0, min_i},
    {"max", "i+", I, 0, max_i},
    {"max", "n+", N, 0, max_n},
    {"max", "t+", T, 0, max_t},
    {"max", "d+", D, 0, max_i},
    {"number", "t", N, 0, number_of_text},
    {"number", "i", N, 0, number_of_whole},
    {"whole", "n", I, 0, whole_of_number},
    {"text", "i", T, 0, text_of_whole},
    {"text", "n", T, 0, text_of_number},
    {"lower", "t", T, 0, lower_t},
    {"upper", "t", T, 0, upper_t},
    {"trim", "t", T, 0, trim_t},
    {"length", "t", I, 0, length_t},
    {"contains", "tt", B, 0, contains_t},
    {"startswith", "tt", B, 0, starts_t},
    {"endswith", "tt", B, 0, ends_t},
    {"concat", "t+", T, 0, concat_t},
    {"replace", "ttt", T, 0, replace_t},
    {"substr", "ti", T, 0, substr_t},
    {"substr", "tii", T, 0, substr_t},
    {"date", "t", D, 0, time_of_text},
    {"year", "d", I, 0, year_d},
    {"month", "d", I, 0, month_d},
    {"day", "d", I, 0, day_d},
    {"hour", "d", I, 0, hour_d},
    {"minute", "d", I, 0, minute_d},
    {"second", "d", N, 0, second_d},
    {"weekday", "d", I, 0, weekday_d},
    {"yearday", "d", I, 0, yearday_d},
};
const size_t leati_function_count = sizeof leati_functions / sizeof *leati_functions;

const char *leati_expr_function(size_t index)
{
    for (size_t i = 0; i < leati_function_count; i++) {
        const char *name = leati_functions[i].name;
        bool word = name[0] >= 'a' && name[0] <= 'z' && !strchr(name, ')') &&
                    strcmp(name, "in") != 0 && strcmp(name, "not") != 0 &&
                    strcmp(name, "and") != 0 && strcmp(name, "or") != 0;
        bool again = i && strcmp(leati_functions[i - 1].name, name) == 0;
        if (word && !again && index-- == 0) return name;
    }
    return NULL;
}
