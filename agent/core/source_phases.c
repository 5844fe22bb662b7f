/* The source's phases: how it goes from one to the next, and what each report says. */
#include "agent/core/source_internal.h"

#define FIRST_ASK_COMMIT_US (2 * NMA_US_PER_S)

void
nma_source_complete_reports(const NmaSource *source, GPtrArray *effects, guint first)
{
    for (guint i = first; i < effects->len; i++) {
        const NmaEffect *effect = effects->pdata[i];

        if (effect->type != NMA_EFFECT_REPORT)
            continue;
        effect->report->peer = g_strdup(source->peer);
        effect->report->clock_offset_ms = source->clock_offset_ms;
        effect->report->clock_offset_error_ms = source->clock_offset_error_ms;
    }
}

NmaStep
nma_source_copy_step(const NmaSource *source)
{
    const NmaJobStats *stats = &source->base.stats;

    if (source->base.has_stats && stats->disk_total_bytes > 0 && stats->memory_iteration <= 0 &&
        stats->memory_processed_bytes <= 0)
        return NMA_STEP_DISK;
    return NMA_STEP_MEMORY;
}

static NmaStep
first_step(const NmaSource *source, NmaPhase phase)
{
    switch (phase) {
    case NMA_PHASE_PRE_MIGRATION:
        return NMA_STEP_WAITING;
    case NMA_PHASE_PRE_COPY:
        return nma_source_copy_step(source);
    default:
        return NMA_STEP_NONE;
    }
}

static NmaPhase
phase_after(NmaPhase phase, NmaPhase target)
{
    switch (phase) {
    case NMA_PHASE_PRE_MIGRATION:
    case NMA_PHASE_RESERVATION:
        return NMA_PHASE_PRE_COPY;
    case NMA_PHASE_PRE_COPY:
        return target == NMA_PHASE_POST_COPY ? target : NMA_PHASE_STOP_AND_COPY;
    default:
        return target;
    }
}

/* Deadlines and what is known of the guest, as they are at the begin of a phase. */
static void
enter(NmaSource *source, NmaPhase phase, NmaNow now)
{
    NmaMigration *base = &source->base;

    switch (phase) {
    case NMA_PHASE_STOP_AND_COPY:
        base->guest_state = NMA_GUEST_PAUSED;
        base->cause = base->force_seen ? NMA_CAUSE_FORCED : NMA_CAUSE_SWITCHOVER;
        source->suspended_iteration = source->iteration;
        break;
    case NMA_PHASE_POST_COPY:
        base->guest_place = NMA_GUEST_ON_DESTINATION;
        base->guest_state = NMA_GUEST_RUNNING;
        break;
    case NMA_PHASE_COMMITMENT:
        base->guest_place = NMA_GUEST_ON_DESTINATION;
        if (base->phase != NMA_PHASE_POST_COPY)
            base->guest_state = NMA_GUEST_STATE_UNKNOWN; /* a paused guest stays paused there */
        break;
    default:
        break;
    }
    if (phase == NMA_PHASE_COMMITMENT) {
        source->read_due_boot_us = NMA_NEVER;
        source->ask_due_boot_us = now.boot_us + FIRST_ASK_COMMIT_US;
        source->give_up_boot_us = now.boot_us + NMA_SOURCE_PATIENCE_COMMIT_US;
    } else {
        source->give_up_boot_us = now.boot_us + NMA_SOURCE_PATIENCE_US;
        /* while data flows libvirt tells all but who we are */
        source->ask_due_boot_us =
            base->identity.migration_id < 0 ? now.boot_us + NMA_US_PER_S : NMA_NEVER;
    }
}

void
nma_source_reach(NmaSource *source, NmaPhase target, NmaEvidence evidence, NmaNow at, NmaNow now,
                 GPtrArray *effects)
{
    NmaMigration *base = &source->base;
    gint64 after = base->last_seen_wall_us;
    gboolean begun_here = FALSE; /* a phase that nobody saw begin or end */

    while (base->phase < target) {
        NmaPhase next = phase_after(base->phase, target);
        NmaEvidence seen = next == target ? evidence : NMA_EVIDENCE_INFERRED;
        NmaReport *report;

        if (next == NMA_PHASE_COMMITMENT)
            enter(source, next, now); /* the end already says where the guest is */
        report = nma_migration_end(base, at, effects);
        if (seen == NMA_EVIDENCE_INFERRED || begun_here)
            nma_migration_mark_inferred(base, report, after, at.wall_us,
                                        next == NMA_PHASE_COMMITMENT &&
                                            source->final_boot_us != NMA_NEVER);
        if (base->phase == NMA_PHASE_PRE_MIGRATION && g_strcmp0(source->peer, "absent") == 0)
            nma_migration_skip(base, NMA_PHASE_RESERVATION, NMA_REASON_NONE, at, effects);
        enter(source, next, now);
        nma_source_note_phase(source, next, at);
        if (next != target)
            base->cause = NMA_CAUSE_NONE;
        report = nma_migration_begin(base, next, first_step(source, next), at, effects);
        begun_here = seen == NMA_EVIDENCE_INFERRED;
        if (begun_here)
            nma_migration_mark_inferred(base, report, after, at.wall_us, FALSE);
    }
}

void
nma_source_hand_over(NmaSource *source, NmaEvidence evidence, NmaNow at, NmaNow now,
                     GPtrArray *effects)
{
    source->stopped_boot_us = NMA_NEVER;
    source->domain_gone = FALSE;
    nma_source_reach(source, NMA_PHASE_COMMITMENT, evidence, at, now, effects);
}

void
nma_source_fail(NmaSource *source, NmaReason reason, const char *text, NmaEvidence evidence,
                NmaNow now, GPtrArray *effects)
{
    NmaMigration *base = &source->base;
    NmaReport *report = nma_migration_fail(base, reason, text, now, effects);

    if (evidence == NMA_EVIDENCE_INFERRED)
        nma_migration_mark_inferred(base, report, base->last_seen_wall_us, now.wall_us, FALSE);
    base->ended = TRUE;
}

void
nma_source_domain_gone(NmaSource *source, NmaNow now)
{
    if (source->domain_gone)
        return;
    source->domain_gone = TRUE;
    source->gone_wall_us = now.wall_us;
    /* Stopped/Migrated or job-completed may still be on its way */
    source->ask_due_boot_us = now.boot_us + NMA_US_PER_S;
    source->give_up_boot_us = now.boot_us + NMA_SOURCE_PATIENCE_GONE_US;
}

void
nma_source_fail_gone(NmaSource *source, const char *text, NmaNow now, GPtrArray *effects)
{
    NmaMigration *base = &source->base;

    if (source->domain_seen || source->job_seen || base->phase > NMA_PHASE_PRE_MIGRATION) {
        base->guest_place = NMA_GUEST_GONE;
        base->guest_state = NMA_GUEST_STATE_UNKNOWN;
        nma_source_fail(source, NMA_REASON_GUEST_GONE, text, NMA_EVIDENCE_INFERRED, now, effects);
    } else {
        nma_source_fail(source, NMA_REASON_INSTANCE_NOT_HERE, text, NMA_EVIDENCE_INFERRED, now,
                        effects);
    }
}

void
nma_source_commitment_end(NmaSource *source, const char *status, NmaNow now, GPtrArray *effects)
{
    NmaReport *report = nma_migration_end(&source->base, now, effects);

    report->nova_status = g_strdup(status != NULL ? status : "unknown");
    if (status == NULL)
        report->reason = NMA_REASON_NOVA_STATUS_UNKNOWN;
    source->base.ended = TRUE;
}
