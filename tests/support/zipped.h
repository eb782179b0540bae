/* A classifier as sklearn-onnx exports it: labels, and a sequence of maps from labels to shares. */
#ifndef ZIPPED_H
#define ZIPPED_H

#include <leat/context.h>

/* An ONNX file of x (any, 2): "left" where x[0] is the greater, else "right" (`label`), and maps of
 * their shares (`p`). */
leat_status leattest_zipped_classifier(leat_context *c, const char *path);

#endif
