/* Owns: downloads with resumption and a pinned digest. Not: what is worth downloading. */
#include "io/download.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
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
    int64_t have; /* bytes that an earlier run left */
    int write_error;
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
    if (answer >= 400)
        return LEATI_FAIL(c, LEAT_NETWORK, "%s: the server answers %ld", t->url, answer);
    LEATI_FAIL(c, LEAT_NETWORK, "cannot fetch %s: %s", t->url, t->lib->easy_strerror(code));
    if (code == CURLE_COULDNT_RESOLVE_HOST || code == CURLE_COULDNT_CONNECT)
        leati_error_hint(c, "is this machine on the network? LEAT_DATA_URL names another place to "
                            "fetch from");
    else leati_error_hint(c, "what has arrived is kept: the same command continues");
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
    (void)l->easy_setopt(h, CURLOPT_LOW_SPEED_LIMIT, 1L);
    (void)l->easy_setopt(h, CURLOPT_LOW_SPEED_TIME, 30L);
    (void)l->easy_setopt(h, CURLOPT_USERAGENT, "leat/" LEAT_VERSION);
    (void)l->easy_setopt(h, CURLOPT_WRITEFUNCTION, on_data);
    (void)l->easy_setopt(h, CURLOPT_WRITEDATA, t);
    (void)l->easy_setopt(h, CURLOPT_NOPROGRESS, 0L);
    (void)l->easy_setopt(h, CURLOPT_XFERINFOFUNCTION, on_progress);
    (void)l->easy_setopt(h, CURLOPT_XFERINFODATA, t);
    (void)l->easy_setopt(h, CURLOPT_RESUME_FROM_LARGE, (curl_off_t)t->have);
}

/* One attempt, behind the bytes that are already there. *restart: the server cannot continue. */
static leat_status attempt(transfer *t, bool *restart)
{
    leat_context *c = t->context;
    struct stat info;
    *restart = false;
    t->fd = open(t->part, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    LEATI_CHECK(c, t->fd >= 0 && fstat(t->fd, &info) == 0, LEAT_IO, "cannot write %s: %s", t->part,
                strerror(errno));
    t->have = info.st_size;
    t->curl = t->lib->easy_init();
    leat_status st = LEAT_OK;
    long answer = 0;
    if (!t->curl) {
        st = LEATI_FAIL(c, LEAT_NOMEM, "out of memory");
    } else {
        set_options(t);
        CURLcode code = t->lib->easy_perform(t->curl);
        (void)t->lib->easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &answer);
        t->lib->easy_cleanup(t->curl);
        /* 416: nothing lies behind what we have, so the digest decides. */
        bool whole = code == CURLE_OK || (t->have > 0 && answer == 416);
        *restart = !whole && t->have > 0 && code == CURLE_RANGE_ERROR;
        if (!whole && !*restart) st = network_error(t, code, answer);
        if (whole && fsync(t->fd) != 0 && errno != EINVAL)
            st = LEATI_FAIL(c, LEAT_IO, "cannot write %s: %s", t->part, strerror(errno));
    }
    close(t->fd);
    return st;
}

static leat_status fetch(transfer *t, const char *path, const char *sha256)
{
    leat_context *c = t->context;
    char got[65];
    for (int round = 0;; round++) {
        bool restart;
        LEATI_TRY(attempt(t, &restart));
        if (restart && round == 0) {
            unlink(t->part);
            continue;
        }
        LEATI_TRY(leati_file_digest(c, t->part, got, NULL));
        if (strcmp(got, sha256) == 0) break;
        unlink(t->part);
        /* What an earlier run left may have been the wrong half: once more from the start. */
        if (t->have > 0 && round == 0) continue;
        return LEATI_FAIL(c, LEAT_FORMAT,
                          "%s has other contents than expected and was not kept\n"
                          "SHA-256 expected %s\n         received %s",
                          t->url, sha256, got);
    }
    LEATI_CHECK(c, rename(t->part, path) == 0, LEAT_IO, "cannot write %s: %s", path,
                strerror(errno));
    return leati_progress(c, t->what, 1, 1);
}

leat_status leati_download(leat_context *c, const char *url, const char *path, const char *sha256)
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
        transfer t = {.context = c, .lib = &lib, .url = url};
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

leat_status leati_download(leat_context *c, const char *url, const char *path, const char *sha256)
{
    (void)path;
    (void)sha256;
    return LEATI_FAIL(c, LEAT_UNSUPPORTED,
                      "cannot fetch %s: this build of Leat has no libcurl\n"
                      "install libcurl4-openssl-dev and build again",
                      url);
}

#endif
