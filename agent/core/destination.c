#include "agent/core/destination.h"

#include <string.h>

#include "agent/core/nova_word.h"

#define FACTS_OVERDUE_US (10 * NMA_US_PER_S)
/* Resumed/Migrated comes before Nova's post_live_migration_at_destination, but by another way */
#define POST_GRACE_US (500 * NMA_US_PER_MS)

#define ASK_US            (30 * NMA_US_PER_S)
#define ASK_ARRIVING_US   (60 * NMA_US_PER_S)
#define ASK_AFTER_POST_US (1 * NMA_US_PER_S)
#define ASK_COMMIT_US     (5 * NMA_US_PER_S)
#define PATIENCE_US       (24 * 3600 * NMA_US_PER_S)
/* Nova never ages a record: the word "accepted" means something only while the conductor can still
 * be at it (a few checks of at most 1800 s), and "queued" for as long as a queue may be */
#define ACCEPTED_US        (2 * 3600 * NMA_US_PER_S)
#define QUEUED_US          (7 * 24 * 3600 * NMA_US_PER_S)
#define PATIENCE_COMMIT_US (600 * NMA_US_PER_S)

#define MIB G_GINT64_CONSTANT(1048576)

NmaDestination *
nma_destination_new(const NmaIdentity *identity, const char *attempt_id, NmaNow now)
{
    NmaDestination *destination = g_new0(NmaDestination, 1);

    nma_migration_init(&destination->base, NMA_ROLE_DESTINATION, identity, attempt_id, now);
    destination->ask_due_boot_us = now.boot_us + ASK_US;
    destination->give_up_boot_us = now.boot_us + PATIENCE_US;
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

/* ---- the reservation ---- */

static NmaReservation *
live_reservation(const NmaDestination *destination, NmaLedger *ledger)
{
    NmaReservation *entry = nma_ledger_get(ledger, destination->base.identity.instance_uuid);

    return entry != NULL && nma_reservation_is_live(entry) ? entry : NULL;
}

static gint64
memory_bytes(const NmaIdentity *identity)
{
    if (identity->memory_mib < 0)
        return NMA_UNKNOWN;
    return identity->memory_mib > G_MAXINT64 / MIB ? G_MAXINT64 : identity->memory_mib * MIB;
}

/* Makes the reservation, or takes the one there is to the state. Never back. */
static void
reserve(NmaDestination *destination, NmaReservationState state, NmaLedger *ledger, NmaNow now)
{
    const NmaIdentity *identity = &destination->base.identity;
    NmaReservation *entry = live_reservation(destination, ledger);

    if (entry == NULL) {
        NmaReservation fresh = {
            .source = identity->source,
            .memory_bytes = MAX(memory_bytes(identity), 0),
            .state = NMA_RESERVATION_SOFT,
            .created_wall_us = now.wall_us,
        };

        g_strlcpy(fresh.instance_uuid, identity->instance_uuid, sizeof fresh.instance_uuid);
        g_strlcpy(fresh.migration_uuid, identity->migration_uuid, sizeof fresh.migration_uuid);
        entry = nma_ledger_put(ledger, &fresh);
    }
    if (state >= entry->state)
        nma_reservation_set_state(entry, state, now);
    destination->reserved = TRUE;
}

/* committed, or released: nothing is promised any more */
static void
end_reservation(NmaDestination *destination, NmaReservationState state, NmaLedger *ledger,
                NmaNow now)
{
    NmaReservation *entry = live_reservation(destination, ledger);

    if (entry != NULL && destination->reserved)
        nma_reservation_set_state(entry, state, now);
    destination->reserved = FALSE;
}

/* ---- phases ---- */

/* A sign of life. Once post_live_migration_at_destination is seen the wait is a short one. */
static void
be_patient(NmaDestination *destination, NmaNow now)
{
    if (!destination->post_seen)
        destination->give_up_boot_us = now.boot_us + PATIENCE_US;
}

static void
mark(NmaDestination *destination, NmaReport *report, NmaEvidence evidence, NmaNow at)
{
    if (evidence == NMA_EVIDENCE_INFERRED)
        nma_migration_mark_inferred(&destination->base, report, destination->base.last_seen_wall_us,
                                    at.wall_us, FALSE);
}

/* The verdict: end of pre_migration, and the reservation or its refusal. facts are NULL when they
 * did not come in time. */
static void
judge(NmaDestination *destination, const NmaFacts *facts, NmaLedger *ledger, NmaNow now,
      GPtrArray *effects)
{
    NmaMigration *base = &destination->base;
    NmaDemand demand = { .memory_bytes = memory_bytes(&base->identity),
                         .vcpus = base->identity.vcpus };
    NmaFacts known;
    GPtrArray *results;
    const NmaCheckResult *worst;

    if (facts != NULL)
        known = *facts;
    else
        nma_facts_clear(&known);
    known.memory_promised_bytes = nma_ledger_promised_bytes(ledger, base->identity.instance_uuid);
    destination->facts_pending = FALSE;
    destination->give_up_boot_us = now.boot_us + PATIENCE_US;
    results = nma_check_all(&demand, &known);
    nma_migration_end(base, now, effects)->checks = results;
    if (nma_check_verdict(results, &worst) == NMA_VERDICT_REFUSED) {
        /* Nova does not know, and goes on: so do we */
        nma_migration_fail_in(base, NMA_PHASE_RESERVATION, worst->reason, worst->text, now,
                              effects);
        return;
    }
    reserve(destination, NMA_RESERVATION_SOFT, ledger, now);
    nma_migration_begin(base, NMA_PHASE_RESERVATION, NMA_STEP_SOFT, now, effects);
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
        judge(destination, NULL, ledger, now, effects);
        return;
    }
    mark(destination, nma_migration_end(base, at, effects), NMA_EVIDENCE_INFERRED, at);
    reserve(destination, state, ledger, now);
    mark(destination,
         nma_migration_begin(base, NMA_PHASE_RESERVATION,
                             state == NMA_RESERVATION_HELD ? NMA_STEP_HELD : NMA_STEP_IN_USE, at,
                             effects),
         evidence, at);
}

static void
hold(NmaDestination *destination, NmaLedger *ledger, NmaNow at, NmaNow now, GPtrArray *effects)
{
    NmaMigration *base = &destination->base;

    leave_pre_migration(destination, NMA_RESERVATION_HELD, NMA_EVIDENCE_OBSERVED, ledger, at, now,
                        effects);
    be_patient(destination, now);
    if (!base->phase_open)
        return; /* refused: nothing is held */
    reserve(destination, NMA_RESERVATION_HELD, ledger, now);
    if (base->step != NMA_STEP_HELD)
        nma_migration_progress(base, NMA_STEP_HELD, 0, at, effects);
}

static void
arrive(NmaDestination *destination, NmaEvidence evidence, NmaLedger *ledger, NmaNow at, NmaNow now,
       GPtrArray *effects)
{
    NmaMigration *base = &destination->base;

    if (destination->arrived)
        return;
    leave_pre_migration(destination, NMA_RESERVATION_IN_USE, NMA_EVIDENCE_INFERRED, ledger, at, now,
                        effects);
    /* refused or not, the guest takes its memory now */
    reserve(destination, NMA_RESERVATION_IN_USE, ledger, now);
    if (base->phase_open) {
        base->step = NMA_STEP_IN_USE;
        mark(destination, nma_migration_end(base, at, effects), evidence, at);
    }
    destination->arrived = TRUE;
    if (!destination->post_seen && base->identity.migration_id >= 0)
        destination->ask_due_boot_us = now.boot_us + ASK_ARRIVING_US;
    be_patient(destination, now);
}

static void
run(NmaDestination *destination, NmaGuestState state, NmaEvidence evidence, NmaLedger *ledger,
    NmaNow at, NmaNow now, GPtrArray *effects)
{
    NmaMigration *base = &destination->base;

    if (destination->runs)
        return;
    arrive(destination, NMA_EVIDENCE_INFERRED, ledger, at, now, effects);
    destination->runs = TRUE;
    base->guest_place = NMA_GUEST_ON_DESTINATION;
    base->guest_state = state;
    mark(destination,
         base->phase_open ? nma_migration_end(base, at, effects)
                          : nma_migration_end_unseen(base, NMA_PHASE_STOP_AND_COPY, at, effects),
         evidence, at);
    mark(destination, nma_migration_begin(base, NMA_PHASE_COMMITMENT, NMA_STEP_NONE, at, effects),
         evidence, at);
    end_reservation(destination, NMA_RESERVATION_COMMITTED, ledger, now);
    destination->ask_due_boot_us =
        now.boot_us + (destination->post_seen ? ASK_AFTER_POST_US : ASK_COMMIT_US);
    destination->give_up_boot_us = now.boot_us + PATIENCE_COMMIT_US;
}

/* It will not come to run here. */
static void
lose(NmaDestination *destination, NmaReason reason, const char *text, NmaEvidence evidence,
     NmaLedger *ledger, NmaNow at, NmaNow now, GPtrArray *effects)
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
        mark(destination,
             nma_migration_fail_in(base, NMA_PHASE_PRE_COPY, reason, text, at, effects), evidence,
             at);
    end_reservation(destination, NMA_RESERVATION_RELEASED, ledger, now);
    base->ended = TRUE;
}

static void
commitment_end(NmaDestination *destination, const char *status, NmaNow now, GPtrArray *effects)
{
    NmaReport *report = nma_migration_end(&destination->base, now, effects);

    report->nova_status = g_strdup(status != NULL ? status : "unknown");
    if (status == NULL)
        report->reason = NMA_REASON_NOVA_STATUS_UNKNOWN;
    destination->base.ended = TRUE;
}

/* ---- opening, superseding ---- */

void
nma_destination_open(NmaDestination *destination, NmaNow now, GPtrArray *effects)
{
    NmaMigration *base = &destination->base;

    nma_migration_begin(base, NMA_PHASE_PRE_MIGRATION, NMA_STEP_NONE, now, effects);
    nma_effects_add(effects, NMA_EFFECT_GATHER_FACTS, base->identity.instance_uuid);
    destination->facts_pending = TRUE;
    destination->give_up_boot_us = now.boot_us + FACTS_OVERDUE_US;
}

void
nma_destination_open_late(NmaDestination *destination, NmaNow now, GPtrArray *effects)
{
    NmaMigration *base = &destination->base;

    base->last_seen_wall_us = NMA_UNKNOWN;
    mark(destination,
         nma_migration_begin(base, NMA_PHASE_PRE_MIGRATION, NMA_STEP_NONE, now, effects),
         NMA_EVIDENCE_INFERRED, now);
    destination->ask_due_boot_us = now.boot_us + NMA_US_PER_S; /* to learn who it is */
}

gboolean
nma_destination_supersede(NmaDestination *destination, NmaLedger *ledger, NmaNow now,
                          GPtrArray *effects)
{
    if (destination->runs)
        commitment_end(destination, NULL, now, effects);
    else if (destination->arrived)
        return FALSE;
    else
        lose(destination, NMA_REASON_SUPERSEDED, NULL, NMA_EVIDENCE_OBSERVED, ledger, now, now,
             effects);
    return TRUE;
}

void
nma_destination_rebooted(NmaDestination *destination, NmaLedger *ledger, NmaNow now,
                         GPtrArray *effects)
{
    lose(destination, NMA_REASON_HOST_REBOOTED, NULL, NMA_EVIDENCE_INFERRED, ledger, now, now,
         effects);
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
    const NmaReservation *entry = live_reservation(destination, ledger);

    switch (event->nova_call.method) {
    case NMA_NOVA_CHECK_DESTINATION: /* again, e.g. a retry of a Nova that names no migration */
        nma_identity_learn(&base->identity, &event->nova_call.identity);
        if (base->step == NMA_STEP_SOFT && entry != NULL)
            reserve(destination, NMA_RESERVATION_SOFT, ledger, now);
        break;
    case NMA_NOVA_PRE_LIVE_MIGRATION:
        if (!destination->arrived) {
            nma_identity_learn(&base->identity, &event->nova_call.identity);
            hold(destination, ledger, at, now, effects);
        }
        break;
    case NMA_NOVA_POST_AT_DESTINATION:
        destination->post_seen = TRUE;
        destination->ask_due_boot_us = now.boot_us + ASK_AFTER_POST_US;
        if (!destination->runs) {
            if (destination->facts_pending)
                judge(destination, NULL, ledger, now, effects);
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
            lose(destination, NMA_REASON_ROLLED_BACK, NULL, NMA_EVIDENCE_OBSERVED, ledger, at, now,
                 effects);
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
        arrive(destination, NMA_EVIDENCE_OBSERVED, ledger, at, now, effects);
        break;
    case NMA_LIFECYCLE_RESUMED_MIGRATED:
        run(destination, NMA_GUEST_RUNNING, NMA_EVIDENCE_OBSERVED, ledger, at, now, effects);
        break;
    case NMA_LIFECYCLE_SUSPENDED_OTHER: /* a guest that was paused stays so when it has arrived */
        if (destination->arrived && base->phase != NMA_PHASE_POST_COPY)
            run(destination, NMA_GUEST_PAUSED, NMA_EVIDENCE_OBSERVED, ledger, at, now, effects);
        break;
    case NMA_LIFECYCLE_RESUMED_POSTCOPY:
        if (base->phase == NMA_PHASE_POST_COPY)
            break;
        arrive(destination, NMA_EVIDENCE_INFERRED, ledger, at, now, effects);
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
        end_reservation(destination, NMA_RESERVATION_COMMITTED, ledger, now);
        base->ended = TRUE;
        break;
    case NMA_LIFECYCLE_STOPPED_FAILED:
    case NMA_LIFECYCLE_STOPPED_OTHER:
    case NMA_LIFECYCLE_STOPPED_MIGRATED:
        if (destination->arrived || base->step == NMA_STEP_HELD)
            lose(destination,
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
    NmaReservation *entry = live_reservation(destination, ledger);

    if (reading->state == NMA_DOMAIN_UNKNOWN || destination->runs)
        return;
    if (entry != NULL && entry->state == NMA_RESERVATION_IN_USE && reading->resident_bytes >= 0)
        entry->resident_bytes = reading->resident_bytes;
    switch (reading->state) {
    case NMA_DOMAIN_ABSENT:
        if (destination->arrived)
            lose(destination,
                 base->phase == NMA_PHASE_POST_COPY ? NMA_REASON_GUEST_GONE
                                                    : NMA_REASON_INCOMING_FAILED,
                 reading->text, NMA_EVIDENCE_INFERRED, ledger, now, now, effects);
        break;
    case NMA_DOMAIN_RUNNING:
        /* during post-copy the guest runs here too: only its end event, or Nova, tells */
        if (base->phase != NMA_PHASE_POST_COPY)
            run(destination, NMA_GUEST_RUNNING, NMA_EVIDENCE_INFERRED, ledger, now, now, effects);
        break;
    case NMA_DOMAIN_PAUSED_POSTCOPY_FAILED:
        if (base->phase == NMA_PHASE_POST_COPY) {
            base->guest_state = NMA_GUEST_PAUSED;
            mark(destination,
                 nma_migration_fail(base, NMA_REASON_POST_COPY_FAILED, reading->text, now, effects),
                 NMA_EVIDENCE_INFERRED, now);
            end_reservation(destination, NMA_RESERVATION_COMMITTED, ledger, now);
            base->ended = TRUE;
        }
        break;
    default: /* paused: it is arriving, or has arrived paused, which Nova will tell */
        arrive(destination, NMA_EVIDENCE_INFERRED, ledger, now, now, effects);
        break;
    }
    if (base->ended)
        return;
    if (!destination->runs && !destination->facts_pending)
        be_patient(destination, now);
    base->blind = FALSE;
    base->last_seen_wall_us = now.wall_us;
}

/* ---- the conductor's word ---- */

static void
schedule_ask(NmaDestination *destination, NmaNow now)
{
    gint64 wait = ASK_US;

    if (destination->runs) {
        if (destination->post_seen &&
            now.boot_us - destination->base.phase_started_boot_us < ASK_COMMIT_US)
            wait = ASK_COMMIT_US;
    } else if (destination->arrived) {
        wait = ASK_ARRIVING_US;
    }
    destination->ask_due_boot_us = now.boot_us + wait;
}

static void
on_in_flight(NmaDestination *destination, const NmaNovaMigration *entry, NmaLedger *ledger,
             NmaNow now, GPtrArray *effects)
{
    NmaMigration *base = &destination->base;
    gboolean accepted = g_str_equal(entry->status, "accepted");
    NmaReservation *reservation = live_reservation(destination, ledger);
    gint64 age = now.boot_us - base->phase_started_boot_us;
    gboolean named = FALSE; /* Nova has chosen this host */

    if (entry->identity.destination != NULL && base->identity.destination != NULL) {
        if (strcmp(entry->identity.destination, base->identity.destination) != 0) {
            if (!destination->arrived) {
                g_autofree char *text =
                    g_strdup_printf("Nova chose the destination %s", entry->identity.destination);

                lose(destination, NMA_REASON_REFUSED_BY_NOVA, text, NMA_EVIDENCE_OBSERVED, ledger,
                     now, now, effects);
            }
            return;
        }
        named = TRUE;
    }
    if (!accepted)
        destination->queued_seen = TRUE;
    if (destination->runs) {
        if (age < PATIENCE_US)
            destination->give_up_boot_us = now.boot_us + PATIENCE_COMMIT_US;
        return;
    }
    if (destination->facts_pending)
        return;
    /* "accepted" with a destination means that the cast is out: it must become "queued" within
     * the lease, or it was lost */
    if (!destination->arrived &&
        ((accepted && named) || age > (accepted ? ACCEPTED_US : QUEUED_US)))
        return;
    be_patient(destination, now);
    if (destination->reserved && !destination->arrived && reservation != NULL)
        nma_reservation_set_state(reservation, reservation->state, now);
}

static void
on_nova_failed(NmaDestination *destination, NmaLedger *ledger, NmaNow now, GPtrArray *effects)
{
    NmaMigration *base = &destination->base;
    g_autofree char *text = g_strdup_printf("Nova lists the migration as %s", base->nova_status);

    if (destination->runs) {
        NmaReport *report = nma_migration_fail(base, NMA_REASON_NOVA_FAILED, text, now, effects);

        report->nova_status = g_strdup(base->nova_status);
        base->ended = TRUE;
    } else if (destination->arrived) {
        /* nova-compute restarted in the middle writes error while the guest still moves */
        nma_effects_add(effects, NMA_EFFECT_READ_DOMAIN, base->identity.instance_uuid);
    } else {
        lose(destination,
             base->step == NMA_STEP_HELD || destination->queued_seen ? NMA_REASON_NEVER_STARTED
                                                                     : NMA_REASON_REFUSED_BY_NOVA,
             text, NMA_EVIDENCE_OBSERVED, ledger, now, now, effects);
    }
}

static void
on_conductor(NmaDestination *destination, const NmaEvent *event, NmaLedger *ledger, NmaNow now,
             GPtrArray *effects)
{
    NmaMigration *base = &destination->base;
    const NmaNovaMigration *entry;
    NmaWord word = nma_nova_word(base, event, &entry);

    schedule_ask(destination, now);
    switch (word) {
    case NMA_WORD_NONE:
        break;
    case NMA_WORD_IN_FLIGHT:
        on_in_flight(destination, entry, ledger, now, effects);
        break;
    case NMA_WORD_COMPLETED:
        if (!destination->runs && entry->identity.destination != NULL &&
            g_strcmp0(entry->identity.destination, base->identity.destination) != 0) {
            lose(destination, NMA_REASON_REFUSED_BY_NOVA, "Nova completed it on another host",
                 NMA_EVIDENCE_OBSERVED, ledger, now, now, effects);
            break;
        }
        if (destination->facts_pending)
            judge(destination, NULL, ledger, now, effects);
        run(destination, NMA_GUEST_STATE_UNKNOWN, NMA_EVIDENCE_INFERRED, ledger, now, now, effects);
        commitment_end(destination, base->nova_status, now, effects);
        break;
    case NMA_WORD_FAILED:
        on_nova_failed(destination, ledger, now, effects);
        break;
    case NMA_WORD_NEWER:
        if (destination->runs)
            commitment_end(destination, NULL, now, effects);
        else
            lose(destination, NMA_REASON_SUPERSEDED, NULL, NMA_EVIDENCE_OBSERVED, ledger, now, now,
                 effects);
        break;
    }
}

/* ---- time ---- */

static void
give_up(NmaDestination *destination, NmaLedger *ledger, NmaNow now, GPtrArray *effects)
{
    NmaMigration *base = &destination->base;

    if (destination->facts_pending) {
        judge(destination, NULL, ledger, now, effects);
    } else if (destination->runs) {
        commitment_end(destination, NULL, now, effects);
    } else if (destination->post_seen) {
        run(destination, NMA_GUEST_STATE_UNKNOWN, NMA_EVIDENCE_INFERRED, ledger, now, now, effects);
    } else if (destination->arrived) {
        /* an arriving guest has no lease: as long as libvirt has it, it is arriving */
        nma_effects_add(effects, NMA_EFFECT_READ_DOMAIN, base->identity.instance_uuid);
        destination->give_up_boot_us = now.boot_us + 3600 * NMA_US_PER_S;
    } else {
        lose(destination, NMA_REASON_EXPIRED, "nothing was heard for 24 hours",
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
        live_reservation(destination, ledger) != NULL)
        return;
    destination->reserved = FALSE;
    lose(destination, cast_lost ? NMA_REASON_CAST_LOST : NMA_REASON_EXPIRED,
         cast_lost ? NULL : "the lease of the reservation ran out", NMA_EVIDENCE_OBSERVED, ledger,
         now, now, effects);
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
            judge(destination, &event->facts.facts, ledger, now, effects);
        break;
    case NMA_EVENT_DOMAIN_READING:
        on_reading(destination, &event->reading, ledger, now, effects);
        break;
    case NMA_EVENT_LIBVIRT_LOST:
        nma_destination_set_blind(destination, now);
        break;
    case NMA_EVENT_CONDUCTOR:
        on_conductor(destination, event, ledger, now, effects);
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
