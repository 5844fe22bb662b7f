#include "agent/watch/left.h"

static void
count_one(NmaWatchOutcome outcome, NmaWatchLeft *left)
{
    switch (outcome) {
    case NMA_WATCH_RUNNING:
        left->running++;
        break;
    case NMA_WATCH_COMPLETED:
        left->completed++;
        break;
    case NMA_WATCH_FAILED:
    case NMA_WATCH_CANCELLED:
        left->failed++;
        break;
    default:
        left->astray++;
        break;
    }
}

void
nma_watch_left_count(const GPtrArray *pictures, const char *host, NmaWatchLeft *left)
{
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);

    *left = (NmaWatchLeft){ 0 };
    /* running ones first, then the newest: the first of an instance is the one that counts */
    for (guint i = 0; i < pictures->len; i++) {
        NmaWatchPicture *picture = pictures->pdata[i];

        if (g_strcmp0(picture->identity.source, host) == 0 &&
            g_hash_table_add(seen, picture->identity.instance_uuid))
            count_one(picture->outcome, left);
    }
}

int
nma_watch_left_exit_code(const NmaWatchLeft *left)
{
    return left->astray > 0 ? 4 : left->failed > 0 ? 1 : 0;
}
