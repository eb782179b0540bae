/* Looking into a session: what its rows were set to. */
#ifndef LEATI_MODEL_SESSION_LOOK_H
#define LEATI_MODEL_SESSION_LOOK_H

#include <leat/session.h>

/* Column i is input i, with the values that were set last; texts stand there as levels of the
 * encoder, not as they came. */
const leat_frame *leati_session_frame(const leat_session *s);

#endif
