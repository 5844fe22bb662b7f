/*
 * NmaReport to the payload of schemas/report.schema.json, and back (for nova-migration-watch).
 */
#pragma once

#include <glib.h>
#include <jansson.h>

#include "agent/core/report.h"

/* payload as JSON text; owned */
char *nma_report_to_json(const NmaReport *report, const char *host);

/* Tolerant of newer minor schema versions; host is the reporting host (owned). */
NmaReport *nma_report_from_json(const json_t *payload, char **host, GError **error);
