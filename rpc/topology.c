#include "rpc/topology.h"

#include <string.h>

/* The age and length of a tap: what was not read for so long is better asked of libvirt and the
 * conductor. */
#define TAP_MAX_LENGTH     4096
#define TAP_MESSAGE_TTL_MS (2 * 60 * 1000)
#define TAP_EXPIRES_MS     (2 * 60 * 1000)
#define TAP_PREFETCH       1024
#define SERVER_MAX_LENGTH  4096
#define SERVER_PREFETCH    64
#define REPLY_PREFETCH     256

static const char *const tap_queue_types[] = { "off", "auto", "classic", "quorum", NULL };

const char *
om_tap_queue_type_to_string(OmTapQueueType type)
{
    return type <= OM_TAP_QUORUM ? tap_queue_types[type] : "?";
}

gboolean
om_tap_queue_type_from_string(const char *text, OmTapQueueType *type)
{
    for (guint i = 0; tap_queue_types[i]; i++) {
        if (strcmp(text, tap_queue_types[i]) == 0) {
            *type = (OmTapQueueType)i;
            return TRUE;
        }
    }
    return FALSE;
}

static void
binding_free(gpointer data)
{
    OmBindingSpec *binding = data;

    g_free(binding->exchange);
    g_free(binding->key);
    g_free(binding);
}

static void
bind(OmRoleSpec *spec, const char *exchange, const char *key)
{
    OmBindingSpec *binding = g_new0(OmBindingSpec, 1);

    binding->exchange = g_strdup(exchange);
    binding->key = g_strdup(key);
    g_ptr_array_add(spec->bindings, binding);
}

static OmRoleSpec *
new_role(char *queue, const char *exchange, guint16 prefetch)
{
    OmRoleSpec *spec = g_new0(OmRoleSpec, 1);

    spec->queue.name = queue;
    spec->exchange = g_strdup(exchange);
    spec->bindings = g_ptr_array_new_with_free_func(binding_free);
    spec->prefetch = prefetch;
    return spec;
}

/* x-expires is a signed 32 bit number of milliseconds */
static gint32
transient_ttl_ms(const OmRabbitOptions *options)
{
    guint seconds = options->rabbit_transient_queues_ttl_s;

    if (seconds == 0)
        seconds = 1800;
    return (gint32)MIN(seconds, (guint)(G_MAXINT32 / 1000)) * 1000;
}

OmRoleSpec *
om_topology_tap(const OmRabbitOptions *options, OmTapQueueType type, const char *exchange,
                const char *const *routing_keys, gboolean probed, const char *prefix,
                const char *host, guint32 nonce, gboolean cluster)
{
    OmRoleSpec *spec =
        new_role(g_strdup_printf("%s.tap.%s.%08x", prefix, host, nonce), exchange, TAP_PREFETCH);
    OmQueueSpec *queue = &spec->queue;

    if (type == OM_TAP_AUTO)
        type = options->rabbit_quorum_queue || cluster ? OM_TAP_QUORUM : OM_TAP_CLASSIC;
    queue->max_length = TAP_MAX_LENGTH;
    if (type == OM_TAP_QUORUM) {
        /* quorum queues are durable and shared; x-message-ttl came to them with RabbitMQ 3.10 only
         * and would be a 406 before: x-expires bounds the age once we are gone */
        queue->quorum = TRUE;
        queue->durable = TRUE;
        queue->expires_ms = TAP_EXPIRES_MS;
    } else {
        queue->exclusive = TRUE;
        queue->auto_delete = TRUE;
        queue->message_ttl_ms = TAP_MESSAGE_TTL_MS;
    }
    for (guint i = 0; routing_keys && routing_keys[i]; i++) {
        g_autofree char *pattern = g_strconcat(routing_keys[i], probed ? ".#" : NULL, NULL);

        bind(spec, exchange, pattern);
    }
    return spec;
}

OmRoleSpec *
om_topology_server(const OmRabbitOptions *options, const char *exchange, const char *topic,
                   const char *server, const char *probe_key)
{
    OmRoleSpec *spec = new_role(g_strdup_printf("%s.%s", topic, server), exchange, SERVER_PREFETCH);
    OmQueueSpec *queue = &spec->queue;

    queue->quorum = options->rabbit_transient_quorum_queue;
    /* RabbitMQ 4 deprecates transient queues that are not exclusive: follow the deployment's choice
     */
    queue->durable = queue->quorum || options->amqp_durable_queues || options->rabbit_quorum_queue;
    /* a server that has stopped or died is told from a slow one at once: a call to it comes back,
     * where a queue that lingers would hold the caller to its timeout. Quorum queues cannot */
    queue->auto_delete = !queue->quorum;
    queue->expires_ms = transient_ttl_ms(options);
    queue->max_length = SERVER_MAX_LENGTH;
    bind(spec, exchange, spec->queue.name);
    if (probe_key)
        bind(spec, exchange, probe_key);
    spec->fanout_exchange = g_strdup_printf("%s_fanout", topic);
    spec->fanout_durable = options->rabbit_transient_quorum_queue;
    /* in place of oslo's shared queue a message to the bare topic reaches every host: through one
     * binding of the two exchanges, not one of each host */
    spec->fanout_key = g_strdup(topic);
    return spec;
}

OmRoleSpec *
om_topology_reply(const OmRabbitOptions *options, const char *queue_name, gboolean old_servers)
{
    OmRoleSpec *spec = new_role(g_strdup(queue_name), NULL, REPLY_PREFETCH);
    OmQueueSpec *queue = &spec->queue;

    queue->quorum = options->rabbit_transient_quorum_queue;
    queue->durable = queue->quorum;
    queue->expires_ms = transient_ttl_ms(options);
    if (old_servers)
        spec->direct_exchange = g_strdup(queue_name);
    return spec;
}

void
om_role_spec_free(OmRoleSpec *spec)
{
    if (spec == NULL)
        return;
    g_free(spec->queue.name);
    g_free(spec->exchange);
    g_free(spec->fanout_exchange);
    g_free(spec->fanout_key);
    g_free(spec->direct_exchange);
    g_ptr_array_unref(spec->bindings);
    g_free(spec);
}
