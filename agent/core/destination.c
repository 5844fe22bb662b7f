#include "agent/core/destination.h"

#include "agent/core/destination_internal.h"

#define FACTS_OVERDUE_US (10 * NMA_US_PER_S)
/* Resumed/Migrated comes before Nova's post_live_migration_at_destination, but by another way */
#define POST_GRACE_US (500 * NMA_US_PER_MS)

NmaDestination *
nma_destination_new(const NmaIdentity *identity, const char *attempt_id, NmaNow now)
{
    NmaDestination *destination = g_new0(NmaDestination, 1);

    nma_migration_init(&destination->base, NMA_ROLE_DESTINATION, identity, attempt_id, now);
    destination->ask_due_boot_us = now.boot_us + NMA_DESTINATION_ASK_US;
    destination->give_up_boot_us = now.boot_us + NMA_DESTINATION_PATIENCE_US;
    return destination;
}

void
nma_destination_free(NmaDestination *destination)
{
    if (destination == NULL)
        return;
    nma_migration_clear(&destination->base);
    g_free(destination);
}

/* ---- opening, superseding ---- */

void
nma_destination_open(NmaDestination *destination, NmaNow now, GPtrArray *effects)
{
    NmaMigration *base = &destination->base;

    nma_migration_begin(base, NMA_PHASE_PRE_MIGRATION, NMA_STEP_NONE, now, effects);
    nma_effects_add_gather_facts(effects, base->identity.instance_uuid, base->identity.source);
    destination->facts_pending = TRUE;
    destination->give_up_boot_us = now.boot_us + FACTS_OVERDUE_US;
}

void
nma_destination_open_late(NmaDestination *destination, NmaNow now, GPtrArray *effects)
{
    NmaMigration *base = &destination->base;

    base->last_seen_wall_us = NMA_UNKNOWN;
    nma_destination_mark(
        destination,
        nma_migration_begin(base, NMA_PHASE_PRE_MIGRATION, NMA_STEP_NONE, now, effects),
        NMA_EVIDENCE_INFERRED, now);
    destination->ask_due_boot_us = now.boot_us + NMA_US_PER_S; /* to learn who it is */
}

gboolean
nma_destination_supersede(NmaDestination *destination, NmaLedger *ledger, NmaNow now,
                          GPtrArray *effects)
{
    NmaReservation *entry = nma_destination_live_reservation(destination, ledger);

    if (destination->runs) {
        nma_destination_commitment_end(destination, NULL, now, effects);
        return TRUE;
    }
    if (destination->arrived)
        return FALSE;
    /* it is the instance's, and what comes now is the same instance: given up and asked for anew,
     * it could be somebody else's in between */
    if (entry != NULL && destination->reserved) {
        nma_reservation_set_state(entry, NMA_RESERVATION_SOFT, now);
        destination->reserved = FALSE;
    }
    nma_destination_lose(destination, NMA_REASON_SUPERSEDED, NULL, NMA_EVIDENCE_OBSERVED, ledger,
                         now, now, effects);
    return TRUE;
}

void
nma_destination_rebooted(NmaDestination *destination, NmaLedger *ledger, NmaNow now,
                         GPtrArray *effects)
{
    destination->base.guest_state = NMA_GUEST_STATE_UNKNOWN;
    nma_destination_lose(destination, NMA_REASON_HOST_REBOOTED, NULL, NMA_EVIDENCE_INFERRED, ledger,
                         now, now, effects);
}

void
nma_destination_set_blind(NmaDestination *destination, NmaNow now)
{
    if (destination->base.ended)
        return;
    destination->base.blind = TRUE;
    destination->ask_due_boot_us = MIN(destination->ask_due_boot_us, now.boot_us + NMA_US_PER_S);
    /* the facts asked for before a restart never come */
    if (destination->facts_pending)
        destination->give_up_boot_us = now.boot_us + FACTS_OVERDUE_US;
}

/* ---- events ---- */

static void
on_call(NmaDestination *destination, const NmaEvent *event, NmaLedger *ledger, NmaNow now,
        GPtrArray *effects)
{
    NmaMigration *base = &destination->base;
    NmaNow at = nma_event_time(event, now);
    const NmaReservation *entry = nma_destination_live_reservation(destination, ledger);

    switch (event->nova_call.method) {
    case NMA_NOVA_CHECK_DESTINATION: /* again, e.g. a retry of a Nova that names no migration */
        nma_identity_learn(&base->identity, &event->nova_call.identity);
        if (base->step == NMA_STEP_SOFT && entry != NULL)
            nma_destination_reserve(destination, NMA_RESERVATION_SOFT, ledger, now);
        break;
    case NMA_NOVA_PRE_LIVE_MIGRATION:
        if (!destination->arrived) {
            nma_identity_learn(&base->identity, &event->nova_call.identity);
            nma_destination_hold(destination, ledger, at, now, effects);
        }
        break;
    case NMA_NOVA_POST_AT_DESTINATION:
        destination->post_seen = TRUE;
        destination->ask_due_boot_us = now.boot_us + NMA_DESTINATION_ASK_AFTER_POST_US;
        if (!destination->runs) {
            if (destination->facts_pending)
                nma_destination_judge(destination, NULL, NULL, ledger, now, effects);
            destination->give_up_boot_us = now.boot_us + POST_GRACE_US;
        }
        break;
    case NMA_NOVA_REMOVE_VOLUME_CONNECTION: /* not of a live migration only */
        if (destination->arrived || entry == NULL || entry->state != NMA_RESERVATION_HELD)
            break;
        G_GNUC_FALLTHROUGH;
    case NMA_NOVA_ROLLBACK_AT_DESTINATION:
    case NMA_NOVA_DROP_CLAIM_AT_DESTINATION:
        if (!destination->runs)
            nma_destination_lose(destination, NMA_REASON_ROLLED_BACK, NULL, NMA_EVIDENCE_OBSERVED,
                                 ledger, at, now, effects);
        break;
    default:
        break;
    }
}

static void
on_lifecycle(NmaDestination *destination, const NmaEvent *event, NmaLedger *ledger, NmaNow now,
             GPtrArray *effects)
{
    NmaMigration *base = &destination->base;
    NmaNow at = nma_event_time(event, now);

    if (destination->runs)
        return; /* whatever becomes of the guest now is no part of its migration */
    switch (event->lifecycle.what) {
    case NMA_LIFECYCLE_STARTED_MIGRATED:
        nma_destination_arrive(destination, NMA_EVIDENCE_OBSERVED, ledger, at, now, effects);
        break;
    case NMA_LIFECYCLE_RESUMED_MIGRATED:
        nma_destination_run(destination, NMA_GUEST_RUNNING, NMA_EVIDENCE_OBSERVED, ledger, at, now,
                            effects);
        break;
    case NMA_LIFECYCLE_SUSPENDED_OTHER: /* a guest that was paused stays so when it has arrived */
        if (destination->arrived && base->phase != NMA_PHASE_POST_COPY)
            nma_destination_run(destination, NMA_GUEST_PAUSED, NMA_EVIDENCE_OBSERVED, ledger, at,
                                now, effects);
        break;
    case NMA_LIFECYCLE_RESUMED_POSTCOPY:
        if (base->phase == NMA_PHASE_POST_COPY)
            break;
        nma_destination_arrive(destination, NMA_EVIDENCE_INFERRED, ledger, at, now, effects);
        base->guest_place = NMA_GUEST_ON_DESTINATION;
        base->guest_state = NMA_GUEST_RUNNING;
        nma_migration_begin(base, NMA_PHASE_POST_COPY, NMA_STEP_NONE, at, effects);
        break;
    case NMA_LIFECYCLE_SUSPENDED_POSTCOPY_FAILED:
    case NMA_LIFECYCLE_RESUMED_POSTCOPY_FAILED:
        if (base->phase != NMA_PHASE_POST_COPY)
            break;
        base->guest_state = NMA_GUEST_PAUSED;
        nma_migration_fail(base, NMA_REASON_POST_COPY_FAILED, NULL, at, effects);
        nma_destination_end_reservation(destination, NMA_RESERVATION_COMMITTED, ledger, now);
        base->ended = TRUE;
        break;
    case NMA_LIFECYCLE_STOPPED_FAILED:
    case NMA_LIFECYCLE_STOPPED_OTHER:
    case NMA_LIFECYCLE_STOPPED_MIGRATED:
        if (destination->arrived || base->step == NMA_STEP_HELD)
            nma_destination_lose(destination,
                                 base->phase == NMA_PHASE_POST_COPY ? NMA_REASON_GUEST_GONE
                                                                    : NMA_REASON_INCOMING_FAILED,
                                 NULL, NMA_EVIDENCE_OBSERVED, ledger, at, now, effects);
        break;
    default:
        break;
    }
}

/* A reading comes after a reconnect, or when nothing was heard for very long. Events tell the same
 * better, so whatever it tells first was missed. */
static void
on_reading(NmaDestination *destination, const NmaDomainReading *reading, NmaLedger *ledger,
           NmaNow now, GPtrArray *effects)
{
    NmaMigration *base = &destination->base;
    NmaReservation *entry = nma_destination_live_reservation(destination, ledger);

    if (reading->state == NMA_DOMAIN_UNKNOWN || destination->runs)
        return;
    if (entry != NULL && entry->state == NMA_RESERVATION_IN_USE && reading->resident_bytes >= 0)
        entry->resident_bytes = reading->resident_bytes;
    switch (reading->state) {
    case NMA_DOMAIN_ABSENT:
        if (destination->arrived)
            nma_destination_lose(destination,
                                 base->phase == NMA_PHASE_POST_COPY ? NMA_REASON_GUEST_GONE
                                                                    : NMA_REASON_INCOMING_FAILED,
                                 reading->text, NMA_EVIDENCE_INFERRED, ledger, now, now, effects);
        else if (destination->given_up)
            nma_destination_lose_given_up(destination, ledger, now, effects);
        break;
    case NMA_DOMAIN_RUNNING:
        /* during post-copy the guest runs here too: only its end event, or Nova, tells */
        if (base->phase != NMA_PHASE_POST_COPY)
            nma_destination_run(destination, NMA_GUEST_RUNNING, NMA_EVIDENCE_INFERRED, ledger, now,
                                now, effects);
        break;
    case NMA_DOMAIN_PAUSED_POSTCOPY_FAILED:
        if (base->phase == NMA_PHASE_POST_COPY) {
            base->guest_state = NMA_GUEST_PAUSED;
            nma_destination_mark(
                destination,
                nma_migration_fail(base, NMA_REASON_POST_COPY_FAILED, reading->text, now, effects),
                NMA_EVIDENCE_INFERRED, now);
            nma_destination_end_reservation(destination, NMA_RESERVATION_COMMITTED, ledger, now);
            base->ended = TRUE;
        }
        break;
    default: /* paused: it is arriving, or has arrived paused, which Nova will tell */
        nma_destination_arrive(destination, NMA_EVIDENCE_INFERRED, ledger, now, now, effects);
        break;
    }
    if (base->ended)
        return;
    if (!destination->runs && !destination->facts_pending)
        nma_destination_be_patient(destination, now);
    base->blind = FALSE;
    base->last_seen_wall_us = now.wall_us;
}

/* ---- time ---- */

static void
give_up(NmaDestination *destination, NmaLedger *ledger, NmaNow now, GPtrArray *effects)
{
    NmaMigration *base = &destination->base;

    if (destination->facts_pending) {
        nma_destination_judge(destination, NULL, NULL, ledger, now, effects);
    } else if (destination->runs) {
        nma_destination_commitment_end(destination, NULL, now, effects);
    } else if (destination->post_seen) {
        nma_destination_run(destination, NMA_GUEST_STATE_UNKNOWN, NMA_EVIDENCE_INFERRED, ledger,
                            now, now, effects);
    } else if (destination->arrived) {
        /* an arriving guest has no lease: as long as libvirt has it, it is arriving */
        nma_effects_add(effects, NMA_EFFECT_READ_DOMAIN, base->identity.instance_uuid);
        destination->give_up_boot_us = now.boot_us + 3600 * NMA_US_PER_S;
    } else {
        nma_destination_lose(destination, NMA_REASON_EXPIRED, "nothing was heard for 24 hours",
                             NMA_EVIDENCE_OBSERVED, ledger, now, now, effects);
    }
}

/* The lease ran out in the ledger. */
static void
keep_lease(NmaDestination *destination, NmaLedger *ledger, NmaNow now, GPtrArray *effects)
{
    NmaMigration *base = &destination->base;
    gboolean cast_lost = !destination->queued_seen && g_strcmp0(base->nova_status, "accepted") == 0;

    if (!destination->reserved || destination->arrived || destination->post_seen ||
        nma_destination_live_reservation(destination, ledger) != NULL)
        return;
    destination->reserved = FALSE;
    if (destination->given_up) {
        nma_destination_lose_given_up(destination, ledger, now, effects);
        return;
    }
    nma_destination_lose(destination, cast_lost ? NMA_REASON_CAST_LOST : NMA_REASON_EXPIRED,
                         cast_lost ? NULL : "the lease of the reservation ran out",
                         NMA_EVIDENCE_OBSERVED, ledger, now, now, effects);
}

gint64
nma_destination_next_deadline(const NmaDestination *destination)
{
    return destination->base.ended ? NMA_NEVER : destination->give_up_boot_us;
}

void
nma_destination_step(NmaDestination *destination, const NmaEvent *event, NmaLedger *ledger,
                     NmaNow now, GPtrArray *effects)
{
    NmaMigration *base = &destination->base;

    if (base->ended)
        return;
    switch (event->type) {
    case NMA_EVENT_NOVA_CALL:
        on_call(destination, event, ledger, now, effects);
        break;
    case NMA_EVENT_LIFECYCLE:
        on_lifecycle(destination, event, ledger, now, effects);
        break;
    case NMA_EVENT_FACTS:
        if (destination->facts_pending)
            nma_destination_judge(destination, &event->facts.facts, &event->facts.capacity, ledger,
                                  now, effects);
        break;
    case NMA_EVENT_DOMAIN_READING:
        on_reading(destination, &event->reading, ledger, now, effects);
        break;
    case NMA_EVENT_LIBVIRT_LOST:
        nma_destination_set_blind(destination, now);
        break;
    case NMA_EVENT_CONDUCTOR:
        nma_destination_take_conductor(destination, event, ledger, now, effects);
        break;
    default:
        break;
    }
    if (!base->ended && event->type == NMA_EVENT_LIFECYCLE)
        base->last_seen_wall_us = nma_event_time(event, now).wall_us;
    if (!base->ended)
        keep_lease(destination, ledger, now, effects);
    if (!base->ended && now.boot_us >= destination->give_up_boot_us)
        give_up(destination, ledger, now, effects);
}
