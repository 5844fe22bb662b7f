/* What we declare on the broker, as a table: pure, so that every flag is in one place and testable.
 *
 * Nova's exchange is only ever declared passively. Our own queues: at most three a host (tap,
 * server, reply), all of which go away by themselves, and all named `<prefix>…`, so that one
 * permission pattern covers them. */
#pragma once

#include <glib.h>

#include "rpc/rabbit_options.h"

typedef enum {
    OM_TAP_OFF,
    OM_TAP_AUTO, /* quorum where nova.conf has rabbit_quorum_queue or there are several brokers: a
                  * publisher waits for every queue that its message goes to, and a classic one on
                  * a frozen node holds it up for a minute */
    OM_TAP_CLASSIC, /* exclusive, auto-delete */
    OM_TAP_QUORUM,  /* x-expires */
} OmTapQueueType;

const char *
om_tap_queue_type_to_string(OmTapQueueType type); /* "off", "auto", "classic", "quorum" */
gboolean om_tap_queue_type_from_string(const char *text, OmTapQueueType *type);

typedef struct {
    char *name;
    gboolean durable, exclusive, auto_delete, quorum;
    gint32 expires_ms;     /* x-expires, 0: none */
    gint32 max_length;     /* x-max-length with drop-head, 0: none */
    gint32 message_ttl_ms; /* x-message-ttl, 0: none */
} OmQueueSpec;

typedef struct {
    char *exchange;
    char *key;
} OmBindingSpec;

/* One role on the bus: a queue and its bindings. */
typedef struct {
    OmQueueSpec queue;
    char *exchange;        /* declared passively and waited for; NULL: none */
    char *fanout_exchange; /* declared actively as oslo declares it (auto-delete); NULL: none */
    gboolean fanout_durable;
    char *fanout_key;      /* `exchange` is bound to it with this key */
    char *direct_exchange; /* reply queues of the old era (servers up to Rocky); NULL: none */
    GPtrArray *bindings;   /* OmBindingSpec*, to existing exchanges */
    guint16 prefetch;
} OmRoleSpec;

/* probed: each routing key is bound as the pattern "<key>.#", which matches the key itself and
 * <key>.<word>: a probe takes the very binding that Nova's messages take, reaches nobody else, and
 * costs no binding of its own. What is not for the key itself is the tap's to drop. nonce makes the
 * name a new one: late clean-up of an exclusive queue can delete a successor of the same name.
 * cluster: the transport_url names several brokers. */
OmRoleSpec *om_topology_tap(const OmRabbitOptions *options, OmTapQueueType type,
                            const char *exchange, const char *const *routing_keys, gboolean probed,
                            const char *prefix, const char *host, guint32 nonce, gboolean cluster);
/* probe_key: bound beside the server's own; NULL: none. */
OmRoleSpec *om_topology_server(const OmRabbitOptions *options, const char *exchange,
                               const char *topic, const char *server, const char *probe_key);
/* old_servers: those up to Rocky (oslo.messaging 9.1) answer through an exchange of the queue's
 * name. */
OmRoleSpec *om_topology_reply(const OmRabbitOptions *options, const char *queue,
                              gboolean old_servers);
void om_role_spec_free(OmRoleSpec *spec);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OmRoleSpec, om_role_spec_free)
