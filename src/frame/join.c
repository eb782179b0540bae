/* Owns: joining tables by key values.
 *
 * The keys of both tables are put behind each other and grouped together; the right table's rows
 * are then ordered by group, and each left row finds its partners as one range. */
#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"
#include "frame/table_file.h"
#include "frame/table_op.h"

typedef struct join {
    const leat_frame *left, *right;
    leat_join how;
    size_t *left_key, *right_key, keys;
    leati_groups groups;              /* of left rows, then right rows */
    uint32_t *order;                  /* right rows by group, those with a missing key left out */
    uint32_t *starts;                 /* (groups + 1) */
    uint32_t *from_left, *from_right; /* the result's rows */
    size_t count;
} join;

static leat_status read_keys(leati_argument *a, join *j)
{
    bool more = true, other;
    leat_context *c = a->lex.context;
    size_t most = j->left->columns + 1;
    j->left_key = leati_arena_calloc(&a->arena, most, sizeof *j->left_key);
    j->right_key = leati_arena_calloc(&a->arena, most, sizeof *j->right_key);
    if (!j->left_key || !j->right_key) return leat_error_status(c);
    while (more) {
        const char *name;
        size_t at = a->lex.token.at, l, r;
        LEATI_TRY(leati_lex_name(&a->lex, "the name of a column", &name));
        if (j->keys + 1 == most) return leati_lex_error(&a->lex, at, "there are too many keys");
        LEATI_TRY(leat_frame_require(c, j->left, name, &l));
        LEATI_TRY(leati_lex_take(&a->lex, "=", &other));
        if (other) LEATI_TRY(leati_lex_name(&a->lex, "the name of a column", &name));
        if (leat_frame_require(c, j->right, name, &r) != LEAT_OK)
            return leati_error_within(c, "the table to join");
        j->left_key[j->keys] = l;
        j->right_key[j->keys++] = r;
        LEATI_TRY(leati_lex_take(&a->lex, ",", &more));
    }
    return LEAT_OK;
}

/* Numbers as the whole numbers they are; the others, which equal no whole number, as missing. Two
 * whole numbers that round to the same number do not meet that way. */
static leati_column *exact_wholes(leat_context *c, const leati_column *col)
{
    leati_column *made = leati_column_create(c, LEAT_I64, col->rows);
    for (size_t i = 0; made && i < col->rows; i++) {
        double v = col->f64[i]; /* NaN where missing */
        if (v >= -0x1p63 && v < 0x1p63 && v == (double)(int64_t)v) {
            made->i64[i] = (int64_t)v;
        } else if (leati_column_set_missing(c, made, i) != LEAT_OK) {
            leati_column_release(made);
            return NULL;
        }
    }
    return made;
}

/* Both tables' values of a key, comparable. NULL on failure. */
static leati_column *both_keys(leat_context *c, const leati_column *x, const leati_column *y,
                               const char *name)
{
    leati_column *whole = NULL, *both = NULL;
    bool mixed = x->type != y->type && (x->type == LEAT_F64 || y->type == LEAT_F64);
    if (mixed) {
        whole = exact_wholes(c, x->type == LEAT_F64 ? x : y);
        if (!whole) return NULL;
        if (x->type == LEAT_F64) x = whole;
        else y = whole;
    }
    both = leati_column_concat(c, x, x->rows, y, y->rows, name);
    leati_column_release(whole);
    return both;
}

static leat_status group_keys(leat_context *c, join *j)
{
    const leat_frame *l = j->left, *r = j->right;
    LEATI_CHECK(c, l->rows + r->rows < UINT32_MAX, LEAT_LIMIT, "the tables have too many rows");
    leat_frame *both = leati_frame_create(c, l->rows + r->rows);
    size_t *all = leati_array(c, j->keys, sizeof *all);
    leat_status st = both && all ? LEAT_OK : leat_error_status(c);
    for (size_t i = 0; st == LEAT_OK && i < j->keys; i++) {
        const leati_column *x = l->column[j->left_key[i]], *y = r->column[j->right_key[i]];
        const char *name = l->name[j->left_key[i]];
        bool numbers = x->type <= LEAT_BOOL && y->type <= LEAT_BOOL;
        all[i] = i;
        if (x->type != y->type && !numbers)
            st = LEATI_FAIL(
                c, LEAT_TYPE, "cannot join: column '%s' is %s, but '%s' of the other table is %s",
                name, leat_type_name(x->type), r->name[j->right_key[i]], leat_type_name(y->type));
        if (st == LEAT_OK) st = leati_frame_add(c, both, name, both_keys(c, x, y, name));
    }
    if (st == LEAT_OK) st = leati_groups_make(c, &j->groups, both, all, j->keys);
    leat_frame_release(both);
    leati_free(all);
    return st;
}

static bool lacks_key(const leat_frame *f, const size_t *key, size_t keys, size_t row)
{
    for (size_t i = 0; i < keys; i++)
        if (!leati_valid(f->column[key[i]], row)) return true;
    return false;
}

static bool any_missing(const leat_frame *f, const size_t *key, size_t keys)
{
    for (size_t i = 0; i < keys; i++)
        if (f->column[key[i]]->missing) return true;
    return false;
}

static bool keeps_left(const join *j)
{
    return j->how == LEAT_JOIN_LEFT || j->how == LEAT_JOIN_OUTER;
}

static bool keeps_right(const join *j)
{
    return j->how == LEAT_JOIN_RIGHT || j->how == LEAT_JOIN_OUTER;
}

/* Whether a right row has no partner. */
static bool is_lonely(const join *j, const uint8_t *matched, size_t row)
{
    return !matched[j->groups.of[j->left->rows + row]] ||
           lacks_key(j->right, j->right_key, j->keys, row);
}

static leat_status order_right(leat_context *c, join *j)
{
    const uint32_t *of = j->groups.of + j->left->rows;
    size_t rows = j->right->rows;
    bool gaps = any_missing(j->right, j->right_key, j->keys);
    j->starts = LEATI_NEW(c, uint32_t, j->groups.count + 2);
    j->order = leati_array(c, rows, sizeof *j->order);
    if (!j->starts || !j->order) return leat_error_status(c);
    uint32_t *next = j->starts + 1;
    for (size_t i = 0; i < rows; i++)
        next[of[i] + 1] += !gaps || !lacks_key(j->right, j->right_key, j->keys, i);
    for (size_t g = 0; g < j->groups.count; g++) next[g + 1] += next[g];
    for (size_t i = 0; i < rows; i++)
        if (!gaps || !lacks_key(j->right, j->right_key, j->keys, i))
            j->order[next[of[i]]++] = (uint32_t)i;
    return LEAT_OK;
}

/* How many pairs there are. Goes over groups, not pairs: of those there may be too many to visit.
 * matched[g]: a left row has partners in group g. */
static size_t count_pairs(const join *j, uint8_t *matched)
{
    size_t count = 0;
    bool gaps = any_missing(j->left, j->left_key, j->keys);
    for (size_t i = 0; i < j->left->rows; i++) {
        uint32_t g = j->groups.of[i];
        size_t partners = j->starts[g + 1] - j->starts[g];
        if (gaps && lacks_key(j->left, j->left_key, j->keys, i)) partners = 0;
        if (partners) matched[g] = 1;
        if (j->how == LEAT_JOIN_ANTI) count += partners == 0;
        else count += partners || !keeps_left(j) ? partners : 1;
    }
    for (size_t r = 0; keeps_right(j) && r < j->right->rows; r++) count += is_lonely(j, matched, r);
    return count;
}

/* The pairs, into from_left and from_right. */
static void list_pairs(join *j, const uint8_t *matched)
{
    size_t count = 0;
    bool gaps = any_missing(j->left, j->left_key, j->keys);
    for (size_t i = 0; i < j->left->rows; i++) {
        uint32_t g = j->groups.of[i], from = j->starts[g], to = j->starts[g + 1];
        if (gaps && lacks_key(j->left, j->left_key, j->keys, i)) to = from;
        if (j->how == LEAT_JOIN_ANTI && from < to) continue;
        for (uint32_t k = from; k < to; k++) {
            j->from_left[count] = (uint32_t)i;
            j->from_right[count++] = j->order[k];
        }
        if (from < to || !(keeps_left(j) || j->how == LEAT_JOIN_ANTI)) continue;
        j->from_left[count] = (uint32_t)i;
        j->from_right[count++] = UINT32_MAX;
    }
    for (size_t r = 0; keeps_right(j) && r < j->right->rows; r++) {
        if (!is_lonely(j, matched, r)) continue;
        j->from_left[count] = UINT32_MAX;
        j->from_right[count++] = (uint32_t)r;
    }
}

static leat_status find_pairs(leat_context *c, join *j)
{
    uint8_t *matched = LEATI_NEW(c, uint8_t, j->groups.count);
    if (!matched) return leat_error_status(c);
    j->count = count_pairs(j, matched);
    leat_status st = LEAT_OK;
    if (j->count >= UINT32_MAX)
        st = LEATI_FAIL(c, LEAT_LIMIT, "the joined table would have %zu rows; are the keys unique?",
                        j->count);
    if (st == LEAT_OK) {
        j->from_left = leati_array(c, j->count, sizeof *j->from_left);
        j->from_right = leati_array(c, j->count, sizeof *j->from_right);
        if (!j->from_left || !j->from_right) st = leat_error_status(c);
    }
    if (st == LEAT_OK) list_pairs(j, matched);
    leati_free(matched);
    return st;
}

/* Keys of rows that only the right table has come from there. */
static leat_status add_key(leat_context *c, leat_frame *made, const join *j, size_t key)
{
    const leati_column *x = j->left->column[j->left_key[key]];
    const leati_column *y = j->right->column[j->right_key[key]];
    const char *name = j->left->name[j->left_key[key]];
    leati_column *both = leati_column_concat(c, x, x->rows, y, y->rows, name);
    uint32_t *rows = leati_array(c, j->count, sizeof *rows);
    leati_column *col = NULL;
    for (size_t i = 0; both && rows && i < j->count; i++)
        rows[i] = j->from_left[i] != UINT32_MAX ? j->from_left[i]
                                                : (uint32_t)(x->rows + j->from_right[i]);
    if (both && rows) col = leati_column_take(c, both, rows, j->count);
    leati_column_release(both);
    leati_free(rows);
    return leati_frame_set(c, made, name, col);
}

static leat_status add_right(leat_context *c, leat_frame *made, const join *j,
                             const leat_frame *right)
{
    size_t at;
    for (size_t i = 0; i < right->columns; i++) {
        bool key = false;
        leati_str name;
        for (size_t k = 0; k < j->keys; k++) key = key || j->right_key[k] == i;
        if (key) continue;
        leati_str_init(&name, c);
        leati_str_add(&name, right->name[i]);
        bool taken = leat_frame_find(made, right->name[i], &at);
        if (taken) leati_str_add(&name, "_right");
        leat_status st = leati_str_status(&name);
        if (st == LEAT_OK && taken && leat_frame_find(made, leati_str_text(&name), &at))
            st = LEATI_FAIL(c, LEAT_INVALID,
                            "the joined table would have two columns '%s'\n"
                            "rename '%s' in one of the tables first",
                            leati_str_text(&name), right->name[i]);
        if (st == LEAT_OK)
            st = leati_frame_add(c, made, leati_str_text(&name),
                                 leati_column_retain(right->column[i]));
        leati_str_fini(&name);
        LEATI_TRY(st);
    }
    return LEAT_OK;
}

static leat_status build(leat_context *c, leat_frame **out, const join *j)
{
    leat_frame *made = NULL, *right = NULL;
    leat_status st = leati_rows_of(c, &made, j->left, j->from_left, j->count);
    for (size_t k = 0; st == LEAT_OK && keeps_right(j) && k < j->keys; k++)
        st = add_key(c, made, j, k);
    if (st == LEAT_OK && j->how != LEAT_JOIN_ANTI) {
        st = leati_rows_of(c, &right, j->right, j->from_right, j->count);
        if (st == LEAT_OK) st = add_right(c, made, j, right);
    }
    leat_frame_release(right);
    if (st == LEAT_OK) *out = made;
    else leat_frame_release(made);
    return st;
}

static leat_status run(leat_context *c, leat_frame **out, join *j)
{
    leat_status st = group_keys(c, j);
    if (st == LEAT_OK) st = order_right(c, j);
    if (st == LEAT_OK) st = find_pairs(c, j);
    leati_groups_free(&j->groups); /* before the result needs the room */
    leati_free(j->order);
    leati_free(j->starts);
    if (st == LEAT_OK) st = build(c, out, j);
    leati_free(j->from_left);
    leati_free(j->from_right);
    return st;
}

leat_status leat_table_join_frames(leat_context *c, leat_frame **out, leat_frame *left,
                                   leat_frame *right, const char *keys, leat_join how)
{
    leati_argument a;
    join j = {.left = left, .right = right, .how = how};
    *out = NULL;
    leat_status st = leati_argument_begin(c, &a, keys);
    if (st == LEAT_OK) st = read_keys(&a, &j);
    if (st == LEAT_OK) st = leati_argument_done(&a);
    if (st == LEAT_OK) st = run(c, out, &j);
    leati_argument_end(&a);
    return st;
}

static leat_status read_how(leat_context *c, const char *word, leat_join *how)
{
    static const char *const names[] = {"inner", "left", "right", "outer", "anti"};
    for (int i = 0; i < 5; i++) {
        if (strcmp(word, names[i]) != 0) continue;
        *how = (leat_join)i;
        return LEAT_OK;
    }
    return LEATI_FAIL(c, LEAT_INVALID,
                      "there is no join '%s'; there are inner, left, right, outer and anti", word);
}

/* "key:text,": keys of the other table that meet texts here are texts too, also where it has none
 * but numbers. */
static leat_status key_types(leat_context *c, const leat_frame *left, const char *keys,
                             leati_str *out)
{
    leati_argument a;
    bool more = true, other;
    leat_status st;
    LEATI_GO(leati_argument_begin(c, &a, keys));
    while (more) {
        const char *name, *right;
        size_t at;
        LEATI_GO(leati_lex_name(&a.lex, "the name of a column", &name));
        right = name;
        LEATI_GO(leati_lex_take(&a.lex, "=", &other));
        if (other) LEATI_GO(leati_lex_name(&a.lex, "the name of a column", &right));
        bool text = leat_frame_find(left, name, &at) && left->column[at]->type == LEAT_STRING;
        if (text && *right && !strchr(right, ',')) leati_str_addf(out, "%s:text,", right);
        LEATI_GO(leati_lex_take(&a.lex, ",", &more));
    }
    st = leati_str_status(out);
out:
    leati_argument_end(&a);
    return st;
}

/* "FILE [with OPTIONS] on KEYS [how KIND]": the last " on " divides, as file names may hold
 * anything. */
leat_status leat_table_join(leat_context *c, leat_frame **out, leat_frame *f, const char *text)
{
    leat_frame *other = NULL;
    leat_join how = LEAT_JOIN_INNER;
    const char *on = NULL, *kind = NULL;
    *out = NULL;
    for (const char *p = text; (p = strstr(p, " on ")); p++) on = p;
    LEATI_CHECK(c, on && on > text, LEAT_INVALID,
                "a join is written FILE [with OPTIONS] on KEYS [how KIND], not '%s'", text);
    for (const char *p = on + 4; (p = strstr(p, " how ")); p++) kind = p;
    leati_str types;
    leati_str_init(&types, c);
    char *keys = leati_strndup(c, on + 4, kind ? (size_t)(kind - on) - 4 : strlen(on + 4));
    leat_status st = keys ? LEAT_OK : leat_error_status(c);
    if (st == LEAT_OK && kind) st = read_how(c, kind + 5, &how);
    if (st == LEAT_OK) st = key_types(c, f, keys, &types);
    if (st == LEAT_OK)
        st = leati_table_file(c, &other, text, (size_t)(on - text), leati_str_text(&types));
    if (st == LEAT_OK) st = leat_table_join_frames(c, out, f, other, keys, how);
    leat_frame_release(other);
    leati_str_fini(&types);
    leati_free(keys);
    return st;
}
