/*
 * Whether a live migration will end by itself, in numbers: what nova-migration-agent says about it
 * before it becomes JSON (schemas/forecast.schema.json). Figures that are not known are
 * NMA_UNKNOWN.
 */
#pragma once

#include <glib.h>

#include "agent/core/identity.h"
#include "agent/core/nova_plan.h"
#include "agent/core/phase.h"

typedef enum {
    NMA_FORECAST_UNKNOWN, /* not yet: see why */
    NMA_FORECAST_CONVERGES,
    NMA_FORECAST_HOPELESS, /* not within the limit, as long as guest and link stay as they are */
    NMA_N_FORECASTS
} NmaForecastVerdict;

/* What stands in its way. */
typedef enum {
    NMA_HINDRANCE_NONE,
    NMA_HINDRANCE_DIRTYING,          /* more than a link of 1 Gbit/s would carry */
    NMA_HINDRANCE_SLOW_LINK,         /* 1 Gbit/s would do, and there is less */
    NMA_HINDRANCE_COMPETING,         /* with what the host's migrations have together it would do */
    NMA_HINDRANCE_BANDWIDTH_CHANGED, /* a rival on the link, or a limit was moved */
    NMA_HINDRANCE_DISK,              /* disks are copied first */
    NMA_HINDRANCE_NOTHING_MOVES,     /* not a byte for 10 s */
    NMA_N_HINDRANCES
} NmaHindrance;

/* Why nothing can be said yet. */
typedef enum {
    NMA_DOUBT_NONE,
    NMA_DOUBT_TOO_FEW_PASSES,
    NMA_DOUBT_BORDERLINE, /* the least downtime lies on both sides of the limit: worth one try */
    NMA_DOUBT_UNSTEADY,   /* no steady guest explains the passes seen: bursts */
    NMA_DOUBT_BANDWIDTH_CHANGED,
    NMA_DOUBT_THROTTLE_CHANGED, /* or compression */
    NMA_DOUBT_DISK,
    NMA_DOUBT_NOTHING_MOVES,
    NMA_DOUBT_NO_BANDWIDTH, /* before the start: nothing is known of the way */
    NMA_N_DOUBTS
} NmaDoubt;

typedef struct {
    gint64 low, high; /* NMA_UNKNOWN: open on that side */
} NmaRange;

typedef struct {
    NmaForecastVerdict verdict;
    NmaHindrance cause;
    NmaDoubt why;
    gint64 passes;          /* finished ones that were measured */
    gint64 max_downtime_ms; /* the limit it is judged against */

    gint64 bandwidth_bytes_s;  /* smoothed over passes */
    gint64 dirty_rate_bytes_s; /* newest pass, counted by us: the true rate is at least this */
    NmaRange true_dirty_rate_bytes_s;
    NmaRange working_set_bytes;
    gint64 nonzero_bytes; /* memory that is not all zero */
    gint64 rest_bytes;    /* to be sent, right after the newest sync */

    NmaRange least_downtime_ms; /* the smallest limit at which it would end */
    NmaRange finishes_in_ms;    /* converges: from occurred on */
    NmaRange downtime_ms;       /* converges: the pause to expect */
    /* ways out, unless it converges */
    NmaRange needed_bandwidth_bytes_s;
    /* share of the guest's processor time that auto-converge would have to take from it */
    NmaRange needed_throttle_percent;
    gint64 post_copy_ms; /* until all has arrived */
    NmaRange pause_ms;   /* if the guest were suspended now */

    gint64 throttle_percent; /* what auto-converge takes now */
    gint64 elapsed_ms;       /* of libvirt's job: the clock by which Nova's plan goes */
    NmaNovaPlan nova;        /* what Nova will do by itself */
} NmaForecast;

/* One forecast as it is sent. */
typedef struct {
    NmaIdentity identity;
    char attempt_id[NMA_UUID_LEN + 1];
    gint64 iteration; /* libvirt's number of the pass that goes on */
    gint64 occurred_wall_us;
    NmaForecast forecast;
} NmaForecastReport;

#define NMA_FORECAST_EVENT_TYPE "live_migration.forecast"

void nma_forecast_clear(NmaForecast *forecast); /* unknown, and every figure too */

NmaForecastReport *nma_forecast_report_new(void);
void nma_forecast_report_free(NmaForecastReport *report);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NmaForecastReport, nma_forecast_report_free)

/* static; "" for none */
const char *nma_forecast_verdict_to_string(NmaForecastVerdict verdict);
const char *nma_hindrance_to_string(NmaHindrance cause);
const char *nma_doubt_to_string(NmaDoubt why);

/* One sentence for people: dirty rate against bandwidth, and what follows. Owned. */
char *nma_forecast_diagnosis(const NmaForecast *forecast);
