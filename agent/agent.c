/* The running agent's loop: what has come is taken, saved, and acted on. */
#include "config.h"

#include "agent/agent_private.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "agent/json/reports.h"
#include "agent/ops/sd_notify.h"

#define HOUSEKEEPING_US    (15 * NMA_US_PER_S)
#define RELOAD_SPACING_US  (10 * NMA_US_PER_S)
#define LIBVIRT_STALLED_US (90 * NMA_US_PER_S)
/* of the 10 s that a stop may take: the bus drains its confirms */
#define BUS_STOP_MS 4000

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

/* ---- acting ---- */

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

/* Stop consuming, let the confirms come in, save what they said. */
static void
shut_down(NmaAgent *agent)
{
    nma_sd_notify("STOPPING=1");
    g_message("stopping");
    if (agent->reports_bus != agent->bus)
        om_bus_stop(agent->reports_bus, BUS_STOP_MS / 2);
    om_bus_stop(agent->bus, BUS_STOP_MS);
    process(agent);
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
