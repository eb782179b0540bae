/* leat help: commands, topics and shell completion, all from the tables. */
#include <string.h>

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

static leat_status run_help(cli *c)
{
    const char *shell = cli_value(c, "completion");
    if (shell) return completion(c, shell);
    if (c->count == 0) {
        cli_help(stdout, NULL);
        return LEAT_OK;
    }
    const cli_command *m = cli_command_find(c->arguments[0]);
    if (m) cli_help(stdout, m);
    else if (strcmp(c->arguments[0], "exit") == 0) fputs(exit_text, stdout);
    else return cli_usage(c, "there is no help on '%s'", c->arguments[0]);
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
