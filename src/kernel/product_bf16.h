/* Between product.c and product_bf16.c. */
#ifndef LEATI_KERNEL_PRODUCT_BF16_H
#define LEATI_KERNEL_PRODUCT_BF16_H

#include "kernel/product.h"

size_t leati_product_bf16_bytes(leat_context *c, const leati_product *p);
void leati_product_bf16_run(leat_context *c, const leati_product *p, void *workspace);

#endif
