/* The inside of reading settings: shared by the files that read their parts. */
#ifndef LEATI_WORKFLOW_SETTINGS_READER_H
#define LEATI_WORKFLOW_SETTINGS_READER_H

#include <stdbool.h>

#include <yaml.h>

#include "workflow/settings.h"

enum { ENTRIES_MOST = 10000, BYTES_MOST = 1 << 20 };

typedef struct leati_setting {
    char *key, *value;
    size_t line;
    bool derived; /* from another key */
} leati_setting;

struct leat_settings {
    char *name; /* of the file */
    leati_setting *entries;
    size_t count, capacity;
};

typedef struct leati_settings_reader {
    leat_context *context;
    leat_settings *settings;
    yaml_parser_t *parser;
    const char *text; /* what it reads */
    size_t length;
    yaml_event_t event;
    const char *key; /* at the top, being read */
} leati_settings_reader;

/* The next event, into r->event. */
leat_status leati_settings_next(leati_settings_reader *r);
/* LEAT_FORMAT that names file and line. */
leat_status leati_settings_refuse(leati_settings_reader *r, const char *expected);
leat_status leati_settings_add(leati_settings_reader *r, const char *key, const char *value,
                               size_t line);
/* Under `set`: "estimator.parameter=value", which has a value and is not set before. */
leat_status leati_settings_add_parameter(leati_settings_reader *r, const char *text, size_t line);
const char *leati_settings_scalar(const leati_settings_reader *r); /* of a scalar event */
size_t leati_settings_line(const leati_settings_reader *r);

/* The mapping behind `network:`, whose start is the current event: parameters of the estimator
 * `network` as values of `set`, and one value of `network`. Layers become one text, and
 * their lines another (see leati_layers_parse). */
leat_status leati_settings_network(leati_settings_reader *r);

#endif
