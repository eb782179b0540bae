/* Texts of layers, losses and optimisers: the first byte says which. Layers are built for a small
 * input too, so that parameters reach the graph. */
#include <stdint.h>
#include <string.h>

#include "base/arena.h"
#include "base/mem.h"
#include "nn/loss.h"
#include "nn/network.h"
#include "nn/optimizer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_layers(leat_context *c, const char *text, char kind)
{
    static const leat_shape shapes[] = {{1, {6}}, {2, {4, 6}}, {3, {4, 4, 2}}};
    leati_network *n;
    if (leati_network_create(c, text, shapes[kind % 3], &n) == LEAT_OK) leati_network_destroy(n);
}

/* What a loss makes of three classes. */
static void read_loss(leat_context *c, const char *text)
{
    static const uint32_t label[] = {0, 1, 2};
    static const double x[] = {1, 2, 3};
    const leati_dataset d = {
        .x = {.rows = 3, .cols = 1, .stride = 1, .f64 = x}, .label = label, .classes = 3};
    leati_loss *loss;
    if (leati_loss_parse(c, text, &loss) != LEAT_OK) return;
    if (leati_loss_see(c, loss, &d) != LEAT_OK) leat_error_clear(c);
    leati_free(loss);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    leat_context_options o = leat_context_options_default();
    leat_context *c;
    o.max_bytes = 64u << 20;
    o.threads = 1;
    if (size == 0 || size > 4096 || leat_context_create(&c, &o) != LEAT_OK) return 0;
    char text[4097];
    memcpy(text, data + 1, size - 1);
    text[size - 1] = 0;
    leati_optimizer *optimizer;
    if (data[0] == 'l') read_loss(c, text);
    if (data[0] == 'o' && leati_optimizer_parse(c, text, &optimizer) == LEAT_OK)
        leati_free(optimizer);
    if (data[0] >= '0' && data[0] <= '2') read_layers(c, text, (char)(data[0] - '0'));
    leat_context_destroy(c);
    return 0;
}
