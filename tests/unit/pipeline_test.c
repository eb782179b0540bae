/* Schema inference, conforming new data, encoders, pipelines. */
#include "support/frametext.h"
#include "support/leattest.h"
#include "support/tables.h"

#include <jansson.h>

#include "base/map.h"
#include "base/mem.h"
#include "learn/conform.h"
#include "learn/pipeline.h"

static leati_schema_column *column_of(leati_schema *s, const char *name)
{
    for (size_t i = 0; i < s->count; i++)
        if (strcmp(s->columns[i].name, name) == 0) return &s->columns[i];
    return NULL;
}

static void schema_rules(leattest *t)
{
    leat_context *c = t->context;
    leat_frame *f = leattest_table(c, 200, 1);
    leati_schema s;
    leati_schema_options o = {.target = "kind"};
    REQUIRE(f);
    REQUIRE_OK(leati_schema_infer(c, &s, f, &o));
    CHECK(s.task == LEATI_CLASSIFY && s.classes == 3);
    CHECK_STR(s.class_names[2], "cedar");
    CHECK(column_of(&s, "colour")->role == LEATI_ROLE_CATEGORY);
    CHECK(column_of(&s, "when")->role == LEATI_ROLE_TIME);
    CHECK(column_of(&s, "id")->role == LEATI_ROLE_LEFT_OUT);
    CHECK_STR(column_of(&s, "id")->note, "a row number");
    leati_schema_fini(&s);
    const char *keep[] = {"id"}, *drop[] = {"length"};
    o = (leati_schema_options){
        .target = "weight", .keep = keep, .keep_count = 1, .drop = drop, .drop_count = 1};
    REQUIRE_OK(leati_schema_infer(c, &s, f, &o));
    CHECK(s.task == LEATI_REGRESS);
    CHECK(column_of(&s, "id")->role == LEATI_ROLE_NUMBER);
    CHECK_STR(column_of(&s, "length")->note, "as asked");
    leati_schema_fini(&s);
    o = (leati_schema_options){.target = "kinds"};
    CHECK_FAILS(leati_schema_infer(c, &s, f, &o), LEAT_NOT_FOUND, "Did you mean 'kind'?|columns:");
    const char *every[] = {"*"};
    o = (leati_schema_options){.target = "weight", .keep = every, .keep_count = 1};
    REQUIRE_OK(leati_schema_infer(c, &s, f, &o));
    CHECK_INT(s.used, s.count);
    leati_schema_fini(&s);
    o = (leati_schema_options){.target = "weight", .drop = every, .drop_count = 1};
    CHECK_FAILS(leati_schema_infer(c, &s, f, &o), LEAT_INVALID, "not all columns");
    o = (leati_schema_options){.target = "width"};
    CHECK_FAILS(leati_schema_infer(c, &s, f, &o), LEAT_FORMAT,
                "missing in 12 of 200|--drop-missing-target");
    o = (leati_schema_options){.target = "kind", .task = "regression"};
    CHECK_FAILS(leati_schema_infer(c, &s, f, &o), LEAT_TYPE, "regression needs numbers");
    leat_frame_release(f);
}

static void constant_targets(leattest *t)
{
    leat_context *c = t->context;
    leat_frame *f = leati_frame_create(c, 4);
    leati_schema s;
    leati_column *x = leati_column_create(c, LEAT_F64, 4), *y = leati_column_create(c, LEAT_F64, 4);
    for (int i = 0; i < 4; i++) x->f64[i] = i;
    REQUIRE_OK(leati_frame_add(c, f, "x", x));
    REQUIRE_OK(leati_frame_add(c, f, "y", y));
    leati_schema_options o = {.target = "y"};
    CHECK_FAILS(leati_schema_infer(c, &s, f, &o), LEAT_FORMAT, "nothing to learn");
    o.task = "classification";
    CHECK_FAILS(leati_schema_infer(c, &s, f, &o), LEAT_FORMAT, "one class only");
    o = (leati_schema_options){.target = "x"};
    CHECK_FAILS(leati_schema_infer(c, &s, f, &o), LEAT_FORMAT, "no column is left");
    leat_frame_release(f);
}

/* x as text where one row is no number. */
static void conforming(leattest *t)
{
    leat_context *c = t->context;
    leat_frame *f = leattest_table(c, 60, 1), *out;
    leati_schema s;
    leati_schema_options o = {.target = "kind"};
    REQUIRE(f);
    REQUIRE_OK(leati_schema_infer(c, &s, f, &o));
    size_t some[] = {0, 2, 3, 4};
    leat_frame *lacking = leati_frame_select(c, f, some, 4);
    CHECK_FAILS(
        leati_conform(c, &out, &s, lacking), LEAT_NOT_FOUND,
        "the column 'width' (number)|the model needs: length width colour round when weight");
    size_t order[] = {7, 6, 4, 3, 2, 1, 0};
    leat_frame *turned = leati_frame_select(c, f, order, 7);
    REQUIRE_OK(leati_conform(c, &out, &s, turned));
    CHECK_STR(leat_frame_name(out, 0), "length");
    CHECK_INT(leat_frame_columns(out), 6);
    leat_frame_release(out);
    leat_frame *renamed = leati_frame_create(c, 60);
    for (size_t i = 1; i < 7; i++)
        CHECK_OK(leati_frame_add(c, renamed, f->name[i], leati_column_retain(f->column[i])));
    CHECK_OK(leati_frame_add(c, renamed, "length", leati_column_retain(f->column[2])));
    CHECK_FAILS(leati_conform(c, &out, &s, renamed), LEAT_TYPE,
                "column length|is not a number|trained on numbers from");
    leat_frame_release(renamed);
    leat_frame_release(turned);
    leat_frame_release(lacking);
    leat_frame_release(f);
    leati_schema_fini(&s);
}

/* A model that was trained on bools, as those were that tables with yes and no once gave, takes the
 * same table with its texts. */
static void bools_by_other_words(leattest *t)
{
    static const char trained[] = "flag:b x:n y:b | true 1 true | false 2 false | true 3 false | "
                                  "false 4 true";
    static const char texts[] = "flag:t x:n y:t | yes 1 Yes | no 2 no | off 3 f | on 4 1";
    leat_context *c = t->context;
    leat_frame *f = frametext(c, trained), *g = frametext(c, texts), *out;
    leati_schema s;
    leati_schema_options o = {.target = "y"};
    leati_target target;
    REQUIRE(f && g);
    REQUIRE_OK(leati_schema_infer(c, &s, f, &o));
    CHECK(s.target_type == LEAT_BOOL && column_of(&s, "flag")->type == LEAT_BOOL);
    REQUIRE_OK(leati_target_read(c, &target, &s, g, false));
    for (size_t i = 0; i < 4; i++) CHECK_INT(target.label[i], i == 0 || i == 3);
    leati_target_fini(&target);
    REQUIRE_OK(leati_conform(c, &out, &s, g));
    for (size_t i = 0; i < 4; i++) CHECK_NEAR(out->column[0]->f64[i], i % 2 == i / 2, 0, 0);
    leat_frame_release(out);
    leat_frame_release(g);
    g = frametext(c, "flag:b x:n y:t | true 1 yes | true 2 maybe");
    CHECK_FAILS(leati_target_read(c, &target, &s, g, false), LEAT_FORMAT,
                "row 2|'maybe' is no class|false, true");
    leat_frame_release(g);
    leat_frame_release(f);
    leati_schema_fini(&s);
}

/* A table of one column "x" and a target "y" of texts, the second of which is `second`. */
static leat_frame *with_texts(leat_context *c, leati_column *x, const char *second, size_t length)
{
    leati_map texts;
    leati_map_init(&texts, c);
    leat_frame *f = leati_frame_create(c, x->rows);
    leati_column *y = leati_column_create(c, LEAT_STRING, x->rows);
    for (size_t r = 0; r < x->rows; r++)
        y->codes[r] = r % 2 ? leati_map_put(&texts, second, length) : leati_map_put(&texts, "a", 1);
    y->dict = leati_dict_from_map(c, &texts);
    leati_map_fini(&texts);
    if (leati_frame_add(c, f, "x", x) == LEAT_OK && leati_frame_add(c, f, "y", y) == LEAT_OK)
        return f;
    leat_frame_release(f);
    return NULL;
}

static void texts_refused(leattest *t)
{
    leat_context *c = t->context;
    leati_schema s;
    static const struct {
        const char *text;
        size_t length;
    } bad[] = {{"a\0b", 3}, {"caf\xe9", 4}};
    for (int i = 0; i < 2; i++) {
        leati_column *x = leati_column_create(c, LEAT_F64, 6);
        for (int r = 0; r < 6; r++) x->f64[r] = r * r;
        leat_frame *f = with_texts(c, x, bad[i].text, bad[i].length);
        REQUIRE(f);
        leati_schema_options o = {.target = "y"};
        CHECK_FAILS(leati_schema_infer(c, &s, f, &o), LEAT_FORMAT, "column 'y'|zero byte|UTF-8");
        o.target = "x";
        CHECK_FAILS(leati_schema_infer(c, &s, f, &o), LEAT_FORMAT, "column 'y'|zero byte");
        leat_frame_release(f);
    }
}

/* Whole numbers that are equal as doubles are classes of their own. */
static void large_classes(leattest *t)
{
    leat_context *c = t->context;
    leat_frame *f = leati_frame_create(c, 40);
    leati_column *x = leati_column_create(c, LEAT_F64, 40),
                 *y = leati_column_create(c, LEAT_I64, 40);
    leati_schema s;
    leati_target target;
    for (int r = 0; r < 40; r++) {
        x->f64[r] = r;
        y->i64[r] = INT64_C(9007199254740992) + (r + 1) % 2;
    }
    REQUIRE_OK(leati_frame_add(c, f, "x", x));
    REQUIRE_OK(leati_frame_add(c, f, "y", y));
    const char *drop[] = {"y"};
    leati_schema_options o = {.target = "y", .drop = drop, .drop_count = 1};
    CHECK_FAILS(leati_schema_infer(c, &s, f, &o), LEAT_INVALID, "target 'y' cannot be left out");
    o.drop_count = 0;
    REQUIRE_OK(leati_schema_infer(c, &s, f, &o));
    CHECK_INT(s.classes, 2);
    CHECK_STR(s.class_names[0], "9007199254740992");
    CHECK_STR(s.class_names[1], "9007199254740993");
    REQUIRE_OK(leati_target_read(c, &target, &s, f, false));
    CHECK(target.label[0] == 1 && target.label[1] == 0);
    leati_target_fini(&target);
    leati_schema_fini(&s);
    leat_frame_release(f);
}

static void odd_columns(leattest *t)
{
    leat_context *c = t->context;
    leat_frame *f = leattest_table(c, 60, 1), *out;
    leati_schema s;
    leati_schema_options o = {.target = "kind"};
    size_t at;
    REQUIRE(f);
    REQUIRE_OK(leati_schema_infer(c, &s, f, &o));
    /* Times that are all missing come as another type from a reader that saw none. */
    REQUIRE_OK(leat_frame_require(c, f, "when", &at));
    leati_column *none = leati_column_create(c, LEAT_F64, 60), *was = f->column[at];
    for (size_t r = 0; r < 60; r++) CHECK_OK(leati_column_set_missing(c, none, r));
    f->column[at] = none;
    REQUIRE_OK(leati_conform(c, &out, &s, f));
    size_t to;
    REQUIRE_OK(leat_frame_require(c, out, "when", &to));
    CHECK(out->column[to]->type == LEAT_TIME && out->column[to]->missing == 60);
    leat_frame_release(out);
    leati_column_release(none);
    f->column[at] = was;
    REQUIRE_OK(leat_frame_require(c, f, "length", &at));
    f->column[at]->f64[4] = -(double)INFINITY;
    CHECK_FAILS(leati_conform(c, &out, &s, f), LEAT_FORMAT,
                "row 5, column length: the value is infinite|--missing");
    leati_schema_fini(&s);
    leat_frame_release(f);
}

/* A small file may not make its reader lay out many features. */
static void hostile_width(leattest *t)
{
    leat_context *c = t->context;
    leati_schema_column image = {.role = LEATI_ROLE_ARRAY,
                                 .type = LEAT_ARRAY,
                                 .name = "image",
                                 .shape = {1 << 14, 1 << 13, 1}};
    leati_schema s = {.columns = &image, .count = 1, .used = 1};
    leati_encoder e;
    leati_state state;
    double one[2] = {1, 1};
    leati_state_init(&state, c);
    CHECK_OK(leati_state_put(&state, "encoder.fill", LEATI_F64, one, 1, 0));
    CHECK_OK(leati_state_put(&state, "encoder.shift", LEATI_F64, one, 2, 0));
    CHECK_OK(leati_state_put(&state, "encoder.scale", LEATI_F64, one, 2, 0));
    json_t *json = json_loads("{\"scaling\": 0, \"columns\": [{\"schema\": 0}]}", 0, NULL);
    uint64_t before = leat_context_peak_bytes(c);
    CHECK_FAILS(leati_encoder_load(c, &e, &s, json, &state), LEAT_FORMAT, "damaged model");
    CHECK(leat_context_peak_bytes(c) < before + 100000);
    json_decref(json);
    leati_state_fini(&state);
}

typedef struct problem {
    leat_frame *table, *frame;
    leati_schema schema;
    leati_target target;
    leati_problem p;
    uint32_t *all;
} problem;

static bool problem_make(leattest *t, problem *x, const char *target, size_t rows)
{
    leat_context *c = t->context;
    leati_schema_options o = {.target = target};
    *x = (problem){.table = leattest_table(c, rows, 1)};
    if (!CHECK(x->table != NULL)) return false;
    if (!CHECK_OK(leati_schema_infer(c, &x->schema, x->table, &o))) return false;
    if (!CHECK_OK(leati_conform(c, &x->frame, &x->schema, x->table))) return false;
    if (!CHECK_OK(leati_target_read(c, &x->target, &x->schema, x->table, false))) return false;
    x->p = (leati_problem){x->frame, &x->schema, &x->target, 1, NULL};
    x->all = leati_array(c, rows, sizeof *x->all);
    for (size_t i = 0; i < rows; i++) x->all[i] = (uint32_t)i;
    return true;
}

static void problem_free(problem *x)
{
    leati_free(x->all);
    leati_target_fini(&x->target);
    leati_schema_fini(&x->schema);
    leat_frame_release(x->frame);
    leat_frame_release(x->table);
}

static void encoding(leattest *t)
{
    leat_context *c = t->context;
    problem x;
    leati_recipe r;
    leati_encoder e;
    leati_matrix m;
    void *data;
    if (!problem_make(t, &x, "kind", 100)) return;
    REQUIRE_OK(leati_recipe_for(c, &r, "standard", LEATI_CLASSIFIER, &x.schema, 100));
    /* Learn from the first 50 rows only. */
    REQUIRE_OK(leati_encoder_fit(c, &e, &r, &x.schema, x.frame, x.all, 50));
    CHECK_STR(e.features[2].name, "colour=blue");
    REQUIRE_OK(leati_encoder_apply(c, &e, x.frame, x.all, 50, &m, &data));
    double sum = 0, squares = 0;
    for (size_t i = 0; i < 50; i++) {
        sum += leati_at(&m, i, 0);
        squares += leati_at(&m, i, 0) * leati_at(&m, i, 0);
    }
    CHECK_NEAR(sum, 0, 0, 1e-12);
    CHECK_NEAR(squares / 50, 1, 1e-12, 0);
    CHECK(isfinite(leati_at(&m, 3, 1))); /* filled */
    CHECK(leati_at(&m, 5, 2) == 0 && leati_at(&m, 5, 3) == 0 && leati_at(&m, 5, 4) == 0);
    leati_free(data);
    /* Nothing of the other rows went in. */
    leati_encoder other;
    for (size_t i = 50; i < 100; i++) x.frame->column[0]->f64[i] += 1000;
    REQUIRE_OK(leati_encoder_fit(c, &other, &r, &x.schema, x.frame, x.all, 50));
    CHECK(memcmp(e.shift, other.shift, e.width * sizeof *e.shift) == 0);
    leati_encoder_fini(&other);
    /* The file form gives the same encoder. */
    leati_state state;
    leati_state_init(&state, c);
    leat_json *j = leat_json_create(c, 0);
    leati_encoder_json(&e, j, NULL);
    CHECK_OK(leati_encoder_save(c, &e, &state));
    json_t *json = json_loads(leat_json_text(j), 0, NULL);
    REQUIRE_OK(leati_encoder_load(c, &other, &x.schema, json, &state));
    CHECK_INT(other.width, e.width);
    CHECK(memcmp(e.scale, other.scale, e.width * sizeof *e.scale) == 0);
    leati_encoder_fini(&other);
    json_decref(json);
    leat_json_destroy(j);
    leati_state_fini(&state);
    leati_encoder_fini(&e);
    problem_free(&x);
}

static void recipes(leattest *t)
{
    leat_context *c = t->context;
    problem x;
    leati_recipe r;
    char text[128];
    if (!problem_make(t, &x, "kind", 60)) return;
    REQUIRE_OK(leati_recipe_for(c, &r, "auto", LEATI_WANTS_SCALING, &x.schema, 60));
    leati_recipe_text(&r, &x.schema, text, sizeof text);
    CHECK_STR(text, "median fill, one-hot, standardised");
    unsigned tree = LEATI_TAKES_MISSING | LEATI_TAKES_CATEGORIES;
    REQUIRE_OK(leati_recipe_for(c, &r, "auto", tree, &x.schema, 60));
    leati_recipe_text(&r, &x.schema, text, sizeof text);
    CHECK_STR(text, "native categories");
    CHECK_FAILS(leati_recipe_for(c, &r, "standardise", 0, &x.schema, 60), LEAT_INVALID,
                "auto, none, standard");
    problem_free(&x);
}

static void fit_predict(leattest *t)
{
    leat_context *c = t->context;
    problem x;
    leati_recipe r;
    leati_estimator *e;
    leati_pipeline p;
    if (!problem_make(t, &x, "kind", 90)) return;
    const leati_estimator_class *class = leati_estimator_class_find("gaussian_nb");
    REQUIRE(class);
    REQUIRE_OK(leati_recipe_for(c, &r, "auto", class->traits, &x.schema, 90));
    REQUIRE_OK(leati_estimator_create(c, &e, class));
    REQUIRE_OK(leati_pipeline_init(c, &p, e, &r));
    REQUIRE_OK(leati_pipeline_fit(c, &p, &x.p, x.all, 90));
    double value[90], proba[270];
    leati_predictions out = {.value = value, .proba = proba};
    REQUIRE_OK(leati_pipeline_predict(c, &p, x.frame, x.all, 90, &out));
    int right = 0;
    for (int i = 0; i < 90; i++) right += value[i] == x.target.label[i];
    CHECK(right >= 80);
    CHECK_NEAR(proba[0] + proba[1] + proba[2], 1, 1e-12, 0);
    leati_pipeline_fini(&p);
    leati_estimator_destroy(e);
    problem_free(&x);
}

/* Fits on the samples of some classes only; what the pipeline says about all rows. */
static void check_absent(leattest *t, const problem *x, const leati_estimator_class *class,
                         const bool has[3])
{
    leat_context *c = t->context;
    leati_recipe r;
    leati_estimator *e;
    leati_pipeline p;
    uint32_t some[90];
    size_t n = 0;
    double value[90], proba[270], score[270];
    leati_predictions out = {value, proba, score};
    for (uint32_t i = 0; i < 90; i++)
        if (has[x->target.label[i]]) some[n++] = i;
    /* Counts are what some estimators take: every column scaled to 0..1. */
    REQUIRE_OK(leati_recipe_for(c, &r, class->traits & LEATI_NOT_NEGATIVE ? "minmax" : "auto",
                                class->traits, &x->schema, 90));
    REQUIRE_OK(leati_estimator_create(c, &e, class));
    REQUIRE_OK(leati_pipeline_init(c, &p, e, &r));
    if (CHECK_OK(leati_pipeline_fit(c, &p, &x->p, some, n)) &&
        CHECK_OK(leati_pipeline_predict(c, &p, x->frame, x->all, 90, &out))) {
        bool gives_proba = leati_estimator_has_proba(p.estimator);
        bool gives_score = leati_estimator_has_scores(p.estimator);
        for (int i = 0; i < 90; i++) {
            double sum = 0;
            CHECK(value[i] >= 0 && value[i] < 3 && has[(int)value[i]]);
            for (int k = 0; k < 3; k++) {
                sum += gives_proba ? proba[3 * i + k] : 0;
                if (gives_proba && !has[k]) CHECK(proba[3 * i + k] == 0);
                if (gives_score && !has[k]) CHECK(score[3 * i + k] <= score[3 * i + (int)value[i]]);
            }
            if (gives_proba) CHECK_NEAR(sum, 1, 1e-12, 0);
        }
        size_t right = 0; /* rows of the classes it knows: not worse than guessing one of them */
        for (size_t i = 0; i < n; i++) right += value[some[i]] == x->target.label[some[i]];
        if (!CHECK(right * 2 >= n)) printf("    %s: %zu of %zu right\n", class->name, right, n);
        /* All classes again: nothing of the map stays. */
        CHECK_OK(leati_pipeline_fit(c, &p, &x->p, x->all, 90));
        CHECK(p.present == NULL && p.estimator->classes == 3);
    }
    leati_pipeline_fini(&p);
    leati_estimator_destroy(e);
}

static void absent_classes(leattest *t)
{
    problem x;
    if (!problem_make(t, &x, "kind", 90)) return;
    for (size_t i = 0; i < leati_estimator_count(); i++) {
        const leati_estimator_class *class = leati_estimator_at(i);
        if (!(class->traits & LEATI_CLASSIFIER)) continue;
        check_absent(t, &x, class, (bool[]){true, true, false});
        check_absent(t, &x, class, (bool[]){false, true, true});
        /* As scikit-learn's, these two want something to tell apart. */
        bool refuses = strcmp(class->name, "logistic") == 0 || strcmp(class->name, "sgd") == 0;
        if (!refuses) check_absent(t, &x, class, (bool[]){false, true, false});
    }
    problem_free(&x);
}

static leat_status absent_once(leat_context *c, void *arg)
{
    const problem *x = arg;
    leati_recipe r;
    leati_estimator *e;
    leati_pipeline p = {0};
    uint32_t some[] = {0, 1, 3, 4, 6, 7, 9, 10};
    double value[90], proba[270], score[270];
    leati_predictions out = {value, proba, score};
    const leati_estimator_class *class = leati_estimator_class_find("gaussian_nb");
    leat_status st = leati_recipe_for(c, &r, "auto", class->traits, &x->schema, 90);
    if (st == LEAT_OK) st = leati_estimator_create(c, &e, class);
    if (st != LEAT_OK) return st;
    st = leati_pipeline_init(c, &p, e, &r);
    if (st == LEAT_OK) st = leati_pipeline_fit(c, &p, &x->p, some, 8);
    if (st == LEAT_OK) st = leati_pipeline_predict(c, &p, x->frame, x->all, 90, &out);
    leati_pipeline_fini(&p);
    leati_estimator_destroy(e);
    return st;
}

static void absent_allocations(leattest *t)
{
    problem x;
    if (!problem_make(t, &x, "kind", 90)) return;
    leattest_fail_allocations(t, absent_once, &x);
    problem_free(&x);
}

static const leattest_case list[] = {
    TEST(schema_rules), TEST(constant_targets), TEST(conforming),
                                     TEST(bools_by_other_words),     TEST(encoding),
    TEST(recipes),      TEST(fit_predict),      TEST(texts_refused),  TEST(large_classes),
    TEST(odd_columns),  TEST(hostile_width),    TEST(absent_classes), TEST(absent_allocations)};

LEATTEST_MAIN(list)
