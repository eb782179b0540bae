/* Owns: operations by name. The table itself is LEAT_TABLE_OPS in leat/table.h. */
#include "base/error.h"
#include "base/str.h"
#include "frame/expr.h"
#include "frame/table_op.h"

typedef leat_status (*operation)(leat_context *, leat_frame **, leat_frame *, const char *);

static const struct {
    const char *name, *argument, *doc;
    operation run;
} ops[] = {
#define ROW(name, argument, doc) {#name, argument, doc, leat_table_##name},
    LEAT_TABLE_OPS(ROW)
#undef ROW
};
enum { OPS = sizeof ops / sizeof *ops };

const char *leat_table_op(size_t index, const char **argument, const char **doc)
{
    if (index >= OPS) return NULL;
    if (argument) *argument = ops[index].argument;
    if (doc) *doc = ops[index].doc;
    return ops[index].name;
}

leat_status leat_table_apply(leat_context *c, leat_frame **out, leat_frame *f, const char *name,
                             const char *argument)
{
    const char *names[OPS];
    *out = NULL;
    for (size_t i = 0; i < OPS; i++) {
        names[i] = ops[i].name;
        if (strcmp(ops[i].name, name) == 0) {
            leat_status st = ops[i].run(c, out, f, argument);
            return st == LEAT_OK ? st : leati_error_within(c, "%s", name);
        }
    }
    const char *near = leati_nearest(name, names, OPS);
    return LEATI_FAIL(c, LEAT_INVALID, "there is no operation '%s'%s%s%s", name,
                      near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

const char *leat_table_function(size_t index)
{
    return leati_expr_function(index);
}
