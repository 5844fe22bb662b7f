#include "agent/core/convergence.h"

#include <math.h>

#include "agent/core/convergence_internal.h"

#define STALL_US (10 * NMA_US_PER_S)
/* no guest and no counter is this large; below it sums in gint64 and double are exact enough */
#define ABSURD G_GINT64_CONSTANT(0x0fffffffffffffff)
/* QEMU limits the rate in steps of 100 ms: what is shorter says nothing of the bandwidth */
#define BANDWIDTH_MIN_S  0.2
#define BANDWIDTH_CHANGE 0.2
#define SMOOTHING        0.4
/* of the memory: rounding of what libvirt reports at different moments */
#define NEGATIVE_SHARE    0.01
#define DEFAULT_PAGE_SIZE 4096

void
nma_convergence_init(NmaConvergence *convergence, const NmaConvergenceLimits *limits)
{
    *convergence = (NmaConvergence){ .limits = *limits };
    nma_forecast_clear(&convergence->forecast);
    convergence->forecast.max_downtime_ms = limits->max_downtime_ms;
}

/* ---- readings ---- */

static gboolean
is_sane(gint64 value)
{
    return value >= 0 && value < ABSURD;
}

static gboolean
is_usable(const NmaJobStats *stats)
{
    return stats->kind == NMA_JOB_MIGRATION_OUT && is_sane(stats->memory_iteration) &&
           is_sane(stats->memory_remaining_bytes) && is_sane(stats->memory_normal_bytes) &&
           is_sane(stats->memory_total_bytes) && stats->memory_zero_pages < ABSURD >> 16 &&
           stats->memory_page_size_bytes < 1 << 16 &&
           stats->memory_remaining_bytes <= stats->memory_total_bytes;
}

static double
zero_bytes(const NmaJobStats *stats)
{
    gint64 page_size =
        stats->memory_page_size_bytes > 0 ? stats->memory_page_size_bytes : DEFAULT_PAGE_SIZE;

    return (double)MAX(stats->memory_zero_pages, 0) * (double)page_size;
}

static gboolean
has_fallen(const NmaJobStats *last, const NmaJobStats *stats)
{
    return stats->memory_iteration < last->memory_iteration ||
           stats->memory_normal_bytes < last->memory_normal_bytes ||
           stats->memory_zero_pages < last->memory_zero_pages ||
           stats->memory_total_bytes != last->memory_total_bytes;
}

static gboolean
has_moved(const NmaJobStats *last, const NmaJobStats *stats)
{
    return stats->memory_iteration != last->memory_iteration ||
           stats->memory_normal_bytes != last->memory_normal_bytes ||
           stats->memory_zero_pages != last->memory_zero_pages ||
           stats->memory_processed_bytes != last->memory_processed_bytes ||
           stats->disk_processed_bytes != last->disk_processed_bytes;
}

/* ---- passes ---- */

static void
keep_pass(NmaConvergence *convergence, const NmaPass *pass)
{
    convergence->n_measured++;
    if (pass->first) {
        convergence->bulk = *pass;
        convergence->has_bulk = TRUE;
        return;
    }
    if (convergence->n_passes == NMA_CONVERGENCE_PASSES) {
        for (guint i = 1; i < NMA_CONVERGENCE_PASSES; i++)
            convergence->passes[i - 1] = convergence->passes[i];
        convergence->n_passes--;
    }
    convergence->passes[convergence->n_passes++] = *pass;
}

/* Dirtying does not depend on the bandwidth, so the passes stay; only what follows from the
 * bandwidth waits until two passes agree on it. */
static void
take_bandwidth(NmaConvergence *convergence, const NmaPass *pass)
{
    double held = convergence->bandwidth_bytes_s, now = pass->bandwidth_bytes_s;

    if (pass->duration_s < BANDWIDTH_MIN_S || now <= 0)
        return;
    if (held <= 0) {
        convergence->bandwidth_bytes_s = now;
    } else if (fabs(now - held) > BANDWIDTH_CHANGE * held) {
        convergence->bandwidth_bytes_s = now;
        convergence->withheld = NMA_DOUBT_BANDWIDTH_CHANGED;
    } else {
        convergence->bandwidth_bytes_s = held + SMOOTHING * (now - held);
    }
}

static void
forget_passes(NmaConvergence *convergence)
{
    convergence->n_passes = 0;
    convergence->has_bulk = FALSE;
}

/* A reading on the other side of one sync or several. FALSE: the figures make no sense. */
static gboolean
cross_sync(NmaConvergence *convergence, const NmaJobStats *stats, gint64 read_boot_us,
           gint64 sync_boot_us)
{
    const NmaJobStats *last = &convergence->last;
    double normal = (double)(stats->memory_normal_bytes - last->memory_normal_bytes);
    double sent = normal + zero_bytes(stats) - zero_bytes(last);
    double before = (double)last->memory_remaining_bytes - sent;
    double dirtied = (double)stats->memory_remaining_bytes - before;
    double rate = convergence->bandwidth_bytes_s > 0 ? convergence->bandwidth_bytes_s
                                                     : (double)MAX(stats->memory_bps, 0);
    gboolean told = sync_boot_us > convergence->last_boot_us && sync_boot_us <= read_boot_us;
    gint64 at_us = told ? sync_boot_us : read_boot_us;
    /* sent already when this reading was made */
    double after = CLAMP(rate * (double)(read_boot_us - at_us) / 1e6, 0, normal);
    double counter = (double)stats->memory_normal_bytes - after;
    NmaPass pass = {
        .iteration = last->memory_iteration,
        .duration_s = (double)(at_us - convergence->sync_boot_us) / 1e6,
        .sent_bytes = counter - convergence->sync_sent_bytes,
        .dirtied_bytes = MAX(dirtied, 0),
        .rest_bytes = (double)stats->memory_remaining_bytes + after,
        .first = last->memory_iteration == 1,
    };
    gboolean measured = convergence->has_sync && pass.iteration > 0 &&
                        stats->memory_iteration == last->memory_iteration + 1 &&
                        pass.duration_s > 0 && pass.sent_bytes > 0;
    gboolean sensible = last->memory_iteration == 0 ||
                        dirtied >= -NEGATIVE_SHARE * (double)stats->memory_total_bytes;

    if (measured && sensible) {
        pass.left_bytes = MAX(pass.rest_bytes - pass.dirtied_bytes, 0);
        pass.bandwidth_bytes_s = pass.sent_bytes / pass.duration_s;
        convergence->withheld = NMA_DOUBT_NONE;
        take_bandwidth(convergence, &pass);
        keep_pass(convergence, &pass);
        if (pass.first)
            convergence->nonzero_bytes = counter;
    }
    if (convergence->has_sync &&
        (stats->throttle_percent != convergence->sync_throttle ||
         (stats->compression_bytes > 0) != (convergence->sync_compression_bytes > 0))) {
        forget_passes(convergence);
        convergence->withheld = NMA_DOUBT_THROTTLE_CHANGED;
    }
    convergence->has_sync = TRUE;
    convergence->sync_boot_us = at_us;
    convergence->sync_sent_bytes = counter;
    convergence->sync_throttle = stats->throttle_percent;
    convergence->sync_compression_bytes = stats->compression_bytes;
    convergence->forecast.rest_bytes = (gint64)pass.rest_bytes;
    return sensible;
}

/* The first reading of a job, or of a pass after nonsense: where its sync was seen, the pass can be
 * measured to its end. */
static void
begin_in_pass(NmaConvergence *convergence, const NmaJobStats *stats, gint64 read_boot_us,
              gint64 sync_boot_us)
{
    double normal = (double)stats->memory_normal_bytes;
    double since_s;

    if (stats->memory_iteration < 1 || sync_boot_us < 0 || sync_boot_us > read_boot_us)
        return;
    since_s = (double)(read_boot_us - sync_boot_us) / 1e6;
    convergence->has_sync = TRUE;
    convergence->sync_boot_us = sync_boot_us;
    convergence->sync_sent_bytes = normal;
    if (stats->memory_iteration == 1)
        convergence->sync_sent_bytes = 0;
    else if (since_s > 0 && stats->memory_bps > 0)
        convergence->sync_sent_bytes = MAX(normal - (double)stats->memory_bps * since_s, 0);
    convergence->sync_throttle = stats->throttle_percent;
    convergence->sync_compression_bytes = stats->compression_bytes;
}

/* ---- what time alone brings ---- */

static void
say_unknown(NmaConvergence *convergence, NmaDoubt why, NmaHindrance cause)
{
    NmaForecast *forecast = &convergence->forecast;

    forecast->verdict = NMA_FORECAST_UNKNOWN;
    forecast->why = why;
    forecast->cause = cause;
}

static void
watch_stall(NmaConvergence *convergence, const NmaJobStats *stats, gint64 read_boot_us,
            gboolean in_disk)
{
    if (!convergence->has_last || in_disk || has_moved(&convergence->last, stats)) {
        convergence->moved_boot_us = read_boot_us;
        if (convergence->stalled)
            say_unknown(convergence, NMA_DOUBT_BANDWIDTH_CHANGED, NMA_HINDRANCE_BANDWIDTH_CHANGED);
        convergence->stalled = FALSE;
    } else if (!convergence->stalled && read_boot_us - convergence->moved_boot_us >= STALL_US) {
        convergence->stalled = TRUE;
        say_unknown(convergence, NMA_DOUBT_NOTHING_MOVES, NMA_HINDRANCE_NOTHING_MOVES);
    }
}

static void
begin_anew(NmaConvergence *convergence)
{
    NmaConvergenceLimits limits = convergence->limits;

    nma_convergence_init(convergence, &limits);
}

gboolean
nma_convergence_take(NmaConvergence *convergence, const NmaJobStats *stats, gint64 read_boot_us,
                     gint64 sync_boot_us, gboolean in_disk)
{
    gboolean synced = FALSE;

    if (!is_usable(stats) || read_boot_us < 0)
        return FALSE;
    if (convergence->has_last &&
        (has_fallen(&convergence->last, stats) || read_boot_us < convergence->last_boot_us))
        begin_anew(convergence);
    if (in_disk && convergence->n_measured == 0)
        say_unknown(convergence, NMA_DOUBT_DISK, NMA_HINDRANCE_DISK);
    else if (convergence->forecast.why == NMA_DOUBT_DISK)
        say_unknown(convergence, NMA_DOUBT_TOO_FEW_PASSES, NMA_HINDRANCE_NONE);
    watch_stall(convergence, stats, read_boot_us, in_disk);
    if (convergence->has_last && stats->memory_iteration > convergence->last.memory_iteration) {
        synced = cross_sync(convergence, stats, read_boot_us, sync_boot_us);
        if (synced)
            nma_convergence_judge(convergence);
        else
            begin_anew(convergence);
    } else if (!convergence->has_last) {
        begin_in_pass(convergence, stats, read_boot_us, sync_boot_us);
    }
    convergence->last = *stats;
    convergence->last_boot_us = read_boot_us;
    convergence->has_last = TRUE;
    return synced;
}
