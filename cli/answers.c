/* Owns: what commands that predict print and write. */
#include "answers.h"

#include <string.h>

#include <leat/read.h>

#include "load.h"

static leat_status print_json(cli *c, const leat_frame *f, const char *path)
{
    leat_json *j = leat_json_create(c->context, 0);
    leat_json_begin_object(j, NULL);
    leat_json_int(j, "rows", (int64_t)leat_frame_rows(f));
    if (path) leat_json_string(j, "output", path);
    leat_json_begin_array(j, "predictions");
    for (size_t i = 0; !path && i < leat_frame_rows(f); i++) {
        leat_json_begin_object(j, NULL);
        for (size_t k = 0; k < leat_frame_columns(f); k++) {
            const char *text;
            size_t n;
            double value;
            const char *name = leat_frame_name(f, k);
            if (leat_frame_text(f, k, i, &text, &n)) leat_json_stringn(j, name, text, n);
            else if (leat_frame_number(f, k, i, &value)) leat_json_number(j, name, value);
            else leat_json_null(j, name);
        }
        leat_json_end_object(j);
    }
    leat_json_end_array(j);
    leat_json_end_object(j);
    return cli_print_json(c, j);
}

const char *cli_answers_path(cli *c)
{
    const char *path = cli_value(c, "output");
    return path && strcmp(path, "-") != 0 ? path : NULL;
}

leat_status cli_write_answers(cli *c, const leat_frame *answers)
{
    const char *path = cli_answers_path(c);
    if (c->json && !path) return print_json(c, answers, NULL);
    leat_write_options o = leat_write_options_default();
    if (!path) o.format = "csv";
    leat_status st = leat_frame_write(c->context, answers, path ? path : "-", &o);
    if (st != LEAT_OK || !path) return st;
    if (c->json) return print_json(c, answers, path);
    char size[80];
    cli_size_text(answers, size, sizeof size);
    cli_say(c, "wrote %s: %s\n", path, size);
    return LEAT_OK;
}

leat_status cli_name_files(cli *c, const leat_frame *frame, leat_frame **answers)
{
    size_t path;
    leat_frame *named;
    if (leat_frame_type(frame, 0) != LEAT_ARRAY || !leat_frame_find(frame, "path", &path))
        return LEAT_OK;
    leat_status st = leat_frame_lead(c->context, *answers, frame, path, &named);
    if (st != LEAT_OK) return st;
    leat_frame_release(*answers);
    *answers = named;
    return LEAT_OK;
}
