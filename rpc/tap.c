/* A copy of what others send each other: sorted out in the raw body, decoded, handed over. */
#include "config.h"

#include "rpc/bus_private.h"
#include "rpc/compression.h"
#include "rpc/scan.h"

/* The body as it was before kombu compressed it; NULL and counted when that cannot be undone. */
static GBytes *
inflated(OmBus *bus, const OmEvent *event, guint64 *malformed, guint64 *undecodable)
{
    GBytes *body = NULL;

    switch (om_inflate(event->compression, event->body, event->size, bus->max_body_bytes, &body)) {
    case OM_INFLATE_OK:
        break;
    case OM_INFLATE_UNKNOWN:
        om_bus_count(bus, undecodable);
        break;
    case OM_INFLATE_TOO_LARGE:
    case OM_INFLATE_BROKEN:
        om_bus_count(bus, malformed);
        break;
    }
    return body;
}

OmMessage *
om_decode_event(OmBus *bus, const OmEvent *event, guint64 *malformed, guint64 *undecodable)
{
    g_autoptr(GBytes) body = NULL;
    const void *data = event->body;
    gsize size = event->size;
    OmMessage *message;

    if (event->compression[0]) {
        body = inflated(bus, event, malformed, undecodable);
        if (body == NULL)
            return NULL;
        data = g_bytes_get_data(body, &size);
    }
    message = om_envelope_decode(data, size, NULL);
    if (message == NULL)
        om_bus_count(bus, malformed);
    return message;
}

static gboolean
is_wanted(OmBus *bus, const OmMessage *message)
{
    if (bus->tap_methods == NULL)
        return TRUE;
    return message->kind == OM_MESSAGE_REQUEST &&
           g_strv_contains((const char *const *)bus->tap_methods, message->method);
}

void
om_tap_take(OmBus *bus, OmDedup *dedup, const OmEvent *event)
{
    OmBusStats *stats = &bus->stats;
    g_autoptr(OmMessage) message = NULL;
    g_autoptr(GBytes) body = NULL;
    OmEvent plain = *event;
    gboolean silent;

    /* <key>.<more>, which the probe's pattern lets in: of a host whose name begins with ours */
    if (!g_strv_contains((const char *const *)bus->tap_keys, event->routing_key))
        return;
    pthread_mutex_lock(&bus->lock);
    stats->tap_seen++;
    if (event->oversize)
        stats->tap_oversize++;
    silent = bus->silent;
    pthread_mutex_unlock(&bus->lock);
    if (event->oversize || silent)
        return;

    if (event->compression[0]) {
        body = inflated(bus, event, &stats->tap_malformed, &stats->tap_undecodable);
        if (body == NULL)
            return;
        plain.body = g_bytes_get_data(body, &plain.size);
        plain.compression[0] = '\0';
    }
    if (bus->tap_methods &&
        !om_scan_for_methods(plain.body, plain.size, (const char *const *)bus->tap_methods))
        return;
    message = om_decode_event(bus, &plain, &stats->tap_malformed, &stats->tap_undecodable);
    if (message == NULL || !is_wanted(bus, message))
        return;
    if (om_dedup_seen(dedup, message->unique_id)) {
        om_bus_count(bus, &stats->tap_duplicates);
        return;
    }
    pthread_mutex_lock(&bus->lock);
    stats->tap_matched++;
    stats->last_tapped_us = g_get_monotonic_time();
    pthread_mutex_unlock(&bus->lock);
    if (bus->events.tapped)
        bus->events.tapped(g_steal_pointer(&message), bus->user_data);
}
