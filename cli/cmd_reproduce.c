/* leat reproduce: train a model again and compare the bytes. */
#include <leat/reproduce.h>

#include "command.h"

static leat_status print_json(cli *c, const leat_reproduction *r)
{
    leat_json *j = leat_json_create(c->context, 0);
    leat_json_begin_object(j, NULL);
    leat_json_bool(j, "identical", r->identical);
    leat_json_string(j, "sha256", r->was);
    leat_json_string(j, "sha256_now", r->is);
    leat_json_string(j, "data", r->data);
    leat_json_string(j, "cpu", r->cpu);
    leat_json_int(j, "seed", (int64_t)r->seed);
    leat_json_string(j, "leat_version", r->version);
    leat_json_string(j, "difference", r->difference);
    leat_json_end_object(j);
    return cli_print_json(c, j);
}

static leat_status run_reproduce(cli *c)
{
    leat_reproduction r;
    const char *data = c->count > 1 ? c->arguments[1] : NULL;
    leat_status st = leat_reproduce(c->context, c->arguments[0], data, &r);
    if (st != LEAT_OK && st != LEAT_DIFFERS) return st;
    if (c->json) {
        if (st == LEAT_DIFFERS) leat_error_clear(c->context);
        leat_status printed = print_json(c, &r);
        return printed != LEAT_OK ? printed : st;
    }
    if (st != LEAT_OK) return st;
    cli_say(c, "trained again from %s (seed %llu, CPU level %s, leat %s)\n", r.data,
            (unsigned long long)r.seed, r.cpu, r.version);
    cli_say(c, "identical bytes: sha256 %s\n", r.is);
    return LEAT_OK;
}

const cli_command cli_command_reproduce = {
    .name = "reproduce",
    .arguments = "MODEL.leat [DATA]",
    .least = 1,
    .most = 2,
    .summary = "train a model again from its record and compare the bytes",
    .details = "Uses the data that the run's folder beside the model names, or DATA, with the "
               "recorded\nconfiguration, seed and CPU level. Exits with 1 and says what differs if "
               "the data, the\nversion of Leat or the bytes are not the same.",
    .examples = "  leat reproduce iris.leat",
    .run = run_reproduce,
};
