/* Whether the migration will end by itself: said when the answer changes. */
#include "agent/core/source_internal.h"

/* a forecast may be lost on the way, and its figures grow old */
#define REPEAT_US (30 * NMA_US_PER_S)
/* QEMU does not count what a switchover costs beside the memory: a verdict must not hang on it */
#define COST_MOST_SHARE 4
#define MIB             (1024.0 * 1024)

void
nma_source_set_limits(NmaSource *source, const NmaConvergenceLimits *limits)
{
    nma_convergence_init(&source->convergence, limits);
}

/* What earlier migrations to that destination teach. */
static void
take_cost(NmaSource *source)
{
    NmaConvergenceLimits *limits = &source->convergence.limits;

    if (source->experience.fixed_cost_ms >= 0)
        limits->fixed_cost_ms =
            MIN(source->experience.fixed_cost_ms, limits->max_downtime_ms / COST_MOST_SHARE);
}

/* By nova.conf's limit. bandwidth in bytes/s. */
gboolean
nma_source_is_limited(const NmaSource *source, double bandwidth)
{
    return source->rules != NULL &&
           nma_is_limited(bandwidth, (double)source->rules->nova.bandwidth_mib_s * MIB);
}

/* Of as many migrations as copy memory here now, each is taken to have as much of the link: unless
 * its own limit is what holds it. */
static void
look_for_rivals(const NmaSource *source, NmaForecast *forecast)
{
    const NmaRules *rules = source->rules;
    double now = (double)forecast->bandwidth_bytes_s, all;

    if (rules == NULL || rules->running < 2 || forecast->verdict != NMA_FORECAST_HOPELESS ||
        nma_source_is_limited(source, now))
        return;
    all = now * rules->running;
    if (forecast->needed_bandwidth_bytes_s.high >= 0 &&
        (double)forecast->needed_bandwidth_bytes_s.high <= all)
        forecast->cause = NMA_HINDRANCE_COMPETING;
}

static NmaForecast
with_error(const NmaSource *source)
{
    NmaForecast forecast = source->convergence.forecast;

    if (nma_source_is_limited(source, (double)forecast.bandwidth_bytes_s))
        nma_experience_lift_limit(&source->experience, source->convergence.limits.fixed_cost_ms,
                                  &forecast.downtime_ms);
    nma_range_widen(&forecast.finishes_in_ms, source->experience.duration_factor);
    nma_range_widen(&forecast.downtime_ms, source->experience.downtime_factor);
    return forecast;
}

static void
say(NmaSource *source, const NmaForecast *forecast, const NmaJobStats *stats, NmaNow at,
    GPtrArray *effects)
{
    const NmaMigration *base = &source->base;
    NmaForecastReport *report = nma_forecast_report_new();

    nma_identity_copy(&report->identity, &base->identity);
    g_strlcpy(report->attempt_id, base->attempt_id, sizeof report->attempt_id);
    report->iteration = stats->memory_iteration;
    report->occurred_wall_us = at.wall_us;
    report->forecast = *forecast;
    nma_effects_add_forecast(effects, report);
    source->forecast_said = TRUE;
    source->said_verdict = report->forecast.verdict;
    source->said_cause = report->forecast.cause;
    source->said_boot_us = at.boot_us;
}

void
nma_source_forecast(NmaSource *source, const NmaJobStats *stats, NmaNow at, GPtrArray *effects)
{
    gint64 allowed_ms = nma_source_allowed_ms(source, stats);
    NmaForecast forecast;
    gboolean synced, old;

    if (source->convergence.limits.max_downtime_ms <= 0)
        return;
    if (allowed_ms > 0)
        source->convergence.limits.first_downtime_ms = allowed_ms;
    take_cost(source);
    synced = nma_convergence_take(
        &source->convergence, stats, at.boot_us,
        source->iteration == stats->memory_iteration ? source->iteration_boot_us : NMA_NEVER,
        nma_source_copy_step(source) == NMA_STEP_DISK);
    forecast = with_error(source);
    look_for_rivals(source, &forecast);
    nma_source_plan_of_nova(source, stats, &forecast);
    if (synced)
        nma_source_note_forecast(source, &forecast, at);
    old = source->forecast_said && synced && at.boot_us - source->said_boot_us >= REPEAT_US;
    if (forecast.verdict != source->said_verdict || forecast.cause != source->said_cause || old)
        say(source, &forecast, stats, at, effects);
    if (synced)
        nma_source_steer(source, stats, at, effects);
}
