/*
 * The thread virt-measure: how fast guests dirty their memory, measured by QEMU's page sampling,
 * one guest at a time; and which domains are active. On a connection of its own: a measurement
 * lasts seconds.
 */
#pragma once

#include "agent/core/event.h"
#include "agent/hypervisor/connection.h"

#define NMA_MEASURING_MAX 4096 /* guests that wait */

typedef struct NmaMeasuring NmaMeasuring;

/* post takes the event; it is called on the thread. connection must outlive it. */
NmaMeasuring *nma_measuring_new(NmaConnection *connection, NmaAccess access,
                                void (*post)(NmaEvent *event, gpointer user_data),
                                gpointer user_data, GError **error);
/* NMA_EVENT_MEASURED follows; merged into one that waits. At once with an error text when there are
 * too many, or with read-only access. */
void nma_measuring_request(NmaMeasuring *measuring, const char *instance_uuid);
/* NMA_EVENT_DOMAINS follows, before the guests that wait are measured */
void nma_measuring_list(NmaMeasuring *measuring);
/* FALSE: it hangs in a call at the deadline (g_get_monotonic_time) and is left behind */
gboolean nma_measuring_stop(NmaMeasuring *measuring, gint64 deadline_us);
void nma_measuring_free(NmaMeasuring *measuring); /* stopped before, or NULL */

/* calc_status, period and rate out of libvirt's "dirtyrate." statistics. TRUE: measured, in a
 * window of that length. */
gboolean nma_dirty_window_from_libvirt(virTypedParameterPtr params, int n_params, int period_s,
                                       NmaDirtyWindow *window);
