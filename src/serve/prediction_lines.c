/* Owns: the text of the prediction log. Not: which requests are logged (watch_hooks.c), nor files
 * (line_log.c). */
#include "serve/prediction_lines.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/num.h"
#include "frame/frame.h"
#include "frame/infer.h"
#include "model/session_look.h"
#include "serve/reply.h"
#include "serve/route.h"

enum { NUMBER = LEATI_NUM_SIZE + 1, TIME = 42, FIXED = 256, ID = 6 * 64 };

/* ---- what all lines share ---------------------------------------------------------------------
 */

/* "prefix" and `name` as the name of a JSON member: `"p_setosa":`. */
static char *member_name(leat_context *c, const char *prefix, const char *name)
{
    size_t n = strlen(prefix) + strlen(name), size;
    char *plain = leati_alloc(c, n + 1), *text = leati_alloc(c, 6 * n + 4);
    if (plain && text) {
        leati_reply r;
        memcpy(plain, prefix, strlen(prefix));
        memcpy(plain + strlen(prefix), name, strlen(name));
        leati_reply_fixed(&r, text, 6 * n + 3);
        leati_reply_text(&r, plain, n);
        LEATI_REPLY(&r, ":");
        size = leati_reply_length(&r);
        text[size] = '\0';
    } else {
        leati_free(text);
        text = NULL;
    }
    leati_free(plain);
    return text;
}

static bool redacted(const leati_watch *w, const char *name)
{
    for (size_t i = 0; i < w->options.redact_count; i++)
        if (strcmp(w->redact[i], name) == 0) return true;
    return false;
}

/* Bytes of an array's line beside its elements and name, at most; in base 64. */
enum { ARRAY_LINE = 160, HASH_LINE = 64 };

static size_t packed(size_t bytes)
{
    return (bytes + 2) / 3 * 4;
}

static size_t item_size(leati_item item)
{
    return item == LEATI_ITEM_U8 ? 1 : item == LEATI_ITEM_F32 ? sizeof(float) : sizeof(double);
}

static leat_status name_inputs(leat_context *c, leati_watched *d)
{
    const leati_served *s = d->served;
    d->input_names = LEATI_NEW(c, char *, s->inputs + 1);
    if (!d->input_names) return leat_error_status(c);
    for (size_t i = 0; i < s->inputs; i++) {
        const leati_port *p = &s->ports[i];
        bool array = p->role == LEATI_ROLE_ARRAY;
        leati_log_arrays arrays = d->watch->options.arrays;
        if (redacted(d->watch, p->name) || (array && arrays == LEATI_LOG_NONE)) continue;
        d->input_names[i] = member_name(c, "", p->name);
        if (!d->input_names[i]) return leat_error_status(c);
        d->line_most += strlen(d->input_names[i]) + NUMBER + TIME;
        if (array)
            d->line_most +=
                ARRAY_LINE +
                (arrays == LEATI_LOG_BYTES ? packed(p->elements * item_size(p->item)) : HASH_LINE);
    }
    return LEAT_OK;
}

leat_status leati_prediction_lines_prepare(leat_context *c, leati_watched *d)
{
    const leati_served *s = d->served;
    LEATI_TRY(name_inputs(c, d));
    d->proba_names = LEATI_NEW(c, char *, s->classes + 1);
    if (!d->proba_names) return leat_error_status(c);
    for (size_t k = 0; s->probabilities && k < s->classes; k++) {
        d->proba_names[k] = member_name(c, "p_", leat_model_class_name(s->model, k));
        if (!d->proba_names[k]) return leat_error_status(c);
        d->line_most += strlen(d->proba_names[k]) + NUMBER;
    }
    /* Names of models need no escapes. */
    size_t size = strlen(s->name) + strlen(s->version_text) + 64;
    d->line_middle = leati_alloc(c, size);
    if (!d->line_middle) return leat_error_status(c);
    snprintf(d->line_middle, size, ",\"model\":\"%s\",\"version\":\"%s\",\"arm\":\"", s->name,
             s->version_text);
    d->line_most += FIXED + ID + size + s->class_longest;
    return LEAT_OK;
}

void leati_prediction_lines_free(leati_watched *d)
{
    for (size_t i = 0; d->input_names && i < d->served->inputs; i++) leati_free(d->input_names[i]);
    for (size_t k = 0; d->proba_names && k < d->served->classes; k++) leati_free(d->proba_names[k]);
    leati_free(d->input_names);
    leati_free(d->proba_names);
    leati_free(d->line_middle);
}

/* ---- a line -----------------------------------------------------------------------------------
 */

static void write_category(leati_reply *r, const leati_port *p, const leati_cell *cell)
{
    double number;
    bool bare = (p->type == LEAT_I64 || p->type == LEAT_F64) &&
                leati_num_parse(cell->text, cell->length, &number) && number - number == 0;
    bool truth = p->type == LEAT_BOOL && ((cell->length == 4 && !memcmp(cell->text, "true", 4)) ||
                                          (cell->length == 5 && !memcmp(cell->text, "false", 5)));
    if (bare) leati_reply_number(r, number);
    else if (truth) leati_reply_raw(r, cell->text, cell->length);
    else leati_reply_text(r, cell->text, cell->length);
}

static void write_base64(leati_reply *r, const uint8_t *data, size_t size)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char text[512];
    size_t n = 0;
    for (size_t i = 0; i < size; i += 3) {
        size_t left = size - i;
        uint32_t group = (uint32_t)data[i] << 16 | (left > 1 ? (uint32_t)data[i + 1] << 8 : 0) |
                         (left > 2 ? data[i + 2] : 0);
        for (int shift = 18; shift >= 0; shift -= 6) text[n++] = digits[group >> shift & 63];
        if (left < 3) text[n - 1] = '=';
        if (left < 2) text[n - 2] = '=';
        if (n < sizeof text && left > 3) continue;
        leati_reply_raw(r, text, n);
        n = 0;
    }
}

static void write_sha256(leati_reply *r, leati_sha256 h, const uint8_t *data, size_t size)
{
    static const char digits[] = "0123456789abcdef";
    uint8_t digest[32];
    char text[64];
    leati_sha256_add(&h, data, size);
    leati_sha256_end(&h, digest);
    for (int i = 0; i < 64; i++) text[i] = digits[digest[i / 2] >> (i % 2 ? 0 : 4) & 15];
    leati_reply_raw(r, text, sizeof text);
}

/* {"type":"u8","shape":[28,28,1],"sha256":"..."}, or "data" in base 64: the elements as they lie in
 * memory, little-endian. */
static void write_array(leati_reply *r, const leati_watched *d, const leati_ask *a, size_t row,
                        size_t input)
{
    const leati_column *col = leati_session_frame(a->session)->column[input];
    static const char *const types[] = {"u8", "f32", "f64"};
    size_t size = col->length * item_size(col->item);
    const uint8_t *data = (const uint8_t *)col->data + row * size;
    LEATI_REPLY(r, "{\"type\":\"");
    leati_reply_raw(r, types[col->item], strlen(types[col->item]));
    LEATI_REPLY(r, "\",\"shape\":[");
    for (int k = 0; k < 3; k++) {
        if (k) LEATI_REPLY(r, ",");
        leati_reply_unsigned(r, col->shape[k]);
    }
    if (d->watch->options.arrays == LEATI_LOG_BYTES) {
        LEATI_REPLY(r, "],\"data\":\"");
        write_base64(r, data, size);
    } else {
        LEATI_REPLY(r, "],\"sha256\":\"");
        write_sha256(r, d->watch->blank, data, size);
    }
    LEATI_REPLY(r, "\"}");
}

static void write_input(leati_reply *r, const leati_watched *d, const leati_ask *a, size_t row,
                        size_t input)
{
    char time[40];
    const leati_port *p = &d->served->ports[input];
    if (p->role == LEATI_ROLE_ARRAY) {
        write_array(r, d, a, row, input);
        return;
    }
    leati_cell cell = leati_ask_cell(a, row, input, p->role);
    if (cell.missing) {
        LEATI_REPLY(r, "null");
    } else if (p->role == LEATI_ROLE_TIME) {
        size_t n = leati_time_format(leati_ask_when(a, row, input), false, time);
        LEATI_REPLY(r, "\"");
        leati_reply_raw(r, time, n);
        LEATI_REPLY(r, "\"");
    } else if (p->role != LEATI_ROLE_NUMBER) {
        write_category(r, p, &cell);
    } else if (p->type == LEAT_BOOL && (cell.number == 0 || cell.number == 1)) {
        leati_reply_raw(r, cell.number == 1 ? "true" : "false", cell.number == 1 ? 4 : 5);
    } else {
        leati_reply_number(r, cell.number);
    }
}

static void write_inputs(leati_reply *r, const leati_watched *d, const leati_ask *a, size_t row)
{
    bool first = true;
    LEATI_REPLY(r, "\",\"inputs\":{");
    for (size_t i = 0; i < d->served->inputs; i++) {
        const char *name = d->input_names[i];
        if (!name) continue;
        if (!first) LEATI_REPLY(r, ",");
        leati_reply_raw(r, name, strlen(name));
        write_input(r, d, a, row, i);
        first = false;
    }
}

static void write_outputs(leati_reply *r, const leati_watched *d, const leati_ask *a, size_t answer)
{
    const leati_served *s = d->served;
    LEATI_REPLY(r, "},\"outputs\":{\"prediction\":");
    if (s->classes) {
        size_t k = (size_t)a->value[answer];
        leati_reply_raw(r, s->class_json[k], s->class_length[k]);
    } else {
        leati_reply_number(r, a->value[answer]);
    }
    for (size_t k = 0; a->wants_proba && k < s->classes; k++) {
        LEATI_REPLY(r, ",");
        leati_reply_raw(r, d->proba_names[k], strlen(d->proba_names[k]));
        leati_reply_number(r, a->proba[answer * s->classes + k]);
    }
    LEATI_REPLY(r, "}}\n");
}

/* Bytes that the texts of a row may take. */
static size_t texts_most(const leati_watched *d, const leati_ask *a, size_t row)
{
    size_t most = 0;
    for (size_t i = 0; i < d->served->inputs; i++) {
        leati_role role = d->served->ports[i].role;
        if (!d->input_names[i] || (role != LEATI_ROLE_CATEGORY && role != LEATI_ROLE_TOKENS))
            continue;
        leati_cell cell = leati_ask_cell(a, row, i, role);
        if (!cell.missing) most += 6 * cell.length + 2;
    }
    return most;
}

void leati_prediction_lines_write(const leati_watched *d, const leati_watch_part *p, const char *ts)
{
    leati_arm of = p->call->arm;
    const char *arm = leati_arm_name(of == LEATI_ARM_NONE ? LEATI_ARM_STABLE : of);
    leati_line_ring *ring = &d->watch->predictions.rings[p->call->slot];
    for (size_t i = 0; i < p->count; i++) {
        leati_reply r;
        size_t most = d->line_most + texts_most(d, p->ask, p->row + i);
        char *line = leati_line_ring_room(ring, most);
        if (!line) continue;
        leati_reply_fixed(&r, line, most);
        LEATI_REPLY(&r, "{\"ts\":\"");
        leati_reply_raw(&r, ts, strlen(ts));
        LEATI_REPLY(&r, "\",\"request_id\":");
        leati_reply_string(&r, p->call->request->id);
        LEATI_REPLY(&r, ",\"row\":");
        leati_reply_unsigned(&r, p->answer + i - p->first);
        leati_reply_raw(&r, d->line_middle, strlen(d->line_middle));
        leati_reply_raw(&r, arm, strlen(arm));
        write_inputs(&r, d, p->ask, p->row + i);
        write_outputs(&r, d, p->ask, p->answer + i);
        if (leati_line_ring_put(ring, leati_reply_length(&r))) pthread_cond_signal(&d->watch->wake);
    }
}
