#include "agent/agent.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "agent/calls.h"
#include "agent/core/host.h"
#include "agent/inbox.h"
#include "agent/json/nova_objects.h"
#include "agent/json/reports.h"
#include "agent/json/requests.h"
#include "agent/ops/control.h"
#include "agent/ops/log.h"
#include "agent/ops/sd_notify.h"
#include "agent/probe/memory.h"
#include "agent/publisher.h"
#include "agent/status.h"
#include "agent/store/store.h"

#define PROC "/proc"
/* libvirt is asked before the bus is consumed, but a libvirt that is away must not keep us deaf */
#define BUS_START_PATIENCE_US (5 * NMA_US_PER_S)
#define METRICS_INTERVAL_US   (15 * NMA_US_PER_S)
#define SAVE_RETRY_US         (1 * NMA_US_PER_S)
#define RELOAD_SPACING_US     (10 * NMA_US_PER_S)
#define LIBVIRT_STALLED_US    (90 * NMA_US_PER_S)
/* of the 10 s that a stop may take: the bus drains its confirms, libvirt ends its calls */
#define BUS_STOP_MS     4000
#define LIBVIRT_STOP_MS 2000

/* a report that waits for its transaction */
typedef struct {
    char *event_type, *payload;
    gint64 occurred_wall_us;
} Unsaved;

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
    NmaPublisher *publisher;
    NmaControl *control;

    gboolean bus_started;
    gint64 started_boot_us, bus_start_due_boot_us;
    GPtrArray *unsaved; /* of Unsaved */
    char *store_error;
    gint64 save_retry_boot_us;
    gint64 metrics_due_boot_us, watchdog_due_boot_us, reload_after_boot_us;
    gint64 watchdog_interval_us;
    guint64 reports_dropped, inbox_dropped;
    gboolean stopping;

    gint malformed; /* atomic: counted on the bus threads */
    guint64 malformed_said;
    NmaLogLimit malformed_limit;
};

static NmaNow
now_get(void)
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

static void
on_tapped(OmMessage *message, gpointer user_data)
{
    NmaAgent *agent = user_data;
    g_autoptr(OmMessage) owned = message;
    g_autoptr(GError) error = NULL;
    NmaEvent *event = nma_nova_call_decode(message, &error);

    if (event != NULL)
        nma_inbox_put_event(agent->inbox, event);
    else if (error != NULL)
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

/* ---- saving: drain, commit, act ---- */

static void
unsaved_free(gpointer data)
{
    Unsaved *unsaved = data;

    g_free(unsaved->event_type);
    g_free(unsaved->payload);
    g_free(unsaved);
}

static void
collect_reports(NmaAgent *agent, const GPtrArray *effects)
{
    for (guint i = 0; i < effects->len; i++) {
        const NmaEffect *effect = g_ptr_array_index(effects, i);

        if (effect->type != NMA_EFFECT_REPORT || effect->report->kind == NMA_REPORT_PROGRESS)
            continue;
        Unsaved *unsaved = g_new0(Unsaved, 1);
        unsaved->event_type = nma_report_event_type(effect->report);
        unsaved->payload = nma_report_to_json(effect->report, agent->settings->host);
        unsaved->occurred_wall_us = effect->report->occurred_wall_us;
        g_ptr_array_add(agent->unsaved, unsaved);
        g_info("%s %s", unsaved->event_type, effect->report->identity.instance_uuid);
    }
    /* the disk has been full for long: keep what the outbox itself would keep */
    if (agent->unsaved->len > NMA_OUTBOX_MAX_ROWS) {
        guint over = agent->unsaved->len - NMA_OUTBOX_MAX_ROWS;

        g_ptr_array_remove_range(agent->unsaved, 0, over);
        agent->reports_dropped += over;
    }
}

static gboolean
write_changes(NmaAgent *agent, const NmaHostChanges *changes, GError **error)
{
    for (guint i = 0; i < changes->sources->len; i++) {
        const NmaSource *source = g_ptr_array_index(changes->sources, i);

        if (!(source->base.ended
                  ? nma_store_delete_migration(agent->store, source->base.attempt_id, error)
                  : nma_store_put_source(agent->store, source, error)))
            return FALSE;
    }
    for (guint i = 0; i < changes->destinations->len; i++) {
        const NmaDestination *destination = g_ptr_array_index(changes->destinations, i);

        if (!(destination->base.ended
                  ? nma_store_delete_migration(agent->store, destination->base.attempt_id, error)
                  : nma_store_put_destination(agent->store, destination, error)))
            return FALSE;
    }
    for (guint i = 0; i < changes->reservations->len; i++) {
        const NmaReservation *reservation = g_ptr_array_index(changes->reservations, i);

        if (!(nma_reservation_is_live(reservation)
                  ? nma_store_put_reservation(agent->store, reservation, error)
                  : nma_store_delete_reservation(agent->store, reservation->instance_uuid, error)))
            return FALSE;
    }
    return TRUE;
}

static gboolean
write_reports(NmaAgent *agent, GError **error)
{
    for (guint i = 0; i < agent->unsaved->len; i++) {
        const Unsaved *unsaved = g_ptr_array_index(agent->unsaved, i);

        if (!nma_outbox_append(agent->store, unsaved->event_type, unsaved->payload,
                               unsaved->occurred_wall_us, &agent->reports_dropped, error))
            return FALSE;
    }
    return TRUE;
}

static gboolean
write_transaction(NmaAgent *agent, const NmaHostChanges *changes, GError **error)
{
    if (!nma_store_begin(agent->store, error))
        return FALSE;
    if (write_changes(agent, changes, error) && write_reports(agent, error) &&
        nma_publisher_delete_confirmed(agent->publisher, error) &&
        nma_store_commit(agent->store, error))
        return TRUE;
    nma_store_rollback(agent->store);
    return FALSE;
}

/* One transaction for all that changed. When it fails everything stays as it is and is tried again
 * a second later: what was promised and said is in memory meanwhile. TRUE when reports were added.
 */
static gboolean
save(NmaAgent *agent, NmaNow now)
{
    g_autoptr(GPtrArray) sources = g_ptr_array_new();
    g_autoptr(GPtrArray) destinations = g_ptr_array_new();
    g_autoptr(GPtrArray) reservations = g_ptr_array_new();
    NmaHostChanges changes = { sources, destinations, reservations };
    g_autoptr(GError) error = NULL;

    nma_host_get_changes(agent->host, &changes);
    if (sources->len == 0 && destinations->len == 0 && reservations->len == 0 &&
        agent->unsaved->len == 0 && !nma_publisher_has_confirmed(agent->publisher))
        return FALSE;
    if (agent->store_error != NULL && now.boot_us < agent->save_retry_boot_us)
        return FALSE;

    if (!write_transaction(agent, &changes, &error)) {
        if (agent->store_error == NULL)
            g_critical("cannot write to %s, trying again every second: %s",
                       agent->settings->state_dir, error->message);
        g_free(agent->store_error);
        agent->store_error = g_strdup(error->message);
        agent->save_retry_boot_us = now.boot_us + SAVE_RETRY_US;
        return FALSE;
    }
    if (agent->store_error != NULL) {
        g_message("%s can be written again", agent->settings->state_dir);
        g_clear_pointer(&agent->store_error, g_free);
    }
    nma_host_saved(agent->host);
    nma_publisher_deleted(agent->publisher);
    gboolean added = agent->unsaved->len > 0;
    g_ptr_array_set_size(agent->unsaved, 0);
    return added;
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

static void
gather_facts(NmaAgent *agent, const char *instance_uuid)
{
    NmaEvent *event = nma_event_new(NMA_EVENT_FACTS);
    g_autoptr(GError) error = NULL;

    g_strlcpy(event->facts.instance_uuid, instance_uuid, sizeof event->facts.instance_uuid);
    nma_facts_clear(&event->facts.facts);
    if (!nma_probe_memory(PROC, &event->facts.facts, &error))
        g_warning("the memory check cannot be made: %s", error->message);
    event->facts.facts.memory_reserved_host_bytes =
        agent->settings->reserved_host_memory_mib * 1024 * 1024;
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
        case NMA_EFFECT_READ_DOMAIN:
            nma_hypervisor_read_domain(agent->hypervisor, effect->instance_uuid);
            break;
        case NMA_EFFECT_GATHER_FACTS:
            gather_facts(agent, effect->instance_uuid);
            break;
        case NMA_EFFECT_ASK_CONDUCTOR:
            put_if(agent,
                   nma_calls_ask_conductor(agent->calls, (const char *const *)effect->instances));
            break;
        case NMA_EFFECT_ASK_PEER:
            put_if(agent, nma_calls_ask_peer(agent->calls, effect->instance_uuid, effect->host));
            break;
        }
    }
}

/* ---- requests of others ---- */

static json_t *
serve(NmaAgent *agent, const NmaRequest *request)
{
    switch (request->method) {
    case NMA_REQUEST_HELLO:
        return nma_result_hello(agent->settings->host, PACKAGE_VERSION,
                                nma_mode_to_string(agent->settings->mode), g_get_real_time());
    case NMA_REQUEST_LIST:
        return nma_result_list(agent->host);
    case NMA_REQUEST_SHOW:
        return nma_result_show(agent->host, request->instance_uuid);
    case NMA_REQUEST_RESERVATIONS:
        return nma_result_reservations(agent->host);
    case NMA_REQUEST_SET_MODE:
        nma_mode_from_string(request->mode, &agent->settings->mode);
        return json_pack("{s:s}", "mode", nma_mode_to_string(agent->settings->mode));
    case NMA_N_REQUESTS:
        break;
    }
    return json_null();
}

static void
answer(NmaAgent *agent, OmRequest *om_request)
{
    const OmMessage *message = om_request_message(om_request);
    g_autoptr(GError) error = NULL;
    NmaRequest *request = nma_request_decode(message->method, message->args, &error);

    if (request == NULL) {
        om_request_fail(om_request, "InvalidArgument", NMA_RPC_NAMESPACE, error->message);
        return;
    }
    if (request->method == NMA_REQUEST_SET_MODE)
        g_message("mode %s asked by request %s", request->mode,
                  message->request_id != NULL ? message->request_id : "-");
    json_t *result = serve(agent, request);
    om_request_reply(om_request, result);
    json_decref(result);
    nma_request_free(request);
}

static void
fill_status(NmaAgent *agent, NmaStatus *status)
{
    *status = (NmaStatus){
        .settings = agent->settings,
        .host = agent->host,
        .started_boot_us = agent->started_boot_us,
        .now = now_get(),
        .reports_dropped_total = agent->reports_dropped,
        .malformed_total = (guint64)g_atomic_int_get(&agent->malformed),
        .store_error = agent->store_error,
    };
    om_bus_get_state(agent->bus, &status->bus);
    om_bus_get_stats(agent->bus, &status->bus_stats);
    status->tap_dropped_total = agent->inbox_dropped + status->bus_stats.tap_oversize;
    status->malformed_total += status->bus_stats.tap_malformed + status->bus_stats.tap_undecodable;
    nma_hypervisor_get_status(agent->hypervisor, &status->libvirt);
    nma_publisher_get_stats(agent->publisher, &status->publisher);
    nma_outbox_stat(agent->store, &status->outbox_rows, &status->outbox_oldest_wall_us, NULL);
}

static json_t *
on_control(const char *command, const json_t *args, gpointer user_data, GError **error)
{
    NmaAgent *agent = user_data;

    if (g_str_equal(command, "status")) {
        NmaStatus status;

        fill_status(agent, &status);
        json_t *result = nma_status_to_json(&status);
        nma_hypervisor_status_clear(&status.libvirt);
        return result;
    }
    if (g_str_equal(command, "log-level")) {
        const char *level = json_string_value(json_object_get(args, "level"));

        if (level != NULL && !nma_log_set_level(level)) {
            g_set_error(error, NMA_SETTINGS_ERROR, NMA_SETTINGS_ERROR_INVALID,
                        "no such level: use debug, info, warning or error");
            return NULL;
        }
        return json_pack("{s:s}", "level", nma_log_get_level());
    }
    g_set_error(error, NMA_SETTINGS_ERROR, NMA_SETTINGS_ERROR_INVALID,
                "unknown command; there are: status, log-level");
    return NULL;
}

/* ---- configuration anew ---- */

static OmTransportUrl *
parse_url(const char *text, GError **error)
{
    return om_transport_url_parse(text, error);
}

static void
fill_rabbit(OmRabbitOptions *rabbit, const NmaSettings *settings)
{
    om_rabbit_options_init(rabbit);
    rabbit->amqp_durable_queues = settings->amqp_durable_queues;
    rabbit->amqp_auto_delete = settings->amqp_auto_delete;
    rabbit->rabbit_quorum_queue = settings->rabbit_quorum_queue;
    rabbit->rabbit_transient_quorum_queue = settings->rabbit_transient_quorum_queue;
    rabbit->rabbit_transient_queues_ttl_s = (guint)settings->rabbit_transient_queues_ttl_s;
    rabbit->heartbeat_timeout_threshold_s = (guint)settings->heartbeat_timeout_threshold_s;
    rabbit->ssl = settings->ssl;
    rabbit->ssl_ca_file = g_strdup(settings->ssl_ca_file);
    rabbit->ssl_cert_file = g_strdup(settings->ssl_cert_file);
    rabbit->ssl_key_file = g_strdup(settings->ssl_key_file);
    rabbit->ssl_enforce_hostname_verification = settings->ssl_enforce_hostname_verification;
}

static void
reload_bus(OmBus *bus, const char *url_text, const NmaSettings *settings)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(OmTransportUrl) url = parse_url(url_text, &error);
    g_auto(OmRabbitOptions) rabbit;

    fill_rabbit(&rabbit, settings);
    if (url == NULL)
        g_warning("transport_url is not used: %s", error->message);
    else
        om_bus_reload(bus, url, &rabbit);
}

/* What can change without a restart; the rest is said and waits for one. */
static void
reload(NmaAgent *agent, const char *why)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(NmaSettings) fresh = nma_settings_load(agent->config_file, &error);

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
    nma_host_set_progress_interval(agent->host, fresh->progress_interval_ms * NMA_US_PER_MS);
    nma_log_set_level(fresh->log_level);
    agent->settings->mode = fresh->mode;
    agent->settings->progress_interval_ms = fresh->progress_interval_ms;
    agent->settings->reserved_host_memory_mib = fresh->reserved_host_memory_mib;
    g_message("%s: configuration read again", why);
}

static void
bus_state_changed(NmaAgent *agent, NmaNow now)
{
    OmBusState state;

    om_bus_get_state(agent->bus, &state);
    g_message("bus: in %s, out %s%s%s", state.in_connected ? state.in_broker : "not connected",
              state.out_connected ? state.out_broker : "not connected",
              state.last_error[0] != '\0' ? ": " : "", state.last_error);
    if (state.credentials_refused && now.boot_us >= agent->reload_after_boot_us) {
        agent->reload_after_boot_us = now.boot_us + RELOAD_SPACING_US;
        reload(agent, "the broker refused the credentials");
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
        nma_host_step(agent->host, item->event, now, effects);
        if (item->event->type == NMA_EVENT_RESYNC && !agent->bus_started)
            start_bus(agent);
        break;
    case NMA_INBOX_PUBLISHED:
        nma_publisher_published(agent->publisher, item->published.cookie, item->published.outcome,
                                now);
        *pump = TRUE;
        break;
    case NMA_INBOX_CALL_FINISHED: {
        g_autoptr(NmaEvent) event = nma_calls_finished(agent->calls, item->call);

        if (event != NULL)
            nma_host_step(agent->host, event, now, effects);
        break;
    }
    case NMA_INBOX_REQUEST:
        answer(agent, g_steal_pointer(&item->request));
        break;
    case NMA_INBOX_BUS_STATE:
        bus_state_changed(agent, now);
        *pump = TRUE;
        break;
    }
}

static void
process(NmaAgent *agent)
{
    NmaNow now = now_get();
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
    collect_reports(agent, effects);
    if (save(agent, now))
        pump = TRUE;
    act(agent, effects, now);
    if (pump || now.boot_us >= nma_publisher_next_deadline(agent->publisher))
        nma_publisher_pump(agent->publisher, now);
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

static void
say_malformed(NmaAgent *agent, NmaNow now)
{
    guint64 total = (guint64)g_atomic_int_get(&agent->malformed);
    guint suppressed;

    if (total > agent->malformed_said &&
        nma_log_allowed(&agent->malformed_limit, now.boot_us, &suppressed)) {
        g_warning("%" G_GUINT64_FORMAT " messages on the tap could not be understood",
                  total - agent->malformed_said);
        agent->malformed_said = total;
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
    fill_status(agent, &status);
    nma_status_to_metrics(&status, &metrics);
    nma_hypervisor_status_clear(&status.libvirt);
    if (!nma_metrics_write(&metrics, agent->settings->metrics_file, &error))
        g_warning("metrics: %s", error->message);
}

static void
housekeeping(NmaAgent *agent, NmaNow now)
{
    if (!agent->bus_started && now.boot_us >= agent->bus_start_due_boot_us)
        start_bus(agent);
    if (now.boot_us >= agent->metrics_due_boot_us) {
        agent->metrics_due_boot_us = now.boot_us + METRICS_INTERVAL_US;
        write_metrics(agent);
        say_malformed(agent, now);
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
    deadline = MIN(deadline, agent->metrics_due_boot_us);
    if (agent->watchdog_interval_us > 0)
        deadline = MIN(deadline, agent->watchdog_due_boot_us);
    if (!agent->bus_started)
        deadline = MIN(deadline, agent->bus_start_due_boot_us);
    if (agent->store_error != NULL)
        deadline = MIN(deadline, agent->save_retry_boot_us);

    gint64 wait_us = deadline - now_get().boot_us;
    /* rounded up: waking a little late is better than turning idle until it is time */
    return (int)CLAMP((wait_us + NMA_US_PER_MS - 1) / NMA_US_PER_MS, 0, 60000);
}

static void
take_signals(NmaAgent *agent, int signal_fd)
{
    struct signalfd_siginfo info;

    while (read(signal_fd, &info, sizeof info) == sizeof info) {
        if (info.ssi_signo == SIGHUP)
            reload(agent, "SIGHUP");
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
        nma_control_dispatch(agent->control, fds + 2, n_control, now_get().boot_us);
        housekeeping(agent, now_get());
    }
    shut_down(agent);
}

/* ---- life ---- */

static gboolean
restore(NmaAgent *agent, GError **error)
{
    g_autoptr(GPtrArray) sources = NULL;
    g_autoptr(GPtrArray) destinations = NULL;
    g_autoptr(GPtrArray) reservations = NULL;
    g_autofree char *boot_id = nma_probe_boot_id(PROC, error);
    NmaNow now = now_get();
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

    g_autofree char *saved_boot_id = nma_store_get_boot_id(agent->store);
    if (saved_boot_id != NULL && !g_str_equal(saved_boot_id, boot_id)) {
        g_autoptr(GPtrArray) effects = nma_effects_new();

        g_message("the host was booted again: open migrations and reservations are ended");
        nma_host_rebooted(agent->host, now, effects);
        collect_reports(agent, effects);
        save(agent, now);
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
    g_autoptr(OmTransportUrl) url = parse_url(settings->transport_url, error);
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

    fill_rabbit(&rabbit, settings);
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
    g_autoptr(OmTransportUrl) report_url = parse_url(settings->report_transport_url, error);
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
        .max_open = (guint)settings->max_open_migrations,
        .new_attempt_id = g_uuid_string_random,
    };
    const NmaHypervisorConfig hypervisor_config = {
        .uri = settings->libvirt_uri,
        .access = settings->libvirt_access,
        .call_deadline_ms = settings->libvirt_call_deadline_ms,
        .post = on_libvirt_event,
        .user_data = agent,
    };
    g_autofree char *moved_aside = NULL;
    g_autofree char *socket_path = g_build_filename(settings->run_dir, "control", NULL);

    agent->host = nma_host_new(&host_config);
    agent->inbox = nma_inbox_new(error);
    if (agent->inbox == NULL)
        return FALSE;
    agent->store = nma_store_open(settings->state_dir, &moved_aside, error);
    if (agent->store == NULL)
        return FALSE;
    if (moved_aside != NULL)
        g_warning("the database could not be used and was moved to %s; a fresh one is begun",
                  moved_aside);
    if (!open_buses(agent, error))
        return FALSE;
    agent->calls = nma_calls_new(agent->bus, settings->topic);
    agent->publisher =
        nma_publisher_new(agent->store, agent->reports_bus, settings->control_exchange,
                          settings->host, (const char *const *)settings->report_topics);
    if (!restore(agent, error))
        return FALSE;
    agent->control = nma_control_new(socket_path, on_control, agent, error);
    if (agent->control == NULL)
        return FALSE;
    agent->hypervisor = nma_hypervisor_new(&hypervisor_config, error);
    return agent->hypervisor != NULL;
}

NmaAgent *
nma_agent_new(NmaSettings *settings, const char *config_file, GError **error)
{
    NmaAgent *agent = g_new0(NmaAgent, 1);
    NmaNow now = now_get();

    agent->settings = settings;
    agent->config_file = g_strdup(config_file);
    agent->unsaved = g_ptr_array_new_with_free_func(unsaved_free);
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
    if (agent->hypervisor != NULL)
        nma_hypervisor_stop(agent->hypervisor, LIBVIRT_STOP_MS);
    nma_control_free(agent->control);
    nma_publisher_free(agent->publisher);
    nma_calls_free(agent->calls);
    g_clear_pointer(&agent->reports_bus, om_bus_unref);
    g_clear_pointer(&agent->bus, om_bus_unref);
    g_clear_pointer(&agent->store, nma_store_close);
    nma_host_free(agent->host);
    nma_inbox_free(agent->inbox);
    g_ptr_array_unref(agent->unsaved);
    nma_settings_free(agent->settings);
    g_free(agent->config_file);
    g_free(agent->store_error);
    g_free(agent);
}
