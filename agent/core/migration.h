/*
 * What both sides of a migration have in common: identity, the phase that is open, the numbering
 * of reports. The one setter of the phase lives here; it asserts that the transition is legal.
 */
#pragma once

#include <glib.h>

#include "agent/core/effect.h"
#include "agent/core/event.h"

typedef struct {
    NmaIdentity identity;
    char attempt_id[NMA_UUID_LEN + 1];
    NmaRole role;
    gboolean phase_open; /* FALSE: between two phases, or ended */
    NmaPhase phase;      /* the open one, or the last one that was */
    NmaStep step;
    gint64 phase_started_boot_us;
    guint64 sequence, progress_count; /* as in NmaReport, last used */
    NmaJobStats stats;                /* newest reading */
    gboolean has_stats;
    NmaGuestPlace guest_place;
    NmaGuestState guest_state;
    NmaCause cause;
    gboolean abort_seen, force_seen; /* Nova's abort or force-complete for it came by */
    char *nova_status;               /* newest word of the conductor; NULL before */
    gint64 opened_wall_us;
    gint64 last_progress_boot_us;
    gint64 last_seen_wall_us; /* when we last looked: not_before of what is inferred later */
    gboolean blind; /* since the last look something may have been missed (restart, reconnect):
                     * what is concluded now is inferred, not observed */
    gboolean ended; /* reported to its end; only kept until it is saved and dropped */
} NmaMigration;

void nma_migration_init(NmaMigration *migration, NmaRole role, const NmaIdentity *identity,
                        const char *attempt_id, NmaNow now);
void nma_migration_clear(NmaMigration *migration);

/* phase_open is closed by an end or error; the next phase must be later in the order, and be one
 * that this role has (table in migration.c). Each adds one report to effects. The report carries
 * the current statistics, guest place and identity; the caller may still fill in what is special
 * (reason text, checks, cause): the returned report is borrowed from effects. */
NmaReport *nma_migration_begin(NmaMigration *migration, NmaPhase phase, NmaStep step, NmaNow now,
                               GPtrArray *effects);
NmaReport *nma_migration_end(NmaMigration *migration, NmaNow now, GPtrArray *effects);
NmaReport *nma_migration_fail(NmaMigration *migration, NmaReason reason, const char *text,
                              NmaNow now, GPtrArray *effects);
/* a phase that did not take place: one end report with skipped = TRUE */
NmaReport *nma_migration_skip(NmaMigration *migration, NmaPhase phase, NmaReason reason, NmaNow now,
                              GPtrArray *effects);
/* coalesced: at most one per min_interval_us, unless the step changes */
void nma_migration_progress(NmaMigration *migration, NmaStep step, gint64 min_interval_us,
                            NmaNow now, GPtrArray *effects);
