/* leat run: an ONNX model on arrays. */
#include <leat/onnx.h>

#include "command.h"

static void file_json(leat_json *j, const leat_onnx_file *f)
{
    leat_json_begin_object(j, NULL);
    leat_json_string(j, "name", f->output);
    leat_json_string(j, "type", f->type);
    leat_json_begin_array(j, "shape");
    for (int d = 0; d < f->shape.rank; d++) leat_json_int(j, NULL, f->shape.dim[d]);
    leat_json_end_array(j);
    leat_json_string(j, "file", f->path);
    leat_json_end_object(j);
}

static leat_status report(cli *c, const leat_onnx_model *m)
{
    leat_onnx_file f;
    for (size_t i = 0; leat_onnx_model_file_at(m, i, &f); i++)
        cli_say(c, "%s: written to %s\n", f.output, f.path);
    if (!c->json) return LEAT_OK;
    leat_json *j = leat_json_create(c->context, 0);
    leat_json_begin_object(j, NULL);
    leat_json_begin_array(j, "outputs");
    for (size_t i = 0; leat_onnx_model_file_at(m, i, &f); i++) file_json(j, &f);
    leat_json_end_array(j);
    leat_json_end_object(j);
    return cli_print_json(c, j);
}

static leat_status run_run(cli *c)
{
    leat_onnx_model *m;
    const char *folder = cli_value(c, "output");
    leat_status st = leat_onnx_model_open(c->context, c->arguments[0], cli_value(c, "device"), &m);
    if (st != LEAT_OK) return st;
    size_t ins = leat_onnx_model_inputs(m);
    if (ins != (size_t)c->count - 1) {
        st = cli_usage(c, "%s has %zu input%s, the files given are %d", c->arguments[0], ins,
                       ins == 1 ? "" : "s", c->count - 1);
    } else {
        st = leat_onnx_model_run_npy(m, (const char *const *)c->arguments + 1,
                                     folder ? folder : ".");
        if (st == LEAT_OK) st = report(c, m);
    }
    leat_onnx_model_close(m);
    return st;
}

static const cli_option options[] = {
    {"output", 'o', "FOLDER", "where the outputs go, as <name>.npy; default: here", false},
    {"device", 0, "NAME", "cpu, reference or simulated", false},
    {0}};

const cli_command cli_command_run = {
    .name = "run",
    .arguments = "MODEL.onnx|MODEL.leat [INPUT.npy ...]",
    .least = 1,
    .most = -1,
    .summary = "run an ONNX model on arrays",
    .details =
        "One .npy file for each input of the model, in its order (leat show MODEL.onnx); "
        "of .leat files those\nthat leat import wrote. "
        "Elements are converted to the types of the inputs, which must have them: 2.5 is no int64. "
        "Texts are arrays of str.",
    .examples = "  leat run mobilenet.onnx image.npy -o out",
    .options = options,
    .run = run_run,
};
