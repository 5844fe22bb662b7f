/*
 * NmaForecastReport to the payload of schemas/forecast.schema.json, and back (for
 * nova-migration-watch).
 */
#pragma once

#include <glib.h>
#include <jansson.h>

#include "agent/core/forecast.h"

#define NMA_FORECAST_SCHEMA_VERSION "1.1"

/* payload as JSON text; owned */
char *nma_forecast_to_json(const NmaForecastReport *report, const char *host);

/* TRUE: the payload is a forecast and not a report of a phase */
gboolean nma_forecast_is(const json_t *payload);

/* Tolerant of newer minor schema versions: an unknown verdict is unknown, any other unknown word is
 * none. NULL with NMA_JSON_ERROR_MALFORMED when what names the migration is missing. host is the
 * reporting host (owned). */
NmaForecastReport *nma_forecast_from_json(const json_t *payload, char **host, GError **error);
