/* .npy, .npz and IDX files as frames, SQLite queries. */
#include "support/leattest.h"

#if LEAT_HAVE_SQLITE
#include <sqlite3.h>
#endif

#include <leat/data.h>

#include "base/map.h"
#include "base/mem.h"
#include "base/str.h"
#include "frame/foreign.h"
#include "frame/sqlite.h"

/* A version 1.0 file from a header and raw elements. */
static size_t npy(char *out, const char *fields, const void *data, size_t bytes)
{
    char header[256];
    size_t n = (size_t)snprintf(header, sizeof header, "{%s}\n", fields);
    memcpy(out, "\x93NUMPY\x01", 8);
    out[8] = (char)n;
    out[9] = 0;
    memcpy(out + 10, header, n);
    memcpy(out + 10 + n, data, bytes);
    return 10 + n + bytes;
}

static leat_frame *load(leattest *t, const char *fields, const void *data, size_t bytes)
{
    char file[1024];
    leat_frame *f = NULL;
    leati_bytes b = {.data = file, .size = npy(file, fields, data, bytes)};
    CHECK_OK(leati_npy_frame(t->context, &f, b, "a.npy"));
    return f;
}

static double at(const leat_frame *f, size_t column, size_t row)
{
    double v = -999;
    return leat_frame_number(f, column, row, &v) ? v : (double)NAN;
}

static void element_types(leattest *t)
{
    static const struct {
        const char *descr;
        size_t bytes;
        const char *data; /* two elements: 2 and -1 (or 255, 65535 ...) */
        double first, second;
    } rows[] = {
        {"<f8", 16, "\0\0\0\0\0\0\0\x40\0\0\0\0\0\0\xf0\xbf", 2, -1},
        {">f8", 16, "\x40\0\0\0\0\0\0\0\xbf\xf0\0\0\0\0\0\0", 2, -1},
        {"<f4", 8, "\0\0\0\x40\0\0\x80\xbf", 2, -1},
        {"<f2", 4, "\0\x40\0\xbc", 2, -1},
        {"<i8", 16, "\2\0\0\0\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff", 2, -1},
        {">i4", 8, "\0\0\0\2\xff\xff\xff\xff", 2, -1},
        {"<u4", 8, "\2\0\0\0\xff\xff\xff\xff", 2, 4294967295.0},
        {">i2", 4, "\0\2\xff\xff", 2, -1},
        {"<u2", 4, "\2\0\xff\xff", 2, 65535},
        {"|i1", 2, "\2\xff", 2, -1},
        {"|u1", 2, "\2\xff", 2, 255},
        {"|b1", 2, "\1\0", 1, 0},
        {"<u8", 16, "\2\0\0\0\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff", 2, 18446744073709551615.0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char fields[128];
        snprintf(fields, sizeof fields, "'descr': '%s', 'fortran_order': False, 'shape': (2,), ",
                 rows[i].descr);
        leat_frame *f = load(t, fields, rows[i].data, rows[i].bytes);
        REQUIRE(f);
        CHECK_STR(leat_frame_name(f, 0), "value");
        CHECK_NEAR(at(f, 0, 0), rows[i].first, 0, 0);
        CHECK_NEAR(at(f, 0, 1), rows[i].second, 0, 0);
        leat_frame_release(f);
    }
}

static void orders_and_shapes(leattest *t)
{
    static const uint8_t six[] = {1, 2, 3, 4, 5, 6};
    leat_frame *f = load(t, "'shape': (2, 3), 'descr': '|u1', 'fortran_order': False", six, 6);
    REQUIRE(f && leat_frame_columns(f) == 3);
    CHECK_STR(leat_frame_name(f, 2), "x3");
    CHECK_NEAR(at(f, 1, 0), 2, 0, 0);
    CHECK_NEAR(at(f, 0, 1), 4, 0, 0);
    leat_frame_release(f);
    f = load(t, "'shape': (2, 3), 'descr': '|u1', 'fortran_order': True", six, 6);
    REQUIRE(f);
    CHECK_NEAR(at(f, 1, 0), 3, 0, 0);
    CHECK_NEAR(at(f, 0, 1), 2, 0, 0);
    leat_frame_release(f);
    f = load(t, "'shape': (1, 2, 3), 'descr': '|u1', 'fortran_order': True", six, 6);
    REQUIRE(f && leat_frame_type(f, 0) == LEAT_ARRAY);
    CHECK(memcmp(f->column[0]->u8, "\1\3\5\2\4\6", 6) == 0);
    CHECK(f->column[0]->shape[0] == 2 && f->column[0]->shape[1] == 3);
    leat_frame_release(f);
    f = load(t, "'shape': (), 'descr': '|u1', 'fortran_order': False", six, 1);
    REQUIRE(f && leat_frame_rows(f) == 1);
    leat_frame_release(f);
    f = load(t, "'shape': (0, 3), 'descr': '|u1', 'fortran_order': False", six, 0);
    REQUIRE(f && leat_frame_rows(f) == 0 && leat_frame_columns(f) == 3);
    leat_frame_release(f);
}

static void texts(leattest *t)
{
    const char *text;
    size_t n;
    leat_frame *f = load(t, "'descr': '|S3', 'fortran_order': False, 'shape': (2,)", "ab\0xyz", 6);
    REQUIRE(f && leat_frame_text(f, 0, 0, &text, &n));
    CHECK(n == 2 && memcmp(text, "ab", 2) == 0);
    leat_frame_release(f);
    f = load(t, "'descr': '>U2', 'fortran_order': False, 'shape': (1,)", "\0\0\0\xe9\0\1\xf6\0", 8);
    REQUIRE(f && leat_frame_text(f, 0, 0, &text, &n));
    CHECK_STR(text, "\xc3\xa9\xf0\x9f\x98\x80");
    leat_frame_release(f);
}

static void refused(leattest *t)
{
    static const struct {
        const char *fields, *words;
        leat_status status;
    } rows[] = {
        {"'descr': '|O', 'fortran_order': False, 'shape': (1,)", "Python objects|a.npy",
         LEAT_UNSUPPORTED},
        {"'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (1,)", "structured",
         LEAT_UNSUPPORTED},
        {"'descr': '<c16', 'fortran_order': False, 'shape': (1,)", "'<c16'", LEAT_UNSUPPORTED},
        {"'descr': '<f8', 'fortran_order': False, 'shape': (9,)", "cut short", LEAT_FORMAT},
        {"'descr': '<f8', 'fortran_order': False, 'shape': (99999999999, 99999999999,)",
         "cut short", LEAT_FORMAT},
        {"'descr': '<f8', 'shape': (1,)", "header", LEAT_FORMAT},
        {"'descr': '<f8', 'fortran_order': 7, 'shape': (1,)", "header", LEAT_FORMAT},
        {"'descr': '<f8', 'fortran_order': False, 'shape': (1,2,3,4,5,6,7,8,9)", "dimensions",
         LEAT_FORMAT},
        {"'descr': '<f8', 'fortran_order': False, 'shape': (1,1,1,1,1)", "5 dimensions",
         LEAT_UNSUPPORTED},
        {"'descr': '|S1', 'fortran_order': False, 'shape': (1,1,1)", "text in 3 dimensions",
         LEAT_UNSUPPORTED},
        {"'descr': '>U3', 'fortran_order': True, 'shape': (0, 192619261)", "192619261 columns",
         LEAT_LIMIT},
        {"'descr': '|S0', 'fortran_order': False, 'shape': (4000000000,)", "4000000000 texts",
         LEAT_LIMIT},
        {"", "header", LEAT_FORMAT},
    };
    char file[1024], zeros[16] = {0};
    leat_frame *f;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        leati_bytes b = {.data = file, .size = npy(file, rows[i].fields, zeros, 16)};
        CHECK_FAILS(leati_npy_frame(t->context, &f, b, "a.npy"), rows[i].status, rows[i].words);
        CHECK(!f);
    }
    leati_bytes b = {.data = "hello", .size = 5};
    CHECK_FAILS(leati_npy_frame(t->context, &f, b, "a.npy"), LEAT_FORMAT, "not a .npy");
    CHECK_FAILS(leati_npz_frame(t->context, &f, b, "a.npz"), LEAT_FORMAT, "a.npz|not a ZIP");
}

static leat_frame *mixed(leat_context *c)
{
    static const size_t shape[3] = {2, 1, 1};
    leat_frame *f = leati_frame_create(c, 3);
    leati_column *n = leati_column_create(c, LEAT_F64, 3), *w = leati_column_create(c, LEAT_I64, 3);
    leati_column *s = leati_column_create(c, LEAT_STRING, 3);
    leati_column *a = leati_column_array(c, LEATI_ITEM_U8, shape, 3);
    leati_map map;
    bool good = f && n && w && s && a;
    leati_map_init(&map, c);
    for (uint32_t i = 0; good && i < 3; i++) {
        n->f64[i] = 0.5 * i;
        w->i64[i] = 10 * i;
        good = leati_map_put(&map, i == 1 ? "\xc3\xa9t\xc3\xa9" : "x", i == 1 ? 5 : 1) !=
               LEATI_MAP_NONE;
        s->codes[i] = i == 1;
        a->u8[2 * i] = (uint8_t)i;
    }
    good = good && (s->dict = leati_dict_from_map(c, &map)) != NULL;
    good = good && leati_column_set_missing(c, n, 2) == LEAT_OK;
    leati_map_fini(&map);
    leat_status st = good ? LEAT_OK : LEAT_NOMEM;
    leati_column *all[] = {n, w, s, a};
    for (int i = 0; i < 4; i++) {
        const char *const names[] = {"n", "w", "s", "a"};
        if (st == LEAT_OK) st = leati_frame_add(c, f, names[i], all[i]);
        else leati_column_release(all[i]);
    }
    if (st == LEAT_OK) return f;
    leat_frame_release(f);
    return NULL;
}

static leat_status round_trip_body(leat_context *c, void *path)
{
    leat_frame *f = mixed(c), *g = NULL;
    leati_writer *to = NULL;
    leati_bytes b = {0};
    char before[65], after[65];
    if (!f) return LEAT_NOMEM;
    leat_status st = leati_writer_open(c, &to, path);
    if (st == LEAT_OK) st = leati_npz_write(c, f, to);
    if (st == LEAT_OK) st = leati_writer_commit(to);
    else leati_writer_abort(to);
    if (st == LEAT_OK) st = leati_file_read(c, &b, path);
    if (st == LEAT_OK) st = leati_npz_frame(c, &g, b, path);
    leati_bytes_release(&b);
    if (st == LEAT_OK) {
        leati_frame_hash(f, before);
        leati_frame_hash(g, after);
        if (strcmp(before, after) != 0) st = LEAT_DIFFERS;
    }
    leat_frame_release(f);
    leat_frame_release(g);
    return st;
}

static void npz_round_trip(leattest *t)
{
    char *path = (char *)(uintptr_t)leattest_scratch("m.npz");
    CHECK_OK(round_trip_body(t->context, path));
    leattest_fail_allocations(t, round_trip_body, path);
}

static void npy_write(leattest *t)
{
    leat_context *c = t->context;
    leat_frame *f = mixed(c), *g = NULL, *h = NULL;
    leati_writer *to;
    leati_bytes b;
    const char *path = leattest_scratch("w.npy");
    size_t columns[2] = {0, 1};
    REQUIRE(f);
    REQUIRE_OK(leati_writer_open(c, &to, path));
    CHECK_FAILS(leati_npy_write(c, f, to), LEAT_TYPE, "'s'|.npz");
    g = leati_frame_select(c, f, columns, 2);
    REQUIRE(g);
    REQUIRE_OK(leati_npy_write(c, g, to));
    REQUIRE_OK(leati_writer_commit(to));
    REQUIRE_OK(leati_file_read(c, &b, path));
    REQUIRE_OK(leati_npy_frame(c, &h, b, path));
    CHECK(leat_frame_columns(h) == 2 && leat_frame_missing(h, 0) == 1);
    CHECK_NEAR(at(h, 1, 2), 20, 0, 0);
    leati_bytes_release(&b);
    leat_frame_release(f);
    leat_frame_release(g);
    leat_frame_release(h);
}

static void idx_files(leattest *t)
{
    leat_context *c = t->context;
    leat_frame *f;
    static const char images[] = "\0\0\x08\3\0\0\0\2\0\0\0\1\0\0\0\2abcd";
    static const char labels[] = "\0\0\x0c\1\0\0\0\2\0\0\0\7\xff\xff\xff\xff";
    leati_bytes b = {.data = images, .size = sizeof images - 1};
    REQUIRE_OK(leati_idx_frame(c, &f, b, "i"));
    CHECK_STR(leat_frame_name(f, 0), "image");
    CHECK(f->column[0]->shape[0] == 1 && f->column[0]->shape[1] == 2);
    CHECK(f->rows == 2 && memcmp(f->column[0]->u8, "abcd", 4) == 0);
    leat_frame_release(f);
    b.size--;
    CHECK_FAILS(leati_idx_frame(c, &f, b, "i.idx"), LEAT_FORMAT, "i.idx|cut short");
    b.size += 2;
    CHECK_FAILS(leati_idx_frame(c, &f, b, "i.idx"), LEAT_FORMAT, "1 bytes more");
    b = (leati_bytes){.data = labels, .size = sizeof labels - 1};
    REQUIRE_OK(leati_idx_frame(c, &f, b, "l"));
    CHECK_STR(leat_frame_name(f, 0), "label");
    CHECK(f->column[0]->type == LEAT_I64 && f->column[0]->i64[1] == -1);
    leat_frame_release(f);
    b.size = 3;
    CHECK_FAILS(leati_idx_frame(c, &f, b, "l"), LEAT_FORMAT, "not an IDX");
}

/* The file of labels that lies beside one of images is its second column. */
static void idx_images_have_labels(leattest *t)
{
    leat_context *c = t->context;
    leat_frame *f;
    static const char images[] = "\0\0\x08\3\0\0\0\2\0\0\0\1\0\0\0\2abcd";
    static const char labels[] = "\0\0\x08\1\0\0\0\2\7\1", more[] = "\0\0\x08\1\0\0\0\3\7\1\1";
    const char *folder = leattest_scratch("idx");
    char one[4200], other[4200];
    snprintf(one, sizeof one, "%s/my-images-idx3-ubyte", folder);
    snprintf(other, sizeof other, "%s/my-labels-idx1-ubyte", folder);
    REQUIRE_OK(leati_folder_make(c, folder));
    REQUIRE_OK(leati_file_write(c, one, images, sizeof images - 1));
    REQUIRE_OK(leat_data_load(c, &f, one, NULL));
    CHECK_INT(leat_frame_columns(f), 1);
    leat_frame_release(f);
    REQUIRE_OK(leati_file_write(c, other, labels, sizeof labels - 1));
    REQUIRE_OK(leat_data_load(c, &f, one, NULL));
    CHECK_INT(leat_frame_columns(f), 2);
    CHECK_STR(leat_frame_name(f, 1), "label");
    CHECK(f->column[1]->i64[0] == 7 && f->column[1]->i64[1] == 1);
    leat_frame_release(f);
    REQUIRE_OK(leati_file_write(c, other, more, sizeof more - 1));
    CHECK_FAILS(leat_data_load(c, &f, one, NULL), LEAT_SHAPE, "labels-idx1|3 rows|have 2");
}

static leat_status retype_iris(leat_context *c, void *arg)
{
    (void)arg;
    leat_frame *f;
    leat_read_options o = leat_read_options_default();
    o.types = "petal_width:text,petal_length:number";
    o.missing = "0.2,setosa";
    leat_status st = leat_data_load(c, &f, "iris", &o);
    if (st == LEAT_OK) leat_frame_release(f);
    return st;
}

static void named_types_allocations(leattest *t)
{
    leattest_fail_allocations(t, retype_iris, NULL);
}

#if LEAT_HAVE_SQLITE
static void make_database(leattest *t, const char *path)
{
    sqlite3 *db;
    REQUIRE(sqlite3_open(path, &db) == SQLITE_OK);
    CHECK(sqlite3_exec(db,
                       "CREATE TABLE a(i INTEGER, r REAL, s TEXT, m, b BOOLEAN, z);"
                       "INSERT INTO a VALUES(1, 1.5, 'x', 1, 1, NULL), (NULL, 2, 'y', 'q', 0, "
                       "NULL), (3, NULL, 'x', 2.5, NULL, NULL);"
                       "CREATE TABLE \"odd name\"(v); INSERT INTO \"odd name\" VALUES(x'00');",
                       NULL, NULL, NULL) == SQLITE_OK);
    sqlite3_close(db);
}

static void sqlite_types(leattest *t)
{
    leat_context *c = t->context;
    leat_frame *f;
    const char *path = leattest_scratch("d.db"), *text;
    make_database(t, path);
    REQUIRE_OK(leati_sqlite_frame(c, &f, path, "a"));
    static const leat_type types[] = {LEAT_I64,    LEAT_F64,  LEAT_STRING,
                                      LEAT_STRING, LEAT_BOOL, LEAT_F64};
    for (size_t i = 0; i < 6; i++) CHECK(leat_frame_type(f, i) == types[i]);
    CHECK_INT(leat_frame_missing(f, 0), 1);
    CHECK_INT(leat_frame_missing(f, 5), 3);
    CHECK_NEAR(at(f, 1, 1), 2, 0, 0);
    CHECK(leat_frame_text(f, 3, 0, &text, NULL) && strcmp(text, "1") == 0);
    CHECK(leat_frame_text(f, 3, 2, &text, NULL) && strcmp(text, "2.5") == 0);
    leat_frame_release(f);
    REQUIRE_OK(leati_sqlite_frame(c, &f, path, "SELECT s, sum(i) AS total FROM a GROUP BY s;"));
    CHECK(f->rows == 2 && strcmp(f->name[1], "total") == 0);
    CHECK_NEAR(at(f, 1, 0), 4, 0, 0);
    leat_frame_release(f);
    CHECK_FAILS(leati_sqlite_frame(c, &f, path, NULL), LEAT_INVALID, "2 tables|odd name");
    CHECK_FAILS(leati_sqlite_frame(c, &f, path, "b"), LEAT_NOT_FOUND, "'b'|tables: a");
    CHECK_FAILS(leati_sqlite_frame(c, &f, path, "odd name"), LEAT_TYPE, "'v'|BLOB");
    CHECK_FAILS(leati_sqlite_frame(c, &f, path, "DELETE FROM a"), LEAT_INVALID, "reads");
    CHECK_FAILS(leati_sqlite_frame(c, &f, path, "SELECT 1; SELECT 2"), LEAT_INVALID, "one");
    CHECK_FAILS(leati_sqlite_frame(c, &f, path, "SELECT nope FROM a"), LEAT_INVALID, "nope");
    REQUIRE_OK(leati_file_write(c, path, "this is no database, by any means", 33));
    CHECK_FAILS(leati_sqlite_frame(c, &f, path, "a"), LEAT_FORMAT, "not a database");
}

/* The user's types and missing values go for databases and arrays as they do for texts. */
static void named_types(leattest *t)
{
    leat_context *c = t->context;
    leat_frame *f;
    sqlite3 *db;
    const char *path = leattest_scratch("types.db"), *text;
    leat_read_options o = leat_read_options_default();
    REQUIRE(sqlite3_open(path, &db) == SQLITE_OK);
    CHECK(sqlite3_exec(db,
                       "CREATE TABLE a(zip, day TEXT, price TEXT, n, flag TEXT);"
                       "INSERT INTO a VALUES(8001, '2024-01-31', '3.5', 7.0, 'y'),"
                       "(3012, 'n/a', '-999', 8.0, 'n'), (NULL, '2024-02-01', '', 9.0, 'n')",
                       NULL, NULL, NULL) == SQLITE_OK);
    o.types = "zip:text,day:time,price:number,n:whole,flag:bool";
    o.missing = "n/a,-999";
    REQUIRE_OK(leat_frame_read(c, &f, path, &o));
    static const leat_type types[] = {LEAT_STRING, LEAT_TIME, LEAT_F64, LEAT_I64, LEAT_BOOL};
    static const size_t missing[] = {1, 1, 2, 0, 0};
    for (size_t i = 0; i < 5; i++) CHECK_INT(leat_frame_type(f, i), types[i]);
    for (size_t i = 0; i < 5; i++) CHECK_INT(leat_frame_missing(f, i), missing[i]);
    CHECK(leat_frame_text(f, 0, 0, &text, NULL) && strcmp(text, "8001") == 0);
    CHECK_NEAR(at(f, 1, 0), 1706659200e6, 0, 0);
    CHECK_NEAR(at(f, 2, 0), 3.5, 0, 0);
    CHECK_NEAR(at(f, 4, 0), 1, 0, 0);
    leat_frame_release(f);
    o.missing = NULL;
    CHECK_FAILS(leat_frame_read(c, &f, path, &o), LEAT_FORMAT,
                "types.db|row 2, column day: 'n/a' is not a time|--on-error skip");
    o.on_error = LEAT_ON_ERROR_SKIP;
    o.expected = "price:text,nothing:number"; /* `types` has said what price is */
    REQUIRE_OK(leat_read_report_create(c, &o.report));
    REQUIRE_OK(leat_frame_read(c, &f, path, &o));
    CHECK(f->rows == 2 && leat_read_report_dropped(o.report) == 1);
    CHECK_STR(leat_read_report_note(o.report, 0, NULL),
              "row 2, column day: 'n/a' is not a time (row left out)");
    CHECK_INT(leat_frame_type(f, 2), LEAT_F64);
    leat_frame_release(f);
    leat_read_report_destroy(o.report);
    o = leat_read_options_default();
    o.types = "prize:number";
    CHECK_FAILS(leat_frame_read(c, &f, path, &o), LEAT_NOT_FOUND, "'prize'|Did you mean 'price'?");
    sqlite3_close(db);
    o.types = "petal_width:text";
    REQUIRE_OK(leat_data_load(c, &f, "iris", &o));
    CHECK_INT(leat_frame_type(f, 3), LEAT_STRING);
    CHECK(leat_frame_text(f, 3, 0, &text, NULL) && strcmp(text, "0.2") == 0);
    leat_frame_release(f);
}

/* Numbers in a column that holds texts keep all their digits, before and behind the first text. */
static void sqlite_digits(leattest *t)
{
    leat_frame *f;
    sqlite3 *db;
    const char *path = leattest_scratch("digits.db"), *text;
    REQUIRE(sqlite3_open(path, &db) == SQLITE_OK);
    CHECK(sqlite3_exec(db,
                       "CREATE TABLE a(m); INSERT INTO a VALUES(0.12345678901234566), ('x'), "
                       "(0.12345678901234566), (2.0), (9007199254740993)",
                       NULL, NULL, NULL) == SQLITE_OK);
    sqlite3_close(db);
    REQUIRE_OK(leati_sqlite_frame(t->context, &f, path, NULL));
    static const char *const want[] = {"0.12345678901234566", "x", "0.12345678901234566", "2",
                                       "9007199254740993"};
    for (size_t i = 0; i < 5; i++)
        if (CHECK(leat_frame_text(f, 0, i, &text, NULL))) CHECK_STR(text, want[i]);
    leat_frame_release(f);
}

static int stop_reading(void *user, const char *what, uint64_t done, uint64_t total)
{
    (void)what;
    (void)done;
    (void)total;
    ++*(int *)user;
    return 1;
}

/* This query would count for hours and has no row until then. */
static void sqlite_cancelled(leattest *t)
{
    int calls = 0;
    leat_frame *f;
    leat_context *c;
    leat_context_options o = leat_context_options_default();
    const char *path = leattest_scratch("slow.db");
    make_database(t, path);
    o.progress = stop_reading;
    o.progress_user = &calls;
    REQUIRE(leat_context_create(&c, &o) == LEAT_OK);
    CHECK(leati_sqlite_frame(c, &f, path,
                             "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n "
                             "WHERE i < 1000000000000) SELECT count(*) FROM n") == LEAT_CANCELLED);
    CHECK(!f && calls == 1 && strstr(leat_error_message(c), "interrupted"));
    leat_context_destroy(c);
}

/* A view may not call functions with effects: the file's author is not the reader. */
static void sqlite_untrusted(leattest *t)
{
    leat_frame *f;
    sqlite3 *db;
    const char *path = leattest_scratch("view.db");
    REQUIRE(sqlite3_open(path, &db) == SQLITE_OK);
    CHECK(sqlite3_exec(db, "CREATE VIEW v AS SELECT load_extension('x') AS a", NULL, NULL, NULL) ==
          SQLITE_OK);
    sqlite3_close(db);
    CHECK_FAILS(leati_sqlite_frame(t->context, &f, path, "v"), LEAT_INVALID,
                "unsafe use of load_extension");
}

static leat_status sqlite_body(leat_context *c, void *path)
{
    leat_frame *f = NULL;
    leat_status st = leati_sqlite_frame(c, &f, path, "a");
    leat_frame_release(f);
    return st;
}

static void sqlite_allocations(leattest *t)
{
    const char *path = leattest_scratch("e.db");
    make_database(t, path);
    leattest_fail_allocations(t, sqlite_body, (void *)(uintptr_t)path);
}

#else
static void named_types(leattest *t)
{
    leattest_skip(t, "built without SQLite");
}

static void sqlite_digits(leattest *t)
{
    leattest_skip(t, "built without SQLite");
}

static void sqlite_cancelled(leattest *t)
{
    leattest_skip(t, "built without SQLite");
}

static void sqlite_untrusted(leattest *t)
{
    leattest_skip(t, "built without SQLite");
}

static void sqlite_types(leattest *t)
{
    leat_frame *f;
    const char *path = leattest_scratch("d.db");
    REQUIRE_OK(leati_file_write(t->context, path, "", 0));
    CHECK_FAILS(leati_sqlite_frame(t->context, &f, path, "a"), LEAT_UNSUPPORTED, "libsqlite3");
}

static void sqlite_allocations(leattest *t)
{
    leattest_skip(t, "built without SQLite");
}
#endif

static const leattest_case cases[] = {
    TEST(element_types),
    TEST(orders_and_shapes),
    TEST(texts),
    TEST(refused),
    TEST(npz_round_trip),
    TEST(npy_write),
    TEST(idx_files),
    TEST(idx_images_have_labels),
    TEST(sqlite_types),
    TEST(sqlite_allocations),
    TEST(sqlite_digits),
    TEST(sqlite_cancelled),
    TEST(sqlite_untrusted),
    TEST(named_types),
    TEST(named_types_allocations),
};
LEATTEST_MAIN(cases)
