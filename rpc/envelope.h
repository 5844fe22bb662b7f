/* Bodies of oslo.messaging messages, both ways. Pure.
 *
 * A body is {"oslo.version": "2.0", "oslo.message": "<JSON text>"}; one without both keys is the
 * inner message itself (format 1.0). Source: oslo.messaging _drivers/common.py, _drivers/amqp.py,
 * notify/notifier.py.
 *
 * Everything read is hostile: size, nesting and duplicate keys are checked before or while parsing;
 * `_context_*` keys, which hold the user's bearer token, are dropped at once, but for the request
 * id and the user id. */
#pragma once

#include <glib.h>
#include <jansson.h>

#include "rpc/failure.h"

#define OM_ENVELOPE_MAX_DEPTH 100

typedef enum {
    OM_MESSAGE_REQUEST,      /* has `method` */
    OM_MESSAGE_REPLY,        /* has `_msg_id` and `ending` or `failure` or `result` */
    OM_MESSAGE_NOTIFICATION, /* has `event_type` */
} OmMessageKind;

typedef struct {
    OmMessageKind kind;
    char *unique_id;  /* `_unique_id`; NULL when missing */
    char *msg_id;     /* `_msg_id`; a request with one is a call and wants a reply */
    char *request_id; /* `_context_request_id`; NULL when missing */
    char *user_id;    /* `_context_user_id`; NULL when missing */

    /* request */
    char *method;
    char *rpc_namespace; /* NULL when missing */
    char *version;       /* NULL when missing, which means "1.0" */
    char *reply_q;       /* NULL for a cast */
    gint64
        timeout_s; /* `_timeout`: the caller's call monitor timeout; 0: none, send no heartbeats */
    json_t *args;  /* see om_message_args() */

    /* reply */
    gboolean ending;    /* FALSE: a heartbeat of the call monitor */
    json_t *result;     /* may be NULL */
    OmFailure *failure; /* NULL: none */

    /* notification */
    char *event_type, *publisher_id, *priority; /* priority as sent, e.g. "INFO" */
    char *message_id, *timestamp;
    json_t *payload;
} OmMessage;

typedef enum {
    OM_ENVELOPE_ERROR_MALFORMED, /* not JSON, wrong types, duplicate keys, not UTF-8 */
    OM_ENVELOPE_ERROR_TOO_DEEP,  /* more than OM_ENVELOPE_MAX_DEPTH levels */
    OM_ENVELOPE_ERROR_VERSION, /* another envelope version than 2.x's "2.0": Python drops it, so do
                                  we */
    OM_ENVELOPE_ERROR_UNKNOWN, /* JSON, but neither request nor reply nor notification */
} OmEnvelopeError;

#define OM_ENVELOPE_ERROR (om_envelope_error_quark())
GQuark om_envelope_error_quark(void);

/* The error text never quotes the body. The message owns its JSON alone: it may be handed to
 * another thread. */
OmMessage *om_envelope_decode(const void *body, gsize size, GError **error);
/* The arguments of a request, read when they are first asked for: most of a large message is these.
 * Borrowed from the message; an object; NULL when they are no JSON or a key in it is repeated. Not
 * from two threads at a time. */
json_t *om_message_args(OmMessage *message);
void om_message_free(OmMessage *message);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OmMessage, om_message_free)

/* uuid4 as 32 hex digits (unique ids), or with dashes (message ids of notifications). Caller frees.
 */
char *om_unique_id(void);
char *om_uuid(void);

typedef struct {
    const char *method;
    const char *rpc_namespace; /* NULL: none */
    const char *version;       /* NULL: none, which means "1.0" */
    const json_t *args;        /* NULL: {} */
    const json_t *context;     /* object whose keys get the prefix `_context_`; NULL: none */
    const char *unique_id;     /* NULL: a fresh one */
    const char *msg_id;        /* NULL: a cast */
    const char *reply_q;       /* with msg_id */
    guint monitor_timeout_s;   /* `_timeout`; 0 is sent as null */
} OmRequestFields;

/* New bodies. NULL only when args or context cannot be written as JSON. */
GBytes *om_envelope_request(const OmRequestFields *fields);
/* result may be NULL (null). */
GBytes *om_envelope_reply(const char *msg_id, const json_t *result);
GBytes *om_envelope_reply_failure(const char *msg_id, const OmFailure *failure,
                                  const json_t *kwargs);
GBytes *om_envelope_reply_heartbeat(const char *msg_id);

/* A notification as driver messagingv2 sends it. event_type as given, payload any JSON. message_id
 * NULL: a fresh one (give the same one to every repetition: consumers know a repeat by it).
 * `wall_us` is microseconds since the epoch. */
GBytes *om_envelope_notification(const char *publisher_id, const char *event_type,
                                 const char *priority, const json_t *payload,
                                 const char *message_id, gint64 wall_us);

/* The context with which nova-compute and the conductor serve an internal caller: is_admin, a fresh
 * request id unless given, no project and no user (with a project nova-compute looks the request id
 * up and fails). New reference. */
json_t *om_context_admin(const char *request_id);

/* oslo's rule: same major, requested minor (then revision) not above. NULL means "1.0". */
gboolean om_version_compatible(const char *implemented, const char *requested);
