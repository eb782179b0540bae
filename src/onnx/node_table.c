/* Owns: the table of operators. */
#include <stdlib.h>
#include <string.h>

#include "onnx/operators.h"

static const leati_oop rows[] = {
#define X(domain, Name) {domain, #Name, leati_on_##Name},
#define MICROSOFT(Name) {"com.microsoft", #Name, leati_on_microsoft_##Name},
#include "onnx/operators.def"
#undef MICROSOFT
#undef X
};

static int compare(const void *key, const void *row)
{
    const leati_oop *a = key, *b = row;
    int order = strcmp(a->domain, b->domain);
    return order ? order : strcmp(a->name, b->name);
}

const leati_oop *leati_oop_find(const char *domain, const char *name)
{
    leati_oop key = {leati_onnx_domain(domain), name, NULL};
    return bsearch(&key, rows, sizeof rows / sizeof *rows, sizeof *rows, compare);
}
