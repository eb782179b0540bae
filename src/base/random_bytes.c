/* Owns: asking the operating system for random bytes. */
#include "base/random_bytes.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"

/* The device and not the system call: it is the same everywhere, and keys are made once. */
leat_status leati_random_bytes(leat_context *c, void *out, size_t bytes)
{
    char *to = out;
    int fd = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
    LEATI_CHECK(c, fd >= 0, LEAT_IO, "cannot open /dev/urandom: %s", strerror(errno));
    while (bytes) {
        ssize_t n = read(fd, to, bytes);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) break;
        to += n;
        bytes -= (size_t)n;
    }
    close(fd);
    LEATI_CHECK(c, bytes == 0, LEAT_IO, "cannot read /dev/urandom");
    return LEAT_OK;
}
