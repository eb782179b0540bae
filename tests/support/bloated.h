/* Model files that unpack to far more than they have. */
#ifndef BLOATED_H
#define BLOATED_H

#include "base/file.h"

/* The archive with its members compressed and so many blanks behind one of them, which JSON
 * allows. leati_bytes_release. */
leat_status leattest_bloated(leat_context *c, leati_bytes archive, const char *member,
                             size_t blanks, leati_bytes *out);

#endif
