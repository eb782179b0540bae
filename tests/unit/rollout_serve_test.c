/* Rollouts of a running server over real sockets: a canary that walks to the end under load,
 * versions that are taken back, switches, the shadow, restarts, and a disk that does not write. */
#include <leat/data.h>
#include <leat/rollout.h>
#include <leat/serve.h>
#include <leat/table.h>

#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "serve/rollout_lane.h"
#include "support/fitted.h"
#include "support/leattest.h"
#include "support/serve_client.h"
#include "support/serve_crowd.h"
#include "support/tables.h"

#define ROW "{\"sepal_length\":6,\"sepal_width\":3,\"petal_length\":5,\"petal_width\":2}"
#define API "/api/v1/flower"

/* Versions of the model `flower`: 3 and 4 agree, 5 answers always the same (not what ROW is), 6
 * takes other inputs, 7 is slow. */
static bool save(leattest *t, leat_model *m, const char *folder, int version)
{
    char path[700];
    snprintf(path, sizeof path, "%s/flower/%d.leat", folder, version);
    bool ok = CHECK(m) && CHECK_OK(leat_model_save(t->context, m, path));
    leat_model_release(m);
    return ok;
}

static leat_frame *many(leat_context *c, leat_frame *f)
{
    leat_frame *all = leat_frame_retain(f);
    for (int i = 0; all && i < 8; i++) {
        leat_frame *twice = NULL;
        if (leat_table_concat_frames(c, &twice, all, all) != LEAT_OK) twice = NULL;
        leat_frame_release(all);
        all = twice;
    }
    return all;
}

static bool make_models(leattest *t, const char *folder, bool slow)
{
    leat_context *c = t->context;
    char path[640];
    leat_frame *iris = NULL, *other = leattest_table(c, 100, 7);
    mkdir(folder, 0755);
    snprintf(path, sizeof path, "%s/flower", folder);
    mkdir(path, 0755);
    if (!CHECK_OK(leat_data_load(c, &iris, "iris", NULL)) || !CHECK(other)) return false;
    bool ok =
        save(t, leattest_model(c, iris, "species", NULL, "lda", NULL, "auto"), folder, 3) &&
        save(t, leattest_model(c, iris, "species", NULL, "qda", NULL, "auto"), folder, 4) &&
        save(t, leattest_model(c, iris, "species", NULL, "baseline", NULL, "auto"), folder, 5) &&
        save(t, leattest_model(c, other, "kind", "weight|id", "cart", NULL, "auto"), folder, 6);
    if (ok && slow) {
        leat_frame *all = many(c, iris);
        ok = CHECK(all) &&
             save(t, leattest_model(c, all, "species", NULL, "knn", "algorithm=brute", "auto"),
                  folder, 7);
        leat_frame_release(all);
    }
    leat_frame_release(iris);
    leat_frame_release(other);
    return ok;
}

typedef struct fixture {
    leat_server *server;
    serve_client k;
    char folder[512], state[512];
    bool keeps;
    size_t cache;
} fixture;

static bool open_server(leattest *t, fixture *f)
{
    leat_serve_options o = leat_serve_options_default();
    const char *models[] = {f->folder};
    o.listen = "127.0.0.1:0";
    o.models = models, o.model_count = 1;
    o.workers = 2;
    o.cache = f->cache;
    o.state = f->keeps ? f->state : "no";
    return CHECK_OK(leat_server_start(t->context, &o, &f->server)) &&
           CHECK(serve_client_open(&f->k, leat_server_url(f->server)));
}

static void close_server(fixture *f)
{
    serve_client_close(&f->k);
    leat_server_destroy(f->server);
    f->server = NULL;
}

/* name: of the folders, so that tests do not meet. */
static bool begin(leattest *t, fixture *f, const char *name, bool slow)
{
    char part[80];
    *f = (fixture){.k = {.fd = -1}, .keeps = true};
    snprintf(part, sizeof part, "models_%s", name);
    snprintf(f->folder, sizeof f->folder, "%s", leattest_scratch(part));
    snprintf(part, sizeof part, "state_%s", name);
    snprintf(f->state, sizeof f->state, "%s", leattest_scratch(part));
    return make_models(t, f->folder, slow) && open_server(t, f);
}

static bool send_to(fixture *f, const char *method, const char *path, const char *body)
{
    return serve_client_ask(&f->k, method, path, "Content-Type: application/json\r\n", body,
                            strlen(body));
}

static bool put(leattest *t, fixture *f, int status, const char *body)
{
    bool ok = CHECK(send_to(f, "PUT", API "/rollout", body)) && CHECK_INT(f->k.status, status);
    if (!ok) printf("    %s\n    %.300s\n", body, f->k.body ? f->k.body : "");
    return ok;
}

static bool act(leattest *t, fixture *f, int status, const char *action)
{
    char body[64];
    snprintf(body, sizeof body, "{\"action\":\"%s\"}", action);
    bool ok = CHECK(send_to(f, "POST", API "/rollout", body)) && CHECK_INT(f->k.status, status);
    if (!ok) printf("    %s: %.300s\n", action, f->k.body ? f->k.body : "");
    return ok;
}

/* leat_rollout_destroy; NULL: it failed. */
static leat_rollout *status_of(leattest *t, fixture *f)
{
    leat_rollout *r = NULL;
    if (!CHECK(send_to(f, "GET", API "/rollout", "")) || !CHECK_INT(f->k.status, 200)) return NULL;
    CHECK_OK(leat_rollout_read(t->context, &r, f->k.body, f->k.body_length));
    return r;
}

static bool phase_is(leattest *t, fixture *f, const char *phase)
{
    leat_rollout *r = status_of(t, f);
    bool is = r && strcmp(leat_rollout_about(r).phase, phase) == 0;
    leat_rollout_destroy(r);
    return is;
}

static void rest(long ms)
{
    const struct timespec pause = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&pause, NULL);
}

/* Until the phase is another one than `phase`, at most a minute and a half: machines are busy. */
static bool leaves(leattest *t, fixture *f, const char *phase)
{
    for (int i = 0; i < 900; i++) {
        if (!phase_is(t, f, phase)) return true;
        rest(100);
    }
    return false;
}

/* The version that answers the next request; *arm as the header says. */
static int asked(leattest *t, fixture *f, const char *path, char arm[16])
{
    char version[16] = "0";
    *arm = '\0';
    if (!CHECK(send_to(f, "POST", path, ROW))) return 0;
    serve_client_header(&f->k, "Leat-Arm", arm, 16);
    serve_client_header(&f->k, "Leat-Model-Version", version, sizeof version);
    return atoi(version);
}

/* ---- load -------------------------------------------------------------------------------------
 */

enum { CALLERS = 3 };

static void gather(leattest *t, serve_crowd *c, const fixture *f)
{
    serve_question question = {
        .url = leat_server_url(f->server), .path = API, .body = ROW, .length = sizeof ROW - 1};
    serve_crowd_gather(t, c, &question, CALLERS);
}

/* ---- tests ------------------------------------------------------------------------------------
 */

/* 0 to 100% under load, not one failed request. */
static void walks(leattest *t)
{
    fixture f;
    serve_crowd c;
    char arm[16];
    if (!begin(t, &f, "walks", false)) return;
    CHECK(send_to(&f, "GET", API "/rollout", ""));
    CHECK(strstr(f.k.body, "\"phase\":\"none\""));
    CHECK_INT(asked(t, &f, API, arm), 0); /* nothing is said where nothing was decided */
    put(t, &f, 200, "{\"mode\":\"switch\",\"to\":3}"); /* 6 would refuse the rows */
    /* What is loaded later waits for its rollout. */
    CHECK(send_to(&f, "POST", "/v2/repository/models/flower/load", ""));
    CHECK_INT(f.k.status, 200);
    CHECK_INT(asked(t, &f, API, arm), 3);
    gather(t, &c, &f);
    put(t, &f, 200,
        "{\"from\":3,\"to\":4,\"steps\":[10,50,100],\"hold\":0.4,\"prolong\":300,\"abort_if\":["
        "\"error_rate>stable+20%\"]}");
    CHECK(leaves(t, &f, "running"));
    serve_crowd_disperse(&c);
    leat_rollout *r = status_of(t, &f);
    if (r) {
        leat_rollout_info about = leat_rollout_about(r);
        CHECK_STR(about.phase, "done");
        CHECK_INT(about.serving, 4);
        CHECK_INT(about.previous, 3);
        CHECK(about.kept);
        for (size_t i = 0; i < 3; i++) {
            leat_rollout_stage s = leat_rollout_stage_at(r, i);
            double n = (double)(s.stable.requests + s.candidate.requests);
            CHECK_STR(s.result, "passed");
            CHECK_INT(s.candidate.errors + s.stable.errors, 0);
            CHECK(s.candidate.requests > 0);
            /* Off by less than one on each of the four threads; at the borders of a step, by what
             * the three callers had under way. */
            CHECK_NEAR((double)s.candidate.requests, s.share / 100 * n, 0, 4 + 2 * CALLERS);
        }
        CHECK(leat_rollout_events(r) >= 4);
    }
    leat_rollout_destroy(r);
    CHECK(atomic_load(&c.asked) > 100);
    CHECK_INT(atomic_load(&c.failed) + atomic_load(&c.refused), 0);
    CHECK(atomic_load(&c.canaries) > 0);
    CHECK_INT(asked(t, &f, API, arm), 4);
    /* Forgotten: the highest answers, which takes other inputs. */
    CHECK(send_to(&f, "DELETE", API "/rollout", ""));
    CHECK_INT(f.k.status, 200);
    CHECK_INT(asked(t, &f, API, arm), 0);
    CHECK_INT(f.k.status, 422);
    close_server(&f);
}

/* A version that refuses what the stable one takes. */
static void takes_back_errors(leattest *t)
{
    fixture f;
    serve_crowd c;
    char arm[16];
    if (!begin(t, &f, "errors", false)) return;
    put(t, &f, 200, "{\"mode\":\"switch\",\"to\":3}"); /* none of 6 before the crowd is there */
    gather(t, &c, &f);
    put(t, &f, 200,
        "{\"to\":6,\"steps\":[20,100],\"hold\":60,\"abort_if\":[\"error_rate>stable+5%\"]}");
    CHECK(leaves(t, &f, "running"));
    uint32_t refused = atomic_load(&c.refused);
    leat_rollout *r = status_of(t, &f);
    if (r) {
        leat_rollout_info about = leat_rollout_about(r);
        CHECK_STR(about.phase, "aborted");
        CHECK_INT(about.serving, 3);
        CHECK(strstr(about.reason, "error_rate>stable+5%"));
        CHECK_STR(leat_rollout_rule_at(r, 0).finding, "broken");
        CHECK_STR(leat_rollout_stage_at(r, 0).result, "aborted");
    }
    leat_rollout_destroy(r);
    CHECK(refused > 0);
    for (int i = 0; i < 50; i++) CHECK_INT(asked(t, &f, API, arm), 3);
    rest(50);
    CHECK(atomic_load(&c.refused) <= refused + CALLERS); /* those that were under way */
    serve_crowd_disperse(&c);
    CHECK_INT(atomic_load(&c.failed), 0);
    close_server(&f);
}

/* Nanoseconds that the statistics of a version give to a member. */
static unsigned long long spent(leattest *t, fixture *f, int version, const char *member)
{
    unsigned long long count = 0, ns = 0;
    char path[64];
    snprintf(path, sizeof path, "/v2/models/flower/versions/%d/stats", version);
    CHECK(send_to(f, "GET", path, ""));
    const char *at = strstr(f->k.body, member);
    CHECK(at && sscanf(at + strlen(member), "{\"count\":%llu,\"ns\":%llu", &count, &ns) == 2);
    return ns;
}

/* Nanoseconds that 25 rows for version 4, which is fast, have waited for another thread than the
 * loop that read them; 0 too where no version is fast: under a sanitizer. */
static unsigned long long waited_by_name(leattest *t, fixture *f)
{
    enum { ROWS = 25, ASKED = 20, FAST_NS = 8000 };
    char csv[ROWS * 16 + 80] = "sepal_length,sepal_width,petal_length,petal_width\n";
    for (int i = 0; i < ROWS; i++) strcat(csv, "5.1,3.5,1.4,0.2\n");
    unsigned long long before = 0;
    for (int i = 0; i < 2 * ASKED; i++) {
        CHECK(send_to(f, "POST", API "/versions/4", ROW));
        if (i + 1 == ASKED) before = spent(t, f, 4, "\"compute_infer\":");
    }
    if (spent(t, f, 4, "\"compute_infer\":") - before > ASKED * FAST_NS) return 0;
    CHECK(serve_client_ask(&f->k, "POST", API "/versions/4", "Content-Type: text/csv\r\n", csv,
                           strlen(csv)));
    CHECK_INT(f->k.status, 200);
    return spent(t, f, 4, "\"queue\":");
}

/* How long the rows take is that of the version that is named, not of the highest. A server that
 * was warmed up while others had its core may hold every version to be slow. */
static bool names_a_fast_one(leattest *t, fixture *f)
{
    enum { TRIES = 5 };
    unsigned long long waited = waited_by_name(t, f);
    for (int i = 1; waited && i < TRIES; i++) {
        close_server(f);
        if (!open_server(t, f)) return false;
        waited = waited_by_name(t, f);
    }
    return CHECK_INT(waited, 0);
}

/* A version that answers well, but late. */
static void takes_back_slow(leattest *t)
{
    fixture f;
    serve_crowd c;
    if (!begin(t, &f, "slow", true)) return;
    if (!names_a_fast_one(t, &f) && !f.server) return;
    put(t, &f, 200, "{\"mode\":\"switch\",\"to\":4}");
    gather(t, &c, &f);
    put(t, &f, 200,
        "{\"from\":4,\"to\":7,\"steps\":[25,100],\"hold\":60,\"abort_if\":[\"p50>stable*2\"]}");
    CHECK(leaves(t, &f, "running"));
    serve_crowd_disperse(&c);
    leat_rollout *r = status_of(t, &f);
    if (r) {
        leat_rollout_info about = leat_rollout_about(r);
        CHECK_STR(about.phase, "aborted");
        CHECK_INT(about.serving, 4);
        CHECK(strstr(about.reason, "p50>stable*2"));
        leat_rollout_stage s = leat_rollout_stage_at(r, 0);
        CHECK(s.candidate.p50 > 2 * s.stable.p50);
    }
    leat_rollout_destroy(r);
    CHECK_INT(atomic_load(&c.failed), 0);
    close_server(&f);
}

/* The version that is drawn says where a request is answered, not the one that would answer without
 * a rollout: here the highest, which is fast, while the new version is slow. */
static void slow_ones_leave_the_loop(leattest *t)
{
    enum { ROWS = 100, ASKED = 10, FAST_NS = 1000 };
    fixture f;
    char from[700], to[700],
        csv[ROWS * 16 + 80] = "sepal_length,sepal_width,petal_length,petal_width\n";
    for (int i = 0; i < ROWS; i++) strcat(csv, "5.1,3.5,1.4,0.2\n");
    if (!begin(t, &f, "loop", true)) return;
    close_server(&f);
    snprintf(from, sizeof from, "%s/flower/7.leat", f.folder);
    snprintf(to, sizeof to, "%s/flower/2.leat", f.folder);
    CHECK(rename(from, to) == 0);
    if (!open_server(t, &f)) return;
    put(t, &f, 200, "{\"from\":3,\"to\":2,\"steps\":[50],\"hold\":1000}");
    for (int i = 0; i < ASKED; i++) {
        CHECK(serve_client_ask(&f.k, "POST", API, "Content-Type: text/csv\r\n", csv, strlen(csv)));
        CHECK_INT(f.k.status, 200);
    }
    CHECK(spent(t, &f, 2, "\"queue\":") > 0);
    /* Under a sanitizer no version is fast. */
    if (spent(t, &f, 3, "\"compute_infer\":") < ASKED / 2 * ROWS * FAST_NS)
        CHECK_INT(spent(t, &f, 3, "\"queue\":"), 0);
    leat_rollout *r = status_of(t, &f);
    if (r) {
        CHECK_INT(leat_rollout_stage_at(r, 0).stable.requests, ASKED / 2);
        CHECK_INT(leat_rollout_stage_at(r, 0).candidate.requests, ASKED / 2);
    }
    leat_rollout_destroy(r);
    close_server(&f);
}

/* The value of a sample of /metrics; -1: there is none. */
static double sample(leattest *t, fixture *f, const char *name)
{
    CHECK(send_to(f, "GET", "/metrics", ""));
    const char *at = strstr(f->k.body, name);
    return at ? strtod(at + strlen(name), NULL) : -1;
}

/* Requests that a rollout divides are counted by their arms, others as ever; mirrored ones apart.
 */
static void arms_in_metrics(leattest *t)
{
#define OF(name, version, rest) name "{model=\"flower\",version=\"" version "\"" rest "}"
#define COUNT                   "leat_request_duration_seconds_count"
    fixture f;
    char arm[16];
    if (!begin(t, &f, "metrics", false)) return;
    asked(t, &f, API "/versions/4", arm);
    CHECK_NEAR(sample(t, &f, OF(COUNT, "4", "")), 1, 0, 0);
    CHECK(!strstr(f.k.body, "arm="));
    put(t, &f, 200, "{\"from\":3,\"to\":4,\"steps\":[50],\"hold\":1000}");
    for (int i = 0; i < 20; i++) asked(t, &f, API, arm);
    asked(t, &f, API "/versions/4", arm);
    CHECK_NEAR(sample(t, &f, OF(COUNT, "3", ",arm=\"stable\"")), 10, 0, 0);
    CHECK_NEAR(sample(t, &f, OF(COUNT, "4", ",arm=\"canary\"")), 10, 0, 0);
    CHECK_NEAR(sample(t, &f, OF(COUNT, "4", "")), 2, 0, 0);
    CHECK_NEAR(sample(t, &f, OF(COUNT, "3", ",arm=\"canary\"")), -1, 0, 0);
    act(t, &f, 200, "abort");
    put(t, &f, 200,
        "{\"from\":3,\"to\":6,\"steps\":[50],\"hold\":1000,\"mirror\":0,\"other_schema\":true}");
    for (int i = 0; i < 8; i++) asked(t, &f, API, arm);
    CHECK_NEAR(sample(t, &f, OF("leat_failed_requests_total", "6", ",code=\"422\",arm=\"canary\"")),
               4, 0, 0);
    act(t, &f, 200, "abort");
    put(t, &f, 200, "{\"mode\":\"shadow\",\"from\":3,\"to\":4}");
    for (int i = 0; i < 5; i++) asked(t, &f, API, arm);
    double mirrored = 0;
    for (int i = 0; i < 500 && mirrored < 1; i++) {
        rest(10);
        mirrored = sample(
            t, &f, OF("leat_mirrored_request_duration_seconds_count", "4", ",arm=\"shadow\""));
    }
    CHECK(mirrored >= 1);
    CHECK_NEAR(sample(t, &f, OF(COUNT, "4", ",arm=\"canary\"")), 10, 0, 0);
    CHECK_NEAR(sample(t, &f, OF(COUNT, "4", ",arm=\"shadow\"")), -1, 0, 0);
    close_server(&f);
#undef OF
#undef COUNT
}

/* Blue and green, and back, under load; requests that name a version are as they were. */
static void switches(leattest *t)
{
    fixture f;
    serve_crowd c;
    char arm[16];
    if (!begin(t, &f, "switches", false)) return;
    put(t, &f, 422, "{\"mode\":\"switch\"}"); /* there was none before */
    put(t, &f, 200, "{\"mode\":\"switch\",\"to\":3}");
    gather(t, &c, &f);
    for (int i = 0; i < 6; i++) {
        int want = i % 2 ? 3 : 4;
        put(t, &f, 200, i ? "{\"mode\":\"switch\"}" : "{\"mode\":\"switch\",\"to\":4}");
        for (int k = 0; k < 5; k++) CHECK_INT(asked(t, &f, API, arm), want);
        CHECK_STR(arm, "stable");
        CHECK_INT(asked(t, &f, API "/versions/5", arm), 0);
        CHECK(strstr(f.k.body, "\"version\":5"));
    }
    serve_crowd_disperse(&c);
    CHECK_INT(atomic_load(&c.failed) + atomic_load(&c.refused), 0);
    /* All protocols follow. */
    CHECK(send_to(&f, "GET", API, ""));
    CHECK(strstr(f.k.body, "\"version\":3"));
    CHECK(send_to(&f, "POST", "/v2/models/flower/infer",
                  "{\"inputs\":[{\"name\":\"x\",\"shape\":[1,4],\"datatype\":\"FP64\",\"data\":["
                  "5.1,3.5,1.4,0.2]}]}"));
    CHECK(strstr(f.k.body, "\"model_version\":\"3\""));
    CHECK(send_to(&f, "POST", "/invocations", "{\"instances\":[[5.1,3.5,1.4,0.2]]}"));
    CHECK_INT(f.k.status, 200);
    CHECK(serve_client_header(&f.k, "Leat-Model-Version", arm, sizeof arm));
    CHECK_STR(arm, "3");
    close_server(&f);
}

/* Mirrored requests: the answers of the stable version are given, those of the other compared. */
static void shadows(leattest *t)
{
    fixture f;
    char arm[16];
    if (!begin(t, &f, "shadows", false)) return;
    put(t, &f, 200, "{\"mode\":\"shadow\",\"from\":3,\"to\":4}");
    leat_rollout_shadow s = {0};
    /* One after the other, so that none need be dropped; two protocols and a query. */
    for (int i = 0; i < 300; i++) {
        CHECK_INT(asked(t, &f, API, arm), 3);
        CHECK_STR(arm, "stable");
        if (i % 3 == 0)
            CHECK(send_to(&f, "POST", "/invocations", "{\"instances\":[[6,3,5,2],[5,3,1,0.2]]}"));
        if (i % 3 == 1)
            CHECK(send_to(&f, "GET",
                          API "?sepal_length=5.1&sepal_width=3.5&petal_length=1.4&petal_width=0.2",
                          ""));
        CHECK_INT(f.k.status, 200);
    }
    for (int i = 0; i < 300 && s.compared + s.dropped < 500; i++) {
        rest(20);
        leat_rollout *r = status_of(t, &f);
        if (r) s = leat_rollout_mirrored(r);
        leat_rollout_destroy(r);
    }
    CHECK_INT(s.compared + s.dropped, 500);
    CHECK(s.compared > 0);
    CHECK_INT(s.differing, 0);
    CHECK_INT(s.failed, 0);
    CHECK(s.rows >= s.compared);
    CHECK(s.largest_probability > 0 && s.largest_probability < 1);
    act(t, &f, 200, "abort");
    /* One that answers otherwise does not get far. */
    serve_crowd c;
    gather(t, &c, &f);
    put(t, &f, 200,
        "{\"mode\":\"shadow\",\"to\":5,\"mirror\":0.5,\"abort_if\":[\"disagreement>10%\"]}");
    CHECK(leaves(t, &f, "running"));
    CHECK(phase_is(t, &f, "aborted"));
    /* One that fails, too. */
    put(t, &f, 200, "{\"mode\":\"shadow\",\"to\":6,\"abort_if\":[\"disagreement>10%\"]}");
    CHECK(leaves(t, &f, "running"));
    leat_rollout *r = status_of(t, &f);
    if (r) CHECK(leat_rollout_mirrored(r).failed > 0);
    leat_rollout_destroy(r);
    serve_crowd_disperse(&c);
    CHECK_INT(atomic_load(&c.failed) + atomic_load(&c.refused) + atomic_load(&c.canaries), 0);
    close_server(&f);
}

static double now_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* What is asked to be explained is mirrored without: the other version is compared by its answers,
 * and by how long both take for these alone. */
static void explains_once(leattest *t)
{
    enum { TIMES = 60 };
    fixture f;
    char arm[16];
    if (!begin(t, &f, "explains", false)) return;
    put(t, &f, 200, "{\"mode\":\"shadow\",\"from\":3,\"to\":4,\"hold\":1000}");
    double spent = now_seconds();
    for (int i = 0; i < TIMES; i++) {
        CHECK_INT(asked(t, &f, API "?explain=true", arm), 3);
        CHECK(strstr(f.k.body, "\"explanations\""));
    }
    spent = (now_seconds() - spent) / TIMES;
    leat_rollout_stage s = {0};
    leat_rollout_shadow m = {0};
    for (int i = 0; i < 300 && m.compared + m.dropped < TIMES; i++) {
        rest(20);
        leat_rollout *r = status_of(t, &f);
        if (r) s = leat_rollout_stage_at(r, 0), m = leat_rollout_mirrored(r);
        leat_rollout_destroy(r);
    }
    CHECK_INT(m.compared + m.dropped, TIMES);
    CHECK(m.compared > 0 && m.failed == 0 && m.differing == 0);
    CHECK_INT(s.candidate.requests, m.compared);
    CHECK(s.stable.mean > 0 && s.stable.mean < spent / 3);
    CHECK(s.candidate.mean > 0 && s.candidate.mean < spent / 3);
    close_server(&f);
}

/* A request that goes on to a thread for long answers keeps the arm that was drawn for it: of every
 * two requests of a connection one gets the candidate, whichever thread answers them. */
static void draws_once(leattest *t)
{
    fixture f;
    char arm[16];
    if (!begin(t, &f, "draws", false)) return;
    put(t, &f, 200, "{\"from\":3,\"to\":4,\"steps\":[50],\"hold\":1000}");
    for (int i = 0; i < 24; i++) {
        int version = asked(t, &f, API "?explain=true", arm);
        CHECK(strstr(f.k.body, "\"explanations\""));
        CHECK_INT(version + asked(t, &f, API, arm), 3 + 4);
    }
    leat_rollout *r = status_of(t, &f);
    if (r) {
        leat_rollout_stage s = leat_rollout_stage_at(r, 0);
        CHECK_INT(s.stable.requests, 24);
        CHECK_INT(s.candidate.requests, 24);
    }
    leat_rollout_destroy(r);
    close_server(&f);
}

/* Answers that are kept are given by the share too, but say nothing about how fast a version is. */
static void kept_answers(leattest *t)
{
    fixture f;
    char arm[16];
    int canaries = 0;
    if (!begin(t, &f, "kept", false)) return;
    close_server(&f);
    f.cache = 1 << 20;
    if (!open_server(t, &f)) return;
    put(t, &f, 200, "{\"from\":3,\"to\":4,\"steps\":[50],\"hold\":1000}");
    for (int i = 0; i < 40; i++) canaries += asked(t, &f, API, arm) == 4;
    CHECK_INT(canaries, 20);
    leat_rollout *r = status_of(t, &f);
    if (r) {
        leat_rollout_stage s = leat_rollout_stage_at(r, 0);
        CHECK_INT(s.stable.requests, 1);
        CHECK_INT(s.candidate.requests, 1);
    }
    leat_rollout_destroy(r);
    close_server(&f);
}

/* A client stays on its side, and the share of clients is met. */
static void sticks(leattest *t)
{
    enum { CLIENTS = 200 };
    fixture f;
    int canaries = 0;
    if (!begin(t, &f, "sticks", false)) return;
    put(t, &f, 200,
        "{\"from\":3,\"to\":4,\"steps\":[30,60],\"hold\":1000,\"sticky\":\"header:X-User\","
        "\"seed\":5}");
    bool before[CLIENTS];
    for (int round = 0; round < 3; round++) {
        if (round == 2) act(t, &f, 200, "promote");
        for (int i = 0; i < CLIENTS; i++) {
            char head[64], arm[16] = "";
            snprintf(head, sizeof head, "X-User: client%d\r\n", i);
            CHECK(serve_client_ask(&f.k, "POST", API, head, ROW, sizeof ROW - 1));
            serve_client_header(&f.k, "Leat-Arm", arm, sizeof arm);
            bool canary = strcmp(arm, "canary") == 0;
            if (round == 1) CHECK(canary == before[i]);
            if (round == 2) CHECK(canary || !before[i]);
            before[i] = canary;
            canaries += canary && round == 0;
        }
    }
    CHECK_NEAR(canaries, 0.3 * CLIENTS, 0, 4 * sqrt(0.21 * CLIENTS));
    /* By the value of an input. */
    act(t, &f, 200, "abort");
    put(t, &f, 200,
        "{\"from\":3,\"to\":4,\"steps\":[50],\"hold\":1000,\"sticky\":\"input:sepal_length\"}");
    char first[16], arm[16];
    asked(t, &f, API, first);
    for (int i = 0; i < 20; i++) {
        asked(t, &f, API, arm);
        CHECK_STR(arm, first);
    }
    close_server(&f);
}

/* What was decided and counted is there after the end and a new start. */
static void survives(leattest *t)
{
    fixture f;
    char arm[16];
    if (!begin(t, &f, "survives", false)) return;
    put(t, &f, 200,
        "{\"from\":3,\"to\":4,\"steps\":[10,50,100],\"hold\":1000,\"seed\":8,\"abort_if\":["
        "\"error_rate>stable+1%\"]}");
    act(t, &f, 200, "promote");
    for (int i = 0; i < 40; i++) CHECK(asked(t, &f, API, arm) >= 3);
    leat_server_drain(f.server, 5);
    close_server(&f);
    REQUIRE(open_server(t, &f));
    leat_rollout *r = status_of(t, &f);
    if (r) {
        leat_rollout_info about = leat_rollout_about(r);
        leat_rollout_stage s = leat_rollout_stage_at(r, 1);
        CHECK_STR(about.phase, "running");
        CHECK_INT(about.step, 1);
        CHECK_INT(about.seed, 8);
        CHECK_NEAR(about.share, 50, 0, 0);
        CHECK_INT(s.stable.requests + s.candidate.requests, 40);
        CHECK_STR(leat_rollout_stage_at(r, 0).result, "skipped");
    }
    leat_rollout_destroy(r);
    /* Two servers cannot keep their state in one folder. */
    leat_serve_options o = leat_serve_options_default();
    const char *models[] = {f.folder};
    leat_server *second;
    o.listen = "127.0.0.1:0", o.models = models, o.model_count = 1, o.state = f.state;
    CHECK_FAILS(leat_server_start(t->context, &o, &second), LEAT_INVALID, "another server|--state");
    /* A version that is gone takes its rollout with it. */
    char path[700];
    close_server(&f);
    snprintf(path, sizeof path, "%s/flower/4.leat", f.folder);
    CHECK(remove(path) == 0);
    REQUIRE(open_server(t, &f));
    CHECK(phase_is(t, &f, "aborted"));
    CHECK_INT(asked(t, &f, API, arm), 3);
    close_server(&f);
    /* A damaged file is said. */
    snprintf(path, sizeof path, "%s/flower.json", f.state);
    FILE *file = fopen(path, "w");
    REQUIRE(file);
    fputs("{\"format\":1", file);
    fclose(file);
    CHECK_FAILS(leat_server_start(t->context, &o, &second), LEAT_FORMAT, "flower.json|remove it");
}

/* Where nothing can be written, nothing begins; what protects is done, and requests go on. */
static void full_disk(leattest *t)
{
    fixture f;
    char arm[16], path[700], gone[700];
    if (!begin(t, &f, "full", false)) return;
    put(t, &f, 200, "{\"from\":3,\"to\":4,\"steps\":[50,100],\"hold\":1000}");
    snprintf(path, sizeof path, "%s", f.state);
    snprintf(gone, sizeof gone, "%s_gone", f.state);
    CHECK(rename(path, gone) == 0);
    act(t, &f, 200, "abort");
    CHECK_INT(asked(t, &f, API, arm), 3);
    leat_rollout *r = status_of(t, &f);
    if (r) CHECK(strlen(leat_rollout_about(r).trouble) > 0);
    leat_rollout_destroy(r);
    put(t, &f, 507, "{\"to\":4}");
    CHECK(strstr(f.k.body, "state_not_kept"));
    CHECK(phase_is(t, &f, "aborted"));
    CHECK_INT(asked(t, &f, API, arm), 3);
    CHECK(rename(gone, path) == 0);
    put(t, &f, 200, "{\"to\":4,\"steps\":[50],\"hold\":1000}");
    r = status_of(t, &f);
    if (r) CHECK_STR(leat_rollout_about(r).trouble, "");
    leat_rollout_destroy(r);
    close_server(&f);
}

static bool load(leattest *t, fixture *f)
{
    return CHECK(send_to(f, "POST", "/v2/repository/models/flower/load", "")) &&
           CHECK_INT(f->k.status, 200);
}

/* A version whose file is gone under a rollout: the status says so, until it is there again. */
static void gone(leattest *t)
{
    fixture f;
    char arm[16], from[700], to[700], stable[700];
    if (!begin(t, &f, "gone", false)) return;
    put(t, &f, 200, "{\"from\":3,\"to\":4,\"steps\":[50],\"hold\":1000}");
    CHECK(strstr(f.k.body, "\"absent\":[]"));
    snprintf(from, sizeof from, "%s/flower/4.leat", f.folder);
    snprintf(to, sizeof to, "%s/flower/9.leat", f.folder);
    snprintf(stable, sizeof stable, "%s/flower/3.leat", f.folder);
    CHECK(rename(from, to) == 0);
    load(t, &f);
    for (int i = 0; i < 4; i++) CHECK_INT(asked(t, &f, API, arm), 3);
    leat_rollout *r = status_of(t, &f);
    CHECK(strstr(f.k.body, "\"absent\":[4]"));
    if (r) CHECK_INT(leat_rollout_about(r).candidate_absent, 4);
    if (r) CHECK_INT(leat_rollout_about(r).stable_absent, 0);
    leat_rollout_destroy(r);
    /* The stable one, too: 9 answers. */
    CHECK(remove(stable) == 0);
    load(t, &f);
    r = status_of(t, &f);
    CHECK(strstr(f.k.body, "\"absent\":[3,4]"));
    if (r) CHECK_INT(leat_rollout_about(r).stable_absent, 3);
    if (r) CHECK_INT(leat_rollout_about(r).serving, 9);
    leat_rollout_destroy(r);
    CHECK(rename(to, from) == 0);
    load(t, &f);
    act(t, &f, 200, "finish");
    CHECK(strstr(f.k.body, "\"absent\":[]"));
    CHECK_INT(asked(t, &f, API, arm), 4);
    close_server(&f);
}

/* Nothing is decided about a version that is not there; when it is there again, it goes on. */
static void stands_still(leattest *t)
{
    fixture f;
    char from[700], to[700];
    if (!begin(t, &f, "still", false)) return;
    put(t, &f, 200, "{\"from\":3,\"to\":4,\"steps\":[50],\"hold\":3}");
    snprintf(from, sizeof from, "%s/flower/4.leat", f.folder);
    snprintf(to, sizeof to, "%s/flower-4", f.folder);
    CHECK(rename(from, to) == 0);
    load(t, &f);
    rest(4000);
    CHECK(phase_is(t, &f, "running"));
    CHECK(strstr(f.k.body, "stands still: version 4 is not loaded"));
    CHECK(rename(to, from) == 0);
    load(t, &f);
    CHECK(leaves(t, &f, "running") && phase_is(t, &f, "done"));
    CHECK(strstr(f.k.body, "goes on: both versions are loaded"));
    close_server(&f);
}

/* PUT of the bytes of version `file` as version `version`. */
static void upload(leattest *t, fixture *f, int file, const char *version, const char *headers,
                   int status, const char *word)
{
    char path[700];
    leati_bytes b;
    snprintf(path, sizeof path, "%s/flower-%d", f->folder, file);
    if (!CHECK_OK(leati_file_read(t->context, &b, path))) return;
    snprintf(path, sizeof path, API "/versions/%s", version);
    CHECK(serve_client_ask(&f->k, "PUT", path, headers, b.data, b.size));
    CHECK_INT(f->k.status, status);
    if (!CHECK(strstr(f->k.body, word))) printf("    %.400s\n", f->k.body);
    leati_bytes_release(&b);
}

/* Copies of the versions beside the folder of the model. */
static void keep_copies(leattest *t, const fixture *f)
{
    for (int v = 3; v <= 6; v++) {
        char from[700], to[700];
        leati_bytes b;
        snprintf(from, sizeof from, "%s/flower/%d.leat", f->folder, v);
        snprintf(to, sizeof to, "%s/flower-%d", f->folder, v);
        if (!CHECK_OK(leati_file_read(t->context, &b, from))) return;
        CHECK_OK(leati_file_write(t->context, to, b.data, b.size));
        leati_bytes_release(&b);
    }
}

static void lay(leattest *t, const fixture *f, int file, int version)
{
    char from[700], to[700];
    leati_bytes b;
    snprintf(from, sizeof from, "%s/flower-%d", f->folder, file);
    snprintf(to, sizeof to, "%s/flower/%d.leat", f->folder, version);
    if (!CHECK_OK(leati_file_read(t->context, &b, from))) return;
    CHECK_OK(leati_file_write(t->context, to, b.data, b.size));
    leati_bytes_release(&b);
}

/* No request exchanges the versions of a rollout under way, whichever of its phases that is. */
static void held_fast(leattest *t)
{
    static const char *const phases[] = {"pause", "resume"};
    fixture f;
    if (!begin(t, &f, "held", false)) return;
    keep_copies(t, &f);
    put(t, &f, 200, "{\"from\":3,\"to\":4,\"steps\":[50],\"hold\":1000}");
    CHECK(strstr(f.k.body, "\"sha256\":{\"from\":\""));
    for (int i = 0; i < 2; i++) {
        static const char *const paths[] = {API "/versions/3", API "/versions/4", API};
        act(t, &f, 200, phases[i]);
        for (int k = 0; k < 3; k++) {
            CHECK(send_to(&f, "DELETE", paths[k], ""));
            CHECK_INT(f.k.status, 409);
            CHECK(strstr(f.k.body, "rollout_under_way") && strstr(f.k.body, "abort the rollout"));
        }
        upload(t, &f, 6, "4", "If-Match: *\r\n", 409, "rollout_under_way");
        upload(t, &f, 5, "3", "If-Match: *\r\n", 409, "version 3 of 'flower'");
        upload(t, &f, 4, "4", "If-Match: *\r\n", 200, "unchanged");
    }
    CHECK(phase_is(t, &f, "running"));
    /* Others come and go, and what was lost comes back as it was, not as something else. */
    upload(t, &f, 5, "6", "If-Match: *\r\n", 200, "replaced");
    CHECK(send_to(&f, "DELETE", API "/versions/6", ""));
    CHECK_INT(f.k.status, 204);
    char path[700];
    snprintf(path, sizeof path, "%s/flower/4.leat", f.folder);
    CHECK(remove(path) == 0);
    load(t, &f);
    upload(t, &f, 5, "4", "", 409, "rollout_under_way");
    upload(t, &f, 4, "4", "", 201, "created\"");
    CHECK(phase_is(t, &f, "running"));
    act(t, &f, 200, "abort");
    upload(t, &f, 5, "4", "If-Match: *\r\n", 200, "replaced");
    CHECK(send_to(&f, "DELETE", API "/versions/4", ""));
    CHECK_INT(f.k.status, 204);
    close_server(&f);
}

/* Who exchanges a file on the disk ends the rollout: what was seen was of another one. */
static void exchanged(leattest *t)
{
    fixture f;
    char arm[16];
    if (!begin(t, &f, "exchanged", false)) return;
    keep_copies(t, &f);
    for (int version = 3; version <= 4; version++) {
        put(t, &f, 200, "{\"from\":3,\"to\":4,\"steps\":[50],\"hold\":1000}");
        load(t, &f);
        CHECK(phase_is(t, &f, "running"));
        lay(t, &f, 5, version);
        load(t, &f);
        CHECK(phase_is(t, &f, "aborted"));
        CHECK(
            strstr(f.k.body, version == 3 ? "version 3 was exchanged" : "version 4 was exchanged"));
        CHECK(strstr(f.k.body, "taken back to version 3"));
        CHECK_INT(asked(t, &f, API, arm), 3);
        lay(t, &f, version, version);
        load(t, &f);
        CHECK(phase_is(t, &f, "aborted"));
    }
    /* Unloaded meanwhile, and over a new start. */
    put(t, &f, 200, "{\"from\":3,\"to\":4,\"steps\":[50],\"hold\":1000}");
    CHECK(send_to(&f, "POST", "/v2/repository/models/flower/unload", ""));
    lay(t, &f, 5, 4);
    load(t, &f);
    CHECK(phase_is(t, &f, "aborted") && strstr(f.k.body, "version 4 was exchanged"));
    lay(t, &f, 4, 4);
    load(t, &f);
    put(t, &f, 200, "{\"from\":3,\"to\":4,\"steps\":[50],\"hold\":1000}");
    close_server(&f);
    if (!open_server(t, &f)) return;
    CHECK(phase_is(t, &f, "running"));
    close_server(&f);
    lay(t, &f, 5, 4);
    if (!open_server(t, &f)) return;
    CHECK(phase_is(t, &f, "aborted") && strstr(f.k.body, "version 4 was exchanged"));
    CHECK_INT(asked(t, &f, API, arm), 3);
    close_server(&f);
}

static void refusals(leattest *t)
{
    static const struct {
        const char *method, *path, *body;
        int status;
        const char *word;
    } cases[] = {
        {"GET", "/api/v1/absent/rollout", "", 404, "no model"},
        {"PUT", "/api/v1/absent/rollout", "{\"to\":4}", 404, "no model"},
        {"POST", API "/rollout", "{\"action\":\"pause\"}", 409, "no rollout is under way"},
        {"POST", API "/rollout", "{\"action\":\"jump\"}", 422, "promote"},
        {"DELETE", API "/rollout", "", 404, "never rolled out"},
        {"PUT", API "/rollout", "", 422, "invalid_rollout"},
        {"PUT", API "/rollout", "{}", 422, "missing"},
        {"PUT", API "/rollout", "{\"to\":99}", 404, "no version 99"},
        {"PUT", API "/rollout", "{\"to\":6}", 422, "already"},
        {"PUT", API "/rollout", "{\"to\":4,\"from\":99}", 404, "no version 99"},
        {"PUT", API "/rollout", "{\"to\":4,\"abort_if\":[\"p99>\"]}", 422, "ends where"},
        {"PUT", API "/rollout", "{\"to\":4,\"steps\":[50,20]}", 422, "grow"},
        {"PATCH", API "/rollout", "", 405, "PUT"},
        {"PUT", API "/rollout", "{\"to\":4}", 422, "version 4 needs the input 'sepal_length'"},
        {"PUT", API "/rollout", "{\"to\":4,\"abort_if\":[\"p99>1s\"]}", 422, "other_schema"},
        {"PUT", API "/rollout", "{\"to\":4,\"other_schema\":1}", 422, "true or false"},
        {"PUT", API "/rollout", "{\"from\":3,\"to\":4,\"sticky\":\"input:nope\"}", 422,
         "version 3 of 'flower' has no input 'nope'"},
        {"PUT", API "/rollout", "{\"from\":3,\"to\":4,\"sticky\":\"input:weight\"}", 422,
         "'weight'"},
        {"GET", API "/rollout", "", 200, "\"phase\":\"none\""},
        {"PUT", API "/rollout", "{\"to\":4,\"abort_if\":[\"error_rate>1%\"]}", 200, "running"},
        {"POST", API "/rollout", "{\"action\":\"abort\"}", 200, "aborted"},
        {"PUT", API "/rollout", "{\"from\":6,\"to\":4,\"other_schema\":true}", 200, "running"},
        {"PUT", API "/rollout", "{\"to\":5}", 409, "finish or abort"},
        {"POST", API "/rollout", "{\"action\":\"finish\"}", 200, "done"},
        {"PUT", API "/rollout", "{\"mode\":\"switch\"}", 200, "\"serving\":6"},
    };
    fixture f;
    char arm[16];
    if (!begin(t, &f, "refusals", false)) return;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bool ok = CHECK(send_to(&f, cases[i].method, cases[i].path, cases[i].body)) &&
                  CHECK_INT(f.k.status, cases[i].status) && CHECK(strstr(f.k.body, cases[i].word));
        if (!ok) printf("    %s %s: %.300s\n", cases[i].method, cases[i].body, f.k.body);
        /* What was refused has left nothing behind. */
        if (i == 12) CHECK_INT(asked(t, &f, API, arm), 0);
    }
    close_server(&f);
}

/* Answers requests, as far as the lane knows, whenever memory is asked for. */
typedef struct meanwhile {
    leati_lane *lane; /* NULL: nothing is answered */
    unsigned answered;
} meanwhile;

static void *answer_and_alloc(void *user, size_t bytes)
{
    meanwhile *m = user;
    if (m->lane) {
        leati_tally_add(&m->lane->slots[0].arm[0].requests, 40);
        m->answered += 40;
    }
    return malloc(bytes);
}

static void plain_free(void *user, void *block)
{
    (void)user;
    free(block);
}

/* What is answered while a step begins was divided by the plan before, and is not counted in it. */
static void borders_of_steps(leattest *t)
{
    fixture f;
    meanwhile m = {NULL, 0};
    const leat_allocator a = {&m, answer_and_alloc, plain_free};
    leat_context_options o = leat_context_options_default();
    leat_context *c = NULL;
    leati_repository *rep = NULL;
    leati_rollouts *r = NULL;
    leati_fault why = {0};
    if (!begin(t, &f, "borders", false)) return;
    close_server(&f);
    const char *models[] = {f.folder};
    const leati_served_plan plan = {.slots = 1};
    leati_rollout_spec spec = leati_rollout_spec_default();
    spec.from = 3, spec.to = 4, spec.hold = 1000;
    o.allocator = &a;
    if (!CHECK_OK(leat_context_create(&c, &o)) ||
        !CHECK_OK(leati_repository_create(c, models, 1, &plan, NULL, &rep)) ||
        !CHECK_OK(leati_rollouts_open(c, &r, rep, NULL, 1, NULL)) ||
        !CHECK(leati_rollouts_begin(r, "flower", &spec, &why)))
        goto out;
    leati_lane *lane = leati_lane_find(r, "flower", 6);
    m.lane = lane;
    CHECK(leati_rollouts_act(r, "flower", LEATI_ROLLOUT_PROMOTE, &why));
    m.lane = NULL;
    CHECK(m.answered > 0);
    CHECK_INT(lane->rollout.step, 1);
    CHECK_INT(leati_lane_see(r, lane).stable->requests, 0);
out:
    leati_rollouts_close(r);
    leati_repository_destroy(rep);
    leat_context_destroy(c);
}

/* Without a server: loaded, begun, kept, read again, with any allocation failing. */
static leat_status begin_once(leat_context *c, void *arg)
{
    const fixture *f = arg;
    const char *models[] = {f->folder};
    const leati_served_plan plan = {.slots = 1};
    leati_repository *rep = NULL;
    leati_rollouts *r = NULL;
    leati_fault why = {0};
    leati_rollout_spec spec = leati_rollout_spec_default();
    spec.from = 3, spec.to = 4, spec.hold = (double)NAN;
    leat_status st = leati_repository_create(c, models, 1, &plan, NULL, &rep);
    if (st == LEAT_OK) st = leati_rollouts_open(c, &r, rep, NULL, 1, f->state);
    leati_fault none = {0};
    if (st == LEAT_OK) (void)leati_rollouts_forget(r, "flower", &none); /* of the turn before */
    if (st == LEAT_OK && !leati_rollouts_begin(r, "flower", &spec, &why))
        st = why.http == 503 || why.http == 507 ? LEAT_NOMEM : LEAT_INTERNAL;
    if (st == LEAT_OK && !leati_rollouts_act(r, "flower", LEATI_ROLLOUT_ABORT, &why))
        st = LEAT_INTERNAL;
    if (st == LEAT_OK) {
        leat_json *j = leati_rollouts_status(r, c, leati_repository_shelf(rep), "flower", 6);
        st = leat_json_text(j) ? LEAT_OK : leat_error_status(c);
        leat_json_destroy(j);
    }
    leati_rollouts_close(r);
    leati_repository_destroy(rep);
    return st;
}

static void little_memory(leattest *t)
{
    fixture f;
    if (!begin(t, &f, "little", false)) return;
    close_server(&f);
    leattest_fail_some_allocations(t, begin_once, &f);
}

static leat_status read_answer(leat_context *c, void *arg)
{
    leat_rollout *r;
    leat_status st = leat_rollout_read(c, &r, arg, strlen(arg));
    if (st == LEAT_OK) leat_rollout_destroy(r);
    return st;
}

static void reads(leattest *t)
{
    char good[] = "{\"model\":\"iris\",\"phase\":\"none\",\"serving\":2}";
    leat_rollout *r;
    leattest_fail_allocations(t, read_answer, good);
    CHECK_FAILS(leat_rollout_read(t->context, &r, "[]", 2), LEAT_FORMAT, "nothing of a rollout");
    CHECK_FAILS(leat_rollout_read(t->context, &r, "", 0), LEAT_FORMAT, "rollout");
    REQUIRE_OK(leat_rollout_read(t->context, &r, good, strlen(good)));
    CHECK_INT(leat_rollout_about(r).serving, 2);
    CHECK_INT(leat_rollout_rules(r), 0);
    CHECK(isnan(leat_rollout_stage_at(r, 3).share));
    CHECK_STR(leat_rollout_rule_at(r, 9).rule, "");
    leat_rollout_destroy(r);
}

static const leattest_case cases[] = {TEST(walks),
                                      TEST(takes_back_errors),
                                      TEST(takes_back_slow),
                                      TEST(switches),
                                      TEST(shadows),
                                      TEST(draws_once),
                                      TEST(explains_once),
                                      TEST(kept_answers),
                                      TEST(sticks),
                                      TEST(survives),
                                      TEST(full_disk),
                                      TEST(gone),
                                      TEST(held_fast),
                                      TEST(exchanged),
                                      TEST(stands_still),
                                      TEST(refusals),
                                      TEST(borders_of_steps),
                                      TEST(little_memory),
                                      TEST(reads),
                                      TEST(slow_ones_leave_the_loop),
                                      TEST(arms_in_metrics)};
LEATTEST_MAIN(cases)
