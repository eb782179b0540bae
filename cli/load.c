/* Owns: the reading options of commands and loading their tables. */
#include "load.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>

#include <leat/data.h>
#include <leat/model.h>
#include <leat/monitor.h>

/* The ways to write a tabulator in a shell. */
static bool is_tab(const char *text)
{
    return strcmp(text, "tab") == 0 || strcmp(text, "\\t") == 0;
}

leat_status cli_read_options(cli *c, leat_read_options *out)
{
    *out = leat_read_options_default();
    const char *name;
    for (size_t i = 0; (name = leat_read_option(i)); i++) {
        const char *value = cli_value(c, name);
        if (!value || leat_read_options_set(c->context, out, name, value) == LEAT_OK) continue;
        char message[512];
        snprintf(message, sizeof message, "%s", leat_error_message(c->context));
        leat_error_clear(c->context);
        return cli_usage(c, "--%s", message);
    }
    return LEAT_OK;
}

char *cli_reading_json(cli *c)
{
    leat_json *j = leat_json_create(c->context, 0);
    leat_json_begin_object(j, NULL);
    const char *name;
    for (size_t i = 0; (name = leat_read_option(i)); i++) {
        const char *value = cli_value(c, name);
        if (value && strcmp(name, "delimiter") == 0 && is_tab(value)) value = "\t";
        if (value) leat_json_string(j, name, value);
    }
    leat_json_end_object(j);
    const char *text = leat_json_text(j);
    char *copy = text ? strdup(text) : NULL;
    leat_json_destroy(j);
    return copy;
}

static void print_notes(cli *c, const leat_read_report *report, bool aside)
{
    enum { SHOWN = 6 };
    size_t i = 0, column;
    for (const char *note; (note = leat_read_report_note(report, i, &column)); i++) {
        if (aside) cli_complain("leat: %s\n", note);
        else if (i < SHOWN) cli_styled(c, CLI_DIM, "  note: %s\n", note);
    }
    if (i > SHOWN && !aside) cli_styled(c, CLI_DIM, "  and %zu more notes\n", i - SHOWN);
}

/* What stands for options that are not given. */
typedef struct usual {
    const char *images, *text, *tokens; /* size of a folder's, windows of a text, its cut */
    bool paths;                         /* of a folder's images: by them answers are told apart */
} usual;

static leat_status load(cli *c, leat_frame **out, const char *name, const char *expected,
                        const char *once, const usual *u)
{
    leat_read_options o;
    *out = NULL;
    leat_status st = cli_read_options(c, &o);
    if (st == LEAT_OK) st = leat_read_report_create(c->context, &o.report);
    if (st != LEAT_OK) return st;
    o.expected = expected;
    o.once = once;
    o.paths = u->paths;
    if (!o.images) o.images = u->images;
    if (!o.tokens) o.tokens = u->tokens;
    if (!o.text) o.text = u->text;
    st = leat_data_load(c->context, out, name, &o);
    bool aside = o.expected && c->quiet && leat_read_report_dropped(o.report);
    if (st == LEAT_OK) print_notes(c, o.report, aside);
    leat_read_report_destroy(o.report);
    return st;
}

leat_status cli_load(cli *c, leat_frame **out, const char *name)
{
    return load(c, out, name, NULL, NULL, &(usual){0});
}

/* Adds "name:type,"; a name with a comma cannot be said and is left out. */
static void add_type(char *text, size_t size, const char *name, leat_type type)
{
    size_t at = strlen(text);
    if (!*name || strchr(name, ',')) return;
    snprintf(text + at, size - at, "%s:%s,", name,
             leat_type_name(type == LEAT_I64 ? LEAT_F64 : type));
}

/* "sex:text,born:time": what were texts to the model stay texts, also where a table has none but
 * "yes" and "no" or numbers; `all`: the other inputs too, whole numbers as the numbers they are to
 * a model. NULL when out of memory; free() it. */
static char *input_types(leat_model *const *models, size_t count, bool all)
{
    enum { TYPE = sizeof ":number," };
    size_t size = 1;
    for (size_t k = 0; k < count; k++) {
        size += strlen(leat_model_target(models[k])) + TYPE;
        for (size_t i = 0; i < leat_model_inputs(models[k]); i++)
            size += strlen(leat_model_input_name(models[k], i)) + TYPE;
    }
    char *text = calloc(1, size), *at = text;
    for (size_t k = 0; text && k < count; k++) {
        const leat_model *m = models[k];
        if (leat_model_target_type(m) == LEAT_STRING)
            add_type(at, size - (size_t)(at - text), leat_model_target(m), LEAT_STRING);
        for (size_t i = 0; i < leat_model_inputs(m); i++) {
            leat_type type = leat_model_input_type(m, i);
            at += strlen(at);
            if (type == LEAT_STRING || (all && type != LEAT_ARRAY))
                add_type(at, size - (size_t)(at - text), leat_model_input_name(m, i), type);
        }
    }
    return text;
}

/* "sex,born": a table that names one of them twice does not say which is meant. NULL when out of
 * memory; free() it. */
static char *input_names(leat_model *const *models, size_t count)
{
    size_t size = 1, n = 0;
    for (size_t k = 0; k < count; k++)
        for (size_t i = 0; i < leat_model_inputs(models[k]); i++)
            size += strlen(leat_model_input_name(models[k], i)) + 1;
    char *text = calloc(1, size);
    for (size_t k = 0; text && k < count; k++)
        for (size_t i = 0; i < leat_model_inputs(models[k]); i++) {
            const char *name = leat_model_input_name(models[k], i);
            if (*name && !strchr(name, ',')) n += (size_t)snprintf(text + n, size - n, "%s,", name);
        }
    return text;
}

/* "64x64x3", the size of the images the model was trained on; NULL if it takes none. */
static const char *input_images(const leat_model *model, char *out, size_t size)
{
    for (size_t i = 0; i < leat_model_inputs(model); i++) {
        leat_shape s = leat_model_input_shape(model, i);
        if (s.rank != 3 || (s.dim[2] != 1 && s.dim[2] != 3)) continue;
        snprintf(out, size, "%lldx%lldx%lld", (long long)s.dim[0], (long long)s.dim[1],
                 (long long)s.dim[2]);
        return out;
    }
    return NULL;
}

/* Whether the file is a table by its name: "x.csv", "x.npz.gz". Text files are none here. */
static bool is_table(const char *name)
{
    size_t n = strlen(name);
    const char *suffixes;
    if (n > 3 && !strcmp(name + n - 3, ".gz")) n -= 3;
    else if (n > 4 && !strcmp(name + n - 4, ".zst")) n -= 4;
    for (size_t i = 0; leat_reader_at(i, &suffixes, NULL); i++)
        for (const char *s = suffixes; *s; s += strcspn(s, " "), s += *s == ' ') {
            size_t m = strcspn(s, " ");
            if (m < n && !strncmp(name + n - m, s, m) && strncmp(s, ".txt", m) != 0) return true;
        }
    return false;
}

/* "64/3", for a model of the windows of a text that is given a file of text; NULL otherwise. */
static const char *input_windows(cli *c, const leat_model *model, const char *name, char *out,
                                 size_t size)
{
    static const char *const of_tables[] = {"text", "delimiter", "header", "query"};
    struct stat is;
    for (int i = 0; i < 4; i++)
        if (cli_value(c, of_tables[i])) return NULL;
    if (!leat_model_reading(model, "text", out, size)) return NULL;
    if (stat(name, &is) != 0 || !S_ISREG(is.st_mode) || is_table(name)) return NULL;
    cli_styled(c, CLI_DIM, "  note: %s is read as what the model learned from: --text %s\n", name,
               out);
    return out;
}

static leat_status load_for(cli *c, leat_frame **out, const char *name, leat_model *const *models,
                            size_t count, bool paths)
{
    char images[64], windows[64];
    const char *on_error = cli_value(c, "on-error");
    *out = NULL;
    char *types = input_types(models, count, on_error && strcmp(on_error, "skip") == 0);
    char *once = input_names(models, count);
    leat_status st = LEAT_NOMEM;
    usual u = {input_images(models[0], images, sizeof images),
               input_windows(c, models[0], name, windows, sizeof windows),
               leat_model_tokens(models[0]), paths};
    if (types && once) st = load(c, out, name, types, once, &u);
    else st = leat_error_set(c->context, LEAT_NOMEM, "out of memory");
    free(types);
    free(once);
    return st;
}

leat_status cli_load_for(cli *c, leat_frame **out, const char *name, leat_model *const *models,
                         size_t count)
{
    return load_for(c, out, name, models, count, false);
}

leat_status cli_load_inputs(cli *c, leat_frame **out, const char *name, leat_model *model)
{
    return load_for(c, out, name, &model, 1, false);
}

leat_status cli_load_rows(cli *c, leat_frame **out, const char *name, leat_model *model)
{
    if (model) return load_for(c, out, name, &model, 1, true);
    return load(c, out, name, NULL, NULL, &(usual){.paths = true});
}

/* "a, b, c ..." of the models in a log. */
static void name_models(const leat_frame *f, size_t column, char *out, size_t room)
{
    size_t used = 0, count = leat_frame_levels(f, column);
    *out = '\0';
    for (size_t i = 0; i < count; i++) {
        const char *name = leat_frame_level(f, column, i);
        if (strlen(name) + 8 > room - used) {
            snprintf(out + used, room - used, " ...");
            return;
        }
        used += (size_t)snprintf(out + used, room - used, "%s%s", i ? ", " : "", name);
    }
}

/* A server writes the rows of all its models into one log, and another model's rows say nothing
 * about this one: of several, --of names it. */
static leat_status check_models(cli *c, const leat_frame *f, const char *path)
{
    char names[300];
    size_t at, models = leat_frame_find(f, "log.model", &at) ? leat_frame_levels(f, at) : 0;
    if (models < 2) return LEAT_OK;
    name_models(f, at, names, sizeof names);
    return cli_usage(c, "%s has rows of %zu models: %s; say of which: --of NAME", path, models,
                     names);
}

leat_status cli_load_log(cli *c, leat_frame **out, const char *name)
{
    leat_read_options o;
    *out = NULL;
    leat_status st = cli_read_options(c, &o);
    o.expected = "log.model:text";
    if (st == LEAT_OK) st = leat_read_report_create(c->context, &o.report);
    if (st != LEAT_OK) return st;
    const char *of = cli_value(c, "of");
    st = leat_prediction_log_read_of(c->context, out, name, of, &o);
    if (st == LEAT_OK) print_notes(c, o.report, false);
    leat_read_report_destroy(o.report);
    if (st != LEAT_OK || of) return st;
    st = check_models(c, *out, name);
    if (st != LEAT_OK) {
        leat_frame_release(*out);
        *out = NULL;
    }
    return st;
}

leat_status cli_check_precision(cli *c, const leat_model *model)
{
    if (!cli_value(c, "precision") || strcmp(leat_model_estimator(model), "network") == 0)
        return LEAT_OK;
    return cli_usage(c, "--precision is of networks; %s is a %s", c->arguments[0],
                     leat_model_estimator(model));
}

bool cli_is_graph(cli *c, const char *path)
{
    const char *dot = strrchr(path, '.');
    if (dot && strcasecmp(dot, ".onnx") == 0) return true;
    return leat_model_holds_graph(c->context, path);
}

void cli_date(double microseconds, char out[CLI_DATE])
{
    time_t seconds = (time_t)floor(microseconds / 1e6);
    struct tm utc;
    *out = '\0';
    if (gmtime_r(&seconds, &utc)) strftime(out, CLI_DATE, "%Y-%m-%d", &utc);
}

const char *cli_grouped(size_t n, char out[32])
{
    char digits[24];
    int length = snprintf(digits, sizeof digits, "%zu", n), at = 0;
    for (int i = 0; i < length; i++) {
        if (i && (length - i) % 3 == 0) out[at++] = ',';
        out[at++] = digits[i];
    }
    out[at] = '\0';
    return out;
}

void cli_size_text(const leat_frame *f, char *out, size_t size)
{
    char rows[32], columns[32];
    size_t n = leat_frame_rows(f), k = leat_frame_columns(f);
    snprintf(out, size, "%s row%s, %s column%s", cli_grouped(n, rows), n == 1 ? "" : "s",
             cli_grouped(k, columns), k == 1 ? "" : "s");
}
