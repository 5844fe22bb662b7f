#include "rpc/dedup.h"

struct _OmDedup {
    GHashTable *ids;
    char **ring;
    guint capacity, next;
};

OmDedup *
om_dedup_new(guint capacity)
{
    OmDedup *dedup = g_new0(OmDedup, 1);

    dedup->ids = g_hash_table_new(g_str_hash, g_str_equal);
    dedup->ring = g_new0(char *, capacity);
    dedup->capacity = capacity;
    return dedup;
}

void
om_dedup_free(OmDedup *dedup)
{
    if (dedup == NULL)
        return;
    g_hash_table_unref(dedup->ids);
    for (guint i = 0; i < dedup->capacity; i++)
        g_free(dedup->ring[i]);
    g_free(dedup->ring);
    g_free(dedup);
}

gboolean
om_dedup_seen(OmDedup *dedup, const char *id)
{
    char **slot = &dedup->ring[dedup->next];

    if (id == NULL)
        return FALSE;
    if (g_hash_table_contains(dedup->ids, id))
        return TRUE;
    if (*slot) {
        g_hash_table_remove(dedup->ids, *slot);
        g_free(*slot);
    }
    /* an id is 32 characters; what is longer would let a sender fill our memory */
    *slot = g_strndup(id, 64);
    g_hash_table_add(dedup->ids, *slot);
    dedup->next = (dedup->next + 1) % dedup->capacity;
    return FALSE;
}
