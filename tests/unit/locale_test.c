/* A host program with a decimal comma: what is written for machines stays the same. */
#include <locale.h>
#include <unistd.h>

#include <leat/leat.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/num.h"
#include "support/leattest.h"

/* One that is installed, or else made here of the sources of the C library. */
static bool decimal_comma(void)
{
    static const char *const names[] = {"de_DE.UTF-8", "de_DE.utf8",  "fr_FR.UTF-8",
                                        "fr_FR.utf8",  "nl_NL.UTF-8", "pl_PL.UTF-8"};
    char command[4200];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (setlocale(LC_NUMERIC, names[i])) return *localeconv()->decimal_point == ',';
    const char *folder = leattest_scratch("locales");
    snprintf(command, sizeof command,
             "mkdir '%s' && localedef -i de_DE -f UTF-8 '%s/de_DE.UTF-8' >'%s/log' 2>&1", folder,
             folder, folder);
    if (system(command) != 0 || setenv("LOCPATH", folder, 1) != 0) return false;
    return setlocale(LC_NUMERIC, names[0]) && *localeconv()->decimal_point == ',';
}

static void marks_become_points(leattest *t)
{
    char comma[] = "-1,25e-07",
         arabic[] = "1\xd9\xab"
                    "5",
         point[] = "3.5";
    CHECK_INT(leati_num_dot(comma, strlen(comma)), 9);
    CHECK_STR(comma, "-1.25e-07");
    CHECK_INT(leati_num_dot(arabic, strlen(arabic)), 3);
    CHECK_STR(arabic, "1.5");
    CHECK_INT(leati_num_dot(point, strlen(point)), 3);
    CHECK_STR(point, "3.5");
}

enum { FILES = 7 };

typedef struct results {
    leati_bytes file[FILES];
    size_t count;
} results;

static void keep(leattest *t, results *r, const char *path)
{
    if (CHECK(r->count < FILES) && CHECK_OK(leati_file_read(t->context, &r->file[r->count], path)))
        r->count++;
}

/* Fits, saves and exports; the files in order. */
static void fit(leattest *t, leat_frame *iris, const char *folder, const char *models,
                const char *search, const char *setting, const char *form, results *r)
{
    leat_context *c = t->context;
    leat_experiment_options o = leat_experiment_options_default();
    leat_experiment *e;
    char path[4200];
    o.target = "species";
    o.models = models;
    o.search = search;
    o.set = &setting;
    o.set_count = 1;
    o.cv = "holdout:0.2";
    o.quick = true;
    snprintf(path, sizeof path, "%s/%s.run", folder, models);
    o.run_folder = path;
    REQUIRE_OK(leat_experiment_run(c, &e, iris, NULL, &o));
    char model[4300];
    snprintf(model, sizeof model, "%s/%s.leat", folder, models);
    if (CHECK_OK(leat_model_save(c, leat_experiment_model(e), model))) keep(t, r, model);
    snprintf(model, sizeof model, "%s/%s.%s", folder, models, form);
    if (CHECK_OK(leat_model_export(c, leat_experiment_model(e), form, model, NULL)))
        keep(t, r, model);
    leat_experiment_destroy(e);
}

static void run(leattest *t, const char *name, results *r)
{
    leat_context *c = t->context;
    char folder[4096], path[4200];
    leat_frame *iris;
    *r = (results){.count = 0};
    snprintf(folder, sizeof folder, "%s", leattest_scratch(name));
    REQUIRE_OK(leati_folder_make(c, folder));
    REQUIRE_OK(leat_data_load(c, &iris, "iris", NULL));
    fit(t, iris, folder, "bernoulli_nb", NULL, "bernoulli_nb.binarize=0.75", "onnx", r);
    fit(t, iris, folder, "svc", "random:4", "svc.C=log:0.01:100", "c", r);
    fit(t, iris, folder, "network", NULL, "network.epochs=3", "c", r);
    leat_frame_release(iris);
    snprintf(path, sizeof path, "%s/network.run/metrics.jsonl", folder);
    keep(t, r, path);
}

/* metrics.jsonl has times in it. */
static void check_metrics(leattest *t, leat_context *c, const leati_bytes *b)
{
    char *text = leati_strndup(c, b->data, b->size);
    REQUIRE(text != NULL);
    const char *loss = strstr(text, "\"loss\":");
    CHECK(loss && strspn(loss + 7, "0123456789") == 1 && loss[8] == '.');
    leati_free(text);
}

static void files_are_the_same(leattest *t)
{
    static const char *const what[FILES] = {
        "bernoulli_nb.leat", "bernoulli_nb.onnx", "svc.leat",     "svc.c",
        "network.leat",      "network.c",         "metrics.jsonl"};
    results plain, comma;
    run(t, "point", &plain);
    if (!decimal_comma()) {
        leattest_skip(t, "no locale with a decimal comma, and none can be made");
    } else {
        run(t, "comma", &comma);
        CHECK_INT(comma.count, FILES);
        for (size_t i = 0; i + 1 < comma.count && i < plain.count; i++)
            if (!CHECK(comma.file[i].size == plain.file[i].size &&
                       !memcmp(comma.file[i].data, plain.file[i].data, plain.file[i].size)))
                printf("%s differs\n", what[i]);
        if (comma.count == FILES) check_metrics(t, t->context, &comma.file[FILES - 1]);
        for (size_t i = 0; i < comma.count; i++) leati_bytes_release(&comma.file[i]);
        setlocale(LC_NUMERIC, "C");
    }
    for (size_t i = 0; i < plain.count; i++) leati_bytes_release(&plain.file[i]);
}

static const leattest_case list[] = {TEST(marks_become_points), TEST(files_are_the_same)};
LEATTEST_MAIN(list)
