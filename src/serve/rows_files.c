/* Owns: rows out of files in request bodies: delimited text, images, texts, parts of forms. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "frame/read.h"
#include "io/image.h"
#include "learn/conform.h"
#include "model/model.h"
#include "serve/media.h"
#include "serve/multipart.h"
#include "serve/rows_in.h"

extern const leati_reader leati_reader_csv;

enum { LOOP_PIXELS = 1 << 18 }; /* about as long as other bodies that loops read */

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

/* With the codes that other bodies get; there is but one body to speak of. */
static bool csv_fault(leati_rows *x, leat_status st, const leat_read_report *report, bool was_read)
{
    static const char lead[] = "the body line ";
    enum { SPARE = sizeof "the body " - 1 };
    leati_fault *fault = &x->call->fault;
    bool wrong = was_read || (report && report->wrong_value);
    leati_fault_from(fault, x->call->desk->context);
    if (fault->http != 422) return false;
    if (was_read && st == LEAT_NOT_FOUND) fault->code = "missing_field";
    else if (wrong) fault->code = "invalid_value";
    else if (report && report->twice) fault->code = "duplicate_field";
    if (strncmp(fault->message, lead, sizeof lead - 1) == 0)
        memmove(fault->message, fault->message + SPARE, strlen(fault->message + SPARE) + 1);
    return false;
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
    o.once = s->csv_once;
    leat_status st = leat_read_report_create(c, &o.report);
    if (st == LEAT_OK) st = leati_source_memory(c, &source, data, size, "the body");
    if (st == LEAT_OK) st = leati_reader_csv.read(c, &f, source, &o, o.report);
    /* Files of R have names of rows there; nobody would see it noted here, and a value too many
     * would move all others. */
    if (st == LEAT_OK && o.report->row_names)
        st = LEATI_FAIL(c, LEAT_FORMAT,
                        "every row has one value more than the header has names, %zu",
                        f->columns - 1);
    bool was_read = st == LEAT_OK;
    if (was_read) st = leati_conform(c, &fitting, &s->model->schema, f);
    if (st == LEAT_OK) ok = ask_frame(x, fitting);
    else (void)csv_fault(x, st, o.report, was_read);
    leat_frame_release(fitting);
    leat_frame_release(f);
    leati_source_close(source);
    leat_read_report_destroy(o.report);
    return ok;
}

/* ---- images -----------------------------------------------------------------------------------
 */

static bool is_image(const leati_port *p)
{
    return p->role == LEATI_ROLE_ARRAY && p->shape[0] > 1 && p->shape[1] > 1 &&
           (p->shape[2] == 1 || p->shape[2] == 3);
}

bool leati_rows_takes_image(const leati_served *s)
{
    return s->inputs == 1 && is_image(s->ports);
}

/* As folders of images are read: resized to the model's size, 0 to 255 (to 1 for numbers whose
 * training values stayed there). */
static void elements_of(const leati_port *p, const uint8_t *pixels, double *out)
{
    bool unit = p->item != LEATI_ITEM_U8 && isfinite(p->high) && p->high <= 1;
    for (size_t i = 0; i < p->elements; i++) out[i] = unit ? pixels[i] / 255.0 : pixels[i];
}

/* What a small file unfolds to is held against the memory for long bodies, as they are. */
static bool has_room(leati_rows *x, size_t area, size_t bytes)
{
    leati_http_exchange *exchange = x->call->exchange;
    leati_fault *fault = &x->call->fault;
    if (area <= LOOP_PIXELS || x->call->mirrored) return true;
    if (!leati_exchange_affords(exchange, bytes))
        return leati_fault_set(fault, 413, "too_large",
                               "the image unfolds to %zu bytes, more than this server takes",
                               bytes);
    return leati_exchange_reserve(exchange, bytes) ||
           leati_fault_set(fault, 503, "busy",
                           "too many large images are at hand; try again in a moment");
}

static bool set_image(leati_rows *x, size_t input, const void *data, size_t size)
{
    leat_context *c = x->call->desk->context;
    const leati_port *p = &x->served->ports[input];
    leati_image_head head;
    char why[LEATI_IMAGE_WHY] = "";
    size_t channels = p->shape[2], pixels;
    leat_status st = leati_image_probe(data, size, &head, why);
    if (st != LEAT_OK)
        return leati_fault_set(&x->call->fault, st == LEAT_UNSUPPORTED ? 415 : 422, "invalid_image",
                               "the image cannot be read: %s", why);
    /* A body of some kilobytes can hold as many pixels as are taken. */
    x->large = !x->call->waited && head.width * head.height > LOOP_PIXELS;
    if (x->large) return false;
    pixels = head.width * head.height * channels; /* LEATI_IMAGE_MOST_PIXELS bounds it */
    if (!has_room(x, head.width * head.height, pixels)) return false;
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
        ok = leati_ask_array(x->ask, input, x->ask->elements, p->elements);
    }
    leati_free(whole);
    leati_free(fitted);
    leati_free(room);
    return ok;
}

bool leati_rows_image(leati_rows *x, const void *data, size_t size)
{
    return leati_rows_mark(x, 0) && set_image(x, 0, data, size) && leati_rows_next(x);
}

/* ---- texts ------------------------------------------------------------------------------------
 */

bool leati_rows_takes_text(const leati_served *s)
{
    return s->inputs == 1 && s->ports->role == LEATI_ROLE_CATEGORY && s->ports->type == LEAT_STRING;
}

/* A file's text: without byte order mark, without the end of its last line. */
static void trim(const char **data, size_t *size)
{
    if (*size >= 3 && memcmp(*data, "\xef\xbb\xbf", 3) == 0) *data += 3, *size -= 3;
    if (*size && (*data)[*size - 1] == '\n') --*size;
    if (*size && (*data)[*size - 1] == '\r') --*size;
}

bool leati_rows_plain(leati_rows *x, const void *data, size_t size)
{
    const char *text = data;
    if (size) trim(&text, &size);
    return leati_rows_mark(x, 0) && leati_rows_text(x, 0, text, size) && leati_rows_next(x);
}

/* ---- forms with files -------------------------------------------------------------------------
 */

/* What the model has to go with the part: an input of its name, else, of a file, the only input. */
static size_t input_of(leati_rows *x, const leati_part *part)
{
    leati_json_value name = {.text = part->name, .length = part->name_length};
    size_t input = leati_rows_input(x, &name);
    if (input != SIZE_MAX) return input;
    bool alone = leati_rows_takes_image(x->served) || leati_rows_takes_text(x->served);
    return part->file && alone ? 0 : SIZE_MAX;
}

static bool take_part(leati_rows *x, const leati_part *part)
{
    leati_fault *fault = &x->call->fault;
    size_t input = input_of(x, part), size = part->length;
    const char *data = part->data;
    if (part->media == LEATI_MEDIA_SOUND || part->media == LEATI_MEDIA_MULTIPART)
        return leati_fault_set(fault, 415, "unsupported_media_type",
                               "part '%.*s': a file of this type is not read",
                               LEATI_CLIP(part->name, part->name_length));
    if (input == SIZE_MAX && part->name_length == 7 && memcmp(part->name, "explain", 7) == 0)
        return leati_rows_explain_text(x, data, size);
    if (input == SIZE_MAX) return leati_rows_unknown(x, part->name, part->name_length);
    if (!leati_rows_mark(x, input)) return false;
    if (is_image(&x->served->ports[input])) return set_image(x, input, data, size);
    if (part->media == LEATI_MEDIA_IMAGE || part->media == LEATI_MEDIA_OTHER)
        return leati_fault_set(fault, 415, "unsupported_media_type",
                               "part '%.*s': this input is read from text in UTF-8",
                               LEATI_CLIP(part->name, part->name_length));
    if (part->file) trim(&data, &size);
    return leati_rows_text(x, input, data, size);
}

bool leati_rows_multipart(leati_rows *x, leati_http_text type, const void *data, size_t size)
{
    leati_multipart m;
    leati_part part;
    bool table = false, fields = false;
    x->single = true;
    x->said = false;
    if (!leati_multipart_begin(&m, type, data, size, &x->call->fault)) return false;
    while (leati_multipart_next(&m, &part)) {
        bool rows = part.media == LEATI_MEDIA_CSV;
        bool explains = part.name_length == 7 && memcmp(part.name, "explain", 7) == 0;
        if (table && (rows || !explains))
            return leati_fault_set(&x->call->fault, 422, "invalid_row",
                                   "a form holds a table or one row, not both");
        table = table || rows;
        if (rows && fields)
            return leati_fault_set(&x->call->fault, 422, "invalid_row",
                                   "a form holds a table or one row, not both");
        fields = fields || !explains;
        if (rows ? !leati_rows_csv(x, part.data, part.length) : !take_part(x, &part)) return false;
    }
    return !x->call->fault.http && (table || leati_rows_next(x));
}
