/* An OmBus on strings, for the tests in Python: configuration as JSON in argv[1], orders as JSON
 * lines on standard input, everything the bus tells as JSON lines on standard output. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rpc/bus.h"

static pthread_mutex_t output = PTHREAD_MUTEX_INITIALIZER;

/* Takes the object. */
static void
emit(json_t *event)
{
    char *text = json_dumps(event, 0);

    pthread_mutex_lock(&output);
    puts(text);
    fflush(stdout);
    pthread_mutex_unlock(&output);
    free(text);
    json_decref(event);
}

static const char *
text_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static guint
number_of(const json_t *object, const char *key)
{
    return (guint)json_integer_value(json_object_get(object, key));
}

/* NULL when the key is missing */
static char **
list_of(const json_t *object, const char *key)
{
    json_t *list = json_object_get(object, key);
    GPtrArray *array = g_ptr_array_new();

    if (!json_is_array(list)) {
        g_ptr_array_free(array, TRUE);
        return NULL;
    }
    for (size_t i = 0; i < json_array_size(list); i++)
        g_ptr_array_add(array, g_strdup(json_string_value(json_array_get(list, i))));
    g_ptr_array_add(array, NULL);
    return (char **)g_ptr_array_free(array, FALSE);
}

static void
tapped(OmMessage *message, gpointer user_data)
{
    emit(json_pack("{s:s, s:i, s:s?, s:s?, s:s?, s:s?, s:s?, s:O?, s:O?}", "event", "tapped",
                   "kind", message->kind, "method", message->method, "unique_id",
                   message->unique_id, "event_type", message->event_type, "publisher_id",
                   message->publisher_id, "request_id", message->request_id, "args",
                   om_message_args(message), "payload", message->payload));
    om_message_free(message);
}

static gpointer
answer_later(gpointer data)
{
    OmRequest *request = data;
    const json_t *args = om_message_args(om_request_message(request));

    g_usleep((gulong)(json_number_value(json_object_get(args, "seconds")) * 1e6));
    om_request_reply(request, json_object_get(args, "value"));
    return NULL;
}

static void
requested(OmRequest *request, gpointer user_data)
{
    OmMessage *message = om_request_message(request);
    const json_t *args = om_message_args(message);

    emit(json_pack("{s:s, s:s, s:O?, s:s?, s:b, s:I}", "event", "requested", "method",
                   message->method, "args", args, "request_id", message->request_id, "call",
                   message->msg_id != NULL, "timeout_s", (json_int_t)message->timeout_s));
    if (g_str_equal(message->method, "slow"))
        g_thread_unref(g_thread_new("slow", answer_later, request));
    else if (g_str_equal(message->method, "fail"))
        om_request_fail(request, text_of(args, "class"), text_of(args, "module"),
                        text_of(args, "text"));
    else
        om_request_reply(request, json_object_get(args, "value"));
}

static void
call_finished(OmCallResult *result, gpointer user_data)
{
    OmFailure *failure = result->failure;

    emit(json_pack("{s:s, s:I, s:s, s:O?, s:s?, s:s?, s:s?, s:f}", "event", "finished", "cookie",
                   (json_int_t)result->cookie, "status", om_call_status_to_string(result->status),
                   "result", result->result, "class", failure ? failure->class_name : NULL,
                   "module", failure ? failure->module : NULL, "text",
                   failure ? failure->message : NULL, "seconds",
                   (double)result->round_trip_us / 1e6));
    om_call_result_free(result);
}

static void
published(guint64 cookie, OmPublishOutcome outcome, gpointer user_data)
{
    static const char *const names[] = { "confirmed", "returned", "failed" };

    emit(json_pack("{s:s, s:I, s:s}", "event", "published", "cookie", (json_int_t)cookie, "outcome",
                   names[outcome]));
}

static void
state_changed(const OmBusState *state, gpointer user_data)
{
    emit(json_pack("{s:s, s:b, s:b, s:b, s:b, s:b, s:b, s:b, s:b, s:s, s:s, s:s, s:b, s:i}",
                   "event", "state", "in", state->in_connected, "out", state->out_connected, "tap",
                   state->tap_bound, "server", state->server_ready, "replies", state->replies_ready,
                   "blocked", state->blocked, "tls", state->tls, "unverified",
                   state->tls_unverified, "in_broker", state->in_broker, "out_broker",
                   state->out_broker, "error", state->last_error, "refused",
                   state->credentials_refused, "refusals", state->credentials_refusals));
}

static void
emit_stats(OmBus *bus)
{
    OmBusStats s;
    json_t *event = json_pack("{s:s}", "event", "stats");

    om_bus_get_stats(bus, &s);

    const struct {
        const char *name;
        guint64 value;
    } counters[] = {
        { "tap_seen", s.tap_seen },
        { "tap_matched", s.tap_matched },
        { "tap_oversize", s.tap_oversize },
        { "tap_malformed", s.tap_malformed },
        { "tap_undecodable", s.tap_undecodable },
        { "tap_duplicates", s.tap_duplicates },
        { "requests", s.requests },
        { "requests_malformed", s.requests_malformed },
        { "requests_refused", s.requests_refused },
        { "requests_duplicates", s.requests_duplicates },
        { "replies", s.replies },
        { "replies_unknown", s.replies_unknown },
        { "replies_lost", s.replies_lost },
        { "published", s.published },
        { "confirmed", s.confirmed },
        { "returned", s.returned },
        { "failed", s.failed },
        { "connects", s.connects },
        { "disconnects", s.disconnects },
        { "cancels", s.cancels },
        { "rebinds", s.rebinds },
        { "last_probe_us", (guint64)s.last_probe_us },
        { "in_progress_us", (guint64)s.in_progress_us },
        { "in_flight", s.in_flight },
        { "queued", s.queued },
        { "open_requests", s.open_requests },
        { "open_calls", s.open_calls },
    };

    for (guint i = 0; i < G_N_ELEMENTS(counters); i++)
        json_object_set_new(event, counters[i].name, json_integer((json_int_t)counters[i].value));
    emit(event);
}

static void
publish(OmBus *bus, const json_t *order, GError **error)
{
    g_autoptr(GBytes) body = NULL;
    const char *raw = text_of(order, "raw");
    const char *priority = text_of(order, "priority");

    if (raw)
        body = g_bytes_new(raw, strlen(raw));
    else
        body = om_envelope_notification(text_of(order, "publisher_id"),
                                        text_of(order, "event_type"), priority ? priority : "info",
                                        json_object_get(order, "payload"), NULL, g_get_real_time());
    om_bus_publish(bus, text_of(order, "exchange"), text_of(order, "key"), body,
                   json_is_true(json_object_get(order, "mandatory")), number_of(order, "cookie"),
                   error);
}

static void
send_request(OmBus *bus, const char *op, const json_t *order, GError **error)
{
    const json_t *args = json_object_get(order, "args");
    const json_t *context = json_object_get(order, "context");
    const char *method = text_of(order, "method");
    OmTarget target = {
        .exchange = text_of(order, "exchange"),
        .topic = text_of(order, "topic"),
        .server = text_of(order, "server"),
        .rpc_namespace = text_of(order, "namespace"),
        .version = text_of(order, "version"),
    };
    OmCallOptions options = {
        .timeout_ms = number_of(order, "timeout_ms"),
        .monitor_timeout_s = number_of(order, "monitor_s"),
        .context = context,
    };

    if (g_str_equal(op, "call"))
        om_bus_call(bus, &target, method, args, &options, number_of(order, "cookie"), error);
    else if (g_str_equal(op, "cast"))
        om_bus_cast(bus, &target, method, args, context, error);
    else
        om_bus_fanout(bus, &target, method, args, context, error);
}

static void
obey(OmBus *bus, const json_t *order)
{
    const char *op = text_of(order, "op");
    g_autoptr(GError) error = NULL;

    if (g_str_equal(op, "stats")) {
        emit_stats(bus);
    } else if (g_str_equal(op, "publish")) {
        publish(bus, order, &error);
    } else if (g_str_equal(op, "reload")) {
        g_autoptr(OmTransportUrl) url = om_transport_url_parse(text_of(order, "url"), &error);

        if (url)
            om_bus_reload(bus, url, NULL);
    } else {
        send_request(bus, op, order, &error);
    }
    if (error)
        emit(json_pack("{s:s, s:I, s:i, s:s}", "event", "refused", "cookie",
                       (json_int_t)number_of(order, "cookie"), "code", error->code, "text",
                       error->message));
}

static OmBus *
new_bus(const json_t *options, GError **error)
{
    const OmBusEvents events = {
        .tapped = tapped,
        .requested = requested,
        .call_finished = call_finished,
        .published = published,
        .state_changed = state_changed,
    };
    g_autoptr(OmTransportUrl) url = om_transport_url_parse(text_of(options, "url"), error);
    g_auto(GStrv) methods = list_of(options, "methods");
    g_auto(GStrv) tap_keys = list_of(options, "tap_keys");
    g_auto(GStrv) tap_methods = list_of(options, "tap_methods");
    g_auto(OmRabbitOptions) rabbit;
    guint reconnect_ms = number_of(options, "reconnect_ms");
    OmBusConfig config = {
        .url = url,
        .rabbit = &rabbit,
        .exchange = text_of(options, "exchange"),
        .connection_name = "peer",
        .host = text_of(options, "host"),
        .out_only = json_is_true(json_object_get(options, "out_only")),
        .old_servers = json_is_true(json_object_get(options, "old_servers")),
        .probe_off = json_is_true(json_object_get(options, "probe_off")),
        .probe_interval_ms = number_of(options, "probe_interval_ms"),
        .tap = { .routing_keys = (const char *const *)tap_keys,
                 .methods = (const char *const *)tap_methods },
        .server = { .topic = text_of(options, "topic"),
                    .server = text_of(options, "host"),
                    .rpc_namespace = text_of(options, "namespace"),
                    .version = text_of(options, "version"),
                    .methods = (const char *const *)methods,
                    .max_open_requests = number_of(options, "max_open") },
    };

    om_rabbit_options_init(&rabbit);
    if (url == NULL)
        return NULL;
    rabbit.heartbeat_timeout_threshold_s = number_of(options, "heartbeat_s");
    if (rabbit.heartbeat_timeout_threshold_s == 0)
        rabbit.heartbeat_timeout_threshold_s = 60;
    if (text_of(options, "tap"))
        om_tap_queue_type_from_string(text_of(options, "tap"), &config.tap.queue_type);
    om_reconnect_options_init(&config.reconnect);
    if (reconnect_ms) {
        config.reconnect.min_us = reconnect_ms * 500;
        config.reconnect.first_us = config.reconnect.max_us = reconnect_ms * 1000;
    }
    return om_bus_new(&config, &events, NULL, error);
}

int
main(int argc, char **argv)
{
    json_t *options = argc == 2 ? json_loads(argv[1], 0, NULL) : NULL;
    g_autoptr(GError) error = NULL;
    g_autoptr(OmBus) bus = options ? new_bus(options, &error) : NULL;
    g_autofree char *line = NULL;
    size_t room = 0;
    gboolean stopped;

    if (bus == NULL || !om_bus_start(bus, &error)) {
        fprintf(stderr, "peer: %s\n", error ? error->message : "peer JSON");
        return 2;
    }
    json_decref(options);
    while (getline(&line, &room, stdin) > 0) {
        json_t *order = json_loads(line, 0, NULL);

        if (order)
            obey(bus, order);
        json_decref(order);
    }
    stopped = om_bus_stop(bus, 5000);
    emit_stats(bus);
    emit(json_pack("{s:s, s:b}", "event", "stopped", "clean", stopped));
    return stopped ? 0 : 1;
}
