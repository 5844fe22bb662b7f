/*
 * The last migrations that ended here: so that an echo of one (a message delivered twice or late)
 * does not open it again. Bounded; lost in a restart, as the tap's queue is.
 */
#pragma once

#include "agent/core/migration.h"

typedef struct NmaRecent NmaRecent;

NmaRecent *nma_recent_new(void);
void nma_recent_free(NmaRecent *recent);
void nma_recent_add(NmaRecent *recent, const NmaMigration *ended, NmaNow now);

/* TRUE when a call of Nova speaks of a migration that has ended: it names the same migration, or it
 * names none, and the instance's last one was carried through moments ago. */
gboolean nma_recent_is_echo(const NmaRecent *recent, NmaRole role, const NmaIdentity *identity,
                            NmaNow now);
