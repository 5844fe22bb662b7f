#include "agent/core/nova_word.h"

#include <string.h>

/* Migration.status of a live migration: nova/conductor/manager.py, nova/compute/manager.py,
 * nova/virt/libvirt/migration.py */
static const struct {
    const char *status;
    NmaWord word;
} statuses[] = {
    { "accepted", NMA_WORD_IN_FLIGHT },
    { "queued", NMA_WORD_IN_FLIGHT },
    { "preparing", NMA_WORD_IN_FLIGHT },
    { "running", NMA_WORD_IN_FLIGHT },
    { "running (post-copy)", NMA_WORD_IN_FLIGHT },
    { "completed", NMA_WORD_COMPLETED },
    { "failed", NMA_WORD_FAILED },
    { "error", NMA_WORD_FAILED },
    { "cancelled", NMA_WORD_FAILED },
};

gboolean
nma_nova_word_concerns(const NmaMigration *migration, const NmaEvent *event)
{
    const GPtrArray *entries = event->conductor.migrations;

    if (entries == NULL || entries->len == 0)
        return TRUE; /* no word at all */
    for (guint i = 0; i < entries->len; i++) {
        const NmaNovaMigration *entry = entries->pdata[i];

        if (strcmp(entry->identity.instance_uuid, migration->identity.instance_uuid) == 0)
            return TRUE;
    }
    return FALSE;
}

static const NmaNovaMigration *
find(const NmaMigration *migration, const NmaEvent *event)
{
    if (!event->conductor.answered || event->conductor.migrations == NULL)
        return NULL;
    for (guint i = 0; i < event->conductor.migrations->len; i++) {
        const NmaNovaMigration *entry = event->conductor.migrations->pdata[i];

        if (entry->status != NULL &&
            strcmp(entry->identity.instance_uuid, migration->identity.instance_uuid) == 0)
            return entry;
    }
    return NULL;
}

NmaWord
nma_nova_word(NmaMigration *migration, const NmaEvent *event, const NmaNovaMigration **entry)
{
    const NmaNovaMigration *found = find(migration, event);
    const NmaIdentity *ours = &migration->identity;

    *entry = NULL;
    if (found == NULL)
        return NMA_WORD_NONE;
    if (nma_identity_differs(ours, &found->identity)) {
        /* an answer may be older than the cast that opened us */
        if (ours->migration_id >= 0 && found->identity.migration_id >= 0 &&
            found->identity.migration_id < ours->migration_id)
            return NMA_WORD_NONE;
        *entry = found;
        return NMA_WORD_NEWER;
    }
    /* nothing but the instance in common: the same direction at least must fit */
    if (ours->source != NULL && found->identity.source != NULL &&
        strcmp(ours->source, found->identity.source) != 0)
        return NMA_WORD_NONE;
    nma_identity_learn(&migration->identity, &found->identity);
    g_free(migration->nova_status);
    migration->nova_status = g_strdup(found->status);
    *entry = found;
    for (guint i = 0; i < G_N_ELEMENTS(statuses); i++) {
        if (strcmp(statuses[i].status, found->status) == 0)
            return statuses[i].word;
    }
    return NMA_WORD_NONE;
}
