/* leat help: commands, topics and shell completion, all from the tables. */
#include <string.h>

#include <leat/estimator.h>

#include "command.h"

static const char exit_text[] = "exit codes:\n"
                                "  0   fine\n"
                                "  1   the answer is no (eval --require, reproduce, data verify)\n"
                                "  2   the command line is wrong\n"
                                "  3   a file or its contents are wrong\n"
                                "  4   the environment: memory, disk, network, a missing library\n"
                                "  5   interrupted\n"
                                "  70  a fault of Leat itself\n";

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
    if (low && high) snprintf(out + used, size - used, " from %g to %g", p->least, p->most);
    else if (low) snprintf(out + used, size - used, " of at least %g", p->least);
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
        char range[512];
        leat_estimator_param(e->name, i, &p);
        param_range(&p, range, sizeof range);
        printf("  %s=%s\n      ", p.name, p.standard);
        cli_fold(stdout, p.doc, 6, 6);
        printf("      ");
        cli_fold(stdout, range, 6, 6);
        if (p.grid) printf("      searched: %s\n", p.grid);
    }
}

static void list_estimators(void)
{
    leat_estimator_info e;
    for (size_t i = 0; leat_estimator_at(i, &e); i++)
        printf("  %-16s %s%s  %s\n", e.name, e.classifies ? "c" : " ", e.regresses ? "r" : " ",
               e.title);
    puts("\nc: classification, r: regression. More: leat help NAME");
}

static leat_status run_help(cli *c)
{
    const char *shell = cli_value(c, "completion");
    if (shell) return completion(c, shell);
    if (c->count == 0) {
        cli_help(stdout, NULL);
        return LEAT_OK;
    }
    leat_estimator_info estimator;
    const cli_command *m = cli_command_find(c->arguments[0]);
    if (m) cli_help(stdout, m);
    else if (strcmp(c->arguments[0], "exit") == 0) fputs(exit_text, stdout);
    else if (strcmp(c->arguments[0], "estimators") == 0) list_estimators();
    else if (leat_estimator_find(c->arguments[0], &estimator)) explain_estimator(&estimator);
    else
        return cli_usage(c,
                         "there is no help on '%s'; topics are the commands, 'estimators', "
                         "the name of one, and 'exit'",
                         c->arguments[0]);
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
