/* Owns: the requests of Triton's model repository: index, load, unload. Files come from the command
 * line alone: parameters that would bring a model or a path with the request are refused. */
#include <string.h>

#include "serve/json_in.h"
#include "serve/route.h"

typedef struct index_writer {
    const leati_call *call;
    leati_reply reply;
    bool ready_only, written;
} index_writer;

static void write_entry(void *user, const char *name, uint32_t version, const char *state,
                        const char *reason)
{
    index_writer *w = user;
    leati_reply *r = &w->reply;
    if (w->ready_only && strcmp(state, "READY") != 0) return;
    if (!leati_serve_shows(w->call, name)) return;
    if (w->written) LEATI_REPLY(r, ",");
    w->written = true;
    LEATI_REPLY(r, "{\"name\":");
    leati_reply_string(r, name);
    LEATI_REPLY(r, ",\"version\":\"");
    leati_reply_unsigned(r, version);
    LEATI_REPLY(r, "\",\"state\":");
    leati_reply_string(r, state);
    LEATI_REPLY(r, ",\"reason\":");
    leati_reply_string(r, reason);
    LEATI_REPLY(r, "}");
}

/* The object of a control request; an empty body is one without members. `truth` (may be NULL): the
 * bool of that name is taken. refused: this name under "parameters" may not be there. */
static bool read_control(leati_call *call, const char *name, bool *truth, bool loads)
{
    leati_json_in json;
    bool padded, first = true;
    int more;
    const char *body = leati_call_body(call, &padded);
    if (call->request->body_length == 0) return true;
    leati_json_in_init(&json, body, call->request->body_length, padded, &call->fault);
    if (!leati_json_enter(&json, '{', "the request")) return false;
    while ((more = leati_json_more(&json, '{', &first)) == 1) {
        leati_json_value key, v;
        if (!leati_json_key(&json, &key) || !leati_json_any(&json, &v)) return false;
        if (truth && leati_json_is(&key, name, strlen(name))) *truth = v.kind == LEATI_JSON_TRUE;
        if (loads && LEATI_JSON_IS(&key, "parameters") && v.length > 2)
            return leati_fault_set(&call->fault, 400, "unsupported_parameters",
                                   "models are loaded from where the server was started with; a "
                                   "request brings no configuration and no file");
    }
    return more == 0 && leati_json_finish(&json);
}

int leati_route_oip_index(leati_call *call)
{
    index_writer w = {.call = call};
    if (!read_control(call, "ready", &w.ready_only, false)) return 0;
    leati_reply_init(&w.reply, call->exchange);
    LEATI_REPLY(&w.reply, "[");
    leati_repository_each(leati_serve_repository(call->serve), write_entry, &w);
    LEATI_REPLY(&w.reply, "]\n");
    leati_reply_end(&w.reply);
    leati_exchange_header(call->exchange, "Content-Type", "application/json");
    return 200;
}

static int answer_nothing(leati_job *job)
{
    leati_exchange_header(job->exchange, "Content-Type", "application/json");
    leati_exchange_write(job->exchange, "{}\n", 3);
    return 200;
}

static int load(leati_job *job)
{
    return leati_repository_load(job->repository, job->name, &job->fault) ? answer_nothing(job) : 0;
}

static int unload(leati_job *job)
{
    return leati_repository_unload(job->repository, job->name, &job->fault) ? answer_nothing(job)
                                                                            : 0;
}

static int change(leati_call *call, leati_job_run run)
{
    if (!read_control(call, NULL, NULL, run == load)) return 0;
    if (!leati_served_name_fits(call->model_name.data, call->model_name.length)) {
        leati_fault_set(&call->fault, 404, "no_such_model", "there is no model '%.*s'",
                        LEATI_CLIP(call->model_name.data, call->model_name.length));
        return 0;
    }
    return leati_serve_change(call, run);
}

int leati_route_oip_load(leati_call *call)
{
    return change(call, load);
}

int leati_route_oip_unload(leati_call *call)
{
    return change(call, unload);
}
