#include "agent/watch/drain.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "agent/core/identity.h"
#include "agent/json/requests.h"
#include "agent/watch/cell.h"
#include "rpc/bus.h"

#define ASK_EVERY_US     (5 * G_USEC_PER_SEC)
#define ANSWER_MS        8000
#define STOP_DEADLINE_MS 2000
#define MAX_INSTANCES    4096

/* One cell. */
typedef struct {
    NmaWatchDrain *drain;
    const char *name;
    OmBus *bus;
    gboolean asked;       /* an answer is awaited */
    OmCallResult *result; /* under the lock */
} Asker;

struct NmaWatchDrain {
    GMutex lock;
    int fd;
    char *host, *topic;
    GPtrArray *askers;
    gint64 due_us;
    gint64 guests;
    GPtrArray *instances;
    char *trouble;
};

static void
on_answer(OmCallResult *result, gpointer user_data)
{
    Asker *asker = user_data;
    guint64 one = 1;

    g_mutex_lock(&asker->drain->lock);
    asker->result = result;
    g_mutex_unlock(&asker->drain->lock);
    if (write(asker->drain->fd, &one, sizeof(one)) < 0)
        g_assert(errno == EAGAIN); /* already readable */
}

static OmBus *
start_bus(Asker *asker, const NmaWatchCell *cell, GError **error)
{
    static const OmBusEvents events = { .call_finished = on_answer };
    g_autoptr(OmBus) bus = NULL;
    OmBusConfig config = {
        .url = cell->rpc_url,
        .rabbit = &cell->rabbit,
        .exchange = cell->exchange,
        .connection_name = "nova-migration-watch:drain",
        .queue_prefix = "nova_migration_agent.watch",
        .host = g_get_host_name(),
        .probe_off = TRUE,
    };

    om_reconnect_options_init(&config.reconnect);
    config.reconnect.first_us = G_USEC_PER_SEC;
    config.reconnect.max_us = 5 * G_USEC_PER_SEC;
    bus = om_bus_new(&config, &events, asker, error);
    if (!bus || !om_bus_start(bus, error)) {
        g_prefix_error(error, "%s: ", cell->nova_conf);
        return NULL;
    }
    return g_steal_pointer(&bus);
}

static void
drain_free(NmaWatchDrain *drain)
{
    for (guint i = 0; i < drain->askers->len; i++) {
        Asker *asker = drain->askers->pdata[i];

        g_clear_pointer(&asker->bus, om_bus_unref);
        g_clear_pointer(&asker->result, om_call_result_free);
        g_free(asker);
    }
    g_ptr_array_unref(drain->askers);
    g_ptr_array_unref(drain->instances);
    g_mutex_clear(&drain->lock);
    close(drain->fd);
    g_free(drain->host);
    g_free(drain->topic);
    g_free(drain->trouble);
    g_free(drain);
}

NmaWatchDrain *
nma_watch_drain_start(const GPtrArray *cells, const char *host, const char *topic, GError **error)
{
    NmaWatchDrain *drain = g_new0(NmaWatchDrain, 1);

    g_mutex_init(&drain->lock);
    drain->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    g_assert(drain->fd >= 0);
    drain->host = g_strdup(host);
    drain->topic = g_strdup(topic);
    drain->askers = g_ptr_array_new();
    drain->instances = g_ptr_array_new_with_free_func(g_free);
    drain->guests = -1;
    for (guint i = 0; i < cells->len; i++) {
        const NmaWatchCell *cell = cells->pdata[i];
        Asker *asker = g_new0(Asker, 1);

        if (!cell->rpc_url) {
            g_set_error(error, NMA_WATCH_CELL_ERROR, NMA_WATCH_CELL_ERROR_INVALID,
                        "%s: [DEFAULT] transport_url is not set", cell->nova_conf);
            g_free(asker);
            nma_watch_drain_stop(drain);
            return NULL;
        }
        asker->drain = drain;
        asker->name = cell->name;
        g_ptr_array_add(drain->askers, asker);
        asker->bus = start_bus(asker, cell, error);
        if (!asker->bus) {
            nma_watch_drain_stop(drain);
            return NULL;
        }
    }
    return drain;
}

gboolean
nma_watch_drain_stop(NmaWatchDrain *drain)
{
    gboolean stopped = TRUE;

    for (guint i = 0; i < drain->askers->len; i++) {
        Asker *asker = drain->askers->pdata[i];

        if (asker->bus && !om_bus_stop(asker->bus, STOP_DEADLINE_MS))
            stopped = FALSE;
    }
    if (stopped)
        drain_free(drain);
    return stopped;
}

int
nma_watch_drain_fd(const NmaWatchDrain *drain)
{
    return drain->fd;
}

static void
set_trouble(NmaWatchDrain *drain, char *text)
{
    g_free(drain->trouble);
    drain->trouble = text;
}

/* TRUE: it is what was asked for */
static gboolean
take_result(NmaWatchDrain *drain, const json_t *result)
{
    const json_t *guests = json_object_get(result, "guests");
    const json_t *instances = json_object_get(result, "instances");

    if (!json_is_integer(guests) || json_integer_value(guests) < 0)
        return FALSE;
    drain->guests = json_integer_value(guests);
    g_ptr_array_set_size(drain->instances, 0);
    for (gsize i = 0; i < MIN(json_array_size(instances), MAX_INSTANCES); i++) {
        const char *uuid = json_string_value(json_array_get(instances, i));

        if (uuid && nma_uuid_is_valid(uuid))
            g_ptr_array_add(drain->instances, g_strdup(uuid));
    }
    return TRUE;
}

static void
take_answer(NmaWatchDrain *drain, Asker *asker, const OmCallResult *result)
{
    const char *sign = *asker->name ? ": " : "";

    switch (result->status) {
    case OM_CALL_OK:
        set_trouble(drain, take_result(drain, result->result)
                               ? NULL
                               : g_strdup("the agent's answer cannot be understood"));
        break;
    case OM_CALL_REMOTE:
        set_trouble(drain,
                    g_strdup_printf("%s%sthe agent of %s does not tell its guests: %s", asker->name,
                                    sign, drain->host, result->failure->message));
        break;
    case OM_CALL_NOBODY:
        /* in another cell there may be one */
        if (drain->guests < 0 || drain->askers->len == 1)
            set_trouble(drain, g_strdup_printf("no agent listens as %s", drain->host));
        break;
    default:
        set_trouble(drain, g_strdup_printf("%s%sno answer from the agent of %s", asker->name, sign,
                                           drain->host));
        break;
    }
}

static void
ask(NmaWatchDrain *drain, Asker *asker)
{
    const OmTarget agent = { .topic = drain->topic,
                             .server = drain->host,
                             .rpc_namespace = NMA_RPC_NAMESPACE,
                             .version = NMA_RPC_VERSION };
    json_t *context = om_context_admin(NULL);
    const OmCallOptions options = { .timeout_ms = ANSWER_MS, .context = context };
    json_t *args = json_object();
    OmBusState state;

    om_bus_get_state(asker->bus, &state);
    if (!state.replies_ready)
        set_trouble(drain, g_strdup_printf("not connected: %s", state.last_error));
    else
        asker->asked = om_bus_call(asker->bus, &agent, nma_request_names()[NMA_REQUEST_GUESTS],
                                   args, &options, 1, NULL);
    json_decref(args);
    json_decref(context);
}

void
nma_watch_drain_step(NmaWatchDrain *drain, gint64 now_us)
{
    guint64 count;
    gboolean due = now_us >= drain->due_us;

    if (read(drain->fd, &count, sizeof(count)) < 0)
        g_assert(errno == EAGAIN);
    if (due)
        drain->due_us = now_us + (drain->guests < 0 ? G_USEC_PER_SEC : ASK_EVERY_US);
    for (guint i = 0; i < drain->askers->len; i++) {
        Asker *asker = drain->askers->pdata[i];
        g_autoptr(OmCallResult) result = NULL;

        g_mutex_lock(&drain->lock);
        result = g_steal_pointer(&asker->result);
        g_mutex_unlock(&drain->lock);
        if (result) {
            asker->asked = FALSE;
            take_answer(drain, asker, result);
        }
        if (due && !asker->asked)
            ask(drain, asker);
    }
}

gint64
nma_watch_drain_guests(const NmaWatchDrain *drain)
{
    return drain->guests;
}

const GPtrArray *
nma_watch_drain_instances(const NmaWatchDrain *drain)
{
    return drain->instances;
}

const char *
nma_watch_drain_trouble(const NmaWatchDrain *drain)
{
    return drain->trouble;
}
