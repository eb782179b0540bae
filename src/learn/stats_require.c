/* Owns: reading requirements and judging intervals by them. */
#include "learn/stats_require.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/num.h"

static const char *const ops[] = {">=", ">", "<=", "<"};

typedef struct reader {
    leat_context *c;
    leati_task task;
    const char *text, *at;
} reader;

static leat_status fail_at(const reader *r, const char *place, const char *what)
{
    size_t column = (size_t)(place - r->text), length = strlen(r->text);
    leat_status st =
        LEATI_FAIL(r->c, LEAT_INVALID, "requirement, character %zu: %s", column + 1, what);
    if (length <= 200) {
        leati_error_hint(r->c, "  %s", r->text);
        leati_error_hint(r->c, "  %*s^", (int)column, "");
    }
    leati_error_hint(r->c, "expected for example: accuracy>=0.93@95%%,log_loss<=0.3");
    return st;
}

static void skip_spaces(reader *r)
{
    while (*r->at == ' ' || *r->at == '\t') r->at++;
}

static leat_status read_metric(reader *r, leati_requirement *q)
{
    const char *start = r->at;
    char name[64];
    size_t n = strcspn(r->at, "<>=,@ \t");
    if (n == 0) return fail_at(r, start, "the name of a metric is missing");
    if (n >= sizeof name) return fail_at(r, start, "there is no metric with so long a name");
    memcpy(name, start, n);
    name[n] = '\0';
    leat_status st = leati_metric_find(r->c, &q->metric, r->task, name);
    if (st != LEAT_OK)
        return leati_error_within(r->c, "requirement, character %zu",
                                  (size_t)(start - r->text) + 1);
    r->at += n;
    return LEAT_OK;
}

static leat_status read_op(reader *r, leati_requirement *q)
{
    for (int k = 0; k < 4; k++) {
        size_t n = strlen(ops[k]);
        if (strncmp(r->at, ops[k], n) != 0) continue;
        q->op = (leati_require_op)k;
        r->at += n;
        return LEAT_OK;
    }
    return fail_at(r, r->at, "one of >= > <= < is missing");
}

/* A number, divided by 100 when a percent sign follows. */
static leat_status read_number(reader *r, const char *what, double *out, bool *percent)
{
    const char *start = r->at;
    size_t n = strcspn(r->at, ",@% \t");
    if (!leati_num_parse(start, n, out) || !isfinite(*out)) return fail_at(r, start, what);
    r->at += n;
    skip_spaces(r);
    *percent = *r->at == '%';
    if (*percent) {
        r->at++;
        *out /= 100;
    }
    return LEAT_OK;
}

static leat_status read_one(reader *r, leati_requirement *q)
{
    bool percent;
    *q = (leati_requirement){0};
    skip_spaces(r);
    LEATI_TRY(read_metric(r, q));
    skip_spaces(r);
    LEATI_TRY(read_op(r, q));
    skip_spaces(r);
    LEATI_TRY(read_number(r, "a number is missing after the sign", &q->bound, &percent));
    skip_spaces(r);
    if (*r->at != '@') return LEAT_OK;
    r->at++;
    skip_spaces(r);
    const char *start = r->at;
    LEATI_TRY(read_number(r, "a level such as 95% is missing after '@'", &q->level, &percent));
    if (!(q->level > 0 && q->level < 1))
        return fail_at(r, start, "the level must be between 0% and 100%, written as 95% or 0.95");
    skip_spaces(r);
    return LEAT_OK;
}

leat_status leati_requirements_parse(leat_context *c, leati_requirements *out, leati_task task,
                                     const char *text)
{
    reader r = {c, task, text, text};
    size_t capacity = 0;
    leat_status st = LEAT_OK;
    *out = (leati_requirements){0};
    for (bool more = true; more;) {
        leati_requirement q;
        LEATI_GO(read_one(&r, &q));
        LEATI_GO(leati_grow(c, &out->at, &capacity, out->count + 1, sizeof q));
        out->at[out->count++] = q;
        more = *r.at == ',';
        if (more) r.at++;
        else if (*r.at) LEATI_GO(fail_at(&r, r.at, "unexpected text"));
    }
out:
    if (st != LEAT_OK) leati_requirements_fini(out);
    return st;
}

void leati_requirements_fini(leati_requirements *r)
{
    leati_free(r->at);
    *r = (leati_requirements){0};
}

static bool wants_more(const leati_requirement *r)
{
    return r->op == LEATI_REQUIRE_GE || r->op == LEATI_REQUIRE_GT;
}

bool leati_requirement_met(const leati_requirement *r, const leati_interval *x)
{
    double end = r->level == 0 ? x->estimate : wants_more(r) ? x->low : x->high;
    switch (r->op) { /* NaN compares false */
    case LEATI_REQUIRE_GE: return end >= r->bound;
    case LEATI_REQUIRE_GT: return end > r->bound;
    case LEATI_REQUIRE_LE: return end <= r->bound;
    case LEATI_REQUIRE_LT: return end < r->bound;
    }
    return false;
}

size_t leati_requirement_text(const leati_requirement *r, const leati_interval *x, char *out,
                              size_t size)
{
    char value[40], low[40], high[40], bound[LEATI_NUM_SIZE], level[LEATI_NUM_SIZE];
    leati_metric_format(r->metric, x->estimate, value);
    leati_metric_format(r->metric, x->low, low);
    leati_metric_format(r->metric, x->high, high);
    leati_num_format(r->bound, bound);
    leati_num_format(round(r->level * 1e6) / 1e4, level);
    bool met = leati_requirement_met(r, x);
    int n;
    if (isnan(x->estimate))
        n = snprintf(out, size, "%s is undefined on these rows: nothing says that it is %s %s",
                     r->metric->name, ops[r->op], bound);
    else if (r->level == 0)
        n = snprintf(out, size, "%s %s is %s%s %s", r->metric->name, value, met ? "" : "not ",
                     ops[r->op], bound);
    else if (isnan(x->low) || isnan(x->high))
        n = snprintf(out, size, "%s %s has no %s%% interval: too few rows to be sure it is %s %s",
                     r->metric->name, value, level, ops[r->op], bound);
    else
        n = snprintf(out, size, "%s %s (%s%%: %s to %s) is %ssurely %s %s", r->metric->name, value,
                     level, low, high, met ? "" : "not ", ops[r->op], bound);
    return n > 0 ? (size_t)n : 0;
}
