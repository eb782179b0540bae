/* leat check: what this machine and build offer, and whether they work; of an experiment, what
 * training its network would take. */
#include <stdlib.h>
#include <string.h>

#include <leat/check.h>
#include <leat/data.h>
#include <leat/training_plan.h>

#include "layers.h"
#include "load.h"
#include "settings.h"

static leat_status check_machine(cli *c)
{
    leat_check_item items[LEAT_CHECK_MOST];
    size_t n;
    bool usable = true;
    leat_status st = leat_check(c->context, items, &n);
    if (st != LEAT_OK) return st;
    for (size_t i = 0; i < n; i++) usable = usable && (items[i].ok || !items[i].needed);
    if (c->json) {
        leat_json *j = leat_json_create(c->context, 0);
        leat_json_begin_object(j, NULL);
        leat_json_bool(j, "usable", usable);
        leat_json_begin_array(j, "items");
        for (size_t i = 0; i < n; i++) {
            leat_json_begin_object(j, NULL);
            leat_json_string(j, "name", items[i].name);
            leat_json_bool(j, "ok", items[i].ok);
            leat_json_string(j, "found", items[i].found);
            leat_json_string(j, "remark", items[i].remark);
            leat_json_end_object(j);
        }
        leat_json_end_array(j);
        leat_json_end_object(j);
        st = cli_print_json(c, j);
    }
    for (size_t i = 0; i < n; i++) {
        cli_styled(c, CLI_BOLD, "%-10s", items[i].name);
        cli_say(c, " %s\n", items[i].found);
        if (!*items[i].remark) continue;
        cli_say(c, "%-10s ", "");
        cli_styled(c, CLI_DIM, "%s\n", items[i].remark);
    }
    if (st == LEAT_OK && !usable)
        return leat_error_set(c->context, LEAT_UNSUPPORTED,
                              "this build does not work on this machine; see above");
    return st;
}

/* ---- an experiment
 * ------------------------------------------------------------------------------- */

enum { PARTS = 8 };

typedef struct part {
    const char *key;
    char what[64];
    size_t bytes;
} part;

static void list_parts(const leat_training_plan *p, part out[PARTS])
{
    leat_training_memory m = leat_training_plan_memory(p);
    part parts[PARTS] = {
        {"weights", "weights", m.weights},      {"gradients", "gradients", m.gradients},
        {"optimizer", "", m.optimizer},         {"copies", "copies of the weights", m.copies},
        {"activations", "", m.activations},     {"batches", "batches", m.batches},
        {"data", "the table, encoded", m.data}, {"all", "all", leat_training_memory_total(&m)}};
    snprintf(parts[2].what, sizeof parts[2].what, "the state of %s",
             leat_training_plan_optimizer(p));
    snprintf(parts[4].what, sizeof parts[4].what, "activations of %zu samples",
             leat_training_plan_batch(p));
    memcpy(out, parts, sizeof parts);
}

static void print_memory(cli *c, const leat_training_plan *p)
{
    part parts[PARTS];
    char text[PARTS][32], step[32];
    const char *cells[2 * (PARTS + 1)] = {"memory while it learns", ""};
    list_parts(p, parts);
    for (int i = 0; i < PARTS; i++) {
        cli_bytes_text(parts[i].bytes, text[i]);
        cells[2 * i + 2] = parts[i].what;
        cells[2 * i + 3] = text[i];
    }
    cli_say(c, "\n");
    cli_table(c, cells, PARTS + 1, 2, true);
    cli_flops_text(leat_training_plan_step_flops(p), step);
    cli_say(c, "\na step of %zu samples takes %sflop", leat_training_plan_batch(p), step);
}

static leat_status print_plan(cli *c, const leat_training_plan *p)
{
    size_t n = leat_training_plan_layers(p);
    leat_layer_info *layers = calloc(n + 1, sizeof *layers);
    if (!layers) return leat_error_set(c->context, LEAT_NOMEM, "out of memory");
    for (size_t i = 0; i < n; i++) layers[i] = leat_training_plan_layer(p, i);
    leat_status st = cli_print_layers(c, layers, n, leat_training_plan_parameters(p),
                                      leat_training_plan_states(p), leat_training_plan_flops(p));
    free(layers);
    print_memory(c, p);
    return st;
}

static leat_status plan_json(cli *c, const leat_training_plan *p)
{
    part parts[PARTS];
    leat_training_memory m = leat_training_plan_memory(p);
    leat_json *j = leat_json_create(c->context, 0);
    list_parts(p, parts);
    leat_json_begin_object(j, NULL);
    leat_json_int(j, "parameters", (int64_t)leat_training_plan_parameters(p));
    leat_json_int(j, "states", (int64_t)leat_training_plan_states(p));
    leat_json_number(j, "flops", leat_training_plan_flops(p));
    leat_json_number(j, "step_flops", leat_training_plan_step_flops(p));
    leat_json_int(j, "batch", (int64_t)leat_training_plan_batch(p));
    leat_json_begin_object(j, "memory");
    for (int i = 0; i < PARTS; i++) leat_json_int(j, parts[i].key, (int64_t)parts[i].bytes);
    if (m.available < INT64_MAX) leat_json_int(j, "available", (int64_t)m.available);
    leat_json_end_object(j);
    leat_json_begin_array(j, "layers");
    for (size_t i = 0; i < leat_training_plan_layers(p); i++) {
        leat_layer_info l = leat_training_plan_layer(p, i);
        leat_json_begin_object(j, NULL);
        leat_json_string(j, "name", l.name);
        leat_json_string(j, "kind", l.kind);
        leat_json_int(j, "parameters", (int64_t)l.parameters);
        leat_json_int(j, "states", (int64_t)l.states);
        if (l.shared) leat_json_bool(j, "shared", true);
        leat_json_number(j, "flops", l.flops);
        leat_json_int(j, "bytes", (int64_t)l.bytes);
        leat_json_end_object(j);
    }
    leat_json_end_array(j);
    leat_json_end_object(j);
    return cli_print_json(c, j);
}

/* Whether it fits, said after the table of what it is. */
static leat_status judge(cli *c, const leat_training_plan *p)
{
    char free_bytes[32], need[32];
    leat_training_memory m = leat_training_plan_memory(p);
    size_t all = leat_training_memory_total(&m);
    if (m.available > INT64_MAX) {
        cli_say(c, "\n");
        return LEAT_OK;
    }
    cli_bytes_text((size_t)m.available, free_bytes);
    cli_say(c, "; %s of memory are free\n", free_bytes);
    if (all <= m.available) return LEAT_OK;
    cli_bytes_text(all, need);
    return leat_error_set(c->context, LEAT_NOMEM,
                          "the training needs %s, and %s are free: take a smaller batch_size or "
                          "smaller layers",
                          need, free_bytes);
}

static leat_status check_experiment(cli *c)
{
    cli_settings s;
    char part_name[256], size[80];
    leat_frame *train = NULL;
    leat_training_plan *p = NULL;
    leat_status st = cli_settings_read(c, &s, c->arguments[0]);
    const char *data = st == LEAT_OK ? s.options.data : NULL;
    if (st == LEAT_OK && leat_data_has_test(data)) {
        snprintf(part_name, sizeof part_name, "%s:train", data);
        data = part_name;
    }
    if (st == LEAT_OK) st = cli_load(c, &train, data);
    if (st == LEAT_OK) {
        cli_size_text(train, size, sizeof size);
        cli_styled(c, CLI_BOLD, "%s", s.options.data);
        cli_say(c, ": %s\n\n", size);
        st = leat_training_plan_create(c->context, &p, train, &s.options);
    }
    st = cli_settings_locate(c, c->arguments[0], st);
    if (st == LEAT_OK) st = c->json ? plan_json(c, p) : print_plan(c, p);
    if (st == LEAT_OK) st = judge(c, p);
    leat_training_plan_destroy(p);
    leat_frame_release(train);
    cli_settings_fini(&s);
    return st;
}

static leat_status run_check(cli *c)
{
    return c->count ? check_experiment(c) : check_machine(c);
}

static const cli_option options[] = {
    {"target", 't', "COL", "the column to predict", false},
    {"models", 'm', "A,B", "estimators; one of them is `network`", false},
    {"task", 0, "TASK", "as for fit", false},
    {"preprocess", 0, "MODE", "as for fit", false},
    {"keep", 0, "COL", "as for fit", true},
    {"drop", 0, "COL", "as for fit", true},
    {"set", 0, "M.P=V", "set a parameter, as in network.batch_size=64", true},
    {"output", 'o', "DIR", "as for fit; nothing is written", false},
    CLI_READ_OPTIONS,
    {0}};

const cli_command cli_command_check = {
    .name = "check",
    .arguments = "[EXPERIMENT.yaml | DATA]",
    .least = 0,
    .most = 1,
    .summary = "what this machine offers, what training a network would take",
    .details = "Without an argument: the inventory of machine and build, and a self-test. Of an "
               "experiment\nwith a network: its layers with parameters, flops and memory, and the "
               "memory that the\ntraining takes. Nothing is trained.",
    .examples = "  leat check\n"
                "  leat check fashion-cnn.yaml\n"
                "  leat check fashion-mnist -m network --set network.input=28x28x1",
    .options = options,
    .run = run_check,
};
