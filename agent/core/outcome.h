/*
 * What a migration came to, and how what had been forecast of it compares: one row of the history.
 * Figures that are not known are NMA_UNKNOWN.
 */
#pragma once

#include <glib.h>

#include "agent/core/forecast.h"

/* Which of the forecasts of one migration. */
typedef enum {
    NMA_PREDICTED_BEFORE, /* asked for before it began */
    NMA_PREDICTED_FIRST,  /* the first verdict while memory was copied */
    NMA_PREDICTED_LAST,   /* the verdict that held when the guest was stopped */
    NMA_N_PREDICTIONS
} NmaPredictionKind;

typedef enum {
    NMA_SCORE_NONE, /* nothing was forecast, or help came before it could be seen */
    NMA_SCORE_RIGHT,
    NMA_SCORE_WRONG,
    NMA_N_SCORES
} NmaScore;

typedef struct {
    NmaForecastVerdict verdict; /* NMA_FORECAST_UNKNOWN: there was none */
    gint64 at_ms;               /* after memory began to flow; 0: before */
    NmaRange lasts_ms;          /* from then on, to the end of the downtime */
    NmaRange downtime_ms;
    NmaScore score;
} NmaPrediction;

typedef enum {
    NMA_OUTCOME_COMPLETED, /* the guest runs on the destination */
    NMA_OUTCOME_ABORTED,
    NMA_OUTCOME_FAILED,
    NMA_N_OUTCOME_ENDS
} NmaOutcomeEnd;

typedef struct {
    char attempt_id[NMA_UUID_LEN + 1]; /* "": memory never flowed, or not seen from its begin */
    char instance_uuid[NMA_UUID_LEN + 1];
    char *destination; /* Nova's name; NULL while unknown; owned */
    gint64 ended_wall_us;
    NmaOutcomeEnd end;
    gboolean forced, post_copy; /* it did not end by itself */
    gint64 memory_bytes, nonzero_bytes;
    gint64 bandwidth_bytes_s; /* of guest memory, smoothed over passes */
    gint64 lasted_ms;         /* from the first byte until it ran on the destination, or failed */
    gint64 downtime_ms;       /* libvirt's; of a post-copy it is not what the guest sees */
    gint64 fixed_cost_ms;     /* of the downtime what memory does not account for */
    gint64 max_downtime_ms;   /* what was permitted */
    NmaPrediction predictions[NMA_N_PREDICTIONS];
} NmaOutcome;

void nma_outcome_init(NmaOutcome *outcome);
void nma_outcome_clear(NmaOutcome *outcome);
NmaOutcome *nma_outcome_new(void);
void nma_outcome_free(NmaOutcome *outcome);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NmaOutcome, nma_outcome_free)
void nma_outcome_copy(NmaOutcome *to, const NmaOutcome *from); /* to is initialised first */

/* Fills the score of each prediction. A verdict that could not be put to the test, because somebody
 * helped or aborted first, has none. */
void nma_outcome_score(NmaOutcome *outcome);

/* The middle of a range by factor; NMA_UNKNOWN where it is open. */
gint64 nma_range_middle(NmaRange range);
/* What was forecast divided by what came: 0.5 half of it. 0 when one of them is not known, or when
 * the migration did not end by itself. */
double nma_outcome_duration_ratio(const NmaOutcome *outcome, NmaPredictionKind kind);
double nma_outcome_downtime_ratio(const NmaOutcome *outcome, NmaPredictionKind kind);

/* static */
const char *nma_score_to_string(NmaScore score); /* "" for none */
const char *nma_outcome_end_to_string(NmaOutcomeEnd end);
