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
    gboolean phase_start_inferred;    /* the start was not seen: no duration is reported */
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
/* Fails a phase that has no start of its own here: the open one if one is open, else phase (one
 * that may follow). For the destination, which between reservation and stop_and_copy has no open
 * phase, and for a refused reservation. */
NmaReport *nma_migration_fail_in(NmaMigration *migration, NmaPhase phase, NmaReason reason,
                                 const char *text, NmaNow now, GPtrArray *effects);
/* The end of a phase whose start this side cannot see (stop_and_copy on the destination). */
NmaReport *nma_migration_end_unseen(NmaMigration *migration, NmaPhase phase, NmaNow now,
                                    GPtrArray *effects);
/* Marks a report just added as inferred: it happened between the two wall times (the first may be
 * NMA_UNKNOWN). Takes what was not measured out of it: duration, and statistics unless these are
 * known to belong to it. */
void nma_migration_mark_inferred(NmaMigration *migration, NmaReport *report,
                                 gint64 not_before_wall_us, gint64 not_after_wall_us,
                                 gboolean keep_stats);
/* a phase that did not take place: one end report with skipped = TRUE */
NmaReport *nma_migration_skip(NmaMigration *migration, NmaPhase phase, NmaReason reason, NmaNow now,
                              GPtrArray *effects);
/* TRUE when begin, skip, end_unseen and fail_in accept the phase now */
gboolean nma_migration_may_follow(const NmaMigration *migration, NmaPhase phase);
/* a progress report at once, that says why something is worth knowing though it goes on */
void nma_migration_remark(NmaMigration *migration, NmaReason reason, const char *text, NmaNow now,
                          GPtrArray *effects);
/* coalesced: at most one per min_interval_us, unless the step changes */
void nma_migration_progress(NmaMigration *migration, NmaStep step, gint64 min_interval_us,
                            NmaNow now, GPtrArray *effects);
