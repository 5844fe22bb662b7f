/* What the conductor's answer means to the destination. */
#include <string.h>

#include "agent/core/destination_internal.h"
#include "agent/core/nova_word.h"

/* Nova never ages a record: the word "accepted" means something only while the conductor can still
 * be at it (a few checks of at most 1800 s), and "queued" for as long as a queue may be */
#define ACCEPTED_US (2 * 3600 * NMA_US_PER_S)
#define QUEUED_US   (7 * 24 * 3600 * NMA_US_PER_S)

static void
schedule_ask(NmaDestination *destination, NmaNow now)
{
    gint64 wait = NMA_DESTINATION_ASK_US;

    if (destination->runs) {
        if (destination->post_seen &&
            now.boot_us - destination->base.phase_started_boot_us < NMA_DESTINATION_ASK_COMMIT_US)
            wait = NMA_DESTINATION_ASK_COMMIT_US;
    } else if (destination->arrived) {
        wait = NMA_DESTINATION_ASK_ARRIVING_US;
    }
    destination->ask_due_boot_us = now.boot_us + wait;
}

static void
on_in_flight(NmaDestination *destination, const NmaNovaMigration *entry, NmaLedger *ledger,
             NmaNow now, GPtrArray *effects)
{
    NmaMigration *base = &destination->base;
    gboolean accepted = g_str_equal(entry->status, "accepted");
    NmaReservation *reservation = nma_destination_live_reservation(destination, ledger);
    gint64 age = now.boot_us - base->phase_started_boot_us;
    gboolean named = FALSE; /* Nova has chosen this host */

    if (entry->identity.destination != NULL && base->identity.destination != NULL) {
        if (strcmp(entry->identity.destination, base->identity.destination) != 0) {
            if (!destination->arrived) {
                g_autofree char *text =
                    g_strdup_printf("Nova chose the destination %s", entry->identity.destination);

                nma_destination_lose(destination, NMA_REASON_REFUSED_BY_NOVA, text,
                                     NMA_EVIDENCE_OBSERVED, ledger, now, now, effects);
            }
            return;
        }
        named = TRUE;
    }
    destination->given_up = FALSE;
    if (!accepted)
        destination->queued_seen = TRUE;
    if (destination->runs) {
        if (age < NMA_DESTINATION_PATIENCE_US)
            destination->give_up_boot_us = now.boot_us + NMA_DESTINATION_PATIENCE_COMMIT_US;
        return;
    }
    if (destination->facts_pending)
        return;
    /* "accepted" with a destination means that the cast is out: it must become "queued" within
     * the lease, or it was lost */
    if (!destination->arrived &&
        ((accepted && named) || age > (accepted ? ACCEPTED_US : QUEUED_US)))
        return;
    nma_destination_be_patient(destination, now);
    if (destination->reserved && !destination->arrived && reservation != NULL)
        nma_reservation_set_state(reservation, reservation->state, now);
}

static void
on_nova_failed(NmaDestination *destination, NmaNow now, GPtrArray *effects)
{
    NmaMigration *base = &destination->base;

    if (destination->runs) {
        g_autofree char *text =
            g_strdup_printf("Nova lists the migration as %s", base->nova_status);
        NmaReport *report = nma_migration_fail(base, NMA_REASON_NOVA_FAILED, text, now, effects);

        report->nova_status = g_strdup(base->nova_status);
        base->ended = TRUE;
    } else {
        /* It may have arrived unseen; and a nova-compute that is restarted in the middle writes
         * error while the guest moves all the same: libvirt knows. */
        destination->given_up = TRUE;
        nma_effects_add(effects, NMA_EFFECT_READ_DOMAIN, base->identity.instance_uuid);
    }
}

void
nma_destination_take_conductor(NmaDestination *destination, const NmaEvent *event,
                               NmaLedger *ledger, NmaNow now, GPtrArray *effects)
{
    NmaMigration *base = &destination->base;
    const NmaNovaMigration *entry;
    NmaWord word;

    if (!nma_nova_word_concerns(base, event))
        return;
    word = nma_nova_word(base, event, &entry);
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
            nma_destination_lose(destination, NMA_REASON_REFUSED_BY_NOVA,
                                 "Nova completed it on another host", NMA_EVIDENCE_OBSERVED, ledger,
                                 now, now, effects);
            break;
        }
        if (destination->facts_pending)
            nma_destination_judge(destination, NULL, NULL, ledger, now, effects);
        nma_destination_run(destination, NMA_GUEST_STATE_UNKNOWN, NMA_EVIDENCE_INFERRED, ledger,
                            now, now, effects);
        nma_destination_commitment_end(destination, base->nova_status, now, effects);
        break;
    case NMA_WORD_FAILED:
        on_nova_failed(destination, now, effects);
        break;
    case NMA_WORD_NEWER:
        if (destination->runs)
            nma_destination_commitment_end(destination, NULL, now, effects);
        else
            nma_destination_lose(destination, NMA_REASON_SUPERSEDED, NULL, NMA_EVIDENCE_OBSERVED,
                                 ledger, now, now, effects);
        break;
    }
}
