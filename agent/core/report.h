/*
 * One report of one phase, before it becomes JSON (schemas/report.schema.json).
 */
#pragma once

#include <glib.h>

#include "agent/core/check.h"
#include "agent/core/identity.h"
#include "agent/core/job_stats.h"
#include "agent/core/now.h"
#include "agent/core/phase.h"
#include "schemas/reason_codes.h"

typedef enum {
    NMA_REPORT_START,
    NMA_REPORT_PROGRESS,
    NMA_REPORT_END,
    NMA_REPORT_ERROR,
} NmaReportKind;

/* Where the guest lives, as far as this side can tell. */
typedef enum {
    NMA_GUEST_UNKNOWN,
    NMA_GUEST_ON_SOURCE,
    NMA_GUEST_ON_DESTINATION,
    NMA_GUEST_GONE, /* not on this host, and never handed over */
} NmaGuestPlace;

typedef enum {
    NMA_GUEST_STATE_UNKNOWN,
    NMA_GUEST_RUNNING,
    NMA_GUEST_PAUSED,
} NmaGuestState;

typedef enum {
    NMA_CAUSE_NONE,
    NMA_CAUSE_SWITCHOVER, /* QEMU stopped the guest because the rest fits into the downtime */
    NMA_CAUSE_FORCED,     /* it was paused on purpose (force-complete); passes go on */
} NmaCause;

typedef struct {
    NmaIdentity identity;
    char attempt_id[NMA_UUID_LEN + 1]; /* this agent's own name for this attempt */
    NmaRole role;
    NmaPhase phase;
    NmaReportKind kind;
    NmaStep step;
    NmaEvidence evidence;
    /* start, end, error: this report's own number, 1, 2, 3 … within the attempt on this host.
     * progress: number of the last such report; progress_count counts the progress reports. */
    guint64 sequence;
    guint64 progress_count;
    gint64 occurred_wall_us;
    gint64 not_before_wall_us, not_after_wall_us; /* when inferred; else NMA_UNKNOWN */
    gint64 phase_duration_us;                     /* end and error; else NMA_UNKNOWN */
    NmaReason reason;
    char *text; /* libvirt's or Nova's words, or the numbers of a refusal; NULL if none */
    NmaJobStats stats;
    gboolean has_stats;
    NmaGuestPlace guest_place;
    NmaGuestState guest_state;
    NmaCause cause;
    gboolean skipped;  /* the phase did not take place, e.g. reservation without a peer agent */
    char *nova_status; /* commitment.end: Migration.status, "unknown" if not learnt; else NULL */
    char *peer;        /* source: "agent", "absent", "version", NULL before it is known */
    gint64 clock_offset_ms, clock_offset_error_ms; /* peer's clock minus ours; NMA_OFFSET_UNKNOWN */
    GPtrArray *checks; /* of NmaCheckResult, when checks were judged; else NULL */
} NmaReport;

NmaReport *nma_report_new(void);
void nma_report_free(NmaReport *report);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NmaReport, nma_report_free)

const char *nma_report_kind_to_string(NmaReportKind kind);
const char *nma_guest_place_to_string(NmaGuestPlace place);
const char *nma_guest_state_to_string(NmaGuestState state);
const char *nma_cause_to_string(NmaCause cause); /* "" for none */

/* "live_migration.<phase>.<kind>"; owned */
char *nma_report_event_type(const NmaReport *report);
