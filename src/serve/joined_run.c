/* Owns: filling a session with the rows of several requests, one run, answers to each. Not: which
 * requests meet (serve.c, compute.c). */
#include "serve/joined_run.h"

bool leati_join_begin(leati_join *join, leati_served *served, leati_ask *ask)
{
    if (join->served) return join->served == served && ask->filled < served->join_rows;
    if (!served->join_rows) return false;
    join->served = served;
    join->ask = ask;
    leati_ask_begin_joined(ask, served->join_rows);
    return true;
}

static void answer_alone(leati_call *call)
{
    call->join = NULL;
    call->first = 0;
    call->fault.http = 0;
    leati_call_finish(call, call->route->handle(call));
}

/* Reads the rows of a call into the run, which has `others`, perhaps without rows. False: it has to
 * wait for the next one. */
static bool take(leati_join *join, leati_call *call, size_t others, bool *joined)
{
    size_t before = join->served ? join->ask->filled : 0;
    call->join = join;
    call->fault.http = 0;
    int status = call->route->handle(call);
    *joined = status == LEATI_JOINED;
    if (*joined) return true;
    if (join->served) join->ask->filled = before;
    if (call->fault.http == LEATI_SPLIT) {
        if (others) return false;
        answer_alone(call);
        join->served = NULL; /* it used the session */
        return true;
    }
    leati_call_finish(call, status);
    return true;
}

/* Before it is written: its rows still stand in the session. */
static void tell_watch(const leati_join *join, const leati_call *call)
{
    const leati_ask *a = join->ask;
    leati_watch_part part = {call, a, call->first, call->first, call->first, call->rows};
    if (a->watched) leati_watch_rows(a->watched, &part);
}

static void run(leati_join *join, leati_call *const *calls, size_t count)
{
    leati_fault fault;
    leati_ask *a = join->ask;
    fault.http = 0;
    a->fault = &fault;
    bool ok = leati_ask_run(a);
    for (size_t i = 0; i < count; i++) {
        if (!ok) {
            answer_alone(calls[i]);
            continue;
        }
        leati_call *call = calls[i];
        bool finite = leati_ask_finite(a, call, call->first, call->rows, &call->fault);
        if (finite) tell_watch(join, call);
        leati_call_finish(call, leati_call_write(call, finite));
    }
}

void leati_join_answer(leati_call *calls, size_t count)
{
    leati_call *waiting[LEATI_JOIN_MOST], *joined[LEATI_JOIN_MOST];
    for (size_t i = 0; i < count; i++) waiting[i] = &calls[i];
    while (count) {
        leati_join join = {NULL};
        size_t left = 0, n = 0;
        for (size_t i = 0; i < count; i++) {
            leati_call *call = waiting[i];
            bool is_joined = false;
            if (count == 1) answer_alone(call);
            else if (!take(&join, call, n, &is_joined)) waiting[left++] = call;
            if (is_joined) joined[n++] = call;
        }
        if (n) run(&join, joined, n);
        count = left;
    }
}
