/* Owns: reading HAProxy's statistics (management.txt, section 9.1). */
#include "deploy/haproxy_stat.h"

#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/num.h"

enum { COLUMNS_MOST = 256, SERVER_TYPE = 2 };

struct leat_haproxy_list {
    size_t count, capacity;
    leat_haproxy_server *servers; /* their texts stand in `text` */
    char *text;
};

/* The columns that are read. */
enum column {
    BACKEND,
    NAME,
    QUEUED,
    SESSIONS,
    TOTAL,
    ECON,
    ERESP,
    RETRIES,
    REDISPATCHES,
    STATUS,
    WEIGHT,
    TYPE,
    CHECK,
    AGENT,
    ADDRESS,
    READ
};
static const char *const names[READ] = {
    [BACKEND] = "pxname",      [NAME] = "svname",        [QUEUED] = "qcur",   [SESSIONS] = "scur",
    [TOTAL] = "stot",          [ECON] = "econ",          [ERESP] = "eresp",   [RETRIES] = "wretr",
    [REDISPATCHES] = "wredis", [STATUS] = "status",      [WEIGHT] = "weight", [TYPE] = "type",
    [CHECK] = "check_status",  [AGENT] = "agent_status", [ADDRESS] = "addr",
};

/* Cuts the next value of a line out of it, ended by a zero byte; NULL behind the last. A value in
 * quotes has its quotes doubled. */
static char *next_value(char **at)
{
    char *from = *at, *to, *p;
    if (!from) return NULL;
    if (*from != '"') {
        p = strchr(from, ',');
        if (p) *p = '\0';
        *at = p ? p + 1 : NULL;
        return from;
    }
    for (to = from, p = from + 1; *p && (*p != '"' || p[1] == '"'); p++) {
        if (*p == '"') p++;
        *to++ = *p;
    }
    if (*p == '"') p++;
    *at = *p == ',' ? p + 1 : NULL;
    *to = '\0';
    return from;
}

static leat_status read_head(leat_context *c, char *line, int where[COLUMNS_MOST])
{
    bool found[READ] = {false};
    LEATI_CHECK(c, strncmp(line, "# ", 2) == 0, LEAT_FORMAT,
                "the proxy's answer does not begin with the names of its columns: '%.60s'", line);
    line += 2;
    for (int i = 0; i < COLUMNS_MOST && line; i++) {
        const char *value = next_value(&line);
        where[i] = -1;
        for (int k = 0; k < READ; k++)
            if (!found[k] && strcmp(value, names[k]) == 0) {
                where[i] = k;
                found[k] = true;
            }
    }
    for (int k = 0; k < READ; k++)
        LEATI_CHECK(c, found[k], LEAT_FORMAT, "the proxy's statistics have no column '%s'",
                    names[k]);
    return LEAT_OK;
}

static uint64_t whole(const char *text)
{
    int64_t value;
    return leati_int_parse(text, strlen(text), &value) && value > 0 ? (uint64_t)value : 0;
}

static leat_status read_row(leat_context *c, leat_haproxy_list *l, char *line, const int *where)
{
    const char *v[READ];
    for (int k = 0; k < READ; k++) v[k] = "";
    for (int i = 0; i < COLUMNS_MOST && line; i++) {
        const char *value = next_value(&line);
        if (where[i] >= 0) v[where[i]] = value;
    }
    if (whole(v[TYPE]) != SERVER_TYPE) return LEAT_OK;
    LEATI_TRY(leati_grow(c, &l->servers, &l->capacity, l->count + 1, sizeof *l->servers));
    uint64_t weight = whole(v[WEIGHT]);
    l->servers[l->count++] =
        (leat_haproxy_server){.backend = v[BACKEND],
                              .name = v[NAME],
                              .address = v[ADDRESS],
                              .status = v[STATUS],
                              .check = v[CHECK],
                              .agent = v[AGENT],
                              .weight = weight > UINT32_MAX ? UINT32_MAX : (uint32_t)weight,
                              .sessions = whole(v[SESSIONS]),
                              .queued = whole(v[QUEUED]),
                              .requests = whole(v[TOTAL]),
                              .errors = whole(v[ECON]) + whole(v[ERESP]),
                              .retries = whole(v[RETRIES]),
                              .redispatches = whole(v[REDISPATCHES])};
    return LEAT_OK;
}

leat_status leati_haproxy_stat_read(leat_context *c, const char *text, leat_haproxy_list **out)
{
    int where[COLUMNS_MOST];
    bool head = true;
    *out = NULL;
    for (int i = 0; i < COLUMNS_MOST; i++) where[i] = -1;
    leat_haproxy_list *l = LEATI_NEW(c, leat_haproxy_list, 1);
    if (!l) return leat_error_status(c);
    l->text = leati_strdup(c, text);
    leat_status st = l->text ? LEAT_OK : leat_error_status(c);
    for (char *at = l->text; st == LEAT_OK && at && *at;) {
        char *line = at, *end = strchr(at, '\n');
        at = end ? end + 1 : NULL;
        if (end) *end = '\0';
        if (!*line) continue;
        st = head ? read_head(c, line, where) : read_row(c, l, line, where);
        head = false;
    }
    if (st == LEAT_OK && head) st = LEATI_FAIL(c, LEAT_FORMAT, "the proxy's statistics are empty");
    if (st == LEAT_OK) *out = l;
    else leat_haproxy_list_destroy(l);
    return st;
}

size_t leat_haproxy_list_count(const leat_haproxy_list *l)
{
    return l->count;
}

const leat_haproxy_server *leat_haproxy_list_at(const leat_haproxy_list *l, size_t i)
{
    return i < l->count ? &l->servers[i] : NULL;
}

void leat_haproxy_list_destroy(leat_haproxy_list *l)
{
    if (!l) return;
    leati_free(l->servers);
    leati_free(l->text);
    leati_free(l);
}
