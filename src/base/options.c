/* Owns: taking over a caller's options. */
#include "base/options.h"

#include <string.h>

#include "base/error.h"

leat_status leati_options_take(leat_context *c, void *out, size_t size, const void *given,
                               const char *type)
{
    uint32_t known;
    if (!given) return LEAT_OK;
    memcpy(&known, given, sizeof known);
    LEATI_CHECK(c, known >= sizeof known, LEAT_INVALID,
                "%s: struct_size is %u: begin with the default that the header declares beside it",
                type, (unsigned)known);
    LEATI_CHECK(c, known <= size, LEAT_INVALID,
                "%s: struct_size is %u, this version of Leat (%s) knows %zu bytes: the program was "
                "compiled for a newer one",
                type, (unsigned)known, leat_version(), size);
    memcpy(out, given, known);
    return LEAT_OK;
}
