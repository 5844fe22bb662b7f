#include "rpc/envelope.h"

#include <string.h>
#include <sys/random.h>

#include "rpc/json_reader.h"

G_DEFINE_QUARK(om_envelope_error_quark, om_envelope_error)

#define ENVELOPE_VERSION "2.0"
#define CONTEXT_PREFIX   "_context_"

/* ---- reading ---- */

/* The rest of the context is of no use to us: the token in it is not even kept in memory. */
static OmJsonTreatment
treat_member(const char *key)
{
    if (g_str_equal(key, "args"))
        return OM_JSON_TEXT;
    if (!g_str_has_prefix(key, CONTEXT_PREFIX) || g_str_equal(key, CONTEXT_PREFIX "request_id") ||
        g_str_equal(key, CONTEXT_PREFIX "user_id"))
        return OM_JSON_BUILD;
    return OM_JSON_SKIP;
}

static json_t *
load(const char *text, gsize size, const char *what, GError **error)
{
    OmJsonFault fault;
    json_t *value = om_json_read(text, size, OM_ENVELOPE_MAX_DEPTH, treat_member, &fault);

    if (value == NULL && fault.what == OM_JSON_TOO_DEEP)
        g_set_error(error, OM_ENVELOPE_ERROR, OM_ENVELOPE_ERROR_TOO_DEEP, "%s: more than %d levels",
                    what, OM_ENVELOPE_MAX_DEPTH);
    else if (value == NULL)
        /* what stands there is not quoted */
        g_set_error(error, OM_ENVELOPE_ERROR, OM_ENVELOPE_ERROR_MALFORMED,
                    "%s: not a JSON object at byte %" G_GSIZE_FORMAT, what, fault.at);
    return value;
}

/* The inner message, without the wrapping if there is one. */
static json_t *
unwrap(const void *body, gsize size, GError **error)
{
    json_t *outer = load(body, size, "envelope", error);
    json_t *version;
    json_t *text;
    json_t *inner = NULL;

    if (outer == NULL)
        return NULL;
    version = json_object_get(outer, "oslo.version");
    text = json_object_get(outer, "oslo.message");
    if (version == NULL || text == NULL)
        return outer;
    if (g_strcmp0(json_string_value(version), ENVELOPE_VERSION) != 0)
        g_set_error(error, OM_ENVELOPE_ERROR, OM_ENVELOPE_ERROR_VERSION,
                    "envelope: a version other than " ENVELOPE_VERSION);
    else if (!json_is_string(text))
        g_set_error(error, OM_ENVELOPE_ERROR, OM_ENVELOPE_ERROR_MALFORMED,
                    "envelope: oslo.message is not a string");
    else
        inner = load(json_string_value(text), json_string_length(text), "message", error);
    json_decref(outer);
    return inner;
}

/* Copies a string; FALSE when the key is there with another type (null counts as missing). */
static gboolean
take_string(const json_t *object, const char *key, char **out)
{
    json_t *value = json_object_get(object, key);

    if (value == NULL || json_is_null(value))
        return TRUE;
    if (!json_is_string(value))
        return FALSE;
    *out = g_strdup(json_string_value(value));
    return TRUE;
}

static json_t *
take_json(const json_t *object, const char *key)
{
    json_t *value = json_object_get(object, key);

    return json_is_null(value) ? NULL : json_incref(value);
}

/* The text of an object, or of null. */
static gboolean
take_args(json_t *text, OmMessage *message)
{
    const char *args = text ? json_string_value(text) : "{}";

    message->args = json_incref(text);
    return *args == '{' || g_str_equal(args, "null");
}

static gboolean
decode_request(const json_t *inner, OmMessage *message)
{
    json_t *timeout = json_object_get(inner, "_timeout");

    message->kind = OM_MESSAGE_REQUEST;
    if (!take_string(inner, "method", &message->method) || message->method == NULL ||
        !take_string(inner, "namespace", &message->rpc_namespace) ||
        !take_string(inner, "version", &message->version) ||
        !take_string(inner, "_reply_q", &message->reply_q))
        return FALSE;
    /* Python ignores a monitor timeout that is no number; so do we */
    if (json_is_number(timeout)) {
        double seconds = json_number_value(timeout);

        message->timeout_s = seconds >= 1 && seconds <= G_MAXINT32 ? (gint64)seconds : 0;
    }
    return take_args(json_object_get(inner, "args"), message);
}

static gboolean
decode_reply(const json_t *inner, OmMessage *message)
{
    json_t *failure = json_object_get(inner, "failure");

    message->kind = OM_MESSAGE_REPLY;
    message->ending = json_is_true(json_object_get(inner, "ending"));
    message->result = take_json(inner, "result");
    if (failure == NULL || json_is_null(failure))
        return TRUE;
    message->failure = om_failure_decode(failure);
    return message->failure != NULL;
}

static gboolean
decode_notification(const json_t *inner, OmMessage *message)
{
    message->kind = OM_MESSAGE_NOTIFICATION;
    message->payload = take_json(inner, "payload");
    return take_string(inner, "event_type", &message->event_type) && message->event_type != NULL &&
           take_string(inner, "publisher_id", &message->publisher_id) &&
           take_string(inner, "priority", &message->priority) &&
           take_string(inner, "message_id", &message->message_id) &&
           take_string(inner, "timestamp", &message->timestamp);
}

OmMessage *
om_envelope_decode(const void *body, gsize size, GError **error)
{
    g_autoptr(OmMessage) message = NULL;
    json_t *inner = unwrap(body, size, error);
    gboolean valid;

    if (inner == NULL)
        return NULL;
    message = g_new0(OmMessage, 1);
    valid = take_string(inner, "_unique_id", &message->unique_id) &&
            take_string(inner, "_msg_id", &message->msg_id);
    /* of no consequence for us, hence tolerant */
    take_string(inner, CONTEXT_PREFIX "request_id", &message->request_id);
    take_string(inner, CONTEXT_PREFIX "user_id", &message->user_id);

    if (json_object_get(inner, "method")) {
        valid = valid && decode_request(inner, message);
    } else if (json_object_get(inner, "event_type")) {
        valid = valid && decode_notification(inner, message);
    } else if (message->msg_id) {
        valid = valid && decode_reply(inner, message);
    } else if (valid) {
        json_decref(inner);
        g_set_error(error, OM_ENVELOPE_ERROR, OM_ENVELOPE_ERROR_UNKNOWN,
                    "message: neither request, reply nor notification");
        return NULL;
    }
    json_decref(inner);
    if (!valid) {
        g_set_error(error, OM_ENVELOPE_ERROR, OM_ENVELOPE_ERROR_MALFORMED,
                    "message: a key of the protocol has the wrong type");
        return NULL;
    }
    return g_steal_pointer(&message);
}

json_t *
om_message_args(OmMessage *message)
{
    const char *text = json_string_value(message->args);
    OmJsonFault fault;
    json_t *read;

    if (message->args == NULL || g_strcmp0(text, "null") == 0) {
        read = json_object();
    } else if (text) {
        read = om_json_read(text, strlen(text), OM_ENVELOPE_MAX_DEPTH, NULL, &fault);
        if (read == NULL) /* not asked a second time */
            read = json_null();
    } else {
        return json_is_object(message->args) ? message->args : NULL;
    }
    json_decref(message->args);
    message->args = read;
    return json_is_object(read) ? read : NULL;
}

void
om_message_free(OmMessage *message)
{
    if (message == NULL)
        return;
    g_free(message->unique_id);
    g_free(message->msg_id);
    g_free(message->request_id);
    g_free(message->user_id);
    g_free(message->method);
    g_free(message->rpc_namespace);
    g_free(message->version);
    g_free(message->reply_q);
    json_decref(message->args);
    json_decref(message->result);
    om_failure_free(message->failure);
    g_free(message->event_type);
    g_free(message->publisher_id);
    g_free(message->priority);
    g_free(message->message_id);
    g_free(message->timestamp);
    json_decref(message->payload);
    g_free(message);
}

/* One to three numbers; those that are missing are left alone. */
static gboolean
parse_version(const char *text, guint64 parts[3])
{
    for (guint i = 0; i < 3; i++) {
        char *end;

        if (!g_ascii_isdigit(*text))
            return FALSE;
        parts[i] = g_ascii_strtoull(text, &end, 10);
        if (parts[i] > G_MAXUINT32)
            return FALSE;
        if (*end != '.')
            return *end == '\0';
        text = end + 1;
    }
    return FALSE;
}

gboolean
om_version_compatible(const char *implemented, const char *requested)
{
    guint64 ours[3] = { 0 };
    guint64 theirs[3] = { 0 };

    if (!parse_version(implemented ? implemented : "1.0", ours) ||
        !parse_version(requested ? requested : "1.0", theirs) || ours[0] != theirs[0] ||
        theirs[1] > ours[1])
        return FALSE;
    return theirs[1] < ours[1] || theirs[2] <= ours[2];
}

/* ---- writing ---- */

static char *
random_uuid(const char *separator)
{
    guint8 b[16] = { 0 };
    GString *out = g_string_sized_new(36);

    /* without flags getrandom() of 16 bytes cannot fail once the kernel is seeded */
    if (getrandom(b, sizeof b, 0) != (gssize)sizeof b)
        g_error("getrandom failed");
    b[6] = (guint8)((b[6] & 0x0f) | 0x40);
    b[8] = (guint8)((b[8] & 0x3f) | 0x80);
    for (guint i = 0; i < sizeof b; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            g_string_append(out, separator);
        g_string_append_printf(out, "%02x", b[i]);
    }
    return g_string_free(out, FALSE);
}

char *
om_unique_id(void)
{
    return random_uuid("");
}

char *
om_uuid(void)
{
    return random_uuid("-");
}

/* Takes inner; NULL when it is NULL or cannot be written. */
static GBytes *
wrap(json_t *inner)
{
    char *text = inner ? json_dumps(inner, JSON_ENSURE_ASCII) : NULL;
    json_t *outer = NULL;
    char *body = NULL;
    GBytes *bytes = NULL;

    if (text)
        outer = json_pack("{s:s, s:s}", "oslo.version", ENVELOPE_VERSION, "oslo.message", text);
    if (outer)
        body = json_dumps(outer, JSON_ENSURE_ASCII);
    if (body)
        bytes = g_bytes_new(body, strlen(body));
    free(body);
    free(text);
    json_decref(outer);
    json_decref(inner);
    return bytes;
}

static void
set_string(json_t *object, const char *key, const char *value)
{
    json_object_set_new(object, key, value ? json_string(value) : json_null());
}

static gboolean
set_context(json_t *object, const json_t *context)
{
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)context, key, value)
    {
        g_autofree char *name = g_strconcat(CONTEXT_PREFIX, key, NULL);

        if (json_object_set_new(object, name, json_deep_copy(value)) != 0)
            return FALSE;
    }
    return TRUE;
}

GBytes *
om_envelope_request(const OmRequestFields *fields)
{
    json_t *inner = json_object();
    json_t *args = fields->args ? json_deep_copy(fields->args) : json_object();
    g_autofree char *fresh = fields->unique_id ? NULL : om_unique_id();

    set_string(inner, "method", fields->method);
    if (args == NULL || json_object_set_new(inner, "args", args) != 0 ||
        !set_context(inner, fields->context)) {
        json_decref(inner);
        return NULL;
    }
    if (fields->rpc_namespace)
        set_string(inner, "namespace", fields->rpc_namespace);
    if (fields->version)
        set_string(inner, "version", fields->version);
    set_string(inner, "_unique_id", fields->unique_id ? fields->unique_id : fresh);
    if (fields->msg_id) {
        set_string(inner, "_msg_id", fields->msg_id);
        set_string(inner, "_reply_q", fields->reply_q);
        json_object_set_new(inner, "_timeout",
                            fields->monitor_timeout_s ? json_integer(fields->monitor_timeout_s)
                                                      : json_null());
    }
    return wrap(inner);
}

static json_t *
new_reply(const char *msg_id, gboolean ending)
{
    g_autofree char *unique_id = om_unique_id();

    /* the caller needs `failure` and a true `ending`, even with a result in hand */
    return json_pack("{s:n, s:n, s:b, s:s, s:s}", "result", "failure", "ending", ending, "_msg_id",
                     msg_id, "_unique_id", unique_id);
}

GBytes *
om_envelope_reply(const char *msg_id, const json_t *result)
{
    json_t *inner = new_reply(msg_id, TRUE);

    if (inner && result) {
        json_t *copy = json_deep_copy(result);

        if (copy == NULL || json_object_set_new(inner, "result", copy) != 0) {
            json_decref(inner);
            return NULL;
        }
    }
    return wrap(inner);
}

GBytes *
om_envelope_reply_failure(const char *msg_id, const OmFailure *failure, const json_t *kwargs)
{
    json_t *inner = new_reply(msg_id, TRUE);
    g_autofree char *text = om_failure_encode(failure, kwargs);

    if (inner)
        set_string(inner, "failure", text);
    return text ? wrap(inner) : (json_decref(inner), NULL);
}

GBytes *
om_envelope_reply_heartbeat(const char *msg_id)
{
    return wrap(new_reply(msg_id, FALSE));
}

GBytes *
om_envelope_notification(const char *publisher_id, const char *event_type, const char *priority,
                         const json_t *payload, const char *message_id, gint64 wall_us)
{
    g_autoptr(GDateTime) when = g_date_time_new_from_unix_utc(wall_us / G_USEC_PER_SEC);
    g_autofree char *seconds = when ? g_date_time_format(when, "%Y-%m-%d %H:%M:%S") : NULL;
    g_autofree char *timestamp =
        g_strdup_printf("%s.%06d", seconds ? seconds : "", (int)(wall_us % G_USEC_PER_SEC));
    g_autofree char *upper = g_ascii_strup(priority, -1);
    g_autofree char *fresh = message_id ? NULL : om_uuid();
    /* derived, so that a repetition of the same notification has the same id: consumers that
     * know a repeat by `_unique_id` then see it */
    g_autofree char *unique_id = g_strdup(message_id ? message_id : fresh);
    json_t *inner;
    json_t *copy = payload ? json_deep_copy(payload) : json_null();
    char *to = unique_id;

    for (const char *from = unique_id; *from; from++) {
        if (*from != '-')
            *to++ = *from;
    }
    *to = '\0';
    inner = json_pack("{s:s, s:s, s:s, s:s, s:o, s:s, s:s}", "message_id",
                      message_id ? message_id : fresh, "publisher_id", publisher_id, "event_type",
                      event_type, "priority", upper, "payload", copy, "timestamp", timestamp,
                      "_unique_id", unique_id);
    return wrap(inner);
}

json_t *
om_context_admin(const char *request_id)
{
    g_autofree char *uuid = om_uuid();
    g_autofree char *fresh = g_strconcat("req-", uuid, NULL);

    return json_pack("{s:b, s:s, s:n, s:n, s:[], s:s}", "is_admin", 1, "request_id",
                     request_id ? request_id : fresh, "user_id", "project_id", "roles",
                     "read_deleted", "no");
}
