/* Any bytes as rows of the API by names, MLflow's forms, delimited text and queries, for a model
 * with inputs of every kind: no crash, a fault or as many answers as rows.
 *
 * The first byte picks the form. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "serve/media.h"
#include "serve/rows_in.h"
#include "support/fitted.h"
#include "support/tables.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static leat_context *context;
static leati_served *served;
static leati_desk desk;

static void prepare(void)
{
    char path[] = "/tmp/rows_fuzz_XXXXXX";
    leat_context_options o = leat_context_options_default();
    leati_fault why = {0};
    o.threads = 1;
    o.max_bytes = 1 << 28;
    if (leat_context_create(&context, &o) != LEAT_OK) abort();
    leat_frame *table = leattest_table(context, 60, 7);
    leat_model *m =
        table ? leattest_model(context, table, "kind", "weight|id", "cart", NULL, "auto") : NULL;
    int fd = mkstemp(path);
    if (!m || fd < 0 || leat_model_save(context, m, path) != LEAT_OK) abort();
    close(fd);
    leati_served_plan plan = {.slots = 1};
    if (leati_served_open(context, path, "mixed", 1, &plan, &served, &why) != LEAT_OK) abort();
    unlink(path);
    leat_model_release(m);
    leat_frame_release(table);
    desk.context = context;
    desk.room.context = context;
    desk.body = leati_alloc(context, LEATI_SHORT_BODY + LEATI_JSON_PAD);
    if (!desk.body) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!context) prepare();
    if (size == 0) return 0;
    uint8_t form = data[0] % 4;
    data++, size--;
    leati_http_request request = {.body = data, .body_length = size};
    leati_call call = {.desk = &desk, .request = &request};
    leati_rows x;
    if (!leati_rows_begin(&x, &call, served, true)) abort();
    bool ok = form == 0   ? leati_rows_read_json(&x)
              : form == 1 ? leati_rows_read_mlflow(&x)
              : form == 2 ? leati_rows_csv(&x, data, size)
                          : leati_rows_read_pairs(&x, (leati_http_text){(const char *)data, size});
    ok = ok && leati_rows_end(&x) && leati_ask_end(x.ask);
    if (ok == (call.fault.http != 0)) abort();
    if (ok && (x.ask->rows != x.row || x.row == 0)) abort();
    for (size_t i = 0; ok && i < x.ask->rows; i++)
        if (!(x.ask->value[i] >= 0 && x.ask->value[i] < (double)served->classes)) abort();
    return 0;
}
