/* bus-out: takes messages from the queue, publishes them with confirms, settles each one. */
#include "config.h"

#include <string.h>

#include "rpc/out_thread.h"

#define CHANNEL_PUBLISH 1
#define CHANNEL_CHECK   2
#define CHANNEL_RENEWED 3 /* takes turns with CHANNEL_PUBLISH */
#define RENEW_US        (G_USEC_PER_SEC)

/* ---- publishing ---- */

static gboolean
open_channels(OmOutThread *out, GError **error)
{
    OmConnection *connection = out->link.connection;

    if (!om_connection_channel_is_open(connection, out->channel)) {
        if (!om_connection_channel_open(connection, out->channel, error) ||
            !om_connection_confirm_select(connection, out->channel, error))
            return FALSE;
        out->next_tag = 1;
    }
    return om_connection_channel_open(connection, CHANNEL_CHECK, error);
}

/* When what was nacked is sent on another channel: as soon as nothing else is in flight, or soon
 * all the same, and at most once a second. */
static gint64
renewal_us(const OmOutThread *out)
{
    gint64 earliest = out->renewed_us + RENEW_US;

    if (out->nacked_us == 0)
        return G_MAXINT64;
    return MAX(earliest, out->in_flight.length > 0 ? out->nacked_us + RENEW_US : 0);
}

/* RabbitMQ up to 3.12.4 asks, for a channel's first message to a quorum queue, the node that led it
 * when it was last written down. That node having just died, it nacks this and every later message
 * of the channel to that queue until the node is back, though another leads long since
 * (rabbitmq-server, pull request 9241). A new channel looks again. */
static gboolean
renew_channel(OmOutThread *out, gint64 now, GError **error)
{
    guint16 old = out->channel;

    if (now < renewal_us(out))
        return TRUE;
    out->nacked_us = 0;
    out->renewed_us = now;
    /* another number: confirms of the old one that are on their way are not taken for the new's */
    out->channel = old == CHANNEL_PUBLISH ? CHANNEL_RENEWED : CHANNEL_PUBLISH;
    om_settle_in_flight_unknown(out);
    return om_connection_channel_close(out->link.connection, old, error);
}

typedef enum { EXCHANGE_THERE, EXCHANGE_MISSING, EXCHANGE_UNKNOWN } ExchangeState;

/* Publishing to a missing exchange would close the channel under all that is in flight: look first,
 * once. */
static ExchangeState
look_at_exchange(OmOutThread *out, const char *exchange, GError **error)
{
    g_autoptr(GError) local = NULL;

    if (*exchange == '\0' || g_hash_table_contains(out->exchanges, exchange))
        return EXCHANGE_THERE;
    if (om_connection_exchange_check(out->link.connection, CHANNEL_CHECK, exchange, &local)) {
        g_hash_table_add(out->exchanges, g_strdup(exchange));
        return EXCHANGE_THERE;
    }
    if (!om_connection_error_is_channel(local)) {
        g_propagate_error(error, g_steal_pointer(&local));
        return EXCHANGE_UNKNOWN;
    }
    if (!om_connection_channel_open(out->link.connection, CHANNEL_CHECK, error))
        return EXCHANGE_UNKNOWN;
    return EXCHANGE_MISSING;
}

/* Takes the item. FALSE: the connection is gone. */
static gboolean
publish(OmOutThread *out, OmOutItem *item, gint64 now, GError **error)
{
    OmPublishing publishing = {
        .exchange = item->exchange,
        .key = item->key,
        .mandatory = item->mandatory,
        .id = out->next_tag,
        .body = item->body,
    };

    switch (look_at_exchange(out, item->exchange, error)) {
    case EXCHANGE_MISSING:
        om_settle_returned(out, item);
        return TRUE;
    case EXCHANGE_UNKNOWN:
        om_settle_unknown(out, item, 0);
        return FALSE;
    case EXCHANGE_THERE:
        break;
    }
    /* what nobody fetches in time shall not be served later */
    if (item->kind == OM_OUT_CALL || item->kind == OM_OUT_PROBE)
        publishing.expiration_ms = MAX((item->deadline_us - now) / 1000, 1);
    item->tag = out->next_tag++;
    g_queue_push_tail(&out->in_flight, item);
    if (item->kind == OM_OUT_CALL)
        om_client_sent(out->bus, item->msg_id);
    om_bus_count(out->bus, &out->bus->stats.published);
    return om_connection_publish(out->link.connection, out->channel, &publishing, error);
}

/* TRUE: send it now. */
static gboolean
is_due(OmOutThread *out, const OmOutItem *item, gint64 now, gboolean replies_ready)
{
    if (item->not_before_us > now)
        return FALSE;
    return item->kind != OM_OUT_CALL || replies_ready;
}

/* An item that has outlived its purpose; takes it when TRUE. */
static gboolean
drop_if_late(OmOutThread *out, OmOutItem *item, gint64 now)
{
    gboolean gone = item->kind == OM_OUT_CALL && !om_client_is_open(out->bus, item->msg_id);

    if (!gone && item->deadline_us > now)
        return FALSE;
    if (item->kind == OM_OUT_REPLY)
        om_bus_count(out->bus, &out->bus->stats.replies_lost);
    om_out_item_free(item);
    return TRUE;
}

static OmOutItem *
take_next(OmOutThread *out, gint64 now)
{
    OmBus *bus = out->bus;
    OmOutItem *item;
    gboolean replies_ready;

    pthread_mutex_lock(&bus->lock);
    replies_ready = bus->state.replies_ready;
    pthread_mutex_unlock(&bus->lock);

    for (guint n = out->held.length; n > 0; n--) {
        item = g_queue_pop_head(&out->held);
        if (drop_if_late(out, item, now))
            continue;
        if (is_due(out, item, now, replies_ready))
            return item;
        g_queue_push_tail(&out->held, item);
    }
    for (;;) {
        pthread_mutex_lock(&bus->lock);
        item = g_queue_pop_head(&bus->outgoing);
        if (item)
            bus->outgoing_bytes -= g_bytes_get_size(item->body);
        pthread_mutex_unlock(&bus->lock);
        if (item == NULL)
            return NULL;
        if (drop_if_late(out, item, now))
            continue;
        if (is_due(out, item, now, replies_ready))
            return item;
        g_queue_push_tail(&out->held, item);
    }
}

static gboolean
send_due(OmOutThread *out, GError **error)
{
    gint64 now = g_get_monotonic_time();
    OmOutItem *item;

    if (!renew_channel(out, now, error) || !open_channels(out, error))
        return FALSE;
    while (!out->blocked && out->in_flight.length < (out->careful > 0 ? 1 : OM_WINDOW) &&
           (item = take_next(out, now)) != NULL) {
        if (out->careful > 0)
            out->careful--;
        if (!publish(out, item, now, error))
            return FALSE;
    }
    return TRUE;
}

/* ---- receiving ---- */

static void
set_blocked(OmOutThread *out, gboolean blocked)
{
    OmBusState *state = om_bus_state_begin(out->bus);

    out->blocked = blocked;
    state->blocked = blocked;
    om_bus_state_end(out->bus);
}

static gboolean
take_events(OmOutThread *out, GError **error)
{
    OmEvent event;

    for (guint budget = 512; budget > 0; budget--) {
        if (!om_connection_next(out->link.connection, &event, error))
            return FALSE;
        switch (event.type) {
        case OM_EVENT_NONE:
            return TRUE;
        case OM_EVENT_CONFIRM:
            if (event.channel == out->channel)
                om_settle_confirm(out, &event);
            break;
        case OM_EVENT_RETURN:
            if (event.channel == out->channel)
                om_settle_mark_returned(out, &event);
            break;
        case OM_EVENT_CHANNEL_CLOSED:
            if (event.channel == out->channel)
                om_settle_channel_closed(out, event.text);
            break;
        case OM_EVENT_BLOCKED:
            set_blocked(out, TRUE);
            break;
        case OM_EVENT_UNBLOCKED:
            set_blocked(out, FALSE);
            break;
        default:
            break;
        }
    }
    return TRUE;
}

/* ---- the thread ---- */

/* What the owner's outbox keeps does not wait here for a connection. */
static void
fail_publications(OmOutThread *out)
{
    OmBus *bus = out->bus;
    GQueue failed = G_QUEUE_INIT;
    OmOutItem *item;

    pthread_mutex_lock(&bus->lock);
    for (GList *link = bus->outgoing.head; link;) {
        GList *next = link->next;

        item = link->data;
        if (item->kind == OM_OUT_PUBLISH || item->kind == OM_OUT_PROBE) {
            g_queue_unlink(&bus->outgoing, link);
            bus->outgoing_bytes -= g_bytes_get_size(item->body);
            g_queue_push_tail_link(&failed, link);
        }
        link = next;
    }
    pthread_mutex_unlock(&bus->lock);
    while ((item = g_queue_pop_head(&failed)) != NULL)
        om_settle_unknown(out, item, 0);
}

static void
lost(OmOutThread *out, const GError *error, guint close_ms)
{
    out->blocked = FALSE;
    out->careful = 0;
    out->nacked_us = 0;
    g_hash_table_remove_all(out->exchanges);
    om_link_lost(&out->link, error, close_ms);
    om_settle_in_flight_unknown(out);
    fail_publications(out);
}

static gint64
next_timer_us(OmOutThread *out, gint64 now)
{
    gint64 next = MIN(om_client_expire(out->bus, now, FALSE), om_server_heartbeats(out->bus, now));

    next = MIN(next, renewal_us(out));
    for (GList *link = out->held.head; link; link = link->next) {
        const OmOutItem *item = link->data;

        /* one that waits for the reply queue is woken by bus-in */
        if (item->not_before_us > now)
            next = MIN(next, item->not_before_us);
    }
    return next;
}

static gboolean
is_drained(OmOutThread *out, gint64 now)
{
    gboolean drained;

    pthread_mutex_lock(&out->bus->lock);
    drained = now >= out->bus->stop_us || out->link.connection == NULL ||
              (out->in_flight.length == 0 && out->bus->outgoing.length == 0);
    pthread_mutex_unlock(&out->bus->lock);
    return drained;
}

static void
step(OmOutThread *out)
{
    g_autoptr(GError) error = NULL;
    gint64 now = g_get_monotonic_time();
    gint64 next;

    if (out->link.connection == NULL && om_link_step(&out->link, now))
        out->blocked = FALSE;
    if (out->link.connection &&
        (!take_events(out, &error) || !send_due(out, &error) || !take_events(out, &error)))
        lost(out, error, 0);
    if (out->link.connection && om_link_outdated(&out->link))
        lost(out, NULL, OM_GOODBYE_MS);

    now = g_get_monotonic_time();
    next = MIN(next_timer_us(out, now), om_link_next_us(&out->link));
    om_bus_poll(out->link.connection ? om_connection_fd(out->link.connection) : -1,
                out->bus->out_wake, next == G_MAXINT64 ? G_USEC_PER_SEC : next - now);
}

static gboolean
note_progress(OmOutThread *out)
{
    pthread_mutex_lock(&out->bus->lock);
    out->bus->stats.in_flight = out->in_flight.length;
    pthread_mutex_unlock(&out->bus->lock);
    return om_link_note_progress(&out->link);
}

gpointer
om_bus_out_main(gpointer data)
{
    OmOutThread out = { .bus = data, .channel = CHANNEL_PUBLISH };
    OmBus *bus = data;

    g_queue_init(&out.in_flight);
    g_queue_init(&out.held);
    out.exchanges = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    om_link_init(&out.link, bus, FALSE);

    while (!note_progress(&out) || !is_drained(&out, g_get_monotonic_time()))
        step(&out);

    if (out.link.connection)
        lost(&out, NULL, OM_GOODBYE_MS);
    fail_publications(&out);
    g_queue_clear_full(&out.held, (GDestroyNotify)om_out_item_free);
    g_hash_table_unref(out.exchanges);
    om_link_clear(&out.link);
    pthread_mutex_lock(&bus->lock);
    bus->out_running = FALSE;
    pthread_cond_broadcast(&bus->ended);
    pthread_mutex_unlock(&bus->lock);
    return NULL;
}
