/* Owns: the table of ONNX's operators and checks by it. Not: how they are computed. */
#include "model/onnx_ops.h"

#include <inttypes.h>
#include <string.h>

#include "base/error.h"
#include "base/num.h"
#include "model/onnx_check.h"

#define A(name, kind, required, fallback) {name, LEATI_ONNX_ATTR_##kind, required, fallback},
#define OP(domain, name, since, from, to, out_from, out_to, deprecated, ...)                       \
    static const leati_onnx_op_attribute name##_##since[] = {__VA_ARGS__{NULL, 0, false, NULL}};
#include "model/onnx_ops.def"
#undef OP
#undef A

#define MANY LEATI_ONNX_MANY
#define OP(domain, name, since, from, to, out_from, out_to, deprecated, ...)                       \
    {domain, #name, since, from, to, out_from, out_to, deprecated, name##_##since},
static const leati_onnx_op ops[] = {
#include "model/onnx_ops.def"
};
#undef OP

enum { OPS = sizeof ops / sizeof *ops };

size_t leati_onnx_op_count(void)
{
    return OPS;
}

const leati_onnx_op *leati_onnx_op_at(size_t index)
{
    return &ops[index];
}

/* As the table is sorted. */
static int compare(const leati_onnx_op *op, const char *domain, const char *name)
{
    int by_domain = strcmp(op->domain, domain);
    return by_domain ? by_domain : strcmp(op->name, name);
}

const leati_onnx_op *leati_onnx_op_find(const char *domain, const char *name, int64_t version)
{
    size_t low = 0, high = OPS;
    domain = leati_onnx_domain(domain);
    while (low < high) { /* the first row of the name */
        size_t middle = (low + high) / 2;
        if (compare(&ops[middle], domain, name) < 0) low = middle + 1;
        else high = middle;
    }
    const leati_onnx_op *found = NULL;
    for (; low < OPS && compare(&ops[low], domain, name) == 0 && ops[low].since <= version; low++)
        found = &ops[low];
    return found;
}

const leati_onnx_op_attribute *leati_onnx_op_attribute_find(const leati_onnx_op *op,
                                                            const char *name)
{
    for (const leati_onnx_op_attribute *a = op->attributes; a->name; a++)
        if (strcmp(a->name, name) == 0) return a;
    return NULL;
}

static leat_status check_count(leat_context *c, const char *what, size_t count, int least, int most)
{
    LEATI_CHECK(c, count >= (size_t)least, LEAT_FORMAT, "has %zu %s, at least %d are needed", count,
                what, least);
    LEATI_CHECK(c, count <= (size_t)most, LEAT_FORMAT, "has %zu %s, at most %d are known", count,
                what, most);
    return LEAT_OK;
}

static leat_status check_attribute(leat_context *c, const leati_onnx_op *op,
                                   const leati_onnx_attribute *a)
{
    enum { MOST = 64 };
    const char *names[MOST];
    size_t n = 0;
    const leati_onnx_op_attribute *row = leati_onnx_op_attribute_find(op, a->name);
    if (row) {
        leati_onnx_attribute_kind kind = leati_onnx_attribute_kind_of(a);
        bool fits = *a->ref_attr_name || kind == row->kind;
        LEATI_CHECK(c, fits, LEAT_FORMAT, "attribute %.60s is of the kind %s, %s was expected",
                    a->name, kind ? leati_onnx_attribute_word(kind) : "unknown",
                    leati_onnx_attribute_word(row->kind));
        return LEAT_OK;
    }
    for (const leati_onnx_op_attribute *r = op->attributes; r->name && n < MOST; r++)
        names[n++] = r->name;
    const char *near = leati_nearest(a->name, names, n);
    return LEATI_FAIL(c, LEAT_FORMAT, "has no attribute %.60s in version %d%s%s%s", a->name,
                      op->since, near ? " (did you mean " : "", near ? near : "", near ? "?)" : "");
}

static leat_status check_node(leat_context *c, const leati_onnx_op *op, const leati_onnx_node *node)
{
    LEATI_CHECK(c, !op->deprecated, LEAT_UNSUPPORTED, "was withdrawn in version %d", op->since);
    LEATI_TRY(check_count(c, "inputs", node->input.count, op->inputs_least, op->inputs_most));
    LEATI_TRY(check_count(c, "outputs", node->output.count, op->outputs_least, op->outputs_most));
    for (size_t i = 0; i < node->attribute.count; i++)
        LEATI_TRY(check_attribute(c, op, &node->attribute.at[i]));
    for (const leati_onnx_op_attribute *a = op->attributes; a->name; a++)
        LEATI_CHECK(c, !a->required || leati_onnx_attribute_find(node, a->name), LEAT_FORMAT,
                    "lacks the attribute %s", a->name);
    return LEAT_OK;
}

leat_status leati_onnx_node_check(leat_context *c, const leati_onnx_op *op,
                                  const leati_onnx_node *node)
{
    leat_status st = check_node(c, op, node);
    if (st == LEAT_OK) return st;
    return leati_error_within(c, "node `%.60s` (%s)",
                              *node->name          ? node->name
                              : node->output.count ? node->output.at[0]
                                                   : "",
                              op->name);
}

/* The default in the table, or NULL. */
static const char *fallback(const leati_onnx_op *op, const char *name)
{
    const leati_onnx_op_attribute *row = leati_onnx_op_attribute_find(op, name);
    return row ? row->fallback : NULL;
}

int64_t leati_onnx_int(const leati_onnx_op *op, const leati_onnx_node *node, const char *name,
                       int64_t otherwise)
{
    const leati_onnx_attribute *a = leati_onnx_attribute_find(node, name);
    const char *text = fallback(op, name);
    int64_t value;
    if (a) return a->i;
    return text && leati_int_parse(text, strlen(text), &value) ? value : otherwise;
}

double leati_onnx_float(const leati_onnx_op *op, const leati_onnx_node *node, const char *name,
                        double otherwise)
{
    const leati_onnx_attribute *a = leati_onnx_attribute_find(node, name);
    const char *text = fallback(op, name);
    double value;
    if (a) return (double)a->f;
    /* Defaults are floats: 0.1 stands for the float nearest to it. */
    return text && leati_num_parse(text, strlen(text), &value) ? (double)(float)value : otherwise;
}

bool leati_onnx_text_is(const leati_onnx_op *op, const leati_onnx_node *node, const char *name,
                        const char *text)
{
    const leati_onnx_attribute *a = leati_onnx_attribute_find(node, name);
    const char *own = fallback(op, name);
    if (a) return a->s.size == strlen(text) && memcmp(a->s.data, text, a->s.size) == 0;
    return own && strcmp(own, text) == 0;
}
