/* Texts as sequences of tokens: the setting, vocabularies, features, windows, generated text. */
#include <leat/experiment.h>
#include <leat/generate.h>
#include <leat/read.h>
#include <leat/session.h>

#include <math.h>

#include "base/file.h"
#include "base/mem.h"
#include "frame/text_windows.h"
#include "learn/encoder.h"
#include "support/leattest.h"

static void rules(leattest *t)
{
    leati_token_rules r;
    REQUIRE_OK(leati_token_rules_parse(t->context, NULL, &r));
    CHECK_STR(r.text, "");
    REQUIRE_OK(leati_token_rules_parse(t->context, "characters", &r));
    CHECK(!r.words && !r.lower);
    CHECK_INT(r.vocabulary, 10000);
    REQUIRE_OK(leati_token_rules_parse(
        t->context, "words( vocabulary = 50,min_count=3, lower=true, length=7, unknown=?)", &r));
    CHECK(r.words && r.lower);
    CHECK_INT(r.vocabulary, 50);
    CHECK_INT(r.min_count, 3);
    CHECK_INT(r.length, 7);
    CHECK_STR(r.unknown, "?");
    static const char *const bad[] = {"word",
                                      "words(",
                                      "words()",
                                      "words(5)",
                                      "words(vocabulary=2)",
                                      "words(vocabulary=99999999)",
                                      "words(min_count=0)",
                                      "words(lower=maybe)",
                                      "words(unknown=)",
                                      "words(length=1) x",
                                      "words(length=1,)",
                                      "words(size=4)",
                                      "words x",
                                      "words(unknown=0123456789012345678901234567890123456789)"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK_FAILS(leati_token_rules_parse(t->context, bad[i], &r), LEAT_INVALID,
                    "it takes words or characters|vocabulary=10000");
}

static void shown(leattest *t)
{
    static const char *const texts[] = {"a", "\n", "\t", "\\", "\x01", "caf\xc3\xa9", "\\n"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        for (int ascii = 0; ascii < 2; ascii++) {
            char name[LEATI_SHOWN_BYTES], back[LEATI_SHOWN_BYTES];
            size_t n = leati_text_show(texts[i], strlen(texts[i]), ascii, name);
            CHECK_INT(leati_text_unshow(name, n, back), strlen(texts[i]));
            CHECK(memcmp(back, texts[i], strlen(texts[i])) == 0);
        }
    char out[8];
    CHECK_INT(leati_text_unshow("\\x4", 3, out), 3); /* cut short: as it stands */
    CHECK_INT(leati_text_unshow("a\\", 2, out), 2);
}

static char path[1024];

static leat_status read_text(leat_context *c, const char *form, const char *tokens, leat_frame **f)
{
    leat_read_options o = leat_read_options_default();
    o.text = form;
    o.tokens = tokens;
    return leat_frame_read(c, f, path, &o);
}

static void check_cell(leattest *t, const leat_frame *f, size_t column, size_t row,
                       const char *want)
{
    const char *text;
    size_t length;
    if (!CHECK(leat_frame_text(f, column, row, &text, &length))) return;
    CHECK_INT(length, strlen(want));
    CHECK(memcmp(text, want, length) == 0);
}

static void windows(leattest *t)
{
    static const char text[] = "One fish,\ntwo fish. Red  fish!";
    leat_frame *f;
    snprintf(path, sizeof path, "%s", leattest_scratch("fish.txt"));
    REQUIRE_OK(leati_file_write(t->context, path, text, sizeof text - 1));
    REQUIRE_OK(read_text(t->context, "3/2", "words(min_count=2, unknown=<rare>)", &f));
    CHECK_INT(leat_frame_rows(f), 3); /* One fish , | , two fish | fish . Red */
    check_cell(t, f, 0, 0, "One fish,");
    check_cell(t, f, 0, 1, ",\ntwo fish");
    check_cell(t, f, 0, 2, "fish. Red");
    check_cell(t, f, 1, 0, "<rare>");
    check_cell(t, f, 1, 1, "<rare>");
    check_cell(t, f, 1, 2, "fish");
    leat_frame_release(f);
    CHECK_FAILS(read_text(t->context, "9", "words", &f), LEAT_FORMAT, "fish.txt has 9 words");
    CHECK_FAILS(read_text(t->context, "3", "word", &f), LEAT_INVALID, "tokens is 'word'");
    REQUIRE_OK(leati_file_write(t->context, path, "\xc3\xa9\n\xc3\xa8.", 6));
    REQUIRE_OK(read_text(t->context, "1", "characters", &f));
    CHECK_INT(leat_frame_rows(f), 3);
    check_cell(t, f, 0, 0, "\xc3\xa9");
    check_cell(t, f, 1, 0, "\\n");
    check_cell(t, f, 1, 1, "\xc3\xa8");
    leat_frame_release(f);
}

static leat_status read_some(leat_context *c, void *arg)
{
    leat_frame *f;
    (void)arg;
    leat_status st = read_text(c, "2", "words(vocabulary=4)", &f);
    if (st == LEAT_OK) leat_frame_release(f);
    return st;
}

static void memory(leattest *t)
{
    snprintf(path, sizeof path, "%s", leattest_scratch("memory.txt"));
    REQUIRE_OK(leati_file_write(t->context, path, "to be or not to be", 18));
    leattest_fail_allocations(t, read_some, NULL);
}

/* ---- features ----------------------------------------------------------------------------------
 */

/* Columns note (text) and good (bool). */
static leat_frame *notes(leat_context *c, size_t count, const char *const *text)
{
    leat_frame *f = leati_frame_create(c, count);
    leati_column *note = leati_column_create(c, LEAT_STRING, count);
    leati_column *good = leati_column_create(c, LEAT_BOOL, count);
    leati_map map;
    leati_map_init(&map, c);
    for (size_t i = 0; i < count; i++) {
        good->u8[i] = i % 2;
        if (text[i]) note->codes[i] = leati_map_put(&map, text[i], strlen(text[i]));
        else if (leati_column_set_missing(c, note, i) != LEAT_OK) abort();
    }
    note->dict = leati_dict_from_map(c, &map);
    leati_map_fini(&map);
    if (leati_frame_add(c, f, "note", note) != LEAT_OK ||
        leati_frame_add(c, f, "good", good) != LEAT_OK)
        abort();
    return f;
}

static void features(leattest *t)
{
    leat_context *c = t->context;
    static const char *const text[] = {"a b a", "B c", NULL, "", "a z z z z"};
    static const double want[5][3] = {{2, 3, 2}, {3, 1, 0}, {0, 0, 0}, {0, 0, 0}, {2, 1, 1}};
    leat_frame *f = notes(c, 5, text);
    const uint32_t all[] = {0, 1, 2, 3, 4}, train[] = {0, 1, 2};
    leati_schema s;
    leati_schema_options o = {.target = "good", .tokens = "words(lower=true, vocabulary=4)"};
    REQUIRE_OK(leati_schema_infer(c, &s, f, &o));
    CHECK(s.columns[0].role == LEATI_ROLE_TOKENS);
    leati_recipe recipe;
    REQUIRE_OK(leati_recipe_for(c, &recipe, "auto", 0, &s, 5));
    leati_encoder e;
    REQUIRE_OK(leati_encoder_fit(c, &e, &recipe, &s, f, train, 3)); /* a 2, b 2, c 1 */
    CHECK_INT(e.width, 3);
    CHECK_STR(e.features[1].name, "note[1]");
    leati_matrix x;
    void *data;
    REQUIRE_OK(leati_encoder_apply(c, &e, f, all, 5, &x, &data));
    for (size_t i = 0; i < 5; i++)
        for (size_t k = 0; k < 3; k++) CHECK(x.f64[i * 3 + k] == want[i][k]);
    leati_free(data);
    leati_encoder_fini(&e);
    leati_schema_fini(&s);
    leat_frame_release(f);
}

/* ---- models ------------------------------------------------------------------------------------
 */

static const char *const settings[] = {"network.layers=embedding(12, 8); flatten; dense(24, relu)",
                                       "network.epochs=60", "network.batch_size=8",
                                       "network.learning_rate=0.02"};

static leat_status fit(leat_context *c, leat_frame *f, const char *target, const char *tokens,
                       leat_model **out)
{
    leat_experiment_options o = leat_experiment_options_default();
    leat_experiment *e;
    o.target = target;
    o.models = "network";
    o.cv = "holdout:0.2";
    o.quick = true;
    o.tokens = tokens;
    o.set = settings, o.set_count = 4;
    *out = NULL;
    leat_status st = leat_experiment_run(c, &e, f, NULL, &o);
    if (st != LEAT_OK) return st;
    *out = leat_model_retain(leat_experiment_model(e));
    leat_experiment_destroy(e);
    return st;
}

static void same_answers(leattest *t, leat_model *a, leat_model *b, const leat_frame *f)
{
    leat_frame *x, *y;
    leat_session *s;
    REQUIRE_OK(leat_model_predict(t->context, a, f, true, &x));
    REQUIRE_OK(leat_model_predict(t->context, b, f, true, &y));
    REQUIRE_OK(leat_session_create(t->context, b, 1, &s));
    for (size_t i = 0; i < leat_frame_rows(f); i++) {
        const char *text;
        size_t length;
        bool there = leat_frame_text(f, 0, i, &text, &length);
        CHECK_OK(leat_session_set_text(s, 0, 0, there ? text : NULL));
        CHECK_OK(leat_session_run(s, 1, true));
        for (size_t k = 1; k < leat_frame_columns(x); k++) {
            double p = 0, q = 1;
            CHECK(leat_frame_number(x, k, i, &p) && leat_frame_number(y, k, i, &q));
            CHECK(p == q);
            CHECK_NEAR(leat_session_probabilities(s)[k - 1], p, 1e-6, 1e-7);
        }
    }
    leat_session_destroy(s);
    leat_frame_release(x);
    leat_frame_release(y);
}

static void models(leattest *t)
{
    static const char *const words[] = {"fine", "poor"}, *const things[] = {"wheel", "mill", "dam"};
    enum { ROWS = 60 };
    char text[ROWS][64];
    const char *list[ROWS];
    for (int i = 0; i < ROWS; i++) {
        list[i] = text[i];
        snprintf(text[i], sizeof *text, i % 3 ? "the %s is %s" : "%s: a %s one indeed",
                 i % 3 ? things[i % 7 % 3] : things[i % 5 % 3], words[i % 2]);
    }
    list[7] = NULL;
    leat_frame *f = notes(t->context, ROWS, list);
    leat_model *m, *again;
    REQUIRE_OK(fit(t->context, f, "good", "words(vocabulary=12, min_count=2)", &m));
    CHECK_STR(leat_model_estimator(m), "network"); /* it reads the word that tells */
    CHECK_STR(leat_model_tokens(m), "words(vocabulary=12, min_count=2)");
    snprintf(path, sizeof path, "%s", leattest_scratch("notes.leat"));
    REQUIRE_OK(leat_model_save(t->context, m, path));
    REQUIRE_OK(leat_model_open(t->context, &again, path));
    CHECK_STR(leat_model_tokens(again), leat_model_tokens(m));
    same_answers(t, m, again, f);
    leat_generate_options o = leat_generate_options_default();
    CHECK_FAILS(leat_model_generate(t->context, m, "the", &o), LEAT_UNSUPPORTED,
                "is no model of language|--text 64");
    leat_model_release(again);
    leat_model_release(m);
    leat_frame_release(f);
}

/* ---- generated text ----------------------------------------------------------------------------
 */

typedef struct written {
    char text[512];
    size_t length, parts, most;
} written;

static bool take(void *user, const char *text, size_t length)
{
    written *w = user;
    if (w->length + length >= sizeof w->text) return false;
    memcpy(w->text + w->length, text, length);
    w->length += length;
    w->text[w->length] = '\0';
    return !w->most || ++w->parts < w->most;
}

static void say(leattest *t, leat_model *m, const char *start, double temperature, size_t length,
                written *w)
{
    leat_generate_options o = leat_generate_options_default();
    size_t most = w->most;
    *w = (written){.most = most};
    o.length = length;
    o.temperature = temperature;
    o.write = take;
    o.user = w;
    CHECK_OK(leat_model_generate(t->context, m, start, &o));
}

static leat_model *learn_verse(leattest *t, const char *form, const char *tokens)
{
    static const char verse[] = "the wheel turns the mill, the mill grinds the grain. ";
    char text[12 * sizeof verse];
    leat_frame *f;
    leat_model *m = NULL;
    for (size_t i = 0; i < 12; i++) memcpy(text + i * (sizeof verse - 1), verse, sizeof verse);
    snprintf(path, sizeof path, "%s", leattest_scratch("verse.txt"));
    if (!CHECK_OK(leati_file_write(t->context, path, text, strlen(text))) ||
        !CHECK_OK(read_text(t->context, form, tokens, &f)))
        return NULL;
    CHECK_OK(fit(t->context, f, "next", tokens, &m));
    leat_frame_release(f);
    return m;
}

static void words_generated(leattest *t)
{
    leat_model *m = learn_verse(t, "3", "words(vocabulary=12)");
    written w = {.most = 0}, again = {.most = 0};
    REQUIRE(m);
    say(t, m, "the wheel turns", 0, 9, &w);
    CHECK_STR(w.text, "the wheel turns the mill, the mill grinds the grain.");
    say(t, m, "turns", 1.5, 12, &w);
    say(t, m, "turns", 1.5, 12, &again);
    CHECK_STR(w.text, again.text);
    w.most = 3;
    say(t, m, "the mill,", 0, 100, &w);
    CHECK_INT(w.parts, 3);
    leat_generate_options o = leat_generate_options_default();
    o.write = take;
    o.user = &w;
    CHECK_FAILS(leat_model_generate(t->context, m, " \n", &o), LEAT_INVALID, "holds nothing");
    o.temperature = -1;
    CHECK_FAILS(leat_model_generate(t->context, m, "the", &o), LEAT_INVALID, "temperature of -1");
    leat_model_release(m);
}

static leat_status generate_some(leat_context *c, void *arg)
{
    leat_generate_options o = leat_generate_options_default();
    written w = {.most = 0};
    o.length = 4;
    o.write = take;
    o.user = &w;
    return leat_model_generate(c, arg, "the grain", &o);
}

static void characters_generated(leattest *t)
{
    leat_model *m = learn_verse(t, "8", "characters(vocabulary=12)");
    written w = {.most = 0};
    REQUIRE(m);
    say(t, m, "the mill", 0.01, 7, &w);
    CHECK_INT(w.length, 15);
    leattest_fail_some_allocations(t, generate_some, m);
    leat_model_release(m);
}

static const leattest_case cases[] = {
    TEST(rules),    TEST(shown),  TEST(windows),         TEST(memory),
    TEST(features), TEST(models), TEST(words_generated), TEST(characters_generated)};
LEATTEST_MAIN(cases)
