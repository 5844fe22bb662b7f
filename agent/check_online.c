#include "agent/check_online.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/hypervisor/hypervisor.h"
#include "agent/settings_rabbit.h"
#include "rpc/bus.h"

#define BUS_DEADLINE_US (10 * G_USEC_PER_SEC)
#define BUS_STOP_MS     2000
#define LOOK_AGAIN_US   20000

typedef struct {
    NmaCheckSay say;
    gpointer user_data;
    gboolean all_good;
} Trials;

static void
report(Trials *trials, const char *what, gboolean good, const char *detail)
{
    trials->say(what, good ? detail : NULL, good ? NULL : detail, trials->user_data);
    trials->all_good = trials->all_good && good;
}

/* ---- broker ---- */

static gboolean
joined(const OmBusState *state, const OmBusConfig *config)
{
    if (config->out_only)
        return state->out_connected;
    return state->in_connected && state->out_connected && state->replies_ready &&
           (config->tap.queue_type == OM_TAP_OFF || state->tap_bound);
}

/* FALSE with an error only when the bus cannot even be made; how far it came is in *state. */
static gboolean
join(const OmBusConfig *config, OmBusState *state, GError **error)
{
    const OmBusEvents no_events = { 0 };
    g_autoptr(OmBus) bus = om_bus_new(config, &no_events, NULL, error);
    gint64 deadline_us = g_get_monotonic_time() + BUS_DEADLINE_US;

    if (bus == NULL || !om_bus_start(bus, error))
        return FALSE;
    do {
        g_usleep(LOOK_AGAIN_US);
        om_bus_get_state(bus, state);
    } while (!joined(state, config) && !state->credentials_refused &&
             g_get_monotonic_time() < deadline_us);
    om_bus_stop(bus, BUS_STOP_MS);
    return TRUE;
}

static const char *
why_not(const OmBusState *state)
{
    return state->last_error[0] != '\0' ? state->last_error : "no answer within 10 s";
}

static void
report_login(Trials *trials, const char *what, const OmBusState *state, gboolean connected)
{
    g_autofree char *detail = g_strdup_printf(
        "logged in to %s%s%s", state->out_broker, state->tls ? " with TLS" : "",
        state->tls_unverified ? ", whose name is NOT verified (no ssl_ca_file, as in Nova)" : "");

    report(trials, what, connected, connected ? detail : why_not(state));
}

/* A queue of our own is bound as the tap will be: exclusive, gone with the connection. No server is
 * opened: its queue is the running agent's. */
static void
try_broker(Trials *trials, const NmaSettings *settings, const OmRabbitOptions *rabbit)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(OmTransportUrl) url = om_transport_url_parse(settings->transport_url, &error);
    g_autofree char *name = g_strdup_printf("nova-migration-agent-check:%s", settings->host);
    g_autofree char *key = g_strdup_printf("compute.%s", settings->host);
    g_autofree char *exchange = g_strdup_printf("exchange %s", settings->control_exchange);
    const char *const keys[] = { key, NULL };
    const char *const no_methods[] = { "none", NULL };
    const gboolean tap = strcmp(settings->tap_queue_type, "off") != 0;
    const OmBusConfig config = {
        .url = url,
        .rabbit = rabbit,
        .exchange = settings->control_exchange,
        .connection_name = name,
        .host = settings->host,
        .tap = { .queue_type = tap ? OM_TAP_CLASSIC : OM_TAP_OFF,
                 .routing_keys = keys,
                 .methods = no_methods },
        .probe_off = TRUE,
    };
    OmBusState state = { 0 };
    gboolean connected;

    if (url == NULL || !join(&config, &state, &error)) {
        report(trials, "broker", FALSE, error->message);
        return;
    }
    connected = state.in_connected && state.out_connected;
    report_login(trials, "broker", &state, connected);
    if (!connected)
        return;
    if (tap)
        report(trials, exchange, state.tap_bound,
               state.tap_bound ? "a queue was bound to it" : why_not(&state));
    report(trials, "replies", state.replies_ready,
           state.replies_ready ? "a queue was made" : why_not(&state));
}

static void
try_report_broker(Trials *trials, const NmaSettings *settings, const OmRabbitOptions *rabbit)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(OmTransportUrl) url = om_transport_url_parse(settings->report_transport_url, &error);
    g_autofree char *name = g_strdup_printf("nova-migration-agent-check:%s", settings->host);
    const OmBusConfig config = {
        .url = url,
        .rabbit = rabbit,
        .exchange = settings->control_exchange,
        .connection_name = name,
        .host = settings->host,
        .out_only = TRUE,
    };
    OmBusState state = { 0 };

    if (strcmp(settings->report_transport_url, settings->transport_url) == 0)
        return;
    if (url == NULL || !join(&config, &state, &error))
        report(trials, "reports", FALSE, error->message);
    else
        report_login(trials, "reports", &state, state.out_connected);
}

/* ---- libvirt and the state directory ---- */

static void
try_libvirt(Trials *trials, const NmaSettings *settings)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *text = NULL;
    gboolean good =
        nma_hypervisor_try(settings->libvirt_uri, settings->libvirt_access, &text, &error);

    report(trials, "libvirt", good, good ? text : error->message);
}

static void
try_state_dir(Trials *trials, const NmaSettings *settings)
{
    g_autofree char *path = g_build_filename(settings->state_dir, ".check-XXXXXX", NULL);
    int fd = g_mkstemp(path);
    g_autofree char *reason =
        fd < 0 ? g_strdup_printf("%s: %s", settings->state_dir, g_strerror(errno)) : NULL;

    report(trials, "state", fd >= 0, fd >= 0 ? "can be written" : reason);
    if (fd >= 0) {
        close(fd);
        (void)g_unlink(path);
    }
}

gboolean
nma_check_online(const NmaSettings *settings, NmaCheckSay say, gpointer user_data)
{
    Trials trials = { .say = say, .user_data = user_data, .all_good = TRUE };
    g_auto(OmRabbitOptions) rabbit;

    nma_settings_fill_rabbit(settings, &rabbit);
    try_broker(&trials, settings, &rabbit);
    try_report_broker(&trials, settings, &rabbit);
    try_libvirt(&trials, settings);
    try_state_dir(&trials, settings);
    return trials.all_good;
}
