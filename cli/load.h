/* Reading the table that a command is about: options common to all commands that read one. */
#ifndef LEAT_CLI_LOAD_H
#define LEAT_CLI_LOAD_H

#include <leat/read.h>

#include "command.h"

/* Rows for a command's option table. */
#define CLI_READ_OPTIONS                                                                           \
    {"types", 0, "COL:TYPE,...", "set types: number, whole, bool, text, time", false},             \
        {"missing", 0, "TEXT,...", "what stands for a missing value besides nothing", false},      \
        {"delimiter", 0, "CHAR", "the separator of values; tab for a tabulator", false},           \
        {"decimal", 0, "CHAR", "the decimal mark, . or ,", false},                                 \
        {"header", 0, "yes|no", "whether the first line names the columns", false},                \
        {"images", 0, "HxWxC", "for folders of images: the size that all are brought to", false},  \
        {"text", 0, "LENGTH", "any file as text: windows of LENGTH characters, 64/3: every 3rd",   \
         false},                                                                                   \
        {"tokens", 0, "UNIT", "texts as sequences: words, characters or words(vocabulary=N, ...)", \
         false},                                                                                   \
        {"query", 0, "SQL", "for SQLite files: a SELECT or a table", false},                       \
    {                                                                                              \
        "on-error", 0, "stop|skip", "what to do with rows that do not fit", false                  \
    }

/* Of commands that predict: the context is made with it. */
#define CLI_PRECISION_OPTION                                                                       \
    {                                                                                              \
        "precision", 0, "f32|bf16",                                                                \
            "of products and convolutions of a network; default: as it was trained", false         \
    }

/* The options as the library takes them. */
leat_status cli_read_options(cli *c, leat_read_options *out);
/* The same as a JSON object, to be recorded; free() it. NULL when out of memory. */
char *cli_reading_json(cli *c);
/* Reads a file or a named data set and says what was odd about it. */
leat_status cli_load(cli *c, leat_frame **out, const char *name);
/* The same of data for models: what were texts to them stay texts. With --on-error skip, rows whose
 * values are not of the types of the inputs are left out too, and the notes go to standard error
 * where nothing else is said. */
struct leat_model;
leat_status cli_load_for(cli *c, leat_frame **out, const char *name,
                         struct leat_model *const *models, size_t count);
leat_status cli_load_inputs(cli *c, leat_frame **out, const char *name, struct leat_model *model);
/* The same of rows to be answered, which have the column `path` where they are images of a folder;
 * model NULL: it is elsewhere. */
leat_status cli_load_rows(cli *c, leat_frame **out, const char *name, struct leat_model *model);
/* A prediction log as a table. */
leat_status cli_load_log(cli *c, leat_frame **out, const char *name);
/* The day of a time, in microseconds since 1970: "2026-02-28". */
enum { CLI_DATE = 32 };
void cli_date(double microseconds, char out[CLI_DATE]);
/* An error of usage where --precision is given and the model is no network. */
leat_status cli_check_precision(cli *c, const struct leat_model *model);
/* Whether a path is that of an ONNX file or of a model file that holds one. */
bool cli_is_graph(cli *c, const char *path);
/* "398 rows, 9 columns" */
void cli_size_text(const leat_frame *f, char *out, size_t size);
/* 60000 -> "60,000" */
const char *cli_grouped(size_t n, char out[32]);

#endif
