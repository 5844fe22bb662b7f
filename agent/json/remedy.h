/* NmaRemedyReport to the payload of schemas/remedy.schema.json, and what watch reads of it. */
#pragma once

#include <glib.h>
#include <jansson.h>

#include "agent/core/remedy.h"

#define NMA_REMEDY_SCHEMA_VERSION "1.1"

/* payload as JSON text; owned */
char *nma_remedy_to_json(const NmaRemedyReport *report, const char *host);

/* TRUE: the payload is of a remedy, and not of a phase */
gboolean nma_remedy_is(const json_t *payload);

/* Which migration, and the sentence for people (owned). FALSE when one is missing. */
gboolean nma_remedy_read(const json_t *payload, char instance_uuid[NMA_UUID_LEN + 1],
                         char attempt_id[NMA_UUID_LEN + 1], char **said);
