/* Reading and writing delimited text: dialects, types, dirt, errors, threads. */
#include "support/leattest.h"

#include <jansson.h>
#include <leat/read.h>
#include <sys/stat.h>
#include <zlib.h>

#include "base/file.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/rng.h"
#include "frame/csv_read.h"
#include "frame/frame.h"

static leat_status read_text(leat_context *c, leat_frame **out, const char *text, size_t n,
                             const leat_read_options *options)
{
    leat_read_options o = options ? *options : leat_read_options_default();
    leati_source *source;
    *out = NULL;
    leat_status st = leati_source_memory(c, &source, text, n, "t.csv");
    if (st != LEAT_OK) return st;
    if (o.report) leati_report_clear(o.report);
    st = leati_csv_frame(c, out, source, &o, o.report);
    leati_source_close(source);
    return st;
}

/* The frame as text: "name:type" of each column, then the rows; missing values as "_". */
static const char *show(const leat_frame *f, char out[4000])
{
    size_t n = 0;
    out[0] = '\0';
    if (!f) return "no frame";
    for (size_t j = 0; j < f->columns; j++)
        n += (size_t)snprintf(out + n, 4000 - n, "%s%s:%s", j ? "," : "", f->name[j],
                              leat_type_name(f->column[j]->type));
    for (size_t i = 0; i < f->rows && n < 3000; i++) {
        for (size_t j = 0; j < f->columns; j++) {
            const leati_column *col = f->column[j];
            double number;
            const char *text;
            n += (size_t)snprintf(out + n, 4000 - n, "%s", j ? "," : "|");
            if (!leati_valid(col, i)) n += (size_t)snprintf(out + n, 4000 - n, "_");
            else if (leat_frame_text(f, j, i, &text, NULL))
                n += (size_t)snprintf(out + n, 4000 - n, "%s", text);
            else if (leat_frame_number(f, j, i, &number))
                n += (size_t)snprintf(out + n, 4000 - n, "%.15g", number);
        }
    }
    return out;
}

typedef struct example {
    const char *text, *want;
} example;

static void check_examples(leattest *t, const example *list, size_t count,
                           const leat_read_options *o)
{
    char out[4000];
    for (size_t i = 0; i < count; i++) {
        leat_frame *f;
        leat_status st = read_text(t->context, &f, list[i].text, strlen(list[i].text), o);
        if (CHECK_OK(st)) CHECK_STR(show(f, out), list[i].want);
        leat_error_clear(t->context);
        leat_frame_release(f);
    }
}

static void types(leattest *t)
{
    static const example list[] = {
        {"a,b\n1,2.5\n-3,4\n", "a:whole,b:number|1,2.5|-3,4"},
        {"a\n1\n2\n3.5\n", "a:number|1|2|3.5"},
        {"zip,x\n00123,1\n99999,2\n", "zip:text,x:whole|00123,1|99999,2"},
        {"a,b\ntrue,yes\nFALSE,No\n,\n", "a:bool,b:text|1,yes|0,No|_,_"},
        {"a,b,c\ny,on,t\nn,off,f\n", "a:text,b:text,c:text|y,on,t|n,off,f"},
        {"a,b\ntrue,x\nyes,y\n", "a:text,b:text|true,x|yes,y"},
        {"n,m|k,v\n1,a|b,7\n2,c|d,8\n", "n:whole,m|k:text,v:whole|1,a|b,7|2,c|d,8"},
        {"1,x;y\n2,z;y\n", "column_1:whole,column_2:text|1,x;y|2,z;y"},
        {"a;b\n1,5;2,25\n3,5;4\n", "a:number,b:number|1.5,2.25|3.5,4"},
        {"name;age\nEyre, Jane;18\nPip, Philip;7\n",
         "name:text,age:whole|Eyre, Jane,18|Pip, Philip,7"},
        {"yes,no\nno,yes\n", "column_1:text,column_2:text|yes,no|no,yes"},
        {"no,name\n1,x\n2,y\n", "no:whole,name:text|1,x|2,y"},
        {"d\n1970-01-02\n1970-01-01T00:00:01Z\n", "d:time|86400000000|1000000"},
        {"d\n2024-02-30\n2024-01-01\n", "d:text|2024-02-30|2024-01-01"},
        {"d\n1970-01-01 01:00:00.25+01:00\n1970-01-01\n", "d:time|250000|0"},
        {"a,b\nNA,1\n?,2\nN/A,n/a\nnull,-\n5,none\n", "a:whole,b:whole|_,1|_,2|_,_|_,_|5,_"},
        {"a,b\n#N/A,1\n2,<NA>\n", "a:whole,b:whole|_,1|2,_"},
        {"a,b\n\"3,4\",1.5\n\"1,2\",2\n\"5,6\",3\n", "a:text,b:number|3,4,1.5|1,2,2|5,6,3"},
        {"a,b\n,x\n,y\n", "a:number,b:text|_,x|_,y"},
        {"a\n9223372036854775807\n9223372036854775808\n", "a:number|9.22337203685478e+18|"
                                                          "9.22337203685478e+18"},
        {"a\n-9223372036854775808\n1\n", "a:whole|-9.22337203685478e+18|1"},
        {"a\n1e5\n2\n", "a:number|100000|2"},
        {"a\n+5\n-0\n", "a:number|5|-0"},
        {"a,b\n\"1\",\"x\"\n\"2\",\"\"\n", "a:whole,b:text|1,x|2,"},
        {"a,b\nx,\"NA\"\ny,NA\nz,w\n", "a:text,b:text|x,NA|y,_|z,w"},
    };
    check_examples(t, list, sizeof list / sizeof *list, NULL);
}

static void dialects(leattest *t)
{
    static const example list[] = {
        {"a;b\n1,5;2\n2,25;3\n", "a:number,b:whole|1.5,2|2.25,3"},
        {"a;b\n1.234,5;2\n2.000,25;3\n", "a:number,b:whole|1234.5,2|2000.25,3"},
        {"a\tb\n1\tx y\n2\tz,w\n", "a:whole,b:text|1,x y|2,z,w"},
        {"a|b\n1|2\n3|4\n", "a:whole,b:whole|1,2|3,4"},
        {"a,b\n\"1,234\",5\n12,6\n", "a:whole,b:whole|1234,5|12,6"},
        {"a,b\n\"1,234,567.5\",5\n12,6\n", "a:number,b:whole|1234567.5,5|12,6"},
        {"a,b\n\"12,34\",5\n\"1,5\",6\n", "a:number,b:whole|12.34,5|1.5,6"},
        {"a,b,c\n\"0,5\",1,2\n\"2,5\",3,4\n", "a:number,b:whole,c:whole|0.5,1,2|2.5,3,4"},
        {"\xef\xbb\xbf"
         "a,b\n1,2\n",
         "a:whole,b:whole|1,2"},
        {"a,b\r\n1,2\r\n3,4\r\n", "a:whole,b:whole|1,2|3,4"},
        {"a,b\r1,2\r3,4\r", "a:whole,b:whole|1,2|3,4"},
        {"\n\na,b\n\n1,2\n   \n3,4", "a:whole,b:whole|1,2|3,4"},
        {"a,b\n 1 ,  x \n2,\" y \"\n3, \"q,r\" \n", "a:whole,b:text|1,x|2, y |3,q,r"},
        {"a,b\nx\"y,1\n\"p\"q,2\n", "a:text,b:whole|x\"y,1|pq,2"},
        {"a,b\n1,2,\n3,4,\n", "a:whole,b:whole|1,2|3,4"},
        {"a,b\nx,1,2\ny,3,4\n", "column_1:text,a:whole,b:whole|x,1,2|y,3,4"},
        {"name\nann\nbob\n", "name:text|ann|bob"},
    };
    check_examples(t, list, sizeof list / sizeof *list, NULL);
}

static void headers(leattest *t)
{
    static const example list[] = {
        {"5.1,3.5,setosa\n4.9,3.0,setosa\n",
         "column_1:number,column_2:number,column_3:text|5.1,3.5,setosa|4.9,3,setosa"},
        {"land,2019,2020\nA,1.5,2\nB,2.5,3\n", "land:text,2019:number,2020:whole|A,1.5,2|B,2.5,3"},
        {",0,1\n0,5,6\n1,7,8\n", "column_1:whole,0:whole,1:whole|0,5,6|1,7,8"},
        {"a,a,,a\n1,2,3,4\n", "a:whole,a_2:whole,column_3:whole,a_3:whole|1,2,3,4"},
        {"m,x\nf,y\nm,y\nf,x\n", "column_1:text,column_2:text|m,x|f,y|m,y|f,x"},
        {"2024-01-01,5\n2024-01-02,6\n", "column_1:time,column_2:whole|1.7040672e+15,5|"
                                         "1.7041536e+15,6"},
    };
    check_examples(t, list, sizeof list / sizeof *list, NULL);
    leat_read_options o = leat_read_options_default();
    o.header = LEAT_HEADER_NO;
    static const example no[] = {{"a,b\nc,d\n", "column_1:text,column_2:text|a,b|c,d"}};
    check_examples(t, no, 1, &o);
    o.header = LEAT_HEADER_YES;
    static const example yes[] = {{"1,2\n3,4\n", "1:whole,2:whole|3,4"}};
    check_examples(t, yes, 1, &o);
}

static void options(leattest *t)
{
    leat_read_options o = leat_read_options_default();
    o.types = "zip:whole,a:text,d:bool";
    static const example typed[] = {{"zip,a,d\n007,1.50,1\n8,2,f\n9,3,Yes\n10,4,off\n",
                                     "zip:whole,a:text,d:bool|7,1.50,1|8,2,0|9,3,1|10,4,0"}};
    check_examples(t, typed, 1, &o);
    o = leat_read_options_default();
    o.missing = "-999,none at all";
    static const example missing[] = {
        {"a,b\n-999,NA\n2,none at all\n2.5,x\n", "a:number,b:text|_,NA|2,_|2.5,x"}};
    check_examples(t, missing, 1, &o);
    o = leat_read_options_default();
    o.columns = "c,a";
    o.max_rows = 2;
    static const example few[] = {{"a,b,c\n1,x,2\n3,y,4\n5,z\n", "c:whole,a:whole|2,1|4,3"}};
    check_examples(t, few, 1, &o);
    leat_frame *f;
    leat_context *c = t->context;
    o.columns = "a,x";
    CHECK_FAILS(read_text(c, &f, "aa,b\n1,2\n", 9, &o), LEAT_NOT_FOUND, "no column 'a'|mean 'aa'");
    o = leat_read_options_default();
    o.types = "a:colour";
    CHECK_FAILS(read_text(c, &f, "a,b\n1,2\n", 8, &o), LEAT_INVALID, "colour|whole");
    o.types = "w:whole";
    CHECK_FAILS(read_text(c, &f, "w,b\n12,2\n3,4\n\"3,4o9\",1\n", 23, &o), LEAT_FORMAT,
                "line 4|column w|3,4o9|whole number|--on-error skip");
}

static void errors(leattest *t)
{
    static const struct {
        const char *text;
        size_t n;
        const char *words;
    } list[] = {
        {"a,b\n1,2\n3\n", 0, "line 3 has 1 value|names 2"},
        {"a,b\n1,\"2\n2\"\n3,4,5\n", 0, "line 4 has 3 values"},
        {"a,b\r1,2\r3,4,5\r", 0, "line 3 has 3 values"},
        {"a,b\n1,2\n3,\"open\nmore,1\n", 0, "line 3|column b|never closed"},
        {"\"a,b\n1,2\n", 0, "line 1|never closed"},
        {"", 0, "empty"},
        {"\n\n", 0, "empty"},
        {"a,b\n", 0, "no row"},
        {"a,b", 0, "no row"},
        {"\x89PNG\r\n\x1a\n12345", 0, "PNG"},
        {"PK\x03\x04zzzzzzzz", 0, "ZIP|Excel"},
        {"a\0,\0b\0\n\0", 8, "UTF-16"},
        {"\x01\x02\x03\x04\x05\x06\x07", 0, "binary"},
        {"a,b\n1,x\0y\n2,longer text here so that zeros are few\n", 51, "line 2|zero byte"},
    };
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        leat_frame *f;
        size_t n = list[i].n ? list[i].n : strlen(list[i].text);
        CHECK_FAILS(read_text(t->context, &f, list[i].text, n, NULL), LEAT_FORMAT, list[i].words);
        CHECK(f == NULL);
    }
    leat_frame *f;
    CHECK_FAILS(leat_frame_read(t->context, &f, "/nowhere/x.csv", NULL), LEAT_NOT_FOUND, "no file");
    char folder[1024];
    snprintf(folder, sizeof folder, "%s", leattest_scratch("folder"));
    CHECK(mkdir(folder, 0777) == 0);
    CHECK_FAILS(leat_frame_read(t->context, &f, folder, NULL), LEAT_INVALID, "folder");
}

static bool has_note(const leat_read_report *r, const char *words)
{
    for (size_t i = 0; leat_read_report_note(r, i, NULL); i++)
        if (strstr(leat_read_report_note(r, i, NULL), words)) return true;
    return false;
}

static void dropped_rows(leattest *t)
{
    leat_context *c = t->context;
    leat_read_options o = leat_read_options_default();
    leat_frame *f;
    char out[4000];
    REQUIRE_OK(leat_read_report_create(c, &o.report));
    o.on_error = LEAT_ON_ERROR_SKIP;
    const char *text = "n,w\n1,red\n2\nnew,blue,x\n4,green\n5,red,\n6,blue\n";
    REQUIRE_OK(read_text(c, &f, text, strlen(text), &o));
    CHECK_STR(show(f, out), "n:whole,w:text|1,red|4,green|5,red|6,blue");
    CHECK_INT(leat_read_report_dropped(o.report), 2);
    CHECK(has_note(o.report, "line 3 has 1 value, the header names 2 (row left out)"));
    CHECK(has_note(o.report, "line 4 has 3 values"));
    CHECK(has_note(o.report, "1 row ends with a delimiter too many"));
    leat_frame_release(f);
    o.types = "n:whole";
    text = "n,w,z\n1,red,1\nx,blue,2\n4,green,q\n";
    REQUIRE_OK(read_text(c, &f, text, strlen(text), &o));
    CHECK_STR(show(f, out), "n:whole,w:text,z:text|1,red,1|4,green,q");
    CHECK(has_note(o.report, "line 3, column n: 'x' is not a whole number"));
    leat_frame_release(f);
    o.expected = "n:text,q:time,z:number"; /* n is in types, q is lacking */
    REQUIRE_OK(read_text(c, &f, text, strlen(text), &o));
    CHECK_STR(show(f, out), "n:whole,w:text,z:number|1,red,1");
    CHECK_INT(leat_read_report_dropped(o.report), 2);
    CHECK(has_note(o.report, "line 4, column z: 'q' is not a number (row left out)"));
    leat_frame_release(f);
    o.expected = NULL;
    o.types = NULL;
    CHECK_FAILS(read_text(c, &f, "a,b\n1,\"2\n", 9, &o), LEAT_FORMAT, "line 2|never closed");
    leat_read_report_destroy(o.report);
}

/* Names that may stand once; a table that was fitted with two of a name has both. */
static void names_once(leattest *t)
{
    leat_context *c = t->context;
    leat_read_options o = leat_read_options_default();
    leat_frame *f;
    char out[4000];
    const char *text = "a,b,a\n1,2,3\n", *behind = "a_2,a,b,a\n1,2,3,4\n";
    o.once = "b,c";
    REQUIRE_OK(read_text(c, &f, text, strlen(text), &o));
    CHECK_STR(show(f, out), "a:whole,b:whole,a_2:whole|1,2,3");
    leat_frame_release(f);
    o.once = "b,a,a_2";
    REQUIRE_OK(read_text(c, &f, text, strlen(text), &o));
    leat_frame_release(f);
    o.once = "b,a";
    CHECK_FAILS(read_text(c, &f, text, strlen(text), &o), LEAT_FORMAT,
                "names the column 'a' twice");
    CHECK_FAILS(read_text(c, &f, behind, strlen(behind), &o), LEAT_FORMAT, "'a' twice");
}

static void encodings(leattest *t)
{
    leat_context *c = t->context;
    leat_read_options o = leat_read_options_default();
    leat_frame *f;
    char out[4000];
    REQUIRE_OK(leat_read_report_create(c, &o.report));
    const char *latin = "name,\xe9t\xe9\ncaf\xe9,1\n\"na\"\"\xefve \x93x\x94\",2\n";
    REQUIRE_OK(read_text(c, &f, latin, strlen(latin), &o));
    CHECK_STR(show(f, out), "name:text,\xc3\xa9t\xc3\xa9:whole|caf\xc3\xa9,1|na\"\xc3\xafve "
                            "\xe2\x80\x9cx\xe2\x80\x9d,2");
    CHECK(has_note(o.report, "2 values from line 2 on are not UTF-8; read as Windows-1252"));
    leat_frame_release(f);
    static const char wide[] = "\xff\xfe"
                               "a\0,\0b\0\n\0"
                               "1\0,\0\xe9\0\n\0";
    REQUIRE_OK(read_text(c, &f, wide, sizeof wide - 1, &o));
    CHECK_STR(show(f, out), "a:whole,b:text|1,\xc3\xa9");
    CHECK(has_note(o.report, "UTF-16"));
    leat_frame_release(f);
    leat_read_report_destroy(o.report);
}

/* All cases of csv-spectrum, every column as text, against its JSON. One has a JSON file that
 * does not belong to it (location_coordinates: another phone number) and is read only. */
static void spectrum(leattest *t)
{
    static const char *const names[] = {"comma_in_quotes",
                                        "empty",
                                        "empty_crlf",
                                        "escaped_quotes",
                                        "json",
                                        "newlines",
                                        "newlines_crlf",
                                        "quotes_and_newlines",
                                        "simple",
                                        "simple_crlf",
                                        "utf8",
                                        "location_coordinates"};
    for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
        char path[100], types[400] = "";
        snprintf(path, sizeof path, "csv-spectrum/csvs/%s.csv", names[k]);
        const char *csv = leattest_shared(t, path);
        if (!csv) return;
        leat_read_options o = leat_read_options_default();
        o.header = LEAT_HEADER_YES;
        leat_frame *f;
        REQUIRE_OK(leat_frame_read(t->context, &f, csv, &o));
        for (size_t j = 0; j < f->columns; j++)
            snprintf(types + strlen(types), sizeof types - strlen(types), "%s%s:text", j ? "," : "",
                     f->name[j]);
        leat_frame_release(f);
        o.types = types;
        REQUIRE_OK(leat_frame_read(t->context, &f, csv, &o));
        snprintf(path, sizeof path, "csv-spectrum/json/%s.json", names[k]);
        json_t *want = json_load_file(leattest_shared(t, path), 0, NULL);
        if (k < 11) {
            REQUIRE(want && json_is_array(want));
            CHECK_INT(f->rows, json_array_size(want));
        }
        for (size_t i = 0; k < 11 && i < f->rows; i++) {
            json_t *row = json_array_get(want, i);
            CHECK_INT(f->columns, json_object_size(row));
            for (size_t j = 0; j < f->columns; j++) {
                const char *text = "";
                leat_frame_text(f, j, i, &text, NULL);
                CHECK_STR(text, json_string_value(json_object_get(row, f->name[j])));
            }
        }
        json_decref(want);
        leat_frame_release(f);
    }
}

static void real_tables(leattest *t)
{
    static const struct {
        const char *path;
        size_t rows, columns, column;
        leat_type type;
        size_t missing;
    } list[] = {{"tables/mpg.csv", 398, 9, 3, LEAT_F64, 6},
                {"tables/titanic.csv", 891, 15, 3, LEAT_F64, 177},
                {"tables/titanic.csv", 891, 15, 10, LEAT_BOOL, 0},
                {"tables/titanic.csv", 891, 15, 11, LEAT_STRING, 688},
                {"tables/penguins.csv", 344, 7, 6, LEAT_STRING, 11},
                {"tables/tips.csv", 244, 7, 6, LEAT_I64, 0},
                {"tables/flights.csv", 144, 3, 0, LEAT_I64, 0}};
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        const char *path = leattest_shared(t, list[i].path);
        if (!path) return;
        leat_frame *f;
        REQUIRE_OK(leat_frame_read(t->context, &f, path, NULL));
        CHECK_INT(leat_frame_rows(f), list[i].rows);
        CHECK_INT(leat_frame_columns(f), list[i].columns);
        CHECK_INT(leat_frame_type(f, list[i].column), list[i].type);
        CHECK_INT(leat_frame_missing(f, list[i].column), list[i].missing);
        leat_frame_release(f);
    }
}

/* A file of several pieces with quoted line ends everywhere, ragged rows, types that show late and
 * texts that come back: equal bytes for any number of threads, as a file and as memory. */
static char *big_text(leat_context *c, size_t *size, bool quoted)
{
    enum { BYTES = 1500000 };
    char *text = leati_alloc(c, BYTES + (1 << 16));
    size_t n = 0;
    leati_rng r;
    leati_rng_init(&r, 11, LEATI_RNG_TEST, 0);
    n += (size_t)sprintf(text, "id,late,word,note,late_text,date,nothing\n");
    for (int i = 0; n < BYTES; i++) {
        n += (size_t)sprintf(text + n, "%d,%s,w%u,", i,
                             i == 9000 ? "2.5"
                             : i % 7   ? "3"
                                       : "",
                             leati_rng_below(&r, 3000));
        if (quoted && i % 3 == 0) {
            uint32_t lines = i % 1000 == 0 ? 600 : leati_rng_below(&r, 4);
            text[n++] = '"';
            for (uint32_t k = 0; k < lines; k++)
                n += (size_t)sprintf(text + n, "1,2,%u,\"\"4\"\",5,6,7\n", k);
            text[n++] = '"';
            if (n > BYTES) break;
        } else {
            n += (size_t)sprintf(text + n, "plain");
        }
        if (i % 501 == 500) n += (size_t)sprintf(text + n, ",7\n");
        else
            n += (size_t)sprintf(text + n, ",%s,2020-01-%02d,\n", i == 12000 ? "x" : "12",
                                 1 + i % 28);
    }
    if (text[n - 1] == '"') n += (size_t)sprintf(text + n, ",12,2020-01-01,\n");
    *size = n;
    return text;
}

static void threads(leattest *t)
{
    for (int quoted = 0; quoted < 2; quoted++) {
        size_t size;
        char *text = big_text(t->context, &size, quoted), first[65] = "", hash[65];
        const char *path = leattest_scratch("big.csv");
        REQUIRE_OK(leati_file_write(t->context, path, text, size));
        uint64_t dropped = 0;
        for (unsigned n = 0; n < 5; n++) {
            leat_context_options co = leat_context_options_default();
            co.threads = n ? n : 1;
            leat_context *c;
            leat_frame *f;
            REQUIRE(leat_context_create(&c, &co) == LEAT_OK);
            leat_read_options o = leat_read_options_default();
            REQUIRE(leat_read_report_create(c, &o.report) == LEAT_OK);
            o.on_error = LEAT_ON_ERROR_SKIP;
            leat_status st =
                n ? leat_frame_read(c, &f, path, &o) : read_text(c, &f, text, size, &o);
            if (!CHECK(st == LEAT_OK)) printf("  %s\n", leat_error_message(c));
            if (st == LEAT_OK) {
                leati_frame_hash(f, hash);
                if (n == 0) {
                    memcpy(first, hash, sizeof first);
                    dropped = leat_read_report_dropped(o.report);
                    CHECK(dropped > 10);
                    CHECK_INT(f->column[1]->type, LEAT_F64);
                    CHECK_INT(f->column[4]->type, LEAT_STRING);
                    CHECK_INT(f->column[5]->type, LEAT_TIME);
                    CHECK_INT(f->column[6]->missing, f->rows);
                    double id;
                    CHECK(leat_frame_number(f, 0, 5000, &id) && id > 5000);
                }
                CHECK_STR(hash, first);
                CHECK_INT(leat_read_report_dropped(o.report), dropped);
                leat_frame_release(f);
            }
            leat_read_report_destroy(o.report);
            leat_context_destroy(c);
        }
        leati_free(text);
    }
}

/* Tiny pieces: every record is cut everywhere. */
static void pieces(leattest *t)
{
    size_t size;
    char *text = big_text(t->context, &size, true), first[65], hash[65];
    leat_read_options o = leat_read_options_default();
    leati_source *source;
    leat_frame *f;
    size = 60000;
    while (text[size - 1] != '\n' || text[size - 2] != ',') size--; /* a row's end */
    o.on_error = LEAT_ON_ERROR_SKIP;
    REQUIRE_OK(leati_source_memory(t->context, &source, text, size, "t.csv"));
    for (size_t bytes = 0; bytes < 3000; bytes += bytes / 2 + 7) {
        REQUIRE_OK(leati_csv_frame_pieces(t->context, &f, source, &o, NULL, bytes ? bytes : size));
        leati_frame_hash(f, bytes ? hash : first);
        if (bytes) CHECK_STR(hash, first);
        leat_frame_release(f);
    }
    leati_source_close(source);
    leati_free(text);
}

/* The first bad row of the file is the one that is reported, with its line, from any thread. */
static void late_error(leattest *t)
{
    size_t size = 0, line = 1;
    char *text = leati_alloc(t->context, 1200000);
    REQUIRE(text);
    size = (size_t)sprintf(text, "a,b\n");
    while (size < 1000000) {
        line++;
        size += (size_t)sprintf(text + size, "%zu,\"x\ny\"\n", line++);
    }
    size += (size_t)sprintf(text + size, "1,2,3\n1,2\n1\n");
    leat_frame *f;
    char words[40];
    snprintf(words, sizeof words, "line %zu has 3 values", line + 1);
    CHECK_FAILS(read_text(t->context, &f, text, size, NULL), LEAT_FORMAT, words);
    leati_free(text);
}

/* Nothing may take the square of the number of columns: this would not end. */
static void many_columns(leattest *t)
{
    enum { NAMES = 100000, COLUMNS = 30000, WHOLE_ROWS = 14, ROWS = 24 };
    leat_frame *f;
    size_t n = 0, at = 0;
    double v;
    char *text = leati_alloc(t->context, ROWS * COLUMNS * 4 + 10 * COLUMNS);
    REQUIRE(text);
    for (size_t j = 0; j < NAMES; j++) n += (size_t)sprintf(text + n, j ? ",a" : "a");
    n += (size_t)sprintf(text + n, "\n1");
    for (size_t j = 1; j < NAMES; j++) n += (size_t)sprintf(text + n, ",2");
    REQUIRE_OK(read_text(t->context, &f, text, n, NULL));
    CHECK_STR(leat_frame_name(f, NAMES - 1), "a_100000");
    CHECK(leat_frame_find(f, "a_99999", &at) && at == NAMES - 2);
    CHECK(!leat_frame_find(f, "a_1", &at));
    leat_frame_release(f);
    /* Beyond the rows that a type is guessed from, every column has decimals. */
    n = 0;
    for (size_t j = 0; j < COLUMNS; j++) n += (size_t)sprintf(text + n, "%sc%zu", j ? "," : "", j);
    for (size_t i = 0; i < ROWS; i++)
        for (size_t j = 0; j < COLUMNS; j++)
            n += (size_t)sprintf(text + n, "%c%s", j ? ',' : '\n', i < WHOLE_ROWS ? "7" : ".5");
    REQUIRE_OK(read_text(t->context, &f, text, n, NULL));
    CHECK_INT(leat_frame_type(f, COLUMNS - 1), LEAT_F64);
    CHECK(leat_frame_number(f, COLUMNS - 1, WHOLE_ROWS - 1, &v) && v == 7);
    CHECK(leat_frame_number(f, 0, ROWS - 1, &v) && v == 0.5);
    leat_frame_release(f);
    leati_free(text);
}

static void packed(leattest *t)
{
    leat_frame *f;
    char out[4000];
    const char *path = leattest_scratch("x.dat");
    gzFile z = gzopen(path, "wb");
    REQUIRE(z && gzputs(z, "a,b\n1,x\n") > 0);
    gzclose(z);
    z = gzopen(path, "ab"); /* a second member */
    REQUIRE(z && gzputs(z, "2,y\n") > 0);
    gzclose(z);
    leat_read_options o = leat_read_options_default();
    REQUIRE_OK(leat_read_report_create(t->context, &o.report));
    REQUIRE_OK(leat_frame_read(t->context, &f, path, &o));
    CHECK_STR(show(f, out), "a:whole,b:text|1,x|2,y");
    CHECK_STR(leat_read_report_compression(o.report), "gzip");
    CHECK_STR(leat_read_report_format(o.report), "csv");
    leat_read_report_destroy(o.report);
    leat_frame_release(f);
    leati_bytes bytes;
    REQUIRE_OK(leati_file_read(t->context, &bytes, path));
    const char *cut = leattest_scratch("cut.csv.gz");
    REQUIRE_OK(leati_file_write(t->context, cut, bytes.data, bytes.size - 12));
    leati_bytes_release(&bytes);
    CHECK_FAILS(leat_frame_read(t->context, &f, cut, NULL), LEAT_FORMAT, "cut.csv.gz|gzip|early");
}

/* Values, missing values and awkward texts survive writing and reading. */
static void round_trip(leattest *t)
{
    leat_context *c = t->context;
    static const char *const words[] = {"plain",       "a,b",       "say \"hi\"", "two\nlines",
                                        " spaced ",    "",          "NA",         "cr\rhere",
                                        "caf\xc3\xa9", "tab\there", "?",          "-1x",
                                        "x\"",         "\"",        "true story", "n/a"};
    enum { ROWS = 500 };
    static const char *const files[] = {"r.csv", "r.tsv", "r.jsonl"};
    leat_frame *f = leati_frame_create(c, ROWS);
    leati_map map;
    leati_map_init(&map, c);
    leati_column *number = leati_column_create(c, LEAT_F64, ROWS);
    leati_column *whole = leati_column_create(c, LEAT_I64, ROWS);
    leati_column *truth = leati_column_create(c, LEAT_BOOL, ROWS);
    leati_column *time = leati_column_create(c, LEAT_TIME, ROWS);
    leati_column *text = leati_column_create(c, LEAT_STRING, ROWS);
    leati_rng r;
    leati_rng_init(&r, 5, LEATI_RNG_TEST, 0);
    for (size_t i = 0; i < ROWS; i++) {
        uint64_t bits = (uint64_t)leati_rng_below(&r, UINT32_MAX) << 32 | i * 77777;
        memcpy(&number->f64[i], &bits, 8);
        if (isnan(number->f64[i])) number->f64[i] = i % 2 ? -0.0 : (double)INFINITY;
        whole->i64[i] = (int64_t)bits;
        truth->u8[i] = i % 3 == 0;
        time->i64[i] =
            (int64_t)(bits >> 12) % INT64_C(200000000000000000) - INT64_C(50000000000000);
        const char *word = words[i % (sizeof words / sizeof *words)];
        text->codes[i] = leati_map_put(&map, word, strlen(word));
        if (i % 11 == 5) CHECK_OK(leati_column_set_missing(c, i % 2 ? number : whole, i));
        if (i % 13 == 5) CHECK_OK(leati_column_set_missing(c, i % 2 ? text : time, i));
        if (i % 17 == 5) CHECK_OK(leati_column_set_missing(c, truth, i));
    }
    for (size_t i = 0; i < ROWS; i++) { /* a missing value is 0 in the frame */
        if (!leati_valid(whole, i)) whole->i64[i] = 0;
        if (!leati_valid(time, i)) time->i64[i] = 0;
        if (!leati_valid(truth, i)) truth->u8[i] = 0;
        if (!leati_valid(text, i)) text->codes[i] = 0;
    }
    text->dict = leati_dict_from_map(c, &map);
    CHECK_OK(leati_frame_add(c, f, "number, with comma", number));
    CHECK_OK(leati_frame_add(c, f, "whole", whole));
    CHECK_OK(leati_frame_add(c, f, "truth", truth));
    CHECK_OK(leati_frame_add(c, f, "time \"quoted\"", time));
    CHECK_OK(leati_frame_add(c, f, "text", text));
    char want[65], got[65];
    leati_frame_hash(f, want);
    for (size_t k = 0; k < 3; k++) {
        const char *path = leattest_scratch(files[k]);
        leat_frame *back;
        REQUIRE_OK(leat_frame_write(c, f, path, NULL));
        REQUIRE_OK(leat_frame_read(c, &back, path, NULL));
        leati_frame_hash(back, got);
        CHECK_STR(got, want);
        leat_frame_release(back);
    }
    leat_frame_release(f);
    leati_map_fini(&map);
}

static leat_status read_some(leat_context *c, void *arg)
{
    leat_frame *f;
    leat_status st = read_text(c, &f, arg, strlen(arg), NULL);
    leat_frame_release(f);
    return st;
}

static leat_status read_and_write(leat_context *c, void *arg)
{
    leat_frame *f;
    leat_read_options o = leat_read_options_default();
    leat_status st = leat_read_report_create(c, &o.report);
    if (st == LEAT_OK) st = leat_frame_read(c, &f, arg, &o);
    leat_read_report_destroy(o.report);
    if (st != LEAT_OK) return st;
    st = leat_frame_write(c, f, leattest_scratch("written.csv"), NULL);
    leat_frame_release(f);
    return st;
}

static void allocation_failures(leattest *t)
{
    leattest_fail_allocations(t, read_some,
                              "a,b,,a\n1,x,\"q\"\"r\",2020-01-01\n2.5,caf\xe9,z,\n3,\"y\",w,\n");
    const char *path = leattest_scratch("some.csv");
    REQUIRE_OK(leati_file_write(t->context, path, "a,b\n1,x\n2,y\n", 12));
    leattest_fail_allocations(t, read_and_write, (void *)(uintptr_t)path);
}

static const leattest_case list[] = {TEST(types),
                                     TEST(dialects),
                                     TEST(headers),
                                     TEST(options),
                                     TEST(errors),
                                     TEST(dropped_rows),
                                     TEST(names_once),
                                     TEST(encodings),
                                     TEST(spectrum),
                                     TEST(real_tables),
                                     TEST(threads),
                                     TEST(late_error),
                                     TEST(pieces),
                                     TEST(many_columns),
                                     TEST(packed),
                                     TEST(round_trip),
                                     TEST(allocation_failures)};

LEATTEST_MAIN(list)
