#include "agent/core/source.h"

#include "agent/core/source_internal.h"

#define FAST_READ_US    (1 * NMA_US_PER_S)
#define SLOW_READ_US    (5 * NMA_US_PER_S)
#define FAST_PERIOD_US  (300 * NMA_US_PER_S) /* waiting: reads are fast this long, then slow */
#define READ_OVERDUE_US (60 * NMA_US_PER_S)  /* an answer that got lost must not stop us */

/* job-completed follows Stopped/Migrated: at once in libvirt 9, by up to 0.2 s in others */
#define FINAL_STATS_US (200 * NMA_US_PER_MS)
/* passes after Suspended/Migrated: QEMU's own switchover counts one or two more */
#define FORCED_PASSES 3

#define FIRST_ASK_WAITING_US (10 * NMA_US_PER_S)

NmaSource *
nma_source_new(const NmaIdentity *identity, const char *attempt_id, NmaNow now)
{
    NmaSource *source = g_new0(NmaSource, 1);

    nma_migration_init(&source->base, NMA_ROLE_SOURCE, identity, attempt_id, now);
    source->iteration = NMA_UNKNOWN;
    source->stopped_boot_us = NMA_NEVER;
    source->read_due_boot_us = NMA_NEVER;
    source->ask_due_boot_us = NMA_NEVER;
    source->give_up_boot_us = now.boot_us + NMA_SOURCE_PATIENCE_US;
    source->clock_offset_ms = NMA_OFFSET_UNKNOWN;
    source->clock_offset_error_ms = NMA_OFFSET_UNKNOWN;
    source->final_boot_us = NMA_NEVER;
    source->gone_boot_us = NMA_NEVER;
    source->ahead_boot_us = NMA_NEVER;
    source->suspended_iteration = NMA_UNKNOWN;
    source->iteration_boot_us = NMA_NEVER;
    source->gone_wall_us = NMA_UNKNOWN;
    source->reserve_due_boot_us = NMA_NEVER;
    source->refused_for = NMA_REASON_NONE;
    source->refuse_boot_us = NMA_NEVER;
    source->flows_boot_us = NMA_NEVER;
    source->copied_boot_us = NMA_NEVER;
    source->paused_boot_us = NMA_NEVER;
    source->arrived_boot_us = NMA_NEVER;
    source->steering.paused_boot_us = NMA_NEVER;
    nma_experience_clear(&source->experience);
    nma_outcome_init(&source->outcome);
    for (guint i = 0; i < NMA_N_PREDICTIONS; i++)
        source->predictions[i] = source->outcome.predictions[i];
    return source;
}

void
nma_source_free(NmaSource *source)
{
    if (source == NULL)
        return;
    nma_migration_clear(&source->base);
    nma_outcome_clear(&source->outcome);
    g_free(source->peer);
    g_free(source->refusal);
    g_free(source);
}

/* ---- opening, superseding ---- */

void
nma_source_ask_peer(NmaSource *source, GPtrArray *effects)
{
    const NmaIdentity *identity = &source->base.identity;

    if (source->peer_asked || identity->destination == NULL)
        return;
    source->peer_asked = TRUE;
    nma_effects_add_ask_peer(effects, identity->instance_uuid, identity->destination);
}

void
nma_source_open(NmaSource *source, gboolean adopted, NmaNow now, GPtrArray *effects)
{
    NmaMigration *base = &source->base;
    guint first = effects->len;
    NmaReport *report =
        nma_migration_begin(base, NMA_PHASE_PRE_MIGRATION, NMA_STEP_WAITING, now, effects);

    source->policy_known = !adopted;
    source->ask_due_boot_us = now.boot_us + FIRST_ASK_WAITING_US;
    source->read_due_boot_us = now.boot_us;
    if (adopted) {
        nma_migration_mark_inferred(base, report, NMA_UNKNOWN, now.wall_us, FALSE);
        base->blind = TRUE;
        base->last_seen_wall_us = NMA_UNKNOWN;
        source->ask_due_boot_us = now.boot_us + NMA_US_PER_S;
    } else {
        nma_effects_add(effects, NMA_EFFECT_READ_DOMAIN, base->identity.instance_uuid);
        source->read_pending = TRUE;
        source->read_due_boot_us = now.boot_us + READ_OVERDUE_US;
    }
    nma_source_ask_peer(source, effects);
    nma_source_complete_reports(source, effects, first);
}

gboolean
nma_source_supersede(NmaSource *source, NmaNow now, GPtrArray *effects)
{
    guint first = effects->len;

    switch (source->base.phase) {
    case NMA_PHASE_STOP_AND_COPY:
    case NMA_PHASE_POST_COPY:
        return FALSE;
    case NMA_PHASE_COMMITMENT:
        /* Nova begins nothing new before it has finished with the old one */
        nma_source_commitment_end(source, NULL, now, effects);
        break;
    default:
        nma_source_fail(source, NMA_REASON_SUPERSEDED, NULL, NMA_EVIDENCE_OBSERVED, now, effects);
        break;
    }
    nma_source_complete_reports(source, effects, first);
    return TRUE;
}

void
nma_source_rebooted(NmaSource *source, NmaNow now, GPtrArray *effects)
{
    guint first = effects->len;

    if (source->base.phase != NMA_PHASE_COMMITMENT) {
        source->base.guest_place = NMA_GUEST_UNKNOWN;
        source->base.guest_state = NMA_GUEST_STATE_UNKNOWN;
    }
    nma_source_fail(source, NMA_REASON_HOST_REBOOTED, NULL, NMA_EVIDENCE_INFERRED, now, effects);
    nma_source_complete_reports(source, effects, first);
}

void
nma_source_set_blind(NmaSource *source, NmaNow now)
{
    NmaMigration *base = &source->base;

    if (base->ended)
        return;
    base->blind = TRUE;
    base->has_stats = FALSE;
    source->read_pending = FALSE;
    source->gone_reads = 0;
    source->ahead_boot_us = NMA_NEVER;
    if (base->phase == NMA_PHASE_COMMITMENT)
        return;
    source->reserve_due_boot_us = now.boot_us;
    source->read_due_boot_us = now.boot_us;
    source->ask_due_boot_us = MIN(source->ask_due_boot_us, now.boot_us + NMA_US_PER_S);
}

/* ---- looking at libvirt ---- */

static void
look(NmaSource *source, NmaNow now, GPtrArray *effects)
{
    source->read_pending = TRUE;
    source->read_due_boot_us = now.boot_us + READ_OVERDUE_US;
    nma_effects_add(effects, NMA_EFFECT_READ_DOMAIN, source->base.identity.instance_uuid);
}

void
nma_source_look_now(NmaSource *source, NmaNow now)
{
    if (source->base.phase == NMA_PHASE_COMMITMENT)
        return;
    if (source->read_pending)
        source->read_again = TRUE;
    else
        source->read_due_boot_us = now.boot_us;
}

static void
schedule_look(NmaSource *source, gboolean answered, NmaNow now)
{
    const NmaMigration *base = &source->base;
    gint64 wait = FAST_READ_US;

    if (base->phase == NMA_PHASE_COMMITMENT) {
        source->read_due_boot_us = NMA_NEVER;
        return;
    }
    if (source->read_again)
        wait = 0;
    else if (source->gone_reads > 0 || source->ahead_boot_us != NMA_NEVER)
        wait = NMA_SOURCE_CONFIRM_US;
    else if (!answered || source->domain_gone)
        wait = SLOW_READ_US;
    else if (base->phase == NMA_PHASE_PRE_MIGRATION && !source->job_seen &&
             now.boot_us - base->phase_started_boot_us > FAST_PERIOD_US)
        wait = SLOW_READ_US;
    source->read_again = FALSE;
    source->read_due_boot_us = now.boot_us + wait;
}

/* ---- events ---- */

static void
on_call(NmaSource *source, const NmaEvent *event)
{
    switch (event->nova_call.method) {
    case NMA_NOVA_LIVE_MIGRATION: /* the same cast again */
        nma_identity_learn(&source->base.identity, &event->nova_call.identity);
        break;
    case NMA_NOVA_ABORT:
        source->base.abort_seen = TRUE;
        break;
    case NMA_NOVA_FORCE_COMPLETE:
        source->base.force_seen = TRUE;
        break;
    default:
        break;
    }
}

static void
on_stopped_migrated(NmaSource *source, NmaNow at, NmaNow now, GPtrArray *effects)
{
    if (source->base.phase == NMA_PHASE_COMMITMENT || source->stopped_boot_us != NMA_NEVER)
        return;
    source->stopped_boot_us = at.boot_us;
    if (source->final_boot_us != NMA_NEVER)
        nma_source_hand_over(source, NMA_EVIDENCE_OBSERVED, at, now, effects);
}

static void
on_lifecycle(NmaSource *source, const NmaEvent *event, NmaNow now, GPtrArray *effects)
{
    NmaMigration *base = &source->base;
    NmaNow at = nma_event_time(event, now);

    if (base->phase == NMA_PHASE_COMMITMENT)
        return;
    switch (event->lifecycle.what) {
    case NMA_LIFECYCLE_SUSPENDED_MIGRATED:
        source->job_seen = TRUE;
        nma_source_reach(source, NMA_PHASE_STOP_AND_COPY, NMA_EVIDENCE_OBSERVED, at, now, effects);
        nma_source_look_now(source, now);
        break;
    case NMA_LIFECYCLE_SUSPENDED_POSTCOPY:
        source->job_seen = TRUE;
        nma_source_reach(source, NMA_PHASE_POST_COPY, NMA_EVIDENCE_OBSERVED, at, now, effects);
        nma_source_look_now(source, now);
        break;
    case NMA_LIFECYCLE_SUSPENDED_POSTCOPY_FAILED:
        nma_source_reach(source, NMA_PHASE_POST_COPY, NMA_EVIDENCE_INFERRED, at, now, effects);
        base->guest_state = NMA_GUEST_PAUSED;
        nma_source_fail(source, NMA_REASON_POST_COPY_FAILED, NULL, NMA_EVIDENCE_OBSERVED, at,
                        effects);
        return;
    case NMA_LIFECYCLE_STOPPED_MIGRATED:
        on_stopped_migrated(source, at, now, effects);
        break;
    case NMA_LIFECYCLE_STOPPED_FAILED: /* QEMU died */
    case NMA_LIFECYCLE_STOPPED_OTHER:
        if (source->stopped_boot_us == NMA_NEVER)
            nma_source_domain_gone(source, now);
        nma_source_look_now(source, now);
        return; /* last seen before it went */
    default:
        nma_source_look_now(source,
                            now); /* resumed on the source, as after a failure: what is left? */
        break;
    }
    base->last_seen_wall_us = at.wall_us;
}

static void
on_iteration(NmaSource *source, const NmaEvent *event, NmaNow now, GPtrArray *effects)
{
    NmaMigration *base = &source->base;

    source->iteration = event->iteration.iteration;
    source->iteration_boot_us = nma_event_time(event, now).boot_us;
    source->iterated = TRUE;
    /* the first sync begins the first pass; a fast guest is stopped before the next read */
    if (source->job_seen)
        nma_source_reach(source, NMA_PHASE_PRE_COPY, NMA_EVIDENCE_OBSERVED,
                         nma_event_time(event, now), now, effects);
    if (base->phase == NMA_PHASE_STOP_AND_COPY && source->suspended_iteration >= 0 &&
        source->iteration - source->suspended_iteration >= FORCED_PASSES)
        base->cause = NMA_CAUSE_FORCED;
    nma_source_look_now(source, now);
}

static void
on_job_completed(NmaSource *source, const NmaEvent *event, NmaNow now, GPtrArray *effects)
{
    NmaMigration *base = &source->base;
    NmaNow at = now;

    if (event->job_completed.stats.kind != NMA_JOB_MIGRATION_OUT ||
        base->phase == NMA_PHASE_COMMITMENT)
        return;
    base->stats = event->job_completed.stats;
    base->has_stats = TRUE;
    source->final_boot_us = now.boot_us;
    if (source->stopped_boot_us == NMA_NEVER) {
        nma_source_look_now(source, now); /* Stopped/Migrated comes now, or was lost */
        return;
    }
    at.boot_us = source->stopped_boot_us;
    at.wall_us = now.wall_us - (now.boot_us - at.boot_us);
    nma_source_hand_over(source, NMA_EVIDENCE_OBSERVED, at, now, effects);
}

static void
on_peer(NmaSource *source, const NmaEvent *event, NmaNow now)
{
    static const char *const names[] = {
        [NMA_PEER_AGENT] = "agent",
        [NMA_PEER_ABSENT] = "absent",
        [NMA_PEER_VERSION] = "version",
    };

    if ((guint)event->peer.state >= G_N_ELEMENTS(names))
        return;
    g_free(source->peer);
    source->peer = g_strdup(names[event->peer.state]);
    source->clock_offset_ms = event->peer.clock_offset_ms;
    source->clock_offset_error_ms = event->peer.clock_offset_error_ms;
    source->reserve_due_boot_us = now.boot_us;
}

/* ---- time ---- */

static void
give_up(NmaSource *source, NmaNow now, GPtrArray *effects)
{
    NmaMigration *base = &source->base;

    if (base->phase == NMA_PHASE_COMMITMENT) {
        nma_source_commitment_end(source, NULL, now, effects);
        return;
    }
    if (source->domain_gone) {
        nma_source_fail_gone(
            source, "the domain is not here, and Nova did not say what became of it", now, effects);
        return;
    }
    nma_source_fail(source,
                    base->phase == NMA_PHASE_PRE_MIGRATION ? NMA_REASON_NEVER_STARTED
                                                           : NMA_REASON_EXPIRED,
                    "nothing was heard for 24 hours", NMA_EVIDENCE_OBSERVED, now, effects);
}

static void
keep_deadlines(NmaSource *source, NmaNow now, GPtrArray *effects)
{
    if (source->stopped_boot_us != NMA_NEVER && source->base.phase != NMA_PHASE_COMMITMENT &&
        now.boot_us >= source->stopped_boot_us + FINAL_STATS_US) {
        NmaNow at = { .boot_us = source->stopped_boot_us };

        at.wall_us = now.wall_us - (now.boot_us - at.boot_us);
        nma_source_hand_over(source, NMA_EVIDENCE_OBSERVED, at, now, effects);
    }
    if (!source->base.ended)
        nma_source_steer_by_time(source, now, effects);
    if (now.boot_us >= source->give_up_boot_us)
        give_up(source, now, effects);
    if (!source->base.ended && now.boot_us >= source->read_due_boot_us)
        look(source, now, effects);
    nma_source_keep_reservation(source, now, effects);
}

gint64
nma_source_next_deadline(const NmaSource *source)
{
    gint64 next = MIN(source->read_due_boot_us, source->give_up_boot_us);

    if (source->base.ended)
        return NMA_NEVER;
    next = MIN(next, nma_source_steer_deadline(source));
    next = MIN(next, nma_source_reserving_deadline(source));
    if (source->stopped_boot_us != NMA_NEVER)
        next = MIN(next, source->stopped_boot_us + FINAL_STATS_US);
    return next;
}

void
nma_source_step(NmaSource *source, const NmaEvent *event, gint64 progress_interval_us, NmaNow now,
                GPtrArray *effects)
{
    guint first = effects->len;

    if (source->base.ended)
        return;
    switch (event->type) {
    case NMA_EVENT_NOVA_CALL:
        on_call(source, event);
        break;
    case NMA_EVENT_LIFECYCLE:
        on_lifecycle(source, event, now, effects);
        break;
    case NMA_EVENT_ITERATION:
        on_iteration(source, event, now, effects);
        break;
    case NMA_EVENT_JOB_COMPLETED:
        on_job_completed(source, event, now, effects);
        break;
    case NMA_EVENT_DOMAIN_READING:
        source->read_pending = FALSE;
        nma_source_take_reading(source, &event->reading, progress_interval_us,
                                nma_event_time(event, now), now, effects);
        if (!source->base.ended)
            schedule_look(source, event->reading.state != NMA_DOMAIN_UNKNOWN, now);
        break;
    case NMA_EVENT_LIBVIRT_LOST:
        nma_source_set_blind(source, now);
        if (source->read_due_boot_us != NMA_NEVER)
            source->read_due_boot_us = now.boot_us + SLOW_READ_US;
        break;
    case NMA_EVENT_CONDUCTOR:
        nma_source_take_conductor(source, event, progress_interval_us, now, effects);
        break;
    case NMA_EVENT_PEER:
        on_peer(source, event, now);
        break;
    case NMA_EVENT_RESERVED:
        nma_source_take_reserved(source, event, now, effects);
        break;
    case NMA_EVENT_REMEDY:
        nma_source_take_remedy(source, event, now, effects);
        break;
    default:
        break;
    }
    if (!source->base.ended)
        keep_deadlines(source, now, effects);
    nma_source_complete_reports(source, effects, first);
}
