#include "rpc/envelope.h"
#include "rpc/json_reader.h"

#include <string.h>

#include "rpc/scan.h"
#include "tests/unit/tap.h"

/* ---- the messages captured from real services: decode, encode again, compare ---- */

static char *
read_capture(const char *name, gsize *size)
{
    g_autofree char *path = g_test_build_filename(G_TEST_DIST, "data", "wire-bodies", name, NULL);
    char *body = NULL;
    g_autoptr(GError) error = NULL;

    g_file_get_contents(path, &body, size, &error);
    g_assert_no_error(error);
    return body;
}

/* The inner message by jansson alone. */
static json_t *
inner_of(const void *body, gsize size)
{
    json_t *outer = json_loadb(body, size, 0, NULL);
    json_t *text = json_object_get(outer, "oslo.message");
    json_t *inner;

    g_assert_nonnull(outer);
    if (text == NULL)
        return outer;
    g_assert_cmpstr(json_string_value(json_object_get(outer, "oslo.version")), ==, "2.0");
    inner = json_loads(json_string_value(text), 0, NULL);
    json_decref(outer);
    g_assert_nonnull(inner);
    return inner;
}

/* Takes the `_context_` keys out of inner, with the prefix cut off. */
static json_t *
split_context(json_t *inner)
{
    json_t *context = json_object();
    const char *key;
    json_t *value;
    void *next;

    json_object_foreach_safe(inner, next, key, value)
    {
        if (!g_str_has_prefix(key, "_context_"))
            continue;
        json_object_set(context, key + strlen("_context_"), value);
        json_object_del(inner, key);
    }
    return context;
}

/* Takes both. */
static void
assert_json_equal(json_t *got, json_t *wanted)
{
    if (!json_equal(got, wanted)) {
        g_autofree char *a = json_dumps(got, JSON_INDENT(1) | JSON_SORT_KEYS);
        g_autofree char *b = json_dumps(wanted, JSON_INDENT(1) | JSON_SORT_KEYS);

        g_error("got %s\nwanted %s", a, b);
    }
    json_decref(got);
    json_decref(wanted);
}

static OmMessage *
decode(const char *body, gsize size)
{
    g_autoptr(GError) error = NULL;
    OmMessage *message = om_envelope_decode(body, size, &error);

    g_assert_no_error(error);
    return message;
}

static json_t *
inner_of_bytes(GBytes *bytes)
{
    return inner_of(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes));
}

static void
compare_request(OmMessage *message, json_t *wanted)
{
    json_t *context = split_context(wanted);
    g_autoptr(GBytes) again = NULL;
    json_t *got;

    g_assert_cmpstr(message->request_id, ==,
                    json_string_value(json_object_get(context, "request_id")));

    OmRequestFields fields = {
        .method = message->method,
        .rpc_namespace = message->rpc_namespace,
        .version = message->version,
        .args = om_message_args(message),
        .context = context,
        .unique_id = message->unique_id,
        .msg_id = message->msg_id,
        .reply_q = message->reply_q,
        .monitor_timeout_s = (guint)message->timeout_s,
    };

    again = om_envelope_request(&fields);
    got = inner_of_bytes(again);
    assert_json_equal(split_context(got), context);
    assert_json_equal(got, wanted);
}

static void
check_request(const char *name, const char *method, const char *version)
{
    gsize size;
    g_autofree char *body = read_capture(name, &size);
    g_autoptr(OmMessage) message = decode(body, size);

    g_assert_cmpint(message->kind, ==, OM_MESSAGE_REQUEST);
    g_assert_cmpstr(message->method, ==, method);
    g_assert_cmpstr(message->version, ==, version);
}

static void
test_requests(void)
{
    check_request("cast.live_migration.message.json", "live_migration", "6.0");
    check_request("cast.live_migration.dest_none_migrate_data_none.message.json", "live_migration",
                  "6.0");
    check_request("call.pre_live_migration.message.json", "pre_live_migration", "6.0");
    check_request("call.check_can_live_migrate_destination.message.json",
                  "check_can_live_migrate_destination", "6.0");
    check_request("call.check_can_live_migrate_source.message.json",
                  "check_can_live_migrate_source", "6.0");
    check_request("call.post_live_migration_at_destination.message.json",
                  "post_live_migration_at_destination", "6.0");
    check_request("cast.rollback_live_migration_at_destination.message.json",
                  "rollback_live_migration_at_destination", "6.0");
    check_request("cast.live_migration_abort.message.json", "live_migration_abort", "6.0");
    check_request("conductor.call.object_action.Migration.save.status.message.json",
                  "object_action", "3.0");
    check_request("call.namespace.message.json", "ping_ns", "1.2");
    check_request("call.no_version_no_namespace_topic_only.message.json", "nothing", NULL);
}

static void
test_call_monitor_timeout(void)
{
    gsize size;
    g_autofree char *body = read_capture("call.call_monitor_timeout.message.json", &size);
    g_autoptr(OmMessage) message = om_envelope_decode(body, size, NULL);

    g_assert_nonnull(message);
    g_assert_cmpint(message->timeout_s, ==, 2);
    g_assert_nonnull(message->reply_q);
}

static void
compare_reply(const OmMessage *message, json_t *wanted)
{
    g_autoptr(GBytes) again = message->ending ? om_envelope_reply(message->msg_id, message->result)
                                              : om_envelope_reply_heartbeat(message->msg_id);
    json_t *got = inner_of_bytes(again);

    g_assert_cmpuint(strlen(json_string_value(json_object_get(got, "_unique_id"))), ==, 32);
    json_object_set(got, "_unique_id", json_object_get(wanted, "_unique_id"));
    assert_json_equal(got, wanted);
}

static void
compare_failure(const OmMessage *message, json_t *wanted)
{
    json_t *failure = json_loads(json_string_value(json_object_get(wanted, "failure")), 0, NULL);
    g_autoptr(GBytes) again = om_envelope_reply_failure(message->msg_id, message->failure,
                                                        json_object_get(failure, "kwargs"));
    json_t *got = inner_of_bytes(again);
    g_autofree char *text = g_strdup(json_string_value(json_object_get(got, "failure")));
    const char *key;
    json_t *value;

    g_assert_true(message->ending);
    g_assert_cmpstr(message->failure->message, ==,
                    json_string_value(json_object_get(failure, "message")));
    json_object_set(got, "_unique_id", json_object_get(wanted, "_unique_id"));
    json_object_set(got, "failure", json_object_get(wanted, "failure"));
    assert_json_equal(got, wanted);

    /* the same keys of the same types; we send no traceback, and the text as the only argument */
    got = json_loads(text, 0, NULL);
    g_assert_cmpuint(json_object_size(got), ==, json_object_size(failure));
    json_object_foreach(failure, key, value)
        g_assert_cmpint(json_typeof(json_object_get(got, key)), ==, json_typeof(value));
    g_assert_true(json_equal(json_object_get(got, "kwargs"), json_object_get(failure, "kwargs")));
    json_decref(got);
    json_decref(failure);
}

static void
check_failure(const char *name, const char *class_name, const char *module)
{
    gsize size;
    g_autofree char *body = read_capture(name, &size);
    g_autoptr(OmMessage) message = decode(body, size);

    g_assert_cmpstr(message->failure->class_name, ==, class_name);
    g_assert_cmpstr(message->failure->module, ==, module);
}

static void
test_failures(void)
{
    check_failure("reply.failure.nova_exception.reply.failure.json", "MigrationPreCheckError",
                  "nova.exception");
    check_failure("reply.failure.builtin.reply.failure.json", "ValueError", "builtins");
    check_failure("reply.failure.unknown_method.reply.failure.json", "NoSuchMethod",
                  "oslo_messaging.rpc.dispatcher");
    check_failure("reply.failure.version_too_new.reply.failure.json", "UnsupportedVersion",
                  "oslo_messaging.rpc.dispatcher");
}

static void
compare_notification(const OmMessage *message, json_t *wanted)
{
    g_autoptr(GTimeZone) utc = g_time_zone_new_utc();
    g_autoptr(GDateTime) when = g_date_time_new_from_iso8601(message->timestamp, utc);
    g_autofree char *priority = g_ascii_strdown(message->priority, -1);
    g_autoptr(GBytes) again = NULL;
    json_t *got;

    g_assert_nonnull(when);
    again = om_envelope_notification(
        message->publisher_id, message->event_type, priority, message->payload, message->message_id,
        g_date_time_to_unix(when) * G_USEC_PER_SEC + g_date_time_get_microsecond(when));
    got = inner_of_bytes(again);
    json_decref(split_context(wanted)); /* ours have none */
    json_object_set(got, "_unique_id", json_object_get(wanted, "_unique_id"));
    assert_json_equal(got, wanted);
}

static void
check_notification(const char *name, const char *event_type, const char *publisher_id)
{
    gsize size;
    g_autofree char *body = read_capture(name, &size);
    g_autoptr(OmMessage) message = decode(body, size);

    g_assert_cmpint(message->kind, ==, OM_MESSAGE_NOTIFICATION);
    g_assert_cmpstr(message->event_type, ==, event_type);
    g_assert_cmpstr(message->publisher_id, ==, publisher_id);
}

static void
test_notifications(void)
{
    check_notification("notification.raw.priority.info.message.json", "agent.event", "agent.hostA");
    check_notification("notification.raw.driver_messaging_v1_no_envelope.message.json",
                       "agent.event", "agent.hostA");
    check_notification("notification.versioned.instance.live_migration_pre.start.message.json",
                       "instance.live_migration_pre.start", "nova-compute:hostA");
    check_notification("notification.legacy.compute.instance.live_migration.pre.start.message.json",
                       "compute.instance.live_migration.pre.start", "compute.hostA");
}

static void
check_capture(const char *name)
{
    gsize size;
    g_autofree char *body = read_capture(name, &size);
    g_autoptr(OmMessage) message = decode(body, size);
    json_t *wanted = inner_of(body, size);

    switch (message->kind) {
    case OM_MESSAGE_REQUEST:
        compare_request(message, wanted);
        break;
    case OM_MESSAGE_REPLY:
        (message->failure ? compare_failure : compare_reply)(message, wanted);
        break;
    case OM_MESSAGE_NOTIFICATION:
        compare_notification(message, wanted);
        break;
    }
}

static void
test_every_capture(void)
{
    g_autofree char *path = g_test_build_filename(G_TEST_DIST, "data", "wire-bodies", NULL);
    g_autoptr(GDir) folder = g_dir_open(path, 0, NULL);
    const char *name;
    guint n = 0;

    g_assert_nonnull(folder);
    while ((name = g_dir_read_name(folder)) != NULL) {
        g_test_message("%s", name);
        check_capture(name);
        n++;
    }
    g_assert_cmpuint(n, ==, 95);
}

/* ---- what the reader looks at 64 bytes at once ---- */

static void
check_as_jansson(const char *text, gsize size)
{
    OmJsonFault fault;
    json_t *wanted = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
    json_t *got = om_json_read(text, size, OM_ENVELOPE_MAX_DEPTH, NULL, &fault);

    g_assert_cmpint(json_equal(got, wanted), ==, wanted != NULL);
    g_assert_cmpint(got == NULL, ==, wanted == NULL);
    json_decref(wanted);
    json_decref(got);
}

static void
test_strings(void)
{
    static const char *const marks[] = { "",     "\\\"", "\\\\",    "\\u00e9", "\xc3\xa9",
                                         "\x7f", "\x80", "\x1f",    "\x01",    "\"",
                                         "\\",   "!",    "\\u0000", "\\x",     "\xed\xa0\x80" };

    for (guint length = 0; length <= 70; length++) {
        for (guint at = 0; at <= length; at++) {
            for (guint i = 0; i < G_N_ELEMENTS(marks); i++) {
                g_autofree char *before = g_strnfill(at, 'b');
                g_autofree char *after = g_strnfill(length - at, '[');
                g_autofree char *text =
                    g_strconcat("{\"k\": \"", before, marks[i], after, "\"}", NULL);

                check_as_jansson(text, strlen(text));
                check_as_jansson(text, strlen(text) - 2); /* it ends inside the string */
            }
        }
    }
}

static OmJsonTreatment
treat_by_letter(const char *key)
{
    return *key == 's' ? OM_JSON_SKIP : *key == 't' ? OM_JSON_TEXT : OM_JSON_BUILD;
}

static void
check_skipped(const char *text)
{
    OmJsonFault fault;
    json_t *wanted = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    json_t *got = om_json_read(text, strlen(text), OM_ENVELOPE_MAX_DEPTH, treat_by_letter, &fault);
    json_t *kept = json_loads(json_string_value(json_object_get(got, "t")), 0, NULL);

    g_assert_nonnull(wanted);
    g_assert_null(json_object_get(got, "s"));
    g_assert_true(json_equal(kept, json_object_get(wanted, "t")));
    g_assert_true(json_equal(json_object_get(got, "b"), json_object_get(wanted, "b")));
    for (gsize size = 0; size < strlen(text); size++)
        g_assert_null(om_json_read(text, size, OM_ENVELOPE_MAX_DEPTH, treat_by_letter, &fault));
    json_decref(wanted);
    json_decref(got);
    json_decref(kept);
}

static void
test_skipped(void)
{
    static const char *const pieces[] = { "",     "]}",       "{[",        "\\\"",
                                          "\\\\", "\\\\\\\"", "\\\"]\\\\", "\\\\\\\\" };

    for (guint length = 0; length <= 70; length++) {
        for (guint i = 0; i < G_N_ELEMENTS(pieces); i++) {
            g_autofree char *before = g_strnfill(length, 'b');
            g_autofree char *string = g_strconcat("\"", before, pieces[i], "\"", NULL);
            g_autofree char *text =
                g_strdup_printf("{\"s\": {%s: [1, {\"m\": []}]}, \"t\": [%s, {}, 2], \"b\": [%s]}",
                                string, string, string);

            check_skipped(text);
        }
    }
}

/* What is skipped is judged when it is read. */
static void
test_args_that_are_none(void)
{
    static const char body[] = "{\"method\": \"a\", \"args\": {\"b\": nonsense}}";
    g_autoptr(OmMessage) message = decode(body, strlen(body));

    g_assert_null(om_message_args(message));
    g_assert_null(om_message_args(message));
}

/* ---- hostile bodies ---- */

static void
assert_refused(const char *body, OmEnvelopeError code)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(OmMessage) message = om_envelope_decode(body, strlen(body), &error);

    g_assert_null(message);
    g_assert_error(error, OM_ENVELOPE_ERROR, (int)code);
    /* an error is logged: nothing of the body may stand in it */
    g_assert_null(strstr(error->message, "secret"));
}

static void
test_refused(void)
{
    const OmEnvelopeError malformed = OM_ENVELOPE_ERROR_MALFORMED;

    assert_refused("", malformed);
    assert_refused("secret", malformed);
    assert_refused("[1]", malformed);
    assert_refused("{\"method\": \"secret\"", malformed);
    assert_refused("{\"method\": 3}", malformed);
    assert_refused("{\"method\": null}", malformed);
    assert_refused("{\"method\": \"a\", \"args\": [1]}", malformed);
    assert_refused("{\"method\": \"a\", \"args\": {\"b\": [}", malformed);
    assert_refused("{\"method\": \"a\", \"namespace\": {}}", malformed);
    assert_refused("{\"method\": \"a\", \"version\": 1.0}", malformed);
    assert_refused("{\"method\": \"a\", \"method\": \"secret\"}", malformed);
    assert_refused("{\"method\": \"\xff\"}", malformed);
    assert_refused("{\"_msg_id\": 5, \"ending\": true}", malformed);
    assert_refused("{\"_msg_id\": \"a\", \"failure\": 5}", malformed);
    assert_refused("{\"_msg_id\": \"a\", \"failure\": \"secret\"}", malformed);
    assert_refused("{\"event_type\": 5}", malformed);
    assert_refused("{}", OM_ENVELOPE_ERROR_UNKNOWN);
    assert_refused("{\"oslo.version\": \"2.1\", \"oslo.message\": \"{}\"}",
                   OM_ENVELOPE_ERROR_VERSION);
    assert_refused("{\"oslo.version\": 2.0, \"oslo.message\": \"{}\"}", OM_ENVELOPE_ERROR_VERSION);
    assert_refused("{\"oslo.version\": \"2.0\", \"oslo.message\": {}}", malformed);
    assert_refused("{\"oslo.version\": \"2.0\", \"oslo.message\": \"secret\"}", malformed);
}

static char *
nested(guint levels, const char *before, const char *after)
{
    GString *text = g_string_new(before);

    for (guint i = 0; i < levels; i++)
        g_string_append_c(text, '[');
    for (guint i = 0; i < levels; i++)
        g_string_append_c(text, ']');
    g_string_append(text, after);
    return g_string_free(text, FALSE);
}

static void
test_depth(void)
{
    g_autofree char *allowed =
        nested(OM_ENVELOPE_MAX_DEPTH - 2, "{\"method\": \"a\", \"args\": {\"x\": ", "}}");
    g_autofree char *deep =
        nested(OM_ENVELOPE_MAX_DEPTH - 1, "{\"method\": \"a\", \"args\": {\"x\": ", "}}");
    g_autofree char *bottomless = nested(500000, "{\"a\": ", "}");
    g_autoptr(OmMessage) message = om_envelope_decode(allowed, strlen(allowed), NULL);
    /* brackets in a string are no nesting, however it is escaped */
    const char *quoted = "{\"method\": \"[[\\\\\\\"[[[\\\\\", \"args\": {\"]]\": \"{{{{\"}}";
    g_autoptr(OmMessage) strings = om_envelope_decode(quoted, strlen(quoted), NULL);

    g_assert_nonnull(message);
    g_assert_nonnull(strings);
    g_assert_cmpstr(strings->method, ==, "[[\\\"[[[\\");
    assert_refused(deep, OM_ENVELOPE_ERROR_TOO_DEEP);
    assert_refused(bottomless, OM_ENVELOPE_ERROR_TOO_DEEP);
}

static void
test_tolerated(void)
{
    const char *bare = "{\"method\": \"a\", \"namespace\": null, \"_timeout\": \"x\", "
                       "\"_context_auth_token\": \"secret\", \"_context_request_id\": [1]}";
    g_autoptr(OmMessage) message = om_envelope_decode(bare, strlen(bare), NULL);
    g_autofree char *args = NULL;

    g_assert_nonnull(message);
    g_assert_null(message->rpc_namespace);
    g_assert_null(message->msg_id);
    g_assert_null(message->request_id);
    g_assert_cmpint(message->timeout_s, ==, 0);
    args = json_dumps(om_message_args(message), 0);
    g_assert_cmpstr(args, ==, "{}");
}

/* ---- the small rules ---- */

static void
test_versions(void)
{
    static const struct {
        const char *implemented, *requested;
        gboolean compatible;
    } cases[] = {
        { "1.4", "1.0", TRUE },      { "1.4", "1.4", TRUE },
        { "1.4", "1.5", FALSE },     { "1.4", "2.0", FALSE },
        { "1.4", "0.9", FALSE },     { "1.4", NULL, TRUE },
        { NULL, "1.0", TRUE },       { "1.4.2", "1.4.2", TRUE },
        { "1.4.2", "1.4.3", FALSE }, { "1.4.2", "1.3.9", TRUE },
        { "1.4", "1", TRUE },        { "1.4", "", FALSE },
        { "1.4", "1.x", FALSE },     { "1.4", "1.-1", FALSE },
        { "1.4", "1.0.0.0", FALSE }, { "1.4", "99999999999.1", FALSE },
        { "1.4", "1.", FALSE },      { "1.4", "+1.0", FALSE },
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++)
        g_assert_cmpint(om_version_compatible(cases[i].implemented, cases[i].requested), ==,
                        cases[i].compatible);
}

static void
test_scan(void)
{
    static const char *const names[] = { "live_migration", "pre_live_migration", NULL };
    static const struct {
        const char *body;
        gboolean found;
    } cases[] = {
        { "{\"method\": \"live_migration\"}", TRUE },
        { "{\\\"method\\\": \\\"pre_live_migration\\\"}", TRUE },
        { "{\"method\":\"live_migration\"}", TRUE },
        { "{\"method\": \"live_migration_abort\"}", FALSE },
        { "{\"method\": \"xlive_migration\"}", FALSE },
        { "{\"objmethod\": \"save\", \"method\": \"live_migration\"}", TRUE },
        { "{\"method\": \"live_migration", FALSE },
        { "live_migration", FALSE },
        { "method", FALSE },
        { "", FALSE },
    };
    gsize size;
    g_autofree char *capture = read_capture("cast.live_migration.message.json", &size);

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++)
        g_assert_cmpint(om_scan_for_methods(cases[i].body, strlen(cases[i].body), names), ==,
                        cases[i].found);
    g_assert_true(om_scan_for_methods(capture, size, names));
}

static void
test_unique_ids(void)
{
    g_autofree char *a = om_unique_id();
    g_autofree char *b = om_unique_id();
    g_autofree char *uuid = om_uuid();

    g_assert_cmpuint(strlen(a), ==, 32);
    g_assert_cmpint(a[12], ==, '4');
    g_assert_cmpstr(a, !=, b);
    g_assert_true(g_uuid_string_is_valid(uuid));
}

static void
test_admin_context(void)
{
    json_t *context = om_context_admin("req-1");

    /* with a project_id nova-compute looks the request id up and fails */
    g_assert_true(json_is_true(json_object_get(context, "is_admin")));
    g_assert_true(json_is_null(json_object_get(context, "project_id")));
    g_assert_cmpstr(json_string_value(json_object_get(context, "request_id")), ==, "req-1");
    json_decref(context);
}

static void
test_long_failure_text_is_cut(void)
{
    g_autofree char *text = g_strnfill(OM_FAILURE_MAX_TEXT_BYTES + 50, 'x');
    json_t *value = json_pack("{s:s, s:s}", "class", "A", "message", text);
    g_autoptr(OmFailure) failure = om_failure_decode(value);

    g_assert_cmpuint(strlen(failure->message), <=, OM_FAILURE_MAX_TEXT_BYTES);
    g_assert_cmpuint(strlen(failure->message), >, OM_FAILURE_MAX_TEXT_BYTES - 8);
    json_decref(value);
}

int
main(int argc, char **argv)
{
    nma_test_init(argc, argv);
    g_test_add_func("/rpc/envelope/captured-requests", test_requests);
    g_test_add_func("/rpc/envelope/call-monitor-timeout", test_call_monitor_timeout);
    g_test_add_func("/rpc/envelope/captured-failures", test_failures);
    g_test_add_func("/rpc/envelope/captured-notifications", test_notifications);
    g_test_add_func("/rpc/envelope/every-capture", test_every_capture);
    g_test_add_func("/rpc/envelope/strings", test_strings);
    g_test_add_func("/rpc/envelope/skipped", test_skipped);
    g_test_add_func("/rpc/envelope/args-that-are-none", test_args_that_are_none);
    g_test_add_func("/rpc/envelope/refused", test_refused);
    g_test_add_func("/rpc/envelope/depth", test_depth);
    g_test_add_func("/rpc/envelope/tolerated", test_tolerated);
    g_test_add_func("/rpc/envelope/versions", test_versions);
    g_test_add_func("/rpc/envelope/scan", test_scan);
    g_test_add_func("/rpc/envelope/unique-ids", test_unique_ids);
    g_test_add_func("/rpc/envelope/admin-context", test_admin_context);
    g_test_add_func("/rpc/failure/long-text", test_long_failure_text_is_cut);
    return g_test_run();
}
