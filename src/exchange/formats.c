/* Owns: the table of formats, the public face of exporting. */
#include <string.h>

#include "base/error.h"
#include "base/options.h"
#include "base/str.h"
#include "exchange/format.h"
#include "onnx/graph_estimator.h"

typedef struct format {
    const char *name, *suffix;
    leat_status (*write)(leat_context *c, const leat_model *m, const char *title, const char *path);
} format;

#define ROW(name, suffix, doc) {#name, suffix, leati_format_##name},
static const format table[] = {LEAT_EXPORT_LIST(ROW)};
#undef ROW
enum { FORMATS = sizeof table / sizeof *table };

leat_export_options leat_export_options_default(void)
{
    return (leat_export_options){.struct_size = sizeof(leat_export_options)};
}

bool leat_export_format_at(size_t i, const char **name, const char **suffix)
{
    if (i >= FORMATS) return false;
    *name = table[i].name;
    *suffix = table[i].suffix;
    return true;
}

leat_status leat_model_export(leat_context *c, const leat_model *m, const char *name,
                              const char *path, const leat_export_options *options)
{
    leat_export_options o = leat_export_options_default();
    LEATI_TRY(LEATI_OPTIONS(c, leat_export_options, &o, options));
    const char *title = o.name ? o.name : m->name;
    size_t size;
    if (leati_graph_estimator_file(m->pipeline.estimator, &size))
        return leati_graph_model_export(c, m, name, o.name, path);
    for (size_t i = 0; i < FORMATS; i++)
        if (strcmp(table[i].name, name) == 0) return table[i].write(c, m, title, path);
    return LEATI_FAIL(c, LEAT_INVALID, "'%s' is no format to export to", name);
}

leat_status leati_format_check_inputs(leat_context *c, const leat_model *m, const char *form)
{
    for (size_t i = 0; i < m->input_count; i++) {
        const leati_schema_column *col = &m->schema.columns[m->inputs[i]];
        LEATI_CHECK(c, col->role != LEATI_ROLE_TOKENS, LEAT_UNSUPPORTED,
                    "the input '%s' is text cut into tokens, which has no form in %s", col->name,
                    form);
    }
    return LEAT_OK;
}

char *leati_identifier(leat_context *c, const char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_";
    leati_str s;
    leati_str_init(&s, c);
    for (size_t i = 0; name[i]; i++) {
        bool digit = name[i] >= '0' && name[i] <= '9';
        if (digit && s.length == 0) leati_str_add(&s, "m");
        leati_str_addc(&s, digit || strchr(letters, name[i]) ? name[i] : '_');
    }
    if (s.length == 0) leati_str_add(&s, "model");
    return leati_str_take(&s);
}
