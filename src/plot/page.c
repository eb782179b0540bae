/* Owns: the frame, the styles and the building blocks of pages. Not: what a page says. */
#include "plot/page.h"

#include <string.h>

#include "base/error.h"

void leati_page_raw(leati_page *p, const char *html)
{
    leati_str_add(p->out, html);
}

void leati_page_text(leati_page *p, const char *text)
{
    leati_markup_text(p->out, text ? text : "");
}

static void text_v(leati_page *p, const char *format, va_list args)
{
    leati_str text;
    leati_str_init(&text, p->context);
    leati_str_addv(&text, format, args);
    if (leati_str_status(&text) == LEAT_OK) leati_markup_text(p->out, leati_str_text(&text));
    else if (p->status == LEAT_OK) p->status = leati_str_status(&text);
    leati_str_fini(&text);
}

void leati_page_textf(leati_page *p, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    text_v(p, format, args);
    va_end(args);
}

void leati_page_element(leati_page *p, const char *tag, const char *format, ...)
{
    va_list args;
    leati_str_addf(p->out, "<%s>", tag);
    va_start(args, format);
    text_v(p, format, args);
    va_end(args);
    leati_str_addf(p->out, "</%.*s>\n", (int)strcspn(tag, " "), tag);
}

void leati_page_scene(leati_page *p, leati_scene *scene, const char *kind, const char *name,
                      const char *caption)
{
    if (p->status == LEAT_OK && !scene)
        p->status = leat_error_status(p->context) ? leat_error_status(p->context) : LEAT_NOMEM;
    if (p->status == LEAT_OK) {
        leati_scene_describe(scene, name, caption);
        leati_str_addf(p->out, "<figure class=\"%s\">\n", kind);
        if (name) leati_page_element(p, "p class=name", "%s", name);
        p->status = leati_scene_svg(scene, p->out, LEATI_SVG_FRAGMENT);
        if (caption) leati_page_element(p, "figcaption", "%s", caption);
        leati_page_raw(p, "</figure>\n");
    }
    leati_scene_destroy(scene);
}

/* Colours are those of the charts (plot/hues.def). */
static const char light[] =
    "--surface:#fff;--raised:#f6f7f9;--text:#1c1f24;--muted:#5d646e;--line:#e1e4e8;"
    "--accent:#0067a6;--good:#0b7a55;--bad:#c2410c;";
static const char dark[] =
    "--surface:#16181d;--raised:#1e2127;--text:#e9ebee;--muted:#9ba2ac;--line:#2f343c;"
    "--accent:#56b1ec;--good:#45c79b;--bad:#ff8f57;";

static const char rules[] =
    "*{box-sizing:border-box}\n"
    "html{color-scheme:light dark;-webkit-text-size-adjust:100%}\n"
    "body{margin:0;background:var(--surface);color:var(--text);font:16px/1.55 system-ui,"
    "-apple-system,\"Segoe UI\",Roboto,\"Helvetica Neue\",Arial,sans-serif;"
    "font-variant-numeric:tabular-nums}\n"
    "main{max-width:920px;margin:0 auto;padding:40px 24px 64px}\n"
    "h1{font-size:30px;line-height:1.2;font-weight:650;letter-spacing:-.012em;margin:4px 0 14px;"
    "overflow-wrap:anywhere}\n"
    "h2{font-size:20px;line-height:1.3;font-weight:650;margin:56px 0 6px;padding-top:22px;"
    "border-top:1px solid var(--line)}\n"
    "h3{font-size:16px;font-weight:650;margin:28px 0 6px}\n"
    "p{margin:8px 0;max-width:68ch}\n"
    ".eyebrow{color:var(--muted);font-size:14px;margin:0}\n"
    ".answer{font-size:19px;line-height:1.5}\n"
    ".verdict{list-style:none;margin:14px 0;padding:0;max-width:68ch}\n"
    ".verdict li{padding:3px 0 3px 14px;border-left:3px solid var(--line)}\n"
    ".tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(170px,1fr));gap:12px;"
    "margin:26px 0 8px;padding:0;list-style:none}\n"
    ".tiles li{background:var(--raised);border-radius:10px;padding:14px 16px}\n"
    ".tiles .what{color:var(--muted);font-size:13px;line-height:1.35;display:block;"
    "overflow-wrap:anywhere}\n"
    ".tiles .value{font-size:25px;font-weight:650;line-height:1.3;display:block;"
    "letter-spacing:-.01em}\n"
    ".tiles .more{font-size:13px;line-height:1.4;color:var(--muted);display:block}\n"
    ".tiles .best .value{color:var(--accent)}\n"
    ".charts{display:grid;grid-template-columns:1fr 1fr;gap:0 44px;margin:18px 0}\n"
    ".charts>div{min-width:0}\n"
    ".charts figure{margin:0 0 34px}\n"
    "figure{margin:0;break-inside:avoid}\n"
    "figure .name{font-weight:650;font-size:15px;margin:0 0 6px}\n"
    "figure.wide,figure.narrow{margin:20px 0}\n"
    "figure svg{display:block;width:100%;height:auto}\n"
    "figure.half svg{max-width:440px}\n"
    "figure.wide svg{max-width:920px}\n"
    "figure.narrow{display:none}\n"
    "figcaption{color:var(--muted);font-size:14px;line-height:1.45;margin-top:8px;max-width:62ch}\n"
    ".scroll{overflow-x:auto;margin:14px 0}\n"
    "table{border-collapse:collapse;font-size:14px;line-height:1.4;min-width:100%}\n"
    "th{font-weight:500;color:var(--muted);text-align:left;white-space:nowrap}\n"
    "th,td{padding:7px 14px 7px 0;border-bottom:1px solid var(--line);vertical-align:top}\n"
    "td.n,th.n{text-align:right;white-space:nowrap}\n"
    "td.c{overflow-wrap:anywhere;min-width:124px;max-width:300px}\n"
    "td.w{min-width:210px}\n"
    "td svg{display:block}\n"
    "tr.best td{font-weight:650}\n"
    "tr.quiet td,.quiet,.note{color:var(--muted)}\n"
    ".note{font-size:14px;margin:4px 0}\n"
    "td small{display:block;color:var(--muted);font-weight:400;font-size:13px}\n"
    "code,pre{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,\"DejaVu Sans Mono\","
    "monospace;font-size:13px}\n"
    "pre{background:var(--raised);border-radius:10px;padding:14px 16px;overflow-x:auto;"
    "line-height:1.5;margin:12px 0}\n"
    "pre.again{user-select:all;white-space:pre-wrap;overflow-wrap:anywhere}\n"
    "details{border-top:1px solid var(--line);margin:0}\n"
    "details:last-of-type{border-bottom:1px solid var(--line)}\n"
    "summary{cursor:pointer;padding:13px 0;font-weight:600;list-style-position:outside;"
    "margin-left:18px}\n"
    "summary span{font-weight:400;color:var(--muted);margin-left:8px}\n"
    "details>div{padding:0 0 18px 18px}\n"
    "dl{display:grid;grid-template-columns:max-content 1fr;gap:6px 22px;font-size:14px;margin:8px "
    "0}\n"
    "dt{color:var(--muted)}dd{margin:0;overflow-wrap:anywhere}\n"
    "footer{margin-top:48px;color:var(--muted);font-size:13px}\n"
    "@media (max-width:680px){main{padding:24px 16px 48px}h1{font-size:25px}.answer{font-size:17px}"
    ".charts{grid-template-columns:1fr}figure.wide{display:none}figure.narrow{display:block}.tiles{"
    "grid-template-columns:1fr 1fr;"
    "gap:10px}.tiles li{padding:12px}.tiles .value{font-size:21px}dl{grid-template-columns:1fr;"
    "gap:0}dd{margin-bottom:8px}details>div{padding-left:0}}\n"
    "@media print{main{max-width:none;padding:0}h2{margin-top:32px}body{font-size:11pt}"
    "h2,h3,summary{break-after:avoid}tr{break-inside:avoid}"
    "details::details-content{content-visibility:visible;block-size:auto}"
    ".scroll{overflow:visible}pre{font-size:7pt;overflow:visible}.charts{grid-template-columns:1fr "
    "1fr}}\n";

void leati_page_begin(leati_page *p, const char *title)
{
    leati_page_raw(p, "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                      "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
                      "<meta name=\"color-scheme\" content=\"light dark\">\n"
                      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
                      "style-src 'unsafe-inline'; img-src data:\">\n");
    leati_page_element(p, "title", "%s", title);
    leati_page_raw(p, "<style>\n");
    leati_str_addf(p->out, ":root{%s}\n@media (prefers-color-scheme:dark){:root{%s}}\n", light,
                   dark);
    leati_page_raw(p, rules);
    leati_str_addf(p->out, "@media print{:root{%s}html{color-scheme:light}}\n", light);
    leati_scene_css(p->out, ".leat");
    leati_page_raw(p, "</style>\n</head>\n<body>\n<main>\n");
}

void leati_page_end(leati_page *p)
{
    leati_page_raw(p, "</main>\n</body>\n</html>\n");
}
