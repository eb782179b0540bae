/* Owns: which system calls a sandboxed process may make: the table, and its filter by libseccomp.
 * Not: files (sandbox.c).
 *
 * A call that is not in the table fails with EPERM, because libraries try things and go on without:
 * an end would be a way to stop the server. What serving never does and who takes a server over
 * does first, running a program, becoming two processes, looking into another one, ends it at once
 * and leaves a line in the kernel's log. */
#include "serve/sandbox.h"

#include "base/error.h"

#if defined(__linux__) && LEAT_HAVE_SECCOMP
#include <dlfcn.h>
#include <errno.h>
#include <linux/sched.h>
#include <linux/sockios.h>
#include <seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ABSENT_KILL_LOG = 2 }; /* seccomp_api_get: from 3 on there are kills and logs */

/* Names, because numbers differ between architectures; those that one does not have are passed
 * over. */
static const char *const allowed[] = {
    /* What is open. */
    "read", "write", "readv", "writev", "pread64", "pwrite64", "preadv", "pwritev", "lseek",
    "close", "fstat", "fsync", "fdatasync", "ftruncate", "fallocate", "fadvise64", "flock", "fcntl",
    "fstatfs", "fchmod", "fchown", "getdents64", "dup", "dup3", "pipe2",
    /* Paths: which, is Landlock's. */
    "open", "openat", "stat", "lstat", "newfstatat", "statx", "access", "faccessat", "faccessat2",
    "readlink", "readlinkat", "getcwd", "mkdir", "mkdirat", "rmdir", "rename", "renameat",
    "renameat2", "unlink", "unlinkat", "link", "linkat", "statfs", "utimensat", "umask",
    /* Connections that were accepted; sockets that are bound, as others cannot be made. */
    "listen", "accept", "accept4", "shutdown", "getsockname", "getpeername", "getsockopt",
    "setsockopt", "recvfrom", "recvmsg", "sendto", "sendmsg",
    /* Waiting. */
    "epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait", "epoll_pwait2", "eventfd2", "poll",
    "ppoll", "select", "pselect6", "futex", "nanosleep", "clock_nanosleep", "restart_syscall",
    /* Memory: new pages, not executable ones (below). */
    "munmap", "mremap", "madvise", "brk", "membarrier",
    /* Threads and signals: new threads below. */
    "set_robust_list", "rseq", "sched_yield", "sched_getaffinity", "gettid", "getpid",
    "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "rt_sigtimedwait", "sigaltstack", "exit",
    "exit_group",
    /* Time, chance, who and where one is. */
    "clock_gettime", "clock_getres", "gettimeofday", "time", "getrandom", "getcpu", "uname",
    "sysinfo", "getrusage", "times", "getuid", "geteuid", "getgid", "getegid", "getppid"};

/* For a database on another machine. */
static const char *const connecting[] = {"connect", "bind", "sendmmsg", "recvmmsg"};
/* Netlink: which addresses this machine has, for the resolver. */
static const int families[] = {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK};

static const char *const deadly[] = {
    "execve", "execveat", "fork", "vfork", "ptrace", "process_vm_readv", "process_vm_writev"};

/* Newer calls without which libraries use older ones. The filter cannot see what clone3 would do:
 * without it, libc uses clone. */
static const char *const unknown[] = {"clone3", "io_uring_setup", "openat2", "memfd_secret"};

/* The library is opened when it is needed. ISO C has no cast from object to function pointer: copy
 * the bits. */
typedef struct library {
    scmp_filter_ctx (*init)(uint32_t action);
    void (*release)(scmp_filter_ctx filter);
    int (*attr_set)(scmp_filter_ctx filter, enum scmp_filter_attr attribute, uint32_t value);
    int (*resolve)(const char *name);
    int (*rule)(scmp_filter_ctx filter, uint32_t action, int call, unsigned count,
                const struct scmp_arg_cmp *arguments);
    int (*load)(scmp_filter_ctx filter);
    unsigned (*api)(void);
} library;

static bool find(void *handle, const char *name, void *to)
{
    void *symbol = dlsym(handle, name);
    memcpy(to, &symbol, sizeof symbol);
    return symbol != NULL;
}

static leat_status open_library(leat_context *c, library *lib)
{
    void *handle = dlopen("libseccomp.so.2", RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    LEATI_CHECK(c, handle, LEAT_UNSUPPORTED,
                "the sandbox needs libseccomp, which is not installed\n"
                "on Debian or Ubuntu: apt install libseccomp2");
    bool good = find(handle, "seccomp_init", &lib->init) &&
                find(handle, "seccomp_release", &lib->release) &&
                find(handle, "seccomp_attr_set", &lib->attr_set) &&
                find(handle, "seccomp_syscall_resolve_name", &lib->resolve) &&
                find(handle, "seccomp_rule_add_array", &lib->rule) &&
                find(handle, "seccomp_load", &lib->load) &&
                find(handle, "seccomp_api_get", &lib->api);
    dlclose(handle);
    LEATI_CHECK(c, good, LEAT_UNSUPPORTED, "the installed libseccomp lacks functions Leat needs");
    LEATI_CHECK(c, lib->api() > ABSENT_KILL_LOG, LEAT_UNSUPPORTED,
                "the sandbox needs seccomp filters that cover all threads and can end the process: "
                "this kernel does not offer them (Linux 4.14 and newer do)");
    return LEAT_OK;
}

leat_status leati_sandbox_calls_check(leat_context *c)
{
    library lib;
    return open_library(c, &lib);
}

/* A filter in the making: the first failure stays. */
typedef struct filter {
    const library *lib;
    scmp_filter_ctx rules;
    int error;
} filter;

static void add(filter *f, uint32_t action, const char *name, unsigned count,
                const struct scmp_arg_cmp *arguments)
{
    int call = f->lib->resolve(name);
    if (f->error || call == __NR_SCMP_ERROR) return;
    int error = f->lib->rule(f->rules, action, call, count, arguments);
    /* A call that this architecture has in another form only. */
    if (error != -EDOM) f->error = error;
}

static void add_all(filter *f, uint32_t action, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) add(f, action, names[i], 0, NULL);
}
#define ADD_ALL(f, action, names) add_all(f, action, names, sizeof(names) / sizeof *(names))

/* Where the bits `mask` of an argument are `value`. */
static void add_where(filter *f, uint32_t action, const char *name, unsigned argument,
                      uint64_t mask, uint64_t value)
{
    struct scmp_arg_cmp where = {argument, SCMP_CMP_MASKED_EQ, mask, value};
    add(f, action, name, 1, &where);
}

/* Calls that depend on what they are asked. */
static void add_conditions(filter *f)
{
    static const uint64_t requests[] = {FIONBIO,  FIONREAD,   FIOCLEX, FIONCLEX,
                                        SIOCOUTQ, TIOCGWINSZ, TCGETS};
    add_where(f, SCMP_ACT_ALLOW, "mmap", 2, PROT_EXEC, 0);
    add_where(f, SCMP_ACT_ALLOW, "mprotect", 2, PROT_EXEC, 0);
    add_where(f, SCMP_ACT_ALLOW, "clone", 0, CLONE_THREAD, CLONE_THREAD);
    add_where(f, SCMP_ACT_KILL_PROCESS, "clone", 0, CLONE_THREAD, 0);
    add_where(f, SCMP_ACT_ALLOW, "tgkill", 0, UINT32_MAX, (uint64_t)getpid());
    add_where(f, SCMP_ACT_ALLOW, "prctl", 0, UINT32_MAX, PR_SET_NAME);
    add_where(f, SCMP_ACT_ALLOW, "arch_prctl", 0, UINT32_MAX, 0x1023); /* asks for tiles */
    add_where(f, SCMP_ACT_ALLOW, "prlimit64", 2, UINT64_MAX, 0);       /* asks only */
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++)
        add_where(f, SCMP_ACT_ALLOW, "ioctl", 1, UINT32_MAX, requests[i]);
}

static void add_connecting(filter *f)
{
    ADD_ALL(f, SCMP_ACT_ALLOW, connecting);
    for (size_t i = 0; i < sizeof families / sizeof *families; i++)
        add_where(f, SCMP_ACT_ALLOW, "socket", 0, UINT32_MAX, (uint64_t)families[i]);
}

static int load(const library *lib, bool connections)
{
    filter f = {.lib = lib, .rules = lib->init(SCMP_ACT_ERRNO(EPERM))};
    if (!f.rules) return -ENOMEM;
    f.error = lib->attr_set(f.rules, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    if (!f.error) f.error = lib->attr_set(f.rules, SCMP_FLTATR_CTL_TSYNC, 1);
    if (!f.error) f.error = lib->attr_set(f.rules, SCMP_FLTATR_CTL_LOG, 1);
    ADD_ALL(&f, SCMP_ACT_ALLOW, allowed);
    if (connections) add_connecting(&f);
    ADD_ALL(&f, SCMP_ACT_KILL_PROCESS, deadly);
    ADD_ALL(&f, SCMP_ACT_ERRNO(ENOSYS), unknown);
    add_conditions(&f);
    if (!f.error) f.error = lib->load(f.rules);
    lib->release(f.rules);
    return f.error;
}

leat_status leati_sandbox_calls_load(leat_context *c, bool connections)
{
    library lib;
    LEATI_TRY(open_library(c, &lib));
    int error = load(&lib, connections);
    LEATI_CHECK(c, error == 0, LEAT_UNSUPPORTED,
                "the kernel refused the filter of system calls: %s", strerror(-error));
    return LEAT_OK;
}

#else
leat_status leati_sandbox_calls_check(leat_context *c)
{
    return LEATI_FAIL(c, LEAT_UNSUPPORTED,
                      "this build has no sandbox: install libseccomp-dev and build again");
}

leat_status leati_sandbox_calls_load(leat_context *c, bool connections)
{
    (void)connections;
    return leati_sandbox_calls_check(c);
}
#endif
