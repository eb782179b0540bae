/* Weights of networks from safetensors files: back to the same answers, what does not fit, other
 * precisions, hostile files. */
#include <leat/exchange.h>
#include <leat/experiment.h>

#include "base/file.h"
#include "base/half.h"
#include "learn/estimator.h"
#include "learn/safetensors.h"
#include "support/frametext.h"

enum { ROWS = 80 };

static leat_frame *table(leat_context *c)
{
    char text[8192];
    size_t n = (size_t)snprintf(text, sizeof text, "girth:n height:n kind:t size:n");
    for (int i = 0; i < ROWS; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, " | %.3f %.3f %s %.3f",
                              i % 3 + 0.3 * sin(i), 2 * (i % 2) + 0.3 * cos(7 * i),
                              i % 3 == 0   ? "ash"
                              : i % 3 == 1 ? "beech"
                                           : "cedar",
                              3 * (i % 3) - (i % 2) + 0.1 * sin(9 * i));
    return frametext(c, text);
}

typedef struct job {
    leat_frame *frame;
    const char *target, *layers, *weights;
    bool learn; /* else the weights are the model */
} job;

static leat_status run(leat_context *c, const job *k, leat_experiment **e)
{
    char layers[256], weights[1200];
    const char *set[4] = {layers, "network.learning_rate=0.02",
                          k->learn ? "network.epochs=40" : "network.epochs=0", weights};
    const char *drop = strcmp(k->target, "kind") == 0 ? "size" : "kind";
    leat_experiment_options o = leat_experiment_options_default();
    snprintf(layers, sizeof layers, "network.layers=%s", k->layers);
    if (k->weights) snprintf(weights, sizeof weights, "network.weights=%s", k->weights);
    o.target = k->target;
    o.models = "network";
    o.cv = "holdout:0.2";
    o.quick = true;
    o.set = set, o.set_count = k->weights ? 4 : 3;
    o.drop = &drop, o.drop_count = 1;
    return leat_experiment_run(c, e, k->frame, NULL, &o);
}

static void check_round_trip(leattest *t, const char *target)
{
    char path[1024];
    leat_experiment *e = NULL, *again = NULL;
    leat_frame *f = table(t->context), *x = NULL, *y = NULL;
    job k = {f, target, "dense(8, relu); batch_norm; dense(8, tanh)", NULL, true};
    snprintf(path, sizeof path, "%s", leattest_scratch("trees.safetensors"));
    REQUIRE_OK(run(t->context, &k, &e));
    leat_model *m = leat_experiment_model(e);
    CHECK_STR(leat_model_estimator(m), "network");
    REQUIRE_OK(leat_model_export(t->context, m, "safetensors", path, NULL));
    k.learn = false;
    k.weights = path;
    REQUIRE_OK(run(t->context, &k, &again));
    CHECK_STR(leat_model_estimator(leat_experiment_model(again)), "network");
    bool classes = strcmp(target, "kind") == 0;
    REQUIRE_OK(leat_model_predict(t->context, m, f, classes, &x));
    REQUIRE_OK(leat_model_predict(t->context, leat_experiment_model(again), f, classes, &y));
    for (size_t i = 0; i < ROWS; i++)
        for (size_t j = classes; j < leat_frame_columns(x); j++) {
            double a = 0, b = 1;
            CHECK(leat_frame_number(x, j, i, &a) && leat_frame_number(y, j, i, &b) && a == b);
        }
    leat_frame_release(x);
    leat_frame_release(y);
    leat_experiment_destroy(again);
    leat_experiment_destroy(e);
    leat_frame_release(f);
}

static void round_trip(leattest *t)
{
    check_round_trip(t, "kind");
    check_round_trip(t, "size");
}

/* ---- what does not fit -------------------------------------------------------------------------
 */

static void write_state(leattest *t, const leati_state *s, const char *path)
{
    leati_str bytes;
    leati_str_init(&bytes, t->context);
    CHECK_OK(leati_safetensors_write(t->context, s, &bytes));
    CHECK_OK(leati_file_write(t->context, path, leati_str_text(&bytes), bytes.length));
    leati_str_fini(&bytes);
}

/* Nothing else is there that could learn, so the experiment says why the network could not. */
static void refused(leattest *t, const job *k, leat_status expected, const char *words)
{
    leat_experiment *e = NULL;
    CHECK_FAILS(run(t->context, k, &e), expected, words);
    leat_experiment_destroy(e);
}

static void misfits(leattest *t)
{
    static const float zeros[64] = {0}, infinite[3] = {0, INFINITY, 0};
    char path[1024];
    leat_frame *f = table(t->context);
    job k = {f, "kind", "dense(8, relu)", path, false};
    leati_state s;
    snprintf(path, sizeof path, "%s", leattest_scratch("misfit.safetensors"));
    leati_state_init(&s, t->context);
    REQUIRE_OK(leati_state_put(&s, "dense_1/kernel", LEATI_F32, zeros, 8, 2));
    REQUIRE_OK(leati_state_put(&s, "dense_2/kernel", LEATI_F32, zeros, 8, 3));
    REQUIRE_OK(leati_state_put(&s, "dense_2/bias", LEATI_I64, zeros, 3, 0));
    REQUIRE_OK(leati_state_put(&s, "fc.weight", LEATI_F32, zeros, 4, 2));
    REQUIRE_OK(leati_state_put(&s, "encoder.shift", LEATI_F64, zeros, 2, 0));
    write_state(t, &s, path);
    leati_state_fini(&s);
    refused(t, &k, LEAT_FORMAT,
            "misfit.safetensors does not hold this network's weights|missing: dense_1/bias (8)|of "
            "another shape: dense_1/kernel (8, 2) for (2, 8)|no numbers with a point: dense_2/bias|"
            "not the network's: fc.weight (4, 2)|network.weights_skip=true");
    leati_state_init(&s, t->context);
    REQUIRE_OK(leati_state_put(&s, "dense_1/kernel", LEATI_F32, zeros, 2, 8));
    REQUIRE_OK(leati_state_put(&s, "dense_1/bias", LEATI_F64, zeros, 8, 0));
    REQUIRE_OK(leati_state_put(&s, "dense_2/kernel", LEATI_F32, zeros, 8, 3));
    REQUIRE_OK(leati_state_put(&s, "dense_2/bias", LEATI_F32, infinite, 3, 0));
    write_state(t, &s, path);
    leati_state_fini(&s);
    refused(t, &k, LEAT_FORMAT,
            "misfit.safetensors: dense_2/bias holds a number that is not finite");
    CHECK_OK(leati_file_write(t->context, path, "\4\0\0\0\0\0\0\0[12]", 12));
    refused(t, &k, LEAT_FORMAT,
            "misfit.safetensors: damaged weights: the header is no JSON object");
    leat_experiment *none = NULL;
    CHECK(run(t->context, &k, &none) == LEAT_FORMAT);
    CHECK(!strstr(leat_error_message(t->context), "could learn")); /* nothing was to be learned */
    leat_error_clear(t->context);
    k.weights = "nowhere.safetensors";
    refused(t, &k, LEAT_NOT_FOUND, "nowhere.safetensors");
    k.weights = NULL;
    leat_experiment *e;
    CHECK_FAILS(run(t->context, &k, &e), LEAT_INVALID, "network.epochs is 0|network.weights");
    leat_frame_release(f);
}

/* ---- what fits of what does not ---------------------------------------------------------------
 */

static void keep_note(void *user, leat_log_level level, const char *text)
{
    if (level == LEAT_LOG_WARN && strstr(text, "are taken from")) snprintf(user, 512, "%s", text);
}

static leati_estimator *skipping(leat_context *c, const char *layers, const char *path)
{
    leati_estimator *e = NULL;
    leat_status st = leati_estimator_create(c, &e, leati_estimator_class_find("network"));
    if (st == LEAT_OK) st = leati_estimator_set(c, e, "layers", layers);
    if (st == LEAT_OK) st = leati_estimator_set(c, e, "epochs", "0");
    if (st == LEAT_OK) st = leati_estimator_set(c, e, "weights", path);
    if (st == LEAT_OK) st = leati_estimator_set(c, e, "weights_skip", "true");
    if (st == LEAT_OK) return e;
    leati_estimator_destroy(e);
    return NULL;
}

/* Of a body for other classes, the body is taken; the head keeps its first values, which are not
 * 0. */
static void skips(leattest *t)
{
    static const float zeros[16] = {0}, one[2] = {1, 1};
    static const double rows[6] = {0, 1, 2, 0, 1, 2};
    static const uint32_t label[3] = {0, 1, 2};
    char path[1024], note[512] = "";
    leat_context_options o = leat_context_options_default();
    o.log = keep_note;
    o.log_user = note;
    leat_context *c;
    leati_state s;
    leati_dataset d = {.x = {.f64 = rows, .rows = 3, .cols = 2, .stride = 2, .finite = true},
                       .task = LEATI_CLASSIFY,
                       .label = label,
                       .classes = 3,
                       .seed = 1};
    REQUIRE_OK(leat_context_create(&c, &o));
    snprintf(path, sizeof path, "%s", leattest_scratch("body.safetensors"));
    leati_state_init(&s, t->context);
    REQUIRE_OK(leati_state_put(&s, "dense_1/kernel", LEATI_F32, zeros, 2, 2));
    REQUIRE_OK(leati_state_put(&s, "dense_1/bias", LEATI_F32, one, 2, 0));
    REQUIRE_OK(leati_state_put(&s, "dense_2/kernel", LEATI_F32, zeros, 2, 7));
    REQUIRE_OK(leati_state_put(&s, "fc", LEATI_F32, zeros, 2, 0));
    write_state(t, &s, path);
    leati_state_fini(&s);
    leati_estimator *e = skipping(c, "dense(2)", path);
    REQUIRE(e);
    REQUIRE_OK(leati_estimator_fit(c, e, &d));
    CHECK(strstr(note, "network: 2 of 4 weights are taken from") &&
          strstr(note, "body.safetensors, the others begin as without it; missing: dense_2/bias "
                       "(3); of another shape: dense_2/kernel (2, 7) for (2, 3); not the "
                       "network's: fc (2)"));
    double shares[9];
    REQUIRE_OK(leati_estimator_proba(c, e, &d.x, shares));
    CHECK(shares[0] == shares[3] && shares[0] == shares[6]); /* the body does not look at the row */
    CHECK(shares[0] != shares[1]);                           /* the head began from the seed */
    leati_estimator_destroy(e);
    e = skipping(c, "dense(5)", path);
    REQUIRE(e);
    CHECK(leati_estimator_fit(c, e, &d) == LEAT_FORMAT); /* nothing fits */
    CHECK(strstr(leat_error_message(c), "does not hold this network's weights"));
    leati_estimator_destroy(e);
    leat_context_destroy(c);
}

/* ---- the format --------------------------------------------------------------------------------
 */

static leat_status read_header(leat_context *c, leati_state *s, const char *header,
                               const void *data, size_t size)
{
    char file[1024] = {0};
    size_t n = strlen(header);
    for (int i = 0; i < 8; i++) file[i] = (char)(n >> 8 * i);
    memcpy(file + 8, header, n);
    if (size) memcpy(file + 8 + n, data, size);
    leati_state_init(s, c);
    return leati_safetensors_read(c, s, file, 8 + n + size);
}

static void precisions(leattest *t)
{
    const uint16_t data[5] = {leati_f32_to_bf16(1.5f), leati_f32_to_bf16(-2),
                              leati_f32_to_f16(0.25f), leati_f32_to_f16(-8),
                              leati_f32_to_f16(65504)};
    leati_state s;
    /* In an order of the header that is not that of the data. */
    REQUIRE_OK(read_header(t->context, &s,
                           "{\"b\":{\"dtype\":\"F16\",\"shape\":[3],\"data_offsets\":[4,10]},"
                           "\"__metadata__\":{\"format\":\"pt\"},"
                           "\"e\":{\"dtype\":\"F32\",\"shape\":[0,7],\"data_offsets\":[4,4]},"
                           "\"a\":{\"dtype\":\"BF16\",\"shape\":[2,1],\"data_offsets\":[0,4]}}",
                           data, sizeof data));
    const leati_array_entry *a = leati_state_find(&s, "a"), *b = leati_state_find(&s, "b");
    REQUIRE(a && b && a->type == LEATI_F32 && b->type == LEATI_F32);
    CHECK_INT(a->dims, 2);
    const float *x = a->data, *y = b->data;
    CHECK(x[0] == 1.5f && x[1] == -2 && y[0] == 0.25f && y[1] == -8 && y[2] == 65504);
    CHECK_INT(leati_state_find(&s, "e")->count, 0);
    leati_state_fini(&s);
}

/* The cases of the format's own tests (safetensors/src/tensor.rs), as bytes. */
static void hostile(leattest *t)
{
    static const struct {
        const char *header;
        size_t size;
        const char *words;
    } bad[] = {
        {"[]", 0, "no JSON object"},
        {"{\"a\":", 0, "cannot be read|at byte"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 0,
         "array `a` ends at byte 4 of 0|cut off"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,18446744073709551616]}}", 4,
         "too big integer"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,1,1,1,1,1],\"data_offsets\":[0,4]}}", 4,
         "array `a` has 9 dimensions"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,4]}}", 4,
         "array `a`: its place, 0 to 4, does not fit its shape (2, 3) of F32"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,0]}}", 4, "does not fit"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[-4,0]}}", 4,
         "array `a` has bad offsets"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}", 8,
         "belong to no array"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 8,
         "belong to no array"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
         "\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[4,12]}}",
         12, "array `b` overlaps `a`"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
         "\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}",
         4, "overlap"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
         "\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[8,12]}}",
         12, "bytes 4 to 8 of the data belong to no array"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4611686018427387904,8],\"data_offsets\":[0,0]}}", 0,
         "bad shape"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1e3],\"data_offsets\":[0,4]}}", 4, "bad shape"},
        {"{\"a\":{\"dtype\":\"F8_E4M3\",\"shape\":[4],\"data_offsets\":[0,4]}}", 4,
         "array `a` is of the unknown type F8_E4M3"},
        {"{\"a\":{\"shape\":[4],\"data_offsets\":[0,4]}}", 4, "unknown type"},
        {"{\"a\":{\"dtype\":\"F16\",\"shape\":[4],\"data_offsets\":[0,4]}}", 4, "does not fit"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]},"
         "\"a\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}}",
         0, "cannot be read: duplicate object key"},
    };
    static const char zeros[16] = {0};
    leati_state s;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        CHECK_FAILS(read_header(t->context, &s, bad[i].header, zeros, bad[i].size), LEAT_FORMAT,
                    bad[i].words);
        leati_state_fini(&s);
    }
    leati_state_init(&s, t->context);
    CHECK_FAILS(leati_safetensors_read(t->context, &s, "\1\0\0", 3), LEAT_FORMAT, "shorter");
    CHECK_FAILS(leati_safetensors_read(t->context, &s, "\xff\xff\xff\xff\xff\xff\xff\xff{}", 10),
                LEAT_FORMAT, "shorter");
    leati_state_fini(&s);
}

/* Many names for the same bytes are refused before they take memory. */
static void many_names(leattest *t)
{
    enum { ARRAYS = 200, SIZE = 1 << 20, ROOM = 32 << 20 };
    leat_context_options o = leat_context_options_default();
    leat_context *c;
    leati_state s;
    char *file = calloc(1, 8 + ARRAYS * 96 + SIZE), *at = file + 8;
    o.max_bytes = ROOM;
    REQUIRE(file);
    REQUIRE_OK(leat_context_create(&c, &o));
    for (int i = 0; i < ARRAYS; i++)
        at += sprintf(at, "%c\"a%d\":{\"dtype\":\"U8\",\"shape\":[%d],\"data_offsets\":[0,%d]}",
                      i ? ',' : '{', i, SIZE, SIZE);
    *at++ = '}';
    for (int i = 0; i < 8; i++) file[i] = (char)((size_t)(at - file - 8) >> 8 * i);
    leati_state_init(&s, c);
    CHECK_INT(leati_safetensors_read(c, &s, file, (size_t)(at - file) + SIZE), LEAT_FORMAT);
    CHECK(strstr(leat_error_message(c), "overlap"));
    CHECK_INT(s.count, 0);
    leati_state_fini(&s);
    leat_context_destroy(c);
    free(file);
}

static leat_status read_some(leat_context *c, void *arg)
{
    leati_state s;
    leat_status st = read_header(c, &s,
                                 "{\"b\":{\"dtype\":\"F16\",\"shape\":[3],\"data_offsets\":[4,10]},"
                                 "\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}",
                                 arg, 10);
    leati_state_fini(&s);
    return st;
}

static leat_status run_some(leat_context *c, void *arg)
{
    leat_experiment *e;
    leat_status st = run(c, arg, &e);
    if (st == LEAT_OK) leat_experiment_destroy(e);
    return st;
}

static void memory(leattest *t)
{
    char path[1024], zeros[16] = {0};
    leat_frame *f = table(t->context);
    job k = {f, "kind", "dense(4)", NULL, true};
    leat_experiment *e;
    leattest_fail_allocations(t, read_some, zeros);
    snprintf(path, sizeof path, "%s", leattest_scratch("memory.safetensors"));
    REQUIRE_OK(run(t->context, &k, &e));
    REQUIRE_OK(leat_model_export(t->context, leat_experiment_model(e), "safetensors", path, NULL));
    leat_experiment_destroy(e);
    k.learn = false;
    k.weights = path;
    leattest_fail_some_allocations(t, run_some, &k);
    leat_frame_release(f);
}

static const leattest_case cases[] = {TEST(round_trip), TEST(misfits), TEST(skips),
                                      TEST(precisions), TEST(hostile), TEST(many_names),
                                      TEST(memory)};
LEATTEST_MAIN(cases)
