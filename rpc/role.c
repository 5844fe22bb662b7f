#include "config.h"

#include "rpc/role.h"

#define CHANNEL_SCRATCH 7 /* for declares that may be refused */
#define RETRY_US        (G_USEC_PER_SEC)
#define RETRY_MAX_US    (30 * G_USEC_PER_SEC)
#define WAIT_MAX_US     (10 * G_USEC_PER_SEC)

/* An auto-delete exchange, made where it is missing. */
static gboolean
declare_exchange(OmConnection *connection, const char *exchange, const char *type, gboolean durable,
                 GError **error)
{
    g_autoptr(GError) local = NULL;

    if (!om_connection_channel_open(connection, CHANNEL_SCRATCH, error))
        return FALSE;
    if (om_connection_exchange_declare(connection, CHANNEL_SCRATCH, exchange, type, durable, TRUE,
                                       &local))
        return TRUE;
    /* it is there with a caller's other flags: that does as well */
    if (g_error_matches(local, OM_CONNECTION_ERROR, OM_CONNECTION_ERROR_PRECONDITION))
        return om_connection_channel_open(connection, CHANNEL_SCRATCH, error);
    g_propagate_error(error, g_steal_pointer(&local));
    return FALSE;
}

static gboolean
bind_fanout(OmConnection *connection, const OmRoleSpec *spec, GError **error)
{
    const char *fanout = spec->fanout_exchange;

    return declare_exchange(connection, fanout, "fanout", spec->fanout_durable, error) &&
           om_connection_bind(connection, CHANNEL_SCRATCH, spec->queue.name, fanout, "", error) &&
           om_connection_bind_exchange(connection, CHANNEL_SCRATCH, fanout, spec->exchange,
                                       spec->fanout_key, error);
}

/* TRUE unless the connection is gone: what is refused here is not needed by everybody. */
static gboolean
bind_direct(OmConnection *connection, const OmRoleSpec *spec, GError **error)
{
    const char *queue = spec->queue.name;
    g_autoptr(GError) local = NULL;

    if ((declare_exchange(connection, spec->direct_exchange, "direct", FALSE, &local) &&
         om_connection_bind(connection, CHANNEL_SCRATCH, queue, spec->direct_exchange, queue,
                            &local)) ||
        om_connection_error_is_channel(local))
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&local));
    return FALSE;
}

static gboolean
bind_all(OmConnection *connection, const OmRole *role, GError **error)
{
    const OmRoleSpec *spec = role->spec;

    for (guint i = 0; i < spec->bindings->len; i++) {
        const OmBindingSpec *binding = spec->bindings->pdata[i];

        if (!om_connection_bind(connection, role->channel, spec->queue.name, binding->exchange,
                                binding->key, error))
            return FALSE;
    }
    return (spec->fanout_exchange == NULL || bind_fanout(connection, spec, error)) &&
           (spec->direct_exchange == NULL || bind_direct(connection, spec, error));
}

static gboolean
declare_queue(OmConnection *connection, const OmRole *role, GError **error)
{
    const OmQueueSpec *queue = &role->spec->queue;
    g_autoptr(GError) local = NULL;

    if (om_connection_queue_declare(connection, role->channel, queue, &local))
        return TRUE;
    if (!g_error_matches(local, OM_CONNECTION_ERROR, OM_CONNECTION_ERROR_PRECONDITION)) {
        g_propagate_error(error, g_steal_pointer(&local));
        return FALSE;
    }
    /* our own queue from before nova.conf's flags changed: it would live for another half hour */
    return om_connection_channel_open(connection, role->channel, error) &&
           om_connection_queue_delete(connection, role->channel, queue->name, error) &&
           om_connection_queue_declare(connection, role->channel, queue, error);
}

static gboolean
check_exchange(OmConnection *connection, const OmRole *role, GError **error)
{
    return role->spec->exchange == NULL ||
           om_connection_exchange_check(connection, role->channel, role->spec->exchange, error);
}

gboolean
om_role_set_up(OmRole *role, OmConnection *connection, OmRoleSpec *spec, GError **error)
{
    om_role_spec_free(role->spec);
    role->spec = spec;
    role->unacked = 0;
    if (!om_connection_channel_open(connection, role->channel, error) ||
        !check_exchange(connection, role, error) || !declare_queue(connection, role, error) ||
        !bind_all(connection, role, error) ||
        !om_connection_qos(connection, role->channel, spec->prefetch, error) ||
        !om_connection_consume(connection, role->channel, spec->queue.name, FALSE, error))
        return FALSE;
    role->ready = TRUE;
    role->failures = 0;
    return TRUE;
}

gboolean
om_role_bind_again(OmRole *role, OmConnection *connection, GError **error)
{
    return check_exchange(connection, role, error) && bind_all(connection, role, error);
}

void
om_role_failed(OmRole *role, const GError *error, gint64 now_us)
{
    gint64 pause = RETRY_US << MIN(role->failures, 5);
    /* Nova's exchange is awaited: asking for it costs the broker next to nothing */
    gint64 longest = error->code == OM_CONNECTION_ERROR_NOT_FOUND ? WAIT_MAX_US : RETRY_MAX_US;

    role->ready = FALSE;
    role->failures++;
    role->retry_us = now_us + MIN(pause, longest);
}
