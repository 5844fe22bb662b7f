/* What the files of agent/json share about reports. */
#pragma once

#include "agent/json/reports.h"

/* Fills every figure; what is missing is NMA_UNKNOWN. */
void nma_statistics_from_value(const json_t *value, NmaJobStats *stats);

/* instance_uuid … vcpus into object, and back (to is initialised here) */
void nma_identity_to_object(const NmaIdentity *identity, json_t *object);
void nma_identity_from_object(const json_t *object, NmaIdentity *to);

/* list of checks, null for NULL; new reference */
json_t *nma_checks_to_value(const GPtrArray *checks);
/* {"place": …, "state": …}; new reference */
json_t *nma_guest_to_value(NmaGuestPlace place, NmaGuestState state);
