/* What becomes of a message that was handed to the broker. */
#include "config.h"

#include <string.h>

#include "rpc/out_thread.h"

#define RETRY_US (G_USEC_PER_SEC)

static void
tell_published(OmOutThread *out, OmOutItem *item, OmPublishOutcome outcome)
{
    OmBus *bus = out->bus;

    if (bus->events.published && !om_bus_is_silent(bus))
        bus->events.published(item->cookie, outcome, bus->user_data);
    om_out_item_free(item);
}

static void
tell_probe(OmOutThread *out, OmOutItem *item, gboolean returned)
{
    pthread_mutex_lock(&out->bus->lock);
    if (out->bus->probe == OM_PROBE_SENT)
        out->bus->probe = returned ? OM_PROBE_RETURNED : OM_PROBE_CONFIRMED;
    pthread_mutex_unlock(&out->bus->lock);
    om_bus_wake(out->bus->in_wake);
    om_out_item_free(item);
}

static void
hold(OmOutThread *out, OmOutItem *item, gint64 until_us)
{
    item->not_before_us = until_us;
    item->returned = FALSE;
    g_queue_push_tail(&out->held, item);
}

static void
settle_reply_returned(OmOutThread *out, OmOutItem *item)
{
    gint64 now = g_get_monotonic_time();

    if (item->first_return_us == 0)
        item->first_return_us = now;
    if (now - item->first_return_us < OM_REPLY_GIVE_UP_US && out->held.length < OM_MAX_QUEUED) {
        hold(out, item, now + OM_REPLY_RETRY_US);
        return;
    }
    om_bus_count(out->bus, &out->bus->stats.replies_lost);
    om_out_item_free(item);
}

void
om_settle_returned(OmOutThread *out, OmOutItem *item)
{
    om_bus_count(out->bus, &out->bus->stats.returned);
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
settle_confirmed(OmOutThread *out, OmOutItem *item)
{
    om_bus_count(out->bus, &out->bus->stats.confirmed);
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
void
om_settle_unknown(OmOutThread *out, OmOutItem *item, gint64 retry_us)
{
    switch (item->kind) {
    case OM_OUT_PUBLISH:
        om_bus_count(out->bus, &out->bus->stats.failed);
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

void
om_settle_confirm(OmOutThread *out, const OmEvent *event)
{
    OmOutItem *item = g_queue_peek_head(&out->in_flight);

    if (!event->positive && out->nacked_us == 0)
        out->nacked_us = g_get_monotonic_time();
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
            om_settle_unknown(out, item, g_get_monotonic_time() + RETRY_US);
        else if (item->returned)
            om_settle_returned(out, item);
        else
            settle_confirmed(out, item);
    }
}

/* basic.return comes before the confirm of the same message. */
void
om_settle_mark_returned(OmOutThread *out, const OmEvent *event)
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
void
om_settle_in_flight_unknown(OmOutThread *out)
{
    OmOutItem *item;

    while ((item = g_queue_pop_head(&out->in_flight)) != NULL)
        om_settle_unknown(out, item, 0);
}

/* The broker refuses this one (no permission, say) and would do so again. */
static void
settle_refused(OmOutThread *out, OmOutItem *item)
{
    if (item->kind == OM_OUT_PUBLISH || item->kind == OM_OUT_PROBE) {
        om_settle_unknown(out, item, 0);
        return;
    }
    if (item->kind == OM_OUT_CALL)
        om_client_nobody(out->bus, item->msg_id);
    else if (item->kind == OM_OUT_REPLY)
        om_bus_count(out->bus, &out->bus->stats.replies_lost);
    om_out_item_free(item);
}

/* The broker closed the publishing channel because of one message, and does not say which. */
void
om_settle_channel_closed(OmOutThread *out, const char *text)
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
    om_settle_in_flight_unknown(out);
}
