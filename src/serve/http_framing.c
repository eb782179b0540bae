/* Owns: how llhttp and http-parser are called. */
#include "serve/http_framing.h"

#if LEAT_HAVE_LLHTTP
typedef llhttp_t parser;
#elif LEAT_HAVE_HTTP_PARSER
typedef http_parser parser;
#endif

#if LEAT_HAVE_LLHTTP || LEAT_HAVE_HTTP_PARSER
static int on_head(parser *p)
{
    leati_framing *f = p->data;
    f->head = true;
    return 0;
}

static int on_body(parser *p, const char *data, size_t length)
{
    leati_framing *f = p->data;
    if (f->body && f->body(f->user, data, length)) return 0;
    f->refused = true;
    return -1;
}

static int on_complete(parser *p)
{
    leati_framing *f = p->data;
    f->complete = true;
    return 0;
}
#endif

#if LEAT_HAVE_LLHTTP
#define TEXT(x)  #x
#define TEXT2(x) TEXT(x)

const char *leati_framing_name(void)
{
    return "llhttp " TEXT2(LLHTTP_VERSION_MAJOR) "." TEXT2(LLHTTP_VERSION_MINOR) "." TEXT2(
        LLHTTP_VERSION_PATCH);
}

static const llhttp_settings_t settings = {
    .on_headers_complete = on_head, .on_body = on_body, .on_message_complete = on_complete};

/* An offer to upgrade is not taken: the parser stops behind such a request as behind any other. */
static bool feed(leati_framing *f, const char *data, size_t length)
{
    llhttp_errno_t code = llhttp_execute(&f->parser, data, length);
    return code == HPE_OK || (code == HPE_PAUSED_UPGRADE && f->complete);
}

bool leati_framing_head(leati_framing *f, const char *head, size_t length,
                        leati_framing_facts *facts)
{
    llhttp_init(&f->parser, HTTP_REQUEST, &settings);
    f->parser.data = f;
    f->head = f->complete = f->refused = false;
    f->body = NULL;
    if (!feed(f, head, length) || !f->head) return false;
    facts->chunked = (f->parser.flags & F_CHUNKED) != 0;
    facts->length = !f->complete && !facts->chunked ? f->parser.content_length : 0;
    facts->complete = f->complete;
    return true;
}
#elif LEAT_HAVE_HTTP_PARSER
#define TEXT(x)  #x
#define TEXT2(x) TEXT(x)

const char *leati_framing_name(void)
{
    return "http-parser " TEXT2(HTTP_PARSER_VERSION_MAJOR) "." TEXT2(
        HTTP_PARSER_VERSION_MINOR) "." TEXT2(HTTP_PARSER_VERSION_PATCH);
}

static int on_head_only(http_parser *p)
{
    p->upgrade = 0; /* an offer that is not taken */
    return on_head(p);
}

static const http_parser_settings settings = {
    .on_headers_complete = on_head_only, .on_body = on_body, .on_message_complete = on_complete};

static bool feed(leati_framing *f, const char *data, size_t length)
{
    size_t used = http_parser_execute(&f->parser, &settings, data, length);
    return used == length && HTTP_PARSER_ERRNO(&f->parser) == HPE_OK;
}

bool leati_framing_head(leati_framing *f, const char *head, size_t length,
                        leati_framing_facts *facts)
{
    http_parser_init(&f->parser, HTTP_REQUEST);
    f->parser.data = f;
    f->head = f->complete = f->refused = false;
    f->body = NULL;
    if (!feed(f, head, length) || !f->head) return false;
    facts->chunked = (f->parser.flags & F_CHUNKED) != 0;
    facts->length = !f->complete && !facts->chunked ? f->parser.content_length : 0;
    facts->complete = f->complete;
    return true;
}
#else
const char *leati_framing_name(void)
{
    return NULL;
}

static bool feed(leati_framing *f, const char *data, size_t length)
{
    (void)f;
    (void)data;
    (void)length;
    return false;
}

bool leati_framing_head(leati_framing *f, const char *head, size_t length,
                        leati_framing_facts *facts)
{
    *facts = (leati_framing_facts){0};
    return feed(f, head, length);
}
#endif

bool leati_framing_body(leati_framing *f, const char *data, size_t length,
                        leati_framing_body_fn body, void *user)
{
    f->body = body;
    f->user = user;
    bool ok = feed(f, data, length) && !f->refused;
    f->body = NULL;
    return ok;
}
