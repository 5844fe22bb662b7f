/*
 * A recorded migration told to a host in its own time: what would have been said of it, and when.
 * Nothing is asked, nothing is acted upon.
 */
#pragma once

#include "agent/core/host.h"
#include "agent/json/trace.h"

typedef struct NmaReplay NmaReplay;

/* path "-": standard input. NULL with an error that names the line. */
NmaReplay *nma_replay_load(const char *path, GError **error);
void nma_replay_free(NmaReplay *replay);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NmaReplay, nma_replay_free)

NmaTraceHead *nma_replay_head(NmaReplay *replay);  /* may be changed before the run */
guint nma_replay_skipped(const NmaReplay *replay); /* lines of a newer version */

/* forecast: said at_ms after the trace began. outcome: NULL when the trace ends before the
 * migration does. */
void nma_replay_run(NmaReplay *replay,
                    void (*forecast)(gint64 at_ms, const NmaForecastReport *, gpointer user_data),
                    void (*outcome)(const NmaOutcome *, gpointer user_data), gpointer user_data);
