/* Owns: TLS of connections to the server. */
#include "serve/tls.h"

#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "io/openssl.h"

#if LEAT_HAVE_OPENSSL
#include <limits.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>

struct leati_tls_config {
    leati_openssl lib;
    pthread_mutex_t lock;
    SSL_CTX *ctx; /* under lock; connections keep the one they began with */
    char *certificate, *key;
};

enum { KEPT_IN = 16 << 10, KEPT_OUT = 64 << 10 }; /* of a buffer that is empty */

struct leati_tls {
    const leati_openssl *lib;
    SSL *ssl;
    BIO *in, *out;
};

/* RFC 7301: http/1.1, or no connection with those who offer other protocols only. */
static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_length,
                           const unsigned char *in, unsigned length, void *user)
{
    (void)ssl;
    (void)user;
    for (unsigned at = 0; at < length; at += 1u + in[at])
        if (in[at] == 8 && at + 9 <= length && memcmp(in + at + 1, "http/1.1", 8) == 0) {
            *out = in + at + 1;
            *out_length = 8;
            return SSL_TLSEXT_ERR_OK;
        }
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}

static leat_status tls_error(leat_context *c, const leati_openssl *l, const char *what,
                             const char *path)
{
    const char *why = l->ERR_reason_error_string(l->ERR_peek_last_error());
    leat_status st =
        LEATI_FAIL(c, LEAT_INVALID, "%s %s: %s", what, path, why ? why : "it could not be used");
    l->ERR_clear_error();
    return st;
}

/* OpenSSL says "system lib" and "PEM lib" of these. part: "CERTIFICATE". */
static leat_status check_pem(leat_context *c, const char *what, const char *path, const char *part)
{
    leati_bytes bytes;
    char *text = NULL;
    leat_status st = leati_file_read(c, &bytes, path);
    if (st != LEAT_OK) return leati_error_within(c, "%s", what);
    text = leati_strndup(c, bytes.data, bytes.size);
    leati_bytes_release(&bytes);
    if (!text) return leat_error_status(c);
    const char *begin = strstr(text, "-----BEGIN "), *end = begin ? strchr(begin, '\n') : NULL;
    const char *found = begin ? strstr(begin, part) : NULL;
    bool locked = strstr(text, "ENCRYPTED") != NULL;
    leati_free(text);
    LEATI_CHECK(c, begin && end && found, LEAT_INVALID,
                "%s %s: it has no part '-----BEGIN %s-----': a PEM file is expected", what, path,
                part);
    LEATI_CHECK(
        c, !locked, LEAT_INVALID,
        "%s %s is locked with a passphrase, which a server cannot ask for: take it off with "
        "'openssl pkey'",
        what, path);
    return LEAT_OK;
}

static leat_status configure(leat_context *c, const leati_openssl *l, SSL_CTX *ctx,
                             const char *certificate, const char *key)
{
    static const unsigned char session[] = "leat";
    LEATI_CHECK(c, leati_openssl_least_tls12(l, ctx), LEAT_INTERNAL,
                "this OpenSSL does not offer TLS 1.2");
    l->SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                    SSL_OP_CIPHER_SERVER_PREFERENCE);
    leati_openssl_mode(l, ctx, SSL_MODE_RELEASE_BUFFERS);
    l->SSL_CTX_set_session_id_context(ctx, session, sizeof session - 1);
    l->SSL_CTX_set_alpn_select_cb(ctx, choose_protocol, NULL);
    LEATI_TRY(check_pem(c, "the TLS certificate", certificate, "CERTIFICATE"));
    LEATI_TRY(check_pem(c, "the TLS key", key, "PRIVATE KEY"));
    if (l->SSL_CTX_use_certificate_chain_file(ctx, certificate) != 1)
        return tls_error(c, l, "the TLS certificate", certificate);
    if (l->SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1)
        return tls_error(c, l, "the TLS key", key);
    if (l->SSL_CTX_check_private_key(ctx) != 1)
        return tls_error(c, l, "the TLS key does not belong to the certificate:", key);
    return LEAT_OK;
}

leat_status leati_tls_config_renew(leat_context *c, leati_tls_config *config)
{
    const leati_openssl *l = &config->lib;
    l->ERR_clear_error();
    SSL_CTX *fresh = l->SSL_CTX_new(l->TLS_server_method());
    leat_status st = fresh ? configure(c, l, fresh, config->certificate, config->key)
                           : LEATI_FAIL(c, LEAT_NOMEM, "out of memory: OpenSSL could not start");
    if (st == LEAT_OK) {
        pthread_mutex_lock(&config->lock);
        SSL_CTX *old = config->ctx;
        config->ctx = fresh;
        pthread_mutex_unlock(&config->lock);
        fresh = old;
    }
    l->SSL_CTX_free(fresh);
    return st;
}

leat_status leati_tls_config_create(leat_context *c, leati_tls_config **out,
                                    const char *certificate, const char *key)
{
    *out = NULL;
    LEATI_CHECK(c, certificate && key, LEAT_INVALID,
                "TLS needs a certificate and its key: give both files");
    leati_tls_config *config = leati_calloc(c, 1, sizeof *config);
    if (!config) return leat_error_status(c);
    leat_status st = leati_openssl_open(c, &config->lib);
    if (st != LEAT_OK) {
        leati_free(config);
        return st;
    }
    pthread_mutex_init(&config->lock, NULL);
    config->certificate = leati_strdup(c, certificate);
    config->key = leati_strdup(c, key);
    st = config->certificate && config->key ? leati_tls_config_renew(c, config)
                                            : leat_error_status(c);
    if (st != LEAT_OK) {
        leati_tls_config_destroy(config);
        return st;
    }
    *out = config;
    return LEAT_OK;
}

void leati_tls_config_destroy(leati_tls_config *config)
{
    if (!config) return;
    config->lib.SSL_CTX_free(config->ctx);
    leati_free(config->certificate);
    leati_free(config->key);
    pthread_mutex_destroy(&config->lock);
    leati_free(config);
}

/* Empty means later, not the end. */
static void empty_means_later(const leati_openssl *l, BIO *b)
{
    l->BIO_ctrl(b, BIO_C_SET_BUF_MEM_EOF_RETURN, -1, NULL);
}

/* NULL without memory. */
static SSL *new_session(leati_tls_config *config)
{
    pthread_mutex_lock(&config->lock);
    SSL *ssl = config->lib.SSL_new(config->ctx);
    pthread_mutex_unlock(&config->lock);
    return ssl;
}

leati_tls *leati_tls_create(const leat_context *c, leati_tls_config *config)
{
    const leati_openssl *l = &config->lib;
    leati_tls *tls = leati_alloc_quiet(c, sizeof *tls);
    if (!tls) return NULL;
    tls->lib = l;
    tls->ssl = new_session(config);
    tls->in = l->BIO_new(l->BIO_s_mem());
    tls->out = l->BIO_new(l->BIO_s_mem());
    if (!tls->ssl || !tls->in || !tls->out) {
        l->BIO_free(tls->in);
        l->BIO_free(tls->out);
        l->SSL_free(tls->ssl);
        leati_free(tls);
        return NULL;
    }
    empty_means_later(l, tls->in);
    empty_means_later(l, tls->out);
    l->SSL_set_bio(tls->ssl, tls->in, tls->out);
    l->SSL_set_accept_state(tls->ssl);
    return tls;
}

void leati_tls_destroy(leati_tls *tls)
{
    if (!tls) return;
    tls->lib->SSL_free(tls->ssl); /* and its BIOs */
    leati_free(tls);
}

bool leati_tls_feed(leati_tls *tls, const void *data, size_t length)
{
    return length <= INT_MAX && tls->lib->BIO_write(tls->in, data, (int)length) == (int)length;
}

bool leati_tls_ready(const leati_tls *tls)
{
    return tls->lib->SSL_is_init_finished(tls->ssl) == 1;
}

leati_tls_result leati_tls_read(leati_tls *tls, void *to, size_t room, size_t *length)
{
    const leati_openssl *l = tls->lib;
    l->ERR_clear_error();
    if (l->SSL_read_ex(tls->ssl, to, room, length) == 1) return LEATI_TLS_DATA;
    switch (l->SSL_get_error(tls->ssl, 0)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE: return LEATI_TLS_MORE;
    case SSL_ERROR_ZERO_RETURN: return LEATI_TLS_END;
    default: l->ERR_clear_error(); return LEATI_TLS_FAILED;
    }
}

bool leati_tls_write(leati_tls *tls, const void *data, size_t length)
{
    const leati_openssl *l = tls->lib;
    size_t written;
    if (length == 0) return true;
    l->ERR_clear_error();
    bool ok = l->SSL_write_ex(tls->ssl, data, length, &written) == 1 && written == length;
    if (!ok) l->ERR_clear_error();
    return ok;
}

void leati_tls_close(leati_tls *tls)
{
    const leati_openssl *l = tls->lib;
    l->ERR_clear_error();
    if (l->SSL_is_init_finished(tls->ssl)) l->SSL_shutdown(tls->ssl);
    l->ERR_clear_error();
}

size_t leati_tls_output(leati_tls *tls, const char **data)
{
    char *bytes = NULL;
    long length = tls->lib->BIO_ctrl(tls->out, BIO_CTRL_INFO, 0, &bytes);
    *data = bytes;
    return length > 0 ? (size_t)length : 0;
}

/* Buffers keep the size to which they have grown, and emptying one clears all of it. One in the
 * place of it where it has grown; NULL: it stays. */
static BIO *smaller(const leati_openssl *l, BIO *grown, size_t kept)
{
    BUF_MEM *memory = NULL;
    l->BIO_ctrl(grown, BIO_C_GET_BUF_MEM_PTR, 0, &memory);
    BIO *fresh = memory && memory->max > kept ? l->BIO_new(l->BIO_s_mem()) : NULL;
    if (fresh) empty_means_later(l, fresh);
    return fresh;
}

void leati_tls_sent(leati_tls *tls)
{
    const leati_openssl *l = tls->lib;
    BIO *out = smaller(l, tls->out, KEPT_OUT);
    if (out) {
        l->SSL_set0_wbio(tls->ssl, out); /* frees the one before */
        tls->out = out;
    } else {
        l->BIO_ctrl(tls->out, BIO_CTRL_RESET, 0, NULL);
    }
    /* Now is after a reply, when a connection may idle; not while a long body comes. */
    BIO *in =
        l->BIO_ctrl(tls->in, BIO_CTRL_PENDING, 0, NULL) == 0 ? smaller(l, tls->in, KEPT_IN) : NULL;
    if (in) {
        l->SSL_set0_rbio(tls->ssl, in);
        tls->in = in;
    }
}

#else
struct leati_tls_config {
    int none;
};

leat_status leati_tls_config_create(leat_context *c, leati_tls_config **out,
                                    const char *certificate, const char *key)
{
    (void)certificate;
    (void)key;
    *out = NULL;
    return LEATI_FAIL(c, LEAT_UNSUPPORTED,
                      "this build has no TLS: build with libssl-dev, or put a proxy in front");
}

leat_status leati_tls_config_renew(leat_context *c, leati_tls_config *config)
{
    (void)c;
    (void)config;
    return LEAT_OK;
}

void leati_tls_config_destroy(leati_tls_config *config)
{
    (void)config;
}

leati_tls *leati_tls_create(const leat_context *c, leati_tls_config *config)
{
    (void)c;
    (void)config;
    return NULL;
}

void leati_tls_destroy(leati_tls *tls)
{
    (void)tls;
}

bool leati_tls_feed(leati_tls *tls, const void *data, size_t length)
{
    (void)tls;
    (void)data;
    (void)length;
    return false;
}

bool leati_tls_ready(const leati_tls *tls)
{
    (void)tls;
    return false;
}

leati_tls_result leati_tls_read(leati_tls *tls, void *to, size_t room, size_t *length)
{
    (void)tls;
    (void)to;
    (void)room;
    (void)length;
    return LEATI_TLS_FAILED;
}

bool leati_tls_write(leati_tls *tls, const void *data, size_t length)
{
    (void)tls;
    (void)data;
    (void)length;
    return false;
}

void leati_tls_close(leati_tls *tls)
{
    (void)tls;
}

size_t leati_tls_output(leati_tls *tls, const char **data)
{
    (void)tls;
    *data = NULL;
    return 0;
}

void leati_tls_sent(leati_tls *tls)
{
    (void)tls;
}
#endif
