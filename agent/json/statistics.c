/* The object `statistics`: one row of the table is one figure. */
#include "agent/json/reports_internal.h"
#include "agent/json/value.h"

static const struct {
    const char *name;
    gsize offset;
} figures[] = {
#define FIGURE(json_name, member)                                                                  \
    {                                                                                              \
        json_name, G_STRUCT_OFFSET(NmaJobStats, member)                                            \
    }
    FIGURE("elapsed_ms", elapsed_ms),
    FIGURE("data_total_bytes", data_total_bytes),
    FIGURE("memory_total_bytes", memory_total_bytes),
    FIGURE("memory_processed_bytes", memory_processed_bytes),
    FIGURE("memory_remaining_bytes", memory_remaining_bytes),
    FIGURE("memory_normal_pages", memory_normal_pages),
    FIGURE("memory_zero_pages", memory_zero_pages),
    FIGURE("memory_normal_bytes", memory_normal_bytes),
    FIGURE("bandwidth_bytes_s", memory_bps),
    FIGURE("dirty_rate_pages_s", memory_dirty_rate_pages_s),
    FIGURE("page_size_bytes", memory_page_size_bytes),
    FIGURE("iteration", memory_iteration),
    FIGURE("postcopy_requests", memory_postcopy_requests),
    FIGURE("disk_total_bytes", disk_total_bytes),
    FIGURE("disk_processed_bytes", disk_processed_bytes),
    FIGURE("disk_remaining_bytes", disk_remaining_bytes),
    FIGURE("disk_bandwidth_bytes_s", disk_bps),
    FIGURE("downtime_net_ms", downtime_net_ms),
    FIGURE("setup_time_ms", setup_time_ms),
    FIGURE("throttle_percent", throttle_percent),
    FIGURE("compression_cache_bytes", compression_cache_bytes),
    FIGURE("compression_bytes", compression_bytes),
    FIGURE("compression_pages", compression_pages),
#undef FIGURE
};

/* by NmaJobKind */
static const char *const job_kinds[] = { "none", "migration_out", "migration_in", "other" };

static gint64
dirty_rate_bytes_s(const NmaJobStats *stats)
{
    gint64 bytes_s;

    if (stats->memory_dirty_rate_pages_s < 0 || stats->memory_page_size_bytes < 0 ||
        __builtin_mul_overflow(stats->memory_dirty_rate_pages_s, stats->memory_page_size_bytes,
                               &bytes_s)) {
        return NMA_UNKNOWN;
    }
    return bytes_s;
}

json_t *
nma_statistics_to_value(const NmaJobStats *stats, gboolean final)
{
    json_t *value = json_object();

    json_object_set_new(value, "job", json_string(job_kinds[stats->kind]));
    for (guint i = 0; i < G_N_ELEMENTS(figures); i++) {
        gint64 figure = G_STRUCT_MEMBER(gint64, stats, figures[i].offset);

        json_object_set_new(value, figures[i].name, nma_json_integer(figure));
    }
    json_object_set_new(value, "dirty_rate_bytes_s", nma_json_integer(dirty_rate_bytes_s(stats)));
    json_object_set_new(value, "expected_downtime_ms",
                        final ? json_null() : nma_json_integer(stats->downtime_ms));
    json_object_set_new(value, "downtime_ms",
                        final ? nma_json_integer(stats->downtime_ms) : json_null());
    return value;
}

void
nma_statistics_from_value(const json_t *value, NmaJobStats *stats)
{
    const char *job = json_string_value(json_object_get(value, "job"));

    nma_job_stats_clear(stats);
    for (guint i = 0; i < G_N_ELEMENTS(job_kinds); i++) {
        if (g_strcmp0(job, job_kinds[i]) == 0) {
            stats->kind = (NmaJobKind)i;
        }
    }
    for (guint i = 0; i < G_N_ELEMENTS(figures); i++) {
        G_STRUCT_MEMBER(gint64, stats, figures[i].offset) =
            nma_json_get_int(value, figures[i].name, 0, G_MAXINT64);
    }
    stats->downtime_ms = nma_json_get_int(value, "downtime_ms", 0, G_MAXINT64);
    if (stats->downtime_ms == NMA_UNKNOWN) {
        stats->downtime_ms = nma_json_get_int(value, "expected_downtime_ms", 0, G_MAXINT64);
    }
}
