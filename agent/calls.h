/*
 * The questions that the agent asks over the bus: the conductor (what does Nova's database say)
 * and the peer's agent (are you there, what is your clock). Answers come back as core events.
 */
#pragma once

#include <glib.h>

#include "agent/core/effect.h"
#include "agent/core/event.h"
#include "rpc/bus.h"

typedef struct NmaCalls NmaCalls;

/* bus is borrowed and must outlive it; topic is our own RPC topic, copied. */
NmaCalls *nma_calls_new(OmBus *bus, const char *topic);
void nma_calls_free(NmaCalls *calls);

/* All answer at once with an event when the bus cannot take the question (owned; else NULL). */
NmaEvent *nma_calls_ask_conductor(NmaCalls *calls, const char *instance_uuid);
NmaEvent *nma_calls_ask_peer(NmaCalls *calls, const char *instance_uuid, const char *host);

NmaEvent *nma_calls_ask_guest(NmaCalls *calls, const char *instance_uuid, const char *host);
/* For a reservation, or to release one: that is not answered. */
NmaEvent *nma_calls_ask_reservation(NmaCalls *calls, const NmaAsk *ask, const char *host);

/* The event that an answer makes; NULL when the call was not ours. */
NmaEvent *nma_calls_finished(NmaCalls *calls, const OmCallResult *result);
