#include "agent/core/outcome.h"

#include <math.h>

#include "agent/core/job_stats.h"

/* A downtime holds device state and network too: so much more than the limit is still within. */
#define WITHIN_SHARE 1.5
#define WITHIN_MS    100

void
nma_outcome_init(NmaOutcome *outcome)
{
    *outcome = (NmaOutcome){
        .ended_wall_us = NMA_UNKNOWN,
        .memory_bytes = NMA_UNKNOWN,
        .nonzero_bytes = NMA_UNKNOWN,
        .bandwidth_bytes_s = NMA_UNKNOWN,
        .lasted_ms = NMA_UNKNOWN,
        .downtime_ms = NMA_UNKNOWN,
        .fixed_cost_ms = NMA_UNKNOWN,
        .max_downtime_ms = NMA_UNKNOWN,
    };
    for (guint i = 0; i < NMA_N_PREDICTIONS; i++)
        outcome->predictions[i] = (NmaPrediction){
            .at_ms = NMA_UNKNOWN,
            .lasts_ms = { NMA_UNKNOWN, NMA_UNKNOWN },
            .downtime_ms = { NMA_UNKNOWN, NMA_UNKNOWN },
        };
}

void
nma_outcome_clear(NmaOutcome *outcome)
{
    g_clear_pointer(&outcome->destination, g_free);
}

NmaOutcome *
nma_outcome_new(void)
{
    NmaOutcome *outcome = g_new0(NmaOutcome, 1);

    nma_outcome_init(outcome);
    return outcome;
}

void
nma_outcome_free(NmaOutcome *outcome)
{
    if (outcome == NULL)
        return;
    nma_outcome_clear(outcome);
    g_free(outcome);
}

void
nma_outcome_copy(NmaOutcome *to, const NmaOutcome *from)
{
    *to = *from;
    to->destination = g_strdup(from->destination);
}

/* ---- scores ---- */

static gboolean
ended_by_itself(const NmaOutcome *outcome)
{
    return outcome->end == NMA_OUTCOME_COMPLETED && !outcome->forced && !outcome->post_copy &&
           outcome->downtime_ms >= 0;
}

static gboolean
ended_within_limit(const NmaOutcome *outcome)
{
    return (double)outcome->downtime_ms <=
           WITHIN_SHARE * (double)outcome->max_downtime_ms + WITHIN_MS;
}

/* Help or an abort came, or more downtime than was permitted was needed. */
static NmaScore
score_without_end(const NmaOutcome *outcome, const NmaPrediction *prediction)
{
    gint64 went_on_ms = outcome->lasted_ms - prediction->at_ms;

    if (outcome->lasted_ms < 0 || prediction->at_ms < 0)
        return NMA_SCORE_NONE;
    if (prediction->verdict == NMA_FORECAST_HOPELESS)
        return went_on_ms >= prediction->at_ms && prediction->at_ms > 0 ? NMA_SCORE_RIGHT
                                                                        : NMA_SCORE_NONE;
    return prediction->lasts_ms.high >= 0 && went_on_ms > prediction->lasts_ms.high
               ? NMA_SCORE_WRONG
               : NMA_SCORE_NONE;
}

static NmaScore
score(const NmaOutcome *outcome, const NmaPrediction *prediction)
{
    if (prediction->verdict == NMA_FORECAST_UNKNOWN)
        return NMA_SCORE_NONE;
    if (!ended_by_itself(outcome))
        return score_without_end(outcome, prediction);
    return ended_within_limit(outcome) == (prediction->verdict == NMA_FORECAST_CONVERGES)
               ? NMA_SCORE_RIGHT
               : NMA_SCORE_WRONG;
}

void
nma_outcome_score(NmaOutcome *outcome)
{
    for (guint i = 0; i < NMA_N_PREDICTIONS; i++)
        outcome->predictions[i].score = score(outcome, &outcome->predictions[i]);
}

gint64
nma_range_middle(NmaRange range)
{
    if (range.low < 0 || range.high < 0)
        return NMA_UNKNOWN;
    return (gint64)sqrt((double)MAX(range.low, 1) * (double)MAX(range.high, 1));
}

static double
ratio(const NmaOutcome *outcome, NmaRange forecast_ms, gint64 came_ms)
{
    gint64 middle_ms = nma_range_middle(forecast_ms);

    if (!ended_by_itself(outcome) || middle_ms <= 0 || came_ms <= 0)
        return 0;
    return (double)middle_ms / (double)came_ms;
}

double
nma_outcome_duration_ratio(const NmaOutcome *outcome, NmaPredictionKind kind)
{
    const NmaPrediction *prediction = &outcome->predictions[kind];

    return ratio(outcome, prediction->lasts_ms, outcome->lasted_ms - prediction->at_ms);
}

double
nma_outcome_downtime_ratio(const NmaOutcome *outcome, NmaPredictionKind kind)
{
    return ratio(outcome, outcome->predictions[kind].downtime_ms, outcome->downtime_ms);
}

/* ---- words ---- */

const char *
nma_score_to_string(NmaScore score)
{
    static const char *const names[NMA_N_SCORES] = {
        [NMA_SCORE_NONE] = "",
        [NMA_SCORE_RIGHT] = "right",
        [NMA_SCORE_WRONG] = "wrong",
    };

    g_return_val_if_fail((guint)score < NMA_N_SCORES, "");
    return names[score];
}

const char *
nma_outcome_end_to_string(NmaOutcomeEnd end)
{
    static const char *const names[NMA_N_OUTCOME_ENDS] = {
        [NMA_OUTCOME_COMPLETED] = "completed",
        [NMA_OUTCOME_ABORTED] = "aborted",
        [NMA_OUTCOME_FAILED] = "failed",
    };

    g_return_val_if_fail((guint)end < NMA_N_OUTCOME_ENDS, "");
    return names[end];
}
