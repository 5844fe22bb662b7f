/*
 * Whether a host is empty: its agent is asked which guests libvirt has there, every few seconds, in
 * every cell until one answers. Reports alone cannot tell it: a guest that nobody migrates sends
 * none.
 */
#pragma once

#include <glib.h>

#include "agent/core/now.h"

#define NMA_WATCH_AGENT_TOPIC "nova_migration_agent"

typedef struct NmaWatchDrain NmaWatchDrain;

/* cells: of NmaWatchCell, borrowed. Connects at once, in threads of its own. */
NmaWatchDrain *nma_watch_drain_start(const GPtrArray *cells, const char *host, const char *topic,
                                     GError **error);
/* FALSE: a thread hangs and was left behind with what it uses (exit then). */
gboolean nma_watch_drain_stop(NmaWatchDrain *drain);

/* readable when an answer came */
int nma_watch_drain_fd(const NmaWatchDrain *drain);
/* Takes the answers and asks again when it is time (g_get_monotonic_time). */
void nma_watch_drain_step(NmaWatchDrain *drain, gint64 now_us);

/* Of the newest answer: how many guests, -1 while nobody has answered. */
gint64 nma_watch_drain_guests(const NmaWatchDrain *drain);
/* Their uuids, at most so many as the agent told; borrowed until the next step. */
const GPtrArray *nma_watch_drain_instances(const NmaWatchDrain *drain);
/* why nobody answers; NULL: somebody did when last asked */
const char *nma_watch_drain_trouble(const NmaWatchDrain *drain);
