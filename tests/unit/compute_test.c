/* The threads for long answers: turns of models, full queues, the end. */
#include "serve/compute.h"

#include <pthread.h>
#include <time.h>

#include "serve/http_detached.h"
#include "support/leattest.h"

enum { MANY = 8 };

/* Runs wait until they are let go. */
typedef struct bench {
    leati_compute *compute;
    leati_http_detached *detached[MANY];
    leati_http_exchange *exchange[MANY];
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool open;
    int begun, refused;
    leati_http_exchange *order[MANY];
} bench;

static void run(void *user, leati_http_exchange *const *exchanges, size_t count, uint32_t thread)
{
    bench *b = user;
    (void)thread;
    pthread_mutex_lock(&b->lock);
    for (size_t i = 0; i < count; i++) b->order[b->begun++] = exchanges[i];
    pthread_cond_broadcast(&b->changed);
    while (!b->open) pthread_cond_wait(&b->changed, &b->lock);
    pthread_mutex_unlock(&b->lock);
    for (size_t i = 0; i < count; i++) leati_exchange_finish(exchanges[i], 200);
}

static void refuse(void *user, leati_http_exchange *exchange)
{
    bench *b = user;
    pthread_mutex_lock(&b->lock);
    b->refused++;
    pthread_mutex_unlock(&b->lock);
    leati_exchange_finish(exchange, 503);
}

static bool begin(leattest *t, bench *b, uint32_t queue)
{
    leati_http_request like = {.path = "/", .path_length = 1, .id = "x"};
    leati_compute_options o = {
        .threads = 1, .queue = queue, .together = 1, .run = run, .refuse = refuse, .user = b};
    *b = (bench){.open = false};
    pthread_mutex_init(&b->lock, NULL);
    pthread_cond_init(&b->changed, NULL);
    for (int i = 0; i < MANY; i++) {
        b->detached[i] = leati_http_detached_create(t->context);
        if (!CHECK(b->detached[i])) return false;
        b->exchange[i] = leati_http_detached_begin(b->detached[i], &like);
        if (!CHECK(b->exchange[i])) return false;
    }
    return CHECK_OK(leati_compute_start(t->context, &o, &b->compute));
}

/* Until so many runs have begun. */
static void wait_for(bench *b, int begun)
{
    pthread_mutex_lock(&b->lock);
    while (b->begun < begun) pthread_cond_wait(&b->changed, &b->lock);
    pthread_mutex_unlock(&b->lock);
}

static void let_go(bench *b)
{
    pthread_mutex_lock(&b->lock);
    b->open = true;
    pthread_cond_broadcast(&b->changed);
    pthread_mutex_unlock(&b->lock);
}

static void finish(bench *b)
{
    leati_compute_stop(b->compute);
    for (int i = 0; i < MANY; i++) {
        leati_http_detached_end(b->detached[i]);
        leati_http_detached_destroy(b->detached[i]);
    }
    pthread_cond_destroy(&b->changed);
    pthread_mutex_destroy(&b->lock);
}

/* One model's requests fill half of the queue at most, and do not keep another's waiting. */
static void turns(leattest *t)
{
    bench b;
    int taken = 0;
    if (!begin(t, &b, 4)) return;
    CHECK(leati_compute_hand(b.compute, b.exchange[0], 1, false));
    wait_for(&b, 1);
    for (int i = 1; i < 4; i++) taken += leati_compute_hand(b.compute, b.exchange[i], 1, false);
    CHECK_INT(taken, 2);
    CHECK(leati_compute_hand(b.compute, b.exchange[4], 2, false));
    CHECK_INT(leati_compute_waiting(b.compute), 3);
    let_go(&b);
    wait_for(&b, 4);
    CHECK(b.order[1] == b.exchange[4]);
    CHECK(b.order[2] == b.exchange[1] && b.order[3] == b.exchange[2]);
    finish(&b);
    CHECK_INT(b.refused, 0);
}

static void *stop(void *user)
{
    bench *b = user;
    leati_compute_stop(b->compute);
    return NULL;
}

/* What waits at the end is not computed, however much it is: nobody gets the answers. */
static void end_with_a_queue(leattest *t)
{
    bench b;
    pthread_t thread;
    if (!begin(t, &b, 64)) return;
    for (int i = 0; i < MANY; i++)
        CHECK(leati_compute_hand(b.compute, b.exchange[i], (uint32_t)i, false));
    wait_for(&b, 1);
    REQUIRE(pthread_create(&thread, NULL, stop, &b) == 0);
    struct timespec pause = {0, 200000000}; /* so that it stops before the run ends */
    nanosleep(&pause, NULL);
    let_go(&b);
    pthread_join(thread, NULL);
    b.compute = NULL;
    CHECK_INT(b.begun, 1);
    CHECK_INT(b.refused, MANY - 1);
    finish(&b);
}

static const leattest_case cases[] = {TEST(turns), TEST(end_with_a_queue)};
LEATTEST_MAIN(cases)
