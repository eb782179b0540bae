/* Owns: the extent of axes, round tick values and their labels, scales. */
#include "plot/ticks.h"

#include <math.h>
#include <string.h>

#include "plot/plot_text.h"

/* Beyond this a difference of two values might overflow. */
static const double HUGE_SIZE = 1e300;

leati_range leati_range_empty(void)
{
    return (leati_range){(double)INFINITY, (double)-INFINITY};
}

void leati_range_add(leati_range *r, double value)
{
    if (!isfinite(value)) return;
    if (value < r->lo) r->lo = value;
    if (value > r->hi) r->hi = value;
}

void leati_range_add_all(leati_range *r, const double *values, size_t count)
{
    for (size_t i = 0; i < count; i++) leati_range_add(r, values[i]);
}

leati_range leati_range_widen(leati_range r, double pad)
{
    if (!(r.lo <= r.hi)) return (leati_range){0, 1};
    r.lo = fmax(r.lo, -HUGE_SIZE);
    r.hi = fmin(r.hi, HUGE_SIZE);
    if (r.lo > r.hi) r.lo = r.hi = r.lo > 0 ? HUGE_SIZE : -HUGE_SIZE;
    double size = fmax(fabs(r.lo), fabs(r.hi)), length = r.hi - r.lo;
    if (length <= 1e-9 * size || length < 1e-300) {
        /* one value, or values that no label could tell apart */
        double around = size > 1e-290 ? size * 0.05 : 1;
        return (leati_range){r.lo - around, r.hi + around};
    }
    return (leati_range){r.lo - pad * length, r.hi + pad * length};
}

leati_range leati_range_widen_log(leati_range r, double pad)
{
    if (!(r.hi > 0) || !(r.lo <= r.hi)) return (leati_range){1, 10};
    if (!(r.lo > 0)) r.lo = r.hi / 1000;
    /* Within 270 decades of 1, so that the widened ends are finite. */
    double lo = fmax(log10(r.lo), -270), hi = fmin(fmax(log10(r.hi), lo), 270);
    lo = fmin(lo, hi);
    double length = hi - lo;
    if (length < 1e-6) return (leati_range){pow(10, lo - 0.5), pow(10, hi + 0.5)};
    return (leati_range){pow(10, lo - pad * length), pow(10, hi + pad * length)};
}

/* --- the search of Talbot, Lin and Hanrahan ------------------------------------------------------
 */

static const double nice[] = {1, 5, 2, 2.5, 4, 3}; /* Q, best first */
enum { NICE = 6, MOST_SKIP = 12, MOST_COUNT = 24 };

typedef struct search {
    double lo, hi, want;
    double best, first, step;
    int count;
} search;

static double weigh(double simplicity, double coverage, double density)
{
    return 0.2 * simplicity + 0.25 * coverage + 0.5 * density + 0.05;
}

static double simplicity_bound(int q, int skip)
{
    return 1 - (double)q / (NICE - 1) - skip + 1;
}

static double simplicity(int q, int skip, double first, double last, double step)
{
    double part = first - step * floor(first / step);
    bool zero = (part < 1e-10 * step || step - part < 1e-10 * step) && first <= 0 && last >= 0;
    return simplicity_bound(q, skip) - (zero ? 0 : 1);
}

static double coverage(const search *s, double first, double last)
{
    double unit = 0.1 * (s->hi - s->lo), above = s->hi - last, below = s->lo - first;
    return 1 - 0.5 * (above * above + below * below) / (unit * unit);
}

static double coverage_bound(const search *s, double span)
{
    double range = s->hi - s->lo;
    if (span <= range) return 1;
    double half = (span - range) / 2;
    return 1 - half * half / (0.01 * range * range);
}

static double density(const search *s, int count, double first, double last)
{
    double r = (count - 1) / (last - first);
    double aim = (s->want - 1) / (fmax(last, s->hi) - fmin(first, s->lo));
    return 2 - fmax(r / aim, aim / r);
}

static double density_bound(const search *s, int count)
{
    return count >= s->want ? 2 - (count - 1) / (s->want - 1) : 1;
}

static void try_starts(search *s, int q, int skip, int count, double step)
{
    double from = floor(s->hi / step) * skip - (count - 1) * skip, to = ceil(s->lo / step) * skip;
    /* The paper starts at any of the `skip` places within a step; a label then needs more decimals
     * than its step has. */
    for (double start = from; start <= to; start += skip) {
        double first = start * (step / skip), last = first + step * (count - 1);
        double score = weigh(simplicity(q, skip, first, last, step), coverage(s, first, last),
                             density(s, count, first, last));
        if (score <= s->best) continue;
        s->best = score;
        s->first = first;
        s->step = step;
        s->count = count;
    }
}

static void try_counts(search *s, int q, int skip)
{
    double simple = simplicity_bound(q, skip);
    for (int count = 2; count <= MOST_COUNT; count++) {
        double dense = density_bound(s, count);
        if (weigh(simple, 1, dense) < s->best) return;
        double delta = (s->hi - s->lo) / (count + 1) / skip / nice[q];
        for (int z = (int)ceil(log10(delta));; z++) {
            double step = skip * nice[q] * pow(10, z);
            double cover = coverage_bound(s, step * (count - 1));
            if (weigh(simple, cover, dense) < s->best || cover < -1e3) break;
            try_starts(s, q, skip, count, step);
        }
    }
}

static int decimals_of(double step)
{
    double unit = 1;
    for (int d = 0; d < 12; d++, unit *= 10) {
        double scaled = step * unit;
        if (scaled > 0.5 && fabs(scaled - floor(scaled + 0.5)) < 1e-6 * scaled) return d;
    }
    return 12;
}

leati_ticks leati_ticks_linear(leati_range r, int want, leati_number_form form)
{
    leati_ticks t = {.form = form};
    /* Work near 1, so that squares of huge and of tiny ranges stay in range. */
    double unit = pow(10, floor(log10(r.hi - r.lo)));
    if (!(unit > 0)) unit = 1;
    search s = {.lo = r.lo / unit,
                .hi = r.hi / unit,
                .want = want < 2    ? 2
                        : want > 20 ? 20
                                    : want,
                .best = -2};
    for (int skip = 1; skip <= MOST_SKIP; skip++) {
        for (int q = 0; q < NICE; q++) {
            if (weigh(simplicity_bound(q, skip), 1, 1) < s.best) {
                skip = MOST_SKIP;
                break;
            }
            try_counts(&s, q, skip);
        }
    }
    double slack = 1e-9 * (s.hi - s.lo);
    for (int i = -1; i <= s.count && t.count < LEATI_TICKS; i++) {
        double at = s.first + s.step * i;
        if (at < s.lo - slack || at > s.hi + slack) continue;
        if (fabs(at) < 1e-9 * s.step) at = 0;
        t.value[t.count++] = at * unit;
    }
    if (t.count == 0) {
        s.step = 1; /* of which one is within: the range is 1 to 10 */
        t.value[t.count++] = ceil(s.lo) * unit;
    }
    double size = fmax(fabs(r.lo), fabs(r.hi)), step = s.step * unit;
    t.scientific = form == LEATI_PLAIN && (size >= 1e7 || step < 1e-5);
    if (form == LEATI_PERCENT) step *= 100;
    t.decimals = decimals_of(t.scientific ? step / pow(10, floor(log10(size))) : step);
    return t;
}

leati_ticks leati_ticks_log(leati_range r, int want)
{
    static const double within[] = {1, 2, 5};
    leati_ticks t = {.form = LEATI_PLAIN};
    int lo = (int)floor(log10(r.lo)), hi = (int)ceil(log10(r.hi));
    int every = (hi - lo) / (want < 2 ? 2 : want) + 1;
    bool fine = hi - lo <= 3;
    for (int e = lo; e <= hi; e++) {
        for (int i = 0; i < (fine ? 3 : 1); i++) {
            double at = within[i] * pow(10, e);
            bool inside = at >= r.lo * (1 - 1e-9) && at <= r.hi * (1 + 1e-9);
            if (inside && e % every == 0 && t.count < LEATI_TICKS) t.value[t.count++] = at;
        }
    }
    if (t.count < 2) return leati_ticks_linear(r, want, LEATI_PLAIN);
    t.scientific = r.hi >= 1e6 || r.lo < 1e-3;
    t.decimals = -1; /* as many as the value needs */
    return t;
}

/* All ticks of an axis alike: of thousands the small ones only where a greater one has commas. */
static bool any_grouped(const leati_ticks *t)
{
    for (int i = 0; i < t->count; i++)
        if (fabs(t->value[i]) * (t->form == LEATI_PERCENT ? 100 : 1) >= 10000) return true;
    return false;
}

static size_t group_thousands(const char *digits, size_t n, bool small, char *out)
{
    size_t sign = digits[0] == '-', whole = sign, at = 0;
    while (whole < n && digits[whole] != '.') whole++;
    for (size_t i = 0; i < n; i++) {
        if (i > sign && i < whole && whole - sign > (small ? 3 : 4) && (whole - i) % 3 == 0)
            out[at++] = ',';
        out[at++] = digits[i];
    }
    out[at] = '\0';
    return at;
}

static size_t power_text(const leati_ticks *t, double value, char out[LEATI_TICK_SIZE])
{
    static const char *const raised[] = {
        "\xe2\x81\xb0", "\xc2\xb9",     "\xc2\xb2",     "\xc2\xb3",     "\xe2\x81\xb4",
        "\xe2\x81\xb5", "\xe2\x81\xb6", "\xe2\x81\xb7", "\xe2\x81\xb8", "\xe2\x81\xb9"};
    int power = (int)floor(log10(fabs(value)) + 1e-12);
    char text[LEATI_FIXED_SIZE];
    double mantissa = value / pow(10, power);
    int decimals = t->decimals < 0 ? 0 : t->decimals;
    size_t n = leati_fixed(mantissa, decimals, text), at = 0;
    while (decimals > 0 && text[n - 1] == '0') n--;
    if (text[n - 1] == '.') n--;
    text[n] = '\0';
    if (t->decimals >= 0 || strcmp(text, "1") != 0) {
        memcpy(out, text, n);
        at = n;
        memcpy(out + at, "\xc3\x97", 2); /* times */
        at += 2;
    }
    memcpy(out + at, "10", 2);
    at += 2;
    if (power < 0) {
        memcpy(out + at, "\xe2\x81\xbb", 3);
        at += 3;
    }
    char digits[LEATI_FIXED_SIZE];
    size_t count = leati_fixed(fabs((double)power), 0, digits);
    for (size_t i = 0; i < count; i++) {
        const char *digit = raised[digits[i] - '0'];
        memcpy(out + at, digit, strlen(digit));
        at += strlen(digit);
    }
    out[at] = '\0';
    return at;
}

size_t leati_tick_text(const leati_ticks *t, double value, char out[LEATI_TICK_SIZE])
{
    char text[LEATI_FIXED_SIZE];
    if (t->scientific && value != 0) return power_text(t, value, out);
    int decimals = t->decimals < 0 ? decimals_of(fabs(value)) : t->decimals;
    size_t n = leati_fixed(t->form == LEATI_PERCENT ? value * 100 : value, decimals, text);
    n = group_thousands(text, n, any_grouped(t), out);
    if (t->form == LEATI_PERCENT) {
        out[n++] = '%';
        out[n] = '\0';
    }
    return n;
}

double leati_ticks_width(const leati_ticks *t, double size)
{
    double widest = 0;
    char text[LEATI_TICK_SIZE];
    for (int i = 0; i < t->count; i++) {
        leati_tick_text(t, t->value[i], text);
        widest = fmax(widest, leati_text_width(text, size, false));
    }
    return widest;
}

double leati_scale_at(const leati_scale *s, double value)
{
    double lo = s->range.lo, hi = s->range.hi;
    if (!isfinite(value) || (s->log && value <= 0)) return (double)NAN;
    if (s->log) {
        lo = log10(lo);
        hi = log10(hi);
        value = log10(value);
    }
    return s->from + (value - lo) / (hi - lo) * (s->to - s->from);
}
