/* Requests to our own server: checked as oslo's dispatcher checks them, handed over, answered later
 * by any thread. */
#include "config.h"

#include "rpc/bus_private.h"

struct _OmRequest {
    OmBus *bus;
    OmMessage *message;
    gint64 next_heartbeat_us; /* G_MAXINT64: the caller wants none */
    GList link;               /* in bus->requests while it is open */
};

static gint64
heartbeat_interval_us(const OmMessage *message)
{
    /* oslo: every half of the caller's timeout, none below one second; one to a caller that did not
     * ask makes it fail */
    return message->timeout_s >= 2 ? message->timeout_s * G_USEC_PER_SEC / 2 : 0;
}

/* Takes the body. */
static OmOutItem *
new_reply(const OmMessage *message, GBytes *body)
{
    OmOutItem *item;

    if (body == NULL)
        return NULL;
    /* the default exchange reaches the reply queue of every release */
    item = om_out_item_new(OM_OUT_REPLY, "", message->reply_q, body);
    item->mandatory = TRUE;
    item->deadline_us = g_get_monotonic_time() + OM_REPLY_LIFE_US;
    return item;
}

static gboolean
wants_reply(const OmMessage *message)
{
    return message->msg_id && message->reply_q && strlen(message->reply_q) < 256;
}

static void
push_locked(OmBus *bus, OmOutItem *item)
{
    if (item && !om_bus_push_locked(bus, item, NULL)) {
        bus->stats.replies_lost++;
        om_out_item_free(item);
    }
}

/* Takes the message; answers a call with a failure. */
static void
refuse(OmBus *bus, OmMessage *message, OmFailure *failure)
{
    om_bus_count(bus, &bus->stats.requests_refused);
    if (wants_reply(message)) {
        GBytes *body = om_envelope_reply_failure(message->msg_id, failure, NULL);

        pthread_mutex_lock(&bus->lock);
        push_locked(bus, new_reply(message, body));
        pthread_mutex_unlock(&bus->lock);
    }
    om_failure_free(failure);
    om_message_free(message);
}

void
om_server_take(OmBus *bus, OmMessage *message)
{
    OmRequest *request;
    gint64 interval;

    /* missing, null and "" are all the default namespace */
    if (g_strcmp0(message->rpc_namespace ? message->rpc_namespace : "",
                  bus->rpc_namespace ? bus->rpc_namespace : "") != 0 ||
        !om_version_compatible(bus->version, message->version)) {
        refuse(bus, message, om_failure_unsupported_version(message->version, message->method));
        return;
    }
    if (!g_strv_contains((const char *const *)bus->methods, message->method) ||
        bus->events.requested == NULL) {
        refuse(bus, message, om_failure_no_such_method(message->method));
        return;
    }
    request = g_new0(OmRequest, 1);
    request->bus = om_bus_ref(bus);
    request->message = message;
    request->link.data = request;
    interval = wants_reply(message) ? heartbeat_interval_us(message) : 0;
    request->next_heartbeat_us = interval ? g_get_monotonic_time() + interval : G_MAXINT64;
    pthread_mutex_lock(&bus->lock);
    bus->stats.requests++;
    bus->n_requests++;
    g_queue_push_tail_link(&bus->requests, &request->link);
    pthread_mutex_unlock(&bus->lock);
    bus->events.requested(request, bus->user_data);
}

gint64
om_server_heartbeats(OmBus *bus, gint64 now_us)
{
    gint64 next = G_MAXINT64;

    pthread_mutex_lock(&bus->lock);
    for (GList *link = bus->requests.head; link; link = link->next) {
        OmRequest *request = link->data;

        if (request->next_heartbeat_us <= now_us) {
            gint64 interval = heartbeat_interval_us(request->message);
            GBytes *body = om_envelope_reply_heartbeat(request->message->msg_id);
            OmOutItem *item = new_reply(request->message, body);

            if (item)
                item->deadline_us = now_us + interval; /* a late one helps nobody */
            push_locked(bus, item);
            request->next_heartbeat_us = now_us + interval;
        }
        next = MIN(next, request->next_heartbeat_us);
    }
    pthread_mutex_unlock(&bus->lock);
    return next;
}

OmMessage *
om_request_message(const OmRequest *request)
{
    return request->message;
}

/* Takes the body; NULL: a cast, nothing to say. */
static void
end(OmRequest *request, GBytes *body)
{
    OmBus *bus = request->bus;
    OmOutItem *item = body ? new_reply(request->message, body) : NULL;

    pthread_mutex_lock(&bus->lock);
    g_queue_unlink(&bus->requests, &request->link);
    if (bus->n_requests-- == bus->max_open_requests)
        om_bus_wake(bus->in_wake); /* there may be one waiting for this slot */
    push_locked(bus, item);
    pthread_mutex_unlock(&bus->lock);
    om_message_free(request->message);
    g_free(request);
    om_bus_unref(bus);
}

void
om_request_reply(OmRequest *request, const json_t *result)
{
    const OmMessage *message = request->message;
    GBytes *body = NULL;

    if (wants_reply(message)) {
        body = om_envelope_reply(message->msg_id, result);
        if (body == NULL) {
            om_request_fail(request, "TypeError", "builtins",
                            "the result cannot be written as JSON");
            return;
        }
    }
    end(request, body);
}

void
om_request_fail(OmRequest *request, const char *class_name, const char *module, const char *text)
{
    const OmMessage *message = request->message;
    GBytes *body = NULL;

    if (wants_reply(message)) {
        g_autoptr(OmFailure) failure = om_failure_new(class_name, module, text);

        body = om_envelope_reply_failure(message->msg_id, failure, NULL);
    }
    end(request, body);
}
