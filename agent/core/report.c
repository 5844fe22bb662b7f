#include "agent/core/report.h"

NmaReport *
nma_report_new(void)
{
    NmaReport *report = g_new0(NmaReport, 1);

    nma_identity_init(&report->identity);
    nma_job_stats_clear(&report->stats);
    report->not_before_wall_us = NMA_UNKNOWN;
    report->not_after_wall_us = NMA_UNKNOWN;
    report->phase_duration_us = NMA_UNKNOWN;
    report->clock_offset_ms = NMA_OFFSET_UNKNOWN;
    report->clock_offset_error_ms = NMA_OFFSET_UNKNOWN;
    return report;
}

void
nma_report_free(NmaReport *report)
{
    if (report == NULL)
        return;
    nma_identity_clear(&report->identity);
    g_free(report->text);
    g_free(report->nova_status);
    g_free(report->peer);
    g_clear_pointer(&report->checks, g_ptr_array_unref);
    g_free(report);
}

const char *
nma_report_kind_to_string(NmaReportKind kind)
{
    static const char *const names[] = {
        [NMA_REPORT_START] = "start",
        [NMA_REPORT_PROGRESS] = "progress",
        [NMA_REPORT_END] = "end",
        [NMA_REPORT_ERROR] = "error",
    };

    g_return_val_if_fail((guint)kind < G_N_ELEMENTS(names), "");
    return names[kind];
}

const char *
nma_guest_place_to_string(NmaGuestPlace place)
{
    static const char *const names[] = {
        [NMA_GUEST_UNKNOWN] = "unknown",
        [NMA_GUEST_ON_SOURCE] = "on_source",
        [NMA_GUEST_ON_DESTINATION] = "on_destination",
        [NMA_GUEST_GONE] = "gone",
    };

    g_return_val_if_fail((guint)place < G_N_ELEMENTS(names), "");
    return names[place];
}

const char *
nma_guest_state_to_string(NmaGuestState state)
{
    static const char *const names[] = {
        [NMA_GUEST_STATE_UNKNOWN] = "unknown",
        [NMA_GUEST_RUNNING] = "running",
        [NMA_GUEST_PAUSED] = "paused",
    };

    g_return_val_if_fail((guint)state < G_N_ELEMENTS(names), "");
    return names[state];
}

const char *
nma_cause_to_string(NmaCause cause)
{
    static const char *const names[] = {
        [NMA_CAUSE_NONE] = "",
        [NMA_CAUSE_SWITCHOVER] = "switchover",
        [NMA_CAUSE_FORCED] = "forced",
    };

    g_return_val_if_fail((guint)cause < G_N_ELEMENTS(names), "");
    return names[cause];
}

char *
nma_report_event_type(const NmaReport *report)
{
    return g_strdup_printf("live_migration.%s.%s", nma_phase_to_string(report->phase),
                           nma_report_kind_to_string(report->kind));
}
