/* A device: memory in an address space of its own and a queue of steps.
 *
 *   cpu        kernels of src/kernel on the context's pool; fuses
 *   reference  the oracle: every operation in plain loops, sums in f64 in rising order; no fusion
 *   simulated  the reference behind foreign addresses and a queue that runs late: a missing copy or
 *              synchronisation fails on any machine
 *
 * The interface fits streams and captured graphs: run() may return before the work is done, copies
 * are ordered with it, sync() waits. A device belongs to one context and is used by one thread. */
#ifndef LEATI_DEVICE_DEVICE_H
#define LEATI_DEVICE_DEVICE_H

#include "device/step.h"

typedef struct leati_device leati_device;

typedef struct leati_device_class {
    const char *name;
    bool fuses;   /* takes FUSED steps */
    bool foreign; /* its memory is not the host's: inputs are copied */
    /* NULL where the device cannot run the step: the planner then asks for its composition. */
    const leati_kernel *(*kernel)(const leati_device *d, const leati_step *s);
    leat_status (*open)(leat_context *c, leati_device *d);
    void (*close)(leati_device *d);
    /* Zeroed memory, 64-byte aligned; NULL with the error recorded. */
    void *(*alloc)(leati_device *d, size_t bytes);
    void (*free)(leati_device *d, void *block);
    leat_status (*upload)(leati_device *d, void *to, const void *from, size_t bytes);
    /* Complete when it returns. */
    leat_status (*download)(leati_device *d, void *to, const void *from, size_t bytes);
    /* Runs or enqueues the steps in order. They stay as they are until sync. */
    leat_status (*run)(leati_device *d, const leati_step *steps, size_t count);
    leat_status (*sync)(leati_device *d);
} leati_device_class;

struct leati_device {
    const leati_device_class *class;
    leat_context *context;
    void *state;
};

/* NULL for `name` is "cpu". LEAT_NOT_FOUND names the devices there are. */
leat_status leati_device_open(leat_context *c, const char *name, leati_device **out);
void leati_device_close(leati_device *d); /* NULL is fine */

const leati_kernel *leati_cpu_kernel(leati_op op);       /* NULL: none */
const leati_kernel *leati_reference_kernel(leati_op op); /* NULL: none */

#endif
