/* Owns: downloads with resumption and a pinned digest, and of short texts. Not: what is worth
 * downloading. */
#include "io/download.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/progress.h"
#include "base/str.h"

leat_status leati_file_digest(leat_context *c, const char *path, char sha256[65], uint64_t *bytes)
{
    leati_bytes b;
    LEATI_TRY(leati_file_read(c, &b, path));
    leati_sha256_hex(b.data, b.size, sha256);
    if (bytes) *bytes = b.size;
    leati_bytes_release(&b);
    return LEAT_OK;
}

#if LEAT_HAVE_CURL
#include <curl/curl.h>

/* The few functions we use. ISO C has no cast from object to function pointer: copy the bits. */
typedef struct library {
    void *handle;
    CURL *(*easy_init)(void);
    CURLcode (*easy_setopt)(CURL *, CURLoption, ...);
    CURLcode (*easy_perform)(CURL *);
    CURLcode (*easy_getinfo)(CURL *, CURLINFO, ...);
    void (*easy_cleanup)(CURL *);
    const char *(*easy_strerror)(CURLcode);
} library;

typedef struct transfer {
    leat_context *context;
    const library *lib;
    CURL *curl;
    const char *url, *part, *what;
    int fd;
    uint64_t limit; /* bytes that it has; 0: not known */
    int64_t have;   /* bytes that an earlier run left */
    uint64_t size;  /* of the part */
    bool too_large;
    int write_error;
    leati_str *text; /* takes the bytes instead of the file; NULL: the file */
    leat_status stopped;
} transfer;

static bool find(void *handle, const char *name, void *to)
{
    void *symbol = dlsym(handle, name);
    memcpy(to, &symbol, sizeof symbol);
    return symbol != NULL;
}

static leat_status library_open(leat_context *c, library *lib)
{
    static const char *const names[] = {"libcurl.so.4", "libcurl-gnutls.so.4", "libcurl.4.dylib"};
    *lib = (library){0};
    for (size_t i = 0; !lib->handle && i < sizeof names / sizeof *names; i++)
        lib->handle = dlopen(names[i], RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    LEATI_CHECK(c, lib->handle, LEAT_UNSUPPORTED,
                "downloads need libcurl, which is not installed\n"
                "on Debian or Ubuntu: apt install libcurl4");
    bool good = find(lib->handle, "curl_easy_init", &lib->easy_init) &&
                find(lib->handle, "curl_easy_setopt", &lib->easy_setopt) &&
                find(lib->handle, "curl_easy_perform", &lib->easy_perform) &&
                find(lib->handle, "curl_easy_getinfo", &lib->easy_getinfo) &&
                find(lib->handle, "curl_easy_cleanup", &lib->easy_cleanup) &&
                find(lib->handle, "curl_easy_strerror", &lib->easy_strerror);
    if (good) return LEAT_OK;
    dlclose(lib->handle);
    lib->handle = NULL;
    return LEATI_FAIL(c, LEAT_UNSUPPORTED, "the installed libcurl lacks functions Leat needs");
}

static size_t on_data(char *data, size_t size, size_t count, void *user)
{
    transfer *t = user;
    size_t left = size * count;
    t->too_large = t->limit && left > t->limit - t->size;
    if (t->too_large) return 0;
    t->size += left;
    if (t->text) {
        leati_str_addn(t->text, data, left);
        t->stopped = leati_str_status(t->text);
        return t->stopped == LEAT_OK ? left : 0;
    }
    while (left) {
        ssize_t n = write(t->fd, data, left);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) {
            t->write_error = n < 0 ? errno : ENOSPC;
            return 0;
        }
        data += n;
        left -= (size_t)n;
    }
    return size * count;
}

static int on_progress(void *user, curl_off_t total, curl_off_t now, curl_off_t up, curl_off_t sent)
{
    transfer *t = user;
    (void)up;
    (void)sent;
    uint64_t done = (uint64_t)(t->have + now), all = total > 0 ? (uint64_t)(t->have + total) : 0;
    if (t->stopped) return 1;
    if (all && done >= all) return 0; /* the end is reported once, by the caller */
    t->stopped = leati_progress(t->context, t->what, done, all);
    return t->stopped != LEAT_OK;
}

static leat_status network_error(const transfer *t, CURLcode code, long answer)
{
    leat_context *c = t->context;
    if (t->stopped) return t->stopped;
    if (t->write_error)
        return LEATI_FAIL(c, LEAT_IO, "cannot write %s: %s", t->part, strerror(t->write_error));
    if (t->too_large || code == CURLE_FILESIZE_EXCEEDED)
        return LEATI_FAIL(c, LEAT_FORMAT,
                          "%s has more than the %llu bytes expected and was not kept", t->url,
                          (unsigned long long)t->limit);
    if (answer >= 400)
        return LEATI_FAIL(c, LEAT_NETWORK, "%s: the server answers %ld", t->url, answer);
    LEATI_FAIL(c, LEAT_NETWORK, "cannot fetch %s: %s", t->url, t->lib->easy_strerror(code));
    if (code == CURLE_COULDNT_RESOLVE_HOST || code == CURLE_COULDNT_CONNECT)
        leati_error_hint(c, "is this machine on the network?");
    else if (!t->text && t->size > 0)
        leati_error_hint(c, "what has arrived is kept: the same command continues");
    return LEAT_NETWORK;
}

static void set_options(transfer *t)
{
    const library *l = t->lib;
    CURL *h = t->curl;
    (void)l->easy_setopt(h, CURLOPT_URL, t->url);
    (void)l->easy_setopt(h, CURLOPT_FOLLOWLOCATION, 1L);
    (void)l->easy_setopt(h, CURLOPT_MAXREDIRS, 8L);
    (void)l->easy_setopt(h, CURLOPT_PROTOCOLS_STR, "http,https,file");
    (void)l->easy_setopt(h, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    (void)l->easy_setopt(h, CURLOPT_FAILONERROR, 1L);
    (void)l->easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
    (void)l->easy_setopt(h, CURLOPT_CONNECTTIMEOUT, 15L);
#if LIBCURL_VERSION_NUM >= 0x075700
    /* Else the end of a try would wait for a resolver that hangs. */
    (void)l->easy_setopt(h, CURLOPT_QUICK_EXIT, 1L);
#endif
    (void)l->easy_setopt(h, CURLOPT_LOW_SPEED_LIMIT, 1L);
    (void)l->easy_setopt(h, CURLOPT_LOW_SPEED_TIME, 30L);
    (void)l->easy_setopt(h, CURLOPT_USERAGENT, "leat/" LEAT_VERSION);
    (void)l->easy_setopt(h, CURLOPT_WRITEFUNCTION, on_data);
    (void)l->easy_setopt(h, CURLOPT_WRITEDATA, t);
    (void)l->easy_setopt(h, CURLOPT_NOPROGRESS, 0L);
    (void)l->easy_setopt(h, CURLOPT_XFERINFOFUNCTION, on_progress);
    (void)l->easy_setopt(h, CURLOPT_XFERINFODATA, t);
    if (t->limit) (void)l->easy_setopt(h, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)t->limit);
    (void)l->easy_setopt(h, CURLOPT_RESUME_FROM_LARGE, (curl_off_t)t->have);
}

static leat_status empty(transfer *t)
{
    LEATI_CHECK(t->context, ftruncate(t->fd, 0) == 0, LEAT_IO, "cannot write %s: %s", t->part,
                strerror(errno));
    return LEAT_OK;
}

static bool is_empty(const transfer *t)
{
    struct stat info;
    return fstat(t->fd, &info) == 0 && info.st_size == 0;
}

/* One attempt, behind the bytes that are already there. *restart: the server cannot continue. */
static leat_status attempt(transfer *t, bool *restart)
{
    leat_context *c = t->context;
    struct stat info;
    *restart = false;
    LEATI_CHECK(c, fstat(t->fd, &info) == 0, LEAT_IO, "cannot write %s: %s", t->part,
                strerror(errno));
    if (t->limit && (uint64_t)info.st_size > t->limit) { /* not what we left */
        LEATI_TRY(empty(t));
        info.st_size = 0;
    }
    t->have = info.st_size;
    t->size = (uint64_t)info.st_size;
    t->curl = t->lib->easy_init();
    LEATI_CHECK(c, t->curl, LEAT_NOMEM, "out of memory");
    long answer = 0;
    set_options(t);
    CURLcode code = t->lib->easy_perform(t->curl);
    (void)t->lib->easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &answer);
    t->lib->easy_cleanup(t->curl);
    /* 416: nothing lies behind what we have, so the digest decides. */
    bool whole = code == CURLE_OK || (t->have > 0 && answer == 416);
    *restart = !whole && t->have > 0 && (code == CURLE_RANGE_ERROR || t->too_large);
    if (!whole && !*restart) return network_error(t, code, answer);
    LEATI_CHECK(c, !whole || fsync(t->fd) == 0 || errno == EINVAL, LEAT_IO, "cannot write %s: %s",
                t->part, strerror(errno));
    return LEAT_OK;
}

/* The whole file into the part, which this process has for itself. */
static leat_status fill(transfer *t, const char *sha256)
{
    leat_context *c = t->context;
    char got[65];
    for (int round = 0;; round++) {
        bool restart;
        leat_status st = attempt(t, &restart);
        if (st == LEAT_FORMAT || (st != LEAT_OK && is_empty(t))) unlink(t->part);
        LEATI_TRY(st);
        if (restart && round == 0) {
            LEATI_TRY(empty(t));
            continue;
        }
        LEATI_TRY(leati_file_digest(c, t->part, got, NULL));
        if (strcmp(got, sha256) == 0) return LEAT_OK;
        /* What an earlier run left may have been the wrong half: once more from the start. */
        if (t->have > 0 && round == 0) {
            LEATI_TRY(empty(t));
            continue;
        }
        unlink(t->part);
        return LEATI_FAIL(c, LEAT_FORMAT,
                          "%s has other contents than expected and was not kept\n"
                          "SHA-256 expected %s\n         received %s",
                          t->url, sha256, got);
    }
}

/* Waits until no other process writes the part. *mine: it is still the file of that name, which is
 * neither finished nor given up. Where files cannot be locked, nobody waits. */
static leat_status lock(transfer *t, bool *mine)
{
    leat_context *c = t->context;
    const struct timespec pause = {.tv_nsec = 20 * 1000 * 1000};
    struct stat held, named;
    while (flock(t->fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK && errno != EINTR) break;
        LEATI_TRY(leati_progress(c, t->what, 0, 0));
        nanosleep(&pause, NULL);
    }
    LEATI_CHECK(c, fstat(t->fd, &held) == 0, LEAT_IO, "cannot read %s: %s", t->part,
                strerror(errno));
    *mine =
        stat(t->part, &named) == 0 && held.st_ino == named.st_ino && held.st_dev == named.st_dev;
    return LEAT_OK;
}

static leat_status fetch(transfer *t, const char *path, const char *sha256)
{
    leat_context *c = t->context;
    char got[65];
    for (bool done = false; !done;) {
        bool mine = false;
        t->fd = open(t->part, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
        LEATI_CHECK(c, t->fd >= 0, LEAT_IO, "cannot write %s: %s", t->part, strerror(errno));
        leat_status st = lock(t, &mine);
        if (st == LEAT_OK && !mine && leati_path_exists(path)) { /* another one has fetched it */
            st = leati_file_digest(c, path, got, NULL);
            done = st == LEAT_OK && strcmp(got, sha256) == 0;
        }
        if (st == LEAT_OK && mine) {
            done = true;
            st = fill(t, sha256);
            if (st == LEAT_OK && rename(t->part, path) != 0)
                st = LEATI_FAIL(c, LEAT_IO, "cannot write %s: %s", path, strerror(errno));
        }
        close(t->fd); /* and with it the lock */
        LEATI_TRY(st);
    }
    return leati_progress(c, t->what, 1, 1);
}

leat_status leati_download_text(leat_context *c, const char *url, uint64_t bytes, leati_str *out)
{
    library lib;
    LEATI_TRY(library_open(c, &lib));
    transfer t = {.context = c, .lib = &lib, .url = url, .limit = bytes, .text = out, .fd = -1};
    t.part = t.what = leati_path_base(url);
    t.curl = lib.easy_init();
    leat_status st = t.curl ? LEAT_OK : LEATI_FAIL(c, LEAT_NOMEM, "out of memory");
    if (t.curl) {
        long answer = 0;
        set_options(&t);
        CURLcode code = lib.easy_perform(t.curl);
        (void)lib.easy_getinfo(t.curl, CURLINFO_RESPONSE_CODE, &answer);
        lib.easy_cleanup(t.curl);
        if (code != CURLE_OK) st = network_error(&t, code, answer);
    }
    dlclose(lib.handle);
    return st;
}

leat_status leati_download(leat_context *c, const char *url, const char *path, const char *sha256,
                           uint64_t bytes)
{
    library lib;
    leati_str part, what;
    LEATI_TRY(library_open(c, &lib));
    leati_str_init(&part, c);
    leati_str_init(&what, c);
    leati_str_addf(&part, "%s.part", path);
    leati_str_addf(&what, "fetch %s", leati_path_base(url));
    leat_status st = leati_str_status(&part) ? leati_str_status(&part) : leati_str_status(&what);
    if (st == LEAT_OK) {
        transfer t = {.context = c, .lib = &lib, .url = url, .limit = bytes};
        t.part = leati_str_text(&part);
        t.what = leati_str_text(&what);
        st = fetch(&t, path, sha256);
    }
    leati_str_fini(&part);
    leati_str_fini(&what);
    dlclose(lib.handle);
    return st;
}

#else

leat_status leati_download_text(leat_context *c, const char *url, uint64_t bytes, leati_str *out)
{
    (void)bytes;
    (void)out;
    return LEATI_FAIL(c, LEAT_UNSUPPORTED,
                      "cannot fetch %s: this build of Leat has no libcurl\n"
                      "install libcurl4-openssl-dev and build again",
                      url);
}

leat_status leati_download(leat_context *c, const char *url, const char *path, const char *sha256,
                           uint64_t bytes)
{
    (void)path;
    (void)sha256;
    (void)bytes;
    return LEATI_FAIL(c, LEAT_UNSUPPORTED,
                      "cannot fetch %s: this build of Leat has no libcurl\n"
                      "install libcurl4-openssl-dev and build again",
                      url);
}

#endif
