/* What a client is told of an error: who must mend it is in the status. */
#include "support/leattest.h"

#include "base/error.h"
#include "serve/fault.h"

static int http_of(leat_context *c, leat_status st, const char **code)
{
    leati_fault f = {0};
    if (st != LEAT_OK) (void)LEATI_FAIL(c, st, "what was wrong");
    leati_fault_from(&f, c);
    *code = f.code;
    return leat_error_status(c) == LEAT_OK ? f.http : 0;
}

static void errors_as_faults(leattest *t)
{
    static const struct {
        leat_status status;
        int http;
        const char *code;
    } want[] = {{LEAT_OK, 500, "internal"},
                {LEAT_INTERNAL, 500, "internal"},
                {LEAT_IO, 500, "storage"},
                {LEAT_NETWORK, 502, "upstream"},
                {LEAT_UNSUPPORTED, 501, "unsupported"},
                {LEAT_LIMIT, 503, "out_of_memory"},
                {LEAT_NOMEM, 503, "out_of_memory"},
                {LEAT_INVALID, 422, "invalid_input"},
                {LEAT_TYPE, 422, "invalid_input"},
                {LEAT_FORMAT, 422, "invalid_input"},
                {LEAT_NOT_FOUND, 422, "invalid_input"}};
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        const char *code;
        CHECK_INT(http_of(t->context, want[i].status, &code), want[i].http);
        CHECK_STR(code, want[i].code);
    }
}

static void the_first_stays(leattest *t)
{
    leati_fault f = {0};
    CHECK(!leati_fault_set(&f, 404, "no_model", "no model %d", 7));
    (void)LEATI_FAIL(t->context, LEAT_IO, "a disk");
    CHECK(!leati_fault_from(&f, t->context));
    CHECK_INT(f.http, 404);
    CHECK_STR(f.message, "no model 7");
    CHECK_INT(leat_error_status(t->context), LEAT_OK);
}

static const leattest_case list[] = {TEST(errors_as_faults), TEST(the_first_stays)};

LEATTEST_MAIN(list)
