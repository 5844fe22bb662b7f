#include "agent/hypervisor/job_stats.h"

#include <stddef.h>
#include <string.h>

static const struct {
    const char *name;
    gsize offset;
} figures[] = {
#define FIGURE(name, member)                                                                       \
    {                                                                                              \
        name, offsetof(NmaJobStats, member)                                                        \
    }
    FIGURE(VIR_DOMAIN_JOB_TIME_ELAPSED, elapsed_ms),
    FIGURE(VIR_DOMAIN_JOB_DATA_TOTAL, data_total_bytes),
    FIGURE(VIR_DOMAIN_JOB_MEMORY_TOTAL, memory_total_bytes),
    FIGURE(VIR_DOMAIN_JOB_MEMORY_PROCESSED, memory_processed_bytes),
    FIGURE(VIR_DOMAIN_JOB_MEMORY_REMAINING, memory_remaining_bytes),
    FIGURE(VIR_DOMAIN_JOB_MEMORY_BPS, memory_bps),
    FIGURE(VIR_DOMAIN_JOB_MEMORY_NORMAL, memory_normal_pages),
    FIGURE(VIR_DOMAIN_JOB_MEMORY_CONSTANT, memory_zero_pages),
    FIGURE(VIR_DOMAIN_JOB_MEMORY_NORMAL_BYTES, memory_normal_bytes),
    FIGURE(VIR_DOMAIN_JOB_MEMORY_DIRTY_RATE, memory_dirty_rate_pages_s),
    FIGURE(VIR_DOMAIN_JOB_MEMORY_PAGE_SIZE, memory_page_size_bytes),
    FIGURE(VIR_DOMAIN_JOB_MEMORY_ITERATION, memory_iteration),
    FIGURE(VIR_DOMAIN_JOB_MEMORY_POSTCOPY_REQS, memory_postcopy_requests),
    FIGURE(VIR_DOMAIN_JOB_DISK_TOTAL, disk_total_bytes),
    FIGURE(VIR_DOMAIN_JOB_DISK_PROCESSED, disk_processed_bytes),
    FIGURE(VIR_DOMAIN_JOB_DISK_REMAINING, disk_remaining_bytes),
    FIGURE(VIR_DOMAIN_JOB_DISK_BPS, disk_bps),
    FIGURE(VIR_DOMAIN_JOB_DOWNTIME, downtime_ms),
    FIGURE(VIR_DOMAIN_JOB_DOWNTIME_NET, downtime_net_ms),
    FIGURE(VIR_DOMAIN_JOB_SETUP_TIME, setup_time_ms),
    FIGURE(VIR_DOMAIN_JOB_AUTO_CONVERGE_THROTTLE, throttle_percent),
    FIGURE(VIR_DOMAIN_JOB_COMPRESSION_CACHE, compression_cache_bytes),
    FIGURE(VIR_DOMAIN_JOB_COMPRESSION_BYTES, compression_bytes),
    FIGURE(VIR_DOMAIN_JOB_COMPRESSION_PAGES, compression_pages),
#undef FIGURE
};

static gint64
parameter_value(const virTypedParameter *parameter)
{
    gint64 value = NMA_UNKNOWN;

    switch (parameter->type) {
    case VIR_TYPED_PARAM_INT:
        value = parameter->value.i;
        break;
    case VIR_TYPED_PARAM_UINT:
        value = parameter->value.ui;
        break;
    case VIR_TYPED_PARAM_LLONG:
        value = parameter->value.l;
        break;
    case VIR_TYPED_PARAM_ULLONG:
        value = parameter->value.ul <= G_MAXINT64 ? (gint64)parameter->value.ul : NMA_UNKNOWN;
        break;
    default:
        break;
    }
    return value >= 0 ? value : NMA_UNKNOWN;
}

static NmaJobKind
kind_of_operation(gint64 operation)
{
    switch (operation) {
    case VIR_DOMAIN_JOB_OPERATION_MIGRATION_OUT:
        return NMA_JOB_MIGRATION_OUT;
    case VIR_DOMAIN_JOB_OPERATION_MIGRATION_IN:
        return NMA_JOB_MIGRATION_IN;
    default:
        return NMA_JOB_OTHER;
    }
}

void
nma_job_stats_from_libvirt(NmaJobStats *stats, int type, virTypedParameterPtr params, int n_params)
{
    nma_job_stats_clear(stats);
    if (type == VIR_DOMAIN_JOB_NONE)
        return;

    stats->kind = NMA_JOB_OTHER;
    for (int i = 0; i < n_params; i++) {
        gint64 value = parameter_value(&params[i]);

        if (strcmp(params[i].field, VIR_DOMAIN_JOB_OPERATION) == 0)
            stats->kind = kind_of_operation(value);
        for (guint j = 0; j < G_N_ELEMENTS(figures); j++)
            if (strcmp(params[i].field, figures[j].name) == 0)
                G_STRUCT_MEMBER(gint64, stats, figures[j].offset) = value;
    }
}

gboolean
nma_job_stats_tell_success(virTypedParameterPtr params, int n_params)
{
    for (int i = 0; i < n_params; i++)
        if (strcmp(params[i].field, VIR_DOMAIN_JOB_SUCCESS) == 0 &&
            params[i].type == VIR_TYPED_PARAM_BOOLEAN && !params[i].value.b)
            return FALSE;
    return TRUE;
}
