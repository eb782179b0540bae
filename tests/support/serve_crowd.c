#include "support/serve_crowd.h"

#include <jansson.h>
#include <string.h>

/* Whether the connection goes on. */
static bool ask_once(serve_crowd *c, serve_client *k)
{
    const serve_question *q = &c->question;
    char arm[16];
    bool came = serve_client_ask(k, "POST", q->path, "", q->body, q->length);
    bool good = came && k->status == 200 && (!q->holds || strstr(k->body, q->holds));
    bool refused = came && k->status == 422;
    atomic_fetch_add(&c->asked, 1);
    atomic_fetch_add(good ? &c->good : refused ? &c->refused : &c->failed, 1);
    if (came && serve_client_header(k, "Leat-Arm", arm, sizeof arm))
        atomic_fetch_add(&c->canaries, strcmp(arm, "canary") == 0);
    return came;
}

static void *call_all_the_time(void *arg)
{
    serve_crowd *c = arg;
    serve_client k;
    bool open = serve_client_open(&k, c->question.url);
    if (!open) atomic_fetch_add(&c->failed, 1);
    while (open && ask_once(c, &k) && !atomic_load(&c->stop)) continue;
    serve_client_close(&k);
    return NULL;
}

void serve_crowd_gather(leattest *t, serve_crowd *c, const serve_question *question,
                        unsigned callers)
{
    memset(c, 0, sizeof *c);
    c->question = *question;
    while (c->count < callers && c->count < SERVE_CROWD_MOST) {
        if (!CHECK(pthread_create(&c->threads[c->count], NULL, call_all_the_time, c) == 0)) return;
        c->count++;
    }
}

void serve_crowd_disperse(serve_crowd *c)
{
    atomic_store(&c->stop, true);
    while (c->count) pthread_join(c->threads[--c->count], NULL);
}

double serve_queue_ns(serve_client *k, const char *model)
{
    char path[200];
    snprintf(path, sizeof path, "/v2/models/%s/stats", model);
    if (!serve_client_ask(k, "GET", path, "", "", 0) || k->status != 200) return -1;
    json_t *root = json_loadb(k->body, k->body_length, 0, NULL);
    const json_t *stats = json_array_get(json_object_get(root, "model_stats"), 0);
    const json_t *queue = json_object_get(json_object_get(stats, "inference_stats"), "queue");
    const json_t *ns = json_object_get(queue, "ns");
    double value = json_is_integer(ns) ? (double)json_integer_value(ns) : -1;
    json_decref(root);
    return value;
}
