/* Owns: making certificates for tests. */
#include "support/certificate.h"

#include <stddef.h>

#if LEAT_HAVE_OPENSSL
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

static bool fill(X509 *x, EVP_PKEY *pair)
{
    X509_NAME *name = X509_get_subject_name(x);
    X509_EXTENSION *names = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name,
                                                "DNS:leat,DNS:localhost,IP:127.0.0.1");
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
    X509_gmtime_adj(X509_getm_notBefore(x), -60);
    X509_gmtime_adj(X509_getm_notAfter(x), 3600);
    X509_set_pubkey(x, pair);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"leat", -1, -1, 0);
    X509_set_issuer_name(x, name);
    bool ok = names && X509_add_ext(x, names, -1) == 1 && X509_sign(x, pair, EVP_sha256()) > 0;
    X509_EXTENSION_free(names);
    return ok;
}

static bool write_pem(const char *path, X509 *x, EVP_PKEY *pair)
{
    FILE *f = fopen(path, "w");
    bool ok = f && (!x || PEM_write_X509(f, x) == 1) &&
              (!pair || PEM_write_PrivateKey(f, pair, NULL, NULL, 0, NULL, NULL) == 1);
    if (f) fclose(f);
    return ok;
}

bool leattest_certificate(const char *certificate, const char *key, const char *both)
{
    EVP_PKEY *pair = EVP_EC_gen("P-256");
    X509 *x = X509_new();
    bool ok = pair && x && fill(x, pair) && write_pem(certificate, x, NULL) &&
              write_pem(key, NULL, pair) && (!both || write_pem(both, x, pair));
    X509_free(x);
    EVP_PKEY_free(pair);
    return ok;
}

void leattest_openssl_error(void)
{
    ERR_raise(ERR_LIB_USER, ERR_R_INTERNAL_ERROR);
}
#else
bool leattest_certificate(const char *certificate, const char *key, const char *both)
{
    (void)certificate, (void)key, (void)both;
    return false;
}

void leattest_openssl_error(void)
{
}
#endif
