/*
 * What an audit of nova.conf found, and what of it two hosts must agree on. The audit itself is
 * nova-conf-tool's; here are its results as plain data, and the comparison of two hosts.
 */
#pragma once

#include <glib.h>

#include "agent/core/identity.h"
#include "agent/core/now.h"

/* in nova-conf-tool's sense: see its manual */
typedef enum {
    NMA_SEVERITY_INFO,
    NMA_SEVERITY_WARNING,
    NMA_SEVERITY_ERROR,
    NMA_N_SEVERITIES
} NmaSeverity;

const char *nma_severity_to_string(NmaSeverity severity);

/* No text in it holds a secret; all are owned, and NULL where they do not apply. */
typedef struct {
    NmaSeverity severity;
    char *rule, *name; /* "NC410", "spelling"; of a comparison "NP…" */
    char *file;
    guint line, column; /* 0: the configuration as a whole */
    char *group, *option;
    char *message, *advice;
    char *source_value, *destination_value; /* of a comparison */
} NmaFinding;

NmaFinding *nma_finding_new(NmaSeverity severity, const char *rule, const char *name);
void nma_finding_free(NmaFinding *finding);
/* worst first, then by file, line, column and rule; for g_ptr_array_sort */
int nma_finding_compare(gconstpointer a, gconstpointer b);

/* An option's effective value. */
typedef struct {
    char *group, *option;
    char *value;  /* as a file would have it, credentials masked; NULL: unset */
    char *origin; /* "FILE:LINE", "default"; NULL when not known */
} NmaConfigValue;

NmaConfigValue *nma_config_value_new(const char *group, const char *option, const char *value,
                                     const char *origin);
void nma_config_value_free(NmaConfigValue *value);

/* Whoever receives a report may drop one that is larger than 128 KiB. */
#define NMA_AUDIT_MAX_FINDINGS   100
#define NMA_AUDIT_MAX_BYTES      (40 * 1024) /* of all findings' texts */
#define NMA_AUDIT_MAX_TEXT_BYTES 500         /* of one text */
#define NMA_AUDIT_MAX_FILES      50
#define NMA_AUDIT_MAX_VALUES     100

typedef struct {
    guint release; /* Nova's major number, for which it was audited */
    char *release_name, *release_reason;
    GPtrArray *findings;            /* of NmaFinding, owned: worst first, within the bounds */
    gsize bytes;                    /* of their texts */
    guint left_out;                 /* findings beyond the bounds */
    guint counts[NMA_N_SEVERITIES]; /* of all */
    GPtrArray *values;              /* of NmaConfigValue, owned: those that hosts compare */
    GPtrArray *files;               /* char *, owned: what was read, within the bounds */
    gint64 audited_wall_us;
} NmaAudit;

NmaAudit *nma_audit_new(void);
void nma_audit_free(NmaAudit *audit);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NmaAudit, nma_audit_free)

/* Counts it, and keeps it within the bounds: add the worst first. Takes the finding. */
void nma_audit_add(NmaAudit *audit, NmaFinding *finding);
/* The same for the same findings and release, whenever and however often they are found; owned. */
char *nma_audit_digest(const NmaAudit *audit);

/* One report about configuration, before it becomes JSON (schemas/config-audit.schema.json). */
typedef struct {
    const NmaAudit *audit;
    /* a comparison: the migration that was the occasion, and what of it is reported instead of the
     * audit's own findings; else NULL */
    const NmaIdentity *migration;
    const char *attempt_id;
    const GPtrArray *differences;
    gint64 occurred_wall_us;
} NmaAuditReport;

#define NMA_AUDIT_EVENT_TYPE "live_migration.config_audit"

/* ---- two hosts ---- */

typedef struct {
    const char *group, *option; /* in lower case, DEFAULT apart, as nova.conf has them */
} NmaComparedOption;

/* What an agent has to know of its own host and of the other one, from 0; NULL after the last. */
const NmaComparedOption *nma_compared_option(guint i);

/* What of both hosts' values (NmaConfigValue) would be in the way of live migrations between them,
 * or make them behave otherwise in one direction than in the other: NmaFinding, worst first. An
 * option that one of them does not have (another release) is not compared. Owned. */
GPtrArray *nma_config_compare(const GPtrArray *source, const GPtrArray *destination);
