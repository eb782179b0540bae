/* Owns: requests of the Open Inference Protocol: their members, shapes, binary parts. Not: the
 * elements (tensor_data.c), nor what a model makes of them (oip_infer.c). */
#include "serve/tensor_in.h"

#include <string.h>

#include "base/mem.h"
#include "serve/tensor_data.h"

/* Members that may stand once, as bits. */
enum {
    SEEN_ID = 1,
    SEEN_INPUTS = 2,
    SEEN_OUTPUTS = 4,
    SEEN_PARAMETERS = 8,
    SEEN_NAME = 16,
    SEEN_SHAPE = 32,
    SEEN_TYPE = 64,
    SEEN_DATA = 128
};

static bool once(leati_infer_in *in, unsigned *seen, unsigned bit, const char *name)
{
    if (*seen & bit)
        return leati_fault_set(in->fault, 400, "invalid_request", "\"%s\" stands twice", name);
    *seen |= bit;
    return true;
}

static bool invalid(leati_infer_in *in, const leati_tensor_in *t, const char *what)
{
    return leati_fault_set(in->fault, 400, "invalid_tensor", "input '%.*s': %s",
                           LEATI_CLIP(t->name, t->name_length), what);
}

/* ---- parts of an input ------------------------------------------------------------------------
 */

static bool read_name(leati_infer_in *in, leati_json_in *json, leati_tensor_in *t)
{
    leati_json_value v;
    if (!leati_json_any(json, &v)) return false;
    if (v.kind != LEATI_JSON_STRING || v.length >= sizeof t->name)
        return leati_fault_set(in->fault, 400, "invalid_request",
                               "the name of an input is a text of less than %d bytes",
                               LEATI_TENSOR_NAME);
    t->name_length = v.length;
    if (v.escaped) t->name_length = leati_json_unescape(&v, t->name);
    else memcpy(t->name, v.text, v.length);
    return true;
}

static bool read_type(leati_infer_in *in, leati_json_in *json, leati_tensor_in *t)
{
    leati_json_value v;
    if (!leati_json_any(json, &v)) return false;
    for (unsigned k = 0; v.kind == LEATI_JSON_STRING && k < LEATI_DATATYPES; k++) {
        const char *name = leati_datatype_name(k);
        if (!leati_json_is(&v, name, strlen(name))) continue;
        t->type = k;
        return true;
    }
    return leati_fault_set(in->fault, 400, "invalid_request",
                           "the datatype %.*s is none: BOOL, UINT8 to UINT64, INT8 to INT64, FP16, "
                           "BF16, FP32, FP64 and BYTES are",
                           LEATI_CLIP(v.text, v.length));
}

static bool read_shape(leati_infer_in *in, leati_json_in *json, leati_tensor_in *t)
{
    bool first = true;
    int more;
    if (!leati_json_enter(json, '[', "\"shape\"")) return false;
    while ((more = leati_json_more(json, '[', &first)) == 1) {
        bool negative, fits;
        uint64_t extent;
        leati_json_peek(json);
        const char *behind = leati_json_whole(json->at, json->end, &negative, &extent, &fits);
        if (!behind || negative || !fits || extent == 0)
            return leati_fault_set(in->fault, 400, "invalid_request",
                                   "\"shape\" holds whole numbers from 1");
        if (t->rank == LEATI_TENSOR_RANK)
            return leati_fault_set(in->fault, 400, "invalid_request",
                                   "\"shape\" has more than %d dimensions", LEATI_TENSOR_RANK);
        t->shape[t->rank++] = extent;
        json->at = behind;
    }
    return more == 0;
}

static bool read_size(leati_infer_in *in, const leati_json_value *v, size_t *out)
{
    bool negative, fits;
    uint64_t size;
    const char *behind = leati_json_whole(v->text, v->text + v->length, &negative, &size, &fits);
    if (v->kind != LEATI_JSON_NUMBER || !behind || negative || !fits)
        return leati_fault_set(in->fault, 400, "invalid_request",
                               "a size is a whole number from 0, not %.*s",
                               LEATI_CLIP(v->text, v->length));
    *out = size;
    return true;
}

static bool is_truth(const leati_json_value *v)
{
    return v->kind == LEATI_JSON_TRUE || v->kind == LEATI_JSON_FALSE;
}

/* What "parameters" of a request, an input or an output may say to us. Others are skipped. */
typedef struct parameters {
    bool has_size, has_binary, has_binary_output;
    bool binary, binary_output;
    size_t size, classification;
} parameters;

static bool read_parameters(leati_infer_in *in, leati_json_in *json, parameters *p)
{
    bool first = true;
    int more;
    if (leati_json_absent(json)) return true;
    if (!leati_json_enter(json, '{', "\"parameters\"")) return false;
    while ((more = leati_json_more(json, '{', &first)) == 1) {
        leati_json_value key, v;
        if (!leati_json_key(json, &key) || !leati_json_any(json, &v)) return false;
        bool *truth = NULL;
        if (LEATI_JSON_IS(&key, "binary_data_size")) {
            if (!read_size(in, &v, &p->size)) return false;
            p->has_size = true;
        } else if (LEATI_JSON_IS(&key, "classification")) {
            if (!read_size(in, &v, &p->classification)) return false;
        } else if (LEATI_JSON_IS(&key, "binary_data")) {
            p->has_binary = true;
            truth = &p->binary;
        } else if (LEATI_JSON_IS(&key, "binary_data_output")) {
            p->has_binary_output = true;
            truth = &p->binary_output;
        }
        if (truth && !is_truth(&v))
            return leati_fault_set(in->fault, 400, "invalid_request",
                                   "\"%.*s\" is true or false, not %.*s",
                                   LEATI_CLIP(key.text, key.length), LEATI_CLIP(v.text, v.length));
        if (truth) *truth = v.kind == LEATI_JSON_TRUE;
    }
    return more == 0;
}

/* ---- inputs -----------------------------------------------------------------------------------
 */

static bool count_elements(leati_infer_in *in, leati_tensor_in *t)
{
    size_t count = 1, bytes;
    for (size_t k = 0; k < t->rank; k++)
        if (leati_mul_overflows(count, t->shape[k], &count))
            return invalid(in, t, "the product of its shape is beyond 64 bits");
    if (leati_mul_overflows(count, 8, &bytes))
        return invalid(in, t, "the product of its shape is beyond 64 bits");
    t->count = count;
    return true;
}

static bool read_data(leati_infer_in *in, leati_json_in *json, leati_tensor_in *t)
{
    size_t rank, extent[LEATI_TENSOR_RANK], wanted = t->count;
    if (!leati_tensor_data_read(in, json, t, &rank, extent)) return false;
    bool fits = t->count == wanted;
    if (rank == 1) fits = fits && extent[0] == t->count;
    else fits = fits && rank == t->rank && memcmp(extent, t->shape, rank * sizeof *extent) == 0;
    if (fits) return true;
    return leati_fault_set(in->fault, 400, "invalid_tensor",
                           "input '%.*s': \"data\" has %zu elements%s, its shape makes %zu",
                           LEATI_CLIP(t->name, t->name_length), t->count,
                           t->count == wanted ? " in other rows than \"shape\"" : "", wanted);
}

/* One object of "inputs". Data that come before their type and shape are read afterwards. */
static bool read_input(leati_infer_in *in, leati_json_in *json, leati_tensor_in *t)
{
    bool first = true;
    int more;
    unsigned seen = 0;
    const char *data = NULL;
    parameters p = {0};
    *t = (leati_tensor_in){0};
    if (!leati_json_enter(json, '{', "an input")) return false;
    while ((more = leati_json_more(json, '{', &first)) == 1) {
        leati_json_value key, skipped;
        bool ok;
        if (!leati_json_key(json, &key)) return false;
        if (LEATI_JSON_IS(&key, "name")) {
            ok = once(in, &seen, SEEN_NAME, "name") && read_name(in, json, t);
        } else if (LEATI_JSON_IS(&key, "shape")) {
            ok = once(in, &seen, SEEN_SHAPE, "shape") && read_shape(in, json, t) &&
                 count_elements(in, t);
        } else if (LEATI_JSON_IS(&key, "datatype")) {
            ok = once(in, &seen, SEEN_TYPE, "datatype") && read_type(in, json, t);
        } else if (LEATI_JSON_IS(&key, "parameters")) {
            ok = once(in, &seen, SEEN_PARAMETERS, "parameters") && read_parameters(in, json, &p);
        } else if (LEATI_JSON_IS(&key, "data")) {
            ok = once(in, &seen, SEEN_DATA, "data");
            unsigned all = SEEN_NAME | SEEN_SHAPE | SEEN_TYPE;
            data = json->at;
            if (ok && (seen & all) == all) {
                data = NULL;
                ok = read_data(in, json, t);
            } else {
                ok = ok && leati_json_any(json, &skipped);
            }
        } else {
            ok = leati_json_any(json, &skipped);
        }
        if (!ok) return false;
    }
    if (more < 0) return false;
    if (!(seen & SEEN_NAME))
        return leati_fault_set(in->fault, 400, "invalid_request", "an input has no \"name\"");
    if (!(seen & SEEN_SHAPE)) return invalid(in, t, "it has no \"shape\"");
    if (!(seen & SEEN_TYPE)) return invalid(in, t, "it has no \"datatype\"");
    if (!(seen & SEEN_DATA) && !p.has_size)
        return invalid(in, t, "it has neither \"data\" nor \"binary_data_size\"");
    if (seen & SEEN_DATA && p.has_size)
        return invalid(in, t, "it has both \"data\" and \"binary_data_size\"");
    t->is_binary = p.has_size;
    t->binary_size = p.size;
    if (!data) return true;
    leati_json_in again = *json;
    again.at = data;
    return read_data(in, &again, t);
}

static bool read_inputs(leati_infer_in *in, leati_json_in *json)
{
    leati_tensor_room *room = in->room;
    bool first = true;
    int more;
    if (!leati_json_enter(json, '[', "\"inputs\"")) return false;
    while ((more = leati_json_more(json, '[', &first)) == 1) {
        if (in->tensor_count == LEATI_TENSORS_MOST)
            return leati_fault_set(in->fault, 400, "invalid_request", "more than %d inputs",
                                   LEATI_TENSORS_MOST);
        if (leati_grow(room->context, &room->tensors, &room->tensor_capacity, in->tensor_count + 1,
                       sizeof *room->tensors) != LEAT_OK)
            return leati_fault_from(in->fault, room->context);
        if (!read_input(in, json, &room->tensors[in->tensor_count])) return false;
        in->tensor_count++;
    }
    return more == 0;
}

/* ---- outputs ----------------------------------------------------------------------------------
 */

static bool read_output(leati_infer_in *in, leati_json_in *json, leati_output_in *o)
{
    bool first = true;
    int more;
    unsigned seen = 0;
    parameters p = {0};
    *o = (leati_output_in){.binary = -1};
    if (!leati_json_enter(json, '{', "an output")) return false;
    while ((more = leati_json_more(json, '{', &first)) == 1) {
        leati_json_value key, skipped;
        bool ok;
        if (!leati_json_key(json, &key)) return false;
        if (LEATI_JSON_IS(&key, "name"))
            ok = once(in, &seen, SEEN_NAME, "name") && leati_json_any(json, &o->name);
        else if (LEATI_JSON_IS(&key, "parameters"))
            ok = once(in, &seen, SEEN_PARAMETERS, "parameters") && read_parameters(in, json, &p);
        else ok = leati_json_any(json, &skipped);
        if (!ok) return false;
    }
    if (more < 0) return false;
    if (!(seen & SEEN_NAME) || o->name.kind != LEATI_JSON_STRING)
        return leati_fault_set(in->fault, 400, "invalid_request",
                               "an output has no \"name\", or one that is no text");
    if (p.has_binary) o->binary = p.binary;
    o->classification = p.classification;
    return true;
}

static bool read_outputs(leati_infer_in *in, leati_json_in *json)
{
    bool first = true;
    int more;
    if (leati_json_absent(json)) return true;
    in->outputs_given = true;
    if (!leati_json_enter(json, '[', "\"outputs\"")) return false;
    while ((more = leati_json_more(json, '[', &first)) == 1) {
        if (in->output_count == LEATI_OUTPUTS_MOST)
            return leati_fault_set(in->fault, 400, "invalid_request", "more than %d outputs",
                                   LEATI_OUTPUTS_MOST);
        if (!read_output(in, json, &in->outputs[in->output_count])) return false;
        in->output_count++;
    }
    return more == 0;
}

/* ---- requests ---------------------------------------------------------------------------------
 */

static bool read_id(leati_infer_in *in, leati_json_in *json)
{
    if (leati_json_absent(json)) return true;
    if (!leati_json_any(json, &in->id)) return false;
    if (in->id.kind == LEATI_JSON_STRING && in->id.length <= 1024) return true;
    return leati_fault_set(in->fault, 400, "invalid_request",
                           "\"id\" is a text of at most 1,024 bytes");
}

static bool read_request(leati_infer_in *in, leati_json_in *json)
{
    bool first = true;
    int more;
    unsigned seen = 0;
    parameters p = {0};
    if (!leati_json_enter(json, '{', "the request")) return false;
    while ((more = leati_json_more(json, '{', &first)) == 1) {
        leati_json_value key, skipped;
        bool ok;
        if (!leati_json_key(json, &key)) return false;
        if (LEATI_JSON_IS(&key, "inputs"))
            ok = once(in, &seen, SEEN_INPUTS, "inputs") && read_inputs(in, json);
        else if (LEATI_JSON_IS(&key, "outputs"))
            ok = once(in, &seen, SEEN_OUTPUTS, "outputs") && read_outputs(in, json);
        else if (LEATI_JSON_IS(&key, "id"))
            ok = once(in, &seen, SEEN_ID, "id") && read_id(in, json);
        else if (LEATI_JSON_IS(&key, "parameters"))
            ok = once(in, &seen, SEEN_PARAMETERS, "parameters") && read_parameters(in, json, &p);
        else ok = leati_json_any(json, &skipped);
        if (!ok) return false;
    }
    if (more < 0 || !leati_json_finish(json)) return false;
    if (in->tensor_count == 0)
        return leati_fault_set(in->fault, 400, "invalid_request", "the request has no \"inputs\"");
    in->binary_output = p.has_binary_output && p.binary_output;
    return true;
}

/* The binary parts, in the order of their inputs, must use up what follows the JSON. */
static bool place_binaries(leati_infer_in *in, const char *data, size_t left)
{
    for (size_t i = 0; i < in->tensor_count; i++) {
        leati_tensor_in *t = &in->room->tensors[i];
        if (!t->is_binary) continue;
        if (t->binary_size > left)
            return invalid(in, t, "its binary data are longer than what follows the JSON");
        size_t each = leati_datatype_size(t->type), bytes;
        if (each == 0) {
            if (!leati_tensor_bytes_read(in, t, data, t->binary_size)) return false;
        } else {
            if (leati_mul_overflows(t->count, each, &bytes) || bytes != t->binary_size)
                return leati_fault_set(
                    in->fault, 400, "invalid_tensor",
                    "input '%.*s': binary_data_size is %zu, its shape and datatype make %zu",
                    LEATI_CLIP(t->name, t->name_length), t->binary_size, t->count * each);
            t->form = LEATI_FORM_RAW;
            t->raw = data;
        }
        data += t->binary_size;
        left -= t->binary_size;
    }
    return left == 0 || leati_fault_set(in->fault, 400, "invalid_request",
                                        "%zu bytes follow the JSON that no input names", left);
}

static void begin(leati_infer_in *in, leati_tensor_room *room, leati_fault *fault)
{
    leati_tensor_room_trim(room);
    in->room = room;
    in->id = (leati_json_value){.kind = LEATI_JSON_NULL};
    in->binary_output = in->outputs_given = false;
    in->tensor_count = in->output_count = in->cell_count = in->text_length = 0;
    in->fault = fault;
}

bool leati_infer_read_head(leati_infer_in *in, leati_tensor_room *room, const char *body,
                           size_t head, bool padded, leati_fault *fault)
{
    leati_json_in json;
    begin(in, room, fault);
    leati_json_in_init(&json, body, head, padded, fault);
    return read_request(in, &json);
}

bool leati_infer_read(leati_infer_in *in, leati_tensor_room *room, const char *body, size_t head,
                      size_t size, bool padded, leati_fault *fault)
{
    if (head > size)
        return leati_fault_set(fault, 400, "invalid_request",
                               "Inference-Header-Content-Length is %zu, the body has %zu bytes",
                               head, size);
    return leati_infer_read_head(in, room, body, head, padded, fault) &&
           place_binaries(in, body + head, size - head);
}
