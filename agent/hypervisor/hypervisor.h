/*
 * libvirt, watched beside nova-compute: events and readings come out as core events.
 *
 * Threads of its own: virt-events runs libvirt's event loop, its callbacks only copy and post;
 * virt-read ×3 make the blocking calls, each domain at most one at a time, each thread on a
 * connection of its own; virt-measure (measuring.h) measures dirty rates on another; virt-act moves
 * knobs (steering.h) on another, and virt-check answers what checks ask on one more; virt-connect
 * (re)connects for ever; after each (re)connect it registers its callbacks and posts
 * NMA_EVENT_RESYNC. What a connection of which access may call: agent/hypervisor/access.c.
 */
#pragma once

#include <glib.h>

#include "agent/core/event.h"
#include "agent/hypervisor/inspection.h"

typedef struct NmaHypervisor NmaHypervisor;

typedef enum {
    NMA_ACCESS_READ_ONLY,
    NMA_ACCESS_READ_WRITE,
} NmaAccess;

#define NMA_HYPERVISOR_ERROR (nma_hypervisor_error_quark())
GQuark nma_hypervisor_error_quark(void);
typedef enum {
    NMA_HYPERVISOR_ERROR_SETUP,   /* a thread, libvirt's loop, a second hypervisor at a time */
    NMA_HYPERVISOR_ERROR_LIBVIRT, /* libvirt's own text stands in the message */
} NmaHypervisorError;

typedef struct {
    const char *uri; /* copied */
    NmaAccess access;
    gint64 call_deadline_ms; /* a reading that takes longer is posted as NMA_DOMAIN_UNKNOWN */
    /* Called on any of the threads; takes the event; must not block. */
    void (*post)(NmaEvent *event, gpointer user_data);
    /* The same for answers to nma_hypervisor_inspect, and for some with cookie 0 that nobody asked
     * for; NULL: no inspections. */
    void (*inspected)(NmaInspection *inspection, gpointer user_data);
    gpointer user_data;
} NmaHypervisorConfig;

typedef struct {
    gboolean connected;
    char *error;               /* last connection error, NULL if none; owned by the struct */
    guint overdue_calls;       /* calls that have passed their deadline and not returned */
    gint64 last_alive_boot_us; /* newest turn of libvirt's event loop, for the watchdog */
    guint64 events_total;
} NmaHypervisorStatus;

/* At most one at a time in a process: libvirt's event loop is the process's. Not being able to
 * connect is no error, but a status. */
NmaHypervisor *nma_hypervisor_new(const NmaHypervisorConfig *config, GError **error);
/* Nothing is posted once it has returned. Waits at most deadline_ms; a thread that hangs in a
 * libvirt call is left behind. */
void nma_hypervisor_stop(NmaHypervisor *hypervisor, gint64 deadline_ms);

/* Posts NMA_EVENT_DOMAIN_READING. A second request for a domain whose reading is still under way
 * is merged into it. Each request that is not merged gets one answer within
 * call_deadline_ms and a little: at the deadline NMA_DOMAIN_UNKNOWN, and what libvirt says later is
 * dropped. instance_uuid must be valid (nma_uuid_is_valid). */
void nma_hypervisor_read_domain(NmaHypervisor *hypervisor, const char *instance_uuid);

/* Posts NMA_EVENT_MEASURED: how fast the guest dirties its memory. Guests are measured one at a
 * time, some seconds each; needs read-write access. */
void nma_hypervisor_measure(NmaHypervisor *hypervisor, const char *instance_uuid);
/* Posts NMA_EVENT_DOMAINS. */
void nma_hypervisor_list(NmaHypervisor *hypervisor);

/* Posts one NMA_EVENT_REMEDY. On a read-only connection libvirt refuses. */
void nma_hypervisor_steer(NmaHypervisor *hypervisor, const char *instance_uuid,
                          const NmaRemedyOrder *order);
/* What was ordered and has not begun is not done any more, but for an abort. */
void nma_hypervisor_cancel(NmaHypervisor *hypervisor);

/* Asks libvirt for what checks need; inspected gets it back with its answer, some day: who asks has
 * a deadline of his own. One after the other; FALSE when too many wait, and it stays the caller's.
 */
gboolean nma_hypervisor_inspect(NmaHypervisor *hypervisor, NmaInspection *inspection);

/* Posts NMA_EVENT_RESYNC as after a reconnect: events were lost between us and core. */
void nma_hypervisor_resync(NmaHypervisor *hypervisor);

void nma_hypervisor_get_status(NmaHypervisor *hypervisor, NmaHypervisorStatus *status);
void nma_hypervisor_status_clear(NmaHypervisorStatus *status);

/* For check-config --online: connects once, synchronously. text: "libvirt 9.0.0, QEMU 7.2.0,
 * host name …, 3 domains"; owned by the caller. */
gboolean nma_hypervisor_try(const char *uri, NmaAccess access, char **text, GError **error);
