/* Reading requests of the Open Inference Protocol, for the two kinds of models that it asks. */
#ifndef LEATI_SERVE_OIP_H
#define LEATI_SERVE_OIP_H

#include "serve/route.h"

/* *raw: the body is the one input, everything is answered in binary, and nothing was read. */
bool leati_oip_read(leati_call *call, leati_infer_in *in, bool *raw);
/* "id":"...", where there is one. */
void leati_oip_write_id(leati_reply *r, const leati_json_value *id);

/* oip_graph.c: inference with an imported graph (call->served). Returns what a handler does. */
int leati_oip_infer_graph(leati_call *call);

#endif
