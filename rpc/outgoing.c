/* The queue in front of bus-out. */
#include "config.h"

#include "rpc/bus_private.h"

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
