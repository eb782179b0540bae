/* Owns: reading settings from YAML. libyaml reads the syntax; here events become names and values.
 */
#include "workflow/settings.h"

#include <string.h>
#include <yaml.h>

#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "workflow/settings_reader.h"

void leat_settings_destroy(leat_settings *s)
{
    if (!s) return;
    for (size_t i = 0; i < s->count; i++) {
        leati_free(s->entries[i].key);
        leati_free(s->entries[i].value);
    }
    leati_free(s->entries);
    leati_free(s->name);
    leati_free(s);
}

size_t leati_settings_line(const leati_settings_reader *r)
{
    return r->event.start_mark.line + 1;
}

leat_status leati_settings_refuse(leati_settings_reader *r, const char *expected)
{
    return LEATI_FAIL(r->context, LEAT_FORMAT, "%s:%zu: expected %s", r->settings->name,
                      leati_settings_line(r), expected);
}

/* The place of what is no YAML. Where bytes are no text libyaml tells their offset alone. */
static size_t line_of_problem(const leati_settings_reader *r)
{
    const yaml_parser_t *p = r->parser;
    if (p->error != YAML_READER_ERROR) return p->problem_mark.line + 1;
    size_t line = 1;
    for (size_t i = 0; i < p->problem_offset && i < r->length; i++) line += r->text[i] == '\n';
    return line;
}

leat_status leati_settings_next(leati_settings_reader *r)
{
    yaml_event_delete(&r->event);
    if (yaml_parser_parse(r->parser, &r->event)) {
        LEATI_CHECK(r->context, r->event.type != YAML_ALIAS_EVENT, LEAT_FORMAT,
                    "%s:%zu: aliases (*name) are not used in settings", r->settings->name,
                    leati_settings_line(r));
        return LEAT_OK;
    }
    memset(&r->event, 0, sizeof r->event);
    if (r->parser->error == YAML_MEMORY_ERROR)
        return LEATI_FAIL(r->context, LEAT_NOMEM, "out of memory");
    return LEATI_FAIL(r->context, LEAT_FORMAT, "%s:%zu: not valid YAML: %s", r->settings->name,
                      line_of_problem(r), r->parser->problem ? r->parser->problem : "unreadable");
}

leat_status leati_settings_add(leati_settings_reader *r, const char *key, const char *value,
                               size_t line)
{
    leat_context *c = r->context;
    leat_settings *s = r->settings;
    LEATI_CHECK(c, s->count < ENTRIES_MOST, LEAT_LIMIT, "%s: more than %d settings", s->name,
                ENTRIES_MOST);
    LEATI_TRY(leati_grow(c, &s->entries, &s->capacity, s->count + 1, sizeof *s->entries));
    leati_setting e = {leati_strdup(c, key), leati_strdup(c, value), line,
                       strcmp(key, r->key) != 0};
    if (!e.key || !e.value) {
        leati_free(e.key);
        leati_free(e.value);
        return leat_error_status(c);
    }
    s->entries[s->count++] = e;
    return LEAT_OK;
}

leat_status leati_settings_add_parameter(leati_settings_reader *r, const char *text, size_t line)
{
    leat_context *c = r->context;
    const leat_settings *s = r->settings;
    size_t name = strcspn(text, "=");
    LEATI_CHECK(c, text[name] && text[name + 1], LEAT_FORMAT, "%s:%zu: '%.*s' has no value",
                s->name, line, (int)name, text);
    for (size_t i = 0; i < s->count; i++)
        LEATI_CHECK(c,
                    strcmp(s->entries[i].key, "set") != 0 ||
                        strncmp(s->entries[i].value, text, name + 1) != 0,
                    LEAT_FORMAT, "%s:%zu: '%.*s' is set twice", s->name, line, (int)name, text);
    return leati_settings_add(r, "set", text, line);
}

const char *leati_settings_scalar(const leati_settings_reader *r)
{
    return (const char *)r->event.data.scalar.value;
}

/* The items of a list of texts: each a value of its own, or joined by commas into *joined. */
static leat_status read_list(leati_settings_reader *r, const char *key, leati_str *joined)
{
    for (;;) {
        LEATI_TRY(leati_settings_next(r));
        if (r->event.type == YAML_SEQUENCE_END_EVENT) return LEAT_OK;
        if (r->event.type != YAML_SCALAR_EVENT)
            return leati_settings_refuse(r, "a text or number in the list");
        if (!joined)
            LEATI_TRY(leati_settings_add(r, key, leati_settings_scalar(r), leati_settings_line(r)));
        else leati_str_addf(joined, "%s%s", joined->length ? "," : "", leati_settings_scalar(r));
    }
}

/* "svc: {C: 10}" under key `set`. */
static leat_status read_inner(leati_settings_reader *r, const char *key, const char *owner)
{
    for (;;) {
        leati_str text, value;
        LEATI_TRY(leati_settings_next(r));
        if (r->event.type == YAML_MAPPING_END_EVENT) return LEAT_OK;
        if (r->event.type != YAML_SCALAR_EVENT)
            return leati_settings_refuse(r, "the name of a parameter");
        size_t line = leati_settings_line(r);
        leati_str_init(&text, r->context);
        leati_str_init(&value, r->context);
        leati_str_addf(&text, "%s.%s=", owner, leati_settings_scalar(r));
        leat_status st = leati_settings_next(r);
        if (st == LEAT_OK && r->event.type == YAML_SCALAR_EVENT)
            leati_str_add(&value, leati_settings_scalar(r));
        else if (st == LEAT_OK && r->event.type == YAML_SEQUENCE_START_EVENT)
            st = read_list(r, key, &value);
        else if (st == LEAT_OK) st = leati_settings_refuse(r, "a value or a list of values");
        leati_str_add(&text, leati_str_text(&value));
        if (st == LEAT_OK) st = leati_str_status(&value);
        if (st == LEAT_OK) st = leati_str_status(&text);
        if (st == LEAT_OK) st = leati_settings_add_parameter(r, leati_str_text(&text), line);
        leati_str_fini(&text);
        leati_str_fini(&value);
        LEATI_TRY(st);
    }
}

/* Where a mapping had to follow; "knn.n_neighbors: 7" is how the command line says it. */
static leat_status refuse_parameters(leati_settings_reader *r, const char *owner)
{
    leat_status st = leati_settings_refuse(r, "parameters, as in {C: 10}");
    const char *dot = strchr(owner, '.');
    if (!dot || !dot[1]) return st;
    return leati_error_hint(r->context, "'%s' is written %.*s: {%s: VALUE}", owner,
                            (int)(dot - owner), owner, dot + 1);
}

static leat_status read_outer(leati_settings_reader *r, const char *key)
{
    for (;;) {
        LEATI_TRY(leati_settings_next(r));
        if (r->event.type == YAML_MAPPING_END_EVENT) return LEAT_OK;
        if (r->event.type != YAML_SCALAR_EVENT)
            return leati_settings_refuse(r, "the name of an estimator");
        char *owner = leati_strdup(r->context, leati_settings_scalar(r));
        if (!owner) return leat_error_status(r->context);
        leat_status st = leati_settings_next(r);
        if (st == LEAT_OK && r->event.type != YAML_MAPPING_START_EVENT)
            st = refuse_parameters(r, owner);
        if (st == LEAT_OK) st = read_inner(r, key, owner);
        leati_free(owner);
        LEATI_TRY(st);
    }
}

static leat_status read_mapping(leati_settings_reader *r, const char *key)
{
    static const char *const takers[] = {"set", "network"};
    if (strcmp(key, "network") == 0) return leati_settings_network(r);
    if (strcmp(key, "set") == 0) return read_outer(r, key);
    const char *near = leati_nearest(key, takers, 2);
    LEATI_FAIL(r->context, LEAT_FORMAT, "%s:%zu: '%s' takes no settings of its own",
               r->settings->name, leati_settings_line(r), key);
    return near ? leati_error_hint(r->context, "Did you mean '%s'?", near) : LEAT_FORMAT;
}

static leat_status read_value(leati_settings_reader *r, const char *key)
{
    LEATI_TRY(leati_settings_next(r));
    switch (r->event.type) {
    case YAML_SCALAR_EVENT:
        return leati_settings_add(r, key, leati_settings_scalar(r), leati_settings_line(r));
    case YAML_SEQUENCE_START_EVENT: return read_list(r, key, NULL);
    case YAML_MAPPING_START_EVENT: return read_mapping(r, key);
    default: return leati_settings_refuse(r, "a value");
    }
}

/* Whether the file has the key itself; a network makes values of `set`. */
static bool is_set(const leat_settings *s, const char *key)
{
    for (size_t i = 0; i < s->count; i++)
        if (strcmp(s->entries[i].key, key) == 0 && !s->entries[i].derived) return true;
    return false;
}

/* Behind the mapping: one file is one experiment. */
static leat_status read_end(leati_settings_reader *r)
{
    LEATI_TRY(leati_settings_next(r)); /* document end */
    LEATI_TRY(leati_settings_next(r));
    if (r->event.type == YAML_STREAM_END_EVENT) return LEAT_OK;
    return leati_settings_refuse(r, "the end of the file; a second document (---) is not read, "
                                    "it belongs into a file of its own");
}

static leat_status read_document(leati_settings_reader *r)
{
    LEATI_TRY(leati_settings_next(r)); /* stream start */
    LEATI_TRY(leati_settings_next(r));
    if (r->event.type == YAML_STREAM_END_EVENT)
        return leati_settings_refuse(r, "settings; the file is empty");
    LEATI_TRY(leati_settings_next(r));
    if (r->event.type != YAML_MAPPING_START_EVENT)
        return leati_settings_refuse(r, "lines of the form `name: value`");
    for (;;) {
        LEATI_TRY(leati_settings_next(r));
        if (r->event.type == YAML_MAPPING_END_EVENT) return read_end(r);
        if (r->event.type != YAML_SCALAR_EVENT) return leati_settings_refuse(r, "a name");
        char *key = leati_strdup(r->context, leati_settings_scalar(r));
        if (!key) return leat_error_status(r->context);
        leat_status st = LEAT_OK;
        r->key = key;
        if (is_set(r->settings, key))
            st = LEATI_FAIL(r->context, LEAT_FORMAT, "%s:%zu: '%s' is set twice", r->settings->name,
                            leati_settings_line(r), key);
        if (st == LEAT_OK) st = read_value(r, key);
        leati_free(key);
        LEATI_TRY(st);
    }
}

leat_status leati_settings_parse(leat_context *c, leat_settings **out, const char *text,
                                 size_t length, const char *name)
{
    yaml_parser_t parser;
    *out = NULL;
    LEATI_CHECK(c, length <= BYTES_MOST, LEAT_LIMIT, "%s: settings of more than 1 MB", name);
    leat_settings *s = leati_calloc(c, 1, sizeof *s);
    if (!s) return leat_error_status(c);
    s->name = leati_strdup(c, name);
    if (!s->name || !yaml_parser_initialize(&parser)) {
        leat_settings_destroy(s);
        return LEATI_FAIL(c, LEAT_NOMEM, "out of memory");
    }
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, length);
    leati_settings_reader r = {
        .context = c, .settings = s, .parser = &parser, .text = text, .length = length};
    leat_status st = read_document(&r);
    yaml_event_delete(&r.event);
    yaml_parser_delete(&parser);
    if (st == LEAT_OK) *out = s;
    else leat_settings_destroy(s);
    return st;
}

leat_status leat_settings_read(leat_context *c, leat_settings **out, const char *path)
{
    leati_bytes bytes;
    *out = NULL;
    LEATI_TRY(leati_file_read(c, &bytes, path));
    leat_status st = leati_settings_parse(c, out, bytes.data ? bytes.data : "", bytes.size, path);
    leati_bytes_release(&bytes);
    return st;
}

leat_status leat_settings_check(leat_context *c, const leat_settings *s, const char *const *names,
                                size_t count)
{
    for (size_t i = 0; i < s->count; i++) {
        size_t k = 0;
        while (k < count && strcmp(names[k], s->entries[i].key) != 0) k++;
        if (k < count) continue;
        LEATI_FAIL(c, LEAT_INVALID, "%s:%zu: there is no setting '%s'", s->name, s->entries[i].line,
                   s->entries[i].key);
        const char *near = leati_nearest(s->entries[i].key, names, count);
        return near ? leati_error_hint(c, "Did you mean '%s'?", near) : LEAT_INVALID;
    }
    return LEAT_OK;
}

size_t leat_settings_count(const leat_settings *s, const char *key)
{
    size_t n = 0;
    for (size_t i = 0; i < s->count; i++) n += strcmp(s->entries[i].key, key) == 0;
    return n;
}

const char *leat_settings_value(const leat_settings *s, const char *key, size_t index)
{
    for (size_t i = 0; i < s->count; i++)
        if (strcmp(s->entries[i].key, key) == 0 && index-- == 0) return s->entries[i].value;
    return NULL;
}
