/*
 * What libvirt tells of a domain's job, as plain numbers.
 *
 * Source: virDomainGetJobStats and VIR_DOMAIN_EVENT_ID_JOB_COMPLETED, the VIR_DOMAIN_JOB_* typed
 * parameters. A figure that libvirt did not report is NMA_UNKNOWN, never 0.
 */
#pragma once

#include <glib.h>

#define NMA_UNKNOWN G_GINT64_CONSTANT(-1)

typedef enum {
    NMA_JOB_NONE,          /* no job runs */
    NMA_JOB_MIGRATION_OUT, /* VIR_DOMAIN_JOB_OPERATION_MIGRATION_OUT */
    NMA_JOB_MIGRATION_IN,
    NMA_JOB_OTHER, /* save, dump, snapshot, backup: these raise iteration events too */
} NmaJobKind;

typedef struct {
    NmaJobKind kind;
    gint64 elapsed_ms;
    gint64 data_total_bytes; /* 0: the job is set up, nothing flows yet */
    gint64 memory_total_bytes, memory_processed_bytes, memory_remaining_bytes;
    gint64 memory_bps; /* bytes per second, libvirt's own figure of the moment */
    gint64 memory_normal_pages, memory_zero_pages;
    gint64 memory_normal_bytes;
    gint64 memory_dirty_rate_pages_s;
    gint64 memory_page_size_bytes;
    gint64 memory_iteration;
    gint64 memory_postcopy_requests;
    gint64 disk_total_bytes, disk_processed_bytes, disk_remaining_bytes, disk_bps;
    gint64 downtime_ms;     /* running job: expected by QEMU; completed job: the real one */
    gint64 downtime_net_ms; /* completed job only */
    gint64 setup_time_ms;
    gint64 throttle_percent; /* auto-converge */
    gint64 compression_cache_bytes, compression_bytes, compression_pages;
} NmaJobStats;

/* every figure NMA_UNKNOWN, kind NMA_JOB_NONE */
void nma_job_stats_clear(NmaJobStats *stats);

/* TRUE when an outgoing migration really moves data (not only set up) */
gboolean nma_job_stats_flows(const NmaJobStats *stats);
