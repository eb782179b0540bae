/* Owns: reading and checking settings by the rows of leat/kubernetes_options.def. */
#include "deploy/kubernetes.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/num.h"

typedef enum kind { LABEL, NAME, IMAGE, QUANTITY, WHOLE, CHOICE, MODELS, STEPS, SWITCH } kind;

typedef struct row {
    const char *key, *value, *standard;
    kind kind;
    long least, most;
} row;

static const row rows[] = {
#define OPTION(key, name, kind, value, standard, least, most, doc)                                 \
    {name, value, standard, kind, least, most},
#include <leat/kubernetes_options.def>
#undef OPTION
};

enum { MOST_LABEL = 63, MOST_NAME = 253, MOST_OWN = 50, LEAST_MEMORY = 16 << 20 };

static bool is_small(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* RFC 1123, section 2.1, in lower case: letters, digits and '-', not at the ends. */
static bool is_label(const char *text, size_t n)
{
    if (n == 0 || n > MOST_LABEL || !is_small(text[0]) || !is_small(text[n - 1])) return false;
    for (size_t i = 0; i < n; i++)
        if (!is_small(text[i]) && text[i] != '-') return false;
    return true;
}

static bool is_name(const char *text)
{
    if (strlen(text) > MOST_NAME) return false;
    for (;;) {
        size_t n = strcspn(text, ".");
        if (!is_label(text, n)) return false;
        if (!text[n]) return true;
        text += n + 1;
    }
}

/* [HOST[:PORT]/]PATH[:TAG][@sha256:DIGEST], as far as its characters go. */
static bool is_image(const char *text)
{
    size_t n = strlen(text);
    return n > 0 && n < 256 && is_small(text[0]) && text[n - 1] != ':' && text[n - 1] != '/' &&
           strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._/:@-") ==
               n;
}

/* Digits, perhaps with a fraction, and a suffix of Kubernetes (thousandths, powers of 1,000 and
 * 1,024). *value: what it says. */
static bool read_quantity(const char *text, double *value)
{
    static const struct {
        const char *text;
        double factor;
    } suffixes[] = {{"", 1},        {"m", 1e-3},    {"k", 1e3},     {"M", 1e6},     {"G", 1e9},
                    {"T", 1e12},    {"P", 1e15},    {"E", 1e18},    {"Ki", 0x1p10}, {"Mi", 0x1p20},
                    {"Gi", 0x1p30}, {"Ti", 0x1p40}, {"Pi", 0x1p50}, {"Ei", 0x1p60}};
    size_t digits = strspn(text, "0123456789"), fraction = 0;
    if (text[digits] == '.') fraction = 1 + strspn(text + digits + 1, "0123456789");
    if (digits == 0 || digits > 12 || fraction == 1 || fraction > 10) return false;
    if (!leati_num_parse(text, digits + fraction, value) || *value <= 0) return false;
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++)
        if (strcmp(text + digits + fraction, suffixes[i].text) == 0) {
            *value *= suffixes[i].factor;
            return true;
        }
    return false;
}

/* Names of the registry, NAME@ALIAS or NAME@VERSION, separated by commas. */
static bool is_models(const char *text)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    for (;;) {
        size_t n = strspn(text, allowed);
        if (n == 0 || n > 128 || *text == '.' || *text == '-' || text[n] != '@') return false;
        text += n + 1;
        n = strspn(text, allowed);
        if (n == 0 || n > 128 || *text == '.' || *text == '-') return false;
        if (!text[n]) return true;
        if (text[n] != ',') return false;
        text += n + 1;
    }
}

/* Every model becomes a file of its name: none twice. `text` fits is_models. */
static bool names_differ(const char *text)
{
    for (const char *a = text; *a; a += strcspn(a, ",") + (a[strcspn(a, ",")] == ',')) {
        size_t n = strcspn(a, "@");
        const char *b = a + strcspn(a, ",");
        while (*b == ',') {
            b++;
            if (strcspn(b, "@") == n && strncmp(a, b, n) == 0) return false;
            b += strcspn(b, ",");
        }
    }
    return true;
}

static bool is_choice(const char *text, const char *choices)
{
    size_t n = strlen(text);
    for (const char *at = choices; *at;) {
        size_t length = strcspn(at, "|");
        if (length == n && strncmp(at, text, n) == 0) return true;
        at += length + (at[length] == '|');
    }
    return false;
}

static bool read_whole(const char *text, size_t n, long least, long most, long *out)
{
    int64_t value;
    if (!leati_int_parse(text, n, &value) || value < least || value > most) return false;
    *out = (long)value;
    return true;
}

static bool read_steps(const char *text, leati_kubernetes *k)
{
    long before = 0;
    k->step_count = 0;
    for (;;) {
        size_t n = strcspn(text, ",");
        long *step = &k->steps[k->step_count];
        if (k->step_count == LEATI_KUBERNETES_MOST_STEPS || !read_whole(text, n, 1, 100, step) ||
            *step <= before)
            return false;
        before = *step;
        k->step_count++;
        if (!text[n]) return true;
        text += n + 1;
    }
}

/* NULL: it fits; else what was expected. */
static const char *misfit(const row *r, const char *text, leati_kubernetes *k, char room[120])
{
    long *number = &k->number[r - rows];
    double quantity;
    switch (r->kind) {
    case LABEL:
        return is_label(text, strlen(text)) ? NULL
                                            : "at most 63 small letters, digits and '-', beginning "
                                              "and ending with a letter or digit";
    case NAME:
        return is_name(text) ? NULL
                             : "small letters, digits, '-' and '.', beginning and ending with a "
                               "letter or digit";
    case IMAGE: return is_image(text) ? NULL : "an image as in registry.example/iris:1";
    case QUANTITY:
        return read_quantity(text, &quantity) ? NULL : "a quantity as in 500m, 2 or 512Mi";
    case MODELS:
        return is_models(text) && names_differ(text)
                   ? NULL
                   : "NAME@ALIAS,OTHER@VERSION,..., no name twice";
    case STEPS: return read_steps(text, k) ? NULL : "shares from 1 to 100 that grow, as in 5,25,50";
    case CHOICE: return is_choice(text, r->value) ? NULL : r->value;
    case SWITCH:
        *number = strcmp(text, "yes") == 0;
        return is_choice(text, "yes|no") ? NULL : "yes or no";
    case WHOLE:
        if (read_whole(text, strlen(text), r->least, r->most, number)) return NULL;
        snprintf(room, 120, "a whole number from %ld to %ld", r->least, r->most);
    }
    return room;
}

static leat_status set(leat_context *c, leati_kubernetes *k, const row *r, const char *text)
{
    char room[120];
    const char *expected = misfit(r, text, k, room);
    LEATI_CHECK(c, !expected && strlen(text) < LEATI_KUBERNETES_TEXT, LEAT_INVALID,
                "%s is '%.80s'; expected %s", r->key, text, expected ? expected : "less text");
    memcpy(k->text[r - rows], text, strlen(text) + 1);
    return LEAT_OK;
}

static leat_status set_standards(leat_context *c, leati_kubernetes *k)
{
    char image[80];
    for (size_t i = 0; i < LEATI_KUBERNETES_KEYS; i++)
        if (*rows[i].standard) LEATI_TRY(set(c, k, &rows[i], rows[i].standard));
    snprintf(image, sizeof image, "%s:1", k->name);
    return set(c, k, &rows[LEATI_KUBERNETES_image], image);
}

static const row *find(const char *key)
{
    for (size_t i = 0; i < LEATI_KUBERNETES_KEYS; i++)
        if (strcmp(rows[i].key, key) == 0) return &rows[i];
    return NULL;
}

/* Bytes that were meant as megabytes make pods that never come up. */
static leat_status check_memory(leat_context *c, const leati_kubernetes *k)
{
    const char *memory = LEATI_KUBERNETES_TEXT_OF(k, memory);
    double bytes = 0;
    LEATI_CHECK(c, read_quantity(memory, &bytes) && bytes >= LEAST_MEMORY, LEAT_INVALID,
                "memory is '%.80s', too little for a pod to start; expected at least 16Mi, with "
                "its suffix, as in 512Mi",
                memory);
    return LEAT_OK;
}

/* What settings have to say to each other. */
static leat_status check_together(leat_context *c, const leati_kubernetes *k)
{
    const char *models = LEATI_KUBERNETES_TEXT_OF(k, models);
    long metrics = LEATI_KUBERNETES_NUMBER(k, metrics_port);
    bool volume = strcmp(models, "volume") == 0, registry = strcmp(models, "registry") == 0;
    LEATI_CHECK(c, volume == (*LEATI_KUBERNETES_TEXT_OF(k, claim) != '\0'), LEAT_INVALID,
                volume ? "models volume needs the claim that holds the folder of models: claim"
                       : "claim is for models volume only");
    LEATI_CHECK(c, registry == (*LEATI_KUBERNETES_TEXT_OF(k, pull) != '\0'), LEAT_INVALID,
                registry ? "models registry needs what to pull: pull"
                         : "pull is for models registry only");
    LEATI_CHECK(c, registry == (*LEATI_KUBERNETES_TEXT_OF(k, registry_claim) != '\0'), LEAT_INVALID,
                registry ? "models registry needs the claim that holds the registry's files: "
                           "registry-claim"
                         : "registry-claim is for models registry only");
    LEATI_CHECK(c, registry || !*LEATI_KUBERNETES_TEXT_OF(k, registry_secret), LEAT_INVALID,
                "registry-secret is for models registry only");
    LEATI_CHECK(
        c, !*LEATI_KUBERNETES_TEXT_OF(k, pool) || *LEATI_KUBERNETES_TEXT_OF(k, registry_secret),
        LEAT_INVALID,
        "pods of a pool meet in a catalogue on PostgreSQL: pool needs models registry and "
        "registry-secret");
    LEATI_CHECK(c, LEATI_KUBERNETES_NUMBER(k, replicas) <= LEATI_KUBERNETES_NUMBER(k, max_replicas),
                LEAT_INVALID, "replicas is %ld, more than max-replicas, %ld",
                LEATI_KUBERNETES_NUMBER(k, replicas), LEATI_KUBERNETES_NUMBER(k, max_replicas));
    LEATI_CHECK(c, LEATI_KUBERNETES_NUMBER(k, port) != LEATI_KUBERNETES_NUMBER(k, metrics_port),
                LEAT_INVALID, "port and metrics-port are both %ld",
                LEATI_KUBERNETES_NUMBER(k, port));
    LEATI_CHECK(c, !metrics || metrics >= 1024, LEAT_INVALID,
                "metrics-port is %ld; expected a whole number from 1024 to 65535, or 0 for none",
                metrics);
    LEATI_CHECK(c, metrics || !LEATI_KUBERNETES_NUMBER(k, service_monitor), LEAT_INVALID,
                "service-monitor needs the port that it reads: metrics-port");
    return LEAT_OK;
}

/* As many threads as processors that the pod is sure of: the node may show all of its own. */
static long count_workers(const leati_kubernetes *k)
{
    const char *cpu = LEATI_KUBERNETES_TEXT_OF(k, cpu);
    size_t digits = strspn(cpu, "0123456789");
    int64_t whole = 0;
    if (LEATI_KUBERNETES_NUMBER(k, workers)) return LEATI_KUBERNETES_NUMBER(k, workers);
    if (!leati_int_parse(cpu, digits, &whole)) return 1;
    if (cpu[digits] == 'm') whole = (whole + 999) / 1000;
    else if (cpu[digits] == '.') whole++;
    return whole < 1 ? 1 : whole > 256 ? 256 : (long)whole;
}

leat_status leati_kubernetes_read(leat_context *c, const char *name,
                                  const leat_kubernetes_setting *settings, size_t count,
                                  leati_kubernetes *k)
{
    memset(k, 0, sizeof *k);
    k->name = name;
    LEATI_CHECK(c, is_label(name, strlen(name)) && strlen(name) <= MOST_OWN, LEAT_INVALID,
                "'%.80s' cannot name objects of Kubernetes; expected at most %d small letters, "
                "digits and '-', beginning and ending with a letter or digit",
                name, MOST_OWN);
    LEATI_TRY(set_standards(c, k));
    for (size_t i = 0; i < count; i++) {
        const row *r = find(settings[i].key);
        LEATI_CHECK(c, r, LEAT_INVALID, "there is no setting '%.80s'", settings[i].key);
        LEATI_TRY(set(c, k, r, settings[i].value));
    }
    LEATI_TRY(check_memory(c, k));
    k->workers = count_workers(k);
    return check_together(c, k);
}
