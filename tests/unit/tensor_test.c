/* Whole numbers of JSON tensors: however they are written, they are read, or refused, alike. */
#include <stdio.h>
#include <string.h>

#include "serve/tensor_in.h"
#include "support/leattest.h"

enum { MOST = 1200 };

/* What became of an array. */
typedef struct outcome {
    bool ok;
    char code[40];
    size_t count;
    double value[MOST];
} outcome;

static void read_array(leattest *t, const char *type, const char *text, size_t count, outcome *out)
{
    static char body[16384];
    leati_tensor_room room = {.context = t->context};
    leati_infer_in in;
    leati_fault fault = {0};
    int n =
        snprintf(body, sizeof body,
                 "{\"inputs\":[{\"name\":\"x\",\"shape\":[%zu],\"datatype\":\"%s\",\"data\":%s}]}",
                 count, type, text);
    REQUIRE(n > 0 && (size_t)n < sizeof body);
    memset(out, 0, sizeof *out);
    out->ok = leati_infer_read(&in, &room, body, (size_t)n, (size_t)n, false, &fault);
    if (out->ok) {
        out->count = in.room->tensors[0].count;
        leati_tensor_numbers(&in, in.room->tensors, 0, out->count, out->value);
        for (size_t i = 0; i < out->count; i++) {
            double one = leati_tensor_number(&in, in.room->tensors, i);
            CHECK(memcmp(&out->value[i], &one, sizeof one) == 0);
        }
    } else {
        snprintf(out->code, sizeof out->code, "%s", fault.code);
    }
    leati_tensor_room_fini(&room);
}

/* One number among others, before and behind it: the comma that follows at once is read another way
 * than one behind a blank. */
static void among_others(leattest *t, const char *type, const char *number)
{
    static outcome plain, other;
    static const char *const between[] = {" , ", ",", ", ", ",  ", " ,", ",\n"};
    char text[200];
    for (size_t f = 0; f < 3; f++)
        for (size_t b = 0; b < sizeof between / sizeof *between; b++) {
            const char *c = between[b];
            if (f == 0) snprintf(text, sizeof text, "[%s%s1%s22%s33%s0]", number, c, c, c, c);
            if (f == 1) snprintf(text, sizeof text, "[1%s%s%s22%s33%s0]", c, number, c, c, c);
            if (f == 2) snprintf(text, sizeof text, "[1%s22%s33%s0%s%s]", c, c, c, c, number);
            read_array(t, type, text, 5, b ? &other : &plain);
            if (b && !CHECK(memcmp(&plain, &other, sizeof plain) == 0))
                printf("    %s: %s\n", type, text);
        }
}

static void written_alike(leattest *t)
{
    static const char *const types[] = {"UINT8", "INT8",   "UINT16", "INT16",
                                        "INT64", "UINT64", "BOOL",   "FP32"};
    static const char *const numbers[] = {"0",
                                          "1",
                                          "9",
                                          "10",
                                          "99",
                                          "100",
                                          "127",
                                          "128",
                                          "255",
                                          "256",
                                          "999",
                                          "1000",
                                          "00",
                                          "01",
                                          "007",
                                          "-0",
                                          "-1",
                                          "-128",
                                          "-129",
                                          "1.0",
                                          "1.5",
                                          "1e2",
                                          "12e",
                                          "1.",
                                          "x",
                                          "1x",
                                          "12x",
                                          "1x2",
                                          "/",
                                          ":",
                                          "1:",
                                          "1/2",
                                          "\"1\"",
                                          "null",
                                          "true",
                                          "[1]",
                                          "",
                                          "65535",
                                          "65536",
                                          "4294967296",
                                          "18446744073709551615",
                                          "18446744073709551616"};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        for (size_t k = 0; k < sizeof numbers / sizeof *numbers; k++)
            among_others(t, types[i], numbers[k]);
}

/* Every short number, in arrays of every length around where room is made, cut off at the end. */
static void short_numbers(leattest *t)
{
    static char text[16384];
    static outcome out;
    for (size_t count = 1; count <= 1000;
         count += count < 12 || (count > 250 && count < 260) ? 1 : 37) {
        char *to = text;
        for (size_t i = 0; i < count; i++)
            to += sprintf(to, "%s%zu", i ? i % 3 ? "," : ", " : "[", 1000 - count + i);
        strcpy(to, "]");
        read_array(t, "UINT16", text, count, &out);
        CHECK(out.ok && out.count == count);
        int wrong = 0;
        for (size_t i = 0; i < count && out.ok; i++)
            wrong += out.value[i] != (double)(1000 - count + i);
        CHECK_INT(wrong, 0);
        read_array(t, "UINT16", text, count + 1, &out);
        CHECK(!out.ok);
        if (count > 1) {
            *strrchr(text, ']') = '\0'; /* the end is missing */
            read_array(t, "UINT16", text, count, &out);
            CHECK(!out.ok);
        }
    }
}

static const leattest_case cases[] = {TEST(written_alike), TEST(short_numbers)};
LEATTEST_MAIN(cases)
