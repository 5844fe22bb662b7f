/* One AMQP 0-9-1 connection: the only part that knows librabbitmq. Internal to rpc/; one thread at
 * a time.
 *
 * Every step has a deadline: the handshake and each declare handshake_ms / rpc_ms, writing
 * TCP_USER_TIMEOUT. Deliveries are put together frame by frame, and a body over max_body_bytes is
 * discarded as it arrives. Errors either end a channel (OM_CONNECTION_ERROR_NOT_FOUND … _CHANNEL:
 * open it again and go on) or the connection (all others: free it and start anew). No error text
 * contains a secret. */
#pragma once

#include <glib.h>

#include "rpc/rabbit_options.h"
#include "rpc/topology.h"
#include "rpc/transport_url.h"

typedef struct _OmConnection OmConnection;

typedef struct {
    const OmHost *host;
    const char *vhost;
    const OmRabbitOptions *rabbit;
    const char *name; /* connection_name, for people who look at the broker */
    guint handshake_ms;
    guint rpc_ms;
    gsize max_body_bytes;
    /* called after each step that was answered: one by one they may take long together; or NULL */
    void (*progressed)(gpointer progress_data);
    gpointer progress_data;
} OmConnectionParams;

typedef enum {
    /* the connection is gone */
    OM_CONNECTION_ERROR_IO,
    OM_CONNECTION_ERROR_TIMEOUT,
    OM_CONNECTION_ERROR_TLS,
    OM_CONNECTION_ERROR_CREDENTIALS, /* user or password refused */
    OM_CONNECTION_ERROR_VHOST,       /* no such virtual host, or not for this user */
    OM_CONNECTION_ERROR_CLOSED,      /* by the broker */
    OM_CONNECTION_ERROR_PROTOCOL,
    /* the channel is gone, the connection lives */
    OM_CONNECTION_ERROR_NOT_FOUND,    /* 404 */
    OM_CONNECTION_ERROR_PRECONDITION, /* 406: declared with other flags */
    OM_CONNECTION_ERROR_LOCKED,       /* 405: another connection's exclusive queue */
    OM_CONNECTION_ERROR_REFUSED,      /* 403: no permission */
    OM_CONNECTION_ERROR_CHANNEL,      /* other */
} OmConnectionError;

#define OM_CONNECTION_ERROR (om_connection_error_quark())
GQuark om_connection_error_quark(void);
gboolean om_connection_error_is_channel(const GError *error);

OmConnection *om_connection_open(const OmConnectionParams *params, GError **error);
/* Says goodbye within timeout_ms (0: just drops) and frees. NULL is fine. */
void om_connection_close(OmConnection *connection, guint timeout_ms);

/* From now on each declare waits at most so long. */
void om_connection_set_rpc_timeout(OmConnection *connection, guint timeout_ms);

int om_connection_fd(const OmConnection *connection);
/* TRUE: TLS whose peer was not verified, as oslo does it without ssl_ca_file. */
gboolean om_connection_unverified(const OmConnection *connection);

/* ---- declaring; each waits for the broker's answer ---- */

gboolean om_connection_channel_open(OmConnection *connection, guint16 channel, GError **error);
/* What the broker sent on it before may still arrive as events. */
gboolean om_connection_channel_close(OmConnection *connection, guint16 channel, GError **error);
gboolean om_connection_channel_is_open(const OmConnection *connection, guint16 channel);
gboolean om_connection_confirm_select(OmConnection *connection, guint16 channel, GError **error);
gboolean om_connection_qos(OmConnection *connection, guint16 channel, guint16 prefetch,
                           GError **error);
gboolean om_connection_exchange_check(OmConnection *connection, guint16 channel,
                                      const char *exchange, GError **error);
gboolean om_connection_exchange_declare(OmConnection *connection, guint16 channel,
                                        const char *exchange, const char *type, gboolean durable,
                                        gboolean auto_delete, GError **error);
gboolean om_connection_queue_declare(OmConnection *connection, guint16 channel,
                                     const OmQueueSpec *queue, GError **error);
gboolean om_connection_queue_delete(OmConnection *connection, guint16 channel, const char *queue,
                                    GError **error);
gboolean om_connection_bind(OmConnection *connection, guint16 channel, const char *queue,
                            const char *exchange, const char *key, GError **error);
/* What reaches exchange `from` with this key goes on to exchange `to`. */
gboolean om_connection_bind_exchange(OmConnection *connection, guint16 channel, const char *to,
                                     const char *from, const char *key, GError **error);
gboolean om_connection_consume(OmConnection *connection, guint16 channel, const char *queue,
                               gboolean no_ack, GError **error);
gboolean om_connection_cancel(OmConnection *connection, guint16 channel, GError **error);

/* ---- sending; no answer is waited for ---- */

gboolean om_connection_ack(OmConnection *connection, guint16 channel, guint64 tag,
                           gboolean multiple, GError **error);
typedef struct {
    const char *exchange; /* "": the default exchange */
    const char *key;
    gboolean mandatory;
    gint64 expiration_ms; /* 0: none */
    guint64 id;           /* comes back with a returned message (property message_id) */
    GBytes *body;
} OmPublishing;
gboolean om_connection_publish(OmConnection *connection, guint16 channel,
                               const OmPublishing *publishing, GError **error);

/* ---- receiving ---- */

typedef enum {
    OM_EVENT_NONE, /* nothing complete has arrived */
    OM_EVENT_DELIVERY,
    OM_EVENT_RETURN,         /* id */
    OM_EVENT_CONFIRM,        /* tag, multiple, positive */
    OM_EVENT_CANCEL,         /* the broker cancelled the channel's consumer */
    OM_EVENT_CHANNEL_CLOSED, /* text */
    OM_EVENT_BLOCKED,
    OM_EVENT_UNBLOCKED,
} OmEventType;

typedef struct {
    OmEventType type;
    guint16 channel;
    guint64 tag;
    gboolean multiple, positive;
    gboolean oversize; /* of a delivery: body is empty */
    guint64 id;
    char routing_key[256];
    char compression[64];
    char text[256];
    const guint8 *body; /* borrowed until the next call */
    gsize size;
} OmEvent;

/* Takes what has arrived, without waiting, and serves AMQP heartbeats: call it at least once a
 * second, and until OM_EVENT_NONE before polling om_connection_fd(). FALSE: the connection is gone.
 */
gboolean om_connection_next(OmConnection *connection, OmEvent *event, GError **error);
