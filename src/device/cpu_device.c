/* Owns: the device `cpu`: host memory, kernels from the table below; what has none there is done by
 * the reference. */
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "device/cpu_kernels.h"
#include "device/devices.h"

/* Zeroed, and never NULL for want of bytes. */
void *leati_host_alloc(leati_device *d, size_t bytes)
{
    size_t size = bytes < 512 ? 512 : bytes; /* blocks of 512 bytes are aligned to 64 */
    return leati_calloc(d->context, 1, size);
}

void leati_host_free(leati_device *d, void *block)
{
    (void)d;
    leati_free(block);
}

leat_status leati_host_copy(leati_device *d, void *to, const void *from, size_t bytes)
{
    (void)d;
    if (bytes) memcpy(to, from, bytes);
    return LEAT_OK;
}

leat_status leati_host_sync(leati_device *d)
{
    (void)d;
    return LEAT_OK;
}

leat_status leati_run_steps(leat_context *c, const leati_step *steps, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (steps[i].kernel->run(c, &steps[i]) != LEAT_OK) return leati_step_failed(c, &steps[i]);
    return LEAT_OK;
}

static leat_status run(leati_device *d, const leati_step *steps, size_t count)
{
    return leati_run_steps(d->context, steps, count);
}

static const leati_kernel *const kernels[LEATI_OP_COUNT] = {
#define K(NAME, name) [LEATI_OP_##NAME] = &leati_cpu_##name,
    LEATI_CPU_KERNELS(K)
#undef K
};

/* Of other types than those above take. */
static const leati_kernel *const others[LEATI_OP_COUNT] = {[LEATI_OP_CONV] = &leati_cpu_conv_f64};

const leati_kernel *leati_cpu_kernel(leati_op op)
{
    return kernels[op];
}

static const leati_kernel *kernel(const leati_device *d, const leati_step *s)
{
    (void)d;
    const leati_kernel *k = kernels[s->op];
    if (k && (!k->takes || k->takes(s))) return k;
    k = others[s->op];
    if (k && k->takes(s)) return k;
    k = leati_reference_kernel(s->op);
    return k && (!k->takes || k->takes(s)) ? k : NULL;
}

const leati_device_class leati_cpu_device = {.name = "cpu",
                                             .fuses = true,
                                             .kernel = kernel,
                                             .alloc = leati_host_alloc,
                                             .free = leati_host_free,
                                             .upload = leati_host_copy,
                                             .download = leati_host_copy,
                                             .run = run,
                                             .sync = leati_host_sync};
