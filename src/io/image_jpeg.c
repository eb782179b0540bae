/* Owns: reading JPEG files with libjpeg. Its errors jump back to the function that called it, which
 * therefore keeps nothing in registers that it needs afterwards. */
#include <setjmp.h>
#include <stdio.h>

#include "io/image_formats.h"

#if LEAT_HAVE_JPEG
#include <jpeglib.h>

/* A progressive file may go over the same pixels again and again. */
enum { MOST_SCANS = 200 };

typedef struct decoder {
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr errors;
    struct jpeg_progress_mgr watch;
    jmp_buf back;
    char *why;
} decoder;

static void stop(j_common_ptr j)
{
    decoder *d = j->client_data;
    char text[JMSG_LENGTH_MAX];
    j->err->format_message(j, text);
    snprintf(d->why, LEATI_IMAGE_WHY, "a damaged JPEG image: %.100s", text);
    longjmp(d->back, 1);
}

/* Warnings are about data that are not as written, or that end too soon. */
static void message(j_common_ptr j, int level)
{
    if (level < 0) stop(j);
}

static void watch(j_common_ptr j)
{
    decoder *d = j->client_data;
    if (d->jpeg.input_scan_number <= MOST_SCANS) return;
    snprintf(d->why, LEATI_IMAGE_WHY, "a JPEG image of more than %d scans", (int)MOST_SCANS);
    longjmp(d->back, 1);
}

/* Only below setjmp. */
static void begin(decoder *d, const void *data, size_t size)
{
    d->errors.error_exit = stop;
    d->errors.emit_message = message;
    jpeg_create_decompress(&d->jpeg);
    d->jpeg.client_data = d;
    d->watch.progress_monitor = watch;
    d->jpeg.progress = &d->watch;
    jpeg_mem_src(&d->jpeg, data, (unsigned long)size);
    (void)jpeg_read_header(&d->jpeg, TRUE);
}

leat_status leati_jpeg_probe(const void *data, size_t size, leati_image_head *head, char *why)
{
    decoder d = {.why = why};
    d.jpeg.err = jpeg_std_error(&d.errors);
    d.jpeg.client_data = &d;
    volatile leat_status st = LEAT_FORMAT;
    if (setjmp(d.back) == 0) {
        begin(&d, data, size);
        head->width = d.jpeg.image_width;
        head->height = d.jpeg.image_height;
        head->channels = d.jpeg.jpeg_color_space == JCS_GRAYSCALE ? 1 : 3;
        st = LEAT_OK;
        if (d.jpeg.num_components == 4) {
            snprintf(why, LEATI_IMAGE_WHY, "a JPEG image of four colours (CMYK): save it as RGB");
            st = LEAT_UNSUPPORTED;
        }
    }
    jpeg_destroy_decompress(&d.jpeg);
    return st;
}

leat_status leati_jpeg_decode(const void *data, size_t size, const leati_image_head *head,
                              size_t channels, uint8_t *pixels, char *why)
{
    decoder d = {.why = why};
    d.jpeg.err = jpeg_std_error(&d.errors);
    d.jpeg.client_data = &d;
    volatile leat_status st = LEAT_FORMAT;
    if (setjmp(d.back) == 0) {
        begin(&d, data, size);
        d.jpeg.out_color_space = channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
        d.jpeg.dct_method = JDCT_ISLOW;
        (void)jpeg_start_decompress(&d.jpeg);
        if (d.jpeg.output_width != head->width || d.jpeg.output_height != head->height) {
            snprintf(why, LEATI_IMAGE_WHY, "the image changed while it was read");
            longjmp(d.back, 1);
        }
        while (d.jpeg.output_scanline < head->height) {
            JSAMPROW row = pixels + d.jpeg.output_scanline * head->width * channels;
            (void)jpeg_read_scanlines(&d.jpeg, &row, 1);
        }
        (void)jpeg_finish_decompress(&d.jpeg);
        st = LEAT_OK;
    }
    jpeg_destroy_decompress(&d.jpeg);
    return st;
}

#else

static leat_status lacking(char *why)
{
    snprintf(why, LEATI_IMAGE_WHY,
             "a JPEG image, which this build cannot read: build with "
             "libjpeg-dev");
    return LEAT_UNSUPPORTED;
}

leat_status leati_jpeg_probe(const void *data, size_t size, leati_image_head *head, char *why)
{
    (void)data, (void)size, (void)head;
    return lacking(why);
}

leat_status leati_jpeg_decode(const void *data, size_t size, const leati_image_head *head,
                              size_t channels, uint8_t *pixels, char *why)
{
    (void)data, (void)size, (void)head, (void)channels, (void)pixels;
    return lacking(why);
}
#endif
