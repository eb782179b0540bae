/* Rows that are predicted while their request arrives have the answers that they would have had:
 * through an ask, through the machine with a served version, through a server in slices. */
#include <leat/model.h>
#include <leat/serve.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "frame/frame.h"
#include "serve/ahead.h"
#include "support/fitted.h"
#include "support/http_app.h"
#include "support/leattest.h"
#include "support/serve_client.h"
#include "support/tables.h"

enum { ROWS = 20000, FEW_ROWS = 12000, PIECE = 1024, INPUTS = 2 };

/* A tree that looks at two numbers, of which one is missing here and there. */
static leat_model *a_tree(leat_context *c, const leat_frame *f)
{
    return leattest_model(c, f, "kind", "colour|round|when|weight|id", "cart", NULL, "auto");
}

/* (rows, INPUTS), as f64 or f32. */
static void fill(char *to, const leat_frame *f, size_t rows, bool f32)
{
    for (size_t i = 0; i < INPUTS * rows; i++) {
        const leati_column *col = f->column[i % INPUTS];
        size_t row = i / INPUTS % f->rows;
        double v = leati_valid(col, row) ? col->f64[row] : (double)NAN;
        float low = (float)v;
        memcpy(to + i * (f32 ? 4 : 8), f32 ? (void *)&low : (void *)&v, f32 ? 4 : 8);
    }
}

/* ---- an ask -----------------------------------------------------------------------------------
 */

static void pieces(leattest *t)
{
    leat_context *c = t->context;
    leat_frame *f = leattest_table(c, 300, 7);
    REQUIRE(f);
    leat_model *m = a_tree(c, f);
    char *values = leati_alloc(c, ROWS * INPUTS * 8);
    double *alone = leati_array(c, ROWS, sizeof *alone),
           *ahead = leati_array(c, ROWS, sizeof *ahead);
    leati_ask a;
    leati_fault fault = {0};
    size_t wrong;
    REQUIRE(m && values && alone && ahead);
    fill(values, f, ROWS, false);
    REQUIRE_OK(leati_ask_init(c, &a, m, INPUTS, 0));
    size_t piece = leati_ask_piece(&a);
    REQUIRE(piece == PIECE);
    leati_ask_begin(&a, false, &fault);
    CHECK(leati_ask_matrix(&a, values, false, ROWS, INPUTS, &wrong));
    CHECK_INT(a.rows, ROWS);
    memcpy(alone, a.value, ROWS * sizeof *alone);
    for (size_t k = 0; k < 3; k++)
        CHECK(leati_ask_ahead(&a, values + k * piece * INPUTS * 8, false, ahead + k * piece));
    CHECK(memcmp(ahead, alone, 3 * piece * sizeof *alone) == 0);
    ahead[piece + 5] = 77; /* they are taken */
    leati_ask_begin(&a, false, &fault);
    a.ahead = ahead, a.ahead_rows = 3 * piece;
    CHECK(leati_ask_matrix(&a, values, false, ROWS, INPUTS, &wrong));
    CHECK(a.value[piece + 5] == 77);
    a.value[piece + 5] = alone[piece + 5];
    CHECK(memcmp(a.value, alone, ROWS * sizeof *alone) == 0);
    double high = (double)INFINITY;
    memcpy(values + 8 * 33, &high, 8);
    CHECK(!leati_ask_ahead(&a, values, false, ahead));
    CHECK_OK(leat_error_status(c));
    CHECK_INT(fault.http, 0);
    leati_ask_fini(&a);
    leat_model_release(m);
    leat_frame_release(f);
    leati_free(values);
    leati_free(alone);
    leati_free(ahead);
}

#if LEAT_HAVE_SERVER

static size_t question(char *to, const leat_frame *f, size_t rows, bool f32, const char *rest,
                       size_t *head)
{
    size_t bytes = rows * INPUTS * (f32 ? 4 : 8);
    *head = (size_t)sprintf(to,
                            "{\"inputs\":[{\"name\":\"x\",\"shape\":[%zu,2],\"datatype\":\"FP%d\","
                            "\"parameters\":{\"binary_data_size\":%zu}}]%s}",
                            rows, f32 ? 32 : 64, bytes, rest);
    fill(to + *head, f, rows, f32);
    return *head + bytes;
}

static const char plain[] =
    ",\"outputs\":[{\"name\":\"prediction\",\"parameters\":{\"binary_data\":true}}]";

/* ---- the machine ------------------------------------------------------------------------------
 */

/* Routes that look ahead with one version and say how far that went. */
typedef struct looking {
    leati_served *served;
    leati_desk desk;
    size_t ahead_rows; /* of the last request */
    unsigned looks;
    bool probabilities;
} looking;

static void make_call(leati_call *call, looking *l, leati_http_exchange *ex)
{
    memset(call, 0, sizeof *call);
    call->desk = &l->desk;
    call->exchange = ex;
    call->request = leati_exchange_request(ex);
}

static bool arriving(void *user, leati_http_exchange *ex)
{
    looking *l = user;
    leati_call call;
    make_call(&call, l, ex);
    l->looks++;
    return leati_ahead_look(&call, l->served);
}

static size_t admit(void *user, leati_http_exchange *ex, bool *finished)
{
    (void)user;
    (void)ex;
    (void)finished;
    return 1 << 20;
}

static void handle(void *user, leati_http_exchange *ex)
{
    looking *l = user;
    leati_call call;
    leati_infer_in in;
    make_call(&call, l, ex);
    size_t head =
        (size_t)atol(leati_exchange_header_in(ex, "inference-header-content-length").data);
    const leati_http_request *q = call.request;
    leati_ask *a = leati_call_begin(&call, l->served, l->probabilities);
    l->ahead_rows = SIZE_MAX;
    if (a &&
        leati_infer_read(&in, &l->desk.room, q->body, head, q->body_length, false, &call.fault)) {
        leati_ahead_use(&call, in.room->tensors);
        l->ahead_rows = a->ahead_rows;
        leati_ask_begin(a, false, &call.fault);
    }
    leati_exchange_finish(ex, 204);
}

static void fault(void *user, leati_http_exchange *ex, int status, const char *code,
                  const char *message)
{
    (void)user;
    (void)ex;
    (void)status;
    (void)code;
    (void)message;
}

/* How many rows were there ahead when the request was complete. */
static size_t asked(http_wire *w, looking *l, const char *body, size_t size, size_t head,
                    size_t cut)
{
    char first[200];
    int n = snprintf(first, sizeof first,
                     "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %zu\r\n"
                     "Inference-Header-Content-Length: %zu\r\n\r\n",
                     size, head);
    l->looks = 0;
    http_wire_feed(w, first, (size_t)n, 0);
    http_wire_feed(w, body, size, cut);
    return l->ahead_rows;
}

static void through_the_machine(leattest *t)
{
    leat_context *c = t->context;
    leat_frame *f = leattest_table(c, 300, 7);
    REQUIRE(f);
    leat_model *m = a_tree(c, f);
    const char *path = leattest_scratch("two.leat");
    looking l = {.desk.room.context = c};
    http_wire w;
    leati_fault why = {0};
    leati_served_plan plan = {.slots = 1, .loops = 1};
    char *body = leati_alloc(c, ROWS * 16 + 500);
    size_t head, size;
    REQUIRE(m && body);
    REQUIRE_OK(leat_model_save(c, m, path));
    REQUIRE_OK(leati_served_open(c, path, "two", 1, &plan, &l.served, &why));
    l.served->row_ns = 100; /* whatever this machine is doing */
    REQUIRE(http_wire_init(&w, c, false));
    w.app.routes = (leati_http_routes){
        .user = &l, .admit = admit, .arriving = arriving, .handle = handle, .fault = fault};
    size = question(body, f, ROWS, false, plain, &head);
    /* Whole pieces but for those that came last; a look is short, and the last one where the
     * machine had other things to do. */
    size_t rows = asked(&w, &l, body, size, head, 50000);
    CHECK(rows > 0 && rows % PIECE == 0 && rows <= (size - size % 50000 - head) / 16);
    size = question(body, f, ROWS, true, plain, &head);
    CHECK(asked(&w, &l, body, size, head, 50000) > 0);
    CHECK(asked(&w, &l, body, size, head, 0) > 0); /* a long one lands part by part */
    CHECK(asked(&w, &l, body, size, head, 1000) > 0);
    size = question(body, f, FEW_ROWS, true, plain, &head);
    CHECK_INT(asked(&w, &l, body, size, head, 0), 0); /* nothing was seen before */
    size = question(body, f, ROWS, true, plain, &head);
    l.probabilities = true;
    CHECK_INT(asked(&w, &l, body, size, head, 50000), 0); /* they are not there */
    l.probabilities = false;
    size = question(body, f, ROWS, false, "", &head); /* wants them, too */
    CHECK_INT(asked(&w, &l, body, size, head, 50000), 0);
    CHECK_INT(l.looks, 1);
    size = question(body, f, ROWS, false, plain, &head);
    memcpy(strstr(body, "FP64"), "FP16", 4);
    (void)asked(&w, &l, body, size, head, 50000);
    CHECK_INT(l.looks, 1);
    l.served->row_ns = 100000; /* a slow model */
    size = question(body, f, ROWS, false, plain, &head);
    CHECK_INT(asked(&w, &l, body, size, head, 50000), 0);
    l.served->row_ns = 100;
    double high = (double)INFINITY; /* up to what cannot be predicted */
    memcpy(body + head + 16 * (2 * PIECE + 5), &high, sizeof high);
    rows = asked(&w, &l, body, size, head, 20000);
    CHECK(rows > 0 && rows <= 2 * PIECE);
    leati_http_conn_shut(&w.conn);
    http_wire_fini(&w);
    leati_served_release(l.served);
    leati_tensor_room_fini(&l.desk.room);
    leat_model_release(m);
    leat_frame_release(f);
    leati_free(body);
}

/* ---- a server ---------------------------------------------------------------------------------
 */

/* Asked at once and in slices, the server gives the same bytes, also of what it refuses. */
static void compare(leattest *t, serve_client *k, const char *body, size_t size, size_t head)
{
    static const size_t slices[] = {0, 20000, 50000, 333333};
    char headers[80], *first = NULL;
    size_t length = 0;
    int status = 0;
    snprintf(headers, sizeof headers,
             "X-Request-Id: one\r\nInference-Header-Content-Length: %zu\r\n", head);
    for (size_t i = 0; i < sizeof slices / sizeof *slices; i++) {
        k->slice = slices[i];
        REQUIRE(serve_client_ask(k, "POST", "/v2/models/two/infer", headers, body, size));
        if (i == 0) {
            first = leati_alloc(t->context, k->body_length + 1);
            REQUIRE(first);
            memcpy(first, k->body, length = k->body_length);
            status = k->status;
        }
        CHECK_INT(k->status, status);
        CHECK(k->body_length == length && memcmp(k->body, first, length) == 0);
    }
    leati_free(first);
}

/* Runs before the request was complete are no part of the time to read it, which would fall below
 * 0; sizes of runs are whole pieces and the rest. */
static void statistics(leattest *t, serve_client *k)
{
    static const char name[] = "\"compute_input\":{\"count\":";
    int found = 0;
    char *at;
    k->slice = 0;
    REQUIRE(serve_client_ask(k, "GET", "/v2/models/two/stats", "", "", 0));
    CHECK_INT(k->status, 200);
    CHECK(strstr(k->body, "[{\"batch_size\":64,") && strstr(k->body, "{\"batch_size\":1024,"));
    for (const char *from = k->body; (from = strstr(from, name)); found++) {
        unsigned long long count = strtoull(from += sizeof name - 1, &at, 10);
        CHECK(count > 0 && strncmp(at, ",\"ns\":", 6) == 0);
        CHECK(strtoull(at + 6, NULL, 10) < 60000000000);
    }
    CHECK_INT(found, 3);
}

static void through_a_server(leattest *t)
{
    serve_client k = {.fd = -1};
    leat_server *server = NULL;
    leat_serve_options o = leat_serve_options_default();
    leat_context *c = t->context;
    size_t head, size;
    leat_frame *f = leattest_table(c, 300, 7);
    char *body = leati_alloc(c, 2 * ROWS * 16 + 500);
    REQUIRE(f && body);
    leat_model *m = a_tree(c, f);
    const char *path = leattest_scratch("two.leat");
    REQUIRE(m);
    REQUIRE_OK(leat_model_save(c, m, path));
    o.listen = "127.0.0.1:0", o.models = &path, o.model_count = 1, o.workers = 1;
    o.max_body = 4 << 20;
    REQUIRE_OK(leat_server_start(c, &o, &server));
    REQUIRE(serve_client_open(&k, leat_server_url(server)));
    for (int f32 = 0; f32 < 2; f32++) {
        size = question(body, f, 2 * ROWS, f32, plain, &head);
        compare(t, &k, body, size, head);
        CHECK_INT(k.status, 200);
        double high = (double)INFINITY;
        float low = INFINITY;
        memcpy(body + head + 33333 * (f32 ? 4 : 8), f32 ? (void *)&low : (void *)&high,
               f32 ? 4 : 8);
        compare(t, &k, body, size, head);
        CHECK_INT(k.status, 400);
        CHECK(strstr(k.body, "element 33333: the number is infinite"));
    }
    size = question(body, f, 2 * ROWS, false, "", &head);
    compare(t, &k, body, size, head);
    CHECK_INT(k.status, 200);
    statistics(t, &k);
    serve_client_close(&k);
    leat_server_destroy(server);
    leat_model_release(m);
    leat_frame_release(f);
    leati_free(body);
}

static const leattest_case cases[] = {TEST(pieces), TEST(through_the_machine),
                                      TEST(through_a_server)};
#else
static const leattest_case cases[] = {TEST(pieces)};
#endif
LEATTEST_MAIN(cases)
