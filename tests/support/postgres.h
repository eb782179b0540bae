/* A PostgreSQL server of the test's own, in a temporary folder, reached by a socket in it. */
#ifndef LEATTEST_POSTGRES_H
#define LEATTEST_POSTGRES_H

#include "support/leattest.h"

typedef struct leattest_postgres leattest_postgres;

/* NULL with the test marked skipped where PostgreSQL is not installed (or this build has no libpq),
 * with a failed check where it does not start. As root the server runs as another user. */
leattest_postgres *leattest_postgres_start(leattest *t);
const char *leattest_postgres_address(const leattest_postgres *p); /* postgresql://... */
/* Drops all tables. */
bool leattest_postgres_empty(leattest *t, const char *address);
/* Ends it without a word to its clients and without writing anything more; revive starts it again.
 */
void leattest_postgres_kill(leattest_postgres *p);
bool leattest_postgres_revive(leattest_postgres *p);
void leattest_postgres_stop(leattest_postgres *p); /* removes the folder; NULL is fine */

#endif
