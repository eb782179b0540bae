/* A certificate for tests. */
#ifndef LEATTEST_CERTIFICATE_H
#define LEATTEST_CERTIFICATE_H

#include <stdbool.h>

/* A key and a certificate for "leat", localhost and 127.0.0.1, signed by itself, for an hour, as
 * PEM files. `both` gets the certificate and the key behind it; NULL: not wanted. False where it
 * cannot be made, as in a build without OpenSSL. */
bool leattest_certificate(const char *certificate, const char *key, const char *both);

/* Leaves an error in this thread's list of OpenSSL's, as code does that has nothing to do with us;
 * nothing in a build without OpenSSL. */
void leattest_openssl_error(void);

#endif
