/* Owns: the life of a context, its first error, its log. */
#include "base/context.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/conditions.h"
#include "base/error.h"

#define STATUS_NAME(code, name, text) [code] = #name,
#define STATUS_TEXT(code, name, text) [code] = text,
static const char *const status_names[] = {LEAT_STATUS_LIST(STATUS_NAME)};
static const char *const status_texts[] = {LEAT_STATUS_LIST(STATUS_TEXT)};
enum { STATUS_COUNT = sizeof status_names / sizeof *status_names };

const char *leat_status_name(leat_status status)
{
    return (unsigned)status < STATUS_COUNT ? status_names[status] : "UNKNOWN";
}

const char *leat_status_text(leat_status status)
{
    return (unsigned)status < STATUS_COUNT ? status_texts[status] : "unknown status";
}

const char *leat_version(void)
{
    return LEAT_VERSION;
}

leat_context_options leat_context_options_default(void)
{
    leat_context_options o = {.struct_size = sizeof o, .seed = 1};
    return o;
}

static leat_status choose_cpu(const char *name, leati_cpu_level *out)
{
    if (!name) name = getenv("LEAT_CPU");
    if (!name || !*name) {
        *out = leati_cpu_best();
        return LEAT_OK;
    }
    if (!leati_cpu_level_parse(name, out) || !leati_cpu_has(*out)) return LEAT_INVALID;
    return LEAT_OK;
}

leat_status leat_context_create(leat_context **out, const leat_context_options *options)
{
    leat_context_options o = leat_context_options_default();
    *out = NULL;
    if (options) {
        if (options->struct_size == 0 || options->struct_size > sizeof o) return LEAT_INVALID;
        memcpy(&o, options, options->struct_size);
    }
    const leat_allocator *a = o.allocator;
    if (a && (!a->alloc || !a->free)) return LEAT_INVALID;
    if ((unsigned)o.precision > LEAT_PRECISION_BF16) return LEAT_INVALID;
    leati_cpu_level cpu;
    if (choose_cpu(o.cpu, &cpu) != LEAT_OK) return LEAT_INVALID;
    leati_heap *heap = leati_heap_create(a, o.max_bytes);
    if (!heap) return LEAT_NOMEM;
    leat_status why;
    leat_context *c = leati_heap_alloc(heap, sizeof *c, &why);
    if (!c) {
        leati_heap_release(heap);
        return why;
    }
    *c = (leat_context){.heap = heap,
                        .threads = o.threads ? o.threads : leati_cpu_count(),
                        .cpu = cpu,
                        .precision = o.precision,
                        .seed = o.seed,
                        .log = o.log,
                        .log_user = o.log_user,
                        .progress = o.progress,
                        .progress_user = o.progress_user};
    *out = c;
    return LEAT_OK;
}

leat_status leati_context_branch(const leat_context *parent, leat_context **out)
{
    leat_status why;
    leat_context *c = leati_heap_alloc(parent->heap, sizeof *c, &why);
    *out = c;
    if (!c) return why;
    *c = (leat_context){.heap = leati_heap_retain(parent->heap),
                        .threads = 1,
                        .cpu = parent->cpu,
                        .precision = parent->precision,
                        .seed = parent->seed,
                        .made_up = parent->made_up};
    return LEAT_OK;
}

bool leati_context_made_up(const leat_context *c)
{
    return c->made_up;
}

bool leati_context_set_made_up(leat_context *c, bool made_up)
{
    bool before = c->made_up;
    c->made_up = made_up;
    return before;
}

leati_conditions leati_conditions_set(leat_context *c, leati_conditions now)
{
    leati_conditions was = {c->seed, c->cpu, c->precision, c->log};
    c->seed = now.seed;
    c->cpu = now.cpu;
    c->precision = now.precision;
    c->log = now.log;
    return was;
}

void leat_context_destroy(leat_context *c)
{
    if (!c) return;
    leati_pool_destroy(c->pool);
    leati_heap *heap = c->heap;
    leati_free(c);
    leati_heap_release(heap);
}

leat_status leat_error_status(const leat_context *c)
{
    return c->error;
}

const char *leat_error_message(const leat_context *c)
{
    return c->error_text;
}

const char *leat_error_place(const leat_context *c)
{
    return c->error_place;
}

void leat_error_clear(leat_context *c)
{
    c->error = LEAT_OK;
    c->error_text[0] = '\0';
    c->error_place[0] = '\0';
}

void leat_context_cancel(leat_context *c)
{
    atomic_store(&c->cancelled, true);
}

unsigned leat_context_threads(const leat_context *c)
{
    return c->threads;
}

uint64_t leat_context_seed(const leat_context *c)
{
    return c->seed;
}

const char *leat_context_cpu(const leat_context *c)
{
    return leati_cpu_level_name(c->cpu);
}

leati_cpu_level leati_context_cpu_level(const leat_context *c)
{
    return c->cpu;
}

leat_precision leat_context_precision(const leat_context *c)
{
    return c->precision;
}

uint64_t leat_context_bytes(const leat_context *c)
{
    return leati_heap_bytes(c->heap);
}

uint64_t leat_context_peak_bytes(const leat_context *c)
{
    return leati_heap_peak(c->heap);
}

static leat_status record(leat_context *c, leat_status status, const char *file, int line,
                          const char *format, va_list args)
{
    if (c->error != LEAT_OK || status == LEAT_OK) return status;
    vsnprintf(c->error_text, sizeof c->error_text, format, args);
    const char *slash = strrchr(file, '/');
    snprintf(c->error_place, sizeof c->error_place, "%s:%d", slash ? slash + 1 : file, line);
    c->error = status;
    return status;
}

leat_status leati_error(leat_context *c, leat_status status, const char *file, int line,
                        const char *format, ...)
{
    va_list args;
    va_start(args, format);
    record(c, status, file, line, format, args);
    va_end(args);
    return status;
}

leat_status leat_error_set(leat_context *c, leat_status status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    record(c, status, "caller", 0, format, args);
    va_end(args);
    return status;
}

leat_status leati_error_within(leat_context *c, const char *format, ...)
{
    char old[sizeof c->error_text];
    if (c->error == LEAT_OK) return LEAT_OK;
    memcpy(old, c->error_text, sizeof old);
    va_list args;
    va_start(args, format);
    int used = vsnprintf(c->error_text, sizeof c->error_text, format, args);
    va_end(args);
    size_t at = used < 0 ? 0 : (size_t)used;
    size_t room = at < sizeof c->error_text ? sizeof c->error_text - at : 0;
    if (room > 2) snprintf(c->error_text + at, room, ": %.*s", (int)(room - 3), old);
    return c->error;
}

leat_status leati_error_hint(leat_context *c, const char *format, ...)
{
    size_t at = strlen(c->error_text);
    if (c->error == LEAT_OK || at + 2 >= sizeof c->error_text) return c->error;
    c->error_text[at++] = '\n';
    va_list args;
    va_start(args, format);
    vsnprintf(c->error_text + at, sizeof c->error_text - at, format, args);
    va_end(args);
    return c->error;
}

void leati_log(leat_context *c, leat_log_level level, const char *format, ...)
{
    char text[1024];
    if (!c->log) return;
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    c->log(c->log_user, level, text);
}
