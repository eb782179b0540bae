/* OpenSSL, opened when it is needed: linked, it would cost every start of every command more than
 * all that these do. */
#ifndef LEATI_IO_OPENSSL_H
#define LEATI_IO_OPENSSL_H

#include <stdbool.h>

#include <leat/context.h>

#if LEAT_HAVE_OPENSSL
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

/* Files of the version whose headers this is built with: their names end in it. */
#define LEATI_OPENSSL_TEXT_OF(x) #x
#define LEATI_OPENSSL_TEXT(x)    LEATI_OPENSSL_TEXT_OF(x)
#define LEATI_OPENSSL_VERSION    LEATI_OPENSSL_TEXT(OPENSSL_SHLIB_VERSION)
#define LEATI_OPENSSL_NAMES(library)                                                               \
    library ".so." LEATI_OPENSSL_VERSION, library "." LEATI_OPENSSL_VERSION ".dylib"

/* The functions that Leat calls, by library. What the headers offer as macros ends in
 * *_ctrl. */
#define LEATI_OPENSSL_CRYPTO(F)                                                                    \
    F(BIO_ctrl)                                                                                    \
    F(BIO_free)                                                                                    \
    F(BIO_new)                                                                                     \
    F(BIO_s_mem)                                                                                   \
    F(BIO_write)                                                                                   \
    F(ERR_clear_error)                                                                             \
    F(ERR_peek_error)                                                                              \
    F(ERR_peek_last_error)                                                                         \
    F(ERR_reason_error_string)                                                                     \
    F(X509_VERIFY_PARAM_set1_ip_asc)                                                               \
    F(X509_verify_cert_error_string)
#define LEATI_OPENSSL_SSL(F)                                                                       \
    F(SSL_CTX_check_private_key)                                                                   \
    F(SSL_CTX_ctrl)                                                                                \
    F(SSL_CTX_free)                                                                                \
    F(SSL_CTX_load_verify_locations)                                                               \
    F(SSL_CTX_new)                                                                                 \
    F(SSL_CTX_set_alpn_select_cb)                                                                  \
    F(SSL_CTX_set_default_verify_paths)                                                            \
    F(SSL_CTX_set_options)                                                                         \
    F(SSL_CTX_set_session_id_context)                                                              \
    F(SSL_CTX_set_verify)                                                                          \
    F(SSL_CTX_use_PrivateKey_file)                                                                 \
    F(SSL_CTX_use_certificate_chain_file)                                                          \
    F(SSL_connect)                                                                                 \
    F(SSL_ctrl)                                                                                    \
    F(SSL_free)                                                                                    \
    F(SSL_get0_param)                                                                              \
    F(SSL_get_error)                                                                               \
    F(SSL_get_verify_result)                                                                       \
    F(SSL_is_init_finished)                                                                        \
    F(SSL_new)                                                                                     \
    F(SSL_peek_ex)                                                                                 \
    F(SSL_read_ex)                                                                                 \
    F(SSL_set0_rbio)                                                                               \
    F(SSL_set0_wbio)                                                                               \
    F(SSL_set1_host)                                                                               \
    F(SSL_set_accept_state)                                                                        \
    F(SSL_set_bio)                                                                                 \
    F(SSL_set_fd)                                                                                  \
    F(SSL_shutdown)                                                                                \
    F(SSL_write_ex)                                                                                \
    F(TLS_client_method)                                                                           \
    F(TLS_server_method)

/* Under the names that OpenSSL's own manual has, with the types of its headers. */
typedef struct leati_openssl {
#define F(name) __typeof__(name) *name;
    LEATI_OPENSSL_CRYPTO(F)
    LEATI_OPENSSL_SSL(F)
#undef F
} leati_openssl;

/* Errors: UNSUPPORTED (not installed). Nothing has to be closed: the libraries stay. */
leat_status leati_openssl_open(leat_context *c, leati_openssl *library);

static inline bool leati_openssl_least_tls12(const leati_openssl *l, SSL_CTX *ctx)
{
    return l->SSL_CTX_ctrl(ctx, SSL_CTRL_SET_MIN_PROTO_VERSION, TLS1_2_VERSION, NULL) == 1;
}

static inline void leati_openssl_mode(const leati_openssl *l, SSL_CTX *ctx, long mode)
{
    l->SSL_CTX_ctrl(ctx, SSL_CTRL_MODE, mode, NULL);
}
#endif
#endif
