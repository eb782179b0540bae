/* Owns: the queue of mirrored requests, the thread that asks them, the comparison of answers. Not:
 * what is mirrored, and what follows (rollouts.c). */
#include "serve/shadow.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "serve/http_detached.h"

enum {
    MOST_WAITING = 64,
    MOST_BYTES = 16 << 20,
    MOST_BODY = 1 << 20,
    MOST_ROWS = 65536,
    KEPT = 3 /* headers */
};

/* One block: the job, then the answers, then the texts. */
typedef struct job {
    struct leati_lane *lane;
    const leati_route *route;
    leati_http_request request; /* its texts lie in the block */
    leati_http_header headers[KEPT];
    leati_http_text model_name;
    char version[12];
    leati_answered answers; /* holds its version */
    double tolerance;
    size_t bytes;
    bool counted; /* the comparison was made */
    leati_compared compared;
} job;

struct leati_shadow {
    leat_context *context; /* for memory alone */
    leati_serve *serve;
    leati_repository *repository;
    leati_desk *desk;
    uint32_t slot;
    leati_http_detached *exchange;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    job *waiting[MOST_WAITING]; /* a ring */
    size_t first, count, bytes;
    bool stop, runs;
    pthread_t thread;
};

/* ---- comparison -------------------------------------------------------------------------------
 */

/* The class of `b` with that name; SIZE_MAX: it has none. */
static size_t class_like(const leati_served *b, const char *name)
{
    for (size_t k = 0; k < b->classes; k++)
        if (strcmp(leat_model_class_name(b->model, k), name) == 0) return k;
    return SIZE_MAX;
}

static bool same_class(const leati_answered *a, const leati_answered *b, size_t row)
{
    size_t i = (size_t)a->value[row], k = (size_t)b->value[row];
    return strcmp(leat_model_class_name(a->served->model, i),
                  leat_model_class_name(b->served->model, k)) == 0;
}

static void compare_probabilities(const leati_answered *a, const leati_answered *b, size_t row,
                                  leati_compared *out)
{
    size_t n = a->served->classes, m = b->served->classes;
    for (size_t i = 0; i < n; i++) {
        const char *name = leat_model_class_name(a->served->model, i);
        bool same_place = i < m && strcmp(leat_model_class_name(b->served->model, i), name) == 0;
        size_t k = same_place ? i : class_like(b->served, name);
        double q = k == SIZE_MAX ? 0 : b->proba[row * m + k];
        double d = fabs(a->proba[row * n + i] - q);
        if (d > out->largest_probability) out->largest_probability = d;
    }
}

static bool same_number(double a, double b, double tolerance, leati_compared *out)
{
    if (isnan(a) || isnan(b)) return isnan(a) == isnan(b);
    double d = fabs(a - b), most = fabs(a) > fabs(b) ? fabs(a) : fabs(b);
    if (a == b) return true; /* infinities */
    if (isfinite(d)) {
        out->sum_difference += d;
        if (d > out->largest_difference) out->largest_difference = d;
    }
    return d <= tolerance * most;
}

leati_compared leati_answers_compare(const leati_answered *a, const leati_answered *b,
                                     double tolerance)
{
    leati_compared out = {.answered = a->rows == b->rows, .rows = a->rows};
    bool classes = a->served->classes > 0;
    if (!out.answered || classes != (b->served->classes > 0)) {
        out.rows_differing = a->rows;
        return out;
    }
    for (size_t i = 0; i < a->rows; i++) {
        bool same =
            classes ? same_class(a, b, i) : same_number(a->value[i], b->value[i], tolerance, &out);
        out.rows_differing += !same;
        if (classes && a->proba && b->proba) compare_probabilities(a, b, i, &out);
    }
    return out;
}

/* ---- jobs -------------------------------------------------------------------------------------
 */

static void free_job(job *j)
{
    leati_served_release((leati_served *)j->answers.served);
    leati_free(j);
}

typedef struct packer {
    char *at;
} packer;

/* With a terminating zero, which bodies may be read beyond by none and names by some. */
static const char *pack(packer *p, const void *data, size_t size)
{
    char *to = p->at;
    if (size) memcpy(to, data, size);
    to[size] = '\0';
    p->at += size + 1;
    return to;
}

static void pack_header(packer *p, job *j, const leati_call *call, const char *name)
{
    leati_http_text value = leati_exchange_header_in(call->exchange, name);
    if (!value.data) return;
    leati_http_header *h = &j->headers[j->request.header_count++];
    h->name = (leati_http_text){name, strlen(name)};
    h->value = (leati_http_text){pack(p, value.data, value.length), value.length};
}

static const char *const kept_headers[KEPT] = {"content-type", "inference-header-content-length",
                                               "leat-example"};

static size_t size_of(const leati_call *call, const leati_answered *a)
{
    const leati_http_request *q = call->request;
    size_t size = sizeof(job) + a->rows * (1 + (a->proba ? a->served->classes : 0)) * 8;
    size += 63 + q->body_length + q->path_length + q->query.length + call->model_name.length + 8;
    size += strlen(q->id) + 1;
    for (size_t i = 0; i < KEPT; i++)
        size += leati_exchange_header_in(call->exchange, kept_headers[i]).length + 1;
    return size;
}

static void fill(job *j, const leati_call *call, const leati_answered *a)
{
    const leati_http_request *q = call->request;
    double *numbers = (double *)(j + 1);
    size_t n = a->rows, m = a->proba ? n * a->served->classes : 0;
    memcpy(numbers, a->value, n * sizeof *numbers);
    if (m) memcpy(numbers + n, a->proba, m * sizeof *numbers);
    j->answers = (leati_answered){leati_served_retain((leati_served *)a->served), n, numbers,
                                  m ? numbers + n : NULL};
    uintptr_t behind = (uintptr_t)(numbers + n + m);
    packer p = {(char *)(numbers + n + m) + (64 - behind % 64) % 64};
    j->request = (leati_http_request){.method = q->method,
                                      .path_length = q->path_length,
                                      .headers = j->headers,
                                      .body_length = q->body_length};
    j->request.body = pack(&p, q->body, q->body_length);
    j->request.id = pack(&p, q->id, strlen(q->id));
    j->request.path = pack(&p, q->path, q->path_length);
    j->request.query = (leati_http_text){pack(&p, q->query.data, q->query.length), q->query.length};
    j->model_name.length = call->model_name.length;
    j->model_name.data = pack(&p, call->model_name.data, call->model_name.length);
    for (size_t i = 0; i < KEPT; i++) pack_header(&p, j, call, kept_headers[i]);
}

/* Without waiting: whoever finds the queue busy drops. */
static bool put(leati_shadow *s, job *j)
{
    if (pthread_mutex_trylock(&s->lock) != 0) return false;
    bool fits = s->count < MOST_WAITING && s->bytes + j->bytes <= MOST_BYTES && !s->stop;
    if (fits) {
        s->waiting[(s->first + s->count++) % MOST_WAITING] = j;
        s->bytes += j->bytes;
        pthread_cond_signal(&s->wake);
    }
    pthread_mutex_unlock(&s->lock);
    return fits;
}

bool leati_shadow_offer(leati_shadow *s, const leati_call *call, const leati_answered *answers,
                        uint32_t version, double tolerance)
{
    if (!s || call->request->body_length > MOST_BODY || answers->rows > MOST_ROWS) return false;
    size_t size = size_of(call, answers);
    if (size > MOST_BYTES) return false; /* the queue would not take it either */
    job *j = leati_alloc_quiet(s->context, size);
    if (!j) return false;
    memset(j, 0, sizeof *j);
    fill(j, call, answers);
    j->lane = call->lane;
    j->route = call->route;
    j->tolerance = tolerance;
    j->bytes = size;
    snprintf(j->version, sizeof j->version, "%u", version);
    if (put(s, j)) return true;
    free_job(j);
    return false;
}

/* ---- the thread -------------------------------------------------------------------------------
 */

void leati_shadow_answered(leati_call *call, const leati_answered *answers, uint64_t ns, bool ok)
{
    job *j = call->mirrored;
    j->compared = ok ? leati_answers_compare(&j->answers, answers, j->tolerance)
                     : (leati_compared){.rows = j->answers.rows, .rows_differing = j->answers.rows};
    j->compared.ns = ns;
    j->counted = true;
}

/* A version that is not there, or a request that it does not understand, is an answer of its own
 * kind: it differs. */
static void ask(leati_shadow *s, job *j)
{
    leati_http_exchange *exchange = leati_http_detached_begin(s->exchange, &j->request);
    if (!exchange) return;
    leati_call call = {.serve = s->serve,
                       .slot = s->slot,
                       .waited = true, /* it is on a thread of its own */
                       .desk = s->desk,
                       .exchange = exchange,
                       .request = leati_exchange_request(exchange),
                       .route = j->route,
                       .model_name = j->model_name,
                       .version = {j->version, strlen(j->version)},
                       .arm = LEATI_ARM_SHADOW,
                       .lane = j->lane,
                       .mirrored = j};
    call.shelf = leati_repository_pin(s->repository, s->slot);
    int status = j->route->handle(&call);
    if (status == LEATI_LATER) leati_http_detached_wait(s->exchange);
    leati_repository_unpin(s->repository, s->slot);
    leati_http_detached_end(s->exchange);
    if (!j->counted) leati_shadow_answered(&call, NULL, 0, false);
    leati_rollouts_compared(j->lane, s->slot, &j->compared);
}

static void *work(void *arg)
{
    leati_shadow *s = arg;
    pthread_mutex_lock(&s->lock);
    for (;;) {
        while (s->count == 0 && !s->stop) pthread_cond_wait(&s->wake, &s->lock);
        if (s->stop) break;
        job *j = s->waiting[s->first];
        s->first = (s->first + 1) % MOST_WAITING;
        s->count--;
        s->bytes -= j->bytes;
        pthread_mutex_unlock(&s->lock);
        ask(s, j);
        free_job(j);
        pthread_mutex_lock(&s->lock);
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

leat_status leati_shadow_start(leat_context *c, leati_shadow **out, leati_serve *serve,
                               leati_repository *repository, uint32_t slot, leati_desk *desk)
{
    *out = NULL;
    leati_shadow *s = LEATI_NEW(c, leati_shadow, 1);
    if (!s) return leat_error_status(c);
    s->exchange = leati_http_detached_create(c);
    if (!s->exchange) {
        leati_free(s);
        return leat_error_status(c);
    }
    s->context = c;
    s->serve = serve;
    s->repository = repository;
    s->slot = slot;
    s->desk = desk;
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->wake, NULL);
    s->runs = pthread_create(&s->thread, NULL, work, s) == 0;
    if (!s->runs) {
        leati_shadow_stop(s);
        return LEATI_FAIL(c, LEAT_NOMEM, "no further thread can be started");
    }
    *out = s;
    return LEAT_OK;
}

void leati_shadow_stop(leati_shadow *s)
{
    if (!s) return;
    if (s->runs) {
        pthread_mutex_lock(&s->lock);
        s->stop = true;
        pthread_cond_signal(&s->wake);
        pthread_mutex_unlock(&s->lock);
        pthread_join(s->thread, NULL);
    }
    for (; s->count; s->count--, s->first = (s->first + 1) % MOST_WAITING)
        free_job(s->waiting[s->first]);
    leati_http_detached_destroy(s->exchange);
    pthread_cond_destroy(&s->wake);
    pthread_mutex_destroy(&s->lock);
    leati_free(s);
}
