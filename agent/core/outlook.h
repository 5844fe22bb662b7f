/*
 * What a live migration that has not begun would be like: from the dirty rate that libvirt has
 * measured, the guest's memory, and what is known of the way to the destination. A judgement over
 * every guest, bandwidth and amount of memory that the figures allow: each answer is a band.
 * Figures that are not known are NMA_UNKNOWN.
 */
#pragma once

#include <glib.h>

#include "agent/core/convergence.h"
#include "agent/core/experience.h"

#define NMA_OUTLOOK_WINDOWS 2

/* One window of libvirt's dirty-rate measurement by page sampling: a page that is written twice in
 * it counts once, so a longer one tells less of the rate and more of the working set. */
typedef struct {
    double period_s;
    double rate_bytes_s;
} NmaDirtyWindow;

typedef struct {
    char instance_uuid[NMA_UUID_LEN + 1];
    char *text; /* why it could not be measured; NULL: it was; owned */
    NmaDirtyWindow windows[NMA_OUTLOOK_WINDOWS]; /* the shorter first */
    gint64 ram_bytes;                            /* what the guest may take */
    gint64 resident_bytes; /* of guest memory in the host; what is not is zero or swapped out */
} NmaMeasurement;

void nma_measurement_init(NmaMeasurement *measurement, const char *instance_uuid);
void nma_measurement_clear(NmaMeasurement *measurement);

/* Where the bandwidth is taken from. */
typedef enum {
    NMA_BANDWIDTH_UNKNOWN,
    NMA_BANDWIDTH_HISTORY,   /* earlier migrations to that destination */
    NMA_BANDWIDTH_NOVA_CONF, /* [libvirt] live_migration_bandwidth */
    NMA_BANDWIDTH_LINK,      /* speed of this host's network card */
    NMA_N_BANDWIDTHS
} NmaBandwidthSource;

typedef struct {
    NmaConvergenceLimits limits;
    gint64 downtime_steps;
    gint64 downtime_delay_s;     /* nova.conf: for each step and GiB of memory */
    gint64 configured_bytes_s;   /* nova.conf's limit; 0: none */
    gint64 link_bytes_s;         /* NMA_UNKNOWN */
    const NmaExperience *learnt; /* of that destination */
} NmaOutlookTerms;

/* The expected value lies in the range. */
typedef struct {
    gint64 expected;
    NmaRange range;
} NmaEstimate;

typedef struct {
    NmaForecastVerdict verdict;
    NmaDoubt why; /* verdict unknown */
    NmaBandwidthSource bandwidth_source;
    gint64 max_downtime_ms;
    NmaEstimate bandwidth_bytes_s;
    NmaEstimate dirty_rate_bytes_s; /* at which it begins to dirty; what is seen is less */
    NmaEstimate working_set_bytes;
    NmaEstimate nonzero_bytes;
    NmaEstimate fixed_cost_ms;
    NmaEstimate least_downtime_ms;
    NmaEstimate duration_ms; /* until it runs on the destination, as Nova's ladder goes */
    NmaEstimate sent_bytes;
    NmaEstimate downtime_ms; /* if it ends */
} NmaOutlook;

/* measurement->text is NULL */
void nma_outlook_judge(const NmaMeasurement *measurement, const NmaOutlookTerms *terms,
                       NmaOutlook *outlook);

/* to be scored when the migration has ended */
NmaPrediction nma_outlook_prediction(const NmaOutlook *outlook);

/* One sentence for people; owned. */
char *nma_outlook_diagnosis(const NmaOutlook *outlook);
const char *nma_bandwidth_source_to_string(NmaBandwidthSource source); /* static; "" for unknown */
