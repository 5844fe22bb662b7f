/*
 * What past migrations from this host to another teach: bandwidth, fixed cost of a switchover, and
 * how far forecasts were off. Bounded: the newest outcomes of each destination, the destinations
 * that were used last.
 */
#pragma once

#include <glib.h>

#include "agent/core/outcome.h"

#define NMA_EXPERIENCE_OUTCOMES     16  /* newest that are kept for a pair of hosts */
#define NMA_EXPERIENCE_DESTINATIONS 512 /* the least lately used is forgotten */

typedef struct {
    guint n; /* outcomes that it rests on; 0: nothing is known, and all below NMA_UNKNOWN */
    NmaRange bandwidth_bytes_s; /* smallest and largest seen */
    gint64 median_bandwidth_bytes_s;
    gint64 fixed_cost_ms; /* median */
    /* A forecast was within this factor of what came, four times out of five; 1: exact; 0: too few
     * forecasts to say. */
    double duration_factor, downtime_factor;
    double before_factor; /* the same of the duration, forecast before the start */
    guint right, wrong;   /* verdicts during the copy */
    gint64 last_wall_us;
} NmaExperience;

void nma_experience_clear(NmaExperience *experience); /* nothing is known */

typedef struct NmaExperiences NmaExperiences;

NmaExperiences *nma_experiences_new(void);
void nma_experiences_free(NmaExperiences *experiences);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NmaExperiences, nma_experiences_free)

/* Outcomes are to be added oldest first; one without destination is passed over. Copied. */
void nma_experiences_add(NmaExperiences *experiences, const NmaOutcome *outcome);
/* destination NULL or unknown: n is 0 */
void nma_experiences_get(const NmaExperiences *experiences, const char *destination,
                         NmaExperience *experience);
/* in the order of the names */
void nma_experiences_foreach(const NmaExperiences *experiences,
                             void (*each)(const char *destination, const NmaExperience *,
                                          gpointer user_data),
                             gpointer user_data);

/* The range made so wide that what lies within that factor of its middle is in it; a factor below
 * 1, or a range that is open, changes nothing. */
void nma_range_widen(NmaRange *range, double factor);

/* Whether a migration is so near to its limit of bandwidth that the limit is what holds it up;
 * bytes/s, 0: there is no limit. */
gboolean nma_is_limited(double bandwidth, double limit);
/* The downtime of such a one. QEMU judges by the limited rate whether to stop the guest, and lifts
 * the limit when it has (migration/migration.c, migration_completion): what is left goes at the
 * link's own speed. How fast that is is not known, but what earlier switchovers took is. A range
 * that is not known stays so. */
void nma_experience_lift_limit(const NmaExperience *learnt, gint64 cost_ms, NmaRange *downtime_ms);
