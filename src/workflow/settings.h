/* Parsing settings from memory: for the file reader and the fuzz target. */
#ifndef LEATI_WORKFLOW_SETTINGS_H
#define LEATI_WORKFLOW_SETTINGS_H

#include <leat/settings.h>

/* `name` appears in messages. */
leat_status leati_settings_parse(leat_context *c, leat_settings **out, const char *text,
                                 size_t length, const char *name);

#endif
