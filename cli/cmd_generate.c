/* leat generate: text from a model of language. */
#include <stdlib.h>
#include <string.h>

#include <leat/generate.h>

#include "command.h"

typedef struct text {
    cli *c;
    char *all; /* for --json */
    size_t length, room;
} text;

static bool keep(text *t, const char *part, size_t length)
{
    if (t->length + length + 1 > t->room) {
        size_t room = 2 * t->room + length + 256;
        char *all = realloc(t->all, room);
        if (!all) return false;
        t->all = all;
        t->room = room;
    }
    memcpy(t->all + t->length, part, length);
    t->length += length;
    t->all[t->length] = '\0';
    return true;
}

static bool write_part(void *user, const char *part, size_t length)
{
    text *t = user;
    if (t->c->json) return keep(t, part, length);
    return fwrite(part, 1, length, stdout) == length && fflush(stdout) == 0;
}

static leat_status run_generate(cli *c)
{
    leat_generate_options o = leat_generate_options_default();
    text t = {.c = c};
    leat_model *model = NULL;
    long length = (long)o.length;
    const char *start = c->arguments[1];
    const char *temperature = cli_value(c, "temperature");
    leat_status st = cli_whole(c, "length", 1, 1000000000, &length);
    if (st == LEAT_OK && temperature) {
        char *end;
        o.temperature = strtod(temperature, &end);
        if (end == temperature || *end || !(o.temperature >= 0))
            st = cli_usage(c, "--temperature takes a number, 0 or more, not '%s'", temperature);
    }
    o.length = (size_t)length;
    o.write = write_part;
    o.user = &t;
    if (st == LEAT_OK) st = leat_model_open(c->context, &model, c->arguments[0]);
    if (st == LEAT_OK) st = leat_model_generate(c->context, model, start, &o);
    if (st == LEAT_OK && c->json) {
        leat_json *j = leat_json_create(c->context, 0);
        leat_json_begin_object(j, NULL);
        leat_json_stringn(j, "text", t.all ? t.all : "", t.length);
        leat_json_end_object(j);
        st = cli_print_json(c, j);
    } else if (st == LEAT_OK) {
        putchar('\n');
    }
    free(t.all);
    leat_model_release(model);
    return st;
}

static const cli_option options[] = {
    {"length", 'l', "N", "characters or words to write, what the model counts in; default 200",
     false},
    {"temperature", 't', "T",
     "below 1 the probable more often, above 1 more varied, 0 the most probable always; default "
     "0.8",
     false},
    {0}};

const cli_command cli_command_generate = {
    .name = "generate",
    .arguments = "MODEL.leat START",
    .least = 2,
    .most = 2,
    .summary = "text from a model of language",
    .details =
        "The model was fitted on the windows of a text (leat fit novel.txt --text 64 --target "
        "next).\nIt goes on from START, token by token; --seed gives another text.",
    .examples = "  leat generate language.leat \"ROMEO:\" --length 400\n"
                "  leat generate language.leat \"To be, or not to be\" --temperature 0.5 --seed 7",
    .options = options,
    .run = run_generate,
};
