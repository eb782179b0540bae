/* Owns: importing: ONNX files as model files. */
#include <string.h>

#include <leat/exchange.h>

#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/options.h"
#include "model/graph_file.h"
#include "model/onnx_file.h"
#include "onnx/import.h"

/* Opens it as `leat run` would and records it without data, so that what cannot run is refused now,
 * with all that is missing. */
static leat_status try_model(leat_context *c, leati_bytes bytes, const char *path)
{
    leati_omodel *m;
    LEATI_TRY(leati_omodel_parse(c, bytes.data, bytes.size, path, NULL, NULL, &m));
    leat_status st = leati_omodel_try(m);
    leati_omodel_close(m);
    return st == LEAT_OK ? st : leati_error_within(c, "%s: it cannot run", path);
}

leat_status leat_model_import(leat_context *c, const char *from, const char *to,
                              const leat_export_options *options)
{
    leati_bytes bytes;
    leat_export_options o = leat_export_options_default();
    LEATI_TRY(LEATI_OPTIONS(c, leat_export_options, &o, options));
    LEATI_CHECK(c, leati_path_has_suffix(from, ".onnx"), LEAT_INVALID,
                "%s: only ONNX files (.onnx) are imported", from);
    LEATI_TRY(leati_onnx_read_whole(c, &bytes, from));
    char *stem = leati_path_stem(c, from);
    const char *name = o.name ? o.name : stem;
    leat_status st = name ? try_model(c, bytes, from) : leat_error_status(c);
    if (st == LEAT_OK) st = leati_graph_file_write(c, name, bytes.data, bytes.size, to);
    leati_free(stem);
    leati_bytes_release(&bytes);
    return st;
}
