/* Owns: what was made of what, in both directions. Models and data meet by the hash of the table.
 */
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "model/registry.h"

struct leat_lineage_list {
    leati_arena arena;
    leat_lineage *items;
    size_t count, capacity;
};

void leat_lineage_list_destroy(leat_lineage_list *list)
{
    if (!list) return;
    leati_arena_fini(&list->arena);
    leati_free(list->items);
    leati_free(list);
}

size_t leat_lineage_list_count(const leat_lineage_list *list)
{
    return list->count;
}

const leat_lineage *leat_lineage_list_at(const leat_lineage_list *list, size_t i)
{
    return i < list->count ? &list->items[i] : NULL;
}

static const char *keep(leat_lineage_list *list, const leati_sql_rows *rows, int column)
{
    const char *text = leati_sql_get_text(rows, column);
    return leati_arena_strdup(&list->arena, text ? text : "");
}

static leat_status add_row(leat_context *c, leat_lineage_list *list, const leati_sql_rows *rows)
{
    LEATI_TRY(leati_grow(c, &list->items, &list->capacity, list->count + 1, sizeof *list->items));
    list->items[list->count] = (leat_lineage){.role = keep(list, rows, 0),
                                              .table = keep(list, rows, 1),
                                              .name = keep(list, rows, 2),
                                              .version = leati_sql_get_whole(rows, 3)};
    LEATI_TRY(leat_error_status(c));
    list->count++;
    return LEAT_OK;
}

/* A table that was pushed under several names or versions is listed with each. */
static const char data_of_model[] =
    "SELECT l.role, l.table_sha256, v.name, v.version FROM leat_lineage l "
    "LEFT JOIN leat_version v ON v.table_sha256 = l.table_sha256 "
    "WHERE l.name = $1 AND l.version = $2 ORDER BY l.role DESC, v.name, v.version";
static const char models_of_data[] =
    "SELECT l.role, l.table_sha256, l.name, l.version FROM leat_lineage l "
    "JOIN leat_version v ON v.table_sha256 = l.table_sha256 "
    "WHERE v.name = $1 AND v.version = $2 ORDER BY l.name, l.version, l.role DESC";

leat_status leat_registry_lineage(leat_registry *r, leat_lineage_list **out, const char *version)
{
    leat_registered_list *item;
    leati_sql_rows rows;
    bool more = false;
    *out = NULL;
    LEATI_TRY(leat_registry_find(r, &item, version));
    leat_lineage_list *list = leati_calloc(r->context, 1, sizeof *list);
    leat_status st = list ? LEAT_OK : leat_error_status(r->context);
    if (list) leati_arena_init(&list->arena, r->context);
    const leat_registered *v = leat_registered_list_at(item, 0);
    const leati_sql_arg args[] = {leati_sql_text(v->name), leati_sql_whole(v->version)};
    if (st == LEAT_OK) {
        st = leati_sql_query(r->db, &rows, v->model ? data_of_model : models_of_data, args, 2);
        while (st == LEAT_OK && (st = leati_sql_next(&rows, &more)) == LEAT_OK && more)
            st = add_row(r->context, list, &rows);
        leati_sql_end(&rows);
    }
    leat_registered_list_destroy(item);
    if (st == LEAT_OK) *out = list;
    else leat_lineage_list_destroy(list);
    return st;
}
