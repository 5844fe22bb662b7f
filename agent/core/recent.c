#include "agent/core/recent.h"

#include <string.h>

#define KEPT          64
#define ECHO_LASTS_US (120 * NMA_US_PER_S)

typedef struct {
    NmaRole role;
    char instance_uuid[NMA_UUID_LEN + 1];
    char migration_uuid[NMA_UUID_LEN + 1];
    gint64 migration_id;
    gboolean carried_through; /* it came to its commitment */
    gint64 ended_boot_us;
} Ended;

struct NmaRecent {
    Ended ended[KEPT];
    guint next;
};

NmaRecent *
nma_recent_new(void)
{
    return g_new0(NmaRecent, 1);
}

void
nma_recent_free(NmaRecent *recent)
{
    g_free(recent);
}

void
nma_recent_add(NmaRecent *recent, const NmaMigration *ended, NmaNow now)
{
    Ended *entry = &recent->ended[recent->next++ % KEPT];

    *entry = (Ended){
        .role = ended->role,
        .migration_id = ended->identity.migration_id,
        .carried_through = ended->phase == NMA_PHASE_COMMITMENT,
        .ended_boot_us = now.boot_us,
    };
    g_strlcpy(entry->instance_uuid, ended->identity.instance_uuid, sizeof entry->instance_uuid);
    g_strlcpy(entry->migration_uuid, ended->identity.migration_uuid, sizeof entry->migration_uuid);
}

static gboolean
is_same(const Ended *entry, const NmaIdentity *identity)
{
    if (entry->migration_uuid[0] != '\0' && identity->migration_uuid[0] != '\0')
        return strcmp(entry->migration_uuid, identity->migration_uuid) == 0;
    return entry->migration_id >= 0 && entry->migration_id == identity->migration_id;
}

gboolean
nma_recent_is_echo(const NmaRecent *recent, NmaRole role, const NmaIdentity *identity, NmaNow now)
{
    gboolean named = identity->migration_uuid[0] != '\0' || identity->migration_id >= 0;

    for (guint i = 0; i < KEPT; i++) {
        const Ended *entry = &recent->ended[i];

        if (entry->instance_uuid[0] == '\0' || entry->role != role ||
            strcmp(entry->instance_uuid, identity->instance_uuid) != 0)
            continue;
        if (is_same(entry, identity))
            return TRUE;
        if (!named && entry->carried_through && now.boot_us - entry->ended_boot_us < ECHO_LASTS_US)
            return TRUE;
    }
    return FALSE;
}
