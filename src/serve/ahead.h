/* Predicting the rows of a long binary tensor while the rest of them is still on its way.
 *
 * Nothing that is answered depends on it: rows are cut as the request's own run would cut them, so
 * that their answers have the same bits, and whatever is unusual is left to that run. */
#ifndef LEATI_SERVE_AHEAD_H
#define LEATI_SERVE_AHEAD_H

#include "serve/route.h"

/* On the loop: more of a body has come that asks `served` by the Open Inference Protocol. False:
 * there is no more to be done for this exchange. */
bool leati_ahead_look(leati_call *call, const leati_served *served);
/* The call was begun and says what it wants: its ask gets the answers that are there to the rows of
 * this tensor, its only one. */
void leati_ahead_use(leati_call *call, const leati_tensor_in *tensor);

#endif
