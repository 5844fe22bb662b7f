#include "agent/watch/listen.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "rpc/bus.h"

#define MAX_NEWS         2048
#define MAX_REPORT_BYTES (128 * 1024)
#define STOP_DEADLINE_MS 2000
#define EVENT_PREFIX     "live_migration."

/* One cell's connection; its callbacks run on the bus's threads. */
typedef struct {
    NmaWatchListener *listener;
    const NmaWatchCell *cell;
    OmBus *bus;
    /* the last that was told, so that only changes are; under the listener's lock */
    gboolean told, up;
    char *reason;
} Ear;

struct NmaWatchListener {
    GMutex lock;
    GQueue news; /* bounded: the oldest report goes first */
    guint64 lost;
    int fd;
    GPtrArray *ears;
};

void
nma_watch_news_free(NmaWatchNews *news)
{
    if (!news)
        return;
    json_decref(news->payload);
    g_free(news->text);
    g_free(news);
}

/* call with the lock held */
static void
post(NmaWatchListener *listener, NmaWatchNews *news)
{
    guint64 one = 1;

    if (g_queue_get_length(&listener->news) >= MAX_NEWS) {
        nma_watch_news_free(g_queue_pop_head(&listener->news));
        listener->lost++;
    }
    g_queue_push_tail(&listener->news, news);
    if (write(listener->fd, &one, sizeof(one)) < 0)
        g_assert(errno == EAGAIN); /* already readable */
}

static NmaWatchNews *
news_new(NmaWatchNewsKind kind, const NmaWatchCell *cell)
{
    NmaWatchNews *news = g_new0(NmaWatchNews, 1);

    news->kind = kind;
    news->cell = cell;
    return news;
}

static void
on_tapped(OmMessage *message, gpointer user_data)
{
    g_autoptr(OmMessage) owned = message;
    Ear *ear = user_data;
    NmaWatchNews *news;

    /* others may use the topic too */
    if (message->kind != OM_MESSAGE_NOTIFICATION || !message->payload || !message->event_type ||
        !g_str_has_prefix(message->event_type, EVENT_PREFIX))
        return;
    news = news_new(NMA_WATCH_NEWS_REPORT, ear->cell);
    news->payload = g_steal_pointer(&message->payload);
    g_mutex_lock(&ear->listener->lock);
    post(ear->listener, news);
    g_mutex_unlock(&ear->listener->lock);
}

static void
on_state_changed(const OmBusState *state, gpointer user_data)
{
    Ear *ear = user_data;
    const char *reason = state->tap_bound ? state->in_broker : state->last_error;
    NmaWatchNews *news;

    if (!state->tap_bound && !*reason) /* on its way: nothing to tell yet */
        return;
    g_mutex_lock(&ear->listener->lock);
    if (!ear->told || ear->up != state->tap_bound || strcmp(ear->reason, reason) != 0) {
        ear->told = TRUE;
        ear->up = state->tap_bound;
        g_free(ear->reason);
        ear->reason = g_strdup(reason);
        news = news_new(ear->up                      ? NMA_WATCH_NEWS_UP
                        : state->credentials_refused ? NMA_WATCH_NEWS_REFUSED
                                                     : NMA_WATCH_NEWS_DOWN,
                        ear->cell);
        news->text = g_strdup(reason);
        post(ear->listener, news);
    }
    g_mutex_unlock(&ear->listener->lock);
}

static OmBus *
start_bus(Ear *ear, const char *topic, GError **error)
{
    static const OmBusEvents events = { .tapped = on_tapped, .state_changed = on_state_changed };
    g_autofree char *key = g_strconcat(topic, ".info", NULL);
    const char *const keys[] = { key, NULL };
    g_autoptr(OmBus) bus = NULL;
    OmBusConfig config = {
        .url = ear->cell->url,
        .rabbit = &ear->cell->rabbit,
        .exchange = ear->cell->exchange,
        .connection_name = "nova-migration-watch",
        .queue_prefix = "nova_migration_agent.watch",
        .host = g_get_host_name(),
        .tap = { .queue_type = OM_TAP_AUTO, .routing_keys = keys },
        .in_only = TRUE,
        .probe_interval_ms = 15000,
        .max_body_bytes = MAX_REPORT_BYTES,
    };

    om_reconnect_options_init(&config.reconnect);
    /* somebody sits before it, and it is not one of a thousand */
    config.reconnect.first_us = G_USEC_PER_SEC;
    config.reconnect.max_us = 5 * G_USEC_PER_SEC;
    bus = om_bus_new(&config, &events, ear, error);
    if (!bus || !om_bus_start(bus, error)) {
        g_prefix_error(error, "%s: ", ear->cell->nova_conf);
        return NULL;
    }
    return g_steal_pointer(&bus);
}

static void
listener_free(NmaWatchListener *listener)
{
    for (guint i = 0; i < listener->ears->len; i++) {
        Ear *ear = listener->ears->pdata[i];

        g_clear_pointer(&ear->bus, om_bus_unref);
        g_free(ear->reason);
        g_free(ear);
    }
    g_ptr_array_unref(listener->ears);
    g_queue_clear_full(&listener->news, (GDestroyNotify)nma_watch_news_free);
    g_mutex_clear(&listener->lock);
    close(listener->fd);
    g_free(listener);
}

NmaWatchListener *
nma_watch_listener_start(const GPtrArray *cells, const char *topic, GError **error)
{
    NmaWatchListener *listener = g_new0(NmaWatchListener, 1);

    g_mutex_init(&listener->lock);
    g_queue_init(&listener->news);
    listener->ears = g_ptr_array_new();
    listener->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    g_assert(listener->fd >= 0);
    for (guint i = 0; i < cells->len; i++) {
        Ear *ear = g_new0(Ear, 1);

        ear->listener = listener;
        ear->cell = cells->pdata[i];
        g_ptr_array_add(listener->ears, ear);
        ear->bus = start_bus(ear, topic, error);
        if (!ear->bus) {
            nma_watch_listener_stop(listener);
            return NULL;
        }
    }
    return listener;
}

gboolean
nma_watch_listener_stop(NmaWatchListener *listener)
{
    gboolean stopped = TRUE;

    for (guint i = 0; i < listener->ears->len; i++) {
        Ear *ear = listener->ears->pdata[i];

        if (ear->bus && !om_bus_stop(ear->bus, STOP_DEADLINE_MS))
            stopped = FALSE;
    }
    if (stopped)
        listener_free(listener);
    return stopped;
}

void
nma_watch_listener_reload(NmaWatchListener *listener, const NmaWatchCell *cell,
                          const NmaWatchCell *fresh)
{
    for (guint i = 0; i < listener->ears->len; i++) {
        Ear *ear = listener->ears->pdata[i];

        if (ear->cell == cell)
            om_bus_reload(ear->bus, fresh->url, &fresh->rabbit);
    }
}

int
nma_watch_listener_fd(const NmaWatchListener *listener)
{
    return listener->fd;
}

NmaWatchNews *
nma_watch_listener_take(NmaWatchListener *listener)
{
    NmaWatchNews *news;
    guint64 count;

    g_mutex_lock(&listener->lock);
    news = g_queue_pop_head(&listener->news);
    if (!news && read(listener->fd, &count, sizeof(count)) < 0)
        g_assert(errno == EAGAIN);
    g_mutex_unlock(&listener->lock);
    return news;
}

guint64
nma_watch_listener_lost(NmaWatchListener *listener)
{
    guint64 lost;

    g_mutex_lock(&listener->lock);
    lost = listener->lost;
    g_mutex_unlock(&listener->lock);
    return lost;
}
