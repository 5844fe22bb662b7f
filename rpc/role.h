/* One of the three things we are on the bus: tap, server, reply queue. Each has a channel of its
 * own, so that one that is refused does not disturb the others. Internal to rpc/. */
#pragma once

#include "rpc/connection.h"
#include "rpc/topology.h"

typedef struct {
    gboolean wanted;
    gboolean ready; /* queue, bindings and consumer are in place */
    guint16 channel;
    OmRoleSpec *spec; /* as last set up; owned */
    gint64 retry_us;  /* while wanted and not ready: when to try (again) */
    guint failures;   /* in a row */
    guint64 unacked;  /* highest tag to acknowledge; 0: none */
} OmRole;

/* Declares, binds and consumes. Takes the spec. Errors of the channel leave the connection usable.
 */
gboolean om_role_set_up(OmRole *role, OmConnection *connection, OmRoleSpec *spec, GError **error);

/* The bindings of a ready role, made anew. */
gboolean om_role_bind_again(OmRole *role, OmConnection *connection, GError **error);

/* No longer ready; plans when to try again. */
void om_role_failed(OmRole *role, const GError *error, gint64 now_us);
