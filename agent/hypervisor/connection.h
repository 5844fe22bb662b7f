/*
 * The thread virt-connect: holds one connection to libvirt, opens it again for ever.
 */
#pragma once

#include <libvirt/libvirt.h>

#include "agent/hypervisor/hypervisor.h"

typedef struct NmaConnection NmaConnection;

/* All are called on the thread virt-connect. */
typedef struct {
    const char *uri; /* copied */
    NmaAccess access;
    /* A new connection: register and read. FALSE: it is closed and opened again later. */
    gboolean (*opened)(virConnectPtr connection, gpointer user_data, GError **error);
    /* an opened connection does not work any more */
    void (*lost)(gpointer user_data);
    /* before an opened connection is closed, lost or not: undo what opened did */
    void (*closing)(virConnectPtr connection, gpointer user_data);
    gpointer user_data;
} NmaConnectionConfig;

NmaConnection *nma_connection_new(const NmaConnectionConfig *config);
void nma_connection_free(NmaConnection *connection); /* not started, or stopped */

/* libvirt's event loop must be running: nma_loop_new */
gboolean nma_connection_start(NmaConnection *connection, GError **error);
/* FALSE: its thread still hangs in a call at the deadline (g_get_monotonic_time); it is left
 * behind, and connection must not be freed. */
gboolean nma_connection_stop(NmaConnection *connection, gint64 deadline_us);

/* A reference for a blocking call on another thread, to be given back with virConnectClose; NULL
 * while there is no connection. */
virConnectPtr nma_connection_ref(NmaConnection *connection);

/* error: why there is none; NULL when there is, or while the first is being opened; owned */
void nma_connection_get_status(NmaConnection *connection, gboolean *connected, char **error);

/* Opens and closes one connection on the caller's thread: see nma_hypervisor_try. */
gboolean nma_connection_try(const char *uri, NmaAccess access, char **text, GError **error);
