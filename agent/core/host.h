/*
 * All that core knows of this host: open migrations of both roles, the reservation ledger, and
 * when the conductor may be asked. The agent drives exactly this: step, save, act.
 */
#pragma once

#include <glib.h>

#include "agent/core/destination.h"
#include "agent/core/effect.h"
#include "agent/core/event.h"
#include "agent/core/reservation.h"
#include "agent/core/source.h"

typedef struct NmaHost NmaHost;

typedef struct {
    const char *host;            /* Nova's name of this host; copied */
    gint64 progress_interval_us; /* [reports] progress_interval_ms */
    /* Mean time between two questions to the conductor: 30 s. A host may save up three, and puts
     * at least 5 s (or the interval, if less) between two: so the end of a migration is learnt
     * soon, and a host still never asks more often than once an interval for long. One question
     * names every open migration that waits for an answer. */
    gint64 conductor_interval_us;
    /* what a forecast is judged against; max_downtime_ms 0: no forecasts */
    NmaConvergenceLimits limits;
    guint max_open; /* bound on open migrations per role; more are counted, not kept */
    char *(*new_attempt_id)(void); /* g_uuid_string_random in the agent, a counter in tests */
} NmaHostConfig;

NmaHost *nma_host_new(const NmaHostConfig *config);
void nma_host_free(NmaHost *host);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NmaHost, nma_host_free)
void nma_host_set_progress_interval(NmaHost *host, gint64 interval_us);
/* for migrations that begin from now on */
void nma_host_set_limits(NmaHost *host, const NmaConvergenceLimits *limits);

/* Steps every machine that the event concerns, opens new ones, closes ended ones. */
void nma_host_step(NmaHost *host, const NmaEvent *event, NmaNow now, GPtrArray *effects);
gint64 nma_host_next_deadline(const NmaHost *host); /* boot_us, or NMA_NEVER */

/* After a restart: what the store held. Taken. Blind until libvirt has been read. */
void nma_host_restore_source(NmaHost *host, NmaSource *source, NmaNow now);
void nma_host_restore_destination(NmaHost *host, NmaDestination *destination, NmaNow now);
void nma_host_restore_reservation(NmaHost *host, const NmaReservation *reservation);
/* The host was booted again since the state was saved: reports each open migration's end
 * (host_rebooted) and ends every reservation. */
void nma_host_rebooted(NmaHost *host, NmaNow now, GPtrArray *effects);

/* what an earlier migration came to; oldest first */
void nma_host_restore_outcome(NmaHost *host, const NmaOutcome *outcome);

/* What has to be saved since the last call of nma_host_saved: borrowed pointers. Migrations with
 * base.ended, and reservations that are not live, are to be deleted from the store; the
 * outcome of an ended source (unless its attempt_id is empty) goes into the history. */
typedef struct {
    GPtrArray *sources, *destinations, *reservations;
} NmaHostChanges;
void nma_host_get_changes(NmaHost *host, NmaHostChanges *changes /* arrays are appended to */);
/* everything is on disk: ended ones are freed */
void nma_host_saved(NmaHost *host);

/* read-only views, for status and metrics; borrowed, valid until the next step */
guint nma_host_open_count(const NmaHost *host, NmaRole role); /* at most max_open */
void nma_host_foreach_migration(const NmaHost *host, void (*each)(const NmaMigration *, gpointer),
                                gpointer user_data);
const NmaLedger *nma_host_ledger(const NmaHost *host);
NmaLedger *nma_host_ledger_mutable(NmaHost *host); /* reserve/release asked over RPC */
const NmaExperiences *nma_host_experiences(const NmaHost *host);
guint64 nma_host_ignored_total(const NmaHost *host); /* over max_open */
