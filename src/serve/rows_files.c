/* Owns: rows out of delimited text and images in request bodies. */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "frame/read.h"
#include "io/image.h"
#include "learn/conform.h"
#include "model/model.h"
#include "serve/rows_in.h"

extern const leati_reader leati_reader_csv;

/* ---- delimited text ---------------------------------------------------------------------------
 */

static bool ask_cell(leati_rows *x, size_t input, const leati_column *col, size_t row)
{
    const leati_port *p = &x->served->ports[input];
    bool valid = leati_valid(col, row);
    char text[LEATI_NUM_SIZE];
    size_t length;
    switch (p->role) {
    case LEATI_ROLE_CATEGORY:
        return leati_ask_text(x->ask, input,
                              valid ? leati_cell_text(col, row, text, &length) : NULL);
    case LEATI_ROLE_TIME: return leati_ask_time(x->ask, input, valid ? col->i64[row] : INT64_MIN);
    default: return leati_ask_number(x->ask, input, valid ? col->f64[row] : (double)NAN);
    }
}

/* A frame that conforms to the schema, column i for input i. */
static bool ask_frame(leati_rows *x, const leat_frame *f)
{
    for (size_t r = 0; r < f->rows; r++) {
        for (size_t i = 0; i < x->served->inputs; i++)
            if (!ask_cell(x, i, f->column[i], r)) return false;
        x->row++;
        if (!leati_ask_next(x->ask)) return false;
    }
    return true;
}

bool leati_rows_csv(leati_rows *x, const void *data, size_t size)
{
    leat_context *c = x->call->desk->context;
    const leati_served *s = x->served;
    leat_read_options o = leat_read_options_default();
    leati_source *source = NULL;
    leat_frame *f = NULL, *fitting = NULL;
    bool ok = false;
    for (size_t i = 0; i < s->inputs; i++)
        if (s->ports[i].role == LEATI_ROLE_ARRAY)
            return leati_fault_set(&x->call->fault, 415, "unsupported_media_type",
                                   "the input '%.*s' is an array, which delimited text cannot hold",
                                   LEATI_CLIP(s->ports[i].name, s->ports[i].name_length));
    o.header = LEAT_HEADER_YES;
    o.expected = s->csv_types;
    leat_status st = leat_read_report_create(c, &o.report);
    if (st == LEAT_OK) st = leati_source_memory(c, &source, data, size, "the body");
    if (st == LEAT_OK) st = leati_reader_csv.read(c, &f, source, &o, o.report);
    if (st == LEAT_OK) st = leati_conform(c, &fitting, &s->model->schema, f);
    if (st == LEAT_OK) ok = ask_frame(x, fitting);
    else leati_fault_from(&x->call->fault, c);
    leat_frame_release(fitting);
    leat_frame_release(f);
    leati_source_close(source);
    leat_read_report_destroy(o.report);
    return ok;
}

/* ---- images -----------------------------------------------------------------------------------
 */

bool leati_rows_takes_image(const leati_served *s)
{
    const leati_port *p = s->ports;
    return s->inputs == 1 && p->role == LEATI_ROLE_ARRAY && p->shape[0] > 1 && p->shape[1] > 1 &&
           (p->shape[2] == 1 || p->shape[2] == 3);
}

/* As folders of images are read: resized to the model's size, 0 to 255 (to 1 for numbers whose
 * training values stayed there). */
static void elements_of(const leati_port *p, const uint8_t *pixels, double *out)
{
    bool unit = p->item != LEATI_ITEM_U8 && isfinite(p->high) && p->high <= 1;
    for (size_t i = 0; i < p->elements; i++) out[i] = unit ? pixels[i] / 255.0 : pixels[i];
}

bool leati_rows_image(leati_rows *x, const void *data, size_t size)
{
    leat_context *c = x->call->desk->context;
    const leati_port *p = x->served->ports;
    leati_image_head head;
    char why[LEATI_IMAGE_WHY] = "";
    size_t channels = p->shape[2], pixels;
    leat_status st = leati_image_probe(data, size, &head, why);
    if (st != LEAT_OK)
        return leati_fault_set(&x->call->fault, st == LEAT_UNSUPPORTED ? 415 : 422, "invalid_image",
                               "the image cannot be read: %s", why);
    pixels = head.width * head.height * channels; /* LEATI_IMAGE_MOST_PIXELS bounds it */
    uint8_t *whole = leati_alloc(c, pixels), *fitted = leati_alloc(c, p->elements);
    float *room = leati_array(c, head.height * p->shape[1] * channels, sizeof *room);
    bool ok = whole && fitted && room;
    if (!ok) {
        leati_fault_from(&x->call->fault, c);
    } else if (leati_image_decode(c, data, size, &head, channels, whole, why) != LEAT_OK) {
        ok = leati_fault_set(&x->call->fault, 422, "invalid_image", "the image cannot be read: %s",
                             why);
    } else {
        leati_image_resize(whole, head.height, head.width, channels, fitted, p->shape[0],
                           p->shape[1], room);
        elements_of(p, fitted, x->ask->elements);
        x->row++;
        ok = leati_ask_array(x->ask, 0, x->ask->elements, p->elements) && leati_ask_next(x->ask);
    }
    leati_free(whole);
    leati_free(fitted);
    leati_free(room);
    return ok;
}
