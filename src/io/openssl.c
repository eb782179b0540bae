/* Owns: finding OpenSSL and its functions. Not: what is done with them. */
#include "io/openssl.h"

#if LEAT_HAVE_OPENSSL
#include <dlfcn.h>
#include <string.h>

#include "base/error.h"

/* ISO C has no cast from object to function pointer: copy the bits. */
static bool find(void *handle, const char *name, void *to)
{
    void *symbol = dlsym(handle, name);
    memcpy(to, &symbol, sizeof symbol);
    return symbol != NULL;
}

static void *open_library(const char *const names[2])
{
    void *handle = NULL;
    for (int i = 0; !handle && i < 2; i++)
        handle = dlopen(names[i], RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    return handle;
}

leat_status leati_openssl_open(leat_context *c, leati_openssl *l)
{
    static const char *const crypto_names[] = {LEATI_OPENSSL_NAMES("libcrypto")};
    static const char *const ssl_names[] = {LEATI_OPENSSL_NAMES("libssl")};
    void *crypto = open_library(crypto_names), *ssl = open_library(ssl_names);
    bool good = true;
    *l = (leati_openssl){0};
#define F(name) good = crypto && find(crypto, #name, &l->name) && good;
    LEATI_OPENSSL_CRYPTO(F)
#undef F
#define F(name) good = ssl && find(ssl, #name, &l->name) && good;
    LEATI_OPENSSL_SSL(F)
#undef F
    bool there = crypto && ssl;
    if (crypto) dlclose(crypto);
    if (ssl) dlclose(ssl);
    LEATI_CHECK(c, there, LEAT_UNSUPPORTED,
                "TLS needs OpenSSL " LEATI_OPENSSL_VERSION ", which is not installed\n"
                "on Debian or Ubuntu: apt install libssl" LEATI_OPENSSL_VERSION);
    LEATI_CHECK(c, good, LEAT_UNSUPPORTED, "the installed OpenSSL lacks functions Leat needs");
    return LEAT_OK;
}
#endif
