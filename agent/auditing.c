/* What the agent does with audits of nova.conf: reports them when they change, answers who asks,
 * and compares them with the other host's when a migration begins. */
#include "agent/agent_private.h"

#include "agent/auditor.h"
#include "agent/json/config_audit.h"
#include "agent/json/requests.h"

/* A peer waits 5 s. When the files cannot be read by then, the last result is what there is. */
#define ANSWER_WITHIN_US (3 * NMA_US_PER_S)
#define MAX_WAITING      64
#define MAX_LOGGED       10
/* the age at which a report that nobody took is dropped from the outbox */
#define REPEAT_DROPPED_US (NMA_OUTBOX_MAX_AGE_S * NMA_US_PER_S)

typedef struct {
    OmRequest *request;
    gboolean with_findings;
    guint64 asked;
    gint64 due_boot_us;
} Waiting;

struct NmaAuditing {
    NmaAuditor *auditor; /* NULL: switched off */
    NmaAudit *newest;    /* NULL before the first */
    /* the last report of it may have been dropped since */
    guint64 dropped_before;
    gint64 reported_boot_us;
    GPtrArray *waiting; /* of Waiting */
};

static void
on_audited(NmaAudit *audit, guint64 asked, gpointer user_data)
{
    nma_inbox_put_audit(((NmaAgent *)user_data)->inbox, audit, asked);
}

/* ---- reports ---- */

static void
log_findings(const NmaAudit *audit)
{
    guint worth_a_line =
        MIN(audit->counts[NMA_SEVERITY_ERROR] + audit->counts[NMA_SEVERITY_WARNING],
            audit->findings->len);

    g_message("nova.conf audited for %s: %u errors, %u warnings, %u notes", audit->release_name,
              audit->counts[NMA_SEVERITY_ERROR], audit->counts[NMA_SEVERITY_WARNING],
              audit->counts[NMA_SEVERITY_INFO]);
    for (guint i = 0; i < worth_a_line && i < MAX_LOGGED; i++) {
        const NmaFinding *finding = audit->findings->pdata[i];

        g_warning("%s:%u: %s %s: %s", finding->file != NULL ? finding->file : "nova.conf",
                  finding->line, nma_severity_to_string(finding->severity), finding->rule,
                  finding->message);
    }
    if (worth_a_line > MAX_LOGGED)
        g_warning("and %u more: nova-migration-agent audit", worth_a_line - MAX_LOGGED);
}

/* Nobody may have taken the report of these findings while it was in the outbox. */
static gboolean
may_be_lost(const NmaAgent *agent, NmaNow now)
{
    return agent->reports_dropped != agent->auditing->dropped_before &&
           now.boot_us - agent->auditing->reported_boot_us >= REPEAT_DROPPED_US;
}

static void
report(NmaAgent *agent, NmaNow now)
{
    NmaAuditing *auditing = agent->auditing;
    g_autofree char *digest = nma_audit_digest(auditing->newest);
    const char *said = agent->audit_unsaved != NULL ? agent->audit_unsaved : agent->audit_reported;
    const NmaAuditReport made = { .audit = auditing->newest, .occurred_wall_us = now.wall_us };

    if (g_strcmp0(digest, said) == 0 && !may_be_lost(agent, now))
        return;
    nma_agent_add_report(agent, NMA_AUDIT_EVENT_TYPE,
                         nma_audit_report_to_json(&made, agent->settings->host), now.wall_us);
    g_free(agent->audit_unsaved);
    agent->audit_unsaved = g_steal_pointer(&digest);
    auditing->dropped_before = agent->reports_dropped;
    auditing->reported_boot_us = now.boot_us;
}

/* ---- answers ---- */

static void
waiting_free(gpointer data)
{
    Waiting *waiting = data;

    if (waiting->request != NULL)
        om_request_fail(waiting->request, "AgentStopping", NMA_RPC_NAMESPACE,
                        "the agent is stopping, or audits no more");
    g_free(waiting);
}

static void
answer(NmaAgent *agent, Waiting *waiting)
{
    const NmaAudit *audit = agent->auditing->newest;
    OmRequest *request = g_steal_pointer(&waiting->request);
    json_t *result;

    if (audit == NULL) {
        om_request_fail(request, "AuditPending", NMA_RPC_NAMESPACE,
                        "nova.conf could not be read in time");
        return;
    }
    result = nma_result_audit(audit, agent->settings->host, waiting->with_findings);
    om_request_reply(request, result);
    json_decref(result);
}

/* All that were asked up to this number, or whose time is up. */
static void
answer_waiting(NmaAgent *agent, guint64 asked, NmaNow now)
{
    GPtrArray *all = agent->auditing->waiting;

    for (guint i = 0; i < all->len;) {
        Waiting *waiting = all->pdata[i];

        if (waiting->asked > asked && now.boot_us < waiting->due_boot_us) {
            i++;
            continue;
        }
        answer(agent, waiting);
        g_ptr_array_remove_index(all, i);
    }
}

void
nma_auditing_answer(NmaAgent *agent, OmRequest *request, gboolean with_findings)
{
    NmaAuditing *auditing = agent->auditing;
    Waiting *waiting;

    if (auditing->auditor == NULL) {
        om_request_fail(request, "AuditOff", NMA_RPC_NAMESPACE, "[audit] enabled is off here");
        return;
    }
    if (auditing->waiting->len >= MAX_WAITING) {
        om_request_fail(request, "AgentBusy", NMA_RPC_NAMESPACE, "too many requests wait");
        return;
    }
    waiting = g_new0(Waiting, 1);
    waiting->request = request;
    waiting->with_findings = with_findings;
    waiting->asked = nma_auditor_ask(auditing->auditor);
    waiting->due_boot_us = nma_agent_now().boot_us + ANSWER_WITHIN_US;
    g_ptr_array_add(auditing->waiting, waiting);
}

gint64
nma_auditing_next_deadline(const NmaAuditing *auditing)
{
    gint64 deadline = NMA_NEVER;

    for (guint i = 0; i < auditing->waiting->len; i++)
        deadline = MIN(deadline, ((const Waiting *)auditing->waiting->pdata[i])->due_boot_us);
    return deadline;
}

void
nma_auditing_tick(NmaAgent *agent, NmaNow now)
{
    if (now.boot_us >= nma_auditing_next_deadline(agent->auditing))
        answer_waiting(agent, 0, now);
}

void
nma_auditing_take(NmaAgent *agent, NmaAudit *audit, guint64 asked, NmaNow now)
{
    NmaAuditing *auditing = agent->auditing;

    if (audit != NULL) {
        g_autofree char *before =
            auditing->newest != NULL ? nma_audit_digest(auditing->newest) : NULL;
        g_autofree char *after = nma_audit_digest(audit);

        nma_audit_free(auditing->newest);
        auditing->newest = audit;
        if (g_strcmp0(before, after) != 0)
            log_findings(audit);
        report(agent, now);
    }
    answer_waiting(agent, asked, now);
}

const NmaAudit *
nma_auditing_newest(const NmaAuditing *auditing)
{
    return auditing->newest;
}

/* ---- the other host's ---- */

typedef struct {
    const char *instance_uuid;
    const NmaMigration *migration;
} Search;

static void
find_source(const NmaMigration *migration, gpointer user_data)
{
    Search *search = user_data;

    if (migration->role == NMA_ROLE_SOURCE &&
        g_str_equal(migration->identity.instance_uuid, search->instance_uuid))
        search->migration = migration;
}

void
nma_auditing_compare(NmaAgent *agent, const NmaPeerAudit *peer, NmaNow now)
{
    const NmaAudit *own = agent->auditing->newest;
    Search search = { .instance_uuid = peer->instance_uuid };
    g_autoptr(GPtrArray) differences = NULL;

    nma_host_foreach_migration(agent->host, find_source, &search);
    if (own == NULL || search.migration == NULL)
        return;
    differences = nma_config_compare(own->values, peer->values);
    if (differences->len == 0)
        return;
    const NmaAuditReport made = { .audit = own,
                                  .migration = &search.migration->identity,
                                  .attempt_id = search.migration->attempt_id,
                                  .differences = differences,
                                  .occurred_wall_us = now.wall_us };
    g_info("%s %s: %u differences to %s", NMA_AUDIT_EVENT_TYPE, peer->instance_uuid,
           differences->len, search.migration->identity.destination);
    nma_agent_add_report(agent, NMA_AUDIT_EVENT_TYPE,
                         nma_audit_report_to_json(&made, agent->settings->host), now.wall_us);
}

/* ---- life ---- */

NmaAuditing *
nma_auditing_new(NmaNow now)
{
    NmaAuditing *auditing = g_new0(NmaAuditing, 1);

    auditing->reported_boot_us = now.boot_us;
    auditing->waiting = g_ptr_array_new_with_free_func(waiting_free);
    return auditing;
}

static void
stop_auditor(NmaAuditing *auditing)
{
    /* one that hangs is left behind */
    nma_auditor_stop(auditing->auditor, g_get_monotonic_time() + NMA_US_PER_S);
    auditing->auditor = NULL;
}

void
nma_auditing_free(NmaAuditing *auditing)
{
    if (auditing == NULL)
        return;
    stop_auditor(auditing);
    g_ptr_array_unref(auditing->waiting);
    nma_audit_free(auditing->newest);
    g_free(auditing);
}

gboolean
nma_auditing_configure(NmaAgent *agent, GError **error)
{
    NmaAuditing *auditing = agent->auditing;
    const NmaSettings *settings = agent->settings;
    gint64 interval_us = settings->audit_interval_ms * NMA_US_PER_MS;

    nma_calls_set_audits(agent->calls, settings->audit_enabled);
    if (!settings->audit_enabled) {
        stop_auditor(auditing);
        g_ptr_array_set_size(auditing->waiting, 0);
        g_clear_pointer(&auditing->newest, nma_audit_free);
        return TRUE;
    }
    if (auditing->auditor != NULL) {
        nma_auditor_set(auditing->auditor, nma_audit_task_new(settings), interval_us);
        return TRUE;
    }
    auditing->auditor =
        nma_auditor_new(nma_audit_task_new(settings), interval_us, on_audited, agent, error);
    return auditing->auditor != NULL;
}
