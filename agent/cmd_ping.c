/* ping: is an agent, or nova-compute itself, deaf? */
#include <stdio.h>
#include <string.h>

#include "agent/commands.h"
#include "agent/json/requests.h"
#include "agent/settings_rabbit.h"
#include "rpc/bus.h"

#define CONNECT_TIMEOUT_S 10
#define ANSWER_TIMEOUT_MS 10000

/* what the bus threads tell the one that waits */
typedef struct {
    GMutex mutex;
    GCond changed;
    gboolean ready; /* calls can be made */
    char *error;    /* last connection error */
    OmCallResult *result;
} Ear;

static void
on_state(const OmBusState *state, gpointer user_data)
{
    Ear *ear = user_data;

    g_mutex_lock(&ear->mutex);
    ear->ready = state->out_connected && state->replies_ready;
    if (state->last_error[0] != '\0') {
        g_free(ear->error);
        ear->error = g_strdup(state->last_error);
    }
    g_cond_signal(&ear->changed);
    g_mutex_unlock(&ear->mutex);
}

static void
on_answer(OmCallResult *result, gpointer user_data)
{
    Ear *ear = user_data;

    g_mutex_lock(&ear->mutex);
    ear->result = result;
    g_cond_signal(&ear->changed);
    g_mutex_unlock(&ear->mutex);
}

static gboolean
wait_ready(Ear *ear)
{
    gint64 deadline = g_get_monotonic_time() + CONNECT_TIMEOUT_S * G_TIME_SPAN_SECOND;

    g_mutex_lock(&ear->mutex);
    while (!ear->ready && g_cond_wait_until(&ear->changed, &ear->mutex, deadline))
        continue;
    gboolean ready = ear->ready;
    g_mutex_unlock(&ear->mutex);
    return ready;
}

/* om_bus_call promises exactly one answer, at the latest at its timeout */
static void
wait_answer(Ear *ear)
{
    g_mutex_lock(&ear->mutex);
    while (ear->result == NULL)
        g_cond_wait(&ear->changed, &ear->mutex);
    g_mutex_unlock(&ear->mutex);
}

static int
tell(const OmCallResult *result, const char *who, const char *host)
{
    gdouble ms = (gdouble)result->round_trip_us / 1000;

    switch (result->status) {
    case OM_CALL_OK:
        printf("%s on %s answers in %.1f ms\n", who, host, ms);
        return NMA_EXIT_OK;
    case OM_CALL_REMOTE: {
        g_autofree char *text = nma_printable(result->failure->message);

        printf("%s on %s hears (%.1f ms), but does not know the question: %s\n", who, host, ms,
               text);
        return NMA_EXIT_OK;
    }
    case OM_CALL_NOBODY:
        printf("nobody listens as %s on %s: it is not running, or not connected to this broker\n",
               who, host);
        return NMA_EXIT_FAILED;
    default:
        printf("%s on %s has a queue, but no answer came within %d s: it is deaf or overloaded\n",
               who, host, ANSWER_TIMEOUT_MS / 1000);
        return NMA_EXIT_FAILED;
    }
}

static int
ask(OmBus *bus, Ear *ear, const NmaSettings *settings, const char *host, gboolean nova_compute)
{
    /* Nova answers this on every service's own topic (nova/baserpc.py, BaseRPCAPI 1.1) */
    const OmTarget nova = {
        .topic = "compute", .server = host, .rpc_namespace = "baseapi", .version = "1.0"
    };
    const OmTarget agent = { .topic = settings->topic,
                             .server = host,
                             .rpc_namespace = NMA_RPC_NAMESPACE,
                             .version = NMA_RPC_VERSION };
    json_t *context = om_context_admin(NULL);
    const OmCallOptions options = { .timeout_ms = ANSWER_TIMEOUT_MS, .context = context };
    json_t *args = nova_compute ? json_pack("{s:s}", "arg", "nova-migration-agent")
                                : nma_request_hello_args(g_get_real_time());
    const char *method = nova_compute ? "ping" : nma_request_names()[NMA_REQUEST_HELLO];
    g_autoptr(GError) error = NULL;
    int status;

    if (om_bus_call(bus, nova_compute ? &nova : &agent, method, args, &options, 1, &error)) {
        wait_answer(ear);
        status = tell(ear->result, nova_compute ? "nova-compute" : "the agent", host);
    } else {
        fprintf(stderr, "%s: %s\n", g_get_prgname(), error->message);
        status = NMA_EXIT_FAILED;
    }
    json_decref(args);
    json_decref(context);
    return status;
}

static int
ping(const NmaSettings *settings, const char *host, gboolean nova_compute, GError **error)
{
    const OmBusEvents events = { .state_changed = on_state, .call_finished = on_answer };
    g_autoptr(OmTransportUrl) url = om_transport_url_parse(settings->transport_url, error);
    g_autofree char *name = g_strdup_printf("nova-migration-agent:%s:ping", settings->host);
    g_auto(OmRabbitOptions) rabbit;
    Ear ear = { 0 };
    int status = NMA_EXIT_FAILED;

    nma_settings_fill_rabbit(settings, &rabbit);
    if (url == NULL)
        return NMA_EXIT_USAGE;
    const OmBusConfig config = { .url = url,
                                 .rabbit = &rabbit,
                                 .exchange = settings->control_exchange,
                                 .connection_name = name,
                                 .host = settings->host,
                                 .old_servers = nova_compute,
                                 .probe_off = TRUE };
    g_autoptr(OmBus) bus = om_bus_new(&config, &events, &ear, error);
    if (bus == NULL)
        return NMA_EXIT_FAILED;
    g_mutex_init(&ear.mutex);
    g_cond_init(&ear.changed);
    if (om_bus_start(bus, error)) {
        if (wait_ready(&ear))
            status = ask(bus, &ear, settings, host, nova_compute);
        else
            g_set_error(error, OM_BUS_ERROR, OM_BUS_ERROR_OFFLINE,
                        "no connection to the broker: %s",
                        ear.error != NULL ? ear.error : "no answer");
        om_bus_stop(bus, 2000);
    }
    if (ear.result != NULL)
        om_call_result_free(ear.result);
    g_free(ear.error);
    g_cond_clear(&ear.changed);
    g_mutex_clear(&ear.mutex);
    return status;
}

int
nma_cmd_ping(int argc, char **argv)
{
    g_auto(NmaCommandLine) line = { 0 };
    g_autoptr(GError) error = NULL;
    int status;

    if (!nma_command_line_parse(
            &line, argc, argv, NULL, 2, "HOST [nova-compute]",
            "Asks the agent of a host, or its nova-compute, for a sign of life.", &status))
        return status;
    guint n = line.rest != NULL ? g_strv_length(line.rest) : 0;
    if (n == 0 || (n == 2 && strcmp(line.rest[1], "nova-compute") != 0)) {
        fprintf(stderr, "%s: a host is needed, and then at most \"nova-compute\" (see --help)\n",
                g_get_prgname());
        return NMA_EXIT_USAGE;
    }
    g_autoptr(NmaSettings) settings = nma_settings_load(line.config_file, &error);
    if (settings == NULL) {
        fprintf(stderr, "%s: %s\n", g_get_prgname(), error->message);
        return NMA_EXIT_USAGE;
    }
    status = ping(settings, line.rest[0], n == 2, &error);
    if (error != NULL)
        fprintf(stderr, "%s: %s\n", g_get_prgname(), error->message);
    return status;
}
