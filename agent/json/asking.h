/*
 * Questions about guests that are to come, and their answers (schemas/rpc.schema.json): arguments
 * and results of can_live_migrate, reserve, renew, release and guest, for both sides.
 */
#pragma once

#include <glib.h>
#include <jansson.h>

#include "agent/core/event.h"

/* NULL with an error (NMA_JSON_ERROR_MALFORMED) that says which argument is wrong and quotes
 * nothing. Owned. */
NmaAsk *nma_ask_decode(NmaAskKind kind, const json_t *args, GError **error);
json_t *nma_ask_encode(const NmaAsk *ask); /* new reference */

/* new reference */
json_t *nma_answer_to_value(const NmaAnswer *answer, const char *host, NmaNow now);
json_t *nma_reservation_to_value(const NmaReservation *reservation, NmaNow now);

/* The result of reserve as its asker has it. FALSE, and nothing written, when it is none;
 * instance_uuid is the caller's to fill in. text is owned. */
gboolean nma_reserved_decode(const json_t *result, NmaPeerReservation *reserved);
