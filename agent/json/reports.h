/*
 * NmaReport to the payload of schemas/report.schema.json, and back (for nova-migration-watch).
 */
#pragma once

#include <glib.h>
#include <jansson.h>

#include "agent/core/report.h"

/* "<major>.<minor>": the minor grows when a field or a word is added, the major never should */
#define NMA_REPORT_SCHEMA_VERSION "1.0"

/* payload as JSON text; owned */
char *nma_report_to_json(const NmaReport *report, const char *host);

/* The same as a value; new reference. */
json_t *nma_report_to_value(const NmaReport *report, const char *host);

/* Tolerant of newer minor schema versions: an unknown word for a phase, kind or role is an error
 * (NMA_JSON_ERROR_MALFORMED), any other unknown word is the member's "unknown" or "none", an
 * unknown reason is NMA_REASON_UNRECOGNIZED with the code put before the text. host is the
 * reporting host (owned). */
NmaReport *nma_report_from_json(const json_t *payload, char **host, GError **error);

/* NmaJobStats as `statistics` of a report; new reference. final: the job is over, and downtime_ms
 * is the measured one, not the one that QEMU expects. */
json_t *nma_statistics_to_value(const NmaJobStats *stats, gboolean final);
