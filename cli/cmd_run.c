/* leat run: an ONNX model on arrays. */
#include <leat/onnx.h>

#include "command.h"

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
        for (size_t i = 0; st == LEAT_OK && i < leat_onnx_model_outputs(m); i++)
            cli_say(c, "%s: written to %s\n", leat_onnx_model_output_name(m, i),
                    folder ? folder : ".");
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
        "Elements are converted to the types of the inputs, which must have them: 2.5 is no int64.",
    .examples = "leat run mobilenet.onnx image.npy -o out",
    .options = options,
    .run = run_run,
};
