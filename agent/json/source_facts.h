/*
 * What the source's agent tells for the destination's checks: RPC method guest_facts, its result as
 * JSON and back (schemas/rpc.schema.json, guest_facts_result).
 */
#pragma once

#include <glib.h>
#include <jansson.h>

#include "agent/core/source_facts.h"

/* guest_facts_args; address NULL: Nova will use the host's name. New reference. */
json_t *nma_guest_facts_args(const char *instance_uuid, const char *destination,
                             const char *address_or_null, gint64 migration_port);

/* New reference. */
json_t *nma_source_facts_to_value(const NmaSourceFacts *facts, const char *host, gint64 wall_us);

/* NULL when it is no such result. Every list and text is bounded; what is missing or senseless is
 * unknown. sent and received are wall times of ours, for the offset of the other's clock. */
NmaSourceFacts *nma_source_facts_from_value(const json_t *value, gint64 sent_wall_us,
                                            gint64 received_wall_us);
