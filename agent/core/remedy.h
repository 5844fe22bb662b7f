/*
 * What was advised or done for a migration, as it is reported (schemas/remedy.schema.json), and the
 * rules under which a host does it.
 */
#pragma once

#include <glib.h>

#include "agent/core/identity.h"
#include "agent/core/nova_plan.h"
#include "agent/core/policy.h"
#include "schemas/reason_codes.h"

typedef enum {
    NMA_MODE_OBSERVE,
    NMA_MODE_ADVISE,
    NMA_MODE_STEER,
} NmaMode;

#define NMA_MAX_POLICIES 4

/* Of a host, for all its migrations. */
typedef struct {
    NmaMode mode;
    NmaPolicy policies[NMA_MAX_POLICIES]; /* the first is for those of which nothing is known */
    guint n_policies, chosen;             /* chosen: where the flavor names none */
    NmaNovaOptions nova;
    gint64 max_speed_bytes_s; /* what the host's migrations may have together; 0: not touched */
    guint running;            /* migrations that copy memory now */
    gboolean abort_refused;   /* [checks] on_refusal */
} NmaRules;

typedef enum {
    NMA_REMEDY_ADVISED,
    NMA_REMEDY_APPLIED, /* by Nova: it was asked; only the end of the job proves it */
    NMA_REMEDY_FAILED,
    NMA_N_REMEDY_KINDS
} NmaRemedyKind;

typedef enum { NMA_WAY_LIBVIRT, NMA_WAY_NOVA, NMA_N_REMEDY_WAYS } NmaRemedyWay;

typedef struct {
    NmaIdentity identity;
    char attempt_id[NMA_UUID_LEN + 1];
    NmaRemedyKind kind;
    NmaRemedyOrder order;
    NmaRemedyWay way;
    char policy[NMA_POLICY_MAX_NAME];
    gint64 iteration;
    gint64 occurred_wall_us;
    gint64 before, after;  /* of the knob, read back; NMA_UNKNOWN */
    NmaReason refused_for; /* of a destination that refuses: its check's reason; else none */
    char *refusal;         /* and that check's sentence with the numbers; NULL */
    char *text;            /* why it failed, in libvirt's or Nova's words; NULL */
} NmaRemedyReport;

NmaRemedyReport *nma_remedy_report_new(void);
void nma_remedy_report_free(NmaRemedyReport *report);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NmaRemedyReport, nma_remedy_report_free)

/* static: "advised", "libvirt"; the notification's event type */
const char *nma_remedy_kind_to_string(NmaRemedyKind kind);
const char *nma_remedy_way_to_string(NmaRemedyWay way);
const char *nma_remedy_event_type(NmaRemedyKind kind);

/* What a person would type on the source to the same effect; owned. */
char *nma_remedy_command(const NmaRemedyReport *report);
/* One sentence for people; owned. */
char *nma_remedy_sentence(const NmaRemedyReport *report);
