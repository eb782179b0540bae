/* Answers of a model as a command gives them. */
#ifndef LEAT_CLI_ANSWERS_H
#define LEAT_CLI_ANSWERS_H

#include <leat/frame.h>

#include "command.h"

/* The file of --output; NULL: standard output, also by the name "-". */
const char *cli_answers_path(cli *c);
/* Answers about images say which file each is of: the column `path` of a folder's frame, in front.
 */
leat_status cli_name_files(cli *c, const leat_frame *frame, leat_frame **answers);
/* To that file, else as CSV to standard output; with --json as an object. */
leat_status cli_write_answers(cli *c, const leat_frame *answers);

#endif
