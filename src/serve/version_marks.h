/* The highest numbers that versions had which are deleted: a number that a server gives to an
 * upload is not used again. They stand in the folder of the models itself, as FOLDER/.versions, so
 * that a server that starts again, or another one on the same folder, knows them. */
#ifndef LEATI_SERVE_VERSION_MARKS_H
#define LEATI_SERVE_VERSION_MARKS_H

#include <leat/context.h>

#include <stdbool.h>
#include <stdint.h>

/* 0: none is known. */
uint32_t leati_version_mark(leat_context *c, const char *folder, const char *name);
/* At least `version` from now on. False: the disk did not take it; nothing is recorded in c. */
bool leati_version_mark_raise(leat_context *c, const char *folder, const char *name,
                              uint32_t version);

#endif
