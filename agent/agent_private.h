/*
 * The running agent's parts, shared by the files that make it up: agent.c (loop), opening.c (life),
 * saving.c, answering.c, controlling.c, asking.c, auditing.c, forecasting.c, steering.c,
 * reloading.c. All of it belongs to the core thread.
 */
#pragma once

#include "agent/agent.h"
#include "agent/calls.h"
#include "agent/core/host.h"
#include "agent/foretelling.h"
#include "agent/gathering.h"
#include "agent/inbox.h"
#include "agent/ops/control.h"
#include "agent/ops/log.h"
#include "agent/publisher.h"
#include "agent/status.h"
#include "agent/store/store.h"
#include "agent/tracing.h"

typedef struct NmaAsking NmaAsking;
typedef struct NmaAuditing NmaAuditing;

struct NmaAgent {
    NmaSettings *settings;
    char *config_file;
    NmaInbox *inbox;
    NmaStore *store;
    NmaHost *host;
    NmaHypervisor *hypervisor;
    OmBus *bus;
    OmBus *reports_bus; /* the same as bus, unless reports go to another broker */
    NmaCalls *calls;
    NmaGathering *gathering;
    NmaPublisher *publisher;
    NmaForetelling *foretelling;
    NmaTracing *tracing;
    NmaControl *control;
    NmaAsking *asking;
    NmaAuditing *auditing;

    gboolean bus_started;
    gint64 started_boot_us, bus_start_due_boot_us;
    GPtrArray *unsaved; /* of NmaUnsaved: reports that wait for their transaction */
    /* digest of the audit that was reported last; of one whose report is among unsaved; or NULL */
    char *audit_reported, *audit_unsaved;
    char *store_error; /* NULL: the last write succeeded */
    char *bus_said;    /* last line about the bus in the log */
    gint64 save_retry_boot_us;
    gint64 housekeeping_due_boot_us, watchdog_due_boot_us, reload_after_boot_us;
    gint64 watchdog_interval_us;
    guint64 reports_dropped, inbox_dropped;
    gboolean stopping;

    gint nova_rpc_major; /* atomic: of the newest message seen on the tap; 0 before */
    gint malformed;      /* atomic: counted on the bus threads */
    guint64 malformed_said, oversize_said;
    NmaLogLimit malformed_limit;
};

NmaNow nma_agent_now(void);

/* saving.c */

typedef struct {
    char *event_type, *payload;
    gint64 occurred_wall_us;
} NmaUnsaved;

void nma_unsaved_free(gpointer unsaved);

/* Start, end and error reports of effects become rows that wait for the next transaction. */
void nma_agent_collect_reports(NmaAgent *agent, const GPtrArray *effects);

/* A report of another kind; takes the payload (JSON text). */
void nma_agent_add_report(NmaAgent *agent, const char *event_type, char *payload,
                          gint64 occurred_wall_us);

/* One transaction for all that changed. When it fails everything stays as it is and is tried again
 * a second later: what was promised and said is in memory meanwhile. TRUE: reports were added. */
gboolean nma_agent_save(NmaAgent *agent, NmaNow now);

/* answering.c */

void nma_agent_answer(NmaAgent *agent, OmRequest *request /* taken */, NmaNow now,
                      GPtrArray *effects);
/* nma_hypervisor_status_clear(&status->libvirt) afterwards */
void nma_agent_fill_status(NmaAgent *agent, NmaStatus *status);

/* asking.c: requests that are answered later */

NmaAsking *nma_asking_new(void);
void nma_asking_free(NmaAsking *asking); /* what waits is failed */

/* core's answer is an effect; request and ask are taken */
void nma_agent_ask(NmaAgent *agent, OmRequest *request, NmaAsk *ask, NmaNow now,
                   GPtrArray *effects);
void nma_agent_give_answer(NmaAgent *agent, NmaAnswer *answer, NmaNow now);
/* Between saving and answering: what could not be saved is not promised. */
void nma_agent_withdraw_unsaved(NmaAgent *agent, GPtrArray *effects, NmaNow now);

/* controlling.c: what comes over the control socket */

json_t *nma_agent_control(const char *command, const json_t *args, gpointer agent, GError **error);

/* forecasting.c */

/* what migrations are forecast against, from nova.conf */
NmaConvergenceLimits nma_agent_limits(const NmaSettings *settings);
/* nothing in mode observe; may be lost, as progress may */
void nma_agent_send_forecast(NmaAgent *agent, const NmaForecastReport *report, NmaNow now);

/* steering.c */

NmaRules nma_agent_rules(const NmaSettings *settings);
/* of a configuration that was read again */
void nma_agent_take_rules(NmaAgent *agent, const NmaSettings *fresh);
/* Holds at once: what was ordered and not yet begun is not done any more, unless mode is steer. */
void nma_agent_set_mode(NmaAgent *agent, NmaMode mode);
void nma_agent_carry_out(NmaAgent *agent, const NmaEffect *remedy);
/* may be lost, as progress may: what was done stands in the outbox */
void nma_agent_send_advice(NmaAgent *agent, const NmaRemedyReport *report, NmaNow now);

/* auditing.c */

NmaAuditing *nma_auditing_new(NmaNow now);
void nma_auditing_free(NmaAuditing *auditing);
/* Starts, stops or changes the auditor as the settings say. */
gboolean nma_auditing_configure(NmaAgent *agent, GError **error);
/* What the auditor has found (taken), or NULL; see auditor.h. */
void nma_auditing_take(NmaAgent *agent, NmaAudit *audit, guint64 asked, NmaNow now);
/* The request is taken, and answered when the auditor has looked. */
void nma_auditing_answer(NmaAgent *agent, OmRequest *request, gboolean with_findings);
gint64 nma_auditing_next_deadline(const NmaAuditing *auditing); /* boot_us or NMA_NEVER */
void nma_auditing_tick(NmaAgent *agent, NmaNow now);
/* The destination's agent has told its values: says what of them differs from ours. */
void nma_auditing_compare(NmaAgent *agent, const NmaPeerAudit *peer, NmaNow now);
const NmaAudit *nma_auditing_newest(const NmaAuditing *auditing); /* NULL: none yet, or off */

/* reloading.c */

/* Takes over what can change without a restart, and says what cannot; why: "SIGHUP". */
void nma_agent_reload(NmaAgent *agent, const char *why);
