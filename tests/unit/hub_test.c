/* Models from elsewhere, from a hub that is a folder of this machine: pins, damage, refusals. */
#include "support/fitted.h"
#include "support/leattest.h"
#include "support/tables.h"

#include <sys/stat.h>
#include <unistd.h>

#include <leat/hub.h>
#include <leat/model.h>

#include "base/file.h"
#include "base/hash.h"

static char hub[4400], digest[65], target[4096];

/* A folder with a model and an index; `entry` NULL: the right one. */
static bool make_hub(leattest *t, const char *entry)
{
    char path[4300], text[1000];
    leati_bytes b;
    snprintf(path, sizeof path, "%s", leattest_scratch("hub"));
    snprintf(hub, sizeof hub, "file://%s", path);
    snprintf(target, sizeof target, "%s", leattest_scratch("got.leat"));
    unlink(target);
    if (!CHECK_OK(leati_folder_make(t->context, path))) return false;
    leat_frame *f = leattest_table(t->context, 60, 1);
    leat_model *m =
        f ? leattest_model(t->context, f, "kind", NULL, "gaussian_nb", NULL, "auto") : NULL;
    snprintf(path, sizeof path, "%s/wood.leat", leattest_scratch("hub"));
    bool good = CHECK(m != NULL) && CHECK_OK(leat_model_save(t->context, m, path)) &&
                CHECK_OK(leati_file_read(t->context, &b, path));
    leat_model_release(m);
    leat_frame_release(f);
    if (!good) return false;
    leati_sha256_hex(b.data, b.size, digest);
    snprintf(text, sizeof text,
             entry
                 ? "{\"format\":\"leat-hub\",\"models\":[%s]}"
                 : "{\"format\":\"leat-hub\",\"models\":[{\"name\":\"wood\",\"file\":\"wood.leat\","
                   "\"sha256\":\"%s\",\"bytes\":%zu,\"summary\":\"kinds of wood\"}]}",
             entry ? entry : digest, b.size);
    leati_bytes_release(&b);
    snprintf(path, sizeof path, "%s/hub.json", leattest_scratch("hub"));
    return CHECK_OK(leati_file_write(t->context, path, text, strlen(text)));
}

static bool nothing_left(void)
{
    char beside[4200];
    if (leati_path_exists(target)) return false;
    snprintf(beside, sizeof beside, "%s.got", target);
    if (leati_path_exists(beside)) return false;
    snprintf(beside, sizeof beside, "%s.got.part", target);
    return !leati_path_exists(beside);
}

static leat_hub_options to_target(void)
{
    leat_hub_options o = leat_hub_options_default();
    o.hub = hub;
    o.path = target;
    return o;
}

/* Whether this build has libcurl. */
static bool can_fetch(leattest *t)
{
    leat_hub_list *list;
    leat_status st = leat_hub_list_create(t->context, &list, hub);
    if (st == LEAT_UNSUPPORTED) leattest_skip(t, "there is no libcurl");
    else CHECK_OK(st);
    if (st == LEAT_OK) leat_hub_list_destroy(list);
    leat_error_clear(t->context);
    return st == LEAT_OK;
}

static void names(leattest *t)
{
    leat_hub_list *list;
    leat_model *m;
    char path[4096];
    REQUIRE(make_hub(t, NULL));
    if (!can_fetch(t)) return;
    leat_hub_options o = to_target();
    REQUIRE_OK(leat_hub_list_create(t->context, &list, hub));
    CHECK_INT(leat_hub_list_count(list), 1);
    CHECK_STR(leat_hub_list_at(list, 0)->summary, "kinds of wood");
    leat_hub_list_destroy(list);
    REQUIRE_OK(leat_hub_get(t->context, "wood", &o, path, sizeof path));
    CHECK_STR(path, target);
    REQUIRE_OK(leat_model_open(t->context, &m, target));
    CHECK_STR(leat_model_target(m), "kind");
    leat_model_release(m);
    CHECK_FAILS(leat_hub_get(t->context, "wod", &o, NULL, 0), LEAT_NOT_FOUND,
                "did you mean 'wood'");
    CHECK_FAILS(leat_hub_get(t->context, "../wood", &o, NULL, 0), LEAT_INVALID, "cannot be a name");
    unlink(target);
    o.sha256 = "0000000000000000000000000000000000000000000000000000000000000000";
    CHECK_FAILS(leat_hub_get(t->context, "wood", &o, NULL, 0), LEAT_FORMAT,
                "other bytes than expected");
    CHECK(nothing_left());
    o.sha256 = "00";
    CHECK_FAILS(leat_hub_get(t->context, "wood", &o, NULL, 0), LEAT_INVALID,
                "64 hexadecimal digits");
    unsetenv("LEAT_HUB");
    o = to_target();
    o.hub = NULL;
    CHECK_FAILS(leat_hub_get(t->context, "wood", &o, NULL, 0), LEAT_INVALID, "no hub is known");
    setenv("LEAT_HUB", hub, 1);
    CHECK_OK(leat_hub_get(t->context, "wood", &o, NULL, 0));
    unsetenv("LEAT_HUB");
}

static void addresses(leattest *t)
{
    char address[4500], upper[65], big[200];
    REQUIRE(make_hub(t, NULL));
    if (!can_fetch(t)) return;
    leat_hub_options o = to_target();
    snprintf(address, sizeof address, "%s/wood.leat", hub);
    CHECK_FAILS(leat_hub_get(t->context, address, &o, NULL, 0), LEAT_INVALID, "--sha256");
    for (int i = 0; i < 65; i++) upper[i] = digest[i] >= 'a' ? (char)(digest[i] - 32) : digest[i];
    o.sha256 = upper;
    CHECK_OK(leat_hub_get(t->context, address, &o, NULL, 0));
    CHECK(leati_path_exists(target));
    unlink(target);
    upper[0] = upper[0] == '0' ? '1' : '0';
    CHECK_FAILS(leat_hub_get(t->context, address, &o, NULL, 0), LEAT_FORMAT, "was not kept");
    CHECK(nothing_left());
    /* The bytes are those expected, but they are no model. */
    memset(big, 'x', sizeof big);
    char path[4300], sha[65];
    snprintf(path, sizeof path, "%s/noise.leat", leattest_scratch("hub"));
    REQUIRE_OK(leati_file_write(t->context, path, big, sizeof big));
    leati_sha256_hex(big, sizeof big, sha);
    snprintf(address, sizeof address, "%s/noise.leat", hub);
    o.sha256 = sha;
    CHECK_FAILS(leat_hub_get(t->context, address, &o, NULL, 0), LEAT_FORMAT,
                "was not kept|is not a Leat model");
    CHECK(nothing_left());
    snprintf(address, sizeof address, "%s/absent.leat", hub);
    CHECK_FAILS(leat_hub_get(t->context, address, &o, NULL, 0), LEAT_NETWORK, "cannot fetch");
}

static void bad_indices(leattest *t)
{
    static const char *const entries[] = {
        "7",
        "{}",
        "{\"name\":\"a\",\"file\":\"a\",\"sha256\":\"00\"}",
        "{\"name\":\"../a\",\"file\":\"a\",\"sha256\":"
        "\"0000000000000000000000000000000000000000000000000000000000000000\"}",
        "{\"name\":\"a\",\"file\":\"../a\",\"sha256\":"
        "\"0000000000000000000000000000000000000000000000000000000000000000\"}",
        "{\"name\":\"a\",\"file\":\"http://else/a\",\"sha256\":"
        "\"0000000000000000000000000000000000000000000000000000000000000000\"}",
        "{\"name\":\"a\",\"file\":\"/etc/passwd\",\"sha256\":"
        "\"0000000000000000000000000000000000000000000000000000000000000000\"}",
        "{\"name\":\"a\""};
    leat_hub_list *list;
    REQUIRE(make_hub(t, NULL));
    if (!can_fetch(t)) return;
    for (size_t i = 0; i < sizeof entries / sizeof *entries; i++) {
        REQUIRE(make_hub(t, entries[i]));
        CHECK_FAILS(leat_hub_list_create(t->context, &list, hub), LEAT_FORMAT, "hub.json");
    }
}

static leat_status body(leat_context *c, void *arg)
{
    leat_hub_options o = to_target();
    (void)arg;
    return leat_hub_get(c, "wood", &o, NULL, 0);
}

static void allocations(leattest *t)
{
    REQUIRE(make_hub(t, NULL));
    if (can_fetch(t)) leattest_fail_some_allocations(t, body, NULL);
}

static const leattest_case cases[] = {
    TEST(names),
    TEST(addresses),
    TEST(bad_indices),
    TEST(allocations),
};
LEATTEST_MAIN(cases)
