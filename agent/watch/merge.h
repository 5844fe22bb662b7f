/*
 * The picture of every migration, merged from the reports of both hosts.
 *
 * Pure: reports may come in any order, repeated and with gaps; the picture depends only on which of
 * them were heard (and, for ages, on when). The two sides are merged by phase order and by each
 * host's own sequence, never by timestamps, because clocks differ.
 */
#pragma once

#include <glib.h>

#include "agent/watch/attempt.h"

/* a side that was heard and has not ended is waited for this long before the other side's word
 * about a failure counts alone */
#define NMA_WATCH_PATIENCE_US (60 * NMA_US_PER_S)

typedef enum {
    NMA_WATCH_RUNNING,
    NMA_WATCH_COMPLETED,
    NMA_WATCH_FAILED,    /* the guest runs on the source */
    NMA_WATCH_CANCELLED, /* as failed, on request */
    NMA_WATCH_PAUSED,
    NMA_WATCH_LOST,       /* on neither side */
    NMA_WATCH_UNRECORDED, /* the guest moved, Nova recorded something else */
    NMA_WATCH_UNKNOWN,    /* ended, and nobody can say where the guest is */
    NMA_WATCH_N_OUTCOMES
} NmaWatchOutcome;

/* "completed", "failed", …; static. The program's exit code for it (running: 124). */
const char *nma_watch_outcome_to_string(NmaWatchOutcome outcome);
int nma_watch_outcome_exit_code(NmaWatchOutcome outcome);

/* Borrows from the model: valid until the next nma_watch_model_add(). */
typedef struct {
    const char *cell;
    NmaIdentity identity; /* strings borrowed; what both sides know together */
    /* the attempt of each side that counts, NULL when none was heard */
    const NmaWatchAttempt *source, *destination;
    guint attempts; /* how many were heard, e.g. a destination that refused before */

    NmaPhase phase; /* the last in phase order that either side named */
    gboolean phase_open;
    gboolean phase_failed;
    const NmaWatchAttempt *teller; /* whose word on that phase is shown; never NULL */
    NmaStep step;
    gint64 phase_us, step_us; /* time in it; NMA_UNKNOWN when its beginning was not heard */

    NmaJobStats stats; /* the source's newest (post-copy too); all unknown without */
    gboolean stats_final;
    const NmaForecast *forecast; /* the source's newest, while memory is copied; else NULL */
    NmaGuestPlace guest_place;
    NmaGuestState guest_state;

    NmaWatchOutcome outcome;
    gboolean settled;    /* ended, and every side that was heard has said its last word */
    NmaReason reason;    /* of the failure, or of a refusal that Nova may not heed */
    gboolean refused;    /* an agent's check said no (or could not say); Nova may go on */
    const char *text;    /* the words to that reason; NULL if none */
    guint missing;       /* gap marks of both sides */
    gint64 silent_us;    /* since the last word of either side; NMA_UNKNOWN in a recording */
    guint64 heard_order; /* when the last word came, to sort by */
} NmaWatchPicture;

typedef struct NmaWatchModel NmaWatchModel;

/* At most max_migrations are remembered: the finished one that was heard of longest ago goes first,
 * then the one that was. */
NmaWatchModel *nma_watch_model_new(guint max_migrations);
void nma_watch_model_free(NmaWatchModel *model);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NmaWatchModel, nma_watch_model_free)

/* report is borrowed. FALSE: a repeat or overtaken, nothing to show. now_us is monotonic. */
gboolean nma_watch_model_add(NmaWatchModel *model, const char *cell, const char *host,
                             const NmaReport *report, gint64 now_us);

/* A forecast for an attempt of which a report was heard. FALSE: not for one of these, or not newer.
 */
gboolean nma_watch_model_add_forecast(NmaWatchModel *model, const char *host,
                                      const NmaForecastReport *report);

guint nma_watch_model_size(const NmaWatchModel *model);
guint64 nma_watch_model_dropped(const NmaWatchModel *model); /* migrations forgotten so far */

/* now_us NMA_NEVER: nothing more will come (a recording), nobody is waited for.
 * All of them: running ones in the order in which they were first heard, then finished ones, the
 * newest first. Owned, with free function. */
GPtrArray *nma_watch_model_pictures(const NmaWatchModel *model, gint64 now_us);
/* The one that this attempt belongs to, or NULL. Free with g_free(). */
NmaWatchPicture *nma_watch_model_picture_of(const NmaWatchModel *model, const char *instance_uuid,
                                            const char *attempt_id, gint64 now_us);

/* What the user names: an instance uuid, a migration uuid or a migration id. */
gboolean nma_watch_picture_is(const NmaWatchPicture *picture, const char *name);
/* TRUE when host is its source or destination, or reports on it */
gboolean nma_watch_picture_has_host(const NmaWatchPicture *picture, const char *host);
