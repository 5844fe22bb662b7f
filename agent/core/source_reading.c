/* What a reading of the domain tells the source. */
#include "agent/core/source_internal.h"

/* job-completed says success: the domain must be gone within this time */
#define COMPLETED_GRACE_US (10 * NMA_US_PER_S)
/* no migration is over this soon after its cast: an instance that is not here never was */
#define FIRST_LOOK_US (2 * NMA_US_PER_S)
#define SILENCE_US    (24 * 3600 * NMA_US_PER_S)

static NmaEvidence
evidence(const NmaSource *source)
{
    return source->base.blind ? NMA_EVIDENCE_INFERRED : NMA_EVIDENCE_OBSERVED;
}

static void
take_absent(NmaSource *source, NmaNow at, NmaNow now, GPtrArray *effects)
{
    NmaMigration *base = &source->base;

    if (source->final_boot_us != NMA_NEVER) {
        /* the job succeeded and the guest is gone: only Stopped/Migrated was not seen */
        nma_source_hand_over(source, NMA_EVIDENCE_INFERRED, at, now, effects);
    } else if (!source->domain_seen && !base->blind && !source->job_seen &&
               base->phase == NMA_PHASE_PRE_MIGRATION &&
               now.boot_us - base->phase_started_boot_us < FIRST_LOOK_US) {
        nma_source_fail(source, NMA_REASON_INSTANCE_NOT_HERE, NULL, NMA_EVIDENCE_OBSERVED, at,
                        effects);
    } else {
        nma_source_domain_gone(source, now);
    }
    base->blind = FALSE;
}

/* The domain is here and no outgoing job is. TRUE when that is sure enough to end. */
static gboolean
job_is_gone(NmaSource *source, NmaNow now)
{
    if (!source->job_seen && source->base.phase == NMA_PHASE_PRE_MIGRATION)
        return FALSE; /* it has not begun */
    if (source->final_boot_us != NMA_NEVER &&
        now.boot_us - source->final_boot_us < COMPLETED_GRACE_US)
        return FALSE;
    if (source->gone_reads++ == 0)
        source->gone_boot_us = now.boot_us;
    return now.boot_us - source->gone_boot_us >= NMA_SOURCE_CONFIRM_US;
}

/* The phase that the state of the domain stands for; as events also tell it, and may only be late,
 * two readings some time apart have to agree before it is believed without them. */
static gboolean
is_ahead(NmaSource *source, NmaDomainState state, NmaNow now, NmaPhase *phase)
{
    switch (state) {
    case NMA_DOMAIN_PAUSED_MIGRATION:
        *phase = NMA_PHASE_STOP_AND_COPY;
        break;
    case NMA_DOMAIN_PAUSED_POSTCOPY:
    case NMA_DOMAIN_PAUSED_POSTCOPY_FAILED:
        *phase = NMA_PHASE_POST_COPY;
        break;
    default:
        *phase = source->base.phase;
        break;
    }
    if (*phase <= source->base.phase) {
        source->ahead_boot_us = NMA_NEVER;
        return FALSE;
    }
    if (source->ahead_boot_us == NMA_NEVER)
        source->ahead_boot_us = now.boot_us;
    return source->base.blind || now.boot_us - source->ahead_boot_us >= NMA_SOURCE_CONFIRM_US;
}

static void
take_guest_state(NmaMigration *base, NmaDomainState state)
{
    if (base->phase >= NMA_PHASE_POST_COPY)
        return; /* the guest that counts is the other one */
    base->guest_place = NMA_GUEST_ON_SOURCE;
    base->guest_state = state == NMA_DOMAIN_RUNNING ? NMA_GUEST_RUNNING : NMA_GUEST_PAUSED;
}

static void
take_job(NmaSource *source, const NmaDomainReading *reading, gint64 progress_interval_us, NmaNow at,
         NmaNow now, GPtrArray *effects)
{
    NmaMigration *base = &source->base;
    NmaPhase phase;

    source->job_seen = TRUE;
    source->convergence.limits.huge_pages |= reading->huge_pages;
    source->gone_reads = 0;
    if (source->final_boot_us == NMA_NEVER) {
        base->stats = reading->stats;
        base->has_stats = TRUE;
    }
    if (base->blind && base->last_seen_wall_us == NMA_UNKNOWN && reading->stats.elapsed_ms >= 0 &&
        reading->stats.elapsed_ms < at.wall_us / NMA_US_PER_MS)
        base->last_seen_wall_us = at.wall_us - reading->stats.elapsed_ms * NMA_US_PER_MS;
    if (is_ahead(source, reading->state, now, &phase))
        nma_source_reach(source, phase, NMA_EVIDENCE_INFERRED, at, now, effects);
    else if (nma_job_stats_flows(&reading->stats) || source->iterated)
        nma_source_reach(source, NMA_PHASE_PRE_COPY, evidence(source), at, now, effects);
    if (base->phase == NMA_PHASE_PRE_COPY) {
        nma_source_note_reading(source, &reading->stats, at);
        nma_migration_progress(base, nma_source_copy_step(source), progress_interval_us, at,
                               effects);
        nma_source_forecast(source, &reading->stats, at, effects);
    } else if (base->phase > NMA_PHASE_PRE_COPY) {
        nma_migration_progress(base, NMA_STEP_NONE, progress_interval_us, at, effects);
    }
    if (base->phase >= NMA_PHASE_PRE_COPY)
        source->give_up_boot_us = now.boot_us + SILENCE_US;
}

static void
take_present(NmaSource *source, const NmaDomainReading *reading, gint64 progress_interval_us,
             NmaNow at, NmaNow now, GPtrArray *effects)
{
    NmaMigration *base = &source->base;

    source->domain_seen = TRUE;
    if (source->domain_gone) {
        source->domain_gone = FALSE; /* it was started again, or was never away */
        source->gone_wall_us = NMA_UNKNOWN;
        source->give_up_boot_us = now.boot_us + SILENCE_US;
    }
    take_guest_state(base, reading->state);
    nma_steering_seen(&source->steering, reading->state == NMA_DOMAIN_RUNNING, now.boot_us);
    if (reading->state == NMA_DOMAIN_PAUSED_POSTCOPY_FAILED) {
        nma_source_reach(source, NMA_PHASE_POST_COPY, NMA_EVIDENCE_INFERRED, at, now, effects);
        base->guest_state = NMA_GUEST_PAUSED;
        nma_source_fail(source, NMA_REASON_POST_COPY_FAILED, reading->text, evidence(source), at,
                        effects);
        return;
    }
    if (!reading->stats_known)
        return;
    if (reading->stats.kind != NMA_JOB_MIGRATION_OUT)
        source->iterated = FALSE; /* it was the sync of a dump or the like */
    if (reading->stats.kind == NMA_JOB_MIGRATION_OUT) {
        take_job(source, reading, progress_interval_us, at, now, effects);
    } else if (job_is_gone(source, now)) {
        nma_source_fail(source, base->abort_seen ? NMA_REASON_ABORTED : NMA_REASON_JOB_FAILED,
                        reading->text, evidence(source), at, effects);
        return;
    }
    if (source->given_up && !source->job_seen && !source->read_again) {
        g_autofree char *text =
            g_strdup_printf("Nova lists the migration as %s", base->nova_status);

        /* whether Nova rolled back what the destination had prepared is for that side to say */
        nma_source_fail(source, base->abort_seen ? NMA_REASON_ABORTED : NMA_REASON_NEVER_STARTED,
                        text, NMA_EVIDENCE_OBSERVED, at, effects);
        return;
    }
    if (source->gone_reads == 0)
        base->blind = FALSE;
    base->last_seen_wall_us = at.wall_us;
}

void
nma_source_take_reading(NmaSource *source, const NmaDomainReading *reading,
                        gint64 progress_interval_us, NmaNow at, NmaNow now, GPtrArray *effects)
{
    /* after Stopped/Migrated a reading can only be older than that */
    if (reading->state == NMA_DOMAIN_UNKNOWN || source->stopped_boot_us != NMA_NEVER ||
        source->base.phase == NMA_PHASE_COMMITMENT) {
        if (reading->state != NMA_DOMAIN_UNKNOWN)
            source->base.blind = FALSE;
        return;
    }
    if (reading->state == NMA_DOMAIN_ABSENT)
        take_absent(source, at, now, effects);
    else
        take_present(source, reading, progress_interval_us, at, now, effects);
}
