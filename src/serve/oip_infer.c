/* Owns: inference after the Open Inference Protocol: from tensors to rows, from answers to tensors.
 *
 * A model of numbers alone takes one tensor (rows, inputs) of any name, or one (inputs) for a row;
 * any model takes a tensor per input by name. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/str.h"
#include "frame/infer.h"
#include "serve/ahead.h"
#include "serve/oip.h"

/* ---- rows -------------------------------------------------------------------------------------
 */

static bool number_expected(leati_infer_in *in, const leati_tensor_in *t)
{
    return leati_fault_set(in->fault, 400, "invalid_tensor",
                           "input '%.*s' takes numbers, it was given BYTES",
                           LEATI_CLIP(t->name, t->name_length));
}

static bool infinite(leati_infer_in *in, const leati_tensor_in *t, size_t i)
{
    return leati_fault_set(in->fault, 400, "invalid_tensor",
                           "input '%.*s', element %zu: the number is infinite",
                           LEATI_CLIP(t->name, t->name_length), i);
}

static bool fill_matrix(leati_infer_in *in, leati_ask *a, const leati_served *s)
{
    const leati_tensor_in *t = &in->room->tensors[0];
    size_t inputs = s->inputs;
    bool fits = t->rank == 2 ? t->shape[1] == inputs : t->rank == 1 && t->shape[0] == inputs;
    if (t->type == LEATI_BYTES) return number_expected(in, t);
    if (!fits)
        return leati_fault_set(in->fault, 400, "invalid_tensor",
                               "input '%.*s' has %zu numbers in %zu dimensions; the model takes "
                               "rows of %zu, a shape [rows, %zu]",
                               LEATI_CLIP(t->name, t->name_length), t->count, t->rank, inputs,
                               inputs);
    bool raw = t->form == LEATI_FORM_RAW, f32 = raw && t->type == LEATI_FP32;
    if (t->form == LEATI_FORM_DOUBLES || f32 || (raw && t->type == LEATI_FP64)) {
        const void *values = raw ? t->raw : (const void *)(in->room->cells + t->first);
        size_t wrong;
        if (leati_ask_matrix(a, values, f32, t->count / inputs, inputs, &wrong)) return true;
        return wrong == SIZE_MAX ? false : infinite(in, t, wrong);
    }
    for (size_t i = 0; i < t->count;) {
        for (size_t k = 0; k < inputs; k++, i++) {
            double value = leati_tensor_number(in, t, i);
            if (isinf(value)) return infinite(in, t, i);
            if (!leati_ask_number(a, k, value)) return false;
        }
        if (!leati_ask_next(a)) return false;
    }
    return true;
}

/* What is written in the table for a whole number, a number or a bool. */
static bool set_category(leati_infer_in *in, leati_ask *a, size_t input, const leati_tensor_in *t,
                         size_t i)
{
    char text[LEATI_NUM_SIZE];
    if (t->form == LEATI_FORM_TEXTS) return leati_ask_text(a, input, leati_tensor_text(in, t, i));
    double value = leati_tensor_number(in, t, i);
    if (t->type == LEATI_BOOL) return leati_ask_text(a, input, value != 0 ? "true" : "false");
    if (isnan(value)) return leati_ask_text(a, input, NULL);
    if (t->type == LEATI_INT64 || t->type == LEATI_UINT64) { /* a double does not hold them all */
        uint64_t bits;
        if (t->form == LEATI_FORM_RAW) memcpy(&bits, (const char *)t->raw + 8 * i, sizeof bits);
        else bits = in->room->cells[t->first + i];
        if (t->type == LEATI_INT64) snprintf(text, sizeof text, "%lld", (long long)bits);
        else snprintf(text, sizeof text, "%llu", (unsigned long long)bits);
    } else {
        leati_num_format(value, text);
    }
    return leati_ask_text(a, input, text);
}

static bool set_time(leati_infer_in *in, leati_ask *a, size_t input, const leati_tensor_in *t,
                     size_t i)
{
    int64_t when;
    if (t->form == LEATI_FORM_TEXTS) {
        const char *text = leati_tensor_text(in, t, i);
        if (!text) return leati_ask_time(a, input, INT64_MIN);
        if (leati_value_time(text, strlen(text), &when)) return leati_ask_time(a, input, when);
        return leati_fault_set(in->fault, 400, "invalid_tensor",
                               "input '%.*s', element %zu: '%.*s' is no time like "
                               "2026-02-28T12:30:00Z",
                               LEATI_CLIP(t->name, t->name_length), i,
                               LEATI_CLIP(text, strlen(text)));
    }
    if (t->type != LEATI_INT64)
        return leati_fault_set(in->fault, 400, "invalid_tensor",
                               "input '%.*s' takes times: BYTES after ISO 8601, or INT64 in "
                               "microseconds since 1970",
                               LEATI_CLIP(t->name, t->name_length));
    uint64_t bits;
    if (t->form == LEATI_FORM_RAW) memcpy(&bits, (const char *)t->raw + 8 * i, sizeof bits);
    else bits = in->room->cells[t->first + i];
    return leati_ask_time(a, input, (int64_t)bits);
}

static bool set_port(leati_infer_in *in, leati_ask *a, const leati_served *s, size_t input,
                     const leati_tensor_in *t, size_t row)
{
    const leati_port *p = &s->ports[input];
    if (p->role == LEATI_ROLE_CATEGORY) return set_category(in, a, input, t, row);
    if (p->role == LEATI_ROLE_TIME) return set_time(in, a, input, t, row);
    if (t->type == LEATI_BYTES) return number_expected(in, t);
    if (p->role == LEATI_ROLE_ARRAY) {
        leati_tensor_numbers(in, t, row * p->elements, p->elements, a->elements);
        return leati_ask_array(a, input, a->elements, p->elements);
    }
    double value = leati_tensor_number(in, t, row);
    return isinf(value) ? infinite(in, t, row) : leati_ask_number(a, input, value);
}

static const leati_tensor_in *find_tensor(const leati_infer_in *in, const leati_port *p, size_t at)
{
    const leati_tensor_in *all = in->room->tensors;
    for (size_t k = 0; k < in->tensor_count; k++) { /* most likely in the same place */
        const leati_tensor_in *t = &all[(at + k) % in->tensor_count];
        if (t->name_length == p->name_length && memcmp(t->name, p->name, p->name_length) == 0)
            return t;
    }
    return NULL;
}

static bool is_input(const leati_served *s, const leati_tensor_in *t)
{
    for (size_t i = 0; i < s->inputs; i++)
        if (s->ports[i].name_length == t->name_length &&
            memcmp(s->ports[i].name, t->name, t->name_length) == 0)
            return true;
    return false;
}

/* Says which name is wrong: one that is missing and, where it seems to be meant, one too many. */
static bool missing_input(leati_infer_in *in, const leati_served *s, const leati_port *p)
{
    const char *names[64];
    size_t count = 0;
    for (size_t k = 0; k < in->tensor_count && count < 64; k++) {
        leati_tensor_in *t = &in->room->tensors[k];
        if (is_input(s, t)) continue;
        t->name[t->name_length] = '\0';
        names[count++] = t->name;
    }
    const char *near = leati_nearest(p->name, names, count);
    return leati_fault_set(in->fault, 400, "invalid_request",
                           "the input '%.*s' of the model '%.*s' is missing%s%.*s%s",
                           LEATI_CLIP(p->name, p->name_length),
                           LEATI_CLIP(s->name, strlen(s->name)), near ? "; was '" : "",
                           LEATI_CLIP(near ? near : "", near ? strlen(near) : 0),
                           near ? "' meant?" : "");
}

/* The tensors in the order of the ports, behind one another in the room. */
static bool match_tensors(leati_infer_in *in, const leati_served *s, size_t *rows)
{
    leati_tensor_room *room = in->room;
    size_t given = in->tensor_count;
    bool only = s->inputs == 1 && given == 1; /* may have any name */
    if (given > s->inputs)
        return leati_fault_set(in->fault, 400, "invalid_request",
                               "%zu inputs were given, the model '%.*s' has %zu", given,
                               LEATI_CLIP(s->name, strlen(s->name)), s->inputs);
    if (leati_grow(room->context, &room->tensors, &room->tensor_capacity, given + s->inputs,
                   sizeof *room->tensors) != LEAT_OK)
        return leati_fault_from(in->fault, room->context);
    for (size_t i = 0; i < s->inputs; i++) {
        const leati_port *p = &s->ports[i];
        const leati_tensor_in *t = only ? room->tensors : find_tensor(in, p, i);
        if (!t) return missing_input(in, s, p);
        if (i == 0) *rows = t->rank ? t->shape[0] : 1;
        if ((t->rank ? t->shape[0] : 1) != *rows || t->count != *rows * p->elements)
            return leati_fault_set(in->fault, 400, "invalid_tensor",
                                   "input '%.*s' has %zu elements in %zu rows; expected %zu a row "
                                   "and as many rows as the first input, %zu",
                                   LEATI_CLIP(t->name, t->name_length), t->count,
                                   t->rank ? t->shape[0] : 1, p->elements, *rows);
        room->tensors[given + i] = *t;
    }
    return true;
}

static bool fill_columns(leati_infer_in *in, leati_ask *a, const leati_served *s)
{
    size_t rows = 0;
    if (!match_tensors(in, s, &rows)) return false;
    const leati_tensor_in *t = in->room->tensors + in->tensor_count;
    leati_ask_expect(a, rows);
    for (size_t r = 0; r < rows; r++) {
        for (size_t i = 0; i < s->inputs; i++)
            if (!set_port(in, a, s, i, &t[i], r)) return false;
        if (!leati_ask_next(a)) return false;
    }
    return true;
}

/* ---- raw requests -----------------------------------------------------------------------------
 */

/* Of the only input, or of all of them. */
static leati_datatype raw_type(const leati_served *s)
{
    leati_datatype type = 0;
    if (s->matrix) return LEATI_FP64;
    while (type < LEATI_BYTES && strcmp(leati_datatype_name(type), s->ports[0].datatype) != 0)
        type++;
    return type;
}

/* The body is the one input; everything is answered in binary. */
static bool read_raw(leati_call *call, leati_infer_in *in, const leati_served *s)
{
    const leati_http_request *q = call->request;
    leati_tensor_room *room = &call->desk->room;
    if (!s->matrix && s->inputs != 1)
        return leati_fault_set(&call->fault, 400, "invalid_request",
                               "a raw request is for models with one input; this one has %zu",
                               s->inputs);
    leati_datatype type = raw_type(s);
    if (type == LEATI_BYTES)
        return leati_fault_set(
            &call->fault, 400, "invalid_request",
            "a raw request is for numbers; this model takes texts, whose lengths "
            "have to be said: send a tensor of BYTES");
    if (leati_grow(room->context, &room->tensors, &room->tensor_capacity, 1,
                   sizeof *room->tensors) != LEAT_OK)
        return leati_fault_from(&call->fault, room->context);
    *in = (leati_infer_in){.room = room, .fault = &call->fault, .tensor_count = 1};
    in->binary_output = true;
    leati_tensor_in *t = &room->tensors[0];
    *t = (leati_tensor_in){.form = LEATI_FORM_RAW, .rank = 2, .type = type};
    memcpy(t->name, "input", t->name_length = 5);
    t->shape[1] = s->matrix ? s->inputs : s->ports[0].elements;
    size_t row = t->shape[1] * leati_datatype_size(t->type);
    if (row == 0 || q->body_length == 0 || q->body_length % row)
        return leati_fault_set(&call->fault, 400, "invalid_request",
                               "a raw request of %zu bytes; a row of this model has %zu",
                               q->body_length, row);
    t->raw = q->body;
    t->shape[0] = q->body_length / row;
    t->count = t->shape[0] * t->shape[1];
    return true;
}

/* ---- answers ----------------------------------------------------------------------------------
 */

typedef struct answer {
    leati_call *call;
    const leati_served *served;
    const leati_answers *ask;
    leati_reply reply;
} answer;

static uint32_t class_of(const answer *w, size_t row)
{
    return (uint32_t)w->ask->value[row];
}

static void prediction_data(answer *w)
{
    const leati_served *s = w->served;
    leati_reply *r = &w->reply;
    for (size_t i = 0; i < w->ask->rows; i++) {
        if (!leati_reply_room(r, s->class_longest + LEATI_NUM_SIZE + 1)) return;
        if (i) *r->at++ = ',';
        if (s->classes) {
            size_t k = class_of(w, i);
            memcpy(r->at, s->class_json[k], s->class_length[k]);
            r->at += s->class_length[k];
        } else {
            r->at += leati_num_format(w->ask->value[i], r->at);
        }
    }
}

static void probability_data(answer *w)
{
    leati_reply *r = &w->reply;
    size_t count = w->ask->rows * w->served->classes;
    for (size_t i = 0; i < count; i++) {
        if (!leati_reply_room(r, LEATI_NUM_SIZE + 1)) return;
        if (i) *r->at++ = ',';
        r->at += leati_num_format(w->ask->proba[i], r->at);
    }
}

/* The class behind `before` (SIZE_MAX: the first) when those of a row stand by their probability,
 * largest first, of equal ones the first before. */
static size_t next_class(const answer *w, size_t row, size_t before)
{
    size_t classes = w->served->classes, best = SIZE_MAX;
    const double *p = w->ask->proba + row * classes;
    for (size_t k = 0; k < classes; k++) {
        bool behind = before == SIZE_MAX || p[k] < p[before] || (p[k] == p[before] && k > before);
        if (behind && (best == SIZE_MAX || p[k] > p[best])) best = k;
    }
    return best == SIZE_MAX ? 0 : best; /* behind one that is no number there is none */
}

/* "0.98:0:setosa", Triton's form; returns its length, cut to the room. */
static size_t classification_text(const answer *w, size_t row, size_t class, char *to, size_t size)
{
    char number[LEATI_NUM_SIZE];
    leati_num_format(w->ask->proba[row * w->served->classes + class], number);
    int n = snprintf(to, size, "%s:%zu:%s", number, class,
                     leat_model_class_name(w->served->model, class));
    return n < 0 ? 0 : (size_t)n < size ? (size_t)n : size - 1;
}

static void put_u32(leati_reply *r, size_t n)
{
    unsigned char bytes[4] = {(unsigned char)n, (unsigned char)(n >> 8), (unsigned char)(n >> 16),
                              (unsigned char)(n >> 24)};
    leati_reply_raw(r, (const char *)bytes, sizeof bytes);
}

typedef enum part { PREDICTION, PROBABILITIES } part;
typedef struct selected {
    part what;
    bool binary;
    size_t classification;
    /* Bytes of its binary data, once its head is written. Where `amend` is not 0, the most they can
     * be: at that place of the answer their number, of as many digits, is written over. */
    size_t size, amend;
} selected;

enum { CLASS_TEXT = 512 };

static void classification_data(answer *w, const selected *o)
{
    char text[CLASS_TEXT];
    for (size_t i = 0; i < w->ask->rows; i++) {
        size_t class = SIZE_MAX;
        for (size_t k = 0; k < o->classification; k++) {
            class = next_class(w, i, class);
            size_t n = classification_text(w, i, class, text, sizeof text);
            if (i + k) LEATI_REPLY(&w->reply, ",");
            leati_reply_text(&w->reply, text, n);
        }
    }
}

static size_t binary_size(const answer *w, const selected *o)
{
    size_t size = 0;
    char text[CLASS_TEXT];
    if (o->classification) {
        for (size_t i = 0; i < w->ask->rows; i++) {
            size_t class = SIZE_MAX;
            for (size_t k = 0; k < o->classification; k++) {
                class = next_class(w, i, class);
                size += 4 + classification_text(w, i, class, text, sizeof text);
            }
        }
    } else if (o->what == PROBABILITIES) {
        size = w->ask->rows * w->served->classes * 8;
    } else if (w->served->classes) {
        const size_t *at = w->served->class_at;
        for (size_t i = 0; i < w->ask->rows; i++) {
            uint32_t k = class_of(w, i);
            size += at[k + 1] - at[k];
        }
    } else {
        size = w->ask->rows * 8;
    }
    return size;
}

/* Whether the names of so many rows take as many digits of bytes whatever the classes are: then
 * they are written at once, without adding up their lengths first. *most: bytes. */
static bool class_sizes(const answer *w, size_t *most)
{
    const size_t *at = w->served->class_at, classes = w->served->classes, rows = w->ask->rows;
    size_t low = SIZE_MAX, high = 0;
    if (rows < 1000 || rows < classes) return false;
    for (size_t k = 0; k < classes; k++) {
        size_t size = at[k + 1] - at[k];
        low = size < low ? size : low;
        high = size > high ? size : high;
    }
    *most = rows * high;
    for (size_t ten = 10; ten <= *most; ten *= 10)
        if (rows * low < ten) return false;
    return true;
}

/* Short ones by a copy of fixed length, over which the next one is written. Returns their bytes, at
 * most `size`. */
static size_t class_data(answer *w, size_t size)
{
    const leati_served *s = w->served;
    const double *value = w->ask->value;
    const char *bytes = s->class_bytes;
    const size_t *first = s->class_at;
    size_t rows = w->ask->rows;
    bool brief = s->class_short;
    if (!leati_reply_room(&w->reply, size + LEATI_CLASS_STEP)) return size;
    char *to = w->reply.at;
    for (size_t i = 0; brief && i < rows; i++) {
        const size_t *at = first + (uint32_t)value[i];
        memcpy(to, bytes + at[0], LEATI_CLASS_STEP);
        to += at[1] - at[0];
    }
    for (size_t i = 0; !brief && i < rows; i++) {
        const size_t *at = first + (uint32_t)value[i];
        memcpy(to, bytes + at[0], at[1] - at[0]);
        to += at[1] - at[0];
    }
    size = (size_t)(to - w->reply.at);
    w->reply.at = to;
    return size;
}

static void write_classes(answer *w, const selected *o)
{
    char digits[24];
    size_t size = class_data(w, o->size);
    if (!o->amend) return;
    int n = snprintf(digits, sizeof digits, "%zu", size);
    leati_reply_amend(&w->reply, o->amend, digits, (size_t)n);
}

static void classification_bytes(answer *w, const selected *o)
{
    leati_reply *r = &w->reply;
    char text[CLASS_TEXT];
    for (size_t i = 0; i < w->ask->rows; i++) {
        size_t class = SIZE_MAX;
        for (size_t k = 0; k < o->classification; k++) {
            class = next_class(w, i, class);
            size_t n = classification_text(w, i, class, text, sizeof text);
            put_u32(r, n);
            leati_reply_raw(r, text, n);
        }
    }
}

static void binary_data(answer *w, const selected *o)
{
    const leati_answers *a = w->ask;
    leati_reply *r = &w->reply;
    if (o->classification) classification_bytes(w, o);
    else if (o->what == PROBABILITIES)
        leati_reply_raw(r, (const char *)a->proba, a->rows * a->classes * sizeof *a->proba);
    else if (w->served->classes) write_classes(w, o);
    else leati_reply_raw(r, (const char *)a->value, a->rows * sizeof *a->value);
}

static void write_output(answer *w, selected *o)
{
    static const char *const types[] = {
        [LEAT_F64] = "FP64", [LEAT_I64] = "INT64", [LEAT_STRING] = "BYTES"};
    leati_reply *r = &w->reply;
    size_t second = o->classification          ? o->classification
                    : o->what == PROBABILITIES ? w->served->classes
                                               : 0;
    if (o->what == PREDICTION) LEATI_REPLY(r, "{\"name\":\"prediction\",\"datatype\":\"");
    else LEATI_REPLY(r, "{\"name\":\"probabilities\",\"datatype\":\"");
    const char *type = o->classification          ? "BYTES"
                       : o->what == PROBABILITIES ? "FP64"
                                                  : types[w->served->answer];
    leati_reply_raw(r, type, strlen(type));
    LEATI_REPLY(r, "\",\"shape\":[");
    leati_reply_unsigned(r, w->ask->rows);
    if (second) {
        LEATI_REPLY(r, ",");
        leati_reply_unsigned(r, second);
    }
    if (o->binary) {
        LEATI_REPLY(r, "],\"parameters\":{\"binary_data_size\":");
        bool classes = !o->classification && o->what == PREDICTION && w->served->classes;
        if (classes && class_sizes(w, &o->size)) o->amend = leati_reply_length(r);
        else o->size = binary_size(w, o);
        leati_reply_unsigned(r, o->size);
        LEATI_REPLY(r, "}}");
        return;
    }
    LEATI_REPLY(r, "],\"data\":[");
    if (o->classification) classification_data(w, o);
    else if (o->what == PREDICTION) prediction_data(w);
    else probability_data(w);
    LEATI_REPLY(r, "]}");
}

/* ---- the choice of outputs --------------------------------------------------------------------
 */

/* What outlives the reading of a request. */
typedef struct question {
    leati_json_value id;
    selected out[2];
    size_t count;
} question;

static bool choose(leati_infer_in *in, const leati_served *s, selected out[2], size_t *count)
{
    *count = 0;
    if (!in->outputs_given) {
        out[(*count)++] = (selected){.what = PREDICTION, .binary = in->binary_output};
        if (s->probabilities)
            out[(*count)++] = (selected){.what = PROBABILITIES, .binary = in->binary_output};
        return true;
    }
    for (size_t i = 0; i < in->output_count; i++) {
        const leati_output_in *o = &in->outputs[i];
        part what = LEATI_JSON_IS(&o->name, "prediction") ? PREDICTION : PROBABILITIES;
        if (what == PROBABILITIES &&
            (!s->probabilities || !LEATI_JSON_IS(&o->name, "probabilities")))
            return leati_fault_set(in->fault, 400, "invalid_request",
                                   "the model '%.*s' has no output '%.*s'; it has prediction%s",
                                   LEATI_CLIP(s->name, strlen(s->name)),
                                   LEATI_CLIP(o->name.text, o->name.length),
                                   s->probabilities ? " and probabilities" : "");
        for (size_t k = 0; k < *count; k++)
            if (out[k].what == what)
                return leati_fault_set(in->fault, 400, "invalid_request",
                                       "the output '%.*s' stands twice",
                                       LEATI_CLIP(o->name.text, o->name.length));
        if (o->classification && !s->probabilities)
            return leati_fault_set(in->fault, 400, "invalid_request",
                                   "classification is for models with probabilities");
        size_t most = o->classification < s->classes ? o->classification : s->classes;
        bool binary = o->binary < 0 ? in->binary_output : o->binary;
        out[(*count)++] = (selected){what, binary, most, 0, 0};
    }
    return true;
}

static bool finite_in_json(leati_call *call, const leati_answers *a, const selected *o)
{
    if (o->binary || o->classification) return true;
    bool proba = o->what == PROBABILITIES;
    const double *v = proba ? a->proba : a->value;
    size_t n = proba ? a->rows * a->classes : a->rows;
    for (size_t i = 0; i < n; i++)
        if (!isfinite(v[i]))
            return leati_fault_set(&call->fault, 422, "not_finite",
                                   "answer %zu is not finite, which JSON cannot say; ask for "
                                   "binary output",
                                   i);
    return true;
}

void leati_oip_write_id(leati_reply *r, const leati_json_value *id)
{
    char plain[1024];
    if (id->kind != LEATI_JSON_STRING) return;
    LEATI_REPLY(r, "\"id\":");
    if (id->escaped) leati_reply_text(r, plain, leati_json_unescape(id, plain));
    else leati_reply_text(r, id->text, id->length);
    LEATI_REPLY(r, ",");
}

static void write_answer(answer *w, const question *q)
{
    size_t count = q->count;
    selected out[2];
    memcpy(out, q->out, sizeof out);
    leati_reply *r = &w->reply;
    leati_http_exchange *exchange = w->call->exchange;
    bool binary = false;
    leati_reply_init(r, exchange);
    LEATI_REPLY(r, "{\"model_name\":\"");
    leati_reply_raw(r, w->served->name, strlen(w->served->name));
    LEATI_REPLY(r, "\",\"model_version\":\"");
    leati_reply_raw(r, w->served->version_text, strlen(w->served->version_text));
    LEATI_REPLY(r, "\",");
    leati_oip_write_id(r, &q->id);
    LEATI_REPLY(r, "\"outputs\":[");
    for (size_t i = 0; i < count; i++) {
        if (i) LEATI_REPLY(r, ",");
        write_output(w, &out[i]);
        binary |= out[i].binary;
    }
    LEATI_REPLY(r, "]}");
    if (binary) {
        char head[24];
        snprintf(head, sizeof head, "%zu", leati_reply_length(r));
        leati_exchange_header(exchange, "Inference-Header-Content-Length", head);
        for (size_t i = 0; i < count; i++)
            if (out[i].binary) binary_data(w, &out[i]);
    }
    leati_exchange_header(exchange, "Content-Type",
                          binary ? "application/octet-stream" : "application/json");
    leati_reply_end(r);
}

/* ---- the route --------------------------------------------------------------------------------
 */

static bool read_head(leati_call *call, size_t *head)
{
    leati_http_text text =
        leati_exchange_header_in(call->exchange, "inference-header-content-length");
    int64_t value;
    *head = call->request->body_length;
    if (!text.data) return true;
    if (text.length && *text.data != '-' && *text.data != '+' &&
        leati_int_parse(text.data, text.length, &value)) {
        *head = (size_t)value;
        return true;
    }
    return leati_fault_set(&call->fault, 400, "invalid_request",
                           "Inference-Header-Content-Length is no length: '%.*s'",
                           LEATI_CLIP(text.data, text.length));
}

bool leati_oip_read(leati_call *call, leati_infer_in *in, bool *raw)
{
    size_t head, size = call->request->body_length;
    bool padded = false;
    *raw = false;
    if (!read_head(call, &head)) return false;
    *raw = head == 0 && size > 0;
    if (*raw) return true;
    const char *body = head == size ? leati_call_body(call, &padded) : call->request->body;
    return leati_infer_read(in, &call->desk->room, body, head, size, padded, &call->fault);
}

static bool read_request(leati_call *call, leati_infer_in *in, const leati_served *s)
{
    bool raw;
    return leati_oip_read(call, in, &raw) && (!raw || read_raw(call, in, s));
}

static bool write_infer(leati_call *call, const void *state)
{
    const question *q = state;
    answer w = {.call = call, .served = call->served, .ask = &call->answers};
    for (size_t i = 0; i < q->count; i++)
        if (!finite_in_json(call, &call->answers, &q->out[i])) return false;
    write_answer(&w, q);
    return true;
}

/* The id lies in the body itself, not in the copy of it that the desk has for one request. */
static leati_json_value kept_id(const leati_call *call, const leati_infer_in *in)
{
    leati_json_value id = in->id;
    const char *copy = call->desk->body;
    if (id.text >= copy && id.text < copy + LEATI_SHORT_BODY)
        id.text = (const char *)call->request->body + (id.text - copy);
    return id;
}

int leati_route_oip_infer(leati_call *call)
{
    leati_served *s = leati_call_served(call);
    leati_infer_in in;
    question q;
    if (!s) return 0;
    if (s->graph) {
        call->served = s;
        return leati_oip_infer_graph(call);
    }
    leati_ask *a = leati_call_begin(call, s, false);
    if (!a || !read_request(call, &in, s) || !choose(&in, s, q.out, &q.count))
        return leati_call_refuse(call);
    for (size_t i = 0; i < q.count; i++)
        if (q.out[i].what == PROBABILITIES || q.out[i].classification) leati_call_want(call);
    bool matrix = s->matrix && in.tensor_count == 1;
    if (matrix) leati_ahead_use(call, in.room->tensors);
    if (!(matrix ? fill_matrix(&in, a, s) : fill_columns(&in, a, s)))
        return leati_call_refuse(call);
    q.id = kept_id(call, &in);
    return leati_call_run(call, write_infer, &q, sizeof q);
}
