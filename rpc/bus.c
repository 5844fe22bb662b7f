#include "config.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "rpc/bus_private.h"

G_DEFINE_QUARK(om_bus_error_quark, om_bus_error)

/* ---- waking ---- */

void
om_bus_wake(int fd)
{
    const guint64 one = 1;

    /* a full counter wakes as well */
    while (write(fd, &one, sizeof one) < 0 && errno == EINTR)
        continue;
}

void
om_bus_poll(int fd, int wake, gint64 timeout_us)
{
    struct pollfd fds[2] = { { .fd = wake, .events = POLLIN }, { .fd = fd, .events = POLLIN } };
    int timeout_ms = (int)CLAMP((timeout_us + 999) / 1000, 0, 1000);

    if (poll(fds, fd < 0 ? 1 : 2, timeout_ms) > 0 && fds[0].revents) {
        guint64 count;

        while (read(wake, &count, sizeof count) < 0 && errno == EINTR)
            continue;
    }
}

/* ---- state ---- */

gboolean
om_bus_is_silent(OmBus *bus)
{
    gboolean silent;

    pthread_mutex_lock(&bus->lock);
    silent = bus->silent;
    pthread_mutex_unlock(&bus->lock);
    return silent;
}

OmBusState *
om_bus_state_begin(OmBus *bus)
{
    pthread_mutex_lock(&bus->announce);
    pthread_mutex_lock(&bus->lock);
    return &bus->state;
}

void
om_bus_state_end(OmBus *bus)
{
    OmBusState copy = bus->state;
    gboolean tell = memcmp(&copy, &bus->announced, sizeof copy) != 0 && !bus->silent;

    bus->announced = copy;
    pthread_mutex_unlock(&bus->lock);
    if (tell && bus->events.state_changed)
        bus->events.state_changed(&copy, bus->user_data);
    pthread_mutex_unlock(&bus->announce);
}

/* Fills the rest with zeros: states are compared as memory. */
void
om_bus_set_text(char *to, gsize room, const char *text)
{
    gsize size = MIN(strlen(text), room - 1);

    memset(to, 0, room);
    memcpy(to, text, size);
    if (size == room - 1 && !g_utf8_validate(to, -1, NULL))
        *g_utf8_find_prev_char(to, to + size) = '\0';
}

void
om_bus_state_error(OmBusState *state, const char *what, const GError *error)
{
    g_autofree char *text = g_strdup_printf("%s: %s", what, error->message);

    om_bus_set_text(state->last_error, sizeof state->last_error, text);
}

void
om_bus_count(OmBus *bus, guint64 *counter)
{
    pthread_mutex_lock(&bus->lock);
    ++*counter;
    pthread_mutex_unlock(&bus->lock);
}

void
om_bus_get_state(OmBus *bus, OmBusState *state)
{
    pthread_mutex_lock(&bus->lock);
    *state = bus->state;
    pthread_mutex_unlock(&bus->lock);
}

void
om_bus_get_stats(OmBus *bus, OmBusStats *stats)
{
    pthread_mutex_lock(&bus->lock);
    *stats = bus->stats;
    stats->queued = bus->outgoing.length;
    stats->open_requests = bus->n_requests;
    stats->open_calls = g_hash_table_size(bus->calls);
    pthread_mutex_unlock(&bus->lock);
}

/* ---- life ---- */

static gboolean
check_config(const OmBusConfig *config, GError **error)
{
    const char *wrong = NULL;

    if (config->url == NULL || config->rabbit == NULL || config->exchange == NULL ||
        config->connection_name == NULL || config->host == NULL)
        wrong = "url, rabbit, exchange, connection_name and host are needed";
    else if (config->server.topic &&
             (config->server.server == NULL || config->server.methods == NULL))
        wrong = "a server needs its host and methods";
    else if (config->tap.queue_type != OM_TAP_OFF && config->tap.routing_keys == NULL)
        wrong = "a tap needs routing keys";
    else if (config->out_only && (config->server.topic || config->tap.queue_type != OM_TAP_OFF))
        wrong = "out_only excludes tap and server";
    else if (config->in_only && (config->server.topic || config->tap.queue_type == OM_TAP_OFF))
        wrong = "in_only needs a tap and excludes a server";
    else if (strlen(config->exchange) > 255 || strlen(config->host) > 180 ||
             strlen(config->queue_prefix ? config->queue_prefix : "") > 48 ||
             strlen(config->server.topic ? config->server.topic : "") > 60)
        wrong = "a name is too long for AMQP";
    if (wrong)
        g_set_error(error, OM_BUS_ERROR, OM_BUS_ERROR_CONFIG, "bus: %s", wrong);
    return wrong == NULL;
}

/* Through each of the tap's bindings (see om_topology_tap()); without a tap through one of its own
 * to the server. */
static char **
new_probe_keys(const OmBus *bus)
{
    g_autoptr(GPtrArray) keys = g_ptr_array_new();

    if (bus->tap_type == OM_TAP_OFF)
        g_ptr_array_add(keys, g_strdup_printf("%s_probe.%s", bus->prefix, bus->host));
    for (guint i = 0; bus->tap_type != OM_TAP_OFF && bus->tap_keys[i]; i++)
        g_ptr_array_add(keys, g_strdup_printf("%s.%s_probe", bus->tap_keys[i], bus->prefix));
    g_ptr_array_add(keys, NULL);
    return (char **)g_ptr_array_free(g_steal_pointer(&keys), FALSE);
}

OmBus *
om_bus_new(const OmBusConfig *config, const OmBusEvents *events, gpointer user_data, GError **error)
{
    g_autofree char *id = om_unique_id();
    pthread_condattr_t monotonic;
    OmBus *bus;

    if (!check_config(config, error))
        return NULL;
    bus = g_new0(OmBus, 1);
    bus->references = 1;
    bus->events = *events;
    bus->user_data = user_data;
    bus->exchange = g_strdup(config->exchange);
    bus->name = g_strdup(config->connection_name);
    bus->prefix = g_strdup(config->queue_prefix ? config->queue_prefix : "nova_migration_agent");
    bus->host = g_strdup(config->host);
    bus->reply_queue = g_strdup_printf("%s.reply_%s", bus->prefix, id);
    bus->tap_type = config->tap.queue_type;
    bus->tap_keys = g_strdupv((char **)config->tap.routing_keys);
    bus->tap_methods = g_strdupv((char **)config->tap.methods);
    bus->probe_keys = new_probe_keys(bus);
    bus->topic = g_strdup(config->server.topic);
    bus->server = g_strdup(config->server.server);
    bus->rpc_namespace = g_strdup(config->server.rpc_namespace);
    bus->version = g_strdup(config->server.version ? config->server.version : "1.0");
    bus->methods = g_strdupv((char **)config->server.methods);
    bus->max_open_requests =
        config->server.max_open_requests ? config->server.max_open_requests : 64;
    bus->out_only = config->out_only;
    bus->in_only = config->in_only;
    bus->probe_off = config->probe_off;
    bus->old_servers = config->old_servers;
    bus->max_body_bytes = config->max_body_bytes ? config->max_body_bytes : OM_BUS_MAX_BODY_BYTES;
    bus->probe_interval_us =
        (config->probe_interval_ms ? config->probe_interval_ms : 60000) * (gint64)1000;
    bus->reconnect = config->reconnect;
    if (bus->reconnect.max_us == 0)
        om_reconnect_options_init(&bus->reconnect);
    bus->in_fd = bus->out_fd = -1;
    bus->in_wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    bus->out_wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pthread_mutex_init(&bus->announce, NULL);
    pthread_mutex_init(&bus->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&bus->ended, &monotonic);
    pthread_condattr_destroy(&monotonic);
    bus->url = om_transport_url_copy(config->url);
    om_rabbit_options_copy(&bus->rabbit_given, config->rabbit, NULL);
    om_rabbit_options_copy(&bus->rabbit, config->rabbit, config->url);
    bus->generation = 1;
    g_queue_init(&bus->outgoing);
    g_queue_init(&bus->requests);
    bus->calls = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, om_client_call_free);
    if (bus->in_wake < 0 || bus->out_wake < 0) {
        g_set_error(error, OM_BUS_ERROR, OM_BUS_ERROR_CONFIG, "bus: eventfd: %s",
                    g_strerror(errno));
        om_bus_unref(bus);
        return NULL;
    }
    /* before there are threads: these are set up at their first use, and that would be a race */
    json_object_seed(0);
    om_bus_error_quark();
    om_connection_error_quark();
    om_envelope_error_quark();
    return bus;
}

gboolean
om_bus_start(OmBus *bus, GError **error)
{
    bus->in_running = !bus->out_only;
    bus->out_running = !bus->in_only;
    bus->stats.in_progress_us = bus->stats.out_progress_us = g_get_monotonic_time();
    /* the threads hold no reference: om_bus_stop() comes before the last unref */
    if (!bus->in_only) {
        bus->out_thread = g_thread_try_new("bus-out", om_bus_out_main, bus, error);
        if (bus->out_thread == NULL) {
            bus->in_running = bus->out_running = FALSE;
            return FALSE;
        }
    }
    if (!bus->out_only) {
        bus->in_thread = g_thread_try_new("bus-in", om_bus_in_main, bus, error);
        if (bus->in_thread == NULL) {
            bus->in_running = FALSE;
            om_bus_stop(bus, 0);
            return FALSE;
        }
    }
    return TRUE;
}

void
om_bus_reload(OmBus *bus, const OmTransportUrl *url, const OmRabbitOptions *rabbit)
{
    g_auto(OmRabbitOptions) options;

    pthread_mutex_lock(&bus->lock);
    if (rabbit) {
        om_rabbit_options_clear(&bus->rabbit_given);
        om_rabbit_options_copy(&bus->rabbit_given, rabbit, NULL);
    }
    om_rabbit_options_copy(&options, &bus->rabbit_given, url);
    if (!om_transport_url_equal(bus->url, url) ||
        !om_rabbit_options_equal(&bus->rabbit, &options)) {
        OmRabbitOptions before = bus->rabbit;

        om_transport_url_free(bus->url);
        bus->url = om_transport_url_copy(url);
        bus->rabbit = options;
        options = before;
        bus->generation++;
    }
    pthread_mutex_unlock(&bus->lock);
    om_bus_wake(bus->in_wake);
    om_bus_wake(bus->out_wake);
}

/* Under the lock: waits until both threads have ended or it is `until`. */
static void
await_threads(OmBus *bus, gint64 until)
{
    const struct timespec deadline = { .tv_sec = until / G_USEC_PER_SEC,
                                       .tv_nsec = until % G_USEC_PER_SEC * 1000 };

    while ((bus->in_running || bus->out_running) &&
           pthread_cond_timedwait(&bus->ended, &bus->lock, &deadline) == 0)
        continue;
}

gboolean
om_bus_stop(OmBus *bus, guint deadline_ms)
{
    gint64 deadline = g_get_monotonic_time() + deadline_ms * (gint64)1000;
    gint64 tenth = deadline_ms * (gint64)100;
    gboolean all;

    pthread_mutex_lock(&bus->lock);
    bus->stopping = TRUE;
    /* the last part of the time is for saying goodbye, the very last for those who hear no answer
     */
    bus->stop_us = deadline - 4 * tenth;
    om_bus_wake(bus->in_wake);
    om_bus_wake(bus->out_wake);
    await_threads(bus, deadline - 2 * tenth);
    if (bus->in_fd >= 0)
        shutdown(bus->in_fd, SHUT_RDWR);
    if (bus->out_fd >= 0)
        shutdown(bus->out_fd, SHUT_RDWR);
    await_threads(bus, deadline);
    all = !bus->in_running && !bus->out_running;
    if (!all)
        /* in a system call; a reference keeps what it will touch when it returns */
        g_atomic_int_inc(&bus->references);
    pthread_mutex_unlock(&bus->lock);

    om_client_expire(bus, g_get_monotonic_time(), TRUE);
    pthread_mutex_lock(&bus->announce);
    pthread_mutex_lock(&bus->lock);
    bus->silent = TRUE;
    pthread_mutex_unlock(&bus->lock);
    pthread_mutex_unlock(&bus->announce);
    if (all) {
        g_clear_pointer(&bus->in_thread, g_thread_join);
        g_clear_pointer(&bus->out_thread, g_thread_join);
    }
    return all;
}

OmBus *
om_bus_ref(OmBus *bus)
{
    g_atomic_int_inc(&bus->references);
    return bus;
}

void
om_bus_unref(OmBus *bus)
{
    if (bus == NULL || !g_atomic_int_dec_and_test(&bus->references))
        return;
    g_queue_clear_full(&bus->outgoing, (GDestroyNotify)om_out_item_free);
    g_hash_table_unref(bus->calls);
    g_free(bus->exchange);
    g_free(bus->name);
    g_free(bus->prefix);
    g_free(bus->host);
    g_free(bus->reply_queue);
    g_strfreev(bus->tap_keys);
    g_strfreev(bus->tap_methods);
    g_strfreev(bus->probe_keys);
    g_free(bus->topic);
    g_free(bus->server);
    g_free(bus->rpc_namespace);
    g_free(bus->version);
    g_strfreev(bus->methods);
    om_transport_url_free(bus->url);
    om_rabbit_options_clear(&bus->rabbit_given);
    om_rabbit_options_clear(&bus->rabbit);
    if (bus->in_wake >= 0)
        close(bus->in_wake);
    if (bus->out_wake >= 0)
        close(bus->out_wake);
    pthread_mutex_destroy(&bus->announce);
    pthread_mutex_destroy(&bus->lock);
    pthread_cond_destroy(&bus->ended);
    g_free(bus);
}
