/* The formats that models are exported to: a row of LEAT_EXPORT_LIST and a file format_<name>.c
 * each. */
#ifndef LEATI_EXCHANGE_FORMAT_H
#define LEATI_EXCHANGE_FORMAT_H

#include <leat/exchange.h>

#include "model/model.h"

/* name: options->name, or the model's. */
#define LEATI_FORMAT(name, suffix, doc)                                                            \
    leat_status leati_format_##name(leat_context *c, const leat_model *m, const char *title,       \
                                    const char *path);
LEAT_EXPORT_LIST(LEATI_FORMAT)
#undef LEATI_FORMAT

/* UNSUPPORTED where an input is a text as a sequence of tokens. form: "C", for the message. */
leat_status leati_format_check_inputs(leat_context *c, const leat_model *m, const char *form);

/* A name as an identifier of C: letters, digits and '_', not beginning with a digit. leati_free. */
char *leati_identifier(leat_context *c, const char *name);

/* A model whose estimator is `graph`: the ONNX file it came from, or its weights. title: asked for,
 * and refused; else NULL. */
leat_status leati_graph_model_export(leat_context *c, const leat_model *m, const char *format,
                                     const char *title, const char *to);

#endif
