/* Owns: the C file of a model: its interface, the inputs' preprocessing, the order of the parts.
 * Not: estimators (c_*.c). docs/export.md describes the result for its users. */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"
#include "exchange/c_file.h"
#include "exchange/format.h"

static const struct {
    const char *estimator;
    leat_status (*write)(leati_c_file *f);
} writers[] = {
#define C_WRITER(estimator, writer) {#estimator, leati_c_##writer},
#include "exchange/c_writers.def"
#undef C_WRITER
};
enum { WRITERS = sizeof writers / sizeof *writers };

/* --- inputs --------------------------------------------------------------------------------------
 */

static size_t numbers_of(const leati_schema_column *col)
{
    bool array = col->role == LEATI_ROLE_ARRAY;
    return array ? col->shape[0] * col->shape[1] * col->shape[2] : 1;
}

static const leati_schema_column *input_at(const leat_model *m, size_t i)
{
    return &m->schema.columns[m->inputs[i]];
}

static size_t count_numbers(const leat_model *m)
{
    size_t n = 0;
    for (size_t i = 0; i < m->input_count; i++) n += numbers_of(input_at(m, i));
    return n;
}

static bool takes_missing(const leat_model *m)
{
    const leati_pipeline *p = &m->pipeline;
    return p->recipe.fill || p->estimator->class->traits & LEATI_TAKES_MISSING;
}

static bool has_role(const leat_model *m, leati_role role)
{
    for (size_t i = 0; i < m->input_count; i++)
        if (input_at(m, i)->role == role) return true;
    return false;
}

/* --- the interface -------------------------------------------------------------------------------
 */

/* Text of the model inside a comment: nothing may end it. */
static void comment(leati_str *s, const char *text)
{
    for (; *text; text++) {
        bool ends = text[0] == '*' && text[1] == '/', control = (unsigned char)*text < ' ';
        leati_str_addc(s, control ? ' ' : *text);
        if (ends || (text[0] == '/' && text[1] == '*')) leati_str_addc(s, ' ');
    }
}

static void describe_input(leati_str *s, const leati_schema_column *col, size_t at)
{
    size_t n = numbers_of(col);
    if (n > 1) leati_str_addf(s, " *   x[%zu .. %zu]  ", at, at + n - 1);
    else leati_str_addf(s, " *   x[%zu]  ", at);
    comment(s, col->name);
    switch (col->role) {
    case LEATI_ROLE_CATEGORY: leati_str_add(s, ": a text's number, see _level"); break;
    case LEATI_ROLE_TIME: leati_str_add(s, ": microseconds since 1970-01-01 00:00"); break;
    case LEATI_ROLE_ARRAY:
        leati_str_addf(s, ": %zu x %zu x %zu, row by row", col->shape[0], col->shape[1],
                       col->shape[2]);
        break;
    default: leati_str_add(s, col->type == LEAT_BOOL ? ": 0 or 1" : ""); break;
    }
    leati_str_add(s, "\n");
}

static void head(const leati_c_file *f, leati_str *s)
{
    enum { MOST = 64 };
    const leat_model *m = f->model;
    leati_str_add(s, "/* ");
    comment(s, m->name);
    leati_str_addf(s,
                   ": %s with %s.\n * Written by leat %s. C99 and libm; no memory is allocated "
                   "and no state is kept, so that any number\n * of threads may predict, each "
                   "with a workspace of its own.\n *\n * ",
                   m->schema.task == LEATI_CLASSIFY ? "classification" : "regression",
                   f->estimator->class->title, leat_version());
    comment(s, m->schema.target);
    leati_str_add(s, " is predicted from\n");
    size_t at = 0, i = 0;
    for (; i < m->input_count && i < MOST; i++) {
        describe_input(s, input_at(m, i), at);
        at += numbers_of(input_at(m, i));
    }
    if (i < m->input_count)
        leati_str_addf(s, " *   and %zu more, see _input_names\n", m->input_count - i);
    if (f->layers.length) leati_str_addf(s, " *\n%s", leati_str_text(&f->layers));
    leati_str_addf(s,
                   " *\n * To see the interface only: define %s_INTERFACE and include this "
                   "file. */\n",
                   f->name);
}

static void declarations(const leati_c_file *f, leati_str *s, bool single_inputs)
{
    const leat_model *m = f->model;
    const char *n = f->name;
    bool classify = m->schema.task == LEATI_CLASSIFY;
    bool proba = leati_estimator_has_proba(f->estimator);
    leati_str_addf(s, "#ifndef %s_INCLUDED\n#define %s_INCLUDED\n\n", n, n);
    leati_str_addf(s, "#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n");
    leati_str_addf(s,
                   "enum {\n    %s_INPUTS = %zu,  /* columns */\n    %s_NUMBERS = %zu, /* of x: "
                   "all inputs, one after the other */\n    %s_FEATURES = %zu,\n"
                   "    %s_OUTPUTS = %zu\n};\n\n",
                   n, m->input_count, n, count_numbers(m), n, f->estimator->features, n,
                   classify ? (size_t)m->schema.classes : 1);
    leati_str_addf(s, "typedef %s %s_number;\n", single_inputs ? "float" : "double", n);
    leati_str_addf(s, "typedef struct %s_workspace {\n    %s features[%zu];\n%s} %s_workspace;\n\n",
                   n, f->single ? "float" : "double", f->estimator->features,
                   leati_str_text(&f->space), n);
    leati_str_addf(s, "extern const char *const %s_input_names[%s_INPUTS];\n", n, n);
    if (classify) leati_str_addf(s, "extern const char *const %s_class_names[%s_OUTPUTS];\n", n, n);
    if (has_role(m, LEATI_ROLE_CATEGORY))
        leati_str_addf(s,
                       "\n/* The number that stands for a text in an input, counted from 0; -1 "
                       "for a text that training did not know,\n * which x takes as well. */\n"
                       "int %s_level(int input, const char *text);\n",
                       n);
    leati_str_addf(s, "\n/* x (%s_NUMBERS)%s. out (%s_OUTPUTS): %s.\n", n,
                   takes_missing(m) ? "; NAN where a value is missing" : "", n,
                   !classify ? "the value"
                   : proba   ? "the probability of each class"
                             : "a score for each class, larger is likelier");
    leati_str_addf(s, " * Returns %s, or -1, with out as it was, when a number is infinite%s",
                   classify ? "the number of the class" : "0",
                   takes_missing(m) ? "" : " or missing");
    if (f->tokens)
        leati_str_add(s,
                      ",\n * or no token where the network takes tokens: whole numbers from 0 to "
                      "input_dim - 1 of the embedding");
    if (f->padded) leati_str_add(s, ",\n * or padding where a step that counts comes behind it");
    leati_str_add(s, ". */\n");
    leati_str_addf(s, "int %s_predict(const %s_number *x, double *out, %s_workspace *w);\n\n", n, n,
                   n);
    leati_str_addf(s, "#ifdef __cplusplus\n}\n#endif\n\n#endif\n\n");
}

/* --- tables of names -----------------------------------------------------------------------------
 */

static void input_names(const leati_c_file *f, leati_str *s)
{
    const leat_model *m = f->model;
    leati_str_addf(s, "const char *const %s_input_names[%s_INPUTS] = {", f->name, f->name);
    for (size_t i = 0; i < m->input_count; i++) {
        leati_str_add(s, i ? ",\n    " : "\n    ");
        leati_c_string(s, input_at(m, i)->name);
    }
    leati_str_add(s, "};\n");
    if (m->schema.task != LEATI_CLASSIFY) return;
    leati_str_addf(s, "const char *const %s_class_names[%s_OUTPUTS] = {", f->name, f->name);
    for (size_t k = 0; k < m->schema.classes; k++) {
        leati_str_add(s, k ? ",\n    " : "\n    ");
        leati_c_string(s, m->schema.class_names[k]);
    }
    leati_str_add(s, "};\n");
}

/* The levels of all categories in one table, with the input that each belongs to. */
static void levels(const leati_c_file *f, leati_str *s)
{
    const leati_encoder *e = &f->model->pipeline.encoder;
    if (!has_role(f->model, LEATI_ROLE_CATEGORY)) return;
    leati_str_add(s, "\nstatic const struct {\n    int input, level;\n    const char *text;\n} "
                     "levels[] = {");
    for (size_t i = 0; i < e->count; i++)
        for (uint32_t l = 0; e->columns[i].role == LEATI_ROLE_CATEGORY && l < e->columns[i].levels;
             l++) {
            leati_str_addf(s, "\n    {%zu, %u, ", i, l);
            leati_c_string(s, e->columns[i].level[l]);
            leati_str_add(s, "},");
        }
    leati_str_addf(s,
                   "\n    {-1, -1, 0}};\n\nint %s_level(int input, const char *text)\n{\n"
                   "    for (int i = 0; levels[i].text; i++)\n"
                   "        if (levels[i].input == input && strcmp(levels[i].text, text) == 0) "
                   "return levels[i].level;\n    return -1;\n}\n",
                   f->name);
}

/* --- preprocessing -------------------------------------------------------------------------------
 */

static bool all_equal(const double *v, size_t n)
{
    for (size_t i = 1; i < n; i++)
        if (v[i] != v[0]) return false;
    return true;
}

/* static double scaled(double v, int i): what encoder.c does last. */
static void scaling(const leati_c_file *f, leati_str *s)
{
    const leati_encoder *e = &f->model->pipeline.encoder;
    bool shifts = !all_equal(e->shift, e->width) || e->shift[0] != 0;
    bool alike = all_equal(e->shift, e->width) && all_equal(e->scale, e->width);
    leati_c_file part = {.context = f->context}; /* for constants only */
    leati_str_init(&part.data, f->context);
    if (!alike) {
        leati_c_doubles(&part, "shift", e->shift, e->width, 0);
        leati_c_doubles(&part, "scale", e->scale, e->width, 0);
        leati_str_addf(s, "\n%s", leati_str_text(&part.data));
    }
    if (leati_str_status(&part.data) != LEAT_OK) s->status = leati_str_status(&part.data);
    leati_str_fini(&part.data);
    bool narrow = f->single || e->recipe.f32;
    const char *open = narrow ? "(float)(" : "", *close = narrow ? ")" : "";
    leati_str_addf(s, "\nstatic %s scaled(double v, int i)\n{\n", f->single ? "float" : "double");
    if (!alike) {
        leati_str_addf(s, "    return %s(v - shift[i]) * scale[i]%s;\n}\n", open, close);
        return;
    }
    leati_str_addf(s, "    (void)i;\n    return %s%s", open, shifts ? "(v - " : "v");
    if (shifts) leati_c_number(s, e->shift[0], false);
    if (shifts) leati_str_add(s, ")");
    if (e->scale[0] != 1) leati_str_add(s, " * ");
    if (e->scale[0] != 1) leati_c_number(s, e->scale[0], false);
    leati_str_addf(s, "%s;\n}\n", close);
}

static const char time_function[] =
    "\n"
    "/* Of microseconds since 1970: days with their fraction (0), the month 0 .. 11 (1), the "
    "weekday\n"
    " * from Monday (2), the hour (3). Months by Hinnant's civil_from_days. */\n"
    "static double time_part(double t, int part)\n"
    "{\n"
    "    double days = floor(t / 86400e6), within = t - days * 86400e6;\n"
    "    long long z = (long long)days + 719468, era = (z >= 0 ? z : z - 146096) / 146097;\n"
    "    long long doe = z - era * 146097;\n"
    "    long long yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;\n"
    "    long long doy = doe - (365 * yoe + yoe / 4 - yoe / 100), m = (5 * doy + 2) / 153;\n"
    "    if (part == 0) return days + within / 86400e6;\n"
    "    if (part == 1) return (double)(m < 10 ? m + 2 : m - 10);\n"
    "    if (part == 2) return days + 3 - 7 * floor((days + 3) / 7);\n"
    "    return floor(within / 3600e6);\n"
    "}\n";

static void encode_time(leati_str *s, const leati_encoder *e, const leati_encoder_column *k,
                        size_t at, bool missing)
{
    size_t w = 0;
    leati_str_addf(s, "    if (fabs(x[%zu]) > 9e18", at);
    if (!missing) leati_str_addf(s, " || isnan(x[%zu])", at);
    leati_str_add(s, ") return 0;\n");
    if (e->recipe.fill) {
        /* The fill is in days; as microseconds it is cut to a whole number. */
        leati_str_addf(s, "    v = isnan(x[%zu]) ? ", at);
        leati_c_number(s, trunc(k->fill * 86400e6), false);
        leati_str_addf(s, " : x[%zu];\n", at);
    } else {
        leati_str_addf(s, "    v = x[%zu];\n", at);
    }
    for (int part = 0; part < 4; part++) {
        if (!(k->parts >> part & 1)) continue;
        size_t j = k->first + w++;
        /* The fill for days is the number of days itself. */
        leati_str_addf(s, "    f[%zu] = scaled(", j);
        if (!e->recipe.fill) leati_str_add(s, "isnan(v) ? v : ");
        leati_str_addf(s, "time_part(v, %d), %zu);\n", part, j);
    }
}

/* "4 + i", or "i" */
typedef struct sum_text {
    char text[32];
} sum_text;

static sum_text plus(size_t first)
{
    sum_text s = {"i"};
    if (first) snprintf(s.text, sizeof s.text, "%zu + i", first);
    return s;
}

static void encode_category(leati_str *s, const leati_encoder *e, const leati_encoder_column *k,
                            size_t at)
{
    size_t first = k->first;
    leati_str_addf(s, "    if (isinf(x[%zu])) return 0;\n", at);
    if (!e->recipe.one_hot) {
        leati_str_addf(s,
                       "    v = isnan(x[%zu]) || (x[%zu] >= 0 && x[%zu] < %u && x[%zu] == "
                       "floor(x[%zu])) ? x[%zu] : %u;\n",
                       at, at, at, k->levels, at, at, at, k->levels);
        leati_str_addf(s, "    f[%zu] = scaled(v, %zu);\n", first, first);
    } else if (k->width == 1) {
        if (k->levels)
            leati_str_addf(s, "    f[%zu] = scaled(x[%zu] == %u, %zu);\n", first, at, k->levels - 1,
                           first);
        else leati_str_addf(s, "    f[%zu] = scaled(0, %zu);\n", first, first);
    } else {
        leati_str_addf(s, "    for (int i = 0; i < %zu; i++) f[%s] = scaled(x[%zu] == i, %s);\n",
                       k->width, plus(first).text, at, plus(first).text);
    }
}

/* Columns i .. of plain numbers in a row, with their features side by side. */
static size_t run_of_numbers(const leati_encoder *e, size_t i)
{
    size_t n = 1;
    while (i + n < e->count && e->columns[i + n].role == LEATI_ROLE_NUMBER) n++;
    return n;
}

static void encode_numbers(leati_str *s, const leati_encoder *e, const leati_encoder_column *k,
                           size_t n, size_t at, bool missing)
{
    size_t first = k->first;
    leati_str_addf(s, "    for (int i = 0; i < %zu; i++) {\n        v = x[%s];\n", n,
                   plus(at).text);
    leati_str_addf(s, "        if (isinf(v)%s) return 0;\n", missing ? "" : " || isnan(v)");
    if (e->recipe.fill)
        leati_str_addf(s, "        f[%s] = scaled(isnan(v) ? fill[%s] : v, %s);\n",
                       plus(first).text, plus((size_t)(k - e->columns)).text, plus(first).text);
    else leati_str_addf(s, "        f[%s] = scaled(v, %s);\n", plus(first).text, plus(first).text);
    leati_str_add(s, "    }\n");
}

static void encode_array(leati_str *s, const leati_encoder_column *k, size_t at, bool missing)
{
    leati_str_addf(s, "    for (int i = 0; i < %zu; i++) {\n        v = x[%s];\n", k->width,
                   plus(at).text);
    leati_str_addf(s, "        if (isinf(v)%s) return 0;\n", missing ? "" : " || isnan(v)");
    leati_str_addf(s, "        f[%s] = scaled(v, %s);\n    }\n", plus(k->first).text,
                   plus(k->first).text);
}

static void fills(const leati_c_file *f, leati_str *s)
{
    const leati_encoder *e = &f->model->pipeline.encoder;
    if (!e->recipe.fill || !has_role(f->model, LEATI_ROLE_NUMBER)) return;
    leati_str_addf(s, "\nstatic const double fill[%zu] = {", e->count);
    for (size_t i = 0; i < e->count; i++) {
        leati_str_add(s, i % 6 ? ", " : i ? ",\n    " : "\n    ");
        leati_c_number(s, e->columns[i].fill, false);
    }
    leati_str_add(s, "};\n");
}

/* static int prepare(const number *x, number *f): features of the inputs; 0 where there are none.
 */
static void preprocessing(const leati_c_file *f, leati_str *s)
{
    const leati_encoder *e = &f->model->pipeline.encoder;
    bool missing = takes_missing(f->model);
    bool nan_passes = f->estimator->class->traits & LEATI_TAKES_MISSING;
    fills(f, s);
    scaling(f, s);
    if (has_role(f->model, LEATI_ROLE_TIME)) leati_str_add(s, time_function);
    leati_str_addf(s,
                   "\n/* From inputs to what the estimator sees; 0 for a number that stands for "
                   "no value. */\nstatic int prepare(const %s_number *x, %s *f)\n{\n    double "
                   "v;\n",
                   f->name, f->single ? "float" : "double");
    bool used = false;
    for (size_t i = 0, at = 0; i < e->count;) {
        const leati_encoder_column *k = &e->columns[i];
        size_t n = k->role == LEATI_ROLE_NUMBER ? run_of_numbers(e, i) : 1;
        bool flag = k->role == LEATI_ROLE_CATEGORY && e->recipe.one_hot;
        used |= !flag;
        if (k->role == LEATI_ROLE_NUMBER) encode_numbers(s, e, k, n, at, missing);
        else if (k->role == LEATI_ROLE_ARRAY) encode_array(s, k, at, nan_passes);
        else if (k->role == LEATI_ROLE_TIME) encode_time(s, e, k, at, missing);
        else encode_category(s, e, k, at);
        for (size_t j = 0; j < n; j++) at += numbers_of(input_at(f->model, i + j));
        i += n;
    }
    if (!used) leati_str_add(s, "    (void)v;\n");
    leati_str_add(s, "    return 1;\n}\n");
}

/* --- the whole -----------------------------------------------------------------------------------
 */

static const struct {
    leati_c_helper bit;
    const char *text;
} helpers[] = {
    {LEATI_C_LARGEST, "\nstatic int largest(const double *v, int n)\n{\n    int best = 0;\n"
                      "    for (int k = 1; k < n; k++)\n        if (v[k] > v[best]) best = k;\n    "
                      "return best;\n}\n"},
    {LEATI_C_SOFTMAX,
     "\n/* e^v scaled to sum 1, in place. */\nstatic void softmax(double *v, int n)\n{\n"
     "    double most = v[0], sum = 0;\n    for (int k = 1; k < n; k++)\n"
     "        if (v[k] > most) most = v[k];\n"
     "    for (int k = 0; k < n; k++) sum += v[k] = exp(v[k] - most);\n"
     "    for (int k = 0; k < n; k++) v[k] /= sum;\n}\n"},
    {LEATI_C_LOGISTIC,
     "\nstatic double logistic(double z)\n{\n"
     "    double e = exp(-fabs(z));\n    return z > 0 ? 1 / (1 + e) : e / (1 + e);\n}\n"},
    {LEATI_C_DOT,
     "\nstatic double dot(const double *a, const double *b, int n)\n{\n    double sum = 0;\n"
     "    for (int i = 0; i < n; i++) sum += a[i] * b[i];\n    return sum;\n}\n"},
    {LEATI_C_LOGS, "\n/* Logarithms of sigmoids, in place. */\n"
                   "static void logs(double *v, int n)\n{\n"
                   "    for (int k = 0; k < n; k++)\n"
                   "        v[k] = (v[k] < 0 ? v[k] : 0) - log1p(exp(-fabs(v[k])));\n}\n"},
    {LEATI_C_NEAREST,
     "\n/* The nearest numbers of at least 0 whose sum is 1, in place. */\n"
     "static void nearest(double *v, int n)\n{\n"
     "    double level = -HUGE_VAL;\n"
     "    for (int before = n + 1;;) {\n"
     "        double sum = -1;\n        int count = 0;\n"
     "        for (int k = 0; k < n; k++)\n"
     "            if (v[k] > level) {\n                sum += v[k];\n"
     "                count++;\n            }\n"
     "        if (count == 0 || count == before) break;\n"
     "        before = count;\n        level = sum / count;\n    }\n"
     "    for (int k = 0; k < n; k++) v[k] = v[k] < level ? 0 : v[k] - level;\n}\n"},
};

/* Inputs are float where all are arrays of bytes or singles. */
static bool single_inputs(const leat_model *m)
{
    for (size_t i = 0; i < m->input_count; i++)
        if (input_at(m, i)->role != LEATI_ROLE_ARRAY || input_at(m, i)->item == LEATI_ITEM_F64)
            return false;
    return true;
}

static void assemble(const leati_c_file *f, leati_str *s)
{
    head(f, s);
    declarations(f, s, single_inputs(f->model));
    leati_str_addf(s, "#ifndef %s_INTERFACE\n\n#include <math.h>\n#include <string.h>\n\n",
                   f->name);
    leati_str_addf(s, "enum { FEATURES = %s_FEATURES, OUTPUTS = %s_OUTPUTS };\n", f->name, f->name);
    leati_str_addf(s, "typedef %s_workspace workspace;\n\n", f->name);
    input_names(f, s);
    levels(f, s);
    preprocessing(f, s);
    leati_str_addf(s, "\n%s", leati_str_text(&f->data));
    for (size_t i = 0; i < sizeof helpers / sizeof *helpers; i++)
        if (f->helpers & helpers[i].bit) leati_str_add(s, helpers[i].text);
    leati_str_add(s, leati_str_text(&f->code));
    leati_str_addf(s,
                   "\nint %s_predict(const %s_number *x, double *out, workspace *w)\n{\n"
                   "    return prepare(x, w->features) ? answer(w->features, out, w) : -1;\n}\n\n"
                   "#endif\n",
                   f->name, f->name);
}

static leat_status write_estimator(leati_c_file *f)
{
    leat_context *c = f->context;
    LEATI_TRY(leati_estimator_save(c, f->estimator, &f->state));
    for (size_t i = 0; i < WRITERS; i++)
        if (strcmp(writers[i].estimator, f->estimator->class->name) == 0) {
            LEATI_TRY(writers[i].write(f));
            LEATI_TRY(leati_str_status(&f->data));
            LEATI_TRY(leati_str_status(&f->space));
            return leati_str_status(&f->code);
        }
    return LEATI_FAIL(c, LEAT_UNSUPPORTED, "%s has no form in C yet", f->estimator->class->name);
}

leat_status leati_format_c(leat_context *c, const leat_model *m, const char *title,
                           const char *path)
{
    leati_c_file f = {.context = c, .model = m, .estimator = m->pipeline.estimator};
    leati_str text;
    leat_status st;
    LEATI_TRY(leati_format_check_inputs(c, m, "C"));
    leati_state_init(&f.state, c);
    leati_str *parts[] = {&f.data, &f.code, &f.space, &f.layers, &text};
    for (size_t i = 0; i < 5; i++) leati_str_init(parts[i], c);
    f.name = leati_identifier(c, title);
    st = f.name ? write_estimator(&f) : leat_error_status(c);
    if (st == LEAT_OK) {
        assemble(&f, &text);
        st = leati_str_status(&text);
    }
    if (st == LEAT_OK) st = leati_file_write(c, path, leati_str_text(&text), text.length);
    for (size_t i = 0; i < 5; i++) leati_str_fini(parts[i]);
    leati_state_fini(&f.state);
    leati_free(f.name);
    return st;
}
