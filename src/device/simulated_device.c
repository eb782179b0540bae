/* Owns: the device `simulated`: an accelerator without the hardware. Its addresses are not the
 * host's (reading one crashes) and steps run only at the next synchronisation, on the reference's
 * kernels. What works here makes every copy and wait that a real device needs. */
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "device/devices.h"
#include "device/reference_kernels.h"

/* Bit 62 makes an address that no user program may touch. */
#define FAR ((uintptr_t)1 << 62)

typedef struct queue {
    const leati_step *steps; /* of the run that was not done yet */
    size_t count;
} queue;

static void *far_of(void *host)
{
    return host ? (void *)((uintptr_t)host | FAR) : NULL;
}

static void *host_of(const void *far)
{
    return (void *)((uintptr_t)far & ~FAR);
}

static leat_status open_simulated(leat_context *c, leati_device *d)
{
    d->state = LEATI_NEW(c, queue, 1);
    return d->state ? LEAT_OK : LEAT_NOMEM;
}

static void close_simulated(leati_device *d)
{
    leati_free(d->state);
}

static const leati_kernel *kernel(const leati_device *d, const leati_step *s)
{
    (void)d;
    const leati_kernel *k = leati_reference_kernel(s->op);
    return k && (!k->takes || k->takes(s)) ? k : NULL;
}

/* A copy of the step with addresses that this host can use. */
static leat_status run_one(leat_context *c, const leati_step *s)
{
    leati_step near = *s;
    leati_operand few[64], *operands = few;
    size_t count = (size_t)s->ins + s->outs;
    if (count > 64) operands = leati_array(c, count, sizeof *operands);
    if (!operands) return LEAT_NOMEM;
    for (size_t i = 0; i < count; i++) {
        operands[i] = i < s->ins ? s->in[i] : s->out[i - s->ins];
        operands[i].data = host_of(operands[i].data);
    }
    near.in = operands;
    near.out = operands + s->ins;
    near.scratch = host_of(s->scratch);
    leat_status st = s->kernel->run(c, &near);
    if (operands != few) leati_free(operands);
    return st == LEAT_OK ? st : leati_step_failed(c, s);
}

static leat_status sync(leati_device *d)
{
    queue *q = d->state;
    leat_status st = LEAT_OK;
    for (size_t i = 0; st == LEAT_OK && i < q->count; i++) st = run_one(d->context, &q->steps[i]);
    *q = (queue){NULL, 0};
    return st;
}

static void *alloc_far(leati_device *d, size_t bytes)
{
    return far_of(leati_host_alloc(d, bytes));
}

static void free_far(leati_device *d, void *block)
{
    ((queue *)d->state)->count = 0; /* a plan that goes away takes its work with it */
    if (block) leati_host_free(d, host_of(block));
}

static leat_status upload(leati_device *d, void *to, const void *from, size_t bytes)
{
    LEATI_TRY(sync(d));
    return leati_host_copy(d, host_of(to), from, bytes);
}

static leat_status download(leati_device *d, void *to, const void *from, size_t bytes)
{
    LEATI_TRY(sync(d));
    return leati_host_copy(d, to, host_of(from), bytes);
}

static leat_status run(leati_device *d, const leati_step *steps, size_t count)
{
    LEATI_TRY(sync(d));
    *(queue *)d->state = (queue){steps, count};
    return LEAT_OK;
}

const leati_device_class leati_simulated_device = {.name = "simulated",
                                                   .foreign = true,
                                                   .kernel = kernel,
                                                   .open = open_simulated,
                                                   .close = close_simulated,
                                                   .alloc = alloc_far,
                                                   .free = free_far,
                                                   .upload = upload,
                                                   .download = download,
                                                   .run = run,
                                                   .sync = sync};
