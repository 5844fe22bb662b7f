/*
 * One agent's story of one migration: what its reports, folded together, say.
 *
 * Folding is commutative and idempotent: whatever the order in which reports arrive, and however
 * often, the attempt is the same. So every figure is kept with its rank (sequence, progress count)
 * and only a higher rank replaces it; nothing is ordered by a timestamp of two hosts.
 */
#pragma once

#include <glib.h>

#include "agent/core/forecast.h"
#include "agent/core/report.h"

/* sequences are counted one by one up to here (an attempt has about a dozen) */
#define NMA_WATCH_COUNTED_SEQUENCES 256
#define NMA_WATCH_MAX_TEXT_BYTES    1024
#define NMA_WATCH_MAX_NAME_BYTES    256

/* Place of a report in its host's own order. All zero: none. */
typedef struct {
    guint64 sequence, progress;
} NmaWatchRank;

typedef struct {
    gboolean heard;                         /* some report named this phase */
    guint64 start_sequence, close_sequence; /* 0: not heard */
    gboolean failed;                        /* closed by an error */
    gboolean skipped;
    gboolean inferred; /* start or close was inferred, not observed */
    NmaReason reason;
    NmaCause cause;
    gint64 start_wall_us, duration_us; /* NMA_UNKNOWN when not told */
} NmaWatchPhase;

enum { NMA_WATCH_N_IDENTITY_FIELDS = 9 };

typedef struct {
    char *cell; /* name given by the user; "" for the only one */
    char *host;
    char attempt_id[NMA_UUID_LEN + 1];
    NmaRole role;
    NmaIdentity identity;
    NmaWatchRank identity_rank[NMA_WATCH_N_IDENTITY_FIELDS];
    NmaWatchPhase phases[NMA_N_PHASES];

    /* the last word */
    NmaWatchRank last;
    NmaPhase phase;
    NmaReportKind kind;
    NmaStep step;
    gboolean inferred;
    NmaGuestPlace guest_place;
    NmaGuestState guest_state;
    gint64 occurred_wall_us; /* on that host's clock */
    gint64 heard_us;         /* when it came to us: monotonic */

    /* newest that said something */
    NmaJobStats stats;
    NmaWatchRank stats_rank;
    gboolean stats_final; /* they are those of the finished job: its downtime is the real one */
    char *text;           /* libvirt's or Nova's words; NULL if none */
    NmaWatchRank text_rank;
    char *nova_status, *peer; /* NULL if none */
    NmaWatchRank nova_status_rank, peer_rank;
    NmaForecast forecast;    /* newest */
    gint64 forecast_wall_us; /* NMA_UNKNOWN: none was heard */
    gint64 clock_offset_ms, clock_offset_error_ms;
    NmaWatchRank clock_rank;

    /* the newest error, and whether an error means the end: see outcome.h */
    guint64 error_sequence; /* 0: none */
    NmaReason error_reason;
    NmaPhase error_phase;

    gint64 first_wall_us;                   /* of what was heard, on that host's clock */
    gint64 step_first_wall_us[NMA_N_STEPS]; /* NMA_UNKNOWN: step not heard */
    guint64 seen[NMA_WATCH_COUNTED_SEQUENCES / 64];
    guint64 first_order, last_order; /* when the model heard of it, counted; 0: not yet */
    guint64 told;                    /* highest sequence that any report, progress too, speaks of */
} NmaWatchAttempt;

NmaWatchAttempt *nma_watch_attempt_new(const char *cell, const char *host, const NmaReport *first);
void nma_watch_attempt_free(NmaWatchAttempt *attempt);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NmaWatchAttempt, nma_watch_attempt_free)

/* Folds a report in. FALSE when it brought nothing new: a repeat, or a progress that a newer one
 * has overtaken (what only it knew is taken all the same). */
gboolean nma_watch_attempt_add(NmaWatchAttempt *attempt, const NmaReport *report, gint64 now_us);

/* FALSE: not newer than the one it has */
gboolean nma_watch_attempt_add_forecast(NmaWatchAttempt *attempt, const NmaForecastReport *report);

/* Gap marks. Reports before the first one heard are not counted as lost: we were not yet listening.
 * Sequences missing between the first and the last one known of. */
guint nma_watch_attempt_missing(const NmaWatchAttempt *attempt);
/* "3, 5-7" of these; "" when none. Owned. */
char *nma_watch_attempt_missing_text(const NmaWatchAttempt *attempt);
/* how many came before the first one heard */
guint nma_watch_attempt_unheard(const NmaWatchAttempt *attempt);

gboolean nma_watch_phase_is_open(const NmaWatchPhase *phase);
