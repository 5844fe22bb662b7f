/* The history as `nova-migration-agent history --json` prints it: schemas/history.schema.json. */
#pragma once

#include <jansson.h>

#include "agent/core/experience.h"

#define NMA_HISTORY_SCHEMA_VERSION "1.0"

/* outcomes: of NmaOutcome, oldest first, of which the newest `limit` are told. New reference. */
json_t *nma_history_to_json(const char *host, const NmaExperiences *experiences,
                            const GPtrArray *outcomes, guint limit);
