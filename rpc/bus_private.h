/* The inside of an OmBus. Threads: `lock` guards everything below it; what is above never changes
 * after om_bus_new(). Callbacks run without the lock. */
#pragma once

#include <pthread.h>
#include <string.h>

#include "rpc/bus.h"
#include "rpc/connection.h"
#include "rpc/dedup.h"

#define OM_HANDSHAKE_MS 10000
#define OM_RPC_MS       10000
/* of each queue and binding: a cluster to which a whole fleet comes back makes them one after the
 * other, and who gave up earlier would only add to its work */
#define OM_SETUP_MS         60000
#define OM_GOODBYE_MS       700
#define OM_MAX_QUEUED       4096
#define OM_MAX_QUEUED_BYTES (64 * 1024 * 1024)
#define OM_WINDOW           256 /* published and not yet confirmed */
#define OM_CAST_LIFE_US     (60 * G_USEC_PER_SEC)
#define OM_REPLY_LIFE_US    (600 * G_USEC_PER_SEC)
/* oslo: kombu_missing_consumer_retry_timeout, every 0.25 s */
#define OM_REPLY_RETRY_US   (G_USEC_PER_SEC / 4)
#define OM_REPLY_GIVE_UP_US (60 * G_USEC_PER_SEC)

typedef enum { OM_OUT_PUBLISH, OM_OUT_CALL, OM_OUT_CAST, OM_OUT_REPLY, OM_OUT_PROBE } OmOutKind;

/* One message on its way out. */
typedef struct {
    OmOutKind kind;
    char *exchange, *key;
    GBytes *body;
    gboolean mandatory;
    gint64 expiration_ms;
    gint64 deadline_us;
    gint64 not_before_us;
    gint64 first_return_us;
    guint64 cookie; /* OM_OUT_PUBLISH */
    char *msg_id;   /* OM_OUT_CALL */
    guint64 tag;    /* while in flight */
    gboolean returned;
} OmOutItem;

struct _OmBus {
    gint references;
    OmBusEvents events;
    gpointer user_data;
    char *exchange, *name, *prefix, *host, *reply_queue;
    OmTapQueueType tap_type;
    char **tap_keys, **tap_methods; /* tap_methods NULL: all */
    char **probe_keys;              /* sent in turn: one for each binding to be tried */
    char *topic, *server, *rpc_namespace, *version;
    char **methods;
    guint max_open_requests;
    gboolean out_only, in_only, probe_off;
    gsize max_body_bytes;
    gint64 probe_interval_us;
    OmReconnectOptions reconnect;
    int in_wake, out_wake; /* eventfds */

    pthread_mutex_t announce; /* held while state_changed() runs, so that states are told in order;
                        before lock */
    /* pthread's and not GLib's, which ThreadSanitizer cannot see */
    pthread_mutex_t lock;
    pthread_cond_t ended;
    OmTransportUrl *url;
    OmRabbitOptions rabbit_given; /* as the caller filled them */
    OmRabbitOptions rabbit;       /* with the URL's query items applied */
    guint generation;             /* grows when url or rabbit change */
    OmBusState state, announced;
    OmBusStats stats;
    GThread *in_thread, *out_thread;
    int in_fd,
        out_fd; /* the sockets; -1: none. om_bus_stop() shuts them down under a thread that hangs */
    gboolean in_running, out_running;
    gboolean stopping, silent;
    gboolean old_servers; /* once TRUE it stays */
    gint64 stop_us;       /* until when bus-out may drain */
    GQueue outgoing;
    gsize outgoing_bytes;
    GHashTable *calls; /* msg_id to OmCall */
    GQueue requests;   /* OmRequest that are open */
    guint n_requests;
    enum { OM_PROBE_IDLE, OM_PROBE_SENT, OM_PROBE_CONFIRMED, OM_PROBE_RETURNED } probe;
};

/* bus.c */
gboolean om_bus_is_silent(OmBus *bus);
/* Adds one to a counter of bus->stats. */
void om_bus_count(OmBus *bus, guint64 *counter);
void om_bus_wake(int fd);
void om_bus_poll(int fd, int wake, gint64 timeout_us);
OmBusState *om_bus_state_begin(OmBus *bus);
void om_bus_state_end(OmBus *bus);
void om_bus_set_text(char *to, gsize room, const char *text);
void om_bus_state_error(OmBusState *state, const char *what, const GError *error);

/* What both threads do to get and keep a connection. */
typedef struct {
    OmBus *bus;
    gboolean in; /* bus-in, else bus-out */
    OmReconnect reconnect;
    OmConnection *connection;
    OmTransportUrl *url;
    OmRabbitOptions rabbit;
    guint generation;
} OmLink;

void om_link_init(OmLink *link, OmBus *bus, gboolean in);
void om_link_clear(OmLink *link);
/* Follows a reload and opens when an attempt is due. TRUE: connected just now. */
gboolean om_link_step(OmLink *link, gint64 now_us);
/* Tells, closes, and plans the next attempt. error NULL: our own wish. */
void om_link_lost(OmLink *link, const GError *error, guint close_ms);
/* TRUE when om_bus_reload() came: close. */
gboolean om_link_outdated(OmLink *link);
gint64 om_link_next_us(const OmLink *link);
/* For the watchdog. TRUE: the bus is to stop. */
gboolean om_link_note_progress(OmLink *link);

/* bus_in.c, bus_out.c, outgoing.c */
gpointer om_bus_in_main(gpointer bus);
gpointer om_bus_out_main(gpointer bus);
/* Takes the body. */
OmOutItem *om_out_item_new(OmOutKind kind, const char *exchange, const char *key, GBytes *body);
void om_out_item_free(OmOutItem *item);
/* Takes the item when TRUE. With lock held. */
gboolean om_bus_push_locked(OmBus *bus, OmOutItem *item, GError **error);

/* client.c */
void om_client_take_reply(OmBus *bus, OmMessage *reply);
void om_client_nobody(OmBus *bus, const char *msg_id);
gboolean om_client_is_open(OmBus *bus, const char *msg_id);
/* The request was handed to the broker: the call monitor counts from here. */
void om_client_sent(OmBus *bus, const char *msg_id);
/* Ends what is overdue; with `all` everything. The time of the next deadline. */
gint64 om_client_expire(OmBus *bus, gint64 now_us, gboolean all);
void om_client_call_free(gpointer call);

/* server.c */
/* Takes the message: answers it itself or hands it to requested(). */
void om_server_take(OmBus *bus, OmMessage *message);
/* Sends the call monitor's heartbeats that are due. The time of the next one. */
gint64 om_server_heartbeats(OmBus *bus, gint64 now_us);

/* tap.c */
void om_tap_take(OmBus *bus, OmDedup *dedup, const OmEvent *event);
/* Inflates if need be, decodes, and counts what cannot be decoded in *malformed or *undecodable
 * (under the lock). */
OmMessage *om_decode_event(OmBus *bus, const OmEvent *event, guint64 *malformed,
                           guint64 *undecodable);
