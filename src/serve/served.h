/* One version of a model that is being served: immutable, shared by all workers, reference counted.
 *
 * What the protocols say about it (names, types, shapes, metadata) is made once, when it is opened.
 * Each thread that answers (slot) has an own context and session (ask.h), made and warmed up before
 * the version is seen by anybody. */
#ifndef LEATI_SERVE_SERVED_H
#define LEATI_SERVE_SERVED_H

#include <leat/model.h>

#include <stdatomic.h>

#include "base/file.h"
#include "base/map.h"
#include "learn/schema.h"
#include "serve/ask.h"
#include "serve/batch_tally.h"
#include "serve/line_log.h"

/* An input as the protocols see it. Texts belong to the model. */
typedef struct leati_port {
    const char *name;
    size_t name_length;
    leati_role role; /* texts are CATEGORY, */
    bool sequence;   /* also those that the model reads token by token */
    leat_type type;
    const char *datatype; /* of the Open Inference Protocol: "FP64" */
    size_t elements;      /* of one row: 1, or the product of shape */
    size_t shape[3];      /* ARRAY */
    leati_item item;      /* ARRAY */
    double low, high;     /* of the training values; NaN without */
    const char *example;  /* a JSON value like those of training */
} leati_port;

enum { LEATI_CLASS_STEP = 16 };

/* Written by its worker alone, read by others. Nanoseconds; after Triton's statistics. */
typedef struct leati_tally {
    _Alignas(64) atomic_uint_least64_t requests, rows, failed;
    atomic_uint_least64_t total_ns, failed_ns, queue_ns, input_ns, infer_ns, output_ns;
    atomic_uint_least64_t runs;                 /* of the model */
    atomic_uint_least64_t hits, hit_ns, misses; /* of the response cache */
    atomic_uint_least64_t last_ms;              /* since 1970 */
    leati_batch_tally batch[LEATI_BATCH_BINS];
} leati_tally;

static inline void leati_tally_add(atomic_uint_least64_t *n, uint64_t more)
{
    uint64_t old = atomic_load_explicit(n, memory_order_relaxed);
    atomic_store_explicit(n, old + more, memory_order_relaxed);
}

struct leati_served_graph;

typedef struct leati_served {
    atomic_uint references;
    leat_context *context;            /* that it was opened with; not used while it serves */
    leat_model *model;                /* NULL: it is a graph */
    struct leati_served_graph *graph; /* imported; ports, ask and what is said of rows are empty */
    const char *estimator, *target;   /* "lda", "species"; "onnx", "" */
    char *name;
    uint32_t version;
    atomic_bool preferred; /* answers where no version is named */
    char version_text[12];
    char etag[67];     /* the SHA-256 of its file in double quotes */
    leati_port *ports; /* (inputs) */
    size_t inputs;
    leati_map names; /* of the inputs */
    bool matrix;     /* all inputs are numbers: they also come as one tensor (rows, inputs) */
    size_t classes;
    bool probabilities;
    leat_type answer;     /* of the prediction: F64, I64 or STRING */
    char **class_json;    /* (classes) as they stand in answers: "\"setosa\"", "3" */
    size_t *class_length; /* (classes) */
    size_t class_longest;
    /* As elements of binary tensors: class k is the bytes class_at[k] to class_at[k + 1] - 1, with
     * LEATI_CLASS_STEP readable ones behind the last. */
    char *class_bytes;
    size_t *class_at;              /* (classes + 1) */
    bool class_short;              /* none is longer than LEATI_CLASS_STEP */
    char *metadata;                /* answer to GET /v2/models/{model} but for "versions" */
    char *describe;                /* answer to GET /api/v1/{model} */
    char *schema;                  /* OpenAPI: the schema of a row */
    char *path;                    /* OpenAPI: what /api/v1/{model} takes and gives */
    char *csv_types;               /* leat_read_options.expected of delimited text */
    char *csv_once;                /* leat_read_options.once of delimited text */
    leati_ask *ask;                /* (workers) */
    leati_tally *tally;            /* (slots) */
    struct leati_watched *watched; /* NULL: nobody watches */
    uint32_t slots;
    uint64_t unpacked;                  /* bytes of its file, once unpacked */
    uint64_t row_ns;                    /* a row takes so long, once warm */
    size_t row_bytes;                   /* in a request, at least */
    struct leati_response_cache *cache; /* NULL: none */
    uint64_t serial;                    /* in it */
    size_t join_rows;                   /* most rows of a joined run; 0: joining does not pay */
    bool join_on_loop;                  /* such a run is short enough for an event loop */
} leati_served;

/* What a server gives to all its versions. */
typedef struct leati_served_plan {
    uint32_t slots;     /* threads that answer */
    uint32_t unhurried; /* the last of them, for whom nobody waits: they are not warmed up */
    uint32_t loops;     /* the first of them are event loops */
    uint32_t join_rows; /* most rows of a joined run, at most LEATI_JOIN_MOST; 0 and 1: never */
    struct leati_response_cache *cache; /* NULL: none */
    bool join_waits; /* joined requests may wait for others, which event loops do not */
    leati_say say;   /* what whoever runs the server should know */
} leati_served_plan;

/* Reads the file and warms up; `name` is checked. In contexts of its own, branches of `parent`;
 * why: the message on failure. */
leat_status leati_served_open(leat_context *parent, const char *path, const char *name,
                              uint32_t version, const leati_served_plan *plan, leati_served **out,
                              leati_fault *why);
/* The same from the bytes of a file, which messages call `what`. */
leat_status leati_served_parse(leat_context *parent, leati_bytes bytes, const char *what,
                               const char *name, uint32_t version, const leati_served_plan *plan,
                               leati_served **out, leati_fault *why);
/* of: the SHA-256 of these bytes in double quotes. */
void leati_served_etag(const void *data, size_t size, char etag[67]);
/* Once, before anybody asks it; path: of its file. Watch NULL: nothing. */
struct leati_watch;
leat_status leati_served_watch(leati_served *s, struct leati_watch *watch, const char *path);
leati_served *leati_served_retain(leati_served *s);
void leati_served_release(leati_served *s); /* NULL is fine */

/* A name that may stand in a path: letters, digits, '.', '_', '-', at most 128, no dot first. */
bool leati_served_name_fits(const char *name, size_t length);

/* warm_up.c: runs what is made on first use before the first request, for the thread of the slot;
 * slot 0 measures, and decides whether requests are joined. */
leat_status leati_served_warm_up(leati_served *s, const leati_served_plan *plan, uint32_t slot,
                                 leati_fault *why);

/* served_about.c: makes ports, metadata, describe, schema. */
leat_status leati_served_describe(leat_context *c, leati_served *s);
/* served_graph_about.c: the same of a graph. */
leat_status leati_served_describe_graph(leat_context *c, leati_served *s);
/* openapi.c: makes path; behind the others. */
leat_status leati_served_describe_path(leat_context *c, leati_served *s);

#endif
