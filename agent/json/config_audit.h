/*
 * Audits of nova.conf as payloads (schemas/config-audit.schema.json) and as the result of the RPC
 * method audit (schemas/rpc.schema.json).
 */
#pragma once

#include <glib.h>
#include <jansson.h>

#include "agent/core/audit.h"

#define NMA_AUDIT_SCHEMA_VERSION "1.0"

/* payload as JSON text; owned */
char *nma_audit_report_to_json(const NmaAuditReport *report, const char *host);

/* TRUE: the payload is an audit and not a report of a phase */
gboolean nma_audit_report_is(const json_t *payload);

/* The answer to the RPC method audit; new reference. */
json_t *nma_result_audit(const NmaAudit *audit, const char *host, gboolean with_findings);

/* What another agent answered: its values (NmaConfigValue; owned), NULL when it is no such answer.
 * Bounded; what we do not compare is left out. */
GPtrArray *nma_audit_values_decode(const json_t *result);
