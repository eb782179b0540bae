/* Convolutions and pools: against the reference, differences, and hand-made cases. */
#include <leat/function.h>

#include "support/opcheck.h"

static leat_tensor *conv(leat_tensor *const *in, const void *arg)
{
    return leat_conv(in[0], in[1], arg);
}

static leat_tensor *conv_transpose(leat_tensor *const *in, const void *arg)
{
    return leat_conv_transpose(in[0], in[1], arg);
}

static leat_tensor *pool_max(leat_tensor *const *in, const void *arg)
{
    return leat_pool_max(in[0], arg, NULL);
}

static leat_tensor *pool_avg(leat_tensor *const *in, const void *arg)
{
    return leat_pool_avg(in[0], arg);
}

static leat_window window(int64_t kernel, int64_t stride, int64_t pad, bool last)
{
    leat_window w = leat_window_default();
    for (int i = 0; i < 3; i++) {
        w.kernel[i] = kernel;
        w.stride[i] = stride;
        w.pad_low[i] = w.pad_high[i] = pad;
    }
    w.channels_last = last;
    return w;
}

static void convolutions(leattest *t)
{
    leat_window plain = window(0, 0, 1, false), last = window(0, 2, 1, true), odd, deep, line,
                depth;
    odd = window(0, 2, 0, false);
    odd.groups = 2;
    odd.dilation[1] = 2;
    odd.pad_low[0] = 2;
    deep = window(0, 2, 1, true);
    deep.dilation[0] = 2;
    line = window(0, 3, 2, false);
    depth = leat_window_default();
    depth.groups = 4;
    const opcheck cases[] = {
        {OPCHECK("conv", conv, &plain, LEAT_DIMS(2, 3, 5, 6), LEAT_DIMS(4, 3, 3, 3)),
         .second_order = 1},
        {OPCHECK("conv last", conv, &last, LEAT_DIMS(2, 7, 6, 3), LEAT_DIMS(5, 3, 3, 2))},
        {OPCHECK("conv odd", conv, &odd, LEAT_DIMS(2, 4, 6, 7), LEAT_DIMS(6, 2, 2, 3))},
        {OPCHECK("depthwise", conv, &depth, LEAT_DIMS(1, 4, 5, 5), LEAT_DIMS(4, 1, 3, 3))},
        {OPCHECK("conv 1-D", conv, &line, LEAT_DIMS(2, 3, 11), LEAT_DIMS(2, 3, 4))},
        {OPCHECK("conv 3-D", conv, &deep, LEAT_DIMS(2, 5, 4, 5, 2), LEAT_DIMS(3, 2, 2, 3, 2))},
        {OPCHECK("conv 3-D first", conv, &plain, LEAT_DIMS(1, 2, 3, 4, 3),
                 LEAT_DIMS(3, 2, 3, 2, 3))},
        {OPCHECK("pointwise", conv, NULL, LEAT_DIMS(3, 4, 2, 2), LEAT_DIMS(5, 4, 1, 1))}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) opcheck_run(t, &cases[i]);
}

static void transposes(leattest *t)
{
    leat_window plain = window(0, 2, 1, false), last, deep = window(0, 2, 0, false);
    plain.output_padding[0] = 1;
    last = window(0, 3, 0, true);
    last.groups = 2;
    const opcheck cases[] = {
        {OPCHECK("transpose", conv_transpose, &plain, LEAT_DIMS(2, 3, 4, 3), LEAT_DIMS(3, 2, 3, 3)),
         .second_order = 1},
        {OPCHECK("transpose last", conv_transpose, &last, LEAT_DIMS(2, 3, 2, 4),
                 LEAT_DIMS(4, 3, 2, 3))},
        {OPCHECK("transpose 3-D", conv_transpose, &deep, LEAT_DIMS(1, 2, 2, 3, 2),
                 LEAT_DIMS(2, 3, 2, 2, 3))}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) opcheck_run(t, &cases[i]);
}

static void pools(leattest *t)
{
    leat_window plain = window(2, 0, 0, false), last = window(3, 2, 1, true), padded, up, wide;
    padded = window(3, 2, 1, false);
    padded.count_padding = true;
    up = window(3, 2, 0, false);
    up.ceil_mode = true;
    wide = window(2, 1, 1, true);
    wide.dilation[0] = wide.dilation[1] = 2;
    const struct {
        const char *name;
        const leat_window *w;
        leat_shape x;
    } rows[] = {{"pool", &plain, LEAT_DIMS(2, 3, 6, 4)},
                {"pool last", &last, LEAT_DIMS(2, 7, 6, 5)},
                {"pool padded", &padded, LEAT_DIMS(1, 2, 5, 6)},
                {"pool ceil", &up, LEAT_DIMS(1, 2, 6, 8)},
                {"pool dilated", &wide, LEAT_DIMS(1, 6, 7, 3)},
                {"pool 1-D", &plain, LEAT_DIMS(2, 3, 8)},
                {"pool 3-D", &last, LEAT_DIMS(1, 4, 5, 4, 2)}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        opcheck_run(t, &(opcheck){OPCHECK(rows[i].name, pool_max, rows[i].w, rows[i].x)});
        opcheck_run(t, &(opcheck){OPCHECK(rows[i].name, pool_avg, rows[i].w, rows[i].x),
                                  .second_order = true});
    }
}

static const leattest_case cases[] = {TEST(convolutions), TEST(transposes), TEST(pools)};
LEATTEST_MAIN(cases)
