#include "agent/asker.h"

#include "agent/json/nova_objects.h"
#include "agent/settings_rabbit.h"

#define CONNECT_TIMEOUT_S 10
#define STOP_MS           2000

struct NmaAsker {
    OmBus *bus;
    /* what the bus threads tell the one that waits */
    GMutex mutex;
    GCond changed;
    gboolean ready;      /* calls can be made */
    char *error;         /* last connection error */
    GHashTable *results; /* cookie -> OmCallResult */
};

static void
on_state(const OmBusState *state, gpointer user_data)
{
    NmaAsker *asker = user_data;

    g_mutex_lock(&asker->mutex);
    asker->ready = state->out_connected && state->replies_ready;
    if (state->last_error[0] != '\0') {
        g_free(asker->error);
        asker->error = g_strdup(state->last_error);
    }
    g_cond_signal(&asker->changed);
    g_mutex_unlock(&asker->mutex);
}

static void
on_answer(OmCallResult *result, gpointer user_data)
{
    NmaAsker *asker = user_data;

    g_mutex_lock(&asker->mutex);
    g_hash_table_replace(asker->results, &result->cookie, result);
    g_cond_signal(&asker->changed);
    g_mutex_unlock(&asker->mutex);
}

static gboolean
wait_ready(NmaAsker *asker, GError **error)
{
    gint64 deadline = g_get_monotonic_time() + CONNECT_TIMEOUT_S * G_TIME_SPAN_SECOND;
    gboolean ready;

    g_mutex_lock(&asker->mutex);
    while (!asker->ready && g_cond_wait_until(&asker->changed, &asker->mutex, deadline))
        continue;
    ready = asker->ready;
    if (!ready)
        g_set_error(error, OM_BUS_ERROR, OM_BUS_ERROR_OFFLINE, "no connection to the broker: %s",
                    asker->error != NULL ? asker->error : "no answer");
    g_mutex_unlock(&asker->mutex);
    return ready;
}

NmaAsker *
nma_asker_new(const NmaSettings *settings, const char *purpose, GError **error)
{
    const OmBusEvents events = { .state_changed = on_state, .call_finished = on_answer };
    g_autoptr(OmTransportUrl) url = om_transport_url_parse(settings->transport_url, error);
    g_autofree char *name = g_strdup_printf("nova-migration-agent:%s:%s", settings->host, purpose);
    g_auto(OmRabbitOptions) rabbit;
    g_autoptr(NmaAsker) asker = NULL;

    nma_settings_fill_rabbit(settings, &rabbit);
    if (url == NULL)
        return NULL;
    const OmBusConfig config = { .url = url,
                                 .rabbit = &rabbit,
                                 .exchange = settings->control_exchange,
                                 .connection_name = name,
                                 .host = settings->host,
                                 .probe_off = TRUE };
    asker = g_new0(NmaAsker, 1);
    g_mutex_init(&asker->mutex);
    g_cond_init(&asker->changed);
    asker->results = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL,
                                           (GDestroyNotify)om_call_result_free);
    asker->bus = om_bus_new(&config, &events, asker, error);
    if (asker->bus == NULL || !om_bus_start(asker->bus, error) || !wait_ready(asker, error))
        return NULL;
    return g_steal_pointer(&asker);
}

void
nma_asker_free(NmaAsker *asker)
{
    if (asker == NULL)
        return;
    if (asker->bus != NULL) {
        om_bus_stop(asker->bus, STOP_MS);
        om_bus_unref(asker->bus);
    }
    g_hash_table_unref(asker->results);
    g_free(asker->error);
    g_cond_clear(&asker->changed);
    g_mutex_clear(&asker->mutex);
    g_free(asker);
}

gboolean
nma_asker_send(NmaAsker *asker, const OmTarget *target, const char *method, json_t *args,
               guint timeout_ms, guint64 cookie, GError **error)
{
    json_t *context = om_context_admin(NULL);
    const OmCallOptions options = { .timeout_ms = timeout_ms, .context = context };
    gboolean sent = om_bus_call(asker->bus, target, method, args, &options, cookie, error);

    json_decref(args);
    json_decref(context);
    return sent;
}

OmCallResult *
nma_asker_wait(NmaAsker *asker, guint64 cookie)
{
    gpointer result = NULL;

    g_mutex_lock(&asker->mutex);
    /* om_bus_call promises exactly one answer, at the latest at its timeout */
    while (!g_hash_table_steal_extended(asker->results, &cookie, NULL, &result))
        g_cond_wait(&asker->changed, &asker->mutex);
    g_mutex_unlock(&asker->mutex);
    return result;
}
