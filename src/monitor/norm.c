/* Owns: reading and checking reference.json, and calibration. */
#include "monitor/norm.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "learn/stats_special.h"

enum { MOST_BINS = 1000, MOST_LEVELS = 10000, MOST_POINTS = 1000 };

static leat_status broken(leat_context *c, const char *name, const char *what)
{
    return LEATI_FAIL(c, LEAT_FORMAT, "reference.json, '%s': %s", name, what);
}

static bool count_of(const json_t *j, uint64_t *out)
{
    if (!json_is_integer(j) || json_integer_value(j) < 0 ||
        json_integer_value(j) > (json_int_t)1 << 48)
        return false;
    *out = (uint64_t)json_integer_value(j);
    return true;
}

static bool number_of(const json_t *j, double *out)
{
    if (!json_is_number(j)) return false;
    *out = json_number_value(j);
    return isfinite(*out);
}

static double number_or(const json_t *object, const char *key, double otherwise)
{
    double value;
    return number_of(json_object_get(object, key), &value) ? value : otherwise;
}

/* --- numbers ---------------------------------------------------------------------------------- */

static leat_status read_edges(leat_context *c, leati_norm_feature *f, const json_t *edges)
{
    size_t given = json_array_size(edges);
    if (given != f->bins + 1 && !(given == 1 && f->bins == 1) && !(given == 0 && f->bins == 0))
        return broken(c, f->name, "there must be one edge more than counts");
    for (size_t i = 0; i < given; i++) {
        if (!number_of(json_array_get(edges, i), &f->edges[i]))
            return broken(c, f->name, "an edge is no number");
        if (i && !(f->edges[i] > f->edges[i - 1])) return broken(c, f->name, "edges must ascend");
    }
    if (given == 1) f->edges[1] = f->edges[0];
    return LEAT_OK;
}

/* Files of before there were means: the middles. */
static void read_means(leati_norm_feature *f, const json_t *means)
{
    for (size_t b = 0; b < f->bins; b++) {
        double low = f->edges[b], high = f->edges[b + 1], mean;
        bool given = number_of(json_array_get(means, b), &mean);
        f->means[b] = given ? fmin(fmax(mean, low), high) : low / 2 + high / 2;
    }
}

static leat_status read_numbers(leat_context *c, leati_norm_feature *f, const json_t *j)
{
    const json_t *counts = json_object_get(j, "counts");
    f->bins = json_array_size(counts);
    f->cells = f->bins + 3;
    if (f->bins > MOST_BINS) return broken(c, f->name, "too many bins");
    f->count = LEATI_NEW(c, uint64_t, f->cells);
    f->edges = LEATI_NEW(c, double, f->bins + 2);
    f->means = LEATI_NEW(c, double, f->bins + 1);
    if (!f->count || !f->edges || !f->means) return leat_error_status(c);
    for (size_t b = 0; b < f->bins; b++)
        if (!count_of(json_array_get(counts, b), &f->count[b + 1]))
            return broken(c, f->name, "a count is no whole number");
    LEATI_TRY(read_edges(c, f, json_object_get(j, "edges")));
    read_means(f, json_object_get(j, "means"));
    f->mean = number_or(j, "mean", 0);
    f->scale = number_or(j, "std", 0);
    f->varies = f->scale > 0;
    if (!f->varies) f->scale = 1;
    f->inverse = fmin(1 / f->scale, 1e300);
    return LEAT_OK;
}

/* --- levels ----------------------------------------------------------------------------------- */

static leat_status size_levels(leat_context *c, leati_norm_feature *f, size_t levels)
{
    f->levels = true;
    f->bins = levels;
    f->cells = levels + 2;
    if (levels > MOST_LEVELS) return broken(c, f->name, "too many levels");
    f->count = LEATI_NEW(c, uint64_t, f->cells);
    return f->count ? LEAT_OK : leat_error_status(c);
}

static leat_status read_levels(leat_context *c, leati_norm_feature *f, const json_t *j)
{
    const json_t *levels = json_object_get(j, "levels"), *other = json_object_get(j, "other");
    LEATI_TRY(size_levels(c, f, json_array_size(levels)));
    for (size_t k = 0; k < f->bins; k++) {
        const json_t *level = json_array_get(levels, k), *text = json_object_get(level, "value");
        if (!json_is_string(text) || !count_of(json_object_get(level, "count"), &f->count[k]))
            return broken(c, f->name, "a level needs a value and a count");
        uint32_t at = leati_map_put(&f->level, json_string_value(text), json_string_length(text));
        if (at == LEATI_MAP_NONE) return leat_error_status(c);
        if (at != k) return broken(c, f->name, "a level stands twice");
    }
    if (other && !count_of(other, &f->count[f->bins]))
        return broken(c, f->name, "'other' is no whole number");
    return LEAT_OK;
}

static leat_status begin_feature(leat_context *c, leati_norm_feature *f, const char *name)
{
    leati_map_init(&f->level, c);
    f->name = leati_strdup(c, name);
    return f->name ? LEAT_OK : leat_error_status(c);
}

static leat_status end_feature(leat_context *c, leati_norm_feature *f, const json_t *missing)
{
    if (missing && !count_of(missing, &f->count[f->cells - 1]))
        return broken(c, f->name, "'missing' is no whole number");
    for (size_t i = 0; i < f->cells; i++) f->rows += f->count[i];
    return LEAT_OK;
}

/* --- the inputs ------------------------------------------------------------------------------- */

static const json_t *find_input(const json_t *inputs, const char *name)
{
    for (size_t i = 0; i < json_array_size(inputs); i++) {
        const json_t *j = json_array_get(inputs, i), *at = json_object_get(j, "name");
        if (json_is_string(at) && strcmp(json_string_value(at), name) == 0) return j;
    }
    return NULL;
}

static leat_status read_inputs(leat_context *c, leati_norm *n, const json_t *root)
{
    const json_t *inputs = json_object_get(root, "inputs");
    for (size_t i = 0; i < n->model->input_count; i++) {
        const leati_schema_column *col = &n->model->schema.columns[n->model->inputs[i]];
        const json_t *j = find_input(inputs, col->name);
        if (!j || col->role == LEATI_ROLE_TIME) continue;
        leati_norm_feature *f = &n->feature[n->count];
        n->column[n->count++] = n->model->inputs[i];
        LEATI_TRY(begin_feature(c, f, col->name));
        bool levels = json_is_array(json_object_get(j, "levels"));
        if (levels != (col->type == LEAT_STRING))
            return broken(c, col->name, "kind and the model's schema differ");
        LEATI_TRY(levels ? read_levels(c, f, j) : read_numbers(c, f, j));
        LEATI_TRY(end_feature(c, f, json_object_get(j, "missing")));
    }
    n->inputs = n->count;
    return LEAT_OK;
}

/* --- the outputs ------------------------------------------------------------------------------ */

size_t leati_norm_line(const double *predicted, const double *observed, const double *rows,
                       size_t count, double *from, double *to)
{
    double chi2 = 0, weight[MOST_POINTS];
    size_t n = 0;
    if (count > MOST_POINTS) return 0;
    for (size_t b = 0; b < count; b++) {
        double p = fmin(fmax(predicted[b], 1e-9), 1 - 1e-9), miss = observed[b] - p;
        chi2 += rows[b] * miss * miss / (p * (1 - p));
    }
    if (count == 0 || leati_chi2_sf(chi2, (double)count) > 0.05) return 0;
    for (size_t b = 0; b < count; b++) {
        from[n] = predicted[b], to[n] = observed[b], weight[n] = rows[b];
        for (n++; n > 1 && to[n - 2] >= to[n - 1]; n--) {
            double sum = weight[n - 2] + weight[n - 1];
            from[n - 2] = (from[n - 2] * weight[n - 2] + from[n - 1] * weight[n - 1]) / sum;
            to[n - 2] = (to[n - 2] * weight[n - 2] + to[n - 1] * weight[n - 1]) / sum;
            weight[n - 2] = sum;
        }
    }
    return n;
}

static leat_status read_line(leat_context *c, leati_norm *n, uint32_t k, const json_t *j)
{
    static const char *const names[] = {"predicted", "observed", "rows"};
    leati_norm_calibration *line = &n->calibration[k];
    size_t count = json_array_size(json_object_get(j, names[0]));
    if (count > MOST_POINTS) return broken(c, "calibration", "too many bins");
    double *given = LEATI_NEW(c, double, 3 * count + 1);
    line->from = LEATI_NEW(c, double, count + 1);
    line->to = LEATI_NEW(c, double, count + 1);
    leat_status st = given && line->from && line->to ? LEAT_OK : leat_error_status(c);
    for (size_t i = 0; i < 3 && st == LEAT_OK; i++) {
        const json_t *values = json_object_get(j, names[i]);
        for (size_t b = 0; b < count && st == LEAT_OK; b++) {
            double *at = &given[i * count + b];
            if (!number_of(json_array_get(values, b), at) || *at < 0 || (i < 2 && *at > 1))
                st = broken(c, "calibration", "predicted and observed are shares, rows a count");
            else if (i == 0 && b && !(*at > at[-1]))
                st = broken(c, "calibration", "predicted shares must ascend");
            else if (i == 2 && !(*at > 0)) st = broken(c, "calibration", "a bin without rows");
        }
    }
    if (st == LEAT_OK)
        line->count =
            leati_norm_line(given, given + count, given + 2 * count, count, line->from, line->to);
    n->calibrated += line->count > 0;
    leati_free(given);
    return st;
}

static leat_status read_calibration(leat_context *c, leati_norm *n, const json_t *held_out)
{
    const json_t *lines = json_object_get(held_out, "calibration");
    if (json_array_size(lines) != n->classes || n->classes == 0) return LEAT_OK;
    n->calibration = LEATI_NEW(c, leati_norm_calibration, n->classes);
    if (!n->calibration) return leat_error_status(c);
    for (uint32_t k = 0; k < n->classes; k++)
        LEATI_TRY(read_line(c, n, k, json_array_get(lines, k)));
    return LEAT_OK;
}

static leat_status read_predictions(leat_context *c, leati_norm *n, const json_t *j)
{
    leati_norm_feature *f = &n->feature[n->count];
    const leati_schema *s = &n->model->schema;
    n->prediction = n->count++;
    LEATI_TRY(begin_feature(c, f, "prediction"));
    if (json_is_object(j)) {
        if (n->classes) return broken(c, f->name, "expected a count for each class");
        LEATI_TRY(read_numbers(c, f, j));
        return end_feature(c, f, NULL);
    }
    if (!json_is_array(j) || !n->classes || json_array_size(j) != n->classes)
        return broken(c, f->name, "expected a distribution of numbers, or a count for each class");
    LEATI_TRY(size_levels(c, f, n->classes));
    for (uint32_t k = 0; k < n->classes; k++) {
        const char *name = s->class_names[k];
        if (!count_of(json_array_get(j, k), &f->count[k]))
            return broken(c, f->name, "a count is no whole number");
        if (leati_map_put(&f->level, name, strlen(name)) == LEATI_MAP_NONE)
            return leat_error_status(c);
    }
    return end_feature(c, f, NULL);
}

/* What the score is the probability of, for people. */
static leat_status read_scores(leat_context *c, leati_norm *n, const json_t *j)
{
    leati_norm_feature *f = &n->feature[n->count];
    n->score = n->count++;
    LEATI_TRY(begin_feature(c, f, "score"));
    LEATI_TRY(read_numbers(c, f, j));
    return end_feature(c, f, NULL);
}

static leat_status read_held_out(leat_context *c, leati_norm *n, const json_t *j)
{
    const json_t *metrics = json_object_get(j, "metrics"), *scores = json_object_get(j, "scores");
    if (!json_is_object(j)) return LEAT_OK;
    if (!count_of(json_object_get(j, "rows"), &n->held_out))
        return broken(c, "held_out", "'rows' is no whole number");
    n->accuracy = number_or(metrics, "accuracy", (double)NAN);
    n->f1 = number_or(metrics, "f1", number_or(metrics, "f1_macro", (double)NAN));
    n->roc_auc = number_or(metrics, "roc_auc", (double)NAN);
    n->mae = number_or(metrics, "mae", (double)NAN);
    n->rmse = number_or(metrics, "rmse", (double)NAN);
    LEATI_TRY(read_predictions(c, n, json_object_get(j, "predictions")));
    if (json_is_object(scores) && n->classes) LEATI_TRY(read_scores(c, n, scores));
    return read_calibration(c, n, j);
}

leat_status leati_norm_read(leat_context *c, leati_norm *n, const leat_model *model)
{
    json_error_t error;
    leat_status st;
    *n = (leati_norm){.model = model,
                      .prediction = SIZE_MAX,
                      .score = SIZE_MAX,
                      .accuracy = (double)NAN,
                      .f1 = (double)NAN,
                      .roc_auc = (double)NAN,
                      .mae = (double)NAN,
                      .rmse = (double)NAN};
    n->classes = model->schema.task == LEATI_CLASSIFY ? model->schema.classes : 0;
    json_t *root = json_loads(model->reference, JSON_REJECT_DUPLICATES, &error);
    if (!json_is_object(root)) {
        st = LEATI_FAIL(c, LEAT_FORMAT, "reference.json of the model is damaged");
        goto out;
    }
    n->feature = LEATI_NEW(c, leati_norm_feature, model->input_count + 2);
    n->column = LEATI_NEW(c, uint32_t, model->input_count + 1);
    st = n->feature && n->column ? LEAT_OK : leat_error_status(c);
    if (st == LEAT_OK) st = read_inputs(c, n, root);
    if (st == LEAT_OK) st = read_held_out(c, n, json_object_get(root, "held_out"));
    n->target_scale = number_or(json_object_get(root, "target"), "std", 0);
    if (!(n->target_scale > 0)) n->target_scale = 1;
out:
    json_decref(root);
    if (st != LEAT_OK) leati_norm_fini(n);
    return st;
}

void leati_norm_fini(leati_norm *n)
{
    for (size_t i = 0; n->feature && i < n->model->input_count + 2; i++) {
        leati_norm_feature *f = &n->feature[i];
        leati_free(f->name);
        leati_free(f->count);
        leati_free(f->edges);
        leati_free(f->means);
        leati_map_fini(&f->level);
    }
    for (uint32_t k = 0; n->calibration && k < n->classes; k++) {
        leati_free(n->calibration[k].from);
        leati_free(n->calibration[k].to);
    }
    leati_free(n->feature);
    leati_free(n->column);
    leati_free(n->calibration);
    *n = (leati_norm){0};
}

/* Linear between the points, flat outside them. */
static double follow(const leati_norm_calibration *line, double p)
{
    size_t n = line->count, at = 0;
    if (n == 0) return p;
    if (!(p > line->from[0])) return line->to[0];
    if (p >= line->from[n - 1]) return line->to[n - 1];
    while (p >= line->from[at + 1]) at++;
    double share = (p - line->from[at]) / (line->from[at + 1] - line->from[at]);
    return line->to[at] + share * (line->to[at + 1] - line->to[at]);
}

void leati_norm_calibrate(const leati_norm *n, const double *proba, double *out)
{
    double sum = 0;
    for (uint32_t k = 0; k < n->classes; k++) {
        out[k] = n->calibration ? follow(&n->calibration[k], proba[k]) : proba[k];
        sum += out[k];
    }
    for (uint32_t k = 0; k < n->classes; k++) out[k] = sum > 0 ? out[k] / sum : proba[k];
}
