/* The running agent's beginning and end: all its parts are opened, and told where to put what they
 * hear. */
#include "config.h"

#include "agent/agent_private.h"

#include "agent/json/nova_objects.h"
#include "agent/json/requests.h"
#include "agent/ops/sd_notify.h"
#include "agent/probe/memory.h"
#include "agent/settings_rabbit.h"
#include "agent/store/history.h"

#define PROC "/proc"
/* libvirt is asked before the bus is consumed, but a libvirt that is away must not keep us deaf */
#define BUS_START_PATIENCE_US (5 * NMA_US_PER_S)
/* of the 10 s that a stop may take; a libvirt call that hangs is left behind */
#define LIBVIRT_STOP_MS 2000
#define PROBES_STOP_MS  1000

/* ---- on other threads: decode and put, nothing else ---- */

static void
on_libvirt_event(NmaEvent *event, gpointer user_data)
{
    NmaAgent *agent = user_data;

    nma_inbox_put_event(agent->inbox, event);
}

/* of "6.0"; none means 1.0 */
static gint
rpc_major(const char *version)
{
    return version != NULL ? (gint)MIN(g_ascii_strtoull(version, NULL, 10), 99) : 1;
}

static void
on_inspected(NmaInspection *inspection, gpointer user_data)
{
    nma_inbox_put_inspection(((NmaAgent *)user_data)->inbox, inspection);
}

static void
on_looked(NmaLook *look, gpointer user_data)
{
    nma_inbox_put_look(((NmaAgent *)user_data)->inbox, look);
}

static void
on_tapped(OmMessage *message, gpointer user_data)
{
    NmaAgent *agent = user_data;
    g_autoptr(OmMessage) owned = message;
    g_autoptr(GError) error = NULL;
    NmaEvent *event = nma_nova_call_decode(message, om_message_args(message), &error);

    if (event != NULL) {
        NmaNow now = nma_agent_now();

        g_atomic_int_set(&agent->nova_rpc_major, rpc_major(message->version));
        event->seen_boot_us = now.boot_us;
        event->seen_wall_us = now.wall_us;
        nma_inbox_put_event(agent->inbox, event);
    } else if (error != NULL)
        g_atomic_int_inc(&agent->malformed);
}

static void
on_requested(OmRequest *request, gpointer user_data)
{
    NmaAgent *agent = user_data;

    if (!nma_inbox_put_request(agent->inbox, request))
        om_request_fail(request, "AgentBusy", NMA_RPC_NAMESPACE, "too many requests wait");
}

static void
on_call_finished(OmCallResult *result, gpointer user_data)
{
    nma_inbox_put_call(((NmaAgent *)user_data)->inbox, result);
}

static void
on_published(guint64 cookie, OmPublishOutcome outcome, gpointer user_data)
{
    nma_inbox_put_published(((NmaAgent *)user_data)->inbox, cookie, outcome);
}

static void
on_bus_state(const OmBusState *state, gpointer user_data)
{
    nma_inbox_put_bus_state(((NmaAgent *)user_data)->inbox);
}

static void
learn_resident(NmaReservation *reservation, gpointer user_data)
{
    if (reservation->state == NMA_RESERVATION_IN_USE) {
        gint64 resident = nma_probe_qemu_resident_bytes(PROC, reservation->instance_uuid);

        reservation->resident_bytes = MAX(resident, 0);
    }
}

/* The facts are of this moment, and so must be what the ledger knows of arriving guests. */
static void
on_facts(NmaEvent *event, gpointer user_data)
{
    NmaAgent *agent = user_data;

    nma_ledger_foreach(nma_host_ledger_mutable(agent->host), learn_resident, NULL);
    nma_inbox_put_event(agent->inbox, event);
}

/* ---- what was said and promised before ---- */

static gboolean
restore_history(NmaAgent *agent, GError **error)
{
    g_autoptr(GPtrArray) outcomes = NULL;
    guint skipped;

    if (!nma_history_load(agent->store, &outcomes, &skipped, error))
        return FALSE;
    if (skipped > 0)
        g_warning("%u rows of the history could not be read and are passed over", skipped);
    for (guint i = 0; i < outcomes->len; i++)
        nma_host_restore_outcome(agent->host, g_ptr_array_index(outcomes, i));
    return TRUE;
}

static gboolean
restore(NmaAgent *agent, GError **error)
{
    g_autoptr(GPtrArray) sources = NULL;
    g_autoptr(GPtrArray) destinations = NULL;
    g_autoptr(GPtrArray) reservations = NULL;
    g_autofree char *boot_id = nma_probe_boot_id(PROC, error);
    NmaNow now = nma_agent_now();
    guint skipped = 0;

    if (boot_id == NULL ||
        !nma_store_load(agent->store, &sources, &destinations, &reservations, &skipped, error))
        return FALSE;
    if (skipped > 0)
        g_warning("%u saved migrations or reservations could not be read and are dropped", skipped);
    /* taken over by the host: the arrays must not free them */
    g_ptr_array_set_free_func(sources, NULL);
    g_ptr_array_set_free_func(destinations, NULL);
    for (guint i = 0; i < reservations->len; i++)
        nma_host_restore_reservation(agent->host, g_ptr_array_index(reservations, i));
    for (guint i = 0; i < sources->len; i++)
        nma_host_restore_source(agent->host, g_ptr_array_index(sources, i), now);
    for (guint i = 0; i < destinations->len; i++)
        nma_host_restore_destination(agent->host, g_ptr_array_index(destinations, i), now);

    if (!restore_history(agent, error))
        return FALSE;
    g_autofree char *saved_boot_id = nma_store_get_boot_id(agent->store);
    if (saved_boot_id != NULL && !g_str_equal(saved_boot_id, boot_id)) {
        g_autoptr(GPtrArray) effects = nma_effects_new();

        g_message("the host was booted again: open migrations and reservations are ended");
        nma_host_rebooted(agent->host, now, effects);
        nma_agent_collect_reports(agent, effects);
        nma_agent_save(agent, now);
    }
    return nma_store_set_boot_id(agent->store, boot_id, error);
}

/* ---- all parts ---- */

static gboolean
open_buses(NmaAgent *agent, GError **error)
{
    const NmaSettings *settings = agent->settings;
    const OmBusEvents events = { .tapped = on_tapped,
                                 .requested = on_requested,
                                 .call_finished = on_call_finished,
                                 .published = on_published,
                                 .state_changed = on_bus_state };
    const OmBusEvents report_events = { .published = on_published, .state_changed = on_bus_state };
    g_autofree char *name = g_strdup_printf("nova-migration-agent:%s", settings->host);
    g_autofree char *compute = g_strdup_printf("compute.%s", settings->host);
    g_autofree char *compute_alt = g_strdup_printf("compute-alt.%s", settings->host);
    const char *const routing_keys[] = { compute, compute_alt, NULL };
    g_autoptr(OmTransportUrl) url = om_transport_url_parse(settings->transport_url, error);
    g_auto(OmRabbitOptions) rabbit;
    OmBusConfig config = {
        .url = url,
        .rabbit = &rabbit,
        .exchange = settings->control_exchange,
        .connection_name = name,
        .host = settings->host,
        .tap = { .routing_keys = routing_keys, .methods = nma_nova_method_names() },
        .server = { .topic = settings->topic,
                    .server = settings->host,
                    .rpc_namespace = NMA_RPC_NAMESPACE,
                    .version = NMA_RPC_VERSION,
                    .methods = nma_request_names() },
    };

    nma_settings_fill_rabbit(settings, &rabbit);
    if (url == NULL) {
        g_prefix_error(error, "transport_url: ");
        return FALSE;
    }
    if (!om_tap_queue_type_from_string(settings->tap_queue_type, &config.tap.queue_type))
        config.tap.queue_type = OM_TAP_AUTO;
    agent->bus = om_bus_new(&config, &events, agent, error);
    if (agent->bus == NULL)
        return FALSE;
    if (g_strcmp0(settings->report_transport_url, settings->transport_url) == 0) {
        agent->reports_bus = om_bus_ref(agent->bus);
        return TRUE;
    }
    g_autoptr(OmTransportUrl) report_url =
        om_transport_url_parse(settings->report_transport_url, error);
    if (report_url == NULL) {
        g_prefix_error(error, "[reports] transport_url: ");
        return FALSE;
    }
    OmBusConfig report_config = { .url = report_url,
                                  .rabbit = &rabbit,
                                  .exchange = settings->control_exchange,
                                  .connection_name = name,
                                  .host = settings->host,
                                  .out_only = TRUE };
    agent->reports_bus = om_bus_new(&report_config, &report_events, agent, error);
    return agent->reports_bus != NULL;
}

static gboolean
open_all(NmaAgent *agent, GError **error)
{
    const NmaSettings *settings = agent->settings;
    const NmaHostConfig host_config = {
        .host = settings->host,
        .progress_interval_us = settings->progress_interval_ms * NMA_US_PER_MS,
        .conductor_interval_us = settings->conductor_interval_ms * NMA_US_PER_MS,
        .limits = nma_agent_limits(settings),
        .rules = nma_agent_rules(settings),
        .max_open = (guint)settings->max_open_migrations,
        .new_attempt_id = g_uuid_string_random,
    };
    const NmaHypervisorConfig hypervisor_config = {
        .uri = settings->libvirt_uri,
        .access = settings->libvirt_access,
        .call_deadline_ms = settings->libvirt_call_deadline_ms,
        .post = on_libvirt_event,
        .inspected = on_inspected,
        .user_data = agent,
    };
    g_autofree char *moved_aside = NULL;
    g_autofree char *socket_path = g_build_filename(settings->run_dir, "control", NULL);

    agent->host = nma_host_new(&host_config);
    agent->asking = nma_asking_new();
    agent->inbox = nma_inbox_new(error);
    if (agent->inbox == NULL)
        return FALSE;
    agent->store = nma_store_open(settings->state_dir, &moved_aside, error);
    if (agent->store == NULL)
        return FALSE;
    if (moved_aside != NULL) {
        g_warning("the database could not be used and was moved to %s; a fresh one is begun, and "
                  "for ten minutes nothing is promised to who asks",
                  moved_aside);
        nma_host_promises_lost(agent->host, nma_agent_now());
    }
    if (!open_buses(agent, error))
        return FALSE;
    agent->calls = nma_calls_new(agent->bus, settings->topic, settings->host);
    const NmaGatheringConfig gathering_config = { .settings = settings,
                                                  .bus = agent->bus,
                                                  .facts = on_facts,
                                                  .looked = on_looked,
                                                  .user_data = agent };
    agent->gathering = nma_gathering_new(&gathering_config, error);
    if (agent->gathering == NULL)
        return FALSE;
    agent->publisher =
        nma_publisher_new(agent->store, agent->reports_bus, settings->control_exchange,
                          settings->host, (const char *const *)settings->report_topics);
    agent->auditing = nma_auditing_new(nma_agent_now());
    agent->audit_reported = nma_store_get_audit_digest(agent->store);
    if (!restore(agent, error))
        return FALSE;
    agent->tracing = nma_tracing_new(settings->state_dir, settings->host);
    nma_tracing_set(agent->tracing, (guint)settings->traces, &host_config.limits,
                    &host_config.rules.nova);
    agent->control = nma_control_new(socket_path, nma_agent_control, agent, error);
    if (agent->control == NULL)
        return FALSE;
    agent->hypervisor = nma_hypervisor_new(&hypervisor_config, error);
    if (agent->hypervisor == NULL)
        return FALSE;
    agent->foretelling = nma_foretelling_new(agent->host, agent->hypervisor, settings);
    return nma_auditing_configure(agent, error);
}

NmaAgent *
nma_agent_new(NmaSettings *settings, const char *config_file, GError **error)
{
    NmaAgent *agent = g_new0(NmaAgent, 1);
    NmaNow now = nma_agent_now();

    agent->settings = settings;
    agent->config_file = g_strdup(config_file);
    agent->unsaved = g_ptr_array_new_with_free_func(nma_unsaved_free);
    agent->started_boot_us = now.boot_us;
    agent->bus_start_due_boot_us = now.boot_us + BUS_START_PATIENCE_US;
    agent->watchdog_interval_us = nma_sd_watchdog_interval_us();
    if (!open_all(agent, error)) {
        nma_agent_free(agent);
        return NULL;
    }
    return agent;
}

void
nma_agent_free(NmaAgent *agent)
{
    if (agent == NULL)
        return;
    nma_gathering_stop(agent->gathering, PROBES_STOP_MS);
    if (agent->hypervisor != NULL)
        nma_hypervisor_stop(agent->hypervisor, LIBVIRT_STOP_MS);
    nma_foretelling_free(agent->foretelling);
    nma_tracing_free(agent->tracing);
    nma_auditing_free(agent->auditing);
    nma_control_free(agent->control);
    nma_publisher_free(agent->publisher);
    nma_calls_free(agent->calls);
    nma_asking_free(agent->asking);
    g_clear_pointer(&agent->reports_bus, om_bus_unref);
    g_clear_pointer(&agent->bus, om_bus_unref);
    g_clear_pointer(&agent->store, nma_store_close);
    nma_host_free(agent->host);
    nma_inbox_free(agent->inbox);
    g_ptr_array_unref(agent->unsaved);
    nma_settings_free(agent->settings);
    g_free(agent->config_file);
    g_free(agent->store_error);
    g_free(agent->bus_said);
    g_free(agent->audit_reported);
    g_free(agent->audit_unsaved);
    g_free(agent);
}
