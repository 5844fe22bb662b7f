/*
 * libvirt, watched beside nova-compute: events and readings come out as core events.
 *
 * Threads of its own: virt-events runs libvirt's event loop, its callbacks only copy and post;
 * virt-read ×3 make the blocking calls, each domain at most one at a time. (Re)connects by itself
 * for ever; after each (re)connect it registers its callbacks and posts NMA_EVENT_RESYNC.
 * What a connection of which access may call: agent/hypervisor/access.c.
 */
#pragma once

#include <glib.h>

#include "agent/core/event.h"

typedef struct NmaHypervisor NmaHypervisor;

typedef enum {
    NMA_ACCESS_READ_ONLY,
    NMA_ACCESS_READ_WRITE,
} NmaAccess;

typedef struct {
    const char *uri; /* copied */
    NmaAccess access;
    gint64 call_deadline_ms; /* a reading that takes longer is posted as NMA_DOMAIN_UNKNOWN */
    /* Called on any of the threads; takes the event; must not block. */
    void (*post)(NmaEvent *event, gpointer user_data);
    gpointer user_data;
} NmaHypervisorConfig;

typedef struct {
    gboolean connected;
    char *error;               /* last connection error, NULL if none; owned by the struct */
    guint overdue_calls;       /* calls that have passed their deadline and not returned */
    gint64 last_alive_boot_us; /* newest sign of life of the threads, for the watchdog */
    guint64 events_total;
} NmaHypervisorStatus;

NmaHypervisor *nma_hypervisor_new(const NmaHypervisorConfig *config, GError **error);
/* Waits at most deadline_ms; a thread that hangs in a libvirt call is left behind. */
void nma_hypervisor_stop(NmaHypervisor *hypervisor, gint64 deadline_ms);

/* Posts NMA_EVENT_DOMAIN_READING. A second request for a domain whose reading is still under way
 * is merged into it. */
void nma_hypervisor_read_domain(NmaHypervisor *hypervisor, const char *instance_uuid);

/* Posts NMA_EVENT_RESYNC as after a reconnect: events were lost between us and core. */
void nma_hypervisor_resync(NmaHypervisor *hypervisor);

void nma_hypervisor_get_status(NmaHypervisor *hypervisor, NmaHypervisorStatus *status);
void nma_hypervisor_status_clear(NmaHypervisorStatus *status);

/* For check-config --online: connects once, synchronously. text: "libvirt 9.0.0, QEMU 7.2.0,
 * host name …, 3 domains"; owned by the caller. */
gboolean nma_hypervisor_try(const char *uri, NmaAccess access, char **text, GError **error);
