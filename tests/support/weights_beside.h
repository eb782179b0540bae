/* A model whose weights lie in a file beside it, as PyTorch writes them. */
#ifndef WEIGHTS_BESIDE_H
#define WEIGHTS_BESIDE_H

#include <leat/context.h>

/* An ONNX file `path` of y = x a + b for x (any, 3): a (3, 1), an initialiser, and b (1), of a
 * Constant node, lie in the file of that name beside it, one behind the other; it is not made. */
leat_status leattest_model_beside(leat_context *c, const char *path, const char *data);

#endif
