/*
 * The thread virt-connect: holds one connection to libvirt, opens it again for ever.
 *
 * No two threads make calls on one connection: until libvirt 10.0 its client can lose the wake-up
 * of a second caller ("rpc: fix race in waking up client event loop"), who then waits as long as
 * the first one's call lasts.
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
    /* nma_connection_refresh was called. FALSE: the connection counts as lost. */
    gboolean (*refresh)(virConnectPtr connection, gpointer user_data, GError **error);
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

/* Has refresh called, if there is a connection; more calls before that are one. */
void nma_connection_refresh(NmaConnection *connection);

/* Whether libvirt answered when it was last asked, and has not been lost since. */
gboolean nma_connection_is_open(NmaConnection *connection);

/* Another connection to the same libvirt, for the calling thread alone; to be closed with
 * virConnectClose. Blocks. NULL with error when it cannot be opened. */
virConnectPtr nma_connection_open_another(const NmaConnection *connection, GError **error);

/* error: why there is none; NULL when there is, or while the first is being opened; owned */
void nma_connection_get_status(NmaConnection *connection, gboolean *connected, char **error);

/* Opens and closes one connection on the caller's thread: see nma_hypervisor_try. */
gboolean nma_connection_try(const char *uri, NmaAccess access, char **text, GError **error);
