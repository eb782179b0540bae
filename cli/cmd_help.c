/* leat help: commands, topics and shell completion, all from the tables. */
#include <string.h>

#include <leat/estimator.h>
#include <leat/metric.h>
#include <leat/network.h>

#include "command.h"

static const struct {
    int code;
    const char *meaning;
} exits[] = {
    {CLI_FINE, "fine"},
    {CLI_NO,
     "the answer is no (eval --require, reproduce, data verify), or what is there forbids it"},
    {CLI_USAGE, "the command line is wrong"},
    {CLI_DATA, "a file or its contents are wrong"},
    {CLI_ENVIRONMENT, "the environment: memory, disk, network, a missing library"},
    {CLI_INTERRUPTED, "interrupted"},
    {CLI_FAULT, "a fault of Leat itself"}};
enum { EXITS = sizeof exits / sizeof *exits };

static void list_exits(void)
{
    puts("exit codes:");
    for (int i = 0; i < EXITS; i++) printf("  %-2d  %s\n", exits[i].code, exits[i].meaning);
}

static void bash_options(const cli_option *table)
{
    for (const cli_option *o = table; o && o->name; o++) printf(" --%s", o->name);
}

/* One function that knows commands and their options; files where an argument is expected. */
static void bash_completion(void)
{
    puts("# eval \"$(leat help --completion bash)\"\n"
         "_leat() {\n"
         "  local cur=${COMP_WORDS[COMP_CWORD]} words=\"\"\n"
         "  if [ \"$COMP_CWORD\" -eq 1 ]; then");
    printf("    words=\"");
    for (int i = 0; cli_commands()[i]; i++) printf("%s ", cli_commands()[i]->name);
    puts("\"\n  else\n    case ${COMP_WORDS[1]} in");
    for (int i = 0; cli_commands()[i]; i++) {
        printf("      %s) words=\"", cli_commands()[i]->name);
        bash_options(cli_commands()[i]->options);
        bash_options(cli_common_options);
        puts("\" ;;");
    }
    puts("    esac\n  fi\n"
         "  case $cur in -*) ;; *) [ \"$COMP_CWORD\" -gt 1 ] && words=\"\" ;; esac\n"
         "  mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n"
         "}\n"
         "complete -o default -F _leat leat");
}

static void fish_completion(void)
{
    for (int i = 0; cli_commands()[i]; i++) {
        const cli_command *m = cli_commands()[i];
        printf("complete -c leat -n __fish_use_subcommand -a %s -d '%s'\n", m->name, m->summary);
        for (const cli_option *o = m->options; o && o->name; o++)
            printf("complete -c leat -n '__fish_seen_subcommand_from %s' -l %s%s\n", m->name,
                   o->name, o->value ? " -r" : "");
    }
}

static leat_status completion(cli *c, const char *shell)
{
    if (strcmp(shell, "bash") == 0) {
        bash_completion();
    } else if (strcmp(shell, "zsh") == 0) {
        puts("autoload -U +X bashcompinit && bashcompinit");
        bash_completion();
    } else if (strcmp(shell, "fish") == 0) {
        fish_completion();
    } else {
        return cli_usage(c, "--completion knows bash, zsh and fish, not '%s'", shell);
    }
    return LEAT_OK;
}

static void param_range(const leat_param_info *p, char *out, size_t size)
{
    *out = '\0';
    if (p->is_switch) snprintf(out, size, "true or false");
    for (const char *at = p->choices; at && *at;) {
        size_t n = strcspn(at, "|"), used = strlen(out);
        snprintf(out + used, size - used, "%s%.*s", used ? ", " : "", (int)n, at);
        at += n + (at[n] == '|');
    }
    if (!p->is_number) return;
    size_t used = strlen(out);
    snprintf(out + used, size - used, "%sa %snumber", used ? " or " : "",
             p->is_whole ? "whole " : "");
    used = strlen(out);
    bool low = p->least > -1e15, high = p->most < 1e15;
    int digits = p->is_whole ? 15 : 6;
    if (low && high)
        snprintf(out + used, size - used, " from %.*g to %.*g", digits, p->least, digits, p->most);
    else if (low) snprintf(out + used, size - used, " of at least %.*g", digits, p->least);
}

static void print_param(const leat_param_info *p)
{
    char range[512];
    param_range(p, range, sizeof range);
    printf("  %s=%s\n      ", p->name, p->standard);
    cli_fold(stdout, p->doc, 6, 6);
    if (*range) printf("      ");
    if (*range) cli_fold(stdout, range, 6, 6);
}

/* --- parts of networks --------------------------------------------------------------------------
 */

static const struct {
    leat_network_kind kind;
    const char *title;
} kinds[] = {{LEAT_NETWORK_LAYER, "layers"},
             {LEAT_NETWORK_ACTIVATION, "activations, layers by their own name, too"},
             {LEAT_NETWORK_LOSS, "losses"},
             {LEAT_NETWORK_OPTIMIZER, "optimizers"},
             {LEAT_NETWORK_SCHEDULE, "schedules"},
             {LEAT_NETWORK_AUGMENTATION, "augmentations"},
             {LEAT_NETWORK_INITIALIZER, "initializers"}};
enum { KINDS = sizeof kinds / sizeof *kinds };

/* The signature of a part: "conv2d(filters=32, kernel_size=3, ...)". */
static void print_signature(const leat_network_part *part, size_t i)
{
    leat_param_info p;
    printf("  %s", part->name);
    for (size_t k = 0; leat_network_part_param(part->kind, i, k, &p); k++)
        printf("%s%s=%s", k ? ", " : "(", p.name, p.standard);
    puts(part->params ? ")" : "");
}

static void list_kind(int k)
{
    leat_network_part part;
    printf("%s:\n", kinds[k].title);
    for (size_t i = 0; leat_network_part_at(kinds[k].kind, i, &part); i++) {
        print_signature(&part, i);
        printf("      ");
        cli_fold(stdout, part.doc, 6, 6);
    }
}

static void list_parts(void)
{
    for (int k = 0; k < KINDS; k++) {
        puts("");
        list_kind(k);
    }
    puts("\nMore on one of them: leat help NAME");
}

/* "layers": the kind of that title, -1 if there is none. */
static int kind_of(const char *topic)
{
    size_t n = strlen(topic);
    for (int k = 0; k < KINDS; k++)
        if (strcspn(kinds[k].title, ",") == n && strncmp(kinds[k].title, topic, n) == 0) return k;
    return -1;
}

static bool is_part(const char *name)
{
    leat_network_part part;
    for (int k = 0; k < KINDS; k++)
        for (size_t i = 0; leat_network_part_at(kinds[k].kind, i, &part); i++)
            if (strcmp(part.name, name) == 0) return true;
    return false;
}

/* All parts of that name; more: behind something else. */
static void explain_parts(const char *name, bool more)
{
    leat_network_part part;
    for (int k = 0; k < KINDS; k++)
        for (size_t i = 0; leat_network_part_at(kinds[k].kind, i, &part); i++) {
            leat_param_info p;
            if (strcmp(part.name, name) != 0) continue;
            printf("%s%s: one of the %s\n\n", more ? "\n" : "", part.name, kinds[k].title);
            cli_fold(stdout, part.doc, 0, 0);
            for (size_t q = 0; leat_network_part_param(part.kind, i, q, &p); q++) print_param(&p);
            more = true;
        }
}

/* Whether the topic is the parameter, or one of its choices: relative, relative_attention. */
static bool is_about(const leat_param_info *p, const char *topic)
{
    size_t stem = strcspn(topic, "_");
    if (strcmp(p->name, topic) == 0) return true;
    for (const char *at = p->choices; at && *at; at += strspn(at, "|")) {
        size_t n = strcspn(at, "|");
        if (n == stem && memcmp(at, topic, n) == 0) return true;
        at += n;
    }
    return false;
}

/* How many letters both begin with. */
static size_t common_stem(const char *a, const char *b)
{
    size_t n = 0;
    while (a[n] && a[n] == b[n]) n++;
    return n;
}

/* Where to look for what is no topic itself: "; see 'leat help lstm' (bidirectional)", or "". */
static void point_to_part(const char *topic, char *out, size_t size)
{
    enum { LEAST_STEM = 6 };
    leat_network_part part;
    leat_param_info p;
    *out = 0;
    for (int k = 0; k < KINDS; k++)
        for (size_t i = 0; leat_network_part_at(kinds[k].kind, i, &part); i++) {
            if (common_stem(part.name, topic) >= LEAST_STEM) {
                snprintf(out, size, "; see 'leat help %s'", part.name);
                return;
            }
            for (size_t q = 0; !*out && leat_network_part_param(part.kind, i, q, &p); q++)
                if (is_about(&p, topic))
                    snprintf(out, size, "; see 'leat help %s', parameter %s", part.name, p.name);
        }
}

static void list_metrics(void)
{
    for (int task = 1; task >= 0; task--) {
        printf("%sof %s:\n", task ? "" : "\n", task ? "classification" : "regression");
        for (size_t i = 0; i < leat_metric_count(); i++) {
            if (leat_metric_is_classification(i) != (task == 1)) continue;
            printf("  %-20s%s", leat_metric_name(i),
                   leat_metric_greater_is_better(i) ? "" : "(less is better) ");
            cli_fold(stdout, leat_metric_doc(i), leat_metric_greater_is_better(i) ? 22 : 39, 22);
        }
    }
}

static void metrics_json(leat_json *j)
{
    leat_json_begin_array(j, "metrics");
    for (size_t i = 0; i < leat_metric_count(); i++) {
        leat_json_begin_object(j, NULL);
        leat_json_string(j, "metric", leat_metric_name(i));
        leat_json_string(j, "title", leat_metric_title(i));
        leat_json_string(j, "task",
                         leat_metric_is_classification(i) ? "classification" : "regression");
        leat_json_bool(j, "greater_is_better", leat_metric_greater_is_better(i));
        leat_json_string(j, "doc", leat_metric_doc(i));
        leat_json_end_object(j);
    }
    leat_json_end_array(j);
}

static void explain_estimator(const leat_estimator_info *e)
{
    printf("%s: %s (%s%s%s)\n\n", e->name, e->title, e->classifies ? "classification" : "",
           e->classifies && e->regresses ? ", " : "", e->regresses ? "regression" : "");
    cli_fold(stdout, e->doc, 0, 0);
    printf("\n--preprocess auto: %s, %s%s\n",
           e->takes_missing ? "missing values as they are" : "missing values filled",
           e->takes_categories ? "categories as they are" : "categories one-hot",
           e->wants_scaling ? ", numbers standardised" : "");
    if (e->params) puts("\nparameters (--set NAME.PARAMETER=VALUE):");
    for (size_t i = 0; i < e->params; i++) {
        leat_param_info p;
        leat_estimator_param(e->name, i, &p);
        print_param(&p);
        if (p.grid) printf("      searched: %s\n", p.grid);
    }
    if (e->params) {
        putchar('\n');
        cli_fold(stdout,
                 "For a search, several values: --set NAME.PARAMETER=1,10,100, and "
                 "between those with commas of their own ' | '.",
                 0, 0);
    }
    if (strcmp(e->name, "network") == 0) list_parts();
}

static void list_estimators(void)
{
    leat_estimator_info e;
    for (size_t i = 0; leat_estimator_at(i, &e); i++)
        printf("  %-16s %s%s  %s\n", e.name, e.classifies ? "c" : " ", e.regresses ? "r" : " ",
               e.title);
    puts("\nc: classification, r: regression. More: leat help NAME");
}

/* --- the same as JSON ------------------------------------------------------------------------- */

static void options_json(leat_json *j, const cli_option *table)
{
    for (const cli_option *o = table; o && o->name; o++) {
        leat_json_begin_object(j, NULL);
        leat_json_string(j, "name", o->name);
        leat_json_string(j, "letter", o->letter ? (char[]){o->letter, '\0'} : NULL);
        leat_json_string(j, "value", o->value);
        leat_json_string(j, "doc", o->doc);
        leat_json_bool(j, "repeats", o->repeats);
        leat_json_end_object(j);
    }
}

static void command_json(leat_json *j, const cli_command *m)
{
    leat_json_begin_object(j, NULL);
    leat_json_string(j, "command", m->name);
    leat_json_string(j, "arguments", m->arguments);
    leat_json_string(j, "summary", m->summary);
    leat_json_begin_array(j, "options");
    options_json(j, m->options);
    options_json(j, cli_common_options);
    leat_json_end_array(j);
    leat_json_end_object(j);
}

static void param_json(leat_json *j, const leat_param_info *p)
{
    char range[512];
    param_range(p, range, sizeof range);
    leat_json_begin_object(j, NULL);
    leat_json_string(j, "name", p->name);
    leat_json_string(j, "default", p->standard);
    leat_json_string(j, "takes", range);
    leat_json_string(j, "doc", p->doc);
    leat_json_end_object(j);
}

/* All parts of networks of that name, or of that kind. */
static void parts_json(leat_json *j, const char *name)
{
    leat_network_part part;
    leat_param_info p;
    leat_json_begin_array(j, "parts");
    for (int k = 0; k < KINDS; k++)
        for (size_t i = 0; leat_network_part_at(kinds[k].kind, i, &part); i++) {
            if (k != kind_of(name) && strcmp(part.name, name) != 0) continue;
            leat_json_begin_object(j, NULL);
            leat_json_string(j, "name", part.name);
            leat_json_string(j, "one_of", kinds[k].title);
            leat_json_string(j, "doc", part.doc);
            leat_json_begin_array(j, "params");
            for (size_t q = 0; leat_network_part_param(part.kind, i, q, &p); q++) param_json(j, &p);
            leat_json_end_array(j);
            leat_json_end_object(j);
        }
    leat_json_end_array(j);
}

static void estimator_json(leat_json *j, const leat_estimator_info *e)
{
    leat_json_begin_object(j, NULL);
    leat_json_string(j, "estimator", e->name);
    leat_json_string(j, "title", e->title);
    leat_json_string(j, "doc", e->doc);
    leat_json_bool(j, "classifies", e->classifies);
    leat_json_bool(j, "regresses", e->regresses);
    leat_json_begin_array(j, "params");
    for (size_t i = 0; i < e->params; i++) {
        leat_param_info p;
        leat_estimator_param(e->name, i, &p);
        param_json(j, &p);
    }
    leat_json_end_array(j);
    leat_json_end_object(j);
}

static void commands_json(leat_json *j)
{
    leat_json_begin_array(j, "commands");
    for (int i = 0; cli_commands()[i]; i++) command_json(j, cli_commands()[i]);
    leat_json_end_array(j);
}

static void estimators_json(leat_json *j)
{
    leat_estimator_info e;
    leat_json_begin_array(j, "estimators");
    for (size_t i = 0; leat_estimator_at(i, &e); i++) estimator_json(j, &e);
    leat_json_end_array(j);
}

static void exits_json(leat_json *j)
{
    leat_json_begin_array(j, "exit_codes");
    for (int i = 0; i < EXITS; i++) {
        leat_json_begin_object(j, NULL);
        leat_json_int(j, "code", exits[i].code);
        leat_json_string(j, "meaning", exits[i].meaning);
        leat_json_end_object(j);
    }
    leat_json_end_array(j);
}

static leat_status print_json(cli *c, const char *topic, const cli_command *m,
                              const leat_estimator_info *estimator)
{
    leat_json *j = leat_json_create(c->context, 0);
    if (m) {
        command_json(j, m);
    } else if (estimator) {
        estimator_json(j, estimator);
    } else {
        leat_json_begin_object(j, NULL);
        if (!topic) commands_json(j);
        else if (strcmp(topic, "exit") == 0) exits_json(j);
        else if (strcmp(topic, "estimators") == 0) estimators_json(j);
        else if (strcmp(topic, "metrics") == 0) metrics_json(j);
        else parts_json(j, topic);
        leat_json_end_object(j);
    }
    return cli_print_json(c, j);
}

static leat_status run_help(cli *c)
{
    const char *shell = cli_value(c, "completion"), *topic = c->count ? c->arguments[0] : NULL;
    if (shell && c->json) return cli_usage(c, "--completion prints code for a shell, not JSON");
    if (shell) return completion(c, shell);
    leat_estimator_info found, *estimator = NULL;
    const cli_command *m = topic ? cli_command_find(topic) : NULL;
    if (topic && !m && leat_estimator_find(topic, &found)) estimator = &found;
    bool list = topic && (strcmp(topic, "exit") == 0 || strcmp(topic, "estimators") == 0 ||
                          strcmp(topic, "metrics") == 0);
    bool part = topic && !m && !list && is_part(topic);
    int kind = topic && !m ? kind_of(topic) : -1;
    if (topic && !m && !estimator && !list && !part && kind < 0) {
        char where[128];
        point_to_part(topic, where, sizeof where);
        return cli_usage(c,
                         "there is no help on '%s'%s; topics are the commands, 'estimators', "
                         "the name of one, of a layer or another part of networks, 'layers', "
                         "'activations', 'losses', 'optimizers', 'schedules', 'augmentations', "
                         "'initializers', 'metrics' and 'exit'",
                         topic, where);
    }
    if (c->json) return print_json(c, topic, m, estimator);
    if (estimator) explain_estimator(estimator);
    if (part) explain_parts(topic, estimator != NULL);
    if (kind >= 0) {
        list_kind(kind);
        puts("\nMore on one of them: leat help NAME");
    }
    if (!topic || m) cli_help(stdout, m);
    if (list && strcmp(topic, "exit") == 0) list_exits();
    else if (list && strcmp(topic, "metrics") == 0) list_metrics();
    else if (list) list_estimators();
    return LEAT_OK;
}

static const cli_option options[] = {
    {"completion", 0, "SHELL", "print completion code for bash, zsh or fish", false}, {0}};

const cli_command cli_command_help = {
    .name = "help",
    .arguments = "[TOPIC]",
    .most = 1,
    .summary = "explain a command, an estimator or the exit codes",
    .options = options,
    .run = run_help,
};
