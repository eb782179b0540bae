/* Owns: metrics.jsonl and TensorBoard's event files: records of a length, its checksum, an Event
 * message of protocol buffers and its checksum (CRC-32C, masked). */
#include "nn/train_log.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/str.h"

/* ---- metrics.jsonl -------------------------------------------------------------------------- */

static void add_number(leati_str *s, const char *name, double value)
{
    char text[LEATI_NUM_SIZE];
    if (!isfinite(value)) return; /* JSON has none */
    leati_num_dot(text, (size_t)snprintf(text, sizeof text, "%.9g", value));
    leati_str_addf(s, ",\"%s\":%s", name, text);
}

/* A rate is an f32: as few digits as give it again. */
static void add_rate(leati_str *s, const char *name, double rate)
{
    char text[LEATI_NUM_SIZE];
    int digits = 1, length;
    if (!isfinite(rate)) return;
    do length = snprintf(text, sizeof text, "%.*g", digits, rate);
    while (strtof(text, NULL) != (float)rate && digits++ < 9);
    leati_num_dot(text, (size_t)length);
    leati_str_addf(s, ",\"%s\":%s", name, text);
}

static void add_line(leati_str *s, size_t number, const leati_epoch *e)
{
    leati_str_addf(s, "{\"epoch\":%zu,\"step\":%llu", number, (unsigned long long)e->step);
    add_number(s, "loss", e->loss);
    add_number(s, "accuracy", e->accuracy);
    add_number(s, "validation_loss", e->validation_loss);
    add_number(s, "validation_accuracy", e->validation_accuracy);
    add_rate(s, "learning_rate", e->rate);
    add_number(s, "seconds", e->seconds);
    leati_str_add(s, "}\n");
}

/* ---- events --------------------------------------------------------------------------------- */

/* Castagnoli's polynomial, reflected. */
static uint32_t crc32c(const void *data, size_t bytes)
{
    const uint8_t *p = data;
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < bytes; i++) {
        crc ^= p[i];
        for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
    }
    return ~crc;
}

static uint32_t masked(uint32_t crc)
{
    return (crc >> 15 | crc << 17) + 0xa282ead8u;
}

static void add_little(leati_str *s, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++) leati_str_addc(s, (char)(value >> 8 * i & 0xff));
}

static void add_varint(leati_str *s, uint64_t value)
{
    for (; value > 127; value >>= 7) leati_str_addc(s, (char)((value & 127) | 128));
    leati_str_addc(s, (char)value);
}

static void add_double(leati_str *s, uint8_t tag, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    leati_str_addc(s, (char)tag);
    add_little(s, bits, 8);
}

static void add_bytes(leati_str *s, uint8_t tag, const char *data, size_t bytes)
{
    leati_str_addc(s, (char)tag);
    add_varint(s, bytes);
    leati_str_addn(s, data, bytes);
}

static void add_record(leati_str *out, const leati_str *event)
{
    uint8_t length[8];
    for (int i = 0; i < 8; i++) length[i] = (uint8_t)(event->length >> 8 * i & 0xff);
    leati_str_addn(out, (const char *)length, 8);
    add_little(out, masked(crc32c(length, 8)), 4);
    leati_str_addn(out, leati_str_text(event), event->length);
    add_little(out, masked(crc32c(leati_str_text(event), event->length)), 4);
}

/* Summary { value { tag, simple_value } } */
static void add_scalar(leati_str *summary, leat_context *c, const char *tag, double value)
{
    leati_str v;
    float single = (float)value;
    uint32_t bits;
    if (isnan(value)) return;
    memcpy(&bits, &single, sizeof bits);
    leati_str_init(&v, c);
    add_bytes(&v, 1 << 3 | 2, tag, strlen(tag));
    leati_str_addc(&v, 2 << 3 | 5);
    add_little(&v, bits, 4);
    add_bytes(summary, 1 << 3 | 2, leati_str_text(&v), v.length);
    leati_str_fini(&v);
}

/* Event { wall_time, step, summary } or, for the first, { wall_time, file_version }. */
static void add_event(leati_str *out, leat_context *c, double time, const leati_epoch *e)
{
    static const char version[] = "brain.Event:2";
    leati_str event, summary;
    leati_str_init(&event, c);
    leati_str_init(&summary, c);
    add_double(&event, 1 << 3 | 1, time);
    if (e) {
        leati_str_addc(&event, 2 << 3 | 0);
        add_varint(&event, e->step);
        add_scalar(&summary, c, "loss", e->loss);
        add_scalar(&summary, c, "accuracy", e->accuracy);
        add_scalar(&summary, c, "validation/loss", e->validation_loss);
        add_scalar(&summary, c, "validation/accuracy", e->validation_accuracy);
        add_scalar(&summary, c, "learning_rate", e->rate);
        add_bytes(&event, 5 << 3 | 2, leati_str_text(&summary), summary.length);
    } else {
        add_bytes(&event, 3 << 3 | 2, version, sizeof version - 1);
    }
    add_record(out, &event);
    leati_str_fini(&event);
    leati_str_fini(&summary);
}

/* ---- files ---------------------------------------------------------------------------------- */

static leat_status write_file(leat_context *c, const char *folder, const char *name,
                              const leati_str *s)
{
    char *path = leati_path_join(c, folder, name);
    leat_status st = path ? leat_error_status(c) : LEAT_NOMEM;
    if (st == LEAT_OK) st = leati_file_write(c, path, leati_str_text(s), s->length);
    leati_free(path);
    return st;
}

leat_status leati_train_log_write(leat_context *c, const char *folder, const leati_history *h)
{
    leati_str lines, events;
    leati_str_init(&lines, c);
    leati_str_init(&events, c);
    add_event(&events, c, h->count ? h->epoch[0].ended - h->epoch[0].seconds : 0, NULL);
    for (size_t i = 0; i < h->count; i++) {
        add_line(&lines, i + 1, &h->epoch[i]);
        add_event(&events, c, h->epoch[i].ended, &h->epoch[i]);
    }
    leat_status st = write_file(c, folder, "metrics.jsonl", &lines);
    if (st == LEAT_OK) st = write_file(c, folder, "events.out.tfevents.leat", &events);
    leati_str_fini(&lines);
    leati_str_fini(&events);
    return st;
}
