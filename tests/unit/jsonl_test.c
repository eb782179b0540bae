/* JSON Lines: types, gaps, escapes, arrays of objects, errors. */
#include "support/leattest.h"

#include <leat/read.h>

#include "base/file.h"
#include "frame/frame.h"

static leat_status read_text(leat_context *c, leat_frame **out, const char *text,
                             const leat_read_options *o)
{
    const char *path = leattest_scratch("t.jsonl");
    *out = NULL;
    leat_status st = leati_file_write(c, path, text, strlen(text));
    return st == LEAT_OK ? leat_frame_read(c, out, path, o) : st;
}

static void values(leattest *t)
{
    leat_frame *f;
    const char *text;
    double number;
    REQUIRE_OK(read_text(t->context, &f,
                         "{\"n\": 1, \"x\": 2, \"s\": \"a\\u00e9\\n\\ud83d\\ude00\", \"m\": 1}\n\n"
                         "{\"x\": 2.5, \"b\": true, \"d\": \"1970-01-02\", \"m\": \"two\"}\r\n"
                         "{\"n\": null, \"b\": false, \"v\": [1, {\"k\": \"]\"}], \"s\": \"\"}",
                         NULL));
    CHECK_INT(leat_frame_rows(f), 3);
    CHECK_INT(leat_frame_columns(f), 7);
    static const leat_type types[] = {LEAT_I64,  LEAT_F64,  LEAT_STRING, LEAT_STRING,
                                      LEAT_BOOL, LEAT_TIME, LEAT_STRING};
    static const size_t missing[] = {2, 1, 1, 1, 1, 2, 2};
    for (size_t j = 0; j < 7; j++) {
        CHECK_INT(leat_frame_type(f, j), types[j]);
        CHECK_INT(leat_frame_missing(f, j), missing[j]);
    }
    CHECK(leat_frame_text(f, 2, 0, &text, NULL));
    CHECK_STR(text, "a\xc3\xa9\n\xf0\x9f\x98\x80");
    CHECK(leat_frame_text(f, 2, 2, &text, NULL));
    CHECK_STR(text, "");
    CHECK(leat_frame_text(f, 3, 0, &text, NULL));
    CHECK_STR(text, "1");
    CHECK(leat_frame_text(f, 6, 2, &text, NULL));
    CHECK_STR(text, "[1, {\"k\": \"]\"}]");
    CHECK(leat_frame_number(f, 1, 0, &number) && number == 2);
    CHECK(!leat_frame_number(f, 0, 1, &number));
    CHECK(leat_frame_number(f, 5, 1, &number) && number == 86400e6);
    leat_frame_release(f);
}

static void arrays(leattest *t)
{
    leat_frame *f;
    REQUIRE_OK(read_text(t->context, &f, "[\n {\"a\": 1},\n {\"a\": 2, \"b\": \"x\"}\n]\n", NULL));
    CHECK_INT(leat_frame_rows(f), 2);
    CHECK_INT(leat_frame_missing(f, 1), 1);
    leat_frame_release(f);
}

static void options(leattest *t)
{
    leat_frame *f;
    leat_read_options o = leat_read_options_default();
    o.types = "a:text";
    o.columns = "b,a";
    o.max_rows = 2;
    REQUIRE_OK(
        read_text(t->context, &f, "{\"a\":1,\"b\":2,\"c\":0}\n{\"a\":2,\"b\":3}\n{\"a\":9}\n", &o));
    CHECK_INT(leat_frame_rows(f), 2);
    CHECK_STR(leat_frame_name(f, 0), "b");
    CHECK_INT(leat_frame_type(f, 1), LEAT_STRING);
    leat_frame_release(f);
    o = leat_read_options_default();
    o.on_error = LEAT_ON_ERROR_SKIP;
    REQUIRE_OK(leat_read_report_create(t->context, &o.report));
    REQUIRE_OK(read_text(t->context, &f, "{\"a\":1}\n{\"a\":\n{\"a\":\"x\"} y\n{\"a\":3}\n", &o));
    CHECK_INT(leat_frame_rows(f), 2);
    CHECK_INT(leat_frame_type(f, 0), LEAT_I64);
    CHECK_INT(leat_read_report_dropped(o.report), 2);
    leat_frame_release(f);
    o.types = "a:number"; /* of the wrong type: left out with what it would have named */
    o.expected = "a:text,b:whole,c:time";
    REQUIRE_OK(read_text(t->context, &f,
                         "{\"a\":1,\"b\":2}\n{\"z\":0,\"a\":\"x\"}\n{\"a\":\"2.5\",\"b\":null}\n"
                         "{\"a\":4,\"b\":5.5}\n[1]\n{}\n",
                         &o));
    CHECK_INT(leat_frame_rows(f), 3);
    CHECK_INT(leat_frame_columns(f), 2);
    CHECK_INT(leat_frame_type(f, 0), LEAT_F64);
    CHECK_INT(leat_frame_type(f, 1), LEAT_I64);
    CHECK_INT(leat_read_report_dropped(o.report), 3);
    CHECK_STR(leat_read_report_note(o.report, 0, NULL),
              "line 2, column a: 'x' is not a number (row left out)");
    CHECK_STR(leat_read_report_note(o.report, 1, NULL),
              "line 4, column b: '5.5' is not a whole (row left out)");
    leat_frame_release(f);
    o.types = "q:number";
    CHECK_FAILS(read_text(t->context, &f, "{\"a\":1}\n", &o), LEAT_NOT_FOUND, "'q'|types");
    leat_read_report_destroy(o.report);
}

static void errors(leattest *t)
{
    static const struct {
        const char *text, *words;
    } list[] = {{"{\"a\": 1}\n{\"a\" 1}\n", "t.jsonl line 2|colon"},
                {"{\"a\": 1}\n[2]\n", "line 2|an object"},
                {"{\"a\": 1", "line 1|closing '}'"},
                {"{\"a\": \"x", "line 1|closing quote"},
                {"{\"a\": [1, 2}", "comma or closing bracket"},
                {"{\"a\": 01}", "expected a value"},
                {"{\"a\": tru}", "expected a value"},
                {"[{\"a\": 1} {\"a\": 2}]", "a comma or ']'"},
                {"{}", "no row"},
                {"  \n", "empty"}};
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        leat_frame *f;
        leat_read_options o = leat_read_options_default();
        o.format = "jsonl";
        CHECK_FAILS(read_text(t->context, &f, list[i].text, &o), LEAT_FORMAT, list[i].words);
    }
    leat_frame *f;
    leat_read_options o = leat_read_options_default();
    o.format = "xml";
    CHECK_FAILS(read_text(t->context, &f, "{}", &o), LEAT_INVALID, "xml|csv, tsv, jsonl");
}

static leat_status read_some(leat_context *c, void *arg)
{
    leat_frame *f;
    leat_status st = leat_frame_read(c, &f, arg, NULL);
    if (st == LEAT_OK) st = leat_frame_write(c, f, leattest_scratch("w.jsonl"), NULL);
    leat_frame_release(f);
    return st;
}

static void allocation_failures(leattest *t)
{
    const char *path = leattest_scratch("some.jsonl"),
               *text = "{\"a\": 1, \"b\": \"x\\ny\"}\n{\"c\": true, \"b\": \"caf\xe9\"}\n";
    REQUIRE_OK(leati_file_write(t->context, path, text, strlen(text)));
    leattest_fail_allocations(t, read_some, (void *)(uintptr_t)path);
}

static const leattest_case list[] = {TEST(values), TEST(arrays), TEST(options), TEST(errors),
                                     TEST(allocation_failures)};

LEATTEST_MAIN(list)
