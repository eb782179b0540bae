/* The inside of a model. */
#ifndef LEATI_MODEL_MODEL_H
#define LEATI_MODEL_MODEL_H

#include <stdatomic.h>

#include <leat/model.h>

#include "base/file.h"
#include "learn/pipeline.h"

enum { LEATI_MODEL_FORMAT = 1 };

/* What a member that is read as text may have, unpacked: model.json, of which a tree is made, and
 * card.md; reference.json, which is about 700 bytes per input. */
#define LEATI_MODEL_TEXT      ((uint64_t)64 << 20)
#define LEATI_MODEL_REFERENCE ((uint64_t)256 << 20)

struct leat_model {
    atomic_uint references;
    char *name;
    leati_schema schema;
    leati_pipeline pipeline;
    char *json, *reference, *card; /* members of the file, as text */
    const char *weights;           /* safetensors block, in one of the next two */
    size_t weights_size;
    char *weights_block;
    leati_bytes file;
    uint32_t *inputs; /* columns of the schema that are used */
    size_t input_count;
};

/* What a model is made of. Texts are JSON objects written as they are. */
typedef struct leati_model_parts {
    const char *name;
    const leati_schema *schema; /* copied */
    leati_pipeline *pipeline;   /* fitted; moved into the model on success */
    const char *metrics;        /* JSON object */
    const char *lineage;        /* JSON object: data hash, rows, seed, cpu level, configuration */
    const char *reference;      /* JSON object */
    const char *card;           /* Markdown */
} leati_model_parts;

/* Whether it learned from exactly this table, by the hash that it records. */
bool leati_model_learned_from(const leat_model *m, const leat_frame *frame);

leat_status leati_model_create(leat_context *c, leat_model **out, const leati_model_parts *parts);

/* Reference distributions of inputs and target over the samples of a problem, as JSON: for numbers
 * the edges of at most 20 bins with counts and means, for texts the counts of the most frequent
 * values, for arrays the same of the mean of their elements; missing counts for all. held_out,
 * which may be NULL, holds what the model's kind said about samples it had not seen (NaN where it
 * said nothing): their distribution, calibration and scores are added. leati_free. */
leat_status leati_reference_make(leat_context *c, const leati_problem *problem,
                                 const leati_predictions *held_out, char **out);

/* From model.json and weights alone, without archive and hashes: for the fuzz target. */
leat_status leati_model_from_members(leat_context *c, leat_model **out, const char *json_text,
                                     const char *weights, size_t weights_size);
/* A model from the bytes of its file. The second form takes the bytes on success, and *bytes is
 * empty then: the model needs no copy of its weights. */
leat_status leati_model_parse(leat_context *c, leat_model **out, leati_bytes bytes,
                              const char *name);
leat_status leati_model_take(leat_context *c, leat_model **out, leati_bytes *bytes,
                             const char *name);
/* FORMAT where the member of that name has more than `most` bytes, unpacked. */
struct leati_zip;
leat_status leati_model_text_fits(leat_context *c, const struct leati_zip *zip, const char *name,
                                  uint64_t most);
/* The bytes that the file has once it is unpacked, all members together, or as it is where that is
 * more; the archive's directory is read, no member. */
leat_status leati_model_unpacked(leat_context *c, leati_bytes bytes, const char *name,
                                 uint64_t *size);

#endif
