/* Owns: inference with imported graphs: tensors in by the names, datatypes and shapes that the
 * graph announces, tensors out. Requests are not joined: nothing says that a graph treats its rows
 * alike. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/num.h"
#include "serve/guard.h"
#include "serve/oip.h"
#include "serve/served_graph.h"
#include "tensor/shape.h"

/* ---- inputs -----------------------------------------------------------------------------------
 */

static bool wrong_input(leati_call *call, const leati_graph_port *p, const char *expected,
                        const char *has)
{
    return leati_fault_set(&call->fault, 400, "invalid_tensor",
                           "input '%.*s': the model takes %s, it was given %s",
                           LEATI_CLIP(p->name, p->name_length), expected, has);
}

static void shape_text(const int64_t *dim, int rank, char *to, size_t size)
{
    size_t at = (size_t)snprintf(to, size, "[");
    for (int i = 0; i < rank && at < size; i++)
        at += (size_t)snprintf(to + at, size - at, "%s%lld", i ? ", " : "", (long long)dim[i]);
    if (at < size) snprintf(to + at, size - at, "]");
}

static bool shape_fits(leati_call *call, const leati_graph_port *p, const leat_shape *have)
{
    bool fits = p->rank < 0 || p->rank == have->rank;
    for (int i = 0; fits && p->rank >= 0 && i < have->rank; i++)
        fits = p->dim[i] < 0 || p->dim[i] == have->dim[i];
    if (fits) return true;
    char wanted[120] = "the shape ", given[120] = "";
    shape_text(p->dim, p->rank, wanted + 10, sizeof wanted - 10);
    shape_text(have->dim, have->rank, given, sizeof given);
    return wrong_input(call, p, wanted, given);
}

static const leati_tensor_in *tensor_of(const leati_infer_in *in, const leati_graph_port *p,
                                        bool only)
{
    for (size_t k = 0; k < in->tensor_count; k++) {
        const leati_tensor_in *t = &in->room->tensors[k];
        if (only ||
            (t->name_length == p->name_length && memcmp(t->name, p->name, p->name_length) == 0))
            return t;
    }
    return NULL;
}

/* Cells of 8 bytes as elements; the reader checked their ranges. */
static void put_cells(const uint64_t *cells, const leati_tensor_in *t, void *to)
{
    size_t size = leati_datatype_size(t->type);
    char *at = to;
    for (size_t i = 0; i < t->count; i++, at += size) {
        if (t->type == LEATI_FP32) {
            double value;
            memcpy(&value, &cells[i], sizeof value);
            float single = (float)value;
            memcpy(at, &single, sizeof single);
        } else {
            /* Little endian: the low bytes of a whole number are the number. */
            memcpy(at, &cells[i], size);
        }
    }
}

static bool sound_bools(leati_call *call, const leati_graph_port *p, const leati_tensor_in *t)
{
    const unsigned char *b = t->raw;
    for (size_t i = 0; t->type == LEATI_BOOL && i < t->count; i++)
        if (b[i] > 1) return wrong_input(call, p, "bytes of 0 and 1", "others");
    return true;
}

/* The values where the graph can read them: where they came if they are aligned there. */
static const void *values_of(leati_call *call, leati_graph_runner *r, size_t input,
                             const leati_infer_in *in, const leati_tensor_in *t)
{
    const leati_graph_port *p = &call->served->graph->inputs[input];
    size_t width = leati_oval_width(p->element), bytes;
    if (t->form == LEATI_FORM_RAW && !sound_bools(call, p, t)) return NULL;
    if (t->form == LEATI_FORM_RAW && (uintptr_t)t->raw % width == 0) return t->raw;
    void *to = leati_mul_overflows(t->count, width, &bytes)
                   ? NULL
                   : leati_graph_space(r, input, bytes ? bytes : 1);
    if (!to) {
        leati_fault_set(&call->fault, 503, "no_memory",
                        "the request needs more memory than is "
                        "left");
    } else if (t->form == LEATI_FORM_RAW) {
        memcpy(to, t->raw, bytes);
    } else if (t->form == LEATI_FORM_TEXTS) {
        leati_pb_bytes *text = to;
        for (size_t i = 0; i < t->count; i++) {
            const char *from = leati_tensor_text(in, t, i);
            text[i] = from ? (leati_pb_bytes){from, strlen(from)} : (leati_pb_bytes){"", 0};
        }
    } else {
        put_cells(in->room->cells + t->first, t, to);
    }
    return to;
}

static bool give_input(leati_call *call, leati_graph_runner *r, const leati_infer_in *in, size_t i)
{
    const leati_served_graph *g = call->served->graph;
    const leati_graph_port *p = &g->inputs[i];
    const leati_tensor_in *t = tensor_of(in, p, g->ins == 1 && in->tensor_count == 1);
    leati_otensor *to = &r->given[i];
    if (!t)
        return leati_fault_set(&call->fault, 400, "invalid_request",
                               "the input '%.*s' of the model '%.*s' is missing",
                               LEATI_CLIP(p->name, p->name_length),
                               LEATI_CLIP(call->served->name, strlen(call->served->name)));
    if (t->type != p->type)
        return wrong_input(call, p, leati_datatype_name(p->type), leati_datatype_name(t->type));
    *to = (leati_otensor){.element = p->element, .shape = {.rank = (int)t->rank}};
    for (size_t k = 0; k < t->rank; k++) to->shape.dim[k] = (int64_t)t->shape[k];
    if (!shape_fits(call, p, &to->shape)) return false;
    to->data = values_of(call, r, i, in, t);
    return to->data != NULL;
}

static bool give_inputs(leati_call *call, leati_graph_runner *r, const leati_infer_in *in)
{
    const leati_served_graph *g = call->served->graph;
    if (in->tensor_count > g->ins)
        return leati_fault_set(&call->fault, 400, "invalid_request",
                               "%zu inputs were given, the model '%.*s' has %zu", in->tensor_count,
                               LEATI_CLIP(call->served->name, strlen(call->served->name)), g->ins);
    for (size_t i = 0; i < g->ins; i++)
        if (!give_input(call, r, in, i)) return false;
    return true;
}

/* A raw request: the body is the only input; one dimension may be any. */
static bool read_raw(leati_call *call, leati_infer_in *in)
{
    const leati_served_graph *g = call->served->graph;
    const leati_graph_port *p = &g->inputs[0];
    leati_tensor_room *room = &call->desk->room;
    size_t size = g->ins ? leati_datatype_size(p->type) : 0, known = size, open = 0;
    bool fits = g->ins == 1 && size && p->rank >= 0;
    for (int i = 0; fits && i < p->rank; i++) {
        if (p->dim[i] < 0) open++;
        else fits = !leati_mul_overflows(known, (size_t)p->dim[i], &known);
    }
    size_t bytes = call->request->body_length;
    if (!fits || open > 1)
        return leati_fault_set(&call->fault, 400, "invalid_request",
                               "a raw request is for models with one input of numbers, with at "
                               "most one dimension that may be any");
    if (bytes % known || (!open && bytes != known))
        return leati_fault_set(&call->fault, 400, "invalid_request",
                               "a raw request of %zu bytes; this model takes %s%zu", bytes,
                               open ? "multiples of " : "", known);
    if (leati_grow(room->context, &room->tensors, &room->tensor_capacity, 1,
                   sizeof *room->tensors) != LEAT_OK)
        return leati_fault_from(&call->fault, room->context);
    *in = (leati_infer_in){.room = room, .fault = &call->fault, .tensor_count = 1};
    in->binary_output = true;
    leati_tensor_in *t = &room->tensors[0];
    *t = (leati_tensor_in){.form = LEATI_FORM_RAW, .type = p->type, .rank = (size_t)p->rank};
    t->raw = call->request->body;
    t->count = bytes / size;
    for (size_t i = 0; i < t->rank; i++)
        t->shape[i] = p->dim[i] < 0 ? bytes / known : (size_t)p->dim[i];
    return true;
}

/* ---- outputs ----------------------------------------------------------------------------------
 */

typedef struct graph_output {
    const leati_graph_port *port;
    const leati_oval *value;
    size_t count;
    bool binary;
} graph_output;

static bool is_real(leati_datatype type)
{
    return type == LEATI_FP16 || type == LEATI_BF16 || type == LEATI_FP32 || type == LEATI_FP64;
}

/* The value of an output in the form that was asked for. */
static bool check_output(leati_call *call, graph_output *o, leati_oval *const *outs)
{
    const leati_oval *v = outs[o->port->at];
    const char *name = o->port->name;
    o->value = v;
    if (v->kind != LEATI_OVAL_TENSOR || v->element != o->port->element)
        return leati_fault_set(&call->fault, 500, "internal",
                               "the output '%.*s' is not what the graph announces",
                               LEATI_CLIP(name, o->port->name_length));
    o->count = leati_shape_count(&v->shape);
    if (o->binary || !is_real(o->port->type)) return true;
    if (o->port->type == LEATI_FP16 || o->port->type == LEATI_BF16)
        return leati_fault_set(&call->fault, 400, "invalid_request",
                               "the output '%.*s' is %s, which has no form in JSON; ask for binary "
                               "output",
                               LEATI_CLIP(name, o->port->name_length),
                               leati_datatype_name(o->port->type));
    for (size_t i = 0; i < o->count; i++)
        if (!isfinite(leati_oget(v->element, v->host, i)))
            return leati_fault_set(&call->fault, 422, "not_finite",
                                   "output '%.*s', element %zu, is not finite, which JSON cannot "
                                   "say; ask for binary output",
                                   LEATI_CLIP(name, o->port->name_length), i);
    return true;
}

static bool choose_named(leati_call *call, const leati_infer_in *in, const leati_output_in *asked,
                         graph_output *o)
{
    const leati_served_graph *g = call->served->graph;
    *o = (graph_output){.binary = asked->binary < 0 ? in->binary_output : asked->binary};
    for (size_t k = 0; k < g->outs; k++)
        if (leati_json_is(&asked->name, g->outputs[k].name, g->outputs[k].name_length))
            o->port = &g->outputs[k];
    if (!o->port)
        return leati_fault_set(&call->fault, 400, "invalid_request",
                               "the model '%.*s' has no output '%.*s'",
                               LEATI_CLIP(call->served->name, strlen(call->served->name)),
                               LEATI_CLIP(asked->name.text, asked->name.length));
    return !asked->classification ||
           leati_fault_set(&call->fault, 400, "invalid_request",
                           "classification is for models with probabilities");
}

static bool choose(leati_call *call, const leati_infer_in *in, graph_output *out, size_t *count)
{
    const leati_served_graph *g = call->served->graph;
    *count = in->outputs_given ? in->output_count : g->outs;
    for (size_t i = 0; i < *count; i++) {
        if (!in->outputs_given)
            out[i] = (graph_output){.port = &g->outputs[i], .binary = in->binary_output};
        else if (!choose_named(call, in, &in->outputs[i], &out[i])) return false;
        for (size_t k = 0; k < i; k++)
            if (out[k].port == out[i].port)
                return leati_fault_set(&call->fault, 400, "invalid_request",
                                       "the output '%.*s' stands twice",
                                       LEATI_CLIP(out[i].port->name, out[i].port->name_length));
    }
    return true;
}

/* ---- the answer -------------------------------------------------------------------------------
 */

static void write_elements(leati_reply *r, const graph_output *o)
{
    const leati_oval *v = o->value;
    const leati_pb_bytes *text = v->host;
    for (size_t i = 0; i < o->count; i++) {
        if (i) LEATI_REPLY(r, ",");
        if (o->port->type == LEATI_BYTES) leati_reply_text(r, text[i].data, text[i].size);
        else if (is_real(o->port->type)) leati_reply_number(r, leati_oget(v->element, v->host, i));
        else if (o->port->type == LEATI_UINT64)
            leati_reply_unsigned(r, (uint64_t)leati_oget_int(v->element, v->host, i));
        else if (o->port->type == LEATI_BOOL && leati_oget_int(v->element, v->host, i))
            LEATI_REPLY(r, "true");
        else if (o->port->type == LEATI_BOOL) LEATI_REPLY(r, "false");
        else leati_reply_whole(r, leati_oget_int(v->element, v->host, i));
    }
}

static size_t binary_size(const graph_output *o)
{
    const leati_pb_bytes *text = o->value->host;
    if (o->port->type != LEATI_BYTES) return o->count * leati_datatype_size(o->port->type);
    size_t size = 0;
    for (size_t i = 0; i < o->count; i++) size += 4 + text[i].size;
    return size;
}

static void write_binary(leati_reply *r, const graph_output *o)
{
    const leati_pb_bytes *text = o->value->host;
    if (o->port->type != LEATI_BYTES) leati_reply_raw(r, o->value->host, binary_size(o));
    for (size_t i = 0; o->port->type == LEATI_BYTES && i < o->count; i++) {
        uint32_t size = (uint32_t)text[i].size; /* little endian, as the machine is */
        leati_reply_raw(r, (const char *)&size, sizeof size);
        leati_reply_raw(r, text[i].data, text[i].size);
    }
}

static void write_output(leati_reply *r, const graph_output *o)
{
    const char *type = leati_datatype_name(o->port->type);
    LEATI_REPLY(r, "{\"name\":");
    leati_reply_text(r, o->port->name, o->port->name_length);
    LEATI_REPLY(r, ",\"datatype\":\"");
    leati_reply_raw(r, type, strlen(type));
    LEATI_REPLY(r, "\",\"shape\":[");
    for (int i = 0; i < o->value->shape.rank; i++) {
        if (i) LEATI_REPLY(r, ",");
        leati_reply_whole(r, o->value->shape.dim[i]);
    }
    if (o->binary) {
        LEATI_REPLY(r, "],\"parameters\":{\"binary_data_size\":");
        leati_reply_unsigned(r, binary_size(o));
        LEATI_REPLY(r, "}}");
        return;
    }
    LEATI_REPLY(r, "],\"data\":[");
    write_elements(r, o);
    LEATI_REPLY(r, "]}");
}

static void write_answer(leati_call *call, const leati_infer_in *in, const graph_output *out,
                         size_t count)
{
    leati_reply r;
    bool binary = false;
    leati_reply_init(&r, call->exchange);
    LEATI_REPLY(&r, "{\"model_name\":");
    leati_reply_string(&r, call->served->name);
    LEATI_REPLY(&r, ",\"model_version\":");
    leati_reply_string(&r, call->served->version_text);
    LEATI_REPLY(&r, ",");
    leati_oip_write_id(&r, &in->id);
    LEATI_REPLY(&r, "\"outputs\":[");
    for (size_t i = 0; i < count; i++) {
        if (i) LEATI_REPLY(&r, ",");
        write_output(&r, &out[i]);
        binary |= out[i].binary;
    }
    LEATI_REPLY(&r, "]}");
    if (binary) {
        char head[24];
        snprintf(head, sizeof head, "%zu", leati_reply_length(&r));
        leati_exchange_header(call->exchange, "Inference-Header-Content-Length", head);
        for (size_t i = 0; i < count; i++)
            if (out[i].binary) write_binary(&r, &out[i]);
    }
    leati_exchange_header(call->exchange, "Content-Type",
                          binary ? "application/octet-stream" : "application/json");
    leati_reply_end(&r);
}

/* ---- the whole --------------------------------------------------------------------------------
 */

/* Rows, as far as the first dimension of the first input says so. */
static size_t rows_of(const leati_graph_runner *r, size_t ins)
{
    return ins && r->given[0].shape.rank ? (size_t)r->given[0].shape.dim[0] : 1;
}

static bool run(leati_call *call, leati_graph_runner *r, leati_oval ***outs)
{
    uint64_t start = leati_serve_now();
    leat_status st = leati_omodel_run(r->model, r->given, outs);
    call->asked = leati_serve_now();
    call->answers = (leati_answers){.rows = rows_of(r, call->served->graph->ins),
                                    .infer_ns = call->asked - start,
                                    .runs = 1,
                                    .run_rows = rows_of(r, call->served->graph->ins)};
    if (st == LEAT_OK) return true;
    if (st == LEAT_NOMEM) return leati_fault_from(&call->fault, r->context);
    /* What the request made of it: shapes or values that the graph cannot take. */
    leati_fault_set(&call->fault, 422, "graph_failed", "the graph cannot take these inputs: %s",
                    leat_error_message(r->context));
    leat_error_clear(r->context);
    return false;
}

static bool infer(leati_call *call, leati_graph_runner *r, graph_output *out)
{
    leati_infer_in in;
    leati_oval **outs;
    size_t count;
    bool raw;
    if (!leati_oip_read(call, &in, &raw) || (raw && !read_raw(call, &in))) return false;
    if (!choose(call, &in, out, &count) || !give_inputs(call, r, &in) ||
        !leati_guard_take(call, rows_of(r, call->served->graph->ins), true) || !run(call, r, &outs))
        return false;
    for (size_t i = 0; i < count; i++)
        if (!check_output(call, &out[i], outs)) return false;
    write_answer(call, &in, out, count);
    return true;
}

int leati_oip_infer_graph(leati_call *call)
{
    leati_served_graph *g = call->served->graph;
    leati_graph_runner *r = &g->runners[call->slot];
    size_t most = g->outs > LEATI_OUTPUTS_MOST ? g->outs : LEATI_OUTPUTS_MOST;
    call->start = leati_serve_now();
    if (leati_call_recall(call)) return 200;
    if (call->peeks) return 0;
    if (!r->model) return LEATI_LONG;
    graph_output *out = leati_array(r->context, most, sizeof *out);
    bool ok = out && infer(call, r, out);
    if (!out) leati_fault_from(&call->fault, r->context);
    leati_free(out);
    leati_omodel_rest(r->model);
    if (ok) leati_call_keep(call);
    leati_call_count(call, ok);
    return ok ? 200 : 0;
}
