/* Getting and keeping one of the two connections. */
#include "config.h"

#include <string.h>

#include "rpc/bus_private.h"

/* Under the lock: the thread's own copy of what om_bus_reload() may change. */
static void
copy_settings(OmLink *link)
{
    OmBus *bus = link->bus;

    g_clear_pointer(&link->url, om_transport_url_free);
    om_rabbit_options_clear(&link->rabbit);
    link->url = om_transport_url_copy(bus->url);
    om_rabbit_options_copy(&link->rabbit, &bus->rabbit, NULL);
    link->generation = bus->generation;
}

void
om_link_init(OmLink *link, OmBus *bus, gboolean in)
{
    guint64 seed = 0;
    g_autofree char *id = om_unique_id();

    memset(link, 0, sizeof *link);
    link->bus = bus;
    link->in = in;
    for (guint i = 0; i < 16; i++)
        seed = seed * 16 + (guint)g_ascii_xdigit_value(id[i]);
    pthread_mutex_lock(&bus->lock);
    copy_settings(link);
    pthread_mutex_unlock(&bus->lock);
    om_reconnect_init(&link->reconnect, &bus->reconnect, link->url->n_hosts, seed,
                      g_get_monotonic_time());
}

void
om_link_clear(OmLink *link)
{
    g_clear_pointer(&link->url, om_transport_url_free);
    om_rabbit_options_clear(&link->rabbit);
}

gboolean
om_link_outdated(OmLink *link)
{
    gboolean outdated;

    pthread_mutex_lock(&link->bus->lock);
    outdated = link->generation != link->bus->generation;
    pthread_mutex_unlock(&link->bus->lock);
    return outdated;
}

static void
tell_connected(OmLink *link, const OmHost *host)
{
    OmBusState *state = om_bus_state_begin(link->bus);
    g_autofree char *broker = om_host_describe(host);

    link->bus->stats.connects++;
    *(link->in ? &link->bus->in_fd : &link->bus->out_fd) = om_connection_fd(link->connection);
    if (link->in) {
        state->in_connected = TRUE;
        om_bus_set_text(state->in_broker, sizeof state->in_broker, broker);
    } else {
        state->out_connected = TRUE;
        om_bus_set_text(state->out_broker, sizeof state->out_broker, broker);
    }
    state->tls = link->rabbit.ssl;
    state->tls_unverified = om_connection_unverified(link->connection);
    state->credentials_refused = FALSE;
    om_bus_set_text(state->last_error, sizeof state->last_error, "");
    om_bus_state_end(link->bus);
}

static void
tell_failed(OmLink *link, const OmHost *host, const GError *error)
{
    OmBusState *state = om_bus_state_begin(link->bus);
    g_autofree char *broker = om_host_describe(host);

    om_bus_state_error(state, broker, error);
    state->credentials_refused = error->code == OM_CONNECTION_ERROR_CREDENTIALS;
    if (state->credentials_refused)
        state->credentials_refusals++;
    om_bus_state_end(link->bus);
}

gboolean
om_link_note_progress(OmLink *link)
{
    OmBusStats *stats = &link->bus->stats;
    gboolean stopping;

    pthread_mutex_lock(&link->bus->lock);
    *(link->in ? &stats->in_progress_us : &stats->out_progress_us) = g_get_monotonic_time();
    stopping = link->bus->stopping;
    pthread_mutex_unlock(&link->bus->lock);
    return stopping;
}

static void
on_progress(gpointer link)
{
    om_link_note_progress(link);
}

gboolean
om_link_step(OmLink *link, gint64 now_us)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *name = NULL;
    guint index;

    if (om_link_outdated(link)) {
        pthread_mutex_lock(&link->bus->lock);
        copy_settings(link);
        pthread_mutex_unlock(&link->bus->lock);
        om_reconnect_set_hosts(&link->reconnect, link->url->n_hosts, now_us);
    }
    if (!om_reconnect_due(&link->reconnect, now_us, &index))
        return FALSE;

    name = g_strconcat(link->bus->name, link->in ? ":in" : ":out", NULL);

    OmConnectionParams params = {
        .host = &link->url->hosts[index],
        .vhost = link->url->vhost,
        .rabbit = &link->rabbit,
        .name = name,
        .handshake_ms = OM_HANDSHAKE_MS,
        .rpc_ms = link->in ? OM_SETUP_MS : OM_RPC_MS,
        .max_body_bytes = link->bus->max_body_bytes,
        .progressed = on_progress,
        .progress_data = link,
    };

    link->connection = om_connection_open(&params, &error);
    if (link->connection == NULL) {
        om_reconnect_failed(&link->reconnect, error->code == OM_CONNECTION_ERROR_CREDENTIALS,
                            g_get_monotonic_time());
        tell_failed(link, params.host, error);
        return FALSE;
    }
    om_reconnect_connected(&link->reconnect, g_get_monotonic_time());
    tell_connected(link, params.host);
    return TRUE;
}

void
om_link_lost(OmLink *link, const GError *error, guint close_ms)
{
    OmBusState *state;

    pthread_mutex_lock(&link->bus->lock);
    *(link->in ? &link->bus->in_fd : &link->bus->out_fd) = -1;
    pthread_mutex_unlock(&link->bus->lock);
    om_connection_close(g_steal_pointer(&link->connection), close_ms);
    om_reconnect_lost(&link->reconnect, g_get_monotonic_time());
    if (error == NULL) /* our own wish: at once */
        link->reconnect.next_us = g_get_monotonic_time();
    state = om_bus_state_begin(link->bus);
    link->bus->stats.disconnects++;
    if (link->in) {
        state->in_connected = state->tap_bound = FALSE;
        state->server_ready = state->replies_ready = FALSE;
        om_bus_set_text(state->in_broker, sizeof state->in_broker, "");
    } else {
        state->out_connected = state->blocked = FALSE;
        om_bus_set_text(state->out_broker, sizeof state->out_broker, "");
    }
    if (error)
        om_bus_state_error(state, link->in ? "in" : "out", error);
    om_bus_state_end(link->bus);
}

gint64
om_link_next_us(const OmLink *link)
{
    return om_reconnect_next_us(&link->reconnect);
}
