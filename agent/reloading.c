#include "agent/agent_private.h"

#include "agent/settings_rabbit.h"

static void
reload_bus(OmBus *bus, const char *url_text, const NmaSettings *settings)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(OmTransportUrl) url = om_transport_url_parse(url_text, &error);
    g_auto(OmRabbitOptions) rabbit;

    nma_settings_fill_rabbit(settings, &rabbit);
    if (url == NULL)
        g_warning("transport_url is not used: %s", error->message);
    else
        om_bus_reload(bus, url, &rabbit);
}

static void
move_list(GStrv *to, GStrv *from)
{
    g_strfreev(*to);
    *to = g_steal_pointer(from);
}

static void
reload_audit(NmaAgent *agent, NmaSettings *fresh)
{
    NmaSettings *settings = agent->settings;
    g_autoptr(GError) error = NULL;

    settings->audit_enabled = fresh->audit_enabled;
    settings->audit_interval_ms = fresh->audit_interval_ms;
    g_free(settings->audit_release);
    settings->audit_release = g_steal_pointer(&fresh->audit_release);
    move_list(&settings->audit_ignore, &fresh->audit_ignore);
    move_list(&settings->nova_config_files, &fresh->nova_config_files);
    move_list(&settings->nova_config_dirs, &fresh->nova_config_dirs);
    if (!nma_auditing_configure(agent, &error))
        g_warning("nova.conf is not audited: %s", error->message);
}

void
nma_agent_reload(NmaAgent *agent, const char *why)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(NmaSettings) fresh = nma_settings_load(agent->config_file, &error);
    NmaConvergenceLimits limits;
    NmaRules rules;

    if (fresh == NULL) {
        g_warning("%s: configuration not taken over: %s", why, error->message);
        return;
    }
    if (g_strcmp0(fresh->host, agent->settings->host) != 0 ||
        g_strcmp0(fresh->state_dir, agent->settings->state_dir) != 0 ||
        g_strcmp0(fresh->topic, agent->settings->topic) != 0 ||
        g_strcmp0(fresh->control_exchange, agent->settings->control_exchange) != 0 ||
        g_strcmp0(fresh->libvirt_uri, agent->settings->libvirt_uri) != 0 ||
        g_strcmp0(fresh->tap_queue_type, agent->settings->tap_queue_type) != 0)
        g_warning("host, state_dir, topic, control_exchange, [libvirt] and [tap] change only with "
                  "a restart");
    reload_bus(agent->bus, fresh->transport_url, fresh);
    if (agent->reports_bus != agent->bus)
        reload_bus(agent->reports_bus, fresh->report_transport_url, fresh);
    limits = nma_agent_limits(fresh);
    rules = nma_agent_rules(fresh);
    nma_host_set_progress_interval(agent->host, fresh->progress_interval_ms * NMA_US_PER_MS);
    nma_host_set_limits(agent->host, &limits);
    nma_tracing_set(agent->tracing, (guint)fresh->traces, &limits, &rules.nova);
    nma_log_set_level(fresh->log_level);
    agent->settings->mode = fresh->mode;
    nma_agent_take_rules(agent, fresh);
    agent->settings->progress_interval_ms = fresh->progress_interval_ms;
    agent->settings->reserved_host_memory_mib = fresh->reserved_host_memory_mib;
    agent->settings->live_migration_downtime_ms = fresh->live_migration_downtime_ms;
    agent->settings->live_migration_downtime_steps = fresh->live_migration_downtime_steps;
    agent->settings->live_migration_downtime_delay_s = fresh->live_migration_downtime_delay_s;
    agent->settings->live_migration_bandwidth_mib_s = fresh->live_migration_bandwidth_mib_s;
    agent->settings->ram_ratio_permille = fresh->ram_ratio_permille;
    agent->settings->cpu_ratio_permille = fresh->cpu_ratio_permille;
    agent->settings->disk_ratio_permille = fresh->disk_ratio_permille;
    agent->settings->reserved_host_disk_mib = fresh->reserved_host_disk_mib;
    agent->settings->checks_deadline_ms = fresh->checks_deadline_ms;
    agent->settings->max_incoming = fresh->max_incoming;
    reload_audit(agent, fresh);
    g_message("%s: configuration read again", why);
}
