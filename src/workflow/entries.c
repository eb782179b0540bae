/* Owns: the list of candidates and their parameters. */
#include "workflow/entries.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"

/* Tried when nobody says which; in this order. Those the build lacks are passed over. */
static const char *const for_classes[] = {"logistic", "lda",         "qda", "knn",
                                          "cart",     "gaussian_nb", "svc"};
static const char *const for_many_rows[] = {"logistic", "lda",         "knn",
                                            "cart",     "gaussian_nb", "linear_svc"};
static const char *const for_numbers[] = {"linear", "ridge", "lasso", "knn", "cart", "svr"};
static const char *const for_numbers_many_rows[] = {"linear", "ridge", "lasso", "cart",
                                                    "linear_svr"};

/* From so many training rows on, methods worse than linear in rows are not tried unasked. */
enum { MANY_ROWS = 20000 };

static leat_status known_names(leat_context *c, const char *wrong, leati_task task)
{
    const char *names[128];
    size_t count = 0;
    leati_str list;
    unsigned kind = task == LEATI_CLASSIFY ? LEATI_CLASSIFIER : LEATI_REGRESSOR;
    leati_str_init(&list, c);
    for (size_t i = 0; i < leati_estimator_count() && count < 128; i++) {
        const leati_estimator_class *class = leati_estimator_at(i);
        if (!(class->traits & kind)) continue;
        names[count++] = class->name;
        leati_str_addf(&list, " %s", class->name);
    }
    LEATI_FAIL(c, LEAT_INVALID, "there is no estimator '%s'", wrong);
    const char *near = leati_nearest(wrong, names, count);
    if (near) leati_error_hint(c, "Did you mean '%s'?", near);
    leati_error_hint(c, "for %s: %s", task == LEATI_CLASSIFY ? "classification" : "regression",
                     leati_str_text(&list));
    leati_str_fini(&list);
    return LEAT_INVALID;
}

static leat_status add(leat_context *c, leat_experiment *e, const char *name, size_t length,
                       bool must_exist)
{
    char text[64];
    if (length >= sizeof text) length = sizeof text - 1;
    memcpy(text, name, length);
    text[length] = '\0';
    const leati_estimator_class *class = leati_estimator_class_find(text);
    if (!class) return must_exist ? known_names(c, text, e->schema.task) : LEAT_OK;
    unsigned kind = e->schema.task == LEATI_CLASSIFY ? LEATI_CLASSIFIER : LEATI_REGRESSOR;
    LEATI_CHECK(c, class->traits & kind, LEAT_INVALID, "%s predicts %s; the target '%s' needs %s",
                text, kind == LEATI_CLASSIFIER ? "numbers" : "classes", e->schema.target,
                kind == LEATI_CLASSIFIER ? "classes" : "numbers");
    for (size_t i = 0; i < e->count; i++)
        if (e->entries[i].estimator->class == class) return LEAT_OK;
    leati_entry *k = &e->entries[e->count];
    LEATI_TRY(leati_estimator_create(c, &k->estimator, class));
    k->is_baseline = strcmp(text, "baseline") == 0;
    e->count++;
    return LEAT_OK;
}

static leat_status add_named(leat_context *c, leat_experiment *e, const char *list)
{
    for (const char *at = list; *at;) {
        size_t n = strcspn(at, ", ");
        if (n) LEATI_TRY(add(c, e, at, n, true));
        at += n + (at[n] != '\0');
    }
    LEATI_CHECK(c, e->count > 0, LEAT_INVALID, "--models names no estimator");
    return LEAT_OK;
}

/* The columns that are used and hold tokens, or hold none. */
static size_t count_columns(const leati_schema *s, bool tokens)
{
    size_t n = 0;
    for (size_t i = 0; i < s->count; i++)
        n += s->columns[i].role != LEATI_ROLE_LEFT_OUT &&
             (s->columns[i].role == LEATI_ROLE_TOKENS) == tokens;
    return n;
}

static leat_status add_suited(leat_context *c, leat_experiment *e)
{
    bool classify = e->schema.task == LEATI_CLASSIFY, many = e->target.count > MANY_ROWS;
    if (count_columns(&e->schema, true) && !count_columns(&e->schema, false))
        return add(c, e, "network", 7, true); /* the others cannot read */
    const char *const *list = classify ? for_classes : for_numbers;
    size_t n = classify ? sizeof for_classes / sizeof *list : sizeof for_numbers / sizeof *list;
    if (many && classify) {
        list = for_many_rows;
        n = sizeof for_many_rows / sizeof *list;
    } else if (many) {
        list = for_numbers_many_rows;
        n = sizeof for_numbers_many_rows / sizeof *list;
    }
    for (size_t i = 0; i < n; i++) LEATI_TRY(add(c, e, list[i], strlen(list[i]), false));
    return LEAT_OK;
}

static leati_entry *entry_named(leat_experiment *e, const char *name)
{
    for (size_t i = 0; i < e->count; i++)
        if (strcmp(e->entries[i].estimator->class->name, name) == 0) return &e->entries[i];
    return NULL;
}

/* A list or range of values is for the search, which it then confines to what was named. */
static bool is_list(const leati_estimator_class *class, const char *param, const char *values)
{
    const leati_param *p = leati_param_find(class->params, param);
    if (p && p->type == LEATI_PARAM_TEXT)
        return strstr(values, " | ") != NULL || (p->single && values[leati_space_value(values)]);
    return strchr(values, ',') || strncmp(values, "log:", 4) == 0 ||
           strncmp(values, "real:", 5) == 0 || strncmp(values, "int:", 4) == 0;
}

/* "svc.C=10": applied to that candidate; it must be one of those tried. */
static leat_status apply_setting(leat_context *c, leat_experiment *e, const char *text)
{
    char *name, *param, *values;
    LEATI_TRY(leati_space_split(c, text, &name, &param, &values));
    leat_status st = LEAT_OK;
    leati_entry *k = entry_named(e, name);
    if (!*name)
        st = LEATI_FAIL(c, LEAT_INVALID,
                        "--set '%s' names no estimator; it takes ESTIMATOR.PARAMETER=VALUE, as in "
                        "knn.n_neighbors=7",
                        text);
    else if (!leati_estimator_class_find(name)) st = known_names(c, name, e->schema.task);
    else if (!k)
        st = LEATI_FAIL(c, LEAT_INVALID,
                        "--set %s: '%s' is not among the models that are tried; name it with "
                        "--models",
                        text, name);
    else if (!leati_param_find(k->estimator->class->params, param) ||
             !is_list(k->estimator->class, param, values))
        st = leati_estimator_set(c, k->estimator, param, values); /* says what there is */
    else if (e->search.kind == LEATI_SEARCH_NONE)
        st =
            LEATI_FAIL(c, LEAT_INVALID,
                       "--set %s names several values; choose among them with --search grid", text);
    else st = leati_space_add(&k->space, param, values);
    leati_free(name);
    return st;
}

/* What was set and does nothing was meant to do something. */
static leat_status check_idle(leat_context *c, leat_experiment *e, const char *text)
{
    char *name, *param, *values;
    LEATI_TRY(leati_space_split(c, text, &name, &param, &values));
    const leati_entry *k = entry_named(e, name);
    const leati_estimator_class *class = k ? k->estimator->class : NULL;
    const char *why = class && class->idle ? class->idle(k->estimator, param) : NULL;
    leat_status st = LEAT_OK;
    if (why) st = LEATI_FAIL(c, LEAT_INVALID, "--set %s does nothing: %s", text, why);
    leati_free(name);
    return st;
}

/* Axes named by --set, else those of the estimator's table but for what --set gives one value. */
static leat_status make_spaces(leat_context *c, leat_experiment *e,
                               const leat_experiment_options *o)
{
    if (e->search.kind == LEATI_SEARCH_NONE) return LEAT_OK;
    for (size_t i = 0; i < e->count; i++) {
        leati_entry *k = &e->entries[i];
        if (k->space.count > 0 || k->is_baseline) continue;
        const leati_estimator_class *class = k->estimator->class;
        LEATI_TRY(leati_space_add_table(&k->space, class->params));
        for (const leati_param *p = class->params; class->idle && p->name; p++)
            if (class->idle(k->estimator, p->name)) leati_space_remove(&k->space, p->name);
        for (size_t n = 0; n < o->set_count; n++) {
            char *name, *param, *values;
            LEATI_TRY(leati_space_split(c, o->set[n], &name, &param, &values));
            if (entry_named(e, name) == k) leati_space_remove(&k->space, param);
            leati_free(name);
        }
    }
    return LEAT_OK;
}

leat_status leati_entry_describe(leat_context *c, leati_entry *k)
{
    leati_str s;
    leati_estimator *standard;
    LEATI_TRY(leati_estimator_create(c, &standard, k->estimator->class));
    leati_str_init(&s, c);
    for (const leati_param *p = k->estimator->class->params; p->name; p++) {
        char value[LEATI_TEXT_PARAM], usual[LEATI_TEXT_PARAM];
        leati_param_get(p, k->estimator, value, sizeof value);
        leati_param_get(p, standard, usual, sizeof usual);
        if (p->hidden || strcmp(value, usual) == 0) continue;
        leati_str_addf(&s, "%s%s=%s", s.length ? " " : "", p->name, value);
    }
    leati_estimator_destroy(standard);
    leati_free(k->params);
    k->params = leati_str_take(&s);
    return k->params ? LEAT_OK : leat_error_status(c);
}

static bool has_own_layers(const leati_estimator *e)
{
    char layers[LEATI_TEXT_PARAM];
    leati_param_get(leati_param_find(e->class->params, "layers"), e, layers, sizeof layers);
    return strcmp(layers, "auto") != 0;
}

/* Only layers that look tokens up can learn what they mean. */
static leat_status note_tokens(leat_context *c, const leat_experiment *e)
{
    bool network = false, mixed = count_columns(&e->schema, false) > 0;
    leati_str names;
    size_t count = 0;
    if (!count_columns(&e->schema, true)) return LEAT_OK;
    leati_str_init(&names, c);
    for (size_t i = 0; i < e->count; i++) {
        const leati_entry *k = &e->entries[i];
        bool reads = strcmp(k->estimator->class->name, "network") == 0;
        if (k->is_baseline || (reads && (!mixed || has_own_layers(k->estimator)))) continue;
        network |= reads;
        leati_str_addf(&names, "%s%s", count++ ? ", " : "", k->estimator->class->name);
    }
    if (count)
        leati_log(
            c, LEAT_LOG_WARN,
            "%s: the numbers of tokens are taken for sizes, as if the 7th word were more than "
            "the 3rd, and say little; %s",
            leati_str_text(&names),
            network ? "texts beside other columns need network.layers with a branch for each "
                      "(crop, embedding), or --drop the one or the other"
                    : "take -m network, which looks them up, or leave out --tokens");
    leat_status st = leati_str_status(&names);
    leati_str_fini(&names);
    return st;
}

leat_status leati_entries_make(leat_context *c, leat_experiment *e,
                               const leat_experiment_options *o)
{
    const char *mode = o->preprocess ? o->preprocess : "auto";
    e->entries = LEATI_NEW(c, leati_entry, leati_estimator_count() + 1);
    if (!e->entries) return leat_error_status(c);
    LEATI_TRY(o->models && strcmp(o->models, "auto") != 0 ? add_named(c, e, o->models)
                                                          : add_suited(c, e));
    LEATI_TRY(add(c, e, "baseline", 8, true));
    for (size_t i = 0; i < e->count; i++) leati_space_init(&e->entries[i].space, c);
    for (size_t i = 0; i < o->set_count; i++) LEATI_TRY(apply_setting(c, e, o->set[i]));
    for (size_t i = 0; i < o->set_count; i++) LEATI_TRY(check_idle(c, e, o->set[i]));
    LEATI_TRY(make_spaces(c, e, o));
    LEATI_TRY(note_tokens(c, e));
    for (size_t i = 0; i < e->count; i++) {
        leati_entry *k = &e->entries[i];
        const leati_estimator_class *class = k->estimator->class;
        if (class->check) LEATI_TRY(class->check(k->estimator, c));
        LEATI_TRY(leati_recipe_for(c, &k->recipe, mode, k->estimator->class->traits, &e->schema,
                                   e->target.count));
        leati_recipe_text(&k->recipe, &e->schema, k->prepared, sizeof k->prepared);
        LEATI_TRY(leati_entry_describe(c, k));
    }
    return LEAT_OK;
}
