/* Writing YAML: block style, strings plain only where every reader takes them for strings. */
#ifndef LEATI_DEPLOY_YAML_OUT_H
#define LEATI_DEPLOY_YAML_OUT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

enum { LEATI_YAML_DEPTH = 24 };

/* Begun maps and lists are ended in turn. A failed allocation stays in `text`, as a fault of ours
 * (too deep, not ended) does: leati_yaml_finish reports it. */
typedef struct leati_yaml {
    leati_str text;
    int depth; /* of `levels`; -1: between documents */
    bool fault;
    struct {
        bool list, beside; /* beside: the first entry goes behind the dash */
        int indent;
        unsigned entries;
    } levels[LEATI_YAML_DEPTH];
} leati_yaml;

void leati_yaml_init(leati_yaml *y, leat_context *c);
void leati_yaml_fini(leati_yaml *y);
/* A document whose root is a map; ended by leati_yaml_end. */
void leati_yaml_document(leati_yaml *y);
/* key NULL: an entry of a list. */
void leati_yaml_map(leati_yaml *y, const char *key);
void leati_yaml_list(leati_yaml *y, const char *key);
void leati_yaml_end(leati_yaml *y);
void leati_yaml_text(leati_yaml *y, const char *key, const char *value);
void leati_yaml_textf(leati_yaml *y, const char *key, const char *format, ...) LEAT_PRINTF(3, 4);
void leati_yaml_whole(leati_yaml *y, const char *key, int64_t value);
void leati_yaml_flag(leati_yaml *y, const char *key, bool value);
/* A line of its own; before an entry of a map. */
void leati_yaml_comment(leati_yaml *y, const char *comment);
/* NOMEM; INTERNAL: a map or list was not ended. */
leat_status leati_yaml_finish(leati_yaml *y);

#endif
