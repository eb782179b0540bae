/* PUT and DELETE of models over real sockets: every status, what lies in the folder afterwards,
 * conditions, two servers on one folder, uploads under load, a full disk. */
#include <leat/data.h>
#include <leat/key.h>
#include <leat/serve.h>

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "serve/repository.h"
#include "serve/served.h"
#include "support/bloated.h"
#include "support/fitted.h"
#include "support/leattest.h"
#include "support/serve_client.h"
#include "support/serve_crowd.h"

#define BINARY "Content-Type: application/octet-stream\r\n"

/* Three models of the same inputs, as bytes, and a folder with one of them under the name iris. */
typedef struct scene {
    leat_server *server;
    serve_client k;
    leati_bytes file[3];
    char etag[3][67];
    char folder[512];
} scene;

static bool make_files(leattest *t, scene *s)
{
    static const char *const estimators[] = {"lda", "cart", "gaussian_nb"};
    leat_context *c = t->context;
    leat_frame *iris = NULL;
    bool ok = CHECK_OK(leat_data_load(c, &iris, "iris", NULL));
    for (int i = 0; ok && i < 3; i++) {
        const char *path = leattest_scratch("upload.leat");
        leat_model *m = leattest_model(c, iris, "species", NULL, estimators[i], NULL, "auto");
        ok = CHECK(m) && CHECK_OK(leat_model_save(c, m, path)) &&
             CHECK_OK(leati_file_read(c, &s->file[i], path));
        if (ok) leati_served_etag(s->file[i].data, s->file[i].size, s->etag[i]);
        leat_model_release(m);
        remove(path);
    }
    leat_frame_release(iris);
    return ok;
}

static bool has_server(leattest *t)
{
    if (!LEAT_HAVE_SERVER) leattest_skip(t, "this build has no server");
    return LEAT_HAVE_SERVER;
}

static bool start(leattest *t, scene *s, const char *place, const char *keys, const char *control)
{
    leat_serve_options o = leat_serve_options_default();
    const char *models[] = {place};
    o.listen = "127.0.0.1:0", o.models = models, o.model_count = 1, o.workers = 2;
    o.keys = keys, o.control = control, o.max_model = 1 << 20;
    return CHECK_OK(leat_server_start(t->context, &o, &s->server)) &&
           CHECK(serve_client_open(&s->k, leat_server_url(s->server)));
}

static bool open_scene(leattest *t, scene *s, const char *keys, const char *control)
{
    char path[640];
    *s = (scene){.k = {.fd = -1}};
    if (!has_server(t)) return false;
    static int turn;
    snprintf(path, sizeof path, "folder%d", turn++);
    snprintf(s->folder, sizeof s->folder, "%s", leattest_scratch(path));
    mkdir(s->folder, 0755);
    if (!make_files(t, s)) return false;
    snprintf(path, sizeof path, "%s/iris.leat", s->folder);
    return CHECK_OK(leati_file_write(t->context, path, s->file[0].data, s->file[0].size)) &&
           start(t, s, s->folder, keys, control);
}

static void close_scene(scene *s)
{
    serve_client_close(&s->k);
    leat_server_destroy(s->server);
    for (int i = 0; i < 3; i++) leati_bytes_release(&s->file[i]);
}

/* words: separated by '|'; all stand in the answer. */
static bool says(leattest *t, scene *s, const char *method, const char *path, const char *headers,
                 const void *body, size_t length, int status, const char *words)
{
    char one[256];
    if (!CHECK(serve_client_ask(&s->k, method, path, headers, body, length))) return false;
    bool ok = CHECK_INT(s->k.status, status);
    for (; *words; words += strcspn(words, "|"), words += *words == '|') {
        snprintf(one, sizeof one, "%.*s", (int)strcspn(words, "|"), words);
        ok = CHECK(strstr(s->k.reply, one)) && ok;
    }
    if (!ok) printf("    %s %s: %.400s\n", method, path, s->k.reply);
    /* A connection that was refused before its body was read is closed. */
    char close_it[32];
    if (serve_client_header(&s->k, "connection", close_it, sizeof close_it) &&
        strcmp(close_it, "close") == 0) {
        serve_client_close(&s->k);
        ok = CHECK(serve_client_open(&s->k, leat_server_url(s->server))) && ok;
    }
    return ok;
}

static bool put(leattest *t, scene *s, const char *path, int file, const char *headers, int status,
                const char *words)
{
    return says(t, s, "PUT", path, headers, s->file[file].data, s->file[file].size, status, words);
}

static bool ask(leattest *t, scene *s, const char *method, const char *path, int status,
                const char *words)
{
    return says(t, s, method, path, "", "", 0, status, words);
}

/* How many files and folders lie there, temporary ones included, but for the numbers that were
 * used. */
static int entries(const char *folder, const char *below)
{
    char path[640];
    snprintf(path, sizeof path, "%s/%s", folder, below);
    DIR *dir = opendir(path);
    int n = 0;
    if (!dir) return -1;
    for (struct dirent *d; (d = readdir(dir));)
        n += strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0 &&
             strcmp(d->d_name, ".versions") != 0;
    closedir(dir);
    return n;
}

#define ROW "{\"sepal_length\":5.1,\"sepal_width\":3.5,\"petal_length\":1.4,\"petal_width\":0.2}"

static void life_of_a_model(leattest *t)
{
    scene s;
    char match[160], none[160];
    if (!open_scene(t, &s, NULL, NULL)) goto out;
    /* Made, described, asked. */
    put(t, &s, "/api/v1/flower", 1, BINARY, 201,
        "Location: /api/v1/flower/versions/1|ETag: \"|\"status\":\"created\"|\"version\":1|sha256");
    CHECK(strstr(s.k.reply, s.etag[1]));
    ask(t, &s, "GET", "/api/v1/flower", 200, "\"estimator\":\"cart\"");
    CHECK(strstr(s.k.reply, s.etag[1]));
    /* Who has the description is not sent it again. */
    snprintf(none, sizeof none, "If-None-Match: \"x\", W/%s\r\n", s.etag[1]);
    says(t, &s, "GET", "/api/v1/flower", none, "", 0, 304, "ETag: ");
    CHECK_INT(s.k.body_length, 0);
    says(t, &s, "GET", "/api/v1/flower", "If-None-Match: *\r\n", "", 0, 304, "");
    says(t, &s, "GET", "/api/v1/flower", "If-None-Match: \"x\"\r\n", "", 0, 200, "cart");
    says(t, &s, "POST", "/api/v1/flower", "", ROW, sizeof ROW - 1, 200, "setosa");
    CHECK_INT(entries(s.folder, "flower"), 1);
    /* The same again changes nothing; another is the next version. */
    put(t, &s, "/api/v1/flower", 1, "", 200, "unchanged|\"version\":1");
    put(t, &s, "/api/v1/flower/versions/1", 1, "", 200, "unchanged");
    put(t, &s, "/api/v1/flower", 2, BINARY, 200,
        "replaced|\"version\":2|Content-Location: /api/v1/flower/versions/2");
    ask(t, &s, "GET", "/v2/models/flower", 200, "\"versions\":[\"1\",\"2\"]");
    ask(t, &s, "GET", "/api/v1/flower", 200, "gaussian_nb");
    /* Versions do not change. */
    put(t, &s, "/api/v1/flower/versions/1", 0, "", 409, "version_exists|If-Match");
    ask(t, &s, "GET", "/api/v1/flower/versions/1", 200, "cart");
    put(t, &s, "/api/v1/flower/versions/7", 0, "", 201, "\"version\":7");
    put(t, &s, "/api/v1/flower", 1, "", 200, "\"version\":8");
    /* Conditions. */
    put(t, &s, "/api/v1/flower", 2, "If-None-Match: *\r\n", 412, "condition_failed|entity tag");
    put(t, &s, "/api/v1/absent", 2, "If-Match: *\r\n", 412, "no such model");
    put(t, &s, "/api/v1/flower/versions/7", 2, "If-Match: \"no\", \"other\"\r\n", 412, "changed");
    put(t, &s, "/api/v1/flower/versions/7", 2, "If-Match: unquoted\r\n", 400, "invalid_condition");
    put(t, &s, "/api/v1/flower/versions/7", 2, "If-None-Match: \r\n", 400, "If-None-Match");
    snprintf(match, sizeof match, "If-Match: \"no\" , %s\r\n", s.etag[0]);
    put(t, &s, "/api/v1/flower/versions/7", 2, match, 200, "replaced|\"version\":7");
    put(t, &s, "/api/v1/flower/versions/7", 1, match, 412, "changed");
    snprintf(none, sizeof none, "If-None-Match: W/%s\r\n", s.etag[2]);
    put(t, &s, "/api/v1/flower/versions/7", 1, none, 412, "it is there");
    snprintf(match, sizeof match, "If-Match: W/%s\r\n", s.etag[2]); /* weak: never enough */
    put(t, &s, "/api/v1/flower/versions/7", 1, match, 412, "changed");
    CHECK_INT(entries(s.folder, "flower"), 4);
    /* Taken off and put again: loads what is there. */
    ask(t, &s, "POST", "/v2/repository/models/flower/unload", 200, "{}");
    put(t, &s, "/api/v1/flower/versions/2", 2, "", 200, "loaded");
    ask(t, &s, "GET", "/v2/models/flower", 200, "\"versions\":[\"2\"]");
    ask(t, &s, "POST", "/v2/repository/models/flower/load", 200, "{}");
    ask(t, &s, "GET", "/v2/models/flower", 200, "[\"1\",\"2\",\"7\",\"8\"]");
    /* The file of the folder itself is version 1. */
    put(t, &s, "/api/v1/iris", 1, "", 200, "\"version\":2");
    /* Deleted. */
    snprintf(match, sizeof match, "If-Match: %s\r\n", s.etag[0]);
    says(t, &s, "DELETE", "/api/v1/flower/versions/7", match, "", 0, 412, "");
    ask(t, &s, "DELETE", "/api/v1/flower/versions/7", 204, "");
    CHECK_INT(s.k.body_length, 0);
    ask(t, &s, "DELETE", "/api/v1/flower/versions/7", 404, "no_such_version");
    ask(t, &s, "GET", "/api/v1/flower/versions/7", 404, "no_such_version");
    CHECK_INT(entries(s.folder, "flower"), 3);
    ask(t, &s, "DELETE", "/api/v1/flower", 204, "");
    ask(t, &s, "GET", "/api/v1/flower", 404, "no_such_model");
    ask(t, &s, "DELETE", "/api/v1/flower", 404, "no_such_model");
    CHECK_INT(entries(s.folder, "flower"), -1);
    CHECK_INT(entries(s.folder, ""), 2); /* iris.leat, iris/ */
    ask(t, &s, "DELETE", "/api/v1/iris/versions/1", 204, "");
    ask(t, &s, "GET", "/api/v1/iris", 200, "\"version\":2");
    ask(t, &s, "DELETE", "/api/v1/iris", 204, "");
    CHECK_INT(entries(s.folder, ""), 0);
    ask(t, &s, "GET", "/api/v1", 200, "\"models\":[]");
    put(t, &s, "/api/v1/iris", 0, "", 201, "\"version\":3"); /* not one that was another */
    ask(t, &s, "POST", "/v2/repository/index", 200, "READY");
out:
    close_scene(&s);
}

static void refusals(leattest *t)
{
    static const char *const names[] = {".hidden", "a%20b", "x.leat", "%C3%A9", "-%22"};
    scene s;
    char path[300], *big = calloc(1, (1 << 20) + 1);
    if (!CHECK(big) || !open_scene(t, &s, NULL, NULL)) {
        free(big);
        return;
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "/api/v1/%s", names[i]);
        put(t, &s, path, 1, "", 422, "invalid_name|request_id");
    }
    memset(path, 'a', 200);
    memcpy(path, "/api/v1/", 8);
    path[200] = 0;
    put(t, &s, path, 1, "", 422, "invalid_name");
    put(t, &s, "/api/v1/..", 1, "", 400, "");
    put(t, &s, "/api/v1/a%2Fb", 1, "", 400, "");
    put(t, &s, "/api/v1/a%5Cb", 1, "", 400, "");
    put(t, &s, "/api/v1/flower/versions/0", 1, "", 422, "invalid_version");
    put(t, &s, "/api/v1/flower/versions/1x", 1, "", 422, "invalid_version");
    put(t, &s, "/api/v1/flower/versions/9999999999", 1, "", 422, "invalid_version");
    put(t, &s, "/api/v1/flower", 1, "Content-Type: text/csv\r\n", 415, "application/vnd.leat");
    put(t, &s, "/api/v1/flower", 1, "Content-Range: bytes 0-9/20\r\n", 400, "as a whole");
    ask(t, &s, "PUT", "/api/v1/flower", 400, "empty_body");
    says(t, &s, "PUT", "/api/v1/flower", "", "no model", 8, 422, "invalid_model|the body");
    says(t, &s, "PUT", "/api/v1/flower", "", s.file[0].data, s.file[0].size - 9, 422,
         "invalid_model");
    memcpy(big, s.file[0].data, s.file[0].size);
    big[s.file[0].size / 2] ^= 1; /* a single bit */
    says(t, &s, "PUT", "/api/v1/flower", "", big, s.file[0].size, 422, "invalid_model");
    says(t, &s, "PUT", "/api/v1/flower", "", big, (1 << 20) + 1, 413, "");
    put(t, &s, "/api/v1/flower", 1, "Origin: http://evil.example\r\n", 403, "other_origin");
    ask(t, &s, "PATCH", "/api/v1/flower", 405, "Allow: OPTIONS, GET, HEAD, POST, PUT, DELETE");
    ask(t, &s, "DELETE", "/api/v1/.hidden", 404, "no_such_model");
    ask(t, &s, "DELETE", "/api/v1/iris/versions/x", 404, "no_such_model");
    put(t, &s, "/api/v1", 1, "", 405, "Allow: OPTIONS, GET, HEAD");
    CHECK_INT(entries(s.folder, ""), 1);
    ask(t, &s, "GET", "/api/v1/iris", 200, "lda");
    free(big);
    close_scene(&s);
}

/* Where a server serves files, changing them is not its business. */
static void files(leattest *t)
{
    scene s = {.k = {.fd = -1}};
    char path[600];
    if (!has_server(t) || !make_files(t, &s)) goto out;
    snprintf(path, sizeof path, "%s", leattest_scratch("single.leat"));
    CHECK_OK(leati_file_write(t->context, path, s.file[0].data, s.file[0].size));
    if (!start(t, &s, path, NULL, NULL)) goto out;
    put(t, &s, "/api/v1/flower", 1, "", 409, "no_folder");
    put(t, &s, "/api/v1/single/versions/1", 1, "If-Match: *\r\n", 409, "not_in_a_folder");
    put(t, &s, "/api/v1/single", 0, "", 200, "unchanged");
    ask(t, &s, "DELETE", "/api/v1/single", 409, "not_in_a_folder");
    ask(t, &s, "GET", "/api/v1/single", 200, "lda");
    CHECK(leati_path_exists(path));
out:
    close_scene(&s);
}

/* All versions go, or none does and the answer says what holds them. */
static void all_or_nothing(leattest *t)
{
    scene s = {.k = {.fd = -1}};
    char path[700], place[720];
    if (!open_scene(t, &s, NULL, NULL)) goto out;
    put(t, &s, "/api/v1/iris", 1, "", 200, "\"version\":2");
    put(t, &s, "/api/v1/iris", 2, "", 200, "\"version\":3");
    /* The second of three cannot be removed: its way is barred. */
    snprintf(path, sizeof path, "%s/iris/.2.leat.%ld.gone", s.folder, (long)getpid());
    CHECK(mkdir(path, 0755) == 0);
    ask(t, &s, "DELETE", "/api/v1/iris", 500, "storage_failed|as it was");
    ask(t, &s, "GET", "/v2/models/iris", 200, "\"versions\":[\"1\",\"2\",\"3\"]");
    CHECK_INT(entries(s.folder, ""), 2);
    CHECK_INT(entries(s.folder, "iris"), 3);
    ask(t, &s, "POST", "/v2/repository/models/iris/load", 200, "{}");
    CHECK(rmdir(path) == 0);
    ask(t, &s, "DELETE", "/api/v1/iris", 204, "");
    CHECK_INT(entries(s.folder, ""), 0);
    /* A file that the server was started with is beside those of a folder. */
    put(t, &s, "/api/v1/iris/versions/2", 1, "", 201, "created");
    put(t, &s, "/api/v1/iris/versions/3", 2, "", 201, "created");
    serve_client_close(&s.k);
    leat_server_destroy(s.server);
    s.server = NULL;
    snprintf(path, sizeof path, "%s", leattest_scratch("held.leat"));
    CHECK_OK(leati_file_write(t->context, path, s.file[0].data, s.file[0].size));
    snprintf(place, sizeof place, "iris:1=%s", path);
    const char *models[] = {s.folder, place};
    leat_serve_options o = leat_serve_options_default();
    o.listen = "127.0.0.1:0", o.models = models, o.model_count = 2, o.workers = 1;
    if (!CHECK_OK(leat_server_start(t->context, &o, &s.server)) ||
        !CHECK(serve_client_open(&s.k, leat_server_url(s.server))))
        goto out;
    ask(t, &s, "DELETE", "/api/v1/iris", 409, "not_in_a_folder|nothing was deleted: version 1");
    CHECK(strstr(s.k.reply, "DELETE /api/v1/iris/versions/N"));
    ask(t, &s, "GET", "/v2/models/iris", 200, "\"versions\":[\"1\",\"2\",\"3\"]");
    CHECK_INT(entries(s.folder, "iris"), 2);
    ask(t, &s, "DELETE", "/api/v1/iris/versions/1", 409, "not_in_a_folder");
    ask(t, &s, "DELETE", "/api/v1/iris/versions/3", 204, "");
    ask(t, &s, "DELETE", "/api/v1/iris/versions/2", 204, "");
    CHECK(leati_path_exists(path));
out:
    close_scene(&s);
}

/* Who may: control, keys. */
static void rights(leattest *t)
{
    scene s;
    char store[600], headers[400], infer[LEAT_KEY_SIZE], manage[LEAT_KEY_SIZE];
    if (!has_server(t)) return;
    if (open_scene(t, &s, NULL, "no")) {
        put(t, &s, "/api/v1/flower", 1, "", 403, "control_is_off");
        ask(t, &s, "DELETE", "/api/v1/iris", 403, "control_is_off");
        CHECK_INT(entries(s.folder, ""), 1);
    }
    close_scene(&s);
    snprintf(store, sizeof store, "%s", leattest_scratch("keys.db"));
    leat_key_store *keys;
    REQUIRE_OK(leat_key_store_open(t->context, &keys, store, true));
    leat_key_options o = leat_key_options_default();
    o.scopes = LEAT_KEY_INFER;
    CHECK_OK(leat_key_add(keys, "reader", &o, infer));
    o.scopes = LEAT_KEY_MANAGE;
    o.models = "flower";
    CHECK_OK(leat_key_add(keys, "keeper", &o, manage));
    leat_key_store_close(keys);
    if (open_scene(t, &s, store, NULL)) {
        put(t, &s, "/api/v1/flower", 1, "", 401, "WWW-Authenticate: Bearer");
        snprintf(headers, sizeof headers, "Authorization: Bearer %s\r\n", infer);
        put(t, &s, "/api/v1/flower", 1, headers, 403, "");
        snprintf(headers, sizeof headers, "Authorization: Bearer %s\r\n", manage);
        put(t, &s, "/api/v1/flower", 1, headers, 201, "created");
        put(t, &s, "/api/v1/iris", 1, headers, 403, "");
        says(t, &s, "DELETE", "/api/v1/flower", headers, "", 0, 204, "");
    }
    close_scene(&s);
}

/* The disk is full in the middle of a file: what was there stays, and is answered. */
static void full_disk(leattest *t)
{
    scene s;
    struct rlimit was, little = {2000, 2000};
    if (!open_scene(t, &s, NULL, NULL)) goto out;
    getrlimit(RLIMIT_FSIZE, &was);
    little.rlim_max = was.rlim_max;
    signal(SIGXFSZ, SIG_IGN);
    fflush(stdout); /* which may be a file as well */
    setrlimit(RLIMIT_FSIZE, &little);
    put(t, &s, "/api/v1/flower", 1, "", 503, "storage_full|as it was");
    put(t, &s, "/api/v1/iris", 1, "", 503, "storage_full");
    put(t, &s, "/api/v1/iris/versions/1", 1, "If-Match: *\r\n", 503, "storage_full");
    setrlimit(RLIMIT_FSIZE, &was);
    CHECK_INT(entries(s.folder, ""), 1);
    ask(t, &s, "GET", "/api/v1/flower", 404, "no_such_model");
    ask(t, &s, "GET", "/api/v1/iris", 200, "lda");
    put(t, &s, "/api/v1/flower", 1, "", 201, "created");
    /* A folder that may not be written to; root may always. */
    if (geteuid() != 0) {
        chmod(s.folder, 0555);
        put(t, &s, "/api/v1/other", 1, "", 403, "folder_not_writable");
        ask(t, &s, "DELETE", "/api/v1/iris", 403, "folder_not_writable");
        chmod(s.folder, 0755);
        ask(t, &s, "GET", "/api/v1/iris", 200, "lda");
    }
out:
    close_scene(&s);
}

/* An alias in the place of a name says what to ask instead. */
static void aliases(leattest *t)
{
    scene s;
    if (open_scene(t, &s, NULL, NULL)) {
        put(t, &s, "/api/v1/iris@champion", 1, "", 422,
            "\"code\":\"alias\"|PUT /api/v1/iris makes|leat registry tag iris@champion VERSION");
        put(t, &s, "/api/v1/iris@champion/versions/2", 1, "", 422, "\"code\":\"alias\"");
        ask(t, &s, "DELETE", "/api/v1/iris@champion", 422, "\"code\":\"alias\"");
        ask(t, &s, "GET", "/api/v1/iris@champion", 404, "without an alias");
        ask(t, &s, "GET", "/api/v1/iris", 200, "lda");
        CHECK_INT(entries(s.folder, ""), 1);
    }
    close_scene(&s);
}

/* A client that begins to send `length` bytes and sends a half of them. */
static bool send_half(const scene *s, const char *path, const char *type, size_t length, int *fd)
{
    char head[300];
    serve_client k;
    bool ok = serve_client_open(&k, leat_server_url(s->server));
    char *half = calloc(1, length / 2);
    int n = snprintf(head, sizeof head,
                     "%s HTTP/1.1\r\nHost: leat\r\nContent-Length: %zu\r\nContent-Type: %s\r\n\r\n",
                     path, length, type);
    ok = ok && half && send(k.fd, head, (size_t)n, MSG_NOSIGNAL) == n;
    for (size_t at = 0; ok && at < length / 2;) {
        ssize_t sent = send(k.fd, half + at, length / 2 - at, MSG_NOSIGNAL);
        ok = sent > 0;
        if (ok) at += (size_t)sent;
    }
    free(half);
    *fd = k.fd;
    return ok;
}

static void moment(void)
{
    struct timespec t = {0, 5000000};
    nanosleep(&t, NULL);
}

/* What a metric says, by /metrics. */
static double metric(scene *s, const char *name)
{
    if (!serve_client_ask(&s->k, "GET", "/metrics", "", "", 0)) return -1;
    const char *at = strstr(s->k.body, name);
    while (at && at[-1] != '\n') at = strstr(at + 1, name);
    return at ? strtod(at + strlen(name), NULL) : -1;
}

static bool becomes(scene *s, const char *name, double value)
{
    for (int i = 0; i < 1000; i++) {
        if (metric(s, name) == value) return true;
        moment();
    }
    return false;
}

/* All uploads together have so much memory, and no more: what is beyond it is told so before it is
 * read. A client that dies in the middle of one gives back what it had; nothing of it is left. */
static void a_budget_of_uploads(leattest *t)
{
    enum { LARGE = 1 << 20, HALF = 700000, ROWS = 300000 };
    scene s;
    int fd[2];
    char *large = calloc(1, LARGE);
    if (!large || !open_scene(t, &s, NULL, NULL)) goto out;
    leat_server_destroy(s.server);
    serve_client_close(&s.k);
    leat_serve_options o = leat_serve_options_default();
    const char *models[] = {s.folder};
    o.listen = "127.0.0.1:0", o.models = models, o.model_count = 1, o.workers = 2;
    o.max_model = LARGE, o.max_uploads = LARGE - 1;
    CHECK_FAILS(leat_server_start(t->context, &o, &s.server), LEAT_INVALID, "max_uploads");
    o.max_uploads = LARGE, o.max_body = 500000, o.max_requests = 500000;
    if (!CHECK_OK(leat_server_start(t->context, &o, &s.server)) ||
        !CHECK(serve_client_open(&s.k, leat_server_url(s.server))))
        goto out;
    put(t, &s, "/api/v1/flower", 1, "", 201, "created"); /* short ones are always taken */
    put(t, &s, "/api/v1/flower", 2, "", 200, "replaced");
    uint64_t before = leat_context_bytes(t->context);
    CHECK(send_half(&s, "PUT /api/v1/half", "application/octet-stream", HALF, &fd[0]));
    CHECK(becomes(&s, "leat_upload_bytes", HALF));
    CHECK(leat_context_bytes(t->context) >= before + HALF);
    says(t, &s, "PUT", "/api/v1/big", BINARY, large, HALF, 503, "Retry-After: 1|\"code\":\"busy\"");
    put(t, &s, "/api/v1/flower", 2, "", 200, "unchanged");
    ask(t, &s, "GET", "/api/v1/iris", 200, "lda");
    /* Rows have a budget of their own. */
    CHECK(send_half(&s, "POST /api/v1/iris", "application/json", ROWS, &fd[1]));
    CHECK(becomes(&s, "leat_request_body_bytes", ROWS));
    says(t, &s, "POST", "/api/v1/iris", "Content-Type: application/json\r\n", large, ROWS, 503,
         "Retry-After: 1");
    close(fd[0]);
    close(fd[1]);
    CHECK(becomes(&s, "leat_upload_bytes", 0) && becomes(&s, "leat_request_body_bytes", 0));
    /* A model that is none, and is read. */
    says(t, &s, "PUT", "/api/v1/big", BINARY, large, LARGE, 422, "invalid_model");
    CHECK(becomes(&s, "leat_upload_bytes", 0));
    /* Buffers rest a while, for the next one. */
    for (int i = 0; i < 2000 && leat_context_bytes(t->context) > before + HALF / 2; i++) moment();
    CHECK(leat_context_bytes(t->context) < before + HALF / 2);
    CHECK_INT(entries(s.folder, ""), 2);
    CHECK_INT(entries(s.folder, "flower"), 2);
out:
    free(large);
    close_scene(&s);
}

/* A key that may upload fills neither the disk nor the memory. */
static void bounds(leattest *t)
{
    scene s;
    char match[160];
    if (!open_scene(t, &s, NULL, NULL)) goto out;
    leat_server_destroy(s.server);
    serve_client_close(&s.k);
    leat_serve_options o = leat_serve_options_default();
    const char *models[] = {s.folder};
    o.listen = "127.0.0.1:0", o.models = models, o.model_count = 1, o.workers = 1;
    o.max_model = 1 << 20, o.max_stored = (1 << 20) - 1;
    CHECK_FAILS(leat_server_start(t->context, &o, &s.server), LEAT_INVALID, "max_stored");
    o.max_stored = 4 << 20, o.max_versions = 3;
    if (!CHECK_OK(leat_server_start(t->context, &o, &s.server)) ||
        !CHECK(serve_client_open(&s.k, leat_server_url(s.server))))
        goto out;
    /* The file that was there counts. */
    put(t, &s, "/api/v1/iris", 1, "", 200, "\"version\":2");
    put(t, &s, "/api/v1/iris", 2, "", 200, "\"version\":3");
    put(t, &s, "/api/v1/iris", 0, "", 409, "too_many_versions|has 3 versions|--max-versions");
    put(t, &s, "/api/v1/iris/versions/9", 0, "", 409, "DELETE /api/v1/iris/versions/N");
    put(t, &s, "/api/v1/iris/versions/2", 1, "", 200, "unchanged");
    put(t, &s, "/api/v1/flower", 0, "", 201, "created");
    /* Four that count as a MiB each are all that there may be. */
    put(t, &s, "/api/v1/other", 0, "", 507, "too_much_stored|5.0 MiB|keeps 4.0|--max-stored");
    put(t, &s, "/api/v1/flower", 1, "", 507, "too_much_stored");
    CHECK_INT(entries(s.folder, ""), 3);
    ask(t, &s, "GET", "/api/v1/other", 404, "no_such_model");
    /* What replaces another takes no more room. */
    snprintf(match, sizeof match, "If-Match: %s\r\n", s.etag[1]);
    put(t, &s, "/api/v1/iris/versions/2", 0, match, 200, "replaced");
    ask(t, &s, "DELETE", "/api/v1/iris/versions/2", 204, "");
    put(t, &s, "/api/v1/other", 0, "", 201, "created");
    put(t, &s, "/api/v1/iris", 1, "", 507, "too_much_stored");
    ask(t, &s, "DELETE", "/api/v1/iris", 204, "");
    put(t, &s, "/api/v1/iris", 1, "", 201, "created");
out:
    close_scene(&s);
}

/* What a model unpacks to is bounded, whatever came packed. */
static void bloated(leattest *t)
{
    static const char *const members[] = {"model.json", "card.md", "weights.safetensors"};
    scene s;
    if (!open_scene(t, &s, NULL, NULL)) goto out;
    leat_server_destroy(s.server);
    serve_client_close(&s.k);
    leat_serve_options o = leat_serve_options_default();
    const char *models[] = {s.folder};
    leati_bytes b;
    o.listen = "127.0.0.1:0", o.models = models, o.model_count = 1, o.workers = 1;
    o.max_model = 2 << 20, o.max_stored = 4 << 20;
    if (!CHECK_OK(leat_server_start(t->context, &o, &s.server)) ||
        !CHECK(serve_client_open(&s.k, leat_server_url(s.server))))
        goto out;
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        if (!CHECK_OK(leattest_bloated(t->context, s.file[1], members[i], 2 << 20, &b))) goto out;
        CHECK(b.size < 100000);
        says(t, &s, "PUT", "/api/v1/iris", "", b.data, b.size, 413,
             "too_large|MiB once it is unpacked|takes 2.0|--max-model");
        leati_bytes_release(&b);
    }
    ask(t, &s, "GET", "/v2/models/iris", 200, "\"versions\":[\"1\"]");
    /* What fits counts as much as it has in memory: 1.8 of the 4, of which one is taken. */
    if (!CHECK_OK(leattest_bloated(t->context, s.file[1], "model.json", 1887437, &b))) goto out;
    says(t, &s, "PUT", "/api/v1/one", "", b.data, b.size, 201, "created");
    says(t, &s, "PUT", "/api/v1/two", "", b.data, b.size, 507, "too_much_stored|4.6 MiB|keeps 4.0");
    put(t, &s, "/api/v1/three", 0, "", 201, "created");
    ask(t, &s, "DELETE", "/api/v1/one", 204, "");
    says(t, &s, "PUT", "/api/v1/two", "", b.data, b.size, 201, "created");
    leati_bytes_release(&b);
out:
    close_scene(&s);
}

static void leave(leattest *t, const scene *s, const char *name, time_t age)
{
    char path[700];
    snprintf(path, sizeof path, "%s/flower/%s", s->folder, name);
    struct timespec when[2] = {{time(NULL) - age, 0}, {time(NULL) - age, 0}};
    CHECK_OK(leati_file_write(t->context, path, "half", 4));
    CHECK(utimensat(AT_FDCWD, path, when, 0) == 0);
}

/* What a process left that was killed in the middle of an upload goes with a later one; nothing
 * else does. */
static void leftovers(leattest *t)
{
    static const char *const kept[] = {".2.leat.77", ".leat.77", ".2.leat.", ".2.leat.7x",
                                       "2.leat.7"};
    scene s;
    char path[700];
    if (open_scene(t, &s, NULL, NULL)) {
        put(t, &s, "/api/v1/flower", 1, "", 201, "created");
        for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
            leave(t, &s, kept[i], i ? 100000 : 60);
        leave(t, &s, ".2.leat.4711", 100000);
        leave(t, &s, ".9.leat.1", 100000);
        put(t, &s, "/api/v1/flower", 2, "", 200, "\"version\":2");
        CHECK_INT(entries(s.folder, "flower"), 2 + 5);
        for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
            snprintf(path, sizeof path, "%s/flower/%s", s.folder, kept[i]);
            CHECK(leati_path_exists(path));
        }
    }
    close_scene(&s);
}

/* Versions come and go under load; two servers share the folder; nobody is refused. */
static void under_load(leattest *t)
{
    enum { CALLERS = 2, TURNS = 25 };
    scene s, other = {.k = {.fd = -1}};
    serve_crowd crowd;
    if (!open_scene(t, &s, NULL, NULL)) goto out;
    memcpy(other.folder, s.folder, sizeof s.folder);
    if (!make_files(t, &other) || !start(t, &other, s.folder, NULL, NULL)) goto out;
    serve_question question = {.url = leat_server_url(s.server),
                               .path = "/api/v1/iris",
                               .body = ROW,
                               .length = sizeof ROW - 1,
                               .holds = "setosa"};
    serve_crowd_gather(t, &crowd, &question, CALLERS);
    for (int i = 0; i < TURNS; i++) {
        char first[2][60], second[2][60];
        snprintf(first[0], sizeof first[0], "/api/v1/iris/versions/%d", 2 * i + 2);
        snprintf(first[1], sizeof first[1], "\"version\":%d", 2 * i + 2);
        snprintf(second[0], sizeof second[0], "/api/v1/iris/versions/%d", 2 * i + 3);
        snprintf(second[1], sizeof second[1], "\"version\":%d", 2 * i + 3);
        put(t, &s, "/api/v1/iris", 1, "", 200, first[1]);
        /* The other server finds what this one made, and does not write over it. */
        put(t, &other, first[0], 2, "", 409, "version_exists");
        put(t, &s, "/api/v1/iris", 2, "", 200, second[1]);
        ask(t, &s, "DELETE", second[0], 204, "");
        ask(t, &s, "DELETE", first[0], 204, "");
    }
    serve_crowd_disperse(&crowd);
    CHECK(atomic_load(&crowd.good) > 20);
    CHECK_INT(atomic_load(&crowd.good), atomic_load(&crowd.asked));
out:
    close_scene(&other);
    close_scene(&s);
}

/* ---- memory -----------------------------------------------------------------------------------
 */

static bool commit(void *user, leati_fault *fault)
{
    (void)fault;
    ++*(int *)user;
    return true;
}

/* A version comes and goes; what cannot be had for want of memory changes nothing. */
static leat_status come_and_go(leat_context *c, void *arg)
{
    const scene *s = arg;
    const char *places[] = {s->folder};
    char path[640];
    leati_repository *r;
    leati_served *served = NULL;
    leati_fault why = {0};
    int commits = 0;
    snprintf(path, sizeof path, "%s/iris/2.leat", s->folder);
    const leati_served_plan plan = {.slots = 1};
    leat_status st = leati_repository_create(c, places, 1, &plan, NULL, &r);
    if (st != LEAT_OK) return st;
    st = leati_served_parse(c, s->file[1], "the body", "iris", 2, &plan, &served, &why);
    bool ok = st == LEAT_OK &&
              leati_repository_change(r, "iris", 2, path, served, commit, &commits, &why);
    if (ok && leati_repository_shelf(r)->count != 2) st = LEAT_INTERNAL;
    ok = ok && leati_repository_remove(r, "iris", 2, commit, &commits, &why);
    /* The step that lasts is taken where all else succeeded, and only there. */
    size_t left = leati_repository_shelf(r)->count;
    bool sound = ok ? commits == 2 && left == 1 : commits < 2 && left == 1 + (size_t)commits;
    if (!ok && st == LEAT_OK) st = why.http == 503 ? LEAT_NOMEM : LEAT_INTERNAL;
    if (!sound) st = LEAT_INTERNAL;
    leati_repository_destroy(r);
    return st;
}

typedef struct heard {
    int lines;
    char text[4000];
} heard;

static void hear(void *user, const char *line)
{
    heard *h = user;
    size_t n = strlen(h->text);
    snprintf(h->text + n, sizeof h->text - n, "%s\n", line);
    h->lines++;
}

/* What lies in the folder and cannot be a model by its name is said, once each. */
static void passed_over(leattest *t)
{
    static const char *const files[] = {"my iris.leat",   "old ones/1.leat",        "flower/2.leat",
                                        "flower/v3.leat", "flower/best one/a.leat", "tulip.LEAT"};
    static const char *const others[] = {"a note.txt", "some papers/a.txt", "flower/notes.txt"};
    scene s = {.k = {.fd = -1}};
    heard h = {0};
    char path[700];
    leat_serve_options o = leat_serve_options_default();
    const char *models[] = {s.folder};
    if (!has_server(t) || !make_files(t, &s)) goto out;
    snprintf(s.folder, sizeof s.folder, "%s", leattest_scratch("passed"));
    static const char *const folders[] = {"", "/old ones", "/flower", "/flower/best one",
                                          "/some papers"};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        snprintf(path, sizeof path, "%s%s", s.folder, folders[i]);
        mkdir(path, 0755);
    }
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        snprintf(path, sizeof path, "%s/%s", s.folder, files[i]);
        CHECK_OK(leati_file_write(t->context, path, s.file[0].data, s.file[0].size));
    }
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        snprintf(path, sizeof path, "%s/%s", s.folder, others[i]);
        CHECK_OK(leati_file_write(t->context, path, "-", 1));
    }
    o.listen = "127.0.0.1:0", o.models = models, o.model_count = 1, o.workers = 1;
    o.say = hear, o.say_user = &h;
    if (!CHECK_OK(leat_server_start(t->context, &o, &s.server)) ||
        !CHECK(serve_client_open(&s.k, leat_server_url(s.server))))
        goto out;
    CHECK_INT(h.lines, 5);
    CHECK(serve_client_holds(h.text, "/my iris.leat is passed over: 'my iris' cannot be the name|"
                                     "/old ones is passed over: 'old ones'|letters, digits, '.'|"
                                     "/flower/v3.leat is passed over: 'v3' cannot be the version|"
                                     "/flower/best one is passed over|whole number|"
                                     "/tulip.LEAT is passed over: files of models end with"));
    ask(t, &s, "GET", "/v2/models", 200, "[\"flower\"]");
    /* The folder is looked through again. */
    ask(t, &s, "POST", "/v2/repository/models/flower/load", 200, "{}");
    CHECK_INT(h.lines, 5);
    snprintf(path, sizeof path, "%s/my iris.leat", s.folder);
    CHECK(remove(path) == 0);
    snprintf(path, sizeof path, "%s/my rose.leat", s.folder);
    CHECK_OK(leati_file_write(t->context, path, s.file[0].data, s.file[0].size));
    ask(t, &s, "POST", "/v2/repository/models/flower/load", 200, "{}");
    CHECK_INT(h.lines, 6);
    CHECK(strstr(h.text, "'my rose'"));
out:
    close_scene(&s);
}

static bool start_on(leattest *t, scene *s, const char *const *models, size_t count, heard *h)
{
    leat_serve_options o = leat_serve_options_default();
    o.listen = "127.0.0.1:0", o.models = models, o.model_count = count, o.workers = 1;
    o.state = "no", o.say = hear, o.say_user = h;
    return CHECK_OK(leat_server_start(t->context, &o, &s->server)) &&
           CHECK(serve_client_open(&s->k, leat_server_url(s->server)));
}

static void stop(scene *s)
{
    serve_client_close(&s->k);
    leat_server_destroy(s->server);
    s->server = NULL;
}

/* A folder may begin without a model, and end so. */
static void empty_folder(leattest *t)
{
    scene s = {.k = {.fd = -1}};
    heard h = {0};
    const char *models[] = {s.folder};
    if (!has_server(t) || !make_files(t, &s)) goto out;
    snprintf(s.folder, sizeof s.folder, "%s", leattest_scratch("empty"));
    mkdir(s.folder, 0755);
    for (int i = 1; i <= 2; i++) {
        if (!start_on(t, &s, models, 1, &h)) goto out;
        CHECK_INT(h.lines, i);
        CHECK(strstr(h.text, "/empty holds no models yet"));
        ask(t, &s, "GET", "/v2/health/ready", 200, "\"ready\":true");
        ask(t, &s, "GET", "/v2/models", 200, "[]");
        ask(t, &s, "GET", "/api/v1", 200, "[]");
        ask(t, &s, "GET", "/openapi.json", 200, "/v2/models");
        ask(t, &s, "GET", "/metrics", 200, "leat_ready 1");
        ask(t, &s, "GET", "/api/v1/iris", 404, "no_such_model");
        says(t, &s, "POST", "/invocations", "", ROW, sizeof ROW - 1, 404, "model");
        put(t, &s, "/api/v1/iris", 0, "", 201, "created");
        says(t, &s, "POST", "/api/v1/iris", "", ROW, sizeof ROW - 1, 200, "setosa");
        ask(t, &s, "DELETE", "/api/v1/iris", 204, "");
        ask(t, &s, "GET", "/v2/health/ready", 200, "\"ready\":true");
        stop(&s);
    }
out:
    close_scene(&s);
}

/* A number that a server gave is given once: not after it was deleted, by another server neither,
 * nor after a new start. Who names a number may have it. */
static void numbers(leattest *t)
{
    scene s, other = {.k = {.fd = -1}};
    heard h = {0};
    char path[700];
    const char *models[] = {s.folder};
    if (!open_scene(t, &s, NULL, NULL)) goto out;
    put(t, &s, "/api/v1/iris", 1, "", 200, "\"version\":2");
    ask(t, &s, "DELETE", "/api/v1/iris/versions/2", 204, "");
    put(t, &s, "/api/v1/iris", 2, "", 200, "\"version\":3");
    memcpy(other.folder, s.folder, sizeof s.folder);
    if (!make_files(t, &other) || !start(t, &other, s.folder, NULL, NULL)) goto out;
    ask(t, &other, "DELETE", "/api/v1/iris/versions/3", 204, "");
    put(t, &s, "/api/v1/iris", 1, "", 200, "\"version\":4");
    ask(t, &s, "DELETE", "/api/v1/iris", 204, "");
    put(t, &s, "/api/v1/iris/versions/2", 0, "", 201, "created");
    ask(t, &s, "DELETE", "/api/v1/iris", 204, "");
    stop(&s);
    if (!start_on(t, &s, models, 1, &h)) goto out;
    put(t, &s, "/api/v1/iris", 2, "", 201, "\"version\":5");
    /* The highest of all, which somebody named, bars nobody for ever. */
    put(t, &s, "/api/v1/iris/versions/999999999", 1, "", 201, "created");
    put(t, &s, "/api/v1/iris", 0, "", 409, "no_version_left|/api/v1/iris/versions/N");
    ask(t, &s, "DELETE", "/api/v1/iris/versions/999999999", 204, "");
    ask(t, &s, "DELETE", "/api/v1/iris", 204, "");
    put(t, &s, "/api/v1/iris", 0, "", 201, "\"version\":6");
    /* What is no such file marks nothing. */
    snprintf(path, sizeof path, "%s/.versions", s.folder);
    CHECK_OK(leati_file_write(t->context, path, "[1", 2));
    put(t, &s, "/api/v1/flower", 0, "", 201, "\"version\":1");
    ask(t, &s, "DELETE", "/api/v1/flower", 204, "");
    put(t, &s, "/api/v1/flower", 0, "", 201, "\"version\":2");
out:
    close_scene(&other);
    close_scene(&s);
}

/* A path of the server's own stands where the metadata of a model of that name would. */
static void hidden_name(leattest *t)
{
    scene s = {.k = {.fd = -1}};
    heard h = {0};
    char path[700];
    const char *models[] = {s.folder};
    if (!has_server(t) || !make_files(t, &s)) goto out;
    snprintf(s.folder, sizeof s.folder, "%s", leattest_scratch("hidden"));
    mkdir(s.folder, 0755);
    if (!start_on(t, &s, models, 1, &h)) goto out;
    put(t, &s, "/api/v1/stats", 0, "", 422, "invalid_name|'stats'|another name");
    put(t, &s, "/api/v1/stats/versions/3", 0, "", 422, "invalid_name");
    put(t, &s, "/api/v1/stats2", 0, "", 201, "created");
    stop(&s);
    h = (heard){0};
    snprintf(path, sizeof path, "%s/stats.leat", s.folder);
    CHECK_OK(leati_file_write(t->context, path, s.file[1].data, s.file[1].size));
    if (!start_on(t, &s, models, 1, &h)) goto out;
    CHECK_INT(h.lines, 1);
    CHECK(strstr(h.text, "/stats.leat: GET /v2/models/stats has the statistics"));
    ask(t, &s, "GET", "/v2/models/stats", 200, "model_stats");
    ask(t, &s, "GET", "/v2/models/stats/versions/1", 200, "\"name\":\"stats\"");
    says(t, &s, "POST", "/api/v1/stats", "", ROW, sizeof ROW - 1, 200, "setosa");
    ask(t, &s, "DELETE", "/api/v1/stats", 204, "");
out:
    close_scene(&s);
}

/* One unsound file in a folder is said and leaves the others alone; one that is named does not. */
static void unsound_files(leattest *t)
{
    scene s = {.k = {.fd = -1}};
    heard h = {0};
    char bad[700], good[700], newer[700], named[750];
    const char *models[] = {s.folder, named};
    leat_serve_options o = leat_serve_options_default();
    if (!has_server(t) || !make_files(t, &s)) goto out;
    snprintf(s.folder, sizeof s.folder, "%s", leattest_scratch("unsound"));
    mkdir(s.folder, 0755);
    snprintf(bad, sizeof bad, "%s/iris", s.folder);
    mkdir(bad, 0755);
    snprintf(bad, sizeof bad, "%s/bad.leat", s.folder);
    snprintf(good, sizeof good, "%s/iris/1.leat", s.folder);
    snprintf(newer, sizeof newer, "%s/iris/2.leat", s.folder);
    snprintf(named, sizeof named, "other=%s", bad);
    CHECK_OK(leati_file_write(t->context, bad, "a,b\n1,2\n", 8));
    CHECK_OK(leati_file_write(t->context, good, s.file[0].data, s.file[0].size));
    CHECK_OK(leati_file_write(t->context, newer, s.file[1].data, s.file[1].size / 2));
    if (!start_on(t, &s, models, 1, &h)) goto out;
    CHECK_INT(h.lines, 2);
    CHECK(serve_client_holds(h.text, "passed over|/bad.leat is not a Leat model|/iris/2.leat"));
    ask(t, &s, "GET", "/v2/models", 200, "[\"iris\"]");
    says(t, &s, "POST", "/api/v1/iris", "", ROW, sizeof ROW - 1, 200, "setosa");
    ask(t, &s, "GET", "/api/v1/bad", 404, "no_such_model");
    says(t, &s, "POST", "/v2/repository/index", "", "", 0, 200,
         "\"name\":\"bad\"|UNAVAILABLE|is not a Leat model");
    CHECK_OK(leati_file_write(t->context, bad, s.file[2].data, s.file[2].size));
    says(t, &s, "POST", "/v2/repository/models/bad/load", "", "", 0, 200, "");
    ask(t, &s, "GET", "/api/v1/bad", 200, "gaussian_nb");
    stop(&s);
    CHECK_OK(leati_file_write(t->context, bad, "a,b\n1,2\n", 8));
    o.listen = "127.0.0.1:0", o.models = models, o.model_count = 2, o.state = "no";
    CHECK_FAILS(leat_server_start(t->context, &o, &s.server), LEAT_FORMAT, "is not a Leat model");
out:
    close_scene(&s);
}

static void little_memory(leattest *t)
{
    scene s;
    if (open_scene(t, &s, NULL, NULL)) {
        leat_server_destroy(s.server);
        s.server = NULL;
        leattest_fail_some_allocations(t, come_and_go, &s);
    }
    close_scene(&s);
}

static const leattest_case cases[] = {
    TEST(life_of_a_model), TEST(refusals), TEST(files),
    TEST(all_or_nothing),  TEST(rights),   TEST(full_disk),
    TEST(under_load),      TEST(aliases),  TEST(a_budget_of_uploads),
    TEST(leftovers),       TEST(bounds),   TEST(passed_over),
    TEST(little_memory),   TEST(bloated),  TEST(empty_folder),
    TEST(unsound_files),   TEST(numbers),  TEST(hidden_name)};
LEATTEST_MAIN(cases)
