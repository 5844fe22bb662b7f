#include "config.h"

#include "agent/agent_private.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "agent/json/nova_objects.h"
#include "agent/json/reports.h"
#include "agent/json/requests.h"
#include "agent/ops/sd_notify.h"
#include "agent/probe/memory.h"
#include "agent/settings_rabbit.h"
#include "agent/store/history.h"

#define PROC "/proc"
/* libvirt is asked before the bus is consumed, but a libvirt that is away must not keep us deaf */
#define BUS_START_PATIENCE_US (5 * NMA_US_PER_S)
#define HOUSEKEEPING_US       (15 * NMA_US_PER_S)
#define RELOAD_SPACING_US     (10 * NMA_US_PER_S)
#define LIBVIRT_STALLED_US    (90 * NMA_US_PER_S)
/* of the 10 s that a stop may take: the bus drains its confirms, libvirt ends its calls */
#define BUS_STOP_MS     4000
#define LIBVIRT_STOP_MS 2000
#define PROBES_STOP_MS  1000

NmaNow
nma_agent_now(void)
{
    struct timespec boot;

    clock_gettime(CLOCK_BOOTTIME, &boot);
    return (NmaNow){
        .boot_us = boot.tv_sec * NMA_US_PER_S + boot.tv_nsec / 1000,
        .wall_us = g_get_real_time(),
    };
}

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

/* ---- acting ---- */

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

static void
put_if(NmaAgent *agent, NmaEvent *event_or_null)
{
    if (event_or_null != NULL)
        nma_inbox_put_event(agent->inbox, event_or_null);
}

static void
act(NmaAgent *agent, const GPtrArray *effects, NmaNow now)
{
    for (guint i = 0; i < effects->len; i++) {
        const NmaEffect *effect = g_ptr_array_index(effects, i);

        switch (effect->type) {
        case NMA_EFFECT_REPORT:
            if (effect->report->kind == NMA_REPORT_PROGRESS) {
                g_autofree char *event_type = nma_report_event_type(effect->report);

                nma_publisher_send_progress(
                    agent->publisher, event_type,
                    nma_report_to_json(effect->report, agent->settings->host), now);
            }
            break;
        case NMA_EFFECT_FORECAST:
            nma_agent_send_forecast(agent, effect->forecast, now);
            break;
        case NMA_EFFECT_REMEDY_REPORT:
            if (effect->remedy_report->kind == NMA_REMEDY_ADVISED)
                nma_agent_send_advice(agent, effect->remedy_report, now);
            break;
        case NMA_EFFECT_REMEDY:
            nma_agent_carry_out(agent, effect);
            break;
        case NMA_EFFECT_READ_DOMAIN:
            nma_hypervisor_read_domain(agent->hypervisor, effect->instance_uuid);
            break;
        case NMA_EFFECT_GATHER_FACTS:
            nma_gathering_begin(agent->gathering, agent->hypervisor, effect->instance_uuid,
                                effect->host, now);
            break;
        case NMA_EFFECT_ASK_CONDUCTOR:
            for (char **instance = effect->instances; *instance != NULL; instance++)
                put_if(agent, nma_calls_ask_conductor(agent->calls, *instance));
            break;
        case NMA_EFFECT_ASK_PEER:
            put_if(agent, nma_calls_ask_peer(agent->calls, effect->instance_uuid, effect->host));
            break;
        case NMA_EFFECT_ASK_GUEST:
            put_if(agent, nma_calls_ask_guest(agent->calls, effect->instance_uuid, effect->host));
            break;
        case NMA_EFFECT_ASK_RESERVATION:
            put_if(agent, nma_calls_ask_reservation(agent->calls, effect->ask, effect->host));
            break;
        case NMA_EFFECT_ANSWER:
            nma_agent_give_answer(agent, effect->answer, now);
            break;
        case NMA_N_EFFECTS:
            break;
        }
    }
}

static void
bus_state_changed(NmaAgent *agent, NmaNow now)
{
    OmBusState state;

    om_bus_get_state(agent->bus, &state);
    g_autofree char *said = g_strdup_printf(
        "bus: in %s, out %s, tap %s%s%s%s", state.in_connected ? state.in_broker : "not connected",
        state.out_connected ? state.out_broker : "not connected",
        state.tap_bound ? "bound" : "not bound",
        state.tls_unverified
            ? "; the broker's certificate is NOT verified (no ssl_ca_file, as in Nova)"
            : "",
        state.last_error[0] != '\0' ? ": " : "", state.last_error);
    /* many changes look the same to a reader */
    if (g_strcmp0(said, agent->bus_said) != 0) {
        g_log(G_LOG_DOMAIN, state.tls_unverified ? G_LOG_LEVEL_WARNING : G_LOG_LEVEL_MESSAGE, "%s",
              said);
        g_free(agent->bus_said);
        agent->bus_said = g_steal_pointer(&said);
    }
    if (state.credentials_refused && now.boot_us >= agent->reload_after_boot_us) {
        agent->reload_after_boot_us = now.boot_us + RELOAD_SPACING_US;
        nma_agent_reload(agent, "the broker refused the credentials");
    }
}

/* ---- the loop ---- */

static void
start_bus(NmaAgent *agent)
{
    g_autoptr(GError) error = NULL;

    agent->bus_started = TRUE;
    if (!om_bus_start(agent->bus, &error) ||
        (agent->reports_bus != agent->bus && !om_bus_start(agent->reports_bus, &error)))
        g_critical("bus: %s", error->message);
}

static void
take_item(NmaAgent *agent, NmaInboxItem *item, NmaNow now, GPtrArray *effects, gboolean *pump)
{
    switch (item->type) {
    case NMA_INBOX_EVENT:
        if (item->event->type == NMA_EVENT_MEASURED || item->event->type == NMA_EVENT_DOMAINS)
            nma_foretelling_take(agent->foretelling, item->event, now);
        if (item->event->type == NMA_EVENT_DOMAIN_READING)
            nma_agent_tell_guest(agent, &item->event->reading);
        nma_host_step(agent->host, item->event, now, effects);
        nma_tracing_take(agent->tracing, agent->host, item->event, now);
        if (item->event->type == NMA_EVENT_RESYNC && !agent->bus_started)
            start_bus(agent);
        break;
    case NMA_INBOX_PUBLISHED:
        nma_publisher_published(agent->publisher, item->published.cookie, item->published.outcome,
                                now);
        *pump = TRUE;
        break;
    case NMA_INBOX_INSPECTED:
        nma_gathering_inspected(agent->gathering, g_steal_pointer(&item->inspection), now);
        break;
    case NMA_INBOX_LOOKED:
        nma_gathering_looked(agent->gathering, g_steal_pointer(&item->look), now);
        break;
    case NMA_INBOX_CALL_FINISHED: {
        if (nma_gathering_called(agent->gathering, agent->hypervisor, item->call, now))
            break;

        g_autoptr(NmaPeerAudit) audit = nma_calls_audit_finished(agent->calls, item->call);
        g_autoptr(NmaEvent) event = nma_calls_finished(agent->calls, item->call);

        if (audit != NULL)
            nma_auditing_compare(agent, audit, now);
        if (event != NULL)
            nma_host_step(agent->host, event, now, effects);
        break;
    }
    case NMA_INBOX_REQUEST:
        nma_agent_answer(agent, g_steal_pointer(&item->request), now, effects);
        break;
    case NMA_INBOX_BUS_STATE:
        bus_state_changed(agent, now);
        *pump = TRUE;
        break;
    case NMA_INBOX_AUDIT:
        nma_auditing_take(agent, g_steal_pointer(&item->audit.audit), item->audit.asked, now);
        break;
    }
}

static void
process(NmaAgent *agent)
{
    NmaNow now = nma_agent_now();
    gboolean resync, pump = FALSE;
    g_autoptr(GPtrArray) effects = nma_effects_new();
    g_autoptr(GPtrArray) items = nma_inbox_drain(agent->inbox, &resync, &agent->inbox_dropped);

    if (resync)
        nma_hypervisor_resync(agent->hypervisor);
    for (guint i = 0; i < items->len; i++)
        take_item(agent, g_ptr_array_index(items, i), now, effects, &pump);
    if (now.boot_us >= nma_host_next_deadline(agent->host)) {
        g_autoptr(NmaEvent) tick = nma_event_new(NMA_EVENT_TICK);

        nma_host_step(agent->host, tick, now, effects);
    }
    nma_gathering_expire(agent->gathering, now);
    nma_auditing_tick(agent, now);
    nma_agent_collect_reports(agent, effects);
    gboolean fresh = nma_agent_save(agent, now);
    nma_agent_withdraw_unsaved(agent, effects, now);
    /* before progress is sent: a phase's start comes first */
    if (fresh || pump || now.boot_us >= nma_publisher_next_deadline(agent->publisher))
        nma_publisher_pump(agent->publisher, fresh, now);
    act(agent, effects, now);
}

/* only while every role makes progress: a stuck one is what the watchdog is for */
static gboolean
roles_alive(NmaAgent *agent, NmaNow now)
{
    OmBusStats stats;
    NmaHypervisorStatus libvirt;
    gint64 monotonic_us = g_get_monotonic_time();
    gboolean alive = TRUE;

    if (agent->bus_started) {
        om_bus_get_stats(agent->bus, &stats);
        alive = monotonic_us - stats.in_progress_us < OM_BUS_STALLED_US &&
                monotonic_us - stats.out_progress_us < OM_BUS_STALLED_US;
    }
    nma_hypervisor_get_status(agent->hypervisor, &libvirt);
    alive = alive && now.boot_us - libvirt.last_alive_boot_us < LIBVIRT_STALLED_US;
    nma_hypervisor_status_clear(&libvirt);
    return alive;
}

/* how many, and never what: they may hold anything */
static void
say_malformed(NmaAgent *agent, NmaNow now)
{
    OmBusStats stats;
    guint suppressed;

    om_bus_get_stats(agent->bus, &stats);
    guint64 malformed = (guint64)g_atomic_int_get(&agent->malformed) + stats.tap_malformed +
                        stats.tap_undecodable + stats.requests_malformed;
    guint64 oversize = stats.tap_oversize;
    if (malformed + oversize > agent->malformed_said + agent->oversize_said &&
        nma_log_allowed(&agent->malformed_limit, now.boot_us, &suppressed)) {
        g_warning("from the bus: %" G_GUINT64_FORMAT
                  " messages could not be understood, %" G_GUINT64_FORMAT
                  " were too large to look into",
                  malformed - agent->malformed_said, oversize - agent->oversize_said);
        agent->malformed_said = malformed;
        agent->oversize_said = oversize;
    }
}

static void
write_metrics(NmaAgent *agent)
{
    g_autoptr(GError) error = NULL;
    NmaStatus status;
    NmaMetrics metrics;

    if (*agent->settings->metrics_file == '\0')
        return;
    nma_agent_fill_status(agent, &status);
    nma_status_to_metrics(&status, &metrics);
    nma_hypervisor_status_clear(&status.libvirt);
    if (!nma_metrics_write(&metrics, agent->settings->metrics_file, &error))
        g_warning("metrics: %s", error->message);
}

static gboolean
nothing_is_open(const NmaAgent *agent)
{
    return nma_host_open_count(agent->host, NMA_ROLE_SOURCE) == 0 &&
           nma_host_open_count(agent->host, NMA_ROLE_DESTINATION) == 0;
}

static void
housekeeping(NmaAgent *agent, NmaNow now)
{
    if (!agent->bus_started && now.boot_us >= agent->bus_start_due_boot_us)
        start_bus(agent);
    if (now.boot_us >= agent->housekeeping_due_boot_us) {
        agent->housekeeping_due_boot_us = now.boot_us + HOUSEKEEPING_US;
        write_metrics(agent);
        say_malformed(agent, now);
        nma_foretelling_look(agent->foretelling, now);
        nma_outbox_trim(agent->store, now.wall_us, &agent->reports_dropped, NULL);
        /* it waits for the disk, and a report would wait with it */
        if (nothing_is_open(agent))
            nma_store_idle(agent->store);
    }
    if (agent->watchdog_interval_us > 0 && now.boot_us >= agent->watchdog_due_boot_us) {
        agent->watchdog_due_boot_us = now.boot_us + agent->watchdog_interval_us;
        if (roles_alive(agent, now))
            nma_sd_notify("WATCHDOG=1");
        else
            g_critical("a thread makes no progress: the watchdog is not fed");
    }
}

static int
poll_timeout_ms(NmaAgent *agent, gint64 control_deadline_boot_us)
{
    gint64 deadline = MIN(nma_host_next_deadline(agent->host), control_deadline_boot_us);

    deadline = MIN(deadline, nma_publisher_next_deadline(agent->publisher));
    deadline = MIN(deadline, nma_gathering_next_deadline(agent->gathering));
    deadline = MIN(deadline, nma_auditing_next_deadline(agent->auditing));
    deadline = MIN(deadline, agent->housekeeping_due_boot_us);
    if (agent->watchdog_interval_us > 0)
        deadline = MIN(deadline, agent->watchdog_due_boot_us);
    if (!agent->bus_started)
        deadline = MIN(deadline, agent->bus_start_due_boot_us);
    if (agent->store_error != NULL)
        deadline = MIN(deadline, agent->save_retry_boot_us);

    gint64 wait_us = deadline - nma_agent_now().boot_us;
    /* rounded up: waking a little late is better than turning idle until it is time */
    return (int)CLAMP((wait_us + NMA_US_PER_MS - 1) / NMA_US_PER_MS, 0, 60000);
}

static void
take_signals(NmaAgent *agent, int signal_fd)
{
    struct signalfd_siginfo info;

    while (read(signal_fd, &info, sizeof info) == sizeof info) {
        if (info.ssi_signo == SIGHUP)
            nma_agent_reload(agent, "SIGHUP");
        else
            agent->stopping = TRUE;
    }
}

/* Stop consuming, let the confirms come in, save what they said. A libvirt call that hangs is left
 * behind: the process ends anyway. */
static void
shut_down(NmaAgent *agent)
{
    nma_sd_notify("STOPPING=1");
    g_message("stopping");
    if (agent->reports_bus != agent->bus)
        om_bus_stop(agent->reports_bus, BUS_STOP_MS / 2);
    om_bus_stop(agent->bus, BUS_STOP_MS);
    process(agent);
    nma_gathering_stop(agent->gathering, PROBES_STOP_MS);
    agent->gathering = NULL;
    nma_hypervisor_stop(agent->hypervisor, LIBVIRT_STOP_MS);
    agent->hypervisor = NULL;
}

void
nma_agent_run(NmaAgent *agent, int signal_fd)
{
    g_message("nova-migration-agent %s for host %s, mode %s", PACKAGE_VERSION,
              agent->settings->host, nma_mode_to_string(agent->settings->mode));
    nma_sd_notify("READY=1");
    while (!agent->stopping) {
        struct pollfd fds[3 + NMA_CONTROL_MAX_CLIENTS] = {
            { .fd = nma_inbox_fd(agent->inbox), .events = POLLIN },
            { .fd = signal_fd, .events = POLLIN },
        };
        gint64 control_deadline_boot_us = NMA_NEVER;
        guint n_control = nma_control_poll_fds(agent->control, fds + 2, &control_deadline_boot_us);

        if (poll(fds, 2 + n_control, poll_timeout_ms(agent, control_deadline_boot_us)) < 0 &&
            errno != EINTR)
            g_error("poll: %s", g_strerror(errno));
        take_signals(agent, signal_fd);
        process(agent);
        nma_control_dispatch(agent->control, fds + 2, n_control, nma_agent_now().boot_us);
        housekeeping(agent, nma_agent_now());
    }
    shut_down(agent);
}

/* ---- life ---- */

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
