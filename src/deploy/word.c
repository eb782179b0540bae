/* Owns: which texts may go into a file of another program. */
#include "deploy/word.h"

#include <string.h>

#include "base/error.h"
#include "base/num.h"

enum { NAME_MOST = 64, HOST_MOST = 253, PATH_MOST = 255 };

static bool is_plain(char ch)
{
    return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9');
}

/* All bytes are letters, digits or of `more`. */
static bool all_of(const char *text, size_t length, const char *more)
{
    for (size_t i = 0; i < length; i++)
        if (!is_plain(text[i]) && (!text[i] || !strchr(more, text[i]))) return false;
    return true;
}

/* What of a text is shown in a message. */
static int shown(size_t length)
{
    return length > 60 ? 60 : (int)length;
}

leat_status leati_word_name(leat_context *c, const char *what, const char *text, size_t length)
{
    bool good = length > 0 && length <= NAME_MOST && *text != '-' && *text != '.' &&
                all_of(text, length, "._-");
    LEATI_CHECK(c, good, LEAT_INVALID,
                "%s is '%.*s'; a name has 1 to %d letters, digits, '.', '_' and '-'", what,
                shown(length), text, NAME_MOST);
    return LEAT_OK;
}

leat_status leati_word_path(leat_context *c, const char *what, const char *text)
{
    size_t length = strlen(text);
    LEATI_CHECK(c, length > 0 && length <= PATH_MOST && all_of(text, length, "/._-+@~=:"),
                LEAT_INVALID,
                "%s is '%.*s'; a path here has 1 to %d letters, digits and any of /._-+@~=:", what,
                shown(length), text, PATH_MOST);
    return LEAT_OK;
}

leat_status leati_word_header(leat_context *c, const char *what, const char *text)
{
    size_t length = strlen(text);
    LEATI_CHECK(c, length > 0 && length <= NAME_MOST && all_of(text, length, "-_"), LEAT_INVALID,
                "%s is '%.*s'; expected the name of a header, as X-User-Id", what, shown(length),
                text);
    return LEAT_OK;
}

static bool read_port(const char *text, size_t length, uint16_t *out)
{
    int64_t value;
    if (length == 0 || length > 5 || !all_of(text, length, "") ||
        !leati_int_parse(text, length, &value) || value < 1 || value > 65535)
        return false;
    *out = (uint16_t)value;
    return true;
}

static bool is_host(const char *text, size_t length)
{
    if (length > 2 && *text == '[' && text[length - 1] == ']')
        return length <= HOST_MOST && all_of(text + 1, length - 2, ":.");
    return length > 0 && length <= HOST_MOST && *text != '-' && all_of(text, length, ".-_");
}

leat_status leati_word_endpoint(leat_context *c, const char *what, const char *text, bool any_host,
                                bool agent, leati_endpoint *out)
{
    const char *end = text + strlen(text), *slash = agent ? strrchr(text, '/') : NULL;
    const char *stop = slash ? slash : end, *colon = NULL;
    *out = (leati_endpoint){.host = text};
    for (const char *p = text; p < stop; p++)
        if (*p == ':') colon = p;
    bool good = colon && read_port(colon + 1, (size_t)(stop - colon - 1), &out->port);
    if (good) {
        out->host_length = (size_t)(colon - text);
        good = out->host_length == 0 ? any_host : is_host(text, out->host_length);
    }
    if (good && slash) good = read_port(slash + 1, (size_t)(end - slash - 1), &out->agent);
    LEATI_CHECK(c, good, LEAT_INVALID, "%s is '%.*s'; expected HOST:PORT%s, as in 10.0.0.1:8080%s",
                what, shown(strlen(text)), text, agent ? "[/AGENT]" : "", agent ? "/8081" : "");
    return LEAT_OK;
}

const char *leati_word_named(const char *text, size_t *name_length)
{
    const char *equals = strchr(text, '=');
    *name_length = equals ? (size_t)(equals - text) : 0;
    return equals ? equals + 1 : text;
}
