#include "nova-conf-tool/value_types.h"

#include <string.h>

/* Python glues pieces without end; a hostile value must not make that quadratic without bound. */
#define MAX_PIECES_GLUED 1000u
#define MAX_ITEMS        100000u

static const NctType plain_string = { .kind = NCT_TYPE_STRING };

static void
free_item(gpointer item)
{
    nct_value_free(item);
}

static const char *
find_comma(const char *at, const char *end)
{
    const char *comma = memchr(at, ',', (gsize)(end - at));

    return comma ? comma : end;
}

static gboolean
take_bounds(NctSpan *text, const char *open, const char *close, char **reason)
{
    if (text->n == 0 || text->s[0] != *open || text->s[text->n - 1] != *close) {
        nct_refuse(reason, "must stand between %s and %s", open, close);
        return FALSE;
    }
    /* a single sign that is its own end cannot happen: the signs differ */
    *text = (NctSpan){ text->s + 1, text->n - 2 };
    return TRUE;
}

static gboolean
too_many(guint n, char **reason)
{
    if (n < MAX_ITEMS)
        return FALSE;
    nct_refuse(reason, "has more than %u items", MAX_ITEMS);
    return TRUE;
}

NctValue *
nct_convert_list(const NctType *type, NctSpan text, const NctDialect *dialect, char **reason)
{
    g_autoptr(NctValue) list = nct_value_new(NCT_VALUE_LIST);
    const NctType *item_type = type->item ? type->item : &plain_string;
    const char *at;
    const char *end;

    list->items = g_ptr_array_new_with_free_func(free_item);
    text = nct_strip(text);
    if (dialect->list_drops_last_comma)
        while (text.n > 0 && text.s[text.n - 1] == ',')
            text.n--;
    if ((type->flags & NCT_BOUNDS) && !take_bounds(&text, "[", "]", reason))
        return NULL;
    if (text.n == 0)
        return g_steal_pointer(&list);

    end = text.s + text.n;
    for (at = text.s; at <= end;) {
        const char *stop = find_comma(at, end);
        NctValue *item;

        /* an illegal item may have had a comma of its own: try again with the next piece */
        for (guint glued = 0;; glued++) {
            g_autofree char *why = NULL;
            NctSpan piece = nct_strip((NctSpan){ at, (gsize)(stop - at) });

            item = nct_type_convert(item_type, piece, dialect, &why);
            if (item)
                break;
            if (stop == end || glued == MAX_PIECES_GLUED) {
                nct_refuse(reason, "has an item that %s", why);
                return NULL;
            }
            stop = find_comma(stop + 1, end);
        }
        g_ptr_array_add(list->items, item);
        if (too_many(list->items->len, reason))
            return NULL;
        at = stop + 1;
    }
    return g_steal_pointer(&list);
}

/* the value of one pair, NULL if it is none: no colon, or an illegal value */
static NctValue *
convert_pair(const NctType *value_type, NctSpan pair, const NctDialect *dialect, NctSpan *key,
             char **why)
{
    const char *colon = memchr(pair.s, ':', pair.n);

    if (!colon) {
        *why = g_strdup("is not a key:value pair");
        return NULL;
    }
    *key = nct_strip((NctSpan){ pair.s, (gsize)(colon - pair.s) });
    return nct_type_convert(value_type,
                            nct_strip((NctSpan){ colon + 1, (gsize)(pair.s + pair.n - colon - 1) }),
                            dialect, why);
}

static gboolean
check_key(GHashTable *seen, NctSpan key, char **reason)
{
    if (key.n == 0) {
        nct_refuse(reason, "has a pair without a key");
        return FALSE;
    }
    if (!g_hash_table_add(seen, g_strndup(key.s, key.n))) {
        nct_refuse(reason, "has the same key twice");
        return FALSE;
    }
    return TRUE;
}

NctValue *
nct_convert_dict(const NctType *type, NctSpan text, const NctDialect *dialect, char **reason)
{
    g_autoptr(NctValue) dict = nct_value_new(NCT_VALUE_DICT);
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    const NctType *value_type = type->item ? type->item : &plain_string;
    const char *end;

    dict->items = g_ptr_array_new_with_free_func(free_item);
    dict->keys = g_ptr_array_new_with_free_func(g_free);
    text = nct_strip(text);
    if ((type->flags & NCT_BOUNDS) && !take_bounds(&text, "{", "}", reason))
        return NULL;
    if (text.n == 0)
        return g_steal_pointer(&dict);

    end = text.s + text.n;
    for (const char *at = text.s; at <= end;) {
        const char *stop = find_comma(at, end);
        NctSpan key;
        NctValue *value;

        for (guint glued = 0;; glued++) {
            g_autofree char *why = NULL;

            value =
                convert_pair(value_type, (NctSpan){ at, (gsize)(stop - at) }, dialect, &key, &why);
            if (value)
                break;
            if (stop == end || glued == MAX_PIECES_GLUED) {
                nct_refuse(reason, "has an item that %s", why);
                return NULL;
            }
            stop = find_comma(stop + 1, end);
        }
        g_ptr_array_add(dict->items, value);
        g_ptr_array_add(dict->keys, g_strndup(key.s, key.n));
        if (!check_key(seen, key, reason) || too_many(dict->items->len, reason))
            return NULL;
        at = stop + 1;
    }
    return g_steal_pointer(&dict);
}
