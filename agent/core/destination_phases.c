/* The destination's phases and its reservation: how it goes from one to the next. */
#include "agent/core/destination_internal.h"

#define MIB G_GINT64_CONSTANT(1048576)

/* ---- the reservation ---- */

NmaReservation *
nma_destination_live_reservation(const NmaDestination *destination, NmaLedger *ledger)
{
    NmaReservation *entry = nma_ledger_get(ledger, destination->base.identity.instance_uuid);

    return entry != NULL && nma_reservation_is_live(entry) ? entry : NULL;
}

void
nma_destination_wants(const NmaDestination *destination, NmaResources *resources)
{
    const NmaIdentity *identity = &destination->base.identity;

    nma_resources_clear(resources);
    resources->amount[NMA_AMOUNT_VCPUS] = identity->vcpus;
    if (identity->memory_mib >= 0)
        resources->amount[NMA_AMOUNT_MEMORY] =
            identity->memory_mib > G_MAXINT64 / MIB ? G_MAXINT64 : identity->memory_mib * MIB;
}

void
nma_destination_reserve(NmaDestination *destination, NmaReservationState state, NmaLedger *ledger,
                        NmaNow now)
{
    const NmaIdentity *identity = &destination->base.identity;
    NmaReservation *entry = nma_destination_live_reservation(destination, ledger);

    if (entry == NULL) {
        NmaReservation fresh = {
            .source = identity->source,
            .state = NMA_RESERVATION_SOFT,
            .created_wall_us = now.wall_us,
        };

        g_strlcpy(fresh.instance_uuid, identity->instance_uuid, sizeof fresh.instance_uuid);
        g_strlcpy(fresh.migration_uuid, identity->migration_uuid, sizeof fresh.migration_uuid);
        nma_destination_wants(destination, &fresh.resources);
        entry = nma_ledger_put(ledger, &fresh);
    }
    if (state >= entry->state)
        nma_reservation_set_state(entry, state, now);
    destination->reserved = TRUE;
}

void
nma_destination_end_reservation(NmaDestination *destination, NmaReservationState state,
                                NmaLedger *ledger, NmaNow now)
{
    NmaReservation *entry = nma_destination_live_reservation(destination, ledger);

    if (entry != NULL && destination->reserved)
        nma_reservation_set_state(entry, state, now);
    destination->reserved = FALSE;
}

/* ---- phases ---- */

void
nma_destination_be_patient(NmaDestination *destination, NmaNow now)
{
    if (!destination->post_seen)
        destination->give_up_boot_us = now.boot_us + NMA_DESTINATION_PATIENCE_US;
}

void
nma_destination_mark(NmaDestination *destination, NmaReport *report, NmaEvidence evidence,
                     NmaNow at)
{
    if (evidence == NMA_EVIDENCE_INFERRED)
        nma_migration_mark_inferred(&destination->base, report, destination->base.last_seen_wall_us,
                                    at.wall_us, FALSE);
}

void
nma_destination_judge(NmaDestination *destination, const NmaFacts *facts,
                      const NmaCapacity *capacity, NmaLedger *ledger, NmaNow now,
                      GPtrArray *effects)
{
    NmaMigration *base = &destination->base;
    NmaReservation *entry = nma_destination_live_reservation(destination, ledger);
    NmaResources wanted;
    NmaAdmission admission;
    NmaFacts no_facts;
    NmaCapacity no_capacity;

    nma_facts_clear(&no_facts);
    nma_capacity_clear(&no_capacity);
    nma_destination_wants(destination, &wanted);
    if (entry != NULL) /* somebody has asked for it before Nova did */
        nma_reservation_fill_in(entry, &wanted);
    destination->facts_pending = FALSE;
    destination->give_up_boot_us = now.boot_us + NMA_DESTINATION_PATIENCE_US;
    nma_admission_judge(&admission, base->identity.instance_uuid, &wanted,
                        facts != NULL ? facts : &no_facts,
                        capacity != NULL ? capacity : &no_capacity, ledger);
    nma_migration_end(base, now, effects)->checks = admission.results;
    if (admission.verdict == NMA_VERDICT_REFUSED) {
        /* Nova does not know, and goes on: so do we */
        nma_migration_fail_in(base, NMA_PHASE_RESERVATION, admission.worst->reason,
                              admission.worst->text, now, effects);
        return;
    }
    nma_destination_reserve(destination, NMA_RESERVATION_SOFT, ledger, now);
    entry = nma_destination_live_reservation(destination, ledger);
    if (entry->state == NMA_RESERVATION_SOFT)
        entry->resources = admission.resources;
    nma_migration_begin(base, NMA_PHASE_RESERVATION, NMA_STEP_SOFT, now, effects);
    if (destination->hold_seen)
        nma_destination_hold(destination, ledger, now, now, effects);
}

/* Something later came before the facts did, or without the check. */
static void
leave_pre_migration(NmaDestination *destination, NmaReservationState state, NmaEvidence evidence,
                    NmaLedger *ledger, NmaNow at, NmaNow now, GPtrArray *effects)
{
    NmaMigration *base = &destination->base;

    if (base->phase != NMA_PHASE_PRE_MIGRATION)
        return;
    if (destination->facts_pending) {
        nma_destination_judge(destination, NULL, NULL, ledger, now, effects);
        return;
    }
    nma_destination_mark(destination, nma_migration_end(base, at, effects), NMA_EVIDENCE_INFERRED,
                         at);
    nma_destination_reserve(destination, state, ledger, now);
    nma_destination_mark(
        destination,
        nma_migration_begin(base, NMA_PHASE_RESERVATION,
                            state == NMA_RESERVATION_HELD ? NMA_STEP_HELD : NMA_STEP_IN_USE, at,
                            effects),
        evidence, at);
}

void
nma_destination_hold(NmaDestination *destination, NmaLedger *ledger, NmaNow at, NmaNow now,
                     GPtrArray *effects)
{
    NmaMigration *base = &destination->base;

    /* the verdict is worth waiting for: the guest is not under way yet */
    destination->hold_seen = TRUE;
    if (destination->facts_pending)
        return;
    leave_pre_migration(destination, NMA_RESERVATION_HELD, NMA_EVIDENCE_OBSERVED, ledger, at, now,
                        effects);
    nma_destination_be_patient(destination, now);
    if (!base->phase_open)
        return; /* refused: nothing is held */
    nma_destination_reserve(destination, NMA_RESERVATION_HELD, ledger, now);
    if (base->step != NMA_STEP_HELD)
        nma_migration_progress(base, NMA_STEP_HELD, 0, at, effects);
}

void
nma_destination_arrive(NmaDestination *destination, NmaEvidence evidence, NmaLedger *ledger,
                       NmaNow at, NmaNow now, GPtrArray *effects)
{
    NmaMigration *base = &destination->base;

    if (destination->arrived)
        return;
    leave_pre_migration(destination, NMA_RESERVATION_IN_USE, NMA_EVIDENCE_INFERRED, ledger, at, now,
                        effects);
    /* refused or not, the guest takes its memory now */
    nma_destination_reserve(destination, NMA_RESERVATION_IN_USE, ledger, now);
    if (base->phase_open) {
        base->step = NMA_STEP_IN_USE;
        nma_destination_mark(destination, nma_migration_end(base, at, effects), evidence, at);
    }
    destination->arrived = TRUE;
    if (!destination->post_seen && base->identity.migration_id >= 0)
        destination->ask_due_boot_us = now.boot_us + NMA_DESTINATION_ASK_ARRIVING_US;
    nma_destination_be_patient(destination, now);
}

void
nma_destination_run(NmaDestination *destination, NmaGuestState state, NmaEvidence evidence,
                    NmaLedger *ledger, NmaNow at, NmaNow now, GPtrArray *effects)
{
    NmaMigration *base = &destination->base;

    if (destination->runs)
        return;
    nma_destination_arrive(destination, NMA_EVIDENCE_INFERRED, ledger, at, now, effects);
    destination->runs = TRUE;
    base->guest_place = NMA_GUEST_ON_DESTINATION;
    base->guest_state = state;
    nma_destination_mark(destination,
                         base->phase_open
                             ? nma_migration_end(base, at, effects)
                             : nma_migration_end_unseen(base, NMA_PHASE_STOP_AND_COPY, at, effects),
                         evidence, at);
    nma_destination_mark(
        destination, nma_migration_begin(base, NMA_PHASE_COMMITMENT, NMA_STEP_NONE, at, effects),
        evidence, at);
    nma_destination_end_reservation(destination, NMA_RESERVATION_COMMITTED, ledger, now);
    destination->ask_due_boot_us =
        destination->post_seen
            ? MIN(destination->ask_due_boot_us, now.boot_us + NMA_DESTINATION_ASK_AFTER_POST_US)
            : now.boot_us + NMA_DESTINATION_ASK_COMMIT_US;
    destination->give_up_boot_us = now.boot_us + NMA_DESTINATION_PATIENCE_COMMIT_US;
}

void
nma_destination_lose(NmaDestination *destination, NmaReason reason, const char *text,
                     NmaEvidence evidence, NmaLedger *ledger, NmaNow at, NmaNow now,
                     GPtrArray *effects)
{
    NmaMigration *base = &destination->base;

    if (base->phase == NMA_PHASE_POST_COPY) {
        base->guest_place = NMA_GUEST_GONE;
        base->guest_state = NMA_GUEST_STATE_UNKNOWN;
    } else if (destination->arrived && !destination->runs) {
        base->guest_place = NMA_GUEST_ON_SOURCE; /* it never ran here */
    }
    /* a refused reservation was reported; without a guest there is nothing to add */
    if (base->phase_open || destination->arrived)
        nma_destination_mark(
            destination, nma_migration_fail_in(base, NMA_PHASE_PRE_COPY, reason, text, at, effects),
            evidence, at);
    nma_destination_end_reservation(destination, NMA_RESERVATION_RELEASED, ledger, now);
    base->ended = TRUE;
}

void
nma_destination_lose_given_up(NmaDestination *destination, NmaLedger *ledger, NmaNow now,
                              GPtrArray *effects)
{
    const NmaMigration *base = &destination->base;
    g_autofree char *text = g_strdup_printf("Nova lists the migration as %s", base->nova_status);
    gboolean sent = base->step == NMA_STEP_HELD || destination->queued_seen;

    nma_destination_lose(destination, sent ? NMA_REASON_NEVER_STARTED : NMA_REASON_REFUSED_BY_NOVA,
                         text, NMA_EVIDENCE_OBSERVED, ledger, now, now, effects);
}

void
nma_destination_commitment_end(NmaDestination *destination, const char *status, NmaNow now,
                               GPtrArray *effects)
{
    NmaReport *report = nma_migration_end(&destination->base, now, effects);

    report->nova_status = g_strdup(status != NULL ? status : "unknown");
    if (status == NULL)
        report->reason = NMA_REASON_NOVA_STATUS_UNKNOWN;
    destination->base.ended = TRUE;
}
