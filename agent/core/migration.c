#include "agent/core/migration.h"

#define BIT(phase) (1u << NMA_PHASE_##phase)

/* The phases that a role reports, and how: begun and ended, as an end alone, failed without a
 * start, or as skipped. What follows what is the order of NmaPhase: never back. */
static const struct {
    guint begun, end_alone, failed_alone, skipped;
} table[] = {
    [NMA_ROLE_SOURCE] = {
        .begun = BIT(PRE_MIGRATION) | BIT(PRE_COPY) | BIT(STOP_AND_COPY) | BIT(POST_COPY) |
                 BIT(COMMITMENT),
        .skipped = BIT(RESERVATION),
    },
    [NMA_ROLE_DESTINATION] = {
        .begun = BIT(PRE_MIGRATION) | BIT(RESERVATION) | BIT(POST_COPY) | BIT(COMMITMENT),
        .end_alone = BIT(STOP_AND_COPY),
        .failed_alone = BIT(RESERVATION) | BIT(PRE_COPY),
    },
};
#undef BIT

void
nma_migration_init(NmaMigration *migration, NmaRole role, const NmaIdentity *identity,
                   const char *attempt_id, NmaNow now)
{
    *migration = (NmaMigration){
        .role = role,
        .phase = NMA_PHASE_PRE_MIGRATION,
        .phase_started_boot_us = now.boot_us,
        .opened_wall_us = now.wall_us,
        .last_seen_wall_us = now.wall_us,
    };
    nma_identity_copy(&migration->identity, identity);
    g_strlcpy(migration->attempt_id, attempt_id, sizeof migration->attempt_id);
    nma_job_stats_clear(&migration->stats);
}

void
nma_migration_clear(NmaMigration *migration)
{
    nma_identity_clear(&migration->identity);
    g_clear_pointer(&migration->nova_status, g_free);
}

gboolean
nma_migration_may_follow(const NmaMigration *migration, NmaPhase phase)
{
    return !migration->phase_open && !migration->ended &&
           (migration->sequence == 0 || phase > migration->phase);
}

static NmaReport *
add_report(NmaMigration *migration, NmaReportKind kind, NmaNow now, GPtrArray *effects)
{
    NmaReport *report = nma_report_new();

    if (kind == NMA_REPORT_PROGRESS)
        migration->progress_count++;
    else
        migration->sequence++;
    nma_identity_copy(&report->identity, &migration->identity);
    g_strlcpy(report->attempt_id, migration->attempt_id, sizeof report->attempt_id);
    report->role = migration->role;
    report->phase = migration->phase;
    report->kind = kind;
    report->step = migration->step;
    report->evidence = NMA_EVIDENCE_OBSERVED;
    report->sequence = migration->sequence;
    report->progress_count = migration->progress_count;
    report->occurred_wall_us = now.wall_us;
    report->stats = migration->stats;
    report->has_stats = migration->has_stats;
    report->guest_place = migration->guest_place;
    report->guest_state = migration->guest_state;
    if (migration->phase == NMA_PHASE_STOP_AND_COPY)
        report->cause = migration->cause;
    nma_effects_add_report(effects, report);
    return report;
}

/* The one setter of the phase. */
static void
set_phase(NmaMigration *migration, NmaPhase phase, NmaStep step, gboolean open, NmaNow now)
{
    g_assert(nma_migration_may_follow(migration, phase));
    migration->phase = phase;
    migration->step = step;
    migration->phase_open = open;
    migration->phase_started_boot_us = now.boot_us;
    migration->phase_start_inferred = FALSE;
    migration->last_progress_boot_us = 0;
}

static NmaReport *
close_phase(NmaMigration *migration, NmaReportKind kind, NmaNow now, GPtrArray *effects)
{
    NmaReport *report = add_report(migration, kind, now, effects);

    if (!migration->phase_start_inferred)
        report->phase_duration_us = MAX(now.boot_us - migration->phase_started_boot_us, 0);
    migration->phase_open = FALSE;
    return report;
}

NmaReport *
nma_migration_begin(NmaMigration *migration, NmaPhase phase, NmaStep step, NmaNow now,
                    GPtrArray *effects)
{
    g_assert(table[migration->role].begun & (1u << phase));
    set_phase(migration, phase, step, TRUE, now);
    return add_report(migration, NMA_REPORT_START, now, effects);
}

NmaReport *
nma_migration_end(NmaMigration *migration, NmaNow now, GPtrArray *effects)
{
    g_assert(migration->phase_open);
    return close_phase(migration, NMA_REPORT_END, now, effects);
}

NmaReport *
nma_migration_fail(NmaMigration *migration, NmaReason reason, const char *text, NmaNow now,
                   GPtrArray *effects)
{
    NmaReport *report;

    g_assert(migration->phase_open);
    report = close_phase(migration, NMA_REPORT_ERROR, now, effects);
    report->reason = reason;
    report->text = g_strdup(text);
    return report;
}

NmaReport *
nma_migration_fail_in(NmaMigration *migration, NmaPhase phase, NmaReason reason, const char *text,
                      NmaNow now, GPtrArray *effects)
{
    if (!migration->phase_open) {
        g_assert(table[migration->role].failed_alone & (1u << phase));
        set_phase(migration, phase, NMA_STEP_NONE, TRUE, now);
        migration->phase_start_inferred = TRUE;
    }
    return nma_migration_fail(migration, reason, text, now, effects);
}

NmaReport *
nma_migration_end_unseen(NmaMigration *migration, NmaPhase phase, NmaNow now, GPtrArray *effects)
{
    g_assert(table[migration->role].end_alone & (1u << phase));
    set_phase(migration, phase, NMA_STEP_NONE, TRUE, now);
    migration->phase_start_inferred = TRUE;
    return close_phase(migration, NMA_REPORT_END, now, effects);
}

NmaReport *
nma_migration_skip(NmaMigration *migration, NmaPhase phase, NmaReason reason, NmaNow now,
                   GPtrArray *effects)
{
    NmaReport *report;

    g_assert(table[migration->role].skipped & (1u << phase));
    set_phase(migration, phase, NMA_STEP_NONE, FALSE, now);
    report = add_report(migration, NMA_REPORT_END, now, effects);
    report->reason = reason;
    report->skipped = TRUE;
    return report;
}

void
nma_migration_mark_inferred(NmaMigration *migration, NmaReport *report, gint64 not_before_wall_us,
                            gint64 not_after_wall_us, gboolean keep_stats)
{
    report->evidence = NMA_EVIDENCE_INFERRED;
    report->not_after_wall_us = not_after_wall_us;
    /* the wall clock may have been set back since */
    report->not_before_wall_us = MIN(not_before_wall_us, not_after_wall_us);
    report->phase_duration_us = NMA_UNKNOWN;
    if (report->kind == NMA_REPORT_START)
        migration->phase_start_inferred = TRUE;
    if (!keep_stats) {
        report->has_stats = FALSE;
        nma_job_stats_clear(&report->stats);
    }
}

void
nma_migration_progress(NmaMigration *migration, NmaStep step, gint64 min_interval_us, NmaNow now,
                       GPtrArray *effects)
{
    g_assert(migration->phase_open);
    if (step == migration->step && migration->last_progress_boot_us != 0 &&
        now.boot_us - migration->last_progress_boot_us < min_interval_us)
        return;
    migration->step = step;
    migration->last_progress_boot_us = now.boot_us;
    add_report(migration, NMA_REPORT_PROGRESS, now, effects);
}

void
nma_migration_remark(NmaMigration *migration, NmaReason reason, const char *text, NmaNow now,
                     GPtrArray *effects)
{
    NmaReport *report;

    g_assert(migration->phase_open);
    migration->last_progress_boot_us = now.boot_us;
    report = add_report(migration, NMA_REPORT_PROGRESS, now, effects);
    report->reason = reason;
    report->text = g_strdup(text);
}
