/* Owns: how OpenSSL is called. */
#include "serve/tls.h"

#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"

#if LEAT_HAVE_OPENSSL
#include <limits.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>

struct leati_tls_config {
    pthread_mutex_t lock;
    SSL_CTX *ctx; /* under lock; connections keep the one they began with */
    char *certificate, *key;
};

enum { KEPT_IN = 16 << 10, KEPT_OUT = 64 << 10 }; /* of a buffer that is empty */

struct leati_tls {
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

static leat_status tls_error(leat_context *c, const char *what, const char *path)
{
    const char *why = ERR_reason_error_string(ERR_peek_last_error());
    leat_status st =
        LEATI_FAIL(c, LEAT_INVALID, "%s %s: %s", what, path, why ? why : "it could not be used");
    ERR_clear_error();
    return st;
}

static leat_status configure(leat_context *c, SSL_CTX *ctx, const char *certificate,
                             const char *key)
{
    static const unsigned char session[] = "leat";
    LEATI_CHECK(c, SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1, LEAT_INTERNAL,
                "this OpenSSL does not offer TLS 1.2");
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                 SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_id_context(ctx, session, sizeof session - 1);
    SSL_CTX_set_alpn_select_cb(ctx, choose_protocol, NULL);
    if (SSL_CTX_use_certificate_chain_file(ctx, certificate) != 1)
        return tls_error(c, "the TLS certificate", certificate);
    if (SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1)
        return tls_error(c, "the TLS key", key);
    if (SSL_CTX_check_private_key(ctx) != 1)
        return tls_error(c, "the TLS key does not belong to the certificate:", key);
    return LEAT_OK;
}

leat_status leati_tls_config_renew(leat_context *c, leati_tls_config *config)
{
    ERR_clear_error();
    SSL_CTX *fresh = SSL_CTX_new(TLS_server_method());
    leat_status st = fresh ? configure(c, fresh, config->certificate, config->key)
                           : LEATI_FAIL(c, LEAT_NOMEM, "out of memory: OpenSSL could not start");
    if (st == LEAT_OK) {
        pthread_mutex_lock(&config->lock);
        SSL_CTX *old = config->ctx;
        config->ctx = fresh;
        pthread_mutex_unlock(&config->lock);
        fresh = old;
    }
    SSL_CTX_free(fresh);
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
    pthread_mutex_init(&config->lock, NULL);
    config->certificate = leati_strdup(c, certificate);
    config->key = leati_strdup(c, key);
    leat_status st = config->certificate && config->key ? leati_tls_config_renew(c, config)
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
    SSL_CTX_free(config->ctx);
    leati_free(config->certificate);
    leati_free(config->key);
    pthread_mutex_destroy(&config->lock);
    leati_free(config);
}

/* NULL without memory. */
static SSL *new_session(leati_tls_config *config)
{
    pthread_mutex_lock(&config->lock);
    SSL *ssl = SSL_new(config->ctx);
    pthread_mutex_unlock(&config->lock);
    return ssl;
}

leati_tls *leati_tls_create(const leat_context *c, leati_tls_config *config)
{
    leati_tls *tls = leati_alloc_quiet(c, sizeof *tls);
    if (!tls) return NULL;
    tls->ssl = new_session(config);
    tls->in = BIO_new(BIO_s_mem());
    tls->out = BIO_new(BIO_s_mem());
    if (!tls->ssl || !tls->in || !tls->out) {
        BIO_free(tls->in);
        BIO_free(tls->out);
        SSL_free(tls->ssl);
        leati_free(tls);
        return NULL;
    }
    BIO_set_mem_eof_return(tls->in, -1); /* empty means later, not the end */
    BIO_set_mem_eof_return(tls->out, -1);
    SSL_set_bio(tls->ssl, tls->in, tls->out);
    SSL_set_accept_state(tls->ssl);
    return tls;
}

void leati_tls_destroy(leati_tls *tls)
{
    if (!tls) return;
    SSL_free(tls->ssl); /* and its BIOs */
    leati_free(tls);
}

bool leati_tls_feed(leati_tls *tls, const void *data, size_t length)
{
    return length <= INT_MAX && BIO_write(tls->in, data, (int)length) == (int)length;
}

bool leati_tls_ready(const leati_tls *tls)
{
    return SSL_is_init_finished(tls->ssl) == 1;
}

leati_tls_result leati_tls_read(leati_tls *tls, void *to, size_t room, size_t *length)
{
    ERR_clear_error();
    if (SSL_read_ex(tls->ssl, to, room, length) == 1) return LEATI_TLS_DATA;
    switch (SSL_get_error(tls->ssl, 0)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE: return LEATI_TLS_MORE;
    case SSL_ERROR_ZERO_RETURN: return LEATI_TLS_END;
    default: ERR_clear_error(); return LEATI_TLS_FAILED;
    }
}

bool leati_tls_write(leati_tls *tls, const void *data, size_t length)
{
    size_t written;
    if (length == 0) return true;
    ERR_clear_error();
    bool ok = SSL_write_ex(tls->ssl, data, length, &written) == 1 && written == length;
    if (!ok) ERR_clear_error();
    return ok;
}

void leati_tls_close(leati_tls *tls)
{
    ERR_clear_error();
    if (SSL_is_init_finished(tls->ssl)) SSL_shutdown(tls->ssl);
    ERR_clear_error();
}

size_t leati_tls_output(leati_tls *tls, const char **data)
{
    char *bytes = NULL;
    long length = BIO_get_mem_data(tls->out, &bytes);
    *data = bytes;
    return length > 0 ? (size_t)length : 0;
}

/* Buffers keep the size to which they have grown, and emptying one clears all of it. One in the
 * place of it where it has grown; NULL: it stays. */
static BIO *smaller(BIO *grown, size_t kept)
{
    BUF_MEM *memory = NULL;
    BIO_get_mem_ptr(grown, &memory);
    BIO *fresh = memory && memory->max > kept ? BIO_new(BIO_s_mem()) : NULL;
    if (fresh) BIO_set_mem_eof_return(fresh, -1);
    return fresh;
}

void leati_tls_sent(leati_tls *tls)
{
    BIO *out = smaller(tls->out, KEPT_OUT);
    if (out) {
        SSL_set0_wbio(tls->ssl, out); /* frees the one before */
        tls->out = out;
    } else {
        (void)BIO_reset(tls->out);
    }
    /* Now is after a reply, when a connection may idle; not while a long body comes. */
    BIO *in = BIO_pending(tls->in) == 0 ? smaller(tls->in, KEPT_IN) : NULL;
    if (in) {
        SSL_set0_rbio(tls->ssl, in);
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
