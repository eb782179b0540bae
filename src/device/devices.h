/* The device classes there are. */
#ifndef LEATI_DEVICE_DEVICES_H
#define LEATI_DEVICE_DEVICES_H

#include "device/device.h"

extern const leati_device_class leati_cpu_device;
extern const leati_device_class leati_reference_device;
extern const leati_device_class leati_simulated_device;

/* Memory of the host, for devices that compute there. */
void *leati_host_alloc(leati_device *d, size_t bytes);
void leati_host_free(leati_device *d, void *block);
leat_status leati_host_copy(leati_device *d, void *to, const void *from, size_t bytes);
leat_status leati_host_sync(leati_device *d);

/* Runs steps one after another on this thread. */
leat_status leati_run_steps(leat_context *c, const leati_step *steps, size_t count);

#endif
