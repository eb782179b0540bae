/* Status, context, memory, arena, strings, map, hash, numbers, JSON, RNG. */
#include "support/leattest.h"

#include <limits.h>
#include <unistd.h>

#include <leat/json.h>
#include <leat/progress.h>

#include "base/arena.h"
#include "base/cpu.h"
#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/options.h"
#include "base/rng.h"
#include "base/str.h"

static void status_names(leattest *t)
{
    CHECK_STR(leat_status_name(LEAT_NOMEM), "NOMEM");
    CHECK_STR(leat_status_name((leat_status)999), "UNKNOWN");
    CHECK_STR(leat_status_text(LEAT_OK), "success");
}

static void first_error_sticks(leattest *t)
{
    leat_context *c = t->context;
    CHECK(LEATI_FAIL(c, LEAT_SHAPE, "first %d", 1) == LEAT_SHAPE);
    CHECK(LEATI_FAIL(c, LEAT_TYPE, "second") == LEAT_TYPE);
    leati_error_within(c, "file %s", "a.csv");
    leati_error_hint(c, "try again");
    CHECK_STR(leat_error_message(c), "file a.csv: first 1\ntry again");
    CHECK(leat_error_status(c) == LEAT_SHAPE);
    CHECK(strncmp(leat_error_place(c), "base_test.c:", 12) == 0);
    leat_error_clear(c);
    CHECK(leat_error_status(c) == LEAT_OK);
    CHECK(leat_error_set(c, LEAT_OK, "nothing happened") == LEAT_OK);
    CHECK_STR(leat_error_message(c), "");
}

static void context_options(leattest *t)
{
    leat_context_options o = leat_context_options_default();
    leat_context *c;
    o.cpu = "v9";
    CHECK(leat_context_create(&c, &o) == LEAT_INVALID && !c);
    o.cpu = "generic";
    o.max_bytes = 1 << 20;
    REQUIRE(leat_context_create(&c, &o) == LEAT_OK);
    CHECK_STR(leat_context_cpu(c), "generic");
    CHECK(leati_alloc(c, 1 << 21) == NULL);
    CHECK(leat_error_status(c) == LEAT_LIMIT);
    CHECK(strstr(leat_error_message(c), "the memory limit of 1.0 MB"));
    leat_context_destroy(c);
}

static void memory(leattest *t)
{
    leat_context *c = t->context;
    uint64_t before = leat_context_bytes(c);
    char *small = leati_alloc(c, 10), *large = leati_alloc(c, 100000);
    REQUIRE(small && large);
    CHECK((uintptr_t)small % 16 == 0 && (uintptr_t)large % 64 == 0);
    memset(large, 7, 100000);
    large = leati_realloc(c, large, 200000);
    REQUIRE(large);
    CHECK(large[99999] == 7);
    CHECK(leat_context_bytes(c) == before + 10 + 200000);
    leati_free(small);
    leati_free(large);
    CHECK(leat_context_bytes(c) == before);
    CHECK(leati_array(c, SIZE_MAX / 2, 8) == NULL);
    CHECK(leat_error_status(c) == LEAT_NOMEM);
    leat_error_clear(c);
}

static void arena(leattest *t)
{
    leati_arena a;
    uint64_t before = leat_context_bytes(t->context);
    leati_arena_init(&a, t->context);
    for (size_t i = 1; i < 3000; i += 7) {
        char *p = leati_arena_alloc(&a, i);
        REQUIRE(p);
        CHECK((uintptr_t)p % 16 == 0);
        memset(p, 1, i);
    }
    CHECK_STR(leati_arena_strdup(&a, "water"), "water");
    leati_arena_fini(&a);
    CHECK(leat_context_bytes(t->context) == before);
}

static void strings(leattest *t)
{
    leati_str s;
    leati_str_init(&s, t->context);
    leati_str_addf(&s, "%d-%s", 42, "x");
    leati_str_addc(&s, '!');
    CHECK_STR(leati_str_text(&s), "42-x!");
    leati_str long_one;
    leati_str_init(&long_one, t->context);
    leati_str_addu(&long_one, 0);
    leati_str_addu(&long_one, UINT64_MAX);
    CHECK_STR(leati_str_text(&long_one), "018446744073709551615");
    for (int i = 0; i < 5; i++) leati_str_again(&long_one, 0, long_one.length); /* it moves */
    CHECK_INT(long_one.length, 32 * 21);
    leati_str_addf(&long_one, "%s", leati_str_text(&s)); /* about what is left, and more */
    leati_str_addf(&long_one, "%600d", 7);
    CHECK_INT(long_one.length, 32 * 21 + 5 + 600);
    CHECK(memcmp(long_one.text + 31 * 21, "01844674407370955161542-x!  ", 28) == 0);
    CHECK_STR(long_one.text + long_one.length - 2, " 7");
    leati_str_fini(&long_one);
    char *text = leati_str_take(&s);
    CHECK_STR(text, "42-x!");
    leati_free(text);
    leati_str_add_label(&s, "\\a \"b\"\n");
    CHECK_STR(leati_str_text(&s), "\\\\a \\\"b\\\"\\n");
    leati_str_fini(&s);
    const char *names[] = {"mpg", "weight", "model_year"};
    CHECK_STR(leati_nearest("mgp", names, 3), "mpg");
    CHECK_STR(leati_nearest("wieght", names, 3), "weight");
    CHECK(leati_nearest("colour", names, 3) == NULL);
    /* The other case is nearest, and where every letter is another nothing is near. */
    static const char *const letters[] = {"x", "y", "MPG", "mpa"};
    CHECK_STR(leati_nearest("Y", letters, 4), "y");
    CHECK_STR(leati_nearest("mpg", letters, 4), "MPG");
    CHECK_STR(leati_nearest("mpb", letters, 4), "mpa");
    CHECK_STR(leati_nearest("xx", letters, 4), "x");
    CHECK(leati_nearest("z", letters, 4) == NULL && leati_nearest("", letters, 4) == NULL);
}

static void maps(leattest *t)
{
    leati_map m;
    leati_map_init(&m, t->context);
    char key[16];
    for (uint32_t i = 0; i < 5000; i++) {
        int n = snprintf(key, sizeof key, "key%u", i);
        REQUIRE(leati_map_put(&m, key, (size_t)n) == i);
    }
    CHECK_INT(leati_map_put(&m, "key77", 5), 77);
    CHECK_INT(leati_map_get(&m, "key4999", 7), 4999);
    CHECK(leati_map_get(&m, "none", 4) == LEATI_MAP_NONE);
    CHECK_INT(leati_map_put(&m, "", 0), 5000);
    CHECK_INT(leati_map_get(&m, "", 0), 5000);
    leati_map_fini(&m);
}

/* FIPS 180-4 examples, and the plain path against the fast one. */
static void sha256(leattest *t)
{
    char hex[65];
    leati_sha256_hex("abc", 3, hex);
    CHECK_STR(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    leati_sha256_hex("", 0, hex);
    CHECK_STR(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    char million[1000];
    uint8_t digest[32];
    memset(million, 'a', sizeof million);
    for (int fast = 0; fast < 2; fast++) {
        leati_sha256 h;
        leati_sha256_init(&h);
        if (!fast) h.fast = 0;
        for (int i = 0; i < 1000; i++) leati_sha256_add(&h, million, 1000);
        leati_sha256_end(&h, digest);
        leati_hex(digest, 32, hex);
        CHECK_STR(hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    }
    CHECK(leati_crc32(0, "123456789", 9) == 0xcbf43926);
}

/* Known answers of Random123 1.09 (kat_vectors), philox4x32-10. */
static void philox(leattest *t)
{
    static const uint32_t cases[3][10] = {
        {0, 0, 0, 0, 0, 0, 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8},
        {0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0x408f276d,
         0x41c83b0e, 0xa20bc7c6, 0x6d5451fd},
        {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0, 0xd16cfe09,
         0x94fdcceb, 0x5001e420, 0x24126ea1}};
    for (int i = 0; i < 3; i++) {
        uint32_t out[4];
        leati_philox4x32(cases[i], cases[i] + 4, out);
        CHECK(memcmp(out, cases[i] + 6, sizeof out) == 0);
    }
}

static void rng_draws(leattest *t)
{
    leati_rng r;
    leati_rng_init(&r, 1, LEATI_RNG_TEST, 0);
    double sum = 0, squares = 0;
    int counts[7] = {0};
    for (int i = 0; i < 100000; i++) {
        double z = leati_rng_normal(&r);
        sum += z;
        squares += z * z;
        counts[leati_rng_below(&r, 7)]++;
    }
    CHECK_NEAR(sum / 1e5, 0, 0, 0.02);
    CHECK_NEAR(squares / 1e5, 1, 0, 0.02);
    for (int i = 0; i < 7; i++) CHECK_NEAR(counts[i], 1e5 / 7, 0.03, 0);
}

static void numbers(leattest *t)
{
    char out[LEATI_NUM_SIZE];
    double v;
    static const double values[] = {0.1, 1.0 / 3, 1e300, 5e-324, 123456789.125, -0.0, 1e22, 4e15};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        size_t n = leati_num_format(values[i], out);
        CHECK(leati_num_parse(out, n, &v) && v == values[i]);
    }
    leati_num_format(0.1, out);
    CHECK_STR(out, "0.1");
    static const char *const bad[] = {"",   "-",   ".",   "1.2.3", "1e",       "e5",   "0x10", " 1",
                                      "1 ", "1,5", "--1", "1e+",   "infinity", "nanx", "3,4o9"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK(!leati_num_parse(bad[i], strlen(bad[i]), &v));
    CHECK(leati_num_parse("1e400", 5, &v) && isinf(v));
    CHECK(leati_num_parse("-inf", 4, &v) && v < 0 && isinf(v));
    CHECK(leati_num_parse("9007199254740993", 16, &v) && v == 9007199254740992.0);
    CHECK(leati_num_parse("0.000000000000000000000000000001", 32, &v) && v == 1e-30);
    leati_num_grouped(-1234567, out);
    CHECK_STR(out, "-1,234,567");
    leati_num_pretty(2.4871, 3, out);
    CHECK_STR(out, "2.49");
    leati_num_pretty(0.012345, 3, out);
    CHECK_STR(out, "0.0123");
    leati_num_pretty(9999.7, 4, out);
    CHECK_STR(out, "10,000");
    leati_num_pretty(9999.4, 4, out);
    CHECK_STR(out, "9999");
    leati_num_pretty(9999.7, 6, out);
    CHECK_STR(out, "9999.70");
    leati_num_pretty(0.96, 3, out);
    CHECK_STR(out, "0.960");
    static const struct {
        double value;
        int digits;
        const char *text;
    } shorts[] = {
        {6.9, 6, "6.9"},    {0.1, 4, "0.1"},        {6.0000001, 6, "6"}, {120, 2, "120"},
        {-0.5, 3, "-0.5"},  {12345.5, 4, "12,346"}, {0, 3, "0"},         {1e20, 3, "1e+20"},
        {1e-7, 3, "1e-07"}, {0.00999999, 3, "0.01"}};
    for (size_t i = 0; i < sizeof shorts / sizeof *shorts; i++) {
        size_t n = leati_num_short(shorts[i].value, shorts[i].digits, out);
        CHECK_STR(out, shorts[i].text);
        CHECK_INT(n, strlen(out));
    }
    leati_num_seconds(0.0031, out);
    CHECK_STR(out, "3.1 ms");
    leati_num_bytes(12345, out);
    CHECK_STR(out, "12 KB");
}

static void json(leattest *t)
{
    leat_json *j = leat_json_create(t->context, 0);
    leat_json_begin_object(j, NULL);
    leat_json_string(j, "a\"b", "line\nq\x01 \xff caf\xc3\xa9");
    leat_json_begin_array(j, "n");
    leat_json_number(j, NULL, 0.1);
    leat_json_number(j, NULL, (double)NAN);
    leat_json_int(j, NULL, -7);
    leat_json_end_array(j);
    leat_json_begin_object(j, "e");
    leat_json_end_object(j);
    leat_json_bool(j, "ok", true);
    leat_json_end_object(j);
    CHECK_STR(leat_json_text(j), "{\"a\\\"b\":\"line\\nq\\u0001 \xef\xbf\xbd caf\xc3\xa9\","
                                 "\"n\":[0.1,null,-7],\"e\":{},\"ok\":true}");
    leat_json_destroy(j);

    j = leat_json_create(t->context, 0);
    leat_json_begin_array(j, NULL);
    leat_json_end_array(j);
    leat_json_end_array(j);
    CHECK(leat_json_text(j) == NULL);
    CHECK_FAILS(leat_error_status(t->context), LEAT_INVALID, "ended|63 deep");
    leat_json_destroy(j);
}

static leat_status build_things(leat_context *c, void *arg)
{
    (void)arg;
    leati_map m;
    leati_str s;
    leati_map_init(&m, c);
    leati_str_init(&s, c);
    leat_status st = LEAT_OK;
    for (int i = 0; i < 40 && st == LEAT_OK; i++) {
        leati_str_addf(&s, "entry %d;", i);
        if (leati_map_put(&m, s.text, s.length) == LEATI_MAP_NONE) st = leat_error_status(c);
        if (st == LEAT_OK) st = leati_str_status(&s);
    }
    leati_map_fini(&m);
    leati_str_fini(&s);
    return st;
}

static void branches(leattest *t)
{
    leat_context_options o = leat_context_options_default();
    leat_context *parent, *branch;
    o.precision = LEAT_PRECISION_BF16;
    o.seed = 7;
    o.threads = 3;
    o.cpu = "generic";
    REQUIRE(leat_context_create(&parent, &o) == LEAT_OK);
    if (CHECK(leati_context_branch(parent, &branch) == LEAT_OK)) {
        CHECK(leat_context_precision(branch) == LEAT_PRECISION_BF16);
        CHECK_INT(leat_context_seed(branch), 7);
        CHECK_INT(leat_context_threads(branch), 1);
        CHECK_STR(leat_context_cpu(branch), "generic");
    }
    leat_context_destroy(parent);
    leat_context_destroy(branch);
}

static void processor_time(leattest *t)
{
    CHECK_INT(leati_cpu_quota("200000 100000\n"), 2);
    CHECK_INT(leati_cpu_quota("150000 100000\n"), 2);
    CHECK_INT(leati_cpu_quota("1000 100000\n"), 1);
    CHECK_INT(leati_cpu_quota("max 100000\n"), UINT_MAX);
    CHECK_INT(leati_cpu_quota("100000 0\n"), UINT_MAX);
    CHECK_INT(leati_cpu_quota(""), UINT_MAX);
    CHECK(leati_cpu_count() >= 1);
}

typedef struct some_options {
    uint32_t struct_size;
    int32_t first;
    double second;
} some_options;

/* Programs of an older header keep the defaults of what they do not know. */
static void options_of_callers(leattest *t)
{
    leat_context *c = t->context;
    some_options o = {sizeof o, 1, 2}, old = {offsetof(some_options, second), 5, 6};
    some_options forgotten = {0, 5, 6}, newer = {sizeof o + 8, 5, 6};
    CHECK_OK(LEATI_OPTIONS(c, some_options, &o, NULL));
    CHECK(o.first == 1 && o.second == 2);
    CHECK_OK(LEATI_OPTIONS(c, some_options, &o, &old));
    CHECK(o.first == 5 && o.second == 2);
    CHECK_FAILS(LEATI_OPTIONS(c, some_options, &o, &forgotten), LEAT_INVALID,
                "some_options|struct_size is 0|default");
    CHECK_FAILS(LEATI_OPTIONS(c, some_options, &o, &newer), LEAT_INVALID, "some_options|newer");
    CHECK(o.first == 5 && o.second == 2);
}

/* What stands on the terminal after a call, without the escape that wipes the line. */
static const char *shown_as(leat_progress *p, FILE *f, const char *what, uint64_t done,
                            uint64_t total, char out[200])
{
    rewind(f);
    (void)leat_progress_show(p, what, done, total);
    size_t n = (size_t)ftell(f);
    rewind(f);
    out[fread(out, 1, n < 199 ? n : 199, f)] = '\0';
    const char *text = strstr(out, "\033[K");
    return text ? text + 3 : out;
}

static const char *shown(leat_progress *p, FILE *f, uint64_t done, uint64_t total, char out[200])
{
    return shown_as(p, f, "solving", done, total, out);
}

static void progress_bar(leattest *t)
{
    char out[200];
    leat_progress p;
    FILE *f = tmpfile();
    REQUIRE(f != NULL);
    leat_progress_init(&p, f, LEAT_PROGRESS_BAR);
    CHECK(strstr(shown(&p, f, 0, 10, out), "[>                           ]   0%") != NULL);
    CHECK(strstr(shown(&p, f, 5, 10, out), "[==============>             ]  50%") != NULL);
    p.started_ns -= UINT64_C(100000000000);
    CHECK(strstr(shown(&p, f, 5, 10, out), "50%  1 min 40 s left") != NULL);
    /* an end that is not known: what is done, and since when */
    CHECK_STR(shown(&p, f, 12345, 0, out), "solving                  12,345  1 min 40 s");
    /* a job that says more of itself goes on; the bar leaves room for it, and for what is left */
    (void)shown_as(&p, f, "network: epoch 1/9, loss 2", 10, 90, out);
    p.started_ns -= UINT64_C(100000000000);
    const char *long_one = shown_as(
        &p, f, "network: epoch 5/9, loss 0.125, accuracy 0.98, 12,300 rows/s", 50, 90, out);
    CHECK(strstr(long_one, "12,300 row  56%  1 min 40 s left") != NULL);
    CHECK(strstr(shown_as(&p, f, "network: epoch 5/9, loss 0.125", 50, 90, out),
                 "125 [=============>          ]  56%  1 min 40 s left") != NULL);
    /* another job of this name begins anew */
    CHECK(strstr(shown_as(&p, f, "network: epoch 2/9, loss 0.5", 20, 90, out), "left") == NULL);
    fclose(f);
}

/* In a log: nothing of short jobs, the end of long ones, and how far one is every few seconds. */
static void progress_lines(leattest *t)
{
    char out[200];
    leat_progress p;
    FILE *f = tmpfile();
    const uint64_t second = UINT64_C(1000000000);
    REQUIRE(f != NULL);
    leat_progress_init(&p, f, LEAT_PROGRESS_LINES);
    CHECK_STR(shown_as(&p, f, "network, fold 1 of 2: epoch 1/9", 10, 90, out), "");
    CHECK_STR(shown_as(&p, f, "network, fold 1 of 2: epoch 9/9", 90, 90, out), "");
    CHECK_STR(shown_as(&p, f, "network, fold 2 of 2: epoch 1/9", 10, 90, out), "");
    p.started_ns -= 6 * second, p.said_ns -= 6 * second;
    CHECK_STR(shown_as(&p, f, "network, fold 2 of 2: epoch 3/9", 27, 90, out),
              "network, fold 2 of 2: epoch 3/9: 30% after 6.00 s\n");
    CHECK_STR(shown_as(&p, f, "network, fold 2 of 2: epoch 4/9", 40, 90, out), "");
    CHECK_STR(shown_as(&p, f, "network, fold 2 of 2: epoch 9/9", 90, 90, out),
              "network, fold 2 of 2: epoch 9/9: done in 6.00 s\n");
    fclose(f);
}

static void allocation_failures(leattest *t)
{
    leattest_fail_allocations(t, build_things, NULL);
}

static const leattest_case list[] = {TEST(status_names),
                                     TEST(first_error_sticks),
                                     TEST(context_options),
                                     TEST(memory),
                                     TEST(arena),
                                     TEST(strings),
                                     TEST(maps),
                                     TEST(sha256),
                                     TEST(philox),
                                     TEST(rng_draws),
                                     TEST(numbers),
                                     TEST(json),
                                     TEST(branches),
                                     TEST(processor_time),
                                     TEST(options_of_callers),
                                     TEST(progress_bar),
                                     TEST(progress_lines),
                                     TEST(allocation_failures)};

LEATTEST_MAIN(list)
