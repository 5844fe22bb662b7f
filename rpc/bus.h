/* One agent's place on the bus: two AMQP connections, each in a thread of its own, both
 * reconnecting for ever.
 *
 *   bus-in   consumes: a tap on somebody's routing keys, our RPC server, the replies to our calls
 *   bus-out  publishes with confirms: requests, replies, notifications
 *
 * All functions may be called from any thread. All callbacks run on one of the two bus threads:
 * they must not block, and they must not call om_bus_stop() or om_bus_unref(); post to an inbox and
 * return. Nothing here logs; nothing handed out contains a password or a token. Times are
 * CLOCK_MONOTONIC microseconds (g_get_monotonic_time()).
 *
 * Calls, casts and replies that lack a confirm when a connection breaks are sent again with the
 * same `_unique_id` (receivers, Python's and ours, drop the repeat) until their deadline. What
 * om_bus_publish() took is not: it is reported as OM_PUBLISH_FAILED and the owner's outbox decides.
 *
 * Broker permissions for a user of its own, with the default prefix (tested in
 * tests/integration/rpc):
 *   rabbitmqctl set_permissions -p VHOST USER '^nova_migration_agent' \
 *       '^(nova|amq\.default|nova_migration_agent.*)$' '^(nova|nova_migration_agent.*)$' */
#pragma once

#include <glib.h>
#include <jansson.h>

#include "rpc/envelope.h"
#include "rpc/rabbit_options.h"
#include "rpc/reconnect.h"
#include "rpc/topology.h"
#include "rpc/transport_url.h"

typedef struct _OmBus OmBus;
typedef struct _OmRequest OmRequest;

#define OM_BUS_MAX_BODY_BYTES (1024 * 1024)

/* ---- configuration: everything is copied by om_bus_new() ---- */

/* A copy of what others send each other. Also the way to listen to notifications (watch): routing
 * key "<topic>.info", methods NULL. */
typedef struct {
    OmTapQueueType queue_type;       /* OM_TAP_OFF: no tap */
    const char *const *routing_keys; /* NULL-terminated; as they are sent, no patterns */
    const char *const *methods; /* NULL-terminated; others are dropped before their JSON is parsed.
                                   NULL: take all */
} OmTapConfig;

/* Our RPC server, Target(topic, server, namespace, version). */
typedef struct {
    const char *topic;          /* NULL: no server */
    const char *server;         /* the host */
    const char *rpc_namespace;  /* NULL: none */
    const char *version;        /* "1.0" */
    const char *const *methods; /* NULL-terminated; others are answered with NoSuchMethod */
    guint max_open_requests;    /* 0: 64. More wait unacknowledged at the broker (prefetch) */
} OmServerConfig;

typedef struct {
    const OmTransportUrl *url;
    const OmRabbitOptions *rabbit; /* nova.conf's; the URL's query items are applied on top */
    const char *exchange;          /* control_exchange */
    const char *connection_name;   /* "nova-migration-agent:<host>"; ":in" and ":out" are added */
    const char *queue_prefix;      /* NULL: "nova_migration_agent" */
    const char *host;              /* for queue names */
    OmTapConfig tap;
    OmServerConfig server;
    gboolean out_only; /* only bus-out: om_bus_publish(), om_bus_cast() and om_bus_fanout() */
    /* only bus-in, without a queue for replies: a program that only listens. It needs no right to
     * write; instead of sending a probe it makes the tap's bindings anew each probe interval */
    gboolean in_only;
    /* answers of servers up to Rocky (oslo.messaging 9.1) are heard from the first call on. Else
     * after the first call that nobody answered: the exchange that they need is made then */
    gboolean old_servers;
    gboolean probe_off;      /* no probe message each minute (a program that only listens) */
    gsize max_body_bytes;    /* 0: OM_BUS_MAX_BODY_BYTES; larger ones are counted and discarded */
    guint probe_interval_ms; /* 0: 60000 */
    OmReconnectOptions reconnect; /* all zero: om_reconnect_options_init() */
} OmBusConfig;

/* ---- what the bus tells ---- */

typedef struct {
    gboolean in_connected, out_connected;
    gboolean tap_bound;     /* queue, bindings and consumer of the tap are in place */
    gboolean server_ready;  /* same for our server */
    gboolean replies_ready; /* calls can be made */
    gboolean blocked;       /* the broker takes no messages now (memory or disk alarm) */
    gboolean tls,
        tls_unverified;  /* tls_unverified: as oslo does without ssl_ca_file; worth a warning */
    char in_broker[256]; /* "host:port", "" while not connected */
    char out_broker[256];
    char last_error[512];         /* no secret in it; "" when none since the last success */
    gboolean credentials_refused; /* user or password: read nova.conf again and om_bus_reload() */
    guint credentials_refusals;   /* counts them, so that each attempt is told */
} OmBusState;

typedef enum {
    OM_PUBLISH_CONFIRMED,
    OM_PUBLISH_RETURNED, /* mandatory and no queue is bound, or the exchange does not exist */
    OM_PUBLISH_FAILED,   /* not confirmed: it may or may not have arrived */
} OmPublishOutcome;

typedef enum {
    OM_CALL_OK,
    OM_CALL_REMOTE,  /* the other side raised: see failure */
    OM_CALL_TIMEOUT, /* no reply (or no call monitor heartbeat) in time; it may have been done all
                        the same */
    OM_CALL_NOBODY,  /* no such queue: nobody there */
    OM_CALL_STOPPED, /* om_bus_stop() */
} OmCallStatus;

typedef struct {
    guint64 cookie;
    OmCallStatus status;
    json_t *result;     /* OM_CALL_OK; may be NULL (null) */
    OmFailure *failure; /* OM_CALL_REMOTE */
    gint64 round_trip_us;
} OmCallResult;

void om_call_result_free(OmCallResult *result);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OmCallResult, om_call_result_free)
const char *
om_call_status_to_string(OmCallStatus status); /* "ok", "remote", "timeout", "nobody", "stopped" */

#define OM_CALL_ERROR (om_call_error_quark()) /* its codes are OmCallStatus */
GQuark om_call_error_quark(void);
/* NULL for OM_CALL_OK; else what a caller that needs no more would say of it: of OM_CALL_REMOTE
 * class and text of the exception, "nova.exception.MigrationPreCheckError: no room". Owned. */
GError *om_call_result_to_error(const OmCallResult *result);

typedef struct {
    /* The callee owns what it is given. Any may be NULL. */
    void (*tapped)(OmMessage *message, gpointer user_data);
    void (*requested)(OmRequest *request, gpointer user_data);
    void (*call_finished)(OmCallResult *result, gpointer user_data);
    void (*published)(guint64 cookie, OmPublishOutcome outcome, gpointer user_data);
    /* Something in OmBusState changed; the struct is borrowed for the call. */
    void (*state_changed)(const OmBusState *state, gpointer user_data);
} OmBusEvents;

/* Counters since om_bus_new(), and times. */
typedef struct {
    guint64 tap_seen, tap_matched, tap_oversize, tap_malformed, tap_undecodable, tap_duplicates;
    guint64 requests, requests_malformed, requests_refused, requests_duplicates, replies,
        replies_unknown;
    guint64 replies_lost; /* the caller's queue was gone for 60 s */
    guint64 published, confirmed, returned, failed;
    guint64 connects, disconnects; /* both connections */
    guint64 cancels; /* consumers that the broker cancelled (queue deleted, failover) */
    guint64 rebinds; /* the probe did not come back, bindings were made anew */
    /* when the last probe came back, each through another of the tap's bindings; 0: never. tap_age
     * is now minus this */
    gint64 last_probe_us;
    gint64 last_tapped_us;
    gint64 in_progress_us, out_progress_us; /* when the threads last passed their loop or a step of
                                             * setting up; blocked only in steps with deadlines, so
                                             * older than OM_BUS_STALLED_US means stuck */
    guint in_flight, queued, open_requests, open_calls;
} OmBusStats;

/* twice the longest step */
#define OM_BUS_STALLED_US (120 * G_USEC_PER_SEC)

/* ---- life ---- */

/* NULL with an error for a configuration that cannot work. Nothing is connected before
 * om_bus_start(). */
OmBus *om_bus_new(const OmBusConfig *config, const OmBusEvents *events, gpointer user_data,
                  GError **error);
gboolean om_bus_start(OmBus *bus, GError **error);

/* Other credentials, hosts or options (SIGHUP, or after credentials_refused): both connections are
 * closed and opened anew unless nothing differs. rabbit NULL: keep the options. */
void om_bus_reload(OmBus *bus, const OmTransportUrl *url, const OmRabbitOptions *rabbit);

/* Stops consuming, sends what is queued and waits for its confirms, at most deadline_ms in all;
 * what is left is reported as failed or stopped. No callback runs after it returns. FALSE: a thread
 * hangs in a system call and was left behind (exit then). */
gboolean om_bus_stop(OmBus *bus, guint deadline_ms);

OmBus *om_bus_ref(OmBus *bus);
/* The last one frees; stop first. */
void om_bus_unref(OmBus *bus);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OmBus, om_bus_unref)

void om_bus_get_state(OmBus *bus, OmBusState *state);
void om_bus_get_stats(OmBus *bus, OmBusStats *stats);

/* ---- sending ---- */

typedef struct {
    const char *exchange; /* NULL: the bus's */
    const char *topic;
    const char *server;        /* NULL: any server of the topic */
    const char *rpc_namespace; /* NULL: none */
    const char *version;       /* NULL: none, i.e. "1.0" */
} OmTarget;

typedef struct {
    guint timeout_ms;        /* 0: 60000 (rpc_response_timeout) */
    guint monitor_timeout_s; /* 0: no call monitor */
    const json_t *context;   /* borrowed; NULL: none */
} OmCallOptions;

typedef enum {
    OM_BUS_ERROR_CONFIG,
    OM_BUS_ERROR_FULL, /* too much is queued */
    OM_BUS_ERROR_STOPPED,
    OM_BUS_ERROR_OFFLINE, /* om_bus_publish() while bus-out is not connected */
    OM_BUS_ERROR_ENCODE,
} OmBusError;

#define OM_BUS_ERROR (om_bus_error_quark())
GQuark om_bus_error_quark(void);

/* A ready body (om_envelope_notification()). exchange NULL: the bus's; key e.g.
 * "live_migration_reports.info". TRUE: exactly one published(cookie, …) follows. FALSE: none does.
 */
gboolean om_bus_publish(OmBus *bus, const char *exchange, const char *key, GBytes *body,
                        gboolean mandatory, guint64 cookie, GError **error);

/* TRUE: exactly one call_finished() with this cookie follows, at the latest at the timeout. args is
 * borrowed, may be NULL. */
gboolean om_bus_call(OmBus *bus, const OmTarget *target, const char *method, const json_t *args,
                     const OmCallOptions *options, guint64 cookie, GError **error);
/* No answer. Not mandatory, as in oslo. Dropped when not sent within 60 s. */
gboolean om_bus_cast(OmBus *bus, const OmTarget *target, const char *method, const json_t *args,
                     const json_t *context, GError **error);
/* To every server of the topic (target->server is ignored). */
gboolean om_bus_fanout(OmBus *bus, const OmTarget *target, const char *method, const json_t *args,
                       const json_t *context, GError **error);

/* ---- answering ---- */

/* Valid until the request is ended. om_message_args() by one thread at a time. */
OmMessage *om_request_message(const OmRequest *request);
/* Exactly one of these ends the request and frees it; from any thread, also after om_bus_stop().
 * While it is open the call monitor's heartbeats are sent. For a cast the answer is dropped. result
 * is borrowed, may be NULL. */
void om_request_reply(OmRequest *request, const json_t *result);
/* module e.g. "nova_migration_agent": a Python caller then sees RemoteError(class_name, text). */
void om_request_fail(OmRequest *request, const char *class_name, const char *module,
                     const char *text);
