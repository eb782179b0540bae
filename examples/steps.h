/* The number of steps on the command line of an example. */
#ifndef STEPS_H
#define STEPS_H

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

/* Argument `i`, a whole number above 0, or `usual` where it is left out. Anything else ends the
 * program with how it is called, before it writes anything. */
static inline int steps_of(int argc, char **argv, int i, int usual, const char *usage)
{
    char *end;
    if (argc <= i) return usual;
    errno = 0;
    long steps = strtol(argv[i], &end, 10);
    if (*argv[i] && !*end && !errno && steps > 0 && steps <= INT_MAX) return (int)steps;
    fprintf(stderr, "%s: '%s' is no number of steps\nusage: %s\n", argv[0], argv[i], usage);
    exit(2);
}

#endif
