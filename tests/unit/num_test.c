/* Numbers as text: against the C library in the C locale, at the hard places, and at random. */
#include "support/leattest.h"

#include <inttypes.h>

#include "base/num.h"
#include "base/num_scan.h"
#include "base/rng.h"

static double from_bits(uint64_t bits)
{
    double v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

static uint64_t to_bits(double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    return bits;
}

/* Both parsers against strtod. */
static void same_as_strtod(leattest *t, const char *text)
{
    char padded[1200] = {0};
    double want = strtod(text, NULL), got = 0;
    bool ok = leati_num_parse(text, strlen(text), &got);
    if (!ok || to_bits(got) != to_bits(want))
        printf("  %.60s: %d %.17g, strtod %.17g\n", text, ok, got, want);
    CHECK(ok && to_bits(got) == to_bits(want));
    snprintf(padded, sizeof padded, "%s", text);
    leati_scan s;
    const char *end = leati_num_scan(padded, '.', &s);
    if (end) CHECK(*end == '\0' && to_bits(leati_num_compose(&s)) == to_bits(want));
}

static void hard_places(leattest *t)
{
    static const char *const texts[] = {
        "0",
        "-0",
        "1",
        "0.1",
        ".5",
        "5.",
        "1e22",
        "1e23",
        "1e-22",
        "8.5e-23",
        "123456789012345678",
        "9007199254740993",
        "9007199254740992.5",
        "9007199254740993.0000000000000000000001",
        "9007199254740993.000000000000000000000000000000000000000000000000000000000000000000000001",
        "2.2250738585072011e-308",
        "2.2250738585072014e-308",
        "2.225073858507201136057409796709e-308",
        "4.9406564584124654e-324",
        "2.4703282292062327e-324",
        "2.4703282292062328e-324",
        "2.47032822920623272088284396434110686182e-324",
        "5e-324",
        "1e-324",
        "1e-400",
        "1e400",
        "1.7976931348623157e308",
        "1.7976931348623158e308",
        "1.797693134862315807e308",
        "1.7976931348623159e308",
        "179769313486231580793728971405301e276",
        "6.631236846766476e-316",
        "3.2378839133029012895883524125015321748630e-319",
        "7.2057594037927933e16",
        "72057594037927933",
        "1448997445238699",
        "10000000000000000000000000000000000000000000000",
        "0.000000000000000000000000000000000000000000000000000000000000001",
        "1e00000000000000001",
        "100000000000000016777215",
        "100000000000000016777216",
        "1e-5",
        "0.3",
        "2.0e1",
        "6.92949564460091967e14",
        "9214843084008499",
        "3.5844466002796428e298",
        "1e0",
        "-1.5E+3"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) same_as_strtod(t, texts[i]);
    /* The exact middle of two doubles, which has 767 digits, and its neighbours. */
    char text[1100];
    int n = snprintf(text, sizeof text, "%.*f", 1074 + 1, 0.0);
    CHECK(n == 1077);
    n = snprintf(text, sizeof text, "%.766e", from_bits(0x000fffffffffffff));
    char *mark = strchr(text, 'e');
    REQUIRE(n > 700 && mark);
    same_as_strtod(t, text);
    mark[-1] = '6';
    same_as_strtod(t, text);
    for (int i = 0; i < 2000; i++) { /* half-way points, printed exactly, then one digit more */
        leati_rng r;
        leati_rng_init(&r, 7, LEATI_RNG_TEST, (uint32_t)i);
        double v = from_bits((uint64_t)leati_rng_below(&r, UINT32_MAX) << 21 | UINT64_C(1) << 62);
        double next = nextafter(v, INFINITY);
        snprintf(text, sizeof text, "%.60f", v / 2 + next / 2);
        same_as_strtod(t, text);
        long double half = ((long double)v + (long double)next) / 2;
        snprintf(text, sizeof text, "%.60Lf", half);
        same_as_strtod(t, text);
        strcat(text, "1");
        same_as_strtod(t, text);
    }
}

static void round_trips(leattest *t)
{
    leati_rng r;
    leati_rng_init(&r, 3, LEATI_RNG_TEST, 0);
    char text[LEATI_NUM_SIZE], other[64];
    int longer = 0, wrong = 0;
    for (int i = 0; i < 200000; i++) {
        uint64_t bits = (uint64_t)leati_rng_below(&r, UINT32_MAX) << 32;
        bits |= leati_rng_below(&r, UINT32_MAX);
        double v = from_bits(bits), back;
        if (i % 4 == 1) v = (double)(int64_t)(bits >> 40) / 1000;
        if (i % 4 == 2) v = from_bits(bits & UINT64_C(0x800fffffffffffff));
        if (i % 4 == 3) v = from_bits(bits & UINT64_C(0xfff0000000000000));
        if (!isfinite(v)) continue;
        size_t n = leati_num_format(v, text);
        wrong += n != strlen(text) || !leati_num_parse(text, n, &back) ||
                 to_bits(back) != to_bits(v) || to_bits(strtod(text, NULL)) != to_bits(v);
        int digits = 0, most = 0;
        for (const char *p = text; *p && *p != 'e'; p++)
            if (*p >= '1' || (*p == '0' && digits)) most += *p != '.', digits += *p != '.';
        for (const char *p = text + n; p > text && strchr(text, 'e') == NULL; p--) {
            if (p[-1] != '0') break;
            most--;
        }
        int least = 1;
        for (; least < 17; least++) {
            snprintf(other, sizeof other, "%.*e", least - 1, v);
            if (to_bits(strtod(other, NULL)) == to_bits(v)) break;
        }
        longer += v != 0 && most > least;
    }
    CHECK_INT(wrong, 0);
    CHECK_INT(longer, 0);
}

static void random_decimals(leattest *t)
{
    leati_rng r;
    leati_rng_init(&r, 5, LEATI_RNG_TEST, 0);
    int wrong = 0;
    for (int i = 0; i < 200000; i++) {
        char text[96] = {0};
        uint64_t a = leati_rng_below(&r, UINT32_MAX), b = leati_rng_below(&r, UINT32_MAX);
        int exponent = (int)leati_rng_below(&r, 660) - 340;
        if (i % 2) snprintf(text, sizeof text, "%" PRIu64 ".%09" PRIu64 "e%d", a, b, exponent);
        else
            snprintf(text, sizeof text, "%" PRIu64 "%" PRIu64 "%.*se%d", a, b, i % 23,
                     "98765432109876543210987", exponent);
        double want = strtod(text, NULL), got;
        bool ok = leati_num_parse(text, strlen(text), &got);
        leati_scan s;
        const char *end = leati_num_scan(text, '.', &s);
        if (!ok || got != want || (end && leati_num_compose(&s) != want)) {
            if (!wrong++) printf("  first wrong: %s\n", text);
        }
    }
    CHECK_INT(wrong, 0);
}

/* One digit ahead of the mark and any number behind it: the scan for numbers with all their digits
 * and its borders, with all that may follow a number. */
static void long_fractions(leattest *t)
{
    static const char *const behind[] = {"", ",1.23456789012345678", "\n", "e7", "E-3", ".5", "x",
                                         "/"};
    leati_rng r;
    leati_rng_init(&r, 6, LEATI_RNG_TEST, 0);
    int wrong = 0, scanned = 0;
    for (int i = 0; i < 100000; i++) {
        char text[96] = {0}, *stop;
        size_t digits = leati_rng_below(&r, 24), n = 0;
        if (i % 3 == 0) text[n++] = '-';
        text[n++] = (char)('0' + leati_rng_below(&r, 10));
        text[n++] = '.';
        for (size_t k = 0; k < digits; k++) text[n++] = (char)('0' + leati_rng_below(&r, 10));
        snprintf(text + n, sizeof text - n, "%s", behind[leati_rng_below(&r, 8)]);
        double want = strtod(text, &stop);
        leati_scan s;
        const char *end = leati_num_scan(text, '.', &s);
        scanned += end != NULL;
        if (end ? end != stop || leati_num_compose(&s) != want || s.whole : digits <= 18)
            if (!wrong++) printf("  first wrong: %s\n", text);
    }
    CHECK_INT(wrong, 0);
    CHECK(scanned > 70000);
}

static void text_forms(leattest *t)
{
    static const struct {
        double value;
        const char *text;
    } cases[] = {{1, "1"},
                 {-0.0, "-0"},
                 {0.1, "0.1"},
                 {123456.789, "123456.789"},
                 {1e15, "1000000000000000"},
                 {1e22, "1e22"},
                 {1.5e300, "1.5e300"},
                 {0.00001, "0.00001"},
                 {1e-7, "1e-7"},
                 {2e-323, "2e-323"},
                 {5e-324, "5e-324"},
                 {1.7976931348623157e308, "1.7976931348623157e308"},
                 {9007199254740993.0, "9007199254740992"},
                 {(double)INFINITY, "inf"}};
    char out[LEATI_NUM_SIZE];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        leati_num_format(cases[i].value, out);
        CHECK_STR(out, cases[i].text);
    }
}

static const leattest_case list[] = {TEST(hard_places), TEST(round_trips), TEST(random_decimals),
                                     TEST(long_fractions), TEST(text_forms)};

LEATTEST_MAIN(list)
