/* The YAML writer against a YAML reader, and what leat_kubernetes_write takes and refuses. */
#include <leat/kubernetes.h>

#include <sys/stat.h>
#include <yaml.h>

#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"
#include "deploy/yaml_out.h"
#include "support/leattest.h"

/* ---- YAML -------------------------------------------------------------------------------------
 */

static const char *const texts[] = {"",
                                    "plain",
                                    "two words",
                                    "yes",
                                    "No",
                                    "ON",
                                    "null",
                                    "~",
                                    "true",
                                    "12",
                                    "1e3",
                                    "0x1f",
                                    "500m",
                                    "-",
                                    "- a",
                                    "a: b",
                                    "a:b",
                                    "a:",
                                    "a #b",
                                    "#a",
                                    "\"quoted\" \\ back",
                                    "'single'",
                                    "line\nline\r\n\tend",
                                    " blanks ",
                                    "{a}",
                                    "[a]",
                                    "*a",
                                    "&a",
                                    "!a",
                                    "%a",
                                    "@a",
                                    "`a",
                                    "|",
                                    ">",
                                    "2026-11-21",
                                    "caf\xc3\xa9",
                                    "\x7f\x01\x1b[0m",
                                    "\xc2\x85\xe2\x80\xa8\xef\xbb\xbf",
                                    "registry.example:5000/iris:1@sha256:00ff",
                                    "/models",
                                    "--listen=0.0.0.0:8080"};
enum { TEXTS = sizeof texts / sizeof *texts };

/* Strings that YAML 1.1 or 1.2 would take for something else must not be plain. */
static bool may_be_plain(const char *text)
{
    static const char *const never[] = {"yes", "No",  "ON",   "null",       "~", "true",
                                        "12",  "1e3", "0x1f", "2026-11-21", "",  "-"};
    for (size_t i = 0; i < sizeof never / sizeof *never; i++)
        if (strcmp(text, never[i]) == 0) return false;
    return true;
}

/* The next event of a type; scalars are compared with `want`. */
static void expect(leattest *t, yaml_parser_t *p, int type, const char *want)
{
    yaml_event_t e;
    if (!CHECK(yaml_parser_parse(p, &e))) return;
    CHECK_INT(e.type, type);
    if (want && e.type == YAML_SCALAR_EVENT) {
        CHECK_STR((const char *)e.data.scalar.value, want);
        if (e.data.scalar.style == YAML_PLAIN_SCALAR_STYLE) CHECK(may_be_plain(want));
    }
    yaml_event_delete(&e);
}

/* A list of the texts, a map of them to themselves, empty ones, nesting. */
static void write_texts(leati_yaml *y)
{
    leati_yaml_document(y);
    leati_yaml_comment(y, "a comment: with a colon");
    leati_yaml_list(y, "list");
    for (int i = 0; i < TEXTS; i++) leati_yaml_text(y, NULL, texts[i]);
    leati_yaml_end(y);
    leati_yaml_map(y, "map");
    for (int i = 1; i < TEXTS; i++) leati_yaml_text(y, texts[i], texts[i]);
    leati_yaml_end(y);
    leati_yaml_list(y, "nested");
    leati_yaml_map(y, NULL);
    leati_yaml_map(y, "empty");
    leati_yaml_end(y);
    leati_yaml_list(y, "none");
    leati_yaml_end(y);
    leati_yaml_whole(y, "whole", -3);
    leati_yaml_end(y);
    leati_yaml_map(y, NULL);
    leati_yaml_end(y);
    leati_yaml_list(y, NULL);
    leati_yaml_flag(y, NULL, true);
    leati_yaml_textf(y, NULL, "%d", 5);
    leati_yaml_end(y);
    leati_yaml_end(y);
    leati_yaml_end(y);
    leati_yaml_document(y);
    leati_yaml_text(y, "second", "document");
    leati_yaml_end(y);
}

static void expect_texts(leattest *t, yaml_parser_t *p)
{
    enum {
        MAP = YAML_MAPPING_START_EVENT,
        MAP_END = YAML_MAPPING_END_EVENT,
        LIST = YAML_SEQUENCE_START_EVENT,
        LIST_END = YAML_SEQUENCE_END_EVENT,
        TEXT = YAML_SCALAR_EVENT
    };
    static const struct {
        int type;
        const char *text;
    } nested[] = {{TEXT, "nested"}, {LIST, 0},      {MAP, 0},      {TEXT, "empty"}, {MAP, 0},
                  {MAP_END, 0},     {TEXT, "none"}, {LIST, 0},     {LIST_END, 0},   {TEXT, "whole"},
                  {TEXT, "-3"},     {MAP_END, 0},   {MAP, 0},      {MAP_END, 0},    {LIST, 0},
                  {TEXT, 0},        {TEXT, "5"},    {LIST_END, 0}, {LIST_END, 0}};
    expect(t, p, YAML_STREAM_START_EVENT, NULL);
    expect(t, p, YAML_DOCUMENT_START_EVENT, NULL);
    expect(t, p, MAP, NULL);
    expect(t, p, TEXT, "list");
    expect(t, p, LIST, NULL);
    for (int i = 0; i < TEXTS; i++) expect(t, p, TEXT, texts[i]);
    expect(t, p, LIST_END, NULL);
    expect(t, p, TEXT, "map");
    expect(t, p, MAP, NULL);
    for (int i = 1; i < TEXTS; i++) {
        expect(t, p, TEXT, texts[i]);
        expect(t, p, TEXT, texts[i]);
    }
    expect(t, p, MAP_END, NULL);
    for (size_t i = 0; i < sizeof nested / sizeof *nested; i++)
        expect(t, p, nested[i].type, nested[i].text);
    expect(t, p, MAP_END, NULL);
    expect(t, p, YAML_DOCUMENT_END_EVENT, NULL);
    expect(t, p, YAML_DOCUMENT_START_EVENT, NULL);
    expect(t, p, MAP, NULL);
    expect(t, p, TEXT, "second");
    expect(t, p, TEXT, "document");
    expect(t, p, MAP_END, NULL);
    expect(t, p, YAML_DOCUMENT_END_EVENT, NULL);
    expect(t, p, YAML_STREAM_END_EVENT, NULL);
}

static void yaml_reads_back(leattest *t)
{
    leati_yaml y;
    yaml_parser_t p;
    leati_yaml_init(&y, t->context);
    write_texts(&y);
    if (CHECK_OK(leati_yaml_finish(&y)) && CHECK(yaml_parser_initialize(&p))) {
        yaml_parser_set_input_string(&p, (const unsigned char *)leati_str_text(&y.text),
                                     y.text.length);
        expect_texts(t, &p);
        yaml_parser_delete(&p);
        if (t->failures) puts(leati_str_text(&y.text));
    }
    leati_yaml_fini(&y);
}

/* ---- manifests --------------------------------------------------------------------------------
 */

static leat_status with(leat_context *c, const char *name, const char *key, const char *value)
{
    leat_kubernetes_setting s = {key, value};
    return leat_kubernetes_write(c, name, &s, key ? 1 : 0, leattest_scratch("k8s"));
}

static void refuses(leattest *t)
{
    leat_context *c = t->context;
    static const char *const names[] = {"",    "-a",  "a-", "A",   "a_b",    "a.b",
                                        "a b", "a\n", "é",  "a/b", "../../a"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        CHECK_FAILS(with(c, names[i], NULL, NULL), LEAT_INVALID, "cannot name|digits");
    CHECK_FAILS(with(c, "a123456789b123456789c123456789d123456789e123456789f", NULL, NULL),
                LEAT_INVALID, "at most 50");
    static const struct {
        const char *key, *value, *words;
    } wrong[] = {
        {"colour", "red", "no setting 'colour'"},
        {"namespace", "Team", "namespace is 'Team'|small letters"},
        {"namespace", "a.b", "namespace"},
        {"image", "", "image|registry.example"},
        {"image", "a b", "image"},
        {"image", "a\"b", "image"},
        {"image", "a:", "image"},
        {"models", "cloud", "image|volume|registry"},
        {"replicas", "0", "whole number from 1"},
        {"replicas", "x", "whole number"},
        {"replicas", "11", "more than max-replicas, 10"},
        {"cpu", "two", "quantity"},
        {"cpu", "0", "quantity"},
        {"cpu", "1.", "quantity"},
        {"memory", "512MB", "quantity"},
        {"memory", "5", "at least 16Mi"},
        {"memory", "512m", "at least 16Mi"},
        {"port", "80", "from 1024"},
        {"metrics-port", "8080", "both 8080"},
        {"metrics-port", "80", "1024"},
        {"port", "9090", "both 9090"},
        {"claim", "models", "models volume only"},
        {"models", "volume", "needs the claim"},
        {"models", "registry", "needs what to pull"},
        {"pull", "a", "NAME@ALIAS"},
        {"pull", "a@", "NAME@ALIAS"},
        {"pull", "a@b,a@c", "no name twice"},
        {"pull", "../a@b", "NAME@ALIAS"},
        {"pull", "a@b", "models registry only"},
        {"pool", "blue", "needs models registry and registry-secret"},
        {"pool", "Blue", "pool is 'Blue'"},
        {"steps", "5,5", "grow"},
        {"steps", "0", "grow"},
        {"steps", "50,101", "grow"},
        {"rollouts", "maybe", "yes or no"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        CHECK_FAILS(with(c, "iris", wrong[i].key, wrong[i].value), LEAT_INVALID, wrong[i].words);
}

static bool has_file(const char *name)
{
    char path[600];
    snprintf(path, sizeof path, "%s/%s", leattest_scratch("k8s"), name);
    return leati_path_exists(path);
}

/* What other settings wrote does not stay. */
static void replaces(leattest *t)
{
    leat_context *c = t->context;
    leat_kubernetes_setting s[] = {
        {"rollouts", "yes"}, {"service-monitor", "yes"}, {"metrics-port", "9090"}};
    REQUIRE_OK(leat_kubernetes_write(c, "iris", s, 3, leattest_scratch("k8s")));
    CHECK(has_file("rollout.yaml") && has_file("service-monitor.yaml"));
    CHECK(!has_file("deployment.yaml"));
    REQUIRE_OK(with(c, "iris", NULL, NULL));
    CHECK(has_file("deployment.yaml") && has_file("Dockerfile") && has_file("kustomization.yaml"));
    CHECK(!has_file("rollout.yaml") && !has_file("service-monitor.yaml"));
}

/* Pods of a pool serve the registry's aliases out of its files, which they only read. */
static void meets(leattest *t)
{
    leat_context *c = t->context;
    leat_kubernetes_setting s[] = {{"models", "registry"},
                                   {"pull", "iris@champion,cars@3"},
                                   {"registry-claim", "store"},
                                   {"registry-secret", "catalogue"},
                                   {"pool", "blue"}};
    char path[600];
    leati_bytes text;
    REQUIRE_OK(leat_kubernetes_write(c, "iris", s, 5, leattest_scratch("k8s")));
    snprintf(path, sizeof path, "%s/deployment.yaml", leattest_scratch("k8s"));
    REQUIRE_OK(leati_file_read(c, &text, path));
    char *all = leati_strndup(c, text.data, text.size);
    if (CHECK(all)) {
        CHECK(strstr(all, "iris@champion") && strstr(all, "cars@3"));
        CHECK(strstr(all, "--pool=blue") && strstr(all, "--objects=/registry"));
        CHECK(strstr(all, "LEAT_REGISTRY") && strstr(all, "catalogue"));
        CHECK(!strstr(all, "initContainers") && !strstr(all, "/models"));
        const char *mount = strstr(all, "mountPath: /registry\n");
        CHECK(mount && strncmp(strstr(mount, "\n") + 1 + strspn(strstr(mount, "\n") + 1, " "),
                               "readOnly: true", 14) == 0);
    }
    leati_free(all);
    leati_bytes_release(&text);
}

static leat_status write_all(leat_context *c, void *arg)
{
    leat_kubernetes_setting s[] = {{"models", "registry"},
                                   {"pull", "a@b,c@d"},
                                   {"registry-claim", "store"},
                                   {"service-monitor", "yes"},
                                   {"metrics-port", "9090"}};
    (void)arg;
    return leat_kubernetes_write(c, "iris", s, 5, leattest_scratch("k8s"));
}

static void little_memory(leattest *t)
{
    leattest_fail_allocations(t, write_all, NULL);
}

static const leattest_case cases[] = {TEST(yaml_reads_back), TEST(refuses), TEST(replaces),
                                      TEST(meets), TEST(little_memory)};
LEATTEST_MAIN(cases)
