/* What the agent advises and does, on the core thread. */
#include "agent/agent_private.h"

#include "agent/json/remedy.h"

#define MIB (G_GINT64_CONSTANT(1024) * 1024)

/* libvirt refuses to act on a read-only connection: then it is advised */
static NmaMode
mode_of(const NmaSettings *settings, NmaMode mode)
{
    return mode == NMA_MODE_STEER && settings->libvirt_access == NMA_ACCESS_READ_ONLY
               ? NMA_MODE_ADVISE
               : mode;
}

NmaRules
nma_agent_rules(const NmaSettings *settings)
{
    NmaRules rules = {
        .mode = mode_of(settings, settings->mode),
        .n_policies = NMA_N_POLICIES,
        .chosen = settings->policy,
        .nova = {
            .downtime_ms = MAX(settings->live_migration_downtime_ms, 100),
            .downtime_steps = settings->live_migration_downtime_steps,
            .downtime_delay_s = settings->live_migration_downtime_delay_s,
            .completion_timeout_s = settings->live_migration_completion_timeout_s,
            .forces = g_strcmp0(settings->live_migration_timeout_action, "force_complete") == 0,
            .post_copy = settings->live_migration_permit_post_copy,
            .auto_converge = settings->live_migration_permit_auto_converge,
            .bandwidth_mib_s = settings->live_migration_bandwidth_mib_s,
        },
        .max_speed_bytes_s = settings->max_speed_mib_s * MIB,
        .abort_refused = settings->on_refusal == NMA_ON_REFUSAL_ABORT,
    };

    for (guint i = 0; i < NMA_N_POLICIES; i++)
        rules.policies[i] = settings->policies[i];
    return rules;
}

void
nma_agent_set_mode(NmaAgent *agent, NmaMode mode)
{
    nma_host_set_mode(agent->host, mode_of(agent->settings, mode));
    if (mode != NMA_MODE_STEER)
        nma_hypervisor_cancel(agent->hypervisor);
}

void
nma_agent_take_rules(NmaAgent *agent, const NmaSettings *fresh)
{
    NmaRules rules = nma_agent_rules(fresh);

    nma_host_set_rules(agent->host, &rules);
    nma_agent_set_mode(agent, fresh->mode);
}

void
nma_agent_carry_out(NmaAgent *agent, const NmaEffect *remedy)
{
    NmaEvent *failed;

    if (remedy->way == NMA_WAY_LIBVIRT) {
        nma_hypervisor_steer(agent->hypervisor, remedy->instance_uuid, &remedy->order);
        return;
    }
    failed = nma_calls_act(agent->calls, remedy->instance_uuid, remedy->migration_id,
                           remedy->order.remedy, g_atomic_int_get(&agent->nova_rpc_major));
    if (failed != NULL)
        nma_inbox_put_event(agent->inbox, failed);
}

void
nma_agent_send_advice(NmaAgent *agent, const NmaRemedyReport *report, NmaNow now)
{
    g_autofree char *said = nma_remedy_sentence(report);

    g_info("%s: %s", report->identity.instance_uuid, said);
    nma_publisher_send_progress(agent->publisher, nma_remedy_event_type(report->kind),
                                nma_remedy_to_json(report, agent->settings->host), now);
}
