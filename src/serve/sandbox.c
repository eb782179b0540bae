/* Owns: which files a sandboxed process reaches: rules for Landlock. Not: system calls
 * (sandbox_calls.c), nor which places a server needs (serve.c). */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* O_PATH, syscall */
#endif
#include "serve/sandbox.h"

#include "base/error.h"

#if defined(__linux__)
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/mem.h"

/* The interface of Landlock as of Linux 6.12 (ABI 6), so that a build with older headers knows it:
 * Documentation/userspace-api/landlock.rst. Bits of the files, by the ABI that brought them. */
enum {
    EXECUTE = 1 << 0,
    WRITE_FILE = 1 << 1,
    READ_FILE = 1 << 2,
    READ_DIR = 1 << 3,
    REMOVE_DIR = 1 << 4,
    REMOVE_FILE = 1 << 5,
    MAKE_DIR = 1 << 7,
    MAKE_REG = 1 << 8,
    MAKE_SOCK = 1 << 9,
    ABI_1 = (1 << 13) - 1,
    REFER = 1 << 13,    /* ABI 2 */
    TRUNCATE = 1 << 14, /* ABI 3 */
    IOCTL_DEV = 1 << 15 /* ABI 5 */
};
enum { CONNECT_TCP = 1 << 1 /* ABI 4 */, SCOPE_ABSTRACT_UNIX = 1, SCOPE_SIGNAL = 2 /* ABI 6 */ };
enum { OF_A_FILE = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV };
enum { ASK_VERSION = 1, TSYNC = 1 << 3 /* ABI 8 */, PATH_BENEATH = 1, NET_PORT = 2 };
enum { DNS = 53, NET_ABI = 4 };

typedef struct ruleset_rights {
    uint64_t files, network, scope;
} ruleset_rights;

typedef struct __attribute__((packed)) path_rule {
    uint64_t rights;
    int32_t folder;
} path_rule;

typedef struct port_rule {
    uint64_t rights, port;
} port_rule;

struct leati_sandbox {
    leat_context *context;
    int abi;
    int ruleset;
    bool connections;
};

/* What libraries look up whenever they like: the resolver, OpenSSL, libc. None of it is secret. */
static const char *const common[] = {"/usr/lib",
                                     "/usr/lib64",
                                     "/usr/local/lib",
                                     "/lib",
                                     "/lib64",
                                     "/etc/ld.so.cache",
                                     "/etc/hosts",
                                     "/etc/host.conf",
                                     "/etc/resolv.conf",
                                     "/etc/nsswitch.conf",
                                     "/etc/gai.conf",
                                     "/etc/services",
                                     "/etc/ssl/openssl.cnf",
                                     "/etc/localtime",
                                     "/usr/share/zoneinfo",
                                     "/sys/devices/system/cpu",
                                     "/sys/fs/cgroup",
                                     "/proc/self",
                                     "/dev/urandom"};

static leat_status check_landlock(leat_context *c, int *abi)
{
    *abi = (int)syscall(SYS_landlock_create_ruleset, NULL, 0, ASK_VERSION);
    if (*abi >= 1) return LEAT_OK;
    LEATI_FAIL(c, LEAT_UNSUPPORTED,
               "the sandbox needs Landlock, which this kernel does not offer: %s", strerror(errno));
    return leati_error_hint(c, "Linux 5.13 and newer have it, where 'landlock' stands in "
                               "/sys/kernel/security/lsm");
}

static uint64_t known_rights(int abi)
{
    uint64_t rights = ABI_1;
    if (abi >= 2) rights |= REFER;
    if (abi >= 3) rights |= TRUNCATE;
    if (abi >= 5) rights |= IOCTL_DEV;
    return rights;
}

/* Kernels take a longer structure than they know, if its end is zero. */
static leat_status make_ruleset(leat_context *c, int abi, int *ruleset)
{
    ruleset_rights rights = {.files = known_rights(abi)};
    if (abi >= NET_ABI) rights.network = CONNECT_TCP;
    if (abi >= 6) rights.scope = SCOPE_ABSTRACT_UNIX | SCOPE_SIGNAL;
    *ruleset = (int)syscall(SYS_landlock_create_ruleset, &rights, sizeof rights, 0);
    LEATI_CHECK(c, *ruleset >= 0, LEAT_UNSUPPORTED,
                "the kernel refused the rules of the sandbox: %s", strerror(errno));
    return LEAT_OK;
}

static leat_status allow_common(leati_sandbox *s)
{
    for (size_t i = 0; i < sizeof common / sizeof *common; i++)
        if (access(common[i], F_OK) == 0)
            LEATI_TRY(leati_sandbox_allow(s, common[i], LEATI_SANDBOX_READ));
    return leati_sandbox_allow(s, "/dev/null", LEATI_SANDBOX_WRITE);
}

leat_status leati_sandbox_create(leat_context *c, bool connections, leati_sandbox **out)
{
    int abi;
    *out = NULL;
    LEATI_TRY(check_landlock(c, &abi));
    LEATI_TRY(leati_sandbox_calls_check(c));
    leati_sandbox *s = LEATI_NEW(c, leati_sandbox, 1);
    if (!s) return leat_error_status(c);
    *s = (leati_sandbox){.context = c, .abi = abi, .ruleset = -1, .connections = connections};
    leat_status st = make_ruleset(c, abi, &s->ruleset);
    /* Names: what does not fit into a datagram comes by TCP. */
    if (st == LEAT_OK && connections) st = leati_sandbox_allow_port(s, DNS);
    if (st == LEAT_OK) *out = s;
    else leati_sandbox_destroy(s);
    return st;
}

void leati_sandbox_destroy(leati_sandbox *s)
{
    if (!s) return;
    if (s->ruleset >= 0) close(s->ruleset);
    leati_free(s);
}

leat_status leati_sandbox_allow(leati_sandbox *s, const char *path, leati_sandbox_access access)
{
    uint64_t rights = access == LEATI_SANDBOX_LIST ? READ_DIR : READ_FILE | READ_DIR;
    struct stat info;
    if (access == LEATI_SANDBOX_WRITE)
        rights |= WRITE_FILE | REMOVE_DIR | REMOVE_FILE | MAKE_DIR | MAKE_REG | MAKE_SOCK | REFER |
                  TRUNCATE;
    int fd = open(path, O_PATH | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &info) != 0) {
        int error = errno;
        if (fd >= 0) close(fd);
        return LEATI_FAIL(s->context, error == ENOENT ? LEAT_NOT_FOUND : LEAT_IO, "%s: %s", path,
                          strerror(error));
    }
    if (!S_ISDIR(info.st_mode)) rights &= OF_A_FILE;
    path_rule rule = {rights & known_rights(s->abi), fd};
    long failed = syscall(SYS_landlock_add_rule, s->ruleset, PATH_BENEATH, &rule, 0);
    int error = errno;
    close(fd);
    LEATI_CHECK(s->context, failed == 0, LEAT_IO, "%s cannot be let into the sandbox: %s", path,
                strerror(error));
    return LEAT_OK;
}

leat_status leati_sandbox_allow_port(leati_sandbox *s, uint16_t port)
{
    port_rule rule = {CONNECT_TCP, port};
    LEATI_BUG_IF(s->context, !s->connections);
    if (s->abi < NET_ABI) return LEAT_OK;
    LEATI_CHECK(s->context, syscall(SYS_landlock_add_rule, s->ruleset, NET_PORT, &rule, 0) == 0,
                LEAT_IO, "port %u cannot be let into the sandbox: %s", (unsigned)port,
                strerror(errno));
    return LEAT_OK;
}

/* Cuts the last part off; "." and "/" stay. */
static leat_status allow_folder_of(leati_sandbox *s, char *path, leati_sandbox_access access)
{
    char *slash = strrchr(path, '/');
    if (slash) slash[slash == path] = '\0';
    return leati_sandbox_allow(s, slash ? path : ".", access);
}

leat_status leati_sandbox_allow_beside(leati_sandbox *s, const char *path,
                                       leati_sandbox_access access)
{
    char *given = leati_strdup(s->context, path);
    if (!given) return leat_error_status(s->context);
    char *real = realpath(path, NULL);
    leat_status st = allow_folder_of(s, given, access);
    if (st == LEAT_OK && real) st = allow_folder_of(s, real, access);
    free(real);
    leati_free(given);
    return st;
}

/* Threads of this process, 0 where they cannot be counted. */
static int count_threads(void)
{
    DIR *tasks = opendir("/proc/self/task");
    int count = 0;
    if (!tasks) return 0;
    for (struct dirent *d; (d = readdir(tasks));) count += *d->d_name != '.';
    closedir(tasks);
    return count;
}

leat_status leati_sandbox_close_files(leati_sandbox *s)
{
    leat_context *c = s->context;
    uint32_t flags = s->abi >= 8 ? TSYNC : 0;
    LEATI_CHECK(c, flags || count_threads() <= 1, LEAT_INVALID,
                "the sandbox has to begin before the process starts other threads: this kernel "
                "(Landlock ABI %d) cannot close it around threads that are there",
                s->abi);
    LEATI_TRY(allow_common(s));
    LEATI_CHECK(c, prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, LEAT_UNSUPPORTED,
                "the kernel does not let this process give up new privileges: %s", strerror(errno));
    LEATI_CHECK(c, syscall(SYS_landlock_restrict_self, s->ruleset, flags) == 0, LEAT_UNSUPPORTED,
                "the kernel refused to close the sandbox: %s", strerror(errno));
    close(s->ruleset);
    s->ruleset = -1;
    return LEAT_OK;
}

leat_status leati_sandbox_close_calls(leati_sandbox *s)
{
    return leati_sandbox_calls_load(s->context, s->connections);
}

#else
leat_status leati_sandbox_create(leat_context *c, bool connections, leati_sandbox **out)
{
    (void)connections;
    *out = NULL;
    return LEATI_FAIL(c, LEAT_UNSUPPORTED, "the sandbox needs Linux");
}

void leati_sandbox_destroy(leati_sandbox *s)
{
    (void)s;
}

leat_status leati_sandbox_allow(leati_sandbox *s, const char *path, leati_sandbox_access access)
{
    (void)s;
    (void)path;
    (void)access;
    return LEAT_UNSUPPORTED;
}

leat_status leati_sandbox_allow_beside(leati_sandbox *s, const char *path,
                                       leati_sandbox_access access)
{
    return leati_sandbox_allow(s, path, access);
}

leat_status leati_sandbox_allow_port(leati_sandbox *s, uint16_t port)
{
    (void)s;
    (void)port;
    return LEAT_UNSUPPORTED;
}

leat_status leati_sandbox_close_files(leati_sandbox *s)
{
    (void)s;
    return LEAT_UNSUPPORTED;
}

leat_status leati_sandbox_close_calls(leati_sandbox *s)
{
    (void)s;
    return LEAT_UNSUPPORTED;
}
#endif
