/* Between the files of products and convolutions in bf16. */
#ifndef LEATI_KERNEL_PRODUCT_BF16_H
#define LEATI_KERNEL_PRODUCT_BF16_H

#include "kernel/net_kernels.h"
#include "kernel/product.h"

typedef void (*leati_bf16_block_fn)(const leati_bf16_block *t);
/* By vdpbf16ps where the context's level and the CPU have it. */
leati_bf16_block_fn leati_bf16_block_of(const leat_context *c);

size_t leati_product_bf16_bytes(leat_context *c, const leati_product *p);
void leati_product_bf16_run(leat_context *c, const leati_product *p, void *workspace);

#endif
