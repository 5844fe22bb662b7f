/*
 * What the agent says to others over the bus: it asks the conductor (what does Nova's database say)
 * and the peer's agent (are you there, what is your clock), and has nova-compute of this host abort
 * a migration or complete it by force. Answers come back as core events.
 */
#pragma once

#include <glib.h>

#include "agent/core/audit.h"
#include "agent/core/effect.h"
#include "agent/core/event.h"
#include "rpc/bus.h"

typedef struct NmaCalls NmaCalls;

/* bus is borrowed and must outlive it; topic is our own RPC topic, compute Nova's name
 * of this host; copied. */
NmaCalls *nma_calls_new(OmBus *bus, const char *topic, const char *compute);
void nma_calls_free(NmaCalls *calls);

/* All answer at once with an event when the bus cannot take the question (owned; else NULL). */
NmaEvent *nma_calls_ask_conductor(NmaCalls *calls, const char *instance_uuid);
NmaEvent *nma_calls_ask_peer(NmaCalls *calls, const char *instance_uuid, const char *host);

/* Post-copy (as force-complete, which is post-copy where Nova permits it) or abort: fetches the
 * Instance from the conductor, sends it to nova-compute and keeps nothing. NMA_EVENT_REMEDY
 * follows by nma_calls_finished, or is returned when it failed at once (owned).
 * nova_rpc_major: of Nova's own messages; 0: not known. */
NmaEvent *nma_calls_act(NmaCalls *calls, const char *instance_uuid, gint64 migration_id,
                        NmaRemedy remedy, gint nova_rpc_major);
/* For a reservation, or to release one: that is not answered. */
NmaEvent *nma_calls_ask_reservation(NmaCalls *calls, const NmaAsk *ask, const char *host);

/* From now on a peer's agent that has answered is also asked for its audit, or is not. */
void nma_calls_set_audits(NmaCalls *calls, gboolean audits);

/* What a peer's agent has told of its configuration. */
typedef struct {
    char *instance_uuid;
    GPtrArray *values; /* of NmaConfigValue */
} NmaPeerAudit;

void nma_peer_audit_free(NmaPeerAudit *audit);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NmaPeerAudit, nma_peer_audit_free)

/* NULL when the answer is none to that question, or brings nothing (an older agent, audit off). */
NmaPeerAudit *nma_calls_audit_finished(NmaCalls *calls, const OmCallResult *result);

/* The event that an answer makes; NULL when the call was not ours, or makes none. */
NmaEvent *nma_calls_finished(NmaCalls *calls, const OmCallResult *result);
