/* Changes of images while training: each does what it says, within its bounds, and depends on seed,
 * epoch and sample only. */
#include "base/mem.h"
#include "base/rng.h"
#include "nn/augment.h"
#include "nn/feed.h"
#include "support/leattest.h"

enum { SIDE = 9, PLANE = SIDE * SIDE, SAMPLES = 1500 };

static void draw(float *x, size_t count)
{
    leati_rng rng;
    leati_rng_init(&rng, 4, LEATI_RNG_TEST, 0);
    for (size_t i = 0; i < count; i++) x[i] = 0.1f + 0.8f * (float)leati_rng_uniform(&rng);
}

static void apply(const leati_augment *a, leat_shape shape, uint64_t sample, const float *x,
                  float *y)
{
    float room[PLANE * 3];
    size_t count = PLANE * (shape.rank == 3 ? (size_t)shape.dim[2] : 1);
    memcpy(y, x, count * sizeof *y);
    leati_augment_apply(a, &shape, 11, 2, sample, y, room);
}

/* Half of the samples; rows backwards, channels in their order. */
static void flips(leattest *t)
{
    leati_augment a = {.flip = true};
    float x[PLANE * 3], y[PLANE * 3];
    size_t flipped = 0;
    draw(x, PLANE * 3);
    for (uint64_t s = 0; s < SAMPLES; s++) {
        apply(&a, LEAT_DIMS(SIDE, SIDE, 3), s, x, y);
        bool same = memcmp(x, y, sizeof x) == 0, mirrored = true;
        for (size_t i = 0; i < PLANE; i++)
            for (size_t k = 0; k < 3; k++)
                mirrored &= y[i * 3 + k] == x[(i / SIDE * SIDE + SIDE - 1 - i % SIDE) * 3 + k];
        CHECK(same || mirrored);
        flipped += mirrored;
    }
    CHECK(flipped > SAMPLES * 0.45 && flipped < SAMPLES * 0.55);
}

static bool is_shifted(const float *x, const float *y, int down, int right)
{
    for (int i = 0; i < SIDE; i++)
        for (int j = 0; j < SIDE; j++) {
            int r = i - down, c = j - right;
            bool inside = r >= 0 && c >= 0 && r < SIDE && c < SIDE;
            if (fabsf(y[i * SIDE + j] - (inside ? x[r * SIDE + c] : 0)) > 1e-6f) return false;
        }
    return true;
}

/* Every shift of up to 2 pixels, each about as often. */
static void crops(leattest *t)
{
    leati_augment a = {.crop = 2};
    float x[PLANE], y[PLANE];
    int seen[5][5] = {{0}};
    draw(x, PLANE);
    for (uint64_t s = 0; s < SAMPLES; s++) {
        int found = 0;
        apply(&a, LEAT_DIMS(SIDE, SIDE), s, x, y);
        for (int down = -2; down <= 2; down++)
            for (int right = -2; right <= 2; right++)
                if (is_shifted(x, y, down, right)) found++, seen[down + 2][right + 2]++;
        CHECK_INT(found, 1);
    }
    for (int i = 0; i < 25; i++) CHECK(seen[i / 5][i % 5] > SAMPLES / 50);
}

/* A slope turns by the angle: its values beside the centre are cosine and sine. */
static void rotations(leattest *t)
{
    leati_augment a = {.rotate = 30};
    float x[PLANE], y[PLANE];
    double least = 1, most = -1, limit = sin(3.14159265358979 / 6);
    enum { MIDDLE = SIDE / 2 * SIDE + SIDE / 2 };
    for (int i = 0; i < PLANE; i++) x[i] = (float)(i / SIDE);
    for (uint64_t s = 0; s < SAMPLES; s++) {
        apply(&a, LEAT_DIMS(SIDE, SIDE), s, x, y);
        double c = (double)y[MIDDLE + SIDE] - SIDE / 2, z = (double)y[MIDDLE + 1] - SIDE / 2;
        CHECK_NEAR(c * c + z * z, 1, 1e-5, 0);
        CHECK_NEAR((double)y[MIDDLE], SIDE / 2, 1e-6, 0);
        least = fmin(least, z), most = fmax(most, z);
    }
    CHECK(least >= -limit - 1e-5 && least < -0.95 * limit);
    CHECK(most <= limit + 1e-5 && most > 0.95 * limit);
}

static void light(leattest *t)
{
    leati_augment brighter = {.brightness = 0.2}, sharper = {.contrast = 0.3};
    float x[PLANE], y[PLANE], top = 0;
    double mean = 0;
    draw(x, PLANE);
    for (int i = 0; i < PLANE; i++) mean += (double)x[i] / PLANE, top = fmaxf(top, x[i]);
    for (uint64_t s = 0; s < 200; s++) {
        apply(&brighter, LEAT_DIMS(SIDE, SIDE), s, x, y);
        double add = (double)y[0] - (double)x[0];
        CHECK(fabs(add) <= 0.2 * (double)top + 1e-6);
        for (int i = 0; i < PLANE; i++) CHECK_NEAR((double)y[i], (double)x[i] + add, 0, 1e-6);
        apply(&sharper, LEAT_DIMS(SIDE, SIDE), s, x, y);
        double factor = ((double)y[0] - mean) / ((double)x[0] - mean);
        CHECK(factor > 0.7 - 1e-4 && factor < 1.3 + 1e-4);
        for (int i = 0; i < PLANE; i++)
            CHECK_NEAR((double)y[i], mean + factor * ((double)x[i] - mean), 0, 1e-5);
    }
}

/* Grey stays where it is; images of one channel are left alone. */
static void colours(leattest *t)
{
    leati_augment a = {.saturation = 0.5};
    float x[PLANE * 3], y[PLANE * 3];
    double least = 9, most = 0;
    draw(x, PLANE * 3);
    x[0] = x[1] = x[2] = 0.5f;
    for (uint64_t s = 0; s < 200; s++) {
        apply(&a, LEAT_DIMS(SIDE, SIDE, 3), s, x, y);
        for (int k = 0; k < 3; k++) CHECK_NEAR((double)y[k], 0.5, 1e-6, 0);
        double factor = ((double)y[3] - (double)y[4]) / ((double)x[3] - (double)x[4]);
        for (int i = 0; i < PLANE; i++) {
            const float *p = x + 3 * i, *q = y + 3 * i;
            double was = 0.299 * (double)p[0] + 0.587 * (double)p[1] + 0.114 * (double)p[2];
            double is = 0.299 * (double)q[0] + 0.587 * (double)q[1] + 0.114 * (double)q[2];
            CHECK_NEAR(is, was, 0, 1e-5);
            CHECK_NEAR((double)(q[0] - q[1]), factor * (double)(p[0] - p[1]), 0, 1e-4);
        }
        least = fmin(least, factor), most = fmax(most, factor);
    }
    CHECK(least > 0.5 - 1e-3 && least < 0.55 && most < 1.5 + 1e-3 && most > 1.45);
    apply(&a, LEAT_DIMS(SIDE, SIDE), 3, x, y);
    CHECK(memcmp(x, y, PLANE * sizeof *x) == 0);
}

/* A square of 4 x 4, less where it reaches over the border. */
static void cutouts(leattest *t)
{
    leati_augment a = {.cutout = 4};
    float x[PLANE], y[PLANE];
    size_t whole = 0;
    draw(x, PLANE);
    for (uint64_t s = 0; s < SAMPLES; s++) {
        int rows = 0, cols = 0, zeros = 0;
        bool row[SIDE] = {0}, col[SIDE] = {0};
        apply(&a, LEAT_DIMS(SIDE, SIDE), s, x, y);
        for (int i = 0; i < PLANE; i++) {
            if (y[i] == 0) row[i / SIDE] = col[i % SIDE] = true, zeros++;
            else CHECK(y[i] == x[i]);
        }
        for (int i = 0; i < SIDE; i++) rows += row[i], cols += col[i];
        CHECK(rows >= 2 && rows <= 4 && cols >= 2 && cols <= 4);
        CHECK_INT(zeros, rows * cols);
        whole += zeros == 16;
    }
    CHECK(whole > SAMPLES / 4);
}

/* Batches are equal at 1, 2 and 4 threads, and others in another epoch. */
static void threads_do_not_matter(leattest *t)
{
    enum { ROWS = 40, COUNT = 3 * PLANE };
    static float data[ROWS * COUNT], x[4][ROWS * COUNT];
    int64_t y[ROWS];
    uint32_t label[ROWS], rows[ROWS];
    leati_augment a = {.flip = true,
                       .crop = 1,
                       .rotate = 20,
                       .brightness = 0.2,
                       .contrast = 0.2,
                       .saturation = 0.3,
                       .cutout = 3};
    draw(data, ROWS * COUNT);
    for (uint32_t i = 0; i < ROWS; i++) label[i] = i % 3, rows[i] = (i * 7) % ROWS;
    leati_dataset d = {.x = {.f32 = data, .rows = ROWS, .cols = COUNT, .stride = COUNT},
                       .task = LEATI_CLASSIFY,
                       .label = label,
                       .classes = 3};
    for (int k = 0; k < 4; k++) {
        leat_context *c;
        leat_context_options o = leat_context_options_default();
        o.threads = k < 3 ? 1u << k : 2;
        REQUIRE_OK(leat_context_create(&c, &o));
        leati_feed f = {.data = &d,
                        .augment = &a,
                        .sample = LEAT_DIMS(SIDE, SIDE, 3),
                        .inputs = COUNT,
                        .outputs = 3,
                        .target = LEATI_TARGET_LABELS,
                        .seed = 5,
                        .room = leati_array(c, leat_context_threads(c), COUNT * sizeof(float))};
        REQUIRE(f.room);
        leati_feed_batch(c, &f, rows, ROWS, k < 3 ? 1 : 2, true, x[k], y);
        for (int i = 0; i < ROWS; i++) CHECK_INT(y[i], label[rows[i]]);
        leati_free(f.room);
        leat_context_destroy(c);
    }
    CHECK(memcmp(x[0], x[1], sizeof x[0]) == 0);
    CHECK(memcmp(x[0], x[2], sizeof x[0]) == 0);
    CHECK(memcmp(x[0], x[3], sizeof x[0]) != 0);
}

static void texts(leattest *t)
{
    leati_augment a;
    leat_context *c = t->context;
    REQUIRE_OK(leati_augment_parse(c, "flip, crop=4, saturation=0.25, cutout=8, mixup=0.2", &a));
    CHECK(a.flip && a.crop == 4 && a.cutout == 8 && leati_augment_any(&a));
    CHECK(a.saturation == 0.25 && a.mixup == 0.2);
    REQUIRE_OK(leati_augment_parse(c, "mixup=1", &a));
    CHECK(!leati_augment_any(&a)); /* of any data, not of images only */
    CHECK_FAILS(leati_augment_parse(c, "flop", &a), LEAT_INVALID, "flop|flip");
    CHECK_FAILS(leati_augment_parse(c, "mixup=2", &a), LEAT_INVALID, "mixup|2");
    CHECK_FAILS(leati_augment_parse(c, "flip crop", &a), LEAT_INVALID, "','");
    a = (leati_augment){.flip = true};
    leat_shape row = LEAT_DIMS(64);
    CHECK_FAILS(leati_augment_check(c, &a, &row), LEAT_SHAPE, "images|28x28x1");
    leat_shape small = LEAT_DIMS(28, 14, 1);
    a = (leati_augment){.crop = 13, .cutout = 14};
    CHECK_OK(leati_augment_check(c, &a, &small));
    a.crop = 14;
    CHECK_FAILS(leati_augment_check(c, &a, &small), LEAT_INVALID, "crop=14|28 x 14|less than 14");
    a = (leati_augment){.cutout = 15};
    CHECK_FAILS(leati_augment_check(c, &a, &small), LEAT_INVALID, "cutout=15|28 x 14|at most 14");
}

static const leattest_case cases[] = {TEST(flips),
                                      TEST(crops),
                                      TEST(rotations),
                                      TEST(light),
                                      TEST(colours),
                                      TEST(cutouts),
                                      TEST(threads_do_not_matter),
                                      TEST(texts)};
LEATTEST_MAIN(cases)
