/* Owns: rollouts by request: GET says how one stands, PUT begins one, POST moves it on or back,
 * DELETE forgets it. Not: what happens then (rollout_change.c). */
#include <math.h>
#include <string.h>

#include "serve/rollouts.h"

static bool is_served(leati_call *call)
{
    size_t first;
    leati_http_text name = call->model_name;
    return leati_shelf_versions(call->shelf, name.data, name.length, &first) ||
           leati_fault_set(&call->fault, 404, "no_such_model", "there is no model '%.*s'",
                           LEATI_CLIP(name.data, name.length));
}

/* False: without memory. */
static bool write_status(leati_rollouts *r, leat_context *c, const leati_shelf *shelf,
                         leati_http_exchange *exchange, const char *name, size_t length)
{
    leat_json *j = leati_rollouts_status(r, c, shelf, name, length);
    const char *text = leat_json_text(j);
    if (text) {
        leati_exchange_header(exchange, "Content-Type", "application/json");
        leati_exchange_write(exchange, text, strlen(text));
        leati_exchange_write(exchange, "\n", 1);
    }
    leat_json_destroy(j);
    return text != NULL;
}

int leati_route_rollout_show(leati_call *call)
{
    leat_context *c = call->desk->context;
    leati_rollouts *r = leati_serve_rollouts(call->serve);
    leati_http_text name = call->model_name;
    if (!is_served(call)) return 0;
    if (write_status(r, c, call->shelf, call->exchange, name.data, name.length)) return 200;
    return leati_fault_from(&call->fault, c);
}

/* ---- changes, on the steward's thread ---------------------------------------------------------
 */

static int answer(leati_job *job)
{
    leati_rollouts *r = leati_serve_rollouts(job->serve);
    leat_context *c = leati_serve_steward_context(job->serve);
    const leati_shelf *shelf = leati_repository_shelf(job->repository);
    if (write_status(r, c, shelf, job->exchange, job->name, strlen(job->name))) return 200;
    return leati_fault_from(&job->fault, c);
}

static int begin(leati_job *job)
{
    char why[LEATI_RULE_WHY];
    const leati_http_request *q = leati_exchange_request(job->exchange);
    leati_rollout_spec spec = leati_rollout_spec_default();
    spec.hold = (double)NAN;
    if (!leati_rollout_spec_read(q->body, q->body_length, &spec, why))
        return leati_fault_set(&job->fault, 422, "invalid_rollout", "%s", why);
    leati_rollouts *r = leati_serve_rollouts(job->serve);
    return leati_rollouts_begin(r, job->name, &spec, &job->fault) ? answer(job) : 0;
}

static int act(leati_job *job)
{
    char why[LEATI_RULE_WHY];
    const leati_http_request *q = leati_exchange_request(job->exchange);
    leati_rollout_action action;
    if (!leati_rollout_action_read(q->body, q->body_length, &action, why))
        return leati_fault_set(&job->fault, 422, "invalid_rollout", "%s", why);
    leati_rollouts *r = leati_serve_rollouts(job->serve);
    return leati_rollouts_act(r, job->name, action, &job->fault) ? answer(job) : 0;
}

static int forget(leati_job *job)
{
    leati_rollouts *r = leati_serve_rollouts(job->serve);
    return leati_rollouts_forget(r, job->name, &job->fault) ? answer(job) : 0;
}

static int change(leati_call *call, leati_job_run run)
{
    if (!leati_serve_may_manage(call) || !is_served(call)) return 0;
    return leati_serve_change(call, run);
}

int leati_route_rollout_begin(leati_call *call)
{
    return change(call, begin);
}

int leati_route_rollout_act(leati_call *call)
{
    return change(call, act);
}

int leati_route_rollout_forget(leati_call *call)
{
    return change(call, forget);
}
