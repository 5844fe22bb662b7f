/*
 * The thread virt-act: what is done to a running migration, one action at a time, on a connection
 * of its own, so that an abort never waits behind a reading that hangs.
 *
 * A knob is read, moved only when it is not there already, and read again: nova-compute moves the
 * same knobs.
 */
#pragma once

#include <libvirt/libvirt.h>

#include "agent/core/event.h"

typedef struct NmaSteerer NmaSteerer;

typedef struct {
    /* Another connection for this thread alone; NULL with error. Blocks. */
    virConnectPtr (*open)(gpointer user_data, GError **error);
    void (*post)(NmaEvent *event, gpointer user_data); /* NMA_EVENT_REMEDY; taken */
    gpointer user_data;
} NmaSteererConfig;

NmaSteerer *nma_steerer_new(const NmaSteererConfig *config, GError **error);
/* Posts one NMA_EVENT_REMEDY, at once where too much waits. */
void nma_steerer_order(NmaSteerer *steerer, const char *instance_uuid, const NmaRemedyOrder *order);
/* What has not begun is not done any more: each is answered so. An abort still is: it can only give
 * a guest back. */
void nma_steerer_cancel(NmaSteerer *steerer);
/* FALSE: it hangs in a call at the deadline (g_get_monotonic_time), and must not be freed. */
gboolean nma_steerer_stop(NmaSteerer *steerer, gint64 deadline_us);
void nma_steerer_free(NmaSteerer *steerer); /* stopped before */
