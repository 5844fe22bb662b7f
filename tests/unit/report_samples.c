#include "tests/unit/report_samples.h"

#define SAMPLE_WALL_US G_GINT64_CONSTANT(1795296164000007)

static NmaReport *
bare(void)
{
    NmaReport *report = nma_report_new();

    g_strlcpy(report->identity.instance_uuid, "11111111-2222-4333-8444-555555555555",
              sizeof report->identity.instance_uuid);
    g_strlcpy(report->attempt_id, "aaaaaaaa-2222-4333-8444-555555555555",
              sizeof report->attempt_id);
    report->sequence = 1;
    report->occurred_wall_us = SAMPLE_WALL_US;
    return report;
}

static NmaCheckResult *
check(NmaVerdict verdict, NmaReason reason, gint64 needed, gint64 available, const char *text)
{
    NmaCheckResult *result = g_new0(NmaCheckResult, 1);

    *result =
        (NmaCheckResult){ "memory", verdict, reason, needed, available, "bytes", g_strdup(text) };
    return result;
}

static void
fill_stats(NmaJobStats *stats)
{
    *stats = (NmaJobStats){
        .kind = NMA_JOB_MIGRATION_OUT,
        .elapsed_ms = 3800,
        .data_total_bytes = 268967936,
        .memory_total_bytes = 268967936,
        .memory_processed_bytes = 160746065,
        .memory_remaining_bytes = 0,
        .memory_bps = 33554432,
        .memory_normal_pages = 39000,
        .memory_zero_pages = 30000,
        .memory_normal_bytes = 159744000,
        .memory_dirty_rate_pages_s = 1000,
        .memory_page_size_bytes = 4096,
        .memory_iteration = 14,
        .memory_postcopy_requests = 0,
        .disk_total_bytes = 1073741824,
        .disk_processed_bytes = 1073741824,
        .disk_remaining_bytes = 0,
        .disk_bps = G_MAXINT64,
        .downtime_ms = 91,
        .downtime_net_ms = 88,
        .setup_time_ms = 4,
        .throttle_percent = 20,
        .compression_cache_bytes = 67108864,
        .compression_bytes = 12,
        .compression_pages = 3,
    };
}

static NmaReport *
full(void)
{
    NmaReport *report = bare();

    g_strlcpy(report->identity.migration_uuid, "99999999-8888-4777-8666-555555555555",
              sizeof report->identity.migration_uuid);
    report->identity.migration_id = 314;
    report->identity.source = g_strdup("host-a");
    report->identity.destination = g_strdup("host-b");
    report->identity.instance_name = g_strdup("web \xe2\x98\x83 1");
    report->identity.flavor = g_strdup("m1.small");
    report->identity.request_id = g_strdup("req-9a48ab79-70dc-4941-a8fe-604996d79f5e");
    report->identity.memory_mib = 8192;
    report->identity.vcpus = 4;
    report->phase = NMA_PHASE_STOP_AND_COPY;
    report->kind = NMA_REPORT_ERROR;
    report->evidence = NMA_EVIDENCE_INFERRED;
    report->sequence = 7;
    report->progress_count = 12;
    report->not_before_wall_us = SAMPLE_WALL_US - 5000000;
    report->not_after_wall_us = SAMPLE_WALL_US;
    report->phase_duration_us = 1234567;
    report->reason = NMA_REASON_JOB_FAILED;
    report->text = g_strdup("internal error: \"it\" broke");
    report->has_stats = TRUE;
    fill_stats(&report->stats);
    report->guest_place = NMA_GUEST_ON_SOURCE;
    report->guest_state = NMA_GUEST_PAUSED;
    report->cause = NMA_CAUSE_FORCED;
    report->nova_status = g_strdup("running (post-copy)");
    report->peer = g_strdup("agent");
    report->clock_offset_ms = -7200000;
    report->clock_offset_error_ms = 3;
    report->checks = g_ptr_array_new_with_free_func((GDestroyNotify)nma_check_result_free);
    g_ptr_array_add(report->checks, check(NMA_VERDICT_REFUSED, NMA_REASON_MEMORY_INSUFFICIENT,
                                          G_GINT64_CONSTANT(8) << 30, G_GINT64_CONSTANT(3) << 30,
                                          "8 GiB needed, 3 GiB free"));
    g_ptr_array_add(report->checks, check(NMA_VERDICT_UNKNOWN, NMA_REASON_CHECK_UNKNOWN,
                                          NMA_UNKNOWN, NMA_UNKNOWN, NULL));
    return report;
}

static NmaReport *
varied(guint i)
{
    static const char *const peers[] = { "agent", "absent", "version", NULL };
    NmaReport *report = bare();

    report->phase = (NmaPhase)(i % NMA_N_PHASES);
    report->kind = (NmaReportKind)(i / NMA_N_PHASES);
    report->role = i % 2 == 0 ? NMA_ROLE_SOURCE : NMA_ROLE_DESTINATION;
    report->step = (NmaStep)(i % NMA_N_STEPS);
    report->reason = (NmaReason)(i % NMA_N_REASONS);
    report->guest_place = (NmaGuestPlace)(i % (NMA_GUEST_GONE + 1));
    report->guest_state = (NmaGuestState)(i % (NMA_GUEST_PAUSED + 1));
    report->cause = (NmaCause)(i % (NMA_CAUSE_FORCED + 1));
    report->skipped = i % 5 == 0;
    report->peer = g_strdup(peers[i % G_N_ELEMENTS(peers)]);
    report->has_stats = i % 3 == 0;
    report->stats.kind = (NmaJobKind)(i % (NMA_JOB_OTHER + 1));
    report->stats.downtime_ms = 300;
    if (i % 4 == 0) {
        report->checks = g_ptr_array_new_with_free_func((GDestroyNotify)nma_check_result_free);
        g_ptr_array_add(report->checks, check((NmaVerdict)(i / 4 % (NMA_VERDICT_UNKNOWN + 1)),
                                              NMA_REASON_NONE, 1, 2, "one sentence"));
    }
    return report;
}

NmaReport *
report_sample(guint i)
{
    g_assert(i < N_REPORT_SAMPLES);
    return i == REPORT_SAMPLE_BARE ? bare() : i == REPORT_SAMPLE_FULL ? full() : varied(i - 2);
}

NmaForecastReport *
forecast_sample(guint i)
{
    static const struct {
        NmaForecastVerdict verdict;
        NmaHindrance cause;
        NmaDoubt why;
    } words[N_FORECAST_SAMPLES] = {
        { NMA_FORECAST_UNKNOWN, NMA_HINDRANCE_NONE, NMA_DOUBT_TOO_FEW_PASSES },
        { NMA_FORECAST_HOPELESS, NMA_HINDRANCE_SLOW_LINK, NMA_DOUBT_NONE },
        { NMA_FORECAST_CONVERGES, NMA_HINDRANCE_NONE, NMA_DOUBT_NONE },
        { NMA_FORECAST_UNKNOWN, NMA_HINDRANCE_NOTHING_MOVES, NMA_DOUBT_NOTHING_MOVES },
    };
    NmaForecastReport *report = nma_forecast_report_new();
    g_autoptr(NmaReport) of = full();

    g_assert_cmpuint(i, <, N_FORECAST_SAMPLES);
    nma_identity_copy(&report->identity, &of->identity);
    g_strlcpy(report->attempt_id, of->attempt_id, sizeof report->attempt_id);
    report->occurred_wall_us = SAMPLE_WALL_US;
    report->forecast.verdict = words[i].verdict;
    report->forecast.cause = words[i].cause;
    report->forecast.why = words[i].why;
    report->forecast.max_downtime_ms = 500;
    if (i == 0)
        return report;
    report->iteration = 4;
    report->forecast.passes = 3;
    report->forecast.bandwidth_bytes_s = 16 << 20;
    report->forecast.dirty_rate_bytes_s = 16 << 20;
    report->forecast.true_dirty_rate_bytes_s = (NmaRange){ 17 << 20, 61 << 20 };
    report->forecast.working_set_bytes = (NmaRange){ 64 << 20, 70 << 20 };
    report->forecast.nonzero_bytes = 72 << 20;
    report->forecast.rest_bytes = 63 << 20;
    report->forecast.least_downtime_ms = (NmaRange){ 2800, 4100 };
    report->forecast.finishes_in_ms = (NmaRange){ 3000, NMA_UNKNOWN };
    report->forecast.downtime_ms = (NmaRange){ 60, 550 };
    report->forecast.needed_bandwidth_bytes_s = (NmaRange){ 40 << 20, 90 << 20 };
    report->forecast.needed_throttle_percent = (NmaRange){ 71, 82 };
    report->forecast.throttle_percent = 30;
    report->forecast.post_copy_ms = 4000;
    report->forecast.pause_ms = (NmaRange){ 3900, 4100 };
    report->forecast.elapsed_ms = 12000;
    report->forecast.nova = (NmaNovaPlan){ 50, 95, 600000, 6400000, NMA_NOVA_ENDS_ABORT, TRUE };
    return report;
}

NmaRemedyReport *
remedy_sample(guint i)
{
    NmaRemedyReport *report = nma_remedy_report_new();
    g_autoptr(NmaReport) of = full();

    g_assert_cmpuint(i, <, N_REMEDY_SAMPLES);
    nma_identity_copy(&report->identity, &of->identity);
    g_strlcpy(report->attempt_id, of->attempt_id, sizeof report->attempt_id);
    g_strlcpy(report->policy, "must-finish", sizeof report->policy);
    report->kind = (NmaRemedyKind)(i % NMA_N_REMEDY_KINDS);
    report->order.remedy = (NmaRemedy)(1 + i / NMA_N_REMEDY_KINDS);
    report->order.reason = (NmaRemedyReason)(1 + i % (NMA_N_REMEDY_REASONS - 1));
    report->way = i % 2 == 0 ? NMA_WAY_LIBVIRT : NMA_WAY_NOVA;
    report->occurred_wall_us = SAMPLE_WALL_US;
    if (report->order.reason == NMA_REMEDY_REASON_REFUSED) {
        report->refused_for = NMA_REASON_MEMORY_INSUFFICIENT;
        report->refusal = g_strdup("the guest needs 4096 MiB, 100 MiB are free here");
    }
    if (report->kind == NMA_REMEDY_ADVISED)
        return report;
    report->iteration = 4;
    report->order.value = 700;
    report->order.expected_ms = 750;
    report->order.cap_ms = 2000;
    report->before = 50;
    report->after = 700;
    if (report->kind == NMA_REMEDY_FAILED)
        report->text = g_strdup("Requested operation is not valid");
    return report;
}
