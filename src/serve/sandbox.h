/* A sandbox for a process that serves: what a fault in it could be made to do ends here.
 *
 * Two borders of the kernel, both without privileges and for good. Files (Landlock): only places
 * that were named can be read or written, no program can be run, and where nothing has to connect
 * no TCP connection can be made. Calls (seccomp): only those in the table of sandbox_calls.c.
 *
 * Files first, before the process starts threads, since Landlock passes on to what is started
 * later; calls last, when sockets listen, for all threads at once. */
#ifndef LEATI_SERVE_SANDBOX_H
#define LEATI_SERVE_SANDBOX_H

#include <stdbool.h>
#include <stdint.h>

#include <leat/context.h>

typedef struct leati_sandbox leati_sandbox;

typedef enum leati_sandbox_access {
    LEATI_SANDBOX_LIST, /* the names in folders, no more */
    LEATI_SANDBOX_READ,
    LEATI_SANDBOX_WRITE /* and read, make and remove files and folders */
} leati_sandbox_access;

/* Nothing is restricted yet. connections: sockets may be made and connected inside (a database that
 * is a server): local ones, and by TCP those of leati_sandbox_allow_port. UNSUPPORTED: what this
 * kernel or build lacks. */
leat_status leati_sandbox_create(leat_context *c, bool connections, leati_sandbox **out);
void leati_sandbox_destroy(leati_sandbox *s); /* restrictions stay; NULL is fine */

/* A file, or a folder with all that is and will be below it. NOT_FOUND. */
leat_status leati_sandbox_allow(leati_sandbox *s, const char *path, leati_sandbox_access access);
/* The folder that a file is in, and, of a symbolic link, the one it leads to: for files that are
 * replaced by others of the same name, or not there yet. */
leat_status leati_sandbox_allow_beside(leati_sandbox *s, const char *path,
                                       leati_sandbox_access access);
/* Where connections may be made: to that port by TCP. Kernels before Linux 6.7 cannot tell ports
 * apart, so that there all may be connected to. */
leat_status leati_sandbox_allow_port(leati_sandbox *s, uint16_t port);

/* For the calling thread and those that it starts from now on. INVALID: there are others. */
leat_status leati_sandbox_close_files(leati_sandbox *s);
/* For all threads of the process. What is not in the table fails with EPERM; running a program,
 * forking and looking into another process ends this one (SIGSYS). */
leat_status leati_sandbox_close_calls(leati_sandbox *s);

/* sandbox_calls.c: whether the kernel and the library are there; the filter. */
leat_status leati_sandbox_calls_check(leat_context *c);
leat_status leati_sandbox_calls_load(leat_context *c, bool connections);

#endif
