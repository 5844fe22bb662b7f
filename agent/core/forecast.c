#include "agent/core/forecast.h"

#include "agent/core/job_stats.h"

#define MIB (1024.0 * 1024.0)

static const NmaRange unknown_range = { NMA_UNKNOWN, NMA_UNKNOWN };

void
nma_forecast_clear(NmaForecast *forecast)
{
    *forecast = (NmaForecast){
        .verdict = NMA_FORECAST_UNKNOWN,
        .why = NMA_DOUBT_TOO_FEW_PASSES,
        .max_downtime_ms = NMA_UNKNOWN,
        .bandwidth_bytes_s = NMA_UNKNOWN,
        .dirty_rate_bytes_s = NMA_UNKNOWN,
        .true_dirty_rate_bytes_s = unknown_range,
        .working_set_bytes = unknown_range,
        .nonzero_bytes = NMA_UNKNOWN,
        .rest_bytes = NMA_UNKNOWN,
        .least_downtime_ms = unknown_range,
        .finishes_in_ms = unknown_range,
        .downtime_ms = unknown_range,
        .needed_bandwidth_bytes_s = unknown_range,
        .needed_throttle_percent = unknown_range,
        .post_copy_ms = NMA_UNKNOWN,
        .pause_ms = unknown_range,
        .throttle_percent = NMA_UNKNOWN,
        .elapsed_ms = NMA_UNKNOWN,
    };
    nma_nova_plan_clear(&forecast->nova);
}

NmaForecastReport *
nma_forecast_report_new(void)
{
    NmaForecastReport *report = g_new0(NmaForecastReport, 1);

    nma_identity_init(&report->identity);
    report->iteration = NMA_UNKNOWN;
    nma_forecast_clear(&report->forecast);
    return report;
}

void
nma_forecast_report_free(NmaForecastReport *report)
{
    if (report == NULL)
        return;
    nma_identity_clear(&report->identity);
    g_free(report);
}

const char *
nma_forecast_verdict_to_string(NmaForecastVerdict verdict)
{
    static const char *const names[NMA_N_FORECASTS] = {
        [NMA_FORECAST_UNKNOWN] = "unknown",
        [NMA_FORECAST_CONVERGES] = "converges",
        [NMA_FORECAST_HOPELESS] = "hopeless",
    };

    g_return_val_if_fail((guint)verdict < NMA_N_FORECASTS, "");
    return names[verdict];
}

const char *
nma_hindrance_to_string(NmaHindrance cause)
{
    static const char *const names[NMA_N_HINDRANCES] = {
        [NMA_HINDRANCE_NONE] = "",
        [NMA_HINDRANCE_DIRTYING] = "dirtying",
        [NMA_HINDRANCE_SLOW_LINK] = "slow_link",
        [NMA_HINDRANCE_COMPETING] = "competing_migrations",
        [NMA_HINDRANCE_BANDWIDTH_CHANGED] = "bandwidth_changed",
        [NMA_HINDRANCE_DISK] = "disk",
        [NMA_HINDRANCE_NOTHING_MOVES] = "nothing_moves",
    };

    g_return_val_if_fail((guint)cause < NMA_N_HINDRANCES, "");
    return names[cause];
}

const char *
nma_doubt_to_string(NmaDoubt why)
{
    static const char *const names[NMA_N_DOUBTS] = {
        [NMA_DOUBT_NONE] = "",
        [NMA_DOUBT_TOO_FEW_PASSES] = "too_few_passes",
        [NMA_DOUBT_BORDERLINE] = "borderline",
        [NMA_DOUBT_UNSTEADY] = "unsteady",
        [NMA_DOUBT_BANDWIDTH_CHANGED] = "bandwidth_changed",
        [NMA_DOUBT_THROTTLE_CHANGED] = "throttle_changed",
        [NMA_DOUBT_DISK] = "disk",
        [NMA_DOUBT_NOTHING_MOVES] = "nothing_moves",
        [NMA_DOUBT_NO_BANDWIDTH] = "no_bandwidth",
    };

    g_return_val_if_fail((guint)why < NMA_N_DOUBTS, "");
    return names[why];
}

/* ---- the sentence ---- */

static const char *const doubts[NMA_N_DOUBTS] = {
    [NMA_DOUBT_NONE] = "",
    [NMA_DOUBT_TOO_FEW_PASSES] = "too few passes seen to tell whether it will end",
    [NMA_DOUBT_BORDERLINE] = "it may or may not end within the limit",
    [NMA_DOUBT_UNSTEADY] = "the guest dirties too unsteadily to tell whether it will end",
    [NMA_DOUBT_BANDWIDTH_CHANGED] = "the bandwidth has changed: one more pass is needed to tell",
    [NMA_DOUBT_THROTTLE_CHANGED] = "throttle or compression changed: one more pass is needed",
    [NMA_DOUBT_DISK] = "disks are copied first",
    [NMA_DOUBT_NOTHING_MOVES] = "not a byte has been sent for 10 s",
    [NMA_DOUBT_NO_BANDWIDTH] = "nothing is known of the bandwidth",
};

static void
append_rates(GString *out, const NmaForecast *forecast)
{
    if (forecast->dirty_rate_bytes_s < 0 || forecast->bandwidth_bytes_s < 0)
        return;
    g_string_append_printf(out, "the guest dirties at least %.1f MiB/s, %.1f MiB/s are sent; ",
                           (double)forecast->dirty_rate_bytes_s / MIB,
                           (double)forecast->bandwidth_bytes_s / MIB);
}

/* It is read and advised, never set: libvirt takes the flag at the start of a migration only. */
static void
append_auto_converge(GString *out, const NmaForecast *forecast)
{
    NmaRange needed = forecast->needed_throttle_percent;

    if (needed.high < 0)
        return;
    g_string_append_printf(out,
                           ", or auto-converge at %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT
                           " %% of the guest's processor time",
                           needed.low, needed.high);
    if (forecast->nova.auto_converge)
        g_string_append_printf(out, " (%" G_GINT64_FORMAT " %% now, and it rises by itself)",
                               MAX(forecast->throttle_percent, 0));
    else
        g_string_append(out, " (nova.conf: [libvirt] live_migration_permit_auto_converge = true, "
                             "for migrations begun afterwards)");
}

static void
append_ways_out(GString *out, const NmaForecast *forecast)
{
    g_string_append_printf(out, "will not end within %.1f s of downtime",
                           (double)forecast->max_downtime_ms / 1e3);
    if (forecast->least_downtime_ms.low >= 0)
        g_string_append_printf(out, ": needs %.1f to %.1f s",
                               (double)forecast->least_downtime_ms.low / 1e3,
                               (double)forecast->least_downtime_ms.high / 1e3);
    if (forecast->needed_bandwidth_bytes_s.high >= 0)
        g_string_append_printf(out, ", or %.0f MiB/s",
                               (double)forecast->needed_bandwidth_bytes_s.high / MIB);
    if (forecast->post_copy_ms >= 0)
        g_string_append_printf(out, ", or post-copy for %.1f s",
                               (double)forecast->post_copy_ms / 1e3);
    if (forecast->pause_ms.high >= 0)
        g_string_append_printf(out, ", or a pause of up to %.1f s",
                               (double)forecast->pause_ms.high / 1e3);
    append_auto_converge(out, forecast);
    if (forecast->cause == NMA_HINDRANCE_COMPETING)
        g_string_append(out, ", or to be the host's only migration");
}

static void
append_end(GString *out, const NmaForecast *forecast)
{
    g_string_append(out, "ends");
    if (forecast->finishes_in_ms.low >= 0)
        g_string_append_printf(out, " in %.0f", (double)forecast->finishes_in_ms.low / 1e3);
    if (forecast->finishes_in_ms.low >= 0 && forecast->finishes_in_ms.high >= 0)
        g_string_append_printf(out, " to %.0f", (double)forecast->finishes_in_ms.high / 1e3);
    if (forecast->finishes_in_ms.low >= 0)
        g_string_append(out, forecast->finishes_in_ms.high >= 0 ? " s" : " s or more");
    if (forecast->downtime_ms.high >= 0)
        g_string_append_printf(out, " with a downtime of at most %.2f s",
                               (double)forecast->downtime_ms.high / 1e3);
}

char *
nma_forecast_diagnosis(const NmaForecast *forecast)
{
    GString *out = g_string_new(NULL);

    if (forecast->why != NMA_DOUBT_DISK && forecast->why != NMA_DOUBT_NOTHING_MOVES)
        append_rates(out, forecast);
    switch (forecast->verdict) {
    case NMA_FORECAST_HOPELESS:
        append_ways_out(out, forecast);
        break;
    case NMA_FORECAST_CONVERGES:
        append_end(out, forecast);
        break;
    default:
        g_string_append(out, doubts[forecast->why]);
        break;
    }
    return g_string_free(out, FALSE);
}
