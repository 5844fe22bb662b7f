#include "agent/core/job_stats.h"

void
nma_job_stats_clear(NmaJobStats *stats)
{
    *stats = (NmaJobStats){
        .kind = NMA_JOB_NONE,
        .elapsed_ms = NMA_UNKNOWN,
        .data_total_bytes = NMA_UNKNOWN,
        .memory_total_bytes = NMA_UNKNOWN,
        .memory_processed_bytes = NMA_UNKNOWN,
        .memory_remaining_bytes = NMA_UNKNOWN,
        .memory_bps = NMA_UNKNOWN,
        .memory_normal_pages = NMA_UNKNOWN,
        .memory_zero_pages = NMA_UNKNOWN,
        .memory_normal_bytes = NMA_UNKNOWN,
        .memory_dirty_rate_pages_s = NMA_UNKNOWN,
        .memory_page_size_bytes = NMA_UNKNOWN,
        .memory_iteration = NMA_UNKNOWN,
        .memory_postcopy_requests = NMA_UNKNOWN,
        .disk_total_bytes = NMA_UNKNOWN,
        .disk_processed_bytes = NMA_UNKNOWN,
        .disk_remaining_bytes = NMA_UNKNOWN,
        .disk_bps = NMA_UNKNOWN,
        .downtime_ms = NMA_UNKNOWN,
        .downtime_net_ms = NMA_UNKNOWN,
        .setup_time_ms = NMA_UNKNOWN,
        .throttle_percent = NMA_UNKNOWN,
        .compression_cache_bytes = NMA_UNKNOWN,
        .compression_bytes = NMA_UNKNOWN,
        .compression_pages = NMA_UNKNOWN,
    };
}

gboolean
nma_job_stats_flows(const NmaJobStats *stats)
{
    return stats->kind == NMA_JOB_MIGRATION_OUT && stats->data_total_bytes > 0;
}
