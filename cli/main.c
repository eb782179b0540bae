/* Owns: reading the command line, running a command, error output and exit codes. */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include <leat/estimator.h>

#include "command.h"

#define COMMAND(name) extern const cli_command cli_command_##name;
#include "commands.def"
#undef COMMAND

static const cli_command *const commands[] = {
#define COMMAND(name) &cli_command_##name,
#include "commands.def"
#undef COMMAND
    NULL};

const cli_option cli_common_options[] = {
    {"json", 0, NULL, "print one JSON object with stable keys instead of text; errors too", false},
    {"seed", 0, "N", "seed of every random choice (default 1)", false},
    {"threads", 0, "N", "threads to use (default: all); results do not depend on it", false},
    {"quiet", 'q', NULL, "print nothing but errors", false},
    {"help", 'h', NULL, "show this help", false},
    {0}};

static cli *volatile interruptible;

/* What was asked to stop has not: it is in the middle of something, and nobody knows. */
static void say_stopping(int signal_number)
{
    static const char text[] = "stopping when what is under way is done; Ctrl-C once more ends it "
                               "at once, and nothing is kept\n",
                      over[] = "\r\033[K";
    int was = errno;
    const cli *c = interruptible;
    (void)signal_number;
    if (c && c->progress.drawn) (void)!write(STDERR_FILENO, over, sizeof over - 1);
    if (c) (void)!write(STDERR_FILENO, text, sizeof text - 1);
    errno = was;
}

static void say_stopping_in(suseconds_t microseconds)
{
    const struct itimerval wait = {.it_value = {.tv_usec = microseconds}};
    setitimer(ITIMER_REAL, &wait, NULL);
}

/* Asks the running job to stop; a second Ctrl-C ends it. A terminal that closes may send SIGHUP
 * twice, by the shell and by the kernel, and nobody asks again with it. */
static void on_interrupt(int signal_number)
{
    cli *c = interruptible;
    if (c && c->progress.stop && signal_number == SIGHUP) return;
    if (!c || c->progress.stop) _exit(128 + signal_number);
    c->progress.stop = 1;
    if (c->context) leat_context_cancel(c->context);
    if (!c->quiet) say_stopping_in(300000);
}

static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_interrupt}, was;
    const struct sigaction later = {.sa_handler = say_stopping, .sa_flags = SA_RESTART};
    sigaction(SIGALRM, &later, NULL);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, &was);
    if (was.sa_handler == SIG_IGN) signal(SIGHUP, SIG_IGN); /* nohup */
    signal(SIGXFSZ, SIG_IGN); /* a file grown too large is an error like any other */
}

const cli_command *const *cli_commands(void)
{
    return commands;
}

const cli_command *cli_command_find(const char *name)
{
    for (int i = 0; commands[i]; i++)
        if (strcmp(commands[i]->name, name) == 0) return commands[i];
    return NULL;
}

static int exit_code(leat_status st)
{
    switch (st) {
    case LEAT_OK: return CLI_FINE;
    case LEAT_DIFFERS: return CLI_NO;
    case LEAT_INVALID: return CLI_USAGE;
    case LEAT_NOMEM:
    case LEAT_IO:
    case LEAT_UNSUPPORTED:
    case LEAT_NETWORK: return CLI_ENVIRONMENT;
    case LEAT_CANCELLED: return CLI_INTERRUPTED;
    case LEAT_INTERNAL: return CLI_FAULT;
    default: return CLI_DATA;
    }
}

static const cli_option *find_in(const cli_option *table, const char *name, size_t n, char letter)
{
    for (const cli_option *o = table; o && o->name; o++) {
        if (letter ? o->letter == letter : strlen(o->name) == n && !strncmp(o->name, name, n))
            return o;
    }
    return NULL;
}

static const cli_option *find_option(const cli_command *command, const char *name, size_t n,
                                     char letter)
{
    const cli_option *o = find_in(command->options, name, n, letter);
    return o ? o : find_in(cli_common_options, name, n, letter);
}

const char *cli_value(const cli *c, const char *option)
{
    for (int i = c->given_count - 1; i >= 0; i--)
        if (strcmp(c->given[i].option->name, option) == 0) return c->given[i].value;
    return NULL;
}

bool cli_has(const cli *c, const char *option)
{
    for (int i = 0; i < c->given_count; i++)
        if (strcmp(c->given[i].option->name, option) == 0) return true;
    return false;
}

/* What --json prints for a failure, on stdout; place: where a fault of Leat's own is, or NULL.
 * False where it cannot be written: then it belongs on stderr. A context of its own: there may be
 * none, or one whose memory is spent. */
static bool print_error_json(leat_status st, const char *message, const char *place)
{
    leat_context *c;
    leat_context_options o = leat_context_options_default();
    o.cpu = "generic";
    if (leat_context_create(&c, &o) != LEAT_OK) return false;
    leat_json *j = leat_json_create(c, 0);
    leat_json_begin_object(j, NULL);
    leat_json_begin_object(j, "error");
    leat_json_string(j, "status", leat_status_name(st));
    leat_json_string(j, "message", message);
    if (place) leat_json_string(j, "place", place);
    leat_json_end_object(j);
    leat_json_end_object(j);
    const char *text = leat_json_text(j);
    bool written = text && puts(text) >= 0 && fflush(stdout) == 0;
    leat_json_destroy(j);
    leat_context_destroy(c);
    return written;
}

static int usage_error(const cli *c, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (!c->json || !print_error_json(LEAT_INVALID, text, NULL))
        cli_complain("leat: %s\nsee: leat %s --help\n", text, c->command->name);
    return CLI_USAGE;
}

/* The name that differs from `wrong` least, judged by common letters in order; NULL if none. */
static const char *suggest(const char *wrong, const char *(*name)(int i, const void *of),
                           const void *of)
{
    const char *best = NULL;
    size_t most = strlen(wrong) / 2;
    for (int i = 0; name(i, of); i++) {
        const char *candidate = name(i, of), *at = candidate;
        size_t common = 0;
        for (const char *w = wrong; *w; w++) {
            const char *found = strchr(at, *w);
            if (!found) continue;
            common++;
            at = found + 1;
        }
        size_t excess = strlen(candidate) > strlen(wrong) ? strlen(candidate) - strlen(wrong) : 0;
        if (common > most + excess / 2) {
            most = common;
            best = candidate;
        }
    }
    return best;
}

static const char *command_name(int i, const void *of)
{
    (void)of;
    return commands[i] ? commands[i]->name : NULL;
}

static const char *option_name(int i, const void *of)
{
    const cli_command *command = of;
    int k = 0;
    for (const cli_option *o = command->options; o && o->name; o++, k++)
        if (k == i) return o->name;
    for (const cli_option *o = cli_common_options; o->name; o++, k++)
        if (k == i) return o->name;
    return NULL;
}

/* The estimator that has a parameter of this name, written with - or _: the network before others.
 */
static bool find_setting(const char *name, size_t n, leat_estimator_info *owner,
                         leat_param_info *found)
{
    for (size_t i = 0; i <= leat_estimator_count(); i++) {
        bool is = i ? leat_estimator_at(i - 1, owner) : leat_estimator_find("network", owner);
        if (!is) continue;
        for (size_t k = 0; leat_estimator_param(owner->name, k, found); k++) {
            size_t at = 0;
            while (at < n && found->name[at] == (name[at] == '-' ? '_' : name[at])) at++;
            if (at == n && !found->name[at]) return true;
        }
    }
    return false;
}

static int unknown_option(cli *c, const char *text)
{
    bool is_long = text[1] == '-';
    leat_estimator_info owner;
    leat_param_info p;
    if (is_long && find_option(c->command, "set", 3, 0) &&
        find_setting(text + 2, strcspn(text + 2, "="), &owner, &p))
        return usage_error(
            c, "'leat %s' has no option %s; a parameter of %s is set by --set %s.%s=VALUE",
            c->command->name, text, owner.name, owner.name, p.name);
    const char *near = is_long ? suggest(text + 2, option_name, c->command) : NULL;
    return usage_error(c, "'leat %s' has no option %s%s%s%s", c->command->name, text,
                       near ? "; did you mean --" : "", near ? near : "", near ? "?" : "");
}

/* One option at argv[*at]; 0 or an exit code. */
static int read_option(cli *c, int argc, char **argv, int *at)
{
    const char *text = argv[*at], *value = NULL;
    bool is_long = text[1] == '-';
    const char *name = text + 1 + is_long;
    size_t n = is_long ? strcspn(name, "=") : 1;
    const cli_option *o = find_option(c->command, name, n, is_long ? 0 : name[0]);
    if (!o) return unknown_option(c, text);
    if (name[n] == '=' && is_long) value = name + n + 1;
    else if (!is_long && name[1]) value = name + 1;
    if (o->value && !value) {
        if (*at + 1 >= argc)
            return usage_error(c, "option --%s needs a value: --%s %s", o->name, o->name, o->value);
        value = argv[++*at];
    } else if (!o->value && value) {
        return usage_error(c, "option --%s takes no value", o->name);
    }
    if (!o->repeats && cli_has(c, o->name))
        return usage_error(c, "option --%s was given twice", o->name);
    c->given[c->given_count++] = (cli_given){o, value};
    return 0;
}

static int read_arguments(cli *c, int argc, char **argv)
{
    bool options = true;
    for (int i = 2; i < argc; i++) {
        if (options && strcmp(argv[i], "--") == 0) {
            options = false;
        } else if (options && argv[i][0] == '-' && argv[i][1]) {
            int code = read_option(c, argc, argv, &i);
            if (code) return code;
        } else {
            c->arguments[c->count++] = argv[i];
        }
    }
    if (cli_has(c, "help")) return 0;
    const cli_command *m = c->command;
    if (c->count < m->least) return usage_error(c, "'leat %s' needs %s", m->name, m->arguments);
    if (m->most >= 0 && c->count > m->most)
        return usage_error(c, "'leat %s' does not know what to do with '%s'", m->name,
                           c->arguments[m->most]);
    return 0;
}

static bool parse_whole(const char *text, unsigned long long most, unsigned long long *out)
{
    char *end;
    errno = 0;
    *out = strtoull(text, &end, 10);
    return *text >= '0' && *text <= '9' && !*end && !errno && *out <= most;
}

/* A note of every fold is said once: those that are equal but for their numbers. */
static bool is_noted(cli *c, const char *text)
{
    static const char *const commands_of_folds[] = {"fit", "report", "reproduce"};
    enum { MOST = sizeof c->noted / sizeof *c->noted };
    uint64_t hash = UINT64_C(14695981039346656037); /* FNV-1a */
    bool folds = false;
    for (int i = 0; i < 3; i++) folds = folds || !strcmp(c->command->name, commands_of_folds[i]);
    for (; *text; text++)
        if (!strchr("0123456789.e+-", *text))
            hash = (hash ^ (unsigned char)*text) * UINT64_C(1099511628211);
    for (int i = 0; folds && i < c->noted_count; i++)
        if (c->noted[i] == hash) return true;
    if (folds && c->noted_count < MOST) c->noted[c->noted_count++] = hash;
    return false;
}

static void log_to_stderr(void *user, leat_log_level level, const char *text)
{
    cli *c = user;
    if (c->quiet || level < LEAT_LOG_INFO) return;
    if (level == LEAT_LOG_WARN && is_noted(c, text)) return;
    leat_progress_clear(&c->progress);
    cli_complain("%s%s\n", level == LEAT_LOG_WARN ? "note: " : "", text);
}

/* "generic, v2, v3": what LEAT_CPU can name on this machine. */
static void usable_levels(char *out, size_t size)
{
    static const char *const names[] = {"generic", "v2", "v3", "v4", "amx", "neon"};
    *out = '\0';
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        leat_context_options o = leat_context_options_default();
        leat_context *c;
        size_t used = strlen(out);
        o.cpu = names[i];
        if (leat_context_create(&c, &o) != LEAT_OK) continue;
        leat_context_destroy(c);
        snprintf(out + used, size - used, "%s%s", used ? ", " : "", names[i]);
    }
}

static int make_context(cli *c)
{
    leat_context_options o = leat_context_options_default();
    unsigned long long n;
    if (cli_value(c, "seed")) {
        if (!parse_whole(cli_value(c, "seed"), INT64_MAX, &n)) /* JSON has no larger ones */
            return usage_error(c, "--seed takes a whole number from 0 to %lld, not '%s'",
                               (long long)INT64_MAX, cli_value(c, "seed"));
        o.seed = n;
    }
    if (cli_value(c, "threads")) {
        if (!parse_whole(cli_value(c, "threads"), 1024, &n) || n == 0)
            return usage_error(c, "--threads takes a whole number from 1 to 1024, not '%s'",
                               cli_value(c, "threads"));
        o.threads = (unsigned)n;
    }
    const char *precision = cli_value(c, "precision");
    if (precision && strcmp(precision, "f32") != 0 && strcmp(precision, "bf16") != 0)
        return usage_error(c, "--precision is f32 or bf16, not '%s'", precision);
    if (precision) o.precision = precision[0] == 'f' ? LEAT_PRECISION_F32 : LEAT_PRECISION_BF16;
    c->json = cli_has(c, "json");
    c->quiet = cli_has(c, "quiet");
    c->color = isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
    leat_progress_init(&c->progress, stderr, c->quiet ? LEAT_PROGRESS_NONE : LEAT_PROGRESS_AUTO);
    o.progress = leat_progress_show;
    o.progress_user = &c->progress;
    o.log = log_to_stderr;
    o.log_user = c;
    leat_status st = leat_context_create(&c->context, &o);
    if (st == LEAT_OK) return 0;
    char text[256];
    const char *cpu = getenv("LEAT_CPU");
    snprintf(text, sizeof text, "%s", leat_status_text(st));
    if (st == LEAT_INVALID && cpu) {
        char levels[64];
        usable_levels(levels, sizeof levels);
        snprintf(text, sizeof text,
                 "LEAT_CPU=%.20s is not a level of this processor; use one of %s, or unset it", cpu,
                 levels);
    }
    if (!c->json || !print_error_json(st, text, NULL)) cli_complain("leat: %s\n", text);
    return CLI_ENVIRONMENT;
}

/* Once: with --json on stdout, where the answer would be, else on stderr. */
static void report_error(const cli *c, leat_status st)
{
    const char *message = leat_error_message(c->context);
    const char *place = st == LEAT_INTERNAL ? leat_error_place(c->context) : NULL;
    if (!*message) message = leat_status_text(st);
    if (c->json && print_error_json(st, message, place)) return;
    cli_complain("leat: %s\n", message);
    if (place)
        cli_complain("please report this, with the command and \"%s\" of leat %s\n", place,
                     leat_version());
}

leat_status cli_renew_context(cli *c)
{
    unsigned long long n;
    const char *seed = cli_value(c, "seed");
    if (seed && !parse_whole(seed, INT64_MAX, &n))
        return cli_usage(c, "the seed is a whole number from 0 to %lld, not '%s'",
                         (long long)INT64_MAX, seed);
    leat_context *old = c->context;
    if (make_context(c) == 0) {
        leat_context_destroy(old);
        return LEAT_OK;
    }
    c->context = old;
    return leat_error_set(old, LEAT_NOMEM, "out of memory");
}

bool cli_give(cli *c, const char *option, const char *value)
{
    const cli_option *o = find_option(c->command, option, strlen(option), 0);
    if (!o || cli_has(c, option)) return true;
    cli_given *given = realloc(c->given, ((size_t)c->given_count + 1) * sizeof *given);
    if (!given) return false;
    c->given = given;
    c->given[c->given_count++] = (cli_given){o, value};
    return true;
}

static int run(cli *c)
{
    int code = make_context(c);
    if (code) return code;
    interruptible = c;
    catch_signals();
    leat_status st = c->command->run(c);
    say_stopping_in(0);
    leat_progress_clear(&c->progress);
    if (st == LEAT_OK && (fflush(stdout) != 0 || ferror(stdout))) {
        cli_complain("leat: cannot write the output: %s\n", strerror(errno));
        code = CLI_ENVIRONMENT;
    } else {
        code = exit_code(st);
        bool said = st == LEAT_DIFFERS && !*leat_error_message(c->context);
        if (st != LEAT_OK && !said) report_error(c, st);
    }
    interruptible = NULL;
    leat_context_destroy(c->context);
    return code;
}

static int unknown_command(const cli *c, const char *name)
{
    char text[512];
    const char *near = suggest(name, command_name, NULL);
    if (access(name, F_OK) == 0) near = "fit";
    snprintf(text, sizeof text, "there is no command '%.200s'%s%s%s", name,
             near ? "; did you mean 'leat " : "", near ? near : "", near ? "'?" : "");
    if (!c->json || !print_error_json(LEAT_INVALID, text, NULL))
        cli_complain("leat: %s\nsee: leat help\n", text);
    return CLI_USAGE;
}

static int show_help(const cli_command *m)
{
    cli_help(stdout, m);
    if (fflush(stdout) == 0 && !ferror(stdout)) return CLI_FINE;
    cli_complain("leat: cannot write the output: %s\n", strerror(errno));
    return CLI_ENVIRONMENT;
}

int main(int argc, char **argv)
{
    if (argc < 2) return show_help(NULL);
    const char *name = argv[1];
    if (!strcmp(name, "--help") || !strcmp(name, "-h")) name = "help";
    if (!strcmp(name, "--version") || !strcmp(name, "-V")) name = "version";
    cli c = {.command = cli_command_find(name)};
    for (int i = 2; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--json") == 0) c.json = true; /* for errors in the options */
    if (!c.command) return unknown_command(&c, name);
    c.arguments = calloc((size_t)argc, sizeof *c.arguments);
    c.given = calloc((size_t)argc, sizeof *c.given);
    int code = CLI_ENVIRONMENT;
    if (!c.arguments || !c.given) {
        if (!c.json || !print_error_json(LEAT_NOMEM, "out of memory", NULL))
            cli_complain("leat: out of memory\n");
    } else {
        code = read_arguments(&c, argc, argv);
        if (!code && cli_has(&c, "help")) code = show_help(c.command);
        else if (!code) code = run(&c);
    }
    free(c.arguments);
    free(c.given);
    return code;
}
