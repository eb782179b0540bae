/* What a running server tells and logs, over real sockets: metrics in both formats, the access log,
 * the prediction log read back and answered anew, drift that is alarmed, labels that come back. */
#include <leat/data.h>
#include <leat/experiment.h>
#include <leat/key.h>
#include <leat/monitor.h>
#include <leat/serve.h>

#include <ctype.h>
#include <jansson.h>
#include <math.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "frame/infer.h"
#include "support/leattest.h"
#include "support/serve_client.h"
#include "support/tables.h"

/* ---- models and servers -----------------------------------------------------------------------
 */

/* With the distributions of what it was trained with, which an experiment puts into the file. */
static bool fit(leattest *t, leat_frame *f, const char *target, const char *estimator,
                const char *path)
{
    leat_experiment_options o = leat_experiment_options_default();
    leat_experiment *e = NULL;
    o.target = target;
    static const char *const others[] = {"weight", "id"};
    o.drop = others;
    o.drop_count = strcmp(target, "kind") == 0 ? 2 : 0;
    o.models = estimator;
    o.cv = "kfold:4";
    o.quick = true;
    bool ok = CHECK_OK(leat_experiment_run(t->context, &e, f, NULL, &o)) &&
              CHECK_OK(leat_model_save(t->context, leat_experiment_model(e), path));
    leat_experiment_destroy(e);
    return ok;
}

typedef struct service {
    leat_server *server;
    serve_client client;
    leat_serve_options options;
    char iris[512], wood[512];
    const char *models[2];
    char said[1000];
} service;

static void hear(void *user, const char *line)
{
    service *s = user;
    snprintf(s->said, sizeof s->said, "%s", line);
}

/* iris (a tree) and wood (a linear classifier of inputs of every kind). */
static bool make(leattest *t, service *s)
{
    leat_frame *iris = NULL, *table = leattest_table(t->context, 900, 7);
    *s = (service){.client = {.fd = -1}, .options = leat_serve_options_default()};
    snprintf(s->iris, sizeof s->iris, "%s", leattest_scratch("iris.leat"));
    snprintf(s->wood, sizeof s->wood, "%s", leattest_scratch("wood.leat"));
    bool ok = CHECK(table) && CHECK_OK(leat_data_load(t->context, &iris, "iris", NULL)) &&
              fit(t, iris, "species", "cart", s->iris) && fit(t, table, "kind", "lda", s->wood);
    leat_frame_release(iris);
    leat_frame_release(table);
    s->models[0] = s->iris;
    s->models[1] = s->wood;
    s->options.models = s->models;
    s->options.model_count = 2;
    s->options.listen = "127.0.0.1:0";
    s->options.workers = 2;
    return ok;
}

static bool start(leattest *t, service *s)
{
    s->options.say = hear;
    s->options.say_user = s;
    return CHECK_OK(leat_server_start(t->context, &s->options, &s->server)) &&
           CHECK(serve_client_open(&s->client, leat_server_url(s->server)));
}

static void stop(service *s)
{
    serve_client_close(&s->client);
    if (s->server) leat_server_drain(s->server, 5);
    leat_server_destroy(s->server);
    s->server = NULL;
}

static int ask(service *s, const char *method, const char *path, const char *headers,
               const char *body)
{
    if (!serve_client_ask(&s->client, method, path, headers, body, strlen(body))) return 0;
    return s->client.status;
}

#define IRIS "{\"sepal_length\":5.1,\"sepal_width\":3.5,\"petal_length\":1.4,\"petal_width\":0.2}"

static void pause_ms(long ms)
{
    struct timespec t = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&t, NULL);
}

static char *read_file(const char *path)
{
    FILE *f = fopen(path, "r");
    char *text = calloc(1, 1 << 22);
    if (f && text) text[fread(text, 1, (1 << 22) - 1, f)] = '\0';
    if (f) fclose(f);
    return text;
}

/* A row of a table as an object, `shift` added to its length. */
static size_t put_row(char *to, const leat_frame *f, size_t row, double shift)
{
    char *at = to, time[40];
    at += sprintf(at, "{\"length\":%.17g", f->column[0]->f64[row] + shift);
    if (leati_valid(f->column[1], row))
        at += sprintf(at, ",\"width\":%.17g", f->column[1]->f64[row]);
    else at += sprintf(at, ",\"width\":null");
    if (leati_valid(f->column[2], row)) {
        size_t n;
        const char *text = leati_dict_text(f->column[2]->dict, f->column[2]->codes[row], &n);
        at += sprintf(at, ",\"colour\":\"%.*s\"", (int)n, text);
    } else {
        at += sprintf(at, ",\"colour\":null");
    }
    size_t n = leati_time_format(f->column[4]->i64[row], false, time);
    at += sprintf(at, ",\"round\":%s,\"when\":\"%.*s\"}", f->column[3]->u8[row] ? "true" : "false",
                  (int)n, time);
    return (size_t)(at - to);
}

static char *rows_text(const leat_frame *f, size_t from, size_t count, double shift)
{
    char *text = malloc(count * 200 + 16), *at = text;
    *at++ = '[';
    for (size_t i = 0; i < count; i++) {
        if (i) *at++ = ',';
        at += put_row(at, f, (from + i) % f->rows, shift);
    }
    *at++ = ']';
    *at = '\0';
    return text;
}

/* ---- the exposition ---------------------------------------------------------------------------
 */

static bool is_name(const char *at, size_t n)
{
    if (n == 0 || isdigit((unsigned char)*at)) return false;
    for (size_t i = 0; i < n; i++)
        if (!isalnum((unsigned char)at[i]) && at[i] != '_' && at[i] != ':') return false;
    return true;
}

/* {a="x",b="y\"z"}: the place behind; NULL: it is none. */
static const char *skip_labels(const char *at)
{
    if (*at != '{') return at;
    at++;
    while (*at != '}') {
        size_t n = strcspn(at, "=");
        if (!is_name(at, n) || at[n + 1] != '"') return NULL;
        for (at += n + 2; *at && *at != '"' && *at != '\n'; at++)
            if (*at == '\\' && !strchr("\\\"n", *++at)) return NULL;
        if (*at++ != '"') return NULL;
        if (*at == ',') at++;
        else if (*at != '}') return NULL;
    }
    return at + 1;
}

/* Every sample belongs to the family whose HELP and TYPE stand before it, no series stands twice,
 * buckets ascend and end with the count. */
static bool is_sound(leattest *t, char *text, bool open)
{
    char family[128] = "", type[32] = "", seen[1 << 16] = "";
    double bucket = 0;
    char *save = NULL;
    bool ended = false;
    size_t samples = 0;
    for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        char word[128], key[160];
        if (strcmp(line, "# EOF") == 0) {
            ended = true;
            continue;
        }
        if (!CHECK(!ended)) return false;
        if (strncmp(line, "# HELP ", 7) == 0) {
            if (sscanf(line, "# HELP %127s", family) != 1) return false;
            snprintf(key, sizeof key, "|%s|", family);
            if (!CHECK(!strstr(seen, key)) || !CHECK(strlen(seen) + strlen(key) < sizeof seen))
                return false;
            strcat(seen, key);
            continue;
        }
        if (sscanf(line, "# TYPE %127s %31s", word, type) == 2) {
            if (!CHECK_STR(word, family)) return false;
            continue;
        }
        size_t n = strcspn(line, "{ ");
        const char *behind = skip_labels(line + n);
        if (!CHECK(is_name(line, n)) || !CHECK(behind) || !CHECK(*behind == ' ')) {
            printf("    %s\n", line);
            return false;
        }
        size_t f = strlen(family);
        const char *suffix = line + f;
        bool mine = n >= f && strncmp(line, family, f) == 0;
        bool counter = strcmp(type, "counter") == 0;
        if (!CHECK(mine)) printf("    %s in %s\n", line, family);
        if (counter && open) CHECK(strncmp(suffix, "_total", 6) == 0);
        if (counter && !open) CHECK(n == f && strcmp(family + f - 6, "_total") == 0);
        if (strcmp(type, "gauge") == 0) CHECK_INT(n, f);
        double value = atof(behind + 1);
        if (strncmp(suffix, "_bucket", 7) == 0) {
            if (strstr(line, "le=\"2.5e-05\"") || strstr(line, "le=\"1.0\"}")) bucket = 0;
            if (strstr(line, "le=\"2.5e-05\"") || !strstr(line, "le=\"1.0\"}"))
                CHECK(value >= bucket);
            bucket = value;
        } else if (strncmp(suffix, "_count", 6) == 0) {
            CHECK(value == bucket);
        }
        samples++;
    }
    CHECK(ended == open);
    return CHECK(samples > 50);
}

static bool sound_exposition(leattest *t, const char *text, bool open)
{
    char *copy = strdup(text);
    bool sound = CHECK(copy) && is_sound(t, copy, open);
    free(copy);
    return sound;
}

/* The value of the sample that begins so; NaN without. */
static double sample(const char *text, const char *head)
{
    for (const char *at = text; at; at = strchr(at, '\n')) {
        if (*at == '\n') at++;
        if (strncmp(at, head, strlen(head)) == 0 && at[strlen(head)] == ' ')
            return atof(at + strlen(head));
    }
    return (double)NAN;
}

#define IRIS_LABELS "{model=\"iris\",version=\"1\"}"

static void metrics(leattest *t)
{
    service s;
    serve_client own = {.fd = -1};
    char type[200];
    if (!make(t, &s)) return;
    s.options.metrics = "127.0.0.1:0";
    if (!start(t, &s)) goto out;
    REQUIRE(leat_server_metrics_url(s.server) != NULL);
    for (int i = 0; i < 20; i++) CHECK_INT(ask(&s, "POST", "/api/v1/iris", "", IRIS), 200);
    CHECK_INT(ask(&s, "POST", "/api/v1/iris", "", "[" IRIS "," IRIS "]"), 200);
    CHECK_INT(ask(&s, "POST", "/api/v1/iris", "", "{\"sepal_length\":\"x\"}"), 422);
    CHECK_INT(ask(&s, "POST", "/v2/models/iris/infer", "", "{}"), 400);
    CHECK_INT(ask(&s, "GET", "/nowhere", "", ""), 404);
    REQUIRE(serve_client_open(&own, leat_server_metrics_url(s.server)));
    /* The last answer is counted when it was sent, which the client may see before the server. */
    for (int i = 0; i < 100; i++) {
        CHECK(serve_client_ask(&own, "GET", "/metrics", "", "", 0));
        if (sample(own.body, "leat_inflight_requests") == 0) break;
        pause_ms(10);
    }
    CHECK_INT(own.status, 200);
    CHECK(serve_client_header(&own, "content-type", type, sizeof type));
    CHECK_STR(type, "text/plain; version=0.0.4; charset=utf-8");
    const char *m = own.body;
    CHECK(sample(m, "leat_request_duration_seconds_count" IRIS_LABELS) == 21);
    CHECK(sample(m, "leat_rows_total" IRIS_LABELS) == 22);
    CHECK(sample(m, "leat_batch_rows_sum" IRIS_LABELS) == 22);
    CHECK(sample(m, "leat_failed_requests_total{model=\"iris\",version=\"1\",code=\"422\"}") == 1);
    CHECK(sample(m, "leat_failed_requests_total{model=\"iris\",version=\"1\",code=\"400\"}") == 1);
    CHECK(sample(m, "leat_http_requests_total{method=\"POST\",route=\"/api/v1/{model}\",code="
                    "\"200\"}") == 21);
    CHECK(sample(m, "leat_http_requests_total{method=\"other\",route=\"none\",code=\"404\"}") == 1);
    CHECK(sample(m, "leat_http_request_duration_seconds_count") == 24);
    CHECK(sample(m, "leat_inflight_requests") == 0);
    CHECK(sample(m, "leat_http_connections") == 1);
    CHECK(sample(m, "leat_window_rows" IRIS_LABELS) == 22);
    CHECK(sample(m, "leat_ready") == 1);
    CHECK(sample(m, "process_resident_memory_bytes") > 1e6);
    CHECK(sample(m, "process_cpu_seconds_total") > 0);
    CHECK(fabs(sample(m, "leat_model_loaded_timestamp_seconds" IRIS_LABELS) - (double)time(NULL)) <
          100);
    CHECK(sound_exposition(t, own.body, false));
    CHECK(serve_client_ask(
        &own, "GET", "/metrics",
        "Accept: application/openmetrics-text;version=1.0.0,text/plain;q=0.5\r\n", "", 0));
    CHECK(serve_client_header(&own, "content-type", type, sizeof type));
    CHECK_STR(type, "application/openmetrics-text; version=1.0.0; charset=utf-8");
    CHECK(sound_exposition(t, own.body, true));
    CHECK(serve_client_ask(&own, "GET", "/api/v1/iris", "", "", 0) && own.status == 404);
    CHECK(serve_client_ask(&own, "POST", "/metrics", "", "", 0) && own.status == 405);
    /* The same among the other paths; the request itself is under way. */
    CHECK_INT(ask(&s, "GET", "/metrics", "", ""), 200);
    CHECK(sample(s.client.body, "leat_inflight_requests") == 1);
    CHECK(sample(s.client.body, "leat_request_duration_seconds_count" IRIS_LABELS) == 21);
    /* A version that is exchanged does not stand there twice. */
    CHECK_INT(ask(&s, "POST", "/v2/repository/models/iris/load", "", ""), 200);
    CHECK_INT(ask(&s, "GET", "/metrics", "", ""), 200);
    CHECK(sound_exposition(t, s.client.body, false));
out:
    serve_client_close(&own);
    stop(&s);
}

/* ---- keys and the access log ------------------------------------------------------------------
 */

static void access_log(leattest *t)
{
    service s;
    char path[512], where[512], header[120], secret[LEAT_KEY_SIZE], leak[200], old[LEAT_KEY_SIZE];
    leat_key_store *store = NULL;
    if (!make(t, &s)) return;
    snprintf(path, sizeof path, "%s", leattest_scratch("access.log"));
    snprintf(where, sizeof where, "%s", leattest_scratch("keys.db"));
    leat_key_options o = leat_key_options_default();
    REQUIRE_OK(leat_key_store_open(t->context, &store, where, true));
    CHECK_OK(leat_key_add(store, "alice", &o, secret));
    CHECK_OK(leat_key_add(store, "bob", &o, old));
    CHECK_OK(leat_key_revoke(store, "bob"));
    leat_key_store_close(store);
    s.options.keys = where;
    s.options.access_log = path;
    if (!start(t, &s)) {
        stop(&s);
        return;
    }
    snprintf(header, sizeof header, "X-API-Key: %s\r\nX-Request-Id: mine-1\r\n", secret);
    snprintf(leak, sizeof leak, "/odd%%22/%s", secret);
    CHECK_INT(ask(&s, "POST", "/api/v1/iris", header, IRIS), 200);
    CHECK_INT(ask(&s, "POST", "/api/v1/iris", "", IRIS), 401);
    CHECK_INT(ask(&s, "GET", leak, "", ""), 404);
    CHECK_INT(ask(&s, "GET", "/api/v1/iris?secret=5", header, ""), 422);
    CHECK_INT(ask(&s, "GET", "/metrics", header, ""), 403);
    snprintf(header, sizeof header, "X-API-Key: %s\r\n", old);
    CHECK_INT(ask(&s, "GET", "/api/v1/iris", header, ""), 401);
    stop(&s);
    char *text = read_file(path), *save = NULL;
    CHECK(!strstr(text, secret) && !strstr(text, secret + 5) && !strstr(text, "secret"));
    CHECK(strstr(text,
                 "\"request_id\":\"mine-1\",\"peer\":\"127.0.0.1\",\"key\":\"alice\",\"method\":"
                 "\"POST\",\"path\":\"/api/v1/iris\",\"status\":200,\"bytes_in\":"));
    CHECK(strstr(text, "/odd\\\"/leat_\""));
    /* Whose key was refused. */
    CHECK(
        strstr(text, "\"key\":\"alice\",\"method\":\"GET\",\"path\":\"/metrics\",\"status\":403"));
    CHECK(strstr(text, "\"key\":\"bob\",\"method\":\"GET\",\"path\":\"/api/v1/iris\","
                       "\"status\":401"));
    int lines = 0;
    for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        json_t *j = json_loads(line, 0, NULL);
        CHECK(j && json_is_integer(json_object_get(j, "duration_us")));
        lines++;
        json_decref(j);
    }
    CHECK_INT(lines, 6);
    free(text);
}

/* Usage by key in /metrics, for a key that may look. */
static void key_metrics(leattest *t)
{
    service s;
    char where[512], header[120], secret[LEAT_KEY_SIZE];
    leat_key_store *store = NULL;
    if (!make(t, &s)) return;
    snprintf(where, sizeof where, "%s", leattest_scratch("keys2.db"));
    leat_key_options o = leat_key_options_default();
    o.scopes = LEAT_KEY_INFER | LEAT_KEY_MONITOR;
    REQUIRE_OK(leat_key_store_open(t->context, &store, where, true));
    CHECK_OK(leat_key_add(store, "bob", &o, secret));
    leat_key_store_close(store);
    s.options.keys = where;
    if (!start(t, &s)) {
        stop(&s);
        return;
    }
    snprintf(header, sizeof header, "X-API-Key: %s\r\n", secret);
    for (int i = 0; i < 3; i++) {
        for (int k = 0; k < 5; k++) CHECK_INT(ask(&s, "POST", "/api/v1/iris", header, IRIS), 200);
        pause_ms(400); /* counters do not fall when they are written to the store */
        CHECK_INT(ask(&s, "GET", "/metrics", header, ""), 200);
        CHECK(sample(s.client.body, "leat_key_rows_total{key=\"bob\"}") == 5 * (i + 1));
        CHECK(sample(s.client.body, "leat_key_requests_total{key=\"bob\"}") == 6 * (i + 1));
    }
    CHECK_INT(ask(&s, "GET", "/metrics", "", ""), 401);
    stop(&s);
}

/* A key for one model learns nothing of the others, neither by asking them nor where an answer
 * tells of all. */
static void a_list_of_models_holds_everywhere(leattest *t)
{
    static const char *const told[][2] = {
        {"GET", "/v2/models"},       {"GET", "/api/v1"},
        {"GET", "/v2/models/stats"}, {"POST", "/v2/repository/index"},
        {"GET", "/metrics"},         {"GET", "/openapi.json"}};
    static const char *const refused[][2] = {{"GET", "/api/v1/wood"},
                                             {"GET", "/api/v1/wood/drift"},
                                             {"GET", "/api/v1/wood/versions/1/drift/page"},
                                             {"GET", "/api/v1/wood/rollout"},
                                             {"GET", "/v2/models/wood/stats"},
                                             {"POST", "/api/v1/wood/feedback"}};
    service s;
    char where[512], one[120], all[120], secret[LEAT_KEY_SIZE];
    leat_key_store *store = NULL;
    if (!make(t, &s)) return;
    snprintf(where, sizeof where, "%s", leattest_scratch("keys3.db"));
    leat_key_options o = leat_key_options_default();
    o.scopes = LEAT_KEY_INFER | LEAT_KEY_MONITOR;
    REQUIRE_OK(leat_key_store_open(t->context, &store, where, true));
    CHECK_OK(leat_key_add(store, "everything", &o, secret));
    snprintf(all, sizeof all, "X-API-Key: %s\r\n", secret);
    o.models = "iris";
    CHECK_OK(leat_key_add(store, "little", &o, secret));
    snprintf(one, sizeof one, "X-API-Key: %s\r\n", secret);
    leat_key_store_close(store);
    s.options.keys = where;
    if (start(t, &s)) {
        for (size_t i = 0; i < sizeof told / sizeof *told; i++) {
            CHECK_INT(ask(&s, told[i][0], told[i][1], all, ""), 200);
            bool both = CHECK(strstr(s.client.body, "wood") && strstr(s.client.body, "iris"));
            CHECK_INT(ask(&s, told[i][0], told[i][1], one, ""), 200);
            both = CHECK(!strstr(s.client.body, "wood") && strstr(s.client.body, "iris")) && both;
            if (!both) printf("    %s\n", told[i][1]);
        }
        CHECK_INT(ask(&s, "GET", "/metrics", one, ""), 200);
        CHECK(strstr(s.client.body, "key=\"little\"") && !strstr(s.client.body, "everything"));
        CHECK_INT(ask(&s, "GET", "/openapi.json", "", ""), 200); /* no key: nothing of models */
        CHECK(!strstr(s.client.body, "wood") && !strstr(s.client.body, "iris"));
        for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
            if (!CHECK_INT(ask(&s, refused[i][0], refused[i][1], one, ""), 403))
                printf("    %s\n", refused[i][1]);
    }
    stop(&s);
}

/* ---- kept answers -----------------------------------------------------------------------------
 */

static double number_behind(const service *s, const char *first, const char *then)
{
    const char *at = strstr(s->client.body, first);
    if (at) at = strstr(at, then);
    return at ? strtod(at + strlen(then), NULL) : -1;
}

/* An answer that is kept is given at once, though the model takes so long that others wait for a
 * thread; and it counts like any other: in drift, in the log, for labels. */
static void kept_answers_count(leattest *t)
{
    enum { ROWS = 2000, TIMES = 3 };
    service s;
    char path[512], header[80], label[200], status[40], *rows;
    leat_frame *table = leattest_table(t->context, ROWS, 23);
    if (!make(t, &s) || !CHECK(table)) return;
    snprintf(path, sizeof path, "%s", leattest_scratch("kept.log"));
    s.options.prediction_log = path;
    s.options.cache = 64 << 20;
    rows = rows_text(table, 0, ROWS, 0);
    double waited = 0;
    if (start(t, &s)) {
        for (int i = 0; i < TIMES; i++) {
            snprintf(header, sizeof header, "X-Request-Id: kept%d\r\n", i);
            CHECK_INT(ask(&s, "POST", "/api/v1/wood", header, rows), 200);
            CHECK(serve_client_header(&s.client, "cache-status", status, sizeof status));
            CHECK_STR(status, i ? "leat; hit" : "leat; fwd=miss; stored");
            CHECK_INT(ask(&s, "GET", "/v2/models/wood/stats", "", ""), 200);
            double queue = number_behind(&s, "\"queue\"", "\"ns\":");
            if (i == 0) waited = queue;
            CHECK(queue > 0 && queue == waited);
            CHECK(number_behind(&s, "inference_count", ":") == (i + 1) * ROWS);
            CHECK_INT(ask(&s, "GET", "/api/v1/wood/drift", "", ""), 200);
            CHECK(number_behind(&s, "open_window", "\"rows\":") == (i + 1) * ROWS);
            pause_ms(300); /* so that no line is dropped */
        }
        for (int i = 0; i < TIMES; i++) {
            snprintf(label, sizeof label,
                     "{\"request_id\":\"kept%d\",\"row\":%d,\"label\":\"ash\"}", i, ROWS - 1);
            int answer = ask(&s, "POST", "/api/v1/wood/feedback", "", label);
            if (!CHECK(answer == 200)) printf("    %d %s\n", answer, s.client.body);
        }
        CHECK_INT(ask(&s, "GET", "/v2/models/wood/stats", "", ""), 200);
        CHECK(number_behind(&s, "\"cache_hit\"", "\"count\":") == TIMES - 1);
        CHECK(number_behind(&s, "\"cache_miss\"", "\"count\":") == 1);
    }
    stop(&s);
    free(rows);
    char *text = read_file(path);
    int lines[TIMES] = {0};
    for (const char *at = text; (at = strstr(at, "\"request_id\":\"kept")); at++) {
        int i = at[18] - '0';
        if (i >= 0 && i < TIMES) lines[i]++;
    }
    for (int i = 0; i < TIMES; i++) CHECK_INT(lines[i], ROWS);
    free(text);
    leat_frame_release(table);
}

/* ---- the prediction log -----------------------------------------------------------------------
 */

static void prediction_log(leattest *t)
{
    service s;
    leat_context *c = t->context;
    char path[512], header[80];
    leat_frame *table = leattest_table(c, 300, 11), *log = NULL;
    leat_model *model = NULL;
    leat_monitor *monitor = NULL;
    leat_replay replay;
    if (!make(t, &s) || !CHECK(table)) return;
    snprintf(path, sizeof path, "%s", leattest_scratch("predictions.log"));
    s.options.prediction_log = path;
    if (!start(t, &s)) goto out;
    for (size_t i = 0; i < 100; i++) {
        char *row = rows_text(table, i, 1, 0);
        snprintf(header, sizeof header, "X-Request-Id: r%zu\r\n", i);
        row[strlen(row) - 1] = '\0'; /* an object, not an array */
        CHECK_INT(ask(&s, "POST", "/api/v1/wood", header, row + 1), 200);
        free(row);
    }
    /* More rows than a session has: inputs of all runs are logged. */
    char *rows = rows_text(table, 0, 900, 0);
    CHECK_INT(ask(&s, "POST", "/api/v1/wood", "X-Request-Id: many\r\n", rows), 200);
    free(rows);
    CHECK_INT(
        ask(&s, "POST", "/api/v1/wood", "",
            "{\"length\":5,\"width\":3,\"colour\":\"a \\\"new\\\"\\n\\u00e9\",\"round\":false,"
            "\"when\":null}"),
        200);
    stop(&s);
    leat_read_options ro = leat_read_options_default();
    REQUIRE_OK(leat_prediction_log_read(c, &log, path, &ro));
    CHECK_INT(log->rows, 1001);
    REQUIRE_OK(leat_model_open(c, &model, s.wood));
    REQUIRE_OK(leat_replay_log(c, model, log, &replay, NULL));
    CHECK_INT(replay.compared, 1001);
    CHECK(replay.same.value == 1);
    CHECK(replay.largest_probability == 0);
    leat_monitor_options mo = leat_monitor_options_default();
    REQUIRE_OK(leat_monitor_create(c, &monitor, model, &mo));
    CHECK_OK(leat_monitor_add(c, monitor, log, "log"));
    CHECK_INT(leat_monitor_window_at(monitor, 0).rows, 1001);
    CHECK_INT(leat_monitor_window_at(monitor, 0).drifting, 0);
    char *text = read_file(path);
    CHECK(strstr(text,
                 "\"request_id\":\"r7\",\"row\":0,\"model\":\"wood\",\"version\":\"1\",\"arm\":"
                 "\"stable\",\"inputs\":{\"length\":"));
    CHECK(strstr(text, "\"request_id\":\"many\",\"row\":899,"));
    CHECK(strstr(text, "\"colour\":\"a \\\"new\\\"\\n\xc3\xa9\",\"round\":false,\"when\":null}"));
    free(text);
out:
    stop(&s);
    leat_monitor_destroy(monitor);
    leat_model_release(model);
    leat_frame_release(log);
    leat_frame_release(table);
}

/* The same ids are chosen by every server; what is redacted is in no line. */
static void sampled_and_redacted(leattest *t)
{
    service s;
    char path[2][512], header[80];
    char *text[2] = {NULL, NULL};
    const char *hidden[] = {"petal_width", "sepal_width"};
    if (!make(t, &s)) return;
    s.options.log_sample = 0.25;
    s.options.log_redact = hidden;
    s.options.log_redact_count = 2;
    for (int turn = 0; turn < 2; turn++) {
        snprintf(path[turn], sizeof path[turn], "%s",
                 leattest_scratch(turn ? "sample2.log" : "sample1.log"));
        s.options.prediction_log = path[turn];
        if (!start(t, &s)) break;
        for (int i = 0; i < 400; i++) {
            snprintf(header, sizeof header, "X-Request-Id: id-%d\r\n", turn ? 399 - i : i);
            CHECK_INT(ask(&s, "POST", "/api/v1/iris", header, IRIS), 200);
        }
        stop(&s);
        text[turn] = read_file(path[turn]);
    }
    int same = 0, chosen = 0, of_two = 0;
    for (int i = 0; i < 400 && text[0] && text[1]; i++) {
        char id[40];
        snprintf(id, sizeof id, "\"request_id\":\"id-%d\"", i);
        bool one = strstr(text[0], id), two = strstr(text[1], id);
        same += one == two;
        chosen += one;
        of_two += two;
    }
    CHECK_INT(same, 400);
    CHECK(chosen > 60 && chosen < 140 && chosen == of_two);
    CHECK(text[0] && !strstr(text[0], "petal_width") && strstr(text[0], "petal_length"));
    free(text[0]);
    free(text[1]);
    hidden[1] = "sepal_widht";
    CHECK_FAILS(leat_server_start(t->context, &s.options, &s.server), LEAT_INVALID, "sepal_widht");
    stop(&s);
}

/* A disk that is full: requests are answered as ever, and it is said. */
static void full_disk(leattest *t)
{
    service s;
    if (access("/dev/full", W_OK) != 0) {
        leattest_skip(t, "there is no /dev/full");
        return;
    }
    if (!make(t, &s)) return;
    s.options.prediction_log = s.options.access_log = "/dev/full";
    if (start(t, &s)) {
        double lost = 0;
        for (int i = 0; i < 200; i++) CHECK_INT(ask(&s, "POST", "/api/v1/iris", "", IRIS), 200);
        for (int i = 0; i < 100 && !(lost > 0); i++) {
            pause_ms(20);
            CHECK_INT(ask(&s, "GET", "/metrics", "", ""), 200);
            lost = sample(s.client.body,
                          "leat_log_dropped_total{log=\"prediction\",reason=\"failed\"}");
        }
        CHECK(lost > 0);
    }
    stop(&s);
    CHECK(strstr(s.said, "cannot be written"));
}

/* ---- drift ------------------------------------------------------------------------------------
 */

/* Sends rows until another window was closed. */
static bool fill_window(leattest *t, service *s, const leat_frame *table, size_t *from,
                        size_t count, double shift)
{
    double windows = -1, now;
    for (int i = 0; i < 400; i++) {
        char *rows = rows_text(table, *from, count, shift);
        bool ok = CHECK_INT(ask(s, "POST", "/api/v1/wood", "", rows), 200);
        free(rows);
        *from += count;
        if (!ok || !CHECK_INT(ask(s, "GET", "/metrics", "", ""), 200)) return false;
        now = sample(s->client.body, "leat_windows{model=\"wood\",version=\"1\"}");
        if (windows < 0) windows = now;
        if (now > windows) return true;
        pause_ms(20);
    }
    return CHECK(!"a window is closed");
}

static void drift(leattest *t)
{
    service s;
    size_t from = 0;
    /* What it was trained with, whole, so that nothing but our own faults can alarm; then others.
     */
    leat_frame *same = leattest_table(t->context, 900, 7);
    leat_frame *table = leattest_table(t->context, 20000, 23);
    if (!make(t, &s) || !CHECK(same && table)) return;
    s.options.window_seconds = 0.2;
    s.options.window_rows = 400;
    if (!start(t, &s)) goto out;
    for (int i = 0; i < 3; i++) CHECK(fill_window(t, &s, same, &from, 900, 0));
    CHECK_INT(ask(&s, "GET", "/metrics", "", ""), 200);
    CHECK(sample(s.client.body,
                 "leat_drift_alarm{model=\"wood\",version=\"1\",feature=\"length\"}") == 0);
    CHECK(sample(s.client.body, "leat_model_state{model=\"wood\",version=\"1\",state=\"fresh\"}") ==
          1);
    CHECK(sample(s.client.body, "leat_drift_psi{model=\"wood\",version=\"1\",feature=\"colour\"}") <
          0.1);
    for (int i = 0; i < 4; i++) CHECK(fill_window(t, &s, table, &from, 400, 2));
    CHECK_INT(ask(&s, "GET", "/metrics", "", ""), 200);
    CHECK(sample(s.client.body,
                 "leat_drift_alarm{model=\"wood\",version=\"1\",feature=\"length\"}") == 1);
    CHECK(sample(s.client.body,
                 "leat_drift_alarm{model=\"wood\",version=\"1\",feature=\"colour\"}") == 0);
    CHECK(sample(s.client.body, "leat_drift_psi{model=\"wood\",version=\"1\",feature=\"length\"}") >
          0.5);
    CHECK(strstr(s.said, "model wood, version 1"));
    CHECK(*s.said && s.said[strlen(s.said) - 1] == '.'); /* all of it */
    CHECK_INT(ask(&s, "GET", "/api/v1/wood/drift?windows=3", "", ""), 200);
    json_t *j = json_loadb(s.client.body, s.client.body_length, 0, NULL);
    json_t *windows = json_object_get(json_object_get(j, "monitor"), "windows");
    CHECK_INT(json_array_size(windows), 3);
    CHECK(json_is_integer(json_object_get(json_object_get(j, "open_window"), "rows")));
    json_decref(j);
    CHECK_INT(ask(&s, "GET", "/api/v1/wood/versions/1/drift", "", ""), 200);
    CHECK_INT(ask(&s, "GET", "/api/v1/wood/drift?windows=x", "", ""), 422);
    CHECK_INT(ask(&s, "GET", "/api/v1/wood/drift?rows=1", "", ""), 422);
    CHECK_INT(ask(&s, "GET", "/api/v1/none/drift", "", ""), 404);
    CHECK_INT(ask(&s, "GET", "/api/v1/wood/drift/page", "", ""), 200);
    CHECK(strstr(s.client.reply, "frame-ancestors 'none'"));
    CHECK(strstr(s.client.body, "</html>") && strstr(s.client.body, "length"));
out:
    stop(&s);
    s.options.drift = "no";
    if (start(t, &s)) {
        CHECK_INT(ask(&s, "GET", "/api/v1/wood/drift", "", ""), 404);
        CHECK_INT(ask(&s, "POST", "/api/v1/wood/feedback", "", "[]"), 404);
        CHECK(strstr(s.client.body, "not_watched"));
    }
    stop(&s);
    leat_frame_release(same);
    leat_frame_release(table);
}

/* The rows that the open window has after a request of `rows` rows, as one binary tensor. */
static int64_t open_rows(leattest *t, service *s, size_t rows, const char *id)
{
    static const double kinds[2][4] = {{5.1, 3.5, 1.4, 0.2}, {6.7, 3.1, 5.6, 2.4}};
    char *body = malloc(400 + rows * sizeof *kinds), headers[160];
    if (!CHECK(body)) return -1;
    size_t head = (size_t)sprintf(
        body,
        "{\"inputs\":[{\"name\":\"x\",\"shape\":[%zu,4],\"datatype\":\"FP64\","
        "\"parameters\":{\"binary_data_size\":%zu}}],\"parameters\":{\"binary_data_output\":true}}",
        rows, rows * sizeof *kinds);
    for (size_t i = 0; i < rows; i++)
        memcpy(body + head + i * sizeof *kinds, kinds[i >= rows / 2], sizeof *kinds);
    snprintf(headers, sizeof headers,
             "X-Request-Id: %s\r\nInference-Header-Content-Length: %zu\r\n", id, head);
    bool ok = serve_client_ask(&s->client, "POST", "/v2/models/iris/infer", headers, body,
                               head + rows * sizeof *kinds);
    free(body);
    if (!CHECK(ok) || !CHECK_INT(s->client.status, 200)) return -1;
    CHECK_INT(ask(s, "GET", "/api/v1/iris/drift", "", ""), 200);
    json_t *j = json_loadb(s->client.body, s->client.body_length, 0, NULL);
    int64_t counted =
        json_integer_value(json_object_get(json_object_get(j, "open_window"), "rows"));
    json_decref(j);
    return counted;
}

static int64_t open_window(leattest *t, service *s)
{
    CHECK_INT(ask(s, "GET", "/api/v1/iris/drift", "", ""), 200);
    json_t *j = json_loadb(s->client.body, s->client.body_length, 0, NULL);
    int64_t rows = json_integer_value(json_object_get(json_object_get(j, "open_window"), "rows"));
    json_decref(j);
    return rows;
}

/* What is marked as an example is answered and counted as a request, and nothing is known of its
 * row: as the page asks when it is opened. */
static void examples(leattest *t)
{
#define MARK   "Leat-Example: true\r\nX-Request-Id: shown\r\n"
#define LABELS "{model=\"iris\",version=\"1\"}"
    service s;
    char log[512];
    snprintf(log, sizeof log, "%s", leattest_scratch("examples.log"));
    if (!make(t, &s)) return;
    s.options.workers = 1;
    s.options.prediction_log = log;
    s.options.cache = 1 << 20;
    if (!start(t, &s)) goto out;
    CHECK_INT(ask(&s, "POST", "/api/v1/iris", MARK, IRIS), 200);
    CHECK(strstr(s.client.body, "setosa"));
    CHECK_INT(ask(&s, "POST", "/api/v1/iris?explain=true", MARK, IRIS), 200);
    CHECK(strstr(s.client.body, "explanations"));
    CHECK_INT(ask(&s, "POST", "/invocations", MARK, "{\"instances\":[[6,3,5,2]]}"), 400);
    CHECK_INT(ask(&s, "POST", "/v2/models/iris/infer", MARK,
                  "{\"inputs\":[{\"name\":\"x\",\"shape\":[1,4],\"datatype\":\"FP64\",\"data\":["
                  "5.1,3.5,1.4,0.2]}]}"),
              200);
    CHECK_INT(open_window(t, &s), 0);
    CHECK_INT(ask(&s, "POST", "/api/v1/iris/feedback", "",
                  "{\"request_id\":\"shown\",\"label\":\"setosa\"}"),
              404);
    CHECK_INT(ask(&s, "POST", "/api/v1/iris", "", IRIS), 200);
    CHECK_INT(open_window(t, &s), 1);
    /* Traffic is not left out by accident. */
    CHECK_INT(ask(&s, "POST", "/api/v1/iris", "Leat-Example: yes\r\n", IRIS), 400);
    CHECK(strstr(s.client.body, "invalid_header"));
    CHECK_INT(ask(&s, "POST", "/api/v1/iris", MARK, "[" IRIS "," IRIS "]"), 422);
    CHECK(strstr(s.client.body, "no_example"));
    CHECK_INT(open_window(t, &s), 1);
    CHECK_INT(ask(&s, "GET", "/metrics", "", ""), 200);
    CHECK(sample(s.client.body, "leat_rows_total" LABELS) == 4);
    CHECK(sample(s.client.body, "leat_request_duration_seconds_count" LABELS) == 4);
    CHECK(sample(s.client.body, "leat_window_rows" LABELS) == 1);
    CHECK(sample(s.client.body, "leat_example_rows_total" LABELS) >= 3);
    CHECK_INT(ask(&s, "GET", "/", "", ""), 200);
    CHECK(strstr(s.client.body, "headers[\"Leat-Example\"] = \"true\""));
out:
    stop(&s);
    char *text = read_file(log);
    size_t lines = 0;
    for (const char *at = text; at && (at = strchr(at, '\n')); at++) lines++;
    CHECK_INT(lines, 1);
    free(text);
#undef MARK
#undef LABELS
}

/* Long requests are counted in part; labels find all of their answers. */
static void long_requests(leattest *t)
{
    service s;
    char label[100];
    static const char path[] = "/api/v1/iris/feedback";
    if (!make(t, &s)) return;
    s.options.workers = 1;
    if (start(t, &s)) {
        CHECK_INT(open_rows(t, &s, 4096, "whole"), 4096);
        CHECK_INT(open_rows(t, &s, 16384, "part"), 2 * 4096);
        CHECK_INT(open_rows(t, &s, 30001, "odd") / 100, (2 * 4096 + 3750) / 100);
        for (int row = 0; row < 30001; row += 3000) {
            sprintf(label, "{\"request_id\":\"odd\",\"row\":%d,\"label\":\"setosa\"}", row);
            CHECK_INT(ask(&s, "POST", path, "", label), 200);
            CHECK_INT(ask(&s, "POST", path, "", label), 409);
        }
        CHECK_INT(ask(&s, "POST", path, "",
                      "{\"request_id\":\"odd\",\"row\":30001,\"label\":\"setosa\"}"),
                  404);
    }
    stop(&s);
}

/* Windows that were closed. */
static size_t closed_windows(leattest *t, service *s)
{
    CHECK_INT(ask(s, "GET", "/api/v1/iris/drift", "", ""), 200);
    json_t *j = json_loadb(s->client.body, s->client.body_length, 0, NULL);
    size_t count = json_array_size(json_object_get(json_object_get(j, "monitor"), "windows"));
    json_decref(j);
    return count;
}

/* Windows and the rows of the open one outlive the server and a model that is loaded anew. */
static void counting_goes_on(leattest *t)
{
    service s;
    char folder[600];
    snprintf(folder, sizeof folder, "%s", leattest_scratch("state"));
    REQUIRE(make(t, &s));
    s.options.state = folder;
    s.options.window_seconds = 0.5;
    s.options.window_rows = 50;
    REQUIRE(start(t, &s));
    (void)open_rows(t, &s, 50, "first");
    for (int i = 0; i < 100 && closed_windows(t, &s) == 0; i++) pause_ms(100);
    CHECK_INT(closed_windows(t, &s), 1);
    CHECK_INT(open_rows(t, &s, 20, "second"), 20);
    CHECK_INT(ask(&s, "POST", "/v2/repository/models/iris/load", "", ""), 200);
    CHECK_INT(open_window(t, &s), 20);
    stop(&s);
    REQUIRE(start(t, &s));
    CHECK_INT(closed_windows(t, &s), 1);
    CHECK_INT(open_rows(t, &s, 10, "third"), 30);
    stop(&s);
    REQUIRE_OK(leati_file_write(t->context, leattest_scratch("state/iris.1.open"), "damaged", 7));
    REQUIRE(start(t, &s));
    CHECK_INT(closed_windows(t, &s), 1);
    CHECK_INT(open_window(t, &s), 0);
    stop(&s);
}

/* What is refused for its explanations was not answered: none of its rows are counted. */
static void refused_explanations(leattest *t)
{
    service s;
    static const char row[] = "5.1,3.5,1.4,0.2\n";
    static const char *const queries[] = {"?explain=true", ""};
    enum { ROWS = 1000, LATE = 100 };
    char *csv = malloc(100 + ROWS * sizeof row), *json = malloc(100 + LATE * sizeof IRIS);
    REQUIRE(csv && json);
    strcpy(csv, "sepal_length,sepal_width,petal_length,petal_width\n");
    for (int i = 0; i < ROWS; i++) strcat(csv, row);
    strcpy(json, "{\"rows\":[" IRIS);
    for (int i = 1; i < LATE; i++) strcat(json, "," IRIS);
    strcat(json, "],\"explain\":true}");
    REQUIRE(make(t, &s));
    if (start(t, &s)) {
        CHECK_INT(ask(&s, "POST", "/api/v1/iris?explain=true", "Content-Type: text/csv\r\n", csv),
                  422);
        CHECK(strstr(s.client.body, "too_many_rows"));
        for (int i = 0; i < 2; i++) {
            char path[60];
            snprintf(path, sizeof path, "/api/v1/iris%s", queries[i]);
            CHECK_INT(ask(&s, "POST", path, "", json), 422);
            CHECK(strstr(s.client.body, "too_many_rows"));
        }
        CHECK_INT(open_window(t, &s), 0);
        CHECK_INT(ask(&s, "POST", "/api/v1/iris?explain=true", "", IRIS), 200);
        CHECK_INT(open_window(t, &s), 1);
    }
    stop(&s);
    free(csv);
    free(json);
}

/* ---- labels -----------------------------------------------------------------------------------
 */

static double realised(service *s, const char *metric)
{
    char head[120];
    snprintf(head, sizeof head, "leat_realised_score{model=\"wood\",version=\"1\",metric=\"%s\"}",
             metric);
    return ask(s, "GET", "/metrics", "", "") == 200 ? sample(s->client.body, head) : (double)NAN;
}

static void feedback(leattest *t)
{
    static const char *const kinds[] = {"ash", "beech", "cedar"};
    static const char path[] = "/api/v1/wood/feedback";
    service s;
    char header[80];
    leat_frame *table = leattest_table(t->context, 600, 29);
    char *labels = malloc(200 * 600), *at = labels;
    if (!make(t, &s) || !CHECK(table) || !CHECK(labels)) return;
    s.options.window_seconds = 0.3;
    s.options.window_rows = 400; /* the window stays open until the labels have come */
    if (!start(t, &s)) goto out;
    /* 300 answers in three requests; all labels are right but for every tenth. */
    int right = 0;
    *at++ = '[';
    for (int k = 0; k < 3; k++) {
        char *rows = rows_text(table, (size_t)k * 100, 100, 0);
        snprintf(header, sizeof header, "X-Request-Id: q%d\r\n", k);
        CHECK_INT(ask(&s, "POST", "/api/v1/wood", header, rows), 200);
        free(rows);
        json_t *j = json_loadb(s.client.body, s.client.body_length, 0, NULL);
        for (size_t i = 0; i < 100; i++) {
            const char *said =
                json_string_value(json_array_get(json_object_get(j, "predictions"), i));
            int kind = 0;
            while (kind < 2 && strcmp(said ? said : "", kinds[kind]) != 0) kind++;
            bool good = i % 10 != 0;
            right += good;
            at += sprintf(
                at, "%s{\"request_id\":\"q%d\",\"row\":%zu,\"label\":\"%s\",\"group\":\"%s\"}",
                k || i ? "," : "", k, i, kinds[good ? kind : (kind + 1) % 3],
                i % 2 ? "odd" : "even");
        }
        json_decref(j);
    }
    strcpy(at, "]");
    CHECK_INT(ask(&s, "POST", path, "", labels), 200);
    CHECK(strstr(s.client.body, "\"counted\":300,\"duplicate\":0,\"unknown\":0,\"invalid\":0"));
    CHECK_INT(ask(&s, "POST", path, "", labels), 200);
    CHECK(strstr(s.client.body, "\"counted\":0,\"duplicate\":300"));
    char *rest = rows_text(table, 300, 100, 0);
    CHECK_INT(ask(&s, "POST", "/api/v1/wood", "", rest), 200);
    free(rest);
    double accuracy = (double)NAN;
    for (int i = 0; i < 1500 && isnan(accuracy); i++) {
        pause_ms(20);
        accuracy = realised(&s, "accuracy");
    }
    CHECK_NEAR(accuracy, right / 300.0, 1e-12, 0);
    CHECK(sample(s.client.body,
                 "leat_feedback_total{model=\"wood\",version=\"1\",outcome=\"duplicate"
                 "\"}") == 300);
    CHECK(isfinite(sample(
        s.client.body, "leat_fairness_gap{model=\"wood\",version=\"1\",measure=\"opportunity\"}")));
    /* One at a time; and what is no label. */
    CHECK_INT(ask(&s, "POST", "/api/v1/wood", "X-Request-Id: one\r\n",
                  "{\"length\":5,\"width\":3,\"colour\":\"red\",\"round\":false,\"when\":null}"),
              200);
    CHECK_INT(ask(&s, "POST", path, "", "{\"request_id\":\"one\",\"label\":\"ash\"}"), 200);
    CHECK(strstr(s.client.body, "\"status\":\"counted\""));
    CHECK_INT(ask(&s, "POST", path, "", "{\"request_id\":\"one\",\"label\":\"ash\"}"), 409);
    CHECK_INT(ask(&s, "POST", path, "", "{\"request_id\":\"two\",\"label\":\"ash\"}"), 404);
    CHECK_INT(ask(&s, "POST", path, "", "{\"request_id\":\"one\",\"row\":1,\"label\":\"ash\"}"),
              404);
    CHECK_INT(ask(&s, "POST", path, "", "{\"request_id\":\"one\",\"label\":\"oak\"}"), 422);
    CHECK(strstr(s.client.body, "no class"));
    CHECK_INT(ask(&s, "POST", path, "", "{\"request_id\":\"one\",\"label\":[1]}"), 422);
    CHECK_INT(ask(&s, "POST", path, "", "{\"request_id\":\"one\",\"row\":-1,\"label\":\"ash\"}"),
              422);
    CHECK_INT(ask(&s, "POST", path, "", "{\"request_id\":1,\"label\":\"ash\"}"), 422);
    CHECK_INT(ask(&s, "POST", path, "", "{\"label\":\"ash\"}"), 422);
    CHECK_INT(ask(&s, "POST", path, "", "{\"label\":\"ash\",\"label\":\"ash\"}"), 400);
    CHECK_INT(ask(&s, "POST", path, "", "[{\"request_id\":\"one\"}"), 400);
    CHECK_INT(ask(&s, "POST", path, "", "5"), 422);
    CHECK_INT(ask(&s, "POST", path, "", "[[{\"request_id\":1}],5"), 400);
    CHECK_INT(ask(&s, "POST", path, "", "[]"), 200);
    CHECK_INT(ask(&s, "POST", path, "", "[[{\"request_id\":1}],5,null]"), 200);
    CHECK(strstr(s.client.body, "\"unknown\":0,\"invalid\":3") &&
          strstr(s.client.body, "a label is an object"));
    CHECK_INT(ask(&s, "POST", path, "",
                  "[{\"request_id\":\"x\",\"label\":\"ash\"},{\"request_id\":\"one\"}]"),
              200);
    CHECK(strstr(s.client.body, "no answer of that request") &&
          strstr(s.client.body, "is missing"));
out:
    stop(&s);
    free(labels);
    leat_frame_release(table);
}

/* Of a version and its shadow: both are logged under the same id, both get the label; a canary is
 * logged as such. */
static void arms(leattest *t)
{
    service s;
    char log[512], one[530], two[530], header[80];
    static const char path[] = "/api/v1/wood";
    leat_frame *table = leattest_table(t->context, 400, 31), *other = NULL;
    if (!make(t, &s) || !CHECK(table)) return;
    other = leattest_table(t->context, 300, 37);
    char second[512];
    snprintf(second, sizeof second, "%s", leattest_scratch("wood2.leat"));
    if (!CHECK(other) || !fit(t, other, "kind", "cart", second)) goto out;
    snprintf(log, sizeof log, "%s", leattest_scratch("arms.log"));
    snprintf(one, sizeof one, "wood:1=%s", s.wood);
    snprintf(two, sizeof two, "wood:2=%s", second);
    s.models[0] = one;
    s.models[1] = two;
    s.options.state = "no";
    s.options.prediction_log = log;
    s.options.window_seconds = 0.2;
    s.options.window_rows = 40;
    if (!start(t, &s)) goto out;
    CHECK_INT(ask(&s, "PUT", "/api/v1/wood/rollout", "Content-Type: application/json\r\n",
                  "{\"mode\":\"shadow\",\"from\":1,\"to\":2}"),
              200);
    double scores[2] = {(double)NAN, (double)NAN};
    for (int i = 0; i < 300 && (isnan(scores[0]) || isnan(scores[1])); i++) {
        char *row = rows_text(table, (size_t)i, 1, 0), label[120];
        snprintf(header, sizeof header, "X-Request-Id: arm-%d\r\n", i);
        CHECK_INT(ask(&s, "POST", path, header, row), 200);
        free(row);
        if (i % 8 == 7) pause_ms(10); /* for the shadow, which drops what comes too fast */
        snprintf(label, sizeof label, "{\"request_id\":\"arm-%d\",\"label\":\"ash\"}", i - i % 8);
        if (i % 8 == 7) CHECK_INT(ask(&s, "POST", "/api/v1/wood/feedback", "", label), 200);
        if (i % 8 != 7) continue;
        CHECK_INT(ask(&s, "GET", "/metrics", "", ""), 200);
        for (int k = 0; k < 2; k++) {
            char head[100];
            snprintf(head, sizeof head,
                     "leat_realised_score{model=\"wood\",version=\"%d\",metric=\"accuracy\"}",
                     k + 1);
            double now = sample(s.client.body, head);
            if (isfinite(now)) scores[k] = now;
        }
    }
    CHECK(isfinite(scores[0]) && isfinite(scores[1]));
    CHECK_INT(ask(&s, "DELETE", "/api/v1/wood/rollout", "", ""), 200);
    CHECK_INT(ask(&s, "PUT", "/api/v1/wood/rollout", "Content-Type: application/json\r\n",
                  "{\"from\":1,\"to\":2,\"steps\":[50,100]}"),
              200);
    for (int i = 0; i < 20; i++) {
        char *row = rows_text(table, (size_t)i, 1, 0);
        CHECK_INT(ask(&s, "POST", path, "", row), 200);
        free(row);
    }
    stop(&s);
    char *text = read_file(log);
    CHECK(strstr(text,
                 "\"request_id\":\"arm-3\",\"row\":0,\"model\":\"wood\",\"version\":\"1\",\"arm\":"
                 "\"stable\""));
    CHECK(strstr(text,
                 "\"request_id\":\"arm-3\",\"row\":0,\"model\":\"wood\",\"version\":\"2\",\"arm\":"
                 "\"shadow\""));
    CHECK(strstr(text, "\"version\":\"2\",\"arm\":\"canary\""));
    free(text);
out:
    stop(&s);
    leat_frame_release(other);
    leat_frame_release(table);
}

/* ---- memory -----------------------------------------------------------------------------------
 */

static leat_status start_and_end(leat_context *c, void *arg)
{
    service *s = arg;
    leat_server *server;
    leat_status st = leat_server_start(c, &s->options, &server);
    if (st == LEAT_OK) leat_server_destroy(server);
    return st;
}

static void little_memory(leattest *t)
{
    service s;
    const char *hidden[] = {"length"};
    char path[512];
    if (!make(t, &s)) return;
    snprintf(path, sizeof path, "%s", leattest_scratch("memory.log"));
    s.models[0] = s.wood;
    s.options.model_count = 1;
    s.options.metrics = "127.0.0.1:0";
    s.options.access_log = s.options.prediction_log = path;
    s.options.log_redact = hidden;
    s.options.log_redact_count = 1;
    leattest_fail_some_allocations(t, start_and_end, &s);
}

static void options(leattest *t)
{
    service s;
    if (!make(t, &s)) return;
    leat_serve_options good = s.options;
    s.options.drift = "maybe";
    CHECK_FAILS(leat_server_start(t->context, &s.options, &s.server), LEAT_INVALID, "maybe");
    s.options = good;
    s.options.log_sample = 2;
    CHECK_FAILS(leat_server_start(t->context, &s.options, &s.server), LEAT_INVALID, "0 to 1");
    s.options = good;
    s.options.access_log = "/nowhere/access.log";
    CHECK_FAILS(leat_server_start(t->context, &s.options, &s.server), LEAT_IO,
                "/nowhere/access.log");
    s.options = good;
    s.options.metrics = "nonsense";
    CHECK(leat_server_start(t->context, &s.options, &s.server) == LEAT_INVALID);
    leat_error_clear(t->context);
}

static const leattest_case cases[] = {TEST(metrics),
                                      TEST(access_log),
                                      TEST(key_metrics),
                                      TEST(a_list_of_models_holds_everywhere),
                                      TEST(kept_answers_count),
                                      TEST(prediction_log),
                                      TEST(sampled_and_redacted),
                                      TEST(full_disk),
                                      TEST(drift),
                                      TEST(examples),
                                      TEST(long_requests),
                                      TEST(counting_goes_on),
                                      TEST(refused_explanations),
                                      TEST(feedback),
                                      TEST(arms),
                                      TEST(options),
                                      TEST(little_memory)};
LEATTEST_MAIN(cases)
