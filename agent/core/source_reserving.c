/*
 * The source sees to it that its guest has a reservation where it goes, also when the destination's
 * agent missed Nova's check, and for as long as the cast waits in Nova's queue (hours, where many
 * migrations leave one host).
 */
#include "agent/core/source_internal.h"

#define RENEW_US (200 * NMA_US_PER_S) /* three times within a lease */
#define RETRY_US (30 * NMA_US_PER_S)
#define MIB      G_GINT64_CONSTANT(1048576)

G_STATIC_ASSERT(3 * RENEW_US <= NMA_RESERVATION_SOFT_LEASE_US);

static gboolean
wants(const NmaSource *source)
{
    const NmaMigration *base = &source->base;

    return !base->ended && base->phase == NMA_PHASE_PRE_MIGRATION && base->phase_open &&
           base->identity.destination != NULL && g_strcmp0(source->peer, "agent") == 0;
}

gint64
nma_source_reserving_deadline(const NmaSource *source)
{
    return wants(source) ? source->reserve_due_boot_us : NMA_NEVER;
}

static NmaAsk *
make_ask(const NmaSource *source, NmaAskKind kind)
{
    const NmaIdentity *identity = &source->base.identity;
    NmaAsk *ask = nma_ask_new(kind, identity->instance_uuid);

    g_strlcpy(ask->migration_uuid, identity->migration_uuid, sizeof ask->migration_uuid);
    ask->source = g_strdup(identity->source);
    ask->sized = identity->memory_mib >= 0 && identity->memory_mib <= G_MAXINT64 / MIB;
    if (ask->sized) {
        ask->resources.amount[NMA_AMOUNT_MEMORY] = identity->memory_mib * MIB;
        ask->resources.amount[NMA_AMOUNT_VCPUS] = identity->vcpus;
    }
    return ask;
}

void
nma_source_keep_reservation(NmaSource *source, NmaNow now, GPtrArray *effects)
{
    if (nma_source_reserving_deadline(source) > now.boot_us)
        return;
    nma_effects_add_ask_reservation(effects, make_ask(source, NMA_ASK_RESERVE),
                                    source->base.identity.destination);
    source->reserve_due_boot_us = now.boot_us + RETRY_US;
}

void
nma_source_drop_reservation(NmaSource *source, GPtrArray *effects)
{
    if (!source->reserved_there || source->base.phase != NMA_PHASE_PRE_MIGRATION)
        return;
    source->reserved_there = FALSE;
    nma_effects_add_ask_reservation(effects, make_ask(source, NMA_ASK_RELEASE),
                                    source->base.identity.destination);
}

void
nma_source_take_reserved(NmaSource *source, const NmaEvent *event, NmaNow now, GPtrArray *effects)
{
    const NmaPeerReservation *reserved = &event->reserved;

    switch (reserved->state) {
    case NMA_RESERVED_GRANTED:
        source->reserved_there = TRUE;
        source->refused_for = NMA_REASON_NONE;
        source->reserve_due_boot_us = now.boot_us + RENEW_US;
        break;
    case NMA_RESERVED_REFUSED: /* Nova does not know, and goes on; there may be room later */
        source->reserve_due_boot_us = now.boot_us + RENEW_US;
        if (!wants(source) || source->refused_for == reserved->reason)
            break;
        source->refused_for = reserved->reason;
        nma_migration_remark(&source->base, reserved->reason, reserved->text, now, effects);
        if (reserved->checked) {
            g_free(source->refusal);
            source->refusal = g_strdup(reserved->text);
            nma_source_act_on_refusal(source, now, effects);
        }
        break;
    case NMA_RESERVED_UNSUPPORTED:
        source->reserve_due_boot_us = NMA_NEVER;
        break;
    case NMA_RESERVED_UNANSWERED:
        source->reserve_due_boot_us = now.boot_us + RETRY_US;
        break;
    }
}
