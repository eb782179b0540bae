/* Owns: Einstein's summation: a formula such as "bij,bjk->bik" as transposes, sums and one MATMUL
 * per pair of operands, from left to right. */
#include <stdio.h>
#include <string.h>

#include "graph/op_classes.h"
#include "tensor/shape.h"

/* Labels are letters; each has one size in the whole formula. */
typedef struct operand {
    leat_tensor *x;
    char label[LEAT_MAX_RANK + 1]; /* one per axis */
} operand;

static leat_tensor *wrong(leat_graph *g, const char *formula, const char *why)
{
    return leati_refuse(g, LEATI_OP_MATMUL, LEAT_INVALID, "einsum \"%s\": %s", formula, why);
}

static bool has(const char *labels, char c)
{
    return strchr(labels, c) != NULL;
}

/* Room for one more is the caller's business. */
static void append(char *labels, char c)
{
    size_t n = strlen(labels);
    labels[n] = c;
    labels[n + 1] = 0;
}

static int64_t size_of(const operand *a, char c)
{
    return a->x->shape.dim[strchr(a->label, c) - a->label];
}

/* Of ASCII, whatever the locale. */
static bool is_letter(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* The axes in the order of `labels`, all of which it has, and no others. */
static leat_tensor *arrange(const operand *a, const char *labels)
{
    int perm[LEAT_MAX_RANK];
    bool same = true;
    for (int i = 0; labels[i]; i++) {
        perm[i] = (int)(strchr(a->label, labels[i]) - a->label);
        same &= perm[i] == i;
    }
    return same ? a->x : leat_transpose(a->x, perm);
}

/* "ii" -> the diagonal: where the two coordinates are equal the value, else 0, summed over one. */
static void take_diagonals(operand *a)
{
    for (int i = 0; a->x && a->label[i]; i++) {
        for (int k = i + 1; a->x && a->label[k]; k++) {
            if (a->label[i] != a->label[k]) continue;
            leat_graph *g = a->x->node->graph;
            leat_shape row = {.rank = a->x->shape.rank}, column = row;
            for (int d = 0; d < row.rank; d++) row.dim[d] = column.dim[d] = 1;
            row.dim[i] = a->x->shape.dim[i];
            column.dim[k] = a->x->shape.dim[k];
            leat_tensor *same = leat_equal(leati_iota(g, LEAT_DTYPE_I64, row, i, 0, 1),
                                           leati_iota(g, LEAT_DTYPE_I64, column, k, 0, 1));
            a->x = leat_sum(leat_where(same, a->x, leat_like(a->x, 0)), 1, &k, false);
            memmove(a->label + k, a->label + k + 1, strlen(a->label + k));
            k--;
        }
    }
}

/* Sums over the labels that are not in `kept`. */
static void sum_out(operand *a, const char *kept)
{
    int axes[LEAT_MAX_RANK];
    size_t count = 0, left = 0;
    for (int i = 0; a->label[i]; i++) {
        if (has(kept, a->label[i])) a->label[left++] = a->label[i];
        else axes[count++] = i;
    }
    a->label[left] = 0;
    if (count) a->x = leat_sum(a->x, count, axes, false);
}

/* (batch, own, inner): axes of each group joined. */
static leat_tensor *join_axes(const operand *a, const char *batch, const char *own,
                              const char *inner)
{
    char order[3 * LEAT_MAX_RANK + 1];
    int64_t size[3] = {1, 1, 1};
    const char *group[3] = {batch, own, inner};
    snprintf(order, sizeof order, "%s%s%s", batch, own, inner);
    for (int k = 0; k < 3; k++)
        for (const char *c = group[k]; *c; c++) size[k] *= size_of(a, *c);
    return leat_reshape(arrange(a, order), leat_shape_make(3, size));
}

/* a and b into one operand: labels of both that nobody needs any more are contracted. */
static operand multiply(leat_graph *g, const char *formula, operand a, operand b, const char *kept)
{
    char batch[LEAT_MAX_RANK + 1] = "", inner[LEAT_MAX_RANK + 1] = "", rows[LEAT_MAX_RANK + 1] = "",
                               columns[LEAT_MAX_RANK + 1] = "";
    char wanted[128];
    operand y = {NULL, ""};
    snprintf(wanted, sizeof wanted, "%s%s", kept, b.label);
    sum_out(&a, wanted);
    snprintf(wanted, sizeof wanted, "%s%s", kept, a.label);
    sum_out(&b, wanted);
    if (!a.x || !b.x) return y;
    for (const char *c = a.label; *c; c++) {
        char *to = !has(b.label, *c) ? rows : has(kept, *c) ? batch : inner;
        append(to, *c);
    }
    for (const char *c = b.label; *c; c++)
        if (!has(a.label, *c)) append(columns, *c);
    if (strlen(batch) + strlen(rows) + strlen(columns) > LEAT_MAX_RANK) {
        wrong(g, formula, "a product in between has too many dimensions");
        return y;
    }
    leat_shape shape = {.rank = 0};
    const char *const parts[] = {batch, rows, columns};
    for (int i = 0; i < 3; i++)
        for (const char *c = parts[i]; *c; c++) {
            y.label[shape.rank] = *c;
            shape.dim[shape.rank++] = size_of(i < 2 ? &a : &b, *c);
        }
    y.label[shape.rank] = '\0';
    leat_tensor *product = leat_matmul_t(join_axes(&a, batch, rows, inner), false,
                                         join_axes(&b, batch, columns, inner), true);
    y.x = leat_reshape(product, shape);
    return y;
}

/* Reads the labels of one operand or of the result: up to ',', '-' or the end. */
static const char *read_labels(const char *from, char *label)
{
    size_t n = 0;
    for (; *from && *from != ',' && *from != '-'; from++) {
        if (*from == ' ') continue;
        if (!is_letter(*from) || n == LEAT_MAX_RANK) return NULL;
        label[n++] = *from;
    }
    label[n] = 0;
    return from;
}

/* Without "->": the labels that occur once, in the order of the alphabet. */
static void default_result(const operand *in, size_t count, char *result)
{
    size_t n = 0;
    for (char c = 'A'; c <= 'z' && n < LEAT_MAX_RANK; c++) {
        size_t seen = 0;
        if (!is_letter(c)) continue;
        for (size_t i = 0; i < count; i++)
            for (const char *l = in[i].label; *l; l++) seen += *l == c;
        if (seen == 1) result[n++] = c;
    }
    result[n] = 0;
}

enum { MOST = 8 };

static const char *parse(const char *formula, size_t count, operand *in, char *result)
{
    const char *at = formula;
    for (size_t i = 0; i < count; i++) {
        if (!(at = read_labels(at, in[i].label))) return "axes are single letters, at most 8";
        if (i + 1 < count && *at++ != ',') return "it names fewer operands than there are";
    }
    if (!*at) {
        default_result(in, count, result);
        return NULL;
    }
    if (at[0] != '-' || at[1] != '>') return "it names more operands than there are";
    if (!(at = read_labels(at + 2, result)) || *at) return "axes are single letters, at most 8";
    for (const char *c = result; *c; c++) {
        bool found = false;
        for (size_t i = 0; i < count; i++) found |= has(in[i].label, *c);
        if (!found || has(c + 1, *c)) return "the result has an axis twice, or one of no operand";
    }
    return NULL;
}

static const char *check_sizes(size_t count, const operand *in)
{
    int64_t size[128] = {0};
    for (size_t i = 0; i < count; i++) {
        if ((int)strlen(in[i].label) != in[i].x->shape.rank)
            return "an operand has another number of dimensions";
        for (int k = 0; in[i].label[k]; k++) {
            int64_t *s = &size[(unsigned char)in[i].label[k]], dim = in[i].x->shape.dim[k];
            if (*s && *s != dim + 1) return "an axis has two sizes";
            *s = dim + 1;
        }
    }
    return NULL;
}

leat_tensor *leat_einsum(const char *formula, size_t count, leat_tensor *const *operands)
{
    operand in[MOST] = {{NULL, ""}};
    char result[LEAT_MAX_RANK + 1] = "";
    leat_graph *g = NULL;
    bool missing = false;
    for (size_t i = 0; i < count; i++) {
        if (!g) g = leat_tensor_graph(operands[i]);
        missing |= !operands[i];
    }
    if (!g || missing || leati_graph_stopped(g)) return NULL;
    LEATI_CALLED(g, "einsum");
    if (count > MOST) return wrong(g, formula, "at most 8 operands");
    for (size_t i = 0; i < count; i++) in[i].x = operands[i];
    const char *why = parse(formula, count, in, result);
    if (!why) why = check_sizes(count, in);
    if (why) return wrong(g, formula, why);
    for (size_t i = 0; i < count; i++) take_diagonals(&in[i]);
    operand y = in[0];
    for (size_t i = 1; i < count && y.x; i++) {
        char kept[(MOST + 1) * (LEAT_MAX_RANK + 1)];
        size_t n = (size_t)snprintf(kept, sizeof kept, "%s", result);
        for (size_t k = i + 1; k < count; k++)
            n += (size_t)snprintf(kept + n, sizeof kept - n, "%s", in[k].label);
        y = multiply(g, formula, y, in[i], kept);
    }
    if (!y.x) return NULL;
    sum_out(&y, result);
    return y.x ? arrange(&y, result) : NULL;
}
