/* Owns: the exposition: names, labels, formats. Not: counting (watch_hooks.c), nor the measures of
 * drift (monitor/monitor_text.c). */
#include "serve/metrics.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/num.h"
#include "monitor/monitor.h"
#include "serve/route.h"

enum { KEYS_MOST = 1000, LABELS = 5 };

const char leati_metrics_type[] = "text/plain; version=0.0.4; charset=utf-8",
           leati_metrics_open_type[] = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/* Prometheus sends both with weights, OpenMetrics first; who does not name it does not get it. */
bool leati_metrics_wants_open(const char *accept, size_t length)
{
    static const char name[] = "application/openmetrics-text";
    size_t n = sizeof name - 1;
    for (size_t i = 0; accept && i + n <= length; i++)
        if (memcmp(accept + i, name, n) == 0) return true;
    return false;
}

/* ---- lines ------------------------------------------------------------------------------------
 */

typedef struct label {
    const char *name, *value;
} label;

typedef struct text {
    leati_str *out;
    bool open;
    const leati_metrics_source *source;
    /* The present family, for those that are written version by version. */
    const struct version_family *family;
} text;

typedef enum kind { GAUGE, COUNTER, HISTOGRAM } kind;

/* Of counters `name` is without "_total", which OpenMetrics keeps to the samples. */
static void family(text *t, kind k, const char *name, const char *help)
{
    static const char *const types[] = {"gauge", "counter", "histogram"};
    const char *total = k == COUNTER && !t->open ? "_total" : "";
    leati_str_addf(t->out, "# HELP %s%s %s\n# TYPE %s%s %s\n", name, total, help, name, total,
                   types[k]);
}

static void add_label(leati_str *out, bool first, const label *l)
{
    leati_str_addc(out, first ? '{' : ',');
    leati_str_add(out, l->name);
    leati_str_add(out, "=\"");
    leati_str_add_label(out, l->value);
    leati_str_addc(out, '"');
}

static void add_head(text *t, const char *name, const char *suffix, const label *labels)
{
    leati_str_add(t->out, name);
    leati_str_add(t->out, suffix);
    bool any = labels && labels[0].name;
    for (size_t i = 0; any && i < LABELS && labels[i].name; i++)
        add_label(t->out, i == 0, &labels[i]);
    leati_str_add(t->out, any ? "} " : " ");
}

static void end_whole(text *t, uint64_t value)
{
    leati_str_addu(t->out, value);
    leati_str_addc(t->out, '\n');
}

static void whole(text *t, const char *name, const char *suffix, const label *labels,
                  uint64_t value)
{
    add_head(t, name, suffix, labels);
    end_whole(t, value);
}

static void real(text *t, const char *name, const char *suffix, const label *labels, double value)
{
    char number[LEATI_NUM_SIZE];
    add_head(t, name, suffix, labels);
    size_t n = leati_num_format(isfinite(value) ? value : 0, number);
    number[n++] = '\n';
    leati_str_addn(t->out, number, n);
}

static void gauge(text *t, const char *name, const char *help, double value)
{
    family(t, GAUGE, name, help);
    real(t, name, "", NULL, value);
}

static void counter(text *t, const char *name, const char *help, uint64_t value)
{
    family(t, COUNTER, name, help);
    whole(t, name, "_total", NULL, value);
}

/* `0.25"} 17` and the end of the line. */
static void add_bucket(leati_str *out, const char *bound, uint64_t value)
{
    char line[64], *end = line + sizeof line, *at = end;
    size_t n = strlen(bound);
    *--at = '\n';
    do *--at = (char)('0' + value % 10);
    while (value /= 10);
    at -= n + 3;
    memcpy(at, bound, n);
    memcpy(at + n, "\"} ", 3);
    leati_str_addn(out, at, (size_t)(end - at));
}

/* The heads of a histogram's buckets, most of the text of many models, differ in their bounds
 * alone. */
static void add_buckets(text *t, const char *name, const label *labels, const char *const *bounds,
                        const uint64_t *in, size_t count)
{
    size_t from = t->out->length;
    bool any = labels && labels[0].name;
    uint64_t sum = 0;
    leati_str_add(t->out, name);
    leati_str_add(t->out, "_bucket");
    for (size_t i = 0; any && i < LABELS && labels[i].name; i++)
        add_label(t->out, i == 0, &labels[i]);
    leati_str_add(t->out, any ? ",le=\"" : "{le=\"");
    size_t head = t->out->length - from;
    for (size_t i = 0; i < count; i++) {
        if (i) leati_str_again(t->out, from, head);
        sum += in[i];
        add_bucket(t->out, i + 1 < count ? bounds[i] : "+Inf", sum);
    }
    whole(t, name, "_count", labels, sum);
}

/* As OpenMetrics wants numbers to be written. */
static const char *const seconds[LEATI_DURATIONS - 1] = {
    "2.5e-05", "5e-05", "0.0001", "0.00025", "0.0005", "0.001", "0.0025", "0.005", "0.01",
    "0.025",   "0.05",  "0.1",    "0.25",    "0.5",    "1.0",   "2.5",    "5.0",   "10.0"};
static const char *const sizes[LEATI_SIZES - 1] = {"1.0",   "2.0",   "4.0",    "8.0",
                                                   "16.0",  "32.0",  "64.0",   "128.0",
                                                   "256.0", "512.0", "1024.0", "2048.0"};

typedef struct durations {
    uint64_t in[LEATI_DURATIONS], ns;
} durations;

static void sum_durations(durations *sum, const leati_durations *d)
{
    for (size_t i = 0; i < LEATI_DURATIONS; i++) sum->in[i] += leati_count_get(&d->in[i]);
    sum->ns += leati_count_get(&d->ns);
}

static void add_durations(text *t, const char *name, const label *labels, const durations *d)
{
    add_buckets(t, name, labels, seconds, d->in, LEATI_DURATIONS);
    real(t, name, "_sum", labels, (double)d->ns / 1e9);
}

/* ---- the process ------------------------------------------------------------------------------
 */

static double resident_bytes(void)
{
    long pages = 0, skipped;
    FILE *f = fopen("/proc/self/statm", "re");
    if (!f) return 0;
    if (fscanf(f, "%ld %ld", &skipped, &pages) != 2) pages = 0;
    fclose(f);
    return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

static double open_files(void)
{
    DIR *d = opendir("/proc/self/fd");
    double count = 0;
    if (!d) return 0;
    while (readdir(d)) count++;
    closedir(d);
    return count > 3 ? count - 3 : 0; /* ".", ".." and the folder itself */
}

static void write_process(text *t)
{
    struct timespec cpu = {0};
    const leati_metrics_source *s = t->source;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
    family(t, COUNTER, "process_cpu_seconds", "Time of processors that the process used.");
    real(t, "process_cpu_seconds", "_total", NULL, (double)cpu.tv_sec + (double)cpu.tv_nsec / 1e9);
    gauge(t, "process_resident_memory_bytes", "Memory of the process that is resident.",
          resident_bytes());
    gauge(t, "process_open_fds", "Files and sockets that are open.", open_files());
    gauge(t, "process_start_time_seconds", "When the server was started, seconds since 1970.",
          s->watch->started);
    label info[LABELS] = {{"version", leat_version()}, {"cpu", s->cpu}};
    family(t, GAUGE, "leat_build_info",
           "1, with the version of Leat and the level of its kernels.");
    whole(t, "leat_build_info", "", info, 1);
    gauge(t, "leat_heap_bytes", "Memory held by the library.", (double)s->heap_bytes);
    gauge(t, "leat_ready", "1 while all models can be asked.", s->ready);
    gauge(t, "leat_workers", "Event loops.", s->watch->options.workers);
}

/* ---- HTTP -------------------------------------------------------------------------------------
 */

static void write_answers(text *t)
{
    static const char name[] = "leat_http_requests";
    const leati_watch *w = t->source->watch;
    family(t, COUNTER, name, "Answers by route and HTTP status.");
    for (size_t r = 0; r < LEATI_WATCH_ROUTES && r <= leati_route_count; r++) {
        const leati_route *route = r ? &leati_routes[r - 1] : NULL;
        for (size_t k = 0; k < LEATI_STATUSES; k++) {
            char code[12] = "other";
            uint64_t sum = 0;
            for (uint32_t i = 0; i < w->options.workers; i++)
                sum += leati_count_get(&w->desks[i].answers[r][k]);
            if (!sum) continue;
            if (k < LEATI_STATUSES - 1) snprintf(code, sizeof code, "%d", leati_status_counted[k]);
            label labels[LABELS] = {{"method", route ? leati_method_name(route->method) : "other"},
                                    {"route", route ? route->path : "none"},
                                    {"code", code}};
            whole(t, name, "_total", labels, sum);
        }
    }
}

static void write_http(text *t)
{
    const leati_watch *w = t->source->watch;
    uint64_t admitted = 0, done = 0, unsent = 0, received = 0, sent = 0;
    durations took = {{0}, 0};
    for (uint32_t i = 0; i < w->options.workers; i++) {
        const leati_watch_desk *d = &w->desks[i];
        done += leati_count_get(&d->done); /* first, so that the difference is never negative */
        admitted += leati_count_get(&d->admitted);
        unsent += leati_count_get(&d->unsent);
        received += leati_count_get(&d->received_bytes);
        sent += leati_count_get(&d->sent_bytes);
        sum_durations(&took, &d->http);
    }
    write_answers(t);
    family(t, HISTOGRAM, "leat_http_request_duration_seconds",
           "From the first byte of a request to the last of its answer.");
    add_durations(t, "leat_http_request_duration_seconds", NULL, &took);
    gauge(t, "leat_inflight_requests", "Requests that have begun and are not answered.",
          (double)(admitted > done ? admitted - done : 0));
    gauge(t, "leat_http_connections", "Connections that are open.", t->source->connections);
    counter(t, "leat_http_received_bytes", "Bodies of requests, unpacked.", received);
    counter(t, "leat_http_sent_bytes", "Answers with their heads.", sent);
    counter(t, "leat_http_lost_answers", "Answers whose connection was gone.", unsent);
    gauge(t, "leat_upload_bytes", "Models that are being uploaded, over 64 kB each.",
          (double)t->source->upload_bytes);
    gauge(t, "leat_request_body_bytes",
          "Bodies of other requests at hand, and answers that are not taken yet, over 64 kB each.",
          (double)t->source->body_bytes);
    gauge(t, "leat_queue_requests", "Requests that wait for a thread.", (double)t->source->waiting);
}

/* ---- versions ---------------------------------------------------------------------------------
 */

/* A family whose samples come from each version that is loaded. */
typedef struct version_family {
    const char *name, *help;
    kind kind;
    void (*write)(text *t, const leati_watched *d, const label *labels);
} version_family;

static uint32_t slots_of(const leati_watched *d)
{
    return d->watch->options.slots;
}

#define SUM_DURATIONS(function, member)                                                            \
    static void function(text *t, const leati_watched *d, const label *labels)                     \
    {                                                                                              \
        durations sum = {{0}, 0};                                                                  \
        for (uint32_t i = 0; i < slots_of(d); i++) sum_durations(&sum, &d->desks[i].member);       \
        add_durations(t, t->family->name, labels, &sum);                                           \
    }
SUM_DURATIONS(write_queue, queue)
SUM_DURATIONS(write_compute, compute)

/* Of the requests of an arm, with its label; outside of rollouts there is none. An arm without
 * requests has no samples, so that no version has more than it takes part in. */
static void write_arm(text *t, const leati_watched *d, const label *labels, leati_arm arm)
{
    durations sum = {{0}, 0};
    uint64_t count = 0;
    label all[LABELS] = {labels[0], labels[1]};
    if (arm != LEATI_ARM_NONE) all[2] = (label){"arm", leati_arm_name(arm)};
    for (uint32_t i = 0; i < slots_of(d); i++) sum_durations(&sum, &d->desks[i].request[arm]);
    for (size_t k = 0; k < LEATI_DURATIONS; k++) count += sum.in[k];
    if (count || arm == LEATI_ARM_NONE) add_durations(t, t->family->name, all, &sum);
}

static void write_request(text *t, const leati_watched *d, const label *labels)
{
    for (leati_arm arm = LEATI_ARM_NONE; arm < LEATI_ARM_SHADOW; arm++)
        write_arm(t, d, labels, arm);
}

static void write_mirrored(text *t, const leati_watched *d, const label *labels)
{
    write_arm(t, d, labels, LEATI_ARM_SHADOW);
}

#define SUM_COUNT(function, member, write_sum)                                                     \
    static void function(text *t, const leati_watched *d, const label *labels)                     \
    {                                                                                              \
        uint64_t sum = 0;                                                                          \
        for (uint32_t i = 0; i < slots_of(d); i++) sum += leati_count_get(&d->desks[i].member);    \
        write_sum;                                                                                 \
    }
SUM_COUNT(write_rows, asked_rows, whole(t, t->family->name, "_total", labels, sum))
SUM_COUNT(write_examples, example_rows, whole(t, t->family->name, "_total", labels, sum))
SUM_COUNT(write_input, input_ns, real(t, t->family->name, "_total", labels, (double)sum / 1e9))
SUM_COUNT(write_output, output_ns, real(t, t->family->name, "_total", labels, (double)sum / 1e9))

static void write_batches(text *t, const leati_watched *d, const label *labels)
{
    uint64_t in[LEATI_SIZES] = {0}, sum = 0;
    for (uint32_t i = 0; i < slots_of(d); i++) {
        for (size_t k = 0; k < LEATI_SIZES; k++) in[k] += leati_count_get(&d->desks[i].rows.in[k]);
        sum += leati_count_get(&d->desks[i].rows.sum);
    }
    add_buckets(t, t->family->name, labels, sizes, in, LEATI_SIZES);
    whole(t, t->family->name, "_sum", labels, sum);
}

static void write_failed_arm(text *t, const leati_watched *d, const label *labels, leati_arm arm)
{
    for (size_t k = 0; k < LEATI_STATUSES; k++) {
        char code[12] = "other";
        uint64_t sum = 0;
        for (uint32_t i = 0; i < slots_of(d); i++)
            sum += leati_count_get(&d->desks[i].failed[arm][k]);
        if (!sum) continue;
        if (k < LEATI_STATUSES - 1) snprintf(code, sizeof code, "%d", leati_status_counted[k]);
        label all[LABELS] = {labels[0], labels[1], {"code", code}};
        if (arm != LEATI_ARM_NONE) all[3] = (label){"arm", leati_arm_name(arm)};
        whole(t, t->family->name, "_total", all, sum);
    }
}

static void write_failed(text *t, const leati_watched *d, const label *labels)
{
    for (leati_arm arm = LEATI_ARM_NONE; arm < LEATI_ARM_SHADOW; arm++)
        write_failed_arm(t, d, labels, arm);
}

static void write_mirrored_failed(text *t, const leati_watched *d, const label *labels)
{
    write_failed_arm(t, d, labels, LEATI_ARM_SHADOW);
}

static void write_feedback(text *t, const leati_watched *d, const label *labels)
{
    static const char *const outcomes[LEATI_FEEDBACKS] = {"counted", "duplicate", "unknown",
                                                          "invalid"};
    for (size_t k = 0; k < LEATI_FEEDBACKS; k++) {
        uint64_t sum = 0;
        for (uint32_t i = 0; i < slots_of(d); i++) sum += leati_count_get(&d->desks[i].feedback[k]);
        label all[LABELS] = {labels[0], labels[1], {"outcome", outcomes[k]}};
        whole(t, t->family->name, "_total", all, sum);
    }
}

static void write_loaded(text *t, const leati_watched *d, const label *labels)
{
    real(t, t->family->name, "", labels, d->loaded);
}

static void write_made(text *t, const leati_watched *d, const label *labels)
{
    if (d->made > 0) real(t, t->family->name, "", labels, d->made);
}

static void write_watched(text *t, const leati_watched *d, const label *labels)
{
    whole(t, t->family->name, "", labels, d->live != NULL);
}

static void write_window(text *t, const leati_watched *d, const label *labels)
{
    if (d->live) whole(t, t->family->name, "", labels, leati_live_look(d->live).rows);
}

static void write_windows(text *t, const leati_watched *d, const label *labels)
{
    if (d->live) whole(t, t->family->name, "", labels, leati_live_look(d->live).windows);
}

static void write_state(text *t, const leati_watched *d, const label *labels)
{
    static const char *const states[] = {"unknown", "fresh", "watch", "stale"};
    leat_staleness state = d->live ? leati_live_state(d->live, NULL) : LEAT_MONITOR_UNKNOWN;
    for (size_t k = 0; d->live && k < 4; k++) {
        label all[LABELS] = {labels[0], labels[1], {"state", states[k]}};
        whole(t, t->family->name, "", all, (size_t)state == k);
    }
}

static const version_family version_families[] = {
    {"leat_request_duration_seconds", "Answering a request, with its time in a queue.", HISTOGRAM,
     write_request},
    {"leat_queue_duration_seconds", "Waiting for a thread or for other requests to share a run.",
     HISTOGRAM, write_queue},
    {"leat_compute_duration_seconds", "The model's own time for a request.", HISTOGRAM,
     write_compute},
    {"leat_batch_rows", "Rows of a run of the model.", HISTOGRAM, write_batches},
    {"leat_rows", "Rows that were predicted.", COUNTER, write_rows},
    {"leat_example_rows",
     "Rows marked by Leat-Example: predicted, and left out of drift, labels and prediction log.",
     COUNTER, write_examples},
    {"leat_input_seconds", "Time spent reading requests.", COUNTER, write_input},
    {"leat_output_seconds", "Time spent writing answers.", COUNTER, write_output},
    {"leat_failed_requests", "Requests to a model that were refused, by HTTP status.", COUNTER,
     write_failed},
    {"leat_mirrored_request_duration_seconds", "Answering a mirrored request, which nobody asked.",
     HISTOGRAM, write_mirrored},
    {"leat_mirrored_failed_requests", "Mirrored requests that were refused, by HTTP status.",
     COUNTER, write_mirrored_failed},
    {"leat_feedback", "Labels that came back, by what became of them.", COUNTER, write_feedback},
    {"leat_model_loaded_timestamp_seconds", "When the version was loaded, seconds since 1970.",
     GAUGE, write_loaded},
    {"leat_model_file_timestamp_seconds", "When its file was written, seconds since 1970.", GAUGE,
     write_made},
    {"leat_drift_watched",
     "1 where inputs and answers are compared with training; 0: the file does not say what that "
     "looked like, or drift is off.",
     GAUGE, write_watched},
    {"leat_window_rows", "Rows in the open window of drift.", GAUGE, write_window},
    {"leat_windows", "Closed windows of drift that are kept.", GAUGE, write_windows},
    {"leat_model_state", "1 for the state that the last window gave.", GAUGE, write_state},
};

static bool is_told(const leati_metrics_source *s, const leati_watched *d)
{
    return !s->asked_by || leati_serve_shows(s->asked_by, d->served->name);
}

static void write_version(void *user, leati_watched *d)
{
    text *t = user;
    if (!is_told(t->source, d)) return;
    label labels[LABELS] = {{"model", d->served->name}, {"version", d->served->version_text}};
    t->family->write(t, d, labels);
}

typedef struct drift_family {
    size_t number;
    const leati_metrics_source *source;
    leati_str *out;
} drift_family;

static void write_drift(void *user, leati_watched *d)
{
    const drift_family *f = user;
    if (d->live && is_told(f->source, d))
        leati_live_samples(d->live, f->number, d->served->name, d->served->version_text, f->out);
}

static void write_versions(text *t)
{
    leati_watch *w = t->source->watch;
    for (size_t i = 0; i < sizeof version_families / sizeof *version_families; i++) {
        t->family = &version_families[i];
        family(t, t->family->kind, t->family->name, t->family->help);
        leati_watch_each(w, write_version, t);
    }
    for (size_t i = 0; w->options.drift && i < LEATI_MONITOR_FAMILIES; i++) {
        drift_family f = {i, t->source, t->out};
        leati_monitor_family(i, t->out);
        leati_watch_each(w, write_drift, &f);
    }
}

/* ---- logs, keys -------------------------------------------------------------------------------
 */

static void write_logs(text *t)
{
    const leati_line_log *logs[] = {&t->source->watch->access, &t->source->watch->predictions};
    static const char *const names[] = {"access", "prediction"};
    family(t, COUNTER, "leat_log_lines", "Lines that were written.");
    for (size_t i = 0; i < 2; i++) {
        label labels[LABELS] = {{"log", names[i]}};
        if (logs[i]->path)
            whole(t, "leat_log_lines", "_total", labels, leati_count_get(&logs[i]->written));
    }
    family(t, COUNTER, "leat_log_dropped",
           "Lines that were lost: full (they came too fast), failed (they could not be written).");
    for (size_t i = 0; i < 2; i++) {
        label full[LABELS] = {{"log", names[i]}, {"reason", "full"}};
        label failed[LABELS] = {{"log", names[i]}, {"reason", "failed"}};
        if (!logs[i]->path) continue;
        whole(t, "leat_log_dropped", "_total", full, leati_line_log_dropped(logs[i]));
        whole(t, "leat_log_dropped", "_total", failed, leati_count_get(&logs[i]->lost));
    }
}

static void write_keys(text *t)
{
    static const struct {
        const char *name, *help;
    } families[LEATI_KEY_USES] = {
        [LEATI_KEY_REQUESTS] = {"leat_key_requests", "Requests that a key was let in with."},
        [LEATI_KEY_ROWS] = {"leat_key_rows", "Rows that were predicted for a key."},
        [LEATI_KEY_BYTES] = {"leat_key_received_bytes", "Bodies that came with a key."},
        [LEATI_KEY_US] = {"leat_key_seconds", "Time spent answering a key."},
        [LEATI_KEY_ERRORS] = {"leat_key_errors", "Requests of a key that failed."},
        [LEATI_KEY_REFUSED] = {"leat_key_refused", "Requests of a key that were not let in."}};
    leati_key_use use;
    const struct leati_call *by = t->source->asked_by;
    const leati_key_state *own = by ? leati_exchange_user(by->exchange) : NULL;
    if (!t->source->keys) return;
    for (size_t k = 0; k < LEATI_KEY_USES; k++) {
        const leati_key_state *at = NULL;
        family(t, COUNTER, families[k].name, families[k].help);
        for (size_t n = 0; n < KEYS_MOST && (at = leati_keys_next(t->source->keys, at, &use));
             n++) {
            if (by && at != own) continue;
            label labels[LABELS] = {{"key", leati_key_name(at)}};
            if (k == LEATI_KEY_US)
                real(t, families[k].name, "_total", labels, (double)use.of[k] / 1e6);
            else whole(t, families[k].name, "_total", labels, use.of[k]);
        }
    }
}

void leati_metrics_write(const leati_metrics_source *source, bool open, leati_str *out)
{
    text t = {.out = out, .open = open, .source = source};
    atomic_size_t *last = &source->watch->metrics_bytes; /* room for as much at once */
    size_t room = atomic_load_explicit(last, memory_order_relaxed);
    if (leati_grow(out->context, &out->text, &out->capacity, room + room / 16 + 1, 1) == LEAT_OK)
        out->text[out->length] = '\0';
    else out->status = LEAT_NOMEM;
    write_process(&t);
    write_http(&t);
    write_versions(&t);
    write_logs(&t);
    write_keys(&t);
    if (open) leati_str_add(out, "# EOF\n");
    if (out->length > room) atomic_store_explicit(last, out->length, memory_order_relaxed);
}
