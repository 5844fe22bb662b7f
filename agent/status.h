/*
 * What `nova-migration-agent status` and `health` are told, and what the metrics file says: one
 * snapshot of the running agent, two ways to write it.
 */
#pragma once

#include <jansson.h>

#include "agent/core/audit.h"
#include "agent/core/host.h"
#include "agent/hypervisor/hypervisor.h"
#include "agent/ops/metrics.h"
#include "agent/publisher.h"
#include "agent/settings.h"
#include "rpc/bus.h"

typedef struct {
    const NmaSettings *settings;
    const NmaHost *host;
    gint64 started_boot_us;
    NmaNow now;
    OmBusState bus;
    OmBusStats bus_stats;
    NmaHypervisorStatus libvirt;
    NmaPublisherStats publisher;
    guint64 outbox_rows;
    gint64 outbox_oldest_wall_us; /* 0: empty */
    guint64 reports_dropped_total;
    guint64 tap_dropped_total; /* inbox full, oversize */
    guint64 malformed_total;   /* on the tap; those to our server are in bus_stats */
    const char *store_error;   /* NULL: the last write succeeded */
    const NmaAudit *audit;     /* of nova.conf; NULL: none yet, or off */
} NmaStatus;

/* new reference; the object that README and the manual describe */
json_t *nma_status_to_json(const NmaStatus *status);
void nma_status_to_metrics(const NmaStatus *status, NmaMetrics *metrics);
