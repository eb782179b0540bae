/* Owns: sending the page at "/". The page itself is try_page.html, put into the library by
 * cmake/embed.cmake. */
#include <stddef.h>

#include "serve/route.h"

extern const unsigned char leati_page_html[];
extern const size_t leati_page_html_size;

int leati_route_page(leati_call *call)
{
    leati_http_exchange *exchange = call->exchange;
    leati_exchange_header(exchange, "Content-Type", "text/html; charset=utf-8");
    /* Nothing from anywhere else, whatever a model's texts hold. */
    leati_exchange_header(exchange, "Content-Security-Policy",
                          "default-src 'none'; script-src 'unsafe-inline'; style-src "
                          "'unsafe-inline'; connect-src 'self'; img-src 'self' data: blob:; "
                          "base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
    leati_exchange_header(exchange, "X-Content-Type-Options", "nosniff");
    leati_exchange_header(exchange, "Referrer-Policy", "no-referrer");
    leati_exchange_header(exchange, "Cache-Control", "no-cache");
    leati_exchange_write(exchange, leati_page_html, leati_page_html_size);
    return 200;
}
