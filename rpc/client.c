/* Our calls to others: sent by bus-out, answered through bus-in, ended at the latest by their
 * deadline. */
#include "config.h"

#include "rpc/bus_private.h"

typedef struct {
    guint64 cookie;
    char *msg_id;
    gint64 started_us;
    gint64 deadline_us;
    gint64 monitor_us; /* 0: no call monitor */
    gint64 silent_until_us;
    gboolean heard; /* a heartbeat came */
} OmCall;

void
om_client_call_free(gpointer data)
{
    OmCall *call = data;

    g_free(call->msg_id);
    g_free(call);
}

void
om_call_result_free(OmCallResult *result)
{
    if (result == NULL)
        return;
    json_decref(result->result);
    om_failure_free(result->failure);
    g_free(result);
}

const char *
om_call_status_to_string(OmCallStatus status)
{
    static const char *const names[] = { "ok", "remote", "timeout", "nobody", "stopped" };

    return (guint)status < G_N_ELEMENTS(names) ? names[status] : "?";
}

G_DEFINE_QUARK(om_call_error_quark, om_call_error)

GError *
om_call_result_to_error(const OmCallResult *result)
{
    static const char *const texts[] = {
        [OM_CALL_TIMEOUT] = "no answer came in time",
        [OM_CALL_NOBODY] = "nobody listens there",
        [OM_CALL_STOPPED] = "the bus was stopped before an answer came",
    };
    const OmFailure *failure = result->failure;

    if (result->status == OM_CALL_OK)
        return NULL;
    if (failure != NULL)
        return g_error_new(OM_CALL_ERROR, (gint)result->status, "%s%s%s: %s", failure->module,
                           failure->module[0] != '\0' ? "." : "", failure->class_name,
                           failure->message);
    return g_error_new_literal(OM_CALL_ERROR, (gint)result->status, texts[result->status]);
}

/* ---- sending ---- */

static gint64
call_life_us(const OmCallOptions *options)
{
    return (gint64)(options && options->timeout_ms ? options->timeout_ms : 60000) * 1000;
}

static OmOutItem *
new_request(OmBus *bus, const OmTarget *target, const OmRequestFields *fields, OmOutKind kind,
            gboolean fanout, GError **error)
{
    g_autofree char *key = NULL;
    g_autofree char *exchange = NULL;
    g_autoptr(GBytes) body = om_envelope_request(fields);
    OmOutItem *item;

    if (body == NULL) {
        g_set_error(error, OM_BUS_ERROR, OM_BUS_ERROR_ENCODE, "%s: cannot be written as JSON",
                    fields->method);
        return NULL;
    }
    if (fanout) {
        exchange = g_strdup_printf("%s_fanout", target->topic);
        key = g_strdup("");
    } else {
        exchange = g_strdup(target->exchange ? target->exchange : bus->exchange);
        key = target->server ? g_strdup_printf("%s.%s", target->topic, target->server)
                             : g_strdup(target->topic);
    }
    if (strlen(key) > 255 || strlen(exchange) > 255) {
        g_set_error(error, OM_BUS_ERROR, OM_BUS_ERROR_ENCODE, "%s: the target's name is too long",
                    fields->method);
        return NULL;
    }
    item = om_out_item_new(kind, exchange, key, g_steal_pointer(&body));
    return item;
}

gboolean
om_bus_call(OmBus *bus, const OmTarget *target, const char *method, const json_t *args,
            const OmCallOptions *options, guint64 cookie, GError **error)
{
    gint64 now = g_get_monotonic_time();
    g_autofree char *msg_id = om_unique_id();
    guint monitor_s = options ? options->monitor_timeout_s : 0;
    OmRequestFields fields = {
        .method = method,
        .rpc_namespace = target->rpc_namespace,
        .version = target->version,
        .args = args,
        .context = options ? options->context : NULL,
        .msg_id = msg_id,
        .reply_q = bus->reply_queue,
        .monitor_timeout_s = monitor_s,
    };
    OmOutItem *item = new_request(bus, target, &fields, OM_OUT_CALL, FALSE, error);
    OmCall *call;
    gboolean pushed;

    if (item == NULL)
        return FALSE;
    item->mandatory = TRUE;
    item->deadline_us = now + call_life_us(options);
    item->msg_id = g_strdup(msg_id);

    call = g_new0(OmCall, 1);
    call->cookie = cookie;
    call->msg_id = g_steal_pointer(&msg_id);
    call->started_us = now;
    call->deadline_us = item->deadline_us;
    call->monitor_us = monitor_s * (gint64)G_USEC_PER_SEC;

    pthread_mutex_lock(&bus->lock);
    pushed = om_bus_push_locked(bus, item, error);
    if (pushed)
        g_hash_table_insert(bus->calls, call->msg_id, call);
    pthread_mutex_unlock(&bus->lock);
    if (!pushed) {
        om_out_item_free(item);
        om_client_call_free(call);
        return FALSE;
    }
    om_bus_wake(bus->in_wake); /* its deadline may be the next one */
    return TRUE;
}

static gboolean
send_cast(OmBus *bus, const OmTarget *target, const char *method, const json_t *args,
          const json_t *context, gboolean fanout, GError **error)
{
    OmRequestFields fields = {
        .method = method,
        .rpc_namespace = target->rpc_namespace,
        .version = target->version,
        .args = args,
        .context = context,
    };
    OmOutItem *item = new_request(bus, target, &fields, OM_OUT_CAST, fanout, error);
    gboolean pushed;

    if (item == NULL)
        return FALSE;
    item->deadline_us = g_get_monotonic_time() + OM_CAST_LIFE_US;
    pthread_mutex_lock(&bus->lock);
    pushed = om_bus_push_locked(bus, item, error);
    pthread_mutex_unlock(&bus->lock);
    if (!pushed)
        om_out_item_free(item);
    return pushed;
}

gboolean
om_bus_cast(OmBus *bus, const OmTarget *target, const char *method, const json_t *args,
            const json_t *context, GError **error)
{
    return send_cast(bus, target, method, args, context, FALSE, error);
}

gboolean
om_bus_fanout(OmBus *bus, const OmTarget *target, const char *method, const json_t *args,
              const json_t *context, GError **error)
{
    return send_cast(bus, target, method, args, context, TRUE, error);
}

/* ---- ending ---- */

/* Takes the call. Without the lock. */
static void
finish(OmBus *bus, OmCall *call, OmCallStatus status, json_t *value, OmFailure *failure)
{
    OmCallResult *result = g_new0(OmCallResult, 1);

    result->cookie = call->cookie;
    result->status = status;
    result->result = value;
    result->failure = failure;
    result->round_trip_us = g_get_monotonic_time() - call->started_us;
    om_client_call_free(call);
    if (bus->events.call_finished && !om_bus_is_silent(bus))
        bus->events.call_finished(result, bus->user_data);
    else
        om_call_result_free(result);
}

static OmCall *
steal_call_locked(OmBus *bus, const char *msg_id)
{
    gpointer call = NULL;

    g_hash_table_steal_extended(bus->calls, msg_id, NULL, &call);
    return call;
}

void
om_client_take_reply(OmBus *bus, OmMessage *reply)
{
    OmCall *call = NULL;

    pthread_mutex_lock(&bus->lock);
    bus->stats.replies++;
    if (reply->kind != OM_MESSAGE_REPLY || !g_hash_table_contains(bus->calls, reply->msg_id)) {
        bus->stats.replies_unknown++; /* late, or not for us */
    } else if (!reply->ending && reply->failure == NULL) {
        /* a heartbeat of the call monitor; a result with it (pre-Mitaka style) is kept for nobody:
         * such servers are older than what we promise */
        OmCall *waiting = g_hash_table_lookup(bus->calls, reply->msg_id);

        waiting->heard = TRUE;
        if (waiting->monitor_us > 0)
            waiting->silent_until_us = g_get_monotonic_time() + waiting->monitor_us;
    } else {
        call = steal_call_locked(bus, reply->msg_id);
    }
    pthread_mutex_unlock(&bus->lock);
    if (call) {
        OmCallStatus status = reply->failure ? OM_CALL_REMOTE : OM_CALL_OK;

        finish(bus, call, status, g_steal_pointer(&reply->result),
               g_steal_pointer(&reply->failure));
    }
    om_message_free(reply);
}

void
om_client_nobody(OmBus *bus, const char *msg_id)
{
    OmCall *call;

    pthread_mutex_lock(&bus->lock);
    call = steal_call_locked(bus, msg_id);
    pthread_mutex_unlock(&bus->lock);
    if (call)
        finish(bus, call, OM_CALL_NOBODY, NULL, NULL);
}

gboolean
om_client_is_open(OmBus *bus, const char *msg_id)
{
    gboolean open;

    pthread_mutex_lock(&bus->lock);
    open = g_hash_table_contains(bus->calls, msg_id);
    pthread_mutex_unlock(&bus->lock);
    return open;
}

void
om_client_sent(OmBus *bus, const char *msg_id)
{
    OmCall *call;

    /* the call monitor's clock starts when the request has left */
    pthread_mutex_lock(&bus->lock);
    call = g_hash_table_lookup(bus->calls, msg_id);
    if (call && call->monitor_us > 0)
        call->silent_until_us = g_get_monotonic_time() + call->monitor_us;
    pthread_mutex_unlock(&bus->lock);
}

gint64
om_client_expire(OmBus *bus, gint64 now_us, gboolean all)
{
    g_autoptr(GPtrArray) overdue = g_ptr_array_new();
    gint64 next = G_MAXINT64;
    gboolean unheard = FALSE;
    GHashTableIter iter;
    gpointer value;

    pthread_mutex_lock(&bus->lock);
    g_hash_table_iter_init(&iter, bus->calls);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        OmCall *call = value;
        gint64 deadline = call->deadline_us;

        if (call->silent_until_us > 0)
            deadline = MIN(deadline, call->silent_until_us);
        if (all || deadline <= now_us) {
            g_ptr_array_add(overdue, call);
            unheard = unheard || !call->heard;
            g_hash_table_iter_steal(&iter);
        } else {
            next = MIN(next, deadline);
        }
    }
    /* it may have been answered the old way: see to it that the next one is heard */
    if (unheard && !all && !bus->old_servers) {
        bus->old_servers = TRUE;
        om_bus_wake(bus->in_wake);
    }
    pthread_mutex_unlock(&bus->lock);
    for (guint i = 0; i < overdue->len; i++)
        finish(bus, overdue->pdata[i], all ? OM_CALL_STOPPED : OM_CALL_TIMEOUT, NULL, NULL);
    return next;
}
