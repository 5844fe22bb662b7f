/*
 * A text file for node_exporter's textfile collector: written beside, then renamed.
 */
#pragma once

#include <glib.h>

#include "agent/core/audit.h"
#include "agent/core/phase.h"

typedef struct {
    gboolean bus_in_connected, bus_out_connected, libvirt_connected;
    gdouble tap_age_seconds;       /* since the last probe came back; -1 when never */
    gdouble outbox_oldest_seconds; /* 0 when empty */
    guint64 outbox_rows;
    guint64 unroutable_total, tap_dropped_total, malformed_total, reports_dropped_total;
    guint64 reports_published_total;
    guint reservations;
    guint migrations[NMA_N_PHASES];
    gdouble audit_age_seconds; /* -1: nova.conf is not audited */
    guint findings[NMA_N_SEVERITIES];
} NmaMetrics;

char *nma_metrics_format(const NmaMetrics *metrics); /* owned */
gboolean nma_metrics_write(const NmaMetrics *metrics, const char *path, GError **error);
