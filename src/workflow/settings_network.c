/* Owns: networks in settings: YAML lists of layers become the text of nn/network.h. */
#include <string.h>

#include "base/error.h"
#include "base/str.h"
#include "nn/layer.h"
#include "nn/spec.h"
#include "workflow/settings_reader.h"

enum { MOST_DEPTH = 40 };

typedef struct writer {
    leati_settings_reader *r;
    leati_str text, places; /* places: "12,13,15" */
    bool placed;            /* there is one */
} writer;

static leat_status next(writer *w)
{
    return leati_settings_next(w->r);
}

static yaml_event_type_t event(const writer *w)
{
    return w->r->event.type;
}

static leat_status refuse(writer *w, const char *expected)
{
    return leati_settings_refuse(w->r, expected);
}

static leat_status deep(writer *w, unsigned depth)
{
    LEATI_CHECK(w->r->context, depth < MOST_DEPTH, LEAT_LIMIT,
                "%s:%zu: more than %d lists inside each other", w->r->settings->name,
                leati_settings_line(w->r), MOST_DEPTH);
    return LEAT_OK;
}

static leat_status add_scalar(writer *w)
{
    leati_str_add(&w->text, leati_settings_scalar(w->r));
    return leati_str_status(&w->text);
}

/* The line of a layer, in the order of their names in the text. */
static void add_place(writer *w, size_t line)
{
    leati_str_addf(&w->places, "%s%zu", w->placed ? "," : "", line);
    w->placed = true;
}

static leat_status add_arguments(writer *w, unsigned depth);

/* Whether the text, as it stands, is one value of nn/spec.h. */
static bool is_one_value(leat_context *c, const char *text)
{
    leati_spec s;
    char value[LEATI_TEXT_PARAM];
    leati_spec_init(&s, c, "", text);
    return leati_spec_value(&s, value, sizeof value) && leati_spec_at_end(&s);
}

static leat_status add_value(writer *w, unsigned depth);

/* {setosa: 1, virginica: 2} as "setosa=1, virginica=2". */
static leat_status add_weights(writer *w)
{
    size_t start = w->text.length;
    for (bool first = true;; first = false) {
        LEATI_TRY(next(w));
        if (event(w) == YAML_MAPPING_END_EVENT) break;
        if (event(w) != YAML_SCALAR_EVENT) return refuse(w, "the name of a class");
        if (strpbrk(leati_settings_scalar(w->r), ",=\"'"))
            return refuse(w, "classes without comma, quote and = in their names; weights of others "
                             "are a list in the order of the classes, as in [1, 2, 5]");
        leati_str_add(&w->text, first ? "\"" : ", ");
        LEATI_TRY(add_scalar(w));
        LEATI_TRY(next(w));
        if (event(w) != YAML_SCALAR_EVENT) return refuse(w, "the weight of a class");
        leati_str_addf(&w->text, "=%s", leati_settings_scalar(w->r));
    }
    if (w->text.length == start) return refuse(w, "the weights of classes, as in {yes: 2, no: 1}");
    leati_str_addc(&w->text, '"');
    return leati_str_status(&w->text);
}

/* The value of a layer's, loss's, ... parameter: in quotes where it has to be held together, as
 * "1, 2". */
static leat_status add_argument(writer *w, unsigned depth)
{
    const char *text = event(w) == YAML_SCALAR_EVENT ? leati_settings_scalar(w->r) : "";
    char quote = strchr(text, '"') ? '\'' : '"';
    if (!*text || strchr(text, quote) || is_one_value(w->r->context, text))
        return add_value(w, depth);
    leati_str_addf(&w->text, "%c%s%c", quote, text, quote);
    return leati_str_status(&w->text);
}

/* The value whose first event is the current one: 3, [3, 5], normal(stddev=0.1). */
static leat_status add_value(writer *w, unsigned depth)
{
    LEATI_TRY(deep(w, depth));
    if (event(w) == YAML_SCALAR_EVENT) return add_scalar(w);
    if (event(w) == YAML_SEQUENCE_START_EVENT) {
        leati_str_addc(&w->text, '[');
        for (bool first = true;; first = false) {
            LEATI_TRY(next(w));
            if (event(w) == YAML_SEQUENCE_END_EVENT) break;
            if (!first) leati_str_add(&w->text, ", ");
            LEATI_TRY(add_value(w, depth + 1));
        }
        leati_str_addc(&w->text, ']');
        return leati_str_status(&w->text);
    }
    LEATI_TRY(next(w));
    if (event(w) != YAML_SCALAR_EVENT) return refuse(w, "a name with its parameters");
    LEATI_TRY(add_scalar(w));
    LEATI_TRY(next(w));
    leati_str_addc(&w->text, '(');
    LEATI_TRY(add_arguments(w, depth + 1));
    leati_str_addc(&w->text, ')');
    LEATI_TRY(next(w));
    return event(w) == YAML_MAPPING_END_EVENT ? leati_str_status(&w->text)
                                              : refuse(w, "one name with its parameters");
}

/* What stands in brackets: a value, a list of values or values by name. */
static leat_status add_arguments(writer *w, unsigned depth)
{
    yaml_event_type_t start = event(w);
    if (start == YAML_SCALAR_EVENT) return add_scalar(w);
    for (bool first = true;; first = false) {
        LEATI_TRY(next(w));
        if (event(w) == YAML_SEQUENCE_END_EVENT || event(w) == YAML_MAPPING_END_EVENT) break;
        if (!first) leati_str_add(&w->text, ", ");
        if (start == YAML_MAPPING_START_EVENT) {
            if (event(w) != YAML_SCALAR_EVENT) return refuse(w, "the name of a parameter");
            bool weights = strcmp(leati_settings_scalar(w->r), "class_weights") == 0;
            LEATI_TRY(add_scalar(w));
            leati_str_addc(&w->text, '=');
            LEATI_TRY(next(w));
            if (weights && event(w) == YAML_MAPPING_START_EVENT) {
                LEATI_TRY(add_weights(w));
                continue;
            }
        }
        LEATI_TRY(add_argument(w, depth + 1));
    }
    return leati_str_status(&w->text);
}

/* ---- layers ------------------------------------------------------------------------------------
 */

static leat_status add_layers(writer *w, unsigned depth);

static bool is_container(const char *name)
{
    for (size_t i = 0; i < leati_layer_count(); i++)
        if (strcmp(leati_layer_at(i)->name, name) == 0) return leati_layer_at(i)->container;
    return false;
}

/* " { ... }" of the list that is the current event. */
static leat_status add_inside(writer *w, unsigned depth)
{
    if (event(w) != YAML_SEQUENCE_START_EVENT) return refuse(w, "a list of layers");
    leati_str_add(&w->text, " { ");
    LEATI_TRY(add_layers(w, depth + 1));
    leati_str_add(&w->text, " }");
    return leati_str_status(&w->text);
}

/* {name: value, layers: [...]}: the layers stand at the end. */
static leat_status add_container(writer *w, unsigned depth)
{
    bool open = false, layers = false;
    for (;;) {
        LEATI_TRY(next(w));
        if (event(w) == YAML_MAPPING_END_EVENT) break;
        if (event(w) != YAML_SCALAR_EVENT) return refuse(w, "the name of a parameter");
        if (layers) return refuse(w, "`layers` as the last of the parameters");
        if (strcmp(leati_settings_scalar(w->r), "layers") == 0) {
            layers = true;
            if (open) leati_str_addc(&w->text, ')');
            LEATI_TRY(next(w));
            LEATI_TRY(add_inside(w, depth));
            continue;
        }
        leati_str_add(&w->text, open ? ", " : "(");
        open = true;
        LEATI_TRY(add_scalar(w));
        leati_str_addc(&w->text, '=');
        LEATI_TRY(next(w));
        LEATI_TRY(add_argument(w, depth + 1));
    }
    return layers ? leati_str_status(&w->text) : refuse(w, "`layers: [...]` among the parameters");
}

/* `conv2d: {filters: 32}`, whose mapping is the current event. */
static leat_status add_named_layer(writer *w, unsigned depth)
{
    LEATI_TRY(next(w));
    if (event(w) != YAML_SCALAR_EVENT) return refuse(w, "the name of a layer");
    add_place(w, leati_settings_line(w->r));
    bool container = is_container(leati_settings_scalar(w->r));
    LEATI_TRY(add_scalar(w));
    LEATI_TRY(next(w));
    if (container && event(w) == YAML_MAPPING_START_EVENT) {
        LEATI_TRY(add_container(w, depth));
    } else if (container) {
        LEATI_TRY(add_inside(w, depth));
    } else {
        bool empty = event(w) == YAML_SCALAR_EVENT && !*leati_settings_scalar(w->r);
        if (!empty) leati_str_addc(&w->text, '(');
        if (!empty) LEATI_TRY(add_arguments(w, depth + 1));
        if (!empty) leati_str_addc(&w->text, ')');
    }
    LEATI_TRY(next(w));
    return event(w) == YAML_MAPPING_END_EVENT ? LEAT_OK
                                              : refuse(w, "one layer in each item of the list");
}

/* The items of the list that is the current event, up to its end. */
static leat_status add_layers(writer *w, unsigned depth)
{
    LEATI_TRY(deep(w, depth));
    for (bool first = true;; first = false) {
        LEATI_TRY(next(w));
        if (event(w) == YAML_SEQUENCE_END_EVENT) return leati_str_status(&w->text);
        if (!first) leati_str_add(&w->text, "; ");
        if (event(w) == YAML_SCALAR_EVENT) {
            if (strpbrk(leati_settings_scalar(w->r), ";{}"))
                return refuse(w, "one layer in each item of the list");
            add_place(w, leati_settings_line(w->r));
            LEATI_TRY(add_scalar(w));
        } else if (event(w) == YAML_MAPPING_START_EVENT) {
            LEATI_TRY(add_named_layer(w, depth));
        } else {
            return refuse(w, "a layer, as in conv2d: {filters: 32, kernel_size: 3}");
        }
    }
}

/* ---- parameters --------------------------------------------------------------------------------
 */

/* Lists: sizes of an input are joined by x, other values are tried one by one by a search. */
static leat_status add_list(writer *w, const char *between)
{
    for (bool first = true;; first = false) {
        LEATI_TRY(next(w));
        if (event(w) == YAML_SEQUENCE_END_EVENT) return leati_str_status(&w->text);
        if (!first) leati_str_add(&w->text, between);
        LEATI_TRY(add_value(w, 1));
    }
}

/* The items of the list, one a line. choices: one of them is `none` or several changes. */
static leat_status read_changes(writer *w, bool *choices)
{
    *choices = false;
    for (bool first = true;; first = false) {
        LEATI_TRY(next(w));
        if (event(w) == YAML_SEQUENCE_END_EVENT) return leati_str_status(&w->text);
        if (event(w) != YAML_SCALAR_EVENT && event(w) != YAML_MAPPING_START_EVENT)
            return refuse(w, "a change of images, as in crop: 4");
        if (!first) leati_str_addc(&w->text, '\n');
        size_t start = w->text.length;
        LEATI_TRY(add_arguments(w, 1));
        const char *item = leati_str_text(&w->text) + start;
        *choices |= strchr(item, ',') || strchr(item, '|') || strcmp(item, "none") == 0;
    }
}

/* Changes one after the other, as [flip, crop: 4] or [flip, crop=4]; where one of them is `none` or
 * several, as in [none, "flip, crop=4"], choices for a search. */
static leat_status add_changes(writer *w)
{
    leati_str before = w->text;
    bool choices;
    leati_str_init(&w->text, w->r->context);
    leat_status st = read_changes(w, &choices);
    leati_str items = w->text;
    w->text = before;
    for (const char *at = leati_str_text(&items); st == LEAT_OK && *at; at++)
        if (*at == '\n') leati_str_add(&w->text, choices ? " | " : ", ");
        else leati_str_addc(&w->text, *at);
    leati_str_fini(&items);
    return st == LEAT_OK ? leati_str_status(&w->text) : st;
}

/* The value of a parameter of the estimator `network`. */
static leat_status add_parameter(writer *w, const char *name)
{
    bool list = event(w) == YAML_SEQUENCE_START_EVENT;
    static const char *const texts[] = {"loss", "optimizer", "schedule"};
    if (list && strcmp(name, "layers") == 0) return add_layers(w, 0);
    if (list && strcmp(name, "input") == 0) return add_list(w, "x");
    if (list && strcmp(name, "augment") == 0) return add_changes(w);
    for (size_t i = 0; list && i < sizeof texts / sizeof *texts; i++)
        if (strcmp(name, texts[i]) == 0) return add_list(w, " | ");
    if (event(w) == YAML_MAPPING_START_EVENT && strcmp(name, "augment") == 0)
        return add_arguments(w, 0); /* {flip: true, crop: 4}: several changes, not one by name */
    return list ? add_list(w, ",") : add_value(w, 0);
}

/* "network.layers=..." and where they stand. */
static leat_status add_settings(writer *w, size_t line)
{
    LEATI_TRY(leati_str_status(&w->text));
    LEATI_TRY(leati_settings_add_parameter(w->r, leati_str_text(&w->text), line));
    if (!w->placed) return LEAT_OK;
    const char *name = w->r->settings->name, *base = strrchr(name, '/');
    leati_str_clear(&w->text);
    leati_str_addf(&w->text, "network.places=%s:%s", base ? base + 1 : name,
                   leati_str_text(&w->places));
    LEATI_TRY(leati_str_status(&w->places));
    LEATI_TRY(leati_str_status(&w->text));
    return leati_settings_add(w->r, "set", leati_str_text(&w->text), line);
}

leat_status leati_settings_network(leati_settings_reader *r)
{
    LEATI_TRY(leati_settings_add(r, "network", "", leati_settings_line(r)));
    for (;;) {
        LEATI_TRY(leati_settings_next(r));
        if (r->event.type == YAML_MAPPING_END_EVENT) return LEAT_OK;
        writer w = {.r = r};
        char name[64];
        size_t line = leati_settings_line(r);
        size_t n = r->event.type == YAML_SCALAR_EVENT ? strlen(leati_settings_scalar(r)) : 0;
        if (n == 0 || n >= sizeof name)
            return leati_settings_refuse(r, "the name of a parameter of network");
        memcpy(name, leati_settings_scalar(r), n + 1);
        leati_str_init(&w.text, r->context);
        leati_str_init(&w.places, r->context);
        leati_str_addf(&w.text, "network.%s=", name);
        leat_status st = next(&w);
        if (st == LEAT_OK) st = add_parameter(&w, name);
        if (st == LEAT_OK) st = add_settings(&w, line);
        leati_str_fini(&w.text);
        leati_str_fini(&w.places);
        LEATI_TRY(st);
    }
}
