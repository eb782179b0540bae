/* Any bytes as multipart/form-data. The first line is the Content-Type, the rest the body. Parts
 * lie in the body, one behind the other, and none holds its boundary; a form that is read through
 * can be put together again from its parts' data and the boundary. As rows of a model of an image
 * and of one with inputs of every kind it gives a fault or one answer. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "serve/multipart.h"
#include "serve/rows_in.h"
#include "support/fitted.h"
#include "support/tables.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static leat_context *context;
static leati_served *served[2];
static leati_desk desk;

static leat_frame *pictures(leat_context *c)
{
    enum { ROWS = 20 };
    const size_t shape[3] = {4, 4, 1};
    leat_frame *f = leati_frame_create(c, ROWS);
    leati_column *pixels = leati_column_array(c, LEATI_ITEM_U8, shape, ROWS),
                 *y = leati_column_create(c, LEAT_F64, ROWS);
    if (!f || !pixels || !y) abort();
    for (size_t i = 0; i < 16 * ROWS; i++) pixels->u8[i] = (uint8_t)(i * 7);
    for (size_t i = 0; i < ROWS; i++) y->f64[i] = pixels->u8[16 * i];
    if (leati_frame_add(c, f, "image", pixels) != LEAT_OK ||
        leati_frame_add(c, f, "y", y) != LEAT_OK)
        abort();
    return f;
}

static leati_served *serve(leat_context *c, leat_frame *f, const char *target, const char *drop)
{
    char path[] = "/tmp/multipart_fuzz_XXXXXX";
    leati_served *s = NULL;
    leati_fault why = {0};
    leat_model *m = f ? leattest_model(c, f, target, drop, "cart", NULL, "auto") : NULL;
    int fd = mkstemp(path);
    if (!m || fd < 0 || leat_model_save(c, m, path) != LEAT_OK) abort();
    close(fd);
    leati_served_plan plan = {.slots = 1};
    if (leati_served_open(c, path, "any", 1, &plan, &s, &why) != LEAT_OK) abort();
    unlink(path);
    leat_model_release(m);
    leat_frame_release(f);
    return s;
}

static void prepare(void)
{
    leat_context_options o = leat_context_options_default();
    o.threads = 1;
    o.max_bytes = 1 << 28;
    if (leat_context_create(&context, &o) != LEAT_OK) abort();
    served[0] = serve(context, leattest_table(context, 60, 7), "kind", "weight|id");
    served[1] = serve(context, pictures(context), "y", NULL);
    desk.context = context;
    desk.room.context = context;
    desk.body = leati_alloc(context, LEATI_SHORT_BODY + LEATI_JSON_PAD);
    if (!desk.body) abort();
}

static bool holds(const leati_part *part, const leati_multipart *m)
{
    for (size_t i = 0; i + m->delimiter_length <= part->length; i++)
        if (memcmp(part->data + i, m->delimiter, m->delimiter_length) == 0) return true;
    return false;
}

static void check_parts(leati_http_text type, const char *body, size_t size)
{
    leati_fault fault = {0};
    leati_multipart m;
    leati_part part;
    const char *last = body;
    if (!leati_multipart_begin(&m, type, body, size, &fault)) {
        if (!fault.http) abort();
        return;
    }
    while (leati_multipart_next(&m, &part)) {
        if (part.data < last || part.data + part.length > body + size) abort();
        if (part.name_length == 0 || part.name[part.name_length] || holds(&part, &m)) abort();
        last = part.data + part.length;
        if (memcmp(last, m.delimiter, m.delimiter_length) != 0) abort();
    }
    if (!fault.http && (m.at + 2 > body + size || memcmp(m.at, "--", 2) != 0)) abort();
}

static void check_rows(leati_served *s, leati_http_text type, const char *body, size_t size)
{
    leati_http_request request = {.body = body, .body_length = size};
    leati_call call = {.desk = &desk, .request = &request};
    leati_rows x;
    if (!leati_rows_begin(&x, &call, s, true)) abort();
    bool ok =
        leati_rows_multipart(&x, type, body, size) && leati_rows_end(&x) && leati_ask_end(x.ask);
    if (ok == (call.fault.http != 0)) abort();
    if (ok && (x.ask->rows != x.row || x.row == 0)) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!context) prepare();
    const char *text = (const char *)data, *line = size ? memchr(text, '\n', size) : NULL;
    if (!line) return 0;
    leati_http_text type = {text, (size_t)(line - text)};
    size_t length = size - type.length - 1;
    check_parts(type, line + 1, length);
    check_rows(served[0], type, line + 1, length);
    check_rows(served[1], type, line + 1, length);
    return 0;
}
