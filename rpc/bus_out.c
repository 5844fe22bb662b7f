/* bus-out: takes messages from the queue, publishes them with confirms, settles each one. */
#include "config.h"

#include <string.h>

#include "rpc/bus_private.h"

#define CHANNEL_PUBLISH 1
#define CHANNEL_CHECK   2
#define RETRY_US        (G_USEC_PER_SEC)

typedef struct {
    OmBus *bus;
    OmLink link;
    guint64 next_tag;
    GQueue in_flight; /* OmOutItem in the order of their tags */
    GQueue held;      /* OmOutItem that wait for a moment, a reply queue, or an unblocked broker */
    GHashTable *exchanges; /* those that were there when last looked at */
    gboolean blocked;
    guint
        careful; /* so many are sent one by one: one of them closed the channel under the others */
} OutThread;

/* ---- items ---- */

OmOutItem *
om_out_item_new(OmOutKind kind, const char *exchange, const char *key, GBytes *body)
{
    OmOutItem *item = g_new0(OmOutItem, 1);

    item->kind = kind;
    item->exchange = g_strdup(exchange);
    item->key = g_strdup(key);
    item->body = body;
    item->deadline_us = G_MAXINT64;
    return item;
}

void
om_out_item_free(OmOutItem *item)
{
    if (item == NULL)
        return;
    g_free(item->exchange);
    g_free(item->key);
    g_free(item->msg_id);
    g_bytes_unref(item->body);
    g_free(item);
}

gboolean
om_bus_push_locked(OmBus *bus, OmOutItem *item, GError **error)
{
    gsize size = g_bytes_get_size(item->body);

    if (bus->in_only) {
        g_set_error_literal(error, OM_BUS_ERROR, OM_BUS_ERROR_OFFLINE, "the bus only listens");
        return FALSE;
    }
    if (bus->stopping && item->kind != OM_OUT_REPLY) {
        g_set_error_literal(error, OM_BUS_ERROR, OM_BUS_ERROR_STOPPED, "the bus is stopping");
        return FALSE;
    }
    if (bus->outgoing.length >= OM_MAX_QUEUED || bus->outgoing_bytes + size > OM_MAX_QUEUED_BYTES) {
        g_set_error(error, OM_BUS_ERROR, OM_BUS_ERROR_FULL, "%u messages wait to be sent already",
                    bus->outgoing.length);
        return FALSE;
    }
    g_queue_push_tail(&bus->outgoing, item);
    bus->outgoing_bytes += size;
    om_bus_wake(bus->out_wake);
    return TRUE;
}

gboolean
om_bus_publish(OmBus *bus, const char *exchange, const char *key, GBytes *body, gboolean mandatory,
               guint64 cookie, GError **error)
{
    gsize size;
    const void *data = g_bytes_get_data(body, &size);
    /* a copy: nothing of the caller's is shared with the bus thread */
    OmOutItem *item = om_out_item_new(OM_OUT_PUBLISH, exchange ? exchange : bus->exchange, key,
                                      g_bytes_new(data, size));
    gboolean pushed = FALSE;

    item->mandatory = mandatory;
    item->cookie = cookie;
    pthread_mutex_lock(&bus->lock);
    if (!bus->state.out_connected)
        g_set_error_literal(error, OM_BUS_ERROR, OM_BUS_ERROR_OFFLINE, "not connected");
    else
        pushed = om_bus_push_locked(bus, item, error);
    pthread_mutex_unlock(&bus->lock);
    if (!pushed)
        om_out_item_free(item);
    return pushed;
}

/* ---- settling: each takes the item ---- */

static void
tell_published(OutThread *out, OmOutItem *item, OmPublishOutcome outcome)
{
    OmBus *bus = out->bus;

    if (bus->events.published && !om_bus_is_silent(bus))
        bus->events.published(item->cookie, outcome, bus->user_data);
    om_out_item_free(item);
}

static void
tell_probe(OutThread *out, OmOutItem *item, gboolean returned)
{
    pthread_mutex_lock(&out->bus->lock);
    if (out->bus->probe == OM_PROBE_SENT)
        out->bus->probe = returned ? OM_PROBE_RETURNED : OM_PROBE_CONFIRMED;
    pthread_mutex_unlock(&out->bus->lock);
    om_bus_wake(out->bus->in_wake);
    om_out_item_free(item);
}

static void
hold(OutThread *out, OmOutItem *item, gint64 until_us)
{
    item->not_before_us = until_us;
    item->returned = FALSE;
    g_queue_push_tail(&out->held, item);
}

static void
add_stat(OmBus *bus, guint64 *counter)
{
    pthread_mutex_lock(&bus->lock);
    ++*counter;
    pthread_mutex_unlock(&bus->lock);
}

static void
settle_reply_returned(OutThread *out, OmOutItem *item)
{
    gint64 now = g_get_monotonic_time();

    if (item->first_return_us == 0)
        item->first_return_us = now;
    if (now - item->first_return_us < OM_REPLY_GIVE_UP_US && out->held.length < OM_MAX_QUEUED) {
        hold(out, item, now + OM_REPLY_RETRY_US);
        return;
    }
    add_stat(out->bus, &out->bus->stats.replies_lost);
    om_out_item_free(item);
}

static void
settle_returned(OutThread *out, OmOutItem *item)
{
    add_stat(out->bus, &out->bus->stats.returned);
    switch (item->kind) {
    case OM_OUT_PUBLISH:
        tell_published(out, item, OM_PUBLISH_RETURNED);
        return;
    case OM_OUT_CALL:
        om_client_nobody(out->bus, item->msg_id);
        break;
    case OM_OUT_REPLY:
        settle_reply_returned(out, item);
        return;
    case OM_OUT_PROBE:
        tell_probe(out, item, TRUE);
        return;
    case OM_OUT_CAST:
        break;
    }
    om_out_item_free(item);
}

static void
settle_confirmed(OutThread *out, OmOutItem *item)
{
    add_stat(out->bus, &out->bus->stats.confirmed);
    switch (item->kind) {
    case OM_OUT_PUBLISH:
        tell_published(out, item, OM_PUBLISH_CONFIRMED);
        return;
    case OM_OUT_PROBE:
        tell_probe(out, item, FALSE);
        return;
    default:
        om_out_item_free(item);
    }
}

/* Not confirmed: it may have arrived or not. What has a `_unique_id` of ours is sent again. */
static void
settle_unknown(OutThread *out, OmOutItem *item, gint64 retry_us)
{
    switch (item->kind) {
    case OM_OUT_PUBLISH:
        add_stat(out->bus, &out->bus->stats.failed);
        tell_published(out, item, OM_PUBLISH_FAILED);
        return;
    case OM_OUT_PROBE:
        pthread_mutex_lock(&out->bus->lock);
        out->bus->probe = OM_PROBE_IDLE;
        pthread_mutex_unlock(&out->bus->lock);
        om_out_item_free(item);
        return;
    default:
        hold(out, item, retry_us);
    }
}

static void
take_confirm(OutThread *out, const OmEvent *event)
{
    OmOutItem *item = g_queue_peek_head(&out->in_flight);

    /* confirms of several nodes may come in any order: look the tag up when it is not the first */
    if (item && !event->multiple && item->tag != event->tag) {
        for (GList *link = out->in_flight.head; link; link = link->next) {
            item = link->data;
            if (item->tag == event->tag) {
                g_queue_delete_link(&out->in_flight, link);
                break;
            }
            item = NULL;
        }
        if (item == NULL)
            return;
        g_queue_push_head(&out->in_flight, item);
    }
    while ((item = g_queue_peek_head(&out->in_flight)) != NULL &&
           (event->multiple ? item->tag <= event->tag : item->tag == event->tag)) {
        g_queue_pop_head(&out->in_flight);
        if (!event->positive)
            settle_unknown(out, item, g_get_monotonic_time() + RETRY_US);
        else if (item->returned)
            settle_returned(out, item);
        else
            settle_confirmed(out, item);
    }
}

/* basic.return comes before the confirm of the same message. */
static void
take_return(OutThread *out, const OmEvent *event)
{
    for (GList *link = out->in_flight.head; link; link = link->next) {
        OmOutItem *item = link->data;

        if (item->tag == event->id) {
            item->returned = TRUE;
            return;
        }
    }
}

/* Everything in flight has an unknown fate. */
static void
abandon_in_flight(OutThread *out)
{
    OmOutItem *item;

    while ((item = g_queue_pop_head(&out->in_flight)) != NULL)
        settle_unknown(out, item, 0);
}

/* The broker refuses this one (no permission, say) and would do so again. */
static void
settle_refused(OutThread *out, OmOutItem *item)
{
    if (item->kind == OM_OUT_PUBLISH || item->kind == OM_OUT_PROBE) {
        settle_unknown(out, item, 0);
        return;
    }
    if (item->kind == OM_OUT_CALL)
        om_client_nobody(out->bus, item->msg_id);
    else if (item->kind == OM_OUT_REPLY)
        add_stat(out->bus, &out->bus->stats.replies_lost);
    om_out_item_free(item);
}

/* The broker closed the publishing channel because of one message, and does not say which. */
static void
publish_channel_closed(OutThread *out, const char *text)
{
    OmBusState *state = om_bus_state_begin(out->bus);
    g_autofree char *error = g_strdup_printf("out: %s", text);

    om_bus_set_text(state->last_error, sizeof state->last_error, error);
    om_bus_state_end(out->bus);
    /* an exchange went away, or a permission: look again before sending again */
    g_hash_table_remove_all(out->exchanges);
    if (out->in_flight.length == 1) {
        settle_refused(out, g_queue_pop_head(&out->in_flight));
        return;
    }
    out->careful = out->in_flight.length;
    abandon_in_flight(out);
}

/* ---- publishing ---- */

static gboolean
open_channels(OutThread *out, GError **error)
{
    OmConnection *connection = out->link.connection;

    if (!om_connection_channel_is_open(connection, CHANNEL_PUBLISH)) {
        if (!om_connection_channel_open(connection, CHANNEL_PUBLISH, error) ||
            !om_connection_confirm_select(connection, CHANNEL_PUBLISH, error))
            return FALSE;
        out->next_tag = 1;
    }
    return om_connection_channel_open(connection, CHANNEL_CHECK, error);
}

typedef enum { EXCHANGE_THERE, EXCHANGE_MISSING, EXCHANGE_UNKNOWN } ExchangeState;

/* Publishing to a missing exchange would close the channel under all that is in flight: look first,
 * once. */
static ExchangeState
look_at_exchange(OutThread *out, const char *exchange, GError **error)
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
publish(OutThread *out, OmOutItem *item, gint64 now, GError **error)
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
        settle_returned(out, item);
        return TRUE;
    case EXCHANGE_UNKNOWN:
        settle_unknown(out, item, 0);
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
    add_stat(out->bus, &out->bus->stats.published);
    return om_connection_publish(out->link.connection, CHANNEL_PUBLISH, &publishing, error);
}

/* TRUE: send it now. */
static gboolean
is_due(OutThread *out, const OmOutItem *item, gint64 now, gboolean replies_ready)
{
    if (item->not_before_us > now)
        return FALSE;
    return item->kind != OM_OUT_CALL || replies_ready;
}

/* An item that has outlived its purpose; takes it when TRUE. */
static gboolean
drop_if_late(OutThread *out, OmOutItem *item, gint64 now)
{
    gboolean gone = item->kind == OM_OUT_CALL && !om_client_is_open(out->bus, item->msg_id);

    if (!gone && item->deadline_us > now)
        return FALSE;
    if (item->kind == OM_OUT_REPLY)
        add_stat(out->bus, &out->bus->stats.replies_lost);
    om_out_item_free(item);
    return TRUE;
}

static OmOutItem *
take_next(OutThread *out, gint64 now)
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
send_due(OutThread *out, GError **error)
{
    gint64 now = g_get_monotonic_time();
    OmOutItem *item;

    if (!open_channels(out, error))
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
set_blocked(OutThread *out, gboolean blocked)
{
    OmBusState *state = om_bus_state_begin(out->bus);

    out->blocked = blocked;
    state->blocked = blocked;
    om_bus_state_end(out->bus);
}

static gboolean
take_events(OutThread *out, GError **error)
{
    OmEvent event;

    for (guint budget = 512; budget > 0; budget--) {
        if (!om_connection_next(out->link.connection, &event, error))
            return FALSE;
        switch (event.type) {
        case OM_EVENT_NONE:
            return TRUE;
        case OM_EVENT_CONFIRM:
            take_confirm(out, &event);
            break;
        case OM_EVENT_RETURN:
            take_return(out, &event);
            break;
        case OM_EVENT_CHANNEL_CLOSED:
            if (event.channel == CHANNEL_PUBLISH)
                publish_channel_closed(out, event.text);
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
fail_publications(OutThread *out)
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
        settle_unknown(out, item, 0);
}

static void
lost(OutThread *out, const GError *error, guint close_ms)
{
    out->blocked = FALSE;
    out->careful = 0;
    g_hash_table_remove_all(out->exchanges);
    om_link_lost(&out->link, error, close_ms);
    abandon_in_flight(out);
    fail_publications(out);
}

static gint64
next_timer_us(OutThread *out, gint64 now)
{
    gint64 next = MIN(om_client_expire(out->bus, now, FALSE), om_server_heartbeats(out->bus, now));

    for (GList *link = out->held.head; link; link = link->next) {
        const OmOutItem *item = link->data;

        /* one that waits for the reply queue is woken by bus-in */
        if (item->not_before_us > now)
            next = MIN(next, item->not_before_us);
    }
    return next;
}

static gboolean
is_drained(OutThread *out, gint64 now)
{
    gboolean drained;

    pthread_mutex_lock(&out->bus->lock);
    drained = now >= out->bus->stop_us || out->link.connection == NULL ||
              (out->in_flight.length == 0 && out->bus->outgoing.length == 0);
    pthread_mutex_unlock(&out->bus->lock);
    return drained;
}

static void
step(OutThread *out)
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
note_progress(OutThread *out)
{
    gboolean stopping;

    pthread_mutex_lock(&out->bus->lock);
    out->bus->stats.out_progress_us = g_get_monotonic_time();
    out->bus->stats.in_flight = out->in_flight.length;
    stopping = out->bus->stopping;
    pthread_mutex_unlock(&out->bus->lock);
    return stopping;
}

gpointer
om_bus_out_main(gpointer data)
{
    OutThread out = { .bus = data };
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
