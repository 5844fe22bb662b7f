/* What the migration came to, beside what was forecast of it. */
#include "agent/core/source_internal.h"

/* of the wall of a reading that is bounded elsewhere: sums of figures below stay in gint64 */
#define ABSURD G_GINT64_CONSTANT(0x0fffffffffffffff)

void
nma_source_note_phase(NmaSource *source, NmaPhase phase, NmaNow at)
{
    const NmaJobStats *stats = &source->base.stats;

    switch (phase) {
    case NMA_PHASE_PRE_COPY:
        source->flows_boot_us = at.boot_us;
        /* adopted: libvirt knows for how long it has been going on */
        if (source->base.blind && source->base.has_stats && stats->elapsed_ms > 0 &&
            stats->elapsed_ms < at.boot_us / NMA_US_PER_MS)
            source->flows_boot_us = at.boot_us - stats->elapsed_ms * NMA_US_PER_MS;
        break;
    case NMA_PHASE_STOP_AND_COPY:
        source->paused_boot_us = at.boot_us;
        break;
    case NMA_PHASE_POST_COPY:
        source->post_copied = TRUE;
        break;
    case NMA_PHASE_COMMITMENT:
        source->arrived_boot_us = at.boot_us;
        break;
    default:
        break;
    }
}

void
nma_source_note_reading(NmaSource *source, const NmaJobStats *stats, NmaNow at)
{
    if (stats->memory_normal_bytes < 0)
        return;
    source->copied_boot_us = at.boot_us;
    source->copied_bytes = stats->memory_normal_bytes;
}

void
nma_source_note_forecast(NmaSource *source, const NmaForecast *forecast, NmaNow at)
{
    NmaPrediction prediction = {
        .verdict = forecast->verdict,
        .at_ms = NMA_UNKNOWN,
        .lasts_ms = forecast->finishes_in_ms,
        .downtime_ms = forecast->downtime_ms,
        .expected_ms = NMA_UNKNOWN,
    };

    if (forecast->verdict == NMA_FORECAST_UNKNOWN)
        return;
    if (source->flows_boot_us <= at.boot_us)
        prediction.at_ms = (at.boot_us - source->flows_boot_us) / NMA_US_PER_MS;
    if (source->predictions[NMA_PREDICTED_FIRST].verdict == NMA_FORECAST_UNKNOWN)
        source->predictions[NMA_PREDICTED_FIRST] = prediction;
    source->predictions[NMA_PREDICTED_LAST] = prediction;
}

/* ---- at the end ---- */

/* What of the downtime the memory that was sent in it does not account for. The reading before the
 * guest was stopped is a little older than that: what was sent meanwhile is taken off. */
static gint64
fixed_cost_ms(const NmaSource *source, const NmaOutcome *outcome)
{
    const NmaJobStats *final = &source->base.stats;
    double bandwidth = (double)outcome->bandwidth_bytes_s;
    double running_s, stopped_bytes, cost_ms;

    if (outcome->forced || outcome->post_copy || bandwidth <= 0 || outcome->downtime_ms < 0)
        return NMA_UNKNOWN;
    if (nma_source_is_limited(source, bandwidth))
        return outcome->downtime_ms; /* the limit is lifted for it: memory takes next to nothing */
    if (source->final_boot_us == NMA_NEVER || source->copied_boot_us == NMA_NEVER ||
        source->paused_boot_us == NMA_NEVER || source->paused_boot_us < source->copied_boot_us ||
        final->memory_normal_bytes < source->copied_bytes)
        return NMA_UNKNOWN;
    running_s = (double)(source->paused_boot_us - source->copied_boot_us) / 1e6;
    stopped_bytes =
        (double)(final->memory_normal_bytes - source->copied_bytes) - running_s * bandwidth;
    cost_ms = (double)outcome->downtime_ms - MAX(stopped_bytes, 0) / bandwidth * 1e3;
    return (gint64)MAX(cost_ms, 0);
}

static gint64
bandwidth(const NmaSource *source)
{
    const NmaJobStats *stats = &source->base.stats;

    if (source->convergence.bandwidth_bytes_s > 0)
        return (gint64)source->convergence.bandwidth_bytes_s;
    /* over before the first pass was measured */
    if (source->final_boot_us == NMA_NEVER || stats->memory_normal_bytes <= 0 ||
        stats->memory_normal_bytes > ABSURD / 1000 || stats->elapsed_ms < 1000)
        return NMA_UNKNOWN;
    return stats->memory_normal_bytes * 1000 / stats->elapsed_ms;
}

/* until the guest ran on the destination */
static gint64
lasted_ms(const NmaSource *source, gint64 downtime_ms, NmaNow now)
{
    gint64 end_boot_us = now.boot_us;

    if (source->arrived_boot_us != NMA_NEVER)
        end_boot_us = source->arrived_boot_us;
    /* libvirt tells it only after it has cleaned up */
    if (source->arrived_boot_us != NMA_NEVER && source->paused_boot_us != NMA_NEVER &&
        downtime_ms >= 0 && downtime_ms < (end_boot_us - source->paused_boot_us) / NMA_US_PER_MS)
        end_boot_us = source->paused_boot_us + downtime_ms * NMA_US_PER_MS;
    return MAX(end_boot_us - source->flows_boot_us, 0) / NMA_US_PER_MS;
}

void
nma_source_finish(NmaSource *source, NmaNow now)
{
    const NmaMigration *base = &source->base;
    NmaOutcome *outcome = &source->outcome;

    if (source->flows_boot_us == NMA_NEVER || source->convergence.limits.max_downtime_ms <= 0)
        return;
    nma_outcome_clear(outcome);
    nma_outcome_init(outcome);
    g_strlcpy(outcome->attempt_id, base->attempt_id, sizeof outcome->attempt_id);
    g_strlcpy(outcome->instance_uuid, base->identity.instance_uuid, sizeof outcome->instance_uuid);
    outcome->destination = g_strdup(base->identity.destination);
    outcome->ended_wall_us = now.wall_us;
    outcome->end = base->phase == NMA_PHASE_COMMITMENT ? NMA_OUTCOME_COMPLETED
                   : base->abort_seen                  ? NMA_OUTCOME_ABORTED
                                                       : NMA_OUTCOME_FAILED;
    outcome->forced =
        base->force_seen || base->cause == NMA_CAUSE_FORCED || nma_source_is_helped(source);
    outcome->post_copy = source->post_copied;
    outcome->max_downtime_ms = source->convergence.limits.max_downtime_ms;
    if (base->has_stats)
        outcome->memory_bytes = base->stats.memory_total_bytes;
    if (source->convergence.nonzero_bytes > 0)
        outcome->nonzero_bytes = (gint64)source->convergence.nonzero_bytes;
    if (source->final_boot_us != NMA_NEVER)
        outcome->downtime_ms = base->stats.downtime_ms;
    outcome->bandwidth_bytes_s = bandwidth(source);
    outcome->lasted_ms = lasted_ms(source, outcome->downtime_ms, now);
    outcome->fixed_cost_ms = fixed_cost_ms(source, outcome);
    for (guint i = 0; i < NMA_N_PREDICTIONS; i++)
        outcome->predictions[i] = source->predictions[i];
    nma_outcome_score(outcome);
}
