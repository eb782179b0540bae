/* Owns: writing text from files into Markdown. Reading it: workflow/report_html.c. */
#include "model/markdown.h"

#include <stdbool.h>
#include <string.h>

static bool is_word(char ch)
{
    return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9');
}

void leati_markdown_add(leati_str *out, const char *text)
{
    for (const char *p = text; *p; p++) {
        unsigned char ch = (unsigned char)*p;
        bool inner = p > text && is_word(p[-1]) && is_word(p[1]);
        /* "1." and "-" begin a list, "+" and "=" have a meaning only where a line begins. */
        bool markup = strchr("\\`*[]<>|#&~$", *p) || (*p == '_' && !inner) ||
                      (p == text && strchr("-+=", *p));
        if (markup) leati_str_addc(out, '\\');
        leati_str_addc(out, ch < 0x20 || ch == 0x7f ? ' ' : *p);
    }
}

void leati_markdown_block(leati_str *out, const char *text)
{
    size_t fence = 3, run = 0, length = strlen(text);
    for (const char *p = text; *p; p++) {
        run = *p == '`' ? run + 1 : 0;
        if (run >= fence) fence = run + 1;
    }
    for (size_t i = 0; i < fence; i++) leati_str_addc(out, '`');
    leati_str_addc(out, '\n');
    leati_str_add(out, text);
    if (length && text[length - 1] != '\n') leati_str_addc(out, '\n');
    for (size_t i = 0; i < fence; i++) leati_str_addc(out, '`');
    leati_str_addc(out, '\n');
}
