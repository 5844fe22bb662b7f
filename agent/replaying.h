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

/* at_ms: after the trace began. */
typedef struct {
    void (*forecast)(gint64 at_ms, const NmaForecastReport *report, gpointer user_data);
    /* What a policy would have done, each taken as done. Up to the one that ends it: of what comes
     * then the recording knows nothing. Not called without a policy. */
    void (*remedy)(gint64 at_ms, const NmaRemedyReport *report, gpointer user_data);
    /* NULL when the trace ends before the migration does */
    void (*outcome)(const NmaOutcome *outcome, gpointer user_data);
} NmaReplayTold;

/* policy NULL: none. max_speed_bytes_s: as in NmaRules. */
void nma_replay_run(NmaReplay *replay, const NmaPolicy *policy, gint64 max_speed_bytes_s,
                    const NmaReplayTold *told, gpointer user_data);
