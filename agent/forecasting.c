#include "agent/agent_private.h"

#include "agent/json/forecast.h"

/* device state and network, until each pair of hosts is measured */
#define SWITCHOVER_MS 50
/* Nova counts at least so many for a step of its ladder (nova/virt/libvirt/driver.py,
 * _live_migration_data_gb); of a larger guest the first step lasts longer */
#define LEAST_GIB 2

/* Nova raises QEMU's limit in steps, the first of which is downtime / steps
 * (nova/virt/libvirt/migration.py, downtime_steps). Less than 100 ms and 3 steps is rounded up
 * (nova/conf/libvirt.py). */
NmaConvergenceLimits
nma_agent_limits(const NmaSettings *settings)
{
    gint64 most_ms = MAX(settings->live_migration_downtime_ms, 100);

    return (NmaConvergenceLimits){
        .max_downtime_ms = most_ms,
        .first_downtime_ms = most_ms / MAX(settings->live_migration_downtime_steps, 3),
        .fixed_cost_ms = SWITCHOVER_MS,
        .step_ms = MAX(settings->live_migration_downtime_delay_s, 3) * LEAST_GIB * 1000,
    };
}

void
nma_agent_send_forecast(NmaAgent *agent, const NmaForecastReport *report, NmaNow now)
{
    g_autofree char *said = NULL;

    if (agent->settings->mode == NMA_MODE_OBSERVE)
        return;
    said = nma_forecast_diagnosis(&report->forecast);
    g_info("%s %s %s: %s", NMA_FORECAST_EVENT_TYPE, report->identity.instance_uuid,
           nma_forecast_verdict_to_string(report->forecast.verdict), said);
    nma_publisher_send_progress(agent->publisher, NMA_FORECAST_EVENT_TYPE,
                                nma_forecast_to_json(report, agent->settings->host), now);
}
