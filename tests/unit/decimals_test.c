/* The kernel that reads neighbouring decimal fields: against leati_num_parse, bit for bit. */
#include "support/leattest.h"

#include <inttypes.h>

#include "base/num.h"
#include "base/rng.h"
#include "kernel/kernels.h"

enum { FIELDS = 40, LEAD = 64, PAD = 64 };

/* A line of fields behind some text, as the kernel wants it. */
typedef struct line {
    char text[LEAD + FIELDS * 48 + PAD];
    size_t used, from[FIELDS], length[FIELDS], count;
} line;

static void line_begin(line *l)
{
    memset(l, 0, sizeof *l);
    memset(l->text, '7', LEAD);
    l->used = LEAD;
}

static void line_add(line *l, const char *field, char behind)
{
    size_t n = strlen(field);
    l->from[l->count] = l->used;
    l->length[l->count++] = n;
    memcpy(l->text + l->used, field, n);
    l->text[l->used + n] = behind;
    l->used += n + 1;
}

/* Reads the line in as many calls as it takes; every value must be that of the slow way. Returns
 * how many fields were read. */
static size_t line_read(leattest *t, const line *l, char delimiter)
{
    const leati_kernels *k = leati_kernels_of(t->context);
    double cell[FIELDS][2], *out[FIELDS];
    leati_decimals d = {l->text, l->text + l->used, delimiter, '.'};
    const char *p = l->text + LEAD;
    size_t done = 0;
    for (size_t i = 0; i < l->count; i++) out[i] = cell[i];
    while (done < l->count) {
        size_t got = k->decimals(&d, &p, l->count - done, out + done, 1);
        if (got == 0) break;
        for (size_t i = done; i < done + got; i++) {
            double want;
            bool ok = leati_num_parse(l->text + l->from[i], l->length[i], &want);
            bool same = ok && memcmp(&want, &cell[i][1], sizeof want) == 0;
            if (!same) printf("  %.*s\n", (int)l->length[i], l->text + l->from[i]);
            CHECK(same);
        }
        done += got;
        CHECK(p == l->text + l->from[done - 1] + l->length[done - 1]);
        if (*p != delimiter) break;
        p++;
    }
    return done;
}

static void hard_places(leattest *t)
{
    static const char *const texts[] = {"0",
                                        "-0",
                                        "0.0",
                                        "-0.0",
                                        "7",
                                        "-42",
                                        "475.59",
                                        "0.1",
                                        "-0.3",
                                        "0.000000000000000001",
                                        "-0.054616631671924404",
                                        "123456789.5",
                                        "9007199254740993",
                                        "9007199254740992.5",
                                        "9007199254740993.0",
                                        "9007199254740993.001",
                                        "4503599627370496.5",
                                        "4503599627370497.5",
                                        "2251799813685248.25",
                                        "2251799813685248.75",
                                        "9999999999999999999",
                                        "1.999999999999999999",
                                        "999999999.9999999999"};
    if (!leati_kernels_of(t->context)->decimals) {
        leattest_skip(t, "this level has no such kernel");
        return;
    }
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        line l;
        line_begin(&l);
        line_add(&l, texts[i], ';');
        line_add(&l, texts[i], '\n');
        CHECK(line_read(t, &l, ';') == 2);
    }
}

static void other_forms(leattest *t)
{
    static const char *const texts[] = {"",
                                        "-",
                                        ".",
                                        ".5",
                                        "5.",
                                        "007",
                                        "-01.5",
                                        "1e5",
                                        "1.5e-7",
                                        "+1",
                                        "--1",
                                        "1-2",
                                        "1.2.3",
                                        " 1",
                                        "1 ",
                                        "\"1\"",
                                        "NA",
                                        "0x10",
                                        "nan",
                                        "1,5",
                                        "12345678901234567890",
                                        "0.12345678901234567890",
                                        "-.5",
                                        "1:2",
                                        "1/2",
                                        "-1234567890.12345678901",
                                        "0.9999999999999999999"};
    if (!leati_kernels_of(t->context)->decimals) {
        leattest_skip(t, "this level has no such kernel");
        return;
    }
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        for (size_t before = 0; before < 12; before++) {
            line l;
            line_begin(&l);
            for (size_t k = 0; k < before; k++) line_add(&l, "12.25", ';');
            line_add(&l, texts[i], ';');
            line_add(&l, "3", '\n');
            CHECK(line_read(t, &l, ';') == before);
        }
}

/* No field without an end, none before the beginning, and no more than the line has. */
static void borders(leattest *t)
{
    const leati_kernels *k = leati_kernels_of(t->context);
    if (!k->decimals) {
        leattest_skip(t, "this level has no such kernel");
        return;
    }
    char text[16 + PAD] = "1.5,2.5\n3.5,4";
    double cell[4] = {0}, *out[4] = {cell, cell + 1, cell + 2, cell + 3};
    leati_decimals d = {text, text + 13, ',', '.'};
    const char *p = text;
    CHECK(k->decimals(&d, &p, 4, out, 0) == 0 && p == text);
    line l;
    line_begin(&l);
    line_add(&l, "1.5", ',');
    line_add(&l, "2.5", '\n');
    line_add(&l, "3.5", ',');
    l.text[l.used] = '4';
    d = (leati_decimals){l.text, l.text + l.used + 1, ',', '.'};
    p = l.text + LEAD;
    CHECK(k->decimals(&d, &p, 4, out, 0) == 2 && *p == '\n' && cell[1] == 2.5 && cell[2] == 0);
    p++;
    CHECK(k->decimals(&d, &p, 4, out, 0) == 1 && *p == ',' && cell[0] == 3.5);
    p++;
    CHECK(k->decimals(&d, &p, 4, out, 0) == 0);
}

/* The places where fields may end, against a plain loop: sparse, dense, and bytes that differ from
 * those looked for in one bit. */
static void breaks(leattest *t)
{
    enum { BLOCKS = 4, SIZE = 64 * BLOCKS, FROM = 1000 };
    static const char bytes[] = ",\n\r\0;\t\x8d\x8a\x80\x01\x2d\x0c"
                                "abcdefghijklmnopqrstuvwxyz0123456789";
    const leati_kernels *k = leati_kernels_of(t->context);
    char text[SIZE + 1];
    uint32_t found[SIZE + 8];
    leati_rng r;
    leati_rng_init(&r, 8, LEATI_RNG_TEST, 0);
    for (uint32_t round = 0; round < 3000; round++) {
        uint32_t kinds = 1 + leati_rng_below(&r, sizeof bytes - 1), blocks = 1 + round % BLOCKS;
        char delimiter = ",;\t"[round % 3], *p = text + round % 2;
        for (size_t i = 0; i < SIZE; i++) p[i] = bytes[leati_rng_below(&r, kinds)];
        size_t n = 0, wrong = 0, count = k->breaks(p, blocks, delimiter, FROM, found);
        for (uint32_t i = 0; i < 64 * blocks; i++) {
            if (p[i] != delimiter && p[i] != '\n' && p[i] != '\r' && p[i] != '\0') continue;
            wrong += n >= count || found[n] != FROM + i;
            n++;
        }
        CHECK(n == count && wrong == 0);
    }
}

static void at_random(leattest *t)
{
    if (!leati_kernels_of(t->context)->decimals) {
        leattest_skip(t, "this level has no such kernel");
        return;
    }
    leati_rng r;
    leati_rng_init(&r, 7, LEATI_RNG_TEST, 0);
    for (int round = 0; round < 20000; round++) {
        line l;
        line_begin(&l);
        size_t count = 1 + leati_rng_below(&r, FIELDS);
        for (size_t i = 0; i < count; i++) {
            char field[48];
            unsigned digits = 1 + leati_rng_below(&r, 19), after = leati_rng_below(&r, digits);
            uint64_t ten = 1;
            for (unsigned k = 0; k < digits; k++) ten *= 10;
            uint64_t m = leati_rng_u64(&r) % ten, unit = 1;
            for (unsigned k = 0; k < after; k++) unit *= 10;
            const char *sign = leati_rng_below(&r, 2) ? "-" : "";
            if (after)
                snprintf(field, sizeof field, "%s%" PRIu64 ".%0*" PRIu64, sign, m / unit,
                         (int)after, m % unit);
            else snprintf(field, sizeof field, "%s%" PRIu64, sign, m);
            line_add(&l, field, i + 1 < count ? ',' : '\n');
        }
        CHECK(line_read(t, &l, ',') == count);
    }
}

static const leattest_case list[] = {TEST(hard_places), TEST(other_forms), TEST(borders),
                                     TEST(at_random), TEST(breaks)};

LEATTEST_MAIN(list)
