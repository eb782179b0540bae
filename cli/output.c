/* Owns: what commands print: text, tables, JSON, help; and the reading of option values. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <leat/screen.h>

#include "command.h"

leat_status cli_usage(cli *c, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return leat_error_set(c->context, LEAT_INVALID, "%s\nsee: leat %s --help", text,
                          c->command->name);
}

leat_status cli_whole(cli *c, const char *option, long least, long most, long *out)
{
    const char *text = cli_value(c, option);
    if (!text) return LEAT_OK;
    char *end;
    long value = strtol(text, &end, 10);
    if (!*text || *end || value < least || value > most)
        return cli_usage(c, "--%s takes a whole number from %ld to %ld, not '%s'", option, least,
                         most, text);
    *out = value;
    return LEAT_OK;
}

/* Whether anything is printed; begins a style where it is. */
static bool begin(cli *c, cli_style style)
{
    static const char *const codes[] = {"", "\033[1m", "\033[2m", "\033[36m"};
    if (c->quiet || c->json) return false;
    leat_progress_clear(&c->progress);
    if (c->color) fputs(codes[style], stdout);
    return true;
}

static void end(const cli *c, cli_style style)
{
    if (style != CLI_PLAIN && c->color) fputs("\033[0m", stdout);
}

static void say(cli *c, cli_style style, const char *format, va_list args)
{
    if (!begin(c, style)) return;
    cli_vput(stdout, format, args);
    end(c, style);
}

void cli_say(cli *c, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say(c, CLI_PLAIN, format, args);
    va_end(args);
}

void cli_styled(cli *c, cli_style style, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say(c, style, format, args);
    va_end(args);
}

void cli_rewind(cli *c, int lines)
{
    if (c->quiet || c->json || lines < 1) return;
    leat_progress_clear(&c->progress);
    printf("\033[%dA\033[J", lines);
}

leat_status cli_print_json(cli *c, leat_json *json)
{
    const char *text = leat_json_text(json);
    if (text) puts(text);
    leat_json_destroy(json);
    return text ? LEAT_OK : leat_error_status(c->context);
}

/* Or the dash that stands for one. */
static bool is_number(const char *cell)
{
    if (strcmp(cell, "-") == 0) return true;
    const char *p = cell + (*cell == '-' || *cell == '+' || *cell == '<');
    p += *p == ' ';
    return *p >= '0' && *p <= '9';
}

static int cell_width(const char *cell)
{
    return leat_screen_width(cell, strlen(cell));
}

/* A newline in a cell is shown, not obeyed. */
static void say_cell(cli *c, cli_style style, const char *cell)
{
    if (!*cell || !begin(c, style)) return;
    cli_put(stdout, cell, strlen(cell), false);
    end(c, style);
}

void cli_table(cli *c, const char *const *cells, int rows, int columns, bool heading)
{
    enum { MOST = 32 };
    int widths[MOST] = {0};
    bool right[MOST];
    int stride = columns;
    if (columns > MOST) columns = MOST;
    for (int k = 0; k < columns; k++) right[k] = rows > heading;
    for (int i = 0; i < rows; i++) {
        for (int k = 0; k < columns; k++) {
            const char *cell = cells[i * stride + k];
            int w = cell_width(cell);
            if (w > widths[k]) widths[k] = w;
            if ((i > 0 || !heading) && *cell && !is_number(cell)) right[k] = false;
        }
    }
    for (int i = 0; i < rows; i++) {
        cli_style style = heading && i == 0 ? CLI_DIM : CLI_PLAIN;
        cli_say(c, "  ");
        for (int k = 0; k < columns; k++) {
            const char *cell = cells[i * stride + k];
            int pad = widths[k] - cell_width(cell);
            bool last = k == columns - 1, ends = true;
            for (int l = k + 1; l < columns; l++) ends = ends && !*cells[i * stride + l];
            cli_say(c, "%*s", right[k] ? pad : 0, "");
            say_cell(c, style, cell);
            if (!last && !ends) cli_say(c, "%*s", (right[k] ? 0 : pad) + 2, "");
        }
        cli_say(c, "\n");
    }
}

int cli_table_width(const char *const *cells, int rows, int columns, int stride)
{
    int width = 0;
    for (int k = 0; k < columns; k++) {
        int most = 0;
        for (int i = 0; i < rows; i++) {
            int w = cell_width(cells[i * stride + k]);
            most = w > most ? w : most;
        }
        width += most + 2;
    }
    return width;
}

int cli_terminal_columns(void)
{
    struct winsize size;
    if (!isatty(STDOUT_FILENO)) return 0;
    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col ? size.ws_col : 80;
}

void cli_fold(FILE *out, const char *text, int column, int indent)
{
    bool first = true; /* of its line */
    for (; *text == ' '; text++, column++) fputc(' ', out);
    while (*text) {
        size_t n = strcspn(text, " \n");
        int width = leat_screen_width(text, n);
        if (!first && column + 1 + width > 79) {
            fprintf(out, "\n%*s", indent, "");
            column = indent;
            first = true;
        }
        if (!first) fputc(' ', out);
        cli_put(out, text, n, false);
        column += width + !first;
        first = false;
        text += n;
        text += strspn(text, " \n");
    }
    fputc('\n', out);
}

static void print_options(FILE *out, const cli_option *table)
{
    for (const cli_option *o = table; o && o->name; o++) {
        char left[64];
        snprintf(left, sizeof left, "%s%c%s --%s%s%s", o->letter ? "-" : " ",
                 o->letter ? o->letter : ' ', o->letter ? "," : " ", o->name, o->value ? " " : "",
                 o->value ? o->value : "");
        if (strlen(left) > 24) fprintf(out, "  %s\n  %-24s  ", left, "");
        else fprintf(out, "  %-24s  ", left);
        cli_fold(out, o->doc, 28, 28);
    }
}

static void print_commands(FILE *out)
{
    fputs("leat: from data to a served, monitored, reproducible model\n\n"
          "usage: leat COMMAND [ARGUMENTS] [OPTIONS]\n\n",
          out);
    for (int i = 0; cli_commands()[i]; i++)
        fprintf(out, "  %-12s  %s\n", cli_commands()[i]->name, cli_commands()[i]->summary);
    fputs("\nbegin with:  leat fit iris --target species\n"
          "help:        leat COMMAND --help, leat help estimators, leat help exit\n",
          out);
}

void cli_help(FILE *out, const cli_command *m)
{
    if (!m) {
        print_commands(out);
        return;
    }
    char usage[512];
    snprintf(usage, sizeof usage, "usage: leat %s%s%s [OPTIONS]", m->name, *m->arguments ? " " : "",
             m->arguments);
    fprintf(out, "leat %s: %s\n\n", m->name, m->summary);
    cli_fold(out, usage, 0, 12);
    if (m->details) {
        fputc('\n', out);
        cli_fold(out, m->details, 0, 0);
    }
    if (m->options && m->options->name) {
        fputs("\noptions:\n", out);
        print_options(out, m->options);
    }
    fputs("\nfor every command:\n", out);
    print_options(out, cli_common_options);
    if (m->examples) fprintf(out, "\nexamples:\n%s\n", m->examples);
}
