/* Owns: what the Open Inference Protocol says about the server and its models. Bodies of health are
 * the superset of what Triton's and KServe's clients read. */
#include <stdio.h>
#include <string.h>

#include "serve/route.h"
#include "serve/served_graph.h"

static int json_answer(leati_call *call, leati_reply *r, int status)
{
    leati_reply_end(r);
    leati_exchange_header(call->exchange, "Content-Type", "application/json");
    return status;
}

static int literal(leati_call *call, const char *text, int status)
{
    leati_exchange_header(call->exchange, "Content-Type", "application/json");
    leati_exchange_write(call->exchange, text, strlen(text));
    return status;
}

int leati_route_oip_server(leati_call *call)
{
    leati_reply r;
    leati_reply_init(&r, call->exchange);
    LEATI_REPLY(&r, "{\"name\":\"leat\",\"version\":");
    leati_reply_string(&r, leat_version());
    LEATI_REPLY(&r, ",\"extensions\":[\"classification\",\"model_configuration\","
                    "\"model_repository\",\"statistics\",\"binary_tensor_data\"]}\n");
    return json_answer(call, &r, 200);
}

int leati_route_oip_live(leati_call *call)
{
    return literal(call, "{\"live\":true}\n", 200);
}

static int not_ready(leati_call *call)
{
    leati_fault_set(&call->fault, 503, "not_ready", "the server ends: ask another one");
    return 0;
}

int leati_route_oip_ready(leati_call *call)
{
    if (!leati_serve_ready(call->serve)) return not_ready(call);
    return literal(call, "{\"live\":true,\"ready\":true}\n", 200);
}

int leati_route_ping(leati_call *call)
{
    if (!leati_serve_ready(call->serve)) return not_ready(call);
    leati_exchange_header(call->exchange, "Content-Type", "application/json");
    leati_exchange_write(call->exchange, "\n", 1);
    return 200;
}

int leati_route_version(leati_call *call)
{
    leati_exchange_header(call->exchange, "Content-Type", "text/plain; charset=utf-8");
    leati_exchange_write(call->exchange, leat_version(), strlen(leat_version()));
    return 200;
}

int leati_route_oip_models(leati_call *call)
{
    leati_reply r;
    const char *last = NULL;
    leati_reply_init(&r, call->exchange);
    LEATI_REPLY(&r, "{\"models\":[");
    for (size_t i = 0; i < call->shelf->count; i++) {
        const char *name = call->shelf->served[i]->name;
        if ((last && strcmp(last, name) == 0) || !leati_serve_shows(call, name)) continue;
        if (last) LEATI_REPLY(&r, ",");
        leati_reply_string(&r, name);
        last = name;
    }
    LEATI_REPLY(&r, "]}\n");
    return json_answer(call, &r, 200);
}

int leati_route_oip_model(leati_call *call)
{
    leati_served *s = leati_call_served(call);
    leati_reply r;
    size_t first;
    if (!s) return 0;
    size_t n = leati_shelf_versions(call->shelf, s->name, strlen(s->name), &first);
    leati_reply_init(&r, call->exchange);
    LEATI_REPLY(&r, "{\"name\":");
    leati_reply_string(&r, s->name);
    LEATI_REPLY(&r, ",\"versions\":[");
    for (size_t i = 0; i < n; i++) {
        if (i) LEATI_REPLY(&r, ",");
        leati_reply_string(&r, call->shelf->served[first + i]->version_text);
    }
    LEATI_REPLY(&r, "],");
    leati_reply_raw(&r, s->metadata, strlen(s->metadata));
    LEATI_REPLY(&r, "\n");
    return json_answer(call, &r, 200);
}

int leati_route_oip_model_ready(leati_call *call)
{
    leati_served *s = leati_call_served(call);
    leati_reply r;
    if (!s) return 0;
    if (!leati_serve_ready(call->serve)) return not_ready(call);
    leati_reply_init(&r, call->exchange);
    LEATI_REPLY(&r, "{\"name\":");
    leati_reply_string(&r, s->name);
    LEATI_REPLY(&r, ",\"ready\":true}\n");
    return json_answer(call, &r, 200);
}

/* Triton calls FP64 TYPE_FP64 here and BYTES TYPE_STRING. */
static void config_tensor(leati_reply *r, const char *name, const char *datatype, size_t second,
                          const size_t *shape)
{
    LEATI_REPLY(r, "{\"name\":");
    leati_reply_string(r, name);
    LEATI_REPLY(r, ",\"data_type\":\"TYPE_");
    if (strcmp(datatype, "BYTES") == 0) datatype = "STRING";
    leati_reply_raw(r, datatype, strlen(datatype));
    LEATI_REPLY(r, "\",\"dims\":[-1");
    if (second) {
        LEATI_REPLY(r, ",");
        leati_reply_unsigned(r, second);
    }
    for (int k = 0; shape && k < 3; k++) {
        LEATI_REPLY(r, ",");
        leati_reply_unsigned(r, shape[k]);
    }
    LEATI_REPLY(r, "]}");
}

static void graph_tensors(leati_reply *r, const leati_graph_port *ports, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const leati_graph_port *p = &ports[i];
        const char *type = p->type == LEATI_BYTES ? "STRING" : leati_datatype_name(p->type);
        if (i) LEATI_REPLY(r, ",");
        LEATI_REPLY(r, "{\"name\":");
        leati_reply_text(r, p->name, p->name_length);
        LEATI_REPLY(r, ",\"data_type\":\"TYPE_");
        leati_reply_raw(r, type, strlen(type));
        LEATI_REPLY(r, "\",\"dims\":[");
        for (int k = 0; k < p->rank; k++) {
            if (k) LEATI_REPLY(r, ",");
            leati_reply_whole(r, p->dim[k]);
        }
        LEATI_REPLY(r, "]}");
    }
}

int leati_route_oip_config(leati_call *call)
{
    static const char *const answers[] = {
        [LEAT_F64] = "FP64", [LEAT_I64] = "INT64", [LEAT_STRING] = "BYTES"};
    leati_served *s = leati_call_served(call);
    leati_reply r;
    if (!s) return 0;
    leati_reply_init(&r, call->exchange);
    LEATI_REPLY(&r, "{\"name\":");
    leati_reply_string(&r, s->name);
    LEATI_REPLY(&r, ",\"platform\":\"leat_");
    leati_reply_raw(&r, s->estimator, strlen(s->estimator));
    LEATI_REPLY(&r, "\",\"backend\":\"leat\",\"max_batch_size\":0,\"input\":[");
    if (s->matrix) config_tensor(&r, "input", "FP64", s->inputs, NULL);
    for (size_t i = 0; !s->matrix && i < s->inputs; i++) {
        const leati_port *p = &s->ports[i];
        if (i) LEATI_REPLY(&r, ",");
        config_tensor(&r, p->name, p->datatype, 0, p->role == LEATI_ROLE_ARRAY ? p->shape : NULL);
    }
    if (s->graph) graph_tensors(&r, s->graph->inputs, s->graph->ins);
    LEATI_REPLY(&r, "],\"output\":[");
    if (s->graph) graph_tensors(&r, s->graph->outputs, s->graph->outs);
    else config_tensor(&r, "prediction", answers[s->answer], 0, NULL);
    if (s->probabilities) {
        LEATI_REPLY(&r, ",");
        config_tensor(&r, "probabilities", "FP64", s->classes, NULL);
    }
    LEATI_REPLY(&r, "]}\n");
    return json_answer(call, &r, 200);
}
