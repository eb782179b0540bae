/* Times operations on tables, as bench/table_vs_pandas.py has them.
 *
 *   table_bench TABLE.npz CUSTOMERS.npz IDS.npz THREADS OPERATION ARGUMENT [...]
 *
 * One line for each operation: name, seconds, rows of the result, peak memory so far in MB. `join`
 * is an inner join with the customers, `leftjoin` a left one with the ids; their argument is the
 * key. A text column `city` is made of the whole numbers `store` first: 7 gives "city 7". */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <leat/leat.h>

#include "clock.h"

enum { TABLE, CUSTOMERS, IDS, FILES };

static leat_status apply(leat_context *c, leat_frame **out, leat_frame *const *f,
                         const char *operation, const char *argument)
{
    if (strcmp(operation, "join") == 0)
        return leat_table_join_frames(c, out, f[TABLE], f[CUSTOMERS], argument, LEAT_JOIN_INNER);
    if (strcmp(operation, "leftjoin") == 0)
        return leat_table_join_frames(c, out, f[TABLE], f[IDS], argument, LEAT_JOIN_LEFT);
    return leat_table_apply(c, out, f[TABLE], operation, argument);
}

static leat_status run(leat_context *c, char **argv, int count)
{
    leat_frame *plain = NULL, *f[FILES] = {NULL}, *made;
    leat_status st = leat_frame_read(c, &plain, argv[TABLE], NULL);
    if (st == LEAT_OK) st = leat_frame_read(c, &f[CUSTOMERS], argv[CUSTOMERS], NULL);
    if (st == LEAT_OK) st = leat_frame_read(c, &f[IDS], argv[IDS], NULL);
    if (st == LEAT_OK) st = leat_table_derive(c, &f[TABLE], plain, "city = 'city ' + text(store)");
    leat_frame_release(plain);
    for (int i = FILES + 1; st == LEAT_OK && i + 1 < count; i += 2) {
        double start = now();
        st = apply(c, &made, f, argv[i], argv[i + 1]);
        double seconds = now() - start;
        if (st != LEAT_OK) break;
        printf("%s %.6f %zu %.0f\n", argv[i], seconds, leat_frame_rows(made),
               (double)peak_kilobytes() * 1.024e-3);
        leat_frame_release(made);
    }
    for (int i = 0; i < FILES; i++) leat_frame_release(f[i]);
    return st;
}

int main(int argc, char **argv)
{
    leat_context *c;
    leat_context_options o = leat_context_options_default();
    if (argc < 7) {
        fprintf(stderr, "usage: table_bench TABLE CUSTOMERS IDS THREADS OPERATION ARGUMENT ...\n");
        return 2;
    }
    o.threads = (unsigned)atoi(argv[4]);
    if (leat_context_create(&c, &o) != LEAT_OK) return 1;
    leat_status st = run(c, argv + 1, argc - 1);
    if (st != LEAT_OK) fprintf(stderr, "%s\n", leat_error_message(c));
    leat_context_destroy(c);
    return st != LEAT_OK;
}
