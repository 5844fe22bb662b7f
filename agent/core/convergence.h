/*
 * The convergence model: from job statistics at syncs to a forecast.
 *
 * QEMU ends a pass when what is pending falls below S = bandwidth * allowed downtime, syncs the
 * dirty bitmap, and stops the guest if the exact rest is still no more than S. libvirt's iteration
 * n is sync n: the beginning of pass n. Between two syncs what remains only falls, so
 *
 *     dirtied = remaining after the sync - (remaining before it - pages sent in between)
 *
 * holds wherever in the two passes the two readings were made. Verdicts about dirtying are made at
 * syncs only; that nothing moves is the one that time alone can bring.
 *
 * A guest that writes to W bytes evenly at a rate of W/tau has dirtied W*(1-exp(-t/tau)) after t,
 * and ends at a limit L when L >= W/B - tau + c. The model keeps every such guest (W, tau) that
 * explains the passes seen, and speaks only of what holds for all of them.
 *
 * Pure: no clock, no allocation. Absurd statistics (falling counters, time that stands still, no
 * bandwidth) begin the count anew; they are never concluded from.
 */
#pragma once

#include <glib.h>

#include "agent/core/forecast.h"
#include "agent/core/job_stats.h"
#include "agent/core/now.h"

#define NMA_CONVERGENCE_PASSES 5 /* newest passes that are kept */

typedef struct {
    gint64 max_downtime_ms;   /* the most that the guest may be stopped: nova.conf's
                               * live_migration_downtime */
    gint64 first_downtime_ms; /* what QEMU is allowed at first: Nova's ladder begins there */
    gint64 fixed_cost_ms;     /* of a switchover, beside the memory: device state, network */
    gint64 step_ms;      /* for so long the first one holds, since the job began; 0: not known */
    gboolean huge_pages; /* back the guest: ranges are wider */
} NmaConvergenceLimits;

/* One finished pass. Bytes are of guest memory, not of the wire. */
typedef struct {
    gint64 iteration; /* its number by libvirt */
    double duration_s;
    double sent_bytes;    /* pages sent whole */
    double dirtied_bytes; /* found dirty at its end, and were clean before */
    double left_bytes;    /* not sent when it ended */
    double rest_bytes;    /* to be sent after the sync that ended it */
    double bandwidth_bytes_s;
    gboolean first; /* the whole memory: pages count as dirtied only once they were sent */
} NmaPass;

typedef struct {
    NmaConvergenceLimits limits;
    gboolean has_last;
    NmaJobStats last;
    gint64 last_boot_us;
    gint64 moved_boot_us; /* when the counters last grew */
    /* since the last sync that was seen */
    gboolean has_sync;
    gint64 sync_boot_us;
    double sync_sent_bytes; /* value of the counter there */
    gint64 sync_throttle, sync_compression_bytes;

    NmaPass passes[NMA_CONVERGENCE_PASSES]; /* since the last change of bandwidth or throttle */
    guint n_passes;
    gboolean has_bulk; /* the first pass, kept apart: it bounds the working set */
    NmaPass bulk;
    gint64 n_measured;
    double bandwidth_bytes_s; /* smoothed over passes; 0 before */
    NmaDoubt withheld;        /* the newest pass changed something: one more is waited for */
    double nonzero_bytes;     /* 0: not known */
    NmaForecast forecast;
    gboolean stalled;
} NmaConvergence;

void nma_convergence_init(NmaConvergence *convergence, const NmaConvergenceLimits *limits);

/* One reading of the job, made at read_boot_us. sync_boot_us: when the event of the sync that
 * began stats->memory_iteration was seen, NMA_NEVER if it was not. in_disk: step disk.
 * TRUE when a sync was counted and the forecast made anew. */
gboolean nma_convergence_take(NmaConvergence *convergence, const NmaJobStats *stats,
                              gint64 read_boot_us, gint64 sync_boot_us, gboolean in_disk);
