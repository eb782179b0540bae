/* The command table and what commands share: options, output, exit codes.
 *
 * A command is a row of commands.def and one file that exports cli_command_<name>. Help, shell
 * completion and option checks come from its tables. Only this folder prints and exits. */
#ifndef LEAT_CLI_COMMAND_H
#define LEAT_CLI_COMMAND_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <leat/context.h>
#include <leat/json.h>
#include <leat/progress.h>

/* Documented in `leat help exit`. */
enum cli_exit {
    CLI_FINE = 0,
    CLI_NO = 1,          /* the answer is no: eval --require, reproduce, verify */
    CLI_USAGE = 2,       /* the command line is wrong */
    CLI_DATA = 3,        /* a file or its contents are wrong */
    CLI_ENVIRONMENT = 4, /* memory, disk, network, a missing library */
    CLI_INTERRUPTED = 5,
    CLI_FAULT = 70 /* a fault of Leat */
};

typedef struct cli_option {
    const char *name;  /* without the dashes; NULL ends a table */
    char letter;       /* short form, or 0 */
    const char *value; /* "FILE", "COL", ...; NULL: a switch */
    const char *doc;
    bool repeats; /* may be given several times */
} cli_option;

typedef struct cli cli;

typedef struct cli_command {
    const char *name;
    const char *arguments; /* "DATA [TEST]", for the usage line */
    int least, most;       /* number of arguments; most -1: any */
    const char *summary;   /* one line, for the list of commands */
    const char *details;   /* paragraphs for --help; may be NULL */
    const char *examples;  /* lines of a shell; may be NULL */
    const cli_option *options;
    leat_status (*run)(cli *c); /* errors stand in c->context */
} cli_command;

typedef struct cli_given {
    const cli_option *option;
    const char *value; /* NULL for a switch */
} cli_given;

struct cli {
    leat_context *context;
    const cli_command *command;
    char **arguments; /* what is not an option, in order */
    int count;
    cli_given *given; /* options in the order of the command line */
    int given_count;
    bool json, quiet, color; /* color: stdout is a terminal and NO_COLOR is not set */
    uint64_t noted[32];      /* of notes that were printed; see main.c */
    int noted_count;
    leat_progress progress;
};

const cli_command *const *cli_commands(void); /* NULL-terminated */
const cli_command *cli_command_find(const char *name);
extern const cli_option cli_common_options[];

/* The last value given for an option (not a switch), or NULL. */
const char *cli_value(const cli *c, const char *option);
bool cli_has(const cli *c, const char *option);
/* Adds an option from elsewhere than the command line, which wins; one that the command does not
 * have is passed over. `value` is borrowed. False: out of memory. */
bool cli_give(cli *c, const char *option, const char *value);
/* A new context by the options as they are now (seed, threads) in place of c->context. */
leat_status cli_renew_context(cli *c);
/* A whole number in a range; *out keeps its value when the option was not given. */
leat_status cli_whole(cli *c, const char *option, long least, long most, long *out);

/* Record an error of usage in the context: exit code 2 and a hint at --help. */
leat_status cli_usage(cli *c, const char *format, ...) LEAT_PRINTF(2, 3);

/* Text for people: nothing when --quiet or --json. Wipes a progress bar first. Like everything
 * below that prints, it shows control characters and bytes that are no UTF-8 as \x1b, \u202e and
 * the like: names and values come from files, which do not command the terminal. Newlines do end
 * lines. */
void cli_say(cli *c, const char *format, ...) LEAT_PRINTF(2, 3);
/* The same in a style, where colour is on. */
typedef enum cli_style { CLI_PLAIN, CLI_BOLD, CLI_DIM, CLI_ACCENT } cli_style;
void cli_styled(cli *c, cli_style style, const char *format, ...) LEAT_PRINTF(3, 4);
/* Goes back over the last lines of a terminal to print them anew. */
void cli_rewind(cli *c, int lines);
/* To stderr: errors and notes, also when --quiet. */
void cli_complain(const char *format, ...) LEAT_PRINTF(1, 2);

/* The parts of it; newlines pass where `lines`. */
void cli_put(FILE *out, const char *text, size_t n, bool lines);
void cli_vput(FILE *out, const char *format, va_list args);
/* How many bytes of a text to show where `most` fit: no character is cut. */
int cli_cut(const char *text, size_t length, size_t most);

/* Print the builder's text and a newline to stdout, then destroy it. */
leat_status cli_print_json(cli *c, leat_json *json);

/* Columns of text, aligned, two spaces between; numbers (cells that begin with a digit or sign) to
 * the right. cells: (rows, columns). The first row is a heading when `heading`. */
void cli_table(cli *c, const char *const *cells, int rows, int columns, bool heading);

/* What it takes on the screen. `stride`: cells of a row. */
int cli_table_width(const char *const *cells, int rows, int columns, int stride);
/* Columns of the terminal; 0: stdout is a file or a pipe, where lines may be long. */
int cli_terminal_columns(void);

/* Prints text folded to 80 columns, every line after the first indented; `column` is where the
 * cursor stands. Ends the line. */
void cli_fold(FILE *out, const char *text, int column, int indent);
void cli_help(FILE *out, const cli_command *command); /* NULL: the list of commands */

#endif
