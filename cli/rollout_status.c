/* Owns: how a rollout stands, as tables for people. Not: asking for it (cmd_rollout.c). */
#include "rollout_status.h"

#include <math.h>
#include <string.h>

#include "load.h"
#include "registry.h"

enum { CELL = 64, STAGES = 16, RULES = 8, EVENTS = 6 };

/* --- cells ------------------------------------------------------------------------------------ */

/* "850 us", "4.2 ms", "45 s", "12 min", "3 h 20 min" */
static void time_text(double s, char out[CELL])
{
    if (isnan(s)) snprintf(out, CELL, "-");
    else if (s > 0 && s < 1e-3) snprintf(out, CELL, "%.3g us", s * 1e6);
    else if (s > 0 && s < 1) snprintf(out, CELL, "%.3g ms", s * 1e3);
    else if (s < 120) snprintf(out, CELL, "%.0f s", floor(s));
    else if (s < 7200) snprintf(out, CELL, "%.0f min", floor(s / 60));
    else if (s < 1e8)
        snprintf(out, CELL, "%.0f h %02.0f min", floor(s / 3600), floor(fmod(s, 3600) / 60));
    else snprintf(out, CELL, "no end");
}

static void share_text(double share, char out[CELL])
{
    double percent = 100 * share;
    if (isnan(share)) snprintf(out, CELL, "-");
    else
        snprintf(out, CELL, "%.*f%%", percent > 0 && percent < 9.95 ? percent < 0.0995 ? 2 : 1 : 0,
                 percent);
}

/* "0.2% (0.0% - 0.9%)": seen, and where the true rate lies. */
static void errors_text(const leat_rollout_arm *a, char out[CELL])
{
    char seen[CELL], low[CELL], high[CELL];
    if (a->requests == 0) {
        snprintf(out, CELL, "-");
        return;
    }
    share_text((double)a->errors / (double)a->requests, seen);
    share_text(a->error_low, low);
    share_text(a->error_high, high);
    snprintf(out, CELL, "%.16s (%.16s - %.16s)", seen, low, high);
}

static void count_text(uint64_t n, char out[CELL])
{
    char digits[32];
    snprintf(out, CELL, "%s", cli_grouped((size_t)n, digits));
}

/* --- tables ----------------------------------------------------------------------------------- */

static void arm_cells(const leat_rollout_arm *a, char cells[3][CELL], const char **row)
{
    count_text(a->requests, cells[0]);
    errors_text(a, cells[1]);
    time_text(a->p99, cells[2]);
    for (int k = 0; k < 3; k++) row[k] = cells[k];
}

static int print_stages(cli *c, const leat_rollout *r, const leat_rollout_info *about)
{
    enum { COLUMNS = 9 };
    char text[STAGES][COLUMNS][CELL], heads[COLUMNS][CELL];
    const char *cells[(STAGES + 1) * COLUMNS];
    size_t rows = about->steps < STAGES ? about->steps : STAGES;
    static const char *const names[] = {"requests", "errors (95%)", "p99"};
    const char *first[3] = {"share", "", "held"};
    for (int k = 0; k < COLUMNS; k++) {
        if (k < 3) snprintf(heads[k], CELL, "%s", first[k]);
        else snprintf(heads[k], CELL, "v%u %s", k < 6 ? about->from : about->to, names[k % 3]);
        cells[k] = heads[k];
    }
    for (size_t i = 0; i < rows; i++) {
        leat_rollout_stage s = leat_rollout_stage_at(r, i);
        const char **row = cells + (i + 1) * COLUMNS;
        bool ahead = strcmp(s.result, "ahead") == 0;
        for (int k = 0; k < COLUMNS; k++) row[k] = "";
        snprintf(text[i][0], CELL, "%g%%", s.share);
        row[0] = text[i][0];
        row[1] = s.result;
        if (ahead) continue;
        time_text(s.held, text[i][2]);
        row[2] = text[i][2];
        arm_cells(&s.stable, text[i] + 3, row + 3);
        arm_cells(&s.candidate, text[i] + 6, row + 6);
    }
    cli_say(c, "\n");
    cli_table(c, cells, (int)rows + 1, COLUMNS, true);
    return (int)rows + 2;
}

static int print_rules(cli *c, const leat_rollout *r)
{
    enum { COLUMNS = 4 };
    char text[RULES][2][CELL];
    const char *cells[(RULES + 1) * COLUMNS] = {"abort if", "seen", "limit", ""};
    size_t n = leat_rollout_rules(r);
    if (n > RULES) n = RULES;
    if (n == 0) return 0;
    for (size_t i = 0; i < n; i++) {
        leat_rollout_rule g = leat_rollout_rule_at(r, i);
        const char **row = cells + (i + 1) * COLUMNS;
        (g.seconds ? time_text : share_text)(g.value, text[i][0]);
        (g.seconds ? time_text : share_text)(g.limit, text[i][1]);
        row[0] = g.rule;
        row[1] = text[i][0];
        row[2] = text[i][1];
        row[3] = strcmp(g.finding, "open") == 0 ? "not decided" : g.finding;
    }
    cli_say(c, "\n");
    cli_table(c, cells, (int)n + 1, COLUMNS, true);
    return (int)n + 2;
}

static int print_mirrored(cli *c, const leat_rollout *r, const leat_rollout_info *about)
{
    leat_rollout_shadow s = leat_rollout_mirrored(r);
    char compared[CELL], share[CELL];
    if (!(about->mirror > 0)) return 0;
    count_text(s.compared, compared);
    share_text(s.compared ? (double)s.differing / (double)s.compared : NAN, share);
    cli_say(c, "\nmirrored: %s requests compared, %s differ", compared, share);
    if (s.failed) cli_say(c, ", %llu of them failed", (unsigned long long)s.failed);
    if (s.dropped) cli_say(c, "; %llu dropped", (unsigned long long)s.dropped);
    cli_say(c, "\n");
    if (s.largest_difference > 0)
        cli_say(c, "numbers: mean difference %.3g, largest %.3g\n", s.mean_difference,
                s.largest_difference);
    if (s.largest_probability > 1e-9)
        cli_say(c, "probabilities: largest difference %.3g\n", s.largest_probability);
    return 2 + (s.largest_difference > 0) + (s.largest_probability > 1e-9);
}

static int print_events(cli *c, const leat_rollout *r)
{
    size_t n = leat_rollout_events(r), first = n > EVENTS ? n - EVENTS : 0;
    if (n) cli_say(c, "\n");
    for (size_t i = first; i < n; i++) {
        char when[32];
        int64_t at;
        const char *text = leat_rollout_event_at(r, i, &at);
        cli_time_text(at, when);
        cli_styled(c, CLI_DIM, "%s  ", when);
        cli_say(c, "%s\n", text);
    }
    return n ? (int)(n - first) + 1 : 0;
}

/* --- the whole -------------------------------------------------------------------------------- */

static void print_head(cli *c, const leat_rollout_info *about)
{
    char held[CELL], hold[CELL];
    bool walks = strcmp(about->phase, "running") == 0 || strcmp(about->phase, "paused") == 0;
    cli_styled(c, CLI_BOLD, "%s", about->model);
    cli_say(c, ": ");
    cli_styled(c, CLI_ACCENT, "%s", about->phase);
    if (!walks) {
        cli_say(c, ", version %u answers\n", about->serving);
        return;
    }
    time_text(about->held, held);
    time_text(about->hold, hold);
    if (strcmp(about->mode, "shadow") == 0)
        cli_say(c, ", version %u answers, %g%% mirrored to version %u, %s of %s\n", about->serving,
                about->mirror, about->to, held, hold);
    else
        cli_say(c, ", step %zu of %zu: %g%% to version %u, the rest to version %u, %s of %s\n",
                about->step + 1, about->steps, about->share, about->to, about->from, held, hold);
}

static bool all_kept(const leat_rollout *r)
{
    for (size_t i = 0; i < leat_rollout_rules(r); i++)
        if (strcmp(leat_rollout_rule_at(r, i).finding, "kept") != 0) return false;
    return true;
}

/* Of servers that decide together. */
static int print_pool(cli *c, const leat_rollout_info *about)
{
    bool walks = strcmp(about->phase, "running") == 0 || strcmp(about->phase, "paused") == 0;
    if (!*about->pool) return 0;
    if (!about->pool_told)
        cli_say(c, "\npool %s: decided here alone; the others follow when the registry answers\n",
                about->pool);
    else if (about->pool_lost)
        cli_say(c, "\npool %s: the registry does not answer; shares stay as they are\n",
                about->pool);
    else if (!walks) return 0;
    else if (!about->pool_counts)
        cli_say(c, "\npool %s: not both versions are loaded here; version %u answers\n",
                about->pool, about->from);
    else
        cli_say(c, "\npool %s: %zu server%s counted together\n", about->pool, about->pool_servers,
                about->pool_servers == 1 ? "" : "s");
    return 2;
}

/* A version that is not there; in a pool it may be on its way, and print_pool says it. */
static int print_absent(cli *c, const leat_rollout_info *about)
{
    if (*about->pool || (!about->candidate_absent && !about->stable_absent)) return 0;
    cli_say(c, "\n");
    if (about->candidate_absent)
        cli_say(c, "version %u is not loaded: it was deleted or unloaded, and gets no request\n",
                about->candidate_absent);
    if (about->stable_absent)
        cli_say(c, "version %u should answer and is not loaded: it was deleted or unloaded\n",
                about->stable_absent);
    return 1 + (about->candidate_absent > 0) + (about->stable_absent > 0);
}

/* Where an alias of the registry stands behind it. */
static int print_alias(cli *c, const leat_rollout_info *about)
{
    long long found = (long long)about->alias_found;
    if (strcmp(about->alias_state, "moved") == 0) {
        cli_say(c, "\n%s@%s stands at version %u\n", about->model, about->alias, about->serving);
    } else if (strcmp(about->alias_state, "waits") == 0) {
        cli_say(c, "\n%s@%s is to stand at version %u, and waits for the registry\n", about->model,
                about->alias, about->serving);
    } else if (strcmp(about->alias_state, "lost") == 0 && found) {
        cli_say(c,
                "\n%s@%s was left at version %lld, where somebody has moved it\n"
                "to move it all the same: leat registry tag %s@%s %u --expect %lld\n",
                about->model, about->alias, found, about->model, about->alias, about->serving,
                found);
        return 3;
    } else if (strcmp(about->alias_state, "lost") == 0) {
        cli_say(c, "\n%s@%s does not stand at version %u: the events say why\n", about->model,
                about->alias, about->serving);
    } else {
        return 0;
    }
    return 2;
}

/* Whether the last event has told the reason already. */
static bool is_told(const leat_rollout *r, const char *reason)
{
    int64_t at;
    size_t n = leat_rollout_events(r), length = strlen(reason);
    const char *last = n ? leat_rollout_event_at(r, n - 1, &at) : "";
    size_t end = strlen(last);
    return end >= length && strcmp(last + end - length, reason) == 0;
}

static int print_advice(cli *c, const leat_rollout *r, const leat_rollout_info *about)
{
    int lines = 0;
    if (*about->reason && (about->undecided || !is_told(r, about->reason))) {
        cli_say(c, "\n%s%s\n", about->undecided ? "not decided: " : "", about->reason);
        lines += 2;
    }
    if (about->undecided) {
        cli_say(c,
                all_kept(r) ? "since then all rules are kept: leat rollout promote %s\n"
                            : "next: leat rollout resume|promote|abort %s\n",
                about->model);
        lines++;
    }
    if (*about->trouble || !about->kept) {
        cli_say(c, "\nthis is not kept over a restart of the server%s%.200s\n",
                *about->trouble ? ": " : "", about->trouble);
        lines += 2;
    }
    return lines;
}

int cli_print_rollout(cli *c, const leat_rollout *r)
{
    leat_rollout_info about = leat_rollout_about(r);
    int lines = 1;
    if (strcmp(about.phase, "none") == 0) {
        cli_say(c, "%s: no rollout, version %u answers\n", about.model, about.serving);
        return lines;
    }
    print_head(c, &about);
    if (about.steps) lines += print_stages(c, r, &about);
    lines += print_rules(c, r);
    lines += print_mirrored(c, r, &about);
    lines += print_pool(c, &about);
    lines += print_absent(c, &about);
    lines += print_alias(c, &about);
    lines += print_events(c, r);
    return lines + print_advice(c, r, &about);
}
