/* Training a model again from its lineage, and comparing the bytes. */
#ifndef LEAT_REPRODUCE_H
#define LEAT_REPRODUCE_H

#include <leat/model.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct leat_reproduction {
    char was[65], is[65]; /* SHA-256 of the model file and of the one made now */
    char data[1024];      /* what was read */
    char cpu[16];         /* level that the model was made with, and is made with again */
    char version[32];     /* of the Leat that made it */
    uint64_t seed;
    bool identical;
    char difference[1024]; /* what differs: data (which columns), version, members of the file */
} leat_reproduction;

/* `path`: a model file. `data`: the file or data set it was made from; NULL: what the run's record
 * beside the model names. `context` works with the recorded seed and CPU level meanwhile, and logs
 * nothing; its progress hook, leat_context_cancel and its memory limit hold as in any job.
 * LEAT_DIFFERS when the data or the bytes differ: then *out says what. UNSUPPORTED: this processor
 * lacks the recorded CPU level. */
LEAT_API LEAT_CHECKED leat_status leat_reproduce(leat_context *context, const char *path,
                                                 const char *data, leat_reproduction *out);

/* Runs a model's experiment again and writes its report and, or, its charts as SVG and PNG files.
 * Either path may be NULL. Errors as leat_reproduce; UNSUPPORTED too where this build draws no
 * PNG. */
LEAT_API LEAT_CHECKED leat_status leat_report(leat_context *context, const char *path,
                                              const char *data, const char *html_path,
                                              const char *charts_folder);

#ifdef __cplusplus
}
#endif

#endif
