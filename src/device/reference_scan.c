/* Owns: SCAN and LOOP where memory is the host's: the steps around a body. The arithmetic is the
 * body's, which was compiled for the device. */
#include <string.h>

#include "base/error.h"
#include "device/reference_kernels.h"

enum { INPUTS = 1024, ALIGN = 64 };

static size_t bytes_of(const leati_operand *o)
{
    return leati_operand_count(o) * leat_dtype_size(o->dtype);
}

static size_t rounded(size_t bytes)
{
    return (bytes + ALIGN - 1) / ALIGN * ALIGN;
}

/* Two buffers for the states: a step reads one and writes the other. */
static size_t scratch(const leat_context *c, const leati_step *s)
{
    (void)c;
    const leati_scan_attrs *a = s->attrs;
    size_t sum = 0;
    for (size_t i = 0; i < a->states; i++) sum += rounded(bytes_of(&s->out[i]));
    return 2 * sum;
}

/* Addresses of the states: before the first step those of the inputs from `first` on. */
static void begin(const leati_step *s, size_t first, const void **at)
{
    const leati_scan_attrs *a = s->attrs;
    for (size_t i = 0; i < a->states; i++) at[i] = s->in[first + i].data;
}

/* Copies the new states, body->out[from ...], into the buffer of the step. */
static void keep_states(const leati_step *s, size_t from, size_t parity, const void **at)
{
    const leati_scan_attrs *a = s->attrs;
    char *to = (char *)s->scratch + (parity ? s->scratch_bytes / 2 : 0);
    for (size_t i = 0; i < a->states; i++) {
        size_t bytes = bytes_of(&s->out[i]);
        if (bytes) memcpy(to, a->body->out[from + i], bytes);
        at[i] = to;
        to += rounded(bytes);
    }
}

static void finish(const leati_step *s, const void *const *at)
{
    const leati_scan_attrs *a = s->attrs;
    for (size_t i = 0; i < a->states; i++) {
        size_t bytes = bytes_of(&s->out[i]);
        if (bytes) memcpy(s->out[i].data, at[i], bytes);
    }
}

static leat_status scan(leat_context *c, const leati_step *s)
{
    const leati_scan_attrs *a = s->attrs;
    const void *in[INPUTS];
    size_t length = (size_t)a->length, first = a->states, others = first + a->sequences;
    begin(s, 0, in);
    for (size_t i = others; i < s->ins; i++) in[i] = s->in[i].data;
    for (size_t t = 0; t < length; t++) {
        size_t at = a->reverse ? length - 1 - t : t;
        for (size_t i = first; i < others; i++)
            in[i] = (const char *)s->in[i].data + at * (bytes_of(&s->in[i]) / length);
        for (size_t i = 0; a->keep && i < a->states; i++) {
            size_t bytes = bytes_of(&s->out[i]);
            char *kept = s->out[a->states + a->results + i].data;
            if (bytes) memcpy(kept + at * bytes, in[i], bytes);
        }
        LEATI_TRY(a->body->run(c, a->body, in));
        for (size_t i = a->states; i < (size_t)a->states + a->results; i++) {
            size_t bytes = bytes_of(&s->out[i]) / length;
            if (bytes) memcpy((char *)s->out[i].data + at * bytes, a->body->out[i], bytes);
        }
        keep_states(s, 0, t % 2, in);
    }
    finish(s, in);
    return LEAT_OK;
}

const leati_kernel leati_reference_scan = {.run = scan, .scratch = scratch};

static leat_status loop(leat_context *c, const leati_step *s)
{
    const leati_scan_attrs *a = s->attrs;
    const void *in[INPUTS + 1];
    int64_t step = 0;
    bool go = *(const uint8_t *)s->in[0].data != 0;
    in[0] = &step;
    begin(s, 1, in + 1);
    for (size_t i = 1 + (size_t)a->states; i < s->ins; i++) in[i] = s->in[i].data;
    for (; go && step < a->length; step++) {
        LEATI_TRY(a->body->run(c, a->body, in));
        go = *(const uint8_t *)a->body->out[0] != 0;
        keep_states(s, 1, (size_t)step % 2, in + 1);
    }
    finish(s, in + 1);
    *(int64_t *)s->out[a->states].data = step;
    return LEAT_OK;
}

const leati_kernel leati_reference_loop = {.run = loop, .scratch = scratch};
