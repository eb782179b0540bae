/* What Keras and PyTorch call layers, functions, losses and the like that have another name here.
 */
#ifndef LEATI_NN_OTHER_NAMES_H
#define LEATI_NN_OTHER_NAMES_H

#include <stddef.h>

/* What to write for the `what` ("layer", "loss") that somebody calls `name`, or NULL. Case and
 * underscores do not count: "BatchNormalization" is batch_norm. names (count): those there are. */
const char *leati_other_name(const char *what, const char *name, const char *const *names,
                             size_t count);

#endif
